/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Full rings both ways, wrap, batches, and how often anybody is signalled. */
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

static uint32_t host_word(struct scene *s, enum vmb_sim_ring ring,
                          uint32_t word)
{
    uint32_t value = 0;

    assert_int_equal(vmb_sim_ring_get(s->host, ring, word, &value), VMB_OK);
    return value;
}

static uint64_t packets(struct scene *s)
{
    return vmb_sim_count(s->rig->sim, VMB_SIM_AT_GUEST_PACKET);
}

/* A packet of this many bytes, header and trailer included. */
static struct vmb_out packet(struct vmb_iov *iov, uint32_t total)
{
    static const uint8_t zeros[70000];
    struct vmb_out out = { .kind = VMB_INBAND, .iov = iov, .iov_count = 1 };

    iov->base = zeros;
    iov->len = total - 24;
    return out;
}

static const struct rig_cfg modes[] = {
    { .interrupts = false },
    { .interrupts = true },
    { .interrupts = true, .sim = { .budget = 1 } },
    { .interrupts = true, .sim.quirks = VMB_SIM_LAZY },
    { .sim = { .quirks = VMB_SIM_LAZY, .budget = 3 } },
    { .interrupts = true, .sim.quirks = VMB_SIM_QEMU },
    { .interrupts = true, .sim.max_version = VMB_VERSION_1_1 },
};

#define MODES (sizeof modes / sizeof modes[0])

/* --- The guest's ring ----------------------------------------------------- */

static uint32_t fill_up(struct scene *s, const struct vmb_out *out)
{
    enum vmb_status status;
    uint32_t count = 0;

    while ((status = vmb_chan_send(&s->link.chan, out)) == VMB_OK)
        assert_true(++count < 1000);
    assert_int_equal(status, VMB_AGAIN);
    return count;
}

static void a_full_ring_asks_for_room(void **state)
{
    struct vmb_iov iov;
    struct vmb_out out = packet(&iov, 200);
    struct scene s;
    uint32_t i, n, count;
    uint64_t before;

    (void)state;
    for (i = 0; i < MODES; i++) {
        set_up(&s, &modes[i]);
        for (n = 0; n < 30; n++) {
            vmb_sim_stall(s.host, true);
            before = packets(&s);
            count = fill_up(&s, &out);
            assert_int_equal(count, (4096 - 8) / 200);
            /* The wish stands, with the feature bit that gives it meaning. */
            assert_in_range(host_word(&s, VMB_SIM_TO_HOST, VMB_SIM_PEND), 200,
                            208);
            assert_int_equal(host_word(&s, VMB_SIM_TO_HOST, VMB_SIM_FEATURES),
                             1);
            s.link.flagged = false;
            vmb_sim_stall(s.host, false);
            /* By interrupts: the room's signal alone wakes us. */
            assert_int_equal(rig_send(s.rig, &s.link, &out), VMB_OK);
            /* Nobody is told of room that nobody waits for. */
            assert_int_equal(host_word(&s, VMB_SIM_TO_HOST, VMB_SIM_PEND), 0);
            rig_settle(s.rig);
            assert_int_equal(packets(&s) - before, count + 1);
        }
        tear_down(&s);
    }
}

/* The largest packet there is, from every place in the ring. */
static void the_largest_packet_fits_from_everywhere(void **state)
{
    struct vmb_iov iov;
    struct vmb_out largest = packet(&iov, 4096 - 16), one;
    struct vmb_iov over, step;
    struct vmb_out toobig = packet(&over, 4096 - 8);
    struct scene s;
    uint32_t i;

    (void)state;
    set_up(&s, &modes[1]);
    one = packet(&step, 24);
    for (i = 0; i < 4096 / 8; i++) {
        assert_int_equal(vmb_chan_send(&s.link.chan, &toobig), VMB_E_TOOBIG);
        assert_int_equal(rig_send(s.rig, &s.link, &largest), VMB_OK);
        assert_int_equal(rig_send(s.rig, &s.link, &one), VMB_OK);
        rig_settle(s.rig);
        assert_int_equal(packets(&s), 2 * i + 2);
    }
    tear_down(&s);
}

/*
 * Room that is 8 bytes short, once the first of two packets has been read: a
 * wish for too little would be granted then, and never again.
 */
