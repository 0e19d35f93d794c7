/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * PVH entry (32 bits, paging off, EBX at the start info).  Moves the loader to
 * where it is linked, makes a 4 GiB identity map, goes to long mode and calls
 * load() in loader.c.  At the end: the jump into the guest.
 */
    .section .note.pvh, "a", @note
    .long 4, 4, 18                  /* sizes, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long pvh_entry_loaded          /* where QEMU puts it: loader.ld */

    .section .bss.tables, "aw", @nobits
    .balign 4096
pml4:
    .skip 4096
pdpt:
    .skip 4096
directories:
    .skip 4 * 4096
stack:
    .skip 4096
stack_end:

    .section .data
    .balign 8
/* Selectors as the boot ABI wants them: code 0x10, data 0x18. */
gdt:
    .quad 0, 0
    .quad 0x00af9a000000ffff
    .quad 0x00cf92000000ffff
gdt_pointer:
    .word . - gdt - 1
    .quad gdt

    .section .text
    .code32
    .global pvh_entry
pvh_entry:
    cli
    cld
    movl $loaded_begin, %esi
    movl $loader_begin, %edi
    movl $loaded_size, %ecx
    rep movsb
    movl $moved, %eax
    jmp *%eax
moved:
    xorl %eax, %eax                 /* .bss */
    movl $loader_end, %ecx
    subl %edi, %ecx
    rep stosb
    movl %ebx, %esi                 /* kept for load() */
    movl $directories, %edi
    movl $0x83, %eax                /* present, writable, 2 MiB */
    movl $2048, %ecx
1:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b
    movl $directories + 3, %eax
    movl $pdpt, %edi
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    loop 2b
    movl $pdpt + 3, pml4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0x20, %eax                /* PAE alone, as the ABI allows */
    movl %eax, %cr4
    movl $0xc0000080, %ecx          /* EFER.LME */
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl $0x80000001, %eax
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $0x10, $long_mode

    .code64
long_mode:
    movl $0x18, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq $stack_end, %rsp
    movl %esi, %edi
    call load                       /* does not come back */

/* enter_guest(entry, boot_params): every register but RSI is rubbish and there
 * is no stack, so that a guest that relies on more fails here. */
    .global enter_guest
enter_guest:
    movq %rdi, %rax
    movabsq $0x5a5a5a5a5a5a5a5a, %rbx
    movq %rbx, %rcx
    movq %rbx, %rdx
    movq %rbx, %rdi
    movq %rbx, %rbp
    movq %rbx, %rsp
    movq %rbx, %r8
    movq %rbx, %r9
    movq %rbx, %r10
    movq %rbx, %r11
    movq %rbx, %r12
    movq %rbx, %r13
    movq %rbx, %r14
    movq %rbx, %r15
    jmp *%rax

    .section .note.GNU-stack, "", @progbits
