/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * DPDK's ring as Debian's libdpdk-dev installs it: see README.md for why these
 * four functions and not the public ones above them.  What is built here around
 * a packet (header, padding) is what rte_vmbus_chan_send() would build.
 */
#include <string.h>
#include <sys/uio.h>

#include <rte_vmbus_reg.h>

#include "bench.h"

/* Defined in librte_bus_vmbus.a; no installed header declares them. */
struct vmbus_br;
void vmbus_br_setup(struct vmbus_br *br, void *buf, unsigned int len);
int vmbus_txbr_write(struct vmbus_br *br, const struct iovec iov[], int iovlen,
                     bool *need_sig);
int vmbus_rxbr_peek(const struct vmbus_br *br, void *data, size_t len);
int vmbus_rxbr_read(struct vmbus_br *br, void *data, size_t len, size_t skip);

/* The library's own bookkeeping: it fills this in, nobody looks. */
struct ring_end {
    _Alignas(LINE) uint8_t b[256];
};

static struct ring_end tx, rx;
static _Alignas(LINE) const struct job *job;
/* One range for each page: DPDK does not send longer ones. */
static struct vmbus_gpa gpa[PAGES_MOST];

static struct vmbus_br *of(struct ring_end *end)
{
    return (void *)end;
}

static uint32_t begin_send(const struct job *new_job)
{
    uint32_t i;

    job = new_job;
    for (i = 0; i < job->packet->pages; i++)
        gpa[i] = (struct vmbus_gpa){ VMB_PAGE_SIZE, 0, job->pfns[i] };
    vmbus_br_setup(of(&tx), job->pages, RING_BYTES + VMB_PAGE_SIZE);
    if (job->packet->pages == 0)
        return job->bytes;
    return job->bytes + (job->packet->pages - 1) * (uint32_t)sizeof gpa[0] / 2;
}

static void begin_receive(const struct job *new_job, uint32_t bytes)
{
    (void)bytes;
    job = new_job;
    vmbus_br_setup(of(&rx), job->pages, RING_BYTES + VMB_PAGE_SIZE);
}

static uint16_t eighths(size_t bytes)
{
    return (uint16_t)(bytes >> VMBUS_CHANPKT_SIZE_SHIFT);
}

/* Header, ranges, payload, padding: as many pieces as the public calls use. */
static int write_packet(void *header, size_t header_bytes, bool *signal)
{
    static uint64_t padding;
    const struct packet *packet = job->packet;
    size_t ranges = packet->pages * sizeof gpa[0];
    size_t padded = (packet->payload + 7u) & ~7u;
    struct iovec iov[] = { { header, header_bytes },
                           { gpa, ranges },
                           { job->payload, packet->payload },
                           { &padding, padded - packet->payload } };
    struct vmbus_chanpkt_hdr *h = header;

    h->hlen = eighths(header_bytes + ranges);
    h->tlen = eighths(header_bytes + ranges + padded);
    h->flags = 0;
    h->xactid = 0;
    if (packet->pages)
        return vmbus_txbr_write(of(&tx), iov, 4, signal);
    iov[1] = iov[0];
    return vmbus_txbr_write(of(&tx), iov + 1, 3, signal);
}

static int write_inband(bool *signal)
{
    struct vmbus_chanpkt packet = { .hdr.type = VMBUS_CHANPKT_TYPE_INBAND };

    return write_packet(&packet, sizeof packet, signal);
}

static int write_direct(bool *signal)
{
    struct vmbus_chanpkt_sglist packet = { .hdr.type = VMBUS_CHANPKT_TYPE_GPA,
                                           .gpa_cnt = job->packet->pages };

    return write_packet(&packet, sizeof packet, signal);
}

static uint32_t send(uint32_t count)
{
    bool signal = false, direct = job->packet->pages != 0;
    uint32_t i;

    for (i = 0; i < count; i++)
        if ((direct ? write_direct(&signal) : write_inband(&signal)) != 0)
            break;
    if (signal)
        die("a signal is wanted where the other side polls");
    return i;
}

static uint32_t receive(uint32_t count)
{
    struct vmbus_chanpkt_hdr h;
    uint32_t i, head, total;

    for (i = 0; i < count; i++) {
        if (vmbus_rxbr_peek(of(&rx), &h, sizeof h) != 0)
            break;
        head = (uint32_t)h.hlen << VMBUS_CHANPKT_SIZE_SHIFT;
        total = (uint32_t)h.tlen << VMBUS_CHANPKT_SIZE_SHIFT;
        if (head < sizeof h || head > total || total - head > PAYLOAD_MOST)
            die("packet refused");
        if (vmbus_rxbr_read(of(&rx), job->sink, total - head, head) != 0)
            die("packet lost");
    }
    return i;
}

const struct contestant dpdk = { "DPDK 22.11",  begin_send, send,
                                 begin_receive, receive,    false };
