/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Chains with anything in their members, circles among them: measured,
 * walked, cut, and put into a ring, compared with sums of the input's own.
 */
#include <vmb/ring.h>

#include "fuzz.h"

#define MEMBERS    12u
#define MOST_PAGES 40u
#define DATA_PAGES 2u

static struct input in;
static struct vmb_mdl members[MEMBERS];
static uint64_t *pfns[MEMBERS];
static uint32_t count;

/* pfn_count never says more than there is: nobody could check that. */
static void make_member(struct vmb_mdl *mdl, uint64_t **list)
{
    uint32_t pages = take8(&in) % MOST_PAGES, i;
    uint8_t how = take8(&in);

    *list = exactly(pages * sizeof **list);
    for (i = 0; i < pages; i++)
        (*list)[i] = i * 0x1000001u + how;
    mdl->pfns = how & 1 && how & 2 ? NULL : *list;
    mdl->pfn_count = pages;
    mdl->byte_offset = how & 4 ? take32(&in) : take16(&in) % PAGE;
    mdl->byte_count = how & 8 ? take32(&in) : take16(&in);
    mdl->next = NULL;
}

static void make_chain(void)
{
    uint32_t i;

    count = 1 + take8(&in) % MEMBERS;
    for (i = 0; i < count; i++) {
        make_member(&members[i], &pfns[i]);
        if (i > 0)
            members[i - 1].next = &members[i];
    }
    i = take8(&in);
    if (i > UINT8_MAX - MEMBERS)
        members[count - 1].next = &members[i % count];
}

static uint64_t walk(uint64_t offset, const struct vmb_mdl_extent *extent)
{
    uint32_t ranges = 0, pages = 0, i;
    struct vmb_gpa_range range;
    struct vmb_mdl_walk at;
    uint64_t bytes = 0, sum = 0;

    vmb_mdl_walk_start(&at, members, offset, extent->bytes);
    while (vmb_mdl_walk_next(&at, &range)) {
        PROMISE(range.byte_count && range.byte_offset < PAGE);
        bytes += range.byte_count;
        pages += range.pfn_count;
        ranges++;
        for (i = 0; i < range.pfn_count; i++)
            sum += range.pfns[i];
    }
    PROMISE(bytes == extent->bytes);
    PROMISE(pages == extent->pfns);
    PROMISE(ranges == extent->ranges);
    return sum;
}

/* A slice of the stretch is the stretch. */
static void slice(uint64_t offset, uint64_t length,
                  const struct vmb_mdl_extent *extent)
{
    uint32_t cap = take8(&in) % (MEMBERS + 1);
    struct vmb_mdl *out = exactly(cap * sizeof *out);
    struct vmb_mdl_extent again;
    enum vmb_status status = vmb_mdl_slice(out, cap, members, offset, length);

    if (extent->bytes == 0)
        PROMISE(status == VMB_E_ARG);
    else
        PROMISE(status == (extent->ranges > cap ? VMB_E_NOSLOT : VMB_OK));
    if (status == VMB_OK) {
        PROMISE(vmb_mdl_measure(out, 0, 0, &again) == VMB_OK);
        PROMISE(memcmp(&again, extent, sizeof again) == 0);
    }
    free(out);
}

static void put_into_ring(uint64_t offset, uint64_t length)
{
    struct vmb_out out = { .kind = VMB_GPA_DIRECT,
                           .mdl = members,
                           .mdl_offset = offset,
                           .mdl_length = length };
    uint8_t *pages = new_pages(1 + DATA_PAGES);
    struct vmb_out_size size;
    struct vmb_fault fault;
    struct vmb_ring_tx tx;
    uint32_t at;

    vmb_ring_tx_init(&tx, pages, DATA_PAGES);
    at = take16(&in) * 8u % tx.size_;
    tx.write_ = tx.published_ = tx.read_ = at;
    memcpy(pages + 4, &at, sizeof at);
    if (vmb_ring_measure(&out, &size) == VMB_OK &&
        vmb_ring_reserve(&tx, size.total, &fault) == VMB_OK) {
        vmb_ring_write(&tx, &out, &size, 1);
        PROMISE(tx.write_ == (at + size.total) % tx.size_);
    }
    free(pages);
}

static void try_stretch(void)
{
    uint8_t how = take8(&in);
    uint64_t offset = how & 1 ? take(&in, 8) : take16(&in);
    uint64_t length = how & 2 ? take(&in, 8) : take16(&in);
    struct vmb_mdl_extent extent = { 0, 0, 0 };

    if (vmb_mdl_measure(members, offset, length, &extent) != VMB_OK)
        return;
    PROMISE(!members[count - 1].next);
    PROMISE(length == 0 || extent.bytes == length);
    (void)walk(offset, &extent);
    slice(offset, length, &extent);
    put_into_ring(offset, length);
}

static void try_span(void)
{
    uint64_t at = take(&in, 8), len = take(&in, 8);
    uint64_t span = vmb_page_span(at, len);

    PROMISE((span == 0) == (len == 0));
    if (len) {
        PROMISE(span >= len / PAGE);
        PROMISE(span <= len / PAGE + 2);
        PROMISE(vmb_page_span(at, len - 1) <= span);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t i;

    in.at = data;
    in.left = size;
    make_chain();
    try_span();
    /* A circle is refused after 32768 steps: once is enough. */
    for (i = 0; i < (members[count - 1].next ? 1 : 4); i++)
        try_stretch();
    for (i = 0; i < count; i++)
        free(pfns[i]);
    return 0;
}
