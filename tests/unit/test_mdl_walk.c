/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Chains: measured, walked and cut, compared with a model that knows the
 * address of every single byte.
 */
#include <vmb/mdl.h>

#include "unit.h"

#define MEMBERS 6u
#define BYTES   (MEMBERS * 3 * PAGE)

struct chain {
    struct vmb_mdl mdl[MEMBERS];
    uint64_t pfns[MEMBERS][4];
    uint32_t members;
    /* The model: address and member of each byte. */
    uint64_t address[BYTES];
    uint8_t member[BYTES];
    uint32_t bytes;
};

static struct chain chain;

static void add(uint32_t offset, uint32_t bytes)
{
    struct vmb_mdl *mdl = &chain.mdl[chain.members];
    uint64_t *pfns = chain.pfns[chain.members];
    uint32_t i;

    for (i = 0; i < 4; i++)
        pfns[i] = 1000 * (chain.members + 1) - 7 * i;
    assert_int_equal(vmb_mdl_from_pfns(mdl, pfns, 4, offset, bytes), VMB_OK);
    if (chain.members > 0)
        chain.mdl[chain.members - 1].next = mdl;
    for (i = 0; i < bytes; i++) {
        chain.address[chain.bytes] =
            pfns[(offset + i) / PAGE] * PAGE + (offset + i) % PAGE;
        chain.member[chain.bytes++] = (uint8_t)chain.members;
    }
    chain.members++;
}

static void clear(void)
{
    chain.members = 0;
    chain.bytes = 0;
}

/* A range begins with each member, a page with each page boundary. */
static struct vmb_mdl_extent count(uint32_t offset, uint32_t bytes)
{
    struct vmb_mdl_extent extent = { bytes, 0, 0 };
    uint32_t i;

    for (i = offset; i < offset + bytes; i++) {
        bool new_range = i == offset || chain.member[i] != chain.member[i - 1];

        extent.ranges += new_range;
        extent.pfns += new_range || chain.address[i] % PAGE == 0;
    }
    return extent;
}

/* Ranges as they come name the bytes from `offset`, each once, in order. */
static uint32_t check_range(const struct vmb_gpa_range *range, uint32_t at)
{
    uint32_t i;

    assert_true(range->byte_count > 0);
    assert_true(range->byte_offset < PAGE);
    assert_int_equal(range->pfn_count,
                     (range->byte_offset + range->byte_count + PAGE - 1) /
                         PAGE);
    for (i = 0; i < range->byte_count; i++) {
        uint32_t in_range = range->byte_offset + i;

        assert_true(at + i < chain.bytes);
        assert_true(chain.address[at + i] ==
                    range->pfns[in_range / PAGE] * PAGE + in_range % PAGE);
    }
    return range->byte_count;
}

static void check_stretch(uint32_t offset, uint32_t length)
{
    uint32_t bytes = length ? length : chain.bytes - offset, at = offset;
    struct vmb_mdl_extent want = count(offset, bytes), got;
    struct vmb_gpa_range range;
    struct vmb_mdl_walk walk;
    uint32_t ranges;

    assert_int_equal(vmb_mdl_measure(chain.mdl, offset, length, &got), VMB_OK);
    assert_int_equal(got.bytes, want.bytes);
    assert_int_equal(got.ranges, want.ranges);
    assert_int_equal(got.pfns, want.pfns);
    vmb_mdl_walk_start(&walk, chain.mdl, offset, got.bytes);
    for (ranges = 0; vmb_mdl_walk_next(&walk, &range); ranges++)
        at += check_range(&range, at);
    assert_int_equal(at, offset + bytes);
    assert_int_equal(ranges, want.ranges);
    assert_false(vmb_mdl_walk_next(&walk, &range));
}

static void check_slice(uint32_t offset, uint32_t length)
{
    uint32_t bytes = length ? length : chain.bytes - offset, at = offset, i;
    struct vmb_mdl_extent want = count(offset, bytes);
    struct vmb_mdl out[MEMBERS + 1];

    memset(out, 0xdd, sizeof out);
    if (bytes == 0) {
        assert_int_equal(vmb_mdl_slice(out, MEMBERS, chain.mdl, offset, length),
                         VMB_E_ARG);
        return;
    }
    assert_int_equal(
        vmb_mdl_slice(out, want.ranges - 1, chain.mdl, offset, length),
        VMB_E_NOSLOT);
    assert_int_equal(vmb_mdl_slice(out, want.ranges, chain.mdl, offset, length),
                     VMB_OK);
    for (i = 0; i < want.ranges; i++) {
        struct vmb_gpa_range range = { out[i].byte_count, out[i].byte_offset,
                                       out[i].pfns, out[i].pfn_count };

        at += check_range(&range, at);
        assert_ptr_equal(out[i].next, i + 1 < want.ranges ? &out[i + 1] : NULL);
    }
    assert_int_equal(at, offset + bytes);
}

