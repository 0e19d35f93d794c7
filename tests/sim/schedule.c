/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>

/* Sanitizers are slow: one of each sort of damage will do. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#define ARGS_MAX 8u
#else
#define ARGS_MAX 64u
#endif

#define OWN 0x5a /* what is in memory that is the caller's again */

static const struct schedule_scene *const scene = &schedule_scene;
static char running[160];
static uint32_t cases;

int schedule_teardown(void **state)
{
    (void)state;
    if (running[0])
        print_error("it was: %s\n", running);
    else
        printf("# %u cases\n", cases);
    running[0] = 0;
    cases = 0;
    return 0;
}

/* --- Whose memory it is --------------------------------------------------- */

void schedule_lend(struct play *p, struct lent *lent, size_t pages)
{
    lent->va = rig_alloc(p->rig, pages);
    lent->pages = pages;
}

void schedule_take_back(struct play *p, struct lent *lent)
{
    if (lent->ours)
        return;
    if (!p->lying)
        assert_false(rig_mapped(p->rig, lent->va, lent->pages));
    lent->ours = true;
    memset(lent->va, OWN, lent->pages * VMB_PAGE_SIZE);
}

void schedule_still_ours(const struct play *p, const struct lent *lent)
{
    size_t i;

    if (!lent->ours || p->lying)
        return;
    for (i = 0; i < lent->pages * VMB_PAGE_SIZE; i++)
        if (lent->va[i] != OWN)
            fail_msg("byte %zu was written after it was given back", i);
}

/* --- One performance ------------------------------------------------------ */

static enum vmb_status open_sibling(struct play *p)
{
    struct vmb_offer *offer = rig_offer(p->rig, p->sibling, 0);
    enum vmb_status status;

    if (!offer)
        return VMB_E_RESCINDED;
    p->other_ring.ours = false;
    status = rig_try_open(p->rig, &p->other, offer);
    return status == VMB_OK ? rig_try_echo(p->rig, &p->other, 3) : status;
}

/* Twice, if need be: it may fail for a reason that passes. */
static enum vmb_status close_sibling(struct play *p)
{
    enum vmb_status status = rig_try_close(p->rig, &p->other);

    if (status != VMB_OK)
        status = rig_try_close(p->rig, &p->other);
    if (status == VMB_OK)
        schedule_take_back(p, &p->other_ring);
    return status;
}

static void mark(struct play *p, uint64_t *counts)
{
    unsigned point;

    for (point = 0; point < VMB_SIM_POINTS; point++)
        counts[point] = vmb_sim_count(p->rig->sim, (enum vmb_sim_point)point);
}

static enum vmb_status leave(struct play *p)
{
    struct rig *rig = p->rig;
    enum vmb_status status = vmb_conn_unload_start(&rig->conn);

    if (status == VMB_OK)
        RIG_WAIT(rig, &status, vmb_conn_unload_status(&rig->conn));
    if (status != VMB_OK)
        return status;
    schedule_take_back(p, &p->other_ring);
    scene->left(p);
    if (!p->lying)
        assert_false(rig_mapped(rig, rig->conn_pages, VMB_CONN_PAGES));
    return status;
}

static void play(struct play *p)
{
    struct rig *rig = p->rig;

    p->victim = p->sibling_after = p->ended = p->unloaded = VMB_E_STATE;
    memset(&p->other.chan, 0, sizeof p->other.chan);
    mark(p, p->begin);
    p->started = rig_hv_try(rig);
    if (p->started == VMB_OK)
        p->started = rig_try_connect(rig);
    if (p->started == VMB_OK)
        p->started = open_sibling(p);
    mark(p, p->from);
    if (vmb_conn_status(&rig->conn) == VMB_OK)
        p->victim = scene->victim(p);
    mark(p, p->to);
    if (p->started == VMB_OK) {
        /* What is late for the one is late for the other, too. */
        if (p->kind && p->kind->act == VMB_SIM_DELAY)
            rig_settle(rig);
        p->sibling_after = rig_try_echo(rig, &p->other, 3);
        p->ended = close_sibling(p);
    }
    p->unloaded = leave(p);
    mark(p, p->end);
}

/* --- Around it ------------------------------------------------------------ */

static const struct rig_cfg modes[MODES] = {
    [POLLED] = { .interrupts = false },
    [INTERRUPTS] = { .interrupts = true, .sim.vps = 2 },
    [QEMU] = { .sim.quirks = VMB_SIM_QEMU },
    [SLOW] = { .interrupts = true,
               .sim = { .quirks = VMB_SIM_LAZY | VMB_SIM_MUTE_RESCIND,
                        .max_version = VMB_VERSION_4_0 } },
    [OLD] = { .interrupts = true, .sim.max_version = VMB_VERSION_1_1 },
};

static struct play *stage(enum schedule_mode mode)
{
    struct play *p = calloc(1, scene->bytes);
    struct rig_cfg cfg = modes[mode];

