/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A controller's whole life, again for each step k with something going wrong
 * there: every request comes back exactly once, what came back well is right,
 * no page of it is the host's any more, and all works again afterwards.
 */
#include "bay.h"

#include <stdio.h>
#include <stdlib.h>

#define JOBS  9u
#define PAGES 40u /* of each job */
#define AREA  (PAGES * 8u)

struct job {
    struct vmb_storvsc_req req;
    struct vmb_mdl mdl;
    uint64_t pfns[PAGES + 1];
    uint8_t *va;
    uint32_t blocks;
    bool read, out, checked;
    uint32_t returned;
};

static struct bay bay;
static struct job jobs[JOBS];
static bool lying; /* the host's books cannot be trusted */
static char running[120];

struct kind {
    enum vmb_sim_point at;
    enum vmb_sim_act act;
    uint64_t arg, times;
    bool lying;
};

static const struct kind kinds[] = {
    { VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_RESCIND, 0, 0, false },
    { VMB_SIM_AT_GUEST_MESSAGE, VMB_SIM_RESCIND, 0, 0, false },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_RESCIND, 0, 0, false },
    { VMB_SIM_AT_GUEST_PACKET, VMB_SIM_RESCIND, 0, 0, false },
    { VMB_SIM_AT_HYPERCALL, VMB_SIM_RESCIND, 0, 0, false },
    { VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_LOSE, 0, 0, false },
    { VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_REFUSE, 0, 0, false },
    { VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_DUPLICATE, 0, 0, false },
    { VMB_SIM_AT_GUEST_MESSAGE, VMB_SIM_LOSE, 0, 0, false },
    { VMB_SIM_AT_GUEST_MESSAGE, VMB_SIM_REFUSE, 0, 0, false },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_LOSE, 0, 0, true },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_DELAY, 40, 0, false },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_DUPLICATE, 0, 0, false },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_REORDER, 0, 0, false },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_STALL, 30, 0, false },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_MALFORM, 0, 0, true },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_MALFORM, 3, 0, true },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_MALFORM, 5, 0, true },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_MALFORM, 7, 0, true },
    { VMB_SIM_AT_HOST_PACKET, VMB_SIM_MALFORM, 15, 0, true },
    { VMB_SIM_AT_GUEST_PACKET, VMB_SIM_LOSE, 0, 0, false },
    { VMB_SIM_AT_GUEST_PACKET, VMB_SIM_DELAY, 40, 0, false },
    { VMB_SIM_AT_GUEST_PACKET, VMB_SIM_STALL, 30, 0, false },
    { VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 0x13, 3, false },
    { VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 3, VMB_SIM_FOR_EVER, false },
};

/* --- One life ------------------------------------------------------------- */

static void on_return(struct vmb_storvsc_req *req)
{
    struct job *job = req->user;

    assert_true(job->out);
    job->out = false;
    job->returned++;
    assert_int_not_equal(req->status, VMB_AGAIN);
    if (!lying)
        assert_false(bay_mapped(&bay, job->va, (size_t)job->blocks * 512));
    if (req->status == VMB_OK && job->read && !lying) {
        bay_check(job->va, (size_t)job->blocks * 512, 1000);
        job->checked = true;
    }
}

/* Reads of what the test has put there, writes elsewhere, a flush between,
 * long ones and short ones. */
static enum vmb_status submit(struct job *job, uint32_t i)
{
    enum vmb_status status;
    bool flush = i == 4;

    memset(&job->req, 0, sizeof job->req);
    job->read = i % 2 == 0 && !flush;
    job->blocks = i % 3 == 0 ? AREA - 1 : 3 + i;
    job->mdl =
        bay_mdl(&bay, job->va, (size_t)job->blocks * 512, job->pfns, PAGES + 1);
    job->req.done = on_return;
    job->req.user = job;
    job->req.barrier = flush;
    job->out = true;
    if (flush)
        status = vmb_disk_flush(&bay.disk, &job->req);
    else if (job->read)
        status =
            vmb_disk_read(&bay.disk, &job->req, 0, job->blocks, &job->mdl, 0);
    else
        status = vmb_disk_write(&bay.disk, &job->req, 400 * i, job->blocks,
                                &job->mdl, 0);
    job->out = job->out && status == VMB_OK;
    return status;
}

static bool any_out(void)
{
    uint32_t i;

    for (i = 0; i < JOBS; i++)
        if (jobs[i].out)
            return true;
    return false;
}

static enum vmb_status work(void)
{
    enum vmb_status status = VMB_OK;
    uint32_t i, turns;

