/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H
/* What every unit test begins with: cmocka, pages, random numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define PAGE         4096u

__extension__ typedef unsigned __int128 wide; /* for sums that must not wrap */

/* Random cases, so many: a tenth under the thread sanitizer, which makes them
 * slow and learns nothing from one thread. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CASES_OF(number) ((number) / 10)
#endif
#endif
#ifndef CASES_OF
#define CASES_OF(number) (number)
#endif

/* Page-aligned, zeroed, the caller's to free(). */
static inline void *new_pages(size_t pages)
{
    void *memory = aligned_alloc(PAGE, pages * PAGE);

    assert_non_null(memory);
    memset(memory, 0, pages * PAGE);
    return memory;
}

/* xorshift64*: the same numbers on every machine. */
struct rng {
    uint64_t state;
};

static inline struct rng rng_from(uint64_t seed)
{
    struct rng rng = { seed * 2654435769u + 88172645463325252u };

    return rng;
}

static inline uint64_t rng_next(struct rng *rng)
{
    rng->state ^= rng->state >> 12;
    rng->state ^= rng->state << 25;
    rng->state ^= rng->state >> 27;
    return rng->state * 2685821657736338717u;
}

/* 0 to bound - 1. */
static inline uint32_t rng_below(struct rng *rng, uint32_t bound)
{
    return (uint32_t)((rng_next(rng) >> 32) % bound);
}

static inline bool rng_one_in(struct rng *rng, uint32_t odds)
{
    return rng_below(rng, odds) == 0;
}

#endif
