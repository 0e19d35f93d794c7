/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "machine.h"

static uint32_t get32(const uint8_t *from)
{
    uint32_t value;

    memcpy(&value, from, sizeof value);
    return value;
}

/* ---- the processor --------------------------------------------------------
 */

static uint64_t gpa(void *ctx, const void *va)
{
    (void)ctx;
    return (uintptr_t)va;
}

static uint64_t now(void *ctx)
{
    return ((const struct machine *)ctx)->now;
}

static void cpuid(void *ctx, uint32_t leaf, uint32_t out[4])
{
    (void)ctx;
    memset(out, 0, 4 * sizeof *out);
    if (leaf == 1)
        out[2] = 1u << 31;
    if (leaf == 0x40000000)
        out[0] = 0x40000005;
    if (leaf == 0x40000001)
        out[0] = 0x31237648;
    if (leaf == 0x40000003) {
        out[0] = 1u << 2 | 1u << 5 | 1u << 6;
        out[1] = 1u << 4 | 1u << 5;
    }
}

static uint64_t reg_get(void *ctx, uint32_t reg)
{
    return ((const struct machine *)ctx)->reg[reg & 0xff];
}

static void reg_set(void *ctx, uint32_t reg, uint64_t value)
{
    ((struct machine *)ctx)->reg[reg & 0xff] = value;
}

/* ---- the host's books --------------------------------------------------- */

static void lets_go(struct machine *machine, uint32_t gpadl)
{
    if (gpadl >= MACHINE_GPADLS)
        return;
    machine->held[gpadl] = false;
    machine->giving_up[gpadl] = false;
}

static void lets_go_of_all(struct machine *machine)
{
    memset(machine->held, 0, sizeof machine->held);
    memset(machine->giving_up, 0, sizeof machine->giving_up);
}

/* A host that has rescinded a channel may answer no teardown on it: there it
 * has let go once it was asked. */
static void lets_go_of_rescinded(struct machine *machine)
{
    uint32_t id;

    for (id = 0; id < MACHINE_GPADLS; id++)
        if (machine->giving_up[id] && machine->relid[id] < 64 &&
            machine->rescinded >> machine->relid[id] & 1)
            machine->held[id] = false; /* and may answer all the same */
}

static void posted(struct machine *machine, const uint8_t *m)
{
    uint32_t number = get32(m), id = get32(m + 12);

    if (number == 14) /* a new contact: whatever was before is forgotten */
        machine->version = get32(m + 8);
    if (number == 8 && id < MACHINE_GPADLS) {
        machine->held[id] = true;
        machine->relid[id] = get32(m + 8);
    }
    if (number == 11 && id < MACHINE_GPADLS) {
        machine->giving_up[id] = true;
        lets_go_of_rescinded(machine);
    }
    if (number == 13 && get32(m + 8) < 64)
        machine->rescinded &= ~(1ull << get32(m + 8));
    if (number == 5)
        memcpy(machine->last_open, m + 8, sizeof machine->last_open);
    if (number == 16)
        machine->unloading = true;
    if (number == 16 && machine->version == VMB_VERSION_0_13)
        lets_go_of_all(machine); /* these hosts may not answer it */
}

/* What the host says binds it, if it had been asked. */
static void delivered(struct machine *machine, const uint8_t *m, uint8_t len)
{
    uint32_t number = len >= 8 ? get32(m) : 0;

    if (number == 10 && len >= 20 && get32(m + 16) != 0)
        lets_go(machine, get32(m + 12));
    if (number == 12 && len >= 12 && get32(m + 8) < MACHINE_GPADLS &&
        machine->giving_up[get32(m + 8)])
        lets_go(machine, get32(m + 8));
    if (number == 2 && len >= 12 && get32(m + 8) < 64) {
        machine->rescinded |= 1ull << get32(m + 8);
        lets_go_of_rescinded(machine);
    }
    if (number == 17 && machine->unloading) {
        lets_go_of_all(machine);
        machine->unloading = false;
    }
}

static uint64_t hypercall(void *ctx, const void *page, uint64_t control,
                          uint64_t in, uint64_t out)
{
    struct machine *machine = ctx;
    const uint8_t *input = (const uint8_t *)(uintptr_t)in;

    (void)page;
    (void)out;
    if (control == 0x5c) {
        PROMISE(in % 8 == 0 && get32(input + 12) <= 240);
        if (machine->says == 0)
            posted(machine, input + 16);
    } else {
        PROMISE(control == 0x1005d);
    }
    return machine->says;
}

static const struct vmb_cpu_ops ops = { .cpuid = cpuid,
                                        .reg_get = reg_get,
                                        .reg_set = reg_set,
                                        .hypercall = hypercall };

void machine_start(struct machine *machine)
{
    struct vmb_hv_cfg cfg = { 0 };
    struct vmb_cpu_cfg cpu_cfg = { .vector = 32 };
    uint32_t i;

    memset(machine, 0, sizeof *machine);
    machine->plat.size = sizeof machine->plat;
    machine->plat.ctx = machine;
    machine->plat.gpa = gpa;
    machine->plat.now = now;
    machine->plat.cpu = &ops;
    machine->pages = new_pages(2 + 2 * MACHINE_CPUS);
    cfg.pages = machine->pages;
    PROMISE(vmb_hv_start(&machine->hv, &machine->plat, &cfg) == VMB_OK);
    for (i = 0; i < MACHINE_CPUS; i++) {
        machine->reg[2] = i;
        cpu_cfg.pages = machine->pages + (2 + 2 * i) * PAGE;
        PROMISE(vmb_cpu_start(&machine->hv, &machine->cpu[i], &cpu_cfg) ==
                VMB_OK);
    }
}

void machine_end(struct machine *machine)
{
    uint32_t i;

    for (i = 0; i < MACHINE_CPUS; i++)
        vmb_cpu_stop(&machine->cpu[i]);
    vmb_hv_stop(&machine->hv);
    free(machine->pages);
}

static uint8_t *slot_of(const struct machine *machine)
{
    return machine->pages + 2 * PAGE + 2 * 256;
}

bool machine_listens(const struct machine *machine)
{
    return get32(slot_of(machine)) == 0;
}

void machine_deliver(struct machine *machine, const uint8_t *message,
                     uint8_t len)
{
    uint8_t *slot = slot_of(machine);

    memset(slot, 0, 256);
    slot[0] = 1;
    slot[4] = len;
    memcpy(slot + 16, message, len < 240 ? len : 240);
    if (len <= 240)
        delivered(machine, slot + 16, len);
}

void machine_flag(struct machine *machine, uint32_t cpu, uint32_t flag)
{
    uint8_t *flags = machine->pages + (3 + 2 * cpu) * PAGE + 2 * 256;

    flags[flag / 8] |= (uint8_t)(1u << flag % 8);
}

bool machine_holds(const struct machine *machine, uint32_t gpadl)
{
    return gpadl < MACHINE_GPADLS && machine->held[gpadl];
}

uint32_t machine_giving_up(const struct machine *machine)
{
    uint32_t i = 0;

    while (i < MACHINE_GPADLS && !machine->giving_up[i])
        i++;
    return i % MACHINE_GPADLS;
}
