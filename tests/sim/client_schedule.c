/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The schedule of schedule.h with another scenario: the whole life of a client
 * channel, beside a plain channel that must not notice.  After each fault:
 *
 *   it ended: DISABLED, at the latest once the connection is unloaded;
 *   each packet that was taken has come back once, each delivered one was
 *   completed, nothing is abandoned;
 *   what DISABLED called the caller's own is not the host's;
 *   once the fault has gone the scenario runs whole.
 */
#include "client.h"
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>

#define OWN         0x5a /* what is in memory that is the caller's again */
#define PACKETS     6u
#define GPADL_BYTES (3 * VMB_PAGE_SIZE)
#define WAIT        VMB_SEND_WAIT_FOR_COMPLETION
/* Some damage of each sort; the other schedule tries all of it. */
#define ARGS_MAX 6u

struct play {
    struct rig *rig;
    struct vmb_sim_dev *dev, *sibling;
    struct link other;
    uint8_t *other_ring;
    struct client client;
    struct vmb_packet *packet[PACKETS];
    struct vmb_channel_gpadl gpadl;
    uint8_t *gpadl_pages, *data;
    uint32_t taken; /* sends that read VMB_OK */
    bool lying, ours;
    enum vmb_status started, victim, sibling_after, ended, unloaded, asked;
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
    clients_forget();
    running[0] = 0;
    cases = 0;
    return 0;
}

/* ---- Whose memory it is -------------------------------------------------- */

static void take_back(struct play *p)
{
    struct client *c = &p->client;

    if (p->ours)
        return;
    if (!p->lying) {
        assert_false(rig_mapped(p->rig, c->cfg.memory,
                                c->cfg.memory_bytes / VMB_PAGE_SIZE));
        assert_false(rig_mapped(p->rig, p->gpadl_pages, 3));
    }
    memset(c->cfg.memory, OWN, c->cfg.memory_bytes);
    memset(p->gpadl_pages, OWN, GPADL_BYTES);
    p->ours = true;
}

static void still_ours(const struct play *p)
{
    const uint8_t *memory = p->client.cfg.memory;
    size_t i;

    if (!p->ours || p->lying)
        return;
    for (i = 0; i < p->client.cfg.memory_bytes; i++)
        if (memory[i] != OWN)
            fail_msg("byte %zu was written after it was given back", i);
    for (i = 0; i < GPADL_BYTES; i++)
        if (p->gpadl_pages[i] != OWN)
            fail_msg("GPADL byte %zu was written", i);
}

/* ---- The client's callbacks ------------------------------------------------
 */

static void make_gpadl(struct play *p)
{
    struct client *c = &p->client;

    memset(&p->gpadl, 0, sizeof p->gpadl);
    p->client.opened_status = vmb_channel_create_gpadl_from_buffer_start(
        &c->channel, &p->gpadl, p->gpadl_pages, GPADL_BYTES);
    if (c->opened_status == VMB_OK)
        c->opened_status = vmb_wait_gpadl(&p->rig->conn, &p->gpadl.gpadl);
}

static void ask(struct play *p)
{
    struct vmb_sim_test_request fill = client_request(
        VMB_SIM_GPADL_FILL, vmb_gpadl_id(&p->gpadl.gpadl), GPADL_BYTES, 3);
    struct vmb_sim_test_reply reply = { 0 };
    struct vmb_request request = { .reply = &reply, .room = sizeof reply };
    uint32_t i;

    p->asked =
        vmb_wait_synchronous_request(&p->client.channel, &request, &fill,
                                     sizeof fill, NULL, WAIT, SECOND / 6);
    for (i = 0; p->asked == VMB_OK && i < GPADL_BYTES; i++)
        if (p->gpadl_pages[i] != vmb_sim_pattern(3, i))
            p->asked = VMB_E_BUG;
}

/* What is not down afterwards is ours to take down. */
static void delete_gpadl(struct play *p)
{
    if (vmb_channel_delete_gpadl_start(&p->client.channel, &p->gpadl) == VMB_OK)
        (void)(vmb_wait_gpadl_destroy(&p->rig->conn, &p->gpadl.gpadl) ==
               VMB_OK);
}

static void on(struct client *c, enum client_event event)
{
    struct play *p = c->own;

    if (event == OPENED)
        make_gpadl(p);
    if (event == POST_STARTED)
        ask(p);
    /* Otherwise it is forgotten, and the library takes it down. */
    if (event == CLOSED && p->taken % 2)
        delete_gpadl(p);
}

