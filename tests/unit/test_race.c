/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Library and host at once, on two threads, each going to sleep whenever the
 * rules allow it and waking the other only when the rules say so.  A wake-up
 * that is lost shows as a sleep that takes too long; the thread sanitizer sees
 * what is not ordered.  The host's side is peer.c and the rules below:
 *
 *   after a packet   signal if the mask is 0 and the ring was empty before
 *   after reading    signal if free space came to reach pending_send_size
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include "fake_bus.h"
#include "packets.h"
#include "vmbus/chan_internal.h"
#include "vmbus/conn_internal.h"

#define PACKETS  30000u
#define PATIENCE 20 /* seconds; a wake-up takes microseconds */

static uint8_t *pages;
static struct peer_ring ring;
static sem_t guest_wakes, host_wakes;
static struct peer_image host_image;

static void sleep_on(sem_t *sem, const char *who)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    while (sem_timedwait(sem, &until) != 0) {
        if (errno != EINTR) {
            print_message("%s was not woken\n", who);
            abort();
        }
    }
}

/* Packet `number` has as many payload bytes as this, all alike. */
static uint32_t length_of(uint32_t number)
{
    return 8 * (1 + number * 7919 % 60);
}

/* ---- the library sends --------------------------------------------------- */

static uint32_t free_bytes(void)
{
    return ring.size - peer_used(&ring);
}

/* Both sides of the comparison by the same write index, the latest. */
static void host_wakes_sender(uint32_t taken)
{
    uint32_t wish = peer_word(&ring, PEER_PENDING);
    uint32_t after = free_bytes();

    if (wish && after - taken < wish && after >= wish)
        sem_post(&guest_wakes);
}

static void *host_receives(void *context)
{
    uint32_t number;

    (void)context;
    for (number = 0; number < PACKETS; number++) {
        while (!peer_take(&ring, &host_image)) {
            peer_set_word(&ring, PEER_MASK, 0);
            if (peer_used(&ring) == 0)
                sleep_on(&host_wakes, "the host, as receiver,");
            peer_set_word(&ring, PEER_MASK, 1);
        }
        if (peer_get(&host_image, 8, 8) != number ||
            host_image.len != 24 + length_of(number) ||
            host_image.b[host_image.len - 9] != (uint8_t)number)
            abort();
        host_wakes_sender(host_image.len);
    }
    return NULL;
}

static void send_number(struct vmb_ring_tx *tx, uint32_t number)
{
    static uint8_t payload[500];
    struct vmb_iov iov = { payload, length_of(number) };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    struct vmb_out_size size;
    struct vmb_fault fault;

    memset(payload, (uint8_t)number, sizeof payload);
    assert_int_equal(vmb_ring_measure(&out, &size), VMB_OK);
    while (vmb_ring_reserve(tx, size.total, &fault) == VMB_AGAIN)
        if (vmb_ring_want_room(tx, size.total, &fault) == VMB_AGAIN)
            sleep_on(&guest_wakes, "the library, as sender,");
    vmb_ring_write(tx, &out, &size, number);
    if (vmb_ring_publish(tx))
        sem_post(&host_wakes);
}

static void run(void *(*host)(void *), void (*guest)(void))
{
    pthread_t thread;

    sem_init(&guest_wakes, 0, 0);
    sem_init(&host_wakes, 0, 0);
    assert_int_equal(pthread_create(&thread, NULL, host, NULL), 0);
    guest();
    assert_int_equal(pthread_join(thread, NULL), 0);
    sem_destroy(&guest_wakes);
    sem_destroy(&host_wakes);
    free(pages);
}

static struct vmb_ring_tx tx;

static void guest_sends(void)
{
    uint32_t number;

    for (number = 0; number < PACKETS; number++)
        send_number(&tx, number);
}

static void nobody_sleeps_on_a_packet_or_on_room(void **state)
{
    (void)state;
    pages = new_pages(2);
    vmb_ring_tx_init(&tx, pages, 1);
    ring = peer_of_tx(&tx);
    peer_set_word(&ring, PEER_MASK, 1);
    run(host_receives, guest_sends);
}

/* ---- the library receives ------------------------------------------------ */

