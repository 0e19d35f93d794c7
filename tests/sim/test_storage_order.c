/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Many requests: order, depth, channels; notices; waiting. */
#include "bay.h"

#define PAGES 160u

static struct bay bay;
static uint64_t pfns[512];

/* --- Order and depth ------------------------------------------------------ */

#define MANY 64u

static uint32_t finished[MANY], finished_count;

static void note_end(struct vmb_storvsc_req *req)
{
    finished[finished_count++] = *(uint32_t *)req->user;
}

/* Writes, flush as barrier, writes: none crosses. */
static void nothing_crosses_a_barrier(void **state)
{
    struct bay_cfg cfg = { .storage = { .latency = 25, .seed = 11 } };
    static struct vmb_storvsc_req req[MANY];
    static uint32_t number[MANY];
    struct vmb_mdl mdl;
    uint32_t i;
    bool out_of_order = false;

    (void)state;
    memset(req, 0, sizeof req);
    finished_count = 0;
    bay_up(&bay, &cfg);
    mdl = bay_mdl(&bay, rig_alloc(bay.rig, 1), 4096, pfns, 1);
    for (i = 0; i < MANY; i++) {
        number[i] = i;
        req[i].user = &number[i];
        req[i].done = note_end;
        req[i].barrier = i % 16 == 9;
        assert_int_equal(
            i % 16 == 9 ? vmb_disk_flush(&bay.disk, &req[i])
                        : vmb_disk_write(&bay.disk, &req[i], i, 1, &mdl, 0),
            VMB_OK);
    }
    bay_drain(&bay);
    assert_int_equal(finished_count, MANY);
    for (i = 0; i < MANY; i++) {
        assert_int_equal(req[i].status, VMB_OK);
        if (finished[i] % 16 == 9)
            assert_int_equal(finished[i], i);
        out_of_order |= finished[i] != i;
    }
    assert_true(out_of_order);
    bay_down(&bay);
}

/* And when it is over it holds nobody any more. */
static void a_barrier_is_no_barrier_for_ever(void **state)
{
    struct vmb_sim_storage_fault later = { .act = VMB_SIM_STORAGE_LATER,
                                           .arg = 50,
                                           .times = VMB_SIM_FOR_EVER };
    static struct vmb_storvsc_req req[8];
    struct vmb_storvsc_req flush = { .barrier = true };
    struct vmb_sim_storage_counts counts;
    struct vmb_mdl mdl;
    uint32_t i;

    (void)state;
    memset(req, 0, sizeof req);
    bay_up(&bay, NULL);
    mdl = bay_mdl(&bay, rig_alloc(bay.rig, 1), 4096, pfns, 1);
    assert_int_equal(vmb_disk_flush(&bay.disk, &flush), VMB_OK);
    assert_int_equal(bay_wait(&bay, &flush), VMB_OK);
    vmb_sim_storage_stats(bay.dev, &counts);
    later.k = counts.packets;
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &later), VMB_OK);
    for (i = 0; i < 8; i++)
        assert_int_equal(vmb_disk_write(&bay.disk, &req[i], i, 1, &mdl, 0),
                         VMB_OK);
    bay_turn(&bay);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.waiting, 8);
    bay_drain(&bay);
    bay_down(&bay);
}

/* The next 16 commands meet a bus reset. */
static void reset_the_bus(void)
{
    struct vmb_sim_storage_fault reset = { .act = VMB_SIM_STORAGE_SRB,
                                           .arg = 0x0e,
                                           .times = 16 };
    struct vmb_sim_storage_counts counts;

    vmb_sim_storage_stats(bay.dev, &counts);
    reset.k = counts.packets;
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &reset), VMB_OK);
}

/* A reset throws back all that is out at once: all of it is sent again. */
static void all_that_was_out_is_repeated(void **state)
{
    static struct vmb_storvsc_req req[16];
    struct vmb_sim_storage_counts counts;
    struct vmb_mdl mdl;
    uint32_t i;

    (void)state;
    memset(req, 0, sizeof req);
    bay_up(&bay, NULL);
    mdl = bay_mdl(&bay, rig_alloc(bay.rig, 1), 4096, pfns, 1);
    reset_the_bus();
    for (i = 0; i < 16; i++)
        assert_int_equal(vmb_disk_write(&bay.disk, &req[i], i, 1, &mdl, 0),
                         VMB_OK);
    rig_settle(bay.rig);
    bay_drain(&bay);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.writes, 16);
    for (i = 0; i < 16; i++)
        assert_int_equal(req[i].status, VMB_OK);
    bay_down(&bay);
}

