/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Whoever leaves work behind says so, and nothing waits for what cannot come.
 * The guest sleeps until it is told of something.
 */
#include "../../src/layout.h"
#include "client.h"

#define WAIT VMB_SEND_WAIT_FOR_COMPLETION

static struct client client;
static struct recorder recorder;

static struct client *up(uint32_t transactions, uint32_t incoming)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = true });
    struct client *c = &client;

    recorder_add(&recorder, rig, 0);
    rig_start(rig);
    client_make(c, rig, recorder.dev);
    c->cfg.transactions = transactions;
    c->cfg.incoming = incoming;
    client_up(c);
    rig_settle(rig);
    return c;
}

static void down(struct client *c)
{
    recorder.hold = false;
    client_down(c);
    client_tear_down(c);
}

static void no_turn(struct rig *rig)
{
    (void)rig;
}

/* The host's side alone goes on. */
static void host_settles(struct client *c)
{
    void (*on_turn)(struct rig * rig) = c->rig->on_turn;

    c->rig->on_turn = no_turn;
    rig_settle(c->rig);
    c->rig->on_turn = on_turn;
}

static struct vmb_packet *send(struct client *c, uint64_t number)
{
    struct vmb_packet *packet = client_packet(c);

    assert_int_equal(
        vmb_packet_send(packet, &number, sizeof number, NULL, WAIT), VMB_OK);
    return packet;
}

/* ---- From callbacks ------------------------------------------------------ */

static void complete_held(struct client *c, enum client_event event)
{
    if (event == DONE)
        assert_int_equal(vmb_channel_packet_complete(c->held[0], NULL, 0),
                         VMB_OK);
}

/* A pause waits for a packet, which a completion routine completes. */
static void a_routine_ends_a_pause(void **state)
{
    struct client *c = up(0, 0);

    (void)state;
    recorder.hold = true;
    c->hold = true;
    c->on = complete_held;
    (void)send(c, 1);
    host_sends(c->dev, 0, 1, 8, true);
    client_until_packets(c, 1);
    assert_int_equal(vmb_channel_pause_start(&c->channel), VMB_OK);
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_pause_status(&c->channel), VMB_AGAIN);
    recorder_release(&recorder);
    host_settles(c);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_AGAIN);
    assert_int_equal(c->dones, 1);
    (void)(vmb_channel_poll(&c->channel) == VMB_OK);
    assert_int_equal(vmb_channel_pause_status(&c->channel), VMB_OK);
    down(c);
}

static void stop(struct client *c, struct vmb_packet_completion *packet,
                 const void *buffer, uint32_t bytes, uint32_t flags)
{
    (void)buffer;
    (void)bytes;
    (void)flags;
    assert_int_equal(vmb_channel_packet_complete(packet, NULL, 0), VMB_OK);
    assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
}

/* What takes effect in vmb_channel_poll() is asked for inside process(). */
static void a_packet_ends_the_channel(void **state)
{
    struct client *c = up(0, 0);

    (void)state;
    c->on_packet = stop;
    host_sends(c->dev, 0, 1, 8, false);
    host_settles(c);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_AGAIN);
    assert_int_equal(c->packets, 1);
    client_until_disabled(c);
    client_tear_down(c);
}

/* The next is in the ring before the last is done with. */
static void one_more(struct client *c, enum client_event event)
{
    if (event == PACKET && c->packets < 10)
        host_sends(c->dev, 0, 1, 8, false);
}

/* Turns end before packets do, and nobody has asked for a signal. */
static void a_busy_host_is_left_with_a_word(void **state)
{
    struct client *c = up(1, 1);

    (void)state;
    c->on = one_more;
    host_sends(c->dev, 0, 1, 8, false);
    assert_int_equal(vmb_channel_process(&c->channel, 6), VMB_AGAIN);
    assert_int_equal(c->packets, 4);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 10);
    down(c);
}

/* Who was short of objects once is not so for ever. */
static void a_shortage_ends(void **state)
{
    struct client *c = up(0, 1);

    (void)state;
    c->hold = true;
    host_sends(c->dev, 0, 2, 8, false);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_OK);
    assert_int_equal(c->packets, 1);
    c->hold = false;
    assert_int_equal(vmb_channel_packet_complete(c->held[0], NULL, 0), VMB_OK);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 2);
    host_sends(c->dev, 0, 1, 8, false);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_OK);
    assert_int_equal(c->packets, 3);
    down(c);
}

