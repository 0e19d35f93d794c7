/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The end of a connection, whatever the host is about at that moment. */
#include "harness.h"

static const uint32_t versions[] = {
    VMB_VERSION_0_13, VMB_VERSION_1_1, VMB_VERSION_2_4, VMB_VERSION_3_0,
    VMB_VERSION_4_0,  VMB_VERSION_4_1, VMB_VERSION_5_0, VMB_VERSION_5_1,
    VMB_VERSION_5_2,  VMB_VERSION_5_3, VMB_VERSION_6_0,
};

#define VERSIONS ((uint32_t)(sizeof versions / sizeof versions[0]))

static struct rig *connected(const struct rig_cfg *cfg)
{
    struct rig *rig = rig_make(cfg);

    rig_start(rig);
    return rig;
}

/* Azure was seen to take 50 s; patience beyond 100 s is granted, too. */
static void a_slow_unload_is_waited_for(void **state)
{
    static const uint64_t timeouts[] = { SECOND, 0, 200ull * SECOND };
    uint64_t most, began;
    struct vmb_sim_fault slow = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                  .act = VMB_SIM_DELAY };
    struct rig *rig;
    uint32_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        most = i < 2 ? 100ull * SECOND : 200ull * SECOND;
        rig = connected(&(struct rig_cfg){ .conn.timeout = timeouts[i] });
        slow.k = vmb_sim_count(rig->sim, slow.at);
        slow.arg = 20;
        assert_int_equal(vmb_sim_fault_add(rig->sim, &slow), VMB_OK);
        assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_OK);
        began = vmb_sim_clock(rig->sim);
        (void)vmb_conn_poll(&rig->conn);
        vmb_sim_clock_advance(rig->sim, most - 2 * SECOND);
        assert_int_equal(vmb_conn_poll(&rig->conn), VMB_AGAIN);
        assert_true(vmb_sim_clock(rig->sim) - began < most);
        RIG_UNTIL(rig, vmb_conn_unload_status(&rig->conn) != VMB_AGAIN);
        assert_int_equal(vmb_conn_unload_status(&rig->conn), VMB_OK);
        assert_int_equal(vmb_sim_faults_hit(rig->sim), 1);
        rig_hv_stop(rig);
        rig_check_clean(rig);
        rig_free(rig);
    }
}

/* The answer comes after the deadline, and after a second try. */
static void an_unload_answered_late_is_an_unload(void **state)
{
    struct vmb_sim_fault slow = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                  .act = VMB_SIM_DELAY,
                                  .arg = 100000 };
    struct rig *rig;

    (void)state;
    rig = connected(NULL);
    slow.k = vmb_sim_count(rig->sim, slow.at);
    assert_int_equal(vmb_sim_fault_add(rig->sim, &slow), VMB_OK);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_OK);
    (void)vmb_conn_poll(&rig->conn);
    vmb_sim_clock_advance(rig->sim, 101ull * SECOND);
    assert_int_equal(vmb_conn_poll(&rig->conn), VMB_E_TIMEOUT);
    assert_int_equal(vmb_conn_unload_status(&rig->conn), VMB_E_TIMEOUT);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_OK);
    vmb_sim_run(rig->sim, 200000);
    RIG_UNTIL(rig, vmb_conn_unload_status(&rig->conn) != VMB_AGAIN);
    assert_int_equal(vmb_conn_unload_status(&rig->conn), VMB_OK);
    rig_hv_stop(rig);
    assert_true(vmb_sim_pristine(rig->sim));
    rig_free(rig);
}

/*
 * Unloaded while versions are still tried, after so many steps: what the host
 * refuses then ends it at once, what it accepts is undone.
 */
static void leave_after(const struct rig_cfg *cfg, uint32_t steps, bool refuse)
{
    struct vmb_sim_fault no = { .at = VMB_SIM_AT_GUEST_MESSAGE,
                                .act = VMB_SIM_REFUSE,
                                .times = VMB_SIM_FOR_EVER };
    struct rig *rig = rig_make(cfg);
    uint64_t began;
    uint32_t i;

    if (refuse)
        assert_int_equal(vmb_sim_fault_add(rig->sim, &no), VMB_OK);
    rig_hv_start(rig);
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_OK);
    for (i = 0; i < steps; i++) {
        if (i % 2)
            (void)vmb_sim_step(rig->sim);
        else
            (void)vmb_conn_poll(&rig->conn);
    }
    began = vmb_sim_clock(rig->sim);
    rig_unload(rig);
    assert_true(vmb_sim_clock(rig->sim) - began < 2 * SECOND);
    assert_int_equal(vmb_conn_status(&rig->conn), VMB_E_STATE);
    assert_int_equal(vmb_conn_version(&rig->conn), 0);
    assert_int_equal(vmb_conn_poll(&rig->conn), VMB_E_STATE); /* not AGAIN */
    rig_settle(rig);
    rig_down(rig);
}

