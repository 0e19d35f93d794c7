/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A controller's life: what may be asked when, and hosts that deny it. */
#include "bay.h"

#include <stdlib.h>

static struct bay bay;
static uint64_t pfns[512];

static void fault_next(enum vmb_sim_point at, enum vmb_sim_act act,
                       uint64_t after, uint64_t times, uint64_t arg)
{
    struct vmb_sim_fault fault = {
        .at = at, .act = act, .times = times, .arg = arg
    };

    fault.k = vmb_sim_count(bay.rig->sim, at) + after;
    assert_int_equal(vmb_sim_fault_add(bay.rig->sim, &fault), VMB_OK);
}

static void inject(enum vmb_sim_storage_act act, uint64_t arg)
{
    struct vmb_sim_storage_counts counts;
    struct vmb_sim_storage_fault fault = { .act = act, .arg = arg };

    vmb_sim_storage_stats(bay.dev, &counts);
    fault.k = counts.packets;
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fault), VMB_OK);
}

/* A connection, and nothing opened. */
static void connect_only(const struct bay_cfg *cfg)
{
    bay_make(&bay, cfg);
    rig_start(bay.rig);
}

static enum vmb_status open_start(struct vmb_offer *offer, uint32_t queues)
{
    return vmb_storvsc_open_start(&bay.ctl, vmb_conn_bus(&bay.rig->conn), offer,
                                  bay.queues, queues);
}

/* --- Opening -------------------------------------------------------------- */

/* 65536 queues would be asked for as 65535 sub-channels: one more than that
 * does not fit the host's field. */
static void too_many_queues(struct vmb_offer *offer)
{
    struct vmb_storvsc_queue *many = calloc(65536, sizeof *many);
    uint32_t i;

    assert_non_null(many);
    for (i = 0; i < 65536; i++)
        many[i] = bay.queues[0];
    assert_int_equal(vmb_storvsc_open_start(&bay.ctl,
                                            vmb_conn_bus(&bay.rig->conn), offer,
                                            many, 65536),
                     VMB_E_ARG);
    free(many);
}

static void what_cannot_be_opened_is_refused(void **state)
{
    struct bay_cfg cfg = { .storage.subchannels = 1, .queues = 2 };
    struct vmb_offer *offer;

    (void)state;
    connect_only(&cfg);
    offer = rig_offer(bay.rig, bay.dev, 0);
    assert_non_null(offer);
    assert_int_equal(open_start(offer, 0), VMB_E_ARG);
    assert_int_equal(open_start(NULL, 1), VMB_E_ARG);
    offer->subchannel = 1; /* nobody else minds: the offer itself is good */
    assert_int_equal(open_start(offer, 1), VMB_E_ARG);
    offer->subchannel = 0;
    too_many_queues(offer);
    bay.queues[1].cfg.tx_pages = 0;
    assert_int_equal(open_start(offer, 2), VMB_E_ARG);
    bay.queues[1].cfg.tx_pages = bay.queues[0].cfg.tx_pages;
    bay.queues[1].cfg.txn_cap = 0;
    assert_int_equal(open_start(offer, 2), VMB_E_ARG);
    bay.queues[1].cfg.txn_cap = BAY_DEPTH;
    bay.queues[1].cmds = NULL;
    assert_int_equal(open_start(offer, 2), VMB_E_ARG);
    bay.queues[1].cmds = bay.cmds[1];
    bay.queues[0].cfg.txns = NULL; /* the channel's to refuse */
    assert_int_equal(open_start(offer, 2), VMB_E_ARG);
    bay.queues[0].cfg.txns = bay.txns[0];
    assert_int_equal(vmb_storvsc_open_status(&bay.ctl), VMB_E_STATE);
    assert_int_equal(vmb_storvsc_close_status(&bay.ctl), VMB_OK);
    assert_int_equal(vmb_sim_open_channels(bay.rig->sim), 0);
    assert_int_equal(bay_try_open(&bay), VMB_OK);
    bay_down(&bay);
}

