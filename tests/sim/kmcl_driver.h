/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_KMCL_DRIVER_H
#define VMB_TESTS_SIM_KMCL_DRIVER_H
/*
 * A driver for the test device in the style of Windows: everything below
 * stands as it would for Windows, but for the include lines, and for where
 * memory and time come from.
 */
#define VMB_KMCL_DEVICE DriverDeviceObject
#include <vmb/kmcl.h>

typedef struct _DRIVER_CONTEXT {
    KMCL_CLIENT_INTERFACE_V1 Kmcl;
    VMBCHANNEL Channel;
    VMBPACKET Packet;
    KEVENT Running;
    KEVENT Completed;
    KEVENT Received;
    PUCHAR Buffer;
    PMDL Mdl;
    UINT32 Gpadl;
    NTSTATUS NegotiateStatus;
    NTSTATUS CompletionStatus;
    UINT64 CompletionHash;
    ULONG PacketsWanted;
    ULONG PacketsReceived;
    ULONG Batches;
    ULONG Opens, Closes, Starts, Suspends;
} DRIVER_CONTEXT, *PDRIVER_CONTEXT;

extern PDEVICE_OBJECT DriverDeviceObject;

NTSTATUS DriverAddDevice(_In_ PDEVICE_OBJECT DeviceObject, _In_ LPCGUID Type,
                         _Out_ PDRIVER_CONTEXT Context);
NTSTATUS DriverStart(_In_ PDRIVER_CONTEXT Context);
NTSTATUS DriverTransfer(_In_ PDRIVER_CONTEXT Context, _In_ ULONG Offset,
                        _In_ ULONG Length, _In_ ULONG Packets);
VOID DriverPause(_In_ PDRIVER_CONTEXT Context);
VOID DriverResume(_In_ PDRIVER_CONTEXT Context);
VOID DriverStop(_In_ PDRIVER_CONTEXT Context);
VOID DriverRemove(_In_ PDRIVER_CONTEXT Context);

#endif
