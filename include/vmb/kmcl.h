/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_KMCL_H
#define VMB_KMCL_H
/*
 * The client contract under Microsoft's names: what a Windows virtual-service
 * client finds in vmbuskernelmodeclientlibapi.h.  Names, order, flags and
 * meaning are Microsoft's, and its documentation is the manual; what differs
 * here stands in src/kmcl/README.md, function by function.  Everything is
 * written with channel.h, packet.h and wait.h; nothing is global.
 *
 * Two parts: the client's, in Microsoft's words, and the host's (of the
 * client: the program that embeds it), in ours, at the end.
 *
 * IRQL: PASSIVE_LEVEL is the caller of vmb_kmcl_poll(), and a state callback.
 * DISPATCH_LEVEL is inside ProcessPacket (unless it was deferred or required
 * at PASSIVE), ProcessingComplete and completion routines: there every call
 * that waits is refused with STATUS_INVALID_DEVICE_STATE.
 *
 * Lanes: all functions of one device share one lane: [bus], and [tx] and [rx]
 * of all its channels.
 */
#include <vmb/nt.h>
#include <vmb/wait.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Handles ------------------------------------------------------------- */

typedef struct vmb_kmcl_device DEVICE_OBJECT, *PDEVICE_OBJECT;
typedef struct vmb_kmcl_channel *VMBCHANNEL;
typedef struct vmb_kmcl_packet *VMBPACKET;
/* The one of channel.h: vmb_channel_packet_get_range() takes it, too. */
typedef struct vmb_packet_completion *VMBPACKETCOMPLETION;

/* ---- Flags --------------------------------------------------------------- */

#define VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION             0x1u
#define VMBUS_CHANNEL_FORMAT_FLAG_FORCE_MDL_LENGTH                0x2u
#define VMBUS_CHANNEL_FORMAT_FLAG_PAGED_BUFFER                    0x4u
#define VMBUS_CHANNEL_FORMAT_FLAGS                                0x7u
#define VMBUS_CHANNEL_INIT_FLAG_IS_PIPE                           0x1u
#define VMBUS_CHANNEL_INIT_FLAGS                                  0x1u
#define VMBUS_CHANNEL_PROCESS_PACKET_FLAG_EXTERNAL_DATA           0x1u
#define VMBUS_CHANNEL_PROCESS_PACKET_FLAGS                        0x1u
#define VMBUS_CHANNEL_PACKET_EXTERNAL_DATA_FLAG_READ_ONLY         0x1u
#define VMBUS_CHANNEL_PACKET_EXTERNAL_DATA_FLAGS                  0x1u
#define VMBUS_CHANNEL_GPADL_FLAG_READ_ONLY                        0x1u
#define VMBUS_CHANNEL_GPADL_READ_ONLY                             0x1u
#define VMBUS_CHANNEL_GPADL_FLAGS                                 0x1u
#define VMBUS_SERVER_CHANNEL_INIT_FLAG_LOOPBACK_OFFER             0x01u
#define VMBUS_SERVER_CHANNEL_INIT_FLAG_ENUMERATE_DEVICE_INTERFACE 0x02u
#define VMBUS_SERVER_CHANNEL_INIT_FLAG_OFFER_AS_PIPE              0x04u
#define VMBUS_SERVER_CHANNEL_INIT_FLAG_FORCE_NEW_CHANNEL          0x08u
#define VMBUS_SERVER_CHANNEL_INIT_FLAG_TLNPI_PROVIDER_OFFER       0x10u
#define VMBUS_SERVER_CHANNEL_INIT_MAXIMUM_OFFER_DATA              120u

/* ---- Callbacks ----------------------------------------------------------- */

typedef NTSTATUS EVT_VMB_CHANNEL_OPENED(_In_ VMBCHANNEL Channel);
typedef VOID EVT_VMB_CHANNEL_CLOSED(_In_ VMBCHANNEL Channel);
typedef VOID EVT_VMB_CHANNEL_SUSPEND(_In_ VMBCHANNEL Channel);
typedef VOID EVT_VMB_CHANNEL_STARTED(_In_ VMBCHANNEL Channel);
typedef VOID EVT_VMB_CHANNEL_POST_STARTED(_In_ VMBCHANNEL Channel);
typedef VOID EVT_VMB_CHANNEL_PNP_FAILURE(_In_ VMBCHANNEL Channel,
                                         _In_ NTSTATUS Status);
typedef VOID EVT_VMB_CHANNEL_PROCESS_PACKET(_In_ VMBCHANNEL Channel,
                                            _In_ VMBPACKETCOMPLETION Packet,
                                            _In_reads_bytes_(BufferLength)
                                                PVOID Buffer,
                                            _In_ UINT32 BufferLength,
                                            _In_ UINT32 Flags);
typedef VOID EVT_VMB_CHANNEL_PROCESSING_COMPLETE(_In_ VMBCHANNEL Channel,
                                                 _In_ UINT32 PacketsProcessed);
