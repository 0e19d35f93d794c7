/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_RING_RX_PLAIN_H
#define VMB_SRC_RING_RX_PLAIN_H
/*
 * The short way through rx.c, and what it shares with the way of all packets.
 * In a header, so that a channel has it without a call and without a frame: a
 * fence waits for every store before it, those of registers and return
 * addresses to the stack included.
 *
 * Plain packets here are in-band data and completions that have nothing but a
 * header before the payload, and lie in the ring in one piece.  They are taken
 * apart with three compares.  Whatever is not plain, or not right, is left to
 * the functions for any packet; where size counts, all is.
 */
#include <vmb/ring.h>
#include <vmb/wire/ring.h>

#include "../host.h"
#include "../layout.h"
#include "index.h"

/*
 * How far ahead to ask for the ring's bytes.  Each header says where the next
 * one is: without this, packets of another CPU are waited for one by one, each
 * as long as a cache line takes to change hands.  Half as far and four times as
 * far measured worse.
 */
#define VMB_RX_AHEAD 256

/* The first 4 bytes of a plain packet: type, and length of the header. */
#define VMB_RX_PLAIN(type) \
    ((type) | (uint32_t)sizeof(struct vmb_packet_header) / 8 << 16)

/*
 * The bytes to look at for a plain packet, in one piece; 0: there are none, or
 * something is to be done first.  The ring's last 8 do not count: the offset
 * behind a packet then needs no turn.
 */
static inline uint32_t vmb_rx_straight(const struct vmb_ring_rx *rx)
{
    uint32_t end = rx->write_ >= rx->read_ ? rx->write_ : rx->size_ - 8;

    return rx->armed_ ? 0 : end - rx->read_;
}

/*
 * A plain packet.  word: its first 8 bytes, which are loaded once; straight:
 * what vmb_rx_straight() said, not 0.  False: nothing was done, and word is for
 * vmb_rx_take().
 */
VMB_UNFOLDED static bool vmb_rx_plain(struct vmb_ring_rx *rx,
                                      struct vmb_rx *out, uint64_t word,
                                      uint32_t straight)
{
    const uint8_t *start = rx->data_ + rx->read_;
    uint32_t first = (uint32_t)word;
    uint32_t length = (uint32_t)(word >> 29) & 0xffff * 8; /* times 8: bytes */

    if (length < sizeof(struct vmb_packet_header) ||
        length + VMB_PACKET_TRAILER_BYTES > straight)
        return false;
    if (VMB_MOSTLY(first == VMB_RX_PLAIN(VMB_PACKET_INBAND))) {
        out->kind = VMB_INBAND;
        out->want_reply = word >> 48 & VMB_PACKET_WANT_REPLY;
    } else if (first == VMB_RX_PLAIN(VMB_PACKET_COMPLETION)) {
        out->kind = VMB_COMPLETION;
        out->want_reply = false;
    } else {
        return false;
    }
    vmb_host_expect(start, VMB_RX_AHEAD);
    out->len = length - (uint32_t)sizeof(struct vmb_packet_header);
    out->at_ = rx->read_ + (uint32_t)sizeof(struct vmb_packet_header);
    out->xid = vmb_host_load64(start + 8);
    out->user = NULL;
    out->page_set = 0;
    out->range_count = 0;
    out->ranges_at_ = 0;
    rx->read_ += length + VMB_PACKET_TRAILER_BYTES;
    return true;
}

/* rx.c: any packet, from its first 8 bytes on; as vmb_ring_next() */
enum vmb_status vmb_rx_take(struct vmb_ring_rx *rx, struct vmb_rx *out,
                            uint64_t word, struct vmb_fault *fault);

/* Do len bytes from `offset` of the payload exist, and lie in one piece? */
static inline bool vmb_rx_is_straight(const struct vmb_ring_rx *rx,
                                      const struct vmb_rx *pkt, uint32_t offset,
                                      uint32_t len)
{
    return (uint64_t)offset + len <= pkt->len &&
           (uint64_t)pkt->at_ + pkt->len <= rx->size_;
}

/* Show the host what it may write over.  False: it was shown before. */
VMB_UNFOLDED static bool vmb_rx_show(struct vmb_ring_rx *rx)
{
    struct vmb_ring_control *control = rx->control_;
    uint32_t read = rx->read_;

    if (read == rx->released_)
        return false;
    rx->released_ = read;
    /* Release: our copies out of the packets before the index that lets the
     * host write over them. */
    vmb_host_store32_release(&control->read, read);
    return true;
}

/* The bytes of room that the host wishes for; 0: none. */
static inline uint32_t vmb_rx_wish(const struct vmb_ring_rx *rx)
{
    struct vmb_ring_control *control = rx->control_;

    return vmb_host_load32(&control->pending_send_size);
}

/* The same, after all that was shown: no later wish is met by that. */
static inline uint32_t vmb_rx_look(const struct vmb_ring_rx *rx)
{
    /*
     * The index before our look at the wish: otherwise the host may state it,
     * still see the ring full, and wait for a signal that nobody sends.
     */
    vmb_host_fence();
    return vmb_rx_wish(rx);
}

/*
 * rx.c: is a host that wishes for so many bytes to be told, now that what lies
 * from `before` on is free?  VMB_RX_UNSEEN for before: there was no look when
 * some of it was shown, so if it is enough the host may be waiting.
 */
#define VMB_RX_UNSEEN UINT32_MAX
VMB_RARE bool vmb_rx_room_came(struct vmb_ring_rx *rx, uint32_t before,
                               uint32_t wanted);

#endif
