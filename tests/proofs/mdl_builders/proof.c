/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_mdl_from_virtual(): whatever address and length,
 *   - no more page numbers are written than there is room for,
 *   - the address of each page is asked for once, in order, and none of
 *     another page,
 *   - what is made is a member that vmb_mdl_measure() takes, of that length.
 *
 * Bounds: up to 5 pages: a first, some in between, a last.  That the number of
 * pages is right for every length is proved by page_span.
 *
 * Options: --unwind 7
 */
#include "../proof.h"

#include "../../../src/mdl/build.c"
#include "../../../src/mdl/walk.c"

#define PAGES 5u

static uint64_t start, asked;

/* Addresses are numbers here, and page n has number n. */
static uint64_t gpa(void *ctx, const void *va)
{
    (void)ctx;
    PROVE((uint64_t)va / VMB_PAGE_SIZE == start / VMB_PAGE_SIZE + asked);
    asked++;
    return (uint64_t)va;
}

int main(void)
{
    static uint64_t pfns[PAGES];
    struct vmb_platform plat = { .gpa = gpa };
    uint32_t cap = nondet_u8(), i;
    uint64_t len = nondet_u64();
    struct vmb_mdl_extent extent;
    struct vmb_mdl mdl;

    start = nondet_u64();
    GIVEN(cap <= PAGES);
    if (vmb_mdl_from_virtual(&mdl, &plat, (const void *)start, len,
                             pfns + PAGES - cap, cap) != VMB_OK)
        return 0;
    PROVE(asked == vmb_page_span(start, len) && asked <= cap);
    for (i = 0; i < asked; i++)
        PROVE(mdl.pfns[i] == start / VMB_PAGE_SIZE + i);
    PROVE(mdl.byte_offset == start % VMB_PAGE_SIZE && mdl.byte_count == len);
    PROVE(vmb_mdl_measure(&mdl, 0, 0, &extent) == VMB_OK);
    PROVE(extent.bytes == len && extent.pfns == asked);
    return 0;
}
