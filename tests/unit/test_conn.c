/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Connections whose every message is in the test's hands: two at once, and
 * corners in which work is withdrawn while it is on its way.
 */
#include "fake_host.h"

#include <vmb/chan.h>

static struct fake_host one, two;

struct device {
    struct vmb_chan chan;
    uint8_t *ring;
};

static struct device dev;

static int set_up(void **state)
{
    (void)state;
    host_init(&one, VMB_VERSION_6_0);
    memset(&dev, 0, sizeof dev);
    dev.ring = new_pages(4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    host_free(&one);
    free(dev.ring);
    return 0;
}

static enum vmb_status open_start(struct fake_host *host, struct device *at,
                                  uint32_t offer, struct vmb_cpu *cpu)
{
    struct vmb_chan_cfg cfg = {
        .ring = at->ring, .tx_pages = 1, .rx_pages = 1, .cpu = cpu
    };

    return vmb_chan_open_start(&at->chan, vmb_conn_bus(&host->conn),
                               vmb_conn_offer(&host->conn, offer), &cfg);
}

static void open_channel(struct fake_host *host, struct device *at,
                         uint32_t offer, struct vmb_cpu *cpu)
{
    assert_int_equal(open_start(host, at, offer, cpu), VMB_OK);
    assert_int_equal(host_settle(host), VMB_OK);
    assert_int_equal(vmb_chan_open_status(&at->chan), VMB_OK);
    host->log[0] = 0;
}

static void unload(struct fake_host *host)
{
    assert_int_equal(vmb_conn_unload_start(&host->conn), VMB_OK);
    assert_int_equal(host_settle(host), VMB_E_STATE);
    assert_int_equal(vmb_conn_unload_status(&host->conn), VMB_OK);
}

/* ---- two connections -------------------------------------------------------
 */

static void two_connections_do_not_know_of_each_other(void **state)
{
    struct device other = { .ring = new_pages(4) };
    struct vmb_out out = { .kind = VMB_INBAND };

    (void)state;
    host_init(&two, VMB_VERSION_2_4);
    assert_int_equal(vmb_conn_start(&one.conn, &one.hv, &one.cfg), VMB_OK);
    assert_int_equal(vmb_conn_start(&two.conn, &two.hv, &two.cfg), VMB_OK);
    while (vmb_conn_status(&one.conn) == VMB_AGAIN ||
           vmb_conn_status(&two.conn) == VMB_AGAIN) {
        (void)host_turn(&one);
        (void)host_turn(&two);
    }
    assert_int_equal(vmb_conn_version(&one.conn), VMB_VERSION_6_0);
    assert_int_equal(vmb_conn_version(&two.conn), VMB_VERSION_2_4);
    open_channel(&one, &dev, 0, NULL);
    open_channel(&two, &other, 0, NULL);
    host_rescind(&one, 1);
    (void)host_settle(&one);
    assert_int_equal(vmb_chan_send(&dev.chan, &out), VMB_E_RESCINDED);
    assert_int_equal(vmb_chan_send(&other.chan, &out), VMB_OK);
    assert_int_equal(one.signals, 0);
    assert_int_equal(two.signals, 1);
    assert_int_equal(two.signalled, 0x2001);
    unload(&one);
    assert_int_equal(vmb_conn_status(&two.conn), VMB_OK);
    assert_int_equal(vmb_chan_send(&other.chan, &out), VMB_OK);
    unload(&two);
    host_free(&two);
    free(other.ring);
}

/* ---- versions
 * ---------------------------------------------------------------- */

static void versions_are_tried_newest_first(void **state)
{
    (void)state;
    one.version = VMB_VERSION_0_13;
    host_connect(&one);
    assert_int_equal(vmb_conn_fault_count(&one.conn), 0);
}

static void a_host_that_says_no_is_not_a_version_apart(void **state)
{
    struct vmb_fault fault;

    (void)state;
    one.cfg.min_version = VMB_VERSION_6_0;
    one.state = 7;
    assert_int_equal(vmb_conn_start(&one.conn, &one.hv, &one.cfg), VMB_OK);
    assert_int_equal(host_settle(&one), VMB_E_REFUSED);
    vmb_conn_fault(&one.conn, &fault);
    assert_int_equal(fault.status, VMB_E_REFUSED);
    assert_int_equal(fault.site, VMB_SITE_CONTACT_STATE);
    assert_int_equal(fault.host_code, 7);
}

static void no_version_in_common(void **state)
{
    struct vmb_fault fault;

    (void)state;
    one.cfg.min_version = VMB_VERSION_5_0;
    one.version = VMB_VERSION_4_1;
    assert_int_equal(vmb_conn_start(&one.conn, &one.hv, &one.cfg), VMB_OK);
    assert_int_equal(host_settle(&one), VMB_E_VERSION);
    assert_posted(&one, "14 14 14 14 14 ");
    vmb_conn_fault(&one.conn, &fault);
    assert_int_equal(fault.got, VMB_VERSION_5_0);
    assert_int_equal(fault.limit, VMB_VERSION_5_0);
    unload(&one); /* nobody to tell */
    assert_posted(&one, "");
}

static void a_timeout_without_end_does_not_wrap(void **state)
{
    (void)state;
    one.machine.now = 5;
    one.cfg.timeout = UINT64_MAX;
    one.silent[14] = true;
    assert_int_equal(vmb_conn_start(&one.conn, &one.hv, &one.cfg), VMB_OK);
    assert_int_equal(host_turn(&one), VMB_AGAIN);
    one.machine.now = UINT64_MAX - 1;
    assert_int_equal(host_turn(&one), VMB_AGAIN);
}

/* ---- work that is withdrawn
 * ---------------------------------------------------- */

static void each_monitor_id_has_its_bit(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    const uint32_t *page;
    uint32_t id;

    (void)state;
    one.cfg.monitor = true;
    host_connect(&one);
    open_channel(&one, &dev, 0, NULL);
    dev.chan.offer_->monitored = true;
    page = one.conn.monitor_to_host_;
    for (id = 0; id < 128; id++) {
        dev.chan.offer_->monitor_id = (uint8_t)id;
        memset(one.conn.monitor_to_host_, 0, PAGE);
        assert_int_equal(vmb_chan_send(&dev.chan, &out), VMB_OK);
        /* 4 bytes of pending bits and 4 others, from byte 8 on. */
        assert_int_equal(page[2 + id / 32 * 2], 1u << id % 32);
        ((uint32_t *)(void *)dev.ring)[1] = dev.chan.tx_.write_; /* read */
    }
}

/* 2^33 units are 14 minutes. */
static void a_long_timeout_ends(void **state)
{
    (void)state;
    one.cfg.timeout = 1ull << 33;
    one.silent[14] = true;
    assert_int_equal(vmb_conn_start(&one.conn, &one.hv, &one.cfg), VMB_OK);
    assert_int_equal(host_turn(&one), VMB_AGAIN);
    one.machine.now += (1ull << 33) - 1;
    assert_int_equal(host_turn(&one), VMB_AGAIN);
    one.machine.now += 1;
    assert_int_equal(host_turn(&one), VMB_E_TIMEOUT);
    assert_int_equal(vmb_conn_fault_count(&one.conn), 1);
    /* That was no unload, which nobody has asked for. */
    assert_int_equal(vmb_conn_unload_status(&one.conn), VMB_E_STATE);
}

static void a_move_ends_with_the_offer(void **state)
{
    (void)state;
    host_connect(&one);
    open_channel(&one, &dev, 0, NULL);
    one.silent[22] = true;
    assert_int_equal(vmb_conn_modify_start(&one.conn, &dev.chan, &one.cpu[1]),
                     VMB_OK);
    assert_int_equal(host_turn(&one), VMB_AGAIN);
    assert_posted(&one, "22 ");
    host_rescind(&one, 1);
    (void)host_turn(&one);
    assert_int_equal(vmb_conn_modify_status(&dev.chan), VMB_E_RESCINDED);
    assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
    /* Nothing is in flight any more once the channel is closed. */
    assert_int_equal(host_settle(&one), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_OK);
    assert_int_equal(vmb_conn_modify_status(&dev.chan), VMB_E_RESCINDED);
    assert_posted(&one, "11 13 ");
}

static void a_move_that_was_made_stays_made(void **state)
{
    (void)state;
    host_connect(&one);
    open_channel(&one, &dev, 0, NULL);
    assert_int_equal(vmb_conn_modify_start(&one.conn, &dev.chan, &one.cpu[1]),
                     VMB_OK);
    assert_int_equal(host_settle(&one), VMB_OK);
    host_rescind(&one, 1);
    (void)host_turn(&one);
    assert_int_equal(vmb_conn_modify_status(&dev.chan), VMB_OK);
    assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
    assert_int_equal(host_settle(&one), VMB_OK);
    assert_int_equal(vmb_conn_modify_status(&dev.chan), VMB_OK);
}

static void a_move_is_not_begun_while_unloading(void **state)
{
    (void)state;
    host_connect(&one);
    open_channel(&one, &dev, 0, NULL);
    assert_int_equal(vmb_conn_unload_start(&one.conn), VMB_OK);
    assert_int_equal(vmb_conn_modify_start(&one.conn, &dev.chan, &one.cpu[1]),
                     VMB_E_STATE);
    assert_int_equal(host_settle(&one), VMB_E_STATE);
    assert_posted(&one, "16 ");
    assert_int_equal(vmb_conn_unload_status(&one.conn), VMB_OK);
}

/* Nor does the teardown go out without it, though that would be taken. */
static void a_close_that_was_not_taken_is_sent_again(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        host_connect(&one);
        open_channel(&one, &dev, 0, NULL);
        one.says = 0x05; /* invalid parameter: no retry */
        one.refused = i ? 7 : 0;
        assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
        assert_int_equal(host_settle(&one), VMB_OK);
        assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_E_HYPERCALL);
        assert_posted(&one, "");
        one.says = 0;
        assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
        assert_int_equal(host_settle(&one), VMB_OK);
        assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_OK);
        assert_posted(&one, "7 11 ");
        unload(&one);
    }
}

