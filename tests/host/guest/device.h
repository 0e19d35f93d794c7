/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TEST_DEVICE_H
#define TEST_DEVICE_H
/*
 * The guest's end of the VMBus test device: channels, requests, replies.
 * What goes wrong in here, and not in what is being tested, ends the guest.
 */
#include "testchan.h"
#include "testdev_proto.h"

#define DEVICES     VMB_TESTDEV_MAX_CHANNELS
#define DEVICE_TXNS 64

struct device { /* one channel of it */
    struct test_chan test;
    struct vmb_txn txns[DEVICE_TXNS];
    uint32_t completions; /* since it was opened */
};

extern struct device devices[DEVICES];

struct job { /* a request, and what came of it */
    struct vmb_testdev_request ask;
    const struct vmb_mdl *mdl; /* with one it goes as GPA-direct */
    uint64_t mdl_offset, mdl_length;
    const void *extra; /* ECHO: follows the request */
    uint32_t extra_bytes;
    void *more; /* what follows the reply goes here */
    uint32_t more_bytes;
    struct vmb_testdev_reply reply;
    bool done;
    uint32_t place; /* its completion was the n-th of the channel, from 0 */
};

/* What to open: pages of each ring, and whose interrupts. */
struct device_cfg {
    uint16_t subchannel;
    uint16_t txn_cap; /* 0: DEVICE_TXNS */
    uint32_t tx_pages, rx_pages;
    unsigned cpu;
};

/* Once: memory for the rings. */
void devices_begin(void);

/* Into devices[cfg->subchannel]. */
struct device *device_open(const struct device_cfg *cfg);
void device_close(struct device *dev);

/* Sends or stages; the statuses of vmb_chan_send(). */
enum vmb_status device_send(struct device *dev, struct job *job);
enum vmb_status device_stage(struct device *dev, struct job *job);

/* The next packet in good time, slept or polled for. */
void device_receive(struct device *dev, struct vmb_rx *rx);

/* The next packet must be a completion: that of the job returned.  It is not
 * released yet. */
struct job *device_take(struct device *dev);

/* One completion, taken and released. */
struct job *device_collect(struct device *dev);

/* All jobs, staged as far as the rings take them, and all replies. */
void device_run(struct device *dev, struct job *jobs, size_t count);
void device_do(struct device *dev, struct job *job);

/* A job without memory. */
struct job job_of(enum vmb_testdev_op op, uint32_t count);

struct vmb_testdev_stats device_stats(struct device *dev);

/* The reply says VMB_TESTDEV_OK and has the given length. */
bool check_reply(const struct job *job, uint64_t bytes);

#endif
