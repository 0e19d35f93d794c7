/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_LAYOUT_H
#define VMB_SRC_LAYOUT_H
/*
 * Where the compiler puts code, so that traffic does not pay in registers and
 * jumps for what it seldom does.
 */

/* Hardly ever called: a branch that leads to it is laid out as not taken. */
#define VMB_RARE __attribute__((cold, noinline))

/* What is done where this holds is laid out without a jump. */
#define VMB_MOSTLY(condition) __builtin_expect(condition, true)

/*
 * VMB_PLAIN_PAYS  is a second, short way for nearly all there is worth its
 *                 size?
 * VMB_UNFOLDED    part of each caller, however large
 * VMB_APART       called, not part of its caller
 *
 * Where size counts the compiler decides, and there is one way.
 */
#ifdef __OPTIMIZE_SIZE__
#define VMB_PLAIN_PAYS false
#define VMB_UNFOLDED   inline
#define VMB_APART
#else
#define VMB_PLAIN_PAYS true
#define VMB_UNFOLDED   __attribute__((always_inline)) inline
#define VMB_APART      __attribute__((noinline))
#endif

#endif
