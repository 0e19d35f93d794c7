/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Runs every contestant through every case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include "bench.h"

#define ROUND_BYTES    (192u * 1024)
#define THREAD_BYTES   (2048u * 1024)
#define COUNTED        300u
#define CONTESTANT_MAX 4u
#define PIECE(job)     (RING_BYTES / 2 / (job)->bytes)

static const struct contestant *const contestants[] = {
    &limit,
    &ring,
    &channel,
#ifdef BENCH_DPDK
    &dpdk,
#endif
};
#define CONTESTANTS (sizeof contestants / sizeof contestants[0])
_Static_assert(CONTESTANTS <= CONTESTANT_MAX, "room for every figure");

static const struct packet packets[] = {
    { "64 bytes", 64, 0 },     { "256 bytes", 256, 0 },
    { "4096 bytes", 4096, 0 }, { "1 page", 64, 1 },
    { "8 pages", 64, 8 },      { "32 pages", 64, PAGES_MOST },
};
#define PACKETS (sizeof packets / sizeof packets[0])

/* ---- what is sent ---------------------------------------------------------
 */

static uint8_t image[PAYLOAD_MOST + 64], sink[PAYLOAD_MOST + 64];
static uint8_t payload[PAYLOAD_MOST];
static uint64_t pfns[PAGES_MOST];

static void put64(struct job *job, uint64_t value)
{
    memcpy(job->image + job->bytes, &value, sizeof value);
    job->bytes += sizeof value;
}

static void lay_image(struct job *job)
{
    const struct packet *packet = job->packet;
    uint64_t head = packet->pages ? 4 + packet->pages : 2, i;
    uint64_t type = packet->pages ? VMB_PACKET_GPA_DIRECT : VMB_PACKET_INBAND;

    job->bytes = 0;
    put64(job, type | head << 16 | (head + packet->payload / 8) << 32);
    put64(job, 0);
    if (packet->pages) {
        put64(job, 1ull << 32);
        put64(job, packet->pages * VMB_PAGE_SIZE);
    }
    for (i = 0; i < packet->pages; i++)
        put64(job, job->pfns[i]);
    memcpy(job->image + job->bytes, job->payload, packet->payload);
    job->bytes += packet->payload;
    put64(job, 0);
}

static struct job job_of(const struct packet *packet, uint32_t batch)
{
    static uint8_t *arena;
    const size_t ring_bytes = RING_BYTES + VMB_PAGE_SIZE;
    struct job job = { .packet = packet,
                       .batch = batch,
                       .image = image,
                       .payload = payload,
                       .pfns = pfns,
                       .sink = sink };
    uint32_t i;

    if (!arena)
        arena = aligned_alloc(VMB_PAGE_SIZE, 3 * ring_bytes);
    if (!arena)
        die("out of memory");
    memset(arena, 0, 3 * ring_bytes);
    job.pages = arena + ring_bytes;
    for (i = 0; i < PAGES_MOST; i++)
        pfns[i] = 0x12345 + i * 3;
    lay_image(&job);
    return job;
}

static struct vmb_ring_control *control_of(const struct job *job)
{
    return (void *)job->pages;
}

/* Empty, both ends at 0; the other side polls and wants no signal. */
static void begin(const struct job *job, const struct contestant *sender,
                  const struct contestant *receiver)
{
    uint32_t bytes;

    memset(job->pages, 0, VMB_PAGE_SIZE);
    bytes = sender->begin_send(job);
    receiver->begin_receive(job, bytes);
    control_of(job)->interrupt_mask = 1;
    control_of(job)->features = VMB_RING_FEATURE_PENDING;
}

/* ---- one run, in seconds ----------------------------------------------- */

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void all_of(uint32_t (*act)(uint32_t count), uint32_t count)
{
    if (act(count) != count)
        die("the ring has not the room or the packets it should");
}