static struct vmb_packet *two[2];

static void send_again(struct client *c, enum client_event event)
{
    uint32_t i;

    for (i = 0; i < 2 && (event == PACKET || event == DONE); i++)
        if (c->dones < 20 && vmb_packet_state(two[i]) == VMB_PACKET_IDLE)
            assert_int_equal(vmb_packet_send(two[i], "again", 5, NULL, 0),
                             VMB_OK);
}

/* Done at once and sent once more, they wait for the next time. */
static void a_routine_runs_once_in_a_batch(void **state)
{
    struct client *c = up(0, 0);

    (void)state;
    two[0] = client_packet(c);
    two[1] = client_packet(c);
    c->on = send_again;
    host_sends(c->dev, 0, 1, 8, false);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_AGAIN);
    assert_int_equal(c->dones, 2);
    rig_settle(c->rig);
    assert_true(c->dones >= 20);
    down(c);
}

static void break_signals(struct client *c)
{
    struct vmb_sim_fault fail = { .at = VMB_SIM_AT_HYPERCALL,
                                  .act = VMB_SIM_FAIL,
                                  .arg = 5 };

    fail.k = vmb_sim_count(c->rig->sim, fail.at);
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &fail), VMB_OK);
}

/* First put off; then its answer kills the channel, for no signal works. */
static void put_off_and_die(struct client *c,
                            struct vmb_packet_completion *packet,
                            const void *buffer, uint32_t bytes, uint32_t flags)
{
    (void)buffer;
    (void)bytes;
    (void)flags;
    if (vmb_channel_packet_may_defer(packet)) {
        assert_int_equal(vmb_channel_packet_defer_to_passive(packet), VMB_OK);
        return;
    }
    break_signals(c);
    assert_int_equal(vmb_channel_packet_complete(packet, "a", 1), VMB_OK);
}

/* It is still to be closed, and nothing else would come. */
static void a_poll_in_which_a_channel_dies_says_so(void **state)
{
    struct client *c = up(0, 0);

    (void)state;
    c->on_packet = put_off_and_die;
    host_sends(c->dev, 0, 1, 8, true);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_AGAIN);
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_AGAIN);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HYPERCALL);
    client_until_disabled(c);
    client_tear_down(c);
}

/* ---- Without a transaction ----------------------------------------------- */

static void send_plain(struct client *c, enum client_event event)
{
    uint64_t number = 3;

    if (event == PACKET)
        assert_int_equal(vmb_packet_send(c->own, &number, 8, NULL, 0), VMB_OK);
}

/* A packet that needs no transaction queues behind a request that does. */
static void a_request_given_up_holds_nothing_back(void **state)
{
    struct client *c = up(1, 0);
    struct vmb_request request = { 0 };
    uint64_t number = 2;

    (void)state;
    recorder.hold = true;
    c->own = client_packet(c);
    c->on = send_plain;
    (void)send(c, 1);
    rig_settle(c->rig);
    host_sends(c->dev, 0, 1, 8, false);
    assert_int_equal(vmb_wait_synchronous_request(
                         &c->channel, &request, &number, 8, NULL, WAIT, SECOND),
                     VMB_E_TIMEOUT);
    host_settles(c);
    assert_int_equal(c->packets, 1);
    assert_int_equal(recorder.count, 2);
    assert_int_equal(recorder.record[1].first, 3);
    assert_int_equal(c->dones, 1);
    down(c);
}

static struct vmb_packet *plain, *second;

static void hold_then_send(struct client *c,
                           struct vmb_packet_completion *packet,
                           const void *buffer, uint32_t bytes, uint32_t flags)
{
    uint64_t number = 2;

    (void)buffer;
    (void)bytes;
    (void)flags;
    if (c->held_count == 0) {
        c->held[c->held_count++] = packet;
        return;
    }
    assert_int_equal(vmb_channel_packet_complete(packet, NULL, 0), VMB_OK);
    assert_int_equal(vmb_packet_send(plain, &number, 8, NULL, 0), VMB_OK);
    assert_int_equal(vmb_packet_send(second, &number, 8, NULL, WAIT), VMB_OK);
}

