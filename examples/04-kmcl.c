/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The main job once more, by Microsoft's names alone: Windows knows everything
 * in this file.  04-kmcl-guest.c and 04-kmcl-sim.c set up what it runs on.
 *
 * The test device hashes the memory that we send it by its pages.  Dynamic
 * memory (hv-balloon of stock QEMU) is asked whether it takes version 0.2; it
 * does not, and says so in a packet of its own.
 */
#include "04-kmcl.h"

#include "testdev_proto.h"

#define CLIENT_DATA_SIZE   (2u * PAGE_SIZE + 0x345u)
#define CLIENT_DATA_OFFSET 0x234u
#define CLIENT_SEED        0x5eedu
#define CLIENT_RING_PAGES  4u
#define CLIENT_TIMEOUT     (-20000000LL) /* 2 s */
#define CLIENT_POOL_TAG    0x746e6c43u
#define CLIENT_TRANSACTION 0x1234u

typedef struct _CLIENT {
    BOOLEAN IsTestDevice;
    VMBCHANNEL Channel;
    VMBPACKET Packet;
    PUCHAR Buffer;
    PMDL Mdl;
    KEVENT Running;
    KEVENT Answered;
    NTSTATUS Status;
    PCLIENT_RESULT Result;
} CLIENT, *PCLIENT;

typedef struct _DM_VERSION_REQUEST {
    UINT16 Type;
    UINT16 Size;
    UINT32 Transaction;
    UINT16 Minor;
    UINT16 Major;
    UINT32 IsLast;
} DM_VERSION_REQUEST;

typedef struct _DM_VERSION_RESPONSE {
    UINT16 Type;
    UINT16 Size;
    UINT32 Transaction;
    UINT64 IsAccepted;
} DM_VERSION_RESPONSE;

PDEVICE_OBJECT ClientDeviceObject;

static EVT_VMB_CHANNEL_OPENED ClientEvtOpened;
static EVT_VMB_CHANNEL_POST_STARTED ClientEvtPostStarted;
static EVT_VMB_CHANNEL_CLOSED ClientEvtClosed;
static EVT_VMB_CHANNEL_PROCESS_PACKET ClientEvtProcessPacket;
static EVT_VMB_PACKET_COMPLETION_ROUTINE ClientCompletionRoutine;

/* ---- What the channel tells ---------------------------------------------- */

