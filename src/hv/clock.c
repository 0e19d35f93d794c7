/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include <vmb/hv.h>
#include <vmb/wire/hv.h>

#include "../host.h"
#include "hypercall.h"

/* Then the counter register, which is always right. */
#define SEQUENCE_TRIES 8

__extension__ typedef unsigned __int128 wide; /* one instruction each */

static uint64_t multiply_high(uint64_t a, uint64_t b)
{
    return (uint64_t)((wide)a * b >> 64);
}

/*
 * TLFS 12.7.3: the values hold for a sequence number that is the same, and
 * not 0, before and after.  False: the page cannot be used now.
 */
static bool read_tsc_page(const struct vmb_hv *hv, uint64_t *now)
{
    const struct vmb_tsc_page *page = hv->tsc_page_;
    uint64_t tsc, scale, offset;
    uint32_t sequence, tries;

    for (tries = 0; tries < SEQUENCE_TRIES; tries++) {
        /* Acquire: scale and offset are not older than this number. */
        sequence = vmb_host_load32_acquire(&page->sequence);
        if (sequence == 0)
            return false;
        tsc = vmb_hv_reg_get(hv, VMB_REG_TSC);
        scale = vmb_host_load64(&page->scale);
        offset = vmb_host_load64(&page->offset);
        /* ... nor newer than the second look at it. */
        if (vmb_host_load32_last(&page->sequence) == sequence) {
            *now = multiply_high(tsc, scale) + offset;
            return true;
        }
    }
    return false;
}

uint64_t vmb_hv_now(const struct vmb_hv *hv)
{
    uint64_t now;

    if (hv->plat->now)
        return hv->plat->now(hv->plat->ctx);
    if (hv->tsc_page_ && read_tsc_page(hv, &now))
        return now;
    return vmb_hv_reg_get(hv, VMB_REG_REF_COUNT);
}
