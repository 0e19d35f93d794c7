/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef GUEST_INTERNAL_H
#define GUEST_INTERNAL_H
/* What the runtime's own files need of one another. */
#include "runtime.h"

#define GIB_4 0x100000000ull

#define VECTOR_WAKE     0xfe
#define VECTOR_SPURIOUS 0xff
/* Where the PICs' lines go: their masked lines still have a spurious one. */
#define VECTOR_PIC 0x20

/* Slots of the interrupt stack table, counted from 1. */
#define IST_INTERRUPT 1
#define IST_EXCEPTION 2
#define IST_FATAL     3

/* What vectors.S pushes, lowest address first. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct trap_frame) == 22 * 8, "vectors.S");

/* start.S, trampoline.S and vectors.S */
extern const char ap_trampoline[], ap_trampoline_end[];
extern uint64_t page_map_level4[512], page_directory_pointers[512];
extern const char vector_stubs[256][16];
void linux64_entry(void);
_Noreturn void runtime_start(uint32_t protocol, uint64_t told);
_Noreturn void ap_start(void);
extern uint64_t ap_stack_top; /* taken by ap_entry */
extern uint64_t entry_tsc;

/* guest_exit() without a word, for who cannot print any more. */
_Noreturn void leave(enum guest_verdict verdict);

void boot_read(struct guest_boot *boot, uint32_t protocol, uint64_t told);

void pages_start(const struct guest_boot *boot);

/* This processor's task state segment, with its interrupt stacks. */
void segments_start(unsigned cpu);
unsigned segments_cpu(void);
extern uint64_t segment_descriptors[GDT_BYTES / 8];

void idt_build(void);
void idt_load(void);
void trap(struct trap_frame *frame);

void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, uint8_t page);

/* Physical address as a pointer: the runtime's own map is one to one. */
static inline void *at(uint64_t physical)
{
    return (void *)(uintptr_t)physical;
}

/* [start, start + length) lies below limit, without wrapping. */
static inline bool fits_below(uint64_t start, uint64_t length, uint64_t limit)
{
    return start <= limit && length <= limit - start;
}

#endif
