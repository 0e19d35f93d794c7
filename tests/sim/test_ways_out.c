/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What is asked for, or comes, when the connection is on its way out; signals
 * and numbers at their edges. */
#include "harness.h"

#include <vmb/wire/hv.h>

#define BAD_PARAMETER 5u

struct scene {
    struct rig *rig;
    struct vmb_sim_dev *dev;
    struct link link;
};

static void set_up(struct scene *s, const struct rig_cfg *cfg)
{
    memset(s, 0, sizeof *s);
    s->rig = rig_make(cfg);
    s->dev = rig_device(s->rig);
    rig_start(s->rig);
    rig_open(s->rig, &s->link, s->dev);
    rig_settle(s->rig);
}

/* --- Unloading ------------------------------------------------------------ */

/* One that was begun already. */
static void unload(struct rig *rig)
{
    RIG_UNTIL(rig, vmb_conn_unload_status(&rig->conn) != VMB_AGAIN);
    assert_int_equal(vmb_conn_unload_status(&rig->conn), VMB_OK);
}

/* Nothing new begins, what is there stays as it was, and the host hears of
 * nothing but the unload. */
static void nothing_begins_while_unloading(void **state)
{
    struct vmb_gpadl live = { .id_ = 0 }, unborn = { .id_ = 0 };
    struct link other = { .flagged = false };
    struct vmb_sim_dev *dev;
    struct scene s;
    uint8_t *pages;
    uint64_t posted;

    (void)state;
    set_up(&s, NULL);
    pages = rig_alloc(s.rig, 2);
    dev = rig_device(s.rig);
    assert_int_equal(rig_gpadl(s.rig, &live, &s.link, pages, 1), VMB_OK);
    rig_settle(s.rig);
    posted = vmb_sim_count(s.rig->sim, VMB_SIM_AT_GUEST_MESSAGE);
    assert_int_equal(vmb_conn_unload_start(&s.rig->conn), VMB_OK);
    assert_int_equal(vmb_conn_status(&s.rig->conn), VMB_E_STATE);
    assert_int_equal(rig_open_start(s.rig, &other, rig_offer(s.rig, dev, 0)),
                     VMB_E_STATE);
    assert_int_equal(vmb_gpadl_create_virtual_start(&unborn, &s.link.chan,
                                                    pages + 4096, 4096),
                     VMB_E_STATE);
    assert_int_equal(vmb_gpadl_destroy_start(&live), VMB_E_STATE);
    assert_int_equal(vmb_gpadl_destroy_status(&live), VMB_E_STATE);
    assert_int_equal(
        vmb_conn_modify_start(&s.rig->conn, &s.link.chan, &s.rig->cpu[0]),
        VMB_E_STATE);
    assert_int_equal(vmb_chan_close_start(&s.link.chan), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&s.link.chan), VMB_E_STATE);
    assert_true(rig_mapped(s.rig, s.link.ring, 1));
    unload(s.rig);
    assert_int_equal(vmb_sim_count(s.rig->sim, VMB_SIM_AT_GUEST_MESSAGE),
                     posted + 1);
    assert_int_equal(vmb_chan_close_status(&s.link.chan), VMB_OK);
    assert_int_equal(vmb_gpadl_destroy_status(&live), VMB_OK);
    rig_down(s.rig);
}

/* Devices that come or go meanwhile are no business of ours any more. */
static void nothing_is_taken_in_while_unloading(void **state)
{
    struct vmb_sim_dev *lost;
    struct vmb_fault fault;
    struct rig *rig;
    uint32_t heard, n;

    (void)state;
    rig = rig_make(
        &(struct rig_cfg){ .offer_cap = 1, .sim.quirks = VMB_SIM_LAZY });
    (void)rig_device(rig);
    lost = rig_device(rig);
    rig_start(rig);
    rig_settle(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER_LOST], 1);
    heard = vmb_conn_fault_count(&rig->conn);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_OK);
    (void)rig_device(rig);
    vmb_sim_rescind(lost);
    for (n = 0; n < 3; n++)
        vmb_sim_step(rig->sim);
    n = vmb_sim_unreleased(rig->sim);
    assert_int_equal(n, 1);
    unload(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER], 1);
    assert_int_equal(rig->events[VMB_CONN_OFFER_LOST], 1);
    assert_int_equal(rig->posted[13].count, 0); /* no relid released */
    assert_int_equal(vmb_conn_fault_count(&rig->conn), heard + 1);
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_OFFER_TABLE);
    rig_connect(rig);
    rig_down(rig);
}

/* --- On the way up -------------------------------------------------------- */

