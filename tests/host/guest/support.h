/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TEST_SUPPORT_H
#define TEST_SUPPORT_H
/* What the test guests share beside the example guests' port. */
#include "check.h"
#include "port.h"

#define SECOND 10000000ull /* of vmb_hv_now() */

extern struct example ex;

/* Once, after example_begin(): the guard timer of nap(), the counts. */
void support_begin(void);

/* How often the library has reported an event; 0 with `trace`, which prints
 * them instead. */
uint32_t events_traced(enum vmb_event event);

/*
 * Until an interrupt gives this processor something to do.  False: `ms` went
 * by and none did.  Without interrupts (mode=poll): a moment, and true.
 */
bool nap(uint32_t ms);

/* Halts for `ms`, whatever happens meanwhile. */
void halt_for(uint32_t ms);

/* vmb_conn_poll(), from processor 0; a failed connection ends the guest. */
void poll_connection(void);

/* Any processor, the calling one too; waits for the end of it. */
void run_on(unsigned cpu, cpu_work *work, void *argument);

/* pages_take() that does not fail. */
void *pages_need(size_t count);

/* A number below `limit`, the same sequence in every run. */
uint32_t any_below(uint32_t limit);

/*
 * The whole interface once more, on the processors that run already, after
 * example_leave() or in an owner's place; and the connection.
 */
void claim_again(bool take_over);

#endif
