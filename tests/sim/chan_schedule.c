/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>

#define GPADL_PAGES 40u
#define DATA_PAGES  6u
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

/* Memory that the host gets and gives back. */
struct lent {
    uint8_t *va;
    size_t pages;
    bool ours; /* close, destroy or unload said so: filled with OWN */
};

struct play {
    struct rig *rig;
    struct vmb_sim_dev *dev, *sibling;
    struct link link, other;
    struct vmb_gpadl gpadl;
    struct lent ring, other_ring, memory, pages;
    uint8_t *data;
    bool lying;
    /* What came of it. */
    enum vmb_status started, victim, sibling_after, ended, unloaded;
    /* Counts: at first, around what concerns the victim, at last. */
    uint64_t begin[VMB_SIM_POINTS], from[VMB_SIM_POINTS];
    uint64_t to[VMB_SIM_POINTS], end[VMB_SIM_POINTS];
};

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

static void take_back(struct play *p, struct lent *lent)
{
    if (lent->ours)
        return;
    if (!p->lying)
        assert_false(rig_mapped(p->rig, lent->va, lent->pages));
    lent->ours = true;
    memset(lent->va, OWN, lent->pages * VMB_PAGE_SIZE);
}

/* Nobody has written to it since. */
static void still_ours(const struct play *p, const struct lent *lent)
{
    size_t i;

    if (!lent->ours || p->lying)
        return;
    for (i = 0; i < lent->pages * VMB_PAGE_SIZE; i++)
        if (lent->va[i] != OWN)
            fail_msg("byte %zu was written after it was given back", i);
}

/* --- Steps on the victim -------------------------------------------------- */

static enum vmb_status external(struct play *p)
{
    uint8_t *data = p->data;
    struct vmb_iov iov[3] = { { data + 100, 5000 },
                              { data + 3 * VMB_PAGE_SIZE + 4000, 300 },
                              { data + 5 * VMB_PAGE_SIZE, 1 } };
    struct vmb_mdl mdl[3];
    uint64_t pfns[8], hash = VMB_SIM_HASH_INIT;
    struct ask ask = { .request = { .op = VMB_SIM_FILL, .seed = 42 },
                       .mdl = mdl };
    struct vmb_sim_test_reply reply;
    enum vmb_status status;
    uint32_t i;

    status = vmb_mdl_from_iovec(mdl, 3, &p->rig->plat, iov, 3, pfns, 8);
    if (status == VMB_OK)
        status = rig_try_ask(p->rig, &p->link, &ask, &reply);
    for (i = 0; i < 5000 && status == VMB_OK; i++)
        if (data[100 + i] != vmb_sim_pattern(42, i))
            return VMB_E_BUG;
    ask.request.op = VMB_SIM_HASH;
    if (status == VMB_OK)
        status = rig_try_ask(p->rig, &p->link, &ask, &reply);
    for (i = 0; i < 3; i++)
        hash = vmb_sim_hash(hash, iov[i].base, iov[i].len);
    return status == VMB_OK && reply.value != hash ? VMB_E_BUG : status;
}

/* A burst from the host, larger than what its ring holds at once. */
static enum vmb_status burst(struct play *p)
{
    struct ask ask = { .request = { .op = VMB_SIM_BURST,
                                    .count = 24,
                                    .seed = 5000,
                                    .bytes = 400 } };
    enum vmb_status status = rig_ask_start(p->rig, &p->link, &ask, false);
    uint8_t data[400];
    struct vmb_rx rx;
    uint32_t i, n;

    for (i = 0; i < 24 && status == VMB_OK; i++) {
        status = rig_recv(p->rig, &p->link, &rx);
        if (status != VMB_OK)
            break;
        if (rx.kind != VMB_INBAND || rx.xid != 5000 + i ||
            vmb_rx_copy(&p->link.chan, &rx, 0, data, 400) != 400)
            return VMB_E_BUG;
        for (n = 0; n < 400; n++)
            if (data[n] != vmb_sim_pattern(5000 + i, n))
                return VMB_E_BUG;
        status = vmb_chan_release(&p->link.chan);
    }
    return status;
}

/* The host asks; the guest answers. */
static enum vmb_status answer(struct play *p)
{
    struct ask ask = { .request = { .op = VMB_SIM_ASK, .seed = 99 } };
    struct vmb_out out = { .kind = VMB_COMPLETION };
    enum vmb_status status = rig_ask_start(p->rig, &p->link, &ask, false);
    struct vmb_rx rx;