static bool host_adds(uint32_t number)
{
    uint32_t i;

    peer_begin(&host_image, 6, 0, number);
    peer_payload(&host_image);
    for (i = 0; i < length_of(number); i += 8)
        peer_put64(&host_image, number);
    peer_end(&host_image, 0);
    return peer_add(&ring, &host_image);
}

static void host_sends_number(uint32_t number)
{
    uint32_t start;

    for (;;) {
        start = peer_word(&ring, PEER_WRITE);
        if (host_adds(number))
            break;
        peer_set_word(&ring, PEER_PENDING, host_image.len + 8);
        if (free_bytes() < host_image.len + 8)
            sleep_on(&host_wakes, "the host, as sender,");
        peer_set_word(&ring, PEER_PENDING, 0);
    }
    if (peer_word(&ring, PEER_MASK) == 0 &&
        peer_word(&ring, PEER_READ) == start)
        sem_post(&guest_wakes);
}

static void *host_sends(void *context)
{
    uint32_t number;

    (void)context;
    for (number = 0; number < PACKETS; number++)
        host_sends_number(number);
    return NULL;
}

static struct vmb_ring_rx rx;

static void receive_number(uint32_t number)
{
    uint64_t payload[64] = { 0 };
    struct vmb_fault fault;
    struct vmb_rx out;
    enum vmb_status status;

    while ((status = vmb_ring_next(&rx, &out, &fault)) == VMB_AGAIN) {
        if (vmb_ring_release(&rx))
            sem_post(&host_wakes);
        if (!vmb_ring_arm(&rx))
            sleep_on(&guest_wakes, "the library, as receiver,");
    }
    assert_int_equal(status, VMB_OK);
    assert_int_equal(out.xid, number);
    assert_int_equal(out.len, length_of(number));
    assert_int_equal(vmb_ring_copy(&rx, &out, 0, payload, sizeof payload),
                     out.len);
    assert_int_equal(payload[out.len / 8 - 1], number);
    if (number % 5 == 0 && vmb_ring_release(&rx))
        sem_post(&host_wakes);
}

static void guest_receives(void)
{
    uint32_t number;

    for (number = 0; number < PACKETS; number++)
        receive_number(number);
}

static void nobody_sleeps_on_what_slipped_in(void **state)
{
    (void)state;
    pages = new_pages(2);
    vmb_ring_rx_init(&rx, pages, 1);
    ring = peer_of_rx(&rx);
    peer_set_word(&ring, PEER_FEATURE, 1);
    run(host_sends, guest_receives);
}

/* ---- a channel receives -------------------------------------------------- */

static struct fake_bus bus;
static struct vmb_chan chan;
static bool polls;
static struct peer_ring up; /* the channel's other ring */

static void wake_host(struct fake_bus *from, struct vmb_chan *of)
{
    (void)from;
    (void)of;
    sem_post(&host_wakes);
}

static void take_number(uint32_t number)
{
    enum vmb_status status;
    struct vmb_rx out;

    while ((status = vmb_chan_recv(&chan, &out)) == VMB_AGAIN) {
        assert_int_equal(vmb_chan_release(&chan), VMB_OK);
        if (!polls && !vmb_chan_arm(&chan))
            sleep_on(&guest_wakes, "the channel, as receiver,");
    }
    assert_int_equal(status, VMB_OK);
    assert_int_equal(out.xid, number);
    if (number % 5 == 0)
        assert_int_equal(vmb_chan_release(&chan), VMB_OK);
}

static void channel_receives(void)
{
    uint32_t number;

    for (number = 0; number < PACKETS; number++)
        take_number(number);
}

static void open_channel(void)
{
    struct vmb_chan_cfg cfg = { .tx_pages = 1, .rx_pages = 1 };

    pages = new_pages(4);
    cfg.ring = pages;
    fake_bus_init(&bus);
    bus.on_signal = wake_host;
    memset(&chan, 0, sizeof chan);
    fake_open(&bus, &chan, &cfg);
    ring = peer_of_rx(&chan.rx_);
    peer_set_word(&ring, PEER_FEATURE, 1);
    up = peer_of_tx(&chan.tx_);
    peer_set_word(&up, PEER_MASK, 1);
}

