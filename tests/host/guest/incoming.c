/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The host's own packets: in order, whole, none lost, completed if asked. */
#include "data.h"

#include "device.h"

#define FIRST_ID UINT64_C(0x700000000)
#define SEED     77
#define MOST     600 /* packets of a burst */

struct burst {
    const char *name;
    uint32_t tx_pages, rx_pages;
    uint32_t count, bytes; /* packets, and payload of each */
    uint32_t hold;         /* released after so many packets */
    uint32_t delay_ms;
    bool complete; /* they ask for completions */
    bool waits;    /* the ring is too small for all of them */
};

static const struct burst bursts[] = {
    { "incoming.one", 1, 1, 1, 16, 1, 0, false, false },
    { "incoming.wakes-sleeper", 1, 1, 3, 100, 1, 60, false, false },
    { "incoming.wrap", 1, 1, 600, 33, 1, 0, false, true },
    { "incoming.batched-release", 1, 1, 400, 60, 20, 0, false, true },
    { "incoming.released-when-empty", 1, 1, 400, 200, 0, 0, false, true },
    { "incoming.largest", 1, 1, 40, 4040, 1, 0, false, true },
    { "incoming.large-ring", 1, 16, 500, 100, 8, 0, false, false },
    { "incoming.long-packets", 1, 16, 12, 40000, 1, 0, false, true },
    { "incoming.completed", 1, 1, 300, 40, 1, 0, true, true },
    { "incoming.completed-in-batches", 1, 4, 300, 24, 30, 0, true, false },
};

static struct device *dev;
static uint8_t payload[40000 + 8];

/* Everything received goes back before we wait for more. */
static void next_packet(struct vmb_rx *rx)
{
    enum vmb_status status = vmb_chan_recv(&dev->test.chan, rx);

    if (status == VMB_AGAIN) {
        test_chan_release(&dev->test);
        device_receive(dev, rx);
    } else {
        example_expect("receive", status, NULL);
    }
}

static void check_packet(const struct burst *burst, const struct vmb_rx *rx,
                         uint32_t index)
{
    struct vmb_testdev_burst *head = (void *)payload;
    uint32_t len = (burst->bytes + 7) & ~7u, cut = index % len, got;

    /* In two pieces: the seam goes through every place of the packet. */
    got = vmb_rx_copy(&dev->test.chan, rx, 0, payload, cut);
    got += vmb_rx_copy(&dev->test.chan, rx, cut, payload + cut,
                       sizeof payload - cut);
    check_that(rx->kind == VMB_INBAND && rx->len == len && got == len,
               "packet of type %d, %u bytes", (int)rx->kind, (unsigned)rx->len);
    check_that(rx->want_reply == burst->complete, "asks for a completion: %d",
               (int)rx->want_reply);
    check_that(rx->xid == FIRST_ID + index && head->index == index,
               "packet %u where %u was due", (unsigned)head->index,
               (unsigned)index);
    check_that(vmb_testdev_mismatch(payload + sizeof *head,
                                    burst->bytes - sizeof *head, SEED + index,
                                    0) == burst->bytes - sizeof *head,
               "packet %u has other bytes", (unsigned)index);
}

/*
 * Completions that found no room.  The host reads only while it can write, so
 * waiting for room without receiving would be for ever.
 */
static uint64_t owed[MOST];
static uint32_t owed_first, owed_end;

static bool complete_one(uint64_t xid)
{
    struct vmb_iov iov = { &xid, sizeof xid };
    struct vmb_out out = {
        .kind = VMB_COMPLETION, .iov = &iov, .iov_count = 1, .reply_to = xid
    };
    enum vmb_status status = vmb_chan_stage(&dev->test.chan, &out);

    if (status != VMB_AGAIN)
        example_expect("completion", status, NULL);
    return status == VMB_OK;
}

static void complete_owed(void)
{
    while (owed_first < owed_end && complete_one(owed[owed_first]))
        owed_first++;
}

static void complete(uint64_t xid)
{
    owed[owed_end++] = xid;
    complete_owed();
}

