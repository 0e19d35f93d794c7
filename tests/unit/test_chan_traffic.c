/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Sends and receives on an open channel: when the host is signalled, what a
 * failed signal or a lie does, and who may be inside at the same time.
 */
#include "fake_bus.h"
#include "lane.h"
#include "packets.h"

static struct fake_bus bus;
static struct vmb_chan chan;
static struct vmb_chan_cfg cfg;
static struct peer_ring to_host, to_guest;
static struct peer_image image;
static uint8_t *ring;

static int set_up(void **state)
{
    (void)state;
    ring = new_pages(6);
    fake_bus_init(&bus);
    memset(&chan, 0, sizeof chan);
    memset(&cfg, 0, sizeof cfg);
    cfg.ring = ring;
    cfg.tx_pages = 2;
    cfg.rx_pages = 2;
    fake_open(&bus, &chan, &cfg);
    to_host = peer_of_tx(&chan.tx_);
    to_guest = peer_of_rx(&chan.rx_);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(ring);
    return 0;
}

/* A packet of `total` bytes in the ring. */
static enum vmb_status pass(uint32_t total,
                            enum vmb_status (*how)(struct vmb_chan *,
                                                   const struct vmb_out *))
{
    static const uint8_t payload[2 * PAGE];
    struct vmb_iov iov = { payload, total - 24 };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };

    return how(&chan, &out);
}

static enum vmb_status send(uint32_t total)
{
    return pass(total, vmb_chan_send);
}

static enum vmb_status stage(uint32_t total)
{
    return pass(total, vmb_chan_stage);
}

static void host_sends(uint32_t payload)
{
    peer_begin(&image, 6, 0, payload);
    peer_payload(&image);
    while (payload--)
        peer_put_bytes(&image, &(uint8_t){ (uint8_t)payload }, 1);
    peer_end(&image, 0);
    assert_true(peer_add(&to_guest, &image));
}

/* ---- what is refused --------------------------------------------------------
 */

/* By a channel as by its ring, and nothing of it is to be seen. */
static void assert_refused(const struct vmb_out *out)
{
    uint32_t write = peer_word(&to_host, PEER_WRITE);
    struct vmb_out_size size;

    assert_int_equal(vmb_ring_measure(out, &size), VMB_E_ARG);
    assert_int_equal(vmb_chan_send(&chan, out), VMB_E_ARG);
    assert_int_equal(vmb_chan_stage(&chan, out), VMB_E_ARG);
    assert_int_equal(vmb_chan_flush(&chan), VMB_OK);
    assert_int_equal(peer_word(&to_host, PEER_WRITE), write);
}

static void what_is_wrong_leaves_no_trace(void **state)
{
    uint64_t pfns[2] = { 5, 6 };
    struct vmb_mdl mdl = { .byte_count = 100, .pfns = pfns };
    struct vmb_iov iov = { ring, 8 };
    struct vmb_out out = { .kind = VMB_GPA_DIRECT,
                           .iov = &iov,
                           .iov_count = 1 };

    (void)state;
    assert_refused(&out);
    out.mdl = &mdl;
    out.mdl_length = 101;
    assert_refused(&out);
    out.mdl_length = 0;
    mdl.byte_count = 0;
    assert_refused(&out);
    mdl.byte_count = 100;
    mdl.byte_offset = VMB_PAGE_SIZE;
    assert_refused(&out);
    mdl.byte_offset = 0;
    out.kind = VMB_INBAND;
    assert_refused(&out);
    out.kind = VMB_COMPLETION;
    assert_refused(&out);
    out.mdl = NULL;
    out.want_reply = true;
    assert_refused(&out);
    out.want_reply = false;
    out.kind = (enum vmb_kind)99;
    assert_refused(&out);
    out.kind = VMB_INBAND;
    iov.base = NULL;
    assert_refused(&out);
    iov.base = ring;
    assert_int_equal(vmb_chan_send(&chan, &out), VMB_OK);
    assert_int_equal(peer_word(&to_host, PEER_WRITE), 32);
}

/* ---- signals ---------------------------------------------------------------
 */

