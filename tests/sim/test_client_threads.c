/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Client channels on threads: the host on one of its own, each channel's
 * process() on another, the bus on the test's.  A channel's poll() is [bus] as
 * well, so it runs while its thread rests.  Built with ThreadSanitizer a race
 * is a failure.
 */
#include "client.h"

#include <pthread.h>
#include <sched.h>

#if defined(__SANITIZE_THREAD__)
#define SLOW_BUILD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLOW_BUILD 1
#endif
#endif
#ifdef SLOW_BUILD
#define REQUESTS 2000u
#else
#define REQUESTS 10000u
#endif

#define WORKERS 2u
#define PACKETS 12u
#define WAIT    VMB_SEND_WAIT_FOR_COMPLETION

static struct client clients[WORKERS];
static struct rig *rig;

/* One per client: its packets, and what its thread has found. */
struct work {
    struct client *client;
    struct vmb_packet *packet[PACKETS];
    uint64_t sent[PACKETS]; /* number in it */
    pthread_t thread;
    uint32_t requests; /* that it is to make */
    uint32_t next, dones, wrong;
    enum vmb_status end;
    bool mortal;
    uint32_t over; /* the thread has ended */
};

static struct work works[WORKERS];

static void answered(struct vmb_packet *packet, enum vmb_status status,
                     const void *buffer, uint32_t bytes)
{
    struct work *w = ((struct client *)vmb_channel_get_pointer(
                          vmb_packet_get_channel(packet)))
                         ->own;
    struct vmb_sim_test_request echo;
    uint32_t i = 0;

    w->dones++;
    while (w->packet[i] != packet)
        i++;
    if (status != VMB_OK) {
        w->wrong += !w->mortal;
        return;
    }
    /* VMB_OK means all of it, also from a channel that dies meanwhile. */
    if (bytes < sizeof echo) {
        w->wrong++;
        return;
    }
    memcpy(&echo, buffer, sizeof echo);
    w->wrong += echo.seed != w->sent[i];
}

static enum vmb_status send_all(struct work *w)
{
    uint8_t payload[600] = { 0 };
    uint32_t i;

    for (i = 0; i < PACKETS && w->next < w->requests; i++) {
        struct vmb_sim_test_request echo =
            client_request(VMB_SIM_ECHO, 0, 0, w->next);
        enum vmb_status status;

        if (vmb_packet_state(w->packet[i]) != VMB_PACKET_IDLE)
            continue;
        memcpy(payload, &echo, sizeof echo);
        w->sent[i] = w->next;
        status = vmb_packet_send(w->packet[i], payload, 24 + w->next * 31 % 500,
                                 NULL, WAIT);
        if (status != VMB_OK)
            return status;
        w->next++;
    }
    return VMB_OK;
}

static void *run(void *arg)
{
    struct work *w = arg;
    enum vmb_status status = VMB_OK;

    while (status >= VMB_OK && w->dones < w->requests) {
        status = send_all(w);
        if (status == VMB_OK)
            status = vmb_channel_process(&w->client->channel, 32);
        if (status == VMB_OK)
            sched_yield();
    }
    w->end = status;
    __atomic_store_n(&w->over, 1u, __ATOMIC_RELEASE);
    return NULL;
}

/* Up on the test's own thread; from then on nobody else touches it. */
static void bring_up(struct work *w, struct client *c, struct vmb_sim_dev *dev)
{
    uint32_t i;

    memset(w, 0, sizeof *w);
    w->requests = REQUESTS;
    client_make(c, rig, dev);
    c->cfg.packet_bytes = 600;
    c->cfg.external_bytes = 4096;
    c->cfg.external_mdls = 1;
    c->cfg.tx_pages = c->cfg.rx_pages = 1;
    client_initialize(c);
    w->client = c;
    c->own = w;
    for (i = 0; i < PACKETS; i++) {
        w->packet[i] = client_packet(c);
        assert_int_equal(
            vmb_packet_set_completion_routine(w->packet[i], answered), VMB_OK);
    }
    client_up(c);
    RIG_UNTIL(rig, c->count >= 3);
}

static bool all_over(void)
{
    uint32_t i;

    for (i = 0; i < WORKERS; i++)
        if (!__atomic_load_n(&works[i].over, __ATOMIC_ACQUIRE))
            return false;
    return true;
}

static void play(bool mortal)
{
    struct vmb_sim_dev *dev[WORKERS];
    uint32_t i;

    rig = rig_make(&(struct rig_cfg){ .bus_only = false });
    for (i = 0; i < WORKERS; i++)
        dev[i] = rig_device(rig);
    rig_start(rig);
    for (i = 0; i < WORKERS; i++)
        bring_up(&works[i], &clients[i], dev[i]);
    rig->on_turn = NULL; /* the bus alone turns here */
    works[0].mortal = mortal;
    if (mortal) /* it dies however fast it is */
        works[0].requests = 1000 * REQUESTS;
    assert_int_equal(vmb_sim_thread_start(rig->sim), VMB_OK);
    for (i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&works[i].thread, NULL, run, &works[i]),
                         0);
    for (i = 0; !all_over(); i++) {
        if (mortal && i == 5)
            vmb_sim_rescind(dev[0]);
        rig->last_poll = VMB_AGAIN;
        rig_turn(rig);
    }
    for (i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_join(works[i].thread, NULL), 0);
    vmb_sim_thread_stop(rig->sim);
}

static void end(void)
{
    uint32_t i;

    for (i = 0; i < WORKERS; i++) {
        struct vmb_channel *channel = &clients[i].channel;

        assert_int_equal(vmb_channel_disable_start(channel), VMB_OK);
        while (vmb_channel_disable_status(channel) == VMB_AGAIN) {
            rig->last_poll = VMB_AGAIN;
            rig_turn(rig);
            assert_true(vmb_channel_poll(channel) >= VMB_OK);
        }
        assert_int_equal(vmb_channel_disable_status(channel), VMB_OK);
        assert_int_equal(works[i].dones, works[i].next);
        assert_int_equal(works[i].wrong, 0);
        client_forget(&clients[i]);
    }
    rig_down(rig);
}

static void a_thread_for_each_channel(void **state)
{
    uint32_t i;

    (void)state;
    play(false);
    for (i = 0; i < WORKERS; i++) {
        assert_true(works[i].end >= VMB_OK);
        assert_int_equal(works[i].dones, REQUESTS);
    }
    end();
}

/* One is rescinded amid its traffic; the other goes on. */
static void one_dies_on_its_thread(void **state)
{
    uint32_t rounds;

    (void)state;
    for (rounds = 0; rounds < 3; rounds++) {
        play(true);
        rig_is_gone(works[0].end);
        assert_int_equal(works[1].dones, REQUESTS);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_for_each_channel),
        cmocka_unit_test(one_dies_on_its_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
