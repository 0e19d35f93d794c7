/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Control messages: what a host delivers, any bytes at any moment, between the
 * calls of a guest that does as the headers say.  Whatever reads as given
 * back is freed at once, so that a later touch is seen; and before it is, the
 * host's books are asked whether it has let go.
 */
#include <vmb/chan.h>

#include "machine.h"

#define CHANS  3u
#define GPADLS 3u
#define OFFERS 4u

static struct input in;
static struct machine machine;

static struct link { /* lives from its start until unloaded */
    struct vmb_conn conn;
    struct vmb_offer offers[OFFERS];
    uint8_t *pages;
    bool started;
} * link_;

static struct device {
    struct vmb_chan chan;
    struct vmb_txn txns[4];
    uint8_t *ring;
    bool started; /* an open was begun and its close has not read VMB_OK */
} * device[CHANS];

static struct own {
    struct vmb_gpadl gpadl;
    uint8_t *pages;
    bool started;
} * own[GPADLS];

/* ---- objects ------------------------------------------------------------- */

static void *fresh(size_t size)
{
    void *object = exactly(size);

    memset(object, 0, size);
    return object;
}

static void new_device(uint32_t i)
{
    device[i] = fresh(sizeof *device[i]);
    device[i]->ring = new_pages(4);
}

static void free_device(uint32_t i)
{
    free(device[i]->ring);
    free(device[i]);
}

static void new_own(uint32_t i)
{
    own[i] = fresh(sizeof *own[i]);
    own[i]->pages = new_pages(2);
}

static void free_own(uint32_t i)
{
    free(own[i]->pages);
    free(own[i]);
}

static void new_link(void)
{
    link_ = fresh(sizeof *link_);
    link_->pages = new_pages(VMB_CONN_PAGES);
}

static void free_link(void)
{
    free(link_->pages);
    free(link_);
}

/* Nothing reads as given back while the host holds it. */
static void collect_devices(void)
{
    uint32_t i;

    for (i = 0; i < CHANS; i++) {
        struct vmb_chan *chan = &device[i]->chan;

        if (!device[i]->started || vmb_chan_close_status(chan) != VMB_OK)
            continue;
        PROMISE(!machine_holds(&machine, chan->gpadl_.id_));
        PROMISE(vmb_chan_open_status(chan) < VMB_OK);
        free_device(i);
        new_device(i);
    }
}

static void collect_gpadls(void)
{
    uint32_t i;

    for (i = 0; i < GPADLS; i++) {
        const struct vmb_gpadl *gpadl = &own[i]->gpadl;

        if (!own[i]->started || vmb_gpadl_destroy_status(gpadl) != VMB_OK)
            continue;
        PROMISE(!machine_holds(&machine, gpadl->id_));
        PROMISE(vmb_gpadl_create_status(gpadl) < VMB_OK);
        free_own(i);
        new_own(i);
    }
}

static void collect_link(void)
{
    uint32_t i;

    if (!link_->started || vmb_conn_unload_status(&link_->conn) != VMB_OK)
        return;
    for (i = 0; i < CHANS; i++)
        PROMISE(!device[i]->started);
    for (i = 0; i < GPADLS; i++)
        PROMISE(!own[i]->started);
    PROMISE(link_->conn.waiting_ == 0 && !link_->conn.queue_);
    free_link();
    new_link();
}

static void collect(void)
{
    collect_devices();
    collect_gpadls();
    collect_link();
}

/* ---- the guest ------------------------------------------------------------
 */

static void start_link(void)
{
    static const uint32_t versions[] = { 0,
                                         VMB_VERSION_0_13,
                                         VMB_VERSION_1_1,
                                         VMB_VERSION_2_4,
                                         VMB_VERSION_4_1,
                                         VMB_VERSION_5_3 };
    struct vmb_conn_cfg cfg = { .cpu = &machine.cpu[0],
                                .pages = link_->pages,
                                .offers = link_->offers,
                                .offer_cap = OFFERS };
    uint8_t how = take8(&in);

    if (link_->started)
        return;
    cfg.monitor = how & 1;
    cfg.features = how & 2 ? VMB_CONN_FEATURE_SIGNAL_PARAMETERS : 0;
    cfg.max_version = versions[(how >> 2) % 6];
    link_->started = vmb_conn_start(&link_->conn, &machine.hv, &cfg) == VMB_OK;
}

static enum vmb_status poll(void)
{
    enum vmb_status status = VMB_E_STATE;

    if (link_->started)
        status = vmb_conn_poll(&link_->conn);
    collect();
    return status;
}