static void an_unload_waits_for_what_was_asked(void **state)
{
    uint32_t i, steps;

    (void)state;
    for (i = 0; i < VERSIONS; i++) {
        struct rig_cfg cfg = { .sim = { .quirks = VMB_SIM_LAZY,
                                        .max_version = versions[i] } };

        for (steps = 0; steps < 50; steps++) {
            cfg.sim.quirks = VMB_SIM_LAZY;
            leave_after(&cfg, steps, false);
            leave_after(&cfg, steps, true);
            if (versions[i] > VMB_VERSION_4_0)
                continue;
            cfg.sim.quirks |= VMB_SIM_QEMU;
            leave_after(&cfg, steps, false);
            leave_after(&cfg, steps, true);
        }
    }
}

/* What the host has not taken yet is not asked any more. */
static void an_unload_takes_the_place_of_a_request(void **state)
{
    struct rig *rig = rig_make(NULL);
    uint64_t before;

    (void)state;
    rig_hv_start(rig);
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_OK);
    assert_int_equal(vmb_conn_poll(&rig->conn), VMB_AGAIN);
    rig_fault(rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 20, 0x13);
    RIG_UNTIL(rig, vmb_conn_version(&rig->conn) != 0);
    before = vmb_sim_count(rig->sim, VMB_SIM_AT_GUEST_MESSAGE);
    rig_unload(rig);
    assert_int_equal(rig->posted[3].count, 0); /* REQUEST_OFFERS */
    assert_int_equal(vmb_sim_count(rig->sim, VMB_SIM_AT_GUEST_MESSAGE),
                     before + 1);
    assert_int_equal(vmb_conn_poll(&rig->conn), VMB_E_STATE);
    rig_down(rig);
}

/* The answer gets lost: the unload ends with the contact, and can be tried
 * again. */
static void an_unload_of_a_mute_host_ends_as_well(void **state)
{
    struct vmb_sim_fault lose = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                  .act = VMB_SIM_LOSE };
    struct rig *rig = rig_make(NULL);
    enum vmb_status status;

    (void)state;
    assert_int_equal(vmb_sim_fault_add(rig->sim, &lose), VMB_OK);
    rig_hv_start(rig);
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_OK);
    assert_int_equal(vmb_conn_poll(&rig->conn), VMB_AGAIN);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_OK);
    assert_int_equal(vmb_conn_unload_start(&rig->conn), VMB_E_STATE);
    RIG_WAIT(rig, &status, vmb_conn_unload_status(&rig->conn));
    assert_int_equal(status, VMB_E_TIMEOUT);
    assert_int_equal(vmb_conn_status(&rig->conn), VMB_E_TIMEOUT);
    rig_unload(rig);
    rig_connect(rig);
    rig_down(rig);
}

static void is_unloaded(const struct vmb_fault *fault, uint32_t relid)
{
    assert_int_equal(fault->status, VMB_E_STATE);
    assert_int_equal(fault->site, VMB_SITE_UNLOADED);
    assert_int_equal(fault->got, relid);
    assert_int_equal(fault->limit, 0);
}

/* What was open says why it is not, and whose it was. */
static void what_was_open_says_that_it_was_unloaded(void **state)
{
    struct rig *rig = rig_make(NULL);
    struct vmb_sim_dev *dev = rig_device(rig);
    struct link link = { .flagged = false };
    struct vmb_gpadl gpadl = { 0 };
    struct vmb_fault fault;
    uint32_t relid;

    (void)state;
    rig_start(rig);
    rig_open(rig, &link, dev);
    relid = vmb_chan_relid(&link.chan);
    assert_int_equal(rig_gpadl(rig, &gpadl, &link, rig_alloc(rig, 2), 2),
                     VMB_OK);
    rig_unload(rig);
    vmb_chan_fault(&link.chan, &fault);
    is_unloaded(&fault, relid);
    vmb_gpadl_fault(&gpadl, &fault);
    is_unloaded(&fault, relid);
    rig_down(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_unload_is_waited_for),
        cmocka_unit_test(an_unload_answered_late_is_an_unload),
        cmocka_unit_test(an_unload_waits_for_what_was_asked),
        cmocka_unit_test(an_unload_takes_the_place_of_a_request),
        cmocka_unit_test(an_unload_of_a_mute_host_ends_as_well),
        cmocka_unit_test(what_was_open_says_that_it_was_unloaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
