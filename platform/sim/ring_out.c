/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The host as writer: packets queue here until the guest's ring has room. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT (65535u * 8u) /* what the header's length field can say */

/* --- Into the ring -------------------------------------------------------- */

/* Free bytes, or 0 and a dead ring when the guest's index is nonsense. */
static uint32_t room(struct vmb_sim_chan *chan)
{
    struct vmb_h_ring *ring = &chan->out;
    uint32_t out = shm_load(ring->ctl + VMB_SIM_OUT);
    uint32_t used = vmb_h_used(ring, ring->in, ring->out);

    if (!vmb_h_index_ok(ring, out) || vmb_h_used(ring, ring->in, out) > used) {
        vmb_h_ring_wrong(chan, "relid %u: guest's read index %#x, was %#x",
                         chan->relid, out, ring->out);
        chan->dead = true;
        return 0;
    }
    ring->out = out;
    return ring->size - vmb_h_used(ring, ring->in, out);
}

/* An index may not catch up: 8 bytes always stay free. */
static bool fits(struct vmb_sim_chan *chan, uint32_t total)
{
    return !chan->dead && total + 8 <= room(chan);
}

/* Ask for a signal when it fits; and look again, for the guest may have read
 * between the look and the asking. */
static bool fits_or_ask(struct vmb_sim_chan *chan, uint32_t total)
{
    bool qemu = chan->sim->cfg.quirks & VMB_SIM_QEMU;
    uint32_t want = total + 8, least = (chan->out.size - 8) / 4 & ~7u;

    if (fits(chan, total))
        return true;
    if (!qemu && want < least)
        want = least;
    vmb_h_word_set(&chan->out, VMB_SIM_PEND, want);
    shm_fence();
    if (fits(chan, total)) {
        vmb_h_word_set(&chan->out, VMB_SIM_PEND, 0);
        return true;
    }
    if (!chan->waiting)
        chan->sim->stats.ring_full++;
    chan->waiting = true;
    return false;
}

static void publish(struct vmb_sim_chan *chan, uint32_t len)
{
    struct vmb_h_ring *ring = &chan->out;
    uint32_t before = ring->in;

    vmb_h_word_set(ring, VMB_SIM_IN, (ring->in + len) % ring->size);
    ring->in = ring->stored[VMB_SIM_IN / 4];
    shm_fence(); /* our index before the look at the guest's index and mask */
    if (shm_load(ring->ctl + VMB_SIM_MASK) == 0 &&
        shm_load(ring->ctl + VMB_SIM_OUT) == before)
        vmb_h_notify(chan);
}

static void put_packet(struct vmb_sim_chan *chan, struct vmb_h_outgoing *out)
{
    struct vmb_h_ring *ring = &chan->out;

    put32(out->bytes + out->len - 8, 0);
    put32(out->bytes + out->len - 4, ring->in);
    vmb_h_ring_write(ring, ring->in, out->bytes, out->len);
    publish(chan, out->len);
}

/* --- The queue before it -------------------------------------------------- */

static void append(struct vmb_sim_chan *chan, struct vmb_h_outgoing *out)
{
    struct vmb_h_outgoing *last = chan->last;

    chan->backlog++;
    out->next = NULL;
    if (!last) {
        chan->first = chan->last = out;
    } else if (last->swap && !out->swap) { /* let this one overtake */
        struct vmb_h_outgoing **link = &chan->first;

        while (*link != last)
            link = &(*link)->next;
        *link = out;
        out->next = last;
        last->swap = 0;
    } else {
        last->next = out;
        chan->last = out;
    }
}

static void pop(struct vmb_sim_chan *chan)
{
    struct vmb_h_outgoing *out = chan->first;

    chan->first = out->next;
    if (!chan->first)
        chan->last = NULL;
    chan->backlog--;
    free(out);
}

/* A ring found full is looked at again only when the guest signals. */
bool vmb_h_flush(struct vmb_sim_chan *chan, bool signalled)
{
    bool any = false;

    if (chan->waiting && !signalled)
        return false;
    while (chan->first && !chan->first->delay && !chan->first->swap) {
        if (!fits_or_ask(chan, chan->first->len))
            return any;
        put_packet(chan, chan->first);
        pop(chan);
        any = true;
    }
    chan->waiting = false;
    if (chan->out.stored[VMB_SIM_PEND / 4] != 0)
        vmb_h_word_set(&chan->out, VMB_SIM_PEND, 0);
    return any;
}

void vmb_h_outgoing_clear(struct vmb_sim_chan *chan)
{
    while (chan->first)
        pop(chan);
}

bool vmb_h_outgoing_tick(struct vmb_sim_chan *chan)
{
    struct vmb_h_outgoing *head = chan->first;

    if (chan->state != VMB_H_OPEN || !head || (!head->delay && !head->swap))
        return false;
    if (head->delay)
        head->delay--;
    else
        head->swap--;
    vmb_h_flush(chan, false);
    return true;
}

/* --- Making packets ------------------------------------------------------- */

