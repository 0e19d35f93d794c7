/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "bay.h"

static struct bay *of(struct rig *rig)
{
    return rig->own;
}

static bool on_ready(struct rig *rig, struct vmb_chan *chan)
{
    struct bay *bay = of(rig);
    uint32_t i;

    for (i = 0; i < BAY_QUEUES; i++)
        if (chan == &bay->queues[i].chan) {
            bay->flagged = true;
            return true;
        }
    return false;
}

static void make_queue(struct bay *bay, uint32_t i)
{
    struct vmb_chan_cfg *cfg = &bay->queues[i].cfg;

    cfg->tx_pages = bay->cfg.tx_pages ? bay->cfg.tx_pages : BAY_TX;
    cfg->rx_pages = BAY_RX;
    cfg->ring = rig_alloc(bay->rig, cfg->tx_pages + (size_t)cfg->rx_pages + 2);
    cfg->txns = bay->txns[i];
    cfg->txn_cap = bay->cfg.depth ? bay->cfg.depth : BAY_DEPTH;
    bay->queues[i].cmds = bay->cmds[i];
}

void bay_make(struct bay *bay, const struct bay_cfg *cfg)
{
    uint32_t i;

    memset(bay, 0, sizeof *bay);
    if (cfg)
        bay->cfg = *cfg;
    cfg = &bay->cfg;
    bay->cfg.storage.size = sizeof cfg->storage;
    if (cfg->disk.blocks == 0)
        bay->cfg.disk.blocks = 4096;
    if (cfg->queues == 0)
        bay->cfg.queues = 1;
    bay->rig = rig_make(&cfg->rig);
    bay->rig->own = bay;
    bay->rig->on_ready = on_ready;
    bay->dev = vmb_sim_storage_add(bay->rig->sim, &cfg->storage);
    assert_non_null(bay->dev);
    replay_device(bay->rig->sim, bay->dev);
    assert_int_equal(vmb_sim_storage_insert(bay->dev, 0, &cfg->disk), VMB_OK);
    for (i = 0; i < cfg->queues; i++)
        make_queue(bay, i);
    bay->page = rig_alloc(bay->rig, 1);
}

/* By interrupts the controller is polled when one came, or work is left. */
static enum vmb_status look(struct bay *bay)
{
    enum vmb_status status;

    if (bay->cfg.rig.interrupts && bay->armed && !bay->flagged)
        return vmb_storvsc_open_status(&bay->ctl);
    bay->flagged = false;
    bay->armed = false;
    status = vmb_storvsc_poll(&bay->ctl);
    if (bay->cfg.rig.interrupts && vmb_storvsc_open_status(&bay->ctl) == VMB_OK)
        bay->armed = !vmb_storvsc_arm(&bay->ctl);
    return status;
}

enum vmb_status bay_turn(struct bay *bay)
{
    rig_turn(bay->rig);
    return look(bay);
}

/* True: waited long enough. */
static bool is_over(struct bay *bay, uint32_t turns, const char *what)
{
    if (bay->cfg.patience)
        return turns > bay->cfg.patience;
    if (turns > RIG_TURNS / 8)
        rig_hang(bay->rig, what);
    return false;
}

/* A dead controller, or connection, answers nothing any more. */
static enum vmb_status try_turn(struct bay *bay)
{
    enum vmb_status status = bay_turn(bay);

    return status >= VMB_OK && bay->rig->last_poll < VMB_OK
               ? bay->rig->last_poll
               : status;
}

