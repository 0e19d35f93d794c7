/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Two storage controllers, each driven by a thread of its own once it is open:
 * the host is on another thread, the bus on the test's.  Built with
 * ThreadSanitizer a race is a failure.
 */
#include "harness.h"

#include <vmb/sim_storage.h>

#include <pthread.h>
#include <sched.h>

#if defined(__SANITIZE_THREAD__)
#define SLOW_BUILD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLOW_BUILD 1
#endif
#endif
#ifdef SLOW_BUILD
#define ROUNDS 1500u
#else
#define ROUNDS 8000u
#endif

#define DRIVERS 2u
#define QUEUES  2u
#define DEPTH   4u
#define SLOTS   12u /* more than there are places in the queues */
#define BLOCKS  9u  /* of a slot: two pages, and not to a page's end */
#define BYTES   (BLOCKS * 512u)

/* Blocks of its own, written and read again in turn. */
struct slot {
    struct vmb_storvsc_req req;
    struct vmb_mdl mdl;
    uint64_t pfns[3];
    uint8_t *buffer;
    uint64_t seed;
    bool reads;
};

/* A controller with its disk, and the thread that drives it. */
struct driver {
    struct vmb_sim_dev *dev;
    struct vmb_storvsc ctl;
    struct vmb_storvsc_queue queues[QUEUES];
    struct vmb_txn txns[QUEUES][DEPTH];
    struct vmb_storvsc_cmd cmds[QUEUES][DEPTH];
    struct vmb_disk disk;
    struct slot slots[SLOTS];
    pthread_t thread;
    uint32_t rounds; /* that it is to make */
    uint32_t begun, done, wrong;
    enum vmb_status end;
    uint32_t over; /* the thread has ended */
};

static struct driver drivers[DRIVERS];
static struct rig *rig;

/* --- On a driver's thread ------------------------------------------------- */

static void came_back(struct vmb_storvsc_req *req)
{
    struct driver *d = req->user;
    struct slot *slot = (struct slot *)req;
    uint32_t i;

    d->done++;
    if (req->status != VMB_OK) {
        d->wrong += req->status != d->end; /* by closing alone */
        return;
    }
    d->wrong += req->result.bytes != BYTES;
    for (i = 0; slot->reads && i < BYTES; i++)
        if (slot->buffer[i] != vmb_sim_pattern(slot->seed, i)) {
            d->wrong++;
            return;
        }
}

static enum vmb_status begin(struct driver *d, uint32_t number)
{
    struct slot *slot = &d->slots[number];
    uint64_t block = number * BLOCKS;
    uint32_t i;

    slot->reads = !slot->reads;
    if (slot->reads) {
        memset(slot->buffer, 0, BYTES);
        return vmb_disk_read(&d->disk, &slot->req, block, BLOCKS, &slot->mdl,
                             0);
    }
    slot->seed = (uint64_t)(d - drivers) << 32 | d->begun;
    for (i = 0; i < BYTES; i++)
        slot->buffer[i] = vmb_sim_pattern(slot->seed, i);
    return vmb_disk_write(&d->disk, &slot->req, block, BLOCKS, &slot->mdl, 0);
}

static enum vmb_status begin_all(struct driver *d)
{
    enum vmb_status status = VMB_OK;
    uint32_t i;

    for (i = 0; i < SLOTS && d->begun < d->rounds && status == VMB_OK; i++) {
        if (d->slots[i].req.status == VMB_AGAIN)
            continue;
        status = begin(d, i);
        d->begun += status == VMB_OK;
    }
    return status;
}

static void *drive(void *arg)
{
    struct driver *d = arg;
    enum vmb_status status = VMB_OK;

    while (status >= VMB_OK && d->done < d->rounds) {
        status = begin_all(d);
        if (status == VMB_OK)
            status = vmb_storvsc_poll(&d->ctl);
        if (!vmb_storvsc_arm(&d->ctl))
            sched_yield();
    }
    d->end = status;
    __atomic_store_n(&d->over, 1u, __ATOMIC_RELEASE);
    return NULL;
}

/* --- On the test's -------------------------------------------------------- */

