/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A hostile host's hands in the rings. */
#include "internal.h"

#include <stdlib.h>

static struct vmb_h_ring *ring_of(struct vmb_sim_chan *chan,
                                  enum vmb_sim_ring which)
{
    if (chan->state != VMB_H_OPEN)
        return NULL;
    return which == VMB_SIM_TO_HOST ? &chan->in : &chan->out;
}

enum vmb_status vmb_sim_ring_get(struct vmb_sim_chan *chan,
                                 enum vmb_sim_ring which, uint32_t word,
                                 uint32_t *value)
{
    enum vmb_status status = VMB_E_STATE;
    struct vmb_h_ring *ring;

    if (word > 4092 || word % 4)
        return VMB_E_ARG;
    vmb_h_enter(chan->sim);
    ring = ring_of(chan, which);
    if (ring) {
        *value = shm_load(ring->ctl + word);
        status = VMB_OK;
    }
    vmb_h_leave(chan->sim);
    return status;
}

enum vmb_status vmb_sim_ring_set(struct vmb_sim_chan *chan,
                                 enum vmb_sim_ring which, uint32_t word,
                                 uint32_t value)
{
    enum vmb_status status = VMB_E_STATE;
    struct vmb_h_ring *ring;

    if (word > 4092 || word % 4)
        return VMB_E_ARG;
    vmb_h_enter(chan->sim);
    ring = ring_of(chan, which);
    if (ring) {
        chan->disturbed = true;
        if (word / 4 < sizeof ring->stored / sizeof ring->stored[0])
            ring->stored[word / 4] = value;
        shm_store(ring->ctl + word, value);
        status = VMB_OK;
    }
    vmb_h_leave(chan->sim);
    return status;
}

uint32_t vmb_sim_ring_size(struct vmb_sim_chan *chan, enum vmb_sim_ring which)
{
    struct vmb_h_ring *ring;
    uint32_t size;

    vmb_h_enter(chan->sim);
    ring = ring_of(chan, which);
    size = ring ? ring->size : 0;
    vmb_h_leave(chan->sim);
    return size;
}

enum vmb_status vmb_sim_ring_poke(struct vmb_sim_chan *chan,
                                  enum vmb_sim_ring which, uint32_t offset,
                                  const void *bytes, uint32_t len)
{
    enum vmb_status status = VMB_E_STATE;
    struct vmb_h_ring *ring;

    vmb_h_enter(chan->sim);
    ring = ring_of(chan, which);
    if (ring && (offset >= ring->size || len > ring->size)) {
        status = VMB_E_ARG;
    } else if (ring) {
        chan->disturbed = true;
        vmb_h_ring_write(ring, offset, bytes, len);
        status = VMB_OK;
    }
    vmb_h_leave(chan->sim);
    return status;
}

static enum vmb_status raw(struct vmb_sim_chan *chan, const void *bytes,
                           uint32_t len)
{
    struct vmb_h_ring *ring = ring_of(chan, VMB_SIM_TO_GUEST);
    uint32_t out;

    if (!ring)
        return VMB_E_STATE;
    if (len % 8)
        return VMB_E_ARG;
    out = shm_load(ring->ctl + VMB_SIM_OUT);
    if (!vmb_h_index_ok(ring, out) ||
        vmb_h_used(ring, ring->in, out) + len + 8 > ring->size)
        return VMB_AGAIN;
    chan->disturbed = true;
    vmb_h_ring_write(ring, ring->in, bytes, len);
    ring->in = (ring->in + len) % ring->size;
    vmb_h_word_set(ring, VMB_SIM_IN, ring->in);
    vmb_h_notify(chan);
    return VMB_OK;
}

enum vmb_status vmb_sim_ring_raw(struct vmb_sim_chan *chan, const void *bytes,
                                 uint32_t len)
{
    enum vmb_status status;

    vmb_h_enter(chan->sim);
    status = raw(chan, bytes, len);
    vmb_h_leave(chan->sim);
    return status;
}

void vmb_sim_stall(struct vmb_sim_chan *chan, bool on)
{
    vmb_h_enter(chan->sim);
    chan->stalled = on;
    if (!on)
        vmb_h_ring_bell(chan);
    vmb_h_leave(chan->sim);
    if (!on)
        vmb_h_kick(chan->sim);
}
