/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Every kind of packet, each way; transactions; misuse. */
#include "harness.h"

struct scene {
    struct rig *rig;
    struct vmb_sim_dev *dev;
    struct vmb_sim_chan *host;
    struct link link;
};

static void set_up(struct scene *s, const struct rig_cfg *cfg)
{
    memset(s, 0, sizeof *s);
    s->rig = rig_make(cfg);
    s->dev = rig_device(s->rig);
    s->host = rig_host(s->dev);
    rig_start(s->rig);
    rig_open(s->rig, &s->link, s->dev);
}

static void tear_down(struct scene *s)
{
    rig_close(s->rig, &s->link);
    rig_down(s->rig);
}

static struct ask request(uint32_t op, uint32_t count, uint64_t seed,
                          uint32_t offset, uint32_t bytes)
{
    struct ask ask = { .request = { op, count, seed, offset, bytes } };

    return ask;
}

static const struct rig_cfg modes[] = {
    { .interrupts = false },
    { .interrupts = true },
    { .interrupts = true, .sim.quirks = VMB_SIM_LAZY },
    { .sim.quirks = VMB_SIM_LAZY },
    { .interrupts = true, .sim.quirks = VMB_SIM_QEMU },
    { .interrupts = true, .sim.max_version = VMB_VERSION_0_13 },
    { .conn.monitor = true, .sim.quirks = VMB_SIM_MONITOR },
    { .conn.monitor = true, .interrupts = true, .sim.quirks = VMB_SIM_MONITOR },
};

#define MODES (sizeof modes / sizeof modes[0])

static void requests_come_back_whole(void **state)
{
    struct scene s;
    uint32_t i;

    (void)state;
    for (i = 0; i < MODES; i++) {
        set_up(&s, &modes[i]);
        rig_echo(s.rig, &s.link, 500); /* every length below 500 */
        tear_down(&s);
    }
}

/* Gathered from pieces, empty ones among them, as one run of bytes. */
static void pieces_are_gathered(void **state)
{
    static const uint8_t bytes[] = "gathered from pieces of odd lengths";
    struct vmb_sim_test_request head = { .op = VMB_SIM_ECHO };
    struct vmb_iov iov[] = {
        { &head, 5 },
        { (const uint8_t *)&head + 5, sizeof head - 5 },
        { NULL, 0 },
        { bytes, 1 },
        { bytes + 1, 0 },
        { bytes + 1, 13 },
        { bytes + 14, sizeof bytes - 14 },
    };
    struct vmb_out out = { .kind = VMB_INBAND,
                           .iov = iov,
                           .iov_count = sizeof iov / sizeof iov[0],
                           .want_reply = true,
                           .user = &head };
    uint8_t back[sizeof head + sizeof bytes];
    struct scene s;
    struct vmb_rx rx;

    (void)state;
    set_up(&s, NULL);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_OK);
    assert_int_equal(rx.kind, VMB_COMPLETION);
    assert_false(rx.want_reply);
    assert_ptr_equal(rx.user, &head);
    assert_int_equal(rx.len, (sizeof back + 7) / 8 * 8);
    assert_int_equal(vmb_rx_copy(&s.link.chan, &rx, 0, back, sizeof back),
                     sizeof back);
    assert_memory_equal(back, &head, sizeof head);
    assert_memory_equal(back + sizeof head, bytes, sizeof bytes);
    /* Parts of it, and past its end. */
    assert_int_equal(vmb_rx_copy(&s.link.chan, &rx, 25, back, 4), 4);
    assert_memory_equal(back, bytes + 1, 4);
    assert_int_equal(vmb_rx_copy(&s.link.chan, &rx, rx.len - 3, back, 9), 3);
    assert_int_equal(vmb_rx_copy(&s.link.chan, &rx, rx.len, back, 1), 0);
    assert_int_equal(
        vmb_rx_copy(&s.link.chan, &rx, UINT32_MAX, back, UINT32_MAX), 0);
    assert_int_equal(vmb_rx_copy(&s.link.chan, &rx, 0, back, 0), 0);
    assert_int_equal(vmb_chan_release(&s.link.chan), VMB_OK);
    tear_down(&s);
}

