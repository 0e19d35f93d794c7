/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_UNIT_FAKE_CPU_H
#define TESTS_UNIT_FAKE_CPU_H
/*
 * A processor under Hyper-V of which each answer can be chosen, and which
 * remembers what was asked.  It has no host: nothing answers a message unless
 * the test does.
 */
#include <vmb/hv.h>

#include "unit.h"

#define FAKE_WRITES 64u

struct fake_cpu {
    struct vmb_platform plat; /* ready for use: ctx and cpu point in here */
    struct vmb_cpu_ops ops;
    /* CPUID, by what it means */
    uint32_t present_ecx, max_leaf, signature, build, version;
    uint64_t privileges;
    uint32_t features, hints, isolation;
    uint32_t highest_leaf_asked;
    /* registers */
    uint64_t reg[256]; /* 0x400000NN */
    uint64_t tsc;
    void (*on_tsc)(struct fake_cpu *cpu); /* before the counter is read */
    uint32_t stuck_reg;                   /* does not take ... */
    uint64_t stuck_bits;                  /* ... these bits */
    uint32_t reads;
    uint32_t writes;
    struct {
        uint32_t reg;
        uint64_t value;
    } written[FAKE_WRITES];
    /* hypercalls */
    uint64_t (*on_hypercall)(struct fake_cpu *cpu, uint64_t control,
                             uint64_t in);
    uint64_t now; /* what plat.now() says, if the test sets it */
    void *user;
};

/* A machine with all that VMBus needs and nobody's yet. */
void fake_cpu_init(struct fake_cpu *cpu);

/* What plat.gpa() answers, and back. */
uint64_t fake_gpa(const void *va);
void *fake_va(uint64_t gpa);

uint64_t fake_cpu_now(void *ctx);

/* Register by its number. */
uint64_t *fake_reg(struct fake_cpu *cpu, uint32_t reg);

/* Writes since the last call were these, in this order: reg, value, ... 0 */
#define assert_written(cpu, ...)                                        \
    fake_assert_written((cpu), (const uint64_t[]){ __VA_ARGS__, 0, 0 }, \
                        __LINE__)
void fake_assert_written(struct fake_cpu *cpu, const uint64_t *pairs, int line);
void fake_assert_untouched(struct fake_cpu *cpu);

#endif
