/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_RING_TX_PLAIN_H
#define VMB_SRC_RING_TX_PLAIN_H
/*
 * The short way through tx.c, and what it shares with the way of all packets.
 * In a header, so that a channel's send has it without a call.
 *
 * Plain packets are nearly all there are: one piece of payload and, where
 * memory is named, one member from its first byte on.  They are measured and
 * written without a loop, at half the cost.  Whatever is not plain, or not
 * right, is left to the functions for any packet; where size counts, all is.
 */
#include <vmb/ring.h>
#include <vmb/wire/ring.h>

#include "../fault.h"
#include "../host.h"
#include "../layout.h"
#include "../mdl/member.h"
#include "index.h"

/* Header and payload of the longest packet. */
#define VMB_OUT_BYTES_MOST (VMB_PACKET_LENGTH8_MAX * 8)
/* What surely fits into it together. */
#define VMB_PLAIN_PAYLOAD (VMB_OUT_BYTES_MOST / 4)
#define VMB_PLAIN_PAGES   (VMB_OUT_BYTES_MOST / 4 / 8)
/* Before the page numbers of a plain packet. */
#define VMB_PLAIN_DIRECT                          \
    (uint32_t)(sizeof(struct vmb_packet_header) + \
               sizeof(struct vmb_gpa_direct) +    \
               sizeof(struct vmb_gpa_range_header))

/* The first 8 bytes of a packet. */
static inline uint64_t vmb_out_word(const struct vmb_out *out,
                                    const struct vmb_out_size *size)
{
    uint64_t length8 = (size->total - VMB_PACKET_TRAILER_BYTES) / 8;
    uint64_t flags = out->want_reply ? VMB_PACKET_WANT_REPLY : 0;

    return (uint64_t)out->kind | (uint64_t)(size->descriptor / 8) << 16 |
           length8 << 32 | flags << 48;
}

/* A packet is in the ring, and ends at `at`. */
static inline void vmb_out_written(struct vmb_ring_tx *tx, uint32_t at,
                                   uint32_t total)
{
    struct vmb_ring_control *control = tx->control_;

    VMB_INVARIANT(at == vmb_ring_advance(tx->write_, total, tx->size_));
    tx->write_ = at;
    /* The packet that room was asked for is in: a wish left standing would
     * cost the host a signal.  A smaller one does not end the wait. */
    if (tx->wanted_ && total >= tx->wanted_) {
        vmb_host_store32(&control->pending_send_size, 0);
        tx->wanted_ = 0;
    }
}

/* vmb_ring_publish() */
VMB_UNFOLDED static bool vmb_out_publish(struct vmb_ring_tx *tx)
{
    struct vmb_ring_control *control = tx->control_;
    uint32_t before = tx->published_, write = tx->write_;

    if (write == before)
        return false;
    tx->published_ = write;
    /* Release: the packets before the index that shows them. */
    vmb_host_store32_release(&control->write, write);
    /*
     * The index before our look at mask and read index: otherwise both sides
     * can miss each other, the host finding the ring empty and going to sleep
     * while we still see it busy and do not signal.
     */
    vmb_host_fence();
    if (vmb_host_load32(&control->interrupt_mask))
        return false;
    return vmb_host_load32(&control->read) == before;
}

static inline bool vmb_is_plain(const struct vmb_out *out)
{
    return VMB_PLAIN_PAYS && out->iov_count == 1 && !out->mdl_offset &&
           (!out->mdl || !out->mdl->next);
}

/* Its member; false: not right, or too long for the sums here. */
VMB_UNFOLDED static bool vmb_plain_measure_member(const struct vmb_out *out,
                                                  struct vmb_out_size *size)
{
    const struct vmb_mdl *mdl = out->mdl;
    uint32_t pages;

    if (!mdl || vmb_mdl_is_wrong(mdl) || out->mdl_length > mdl->byte_count ||
        mdl->byte_count == 0)
        return false;
    size->ranges = 1;
    size->mdl_bytes = out->mdl_length ? out->mdl_length : mdl->byte_count;
    pages = vmb_mdl_pages(mdl->byte_offset, size->mdl_bytes);
    size->descriptor = VMB_PLAIN_DIRECT + pages * (uint32_t)sizeof(uint64_t);
    return pages <= VMB_PLAIN_PAGES;
}

VMB_UNFOLDED static bool vmb_plain_measure(const struct vmb_out *out,
                                           struct vmb_out_size *size)
{
    const struct vmb_iov *piece = out->iov;

    if (!vmb_is_plain(out) || !piece || !piece->base ||
        piece->len > VMB_PLAIN_PAYLOAD)
        return false;
    if (out->kind == VMB_GPA_DIRECT) {
        if (!vmb_plain_measure_member(out, size))
            return false;
    } else if (!out->mdl &&
               (out->kind == VMB_INBAND ||
                (out->kind == VMB_COMPLETION && !out->want_reply))) {
        size->ranges = 0;
        size->mdl_bytes = 0;
        size->descriptor = sizeof(struct vmb_packet_header);
    } else {
        return false;
    }
    size->payload = (uint32_t)piece->len;
    size->total = size->descriptor + ((size->payload + 7) & ~7u) +
                  VMB_PACKET_TRAILER_BYTES;
    return true;
}

/* Does it end before the ring, and what is unread, does?  It may be said no of
 * the last 16 bytes that do fit. */
static inline bool vmb_plain_fits(const struct vmb_ring_tx *tx, uint32_t total)
{
    uint32_t end = tx->read_ > tx->write_ ? tx->read_ : tx->size_;

    return total + 16 <= end - tx->write_;
}

/* One range, and its page numbers. */
static inline void vmb_plain_put_range(uint8_t *start,
                                       const struct vmb_mdl *mdl,
                                       const struct vmb_out_size *size)
{
    uint32_t pages_len = size->descriptor - VMB_PLAIN_DIRECT;

    vmb_host_store64(start + 16, 1ull << 32);
    vmb_host_store64(start + 24,
                     size->mdl_bytes | (uint64_t)mdl->byte_offset << 32);
    if (pages_len == 8) /* not worth a call */
        vmb_host_store64(start + VMB_PLAIN_DIRECT, mdl->pfns[0]);
    else
        vmb_host_write(start + VMB_PLAIN_DIRECT, mdl->pfns, pages_len);
}

/* A plain packet, which fits.  The payload last: after that call nothing of
 * this need be remembered. */
VMB_UNFOLDED static void vmb_plain_put(struct vmb_ring_tx *tx,
                                       const struct vmb_out *out,
                                       const struct vmb_out_size *size,
                                       uint64_t xid)
{
    const struct vmb_mdl *mdl = out->mdl;
    uint32_t write = tx->write_;
    uint8_t *start = tx->data_ + write;
    uint8_t *end = start + size->total - VMB_PACKET_TRAILER_BYTES;

    vmb_host_store64(start, vmb_out_word(out, size));
    vmb_host_store64(start + 8, xid);
    vmb_host_store64(end, (uint64_t)write << 32);
    if (size->payload % 8) /* the other side sees whole 8 bytes */
        vmb_host_store64(end - 8, 0);
    vmb_out_written(tx, write + size->total, size->total);
    if (mdl)
        vmb_plain_put_range(start, mdl, size);
    if (size->payload) /* a piece without bytes may have no address */
        vmb_host_write(start + size->descriptor, out->iov->base, size->payload);
}

#endif
