/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Whoever leaves work behind says so, and nothing waits for what cannot come.
 * The guest sleeps until it is told of something.
 */
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

static struct vmb_packet *send(struct client *c, uint64_t number)
{
    struct vmb_packet *packet = client_packet(c);

    assert_int_equal(
        vmb_packet_send(packet, &number, sizeof number, NULL, WAIT), VMB_OK);
    return packet;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_pass_requests_without_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
