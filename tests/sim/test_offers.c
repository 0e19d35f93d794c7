/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What is offered, how much of it at once, and lives after an unload. */
#include "harness.h"

#include <stdlib.h>

static void an_offer_arrives_whole(void **state)
{
    struct rig *rig = rig_make(NULL);
    struct vmb_sim_device is = { .type = { 1, 2, 3, 4, 5, 6, 7, 8, 9 },
                                 .instance = { 9, 8, 7, 6, 5, 4, 3, 2, 1 },
                                 .flags = VMB_OFFER_FLAG_PIPE,
                                 .mmio_mb = 128 };
    const struct vmb_offer *offer;
    struct vmb_sim_dev *dev;
    struct vmb_guid type;
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof is.user; i++)
        is.user[i] = (uint8_t)(i * 7);
    dev = vmb_sim_device_add(rig->sim, &is);
    rig_start(rig);
    offer = vmb_conn_offer(&rig->conn, 0);
    assert_non_null(offer);
    assert_memory_equal(offer->type.b, is.type, 16);
    assert_memory_equal(offer->instance.b, is.instance, 16);
    assert_memory_equal(offer->user, is.user, sizeof is.user);
    assert_int_equal(offer->flags, VMB_OFFER_FLAG_PIPE);
    assert_int_equal(offer->mmio_mebibytes, 128);
    assert_int_equal(offer->subchannel, 0);
    assert_int_equal(offer->relid, vmb_sim_relid(rig_host(dev)));
    assert_int_equal(offer->connection_id, 0x2000 | offer->relid);
    assert_true(offer->dedicated);
    assert_false(offer->monitored);
    memcpy(type.b, is.type, sizeof type.b);
    assert_ptr_equal(vmb_conn_find(&rig->conn, &type, NULL, 0), offer);
    assert_null(vmb_conn_find(&rig->conn, &type, &type, 0));
    assert_null(vmb_conn_find(&rig->conn, &type, NULL, 1));
    assert_null(vmb_conn_offer(&rig->conn, 1));
    rig_down(rig);
}

static void names_are_known(void **state)
{
    static const struct vmb_guid scsi =
        VMB_GUID(0xba6163d9, 0x04a1, 0x4d29, 0xb6, 0x05, 0x72, 0xe2, 0xff, 0xb1,
                 0xdc, 0x7f);
    static const struct vmb_guid nobody = { { 0 } };

    (void)state;
    assert_non_null(vmb_offer_name(&scsi));
    assert_null(vmb_offer_name(&nobody));
}

static void sub_channels_carry_their_index(bool interrupts, bool signals)
{
    struct rig *rig = rig_make(&(struct rig_cfg){
        .interrupts = interrupts,
        .sim.features = signals ? VMB_CONN_FEATURE_SIGNAL_PARAMETERS : 0,
        .conn.features = signals ? VMB_CONN_FEATURE_SIGNAL_PARAMETERS : 0 });
    struct vmb_sim_dev *dev = vmb_sim_test_add(rig->sim, 1, 3);
    struct link link[6] = { { .flagged = false } };
    uint16_t i;

    rig_start(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER], 4);
    for (i = 0; i <= 3; i++) {
        assert_int_equal(rig_offer(rig, dev, i)->subchannel, i);
        assert_int_equal(rig_try_open(rig, &link[i], rig_offer(rig, dev, i)),
                         VMB_OK);
    }
    /* Two more, later, as a device does when asked. */
    assert_int_equal(vmb_sim_offer_subchannels(dev, 5), VMB_OK);
    rig_settle(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER], 6);
    for (i = 4; i <= 5; i++)
        assert_int_equal(rig_try_open(rig, &link[i], rig_offer(rig, dev, i)),
                         VMB_OK);
    for (i = 0; i <= 5; i++)
        rig_echo(rig, &link[i], 3);
    /* Sub-channels do not outlive their primary. */
    rig_close(rig, &link[0]);
    rig_settle(rig);
    assert_int_equal(rig->events[VMB_CONN_RESCIND], 5);
    for (i = 1; i <= 5; i++) {
        assert_int_equal(rig_try_echo(rig, &link[i], 1), VMB_E_RESCINDED);
        rig_close(rig, &link[i]);
    }
    rig_settle(rig);
    assert_int_equal(vmb_sim_unreleased(rig->sim), 0);
    rig_down(rig);
}

