/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What may be called from inside which callback: the table in
 * src/packet/README.md, cell by cell.
 */
#include "client.h"

static struct client client;

/* What was answered inside one event. */
struct answers {
    bool seen;
    enum vmb_status poll, process, life[5], waits[3], request, gpadl, send;
};

static struct answers answers[128];
static struct vmb_packet *packet;
static struct vmb_channel_gpadl gpadl;
static uint8_t *page;

static void ask_all(struct client *c, struct answers *a)
{
    struct vmb_channel *channel = &c->channel;
    struct vmb_sim_test_request sink = client_request(VMB_SIM_SINK, 0, 0, 0);
    struct vmb_request request = { 0 };

    a->seen = true;
    assert_true(vmb_channel_is_inside(channel));
    a->poll = vmb_channel_poll(channel);
    a->waits[0] = vmb_wait_channel(channel, 0);
    a->waits[1] = vmb_wait_channel_pause(channel, 0);
    a->waits[2] = vmb_wait_channel_disable(channel, 0);
    a->request = vmb_wait_synchronous_request(
        channel, &request, &sink, sizeof sink, NULL,
        VMB_SEND_WAIT_FOR_COMPLETION, SECOND);
    a->process = vmb_channel_process(channel, 0);
    a->gpadl = vmb_channel_create_gpadl_from_buffer_start(channel, &gpadl, page,
                                                          VMB_PAGE_SIZE);
    if (a->gpadl == VMB_OK)
        assert_int_equal(vmb_wait_gpadl(&c->rig->conn, &gpadl.gpadl), VMB_OK);
    (void)(vmb_channel_delete_gpadl_start(channel, &gpadl) == VMB_OK);
    assert_int_equal(vmb_wait_gpadl_destroy(&c->rig->conn, &gpadl.gpadl),
                     VMB_OK);
    a->send = vmb_packet_send(packet, &sink, sizeof sink, NULL, 0);
}

/* Its routine runs within the callback, which goes on after it. */
static void give_up(struct client *c)
{
    struct vmb_request request = { .needed = 77 };

    assert_int_equal(
        vmb_channel_request_start(&c->channel, &request, "x", 1, NULL, 0),
        VMB_OK);
    assert_int_equal(request.needed, 0);
    assert_int_equal(vmb_channel_request_abandon(&request), VMB_OK);
    assert_true(vmb_channel_is_inside(&c->channel));
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_E_STATE);
}

static void ask_state(struct client *c, enum client_event event)
{
    struct answers *a = &answers[(unsigned)event];
    bool state = event == OPENED || event == STARTED || event == POST_STARTED ||
                 event == SUSPEND || event == CLOSED || event == OPEN_FAILED;

    if (a->seen || event == DONE || event == UNDONE)
        return;
    ask_all(c, a);
    if (event == OPENED)
        give_up(c);
    if (!state)
        return;
    a->life[0] = vmb_channel_enable(&c->channel);
    a->life[1] = vmb_channel_start(&c->channel);
    a->life[2] = vmb_channel_pause_start(&c->channel);
    a->life[3] = vmb_channel_disable_start(&c->channel);
    a->life[4] = vmb_channel_initialize(&c->channel, &c->cfg);
}

static void play(struct client *c)
{
    memset(answers, 0, sizeof answers);
    memset(&gpadl, 0, sizeof gpadl);
    client_set_up(c, &(struct rig_cfg){ .interrupts = true });
    page = rig_alloc(c->rig, 1);
    c->on = ask_state;
    client_initialize(c);
    packet = client_packet(c);
    client_up(c);
    rig_settle(c->rig);
    host_sends(c->dev, 0, 1, 64, false);
    client_until_packets(c, 1);
    rig_settle(c->rig);
    client_down(c);
    client_tear_down(c);
}

static void refuses_life(const struct answers *a)
{
    uint32_t i;

    assert_true(a->seen);
    assert_int_equal(a->poll, VMB_E_STATE);
    for (i = 0; i < 3; i++)
        assert_int_equal(a->waits[i], VMB_E_STATE);
    for (i = 0; i < 5; i++)
        assert_int_equal(a->life[i], VMB_E_STATE);
}

