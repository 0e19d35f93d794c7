/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Storage against a host that says anything: answers to what was asked, with
 * any bytes in them, notices, silence, a rescind; and a caller who submits,
 * polls and closes in between.  Whatever happens, each request comes back
 * exactly once, and never before its controller is closed once that is dead.
 */
#include <vmb/storvsc.h>

#include "fuzz.h"

#define QUEUES   2u
#define DEPTH    4u
#define RING     2u /* data pages each way */
#define REQUESTS 6u
#define AREA     8u /* pages of each request's memory */
#define ACTIONS  400u
#define DUE      (QUEUES * DEPTH)

struct host { /* of one channel */
    uint8_t *ring;
    uint32_t read, write; /* its own indices */
    uint64_t due[DUE];    /* transaction ids that want an answer */
    uint8_t operation[DUE];
    uint32_t asked[DUE]; /* bytes of data */
    uint32_t dues;
};

struct job {
    struct vmb_storvsc_req req;
    struct vmb_mdl mdl[2];
    uint64_t pfns[2][AREA + 1];
    bool out;
};

static struct input in;
static struct vmb_bus bus;
static struct vmb_platform plat;
static struct vmb_offer offers[QUEUES];
static struct host host[QUEUES];
static struct vmb_storvsc ctl;
static struct vmb_storvsc_queue queues[QUEUES];
static struct vmb_txn txns[QUEUES][DEPTH];
static struct vmb_storvsc_cmd cmds[QUEUES][DEPTH];
static struct vmb_disk disk;
static struct job jobs[REQUESTS];
static uint8_t *page;
static bool closing;

/* What the bus has been asked for and has not answered. */
static struct vmb_gpadl *creating[QUEUES + 1], *destroying[QUEUES + 1];
static struct vmb_chan *opening[QUEUES + 1];
static uint32_t creates, destroys, opens;

/* --- The bus -------------------------------------------------------------- */

static enum vmb_status ask_gpadl(struct vmb_bus *of, struct vmb_gpadl *gpadl)
{
    (void)of;
    PROMISE(creates < QUEUES);
    creating[creates++] = gpadl;
    return VMB_OK;
}

static enum vmb_status ask_down(struct vmb_bus *of, struct vmb_gpadl *gpadl)
{
    (void)of;
    PROMISE(destroys < QUEUES);
    destroying[destroys++] = gpadl;
    return VMB_OK;
}

static enum vmb_status ask_open(struct vmb_bus *of, struct vmb_chan *chan)
{
    (void)of;
    PROMISE(opens < QUEUES);
    opening[opens++] = chan;
    return VMB_OK;
}

static void ask_close(struct vmb_bus *of, struct vmb_chan *chan)
{
    (void)of;
    (void)chan;
}

static enum vmb_status ask_signal(struct vmb_bus *of, struct vmb_chan *chan)
{
    (void)of;
    (void)chan;
    return VMB_OK;
}

static const struct vmb_bus_ops ops = { ask_gpadl, ask_down, ask_open,
                                        ask_close, ask_signal };

static uint64_t gpa(void *ctx, const void *va)
{
    (void)ctx;
    return (uintptr_t)va;
}

static void answer_bus(void)
{
    static const struct vmb_fault good = { .status = VMB_OK };

    while (creates)
        vmb_bus_gpadl_done(creating[--creates], &good);
    while (opens)
        vmb_bus_open_done(opening[--opens], &good);
    while (destroys)
        vmb_bus_gpadl_down_done(destroying[--destroys], &good);
}

/* To all that a disk is asked when it is opened, an answer that will do. */
static const uint8_t is_disk[36] = { 0, 0, 0, 0, 0, 0x80, 0xf, 0xff,
                                     0, 0, 2, 0, 0, 0,    0x80 };

/* --- The host ------------------------------------------------------------- */

