/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "spy.h"

#define REST 100000u /* a turn of the main loop rests at most 10 ms */

/* --- What the machine tells ----------------------------------------------- */

static void on_interrupt(void *ctx, uint32_t vp, uint8_t vector)
{
    struct rig *rig = ctx;
    uint32_t work;

    if (vector != RIG_VECTOR + vp || !rig->cpu[vp].hv_)
        return;
    __atomic_fetch_add(&rig->interrupts[vp], 1, __ATOMIC_RELAXED);
    work = vmb_cpu_scan(&rig->cpu[vp]);
    __atomic_fetch_or(&rig->flagged, work, __ATOMIC_RELAXED);
}

static void trace(void *ctx, const char *line)
{
    (void)ctx;
    fprintf(stderr, "sim: %s\n", line);
}

static void on_event(void *ctx, enum vmb_conn_event event,
                     struct vmb_offer *offer)
{
    struct rig *rig = ctx;

    rig->events[event]++;
    if (event == VMB_CONN_OFFER_LOST)
        rig->lost_relid = offer->relid;
    if (rig->on_event)
        rig->on_event(rig, event, offer);
}

static void on_message(void *ctx, const void *message, uint32_t bytes)
{
    struct rig *rig = ctx;

    (void)message;
    (void)bytes;
    rig->unknown_messages++;
}

/* --- Making one ----------------------------------------------------------- */

void *rig_alloc(struct rig *rig, size_t pages)
{
    uint8_t *va = vmb_sim_alloc(rig->sim, pages);

    assert_non_null(va);
    assert_true(rig->allocs < RIG_ALLOCS);
    rig->alloc[rig->allocs].va = va;
    rig->alloc[rig->allocs++].pages = pages;
    return va;
}

static void make_sim(struct rig *rig)
{
    struct vmb_sim_cfg *cfg = &rig->cfg.sim;

    cfg->size = sizeof *cfg;
    cfg->ctx = rig;
    if (rig->cfg.interrupts && !cfg->on_interrupt)
        cfg->on_interrupt = on_interrupt;
    if (getenv("VMB_TRACE"))
        cfg->trace = trace;
    rig->sim = vmb_sim_create(cfg);
    assert_non_null(rig->sim);
    replay_machine(rig->sim);
    rig->cpus = cfg->vps ? cfg->vps : 1;
    assert_true(rig->cpus <= RIG_CPUS);
}

struct rig *rig_make(const struct rig_cfg *cfg)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct vmb_conn_cfg *conn;
    uint32_t i;

    assert_non_null(rig);
    if (cfg)
        rig->cfg = *cfg;
    make_sim(rig);
    rig->hv_pages = rig_alloc(rig, VMB_HV_PAGES);
    for (i = 0; i < rig->cpus; i++)
        rig->cpu_pages[i] = rig_alloc(rig, VMB_CPU_PAGES);
    rig->conn_pages = rig_alloc(rig, VMB_CONN_PAGES);
    conn = &rig->cfg.conn;
    if (rig->cfg.offer_cap == 0)
        rig->cfg.offer_cap = RIG_OFFERS;
    rig->offers = calloc(rig->cfg.offer_cap, sizeof *rig->offers);
    assert_non_null(rig->offers);
    if (!conn->cpu)
        conn->cpu = &rig->cpu[0];
    conn->pages = rig->conn_pages;
    conn->offers = rig->offers;
    conn->offer_cap = rig->cfg.offer_cap;
    conn->on_event = on_event;
    conn->on_message = on_message;
    conn->ctx = rig;
    spy_install(rig);
    return rig;
}

struct vmb_sim_dev *rig_device(struct rig *rig)
{
    struct vmb_sim_dev *dev = vmb_sim_test_add(rig->sim, ++rig->instance, 0);

    assert_non_null(dev);
    replay_device(rig->sim, dev);
    return dev;
}

/* --- Bring-up ------------------------------------------------------------- */

enum vmb_status rig_hv_try(struct rig *rig)
{
    struct vmb_hv_cfg hv = { rig->hv_pages, rig->cfg.owner,
                             rig->cfg.take_over };
    struct vmb_cpu_cfg cpu;
    enum vmb_status status = vmb_hv_start(&rig->hv, &rig->plat, &hv);
    uint32_t i;

