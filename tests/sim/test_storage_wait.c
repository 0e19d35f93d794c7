/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The blocking forms of storage: what ends the waiting. */
#include "bay.h"

static struct bay bay;

static struct vmb_conn *connect_only(const struct bay_cfg *cfg)
{
    bay_make(&bay, cfg);
    rig_start(bay.rig);
    return &bay.rig->conn;
}

static void open_start(uint32_t queues)
{
    assert_int_equal(vmb_storvsc_open_start(
                         &bay.ctl, vmb_conn_bus(&bay.rig->conn),
                         rig_offer(bay.rig, bay.dev, 0), bay.queues, queues),
                     VMB_OK);
}

static void inject(enum vmb_sim_storage_act act, uint64_t times)
{
    struct vmb_sim_storage_counts counts;
    struct vmb_sim_storage_fault fault = { .act = act, .times = times };

    vmb_sim_storage_stats(bay.dev, &counts);
    fault.k = counts.packets;
    vmb_sim_storage_faults_clear(bay.dev);
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fault), VMB_OK);
}

static void lose(enum vmb_sim_point at, uint64_t after, uint64_t times)
{
    struct vmb_sim_fault fault = { .at = at,
                                   .act = VMB_SIM_LOSE,
                                   .times = times };

    fault.k = vmb_sim_count(bay.rig->sim, at) + after;
    assert_int_equal(vmb_sim_fault_add(bay.rig->sim, &fault), VMB_OK);
}

static void a_mute_controller_is_given_up(void **state)
{
    struct vmb_conn *conn = connect_only(NULL);
    struct vmb_storvsc_addr at = { 0, 0, 0, 0 };
    uint64_t began;

    (void)state;
    inject(VMB_SIM_STORAGE_MUTE, 1);
    open_start(1);
    began = vmb_sim_clock(bay.rig->sim);
    assert_int_equal(vmb_wait_storvsc_open(conn, &bay.ctl, 3 * SECOND),
                     VMB_E_TIMEOUT);
    assert_in_range(vmb_sim_clock(bay.rig->sim) - began, 3 * SECOND,
                    4 * SECOND);
    assert_int_equal(vmb_storvsc_open_status(&bay.ctl), VMB_AGAIN);
    assert_int_equal(vmb_wait_storvsc_close(conn, &bay.ctl), VMB_OK);
    /* And what is closed is closed. */
    assert_int_equal(vmb_wait_storvsc_close(conn, &bay.ctl), VMB_OK);
    assert_int_equal(vmb_wait_storvsc_open(conn, &bay.ctl, SECOND),
                     VMB_E_STATE);
    rig_settle(bay.rig);
    open_start(1);
    assert_int_equal(vmb_wait_storvsc_open(conn, &bay.ctl, SECOND), VMB_OK);
    inject(VMB_SIM_STORAGE_MUTE, 1);
    assert_int_equal(vmb_disk_open_start(&bay.disk, &bay.ctl, at, bay.page),
                     VMB_OK);
    assert_int_equal(vmb_wait_disk_open(conn, &bay.disk, SECOND),
                     VMB_E_TIMEOUT);
    assert_int_equal(vmb_disk_open_status(&bay.disk), VMB_AGAIN);
    assert_true(bay_mapped(&bay, bay.page, 1));
    assert_int_equal(vmb_wait_storvsc_close(conn, &bay.ctl), VMB_OK);
    assert_int_equal(vmb_disk_open_status(&bay.disk), VMB_E_STATE);
    assert_false(bay_mapped(&bay, bay.page, 1));
    rig_down(bay.rig);
}

/* Granted, and the offer never comes: it works without. */
static void a_subchannel_that_never_comes(void **state)
{
    struct bay_cfg cfg = { .storage.subchannels = 2, .queues = 3 };
    struct vmb_conn *conn = connect_only(&cfg);
    uint64_t began = vmb_sim_clock(bay.rig->sim);
    uint8_t *out, *in;

    (void)state;
    lose(VMB_SIM_AT_HOST_MESSAGE, 3, 1); /* GPADL, open, first sub-channel */
    open_start(3);
    assert_int_equal(vmb_wait_storvsc_open(conn, &bay.ctl, 2 * SECOND), VMB_OK);
    assert_in_range(vmb_sim_clock(bay.rig->sim) - began, 2 * SECOND,
                    3 * SECOND);
    assert_int_equal(vmb_storvsc_open_status(&bay.ctl), VMB_OK);
    assert_int_equal(vmb_storvsc_subchannels(&bay.ctl), 2);
    assert_int_equal(bay.ctl.queues_used_, 2);
    assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
    out = rig_alloc(bay.rig, 1);
    in = rig_alloc(bay.rig, 1);
    bay_round_trip(&bay, 1, 3, out, in, 9);
    assert_int_equal(vmb_wait_storvsc_close(conn, &bay.ctl), VMB_OK);
    rig_down(bay.rig);
}

