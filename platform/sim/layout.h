/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SIM_LAYOUT_H
#define VMB_SIM_LAYOUT_H
/*
 * The wire as the host sees it: byte offsets, written down a second time and
 * deliberately not shared with <vmb/wire/...>.  Sources: TLFS for the
 * hypervisor's part, OpenVMM's vmbus_core/protocol.rs and vmbus_ring for the
 * rest; what is QEMU's alone says so.
 */
#include <stdint.h>

/* Registers, x86 numbers (TLFS, appendix on synthetic MSRs). */
enum {
    REG_TSC = 0x10,
    REG_GUEST_OS_ID = 0x40000000,
    REG_HYPERCALL = 0x40000001,
    REG_VP_INDEX = 0x40000002,
    REG_TIME = 0x40000020,
    REG_REF_TSC = 0x40000021,
    REG_SCONTROL = 0x40000080,
    REG_SVERSION = 0x40000081,
    REG_SIEFP = 0x40000082,
    REG_SIMP = 0x40000083,
    REG_EOM = 0x40000084,
    REG_SINT0 = 0x40000090
};

#define SINT_VECTOR   0xffu
#define SINT_MASKED   (1u << 16)
#define SINT_AUTO_EOI (1u << 17)
#define SINT_POLLING  (1u << 18)
#define VMBUS_SINT    2u

/* Leaf 0x40000003 (TLFS, feature identification). */
#define PRIV_TIME         (1u << 1)
#define PRIV_SYNIC        (1u << 2)
#define PRIV_HYPERCALL    (1u << 5)
#define PRIV_VP_INDEX     (1u << 6)
#define PRIV_REF_TSC      (1u << 9)
#define PRIV_POST         (1u << 4) /* ebx */
#define PRIV_SIGNAL       (1u << 5) /* ebx */
#define PRIV_ISOLATION    (1u << 22)
#define FEAT_FREQUENCY    (1u << 8)  /* edx */
#define FEAT_SINT_POLLING (1u << 17) /* edx */
#define HINT_NO_AEOI      (1u << 9)  /* leaf 0x40000004 eax */

/* Hypercalls and their status codes. */
#define CALL_POST         0x5cu
#define CALL_SIGNAL       0x5du
#define CALL_FAST         (1u << 16)
#define HV_BAD_CODE       0x02u
#define HV_BAD_INPUT      0x03u
#define HV_BAD_ALIGNMENT  0x04u
#define HV_BAD_PARAMETER  0x05u
#define HV_ACCESS_DENIED  0x06u
#define HV_NO_MEMORY      0x0bu
#define HV_BAD_PORT       0x11u
#define HV_BAD_CONNECTION 0x12u
#define HV_NO_BUFFERS     0x13u
#define HV_TIMEOUT        0x78u

enum {
    POST_ID = 0,
    POST_TYPE = 8,
    POST_SIZE = 12,
    POST_DATA = 16
};
#define MESSAGE_MAX 240u

/* One of sixteen slots on the message page. */
enum {
    SLOT_TYPE = 0,
    SLOT_LEN = 4,
    SLOT_FLAGS = 5,
    SLOT_ID = 8
};
#define SLOT_DATA    16u
#define SLOT_BYTES   256u
#define SLOT_PENDING 1u

/* Event ids below the channels' own. */
#define EVENT_ID_SHARED 2u

/* Control message numbers. */
enum {
    MSG_OFFER = 1,
    MSG_RESCIND = 2,
    MSG_REQUEST_OFFERS = 3,
    MSG_ALL_OFFERS = 4,
    MSG_OPEN = 5,
    MSG_OPEN_RESULT = 6,
    MSG_CLOSE = 7,
    MSG_GPADL_HEADER = 8,
    MSG_GPADL_BODY = 9,
    MSG_GPADL_CREATED = 10,
    MSG_GPADL_TEARDOWN = 11,
    MSG_GPADL_TORNDOWN = 12,
    MSG_RELEASED = 13,
    MSG_CONTACT = 14,
    MSG_VERSION = 15,
    MSG_UNLOAD = 16,
    MSG_UNLOADED = 17,
    MSG_TL_CONNECT = 21,
    MSG_MODIFY = 22,
    MSG_TL_RESULT = 23,
    MSG_MODIFIED = 24,
    MSG_LAST = 29
};

/* All offsets below count the 8-byte message header. */
enum {
    CHAN_ID = 8
}; /* first word of every message about a channel */
enum {
    CONTACT_VERSION = 8,
    CONTACT_VP = 12,
    CONTACT_PAGE = 16, /* interrupt page, or target info from 5.0 on */
    CONTACT_P2C = 24,
    CONTACT_C2P = 32,
    CONTACT_LEN = 40,
    CONTACT2_LEN = 56
};
enum {
    VERSION_SUPPORTED = 8,
    VERSION_STATE = 9,
    VERSION_VALUE = 12,
    VERSION_LEN = 16,
    VERSION_FEATURES = 16,
    VERSION_LEN_6 = 20
};
enum {
    OFFER_TYPE = 8,
    OFFER_INSTANCE = 24,
    OFFER_FLAGS = 56,
    OFFER_MMIO = 58,
    OFFER_USER = 60,
    OFFER_SUB = 180,
    OFFER_RELID = 184,
    OFFER_MONITOR = 188,
    OFFER_MONITORED = 189,
    OFFER_DEDICATED = 190,
    OFFER_CONNECTION = 192,
    OFFER_LEN = 196
};
enum {
    OPEN_ID = 12,
    OPEN_GPADL = 16,
    OPEN_VP = 20,
    OPEN_SPLIT = 24,
    OPEN_USER = 28,
    OPEN_LEN = 148,
    OPEN_CONNECTION = 148,
    OPEN_FLAG = 152,
    OPEN2_LEN = 156
};
enum {
    GPADL_ID = 12,
    GPADL_LEN = 16,
    GPADL_COUNT = 18,
    GPADL_VALUES = 20,
    BODY_ID = 12,
    BODY_VALUES = 16
};
#define USER_BYTES         120u
#define VP_NO_INTERRUPT    0xffffffffu
#define STATUS_FAILED      0x8000ffffu /* E_UNEXPECTED, OpenVMM */
#define STATUS_UNREACHABLE 0xc0000236u
#define STATE_FAILED       2u /* version response: FAILED_UNKNOWN_FAILURE */

#define VERSION_0_13 0x0000000du
#define VERSION_1_1  0x00010001u
#define VERSION_2_4  0x00020004u
#define VERSION_3_0  0x00030000u
#define VERSION_4_0  0x00040000u
#define VERSION_4_1  0x00040001u
#define VERSION_5_0  0x00050000u
#define VERSION_5_1  0x00050001u
#define VERSION_5_2  0x00050002u
#define VERSION_5_3  0x00050003u
#define VERSION_6_0  0x00060000u

#define FEATURE_SIGNAL_PARAMETERS 0x01u
#define FEATURE_REDIRECTION       0x02u
#define FEATURE_CLIENT_ID         0x08u

/* Monitor page: four groups of {pending, armed}. */
#define MONITOR_GROUPS 8u
#define MONITOR_COUNT  128u

/* Ring packets. */
#define RING_DATA      4096u
#define PKT_HEADER     16u
#define PKT_TRAILER    8u
#define PKT_INBAND     6u
#define PKT_XFER       7u
#define PKT_GPA_DIRECT 9u
#define PKT_COMPLETION 11u
#define PKT_WANT       1u /* flags: completion requested */

#endif