static struct vmb_h_outgoing *build(const struct vmb_sim_out *out,
                                    uint32_t total, uint32_t head)
{
    struct vmb_h_outgoing *made = calloc(1, sizeof *made + total);
    uint8_t *at = made ? made->bytes : NULL;

    if (!made)
        return NULL;
    made->len = total;
    put16(at, out->type);
    put16(at + 2, head / 8);
    put16(at + 4, (total - PKT_TRAILER) / 8);
    put16(at + 6, out->want_completion ? PKT_WANT : 0);
    put64(at + 8, out->xid);
    if (out->type == PKT_XFER) {
        put16(at + PKT_HEADER, out->set);
        put32(at + PKT_HEADER + 4, out->range_count);
    }
    for (uint32_t i = 0; out->type == PKT_XFER && i < out->range_count; i++) {
        put32(at + PKT_HEADER + 8 + 8 * i, out->ranges[i].len);
        put32(at + PKT_HEADER + 12 + 8 * i, out->ranges[i].offset);
    }
    if (out->len)
        memcpy(at + head, out->data, out->len);
    return made;
}

static struct vmb_h_outgoing *copy_of(const struct vmb_h_outgoing *out)
{
    struct vmb_h_outgoing *copy = malloc(sizeof *copy + out->len);

    if (copy)
        memcpy(copy, out, sizeof *copy + out->len);
    return copy;
}

static void disturb(struct vmb_sim_chan *chan, struct vmb_h_outgoing *out,
                    const struct vmb_sim_fault *fault, bool *lost, bool *twice)
{
    chan->disturbed = true;
    switch (fault->act) {
    case VMB_SIM_LOSE:
        *lost = true;
        break;
    case VMB_SIM_DUPLICATE:
        *twice = true;
        break;
    case VMB_SIM_DELAY:
        out->delay = fault->arg;
        break;
    case VMB_SIM_REORDER:
        out->swap = VMB_H_SWAP_STEPS;
        break;
    case VMB_SIM_MALFORM:
        vmb_h_mangle_packet(out->bytes, out->len, fault->arg);
        break;
    case VMB_SIM_SPURIOUS:
        vmb_sim_signal(fault->dev->chan);
        break;
    case VMB_SIM_STALL:
        chan->stall = fault->arg;
        break;
    default:
        break;
    }
}

static void enqueue(struct vmb_sim_chan *chan, struct vmb_h_outgoing *out)
{
    struct vmb_sim *sim = chan->sim;
    uint64_t k = vmb_h_count(sim, VMB_SIM_AT_HOST_PACKET);
    const struct vmb_sim_fault *fault;
    struct vmb_sim_dev *rescind = NULL;
    bool lost = false, twice = false;
    struct vmb_h_outgoing *copy;
    uint32_t from = 0;

    while ((fault = vmb_h_fault(sim, VMB_SIM_AT_HOST_PACKET, k, &from))) {
        if (fault->act == VMB_SIM_RESCIND)
            rescind = fault->dev;
        else
            disturb(chan, out, fault, &lost, &twice);
    }
    copy = twice && !lost ? copy_of(out) : NULL;
    if (lost)
        free(out);
    else
        append(chan, out);
    if (copy)
        append(chan, copy);
    vmb_h_flush(chan, false);
    if (rescind)
        vmb_sim_rescind(rescind);
}

static enum vmb_status send(struct vmb_sim_chan *chan,
                            const struct vmb_sim_out *out)
{
    uint64_t head = PKT_HEADER, total;
    struct vmb_h_outgoing *made;

    if (chan->state != VMB_H_OPEN || chan->dead)
        return VMB_E_STATE;
    if (out->type == PKT_XFER)
        head += 8 + 8 * (uint64_t)out->range_count;
    total = head + (((uint64_t)out->len + 7) & ~(uint64_t)7) + PKT_TRAILER;
    if (total - PKT_TRAILER > LIMIT || total + 16 > chan->out.size)
        return VMB_E_TOOBIG;
    made = build(out, (uint32_t)total, (uint32_t)head);
    if (!made)
        return VMB_E_NOSLOT;
    if (out->type == PKT_COMPLETION)
        vmb_h_due_remove(&chan->due_guest, out->xid);
    else if (out->want_completion)
        vmb_h_due_add(&chan->due_host, out->xid, NULL);
    enqueue(chan, made);
    return VMB_OK;
}

enum vmb_status vmb_sim_send(struct vmb_sim_chan *chan,
                             const struct vmb_sim_out *out)
{
    enum vmb_status status;

    vmb_h_enter(chan->sim);
    status = send(chan, out);
    vmb_h_leave(chan->sim);
    return status;
}

enum vmb_status vmb_sim_send_inband(struct vmb_sim_chan *chan, uint64_t xid,
                                    const void *data, uint32_t len,
                                    bool want_completion)
{
    struct vmb_sim_out out = { .type = PKT_INBAND,
                               .want_completion = want_completion,
                               .xid = xid,
                               .data = data,
                               .len = len };

    return vmb_sim_send(chan, &out);
}

enum vmb_status vmb_sim_complete(struct vmb_sim_chan *chan, uint64_t xid,
                                 const void *data, uint32_t len)
{
    struct vmb_sim_out out = {
        .type = PKT_COMPLETION, .xid = xid, .data = data, .len = len
    };

    return vmb_sim_send(chan, &out);
}