/* The contact is taken, the request for offers is not. */
static void offers_that_cannot_be_asked_for(void **state)
{
    struct rig *rig = rig_make(NULL);
    struct vmb_fault fault;
    enum vmb_status status;

    (void)state;
    rig_hv_start(rig);
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_OK);
    RIG_UNTIL(rig, vmb_sim_count(rig->sim, VMB_SIM_AT_GUEST_MESSAGE) == 1);
    rig_fault(rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 1, BAD_PARAMETER);
    RIG_WAIT(rig, &status, vmb_conn_status(&rig->conn));
    assert_int_equal(status, VMB_E_HYPERCALL);
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_HV_HYPERCALL);
    assert_int_equal(fault.host_code, BAD_PARAMETER);
    assert_int_equal(rig->posted[3].count, 0);
    rig_unload(rig);
    rig_connect(rig);
    rig_down(rig);
}

/* An old host's port that is never set up: the answer that means "older" from
 * version 5 on means "later" before, and an end when it is late. */
static void a_port_that_is_never_set_up(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .conn.max_version = VMB_VERSION_4_1 });
    struct vmb_fault fault;

    (void)state;
    rig_hv_start(rig);
    rig_fault(rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, VMB_SIM_FOR_EVER,
              VMB_HV_STATUS_INVALID_CONNECTION_ID);
    assert_int_equal(rig_try_connect(rig), VMB_E_HYPERCALL);
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_POST_DEADLINE);
    assert_int_equal(fault.host_code, VMB_HV_STATUS_INVALID_CONNECTION_ID);
    rig_down(rig);
}

static void versions_that_are_none(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .sim.vps = 2, .conn.max_version = 1 });
    struct vmb_conn_cfg cfg;

    (void)state;
    rig_hv_start(rig);
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_E_VERSION);
    /* A floor above what another processor needs is kept. */
    rig->cfg.conn.max_version = 0;
    rig->cfg.conn.min_version = VMB_VERSION_5_0;
    cfg = rig->cfg.conn;
    cfg.cpu = &rig->cpu[1];
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &cfg), VMB_OK);
    assert_int_equal(rig->conn.cfg_.min_version, VMB_VERSION_5_0);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_OK);
    assert_int_equal(vmb_conn_unload_status(&rig->conn), VMB_OK);
    rig->cfg.conn.min_version = 0;
    rig_connect(rig);
    rig_down(rig);
}

/* --- Other machines' ------------------------------------------------------ */

static void a_channel_of_another_connection_is_not_moved(void **state)
{
    struct scene s[2];
    uint32_t i;

    (void)state;
    for (i = 0; i < 2; i++)
        set_up(&s[i], NULL);
    assert_int_equal(vmb_conn_modify_start(&s[0].rig->conn, &s[1].link.chan,
                                           &s[0].rig->cpu[0]),
                     VMB_E_ARG);
    assert_int_equal(vmb_conn_modify_start(&s[0].rig->conn, &s[0].link.chan,
                                           &s[1].rig->cpu[0]),
                     VMB_E_ARG);
    for (i = 0; i < 2; i++) {
        rig_echo(s[i].rig, &s[i].link, 2);
        rig_close(s[i].rig, &s[i].link);
        rig_down(s[i].rig);
    }
}

/* --- Numbers -------------------------------------------------------------- */

/* GPADL numbers begin anew after 2^32: 0 is none, and one in use is no second
 * one's. */
static void numbers_wrap(void **state)
{
    struct vmb_gpadl gpadl[2] = { { .id_ = 0 } };
    struct scene s;
    uint8_t *pages;

    (void)state;
    set_up(&s, NULL); /* whose rings are number 1 */
    assert_int_equal(s.link.chan.gpadl_.id_, 1);
    pages = rig_alloc(s.rig, 2);
    s.rig->conn.last_gpadl_ = UINT32_MAX - 1;
    assert_int_equal(rig_gpadl(s.rig, &gpadl[0], &s.link, pages, 1), VMB_OK);
    assert_int_equal(rig_gpadl(s.rig, &gpadl[1], &s.link, pages + 4096, 1),
                     VMB_OK);
    assert_int_equal(vmb_gpadl_id(&gpadl[0]), UINT32_MAX);
    assert_int_equal(vmb_gpadl_id(&gpadl[1]), 2);
    assert_int_equal(rig_gpadl_destroy(s.rig, &gpadl[0]), VMB_OK);
    assert_int_equal(rig_gpadl_destroy(s.rig, &gpadl[1]), VMB_OK);
    rig_echo(s.rig, &s.link, 2);
    rig_close(s.rig, &s.link);
    rig_down(s.rig);
}

