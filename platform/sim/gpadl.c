/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Guest memory lent to the host for longer: GPADLs. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct vmb_h_gpadl *vmb_h_gpadl(struct vmb_sim_chan *chan, uint32_t id)
{
    for (struct vmb_h_gpadl *g = chan->sim->gpadls; g; g = g->next) {
        /* A device and its sub-channels share one map. */
        if (g->id == id && g->accepted && g->chan->dev == chan->dev)
            return g;
    }
    return NULL;
}

static struct vmb_h_gpadl *any_with(struct vmb_sim *sim, uint32_t id)
{
    struct vmb_h_gpadl *gpadl = sim->gpadls;

    while (gpadl && gpadl->id != id)
        gpadl = gpadl->next;
    return gpadl;
}

bool vmb_h_gpadl_range(const struct vmb_h_gpadl *gpadl, uint32_t *at,
                       struct vmb_sim_range *range)
{
    uint64_t head, bytes, pages;

    if (*at >= gpadl->have)
        return false;
    head = gpadl->value[*at];
    range->len = (uint32_t)head;
    range->offset = (uint32_t)(head >> 32);
    range->pfns = &gpadl->value[*at + 1];
    bytes = (uint64_t)range->len + range->offset;
    pages = (bytes + 4095) / 4096;
    if (range->len == 0 || range->offset > 4095 ||
        pages > gpadl->have - *at - 1)
        return false;
    range->pfn_count = (uint32_t)pages;
    *at += 1 + range->pfn_count;
    return true;
}

bool vmb_h_gpadl_has(const struct vmb_h_gpadl *gpadl, uint64_t pfn)
{
    struct vmb_sim_range range;
    uint32_t at = 0;

    while (vmb_h_gpadl_range(gpadl, &at, &range)) {
        for (uint32_t i = 0; i < range.pfn_count; i++) {
            if (range.pfns[i] == pfn)
                return true;
        }
    }
    return false;
}

/* Are the values exactly the ranges that were announced? */
static bool sound(struct vmb_sim *sim, const struct vmb_h_gpadl *gpadl)
{
    struct vmb_sim_range range;
    uint32_t at = 0, count = 0;

    while (count < gpadl->ranges && vmb_h_gpadl_range(gpadl, &at, &range))
        count++;
    if (count < gpadl->ranges) {
        vmb_h_wrong(sim, "GPADL %#x: range %u of %u is not sound", gpadl->id,
                    count, gpadl->ranges);
        return false;
    }
    if (at != gpadl->words)
        vmb_h_wrong(sim, "GPADL %#x: %u surplus values", gpadl->id,
                    gpadl->words - at);
    return true;
}

/* QEMU takes one page-aligned range of whole pages; else it is silent. */
static bool qemu_takes(struct vmb_sim *sim, const struct vmb_h_gpadl *gpadl)
{
    uint64_t head = gpadl->value[0];

    if (!(sim->cfg.quirks & VMB_SIM_QEMU))
        return true;
    return gpadl->ranges == 1 && head >> 32 == 0 &&
           (uint32_t)head == (gpadl->words - 1) * 4096;
}

/* Is nothing answered on this channel any more? */
static bool mute(const struct vmb_sim_chan *chan)
{
    return chan && chan->revoked &&
           chan->sim->cfg.quirks & VMB_SIM_MUTE_RESCIND;
}

static void created(struct vmb_sim *sim, uint32_t relid, uint32_t id,
                    uint32_t status)
{
    uint8_t m[20] = { MSG_GPADL_CREATED };

    put32(m + CHAN_ID, relid);
    put32(m + GPADL_ID, id);
    put32(m + 16, status);
    vmb_h_post(sim, m, sizeof m);
}

void vmb_h_gpadl_drop(struct vmb_sim *sim, struct vmb_h_gpadl *gpadl)
{
    struct vmb_h_gpadl **link = &sim->gpadls;

    while (*link && *link != gpadl)
        link = &(*link)->next;
    if (*link)
        *link = gpadl->next;
    free(gpadl->value);
    free(gpadl);
}

