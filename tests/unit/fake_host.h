/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_UNIT_FAKE_HOST_H
#define TESTS_UNIT_FAKE_HOST_H
/*
 * The least of a VMBus host, over a fake processor: it answers each control
 * message with yes, unless told to keep silent, and never moves by itself.
 * platform/sim is the host that knows the protocol; this one is for the few
 * tests that want to hold every message in their hands.
 */
#include <vmb/conn.h>

#include "fake_cpu.h"

#define HOST_OFFERS 4u
#define HOST_QUEUE  32u

struct fake_host {
    struct fake_cpu machine;
    struct vmb_hv hv;
    struct vmb_cpu cpu[2];
    struct vmb_conn conn;
    struct vmb_conn_cfg cfg;
    struct vmb_offer offers[HOST_OFFERS];
    uint8_t *pages;
    uint32_t version;            /* the only one it speaks */
    uint32_t state;              /* in its version response */
    bool silent[32];             /* these numbers get no answer */
    uint64_t says;               /* the status of every HvPostMessage */
    uint32_t refused;            /* number whose post gets .says, 0: all */
    uint32_t devices;            /* offered when asked: relids 1, 2 ... */
    uint32_t signals, signalled; /* how many, the last connection id */
    /* What was posted, by number, "14 3 "; and what waits for the slot. */
    char log[256];
    uint32_t gpadl_left, gpadl_relid, gpadl_bodies;
    struct {
        uint8_t bytes[240];
        uint32_t len;
    } queue[HOST_QUEUE];
    uint32_t head, tail;
};

/* A machine with an interface and two CPUs brought up; cfg is filled in. */
void host_init(struct fake_host *host, uint32_t version);
void host_free(struct fake_host *host);

/* Queue a message: number and 32-bit words after the 8-byte header. */
void host_send(struct fake_host *host, uint32_t number, const uint32_t *words,
               uint32_t count);
void host_offer(struct fake_host *host, uint32_t relid);
void host_rescind(struct fake_host *host, uint32_t relid);

/* Put the next message into the slot if it is free, then poll once. */
enum vmb_status host_turn(struct fake_host *host);
/* Turns until nothing is queued and poll has nothing in flight. */
enum vmb_status host_settle(struct fake_host *host);

/* Connects; all offers are there. */
void host_connect(struct fake_host *host);

#define assert_posted(host, expected)                 \
    do {                                              \
        assert_string_equal((host)->log, (expected)); \
        (host)->log[0] = 0;                           \
    } while (0)

#endif
