/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_KMCL_H
#define VMB_TESTS_SIM_KMCL_H
/*
 * A device for clients of kmcl.h on the rig, and a client that writes down what
 * it hears, in the letters of client.h.
 */
#include <vmb/kmcl.h>

#include "client.h"

#define KMCL_ARENA 512u /* pages */
#define KMCL_HELD  16u

struct kmcl {
    struct rig *rig;
    struct vmb_sim_dev *dev;
    struct vmb_kmcl_device_cfg cfg;
    struct vmb_kmcl_device device;
    uint32_t free_pages;
    VMBCHANNEL channel, other; /* the second is a test's own */
    /* What happened. */
    char events[CLIENT_EVENTS + 1];
    uint32_t count;
    uint32_t packets, dones;
    NTSTATUS last_status;
    UINT32 last_bytes, last_flags;
    uint8_t last[8192];
    /* What to do. */
    NTSTATUS opened_status;
    bool hold;
    VMBPACKETCOMPLETION held[KMCL_HELD];
    uint32_t held_count;
    void (*on)(struct kmcl *k, enum client_event event);
    void (*on_packet)(struct kmcl *k, VMBPACKETCOMPLETION packet, PVOID buffer,
                      UINT32 bytes);
};

/* A connection, a test device and a KMCL device whose channels open it. */
void kmcl_make(struct kmcl *k, const struct rig_cfg *cfg);
/* A channel of k->device, not enabled, with all callbacks. */
void kmcl_add_channel(struct kmcl *k);
/* Both. */
void kmcl_allocate(struct kmcl *k, const struct rig_cfg *cfg);
/* The same, enabled and running. */
void kmcl_up(struct kmcl *k, const struct rig_cfg *cfg);
/* Disable, clean up; all memory is back, nothing was misused.  And the rig. */
void kmcl_down(struct kmcl *k);
/* The last alone, for tests that have no channel left. */
void kmcl_end(struct kmcl *k);
/* One VOID function was refused with this status since the last call. */
void kmcl_expect_misuse(struct kmcl *k, const char *function, NTSTATUS status);

EVT_VMB_CHANNEL_PROCESS_PACKET kmcl_process_packet;
EVT_VMB_CHANNEL_PROCESSING_COMPLETE kmcl_processing_complete;
EVT_VMB_CHANNEL_PNP_FAILURE kmcl_pnp_failure;
EVT_VMB_PACKET_COMPLETION_ROUTINE kmcl_done;
VMB_CHANNEL_STATE_CHANGE_CALLBACKS kmcl_state_change(void);

/* Every function that sets something is called and answers this. */
void kmcl_set_everything(struct kmcl *k, NTSTATUS expected);

/* A packet with the routine above. */
VMBPACKET kmcl_packet(struct kmcl *k);
/* Send a request of the test device's, which is to succeed. */
void kmcl_send(struct kmcl *k, VMBPACKET packet, uint32_t op, uint32_t count,
               uint32_t bytes, UINT32 flags);

void kmcl_turn(struct kmcl *k);
/* Until nothing moves any more. */
void kmcl_settle(struct kmcl *k);

#define KMCL_UNTIL(k, expression)                \
    do {                                         \
        uint32_t turns_ = 0;                     \
                                                 \
        while (!(expression)) {                  \
            if (turns_++ > RIG_TURNS)            \
                rig_hang((k)->rig, #expression); \
            kmcl_turn(k);                        \
        }                                        \
    } while (0)

#endif
