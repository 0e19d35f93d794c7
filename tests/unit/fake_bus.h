/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_UNIT_FAKE_BUS_H
#define TESTS_UNIT_FAKE_BUS_H
/*
 * A bus that is neither the native connection nor the firmware's: it keeps
 * what it was asked for until the test answers.  That channels live on it
 * shows that bus.h is all they need.
 */
#include <vmb/chan.h>

#include "unit.h"

#define FAKE_ASKED 4u

struct fake_bus {
    struct vmb_bus bus; /* first: ops get a pointer to it */
    struct vmb_platform plat;
    struct vmb_offer offer;
    /* What each call returns; VMB_OK: accepted. */
    enum vmb_status gpadl_says, down_says, open_says, signal_says;
    /* Accepted and not answered. */
    struct vmb_gpadl *creating, *destroying;
    struct vmb_chan *opening;
    /* Is there a GPADL that the host has been told of and may use? */
    uint32_t held;
    /* Calls in order: G gpadl, D gpadl_down, O open, C close, S signal. */
    char log[64];
    uint32_t calls;
    void (*on_signal)(struct fake_bus *bus, struct vmb_chan *chan);
};

void fake_bus_init(struct fake_bus *bus);

/* Answers to what is pending.  A record of that status, with code 0xc0de. */
void fake_answer_gpadl(struct fake_bus *bus, enum vmb_status status);
void fake_answer_down(struct fake_bus *bus, enum vmb_status status);
void fake_answer_open(struct fake_bus *bus, enum vmb_status status);

/* What the host, or the end of the connection, does of itself. */
void fake_rescind(struct fake_bus *bus, struct vmb_chan *chan);
void fake_lose(struct fake_bus *bus, struct vmb_chan *chan);

/* The calls since the last look were these. */
#define assert_calls(bus, expected)                  \
    do {                                             \
        assert_string_equal((bus)->log, (expected)); \
        (bus)->log[(bus)->calls = 0] = 0;            \
    } while (0)

/* From closed to open and back, all answers VMB_OK; the calls are forgotten. */
void fake_open(struct fake_bus *bus, struct vmb_chan *chan,
               const struct vmb_chan_cfg *cfg);
void fake_close(struct fake_bus *bus, struct vmb_chan *chan);

#endif