/* Any command may go into any ring; and past 64 MiB lengths would not fit. */
static void the_smallest_ring_bounds_commands(void **state)
{
    static const uint32_t pages[][3] = { { 1, 2, 1 },    { 2, 1, 1 },
                                         { 2, 2, 2 },    { 33, 32, 32 },
                                         { 32, 33, 32 }, { 40, 33, 32 } };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct bay_cfg cfg = { .storage.max_transfer = 1u << 30,
                               .queues = 2,
                               .tx_pages = 40 };

        bay_make(&bay, &cfg);
        bay.queues[0].cfg.tx_pages = pages[i][0];
        bay.queues[1].cfg.tx_pages = pages[i][1];
        bay_start(&bay);
        assert_int_equal(vmb_storvsc_max_transfer(&bay.ctl),
                         (pages[i][2] * 512 - 16) * 4096);
        bay_down(&bay);
    }
}

/* Until it is open nothing is taken, and nothing is said of it. */
static void before_it_is_open(void **state)
{
    struct vmb_storvsc_addr at = { 0, 0, 0, 0 };
    struct vmb_storvsc_req req = { 0 };
    struct vmb_mdl mdl;

    (void)state;
    connect_only(NULL);
    mdl = bay_mdl(&bay, bay.page, 512, pfns, 1);
    assert_int_equal(vmb_disk_open_status(&bay.disk), VMB_E_STATE);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 1, &mdl, 0),
                     VMB_E_STATE);
    assert_int_equal(vmb_storvsc_max_transfer(&bay.ctl), 0);
    assert_true(vmb_storvsc_arm(&bay.ctl)); /* nothing would wake it */
    vmb_scsi_test_unit_ready(&req.cmd);
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_STATE);
    assert_int_equal(vmb_disk_open_start(&bay.disk, &bay.ctl, at, bay.page),
                     VMB_E_STATE);
    assert_int_equal(open_start(rig_offer(bay.rig, bay.dev, 0), 1), VMB_OK);
    assert_int_equal(vmb_storvsc_open_status(&bay.ctl), VMB_AGAIN);
    assert_int_equal(vmb_storvsc_max_transfer(&bay.ctl), 0);
    assert_int_equal(vmb_storvsc_subchannels(&bay.ctl), 0);
    assert_int_equal(
        vmb_storvsc_add_channel(&bay.ctl, rig_offer(bay.rig, bay.dev, 0)),
        VMB_E_STATE);
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_STATE);
    assert_int_equal(vmb_disk_open_start(&bay.disk, &bay.ctl, at, bay.page),
                     VMB_E_STATE);
    bay_down(&bay);
}

/* A controller that its host will not open is dead, and can be closed. */
static void a_channel_refused(void **state)
{
    uint32_t answer;

    (void)state;
    for (answer = 0; answer < 2; answer++) { /* to the GPADL, to the open */
        struct vmb_fault why;

        connect_only(NULL);
        fault_next(VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_REFUSE, answer, 1,
                   0xc000009a);
        assert_int_equal(bay_try_open(&bay), VMB_E_REFUSED);
        assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_REFUSED);
        vmb_storvsc_fault(&bay.ctl, &why);
        assert_int_equal(why.status, VMB_E_REFUSED);
        assert_int_equal(why.host_code, 0xc000009a);
        bay_close(&bay);
        rig_settle(bay.rig);
        assert_int_equal(bay_try_open(&bay), VMB_OK);
        bay_down(&bay);
    }
}

/* The hypervisor takes no signal any more when the first word is said. */
static void an_introduction_that_cannot_be_sent(void **state)
{
    struct vmb_fault why;

    (void)state;
    connect_only(NULL);
    assert_int_equal(open_start(rig_offer(bay.rig, bay.dev, 0), 1), VMB_OK);
    RIG_UNTIL(bay.rig, vmb_chan_open_status(&bay.queues[0].chan) == VMB_OK);
    fault_next(VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 0, 1, 5);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_AGAIN);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_HYPERCALL);
    assert_int_equal(vmb_storvsc_open_status(&bay.ctl), VMB_E_HYPERCALL);
    vmb_storvsc_fault(&bay.ctl, &why);
    assert_int_equal(why.site, VMB_SITE_HV_HYPERCALL);
    assert_int_equal(why.host_code, 5);
    bay_down(&bay);
}

