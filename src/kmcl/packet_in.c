/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

static VMBCHANNEL channel_of(VMBPACKETCOMPLETION packet)
{
    const struct vmb_kmcl_incoming *head =
        vmb_channel_packet_get_client_context(packet);

    return head->channel;
}

static void record(VMBPACKETCOMPLETION packet, const char *function,
                   enum vmb_status status)
{
    vmb_kmcl_record(channel_of(packet)->device, function,
                    vmb_kmcl_status(status));
}

/* What cannot be sent is answered with nothing: the host may wait for it, and
 * the caller cannot be told. */
VOID VmbChannelPacketComplete(VMBPACKETCOMPLETION PacketCompletionContext,
                              PVOID Buffer, UINT32 BufferLength)
{
    enum vmb_status status, empty;

    status = vmb_channel_packet_complete(PacketCompletionContext, Buffer,
                                         BufferLength);
    record(PacketCompletionContext, __func__, status);
    if (status == VMB_E_TOOBIG || status == VMB_E_ARG) {
        empty = vmb_channel_packet_complete(PacketCompletionContext, NULL, 0);
        (void)empty;
    }
}

VOID VmbChannelPacketDeferToPassive(VMBPACKETCOMPLETION PacketCompletionContext)
{
    record(PacketCompletionContext, __func__,
           vmb_channel_packet_defer_to_passive(PacketCompletionContext));
}

VOID VmbChannelPacketFail(VMBPACKETCOMPLETION PacketCompletionContext)
{
    record(PacketCompletionContext, __func__,
           vmb_channel_packet_fail(PacketCompletionContext));
}

/* External data goes from guests to hosts alone.  What a guest gets instead,
 * transfer pages, vmb_channel_packet_get_range() tells. */
NTSTATUS
VmbChannelPacketGetExternalData(VMBPACKETCOMPLETION PacketCompletionContext,
                                UINT32 Flags, PMDL *Mdl)
{
    if (!PacketCompletionContext)
        return STATUS_INVALID_PARAMETER_1;
    if (Flags & ~VMBUS_CHANNEL_PACKET_EXTERNAL_DATA_FLAGS)
        return STATUS_INVALID_PARAMETER_2;
    if (!Mdl)
        return STATUS_INVALID_PARAMETER_3;
    *Mdl = NULL;
    return STATUS_NOT_SUPPORTED;
}

PVOID VmbChannelPacketGetClientContext(
    VMBPACKETCOMPLETION PacketCompletionContext)
{
    struct vmb_kmcl_incoming *head =
        vmb_channel_packet_get_client_context(PacketCompletionContext);

    return head->channel->cfg.context_bytes > sizeof *head ? head + 1 : NULL;
}
