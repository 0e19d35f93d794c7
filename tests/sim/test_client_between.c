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

/* Nor is what the host sends behind it taken. */
static void after_a_packet_too_long_nothing_is_taken(void **state)
{
    struct client *c = prepare(false);

    (void)state;
    c->cfg.incoming_bytes = 64;
    client_up(c);
    rig_settle(c->rig);
    host_sends(c->dev, 0, 1, 200, true);
    host_sends(c->dev, 1, 2, 64, true);
    (void)vmb_sim_run(c->rig->sim, 10);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_E_HOST);
    assert_int_equal(c->packets, 0);
    client_until_disabled(c);
    assert_int_equal(c->packets, 0);
    client_tear_down(c);
}

/* Packets until the ring is full and the last of them is queued, or until one
 * is refused: its status. */
static enum vmb_status fill(struct client *c, struct vmb_packet **last)
{
    static uint8_t large[VMB_PAGE_SIZE];
    enum vmb_status status = VMB_OK;
    uint32_t i;

    for (i = 0; status == VMB_OK && i < 16; i++) {
        *last = client_packet(c);
        status = vmb_packet_send(*last, large, sizeof large, NULL, 0);
        if (vmb_packet_state(*last) == VMB_PACKET_QUEUED)
            break;
    }
    assert_true(i < 16);
    return status;
}

/* Room came for what is queued, but the same batch shows that the host breaks
 * the protocol. */
static void a_batch_that_breaks_the_channel_sends_nothing(void **state)
{
    struct client *c = prepare(false);
    struct vmb_packet *packet = NULL;

    (void)state;
    c->cfg.incoming_bytes = 64;
    client_up(c);
    rig_settle(c->rig);
    vmb_sim_stall(rig_host(c->dev), true);
    assert_int_equal(fill(c, &packet), VMB_OK);
    vmb_sim_stall(rig_host(c->dev), false);
    host_sends(c->dev, 0, 1, 200, false);
    (void)vmb_sim_run(c->rig->sim, 10);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_E_HOST);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_QUEUED);
    client_until_disabled(c);
    client_tear_down(c);
}

static void put_off(struct client *c, struct vmb_packet_completion *packet,
                    const void *buffer, uint32_t bytes, uint32_t flags)
{
    (void)c;
    (void)buffer;
    (void)bytes;
    (void)flags;
    assert_int_equal(vmb_channel_packet_defer_to_passive(packet), VMB_OK);
}

static void find_it_broken(struct vmb_packet *packet, enum vmb_status status,
                           const void *buffer, uint32_t bytes)
{
    struct client *c = vmb_channel_get_pointer(vmb_packet_get_channel(packet));
    struct vmb_packet *last = NULL;

    if (status != VMB_OK) /* on the way down */
        return;
    client_done(packet, status, buffer, bytes);
    if (!c->own) /* done at once: the poll calls this again */
        assert_int_equal(vmb_packet_send(packet, "x", 1, NULL, 0), VMB_OK);
    else
        assert_int_equal(fill(c, &last), VMB_E_HOST);
}

/* A routine that the poll calls sends, and meets an index that cannot be: what
 * was put off until this poll is not delivered from a channel that died in it.
 */
static void a_poll_that_finds_it_dead_delivers_nothing(void **state)
{
    struct client *c = prepare(false);
    void (*on_turn)(struct rig *) = c->rig->on_turn;
    struct vmb_packet *packet;

    (void)state;
    c->on_packet = put_off;
    client_up(c);
    rig_settle(c->rig);
    c->rig->on_turn = NULL;
    packet = client_packet(c);
    assert_int_equal(vmb_packet_set_completion_routine(packet, find_it_broken),
                     VMB_OK);
    host_sends(c->dev, 0, 1, 64, false);
    (void)vmb_sim_run(c->rig->sim, 10);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_AGAIN);
    assert_int_equal(c->packets, 1);
    assert_int_equal(vmb_sim_ring_set(rig_host(c->dev), VMB_SIM_TO_HOST,
                                      VMB_SIM_OUT, 0xffffffff),
                     VMB_OK);
    client_send(packet, VMB_SIM_SINK, 0, 0, 0, 0);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_OK);
    c->own = c;
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_AGAIN);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HOST);
    assert_int_equal(c->packets, 1);
    c->rig->on_turn = on_turn;
    client_until_disabled(c);
    client_tear_down(c);
}

/* Who is paused sends on what is queued, meets an index that cannot be, and has
 * to be closed by the next poll: this one says so. */
static void a_poll_in_which_a_paused_one_dies_says_so(void **state)
{
    struct client *c = prepare(false);
    void (*on_turn)(struct rig *) = c->rig->on_turn;
    struct vmb_packet *packet = NULL;

    (void)state;
    client_up(c);
    rig_settle(c->rig);
    vmb_sim_stall(rig_host(c->dev), true);
    assert_int_equal(fill(c, &packet), VMB_OK);
    client_pause(c);
    c->rig->on_turn = NULL;
    assert_int_equal(vmb_sim_ring_set(rig_host(c->dev), VMB_SIM_TO_HOST,
                                      VMB_SIM_OUT, 0xffffffff),
                     VMB_OK);
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_AGAIN);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HOST);
    c->rig->on_turn = on_turn;
    client_until_disabled(c);
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
        cmocka_unit_test(after_a_packet_too_long_nothing_is_taken),
        cmocka_unit_test(a_batch_that_breaks_the_channel_sends_nothing),
        cmocka_unit_test(a_poll_that_finds_it_dead_delivers_nothing),
        cmocka_unit_test(a_poll_in_which_a_paused_one_dies_says_so),
        cmocka_unit_test(a_send_that_fails_ends_the_channel),
        cmocka_unit_test(an_answer_to_a_dead_channel_frees_its_packet),
        cmocka_unit_test(what_is_processed_is_armed_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