typedef VOID EVT_VMB_PACKET_COMPLETION_ROUTINE(
    _In_ VMBPACKET Packet, _In_ NTSTATUS Status,
    _In_reads_bytes_opt_(BufferLength) PVOID Buffer, _In_ UINT32 BufferLength);
/* Microsoft names these and says no more: the same with a context behind. */
typedef VOID EVT_VMB_CHANNEL_PROCESS_PACKET_EX(
    _In_ VMBCHANNEL Channel, _In_ VMBPACKETCOMPLETION Packet,
    _In_reads_bytes_(BufferLength) PVOID Buffer, _In_ UINT32 BufferLength,
    _In_ UINT32 Flags, _In_opt_ PVOID Context);
typedef VOID
EVT_VMB_CHANNEL_PROCESSING_COMPLETE_EX(_In_ VMBCHANNEL Channel,
                                       _In_ UINT32 PacketsProcessed,
                                       _In_opt_ PVOID Context);
typedef VOID EVT_VMB_PACKET_COMPLETION_ROUTINE_EX(
    _In_ VMBPACKET Packet, _In_ NTSTATUS Status,
    _In_reads_bytes_opt_(BufferLength) PVOID Buffer, _In_ UINT32 BufferLength,
    _In_opt_ PVOID Context);

typedef EVT_VMB_CHANNEL_OPENED *PFN_VMB_CHANNEL_OPENED;
typedef EVT_VMB_CHANNEL_CLOSED *PFN_VMB_CHANNEL_CLOSED;
typedef EVT_VMB_CHANNEL_SUSPEND *PFN_VMB_CHANNEL_SUSPEND;
typedef EVT_VMB_CHANNEL_STARTED *PFN_VMB_CHANNEL_STARTED;
typedef EVT_VMB_CHANNEL_POST_STARTED *PFN_VMB_CHANNEL_POST_STARTED;
typedef EVT_VMB_CHANNEL_PNP_FAILURE *PFN_VMB_CHANNEL_PNP_FAILURE;
typedef EVT_VMB_CHANNEL_PROCESS_PACKET *PFN_VMB_CHANNEL_PROCESS_PACKET;
typedef EVT_VMB_CHANNEL_PROCESSING_COMPLETE
    *PFN_VMB_CHANNEL_PROCESSING_COMPLETE;
typedef EVT_VMB_PACKET_COMPLETION_ROUTINE *PFN_VMB_PACKET_COMPLETION_ROUTINE;
typedef EVT_VMB_CHANNEL_PROCESS_PACKET_EX *PFN_VMB_CHANNEL_PROCESS_PACKET_EX;
typedef EVT_VMB_CHANNEL_PROCESSING_COMPLETE_EX
    *PFN_VMB_CHANNEL_PROCESSING_COMPLETE_EX;
typedef EVT_VMB_PACKET_COMPLETION_ROUTINE_EX
    *PFN_VMB_PACKET_COMPLETION_ROUTINE_EX;

#define VMB_CHANNEL_STATE_CHANGE_CALLBACKS_VERSION 1u

typedef struct _VMB_CHANNEL_STATE_CHANGE_CALLBACKS {
    ULONG Version;
    ULONG Size;
    PFN_VMB_CHANNEL_OPENED EvtChannelOpened;
    PFN_VMB_CHANNEL_CLOSED EvtChannelClosed;
    PFN_VMB_CHANNEL_SUSPEND EvtChannelSuspend;
    PFN_VMB_CHANNEL_STARTED EvtChannelStarted;
    PFN_VMB_CHANNEL_POST_STARTED EvtChannelPostStarted;
} VMB_CHANNEL_STATE_CHANGE_CALLBACKS, *PVMB_CHANNEL_STATE_CHANGE_CALLBACKS;

static inline VOID VMB_CHANNEL_STATE_CHANGE_CALLBACKS_INIT(
    _Out_ PVMB_CHANNEL_STATE_CHANGE_CALLBACKS Callbacks)
{
    __builtin_memset(Callbacks, 0, sizeof *Callbacks);
    Callbacks->Version = VMB_CHANNEL_STATE_CHANGE_CALLBACKS_VERSION;
    Callbacks->Size = (ULONG)sizeof *Callbacks;
}

/* ---- KMCL_CLIENT_INTERFACE_V1: 41 functions, in their order -------------- */

typedef NTSTATUS FN_VMB_CHANNEL_ALLOCATE(_In_ PDEVICE_OBJECT ParentDeviceObject,
                                         _In_ BOOLEAN IsServer,
                                         _Out_ VMBCHANNEL *Channel);
typedef VOID FN_VMB_CHANNEL_CLEANUP(_In_ VMBCHANNEL Channel);
typedef NTSTATUS FN_VMB_CHANNEL_CREATE_GPADL_FROM_BUFFER(
    _In_ VMBCHANNEL Channel, _In_ UINT32 Flags,
    _In_reads_bytes_(ByteCount) PVOID Buffer, _In_ UINT32 ByteCount,
    _Out_ UINT32 *GpadlHandle);
