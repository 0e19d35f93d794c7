/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * aarch64: everything is a hypercall through HVC, in the SMC calling
 * convention; the synthetic registers are virtual-processor registers, read
 * and written by hypercalls of their own.  For code that runs in EL1.
 *
 * Function number and register passing: TLFS, "Hypercall interface on ARM64";
 * they agree with what Linux and mu_msvm do.  Never run on a real host yet:
 * see the support table of the README.
 *
 * HVC is undefined where nothing runs in EL2: see vmb_hv_detect().
 */
#include <vmb/platform.h>
#include <vmb/wire/hv.h>

#include "../../src/hv/cpu_ops.h"

#define SMCCC_HYPERCALL  0x46000001u /* 64-bit, vendor hypervisor, number 1 */
#define SMCCC_VENDOR_UID 0x8600ff01u /* SMCCC 6.2: whose hypervisor is it */
#define GET_VP_REGISTERS 0x50u
#define SET_VP_REGISTERS 0x51u
#define ONE_REP          (1ull << 32)
#define PARTITION_SELF   UINT64_MAX
#define VP_SELF          0xfffffffeu

/* Virtual-processor registers, TLFS appendix; 128 bits each. */
#define VP_HYPERVISOR_VERSION 0x00000100u
#define VP_PRIVILEGES         0x00000200u
#define VP_FEATURES           0x00000201u
#define VP_ISOLATION          0x00000209u
#define VP_GUEST_OS_ID        0x00090002u
#define VP_VP_INDEX           0x00090003u
#define VP_TIME_REF_COUNT     0x00090004u
#define VP_REFERENCE_TSC      0x00090017u
#define VP_SINT0              0x000a0000u
#define VP_SCONTROL           0x000a0010u
#define VP_SIEFP              0x000a0012u
#define VP_SIMP               0x000a0013u
#define VP_EOM                0x000a0014u

struct registers {
    uint64_t x[8];
};

static void hvc(struct registers *r)
{
    register uint64_t x0 __asm__("x0") = r->x[0];
    register uint64_t x1 __asm__("x1") = r->x[1];
    register uint64_t x2 __asm__("x2") = r->x[2];
    register uint64_t x3 __asm__("x3") = r->x[3];
    register uint64_t x4 __asm__("x4") = r->x[4];
    register uint64_t x5 __asm__("x5") = r->x[5];
    register uint64_t x6 __asm__("x6") = r->x[6];
    register uint64_t x7 __asm__("x7") = r->x[7];

    __asm__ volatile("hvc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4),
                       "+r"(x5), "+r"(x6), "+r"(x7)
                     :
                     : "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
                       "x16", "x17", "memory", "cc");
    r->x[0] = x0;
    r->x[1] = x1;
    r->x[2] = x2;
    r->x[3] = x3;
    r->x[6] = x6;
    r->x[7] = x7;
}

static uint64_t hypercall(void *ctx, const void *page, uint64_t control,
                          uint64_t in, uint64_t out)
{
    struct registers r = { { SMCCC_HYPERCALL, control, in, out, 0, 0, 0, 0 } };

    (void)ctx;
    (void)page;
    hvc(&r);
    return r.x[0];
}

/* Both halves of a register; false: this is not Hyper-V. */
static bool get_vp(uint32_t name, uint64_t *low, uint64_t *high)
{
    struct registers r = { { SMCCC_HYPERCALL,
                             GET_VP_REGISTERS | VMB_HVCALL_FAST | ONE_REP,
                             PARTITION_SELF, VP_SELF, name, 0, 0, 0 } };

    hvc(&r);
    *low = r.x[6];
    *high = r.x[7];
    return (r.x[0] & VMB_HV_STATUS_MASK) == VMB_HV_STATUS_SUCCESS;
}

static void set_vp(uint32_t name, uint64_t value)
{
    struct registers r = { { SMCCC_HYPERCALL,
                             SET_VP_REGISTERS | VMB_HVCALL_FAST | ONE_REP,
                             PARTITION_SELF, VP_SELF, name, 0, value, 0 } };

    hvc(&r);
}

