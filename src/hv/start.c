/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Claim the interface and give it back.  TLFS 3.13: guest OS id first, then
 * the hypercall page; taking the id away disables the page again.
 */
#include <vmb/hv.h>
#include <vmb/wire/hv.h>

#include "../fault.h"
#include "cpu_ops.h"
#include "detect.h"
#include "hypercall.h"

/* An open-source guest of a type that the TLFS has not given to anyone. */
#define GUEST_OS_ID (VMB_OS_ID_OPEN_SOURCE | 0x56ull << 56)

static void clock_off(struct vmb_hv *hv)
{
    if (hv->tsc_page_)
        vmb_hv_reg_set(hv, VMB_REG_REF_TSC, 0);
    hv->tsc_page_ = NULL;
}

/* The cheapest clock there is: the port's, the TSC page, the counter. */
static enum vmb_status clock_on(struct vmb_hv *hv, void *page)
{
    hv->tsc_page_ = NULL;
    if (hv->plat->now)
        return VMB_OK;
    if (!(hv->info.privileges & VMB_PRIV_REF_COUNTER))
        return vmb_fault_set(&hv->fault_, VMB_E_NOFEATURE, VMB_SITE_HV_CLOCK,
                             hv->info.privileges, VMB_PRIV_REF_COUNTER);
    if (hv->info.privileges & VMB_PRIV_REF_TSC) {
        __builtin_memset(page, 0, VMB_PAGE_SIZE);
        vmb_hv_reg_set(hv, VMB_REG_REF_TSC, vmb_hv_page_register(hv, page));
        hv->tsc_page_ = page;
    }
    return VMB_OK;
}

static void hypercalls_off(struct vmb_hv *hv)
{
    if (!hv->cpu->pageless)
        vmb_hv_reg_set(hv, VMB_REG_HYPERCALL, 0);
    vmb_hv_reg_set(hv, VMB_REG_GUEST_OS_ID, 0);
}

static enum vmb_status hypercalls_on(struct vmb_hv *hv, void *page,
                                     uint64_t os_id)
{
    uint64_t wanted = vmb_hv_page_register(hv, page), got;

    vmb_hv_reg_set(hv, VMB_REG_GUEST_OS_ID, os_id);
    if (hv->cpu->pageless)
        return VMB_OK;
    vmb_hv_reg_set(hv, VMB_REG_HYPERCALL, wanted);
    got = vmb_hv_reg_get(hv, VMB_REG_HYPERCALL);
    hv->hypercall_page_ = page;
    if (((got ^ wanted) & VMB_REG_PAGE_BITS) == 0)
        return VMB_OK;
    hypercalls_off(hv);
    return vmb_fault_host(&hv->fault_, VMB_SITE_HV_REGISTER, got, wanted);
}

enum vmb_status vmb_hv_start(struct vmb_hv *hv, const struct vmb_platform *plat,
                             const struct vmb_hv_cfg *cfg)
{
    enum vmb_status status;

    /* Nothing else of *hv before it is sure: it may be started, and then the
     * interface has an owner, which is *hv itself. */
    status = vmb_hv_inspect(plat, &hv->info, &hv->fault_);
    if (status != VMB_OK && !(status == VMB_E_OWNED && cfg->take_over))
        return status;
    hv->fault_.status = VMB_OK;
    if (!cfg->pages || (uintptr_t)cfg->pages % VMB_PAGE_SIZE)
        return vmb_fault_arg(&hv->fault_, (uintptr_t)cfg->pages, VMB_PAGE_SIZE);
    hv->started_ = false;
    hv->conn_ = NULL;
    hv->plat = plat;
    hv->cpu = vmb_cpu_ops_of(plat);
    status = hypercalls_on(hv, cfg->pages,
                           cfg->guest_os_id ? cfg->guest_os_id : GUEST_OS_ID);
    if (status != VMB_OK)
        return status;
    status = clock_on(hv, (uint8_t *)cfg->pages + VMB_PAGE_SIZE);
    if (status != VMB_OK) {
        hypercalls_off(hv);
        return status;
    }
    hv->started_ = true;
    return VMB_OK;
}

void vmb_hv_stop(struct vmb_hv *hv)
{
    if (!hv->started_)
        return;
    hv->started_ = false;
    clock_off(hv);
    hypercalls_off(hv);
}

void vmb_hv_fault(const struct vmb_hv *hv, struct vmb_fault *out)
{
    *out = hv->fault_;
}
