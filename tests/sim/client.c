/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "client.h"

#include <stdio.h>

static struct client *clients[CLIENTS];

static struct client *of(struct vmb_channel *channel)
{
    return vmb_channel_get_pointer(channel);
}

static void note(struct client *c, enum client_event event)
{
    if (c->count < CLIENT_EVENTS)
        c->events[c->count++] = (char)event;
    c->events[c->count] = 0;
    if (c->on)
        c->on(c, event);
}

static enum vmb_status opened(struct vmb_channel *channel)
{
    note(of(channel), OPENED);
    return of(channel)->opened_status;
}

static void started(struct vmb_channel *channel)
{
    note(of(channel), STARTED);
}

static void post_started(struct vmb_channel *channel)
{
    note(of(channel), POST_STARTED);
}

static void suspend(struct vmb_channel *channel)
{
    note(of(channel), SUSPEND);
}

static void closed(struct vmb_channel *channel)
{
    note(of(channel), CLOSED);
}

static void open_failed(struct vmb_channel *channel, enum vmb_status status)
{
    of(channel)->last_status = status;
    note(of(channel), OPEN_FAILED);
}

static void process_packet(struct vmb_channel *channel,
                           struct vmb_packet_completion *packet,
                           const void *buffer, uint32_t bytes, uint32_t flags)
{
    struct client *c = of(channel);

    c->packets++;
    c->last_buffer = buffer;
    c->last_bytes = bytes;
    memcpy(c->last, buffer, bytes < sizeof c->last ? bytes : sizeof c->last);
    note(c, PACKET);
    if (c->on_packet) {
        c->on_packet(c, packet, buffer, bytes, flags);
    } else if (c->hold) {
        assert_true(c->held_count < CLIENT_HELD);
        c->held[c->held_count++] = packet;
    } else {
        assert_int_equal(vmb_channel_packet_complete(packet, NULL, 0), VMB_OK);
    }
}

static void processing_complete(struct vmb_channel *channel, uint32_t packets)
{
    of(channel)->processed += packets;
    note(of(channel), BATCH);
}

void client_done(struct vmb_packet *packet, enum vmb_status status,
                 const void *buffer, uint32_t bytes)
{
    struct client *c = of(vmb_packet_get_channel(packet));

    c->dones++;
    c->last_status = status;
    c->last_bytes = bytes;
    if (bytes)
        memcpy(c->last, buffer,
               bytes < sizeof c->last ? bytes : sizeof c->last);
    note(c, status == VMB_OK ? DONE : UNDONE);
}

/* ---- The main loop ------------------------------------------------------- */

static void turn(struct client *c)
{
    uint32_t budget = c->budget ? c->budget : VMB_CHANNEL_BUDGET;
    enum vmb_status status;

    if (vmb_channel_is_inside(&c->channel))
        return; /* a callback waits */
    status = vmb_channel_poll(&c->channel);
    assert_true(status == VMB_OK || status == VMB_AGAIN);
    if (status == VMB_AGAIN)
        c->rig->last_poll = VMB_AGAIN;
    if (status == VMB_AGAIN || c->flagged || !c->rig->cfg.interrupts ||
        (c->rig->cfg.ticks && c->rig->turns % 4 == 0)) {
        c->flagged = false;
        status = vmb_channel_process(&c->channel, budget);
        c->flagged = status == VMB_AGAIN;
    }
}

static void on_turn(struct rig *rig)
{
    uint32_t i;

    for (i = 0; i < CLIENTS; i++)
        if (clients[i] && clients[i]->rig == rig)
            turn(clients[i]);
}

static bool on_ready(struct rig *rig, struct vmb_chan *chan)
{
    uint32_t i;

    (void)rig;
    for (i = 0; i < CLIENTS; i++) {
        if (!clients[i] || vmb_channel_chan(&clients[i]->channel) != chan)
            continue;
        clients[i]->flagged = true;
        return true;
    }
    return false;
}

