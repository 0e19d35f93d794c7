/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A request and its completion, 64 bytes each: by the calls of chan.h, and by
 * a packet object of packet.h.  What the second costs above the first is the
 * price of the client contract.
 *
 * Both channels are opened on the simulated host, which then is left alone: it
 * is asked for no signal, and a few lines here take its part in the rings, the
 * same for both.
 */
#include <stdio.h>
#include <string.h>

#include <vmb/packet.h>
#include <vmb/wire/ring.h>

#include "bench.h"
#include "guest.h"

#define BYTES      64u
#define WIRE_BYTES (16u + BYTES + 8u) /* header, payload, trailer */
#define WORDS      (WIRE_BYTES / 8)
#define COUNTED    320u
#define TURN       2048u

static struct guest guest;
static const uint8_t payload[BYTES];

struct request {
    uint8_t answer[BYTES];
    struct vmb_packet *packet;
};
static struct request requests[BATCH];
static uint32_t answered;

/* ---- the host's part ----------------------------------------------------- */

struct ring_end {
    struct vmb_ring_control *control;
    uint64_t *words;
    uint32_t at; /* in words */
};
struct host {
    struct ring_end in, out; /* as the host sees them */
};

static void take_over(struct host *host, uint8_t *rings)
{
    uint8_t *out = rings + RING_BYTES + VMB_PAGE_SIZE;

    host->in.control = (void *)rings;
    host->in.words = (void *)(rings + VMB_PAGE_SIZE);
    host->in.control->interrupt_mask = 1;
    host->out.control = (void *)out;
    host->out.words = (void *)(out + VMB_PAGE_SIZE);
}

static uint32_t ahead(uint32_t at, uint32_t words)
{
    return (at + words) % (RING_BYTES / 8);
}

/* Complete everything there is, each with an answer of 64 bytes. */
static void answer(struct host *host)
{
    struct ring_end *in = &host->in, *out = &host->out;
    uint32_t write = __atomic_load_n(&in->control->write, __ATOMIC_ACQUIRE);
    uint32_t i;

    for (; in->at * 8 != write; in->at = ahead(in->at, WORDS)) {
        out->words[out->at] =
            VMB_PACKET_COMPLETION | 2ull << 16 | (uint64_t)(WORDS - 1) << 32;
        out->words[ahead(out->at, 1)] = in->words[ahead(in->at, 1)];
        for (i = 2; i < WORDS; i++)
            out->words[ahead(out->at, i)] = i;
        out->at = ahead(out->at, WORDS);
    }
    __atomic_store_n(&in->control->read, write, __ATOMIC_RELEASE);
    __atomic_store_n(&out->control->write, out->at * 8, __ATOMIC_RELEASE);
}

/* ---- by the calls of chan.h ---------------------------------------------- */

static struct vmb_chan chan;
static struct vmb_txn txns[2 * BATCH];
static struct host chan_host;

static void receive(void)
{
    enum vmb_status status;
    struct vmb_rx packet;
    struct request *request;

    while ((status = vmb_chan_recv(&chan, &packet)) == VMB_OK) {
        request = packet.user;
        vmb_rx_copy(&chan, &packet, 0, request->answer, BYTES);
        answered++;
    }
    if (status != VMB_AGAIN || vmb_chan_release(&chan) != VMB_OK ||
        vmb_chan_arm(&chan))
        die("channel is dead, or a packet came late");
}

static double by_channel(const void *what, uint32_t count)
{
    const uint32_t *batch = what;
    struct vmb_iov iov = { payload, BYTES };
    struct vmb_out out = {
        .kind = VMB_INBAND, .iov = &iov, .iov_count = 1, .want_reply = true
    };
    double start = now();
    uint32_t done, i;

    answered = 0;
    for (done = 0; done < count; done += *batch) {
        for (i = 0; i < *batch; i++) {
            out.user = &requests[i];
            expect(vmb_chan_send(&chan, &out), "packet refused");
        }
        answer(&chan_host);
        receive();
    }
    if (answered != count)
        die("completions are missing");
    return now() - start;
}

/* Returns its rings. */
static uint8_t *open_channel(struct vmb_sim_dev *dev)
{
    struct vmb_chan_cfg cfg = { .ring = vmb_sim_alloc(guest.sim,
                                                      2 * (RING_PAGES + 1)),
                                .tx_pages = RING_PAGES,
                                .rx_pages = RING_PAGES,
                                .txns = txns,
                                .txn_cap = 2 * BATCH };

    guest_open(&guest, dev, &chan, &cfg);
    return cfg.ring;
}

