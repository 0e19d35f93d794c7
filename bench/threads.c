/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include <pthread.h>
#include <sched.h>

#include "bench.h"

struct side {
    uint32_t (*act)(uint32_t count);
    uint32_t count, core;
    pthread_barrier_t *start;
    double began, ended;
};

static void stay_on(uint32_t core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(core, &set);
    /* Where there is no such core the figures say so by themselves. */
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void *run(void *context)
{
    struct side *side = context;
    uint32_t done = 0;

    stay_on(side->core);
    pthread_barrier_wait(side->start);
    side->began = now();
    while (done < side->count)
        done += side->act(side->count - done);
    side->ended = now();
    return NULL;
}

double across_threads(const struct contestant *sender,
                      const struct contestant *receiver, uint32_t packets)
{
    pthread_barrier_t start;
    struct side sides[2] = {
        { .act = sender->send, .count = packets, .core = 0 },
        { .act = receiver->receive, .count = packets, .core = 1 },
    };
    pthread_t threads[2];
    uint32_t i;

    pthread_barrier_init(&start, NULL, 2);
    for (i = 0; i < 2; i++) {
        sides[i].start = &start;
        if (pthread_create(&threads[i], NULL, run, &sides[i]) != 0)
            die("no thread to be had");
    }
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    return sides[1].ended - sides[0].began;
}
