/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What the host sends.
 *
 *   the ring ---> a completion: its packet's routine, at once
 *            \--> anything else: copied into a free object, parked_
 *                                    |  active, quota free
 *                                    v
 *                              process_packet ... complete ---> queue.c
 *
 * Completions of our own requests pass those that the quota, a pause or a
 * deferral holds back, as long as there are objects to park the latter in.
 * Without one left the ring is not read on, for nobody knows what the next
 * packet is before it is taken out.
 */
#include "../layout.h"
#include "internal.h"

/* In pipe mode the true length stands before the data. */
static bool strip_pipe(struct vmb_packet_completion *in)
{
    const uint32_t *header = in->queued_.inline_;
    uint32_t bytes = in->bytes;

    if (!vmb_pipe_bytes(in->channel))
        return true;
    if (bytes < VMB_PIPE_HEADER_BYTES || header[0] != VMB_PIPE_DATA) {
        vmb_channel_broken(in->channel, VMB_SITE_PACKET_PIPE,
                           bytes < VMB_PIPE_HEADER_BYTES ? bytes : header[0],
                           VMB_PIPE_DATA);
        return false;
    }
    in->bytes = header[1];
    if (in->bytes <= bytes - VMB_PIPE_HEADER_BYTES)
        return true;
    vmb_channel_broken(in->channel, VMB_SITE_PACKET_PIPE, in->bytes,
                       bytes - VMB_PIPE_HEADER_BYTES);
    return false;
}

static bool take_ranges(struct vmb_packet_completion *in)
{
    struct vmb_channel *channel = in->channel;
    const struct vmb_rx *rx = &channel->rx_;
    uint32_t i, offset = 0, bytes = 0;

    in->page_set = rx->page_set;
    in->range_count = rx->range_count;
    if (rx->range_count > channel->cfg_.incoming_ranges) {
        vmb_channel_broken(channel, VMB_SITE_PACKET_RANGES, rx->range_count,
                           channel->cfg_.incoming_ranges);
        return false;
    }
    for (i = 0; i < rx->range_count; i++) {
        if (vmb_rx_range(&channel->chan_, rx, i, &offset, &bytes) != VMB_OK)
            return false;
        in->ranges[i] = (uint64_t)offset << 32 | bytes;
    }
    return true;
}

/* Copy a packet out of the ring.  False: the channel is dead. */
VMB_APART static bool take_data(struct vmb_channel *channel)
{
    const struct vmb_rx *rx = &channel->rx_;
    struct vmb_packet_completion *in = (void *)channel->free_incoming_;
    uint32_t room =
        ((channel->cfg_.incoming_bytes + 7) & ~7u) + vmb_pipe_bytes(channel);

    if (rx->len > room) {
        vmb_channel_broken(channel, VMB_SITE_PACKET_SIZE, rx->len, room);
        return false;
    }
    in->bytes =
        vmb_rx_copy(&channel->chan_, rx, 0, in->queued_.inline_, rx->len);
    if (in->bytes != rx->len || !take_ranges(in) || !strip_pipe(in))
        return false;
    vmb_free_pop(&channel->free_incoming_);
    in->answer_wanted = rx->want_reply;
    in->queued_.out_.reply_to = rx->xid;
    in->passive = false;
    in->state = VMB_INCOMING_PARKED;
    vmb_list_append(&channel->parked_, &in->queued_);
    return true;
}

/*
 * The slot's user is the packet: the channel below has checked the id.  False:
 * the channel died under the copy, and its close finishes the packet.
 */
static bool take_completion(struct vmb_channel *channel)
{
    const struct vmb_rx *rx = &channel->rx_;
    struct vmb_packet *packet = rx->user;
    /* On the wire a packet of the longest is rounded up. */
    uint32_t room = (packet->queued_.inline_cap_ + 7) & ~7u;
    uint32_t bytes = rx->len < room ? rx->len : room;

    if (vmb_rx_copy(&channel->chan_, rx, 0, packet->queued_.inline_, bytes) !=
        bytes)
        return false;
    vmb_list_remove(&packet->queued_);
    packet->queued_.state_ = VMB_PACKET_IDLE;
    packet->routine_(packet, rx->len > room ? VMB_E_TOOBIG : VMB_OK,
                     bytes ? packet->queued_.inline_ : NULL, bytes);
    return true;
}

/* May the first of the parked packets go to the client, from anywhere? */
VMB_APART static bool is_due(struct vmb_channel *channel)
{
    if (channel->failed_ || channel->blocked_ ||
        channel->state_ != VMB_CHANNEL_ACTIVE)
        return false;
    /* From now on raising the quota alone does not help: KMCL's rule. */
    channel->blocked_ = channel->delivered_ >= channel->cfg_.quota;
    return !channel->blocked_;
}

static bool is_passive(const struct vmb_channel *channel,
                       const struct vmb_packet_completion *in)
{
    return in->passive || channel->cfg_.at_passive;
}

static bool is_due_here(struct vmb_channel *channel, bool passive)
{
    return is_due(channel) &&
           is_passive(channel, (void *)vmb_list_first(&channel->parked_)) ==
               passive;
}

