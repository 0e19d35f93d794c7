/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The receiving side of a ring.
 *
 *          released           read                  write
 *              v                v                     v
 *   |..........+----received----####packet####packet##.........|
 *              |<---- ours, may be copied from ------>|
 *
 * Up to released the host may write again, which is what the shared read
 * index says; packets between released and read are in the caller's hands.
 */
#include <vmb/ring.h>
#include <vmb/wire/ring.h>

#include "../fault.h"
#include "../host.h"
#include "index.h"
#include "rx_plain.h"

void vmb_ring_rx_init(struct vmb_ring_rx *rx, void *pages, uint32_t data_pages)
{
    struct vmb_ring_control *control = pages;

    vmb_host_clear(pages, VMB_PAGE_SIZE);
    vmb_host_store32(&control->interrupt_mask, 1);
    /* The sender owns this word; hosts that do not set it before the first
     * packet are known to look at it (source: Linux sets both). */
    vmb_host_store32(&control->features, VMB_RING_FEATURE_PENDING);
    rx->control_ = pages;
    rx->data_ = (uint8_t *)pages + VMB_PAGE_SIZE;
    rx->size_ = data_pages * VMB_PAGE_SIZE;
    rx->read_ = 0;
    rx->released_ = 0;
    rx->write_ = 0;
    rx->armed_ = false;
}

/* Load the host's write index; it only ever moves on, and never past us. */
static enum vmb_status look_at_write(struct vmb_ring_rx *rx,
                                     struct vmb_fault *fault)
{
    struct vmb_ring_control *control = rx->control_;
    /* Acquire: packets must not be read before the index that shows them. */
    uint32_t write = vmb_host_load32_acquire(&control->write);
    enum vmb_status status =
        vmb_ring_check(fault, VMB_SITE_RX_WRITE_RANGE, write, rx->size_);
    uint32_t had, has;

    if (status != VMB_OK)
        return status;
    had = vmb_ring_distance(rx->released_, rx->write_, rx->size_);
    has = vmb_ring_distance(rx->released_, write, rx->size_);
    if (has < had)
        return vmb_fault_host(fault, VMB_SITE_RX_WRITE_BACK, write, rx->write_);
    rx->write_ = write;
    return VMB_OK;
}

static uint64_t get64(const struct vmb_ring_rx *rx, uint32_t at)
{
    return vmb_host_load64(rx->data_ + at);
}

/* A descriptor, unpacked from the one load that it gets. */
struct header {
    uint32_t type, data_offset, length, flags; /* in bytes */
};

static struct header unpack(uint64_t word)
{
    struct header h;

    h.type = (uint32_t)(word & 0xffff);
    h.data_offset = (uint32_t)(word >> 16 & 0xffff) * 8;
    h.length = (uint32_t)(word >> 32 & 0xffff) * 8;
    h.flags = (uint32_t)(word >> 48);
    return h;
}

static enum vmb_status check_header(const struct header *h, uint32_t held,
                                    struct vmb_fault *fault)
{
    const uint32_t least =
        sizeof(struct vmb_packet_header) + VMB_PACKET_TRAILER_BYTES;

    if (held < least)
        return vmb_fault_host(fault, VMB_SITE_RX_HEADER, held, least);
    if (h->type != VMB_PACKET_INBAND && h->type != VMB_PACKET_XFER_PAGES &&
        h->type != VMB_PACKET_COMPLETION)
        return vmb_fault_host(fault, VMB_SITE_RX_TYPE, h->type, 0);
    if (h->data_offset < sizeof(struct vmb_packet_header) ||
        h->data_offset > h->length)
        return vmb_fault_host(fault, VMB_SITE_RX_OFFSET, h->data_offset / 8,
                              h->length / 8);
    if (h->length + VMB_PACKET_TRAILER_BYTES > held)
        return vmb_fault_host(fault, VMB_SITE_RX_LENGTH,
                              h->length + VMB_PACKET_TRAILER_BYTES, held);
    return VMB_OK;
}