/* The host has its time to take a message, and then its time to answer. */
static void the_answer_has_a_deadline_of_its_own(void **state)
{
    (void)state;
    host_connect(&one);
    open_channel(&one, &dev, 0, NULL);
    one.silent[11] = true;
    one.says = 0x13; /* no buffers: try again */
    assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
    one.machine.now += VMB_CONN_TIMEOUT - 1;
    assert_int_equal(host_turn(&one), VMB_AGAIN);
    one.says = 0;
    assert_int_equal(host_turn(&one), VMB_AGAIN);
    assert_posted(&one, "7 11 ");
    one.machine.now += VMB_CONN_TIMEOUT - 1;
    assert_int_equal(host_turn(&one), VMB_AGAIN);
    assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_AGAIN);
    one.machine.now += 1;
    (void)host_turn(&one);
    assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_E_TIMEOUT);
    one.silent[11] = false;
    assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
    assert_int_equal(host_settle(&one), VMB_OK);
}

/* A close that was asked for before is not forgotten with the offer. */
static void a_close_that_waits_outlives_a_rescind(void **state)
{
    (void)state;
    host_connect(&one);
    open_channel(&one, &dev, 0, NULL);
    one.says = 0x13; /* no buffers: try again */
    assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
    assert_int_equal(host_turn(&one), VMB_AGAIN);
    host_rescind(&one, 1);
    assert_int_equal(host_turn(&one), VMB_AGAIN);
    one.says = 0;
    assert_int_equal(host_settle(&one), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_OK);
    assert_posted(&one, "7 11 13 ");
}

