/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "store.h"

#define ANSWER_TIME (20 * SECOND) /* on a busy machine */
#define NAP_MS      300
#define TX_PAGES    4
#define RX_PAGES    4
#define MOST_PAGES  2049 /* 8 MiB from anywhere in a page */

struct vmb_storvsc ctl;
struct vmb_disk disk;

static struct vmb_storvsc_queue queues[STORE_QUEUES];
static struct vmb_txn txns[STORE_QUEUES][STORE_DEPTH];
static struct vmb_storvsc_cmd cmds[STORE_QUEUES][STORE_DEPTH];
static uint64_t pfns[MOST_PAGES];
static void *page;

static void expect(const char *what, enum vmb_status status)
{
    struct vmb_fault fault;

    vmb_storvsc_fault(&ctl, &fault);
    example_expect(what, status, &fault);
}

void store_begin(void)
{
    for (unsigned i = 0; i < STORE_QUEUES; i++) {
        queues[i].cfg.ring = pages_need(TX_PAGES + RX_PAGES + 2);
        queues[i].cfg.tx_pages = TX_PAGES;
        queues[i].cfg.rx_pages = RX_PAGES;
        queues[i].cfg.txns = txns[i];
        queues[i].cfg.txn_cap = STORE_DEPTH;
        queues[i].cfg.cpu = &ex.cpus[i % ex.cpu_count];
        queues[i].cmds = cmds[i];
    }
    page = pages_need(1);
}

void store_open(uint32_t count)
{
    struct vmb_offer *offer =
        vmb_conn_find(&ex.conn, &vmb_storvsc_scsi, NULL, 0);

    if (!offer)
        guest_fail("no SCSI controller");
    expect("open", vmb_storvsc_open_start(&ctl, vmb_conn_bus(&ex.conn), offer,
                                          queues, count));
    expect("open", vmb_wait_storvsc_open(&ex.conn, &ctl, ANSWER_TIME));
}

void store_close(void)
{
    expect("close", vmb_wait_storvsc_close(&ex.conn, &ctl));
}

void store_disk(struct vmb_disk *which, uint8_t lun)
{
    struct vmb_storvsc_addr at = { 0, 0, lun, 0 };

    expect("disk", vmb_disk_open_start(which, &ctl, at, page));
    expect("disk", vmb_wait_disk_open(&ex.conn, which, ANSWER_TIME));
}

static void drain_flags(void)
{
    while (vmb_cpu_next_ready(&ex.cpus[0]))
        ;
}

void store_turn(void)
{
    enum vmb_status status;

    poll_connection();
    drain_flags();
    status = vmb_storvsc_poll(&ctl);
    if (status < VMB_OK)
        expect("poll", status);
    if (!ex.interrupts)
        cpu_pause();
    else if (status == VMB_AGAIN && !vmb_storvsc_arm(&ctl))
        (void)nap(NAP_MS);
}

enum vmb_status store_wait(struct vmb_storvsc_req *req)
{
    uint64_t end = vmb_hv_now(&ex.hv) + ANSWER_TIME;

    while (req->status == VMB_AGAIN) {
        store_turn();
        if (vmb_hv_now(&ex.hv) > end)
            guest_fail("no answer within 20 s");
    }
    return req->status;
}

struct vmb_mdl store_mdl(void *at, size_t bytes, uint64_t *list, uint32_t cap)
{
    struct vmb_mdl mdl;

    example_expect("page list",
                   vmb_mdl_from_virtual(&mdl, &ex.plat, at, bytes, list, cap),
                   NULL);
    return mdl;
}

enum vmb_status store_read(struct vmb_disk *which, struct vmb_storvsc_req *req,
                           uint64_t block, uint32_t count, void *to)
{
    struct vmb_mdl mdl =
        store_mdl(to, (size_t)count * which->block_bytes, pfns, MOST_PAGES);
    enum vmb_status status = vmb_disk_read(which, req, block, count, &mdl, 0);

    return status == VMB_OK ? store_wait(req) : status;
}

enum vmb_status store_write(struct vmb_disk *which, struct vmb_storvsc_req *req,
                            uint64_t block, uint32_t count, void *from)
{
    struct vmb_mdl mdl =
        store_mdl(from, (size_t)count * which->block_bytes, pfns, MOST_PAGES);
    enum vmb_status status = vmb_disk_write(which, req, block, count, &mdl, 0);

    return status == VMB_OK ? store_wait(req) : status;
}
