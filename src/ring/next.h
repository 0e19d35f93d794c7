/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_RING_NEXT_H
#define VMB_SRC_RING_NEXT_H
/*
 * The short way through rx.c, as plain.h is through tx.c, and what it shares
 * with the way of all packets.  In a header, so that a channel's receive and
 * release have it without a call and without a frame: a fence waits for every
 * store before it, and registers saved on the stack are stores.
 */
#include <vmb/ring.h>
#include <vmb/wire/ring.h>

#include "../host.h"
#include "../layout.h"
#include "index.h"

/* The least that a packet takes. */
#define VMB_RX_LEAST \
    ((uint32_t)sizeof(struct vmb_packet_header) + VMB_PACKET_TRAILER_BYTES)

/* A descriptor, unpacked from the one load that it gets. */
struct vmb_rx_header {
    uint32_t type, data_offset, length, flags; /* in bytes */
};

static inline struct vmb_rx_header vmb_rx_unpack(uint64_t word)
{
    struct vmb_rx_header h;

    h.type = (uint32_t)(word & 0xffff);
    h.data_offset = (uint32_t)(word >> 16 & 0xffff) * 8;
    h.length = (uint32_t)(word >> 32 & 0xffff) * 8;
    h.flags = (uint32_t)(word >> 48);
    return h;
}

/* Shown by the host and not taken apart yet, in bytes. */
static inline uint32_t vmb_rx_held(const struct vmb_ring_rx *rx)
{
    return vmb_ring_distance(rx->read_, rx->write_, rx->size_);
}

/* The packet at rx->read_, whose header has been checked, but for ranges. */
VMB_UNFOLDED static void vmb_rx_fill(const struct vmb_ring_rx *rx,
                                     const struct vmb_rx_header *h,
                                     struct vmb_rx *out)
{
    uint32_t at = rx->read_, size = rx->size_;
    bool asks = (h->flags & VMB_PACKET_WANT_REPLY) != 0;

    out->kind = (enum vmb_kind)h->type;
    out->want_reply = asks & (h->type != VMB_PACKET_COMPLETION);
    out->page_set = 0;
    out->len = h->length - h->data_offset;
    out->range_count = 0;
    out->user = NULL;
    out->at_ = vmb_ring_advance(at, h->data_offset, size);
    out->ranges_at_ = 0;
    out->xid = vmb_host_load64(rx->data_ + vmb_ring_advance(at, 8, size));
}

static inline void vmb_rx_step(struct vmb_ring_rx *rx, uint32_t length)
{
    rx->read_ = vmb_ring_advance(rx->read_, length + VMB_PACKET_TRAILER_BYTES,
                                 rx->size_);
}

/*
 * A packet without ranges, with nothing wrong; `held` bytes are VMB_RX_LEAST or
 * more.  False: nothing was done, word is for vmb_rx_take().
 */
VMB_UNFOLDED static bool vmb_rx_plain(struct vmb_ring_rx *rx,
                                      struct vmb_rx *out, uint32_t held,
                                      uint64_t word)
{
    struct vmb_rx_header h = vmb_rx_unpack(word);

    if ((h.type != VMB_PACKET_INBAND && h.type != VMB_PACKET_COMPLETION) ||
        h.data_offset < sizeof(struct vmb_packet_header) ||
        h.data_offset > h.length || h.length + VMB_PACKET_TRAILER_BYTES > held)
        return false;
    vmb_rx_fill(rx, &h, out);
    vmb_rx_step(rx, h.length);
    return true;
}

/* rx.c: any packet, from its first 8 bytes on; as vmb_ring_next() */
enum vmb_status vmb_rx_take(struct vmb_ring_rx *rx, struct vmb_rx *out,
                            uint64_t word, struct vmb_fault *fault);

/*
 * Show the host what it may write over; the bytes of room that it wishes for,
 * or 0: nothing more is to be done.
 */
VMB_UNFOLDED static uint32_t vmb_rx_show_room(struct vmb_ring_rx *rx)
{
    struct vmb_ring_control *control = rx->control_;
    uint32_t read = rx->read_;

    /* Release: our copies out of the packets before the index that lets the
     * host write over them. */
    vmb_host_store32_release(&control->read, read);
    rx->released_ = read;
    /*
     * The index before our look at the wish: otherwise the host may state it,
     * still see the ring full, and wait for a signal that nobody sends.
     */
    vmb_host_fence();
    return vmb_host_load32(&control->pending_send_size);
}

/* rx.c: is a host that wishes for so many bytes to be told, now that what lies
 * from `before` on is free? */
VMB_RARE bool vmb_rx_room_came(struct vmb_ring_rx *rx, uint32_t before,
                               uint32_t wanted);

#endif
