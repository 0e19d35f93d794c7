/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The synthetic interrupt controller of one CPU: a page with one message slot
 * per SINT (SIMP), a page with 2048 event flags per SINT (SIEFP), and the SINT
 * that VMBus uses.
 */
#include "synic.h"

#include <vmb/wire/hv.h>

#include "../fault.h"
#include "../host.h"
#include "hypercall.h"

#define FIRST_VECTOR 16u /* lower ones are the processor's; KVM faults */

static struct vmb_message_slot *slot_of(const struct vmb_cpu *cpu)
{
    return (struct vmb_message_slot *)cpu->simp_ + VMB_SINT_VMBUS;
}

static struct vmb_event_flags *flags_of(const struct vmb_cpu *cpu)
{
    return (struct vmb_event_flags *)cpu->siefp_ + VMB_SINT_VMBUS;
}

/*
 * See vmb_cpu_cfg.vector.  Masked is the last resort: OpenVMM with its own
 * hypervisor (hv1_emulator/synic.rs) and Hyper-V before 2019 (experience
 * reported by iPXE) put no message into the slot of a masked SINT.
 */
static uint64_t sint_value(const struct vmb_cpu *cpu, uint8_t vector)
{
    const struct vmb_hv_info *info = &cpu->hv_->info;

    if (vector == 0 && (info->features & VMB_FEATURE_SINT_POLLING))
        return VMB_SINT_POLLING | FIRST_VECTOR;
    if (vector == 0)
        vector = cpu->hv_->cpu->polled_vector;
    if (vector == 0)
        return VMB_SINT_MASKED;
    return vector | (cpu->auto_eoi ? VMB_SINT_AUTO_EOI : 0);
}

/* bits: those that must read back; the rest are reserved. */
static enum vmb_status set_checked(struct vmb_cpu *cpu, uint32_t reg,
                                   uint64_t value, uint64_t bits)
{
    uint64_t got;

    vmb_hv_reg_set(cpu->hv_, reg, value);
    got = vmb_hv_reg_get(cpu->hv_, reg);
    if (((got ^ value) & bits) == 0)
        return VMB_OK;
    return vmb_fault_host(&cpu->hv_->fault_, VMB_SITE_HV_REGISTER, got, value);
}

/*
 * Both pages are overlays: what they held before, even in another owner's
 * time, can show again when they are enabled (observed on KVM).
 */
static enum vmb_status pages_on(struct vmb_cpu *cpu)
{
    enum vmb_status status;

    status = set_checked(cpu, VMB_REG_SIMP,
                         vmb_hv_page_register(cpu->hv_, cpu->simp_),
                         VMB_REG_PAGE_BITS);
    if (status == VMB_OK)
        status = set_checked(cpu, VMB_REG_SIEFP,
                             vmb_hv_page_register(cpu->hv_, cpu->siefp_),
                             VMB_REG_PAGE_BITS);
    if (status != VMB_OK)
        return status;
    vmb_host_clear(slot_of(cpu), sizeof *slot_of(cpu));
    vmb_host_clear(flags_of(cpu), sizeof *flags_of(cpu));
    return VMB_OK;
}

static void pages_off(struct vmb_cpu *cpu)
{
    vmb_hv_reg_set(cpu->hv_, VMB_REG_SINT0 + VMB_SINT_VMBUS, VMB_SINT_MASKED);
    vmb_hv_reg_set(cpu->hv_, VMB_REG_SIEFP, 0);
    vmb_hv_reg_set(cpu->hv_, VMB_REG_SIMP, 0);
}

enum vmb_status vmb_cpu_start(struct vmb_hv *hv, struct vmb_cpu *cpu,
                              const struct vmb_cpu_cfg *cfg)
{
    struct vmb_cpu *next;
    enum vmb_status status;

    if (!hv->started_)
        return VMB_E_STATE;
    if (!cfg->pages || (uintptr_t)cfg->pages % VMB_PAGE_SIZE)
        return vmb_fault_arg(&hv->fault_, (uintptr_t)cfg->pages, VMB_PAGE_SIZE);
    if (cfg->vector > 0 && cfg->vector < FIRST_VECTOR)
        return vmb_fault_arg(&hv->fault_, cfg->vector, FIRST_VECTOR);
    /* A connection may still have it on its list. */
    next = cpu->next_;
    __builtin_memset(cpu, 0, sizeof *cpu);
    cpu->next_ = next;
    cpu->hv_ = hv;
    cpu->simp_ = cfg->pages;
    cpu->siefp_ = (uint8_t *)cfg->pages + VMB_PAGE_SIZE;
    cpu->auto_eoi = !(hv->info.hints & VMB_HINT_NO_AUTO_EOI);
    cpu->vp_index = (uint32_t)vmb_hv_reg_get(cpu->hv_, VMB_REG_VP_INDEX);
    status = pages_on(cpu);
    if (status == VMB_OK)
        status = set_checked(cpu, VMB_REG_SINT0 + VMB_SINT_VMBUS,
                             sint_value(cpu, cfg->vector), VMB_SINT_BITS);
    if (status == VMB_OK)
        status = set_checked(cpu, VMB_REG_SCONTROL,
                             vmb_hv_reg_get(cpu->hv_, VMB_REG_SCONTROL) |
                                 VMB_REG_ENABLE,
                             VMB_REG_ENABLE);
    if (status != VMB_OK) {
        pages_off(cpu);
        cpu->hv_ = NULL;
        return status;
    }
    /*
     * A message that an earlier owner left unread went with the slot; one that
     * waits behind it needs an EOM, or no other ever comes (observed on QEMU
     * 10.0).
     */
    vmb_hv_reg_set(hv, VMB_REG_EOM, 0);
    return VMB_OK;
}

void vmb_cpu_stop(struct vmb_cpu *cpu)
{
    if (!cpu->hv_)
        return;
    pages_off(cpu);
    cpu->hv_ = NULL;
    cpu->conn_ = NULL;
}

/*
 * Clear the slot, then look at the pending flag: in the other order the
 * hypervisor may find the slot still full after we saw no flag, and the next
 * message would wait for an EOM that never comes.  TLFS 11.8.2.
 */
static void give_back(struct vmb_cpu *cpu, struct vmb_message_slot *slot)
{
    /* Release: our copy of the payload before the slot is free again. */
    vmb_host_store32_release(&slot->type, 0);
    vmb_host_fence();
    if (vmb_host_load8(&slot->flags) & VMB_MESSAGE_PENDING)
        vmb_hv_reg_set(cpu->hv_, VMB_REG_EOM, 0);
}

enum vmb_status vmb_synic_take(struct vmb_cpu *cpu, void *dst, uint32_t cap,
                               uint32_t *bytes, struct vmb_fault *fault)
{
    struct vmb_message_slot *slot = slot_of(cpu);
    /* Acquire: the payload is not older than the type that announces it. */
    uint32_t type = vmb_host_load32_acquire(&slot->type);
    enum vmb_status status = VMB_OK;

    if (type == 0)
        return VMB_AGAIN;
    *bytes = vmb_host_load8(&slot->payload_bytes);
    if (type != VMB_MESSAGE_VMBUS)
        status =
            vmb_fault_host(fault, VMB_SITE_MSG_TYPE, type, VMB_MESSAGE_VMBUS);
    else if (*bytes > VMB_MESSAGE_BYTES)
        status =
            vmb_fault_host(fault, VMB_SITE_MSG_SIZE, *bytes, VMB_MESSAGE_BYTES);
    else
        vmb_host_read(dst, slot->payload, *bytes < cap ? *bytes : cap);
    give_back(cpu, slot);
    return status;
}
