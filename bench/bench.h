/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H
/*
 * What the contestants have in common.  Each sends the same packets through a
 * ring of the same size, with the control page of VMBus: any sender can feed
 * any receiver.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmb/ring.h>
#include <vmb/wire/ring.h>

#define RING_PAGES   16u
#define RING_BYTES   (RING_PAGES * VMB_PAGE_SIZE)
#define BATCH        32u /* the longest, in packets */
#define BATCH_BYTES  (RING_BYTES / 8)
#define PAYLOAD_MOST 4096u
#define PAGES_MOST   32u
#define LINE         128 /* cache lines are fetched in pairs */

/* In-band, or naming one stretch of `pages` whole pages. */
struct packet {
    const char *name;
    uint32_t payload; /* bytes, a multiple of 8 */
    uint32_t pages;
};

/* What all of them send, and where they put what they receive. */
struct job {
    const struct packet *packet;
    uint32_t batch;   /* packets shown to the other side at once */
    uint8_t *pages;   /* the ring; a ring's space lies on either side of it */
    uint8_t *image;   /* the packet as it looks in a ring ... */
    uint32_t bytes;   /* ... header to trailer */
    uint8_t *payload; /* packet->payload of them */
    uint64_t *pfns;   /* packet->pages of them */
    uint8_t *sink;    /* room for the image */
};

/*
 * begin_send() returns the bytes that a packet takes in the ring, and
 * begin_receive() is told them: not everybody describes memory as we do.
 * send() and receive() return how many packets they managed of `count`: fewer
 * when the ring is full or empty.  All they did is shown to the other side
 * when they return.
 */
struct contestant {
    const char *name;
    uint32_t (*begin_send)(const struct job *job);
    uint32_t (*send)(uint32_t count);
    void (*begin_receive)(const struct job *job, uint32_t bytes);
    uint32_t (*receive)(uint32_t count);
    bool can_batch;
};

extern const struct contestant limit, ring, channel;
#ifdef BENCH_DPDK
extern const struct contestant dpdk;
#endif

/* main.c: print to stderr and end. */
_Noreturn void die(const char *why);

/* rounds.c: one of several ways to do something `count` times; what it is
 * told.  Returns the seconds that took. */
struct way {
    const char *name;
    double (*run)(const void *what, uint32_t count);
    const void *what;
};

double now(void); /* seconds of a clock that does not jump */

/*
 * Let n ways take turns, `count` times a turn, and print a line of figures for
 * each under title and name, parted by '/'.  rounds 0, here and below: count
 * instructions instead, of `count` times and twice as many.
 */
void compare(const char *title, const struct way *ways, uint32_t n,
             uint32_t count, uint32_t rounds);

void measure_rings(uint32_t rounds);
void measure_exchange(uint32_t rounds);
void measure_disk(uint32_t rounds);

/* threads.c: seconds until `packets` packets are through, on two cores. */
double across_threads(const struct contestant *sender,
                      const struct contestant *receiver, uint32_t packets);

/* latency.c: from the host's signal to the guest's receive, simulated. */
void measure_latency(uint32_t rounds);
void print_sizes(void);

#endif