/* Refused, and right behind that nonsense: what came first is what is said. */
static void the_first_thing_wrong_is_what_is_said(void **state)
{
    struct vmb_sim_storage_fault refuse = { .act = VMB_SIM_STORAGE_REFUSE,
                                            .arg = 0xc0000001 };
    struct vmb_fault why;

    (void)state;
    connect_only(NULL);
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &refuse), VMB_OK);
    assert_int_equal(open_start(rig_offer(bay.rig, bay.dev, 0), 1), VMB_OK);
    RIG_UNTIL(bay.rig, vmb_chan_open_status(&bay.queues[0].chan) == VMB_OK);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_AGAIN);
    rig_settle(bay.rig);
    assert_int_equal(vmb_sim_storage_notice(bay.dev, 11, 8), VMB_OK);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_REFUSED);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_REFUSED);
    vmb_storvsc_fault(&bay.ctl, &why);
    assert_int_equal(why.status, VMB_E_REFUSED);
    assert_int_equal(why.host_code, 0xc0000001);
    bay_down(&bay);
}

/* --- Sub-channels --------------------------------------------------------- */

/* Open but for its sub-channels, whose offers have come. */
static void open_without_subchannels(uint32_t granted, uint32_t queues)
{
    struct bay_cfg cfg = { .storage.subchannels = 3, .queues = queues };
    enum vmb_status status;

    connect_only(&cfg);
    assert_int_equal(open_start(rig_offer(bay.rig, bay.dev, 0), queues),
                     VMB_OK);
    for (status = VMB_AGAIN; status == VMB_AGAIN;) {
        bay_turn(&bay);
        status = vmb_storvsc_open_status(&bay.ctl);
    }
    assert_int_equal(status, VMB_OK);
    assert_int_equal(vmb_storvsc_subchannels(&bay.ctl), granted);
    rig_settle(bay.rig);
}

static enum vmb_status add(uint16_t subchannel)
{
    struct vmb_offer *offer = rig_offer(bay.rig, bay.dev, subchannel);
    enum vmb_status status;
    uint32_t turns = 0;

    while ((status = vmb_storvsc_add_channel(&bay.ctl, offer)) == VMB_AGAIN) {
        assert_true(turns++ < 1000);
        bay_turn(&bay);
    }
    return status;
}

static void subchannels_that_are_not_its_own(void **state)
{
    struct vmb_sim_dev *stranger;
    struct vmb_offer other;

    (void)state;
    open_without_subchannels(1, 2);
    stranger = vmb_sim_test_add(bay.rig->sim, 9, 1);
    rig_settle(bay.rig);
    assert_int_equal(
        vmb_storvsc_add_channel(&bay.ctl, rig_offer(bay.rig, stranger, 1)),
        VMB_E_ARG);
    assert_non_null(rig_offer(bay.rig, bay.dev, 1));
    other = *rig_offer(bay.rig, bay.dev, 1);
    other.instance.b[15] ^= 1;
    assert_int_equal(vmb_storvsc_add_channel(&bay.ctl, &other), VMB_E_ARG);
    assert_int_equal(vmb_storvsc_add_channel(&bay.ctl, NULL), VMB_E_ARG);
    bay.queues[1].cfg.ring = NULL; /* the channel's to refuse */
    assert_int_equal(
        vmb_storvsc_add_channel(&bay.ctl, rig_offer(bay.rig, bay.dev, 1)),
        VMB_E_ARG);
    bay.queues[1].cfg.ring = rig_alloc(bay.rig, BAY_TX + BAY_RX + 2);
    assert_int_equal(add(1), VMB_OK);
    other = *rig_offer(bay.rig, bay.dev, 1);
    other.relid++;
    assert_int_equal(vmb_storvsc_add_channel(&bay.ctl, &other), VMB_E_NOSLOT);
    assert_int_equal(add(1), VMB_OK);
    bay_down(&bay);
}

