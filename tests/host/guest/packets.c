/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Client channels: packet objects, their queue, requests, the host's asking. */
#include "data.h"

#include <vmb/wait.h>

#include "memory.h"

#define PATIENCE (20 * SECOND)
#define WAIT     VMB_SEND_WAIT_FOR_COMPLETION
#define ECHOES   60u
#define BURST    300u
#define SEED     91
#define FIRST_ID UINT64_C(0x900000000)

static const struct vmb_guid device_type = { VMB_TESTDEV_GUID_BYTES };

struct echo { /* a packet object and what it is to bring back */
    struct vmb_packet *packet;
    struct vmb_testdev_request ask;
    uint8_t payload[600];
    uint32_t place;
};

static struct vmb_channel channel;
static char heard[32];
static uint32_t heard_count;
static struct echo echoes[ECHOES];
static struct vmb_testdev_reply reply;
static uint32_t done, good, came, in_batches;

static void hear(char what)
{
    if (heard_count + 1 < sizeof heard)
        heard[heard_count++] = what;
    heard[heard_count] = 0;
}

static bool did_hear(const char *what)
{
    uint32_t i = 0;

    while (what[i] && what[i] == heard[i])
        i++;
    return check_that(what[i] == heard[i], "heard %s instead of %s", heard,
                      what);
}

static enum vmb_status opened(struct vmb_channel *c)
{
    (void)c;
    hear('O');
    return VMB_OK;
}

static void started(struct vmb_channel *c)
{
    (void)c;
    hear('S');
}

static void post_started(struct vmb_channel *c)
{
    (void)c;
    hear('P');
}

static void suspend(struct vmb_channel *c)
{
    (void)c;
    hear('U');
}

static void closed(struct vmb_channel *c)
{
    (void)c;
    hear('C');
}

static void open_failed(struct vmb_channel *c, enum vmb_status status)
{
    (void)c;
    hear('F');
    print("open failed: %s\n", vmb_status_str(status));
}

/* A packet of a burst: in order, whole, and answered. */
static void process_packet(struct vmb_channel *c,
                           struct vmb_packet_completion *packet,
                           const void *buffer, uint32_t bytes, uint32_t flags)
{
    const struct vmb_testdev_burst *head = buffer;
    const uint8_t *rest = (const uint8_t *)buffer + sizeof *head;
    uint64_t answer = came;

    (void)c;
    check_that(bytes == 104 && flags == 0, "%u bytes", (unsigned)bytes);
    check_that(head->index == came, "packet %u where %u was due",
               (unsigned)head->index, (unsigned)came);
    check_that(vmb_testdev_mismatch(rest, 100 - sizeof *head, SEED + came, 0) ==
                   100 - sizeof *head,
               "packet %u has other bytes", (unsigned)came);
    came++;
    example_expect("complete",
                   vmb_channel_packet_complete(packet, &answer, sizeof answer),
                   NULL);
}

static void processing_complete(struct vmb_channel *c, uint32_t packets)
{
    (void)c;
    in_batches += packets;
}

/* ---- The main loop --------------------------------------------------------
 */

static void turn(void)
{
    enum vmb_status polled, processed;

    poll_connection();
    polled = vmb_channel_poll(&channel);
    while (vmb_cpu_next_ready(&ex.cpus[cpu_index()]))
        ;
    processed = vmb_channel_process(&channel, 16);
    if (polled != VMB_AGAIN && processed != VMB_AGAIN)
        (void)nap(20); /* this host does not tell of all the room there is */
}

