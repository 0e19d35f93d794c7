/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Who waits for whom: held requests, full rings, batches, closing amid it. */
#include "data.h"

#include "memory.h"

#define HELD 24

static const struct device_cfg small = { .tx_pages = 2, .rx_pages = 2 };

static struct device *dev;
static struct job jobs[DEVICE_TXNS];
static struct vmb_mdl mdls[HELD];
static uint64_t pfns[HELD * 2];

/* ---- requests kept back ---------------------------------------------------
 */

/* Job i names its own stretch of the memory. */
static void hold(const struct memory *memory, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        mdls[i] = mdl_of(memory->real + i * VMB_PAGE_SIZE + 3000 + i, 1500 + i,
                         pfns + 2 * i, 2);
        jobs[i] = hash_job(&mdls[i], 0, 0);
        jobs[i].ask.op = VMB_TESTDEV_HOLD;
        example_expect("send", device_send(dev, &jobs[i]), NULL);
    }
}

static uint32_t release(uint32_t count, bool newest_first)
{
    struct job job = job_of(VMB_TESTDEV_RELEASE, count);
    uint32_t others = 0;

    if (newest_first)
        job.ask.flags = VMB_TESTDEV_NEWEST_FIRST;
    example_expect("send", device_send(dev, &job), NULL);
    while (device_collect(dev) != &job)
        others++;
    check_reply(&job, others);
    return others;
}

static void check_held(uint32_t index, uint32_t place)
{
    check_that(jobs[index].done, "request %u has no answer", (unsigned)index);
    check_that(jobs[index].place == place, "request %u answered as number %u",
               (unsigned)index, (unsigned)jobs[index].place);
    check_hashed(&jobs[index]);
}

/* What is hashed is what the memory holds by then, not when it was sent. */
static void change(const struct memory *memory, uint64_t seed)
{
    vmb_testdev_fill(memory->real, memory->pages * VMB_PAGE_SIZE, seed, 0);
}

static void test_newest_first(const struct memory *memory)
{
    uint32_t first = dev->completions, i;

    check_begin("flow.newest-first");
    hold(memory, HELD);
    change(memory, 1);
    check_that(release(0, true) == HELD, "not all came");
    for (i = 0; i < HELD; i++)
        check_held(i, first + HELD - 1 - i);
    check_end_with("%u requests, each its own answer", HELD);
}

static void test_in_pieces(const struct memory *memory)
{
    uint32_t first = dev->completions, i;

    check_begin("flow.in-pieces");
    hold(memory, HELD);
    change(memory, 2);
    check_that(release(5, false) == 5, "not five");
    for (i = 0; i < 5; i++)
        check_held(i, first + i);
    check_that(!jobs[5].done && !jobs[HELD - 1].done, "more than five");
    change(memory, 3);
    check_that(release(2, true) == 2, "not two");
    check_held(HELD - 1, first + 6);
    check_held(HELD - 2, first + 7);
    check_that(release(0, false) == HELD - 7, "not the rest");
    for (i = 5; i < HELD - 2; i++)
        check_held(i, first + 9 + i - 5);
    check_end_with("5 oldest, 2 newest, the rest");
}

/* A table of six: the seventh has to wait, and slots come back. */
static void test_slots(const struct memory *memory)
{
    static const struct device_cfg few = { .tx_pages = 2,
                                           .rx_pages = 2,
                                           .txn_cap = 6 };
    enum vmb_status status;
    uint32_t round;

    device_close(dev);
    dev = device_open(&few);
    check_begin("flow.transaction-slots");
    for (round = 0; round < 4 && check_good(); round++) {
        hold(memory, 5);
        /* The sixth slot is for the release itself. */
        check_that(release(0, round % 2) == 5, "not all came");
        hold(memory, 5);
        jobs[6] = job_of(VMB_TESTDEV_RELEASE, 0);
        example_expect("send", device_send(dev, &jobs[6]), NULL);
        jobs[7] = job_of(VMB_TESTDEV_ECHO, 0);
        status = device_send(dev, &jobs[7]);
        check_that(status == VMB_E_NOSLOT, "the seventh: %s",
                   vmb_status_str(status));
        while (device_collect(dev) != &jobs[6])
            ;
        device_do(dev, &jobs[7]);
        check_reply(&jobs[7], 0);
    }
    check_end();
    device_close(dev);
    dev = device_open(&small);
}

