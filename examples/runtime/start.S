/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The two ways in, which meet at enter_c, and the way in for the other
 * processors.
 *
 *   PVH (ELF note 18, PHYS32_ENTRY): 32-bit protected mode without paging,
 *       flat segments, EBX = address of hvm_start_info.
 *   Linux 64-bit boot protocol (the ELF header's entry point): long mode,
 *       the first 4 GiB mapped one to one, RSI = address of boot_params.
 *       No stack, and somebody else's GDT and page tables.
 */
#include "layout.h"

    .section .note.Xen, "a", @note
    .balign 4
    .long 4                     /* length of the name */
    .long 8                     /* length of the value */
    .long 18                    /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad pvh_entry

    .section .text.start, "ax", @progbits
    .code32
    .globl pvh_entry
    .type pvh_entry, @function
pvh_entry:
    cli
    cld
    rdtsc
    movl %eax, entry_tsc
    movl %edx, entry_tsc + 4
    movl $CR4_LONG_MODE, %eax
    movl %eax, %cr4
    movl $page_map_level4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl $CR0_LONG_MODE, %eax
    movl %eax, %cr0
    lgdtl gdt_pointer
    ljmpl $GDT_CODE64, $pvh_long_mode
    .size pvh_entry, . - pvh_entry

    .code64
    .type pvh_long_mode, @function
pvh_long_mode:
    movl $GUEST_BOOT_PVH, %edi
    /* Bits 63:32 are undefined after a change of mode. */
    movl %ebx, %esi
    jmp enter_c
    .size pvh_long_mode, . - pvh_long_mode

    .globl linux64_entry
    .type linux64_entry, @function
linux64_entry:
    cli
    cld
    rdtsc
    movl %eax, entry_tsc(%rip)
    movl %edx, entry_tsc + 4(%rip)
    lgdt gdt_pointer(%rip)
    movl $page_map_level4, %eax
    movq %rax, %cr3
    /* Also drops the boot loader's global pages: it clears CR4.PGE. */
    movl $CR4_LONG_MODE, %eax
    movq %rax, %cr4
    movl $CR0_LONG_MODE, %eax
    movq %rax, %cr0
    movl $boot_stack_top, %esp
    pushq $GDT_CODE64
    pushq $linux64_own_segments
    lretq
linux64_own_segments:
    movl $GUEST_BOOT_LINUX64, %edi
    .size linux64_entry, . - linux64_entry
    /* falls through */

/* EDI = boot protocol, RSI = address of what the loader left. */
    .type enter_c, @function
enter_c:
    movl $boot_stack_top, %esp
    call load_data_segments
    xorl %ebp, %ebp
    call runtime_start
    ud2
    .size enter_c, . - enter_c

/*
 * The other processors come here from ap_trampoline, one at a time.  Taking
 * the stack with XCHG leaves none for a processor that was given up on and
 * arrives late: it must not run on the stack of its successor.
 */
    .globl ap_entry
    .type ap_entry, @function
ap_entry:
    xorl %eax, %eax
    xchgq %rax, ap_stack_top(%rip)
    testq %rax, %rax
    jz 1f
    movq %rax, %rsp
    call load_data_segments
    xorl %ebp, %ebp
    call ap_start
1:  cli
    hlt
    jmp 1b
    .size ap_entry, . - ap_entry

    .type load_data_segments, @function
load_data_segments:
    movl $GDT_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    fninit
    ret
    .size load_data_segments, . - load_data_segments

    .section .data.start, "aw", @progbits
    .balign 8
/* LGDT reads 6 bytes of this outside long mode, 10 in it. */
    .globl gdt_pointer
gdt_pointer:
    .word GDT_BYTES - 1
    .quad segment_descriptors

    .balign 8
    .globl entry_tsc
entry_tsc:
    .quad 0

/* The first 4 GiB, physical = virtual.  paging.c adds to it. */
    .balign 4096
    .globl page_map_level4
page_map_level4:
    .quad page_directory_pointers + PTE_TABLE
    .fill 511, 8, 0
    .globl page_directory_pointers
page_directory_pointers:
    .quad page_directories + PTE_TABLE
    .quad page_directories + 0x1000 + PTE_TABLE
    .quad page_directories + 0x2000 + PTE_TABLE
    .quad page_directories + 0x3000 + PTE_TABLE
    .fill 508, 8, 0
page_directories:
    .set page, 0
    .rept DEVICES_FIRST_2M
    .quad (page << PAGE_2M_SHIFT) + PTE_2M_RAM
    .set page, page + 1
    .endr
    .rept 2048 - DEVICES_FIRST_2M
    .quad (page << PAGE_2M_SHIFT) + PTE_2M_UNCACHED
    .set page, page + 1
    .endr

    .section .bss.start, "aw", @nobits
    .balign 16
    .fill BOOT_STACK_BYTES
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