void client_make(struct client *c, struct rig *rig, struct vmb_sim_dev *dev)
{
    struct vmb_offer *offer = dev ? rig_offer(rig, dev, 0) : NULL;
    uint32_t i;

    client_forget(c); /* by a test that has failed */
    memset(c, 0, sizeof *c);
    c->rig = rig;
    c->dev = dev;
    if (offer) {
        c->type = offer->type;
        c->instance = offer->instance;
    }
    c->cfg.conn = &rig->conn;
    c->cfg.type = &c->type;
    c->cfg.instance = &c->instance;
    c->cfg.name = "client";
    c->cfg.callbacks = (struct vmb_channel_callbacks){
        opened, started,     post_started,   suspend,
        closed, open_failed, process_packet, processing_complete
    };
    rig->on_turn = on_turn;
    rig->on_ready = on_ready;
    for (i = 0; i < CLIENTS && clients[i]; i++)
        ;
    assert_true(i < CLIENTS);
    clients[i] = c;
}

void client_initialize(struct client *c)
{
    size_t bytes = vmb_channel_sizeof_memory(&c->cfg);
    size_t pages = (bytes + VMB_PAGE_SIZE - 1) / VMB_PAGE_SIZE;

    assert_true(bytes > 0);
    if (!c->cfg.memory) {
        c->cfg.memory = rig_alloc(c->rig, pages);
        c->cfg.memory_bytes = pages * VMB_PAGE_SIZE;
    }
    assert_int_equal(vmb_channel_initialize(&c->channel, &c->cfg), VMB_OK);
    vmb_channel_set_pointer(&c->channel, c);
}

void client_up(struct client *c)
{
    enum vmb_status status;

    if (!c->cfg.memory)
        client_initialize(c);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    RIG_WAIT(c->rig, &status, vmb_channel_status(&c->channel));
    assert_int_equal(status, VMB_OK);
}

static uint32_t length(const struct vmb_channel_list *at)
{
    uint32_t count = 0;

    for (; at; at = at->first_)
        count++;
    return count;
}

static void incoming_are_back(const struct vmb_channel *channel)
{
    assert_int_equal(length(channel->free_incoming_), channel->cfg_.incoming);
}

void client_has_all(const struct vmb_channel *channel, uint32_t kept)
{
    incoming_are_back(channel);
    assert_int_equal(length(channel->free_packets_) + kept,
                     channel->cfg_.packets);
}

void client_down(struct client *c)
{
    enum vmb_status status;

    assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    RIG_WAIT(c->rig, &status, vmb_channel_disable_status(&c->channel));
    assert_int_equal(status, VMB_OK);
    incoming_are_back(&c->channel);
}

void client_forget(struct client *c)
{
    uint32_t i;

    for (i = 0; i < CLIENTS; i++)
        if (clients[i] == c)
            clients[i] = NULL;
}

void clients_forget(void)
{
    memset(clients, 0, sizeof clients);
}

/* ---- Packets ------------------------------------------------------------- */

struct vmb_packet *client_packet(struct client *c)
{
    size_t bytes = vmb_channel_sizeof_packet(&c->channel);
    struct vmb_packet *packet;
    void *memory =
        rig_alloc(c->rig, (bytes + VMB_PAGE_SIZE - 1) / VMB_PAGE_SIZE);

    assert_int_equal(vmb_packet_initialize(&c->channel, memory, bytes, &packet),
                     VMB_OK);
    assert_int_equal(vmb_packet_set_completion_routine(packet, client_done),
                     VMB_OK);
    return packet;
}

void client_until_done(struct client *c, uint32_t dones)
{
    RIG_UNTIL(c->rig, c->dones >= dones);
}

void client_until_packets(struct client *c, uint32_t packets)
{
    RIG_UNTIL(c->rig, c->packets >= packets);
}

struct vmb_sim_test_request client_request(uint32_t op, uint32_t count,
                                           uint32_t bytes, uint64_t seed)
{
    struct vmb_sim_test_request request = { 0 };

    request.op = op;
    request.count = count;
    request.bytes = bytes;
    request.seed = seed;
    return request;
}

void client_send(struct vmb_packet *packet, uint32_t op, uint32_t count,
                 uint32_t bytes, uint64_t seed, uint32_t flags)
{
    struct vmb_sim_test_request request =
        client_request(op, count, bytes, seed);

    assert_int_equal(
        vmb_packet_send(packet, &request, sizeof request, NULL, flags), VMB_OK);
}

