/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Bytes put into a ring at any place come out the same, across the end too,
 * and no other byte of the ring changes: put_bytes() and vmb_ring_copy() with
 * their contents, on real memory.
 *
 * Bounds: a circle of 32 bytes and pieces of up to 12.  Both functions know
 * the size only as the place where to go on at 0: a piece lies before it,
 * ends at it, or lies across it, and 32 bytes have all three.
 *
 * Options: --unwind 33 --unsigned-overflow-check
 */
#include "../proof.h"

#include "../../../src/ring/rx.c"
#include "../../../src/ring/tx.c"

#define SIZE 32u
#define MOST 12u

int main(void)
{
    static uint8_t circle[SIZE], before[SIZE], from[MOST], to[MOST];
    uint32_t at = nondet_u32(), len = nondet_u32(), probe = nondet_u32(), i;
    struct vmb_ring_tx tx = { .data_ = circle, .size_ = SIZE };
    struct vmb_ring_rx rx = { .data_ = circle, .size_ = SIZE };
    struct vmb_rx packet = { .at_ = at, .len = len };

    GIVEN(at < SIZE && len <= MOST && probe < SIZE);
    for (i = 0; i < SIZE; i++)
        before[i] = circle[i] = nondet_u8();
    for (i = 0; i < MOST; i++)
        from[i] = nondet_u8();
    PROVE(put_bytes(&tx, at, from, len) == (at + len) % SIZE);
    PROVE((probe + SIZE - at) % SIZE < len || circle[probe] == before[probe]);
    PROVE(vmb_ring_copy(&rx, &packet, 0, to, MOST) == len);
    PROVE(probe >= len || to[probe] == from[probe]);
    return 0;
}