static void the_host_is_signalled_for_the_first_packet(void **state)
{
    (void)state;
    assert_int_equal(send(64), VMB_OK);
    assert_calls(&bus, "S");
    assert_int_equal(send(64), VMB_OK);
    assert_int_equal(send(64), VMB_OK);
    assert_calls(&bus, "");
    while (peer_take(&to_host, &image))
        assert_int_equal(image.len, 64);
    peer_set_word(&to_host, PEER_MASK, 1);
    assert_int_equal(send(64), VMB_OK);
    assert_calls(&bus, "");
}

static void a_batch_is_signalled_once(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 10; i++)
        assert_int_equal(stage(64), VMB_OK);
    assert_calls(&bus, "");
    assert_int_equal(peer_used(&to_host), 0);
    assert_int_equal(vmb_chan_flush(&chan), VMB_OK);
    assert_calls(&bus, "S");
    assert_int_equal(peer_used(&to_host), 640);
    assert_int_equal(vmb_chan_flush(&chan), VMB_OK);
    assert_calls(&bus, "");
}

static void a_large_batch_is_shown_early(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 1; i <= 15; i++) {
        assert_int_equal(stage(64), VMB_OK);
        assert_int_equal(peer_used(&to_host), 0);
    }
    assert_int_equal(stage(64), VMB_OK); /* an eighth of two pages */
    assert_int_equal(peer_used(&to_host), 1024);
    assert_calls(&bus, "S");
}

static void a_send_shows_what_was_staged(void **state)
{
    (void)state;
    assert_int_equal(stage(64), VMB_OK);
    assert_int_equal(send(80), VMB_OK);
    assert_calls(&bus, "S");
    assert_true(peer_take(&to_host, &image));
    assert_int_equal(image.len, 64);
    assert_true(peer_take(&to_host, &image));
    assert_int_equal(image.len, 80);
}

static void a_full_ring_shows_its_batch_and_states_the_wish(void **state)
{
    (void)state;
    assert_int_equal(send(2 * PAGE - 1000), VMB_OK);
    assert_int_equal(stage(560), VMB_OK);
    assert_int_equal(stage(800), VMB_AGAIN);
    assert_int_equal(peer_used(&to_host), 2 * PAGE - 440);
    assert_int_equal(peer_word(&to_host, PEER_PENDING), 808);
    assert_true(peer_take(&to_host, &image));
    assert_int_equal(stage(800), VMB_OK);
    assert_int_equal(vmb_chan_flush(&chan), VMB_OK);
    assert_int_equal(peer_word(&to_host, PEER_PENDING), 0);
    assert_int_equal(send(2 * PAGE - 8), VMB_E_TOOBIG);
    assert_int_equal(send(2 * PAGE - 16), VMB_AGAIN);
}

static void a_waiting_host_is_signalled_when_room_comes(void **state)
{
    struct vmb_rx rx;

    (void)state;
    peer_set_word(&to_guest, PEER_FEATURE, 1);
    host_sends(4000);
    host_sends(4000);
    peer_set_word(&to_guest, PEER_PENDING, 4000);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_OK);
    assert_calls(&bus, "");
    assert_int_equal(vmb_chan_release(&chan), VMB_OK);
    assert_calls(&bus, "S");
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_OK);
    assert_int_equal(vmb_chan_release(&chan), VMB_OK);
    assert_calls(&bus, "");
}

static void a_signal_put_off_is_no_failure(void **state)
{
    struct vmb_rx rx;

    (void)state;
    bus.signal_says = VMB_AGAIN;
    assert_int_equal(send(64), VMB_OK);
    assert_true(peer_take(&to_host, &image));
    assert_int_equal(stage(64), VMB_OK);
    assert_int_equal(vmb_chan_flush(&chan), VMB_OK);
    peer_set_word(&to_guest, PEER_FEATURE, 1);
    host_sends(8);
    peer_set_word(&to_guest, PEER_PENDING, 2 * PAGE - 8);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_OK);
    assert_int_equal(vmb_chan_release(&chan), VMB_OK);
    assert_calls(&bus, "SSS");
}