    if (status == VMB_OK)
        status = rig_recv(p->rig, &p->link, &rx);
    if (status != VMB_OK)
        return status;
    if (rx.kind != VMB_INBAND || !rx.want_reply)
        return VMB_E_BUG;
    out.reply_to = rx.xid;
    status = rig_send(p->rig, &p->link, &out);
    return status == VMB_OK ? vmb_chan_release(&p->link.chan) : status;
}

/* More than the ring holds, staged. */
static enum vmb_status crowd(struct play *p)
{
    static const uint8_t zeros[600];
    struct vmb_iov iov = { zeros, sizeof zeros };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    enum vmb_status status = VMB_OK;
    uint32_t i;

    for (i = 0; i < 12 && status == VMB_OK; i++) {
        status = vmb_chan_stage(&p->link.chan, &out);
        if (status == VMB_AGAIN)
            status = rig_send(p->rig, &p->link, &out);
    }
    if (status == VMB_OK)
        status = vmb_chan_flush(&p->link.chan);
    return status;
}

static enum vmb_status keep_memory(struct play *p)
{
    enum vmb_status status;
    struct ask ask = { .request = { .op = VMB_SIM_GPADL_FILL,
                                    .seed = 7,
                                    .offset = 4000,
                                    .bytes = 9000 } };
    struct vmb_sim_test_reply reply;
    uint32_t i;

    p->memory.ours = false;
    status = rig_gpadl(p->rig, &p->gpadl, &p->link, p->memory.va, GPADL_PAGES);
    if (status != VMB_OK)
        return status;
    ask.request.count = vmb_gpadl_id(&p->gpadl);
    status = rig_try_ask(p->rig, &p->link, &ask, &reply);
    for (i = 0; i < 9000 && status == VMB_OK; i++)
        if (p->memory.va[4000 + i] != vmb_sim_pattern(7, i))
            return VMB_E_BUG;
    return status;
}

static enum vmb_status move(struct play *p)
{
    struct rig *rig = p->rig;
    enum vmb_status status;

    if (rig->cpus < 2 || vmb_conn_version(&rig->conn) < VMB_VERSION_4_1)
        return VMB_OK;
    status = vmb_conn_modify_start(&rig->conn, &p->link.chan, &rig->cpu[1]);
    if (status == VMB_OK)
        RIG_WAIT(rig, &status, vmb_conn_modify_status(&p->link.chan));
    return status == VMB_OK ? rig_try_echo(rig, &p->link, 2) : status;
}

/* Whatever the channel's state, each call has an answer for it. */
static void prod(struct link *link)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_rx rx = { .kind = VMB_INBAND };
    struct vmb_fault fault;
    uint32_t offset, len;
    uint8_t byte;

    (void)vmb_chan_recv(&link->chan, &rx);
    (void)vmb_rx_copy(&link->chan, &rx, 0, &byte, 1);
    (void)vmb_rx_range(&link->chan, &rx, 0, &offset, &len);
    (void)vmb_chan_release(&link->chan);
    (void)vmb_chan_stage(&link->chan, &out);
    (void)vmb_chan_flush(&link->chan);
    (void)vmb_chan_arm(&link->chan);
    (void)vmb_chan_open_status(&link->chan);
    (void)vmb_chan_close_status(&link->chan);
    (void)vmb_conn_modify_status(&link->chan);
    vmb_chan_fault(&link->chan, &fault);
    link->armed = false;
}

static const struct {
    enum vmb_status (*act)(struct play *p);
} steps[] = { { external }, { burst }, { answer },
              { crowd },    { move },  { keep_memory } };

/* --- The scenario --------------------------------------------------------- */

static enum vmb_status open_link(struct play *p, struct link *link,
                                 struct vmb_sim_dev *dev, struct lent *ring)
{
    struct vmb_offer *offer = rig_offer(p->rig, dev, 0);
    enum vmb_status status;

    if (!offer)
        return VMB_E_RESCINDED;
    ring->ours = false;
    status = rig_try_open(p->rig, link, offer);
    return status == VMB_OK ? rig_try_echo(p->rig, link, 3) : status;
}

/* Twice, if need be: it may fail for a reason that passes. */
static enum vmb_status close_link(struct play *p, struct link *link,
                                  struct lent *ring)
{
    enum vmb_status status = rig_try_close(p->rig, link);

    prod(link);
    if (status != VMB_OK)
        status = rig_try_close(p->rig, link);
    if (status == VMB_OK)
        take_back(p, ring);
    return status;
}

static enum vmb_status drop_memory(struct play *p)
{
    enum vmb_status status = rig_gpadl_destroy(p->rig, &p->gpadl);