static void sub_channels_come_and_go(void **state)
{
    (void)state;
    sub_channels_carry_their_index(false, false);
    sub_channels_carry_their_index(true, false);
    sub_channels_carry_their_index(true, true);
}

static void devices_are_added_at_any_time(void **state)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = true });
    struct link a = { .flagged = false }, b = { .flagged = false };
    struct vmb_sim_dev *first = rig_device(rig), *later;

    (void)state;
    rig_start(rig);
    rig_open(rig, &a, first);
    later = rig_device(rig);
    rig_settle(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER], 2);
    assert_int_equal(rig->events[VMB_CONN_ALL_OFFERS], 1);
    rig_open(rig, &b, later);
    rig_echo(rig, &a, 3);
    rig_echo(rig, &b, 3);
    rig_close(rig, &a);
    rig_close(rig, &b);
    rig_down(rig);
}

/* A driver that opens its device the moment it hears of it. */
static struct link at_once[4];

static void open_at_once(struct rig *rig, enum vmb_conn_event event,
                         struct vmb_offer *offer)
{
    if (event == VMB_CONN_OFFER)
        assert_int_equal(rig_open_start(rig, &at_once[offer->relid - 1], offer),
                         VMB_OK);
    if (event == VMB_CONN_RESCIND)
        assert_int_equal(vmb_chan_close_start(&at_once[offer->relid - 1].chan),
                         VMB_OK);
}

static void channels_are_opened_from_the_callback(void **state)
{
    struct vmb_sim_dev *dev[4];
    struct rig *rig;
    uint32_t i, mode;

    (void)state;
    for (mode = 0; mode < 2; mode++) {
        rig = rig_make(&(struct rig_cfg){ .interrupts = mode });
        memset(at_once, 0, sizeof at_once);
        for (i = 0; i < 3; i++)
            dev[i] = rig_device(rig);
        rig->on_event = open_at_once;
        rig_start(rig);
        dev[3] = rig_device(rig); /* and one that comes later */
        rig_settle(rig);
        for (i = 0; i < 4; i++) {
            assert_int_equal(vmb_chan_open_status(&at_once[i].chan), VMB_OK);
            rig_echo(rig, &at_once[i], 3);
        }
        for (i = 0; i < 4; i++)
            vmb_sim_rescind(dev[i]);
        rig_settle(rig);
        for (i = 0; i < 4; i++)
            assert_int_equal(vmb_chan_close_status(&at_once[i].chan), VMB_OK);
        assert_int_equal(vmb_sim_unreleased(rig->sim), 0);
        rig_down(rig);
    }
}

static void a_full_table_tells_what_is_lost(void **state)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .offer_cap = 3 });
    struct vmb_sim_dev *dev[5];
    struct link link = { .flagged = false };
    struct vmb_fault fault;
    uint32_t i;

    (void)state;
    for (i = 0; i < 5; i++)
        dev[i] = rig_device(rig);
    rig_start(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER], 3);
    assert_int_equal(rig->events[VMB_CONN_OFFER_LOST], 2);
    assert_int_equal(rig->lost_relid, vmb_sim_relid(rig_host(dev[4])));
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.status, VMB_E_NOSLOT);
    assert_int_equal(fault.site, VMB_SITE_OFFER_TABLE);
    assert_int_equal(fault.got, vmb_sim_relid(rig_host(dev[3])));
    assert_int_equal(fault.limit, 3);
    /* A place that is given up is used again. */
    vmb_sim_rescind(dev[1]);
    rig_settle(rig);
    assert_int_equal(rig->events[VMB_CONN_RESCIND], 1);
    vmb_sim_reoffer(dev[1]);
    rig_settle(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER], 4);
    rig_open(rig, &link, dev[1]);
    rig_echo(rig, &link, 2);
    rig_close(rig, &link);
    rig_down(rig);
}

