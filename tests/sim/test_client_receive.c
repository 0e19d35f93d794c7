/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What the host sends: objects, batches, answers, and hosts that send wrong. */
#include "client.h"

static struct client client;
static struct recorder recorder;

static struct client *prepare(bool interrupts)
{
    client_set_up(&client, &(struct rig_cfg){ .interrupts = interrupts });
    return &client;
}

static struct client *prepare_recorded(bool interrupts)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = interrupts });

    recorder_add(&recorder, rig, 0);
    rig_start(rig);
    client_make(&client, rig, recorder.dev);
    return &client;
}

static void complete_held(struct client *c)
{
    uint32_t i;

    for (i = 0; i < c->held_count; i++)
        assert_int_equal(vmb_channel_packet_complete(c->held[i], "done", 4),
                         VMB_OK);
    c->held_count = 0;
}

/* A guest that sleeps until it is interrupted, and then does what it is told:
 * no poll, unless it is asked for. */
static void only_interrupts(struct client *c)
{
    struct vmb_chan *chan = vmb_channel_chan(&c->channel);
    uint32_t i;

    for (i = 0; i < 300; i++) {
        (void)vmb_sim_run(c->rig->sim, 100);
        if (vmb_cpu_next_ready(&c->rig->cpu[0]) != chan)
            continue;
        while (vmb_channel_process(&c->channel, 2) == VMB_AGAIN)
            assert_true(vmb_channel_poll(&c->channel) >= VMB_OK);
    }
}

/* All objects are with the client, none waits for the quota. */
static void objects_that_come_back_are_used(void **state)
{
    struct client *c = prepare(true);

    (void)state;
    c->cfg.incoming = c->cfg.quota = 4;
    c->hold = true;
    client_up(c);
    host_sends(c->dev, 0, 11, 64, true);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 4);
    c->hold = false;
    complete_held(c);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 11);
    assert_int_equal(vmb_sim_test_completions(c->dev), 11);
    client_down(c);
    client_tear_down(c);
}

/* All objects hold answers that wait for room: room frees them. */
static void objects_that_wait_for_room_come_back(void **state)
{
    struct client *c = prepare_recorded(true);
    struct vmb_packet *packet;

    (void)state;
    c->cfg.packet_bytes = 1024;
    c->cfg.external_bytes = 4096;
    c->cfg.external_mdls = 1;
    c->cfg.tx_pages = 1;
    c->cfg.incoming = c->cfg.quota = 4;
    client_up(c);
    rig_settle(c->rig);
    vmb_sim_stall(rig_host(c->dev), true);
    do {
        static const uint8_t payload[1000];

        packet = client_packet(c);
        assert_int_equal(
            vmb_packet_send(packet, payload, sizeof payload, NULL, 0), VMB_OK);
    } while (vmb_packet_state(packet) == VMB_PACKET_IDLE);
    host_sends(c->dev, 0, 20, 64, true);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 4);
    vmb_sim_stall(rig_host(c->dev), false);
    only_interrupts(c);
    assert_int_equal(c->packets, 20);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IDLE);
    client_down(c);
    client_tear_down(c);
}

/* On the wire 20 bytes are 24, and so they come back. */
static void an_answer_as_long_as_a_packet_may_be(void **state)
{
    struct client *c = prepare(true);
    struct vmb_sim_test_request echo = client_request(VMB_SIM_ECHO, 1, 2, 3);

    (void)state;
    c->cfg.packet_bytes = 20;
    client_up(c);
    assert_int_equal(vmb_packet_send(client_packet(c), &echo, 20, NULL,
                                     VMB_SEND_WAIT_FOR_COMPLETION),
                     VMB_OK);
    client_until_done(c, 1);
    assert_int_equal(c->last_status, VMB_OK);
    assert_int_equal(c->last_bytes, 24);
    assert_memory_equal(c->last, &echo, 20);
    client_down(c);
    client_tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_that_come_back_are_used),
        cmocka_unit_test(objects_that_wait_for_room_come_back),
        cmocka_unit_test(an_answer_as_long_as_a_packet_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
