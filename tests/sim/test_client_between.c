/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What holds of a channel between two polls: dead, or asleep. */
#include "client.h"

static struct client client;

static struct client *prepare(bool interrupts)
{
    client_set_up(&client, &(struct rig_cfg){ .interrupts = interrupts });
    return &client;
}

/* It is dead before a poll closes it, though its ring would still take it. */
static void after_a_packet_too_long_nothing_is_sent(void **state)
{
    struct client *c = prepare(false);
    struct vmb_packet *packet;
    struct vmb_fault fault, later;
    uint64_t before;

    (void)state;
    c->cfg.incoming_bytes = 64;
    client_up(c);
    rig_settle(c->rig);
    packet = client_packet(c);
    host_sends(c->dev, 0, 1, 200, false);
    (void)vmb_sim_run(c->rig->sim, 10);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_E_HOST);
    before = vmb_sim_count(c->rig->sim, VMB_SIM_AT_GUEST_PACKET);
    assert_int_equal(vmb_packet_send(packet, "x", 1, NULL, 0), VMB_E_HOST);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IDLE);
    (void)vmb_sim_run(c->rig->sim, 10);
    assert_int_equal(vmb_sim_count(c->rig->sim, VMB_SIM_AT_GUEST_PACKET),
                     before);
    /* And what it died of stays what is told, whatever comes of its end. */
    vmb_channel_fault(&c->channel, &fault);
    assert_int_equal(fault.status, VMB_E_HOST);
    vmb_sim_rescind(c->dev);
    client_until_disabled(c);
    vmb_channel_fault(&c->channel, &later);
    assert_memory_equal(&later, &fault, sizeof fault);
    client_tear_down(c);
}

/* What a send has met is known at once, before any poll. */
static void a_send_that_fails_ends_the_channel(void **state)
{
    struct client *c = prepare(false);
    void (*on_turn)(struct rig *);
    struct vmb_packet *packet;

    (void)state;
    client_up(c);
    rig_settle(c->rig);
    packet = client_packet(c);
    vmb_sim_rescind(c->dev);
    on_turn = c->rig->on_turn;
    c->rig->on_turn = NULL;
    rig_turn(c->rig);
    rig_turn(c->rig);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_OK);
    assert_int_equal(vmb_packet_send(packet, "x", 1, NULL, 0), VMB_E_RESCINDED);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_RESCINDED);
    c->rig->on_turn = on_turn;
    client_until_disabled(c);
    client_tear_down(c);
}

/* An answer that nobody can take any more gives its object back all the same:
 * the next life has as many. */
static void an_answer_to_a_dead_channel_frees_its_packet(void **state)
{
    struct client *c = prepare(false);
    void (*on_turn)(struct rig *) = c->rig->on_turn;

    (void)state;
    c->cfg.incoming = c->cfg.quota = 2;
    c->hold = true;
    client_up(c);
    host_sends(c->dev, 0, 2, 64, true);
    client_until_packets(c, 2);
    vmb_sim_rescind(c->dev);
    c->rig->on_turn = NULL;
    rig_turn(c->rig);
    rig_turn(c->rig);
    while (c->held_count)
        assert_int_equal(
            vmb_channel_packet_complete(c->held[--c->held_count], "x", 1),
            VMB_OK);
    c->rig->on_turn = on_turn;
    client_until_disabled(c);
    vmb_sim_reoffer(c->dev);
    rig_settle(c->rig);
    client_up(c);
    host_sends(c->dev, 0, 2, 64, true);
    client_until_packets(c, 4);
    while (c->held_count)
        assert_int_equal(
            vmb_channel_packet_complete(c->held[--c->held_count], "x", 1),
            VMB_OK);
    client_down(c);
    client_tear_down(c);
}

/* The next packet must come with a signal, whether or not a poll follows. */
static void what_is_processed_is_armed_again(void **state)
{
    struct client *c = prepare(true);
    void (*on_turn)(struct rig *) = c->rig->on_turn;
    uint32_t mask, calls = 0;

    (void)state;
    client_up(c);
    rig_settle(c->rig);
    c->rig->on_turn = NULL;
    host_sends(c->dev, 0, 3, 64, false);
    (void)vmb_sim_run(c->rig->sim, 10);
    while (vmb_channel_process(&c->channel, 1) == VMB_AGAIN)
        assert_true(++calls < 10);
    assert_int_equal(c->packets, 3);
    assert_int_equal(vmb_sim_ring_get(rig_host(c->dev), VMB_SIM_TO_GUEST,
                                      VMB_SIM_MASK, &mask),
                     VMB_OK);
    assert_int_equal(mask, 0);
    c->rig->on_turn = on_turn;
    client_down(c);
    client_tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_packet_too_long_nothing_is_sent),
        cmocka_unit_test(a_send_that_fails_ends_the_channel),
        cmocka_unit_test(an_answer_to_a_dead_channel_frees_its_packet),
        cmocka_unit_test(what_is_processed_is_armed_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
