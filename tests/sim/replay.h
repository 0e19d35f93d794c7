/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_REPLAY_H
#define VMB_TESTS_SIM_REPLAY_H
/*
 * Every test once more with one fault in it.  With VMB_REPLAY in the
 * environment a program of tests does not run its tests as they are: for each
 * test and each kind of fault it takes one step at which the fault may strike
 * (as many as VMB_REPLAY_STEPS says: a number, or "all") and runs the test with
 * the fault there, each time in a process of its own.
 *
 * Tests that take long or move much are left out, or, with VMB_REPLAY_STEPS,
 * struck at three steps for each kind.  Those whose guest breaks rules without
 * any fault are left out always.  What is left out says "0 cases".  Programs
 * with threads, which wait by the clock for what a fault took, are no part of
 * the suite.
 *
 * What the test asserts need not hold then.  What must hold is what no fault
 * of a host excuses:
 *
 *   no crash, and nothing that a sanitizer finds;
 *   no call works without end (a test that waits for what the fault took away
 *   is stopped after so many turns, and counts as good);
 *   every status is one that its header names;
 *   the guest broke no rule of the protocol that the fault does not explain.
 *
 * VMB_REPLAY_CASE, set to the line that a failure prints, repeats it alone,
 * with all that the test says.
 */
#include <stddef.h>

struct CMUnitTest;
struct vmb_sim;
struct vmb_sim_dev;

/* In the place of cmocka_run_group_tests(). */
int replay_group(const char *name, const struct CMUnitTest *tests, size_t count,
                 int (*up)(void **), int (*down)(void **));

/* What the harness says: a machine was made, its first device, its end. */
void replay_machine(struct vmb_sim *sim);
void replay_device(struct vmb_sim *sim, struct vmb_sim_dev *dev);
void replay_end(struct vmb_sim *sim);
/* Somebody waits: a turn of the guest, or relax() of the port. */
void replay_turn(void);

#endif
