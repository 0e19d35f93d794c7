/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The whole life of a client channel, twice.  Besides what schedule.h says:
 *
 *   it is DISABLED, at the latest once the connection is unloaded;
 *   each packet that was taken has come back once, each delivered one was
 *   completed, nothing is abandoned.
 */
#include "client.h"
#include "schedule.h"

#define PACKETS     6u
#define GPADL_PAGES 3u
#define GPADL_BYTES (GPADL_PAGES * VMB_PAGE_SIZE)
#define WAIT        VMB_SEND_WAIT_FOR_COMPLETION
/* Some damage of each sort; chan_schedule.c tries all of it. */
#define ARGS 6u

struct client_play {
    struct play play;
    struct client client;
    struct vmb_packet *packet[PACKETS];
    struct vmb_channel_gpadl gpadl;
    struct lent memory, buffer; /* the channel's; the GPADL's */
    uint8_t *data;
    uint32_t taken; /* sends that read VMB_OK */
    enum vmb_status asked;
};

static struct client_play *of(struct play *p)
{
    return (struct client_play *)(void *)p;
}

/* ---- The client's callbacks ---------------------------------------------- */

static void make_gpadl(struct client_play *p)
{
    struct client *c = &p->client;

    memset(&p->gpadl, 0, sizeof p->gpadl);
    p->client.opened_status = vmb_channel_create_gpadl_from_buffer_start(
        &c->channel, &p->gpadl, p->buffer.va, GPADL_BYTES);
    if (c->opened_status == VMB_OK)
        c->opened_status = vmb_wait_gpadl(&p->play.rig->conn, &p->gpadl.gpadl);
}

static void ask(struct client_play *p)
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
        if (p->buffer.va[i] != vmb_sim_pattern(3, i))
            p->asked = VMB_E_BUG;
}

/* What is not down afterwards is ours to take down. */
static void delete_gpadl(struct client_play *p)
{
    if (vmb_channel_delete_gpadl_start(&p->client.channel, &p->gpadl) == VMB_OK)
        (void)(vmb_wait_gpadl_destroy(&p->play.rig->conn, &p->gpadl.gpadl) ==
               VMB_OK);
}