static void room_that_just_misses_is_no_room(void **state)
{
    const struct rig_cfg one_by_one = {
        .interrupts = true,
        .sim = { .quirks = VMB_SIM_LAZY, .budget = 1 },
    };
    struct vmb_iov iov[3];
    struct scene s;
    uint32_t total;

    (void)state;
    for (total = 32; total < 4064; total += 8) {
        struct vmb_out first = packet(&iov[0], total - 8);
        struct vmb_out second = packet(&iov[1], 4096 - total);
        struct vmb_out out = packet(&iov[2], total);

        set_up(&s, &one_by_one);
        vmb_sim_stall(s.host, true);
        assert_int_equal(vmb_chan_send(&s.link.chan, &first), VMB_OK);
        assert_int_equal(vmb_chan_send(&s.link.chan, &second), VMB_OK);
        assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_AGAIN);
        vmb_sim_stall(s.host, false);
        assert_int_equal(rig_send(s.rig, &s.link, &out), VMB_OK);
        rig_settle(s.rig);
        assert_int_equal(packets(&s), 3);
        tear_down(&s);
    }
}

/* A ring of any size: lengths at random, each compared. */
static void wrapping(uint32_t pages, const struct rig_cfg *cfg, uint64_t *seed)
{
    struct rig *rig = rig_make(cfg);
    struct link link = { .cfg = { .tx_pages = pages, .rx_pages = pages } };
    struct vmb_sim_dev *dev = rig_device(rig);
    struct vmb_sim_test_request back;
    static uint8_t there[3000], here[3000];
    struct vmb_rx rx;
    uint32_t i, n, len;

    rig_start(rig);
    rig_open(rig, &link, dev);
    for (i = 0; i < 300; i++) {
        struct ask ask = { .request = { .op = VMB_SIM_ECHO, .seed = i } };

        len = 1 + rig_below(seed, sizeof there);
        for (n = 0; n < len; n++)
            there[n] = (uint8_t)rig_random(seed);
        ask.payload = there;
        ask.payload_bytes = len;
        assert_int_equal(rig_ask_start(rig, &link, &ask, true), VMB_OK);
        assert_int_equal(rig_recv(rig, &link, &rx), VMB_OK);
        assert_int_equal(vmb_rx_copy(&link.chan, &rx, 0, &back, sizeof back),
                         sizeof back);
        assert_int_equal(back.seed, i);
        assert_int_equal(vmb_rx_copy(&link.chan, &rx, sizeof back, here, len),
                         len);
        assert_memory_equal(here, there, len);
        assert_int_equal(vmb_chan_release(&link.chan), VMB_OK);
    }
    rig_close(rig, &link);
    rig_down(rig);
}

static void rings_wrap_anywhere(void **state)
{
    uint64_t seed = rig_seed(0x57a9);
    uint32_t i;

    (void)state;
    for (i = 0; i < MODES; i++) {
        wrapping(1, &modes[i], &seed);
        wrapping(3, &modes[i], &seed);
    }
    wrapping(7, &modes[1], &seed);
}

/* --- The host's ring ------------------------------------------------------ */

/* count packets of `bytes`; released every `stride`. */
static void take_burst(struct scene *s, uint32_t count, uint32_t bytes,
                       uint32_t stride)
{
    struct ask ask = { .request = { .op = VMB_SIM_BURST,
                                    .count = count,
                                    .seed = 7777,
                                    .bytes = bytes } };
    uint32_t before = s->rig->signalled, i, n;
    uint8_t data[2000];
    struct vmb_rx rx;

    assert_int_equal(rig_ask_start(s->rig, &s->link, &ask, false), VMB_OK);
    for (i = 0; i < count; i++) {
        assert_int_equal(rig_recv(s->rig, &s->link, &rx), VMB_OK);
        assert_int_equal(rx.kind, VMB_INBAND);
        assert_int_equal(rx.xid, 7777 + i);
        assert_false(rx.want_reply);
        assert_int_equal(vmb_rx_copy(&s->link.chan, &rx, 0, data, bytes),
                         bytes);
        for (n = 0; n < bytes; n++)
            if (data[n] != vmb_sim_pattern(7777 + i, n))
                fail_msg("packet %u, byte %u differs", i, n);
        if (i % stride == stride - 1)
            assert_int_equal(vmb_chan_release(&s->link.chan), VMB_OK);
    }
    assert_int_equal(vmb_chan_release(&s->link.chan), VMB_OK);
    assert_int_equal(vmb_sim_backlog(s->host), 0);
    /* It asks for a quarter of the ring, and is not told of each packet. */
    if (!(s->rig->cfg.sim.quirks & VMB_SIM_QEMU))
        assert_in_range(s->rig->signalled - before, 1,
                        8 + count * (32 + bytes) / 512);
}

