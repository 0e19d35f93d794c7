/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A client channel between a host that writes any bytes at any moment and a
 * client that calls whatever it may.  When it reads DISABLED its memory is
 * freed, so that a later touch is seen; and by then each packet that was taken
 * has come back, once.
 */
#include <vmb/packet.h>
#include <vmb/wire/ring.h>

#include "machine.h"

#define PACKETS  4u
#define REQUESTS 2u
#define HELD     4u
#define BYTES    64u /* of a packet */

static struct input in;
static struct machine machine;
static struct vmb_conn conn;
static struct vmb_offer offers[2];
static uint8_t *conn_pages;
static const struct vmb_guid type = { { 7, 7, 7 } };

static struct vmb_channel channel;
static struct vmb_channel_cfg cfg;
static struct vmb_packet *packet[PACKETS];
static void *packet_memory[PACKETS];
static struct vmb_request *request[REQUESTS];
static struct vmb_packet_completion *held[HELD];
static struct vmb_channel_gpadl *gpadl;
static uint8_t *gpadl_page;
static uint32_t taken, came_back, started, how_callbacks;

/* ---- callbacks ------------------------------------------------------------
 */

static enum vmb_status opened(struct vmb_channel *c)
{
    PROMISE(c == &channel);
    return how_callbacks & 1 ? VMB_E_REFUSED : VMB_OK;
}

static void state_changes(struct vmb_channel *c)
{
    PROMISE(vmb_channel_poll(c) == VMB_E_STATE);
    PROMISE(vmb_channel_disable_start(c) == VMB_E_STATE);
}

static void closed(struct vmb_channel *c)
{
    uint32_t i;

    state_changes(c);
    PROMISE(taken == came_back);
    for (i = 0; i < HELD; i++)
        PROMISE(!held[i]);
}

static void process_packet(struct vmb_channel *c,
                           struct vmb_packet_completion *completion,
                           const void *buffer, uint32_t bytes, uint32_t flags)
{
    uint8_t copy[BYTES + 8];
    uint16_t set;
    uint32_t offset, length, i = how_callbacks >> 1 & (HELD - 1);

    PROMISE(bytes <= BYTES && c == &channel);
    memcpy(copy, buffer, bytes);
    PROMISE((flags != 0) == (vmb_channel_packet_range_count(completion) != 0));
    (void)(vmb_channel_packet_get_range(completion, 0, &set, &offset,
                                        &length) == VMB_OK);
    memset(vmb_channel_packet_get_client_context(completion), 1, 8);
    how_callbacks = how_callbacks * 0x9e3779b1u + 1;
    if (how_callbacks & 0x100 && !held[i])
        held[i] = completion;
    else if (how_callbacks & 0x200 &&
             vmb_channel_packet_defer_to_passive(completion) == VMB_OK)
        return;
    else if ((how_callbacks & 0xfc00) == 0)
        PROMISE(vmb_channel_packet_fail(completion) == VMB_OK);
    else
        PROMISE(vmb_channel_packet_complete(completion, buffer, bytes) ==
                VMB_OK);
}

static void processing_complete(struct vmb_channel *c, uint32_t packets)
{
    PROMISE(c == &channel && packets > 0);
}

static void done(struct vmb_packet *p, enum vmb_status status,
                 const void *buffer, uint32_t bytes)
{
    uint8_t copy[BYTES];

    PROMISE(status != VMB_AGAIN && bytes <= BYTES);
    if (bytes)
        memcpy(copy, buffer, bytes);
    came_back++;
    PROMISE(came_back <= taken + 1); /* one may be inside its send */
    if (how_callbacks & 0x40 && taken < 1000)
        taken += vmb_packet_send(p, copy, bytes, NULL, 0) == VMB_OK;
}

/* ---- objects ---------------------------------------------------------------
 */

static void new_channel(void)
{
    size_t bytes = vmb_channel_sizeof_memory(&cfg);
    uint32_t i;

    PROMISE(bytes > 0);
    cfg.memory_bytes = bytes;
    cfg.memory = aligned_alloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
    PROMISE(cfg.memory);
    PROMISE(vmb_channel_initialize(&channel, &cfg) == VMB_OK);
    for (i = 0; i < PACKETS; i++) {
        size_t size = vmb_channel_sizeof_packet(&channel);

        packet_memory[i] = exactly(size);
        PROMISE(vmb_packet_initialize(&channel, packet_memory[i], size,
                                      &packet[i]) == VMB_OK);
        PROMISE(vmb_packet_set_completion_routine(packet[i], done) == VMB_OK);
    }
    taken = came_back = 0;
}

