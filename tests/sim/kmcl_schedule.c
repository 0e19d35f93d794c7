/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A channel under Microsoft's names, allocated, used and cleaned up twice, with
 * the waits where a driver has them: a GPADL in Opened, a request in
 * PostStarted.  Besides what schedule.h says:
 *
 *   it can be disabled, at the latest once the connection is unloaded, and
 *   cleaned up, and then every page of the device's memory is back;
 *   each packet that was taken has come back once;
 *   a run in which nothing goes wrong records no misuse.
 */
#include "kmcl.h"
#include "schedule.h"

#define PACKETS     4u
#define ARENA_PAGES 64u
#define GPADL_PAGES 3u
#define GPADL_BYTES (GPADL_PAGES * VMB_PAGE_SIZE)
#define WAIT        VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION
#define INCOMING    12u
#define SHORT       (SECOND / 6)
/* Some damage of each sort; chan_schedule.c tries all of it. */
#define ARGS 6u

struct kmcl_play {
    struct play play;
    struct kmcl k;
    struct vmb_guid type, instance;
    VMBPACKET packet[PACKETS];
    VMBPACKETCOMPLETION deferred;
    struct lent arena, buffer; /* the device's memory; the GPADL's */
    UINT32 gpadl;
    uint8_t *data;
    uint32_t taken, lives;
    uint32_t interrupts;    /* seen */
    enum vmb_status polled; /* by vmb_kmcl_poll() */
    NTSTATUS asked;
    bool alive; /* there are a device and a channel */
};

static struct kmcl_play *of(struct play *p)
{
    return (struct kmcl_play *)(void *)p;
}

static struct kmcl_play *of_kmcl(struct kmcl *k)
{
    return (struct kmcl_play *)(void *)((uint8_t *)k -
                                        offsetof(struct kmcl_play, k));
}

/* ---- The client's callbacks ---------------------------------------------- */

/* The host fills the GPADL. */
static NTSTATUS ask(struct kmcl_play *p)
{
    struct vmb_sim_test_request fill =
        client_request(VMB_SIM_GPADL_FILL, p->gpadl, GPADL_BYTES, 3);
    struct vmb_sim_test_reply reply = { 0 };
    LARGE_INTEGER timeout = { .QuadPart = -(LONGLONG)SHORT };
    UINT32 bytes = sizeof reply;

    return VmbChannelSendSynchronousRequest(
        p->k.channel, &fill, sizeof fill, NULL, WAIT, &reply, &bytes, &timeout);
}

static void on(struct kmcl *k, enum client_event event)
{
    struct kmcl_play *p = of_kmcl(k);

    if (event == OPENED)
        k->opened_status = VmbChannelCreateGpadlFromBuffer(
            k->channel, 0, p->buffer.va, GPADL_BYTES, &p->gpadl);
    if (event == POST_STARTED)
        p->asked = ask(p);
    /* Otherwise it is forgotten, and the library takes it down. */
    if (event == CLOSED && p->lives % 2)
        VmbChannelDeleteGpadl(k->channel, p->gpadl);
}

/* Holds one in three, defers one in four, the first time. */
static void on_packet(struct kmcl *k, VMBPACKETCOMPLETION in, PVOID buffer,
                      UINT32 bytes)
{
    struct kmcl_play *p = of_kmcl(k);

    (void)buffer;
    (void)bytes;
    if (k->packets % 4 == 3 && in != p->deferred &&
        vmb_kmcl_irql(&k->device) == DISPATCH_LEVEL) {
        p->deferred = in;
        k->packets--;
        VmbChannelPacketDeferToPassive(in);
        return;
    }
    p->deferred = NULL;
    if (k->packets % 3 == 1 && k->held_count < 4)
        k->held[k->held_count++] = in;
    else
        VmbChannelPacketComplete(in, "answer", 6);
}

static void complete_held(struct kmcl *k)
{
    while (k->held_count)
        VmbChannelPacketComplete(k->held[--k->held_count], NULL, 0);
}

/* By interrupts the device is polled when one came, work is left, or the timer
 * says so. */
static void on_turn(struct rig *rig)
{
    struct kmcl_play *p = rig->own;
    uint32_t interrupts = rig->interrupts[0] + rig->interrupts[1];
    bool look = !rig->cfg.interrupts || rig->turns % 4 == 0;

    if (!p->alive)
        return;
    if (look || interrupts != p->interrupts || p->polled == VMB_AGAIN)
        p->polled = vmb_kmcl_poll(&p->k.device);
    p->interrupts = interrupts;
}

static bool on_ready(struct rig *rig, struct vmb_chan *chan)
{
    const struct kmcl_play *p = rig->own;

    return chan != &p->play.other.chan;
}

/* ---- Steps --------------------------------------------------------------- */

static enum vmb_status status_of(const struct kmcl_play *p)
{
    return vmb_channel_status(vmb_kmcl_client_channel(p->k.channel));
}