#define UNTIL(condition)                                       \
    do {                                                       \
        uint64_t end_ = vmb_hv_now(&ex.hv) + PATIENCE;         \
                                                               \
        while (!(condition) && vmb_hv_now(&ex.hv) < end_)      \
            turn();                                            \
        check_that(condition, "still not so: %s", #condition); \
    } while (0)

static void make_channel(void)
{
    struct vmb_channel_cfg cfg = {
        .conn = &ex.conn,
        .type = &device_type,
        .name = "packets",
        .callbacks = { opened, started, post_started, suspend, closed,
                       open_failed, process_packet, processing_complete },
        .packet_bytes = 700,
        .external_bytes = 16 * VMB_PAGE_SIZE,
        .external_mdls = 4,
        .tx_pages = 1,
        .rx_pages = 1,
        /* The device reads nothing while it waits for room: all answers to a
         * burst may have to wait, each in its packet's object. */
        .incoming = BURST,
    };
    size_t bytes = vmb_channel_sizeof_memory(&cfg);
    size_t pages = (bytes + VMB_PAGE_SIZE - 1) / VMB_PAGE_SIZE;

    cfg.memory = pages_need(pages);
    cfg.memory_bytes = pages * VMB_PAGE_SIZE;
    channel = (struct vmb_channel){ .state_ = VMB_CHANNEL_DISABLED };
    example_expect("channel", vmb_channel_initialize(&channel, &cfg), NULL);
}

static void bring_up(void)
{
    example_expect("enable", vmb_channel_enable(&channel), NULL);
    example_expect("open", vmb_wait_channel(&channel, PATIENCE), NULL);
}

static void take_down(void)
{
    example_expect("disable", vmb_wait_channel_disable(&channel, PATIENCE),
                   NULL);
}

/* ---- Memory ---------------------------------------------------------------
 */

static void take_reply(struct vmb_packet *packet, enum vmb_status status,
                       const void *buffer, uint32_t bytes)
{
    struct vmb_testdev_reply *to = vmb_packet_get_pointer(packet);

    check_that(status == VMB_OK && bytes >= sizeof *to, "%s, %u bytes",
               vmb_status_str(status), (unsigned)bytes);
    if (bytes >= sizeof *to)
        *to = *(const struct vmb_testdev_reply *)buffer;
    done++;
}

static struct vmb_packet *new_packet(void (*routine)(struct vmb_packet *,
                                                     enum vmb_status,
                                                     const void *, uint32_t))
{
    size_t bytes = vmb_channel_sizeof_packet(&channel);
    struct vmb_packet *packet;

    example_expect("packet",
                   vmb_packet_initialize(&channel,
                                         pages_need((bytes + 4095) / 4096),
                                         bytes, &packet),
                   NULL);
    example_expect("routine",
                   vmb_packet_set_completion_routine(packet, routine), NULL);
    return packet;
}

static void one_stretch(struct vmb_packet *packet, const struct memory *memory,
                        const struct vmb_mdl *chain, uint64_t offset,
                        uint64_t length)
{
    struct job job = hash_job(chain, offset, length);

    done = 0;
    example_expect("hash",
                   vmb_packet_send_with_external_mdl(packet, &job.ask,
                                                     sizeof job.ask, chain,
                                                     offset, length, WAIT),
                   NULL);
    UNTIL(done == 1);
    job.reply = reply;
    check_hashed(&job);
    job = fill_job(chain, offset, length, offset + 5);
    example_expect("fill",
                   vmb_packet_send_with_external_mdl(packet, &job.ask,
                                                     sizeof job.ask, chain,
                                                     offset, length, WAIT),
                   NULL);
    UNTIL(done == 2);
    job.reply = reply;
    chain_fill_shadow(memory, chain, offset, length, offset + 5);
    check_filled(&job);
    check_memory(memory);
}

static void sub_ranges(void)
{
    static const uint64_t stretch[][2] = {
        { 0, 0 },       { 0, 1 },     { 1, 0 },       { 4999, 2 },
        { 4000, 6000 }, { 5000, 3 },  { 5003, 0 },    { 5002, 1 },
        { 13002, 1 },   { 700, 900 }, { 4096, 4096 }, { 100, 12000 },
    };
    struct memory memory = memory_make(12);
    struct vmb_packet *packet = new_packet(take_reply);
    uint64_t pfns[3][4];
    struct vmb_mdl chain[3];

    check_begin("packets.sub-ranges");
    vmb_packet_set_pointer(packet, &reply);
    chain[0] = mdl_of(memory.real + 3 * 4096 + 300, 5000, pfns[0], 4);
    chain[1] = mdl_of(memory.real + 77, 3, pfns[1], 4);
    chain[2] = mdl_of(memory.real + 8 * 4096 + 1, 8000, pfns[2], 4);
    chain[0].next = &chain[1];
    chain[1].next = &chain[2];
    for (size_t i = 0; i < sizeof stretch / sizeof stretch[0]; i++)
        one_stretch(packet, &memory, chain, stretch[i][0], stretch[i][1]);
    check_end();
}

/* ---- The queue ------------------------------------------------------------
 */

static void take_echo(struct vmb_packet *packet, enum vmb_status status,
                      const void *buffer, uint32_t bytes)
{
    struct echo *echo = vmb_packet_get_pointer(packet);
    const struct vmb_testdev_reply *head = buffer;
    uint32_t length = (uint32_t)echo->ask.length;

    echo->place = done++;
    if (status == VMB_OK && bytes >= sizeof *head + length &&
        vmb_testdev_mismatch(head + 1, length, echo->ask.seed, 0) == length)
        good++;
}

static void send_echo(struct echo *echo, uint32_t n)
{
    static uint8_t buffer[sizeof echo->ask + sizeof echo->payload];
    uint32_t length = 100 + n * 37 % 500;

    echo->ask = job_of(VMB_TESTDEV_ECHO, 0).ask;
    echo->ask.length = length;
    echo->ask.seed = n;
    vmb_testdev_fill(echo->payload, length, n, 0);
    __builtin_memcpy(buffer, &echo->ask, sizeof echo->ask);
    __builtin_memcpy(buffer + sizeof echo->ask, echo->payload, length);
    vmb_packet_set_pointer(echo->packet, echo);
    example_expect("send",
                   vmb_packet_send(echo->packet, buffer,
                                   (uint32_t)sizeof echo->ask + length, NULL,
                                   WAIT),
                   NULL);
    __builtin_memset(buffer, 0xee, sizeof buffer); /* it has been copied */
}

static void small_ring(void)
{
    uint32_t waited = 0;

    check_begin("packets.small-ring");
    done = good = 0;
    for (uint32_t n = 0; n < ECHOES; n++) {
        echoes[n].packet = new_packet(take_echo);
        send_echo(&echoes[n], n);
        waited += vmb_packet_state(echoes[n].packet) == VMB_PACKET_QUEUED;
    }
    UNTIL(done == ECHOES);
    check_that(good == ECHOES, "%u of them whole", (unsigned)good);
    for (uint32_t n = 0; n < ECHOES; n++)
        check_that(echoes[n].place == n, "packet %u came as number %u",
                   (unsigned)n, (unsigned)echoes[n].place);
    check_that(waited > 0, "the ring took them all");
    check_end_with("%u of %u waited", (unsigned)waited, ECHOES);
}

/* ---- Requests that are waited for ------------------------------------------
 */

static enum vmb_status ask(struct vmb_request *request, enum vmb_testdev_op op,
                           uint64_t timeout)
{
    struct job job = job_of(op, 0);

    return vmb_wait_synchronous_request(&channel, request, &job.ask,
                                        sizeof job.ask, NULL, WAIT, timeout);
}

static void requests(void)
{
    struct vmb_request request = { .reply = &reply, .room = sizeof reply };
    enum vmb_status status;

    check_begin("packets.requests");
    status = ask(&request, VMB_TESTDEV_STATS, PATIENCE);
    check_that(status == VMB_E_TOOBIG && request.bytes == sizeof reply &&
                   request.needed ==
                       sizeof reply + sizeof(struct vmb_testdev_stats),
               "stats: %s", vmb_status_str(status));
    status = ask(&request, VMB_TESTDEV_HOLD, SECOND / 20);
    check_that(status == VMB_E_TIMEOUT, "held: %s", vmb_status_str(status));
    check_that(vmb_channel_abandoned(&channel) == 1, "not abandoned");
    status = ask(&request, VMB_TESTDEV_RELEASE, PATIENCE);
    check_that(status == VMB_OK && reply.bytes == 1, "release: %s",
               vmb_status_str(status));
    UNTIL(vmb_channel_abandoned(&channel) == 0);
    check_end();
}

/* ---- What the host sends ----------------------------------------------------
 */

static void burst(void)
{
    struct vmb_packet *packet = new_packet(take_reply);
    struct job job = job_of(VMB_TESTDEV_BURST, BURST);
    struct {
        struct vmb_testdev_reply reply;
        struct vmb_testdev_stats stats;
    } answer;
    struct vmb_request request = { .reply = &answer, .room = sizeof answer };

    check_begin("packets.burst");
    done = came = in_batches = 0;
    job.ask.flags = VMB_TESTDEV_ASK_COMPLETION;
    job.ask.length = 100;
    job.ask.offset = FIRST_ID;
    job.ask.seed = SEED;
    vmb_packet_set_pointer(packet, &reply);
    example_expect(
        "burst", vmb_packet_send(packet, &job.ask, sizeof job.ask, NULL, WAIT),
        NULL);
    UNTIL(came == BURST && done == 1);
    check_that(in_batches == BURST, "%u in batches", (unsigned)in_batches);
    example_expect("stats", ask(&request, VMB_TESTDEV_STATS, PATIENCE), NULL);
    check_that(answer.stats.completions_good == BURST &&
                   answer.stats.completions_bad == 0,
               "the host counts %u answers, %u bad ones",
               (unsigned)answer.stats.completions_good,
               (unsigned)answer.stats.completions_bad);
    check_end();
}

static void life(void)
{
    check_begin("packets.life");
    example_expect("pause", vmb_wait_channel_pause(&channel, PATIENCE), NULL);
    example_expect("start", vmb_channel_start(&channel), NULL);
    UNTIL(heard_count == 6);
    take_down();
    did_hear("OSPUSPUC");
    bring_up();
    UNTIL(heard_count == 11);
    take_down();
    did_hear("OSPUSPUCOSPUC");
    check_end();
}

void test_packets(void)
{
    heard_count = 0;
    make_channel();
    bring_up();
    UNTIL(heard_count == 3);
    sub_ranges();
    small_ring();
    requests();
    burst();
    life();
}