#define WAIT(bay, result, expression)                                      \
    do {                                                                   \
        enum vmb_status turn_ = VMB_AGAIN;                                 \
        uint32_t turns_ = 0;                                               \
                                                                           \
        while ((*(result) = (expression)) == VMB_AGAIN && turn_ >= VMB_OK) \
            turn_ = is_over(bay, turns_++, #expression) ? VMB_E_TIMEOUT    \
                                                        : try_turn(bay);   \
        if (*(result) == VMB_AGAIN)                                        \
            *(result) = turn_;                                             \
    } while (0)

enum vmb_status bay_wait(struct bay *bay, struct vmb_storvsc_req *req)
{
    enum vmb_status status;

    WAIT(bay, &status, req->status);
    return status;
}

void bay_drain(struct bay *bay)
{
    uint32_t turns = 0;

    while (bay_turn(bay) == VMB_AGAIN)
        if (is_over(bay, turns++, "all requests"))
            break;
}

static struct vmb_offer *offer_of(struct bay *bay, uint16_t subchannel)
{
    return vmb_sim_channel(bay->dev, subchannel)
               ? rig_offer(bay->rig, bay->dev, subchannel)
               : NULL;
}

/* Sub-channels, as far as they come. */
static enum vmb_status add_channels(struct bay *bay)
{
    uint32_t granted = vmb_storvsc_subchannels(&bay->ctl), i, turns;
    struct vmb_offer *offer;

    for (i = 1; i <= granted; i++)
        for (turns = 0; turns < 1000; turns++) {
            offer = offer_of(bay, (uint16_t)i);
            if (offer && vmb_storvsc_add_channel(&bay->ctl, offer) != VMB_AGAIN)
                break;
            /* It opens in polls, which no flag asks for. */
            bay->armed = false;
            bay->rig->last_poll = VMB_AGAIN;
            bay_turn(bay);
        }
    return vmb_storvsc_open_status(&bay->ctl);
}

enum vmb_status bay_try_open(struct bay *bay)
{
    struct vmb_offer *offer = offer_of(bay, 0);
    enum vmb_status status;

    if (!offer)
        return VMB_E_RESCINDED;
    bay->armed = false;
    status = vmb_storvsc_open_start(&bay->ctl, vmb_conn_bus(&bay->rig->conn),
                                    offer, bay->queues, bay->cfg.queues);
    if (status != VMB_OK)
        return status;
    bay->rig->last_poll = VMB_AGAIN;
    WAIT(bay, &status, vmb_storvsc_open_status(&bay->ctl));
    return status == VMB_OK ? add_channels(bay) : status;
}

enum vmb_status bay_try_disk(struct bay *bay, uint8_t lun)
{
    struct vmb_storvsc_addr at = { 0, 0, lun, 0 };
    enum vmb_status status;

    if (bay->cfg.storage.quirks & VMB_SIM_STORAGE_IDE)
        at = vmb_storvsc_ide_addr(bay->ctl.offer_);
    status = vmb_disk_open_start(&bay->disk, &bay->ctl, at, bay->page);
    if (status != VMB_OK)
        return status;
    WAIT(bay, &status, vmb_disk_open_status(&bay->disk));
    return status;
}

enum vmb_status bay_try_start(struct bay *bay)
{
    enum vmb_status status = rig_hv_try(bay->rig);

    if (status == VMB_OK)
        status = rig_try_connect(bay->rig);
    if (status == VMB_OK)
        status = bay_try_open(bay);
    return status == VMB_OK ? bay_try_disk(bay, 0) : status;
}

void bay_start(struct bay *bay)
{
    assert_int_equal(bay_try_start(bay), VMB_OK);
}

void bay_up(struct bay *bay, const struct bay_cfg *cfg)
{
    bay_make(bay, cfg);
    bay_start(bay);
}

enum vmb_status bay_try_close(struct bay *bay)
{
    enum vmb_status status = vmb_storvsc_close_start(&bay->ctl);

    if (status != VMB_OK)
        return status;
    RIG_WAIT(bay->rig, &status, vmb_storvsc_close_status(&bay->ctl));
    return status;
}

void bay_close(struct bay *bay)
{
    assert_int_equal(bay_try_close(bay), VMB_OK);
}

void bay_down(struct bay *bay)
{
    bay_close(bay);
    rig_down(bay->rig);
}

struct vmb_mdl bay_mdl(struct bay *bay, const void *va, size_t len,
                       uint64_t *pfns, uint32_t cap)
{
    struct vmb_mdl mdl = { 0 };

    assert_int_equal(
        vmb_mdl_from_virtual(&mdl, bay->rig->real, va, len, pfns, cap), VMB_OK);
    return mdl;
}

static enum vmb_status transfer(struct bay *bay, struct vmb_storvsc_req *req,
                                uint64_t block, uint32_t count, void *va,
                                bool write)
{
    static uint64_t pfns[8192];
    static struct vmb_mdl mdl;
    enum vmb_status status;

    mdl = bay_mdl(bay, va, (size_t)count * bay->disk.block_bytes, pfns, 8192);
    if (write)
        status = vmb_disk_write(&bay->disk, req, block, count, &mdl, 0);
    else
        status = vmb_disk_read(&bay->disk, req, block, count, &mdl, 0);
    return status == VMB_OK ? bay_wait(bay, req) : status;
}

enum vmb_status bay_read(struct bay *bay, struct vmb_storvsc_req *req,
                         uint64_t block, uint32_t count, void *va)
{
    return transfer(bay, req, block, count, va, false);
}

enum vmb_status bay_write(struct bay *bay, struct vmb_storvsc_req *req,
                          uint64_t block, uint32_t count, void *va)
{
    return transfer(bay, req, block, count, va, true);
}

bool bay_mapped(struct bay *bay, const void *va, size_t len)
{
    const uint8_t *at = va;
    size_t i;

    for (i = 0; i < len; i += VMB_PAGE_SIZE)
        if (vmb_sim_host_maps(bay->rig->sim, at + i))
            return true;
    return len && vmb_sim_host_maps(bay->rig->sim, at + len - 1);
}

void bay_fill(uint8_t *to, size_t len, uint64_t seed)
{
    size_t i;

    for (i = 0; i < len; i++)
        to[i] = vmb_sim_pattern(seed, i);
}

void bay_check(const uint8_t *from, size_t len, uint64_t seed)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (from[i] != vmb_sim_pattern(seed, i))
            fail_msg("byte %zu of %zu differs", i, len);
}

void bay_round_trip(struct bay *bay, uint64_t block, uint32_t count,
                    uint8_t *out, uint8_t *in, uint64_t seed)
{
    size_t len = (size_t)count * bay->disk.block_bytes;
    struct vmb_storvsc_req req = { 0 };

    bay_fill(out, len, seed);
    memset(in, 0, len);
    assert_int_equal(bay_write(bay, &req, block, count, out), VMB_OK);
    assert_int_equal(req.result.bytes, len);
    assert_int_equal(bay_read(bay, &req, block, count, in), VMB_OK);
    assert_int_equal(req.result.outcome, VMB_STORVSC_GOOD);
    assert_int_equal(req.result.bytes, len);
    bay_check(in, len, seed);
    assert_false(bay_mapped(bay, in, len));
}
