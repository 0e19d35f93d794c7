/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

enum vmb_status vmb_packet_initialize(struct vmb_channel *channel, void *memory,
                                      size_t bytes, struct vmb_packet **packet)
{
    if (!memory || (uintptr_t)memory % 8)
        return VMB_E_ARG;
    /* Of a channel that was never made a packet has 0: less than any size. */
    if (bytes <= vmb_channel_sizeof_packet(channel) - 1)
        return VMB_E_NOSLOT;
    *packet = vmb_memory_packet(channel, memory);
    return VMB_OK;
}

static void free_itself(struct vmb_packet *packet, enum vmb_status status,
                        const void *buffer, uint32_t bytes)
{
    (void)status;
    (void)buffer;
    (void)bytes;
    /* Cannot fail: a packet is idle while its routine runs. */
    (void)(vmb_packet_free(packet) == VMB_OK);
}

static struct vmb_packet *allocate(struct vmb_channel *channel)
{
    struct vmb_packet *packet;

    if (!channel->free_packets_)
        return NULL;
    packet = (void *)vmb_free_pop(&channel->free_packets_);
    channel->allocated_++;
    packet->queued_.state_ = VMB_PACKET_IDLE;
    packet->channel_ = channel;
    packet->routine_ = free_itself;
    packet->pointer_ = NULL;
    packet->pooled_ = true;
    return packet;
}

struct vmb_packet *vmb_packet_allocate(struct vmb_channel *channel)
{
    struct vmb_packet *packet;

    if (!vmb_channel_enter(channel))
        return NULL;
    packet = allocate(channel);
    vmb_channel_leave(channel);
    return packet;
}

enum vmb_status vmb_packet_free(struct vmb_packet *packet)
{
    struct vmb_channel *channel = packet->channel_;

    if (!channel || packet->queued_.state_ != VMB_PACKET_IDLE)
        return VMB_E_STATE;
    if (!vmb_channel_enter(channel))
        return VMB_E_LANE;
    packet->queued_.state_ = VMB_PACKET_NONE;
    packet->channel_ = NULL;
    if (packet->pooled_) {
        vmb_free_push(&channel->free_packets_, &packet->queued_);
        channel->allocated_--;
    }
    vmb_channel_leave(channel);
    return VMB_OK;
}

enum vmb_status vmb_packet_set_completion_routine(
    struct vmb_packet *packet,
    void (*routine)(struct vmb_packet *packet, enum vmb_status status,
                    const void *buffer, uint32_t bytes))
{
    if (packet->queued_.state_ != VMB_PACKET_IDLE)
        return VMB_E_STATE;
    if (!routine)
        return VMB_E_ARG;
    packet->routine_ = routine;
    return VMB_OK;
}

void vmb_packet_set_pointer(struct vmb_packet *packet, void *pointer)
{
    packet->pointer_ = pointer;
}

void *vmb_packet_get_pointer(const struct vmb_packet *packet)
{
    return packet->pointer_;
}

struct vmb_channel *vmb_packet_get_channel(const struct vmb_packet *packet)
{
    return packet->channel_;
}

enum vmb_packet_state vmb_packet_state(const struct vmb_packet *packet)
{
    return (enum vmb_packet_state)packet->queued_.state_;
}
