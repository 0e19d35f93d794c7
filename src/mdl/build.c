/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "member.h"

uint64_t vmb_page_span(uint64_t at, uint64_t len)
{
    /* No sum of at and len, which could wrap: whole pages apart. */
    uint64_t rest = at % VMB_PAGE_SIZE + len % VMB_PAGE_SIZE;

    if (len == 0)
        return 0;
    return len / VMB_PAGE_SIZE + (rest + VMB_PAGE_SIZE - 1) / VMB_PAGE_SIZE;
}

enum vmb_status vmb_mdl_from_pfns(struct vmb_mdl *mdl, const uint64_t *pfns,
                                  uint32_t pfn_count, uint32_t byte_offset,
                                  uint32_t byte_count)
{
    const struct vmb_mdl made = { NULL, pfns, pfn_count, byte_offset,
                                  byte_count };

    if (vmb_mdl_is_wrong(&made))
        return VMB_E_ARG;
    *mdl = made;
    return VMB_OK;
}

enum vmb_status vmb_mdl_from_virtual(struct vmb_mdl *mdl,
                                     const struct vmb_platform *plat,
                                     const void *va, size_t len, uint64_t *pfns,
                                     uint32_t pfn_cap)
{
    uintptr_t at = (uintptr_t)va;
    uint32_t offset = (uint32_t)(at % VMB_PAGE_SIZE);
    uint64_t span = vmb_page_span(at, len);
    uint32_t i;

    if (len > 0 && len - 1 > UINTPTR_MAX - at)
        return VMB_E_ARG;
    if (len > UINT32_MAX)
        return VMB_E_TOOBIG;
    if (span > pfn_cap)
        return VMB_E_NOSLOT;
    for (i = 0; i < span; i++) {
        pfns[i] = plat->gpa(plat->ctx, (const void *)at) / VMB_PAGE_SIZE;
        at = at - at % VMB_PAGE_SIZE + VMB_PAGE_SIZE;
    }
    return vmb_mdl_from_pfns(mdl, pfns, (uint32_t)span, offset, (uint32_t)len);
}

enum vmb_status vmb_mdl_from_iovec(struct vmb_mdl *mdls, uint32_t mdl_cap,
                                   const struct vmb_platform *plat,
                                   const struct vmb_iov *iov,
                                   uint32_t iov_count, uint64_t *pfns,
                                   uint32_t pfn_cap)
{
    enum vmb_status status;
    uint32_t i;

    if (iov_count == 0)
        return VMB_E_ARG;
    if (iov_count > mdl_cap)
        return VMB_E_NOSLOT;
    for (i = 0; i < iov_count; i++) {
        status = vmb_mdl_from_virtual(&mdls[i], plat, iov[i].base, iov[i].len,
                                      pfns, pfn_cap);
        if (status != VMB_OK)
            return status;
        pfns += mdls[i].pfn_count;
        pfn_cap -= mdls[i].pfn_count;
        if (i > 0)
            mdls[i - 1].next = &mdls[i];
    }
    return VMB_OK;
}

enum vmb_status vmb_mdl_slice(struct vmb_mdl *out, uint32_t out_cap,
                              const struct vmb_mdl *mdl, uint64_t offset,
                              uint64_t length)
{
    struct vmb_mdl_extent extent;
    struct vmb_mdl_walk walk;
    struct vmb_gpa_range range;
    enum vmb_status status = vmb_mdl_measure(mdl, offset, length, &extent);
    uint32_t i;

    if (status != VMB_OK || extent.bytes == 0)
        return status != VMB_OK ? status : VMB_E_ARG;
    if (extent.ranges > out_cap)
        return VMB_E_NOSLOT;
    vmb_mdl_walk_start(&walk, mdl, offset, extent.bytes);
    for (i = 0; i < extent.ranges && vmb_mdl_walk_next(&walk, &range); i++) {
        out[i].next = i + 1 < extent.ranges ? &out[i + 1] : NULL;
        out[i].pfns = range.pfns;
        out[i].pfn_count = range.pfn_count;
        out[i].byte_offset = range.byte_offset;
        out[i].byte_count = range.byte_count;
    }
    return VMB_OK;
}
