/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A VMBPACKET is a head with the client's own words, an inline context, and
 * behind them the packet object of packet.h.
 */
#include "internal.h"

static VMBPACKET of(struct vmb_packet *packet)
{
    return vmb_packet_get_pointer(packet);
}

/* At DISPATCH_LEVEL wherever it runs.  Neither routine: it frees itself. */
static void completed(struct vmb_packet *packet, enum vmb_status status,
                      const void *buffer, uint32_t bytes)
{
    VMBPACKET own = of(packet);
    PDEVICE_OBJECT device = own->channel->device;
    PVOID data = (PVOID)(uintptr_t)buffer; /* the packet's own copy */

    device->dispatch_++;
    if (own->routine)
        own->routine(own, vmb_kmcl_packet_status(status), data, bytes);
    else if (own->routine_ex)
        own->routine_ex(own, vmb_kmcl_packet_status(status), data, bytes,
                        own->context);
    else
        VmbPacketFree(own);
    device->dispatch_--;
}

/* ---- Objects ------------------------------------------------------------- */

UINT32 VmbChannelSizeofPacket(VMBCHANNEL Channel)
{
    NTSTATUS status = vmb_kmcl_lay_out(Channel);
    size_t bytes = sizeof(struct vmb_kmcl_packet);

    vmb_kmcl_record(Channel->device, __func__, status);
    if (!NT_SUCCESS(status))
        return 0;
    bytes += Channel->inline_context;
    return (UINT32)(bytes + vmb_channel_sizeof_packet(&Channel->channel));
}

static NTSTATUS make(VMBCHANNEL channel, VMBPACKET packet, UINT32 bytes)
{
    UINT32 before = (UINT32)sizeof *packet + channel->inline_context;
    NTSTATUS status;

    __builtin_memset(packet, 0, before);
    status = vmb_kmcl_status(
        vmb_packet_initialize(&channel->channel, (uint8_t *)packet + before,
                              bytes - before, &packet->packet));
    if (!NT_SUCCESS(status))
        return status;
    packet->channel = channel;
    vmb_packet_set_pointer(packet->packet, packet);
    return vmb_kmcl_status(
        vmb_packet_set_completion_routine(packet->packet, completed));
}

NTSTATUS VmbPacketInitialize(VMBCHANNEL Channel, VMBPACKET VmbPacket,
                             UINT32 ByteCount)
{
    UINT32 needed;

    if (!Channel)
        return STATUS_INVALID_PARAMETER_1;
    if (!VmbPacket || (uintptr_t)VmbPacket % 8)
        return STATUS_INVALID_PARAMETER_2;
    needed = VmbChannelSizeofPacket(Channel);
    if (needed == 0)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (ByteCount < needed)
        return STATUS_INVALID_PARAMETER_3;
    return make(Channel, VmbPacket, needed);
}

VMBPACKET VmbPacketAllocate(VMBCHANNEL Channel)
{
    UINT32 bytes = VmbChannelSizeofPacket(Channel);
    VMBPACKET packet;

    if (bytes == 0 || (Channel->packet_count &&
                       Channel->packets.out >= Channel->packet_count))
        return NULL;
    Channel->packets.bytes = bytes;
    packet = vmb_lookaside_take(&Channel->packets, &Channel->device->arena_);
    if (!packet)
        return NULL;
    /* Cannot fail: object and size are what was asked for. */
    (void)make(Channel, packet, bytes);
    packet->pooled = true;
    return packet;
}

/* A second free finds no channel, unless the object is in use again. */
VOID VmbPacketFree(VMBPACKET Packet)
{
    VMBCHANNEL channel = Packet->channel;
    enum vmb_status status;

    if (!channel)
        return;
    status = Packet->pooled ? vmb_packet_free(Packet->packet) : VMB_E_STATE;
    vmb_kmcl_record(channel->device, __func__, vmb_kmcl_status(status));
    if (status != VMB_OK)
        return;
    Packet->channel = NULL;
    vmb_lookaside_give(&channel->packets, Packet);
}