void vmb_h_gpadl_drop_all(struct vmb_sim_chan *chan)
{
    struct vmb_h_gpadl *gpadl = chan->sim->gpadls, *next;

    for (; gpadl; gpadl = next) {
        next = gpadl->next;
        if (gpadl->chan == chan)
            vmb_h_gpadl_drop(chan->sim, gpadl);
    }
}

static void complete(struct vmb_sim *sim, struct vmb_h_gpadl *gpadl)
{
    uint32_t relid = gpadl->chan->relid, id = gpadl->id;
    uint32_t status = gpadl->refuse;

    if (!qemu_takes(sim, gpadl)) {
        vmb_h_trace(sim, "GPADL %#x dropped: not one whole-page range", id);
        vmb_h_gpadl_drop(sim, gpadl);
        return;
    }
    if (!status && !gpadl->chan->revoked && !sound(sim, gpadl))
        status = STATUS_FAILED;
    gpadl->accepted = true;
    if (status)
        vmb_h_gpadl_drop(sim, gpadl);
    created(sim, relid, id, status);
}

static void add_values(struct vmb_sim *sim, struct vmb_h_gpadl *gpadl,
                       const struct vmb_h_message *message, uint32_t from)
{
    while (from + 8 <= message->len && gpadl->have < gpadl->words) {
        gpadl->value[gpadl->have++] = get64(message->bytes + from);
        from += 8;
    }
    if (from != message->len)
        vmb_h_wrong(sim, "GPADL %#x: message %u has %u surplus bytes",
                    gpadl->id, get32(message->bytes), message->len - from);
    if (gpadl->have == gpadl->words)
        complete(sim, gpadl);
}

static struct vmb_h_gpadl *gpadl_new(struct vmb_sim_chan *chan,
                                     const struct vmb_h_message *message)
{
    struct vmb_h_gpadl *gpadl = calloc(1, sizeof *gpadl), **link;

    if (!gpadl)
        return NULL;
    gpadl->chan = chan;
    gpadl->id = get32(message->bytes + GPADL_ID);
    gpadl->words = get16(message->bytes + GPADL_LEN) / 8u;
    gpadl->ranges = get16(message->bytes + GPADL_COUNT);
    gpadl->refuse = message->refuse;
    gpadl->value = calloc(gpadl->words + 1, sizeof *gpadl->value);
    if (!gpadl->value) {
        free(gpadl);
        return NULL;
    }
    for (link = &chan->sim->gpadls; *link;)
        link = &(*link)->next;
    *link = gpadl;
    return gpadl;
}

void vmb_h_gpadl_header(struct vmb_sim *sim,
                        const struct vmb_h_message *message)
{
    uint32_t relid = get32(message->bytes + CHAN_ID);
    uint32_t id = get32(message->bytes + GPADL_ID);
    uint32_t bytes = get16(message->bytes + GPADL_LEN);
    struct vmb_sim_chan *chan = vmb_h_by_relid(sim, relid);
    struct vmb_h_gpadl *gpadl;

    if (!chan) {
        vmb_h_odd(sim, "GPADL %#x for relid %u, not offered", id, relid);
        return;
    }
    if (mute(chan))
        return;
    if (any_with(sim, id)) {
        vmb_h_odd(sim, "GPADL id %#x is in use on this connection", id);
        if (!(sim->cfg.quirks & VMB_SIM_QEMU))
            created(sim, relid, id, STATUS_FAILED);
        return;
    }
    if (bytes % 8 || bytes < 16 || get16(message->bytes + GPADL_COUNT) == 0)
        vmb_h_wrong(sim, "GPADL %#x of %u bytes, %u ranges", id, bytes,
                    get16(message->bytes + GPADL_COUNT));
    gpadl = gpadl_new(chan, message);
    if (gpadl)
        add_values(sim, gpadl, message, GPADL_VALUES);
    else
        vmb_h_wrong(sim, "simulator: out of memory for a GPADL");
}

void vmb_h_gpadl_body(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    uint32_t id = get32(message->bytes + BODY_ID);
    struct vmb_h_gpadl *gpadl = any_with(sim, id);

    /* A body does not say of which channel it is. */
    if (!gpadl && sim->cfg.quirks & VMB_SIM_MUTE_RESCIND)
        return;
    if (!gpadl || gpadl->accepted) {
        vmb_h_odd(sim, "GPADL body for id %#x, which wants none", id);
        return;
    }
    if (message->refuse)
        gpadl->refuse = message->refuse;
    add_values(sim, gpadl, message, BODY_VALUES);
}

