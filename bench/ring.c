/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The library at the level of ring.h: no channel, no transactions. */
#include <vmb/ring.h>

#include "bench.h"

/* Each end on cache lines of its own; the rest only read. */
static _Alignas(LINE) struct vmb_ring_tx tx;
static _Alignas(LINE) struct vmb_ring_rx rx;
static _Alignas(LINE) const struct job *job;
static struct vmb_iov iov;
static struct vmb_mdl mdl;
static struct vmb_out out;

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
    vmb_ring_tx_init(&tx, job->pages, RING_PAGES);
    return job->bytes;
}

static void begin_receive(const struct job *new_job, uint32_t bytes)
{
    (void)bytes;
    job = new_job;
    vmb_ring_rx_init(&rx, job->pages, RING_PAGES);
}

static void publish(void)
{
    if (vmb_ring_publish(&tx))
        die("a signal is wanted where the other side polls");
}

static uint32_t send(uint32_t count)
{
    struct vmb_out_size size;
    struct vmb_fault fault;
    enum vmb_status status;
    uint32_t i, staged = 0, bytes = 0;

    for (i = 0; i < count; i++) {
        if (vmb_ring_measure(&out, &size) != VMB_OK)
            die("packet refused");
        status = vmb_ring_reserve(&tx, size.total, &fault);
        if (status == VMB_AGAIN)
            break;
        if (status != VMB_OK)
            die("index refused");
        vmb_ring_write(&tx, &out, &size, 0);
        bytes += size.total;
        if (++staged < job->batch && bytes < BATCH_BYTES)
            continue;
        publish();
        staged = bytes = 0;
    }
    if (staged)
        publish();
    return i;
}

static uint32_t receive(uint32_t count)
{
    struct vmb_fault fault;
    struct vmb_rx packet;
    enum vmb_status status;
    uint32_t i, held = 0;

    for (i = 0; i < count; i++) {
        status = vmb_ring_next(&rx, &packet, &fault);
        if (status == VMB_AGAIN)
            break;
        if (status != VMB_OK)
            die("packet refused");
        vmb_ring_copy(&rx, &packet, 0, job->sink, packet.len);
        if (++held < job->batch)
            continue;
        (void)vmb_ring_release(&rx);
        held = 0;
    }
    if (held)
        (void)vmb_ring_release(&rx);
    return i;
}

const struct contestant ring = { "vmb ring",    begin_send, send,
                                 begin_receive, receive,    true };
