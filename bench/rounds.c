/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Ways to do the same thing, compared.  Time: many short rounds in which all
 * take turns, so that what disturbs the machine disturbs them alike.
 * Instructions: under callgrind, a run of n and one of 2n, each written down
 * by itself.
 */
#include <stdio.h>
#include <time.h>

#include <valgrind/callgrind.h>

#include "bench.h"

#define WAYS_MOST   4u
#define ROUNDS_MOST 2001u

double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void time_ways(const char *title, const struct way *ways, uint32_t n,
                      uint32_t count, uint32_t rounds)
{
    static double took[WAYS_MOST][ROUNDS_MOST];
    uint32_t round, i;

    for (round = 0; round < rounds; round++)
        for (i = 0; i < n; i++)
            took[i][round] = ways[i].run(ways[i].what, count);
    for (i = 0; i < n; i++) {
        printf("ns\t%s/%s\t", title, ways[i].name);
        for (round = 0; round < rounds; round++)
            printf(" %.3f", took[i][round] * 1e9 / count);
        printf("\n");
    }
    fflush(stdout);
}

static void count_ways(const char *title, const struct way *ways, uint32_t n,
                       uint32_t count)
{
    char name[128];
    uint32_t i, times;

    for (i = 0; i < n; i++)
        for (times = 1; times <= 2; times++) {
            snprintf(name, sizeof name, "%s/%s/%u", title, ways[i].name,
                     times * count);
            CALLGRIND_ZERO_STATS;
            (void)ways[i].run(ways[i].what, times * count);
            CALLGRIND_DUMP_STATS_AT(name);
        }
}

void compare(const char *title, const struct way *ways, uint32_t n,
             uint32_t count, uint32_t rounds)
{
    if (n > WAYS_MOST || rounds > ROUNDS_MOST)
        die("more ways or rounds than there is room for");
    if (rounds)
        time_ways(title, ways, n, count, rounds);
    else
        count_ways(title, ways, n, count);
}