/* A sub-channel that cannot be opened is not waited for. */
static void a_subchannel_that_is_refused(void **state)
{
    struct bay_cfg cfg = { .storage.subchannels = 1, .queues = 2 };
    struct vmb_conn *conn = connect_only(&cfg);
    uint64_t began = vmb_sim_clock(bay.rig->sim);
    struct vmb_sim_fault refuse = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                    .act = VMB_SIM_REFUSE };

    (void)state;
    refuse.k = vmb_sim_count(bay.rig->sim, refuse.at) + 3;
    assert_int_equal(vmb_sim_fault_add(bay.rig->sim, &refuse), VMB_OK);
    open_start(2);
    assert_int_equal(vmb_wait_storvsc_open(conn, &bay.ctl, 5 * SECOND), VMB_OK);
    assert_true(vmb_sim_clock(bay.rig->sim) - began < 5 * SECOND);
    assert_int_equal(
        vmb_storvsc_add_channel(&bay.ctl, rig_offer(bay.rig, bay.dev, 1)),
        VMB_E_REFUSED);
    assert_int_equal(vmb_wait_storvsc_close(conn, &bay.ctl), VMB_OK);
    rig_down(bay.rig);
}

static void a_controller_that_dies_ends_the_waiting(void **state)
{
    struct vmb_storvsc_req req = { 0 };
    struct vmb_conn *conn;

    (void)state;
    bay_up(&bay, NULL);
    conn = &bay.rig->conn;
    inject(VMB_SIM_STORAGE_MUTE, VMB_SIM_FOR_EVER);
    assert_int_equal(vmb_disk_flush(&bay.disk, &req), VMB_OK);
    vmb_sim_rescind(bay.dev);
    assert_int_equal(vmb_wait_storvsc_req(conn, &bay.ctl, &req, 5 * SECOND),
                     VMB_E_RESCINDED);
    assert_int_equal(req.status, VMB_AGAIN);
    assert_int_equal(vmb_wait_storvsc_close(conn, &bay.ctl), VMB_OK);
    assert_int_equal(req.status, VMB_E_RESCINDED);
    rig_down(bay.rig);
}

/* What killed it is what is said, also when the time is over, or the
 * connection. */
static void the_controllers_death_comes_first(void **state)
{
    struct vmb_storvsc_req req = { 0 };
    struct vmb_conn *conn;
    uint32_t unloaded;

    (void)state;
    for (unloaded = 0; unloaded < 2; unloaded++) {
        bay_up(&bay, NULL);
        conn = &bay.rig->conn;
        inject(VMB_SIM_STORAGE_MUTE, VMB_SIM_FOR_EVER);
        memset(&req, 0, sizeof req);
        assert_int_equal(vmb_disk_flush(&bay.disk, &req), VMB_OK);
        vmb_sim_rescind(bay.dev);
        rig_settle(bay.rig);
        assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_RESCINDED);
        if (unloaded)
            assert_int_equal(vmb_wait_unload(conn), VMB_OK);
        assert_int_equal(
            vmb_wait_storvsc_req(conn, &bay.ctl, &req, unloaded ? SECOND : 0),
            VMB_E_RESCINDED);
        assert_int_equal(vmb_wait_storvsc_close(conn, &bay.ctl), VMB_OK);
        rig_hv_stop(bay.rig);
        rig_free(bay.rig);
    }
}

/* An unload that gets lost: the connection says what the controller cannot. */
static void a_connection_that_dies_ends_the_waiting(void **state)
{
    struct vmb_conn *conn;
    uint32_t closing;

    (void)state;
    for (closing = 0; closing < 2; closing++) {
        enum vmb_status status;

        conn = connect_only(NULL);
        open_start(1);
        if (closing)
            assert_int_equal(vmb_storvsc_close_start(&bay.ctl), VMB_OK);
        lose(VMB_SIM_AT_GUEST_MESSAGE, 0, 1);
        assert_int_equal(vmb_conn_unload_start(conn), VMB_OK);
        status = closing
                     ? vmb_wait_storvsc_close(conn, &bay.ctl)
                     : vmb_wait_storvsc_open(conn, &bay.ctl, 1000ull * SECOND);
        assert_int_equal(status, VMB_E_TIMEOUT);
        assert_true(vmb_sim_clock(bay.rig->sim) < 200 * SECOND);
        assert_int_equal(vmb_conn_status(conn), VMB_E_TIMEOUT);
        assert_int_equal(vmb_wait_unload(conn), VMB_OK);
        assert_int_equal(vmb_wait_storvsc_close(conn, &bay.ctl), VMB_OK);
        rig_down(bay.rig);
    }
}

static enum vmb_status inside;

static void close_inside(struct vmb_storvsc_req *req)
{
    (void)req;
    inside = vmb_wait_storvsc_close(&bay.rig->conn, &bay.ctl);
}

static void a_routine_may_not_wait_for_the_close(void **state)
{
    struct vmb_storvsc_req req = { .done = close_inside };

    (void)state;
    bay_up(&bay, NULL);
    assert_int_equal(bay_read(&bay, &req, 0, 1, bay.page), VMB_OK);
    assert_int_equal(inside, VMB_E_STATE);
    assert_int_equal(bay_read(&bay, &req, 0, 1, bay.page), VMB_OK);
    /* One that has begun is waited for. */
    assert_int_equal(vmb_storvsc_close_start(&bay.ctl), VMB_OK);
    assert_int_equal(vmb_wait_storvsc_close(&bay.rig->conn, &bay.ctl), VMB_OK);
    bay_down(&bay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mute_controller_is_given_up),
        cmocka_unit_test(a_subchannel_that_never_comes),
        cmocka_unit_test(a_subchannel_that_is_refused),
        cmocka_unit_test(a_controller_that_dies_ends_the_waiting),
        cmocka_unit_test(the_controllers_death_comes_first),
        cmocka_unit_test(a_connection_that_dies_ends_the_waiting),
        cmocka_unit_test(a_routine_may_not_wait_for_the_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
