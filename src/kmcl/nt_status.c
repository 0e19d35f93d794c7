/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The one place where statuses of ours become NT's. */
#include "internal.h"

static const struct {
    int8_t ours;
    NTSTATUS nt;
} statuses[] = {
    { VMB_OK, STATUS_SUCCESS },
    { VMB_AGAIN, STATUS_PENDING },
    { VMB_E_ARG, STATUS_INVALID_PARAMETER },
    { VMB_E_STATE, STATUS_INVALID_DEVICE_STATE },
    { VMB_E_TOOBIG, STATUS_INVALID_BUFFER_SIZE },
    { VMB_E_LANE, STATUS_DEVICE_BUSY },
    { VMB_E_CANCELLED, STATUS_CANCELLED },
    { VMB_E_NOSLOT, STATUS_INSUFFICIENT_RESOURCES },
    { VMB_E_NOHV, STATUS_NOT_SUPPORTED },
    { VMB_E_NOFEATURE, STATUS_NOT_SUPPORTED },
    { VMB_E_VERSION, STATUS_REVISION_MISMATCH },
    { VMB_E_OWNED, STATUS_DEVICE_BUSY },
    { VMB_E_REFUSED, STATUS_CONNECTION_REFUSED },
    { VMB_E_RESCINDED, STATUS_DEVICE_REMOVED },
    { VMB_E_TIMEOUT, STATUS_IO_TIMEOUT },
    { VMB_E_HYPERCALL, STATUS_IO_DEVICE_ERROR },
    { VMB_E_HOST, STATUS_DEVICE_PROTOCOL_ERROR },
};

NTSTATUS vmb_kmcl_status(enum vmb_status status)
{
    size_t i;

    for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].ours == (int)status)
            return statuses[i].nt;
    return STATUS_INTERNAL_ERROR;
}

/*
 * What a completion routine hears.  TOOBIG: the host has completed it, and its
 * answer was cut short.  STATE: the channel went with its connection.
 * HYPERCALL: the host has nobody there any more, and the rescind that says so
 * comes later.
 */
NTSTATUS vmb_kmcl_packet_status(enum vmb_status status)
{
    if (status == VMB_E_TOOBIG)
        return STATUS_BUFFER_OVERFLOW;
    if (status == VMB_E_STATE || status == VMB_E_HYPERCALL)
        return STATUS_DEVICE_REMOVED;
    return vmb_kmcl_status(status);
}

void vmb_kmcl_record(PDEVICE_OBJECT device, const char *function,
                     NTSTATUS status)
{
    if (status == STATUS_SUCCESS || !device)
        return;
    device->misuses_++;
    device->last_status_ = status;
    device->last_function_ = function;
}

NTSTATUS vmb_kmcl_last_status(const struct vmb_kmcl_device *device)
{
    return device->last_status_;
}

const char *vmb_kmcl_last_function(const struct vmb_kmcl_device *device)
{
    return device->last_function_;
}

uint32_t vmb_kmcl_misuses(const struct vmb_kmcl_device *device)
{
    return device->misuses_;
}
