/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_PROOFS_ROOM_H
#define TESTS_PROOFS_ROOM_H
/*
 * A packet written into reserved room: each store begins where the last one
 * ended, and they end with the room.  So no byte is forgotten, none is written
 * twice and none beside.  Rings of one page: their end is met in every way,
 * and packets here are shorter.
 */
#include "host.h"

#define PAGES_MOST 1u
#include "ring.h"

#include "../../src/mdl/build.c"
#include "../../src/mdl/walk.c"
#include "../../src/ring/tx.c"

static struct vmb_ring_tx tx;
static uint32_t begin, total, stored;

static void check_access(const void *at, size_t len)
{
    uint32_t offset = (uint32_t)__CPROVER_POINTER_OFFSET(at);

    PROVE(in_ring(at, len, tx.size_));
    if (len == 0 || __CPROVER_same_object(at, control))
        return;
    PROVE(ahead(begin, offset, tx.size_) == stored);
    stored += (uint32_t)len;
    PROVE(stored <= total);
}

static void write_packet(const struct vmb_out *out)
{
    struct vmb_out_size size;

    GIVEN(vmb_ring_measure(out, &size) == VMB_OK);
    tx = any_tx();
    GIVEN(ahead(tx.read_, tx.write_, tx.size_) + size.total <= tx.size_ - 8);
    begin = tx.write_;
    total = size.total;
    vmb_ring_write(&tx, out, &size, nondet_u64());
    PROVE(stored == total && total % 8 == 0);
    PROVE(ahead(begin, tx.write_, tx.size_) == total);
    PROVE(tx_is_sound(&tx));
}

#endif
