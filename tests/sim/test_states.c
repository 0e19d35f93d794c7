/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Every call at the wrong time, and by a second caller at the same time. */
#include "harness.h"

struct scene {
    struct rig *rig;
    struct vmb_sim_dev *dev;
    struct link link;
};

static void set_up(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->rig = rig_make(&(struct rig_cfg){ .sim.quirks = VMB_SIM_LAZY });
    s->dev = rig_device(s->rig);
    rig_start(s->rig);
    rig_open(s->rig, &s->link, s->dev);
}

/* What every call on a channel answers that is not open. */
static void is_shut(struct vmb_chan *chan)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_rx rx = { .kind = VMB_XFER_PAGES, .len = 8, .range_count = 1 };
    uint32_t offset, len;
    uint8_t byte;

    assert_int_equal(vmb_chan_send(chan, &out), VMB_E_STATE);
    assert_int_equal(vmb_chan_stage(chan, &out), VMB_E_STATE);
    assert_int_equal(vmb_chan_flush(chan), VMB_E_STATE);
    assert_int_equal(vmb_rx_copy(chan, &rx, 0, &byte, 1), 0);
    assert_int_equal(vmb_rx_range(chan, &rx, 0, &offset, &len), VMB_E_STATE);
    assert_int_equal(vmb_chan_recv(chan, &rx), VMB_E_STATE);
    assert_int_equal(vmb_chan_release(chan), VMB_E_STATE);
    assert_true(vmb_chan_arm(chan));
}

static void a_channel_never_opened_is_shut(void **state)
{
    struct vmb_chan chan = { .gate_ = 0 };
    struct vmb_fault fault;

    (void)state;
    is_shut(&chan);
    assert_int_equal(vmb_chan_open_status(&chan), VMB_E_STATE);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_OK);
    assert_int_equal(vmb_chan_relid(&chan), 0);
    vmb_chan_fault(&chan, &fault);
    assert_int_equal(fault.status, VMB_OK);
}

static void a_channel_is_shut_until_it_is_open(void **state)
{
    struct scene s;
    enum vmb_status status;

    (void)state;
    set_up(&s);
    assert_int_equal(vmb_chan_close_status(&s.link.chan), VMB_E_STATE);
    assert_int_equal(vmb_chan_close_start(&s.link.chan), VMB_OK);
    is_shut(&s.link.chan);
    assert_int_equal(vmb_chan_open_status(&s.link.chan), VMB_E_STATE);
    assert_int_equal(vmb_chan_close_status(&s.link.chan), VMB_AGAIN);
    assert_int_equal(vmb_chan_close_start(&s.link.chan), VMB_E_STATE);
    RIG_WAIT(s.rig, &status, vmb_chan_close_status(&s.link.chan));
    assert_int_equal(status, VMB_OK);
    is_shut(&s.link.chan);
    assert_int_equal(rig_open_start(s.rig, &s.link, rig_offer(s.rig, s.dev, 0)),
                     VMB_OK);
    is_shut(&s.link.chan);
    assert_int_equal(vmb_chan_open_status(&s.link.chan), VMB_AGAIN);
    RIG_WAIT(s.rig, &status, vmb_chan_open_status(&s.link.chan));
    assert_int_equal(status, VMB_OK);
    rig_echo(s.rig, &s.link, 2);
    rig_down(s.rig);
}

static void a_connection_that_is_down_says_so(void **state)
{
    struct rig *rig = rig_make(NULL);
    enum vmb_status status;

    (void)state;
    rig_hv_start(rig);
    assert_int_equal(vmb_conn_poll(&rig->conn), VMB_E_STATE);
    assert_int_equal(vmb_conn_status(&rig->conn), VMB_E_STATE);
    rig_connect(rig);
    assert_int_equal(vmb_conn_unload_status(&rig->conn), VMB_E_STATE);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_OK);
    assert_int_equal(vmb_conn_unload_status(&rig->conn), VMB_AGAIN);
    assert_int_equal(vmb_conn_status(&rig->conn), VMB_E_STATE);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_E_STATE);
    RIG_WAIT(rig, &status, vmb_conn_unload_status(&rig->conn));
    assert_int_equal(status, VMB_OK);
    assert_null(vmb_conn_offer(&rig->conn, 0));
    rig_down(rig);
}

