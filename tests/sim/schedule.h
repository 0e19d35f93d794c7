/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_SCHEDULE_H
#define VMB_TESTS_SIM_SCHEDULE_H
/*
 * The fault schedule: one scenario (connect, open, sends both ways, GPADL,
 * move, close, unload), run once to count its steps and then once for every
 * step with one fault there.  After each:
 *
 *   it ended, and every status on the way is one that its header names;
 *   what close, destroy or unload called the caller's own is not the host's;
 *   a sibling channel never noticed what happened to the other one;
 *   once the fault has gone the way out is open, and the scenario runs whole.
 */
#include "harness.h"

/* How the scenario's guest and host are. */
enum schedule_mode {
    POLLED,     /* version 6.0 */
    INTERRUPTS, /* the same, two CPUs, with a timer as second line */
    SLOW,       /* version 4.0; the host only moves when nobody else does */
    OLD,        /* version 1.1: interrupt page */
    QEMU,       /* QEMU's flavour of host */
    MODES
};

/* What a fault may do to the scenario. */
enum schedule_effect {
    HARMLESS, /* nothing: it runs whole */
    ANYTHING, /* fail, but in order */
    UNTRUE,   /* and packets may not be what the device sent */
    LYING     /* the host says what is not so: memory it gives is its lie */
};

struct schedule_kind {
    enum vmb_sim_point at;
    enum vmb_sim_act act;
    uint64_t times, arg;
    enum schedule_effect effect;
};

/* One kind of fault at each of the points, in each mode. */
void schedule_run(const struct schedule_kind *kind);
/* The same for args 0 to below `args`. */
void schedule_run_args(const struct schedule_kind *kind, uint64_t args);

/*
 * After each test: how many cases that were; after one that failed: which it
 * was.  VMB_CASE in the environment, set to that line, repeats it alone.
 */
int schedule_teardown(void **state);

#define SCHEDULE_LATE 8000u /* steps: longer than any request waits */

/* A test: point, act, times, arg, effect. */
#define SCHEDULE(name, ...)                                       \
    static void name(void **state)                                \
    {                                                             \
        static const struct schedule_kind kind = { __VA_ARGS__ }; \
                                                                  \
        (void)state;                                              \
        schedule_run(&kind);                                      \
    }
#define SCHEDULE_ENTRY(name) cmocka_unit_test_teardown(name, schedule_teardown)

#endif
