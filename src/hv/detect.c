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

/* The leaves that tell of it, in a row. */
enum leaf {
    VENDOR,
    INTERFACE,
    VERSION,
    PRIVILEGES,
    HINTS,
    LEAVES
};

_Static_assert(VMB_CPUID_VENDOR + HINTS == VMB_CPUID_HINTS, "in a row");

const struct vmb_cpu_ops *vmb_cpu_ops_of(const struct vmb_platform *plat)
{
    if (!plat || plat->size != sizeof *plat || !plat->gpa)
        return NULL;
    return plat->cpu ? plat->cpu : &vmb_native_cpu;
}

static enum vmb_status absent(struct vmb_fault *fault, uint32_t got,
                              uint32_t wanted)
{
    return vmb_fault_set(fault, VMB_E_NOHV, VMB_SITE_HV_PRESENT, got, wanted);
}

/* Is the Hyper-V interface there at all?  Another hypervisor answers too. */
static enum vmb_status find_interface(const struct vmb_platform *plat,
                                      const struct vmb_cpu_ops *cpu,
                                      uint32_t r[LEAVES][4],
                                      struct vmb_fault *fault)
{
    uint32_t i;

    cpu->cpuid(plat->ctx, VMB_CPUID_FEATURES, r[0]);
    if (!(r[0][2] & VMB_HV_PRESENT))
        return absent(fault, r[0][2], VMB_HV_PRESENT);
    for (i = 0; i < LEAVES; i++)
        cpu->cpuid(plat->ctx, VMB_CPUID_VENDOR + i, r[i]);
    if (r[VENDOR][0] < VMB_HV_LEAF_NEEDED)
        return absent(fault, r[VENDOR][0], VMB_HV_LEAF_NEEDED);
    if (r[INTERFACE][0] != VMB_HV_SIGNATURE)
        return absent(fault, r[INTERFACE][0], VMB_HV_SIGNATURE);
    return VMB_OK;
}

static void fill_in(const struct vmb_platform *plat,
                    const struct vmb_cpu_ops *cpu, uint32_t r[LEAVES][4],
                    struct vmb_hv_info *out)
{
    out->max_leaf = r[VENDOR][0];
    out->build = r[VERSION][0];
    out->major = (uint16_t)(r[VERSION][1] >> 16);
    out->minor = (uint16_t)r[VERSION][1];
    out->privileges = (uint64_t)r[PRIVILEGES][1] << 32 | r[PRIVILEGES][0];
    out->features = r[PRIVILEGES][3];
    out->hints = r[HINTS][0];
    if (out->privileges & VMB_PRIV_HYPERCALL)
        out->owner = cpu->reg_get(plat->ctx, VMB_REG_GUEST_OS_ID);
    if (!(out->privileges & VMB_PRIV_ISOLATION))
        return;
    cpu->cpuid(plat->ctx, VMB_CPUID_ISOLATION, r[0]);
    out->isolated = (uint8_t)(r[0][1] & VMB_ISOLATION_TYPE);
}

enum vmb_status vmb_hv_inspect(const struct vmb_platform *plat,
                               struct vmb_hv_info *out, struct vmb_fault *fault)
{
    const struct vmb_cpu_ops *cpu = vmb_cpu_ops_of(plat);
    uint32_t r[LEAVES][4];
    enum vmb_status status;

    __builtin_memset(out, 0, sizeof *out);
    if (!cpu)
        return vmb_fault_arg(fault, plat ? plat->size : 0, sizeof *plat);
    status = find_interface(plat, cpu, r, fault);
    if (status != VMB_OK)
        return status;
    fill_in(plat, cpu, r, out);
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