/* The host waits for its number back, whether we had room for it or not. */
static void a_lost_offer_is_released_too(void **state)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .offer_cap = 1 });
    struct vmb_sim_dev *kept = rig_device(rig), *lost = rig_device(rig);

    (void)state;
    rig_start(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER_LOST], 1);
    vmb_sim_rescind(lost);
    rig_settle(rig);
    assert_int_equal(vmb_sim_unreleased(rig->sim), 0);
    vmb_sim_rescind(kept);
    rig_settle(rig);
    vmb_sim_reoffer(lost);
    rig_settle(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER], 2);
    rig_down(rig);
}

static void a_table_of_none_is_allowed(void **state)
{
    struct rig *rig = rig_make(NULL);

    (void)state;
    rig_device(rig);
    rig->cfg.conn.offers = NULL;
    rig->cfg.conn.offer_cap = 0;
    rig_start(rig);
    assert_int_equal(rig->events[VMB_CONN_OFFER_LOST], 1);
    rig_down(rig);
}

/* --- Bursts --------------------------------------------------------------- */

/* More than the slot, the queue and one poll can hold. */
static void hundreds_of_offers_come_at_once(bool interrupts, uint32_t quirks)
{
    struct rig *rig = rig_make(&(struct rig_cfg){
        .interrupts = interrupts, .sim.quirks = quirks, .offer_cap = 300 });
    uint32_t i, before, most = 0;

    for (i = 0; i < 250; i++)
        rig_device(rig);
    rig_hv_start(rig);
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_OK);
    rig->last_poll = VMB_AGAIN;
    while (vmb_conn_status(&rig->conn) == VMB_AGAIN) {
        before = rig->events[VMB_CONN_OFFER];
        rig_turn(rig);
        if (rig->events[VMB_CONN_OFFER] - before > most)
            most = rig->events[VMB_CONN_OFFER] - before;
    }
    assert_int_equal(vmb_conn_status(&rig->conn), VMB_OK);
    assert_int_equal(rig->events[VMB_CONN_OFFER], 250);
    assert_int_equal(vmb_conn_fault_count(&rig->conn), 0);
    assert_in_range(most, 1, VMB_CONN_BUDGET);
    rig_down(rig);
}

static void bursts_of_messages_are_taken_in_portions(void **state)
{
    (void)state;
    hundreds_of_offers_come_at_once(false, 0);
    hundreds_of_offers_come_at_once(true, 0);
    hundreds_of_offers_come_at_once(false, VMB_SIM_LAZY);
    hundreds_of_offers_come_at_once(true, VMB_SIM_LAZY);
    hundreds_of_offers_come_at_once(false, VMB_SIM_QEMU);
}

/* More requests than the host's queue takes, and than one poll posts. */
static void many_open_at_once(uint32_t depth, bool interrupts)
{
    struct rig *rig = rig_make(&(struct rig_cfg){
        .sim = { .quirks = VMB_SIM_LAZY, .post_depth = depth },
        .interrupts = interrupts });
    struct link *link = calloc(40, sizeof *link);
    struct vmb_sim_dev *dev[40];
    uint64_t before;
    uint32_t i;

    assert_non_null(link);
    for (i = 0; i < 40; i++)
        dev[i] = rig_device(rig);
    rig_start(rig);
    for (i = 0; i < 40; i++)
        assert_int_equal(
            rig_open_start(rig, &link[i], rig_offer(rig, dev[i], 0)), VMB_OK);
    before = vmb_sim_count(rig->sim, VMB_SIM_AT_GUEST_MESSAGE);
    assert_int_equal(vmb_conn_poll(&rig->conn), VMB_AGAIN);
    assert_int_equal(vmb_sim_count(rig->sim, VMB_SIM_AT_GUEST_MESSAGE) - before,
                     depth < VMB_CONN_BUDGET ? depth : VMB_CONN_BUDGET);
    rig_settle(rig);
    for (i = 0; i < 40; i++) {
        assert_int_equal(vmb_chan_open_status(&link[i].chan), VMB_OK);
        rig_echo(rig, &link[i], 2);
    }
    for (i = 0; i < 40; i++)
        assert_int_equal(vmb_chan_close_start(&link[i].chan), VMB_OK);
    rig_settle(rig);
    for (i = 0; i < 40; i++)
        assert_int_equal(vmb_chan_close_status(&link[i].chan), VMB_OK);
    rig_down(rig);
    free(link);
}