/* The host asks, the guest completes. */
static void the_host_is_answered(void **state)
{
    struct ask ask = request(VMB_SIM_ASK, 0, 0x123456789abcdef0, 0, 0);
    struct scene s;
    struct vmb_rx rx;
    uint32_t i;

    (void)state;
    for (i = 0; i < MODES; i++) {
        struct vmb_iov iov = { "done", 5 };
        struct vmb_out out = { .kind = VMB_COMPLETION,
                               .iov = &iov,
                               .iov_count = 1 };

        set_up(&s, &modes[i]);
        assert_int_equal(rig_ask_start(s.rig, &s.link, &ask, false), VMB_OK);
        assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_OK);
        assert_int_equal(rx.kind, VMB_INBAND);
        assert_true(rx.want_reply);
        assert_int_equal(rx.xid, ask.request.seed);
        out.reply_to = rx.xid;
        assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
        assert_int_equal(vmb_chan_release(&s.link.chan), VMB_OK);
        rig_settle(s.rig);
        assert_int_equal(vmb_sim_test_completions(s.dev), 1);
        tear_down(&s);
    }
}

static void transfer_pages_name_parts_of_a_gpadl(void **state)
{
    struct ask ask = request(VMB_SIM_XFER, 0xbeef, 99, 512, 300);
    struct vmb_out done = { .kind = VMB_COMPLETION, .reply_to = 99 };
    uint32_t offset, len, i;
    struct scene s;
    struct vmb_rx rx;
    uint64_t data;

    (void)state;
    set_up(&s, &modes[1]);
    for (i = 0; i < 200; i++) { /* the ranges wrap, too */
        assert_int_equal(rig_ask_start(s.rig, &s.link, &ask, false), VMB_OK);
        assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_OK);
        assert_int_equal(rx.kind, VMB_XFER_PAGES);
        assert_int_equal(rx.page_set, 0xbeef);
        assert_int_equal(rx.range_count, 2);
        assert_true(rx.want_reply);
        assert_int_equal(vmb_rx_range(&s.link.chan, &rx, 0, &offset, &len),
                         VMB_OK);
        assert_int_equal(offset, 0);
        assert_int_equal(len, 300);
        assert_int_equal(vmb_rx_range(&s.link.chan, &rx, 1, &offset, &len),
                         VMB_OK);
        assert_int_equal(offset, 512);
        assert_int_equal(len, 8);
        assert_int_equal(vmb_rx_range(&s.link.chan, &rx, 2, &offset, &len),
                         VMB_E_ARG);
        assert_int_equal(vmb_rx_copy(&s.link.chan, &rx, 0, &data, 8), 8);
        assert_int_equal(data, 99);
        assert_int_equal(rig_send(s.rig, &s.link, &done), VMB_OK);
        assert_int_equal(vmb_chan_release(&s.link.chan), VMB_OK);
    }
    rig_settle(s.rig);
    assert_int_equal(vmb_sim_test_completions(s.dev), 200);
    tear_down(&s);
}

/* --- Transactions --------------------------------------------------------- */

static void answers_find_their_requests(void **state)
{
    struct ask ask[RIG_TXNS];
    struct vmb_sim_test_reply reply;
    struct scene s;
    struct vmb_rx rx;
    uint32_t i, n;

    (void)state;
    set_up(&s, &modes[1]);
    for (n = 0; n < 50; n++) {
        uint32_t count = 1 + n % RIG_TXNS;

        for (i = 0; i < count; i++) {
            ask[i] = request(VMB_SIM_REVERSE, count, 0, 0, 0);
            assert_int_equal(rig_ask_start(s.rig, &s.link, &ask[i], true),
                             VMB_OK);
        }
        for (i = count; i-- > 0;) { /* in reverse order */
            assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_OK);
            assert_int_equal(rx.kind, VMB_COMPLETION);
            assert_ptr_equal(rx.user, &ask[i]);
            assert_int_equal(
                vmb_rx_copy(&s.link.chan, &rx, 0, &reply, sizeof reply),
                sizeof reply);
            assert_int_equal(reply.op, VMB_SIM_REVERSE);
            assert_int_equal(vmb_chan_release(&s.link.chan), VMB_OK);
        }
    }
    tear_down(&s);
}

