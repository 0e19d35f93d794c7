/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_PROOFS_PROOF_H
#define TESTS_PROOFS_PROOF_H
/*
 * For CBMC: any value, what to take for granted, what to prove.  A proof is a
 * main() that holds for every value nondet_*() can have; CBMC knows functions
 * by that beginning.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);

/* CBMC has a model of these by their usual names only. */
void *memcpy(void *to, const void *from, size_t len);
void *memset(void *at, int byte, size_t len);
#define __builtin_memcpy memcpy
#define __builtin_memset memset

#define GIVEN(what) __CPROVER_assume(what)
#define PROVE(what) __CPROVER_assert(what, #what)

int main(void);

#endif