/* The other side takes everything at once, at next to no cost. */
static double send_alone(const struct job *job, const struct contestant *who,
                         uint32_t count)
{
    struct vmb_ring_control *control = control_of(job);
    uint32_t done, piece;
    double start;

    begin(job, who, &limit);
    start = now();
    for (done = 0; done < count; done += piece) {
        piece = least(PIECE(job), count - done);
        all_of(who->send, piece);
        __atomic_store_n(&control->read, control->write, __ATOMIC_RELEASE);
    }
    return now() - start;
}

/* The ring is filled between the pieces, while clock and count stand. */
static double receive_alone(const struct job *job, const struct contestant *who,
                            uint32_t count)
{
    uint32_t done, piece;
    double start, took = 0;

    begin(job, &limit, who);
    for (done = 0; done < count; done += piece) {
        piece = least(PIECE(job), count - done);
        CALLGRIND_TOGGLE_COLLECT;
        all_of(limit.send, piece);
        CALLGRIND_TOGGLE_COLLECT;
        start = now();
        all_of(who->receive, piece);
        took += now() - start;
    }
    return took;
}

/* Nobody of ours receives GPA-direct packets: the limit plays the host. */
static const struct contestant *receiver_for(const struct job *job,
                                             const struct contestant *sender)
{
    return job->packet->pages ? &limit : sender;
}

static double send_and_receive(const struct job *job,
                               const struct contestant *who, uint32_t count)
{
    const struct contestant *receiver = receiver_for(job, who);
    uint32_t done, piece;
    double start;

    begin(job, who, receiver);
    start = now();
    for (done = 0; done < count; done += piece) {
        piece = least(least(job->batch, PIECE(job)), count - done);
        all_of(who->send, piece);
        all_of(receiver->receive, piece);
    }
    return now() - start;
}

static double two_threads(const struct job *job, const struct contestant *who,
                          uint32_t count)
{
    const struct contestant *receiver = receiver_for(job, who);

    begin(job, who, receiver);
    return across_threads(who, receiver, count);
}

/* ---- every case ---------------------------------------------------------- */

static const struct mode {
    const char *name;
    double (*run)(const struct job *job, const struct contestant *who,
                  uint32_t count);
    bool receives; /* in-band only */
    bool threads;
} modes[] = {
    { "send", send_alone, false, false },
    { "receive", receive_alone, true, false },
    { "pair", send_and_receive, false, false },
    { "threads", two_threads, false, true },
};
#define MODES (sizeof modes / sizeof modes[0])

static bool takes_part(const struct contestant *who, const struct job *job)
{
    return job->batch == 1 || who->can_batch;
}

struct turn {
    const struct mode *mode;
    const struct job *job;
    const struct contestant *who;
};

static double take_turn(const void *what, uint32_t count)
{
    const struct turn *turn = what;

    return turn->mode->run(turn->job, turn->who, count);
}

static void run_case(const struct mode *mode, const struct job *job,
                     uint32_t rounds)
{
    uint32_t bytes = mode->threads ? THREAD_BYTES : ROUND_BYTES;
    struct turn turns[CONTESTANT_MAX];
    struct way ways[CONTESTANT_MAX];
    uint32_t i, n = 0;
    char title[96];

    if (mode->threads && !rounds)
        return; /* they wait for each other: that is no count of work */
    for (i = 0; i < CONTESTANTS; i++) {
        if (!takes_part(contestants[i], job))
            continue;
        turns[n] = (struct turn){ mode, job, contestants[i] };
        ways[n] = (struct way){ contestants[i]->name, take_turn, &turns[n] };
        n++;
    }
    snprintf(title, sizeof title, "%s/%s/%u", mode->name, job->packet->name,
             job->batch);
    compare(title, ways, n, rounds ? bytes / job->bytes : COUNTED, rounds);
}

void measure_rings(uint32_t rounds)
{
    static const uint32_t batches[] = { 1, BATCH };
    uint32_t m, p, b;
    struct job job;

    for (m = 0; m < MODES; m++) {
        for (p = 0; p < PACKETS * 2; p++) {
            b = p % 2;
            job = job_of(&packets[p / 2], batches[b]);
            if (!modes[m].receives || !job.packet->pages)
                run_case(&modes[m], &job, rounds);
        }
    }
}
