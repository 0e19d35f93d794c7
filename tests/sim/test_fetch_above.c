/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Above the ring, too, what a host can write is read once: each byte of the
 * receive ring, and of the page that a disk's answers come in, is inverted the
 * moment it has been read, and nothing comes out differently.
 */
#include "bay.h"
#include "client.h"
#include "host.h"

#define REGIONS 4u

static struct {
    uint8_t *at;
    size_t len;
} region[REGIONS];
static uint32_t regions;
static uint64_t inverted;

/* On another CPU, in the bus's lane: a rescind is found between the look at a
 * packet and its copy. */
static struct rig *rescinding;

static void rescind_now(void)
{
    struct rig *rig = rescinding;

    rescinding = NULL;
    rig_turn(rig);
    rig_turn(rig);
}

void vmb_host_hook_loaded(const volatile void *at, size_t len)
{
    uint8_t *byte = (uint8_t *)(uintptr_t)at;
    uint32_t i;

    for (i = 0; i < regions; i++)
        if (byte >= region[i].at && byte + len <= region[i].at + region[i].len)
            break;
    if (i == regions)
        return;
    if (rescinding) {
        rescind_now();
        return;
    }
    inverted += len;
    while (len--)
        *byte++ ^= 0xff;
}

static void forget_regions(void)
{
    regions = 0;
    inverted = 0;
}

static void watch(void *at, size_t len)
{
    assert_true(regions < REGIONS);
    region[regions].at = at;
    region[regions++].len = len;
}

/* Its receive ring without the control page, where indices are. */
static void watch_channel(const struct vmb_chan *chan)
{
    watch(chan->rx_.data_, chan->rx_.size_);
}

/* ---- Client channels ----------------------------------------------------- */

static struct client client;
static struct recorder recorder;
static uint64_t expected;

static void in_order(struct client *c, struct vmb_packet_completion *packet,
                     const void *buffer, uint32_t bytes, uint32_t flags)
{
    uint64_t number;
    uint32_t i;

    (void)c;
    assert_int_equal(flags, 0);
    memcpy(&number, buffer, sizeof number);
    assert_int_equal(number, expected);
    expected++;
    for (i = 8; i < bytes; i++)
        assert_int_equal(((const uint8_t *)buffer)[i], 0);
    assert_int_equal(
        vmb_channel_packet_complete(packet, &number, sizeof number), VMB_OK);
}

static void packets_and_answers_are_read_once(void **state)
{
    struct client *c = &client;
    struct vmb_sim_test_request echo, reply;
    struct vmb_request request = { .reply = &reply, .room = sizeof reply };
    struct vmb_packet *packet;
    uint32_t i;

    (void)state;
    forget_regions();
    client_set_up(c, NULL);
    c->on_packet = in_order;
    client_up(c);
    watch_channel(vmb_channel_chan(&c->channel));
    packet = client_packet(c);
    expected = 0;
    for (i = 0; i < 300; i++) {
        echo = client_request(VMB_SIM_ECHO, i, 0, i);
        client_send(packet, VMB_SIM_ECHO, i, 0, i,
                    VMB_SEND_WAIT_FOR_COMPLETION);
        client_until_done(c, i + 1);
        assert_int_equal(c->last_status, VMB_OK);
        assert_int_equal(c->last_bytes, sizeof echo);
        assert_memory_equal(c->last, &echo, sizeof echo);
        assert_int_equal(vmb_wait_synchronous_request(
                             &c->channel, &request, &echo, sizeof echo, NULL,
                             VMB_SEND_WAIT_FOR_COMPLETION, SECOND),
                         VMB_OK);
        assert_memory_equal(&reply, &echo, sizeof echo);
        host_sends(c->dev, i, 1, 8 + i % 50 * 8, true);
        RIG_UNTIL(c->rig, expected == i + 1);
    }
    rig_settle(c->rig);
    assert_int_equal(vmb_sim_test_completions(c->dev), 300);
    assert_true(inverted > 300 * 3 * 24);
    client_down(c);
    client_tear_down(c);
}

