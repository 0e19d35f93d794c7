/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "fault.h"

enum vmb_status vmb_fault_set(struct vmb_fault *fault, enum vmb_status status,
                              enum vmb_site site, uint64_t got, uint64_t limit)
{
    fault->status = status;
    fault->site = (uint16_t)site;
    fault->host_code = 0;
    fault->got = got;
    fault->limit = limit;
    return status;
}

enum vmb_status vmb_fault_code(struct vmb_fault *fault, enum vmb_status status,
                               enum vmb_site site, uint32_t code)
{
    vmb_fault_set(fault, status, site, code, 0);
    fault->host_code = code;
    return status;
}
