/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * x86-64: CPUID, model-specific registers, and a call into the hypercall page.
 * For code that runs in ring 0.
 */
#include <vmb/platform.h>
#include <vmb/wire/hv.h>

#include "../../src/hv/cpu_ops.h"

static void cpuid(void *ctx, uint32_t leaf, uint32_t out[4])
{
    (void)ctx;
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(0));
}

static uint64_t reg_get(void *ctx, uint32_t reg)
{
    uint32_t low, high;

    (void)ctx;
    /* rdtsc is for every ring and, unlike rdmsr, makes no exit. */
    if (reg == VMB_REG_TSC)
        __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    else
        __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(reg) : "memory");
    return (uint64_t)high << 32 | low;
}

static void reg_set(void *ctx, uint32_t reg, uint64_t value)
{
    (void)ctx;
    __asm__ volatile("wrmsr"
                     :
                     : "c"(reg), "a"((uint32_t)value),
                       "d"((uint32_t)(value >> 32))
                     : "memory");
}

/*
 * TLFS 3.7: control in rcx, input in rdx, output in r8, result in rax, whatever
 * the compiler's own convention is.  The call pushes onto the stack, so a red
 * zone must not be there: the library is built without one.
 */
static uint64_t hypercall(void *ctx, const void *page, uint64_t control,
                          uint64_t in, uint64_t out)
{
    register uint64_t r8 __asm__("r8") = out;
    uint64_t result;

    (void)ctx;
    __asm__ volatile("call *%[page]"
                     : "=a"(result), "+c"(control), "+d"(in), "+r"(r8)
                     : [page] "r"(page)
                     : "r9", "r10", "r11", "memory", "cc");
    return result;
}

/* Polled: the vector that most kernels keep for spurious interrupts. */
const struct vmb_cpu_ops vmb_native_cpu = { cpuid,     reg_get, reg_set,
                                            hypercall, false,   0xff };
