/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Accesses that may fault.  Each notes its instruction and where to go on
 * after a #GP there; idt.c looks it up.
 */
#include "internal.h"

#define RESUME_AFTER_FAULT(fault, resume) \
    ".pushsection .fault_fixups, \"a\"\n" \
    ".quad " fault ", " resume "\n"       \
    ".popsection\n"

bool msr_read_safe(uint32_t msr, uint64_t *value)
{
    uint32_t low = 0, high = 0, done = 0;

    __asm__ volatile("1: rdmsr\n"
                     "movl $1, %2\n"
                     "2:\n" RESUME_AFTER_FAULT("1b", "2b")
                     : "+a"(low), "+d"(high), "+r"(done)
                     : "c"(msr)
                     : "memory");
    *value = (uint64_t)high << 32 | low;
    return done != 0;
}

bool msr_write_safe(uint32_t msr, uint64_t value)
{
    uint32_t done = 0;

    __asm__ volatile("1: wrmsr\n"
                     "movl $1, %0\n"
                     "2:\n" RESUME_AFTER_FAULT("1b", "2b")
                     : "+r"(done)
                     : "c"(msr), "a"((uint32_t)value),
                       "d"((uint32_t)(value >> 32))
                     : "memory");
    return done != 0;
}
