/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Double fetches from rings: see fetch.h.  With SEEDED_FAULT the ring code
 * loads every word twice (seeded_ring.c).
 */
#include "fetch.h"
#include "packets.h"

#define CASES    CASES_OF(1200000u)
#define ACCEPTED CASES_OF(1000000u)

static uint8_t *control; /* this page is put back between calls */

static void between_calls(void)
{
    fetch_put_back(control, PAGE);
}

/* ---- receiving --------------------------------------------------------- */

static struct vmb_ring_rx rx;
static struct peer_ring ring;

static void put64(uint32_t at, uint64_t value)
{
    memcpy(ring.pages + PAGE + at % PAGE, &value, sizeof value);
}

/* One packet at `at`, now and then not quite one; returns its bytes. */
static uint32_t lay_packet(struct rng *rng, uint32_t at)
{
    static const uint16_t types[] = { 6, 7, 11, 7, 6, 9 };
    uint64_t type = types[rng_below(rng, rng_one_in(rng, 9) ? 6 : 5)];
    uint64_t length = 4 + rng_below(rng, 12);
    uint64_t offset = type == 7 ? 3 + rng_below(rng, 4) : 2, ranges;

    ranges = type == 7 && offset > 3 ? rng_below(rng, (uint32_t)offset - 2) : 0;
    if (rng_one_in(rng, 16))
        offset = rng_below(rng, 20);
    if (rng_one_in(rng, 16))
        ranges = rng_next(rng) & 0xffffffffu;
    if (offset > length && !rng_one_in(rng, 16))
        length = offset;
    put64(at, type | offset << 16 | length << 32 | (rng_next(rng) & 1) << 48);
    if (type == 7)
        put64(at + 16, (rng_next(rng) & 0xffffffffu) | ranges << 32);
    return (uint32_t)length * 8 + 8;
}

/* The ring as the host left it, made from the seed alone. */
static void lay_ring(uint8_t *memory, struct rng *rng)
{
    uint32_t at = rng_below(rng, PAGE / 8) * 8, end = at, packets;

    vmb_ring_rx_init(&rx, memory, 1);
    ring = peer_of_rx(&rx);
    control = memory;
    rx.read_ = rx.released_ = rx.write_ = at;
    peer_set_word(&ring, PEER_READ, at);
    for (packets = 1 + rng_below(rng, 3); packets > 0; packets--)
        end += lay_packet(rng, end);
    if (rng_one_in(rng, 20))
        end += rng_below(rng, 40);
    peer_set_word(&ring, PEER_WRITE, end % PAGE);
    peer_set_word(&ring, PEER_PENDING, rng_below(rng, PAGE));
    peer_set_word(&ring, PEER_FEATURE, rng_below(rng, 4));
}

/* Each range and each payload byte once, the payload in two pieces. */
static void note_contents(const struct vmb_rx *out, uint32_t cut)
{
    static uint8_t copy[PAGE];
    uint32_t i, offset, bytes, len;

    for (i = 0; vmb_ring_range(&rx, out, i, &offset, &bytes); i++) {
        note(offset);
        note(bytes);
    }
    len = vmb_ring_copy(&rx, out, 0, copy, cut);
    len += vmb_ring_copy(&rx, out, len, copy + len, PAGE);
    note_bytes(copy, len);
}

static enum vmb_status receive(uint32_t cut)
{
    struct vmb_fault fault;
    struct vmb_rx out;
    enum vmb_status status = vmb_ring_next(&rx, &out, &fault);

    between_calls();
    note_status(status, &fault);
    note(rx.read_);
    if (status != VMB_OK)
        return status;
    note_accepted();
    note((uint64_t)out.kind | (uint64_t)out.want_reply << 8);
    note((uint64_t)out.range_count << 16 | out.page_set);
    note(out.len);
    note(out.xid);
    note_contents(&out, cut);
    return status;
}

static void receive_case(uint8_t *memory, uint64_t seed)
{
    struct rng rng = rng_from(seed);
    enum vmb_status status;

    lay_ring(memory, &rng);
    do {
        status = receive(rng_below(&rng, 100));
        if (rng_one_in(&rng, 3))
            note(vmb_ring_release(&rx));
        between_calls();
    } while (status == VMB_OK);
    note(vmb_ring_release(&rx));
    between_calls();
    note(vmb_ring_arm(&rx));
    between_calls();
    note(rx.released_);
    note(rx.write_);
    note(peer_word(&ring, PEER_READ));
    note(peer_word(&ring, PEER_MASK));
}

static void receiving_loads_nothing_twice(void **state)
{
    uint8_t *memory = random_pages(2);

    (void)state;
    fetch_judge(fetch_run(receive_case, memory, CASES), ACCEPTED);
    free(memory);
}

/* ---- sending ----------------------------------------------------------- */

static void note_send_status(enum vmb_status status,
                             const struct vmb_fault *fault)
{
    note_status(status, fault);
    if (status >= VMB_OK)
        note_accepted();
    between_calls();
}

static void send_case(uint8_t *memory, uint64_t seed)
{
    struct rng rng = rng_from(seed);
    uint32_t at = rng_below(&rng, PAGE / 8) * 8, wish;
    uint32_t used = rng_below(&rng, PAGE / 8) * 8;
    struct vmb_fault fault;
    struct vmb_ring_tx tx;

    vmb_ring_tx_init(&tx, memory, 1);
    ring = peer_of_tx(&tx);
    control = memory;
    tx.read_ = at;
    tx.write_ = tx.published_ = (at + used) % PAGE;
    at += rng_one_in(&rng, 9) ? rng_below(&rng, PAGE)
                              : rng_below(&rng, used / 8 + 1) * 8;
    peer_set_word(&ring, PEER_READ, at % PAGE);
    peer_set_word(&ring, PEER_MASK, rng_below(&rng, 2));
    wish = rng_below(&rng, PAGE / 8) * 8;
    note_send_status(vmb_ring_reserve(&tx, wish, &fault), &fault);
    note_send_status(vmb_ring_want_room(&tx, wish, &fault), &fault);
    tx.write_ = (tx.write_ + 8) % PAGE;
    note(vmb_ring_publish(&tx));
    between_calls();
    note(tx.read_);
    note(tx.published_);
}

static void sending_loads_nothing_twice(void **state)
{
    uint8_t *memory = random_pages(2);

    (void)state;
    fetch_judge(fetch_run(send_case, memory, CASES / 8), CASES / 16);
    free(memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(receiving_loads_nothing_twice),
#ifndef SEEDED_FAULT
        cmocka_unit_test(sending_loads_nothing_twice),
#endif
    };

#ifdef SEEDED_FAULT
    (void)sending_loads_nothing_twice;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