void client_set_up(struct client *c, const struct rig_cfg *cfg)
{
    struct rig *rig = rig_make(cfg);
    struct vmb_sim_dev *dev = rig_device(rig);

    rig_start(rig);
    client_make(c, rig, dev);
}

void client_tear_down(struct client *c)
{
    struct rig *rig = c->rig;

    client_forget(c);
    rig_down(rig);
}

void client_until_disabled(struct client *c)
{
    enum vmb_status status;

    RIG_WAIT(c->rig, &status, vmb_channel_disable_status(&c->channel));
    assert_int_equal(status, VMB_OK);
    incoming_are_back(&c->channel);
}

void client_pause(struct client *c)
{
    enum vmb_status status;

    assert_int_equal(vmb_channel_pause_start(&c->channel), VMB_OK);
    RIG_WAIT(c->rig, &status, vmb_channel_pause_status(&c->channel));
    assert_int_equal(status, VMB_OK);
}

/* ---- The recorder -------------------------------------------------------- */

static uint64_t hash_of(const struct vmb_sim_packet *packet)
{
    uint64_t hash = VMB_SIM_HASH_INIT, at = 0, got;
    uint8_t piece[512];

    while ((got = vmb_sim_read(packet, at, piece, sizeof piece)) > 0) {
        hash = vmb_sim_hash(hash, piece, got);
        at += got;
    }
    return hash;
}

static void record_packet(void *ctx, const struct vmb_sim_packet *packet)
{
    struct recorder *r = ctx;
    struct record *record = &r->record[r->count % RECORDS];

    r->count++;
    memset(record, 0, sizeof *record);
    record->type = packet->type;
    record->want_completion = packet->want_completion;
    record->xid = packet->xid;
    record->len = packet->len;
    if (packet->len >= 8)
        memcpy(&record->first, packet->data, 8);
    record->external = packet->external;
    if (packet->external)
        record->hash = hash_of(packet);
    if (packet->want_completion && !r->hold)
        vmb_sim_complete(packet->chan, packet->xid, packet->data, packet->len);
}

static uint32_t record_open(void *ctx, struct vmb_sim_chan *chan,
                            const uint8_t user[120])
{
    struct recorder *r = ctx;

    (void)chan;
    (void)user;
    r->opens++;
    return r->refuse;
}

static void record_close(void *ctx, struct vmb_sim_chan *chan)
{
    (void)chan;
    ((struct recorder *)ctx)->closes++;
}

void recorder_add(struct recorder *r, struct rig *rig, uint16_t subchannels)
{
    struct vmb_sim_device device = { .subchannels = subchannels,
                                     .on_open = record_open,
                                     .on_packet = record_packet,
                                     .on_close = record_close,
                                     .ctx = r };

    memset(r, 0, sizeof *r);
    memset(device.type, 0x77, sizeof device.type);
    device.instance[0] = ++rig->instance;
    device.mmio_mb = 3;
    r->dev = vmb_sim_device_add(rig->sim, &device);
    assert_non_null(r->dev);
    replay_device(rig->sim, r->dev);
}

void recorder_release(struct recorder *r)
{
    uint32_t i;

    assert_true(r->count <= RECORDS);
    for (i = 0; i < r->count; i++)
        if (r->record[i].want_completion)
            (void)vmb_sim_complete(rig_host(r->dev), r->record[i].xid,
                                   &r->record[i].first, 8);
}

void host_sends(struct vmb_sim_dev *dev, uint64_t from, uint32_t count,
                uint32_t bytes, bool want_completion)
{
    uint8_t data[4096] = { 0 };
    uint64_t number;
    uint32_t i;

    assert_true(bytes >= 8 && bytes <= sizeof data);
    for (i = 0; i < count; i++) {
        number = from + i;
        memcpy(data, &number, sizeof number);
        assert_int_equal(vmb_sim_send_inband(rig_host(dev), number, data, bytes,
                                             want_completion),
                         VMB_OK);
    }
}