static void free_channel(void)
{
    uint32_t i;

    free(cfg.memory);
    for (i = 0; i < PACKETS; i++)
        free(packet_memory[i]);
}

/* DISABLED: all is the caller's. */
static void collect(void)
{
    if (!started || vmb_channel_disable_status(&channel) != VMB_OK)
        return;
    PROMISE(vmb_channel_status(&channel) < VMB_OK);
    PROMISE(taken == came_back);
    PROMISE(vmb_channel_abandoned(&channel) == 0);
    started = false;
    free_channel();
    new_channel();
}

/* ---- the client
 * -------------------------------------------------------------- */

static void enable(void)
{
    how_callbacks = take16(&in);
    if (vmb_channel_enable(&channel) == VMB_OK)
        started = true;
}

static void poll_all(void)
{
    (void)vmb_cpu_scan(&machine.cpu[0]);
    (void)(vmb_conn_poll(&conn) == VMB_OK);
    PROMISE(vmb_channel_poll(&channel) >= VMB_OK);
    collect();
}

static void process(void)
{
    PROMISE(vmb_channel_process(&channel, take8(&in) & 15) != VMB_E_LANE);
}

static void life(void)
{
    uint8_t how = take8(&in);

    PROMISE((how & 1   ? vmb_channel_disable_start(&channel)
             : how & 2 ? vmb_channel_pause_start(&channel)
                       : vmb_channel_start(&channel)) == VMB_OK);
    if (how & 4)
        PROMISE(vmb_channel_set_transaction_quota(&channel, 1 + how / 16) ==
                VMB_OK);
    vmb_channel_set_incoming_processing_at_passive(&channel, how & 8);
}

static void send(void)
{
    static const uint8_t payload[BYTES + 1];
    uint8_t how = take8(&in);
    struct vmb_packet *p = packet[how % PACKETS];
    uint64_t *pfns = exactly(4 * sizeof *pfns);
    struct vmb_mdl *mdl = exactly(sizeof *mdl);
    uint32_t offset = take16(&in), length = take16(&in), bytes = how / 4;
    enum vmb_status status;

    memset(pfns, 0x11, 4 * sizeof *pfns);
    *mdl = (struct vmb_mdl){ NULL, pfns, 4, take16(&in) & 0xfff, 8000 };
    if (bytes > BYTES)
        bytes = BYTES + 1;
    taken++; /* before: its routine may run at once */
    status = how & 2 ? vmb_packet_send_with_external_mdl(
                           p, payload, bytes, mdl, offset, length,
                           1u | (length & 0x8000 ? 2u : 0))
                     : vmb_packet_send(p, payload, bytes, NULL, how & 1);
    taken -= status != VMB_OK;
    PROMISE(status != VMB_AGAIN && status != VMB_E_LANE);
    free(mdl);
    free(pfns);
}

/* A request's memory is its own until it is done or given up. */
static void ask(void)
{
    uint8_t how = take8(&in);
    struct vmb_request **r = &request[how % REQUESTS];

    if (*r && vmb_channel_request_status(*r) == VMB_AGAIN) {
        if (how & 2)
            return;
        PROMISE(vmb_channel_request_abandon(*r) == VMB_OK);
    }
    free(*r);
    *r = exactly(sizeof **r);
    (*r)->room = 0;
    (void)(vmb_channel_request_start(&channel, *r, "x", 1, NULL,
                                     how & 4 ? 0x101 : how >> 3 & 1) == VMB_OK);
}

static void complete(void)
{
    uint8_t how = take8(&in);
    struct vmb_packet_completion **h = &held[how % HELD];

    if (!*h)
        return;
    PROMISE((how & 0x80 ? vmb_channel_packet_fail(*h)
                        : vmb_channel_packet_complete(*h, &how, 1)) == VMB_OK);
    *h = NULL;
}

