/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* From the callbacks of the channel below to the client's. */
#include "internal.h"

static VMBCHANNEL of(struct vmb_channel *channel)
{
    return (VMBCHANNEL)(void *)channel;
}

static void tell(struct vmb_channel *channel, VOID (*callback)(VMBCHANNEL))
{
    if (callback)
        callback(of(channel));
}

/* The record keeps what exactly the client said. */
static enum vmb_status opened(struct vmb_channel *channel)
{
    VMBCHANNEL own = of(channel);
    NTSTATUS status = STATUS_SUCCESS;

    if (own->state_change.EvtChannelOpened)
        status = own->state_change.EvtChannelOpened(own);
    if (NT_SUCCESS(status))
        return VMB_OK;
    vmb_kmcl_record(own->device, "EvtChannelOpened", status);
    return VMB_E_CANCELLED;
}

static void started(struct vmb_channel *channel)
{
    tell(channel, of(channel)->state_change.EvtChannelStarted);
}

static void post_started(struct vmb_channel *channel)
{
    tell(channel, of(channel)->state_change.EvtChannelPostStarted);
}

static void suspend(struct vmb_channel *channel)
{
    tell(channel, of(channel)->state_change.EvtChannelSuspend);
}

static void closed(struct vmb_channel *channel)
{
    tell(channel, of(channel)->state_change.EvtChannelClosed);
}

static void open_failed(struct vmb_channel *channel, enum vmb_status status)
{
    if (of(channel)->pnp_failure)
        of(channel)->pnp_failure(of(channel), vmb_kmcl_status(status));
}

static void process_packet(struct vmb_channel *channel,
                           struct vmb_packet_completion *packet,
                           const void *buffer, uint32_t bytes, uint32_t flags)
{
    VMBCHANNEL own = of(channel);
    PVOID data = (PVOID)(uintptr_t)buffer; /* the packet's own copy */
    struct vmb_kmcl_incoming *head =
        vmb_channel_packet_get_client_context(packet);
    uint32_t level = vmb_channel_packet_may_defer(packet);

    head->channel = own;
    own->device->dispatch_ += level;
    if (own->process_packet)
        own->process_packet(own, packet, data, bytes, flags);
    else if (own->process_packet_ex)
        own->process_packet_ex(own, packet, data, bytes, flags,
                               own->process_context);
    else
        VmbChannelPacketComplete(packet, NULL, 0);
    own->device->dispatch_ -= level;
}

static void processing_complete(struct vmb_channel *channel, uint32_t packets)
{
    VMBCHANNEL own = of(channel);

    own->device->dispatch_++;
    if (own->processing_complete)
        own->processing_complete(own, packets);
    else if (own->processing_complete_ex)
        own->processing_complete_ex(own, packets, own->process_context);
    own->device->dispatch_--;
}

const struct vmb_channel_callbacks vmb_kmcl_callbacks = {
    opened, started,     post_started,   suspend,
    closed, open_failed, process_packet, processing_complete
};