static void open_one(void)
{
    uint8_t how = take8(&in);
    struct device *dev = device[how % CHANS];
    struct vmb_offer *offer = NULL;
    struct vmb_chan_cfg cfg = { .ring = dev->ring,
                                .tx_pages = 1,
                                .rx_pages = 1,
                                .txns = dev->txns,
                                .txn_cap = 4 };

    if (link_->started)
        offer = vmb_conn_offer(&link_->conn, how >> 3 & 3);
    if (!offer || dev->started)
        return;
    if (how & 0x80)
        cfg.cpu = &machine.cpu[1];
    dev->started = vmb_chan_open_start(&dev->chan, vmb_conn_bus(&link_->conn),
                                       offer, &cfg) == VMB_OK;
}

static void close_one(void)
{
    struct device *dev = device[take8(&in) % CHANS];
    enum vmb_status status;

    if (!dev->started)
        return;
    status = vmb_chan_close_start(&dev->chan);
    PROMISE(status == VMB_OK || status == VMB_E_STATE);
}

static void create_own(void)
{
    uint8_t how = take8(&in);
    struct device *dev = device[how % CHANS];
    struct own *mine = own[(how >> 2) % GPADLS];
    uint32_t pages = how & 0x80 ? 60 : 2;

    if (mine->started || !dev->started)
        return;
    if (pages == 60) { /* more than one message: the host hears in pieces */
        free(mine->pages);
        mine->pages = new_pages(pages);
    }
    mine->started =
        vmb_gpadl_create_virtual_start(&mine->gpadl, &dev->chan, mine->pages,
                                       pages * PAGE) == VMB_OK;
}

static void destroy_own(void)
{
    struct own *mine = own[take8(&in) % GPADLS];
    enum vmb_status status;

    if (!mine->started)
        return;
    status = vmb_gpadl_destroy_start(&mine->gpadl);
    PROMISE(status == VMB_OK || status == VMB_E_STATE);
}

static void move_one(void)
{
    uint8_t how = take8(&in);
    struct device *dev = device[how % CHANS];
    enum vmb_status status;

    if (!dev->started || !link_->started)
        return;
    status =
        vmb_conn_modify_start(&link_->conn, &dev->chan, &machine.cpu[how >> 7]);
    PROMISE(status <= VMB_OK);
}

static void traffic(void)
{
    uint8_t how = take8(&in);
    struct vmb_chan *chan = &device[how % CHANS]->chan;
    struct vmb_iov iov = { device, sizeof device };
    struct vmb_out out = { .kind = VMB_INBAND,
                           .iov = &iov,
                           .iov_count = 1,
                           .want_reply = how & 0x10 };
    uint8_t copy[64];
    struct vmb_rx rx;

    if (how & 0x20)
        PROMISE(vmb_chan_send(chan, &out) != VMB_E_LANE);
    if (vmb_chan_recv(chan, &rx) == VMB_OK)
        (void)vmb_rx_copy(chan, &rx, 0, copy, sizeof copy);
    if (how & 0x40)
        PROMISE(vmb_chan_release(chan) != VMB_E_LANE);
    if (how & 0x80)
        (void)vmb_chan_arm(chan);
}

static void interrupts(void)
{
    uint32_t cpu = take8(&in) % MACHINE_CPUS, i;
    struct vmb_chan *chan;

    machine_flag(&machine, cpu, take16(&in) % VMB_EVENT_FLAGS);
    machine_flag(&machine, cpu, 1 + take8(&in) % OFFERS);
    (void)vmb_cpu_scan(&machine.cpu[cpu]);
    while ((chan = vmb_cpu_next_ready(&machine.cpu[cpu])) != NULL) {
        for (i = 0; i < CHANS && chan != &device[i]->chan; i++)
            ;
        PROMISE(i < CHANS && device[i]->started);
        PROMISE(vmb_chan_open_status(chan) == VMB_OK);
    }
}

static void unload(void)
{
    if (link_->started)
        PROMISE(vmb_conn_unload_start(&link_->conn) != VMB_E_LANE);
}

/* ---- the host -------------------------------------------------------------
 */

static void deliver(const void *message, uint8_t len)
{
    if (machine_listens(&machine))
        machine_deliver(&machine, message, len);
    (void)poll();
}

static void deliver_bytes(void)
{
    uint8_t message[256] = { 0 }, len = take8(&in);

    take_bytes(&in, message, len);
    deliver(message, len);
}

/* GPADL of something alive: a channel's rings or one of the guest's own. */
static const struct vmb_gpadl *some_gpadl(uint8_t which)
{
    if (which % 2)
        return &own[which / 2 % GPADLS]->gpadl;
    return &device[which / 2 % CHANS]->chan.gpadl_;
}

