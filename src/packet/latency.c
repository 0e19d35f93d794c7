/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include <vmb/wire/vmbus.h>

#include "../host.h"
#include "internal.h"

/* The host's page when the offer says nothing of monitors, or there is none. */
static struct vmb_monitor_page *page_of(const struct vmb_channel *channel)
{
    const struct vmb_offer *offer = channel->chan_.offer_;

    return offer && offer->monitored ? channel->cfg_.conn->monitor_to_host_
                                     : NULL;
}

/*
 * Ours alone to write (the hypervisor reads it), so what stands there is what
 * was set last; it is a number for the caller and nothing is derived from it.
 */
static enum vmb_status set(struct vmb_channel *channel, uint16_t latency,
                           uint16_t *original)
{
    struct vmb_monitor_page *page = page_of(channel);
    uint32_t id;

    if (!vmb_channel_flows(channel) && channel->inside_ != VMB_INSIDE_OPENED)
        return VMB_E_STATE;
    if (!page)
        return VMB_E_NOFEATURE;
    id = channel->chan_.offer_->monitor_id;
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
