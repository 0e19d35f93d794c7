/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The sending side of a ring.
 *
 *            read                published       write
 *              v                     v             v
 *   |..........####packet####packet##+--staged-----+...........|
 *              |<------ host's ----->|<-- ours --->|
 *
 * The host reads up to published, which is what the shared write index says;
 * staged packets are written and not yet shown.
 */
#include <vmb/ring.h>
#include <vmb/wire/ring.h>

#include "../fault.h"
#include "../host.h"
#include "index.h"

void vmb_ring_tx_init(struct vmb_ring_tx *tx, void *pages, uint32_t data_pages)
{
    struct vmb_ring_control *control = pages;

    vmb_host_clear(pages, VMB_PAGE_SIZE);
    vmb_host_store32(&control->features, VMB_RING_FEATURE_PENDING);
    tx->control_ = pages;
    tx->data_ = (uint8_t *)pages + VMB_PAGE_SIZE;
    tx->size_ = data_pages * VMB_PAGE_SIZE;
    tx->write_ = 0;
    tx->published_ = 0;
    tx->read_ = 0;
    tx->wanted_ = 0;
}

/* Kinds that a guest may send, and what may come with each. */
static bool out_is_wrong(const struct vmb_out *out)
{
    bool direct = out->kind == VMB_GPA_DIRECT;

    if (out->iov_count && !out->iov)
        return true;
    if (direct != (out->mdl != NULL))
        return true;
    if (out->kind == VMB_COMPLETION)
        return out->want_reply;
    return !direct && out->kind != VMB_INBAND;
}

/* Sum of the payload pieces; above UINT32_MAX it is too long anyway. */
static enum vmb_status payload_bytes(const struct vmb_out *out, uint64_t *bytes)
{
    uint32_t i;

    *bytes = 0;
    for (i = 0; i < out->iov_count; i++) {
        if (out->iov[i].len && !out->iov[i].base)
            return VMB_E_ARG;
        if (out->iov[i].len > UINT32_MAX || *bytes > UINT32_MAX)
            return VMB_E_TOOBIG;
        *bytes += out->iov[i].len;
    }
    return VMB_OK;
}

/* Bytes before the payload. */
static enum vmb_status descriptor_bytes(const struct vmb_out *out,
                                        struct vmb_out_size *size,
                                        uint64_t *bytes)
{
    struct vmb_mdl_extent extent = { 0, 0, 0 };
    enum vmb_status status;

    *bytes = sizeof(struct vmb_packet_header);
    if (out->kind == VMB_GPA_DIRECT) {
        status = vmb_mdl_measure(out->mdl, out->mdl_offset, out->mdl_length,
                                 &extent);
        if (status != VMB_OK)
            return status;
        /* Hosts take no packet without a range (OpenVMM EmptyRangeCount). */
        if (extent.ranges == 0)
            return VMB_E_ARG;
        *bytes += sizeof(struct vmb_gpa_direct);
        *bytes += sizeof(struct vmb_gpa_range_header) * (uint64_t)extent.ranges;
        *bytes += sizeof(uint64_t) * (uint64_t)extent.pfns;
    }
    size->ranges = extent.ranges;
    size->mdl_bytes = extent.bytes;
    return VMB_OK;
}

enum vmb_status vmb_ring_measure(const struct vmb_out *out,
                                 struct vmb_out_size *size)
{
    uint64_t payload, descriptor, padded;
    enum vmb_status status;

    if (out_is_wrong(out))
        return VMB_E_ARG;
    status = payload_bytes(out, &payload);
    if (status == VMB_OK)
        status = descriptor_bytes(out, size, &descriptor);
    if (status != VMB_OK)
        return status;
    padded = (payload + 7) & ~7ull;
    if (descriptor + padded > VMB_PACKET_LENGTH8_MAX * 8ull)
        return VMB_E_TOOBIG;
    size->payload = (uint32_t)payload;
    size->descriptor = (uint32_t)descriptor;
    size->total = (uint32_t)(descriptor + padded) + VMB_PACKET_TRAILER_BYTES;
    return VMB_OK;
}

/*
 * Load the host's read index.  It moves from where it was towards published
 * and never past: anything else would let a host make us overwrite packets
 * that we still count as unread, or wait for room that is there.
 */
static enum vmb_status look_at_read(struct vmb_ring_tx *tx,
                                    struct vmb_fault *fault)
{
    struct vmb_ring_control *control = tx->control_;
    /* Acquire: our next stores into the room must not overtake this load, or
     * they would hit bytes that the host has yet to read. */
    uint32_t read = vmb_host_load32_acquire(&control->read);
    enum vmb_status status =
        vmb_ring_check(fault, VMB_SITE_TX_READ_RANGE, read, tx->size_);
    uint32_t used, moved;

    if (status != VMB_OK)
        return status;
    used = vmb_ring_distance(tx->read_, tx->published_, tx->size_);
    moved = vmb_ring_distance(tx->read_, read, tx->size_);
    if (moved > used)
        return vmb_fault_host(fault, VMB_SITE_TX_READ_BACK, moved, used);
    tx->read_ = read;
    return VMB_OK;
}

static bool fits(const struct vmb_ring_tx *tx, uint32_t total)
{
    uint32_t used = vmb_ring_distance(tx->read_, tx->write_, tx->size_);

    return total <= vmb_ring_room(used, tx->size_);
}