/* Capture set id and count; the ranges are captured one by one on demand. */
static enum vmb_status take_ranges(struct vmb_ring_rx *rx,
                                   const struct header *h, struct vmb_rx *out,
                                   struct vmb_fault *fault)
{
    const uint32_t fixed =
        sizeof(struct vmb_packet_header) + sizeof(struct vmb_xfer_pages);
    uint64_t word, count, room;

    if (h->data_offset < fixed)
        return vmb_fault_host(fault, VMB_SITE_RX_OFFSET, h->data_offset / 8,
                              fixed / 8);
    word = get64(rx, vmb_ring_advance(rx->read_, 16, rx->size_));
    count = word >> 32;
    room = (h->data_offset - fixed) / sizeof(struct vmb_xfer_range);
    if (count > room)
        return vmb_fault_host(fault, VMB_SITE_RX_RANGES, count, room);
    out->page_set = (uint16_t)(word & 0xffff);
    out->range_count = (uint16_t)count;
    out->ranges_at_ = vmb_ring_advance(rx->read_, fixed, rx->size_);
    return VMB_OK;
}

static void mask(struct vmb_ring_rx *rx)
{
    struct vmb_ring_control *control = rx->control_;

    if (!rx->armed_)
        return;
    /* Late is harmless: it costs the host a signal, never us a packet. */
    vmb_host_store32(&control->interrupt_mask, 1);
    rx->armed_ = false;
}

enum vmb_status vmb_rx_take(struct vmb_ring_rx *rx, struct vmb_rx *out,
                            uint64_t word, struct vmb_fault *fault)
{
    uint32_t at = rx->read_, size = rx->size_;
    struct header h = unpack(word);
    uint32_t held = vmb_ring_distance(at, rx->write_, size);
    enum vmb_status status = check_header(&h, held, fault);

    if (status != VMB_OK)
        return status;
    out->kind = (enum vmb_kind)h.type;
    out->want_reply =
        h.type != VMB_PACKET_COMPLETION && (h.flags & VMB_PACKET_WANT_REPLY);
    out->page_set = 0;
    out->range_count = 0;
    out->ranges_at_ = 0;
    out->user = NULL;
    out->len = h.length - h.data_offset;
    out->at_ = vmb_ring_advance(at, h.data_offset, size);
    if (h.type == VMB_PACKET_XFER_PAGES) {
        status = take_ranges(rx, &h, out, fault);
        if (status != VMB_OK)
            return status;
    }
    out->xid = get64(rx, vmb_ring_advance(at, 8, size));
    rx->read_ = vmb_ring_advance(at, h.length + VMB_PACKET_TRAILER_BYTES, size);
    return VMB_OK;
}

/* Any packet, if there is one. */
VMB_APART static enum vmb_status
next_any(struct vmb_ring_rx *rx, struct vmb_rx *out, struct vmb_fault *fault)
{
    enum vmb_status status;

    mask(rx);
    if (rx->read_ == rx->write_) {
        status = look_at_write(rx, fault);
        if (status != VMB_OK)
            return status;
        if (rx->read_ == rx->write_)
            return VMB_AGAIN;
    }
    return vmb_rx_take(rx, out, get64(rx, rx->read_), fault);
}

enum vmb_status vmb_ring_next(struct vmb_ring_rx *rx, struct vmb_rx *out,
                              struct vmb_fault *fault)
{
    uint32_t straight = VMB_PLAIN_PAYS ? vmb_rx_straight(rx) : 0;
    uint64_t word;

    if (!straight)
        return next_any(rx, out, fault);
    word = get64(rx, rx->read_);
    return vmb_rx_plain(rx, out, word, straight)
               ? VMB_OK
               : vmb_rx_take(rx, out, word, fault);
}

/*
 * Up to the end of the ring and from its start on.  Not rare for all that: of
 * packets that fill a sixteenth of the ring every sixteenth comes by here, and
 * in rare code the compiler copies in the shortest way, byte by byte.
 */
