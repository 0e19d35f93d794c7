/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "fake_cpu.h"

/* Guest-physical addresses are not the process's own, so that one taken for
 * the other leads nowhere. */
#define GPA_BASE 0x4000000000000u

uint64_t fake_gpa(const void *va)
{
    return (uintptr_t)va + GPA_BASE;
}

void *fake_va(uint64_t gpa)
{
    return (void *)(uintptr_t)(gpa - GPA_BASE);
}

static uint64_t gpa(void *ctx, const void *va)
{
    assert_non_null(ctx);
    return fake_gpa(va);
}

uint64_t fake_cpu_now(void *ctx)
{
    return ((const struct fake_cpu *)ctx)->now;
}

static void cpuid(void *ctx, uint32_t leaf, uint32_t out[4])
{
    struct fake_cpu *cpu = ctx;
    const uint32_t leaves[][4] = {
        { cpu->max_leaf, 0x7263694d, 0x666f736f, 0x76482074 },
        { cpu->signature, 0, 0, 0 },
        { cpu->build, cpu->version, 0, 0 },
        { (uint32_t)cpu->privileges, (uint32_t)(cpu->privileges >> 32), 0,
          cpu->features },
        { cpu->hints, 0, 0, 0 },
    };
    const uint32_t processor[4] = { 0x000206a7, 0, cpu->present_ecx, 0 };
    const uint32_t isolation[4] = { 1, cpu->isolation, 0, 0 };

    if (leaf > cpu->highest_leaf_asked)
        cpu->highest_leaf_asked = leaf;
    memset(out, 0xff, 4 * sizeof *out);
    if (leaf == 1)
        memcpy(out, processor, sizeof processor);
    else if (leaf == 0x4000000c)
        memcpy(out, isolation, sizeof isolation);
    else if (leaf - 0x40000000u < COUNT(leaves))
        memcpy(out, leaves[leaf - 0x40000000u], sizeof leaves[0]);
    else
        fail_msg("leaf %x is nobody's business", leaf);
}

uint64_t *fake_reg(struct fake_cpu *cpu, uint32_t reg)
{
    if (reg - 0x40000000u >= COUNT(cpu->reg))
        fail_msg("no such register: %x", reg);
    return &cpu->reg[reg - 0x40000000u];
}

static uint64_t reg_get(void *ctx, uint32_t reg)
{
    struct fake_cpu *cpu = ctx;

    cpu->reads++;
    if (reg != 0x10)
        return *fake_reg(cpu, reg);
    if (cpu->on_tsc)
        cpu->on_tsc(cpu);
    return cpu->tsc;
}

static void reg_set(void *ctx, uint32_t reg, uint64_t value)
{
    struct fake_cpu *cpu = ctx;
    uint64_t *at = fake_reg(cpu, reg);
    uint64_t kept = reg == cpu->stuck_reg ? cpu->stuck_bits : 0;

    if (cpu->writes < FAKE_WRITES) {
        cpu->written[cpu->writes].reg = reg;
        cpu->written[cpu->writes].value = value;
    }
    cpu->writes++;
    *at = (*at & kept) | (value & ~kept);
}

static uint64_t hypercall(void *ctx, const void *page, uint64_t control,
                          uint64_t in, uint64_t out)
{
    struct fake_cpu *cpu = ctx;

    assert_int_equal(out, 0);
    if (!cpu->ops.pageless)
        assert_int_equal(fake_gpa(page) | 1, *fake_reg(cpu, 0x40000001));
    return cpu->on_hypercall ? cpu->on_hypercall(cpu, control, in) : 2;
}

void fake_cpu_init(struct fake_cpu *cpu)
{
    memset(cpu, 0, sizeof *cpu);
    cpu->plat.size = sizeof cpu->plat;
    cpu->plat.ctx = cpu;
    cpu->plat.gpa = gpa;
    cpu->plat.cpu = &cpu->ops;
    cpu->ops.cpuid = cpuid;
    cpu->ops.reg_get = reg_get;
    cpu->ops.reg_set = reg_set;
    cpu->ops.hypercall = hypercall;
    cpu->present_ecx = 0x80000000u;
    cpu->max_leaf = 0x40000006;
    cpu->signature = 0x31237648;
    cpu->build = 20348;
    cpu->version = 10u << 16 | 3;
    /* Counter, SynIC, hypercalls, VP index, TSC page; post, signal. */
    cpu->privileges =
        0x3000000000u | 1u << 1 | 1u << 2 | 1u << 5 | 1u << 6 | 1u << 9;
}

void fake_assert_written(struct fake_cpu *cpu, const uint64_t *pairs, int line)
{
    uint32_t i;

    for (i = 0; pairs[2 * i]; i++) {
        if (i >= cpu->writes || cpu->written[i].reg != pairs[2 * i] ||
            cpu->written[i].value != pairs[2 * i + 1])
            fail_msg("line %d: write %u is %x <- %lx, not %lx <- %lx", line, i,
                     cpu->written[i].reg, (unsigned long)cpu->written[i].value,
                     (unsigned long)pairs[2 * i],
                     (unsigned long)pairs[2 * i + 1]);
    }
    assert_int_equal(cpu->writes, i);
    cpu->writes = 0;
}

void fake_assert_untouched(struct fake_cpu *cpu)
{
    assert_int_equal(cpu->writes, 0);
}