/* ---- the ring to the host full --------------------------------------------
 */

/* Packets until none goes in; returns how many did. */
static uint32_t fill_ring(enum vmb_status *status)
{
    uint32_t count = 0;

    for (; count < DEVICE_TXNS; count++) {
        jobs[count] = job_of(VMB_TESTDEV_ECHO, 0);
        *status = device_send(dev, &jobs[count]);
        if (*status != VMB_OK)
            break;
    }
    return count;
}

/* Room alone is to wake us, for nothing is armed.  An interrupt that was late
 * may come before. */
static enum vmb_status send_when_woken(struct job *job)
{
    enum vmb_status status = VMB_AGAIN;
    bool flagged = false;

    while (status == VMB_AGAIN && nap(2000)) {
        flagged |=
            vmb_cpu_next_ready(&ex.cpus[dev->test.cpu]) == &dev->test.chan;
        status = device_send(dev, job);
    }
    check_that(flagged, "room came without the channel's flag");
    return status;
}

static enum vmb_status send_when_possible(struct job *job)
{
    uint64_t end = vmb_hv_now(&ex.hv) + 10 * SECOND;
    enum vmb_status status = VMB_AGAIN;

    while (status == VMB_AGAIN && vmb_hv_now(&ex.hv) < end) {
        poll_connection();
        status = device_send(dev, job);
    }
    return status;
}

/* The host sleeps, the ring fills, and one packet more has to wait. */
static uint32_t fill_while_stalled(void)
{
    struct job stall = job_of(VMB_TESTDEV_STALL, 0);
    enum vmb_status status = VMB_OK;
    uint32_t count;

    stall.ask.delay_ms = 150;
    device_do(dev, &stall);
    check_reply(&stall, 0);
    count = fill_ring(&status);
    check_that(status == VMB_AGAIN, "%u packets, then %s", (unsigned)count,
               vmb_status_str(status));
    return count;
}

static void collect_echoes(uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++)
        (void)device_collect(dev);
    for (i = 0; i < count; i++)
        check_reply(&jobs[i], 0);
}

/*
 * Nothing is armed: only room can be what wakes us.  The host reads in steps
 * here, because QEMU 10.0 tells of no room when it has emptied the ring in one
 * go (vmbus_channel_recv_done() takes an empty ring for a full one).
 */
static void test_full(void)
{
    static const struct device_cfg tiny = { .tx_pages = 1, .rx_pages = 2 };
    struct job steps = job_of(VMB_TESTDEV_BATCH, 8);
    uint32_t count = 0, round;
    enum vmb_status status;

    dev = device_open(&tiny);
    check_begin("flow.full-ring");
    device_do(dev, &steps);
    for (round = 0; round < 4 && check_good(); round++) {
        count = fill_while_stalled();
        status = ex.interrupts ? send_when_woken(&jobs[count])
                               : send_when_possible(&jobs[count]);
        check_that(status == VMB_OK, "then: %s", vmb_status_str(status));
        collect_echoes(count + 1);
    }
    check_end_with("%u packets fill it, room wakes", (unsigned)count);
    device_close(dev);
}

/* Where no such word comes, the answers do, and wake as well. */
static void test_full_emptied(void)
{
    static const struct device_cfg tiny = { .tx_pages = 1, .rx_pages = 2 };
    uint32_t count, round;
    enum vmb_status status;

    dev = device_open(&tiny);
    check_begin("flow.full-ring-emptied-at-once");
    for (round = 0; round < 3 && check_good(); round++) {
        count = fill_while_stalled();
        collect_echoes(count);
        /* Answers come before the host says that it has read. */
        status = send_when_possible(&jobs[count]);
        check_that(status == VMB_OK, "then: %s", vmb_status_str(status));
        (void)device_collect(dev);
    }
    check_end();
    device_close(dev);
}

/* The host reads one packet at a time: each wish for room is met alone. */
static void test_host_in_steps(void)
{
    static const struct device_cfg tiny = { .tx_pages = 1, .rx_pages = 1 };
    struct job batch = job_of(VMB_TESTDEV_BATCH, 1);
    uint32_t i;

    dev = device_open(&tiny);
    check_begin("flow.host-reads-in-steps");
    device_do(dev, &batch);
    check_reply(&batch, 0);
    for (i = 0; i < DEVICE_TXNS; i++)
        jobs[i] = job_of(VMB_TESTDEV_ECHO, 0);
    for (i = 0; i < 4; i++)
        device_run(dev, jobs, DEVICE_TXNS);
    for (i = 0; i < DEVICE_TXNS; i++)
        check_reply(&jobs[i], 0);
    check_end();
    device_close(dev);
}

