/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_ring_reserve() and vmb_ring_want_room(): a yes leaves the last 8 bytes
 * free behind all that the host has not read; a "never" depends on the size
 * alone; nothing is promised for a "not yet".
 *
 * Bounds: none; no loops; every 32-bit total; sizes as in ring.h.
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
    uint32_t total = nondet_u32();
    struct vmb_fault fault;
    enum vmb_status status;

    if (nondet_bool()) {
        status = vmb_ring_reserve(&tx, total, &fault);
    } else {
        GIVEN(tx.write_ == tx.published_);
        status = vmb_ring_want_room(&tx, total, &fault);
    }
    PROVE(tx_is_sound(&tx));
    PROVE(tx.write_ == before.write_);
    PROVE((status == VMB_E_TOOBIG) == (total > tx.size_ - 16));
    if (status == VMB_OK)
        PROVE(ahead(tx.read_, tx.write_, tx.size_) + total <= tx.size_ - 8);
    PROVE(status == VMB_OK || status == VMB_AGAIN || status == VMB_E_TOOBIG ||
          status == VMB_E_HOST);
    /* An empty ring takes whatever is not too big: nobody waits in vain. */
    if (tx.read_ == tx.write_ && status != VMB_E_HOST)
        PROVE(status != VMB_AGAIN);
    return 0;
}
