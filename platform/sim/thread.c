/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The lock, interrupts on leaving it, and the host's own thread.
 *
 * Guest threads must not be ordered by the simulator more than by a real
 * machine, or race detection would see less.  So a signal takes no lock: it
 * rings a bell and posts a semaphore, which orders guest before host only.
 */
#include "internal.h"

#include <time.h>

void vmb_sim_set_vp(struct vmb_sim *sim, uint32_t vp)
{
    pthread_setspecific(sim->vp_key, (const void *)(uintptr_t)vp);
}

uint32_t vmb_sim_vp(struct vmb_sim *sim)
{
    uintptr_t vp = (uintptr_t)pthread_getspecific(sim->vp_key);

    return vp < sim->cfg.vps ? (uint32_t)vp : 0;
}

void vmb_h_enter(struct vmb_sim *sim)
{
    pthread_mutex_lock(&sim->lock);
    sim->depth++;
}

static bool next_interrupt(struct vmb_sim *sim, uint32_t *vp, uint32_t *vector)
{
    for (*vp = 0; *vp < sim->cfg.vps; ++*vp) {
        struct vmb_h_vp *at = &sim->vp[*vp];

        if (at->irq_off || at->in_service || !at->any_raised)
            continue;
        for (*vector = 0; *vector < 256; ++*vector) {
            if (at->raised[*vector] != 0)
                return true;
        }
        at->any_raised = false;
    }
    return false;
}

static void interrupt(struct vmb_sim *sim, uint32_t vp, uint32_t vector)
{
    uint32_t before = vmb_sim_vp(sim);

    sim->vp[vp].raised[vector]--;
    sim->vp[vp].in_service = true;
    sim->depth--;
    pthread_mutex_unlock(&sim->lock);
    vmb_sim_set_vp(sim, vp);
    sim->cfg.on_interrupt(sim->cfg.ctx, vp, (uint8_t)vector);
    vmb_sim_set_vp(sim, before);
    pthread_mutex_lock(&sim->lock);
    sim->depth++;
    sim->vp[vp].in_service = false;
}

/* Called at depth 1 only, so that the callback runs without the lock. */
static uint32_t interrupts(struct vmb_sim *sim)
{
    uint32_t vp, vector, count = 0;

    if (!sim->cfg.on_interrupt)
        return 0;
    while (next_interrupt(sim, &vp, &vector)) {
        interrupt(sim, vp, vector);
        count++;
    }
    return count;
}

void vmb_h_leave(struct vmb_sim *sim)
{
    if (sim->depth == 1 && !(sim->cfg.quirks & VMB_SIM_MANUAL_IRQ))
        interrupts(sim);
    sim->depth--;
    pthread_mutex_unlock(&sim->lock);
}

uint32_t vmb_sim_deliver(struct vmb_sim *sim)
{
    uint32_t count = 0;

    vmb_h_enter(sim);
    if (sim->depth == 1)
        count = interrupts(sim);
    vmb_h_leave(sim);
    return count;
}

void vmb_sim_irq_enable(struct vmb_sim *sim, uint32_t vp, bool on)
{
    vmb_h_enter(sim);
    if (vp < sim->cfg.vps)
        sim->vp[vp].irq_off = !on;
    vmb_h_leave(sim);
}

static bool held_back(struct vmb_sim *sim)
{
    bool held = sim->to_host.head != NULL;

    for (uint32_t i = 0; i < sim->chans; i++)
        held |= vmb_h_outgoing_tick(sim->chan[i]);
    if (sim->to_guest.head)
        held |= sim->to_guest.head->delay || sim->to_guest.head->swap;
    vmb_h_queue_tick(&sim->to_host);
    vmb_h_queue_tick(&sim->to_guest);
    return held;
}

static bool monitors(struct vmb_sim *sim)
{
    bool any = false;

    if (!sim->monitor[1])
        return false;
    for (uint32_t i = 0; i < sim->chans && i < MONITOR_COUNT; i++) {
        uint8_t *at = sim->monitor[1] + MONITOR_GROUPS + i / 32 * 8;
        uint32_t bit = 1u << i % 32;

        if (!(shm_load(at) & bit))
            continue;
        shm_and(at, ~bit);
        sim->stats.monitor_hits++;
        vmb_h_ring_bell(sim->chan[i]);
        any = true;
    }
    return any;
}