/* --- What comes in -------------------------------------------------------- */

static uint32_t taken[2], leftovers;

static void look_at_message(void *ctx, const void *message, uint32_t bytes)
{
    const uint8_t *at = message;
    uint32_t i;

    (void)ctx;
    taken[taken[0] > 0] = bytes;
    for (i = bytes; i < 240; i++)
        leftovers += at[i] != 0;
}

/* Never what the message before it had there. */
static void what_a_message_leaves_out_is_zero(void **state)
{
    struct rig *rig = rig_make(NULL);
    uint8_t bytes[240];

    (void)state;
    rig->cfg.conn.on_message = look_at_message;
    rig_start(rig);
    memset(bytes, 0xee, sizeof bytes);
    memcpy(bytes, "\x63\0\0\0", 4); /* 99: nobody's */
    memset(taken, 0, sizeof taken);
    leftovers = 0;
    assert_int_equal(vmb_sim_inject(rig->sim, bytes, sizeof bytes, 1, 240),
                     VMB_OK);
    assert_int_equal(vmb_sim_inject(rig->sim, bytes, 9, 1, 9), VMB_OK);
    rig_settle(rig);
    assert_int_equal(taken[0], 240);
    assert_int_equal(taken[1], 9);
    assert_int_equal(leftovers, 0);
    rig_down(rig);
}

/* Flags of a channel that is not open yet, that is dead, or that closes. */
static void flags_of_a_channel_that_is_not_open(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_cpu *cpu;
    struct scene s;
    uint32_t relid;

    (void)state;
    memset(&s, 0, sizeof s);
    s.rig = rig_make(NULL);
    s.dev = rig_device(s.rig);
    rig_start(s.rig);
    cpu = &s.rig->cpu[0];
    relid = vmb_sim_relid(rig_host(s.dev));
    assert_int_equal(rig_open_start(s.rig, &s.link, rig_offer(s.rig, s.dev, 0)),
                     VMB_OK);
    vmb_sim_event(s.rig->sim, 0, relid);
    assert_int_equal(vmb_cpu_scan(cpu) & VMB_WORK_CHAN, VMB_WORK_CHAN);
    assert_null(vmb_cpu_next_ready(cpu));
    RIG_UNTIL(s.rig, vmb_chan_open_status(&s.link.chan) == VMB_OK);
    rig_settle(s.rig);
    vmb_sim_event(s.rig->sim, 0, relid);
    (void)vmb_cpu_scan(cpu);
    assert_ptr_equal(vmb_cpu_next_ready(cpu), &s.link.chan);
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 1, BAD_PARAMETER);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    vmb_sim_event(s.rig->sim, 0, relid);
    (void)vmb_cpu_scan(cpu);
    assert_null(vmb_cpu_next_ready(cpu));
    assert_int_equal(vmb_chan_close_start(&s.link.chan), VMB_OK);
    vmb_sim_event(s.rig->sim, 0, relid);
    (void)vmb_cpu_scan(cpu);
    assert_null(vmb_cpu_next_ready(cpu));
    RIG_UNTIL(s.rig, vmb_chan_close_status(&s.link.chan) == VMB_OK);
    rig_down(s.rig);
}

/* --- Signals -------------------------------------------------------------- */

/* A host may give out monitor ids to one that gave it no page to look at: a
 * signal is a hypercall then. */
static void monitored_without_a_page(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_sim_counts counts;
    struct scene s;
    uint32_t before;

    (void)state;
    set_up(&s, NULL);
    assert_non_null(rig_offer(s.rig, s.dev, 0));
    rig_offer(s.rig, s.dev, 0)->monitored = true;
    before = s.rig->signalled;
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    assert_int_equal(s.rig->signalled, before + 1);
    rig_settle(s.rig);
    vmb_sim_stats(s.rig->sim, &counts);
    assert_int_equal(counts.monitor_hits, 0);
    assert_int_equal(vmb_sim_count(s.rig->sim, VMB_SIM_AT_GUEST_PACKET), 1);
    rig_close(s.rig, &s.link);
    rig_down(s.rig);
}

/* A signal that was put off, and then refused for good: the poll that tries
 * again is the first to know. */
