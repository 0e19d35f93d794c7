/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The library as drivers use it: two open channels, one sending into the ring
 * that the other receives from, on a bus that says yes to everything.
 */
#include <string.h>

#include <vmb/chan.h>

#include "bench.h"

#define STRIDE ((RING_PAGES + 1) * VMB_PAGE_SIZE) /* a ring and its control */

/* Each end on cache lines of its own; the rest only read. */
static _Alignas(LINE) struct vmb_chan sender;
static _Alignas(LINE) struct vmb_chan receiver;
static _Alignas(LINE) const struct job *job;
static struct vmb_iov iov;
static struct vmb_mdl mdl;
static struct vmb_out out;

/* ---- the bus ------------------------------------------------------------- */

static enum vmb_status gpadl(struct vmb_bus *bus, struct vmb_gpadl *pages)
{
    (void)bus;
    (void)pages;
    return VMB_OK;
}

static enum vmb_status open(struct vmb_bus *bus, struct vmb_chan *chan)
{
    (void)bus;
    (void)chan;
    return VMB_OK;
}

static void close(struct vmb_bus *bus, struct vmb_chan *chan)
{
    (void)bus;
    (void)chan;
}

static uint64_t gpa(void *ctx, const void *va)
{
    (void)ctx;
    return (uintptr_t)va;
}

static const struct vmb_bus_ops ops = { gpadl, gpadl, open, close, open };
static const struct vmb_platform plat = { .size = sizeof plat, .gpa = gpa };
static struct vmb_bus bus = { .ops = &ops, .plat = &plat };

static void open_over(struct vmb_chan *chan, uint8_t *pages)
{
    static struct vmb_offer offers[2];
    struct vmb_offer *offer = &offers[chan == &receiver];
    struct vmb_chan_cfg cfg = { .ring = pages,
                                .tx_pages = RING_PAGES,
                                .rx_pages = RING_PAGES };
    static const struct vmb_fault fine;

    memset(chan, 0, sizeof *chan);
    memset(offer, 0, sizeof *offer);
    offer->state_ = VMB_OFFER_PRESENT;
    if (vmb_chan_open_start(chan, &bus, offer, &cfg) != VMB_OK)
        die("channel does not open");
    vmb_bus_gpadl_done(&chan->gpadl_, &fine);
    vmb_bus_open_done(chan, &fine);
    if (vmb_chan_open_status(chan) != VMB_OK)
        die("channel is not open");
}

/* ---- traffic ------------------------------------------------------------- */

static uint32_t begin_send(const struct job *new_job)
{
    const struct packet *packet = new_job->packet;

    job = new_job;
    iov = (struct vmb_iov){ job->payload, packet->payload };
    out = (struct vmb_out){ .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    if (packet->pages) {
        mdl = (struct vmb_mdl){ NULL, job->pfns, packet->pages, 0,
                                packet->pages * VMB_PAGE_SIZE };
        out.kind = VMB_GPA_DIRECT;
        out.mdl = &mdl;
    }
    open_over(&sender, job->pages);
    return job->bytes;
}

static void begin_receive(const struct job *new_job, uint32_t bytes)
{
    (void)bytes;
    job = new_job;
    open_over(&receiver, job->pages - STRIDE);
}

static void flush(void)
{
    if (vmb_chan_flush(&sender) != VMB_OK)
        die("channel is dead");
}

static uint32_t send_each(uint32_t count)
{
    enum vmb_status status;
    uint32_t i;

    for (i = 0; i < count; i++) {
        status = vmb_chan_send(&sender, &out);
        if (status == VMB_AGAIN)
            break;
        if (status != VMB_OK)
            die("packet refused");
    }
    return i;
}

static uint32_t send(uint32_t count)
{
    enum vmb_status status;
    uint32_t i, staged = 0;

    if (job->batch == 1)
        return send_each(count);
    for (i = 0; i < count; i++) {
        status = vmb_chan_stage(&sender, &out);
        if (status == VMB_AGAIN)
            break;
        if (status != VMB_OK)
            die("packet refused");
        if (++staged < job->batch)
            continue;
        flush();
        staged = 0;
    }
    flush();
    return i;
}

static void release(void)
{
    if (vmb_chan_release(&receiver) != VMB_OK)
        die("channel is dead");
}

static uint32_t receive(uint32_t count)
{
    struct vmb_rx packet;
    enum vmb_status status;
    uint32_t i, held = 0;

    for (i = 0; i < count; i++) {
        status = vmb_chan_recv(&receiver, &packet);
        if (status == VMB_AGAIN)
            break;
        if (status != VMB_OK)
            die("packet refused");
        vmb_rx_copy(&receiver, &packet, 0, job->sink, packet.len);
        if (++held < job->batch)
            continue;
        release();
        held = 0;
    }
    if (held)
        release();
    return i;
}

const struct contestant channel = { "vmb channel", begin_send, send,
                                    begin_receive, receive,    true };
