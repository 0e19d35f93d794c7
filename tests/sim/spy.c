/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The simulator's platform once more, noting what the guest does that the
 * simulator does not tell: which message went to which connection id, how
 * often a signal was tried, what was left in the registers.
 *
 * Every counter is an atomic of its own, so that in the tests with threads
 * this layer orders nothing.
 */
#include "spy.h"

#define CALL_POST    0x5cu
#define CALL_SIGNAL  0x5du
#define REG_SCONTROL 0x40000080u
#define REG_EOM      0x40000084u

/* HvPostMessage input: where things are, by the TLFS. */
#define POST_SIZE 12u
#define POST_DATA 16u

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t spy_gpa(void *ctx, const void *va)
{
    const struct rig *rig = ctx;

    return rig->real->gpa(rig->real->ctx, va);
}

static uint64_t spy_now(void *ctx)
{
    const struct rig *rig = ctx;

    return rig->real->now(rig->real->ctx);
}

static void spy_relax(void *ctx, uint64_t until)
{
    struct rig *rig = ctx;

    replay_turn();
    __atomic_store_n(&rig->last_rest, until - vmb_sim_clock(rig->sim),
                     __ATOMIC_RELAXED);
    rig->real->relax(rig->real->ctx, until);
}

static void spy_cpuid(void *ctx, uint32_t leaf, uint32_t out[4])
{
    const struct rig *rig = ctx;

    rig->real->cpu->cpuid(rig->real->ctx, leaf, out);
}

static uint64_t spy_reg_get(void *ctx, uint32_t reg)
{
    const struct rig *rig = ctx;

    return rig->real->cpu->reg_get(rig->real->ctx, reg);
}

static void spy_reg_set(void *ctx, uint32_t reg, uint64_t value)
{
    struct rig *rig = ctx;

    if (reg == rig->stuck)
        return;
    if (reg == REG_EOM)
        __atomic_fetch_add(&rig->eoms, 1, __ATOMIC_RELAXED);
    if (reg == REG_SCONTROL)
        __atomic_store_n(&rig->last_scontrol, value, __ATOMIC_RELAXED);
    rig->real->cpu->reg_set(rig->real->ctx, reg, value);
}

/* A message that was taken: only the [bus] lane posts. */
static void note_post(struct rig *rig)
{
    const uint8_t *input = rig->conn_pages + 3 * VMB_PAGE_SIZE;
    uint32_t number = get32(input + POST_DATA);
    struct rig_post *post;

    if (number >= RIG_POSTS)
        return;
    post = &rig->posted[number];
    post->count++;
    post->connection = get32(input);
    post->bytes = get32(input + POST_SIZE);
    memcpy(post->payload, input + POST_DATA, sizeof post->payload);
}

static uint64_t spy_hypercall(void *ctx, const void *page, uint64_t control,
                              uint64_t in, uint64_t out)
{
    struct rig *rig = ctx;
    uint32_t code = (uint32_t)control & 0xffff;
    uint64_t result;

    if (code == CALL_SIGNAL) {
        __atomic_fetch_add(&rig->signalled, 1, __ATOMIC_RELAXED);
        __atomic_store_n(&rig->last_signal, (uint32_t)in, __ATOMIC_RELAXED);
    }
    result = rig->real->cpu->hypercall(rig->real->ctx, page, control, in, out);
    if (code == CALL_POST && result == 0 && in == rig->message_gpa)
        note_post(rig);
    return result;
}

void spy_install(struct rig *rig)
{
    rig->real = vmb_sim_platform(rig->sim);
    rig->plat = *rig->real;
    rig->plat.ctx = rig;
    rig->plat.gpa = spy_gpa;
    rig->plat.now = spy_now;
    rig->plat.relax = spy_relax;
    rig->plat.cpu = &rig->ops;
    rig->ops.cpuid = spy_cpuid;
    rig->ops.reg_get = spy_reg_get;
    rig->ops.reg_set = spy_reg_set;
    rig->ops.hypercall = spy_hypercall;
    rig->ops.polled_vector = rig->real->cpu->polled_vector;
    rig->message_gpa =
        rig->real->gpa(rig->real->ctx, rig->conn_pages + 3 * VMB_PAGE_SIZE);
}
