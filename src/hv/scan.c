/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include <vmb/hv.h>
#include <vmb/wire/hv.h>

#include "../host.h"

#define WORDS (VMB_EVENT_FLAGS / 64)

_Static_assert(sizeof(((struct vmb_cpu *)0)->ready_) == WORDS * 8,
               "a ready bit for every event flag");

/*
 * Move flags from the hypervisor's page to ours.  The first look is a plain
 * load, because nearly all words are 0 and an exchange is dear.
 */
static uint32_t collect(struct vmb_cpu *cpu, struct vmb_event_flags *flags)
{
    uint32_t work = 0;
    uint64_t bits;
    uint32_t i;

    for (i = 0; i < WORDS; i++) {
        if (!vmb_host_load64(&flags->words[i]))
            continue;
        /* Acquire: the ring is not older than the flag that points at it. */
        bits = vmb_host_take64(&flags->words[i]);
        /* The reader may take bits out at the same time, on this CPU or
         * another: none may be lost to either.  Release: what the host did
         * before is visible to whoever takes them. */
        __atomic_fetch_or(&cpu->ready_[i], bits, __ATOMIC_RELEASE);
        work = VMB_WORK_CHAN;
    }
    return work;
}

uint32_t vmb_cpu_scan(struct vmb_cpu *cpu)
{
    struct vmb_message_slot *slots = cpu->simp_;
    struct vmb_event_flags *flags = cpu->siefp_;
    void *interrupt_page;
    uint32_t work = 0;

    /* An interrupt that was on its way while the CPU was stopped. */
    if (!cpu->hv_)
        return 0;
    if (vmb_host_load32(&slots[VMB_SINT_VMBUS].type) ||
        __atomic_load_n(&cpu->owed_, __ATOMIC_RELAXED))
        work |= VMB_WORK_BUS;
    work |= collect(cpu, &flags[VMB_SINT_VMBUS]);
    /* First half of the page, host to guest; it has the same layout.  Atomic,
     * for a connection may come or go while this interrupts it. */
    interrupt_page = __atomic_load_n(&cpu->interrupt_page_, __ATOMIC_ACQUIRE);
    if (interrupt_page)
        work |= collect(cpu, interrupt_page);
    return work;
}