static void a_close_that_grew_too_old_is_sent_again(void **state)
{
    (void)state;
    host_connect(&one);
    open_channel(&one, &dev, 0, NULL);
    one.says = 0x13; /* no buffers: try again */
    assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
    assert_int_equal(host_turn(&one), VMB_AGAIN);
    one.machine.now += VMB_CONN_TIMEOUT;
    assert_int_equal(host_turn(&one), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_E_HYPERCALL);
    one.says = 0;
    assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
    assert_int_equal(host_settle(&one), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_OK);
    assert_posted(&one, "7 11 ");
}

static void silence_on_a_rescinded_channel_is_an_answer(void **state)
{
    bool rescind;
    uint32_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        rescind = i == 0;
        host_connect(&one);
        open_channel(&one, &dev, 0, NULL);
        one.silent[11] = true;
        if (rescind)
            host_rescind(&one, 1);
        (void)host_turn(&one);
        assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
        assert_int_equal(host_turn(&one), VMB_AGAIN);
        one.machine.now += 9999999;
        assert_int_equal(host_turn(&one), VMB_AGAIN);
        assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_AGAIN);
        one.machine.now += 1;
        (void)host_turn(&one);
        assert_int_equal(vmb_chan_close_status(&dev.chan),
                         rescind ? VMB_OK : VMB_AGAIN);
        (void)host_turn(&one);
        assert_posted(&one, rescind ? "11 13 " : "7 11 ");
        one.machine.now += VMB_CONN_TIMEOUT - 10000000;
        (void)host_turn(&one);
        assert_int_equal(vmb_chan_close_status(&dev.chan),
                         rescind ? VMB_OK : VMB_E_TIMEOUT);
        one.silent[11] = false;
        /* A close was heard once it was posted: it is not said again. */
        assert_int_equal(vmb_chan_close_start(&dev.chan), VMB_OK);
        (void)host_settle(&one);
        assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_OK);
        assert_posted(&one, rescind ? "" : "11 ");
        unload(&one);
    }
}

