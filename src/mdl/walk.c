/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include <vmb/mdl.h>

/* A member whose pages do not hold its bytes. */
static bool member_is_wrong(const struct vmb_mdl *mdl)
{
    return mdl->byte_offset >= VMB_PAGE_SIZE ||
           (mdl->byte_count && !mdl->pfns) ||
           vmb_page_span(mdl->byte_offset, mdl->byte_count) > mdl->pfn_count;
}

/* Bytes of the whole chain, every member checked. */
static enum vmb_status chain_bytes(const struct vmb_mdl *mdl, uint64_t *bytes)
{
    uint32_t members;

    *bytes = 0;
    for (members = 0; mdl; members++, mdl = mdl->next) {
        if (members == VMB_MDL_CHAIN_MAX || member_is_wrong(mdl))
            return VMB_E_ARG;
        /* At most CHAIN_MAX * 2^32, far below 2^64. */
        *bytes += mdl->byte_count;
    }
    return VMB_OK;
}

enum vmb_status vmb_mdl_measure(const struct vmb_mdl *mdl, uint64_t offset,
                                uint64_t length, struct vmb_mdl_extent *out)
{
    struct vmb_mdl_walk walk;
    struct vmb_gpa_range range;
    uint64_t bytes, pfns = 0;
    uint32_t ranges = 0;

    if (chain_bytes(mdl, &bytes) != VMB_OK || offset > bytes ||
        length > bytes - offset)
        return VMB_E_ARG;
    if (length == 0)
        length = bytes - offset;
    vmb_mdl_walk_start(&walk, mdl, offset, length);
    while (vmb_mdl_walk_next(&walk, &range)) {
        ranges++;
        pfns += range.pfn_count;
    }
    if (pfns > UINT32_MAX)
        return VMB_E_TOOBIG;
    out->bytes = length;
    out->ranges = ranges;
    out->pfns = (uint32_t)pfns;
    return VMB_OK;
}

void vmb_mdl_walk_start(struct vmb_mdl_walk *walk, const struct vmb_mdl *mdl,
                        uint64_t offset, uint64_t bytes)
{
    while (mdl && offset >= mdl->byte_count) {
        offset -= mdl->byte_count;
        mdl = mdl->next;
    }
    walk->mdl_ = mdl;
    walk->skip_ = (uint32_t)offset;
    walk->left_ = bytes;
}

bool vmb_mdl_walk_next(struct vmb_mdl_walk *walk, struct vmb_gpa_range *out)
{
    const struct vmb_mdl *mdl = walk->mdl_;
    uint64_t start, take;

    while (mdl && mdl->byte_count == 0)
        mdl = mdl->next;
    if (!mdl || walk->left_ == 0)
        return false;
    start = (uint64_t)mdl->byte_offset + walk->skip_;
    take = mdl->byte_count - walk->skip_;
    if (take > walk->left_)
        take = walk->left_;
    out->byte_count = (uint32_t)take;
    out->byte_offset = (uint32_t)(start % VMB_PAGE_SIZE);
    out->pfns = mdl->pfns + start / VMB_PAGE_SIZE;
    out->pfn_count = (uint32_t)vmb_page_span(start, take);
    walk->mdl_ = mdl->next;
    walk->skip_ = 0;
    walk->left_ -= take;
    return true;
}