/* The routine at a batch's end sends an answer, which has to queue behind a
 * request without transaction. */
static void what_the_last_routine_queues_goes_out(void **state)
{
    struct client *c = up(1, 0);

    (void)state;
    recorder.hold = true;
    plain = client_packet(c);
    second = client_packet(c);
    c->on_packet = hold_then_send;
    c->on = complete_held;
    (void)send(c, 1);
    host_sends(c->dev, 0, 2, 8, true);
    host_settles(c);
    while (vmb_channel_process(&c->channel, 8) == VMB_AGAIN)
        ;
    host_settles(c);
    assert_int_equal(c->dones, 1);
    assert_int_equal(recorder.count, 4); /* two sends and two answers */
    c->on = NULL;
    recorder_release(&recorder);
    down(c);
}

static struct vmb_request given_up;

static void give_up(struct client *c, enum client_event event)
{
    (void)c;
    if (event == DONE)
        (void)(vmb_channel_request_abandon(&given_up) == VMB_OK);
}

static void send_three(struct client *c, struct vmb_packet_completion *packet,
                       const void *buffer, uint32_t bytes, uint32_t flags)
{
    uint64_t number = 2;

    (void)buffer;
    (void)bytes;
    (void)flags;
    assert_int_equal(vmb_channel_packet_complete(packet, NULL, 0), VMB_OK);
    assert_int_equal(vmb_packet_send(plain, &number, 8, NULL, 0), VMB_OK);
    assert_int_equal(vmb_channel_request_start(&c->channel, &given_up, &number,
                                               8, NULL, WAIT),
                     VMB_OK);
    assert_int_equal(vmb_packet_send(second, &number, 8, NULL, 0), VMB_OK);
}

/* The same with a request that is given up there, and a packet behind it. */
static void what_the_last_routine_lets_pass_goes_out(void **state)
{
    struct client *c = up(1, 0);

    (void)state;
    recorder.hold = true;
    plain = client_packet(c);
    second = client_packet(c);
    c->on_packet = send_three;
    c->on = give_up;
    (void)send(c, 1);
    host_sends(c->dev, 0, 1, 8, false);
    host_settles(c);
    while (vmb_channel_process(&c->channel, 8) == VMB_AGAIN)
        ;
    host_settles(c);
    assert_int_equal(recorder.count, 3);
    assert_int_equal(c->dones, 2);
    c->on = NULL;
    down(c);
}

/* The answers that would let requests go on lie behind packets in the ring,
 * whose own answers wait behind those requests. */
static void answers_pass_requests_without_transaction(void **state)
{
    struct client *c = up(2, 3);
    uint64_t i;

    (void)state;
    recorder.hold = true;
    for (i = 0; i < 4; i++)
        (void)send(c, i);
    rig_settle(c->rig);
    assert_int_equal(recorder.count, 2);
    host_sends(c->dev, 0, 8, 8, true);
    recorder_release(&recorder);
    recorder.hold = false;
    rig_settle(c->rig);
    assert_int_equal(c->packets, 8);
    assert_int_equal(c->dones, 4);
    assert_int_equal(recorder.count, 12);
    down(c);
}

/* ---- From a release that missed it --------------------------------------- */

static uint64_t signals(struct client *c)
{
    struct vmb_sim_counts counts;

    vmb_sim_stats(c->rig->sim, &counts);
    return counts.signals;
}

static void wish(struct client *c, uint32_t bytes)
{
    assert_int_equal(vmb_sim_ring_set(rig_host(c->dev), VMB_SIM_TO_GUEST,
                                      VMB_SIM_PEND, bytes),
                     VMB_OK);
}

/* What the host wishes for, when it misses what the batch has given back. */
static void wish_late(struct client *c, enum client_event event)
{
    if (event == PACKET)
        assert_int_equal(vmb_packet_send(c->own, "late", 4, NULL, 0), VMB_OK);
    if (event == DONE)
        wish(c, 8);
}

