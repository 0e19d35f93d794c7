/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_hv_inspect(): whatever CPUID and the owner's register say, a yes needs
 * the interface, the privileges, nobody's id and no isolation; no register is
 * read before CPUID grants it; and a no is on record.
 *
 * Bounds: the library's own five leaves.
 *
 * Options: --unwind 6 --unsigned-overflow-check
 */
#include "../proof.h"

#include "../../../src/fault.c"
#include "../../../src/hv/detect.c"

const struct vmb_cpu_ops vmb_native_cpu;

static bool present, signature, granted, isolated;
static uint32_t highest;
static uint64_t owner;

/* Leaves 4000000x tell of themselves; what is not there may say anything. */
static void cpuid(void *ctx, uint32_t leaf, uint32_t r[4])
{
    uint32_t i;

    (void)ctx;
    for (i = 0; i < 4; i++)
        r[i] = nondet_u32();
    if (leaf == VMB_CPUID_FEATURES)
        present = r[2] & VMB_HV_PRESENT;
    if (leaf == VMB_CPUID_VENDOR)
        highest = r[0];
    if (leaf == VMB_CPUID_VENDOR + 1)
        signature = r[0] == VMB_HV_SIGNATURE;
    if (leaf == VMB_CPUID_VENDOR + PRIVILEGES)
        granted = (r[0] & NEEDED) == NEEDED;
    if (leaf == VMB_CPUID_ISOLATION)
        isolated = r[1] & VMB_ISOLATION_TYPE;
}

static uint64_t reg_get(void *ctx, uint32_t reg)
{
    (void)ctx;
    PROVE(present && signature && reg == VMB_REG_GUEST_OS_ID);
    owner = nondet_u64();
    return owner;
}

static uint64_t gpa(void *ctx, const void *va)
{
    (void)ctx;
    (void)va;
    return 0;
}

int main(void)
{
    const struct vmb_cpu_ops cpu = { .cpuid = cpuid, .reg_get = reg_get };
    struct vmb_platform plat = { .size = sizeof plat, .gpa = gpa, .cpu = &cpu };
    struct vmb_fault fault;
    struct vmb_hv_info info;
    enum vmb_status status = vmb_hv_inspect(&plat, &info, &fault);

    if (status != VMB_OK) {
        PROVE(fault.status == status && fault.site != VMB_SITE_NONE);
        PROVE(status == VMB_E_NOHV || status == VMB_E_NOFEATURE ||
              status == VMB_E_OWNED);
        return 0;
    }
    PROVE(present && signature && granted && !isolated && owner == 0);
    PROVE(highest >= VMB_HV_LEAF_NEEDED && info.max_leaf == highest);
    return 0;
}
