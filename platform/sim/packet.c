/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* One packet from the guest: checked byte by byte, then given the device. */
#include "internal.h"

#include <stdlib.h>

/* A packet being read: a private copy, so that nothing is fetched twice. */
struct reading {
    struct vmb_sim_chan *chan;
    uint8_t *bytes;
    uint32_t type, flags, head, body; /* bytes up to data, up to trailer */
    struct vmb_sim_packet packet;
    struct vmb_sim_range *ranges;
    uint64_t *pfns; /* of all ranges, aligned */
};

static void corrupt(struct vmb_sim_chan *chan, const char *what, uint32_t value)
{
    vmb_h_ring_wrong(chan, "relid %u: packet at %#x: %s (%#x)", chan->relid,
                     chan->in.out, what, value);
    chan->dead = true;
}

static bool header(struct reading *r, uint32_t held)
{
    struct vmb_sim_chan *chan = r->chan;
    uint8_t head[PKT_HEADER];

    if (held < PKT_HEADER + PKT_TRAILER) {
        corrupt(chan, "less than a packet in the ring", held);
        return false;
    }
    vmb_h_ring_read(&chan->in, chan->in.out, head, sizeof head);
    r->type = get16(head);
    r->head = get16(head + 2) * 8u;
    r->body = get16(head + 4) * 8u;
    r->flags = get16(head + 6);
    if (r->head < PKT_HEADER || r->body < r->head) {
        corrupt(chan, "data offset against length", get32(head + 2));
        return false;
    }
    if (r->body + PKT_TRAILER > held) {
        corrupt(chan, "longer than what was published", r->body);
        return false;
    }
    if (r->flags & ~PKT_WANT) {
        corrupt(chan, "unknown flags", r->flags);
        return false;
    }
    r->packet.xid = get64(head + 8);
    return true;
}

static void trailer(struct reading *r)
{
    struct vmb_sim_chan *chan = r->chan;
    const uint8_t *at = r->bytes + r->body;

    if (get32(at) != 0 || get32(at + 4) != chan->in.out)
        vmb_h_ring_wrong(chan, "relid %u: packet at %#x: trailer says %#x, %#x",
                         chan->relid, chan->in.out, get32(at), get32(at + 4));
}

/* One range of the descriptor at *at; false: does not fit or makes no sense. */
static bool range(struct reading *r, uint32_t *at, struct vmb_sim_range *out,
                  uint64_t *pfn)
{
    uint64_t pages;

    if (*at + 8 > r->head)
        return false;
    out->len = get32(r->bytes + *at);
    out->offset = get32(r->bytes + *at + 4);
    *at += 8;
    pages = ((uint64_t)out->len + out->offset + 4095) / 4096;
    if (out->offset > 4095 || pages > (r->head - *at) / 8)
        return false;
    if (out->len == 0)
        vmb_h_ring_wrong(r->chan, "relid %u: packet at %#x: empty range",
                         r->chan->relid, r->chan->in.out);
    out->pfns = pfn;
    out->pfn_count = (uint32_t)pages;
    for (uint32_t i = 0; i < out->pfn_count; i++, *at += 8)
        pfn[i] = get64(r->bytes + *at);
    return true;
}

static bool external(struct reading *r)
{
    uint32_t count, at = PKT_HEADER + 8, pfns = 0;

    if (r->head < at) {
        corrupt(r->chan, "no room for a range count", r->head);
        return false;
    }
    count = get32(r->bytes + PKT_HEADER + 4);
    if (count == 0 || count > (r->head - at) / 8) {
        corrupt(r->chan, "range count", count);
        return false;
    }
    if (get32(r->bytes + PKT_HEADER) != 0)
        vmb_h_ring_wrong(r->chan, "relid %u: reserved word before the ranges",
                         r->chan->relid);
    r->ranges = calloc(count, sizeof *r->ranges);
    r->pfns = calloc(r->head / 8, sizeof *r->pfns);
    if (!r->ranges || !r->pfns)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!range(r, &at, &r->ranges[i], r->pfns + pfns)) {
            corrupt(r->chan, "range does not fit or offset above 4095", i);
            return false;
        }
        pfns += r->ranges[i].pfn_count;
        r->packet.external += r->ranges[i].len;
    }
    if (at != r->head)
        vmb_h_ring_wrong(r->chan, "relid %u: %u surplus descriptor bytes",
                         r->chan->relid, r->head - at);
    r->packet.ranges = r->ranges;
    r->packet.range_count = count;
    return true;
}