/* It is done without, says so, and its pages are free before the others'. */
static void a_subchannel_refused(void **state)
{
    struct vmb_sim_storage_counts before, after;
    uint8_t *out, *in;

    (void)state;
    open_without_subchannels(2, 3);
    fault_next(VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_REFUSE, 1, 1, 0xc000009a);
    assert_int_equal(add(1), VMB_E_REFUSED);
    rig_settle(bay.rig);
    assert_false(rig_mapped(bay.rig, bay.queues[1].cfg.ring, 1));
    assert_int_equal(add(1), VMB_E_REFUSED);
    assert_int_equal(add(2), VMB_OK);
    assert_int_equal(vmb_storvsc_open_status(&bay.ctl), VMB_OK);
    assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
    out = rig_alloc(bay.rig, 1);
    in = rig_alloc(bay.rig, 1);
    vmb_sim_storage_stats(bay.dev, &before);
    bay_round_trip(&bay, 3, 8, out, in, 4);
    bay_round_trip(&bay, 3, 8, out, in, 5);
    vmb_sim_storage_stats(bay.dev, &after);
    assert_int_equal(after.by_channel[0] - before.by_channel[0], 2);
    assert_int_equal(after.by_channel[1] - before.by_channel[1], 0);
    assert_int_equal(after.by_channel[2] - before.by_channel[2], 2);
    /* The one that is done without keeps nobody awake. */
    rig_settle(bay.rig);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_OK);
    assert_false(vmb_storvsc_arm(&bay.ctl));
    bay_down(&bay);
}

/* --- From callbacks and from other CPUs ----------------------------------- */

static enum vmb_status inside[4];

static void ask_everything(struct vmb_storvsc_req *req)
{
    (void)req;
    inside[0] = vmb_storvsc_poll(&bay.ctl);
    inside[1] = vmb_storvsc_close_start(&bay.ctl);
    inside[2] = vmb_storvsc_close_status(&bay.ctl);
}

static void a_routine_may_not_poll_or_close(void **state)
{
    struct vmb_storvsc_req req = { .done = ask_everything };
    uint32_t i;

    (void)state;
    bay_up(&bay, NULL);
    assert_int_equal(bay_read(&bay, &req, 0, 1, bay.page), VMB_OK);
    for (i = 0; i < 3; i++)
        assert_int_equal(inside[i], VMB_E_STATE);
    assert_int_equal(bay_read(&bay, &req, 0, 1, bay.page), VMB_OK);
    /* Nor when closing hands it back. */
    inject(VMB_SIM_STORAGE_MUTE, 0);
    assert_int_equal(vmb_disk_flush(&bay.disk, &req), VMB_OK);
    memset(inside, 0, sizeof inside);
    bay_close(&bay);
    for (i = 0; i < 3; i++)
        assert_int_equal(inside[i], VMB_E_STATE);
    assert_int_equal(req.status, VMB_E_STATE);
    bay_down(&bay);
}

static uint32_t again_left, again_refused;
static struct vmb_mdl again_mdl;

static void read_again(struct vmb_storvsc_req *req)
{
    assert_int_equal(req->status, VMB_OK);
    if (again_left == 0)
        return;
    again_left--;
    assert_int_equal(
        vmb_disk_read(&bay.disk, req, again_left, 1, &again_mdl, 0), VMB_OK);
    again_refused += vmb_storvsc_poll(&bay.ctl) == VMB_E_STATE;
    again_refused +=
        vmb_disk_write(&bay.disk, req, 0, 1, &again_mdl, 0) == VMB_E_STATE;
    again_refused +=
        vmb_disk_read(&bay.disk, req, 0, 1, &again_mdl, 0) == VMB_E_STATE;
}

/* What a routine asks for goes out when the poll that called it ends. */
static void a_routine_may_ask_for_more(void **state)
{
    struct vmb_sim_storage_counts before, after;
    struct vmb_storvsc_req req = { .done = read_again };

    (void)state;
    bay_up(&bay, NULL);
    again_left = 20;
    again_refused = 0;
    again_mdl = bay_mdl(&bay, bay.page, 512, pfns, 1);
    vmb_sim_storage_stats(bay.dev, &before);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 1, &again_mdl, 0),
                     VMB_OK);
    bay_drain(&bay);
    vmb_sim_storage_stats(bay.dev, &after);
    assert_int_equal(after.reads - before.reads, 21);
    assert_int_equal(again_refused, 60);
    bay_down(&bay);
}

