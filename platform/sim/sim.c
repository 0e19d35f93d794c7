/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A machine: made, asked about, reset, destroyed. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static void defaults(struct vmb_sim_cfg *cfg)
{
    uint32_t highest = cfg->quirks & VMB_SIM_QEMU ? VERSION_4_0 : VERSION_6_0;

    if (cfg->vps == 0)
        cfg->vps = 1;
    if (cfg->max_version == 0)
        cfg->max_version = highest;
    if (cfg->message_id == 0)
        cfg->message_id = 1;
    if (cfg->first_relid == 0 || cfg->first_relid >= VMB_H_CHANNELS)
        cfg->first_relid = 1;
    if (cfg->post_depth == 0)
        cfg->post_depth = 16;
    if (cfg->tick == 0)
        cfg->tick = 1000;
    if (cfg->budget == 0)
        cfg->budget = 64;
}

static bool locks(struct vmb_sim *sim)
{
    pthread_mutexattr_t attr;
    bool ok;

    if (pthread_mutexattr_init(&attr) != 0)
        return false;
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    ok = pthread_mutex_init(&sim->lock, &attr) == 0;
    pthread_mutexattr_destroy(&attr);
    if (!ok)
        return false;
    if (pthread_key_create(&sim->vp_key, NULL) == 0) {
        if (sem_init(&sim->work, 0, 0) == 0) {
            if (vmb_h_memory_init(sim))
                return true;
            sem_destroy(&sim->work);
        }
        pthread_key_delete(sim->vp_key);
    }
    pthread_mutex_destroy(&sim->lock);
    return false;
}

struct vmb_sim *vmb_sim_create(const struct vmb_sim_cfg *cfg)
{
    struct vmb_sim *sim;

    if (cfg && (cfg->size != sizeof *cfg || cfg->vps > VMB_H_VPS))
        return NULL;
    sim = calloc(1, sizeof *sim);
    if (!sim)
        return NULL;
    if (cfg)
        sim->cfg = *cfg;
    defaults(&sim->cfg);
    if (!locks(sim)) {
        free(sim);
        return NULL;
    }
    vmb_h_cpu_init(sim);
    vmb_h_synic_reset(sim);
    sim->next_relid = sim->cfg.first_relid;
    return sim;
}

static void free_devices(struct vmb_sim *sim)
{
    for (uint32_t i = 0; i < sim->chans; i++)
        free(sim->chan[i]);
    while (sim->devs) {
        struct vmb_sim_dev *dev = sim->devs;

        sim->devs = dev->next;
        if (dev->on_free)
            dev->on_free(dev->own);
        free(dev->own);
        free(dev);
    }
}

void vmb_sim_destroy(struct vmb_sim *sim)
{
    if (!sim)
        return;
    vmb_sim_thread_stop(sim);
    sim->cfg.on_interrupt = NULL;
    vmb_sim_reset(sim);
    vmb_sim_violations_clear(sim);
    free_devices(sim);
    vmb_h_memory_fini(sim);
    sem_destroy(&sim->work);
    pthread_key_delete(sim->vp_key);
    pthread_mutex_destroy(&sim->lock);
    free(sim);
}

void vmb_sim_reset(struct vmb_sim *sim)
{
    vmb_h_enter(sim);
    vmb_h_disconnect(sim);
    vmb_h_queue_clear(&sim->to_guest);
    vmb_h_queue_clear(&sim->to_host);
    vmb_h_synic_reset(sim);
    vmb_h_overlay_set(sim, &sim->hypercall_page, 0, "");
    vmb_h_overlay_set(sim, &sim->tsc_page, 0, "");
    sim->os_id = sim->cfg.owner_os_id;
    sim->hypercall = 0;
    sim->ref_tsc = 0;
    vmb_h_leave(sim);
}

const struct vmb_platform *vmb_sim_platform(struct vmb_sim *sim)
{
    return &sim->platform;
}

bool vmb_sim_pristine(struct vmb_sim *sim)
{
    bool clean;

    vmb_h_enter(sim);
    clean = sim->os_id == 0 && !(sim->hypercall & 1) && !(sim->ref_tsc & 1) &&
            !sim->connected && !sim->gpadls;
    for (uint32_t i = 0; i < sim->cfg.vps; i++) {
        const struct vmb_h_vp *vp = &sim->vp[i];

        clean &= !(vp->simp & 1) && !(vp->siefp & 1) &&
                 vp->sint[VMBUS_SINT] & SINT_MASKED;
    }
    vmb_h_leave(sim);
    return clean;
}

void vmb_sim_stats(struct vmb_sim *sim, struct vmb_sim_counts *out)
{
    vmb_h_enter(sim);
    *out = sim->stats;
    out->signals = __atomic_load_n(&sim->signals, __ATOMIC_RELAXED);
    vmb_h_leave(sim);
}