static void a_signal_owed_is_refused(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_fault fault;
    struct scene s;
    uint32_t count;

    (void)state;
    set_up(&s, NULL);
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 1,
              VMB_HV_STATUS_INSUFFICIENT_BUFFERS);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 1, BAD_PARAMETER);
    count = vmb_conn_fault_count(&s.rig->conn);
    assert_int_equal(vmb_conn_poll(&s.rig->conn), VMB_OK);
    assert_int_equal(vmb_conn_fault_count(&s.rig->conn), count + 1);
    vmb_conn_fault(&s.rig->conn, &fault);
    assert_int_equal(fault.status, VMB_E_HYPERCALL);
    assert_int_equal(fault.host_code, BAD_PARAMETER);
    assert_int_equal(vmb_conn_status(&s.rig->conn), VMB_OK);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_E_HYPERCALL);
    rig_close(s.rig, &s.link);
    rig_open(s.rig, &s.link, s.dev);
    rig_echo(s.rig, &s.link, 2);
    rig_close(s.rig, &s.link);
    rig_down(s.rig);
}

/* Owed by a channel that is closed meanwhile: its number is nobody's now. */
static void a_signal_owed_by_a_closed_channel(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct scene s;
    uint32_t before;

    (void)state;
    set_up(&s, NULL);
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 1,
              VMB_HV_STATUS_INSUFFICIENT_BUFFERS);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    before = s.rig->signalled;
    assert_int_equal(vmb_chan_close_start(&s.link.chan), VMB_OK);
    RIG_UNTIL(s.rig, vmb_chan_close_status(&s.link.chan) == VMB_OK);
    assert_int_equal(s.rig->signalled, before);
    rig_open(s.rig, &s.link, s.dev);
    rig_echo(s.rig, &s.link, 2);
    rig_close(s.rig, &s.link);
    rig_down(s.rig);
}

/* What was staged cannot be shown to the host when there is no room for more:
 * the send that found it out says so. */
static void a_batch_that_cannot_be_shown(void **state)
{
    static const uint8_t data[400];
    struct vmb_iov iov = { data, sizeof data };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    enum vmb_status status = VMB_OK;
    struct scene s;
    uint32_t n = 0;

    (void)state;
    set_up(&s, NULL);
    vmb_sim_stall(rig_host(s.dev), true);
    while (s.link.chan.tx_.size_ - s.link.chan.tx_.write_ > 900) {
        assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
        assert_true(n++ < 20);
    }
    /* As if the host had emptied it: the next to be shown is a signal's. */
    vmb_sim_stall(rig_host(s.dev), false);
    rig_settle(s.rig);
    vmb_sim_stall(rig_host(s.dev), true);
    iov.len = 8;
    assert_int_equal(vmb_chan_stage(&s.link.chan, &out), VMB_OK);
    iov.len = 4040;
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, VMB_SIM_FOR_EVER,
              BAD_PARAMETER);
    status = vmb_chan_stage(&s.link.chan, &out);
    assert_int_equal(status, VMB_E_HYPERCALL);
    vmb_sim_faults_clear(s.rig->sim);
    assert_int_equal(vmb_chan_stage(&s.link.chan, &out), VMB_E_HYPERCALL);
    vmb_sim_stall(rig_host(s.dev), false);
    rig_close(s.rig, &s.link);
    rig_down(s.rig);
}

/* --- Deadlines ------------------------------------------------------------ */

/* A patience below a second is that of a rescinded channel, too. */
static void the_callers_patience_is_kept(void **state)
{
    struct scene s;
    uint64_t began, waited;

    (void)state;
    set_up(&s, &(struct rig_cfg){ .conn.timeout = SECOND / 4,
                                  .sim.quirks = VMB_SIM_MUTE_RESCIND });
    vmb_sim_rescind(s.dev);
    rig_settle(s.rig);
    began = vmb_sim_clock(s.rig->sim);
    rig_close(s.rig, &s.link);
    waited = vmb_sim_clock(s.rig->sim) - began;
    assert_in_range(waited, SECOND / 4, SECOND / 2);
    rig_down(s.rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_begins_while_unloading),
        cmocka_unit_test(nothing_is_taken_in_while_unloading),
        cmocka_unit_test(offers_that_cannot_be_asked_for),
        cmocka_unit_test(a_port_that_is_never_set_up),
        cmocka_unit_test(versions_that_are_none),
        cmocka_unit_test(a_channel_of_another_connection_is_not_moved),
        cmocka_unit_test(numbers_wrap),
        cmocka_unit_test(what_a_message_leaves_out_is_zero),
        cmocka_unit_test(flags_of_a_channel_that_is_not_open),
        cmocka_unit_test(monitored_without_a_page),
        cmocka_unit_test(a_signal_owed_is_refused),
        cmocka_unit_test(a_signal_owed_by_a_closed_channel),
        cmocka_unit_test(a_batch_that_cannot_be_shown),
        cmocka_unit_test(the_callers_patience_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