/* Nothing more to receive: now room comes by itself. */
static void complete_all(void)
{
    uint64_t end = vmb_hv_now(&ex.hv) + 20 * SECOND;

    while (owed_first < owed_end && vmb_hv_now(&ex.hv) < end) {
        complete_owed();
        poll_connection();
    }
    if (owed_first < owed_end)
        guest_fail("no room for completions within 20 s");
    owed_first = owed_end = 0;
    example_expect("flush", vmb_chan_flush(&dev->test.chan), NULL);
}

static void receive_all(const struct burst *burst)
{
    struct vmb_rx rx;
    uint32_t i;

    for (i = 0; i < burst->count && check_good(); i++) {
        next_packet(&rx);
        check_packet(burst, &rx, i);
        if (burst->hold && i % burst->hold == burst->hold - 1)
            test_chan_release(&dev->test);
        if (rx.want_reply)
            complete(rx.xid);
    }
    test_chan_release(&dev->test);
    complete_all();
}

static struct job burst_job(const struct burst *burst)
{
    struct job job = job_of(VMB_TESTDEV_BURST, burst->count);

    job.ask.length = burst->bytes;
    job.ask.offset = FIRST_ID;
    job.ask.seed = SEED;
    job.ask.delay_ms = burst->delay_ms;
    job.ask.flags = burst->complete ? VMB_TESTDEV_ASK_COMPLETION : 0;
    return job;
}

static void check_stats(const struct burst *burst)
{
    struct vmb_testdev_stats stats = device_stats(dev);

    check_that(stats.burst_packets == burst->count, "%u packets sent",
               (unsigned)stats.burst_packets);
    check_that(!burst->waits || stats.ring_full > 0,
               "the host never waited for room");
    check_that(stats.completions_good == (burst->complete ? burst->count : 0) &&
                   stats.completions_bad == 0,
               "%u good completions, %u bad", (unsigned)stats.completions_good,
               (unsigned)stats.completions_bad);
}

/*
 * An interrupt needs an arm before it, or a wish for room: anything more is one
 * too many.
 */
static void check_interrupts(uint32_t interrupts, uint32_t asked)
{
    if (!ex.interrupts)
        return;
    check_that(interrupts <= asked, "%u interrupts, asked for %u times",
               (unsigned)interrupts, (unsigned)asked);
    check_that(dev->test.missed == 0, "%u packets came without an interrupt",
               (unsigned)dev->test.missed);
}

static uint32_t times_asked(void)
{
    return dev->test.armed + events_traced(VMB_EVENT_FULL);
}

static void test_burst(const struct burst *burst)
{
    struct device_cfg cfg = { .tx_pages = burst->tx_pages,
                              .rx_pages = burst->rx_pages };
    struct job job = burst_job(burst);
    uint32_t interrupts, asked;

    dev = device_open(&cfg);
    /* The last interrupt of the connection's own may be late. */
    halt_for(3);
    interrupts = ex.interrupt_count[0];
    asked = times_asked();
    check_begin(burst->name);
    example_expect("send", device_send(dev, &job), NULL);
    receive_all(burst);
    if (device_collect(dev) != &job)
        guest_fail("someone else's completion");
    check_reply(&job, burst->count * (uint64_t)burst->bytes);
    interrupts = ex.interrupt_count[0] - interrupts;
    check_interrupts(interrupts, times_asked() - asked);
    check_stats(burst);
    check_end_with("%u packets of %u bytes, %u interrupts",
                   (unsigned)burst->count, (unsigned)burst->bytes,
                   (unsigned)interrupts);
    device_close(dev);
}

/* The host does notice an answer to nothing. */
static void test_stray_completion(void)
{
    static const struct device_cfg cfg = { .tx_pages = 1, .rx_pages = 1 };
    struct vmb_testdev_stats stats;

    dev = device_open(&cfg);
    check_begin("incoming.stray-completion-seen");
    complete(FIRST_ID);
    complete_all();
    stats = device_stats(dev);
    check_that(stats.completions_bad == 1, "%u bad ones",
               (unsigned)stats.completions_bad);
    check_end();
    device_close(dev);
}

void test_incoming(void)
{
    for (size_t i = 0; i < sizeof bursts / sizeof bursts[0]; i++)
        test_burst(&bursts[i]);
    test_stray_completion();
}