/* Turns until it is so, or it has taken too long, or the channel ends. */
#define UNTIL(p, condition)                                          \
    do {                                                             \
        uint64_t limit_ = vmb_sim_clock((p)->play.rig->sim) + SHORT; \
                                                                     \
        while (!(condition) && status_of(p) == VMB_OK &&             \
               vmb_sim_clock((p)->play.rig->sim) < limit_)           \
            rig_turn((p)->play.rig);                                 \
    } while (0)

static enum vmb_status outcome(const struct kmcl_play *p, bool reached)
{
    enum vmb_status status = status_of(p);

    return reached || status != VMB_OK ? status : VMB_E_TIMEOUT;
}

static bool filled(const uint8_t *at, uint64_t seed, uint32_t bytes)
{
    uint32_t i;

    for (i = 0; i < bytes; i++)
        if (at[i] != vmb_sim_pattern(seed, i))
            return false;
    return true;
}

static enum vmb_status give(struct kmcl_play *p, VMBPACKET packet,
                            const struct vmb_sim_test_request *request,
                            PMDL mdl, uint32_t bytes)
{
    uint8_t payload[704] = { 0 };
    NTSTATUS status;

    memcpy(payload, request, sizeof *request);
    status = VmbPacketSend(packet, payload, bytes, mdl, mdl ? WAIT : 0);
    p->taken += NT_SUCCESS(status);
    return NT_SUCCESS(status) ? VMB_OK : VMB_E_REFUSED;
}

/* The host writes into memory. */
static enum vmb_status external(struct kmcl_play *p)
{
    struct vmb_sim_test_request fill = client_request(VMB_SIM_FILL, 0, 0, 42);
    uint32_t before = p->k.dones;
    enum vmb_status status;
    PMDL mdl = vmb_kmcl_allocate_mdl(&p->k.device, p->data + 100, 5000);

    if (!mdl)
        return VMB_E_NOSLOT;
    memset(p->data, 0, 2 * VMB_PAGE_SIZE);
    status = give(p, p->packet[0], &fill, mdl, sizeof fill);
    if (status == VMB_OK) {
        UNTIL(p, p->k.dones > before);
        status = outcome(p, p->k.dones > before);
    }
    vmb_kmcl_free(&p->k.device, mdl);
    if (status == VMB_OK && !NT_SUCCESS(p->k.last_status))
        status = VMB_E_REFUSED;
    return status == VMB_OK && !filled(p->data + 100, 42, 5000) ? VMB_E_BUG
                                                                : status;
}

/* More than the ring holds: what does not fit is queued. */
static enum vmb_status crowd(struct kmcl_play *p)
{
    struct vmb_sim_test_request sink = client_request(VMB_SIM_SINK, 0, 0, 0);
    uint32_t i;

    for (i = 0; i < 3 * PACKETS; i++) {
        enum vmb_status status;

        UNTIL(p, p->taken - p->k.dones < PACKETS / 2);
        status = outcome(p, p->taken - p->k.dones < PACKETS / 2);
        if (status == VMB_OK)
            status = give(p, p->packet[i % PACKETS], &sink, NULL, 704);
        if (status != VMB_OK)
            return status;
    }
    return VMB_OK;
}

/* The host asks; some of it is deferred, some completed later. */
static enum vmb_status incoming(struct kmcl_play *p)
{
    struct kmcl *k = &p->k;
    uint32_t all = k->packets + INCOMING, i;
    uint8_t data[200] = { 0 };

    for (i = 0; i < INCOMING; i++) /* not open any more: that will be seen */
        (void)vmb_sim_send_inband(rig_host(k->dev), i, data, sizeof data, true);
    UNTIL(p, k->packets == all || k->held_count == 4);
    complete_held(k);
    UNTIL(p, k->packets == all);
    complete_held(k);
    return outcome(p, k->packets >= all);
}

static enum vmb_status pause_and_start(struct kmcl_play *p)
{
    uint32_t starts = p->k.count;

    VmbChannelPause(p->k.channel);
    if (status_of(p) == VMB_OK)
        VmbChannelStart(p->k.channel);
    UNTIL(p, p->k.count >= starts + 3);
    return outcome(p, p->k.count >= starts + 3);
}

static enum vmb_status (*const steps[])(struct kmcl_play *) = {
    external, crowd, incoming, pause_and_start, external
};

/* ---- A life -------------------------------------------------------------- */

/* A device and a channel of it, in memory that nobody else has. */
static void be_born(struct kmcl_play *p)
{
    struct kmcl *k = &p->k;
    uint32_t i;

    p->arena.ours = p->buffer.ours = false;
    assert_int_equal(vmb_kmcl_device_init(&k->device, &k->cfg), VMB_OK);
    k->free_pages = vmb_kmcl_free_pages(&k->device);
    kmcl_add_channel(k);
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(k->channel, 704),
                     STATUS_SUCCESS);
    assert_int_equal(
        VmbChannelInitSetMaximumExternalData(k->channel, 2 * VMB_PAGE_SIZE, 1),
        STATUS_SUCCESS);
    assert_int_equal(
        VmbClientChannelInitSetRingBufferPageCount(k->channel, 1, 1),
        STATUS_SUCCESS);
    VmbChannelSetTransactionQuota(k->channel, 5);
    for (i = 0; i < PACKETS; i++)
        p->packet[i] = kmcl_packet(k);
    k->packets = k->dones = k->held_count = k->count = 0;
    k->opened_status = STATUS_SUCCESS;
    p->taken = 0;
    p->asked = STATUS_PENDING;
    p->polled = VMB_AGAIN;
    p->alive = true;
}

