/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "member.h"

bool vmb_mdl_is_wrong(const struct vmb_mdl *mdl)
{
    return mdl->byte_offset >= VMB_PAGE_SIZE ||
           (mdl->byte_count && !mdl->pfns) ||
           vmb_page_span(mdl->byte_offset, mdl->byte_count) > mdl->pfn_count;
}

/*
 * Add what [from, to) of the chain takes of this member, which begins at byte
 * `at` of it.
 */
static void add_member(const struct vmb_mdl *mdl, uint64_t at, uint64_t from,
                       uint64_t to, struct vmb_mdl_extent *out, uint64_t *pfns)
{
    uint64_t end = at + mdl->byte_count;
    uint64_t first = from > at ? from : at;

    if (end > to)
        end = to;
    if (first >= end)
        return;
    out->ranges++;
    *pfns += vmb_page_span(mdl->byte_offset + (first - at), end - first);
}

enum vmb_status vmb_mdl_measure(const struct vmb_mdl *mdl, uint64_t offset,
                                uint64_t length, struct vmb_mdl_extent *out)
{
    uint64_t at = 0, pfns = 0, to = length ? offset + length : UINT64_MAX;
    uint32_t members;

    if (to < offset)
        return VMB_E_ARG;
    out->ranges = 0;
    for (members = 0; mdl; members++, mdl = mdl->next) {
        if (members == VMB_MDL_CHAIN_MAX || vmb_mdl_is_wrong(mdl))
            return VMB_E_ARG;
        add_member(mdl, at, offset, to, out, &pfns);
        /* At most CHAIN_MAX * 2^32, far below 2^64. */
        at += mdl->byte_count;
    }
    if (offset > at || (length && to > at))
        return VMB_E_ARG;
    if (pfns > UINT32_MAX)
        return VMB_E_TOOBIG;
    out->bytes = length ? length : at - offset;
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