/* Signals that came by connection id 2: the page says whose they are. */
static void shared_bell(struct vmb_sim *sim)
{
    uint8_t *page = sim->interrupt_page;

    if (!__atomic_exchange_n(&sim->shared_bell, 0, __ATOMIC_ACQUIRE) || !page)
        return;
    for (uint32_t i = 0; i < sim->chans; i++) {
        uint32_t id = sim->chan[i]->relid;
        uint8_t *word = page + 2048 + id / 32 * 4;

        if (id == 0 || !(shm_load(word) & 1u << id % 32))
            continue;
        shm_and(word, ~(1u << id % 32));
        vmb_h_ring_bell(sim->chan[i]);
    }
}

static bool devices(struct vmb_sim *sim)
{
    bool busy = false;

    for (struct vmb_sim_dev *dev = sim->devs; dev; dev = dev->next)
        if (dev->is.on_step)
            busy |= dev->is.on_step(dev->is.ctx);
    return busy;
}

static bool step(struct vmb_sim *sim)
{
    bool busy;

    sim->steps++;
    busy = held_back(sim);
    busy |= vmb_h_handle_next(sim);
    busy |= vmb_h_deliver_messages(sim);
    busy |= monitors(sim);
    shared_bell(sim);
    for (uint32_t i = 0; i < sim->chans; i++)
        busy |= vmb_h_service(sim->chan[i]);
    busy |= devices(sim);
    busy |= vmb_h_deliver_messages(sim);
    if (sim->cfg.quirks & VMB_SIM_SCRIBBLE)
        vmb_h_scribble(sim);
    return busy;
}

bool vmb_sim_step(struct vmb_sim *sim)
{
    bool busy = false;

    vmb_h_enter(sim);
    if (sim->depth == 1) /* else: from inside a callback of a step */
        busy = step(sim);
    vmb_h_leave(sim);
    return busy;
}

uint32_t vmb_sim_run(struct vmb_sim *sim, uint32_t max)
{
    uint32_t steps = 0;

    while (steps < max && vmb_sim_step(sim))
        steps++;
    return steps;
}

void vmb_h_kick(struct vmb_sim *sim)
{
    if (__atomic_load_n(&sim->threaded, __ATOMIC_RELAXED))
        sem_post(&sim->work);
    else if (!(sim->cfg.quirks & VMB_SIM_LAZY))
        vmb_sim_step(sim);
}

static void *host_thread(void *arg)
{
    struct vmb_sim *sim = arg;
    struct timespec until;

    while (!__atomic_load_n(&sim->stopping, __ATOMIC_ACQUIRE)) {
        if (vmb_sim_step(sim))
            continue;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 1000000; /* delays and monitor bits need steps */
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        sem_timedwait(&sim->work, &until);
    }
    return NULL;
}

enum vmb_status vmb_sim_thread_start(struct vmb_sim *sim)
{
    if (sim->threaded)
        return VMB_E_STATE;
    __atomic_store_n(&sim->stopping, 0, __ATOMIC_RELEASE);
    vmb_h_enter(sim);
    sim->real = vmb_h_real();
    __atomic_store_n(&sim->threaded, 1, __ATOMIC_RELEASE);
    vmb_h_leave(sim);
    if (pthread_create(&sim->thread, NULL, host_thread, sim) == 0)
        return VMB_OK;
    __atomic_store_n(&sim->threaded, 0, __ATOMIC_RELEASE);
    return VMB_E_STATE;
}

void vmb_sim_thread_stop(struct vmb_sim *sim)
{
    if (!sim->threaded)
        return;
    __atomic_store_n(&sim->stopping, 1, __ATOMIC_RELEASE);
    sem_post(&sim->work);
    pthread_join(sim->thread, NULL);
    vmb_h_enter(sim);
    __atomic_store_n(&sim->clock, vmb_h_clock(sim), __ATOMIC_RELAXED);
    __atomic_store_n(&sim->threaded, 0, __ATOMIC_RELEASE);
    vmb_h_leave(sim);
}
