/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Transactions through the public calls: what the host may send as the answer
 * to a request, and what costs it the channel.
 */
#include "fake_bus.h"
#include "packets.h"

#define SLOTS 5u

static struct fake_bus bus;
static struct vmb_chan chan;
static struct vmb_chan_cfg cfg;
static struct vmb_txn txns[8 * SLOTS]; /* the channel has SLOTS of them */
static struct peer_ring to_host, to_guest;
static struct peer_image image;
static uint8_t *ring;
static int users[64];

static void reopen(void)
{
    fake_open(&bus, &chan, &cfg);
    to_host = peer_of_tx(&chan.tx_);
    to_guest = peer_of_rx(&chan.rx_);
}

static int set_up(void **state)
{
    (void)state;
    ring = new_pages(6);
    fake_bus_init(&bus);
    memset(&chan, 0, sizeof chan);
    memset(&cfg, 0, sizeof cfg);
    memset(txns, 0xff, sizeof txns);
    cfg.ring = ring;
    cfg.tx_pages = 1;
    cfg.rx_pages = 2;
    cfg.txns = txns;
    cfg.txn_cap = SLOTS;
    reopen();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(ring);
    return 0;
}

static enum vmb_status ask(void *user)
{
    struct vmb_out out = { .kind = VMB_INBAND,
                           .want_reply = true,
                           .user = user };

    return vmb_chan_send(&chan, &out);
}

/* Sends a request; the id that the host sees. */
static uint64_t request(void *user)
{
    assert_int_equal(ask(user), VMB_OK);
    assert_true(peer_take(&to_host, &image));
    assert_int_equal(image.b[6], 1);
    return peer_get(&image, 8, 8);
}

static void complete(uint64_t xid)
{
    peer_begin(&image, 11, 0, xid);
    peer_payload(&image);
    peer_put64(&image, ~xid);
    peer_end(&image, 0);
    assert_true(peer_add(&to_guest, &image));
}

static void assert_answered(uint64_t xid, const void *user)
{
    struct vmb_rx rx;

    complete(xid);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_OK);
    assert_int_equal(rx.kind, VMB_COMPLETION);
    assert_true(rx.xid == xid);
    assert_ptr_equal(rx.user, user);
    assert_int_equal(vmb_chan_release(&chan), VMB_OK);
}

static void assert_dead(void)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_rx rx;

    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_E_HOST);
    assert_int_equal(vmb_chan_send(&chan, &out), VMB_E_HOST);
    assert_int_equal(vmb_chan_stage(&chan, &out), VMB_E_HOST);
    assert_int_equal(vmb_chan_flush(&chan), VMB_E_HOST);
    assert_int_equal(vmb_chan_release(&chan), VMB_E_HOST);
    assert_true(vmb_chan_arm(&chan));
}

/* The host answers what nobody asked: that costs it the channel. */
static void assert_forged(uint64_t xid)
{
    struct vmb_fault fault;
    struct vmb_rx rx;

    complete(xid);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_E_HOST);
    vmb_chan_fault(&chan, &fault);
    assert_int_equal(fault.status, VMB_E_HOST);
    assert_int_equal(fault.site, VMB_SITE_RX_XID);
    assert_true(fault.got == xid);
    assert_int_equal(fault.limit, SLOTS);
    assert_dead();
    fake_close(&bus, &chan);
    reopen();
}

static void answers_find_their_requests(void **state)
{
    uint64_t xid[SLOTS];
    uint32_t i;

    (void)state;
    for (i = 0; i < SLOTS; i++)
        xid[i] = request(&users[i]);
    for (i = 0; i < SLOTS; i++) /* in another order */
        assert_answered(xid[i * 2 % SLOTS], &users[i * 2 % SLOTS]);
}

static void ids_are_no_addresses_and_never_0(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        uint64_t xid = request(&users[i % 64]);

        assert_true((uint32_t)xid >= 1 && (uint32_t)xid <= SLOTS);
        assert_true(xid >> 32 != 0);
        assert_answered(xid, &users[i % 64]);
    }
}

static void replayed_answers_are_forgeries(void **state)
{
    uint64_t xid;

    (void)state;
    xid = request(users);
    assert_answered(xid, users);
    assert_forged(xid);
}

