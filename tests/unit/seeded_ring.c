/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The ring code with one mistake in it, SEEDED_FAULT: a test of the tests.
 * The sources are those of the library; what they include is replaced.
 *
 *   1  a ring is filled to its last 8 bytes
 *   2  the index may come to stand at the end instead of at 0
 *   3  an index before the other is taken for an empty stretch
 *   4  every word of the ring is loaded twice (for test_fetch.c)
 *   5  a publish does not look at the interrupt mask
 */
#include <stddef.h>
#include <stdint.h>

#include <vmb/ring.h>

#define VMB_SRC_RING_INDEX_H /* instead of src/ring/index.h */

enum vmb_status vmb_ring_check(struct vmb_fault *fault, enum vmb_site site,
                               uint32_t index, uint32_t size);

static inline uint32_t vmb_ring_distance(uint32_t from, uint32_t to,
                                         uint32_t size)
{
    if (SEEDED_FAULT == 3)
        return to >= from ? to - from : 0;
    return (to + size - from) % size;
}

static inline uint32_t vmb_ring_advance(uint32_t at, uint32_t bytes,
                                        uint32_t size)
{
    uint32_t next = at + bytes;

    if (SEEDED_FAULT == 2)
        return next > size ? next - size : next;
    return next % size;
}

static inline uint32_t vmb_ring_room(uint32_t used, uint32_t size)
{
    return size - used - (SEEDED_FAULT == 1 ? 0 : 8);
}

static inline bool vmb_ring_fits(const struct vmb_ring_tx *tx, uint32_t total)
{
    uint32_t used = vmb_ring_distance(tx->read_, tx->write_, tx->size_);

    return total <= vmb_ring_room(used, tx->size_);
}

#include "../../src/host.h"

static inline uint64_t seeded_load64(const void *at)
{
    if (SEEDED_FAULT == 4)
        (void)vmb_host_load64(at);
    return vmb_host_load64(at);
}

static inline uint32_t seeded_load32(const void *at)
{
    uint32_t value = vmb_host_load32(at);

    return SEEDED_FAULT == 5 && (uintptr_t)at % 4096 == 8 ? 0 : value;
}

#define vmb_host_load64 seeded_load64
#define vmb_host_load32 seeded_load32

#include "../../src/ring/rx.c"
#include "../../src/ring/tx.c"
