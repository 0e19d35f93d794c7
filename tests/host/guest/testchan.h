/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TEST_CHAN_H
#define TEST_CHAN_H
/*
 * A channel with the waiting that tests want: strict about interrupts, so that
 * one lost is noticed and not covered up by a timer.
 */
#include "support.h"

#define TEST_RING_PAGES 34 /* of both rings, with their headers */

struct test_chan {
    struct vmb_chan chan; /* first: count_flags() goes back from it */
    void *ring;           /* TEST_RING_PAGES */
    unsigned cpu;         /* whose interrupts it uses, and who sleeps for it */
    uint32_t armed;       /* times it was about to sleep ... */
    uint32_t flagged;     /* ... times its event flag was found ... */
    uint32_t missed;      /* ... times a packet came without waking it */
    bool slept_in_vain;
    uint32_t poll_ms; /* halt so long between polls; 0: spin */
};

struct test_chan_cfg {
    uint32_t tx_pages, rx_pages;
    unsigned cpu;
    struct vmb_txn *txns;
    uint16_t txn_cap;
};

/* Any failure ends the guest. */
void test_chan_open(struct test_chan *test, struct vmb_offer *offer,
                    const struct test_chan_cfg *cfg);
void test_chan_close(struct test_chan *test);
void test_chan_release(struct test_chan *test);

/* The next packet, slept or polled for; VMB_E_TIMEOUT after `time`. */
enum vmb_status test_chan_receive(struct test_chan *test, struct vmb_rx *rx,
                                  uint64_t time);

/* Ends the guest unless status is VMB_OK, with the channel's fault. */
void test_chan_expect(struct test_chan *test, const char *what,
                      enum vmb_status status);

#endif
