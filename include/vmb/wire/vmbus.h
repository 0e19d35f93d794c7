/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_WIRE_VMBUS_H
#define VMB_WIRE_VMBUS_H
/*
 * Control messages.  Source: OpenVMM vmbus_core/src/protocol.rs and mu_msvm
 * ChannelMessages.h; sizes observed on QEMU 10.0.
 */
#include <vmb/wire/hv.h>

#define VMB_VERSION(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))
#define VMB_VERSION_6_0           VMB_VERSION(6, 0)
#define VMB_VERSION_5_3           VMB_VERSION(5, 3)
#define VMB_VERSION_5_2           VMB_VERSION(5, 2)
#define VMB_VERSION_5_1           VMB_VERSION(5, 1)
#define VMB_VERSION_5_0           VMB_VERSION(5, 0)
#define VMB_VERSION_4_1           VMB_VERSION(4, 1)
#define VMB_VERSION_4_0           VMB_VERSION(4, 0)
#define VMB_VERSION_3_0           VMB_VERSION(3, 0)
#define VMB_VERSION_2_4           VMB_VERSION(2, 4)
#define VMB_VERSION_1_1           VMB_VERSION(1, 1)
#define VMB_VERSION_0_13          VMB_VERSION(0, 13)

/* Connection ids of HvPostMessage and HvSignalEvent. */
#define VMB_CONNECTION_MESSAGE      1u /* below version 5.0 */
#define VMB_CONNECTION_EVENT        2u /* version 0.13: one for all channels */
#define VMB_CONNECTION_MULTI_CLIENT 4u /* from version 5.0 */

/* Feature flags, from version 6.0. */
#define VMB_CONN_FEATURE_SIGNAL_PARAMETERS 0x01u
#define VMB_CONN_FEATURE_CLIENT_ID         0x08u

/*
 * Messages from the host: number, name, bytes that must be there.
 */
#define VMB_MESSAGES_TO_GUEST(X)                                 \
    X(1, OFFER, VMB_OFFER_BYTES_0_13)                            \
    X(2, RESCIND, sizeof(struct vmb_msg_relid))                  \
    X(4, ALL_OFFERS, sizeof(struct vmb_msg_header))              \
    X(6, OPEN_RESULT, sizeof(struct vmb_msg_open_result))        \
    X(10, GPADL_CREATED, sizeof(struct vmb_msg_gpadl_created))   \
    X(12, GPADL_TORNDOWN, sizeof(struct vmb_msg_gpadl_torndown)) \
    X(15, VERSION_RESPONSE, VMB_VERSION_RESPONSE_BYTES_MIN)      \
    X(17, UNLOAD_RESPONSE, sizeof(struct vmb_msg_header))        \
    X(24, MODIFY_RESPONSE, sizeof(struct vmb_msg_modify_response))

/* Messages to the host: number, name, first version that has it. */
#define VMB_MESSAGES_TO_HOST(X)             \
    X(3, REQUEST_OFFERS, VMB_VERSION_0_13)  \
    X(5, OPEN, VMB_VERSION_0_13)            \
    X(7, CLOSE, VMB_VERSION_0_13)           \
    X(8, GPADL_HEADER, VMB_VERSION_0_13)    \
    X(9, GPADL_BODY, VMB_VERSION_0_13)      \
    X(11, GPADL_TEARDOWN, VMB_VERSION_0_13) \
    X(13, RELID_RELEASED, VMB_VERSION_0_13) \
    X(14, INITIATE_CONTACT, 0)              \
    X(16, UNLOAD, VMB_VERSION_0_13)         \
    X(22, MODIFY, VMB_VERSION_4_1)

enum vmb_message_number {
#define VMB_MESSAGE_ENUM_(number, name, fact) VMB_MSG_##name = number,
    VMB_MESSAGES_TO_GUEST(VMB_MESSAGE_ENUM_)
    VMB_MESSAGES_TO_HOST(VMB_MESSAGE_ENUM_)
#undef VMB_MESSAGE_ENUM_
        VMB_MSG_HIGHEST = 29 /* the newest that any host knows, version 6.0 */
};

struct vmb_msg_header {
    uint32_t number;
    uint32_t padding;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_header) == 8);

struct vmb_msg_offer {
    struct vmb_msg_header header;
    uint8_t type[16];
    uint8_t instance[16];
    uint8_t reserved[16];
    uint16_t flags;
    uint16_t mmio_mebibytes;
    uint8_t user[120];
    uint16_t subchannel;
    uint16_t reserved2;
    uint32_t relid;
    uint8_t monitor_id;
    uint8_t monitor_allocated;
    uint16_t dedicated; /* this and the rest: from version 1.1 */
    uint32_t connection_id;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_offer) == 196);
VMB_WIRE_ASSERT(offsetof(struct vmb_msg_offer, relid) == 184);
VMB_WIRE_ASSERT(offsetof(struct vmb_msg_offer, connection_id) == 192);
#define VMB_OFFER_BYTES_0_13 offsetof(struct vmb_msg_offer, dedicated)

/* Offer flags. */
#define VMB_OFFER_FLAG_PIPE     0x0010u
#define VMB_OFFER_FLAG_HVSOCKET 0x2000u

