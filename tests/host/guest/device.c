/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "device.h"

#define ANSWER_TIME (20 * SECOND) /* on a busy machine */

static const struct vmb_guid device_type = { VMB_TESTDEV_GUID_BYTES };

struct device devices[DEVICES];

static struct vmb_offer *find_offer(uint16_t subchannel)
{
    struct vmb_offer *offer =
        vmb_conn_find(&ex.conn, &device_type, NULL, subchannel);

    if (!offer)
        guest_fail("no test device with a channel %u", (unsigned)subchannel);
    return offer;
}

void devices_begin(void)
{
    for (size_t i = 0; i < DEVICES; i++)
        devices[i].test.ring = pages_need(TEST_RING_PAGES);
}

struct device *device_open(const struct device_cfg *cfg)
{
    struct device *dev = &devices[cfg->subchannel];
    struct test_chan_cfg chan = {
        .tx_pages = cfg->tx_pages,
        .rx_pages = cfg->rx_pages,
        .cpu = cfg->cpu,
        .txns = dev->txns,
        .txn_cap = cfg->txn_cap ? cfg->txn_cap : DEVICE_TXNS,
    };

    dev->completions = 0;
    test_chan_open(&dev->test, find_offer(cfg->subchannel), &chan);
    return dev;
}

void device_close(struct device *dev)
{
    test_chan_close(&dev->test);
}

static enum vmb_status put(struct device *dev, struct job *job,
                           enum vmb_status (*how)(struct vmb_chan *chan,
                                                  const struct vmb_out *out))
{
    struct vmb_iov iov[2] = { { &job->ask, sizeof job->ask },
                              { job->extra, job->extra_bytes } };
    struct vmb_out out = { .kind = job->mdl ? VMB_GPA_DIRECT : VMB_INBAND,
                           .iov = iov,
                           .iov_count = job->extra_bytes ? 2 : 1,
                           .want_reply = true,
                           .user = job,
                           .mdl = job->mdl,
                           .mdl_offset = job->mdl_offset,
                           .mdl_length = job->mdl_length };

    job->done = false;
    return how(&dev->test.chan, &out);
}

enum vmb_status device_send(struct device *dev, struct job *job)
{
    return put(dev, job, vmb_chan_send);
}

enum vmb_status device_stage(struct device *dev, struct job *job)
{
    return put(dev, job, vmb_chan_stage);
}

void device_receive(struct device *dev, struct vmb_rx *rx)
{
    if (test_chan_receive(&dev->test, rx, ANSWER_TIME) != VMB_OK)
        guest_fail("channel %u: no packet within 20 s, %u completions so far",
                   (unsigned)vmb_chan_relid(&dev->test.chan),
                   (unsigned)dev->completions);
}

struct job *device_take(struct device *dev)
{
    struct vmb_rx rx;
    struct job *job;

    device_receive(dev, &rx);
    job = rx.user;
    if (rx.kind != VMB_COMPLETION || !job || job->done)
        guest_fail("packet of type %d where a completion was due",
                   (int)rx.kind);
    if (vmb_rx_copy(&dev->test.chan, &rx, 0, &job->reply, sizeof job->reply) !=
        sizeof job->reply)
        guest_fail("completion of %u bytes", (unsigned)rx.len);
    if (job->more)
        job->more_bytes = vmb_rx_copy(&dev->test.chan, &rx, sizeof job->reply,
                                      job->more, job->more_bytes);
    job->done = true;
    job->place = dev->completions++;
    return job;
}

struct job *device_collect(struct device *dev)
{
    struct job *job = device_take(dev);

    test_chan_release(&dev->test);
    return job;
}

/* How many of the jobs went into the ring. */
static size_t stage_some(struct device *dev, struct job *jobs, size_t count)
{
    size_t sent = 0;
    enum vmb_status status = VMB_OK;

    while (sent < count && status == VMB_OK) {
        status = device_stage(dev, &jobs[sent]);
        sent += status == VMB_OK;
    }
    if (status != VMB_AGAIN && status != VMB_E_NOSLOT)
        test_chan_expect(&dev->test, "stage", status);
    test_chan_expect(&dev->test, "flush", vmb_chan_flush(&dev->test.chan));
    return sent;
}

void device_run(struct device *dev, struct job *jobs, size_t count)
{
    uint64_t end = vmb_hv_now(&ex.hv) + ANSWER_TIME;
    size_t sent = 0, got = 0;

    while (got < count) {
        sent += stage_some(dev, jobs + sent, count - sent);
        if (got < sent) {
            (void)device_collect(dev);
            got++;
            end = vmb_hv_now(&ex.hv) + ANSWER_TIME;
        } else if (vmb_hv_now(&ex.hv) >= end) {
            /* All is answered, and yet what was sent fills the ring. */
            guest_fail("channel %u: no room within 20 s",
                       (unsigned)vmb_chan_relid(&dev->test.chan));
        }
    }
}

void device_do(struct device *dev, struct job *job)
{
    device_run(dev, job, 1);
}

struct job job_of(enum vmb_testdev_op op, uint32_t count)
{
    struct job job = { .ask = { .magic = VMB_TESTDEV_MAGIC,
                                .op = (uint32_t)op,
                                .count = count } };

    return job;
}

struct vmb_testdev_stats device_stats(struct device *dev)
{
    struct vmb_testdev_stats stats;
    struct job job = job_of(VMB_TESTDEV_STATS, 0);

    job.more = &stats;
    job.more_bytes = sizeof stats;
    device_do(dev, &job);
    if (job.reply.status != VMB_TESTDEV_OK || job.more_bytes != sizeof stats)
        guest_fail("statistics: status %u, %u bytes",
                   (unsigned)job.reply.status, (unsigned)job.more_bytes);
    return stats;
}

bool check_reply(const struct job *job, uint64_t bytes)
{
    const struct vmb_testdev_reply *reply = &job->reply;
    unsigned type = job->mdl ? VMB_GPA_DIRECT : VMB_INBAND;

    return check_that(reply->magic == VMB_TESTDEV_MAGIC &&
                          reply->op == job->ask.op,
                      "reply to op %u", (unsigned)reply->op) &&
           check_that(reply->status == VMB_TESTDEV_OK, "status %u",
                      (unsigned)reply->status) &&
           check_that(reply->packet_type == type, "host saw packet type %u",
                      (unsigned)reply->packet_type) &&
           check_that(reply->bytes == bytes, "%llu bytes instead of %llu",
                      (unsigned long long)reply->bytes,
                      (unsigned long long)bytes);
}
