/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* One channel on two processors: this one sends while the other receives. */
#include "data.h"

#include "device.h"

#define COUNT 1500
#define JOBS  40
#define BYTES 200

static struct device *dev;
static struct job jobs[JOBS];
static uint32_t answered[JOBS]; /* the receiver is through with the job */
static uint8_t sent[BYTES], back[JOBS][BYTES];

/* Runs on the other processor: all it shares with the sender is the channel
 * and the flags. */
static void receive_all(void *argument)
{
    uint32_t *received = argument;

    for (; *received < COUNT; ++*received) {
        struct job *job = device_collect(dev);

        /* Release: the reply before the word that it is there. */
        __atomic_store_n(&answered[job - jobs], 1, __ATOMIC_RELEASE);
    }
}

static bool await(uint32_t index)
{
    uint64_t end = vmb_hv_now(&ex.hv) + 10 * SECOND;

    while (!__atomic_load_n(&answered[index], __ATOMIC_ACQUIRE)) {
        if (vmb_hv_now(&ex.hv) >= end)
            return false;
        poll_connection();
        cpu_pause();
    }
    return true;
}

static void check_answer(const struct job *job)
{
    check_reply(job, job->extra_bytes);
    check_that(memcmp(job->more, sent, job->extra_bytes) == 0,
               "%u bytes came back changed", (unsigned)job->extra_bytes);
}

static void send(uint32_t index, uint32_t bytes)
{
    struct job *job = &jobs[index];
    enum vmb_status status;

    answered[index] = 0;
    *job = job_of(VMB_TESTDEV_ECHO, 0);
    job->ask.length = job->extra_bytes = bytes;
    job->extra = sent;
    job->more = back[index];
    job->more_bytes = BYTES;
    while ((status = device_send(dev, job)) == VMB_AGAIN ||
           status == VMB_E_NOSLOT)
        poll_connection();
    test_chan_expect(&dev->test, "send", status);
}

static void send_all(void)
{
    uint32_t i;

    for (i = 0; i < COUNT + JOBS; i++) {
        if (i >= JOBS && !await(i % JOBS))
            guest_fail("no answer to request %u within 10 s",
                       (unsigned)(i - JOBS));
        if (i >= JOBS)
            check_answer(&jobs[i % JOBS]);
        if (i < COUNT)
            send(i % JOBS, i % BYTES);
    }
}

void test_lanes(void)
{
    static const struct device_cfg cfg = {
        .tx_pages = 1, .rx_pages = 1, .txn_cap = JOBS - 7, .cpu = 1
    };
    uint32_t received = 0;

    if (ex.cpu_count < 2)
        return;
    vmb_testdev_fill(sent, sizeof sent, 3, 0);
    check_begin("lanes.two-processors");
    dev = device_open(&cfg);
    if (!smp_run(1, receive_all, &received))
        guest_fail("processor 1 does not take work");
    send_all();
    if (!smp_wait(1, 5000000))
        guest_fail("processor 1 does not come to an end");
    check_that(received == COUNT && dev->test.missed == 0,
               "%u received, %u interrupts missed", (unsigned)received,
               (unsigned)dev->test.missed);
    device_close(dev);
    check_end_with("%u requests", (unsigned)received);
}