static void on(struct client *c, enum client_event event)
{
    struct client_play *p = c->own;

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

/* ---- Steps --------------------------------------------------------------- */

/* Turns until it is so, or it has taken too long, or the channel ends. */
#define UNTIL(p, condition)                                               \
    do {                                                                  \
        uint64_t limit_ = vmb_sim_clock((p)->play.rig->sim) + SECOND / 6; \
                                                                          \
        while (!(condition) &&                                            \
               vmb_channel_status(&(p)->client.channel) == VMB_OK &&      \
               vmb_sim_clock((p)->play.rig->sim) < limit_)                \
            rig_turn((p)->play.rig);                                      \
    } while (0)

static enum vmb_status outcome(struct client_play *p, bool reached)
{
    enum vmb_status status = vmb_channel_status(&p->client.channel);

    return reached || status != VMB_OK ? status : VMB_E_TIMEOUT;
}

static enum vmb_status give(struct client_play *p, struct vmb_packet *packet,
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
static enum vmb_status external(struct client_play *p)
{
    struct vmb_sim_test_request fill = client_request(VMB_SIM_FILL, 0, 0, 42);
    uint32_t before = p->client.dones, i;
    enum vmb_status status;
    uint64_t pfns[3];
    struct vmb_mdl mdl;

    memset(p->data, 0, 2 * VMB_PAGE_SIZE);
    status = vmb_mdl_from_virtual(&mdl, &p->play.rig->plat, p->data + 100, 5000,
                                  pfns, 3);
    if (status == VMB_OK)
        status = give(p, p->packet[0], &fill, &mdl, sizeof fill);
    if (status != VMB_OK)
        return status;
    UNTIL(p, p->client.dones > before);
    status = outcome(p, p->client.dones > before);
    for (i = 0; status == VMB_OK && !p->play.lying && i < 5000; i++)
        if (p->data[100 + i] != vmb_sim_pattern(42, i))
            return VMB_E_BUG;
    return status;
}

/* More than the ring holds. */
static enum vmb_status crowd(struct client_play *p)
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
static enum vmb_status incoming(struct client_play *p)
{
    struct client *c = &p->client;
    uint32_t before = c->packets, i;
    uint8_t data[200] = { 0 };

    for (i = 0; i < 12; i++) /* not open any more: that will be seen */
        (void)vmb_sim_send_inband(rig_host(p->play.dev), i, data, sizeof data,
                                  true);
    UNTIL(p, c->packets == before + 12);
    complete_held(c);
    UNTIL(p, c->packets == before + 12);
    complete_held(c);
    return outcome(p, c->packets >= before + 12);
}

static enum vmb_status pause_and_start(struct client_play *p)
{
    struct vmb_channel *channel = &p->client.channel;
    uint32_t starts = p->client.count;
    enum vmb_status status;

    assert_int_equal(vmb_channel_pause_start(channel), VMB_OK);
    RIG_WAIT(p->play.rig, &status, vmb_channel_pause_status(channel));
    if (status != VMB_OK)
        return status;
    assert_int_equal(vmb_channel_start(channel), VMB_OK);
    UNTIL(p, p->client.count >= starts + 3);
    return outcome(p, p->client.count >= starts + 3);
}

static enum vmb_status (*const steps[])(struct client_play *) = {
    external, crowd, incoming, pause_and_start, external
};

/* ---- A life -------------------------------------------------------------- */

static void take_back(struct client_play *p)
{
    schedule_take_back(&p->play, &p->memory);
    schedule_take_back(&p->play, &p->buffer);
}

static void everything_came_back(struct client_play *p)
{
    uint32_t i;

    assert_int_equal(p->client.dones, p->taken);
    assert_int_equal(vmb_channel_abandoned(&p->client.channel), 0);
    client_has_all(&p->client.channel, 0);
    for (i = 0; i < PACKETS; i++)
        assert_int_equal(vmb_packet_state(p->packet[i]), VMB_PACKET_IDLE);
}

static enum vmb_status bring_up(struct client_play *p)
{
    struct vmb_sim_test_request sink = client_request(VMB_SIM_SINK, 0, 0, 0);
    struct vmb_channel *channel = &p->client.channel;
    uint64_t limit = vmb_sim_clock(p->play.rig->sim) + 3 * SECOND;
    enum vmb_status status;

    p->memory.ours = p->buffer.ours = false;
    p->asked = VMB_E_STATE;
    client_initialize(&p->client);
    assert_int_equal(vmb_channel_enable(channel), VMB_OK);
    assert_int_equal(give(p, p->packet[1], &sink, NULL, 100), VMB_OK);
    /* Offers may never come, and a close may be stuck. */
    while ((status = vmb_channel_status(channel)) == VMB_AGAIN &&
           vmb_sim_clock(p->play.rig->sim) < limit)
        rig_turn(p->play.rig);
    if (status == VMB_AGAIN)
        return VMB_E_TIMEOUT;
    return status == VMB_OK && p->asked != VMB_OK ? p->asked : status;
}

/* Twice, if need be: it may fail for a reason that passes. */
static enum vmb_status take_down(struct client_play *p)
{
    struct vmb_channel *channel = &p->client.channel;
    enum vmb_status status = VMB_E_STATE;
    uint32_t tries;

    for (tries = 0; tries < 2 && status != VMB_OK; tries++) {
        complete_held(&p->client);
        assert_int_equal(vmb_channel_disable_start(channel), VMB_OK);
        RIG_WAIT(p->play.rig, &status, vmb_channel_disable_status(channel));
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

static enum vmb_status victim(struct play *play)
{
    struct client_play *p = of(play);
    enum vmb_status status = VMB_OK, down = VMB_OK;
    uint32_t lives;
    size_t i;

    if (!rig_offer(play->rig, play->dev, 0))
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

static void left(struct play *play)
{
    struct client_play *p = of(play);
    struct vmb_channel *channel = &p->client.channel;

    if (p->memory.ours)
        return;
    complete_held(&p->client);
    RIG_UNTIL(play->rig, vmb_channel_disable_start(channel) == VMB_OK &&
                             vmb_channel_disable_status(channel) == VMB_OK);
    everything_came_back(p);
    take_back(p);
}

static void still_ours(struct play *p)
{
    schedule_still_ours(p, &of(p)->memory);
    schedule_still_ours(p, &of(p)->buffer);
}

/* ---- Around it ----------------------------------------------------------- */

static void make_packets(struct client_play *p)
{
    uint32_t i;

    for (i = 0; i < PACKETS; i++)
        p->packet[i] = client_packet(&p->client);
    p->taken = p->client.dones = 0;
}

static void make_client(struct client_play *p)
{
    struct client *c = &p->client;

    client_make(c, p->play.rig, NULL);
    c->dev = p->play.dev;
    c->own = p;
    c->on = on;
    c->on_packet = on_packet;
    memcpy(&c->type, vmb_sim_test_type, 16);
    memcpy(&c->instance, vmb_sim_test_type, 16);
    c->instance.b[15] = p->play.rig->instance;
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

static void stage(struct play *play, const struct rig_cfg *cfg)
{
    struct client_play *p = of(play);

    clients_forget(); /* of a test that failed */
    play->rig = rig_make(cfg);
    play->sibling = rig_device(play->rig);
    play->dev = rig_device(play->rig);
    schedule_lend(play, &p->buffer, GPADL_PAGES);
    p->data = rig_alloc(play->rig, 2);
    make_client(p);
    p->memory.va = p->client.cfg.memory;
    p->memory.pages = p->client.cfg.memory_bytes / VMB_PAGE_SIZE;
    take_back(p);
}

/* A channel that could not be unloaded is lost: a new one. */
static void renew(struct play *play)
{
    struct client_play *p = of(play);

    if (play->unloaded == VMB_OK)
        return;
    memset(&p->client.channel, 0, sizeof p->client.channel);
    client_initialize(&p->client);
    make_packets(p);
}

static void strike(struct play *p)
{
    client_forget(&of(p)->client);
}

const struct schedule_scene schedule_scene = {
    .bytes = sizeof(struct client_play),
    .modes = MODES,
    .args = ARGS,
    .stage = stage,
    .victim = victim,
    .left = left,
    .still_ours = still_ours,
    .renew = renew,
    .strike = strike,
};