typedef NTSTATUS FN_VMB_CHANNEL_CREATE_GPADL_FROM_MDL(
    _In_ VMBCHANNEL Channel, _In_ UINT32 Flags, _In_ PMDL Mdl,
    _In_ UINT32 StartOffsetWithinMdl, _In_ UINT32 DataLengthWithinMdl,
    _Out_ UINT32 *GpadlHandle);
typedef VOID FN_VMB_CHANNEL_DELETE_GPADL(_In_ VMBCHANNEL Channel,
                                         _In_ UINT32 GpadlHandle);
typedef VOID FN_VMB_CHANNEL_DISABLE(_In_ VMBCHANNEL Channel);
typedef NTSTATUS FN_VMB_CHANNEL_ENABLE(_In_ VMBCHANNEL Channel);
typedef VOID
FN_VMB_CHANNEL_GET_INTERFACE_INSTANCE(_In_ VMBCHANNEL Channel,
                                      _Out_ GUID *InterfaceInstance);
typedef VOID FN_VMB_CHANNEL_GET_MMIO_SPACE(_In_ VMBCHANNEL Channel,
                                           _Out_ UINT64 *MmioAddress,
                                           _Out_ UINT64 *MmioSize);
typedef PVOID FN_VMB_CHANNEL_GET_POINTER(_In_ VMBCHANNEL Channel);
typedef NTSTATUS
FN_VMB_CHANNEL_INIT_SET_CLIENT_CONTEXT_SIZE(_In_ VMBCHANNEL Channel,
                                            _In_ UINT32 ContextSize);
typedef NTSTATUS FN_VMB_CHANNEL_INIT_SET_FLAGS(_In_ VMBCHANNEL Channel,
                                               _In_ UINT32 Flags);
typedef NTSTATUS
FN_VMB_CHANNEL_INIT_SET_FRIENDLY_NAME(_In_ VMBCHANNEL Channel,
                                      _In_ PCUNICODE_STRING Name);
typedef NTSTATUS FN_VMB_CHANNEL_INIT_SET_MAXIMUM_EXTERNAL_DATA(
    _In_ VMBCHANNEL Channel, _In_ UINT32 DataSize, _In_ UINT32 ChainLength);
typedef NTSTATUS
FN_VMB_CHANNEL_INIT_SET_MAXIMUM_PACKET_SIZE(_In_ VMBCHANNEL Channel,
                                            _In_ UINT32 PacketSize);
typedef NTSTATUS FN_VMB_CHANNEL_INIT_SET_PROCESS_PACKET_CALLBACKS(
    _In_ VMBCHANNEL Channel,
    _In_ PFN_VMB_CHANNEL_PROCESS_PACKET ProcessPacketCallback,
    _In_opt_ PFN_VMB_CHANNEL_PROCESSING_COMPLETE ProcessingCompleteCallback);
typedef NTSTATUS FN_VMB_CHANNEL_INIT_SET_STATE_CHANGE_CALLBACKS(
    _In_ VMBCHANNEL Channel,
    _In_ PVMB_CHANNEL_STATE_CHANGE_CALLBACKS StateChangeCallbacks);
typedef VOID
FN_VMB_CHANNEL_PACKET_COMPLETE(_In_ VMBPACKETCOMPLETION PacketCompletionContext,
                               _In_reads_bytes_opt_(BufferLength) PVOID Buffer,
                               _In_ UINT32 BufferLength);
typedef VOID FASTCALL FN_VMB_CHANNEL_PACKET_DEFER_TO_PASSIVE(
    _In_ VMBPACKETCOMPLETION PacketCompletionContext);
typedef VOID FASTCALL
FN_VMB_CHANNEL_PACKET_FAIL(_In_ VMBPACKETCOMPLETION PacketCompletionContext);
typedef NTSTATUS FN_VMB_CHANNEL_PACKET_GET_EXTERNAL_DATA(
    _In_ VMBPACKETCOMPLETION PacketCompletionContext, _In_ UINT32 Flags,
    _Out_ PMDL *Mdl);
typedef VOID FN_VMB_CHANNEL_PAUSE(_In_ VMBCHANNEL Channel);
typedef NTSTATUS FN_VMB_CHANNEL_SEND_SYNCHRONOUS_REQUEST(
    _In_ VMBCHANNEL Channel, _In_reads_bytes_(BufferSize) PVOID Buffer,
    _In_ UINT32 BufferSize, _In_opt_ PMDL ExternalDataMdl, _In_ UINT32 Flags,
    _Out_writes_bytes_to_opt_(*CompletionBufferSize, *CompletionBufferSize)
        PVOID CompletionBuffer,
    _Inout_opt_ UINT32 *CompletionBufferSize, _In_opt_ PLARGE_INTEGER Timeout);
typedef VOID
FN_VMB_CHANNEL_SET_INCOMING_PROCESSING_AT_PASSIVE(_In_ VMBCHANNEL Channel,
                                                  _In_ BOOLEAN RequirePassive);