static void look_at_ranges(struct client *c,
                           struct vmb_packet_completion *packet,
                           const void *buffer, uint32_t bytes, uint32_t flags)
{
    uint32_t offset = 0, len = 0;
    uint16_t set = 0;

    (void)buffer;
    (void)bytes;
    assert_int_equal(flags, VMB_PROCESS_PACKET_EXTERNAL_DATA);
    assert_int_equal(vmb_channel_packet_range_count(packet), 2);
    assert_int_equal(
        vmb_channel_packet_get_range(packet, 0, &set, &offset, &len), VMB_OK);
    assert_int_equal(set, 5);
    assert_int_equal(offset, 0);
    assert_int_equal(len, 100 + expected);
    assert_int_equal(
        vmb_channel_packet_get_range(packet, 1, &set, &offset, &len), VMB_OK);
    assert_int_equal(offset, 64);
    assert_int_equal(len, 8);
    expected++;
    (void)c;
    assert_int_equal(vmb_channel_packet_complete(packet, NULL, 0), VMB_OK);
}

static void ranges_are_read_once(void **state)
{
    struct client *c = &client;
    struct vmb_sim_test_request xfer;
    struct vmb_packet *packet;
    uint32_t i;

    (void)state;
    forget_regions();
    client_set_up(c, NULL);
    c->cfg.incoming_ranges = 2;
    c->on_packet = look_at_ranges;
    client_up(c);
    watch_channel(vmb_channel_chan(&c->channel));
    packet = client_packet(c);
    expected = 0;
    for (i = 0; i < 200; i++) {
        xfer = client_request(VMB_SIM_XFER, 5, 100 + i, 0);
        xfer.offset = 64;
        assert_int_equal(vmb_packet_send(packet, &xfer, sizeof xfer, NULL, 0),
                         VMB_OK);
        RIG_UNTIL(c->rig, expected == i + 1);
    }
    assert_true(inverted > 0);
    client_down(c);
    client_tear_down(c);
}

static void pipe_headers_are_read_once(void **state)
{
    struct rig *rig = rig_make(NULL);
    struct client *c = &client;
    uint32_t packet[8] = { 1, 0, 0x64636261, 0x68676665, 0x6c6b6a69 }, i;

    (void)state;
    forget_regions();
    recorder_add(&recorder, rig, 0);
    rig_start(rig);
    client_make(c, rig, recorder.dev);
    c->cfg.pipe = true;
    client_up(c);
    watch_channel(vmb_channel_chan(&c->channel));
    for (i = 0; i < 200; i++) {
        packet[1] = i % 13;
        assert_int_equal(vmb_sim_send_inband(rig_host(c->dev), 9, packet,
                                             8 + packet[1], true),
                         VMB_OK);
        client_until_packets(c, i + 1);
        assert_int_equal(c->last_bytes, packet[1]);
        assert_memory_equal(c->last, "abcdefghijkl", packet[1]);
    }
    assert_true(inverted > 0);
    client_down(c);
    client_tear_down(c);
}

/* ---- A device that goes meanwhile ---------------------------------------- */

static void what_a_dead_channel_held_is_not_delivered(void **state)
{
    struct client *c = &client;
    struct vmb_packet *packet;
    void (*on_turn)(struct rig *);
    uint32_t i;

    (void)state;
    for (i = 0; i < 2; i++) { /* a packet, a completion */
        forget_regions();
        client_set_up(c, NULL);
        client_up(c);
        rig_settle(c->rig);
        on_turn = c->rig->on_turn;
        c->rig->on_turn = NULL;
        packet = client_packet(c);
        if (i == 0)
            host_sends(c->dev, 0, 1, 64, false);
        else
            client_send(packet, VMB_SIM_ECHO, 0, 0, 0,
                        VMB_SEND_WAIT_FOR_COMPLETION);
        (void)vmb_sim_run(c->rig->sim, 10);
        vmb_sim_rescind(c->dev);
        watch_channel(vmb_channel_chan(&c->channel));
        rescinding = c->rig;
        assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_E_RESCINDED);
        assert_null(rescinding);
        forget_regions();
        assert_int_equal(c->packets, 0);
        assert_int_equal(c->dones, 0);
        c->rig->on_turn = on_turn;
        client_until_disabled(c);
        assert_int_equal(c->dones, i);
        assert_true(i == 0 || c->last_status == VMB_E_RESCINDED);
        client_tear_down(c);
    }
}

/* ---- Storage ------------------------------------------------------------- */

static struct bay bay;

static void open_watched(void)
{
    struct vmb_sim_disk disk = { .blocks = 128,
                                 .thin = true,
                                 .attention = true };

    rig_start(bay.rig);
    assert_int_equal(vmb_sim_storage_insert(bay.dev, 1, &disk), VMB_OK);
    assert_int_equal(
        vmb_storvsc_open_start(&bay.ctl, vmb_conn_bus(&bay.rig->conn),
                               rig_offer(bay.rig, bay.dev, 0), bay.queues, 1),
        VMB_OK);
    watch_channel(&bay.queues[0].chan);
    watch(bay.page, VMB_PAGE_SIZE);
    assert_int_equal(
        vmb_wait_storvsc_open(&bay.rig->conn, &bay.ctl, 10 * SECOND), VMB_OK);
    assert_int_equal(vmb_storvsc_version(&bay.ctl), 0x600);
    assert_int_equal(vmb_storvsc_max_transfer(&bay.ctl), 0x40000);
}

