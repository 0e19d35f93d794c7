/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Several processors: where interrupts go, and channels that move. */
#include "harness.h"

#define CHANNELS 6u

static struct rig *cpus_of(uint32_t quirks, uint32_t count, bool interrupts,
                           uint32_t version)
{
    return rig_make(&(struct rig_cfg){
        .sim = { .quirks = quirks, .vps = count, .max_version = version },
        .interrupts = interrupts });
}

static struct rig *cpus(uint32_t count, bool interrupts, uint32_t version)
{
    return cpus_of(0, count, interrupts, version);
}

/* Below version 2.4 there is one page for all channels, and one CPU. */
static uint32_t home(uint32_t version, uint32_t cpu)
{
    return version && version < VMB_VERSION_2_4 ? 0 : cpu;
}

static void channels_on_every_cpu(uint32_t quirks, uint32_t count,
                                  bool interrupts, uint32_t version)
{
    struct rig *rig = cpus_of(quirks, count, interrupts, version);
    struct link link[CHANNELS] = { { .flagged = false } };
    struct vmb_sim_dev *dev[CHANNELS];
    uint32_t before[RIG_CPUS], i, n;

    for (i = 0; i < CHANNELS; i++)
        dev[i] = rig_device(rig);
    rig_start(rig);
    for (i = 0; i < CHANNELS; i++) {
        link[i].cfg.cpu = &rig->cpu[i % count];
        rig_open(rig, &link[i], dev[i]);
    }
    for (i = 0; i < CHANNELS; i++) {
        memcpy(before, rig->interrupts, sizeof before);
        rig_echo(rig, &link[i], 3);
        for (n = 0; n < count && interrupts; n++)
            assert_int_equal(rig->interrupts[n] > before[n],
                             n == home(version, i % count));
    }
    for (i = 0; i < CHANNELS; i++)
        rig_close(rig, &link[i]);
    rig_down(rig);
}

static void a_channel_interrupts_its_own_cpu(void **state)
{
    uint32_t count;

    (void)state;
    for (count = 1; count <= RIG_CPUS; count *= 2) {
        channels_on_every_cpu(0, count, true, 0);
        channels_on_every_cpu(0, count, false, 0);
        channels_on_every_cpu(0, count, true, VMB_VERSION_2_4);
        channels_on_every_cpu(0, count, true, VMB_VERSION_1_1);
        channels_on_every_cpu(0, count, true, VMB_VERSION_0_13);
        channels_on_every_cpu(0, count, false, VMB_VERSION_0_13);
        channels_on_every_cpu(VMB_SIM_QEMU, count, true, 0);
        channels_on_every_cpu(VMB_SIM_QEMU, count, true, VMB_VERSION_1_1);
    }
}

/* From version 3.0 on the messages go to the CPU that made contact. */
static void messages_go_to_the_connections_cpu(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 4; i++) {
        struct rig *rig = cpus(4, true, i % 2 ? VMB_VERSION_3_0 : 0);
        struct link link = { .flagged = false };
        struct vmb_sim_dev *dev = rig_device(rig);
        uint32_t n;

        rig->cfg.conn.cpu = &rig->cpu[i];
        rig_start(rig);
        rig_open(rig, &link, dev); /* no CPU named: the connection's */
        rig_echo(rig, &link, 3);
        for (n = 0; n < 4; n++)
            assert_int_equal(rig->interrupts[n] > 0, n == i);
        rig_close(rig, &link);
        rig_down(rig);
    }
}

/* Older ones know no processor but the first: there is no use in asking. */
static void only_the_first_cpu_speaks_old_versions(void **state)
{
    struct rig *rig = cpus(2, true, VMB_VERSION_2_4);
    struct vmb_fault fault;

    (void)state;
    rig->cfg.conn.cpu = &rig->cpu[1];
    rig_hv_start(rig);
    assert_int_equal(rig_try_connect(rig), VMB_E_VERSION);
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_VERSION_NONE);
    assert_int_equal(fault.limit, VMB_VERSION_3_0);
    rig_unload(rig);
    rig->cfg.conn.max_version = VMB_VERSION_2_4;
    assert_int_equal(rig_try_connect(rig), VMB_E_VERSION);
    rig->cfg.conn.cpu = &rig->cpu[0];
    rig_connect(rig);
    rig_down(rig);
}

/* --- Modify --------------------------------------------------------------- */

static enum vmb_status move(struct rig *rig, struct link *link, uint32_t cpu)
{
    enum vmb_status status =
        vmb_conn_modify_start(&rig->conn, &link->chan, &rig->cpu[cpu]);

    if (status != VMB_OK)
        return status;
    RIG_WAIT(rig, &status, vmb_conn_modify_status(&link->chan));
    return status;
}

static void it_is_on(struct rig *rig, struct link *link, uint32_t cpu)
{
    uint32_t before[RIG_CPUS], n;

    rig_settle(rig);
    memcpy(before, rig->interrupts, sizeof before);
    rig_echo(rig, link, 2);
    for (n = 0; n < rig->cpus; n++)
        assert_int_equal(rig->interrupts[n] > before[n], n == cpu);
}

