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
#include "tx_plain.h"

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

/* Sum of the payload pieces: 2^32 of at most 2^19 bytes do not wrap it. */
static enum vmb_status payload_bytes(const struct vmb_out *out, uint64_t *bytes)
{
    const struct vmb_iov *piece = out->iov;
    uint32_t left = out->iov_count;

    *bytes = 0;
    for (; left; left--, piece++) {
        if (piece->len && !piece->base)
            return VMB_E_ARG;
        if (piece->len > VMB_OUT_BYTES_MOST)
            return VMB_E_TOOBIG;
        *bytes += piece->len;
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

VMB_APART static enum vmb_status measure_any(const struct vmb_out *out,
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
    if (descriptor + padded > VMB_OUT_BYTES_MOST)
        return VMB_E_TOOBIG;
    size->payload = (uint32_t)payload;
    size->descriptor = (uint32_t)descriptor;
    size->total = (uint32_t)(descriptor + padded) + VMB_PACKET_TRAILER_BYTES;
    return VMB_OK;
}

enum vmb_status vmb_ring_measure(const struct vmb_out *out,
                                 struct vmb_out_size *size)
{
    return vmb_plain_measure(out, size) ? VMB_OK : measure_any(out, size);
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

VMB_RARE static enum vmb_status
look_for_room(struct vmb_ring_tx *tx, uint32_t total, struct vmb_fault *fault)
{
    enum vmb_status status;

    if (total > tx->size_ - 16)
        return VMB_E_TOOBIG;
    status = look_at_read(tx, fault);
    if (status != VMB_OK)
        return status;
    return vmb_ring_fits(tx, total) ? VMB_OK : VMB_AGAIN;
}

enum vmb_status vmb_ring_reserve(struct vmb_ring_tx *tx, uint32_t total,
                                 struct vmb_fault *fault)
{
    return vmb_ring_fits(tx, total) ? VMB_OK : look_for_room(tx, total, fault);
}

enum vmb_status vmb_ring_want_room(struct vmb_ring_tx *tx, uint32_t total,
                                   struct vmb_fault *fault)
{
    struct vmb_ring_control *control = tx->control_;

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
    return look_for_room(tx, total, fault);
}

/*
 * Each of these puts something at offset `at` and returns the offset behind it.
 * The offset travels by value: one in memory would have to be loaded again
 * after each store to the ring.
 */

/* at is a multiple of 8 here: 8 bytes may end at the end, never straddle it. */
static uint32_t put64(const struct vmb_ring_tx *tx, uint32_t at, uint64_t value)
{
    vmb_host_store64(tx->data_ + at, value);
    return vmb_ring_advance(at, 8, tx->size_);
}

static uint32_t put_bytes(const struct vmb_ring_tx *tx, uint32_t at,
                          const void *src, uint32_t len)
{
    uint32_t to_end = tx->size_ - at;

    if (len < to_end) {
        vmb_host_write(tx->data_ + at, src, len);
        return at + len;
    }
    vmb_host_write(tx->data_ + at, src, to_end);
    vmb_host_write(tx->data_, (const uint8_t *)src + to_end, len - to_end);
    return len - to_end;
}

static uint32_t put_ranges(const struct vmb_ring_tx *tx, uint32_t at,
                           const struct vmb_out *out,
                           const struct vmb_out_size *size)
{
    struct vmb_mdl_walk walk;
    struct vmb_gpa_range range;

    at = put64(tx, at, (uint64_t)size->ranges << 32);
    vmb_mdl_walk_start(&walk, out->mdl, out->mdl_offset, size->mdl_bytes);
    while (vmb_mdl_walk_next(&walk, &range)) {
        at =
            put64(tx, at, range.byte_count | (uint64_t)range.byte_offset << 32);
        at = put_bytes(tx, at, range.pfns, range.pfn_count * 8);
    }
    return at;
}

/* The other side sees whole 8 bytes: let it see none of our past. */
static const uint8_t zero[8];

static uint32_t put_payload(const struct vmb_ring_tx *tx, uint32_t at,
                            const struct vmb_out *out, uint32_t payload)
{
    const struct vmb_iov *piece = out->iov;
    uint32_t left = out->iov_count;

    for (; left; left--, piece++)
        if (piece->len)
            at = put_bytes(tx, at, piece->base, (uint32_t)piece->len);
    if (payload % 8)
        at = put_bytes(tx, at, zero, 8 - payload % 8);
    return at;
}

VMB_APART static uint32_t put_any(const struct vmb_ring_tx *tx,
                                  const struct vmb_out *out,
                                  const struct vmb_out_size *size, uint64_t xid)
{
    uint32_t at = tx->write_;

    at = put64(tx, at, vmb_out_word(out, size));
    at = put64(tx, at, xid);
    if (out->kind == VMB_GPA_DIRECT)
        at = put_ranges(tx, at, out, size);
    at = put_payload(tx, at, out, size->payload);
    return put64(tx, at, (uint64_t)tx->write_ << 32);
}

void vmb_ring_write(struct vmb_ring_tx *tx, const struct vmb_out *out,
                    const struct vmb_out_size *size, uint64_t xid)
{
    if (vmb_is_plain(out) && vmb_plain_fits(tx, size->total))
        vmb_plain_put(tx, out, size, xid);
    else
        vmb_out_written(tx, put_any(tx, out, size, xid), size->total);
}

bool vmb_ring_publish(struct vmb_ring_tx *tx)
{
    return vmb_out_publish(tx);
}