static void close_from_another_cpu(void *ctx, const struct vmb_trace *event)
{
    (void)ctx;
    if (event->event != VMB_EVENT_POST || inside[0] != VMB_OK)
        return;
    inside[0] = vmb_storvsc_close_start(&bay.ctl);
    inside[1] = vmb_wait_storvsc_close(&bay.rig->conn, &bay.ctl);
}

static void a_second_caller_of_the_bus_closes_nothing(void **state)
{
    struct bay_cfg cfg = { .storage.subchannels = 1, .queues = 2 };
    struct vmb_sim_dev *other;
    struct link link = { 0 };
    uint8_t *out, *in;

    (void)state;
    bay_make(&bay, &cfg);
    other = rig_device(bay.rig);
    bay_start(&bay);
    inside[0] = VMB_OK;
    bay.rig->plat.trace = close_from_another_cpu;
    rig_open(bay.rig, &link, other);
    bay.rig->plat.trace = NULL;
    assert_int_equal(inside[0], VMB_E_LANE);
    assert_int_equal(inside[1], VMB_E_STATE); /* nobody has asked */
    assert_int_equal(vmb_storvsc_open_status(&bay.ctl), VMB_OK);
    out = rig_alloc(bay.rig, 1);
    in = rig_alloc(bay.rig, 1);
    bay_round_trip(&bay, 3, 8, out, in, 6);
    rig_close(bay.rig, &link);
    bay_down(&bay);
}

/* --- What comes in -------------------------------------------------------- */

static void only_answers_and_notices_are_sent(void **state)
{
    struct vmb_sim_xfer range = { 64, 0 };
    struct vmb_sim_out out = {
        .type = 7, .data = "", .ranges = &range, .range_count = 1
    };
    struct vmb_fault why;

    (void)state;
    bay_up(&bay, NULL);
    assert_int_equal(vmb_sim_send(rig_host(bay.dev), &out), VMB_OK);
    RIG_UNTIL(bay.rig, bay_turn(&bay) < VMB_OK);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_HOST);
    vmb_storvsc_fault(&bay.ctl, &why);
    assert_int_equal(why.site, VMB_SITE_STORVSC_OPERATION);
    assert_int_equal(why.got, VMB_XFER_PAGES);
    assert_int_equal(why.limit, VMB_COMPLETION);
    bay_down(&bay);
}

/* Where the guest has given the ring back up to. */
static uint32_t released(void)
{
    uint32_t out;

    assert_int_equal(vmb_sim_ring_get(rig_host(bay.dev), VMB_SIM_TO_GUEST,
                                      VMB_SIM_OUT, &out),
                     VMB_OK);
    return out;
}

/* A host that talks without end does not keep a poll for ever; what a poll has
 * taken it gives back. */
static void one_poll_takes_so_many(void **state)
{
    uint32_t changes, before, i;

    (void)state;
    bay_up(&bay, NULL);
    before = released();
    changes = vmb_storvsc_changes(&bay.ctl);
    for (i = 0; i < 60; i++)
        assert_int_equal(vmb_sim_storage_notice(bay.dev, 11, 64), VMB_OK);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_OK);
    assert_int_equal(vmb_storvsc_changes(&bay.ctl), changes + BAY_DEPTH + 8);
    assert_int_not_equal(released(), before);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_OK);
    assert_int_equal(vmb_storvsc_changes(&bay.ctl),
                     changes + 2 * (BAY_DEPTH + 8));
    assert_true(vmb_storvsc_arm(&bay.ctl));
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_OK);
    assert_int_equal(vmb_storvsc_changes(&bay.ctl), changes + 60);
    assert_false(vmb_storvsc_arm(&bay.ctl));
    bay_down(&bay);
}

/* --- Closing -------------------------------------------------------------- */

/* The host does not say that it has let go: nothing is handed back, the pages
 * stay, and the close can be asked for again. */
