/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

static NTSTATUS enable(VMBCHANNEL channel)
{
    NTSTATUS status;

    if (!vmb_kmcl_is_disabled(channel) || !channel->has_target ||
        vmb_kmcl_at_dispatch(channel))
        return STATUS_INVALID_DEVICE_STATE;
    (void)vmb_kmcl_gpadls_reclaim(channel);
    status = vmb_kmcl_lay_out(channel);
    if (NT_SUCCESS(status) && channel->auto_pause)
        status = vmb_kmcl_status(vmb_channel_pause_start(&channel->channel));
    if (NT_SUCCESS(status))
        status = vmb_kmcl_status(vmb_channel_enable(&channel->channel));
    if (NT_SUCCESS(status))
        channel->auto_pause = false;
    return status;
}

NTSTATUS VmbChannelEnable(VMBCHANNEL Channel)
{
    return Channel ? enable(Channel) : STATUS_INVALID_PARAMETER_1;
}

VOID VmbChannelDisable(VMBCHANNEL Channel)
{
    enum vmb_status status = VMB_E_STATE;

    if (vmb_kmcl_is_disabled(Channel))
        return;
    if (!vmb_kmcl_at_dispatch(Channel))
        status = vmb_wait_channel_disable(&Channel->channel,
                                          Channel->device->cfg_.patience);
    vmb_kmcl_record(Channel->device, __func__, vmb_kmcl_status(status));
}

/* Nothing runs that could be waited for: not open yet, or on its way down. */
static bool is_between(const struct vmb_kmcl_channel *channel)
{
    return vmb_channel_status(&channel->channel) == VMB_AGAIN &&
           !vmb_channel_is_inside(&channel->channel);
}

static enum vmb_status pause(VMBCHANNEL channel)
{
    if (vmb_kmcl_at_dispatch(channel))
        return VMB_E_STATE;
    if (vmb_kmcl_is_disabled(channel)) {
        channel->auto_pause = true;
        return VMB_OK;
    }
    if (is_between(channel))
        return vmb_channel_pause_start(&channel->channel);
    return vmb_wait_channel_pause(&channel->channel,
                                  channel->device->cfg_.patience);
}

VOID VmbChannelPause(VMBCHANNEL Channel)
{
    vmb_kmcl_record(Channel->device, __func__, vmb_kmcl_status(pause(Channel)));
}

VOID VmbChannelStart(VMBCHANNEL Channel)
{
    enum vmb_status status = VMB_OK;

    if (vmb_kmcl_is_disabled(Channel))
        Channel->auto_pause = false;
    else if (vmb_kmcl_at_dispatch(Channel))
        status = VMB_E_STATE;
    else
        status = vmb_channel_start(&Channel->channel);
    vmb_kmcl_record(Channel->device, __func__, vmb_kmcl_status(status));
}

/* ---- Settings ------------------------------------------------------------ */

VOID VmbChannelSetIncomingProcessingAtPassive(VMBCHANNEL Channel,
                                              BOOLEAN RequirePassive)
{
    Channel->cfg.at_passive = RequirePassive != FALSE;
    if (Channel->laid_out)
        vmb_channel_set_incoming_processing_at_passive(&Channel->channel,
                                                       Channel->cfg.at_passive);
}

NTSTATUS VmbChannelSetInterruptLatency(VMBCHANNEL Channel, UINT16 Latency,
                                       UINT16 *OriginalLatency)
{
    if (!OriginalLatency)
        return STATUS_INVALID_PARAMETER_3;
    return vmb_kmcl_status(vmb_channel_set_interrupt_latency(
        &Channel->channel, Latency, OriginalLatency));
}

VOID VmbChannelSetTransactionQuota(VMBCHANNEL Channel, UINT32 Quota)
{
    if (Quota == 0) {
        vmb_kmcl_record(Channel->device, __func__, STATUS_INVALID_PARAMETER_2);
        return;
    }
    Channel->cfg.quota = Quota;
    if (Channel->laid_out)
        (void)(vmb_channel_set_transaction_quota(&Channel->channel, Quota) ==
               VMB_OK);
}