/* But the one of which the caller took the memory away meanwhile. */
static void what_cannot_be_repeated_holds_nobody_up(void **state)
{
    struct vmb_storvsc_req req[2] = { { 0 }, { 0 } };
    struct vmb_mdl good, bad;

    (void)state;
    bay_up(&bay, NULL);
    good = bad = bay_mdl(&bay, rig_alloc(bay.rig, 1), 4096, pfns, 1);
    reset_the_bus();
    assert_int_equal(vmb_disk_write(&bay.disk, &req[0], 0, 1, &good, 0),
                     VMB_OK);
    assert_int_equal(vmb_disk_write(&bay.disk, &req[1], 1, 1, &bad, 0), VMB_OK);
    rig_settle(bay.rig);
    bad.byte_count = 0;
    assert_int_equal(bay_wait(&bay, &req[1]), VMB_E_REFUSED);
    assert_int_equal(req[1].result.outcome, VMB_STORVSC_OTHER);
    vmb_sim_storage_faults_clear(bay.dev);
    assert_int_equal(bay_wait(&bay, &req[0]), VMB_OK);
    bay_down(&bay);
}

/* Also if it is all of one request: each command may be tried again so often.
 */
static void each_piece_is_repeated(void **state)
{
    struct bay_cfg cfg = { .storage.max_transfer = 4096 };
    struct vmb_sim_storage_counts counts;
    struct vmb_storvsc_req req = { 0 };

    (void)state;
    bay_up(&bay, &cfg);
    reset_the_bus();
    assert_int_equal(bay_write(&bay, &req, 0, 16 * 8, rig_alloc(bay.rig, 16)),
                     VMB_OK);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.writes, 16);
    assert_int_equal(counts.faults, 16);
    bay_down(&bay);
}

static void the_caller_bounds_the_depth(void **state)
{
    struct bay_cfg cfg = { .storage.latency = 10, .depth = 3 };
    static struct vmb_storvsc_req req[MANY];
    struct vmb_sim_storage_counts counts;
    struct vmb_mdl mdl;
    uint32_t i;

    (void)state;
    memset(req, 0, sizeof req);
    bay_up(&bay, &cfg);
    mdl = bay_mdl(&bay, rig_alloc(bay.rig, 1), 4096, pfns, 1);
    for (i = 0; i < MANY; i++)
        assert_int_equal(vmb_disk_write(&bay.disk, &req[i], i, 1, &mdl, 0),
                         VMB_OK);
    bay_drain(&bay);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.most_waiting, 3);
    for (i = 0; i < MANY; i++)
        assert_int_equal(req[i].status, VMB_OK);
    bay_down(&bay);
}

/* --- Channels, notices, interrupts ---------------------------------------- */

static void requests_are_spread_over_channels(void **state)
{
    static const uint32_t quirks[] = { 0, VMB_SIM_STORAGE_LATE,
                                       VMB_SIM_STORAGE_EARLY };
    static struct vmb_storvsc_req req[MANY];
    struct vmb_sim_storage_counts counts;
    struct vmb_mdl mdl;
    uint32_t i, kind;

    (void)state;
    for (kind = 0; kind < 3; kind++) {
        struct bay_cfg cfg = { .storage = { .subchannels = 7,
                                            .quirks = quirks[kind],
                                            .latency = 3 },
                               .queues = 4 };

        memset(req, 0, sizeof req);
        bay_up(&bay, &cfg);
        assert_int_equal(vmb_storvsc_subchannels(&bay.ctl), 3);
        mdl = bay_mdl(&bay, rig_alloc(bay.rig, 1), 4096, pfns, 1);
        for (i = 0; i < MANY; i++)
            assert_int_equal(vmb_disk_write(&bay.disk, &req[i], i, 1, &mdl, 0),
                             VMB_OK);
        bay_drain(&bay);
        vmb_sim_storage_stats(bay.dev, &counts);
        for (i = 0; i < 4; i++)
            assert_true(counts.by_channel[i] >= MANY / 4);
        bay_close(&bay);
        rig_settle(bay.rig);
        assert_int_equal(bay_try_open(&bay), VMB_OK);
        assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
        bay_down(&bay);
    }
}

static void a_host_without_channels_to_spare(void **state)
{
    struct bay_cfg cfg = { .queues = 3 };

    (void)state;
    bay_up(&bay, &cfg);
    assert_int_equal(vmb_storvsc_subchannels(&bay.ctl), 0);
    bay_down(&bay);
}

