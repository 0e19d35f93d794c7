/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Requests that are waited for, and those that are given up. */
#include "client.h"

#include <stdlib.h>

#define WAIT VMB_SEND_WAIT_FOR_COMPLETION

static struct client client;

static struct client *prepare(void)
{
    client_set_up(&client, &(struct rig_cfg){ .interrupts = true });
    return &client;
}

static struct client *up(void)
{
    client_up(prepare());
    rig_settle(client.rig);
    return &client;
}

static void down(struct client *c)
{
    client_down(c);
    client_tear_down(c);
}

static enum vmb_status ask(struct client *c, struct vmb_request *request,
                           uint32_t op, uint32_t flags, uint64_t timeout)
{
    struct vmb_sim_test_request header = client_request(op, 1, 0, 9);

    return vmb_wait_synchronous_request(&c->channel, request, &header,
                                        sizeof header, NULL, flags, timeout);
}

static void asked_and_answered(void **state)
{
    struct client *c = up();
    struct vmb_sim_test_request echo = client_request(VMB_SIM_ECHO, 1, 0, 9);
    uint8_t reply[64];
    struct vmb_request request = { .reply = reply, .room = sizeof reply };

    (void)state;
    assert_int_equal(ask(c, &request, VMB_SIM_ECHO, WAIT, SECOND), VMB_OK);
    assert_int_equal(request.bytes, sizeof echo);
    assert_int_equal(request.needed, sizeof echo);
    assert_memory_equal(reply, &echo, sizeof echo);
    assert_int_equal(ask(c, &request, VMB_SIM_ECHO, 0, SECOND), VMB_OK);
    assert_int_equal(request.bytes, 0);
    assert_int_equal(vmb_channel_request_status(&request), VMB_OK);
    assert_int_equal(vmb_channel_request_abandon(&request), VMB_E_STATE);
    down(c);
}

static void what_does_not_begin(void **state)
{
    struct client *c = prepare();
    struct vmb_request request = { .room = 8 };

    (void)state;
    client_initialize(c);
    assert_int_equal(ask(c, &request, VMB_SIM_SINK, WAIT, SECOND), VMB_E_STATE);
    assert_int_equal(vmb_channel_pause_start(&c->channel), VMB_OK);
    client_up(c);
    assert_int_equal(ask(c, &request, VMB_SIM_SINK, WAIT, SECOND), VMB_E_ARG);
    request.room = 0;
    assert_int_equal(ask(c, &request, VMB_SIM_SINK, WAIT, SECOND), VMB_E_STATE);
    assert_int_equal(vmb_channel_start(&c->channel), VMB_OK);
    rig_settle(c->rig);
    assert_int_equal(ask(c, &request, VMB_SIM_SINK, WAIT | 8, SECOND),
                     VMB_E_ARG);
    assert_int_equal(ask(c, &request, VMB_SIM_SINK,
                         WAIT | VMB_SEND_FORCE_MDL_LENGTH, SECOND),
                     VMB_E_ARG);
    assert_int_equal(ask(c, &request, VMB_SIM_SINK, WAIT, SECOND), VMB_OK);
    down(c);
}

/* A request that was done is asked once more, and refused this time. */
static void a_refused_request_is_not_done(void **state)
{
    struct client *c = up();
    struct vmb_request request = { 0 };

    (void)state;
    assert_int_equal(ask(c, &request, VMB_SIM_SINK, WAIT, SECOND), VMB_OK);
    request.room = 8;
    assert_int_equal(
        vmb_channel_request_start(&c->channel, &request, "x", 1, NULL, WAIT),
        VMB_E_ARG);
    assert_int_equal(vmb_channel_request_status(&request), VMB_E_STATE);
    memset(&request, 0xee, sizeof request);
    request.room = 0;
    assert_int_equal(
        vmb_channel_request_start(&c->channel, &request, "x", 1, NULL, 8),
        VMB_E_ARG);
    assert_int_equal(vmb_channel_request_status(&request), VMB_E_STATE);
    assert_int_equal(vmb_channel_request_abandon(&request), VMB_E_STATE);
    down(c);
}

