/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Devices and their channels: offered, rescinded, released, offered again. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define QEMU_CONNECTION   16u
#define NATIVE_CONNECTION (VMBUS_SINT << 12)

struct vmb_sim_chan *vmb_h_by_relid(struct vmb_sim *sim, uint32_t relid)
{
    for (uint32_t i = 0; i < sim->chans; i++) {
        if (sim->chan[i]->offered && sim->chan[i]->relid == relid)
            return sim->chan[i];
    }
    return NULL;
}

/* --- Making them ---------------------------------------------------------- */

static struct vmb_sim_chan *chan_new(struct vmb_sim_dev *dev, uint16_t index)
{
    struct vmb_sim *sim = dev->sim;
    struct vmb_sim_chan *chan, **link = &dev->chan;

    if (sim->chans >= VMB_H_CHANNELS - 1)
        return NULL;
    chan = calloc(1, sizeof *chan);
    if (!chan)
        return NULL;
    chan->sim = sim;
    chan->dev = dev;
    chan->index = index;
    chan->slot = sim->chans;
    while (*link)
        link = &(*link)->next;
    *link = chan;
    sim->chan[chan->slot] = chan;
    /* Signals look at the table without the lock: entry first, then count. */
    __atomic_store_n(&sim->chans, chan->slot + 1, __ATOMIC_RELEASE);
    return chan;
}

static uint32_t free_relid(struct vmb_sim *sim)
{
    for (uint32_t i = 0; i < VMB_H_CHANNELS; i++) {
        uint32_t id = sim->next_relid++;

        if (sim->next_relid >= VMB_H_CHANNELS)
            sim->next_relid = 1;
        if (id != 0 && !vmb_h_by_relid(sim, id))
            return id;
    }
    return 0;
}

static uint32_t signal_id(const struct vmb_sim_chan *chan)
{
    if (chan->dev->is.shared_interrupt && chan->sim->interrupt_page)
        return EVENT_ID_SHARED;
    if (chan->sim->cfg.quirks & VMB_SIM_QEMU)
        return QEMU_CONNECTION + chan->relid;
    return NATIVE_CONNECTION | chan->relid;
}

static void offer(struct vmb_sim_chan *chan)
{
    struct vmb_sim *sim = chan->sim;
    bool monitored = sim->cfg.quirks & VMB_SIM_MONITOR && sim->monitor[1] &&
                     chan->slot < MONITOR_COUNT;
    uint8_t m[OFFER_LEN + 4] = { MSG_OFFER };

    if (chan->relid == 0)
        chan->relid = free_relid(sim);
    chan->offered = true;
    chan->revoked = false;
    chan->reoffer = false;
    chan->offered_id = signal_id(chan);
    memcpy(m + OFFER_TYPE, chan->dev->is.type, 16);
    memcpy(m + OFFER_INSTANCE, chan->dev->is.instance, 16);
    put16(m + OFFER_FLAGS, chan->dev->is.flags);
    put16(m + OFFER_MMIO, chan->dev->is.mmio_mb);
    memcpy(m + OFFER_USER, chan->dev->is.user, USER_BYTES);
    put16(m + OFFER_SUB, chan->index);
    put32(m + OFFER_RELID, chan->relid);
    m[OFFER_MONITOR] = monitored ? (uint8_t)chan->slot : 0;
    m[OFFER_MONITORED] = monitored;
    m[OFFER_DEDICATED] = chan->offered_id != EVENT_ID_SHARED;
    put32(m + OFFER_CONNECTION, chan->offered_id);
    vmb_h_post(sim, m, OFFER_LEN);
}

/* Offer if the guest has asked for offers; later if the old one still is. */
static void offer_when_due(struct vmb_sim_chan *chan)
{
    if (chan->revoked)
        chan->reoffer = true;
    else if (chan->sim->offers_sent && !chan->offered)
        offer(chan);
}

struct vmb_sim_dev *vmb_sim_device_add(struct vmb_sim *sim,
                                       const struct vmb_sim_device *device)
{
    struct vmb_sim_dev *dev = calloc(1, sizeof *dev), **link = &sim->devs;
    bool ok = dev != NULL;

    if (!ok)
        return NULL;
    vmb_h_enter(sim);
    dev->sim = sim;
    dev->is = *device;
    dev->present = true;
    while (*link)
        link = &(*link)->next;
    *link = dev; /* the machine owns it from here on, complete or not */
    for (uint32_t i = 0; ok && i <= device->subchannels; i++) {
        struct vmb_sim_chan *chan = chan_new(dev, (uint16_t)i);

        ok = chan != NULL;
        if (ok)
            chan->fixed = true;
    }
    dev->present = ok;
    for (struct vmb_sim_chan *c = dev->chan; ok && c; c = c->next)
        offer_when_due(c);
    vmb_h_leave(sim);
    vmb_h_kick(sim);
    return ok ? dev : NULL;
}

