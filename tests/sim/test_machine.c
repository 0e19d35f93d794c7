/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Finding the hypervisor, claiming it, the time, and handing all back. */
#include "harness.h"

static struct rig *machine(uint32_t quirks)
{
    return rig_make(&(struct rig_cfg){ .sim.quirks = quirks });
}

static void a_plain_machine_is_told_apart(void **state)
{
    struct rig *rig = machine(VMB_SIM_NO_HYPERVISOR);
    struct vmb_hv_info info = { .max_leaf = 5 }, zero = { 0 };
    struct vmb_fault fault;

    (void)state;
    assert_int_equal(vmb_hv_detect(&rig->plat, &info), VMB_E_NOHV);
    assert_memory_equal(&info, &zero, sizeof info);
    assert_int_equal(rig_hv_try(rig), VMB_E_NOHV);
    vmb_hv_fault(&rig->hv, &fault);
    assert_int_equal(fault.status, VMB_E_NOHV);
    assert_int_equal(fault.site, VMB_SITE_HV_PRESENT);
    /* What is not started can be stopped, and nothing runs on it. */
    vmb_hv_stop(&rig->hv);
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_E_STATE);
    rig_down(rig);
}

static void a_usable_one_is_described(void **state)
{
    struct rig *rig = machine(0);
    struct vmb_hv_info info;

    (void)state;
    assert_int_equal(vmb_hv_detect(&rig->plat, &info), VMB_OK);
    assert_int_equal(info.max_leaf, 0x4000000c);
    assert_int_equal(info.major, 10);
    assert_int_equal(info.owner, 0);
    assert_false(info.isolated);
    rig_down(rig);
}

static void a_confidential_one_is_refused(void **state)
{
    struct rig *rig = machine(VMB_SIM_ISOLATED);
    struct vmb_hv_info info;
    struct vmb_fault fault;

    (void)state;
    assert_int_equal(vmb_hv_detect(&rig->plat, &info), VMB_E_NOFEATURE);
    assert_true(info.isolated);
    assert_int_equal(rig_hv_try(rig), VMB_E_NOFEATURE);
    vmb_hv_fault(&rig->hv, &fault);
    assert_int_equal(fault.site, VMB_SITE_HV_ISOLATED);
    rig_down(rig);
}

static void a_missing_privilege_is_named(void **state)
{
    static const uint32_t needed[] = { 1u << 2, 1u << 5, 1u << 6 };
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        struct rig *rig = rig_make(
            &(struct rig_cfg){ .sim.no_privileges = { needed[i], 0 } });
        struct vmb_hv_info info;
        struct vmb_fault fault;

        assert_int_equal(vmb_hv_detect(&rig->plat, &info), VMB_E_NOFEATURE);
        assert_int_equal(rig_hv_try(rig), VMB_E_NOFEATURE);
        vmb_hv_fault(&rig->hv, &fault);
        assert_int_equal(fault.site, VMB_SITE_HV_PRIVILEGE);
        assert_int_not_equal(fault.got & fault.limit, fault.limit);
        rig_down(rig);
    }
}

/* OpenVMM does not say that it takes messages and signals, and takes them. */
static void a_host_that_says_little_will_do(void **state)
{
    struct rig *rig = machine(VMB_SIM_OPENVMM_LEAVES | VMB_SIM_NO_AUTO_EOI);
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);
    struct vmb_hv_info info;

    (void)state;
    assert_int_equal(vmb_hv_detect(&rig->plat, &info), VMB_OK);
    assert_int_equal(info.privileges, 0x87f);
    assert_int_equal(info.features, 0x100);
    rig_start(rig);
    rig_open(rig, &link, dev);
    rig_echo(rig, &link, 3);
    rig_close(rig, &link);
    rig_down(rig);
}