typedef NTSTATUS
FN_VMB_CHANNEL_SET_INTERRUPT_LATENCY(_In_ VMBCHANNEL Channel,
                                     _In_ UINT16 Latency,
                                     _Out_ UINT16 *OriginalLatency);
typedef VOID FASTCALL FN_VMB_CHANNEL_SET_POINTER(_In_ VMBCHANNEL Channel,
                                                 _In_opt_ PVOID Pointer);
typedef VOID FN_VMB_CHANNEL_SET_TRANSACTION_QUOTA(_In_ VMBCHANNEL Channel,
                                                  _In_ UINT32 Quota);
typedef UINT32 FN_VMB_CHANNEL_SIZEOF_PACKET(_In_ VMBCHANNEL Channel);
typedef VOID FN_VMB_CHANNEL_START(_In_ VMBCHANNEL Channel);
typedef NTSTATUS FN_VMB_CLIENT_CHANNEL_INIT_SET_RING_BUFFER_PAGE_COUNT(
    _In_ VMBCHANNEL Channel, _In_ UINT32 IncomingPageCount,
    _In_ UINT32 OutgoingPageCount);
typedef NTSTATUS FN_VMB_CLIENT_CHANNEL_INIT_SET_TARGET_PNP(
    _In_ VMBCHANNEL Channel, _In_ LPCGUID InterfaceType,
    _In_opt_ LPCGUID InterfaceInstance,
    _In_opt_ PFN_VMB_CHANNEL_PNP_FAILURE PnpFailureCallback);
typedef VMBPACKET FN_VMB_PACKET_ALLOCATE(_In_ VMBCHANNEL Channel);
typedef VOID FN_VMB_PACKET_FREE(_In_ VMBPACKET Packet);
typedef VMBCHANNEL FASTCALL FN_VMB_PACKET_GET_CHANNEL(_In_ VMBPACKET Packet);
typedef PVOID FASTCALL FN_VMB_PACKET_GET_POINTER(_In_ VMBPACKET Packet);
typedef NTSTATUS FN_VMB_PACKET_INITIALIZE(_In_ VMBCHANNEL Channel,
                                          _Out_ VMBPACKET VmbPacket,
                                          _In_ UINT32 ByteCount);
typedef NTSTATUS FN_VMB_PACKET_SEND(_In_ VMBPACKET PacketObject,
                                    _In_reads_bytes_(BufferLength) PVOID Buffer,
                                    _In_ UINT32 BufferLength,
                                    _In_opt_ PMDL ExternalDataMdl,
                                    _In_ UINT32 Flags);
typedef NTSTATUS FN_VMB_PACKET_SEND_WITH_EXTERNAL_MDL(
    _In_ VMBPACKET PacketObject, _In_reads_bytes_(BufferLength) PVOID Buffer,
    _In_ UINT32 BufferLength, _In_ PMDL ExternalDataMdl, _In_ UINT32 MdlOffset,
    _In_ UINT32 MdlLength, _In_ UINT32 Flags);
typedef NTSTATUS FN_VMB_PACKET_SEND_WITH_EXTERNAL_PFNS(
    _In_ VMBPACKET PacketObject, _In_reads_bytes_(BufferLength) PVOID Buffer,
    _In_ UINT32 BufferLength,
    _In_reads_(PfnLength) PPFN_NUMBER ExternalDataPfns, _In_ UINT32 PfnLength,
    _In_ UINT32 Flags);
typedef VOID FN_VMB_PACKET_SET_COMPLETION_ROUTINE(
    _In_ VMBPACKET Packet,
    _In_ PFN_VMB_PACKET_COMPLETION_ROUTINE CompletionRoutine);
typedef VOID FASTCALL FN_VMB_PACKET_SET_POINTER(_In_ VMBPACKET Packet,
                                                _In_opt_ PVOID Pointer);

