/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The guest's CPU: leaves, registers, clocks; and the platform made of them.
 */
#include "internal.h"

#include <string.h>
#include <time.h>

#define TSC_PER_TICK 200u      /* 2 GHz against 10 MHz */
#define TSC_OFFSET   5000000u  /* the clock's value when the TSC read 0 */
#define CLOCK_START  10000000u /* one second */
#define CLOCK_SKIP   1000000u  /* an idle wait moves on at most so far */
#define OVERLAY_ON   1u

uint64_t vmb_h_real(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 10000000u + (uint64_t)now.tv_nsec / 100u;
}

uint64_t vmb_h_clock(struct vmb_sim *sim)
{
    uint64_t clock = __atomic_load_n(&sim->clock, __ATOMIC_RELAXED);

    if (__atomic_load_n(&sim->threaded, __ATOMIC_ACQUIRE))
        clock += vmb_h_real() - sim->real;
    return clock;
}

uint64_t vmb_sim_clock(struct vmb_sim *sim)
{
    return vmb_h_clock(sim);
}

void vmb_sim_clock_advance(struct vmb_sim *sim, uint64_t by)
{
    __atomic_fetch_add(&sim->clock, by, __ATOMIC_RELAXED);
}

uint64_t vmb_h_tick(struct vmb_sim *sim)
{
    if (!__atomic_load_n(&sim->threaded, __ATOMIC_RELAXED))
        vmb_sim_clock_advance(sim, sim->cfg.tick);
    return vmb_h_clock(sim);
}

/* --- Leaves --------------------------------------------------------------- */

static void privileges(struct vmb_sim *sim, uint32_t out[4])
{
    uint32_t quirks = sim->cfg.quirks;
    bool openvmm = quirks & VMB_SIM_OPENVMM_LEAVES;

    /* As QEMU with all hv- flags: VP run time ... TSC page; as OpenVMM on KVM:
     * frequencies, but no TSC page. */
    out[0] = openvmm ? 0x87f : 0x27f;
    if (quirks & VMB_SIM_NO_REF_TSC)
        out[0] &= ~PRIV_REF_TSC;
    out[1] = openvmm ? 0 : PRIV_POST | PRIV_SIGNAL;
    if (quirks & VMB_SIM_ISOLATED)
        out[1] |= PRIV_ISOLATION;
    out[0] &= ~sim->cfg.no_privileges[0];
    out[1] &= ~sim->cfg.no_privileges[1];
    out[3] = openvmm ? FEAT_FREQUENCY : 8;
    if (quirks & VMB_SIM_SINT_POLLING)
        out[3] |= FEAT_SINT_POLLING;
}

static void hypervisor_leaf(struct vmb_sim *sim, uint32_t leaf, uint32_t out[4])
{
    bool few = sim->cfg.quirks & (VMB_SIM_QEMU | VMB_SIM_OPENVMM_LEAVES);

    switch (leaf) {
    case 0x40000000:
        out[0] = few ? 0x40000005 : 0x4000000c;
        memcpy(&out[1], "Microsoft Hv", 12);
        break;
    case 0x40000001:
        memcpy(&out[0], "Hv#1", 4);
        break;
    case 0x40000002:
        out[0] = 0x3839;
        out[1] = 10u << 16;
        break;
    case 0x40000003:
        privileges(sim, out);
        break;
    case 0x40000004:
        out[0] = sim->cfg.quirks & VMB_SIM_NO_AUTO_EOI ? HINT_NO_AEOI : 0;
        out[1] = 0xffffffff;
        break;
    case 0x40000005:
        out[0] = sim->cfg.vps;
        out[1] = 64;
        break;
    case 0x4000000c:
        out[1] = sim->cfg.quirks & VMB_SIM_ISOLATED ? 2 : 0; /* SNP */
        break;
    default:
        break;
    }
}

static void cpuid(void *ctx, uint32_t leaf, uint32_t out[4])
{
    struct vmb_sim *sim = ctx;
    bool bare = sim->cfg.quirks & VMB_SIM_NO_HYPERVISOR;

    memset(out, 0, 4 * sizeof out[0]);
    if (leaf == 1)
        out[2] = bare ? 0 : 1u << 31;
    else if (!bare)
        hypervisor_leaf(sim, leaf, out);
}

/* --- Registers ------------------------------------------------------------ */

static uint32_t has(struct vmb_sim *sim, uint32_t privilege)
{
    uint32_t out[4] = { 0 };

    privileges(sim, out);
    return sim->cfg.quirks & VMB_SIM_NO_HYPERVISOR ? 0 : out[0] & privilege;
}

/* The privilege a register needs; 0: none, ~0: there is no such register. */
static uint32_t needs(uint32_t reg)
{
    switch (reg) {
    case REG_TSC:
        return 0;
    case REG_GUEST_OS_ID:
    case REG_HYPERCALL:
        return PRIV_HYPERCALL;
    case REG_VP_INDEX:
        return PRIV_VP_INDEX;
    case REG_TIME:
        return PRIV_TIME;
    case REG_REF_TSC:
        return PRIV_REF_TSC;
    default:
        if (reg >= REG_SCONTROL && reg < REG_SINT0 + 16u)
            return PRIV_SYNIC;
        return ~0u;
    }
}

static bool allowed(struct vmb_sim *sim, uint32_t reg, const char *how)
{
    uint32_t privilege = needs(reg);

    if (privilege == 0 || (privilege != ~0u && has(sim, privilege)))
        return true;
    vmb_h_wrong(sim, "%s of register %#x, which faults on this machine", how,
                reg);
    return false;
}