/* A post or a signal that really is denied says so itself. */
static void a_privilege_that_is_denied_shows_in_its_call(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .sim.no_privileges = { 0, 1u << 4 } });
    struct vmb_fault fault;

    (void)state;
    rig_hv_start(rig);
    assert_int_equal(rig_try_connect(rig), VMB_E_HYPERCALL);
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_HV_HYPERCALL);
    assert_int_equal(fault.host_code, 6);
    rig_unload(rig);
    rig_hv_stop(rig);
    assert_true(vmb_sim_pristine(rig->sim));
    rig_free(rig);
}

static void a_signal_that_is_denied_costs_the_channel(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .sim.no_privileges = { 0, 1u << 5 } });
    struct vmb_out out = { .kind = VMB_INBAND };
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);
    struct vmb_fault fault;

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    assert_int_equal(vmb_chan_send(&link.chan, &out), VMB_OK);
    assert_int_equal(vmb_chan_send(&link.chan, &out), VMB_E_HYPERCALL);
    vmb_chan_fault(&link.chan, &fault);
    assert_int_equal(fault.host_code, 6);
    rig_close(rig, &link);
    rig_unload(rig);
    rig_hv_stop(rig);
    assert_true(vmb_sim_pristine(rig->sim));
    rig_free(rig);
}

/* Neither counter nor page, and the port brings no clock. */
static void a_machine_without_time_is_refused(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .sim.no_privileges = { 1u << 1, 0 } });
    struct vmb_fault fault;

    (void)state;
    rig_hv_start(rig); /* with the port's clock it will do */
    rig_hv_stop(rig);
    rig->plat.now = NULL;
    assert_int_equal(rig_hv_try(rig), VMB_E_NOFEATURE);
    vmb_hv_fault(&rig->hv, &fault);
    assert_int_equal(fault.site, VMB_SITE_HV_CLOCK);
    rig_down(rig);
}

static void a_port_that_does_not_fit_is_refused(void **state)
{
    struct rig *rig = machine(0);
    struct vmb_hv_info info;

    (void)state;
    assert_int_equal(vmb_hv_detect(NULL, &info), VMB_E_ARG);
    rig->plat.size--;
    assert_int_equal(vmb_hv_detect(&rig->plat, &info), VMB_E_ARG);
    assert_int_equal(rig_hv_try(rig), VMB_E_ARG);
    rig->plat.size++;
    rig->plat.gpa = NULL;
    assert_int_equal(vmb_hv_detect(&rig->plat, &info), VMB_E_ARG);
    rig_free(rig);
}

static void pages_must_be_pages(void **state)
{
    struct rig *rig = machine(0);
    uint8_t *pages = rig->hv_pages;

    (void)state;
    rig->hv_pages = NULL;
    assert_int_equal(rig_hv_try(rig), VMB_E_ARG);
    rig->hv_pages = pages + 8;
    assert_int_equal(rig_hv_try(rig), VMB_E_ARG);
    rig->hv_pages = pages;
    rig_hv_start(rig);
    rig->cfg.conn.pages = pages + 8;
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_E_ARG);
    rig->cfg.conn.pages = NULL;
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_E_ARG);
    rig_down(rig);
}

static void another_owner_is_respected(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .sim.owner_os_id = 0x8100123400000000 });
    struct vmb_hv_info info;
    struct vmb_fault fault;

    (void)state;
    assert_int_equal(vmb_hv_detect(&rig->plat, &info), VMB_E_OWNED);
    assert_int_equal(info.owner, 0x8100123400000000);
    assert_int_equal(rig_hv_try(rig), VMB_E_OWNED);
    vmb_hv_fault(&rig->hv, &fault);
    assert_int_equal(fault.site, VMB_SITE_HV_OWNER);
    assert_int_equal(fault.got, 0x8100123400000000);
    /* Only whoever knows that the owner has left takes over. */
    rig->cfg.take_over = true;
    rig_start(rig);
    rig_down(rig);
}

