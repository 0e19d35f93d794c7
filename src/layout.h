/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_LAYOUT_H
#define VMB_SRC_LAYOUT_H
/*
 * Where the compiler puts code, so that traffic does not pay in registers and
 * jumps for what it seldom does.
 */

/* A second way to do something: called, not unfolded into the first. */
#define VMB_APART __attribute__((noinline))

/* Hardly ever called: a branch that leads to it is laid out as not taken. */
#define VMB_RARE __attribute__((cold, noinline))

#endif
