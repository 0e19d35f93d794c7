/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_PROOFS_ROOM_H
#define TESTS_PROOFS_ROOM_H
/*
 * A packet written into reserved room, watched at any one byte of it: no store
 * goes beside the room, and the byte is stored.  Once, or, among the last 8 of
 * the payload, twice: they may be cleared first.  Rings of one page: their end
 * is met in every way, and packets here are shorter.
 */
#include "host.h"

#define PAGES_MOST 1u
#include "ring.h"

#include "../../src/mdl/build.c"
#include "../../src/mdl/walk.c"
#include "../../src/ring/tx.c"

static struct vmb_ring_tx tx;
static uint32_t begin, total, watched, stored;

static void check_access(const void *at, size_t len)
{
    uint32_t offset = (uint32_t)__CPROVER_POINTER_OFFSET(at), into;

    PROVE(in_ring(at, len, tx.size_));
    if (len == 0 || __CPROVER_same_object(at, control))
        return;
    into = ahead(begin, offset, tx.size_);
    PROVE(into + len <= total);
    if (watched >= into && watched < into + len)
        stored++;
}

static void write_packet(const struct vmb_out *out)
{
    struct vmb_out_size size;

    GIVEN(vmb_ring_measure(out, &size) == VMB_OK);
    tx = any_tx();
    GIVEN(ahead(tx.read_, tx.write_, tx.size_) + size.total <= tx.size_ - 8);
    begin = tx.write_;
    total = size.total;
    watched = nondet_u16();
    GIVEN(watched < total);
    vmb_ring_write(&tx, out, &size, nondet_u64());
    PROVE(stored == 1 ||
          (stored == 2 && watched < total - 8 && watched >= total - 16));
    PROVE(ahead(begin, tx.write_, tx.size_) == total && total % 8 == 0);
    PROVE(tx_is_sound(&tx));
}

#endif