    assert_non_null(p);
    cfg.ticks = true;
    cfg.sim.quirks |= VMB_SIM_SCRIBBLE;
    cfg.conn.timeout = SECOND / 2;
    cfg.patience = SECOND / 6;
    scene->stage(p, &cfg);
    schedule_lend(p, &p->other_ring, 4);
    p->other.ring = p->other_ring.va;
    return p;
}

static void is_whole(const struct play *p)
{
    assert_int_equal(p->started, VMB_OK);
    assert_int_equal(p->victim, VMB_OK);
    assert_int_equal(p->sibling_after, VMB_OK);
    assert_int_equal(p->ended, VMB_OK);
    assert_int_equal(p->unloaded, VMB_OK);
}

static void strike_the_set(struct play *p)
{
    rig_hv_stop(p->rig);
    rig_check_clean(p->rig);
    if (scene->strike)
        scene->strike(p);
    rig_free(p->rig);
    free(p);
}

/* The fault has gone: what was stuck comes free, and all works again. */
static void recover(struct play *p)
{
    uint32_t tries;

    vmb_sim_faults_clear(p->rig->sim);
    for (tries = 0; tries < 3 && p->unloaded != VMB_OK; tries++)
        p->unloaded = leave(p);
    if (p->rig->hv_on)
        rig_settle(p->rig);
    schedule_still_ours(p, &p->other_ring);
    scene->still_ours(p);
    rig_hv_stop(p->rig);
    rig_check_violations(p->rig);
    if (p->unloaded == VMB_OK && !p->lying)
        rig_check_clean(p->rig);
    vmb_sim_reoffer(p->dev);
    p->lying = false;
    p->kind = NULL;
    if (scene->renew)
        scene->renew(p);
    play(p);
    is_whole(p);
    strike_the_set(p);
}

/* The clean run, once for each mode. */
static const struct play *measured(enum schedule_mode mode)
{
    static struct play clean[MODES];
    struct play *p;

    if (clean[mode].end[VMB_SIM_AT_HOST_MESSAGE])
        return &clean[mode];
    snprintf(running, sizeof running, "the clean run of mode %d", (int)mode);
    p = stage(mode);
    play(p);
    is_whole(p);
    clean[mode] = *p;
    assert_int_equal(vmb_sim_excused(p->rig->sim), 0);
    strike_the_set(p);
    return &clean[mode];
}

/*
 * Does it concern the victim alone, so that the sibling must not notice?  What
 * strikes twice may strike the sibling, when the first has ended the victim.
 */
static bool is_private(const struct play *clean,
                       const struct schedule_kind *kind, uint64_t k)
{
    return kind->at != VMB_SIM_AT_PORT && kind->times <= 1 &&
           k >= clean->from[kind->at] && k < clean->to[kind->at];
}

static void run_case(enum schedule_mode mode, const struct play *clean,
                     const struct schedule_kind *kind, uint64_t k)
{
    struct play *p = stage(mode);
    struct vmb_sim_fault fault = { .at = kind->at,
                                   .act = kind->act,
                                   .k = k,
                                   .times = kind->times,
                                   .arg = kind->arg,
                                   .dev = p->dev };

    p->kind = kind;
    p->lying = kind->effect == LYING;
    assert_int_equal(vmb_sim_fault_add(p->rig->sim, &fault), VMB_OK);
    play(p);
    assert_true(vmb_sim_faults_hit(p->rig->sim) > 0);
    if (kind->effect == HARMLESS)
        is_whole(p);
    if (kind->effect == ANYTHING) /* what was received was true */
        assert_int_not_equal(p->victim, VMB_E_BUG);
    if (is_private(clean, kind, k)) {
        assert_int_equal(p->started, VMB_OK);
        assert_int_equal(p->sibling_after, VMB_OK);
        assert_int_equal(p->ended, VMB_OK);
    }
    recover(p);
}

static void run_mode(enum schedule_mode mode, const struct schedule_kind *kind)
{
    const struct play *clean = measured(mode);
    const char *only = getenv("VMB_CASE");
    uint64_t k;

    for (k = clean->begin[kind->at]; k < clean->end[kind->at]; k++) {
        snprintf(running, sizeof running,
                 "mode %d, point %d, act %d, times %lld, arg %#llx, k %llu",
                 (int)mode, (int)kind->at, (int)kind->act,
                 (long long)kind->times, (unsigned long long)kind->arg,
                 (unsigned long long)k);
        if (only && strcmp(only, running) != 0)
            continue;
        run_case(mode, clean, kind, k);
        cases++;
    }
    running[0] = 0;
}

void schedule_run(const struct schedule_kind *kind)
{
    unsigned mode;

    for (mode = 0; mode < MODES && mode < scene->modes; mode++)
        run_mode((enum schedule_mode)mode, kind);
}

void schedule_run_args(const struct schedule_kind *kind, uint64_t args)
{
    struct schedule_kind each = *kind;

    if (scene->args && args > scene->args)
        args = scene->args;
    for (each.arg = 0; each.arg < args && each.arg < ARGS_MAX; each.arg++)
        schedule_run(&each);
}
