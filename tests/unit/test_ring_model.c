/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Random traffic on both sides of a ring, compared step by step with a model
 * that parses and counts for itself (peer.c, packets.c).  A run says what
 * differed first.  Built once more for each mistake of seeded_ring.c, with
 * SEEDED_FAULT: then some run must find a difference.
 */
#include <stdio.h>

#include "packets.h"

#define STEPS 120u
#define QUEUE 512u

#ifdef SEEDED_FAULT
#define RUNS CASES_OF(400u)
#else
#define RUNS CASES_OF(3000u)
#endif

static uint8_t *pages;
static struct peer_image image, found;

/* Ends the run when the library and the model part. */
#define AGREE(what)       \
    do {                  \
        if (!(what))      \
            return #what; \
    } while (0)

/* What is on its way, oldest first: a hash, or a seed to make it anew. */
struct queue {
    uint64_t item[QUEUE];
    uint32_t head, count;
};

static void push(struct queue *queue, uint64_t item)
{
    queue->item[(queue->head + queue->count++) % QUEUE] = item;
}

static uint64_t pop(struct queue *queue)
{
    queue->count--;
    return queue->item[queue->head++ % QUEUE];
}

static uint64_t hash(const struct peer_image *packet)
{
    uint64_t value = 14695981039346656037u;
    uint32_t i;

    for (i = 0; i < packet->len; i++)
        value = (value ^ packet->b[i]) * 1099511628211u;
    return value;
}

/* ---- sending ----------------------------------------------------------- */

struct send_run {
    struct rng rng;
    struct vmb_ring_tx tx;
    struct peer_ring ring;
    struct sample sample;
    struct queue on_its_way;
    uint32_t shown, written, staged;
};

static const char *publish(struct send_run *run)
{
    bool due = run->written != run->shown &&
               peer_word(&run->ring, PEER_MASK) == 0 &&
               peer_word(&run->ring, PEER_READ) == run->shown;

    AGREE(vmb_ring_publish(&run->tx) == due);
    run->shown = run->written;
    run->staged = 0;
    AGREE(peer_word(&run->ring, PEER_WRITE) == run->shown);
    return NULL;
}

static const char *write_one(struct send_run *run,
                             const struct vmb_out_size *size, uint64_t xid)
{
    vmb_ring_write(&run->tx, &run->sample.out, size, xid);
    found.len = image.len;
    peer_read_at(&run->ring, run->written, found.b, image.len);
    AGREE(memcmp(found.b, image.b, image.len) == 0);
    AGREE(peer_word(&run->ring, PEER_WRITE) == run->shown);
    push(&run->on_its_way, hash(&image));
    run->staged++;
    run->written = (run->written + image.len) % run->ring.size;
    return NULL;
}

static const char *wait_for_room(struct send_run *run)
{
    struct vmb_fault fault;
    const char *why = publish(run);

    if (why)
        return why;
    AGREE(vmb_ring_want_room(&run->tx, image.len, &fault) == VMB_AGAIN);
    AGREE(peer_word(&run->ring, PEER_PENDING) == image.len + 8);
    return NULL;
}

static const char *send_one(struct send_run *run)
{
    uint32_t read = peer_word(&run->ring, PEER_READ), size = run->ring.size;
    uint32_t used = (run->written + size - read) % size;
    struct vmb_out_size need;
    struct vmb_fault fault;
    enum vmb_status status;
    uint64_t xid = rng_next(&run->rng);

    sample_random(&run->sample, &run->rng, 600);
    sample_image(&run->sample.out, xid, run->written, &image);
    AGREE(vmb_ring_measure(&run->sample.out, &need) == VMB_OK);
    AGREE(need.total == image.len);
    status = vmb_ring_reserve(&run->tx, need.total, &fault);
    if (image.len > size - 16) {
        AGREE(status == VMB_E_TOOBIG);
        return NULL;
    }
    AGREE(status == (used + image.len < size ? VMB_OK : VMB_AGAIN));
    return status == VMB_OK ? write_one(run, &need, xid) : wait_for_room(run);
}

static const char *host_reads(struct send_run *run)
{
    uint32_t most = rng_below(&run->rng, 6);

    while (most-- && run->on_its_way.count > run->staged) {
        AGREE(peer_take(&run->ring, &found));
        AGREE(hash(&found) == pop(&run->on_its_way));
    }
    peer_set_word(&run->ring, PEER_MASK, rng_one_in(&run->rng, 3));
    return NULL;
}