static void receive_by_channel(bool without_arming)
{
    polls = without_arming;
    open_channel();
    run(host_sends, channel_receives);
}

static void a_channel_leaves_nobody_asleep(void **state)
{
    (void)state;
    receive_by_channel(false);
    receive_by_channel(true);
}

/* ---- a channel asks, and is answered ------------------------------------- */

#define QUESTIONS 8000u

/* One thread on each side, and no room to spare: the host reads nothing while
 * it waits for room, and a guest that waits for room still receives. */
static struct peer_image question;

static void host_takes_question(uint32_t number)
{
    uint32_t wish, after;

    while (!peer_take(&up, &question)) {
        peer_set_word(&up, PEER_MASK, 0);
        if (peer_used(&up) == 0)
            sleep_on(&host_wakes, "the host, as receiver,");
        peer_set_word(&up, PEER_MASK, 1);
    }
    if (question.len != 24 + length_of(number))
        abort();
    wish = peer_word(&up, PEER_PENDING);
    after = up.size - peer_used(&up);
    if (wish && after - question.len <= wish && after >= wish)
        sem_post(&guest_wakes);
}

static void *host_answers(void *context)
{
    uint32_t number;

    (void)context;
    for (number = 0; number < QUESTIONS; number++) {
        host_takes_question(number);
        host_sends_number(number);
    }
    return NULL;
}

static enum vmb_status ask_number(uint32_t number)
{
    static const uint8_t payload[500];
    const struct vmb_iov iov = { payload, length_of(number) };
    const struct vmb_out out = { .kind = VMB_INBAND,
                                 .iov = &iov,
                                 .iov_count = 1 };

    return vmb_chan_send(&chan, &out);
}

/* Up to `most` answers, given back at once, late, or with the next ones. */
static enum vmb_status take_answers(uint32_t *number, uint32_t most)
{
    enum vmb_status status = VMB_OK;
    struct vmb_rx out;
    uint32_t had = *number;

    while (status == VMB_OK && *number - had < most) {
        status = vmb_chan_recv(&chan, &out);
        if (status != VMB_OK)
            break;
        assert_int_equal(out.xid, *number);
        ++*number;
        if (*number % 7 == 0)
            assert_int_equal(vmb_chan_release(&chan), VMB_OK);
    }
    if (most % 2)
        assert_int_equal(vmb_chan_release(&chan), VMB_OK);
    return status;
}

static void channel_asks(void)
{
    uint32_t asked = 0, answered = 0, turn = 0;
    enum vmb_status sent = VMB_OK, received;

    while (answered < QUESTIONS) {
        while (asked < QUESTIONS && (sent = ask_number(asked)) == VMB_OK)
            asked++;
        if (asked < QUESTIONS)
            assert_int_equal(sent, VMB_AGAIN);
        received = take_answers(&answered, 1 + turn++ * 7919 % 5);
        if (received == VMB_OK)
            continue;
        assert_int_equal(received, VMB_AGAIN);
        assert_int_equal(vmb_chan_release(&chan), VMB_OK);
        if (polls)
            sched_yield();
        else if (answered < QUESTIONS && !vmb_chan_arm(&chan))
            sleep_on(&guest_wakes, "the channel, as both,");
    }
}

static void neither_side_waits_for_the_other(void **state)
{
    (void)state;
    polls = false;
    open_channel();
    run(host_answers, channel_asks);
    polls = true;
    open_channel();
    run(host_answers, channel_asks);
}

/* ---- completions that the host makes up ---------------------------------- */

#define FORGED_SLOTS 4u

static struct vmb_chan forged;
static struct vmb_txn slots[FORGED_SLOTS];

/* It need not wait for the ring to know an id: they count. */
static void *host_guesses(void *context)
{
    uint32_t generation[FORGED_SLOTS] = { 0 }, found = 0, slot = 0;
    struct vmb_rx out = { .kind = VMB_COMPLETION };

    (void)context;
    while (found < PACKETS) {
        slot = (slot + 1) % FORGED_SLOTS;
        out.xid = (uint64_t)(generation[slot] + 1) << 32 | (slot + 1);
        if (!vmb_txn_finish(&forged, &out))
            continue;
        if (out.user != &slots)
            abort();
        generation[slot]++;
        found++;
    }
    return NULL;
}