/* The order is that of the interface: do not sort. */
#define VMB_KMCL_V1(X)                                                      \
    X(VmbChannelAllocate, CHANNEL_ALLOCATE)                                 \
    X(VmbChannelCleanup, CHANNEL_CLEANUP)                                   \
    X(VmbChannelCreateGpadlFromBuffer, CHANNEL_CREATE_GPADL_FROM_BUFFER)    \
    X(VmbChannelCreateGpadlFromMdl, CHANNEL_CREATE_GPADL_FROM_MDL)          \
    X(VmbChannelDeleteGpadl, CHANNEL_DELETE_GPADL)                          \
    X(VmbChannelDisable, CHANNEL_DISABLE)                                   \
    X(VmbChannelEnable, CHANNEL_ENABLE)                                     \
    X(VmbChannelGetInterfaceInstance, CHANNEL_GET_INTERFACE_INSTANCE)       \
    X(VmbChannelGetMmioSpace, CHANNEL_GET_MMIO_SPACE)                       \
    X(VmbChannelGetPointer, CHANNEL_GET_POINTER)                            \
    X(VmbChannelInitSetClientContextSize,                                   \
      CHANNEL_INIT_SET_CLIENT_CONTEXT_SIZE)                                 \
    X(VmbChannelInitSetFlags, CHANNEL_INIT_SET_FLAGS)                       \
    X(VmbChannelInitSetFriendlyName, CHANNEL_INIT_SET_FRIENDLY_NAME)        \
    X(VmbChannelInitSetMaximumExternalData,                                 \
      CHANNEL_INIT_SET_MAXIMUM_EXTERNAL_DATA)                               \
    X(VmbChannelInitSetMaximumPacketSize,                                   \
      CHANNEL_INIT_SET_MAXIMUM_PACKET_SIZE)                                 \
    X(VmbChannelInitSetProcessPacketCallbacks,                              \
      CHANNEL_INIT_SET_PROCESS_PACKET_CALLBACKS)                            \
    X(VmbChannelInitSetStateChangeCallbacks,                                \
      CHANNEL_INIT_SET_STATE_CHANGE_CALLBACKS)                              \
    X(VmbChannelPacketComplete, CHANNEL_PACKET_COMPLETE)                    \
    X(VmbChannelPacketDeferToPassive, CHANNEL_PACKET_DEFER_TO_PASSIVE)      \
    X(VmbChannelPacketFail, CHANNEL_PACKET_FAIL)                            \
    X(VmbChannelPacketGetExternalData, CHANNEL_PACKET_GET_EXTERNAL_DATA)    \
    X(VmbChannelPause, CHANNEL_PAUSE)                                       \
    X(VmbChannelSendSynchronousRequest, CHANNEL_SEND_SYNCHRONOUS_REQUEST)   \
    X(VmbChannelSetIncomingProcessingAtPassive,                             \
      CHANNEL_SET_INCOMING_PROCESSING_AT_PASSIVE)                           \
    X(VmbChannelSetInterruptLatency, CHANNEL_SET_INTERRUPT_LATENCY)         \
    X(VmbChannelSetPointer, CHANNEL_SET_POINTER)                            \
    X(VmbChannelSetTransactionQuota, CHANNEL_SET_TRANSACTION_QUOTA)         \
    X(VmbChannelSizeofPacket, CHANNEL_SIZEOF_PACKET)                        \
    X(VmbChannelStart, CHANNEL_START)                                       \
    X(VmbClientChannelInitSetRingBufferPageCount,                           \
      CLIENT_CHANNEL_INIT_SET_RING_BUFFER_PAGE_COUNT)                       \
    X(VmbClientChannelInitSetTargetPnp, CLIENT_CHANNEL_INIT_SET_TARGET_PNP) \
    X(VmbPacketAllocate, PACKET_ALLOCATE)                                   \
    X(VmbPacketFree, PACKET_FREE)                                           \
    X(VmbPacketGetChannel, PACKET_GET_CHANNEL)                              \
    X(VmbPacketGetPointer, PACKET_GET_POINTER)                              \
    X(VmbPacketInitialize, PACKET_INITIALIZE)                               \
    X(VmbPacketSend, PACKET_SEND)                                           \
    X(VmbPacketSendWithExternalMdl, PACKET_SEND_WITH_EXTERNAL_MDL)          \
    X(VmbPacketSendWithExternalPfns, PACKET_SEND_WITH_EXTERNAL_PFNS)        \
    X(VmbPacketSetCompletionRoutine, PACKET_SET_COMPLETION_ROUTINE)         \
    X(VmbPacketSetPointer, PACKET_SET_POINTER)

#define VMB_KMCL_FUNCTION_(name, type)     \
    typedef FN_VMB_##type *PFN_VMB_##type; \
    FN_VMB_##type name;
#define VMB_KMCL_MEMBER_(name, type) PFN_VMB_##type name;

VMB_KMCL_V1(VMB_KMCL_FUNCTION_)

/* An identity of our own: Microsoft's is in no public text. */
DEFINE_GUID(KMCL_CLIENT_INTERFACE_TYPE, 0x8d1b9c52, 0x3c0f, 0x4f7e, 0xa2, 0x61,
            0x5b, 0x0d, 0x94, 0xe7, 0x2c, 0x36);
#define KMCL_CLIENT_INTERFACE_VERSION_V1     1u
#define KMCL_CLIENT_INTERFACE_VERSION_LATEST KMCL_CLIENT_INTERFACE_VERSION_V1

typedef struct _KMCL_CLIENT_INTERFACE_V1 {
    USHORT Size; /* these five are INTERFACE */
    USHORT Version;
    PVOID Context;
    PINTERFACE_REFERENCE InterfaceReference;
    PINTERFACE_DEREFERENCE InterfaceDereference;
    VMB_KMCL_V1(VMB_KMCL_MEMBER_)
} KMCL_CLIENT_INTERFACE_V1, *PKMCL_CLIENT_INTERFACE_V1;

/* ---- From the later versions --------------------------------------------- */