/* All or nothing: the packet is in the ring, so the send was done. */
static void a_signal_that_fails_kills_the_channel(void **state)
{
    struct vmb_fault fault;
    struct vmb_rx rx;

    (void)state;
    bus.signal_says = VMB_E_HYPERCALL;
    assert_int_equal(send(64), VMB_OK);
    assert_int_equal(peer_used(&to_host), 64);
    assert_int_equal(send(64), VMB_E_HYPERCALL);
    assert_int_equal(stage(64), VMB_E_HYPERCALL);
    assert_int_equal(vmb_chan_flush(&chan), VMB_E_HYPERCALL);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_E_HYPERCALL);
    assert_int_equal(vmb_chan_release(&chan), VMB_E_HYPERCALL);
    assert_true(vmb_chan_arm(&chan));
    assert_int_equal(peer_used(&to_host), 64);
    vmb_chan_fault(&chan, &fault);
    assert_int_equal(fault.status, VMB_E_HYPERCALL);
    assert_int_equal(fault.site, VMB_SITE_HV_HYPERCALL);
    assert_int_equal(fault.host_code, 5);
    fake_close(&bus, &chan);
}

static void a_signal_that_fails_is_told_by_flush_and_release(void **state)
{
    struct vmb_rx rx;

    (void)state;
    bus.signal_says = VMB_E_HYPERCALL;
    assert_int_equal(stage(64), VMB_OK);
    assert_int_equal(vmb_chan_flush(&chan), VMB_E_HYPERCALL);
    fake_close(&bus, &chan);
    fake_open(&bus, &chan, &cfg);
    peer_set_word(&to_guest, PEER_FEATURE, 1);
    host_sends(8);
    peer_set_word(&to_guest, PEER_PENDING, 2 * PAGE - 8);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_OK);
    assert_int_equal(vmb_chan_release(&chan), VMB_E_HYPERCALL);
}

/* ---- lies
 * -------------------------------------------------------------------- */

static void assert_killed(enum vmb_site site)
{
    struct vmb_fault fault;
    struct vmb_rx rx;

    vmb_chan_fault(&chan, &fault);
    assert_int_equal(fault.status, VMB_E_HOST);
    assert_int_equal(fault.site, site);
    assert_int_equal(send(64), VMB_E_HOST);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_E_HOST);
    /* A second thing wrong does not cover the first. */
    fake_rescind(&bus, &chan);
    vmb_chan_fault(&chan, &fault);
    assert_int_equal(fault.site, site);
    assert_int_equal(send(64), VMB_E_HOST);
}

static void a_lie_to_the_receiver_costs_the_channel(void **state)
{
    struct vmb_rx rx;

    (void)state;
    peer_set_word(&to_guest, PEER_WRITE, 4);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_E_HOST);
    assert_killed(VMB_SITE_RX_WRITE_ALIGN);
}

static void a_lie_to_the_sender_costs_the_channel(void **state)
{
    (void)state;
    assert_int_equal(send(2 * PAGE - 100), VMB_OK);
    peer_set_word(&to_host, PEER_READ, 2 * PAGE);
    assert_int_equal(send(200), VMB_E_HOST);
    assert_killed(VMB_SITE_TX_READ_RANGE);
}

static void payload_cannot_be_read_after_the_gate_fell(void **state)
{
    uint8_t copy[16] = { 0 };
    struct vmb_rx rx, next;

    (void)state;
    host_sends(16);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_OK);
    assert_int_equal(vmb_rx_copy(&chan, &rx, 0, copy, 16), 16);
    peer_set_word(&to_guest, PEER_WRITE, 4);
    assert_int_equal(vmb_chan_recv(&chan, &next), VMB_E_HOST);
    assert_int_equal(vmb_rx_copy(&chan, &rx, 0, copy, 16), 0);
}

/* ---- the short way ------------------------------------------------------- */

/* A first word that is right half of the time, somewhere in the ring. */
static void lay_anything(struct rng *rng)
{
    static const uint16_t types[] = { 6, 6, 6, 7, 11, 5, 8, 262 };
    uint32_t at = rng_below(rng, 2 * PAGE / 8) * 8;
    uint32_t held = rng_below(rng, 14) * 8;
    uint16_t word[4] = { types[rng_below(rng, COUNT(types))], 2,
                         (uint16_t)rng_below(rng, 14),
                         (uint16_t)rng_below(rng, 4) };

    if (rng_one_in(rng, 3))
        word[1] = (uint16_t)rng_below(rng, 6);
    if (rng_one_in(rng, 3)) /* near the end */
        at = 2 * PAGE - 8 - rng_below(rng, 14) * 8;
    peer_write_at(&to_guest, at, word, sizeof word);
    peer_set_word(&to_guest, PEER_READ, at);
    peer_set_word(&to_guest, PEER_WRITE, (at + held) % (2 * PAGE));
    chan.rx_.read_ = at;
    chan.rx_.released_ = at;
    chan.rx_.write_ = rng_one_in(rng, 4) ? at : (at + held) % (2 * PAGE);
    chan.rx_.armed_ = rng_one_in(rng, 4);
}

