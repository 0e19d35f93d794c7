/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * How a channel is to be, what that takes, and where in its memory it lies:
 *
 *   | rings, each a control page first | transactions | incoming | packets |
 *   page aligned                         all aligned to 8
 *
 * A packet object is its head, copies of an MDL chain and of its page numbers,
 * and a copy of the payload; an incoming one its head, the client's context,
 * ranges and the payload.
 */
#include <vmb/wire/ring.h>

#include "internal.h"

#define RING_PACKETS 4u /* of the largest, in a ring that nobody sized */
#define WIRE_BYTES   (VMB_PACKET_LENGTH8_MAX * 8u)
/* What a packet takes beside its length, and what a ring keeps free: see
 * vmb_ring_reserve(). */
#define RING_REST (VMB_PACKET_TRAILER_BYTES + 16u)

/* Bytes of each part.  Numbers of up to 32 bits, at most 65535 times: no sum
 * or product here wraps 64. */
struct plan {
    uint64_t out_on_wire, in_on_wire; /* of the largest packets */
    uint64_t tx_pages, rx_pages;
    uint64_t rings, txns, incoming, packet, all;
};

static uint64_t round8(uint64_t bytes)
{
    return (bytes + 7) & ~7ull;
}

static uint64_t mdl_bytes(const struct vmb_channel_cfg *cfg)
{
    return sizeof(struct vmb_mdl) * (uint64_t)cfg->external_mdls;
}

/* Page numbers of external data at its most scattered: each member has up to
 * 4095 bytes of a page before it and behind it. */
static uint64_t pfn_bytes(const struct vmb_channel_cfg *cfg)
{
    uint64_t rest = 2ull * (VMB_PAGE_SIZE - 1) * cfg->external_mdls;

    return (cfg->external_bytes + rest) / VMB_PAGE_SIZE * 8;
}

static uint64_t ring_pages(uint32_t asked, uint64_t on_wire)
{
    uint64_t bytes = RING_PACKETS * (on_wire + RING_REST);

    return asked ? asked : (bytes + VMB_PAGE_SIZE - 1) / VMB_PAGE_SIZE;
}

static void plan_wire(const struct vmb_channel_cfg *cfg, struct plan *plan)
{
    plan->out_on_wire =
        sizeof(struct vmb_packet_header) + sizeof(struct vmb_gpa_direct) +
        sizeof(struct vmb_gpa_range_header) * (uint64_t)cfg->external_mdls +
        pfn_bytes(cfg) + VMB_PIPE_HEADER_BYTES + round8(cfg->packet_bytes);
    plan->in_on_wire =
        sizeof(struct vmb_packet_header) + sizeof(struct vmb_xfer_pages) +
        sizeof(struct vmb_xfer_range) * (uint64_t)cfg->incoming_ranges +
        VMB_PIPE_HEADER_BYTES + round8(cfg->incoming_bytes);
    plan->tx_pages = ring_pages(cfg->tx_pages, plan->out_on_wire);
    plan->rx_pages = ring_pages(cfg->rx_pages, plan->in_on_wire);
}

static void plan_memory(const struct vmb_channel_cfg *cfg, struct plan *plan)
{
    /* An incoming object's buffer takes its completion, too. */
    uint32_t payload = cfg->incoming_bytes > cfg->packet_bytes
                           ? cfg->incoming_bytes
                           : cfg->packet_bytes;

    plan->rings = (plan->tx_pages + plan->rx_pages + 2) * VMB_PAGE_SIZE;
    plan->txns = round8(sizeof(struct vmb_txn) * (uint64_t)cfg->transactions);
    plan->incoming =
        sizeof(struct vmb_packet_completion) + round8(cfg->context_bytes) +
        sizeof(struct vmb_xfer_range) * (uint64_t)cfg->incoming_ranges +
        VMB_PIPE_HEADER_BYTES + round8(payload);
    plan->packet = sizeof(struct vmb_packet) + mdl_bytes(cfg) + pfn_bytes(cfg) +
                   round8(cfg->packet_bytes);
    plan->all = plan->rings + plan->txns + cfg->incoming * plan->incoming +
                cfg->packets * plan->packet;
}