/* The scale rounds up, so that (tsc * scale) >> 64 is exact for our TSC. */
void vmb_h_tsc_write(struct vmb_sim *sim)
{
    uint8_t *page = sim->tsc_page.at;

    if (!page)
        return;
    put64(page + 8, UINT64_MAX / TSC_PER_TICK + 1);
    put64(page + 16, TSC_OFFSET);
    shm_store(page, sim->tsc_sequence);
}

void vmb_sim_tsc_sequence(struct vmb_sim *sim, uint32_t sequence)
{
    vmb_h_enter(sim);
    sim->tsc_sequence = sequence;
    vmb_h_tsc_write(sim);
    vmb_h_leave(sim);
}

static void hypercall_set(struct vmb_sim *sim, uint64_t value)
{
    static const uint8_t code[] = { 0x0f, 0x01, 0xd9, 0xc3 };

    if (sim->os_id == 0)
        value &= ~(uint64_t)OVERLAY_ON;
    memcpy(sim->hypercall_page.content, code, sizeof code);
    vmb_h_overlay_set(sim, &sim->hypercall_page, value, "hypercall page");
    sim->hypercall = value;
}

static void os_id_set(struct vmb_sim *sim, uint64_t value)
{
    sim->os_id = value;
    if (value == 0)
        hypercall_set(sim, sim->hypercall & ~(uint64_t)OVERLAY_ON);
}

static uint64_t locked_get(struct vmb_sim *sim, uint32_t reg)
{
    uint64_t value = 0;

    switch (reg) {
    case REG_GUEST_OS_ID:
        return sim->os_id;
    case REG_HYPERCALL:
        return sim->hypercall;
    case REG_REF_TSC:
        return sim->ref_tsc;
    default:
        if (!vmb_h_synic_get(sim, reg, &value))
            vmb_h_wrong(sim, "read of register %#x, which faults", reg);
        return value;
    }
}

static uint64_t reg_get(void *ctx, uint32_t reg)
{
    struct vmb_sim *sim = ctx;
    uint64_t value;

    if (!allowed(sim, reg, "read"))
        return 0;
    switch (reg) {
    case REG_TSC:
        return (vmb_h_tick(sim) - TSC_OFFSET) * TSC_PER_TICK;
    case REG_TIME:
        return vmb_h_tick(sim);
    case REG_VP_INDEX:
        return vmb_sim_vp(sim);
    default:
        vmb_h_enter(sim);
        value = locked_get(sim, reg);
        vmb_h_leave(sim);
        return value;
    }
}

static void reg_set(void *ctx, uint32_t reg, uint64_t value)
{
    struct vmb_sim *sim = ctx;

    if (!allowed(sim, reg, "write"))
        return;
    vmb_h_enter(sim);
    switch (reg) {
    case REG_GUEST_OS_ID:
        os_id_set(sim, value);
        break;
    case REG_HYPERCALL:
        hypercall_set(sim, value);
        break;
    case REG_REF_TSC:
        vmb_h_overlay_set(sim, &sim->tsc_page, value, "reference TSC page");
        sim->ref_tsc = value;
        vmb_h_tsc_write(sim);
        break;
    default:
        if (!vmb_h_synic_set(sim, reg, value))
            vmb_h_wrong(sim, "write of %#llx to register %#x, which faults",
                        (unsigned long long)value, reg);
        break;
    }
    vmb_h_leave(sim);
}

/* --- The port ------------------------------------------------------------- */

static uint64_t gpa(void *ctx, const void *va)
{
    struct vmb_sim *sim = ctx;
    uint64_t k = vmb_h_count(sim, VMB_SIM_AT_PORT), pfn;
    uint32_t from = 0;

    if (vmb_h_fault(sim, VMB_SIM_AT_PORT, k, &from)) {
        vmb_h_disturb(sim);
        return UINT64_MAX;
    }
    pfn = vmb_h_pfn(sim, va);
    if (pfn == VMB_H_NO_PFN && sim->cfg.quirks & VMB_SIM_AUTO_MAP) {
        vmb_sim_map(sim, va, 1);
        pfn = vmb_h_pfn(sim, va);
    }
    if (pfn == VMB_H_NO_PFN) {
        vmb_h_wrong(sim, "gpa() of %p, which is not guest memory", va);
        return UINT64_MAX;
    }
    return pfn << 12 | ((uintptr_t)va & 4095u);
}

static uint64_t now(void *ctx)
{
    return vmb_h_tick(ctx);
}

static void relax(void *ctx, uint64_t until)
{
    struct vmb_sim *sim = ctx;
    uint64_t clock;

    if (__atomic_load_n(&sim->threaded, __ATOMIC_RELAXED)) {
        nanosleep(&(struct timespec){ 0, 20000 }, NULL);
        return;
    }
    if (vmb_sim_step(sim)) {
        vmb_h_tick(sim);
        return;
    }
    clock = vmb_h_tick(sim); /* nothing will happen: let time pass */
    if (until > clock)
        vmb_sim_clock_advance(sim, until - clock < CLOCK_SKIP ? until - clock
                                                              : CLOCK_SKIP);
}

void vmb_h_cpu_init(struct vmb_sim *sim)
{
    sim->clock = CLOCK_START;
    sim->tsc_sequence = 1;
    sim->os_id = sim->cfg.owner_os_id;
    sim->cpu.cpuid = cpuid;
    sim->cpu.reg_get = reg_get;
    sim->cpu.reg_set = reg_set;
    sim->cpu.hypercall = vmb_h_hypercall;
    sim->cpu.polled_vector = 0xff;
    sim->platform.size = sizeof sim->platform;
    sim->platform.ctx = sim;
    sim->platform.gpa = gpa;
    sim->platform.now = now;
    sim->platform.relax = relax;
    sim->platform.cpu = &sim->cpu;
}
