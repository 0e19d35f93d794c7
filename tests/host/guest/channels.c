/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A device with several channels, all in use at once: turn by turn on one
 * processor, then each on a processor of its own.
 */
#include "data.h"

#include "memory.h"

#define MEMORY_PAGES 5
#define ROUNDS       24

struct worker { /* a channel's traffic; `why` is for processor 0 to read */
    struct device *dev;
    struct memory memory;
    struct vmb_mdl mdls[2];
    uint64_t pfns[MEMORY_PAGES];
    struct job jobs[3];
    uint32_t interrupts;
    const char *why;
};

static struct worker workers[DEVICES];
static unsigned count;

/* Two members, the second before the first, and room between and around. */
static void prepare(struct worker *worker)
{
    worker->mdls[0] = mdl_of(worker->memory.real + 3 * VMB_PAGE_SIZE + 77, 5000,
                             worker->pfns, 2);
    worker->mdls[1] =
        mdl_of(worker->memory.real + 10, 8500, worker->pfns + 2, 3);
    worker->mdls[0].next = &worker->mdls[1];
}

static unsigned channels_offered(void)
{
    static const struct vmb_guid type = { VMB_TESTDEV_GUID_BYTES };
    unsigned channels = 0;

    while (channels < DEVICES &&
           vmb_conn_find(&ex.conn, &type, NULL, (uint16_t)channels))
        channels++;
    return channels;
}

static void open_all(bool spread)
{
    struct device_cfg cfg = { .tx_pages = 1, .rx_pages = 1 };
    unsigned i;

    for (i = 0; i < count; i++) {
        cfg.subchannel = (uint16_t)i;
        cfg.cpu = spread ? i % ex.cpu_count : 0;
        workers[i].dev = device_open(&cfg);
    }
}

static void close_all(void)
{
    for (unsigned i = count; i-- > 0;)
        device_close(workers[i].dev);
}

static void prepare_jobs(struct worker *worker, uint32_t round)
{
    uint64_t offset = round * 31, length = 13000 - round * 40;

    worker->jobs[0] = hash_job(worker->mdls, offset, length);
    worker->jobs[1] = fill_job(worker->mdls, offset, length, round);
    worker->jobs[2] = job_of(VMB_TESTDEV_ECHO, 0);
}

/* The first thing that is wrong, without the checks of processor 0. */
static const char *judge(const struct worker *worker)
{
    const struct job *hash = &worker->jobs[0], *fill = &worker->jobs[1];
    uint16_t channel = (uint16_t)(worker->dev - devices);

    for (unsigned i = 0; i < 3; i++) {
        if (worker->jobs[i].reply.status != VMB_TESTDEV_OK)
            return "the host refused a request";
        if (worker->jobs[i].reply.channel != channel)
            return "the host got it by another channel";
    }
    if (hash->reply.bytes != hash->mdl_length ||
        fill->reply.bytes != fill->mdl_length)
        return "other lengths";
    if (memory_difference(&worker->memory) != MEMORY_PAGES * VMB_PAGE_SIZE)
        return "memory differs";
    return NULL;
}

/* ---- one processor, turn by turn ------------------------------------------
 */

/* All channels have something under way before the first is waited for. */
static void interleaved_round(uint32_t round)
{
    uint64_t hashes[DEVICES];
    unsigned i, step;

    for (i = 0; i < count; i++) {
        prepare_jobs(&workers[i], round);
        hashes[i] = chain_hash(workers[i].mdls, workers[i].jobs[0].mdl_offset,
                               workers[i].jobs[0].mdl_length);
    }
    for (step = 0; step < 3; step++)
        for (i = 0; i < count; i++)
            example_expect("send",
                           device_send(workers[i].dev, &workers[i].jobs[step]),
                           NULL);
    for (step = 0; step < 3; step++)
        for (i = count; i-- > 0;)
            (void)device_collect(workers[i].dev);
    for (i = 0; i < count; i++) {
        const struct job *fill = &workers[i].jobs[1];

        chain_fill_shadow(&workers[i].memory, fill->mdl, fill->mdl_offset,
                          fill->mdl_length, round);
        check_that(workers[i].jobs[0].reply.hash == hashes[i],
                   "channel %u: another hash", i);
        check_that(!judge(&workers[i]), "channel %u: %s", i,
                   judge(&workers[i]));
    }
}