static void own_gpadl(void)
{
    (void)(take8(&in) & 1 ? vmb_channel_delete_gpadl_start(&channel, gpadl)
                          : vmb_channel_create_gpadl_from_buffer_start(
                                &channel, gpadl, gpadl_page, PAGE));
}

/* ---- the host
 * ------------------------------------------------------------------ */

/* Are the rings the host's to write? */
static bool has_rings(void)
{
    return machine_holds(&machine, channel.chan_.gpadl_.id_);
}

static struct vmb_ring_control *ring(uint32_t which)
{
    uint8_t *at = cfg.memory;

    return (void *)(at + (which ? (size_t)(cfg.tx_pages + 1) * PAGE : 0));
}

/* A packet at the write index, whole or damaged. */
static void host_packet(void)
{
    struct vmb_ring_control *control = ring(1);
    uint8_t *data = (uint8_t *)control + PAGE;
    uint8_t how = take8(&in);
    uint32_t units = 2 + take8(&in) % 12, at, i;
    uint64_t word[16] = { 0 };

    if (!has_rings())
        return;
    at = control->write % PAGE & ~7u;
    word[0] = (how & 1   ? VMB_PACKET_INBAND
               : how & 2 ? VMB_PACKET_COMPLETION
                         : VMB_PACKET_XFER_PAGES) |
              2ull << 16 | (uint64_t)units << 32 | (uint64_t)(how & 4) << 46;
    word[1] = (uint64_t)(how >> 3 & 3) << 32 | (1 + take8(&in) % 4);
    if (!(how & 3)) {
        word[0] += (uint64_t)(how >> 5) << 16;
        word[2] = (uint64_t)(how >> 6) << 32;
    }
    if (how & 0x80)
        word[0] ^= 1ull << take8(&in) % 64;
    for (i = 0; i <= units; i++)
        memcpy(data + (at + 8 * i) % PAGE, &word[i], 8);
    control->write = (at + 8 * (units + 1)) % PAGE;
}

/* A completion that is due. */
static void host_completes(void)
{
    struct vmb_ring_control *control = ring(1);
    uint8_t *data = (uint8_t *)control + PAGE;
    uint32_t at, slot = take8(&in) % 4, i;
    uint64_t word[4] = { 0 };
    const struct vmb_txn *txn;

    if (!has_rings())
        return;
    at = control->write % PAGE & ~7u;
    txn = &channel.chan_.txns_[slot];
    word[0] = VMB_PACKET_COMPLETION | 2ull << 16 | 3ull << 32;
    word[1] = (uint64_t)txn->generation_ << 32 | (slot + 1);
    for (i = 0; i < 4; i++)
        memcpy(data + (at + 8 * i) % PAGE, &word[i], 8);
    control->write = (at + 32) % PAGE;
}

static void host_takes(void)
{
    struct vmb_ring_control *control = ring(0);

    if (!has_rings())
        return;
    control->read = take8(&in) & 1 ? control->write
                                   : (control->read + 8 * take8(&in)) % PAGE;
}

static void scribble(void)
{
    uint8_t how = take8(&in);
    uint32_t *word = (uint32_t *)ring(how & 1);

    if (!has_rings())
        return;
    word[(how >> 1) % 18] = take32(&in);
}

static void deliver(const void *message, uint8_t len)
{
    if (machine_listens(&machine))
        machine_deliver(&machine, message, len);
}

static void offer(void)
{
    uint32_t m[49] = { 1 }, all[2] = { 4 };

    memcpy(&m[2], type.b, sizeof type.b);
    m[46] = 1;
    m[48] = 0x2001;
    deliver(m, 196);
    poll_all();
    deliver(all, 8);
    poll_all();
}

/* Whatever is waited for, with success. */
static void host_answers(void)
{
    const struct vmb_gpadl *rings = &channel.chan_.gpadl_;
    uint32_t m[5] = { 0 }, down = machine_giving_up(&machine);

    if (down) {
        m[0] = 12;
        m[2] = down;
        deliver(m, 12);
    } else if (channel.chan_.state_ == VMB_CHAN_GPADL) {
        m[0] = 10;
        m[2] = 1;
        m[3] = rings->id_;
        deliver(m, 20);
    } else if (channel.chan_.state_ == VMB_CHAN_OPENING) {
        m[0] = 6;
        memcpy(&m[2], machine.last_open, 8);
        deliver(m, 20);
    } else {
        m[0] = 10;
        m[2] = 1;
        m[3] = gpadl->gpadl.id_;
        deliver(m, 20);
    }
    poll_all();
}

