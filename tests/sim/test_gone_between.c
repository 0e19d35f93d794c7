/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A device goes while its channel is in use, as on two processors: the bus
 * takes the rescind between two accesses to the rings, after each of them in
 * turn.  Whatever the channel was at, the device is gone, not broken: no packet
 * is called too short, no answer wrong, and nothing is lost or handed back
 * twice.
 */
#include "accesses.h"
#include "bay.h"
#include "client.h"

#define TURNS 400u

struct going {
    struct rig *rig;
    struct vmb_sim_dev *dev;
};

static struct going going;

static void go(void *ctx)
{
    struct going *g = ctx;
    void (*on_turn)(struct rig *) = g->rig->on_turn;

    vmb_sim_rescind(g->dev);
    g->rig->on_turn = NULL;
    rig_turn(g->rig);
    rig_turn(g->rig);
    g->rig->on_turn = on_turn;
}

static void goes_after(uint32_t k, struct rig *rig, struct vmb_sim_dev *dev,
                       const struct vmb_chan *chan)
{
    going = (struct going){ rig, dev };
    access_plan(chan, k, go, &going);
}

static void is_no_lie(const struct vmb_fault *fault)
{
    rig_is_gone(fault->status);
    assert_int_equal(fault->site, fault->status == VMB_E_RESCINDED
                                      ? VMB_SITE_RESCIND
                                      : VMB_SITE_HV_HYPERCALL);
}

/* ---- A channel ----------------------------------------------------------- */

static struct link link;

/* What came: completions, and ranges of transfer pages. */
static uint32_t answers, ranges;

/* A receiver's whole round.  False: the channel is dead. */
static bool receive(struct vmb_chan *chan)
{
    uint64_t payload[64];
    enum vmb_status status;
    struct vmb_rx rx;
    uint32_t offset, len;

    while ((status = vmb_chan_recv(chan, &rx)) == VMB_OK) {
        answers += rx.kind == VMB_COMPLETION;
        if (vmb_rx_copy(chan, &rx, 0, payload, sizeof payload) != rx.len)
            rig_is_gone(vmb_chan_release(chan));
        if (rx.kind != VMB_XFER_PAGES)
            continue;
        status = vmb_rx_range(chan, &rx, 0, &offset, &len);
        if (status != VMB_OK)
            rig_is_gone(status);
        ranges += status == VMB_OK;
    }
    if (status == VMB_AGAIN)
        status = vmb_chan_release(chan);
    if (status == VMB_OK && !vmb_chan_arm(chan))
        return true;
    if (status != VMB_OK)
        rig_is_gone(status);
    return status == VMB_OK;
}

/* False: the channel is dead. */
static bool transmit(struct vmb_chan *chan, uint32_t n)
{
    struct vmb_sim_test_request request = { .seed = n };
    struct vmb_iov iov = { &request, sizeof request };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    enum vmb_status status;

    request.op = n % 4 ? VMB_SIM_ECHO : VMB_SIM_XFER;
    request.count = 1;
    request.bytes = n % 4 ? 0 : 8;
    out.want_reply = n % 4 != 0;
    status = n % 2 ? vmb_chan_send(chan, &out) : vmb_chan_stage(chan, &out);
    if (status == VMB_OK && n % 2 == 0)
        status = vmb_chan_flush(chan);
    if (status < VMB_OK && status != VMB_E_NOSLOT)
        rig_is_gone(status);
    return status >= VMB_OK || status == VMB_E_NOSLOT;
}

static bool channel_loses_it(uint32_t k)
{
    struct rig *rig = rig_make(NULL);
    struct vmb_sim_dev *dev = rig_device(rig);
    struct vmb_fault fault;
    uint32_t n;
    bool gone;

    answers = ranges = 0;
    memset(&link, 0, sizeof link);
    rig_start(rig);
    rig_open(rig, &link, dev);
    goes_after(k, rig, dev, &link.chan);
    for (n = 0; n < 24; n++) {
        if (!transmit(&link.chan, n))
            break;
        if (n % 3 == 0)
            (void)vmb_sim_run(rig->sim, 100);
        if (!receive(&link.chan))
            break;
    }
    gone = access_came();
    vmb_chan_fault(&link.chan, &fault);
    if (gone) {
        is_no_lie(&fault);
        rig_is_gone(vmb_chan_release(&link.chan));
    } else {
        assert_int_equal(n, 24);
        assert_int_equal(fault.status, VMB_OK);
        assert_int_equal(answers, 18);
        assert_int_equal(ranges, 6);
    }
    rig_close(rig, &link);
    rig_down(rig);
    return gone;
}

static void a_channel_is_gone_and_not_broken(void **state)
{
    (void)state;
    access_each(channel_loses_it, 200);
}

/* ---- A client's channel -------------------------------------------------- */

#define PACKETS 4u

static struct client client;

static void is_whole(struct client *c, struct vmb_packet_completion *packet,
                     const void *buffer, uint32_t bytes, uint32_t flags)
{
    uint64_t number;

    assert_int_equal(flags, 0);
    assert_int_equal(bytes, 64);
    memcpy(&number, buffer, sizeof number);
    assert_int_equal(number, c->packets - 1);
    assert_int_equal(
        vmb_channel_packet_complete(packet, &number, sizeof number), VMB_OK);
}

static void is_whole_or_gone(struct client *c, enum client_event event)
{
    if (event == DONE)
        assert_int_equal(c->last_bytes, sizeof(struct vmb_sim_test_request));
    if (event == UNDONE)
        rig_is_gone(c->last_status);
}