static void a_close_that_is_not_answered(void **state)
{
    struct bay_cfg cfg = { .storage.subchannels = 1, .queues = 2 };
    struct vmb_storvsc_req req = { 0 };

    (void)state;
    bay_up(&bay, &cfg);
    inject(VMB_SIM_STORAGE_MUTE, 0);
    assert_int_equal(vmb_disk_flush(&bay.disk, &req), VMB_OK);
    rig_settle(bay.rig);
    fault_next(VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_LOSE, 0, 2, 0);
    assert_int_equal(bay_try_close(&bay), VMB_E_TIMEOUT);
    assert_int_equal(req.status, VMB_AGAIN);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_STATE);
    assert_int_equal(open_start(rig_offer(bay.rig, bay.dev, 0), 1),
                     VMB_E_STATE);
    assert_int_equal(vmb_wait_storvsc_close(&bay.rig->conn, &bay.ctl),
                     VMB_E_TIMEOUT);
    assert_int_equal(req.status, VMB_AGAIN);
    rig_unload(bay.rig);
    assert_int_equal(bay_try_close(&bay), VMB_OK);
    assert_int_equal(req.status, VMB_E_STATE);
    rig_down(bay.rig);
}

/* One of two channels cannot be closed while the other's host is still about
 * it: both are waited for. */
static void a_close_that_fails_in_part(void **state)
{
    struct bay_cfg cfg = { .storage.subchannels = 1,
                           .queues = 2,
                           .rig.sim.quirks = VMB_SIM_LAZY };
    enum vmb_status status;

    (void)state;
    bay_up(&bay, &cfg);
    rig_settle(bay.rig);
    fault_next(VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 2, 1, 5);
    assert_int_equal(vmb_storvsc_close_start(&bay.ctl), VMB_OK);
    assert_int_equal(vmb_conn_poll(&bay.rig->conn), VMB_AGAIN);
    assert_int_equal(vmb_chan_close_status(&bay.queues[0].chan),
                     VMB_E_HYPERCALL);
    assert_int_equal(vmb_storvsc_close_status(&bay.ctl), VMB_AGAIN);
    RIG_WAIT(bay.rig, &status, vmb_storvsc_close_status(&bay.ctl));
    assert_int_equal(status, VMB_E_HYPERCALL);
    assert_int_equal(vmb_chan_close_status(&bay.queues[1].chan), VMB_OK);
    bay_down(&bay);
}

/* --- IDE ------------------------------------------------------------------ */

/* Offers that say nothing are named by their instance. */
static void where_an_ide_disk_is(void **state)
{
    struct vmb_offer offer = { .instance = { { 1, 9, 9, 9, 2, 9 } } };
    struct vmb_storvsc_addr at;

    (void)state;
    at = vmb_storvsc_ide_addr(&offer);
    assert_int_equal(at.path, 1);
    assert_int_equal(at.target, 2);
    assert_int_equal(at.lun, 0);
    offer.user[2] = 3; /* path, target; flags follow */
    offer.user[3] = 4;
    offer.user[8] = 2;
    at = vmb_storvsc_ide_addr(&offer);
    assert_int_equal(at.path, 3);
    assert_int_equal(at.target, 4);
    offer.user[8] = 0xfd; /* every flag but that one */
    at = vmb_storvsc_ide_addr(&offer);
    assert_int_equal(at.path, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_opened_is_refused),
        cmocka_unit_test(the_smallest_ring_bounds_commands),
        cmocka_unit_test(before_it_is_open),
        cmocka_unit_test(a_channel_refused),
        cmocka_unit_test(an_introduction_that_cannot_be_sent),
        cmocka_unit_test(the_first_thing_wrong_is_what_is_said),
        cmocka_unit_test(subchannels_that_are_not_its_own),
        cmocka_unit_test(a_subchannel_refused),
        cmocka_unit_test(a_routine_may_not_poll_or_close),
        cmocka_unit_test(a_routine_may_ask_for_more),
        cmocka_unit_test(a_second_caller_of_the_bus_closes_nothing),
        cmocka_unit_test(only_answers_and_notices_are_sent),
        cmocka_unit_test(one_poll_takes_so_many),
        cmocka_unit_test(a_close_that_is_not_answered),
        cmocka_unit_test(a_close_that_fails_in_part),
        cmocka_unit_test(where_an_ide_disk_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
