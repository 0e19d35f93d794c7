/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * External data: the bytes behind an MDL are those the host sees, and no
 * others.  The host hashes what a packet names, or fills it with a pattern;
 * the guest compares, with a shadow of all its memory.
 */
#include "harness.h"

#include <stdlib.h>

#define ARENA_PAGES 4200u /* 16 MiB and a margin */
#define ARENA       ((size_t)ARENA_PAGES * VMB_PAGE_SIZE)
#define WINDOW      (24u * VMB_PAGE_SIZE) /* of the arena, for most tests */
#define MEMBERS     64u

struct scene {
    struct rig *rig;
    struct vmb_sim_dev *dev;
    struct link link;
    uint8_t *arena, *shadow;
    uint64_t seed;
    /* The chain being sent: its pieces in order, and descriptions of them. */
    struct vmb_iov iov[MEMBERS];
    struct vmb_mdl mdl[MEMBERS], slice[MEMBERS];
    uint32_t members;
    uint64_t bytes;
    uint64_t pfns[ARENA_PAGES + 2 * MEMBERS];
};

static struct scene *set_up(uint32_t tx_pages, bool interrupts, uint64_t seed)
{
    struct scene *s = calloc(1, sizeof *s);
    size_t i;

    assert_non_null(s);
    s->rig = rig_make(
        &(struct rig_cfg){ .interrupts = interrupts, .sim.seed = seed });
    s->dev = rig_device(s->rig);
    s->seed = seed;
    s->link.cfg.tx_pages = tx_pages;
    rig_start(s->rig);
    rig_open(s->rig, &s->link, s->dev);
    s->arena = rig_alloc(s->rig, ARENA_PAGES);
    s->shadow = malloc(ARENA);
    assert_non_null(s->shadow);
    for (i = 0; i < ARENA; i++)
        s->arena[i] = (uint8_t)(i * 31 + (i >> 8) * 7);
    memcpy(s->shadow, s->arena, ARENA);
    return s;
}

static void tear_down(struct scene *s)
{
    rig_close(s->rig, &s->link);
    rig_down(s->rig);
    free(s->shadow);
    free(s);
}

/* --- Chains --------------------------------------------------------------- */

/* Pieces of the window that do not overlap, some of them empty, shuffled. */
static void random_pieces(struct scene *s, uint32_t members)
{
    uint32_t share = WINDOW / members, i;

    s->members = members;
    s->bytes = 0;
    for (i = 0; i < members; i++) {
        uint32_t gap = rig_below(&s->seed, share / 2);
        uint32_t len = rig_below(&s->seed, 8)
                           ? 1 + rig_below(&s->seed, share - gap - 1)
                           : 0;

        s->iov[i].base = s->arena + i * share + gap;
        s->iov[i].len = len;
        s->bytes += len;
    }
    for (i = members; i > 1; i--) {
        uint32_t other = rig_below(&s->seed, i);
        struct vmb_iov piece = s->iov[i - 1];

        s->iov[i - 1] = s->iov[other];
        s->iov[other] = piece;
    }
    if (s->bytes == 0) {
        s->iov[0].len = 1;
        s->bytes = 1;
    }
}

static void describe(struct scene *s)
{
    assert_int_equal(vmb_mdl_from_iovec(s->mdl, MEMBERS, &s->rig->plat, s->iov,
                                        s->members, s->pfns,
                                        sizeof s->pfns / sizeof s->pfns[0]),
                     VMB_OK);
}

/* Bytes [from, from + len) of the chain, piece by piece, in order. */
struct walk {
    struct scene *s;
    uint64_t from, len;
    uint32_t member;
};

static uint8_t *next_piece(struct walk *w, size_t *len)
{
    const struct vmb_iov *iov;
    uint64_t skip;

    while (w->len > 0) {
        assert_true(w->member < w->s->members);
        iov = &w->s->iov[w->member++];
        skip = w->from < iov->len ? w->from : iov->len;
        w->from -= skip;
        *len = iov->len - (size_t)skip;
        if (*len > w->len)
            *len = (size_t)w->len;
        w->len -= *len;
        if (*len > 0)
            return w->s->arena + ((const uint8_t *)iov->base - w->s->arena) +
                   skip;
    }
    return NULL;
}

static uint64_t hash_of(struct scene *s, uint64_t from, uint64_t len)
{
    struct walk w = { s, from, len, 0 };
    uint64_t hash = VMB_SIM_HASH_INIT;
    const uint8_t *piece;
    size_t bytes;

    while ((piece = next_piece(&w, &bytes)) != NULL)
        hash = vmb_sim_hash(hash, piece, bytes);
    return hash;
}

/* What the host is going to write, into the shadow. */
static void foresee(struct scene *s, uint64_t seed, uint64_t from, uint64_t len)
{
    struct walk w = { s, from, len, 0 };
    const uint8_t *piece;
    uint64_t at = 0;
    size_t bytes, i;

    while ((piece = next_piece(&w, &bytes)) != NULL)
        for (i = 0; i < bytes; i++)
            s->shadow[piece - s->arena + (ptrdiff_t)i] =
                vmb_sim_pattern(seed, at++);
}