/* Holds one in three, defers one in four, the first time. */
static void on_packet(struct client *c, struct vmb_packet_completion *in,
                      const void *buffer, uint32_t bytes, uint32_t flags)
{
    (void)flags;
    (void)buffer;
    (void)bytes;
    if (c->packets % 4 == 3 &&
        vmb_channel_packet_defer_to_passive(in) == VMB_OK) {
        c->packets--;
        c->polls++;
        return;
    }
    if (c->packets % 3 == 1 && c->held_count < 4) {
        c->held[c->held_count++] = in;
        return;
    }
    assert_int_equal(vmb_channel_packet_complete(in, "answer", 6), VMB_OK);
}

static void complete_held(struct client *c)
{
    while (c->held_count)
        assert_int_equal(
            vmb_channel_packet_complete(c->held[--c->held_count], NULL, 0),
            VMB_OK);
}

/* ---- Steps ------------------------------------------------------------------
 */

/* Turns until it is so, or it has taken too long, or the channel ends. */
#define UNTIL(p, condition)                                          \
    do {                                                             \
        uint64_t limit_ = vmb_sim_clock((p)->rig->sim) + SECOND / 6; \
                                                                     \
        while (!(condition) &&                                       \
               vmb_channel_status(&(p)->client.channel) == VMB_OK && \
               vmb_sim_clock((p)->rig->sim) < limit_)                \
            rig_turn((p)->rig);                                      \
    } while (0)

static enum vmb_status outcome(struct play *p, bool reached)
{
    enum vmb_status status = vmb_channel_status(&p->client.channel);

    return reached || status != VMB_OK ? status : VMB_E_TIMEOUT;
}

static enum vmb_status give(struct play *p, struct vmb_packet *packet,
                            const struct vmb_sim_test_request *request,
                            const struct vmb_mdl *mdl, uint32_t bytes)
{
    uint8_t payload[700] = { 0 };
    enum vmb_status status;

    memcpy(payload, request, sizeof *request);
    status = vmb_packet_send(packet, payload, bytes, mdl, mdl ? WAIT : 0);
    p->taken += status == VMB_OK;
    return status;
}

/* The host writes into memory and reads it. */
static enum vmb_status external(struct play *p)
{
    struct vmb_sim_test_request fill = client_request(VMB_SIM_FILL, 0, 0, 42);
    uint32_t before = p->client.dones, i;
    enum vmb_status status;
    uint64_t pfns[3];
    struct vmb_mdl mdl;

    memset(p->data, 0, 2 * VMB_PAGE_SIZE);
    status =
        vmb_mdl_from_virtual(&mdl, &p->rig->plat, p->data + 100, 5000, pfns, 3);
    if (status == VMB_OK)
        status = give(p, p->packet[0], &fill, &mdl, sizeof fill);
    if (status != VMB_OK)
        return status;
    UNTIL(p, p->client.dones > before);
    status = outcome(p, p->client.dones > before);
    for (i = 0; status == VMB_OK && !p->lying && i < 5000; i++)
        if (p->data[100 + i] != vmb_sim_pattern(42, i))
            return VMB_E_BUG;
    return status;
}

/* More than the ring holds. */
static enum vmb_status crowd(struct play *p)
{
    struct vmb_sim_test_request sink = client_request(VMB_SIM_SINK, 0, 0, 0);
    uint32_t i;

    for (i = 0; i < 3 * PACKETS; i++) {
        struct vmb_packet *packet = p->packet[i % PACKETS];
        enum vmb_status status;

        UNTIL(p, vmb_packet_state(packet) == VMB_PACKET_IDLE);
        status = outcome(p, vmb_packet_state(packet) == VMB_PACKET_IDLE);
        if (status == VMB_OK)
            status = give(p, packet, &sink, NULL, 700);
        if (status != VMB_OK)
            return status;
    }
    return VMB_OK;
}

/* The host asks; some of it is deferred, some completed later. */
static enum vmb_status incoming(struct play *p)
{
    struct client *c = &p->client;
    uint32_t before = c->packets, i;
    uint8_t data[200] = { 0 };

    for (i = 0; i < 12; i++) /* not open any more: that will be seen */
        (void)vmb_sim_send_inband(rig_host(p->dev), i, data, sizeof data, true);
    UNTIL(p, c->packets == before + 12);
    complete_held(c);
    UNTIL(p, c->packets == before + 12);
    complete_held(c);
    return outcome(p, c->packets >= before + 12);
}

static enum vmb_status pause_and_start(struct play *p)
{
    struct vmb_channel *channel = &p->client.channel;
    uint32_t starts = p->client.count;
    enum vmb_status status;

    assert_int_equal(vmb_channel_pause_start(channel), VMB_OK);
    RIG_WAIT(p->rig, &status, vmb_channel_pause_status(channel));
    if (status != VMB_OK)
        return status;
    assert_int_equal(vmb_channel_start(channel), VMB_OK);
    UNTIL(p, p->client.count >= starts + 3);
    return outcome(p, p->client.count >= starts + 3);
}