/* An answer that fits what is under way, give or take. */
static void deliver_answer(void)
{
    static const uint8_t numbers[] = { 1, 2, 4, 6, 10, 12, 15, 17, 24 };
    static const uint8_t lengths[] = { 196, 12, 8, 20, 20, 12, 20, 8, 16 };
    uint8_t which = take8(&in) % sizeof numbers, how = take8(&in);
    uint32_t m[64] = { numbers[which] }, status = how & 0x80 ? 0xc0000001 : 0;
    const struct vmb_gpadl *gpadl = some_gpadl(how & 0x7f);

    m[2] = 1 + how % OFFERS;
    if (m[0] == 1) {
        m[46] = 1 + how % (OFFERS + 1);
        m[47] = 0x00010000u | (uint32_t)(how & 0x20) << 3 | how;
        m[48] = 0x2000 + m[46];
    } else if (m[0] == 6) {
        memcpy(&m[2], machine.last_open, 2 * sizeof *m);
        m[4] = status;
    } else if (m[0] == 10) {
        m[2] = gpadl->relid_;
        m[3] = gpadl->id_;
        m[4] = status;
    } else if (m[0] == 12) {
        m[2] = gpadl->id_;
    } else if (m[0] == 15) {
        m[2] = how % 4 == 0 ? 0 : how % 16 == 1 ? 0x101 : 1;
        m[3] = 1;
        m[4] = 1;
    } else if (m[0] == 24) {
        m[3] = status;
    }
    deliver(m, lengths[which]);
}

static void hypercalls_say(void)
{
    static const uint8_t statuses[] = { 0, 0, 0x13, 0x0b, 0x12, 0x05 };

    machine.says = statuses[take8(&in) % sizeof statuses];
}

static void scribble(void)
{
    struct device *dev = device[take8(&in) % CHANS];
    uint32_t page = take8(&in) % 4, at = take8(&in) % 18 * 4, value;

    value = take32(&in);
    memcpy(dev->ring + page * PAGE + at, &value, sizeof value);
}

static void let_time_pass(void)
{
    machine.now += take16(&in) * 10000u;
    (void)poll();
}

/* ---- all together ---------------------------------------------------------
 */

static void (*const actions[])(void) = {
    start_link,     deliver_answer, open_one,      close_one,
    create_own,     destroy_own,    move_one,      traffic,
    interrupts,     unload,         deliver_bytes, deliver_answer,
    hypercalls_say, scribble,       let_time_pass, deliver_answer,
};

static void give_everything_back(void)
{
    uint32_t i;

    for (i = 0; i < CHANS; i++)
        if (device[i]->started)
            (void)vmb_chan_close_start(&device[i]->chan);
    for (i = 0; i < GPADLS; i++)
        if (own[i]->started)
            (void)vmb_gpadl_destroy_start(&own[i]->gpadl);
    (void)vmb_conn_unload_start(&link_->conn);
}

static void host_answers(void)
{
    const uint32_t unloaded[2] = { 17 };
    uint32_t torn_down[3] = { 12 };

    if (!machine_listens(&machine))
        return;
    torn_down[2] = machine_giving_up(&machine);
    if (torn_down[2])
        machine_deliver(&machine, (const uint8_t *)torn_down, 12);
    else if (machine.unloading)
        machine_deliver(&machine, (const uint8_t *)unloaded, 8);
}

/*
 * A host that behaves from now on: everything must come back, and soon.  But a
 * failed connection of version 0.13 has no way to ask for a GPADL that is up,
 * nor to hear that the host has let go of one.
 */
static void wind_up(void)
{
    uint32_t i;

    machine.says = 0;
    for (i = 0; i < 200 && link_->started; i++) {
        give_everything_back();
        machine.now += VMB_CONN_TIMEOUT / 4;
        (void)poll();
        if (link_->started)
            host_answers();
    }
    PROMISE(!link_->started ||
            (link_->conn.version_ == VMB_VERSION_0_13 &&
             link_->conn.state_ == VMB_CONN_FAILED && link_->conn.gpadls_));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t i;

    in.at = data;
    in.left = size;
    machine_start(&machine);
    new_link();
    for (i = 0; i < CHANS; i++)
        new_device(i);
    for (i = 0; i < GPADLS; i++)
        new_own(i);
    while (in.left) {
        actions[take8(&in) % (sizeof actions / sizeof *actions)]();
        collect();
    }
    wind_up();
    for (i = 0; i < CHANS; i++)
        free_device(i);
    for (i = 0; i < GPADLS; i++)
        free_own(i);
    machine_end(&machine);
    free_link();
    return 0;
}
