/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A client channel between a host that writes any bytes at any moment and a
 * client that calls whatever it may.  When it reads DISABLED its memory is
 * freed, so that a later touch is seen; and by then each packet that was taken
 * has come back, once.
 */
#include "peer.h"

#define PACKETS  4u
#define REQUESTS 2u
#define HELD     4u
#define BYTES    64u /* of a packet */

static struct vmb_offer offers[2];
static uint8_t *conn_pages;

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

/* ---- the host, and then the client polls --------------------------------- */

static void offer(void)
{
    host_offers();
    poll_all();
    host_has_offered();
    poll_all();
}

static void answer(void)
{
    host_answers();
    poll_all();
}

static void rescind(void)
{
    host_rescinds();
    poll_all();
}

static void let_time_pass(void)
{
    machine.now += take16(&in) * 10000u;
    poll_all();
}

/* ---- all together ----------------------------------------------------------
 */

static void (*const actions[])(void) = {
    enable,         poll_all,       process,
    life,           send,           ask,
    complete,       own_gpadl,      host_packet,
    host_packet,    host_completes, host_takes,
    host_scribbles, answer,         offer,
    rescind,        let_time_pass,  hypercalls_say,
    send,           answer,         process,
    host_packet,    host_completes, poll_all,
};

static void set_up(void)
{
    memset(&channel, 0, sizeof channel);
    cfg = (struct vmb_channel_cfg){
        .conn = &conn,
        .type = &channel_type,
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
    peer = &channel;
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
        answer();
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
    conn_pages = new_pages(VMB_CONN_PAGES);
    connect(conn_pages, offers);
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
