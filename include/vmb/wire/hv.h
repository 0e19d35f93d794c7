/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_WIRE_HV_H
#define VMB_WIRE_HV_H
/*
 * The hypervisor's own layouts and numbers: nothing but constants, structures
 * and asserts.  "TLFS" is Microsoft's Hypervisor Top Level Functional
 * Specification, 6.0b.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define VMB_WIRE_ASSERT(what) static_assert(what, #what)
#else
#define VMB_WIRE_ASSERT(what) _Static_assert(what, #what)
#endif

/* CPUID leaves: TLFS 2.4, "Hypervisor CPUID leaf range". */
#define VMB_CPUID_FEATURES   0x00000001u /* ecx bit 31: under a hypervisor */
#define VMB_CPUID_VENDOR     0x40000000u /* eax: highest leaf */
#define VMB_CPUID_INTERFACE  0x40000001u /* eax: "Hv#1" */
#define VMB_CPUID_VERSION    0x40000002u /* eax: build, ebx: major.minor */
#define VMB_CPUID_PRIVILEGES 0x40000003u
#define VMB_CPUID_HINTS      0x40000004u
#define VMB_CPUID_ISOLATION  0x4000000cu /* there with VMB_PRIV_ISOLATION */

#define VMB_HV_PRESENT     (1u << 31)
#define VMB_HV_SIGNATURE   0x31237648u /* "Hv#1" */
#define VMB_HV_LEAF_NEEDED 0x40000005u /* TLFS 2.4.1: at least this one */

/*
 * Partition privileges, leaf 3: eax in the low half, ebx in the high half.
 * OpenVMM lets guests post and signal without setting these two bits.
 */
#define VMB_PRIV_REF_COUNTER   (1ull << 1)
#define VMB_PRIV_SYNIC         (1ull << 2)
#define VMB_PRIV_HYPERCALL     (1ull << 5)
#define VMB_PRIV_VP_INDEX      (1ull << 6)
#define VMB_PRIV_REF_TSC       (1ull << 9)
#define VMB_PRIV_POST_MESSAGES (1ull << 36)
#define VMB_PRIV_SIGNAL_EVENTS (1ull << 37)
#define VMB_PRIV_ISOLATION     (1ull << 54) /* says that it has a type */

/*
 * Isolation leaf, ebx: type of confidential VM; 0: none.  Not in the TLFS;
 * source: OpenVMM hvdef, struct HvIsolationConfiguration; Linux reads it so,
 * too.
 */
#define VMB_ISOLATION_TYPE 0xfu

/* Leaf 3 edx and leaf 4 eax. */
#define VMB_FEATURE_SINT_POLLING (1u << 17) /* SINT bit 18 is understood */
#define VMB_HINT_NO_AUTO_EOI     (1u << 9)

/* Registers, by their x86 MSR numbers: TLFS appendix C. */
#define VMB_REG_TSC         0x00000010u
#define VMB_REG_GUEST_OS_ID 0x40000000u
#define VMB_REG_HYPERCALL   0x40000001u
#define VMB_REG_VP_INDEX    0x40000002u
#define VMB_REG_REF_COUNT   0x40000020u /* 100 ns */
#define VMB_REG_REF_TSC     0x40000021u
#define VMB_REG_SCONTROL    0x40000080u
#define VMB_REG_SIEFP       0x40000082u
#define VMB_REG_SIMP        0x40000083u
#define VMB_REG_EOM         0x40000084u
#define VMB_REG_SINT0       0x40000090u

#define VMB_REG_ENABLE    1ull /* hypercall, TSC page, SIEFP, SIMP */
#define VMB_REG_PAGE_BITS (~0xfffull | VMB_REG_ENABLE)
#define VMB_SINT_MASKED   (1ull << 16)
#define VMB_SINT_AUTO_EOI (1ull << 17)
#define VMB_SINT_POLLING  (1ull << 18)
#define VMB_SINT_BITS     0x700ffull /* vector and the three above */
#define VMB_SINT_VMBUS    2u         /* where every host delivers VMBus */

/* Guest OS id, TLFS 2.6: bit 63 marks an open-source guest. */
#define VMB_OS_ID_OPEN_SOURCE (1ull << 63)

/* Hypercalls, TLFS 3: code in bits 0..15, bit 16 for the register form. */
#define VMB_HVCALL_POST_MESSAGE 0x005cu
#define VMB_HVCALL_SIGNAL_EVENT 0x005du
#define VMB_HVCALL_FAST         (1ull << 16)

#define VMB_HV_STATUS_MASK                  0xffffu
#define VMB_HV_STATUS_SUCCESS               0x00u
#define VMB_HV_STATUS_INSUFFICIENT_MEMORY   0x0bu
#define VMB_HV_STATUS_INVALID_CONNECTION_ID 0x12u
#define VMB_HV_STATUS_INSUFFICIENT_BUFFERS  0x13u
#define VMB_HV_STATUS_TIMEOUT               0x78u

#define VMB_MESSAGE_BYTES 240u /* payload of one SynIC message, TLFS 11.8 */
#define VMB_MESSAGE_VMBUS 1u   /* its type; observed on every host */

/* Input of HvPostMessage, TLFS 11.11.4. */
struct vmb_post_input {
    uint32_t connection_id;
    uint32_t reserved;
    uint32_t message_type;
    uint32_t payload_bytes;
    uint8_t payload[VMB_MESSAGE_BYTES];
};
VMB_WIRE_ASSERT(sizeof(struct vmb_post_input) == 256);

/* One slot of the message page (SIMP), TLFS 11.8: 16 slots, one per SINT. */
struct vmb_message_slot {
    uint32_t type; /* 0: empty.  The guest writes 0 to take the next one. */
    uint8_t payload_bytes;
    uint8_t flags;
    uint16_t reserved;
    uint64_t sender;
    uint8_t payload[VMB_MESSAGE_BYTES];
};
VMB_WIRE_ASSERT(sizeof(struct vmb_message_slot) == 256);
VMB_WIRE_ASSERT(offsetof(struct vmb_message_slot, payload) == 16);
#define VMB_MESSAGE_PENDING 1u /* flags: another waits for our EOM */

/* Event flags page (SIEFP), TLFS 11.9: 2048 flags for each of 16 SINTs. */
#define VMB_EVENT_FLAGS 2048u
struct vmb_event_flags {
    uint64_t words[VMB_EVENT_FLAGS / 64];
};
VMB_WIRE_ASSERT(sizeof(struct vmb_event_flags) == 256);

/* Reference TSC page, TLFS 12.7.  sequence 0: use the counter register. */
struct vmb_tsc_page {
    uint32_t sequence;
    uint32_t reserved;
    uint64_t scale;
    int64_t offset;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_tsc_page) == 24);

/* Monitor page, TLFS 11.10; the latency table is at 0x240. */
#define VMB_MONITOR_GROUPS 4u
struct vmb_monitor_page {
    uint32_t trigger_state;
    uint32_t reserved;
    struct {
        uint32_t pending;
        uint32_t armed;
    } group[VMB_MONITOR_GROUPS];
    uint8_t reserved2[0x240 - 40];
    uint16_t latency[VMB_MONITOR_GROUPS][32]; /* 100 ns */
};
VMB_WIRE_ASSERT(sizeof(struct vmb_monitor_page) == 0x340);
VMB_WIRE_ASSERT(offsetof(struct vmb_monitor_page, group) == 8);
VMB_WIRE_ASSERT(offsetof(struct vmb_monitor_page, latency) == 0x240);

#endif