static void assert_alike(const struct vmb_rx *a, const struct vmb_rx *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->want_reply, b->want_reply);
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->at_, b->at_);
    assert_true(a->xid == b->xid);
    assert_ptr_equal(a->user, b->user);
    assert_int_equal(a->page_set, b->page_set);
    assert_int_equal(a->range_count, b->range_count);
    assert_int_equal(a->ranges_at_, b->ranges_at_);
}

static void assert_copies(const struct vmb_rx *packet)
{
    uint8_t copy[128], want[128];
    uint32_t offset, len, got;

    for (offset = 0; offset <= packet->len + 1; offset += 3) {
        for (len = 0; len <= packet->len + 9; len += 5) {
            got = offset < packet->len ? packet->len - offset : 0;
            got = got < len ? got : len;
            memset(copy, 0xcc, sizeof copy);
            memset(want, 0xcc, sizeof want);
            peer_read_at(&to_guest, packet->at_ + offset, want, got);
            assert_int_equal(vmb_rx_copy(&chan, packet, offset, copy, len),
                             got);
            assert_memory_equal(copy, want, sizeof copy);
        }
    }
}

/* One packet received by the channel and by a twin of its ring, which is armed
 * and so takes the way of all packets.  True: it was accepted. */
static bool receive_twice(void)
{
    struct vmb_fault fault = { .site = VMB_SITE_NONE }, why;
    struct vmb_ring_rx twin = chan.rx_;
    struct vmb_rx ours, theirs;
    enum vmb_status want, status;

    twin.armed_ = true;
    want = vmb_ring_next(&twin, &theirs, &fault);
    status = vmb_chan_recv(&chan, &ours);
    assert_int_equal(chan.rx_.read_, twin.read_);
    assert_int_equal(chan.rx_.armed_, twin.armed_);
    if (want == VMB_OK)
        assert_alike(&ours, &theirs);
    if (want == VMB_OK && theirs.kind == VMB_COMPLETION) {
        want = VMB_E_HOST; /* nothing was asked for */
        fault.site = VMB_SITE_RX_XID;
    }
    assert_int_equal(status, want);
    if (status == VMB_OK) {
        assert_copies(&ours);
        return true;
    }
    vmb_chan_fault(&chan, &why);
    assert_int_equal(why.site, fault.site);
    return false;
}

static void channels_receive_as_rings_do(void **state)
{
    uint32_t i, accepted = 0, dead = 0, cases = CASES_OF(40000u);
    struct rng rng = rng_from(13);

    (void)state;
    for (i = 0; i < 2 * PAGE; i++)
        ring[4 * PAGE + i] = (uint8_t)rng_next(&rng);
    for (i = 0; i < cases; i++) {
        lay_anything(&rng);
        accepted += receive_twice();
        if (vmb_chan_flush(&chan) == VMB_OK)
            continue;
        dead++;
        fake_close(&bus, &chan);
        fake_open(&bus, &chan, &cfg);
    }
    assert_in_range(accepted, cases / 20, cases);
    assert_in_range(dead, cases / 20, cases);
}

/* ---- waking
 * -------------------------------------------------------------------- */

static void arming_tells_of_what_slipped_in(void **state)
{
    struct vmb_rx rx;

    (void)state;
    assert_false(vmb_chan_arm(&chan));
    assert_int_equal(peer_word(&to_guest, PEER_MASK), 0);
    host_sends(8);
    assert_true(vmb_chan_arm(&chan));
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_OK);
    assert_int_equal(peer_word(&to_guest, PEER_MASK), 1);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_AGAIN);
    /* In hand, not given back: the host would not signal the next one. */
    assert_true(vmb_chan_arm(&chan));
    assert_int_equal(vmb_chan_release(&chan), VMB_OK);
    assert_false(vmb_chan_arm(&chan));
}

/* ---- lanes
 * ----------------------------------------------------------------------- */

static uint32_t entered;