static void moves(uint32_t version)
{
    struct rig *rig = cpus(4, true, version);
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);
    uint32_t i;

    rig_start(rig);
    rig_open(rig, &link, dev);
    assert_int_equal(vmb_conn_modify_status(&link.chan), VMB_E_STATE);
    it_is_on(rig, &link, 0);
    for (i = 1; i < 10; i++) {
        assert_int_equal(move(rig, &link, i % 4), VMB_OK);
        it_is_on(rig, &link, i % 4);
    }
    rig_close(rig, &link);
    assert_int_equal(move(rig, &link, 0), VMB_E_STATE);
    rig_down(rig);
}

static void a_channel_moves_to_another_cpu(void **state)
{
    (void)state;
    moves(VMB_VERSION_4_1);
    moves(VMB_VERSION_5_0);
    moves(VMB_VERSION_5_2);
    moves(VMB_VERSION_5_3);
    moves(VMB_VERSION_6_0);
}

static void before_4_1_it_stays(void **state)
{
    struct rig *rig = cpus(2, true, VMB_VERSION_4_0);
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    assert_int_equal(move(rig, &link, 1), VMB_E_NOFEATURE);
    it_is_on(rig, &link, 0);
    rig_close(rig, &link);
    rig_down(rig);
}

/* Below 5.3 the host does not say that it refused. */
static void a_refused_move_leaves_it_where_it_was(void **state)
{
    struct rig *rig = cpus(2, true, VMB_VERSION_5_3);
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);
    struct vmb_sim_fault refuse = { .at = VMB_SIM_AT_GUEST_MESSAGE,
                                    .act = VMB_SIM_REFUSE };

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    refuse.k = vmb_sim_count(rig->sim, refuse.at);
    assert_int_equal(vmb_sim_fault_add(rig->sim, &refuse), VMB_OK);
    assert_int_equal(move(rig, &link, 1), VMB_E_REFUSED);
    it_is_on(rig, &link, 0);
    assert_int_equal(move(rig, &link, 1), VMB_OK);
    it_is_on(rig, &link, 1);
    rig_close(rig, &link);
    rig_down(rig);
}

static void one_move_at_a_time(void **state)
{
    struct rig *rig = cpus(3, true, 0);
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);
    struct vmb_cpu stopped = { .vp_index = 1 };

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    assert_int_equal(vmb_conn_modify_start(&rig->conn, &link.chan, &stopped),
                     VMB_E_ARG);
    assert_int_equal(
        vmb_conn_modify_start(&rig->conn, &link.chan, &rig->cpu[1]), VMB_OK);
    assert_int_equal(
        vmb_conn_modify_start(&rig->conn, &link.chan, &rig->cpu[2]),
        VMB_E_STATE);
    /* Closing ends it. */
    rig_close(rig, &link);
    assert_int_equal(vmb_conn_modify_status(&link.chan), VMB_E_STATE);
    rig_settle(rig);
    assert_int_equal(vmb_conn_fault_count(&rig->conn), 0);
    rig_open(rig, &link, dev);
    rig_echo(rig, &link, 2);
    rig_close(rig, &link);
    rig_down(rig);
}

/* --- Interrupts ----------------------------------------------------------- */

static void interrupts_held_back_are_not_lost(void **state)
{
    struct rig *rig = cpus(1, true, 0);
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);
    struct vmb_rx rx;

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    assert_false(vmb_chan_arm(&link.chan));
    vmb_sim_irq_enable(rig->sim, 0, false);
    assert_int_equal(vmb_sim_send_inband(rig_host(dev), 9, "x", 1, false),
                     VMB_OK);
    rig_settle(rig);
    assert_int_equal(link.flags, 0);
    vmb_sim_irq_enable(rig->sim, 0, true);
    rig_settle(rig);
    assert_int_equal(link.flags, 1);
    assert_int_equal(vmb_chan_recv(&link.chan, &rx), VMB_OK);
    rig_close(rig, &link);
    rig_down(rig);
}

static void what_is_not_armed_is_not_flagged(void **state)
{
    struct rig *rig = cpus(1, true, 0);
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);
    struct vmb_sim_counts stats;
    struct vmb_rx rx;
    uint32_t i;

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    for (i = 0; i < 5; i++) {
        assert_int_equal(vmb_sim_send_inband(rig_host(dev), i, "x", 1, false),
                         VMB_OK);
        rig_settle(rig);
        assert_int_equal(vmb_chan_recv(&link.chan, &rx), VMB_OK);
        assert_int_equal(rx.xid, i);
        assert_int_equal(vmb_chan_release(&link.chan), VMB_OK);
    }
    vmb_sim_stats(rig->sim, &stats);
    assert_int_equal(stats.guest_signals, 0);
    /* Armed once: one signal, for any number of packets. */
    assert_false(vmb_chan_arm(&link.chan));
    for (i = 0; i < 5; i++)
        assert_int_equal(vmb_sim_send_inband(rig_host(dev), i, "x", 1, false),
                         VMB_OK);
    rig_settle(rig);
    vmb_sim_stats(rig->sim, &stats);
    assert_int_equal(stats.guest_signals, 1);
    assert_int_equal(link.flags, 1);
    /* Work that slipped in is told at once. */
    assert_true(vmb_chan_arm(&link.chan));
    rig_close(rig, &link);
    rig_down(rig);
}

