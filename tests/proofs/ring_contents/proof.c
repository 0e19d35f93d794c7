/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Ranges and payload of a packet that vmb_ring_next() has accepted (what holds
 * of it then is proved by ring_next), asked for with any index, offset and
 * length: read inside the packet, and no more is copied than was asked for.
 *
 * Bounds: no loops; destinations of up to 64 bytes (they are handed through
 * to memcpy); sizes as in ring.h.
 *
 * Options: --unsigned-overflow-check
 */
#include "../host.h"

#include "../ring.h"

#include "../../../src/ring/rx.c"

static struct vmb_ring_rx rx;
static uint32_t begin, length; /* what may be looked at */

static void check_access(const void *at, size_t len)
{
    uint32_t offset = (uint32_t)__CPROVER_POINTER_OFFSET(at);

    PROVE(in_ring(at, len, rx.size_));
    PROVE(ahead(begin, offset, rx.size_) + len <= length);
}

static void payload(const struct vmb_rx *packet)
{
    static uint8_t copy[64];
    uint32_t offset = nondet_u32(), len = nondet_u32(), got;

    if (len > sizeof copy) /* a careless length is fine near the end */
        GIVEN(offset >= packet->len || packet->len - offset <= sizeof copy);
    begin = packet->at_;
    length = packet->len;
    got = vmb_ring_copy(&rx, packet, offset, copy, len);
    PROVE(got <= len);
    PROVE(got == 0 || (uint64_t)offset + got <= packet->len);
    PROVE(got == len || (uint64_t)offset + got >= packet->len);
}

static void ranges(const struct vmb_rx *packet)
{
    uint32_t index = nondet_u32(), offset, len;

    begin = packet->ranges_at_;
    length = packet->range_count * 8;
    PROVE(vmb_ring_range(&rx, packet, index, &offset, &len) ==
          (index < packet->range_count));
}

int main(void)
{
    struct vmb_rx packet;

    rx = any_rx();
    packet.at_ = any_index(rx.size_);
    packet.ranges_at_ = any_index(rx.size_);
    packet.len = any_index(rx.size_);
    packet.range_count = nondet_u32();
    GIVEN(packet.range_count < rx.size_ / 8);
    payload(&packet);
    ranges(&packet);
    return 0;
}
