/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

enum vmb_status vmb_kmcl_device_init(struct vmb_kmcl_device *device,
                                     const struct vmb_kmcl_device_cfg *cfg)
{
    __builtin_memset(device, 0, sizeof *device);
    if (!cfg->conn ||
        !vmb_arena_init(&device->arena_, cfg->arena, cfg->arena_pages))
        return VMB_E_ARG;
    device->cfg_ = *cfg;
    if (device->cfg_.patience == 0)
        device->cfg_.patience = VMB_KMCL_PATIENCE;
    return VMB_OK;
}

/* ---- A turn -------------------------------------------------------------- */

static bool step(VMBCHANNEL channel)
{
    enum vmb_status polled, processed;

    if (!channel->laid_out)
        return false;
    polled = vmb_channel_poll(&channel->channel);
    processed = vmb_channel_process(&channel->channel, VMB_CHANNEL_BUDGET);
    return polled == VMB_AGAIN || processed == VMB_AGAIN;
}

/* A callback may allocate channels, clean up others, and poll: whoever has not
 * been visited in this turn is looked for from the start. */
static VMBCHANNEL next_of_turn(const struct vmb_kmcl_device *device)
{
    VMBCHANNEL channel = device->channels_;

    while (channel && channel->turn == device->turn_)
        channel = channel->next;
    return channel;
}

enum vmb_status vmb_kmcl_poll(struct vmb_kmcl_device *device)
{
    struct vmb_conn *conn = device->cfg_.conn;
    enum vmb_status status;
    VMBCHANNEL channel;
    bool more = false;

    if (device->dispatch_ > 0)
        return VMB_E_STATE;
    (void)vmb_cpu_scan(vmb_conn_cpu(conn));
    status = vmb_conn_poll(conn);
    device->turn_++;
    while ((channel = next_of_turn(device)) != NULL) {
        channel->turn = device->turn_;
        more |= step(channel);
    }
    return status == VMB_OK && more ? VMB_AGAIN : status;
}

/* ---- What it hands out --------------------------------------------------- */

static VOID no_reference(PVOID context)
{
    (void)context; /* nothing goes away by itself here */
}

/* A table, and not code that fills one in: that would ask a linker for a global
 * offset table. */
static const KMCL_CLIENT_INTERFACE_V1 interface_v1 = {
#define ENTRY(name, type) .name = name,
    .Size = sizeof interface_v1,
    .Version = KMCL_CLIENT_INTERFACE_VERSION_V1,
    .InterfaceReference = no_reference,
    .InterfaceDereference = no_reference,
    VMB_KMCL_V1(ENTRY)
#undef ENTRY
};

NTSTATUS vmb_kmcl_query_interface(struct vmb_kmcl_device *device, PVOID table,
                                  uint32_t size, uint32_t version)
{
    KMCL_CLIENT_INTERFACE_V1 *v1 = table;

    if (version != KMCL_CLIENT_INTERFACE_VERSION_V1)
        return STATUS_NOT_SUPPORTED;
    if (size < sizeof *v1)
        return STATUS_BUFFER_TOO_SMALL;
    __builtin_memcpy(v1, &interface_v1, sizeof *v1);
    v1->Context = device;
    return STATUS_SUCCESS;
}

uint32_t vmb_kmcl_free_pages(const struct vmb_kmcl_device *device)
{
    return device->arena_.free_;
}

uint64_t vmb_kmcl_system_time(const struct vmb_kmcl_device *device)
{
    return device->cfg_.boot_time + vmb_hv_now(vmb_conn_hv(device->cfg_.conn));
}

KIRQL vmb_kmcl_irql(const struct vmb_kmcl_device *device)
{
    return device->dispatch_ > 0 ? DISPATCH_LEVEL : PASSIVE_LEVEL;
}

PHYSICAL_ADDRESS
vmb_kmcl_physical_address(const struct vmb_kmcl_device *device,
                          const void *address)
{
    const struct vmb_platform *plat = vmb_conn_bus(device->cfg_.conn)->plat;
    PHYSICAL_ADDRESS physical;

    physical.QuadPart = (LONGLONG)plat->gpa(plat->ctx, address);
    return physical;
}

PVOID vmb_kmcl_allocate(struct vmb_kmcl_device *device, size_t bytes)
{
    return vmb_arena_take(&device->arena_, bytes);
}

void vmb_kmcl_free(struct vmb_kmcl_device *device, PVOID memory)
{
    if (memory && !vmb_arena_give(&device->arena_, memory))
        vmb_kmcl_record(device, __func__, STATUS_INVALID_PARAMETER_2);
}

PMDL vmb_kmcl_allocate_mdl(struct vmb_kmcl_device *device, PVOID address,
                           uint32_t bytes)
{
    uint64_t pages = vmb_page_span((uintptr_t)address, bytes);
    PMDL mdl = vmb_kmcl_allocate(device, sizeof *mdl + (size_t)pages * 8);

    if (mdl && vmb_mdl_from_virtual(
                   mdl, vmb_conn_bus(device->cfg_.conn)->plat, address, bytes,
                   (uint64_t *)(void *)(mdl + 1), (uint32_t)pages) == VMB_OK)
        return mdl;
    vmb_kmcl_free(device, mdl);
    return NULL;
}