    for (i = 0; i < JOBS && status == VMB_OK; i++)
        status = submit(&jobs[i], i);
    for (turns = 0; turns < 200 && any_out(); turns++)
        if (bay_turn(&bay) < VMB_OK)
            break;
    return vmb_storvsc_open_status(&bay.ctl);
}

static enum vmb_status leave(void)
{
    enum vmb_status status = vmb_conn_unload_start(&bay.rig->conn);

    if (status == VMB_OK)
        RIG_WAIT(bay.rig, &status, vmb_conn_unload_status(&bay.rig->conn));
    return status;
}

/* Close, twice if need be; an unload opens what is stuck. */
static void end(void)
{
    enum vmb_status closed = bay_try_close(&bay), left;

    if (closed != VMB_OK)
        closed = bay_try_close(&bay);
    left = leave();
    vmb_sim_faults_clear(bay.rig->sim);
    if (left != VMB_OK)
        left = leave();
    if (left == VMB_OK && closed != VMB_OK) {
        assert_int_equal(bay_try_close(&bay), VMB_OK);
        closed = VMB_OK;
    }
    if (closed == VMB_OK)
        assert_false(any_out());
}

static enum vmb_status live(void)
{
    enum vmb_status status = bay_try_start(&bay);

    return status == VMB_OK ? work() : status;
}

static void stage(void)
{
    static uint8_t data[AREA * 512];
    struct bay_cfg cfg = {
        .storage = { .subchannels = 1, .max_transfer = 0x10000, .latency = 3 },
        .queues = 2,
        .depth = 4,
        .patience = 200,
        .rig = { .ticks = true,
                 .conn.timeout = SECOND / 2,
                 .sim.quirks = VMB_SIM_SCRIBBLE }
    };
    uint32_t i;

    bay_make(&bay, &cfg);
    memset(jobs, 0, sizeof jobs);
    bay_fill(data, sizeof data, 1000);
    assert_int_equal(vmb_sim_storage_poke(bay.dev, 0, 0, data, sizeof data),
                     sizeof data);
    for (i = 0; i < JOBS; i++)
        jobs[i].va = rig_alloc(bay.rig, PAGES);
}

static void strike_the_set(void)
{
    rig_hv_stop(bay.rig);
    rig_check_clean(bay.rig);
    rig_free(bay.rig);
}

static void is_whole(void)
{
    uint32_t i;

    for (i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].returned, 1);
        assert_int_equal(jobs[i].req.status, VMB_OK);
        assert_int_equal(jobs[i].checked, jobs[i].read);
    }
}

/* --- And again, with a fault ---------------------------------------------- */

static void run_case(const struct kind *kind, uint64_t k)
{
    struct vmb_sim_fault fault = { .at = kind->at,
                                   .act = kind->act,
                                   .k = k,
                                   .times = kind->times,
                                   .arg = kind->arg };
    uint32_t i;

    snprintf(running, sizeof running, "point %d, act %d, arg %llu, k %llu",
             (int)kind->at, (int)kind->act, (unsigned long long)kind->arg,
             (unsigned long long)k);
    stage();
    fault.dev = bay.dev;
    lying = kind->lying;
    assert_int_equal(vmb_sim_fault_add(bay.rig->sim, &fault), VMB_OK);
    (void)live();
    end();
    for (i = 0; i < JOBS; i++)
        assert_true(jobs[i].returned <= 1);
    if (bay.rig->hv_on)
        rig_settle(bay.rig);
    rig_hv_stop(bay.rig);
    rig_check_violations(bay.rig);
    /* The fault has passed: a new life. */
    vmb_sim_reoffer(bay.dev);
    lying = false;
    for (i = 0; i < JOBS; i++)
        jobs[i].returned = 0;
    assert_int_equal(live(), VMB_OK);
    is_whole();
    end();
    strike_the_set();
    running[0] = 0;
}

static void at_every_step(void **state)
{
    uint64_t steps[VMB_SIM_POINTS], k, cases = 0;
    const char *only = getenv("VMB_CASE");
    unsigned point;
    size_t i;

    (void)state;
    stage();
    assert_int_equal(live(), VMB_OK);
    is_whole();
    end();
    for (point = 0; point < VMB_SIM_POINTS; point++)
        steps[point] = vmb_sim_count(bay.rig->sim, (enum vmb_sim_point)point);
    strike_the_set();
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (k = 0; k < steps[kinds[i].at]; k++, cases++)
            if (!only || strtoull(only, NULL, 0) == cases)
                run_case(&kinds[i], k);
    printf("# %llu cases\n", (unsigned long long)cases);
}

static int say_where(void **state)
{
    (void)state;
    if (running[0])
        fprintf(stderr, "while running: %s\n", running);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(at_every_step, say_where),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
