/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * One 16-byte stub for each of the 256 vectors; all of them make the same
 * frame (struct trap_frame in internal.h) and call trap().
 *
 * The vectors run on stacks of their own (interrupt stack table), so code
 * built with a red zone can be interrupted; FXSAVE keeps the SSE registers of
 * code built with them.
 */
#include "layout.h"

    .section .text.vectors, "ax", @progbits
    .code64
    .balign 16
    .globl vector_stubs
vector_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    /* These push an error code themselves: AMD64 APM volume 2, 8.2. */
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 \
        || vector == 21 || vector == 29 || vector == 30
    .else
    pushq $0
    .endif
    .byte 0x68                  /* pushq $vector, always with 32 bits */
    .long vector
    jmp vector_common
    .set vector, vector + 1
    .endr

    .type vector_common, @function
vector_common:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rbx
    pushq %rbp
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    /* 22 words lie on a stack that was 16-byte aligned: still aligned. */
    subq $512, %rsp
    fxsaveq (%rsp)
    call trap
    fxrstorq (%rsp)
    addq $512, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rbp
    popq %rbx
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp              /* vector, error code */
    iretq
    .size vector_common, . - vector_common

    .section .note.GNU-stack, "", @progbits
