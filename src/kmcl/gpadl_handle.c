/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * GPADLs by the number that the host knows them by.  An object whose memory the
 * host may hold stays in the channel's list until it has let go.
 */
#include "internal.h"

/* Off both lists: that of the channel below has it until it is deleted, also
 * if the host refused it. */
static void forget(VMBCHANNEL channel, struct vmb_kmcl_gpadl *gpadl)
{
    struct vmb_kmcl_gpadl **at = &channel->gpadls;

    /* Cannot fail: the host has nothing of it. */
    (void)(vmb_channel_delete_gpadl_start(&channel->channel, &gpadl->gpadl) ==
           VMB_OK);
    while (*at && *at != gpadl)
        at = &(*at)->next;
    if (*at)
        *at = gpadl->next;
    vmb_lookaside_give(&channel->gpadl_objects, gpadl);
}

static bool is_host_done(const struct vmb_kmcl_gpadl *gpadl)
{
    return vmb_gpadl_destroy_status(&gpadl->gpadl.gpadl) == VMB_OK;
}

bool vmb_kmcl_gpadls_reclaim(VMBCHANNEL channel)
{
    struct vmb_kmcl_gpadl *gpadl = channel->gpadls, *next;

    for (; gpadl; gpadl = next) {
        next = gpadl->next;
        if (is_host_done(gpadl))
            forget(channel, gpadl);
    }
    return !channel->gpadls;
}

/* Before the host is asked.  NULL: *status says why. */
static struct vmb_kmcl_gpadl *begin(VMBCHANNEL channel, UINT32 flags,
                                    const UINT32 *handle, NTSTATUS *status)
{
    struct vmb_kmcl_gpadl *gpadl = NULL;

    if (!channel)
        *status = STATUS_INVALID_PARAMETER_1;
    else if (flags & ~VMBUS_CHANNEL_GPADL_FLAGS)
        *status = STATUS_INVALID_PARAMETER_2;
    else if (!handle)
        *status = STATUS_INVALID_PARAMETER;
    else if (vmb_kmcl_at_dispatch(channel))
        *status = STATUS_INVALID_DEVICE_STATE;
    else {
        gpadl = vmb_lookaside_take(&channel->gpadl_objects,
                                   &channel->device->arena_);
        *status = STATUS_INSUFFICIENT_RESOURCES;
    }
    if (!gpadl)
        return NULL;
    __builtin_memset(gpadl, 0, sizeof *gpadl);
    gpadl->next = channel->gpadls;
    channel->gpadls = gpadl;
    return gpadl;
}

/* The host was asked with this status: wait for what it says. */
static NTSTATUS finish(VMBCHANNEL channel, struct vmb_kmcl_gpadl *gpadl,
                       enum vmb_status status, UINT32 *handle)
{
    if (status == VMB_OK)
        status = vmb_wait_gpadl(channel->cfg.conn, &gpadl->gpadl.gpadl);
    if (status == VMB_OK)
        *handle = gpadl->handle = vmb_gpadl_id(&gpadl->gpadl.gpadl);
    else if (is_host_done(gpadl))
        forget(channel, gpadl);
    return vmb_kmcl_status(status);
}

NTSTATUS VmbChannelCreateGpadlFromMdl(VMBCHANNEL Channel, UINT32 Flags,
                                      PMDL Mdl, UINT32 StartOffsetWithinMdl,
                                      UINT32 DataLengthWithinMdl,
                                      UINT32 *GpadlHandle)
{
    NTSTATUS status;
    struct vmb_kmcl_gpadl *gpadl = begin(Channel, Flags, GpadlHandle, &status);

    if (!gpadl)
        return status;
    return finish(Channel, gpadl,
                  vmb_channel_create_gpadl_from_mdl_start(
                      &Channel->channel, &gpadl->gpadl, Mdl,
                      StartOffsetWithinMdl, DataLengthWithinMdl),
                  GpadlHandle);
}

/* By way of an MDL: the buffer need not be aligned. */
NTSTATUS VmbChannelCreateGpadlFromBuffer(VMBCHANNEL Channel, UINT32 Flags,
                                         PVOID Buffer, UINT32 ByteCount,
                                         UINT32 *GpadlHandle)
{
    NTSTATUS status;
    PMDL mdl;

    if (!Channel)
        return STATUS_INVALID_PARAMETER_1;
    if (!Buffer)
        return STATUS_INVALID_PARAMETER_3;
    if (ByteCount == 0)
        return STATUS_INVALID_PARAMETER_4;
    if (vmb_kmcl_at_dispatch(Channel))
        return STATUS_INVALID_DEVICE_STATE;
    mdl = vmb_kmcl_allocate_mdl(Channel->device, Buffer, ByteCount);
    if (!mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    status =
        VmbChannelCreateGpadlFromMdl(Channel, Flags, mdl, 0, 0, GpadlHandle);
    vmb_kmcl_free(Channel->device, mdl);
    return status;
}

NTSTATUS VmbChannelCreateGpadlFromPfnList(VMBCHANNEL Channel, UINT32 Flags,
                                          PPFN_NUMBER PfnList, UINT32 PfnCount,
                                          UINT32 *GpadlHandle)
{
    NTSTATUS status;
    struct vmb_kmcl_gpadl *gpadl = begin(Channel, Flags, GpadlHandle, &status);

    if (!gpadl)
        return status;
    return finish(Channel, gpadl,
                  vmb_channel_create_gpadl_from_pfns_start(
                      &Channel->channel, &gpadl->gpadl, PfnList, PfnCount),
                  GpadlHandle);
}

static struct vmb_kmcl_gpadl *find(VMBCHANNEL channel, UINT32 handle)
{
    struct vmb_kmcl_gpadl *gpadl = channel->gpadls;

    while (gpadl && gpadl->handle != handle)
        gpadl = gpadl->next;
    return gpadl;
}

static enum vmb_status delete_gpadl(VMBCHANNEL channel, UINT32 handle)
{
    struct vmb_kmcl_gpadl *gpadl = find(channel, handle);
    enum vmb_status status;

    if (!gpadl)
        return VMB_E_ARG;
    if (vmb_kmcl_at_dispatch(channel))
        return VMB_E_STATE;
    status = vmb_channel_delete_gpadl_start(&channel->channel, &gpadl->gpadl);
    if (status == VMB_OK)
        status = vmb_wait_gpadl_destroy(channel->cfg.conn, &gpadl->gpadl.gpadl);
    if (status == VMB_OK)
        forget(channel, gpadl);
    return status;
}

VOID VmbChannelDeleteGpadl(VMBCHANNEL Channel, UINT32 GpadlHandle)
{
    vmb_kmcl_record(Channel->device, __func__,
                    vmb_kmcl_status(delete_gpadl(Channel, GpadlHandle)));
}