static void fail_once(uint64_t arg)
{
    struct vmb_sim_storage_fault fault = { .act = VMB_SIM_STORAGE_SENSE,
                                           .arg = arg };
    struct vmb_sim_storage_counts counts;

    vmb_sim_storage_stats(bay.dev, &counts);
    fault.k = counts.packets;
    vmb_sim_storage_faults_clear(bay.dev);
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fault), VMB_OK);
}

static void what_disks_say_is_read_once(void **state)
{
    struct vmb_storvsc_req req = { 0 };
    uint32_t changes, i;
    uint8_t *out, *in;

    (void)state;
    forget_regions();
    bay_make(&bay, NULL);
    open_watched();
    assert_int_equal(bay_try_disk(&bay, 1), VMB_OK);
    assert_true(bay.disk.unmap);
    assert_int_equal(bay.disk.blocks, 128);
    assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
    assert_int_equal(bay.disk.blocks, 4096);
    assert_int_equal(bay.disk.block_bytes, 512);
    assert_string_equal(bay.disk.identity.vendor, "SIM     ");
    out = rig_alloc(bay.rig, 4);
    in = rig_alloc(bay.rig, 4);
    for (i = 0; i < 200; i++)
        bay_round_trip(&bay, i, 1 + i % 20, out, in, i);
    changes = vmb_storvsc_changes(&bay.ctl);
    for (i = 0; i < 50; i++) {
        fail_once(0x031100 + i);
        assert_int_equal(bay_read(&bay, &req, 0, 8, in), VMB_E_REFUSED);
        assert_int_equal(req.result.sense.key, 3);
        assert_int_equal(req.result.sense.asc, 0x11);
        assert_int_equal(req.result.sense.ascq, i);
        assert_int_equal(vmb_sim_storage_notice(bay.dev, 11, 64), VMB_OK);
        bay_drain(&bay);
        assert_int_equal(vmb_storvsc_changes(&bay.ctl), changes + i + 1);
    }
    assert_true(inverted > 500 * 64);
    bay_down(&bay);
}

/* The host is not blamed for a copy of which nothing came. */
static void what_a_dead_controller_held_is_no_short_packet(void **state)
{
    struct vmb_storvsc_req req;
    struct vmb_fault fault;
    struct vmb_mdl mdl;
    uint64_t pfn;
    uint32_t i;
    void *in;

    (void)state;
    for (i = 0; i < 2; i++) { /* a notice, an answer */
        forget_regions();
        bay_make(&bay, NULL);
        open_watched();
        forget_regions();
        assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
        in = rig_alloc(bay.rig, 1);
        mdl = bay_mdl(&bay, in, 512, &pfn, 1);
        memset(&req, 0, sizeof req);
        if (i == 0)
            assert_int_equal(vmb_sim_storage_notice(bay.dev, 11, 64), VMB_OK);
        else
            assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 1, &mdl, 0),
                             VMB_OK);
        (void)vmb_sim_run(bay.rig->sim, 10);
        vmb_sim_rescind(bay.dev);
        watch_channel(&bay.queues[0].chan);
        rescinding = bay.rig;
        assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_RESCINDED);
        assert_null(rescinding);
        forget_regions();
        vmb_storvsc_fault(&bay.ctl, &fault);
        assert_int_equal(fault.status, VMB_E_RESCINDED);
        assert_int_equal(fault.site, VMB_SITE_RESCIND);
        assert_int_equal(vmb_storvsc_changes(&bay.ctl), 0);
        assert_int_equal(req.status, i ? VMB_AGAIN : VMB_OK);
        bay_down(&bay);
        assert_int_equal(req.status, i ? VMB_E_RESCINDED : VMB_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_and_answers_are_read_once),
        cmocka_unit_test(ranges_are_read_once),
        cmocka_unit_test(pipe_headers_are_read_once),
        cmocka_unit_test(what_a_dead_channel_held_is_not_delivered),
        cmocka_unit_test(what_disks_say_is_read_once),
        cmocka_unit_test(what_a_dead_controller_held_is_no_short_packet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
