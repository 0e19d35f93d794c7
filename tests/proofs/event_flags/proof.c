/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Event flags: whichever the host sets, vmb_cpu_scan() looks at its slot of the
 * two pages alone, and what it takes is kept, and nothing else.
 *
 * Bounds: the library's own 32 words.
 *
 * Options: --unwind 33
 */
#include "../host.h"

static uint64_t take_flags(uint64_t *at);
#define vmb_host_take64 take_flags

#include "../../../src/hv/scan.c"

static struct vmb_message_slot slots[VMB_SINT_VMBUS + 1];
static struct vmb_event_flags flags[VMB_SINT_VMBUS + 1], page;
static uint64_t taken[WORDS];

static void check_access(const void *at, size_t len)
{
    size_t offset = __CPROVER_POINTER_OFFSET(at);

    if (__CPROVER_same_object(at, slots)) {
        PROVE(at == &slots[VMB_SINT_VMBUS].type && len == 4);
        return;
    }
    PROVE(len == 8 && offset % 8 == 0);
    if (__CPROVER_same_object(at, flags))
        PROVE(offset / sizeof flags[0] == VMB_SINT_VMBUS);
    else
        PROVE(__CPROVER_same_object(at, &page) && offset < sizeof page);
}

static uint64_t take_flags(uint64_t *at)
{
    uint64_t bits = vmb_host_load64(at);

    taken[__CPROVER_POINTER_OFFSET(at) / 8 % WORDS] |= bits;
    return bits;
}

static void prove_scan(void)
{
    struct vmb_hv hv;
    struct vmb_cpu cpu = { .hv_ = &hv, .simp_ = slots, .siefp_ = flags };
    uint64_t before[WORDS];
    uint32_t work, i;

    for (i = 0; i < WORDS; i++)
        cpu.ready_[i] = before[i] = nondet_u64();
    cpu.interrupt_page_ = nondet_bool() ? &page : NULL;
    work = vmb_cpu_scan(&cpu);
    for (i = 0; i < WORDS; i++) {
        PROVE(cpu.ready_[i] == (before[i] | taken[i]));
        PROVE((work & VMB_WORK_CHAN) || taken[i] == 0);
    }
}

int main(void)
{
    prove_scan();
    return 0;
}