static void test_interleaved(void)
{
    uint32_t round;

    check_begin("channels.interleaved");
    open_all(false);
    for (round = 0; round < ROUNDS && check_good(); round++)
        interleaved_round(round);
    close_all();
    check_end_with("%u channels", count);
}

/* The flags say which channel has something, and only that. */
static void test_ready(void)
{
    struct vmb_chan *ready;
    struct job job;
    unsigned i;

    check_begin("channels.ready-flags");
    open_all(false);
    /* Flags of earlier tests, which did not look. */
    (void)vmb_cpu_scan(&ex.cpus[0]);
    while (vmb_cpu_next_ready(&ex.cpus[0]))
        ;
    for (i = 0; i < count; i++)
        check_that(!vmb_chan_arm(&workers[i].dev->test.chan),
                   "a packet already");
    for (i = count; i-- > 0;) {
        job = job_of(VMB_TESTDEV_ECHO, 0);
        example_expect("send", device_send(workers[i].dev, &job), NULL);
        for (unsigned turn = 0; turn < 5000000; turn++) {
            (void)vmb_cpu_scan(&ex.cpus[0]);
            ready = vmb_cpu_next_ready(&ex.cpus[0]);
            if (ready)
                break;
            cpu_pause();
        }
        check_that(ready == &workers[i].dev->test.chan, "not channel %u's flag",
                   i);
        check_that(!vmb_cpu_next_ready(&ex.cpus[0]), "a second flag");
        (void)device_collect(workers[i].dev);
    }
    close_all();
    check_end();
}

/* ---- a processor for each --------------------------------------------------
 */

static const char *work_one_round(struct worker *worker, uint32_t round)
{
    const struct job *fill = &worker->jobs[1];
    uint64_t hash;

    prepare_jobs(worker, round);
    hash = chain_hash(worker->mdls, fill->mdl_offset, fill->mdl_length);
    device_run(worker->dev, worker->jobs, 3);
    chain_fill_shadow(&worker->memory, fill->mdl, fill->mdl_offset,
                      fill->mdl_length, round);
    if (worker->jobs[0].reply.hash != hash)
        return "another hash";
    return judge(worker);
}

static void work(void *argument)
{
    struct worker *worker = argument;
    uint32_t before = ex.interrupt_count[cpu_index()];

    worker->why = NULL;
    for (uint32_t round = 0; round < ROUNDS && !worker->why; round++)
        worker->why = work_one_round(worker, round);
    worker->interrupts = ex.interrupt_count[cpu_index()] - before;
}

static void check_worker(const struct worker *worker)
{
    unsigned channel = (unsigned)(worker->dev - devices);

    check_that(!worker->why, "channel %u: %s", channel, worker->why);
    if (!ex.interrupts)
        return;
    check_that(worker->interrupts > 0, "no interrupt on processor %u",
               worker->dev->test.cpu);
    check_that(worker->dev->test.flagged > 0, "no flag on processor %u",
               worker->dev->test.cpu);
    check_that(worker->dev->test.missed == 0,
               "%u interrupts missed on processor %u",
               (unsigned)worker->dev->test.missed, worker->dev->test.cpu);
}

/* Processor 0 polls the connection meanwhile: for signals put off. */
static void test_parallel(void)
{
    uint64_t end = vmb_hv_now(&ex.hv) + 20 * SECOND;
    unsigned busy = count < ex.cpu_count ? count : ex.cpu_count, i;

    check_begin("channels.parallel");
    open_all(true);
    for (i = 1; i < busy; i++)
        if (!smp_run(i, work, &workers[i]))
            guest_fail("processor %u does not take work", i);
    work(&workers[0]);
    for (i = 1; i < busy; i++) {
        while (!smp_idle(i) && vmb_hv_now(&ex.hv) < end) {
            poll_connection();
            (void)nap(5);
        }
        if (!smp_idle(i))
            guest_fail("processor %u does not come to an end", i);
    }
    for (i = 0; i < busy; i++)
        check_worker(&workers[i]);
    close_all();
    check_end_with("%u processors, a channel each", busy);
}

void test_channels(void)
{
    count = channels_offered();
    if (!check(count > 1, "channels.offered", "only %u", count))
        return;
    for (unsigned i = 0; i < count; i++) {
        workers[i].memory = memory_make(MEMORY_PAGES);
        prepare(&workers[i]);
    }
    test_interleaved();
    test_ready();
    if (ex.cpu_count > 1)
        test_parallel();
}