enum vmb_status vmb_sim_offer_subchannels(struct vmb_sim_dev *dev,
                                          uint32_t count)
{
    enum vmb_status status = VMB_OK;

    vmb_h_enter(dev->sim);
    for (uint32_t i = 1; i <= count && status == VMB_OK; i++) {
        struct vmb_sim_chan *chan = vmb_sim_channel(dev, i);

        if (!chan)
            chan = chan_new(dev, (uint16_t)i);
        if (!chan)
            status = VMB_E_NOSLOT;
        else if (dev->present)
            offer_when_due(chan);
    }
    vmb_h_leave(dev->sim);
    vmb_h_kick(dev->sim);
    return status;
}

/* --- Messages ------------------------------------------------------------- */

void vmb_h_request_offers(struct vmb_sim *sim,
                          const struct vmb_h_message *message)
{
    uint8_t done[8] = { MSG_ALL_OFFERS };

    if (sim->offers_sent) {
        vmb_h_odd(sim, "second REQUESTOFFERS on one connection");
        if (!(sim->cfg.quirks & VMB_SIM_QEMU))
            return;
    }
    (void)message;
    sim->offers_sent = true;
    for (uint32_t i = 0; i < sim->chans; i++) {
        struct vmb_sim_chan *chan = sim->chan[i];

        if (chan->dev->present && chan->fixed)
            offer_when_due(chan);
    }
    vmb_h_post(sim, done, sizeof done);
}

/* The offer is forgotten by both sides; what was held back may follow. */
static void vanish(struct vmb_sim_chan *chan)
{
    uint32_t live = 0;

    for (struct vmb_h_gpadl *g = chan->sim->gpadls; g; g = g->next)
        live += g->chan == chan;
    if (live)
        vmb_h_odd(chan->sim, "relid %u released with %u GPADLs up", chan->relid,
                  live);
    vmb_h_gpadl_drop_all(chan);
    chan->offered = false;
    chan->revoked = false;
    if (chan->reoffer)
        offer(chan);
    else
        chan->relid = 0;
}

void vmb_h_released(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    uint32_t relid = get32(message->bytes + CHAN_ID);
    struct vmb_sim_chan *chan = vmb_h_by_relid(sim, relid);

    if (!chan) {
        vmb_h_odd(sim, "RELID_RELEASED for relid %u, not offered", relid);
        return;
    }
    if (!chan->revoked)
        vmb_h_odd(sim, "unneeded RELID_RELEASED for relid %u", relid);
    if (sim->cfg.quirks & VMB_SIM_QEMU || chan->state != VMB_H_CLOSED)
        return;
    vanish(chan);
}

/* --- Taking them away ----------------------------------------------------- */

void vmb_h_revoke(struct vmb_sim_chan *chan)
{
    uint8_t m[12] = { MSG_RESCIND };

    if (!chan->offered || chan->revoked)
        return;
    vmb_h_chan_close(chan);
    if (chan->sim->cfg.quirks & VMB_SIM_MUTE_RESCIND)
        vmb_h_gpadl_drop_all(chan);
    else
        vmb_h_gpadl_let_go(chan);
    chan->revoked = true;
    put32(m + CHAN_ID, chan->relid);
    vmb_h_post(chan->sim, m, sizeof m);
}

static void revoke_all(struct vmb_sim_dev *dev)
{
    uint32_t count = 0;

    for (struct vmb_sim_chan *c = dev->chan; c; c = c->next)
        count++;
    while (count-- > 0) /* sub-channels before the primary */
        vmb_h_revoke(vmb_sim_channel(dev, count));
}

void vmb_sim_rescind(struct vmb_sim_dev *dev)
{
    vmb_h_enter(dev->sim);
    dev->present = false;
    for (struct vmb_sim_chan *c = dev->chan; c; c = c->next)
        c->reoffer = false;
    revoke_all(dev);
    vmb_h_leave(dev->sim);
    vmb_h_kick(dev->sim);
}

void vmb_sim_reoffer(struct vmb_sim_dev *dev)
{
    vmb_h_enter(dev->sim);
    dev->present = true;
    for (struct vmb_sim_chan *c = dev->chan; c; c = c->next) {
        if (c->fixed)
            offer_when_due(c);
    }
    vmb_h_leave(dev->sim);
    vmb_h_kick(dev->sim);
}

void vmb_h_offers_forget(struct vmb_sim *sim)
{
    for (uint32_t i = 0; i < sim->chans; i++) {
        struct vmb_sim_chan *chan = sim->chan[i];

        chan->relid = 0;
        chan->offered = chan->revoked = chan->reoffer = false;
    }
    sim->next_relid = sim->cfg.first_relid;
}

uint32_t vmb_sim_unreleased(struct vmb_sim *sim)
{
    uint32_t count = 0;

    vmb_h_enter(sim);
    for (uint32_t i = 0; i < sim->chans; i++)
        count += sim->chan[i]->revoked;
    vmb_h_leave(sim);
    return count;
}
