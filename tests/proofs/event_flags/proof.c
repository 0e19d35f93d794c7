/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Event flags: whichever the host sets,
 *   - vmb_cpu_scan() looks at its slot of the two pages alone, and what it
 *     takes is kept, and nothing else,
 *   - a flag leads to a channel only if an offer in the table has that relid,
 *     and its channel is open.
 *
 * Bounds: the library's own 32 words; tables as in offers.h.
 * vmb_cpu_next_ready() repeats the second part, for at most all flags.
 *
 * Options: --unwind 33
 */
#include "../host.h"

#include "../offers.h"

static uint64_t take_flags(uint64_t *at);
#define vmb_host_take64 take_flags

#include "../../../src/hv/scan.c"
#include "../../../src/vmbus/ready.c"

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

static void prove_ready(void)
{
    uint64_t word = nondet_u64(), before = word;
    uint32_t relid = nondet_u32(), bit, i;
    struct vmb_chan *found;

    if (take_bit(&word, &bit))
        PROVE(bit < 64 && word == (before ^ 1ull << bit) && word < before);
    else
        PROVE(before == 0);
    any_table();
    chan.gate_ = (int32_t)nondet_u32();
    found = open_channel(&conn, relid);
    for (i = 0; found && offers[i].relid != relid; i++)
        PROVE(i + 1 < OFFERS);
    PROVE(!found || (relid != 0 && offers[i].chan_ == found &&
                     vmb_chan_gate(found) == VMB_OK));
}

int main(void)
{
    if (nondet_bool())
        prove_scan();
    else
        prove_ready();
    return 0;
}