static void flags_without_a_channel_lead_nowhere(void **state)
{
    struct rig *rig = cpus(1, true, 0);
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);
    uint32_t flag;

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    for (flag = 0; flag < 2048; flag++)
        vmb_sim_event(rig->sim, 0, flag);
    assert_ptr_equal(vmb_cpu_next_ready(&rig->cpu[0]), &link.chan);
    assert_null(vmb_cpu_next_ready(&rig->cpu[0]));
    rig_echo(rig, &link, 3);
    rig_close(rig, &link);
    vmb_sim_event(rig->sim, 0, vmb_chan_relid(&link.chan));
    assert_null(vmb_cpu_next_ready(&rig->cpu[0]));
    rig_down(rig);
}

/* --- How the SINT is set -------------------------------------------------- */

static void live(const struct rig_cfg *cfg)
{
    struct rig *rig = rig_make(cfg);
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);
    struct vmb_sim_counts stats;
    uint64_t needless;

    rig_hv_start(rig);
    vmb_sim_stats(rig->sim, &stats);
    needless = stats.needless_eoms; /* one may be, to begin with */
    assert_in_range(needless, 0, 1);
    rig_connect(rig);
    assert_int_equal(rig->cpu[0].auto_eoi,
                     !(cfg->sim.quirks & VMB_SIM_NO_AUTO_EOI));
    rig_open(rig, &link, dev);
    rig_echo(rig, &link, 5);
    vmb_sim_stats(rig->sim, &stats);
    /* Polled, they are raised all the same, and not taken. */
    assert_int_equal(stats.interrupts > 0,
                     !(cfg->sim.quirks & VMB_SIM_SINT_POLLING));
    assert_int_equal(rig->interrupts[0] > 0, cfg->interrupts);
    assert_int_equal(stats.needless_eoms, needless);
    rig_close(rig, &link);
    rig_down(rig);
}

static void the_sint_is_as_the_host_asks(void **state)
{
    (void)state;
    live(&(struct rig_cfg){ .sim.quirks = VMB_SIM_SINT_POLLING });
    live(&(struct rig_cfg){ .sim.quirks =
                                VMB_SIM_SINT_POLLING | VMB_SIM_DEAF_MASK });
    live(&(struct rig_cfg){ .sim.quirks = VMB_SIM_DEAF_MASK });
    live(&(struct rig_cfg){ .sim.quirks =
                                VMB_SIM_DEAF_MASK | VMB_SIM_NO_AUTO_EOI });
    live(&(struct rig_cfg){ .sim.quirks = VMB_SIM_NO_AUTO_EOI,
                            .interrupts = true });
    live(&(struct rig_cfg){ .sim.quirks = VMB_SIM_QEMU, .interrupts = true });
    live(&(struct rig_cfg){ .sim.quirks = VMB_SIM_QEMU });
}

/* Some hosts are deaf to a masked SINT; a vector that stays off is heard. */
static void a_deaf_hypervisor_needs_a_vector(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .sim.quirks = VMB_SIM_DEAF_MASK });
    struct vmb_fault fault;

    (void)state;
    rig->ops.polled_vector = 0; /* a port that has none */
    rig_hv_start(rig);
    assert_int_equal(rig_try_connect(rig), VMB_E_TIMEOUT);
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_REPLY_DEADLINE);
    assert_true(fault.got >= fault.limit);
    rig_free(rig);

    rig = rig_make(&(struct rig_cfg){
        .sim.quirks = VMB_SIM_DEAF_MASK, .interrupts = true, .ticks = true });
    vmb_sim_irq_enable(rig->sim, 0, false);
    rig_start(rig);
    assert_int_equal(rig->interrupts[0], 0);
    rig_down(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_interrupts_its_own_cpu),
        cmocka_unit_test(messages_go_to_the_connections_cpu),
        cmocka_unit_test(only_the_first_cpu_speaks_old_versions),
        cmocka_unit_test(a_channel_moves_to_another_cpu),
        cmocka_unit_test(before_4_1_it_stays),
        cmocka_unit_test(a_refused_move_leaves_it_where_it_was),
        cmocka_unit_test(one_move_at_a_time),
        cmocka_unit_test(interrupts_held_back_are_not_lost),
        cmocka_unit_test(what_is_not_armed_is_not_flagged),
        cmocka_unit_test(flags_without_a_channel_lead_nowhere),
        cmocka_unit_test(the_sint_is_as_the_host_asks),
        cmocka_unit_test(a_deaf_hypervisor_needs_a_vector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