    if (status != VMB_OK)
        return status;
    rig->hv_on = true;
    for (i = 0; status == VMB_OK && i < rig->cpus; i++) {
        cpu.pages = rig->cpu_pages[i];
        cpu.vector = rig->cfg.interrupts ? (uint8_t)(RIG_VECTOR + i) : 0;
        vmb_sim_set_vp(rig->sim, i);
        status = vmb_cpu_start(&rig->hv, &rig->cpu[i], &cpu);
    }
    vmb_sim_set_vp(rig->sim, 0);
    return status;
}

void rig_hv_start(struct rig *rig)
{
    assert_int_equal(rig_hv_try(rig), VMB_OK);
}

void rig_hv_stop(struct rig *rig)
{
    uint32_t i;

    if (!rig->hv_on)
        return;
    for (i = 0; i < rig->cpus; i++) {
        vmb_sim_set_vp(rig->sim, i);
        vmb_cpu_stop(&rig->cpu[i]);
    }
    vmb_sim_set_vp(rig->sim, 0);
    vmb_hv_stop(&rig->hv);
    rig->hv_on = false;
}

enum vmb_status rig_try_connect(struct rig *rig)
{
    enum vmb_status status =
        vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn);

    if (status != VMB_OK)
        return status;
    RIG_WAIT(rig, &status, vmb_conn_status(&rig->conn));
    return status;
}

void rig_connect(struct rig *rig)
{
    assert_int_equal(rig_try_connect(rig), VMB_OK);
}

void rig_start(struct rig *rig)
{
    rig_hv_start(rig);
    rig_connect(rig);
}

/* --- Running it ----------------------------------------------------------- */

static uint32_t scan_all(struct rig *rig)
{
    uint32_t work = 0, i;

    for (i = 0; i < rig->cpus; i++) {
        if (!rig->cpu[i].hv_)
            continue;
        vmb_sim_set_vp(rig->sim, i);
        work |= vmb_cpu_scan(&rig->cpu[i]);
    }
    vmb_sim_set_vp(rig->sim, 0);
    return work;
}

static void collect_ready(struct rig *rig)
{
    struct vmb_chan *chan;
    uint32_t i;

    for (i = 0; i < rig->cpus; i++) {
        while ((chan = vmb_cpu_next_ready(&rig->cpu[i])) != NULL) {
            struct link *link = (struct link *)(void *)chan;

            if (rig->on_ready && rig->on_ready(rig, chan))
                continue;
            link->flagged = true;
            link->flags++;
        }
    }
}

static void poll_bus(struct rig *rig)
{
    rig->polls++;
    vmb_sim_set_vp(rig->sim, (uint32_t)(rig->cfg.conn.cpu - rig->cpu));
    rig->last_poll = vmb_conn_poll(&rig->conn);
    vmb_sim_set_vp(rig->sim, 0);
}

/* What the handler, the timer and the receivers make of it. */
static void look_around(struct rig *rig)
{
    uint32_t work = __atomic_exchange_n(&rig->flagged, 0, __ATOMIC_RELAXED);
    bool look = !rig->cfg.interrupts;

    if (rig->cfg.ticks && rig->turns % 4 == 0)
        look = true;
    if (look)
        work |= scan_all(rig) | VMB_WORK_BUS;
    if (work & VMB_WORK_BUS || rig->last_poll == VMB_AGAIN)
        poll_bus(rig);
    collect_ready(rig);
}

void rig_turn(struct rig *rig)
{
    replay_turn();
    /* First the host: what it signals is answered before it goes on. */
    rig->real->relax(rig->real->ctx, vmb_sim_clock(rig->sim) + REST);
    rig->turns++;
    if (rig->cfg.bus_only)
        poll_bus(rig);
    else
        look_around(rig);
    if (rig->on_turn)
        rig->on_turn(rig);
}

/* What grows when anything moves. */
static uint64_t motion(struct rig *rig)
{
    return vmb_sim_count(rig->sim, VMB_SIM_AT_HOST_MESSAGE) +
           vmb_sim_count(rig->sim, VMB_SIM_AT_GUEST_MESSAGE) +
           vmb_sim_count(rig->sim, VMB_SIM_AT_HOST_PACKET) +
           vmb_sim_count(rig->sim, VMB_SIM_AT_GUEST_PACKET) +
           vmb_sim_count(rig->sim, VMB_SIM_AT_HYPERCALL) + rig->eoms;
}

