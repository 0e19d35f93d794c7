/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The synthetic interrupt controller of every virtual processor: message
 * slots, event flags, interrupts; and overlay pages in general.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_ON 1u

/*
 * An overlay hides what the guest had at that address and brings its own
 * content along when it moves; switched off, it takes its content with it.
 */
void vmb_h_overlay_set(struct vmb_sim *sim, struct vmb_h_overlay *overlay,
                       uint64_t value, const char *name)
{
    uint8_t *at = NULL;

    if (overlay->at) {
        memcpy(overlay->content, overlay->at, 4096);
        memcpy(overlay->at, overlay->hidden, 4096);
        overlay->at = NULL;
    }
    if (!(value & PAGE_ON))
        return;
    at = vmb_h_page(sim, value >> 12);
    if (!at) {
        vmb_h_odd(sim, "%s set to page %#llx, which is not guest memory", name,
                  (unsigned long long)(value >> 12));
        return;
    }
    memcpy(overlay->hidden, at, 4096);
    memcpy(at, overlay->content, 4096);
    overlay->at = at;
}

bool vmb_h_synic_get(struct vmb_sim *sim, uint32_t reg, uint64_t *value)
{
    struct vmb_h_vp *vp = &sim->vp[vmb_sim_vp(sim)];

    switch (reg) {
    case REG_SCONTROL:
        *value = vp->scontrol;
        return true;
    case REG_SVERSION:
        *value = 1;
        return true;
    case REG_SIEFP:
        *value = vp->siefp;
        return true;
    case REG_SIMP:
        *value = vp->simp;
        return true;
    case REG_EOM:
        *value = 0;
        return true;
    default:
        *value = reg >= REG_SINT0 ? vp->sint[reg - REG_SINT0] : 0;
        return reg >= REG_SINT0;
    }
}

static bool sint_set(struct vmb_sim *sim, struct vmb_h_vp *vp, uint32_t sint,
                     uint64_t value)
{
    bool masked = value & SINT_MASKED;

    if (value & SINT_POLLING && !(sim->cfg.quirks & VMB_SIM_SINT_POLLING))
        return false;
    if (!masked && (value & SINT_VECTOR) < 16)
        return false;
    if (!masked && value & SINT_AUTO_EOI &&
        sim->cfg.quirks & VMB_SIM_NO_AUTO_EOI)
        vmb_h_wrong(sim, "SINT%u uses auto-EOI although hinted not to", sint);
    vp->sint[sint] = value;
    return true;
}

static void end_of_message(struct vmb_sim *sim, struct vmb_h_vp *vp)
{
    bool needed = false;

    for (uint32_t i = 0; i < 16; i++) {
        needed |= vp->held[i];
        vp->held[i] = false;
    }
    sim->stats.eoms++;
    sim->stats.needless_eoms += !needed;
    if (needed && __atomic_load_n(&sim->threaded, __ATOMIC_RELAXED))
        sem_post(&sim->work);
    else if (needed && !(sim->cfg.quirks & VMB_SIM_LAZY))
        vmb_h_deliver_messages(sim);
}

bool vmb_h_synic_set(struct vmb_sim *sim, uint32_t reg, uint64_t value)
{
    struct vmb_h_vp *vp = &sim->vp[vmb_sim_vp(sim)];

    switch (reg) {
    case REG_SCONTROL:
        vp->scontrol = value;
        return true;
    case REG_SIEFP:
        vmb_h_overlay_set(sim, &vp->events, value, "event flags page");
        vp->siefp = value;
        return true;
    case REG_SIMP:
        vmb_h_overlay_set(sim, &vp->messages, value, "message page");
        vp->simp = value;
        return true;
    case REG_EOM:
        end_of_message(sim, vp);
        return true;
    default:
        return reg >= REG_SINT0 && sint_set(sim, vp, reg - REG_SINT0, value);
    }
}

void vmb_h_interrupt(struct vmb_sim *sim, uint32_t vp, uint32_t sint)
{
    uint64_t value = sim->vp[vp].sint[sint], k;
    uint8_t *raised = &sim->vp[vp].raised[value & SINT_VECTOR];
    const struct vmb_sim_fault *fault;
    uint32_t from = 0;

    if (value & (SINT_MASKED | SINT_POLLING) || (value & SINT_VECTOR) < 16 ||
        !(sim->vp[vp].scontrol & 1))
        return;
    k = vmb_h_count(sim, VMB_SIM_AT_INTERRUPT);
    sim->stats.interrupts++;
    sim->vp[vp].any_raised = true;
    if (*raised == 0)
        *raised = 1;
    while ((fault = vmb_h_fault(sim, VMB_SIM_AT_INTERRUPT, k, &from))) {
        if (fault->act == VMB_SIM_LOSE)
            *raised = 0;
        if (fault->act == VMB_SIM_DUPLICATE)
            *raised = 2;
    }
}

