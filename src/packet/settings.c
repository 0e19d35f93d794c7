/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

enum vmb_status vmb_channel_set_transaction_quota(struct vmb_channel *channel,
                                                  uint32_t quota)
{
    if (quota == 0)
        return VMB_E_ARG;
    channel->cfg_.quota = quota;
    return VMB_OK;
}

void vmb_channel_set_incoming_processing_at_passive(struct vmb_channel *channel,
                                                    bool required)
{
    channel->cfg_.at_passive = required;
}

struct vmb_chan *vmb_channel_chan(struct vmb_channel *channel)
{
    return &channel->chan_;
}

struct vmb_channel *vmb_channel_of(struct vmb_chan *chan)
{
    uint8_t *at = (uint8_t *)chan - offsetof(struct vmb_channel, chan_);

    return (struct vmb_channel *)(void *)at;
}

struct vmb_conn *vmb_channel_conn(const struct vmb_channel *channel)
{
    return channel->cfg_.conn;
}

bool vmb_channel_is_inside(const struct vmb_channel *channel)
{
    return channel->inside_ != VMB_INSIDE_NOTHING;
}

void vmb_channel_set_pointer(struct vmb_channel *channel, void *pointer)
{
    channel->pointer_ = pointer;
}

void *vmb_channel_get_pointer(const struct vmb_channel *channel)
{
    return channel->pointer_;
}

const char *vmb_channel_friendly_name(const struct vmb_channel *channel)
{
    return channel->name_;
}

void vmb_channel_get_interface_instance(const struct vmb_channel *channel,
                                        struct vmb_guid *instance)
{
    *instance = channel->active_instance_;
}

void vmb_channel_get_mmio_space(const struct vmb_channel *channel,
                                uint64_t *address, uint64_t *bytes)
{
    *bytes = channel->mmio_size_;
    *address = channel->mmio_size_ ? channel->cfg_.mmio_address : 0;
}

size_t vmb_channel_sizeof_packet(const struct vmb_channel *channel)
{
    return channel->packet_bytes_;
}
