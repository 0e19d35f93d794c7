/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_PROOFS_MDL_H
#define TESTS_PROOFS_MDL_H
/*
 * A chain of up to MEMBERS members that vmb_mdl_measure() passes can be
 * walked: each range lies in the pages of its member, their sums are what was
 * measured, and the walk ends.  A chain may bite its tail; the longest one
 * followed is set to MEMBERS (32768 in the library), so that the refusal of
 * circles is inside the bound.
 *
 * A proof defines MEMBERS and any_number() before.
 */
#include <vmb/mdl.h>

#include "proof.h"

#undef VMB_MDL_CHAIN_MAX
#define VMB_MDL_CHAIN_MAX MEMBERS

#include "../../src/mdl/build.c"
#include "../../src/mdl/walk.c"

/* No list of pages is longer: 2^32 bytes and a beginning anywhere in a page. */
#define PFNS_MOST ((1u << 20) + 1)
/* From one member's list to the next one's. */
#define STRIDE_SHIFT 21

static struct vmb_mdl member[MEMBERS];
/* Only pointed into, and behind: no list is followed. */
static uint64_t pages;

static void any_chain(void)
{
    uint32_t i;

    for (i = 0; i < MEMBERS; i++) {
        member[i].byte_count = (uint32_t)any_number();
        member[i].byte_offset = (uint32_t)any_number();
        member[i].pfn_count = (uint32_t)any_number();
        member[i].pfns =
            nondet_bool() ? &pages + ((uint64_t)i << STRIDE_SHIFT) : NULL;
        GIVEN(member[i].pfn_count <= PFNS_MOST);
        member[i].next = nondet_bool() ? &member[(i + 1) % MEMBERS] : NULL;
    }
}

static void check_range(const struct vmb_gpa_range *range)
{
    uint64_t at = __CPROVER_POINTER_OFFSET(range->pfns) / sizeof pages;
    uint64_t first = at & ((1u << STRIDE_SHIFT) - 1);
    uint64_t which = at >> STRIDE_SHIFT;
    uint64_t room = (uint64_t)range->pfn_count * VMB_PAGE_SIZE;
    uint64_t end = (uint64_t)range->byte_offset + range->byte_count;

    PROVE(__CPROVER_same_object(range->pfns, &pages));
    PROVE(range->byte_count > 0 && range->byte_offset < VMB_PAGE_SIZE);
    PROVE(which < MEMBERS);
    PROVE(first + range->pfn_count <= member[which].pfn_count);
    PROVE(end <= room && end > room - VMB_PAGE_SIZE);
}

static void prove_walk(void)
{
    uint64_t offset = any_number(), length = any_number(), bytes = 0;
    uint32_t ranges = 0, pfns = 0;
    struct vmb_mdl_extent extent;
    struct vmb_gpa_range range;
    struct vmb_mdl_walk walk;

    any_chain();
    if (vmb_mdl_measure(member, offset, length, &extent) != VMB_OK)
        return;
    PROVE(extent.bytes == length || length == 0);
    vmb_mdl_walk_start(&walk, member, offset, extent.bytes);
    while (vmb_mdl_walk_next(&walk, &range)) {
        check_range(&range);
        bytes += range.byte_count;
        pfns += range.pfn_count;
        ranges++;
    }
    PROVE(bytes == extent.bytes);
    PROVE(ranges == extent.ranges);
    PROVE(pfns == extent.pfns);
}

#endif