static void copy_around(const struct vmb_ring_rx *rx, uint32_t at, uint8_t *dst,
                        uint32_t len)
{
    uint32_t to_end = rx->size_ - at;

    vmb_host_read(dst, rx->data_ + at, to_end);
    vmb_host_read(dst + to_end, rx->data_, len - to_end);
}

VMB_APART static uint32_t copy_any(const struct vmb_ring_rx *rx,
                                   const struct vmb_rx *pkt, uint32_t offset,
                                   void *dst, uint32_t len)
{
    uint32_t at;

    /* A packet of an earlier life, of a ring that was larger. */
    if (pkt->at_ >= rx->size_ || pkt->len > rx->size_)
        return 0;
    if (offset >= pkt->len)
        return 0;
    if (len > pkt->len - offset)
        len = pkt->len - offset;
    at = vmb_ring_advance(pkt->at_, offset, rx->size_);
    if (len <= rx->size_ - at)
        vmb_host_read(dst, rx->data_ + at, len);
    else
        copy_around(rx, at, dst, len);
    return len;
}

uint32_t vmb_ring_copy(const struct vmb_ring_rx *rx, const struct vmb_rx *pkt,
                       uint32_t offset, void *dst, uint32_t len)
{
    if (!VMB_PLAIN_PAYS || !vmb_rx_is_straight(rx, pkt, offset, len))
        return copy_any(rx, pkt, offset, dst, len);
    vmb_host_read(dst, rx->data_ + pkt->at_ + offset, len);
    return len;
}

bool vmb_ring_range(const struct vmb_ring_rx *rx, const struct vmb_rx *pkt,
                    uint32_t index, uint32_t *offset, uint32_t *len)
{
    uint64_t word;

    if (index >= pkt->range_count || pkt->ranges_at_ >= rx->size_ ||
        pkt->range_count > rx->size_ / 8)
        return false;
    word = get64(rx, vmb_ring_advance(pkt->ranges_at_, index * 8, rx->size_));
    *len = (uint32_t)word;
    *offset = (uint32_t)(word >> 32);
    return true;
}

/*
 * Did the free space reach `wanted` with this release?  Equal on either side
 * counts: hosts differ, and a signal too many is harmless.
 */
static bool room_came(const struct vmb_ring_rx *rx, uint32_t before,
                      uint32_t wanted)
{
    uint32_t size = rx->size_;
    uint32_t has = size - vmb_ring_distance(rx->released_, rx->write_, size);
    uint32_t had = 0;

    if (!VMB_PLAIN_PAYS || before != VMB_RX_UNSEEN)
        had = size - vmb_ring_distance(before, rx->write_, size);
    return had <= wanted && has >= wanted;
}

bool vmb_rx_room_came(struct vmb_ring_rx *rx, uint32_t before, uint32_t wanted)
{
    struct vmb_ring_control *control = rx->control_;
    struct vmb_fault ignored;

    if (!(vmb_host_load32(&control->features) & VMB_RING_FEATURE_PENDING))
        return false;
    /* A wrong index is not lost: the next vmb_ring_next() reports it. */
    if (look_at_write(rx, &ignored) != VMB_OK)
        return false;
    return room_came(rx, before, wanted);
}

bool vmb_ring_release(struct vmb_ring_rx *rx)
{
    uint32_t before = rx->released_, wanted = 0;

    if (vmb_rx_show(rx))
        wanted = vmb_rx_look(rx);
    return wanted && vmb_rx_room_came(rx, before, wanted);
}

bool vmb_ring_arm(struct vmb_ring_rx *rx)
{
    struct vmb_ring_control *control = rx->control_;

    vmb_host_store32(&control->interrupt_mask, 0);
    rx->armed_ = true;
    /*
     * The mask before our look at the write index: otherwise the host may add
     * a packet, still see the mask, and we sleep on it.
     *
     * Against what is released, not what is read: hosts signal a packet only
     * if the shared read index had caught up with all before it (OpenVMM
     * vmbus_ring, commit_write), so with one in hand no signal would come.
     */
    vmb_host_fence();
    return vmb_host_load32(&control->write) != rx->released_;
}
