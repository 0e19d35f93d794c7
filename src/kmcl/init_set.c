/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Everything that is set while the channel is disabled goes into cfg; the
 * channel below is made of it at its first use, and again after a change.
 */
#include "internal.h"

/* False: not now.  Otherwise what is set takes effect at the next use. */
static bool begin(VMBCHANNEL channel)
{
    if (!channel || !channel->device || !vmb_kmcl_is_disabled(channel))
        return false;
    channel->laid_out = false;
    return true;
}

/* The same for what packet objects are made for: none may be out.  Those that
 * the client placed keep the sizes they have. */
static bool begin_resize(VMBCHANNEL channel)
{
    if (!channel || channel->packets.out > 0 || !begin(channel))
        return false;
    vmb_lookaside_drop(&channel->packets, &channel->device->arena_);
    return true;
}

NTSTATUS VmbChannelInitSetClientContextSize(VMBCHANNEL Channel,
                                            UINT32 ContextSize)
{
    if (!begin(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (ContextSize > INT32_MAX)
        return STATUS_INVALID_PARAMETER_2;
    Channel->cfg.context_bytes =
        ContextSize + (uint32_t)sizeof(struct vmb_kmcl_incoming);
    return STATUS_SUCCESS;
}

/* A packet is made with a pipe's header, or without one. */
NTSTATUS VmbChannelInitSetFlags(VMBCHANNEL Channel, UINT32 Flags)
{
    if (!begin_resize(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (Flags & ~VMBUS_CHANNEL_INIT_FLAGS)
        return STATUS_INVALID_PARAMETER_2;
    Channel->cfg.pipe = Flags & VMBUS_CHANNEL_INIT_FLAG_IS_PIPE;
    return STATUS_SUCCESS;
}

/* Copied: what it has of ASCII, the rest as question marks. */
NTSTATUS VmbChannelInitSetFriendlyName(VMBCHANNEL Channel,
                                       PCUNICODE_STRING Name)
{
    size_t length, i;

    if (!begin(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (!Name || (Name->Length && !Name->Buffer))
        return STATUS_INVALID_PARAMETER_2;
    length = Name->Length / sizeof(WCHAR);
    for (i = 0; i < length && i < sizeof Channel->name - 1; i++)
        Channel->name[i] = Name->Buffer[i] > 0 && Name->Buffer[i] < 0x7f
                               ? (char)Name->Buffer[i]
                               : '?';
    Channel->name[i] = 0;
    Channel->cfg.name = Channel->name;
    return STATUS_SUCCESS;
}

/* An incoming chain is transfer pages here. */
NTSTATUS VmbChannelInitSetMaximumExternalData(VMBCHANNEL Channel,
                                              UINT32 DataSize,
                                              UINT32 ChainLength)
{
    if (!begin_resize(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (DataSize == 0)
        return STATUS_INVALID_PARAMETER_2;
    if (ChainLength == 0)
        return STATUS_INVALID_PARAMETER_3;
    Channel->cfg.external_bytes = DataSize;
    Channel->cfg.external_mdls = ChainLength;
    Channel->cfg.incoming_ranges = ChainLength;
    return STATUS_SUCCESS;
}

NTSTATUS VmbChannelInitSetMaximumPacketSize(VMBCHANNEL Channel,
                                            UINT32 PacketSize)
{
    if (!begin_resize(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (PacketSize == 0)
        return STATUS_INVALID_PARAMETER_2;
    Channel->cfg.packet_bytes = PacketSize;
    return STATUS_SUCCESS;
}

NTSTATUS VmbChannelInitSetMaximumPacketCount(VMBCHANNEL Channel,
                                             UINT32 PacketCount)
{
    if (!begin(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (PacketCount == 0 || PacketCount > UINT16_MAX)
        return STATUS_INVALID_PARAMETER_2;
    Channel->packet_count = PacketCount;
    Channel->cfg.transactions = PacketCount;
    return STATUS_SUCCESS;
}

NTSTATUS VmbChannelInitSetInlinePacketContextSize(VMBCHANNEL Channel,
                                                  UINT32 ContextSize)
{
    if (!begin_resize(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (ContextSize > INT32_MAX)
        return STATUS_INVALID_PARAMETER_2;
    Channel->inline_context = (ContextSize + 7) & ~7u;
    return STATUS_SUCCESS;
}

NTSTATUS VmbClientChannelInitSetRingBufferPageCount(VMBCHANNEL Channel,
                                                    UINT32 IncomingPageCount,
                                                    UINT32 OutgoingPageCount)
{
    if (!begin(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (IncomingPageCount == 0)
        return STATUS_INVALID_PARAMETER_2;
    if (OutgoingPageCount == 0)
        return STATUS_INVALID_PARAMETER_3;
    Channel->cfg.rx_pages = IncomingPageCount;
    Channel->cfg.tx_pages = OutgoingPageCount;
    return STATUS_SUCCESS;
}

/* ---- Target -------------------------------------------------------------- */

NTSTATUS
VmbClientChannelInitSetTargetPnp(VMBCHANNEL Channel, LPCGUID InterfaceType,
                                 LPCGUID InterfaceInstance,
                                 PFN_VMB_CHANNEL_PNP_FAILURE PnpFailureCallback)
{
    if (!begin(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (!InterfaceType)
        return STATUS_INVALID_PARAMETER_2;
    __builtin_memcpy(&Channel->type, InterfaceType, sizeof Channel->type);
    Channel->cfg.instance = NULL;
    if (InterfaceInstance) {
        __builtin_memcpy(&Channel->instance, InterfaceInstance,
                         sizeof Channel->instance);
        Channel->cfg.instance = &Channel->instance;
    }
    Channel->cfg.primary = NULL;
    Channel->cfg.subchannel = 0;
    Channel->has_target = true;
    Channel->pnp_failure = PnpFailureCallback;
    return STATUS_SUCCESS;
}

NTSTATUS VmbChannelInitSetPrimaryChannel(VMBCHANNEL Channel,
                                         VMBCHANNEL PrimaryChannel,
                                         UINT16 SubChannelIndex)
{
    if (!begin(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (!PrimaryChannel || PrimaryChannel == Channel)
        return STATUS_INVALID_PARAMETER_2;
    if (SubChannelIndex == 0)
        return STATUS_INVALID_PARAMETER_3;
    Channel->cfg.primary = &PrimaryChannel->channel;
    Channel->cfg.subchannel = SubChannelIndex;
    Channel->has_target = true;
    return STATUS_SUCCESS;
}

NTSTATUS VmbClientChannelInitSetTargetProcessorIndex(VMBCHANNEL Channel,
                                                     UINT32 ProcessorIndex)
{
    if (!begin(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (ProcessorIndex >= Channel->device->cfg_.cpu_count)
        return STATUS_INVALID_PARAMETER_2;
    Channel->cfg.cpu = Channel->device->cfg_.cpus[ProcessorIndex];
    return STATUS_SUCCESS;
}

/* ---- Callbacks: those of the channel below stay as they are -------------- */

NTSTATUS VmbChannelInitSetStateChangeCallbacks(
    VMBCHANNEL Channel,
    PVMB_CHANNEL_STATE_CHANGE_CALLBACKS StateChangeCallbacks)
{
    if (!begin(Channel))
        return STATUS_INVALID_PARAMETER_1;
    if (!StateChangeCallbacks ||
        StateChangeCallbacks->Version !=
            VMB_CHANNEL_STATE_CHANGE_CALLBACKS_VERSION ||
        StateChangeCallbacks->Size != sizeof *StateChangeCallbacks)
        return STATUS_INVALID_PARAMETER_2;
    Channel->state_change = *StateChangeCallbacks;
    return STATUS_SUCCESS;
}

NTSTATUS VmbChannelInitSetProcessPacketCallbacks(
    VMBCHANNEL Channel, PFN_VMB_CHANNEL_PROCESS_PACKET ProcessPacketCallback,
    PFN_VMB_CHANNEL_PROCESSING_COMPLETE ProcessingCompleteCallback)
{
    if (!begin(Channel))
        return STATUS_INVALID_PARAMETER_1;
    Channel->process_packet = ProcessPacketCallback;
    Channel->processing_complete = ProcessingCompleteCallback;
    Channel->process_packet_ex = NULL;
    Channel->processing_complete_ex = NULL;
    return STATUS_SUCCESS;
}

NTSTATUS VmbChannelInitSetProcessPacketCallbacksEx(
    VMBCHANNEL Channel, PFN_VMB_CHANNEL_PROCESS_PACKET_EX ProcessPacketCallback,
    PFN_VMB_CHANNEL_PROCESSING_COMPLETE_EX ProcessingCompleteCallback,
    PVOID Context)
{
    if (!begin(Channel))
        return STATUS_INVALID_PARAMETER_1;
    Channel->process_packet_ex = ProcessPacketCallback;
    Channel->processing_complete_ex = ProcessingCompleteCallback;
    Channel->process_context = Context;
    Channel->process_packet = NULL;
    Channel->processing_complete = NULL;
    return STATUS_SUCCESS;
}
