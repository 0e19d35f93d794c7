/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "kmcl_driver.h"

#define DRIVER_POOL_TAG    0x76647274u
#define DRIVER_BUFFER_SIZE (3u * PAGE_SIZE)
#define DRIVER_TIMEOUT     (-10000000LL) /* a second */

/* What the device understands. */
enum {
    OPERATION_HASH = 2,
    OPERATION_BURST = 4,
    OPERATION_GPADL_FILL = 5
};

typedef struct _DRIVER_REQUEST {
    UINT32 Operation;
    UINT32 Count;
    UINT64 Seed;
    UINT32 Offset;
    UINT32 Bytes;
} DRIVER_REQUEST;

typedef struct _DRIVER_REPLY {
    UINT32 Operation;
    UINT32 Status;
    UINT64 Value;
    UINT64 Bytes;
} DRIVER_REPLY;

PDEVICE_OBJECT DriverDeviceObject;

static EVT_VMB_CHANNEL_OPENED DriverEvtOpened;
static EVT_VMB_CHANNEL_CLOSED DriverEvtClosed;
static EVT_VMB_CHANNEL_SUSPEND DriverEvtSuspend;
static EVT_VMB_CHANNEL_POST_STARTED DriverEvtPostStarted;
static EVT_VMB_CHANNEL_PROCESS_PACKET DriverEvtProcessPacket;
static EVT_VMB_CHANNEL_PROCESSING_COMPLETE DriverEvtProcessingComplete;
static EVT_VMB_PACKET_COMPLETION_ROUTINE DriverCompletionRoutine;

static PDRIVER_CONTEXT GetContext(_In_ VMBCHANNEL Channel)
{
    return (PDRIVER_CONTEXT)VmbChannelGetPointer(Channel);
}

/* ---- State changes ------------------------------------------------------- */

