/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_RING_INDEX_H
#define VMB_SRC_RING_INDEX_H
/*
 * Arithmetic on ring offsets.  All arguments, once checked, are offsets below
 * size, size is a multiple of 4096 below 2^26 (8190 pages), so no sum here can
 * wrap 32 bits.
 */
#include <vmb/ring.h>

/*
 * An index of the other side's, before any of the arithmetic below: inside the
 * ring, and a multiple of 8.  The site is the one for the first check; the one
 * for the second follows it.
 */
enum vmb_status vmb_ring_check(struct vmb_fault *fault, enum vmb_site site,
                               uint32_t index, uint32_t size);

/* Bytes from `from` forward to `to`. */
static inline uint32_t vmb_ring_distance(uint32_t from, uint32_t to,
                                         uint32_t size)
{
    return to >= from ? to - from : to + size - from;
}

/* `bytes` (at most size) further on. */
static inline uint32_t vmb_ring_advance(uint32_t at, uint32_t bytes,
                                        uint32_t size)
{
    uint32_t next = at + bytes;

    return next >= size ? next - size : next;
}

/*
 * The size that fits beside `used`: 8 bytes always stay free, or a full ring
 * would look like an empty one.
 */
static inline uint32_t vmb_ring_room(uint32_t used, uint32_t size)
{
    return size - used - 8;
}

/*
 * Do total bytes fit, as far as we know?  If not, a look at the other side's
 * index may help: vmb_ring_reserve().  8 bytes less than an empty ring holds
 * is the most that may be asked for: see vmb_ring_want_room().
 */
static inline bool vmb_ring_fits(const struct vmb_ring_tx *tx, uint32_t total)
{
    uint32_t used = vmb_ring_distance(tx->read_, tx->write_, tx->size_);

    return total <= tx->size_ - 16 && total <= vmb_ring_room(used, tx->size_);
}

#endif