static void slots_bound_what_is_outstanding(void **state)
{
    struct ask hold = request(VMB_SIM_HOLD, 0, 0, 0, 0);
    struct vmb_out out = { .kind = VMB_INBAND, .want_reply = true };
    struct scene s;
    struct vmb_rx rx;
    uint32_t i, n;

    (void)state;
    set_up(&s, NULL);
    for (n = 0; n < 5; n++) {
        for (i = 0; i < RIG_TXNS; i++)
            assert_int_equal(rig_ask_start(s.rig, &s.link, &hold, true),
                             VMB_OK);
        assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_E_NOSLOT);
        assert_int_equal(vmb_chan_stage(&s.link.chan, &out), VMB_E_NOSLOT);
        out.want_reply = false; /* needs no slot */
        assert_int_equal(rig_send(s.rig, &s.link, &out), VMB_OK);
        out.want_reply = true;
        rig_settle(s.rig);
        assert_int_equal(vmb_sim_test_release(s.dev), RIG_TXNS);
        for (i = 0; i < RIG_TXNS; i++) {
            assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_OK);
            assert_int_equal(rx.kind, VMB_COMPLETION);
            assert_ptr_equal(rx.user, &hold);
            assert_int_equal(vmb_chan_release(&s.link.chan), VMB_OK);
        }
    }
    tear_down(&s);
}

/* What is unanswered at close is forgotten: new slots, new generations. */
static void a_close_forgets_what_is_outstanding(void **state)
{
    struct ask hold = request(VMB_SIM_HOLD, 0, 0, 0, 0);
    struct scene s;
    uint32_t i, n;

    (void)state;
    set_up(&s, &modes[1]);
    for (n = 0; n < 3; n++) {
        for (i = 0; i < RIG_TXNS; i++)
            assert_int_equal(rig_ask_start(s.rig, &s.link, &hold, true),
                             VMB_OK);
        rig_close(s.rig, &s.link);
        rig_open(s.rig, &s.link, s.dev);
        rig_echo(s.rig, &s.link, 3);
    }
    tear_down(&s);
}

static void without_slots_nothing_is_asked(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND, .want_reply = true };
    struct rig *rig = rig_make(NULL);
    struct vmb_sim_dev *dev = rig_device(rig);
    struct link link = { .flagged = false };
    struct vmb_txn *none = link.txns;

    (void)state;
    link.cfg.txns = none;
    link.cfg.txn_cap = 0;
    rig_start(rig);
    rig_open(rig, &link, dev);
    assert_int_equal(vmb_chan_send(&link.chan, &out), VMB_E_NOSLOT);
    out.want_reply = false;
    assert_int_equal(vmb_chan_send(&link.chan, &out), VMB_OK);
    rig_close(rig, &link);
    rig_down(rig);
}

/* --- Misuse --------------------------------------------------------------- */

