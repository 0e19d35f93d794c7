/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "detect.h"

#include <vmb/wire/hv.h>

#include "../fault.h"
#include "cpu_ops.h"

/*
 * Not PostMessages and SignalEvents: OpenVMM grants both without saying so
 * (virt_kvm and hv1_emulator, leaf 0x40000003).  Where they are denied the
 * hypercall's own status says it.
 */
#define NEEDED (VMB_PRIV_SYNIC | VMB_PRIV_HYPERCALL | VMB_PRIV_VP_INDEX)

static enum vmb_status absent(struct vmb_fault *fault, uint32_t got,
                              uint32_t wanted)
{
    return vmb_fault_set(fault, VMB_E_NOHV, VMB_SITE_HV_PRESENT, got, wanted);
}

/* Is the Hyper-V interface there at all?  Another hypervisor answers too. */
static enum vmb_status find_interface(const struct vmb_platform *plat,
                                      const struct vmb_cpu_ops *cpu,
                                      struct vmb_hv_info *out,
                                      struct vmb_fault *fault)
{
    uint32_t r[4];

    cpu->cpuid(plat->ctx, VMB_CPUID_FEATURES, r);
    if (!(r[2] & VMB_HV_PRESENT))
        return absent(fault, r[2], VMB_HV_PRESENT);
    cpu->cpuid(plat->ctx, VMB_CPUID_VENDOR, r);
    out->max_leaf = r[0];
    if (out->max_leaf < VMB_HV_LEAF_NEEDED)
        return absent(fault, out->max_leaf, VMB_HV_LEAF_NEEDED);
    cpu->cpuid(plat->ctx, VMB_CPUID_INTERFACE, r);
    if (r[0] != VMB_HV_SIGNATURE)
        return absent(fault, r[0], VMB_HV_SIGNATURE);
    return VMB_OK;
}

static void read_leaves(const struct vmb_platform *plat,
                        const struct vmb_cpu_ops *cpu, struct vmb_hv_info *out)
{
    uint32_t r[4];

    cpu->cpuid(plat->ctx, VMB_CPUID_VERSION, r);
    out->build = r[0];
    out->major = (uint16_t)(r[1] >> 16);
    out->minor = (uint16_t)r[1];
    cpu->cpuid(plat->ctx, VMB_CPUID_PRIVILEGES, r);
    out->privileges = (uint64_t)r[1] << 32 | r[0];
    out->features = r[3];
    cpu->cpuid(plat->ctx, VMB_CPUID_HINTS, r);
    out->hints = r[0];
    if (!(out->privileges & VMB_PRIV_ISOLATION))
        return;
    cpu->cpuid(plat->ctx, VMB_CPUID_ISOLATION, r);
    out->isolated = (uint8_t)(r[1] & VMB_ISOLATION_TYPE);
}

enum vmb_status vmb_hv_inspect(const struct vmb_platform *plat,
                               struct vmb_hv_info *out, struct vmb_fault *fault)
{
    const struct vmb_cpu_ops *cpu = vmb_cpu_ops_of(plat);
    enum vmb_status status;

    __builtin_memset(out, 0, sizeof *out);
    if (!cpu)
        return vmb_fault_arg(fault, plat ? plat->size : 0, sizeof *plat);
    status = find_interface(plat, cpu, out, fault);
    if (status != VMB_OK) {
        __builtin_memset(out, 0, sizeof *out);
        return status;
    }
    read_leaves(plat, cpu, out);
    if (out->privileges & VMB_PRIV_HYPERCALL)
        out->owner = cpu->reg_get(plat->ctx, VMB_REG_GUEST_OS_ID);
    if (out->isolated)
        return vmb_fault_set(fault, VMB_E_NOFEATURE, VMB_SITE_HV_ISOLATED,
                             out->isolated, 0);
    if ((out->privileges & NEEDED) != NEEDED)
        return vmb_fault_set(fault, VMB_E_NOFEATURE, VMB_SITE_HV_PRIVILEGE,
                             out->privileges, NEEDED);
    if (out->owner)
        return vmb_fault_set(fault, VMB_E_OWNED, VMB_SITE_HV_OWNER, out->owner,
                             0);
    return VMB_OK;
}

enum vmb_status vmb_hv_detect(const struct vmb_platform *plat,
                              struct vmb_hv_info *out)
{
    struct vmb_fault ignored;

    return vmb_hv_inspect(plat, out, &ignored);
}