static void os_id(struct rig *rig, uint64_t wanted, uint64_t expected)
{
    struct vmb_hv_info info;

    rig->cfg.owner = wanted;
    rig_hv_start(rig);
    assert_int_equal(vmb_hv_detect(&rig->plat, &info), VMB_E_OWNED);
    if (expected)
        assert_int_equal(info.owner, expected);
    assert_true(info.owner >> 63); /* TLFS: an open-source guest */
    rig_hv_stop(rig);
    assert_int_equal(vmb_hv_detect(&rig->plat, &info), VMB_OK);
}

static void the_guest_names_itself(void **state)
{
    struct rig *rig = machine(0);

    (void)state;
    os_id(rig, 0, 0);
    os_id(rig, 0x8100060200000001, 0x8100060200000001);
    rig_down(rig);
}

static void a_cpu_needs_its_place(void **state)
{
    struct rig *rig = machine(0);
    struct vmb_cpu_cfg cfg = { rig->cpu_pages[0], 0 };
    uint32_t vector;

    (void)state;
    assert_int_equal(vmb_cpu_start(&rig->hv, &rig->cpu[0], &cfg), VMB_E_STATE);
    rig_hv_start(rig);
    vmb_cpu_stop(&rig->cpu[0]);
    for (vector = 1; vector < 16; vector++) {
        cfg.vector = (uint8_t)vector;
        assert_int_equal(vmb_cpu_start(&rig->hv, &rig->cpu[0], &cfg),
                         VMB_E_ARG);
    }
    cfg.vector = 16;
    cfg.pages = rig->cpu_pages[0] + 1;
    assert_int_equal(vmb_cpu_start(&rig->hv, &rig->cpu[0], &cfg), VMB_E_ARG);
    cfg.pages = NULL;
    assert_int_equal(vmb_cpu_start(&rig->hv, &rig->cpu[0], &cfg), VMB_E_ARG);
    /* A connection wants a CPU that is up. */
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_E_STATE);
    cfg.pages = rig->cpu_pages[0];
    assert_int_equal(vmb_cpu_start(&rig->hv, &rig->cpu[0], &cfg), VMB_OK);
    rig_connect(rig);
    /* One connection for one CPU. */
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_E_STATE);
    rig_down(rig);
}

/* It takes no value: claimed or not, nothing is left behind. */
static void a_register_that_does_not_hold_is_reported(void **state)
{
    static const uint32_t registers[] = {
        0x40000001, /* hypercall page */
        0x40000080, /* SynIC control */
        0x40000082, /* event flags */
        0x40000083, /* messages */
        0x40000092, /* SINT 2 */
    };
    struct vmb_fault fault;
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof registers / sizeof registers[0]; i++) {
        struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = true });

        rig->stuck = registers[i];
        assert_int_equal(rig_hv_try(rig), VMB_E_HOST);
        vmb_hv_fault(&rig->hv, &fault);
        assert_int_equal(fault.status, VMB_E_HOST);
        assert_int_equal(fault.site, VMB_SITE_HV_REGISTER);
        assert_int_not_equal(fault.got, fault.limit);
        assert_int_equal(vmb_cpu_scan(&rig->cpu[0]), 0);
        rig->stuck = 0;
        rig_hv_stop(rig);
        rig_start(rig);
        rig_down(rig);
    }
}

/* --- Time ----------------------------------------------------------------- */

static void time_goes_on(struct rig *rig)
{
    uint64_t before = 0, now;
    uint32_t i;

    for (i = 0; i < 100; i++) {
        now = vmb_hv_now(&rig->hv);
        assert_in_range(now, vmb_sim_clock(rig->sim) - 1,
                        vmb_sim_clock(rig->sim));
        assert_true(now > before);
        before = now;
        vmb_sim_clock_advance(rig->sim, i * 1000003);
    }
}

