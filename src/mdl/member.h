/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_MDL_MEMBER_H
#define VMB_SRC_MDL_MEMBER_H

#include <vmb/mdl.h>

/* Pages that len bytes, not 0, touch from `start` bytes into a member on. */
static inline uint32_t vmb_mdl_pages(uint64_t start, uint64_t len)
{
    return (uint32_t)((start % VMB_PAGE_SIZE + len + VMB_PAGE_SIZE - 1) /
                      VMB_PAGE_SIZE);
}

/* A member whose pages do not hold its bytes. */
static inline bool vmb_mdl_is_wrong(const struct vmb_mdl *mdl)
{
    if (mdl->byte_offset >= VMB_PAGE_SIZE)
        return true;
    if (mdl->byte_count == 0)
        return false;
    return !mdl->pfns ||
           vmb_mdl_pages(mdl->byte_offset, mdl->byte_count) > mdl->pfn_count;
}

#endif