static void torndown(struct vmb_sim *sim, struct vmb_h_gpadl *gpadl)
{
    uint8_t m[12] = { MSG_GPADL_TORNDOWN };

    put32(m + CHAN_ID, gpadl->id);
    vmb_h_gpadl_drop(sim, gpadl);
    vmb_h_post(sim, m, sizeof m);
}

static bool in_use(const struct vmb_h_gpadl *gpadl)
{
    const struct vmb_sim_chan *chan = gpadl->chan;

    if (gpadl->held)
        return true;
    return chan->state != VMB_H_CLOSED && chan->ring_gpadl == gpadl->id;
}

void vmb_h_gpadl_teardown(struct vmb_sim *sim,
                          const struct vmb_h_message *message)
{
    uint32_t relid = get32(message->bytes + CHAN_ID);
    uint32_t id = get32(message->bytes + GPADL_ID);
    struct vmb_h_gpadl *gpadl = any_with(sim, id);

    if (!gpadl && mute(vmb_h_by_relid(sim, relid)))
        return;
    if (!gpadl || !gpadl->accepted || gpadl->torn) {
        vmb_h_odd(sim, "teardown of GPADL %#x, which is not up", id);
        return;
    }
    if (gpadl->chan->relid != relid) {
        vmb_h_odd(sim, "teardown of GPADL %#x names relid %u, it is of %u", id,
                  relid, gpadl->chan->relid);
        if (!(sim->cfg.quirks & VMB_SIM_QEMU))
            return;
    }
    if (in_use(gpadl) && !gpadl->held) {
        vmb_h_odd(sim, "GPADL %#x torn down while its channel is open", id);
        /* QEMU says yes and goes on reading: what it finds is its own fault. */
        gpadl->chan->disturbed |= sim->disturbed;
    }
    if (in_use(gpadl) && !(sim->cfg.quirks & VMB_SIM_QEMU))
        gpadl->torn = true; /* answered when the device lets go */
    else
        torndown(sim, gpadl);
}

/* The channel closed: holds end, postponed teardowns are answered. */
void vmb_h_gpadl_let_go(struct vmb_sim_chan *chan)
{
    struct vmb_h_gpadl *gpadl = chan->sim->gpadls, *next;

    for (; gpadl; gpadl = next) {
        next = gpadl->next;
        if (gpadl->chan != chan)
            continue;
        gpadl->held = false;
        gpadl->ended = true;
        if (gpadl->torn)
            torndown(chan->sim, gpadl);
    }
}

enum vmb_status vmb_sim_gpadl_hold(struct vmb_sim_chan *chan, uint32_t id,
                                   bool hold)
{
    struct vmb_h_gpadl *gpadl;

    vmb_h_enter(chan->sim);
    gpadl = vmb_h_gpadl(chan, id);
    if (gpadl) {
        gpadl->held = hold;
        if (gpadl->torn && !in_use(gpadl))
            torndown(chan->sim, gpadl);
    }
    vmb_h_leave(chan->sim);
    return gpadl ? VMB_OK : VMB_E_ARG;
}

uint32_t vmb_sim_live_gpadls(struct vmb_sim *sim)
{
    uint32_t count = 0;

    vmb_h_enter(sim);
    for (struct vmb_h_gpadl *g = sim->gpadls; g; g = g->next)
        count++;
    vmb_h_leave(sim);
    return count;
}

static void scribble(struct vmb_sim *sim, const struct vmb_h_gpadl *gpadl)
{
    struct vmb_sim_range range;
    uint32_t at = 0;

    while (vmb_h_gpadl_range(gpadl, &at, &range)) {
        for (uint32_t i = 0; i < range.pfn_count; i++) {
            uint8_t *page = vmb_h_page(sim, range.pfns[i]);

            if (page)
                memset(page, (int)(sim->steps | 0x80) & 0xff, 4096);
        }
    }
}

void vmb_h_scribble(struct vmb_sim *sim)
{
    for (struct vmb_h_gpadl *g = sim->gpadls; g; g = g->next) {
        if (g->ended)
            scribble(sim, g);
    }
}