static const char *send_run(uint64_t seed)
{
    static struct send_run run;
    const char *why = NULL;
    uint32_t data_pages, i;

    memset(&run, 0, sizeof run);
    run.rng = rng_from(seed);
    data_pages = 1 + rng_below(&run.rng, 3);
    run.shown = run.written = rng_below(&run.rng, data_pages * 512) * 8;
    place_tx(&run.tx, pages, data_pages, run.shown, 0x77);
    run.ring = peer_of_tx(&run.tx);
    for (i = 0; i < STEPS && !why; i++) {
        why = send_one(&run);
        if (!why && rng_one_in(&run.rng, 3))
            why = publish(&run);
        if (!why && rng_one_in(&run.rng, 2))
            why = host_reads(&run);
    }
    return why;
}

/* ---- receiving --------------------------------------------------------- */

struct receive_run {
    struct rng rng;
    struct vmb_ring_rx rx;
    struct peer_ring ring;
    struct queue waiting;
    uint32_t read, released;
};

/* The packet that a seed stands for. */
static void make(uint64_t seed)
{
    static const uint16_t types[] = { 6, 7, 11 };
    struct rng rng = rng_from(seed);
    uint32_t extra, len;

    peer_begin(&image, types[rng_below(&rng, 3)], rng_below(&rng, 2) & 1,
               rng_next(&rng));
    extra = rng_below(&rng, 5);
    if (peer_get(&image, 0, 2) == 7) {
        peer_put32(&image, (uint32_t)rng_next(&rng));
        peer_put32(&image, rng_below(&rng, extra + 1));
    }
    while (extra--)
        peer_put64(&image, rng_next(&rng));
    peer_payload(&image);
    for (len = rng_below(&rng, 500); len > 0; len--)
        peer_put_bytes(&image, &(uint8_t){ (uint8_t)rng_next(&rng) }, 1);
    peer_end(&image, 0);
}

static void host_sends(struct receive_run *run)
{
    uint32_t most = rng_below(&run->rng, 6);

    while (most--) {
        uint64_t seed = rng_next(&run->rng);

        make(seed);
        if (peer_add(&run->ring, &image))
            push(&run->waiting, seed);
    }
}

static const char *compare_ranges(const struct receive_run *run,
                                  const struct vmb_rx *out)
{
    uint32_t count = (uint32_t)peer_get(&image, 20, 4), i, offset, bytes;

    AGREE(out->page_set == peer_get(&image, 16, 2));
    AGREE(out->range_count == count);
    for (i = 0; i < count; i++) {
        AGREE(vmb_ring_range(&run->rx, out, i, &offset, &bytes));
        AGREE(bytes == peer_get(&image, 24 + i * 8, 4));
        AGREE(offset == peer_get(&image, 28 + i * 8, 4));
    }
    return NULL;
}

/* The library's packet against the one in `image`. */
static const char *compare(const struct receive_run *run,
                           const struct vmb_rx *out)
{
    uint32_t payload = (uint32_t)peer_get(&image, 2, 2) * 8;
    uint32_t len = (uint32_t)peer_get(&image, 4, 2) * 8 - payload;

    AGREE((uint32_t)out->kind == peer_get(&image, 0, 2));
    AGREE(out->xid == peer_get(&image, 8, 8));
    AGREE(out->len == len);
    AGREE(out->want_reply == (out->kind != VMB_COMPLETION && image.b[6]));
    AGREE(vmb_ring_copy(&run->rx, out, 0, found.b, sizeof found.b) == len);
    AGREE(memcmp(found.b, &image.b[payload], len) == 0);
    return out->kind == VMB_XFER_PAGES ? compare_ranges(run, out) : NULL;
}

static const char *receive_one(struct receive_run *run)
{
    struct vmb_fault fault;
    struct vmb_rx out;

    if (run->waiting.count == 0) {
        AGREE(vmb_ring_next(&run->rx, &out, &fault) == VMB_AGAIN);
        return NULL;
    }
    AGREE(vmb_ring_next(&run->rx, &out, &fault) == VMB_OK);
    make(pop(&run->waiting));
    run->read = (run->read + image.len) % run->ring.size;
    return compare(run, &out);
}

static const char *release(struct receive_run *run)
{
    uint32_t size = run->ring.size;
    uint32_t before = size - peer_used(&run->ring), after, wish;
    bool due;

    wish = rng_one_in(&run->rng, 2) ? 0 : 8 * rng_below(&run->rng, size / 8);
    peer_set_word(&run->ring, PEER_PENDING, wish);
    after = before + (run->read + size - run->released) % size;
    due = after != before && wish && before <= wish && wish <= after;
    AGREE(vmb_ring_release(&run->rx) == due);
    AGREE(peer_word(&run->ring, PEER_READ) == run->read);
    run->released = run->read;
    return NULL;
}