static void a_replay_is_found_when_the_slot_lives_again(void **state)
{
    uint64_t first = request(&users[0]);
    uint32_t i;

    (void)state;
    assert_answered(first, &users[0]);
    for (i = 1; i < SLOTS; i++)
        assert_answered(request(&users[i]), &users[i]);
    /* The same slot, in its next life. */
    assert_int_equal((uint32_t)request(&users[9]), (uint32_t)first);
    assert_forged(first);
}

/* Of slot 1 in its first life; xor with what is live makes the forgery. */
static void invented_ids_are_forgeries(void **state)
{
    static const uint64_t wrong[] = { 1,
                                      2,
                                      3,
                                      SLOTS ^ 1u,
                                      (SLOTS + 1) ^ 1u,
                                      0x10000,
                                      1u << 31,
                                      UINT32_MAX,
                                      1ull << 32,
                                      1ull << 33,
                                      1ull << 63,
                                      UINT64_MAX,
                                      0xffffffff00000000u };
    uint64_t alive;
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(wrong); i++) {
        alive = request(users);
        assert_int_equal((uint32_t)alive, 1);
        assert_forged(alive ^ wrong[i]);
        (void)request(users);
        assert_forged(i % 2 ? wrong[i] << 32 : (uintptr_t)&users[i]);
    }
}

/* Whatever lies behind the last slot. */
static void slots_that_there_are_not_are_forgeries(void **state)
{
    uint64_t slot;

    (void)state;
    for (slot = SLOTS; slot < COUNT(txns); slot++)
        txns[slot] = (struct vmb_txn){ .generation_ = 7, .live_ = 1 };
    for (slot = SLOTS; slot < COUNT(txns); slot++)
        assert_forged(7ull << 32 | (slot + 1));
}

/* Not even when their slots are in use again. */
static void ids_of_an_earlier_life_are_forgeries(void **state)
{
    uint64_t before[SLOTS], now;
    uint32_t i;

    (void)state;
    for (i = 0; i < SLOTS; i++)
        before[i] = request(users);
    for (i = 0; i < SLOTS; i++) {
        fake_close(&bus, &chan);
        reopen();
        do
            now = request(users);
        while ((uint32_t)now != (uint32_t)before[i]);
        assert_forged(before[i]);
    }
}

/* Nor while nobody uses them. */
static void slots_of_an_earlier_life_are_free(void **state)
{
    uint64_t before = request(users);

    (void)state;
    fake_close(&bus, &chan);
    reopen();
    assert_forged(before);
}

static void without_slots_every_answer_is_a_forgery(void **state)
{
    struct vmb_fault fault;
    struct vmb_rx rx;

    (void)state;
    fake_close(&bus, &chan);
    cfg.txns = NULL;
    cfg.txn_cap = 0;
    reopen();
    assert_int_equal(ask(NULL), VMB_E_NOSLOT);
    complete(1);
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_E_HOST);
    vmb_chan_fault(&chan, &fault);
    assert_int_equal(fault.limit, 0);
}

static void slots_run_out_and_come_back(void **state)
{
    uint64_t xid[SLOTS];
    uint32_t i;

    (void)state;
    for (i = 0; i < SLOTS; i++)
        xid[i] = request(&users[i]);
    for (i = 0; i < 3; i++) {
        assert_int_equal(ask(NULL), VMB_E_NOSLOT);
        assert_false(peer_take(&to_host, &image));
    }
    assert_answered(xid[3], &users[3]);
    assert_int_equal((uint32_t)request(&users[7]), (uint32_t)xid[3]);
    assert_int_equal(ask(NULL), VMB_E_NOSLOT);
}

/* A slot rests as long as can be: used again in the order they came back. */
static void slots_are_used_first_in_first_out(void **state)
{
    static const uint32_t order[SLOTS] = { 3, 0, 4, 1, 2 };
    uint64_t xid[SLOTS];
    uint32_t i;

    (void)state;
    for (i = 0; i < SLOTS; i++) {
        xid[i] = request(&users[i]);
        assert_int_equal((uint32_t)xid[i], i + 1);
    }
    for (i = 0; i < SLOTS; i++)
        assert_answered(xid[order[i]], &users[order[i]]);
    for (i = 0; i < SLOTS; i++)
        assert_int_equal((uint32_t)request(NULL), order[i] + 1);
}

