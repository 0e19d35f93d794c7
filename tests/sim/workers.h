/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_WORKERS_H
#define VMB_TESTS_SIM_WORKERS_H
/*
 * Channels with a thread that sends and one that receives: requests and their
 * answers, each compared, polled or woken by interrupts.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "harness.h"

#if defined(__SANITIZE_THREAD__)
#define SLOW_BUILD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLOW_BUILD 1
#endif
#endif
#ifdef SLOW_BUILD
#define REQUESTS 3000u
#else
#define REQUESTS 20000u
#endif

#define WORKER_SLOTS 40u /* more than there are transactions, or fit a ring */

/* One channel with its two threads. */
struct worker {
    struct rig *rig;
    struct vmb_sim_dev *dev;
    struct link link;
    struct vmb_cpu *cpu; /* whose flags its receiver takes */
    pthread_t tx, rx;
    bool sleeps;       /* by interrupts, else it looks again and again */
    bool mortal;       /* the channel is going to die */
    bool external;     /* GPA-direct and a hash, else in-band echo */
    uint32_t requests; /* that it is to make: REQUESTS */
    sem_t may_send, may_receive;
    uint8_t *buffers; /* one for each slot */
    uint64_t pfns[WORKER_SLOTS][4];
    uint32_t busy[WORKER_SLOTS];
    struct ask ask[WORKER_SLOTS];
    uint32_t sent, received; /* one writer each */
    enum vmb_status tx_end, rx_end;
    char wrong[160]; /* the receiver's complaint */
    uint32_t stop;
};

/*
 * A machine whose interrupts wake the workers, and whose rig_turn() is for the
 * [bus] lane alone.
 */
struct rig *machine(uint32_t vps, bool sleeps, uint32_t quirks);
void hire(struct worker *w, struct rig *rig, uint32_t cpu, bool sleeps,
          bool external);
/* No more interrupts for who has gone. */
void dismiss(struct worker *w);

/* Start both threads; wait for them, and for what they have to say. */
void set_to_work(struct worker *w);
void let_go(struct worker *w);
void all_was_answered(struct worker *w);

/* The [bus] lane: this thread, until nobody works any more. */
void mind_the_bus(struct rig *rig, struct worker *w, uint32_t count);

/* Sleep, or look again at once.  False: nobody came. */
bool wait_for(struct worker *w, sem_t *sem);

#endif
