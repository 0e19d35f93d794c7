/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "hypercall.h"

#include <vmb/wire/hv.h>

uint64_t vmb_hv_reg_get(const struct vmb_hv *hv, uint32_t reg)
{
    return hv->cpu->reg_get(hv->plat->ctx, reg);
}

void vmb_hv_reg_set(const struct vmb_hv *hv, uint32_t reg, uint64_t value)
{
    hv->cpu->reg_set(hv->plat->ctx, reg, value);
}

static uint32_t call(const struct vmb_hv *hv, uint64_t control, uint64_t in)
{
    return (uint32_t)hv->cpu->hypercall(hv->plat->ctx, hv->hypercall_page_,
                                        control, in, 0) &
           VMB_HV_STATUS_MASK;
}

uint32_t vmb_hv_post_message(const struct vmb_hv *hv, const void *input)
{
    return call(hv, VMB_HVCALL_POST_MESSAGE,
                hv->plat->gpa(hv->plat->ctx, input));
}

uint32_t vmb_hv_signal_event(const struct vmb_hv *hv, uint32_t connection_id)
{
    /* Register form: connection id in bits 0..31, flag number 0 above. */
    return call(hv, VMB_HVCALL_SIGNAL_EVENT | VMB_HVCALL_FAST, connection_id);
}

/* The last is what Azure's VMBus says when it wants to be asked again (source:
 * OpenVMM virt/src/synic.rs). */
bool vmb_hv_transient(uint32_t status)
{
    return status == VMB_HV_STATUS_INSUFFICIENT_BUFFERS ||
           status == VMB_HV_STATUS_INSUFFICIENT_MEMORY ||
           status == VMB_HV_STATUS_TIMEOUT;
}

uint64_t vmb_hv_page_register(const struct vmb_hv *hv, const void *page)
{
    return hv->plat->gpa(hv->plat->ctx, page) | VMB_REG_ENABLE;
}
