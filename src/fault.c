/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "fault.h"

const struct vmb_fault vmb_no_fault = { VMB_OK, VMB_SITE_NONE, 0, 0, 0 };

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

const struct vmb_fault *vmb_fault_of_answer(struct vmb_fault *fault,
                                            uint32_t answer, enum vmb_site site)
{
    if (answer == 0)
        return &vmb_no_fault;
    vmb_fault_code(fault, VMB_E_REFUSED, site, answer);
    return fault;
}

enum vmb_status vmb_fault_host(struct vmb_fault *fault, enum vmb_site site,
                               uint64_t got, uint64_t limit)
{
    return vmb_fault_set(fault, VMB_E_HOST, site, got, limit);
}

enum vmb_status vmb_fault_arg(struct vmb_fault *fault, uint64_t got,
                              uint64_t limit)
{
    return vmb_fault_set(fault, VMB_E_ARG, VMB_SITE_ARG, got, limit);
}
