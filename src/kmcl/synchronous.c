/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

#define FOR_EVER UINT64_MAX

/* As KeWaitForSingleObject(): none, relative (negative), or absolute. */
static uint64_t relative(const struct vmb_kmcl_device *device,
                         const LARGE_INTEGER *timeout)
{
    uint64_t now;

    if (!timeout)
        return FOR_EVER;
    if (timeout->QuadPart <= 0)
        return 0 - (uint64_t)timeout->QuadPart;
    now = vmb_kmcl_system_time(device);
    return (uint64_t)timeout->QuadPart > now ? (uint64_t)timeout->QuadPart - now
                                             : 0;
}

/* Without a wait: also from callbacks, and with nothing left behind. */
static NTSTATUS at_once(VMBCHANNEL channel, struct vmb_request *request,
                        PVOID buffer, UINT32 bytes, PMDL mdl, UINT32 flags)
{
    enum vmb_status status;

    status =
        vmb_channel_request_start(&channel->channel, request, buffer, bytes,
                                  mdl, flags | VMB_REQUEST_DO_NOT_QUEUE);
    if (status == VMB_AGAIN)
        return STATUS_BUFFER_OVERFLOW;
    if (status != VMB_OK)
        return vmb_kmcl_status(status);
    /* VMB_E_STATE: it is done. */
    if (vmb_channel_request_abandon(request) != VMB_OK)
        return vmb_kmcl_status(vmb_channel_request_status(request));
    return flags & VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION
               ? STATUS_CANCELLED
               : STATUS_SUCCESS;
}

/* Timed out is cancelled here, and an answer of more than there is room for
 * has its beginning there; none, and nobody wants to know it. */
static NTSTATUS of_wait(enum vmb_status status,
                        const struct vmb_request *request)
{
    if (status == VMB_E_TIMEOUT)
        return STATUS_CANCELLED;
    if (status == VMB_E_TOOBIG && request->needed > request->room)
        return request->reply ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
    if (status == VMB_E_HYPERCALL)
        return STATUS_DEVICE_REMOVED;
    return vmb_kmcl_status(status);
}

static NTSTATUS send(VMBCHANNEL channel, struct vmb_request *request,
                     PVOID buffer, UINT32 bytes, PMDL mdl, UINT32 flags,
                     uint64_t timeout)
{
    if (flags & ~VMBUS_CHANNEL_FORMAT_FLAGS)
        return STATUS_INVALID_PARAMETER_5;
    if (!channel->laid_out)
        return STATUS_INVALID_DEVICE_STATE;
    if (timeout == 0)
        return at_once(channel, request, buffer, bytes, mdl, flags);
    if (vmb_kmcl_at_dispatch(channel))
        return STATUS_INVALID_DEVICE_STATE;
    return of_wait(vmb_wait_synchronous_request(&channel->channel, request,
                                                buffer, bytes, mdl, flags,
                                                timeout),
                   request);
}

NTSTATUS VmbChannelSendSynchronousRequest(VMBCHANNEL Channel, PVOID Buffer,
                                          UINT32 BufferSize,
                                          PMDL ExternalDataMdl, UINT32 Flags,
                                          PVOID CompletionBuffer,
                                          UINT32 *CompletionBufferSize,
                                          PLARGE_INTEGER Timeout)
{
    struct vmb_request request = { 0 };
    NTSTATUS status;

    if (!Channel)
        return STATUS_INVALID_PARAMETER_1;
    if (CompletionBuffer && !CompletionBufferSize)
        return STATUS_INVALID_PARAMETER;
    if (CompletionBuffer)
        request.room = *CompletionBufferSize;
    if (request.room % 8)
        return STATUS_INVALID_PARAMETER;
    request.reply = CompletionBuffer;
    status = send(Channel, &request, Buffer, BufferSize, ExternalDataMdl, Flags,
                  relative(Channel->device, Timeout));
    if (CompletionBufferSize)
        *CompletionBufferSize = request.bytes;
    return status;
}

/* ---- Events -------------------------------------------------------------- */

#define STEP 10000u /* longest rest between two polls: 1 ms */

static bool take(KEVENT *event)
{
    bool is_set = event->Signalled;

    if (event->Type == SynchronizationEvent)
        event->Signalled = FALSE;
    return is_set;
}

static NTSTATUS turn(struct vmb_kmcl_device *device)
{
    const struct vmb_platform *plat = vmb_conn_bus(device->cfg_.conn)->plat;
    enum vmb_status status = vmb_kmcl_poll(device);

    if (device->dispatch_ > 0)
        return STATUS_INVALID_DEVICE_STATE;
    if (status < VMB_OK)
        return STATUS_DEVICE_REMOVED;
    if (plat->relax)
        plat->relax(plat->ctx,
                    vmb_hv_now(vmb_conn_hv(device->cfg_.conn)) + STEP);
    return STATUS_SUCCESS;
}

NTSTATUS vmb_kmcl_wait_event(struct vmb_kmcl_device *device, KEVENT *event,
                             const LARGE_INTEGER *timeout)
{
    uint64_t start = vmb_kmcl_system_time(device);
    uint64_t limit = relative(device, timeout);
    NTSTATUS status = STATUS_SUCCESS;

    while (!take(event)) {
        if (vmb_kmcl_system_time(device) - start >= limit)
            return STATUS_TIMEOUT;
        status = turn(device);
        if (!NT_SUCCESS(status))
            return status;
    }
    return STATUS_SUCCESS;
}
