/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * look_at_read(): whatever index the host shows, either it is refused and
 * nothing has changed, or the host has read some of what it was shown, and the
 * ring is as sound as before.
 *
 * Bounds: no loops; every 32-bit index; sizes as in ring.h.
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
    uint32_t shown = ahead(tx.read_, tx.published_, tx.size_), moved;
    struct vmb_fault fault;
    enum vmb_status status = look_at_read(&tx, &fault);

    PROVE(tx.write_ == before.write_ && tx.published_ == before.published_);
    if (status != VMB_OK) {
        PROVE(status == VMB_E_HOST && fault.status == VMB_E_HOST);
        PROVE(tx.read_ == before.read_);
        return 0;
    }
    PROVE(tx.read_ < tx.size_ && tx.read_ % 8 == 0);
    moved = ahead(before.read_, tx.read_, tx.size_);
    PROVE(moved <= shown);
    PROVE(ahead(tx.read_, tx.published_, tx.size_) == shown - moved);
    return 0;
}
