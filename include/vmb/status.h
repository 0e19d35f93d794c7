/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_STATUS_H
#define VMB_STATUS_H
/*
 * What a call can answer, and the record it leaves when something is wrong.
 *
 * Sign is meaning: negative failed, zero done, positive "not yet".  Values are
 * part of the ABI; new ones are only ever appended to a family.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus) && __cplusplus >= 201703L
#define VMB_NODISCARD [[nodiscard]]
#elif defined(__GNUC__)
#define VMB_NODISCARD __attribute__((warn_unused_result))
#else
#define VMB_NODISCARD
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum vmb_status {
    VMB_OK = 0,
    VMB_AGAIN = 1, /* ring full, nothing received, or a reply is pending */

    /* The caller asked for something impossible. */
    VMB_E_ARG = -1,
    VMB_E_STATE = -2,     /* not in a state that allows this call */
    VMB_E_TOOBIG = -3,    /* can never fit, however long you wait */
    VMB_E_LANE = -4,      /* check builds: two callers in one lane */
    VMB_E_CANCELLED = -5, /* the caller took it back before it was done */

    /* The caller's storage ran out. */
    VMB_E_NOSLOT = -10, /* offer, transaction or page table is full */

    /* This machine cannot do it. */
    VMB_E_NOHV = -20,      /* not under Hyper-V or a work-alike */
    VMB_E_NOFEATURE = -21, /* a feature or privilege bit is missing */
    VMB_E_VERSION = -22,   /* no protocol version in common */
    VMB_E_OWNED = -23,     /* someone else owns the hypervisor interface */

    /* The host answered no, or did not answer. */
    VMB_E_REFUSED = -30,   /* the host's own status is in host_code */
    VMB_E_RESCINDED = -31, /* the offer is gone: close and forget */
    VMB_E_TIMEOUT = -32,
    VMB_E_HYPERCALL = -33, /* the hypercall's status is in host_code */

    /* The host broke the protocol: the object is dead until closed. */
    VMB_E_HOST = -40,

    /* Reserved: we broke our own invariant.  Check builds trap instead. */
    VMB_E_BUG = -50
};

/*
 * Every check that can fail on data from outside has a site: the number in a
 * bug report that names the line of reasoning, not the line of source.  The
 * comment says what .got and .limit hold.
 */
#define VMB_SITES(X)                                                           \
    X(NONE, "no fault")                                                        \
    /* hv */                                                                   \
    X(HV_PRESENT, "hypervisor interface signature")   /* leaf / needed */      \
    X(HV_PRIVILEGE, "hypervisor privileges")          /* have / needed */      \
    X(HV_OWNER, "guest OS id already set")            /* id found / 0 */       \
    X(HV_ISOLATED, "isolated (confidential) VM")      /* its type / 0 */       \
    X(HV_REGISTER, "register did not take the value") /* read / written */     \
    X(HV_HYPERCALL, "hypercall status")               /* status / 0 */         \
    X(HV_CLOCK, "no reference clock") /* privileges / needed */                \
    /* control messages */                                                     \
    X(MSG_TYPE, "SynIC message type")                /* type / 1 */            \
    X(MSG_SIZE, "control message too long")          /* bytes / 240 */         \
    X(MSG_SHORT, "control message too short")        /* bytes / needed */      \
    X(MSG_UNKNOWN, "control message number")         /* number / highest */    \
    X(MSG_STRAY, "answer to nothing we asked")       /* id / message number */ \
    X(OFFER_DUPLICATE, "relid offered twice")        /* relid / 0 */           \
    X(OFFER_RELID, "relid out of range")             /* relid / highest */     \
    X(OFFER_TABLE, "offer table is full")            /* relid / capacity */    \
    X(OFFER_MONITOR, "monitor id out of range")      /* id / 127 */            \
    X(VERSION_NONE, "no version in common")          /* last tried / floor */  \
    X(VERSION_CONN_ID, "message connection id")      /* bytes / 0 */           \
    X(CONTACT_STATE, "connection state refused")     /* state / 0 */           \
    X(REPLY_DEADLINE, "no answer in time")           /* waited / allowed */    \
    X(POST_DEADLINE, "message not accepted in time") /* status / allowed */    \
    X(GPADL_STATUS, "GPADL refused")                 /* status / 0 */          \
    X(OPEN_STATUS, "open refused")                   /* status / 0 */          \
    X(MODIFY_STATUS, "modify refused")               /* status / 0 */          \
    X(RESCIND, "offer rescinded")                    /* relid / 0 */           \
    X(UNLOADED, "connection gone")                   /* relid / 0 */           \
    /* rings */                                                                \
    X(TX_READ_RANGE, "host read index out of range")    /* index / size */     \
    X(TX_READ_ALIGN, "host read index not 8-aligned")   /* index / 8 */        \
    X(TX_READ_BACK, "host read more than was sent")     /* moved / used */     \
    X(RX_WRITE_RANGE, "host write index out of range")  /* index / size */     \
    X(RX_WRITE_ALIGN, "host write index not 8-aligned") /* index / 8 */        \
    X(RX_WRITE_BACK, "host write index went back")      /* now / before */     \
    X(RX_HEADER, "less than a descriptor in the ring")  /* bytes / 24 */       \
    X(RX_TYPE, "packet type")                           /* type / 0 */         \
    X(RX_OFFSET, "packet data offset")                  /* qwords / length */  \
    X(RX_LENGTH, "packet longer than the ring holds")   /* bytes / held */     \
    X(RX_RANGES, "transfer page count")                 /* count / room */     \
    X(RX_XID, "completion of no live transaction")      /* id / slots */       \
    /* callers */                                                              \
    X(ARG, "argument") /* value / bound */                                     \
    /* client channels */                                                      \
    X(PACKET_SIZE,                                                             \
      "incoming packet too long for its object") /* bytes / room */            \
    X(PACKET_RANGES,                                                           \
      "too many transfer pages for an object")     /* count / room */          \
    X(PACKET_PIPE, "pipe header")                  /* type or bytes / bound */ \
    X(PACKET_FAILED, "the client failed a packet") /* its id / 0 */            \
    /* storvsc */                                                              \
    X(STORVSC_SHORT, "storage packet too short")       /* bytes / needed */    \
    X(STORVSC_OPERATION, "storage packet's operation") /* found / due */       \
    X(STORVSC_BYTES, "more bytes moved than asked")    /* moved / asked */     \
    X(STORVSC_SENSE, "more sense than there is room")  /* bytes / room */      \
    X(STORVSC_VERSION, "no storage version in common") /* NTSTATUS / 0 */      \
    X(STORVSC_STATUS, "storage controller refused")    /* NTSTATUS / 0 */

enum vmb_site {
#define VMB_SITE_ENUM_(name, text) VMB_SITE_##name,
    VMB_SITES(VMB_SITE_ENUM_)
#undef VMB_SITE_ENUM_
    VMB_SITE_COUNT
};

/* The first thing that went wrong with an object; kept until it restarts. */
struct vmb_fault {
    enum vmb_status status; /* VMB_OK: nothing did */
    uint16_t site;          /* enum vmb_site: which check */
    uint32_t host_code;     /* NTSTATUS or hypercall status, else 0 */
    uint64_t got;           /* the offending value ... */
    uint64_t limit;         /* ... and its bound; per site, see VMB_SITES */
};

/* Never NULL; for a value outside the enum, "unknown".  [any] */
const char *vmb_status_str(enum vmb_status status);

/* One line for people: what was checked.  Never NULL.  [any] */
const char *vmb_site_str(uint16_t site);

#ifdef __cplusplus
}
#endif
#endif