/* Unload while a channel is in the middle of something. */
static void unload_ends_what_is_under_way(void **state)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct scene s;
    void *memory;
    uint32_t turns;

    (void)state;
    for (turns = 0; turns < 6; turns++) {
        struct link other = { .flagged = false };
        struct vmb_sim_dev *dev;
        uint32_t i;

        set_up(&s);
        dev = rig_device(s.rig);
        rig_settle(s.rig);
        memset(&gpadl, 0, sizeof gpadl);
        memory = rig_alloc(s.rig, 70);
        assert_int_equal(
            rig_open_start(s.rig, &other, rig_offer(s.rig, dev, 0)), VMB_OK);
        assert_int_equal(vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan,
                                                        memory, 70 * 4096),
                         VMB_OK);
        for (i = 0; i < turns; i++)
            rig_turn(s.rig);
        rig_unload(s.rig);
        assert_int_equal(vmb_chan_open_status(&other.chan), VMB_E_STATE);
        assert_int_equal(vmb_chan_close_status(&other.chan), VMB_OK);
        assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
        is_shut(&other.chan);
        is_shut(&s.link.chan);
        assert_false(rig_mapped(s.rig, memory, 70));
        rig_down(s.rig);
    }
}

static void a_device_that_is_gone_gets_no_gpadl(void **state)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct scene s;
    void *memory;

    (void)state;
    set_up(&s);
    memory = rig_alloc(s.rig, 1);
    vmb_sim_rescind(s.dev);
    rig_settle(s.rig);
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan, memory, 4096),
        VMB_E_RESCINDED);
    rig_close(s.rig, &s.link);
    rig_down(s.rig);
}

static void a_batch_takes_no_more_than_the_ring(void **state)
{
    static const uint8_t zeros[4096];
    struct vmb_iov iov = { zeros, sizeof zeros };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    struct scene s;

    (void)state;
    set_up(&s);
    assert_int_equal(vmb_chan_stage(&s.link.chan, &out), VMB_E_TOOBIG);
    rig_echo(s.rig, &s.link, 2);
    rig_down(s.rig);
}

/* --- The [bus] lane ------------------------------------------------------- */

/* From inside a post, which holds the lane: nobody else gets in. */
static struct scene *entered;
static struct vmb_chan spare;
static struct vmb_gpadl live, unborn;
static void *page;
static uint32_t turned_away;

static void come_in_again(void *ctx, const struct vmb_trace *event)
{
    struct rig *rig = entered->rig;
    struct vmb_chan *chan = &entered->link.chan;
    struct vmb_offer *offer = vmb_conn_offer(&rig->conn, 0);
    uint64_t pfn = 1;
    struct vmb_mdl mdl = { NULL, &pfn, 1, 0, 8 };

    (void)ctx;
    if (event->event != VMB_EVENT_POST)
        return;
    turned_away = 0;
    turned_away += vmb_conn_poll(&rig->conn) == VMB_E_LANE;
    turned_away += vmb_conn_unload_start(&rig->conn) == VMB_E_LANE;
    turned_away +=
        vmb_conn_modify_start(&rig->conn, chan, &rig->cpu[0]) == VMB_E_LANE;
    turned_away += vmb_chan_close_start(chan) == VMB_E_LANE;
    turned_away += vmb_chan_open_start(&spare, vmb_conn_bus(&rig->conn), offer,
                                       &entered->link.cfg) == VMB_E_LANE;
    turned_away += vmb_gpadl_create_start(&unborn, chan, &mdl) == VMB_E_LANE;
    turned_away +=
        vmb_gpadl_create_virtual_start(&unborn, chan, page, 4096) == VMB_E_LANE;
    turned_away += vmb_gpadl_destroy_start(&live) == VMB_E_LANE;
}

static void a_second_caller_of_the_bus_is_told(void **state)
{
    struct scene s;

    (void)state;
    set_up(&s);
    memset(&live, 0, sizeof live);
    page = rig_alloc(s.rig, 2);
    assert_int_equal(rig_gpadl(s.rig, &live, &s.link, page, 1), VMB_OK);
    entered = &s;
    s.rig->plat.trace = come_in_again;
    assert_int_equal(vmb_gpadl_destroy_start(&live), VMB_OK);
    rig_settle(s.rig);
    s.rig->plat.trace = NULL;
    assert_int_equal(turned_away, 8);
    assert_int_equal(vmb_gpadl_destroy_status(&live), VMB_OK);
    rig_echo(s.rig, &s.link, 2);
    rig_close(s.rig, &s.link);
    rig_down(s.rig);
}

/*
 * From inside a function that a callback calls: that one is alone in there, and
 * when it has left the poll still holds the lane.
 */
static uint32_t inside, afterwards;

static void come_in_during_a_callback(void *ctx, const struct vmb_trace *event)
{
    struct rig *rig = entered->rig;

    (void)ctx;
    if (event->event == VMB_EVENT_STATE && event->b == VMB_CHAN_CLOSING)
        inside += vmb_conn_unload_start(&rig->conn) == VMB_E_LANE;
    if (event->event == VMB_EVENT_POST)
        afterwards += vmb_conn_unload_start(&rig->conn) == VMB_E_LANE;
}

