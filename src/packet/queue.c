/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Everything that goes out passes one queue: packets, and the completions of
 * incoming ones, in the order of the calls.
 *
 *   send, complete ---> queue_ (in order, each with copies of its own)
 *          \               |  vmb_queue_drain(): room came
 *           \              v
 *            +--------> the ring ---> in_ring_ (waits for the host)
 *         nothing queued          \-> done_    (its routine is to be called)
 *
 * Nothing overtakes: with a queue that is not empty a send goes to its end
 * without a look at the ring.  The ring's wish for room is always that of the
 * first that found none, for nothing is tried behind it.  One exception: see
 * vmb_queue_drain().
 */
#include "internal.h"

void vmb_list_append(struct vmb_channel_list *list, struct vmb_queued *item)
{
    item->next_ = NULL;
    item->previous_ = list->last_;
    if (list->last_)
        list->last_->next_ = item;
    else
        list->first_ = item;
    list->last_ = item;
}

void vmb_list_remove(struct vmb_channel_list *list, struct vmb_queued *item)
{
    if (item->previous_)
        item->previous_->next_ = item->next_;
    else
        list->first_ = item->next_;
    if (item->next_)
        item->next_->previous_ = item->previous_;
    else
        list->last_ = item->previous_;
}

static bool is_packet(const struct vmb_queued *item)
{
    return item->kind_ != VMB_COMPLETION;
}

static struct vmb_packet *packet_of(struct vmb_queued *item)
{
    return (struct vmb_packet *)(void *)item;
}

static struct vmb_packet_completion *incoming_of(struct vmb_queued *item)
{
    return (struct vmb_packet_completion *)(void *)item;
}

static void done(struct vmb_channel *channel, struct vmb_queued *item,
                 enum vmb_status status)
{
    packet_of(item)->status_ = status;
    item->state_ = VMB_PACKET_DONE;
    vmb_list_append(&channel->done_, item);
}

/* It is in the ring, or too big for it: who waits for what now? */
static void settled(struct vmb_channel *channel, struct vmb_queued *item,
                    enum vmb_status status)
{
    if (!is_packet(item)) {
        vmb_incoming_free(incoming_of(item));
        return;
    }
    if (item->want_reply_ && status == VMB_OK) {
        item->state_ = VMB_PACKET_IN_RING;
        vmb_list_append(&channel->in_ring_, item);
        return;
    }
    done(channel, item, status);
}

/*
 * During a batch packets are staged, and shown to the host at its end.  No
 * transaction free (VMB_E_NOSLOT) is like no room: the completion that frees
 * one comes through vmb_channel_process(), which drains the queue.
 */
static enum vmb_status put(struct vmb_channel *channel)
{
    return channel->batch_ ? vmb_chan_stage(&channel->chan_, &channel->out_)
                           : vmb_chan_send(&channel->chan_, &channel->out_);
}

/* Statuses that say something of the channel, not of the packet. */
static bool is_deadly(enum vmb_status status)
{
    return status < VMB_OK && status != VMB_E_ARG && status != VMB_E_TOOBIG &&
           status != VMB_E_LANE;
}

enum vmb_status vmb_queue_put(struct vmb_channel *channel,
                              struct vmb_queued *item)
{
    enum vmb_status status;

    if (channel->queue_.first_ || !vmb_channel_flows(channel))
        return VMB_AGAIN;
    status = put(channel);
    if (status == VMB_OK)
        settled(channel, item, status);
    if (status == VMB_E_NOSLOT)
        return VMB_AGAIN;
    if (is_deadly(status))
        vmb_channel_died(channel, status);
    return status;
}

void vmb_queue_describe(struct vmb_channel *channel, struct vmb_queued *item,
                        const void *payload, size_t bytes)
{
    channel->iov_[0].base = payload;
    channel->iov_[0].len = bytes;
    channel->out_.kind = (enum vmb_kind)item->kind_;
    channel->out_.iov = channel->iov_;
    channel->out_.iov_count = 1;
    channel->out_.want_reply = item->want_reply_;
    channel->out_.user = item;
    channel->out_.reply_to = item->reply_to_;
    channel->out_.mdl = item->mdl_;
    channel->out_.mdl_offset = 0;
    channel->out_.mdl_length = 0;
}

/*
 * At most what is queued now: routines do not run in here.  Without a
 * transaction for a request its place is kept, and completions go past it:
 * they hold the objects without which no answer is read that would free one.
 */
void vmb_queue_drain(struct vmb_channel *channel)
{
    struct vmb_queued *item, *next;
    enum vmb_status status;
    bool slotless = false;

    for (item = channel->queue_.first_; item; item = next) {
        next = item->next_;
        if (slotless && is_packet(item))
            continue;
        vmb_queue_describe(channel, item, item->inline_, item->inline_bytes_);
        status = put(channel);
        if (status == VMB_E_NOSLOT) {
            slotless = true;
            continue;
        }
        /* TOOBIG: a packet made for larger rings. */
        if (status != VMB_OK && status != VMB_E_TOOBIG) {
            vmb_channel_died(channel, status);
            return;
        }
        vmb_list_remove(&channel->queue_, item);
        settled(channel, item, status);
    }
}

/* Idle before its routine runs, so that it may be sent again from there. */
void vmb_packet_finish(struct vmb_packet *packet, enum vmb_status status)
{
    struct vmb_channel *channel = packet->channel_;
    uint8_t inside = channel->inside_;
    uint32_t bytes = packet->reply_bytes_;

    packet->reply_bytes_ = 0;
    packet->queued_.state_ = VMB_PACKET_IDLE;
    channel->inside_ = VMB_INSIDE_PACKETS;
    packet->routine_(packet, status, bytes ? packet->queued_.inline_ : NULL,
                     bytes);
    channel->inside_ = inside;
}

/*
 * Call the routines of what is done now; what they send and is done at once
 * waits for the next time, or a routine that sends its packet again would
 * keep us here for ever.
 */
void vmb_queue_done(struct vmb_channel *channel)
{
    struct vmb_queued *last = channel->done_.last_, *item;

    while (last) {
        item = channel->done_.first_;
        vmb_list_remove(&channel->done_, item);
        if (item == last)
            last = NULL;
        vmb_packet_finish(packet_of(item), packet_of(item)->status_);
    }
}

/* Everything that is not done comes back with this status; what the host sent
 * and nobody has seen goes. */
void vmb_queue_cancel(struct vmb_channel *channel, enum vmb_status status)
{
    struct vmb_channel_list *const lists[] = { &channel->in_ring_,
                                               &channel->queue_,
                                               &channel->parked_ };
    struct vmb_queued *item;
    uint32_t i;

    for (i = 0; i < 3; i++)
        while ((item = lists[i]->first_) != NULL) {
            vmb_list_remove(lists[i], item);
            if (!is_packet(item)) {
                vmb_incoming_free(incoming_of(item));
                continue;
            }
            done(channel, item, status);
        }
    vmb_queue_done(channel);
}
