/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_PACKET_INTERNAL_H
#define VMB_SRC_PACKET_INTERNAL_H
/*
 * What the files of a client channel share:
 *
 *   list.h      lists of what goes out and comes in
 *   memory.c    how a channel is to be, and where in its memory it lies
 *   settings.c  what is set and asked for while it lives
 *   object.c    packet objects
 *   submit.c    the sends
 *   queue.c     one queue for all that goes out; completion routines
 *   process.c   out of the ring, deliver, completions of what was sent
 *   incoming.c  complete, fail, defer
 *   life.c      enable .. disable, and the state callbacks
 *   gpadls.c    GPADLs, and those that were forgotten
 *   request.c   synchronous requests
 *   latency.c   the word in the monitor page
 */
#include <vmb/packet.h>

#include "../lane.h"
#include "list.h"

/* Which callback of a channel runs.  From OPENED on: state callbacks. */
enum vmb_inside {
    VMB_INSIDE_NOTHING = 0,
    VMB_INSIDE_PACKETS, /* process_packet, completion routines */
    VMB_INSIDE_OPENED,
    VMB_INSIDE_STARTED,
    VMB_INSIDE_POST_STARTED,
    VMB_INSIDE_SUSPEND,
    VMB_INSIDE_CLOSED,
    VMB_INSIDE_OPEN_FAILED
};

/* An incoming packet; context, ranges and buffer follow in memory. */
struct vmb_packet_completion {
    struct vmb_queued queued_; /* first: found again from a list */
    struct vmb_channel *channel;
    uint64_t *ranges;
    void *context;
    uint32_t bytes, range_count;
    uint16_t page_set;
    uint8_t state;      /* enum vmb_incoming */
    bool answer_wanted; /* by the host */
    bool passive;       /* deliver from vmb_channel_poll() only */
    bool process_level; /* being delivered in process(): may be deferred */
};

enum vmb_incoming {
    VMB_INCOMING_FREE = 0,
    VMB_INCOMING_PARKED,
    VMB_INCOMING_DELIVERED,
    VMB_INCOMING_QUEUED /* its completion waits for room */
};

#define VMB_PIPE_HEADER_BYTES 8u
#define VMB_PIPE_DATA         1u /* source: mu_msvm, OpenVMM */

/* Inside a callback its caller has entered the lane. */
static inline bool vmb_channel_enter(struct vmb_channel *channel)
{
    return channel->inside_ || vmb_lane_enter(&channel->lane_);
}

static inline void vmb_channel_leave(struct vmb_channel *channel)
{
    if (!channel->inside_)
        vmb_lane_leave(&channel->lane_);
}

static inline bool vmb_channel_in_state_callback(const struct vmb_channel *c)
{
    return c->inside_ >= VMB_INSIDE_OPENED;
}

/* Do packets of ours go into the ring, and the host's come out? */
static inline bool vmb_channel_flows(const struct vmb_channel *channel)
{
    return channel->state_ == VMB_CHANNEL_PAUSED ||
           channel->state_ == VMB_CHANNEL_ACTIVE ||
           channel->state_ == VMB_CHANNEL_SUSPENDED;
}

static inline uint32_t vmb_pipe_bytes(const struct vmb_channel *channel)
{
    return channel->cfg_.pipe ? VMB_PIPE_HEADER_BYTES : 0;
}

/* memory.c */
struct vmb_packet *vmb_memory_packet(struct vmb_channel *channel, void *memory);

/* queue.c */
/* During a batch packets are staged, and shown to the host at its end. */
static inline enum vmb_status vmb_queue_try(struct vmb_channel *channel,
                                            const struct vmb_queued *item)
{
    if (!channel->batch_)
        return vmb_chan_send(&channel->chan_, &item->out_);
    channel->staged_ = true;
    return vmb_chan_stage(&channel->chan_, &item->out_);
}
/* What becomes of it: in a list, or done with.  VMB_AGAIN: to be queued. */
enum vmb_status vmb_queue_tried(struct vmb_channel *channel,
                                struct vmb_queued *item,
                                enum vmb_status status);
/* Send item->out_.  VMB_AGAIN: it has to be queued. */
enum vmb_status vmb_queue_put(struct vmb_channel *channel,
                              struct vmb_queued *item);
void vmb_queue_drain(struct vmb_channel *channel);
void vmb_queue_done(struct vmb_channel *channel);
void vmb_queue_cancel(struct vmb_channel *channel, enum vmb_status status);
void vmb_packet_finish(struct vmb_packet *packet, enum vmb_status status);

/* incoming.c */
void vmb_incoming_free(struct vmb_packet_completion *packet);

/* process.c: a batch; passive: from vmb_channel_poll() */
bool vmb_process_batch(struct vmb_channel *channel, uint32_t budget,
                       bool passive);

/* life.c */
void vmb_channel_died(struct vmb_channel *channel, enum vmb_status status);
void vmb_channel_broken(struct vmb_channel *channel, enum vmb_site site,
                        uint64_t got, uint64_t limit);

/* gpadls.c: what the client has not deleted.  take_down(): true: all are down;
 * with disable_wanted_ those that the host did not let go of are asked for once
 * more. */
bool vmb_gpadls_take_down(struct vmb_channel *channel);
enum vmb_status vmb_gpadls_status(const struct vmb_channel *channel);

/* request.c: the request behind a packet is given up */
void vmb_request_absorb(struct vmb_packet *packet, enum vmb_status status,
                        const void *buffer, uint32_t bytes);

#endif