/* --- Messages ------------------------------------------------------------- */

static void fill_slot(struct vmb_sim *sim, uint8_t *slot,
                      const struct vmb_h_message *message)
{
    uint32_t len = message->says_len;

    if (sim->cfg.quirks & VMB_SIM_QEMU && len == message->len)
        len = (len + 7) & ~7u;
    memset(slot + SLOT_DATA, 0, MESSAGE_MAX);
    memcpy(slot + SLOT_DATA, message->bytes, message->len);
    put64(slot + SLOT_ID, message->sint);
    shm_store8(slot + SLOT_LEN, (uint8_t)len);
    shm_store8(slot + SLOT_FLAGS, 0);
    /* Last: whoever sees the type may read the rest. */
    shm_store(slot + SLOT_TYPE, message->says_type);
}

/*
 * False: the slot is taken.  The guest clears the type and then looks at the
 * pending flag; so the flag goes up first and the type is looked at again.
 */
static bool slot_free(struct vmb_sim *sim, struct vmb_h_vp *vp, uint8_t *slot,
                      uint32_t sint)
{
    if (vp->held[sint])
        return false;
    if (shm_load(slot + SLOT_TYPE) == 0)
        return true;
    __atomic_fetch_or(slot + SLOT_FLAGS, SLOT_PENDING, __ATOMIC_SEQ_CST);
    shm_fence();
    if (shm_load(slot + SLOT_TYPE) == 0)
        return true;
    sim->stats.messages_held++;
    vp->held[sint] = true;
    return false;
}

static bool synic_takes(struct vmb_sim *sim, struct vmb_h_vp *vp, uint32_t sint)
{
    bool on = vp->scontrol & 1 || sim->cfg.quirks & VMB_SIM_QEMU;

    if (sim->cfg.quirks & VMB_SIM_DEAF_MASK && vp->sint[sint] & SINT_MASKED &&
        !(vp->sint[sint] & SINT_POLLING))
        return false;
    return on && vp->messages.at;
}

bool vmb_h_deliver_messages(struct vmb_sim *sim)
{
    struct vmb_h_message *message;
    bool any = false;

    while ((message = vmb_h_ready(&sim->to_guest))) {
        struct vmb_h_vp *vp = &sim->vp[message->vp];
        uint8_t *slot;

        if (!synic_takes(sim, vp, message->sint))
            break;
        slot = vp->messages.at + message->sint * SLOT_BYTES;
        if (!slot_free(sim, vp, slot, message->sint))
            break;
        fill_slot(sim, slot, message);
        vmb_h_interrupt(sim, message->vp, message->sint);
        vmb_h_pop(&sim->to_guest);
        any = true;
    }
    return any;
}

/* --- Events --------------------------------------------------------------- */

void vmb_h_event(struct vmb_sim *sim, uint32_t vp, uint32_t flag)
{
    struct vmb_h_vp *at;
    uint32_t bit = 1u << flag % 32;
    uint8_t *word;

    if (vp >= sim->cfg.vps || flag >= VMB_H_CHANNELS)
        return;
    at = &sim->vp[vp];
    if (!at->events.at || !(at->scontrol & 1))
        return;
    word = at->events.at + VMBUS_SINT * SLOT_BYTES + flag / 32 * 4;
    if (shm_or(word, bit) & bit)
        return;
    sim->stats.guest_signals++;
    vmb_h_interrupt(sim, vp, VMBUS_SINT);
}

void vmb_sim_event(struct vmb_sim *sim, uint32_t vp, uint32_t flag)
{
    vmb_h_enter(sim);
    vmb_h_event(sim, vp, flag);
    if (vp < sim->cfg.vps)
        vmb_h_interrupt(sim, vp, VMBUS_SINT);
    vmb_h_leave(sim);
}

void vmb_h_synic_reset(struct vmb_sim *sim)
{
    for (uint32_t i = 0; i < sim->cfg.vps; i++) {
        struct vmb_h_vp *vp = &sim->vp[i];

        vmb_h_overlay_set(sim, &vp->messages, 0, "");
        vmb_h_overlay_set(sim, &vp->events, 0, "");
        memset(vp, 0, sizeof *vp);
        for (uint32_t sint = 0; sint < 16; sint++)
            vp->sint[sint] = SINT_MASKED;
    }
}
