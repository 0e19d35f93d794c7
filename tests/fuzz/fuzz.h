/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H
/* What the fuzz targets share: reading the input, and stopping. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the input.  Past its end everything reads 0. */
struct input {
    const uint8_t *at;
    size_t left;
};

static inline uint64_t take(struct input *in, size_t bytes)
{
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < bytes && in->left; i++, in->left--)
        value |= (uint64_t)*in->at++ << (8 * i);
    return value;
}

static inline uint8_t take8(struct input *in)
{
    return (uint8_t)take(in, 1);
}

static inline uint16_t take16(struct input *in)
{
    return (uint16_t)take(in, 2);
}

static inline uint32_t take32(struct input *in)
{
    return (uint32_t)take(in, 4);
}

static inline void take_bytes(struct input *in, void *to, size_t len)
{
    uint8_t *byte = to;

    while (len--)
        *byte++ = take8(in);
}

/* A promise of the library's that must hold for every input. */
#define PROMISE(what)                                                          \
    do {                                                                       \
        if (!(what)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* Memory of exactly this size, so that a byte too many is seen. */
static inline void *exactly(size_t size)
{
    void *memory = malloc(size ? size : 1);

    PROMISE(memory);
    return memory;
}

static inline void *new_pages(size_t pages)
{
    void *memory = aligned_alloc(PAGE, pages * PAGE);

    PROMISE(memory);
    memset(memory, 0, pages * PAGE);
    return memory;
}

#endif
