/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_ring_publish(): all that is written is shown, nothing else of the ring
 * changes whatever the host shows, and no signal is asked for when there was
 * nothing to show.
 *
 * Bounds: none; no loops; sizes as in ring.h.
 *
 * Options: --unsigned-overflow-check
 */
#include "../host.h"

#include "../ring.h"

#include "../../../src/ring/tx.c"

static void check_access(const void *at, size_t len)
{
    PROVE(in_ring(at, len, 0));
}

int main(void)
{
    struct vmb_ring_tx tx = any_tx(), before = tx;
    bool signal = vmb_ring_publish(&tx);

    PROVE(tx_is_sound(&tx));
    PROVE(tx.published_ == before.write_ && tx.write_ == before.write_);
    PROVE(tx.read_ == before.read_ && tx.wanted_ == before.wanted_);
    if (before.published_ == before.write_)
        PROVE(!signal);
    /* A second time there is nothing left to show. */
    PROVE(!vmb_ring_publish(&tx));
    return 0;
}