static void what_cannot_be_sent_is_refused(void **state)
{
    uint64_t pfn = 5;
    struct vmb_mdl mdl = { NULL, &pfn, 1, 0, 100 };
    struct vmb_mdl empty = { NULL, &pfn, 1, 0, 0 };
    struct vmb_iov hole = { NULL, 1 };
    struct vmb_iov huge = { &pfn, 70000 };
    struct vmb_iov over = { &pfn, SIZE_MAX };
    const struct vmb_out bad[] = {
        { .kind = (enum vmb_kind)0 },
        { .kind = VMB_XFER_PAGES },
        { .kind = (enum vmb_kind)12 },
        { .kind = VMB_GPA_DIRECT },
        { .kind = VMB_GPA_DIRECT, .mdl = &empty },
        { .kind = VMB_GPA_DIRECT, .mdl = &mdl, .mdl_offset = 101 },
        { .kind = VMB_GPA_DIRECT, .mdl = &mdl, .mdl_offset = 100 },
        { .kind = VMB_GPA_DIRECT, .mdl = &mdl, .mdl_length = 101 },
        { .kind = VMB_GPA_DIRECT, .mdl = &mdl, .mdl_offset = UINT64_MAX },
        { .kind = VMB_INBAND, .mdl = &mdl },
        { .kind = VMB_COMPLETION, .mdl = &mdl },
        { .kind = VMB_COMPLETION, .want_reply = true },
        { .kind = VMB_INBAND, .iov_count = 1 },
        { .kind = VMB_INBAND, .iov = &hole, .iov_count = 1 },
    };
    struct vmb_out big = { .kind = VMB_INBAND, .iov = &huge, .iov_count = 1 };
    struct scene s;
    uint32_t i;

    (void)state;
    set_up(&s, NULL);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(vmb_chan_send(&s.link.chan, &bad[i]), VMB_E_ARG);
        assert_int_equal(vmb_chan_stage(&s.link.chan, &bad[i]), VMB_E_ARG);
    }
    assert_int_equal(vmb_chan_send(&s.link.chan, &big), VMB_E_TOOBIG);
    big.iov = &over;
    assert_int_equal(vmb_chan_send(&s.link.chan, &big), VMB_E_TOOBIG);
    /* None of it left a trace. */
    assert_int_equal(vmb_sim_count(s.rig->sim, VMB_SIM_AT_GUEST_PACKET), 0);
    rig_echo(s.rig, &s.link, 3);
    tear_down(&s);
}

static void what_cannot_be_opened_is_refused(void **state)
{
    struct scene s;
    struct vmb_offer *offer, copy;
    struct vmb_chan chan = { .gate_ = 0 };
    struct vmb_chan_cfg good, cfg;
    struct vmb_bus *bus;

    (void)state;
    set_up(&s, NULL);
    offer = rig_offer(s.rig, s.dev, 0);
    bus = vmb_conn_bus(&s.rig->conn);
    good = s.link.cfg;
    good.ring = rig_alloc(s.rig, 4);
#define REFUSED(member, value)                                         \
    do {                                                               \
        cfg = good;                                                    \
        cfg.member = (value);                                          \
        assert_int_equal(vmb_chan_open_start(&chan, bus, offer, &cfg), \
                         VMB_E_ARG);                                   \
    } while (0)
    REFUSED(ring, NULL);
    REFUSED(ring, (uint8_t *)good.ring + 64);
    REFUSED(tx_pages, 0);
    REFUSED(rx_pages, 0);
    REFUSED(txns, NULL);
    REFUSED(user_len, 1);
    cfg = good;
    cfg.user = "x";
    cfg.user_len = VMB_CHAN_USER_BYTES + 1;
    assert_int_equal(vmb_chan_open_start(&chan, bus, offer, &cfg), VMB_E_ARG);
    /* The offer has a channel; the channel is open; the offer is a copy. */
    assert_int_equal(vmb_chan_open_start(&chan, bus, offer, &good),
                     VMB_E_STATE);
    copy = *offer;
    copy.chan_ = NULL;
    assert_int_equal(vmb_chan_open_start(&s.link.chan, bus, &copy, &good),
                     VMB_E_STATE);
    assert_int_equal(vmb_chan_open_start(&chan, bus, &copy, &good), VMB_E_ARG);
    rig_echo(s.rig, &s.link, 3);
    rig_close(s.rig, &s.link);
    assert_int_equal(vmb_chan_open_start(&chan, bus, &copy, &good), VMB_E_ARG);
    rig_down(s.rig);
}

/* The caller's bytes travel with the open. */
static uint8_t opened_with[120];