static enum vmb_status check_plan(const struct vmb_channel_cfg *cfg,
                                  const struct plan *plan)
{
    if (plan->out_on_wire > WIRE_BYTES || plan->in_on_wire > WIRE_BYTES ||
        plan->out_on_wire + RING_REST > plan->tx_pages * VMB_PAGE_SIZE ||
        plan->in_on_wire + RING_REST > plan->rx_pages * VMB_PAGE_SIZE ||
        plan->rings > (uint64_t)VMB_GPADL_PAGES * VMB_PAGE_SIZE)
        return VMB_E_TOOBIG;
    if ((cfg->transactions | cfg->incoming | cfg->packets) > UINT16_MAX ||
        cfg->user_len > VMB_CHAN_USER_BYTES || plan->all > SIZE_MAX)
        return VMB_E_TOOBIG;
    return VMB_OK;
}

static void set_default(uint32_t *number, uint32_t value)
{
    if (*number == 0)
        *number = value;
}

static enum vmb_status make_plan(struct vmb_channel_cfg *cfg, struct plan *plan)
{
    set_default(&cfg->packet_bytes, VMB_CHANNEL_PACKET_BYTES);
    set_default(&cfg->external_bytes, VMB_CHANNEL_EXTERNAL_BYTES);
    set_default(&cfg->external_mdls, VMB_CHANNEL_EXTERNAL_MDLS);
    set_default(&cfg->packets, VMB_CHANNEL_PACKETS);
    set_default(&cfg->transactions, VMB_CHANNEL_TRANSACTIONS);
    set_default(&cfg->incoming, VMB_CHANNEL_INCOMING);
    set_default(&cfg->incoming_bytes, cfg->packet_bytes);
    set_default(&cfg->quota, VMB_CHANNEL_QUOTA);
    plan_wire(cfg, plan);
    plan_memory(cfg, plan);
    return check_plan(cfg, plan);
}

size_t vmb_channel_sizeof_memory(const struct vmb_channel_cfg *cfg)
{
    struct vmb_channel_cfg filled = *cfg;
    struct plan plan;

    return make_plan(&filled, &plan) == VMB_OK ? (size_t)plan.all : 0;
}

/* Of what goes out that which is the same every time. */
static void lay_out_queued(const struct vmb_channel_cfg *cfg,
                           struct vmb_queued *queued, void *payload)
{
    queued->inline_ = payload;
    queued->inline_cap_ = cfg->packet_bytes;
    queued->out_.iov = &queued->iov_[1];
    queued->out_.iov_count = 1;
    queued->out_.user = queued;
}

struct vmb_packet *vmb_memory_packet(struct vmb_channel *channel, void *memory)
{
    const struct vmb_channel_cfg *cfg = &channel->cfg_;
    struct vmb_packet *packet = memory;
    uint8_t *at = (uint8_t *)memory + sizeof *packet;

    __builtin_memset(packet, 0, sizeof *packet);
    packet->channel_ = channel;
    packet->mdls_ = (struct vmb_mdl *)(void *)at;
    packet->mdl_cap_ = cfg->external_mdls;
    packet->external_cap_ = cfg->external_bytes;
    at += mdl_bytes(cfg);
    packet->pfns_ = (uint64_t *)(void *)at;
    at += pfn_bytes(cfg);
    lay_out_queued(cfg, &packet->queued_, at);
    packet->queued_.state_ = VMB_PACKET_IDLE;
    packet->queued_.out_.iov -= cfg->pipe;
    packet->queued_.out_.iov_count += cfg->pipe;
    packet->queued_.iov_[0].base = packet->pipe_;
    packet->queued_.iov_[0].len = VMB_PIPE_HEADER_BYTES;
    packet->pipe_[0] = VMB_PIPE_DATA;
    return packet;
}

