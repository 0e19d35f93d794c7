/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_ring_next(): whatever the host has written, and however often it changes
 * it,
 *   - every load lies in the ring,
 *   - a packet that is accepted lies in what the host has shown, and its
 *     ranges and payload in the packet,
 *   - one that is refused has consumed nothing.
 *
 * Bounds: no loops; loads give any value, another one each time; sizes as in
 * ring.h.
 *
 * Options: --unsigned-overflow-check
 */
#include "../host.h"

#include "../ring.h"

#include "../../../src/ring/rx.c"

static struct vmb_ring_rx rx;

static void check_access(const void *at, size_t len)
{
    PROVE(in_ring(at, len, rx.size_));
}

int main(void)
{
    struct vmb_ring_rx before;
    struct vmb_fault fault;
    enum vmb_status status;
    struct vmb_rx out;
    uint32_t taken, into;

    rx = any_rx();
    before = rx;
    status = vmb_ring_next(&rx, &out, &fault);
    PROVE(rx_is_sound(&rx));
    PROVE(rx.released_ == before.released_);
    if (status != VMB_OK) {
        PROVE(status == VMB_AGAIN || status == VMB_E_HOST);
        PROVE(rx.read_ == before.read_);
        return 0;
    }
    taken = ahead(before.read_, rx.read_, rx.size_);
    into = ahead(before.read_, out.at_, rx.size_);
    PROVE(taken >= 24 && taken % 8 == 0);
    PROVE(taken <= ahead(before.read_, rx.write_, rx.size_));
    PROVE(into >= 16 && into + out.len + 8 == taken);
    if (out.kind == VMB_XFER_PAGES)
        PROVE(ahead(before.read_, out.ranges_at_, rx.size_) == 24);
    if (out.kind == VMB_XFER_PAGES)
        PROVE(24 + out.range_count * 8ull <= into);
    else
        PROVE(out.range_count == 0);
    return 0;
}
