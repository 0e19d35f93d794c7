/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The host as reader: the guest's ring, its mask, and the writer's wish. */
#include "internal.h"

/* Words of the rings that only the host writes. */
static const struct {
    uint32_t to_guest, word;
    const char *name;
} owned[] = {
    { 0, VMB_SIM_OUT, "read index of the ring to the host" },
    { 0, VMB_SIM_MASK, "mask of the ring to the host" },
    { 1, VMB_SIM_IN, "write index of the ring to the guest" },
    { 1, VMB_SIM_PEND, "pending size of the ring to the guest" },
    { 1, VMB_SIM_FEATURES, "feature bits of the ring to the guest" },
};

static void check_words(struct vmb_sim_chan *chan)
{
    bool qemu = chan->sim->cfg.quirks & VMB_SIM_QEMU;

    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        struct vmb_h_ring *ring = owned[i].to_guest ? &chan->out : &chan->in;
        uint32_t found = shm_load(ring->ctl + owned[i].word);

        if (found == ring->stored[owned[i].word / 4] ||
            (qemu && owned[i].word == VMB_SIM_MASK))
            continue;
        vmb_h_ring_wrong(chan, "relid %u: guest wrote the %s: %#x, was %#x",
                         chan->relid, owned[i].name, found,
                         ring->stored[owned[i].word / 4]);
        ring->stored[owned[i].word / 4] = found; /* say it once */
    }
}

/* Bytes the guest has published; the ring dies if that cannot be. */
static uint32_t published(struct vmb_sim_chan *chan, uint32_t already)
{
    uint32_t in = shm_load(chan->in.ctl + VMB_SIM_IN), used;

    if (!vmb_h_index_ok(&chan->in, in)) {
        vmb_h_ring_wrong(chan, "relid %u: write index %#x, ring is %#x",
                         chan->relid, in, chan->in.size);
        chan->dead = true;
        return 0;
    }
    used = vmb_h_used(&chan->in, in, chan->in.out);
    if (used < already) {
        vmb_h_ring_wrong(chan, "relid %u: write index went back to %#x",
                         chan->relid, in);
        chan->dead = true;
        return 0;
    }
    chan->in.in = in;
    return used;
}

/*
 * The writer asked to be told when this many bytes are free; the read index
 * was `before`.  A writer whose feature bit is clear cannot ask and is told
 * about every batch.
 */
static void tell_writer(struct vmb_sim_chan *chan, uint32_t before)
{
    uint32_t features = shm_load(chan->in.ctl + VMB_SIM_FEATURES);
    uint32_t wants, in, free_before, free_now;

    shm_fence(); /* our read index before the look at the wish */
    wants = shm_load(chan->in.ctl + VMB_SIM_PEND) & ~7u;
    /* Anew: the wish may be about a ring that filled up since the last look
     * (OpenVMM commit_read; -DSTALE=1 in tests/model). */
    in = shm_load(chan->in.ctl + VMB_SIM_IN);
    if (!vmb_h_index_ok(&chan->in, in))
        return; /* the next look at it reports this */
    free_before = chan->in.size - vmb_h_used(&chan->in, in, before);
    free_now = chan->in.size - vmb_h_used(&chan->in, in, chan->in.out);
    if (wants && !(features & 1))
        vmb_h_ring_wrong(chan, "relid %u: pending size without feature bit",
                         chan->relid);
    if (!(features & 1) || (wants && free_before < wants && wants <= free_now))
        vmb_h_notify(chan);
}

/* Take packets within the budget; false: nothing was there. */
static bool drain(struct vmb_sim_chan *chan)
{
    uint32_t used = published(chan, chan->seen), taken, count = 0;
    uint32_t start = chan->in.out;

    while (used > 0 && !chan->dead && count < chan->sim->cfg.budget) {
        bool took = vmb_h_packet_take(chan, used, &taken);

        if (chan->state != VMB_H_OPEN) /* closed by what the packet did */
            return true;
        if (!took)
            break;
        count++;
        used -= taken;
        chan->in.out = (chan->in.out + taken) % chan->in.size;
    }
    chan->seen = used;
    if (chan->in.out == start)
        return false;
    vmb_h_word_set(&chan->in, VMB_SIM_OUT, chan->in.out);
    tell_writer(chan, start);
    return true;
}

static bool paused(struct vmb_sim_chan *chan)
{
    if (chan->stall > 0 && --chan->stall > 0)
        return true;
    return chan->stalled;
}

/*
 * Empty: signals are wanted again.  The guest may have published between the
 * last look and the unmasking, and saw the mask; so look once more.
 */
static bool more(struct vmb_sim_chan *chan)
{
    if (chan->dead || chan->seen > 0)
        return !chan->dead;
    if (!(chan->sim->cfg.quirks & VMB_SIM_QEMU))
        vmb_h_word_set(&chan->in, VMB_SIM_MASK, 0);
    shm_fence();
    return published(chan, 0) > 0;
}

bool vmb_h_service(struct vmb_sim_chan *chan)
{
    uint32_t *rung = &chan->sim->bell[chan->slot].rung, by;
    bool any;

    if (chan->state != VMB_H_OPEN)
        return false;
    check_words(chan);
    if (!__atomic_load_n(rung, __ATOMIC_RELAXED))
        return false;
    if (paused(chan))
        return chan->stall > 0;
    by = __atomic_exchange_n(rung, 0, __ATOMIC_ACQUIRE);
    any = vmb_h_flush(chan, true);
    if (chan->dead)
        return any;
    if (!(chan->sim->cfg.quirks & VMB_SIM_QEMU))
        vmb_h_word_set(&chan->in, VMB_SIM_MASK, 1);
    any |= drain(chan);
    if (chan->state != VMB_H_OPEN)
        return true;
    if (!any && by == VMB_H_BY_GUEST)
        chan->sim->stats.idle_signals++;
    if (more(chan))
        vmb_h_ring_bell(chan);
    return any || chan->stall > 0;
}
