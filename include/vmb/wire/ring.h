/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_WIRE_RING_H
#define VMB_WIRE_RING_H
/*
 * Rings and the packets in them.  Source: OpenVMM vmbus_ring/src/lib.rs and
 * mu_msvm VmbusPacketFormat.h; QEMU 10.0 observed to agree.
 */
#include <vmb/wire/hv.h>

/*
 * First page of each ring; the data pages follow.  Offsets count from the
 * start of the data pages.  write: moved by the sender, read: by the receiver,
 * interrupt_mask: by the receiver, pending_send_size and features: by the
 * sender.
 */
struct vmb_ring_control {
    uint32_t write;
    uint32_t read;
    uint32_t interrupt_mask;    /* not 0: do not signal new packets */
    uint32_t pending_send_size; /* signal when this much room is free */
    uint32_t reserved[12];
    uint32_t features; /* bit 0: pending_send_size means something */
};
VMB_WIRE_ASSERT(sizeof(struct vmb_ring_control) == 68);
VMB_WIRE_ASSERT(offsetof(struct vmb_ring_control, pending_send_size) == 12);
VMB_WIRE_ASSERT(offsetof(struct vmb_ring_control, features) == 64);

#define VMB_RING_FEATURE_PENDING 1u

/* Packet types that rings carry. */
#define VMB_PACKET_INBAND     6u
#define VMB_PACKET_XFER_PAGES 7u
#define VMB_PACKET_GPA_DIRECT 9u
#define VMB_PACKET_COMPLETION 11u

#define VMB_PACKET_WANT_REPLY 1u /* flags: a completion is expected */

/* Every packet begins with this; lengths count 8 bytes each. */
struct vmb_packet_header {
    uint16_t type;
    uint16_t data_offset8; /* from the header's start to the payload */
    uint16_t length8;      /* header and payload, without the trailer */
    uint16_t flags;
    uint64_t transaction_id;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_packet_header) == 16);

/* Follows the header of a GPA-direct packet; then the ranges. */
struct vmb_gpa_direct {
    uint32_t reserved;
    uint32_t range_count;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_gpa_direct) == 8);

/* One range; its PFNs follow, as many as the bytes touch pages. */
struct vmb_gpa_range_header {
    uint32_t byte_count;
    uint32_t byte_offset; /* below 4096 */
};
VMB_WIRE_ASSERT(sizeof(struct vmb_gpa_range_header) == 8);

/* Follows the header of a transfer-page packet; then the ranges. */
struct vmb_xfer_pages {
    uint16_t page_set;
    uint8_t sender_owns;
    uint8_t reserved;
    uint32_t range_count;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_xfer_pages) == 8);

/* Offsets count from the start of the GPADL that page_set names. */
struct vmb_xfer_range {
    uint32_t byte_count;
    uint32_t byte_offset;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_xfer_range) == 8);

/* After each packet: 0 in the low half, where it began in the high half. */
#define VMB_PACKET_TRAILER_BYTES 8u
#define VMB_PACKET_LENGTH8_MAX   0xffffu

#endif