static void a_waiting_host_is_told_of_room(void **state)
{
    static const uint32_t sizes[] = { 8, 100, 1000, 1999 };
    struct vmb_sim_counts stats;
    struct scene s;
    uint32_t i, n;

    (void)state;
    for (i = 0; i < MODES; i++) {
        set_up(&s, &modes[i]);
        for (n = 0; n < 4; n++) {
            take_burst(&s, 400, sizes[n], 1);
            take_burst(&s, 400, sizes[n], 2);
        }
        take_burst(&s, 1000, 64, 40);
        vmb_sim_stats(s.rig->sim, &stats);
        assert_true(stats.ring_full > 0);
        /* And of no less than it asked for. */
        if (!(modes[i].sim.quirks & VMB_SIM_QEMU))
            assert_int_equal(stats.idle_signals, 0);
        tear_down(&s);
    }
}

/* Packets of which just two fit: the room's edge is met exactly. */
static void the_edge_of_room_is_met(void **state)
{
    struct scene s;
    uint32_t bytes;

    (void)state;
    set_up(&s, &modes[1]);
    for (bytes = 1000; bytes < 2000; bytes += 8)
        take_burst(&s, 5, bytes, 1);
    tear_down(&s);
}

/* --- Signals -------------------------------------------------------------- */

/* The host reads nothing meanwhile: only the first of many finds it empty. */
static void only_the_first_packet_signals(void **state)
{
    struct vmb_iov iov;
    struct vmb_out out = packet(&iov, 40);
    struct scene s;
    uint32_t i, before;

    (void)state;
    set_up(&s, &modes[3]);
    rig_settle(s.rig);
    before = s.rig->signalled;
    for (i = 0; i < 50; i++)
        assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    assert_int_equal(s.rig->signalled - before, 1);
    rig_settle(s.rig);
    assert_int_equal(packets(&s), 50);
    tear_down(&s);
}

static void a_masking_host_is_not_signalled(void **state)
{
    struct vmb_iov iov;
    struct vmb_out out = packet(&iov, 40);
    struct scene s;
    uint32_t before;

    (void)state;
    set_up(&s, &modes[3]);
    rig_settle(s.rig);
    before = s.rig->signalled;
    assert_int_equal(vmb_sim_ring_set(s.host, VMB_SIM_TO_HOST, VMB_SIM_MASK, 1),
                     VMB_OK);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    assert_int_equal(s.rig->signalled, before);
    tear_down(&s);
}

static void a_batch_goes_under_one_signal(void **state)
{
    struct vmb_iov iov;
    struct vmb_out out = packet(&iov, 40);
    struct scene s;
    uint32_t i, n, before;

    (void)state;
    for (i = 0; i < MODES; i++) {
        set_up(&s, &modes[i]);
        for (n = 0; n < 20; n++) {
            uint64_t had = packets(&s);
            uint32_t k;

            rig_settle(s.rig);
            before = s.rig->signalled;
            for (k = 0; k < 12; k++) /* 480 bytes: below an eighth */
                assert_int_equal(vmb_chan_stage(&s.link.chan, &out), VMB_OK);
            rig_settle(s.rig);
            assert_int_equal(packets(&s), had);
            assert_int_equal(vmb_chan_flush(&s.link.chan), VMB_OK);
            rig_settle(s.rig);
            assert_int_equal(packets(&s), had + 12);
            assert_int_equal(s.rig->signalled - before, 1);
            assert_int_equal(vmb_chan_flush(&s.link.chan), VMB_OK);
            assert_int_equal(s.rig->signalled - before, 1);
        }
        tear_down(&s);
    }
}

static void a_long_batch_lets_the_host_begin(void **state)
{
    struct vmb_iov iov;
    struct vmb_out out = packet(&iov, 40);
    struct scene s;
    uint32_t i;

    (void)state;
    set_up(&s, &modes[1]);
    for (i = 0; i < 13; i++) /* 520 bytes: an eighth of 4096 */
        assert_int_equal(vmb_chan_stage(&s.link.chan, &out), VMB_OK);
    rig_settle(s.rig);
    assert_int_equal(packets(&s), 13);
    assert_int_equal(vmb_chan_flush(&s.link.chan), VMB_OK);
    tear_down(&s);
}

/* What was staged is on its way before room is waited for. */
static void a_full_batch_is_not_held_back(void **state)
{
    struct vmb_iov iov, tiny;
    struct vmb_out out = packet(&iov, 1000), small = packet(&tiny, 24);
    struct scene s;
    uint32_t i;

    (void)state;
    set_up(&s, &modes[1]);
    vmb_sim_stall(s.host, true);
    for (i = 0; i < 3; i++)
        assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    for (i = 0; i < 5; i++)
        assert_int_equal(vmb_chan_stage(&s.link.chan, &small), VMB_OK);
    assert_int_equal(vmb_chan_stage(&s.link.chan, &out), VMB_AGAIN);
    vmb_sim_stall(s.host, false);
    rig_settle(s.rig);
    assert_int_equal(packets(&s), 8);
    assert_int_equal(rig_send(s.rig, &s.link, &out), VMB_OK);
    tear_down(&s);
}