static void make(struct driver *d, uint8_t number)
{
    struct vmb_sim_storage_cfg cfg = { .size = sizeof cfg,
                                       .instance = number,
                                       .subchannels = QUEUES - 1,
                                       .max_transfer = 4096,
                                       .latency = 3 };
    struct vmb_sim_disk disk = { .blocks = 1024 };
    uint32_t i;

    memset(d, 0, sizeof *d);
    d->rounds = ROUNDS;
    d->dev = vmb_sim_storage_add(rig->sim, &cfg);
    assert_non_null(d->dev);
    assert_int_equal(vmb_sim_storage_insert(d->dev, 0, &disk), VMB_OK);
    for (i = 0; i < QUEUES; i++) {
        d->queues[i].cfg = (struct vmb_chan_cfg){ .ring = rig_alloc(rig, 4),
                                                  .tx_pages = 1,
                                                  .rx_pages = 1,
                                                  .txns = d->txns[i],
                                                  .txn_cap = DEPTH };
        d->queues[i].cmds = d->cmds[i];
    }
}

static void prepare(struct driver *d, struct slot *slot)
{
    slot->req.user = d;
    slot->req.done = came_back;
    slot->reads = true; /* so that it begins with a write */
    slot->buffer = rig_alloc(rig, 3);
    slot->buffer += 4096 - 512;
    assert_int_equal(vmb_mdl_from_virtual(&slot->mdl, rig->real, slot->buffer,
                                          BYTES, slot->pfns, 3),
                     VMB_OK);
}

static void open_up(struct driver *d)
{
    struct vmb_storvsc_addr at = { 0, 0, 0, 0 };
    uint32_t i;

    assert_int_equal(vmb_storvsc_open_start(&d->ctl, vmb_conn_bus(&rig->conn),
                                            rig_offer(rig, d->dev, 0),
                                            d->queues, QUEUES),
                     VMB_OK);
    assert_int_equal(vmb_wait_storvsc_open(&rig->conn, &d->ctl, SECOND),
                     VMB_OK);
    assert_int_equal(d->queues[QUEUES - 1].status_, VMB_OK);
    assert_int_equal(
        vmb_disk_open_start(&d->disk, &d->ctl, at, rig_alloc(rig, 1)), VMB_OK);
    assert_int_equal(vmb_wait_disk_open(&rig->conn, &d->disk, SECOND), VMB_OK);
    for (i = 0; i < SLOTS; i++)
        prepare(d, &d->slots[i]);
}

static bool all_over(void)
{
    uint32_t i;

    for (i = 0; i < DRIVERS; i++)
        if (!__atomic_load_n(&drivers[i].over, __ATOMIC_ACQUIRE))
            return false;
    return true;
}

/* Drive both.  The first is taken away after so many turns of the bus, however
 * much it has done by then. */
static void play(uint32_t taken_after)
{
    uint32_t i;

    rig = rig_make(&(struct rig_cfg){ .bus_only = true });
    for (i = 0; i < DRIVERS; i++)
        make(&drivers[i], (uint8_t)(i + 1));
    if (taken_after < UINT32_MAX)
        drivers[0].rounds = 1000 * ROUNDS;
    rig_start(rig);
    for (i = 0; i < DRIVERS; i++)
        open_up(&drivers[i]);
    assert_int_equal(vmb_sim_thread_start(rig->sim), VMB_OK);
    for (i = 0; i < DRIVERS; i++)
        assert_int_equal(
            pthread_create(&drivers[i].thread, NULL, drive, &drivers[i]), 0);
    for (i = 0; !all_over(); i++) {
        if (i == taken_after)
            vmb_sim_rescind(drivers[0].dev);
        rig_turn(rig);
    }
    for (i = 0; i < DRIVERS; i++)
        assert_int_equal(pthread_join(drivers[i].thread, NULL), 0);
    vmb_sim_thread_stop(rig->sim);
}

/* Whatever became of them each request is back, once, and was right. */
static void end(void)
{
    uint32_t i;

    for (i = 0; i < DRIVERS; i++) {
        assert_int_equal(vmb_wait_storvsc_close(&rig->conn, &drivers[i].ctl),
                         VMB_OK);
        assert_int_equal(drivers[i].done, drivers[i].begun);
        assert_int_equal(drivers[i].wrong, 0);
    }
    rig_down(rig);
}

static void a_thread_for_each_controller(void **state)
{
    uint32_t i;

    (void)state;
    play(UINT32_MAX);
    for (i = 0; i < DRIVERS; i++) {
        assert_true(drivers[i].end >= VMB_OK);
        assert_int_equal(drivers[i].done, ROUNDS);
    }
    end();
}

/* One is taken away amid its traffic; the other goes on. */
static void one_is_taken_from_its_thread(void **state)
{
    uint32_t rounds;

    (void)state;
    for (rounds = 0; rounds < 3; rounds++) {
        play(5);
        rig_is_gone(drivers[0].end);
        assert_int_equal(drivers[1].done, ROUNDS);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_for_each_controller),
        cmocka_unit_test(one_is_taken_from_its_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