struct vmb_msg_relid { /* RESCIND, CLOSE, RELID_RELEASED */
    struct vmb_msg_header header;
    uint32_t relid;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_relid) == 12);

struct vmb_msg_open {
    struct vmb_msg_header header;
    uint32_t relid;
    uint32_t open_id;
    uint32_t gpadl;
    uint32_t target_vp;
    uint32_t downstream_page; /* where the host-to-guest ring begins */
    uint8_t user[120];
    /* The long form, needed once feature 0x1 is agreed: */
    uint32_t connection_id;
    uint16_t event_flag;
    uint16_t flags;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_open) == 156);
#define VMB_OPEN_BYTES_SHORT 148u
VMB_WIRE_ASSERT(offsetof(struct vmb_msg_open, connection_id) ==
                VMB_OPEN_BYTES_SHORT);

struct vmb_msg_open_result {
    struct vmb_msg_header header;
    uint32_t relid;
    uint32_t open_id;
    uint32_t status;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_open_result) == 20);

/*
 * One range; its PFNs follow at offset 28, which is why they are copied and
 * not a member: 8-byte numbers on a 4-byte boundary.
 */
struct vmb_msg_gpadl_header {
    struct vmb_msg_header header;
    uint32_t relid;
    uint32_t gpadl;
    uint16_t range_bytes; /* of all ranges, with their PFNs */
    uint16_t range_count;
    uint32_t byte_count;
    uint32_t byte_offset;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_gpadl_header) == 28);
#define VMB_GPADL_HEADER_PFNS 26u
#define VMB_GPADL_BODY_PFNS   28u
#define VMB_GPADL_PAGES_MAX   8190u /* range_bytes is 16 bits wide */

struct vmb_msg_gpadl_body {
    struct vmb_msg_header header;
    uint32_t sequence;
    uint32_t gpadl;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_gpadl_body) == 16);
VMB_WIRE_ASSERT(28 + 8 * VMB_GPADL_HEADER_PFNS <= VMB_MESSAGE_BYTES);
VMB_WIRE_ASSERT(16 + 8 * VMB_GPADL_BODY_PFNS <= VMB_MESSAGE_BYTES);
VMB_WIRE_ASSERT(8 + 8 * VMB_GPADL_PAGES_MAX <= 0xffff);

struct vmb_msg_gpadl_created {
    struct vmb_msg_header header;
    uint32_t relid;
    uint32_t gpadl;
    uint32_t status;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_gpadl_created) == 20);

struct vmb_msg_gpadl_teardown {
    struct vmb_msg_header header;
    uint32_t relid;
    uint32_t gpadl;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_gpadl_teardown) == 16);

struct vmb_msg_gpadl_torndown {
    struct vmb_msg_header header;
    uint32_t gpadl;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_gpadl_torndown) == 12);

struct vmb_msg_contact {
    struct vmb_msg_header header;
    uint32_t version;
    uint32_t target_vp;
    /*
     * Below 5.0 the interrupt page's address; from 5.0: SINT in bits 0..7,
     * VTL in bits 8..15, feature flags (6.0) in bits 32..63.
     */
    uint64_t interrupt_page;
    uint64_t monitor_to_guest; /* both or neither */
    uint64_t monitor_to_host;
    uint8_t client_id[16]; /* only with feature 0x8 */
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_contact) == 56);
#define VMB_CONTACT_BYTES_SHORT 40u
VMB_WIRE_ASSERT(offsetof(struct vmb_msg_contact, client_id) ==
                VMB_CONTACT_BYTES_SHORT);

struct vmb_msg_version_response {
    struct vmb_msg_header header;
    uint8_t supported;
    uint8_t state; /* 0: connected */
    uint16_t padding;
    uint32_t connection_id; /* from 5.0; older hosts echo the version here */
    uint32_t features;      /* from 6.0 */
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_version_response) == 20);
#define VMB_VERSION_RESPONSE_BYTES_MIN 10u /* up to and with state */

struct vmb_msg_modify {
    struct vmb_msg_header header;
    uint32_t relid;
    uint32_t target_vp;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_modify) == 16);

struct vmb_msg_modify_response {
    struct vmb_msg_header header;
    uint32_t relid;
    uint32_t status;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_msg_modify_response) == 16);

/* Any message, as it stands in a buffer of the size of the largest. */
union vmb_message {
    struct vmb_msg_header header;
    struct vmb_msg_offer offer;
    struct vmb_msg_relid relid;
    struct vmb_msg_open open;
    struct vmb_msg_open_result open_result;
    struct vmb_msg_gpadl_header gpadl_header;
    struct vmb_msg_gpadl_body gpadl_body;
    struct vmb_msg_gpadl_created gpadl_created;
    struct vmb_msg_gpadl_teardown gpadl_teardown;
    struct vmb_msg_gpadl_torndown gpadl_torndown;
    struct vmb_msg_contact contact;
    struct vmb_msg_version_response version_response;
    struct vmb_msg_modify modify;
    struct vmb_msg_modify_response modify_response;
    uint8_t bytes[VMB_MESSAGE_BYTES];
};
VMB_WIRE_ASSERT(sizeof(union vmb_message) == VMB_MESSAGE_BYTES);

#endif
