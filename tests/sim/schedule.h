/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_SCHEDULE_H
#define VMB_TESTS_SIM_SCHEDULE_H
/*
 * The fault schedule: one scenario (connect, the whole life of a victim beside
 * a plain channel, unload), run once to count its steps and then once for every
 * step with one fault there.  After each:
 *
 *   it ended, and every status on the way is one that its header names;
 *   what close, destroy or unload called the caller's own is not the host's;
 *   the plain channel never noticed what happened to the victim;
 *   once the fault has gone the way out is open, and the scenario runs whole.
 *
 * test_schedule_*.c list the faults, and run them on each kind of victim:
 *
 *   chan_schedule.c     a channel: sends both ways, GPADL, move
 *   client_schedule.c   a client channel and its packet objects
 *   kmcl_schedule.c     the same under Microsoft's names
 *   storage_schedule.c  a storage controller, a sub-channel and a disk
 */
#include "harness.h"

/* How the scenario's guest and host are. */
enum schedule_mode {
    POLLED,     /* version 6.0 */
    INTERRUPTS, /* the same, two CPUs, with a timer as second line */
    QEMU,       /* QEMU's flavour of host */
    SLOW,       /* version 4.0; the host only moves when nobody else does */
    OLD,        /* version 1.1: interrupt page */
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

/* --- What a scenario is made of ------------------------------------------- */

/* Memory that the host gets and gives back. */
struct lent {
    uint8_t *va;
    size_t pages;
    bool ours; /* close, destroy or unload said so: filled with OWN */
};

/* One performance; what a scenario's own begins with. */
struct play {
    struct rig *rig;
    struct vmb_sim_dev *dev, *sibling; /* dev: the victim's */
    struct link other;                 /* the channel beside it */
    struct lent other_ring;
    const struct schedule_kind *kind; /* what strikes; NULL: nothing */
    bool lying;                       /* see LYING */
    /* What came of it; victim VMB_E_BUG: what was received was not true. */
    enum vmb_status started, victim, sibling_after, ended, unloaded;
    /* Counts: at first, around what concerns the victim, at last. */
    uint64_t begin[VMB_SIM_POINTS], from[VMB_SIM_POINTS];
    uint64_t to[VMB_SIM_POINTS], end[VMB_SIM_POINTS];
};

struct schedule_scene {
    size_t bytes;   /* of the scenario's own struct */
    unsigned modes; /* the first so many */
    uint64_t args;  /* the first so many sorts of damage; 0: all */
    /* The rig, p->dev and p->sibling; nothing runs yet. */
    void (*stage)(struct play *p, const struct rig_cfg *cfg);
    /* The victim's life, with the connection up. */
    enum vmb_status (*victim)(struct play *p);
    /* The connection is unloaded: all memory is the caller's. */
    void (*left)(struct play *p);
    /* Nobody has written to what is the caller's since. */
    void (*still_ours)(struct play *p);
    /* Before the second performance, without the fault. */
    void (*renew)(struct play *p);
    /* At the end. */
    void (*strike)(struct play *p);
};

/* Each scenario defines it. */
extern const struct schedule_scene schedule_scene;

void schedule_lend(struct play *p, struct lent *lent, size_t pages);
/* It is the caller's again: checked not to be the host's. */
void schedule_take_back(struct play *p, struct lent *lent);
void schedule_still_ours(const struct play *p, const struct lent *lent);

#endif