static void the_pool_runs_out(void **state)
{
    struct client *c = prepare();
    struct vmb_request request[4];
    uint32_t i;

    (void)state;
    c->cfg.packets = 3;
    client_up(c);
    memset(request, 0xee, sizeof request);
    for (i = 0; i < 4; i++) {
        struct vmb_sim_test_request hold =
            client_request(VMB_SIM_HOLD, 0, 0, 0);

        request[i].room = 0;
        assert_int_equal(vmb_channel_request_start(&c->channel, &request[i],
                                                   &hold, sizeof hold, NULL,
                                                   WAIT),
                         i < 3 ? VMB_OK : VMB_E_NOSLOT);
    }
    assert_int_equal(vmb_channel_request_status(&request[3]), VMB_E_STATE);
    assert_null(vmb_packet_allocate(&c->channel));
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_request_abandon(&request[1]), VMB_OK);
    assert_null(vmb_packet_allocate(&c->channel)); /* the host has it still */
    assert_int_equal(vmb_channel_abandoned(&c->channel), 1);
    assert_int_equal(vmb_sim_test_release(c->dev), 3);
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_request_status(&request[0]), VMB_E_TOOBIG);
    assert_int_equal(vmb_channel_request_status(&request[1]), VMB_E_CANCELLED);
    assert_int_equal(vmb_channel_request_status(&request[2]), VMB_E_TOOBIG);
    assert_int_equal(vmb_channel_abandoned(&c->channel), 0);
    assert_int_equal(ask(c, &request[3], VMB_SIM_SINK, WAIT, SECOND), VMB_OK);
    down(c);
}

/* In the queue nobody has seen it: it is gone at once. */
static void given_up_in_the_queue(void **state)
{
    struct client *c = prepare();
    struct vmb_request request[3];
    struct vmb_packet *last;
    uint32_t i;

    (void)state;
    c->cfg.packets = 3;
    client_initialize(c);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    for (i = 0; i < 3; i++) {
        request[i].room = 0;
        assert_int_equal(vmb_channel_request_start(&c->channel, &request[i],
                                                   "x", 1, NULL, WAIT),
                         VMB_OK);
    }
    last = client_packet(c);
    client_send(last, VMB_SIM_SINK, 0, 0, 0, WAIT);
    for (i = 0; i < 3; i++)
        assert_int_equal(vmb_channel_request_abandon(&request[i * 2 % 3]),
                         VMB_OK);
    assert_int_equal(vmb_channel_abandoned(&c->channel), 0);
    assert_int_equal(
        vmb_channel_request_start(&c->channel, &request[0], "x", 1, NULL, 0),
        VMB_OK); /* with a packet that is free again */
    assert_int_equal(vmb_channel_request_abandon(&request[0]), VMB_OK);
    client_until_done(c, 1);
    assert_int_equal(vmb_sim_count(c->rig->sim, VMB_SIM_AT_GUEST_PACKET), 1);
    down(c);
}

static void timeout_0(void **state)
{
    struct client *c = up();
    struct vmb_request request = { 0 };

    (void)state;
    assert_int_equal(ask(c, &request, VMB_SIM_SINK, 0, 0), VMB_OK);
    assert_int_equal(ask(c, &request, VMB_SIM_HOLD, WAIT, 0), VMB_E_TIMEOUT);
    assert_int_equal(vmb_channel_abandoned(&c->channel), 1);
    rig_settle(c->rig);
    assert_int_equal(vmb_sim_test_release(c->dev), 1);
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_abandoned(&c->channel), 0);
    down(c);
}

static enum vmb_status in_post_started[4];

static void agree(struct client *c, enum client_event event)
{
    struct vmb_request request = { 0 };

    if (event != POST_STARTED)
        return;
    host_sends(c->dev, 0, 3, 64, true);
    in_post_started[0] = ask(c, &request, VMB_SIM_SINK, WAIT, SECOND);
    in_post_started[1] = ask(c, &request, VMB_SIM_SINK, 0, 0);
    in_post_started[2] = ask(c, &request, VMB_SIM_HOLD, WAIT, SECOND / 100);
    in_post_started[3] = ask(c, &request, VMB_SIM_SINK, 0, SECOND);
}

static void inside_post_started(void **state)
{
    struct client *c = prepare();

    (void)state;
    c->on = agree;
    client_up(c);
    rig_settle(c->rig);
    assert_int_equal(in_post_started[0], VMB_OK);
    assert_int_equal(in_post_started[1], VMB_OK);
    assert_int_equal(in_post_started[2], VMB_E_TIMEOUT);
    assert_int_equal(in_post_started[3], VMB_OK);
    assert_int_equal(c->packets, 3);
    assert_int_equal(vmb_channel_abandoned(&c->channel), 1);
    down(c); /* which takes the abandoned one back */
    assert_int_equal(vmb_channel_abandoned(&c->channel), 0);
}

