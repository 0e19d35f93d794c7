/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Open, close, modify; and the signal to the guest. */
#include "internal.h"

#include <string.h>

static void open_result(struct vmb_sim_chan *chan, uint32_t open_id,
                        uint32_t status)
{
    uint8_t m[20] = { MSG_OPEN_RESULT };

    put32(m + CHAN_ID, chan->relid);
    put32(m + OPEN_ID, open_id);
    put32(m + 16, status);
    vmb_h_post(chan->sim, m, sizeof m);
}

static void bell_set(struct vmb_sim_chan *chan, uint32_t connection)
{
    struct vmb_h_bell *bell = &chan->sim->bell[chan->slot];

    chan->connection = connection;
    __atomic_store_n(&bell->connection, connection, __ATOMIC_RELAXED);
    __atomic_store_n(&bell->rung, 0, __ATOMIC_RELAXED);
}

void vmb_h_ring_bell(struct vmb_sim_chan *chan)
{
    __atomic_store_n(&chan->sim->bell[chan->slot].rung, VMB_H_BY_HOST,
                     __ATOMIC_RELEASE);
}

static bool connection_taken(struct vmb_sim *sim, uint32_t connection)
{
    for (uint32_t i = 0; i < sim->chans; i++) {
        if (sim->bell[i].connection == connection)
            return true;
    }
    return false;
}

/* Where signals go, both ways; 0: fine. */
static uint32_t signals(struct vmb_sim_chan *chan,
                        const struct vmb_h_message *message, uint32_t *id)
{
    struct vmb_sim *sim = chan->sim;
    uint32_t vp = get32(message->bytes + OPEN_VP);

    *id = chan->offered_id;
    chan->flag = chan->relid;
    chan->target_vp = vp;
    if (sim->features & FEATURE_SIGNAL_PARAMETERS) {
        *id = get32(message->bytes + OPEN_CONNECTION);
        chan->flag = get16(message->bytes + OPEN_FLAG);
    }
    if (*id == EVENT_ID_SHARED)
        *id = 0; /* no id of its own: the interrupt page says whose it is */
    if (vp != VP_NO_INTERRUPT && vp >= sim->cfg.vps) {
        vmb_h_wrong(sim, "relid %u: open names VP %u, there are %u",
                    chan->relid, vp, sim->cfg.vps);
        return STATUS_FAILED;
    }
    if (*id && connection_taken(sim, *id)) {
        vmb_h_wrong(sim, "relid %u: connection id %#x is in use", chan->relid,
                    *id);
        return STATUS_FAILED;
    }
    return chan->flag < VMB_H_CHANNELS ? 0 : STATUS_FAILED;
}

static uint32_t try_open(struct vmb_sim_chan *chan,
                         const struct vmb_h_message *message)
{
    const struct vmb_sim_device *is = &chan->dev->is;
    uint32_t id, status = signals(chan, message, &id);

    if (status)
        return status;
    if (!vmb_h_rings_attach(chan, get32(message->bytes + OPEN_GPADL),
                            get32(message->bytes + OPEN_SPLIT)))
        return chan->sim->cfg.quirks & VMB_SIM_QEMU ? 1 : STATUS_FAILED;
    chan->ring_gpadl = get32(message->bytes + OPEN_GPADL);
    chan->state = VMB_H_OPENING;
    bell_set(chan, id);
    if (is->on_open)
        status = is->on_open(is->ctx, chan, message->bytes + OPEN_USER);
    return status;
}

void vmb_sim_open_done(struct vmb_sim_chan *chan, uint32_t status)
{
    vmb_h_enter(chan->sim);
    if (chan->state == VMB_H_OPENING) {
        if (status) {
            bell_set(chan, 0);
            vmb_h_rings_detach(chan);
            chan->state = VMB_H_CLOSED;
        } else {
            chan->state = VMB_H_OPEN;
            vmb_h_ring_bell(chan); /* what the ring already holds */
        }
        open_result(chan, chan->open_id, status);
    }
    vmb_h_leave(chan->sim);
}

static void start(struct vmb_sim_chan *chan)
{
    chan->waiting = chan->dead = chan->disturbed = false;
    chan->stalled = chan->counted = false;
    chan->stall = 0;
    chan->seen = 0;
}

void vmb_h_open(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    uint32_t relid = get32(message->bytes + CHAN_ID), status;
    struct vmb_sim_chan *chan = vmb_h_by_relid(sim, relid);
    uint32_t wants = FEATURE_SIGNAL_PARAMETERS | FEATURE_REDIRECTION;

    if (!chan || chan->state != VMB_H_CLOSED) {
        vmb_h_odd(sim, "open of relid %u, which is %s", relid,
                  chan ? "open" : "not offered");
        return;
    }
    if (chan->revoked)
        return;
    if (sim->features & wants && message->len < OPEN2_LEN) {
        /* Our answer to the version, which names them, may have been bent. */
        vmb_h_odd(sim, "relid %u: open of %u bytes, features ask for %u", relid,
                  message->len, OPEN2_LEN + 0u);
        return;
    }
    start(chan);
    chan->open_id = get32(message->bytes + OPEN_ID);
    status = message->refuse ? message->refuse : try_open(chan, message);
    if (chan->state == VMB_H_CLOSED)
        open_result(chan, chan->open_id, status);
    else if (status != VMB_SIM_PENDING)
        vmb_sim_open_done(chan, status);
}