/* ---- many under one signal ------------------------------------------------
 */

static void test_staged(void)
{
    static const struct device_cfg roomy = { .tx_pages = 16, .rx_pages = 4 };
    enum {
        COUNT = 40
    };
    uint32_t singly, together, i;
    uint64_t woken[2];

    dev = device_open(&roomy);
    for (i = 0; i < COUNT; i++)
        jobs[i] = job_of(VMB_TESTDEV_ECHO, 0);
    check_begin("flow.staged-batch");
    woken[0] = device_stats(dev).notifications;
    singly = events_traced(VMB_EVENT_SIGNAL);
    for (i = 0; i < COUNT; i++) {
        device_do(dev, &jobs[i]);
        halt_for(2); /* while the host still looks it needs no signal */
    }
    singly = events_traced(VMB_EVENT_SIGNAL) - singly;
    woken[1] = device_stats(dev).notifications;
    woken[0] = woken[1] - woken[0];
    together = events_traced(VMB_EVENT_SIGNAL);
    device_run(dev, jobs, COUNT);
    together = events_traced(VMB_EVENT_SIGNAL) - together;
    woken[1] = device_stats(dev).notifications - woken[1];
    check_that(singly > COUNT / 2 && together <= 1,
               "%u signals singly, %u staged", (unsigned)singly,
               (unsigned)together);
    /* It wakes itself once more whenever it has sent something. */
    check_that(woken[0] >= singly && woken[1] < woken[0] / 4,
               "the host woke %u times, and %u for one batch",
               (unsigned)woken[0], (unsigned)woken[1]);
    for (i = 0; i < COUNT; i++)
        check_reply(&jobs[i], 0);
    check_end_with("%u packets: %u signals singly, %u staged; the host woke "
                   "%u and %u times",
                   COUNT, (unsigned)singly, (unsigned)together,
                   (unsigned)woken[0], (unsigned)woken[1]);
    device_close(dev);
}

/* ---- closing and opening again --------------------------------------------
 */

static void some_traffic(const struct memory *memory)
{
    struct vmb_mdl mdl = mdl_of(memory->real + 99, 9000, pfns, 4);

    check_stretch(dev, memory, &mdl, 0, 0, 5);
}

static void test_reopen(void)
{
    struct memory memory = memory_make(4);
    uint64_t opens;
    uint32_t round;

    check_begin("flow.reopen");
    dev = device_open(&small);
    opens = device_stats(dev).opens;
    for (round = 1; round <= 8 && check_good(); round++) {
        struct device_cfg cfg = { .tx_pages = 1 + round % 3,
                                  .rx_pages = 1 + round % 2 };

        some_traffic(&memory);
        device_close(dev);
        dev = device_open(&cfg);
        check_that(device_stats(dev).opens == opens + round, "opened %u times",
                   (unsigned)(device_stats(dev).opens - opens));
    }
    device_close(dev);
    check_end_with("8 times");
}

/* The host holds requests, has a burst half written, and is left alone. */
static void test_close_amid(void)
{
    static const struct device_cfg tiny = { .tx_pages = 2, .rx_pages = 1 };
    struct memory memory = memory_make(HELD + 1);
    struct job burst = job_of(VMB_TESTDEV_BURST, 500);
    uint32_t round;

    burst.ask.length = 64;
    check_begin("flow.close-amid-traffic");
    for (round = 0; round < 4 && check_good(); round++) {
        dev = device_open(&tiny);
        hold(&memory, 8);
        burst.ask.delay_ms = round * 2;
        example_expect("send", device_send(dev, &burst), NULL);
        halt_for(round * 3);
        device_close(dev);
        dev = device_open(&tiny);
        check_that(device_stats(dev).held == 0, "still held");
        some_traffic(&memory);
        device_close(dev);
    }
    check_end();
}

void test_flow(void)
{
    struct memory memory = memory_make(HELD + 1);

    dev = device_open(&small);
    test_newest_first(&memory);
    test_in_pieces(&memory);
    test_slots(&memory);
    device_close(dev);
    test_full();
    test_full_emptied();
    test_host_in_steps();
    test_staged();
    test_reopen();
    test_close_amid();
}