static void bursts_of_requests_are_posted_in_portions(void **state)
{
    (void)state;
    many_open_at_once(1, false);
    many_open_at_once(16, false);
    many_open_at_once(16, true);
    many_open_at_once(1000, false);
}

/* The last event flags and connection ids there are. */
static void the_highest_relids_work(void **state)
{
    struct rig *rig = rig_make(&(struct rig_cfg){
        .sim = { .first_relid = 2044, .vps = 2 }, .interrupts = true });
    struct link link[4] = { { .flagged = false } };
    struct vmb_sim_dev *dev[4];
    uint32_t i;

    (void)state;
    for (i = 0; i < 4; i++)
        dev[i] = rig_device(rig);
    rig_start(rig);
    for (i = 0; i < 4; i++) {
        link[i].cfg.cpu = &rig->cpu[i % 2];
        rig_open(rig, &link[i], dev[i]);
    }
    assert_int_equal(vmb_chan_relid(&link[3].chan), 2047);
    for (i = 0; i < 4; i++)
        rig_echo(rig, &link[i], 3);
    for (i = 0; i < 4; i++)
        rig_close(rig, &link[i]);
    rig_down(rig);
}

/* --- Lives ---------------------------------------------------------------- */

static void one_life(struct rig *rig, struct vmb_sim_dev *dev, bool orderly)
{
    struct link link = { .flagged = false };
    struct vmb_gpadl gpadl = { .id_ = 0 };
    void *memory = rig_alloc(rig, 30);
    struct vmb_rx rx;

    rig_connect(rig);
    rig_open(rig, &link, dev);
    rig_echo(rig, &link, 3);
    assert_int_equal(rig_gpadl(rig, &gpadl, &link, memory, 30), VMB_OK);
    if (orderly) {
        rig_close(rig, &link);
        assert_int_equal(rig_gpadl_destroy(rig, &gpadl), VMB_OK);
    }
    rig_unload(rig);
    /* Whatever was open is the caller's again, and closed. */
    assert_false(rig_mapped(rig, memory, 30));
    assert_false(rig_mapped(rig, link.ring, link.ring_pages));
    assert_int_equal(vmb_chan_open_status(&link.chan), VMB_E_STATE);
    assert_int_equal(vmb_chan_close_status(&link.chan), VMB_OK);
    assert_int_equal(vmb_chan_recv(&link.chan, &rx), VMB_E_STATE);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
    assert_int_equal(vmb_gpadl_id(&gpadl), 0);
    assert_int_equal(vmb_conn_poll(&rig->conn), VMB_E_STATE);
    assert_int_equal(vmb_conn_version(&rig->conn), 0);
    /* Asking again costs nothing. */
    assert_int_equal(vmb_chan_close_start(&link.chan), VMB_OK);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_OK);
    assert_int_equal(vmb_conn_unload_status(&rig->conn), VMB_OK);
}

/* Version 0.13 does not answer an unload: there it is always orderly. */
static void lives(bool interrupts, uint32_t quirks, uint32_t version)
{
    bool mute = version == VMB_VERSION_0_13;
    struct rig *rig = rig_make(&(struct rig_cfg){
        .sim = { .quirks = quirks | VMB_SIM_SCRIBBLE, .max_version = version },
        .interrupts = interrupts });
    struct vmb_sim_dev *dev = rig_device(rig);
    uint32_t i;

    for (i = 0; i < 6; i++) {
        /* With the interface kept, and given back and claimed again. */
        if (i % 3 == 0)
            rig_hv_start(rig);
        one_life(rig, dev, mute || i % 2);
        if (i % 3 == 2)
            rig_hv_stop(rig);
    }
    rig_down(rig);
}

