/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_EXAMPLES_04_KMCL_H
#define VMB_EXAMPLES_04_KMCL_H
/*
 * A virtual-service client as it is written for Windows.  What Windows takes
 * for granted, memory and time, comes from the device that the client runs on:
 */
#define VMB_KMCL_DEVICE ClientDeviceObject
#include <vmb/kmcl.h> /* for Windows: vmbuskernelmodeclientlibapi.h */

extern PDEVICE_OBJECT ClientDeviceObject;

/* The two devices that it knows. */
DEFINE_GUID(GUID_DEVTYPE_TEST, 0x12fbdcb7, 0x5a82, 0x458d, 0xb1, 0x79, 0x87,
            0x11, 0xc9, 0x9d, 0xba, 0x81);
DEFINE_GUID(GUID_DEVTYPE_DYNAMIC_MEMORY, 0x525074dc, 0x8985, 0x46e2, 0x80, 0x57,
            0xa3, 0x07, 0xdc, 0x18, 0xa5, 0x02);

typedef struct _CLIENT_RESULT {
    const char *Step; /* what was done last */
    ULONG Answers;
    UINT64 Bytes; /* that the host read of our memory */
} CLIENT_RESULT, *PCLIENT_RESULT;

/* From no channel to no channel: talk to a device of that type. */
NTSTATUS ClientRun(_In_ PDEVICE_OBJECT DeviceObject, _In_ LPCGUID DeviceType,
                   _Out_ PCLIENT_RESULT Result);

#endif