    if (status != VMB_OK)
        status = rig_gpadl_destroy(p->rig, &p->gpadl);
    if (status == VMB_OK)
        take_back(p, &p->memory);
    return status;
}

/* All that concerns the one channel alone. */
static enum vmb_status victim(struct play *p)
{
    enum vmb_status status = open_link(p, &p->link, p->dev, &p->ring), closed;
    size_t i;

    for (i = 0; i < sizeof steps / sizeof steps[0] && status == VMB_OK; i++)
        status = steps[i].act(p);
    prod(&p->link);
    closed = close_link(p, &p->link, &p->ring);
    if (status == VMB_OK)
        status = closed;
    closed = drop_memory(p);
    return status == VMB_OK ? closed : status;
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
    take_back(p, &p->ring);
    take_back(p, &p->other_ring);
    take_back(p, &p->memory);
    if (!p->lying)
        assert_false(rig_mapped(rig, p->pages.va, p->pages.pages));
    return status;
}

static void play(struct play *p)
{
    p->victim = p->sibling_after = p->ended = p->unloaded = VMB_E_STATE;
    memset(&p->link.chan, 0, sizeof p->link.chan);
    memset(&p->other.chan, 0, sizeof p->other.chan);
    memset(&p->gpadl, 0, sizeof p->gpadl);
    mark(p, p->begin);
    p->started = rig_hv_try(p->rig);
    if (p->started == VMB_OK)
        p->started = rig_try_connect(p->rig);
    if (p->started == VMB_OK)
        p->started = open_link(p, &p->other, p->sibling, &p->other_ring);
    mark(p, p->from);
    if (vmb_conn_status(&p->rig->conn) == VMB_OK)
        p->victim = victim(p);
    mark(p, p->to);
    if (p->started == VMB_OK) {
        p->sibling_after = rig_try_echo(p->rig, &p->other, 3);
        p->ended = close_link(p, &p->other, &p->other_ring);
    }
    p->unloaded = leave(p);
    mark(p, p->end);
}

/* --- Around it ------------------------------------------------------------ */

static const struct rig_cfg modes[MODES] = {
    [POLLED] = { .interrupts = false },
    [INTERRUPTS] = { .interrupts = true, .sim.vps = 2 },
    [SLOW] = { .interrupts = true,
               .sim = { .quirks = VMB_SIM_LAZY | VMB_SIM_MUTE_RESCIND,
                        .max_version = VMB_VERSION_4_0 } },
    [OLD] = { .interrupts = true, .sim.max_version = VMB_VERSION_1_1 },
    [QEMU] = { .sim.quirks = VMB_SIM_QEMU },
};

static void lend(struct play *p, struct lent *lent, size_t pages)
{
    lent->va = rig_alloc(p->rig, pages);
    lent->pages = pages;
}

static struct play *stage(enum schedule_mode mode)
{
    struct play *p = calloc(1, sizeof *p);
    struct rig_cfg cfg = modes[mode];

    assert_non_null(p);
    cfg.ticks = true;
    cfg.sim.quirks |= VMB_SIM_SCRIBBLE;
    cfg.conn.timeout = SECOND / 2;
    cfg.patience = SECOND / 6;
    p->rig = rig_make(&cfg);
    p->sibling = rig_device(p->rig);
    p->dev = rig_device(p->rig);
    p->link.cfg.tx_pages = 1;
    p->link.cfg.rx_pages = 27; /* a GPADL of three messages */
    lend(p, &p->ring, 30);
    lend(p, &p->other_ring, 4);
    lend(p, &p->memory, GPADL_PAGES);
    p->link.ring = p->ring.va;
    p->other.ring = p->other_ring.va;
    p->pages.va = p->rig->conn_pages;
    p->pages.pages = VMB_CONN_PAGES;
    p->data = rig_alloc(p->rig, DATA_PAGES);
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
    still_ours(p, &p->ring);
    still_ours(p, &p->other_ring);
    still_ours(p, &p->memory);
    rig_hv_stop(p->rig);
    rig_check_violations(p->rig);
    if (p->unloaded == VMB_OK && !p->lying)
        rig_check_clean(p->rig);
    vmb_sim_reoffer(p->dev);
    p->lying = false;
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
    snprintf(running, sizeof running, "the clean run of mode %d", mode);
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

    for (mode = 0; mode < MODES; mode++)
        run_mode((enum schedule_mode)mode, kind);
}

void schedule_run_args(const struct schedule_kind *kind, uint64_t args)
{
    struct schedule_kind each = *kind;

    for (each.arg = 0; each.arg < args && each.arg < ARGS_MAX; each.arg++)
        schedule_run(&each);
}
