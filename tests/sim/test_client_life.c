/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Client channels: up, traffic, down, and the order of what they hear. */
#include "client.h"

static struct client client;

static struct client *set_up(bool interrupts)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = interrupts });
    struct vmb_sim_dev *dev = rig_device(rig);

    rig_start(rig);
    client_make(&client, rig, dev);
    return &client;
}

static void tear_down(struct client *c)
{
    client_forget(c);
    rig_down(c->rig);
}

static void one_request(bool interrupts)
{
    struct client *c = set_up(interrupts);
    struct vmb_sim_test_request request = client_request(VMB_SIM_ECHO, 0, 0, 7);
    struct vmb_packet *packet;

    client_up(c);
    packet = client_packet(c);
    assert_int_equal(vmb_packet_send(packet, &request, sizeof request, NULL,
                                     VMB_SEND_WAIT_FOR_COMPLETION),
                     VMB_OK);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IN_RING);
    client_until_done(c, 1);
    assert_int_equal(c->last_status, VMB_OK);
    assert_memory_equal(c->last, &request, sizeof request);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IDLE);
    client_down(c);
    assert_string_equal(c->events, "OSPdUC");
    tear_down(c);
}

static void a_request_and_its_answer(void **state)
{
    (void)state;
    one_request(false);
    one_request(true);
}

static void a_burst_is_delivered(void **state)
{
    struct client *c = set_up(true);
    struct vmb_sim_test_request request =
        client_request(VMB_SIM_BURST, 300, 100, 9);
    struct vmb_packet *packet;

    (void)state;
    client_up(c);
    packet = client_packet(c);
    assert_int_equal(vmb_packet_send(packet, &request, sizeof request, NULL, 0),
                     VMB_OK);
    assert_int_equal(c->dones, 1);
    client_until_packets(c, 300);
    client_down(c);
    assert_int_equal(c->processed, 300);
    tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_answer),
        cmocka_unit_test(a_burst_is_delivered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