static void unloading_hands_everything_back(void **state)
{
    struct vmb_gpadl gpadl = { 0 };
    uint32_t step;

    (void)state;
    for (step = 0; step < 8; step++) {
        uint32_t i;

        host_connect(&one);
        assert_int_equal(open_start(&one, &dev, 0, NULL), VMB_OK);
        for (i = 0; i < step; i++)
            (void)host_turn(&one);
        if (vmb_chan_open_status(&dev.chan) == VMB_OK)
            assert_int_equal(vmb_gpadl_create_virtual_start(&gpadl, &dev.chan,
                                                            dev.ring, PAGE),
                             VMB_OK);
        if (step == 7) {
            host_rescind(&one, 1);
            (void)host_settle(&one);
        }
        unload(&one);
        assert_int_equal(vmb_chan_close_status(&dev.chan), VMB_OK);
        assert_int_equal(dev.chan.state_, VMB_CHAN_CLOSED);
        assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
        assert_int_not_equal(vmb_chan_open_status(&dev.chan), VMB_AGAIN);
        assert_null(one.conn.queue_);
        assert_int_equal(one.conn.waiting_, 0);
    }
}

/* ---- CPUs
 * -------------------------------------------------------------------------- */

static void flag(struct fake_host *host, uint32_t cpu, uint32_t relid)
{
    uint64_t *flags =
        (uint64_t *)(void *)(host->pages + (3 + 2 * cpu) * PAGE + 2 * 256);

    flags[relid / 64] |= 1ull << relid % 64;
}

static void only_open_channels_are_ready(void **state)
{
    (void)state;
    host_connect(&one);
    open_channel(&one, &dev, 1, &one.cpu[1]);
    flag(&one, 1, 0);
    flag(&one, 1, 1); /* offered, not open */
    flag(&one, 1, 2);
    flag(&one, 1, 3); /* never offered */
    flag(&one, 1, 2047);
    assert_int_equal(vmb_cpu_scan(&one.cpu[1]), VMB_WORK_CHAN);
    assert_ptr_equal(vmb_cpu_next_ready(&one.cpu[1]), &dev.chan);
    assert_null(vmb_cpu_next_ready(&one.cpu[1]));
    flag(&one, 1, 2);
    assert_int_equal(vmb_cpu_scan(&one.cpu[1]), VMB_WORK_CHAN);
    assert_ptr_equal(vmb_cpu_next_ready(&one.cpu[1]), &dev.chan);
}

/* One call finds the open channel behind every flag there can be, wherever the
 * last one left off: a NULL means that nothing is left. */
static void stale_flags_hide_no_channel(void **state)
{
    struct vmb_cpu *cpu = &one.cpu[1];
    uint32_t word;

    (void)state;
    host_connect(&one);
    open_channel(&one, &dev, 1, cpu);
    for (word = 0; word < VMB_EVENT_FLAGS / 64; word++) {
        memset(cpu->ready_, 0xff, sizeof cpu->ready_);
        cpu->ready_[0] = 1u << 2; /* the channel's own, and no other */
        cpu->next_word_ = word;
        assert_ptr_equal(vmb_cpu_next_ready(cpu), &dev.chan);
        assert_null(vmb_cpu_next_ready(cpu));
        assert_int_equal(cpu->ready_[(word + 31) % 32], 0);
    }
}

