/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_rx_plain(), the short way of vmb_ring_next(), and what is copied by
 * vmb_rx_is_straight(): as ring_next and ring_contents, for any first 8 bytes.
 *   - A packet that is accepted lies in what the host has shown, in one piece.
 *   - One that is refused has consumed nothing.
 *   - What of its payload is said to be straight lies in the payload.
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

static void accepted(const struct vmb_rx *out, const struct vmb_ring_rx *before)
{
    uint32_t taken = ahead(before->read_, rx.read_, rx.size_);
    uint32_t offset = nondet_u32(), len = nondet_u32();

    PROVE(rx.read_ > before->read_ && taken % 8 == 0);
    PROVE(taken <= ahead(before->read_, rx.write_, rx.size_));
    PROVE(out->at_ == before->read_ + 16 && 16 + out->len + 8 == taken);
    PROVE(out->kind == VMB_INBAND || out->kind == VMB_COMPLETION);
    PROVE(out->range_count == 0);
    if (vmb_rx_is_straight(&rx, out, offset, len))
        PROVE(in_ring(rx.data_ + out->at_ + offset, len, rx.size_) &&
              (uint64_t)offset + len <= out->len);
}

int main(void)
{
    struct vmb_ring_rx before;
    struct vmb_rx out;
    uint32_t straight;

    rx = any_rx();
    before = rx;
    straight = vmb_rx_straight(&rx);
    PROVE(straight <= ahead(rx.read_, rx.write_, rx.size_));
    GIVEN(straight != 0);
    PROVE(!rx.armed_);
    if (vmb_rx_plain(&rx, &out, nondet_u64(), straight))
        accepted(&out, &before);
    else
        PROVE(rx.read_ == before.read_);
    PROVE(rx_is_sound(&rx));
    PROVE(rx.released_ == before.released_);
    return 0;
}
