/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Giving room back and asking for a signal: the ring stays sound whatever the
 * host shows, and what is given back is exactly what was received.  With a
 * sound index and a wish met by this release and not before it, the signal is
 * never forgotten; nor where nobody knows what was free before.
 *
 * Bounds: none; no loops; sizes as in ring.h.
 *
 * Options: --unsigned-overflow-check
 */
#include "../host.h"

#include "../ring.h"

#include "../../../src/ring/rx.c"

static void check_access(const void *at, size_t len)
{
    PROVE(in_ring(at, len, 0));
}

static void signals(void)
{
    struct vmb_ring_rx rx = any_rx();
    uint32_t before = any_index(rx.size_), wish = nondet_u32(), had, has;

    GIVEN(ahead(before, rx.released_, rx.size_) <=
          ahead(before, rx.write_, rx.size_));
    had = rx.size_ - ahead(before, rx.write_, rx.size_);
    has = rx.size_ - ahead(rx.released_, rx.write_, rx.size_);
    PROVE(had <= has);
    if (had < wish && has >= wish)
        PROVE(room_came(&rx, before, wish));
    if (has < wish || had > wish)
        PROVE(!room_came(&rx, before, wish));
    PROVE(room_came(&rx, VMB_RX_UNSEEN, wish) == (has >= wish));
}

int main(void)
{
    struct vmb_ring_rx rx = any_rx(), before = rx;

    (void)vmb_ring_release(&rx);
    PROVE(rx_is_sound(&rx));
    PROVE(rx.released_ == before.read_ && rx.read_ == before.read_);
    (void)vmb_ring_arm(&rx);
    PROVE(rx_is_sound(&rx) && rx.armed_);
    signals();
    return 0;
}