_Use_decl_annotations_ static NTSTATUS DriverEvtOpened(VMBCHANNEL Channel)
{
    PDRIVER_CONTEXT context = GetContext(Channel);
    NTSTATUS status;

    PAGED_CODE();
    context->Opens++;
    context->Buffer =
        (PUCHAR)ExAllocatePool2(0, DRIVER_BUFFER_SIZE, DRIVER_POOL_TAG);
    if (context->Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    context->Mdl =
        IoAllocateMdl(context->Buffer, DRIVER_BUFFER_SIZE, FALSE, FALSE, NULL);
    if (context->Mdl == NULL) {
        ExFreePoolWithTag(context->Buffer, DRIVER_POOL_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    MmBuildMdlForNonPagedPool(context->Mdl);
    status = context->Kmcl.VmbChannelCreateGpadlFromMdl(
        Channel, 0, context->Mdl, 0, 0, &context->Gpadl);
    if (!NT_SUCCESS(status)) {
        IoFreeMdl(context->Mdl);
        ExFreePoolWithTag(context->Buffer, DRIVER_POOL_TAG);
    }
    return status;
}

/* The host fills the GPADL: the protocol's handshake. */
_Use_decl_annotations_ static VOID DriverEvtPostStarted(VMBCHANNEL Channel)
{
    PDRIVER_CONTEXT context = GetContext(Channel);
    DRIVER_REQUEST request;
    DRIVER_REPLY reply;
    UINT32 replySize = sizeof(reply);
    LARGE_INTEGER timeout;

    context->Starts++;
    RtlZeroMemory(&request, sizeof(request));
    request.Operation = OPERATION_GPADL_FILL;
    request.Count = context->Gpadl;
    request.Seed = 0x1234;
    request.Bytes = DRIVER_BUFFER_SIZE;
    timeout.QuadPart = DRIVER_TIMEOUT;
    context->NegotiateStatus = context->Kmcl.VmbChannelSendSynchronousRequest(
        Channel, &request, sizeof(request), NULL,
        VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION, &reply, &replySize,
        &timeout);
    if (NT_SUCCESS(context->NegotiateStatus) &&
        (replySize != sizeof(reply) || reply.Status != 0))
        context->NegotiateStatus = STATUS_DEVICE_PROTOCOL_ERROR;
    KeSetEvent(&context->Running, IO_NO_INCREMENT, FALSE);
}

_Use_decl_annotations_ static VOID DriverEvtSuspend(VMBCHANNEL Channel)
{
    PDRIVER_CONTEXT context = GetContext(Channel);

    context->Suspends++;
    KeClearEvent(&context->Running);
}

_Use_decl_annotations_ static VOID DriverEvtClosed(VMBCHANNEL Channel)
{
    PDRIVER_CONTEXT context = GetContext(Channel);

    context->Closes++;
    context->Kmcl.VmbChannelDeleteGpadl(Channel, context->Gpadl);
    IoFreeMdl(context->Mdl);
    ExFreePoolWithTag(context->Buffer, DRIVER_POOL_TAG);
    context->Mdl = NULL;
    context->Buffer = NULL;
}

/* ---- Packets ------------------------------------------------------------- */

_Use_decl_annotations_ static VOID
DriverEvtProcessPacket(VMBCHANNEL Channel, VMBPACKETCOMPLETION Packet,
                       PVOID Buffer, UINT32 BufferLength, UINT32 Flags)
{
    PDRIVER_CONTEXT context = GetContext(Channel);

    UNREFERENCED_PARAMETER(Buffer);
    UNREFERENCED_PARAMETER(Flags);
    NT_ASSERT(BufferLength > 0);
    if (BufferLength > 0)
        context->PacketsReceived++;
    context->Kmcl.VmbChannelPacketComplete(Packet, NULL, 0);
    if (context->PacketsReceived >= context->PacketsWanted)
        KeSetEvent(&context->Received, IO_NO_INCREMENT, FALSE);
}

_Use_decl_annotations_ static VOID
DriverEvtProcessingComplete(VMBCHANNEL Channel, UINT32 PacketsProcessed)
{
    UNREFERENCED_PARAMETER(PacketsProcessed);
    GetContext(Channel)->Batches++;
}

_Use_decl_annotations_ static VOID DriverCompletionRoutine(VMBPACKET Packet,
                                                           NTSTATUS Status,
                                                           PVOID Buffer,
                                                           UINT32 BufferLength)
{
    PDRIVER_CONTEXT context = (PDRIVER_CONTEXT)VmbPacketGetPointer(Packet);
    DRIVER_REPLY reply;

    context->CompletionStatus = Status;
    if (NT_SUCCESS(Status) && BufferLength >= sizeof(reply)) {
        RtlCopyMemory(&reply, Buffer, sizeof(reply));
        context->CompletionHash = reply.Value;
        if (reply.Status != 0)
            context->CompletionStatus = STATUS_UNSUCCESSFUL;
    }
    KeSetEvent(&context->Completed, IO_NO_INCREMENT, FALSE);
}

/* ---- What the rest of the driver calls ----------------------------------- */

static NTSTATUS InitializeChannel(_In_ PDRIVER_CONTEXT Context,
                                  _In_ LPCGUID Type)
{
    DECLARE_CONST_UNICODE_STRING(name, L"Test device");
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS callbacks;
    KMCL_CLIENT_INTERFACE_V1 *kmcl = &Context->Kmcl;
    VMBCHANNEL channel = Context->Channel;
    NTSTATUS status;

    VMB_CHANNEL_STATE_CHANGE_CALLBACKS_INIT(&callbacks);
    callbacks.EvtChannelOpened = DriverEvtOpened;
    callbacks.EvtChannelClosed = DriverEvtClosed;
    callbacks.EvtChannelSuspend = DriverEvtSuspend;
    callbacks.EvtChannelPostStarted = DriverEvtPostStarted;
    status = kmcl->VmbChannelInitSetStateChangeCallbacks(channel, &callbacks);
    if (NT_SUCCESS(status))
        status = kmcl->VmbChannelInitSetProcessPacketCallbacks(
            channel, DriverEvtProcessPacket, DriverEvtProcessingComplete);
    if (NT_SUCCESS(status))
        status = kmcl->VmbChannelInitSetMaximumPacketSize(channel, 256);
    if (NT_SUCCESS(status))
        status = kmcl->VmbChannelInitSetMaximumExternalData(
            channel, DRIVER_BUFFER_SIZE, 2);
    if (NT_SUCCESS(status))
        status =
            kmcl->VmbClientChannelInitSetRingBufferPageCount(channel, 4, 4);
    if (NT_SUCCESS(status))
        status = kmcl->VmbChannelInitSetFriendlyName(channel, &name);
    if (NT_SUCCESS(status))
        status =
            kmcl->VmbClientChannelInitSetTargetPnp(channel, Type, NULL, NULL);
    if (NT_SUCCESS(status))
        kmcl->VmbChannelSetPointer(channel, Context);
    return status;
}

_Use_decl_annotations_ NTSTATUS DriverAddDevice(PDEVICE_OBJECT DeviceObject,
                                                LPCGUID Type,
                                                PDRIVER_CONTEXT Context)
{
    NTSTATUS status;

    DriverDeviceObject = DeviceObject;
    RtlZeroMemory(Context, sizeof(*Context));
    KeInitializeEvent(&Context->Running, NotificationEvent, FALSE);
    KeInitializeEvent(&Context->Completed, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Context->Received, SynchronizationEvent, FALSE);
    status = WdfFdoQueryForInterface(DeviceObject, &KMCL_CLIENT_INTERFACE_TYPE,
                                     (PINTERFACE)(PVOID)&Context->Kmcl,
                                     sizeof(KMCL_CLIENT_INTERFACE_V1),
                                     KMCL_CLIENT_INTERFACE_VERSION_V1, NULL);
    if (NT_SUCCESS(status))
        status = Context->Kmcl.VmbChannelAllocate(DeviceObject, FALSE,
                                                  &Context->Channel);
    if (!NT_SUCCESS(status))
        return status;
    status = InitializeChannel(Context, Type);
    if (NT_SUCCESS(status)) {
        Context->Packet = Context->Kmcl.VmbPacketAllocate(Context->Channel);
        if (Context->Packet == NULL)
            status = STATUS_INSUFFICIENT_RESOURCES;
    }
    if (!NT_SUCCESS(status)) {
        Context->Kmcl.VmbChannelCleanup(Context->Channel);
        return status;
    }
    Context->Kmcl.VmbPacketSetPointer(Context->Packet, Context);
    Context->Kmcl.VmbPacketSetCompletionRoutine(Context->Packet,
                                                DriverCompletionRoutine);
    return status;
}

_Use_decl_annotations_ NTSTATUS DriverStart(PDRIVER_CONTEXT Context)
{
    LARGE_INTEGER timeout;
    NTSTATUS status = Context->Kmcl.VmbChannelEnable(Context->Channel);

    if (!NT_SUCCESS(status))
        return status;
    timeout.QuadPart = 10 * DRIVER_TIMEOUT;
    status = KeWaitForSingleObject(&Context->Running, Executive, KernelMode,
                                   FALSE, &timeout);
    if (status != STATUS_SUCCESS)
        return status;
    return Context->NegotiateStatus;
}

static NTSTATUS AskForPackets(_In_ PDRIVER_CONTEXT Context, _In_ ULONG Packets)
{
    DRIVER_REQUEST request;
    VMBPACKET packet = Context->Kmcl.VmbPacketAllocate(Context->Channel);
    NTSTATUS status;

    if (packet == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(&request, sizeof(request));
    request.Operation = OPERATION_BURST;
    request.Count = Packets;
    request.Bytes = 100;
    Context->PacketsReceived = 0;
    Context->PacketsWanted = Packets;
    /* The routine that it comes with frees it. */
    status =
        Context->Kmcl.VmbPacketSend(packet, &request, sizeof(request), NULL, 0);
    if (!NT_SUCCESS(status))
        Context->Kmcl.VmbPacketFree(packet);
    return status;
}

_Use_decl_annotations_ NTSTATUS DriverTransfer(PDRIVER_CONTEXT Context,
                                               ULONG Offset, ULONG Length,
                                               ULONG Packets)
{
    DRIVER_REQUEST request;
    LARGE_INTEGER timeout;
    NTSTATUS status;

    RtlZeroMemory(&request, sizeof(request));
    request.Operation = OPERATION_HASH;
    timeout.QuadPart = DRIVER_TIMEOUT;
    status = Context->Kmcl.VmbPacketSendWithExternalMdl(
        Context->Packet, &request, sizeof(request), Context->Mdl, Offset,
        Length, VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION);
    if (NT_SUCCESS(status))
        status = KeWaitForSingleObject(&Context->Completed, Executive,
                                       KernelMode, FALSE, &timeout);
    if (status == STATUS_SUCCESS)
        status = Context->CompletionStatus;
    if (!NT_SUCCESS(status))
        return status;
    status = AskForPackets(Context, Packets);
    if (NT_SUCCESS(status))
        status = KeWaitForSingleObject(&Context->Received, Executive,
                                       KernelMode, FALSE, &timeout);
    return status;
}

_Use_decl_annotations_ VOID DriverPause(PDRIVER_CONTEXT Context)
{
    Context->Kmcl.VmbChannelPause(Context->Channel);
}

_Use_decl_annotations_ VOID DriverResume(PDRIVER_CONTEXT Context)
{
    Context->Kmcl.VmbChannelStart(Context->Channel);
    (VOID) KeWaitForSingleObject(&Context->Running, Executive, KernelMode,
                                 FALSE, NULL);
}

_Use_decl_annotations_ VOID DriverStop(PDRIVER_CONTEXT Context)
{
    Context->Kmcl.VmbChannelDisable(Context->Channel);
}

_Use_decl_annotations_ VOID DriverRemove(PDRIVER_CONTEXT Context)
{
    Context->Kmcl.VmbPacketFree(Context->Packet);
    Context->Kmcl.VmbChannelCleanup(Context->Channel);
}
