/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Which guest memory the host may still touch, and touching it. */
#include "internal.h"

#include <string.h>

static bool on_page(const uint8_t *page, const void *va)
{
    return page && (uintptr_t)page / 4096 == (uintptr_t)va / 4096;
}

static bool in_overlay(struct vmb_sim *sim, const void *va)
{
    bool in = on_page(sim->hypercall_page.at, va) ||
              on_page(sim->tsc_page.at, va) ||
              on_page(sim->interrupt_page, va) ||
              on_page(sim->monitor[0], va) || on_page(sim->monitor[1], va);

    for (uint32_t i = 0; i < sim->cfg.vps; i++)
        in |= on_page(sim->vp[i].messages.at, va) ||
              on_page(sim->vp[i].events.at, va);
    return in;
}

bool vmb_sim_host_maps(struct vmb_sim *sim, const void *va)
{
    uint64_t pfn = vmb_h_pfn(sim, va);
    bool maps;

    if (pfn == VMB_H_NO_PFN)
        return false;
    vmb_h_enter(sim);
    maps = in_overlay(sim, va);
    for (struct vmb_h_gpadl *g = sim->gpadls; g && !maps; g = g->next)
        maps = vmb_h_gpadl_has(g, pfn);
    for (uint32_t i = 0; i < sim->chans && !maps; i++)
        maps = vmb_h_due_has(sim->chan[i]->due_guest, pfn);
    vmb_h_leave(sim);
    return maps;
}

bool vmb_sim_poke(struct vmb_sim *sim, void *va, const void *bytes, size_t len)
{
    bool all = true;

    vmb_h_enter(sim);
    for (size_t i = 0; i < len && all; i++)
        all = vmb_sim_host_maps(sim, (uint8_t *)va + i);
    if (all) {
        sim->disturbed = true;
        for (uint32_t i = 0; i < sim->chans; i++)
            sim->chan[i]->disturbed = true;
        for (size_t i = 0; i < len; i++)
            shm_store8((uint8_t *)va + i, ((const uint8_t *)bytes)[i]);
    }
    vmb_h_leave(sim);
    return all;
}

uint64_t vmb_sim_hash(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *byte = data;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3u;
    return hash;
}

uint8_t vmb_sim_pattern(uint64_t seed, uint64_t index)
{
    return (uint8_t)(vmb_h_mix(seed + index / 8) >> index % 8 * 8);
}

static uint64_t move_packet(const struct vmb_sim_packet *packet,
                            struct vmb_h_move *move)
{
    struct vmb_sim *sim = packet->chan->sim;

    vmb_h_enter(sim);
    for (uint32_t i = 0; i < packet->range_count; i++) {
        if (!vmb_h_move_range(sim, move, &packet->ranges[i]))
            break;
    }
    sim->stats.external_bytes += move->done;
    vmb_h_leave(sim);
    return move->done;
}

uint64_t vmb_sim_read(const struct vmb_sim_packet *packet, uint64_t offset,
                      void *dst, uint64_t len)
{
    struct vmb_h_move move = { dst, len, offset, 0, false };

    return move_packet(packet, &move);
}

uint64_t vmb_sim_write(const struct vmb_sim_packet *packet, uint64_t offset,
                       const void *src, uint64_t len)
{
    /* The buffer is only read: .write is set. */
    struct vmb_h_move move = { (uint8_t *)(uintptr_t)src, len, offset, 0,
                               true };

    return move_packet(packet, &move);
}

static uint64_t move_gpadl(struct vmb_sim_chan *chan, uint32_t id,
                           struct vmb_h_move *move)
{
    struct vmb_sim_range range;
    struct vmb_h_gpadl *gpadl;
    uint32_t at = 0;

    vmb_h_enter(chan->sim);
    gpadl = vmb_h_gpadl(chan, id);
    if (!gpadl)
        vmb_h_odd(chan->sim, "relid %u names GPADL %#x, which is not up",
                  chan->relid, id);
    while (gpadl && vmb_h_gpadl_range(gpadl, &at, &range)) {
        if (!vmb_h_move_range(chan->sim, move, &range))
            break;
    }
    vmb_h_leave(chan->sim);
    return move->done;
}

uint64_t vmb_sim_gpadl_read(struct vmb_sim_chan *chan, uint32_t gpadl,
                            uint64_t offset, void *dst, uint64_t len)
{
    struct vmb_h_move move = { dst, len, offset, 0, false };

    return move_gpadl(chan, gpadl, &move);
}

uint64_t vmb_sim_gpadl_write(struct vmb_sim_chan *chan, uint32_t gpadl,
                             uint64_t offset, const void *src, uint64_t len)
{
    struct vmb_h_move move = { (uint8_t *)(uintptr_t)src, len, offset, 0,
                               true };

    return move_gpadl(chan, gpadl, &move);
}

uint64_t vmb_sim_gpadl_size(struct vmb_sim_chan *chan, uint32_t id)
{
    struct vmb_sim_range range;
    struct vmb_h_gpadl *gpadl;
    uint64_t bytes = 0;
    uint32_t at = 0;

    vmb_h_enter(chan->sim);
    gpadl = vmb_h_gpadl(chan, id);
    while (gpadl && vmb_h_gpadl_range(gpadl, &at, &range))
        bytes += range.len;
    vmb_h_leave(chan->sim);
    return bytes;
}