/* --- The two questions ---------------------------------------------------- */

static void host_reads(struct scene *s, const struct vmb_mdl *mdl,
                       uint64_t offset, uint64_t length, uint64_t from,
                       uint64_t bytes)
{
    struct ask ask = { .request.op = VMB_SIM_HASH,
                       .mdl = mdl,
                       .mdl_offset = offset,
                       .mdl_length = length };
    struct vmb_sim_test_reply reply;

    rig_ask(s->rig, &s->link, &ask, &reply);
    assert_int_equal(reply.bytes, bytes);
    assert_int_equal(reply.value, hash_of(s, from, bytes));
}

static void host_writes(struct scene *s, const struct vmb_mdl *mdl,
                        uint64_t offset, uint64_t length, uint64_t from,
                        uint64_t bytes, size_t window)
{
    struct ask ask = { .request = { .op = VMB_SIM_FILL,
                                    .seed = rig_random(&s->seed) },
                       .mdl = mdl,
                       .mdl_offset = offset,
                       .mdl_length = length };
    struct vmb_sim_test_reply reply;

    foresee(s, ask.request.seed, from, bytes);
    rig_ask(s->rig, &s->link, &ask, &reply);
    assert_int_equal(reply.bytes, bytes);
    assert_memory_equal(s->arena, s->shadow, window);
}

/* The same stretch by offset and length, and by a slice of the chain. */
static void stretch(struct scene *s, uint64_t from, uint64_t bytes)
{
    uint64_t length = from + bytes == s->bytes && bytes % 2 ? 0 : bytes;

    host_reads(s, s->mdl, from, length, from, bytes);
    host_writes(s, s->mdl, from, length, from, bytes, WINDOW);
    assert_int_equal(vmb_mdl_slice(s->slice, MEMBERS, s->mdl, from, length),
                     VMB_OK);
    host_reads(s, s->slice, 0, 0, from, bytes);
    host_writes(s, s->slice, 0, 0, from, bytes, WINDOW);
}

/* --- Tests ---------------------------------------------------------------- */

static void chains(uint32_t tx_pages, bool interrupts, uint32_t rounds,
                   uint64_t seed)
{
    struct scene *s = set_up(tx_pages, interrupts, seed);
    uint32_t members, n;

    for (members = 1; members <= MEMBERS; members++) {
        for (n = 0; n < rounds; n++) {
            uint64_t from;

            random_pieces(s, members);
            describe(s);
            stretch(s, 0, s->bytes);
            from = rig_below(&s->seed, (uint32_t)s->bytes);
            stretch(s, from,
                    1 + rig_below(&s->seed, (uint32_t)(s->bytes - from)));
        }
    }
    tear_down(s);
}

static void chains_of_any_length(void **state)
{
    uint64_t seed = rig_seed(0xc4a195);

    (void)state;
    chains(1, false, 3, seed); /* descriptors wrap all the time */
    chains(1, true, 3, seed + 1);
    chains(5, true, 2, seed + 2);
}

/* Stretches that begin and end at the edges of members. */
static void edges_of_members(void **state)
{
    struct scene *s = set_up(1, false, rig_seed(0xed6e5));
    uint64_t edge = 0;
    uint32_t i, n;

    (void)state;
    for (n = 0; n < 20; n++) {
        random_pieces(s, 2 + n % 20);
        describe(s);
        edge = 0;
        for (i = 0; i < s->members; i++) {
            if (edge + 1 < s->bytes && edge > 0) {
                stretch(s, edge, 1);
                stretch(s, edge, s->bytes - edge);
                stretch(s, 0, edge);
                stretch(s, edge - 1, 2);
            }
            edge += s->iov[i].len;
        }
    }
    tear_down(s);
}

static void one_buffer(struct scene *s, uint8_t *at, size_t len, size_t window)
{
    s->members = 1;
    s->iov[0].base = at;
    s->iov[0].len = len;
    s->bytes = len;
    assert_int_equal(vmb_mdl_from_virtual(s->mdl, &s->rig->plat, at, len,
                                          s->pfns,
                                          sizeof s->pfns / sizeof s->pfns[0]),
                     VMB_OK);
    host_reads(s, s->mdl, 0, 0, 0, len);
    host_writes(s, s->mdl, 0, 0, 0, len, window);
}

static void every_offset_in_a_page(void **state)
{
    struct scene *s = set_up(1, true, rig_seed(0x0ff5e7));
    uint32_t offset;

    (void)state;
    for (offset = 0; offset < VMB_PAGE_SIZE; offset++) {
        one_buffer(s, s->arena + VMB_PAGE_SIZE + offset,
                   1 + rig_below(&s->seed, 3 * VMB_PAGE_SIZE),
                   8 * (size_t)VMB_PAGE_SIZE);
        one_buffer(s, s->arena + VMB_PAGE_SIZE + offset, VMB_PAGE_SIZE - offset,
                   8 * (size_t)VMB_PAGE_SIZE);
    }
    tear_down(s);
}

