/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A request and its answer, for callers that wait.  The packet is one of the
 * channel's own, so that a request given up leaves nothing of the caller's
 * behind but external memory, and that is counted.
 */
#include "internal.h"

static void answered(struct vmb_packet *packet, enum vmb_status status,
                     const void *buffer, uint32_t bytes)
{
    struct vmb_request *request = packet->pointer_;
    uint32_t take = bytes < request->room ? bytes : request->room;

    if (take)
        __builtin_memcpy(request->reply, buffer, take);
    request->bytes = take;
    request->needed = bytes;
    if (take < bytes)
        status = VMB_E_TOOBIG;
    request->status_ = status;
    request->packet_ = NULL;
    (void)(vmb_packet_free(packet) == VMB_OK);
}

/* The host is done with a request that nobody waits for any more. */
void vmb_request_absorb(struct vmb_packet *packet, enum vmb_status status,
                        const void *buffer, uint32_t bytes)
{
    (void)status;
    (void)buffer;
    (void)bytes;
    packet->channel_->abandoned_--;
    (void)(vmb_packet_free(packet) == VMB_OK);
}

static enum vmb_status start(struct vmb_request *request,
                             struct vmb_packet *packet, const void *buffer,
                             uint32_t bytes, const struct vmb_mdl *mdl,
                             uint32_t flags)
{
    enum vmb_status status;

    packet->routine_ = answered;
    packet->pointer_ = request;
    request->packet_ = packet;
    status = vmb_packet_send(packet, buffer, bytes, mdl,
                             flags & ~VMB_REQUEST_DO_NOT_QUEUE);
    if (status == VMB_OK && flags & VMB_REQUEST_DO_NOT_QUEUE &&
        request->packet_ && packet->queued_.state_ == VMB_PACKET_QUEUED) {
        vmb_list_remove(&packet->queued_);
        packet->queued_.state_ = VMB_PACKET_IDLE;
        status = VMB_AGAIN;
    }
    if (status != VMB_OK)
        (void)(vmb_packet_free(packet) == VMB_OK);
    return status;
}

enum vmb_status vmb_channel_request_start(struct vmb_channel *channel,
                                          struct vmb_request *request,
                                          const void *buffer, uint32_t bytes,
                                          const struct vmb_mdl *mdl,
                                          uint32_t flags)
{
    enum vmb_status status = VMB_E_NOSLOT;
    struct vmb_packet *packet;

    request->packet_ = NULL;
    request->status_ = VMB_AGAIN;
    request->bytes = 0;
    request->needed = 0;
    if (request->room && !request->reply)
        status = VMB_E_ARG;
    else if ((packet = vmb_packet_allocate(channel)) != NULL)
        status = start(request, packet, buffer, bytes, mdl, flags);
    if (status == VMB_OK)
        return VMB_OK;
    request->packet_ = NULL;
    request->status_ = VMB_E_STATE;
    return status;
}

enum vmb_status vmb_channel_request_status(const struct vmb_request *request)
{
    return request->status_;
}

/* Queued, the host has not seen it: the packet is free at once. */
static void abandon(struct vmb_packet *packet)
{
    struct vmb_channel *channel = packet->channel_;
    bool queued = packet->queued_.state_ == VMB_PACKET_QUEUED;

    packet->routine_ = vmb_request_absorb;
    channel->abandoned_++;
    if (!queued)
        return;
    channel->unread_ = true; /* for what is behind it */
    vmb_list_remove(&packet->queued_);
    vmb_packet_finish(packet, VMB_E_CANCELLED);
}

enum vmb_status vmb_channel_request_abandon(struct vmb_request *request)
{
    struct vmb_packet *packet = request->packet_;
    struct vmb_channel *channel;

    if (!packet)
        return VMB_E_STATE;
    channel = packet->channel_;
    if (!vmb_channel_enter(channel))
        return VMB_E_LANE;
    abandon(packet);
    request->packet_ = NULL;
    request->status_ = VMB_E_CANCELLED;
    vmb_channel_leave(channel);
    return VMB_OK;
}

uint32_t vmb_channel_abandoned(const struct vmb_channel *channel)
{
    return channel->abandoned_;
}