/* Memory of an awkward shape, full of a pattern. */
_Use_decl_annotations_ static NTSTATUS ClientEvtOpened(VMBCHANNEL Channel)
{
    PCLIENT client = (PCLIENT)VmbChannelGetPointer(Channel);

    client->Result->Step = "opened";
    client->Buffer = (PUCHAR)ExAllocatePool2(0, 3 * PAGE_SIZE, CLIENT_POOL_TAG);
    if (client->Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    vmb_testdev_fill(client->Buffer + CLIENT_DATA_OFFSET, CLIENT_DATA_SIZE,
                     CLIENT_SEED, 0);
    client->Mdl = IoAllocateMdl(client->Buffer + CLIENT_DATA_OFFSET,
                                CLIENT_DATA_SIZE, FALSE, FALSE, NULL);
    if (client->Mdl == NULL) {
        ExFreePoolWithTag(client->Buffer, CLIENT_POOL_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    MmBuildMdlForNonPagedPool(client->Mdl);
    return STATUS_SUCCESS;
}

_Use_decl_annotations_ static VOID ClientEvtPostStarted(VMBCHANNEL Channel)
{
    PCLIENT client = (PCLIENT)VmbChannelGetPointer(Channel);

    client->Result->Step = "started";
    KeSetEvent(&client->Running, IO_NO_INCREMENT, FALSE);
}

_Use_decl_annotations_ static VOID ClientEvtClosed(VMBCHANNEL Channel)
{
    PCLIENT client = (PCLIENT)VmbChannelGetPointer(Channel);

    IoFreeMdl(client->Mdl);
    ExFreePoolWithTag(client->Buffer, CLIENT_POOL_TAG);
}

static VOID Answer(_In_ PCLIENT Client, _In_ NTSTATUS Status)
{
    Client->Status = Status;
    Client->Result->Answers++;
    KeSetEvent(&Client->Answered, IO_NO_INCREMENT, FALSE);
}

/* The test device answers with the completion of our packet ... */
_Use_decl_annotations_ static VOID ClientCompletionRoutine(VMBPACKET Packet,
                                                           NTSTATUS Status,
                                                           PVOID Buffer,
                                                           UINT32 BufferLength)
{
    PCLIENT client = (PCLIENT)VmbPacketGetPointer(Packet);
    struct vmb_testdev_reply reply;

    if (!client->IsTestDevice)
        return;
    if (NT_SUCCESS(Status) && BufferLength < sizeof(reply))
        Status = STATUS_DEVICE_PROTOCOL_ERROR;
    if (NT_SUCCESS(Status)) {
        RtlCopyMemory(&reply, Buffer, sizeof(reply));
        client->Result->Bytes = reply.bytes;
        if (reply.status != VMB_TESTDEV_OK || reply.bytes != CLIENT_DATA_SIZE ||
            reply.hash !=
                vmb_testdev_hash_of_pattern(CLIENT_SEED, 0, CLIENT_DATA_SIZE))
            Status = STATUS_UNSUCCESSFUL;
    }
    Answer(client, Status);
}

/* ... and dynamic memory with a packet of its own. */
_Use_decl_annotations_ static VOID
ClientEvtProcessPacket(VMBCHANNEL Channel, VMBPACKETCOMPLETION Packet,
                       PVOID Buffer, UINT32 BufferLength, UINT32 Flags)
{
    PCLIENT client = (PCLIENT)VmbChannelGetPointer(Channel);
    DM_VERSION_RESPONSE response;
    NTSTATUS status = STATUS_DEVICE_PROTOCOL_ERROR;

    UNREFERENCED_PARAMETER(Flags);
    if (BufferLength >= sizeof(response)) {
        RtlCopyMemory(&response, Buffer, sizeof(response));
        if (response.Type == 2 && response.Transaction == CLIENT_TRANSACTION &&
            (response.IsAccepted & 1) == 0)
            status = STATUS_SUCCESS;
    }
    VmbChannelPacketComplete(Packet, NULL, 0);
    Answer(client, status);
}

/* ---- What is asked of the device ----------------------------------------- */

static NTSTATUS Ask(_In_ PCLIENT Client)
{
    struct vmb_testdev_request hash;
    DM_VERSION_REQUEST version;

    Client->Result->Step = "asked";
    if (Client->IsTestDevice) {
        RtlZeroMemory(&hash, sizeof(hash));
        hash.magic = VMB_TESTDEV_MAGIC;
        hash.op = VMB_TESTDEV_HASH;
        return VmbPacketSendWithExternalMdl(
            Client->Packet, &hash, sizeof(hash), Client->Mdl, 0, 0,
            VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION);
    }
    RtlZeroMemory(&version, sizeof(version));
    version.Type = 1;
    version.Size = sizeof(version);
    version.Transaction = CLIENT_TRANSACTION;
    version.Minor = 2;
    return VmbPacketSend(Client->Packet, &version, sizeof(version), NULL, 0);
}

static NTSTATUS Wait(_In_ KEVENT *Event)
{
    LARGE_INTEGER timeout;

    timeout.QuadPart = CLIENT_TIMEOUT;
    return KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, &timeout);
}

static NTSTATUS Talk(_In_ PCLIENT Client)
{
    NTSTATUS status = VmbChannelEnable(Client->Channel);

    if (NT_SUCCESS(status))
        status = Wait(&Client->Running);
    if (status == STATUS_SUCCESS)
        status = Ask(Client);
    if (status == STATUS_SUCCESS)
        status = Wait(&Client->Answered);
    if (status == STATUS_SUCCESS)
        status = Client->Status;
    /* A wait that timed out is a success, to NT_SUCCESS(). */
    if (status == STATUS_TIMEOUT)
        status = STATUS_IO_TIMEOUT;
    VmbChannelDisable(Client->Channel);
    return status;
}

/* ---- Up and down --------------------------------------------------------- */

static NTSTATUS InitializeChannel(_In_ PCLIENT Client, _In_ LPCGUID DeviceType)
{
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS callbacks;
    NTSTATUS status;

    VMB_CHANNEL_STATE_CHANGE_CALLBACKS_INIT(&callbacks);
    callbacks.EvtChannelOpened = ClientEvtOpened;
    callbacks.EvtChannelPostStarted = ClientEvtPostStarted;
    callbacks.EvtChannelClosed = ClientEvtClosed;
    VmbChannelSetPointer(Client->Channel, Client);
    status = VmbChannelInitSetStateChangeCallbacks(Client->Channel, &callbacks);
    if (NT_SUCCESS(status))
        status = VmbChannelInitSetProcessPacketCallbacks(
            Client->Channel, ClientEvtProcessPacket, NULL);
    if (NT_SUCCESS(status))
        status = VmbChannelInitSetMaximumPacketSize(Client->Channel, 256);
    if (NT_SUCCESS(status))
        status = VmbChannelInitSetMaximumExternalData(Client->Channel,
                                                      CLIENT_DATA_SIZE, 1);
    if (NT_SUCCESS(status))
        status = VmbClientChannelInitSetRingBufferPageCount(
            Client->Channel, CLIENT_RING_PAGES, CLIENT_RING_PAGES);
    if (NT_SUCCESS(status))
        status = VmbClientChannelInitSetTargetPnp(Client->Channel, DeviceType,
                                                  NULL, NULL);
    return status;
}

static NTSTATUS TalkWithPacket(_In_ PCLIENT Client)
{
    NTSTATUS status;

    Client->Packet = VmbPacketAllocate(Client->Channel);
    if (Client->Packet == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    VmbPacketSetPointer(Client->Packet, Client);
    VmbPacketSetCompletionRoutine(Client->Packet, ClientCompletionRoutine);
    status = Talk(Client);
    VmbPacketFree(Client->Packet);
    return status;
}

_Use_decl_annotations_ NTSTATUS ClientRun(PDEVICE_OBJECT DeviceObject,
                                          LPCGUID DeviceType,
                                          PCLIENT_RESULT Result)
{
    CLIENT client;
    NTSTATUS status;

    RtlZeroMemory(&client, sizeof(client));
    RtlZeroMemory(Result, sizeof(*Result));
    Result->Step = "nothing";
    ClientDeviceObject = DeviceObject;
    client.Result = Result;
    client.IsTestDevice = IsEqualGUID(DeviceType, &GUID_DEVTYPE_TEST);
    KeInitializeEvent(&client.Running, NotificationEvent, FALSE);
    KeInitializeEvent(&client.Answered, NotificationEvent, FALSE);
    status = VmbChannelAllocate(DeviceObject, FALSE, &client.Channel);
    if (!NT_SUCCESS(status))
        return status;
    status = InitializeChannel(&client, DeviceType);
    if (NT_SUCCESS(status))
        status = TalkWithPacket(&client);
    VmbChannelCleanup(client.Channel);
    return status;
}