static void every_size_up_to_16_mebibytes(void **state)
{
    static const size_t sizes[] = {
        1,      2,      7,      8,       9,       511,      4095,     4096,
        4097,   8191,   8192,   8193,    65535,   65536,    65537,    262144,
        524287, 524288, 524289, 1048576, 4194305, 16777215, 16777216,
    };
    struct scene *s = set_up(20, true, rig_seed(0x512e));
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        one_buffer(s, s->arena + rig_below(&s->seed, 3 * VMB_PAGE_SIZE),
                   sizes[i], ARENA);
    tear_down(s);
}

/* 16 MiB in 64 unaligned pieces, and a stretch across most of them. */
static void a_long_chain_of_long_members(void **state)
{
    struct scene *s = set_up(40, false, rig_seed(0x10a6));
    size_t share = ARENA / MEMBERS;
    uint32_t i;

    (void)state;
    s->members = MEMBERS;
    for (i = 0; i < MEMBERS; i++) {
        s->iov[i].base = s->arena + (MEMBERS - 1 - i) * share + i * 61;
        s->iov[i].len = 256 * 1024;
        s->bytes += s->iov[i].len;
    }
    describe(s);
    assert_int_equal(s->bytes, 16u << 20);
    host_reads(s, s->mdl, 0, 0, 0, s->bytes);
    host_writes(s, s->mdl, 0, 0, 0, s->bytes, ARENA);
    host_reads(s, s->mdl, 300001, 15000000, 300001, 15000000);
    host_writes(s, s->mdl, 300001, 1000000, 300001, 1000000, ARENA);
    tear_down(s);
}

/* Page numbers that the caller brings itself. */
static void pages_by_number(void **state)
{
    struct scene *s = set_up(1, false, rig_seed(0x9a6e5));
    uint32_t i;

    (void)state;
    for (i = 0; i < 8; i++)
        s->pfns[i] =
            s->rig->plat.gpa(s->rig->plat.ctx, s->arena + i * VMB_PAGE_SIZE) /
            VMB_PAGE_SIZE;
    for (i = 0; i < 4096; i += 97) {
        s->members = 1;
        s->bytes = 7 * VMB_PAGE_SIZE - i / 2;
        s->iov[0].base = s->arena + i;
        s->iov[0].len = (size_t)s->bytes;
        assert_int_equal(
            vmb_mdl_from_pfns(s->mdl, s->pfns, 8, i, (uint32_t)s->bytes),
            VMB_OK);
        stretch(s, 0, s->bytes);
        stretch(s, 5000, 9999);
    }
    tear_down(s);
}

/* Descriptors that fill the ring to the last packet there can be. */
static void the_longest_list_that_fits(void **state)
{
    struct scene *s = set_up(1, true, rig_seed(0x1157));
    struct vmb_out out = { .kind = VMB_GPA_DIRECT, .mdl = s->mdl };
    /* 16 header, 8 count, 8 range, 24 request, 8 trailer: 64 */
    uint32_t most = (4096 - 16 - 64) / 8, n;

    (void)state;
    for (n = 0; n < 20; n++) {
        one_buffer(s, s->arena, most * VMB_PAGE_SIZE, ARENA);
        one_buffer(s, s->arena + 1, 100, VMB_PAGE_SIZE);
    }
    assert_int_equal(vmb_mdl_from_virtual(s->mdl, &s->rig->plat, s->arena,
                                          (most + 4) * VMB_PAGE_SIZE, s->pfns,
                                          ARENA_PAGES),
                     VMB_OK);
    assert_int_equal(vmb_chan_send(&s->link.chan, &out), VMB_E_TOOBIG);
    tear_down(s);
}

/* Until the completion the memory is the host's, and then no longer. */
static void memory_is_lent_until_the_answer(void **state)
{
    struct ask ask = { .request.op = VMB_SIM_HOLD };
    struct scene *s = set_up(1, false, 1);
    struct vmb_rx rx;

    (void)state;
    assert_int_equal(vmb_mdl_from_virtual(s->mdl, &s->rig->plat, s->arena,
                                          5 * VMB_PAGE_SIZE, s->pfns,
                                          ARENA_PAGES),
                     VMB_OK);
    ask.mdl = s->mdl;
    assert_int_equal(rig_ask_start(s->rig, &s->link, &ask, true), VMB_OK);
    rig_settle(s->rig);
    assert_true(rig_mapped(s->rig, s->arena, 5));
    assert_false(rig_mapped(s->rig, s->arena + 5 * VMB_PAGE_SIZE, 1));
    assert_int_equal(vmb_sim_test_release(s->dev), 1);
    assert_int_equal(rig_recv(s->rig, &s->link, &rx), VMB_OK);
    assert_ptr_equal(rx.user, &ask);
    assert_false(rig_mapped(s->rig, s->arena, 5));
    tear_down(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_of_any_length),
        cmocka_unit_test(edges_of_members),
        cmocka_unit_test(every_offset_in_a_page),
        cmocka_unit_test(every_size_up_to_16_mebibytes),
        cmocka_unit_test(a_long_chain_of_long_members),
        cmocka_unit_test(pages_by_number),
        cmocka_unit_test(the_longest_list_that_fits),
        cmocka_unit_test(memory_is_lent_until_the_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