/* By hand, so that nothing is between process() and its answer. */
static enum vmb_status use(struct client *c)
{
    struct vmb_sim_test_request echo = client_request(VMB_SIM_ECHO, 0, 0, 1);
    enum vmb_status status = VMB_OK;
    struct vmb_packet *packet[PACKETS];
    uint32_t i, turns;

    for (i = 0; i < PACKETS; i++)
        packet[i] = client_packet(c);
    host_sends(c->dev, 0, PACKETS, 64, true);
    for (i = 0; i < PACKETS && status >= VMB_OK; i++)
        status = vmb_packet_send(packet[i], &echo, sizeof echo, NULL,
                                 VMB_SEND_WAIT_FOR_COMPLETION);
    for (turns = 0; turns < 20 && status >= VMB_OK; turns++) {
        (void)vmb_sim_run(c->rig->sim, 10);
        status = vmb_channel_process(&c->channel, 3);
    }
    return status;
}

static bool client_loses_it(uint32_t k)
{
    struct client *c = &client;
    void (*on_turn)(struct rig *);
    struct vmb_fault fault;
    enum vmb_status status;
    bool gone;

    client_set_up(c, NULL);
    c->on_packet = is_whole;
    c->on = is_whole_or_gone;
    client_up(c);
    rig_settle(c->rig);
    on_turn = c->rig->on_turn;
    c->rig->on_turn = NULL;
    goes_after(k, c->rig, c->dev, vmb_channel_chan(&c->channel));
    status = use(c);
    gone = access_came();
    c->rig->on_turn = on_turn;
    if (gone) {
        if (status >= VMB_OK) /* it went at the last look */
            status = vmb_channel_process(&c->channel, 3);
        rig_is_gone(status);
        vmb_channel_fault(&c->channel, &fault);
        is_no_lie(&fault);
        client_until_disabled(c);
    } else {
        assert_int_equal(status, VMB_OK);
        assert_int_equal(c->packets, PACKETS);
        assert_int_equal(c->dones, PACKETS);
        client_down(c);
    }
    client_has_all(&c->channel, 0);
    client_tear_down(c);
    return gone;
}

static void a_client_loses_its_device_and_no_packet(void **state)
{
    (void)state;
    access_each(client_loses_it, 80);
}

/* ---- Storage ------------------------------------------------------------- */

#define REQUESTS 24u

static struct bay bay;
static struct vmb_storvsc_req reqs[REQUESTS];
static struct vmb_mdl mdls[REQUESTS];
static uint64_t pfns[REQUESTS];
static uint32_t returned;

static void came_back(struct vmb_storvsc_req *req)
{
    returned++;
    if (req->status != VMB_OK)
        rig_is_gone(req->status);
    else
        assert_int_equal(req->result.bytes, 512);
}

static enum vmb_status begin(uint32_t i)
{
    memset(&reqs[i], 0, sizeof reqs[i]);
    reqs[i].done = came_back;
    mdls[i] = bay_mdl(&bay, rig_alloc(bay.rig, 1), 512, &pfns[i], 1);
    return i % 2 ? vmb_disk_read(&bay.disk, &reqs[i], i, 1, &mdls[i], 0)
                 : vmb_disk_write(&bay.disk, &reqs[i], i, 1, &mdls[i], 0);
}

/* Until all are back, or the controller is dead: what it said last. */
static enum vmb_status transfer(uint32_t *begun)
{
    enum vmb_status status = VMB_OK;
    uint32_t turns;

    for (*begun = 0; *begun < REQUESTS && status == VMB_OK; *begun += 1) {
        status = begin(*begun);
        if (status != VMB_OK)
            return status;
    }
    for (turns = 0; turns < TURNS && status >= VMB_OK; turns++) {
        (void)vmb_sim_run(bay.rig->sim, 10);
        status = vmb_storvsc_poll(&bay.ctl);
        if (status == VMB_OK && !vmb_storvsc_arm(&bay.ctl))
            break;
    }
    return status;
}

/* How many queues it has; it goes amid the traffic of the last. */
static uint32_t queues;

static bool controller_loses_it(uint32_t k)
{
    struct bay_cfg cfg = { .depth = 3, .tx_pages = 1, .queues = queues };
    enum vmb_status status;
    struct vmb_fault fault;
    uint32_t begun;
    bool gone;

    cfg.storage.subchannels = (uint16_t)(queues - 1);
    bay_up(&bay, &cfg);
    assert_int_equal(bay.queues[queues - 1].status_, VMB_OK);
    returned = 0;
    assert_int_equal(vmb_sim_storage_notice(bay.dev, 11, 64), VMB_OK);
    goes_after(k, bay.rig, bay.dev, &bay.queues[queues - 1].chan);
    status = transfer(&begun);
    gone = access_came();
    if (gone && status >= VMB_OK) /* it went at the last look */
        status = vmb_storvsc_poll(&bay.ctl);
    vmb_storvsc_fault(&bay.ctl, &fault);
    if (gone) {
        rig_is_gone(status);
        is_no_lie(&fault);
    } else {
        assert_int_equal(status, VMB_OK);
        assert_int_equal(returned, REQUESTS);
        assert_int_equal(vmb_storvsc_changes(&bay.ctl), 1);
    }
    bay_down(&bay);
    assert_int_equal(returned, begun);
    return gone;
}

static void a_controller_gives_back_what_it_has(void **state)
{
    (void)state;
    for (queues = 1; queues <= 2; queues++)
        access_each(controller_loses_it, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_is_gone_and_not_broken),
        cmocka_unit_test(a_client_loses_its_device_and_no_packet),
        cmocka_unit_test(a_controller_gives_back_what_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