static void disks_come_and_go(void **state)
{
    struct vmb_sim_disk disk = { .blocks = 128 };
    struct vmb_storvsc_req req = { 0 };
    uint32_t changes;

    (void)state;
    bay_up(&bay, NULL);
    changes = vmb_storvsc_changes(&bay.ctl);
    assert_int_equal(bay_try_disk(&bay, 3), VMB_E_REFUSED);
    assert_int_equal(vmb_disk_result(&bay.disk)->outcome,
                     VMB_STORVSC_NO_DEVICE);
    assert_int_equal(vmb_sim_storage_insert(bay.dev, 3, &disk), VMB_OK);
    bay_turn(&bay);
    bay_turn(&bay);
    assert_int_equal(vmb_storvsc_changes(&bay.ctl), changes + 1);
    assert_int_equal(bay_try_disk(&bay, 3), VMB_OK);
    assert_int_equal(bay.disk.blocks, 128);
    assert_int_equal(vmb_sim_storage_remove(bay.dev, 3), VMB_OK);
    assert_int_equal(bay_read(&bay, &req, 0, 1, bay.page), VMB_E_REFUSED);
    assert_int_equal(req.result.outcome, VMB_STORVSC_NO_DEVICE);
    assert_int_equal(req.result.host_status, 0xc00000c0);
    /* REMOVE_DEVICE, and a notice that nobody knows. */
    bay_turn(&bay);
    assert_int_equal(vmb_storvsc_changes(&bay.ctl), changes + 2);
    assert_int_equal(vmb_sim_storage_notice(bay.dev, 2, 64), VMB_OK);
    bay_turn(&bay);
    bay_turn(&bay);
    assert_int_equal(vmb_storvsc_changes(&bay.ctl), changes + 3);
    assert_int_equal(vmb_sim_storage_notice(bay.dev, 99, 64), VMB_OK);
    bay_turn(&bay);
    bay_turn(&bay);
    assert_int_equal(vmb_storvsc_changes(&bay.ctl), changes + 3);
    bay_down(&bay);
}

static void by_interrupt_alone(void **state)
{
    struct bay_cfg cfg = { .rig.interrupts = true,
                           .storage = { .latency = 4, .subchannels = 1 },
                           .queues = 2 };
    struct vmb_sim_storage_counts counts;
    uint8_t *out, *in;
    uint32_t i;

    (void)state;
    bay_up(&bay, &cfg);
    out = rig_alloc(bay.rig, PAGES);
    in = rig_alloc(bay.rig, PAGES);
    bay_round_trip(&bay, 5, 1024, out + 13, in + 4095, 5);
    for (i = 0; i < 3; i++) /* one at a time, on either channel */
        bay_round_trip(&bay, 5, 1, out + 13, in + 4095, 5);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_true(counts.by_channel[0] > 3 && counts.by_channel[1] > 3);
    bay_down(&bay);
}

/* The blocking forms do all of it alone. */
static void the_waiting_forms(void **state)
{
    struct bay_cfg cfg = { .storage = { .subchannels = 2 }, .queues = 3 };
    struct vmb_storvsc_addr at = { 0, 0, 0, 0 };
    struct vmb_storvsc_req req = { 0 };
    struct vmb_sim_storage_fault mute = { .act = VMB_SIM_STORAGE_MUTE };
    struct vmb_conn *conn;
    struct vmb_mdl mdl;

    (void)state;
    bay_make(&bay, &cfg);
    rig_start(bay.rig);
    conn = &bay.rig->conn;
    assert_int_equal(vmb_storvsc_open_start(&bay.ctl, vmb_conn_bus(conn),
                                            rig_offer(bay.rig, bay.dev, 0),
                                            bay.queues, 3),
                     VMB_OK);
    assert_int_equal(vmb_wait_storvsc_open(conn, &bay.ctl, SECOND), VMB_OK);
    assert_int_equal(bay.queues[2].status_, VMB_OK);
    assert_int_equal(vmb_disk_open_start(&bay.disk, &bay.ctl, at, bay.page),
                     VMB_OK);
    assert_int_equal(vmb_wait_disk_open(conn, &bay.disk, SECOND), VMB_OK);
    mdl = bay_mdl(&bay, bay.page, 4096, pfns, 1);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 8, &mdl, 0), VMB_OK);
    assert_int_equal(vmb_wait_storvsc_req(conn, &bay.ctl, &req, SECOND),
                     VMB_OK);
    vmb_sim_storage_stats(bay.dev, &(struct vmb_sim_storage_counts){ 0 });
    mute.only = NULL;
    mute.times = VMB_SIM_FOR_EVER;
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &mute), VMB_OK);
    assert_int_equal(vmb_disk_flush(&bay.disk, &req), VMB_OK);
    assert_int_equal(vmb_wait_storvsc_req(conn, &bay.ctl, &req, SECOND),
                     VMB_E_TIMEOUT);
    assert_int_equal(req.status, VMB_AGAIN);
    assert_int_equal(vmb_wait_storvsc_close(conn, &bay.ctl), VMB_OK);
    assert_int_equal(req.status, VMB_E_STATE);
    rig_down(bay.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_crosses_a_barrier),
        cmocka_unit_test(a_barrier_is_no_barrier_for_ever),
        cmocka_unit_test(all_that_was_out_is_repeated),
        cmocka_unit_test(what_cannot_be_repeated_holds_nobody_up),
        cmocka_unit_test(each_piece_is_repeated),
        cmocka_unit_test(the_caller_bounds_the_depth),
        cmocka_unit_test(requests_are_spread_over_channels),
        cmocka_unit_test(a_host_without_channels_to_spare),
        cmocka_unit_test(disks_come_and_go),
        cmocka_unit_test(by_interrupt_alone),
        cmocka_unit_test(the_waiting_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
