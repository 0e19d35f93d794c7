/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include <vmb/wire/vmbus.h>

#include "../host.h"
#include "internal.h"

/*
 * Ours alone to write (the hypervisor reads it), so what stands there is what
 * was set last; it is a number for the caller and nothing is derived from it.
 */
static enum vmb_status set(struct vmb_channel *channel, uint16_t latency,
                           uint16_t *original)
{
    const struct vmb_offer *offer = channel->chan_.offer_;
    struct vmb_monitor_page *page;
    uint32_t id;

    if (!offer)
        return VMB_E_STATE;
    page = channel->cfg_.conn->monitor_to_host_;
    if (!offer->monitored || !page)
        return VMB_E_NOFEATURE;
    id = offer->monitor_id;
    *original = vmb_host_load16(&page->latency[id / 32][id % 32]);
    vmb_host_store16(&page->latency[id / 32][id % 32], latency);
    return VMB_OK;
}

enum vmb_status vmb_channel_set_interrupt_latency(struct vmb_channel *channel,
                                                  uint16_t latency,
                                                  uint16_t *original)
{
    enum vmb_status status;

    if (!vmb_channel_enter(channel))
        return VMB_E_LANE;
    status = set(channel, latency, original);
    vmb_channel_leave(channel);
    return status;
}
