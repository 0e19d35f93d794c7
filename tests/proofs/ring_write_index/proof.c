/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * look_at_write(): whatever index the host shows, either it is refused and
 * nothing has changed, or the host has added to what it had shown before, and
 * the ring is as sound as before.
 *
 * Bounds: as ring_read_index.
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

int main(void)
{
    struct vmb_ring_rx rx = any_rx(), before = rx;
    uint32_t had = ahead(rx.released_, rx.write_, rx.size_), has;
    struct vmb_fault fault;
    enum vmb_status status = look_at_write(&rx, &fault);

    PROVE(rx.read_ == before.read_ && rx.released_ == before.released_);
    if (status != VMB_OK) {
        PROVE(status == VMB_E_HOST && fault.status == VMB_E_HOST);
        PROVE(rx.write_ == before.write_);
        return 0;
    }
    PROVE(rx.write_ < rx.size_ && rx.write_ % 8 == 0);
    has = ahead(rx.released_, rx.write_, rx.size_);
    PROVE(has >= had);
    PROVE(ahead(rx.released_, rx.read_, rx.size_) <= has);
    return 0;
}