enum vmb_status vmb_ring_reserve(struct vmb_ring_tx *tx, uint32_t total,
                                 struct vmb_fault *fault)
{
    enum vmb_status status;

    /* 8 less than what an empty ring holds: see vmb_ring_want_room(). */
    if (total > tx->size_ - 16)
        return VMB_E_TOOBIG;
    if (fits(tx, total))
        return VMB_OK;
    status = look_at_read(tx, fault);
    if (status != VMB_OK)
        return status;
    return fits(tx, total) ? VMB_OK : VMB_AGAIN;
}

enum vmb_status vmb_ring_want_room(struct vmb_ring_tx *tx, uint32_t total,
                                   struct vmb_fault *fault)
{
    struct vmb_ring_control *control = tx->control_;
    enum vmb_status status;

    VMB_INVARIANT(tx->write_ == tx->published_);
    if (total > tx->size_ - 16)
        return VMB_E_TOOBIG;
    /*
     * Free space counts the 8 bytes that stay free.  Hosts differ in whether
     * the space must reach the wish or pass it (OpenVMM and QEMU: reach), so
     * the largest packet leaves 8 bytes for those that want it passed.
     */
    vmb_host_store32(&control->pending_send_size, total + 8);
    tx->wanted_ = total;
    /*
     * The wish before our second look at the read index: otherwise the host
     * may drain the ring, see no wish, and leave us waiting for ever.
     */
    vmb_host_fence();
    status = look_at_read(tx, fault);
    if (status != VMB_OK)
        return status;
    return fits(tx, total) ? VMB_OK : VMB_AGAIN;
}

/* Where the next byte of a packet goes. */
struct cursor {
    uint8_t *data;
    uint32_t size, at;
};

/* at is a multiple of 8 here, so 8 bytes never straddle the end. */
static void put64(struct cursor *c, uint64_t value)
{
    vmb_host_store64(c->data + c->at, value);
    c->at = vmb_ring_advance(c->at, 8, c->size);
}

static void put_bytes(struct cursor *c, const void *src, uint32_t len)
{
    uint32_t to_end = c->size - c->at;
    const uint8_t *from = src;

    if (len > to_end) {
        vmb_host_write(c->data + c->at, from, to_end);
        from += to_end;
        len -= to_end;
        c->at = 0;
    }
    vmb_host_write(c->data + c->at, from, len);
    c->at = vmb_ring_advance(c->at, len, c->size);
}

static void put_ranges(struct cursor *c, const struct vmb_out *out,
                       const struct vmb_out_size *size)
{
    struct vmb_mdl_walk walk;
    struct vmb_gpa_range range;

    put64(c, (uint64_t)size->ranges << 32);
    vmb_mdl_walk_start(&walk, out->mdl, out->mdl_offset, size->mdl_bytes);
    while (vmb_mdl_walk_next(&walk, &range)) {
        put64(c, range.byte_count | (uint64_t)range.byte_offset << 32);
        put_bytes(c, range.pfns, range.pfn_count * 8);
    }
}

static void put_payload(struct cursor *c, const struct vmb_out *out,
                        uint32_t payload)
{
    static const uint8_t zero[8];
    uint32_t i;

    for (i = 0; i < out->iov_count; i++)
        if (out->iov[i].len)
            put_bytes(c, out->iov[i].base, (uint32_t)out->iov[i].len);
    /* The other side sees whole 8 bytes: let it see none of our past. */
    if (payload % 8)
        put_bytes(c, zero, 8 - payload % 8);
}

void vmb_ring_write(struct vmb_ring_tx *tx, const struct vmb_out *out,
                    const struct vmb_out_size *size, uint64_t xid)
{
    struct vmb_ring_control *control = tx->control_;
    struct cursor c = { tx->data_, tx->size_, tx->write_ };
    uint64_t length8 = (size->total - VMB_PACKET_TRAILER_BYTES) / 8;
    uint64_t flags = out->want_reply ? VMB_PACKET_WANT_REPLY : 0;

    put64(&c, (uint64_t)out->kind | (uint64_t)(size->descriptor / 8) << 16 |
                  length8 << 32 | flags << 48);
    put64(&c, xid);
    if (out->kind == VMB_GPA_DIRECT)
        put_ranges(&c, out, size);
    put_payload(&c, out, size->payload);
    put64(&c, (uint64_t)tx->write_ << 32);
    VMB_INVARIANT(c.at == vmb_ring_advance(tx->write_, size->total, tx->size_));
    tx->write_ = c.at;
    /* The packet that room was asked for is in: a wish left standing would
     * cost the host a signal.  A smaller one does not end the wait. */
    if (tx->wanted_ && size->total >= tx->wanted_) {
        vmb_host_store32(&control->pending_send_size, 0);
        tx->wanted_ = 0;
    }
}

bool vmb_ring_publish(struct vmb_ring_tx *tx)
{
    struct vmb_ring_control *control = tx->control_;
    uint32_t before = tx->published_;

    if (tx->write_ == before)
        return false;
    /* Release: the packets before the index that shows them. */
    vmb_host_store32_release(&control->write, tx->write_);
    tx->published_ = tx->write_;
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