static enum vmb_status bring_up(struct kmcl_play *p)
{
    uint64_t limit = vmb_sim_clock(p->play.rig->sim) + 3 * SECOND;
    enum vmb_status status;

    assert_int_equal(VmbChannelEnable(p->k.channel), STATUS_SUCCESS);
    while ((status = status_of(p)) == VMB_AGAIN &&
           vmb_sim_clock(p->play.rig->sim) < limit)
        rig_turn(p->play.rig);
    if (status != VMB_OK)
        return status == VMB_AGAIN ? VMB_E_TIMEOUT : status;
    if (!NT_SUCCESS(p->asked))
        return VMB_E_TIMEOUT;
    return filled(p->buffer.va, 3, GPADL_BYTES) ? VMB_OK : VMB_E_BUG;
}

static bool is_disabled(const struct kmcl_play *p)
{
    return vmb_channel_disable_status(vmb_kmcl_client_channel(p->k.channel)) ==
           VMB_OK;
}

/* Disabled, cleaned up, all pages back; twice, if need be. */
static enum vmb_status take_down(struct kmcl_play *p)
{
    struct kmcl *k = &p->k;
    uint32_t tries, i;

    for (tries = 0; tries < 2 && !is_disabled(p); tries++) {
        complete_held(k);
        VmbChannelDisable(k->channel);
        complete_held(k);
    }
    if (!is_disabled(p))
        return VMB_E_TIMEOUT;
    assert_int_equal(k->dones, p->taken);
    client_has_all(vmb_kmcl_client_channel(k->channel), 0);
    for (i = 0; i < PACKETS; i++)
        VmbPacketFree(p->packet[i]);
    VmbChannelCleanup(k->channel);
    if (vmb_kmcl_free_pages(&k->device) != k->free_pages)
        return VMB_E_TIMEOUT;
    p->alive = false;
    schedule_take_back(&p->play, &p->arena);
    schedule_take_back(&p->play, &p->buffer);
    return VMB_OK;
}

static enum vmb_status live(struct kmcl_play *p)
{
    enum vmb_status status = bring_up(p), down;
    size_t i;

    for (i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (status == VMB_OK && p->lives == 0)
            status = steps[i](p);
    down = take_down(p);
    if (status == VMB_OK)
        status = down;
    return status == VMB_OK && vmb_kmcl_misuses(&p->k.device) > 0 ? VMB_E_STATE
                                                                  : status;
}

static enum vmb_status victim(struct play *play)
{
    struct kmcl_play *p = of(play);
    enum vmb_status status = VMB_OK;

    if (!rig_offer(play->rig, play->dev, 0))
        return VMB_E_RESCINDED;
    for (p->lives = 0; p->lives < 2 && status == VMB_OK; p->lives++) {
        be_born(p);
        status = live(p);
    }
    return status;
}

static void left(struct play *p)
{
    if (of(p)->alive)
        assert_int_equal(take_down(of(p)), VMB_OK);
}

static void still_ours(struct play *p)
{
    schedule_still_ours(p, &of(p)->arena);
    schedule_still_ours(p, &of(p)->buffer);
}

/* ---- Around it ----------------------------------------------------------- */

static void stage(struct play *play, const struct rig_cfg *cfg)
{
    struct kmcl_play *p = of(play);
    struct rig *rig = play->rig = rig_make(cfg);
    struct kmcl *k = &p->k;

    rig->own = p;
    rig->on_turn = on_turn;
    rig->on_ready = on_ready;
    play->sibling = rig_device(rig);
    play->dev = rig_device(rig);
    schedule_lend(play, &p->arena, ARENA_PAGES);
    schedule_lend(play, &p->buffer, GPADL_PAGES);
    p->data = rig_alloc(rig, 2);
    memcpy(&p->type, vmb_sim_test_type, sizeof p->type);
    p->instance = p->type;
    p->instance.b[15] = rig->instance;
    k->rig = rig;
    k->dev = play->dev;
    k->on = on;
    k->on_packet = on_packet;
    k->cfg = (struct vmb_kmcl_device_cfg){ .conn = &rig->conn,
                                           .arena = p->arena.va,
                                           .arena_pages = ARENA_PAGES,
                                           .type = &p->type,
                                           .instance = &p->instance,
                                           .patience = 2 * SECOND };
}

/* A channel that could not be unloaded is lost, with its device. */
static void renew(struct play *p)
{
    of(p)->alive = false;
}

const struct schedule_scene schedule_scene = {
    .bytes = sizeof(struct kmcl_play),
    .modes = SLOW, /* all modes before it */
    .args = ARGS,
    .stage = stage,
    .victim = victim,
    .left = left,
    .still_ours = still_ours,
    .renew = renew,
};