/* ---- tests -----------------------------------------------------------------
 */

static void empty_members_are_skipped(void **state)
{
    uint32_t offset, length;

    (void)state;
    clear();
    add(17, 0);
    add(4095, 2);
    add(0, 0);
    add(100, 0);
    add(5, 3);
    add(0, 0);
    for (offset = 0; offset <= 5; offset++) {
        for (length = 0; length <= 5 - offset; length++) {
            check_stretch(offset, length);
            check_slice(offset, length);
        }
    }
}

static void a_stretch_may_begin_and_end_in_any_member(void **state)
{
    static const uint32_t marks[] = { 0,     1,     4094,  4095, 4096, 4097,
                                      5999,  6000,  6001,  6002, 7000, 10093,
                                      10094, 10095, 14190, 14191 };
    struct vmb_mdl_extent extent;
    uint32_t i, k;

    (void)state;
    clear();
    add(1, 6000);
    add(4095, 1);
    add(4095, 4093);
    add(2000, 4097);
    assert_int_equal(chain.bytes, 14191);
    for (i = 0; i < COUNT(marks); i++) {
        for (k = i; k < COUNT(marks); k++) {
            check_stretch(marks[i], marks[k] - marks[i]);
            check_slice(marks[i], marks[k] - marks[i]);
        }
        assert_int_equal(vmb_mdl_measure(chain.mdl, marks[i],
                                         chain.bytes - marks[i] + 1, &extent),
                         VMB_E_ARG);
    }
}

static void stretches_past_the_end_are_refused(void **state)
{
    struct vmb_mdl_extent extent;

    (void)state;
    clear();
    add(10, 100);
    add(0, 200);
    assert_int_equal(vmb_mdl_measure(chain.mdl, 300, 0, &extent), VMB_OK);
    assert_int_equal(extent.ranges, 0);
    assert_int_equal(vmb_mdl_measure(chain.mdl, 301, 0, &extent), VMB_E_ARG);
    assert_int_equal(vmb_mdl_measure(chain.mdl, 300, 1, &extent), VMB_E_ARG);
    assert_int_equal(vmb_mdl_measure(chain.mdl, UINT64_MAX, 2, &extent),
                     VMB_E_ARG);
    assert_int_equal(vmb_mdl_measure(chain.mdl, 2, UINT64_MAX, &extent),
                     VMB_E_ARG);
    assert_int_equal(
        vmb_mdl_measure(chain.mdl, UINT64_MAX, UINT64_MAX, &extent), VMB_E_ARG);
}

static void no_chain_is_an_empty_chain(void **state)
{
    struct vmb_mdl_extent extent;
    struct vmb_mdl_walk walk;
    struct vmb_gpa_range range;
    struct vmb_mdl out;

    (void)state;
    assert_int_equal(vmb_mdl_measure(NULL, 0, 0, &extent), VMB_OK);
    assert_int_equal(extent.bytes, 0);
    assert_int_equal(extent.ranges, 0);
    assert_int_equal(extent.pfns, 0);
    assert_int_equal(vmb_mdl_measure(NULL, 1, 0, &extent), VMB_E_ARG);
    assert_int_equal(vmb_mdl_measure(NULL, 0, 1, &extent), VMB_E_ARG);
    assert_int_equal(vmb_mdl_slice(&out, 1, NULL, 0, 0), VMB_E_ARG);
    vmb_mdl_walk_start(&walk, NULL, 0, 0);
    assert_false(vmb_mdl_walk_next(&walk, &range));
}

static void a_chain_that_bites_its_tail_is_refused(void **state)
{
    struct vmb_mdl_extent extent;
    uint32_t i;

    (void)state;
    for (i = 0; i < 4; i++) {
        clear();
        add(0, i % 2 * 10);
        add(0, 0);
        add(0, 5);
        add(0, i % 2);
        chain.mdl[3].next = &chain.mdl[i];
        assert_int_equal(vmb_mdl_measure(chain.mdl, 0, 1, &extent), VMB_E_ARG);
    }
}