static uint32_t look_at_user(void *ctx, struct vmb_sim_chan *chan,
                             const uint8_t user[120])
{
    (void)ctx;
    (void)chan;
    memcpy(opened_with, user, sizeof opened_with);
    return opened_with[0] == 'n' ? 0xc0000022 : 0;
}

static void open_carries_the_callers_bytes(void **state)
{
    struct vmb_sim_device is = { .type = { 1 }, .on_open = look_at_user };
    struct rig *rig = rig_make(NULL);
    struct vmb_sim_dev *dev = vmb_sim_device_add(rig->sim, &is);
    struct link link = { .cfg = { .user = "yes, please", .user_len = 12 } };
    struct vmb_fault fault;
    uint8_t zero[108] = { 0 };

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    assert_memory_equal(opened_with, "yes, please", 12);
    assert_memory_equal(opened_with + 12, zero, sizeof zero);
    rig_close(rig, &link);
    link.cfg.user = "no";
    link.cfg.user_len = 2;
    assert_int_equal(rig_try_open(rig, &link, rig_offer(rig, dev, 0)),
                     VMB_E_REFUSED);
    vmb_chan_fault(&link.chan, &fault);
    assert_int_equal(fault.status, VMB_E_REFUSED);
    assert_int_equal(fault.site, VMB_SITE_OPEN_STATUS);
    assert_int_equal(fault.host_code, 0xc0000022);
    /* Until it is closed the pages are not the caller's. */
    assert_int_equal(rig_open_start(rig, &link, rig_offer(rig, dev, 0)),
                     VMB_E_STATE);
    assert_true(rig_mapped(rig, link.ring, 1));
    rig_close(rig, &link);
    link.cfg.user = "yes";
    rig_open(rig, &link, dev);
    rig_close(rig, &link);
    rig_down(rig);
}

/* --- Lanes ---------------------------------------------------------------- */

static struct scene *entered;
static enum vmb_status second[3];
static bool busy;

static void enter_again(void *ctx, const struct vmb_trace *event)
{
    struct vmb_out out = { .kind = VMB_INBAND };

    (void)ctx;
    if (event->event != VMB_EVENT_SIGNAL || busy)
        return;
    busy = true; /* and whoever comes in meanwhile is told so */
    second[0] = vmb_chan_send(&entered->link.chan, &out);
    second[1] = vmb_chan_stage(&entered->link.chan, &out);
    second[2] = vmb_chan_flush(&entered->link.chan);
    busy = false;
}

static void poll_again(struct rig *rig, enum vmb_conn_event event,
                       struct vmb_offer *offer)
{
    (void)event;
    (void)offer;
    second[0] = vmb_conn_poll(&rig->conn);
}

static void a_second_entrant_is_told(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct scene s;
    uint32_t i;

    (void)state;
    set_up(&s, &(struct rig_cfg){ .sim.quirks = VMB_SIM_LAZY });
    rig_settle(s.rig);
    entered = &s;
    s.rig->plat.trace = enter_again;
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    s.rig->plat.trace = NULL;
    for (i = 0; i < 3; i++)
        assert_int_equal(second[i], VMB_E_LANE);
    second[0] = VMB_OK;
    s.rig->on_event = poll_again;
    rig_device(s.rig);
    rig_settle(s.rig);
    s.rig->on_event = NULL;
    assert_int_equal(second[0], VMB_E_LANE);
    rig_echo(s.rig, &s.link, 3);
    tear_down(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_back_whole),
        cmocka_unit_test(pieces_are_gathered),
        cmocka_unit_test(the_host_is_answered),
        cmocka_unit_test(transfer_pages_name_parts_of_a_gpadl),
        cmocka_unit_test(answers_find_their_requests),
        cmocka_unit_test(slots_bound_what_is_outstanding),
        cmocka_unit_test(a_close_forgets_what_is_outstanding),
        cmocka_unit_test(without_slots_nothing_is_asked),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(what_cannot_be_opened_is_refused),
        cmocka_unit_test(open_carries_the_callers_bytes),
        cmocka_unit_test(a_second_entrant_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
