/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_KMCL_INTERNAL_H
#define VMB_SRC_KMCL_INTERNAL_H
/*
 * What the files of Microsoft's names share:
 *
 *   arena.c        pages of the device's memory, first fit
 *   lookaside.c    objects of one size in such pages
 *   nt_status.c    statuses of ours as NTSTATUS; the record of misuse
 *   device.c       the device, its turn, the interface
 *   allocation.c   a channel object: allocate, clean up
 *   init_set.c     everything that is set before it is enabled
 *   enable.c       the life cycle
 *   events.c       from callbacks of ours to the client's
 *   packet_send.c  packet objects and sends
 *   packet_in.c    incoming packets
 *   gpadl_handle.c GPADLs by their number
 *   synchronous.c  requests that are waited for
 *
 * Nothing of the channel below is touched but through public calls.
 */
#include <vmb/kmcl.h>

/* Objects of one size, cut out of pages of the arena; those given back are kept
 * for the next time.  The first word of an object is the list's. */
struct vmb_lookaside {
    void *free_;
    void *chunks_;
    uint32_t bytes; /* of an object, a multiple of 8 */
    uint32_t out;   /* objects that somebody has */
};

struct vmb_kmcl_gpadl {
    void *link_;
    struct vmb_kmcl_gpadl *next;
    UINT32 handle; /* 0: the host never took it */
    struct vmb_channel_gpadl gpadl;
};

struct vmb_kmcl_packet { /* inline context and struct vmb_packet follow */
    void *link_;
    struct vmb_packet *packet;
    VMBCHANNEL channel; /* NULL: freed */
    PFN_VMB_PACKET_COMPLETION_ROUTINE routine;
    PFN_VMB_PACKET_COMPLETION_ROUTINE_EX routine_ex;
    PVOID context, pointer;
    bool pooled; /* from VmbPacketAllocate() */
};

/* What stands before the client's own context in an incoming packet. */
struct vmb_kmcl_incoming {
    VMBCHANNEL channel;
};

struct vmb_kmcl_channel {
    struct vmb_channel channel; /* first: found again in callbacks */
    PDEVICE_OBJECT device;
    VMBCHANNEL next;
    struct vmb_channel_cfg cfg;
    struct vmb_guid type, instance;
    char name[VMB_CHANNEL_NAME_BYTES];
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS state_change;
    PFN_VMB_CHANNEL_PNP_FAILURE pnp_failure;
    PFN_VMB_CHANNEL_PROCESS_PACKET process_packet;
    PFN_VMB_CHANNEL_PROCESSING_COMPLETE processing_complete;
    PFN_VMB_CHANNEL_PROCESS_PACKET_EX process_packet_ex;
    PFN_VMB_CHANNEL_PROCESSING_COMPLETE_EX processing_complete_ex;
    PVOID process_context;
    PVOID pointer;
    uint32_t turn;           /* of the device, in which it was polled last */
    uint32_t inline_context; /* bytes in each packet */
    uint32_t packet_count;   /* of VmbPacketAllocate(); 0: as the arena has */
    bool placed;             /* in memory of the client's */
    bool laid_out;           /* cfg is what the channel below has */
    bool has_target;
    bool auto_pause; /* comes up paused */
    struct vmb_lookaside packets, gpadl_objects;
    struct vmb_kmcl_gpadl *gpadls;
};

/* arena.c */
bool vmb_arena_init(struct vmb_kmcl_arena *arena, void *memory, uint32_t pages);
void *vmb_arena_take(struct vmb_kmcl_arena *arena, size_t bytes);
bool vmb_arena_give(struct vmb_kmcl_arena *arena, void *memory);

/* lookaside.c; take() NULL: no room */
void *vmb_lookaside_take(struct vmb_lookaside *list,
                         struct vmb_kmcl_arena *arena);
void vmb_lookaside_give(struct vmb_lookaside *list, void *object);
/* All pages back; nothing may be out. */
void vmb_lookaside_drop(struct vmb_lookaside *list,
                        struct vmb_kmcl_arena *arena);

/* nt_status.c */
NTSTATUS vmb_kmcl_packet_status(enum vmb_status status);
void vmb_kmcl_record(PDEVICE_OBJECT device, const char *function,
                     NTSTATUS status);

/* allocation.c: make the channel below what cfg says, unless it is. */
NTSTATUS vmb_kmcl_lay_out(VMBCHANNEL channel);

/* events.c */
extern const struct vmb_channel_callbacks vmb_kmcl_callbacks;

/* gpadl_handle.c: what the host has let go of; true: nothing else is left */
bool vmb_kmcl_gpadls_reclaim(VMBCHANNEL channel);

/* Neither enabled, nor on its way down, nor in a callback that says so. */
static inline bool vmb_kmcl_is_disabled(const struct vmb_kmcl_channel *channel)
{
    return vmb_channel_disable_status(&channel->channel) == VMB_OK &&
           !vmb_channel_is_inside(&channel->channel);
}

/* No place to wait in; a channel that was cleaned up is none either. */
static inline bool vmb_kmcl_at_dispatch(const struct vmb_kmcl_channel *channel)
{
    return !channel->device || channel->device->dispatch_ > 0;
}

#endif