/* From inside a send: the tx lane is taken, the others are free. */
static void enter_from_tx(struct fake_bus *from, struct vmb_chan *in)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_rx rx;

    from->on_signal = NULL;
    assert_int_equal(vmb_chan_send(in, &out), VMB_E_LANE);
    assert_int_equal(vmb_chan_stage(in, &out), VMB_E_LANE);
    assert_int_equal(vmb_chan_flush(in), VMB_E_LANE);
    assert_int_equal(vmb_chan_recv(in, &rx), VMB_AGAIN);
    assert_int_equal(vmb_chan_release(in), VMB_OK);
    assert_false(vmb_chan_arm(in));
    entered++;
}

static void enter_from_rx(struct fake_bus *from, struct vmb_chan *in)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_rx rx;

    from->on_signal = NULL;
    assert_int_equal(vmb_chan_recv(in, &rx), VMB_E_LANE);
    assert_int_equal(vmb_chan_release(in), VMB_E_LANE);
    assert_true(vmb_chan_arm(in));
    assert_int_equal(vmb_chan_send(in, &out), VMB_OK);
    entered++;
}

static void a_second_sender_is_turned_away(void **state)
{
    (void)state;
    entered = 0;
    bus.on_signal = enter_from_tx;
    assert_int_equal(send(64), VMB_OK);
    assert_int_equal(entered, 1);
    assert_int_equal(peer_used(&to_host), 64);
    assert_int_equal(send(64), VMB_OK); /* the lane is free again */
}

static void a_second_receiver_is_turned_away(void **state)
{
    struct vmb_rx rx;

    (void)state;
    entered = 0;
    bus.on_signal = enter_from_rx;
    peer_set_word(&to_guest, PEER_FEATURE, 1);
    host_sends(8);
    peer_set_word(&to_guest, PEER_PENDING, 2 * PAGE - 8);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_OK);
    assert_int_equal(vmb_chan_release(&chan), VMB_OK);
    assert_int_equal(entered, 1);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_AGAIN);
}

static void a_second_opener_is_turned_away(void **state)
{
    struct vmb_gpadl gpadl = { 0 };
    struct vmb_chan other = { 0 };

    (void)state;
    bus.bus.lane_ = 1; /* somebody on another CPU is inside */
    assert_int_equal(vmb_chan_open_start(&other, &bus.bus, &bus.offer, &cfg),
                     VMB_E_LANE);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_E_LANE);
    assert_int_equal(vmb_gpadl_create_virtual_start(&gpadl, &chan, ring, PAGE),
                     VMB_E_LANE);
    assert_calls(&bus, "");
    bus.bus.lane_ = 0;
    fake_close(&bus, &chan);
    assert_int_equal(bus.bus.lane_, 0);
}

/* A callback's lane is left as it was entered, though the callback may have
 * come to an end meanwhile: the other one is the poll's that called it. */
static void who_came_in_with_a_callback_frees_no_poll(void **state)
{
    (void)state;
    bus.bus.lane_ = 1;
    bus.bus.calling_back_ = true;
    assert_true(vmb_bus_enter(&bus.bus));
    bus.bus.calling_back_ = false;
    vmb_bus_leave(&bus.bus);
    assert_int_equal(bus.bus.lane_, 1);
    assert_int_equal(bus.bus.inner_, 0);
    bus.bus.lane_ = 0;
}

#define on_bus(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        on_bus(what_is_wrong_leaves_no_trace),
        on_bus(the_host_is_signalled_for_the_first_packet),
        on_bus(a_batch_is_signalled_once),
        on_bus(a_large_batch_is_shown_early),
        on_bus(a_send_shows_what_was_staged),
        on_bus(a_full_ring_shows_its_batch_and_states_the_wish),
        on_bus(a_waiting_host_is_signalled_when_room_comes),
        on_bus(a_signal_put_off_is_no_failure),
        on_bus(a_signal_that_fails_kills_the_channel),
        on_bus(a_signal_that_fails_is_told_by_flush_and_release),
        on_bus(a_lie_to_the_receiver_costs_the_channel),
        on_bus(a_lie_to_the_sender_costs_the_channel),
        on_bus(payload_cannot_be_read_after_the_gate_fell),
        on_bus(channels_receive_as_rings_do),
        on_bus(arming_tells_of_what_slipped_in),
        on_bus(a_second_sender_is_turned_away),
        on_bus(a_second_receiver_is_turned_away),
        on_bus(a_second_opener_is_turned_away),
        on_bus(who_came_in_with_a_callback_frees_no_poll),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