static void lay_out_incoming(struct vmb_channel *channel, void *memory)
{
    const struct vmb_channel_cfg *cfg = &channel->cfg_;
    struct vmb_packet_completion *in = memory;
    uint8_t *at = (uint8_t *)memory + sizeof *in;

    __builtin_memset(in, 0, sizeof *in + cfg->context_bytes);
    in->channel = channel;
    in->context = cfg->context_bytes ? at : NULL;
    at += round8(cfg->context_bytes);
    in->ranges = (uint64_t *)(void *)at;
    at += sizeof(struct vmb_xfer_range) * (uint64_t)cfg->incoming_ranges;
    lay_out_queued(cfg, &in->queued_, at);
    in->queued_.out_.kind = VMB_COMPLETION;
    vmb_incoming_free(in);
}

static void lay_out(struct vmb_channel *channel, const struct plan *plan)
{
    uint8_t *at = channel->cfg_.memory;
    struct vmb_packet *packet;
    uint32_t i;

    channel->open_.ring = at;
    at += plan->rings;
    channel->open_.txns = (struct vmb_txn *)(void *)at;
    __builtin_memset(at, 0, plan->txns);
    at += plan->txns;
    for (i = 0; i < channel->cfg_.incoming; i++, at += plan->incoming)
        lay_out_incoming(channel, at);
    for (i = 0; i < channel->cfg_.packets; i++, at += plan->packet) {
        packet = vmb_memory_packet(channel, at);
        packet->channel_ = NULL;
        packet->queued_.state_ = VMB_PACKET_NONE;
        vmb_free_push(&channel->free_packets_, &packet->queued_);
    }
}

static enum vmb_status check_cfg(const struct vmb_channel_cfg *cfg)
{
    if (!cfg->conn || (!cfg->type && !cfg->primary) ||
        (cfg->primary && cfg->subchannel == 0))
        return VMB_E_ARG;
    if (!cfg->memory || (uintptr_t)cfg->memory % VMB_PAGE_SIZE ||
        (cfg->user_len && !cfg->user))
        return VMB_E_ARG;
    return VMB_OK;
}

static void make_lists(struct vmb_channel *channel)
{
    vmb_list_init(&channel->queue_);
    vmb_list_init(&channel->in_ring_);
    vmb_list_init(&channel->done_);
    vmb_list_init(&channel->parked_);
}

static void set_up(struct vmb_channel *channel,
                   const struct vmb_channel_cfg *cfg, const struct plan *plan)
{
    void *pointer = channel->pointer_;
    uint32_t i;

    __builtin_memset(channel, 0, sizeof *channel);
    channel->cfg_ = *cfg;
    channel->open_.tx_pages = (uint32_t)plan->tx_pages;
    channel->open_.rx_pages = (uint32_t)plan->rx_pages;
    channel->open_.txn_cap = (uint16_t)cfg->transactions;
    channel->open_.cpu = cfg->cpu;
    channel->open_.user = cfg->user;
    channel->open_.user_len = cfg->user_len;
    channel->packet_bytes_ = (size_t)plan->packet;
    channel->pointer_ = pointer;
    if (cfg->type)
        channel->type_ = *cfg->type;
    if (cfg->instance)
        channel->instance_ = *cfg->instance;
    for (i = 0; cfg->name && i < sizeof channel->name_ - 1 && cfg->name[i]; i++)
        channel->name_[i] = cfg->name[i];
    make_lists(channel);
    lay_out(channel, plan);
}

enum vmb_status vmb_channel_initialize(struct vmb_channel *channel,
                                       const struct vmb_channel_cfg *cfg)
{
    struct vmb_channel_cfg filled = *cfg;
    enum vmb_status status = check_cfg(cfg);
    struct plan plan;

    if (channel->state_ != VMB_CHANNEL_DISABLED || channel->inside_ ||
        channel->allocated_)
        return VMB_E_STATE;
    if (status == VMB_OK)
        status = make_plan(&filled, &plan);
    if (status != VMB_OK)
        return status;
    if (plan.all > cfg->memory_bytes)
        return VMB_E_NOSLOT;
    set_up(channel, &filled, &plan);
    return VMB_OK;
}
