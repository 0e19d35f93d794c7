/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_ACCESSES_H
#define VMB_TESTS_SIM_ACCESSES_H
/*
 * What another processor may do between two accesses to a channel's rings: a
 * test plays the same life again, with it after each access in turn.  For
 * programs on the hooked library.  A full fence counts as an access.
 */
#include "harness.h"

/* Behind access k of those to come, `then` runs once. */
void access_plan(const struct vmb_chan *chan, uint32_t k,
                 void (*then)(void *ctx), void *ctx);
/* True: it did.  From now on it does not. */
bool access_came(void);

/* life(k) for k = 0, 1, ... until it says that there was no such access; there
 * are `least` of them. */
void access_each(bool (*life)(uint32_t k), uint32_t least);

#endif