static enum vmb_status (*const steps[])(struct play *) = {
    external, crowd, incoming, pause_and_start, external
};

/* ---- A life
 * ------------------------------------------------------------------ */

static void everything_came_back(struct play *p)
{
    uint32_t i;

    assert_int_equal(p->client.dones, p->taken);
    assert_int_equal(vmb_channel_abandoned(&p->client.channel), 0);
    for (i = 0; i < PACKETS; i++)
        assert_int_equal(vmb_packet_state(p->packet[i]), VMB_PACKET_IDLE);
}

static enum vmb_status bring_up(struct play *p)
{
    struct vmb_sim_test_request sink = client_request(VMB_SIM_SINK, 0, 0, 0);
    struct vmb_channel *channel = &p->client.channel;
    uint64_t limit = vmb_sim_clock(p->rig->sim) + 3 * SECOND;
    enum vmb_status status;

    p->ours = false;
    p->asked = VMB_E_STATE;
    client_initialize(&p->client);
    assert_int_equal(vmb_channel_enable(channel), VMB_OK);
    assert_int_equal(give(p, p->packet[1], &sink, NULL, 100), VMB_OK);
    /* Offers may never come, and a close may be stuck. */
    while ((status = vmb_channel_status(channel)) == VMB_AGAIN &&
           vmb_sim_clock(p->rig->sim) < limit)
        rig_turn(p->rig);
    if (status == VMB_AGAIN)
        return VMB_E_TIMEOUT;
    return status == VMB_OK && p->asked != VMB_OK ? p->asked : status;
}

/* Twice, if need be: it may fail for a reason that passes. */
static enum vmb_status take_down(struct play *p)
{
    struct vmb_channel *channel = &p->client.channel;
    enum vmb_status status = VMB_E_STATE;
    uint32_t tries;

    for (tries = 0; tries < 2 && status != VMB_OK; tries++) {
        complete_held(&p->client);
        assert_int_equal(vmb_channel_disable_start(channel), VMB_OK);
        RIG_WAIT(p->rig, &status, vmb_channel_disable_status(channel));
        complete_held(&p->client);
    }
    if (status != VMB_OK)
        return status;
    everything_came_back(p);
    if (vmb_gpadl_destroy_status(&p->gpadl.gpadl) != VMB_OK)
        delete_gpadl(p);
    status = vmb_gpadl_destroy_status(&p->gpadl.gpadl);
    if (status == VMB_OK)
        take_back(p);
    return status;
}

static enum vmb_status victim(struct play *p)
{
    enum vmb_status status = VMB_OK, down = VMB_OK;
    uint32_t lives;
    size_t i;

    if (!rig_offer(p->rig, p->dev, 0))
        return VMB_E_RESCINDED;
    for (lives = 0; lives < 2 && status == VMB_OK; lives++) {
        status = bring_up(p);
        for (i = 0; i < sizeof steps / sizeof steps[0]; i++)
            if (status == VMB_OK && lives == 0)
                status = steps[i](p);
        down = take_down(p);
        if (status == VMB_OK)
            status = down;
    }
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
    if (p->client.cfg.memory && !p->ours) {
        complete_held(&p->client);
        RIG_UNTIL(rig,
                  vmb_channel_disable_start(&p->client.channel) == VMB_OK &&
                      vmb_channel_disable_status(&p->client.channel) == VMB_OK);
        everything_came_back(p);
        take_back(p);
    }
    return VMB_OK;
}

static void play(struct play *p)
{
    struct vmb_offer *offer;

    p->victim = p->sibling_after = p->ended = p->unloaded = VMB_E_STATE;
    memset(&p->other.chan, 0, sizeof p->other.chan);
    mark(p, p->begin);
    p->started = rig_hv_try(p->rig);
    if (p->started == VMB_OK)
        p->started = rig_try_connect(p->rig);
    offer = p->started == VMB_OK ? rig_offer(p->rig, p->sibling, 0) : NULL;
    if (offer)
        p->started = rig_try_open(p->rig, &p->other, offer);
    mark(p, p->from);
    if (vmb_conn_status(&p->rig->conn) == VMB_OK)
        p->victim = victim(p);
    mark(p, p->to);
    /* What is late for the one is late for the other, too. */
    if (p->victim != VMB_OK && p->rig->hv_on)
        rig_settle(p->rig);
    if (p->started == VMB_OK && offer) {
        p->sibling_after = rig_try_echo(p->rig, &p->other, 3);
        p->ended = rig_try_close(p->rig, &p->other);
    }
    p->unloaded = leave(p);
    mark(p, p->end);
}

/* ---- Around it ------------------------------------------------------------
 */

