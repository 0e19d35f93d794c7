/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The rings' memory: found through the GPADL, read and written by page. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

bool vmb_h_index_ok(const struct vmb_h_ring *ring, uint32_t index)
{
    return index < ring->size && index % 8 == 0;
}

/* Bytes between out and in: equal means empty. */
uint32_t vmb_h_used(const struct vmb_h_ring *ring, uint32_t in, uint32_t out)
{
    return in >= out ? in - out : ring->size - out + in;
}

void vmb_h_ring_read(const struct vmb_h_ring *ring, uint32_t at, void *dst,
                     uint32_t len)
{
    uint8_t *to = dst;

    while (len > 0) {
        uint32_t piece = PAGE - at % PAGE;

        if (piece > len)
            piece = len;
        memcpy(to, ring->page[at / PAGE] + at % PAGE, piece);
        to += piece;
        len -= piece;
        at += piece;
        if (at == ring->size)
            at = 0;
    }
}

void vmb_h_ring_write(struct vmb_h_ring *ring, uint32_t at, const void *src,
                      uint32_t len)
{
    const uint8_t *from = src;

    while (len > 0) {
        uint32_t piece = PAGE - at % PAGE;

        if (piece > len)
            piece = len;
        memcpy(ring->page[at / PAGE] + at % PAGE, from, piece);
        from += piece;
        len -= piece;
        at += piece;
        if (at == ring->size)
            at = 0;
    }
}

void vmb_h_word_set(struct vmb_h_ring *ring, uint32_t word, uint32_t value)
{
    ring->stored[word / 4] = value;
    shm_store(ring->ctl + word, value);
}

/* Page first of the GPADL is the control page, then come the data pages. */
static bool attach(struct vmb_sim *sim, struct vmb_h_ring *ring,
                   const struct vmb_sim_range *range, uint32_t first,
                   uint32_t count)
{
    memset(ring, 0, sizeof *ring);
    ring->page = calloc(count, sizeof *ring->page);
    if (!ring->page)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *page = vmb_h_page(sim, range->pfns[first + i]);

        if (!page) {
            vmb_h_odd(sim, "host asked to touch unregistered page %#llx",
                      (unsigned long long)range->pfns[first + i]);
            return false;
        }
        if (i == 0)
            ring->ctl = page;
        else
            ring->page[i - 1] = page;
    }
    ring->size = (count - 1) * PAGE;
    ring->in = shm_load(ring->ctl + VMB_SIM_IN);
    ring->out = shm_load(ring->ctl + VMB_SIM_OUT);
    return vmb_h_index_ok(ring, ring->in) && vmb_h_index_ok(ring, ring->out);
}

/* What the host writes at open: its mask, its feature bit, its wish. */
static void prepare(struct vmb_sim_chan *chan)
{
    bool qemu = chan->sim->cfg.quirks & VMB_SIM_QEMU;

    vmb_h_word_set(&chan->in, VMB_SIM_OUT, chan->in.out);
    vmb_h_word_set(&chan->in, VMB_SIM_MASK, !qemu);
    vmb_h_word_set(&chan->out, VMB_SIM_IN, chan->out.in);
    vmb_h_word_set(&chan->out, VMB_SIM_PEND, 0);
    vmb_h_word_set(&chan->out, VMB_SIM_FEATURES, 1);
}

bool vmb_h_rings_attach(struct vmb_sim_chan *chan, uint32_t id, uint32_t split)
{
    struct vmb_sim *sim = chan->sim;
    struct vmb_h_gpadl *gpadl = vmb_h_gpadl(chan, id);
    struct vmb_sim_range range;
    uint32_t at = 0, pages;

    if (!gpadl || !vmb_h_gpadl_range(gpadl, &at, &range)) {
        vmb_h_odd(sim, "relid %u: ring GPADL %#x is not up", chan->relid, id);
        return false;
    }
    pages = range.pfn_count;
    if (gpadl->ranges != 1 || range.offset || range.len % PAGE) {
        vmb_h_wrong(sim, "relid %u: ring GPADL is not one range of pages",
                    chan->relid);
        return false;
    }
    if (split < 2 || split > pages || pages - split < 2) {
        vmb_h_wrong(sim, "relid %u: ring of %u pages split at %u", chan->relid,
                    pages, split);
        return false;
    }
    if (!attach(sim, &chan->in, &range, 0, split) ||
        !attach(sim, &chan->out, &range, split, pages - split)) {
        vmb_h_odd(sim, "relid %u: ring control page not usable", chan->relid);
        vmb_h_rings_detach(chan);
        return false;
    }
    gpadl->ended = false;
    prepare(chan);
    return true;
}

void vmb_h_rings_detach(struct vmb_sim_chan *chan)
{
    free(chan->in.page);
    free(chan->out.page);
    memset(&chan->in, 0, sizeof chan->in);
    memset(&chan->out, 0, sizeof chan->out);
}
