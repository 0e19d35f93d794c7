/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Segment descriptors and task state segments.  A processor's task register
 * also tells which processor it is.
 */
#include "internal.h"

#define INTERRUPT_STACK_BYTES 8192
#define STACKS                3 /* IST_INTERRUPT, IST_EXCEPTION, IST_FATAL */

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "AMD64 APM volume 2, 12.2.5");

/* Flat code and data, then the TSS descriptors, which are made here. */
uint64_t segment_descriptors[GDT_BYTES / 8] = {
    [GDT_CODE64 / 8] = 0x00af9a000000ffff,
    [GDT_DATA / 8] = 0x00cf92000000ffff,
};

static struct tss segments[GUEST_MAX_CPUS];
static char stacks[GUEST_MAX_CPUS][STACKS][INTERRUPT_STACK_BYTES]
    __attribute__((aligned(16)));

void segments_start(unsigned cpu)
{
    struct tss *tss = &segments[cpu];
    uint64_t base = (uintptr_t)tss;
    uint64_t limit = sizeof *tss - 1;
    unsigned selector = GDT_TSS + 16 * cpu;

    for (unsigned i = 0; i < STACKS; i++)
        tss->ist[i] = (uintptr_t)stacks[cpu][i] + INTERRUPT_STACK_BYTES;
    tss->io_map = sizeof *tss; /* none */
    /* Present, available 64-bit TSS: AMD64 APM volume 2, 4.8.3. */
    segment_descriptors[selector / 8] = limit | (base & 0xffffff) << 16 |
                                        0x89ull << 40 |
                                        (base >> 24 & 0xff) << 56;
    segment_descriptors[selector / 8 + 1] = base >> 32;
    __asm__ volatile("ltr %w0" : : "r"(selector) : "memory");
}

unsigned segments_cpu(void)
{
    uint64_t selector;

    __asm__ volatile("str %0" : "=r"(selector));
    return (unsigned)(selector - GDT_TSS) / 16;
}