static const struct rig_cfg modes[MODES] = {
    [POLLED] = { .interrupts = false },
    [INTERRUPTS] = { .interrupts = true, .sim.vps = 2 },
    [SLOW] = { .interrupts = true,
               .sim = { .quirks = VMB_SIM_LAZY,
                        .max_version = VMB_VERSION_4_0 } },
    [OLD] = { .interrupts = true, .sim.max_version = VMB_VERSION_1_1 },
    [QEMU] = { .sim.quirks = VMB_SIM_QEMU },
};

static void make_packets(struct play *p)
{
    uint32_t i;

    for (i = 0; i < PACKETS; i++)
        p->packet[i] = client_packet(&p->client);
    p->taken = p->client.dones = 0;
}

static void make_client(struct play *p)
{
    struct client *c = &p->client;

    client_make(c, p->rig, NULL);
    c->dev = p->dev;
    c->own = p;
    c->on = on;
    c->on_packet = on_packet;
    memcpy(&c->type, vmb_sim_test_type, 16);
    memcpy(&c->instance, vmb_sim_test_type, 16);
    c->instance.b[15] = p->rig->instance;
    c->cfg.packet_bytes = 700;
    c->cfg.external_bytes = 2 * VMB_PAGE_SIZE;
    c->cfg.external_mdls = 1;
    c->cfg.tx_pages = c->cfg.rx_pages = 1;
    c->cfg.incoming = 6;
    c->cfg.quota = 5;
    c->cfg.packets = 2;
    client_initialize(c);
    make_packets(p);
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
    p->other_ring = rig_alloc(p->rig, 4);
    p->other.ring = p->other_ring;
    p->gpadl_pages = rig_alloc(p->rig, 3);
    p->data = rig_alloc(p->rig, 2);
    make_client(p);
    take_back(p);
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
    client_forget(&p->client);
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
    still_ours(p);
    rig_hv_stop(p->rig);
    rig_check_violations(p->rig);
    if (p->unloaded != VMB_OK) { /* the channel is lost: a new one */
        memset(&p->client.channel, 0, sizeof p->client.channel);
        client_initialize(&p->client);
        make_packets(p);
    }
    vmb_sim_reoffer(p->dev);
    p->lying = false;
    play(p);
    is_whole(p);
    strike_the_set(p);
}

static const struct play *measured(enum schedule_mode mode)
{
    static struct play *clean[MODES];
    struct play *p;

    if (clean[mode])
        return clean[mode];
    snprintf(running, sizeof running, "the clean run of mode %d", (int)mode);
    p = stage(mode);
    play(p);
    is_whole(p);
    clean[mode] = malloc(sizeof *p);
    assert_non_null(clean[mode]);
    *clean[mode] = *p;
    strike_the_set(p);
    return clean[mode];
}

static void run_case(enum schedule_mode mode, const struct play *clean,
                     const struct schedule_kind *kind, uint64_t k)
{
    struct play *p = stage(mode);
    struct vmb_sim_fault fault = { kind->at,    kind->act, k,
                                   kind->times, kind->arg, p->dev };

    p->lying = kind->effect == LYING;
    assert_int_equal(vmb_sim_fault_add(p->rig->sim, &fault), VMB_OK);
    play(p);
    assert_true(vmb_sim_faults_hit(p->rig->sim) > 0);
    if (kind->effect == HARMLESS)
        is_whole(p);
    if (kind->effect == ANYTHING)
        assert_int_not_equal(p->victim, VMB_E_BUG);
    if (kind->at != VMB_SIM_AT_PORT && kind->times <= 1 &&
        k >= clean->from[kind->at] && k < clean->to[kind->at]) {
        assert_int_equal(p->started, VMB_OK);
        assert_int_equal(p->sibling_after, VMB_OK);
        assert_int_equal(p->ended, VMB_OK);
    }
    recover(p);
}

void schedule_run(const struct schedule_kind *kind)
{
    const char *only = getenv("VMB_CASE");
    unsigned mode;
    uint64_t k;

    for (mode = 0; mode < MODES; mode++) {
        const struct play *clean = measured((enum schedule_mode)mode);

        for (k = clean->begin[kind->at]; k < clean->end[kind->at]; k++) {
            snprintf(running, sizeof running,
                     "mode %d, point %d, act %d, times %lld, arg %#llx, k %llu",
                     (int)mode, (int)kind->at, (int)kind->act,
                     (long long)kind->times, (unsigned long long)kind->arg,
                     (unsigned long long)k);
            if (only && strcmp(only, running) != 0)
                continue;
            run_case((enum schedule_mode)mode, clean, kind, k);
            cases++;
        }
    }
    running[0] = 0;
}

void schedule_run_args(const struct schedule_kind *kind, uint64_t args)
{
    struct schedule_kind each = *kind;

    for (each.arg = 0; each.arg < args && each.arg < ARGS_MAX; each.arg++)
        schedule_run(&each);
}