/* What the host reads or writes is ours again when the wait is over. */
static void the_channel_dies_meanwhile(bool close_is_slow)
{
    struct client *c = up();
    struct vmb_request request = { 0 };
    struct vmb_sim_fault fault = { .at = VMB_SIM_AT_GUEST_PACKET,
                                   .act = VMB_SIM_RESCIND,
                                   .dev = c->dev };
    struct vmb_sim_test_request hold = client_request(VMB_SIM_HOLD, 0, 0, 0);
    uint8_t *data = rig_alloc(c->rig, 1);
    uint64_t pfn;
    struct vmb_mdl mdl;

    assert_int_equal(
        vmb_mdl_from_virtual(&mdl, &c->rig->plat, data, 4096, &pfn, 1), VMB_OK);
    fault.k = vmb_sim_count(c->rig->sim, fault.at);
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &fault), VMB_OK);
    if (close_is_slow) {
        fault.at = VMB_SIM_AT_HOST_MESSAGE;
        fault.act = VMB_SIM_DELAY;
        fault.arg = 20;
        fault.k = vmb_sim_count(c->rig->sim, fault.at) + 1;
        assert_int_equal(vmb_sim_fault_add(c->rig->sim, &fault), VMB_OK);
    }
    assert_int_equal(vmb_wait_synchronous_request(&c->channel, &request, &hold,
                                                  sizeof hold, &mdl, WAIT,
                                                  UINT64_MAX),
                     VMB_E_RESCINDED);
    assert_false(rig_mapped(c->rig, data, 1));
    assert_int_equal(vmb_channel_abandoned(&c->channel), 0);
    client_until_disabled(c);
    client_tear_down(c);
}

static void the_channel_dies(void **state)
{
    (void)state;
    the_channel_dies_meanwhile(false);
    the_channel_dies_meanwhile(true);
}

/* The waits of wait.h end with the connection, however long they may take. */
static void the_connection_is_gone(void **state)
{
    struct client *c = prepare();
    struct vmb_request request = { 0 };

    (void)state;
    client_initialize(c);
    assert_int_equal(vmb_wait_channel(&c->channel, UINT64_MAX), VMB_E_STATE);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    assert_int_equal(vmb_wait_channel(&c->channel, UINT64_MAX), VMB_OK);
    assert_int_equal(vmb_wait_channel_pause(&c->channel, SECOND), VMB_OK);
    assert_int_equal(vmb_channel_start(&c->channel), VMB_OK);
    rig_settle(c->rig);
    rig_unload(c->rig);
    assert_int_equal(ask(c, &request, VMB_SIM_HOLD, WAIT, UINT64_MAX),
                     VMB_E_STATE);
    assert_int_equal(vmb_wait_channel_disable(&c->channel, UINT64_MAX), VMB_OK);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    assert_true(vmb_wait_channel(&c->channel, UINT64_MAX) < VMB_OK);
    rig_connect(c->rig);
    assert_int_equal(vmb_wait_channel(&c->channel, SECOND), VMB_OK);
    assert_int_equal(vmb_wait_channel_disable(&c->channel, SECOND), VMB_OK);
    client_tear_down(c);
}

/* What was asked before it opened hears why it did not. */
static void the_host_refuses_to_open(void **state)
{
    struct client *c = prepare();
    struct vmb_request request = { .room = 0 };

    (void)state;
    client_initialize(c);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_request_start(&c->channel, &request,
                                               "12345678", 8, NULL, WAIT),
                     VMB_OK);
    rig_fault(c->rig, VMB_SIM_AT_GUEST_MESSAGE, VMB_SIM_REFUSE, 1, 0);
    client_until_disabled(c);
    assert_int_equal(vmb_channel_request_status(&request), VMB_E_REFUSED);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_REFUSED);
    client_tear_down(c);
}