static uint32_t word(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static void copy_out(const struct host *h, uint32_t at, void *to, uint32_t len)
{
    uint8_t *byte = to;

    for (; len--; at++)
        *byte++ = h->ring[PAGE + at % (RING * PAGE)];
}

/* Take one packet of the guest's: its id is due an answer. */
static bool take_packet(struct host *h)
{
    uint32_t write = word(h->ring), operation;
    uint16_t head[4];
    uint64_t id;

    if (h->read == write)
        return false;
    copy_out(h, h->read, head, sizeof head);
    copy_out(h, h->read + 8, &id, sizeof id);
    copy_out(h, h->read + head[1] * 8u, &operation, sizeof operation);
    PROMISE(head[0] == 6 || head[0] == 9);
    PROMISE(head[2] * 8u - head[1] * 8u == 64);
    PROMISE(h->dues < DUE);
    h->due[h->dues] = id;
    copy_out(h, h->read + head[1] * 8u + 24, &h->asked[h->dues], 4);
    h->operation[h->dues++] = (uint8_t)operation;
    h->read = (h->read + head[2] * 8u + 8) % (RING * PAGE);
    memcpy(h->ring + 4, &h->read, sizeof h->read);
    return true;
}

static void put_packet(struct host *h, uint16_t type, uint64_t id,
                       const uint8_t *payload, uint32_t len)
{
    uint8_t *back = h->ring + (1 + RING) * PAGE;
    uint8_t packet[16 + 64 + 8] = { 0 };
    uint16_t head[4] = { type, 2, (uint16_t)(2 + len / 8), 0 };
    uint32_t read = word(back + 4), i;
    uint32_t room = (read + RING * PAGE - h->write - 8) % (RING * PAGE);

    if (room < 24 + len)
        return;
    memcpy(packet, head, sizeof head);
    memcpy(packet + 8, &id, sizeof id);
    memcpy(packet + 16, payload, len);
    for (i = 0; i < 24 + len; i++)
        back[PAGE + (h->write + i) % (RING * PAGE)] = packet[i];
    h->write = (h->write + 24 + len) % (RING * PAGE);
    memcpy(back, &h->write, sizeof h->write);
}

/* Bytes of an answer that is right for what was asked. */
static void good_answer(uint8_t payload[64], uint8_t operation, uint32_t asked)
{
    static const uint32_t properties[] = { 0, QUEUES - 1, 1, 0x4000 };

    memset(payload, 0, 64);
    payload[0] = 1;
    payload[14] = 1; /* SRB success */
    if (operation == 3)
        memcpy(payload + 24, &asked, sizeof asked);
    if (operation == 10)
        memcpy(payload + 12, properties, sizeof properties);
}

static void answer_one(struct host *h)
{
    uint32_t which = h->dues ? take8(&in) % h->dues : 0, len = 64, i;
    uint8_t payload[64], how = take8(&in) & take8(&in);

    if (h->dues == 0)
        return;
    good_answer(payload, h->operation[which], h->asked[which]);
    if (how & 1) {
        i = take16(&in);
        memcpy(payload + 24, &i, sizeof i); /* bytes moved */
    }
    if (how & 32) { /* a check condition, with sense */
        payload[14] = 0x84;
        payload[15] = 2;
        payload[21] = 18;
        payload[28] = take8(&in) % 2 ? 0x70 : 0x72;
        payload[29] = payload[30] = take8(&in) % 16;
        memset(payload + 24, 0, 4);
    }
    if (how & 2)
        payload[take8(&in) % 64] = take8(&in);
    if (how & 4)
        take_bytes(&in, payload, sizeof payload);
    if (how & 8)
        len = take8(&in) % 9 * 8u;
    if (how & 16)
        take_bytes(&in, page, sizeof is_disk);
    put_packet(h, 11, h->due[which], payload, len);
    if ((how & 0xf0) == 0xf0) /* and once more */
        return;
    h->dues--;
    h->due[which] = h->due[h->dues];
    h->operation[which] = h->operation[h->dues];
    h->asked[which] = h->asked[h->dues];
}

static void say_anything(struct host *h)
{
    uint16_t types[] = { 6, 6, 6, 11, 7, 9 };
    uint8_t payload[64];

    take_bytes(&in, payload, sizeof payload);
    put_packet(h, types[take8(&in) % 6], take8(&in) % 2 ? take(&in, 8) : 1,
               payload, take8(&in) % 9 * 8u);
}

/* --- The caller ----------------------------------------------------------- */

static void on_return(struct vmb_storvsc_req *req)
{
    struct job *job = req->user;

    PROMISE(job->out);
    PROMISE(req->status != VMB_AGAIN);
    if (!closing)
        PROMISE(req->status == VMB_OK || req->status == VMB_E_REFUSED);
    job->out = false;
}

static void make_chain(struct job *job)
{
    uint32_t i, j;

    for (i = 0; i < 2; i++) {
        job->mdl[i].next = i == 0 && take8(&in) % 2 ? &job->mdl[1] : NULL;
        job->mdl[i].pfns = job->pfns[i];
        job->mdl[i].pfn_count = AREA + 1;
        job->mdl[i].byte_offset = take16(&in) % PAGE;
        job->mdl[i].byte_count = take16(&in) % (AREA * PAGE);
        for (j = 0; j <= AREA; j++)
            job->pfns[i][j] = j;
    }
}

static enum vmb_status submit_raw(struct vmb_storvsc_req *req)
{
    take_bytes(&in, &req->cmd, sizeof req->cmd);
    req->bytes = take16(&in);
    return vmb_storvsc_submit(&ctl, req);
}

static void submit(void)
{
    struct job *job = &jobs[take8(&in) % REQUESTS];
    uint64_t block = take8(&in) % 5 ? take16(&in) : take(&in, 8);
    uint32_t count = take8(&in) % 5 ? take8(&in) : take32(&in);
    struct vmb_storvsc_req *req = &job->req;
    bool was_out = job->out;
    enum vmb_status status;

    if (!was_out) {
        make_chain(job);
        req->barrier = take8(&in) % 8 == 0;
        req->done = on_return;
        req->user = job;
        req->mdl = job->mdl;
        req->mdl_offset = take16(&in);
        job->out = true;
    }
    switch (was_out ? 1 : take8(&in) % 5) {
    case 0:
        status = submit_raw(req);
        break;
    case 1:
        status = vmb_disk_flush(&disk, req);
        break;
    case 2:
        status = vmb_disk_unmap(&disk, req, block, count);
        break;
    case 3:
        status = vmb_disk_write(&disk, req, block, count, job->mdl, 100);
        break;
    default:
        status = vmb_disk_read(&disk, req, block, count, job->mdl, 0);
        break;
    }
    if (was_out)
        PROMISE(status != VMB_OK);
    else if (status != VMB_OK)
        job->out = false;
}

static void finish_close(void)
{
    uint32_t i;

    closing = true;
    if (vmb_storvsc_close_status(&ctl) == VMB_E_STATE)
        PROMISE(vmb_storvsc_close_start(&ctl) == VMB_OK);
    answer_bus();
    answer_bus();
    PROMISE(vmb_storvsc_close_status(&ctl) == VMB_OK);
    for (i = 0; i < REQUESTS; i++)
        PROMISE(!jobs[i].out);
    closing = false;
    memset(host, 0, sizeof host);
    for (i = 0; i < QUEUES; i++) {
        host[i].ring = queues[i].cfg.ring;
        memset(host[i].ring, 0, 2 * (RING + 1) * PAGE);
    }
}

static void open_disk(void)
{
    struct vmb_storvsc_addr at = { 0, 0, take8(&in), 0 };

    (void)vmb_disk_open_start(&disk, &ctl, at, page);
}

static void open_controller(void)
{
    (void)vmb_storvsc_open_start(&ctl, &bus, &offers[0], queues, QUEUES);
    answer_bus();
    answer_bus();
    (void)vmb_storvsc_poll(&ctl);
}

static void act(void)
{
    struct host *h = &host[take8(&in) % QUEUES];
    uint8_t what = take8(&in) % 32;

    if (what < 8)
        (void)vmb_storvsc_poll(&ctl);
    else if (what < 14)
        submit();
    else if (what < 24)
        answer_one(h);
    else if (what < 26)
        say_anything(h);
    else if (what == 26)
        open_controller();
    else if (what == 27)
        open_disk();
    else if (what == 28)
        (void)vmb_storvsc_add_channel(&ctl, &offers[1]);
    else if (what == 29)
        (void)vmb_storvsc_arm(&ctl);
    else if (what == 30 && take8(&in) % 4 == 0 && h - host < 1 &&
             vmb_storvsc_open_status(&ctl) >= VMB_OK)
        vmb_bus_rescinded(&queues[0].chan);
    else if (what == 31 && take8(&in) % 4 == 0)
        finish_close();
    answer_bus();
    for (h = host; h < host + QUEUES; h++)
        while (take_packet(h))
            ;
}

/* A host that is honest for a while: most inputs begin far inside. */
static void be_honest(uint32_t turns)
{
    uint8_t payload[64];

    while (turns--) {
        (void)vmb_storvsc_poll(&ctl);
        while (take_packet(&host[0]))
            ;
        for (; host[0].dues; host[0].dues--) {
            uint32_t last = host[0].dues - 1;

            good_answer(payload, host[0].operation[last], host[0].asked[last]);
            put_packet(&host[0], 11, host[0].due[last], payload, 64);
        }
    }
}

static void warm_up(void)
{
    uint8_t how = take8(&in);

    open_controller();
    if (how & 1)
        be_honest(12);
    if ((how & 3) == 3) {
        open_disk();
        be_honest(12);
        PROMISE(vmb_disk_open_status(&disk) == VMB_OK);
    }
}

static void begin(void)
{
    uint32_t i;

    memset(&ctl, 0, sizeof ctl);
    memset(queues, 0, sizeof queues);
    memset(&disk, 0, sizeof disk);
    memset(jobs, 0, sizeof jobs);
    memset(offers, 0, sizeof offers);
    memset(host, 0, sizeof host);
    plat.size = sizeof plat;
    plat.gpa = gpa;
    bus.ops = &ops;
    bus.plat = &plat;
    page = new_pages(1);
    memcpy(page, is_disk, sizeof is_disk);
    for (i = 0; i < QUEUES; i++) {
        offers[i].type = vmb_storvsc_scsi;
        offers[i].relid = i + 1;
        offers[i].subchannel = (uint16_t)i;
        offers[i].state_ = VMB_OFFER_PRESENT;
        queues[i].cfg.ring = host[i].ring = new_pages(2 * (RING + 1));
        queues[i].cfg.tx_pages = queues[i].cfg.rx_pages = RING;
        queues[i].cfg.txns = txns[i];
        queues[i].cfg.txn_cap = DEPTH;
        queues[i].cmds = cmds[i];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t i;

    in.at = data;
    in.left = size;
    begin();
    warm_up();
    for (i = 0; i < ACTIONS && in.left; i++)
        act();
    finish_close();
    for (i = 0; i < QUEUES; i++)
        free(queues[i].cfg.ring);
    free(page);
    return 0;
}