/*
 * Microsoft publishes their names alone.  Prototypes are what the names ask
 * for, and no later interface structure is offered, for its layout is unknown.
 */

/* V2 */
typedef PVOID FN_VMB_CHANNEL_PACKET_GET_CLIENT_CONTEXT(
    _In_ VMBPACKETCOMPLETION PacketCompletionContext);
typedef PDEVICE_OBJECT
FN_VMB_CHANNEL_GET_TARGET_DEVICE_OBJECT(_In_ VMBCHANNEL Channel);
typedef PDEVICE_OBJECT
FN_VMB_CHANNEL_GET_PARENT_DEVICE_OBJECT(_In_ VMBCHANNEL Channel);
/* V4 */
typedef NTSTATUS
FN_VMB_CHANNEL_INIT_SET_MAXIMUM_PACKET_COUNT(_In_ VMBCHANNEL Channel,
                                             _In_ UINT32 PacketCount);
typedef NTSTATUS FN_VMB_CHANNEL_CREATE_GPADL_FROM_PFN_LIST(
    _In_ VMBCHANNEL Channel, _In_ UINT32 Flags,
    _In_reads_(PfnCount) PPFN_NUMBER PfnList, _In_ UINT32 PfnCount,
    _Out_ UINT32 *GpadlHandle);
/* V5 */
typedef NTSTATUS
FN_VMB_CHANNEL_INIT_SET_PRIMARY_CHANNEL(_In_ VMBCHANNEL Channel,
                                        _In_ VMBCHANNEL PrimaryChannel,
                                        _In_ UINT16 SubChannelIndex);
typedef NTSTATUS
FN_VMB_CHANNEL_INITIALIZE(_In_ PDEVICE_OBJECT ParentDeviceObject,
                          _In_ BOOLEAN IsServer, _Out_ VMBCHANNEL Channel);
typedef NTSTATUS FN_VMB_CLIENT_CHANNEL_INIT_SET_TARGET_PROCESSOR_INDEX(
    _In_ VMBCHANNEL Channel, _In_ UINT32 ProcessorIndex);
typedef UINT32 FN_VMB_SIZEOF_CHANNEL(VOID);
typedef NTSTATUS
FN_VMB_CHANNEL_INIT_SET_INLINE_PACKET_CONTEXT_SIZE(_In_ VMBCHANNEL Channel,
                                                   _In_ UINT32 ContextSize);
typedef PVOID
FN_VMB_PACKET_GET_INLINE_PACKET_CONTEXT_POINTER(_In_ VMBPACKET Packet);
typedef NTSTATUS FN_VMB_CHANNEL_INIT_SET_PROCESS_PACKET_CALLBACKS_EX(
    _In_ VMBCHANNEL Channel,
    _In_ PFN_VMB_CHANNEL_PROCESS_PACKET_EX ProcessPacketCallback,
    _In_opt_ PFN_VMB_CHANNEL_PROCESSING_COMPLETE_EX ProcessingCompleteCallback,
    _In_opt_ PVOID Context);
typedef VOID FN_VMB_PACKET_SET_COMPLETION_ROUTINE_EX(
    _In_ VMBPACKET Packet,
    _In_ PFN_VMB_PACKET_COMPLETION_ROUTINE_EX CompletionRoutine,
    _In_opt_ PVOID Context);

#define VMB_KMCL_LATER(X)                                                   \
    X(VmbChannelPacketGetClientContext, CHANNEL_PACKET_GET_CLIENT_CONTEXT)  \
    X(VmbChannelGetTargetDeviceObject, CHANNEL_GET_TARGET_DEVICE_OBJECT)    \
    X(VmbChannelGetParentDeviceObject, CHANNEL_GET_PARENT_DEVICE_OBJECT)    \
    X(VmbChannelInitSetMaximumPacketCount,                                  \
      CHANNEL_INIT_SET_MAXIMUM_PACKET_COUNT)                                \
    X(VmbChannelCreateGpadlFromPfnList, CHANNEL_CREATE_GPADL_FROM_PFN_LIST) \
    X(VmbChannelInitSetPrimaryChannel, CHANNEL_INIT_SET_PRIMARY_CHANNEL)    \
    X(VmbChannelInitialize, CHANNEL_INITIALIZE)                             \
    X(VmbClientChannelInitSetTargetProcessorIndex,                          \
      CLIENT_CHANNEL_INIT_SET_TARGET_PROCESSOR_INDEX)                       \
    X(VmbSizeofChannel, SIZEOF_CHANNEL)                                     \
    X(VmbChannelInitSetInlinePacketContextSize,                             \
      CHANNEL_INIT_SET_INLINE_PACKET_CONTEXT_SIZE)                          \
    X(VmbPacketGetInlinePacketContextPointer,                               \
      PACKET_GET_INLINE_PACKET_CONTEXT_POINTER)                             \
    X(VmbChannelInitSetProcessPacketCallbacksEx,                            \
      CHANNEL_INIT_SET_PROCESS_PACKET_CALLBACKS_EX)                         \
    X(VmbPacketSetCompletionRoutineEx, PACKET_SET_COMPLETION_ROUTINE_EX)