VMB_APART static void deliver(struct vmb_channel *channel)
{
    struct vmb_packet_completion *in =
        (void *)vmb_list_first(&channel->parked_);
    const uint8_t *buffer = in->queued_.inline_;
    bool passive = is_passive(channel, in);

    vmb_list_remove(&in->queued_);
    channel->delivered_++;
    in->state = VMB_INCOMING_DELIVERED;
    in->process_level = !passive;
    if (!channel->cfg_.callbacks.process_packet) {
        /* Nobody listens: answered with nothing, so that no host waits. */
        (void)(vmb_channel_packet_complete(in, NULL, 0) == VMB_OK);
        return;
    }
    channel->cfg_.callbacks.process_packet(
        channel, in, buffer + vmb_pipe_bytes(channel), in->bytes,
        in->range_count ? VMB_PROCESS_PACKET_EXTERNAL_DATA : 0);
    /* The object may be free and in use again: then it is parked, or being
     * delivered, in a later turn of this loop. */
    in->process_level = false;
}

/*
 * Take one packet out of the ring.  VMB_AGAIN: it is empty.  VMB_E_NOSLOT: no
 * object is free for what the next packet may be.
 */
static enum vmb_status take(struct vmb_channel *channel)
{
    enum vmb_status status;

    if (!channel->free_incoming_) {
        channel->starved_ = true;
        return VMB_E_NOSLOT;
    }
    status = vmb_chan_recv(&channel->chan_, &channel->rx_);
    if (status < VMB_OK)
        vmb_channel_died(channel, status);
    if (status != VMB_OK)
        return status;
    return (channel->rx_.kind == VMB_COMPLETION ? take_completion(channel)
                                                : take_data(channel))
               ? VMB_OK
               : VMB_E_HOST;
}

/*
 * Turns are bounded by what may be delivered and by the transactions there
 * are: a host cannot keep us here.
 */
static enum vmb_status take_and_deliver(struct vmb_channel *channel,
                                        uint32_t budget, bool passive,
                                        uint32_t *delivered)
{
    uint64_t turns =
        (uint64_t)budget + channel->cfg_.transactions + channel->cfg_.incoming;
    enum vmb_status status = VMB_OK;

    while (status == VMB_OK && turns--) {
        if (!vmb_list_is_empty(&channel->parked_) && *delivered < budget &&
            is_due_here(channel, passive)) {
            deliver(channel);
            ++*delivered;
            continue;
        }
        /* From the poll only what is parked is delivered. */
        status = passive ? VMB_E_NOSLOT : take(channel);
    }
    return status;
}

/* Free room, with at most one signal; then what waited for it. */
static void end_batch(struct vmb_channel *channel, uint32_t delivered)
{
    if (delivered && channel->cfg_.callbacks.processing_complete)
        channel->cfg_.callbacks.processing_complete(channel, delivered);
    if (channel->dead_ != VMB_OK)
        return;
    vmb_channel_died(channel, vmb_chan_release(&channel->chan_));
    if (!vmb_list_is_empty(&channel->queue_))
        vmb_queue_drain(channel);
    if (!vmb_list_is_empty(&channel->done_))
        vmb_queue_done(channel);
    if (channel->staged_)
        vmb_channel_died(channel, vmb_chan_flush(&channel->chan_));
}

/* True: call again. */
bool vmb_process_batch(struct vmb_channel *channel, uint32_t budget,
                       bool passive)
{
    uint8_t inside = channel->inside_;
    uint32_t delivered = 0;
    enum vmb_status status;
    bool more;

    channel->inside_ = VMB_INSIDE_PACKETS;
    channel->batch_ = true;
    channel->staged_ = false;
    status = take_and_deliver(channel, budget, passive, &delivered);
    end_batch(channel, delivered);
    channel->batch_ = false;
    channel->inside_ = inside;
    if (channel->dead_ != VMB_OK)
        return false;
    more = !vmb_list_is_empty(&channel->done_) || channel->unread_ ||
           (!vmb_list_is_empty(&channel->parked_) && is_due(channel));
    if (status == VMB_AGAIN)
        return vmb_chan_arm(&channel->chan_) || more;
    /* Nobody receives until a packet is back: no look may be left for that. */
    if (VMB_PLAIN_PAYS)
        vmb_channel_died(channel, vmb_chan_release(&channel->chan_));
    return more || status == VMB_OK;
}

static enum vmb_status process(struct vmb_channel *channel, uint32_t budget)
{
    if (channel->inside_ != VMB_INSIDE_NOTHING &&
        channel->inside_ != VMB_INSIDE_POST_STARTED)
        return VMB_E_STATE;
    if (!vmb_channel_flows(channel))
        return VMB_E_STATE;
    if (channel->dead_ != VMB_OK)
        return channel->dead_;
    channel->unread_ = false;
    channel->starved_ = false;
    if (vmb_process_batch(channel, budget, false))
        return VMB_AGAIN;
    return channel->dead_;
}

enum vmb_status vmb_channel_process(struct vmb_channel *channel,
                                    uint32_t budget)
{
    enum vmb_status status;

    if (!vmb_channel_enter(channel))
        return VMB_E_LANE;
    status = process(channel, budget);
    vmb_channel_leave(channel);
    return status;
}