/* The device's end of it; no message goes out. */
void vmb_h_chan_close(struct vmb_sim_chan *chan)
{
    const struct vmb_sim_device *is = &chan->dev->is;
    bool was_open = chan->state == VMB_H_OPEN;

    if (chan->state == VMB_H_CLOSED)
        return;
    chan->state = VMB_H_CLOSED;
    bell_set(chan, 0);
    if (was_open && is->on_close)
        is->on_close(is->ctx, chan);
    vmb_h_outgoing_clear(chan);
    vmb_h_due_clear(&chan->due_guest);
    vmb_h_due_clear(&chan->due_host);
    vmb_h_rings_detach(chan);
}

void vmb_h_close(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    uint32_t relid = get32(message->bytes + CHAN_ID);
    struct vmb_sim_chan *chan = vmb_h_by_relid(sim, relid);

    if (!chan || (chan->state == VMB_H_CLOSED && !chan->revoked)) {
        vmb_h_odd(sim, "close of relid %u, which is not open", relid);
        return;
    }
    if (chan->revoked)
        return;
    vmb_h_chan_close(chan);
    vmb_h_gpadl_let_go(chan);
    if (chan->index != 0 || sim->cfg.quirks & VMB_SIM_QEMU)
        return;
    for (struct vmb_sim_chan *c = chan->next; c; c = c->next)
        vmb_h_revoke(c); /* sub-channels do not outlive their primary */
}

void vmb_h_modify(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    uint32_t relid = get32(message->bytes + CHAN_ID);
    uint32_t vp = get32(message->bytes + 12), status = message->refuse;
    struct vmb_sim_chan *chan = vmb_h_by_relid(sim, relid);
    uint8_t m[16] = { MSG_MODIFIED };

    if (chan && chan->revoked)
        return;
    if (!chan || chan->state != VMB_H_OPEN ||
        chan->target_vp == VP_NO_INTERRUPT || vp == VP_NO_INTERRUPT) {
        vmb_h_odd(sim, "modify of relid %u to VP %#x: not possible", relid, vp);
        return;
    }
    if (vp >= sim->cfg.vps) {
        vmb_h_wrong(sim, "modify of relid %u to VP %u, there are %u", relid, vp,
                    sim->cfg.vps);
        status = STATUS_FAILED;
    }
    if (!status)
        chan->target_vp = vp;
    put32(m + CHAN_ID, relid);
    put32(m + 12, status);
    if (sim->version >= VERSION_5_3)
        vmb_h_post(sim, m, sizeof m);
}

void vmb_h_notify(struct vmb_sim_chan *chan)
{
    struct vmb_sim *sim = chan->sim;
    uint32_t flag = chan->flag, vp = chan->target_vp;

    if (chan->target_vp == VP_NO_INTERRUPT)
        return;
    if (sim->interrupt_page) {
        uint32_t bit = 1u << flag % 32;

        /* First half of the page; flag 0 tells the guest to look there. */
        if (shm_or(sim->interrupt_page + flag / 32 * 4, bit) & bit)
            return;
        flag = 0;
        if (!(sim->cfg.quirks & VMB_SIM_QEMU))
            vp = 0; /* whatever the open said */
    }
    vmb_h_event(sim, vp, flag);
}

void vmb_sim_signal(struct vmb_sim_chan *chan)
{
    vmb_h_enter(chan->sim);
    if (chan->state == VMB_H_OPEN)
        vmb_h_notify(chan);
    vmb_h_leave(chan->sim);
}

uint32_t vmb_sim_open_channels(struct vmb_sim *sim)
{
    uint32_t count = 0;

    vmb_h_enter(sim);
    for (uint32_t i = 0; i < sim->chans; i++)
        count += sim->chan[i]->state != VMB_H_CLOSED;
    vmb_h_leave(sim);
    return count;
}

/* --- Asking about one ----------------------------------------------------- */

struct vmb_sim_chan *vmb_sim_channel(struct vmb_sim_dev *dev, uint32_t index)
{
    struct vmb_sim_chan *chan;

    vmb_h_enter(dev->sim);
    for (chan = dev->chan; chan && chan->index != index;)
        chan = chan->next;
    vmb_h_leave(dev->sim);
    return chan;
}

struct vmb_sim *vmb_sim_of(const struct vmb_sim_chan *chan)
{
    return chan->sim;
}

static uint32_t locked(const struct vmb_sim_chan *chan, const uint32_t *word)
{
    uint32_t value;

    vmb_h_enter(chan->sim);
    value = *word;
    vmb_h_leave(chan->sim);
    return value;
}

uint32_t vmb_sim_relid(const struct vmb_sim_chan *chan)
{
    return locked(chan, &chan->relid);
}

uint32_t vmb_sim_connection_id(const struct vmb_sim_chan *chan)
{
    return locked(chan, &chan->connection);
}

uint32_t vmb_sim_sub_index(const struct vmb_sim_chan *chan)
{
    return chan->index;
}

bool vmb_sim_is_open(const struct vmb_sim_chan *chan)
{
    bool open;

    vmb_h_enter(chan->sim);
    open = chan->state == VMB_H_OPEN;
    vmb_h_leave(chan->sim);
    return open;
}

bool vmb_sim_is_dead(const struct vmb_sim_chan *chan)
{
    bool dead;

    vmb_h_enter(chan->sim);
    dead = chan->state == VMB_H_OPEN && chan->dead;
    vmb_h_leave(chan->sim);
    return dead;
}

uint32_t vmb_sim_backlog(const struct vmb_sim_chan *chan)
{
    return locked(chan, &chan->backlog);
}