static void every_clock_tells_the_same_time(void **state)
{
    struct rig *rig = machine(0);

    (void)state;
    rig_hv_start(rig);
    time_goes_on(rig); /* the port's */
    rig_hv_stop(rig);
    rig->plat.now = NULL;
    rig_hv_start(rig);
    time_goes_on(rig); /* the TSC page */
    vmb_sim_tsc_sequence(rig->sim, 0);
    time_goes_on(rig); /* the counter, while the page is not valid */
    vmb_sim_tsc_sequence(rig->sim, 7);
    time_goes_on(rig);
    rig_down(rig);

    rig = machine(VMB_SIM_NO_REF_TSC);
    rig->plat.now = NULL;
    rig_start(rig);
    time_goes_on(rig);
    rig_down(rig);
}

/* --- Handing over --------------------------------------------------------- */

static void the_next_owner_finds_it_clean(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .sim = { .vps = 4 }, .interrupts = true });
    uint32_t i;

    (void)state;
    rig_start(rig);
    assert_false(vmb_sim_pristine(rig->sim));
    for (i = 0; i < 4; i++)
        assert_true(rig_mapped(rig, rig->cpu_pages[i], VMB_CPU_PAGES));
    rig_unload(rig);
    assert_false(rig_mapped(rig, rig->conn_pages, VMB_CONN_PAGES));
    rig_hv_stop(rig);
    assert_true(vmb_sim_pristine(rig->sim));
    /* Clearing it hangs Windows Server 2016 when it boots next. */
    assert_int_equal(rig->last_scontrol & 1, 1);
    for (i = 0; i < 4; i++)
        assert_false(rig_mapped(rig, rig->cpu_pages[i], VMB_CPU_PAGES));
    rig_start(rig);
    rig_down(rig);
}

/* What a page held under its former owner shows again when it is enabled. */
static void stale_messages_of_another_time_are_not_taken(void **state)
{
    struct rig *rig = machine(VMB_SIM_LAZY);

    (void)state;
    rig_device(rig);
    rig_hv_start(rig);
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_OK);
    assert_int_equal(vmb_conn_poll(&rig->conn), VMB_AGAIN);
    vmb_sim_run(rig->sim, 100); /* the answer stands in the slot */
    rig_hv_stop(rig);           /* and the guest leaves without a word */
    rig_hv_start(rig);
    assert_int_equal(vmb_cpu_scan(&rig->cpu[0]), 0);
    rig_connect(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER], 1);
    rig_down(rig);
}

static void a_reset_machine_starts_over(void **state)
{
    struct rig *rig = machine(0);
    struct link link = { .flagged = false };
    struct vmb_sim_dev *dev = rig_device(rig);

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    assert_int_equal(rig_hv_try(rig), VMB_E_OWNED); /* by ourselves */
    rig_echo(rig, &link, 2);
    vmb_sim_reset(rig->sim);
    memset(&link.chan, 0, sizeof link.chan);
    rig_start(rig);
    rig_open(rig, &link, dev);
    rig_echo(rig, &link, 2);
    rig_close(rig, &link);
    rig_down(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_machine_is_told_apart),
        cmocka_unit_test(a_usable_one_is_described),
        cmocka_unit_test(a_confidential_one_is_refused),
        cmocka_unit_test(a_missing_privilege_is_named),
        cmocka_unit_test(a_host_that_says_little_will_do),
        cmocka_unit_test(a_privilege_that_is_denied_shows_in_its_call),
        cmocka_unit_test(a_signal_that_is_denied_costs_the_channel),
        cmocka_unit_test(a_machine_without_time_is_refused),
        cmocka_unit_test(a_port_that_does_not_fit_is_refused),
        cmocka_unit_test(pages_must_be_pages),
        cmocka_unit_test(another_owner_is_respected),
        cmocka_unit_test(the_guest_names_itself),
        cmocka_unit_test(a_cpu_needs_its_place),
        cmocka_unit_test(a_register_that_does_not_hold_is_reported),
        cmocka_unit_test(every_clock_tells_the_same_time),
        cmocka_unit_test(the_next_owner_finds_it_clean),
        cmocka_unit_test(stale_messages_of_another_time_are_not_taken),
        cmocka_unit_test(a_reset_machine_starts_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