static void generations_skip_0_when_they_wrap(void **state)
{
    (void)state;
    txns[0].generation_ = UINT32_MAX;
    assert_true(request(users) == (1ull << 32 | 1));
    txns[1].generation_ = UINT32_MAX - 1;
    assert_true(request(users) == (0xffffffffull << 32 | 2));
}

static void a_refused_send_takes_no_slot(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND, .want_reply = true };
    static const uint8_t payload[PAGE];
    struct vmb_iov iov = { payload, PAGE };
    uint32_t i;

    (void)state;
    out.iov = &iov;
    out.iov_count = 1;
    for (i = 0; i < 2 * SLOTS; i++)
        assert_int_equal(vmb_chan_send(&chan, &out), VMB_E_TOOBIG);
    iov.len = PAGE - 48;
    assert_int_equal(vmb_chan_send(&chan, &out), VMB_OK);
    for (i = 0; i < 2 * SLOTS; i++)
        assert_int_equal(vmb_chan_send(&chan, &out), VMB_AGAIN);
    iov.base = NULL;
    for (i = 0; i < 2 * SLOTS; i++)
        assert_int_equal(vmb_chan_send(&chan, &out), VMB_E_ARG);
    assert_true(peer_take(&to_host, &image));
    for (i = 1; i < SLOTS; i++)
        (void)request(NULL);
    assert_int_equal(ask(NULL), VMB_E_NOSLOT);
}

static void answers_and_other_packets_mix(void **state)
{
    struct vmb_rx rx;
    uint64_t xid;
    uint32_t i;

    (void)state;
    xid = request(users);
    for (i = 0; i < 2; i++) { /* requests by the host, of the same id */
        peer_begin(&image, 6, 1, xid);
        peer_payload(&image);
        peer_end(&image, peer_word(&to_guest, PEER_WRITE));
        assert_true(peer_add(&to_guest, &image));
    }
    for (i = 0; i < 2; i++) {
        rx.user = users; /* of an answer before */
        assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_OK);
        assert_int_equal(rx.kind, VMB_INBAND);
        assert_true(rx.want_reply);
        assert_null(rx.user);
    }
    assert_answered(xid, users);
}

static void our_answer_carries_the_hosts_id(void **state)
{
    struct vmb_out out = { .kind = VMB_COMPLETION, .reply_to = 0xabcdef12345 };

    (void)state;
    assert_int_equal(vmb_chan_send(&chan, &out), VMB_OK);
    assert_true(peer_take(&to_host, &image));
    assert_true(peer_get(&image, 8, 8) == 0xabcdef12345);
    assert_int_equal(image.b[6], 0);
}

/* The free queue and both lanes' counts, for longer than 16 bits last. */
static void slots_survive_a_long_life(void **state)
{
    uint64_t xid[SLOTS];
    struct rng rng = rng_from(8);
    uint32_t i, live = 0, pick;

    (void)state;
    chan.txn_head_ = UINT32_MAX - 1000;
    chan.txn_tail_ = chan.txn_tail_seen_ = chan.txn_head_ + SLOTS;
    for (i = 0; i < 150000; i++) {
        if (live < SLOTS && rng_one_in(&rng, 2)) {
            xid[live++] = request(users);
        } else if (live > 0) {
            pick = rng_below(&rng, live);
            assert_answered(xid[pick], users);
            xid[pick] = xid[--live];
        }
    }
}

#define on_bus(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        on_bus(answers_find_their_requests),
        on_bus(ids_are_no_addresses_and_never_0),
        on_bus(replayed_answers_are_forgeries),
        on_bus(a_replay_is_found_when_the_slot_lives_again),
        on_bus(invented_ids_are_forgeries),
        on_bus(slots_that_there_are_not_are_forgeries),
        on_bus(ids_of_an_earlier_life_are_forgeries),
        on_bus(slots_of_an_earlier_life_are_free),
        on_bus(without_slots_every_answer_is_a_forgery),
        on_bus(slots_run_out_and_come_back),
        on_bus(slots_are_used_first_in_first_out),
        on_bus(generations_skip_0_when_they_wrap),
        on_bus(a_refused_send_takes_no_slot),
        on_bus(answers_and_other_packets_mix),
        on_bus(our_answer_carries_the_hosts_id),
        on_bus(slots_survive_a_long_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
