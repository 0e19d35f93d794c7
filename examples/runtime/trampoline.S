/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Where a processor starts after the start-up IPI: real mode, CS = page << 8,
 * IP = 0.  smp.c copies this to a page below 1 MiB, so everything here is
 * either relative to its first byte or an absolute address of the image.
 * It goes to long mode in one step, without a 32-bit stop on the way.
 */
#include "layout.h"

    .section .rodata.trampoline, "a", @progbits
    .code16
    .balign 16
    .globl ap_trampoline
ap_trampoline:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl trampoline_gdt_pointer - ap_trampoline
    movl $CR4_LONG_MODE, %eax
    movl %eax, %cr4
    movl $page_map_level4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    /* Clears CD and NW too, which INIT leaves set. */
    movl $CR0_LONG_MODE, %eax
    movl %eax, %cr0
    ljmpl $GDT_CODE64, $ap_entry
    .balign 4
trampoline_gdt_pointer:
    .word GDT_BYTES - 1
    .long segment_descriptors
    .globl ap_trampoline_end
ap_trampoline_end:

    .section .note.GNU-stack, "", @progbits