/* All objects are out, so nobody looks later whether the host waits; and it may
 * have to be told before it takes what would bring them back. */
static void a_host_is_told_before_nobody_receives(void **state)
{
    struct client *c;
    uint64_t before;

    (void)state;
    if (!VMB_PLAIN_PAYS)
        return; /* there each release has its fence: nobody misses anybody */
    c = up(4, 1);
    c->hold = true;
    vmb_sim_stall(rig_host(c->dev), true);
    assert_int_equal(vmb_packet_send(client_packet(c), "first", 5, NULL, 0),
                     VMB_OK);
    c->own = client_packet(c);
    c->on = wish_late;
    host_sends(c->dev, 0, 2, 64, true);
    before = signals(c);
    assert_int_equal(vmb_channel_process(&c->channel, 32), VMB_OK);
    assert_int_equal(c->packets, 1);
    assert_int_equal(signals(c), before + 1);
    wish(c, 0);
    c->on = NULL;
    c->hold = false;
    assert_int_equal(vmb_channel_packet_complete(c->held[0], NULL, 0), VMB_OK);
    vmb_sim_stall(rig_host(c->dev), false);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 2);
    down(c);
}

/* Nobody can do anything for it but who completes a packet. */
static void what_the_quota_holds_back_keeps_nobody_awake(void **state)
{
    struct client *c = up(0, 0);
    void (*on_turn)(struct rig *) = c->rig->on_turn;

    (void)state;
    assert_int_equal(vmb_channel_set_transaction_quota(&c->channel, 1), VMB_OK);
    c->hold = true;
    c->rig->on_turn = no_turn;
    host_sends(c->dev, 0, 2, 8, true);
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_OK);
    assert_int_equal(c->packets, 1);
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_packet_complete(c->held[0], NULL, 0), VMB_OK);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_OK);
    assert_int_equal(c->packets, 2);
    assert_int_equal(vmb_channel_packet_complete(c->held[1], NULL, 0), VMB_OK);
    c->rig->on_turn = on_turn;
    down(c);
}

/* The host looks after each send of a batch's end. */
static void send_two(struct client *c, enum client_event event)
{
    uint32_t signalled = c->rig->signalled, i;

    if (event != BATCH)
        return;
    for (i = 0; i < 2; i++) {
        (void)send(c, i);
        (void)vmb_sim_run(c->rig->sim, 10);
    }
    assert_int_equal(c->rig->signalled, signalled);
    assert_int_equal(recorder.count, 0);
}

/* Also what its last callback sends is shown with all the rest of the batch. */
static void a_batch_goes_out_with_one_signal(void **state)
{
    struct client *c = up(0, 0);
    void (*on_turn)(struct rig *) = c->rig->on_turn;
    uint32_t signalled;

    (void)state;
    c->on = send_two;
    c->rig->on_turn = no_turn;
    host_sends(c->dev, 0, 1, 8, false);
    rig_settle(c->rig);
    signalled = c->rig->signalled;
    assert_true(vmb_channel_process(&c->channel, 8) >= VMB_OK);
    assert_int_equal(c->packets, 1);
    assert_int_equal(c->rig->signalled, signalled + 1);
    rig_settle(c->rig);
    assert_int_equal(recorder.count, 2);
    c->rig->on_turn = on_turn;
    client_until_done(c, 2);
    down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_routine_ends_a_pause),
        cmocka_unit_test(a_packet_ends_the_channel),
        cmocka_unit_test(a_busy_host_is_left_with_a_word),
        cmocka_unit_test(a_shortage_ends),
        cmocka_unit_test(a_routine_runs_once_in_a_batch),
        cmocka_unit_test(a_poll_in_which_a_channel_dies_says_so),
        cmocka_unit_test(a_request_given_up_holds_nothing_back),
        cmocka_unit_test(what_the_last_routine_queues_goes_out),
        cmocka_unit_test(what_the_last_routine_lets_pass_goes_out),
        cmocka_unit_test(answers_pass_requests_without_transaction),
        cmocka_unit_test(a_host_is_told_before_nobody_receives),
        cmocka_unit_test(what_the_quota_holds_back_keeps_nobody_awake),
        cmocka_unit_test(a_batch_goes_out_with_one_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