/* ---- by packet objects --------------------------------------------------- */

static struct vmb_channel client;
static struct host client_host;

/* Nobody else needs the answer: the routine may read it where it lies. */
static void done(struct vmb_packet *packet, enum vmb_status status,
                 const void *buffer, uint32_t bytes)
{
    (void)packet;
    (void)buffer;
    if (status != VMB_OK || bytes != BYTES)
        die("request failed");
    answered++;
}

static double by_packets(const void *what, uint32_t count)
{
    const uint32_t *batch = what;
    double start = now();
    uint32_t sent, i;

    answered = 0;
    for (sent = 0; sent < count; sent += *batch) {
        for (i = 0; i < *batch; i++)
            expect(vmb_packet_send(requests[i].packet, payload, BYTES, NULL,
                                   VMB_SEND_WAIT_FOR_COMPLETION),
                   "packet refused");
        answer(&client_host);
        expect(vmb_channel_process(&client, VMB_CHANNEL_BUDGET),
               "channel is dead, or a packet came late");
    }
    if (answered != count)
        die("completions are missing");
    return now() - start;
}

static void make_packets(void)
{
    size_t bytes = vmb_channel_sizeof_packet(&client);
    size_t pages = (bytes + VMB_PAGE_SIZE - 1) / VMB_PAGE_SIZE;
    struct vmb_packet **packet;
    uint32_t i;

    for (i = 0; i < BATCH; i++) {
        packet = &requests[i].packet;
        expect(vmb_packet_initialize(&client, vmb_sim_alloc(guest.sim, pages),
                                     bytes, packet),
               "no packet");
        expect(vmb_packet_set_completion_routine(*packet, done), "no routine");
    }
}

static void until_runs(void)
{
    bool more;

    do {
        more = vmb_channel_poll(&client) == VMB_AGAIN;
        if (vmb_conn_poll(&guest.conn) < VMB_OK)
            die("connection is dead");
        (void)vmb_sim_step(guest.sim);
        (void)vmb_cpu_scan(&guest.cpu);
        if (vmb_channel_status(&client) == VMB_OK)
            more |= vmb_channel_process(&client, 1) == VMB_AGAIN;
    } while (more || vmb_channel_status(&client) == VMB_AGAIN);
    expect(vmb_channel_status(&client), "no client channel");
}

/* Returns its rings. */
static uint8_t *open_client(struct vmb_sim_dev *dev)
{
    struct vmb_offer *offer = guest_offer(&guest, dev);
    struct vmb_channel_cfg cfg = { .conn = &guest.conn,
                                   .type = &offer->type,
                                   .instance = &offer->instance,
                                   .packet_bytes = BYTES,
                                   .transactions = 2 * BATCH,
                                   .tx_pages = RING_PAGES,
                                   .rx_pages = RING_PAGES };
    size_t pages;

    cfg.memory_bytes = vmb_channel_sizeof_memory(&cfg);
    pages = (cfg.memory_bytes + VMB_PAGE_SIZE - 1) / VMB_PAGE_SIZE;
    cfg.memory = vmb_sim_alloc(guest.sim, pages);
    expect(vmb_channel_initialize(&client, &cfg), "no client channel");
    expect(vmb_channel_enable(&client), "no client channel");
    until_runs();
    make_packets();
    return cfg.memory; /* the rings are first: src/packet/memory.c */
}

void measure_exchange(uint32_t rounds)
{
    static const uint32_t batches[] = { 1, BATCH };
    struct vmb_sim_dev *devices[2];
    uint8_t *rings[2];
    char title[64];
    uint32_t i;

    guest_make(&guest, NULL);
    for (i = 0; i < 2; i++)
        devices[i] = vmb_sim_test_add(guest.sim, (uint8_t)(i + 1), 0);
    guest_connect(&guest, NULL, 0);
    rings[0] = open_channel(devices[0]);
    rings[1] = open_client(devices[1]);
    take_over(&chan_host, rings[0]);
    take_over(&client_host, rings[1]);
    for (i = 0; i < 2; i++) {
        const struct way ways[] = {
            { "vmb channel", by_channel, &batches[i] },
            { "vmb packet", by_packets, &batches[i] },
        };

        snprintf(title, sizeof title, "exchange/64 bytes/%u", batches[i]);
        compare(title, ways, 2, rounds ? TURN : COUNTED, rounds);
    }
    /* Its rings are not as it left them: there is no orderly end. */
    vmb_sim_destroy(guest.sim);
}