static uint32_t vp_of(uint32_t reg)
{
    switch (reg) {
    case VMB_REG_GUEST_OS_ID:
        return VP_GUEST_OS_ID;
    case VMB_REG_VP_INDEX:
        return VP_VP_INDEX;
    case VMB_REG_REF_COUNT:
        return VP_TIME_REF_COUNT;
    case VMB_REG_REF_TSC:
        return VP_REFERENCE_TSC;
    case VMB_REG_SCONTROL:
        return VP_SCONTROL;
    case VMB_REG_SIEFP:
        return VP_SIEFP;
    case VMB_REG_SIMP:
        return VP_SIMP;
    case VMB_REG_EOM:
        return VP_EOM;
    default:
        return VP_SINT0 + (reg - VMB_REG_SINT0);
    }
}

static uint64_t reg_get(void *ctx, uint32_t reg)
{
    uint64_t low, high;

    (void)ctx;
    if (reg == VMB_REG_TSC) {
        __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(low)::"memory");
        return low;
    }
    return get_vp(vp_of(reg), &low, &high) ? low : 0;
}

static void reg_set(void *ctx, uint32_t reg, uint64_t value)
{
    (void)ctx;
    set_vp(vp_of(reg), value);
}

/* A 128-bit register as the four words of its CPUID leaf. */
static void leaf_of(uint32_t name, uint32_t out[4])
{
    uint64_t low, high;

    if (!get_vp(name, &low, &high))
        return;
    out[0] = (uint32_t)low;
    out[1] = (uint32_t)(low >> 32);
    out[2] = (uint32_t)high;
    out[3] = (uint32_t)(high >> 32);
}

/*
 * Another hypervisor may mean something else by our function number, so whose
 * it is comes first.  One that does not say may be Hyper-V: Linux takes the
 * word of ACPI then.  The number: OpenVMM hvdef, VENDOR_HYP_UID_MS_HYPERVISOR;
 * the name in letters: what Linux was first to expect (its mailing list, August
 * 2024).
 */
static bool is_another(void)
{
    struct registers r = { { SMCCC_VENDOR_UID, 0, 0, 0, 0, 0, 0, 0 } };

    hvc(&r);
    switch ((uint32_t)r.x[0]) {
    case UINT32_MAX: /* not supported */
        return false;
    case 0x4d32ba58u:
        return (uint32_t)r.x[1] != 0xcd244764u ||
               (uint32_t)r.x[2] != 0x8eef6c75u ||
               (uint32_t)r.x[3] != 0x16597024u;
    case 0x7948734du: /* "MsHyperV" */
        return (uint32_t)r.x[1] != 0x56726570u;
    default:
        return true;
    }
}

static void cpuid(void *ctx, uint32_t leaf, uint32_t out[4])
{
    uint64_t low, high;

    (void)ctx;
    out[0] = out[1] = out[2] = out[3] = 0;
    if (is_another() || !get_vp(VP_HYPERVISOR_VERSION, &low, &high))
        return;
    switch (leaf) {
    case VMB_CPUID_FEATURES:
        out[2] = VMB_HV_PRESENT;
        break;
    case VMB_CPUID_VENDOR:
        out[0] = VMB_HV_LEAF_NEEDED;
        break;
    case VMB_CPUID_INTERFACE:
        out[0] = VMB_HV_SIGNATURE;
        break;
    case VMB_CPUID_VERSION:
        leaf_of(VP_HYPERVISOR_VERSION, out);
        break;
    case VMB_CPUID_PRIVILEGES:
        leaf_of(VP_PRIVILEGES, out);
        /* There is no page to be allowed to enable. */
        out[0] |= (uint32_t)VMB_PRIV_HYPERCALL;
        break;
    case VMB_CPUID_HINTS:
        leaf_of(VP_FEATURES, out);
        /* The interrupt controller has no automatic end of interrupt. */
        out[0] |= VMB_HINT_NO_AUTO_EOI;
        break;
    case VMB_CPUID_ISOLATION:
        leaf_of(VP_ISOLATION, out);
        break;
    default:
        break;
    }
}

/* Polled: VMBus's usual interrupt (OpenVMM DEFAULT_VMBUS_PPI), which stays
 * disabled in the GIC. */
const struct vmb_cpu_ops vmb_native_cpu = { cpuid,     reg_get, reg_set,
                                            hypercall, true,    18 };