VMB_KMCL_LATER(VMB_KMCL_FUNCTION_)

/* ---- The embedding program's part ---------------------------------------- */

#define VMB_KMCL_PATIENCE 300000000ull /* default: 30 s */

struct vmb_kmcl_device_cfg {
    struct vmb_conn *conn; /* started; must outlive the device */
    /* Page aligned, the library's from here on: channels, packets, rings and
     * what the client allocates come out of it.  With the defaults a channel
     * takes 35 pages, and 6 more for each 4 packets of VmbPacketAllocate();
     * vmb_kmcl_free_pages() tells what is left. */
    void *arena;
    uint32_t arena_pages;
    /* What a channel without VmbClientChannelInitSetTargetPnp() opens; NULL: no
     * type, such a channel cannot be enabled; no instance, the first.  Not
     * copied. */
    const struct vmb_guid *type, *instance;
    /* Those that VmbClientChannelInitSetTargetProcessorIndex() chooses of. */
    struct vmb_cpu *const *cpus;
    uint32_t cpu_count;
    uint64_t mmio_address; /* where the guest has put the device's window */
    /* What absolute timeouts are measured by: 100 ns units from the year 1601
     * to the moment when vmb_hv_now() was 0.  0: they count from that moment.
     */
    uint64_t boot_time;
    /* How long a VOID function waits for what may never come, in 100 ns units;
     * 0: VMB_KMCL_PATIENCE. */
    uint64_t patience;
};

struct vmb_kmcl_arena { /* members are the library's */
    uint8_t *map_;
    uint32_t pages_, free_;
};

struct vmb_kmcl_device { /* members are the library's */
    struct vmb_kmcl_device_cfg cfg_;
    struct vmb_kmcl_arena arena_;
    struct vmb_kmcl_channel *channels_;
    uint32_t turn_;
    uint32_t dispatch_; /* depth of callbacks at DISPATCH_LEVEL */
    uint32_t misuses_;
    NTSTATUS last_status_;
    const char *last_function_;
};

/*
 * Make *device what VmbChannelAllocate() and the interface query take.  cfg
 * itself is not kept.  [bus]
 *
 * VMB_OK
 * VMB_E_ARG  no connection; arena missing, not aligned, or below 2 pages
 */
VMB_NODISCARD enum vmb_status
vmb_kmcl_device_init(struct vmb_kmcl_device *device,
                     const struct vmb_kmcl_device_cfg *cfg);

/*
 * One turn: scan the connection's CPU, poll the connection, poll and process
 * every channel.  All callbacks but those inside sends and waits run in here.
 * May be called from a state callback, and then leaves that channel's life as
 * it is.  [bus]
 *
 * VMB_OK       nothing to do until the next interrupt
 * VMB_AGAIN    work is left: call it again
 * VMB_E_STATE  at DISPATCH_LEVEL; or the connection is down
 * others       as vmb_conn_poll()
 */
VMB_NODISCARD enum vmb_status vmb_kmcl_poll(struct vmb_kmcl_device *device);

/*
 * Fill in a KMCL_CLIENT_INTERFACE_V1 at table, as Windows answers a
 * query for KMCL_CLIENT_INTERFACE_TYPE.  [any]
 *
 * STATUS_SUCCESS, STATUS_BUFFER_TOO_SMALL (size), or STATUS_NOT_SUPPORTED (a
 * version other than KMCL_CLIENT_INTERFACE_VERSION_V1)
 */
NTSTATUS vmb_kmcl_query_interface(struct vmb_kmcl_device *device, PVOID table,
                                  uint32_t size, uint32_t version);

/*
 * VOID functions cannot say that they were refused: here is what they would
 * have said.  The status of the last one (STATUS_SUCCESS: there was none), its
 * name (NULL: none), and how many there were.  [any]
 */
NTSTATUS vmb_kmcl_last_status(const struct vmb_kmcl_device *device);
const char *
vmb_kmcl_last_function(const struct vmb_kmcl_device *device);    /* [any] */
uint32_t vmb_kmcl_misuses(const struct vmb_kmcl_device *device); /* [any] */

/* Pages of the arena that are free.  [any] */
uint32_t vmb_kmcl_free_pages(const struct vmb_kmcl_device *device);

/* The clock of absolute timeouts, now.  [any] */
uint64_t vmb_kmcl_system_time(const struct vmb_kmcl_device *device);

/* `bytes` of the arena, zeroed, rounded up to pages; NULL: not so many in a
 * row.  free(): NULL is allowed; anything else is recorded.  [bus] */
PVOID vmb_kmcl_allocate(struct vmb_kmcl_device *device, size_t bytes);
void vmb_kmcl_free(struct vmb_kmcl_device *device, PVOID memory); /* [bus] */