static void waits_have_a_limit(void **state)
{
    struct client *c = prepare();

    (void)state;
    vmb_sim_rescind(c->dev);
    rig_settle(c->rig);
    client_initialize(c);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    assert_int_equal(vmb_wait_channel(&c->channel, SECOND / 10), VMB_E_TIMEOUT);
    vmb_sim_reoffer(c->dev);
    assert_int_equal(vmb_wait_channel(&c->channel, SECOND), VMB_OK);
    c->hold = true;
    host_sends(c->dev, 0, 1, 64, true);
    client_until_packets(c, 1);
    assert_int_equal(vmb_wait_channel_pause(&c->channel, SECOND / 10),
                     VMB_E_TIMEOUT);
    assert_int_equal(vmb_wait_channel_disable(&c->channel, SECOND / 10),
                     VMB_E_TIMEOUT);
    assert_int_equal(vmb_channel_packet_complete(c->held[0], NULL, 0), VMB_OK);
    assert_int_equal(vmb_wait_channel_disable(&c->channel, SECOND), VMB_OK);
    client_tear_down(c);
}

/* What does not begin leaves its packet to the next. */
static void refused_requests_take_no_packet(void **state)
{
    struct client *c = up();
    struct vmb_sim_test_request sink = client_request(VMB_SIM_SINK, 0, 0, 0);
    struct vmb_request request = { .room = 0 };
    uint32_t i;

    (void)state;
    for (i = 0; i < 3 * VMB_CHANNEL_PACKETS; i++) {
        assert_int_equal(vmb_channel_request_start(&c->channel, &request, &sink,
                                                   sizeof sink, NULL, 1u << 31),
                         VMB_E_ARG);
        assert_int_equal(vmb_channel_request_start(&c->channel, &request, NULL,
                                                   8, NULL, WAIT),
                         VMB_E_ARG);
    }
    assert_int_equal(ask(c, &request, VMB_SIM_SINK, WAIT, SECOND), VMB_OK);
    down(c);
}

/* A channel is not laid out anew over packets that somebody has. */
static void packets_that_are_out_keep_the_memory(void **state)
{
    struct client *c = up();
    struct vmb_packet *packet = vmb_packet_allocate(&c->channel);

    (void)state;
    assert_non_null(packet);
    client_down(c);
    assert_int_equal(vmb_channel_initialize(&c->channel, &c->cfg), VMB_E_STATE);
    assert_int_equal(vmb_packet_free(packet), VMB_OK);
    assert_int_equal(vmb_packet_free(packet), VMB_E_STATE);
    assert_int_equal(vmb_channel_initialize(&c->channel, &c->cfg), VMB_OK);
    client_tear_down(c);
}

static void unload_at_closed(struct client *c, enum client_event event)
{
    if (event == CLOSED)
        assert_int_equal(vmb_conn_unload_start(&c->rig->conn), VMB_OK);
}

/* A GPADL comes down with the connection: what was waited for has come. */
static void an_unload_may_bring_what_is_waited_for(void **state)
{
    struct client *c = up();
    struct vmb_channel_gpadl gpadl = { .next_ = NULL };
    enum vmb_status status;

    (void)state;
    assert_int_equal(
        vmb_channel_create_gpadl_from_buffer_start(
            &c->channel, &gpadl, rig_alloc(c->rig, 1), VMB_PAGE_SIZE),
        VMB_OK);
    RIG_WAIT(c->rig, &status, vmb_gpadl_create_status(&gpadl.gpadl));
    assert_int_equal(status, VMB_OK);
    c->on = unload_at_closed;
    assert_int_equal(vmb_wait_channel_disable(&c->channel, SECOND), VMB_OK);
    assert_int_equal(vmb_conn_status(&c->rig->conn), VMB_E_STATE);
    client_tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asked_and_answered),
        cmocka_unit_test(what_does_not_begin),
        cmocka_unit_test(a_refused_request_is_not_done),
        cmocka_unit_test(the_pool_runs_out),
        cmocka_unit_test(given_up_in_the_queue),
        cmocka_unit_test(timeout_0),
        cmocka_unit_test(inside_post_started),
        cmocka_unit_test(the_channel_dies),
        cmocka_unit_test(the_connection_is_gone),
        cmocka_unit_test(the_host_refuses_to_open),
        cmocka_unit_test(waits_have_a_limit),
        cmocka_unit_test(refused_requests_take_no_packet),
        cmocka_unit_test(packets_that_are_out_keep_the_memory),
        cmocka_unit_test(an_unload_may_bring_what_is_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
