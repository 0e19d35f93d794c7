/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "member.h"

enum vmb_status vmb_mdl_measure(const struct vmb_mdl *mdl, uint64_t offset,
                                uint64_t length, struct vmb_mdl_extent *out)
{
    uint64_t to = length ? offset + length : UINT64_MAX;
    uint64_t at = 0, next, first, last, pfns = 0;
    uint32_t members, ranges = 0;

    if (to < offset)
        return VMB_E_ARG;
    for (members = 0; mdl; members++, mdl = mdl->next) {
        if (members == VMB_MDL_CHAIN_MAX || vmb_mdl_is_wrong(mdl))
            return VMB_E_ARG;
        /* At most CHAIN_MAX * 2^32, far below 2^64. */
        next = at + mdl->byte_count;
        /* What [offset, to) takes of [at, next). */
        first = offset > at ? offset : at;
        last = to < next ? to : next;
        if (first < last) {
            ranges++;
            pfns +=
                vmb_mdl_pages(mdl->byte_offset + (first - at), last - first);
        }
        at = next;
    }
    if (offset > at || (length && to > at))
        return VMB_E_ARG;
    if (pfns > UINT32_MAX)
        return VMB_E_TOOBIG;
    out->bytes = length ? length : at - offset;
    out->ranges = ranges;
    out->pfns = (uint32_t)pfns;
    return VMB_OK;
}

void vmb_mdl_walk_start(struct vmb_mdl_walk *walk, const struct vmb_mdl *mdl,
                        uint64_t offset, uint64_t bytes)
{
    walk->mdl_ = mdl;
    walk->skip_ = offset;
    walk->left_ = bytes;
}

bool vmb_mdl_walk_next(struct vmb_mdl_walk *walk, struct vmb_gpa_range *out)
{
    const struct vmb_mdl *mdl = walk->mdl_;
    uint64_t skip = walk->skip_, start, take;

    /* Those before the stretch, and those without bytes. */
    for (; mdl && skip >= mdl->byte_count; mdl = mdl->next)
        skip -= mdl->byte_count;
    if (!mdl || walk->left_ == 0)
        return false;
    start = mdl->byte_offset + skip;
    take = mdl->byte_count - skip;
    if (take > walk->left_)
        take = walk->left_;
    out->byte_count = (uint32_t)take;
    out->byte_offset = (uint32_t)(start % VMB_PAGE_SIZE);
    out->pfns = mdl->pfns + start / VMB_PAGE_SIZE;
    out->pfn_count = vmb_mdl_pages(start, take);
    walk->mdl_ = mdl->next;
    walk->skip_ = 0;
    walk->left_ -= take;
    return true;
}