static void close_at_rescind(struct rig *rig, enum vmb_conn_event event,
                             struct vmb_offer *offer)
{
    (void)rig;
    (void)offer;
    if (event == VMB_CONN_RESCIND)
        assert_int_equal(vmb_chan_close_start(&entered->link.chan), VMB_OK);
}

static void a_second_caller_during_a_callback_is_told(void **state)
{
    struct scene s;

    (void)state;
    set_up(&s);
    entered = &s;
    inside = afterwards = 0;
    s.rig->on_event = close_at_rescind;
    s.rig->plat.trace = come_in_during_a_callback;
    vmb_sim_rescind(s.dev);
    rig_settle(s.rig);
    s.rig->plat.trace = NULL;
    s.rig->on_event = NULL;
    assert_int_equal(inside, 1);
    assert_int_equal(afterwards, 2); /* teardown, relid released */
    assert_int_equal(vmb_chan_close_status(&s.link.chan), VMB_OK);
    rig_down(s.rig);
}

/* The rx lane, from inside the signal that a release sends. */
static enum vmb_status second[2];

static void receive_again(void *ctx, const struct vmb_trace *event)
{
    struct vmb_rx rx;

    (void)ctx;
    if (event->event != VMB_EVENT_SIGNAL)
        return;
    second[0] = vmb_chan_recv(&entered->link.chan, &rx);
    second[1] = vmb_chan_release(&entered->link.chan);
    assert_true(vmb_chan_arm(&entered->link.chan));
}

static void a_second_receiver_is_told(void **state)
{
    struct ask burst = {
        .request = { .op = VMB_SIM_BURST, .count = 100, .bytes = 100 }
    };
    struct scene s;
    struct vmb_rx rx;

    (void)state;
    set_up(&s);
    assert_int_equal(rig_ask_start(s.rig, &s.link, &burst, false), VMB_OK);
    rig_settle(s.rig);
    entered = &s;
    s.rig->plat.trace = receive_again;
    while (vmb_chan_recv(&s.link.chan, &rx) == VMB_OK)
        continue;
    assert_int_equal(vmb_chan_release(&s.link.chan), VMB_OK);
    s.rig->plat.trace = NULL;
    assert_int_equal(second[0], VMB_E_LANE);
    assert_int_equal(second[1], VMB_E_LANE);
    rig_down(s.rig);
}

/* Only the answer to this very open counts. */
static uint32_t open_later(void *ctx, struct vmb_sim_chan *chan,
                           const uint8_t user[120])
{
    (void)ctx;
    (void)chan;
    (void)user;
    return VMB_SIM_PENDING;
}

static void the_answer_to_another_open_is_not_taken(void **state)
{
    struct vmb_sim_device is = { .type = { 1 }, .on_open = open_later };
    struct rig *rig = rig_make(&(struct rig_cfg){ .conn.timeout = SECOND });
    struct vmb_sim_dev *dev = vmb_sim_device_add(rig->sim, &is);
    struct link link = { .flagged = false };
    uint32_t answer[5] = { 6, 0, 0, 0x1234, 0 };
    struct vmb_fault fault;

    (void)state;
    rig_start(rig);
    assert_int_equal(rig_open_start(rig, &link, rig_offer(rig, dev, 0)),
                     VMB_OK);
    rig_settle(rig);
    answer[2] = vmb_chan_relid(&link.chan);
    assert_int_equal(
        vmb_sim_inject(rig->sim, answer, sizeof answer, 1, sizeof answer),
        VMB_OK);
    rig_turn(rig);
    rig_turn(rig);
    assert_int_equal(vmb_chan_open_status(&link.chan), VMB_AGAIN);
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_MSG_STRAY);
    rig_close(rig, &link);
    rig_down(rig);
}

/* What vmb_conn_find() says of a device that is not there. */
static void no_offer_is_no_crash(void **state)
{
    struct rig *rig = rig_make(NULL);
    struct link link = { .flagged = false };

    (void)state;
    rig_start(rig);
    assert_int_equal(rig_open_start(rig, &link, NULL), VMB_E_ARG);
    rig_down(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_never_opened_is_shut),
        cmocka_unit_test(a_channel_is_shut_until_it_is_open),
        cmocka_unit_test(a_connection_that_is_down_says_so),
        cmocka_unit_test(unload_ends_what_is_under_way),
        cmocka_unit_test(a_device_that_is_gone_gets_no_gpadl),
        cmocka_unit_test(a_batch_takes_no_more_than_the_ring),
        cmocka_unit_test(a_second_caller_of_the_bus_is_told),
        cmocka_unit_test(a_second_caller_during_a_callback_is_told),
        cmocka_unit_test(a_second_receiver_is_told),
        cmocka_unit_test(the_answer_to_another_open_is_not_taken),
        cmocka_unit_test(no_offer_is_no_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