static bool descriptor(struct reading *r)
{
    if (r->type == PKT_GPA_DIRECT)
        return external(r);
    if (r->type != PKT_INBAND && r->type != PKT_COMPLETION) {
        corrupt(r->chan, "packet type", r->type);
        return false;
    }
    if (r->head != PKT_HEADER)
        vmb_h_ring_wrong(r->chan, "relid %u: packet at %#x: descriptor of %u",
                         r->chan->relid, r->chan->in.out, r->head);
    return true;
}

/* Who owes whom an answer from now on. */
static void account(struct reading *r)
{
    struct vmb_sim_chan *chan = r->chan;

    if (r->type == PKT_COMPLETION) {
        if (!vmb_h_due_remove(&chan->due_host, r->packet.xid))
            vmb_h_ring_wrong(chan, "relid %u: completion %#llx of nothing",
                             chan->relid, (unsigned long long)r->packet.xid);
        if (r->flags & PKT_WANT)
            vmb_h_ring_wrong(chan, "relid %u: completion wants a completion",
                             chan->relid);
        return;
    }
    if (r->flags & PKT_WANT &&
        !vmb_h_due_add(&chan->due_guest, r->packet.xid, &r->packet))
        vmb_h_ring_wrong(chan, "relid %u: transaction %#llx is in flight",
                         chan->relid, (unsigned long long)r->packet.xid);
}

static void hand_over(struct reading *r)
{
    const struct vmb_sim_device *is = &r->chan->dev->is;

    r->packet.type = (uint16_t)r->type;
    r->packet.want_completion = r->flags & PKT_WANT;
    r->packet.data = r->bytes + r->head;
    r->packet.len = r->body - r->head;
    r->packet.chan = r->chan;
    account(r);
    if (is->on_packet)
        is->on_packet(is->ctx, &r->packet);
}

/* Faults at this packet, once; true: it is lost. */
static bool meddle(struct vmb_sim_chan *chan)
{
    uint64_t k = vmb_h_count(chan->sim, VMB_SIM_AT_GUEST_PACKET);
    const struct vmb_sim_fault *fault;
    uint32_t from = 0;
    bool lost = false;

    while (
        (fault = vmb_h_fault(chan->sim, VMB_SIM_AT_GUEST_PACKET, k, &from))) {
        switch (fault->act) {
        case VMB_SIM_LOSE:
            lost = true;
            break;
        case VMB_SIM_DELAY:
        case VMB_SIM_STALL:
            chan->stall = fault->arg;
            break;
        case VMB_SIM_RESCIND:
            vmb_sim_rescind(fault->dev);
            break;
        case VMB_SIM_SPURIOUS:
            vmb_sim_signal(fault->dev->chan);
            break;
        default:
            break;
        }
    }
    return lost;
}

static void process(struct reading *r, bool lost)
{
    struct vmb_sim_chan *chan = r->chan;

    vmb_h_ring_read(&chan->in, chan->in.out, r->bytes, r->body + PKT_TRAILER);
    trailer(r);
    if (!descriptor(r))
        return;
    if (lost)
        account(r);
    else
        hand_over(r);
}

/*
 * False: stop here.  Corrupt, or the host pauses before this packet, or the
 * channel is gone (chan->state tells).
 */
bool vmb_h_packet_take(struct vmb_sim_chan *chan, uint32_t held,
                       uint32_t *taken)
{
    struct reading r = { .chan = chan };
    bool lost = false;

    if (!header(&r, held))
        return false;
    if (!chan->counted) {
        lost = meddle(chan);
        chan->counted = true;
    }
    if (chan->state != VMB_H_OPEN || chan->stall > 0)
        return false;
    chan->counted = false;
    *taken = r.body + PKT_TRAILER;
    r.bytes = malloc(*taken);
    if (r.bytes)
        process(&r, lost);
    free(r.pfns);
    free(r.ranges);
    free(r.bytes);
    return !chan->dead;
}