static void receiving_masks_until_armed_again(void **state)
{
    struct vmb_rx rx;
    struct scene s;

    (void)state;
    set_up(&s, &modes[1]);
    assert_int_equal(host_word(&s, VMB_SIM_TO_GUEST, VMB_SIM_MASK), 1);
    assert_false(vmb_chan_arm(&s.link.chan));
    assert_int_equal(host_word(&s, VMB_SIM_TO_GUEST, VMB_SIM_MASK), 0);
    assert_int_equal(vmb_chan_recv(&s.link.chan, &rx), VMB_AGAIN);
    assert_int_equal(host_word(&s, VMB_SIM_TO_GUEST, VMB_SIM_MASK), 1);
    tear_down(&s);
}

/* A host signals only into a ring that has been given back whole. */
static void nobody_sleeps_on_packets_in_hand(void **state)
{
    struct vmb_sim_counts before, after;
    struct scene s;
    struct vmb_rx rx;
    uint32_t i;

    (void)state;
    for (i = 0; i < MODES; i++) {
        set_up(&s, &modes[i]);
        assert_int_equal(vmb_sim_send_inband(s.host, 1, "x", 1, false), VMB_OK);
        assert_int_equal(vmb_chan_recv(&s.link.chan, &rx), VMB_OK);
        assert_true(vmb_chan_arm(&s.link.chan));
        vmb_sim_stats(s.rig->sim, &before);
        assert_int_equal(vmb_sim_send_inband(s.host, 2, "x", 1, false), VMB_OK);
        vmb_sim_stats(s.rig->sim, &after);
        assert_int_equal(after.guest_signals, before.guest_signals);
        assert_int_equal(vmb_chan_recv(&s.link.chan, &rx), VMB_OK);
        assert_int_equal(rx.xid, 2);
        assert_int_equal(vmb_chan_release(&s.link.chan), VMB_OK);
        assert_false(vmb_chan_arm(&s.link.chan));
        assert_int_equal(vmb_sim_send_inband(s.host, 3, "x", 1, false), VMB_OK);
        vmb_sim_stats(s.rig->sim, &after);
        assert_int_equal(after.guest_signals, before.guest_signals + 1);
        assert_int_equal(vmb_chan_recv(&s.link.chan, &rx), VMB_OK);
        assert_int_equal(rx.xid, 3);
        assert_int_equal(vmb_chan_release(&s.link.chan), VMB_OK);
        tear_down(&s);
    }
}

/* As many interrupts as idle moments, not as packets. */
static void a_busy_receiver_is_not_interrupted(void **state)
{
    struct vmb_sim_counts before, after;
    struct scene s;

    (void)state;
    set_up(&s, &modes[1]);
    rig_settle(s.rig);
    vmb_sim_stats(s.rig->sim, &before);
    take_burst(&s, 1000, 64, 10);
    vmb_sim_stats(s.rig->sim, &after);
    assert_true(after.guest_signals - before.guest_signals <= 100);
    tear_down(&s);
}

/* The same for the other side, while nothing is in flight. */
static void nobody_is_signalled_for_nothing(void **state)
{
    struct vmb_sim_counts stats;
    struct scene s;
    uint32_t i;

    (void)state;
    for (i = 0; i < MODES; i++) {
        if (modes[i].sim.quirks & VMB_SIM_QEMU)
            continue; /* it never masks: signals cross its reading */
        set_up(&s, &modes[i]);
        rig_echo(s.rig, &s.link, 200);
        vmb_sim_stats(s.rig->sim, &stats);
        assert_int_equal(stats.idle_signals, 0);
        assert_true(stats.signals <= 200);
        tear_down(&s);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_ring_asks_for_room),
        cmocka_unit_test(the_largest_packet_fits_from_everywhere),
        cmocka_unit_test(room_that_just_misses_is_no_room),
        cmocka_unit_test(rings_wrap_anywhere),
        cmocka_unit_test(a_waiting_host_is_told_of_room),
        cmocka_unit_test(the_edge_of_room_is_met),
        cmocka_unit_test(only_the_first_packet_signals),
        cmocka_unit_test(a_masking_host_is_not_signalled),
        cmocka_unit_test(a_batch_goes_under_one_signal),
        cmocka_unit_test(a_long_batch_lets_the_host_begin),
        cmocka_unit_test(a_full_batch_is_not_held_back),
        cmocka_unit_test(receiving_masks_until_armed_again),
        cmocka_unit_test(nobody_sleeps_on_packets_in_hand),
        cmocka_unit_test(a_busy_receiver_is_not_interrupted),
        cmocka_unit_test(nobody_is_signalled_for_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