static const char *arm(struct receive_run *run)
{
    AGREE(vmb_ring_arm(&run->rx) ==
          (run->waiting.count > 0 || run->released != run->read));
    AGREE(peer_word(&run->ring, PEER_MASK) == 0);
    return NULL;
}

/* What a header is worth, `held` bytes being there: the site, or NONE. */
static enum vmb_site verdict(uint32_t held)
{
    uint64_t type = peer_get(&image, 0, 2), offset = peer_get(&image, 2, 2);
    uint64_t length = peer_get(&image, 4, 2);

    if (type != 6 && type != 7 && type != 11)
        return VMB_SITE_RX_TYPE;
    if (offset < 2 || offset > length)
        return VMB_SITE_RX_OFFSET;
    if ((length + 1) * 8 > held)
        return VMB_SITE_RX_LENGTH;
    if (type != 7)
        return VMB_SITE_NONE;
    if (offset < 3)
        return VMB_SITE_RX_OFFSET;
    return peer_get(&image, 20, 4) > offset - 3 ? VMB_SITE_RX_RANGES
                                                : VMB_SITE_NONE;
}

/* Bytes the library counts as there: it looks again only when out of them. */
static uint32_t bytes_held(const struct receive_run *run)
{
    uint32_t write = run->rx.write_;

    if (write == run->read)
        write = peer_word(&run->ring, PEER_WRITE);
    return (write + run->ring.size - run->read) % run->ring.size;
}

/* The host changes the next header while it waits; ends the run. */
static const char *corrupt(struct receive_run *run)
{
    uint32_t at = rng_below(&run->rng, 8), read = run->rx.read_;
    struct vmb_fault fault;
    struct vmb_rx out;
    enum vmb_site site;

    image.len = 24;
    peer_read_at(&run->ring, run->read, image.b, 24);
    image.b[rng_one_in(&run->rng, 4) ? 20 : at] ^=
        (uint8_t)(1u << rng_below(&run->rng, 8));
    peer_write_at(&run->ring, run->read, image.b, 24);
    site = verdict(bytes_held(run));
    if (site == VMB_SITE_NONE) {
        AGREE(vmb_ring_next(&run->rx, &out, &fault) == VMB_OK);
        return NULL;
    }
    AGREE(vmb_ring_next(&run->rx, &out, &fault) == VMB_E_HOST);
    AGREE(fault.site == site);
    AGREE(run->rx.read_ == read);
    return NULL;
}

static const char *receive_step(struct receive_run *run)
{
    switch (rng_below(&run->rng, 4)) {
    case 0:
        host_sends(run);
        return NULL;
    case 1:
        return release(run);
    case 2:
        return rng_one_in(&run->rng, 3) ? arm(run) : receive_one(run);
    default:
        return receive_one(run);
    }
}

static const char *receive_run(uint64_t seed)
{
    static struct receive_run run;
    const char *why = NULL;
    uint32_t data_pages, i;

    memset(&run, 0, sizeof run);
    run.rng = rng_from(seed);
    data_pages = 1 + rng_below(&run.rng, 3);
    run.read = run.released = rng_below(&run.rng, data_pages * 512) * 8;
    place_rx(&run.rx, pages, data_pages, run.read, 0x77);
    run.ring = peer_of_rx(&run.rx);
    peer_set_word(&run.ring, PEER_FEATURE, 1);
    for (i = 0; i < STEPS && !why; i++)
        why = receive_step(&run);
    return why || run.waiting.count == 0 ? why : corrupt(&run);
}

/* ---- runs -------------------------------------------------------------- */

/* How many of RUNS differ from the model. */
static uint32_t differences(const char *(*run)(uint64_t seed))
{
    uint32_t seed, count = 0;
    const char *why;

    pages = new_pages(5); /* one to spare, for the mistakes of seeded_ring.c */
    for (seed = 1; seed <= RUNS; seed++) {
        why = run(seed);
        if (why && count++ == 0)
            print_message("seed %u: not so: %s\n", seed, why);
    }
    free(pages);
    return count;
}

#ifdef SEEDED_FAULT
static void the_seeded_mistake_is_found(void **state)
{
    (void)state;
    assert_int_not_equal(differences(send_run) + differences(receive_run), 0);
}
#else
static void sending_agrees_with_the_model(void **state)
{
    (void)state;
    assert_int_equal(differences(send_run), 0);
}

static void receiving_agrees_with_the_model(void **state)
{
    (void)state;
    assert_int_equal(differences(receive_run), 0);
}
#endif

int main(void)
{
    static const struct CMUnitTest tests[] = {
#ifdef SEEDED_FAULT
        cmocka_unit_test(the_seeded_mistake_is_found),
#else
        cmocka_unit_test(sending_agrees_with_the_model),
        cmocka_unit_test(receiving_agrees_with_the_model),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