/* Its SynIC off and on again while the connection lives. */
static void restart_cpu(struct fake_host *host, uint32_t cpu)
{
    const struct vmb_cpu_cfg cfg = { .pages = host->cpu[cpu].simp_,
                                     .vector = 64 };

    vmb_cpu_stop(&host->cpu[cpu]);
    assert_int_equal(vmb_cpu_start(&host->hv, &host->cpu[cpu], &cfg), VMB_OK);
}

static void no_cpu_remembers(uint32_t version, bool restarted)
{
    uint32_t i;

    host_init(&two, version);
    host_connect(&two);
    open_channel(&two, &dev, 0, &two.cpu[1]);
    if (restarted)
        restart_cpu(&two, 1);
    for (i = 0; i < 2; i++) {
        flag(&two, i, 1);
        assert_int_equal(vmb_cpu_scan(&two.cpu[i]), VMB_WORK_CHAN);
    }
    unload(&two);
    memset(&two.conn, 0xdd, sizeof two.conn); /* the caller's again */
    memset(two.cfg.pages, 0xff, PAGE);
    for (i = 0; i < 2; i++) {
        assert_null(vmb_cpu_next_ready(&two.cpu[i]));
        assert_int_equal(vmb_cpu_scan(&two.cpu[i]), 0);
    }
    assert_int_equal(*(uint64_t *)two.cfg.pages, UINT64_MAX);
    two.cfg.cpu = &two.cpu[1];
    assert_int_equal(vmb_conn_start(&two.conn, &two.hv, &two.cfg), VMB_OK);
    host_free(&two);
}

static void no_cpu_remembers_a_connection_that_is_gone(void **state)
{
    (void)state;
    no_cpu_remembers(VMB_VERSION_1_1, false);
    no_cpu_remembers(VMB_VERSION_6_0, false);
    no_cpu_remembers(VMB_VERSION_6_0, true);
}

/* ---- callbacks
 * ----------------------------------------------------------------------- */

static struct vmb_chan_cfg lost_cfg;
static enum vmb_status lost_opens, polls;
static uint32_t events;

static void on_event(void *ctx, enum vmb_conn_event event,
                     struct vmb_offer *offer)
{
    struct fake_host *host = ctx;

    events++;
    polls = vmb_conn_poll(&host->conn);
    if (event == VMB_CONN_OFFER_LOST)
        lost_opens = vmb_chan_open_start(&dev.chan, vmb_conn_bus(&host->conn),
                                         offer, &lost_cfg);
}

static void a_callback_does_not_poll(void **state)
{
    (void)state;
    events = 0;
    one.cfg.on_event = on_event;
    one.cfg.ctx = &one;
    host_connect(&one);
    assert_int_equal(events, 3);
    assert_int_equal(polls, VMB_E_LANE);
}

static void an_offer_without_a_place_is_not_opened(void **state)
{
    (void)state;
    lost_cfg.ring = dev.ring;
    lost_cfg.tx_pages = 1;
    lost_cfg.rx_pages = 1;
    one.cfg.on_event = on_event;
    one.cfg.ctx = &one;
    one.devices = HOST_OFFERS + 1;
    lost_opens = VMB_OK;
    host_connect(&one);
    assert_true(lost_opens < VMB_OK);
    assert_int_equal(vmb_conn_fault_count(&one.conn), 1);
    open_channel(&one, &dev, 0, NULL);
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_host(two_connections_do_not_know_of_each_other),
        with_host(versions_are_tried_newest_first),
        with_host(a_host_that_says_no_is_not_a_version_apart),
        with_host(no_version_in_common),
        with_host(a_timeout_without_end_does_not_wrap),
        with_host(each_monitor_id_has_its_bit),
        with_host(a_long_timeout_ends),
        with_host(a_move_ends_with_the_offer),
        with_host(a_move_that_was_made_stays_made),
        with_host(a_move_is_not_begun_while_unloading),
        with_host(a_close_that_was_not_taken_is_sent_again),
        with_host(a_close_that_waits_outlives_a_rescind),
        with_host(the_answer_has_a_deadline_of_its_own),
        with_host(a_close_that_grew_too_old_is_sent_again),
        with_host(silence_on_a_rescinded_channel_is_an_answer),
        with_host(unloading_hands_everything_back),
        with_host(only_open_channels_are_ready),
        with_host(stale_flags_hide_no_channel),
        with_host(no_cpu_remembers_a_connection_that_is_gone),
        with_host(a_callback_does_not_poll),
        with_host(an_offer_without_a_place_is_not_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
