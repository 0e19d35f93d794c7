/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "index.h"

#include "../fault.h"

_Static_assert(VMB_SITE_TX_READ_ALIGN == VMB_SITE_TX_READ_RANGE + 1 &&
                   VMB_SITE_RX_WRITE_ALIGN == VMB_SITE_RX_WRITE_RANGE + 1,
               "vmb_ring_check() counts on the order of sites");

enum vmb_status vmb_ring_check(struct vmb_fault *fault, enum vmb_site site,
                               uint32_t index, uint32_t size)
{
    if (index >= size)
        return vmb_fault_host(fault, site, index, size);
    if (index % 8)
        return vmb_fault_host(fault, (enum vmb_site)(site + 1), index, 8);
    return VMB_OK;
}