static void the_longest_chain_is_measured(void **state)
{
    struct vmb_mdl *many = calloc(VMB_MDL_CHAIN_MAX + 1, sizeof *many);
    static const uint64_t pfn[1u << 20];
    struct vmb_mdl_extent extent;
    uint32_t i;

    (void)state;
    for (i = 0; i <= VMB_MDL_CHAIN_MAX; i++) {
        assert_int_equal(
            vmb_mdl_from_pfns(&many[i], pfn, 1u << 20, 0, UINT32_MAX), VMB_OK);
        if (i > 0 && i < VMB_MDL_CHAIN_MAX)
            many[i - 1].next = &many[i];
    }
    /* 2^15 members of almost 2^32 bytes: 2^35 pages do not fit 32 bits. */
    assert_int_equal(vmb_mdl_measure(many, 0, 0, &extent), VMB_E_TOOBIG);
    assert_int_equal(vmb_mdl_measure(many, 1ull << 46, 1ull << 43, &extent),
                     VMB_OK);
    assert_true(extent.bytes == 1ull << 43);
    many[VMB_MDL_CHAIN_MAX - 1].next = &many[VMB_MDL_CHAIN_MAX];
    assert_int_equal(vmb_mdl_measure(many, 0, 1, &extent), VMB_E_ARG);
    free(many);
}

static void every_member_is_checked(void **state)
{
    struct vmb_mdl_extent extent;
    uint32_t i;

    (void)state;
    for (i = 0; i < 4 * 4; i++) {
        struct vmb_mdl *mdl = &chain.mdl[i / 4];

        clear();
        add(1, PAGE);
        add(2, PAGE);
        add(0, 7);
        add(0, 9);
        assert_int_equal(vmb_mdl_measure(chain.mdl, 0, 1, &extent), VMB_OK);
        if (i % 4 == 0)
            mdl->byte_offset = PAGE;
        if (i % 4 == 1)
            mdl->pfns = NULL;
        if (i % 4 == 2)
            mdl->pfn_count = 0;
        if (i % 4 == 3)
            mdl->byte_count = 4 * PAGE + 1;
        /* Also where the stretch does not reach the wrong member. */
        assert_int_equal(vmb_mdl_measure(chain.mdl, 0, 1, &extent), VMB_E_ARG);
        assert_int_equal(vmb_mdl_slice(mdl, 1, chain.mdl, 0, 1), VMB_E_ARG);
    }
}

/* As after FORCE_MDL_LENGTH: the list has more pages than the bytes need. */
static void surplus_pages_are_not_named(void **state)
{
    static const uint64_t pfns[100] = { 3, 2, 1 };
    struct vmb_mdl_extent extent;
    struct vmb_mdl mdl;

    (void)state;
    assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 100, 4000, 97), VMB_OK);
    assert_int_equal(vmb_mdl_measure(&mdl, 0, 0, &extent), VMB_OK);
    assert_int_equal(extent.pfns, 2);
    assert_int_equal(vmb_mdl_measure(&mdl, 0, 96, &extent), VMB_OK);
    assert_int_equal(extent.pfns, 1);
    assert_int_equal(vmb_mdl_measure(&mdl, 96, 1, &extent), VMB_OK);
    assert_int_equal(extent.pfns, 1);
}

static void random_chain(struct rng *rng)
{
    uint32_t members = 1 + rng_below(rng, MEMBERS), i;

    clear();
    for (i = 0; i < members; i++) {
        uint32_t bytes =
            rng_below(rng, 2) ? rng_below(rng, 3 * PAGE) : rng_below(rng, 4);

        add(rng_below(rng, 2) ? rng_below(rng, PAGE) : 0, bytes);
    }
}

static void random_chains_agree_byte_by_byte(void **state)
{
    struct rng rng = rng_from(11);
    uint32_t i, k, offset, length;

    (void)state;
    for (i = 0; i < 600; i++) {
        random_chain(&rng);
        for (k = 0; k < 4; k++) {
            offset = rng_below(&rng, chain.bytes + 1);
            length = rng_below(&rng, chain.bytes - offset + 1);
            check_stretch(offset, length);
            check_slice(offset, length);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_members_are_skipped),
        cmocka_unit_test(a_stretch_may_begin_and_end_in_any_member),
        cmocka_unit_test(stretches_past_the_end_are_refused),
        cmocka_unit_test(no_chain_is_an_empty_chain),
        cmocka_unit_test(a_chain_that_bites_its_tail_is_refused),
        cmocka_unit_test(the_longest_chain_is_measured),
        cmocka_unit_test(every_member_is_checked),
        cmocka_unit_test(surplus_pages_are_not_named),
        cmocka_unit_test(random_chains_agree_byte_by_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