static void a_guest_connects_again_after_unload(void **state)
{
    (void)state;
    lives(false, 0, 0);
    lives(true, 0, 0);
    lives(true, 0, VMB_VERSION_3_0);
    lives(false, 0, VMB_VERSION_0_13);
    lives(true, 0, VMB_VERSION_0_13);
    lives(true, 0, VMB_VERSION_1_1);
    lives(false, VMB_SIM_QEMU, 0);
    lives(true, VMB_SIM_QEMU, 0);
}

/* Version 0.13 does not say when it has let go: all is closed before. */
static void the_oldest_host_is_left_in_order(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .sim.max_version = VMB_VERSION_0_13 });
    struct vmb_sim_dev *dev = rig_device(rig);
    struct link link = { .flagged = false };
    struct vmb_gpadl gpadl = { .id_ = 0 };
    void *memory = rig_alloc(rig, 2);
    uint64_t began;

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    assert_int_equal(rig_gpadl(rig, &gpadl, &link, memory, 2), VMB_OK);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_E_STATE);
    rig_close(rig, &link);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_E_STATE);
    assert_int_equal(rig_gpadl_destroy(rig, &gpadl), VMB_OK);
    began = vmb_sim_clock(rig->sim);
    rig_unload(rig);
    /* No answer is as good as one, after a moment. */
    assert_in_range(vmb_sim_clock(rig->sim) - began, SECOND, 2 * SECOND);
    rig_connect(rig);
    rig_open(rig, &link, dev);
    rig_echo(rig, &link, 2);
    rig_close(rig, &link);
    rig_down(rig);
}

static void two_connections_live_side_by_side(void **state)
{
    struct rig *rig[2];
    struct link link[2] = { { .flagged = false } };
    struct vmb_sim_dev *dev[2];
    uint32_t i, n;

    (void)state;
    for (i = 0; i < 2; i++) {
        rig[i] = rig_make(&(struct rig_cfg){
            .interrupts = i, .sim.max_version = i ? VMB_VERSION_4_0 : 0 });
        dev[i] = rig_device(rig[i]);
        rig_hv_start(rig[i]);
        rig[i]->last_poll = VMB_AGAIN;
    }
    for (i = 0; i < 2; i++)
        assert_int_equal(
            vmb_conn_start(&rig[i]->conn, &rig[i]->hv, &rig[i]->cfg.conn),
            VMB_OK);
    for (n = 0; n < 200; n++)
        rig_turn(rig[n % 2]);
    for (i = 0; i < 2; i++)
        rig_open(rig[i], &link[i], dev[i]);
    for (n = 0; n < 10; n++)
        rig_echo(rig[n % 2], &link[n % 2], 3);
    assert_int_equal(vmb_conn_version(&rig[0]->conn), VMB_VERSION_6_0);
    assert_int_equal(vmb_conn_version(&rig[1]->conn), VMB_VERSION_4_0);
    rig_close(rig[0], &link[0]);
    rig_down(rig[0]);
    rig_echo(rig[1], &link[1], 5);
    rig_down(rig[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_arrives_whole),
        cmocka_unit_test(names_are_known),
        cmocka_unit_test(sub_channels_come_and_go),
        cmocka_unit_test(devices_are_added_at_any_time),
        cmocka_unit_test(channels_are_opened_from_the_callback),
        cmocka_unit_test(a_full_table_tells_what_is_lost),
        cmocka_unit_test(a_lost_offer_is_released_too),
        cmocka_unit_test(a_table_of_none_is_allowed),
        cmocka_unit_test(bursts_of_messages_are_taken_in_portions),
        cmocka_unit_test(bursts_of_requests_are_posted_in_portions),
        cmocka_unit_test(the_highest_relids_work),
        cmocka_unit_test(a_guest_connects_again_after_unload),
        cmocka_unit_test(the_oldest_host_is_left_in_order),
        cmocka_unit_test(two_connections_live_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
