/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The arithmetic of src/ring/index.h, for every size a ring can have and all
 * offsets in it: no sum wraps, results are offsets again, and distance and
 * advance undo each other.
 *
 * Bounds: none; there is no loop, and sizes run over all that the wire allows.
 *
 * Options: --unsigned-overflow-check
 */
#define PAGES_MOST 8188u
#include "../ring.h"

static uint32_t size, from, to;

static void distances(void)
{
    uint32_t way = vmb_ring_distance(from, to, size);

    PROVE(way < size && way % 8 == 0);
    PROVE(from + way == to || from + way == to + size);
    PROVE(vmb_ring_advance(from, way, size) == to);
    PROVE(way == ahead(from, to, size));
}

static void advances(void)
{
    uint32_t bytes = nondet_u32(), next;

    GIVEN(bytes <= size);
    next = vmb_ring_advance(from, bytes, size);
    PROVE(next < size);
    PROVE(next == from + bytes || next + size == from + bytes);
    if (bytes < size)
        PROVE(vmb_ring_distance(from, next, size) == bytes);
}

static void checks(void)
{
    uint32_t index = nondet_u32();
    struct vmb_fault fault;
    enum vmb_status status =
        vmb_ring_check(&fault, VMB_SITE_TX_READ_RANGE, index, size);

    PROVE((status == VMB_OK) == (index < size && index % 8 == 0));
    PROVE(status == VMB_OK || status == VMB_E_HOST);
}

int main(void)
{
    size = any_size();
    from = any_index(size);
    to = any_index(size);
    PROVE(vmb_ring_room(from, size) + from == size - 8);
    distances();
    advances();
    checks();
    return 0;
}
