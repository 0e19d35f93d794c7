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

static bool is_packet(const struct vmb_queued *item)
{
    return item->out_.kind != VMB_COMPLETION;
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
    if (item->out_.want_reply && status == VMB_OK) {
        item->state_ = VMB_PACKET_IN_RING;
        vmb_list_append(&channel->in_ring_, item);
        return;
    }
    done(channel, item, status);
}

/* Statuses that say something of the channel, not of the packet. */
static bool is_deadly(enum vmb_status status)
{
    return status < VMB_OK && status != VMB_E_ARG && status != VMB_E_TOOBIG;
}

/* No transaction free (VMB_E_NOSLOT) is like no room: the completion that
 * frees one comes through vmb_channel_process(), which drains the queue. */
enum vmb_status vmb_queue_tried(struct vmb_channel *channel,
                                struct vmb_queued *item, enum vmb_status status)
{
    if (status == VMB_OK)
        settled(channel, item, status);
    if (status == VMB_E_NOSLOT)
        return VMB_AGAIN;
    if (is_deadly(status))
        vmb_channel_died(channel, status);
    return status;
}

enum vmb_status vmb_queue_put(struct vmb_channel *channel,
                              struct vmb_queued *item)
{
    if (!vmb_list_is_empty(&channel->queue_) || !vmb_channel_flows(channel))
        return VMB_AGAIN;
    return vmb_queue_tried(channel, item, vmb_queue_try(channel, item));
}

/*
 * At most what is queued now: routines do not run in here.  Without a
 * transaction for a request its place is kept, and completions go past it:
 * they hold the objects without which no answer is read that would free one.
 */
void vmb_queue_drain(struct vmb_channel *channel)
{
    struct vmb_channel_list *at, *next;
    struct vmb_queued *item;
    enum vmb_status status;
    bool slotless = false;

    for (at = channel->queue_.first_; at != &channel->queue_; at = next) {
        next = at->first_;
        item = (struct vmb_queued *)(void *)at;
        if (slotless && is_packet(item))
            continue;
        status = vmb_queue_try(channel, item);
        if (status == VMB_E_NOSLOT) {
            slotless = true;
            continue;
        }
        /* TOOBIG: a packet made for larger rings. */
        if (status != VMB_OK && status != VMB_E_TOOBIG) {
            vmb_channel_died(channel, status);
            return;
        }
        vmb_list_remove(item);
        settled(channel, item, status);
    }
}

/* Idle before its routine runs, so that it may be sent again from there. */
void vmb_packet_finish(struct vmb_packet *packet, enum vmb_status status)
{
    struct vmb_channel *channel = packet->channel_;
    uint8_t inside = channel->inside_;

    packet->queued_.state_ = VMB_PACKET_IDLE;
    channel->inside_ = VMB_INSIDE_PACKETS;
    packet->routine_(packet, status, NULL, 0);
    channel->inside_ = inside;
}

/*
 * Call the routines of what is done now; what they send and is done at once
 * waits for the next time, or a routine that sends its packet again would
 * keep us here for ever.
 */
void vmb_queue_done(struct vmb_channel *channel)
{
    struct vmb_channel_list *last = channel->done_.last_;
    struct vmb_queued *item;
    bool more = !vmb_list_is_empty(&channel->done_);

    while (more) {
        item = vmb_list_first(&channel->done_);
        vmb_list_remove(item);
        more = &item->link_ != last;
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
        while (!vmb_list_is_empty(lists[i])) {
            item = vmb_list_first(lists[i]);
            vmb_list_remove(item);
            if (!is_packet(item)) {
                vmb_incoming_free(incoming_of(item));
                continue;
            }
            done(channel, item, status);
        }
    vmb_queue_done(channel);
}