/*
 * The poll's answer does not tell: it is VMB_AGAIN for as long as a rescinded
 * channel is not closed.
 */
void rig_fault(struct rig *rig, enum vmb_sim_point at, enum vmb_sim_act act,
               uint64_t times, uint64_t arg)
{
    struct vmb_sim_fault fault = { .at = at,
                                   .act = act,
                                   .k = vmb_sim_count(rig->sim, at),
                                   .times = times,
                                   .arg = arg };

    assert_int_equal(vmb_sim_fault_add(rig->sim, &fault), VMB_OK);
}

void rig_settle(struct rig *rig)
{
    uint32_t quiet = 0, turns = 0;
    uint64_t before;

    while (quiet < 5) {
        rig->last_poll = VMB_AGAIN;
        before = motion(rig);
        quiet = vmb_sim_run(rig->sim, 1000) == 0 ? quiet + 1 : 0;
        rig_turn(rig);
        if (motion(rig) != before)
            quiet = 0;
        if (turns++ > RIG_TURNS)
            rig_hang(rig, "nothing left to do");
    }
}

void rig_is_gone(enum vmb_status status)
{
    /* A signal may meet the missing channel before the message tells of it. */
    if (status != VMB_E_HYPERCALL)
        assert_int_equal(status, VMB_E_RESCINDED);
}

void rig_hang(struct rig *rig, const char *what)
{
    struct vmb_fault fault;

    vmb_conn_fault(&rig->conn, &fault);
    print_error("hang: waiting for %s; last poll: %s; connection fault: %s\n",
                what, vmb_status_str(rig->last_poll), vmb_site_str(fault.site));
    fail();
}

/* --- Taking it down ------------------------------------------------------- */

bool rig_mapped(struct rig *rig, const void *va, size_t pages)
{
    const uint8_t *at = va;
    size_t i;

    for (i = 0; i < pages; i++)
        if (vmb_sim_host_maps(rig->sim, at + i * VMB_PAGE_SIZE))
            return true;
    return false;
}

void rig_unload(struct rig *rig)
{
    enum vmb_status status;

    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_OK);
    RIG_WAIT(rig, &status, vmb_conn_unload_status(&rig->conn));
    assert_int_equal(status, VMB_OK);
}

void rig_check_violations(struct rig *rig)
{
    uint32_t count = vmb_sim_violations(rig->sim), i;

    for (i = 0; i < count && vmb_sim_violation(rig->sim, i); i++)
        print_error("violation: %s\n", vmb_sim_violation(rig->sim, i));
    assert_int_equal(count, 0);
    assert_int_equal(contract_breaches(), 0);
}

void rig_check_clean(struct rig *rig)
{
    uint32_t i;

    rig_check_violations(rig);
    assert_false(vmb_sim_connected(rig->sim));
    assert_int_equal(vmb_sim_live_gpadls(rig->sim), 0);
    assert_int_equal(vmb_sim_open_channels(rig->sim), 0);
    assert_int_equal(vmb_sim_unreleased(rig->sim), 0);
    assert_true(vmb_sim_pristine(rig->sim));
    for (i = 0; i < rig->allocs; i++)
        assert_false(rig_mapped(rig, rig->alloc[i].va, rig->alloc[i].pages));
}

void rig_free(struct rig *rig)
{
    replay_end(rig->sim);
    vmb_sim_destroy(rig->sim);
    free(rig->offers);
    free(rig);
}

void rig_down(struct rig *rig)
{
    if (rig->hv_on) {
        rig_unload(rig);
        rig_hv_stop(rig);
    }
    rig_check_clean(rig);
    rig_free(rig);
}

/* --- Chance --------------------------------------------------------------- */

uint64_t rig_seed(uint64_t usual)
{
    const char *asked = getenv("VMB_SEED");
    uint64_t seed = asked ? strtoull(asked, NULL, 0) : usual;

    printf("# seed 0x%llx\n", (unsigned long long)seed);
    return seed;
}

uint64_t rig_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t rig_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)(rig_random(state) % bound);
}