static void state_callbacks(void **state)
{
    static const struct {
        enum client_event event;
        enum vmb_status request, process, gpadl, send;
    } rows[] = {
        { OPENED, VMB_E_STATE, VMB_E_STATE, VMB_OK, VMB_OK },
        { STARTED, VMB_E_STATE, VMB_E_STATE, VMB_OK, VMB_OK },
        { POST_STARTED, VMB_OK, VMB_OK, VMB_OK, VMB_OK },
        { SUSPEND, VMB_E_STATE, VMB_E_STATE, VMB_E_STATE, VMB_E_STATE },
        { CLOSED, VMB_E_STATE, VMB_E_STATE, VMB_E_STATE, VMB_E_STATE },
    };
    uint32_t i;

    (void)state;
    play(&client);
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct answers *a = &answers[(unsigned)rows[i].event];

        refuses_life(a);
        assert_int_equal(a->request, rows[i].request);
        assert_int_equal(a->process, rows[i].process);
        assert_int_equal(a->gpadl, rows[i].gpadl);
        /* OPENED's waits in the queue: STARTED finds it there. */
        if (rows[i].event != STARTED)
            assert_int_equal(a->send, rows[i].send);
    }
}

static void packet_callbacks(void **state)
{
    static const enum client_event events[] = { PACKET, BATCH };
    uint32_t i, j;

    (void)state;
    play(&client);
    for (i = 0; i < 2; i++) {
        const struct answers *a = &answers[(unsigned)events[i]];

        assert_true(a->seen);
        assert_int_equal(a->poll, VMB_E_STATE);
        assert_int_equal(a->process, VMB_E_STATE);
        assert_int_equal(a->request, VMB_E_STATE);
        for (j = 0; j < 3; j++)
            assert_int_equal(a->waits[j], VMB_E_STATE);
    }
    assert_int_equal(answers[PACKET].send, VMB_OK);
}

static void in_open_failed(void **state)
{
    struct client *c = &client;

    (void)state;
    memset(answers, 0, sizeof answers);
    memset(&gpadl, 0, sizeof gpadl);
    client_set_up(c, NULL);
    page = rig_alloc(c->rig, 1);
    c->on = ask_state;
    client_initialize(c);
    packet = client_packet(c);
    vmb_sim_rescind(c->dev);
    rig_settle(c->rig);
    vmb_sim_reoffer(c->dev);
    rig_settle(c->rig);
    assert_int_equal(
        vmb_sim_fault_add(
            c->rig->sim,
            &(struct vmb_sim_fault){
                .at = VMB_SIM_AT_GUEST_MESSAGE,
                .act = VMB_SIM_REFUSE,
                .k = vmb_sim_count(c->rig->sim, VMB_SIM_AT_GUEST_MESSAGE) }),
        VMB_OK);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    RIG_UNTIL(c->rig, c->count > 0);
    assert_string_equal(c->events, "F");
    refuses_life(&answers[OPEN_FAILED]);
    assert_int_equal(answers[OPEN_FAILED].request, VMB_E_STATE);
    assert_int_equal(answers[OPEN_FAILED].gpadl, VMB_E_STATE);
    assert_int_equal(answers[OPEN_FAILED].send, VMB_E_STATE);
    client_tear_down(c);
}

/* From packets and routines the life cycle may be changed: later it is. */
static void disable_from_a_packet(struct client *c,
                                  struct vmb_packet_completion *in,
                                  const void *buffer, uint32_t bytes,
                                  uint32_t flags)
{
    (void)buffer;
    (void)bytes;
    (void)flags;
    assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_packet_complete(in, NULL, 0), VMB_OK);
    assert_int_equal(vmb_channel_disable_status(&c->channel), VMB_AGAIN);
}

static void life_from_packet_callbacks(void **state)
{
    struct client *c = &client;

    (void)state;
    client_set_up(c, &(struct rig_cfg){ .interrupts = true });
    c->on_packet = disable_from_a_packet;
    client_up(c);
    host_sends(c->dev, 0, 3, 64, true);
    client_until_disabled(c);
    assert_string_equal(c->events, "OSPpppbUC");
    client_tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_callbacks),
        cmocka_unit_test(packet_callbacks),
        cmocka_unit_test(in_open_failed),
        cmocka_unit_test(life_from_packet_callbacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