static void guest_asks(void)
{
    uint32_t number;

    for (number = 0; number < PACKETS; number++) {
        while (!vmb_txn_available(&forged))
            sched_yield();
        (void)vmb_txn_take(&forged, &slots);
    }
}

static void a_guess_finds_a_slot_whole_or_not_at_all(void **state)
{
    (void)state;
    pages = NULL;
    forged.txns_ = slots;
    forged.txn_cap_ = FORGED_SLOTS;
    vmb_txn_init(&forged);
    run(host_guesses, guest_asks);
}

/* ---- flags: the host sets, a handler collects, a reader takes them ------- */

#define FLAGS  60u /* all in one word, where they meet most */
#define ROUNDS 300u

static struct vmb_hv hv;
static struct vmb_cpu cpu;
static struct vmb_conn conn;
static struct vmb_offer offers[FLAGS + 1]; /* by relid, from 1 on */
static struct vmb_chan flagged[FLAGS];
static uint32_t taken[FLAGS]; /* so often, each */
static bool over;

static bool is_over(void)
{
    return __atomic_load_n(&over, __ATOMIC_ACQUIRE);
}

/* A flag again as soon as it was taken: whoever loses one stops that. */
static void *host_flags(void *context)
{
    uint64_t *word = (uint64_t *)(void *)(pages + PAGE + 2 * 256);
    uint32_t set[FLAGS] = { 0 }, i;

    (void)context;
    while (!is_over()) {
        for (i = 0; i < FLAGS; i++) {
            if (set[i] == ROUNDS ||
                __atomic_load_n(&taken[i], __ATOMIC_ACQUIRE) != set[i])
                continue;
            set[i]++;
            __atomic_fetch_or(word, 2ull << i, __ATOMIC_RELEASE);
        }
        sched_yield();
    }
    return NULL;
}

static void *handler_scans(void *context)
{
    (void)context;
    while (!is_over())
        if (!vmb_cpu_scan(&cpu))
            sched_yield();
    return NULL;
}

static void place_flags(void)
{
    uint32_t i;

    pages = new_pages(2);
    cpu.hv_ = &hv;
    cpu.conn_ = &conn;
    cpu.simp_ = pages;
    cpu.siefp_ = pages + PAGE;
    conn.cfg_.offers = offers;
    conn.cfg_.offer_cap = COUNT(offers);
    for (i = 0; i < FLAGS; i++) {
        flagged[i].gate_ = VMB_GATE(VMB_OK);
        offers[i + 1].relid = i + 1;
        offers[i + 1].chan_ = &flagged[i];
    }
}

static void no_flag_is_lost_between_three(void **state)
{
    time_t end = time(NULL) + PATIENCE;
    pthread_t host, handler;
    struct vmb_chan *ready;
    uint32_t found = 0;

    (void)state;
    place_flags();
    assert_int_equal(pthread_create(&host, NULL, host_flags, NULL), 0);
    assert_int_equal(pthread_create(&handler, NULL, handler_scans, NULL), 0);
    while (found < FLAGS * ROUNDS && time(NULL) < end) {
        ready = vmb_cpu_next_ready(&cpu);
        if (!ready) {
            sched_yield();
            continue;
        }
        found++;
        __atomic_add_fetch(&taken[ready - flagged], 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    assert_int_equal(pthread_join(host, NULL), 0);
    assert_int_equal(pthread_join(handler, NULL), 0);
    assert_int_equal(found, FLAGS * ROUNDS);
    free(pages);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_sleeps_on_a_packet_or_on_room),
        cmocka_unit_test(nobody_sleeps_on_what_slipped_in),
        cmocka_unit_test(a_channel_leaves_nobody_asleep),
        cmocka_unit_test(neither_side_waits_for_the_other),
        cmocka_unit_test(a_guess_finds_a_slot_whole_or_not_at_all),
        cmocka_unit_test(no_flag_is_lost_between_three),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