static void host_rescinds(void)
{
    uint32_t m[3] = { 2, 0, 1 };

    deliver(m, 12);
    poll_all();
}

static void let_time_pass(void)
{
    machine.now += take16(&in) * 10000u;
    poll_all();
}

static void hypercalls_say(void)
{
    static const uint8_t statuses[] = { 0, 0, 0, 0x13, 0x0b, 0x12 };

    machine.says = statuses[take8(&in) % sizeof statuses];
}

/* ---- all together ----------------------------------------------------------
 */

static void (*const actions[])(void) = {
    enable,        poll_all,       process,
    life,          send,           ask,
    complete,      own_gpadl,      host_packet,
    host_packet,   host_completes, host_takes,
    scribble,      host_answers,   offer,
    host_rescinds, let_time_pass,  hypercalls_say,
    send,          host_answers,   process,
    host_packet,   host_completes, poll_all,
};

static void connect(void)
{
    struct vmb_conn_cfg conn_cfg = { .cpu = &machine.cpu[0],
                                     .offers = offers,
                                     .offer_cap = 2 };
    uint32_t contact[5] = { 15, 0, 1, 1, 1 };

    conn_pages = new_pages(VMB_CONN_PAGES);
    conn_cfg.pages = conn_pages;
    memset(&conn, 0, sizeof conn);
    memset(offers, 0, sizeof offers);
    PROMISE(vmb_conn_start(&conn, &machine.hv, &conn_cfg) == VMB_OK);
    PROMISE(vmb_conn_poll(&conn) >= VMB_OK);
    deliver(contact, 20);
    poll_all();
    offer();
}

static void set_up(void)
{
    memset(&channel, 0, sizeof channel);
    cfg = (struct vmb_channel_cfg){
        .conn = &conn,
        .type = &type,
        .callbacks = { opened, state_changes, state_changes, state_changes,
                       closed, NULL, process_packet, processing_complete },
        .packet_bytes = BYTES,
        .external_bytes = 8000,
        .external_mdls = 1,
        .packets = 3,
        .transactions = 4,
        .incoming = 3,
        .incoming_ranges = 1,
        .context_bytes = 8,
        .quota = 2,
        .tx_pages = 1,
        .rx_pages = 1,
    };
    started = false;
    how_callbacks = 0;
    memset(held, 0, sizeof held);
    memset(request, 0, sizeof request);
    gpadl = exactly(sizeof *gpadl);
    memset(gpadl, 0, sizeof *gpadl);
    gpadl_page = new_pages(1);
    cfg.pipe = take8(&in) & 1;
    new_channel();
}

/* A host that behaves, a client that wants to leave: it ends, and soon. */
static void wind_up(void)
{
    const uint32_t unloaded[2] = { 17 };
    uint32_t i, j;

    machine.says = 0;
    how_callbacks = 0;
    for (i = 0; i < 300 && (started || i < 100); i++) {
        for (j = 0; j < HELD; j++)
            if (held[j]) {
                PROMISE(vmb_channel_packet_complete(held[j], NULL, 0) ==
                        VMB_OK);
                held[j] = NULL;
            }
        PROMISE(vmb_channel_disable_start(&channel) == VMB_OK);
        if (i >= 100)
            (void)(vmb_conn_unload_start(&conn) == VMB_OK);
        machine.now += VMB_CONN_TIMEOUT / 4;
        poll_all();
        host_answers();
        if (machine.unloading)
            deliver(unloaded, 8);
    }
    PROMISE(!started);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t i;

    in.at = data;
    in.left = size;
    machine_start(&machine);
    set_up();
    connect();
    while (in.left)
        actions[take8(&in) % (sizeof actions / sizeof *actions)]();
    wind_up();
    free_channel();
    for (i = 0; i < REQUESTS; i++)
        free(request[i]);
    free(gpadl);
    machine_end(&machine);
    free(gpadl_page);
    free(conn_pages);
    return 0;
}