VMBCHANNEL VmbPacketGetChannel(VMBPACKET Packet)
{
    return Packet->channel;
}

VOID VmbPacketSetPointer(VMBPACKET Packet, PVOID Pointer)
{
    Packet->pointer = Pointer;
}

PVOID VmbPacketGetPointer(VMBPACKET Packet)
{
    return Packet->pointer;
}

PVOID VmbPacketGetInlinePacketContextPointer(VMBPACKET Packet)
{
    return Packet->channel && Packet->channel->inline_context ? Packet + 1
                                                              : NULL;
}

static void set_routine(VMBPACKET packet, const char *function,
                        PFN_VMB_PACKET_COMPLETION_ROUTINE routine,
                        PFN_VMB_PACKET_COMPLETION_ROUTINE_EX routine_ex,
                        PVOID context)
{
    NTSTATUS status = STATUS_SUCCESS;

    if (!packet->channel) /* freed: no device to tell */
        return;
    if (vmb_packet_state(packet->packet) != VMB_PACKET_IDLE)
        status = STATUS_INVALID_DEVICE_STATE;
    else if (!routine && !routine_ex)
        status = STATUS_INVALID_PARAMETER_2;
    vmb_kmcl_record(packet->channel->device, function, status);
    if (!NT_SUCCESS(status))
        return;
    packet->routine = routine;
    packet->routine_ex = routine_ex;
    packet->context = context;
}

VOID VmbPacketSetCompletionRoutine(
    VMBPACKET Packet, PFN_VMB_PACKET_COMPLETION_ROUTINE CompletionRoutine)
{
    set_routine(Packet, __func__, CompletionRoutine, NULL, NULL);
}

VOID VmbPacketSetCompletionRoutineEx(
    VMBPACKET Packet, PFN_VMB_PACKET_COMPLETION_ROUTINE_EX CompletionRoutine,
    PVOID Context)
{
    set_routine(Packet, __func__, NULL, CompletionRoutine, Context);
}

/* ---- Sends --------------------------------------------------------------- */

static bool has_routine(const struct vmb_kmcl_packet *packet)
{
    return packet && packet->channel &&
           (packet->pooled || packet->routine || packet->routine_ex);
}

NTSTATUS VmbPacketSend(VMBPACKET PacketObject, PVOID Buffer,
                       UINT32 BufferLength, PMDL ExternalDataMdl, UINT32 Flags)
{
    if (!has_routine(PacketObject))
        return STATUS_INVALID_PARAMETER_1;
    return vmb_kmcl_status(vmb_packet_send(
        PacketObject->packet, Buffer, BufferLength, ExternalDataMdl, Flags));
}

NTSTATUS VmbPacketSendWithExternalMdl(VMBPACKET PacketObject, PVOID Buffer,
                                      UINT32 BufferLength, PMDL ExternalDataMdl,
                                      UINT32 MdlOffset, UINT32 MdlLength,
                                      UINT32 Flags)
{
    if (!has_routine(PacketObject))
        return STATUS_INVALID_PARAMETER_1;
    return vmb_kmcl_status(vmb_packet_send_with_external_mdl(
        PacketObject->packet, Buffer, BufferLength, ExternalDataMdl, MdlOffset,
        MdlLength, Flags));
}

NTSTATUS VmbPacketSendWithExternalPfns(VMBPACKET PacketObject, PVOID Buffer,
                                       UINT32 BufferLength,
                                       PPFN_NUMBER ExternalDataPfns,
                                       UINT32 PfnLength, UINT32 Flags)
{
    if (!has_routine(PacketObject))
        return STATUS_INVALID_PARAMETER_1;
    return vmb_kmcl_status(vmb_packet_send_with_external_pfns(
        PacketObject->packet, Buffer, BufferLength, ExternalDataPfns, PfnLength,
        Flags));
}