/* An MDL of [address, address + bytes), in memory of the arena; NULL: no room,
 * or no such range.  Give it back by vmb_kmcl_free().  [bus] */
PMDL vmb_kmcl_allocate_mdl(struct vmb_kmcl_device *device, PVOID address,
                           uint32_t bytes);

/*
 * Poll until somebody, in a callback, has set *event; as
 * KeWaitForSingleObject() counts its timeout.  [bus]
 *
 * STATUS_SUCCESS; STATUS_TIMEOUT; STATUS_DEVICE_REMOVED: the connection is
 * down; STATUS_INVALID_DEVICE_STATE: at DISPATCH_LEVEL, and not set yet
 */
NTSTATUS vmb_kmcl_wait_event(struct vmb_kmcl_device *device, KEVENT *event,
                             const LARGE_INTEGER *timeout);

/* Poll until the time is over: STATUS_SUCCESS, or why there was no waiting.
 * [bus] */
static inline NTSTATUS vmb_kmcl_delay(struct vmb_kmcl_device *device,
                                      const LARGE_INTEGER *interval)
{
    KEVENT nobody = { 0, NotificationEvent };
    NTSTATUS status = vmb_kmcl_wait_event(device, &nobody, interval);

    return status == STATUS_TIMEOUT ? STATUS_SUCCESS : status;
}

/* Where an address is in guest-physical memory.  [any] */
PHYSICAL_ADDRESS
vmb_kmcl_physical_address(const struct vmb_kmcl_device *device,
                          const void *address);

/* PASSIVE_LEVEL, or DISPATCH_LEVEL: which calls may wait.  [any] */
KIRQL vmb_kmcl_irql(const struct vmb_kmcl_device *device);

/* The channel below a VMBCHANNEL, for the calls of channel.h that ask.  [any]
 */
struct vmb_channel *vmb_kmcl_client_channel(VMBCHANNEL channel);

/* The NTSTATUS that a status of ours becomes.  [any] */
NTSTATUS vmb_kmcl_status(enum vmb_status status);

/* ---- Around it, in Windows ----------------------------------------------- */

/* What a client calls that is not KMCL's, for who wants it. */
#ifndef VMB_NO_NT_TYPES
typedef PDEVICE_OBJECT WDFDEVICE, WDFIOTARGET;
#define WdfDeviceWdmGetDeviceObject(device) (device)
#define WdfDeviceGetIoTarget(device)        (device)
#define WdfIoTargetQueryForInterface        WdfFdoQueryForInterface
#define WdfFdoQueryForInterface(device, type, table, size, version, data) \
    ((void)(data),                                                        \
     IsEqualGUID((type), &KMCL_CLIENT_INTERFACE_TYPE)                     \
         ? vmb_kmcl_query_interface((device), (table), (size), (version)) \
         : STATUS_NOT_SUPPORTED)
#endif

/* Windows takes memory from nowhere, and time; here they are some device's.
 * Define this to an expression for that device before the first include. */
#ifdef VMB_KMCL_DEVICE
#define IoAllocateMdl(va, bytes, secondary, quota, irp) \
    vmb_kmcl_allocate_mdl(VMB_KMCL_DEVICE, (va), (bytes))
#define MmBuildMdlForNonPagedPool(mdl) ((void)(mdl))
#define IoFreeMdl(mdl)                 vmb_kmcl_free(VMB_KMCL_DEVICE, (mdl))
#define ExAllocatePoolWithTag(type, bytes, tag) \
    vmb_kmcl_allocate(VMB_KMCL_DEVICE, (bytes))
#define ExAllocatePool2(flags, bytes, tag) \
    vmb_kmcl_allocate(VMB_KMCL_DEVICE, (bytes))
#define ExAllocatePoolZero(type, bytes, tag) \
    vmb_kmcl_allocate(VMB_KMCL_DEVICE, (bytes))
#define ExAllocatePoolUninitialized(type, bytes, tag) \
    vmb_kmcl_allocate(VMB_KMCL_DEVICE, (bytes))
#define ExFreePoolWithTag(memory, tag) vmb_kmcl_free(VMB_KMCL_DEVICE, (memory))
#define ExFreePool(memory)             vmb_kmcl_free(VMB_KMCL_DEVICE, (memory))
#define KeWaitForSingleObject(event, reason, mode, alertable, timeout) \
    vmb_kmcl_wait_event(VMB_KMCL_DEVICE, (event), (timeout))
#define MmGetPhysicalAddress(va) \
    vmb_kmcl_physical_address(VMB_KMCL_DEVICE, (va))
#define KeGetCurrentIrql() vmb_kmcl_irql(VMB_KMCL_DEVICE)
#define KeQuerySystemTime(at) \
    ((at)->QuadPart = (LONGLONG)vmb_kmcl_system_time(VMB_KMCL_DEVICE))
#define KeDelayExecutionThread(mode, alertable, interval) \
    vmb_kmcl_delay(VMB_KMCL_DEVICE, (interval))
#endif

#ifdef __cplusplus
}
#endif
#endif
