/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_LAYOUT_H
#define VMB_SRC_LAYOUT_H
/*
 * Where the compiler puts code, so that traffic does not pay in registers and
 * jumps for what it seldom does.
 */

/* Hardly ever called: a branch that leads to it is laid out as not taken. */
#define VMB_RARE __attribute__((cold, noinline))

#ifdef __OPTIMIZE_SIZE__
#define VMB_PLAIN_PAYS false
#define VMB_UNFOLDED inline
#define VMB_APART
#else
/* Is a second, short way for what is nearly all there is worth its size? */
#define VMB_PLAIN_PAYS true
/* Part of each caller, however large. */
#define VMB_UNFOLDED   __attribute__((always_inline)) inline
/* Called, not part of its caller. */
#define VMB_APART      __attribute__((noinline))
#endif

#endif
