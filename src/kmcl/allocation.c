/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

/* Requests that are waited for have packets of the channel's own; those of
 * VmbPacketAllocate() come out of the arena. */
#define REQUEST_PACKETS 4u

UINT32 VmbSizeofChannel(VOID)
{
    return (UINT32)sizeof(struct vmb_kmcl_channel);
}

/* Where the device's list names the channel, or ends. */
static VMBCHANNEL *link_to(PDEVICE_OBJECT device, VMBCHANNEL channel)
{
    VMBCHANNEL *at = &device->channels_;

    while (*at && *at != channel)
        at = &(*at)->next;
    return at;
}

static NTSTATUS initialize(PDEVICE_OBJECT device, BOOLEAN is_server,
                           VMBCHANNEL channel, bool placed)
{
    if (is_server)
        return STATUS_NOT_SUPPORTED;
    __builtin_memset(channel, 0, sizeof *channel);
    channel->device = device;
    channel->placed = placed;
    channel->cfg.conn = device->cfg_.conn;
    channel->cfg.callbacks = vmb_kmcl_callbacks;
    channel->cfg.packets = REQUEST_PACKETS;
    channel->cfg.context_bytes = sizeof(struct vmb_kmcl_incoming);
    channel->cfg.incoming_ranges = VMB_CHANNEL_EXTERNAL_MDLS;
    channel->cfg.mmio_address = device->cfg_.mmio_address;
    channel->gpadl_objects.bytes = sizeof(struct vmb_kmcl_gpadl);
    channel->has_target = device->cfg_.type != NULL;
    if (device->cfg_.type)
        channel->type = *device->cfg_.type;
    if (device->cfg_.instance) {
        channel->instance = *device->cfg_.instance;
        channel->cfg.instance = &channel->instance;
    }
    channel->cfg.type = &channel->type;
    channel->next = device->channels_;
    device->channels_ = channel;
    return STATUS_SUCCESS;
}

NTSTATUS VmbChannelInitialize(PDEVICE_OBJECT ParentDeviceObject,
                              BOOLEAN IsServer, VMBCHANNEL Channel)
{
    if (!ParentDeviceObject)
        return STATUS_INVALID_PARAMETER_1;
    if (!Channel || (uintptr_t)Channel % 8 ||
        *link_to(ParentDeviceObject, Channel))
        return STATUS_INVALID_PARAMETER_3;
    return initialize(ParentDeviceObject, IsServer, Channel, true);
}

NTSTATUS VmbChannelAllocate(PDEVICE_OBJECT ParentDeviceObject, BOOLEAN IsServer,
                            VMBCHANNEL *Channel)
{
    VMBCHANNEL channel;
    NTSTATUS status;

    if (!ParentDeviceObject)
        return STATUS_INVALID_PARAMETER_1;
    if (!Channel)
        return STATUS_INVALID_PARAMETER_3;
    *Channel = NULL;
    channel = vmb_kmcl_allocate(ParentDeviceObject, sizeof *channel);
    if (!channel)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = initialize(ParentDeviceObject, IsServer, channel, false);
    if (NT_SUCCESS(status))
        *Channel = channel;
    else
        vmb_kmcl_free(ParentDeviceObject, channel);
    return status;
}

/* What is left names no device and no memory: whoever uses it once more is
 * refused, and gives nobody's pages back. */
VOID VmbChannelCleanup(VMBCHANNEL Channel)
{
    PDEVICE_OBJECT device = Channel->device;
    bool placed = Channel->placed;

    if (!device)
        return;
    if (!vmb_kmcl_is_disabled(Channel) || Channel->packets.out > 0 ||
        vmb_kmcl_at_dispatch(Channel) || !vmb_kmcl_gpadls_reclaim(Channel)) {
        vmb_kmcl_record(device, __func__, STATUS_INVALID_DEVICE_STATE);
        return;
    }
    *link_to(device, Channel) = Channel->next;
    vmb_lookaside_drop(&Channel->packets, &device->arena_);
    vmb_lookaside_drop(&Channel->gpadl_objects, &device->arena_);
    vmb_kmcl_free(device, Channel->cfg.memory);
    __builtin_memset(Channel, 0, sizeof *Channel);
    if (!placed)
        vmb_kmcl_free(device, Channel);
}

/* ---- Layout -------------------------------------------------------------- */

static NTSTATUS take_memory(VMBCHANNEL channel)
{
    struct vmb_channel_cfg *cfg = &channel->cfg;
    size_t bytes = vmb_channel_sizeof_memory(cfg);

    if (bytes == 0)
        return STATUS_INVALID_BUFFER_SIZE;
    if (bytes <= cfg->memory_bytes)
        return STATUS_SUCCESS;
    vmb_kmcl_free(channel->device, cfg->memory);
    cfg->memory = vmb_kmcl_allocate(channel->device, bytes);
    cfg->memory_bytes = cfg->memory ? bytes : 0;
    return cfg->memory ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS vmb_kmcl_lay_out(VMBCHANNEL channel)
{
    NTSTATUS status;

    if (channel->laid_out)
        return STATUS_SUCCESS;
    if (!channel->device)
        return STATUS_INVALID_DEVICE_STATE;
    status = take_memory(channel);
    if (!NT_SUCCESS(status))
        return status;
    status = vmb_kmcl_status(
        vmb_channel_initialize(&channel->channel, &channel->cfg));
    channel->laid_out = NT_SUCCESS(status);
    return status;
}

/* ---- What can be asked of it --------------------------------------------- */

VOID VmbChannelSetPointer(VMBCHANNEL Channel, PVOID Pointer)
{
    Channel->pointer = Pointer;
}

PVOID VmbChannelGetPointer(VMBCHANNEL Channel)
{
    return Channel->pointer;
}

struct vmb_channel *vmb_kmcl_client_channel(VMBCHANNEL channel)
{
    return &channel->channel;
}

PDEVICE_OBJECT VmbChannelGetTargetDeviceObject(VMBCHANNEL Channel)
{
    return Channel->device;
}

PDEVICE_OBJECT VmbChannelGetParentDeviceObject(VMBCHANNEL Channel)
{
    return Channel->device;
}

VOID VmbChannelGetInterfaceInstance(VMBCHANNEL Channel, GUID *InterfaceInstance)
{
    struct vmb_guid instance;

    vmb_channel_get_interface_instance(&Channel->channel, &instance);
    __builtin_memcpy(InterfaceInstance, &instance, sizeof *InterfaceInstance);
}

VOID VmbChannelGetMmioSpace(VMBCHANNEL Channel, UINT64 *MmioAddress,
                            UINT64 *MmioSize)
{
    vmb_channel_get_mmio_space(&Channel->channel, MmioAddress, MmioSize);
}
