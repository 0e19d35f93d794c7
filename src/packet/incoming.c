/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

void vmb_incoming_free(struct vmb_packet_completion *packet)
{
    struct vmb_channel *channel = packet->channel;

    packet->state = VMB_INCOMING_FREE;
    vmb_free_push(&channel->free_incoming_, &packet->queued_);
    channel->unread_ |= channel->starved_;
}

/* One delivered packet less, which may be what the quota, or a pause or a
 * close, waits for. */
static void returned(struct vmb_packet_completion *packet)
{
    struct vmb_channel *channel = packet->channel;

    channel->delivered_--;
    channel->unread_ |=
        channel->blocked_ | (channel->state_ == VMB_CHANNEL_SUSPENDED);
    channel->blocked_ = false;
    packet->process_level = false;
}

/* The answer waits in the packet's own buffer, where its source may lie. */
static void hold(struct vmb_packet_completion *packet, const void *buffer,
                 uint32_t bytes)
{
    if (bytes)
        __builtin_memmove(packet->queued_.inline_, buffer, bytes);
    packet->queued_.iov_[1].base = packet->queued_.inline_;
    packet->state = VMB_INCOMING_QUEUED;
    packet->channel->unread_ = true; /* it may pass what it queues behind */
    vmb_list_append(&packet->channel->queue_, &packet->queued_);
}

static void answer(struct vmb_packet_completion *packet, const void *buffer,
                   uint32_t bytes)
{
    if (!packet->answer_wanted || packet->channel->dead_ != VMB_OK ||
        !vmb_channel_flows(packet->channel)) {
        vmb_incoming_free(packet);
        return;
    }
    packet->queued_.iov_[1].base = buffer;
    packet->queued_.iov_[1].len = bytes;
    switch (vmb_queue_put(packet->channel, &packet->queued_)) {
    case VMB_OK:
        break;
    case VMB_AGAIN:
        hold(packet, buffer, bytes);
        break;
    default: /* dead: nobody waits for it any more */
        vmb_incoming_free(packet);
        break;
    }
}

static enum vmb_status complete(struct vmb_packet_completion *packet,
                                const void *buffer, uint32_t bytes)
{
    if (packet->state != VMB_INCOMING_DELIVERED)
        return VMB_E_STATE;
    if (bytes && !buffer)
        return VMB_E_ARG;
    if (bytes > packet->queued_.inline_cap_)
        return VMB_E_TOOBIG;
    returned(packet);
    answer(packet, buffer, bytes);
    return VMB_OK;
}

enum vmb_status
vmb_channel_packet_complete(struct vmb_packet_completion *packet,
                            const void *buffer, uint32_t bytes)
{
    enum vmb_status status;

    if (!vmb_channel_enter(packet->channel))
        return VMB_E_LANE;
    status = complete(packet, buffer, bytes);
    vmb_channel_leave(packet->channel);
    return status;
}

bool vmb_channel_packet_may_defer(const struct vmb_packet_completion *packet)
{
    return packet->process_level;
}

/* Those behind it wait, for it is the first of the parked ones again. */
enum vmb_status
vmb_channel_packet_defer_to_passive(struct vmb_packet_completion *packet)
{
    if (!vmb_channel_packet_may_defer(packet))
        return VMB_E_STATE;
    returned(packet);
    packet->passive = true;
    packet->state = VMB_INCOMING_PARKED;
    vmb_list_prepend(&packet->channel->parked_, &packet->queued_);
    return VMB_OK;
}

static void fail(struct vmb_packet_completion *packet)
{
    struct vmb_channel *channel = packet->channel;

    channel->failed_ = true;
    channel->fault_.status = VMB_E_CANCELLED;
    channel->fault_.site = VMB_SITE_PACKET_FAILED;
    channel->fault_.got = packet->queued_.out_.reply_to;
    returned(packet);
    vmb_incoming_free(packet);
}

enum vmb_status vmb_channel_packet_fail(struct vmb_packet_completion *packet)
{
    if (!vmb_channel_enter(packet->channel))
        return VMB_E_LANE;
    if (packet->state != VMB_INCOMING_DELIVERED) {
        vmb_channel_leave(packet->channel);
        return VMB_E_STATE;
    }
    fail(packet);
    vmb_channel_leave(packet->channel);
    return VMB_OK;
}

enum vmb_status
vmb_channel_packet_get_range(const struct vmb_packet_completion *packet,
                             uint32_t index, uint16_t *page_set,
                             uint32_t *offset, uint32_t *bytes)
{
    if (index >= packet->range_count)
        return VMB_E_ARG;
    *page_set = packet->page_set;
    *offset = (uint32_t)(packet->ranges[index] >> 32);
    *bytes = (uint32_t)packet->ranges[index];
    return VMB_OK;
}

uint32_t
vmb_channel_packet_range_count(const struct vmb_packet_completion *packet)
{
    return packet->range_count;
}

void *
vmb_channel_packet_get_client_context(struct vmb_packet_completion *packet)
{
    return packet->context;
}
