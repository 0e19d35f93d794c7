/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The life cycle: what callbacks hear, in which order, and what ends it. */
#include "client.h"

static struct client client, second;
static struct recorder recorder;

static struct client *prepare(void)
{
    client_set_up(&client, &(struct rig_cfg){ .interrupts = true });
    client_initialize(&client);
    return &client;
}

static struct client *prepare_recorded(void)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = true });

    recorder_add(&recorder, rig, 2);
    rig_start(rig);
    client_make(&client, rig, recorder.dev);
    client_initialize(&client);
    return &client;
}

static void enable(struct client *c)
{
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
}

static void ends_as(struct client *c, enum vmb_status status,
                    const char *events)
{
    client_until_disabled(c);
    assert_int_equal(vmb_channel_status(&c->channel), status);
    assert_string_equal(c->events, events);
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_OK);
}

static void forget_events(struct client *c)
{
    c->count = 0;
    c->events[0] = 0;
}

static void normal_twice(void **state)
{
    struct client *c = prepare();

    (void)state;
    client_up(c);
    client_down(c);
    ends_as(c, VMB_E_STATE, "OSPUC");
    client_up(c);
    client_down(c);
    ends_as(c, VMB_E_STATE, "OSPUCOSPUC");
    client_tear_down(c);
}

static void pause_and_start(void **state)
{
    struct client *c = prepare();

    (void)state;
    assert_int_equal(vmb_channel_pause_status(&c->channel), VMB_E_STATE);
    client_up(c);
    client_pause(c);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_start(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_pause_status(&c->channel), VMB_E_STATE);
    rig_settle(c->rig);
    client_pause(c);
    client_down(c);
    ends_as(c, VMB_E_STATE, "OSPUSPUC");
    client_tear_down(c);
}

/* What was paused when it was disabled comes up running. */
static void disabled_while_paused(void **state)
{
    struct client *c = &client;

    (void)state;
    client_set_up(c, NULL);
    client_up(c);
    client_pause(c);
    client_down(c);
    client_up(c);
    assert_string_equal(c->events, "OSPUCOSP");
    client_down(c);
    client_tear_down(c);
}

static void paused_before_enable(void **state)
{
    struct client *c = prepare();
    enum vmb_status status;

    (void)state;
    assert_int_equal(vmb_channel_pause_start(&c->channel), VMB_OK);
    client_up(c);
    RIG_WAIT(c->rig, &status, vmb_channel_pause_status(&c->channel));
    assert_int_equal(status, VMB_OK);
    assert_string_equal(c->events, "O");
    assert_int_equal(vmb_packet_send(client_packet(c), "x", 1, NULL, 0),
                     VMB_E_STATE);
    assert_int_equal(vmb_channel_start(&c->channel), VMB_OK);
    rig_settle(c->rig);
    client_down(c);
    ends_as(c, VMB_E_STATE, "OSPUC");
    assert_int_equal(vmb_channel_pause_start(&c->channel), VMB_OK);
    forget_events(c);
    client_up(c);
    rig_settle(c->rig);
    client_down(c);
    ends_as(c, VMB_E_STATE, "OC");
    client_tear_down(c);
}

static void opened_fails_with(enum vmb_status says, enum vmb_status reads)
{
    struct client *c = prepare();

    c->opened_status = says;
    enable(c);
    ends_as(c, reads, "O");
    c->opened_status = VMB_OK;
    forget_events(c);
    client_up(c);
    client_down(c);
    ends_as(c, VMB_E_STATE, "OSPUC");
    c->opened_status = says; /* and it was open once */
    forget_events(c);
    enable(c);
    ends_as(c, reads, "O");
    client_tear_down(c);
}

static void opened_fails(void **state)
{
    (void)state;
    opened_fails_with(VMB_E_REFUSED, VMB_E_REFUSED);
    opened_fails_with(VMB_AGAIN, VMB_E_CANCELLED);
    opened_fails_with(VMB_E_LANE, VMB_E_CANCELLED);
}

static void disabled_on_the_way_up(void **state)
{
    struct client *c = prepare_recorded();
    uint32_t turns;

    (void)state;
    for (turns = 0; turns < 12; turns++) {
        uint32_t i;

        forget_events(c);
        enable(c);
        for (i = 0; i < turns && c->count == 0; i++)
            rig_turn(c->rig);
        if (c->count > 0)
            break;
        assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
        ends_as(c, VMB_E_CANCELLED, "");
        assert_int_equal(vmb_sim_live_gpadls(c->rig->sim), 0);
    }
    assert_true(turns > 1); /* WAITING and OPENING at least */
    client_down(c);
    assert_int_equal(recorder.opens, recorder.closes);
    client_tear_down(c);
}

static void host_refuses(void **state)
{
    struct client *c = prepare_recorded();
    struct vmb_fault fault;

    (void)state;
    recorder.refuse = 0xc0000001u;
    enable(c);
    RIG_UNTIL(c->rig, c->count > 0);
    ends_as(c, VMB_E_REFUSED, "F");
    assert_int_equal(c->last_status, VMB_E_REFUSED);
    vmb_channel_fault(&c->channel, &fault);
    assert_int_equal(fault.host_code, 0xc0000001u);
    recorder.refuse = 0;
    client_up(c);
    client_down(c);
    ends_as(c, VMB_E_STATE, "FOSPUC");
    client_tear_down(c);
}

static void offer_comes_later_and_again(void **state)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = true });
    struct client *c = &client;
    uint32_t i;

    (void)state;
    rig_start(rig);
    client_make(c, rig, NULL);
    c->cfg.instance = NULL;
    memset(&c->type, 0x77, sizeof c->type);
    client_initialize(c);
    enable(c);
    rig_settle(rig);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_AGAIN);
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_OK);
    recorder_add(&recorder, rig, 0);
    for (i = 0; i < 3; i++) {
        RIG_UNTIL(rig, c->count == 3);
        vmb_sim_rescind(recorder.dev);
        ends_as(c, VMB_E_RESCINDED, "OSPUC");
        forget_events(c);
        enable(c); /* the old offer is no offer any more */
        rig_settle(rig);
        assert_int_equal(vmb_channel_status(&c->channel), VMB_AGAIN);
        vmb_sim_reoffer(recorder.dev);
    }
    RIG_UNTIL(rig, c->count == 3);
    client_down(c);
    client_tear_down(c);
}

/* ---- Rescinds -------------------------------------------------------------
 */

static enum client_event rescind_in;

static void rescind_inside(struct client *c, enum client_event event)
{
    enum vmb_status status;
    uint32_t i;

    if (event != rescind_in)
        return;
    vmb_sim_rescind(c->dev);
    for (i = 0; i < 50; i++) { /* and let the connection hear of it */
        status = vmb_conn_poll(&c->rig->conn);
        assert_true(status >= VMB_OK);
        (void)vmb_sim_run(c->rig->sim, 10);
        (void)vmb_cpu_scan(&c->rig->cpu[0]);
    }
}

static void rescind_in_callbacks(void **state)
{
    static const struct {
        enum client_event event;
        const char *events;
        enum vmb_status status;
    } cases[] = {
        { OPENED, "OC", VMB_E_RESCINDED },
        { STARTED, "OSPUC", VMB_E_RESCINDED },
        { POST_STARTED, "OSPUC", VMB_E_RESCINDED },
        { SUSPEND, "OSPUC", VMB_E_RESCINDED },
        { CLOSED, "OSPUC", VMB_E_STATE },
    };
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *c = prepare();

        rescind_in = cases[i].event;
        c->on = rescind_inside;
        enable(c);
        RIG_UNTIL(c->rig, c->count > 2 || vmb_channel_disable_status(
                                              &c->channel) == VMB_OK);
        assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
        client_until_disabled(c);
        assert_string_equal(c->events, cases[i].events);
        assert_int_equal(vmb_channel_status(&c->channel), cases[i].status);
        client_tear_down(c);
    }
}

static void rescind_while_packets_are_out(void **state)
{
    struct client *c = prepare();
    struct vmb_packet *packet;

    (void)state;
    c->hold = true;
    client_up(c);
    packet = client_packet(c);
    client_send(packet, VMB_SIM_HOLD, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    host_sends(c->dev, 0, 2, 64, true);
    client_until_packets(c, 2);
    vmb_sim_rescind(c->dev);
    rig_settle(c->rig);
    /* The client still has two: it is told, and waited for. */
    assert_string_equal(c->events, "OSPppbU");
    assert_int_equal(vmb_channel_disable_status(&c->channel), VMB_AGAIN);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_RESCINDED);
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_packet_complete(c->held[0], "a", 1), VMB_OK);
    assert_int_equal(vmb_channel_packet_fail(c->held[1]), VMB_OK);
    ends_as(c, VMB_E_RESCINDED, "OSPppbUxC");
    assert_int_equal(c->last_status, VMB_E_RESCINDED);
    client_tear_down(c);
}

/* Also by a client that only polls, and is about to pause. */
static void rescind_while_pausing(void **state)
{
    struct client *c = prepare();
    void (*on_turn)(struct rig *) = c->rig->on_turn;

    (void)state;
    c->hold = true;
    client_up(c);
    host_sends(c->dev, 0, 1, 64, true);
    client_until_packets(c, 1);
    assert_int_equal(vmb_channel_pause_start(&c->channel), VMB_OK);
    rig_settle(c->rig);
    assert_string_equal(c->events, "OSPpbU");
    c->rig->on_turn = NULL;
    vmb_sim_rescind(c->dev);
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_RESCINDED);
    assert_int_equal(vmb_channel_pause_status(&c->channel), VMB_E_STATE);
    c->rig->on_turn = on_turn;
    assert_int_equal(vmb_channel_packet_complete(c->held[0], "a", 1), VMB_OK);
    ends_as(c, VMB_E_RESCINDED, "OSPpbUC");
    client_tear_down(c);
}

static void rescind_while_closing(void **state)
{
    struct client *c = prepare();
    uint32_t turns, i;

    (void)state;
    for (turns = 1; turns < 6; turns++) {
        forget_events(c);
        client_up(c);
        assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
        for (i = 0; i < turns; i++)
            rig_turn(c->rig);
        vmb_sim_rescind(c->dev);
        client_until_disabled(c);
        assert_string_equal(c->events, "OSPUC");
        vmb_sim_reoffer(c->dev);
        rig_settle(c->rig);
    }
    client_tear_down(c);
}

/* ---- The connection goes ---------------------------------------------------
 */

static void connection_unloaded_underneath(void **state)
{
    struct client *c = prepare();
    struct vmb_packet *packet;

    (void)state;
    client_up(c);
    packet = client_packet(c);
    client_send(packet, VMB_SIM_HOLD, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    rig_settle(c->rig);
    rig_unload(c->rig);
    RIG_UNTIL(c->rig, vmb_channel_disable_status(&c->channel) == VMB_OK);
    ends_as(c, VMB_E_STATE, "OSPUxC");
    enable(c);
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_AGAIN);
    rig_connect(c->rig);
    RIG_UNTIL(c->rig, vmb_channel_status(&c->channel) == VMB_OK);
    client_send(packet, VMB_SIM_SINK, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    client_until_done(c, 2);
    assert_int_equal(c->last_status, VMB_OK);
    client_down(c);
    client_tear_down(c);
}

/* ---- More than one ------------------------------------------------------- */

static void subchannel_of_a_primary(void **state)
{
    struct client *c = prepare_recorded(), *sub = &second;
    struct vmb_guid of_primary, of_sub;
    struct vmb_offer *offer;

    (void)state;
    client_make(sub, c->rig, recorder.dev);
    sub->cfg.type = sub->cfg.instance = NULL;
    sub->cfg.primary = &c->channel;
    sub->cfg.subchannel = 2;
    client_initialize(sub);
    enable(sub);
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_status(&sub->channel), VMB_AGAIN);
    offer = rig_offer(c->rig, recorder.dev, 2);
    assert_non_null(offer);
    offer->type.b[0] ^= 1; /* another device's, for all that one can tell */
    client_up(c);
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_status(&sub->channel), VMB_AGAIN);
    offer->type.b[0] ^= 1;
    RIG_UNTIL(c->rig, vmb_channel_status(&sub->channel) == VMB_OK);
    assert_true(vmb_sim_is_open(vmb_sim_channel(recorder.dev, 2)));
    assert_false(vmb_sim_is_open(vmb_sim_channel(recorder.dev, 1)));
    vmb_channel_get_interface_instance(&c->channel, &of_primary);
    vmb_channel_get_interface_instance(&sub->channel, &of_sub);
    assert_memory_equal(&of_primary, &of_sub, sizeof of_sub);
    assert_int_equal(vmb_packet_send(client_packet(sub), "12345678", 8, NULL,
                                     VMB_SEND_WAIT_FOR_COMPLETION),
                     VMB_OK);
    client_until_done(sub, 1);
    client_down(sub);
    client_down(c);
    client_forget(sub);
    client_tear_down(c);
}

static void two_of_one_type(void **state)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = true });
    struct client *both[2] = { &client, &second };
    struct vmb_guid instance[2];
    uint32_t i;

    (void)state;
    (void)rig_device(rig);
    rig_start(rig);
    for (i = 0; i < 2; i++) {
        client_make(both[i], rig, NULL);
        memcpy(&both[i]->type, vmb_sim_test_type, 16);
        both[i]->cfg.instance = NULL;
        client_initialize(both[i]);
        enable(both[i]);
    }
    rig_settle(rig);
    assert_int_equal(vmb_channel_status(&second.channel), VMB_AGAIN);
    (void)rig_device(rig);
    for (i = 0; i < 2; i++) {
        RIG_UNTIL(rig, both[i]->count == 3);
        vmb_channel_get_interface_instance(&both[i]->channel, &instance[i]);
    }
    assert_memory_not_equal(&instance[0], &instance[1], sizeof instance[0]);
    client_down(&client);
    client_down(&second);
    client_forget(&second);
    client_tear_down(&client);
}

static void what_it_says_of_itself(void **state)
{
    struct client *c;
    struct vmb_guid none = { { 0 } }, instance;
    uint64_t address = 1, bytes = 1;

    (void)state;
    c = prepare_recorded();
    c->cfg.mmio_address = 0xfe000000u;
    c->cfg.name = "a name that is longer than what is kept of it";
    client_initialize(c);
    assert_string_equal(vmb_channel_friendly_name(&c->channel),
                        "a name that is longer than what");
    vmb_channel_get_mmio_space(&c->channel, &address, &bytes);
    assert_int_equal(address | bytes, 0);
    vmb_channel_get_interface_instance(&c->channel, &instance);
    assert_memory_equal(&instance, &none, sizeof none);
    client_up(c);
    vmb_channel_get_mmio_space(&c->channel, &address, &bytes);
    assert_int_equal(address, 0xfe000000u);
    assert_int_equal(bytes, 3u << 20);
    assert_ptr_equal(vmb_channel_conn(&c->channel), &c->rig->conn);
    assert_ptr_equal(vmb_channel_of(vmb_channel_chan(&c->channel)),
                     &c->channel);
    client_down(c);
    client_tear_down(c);
}

static void latency_with(uint32_t quirks, enum vmb_status status)
{
    struct client *c = &client;
    uint16_t original = 7;

    client_set_up(c, &(struct rig_cfg){ .interrupts = true,
                                        .sim.quirks = quirks,
                                        .conn.monitor = true });
    client_initialize(c);
    assert_int_equal(
        vmb_channel_set_interrupt_latency(&c->channel, 100, &original),
        VMB_E_STATE);
    client_up(c);
    assert_int_equal(
        vmb_channel_set_interrupt_latency(&c->channel, 100, &original), status);
    assert_int_equal(
        vmb_channel_set_interrupt_latency(&c->channel, 65535, &original),
        status);
    assert_int_equal(original, status == VMB_OK ? 100 : 7);
    client_send(client_packet(c), VMB_SIM_SINK, 0, 0, 0,
                VMB_SEND_WAIT_FOR_COMPLETION);
    client_until_done(c, 1);
    client_down(c);
    assert_int_equal(
        vmb_channel_set_interrupt_latency(&c->channel, 100, &original),
        VMB_E_STATE);
    client_tear_down(c);
}

static void interrupt_latency(void **state)
{
    (void)state;
    latency_with(VMB_SIM_MONITOR, VMB_OK);
    latency_with(0, VMB_E_NOFEATURE);
}

/* Each monitor id has a word of its own in the page. */
static void every_monitor_id_has_its_word(void **state)
{
    struct client *c = &client;
    struct vmb_offer *offer;
    uint16_t original;
    uint32_t id;

    (void)state;
    client_set_up(c, &(struct rig_cfg){ .sim.quirks = VMB_SIM_MONITOR,
                                        .conn.monitor = true });
    client_up(c);
    offer = rig_offer(c->rig, c->dev, 0);
    for (id = 0; id < 128; id++) {
        offer->monitor_id = (uint8_t)id;
        assert_int_equal(vmb_channel_set_interrupt_latency(
                             &c->channel, (uint16_t)(id + 1), &original),
                         VMB_OK);
        assert_int_equal(original, 0);
    }
    for (id = 0; id < 128; id++) {
        uint8_t *page = c->rig->conn_pages + 2 * VMB_PAGE_SIZE;

        assert_int_equal(page[0x240 + 2 * id], id + 1);
        assert_int_equal(page[0x241 + 2 * id], 0);
    }
    offer->monitor_id = 0;
    client_down(c);
    client_tear_down(c);
}

/* A clean-up path meets what it never came to make. */
static void a_channel_never_made(void **state)
{
    static struct vmb_channel zeroed;
    struct vmb_packet *packet = NULL;
    uint64_t word = 7;

    (void)state;
    assert_int_equal(vmb_channel_status(&zeroed), VMB_E_STATE);
    assert_int_equal(vmb_channel_enable(&zeroed), VMB_E_STATE);
    assert_int_equal(vmb_channel_poll(&zeroed), VMB_OK);
    assert_int_equal(vmb_channel_process(&zeroed, 1), VMB_E_STATE);
    assert_int_equal(vmb_wait_channel(&zeroed, SECOND), VMB_E_STATE);
    assert_int_equal(vmb_wait_channel_disable(&zeroed, SECOND), VMB_OK);
    assert_int_equal(vmb_wait_channel_pause(&zeroed, SECOND), VMB_E_STATE);
    /* No size is enough, not even the one it gives. */
    assert_int_equal(vmb_packet_initialize(&zeroed, &word,
                                           vmb_channel_sizeof_packet(&zeroed),
                                           &packet),
                     VMB_E_NOSLOT);
    assert_int_equal(
        vmb_packet_initialize(&zeroed, &word, sizeof word, &packet),
        VMB_E_NOSLOT);
    assert_int_equal(word, 7);
    assert_null(packet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_twice),
        cmocka_unit_test(pause_and_start),
        cmocka_unit_test(disabled_while_paused),
        cmocka_unit_test(paused_before_enable),
        cmocka_unit_test(opened_fails),
        cmocka_unit_test(disabled_on_the_way_up),
        cmocka_unit_test(host_refuses),
        cmocka_unit_test(offer_comes_later_and_again),
        cmocka_unit_test(rescind_in_callbacks),
        cmocka_unit_test(rescind_while_packets_are_out),
        cmocka_unit_test(rescind_while_pausing),
        cmocka_unit_test(rescind_while_closing),
        cmocka_unit_test(connection_unloaded_underneath),
        cmocka_unit_test(subchannel_of_a_primary),
        cmocka_unit_test(two_of_one_type),
        cmocka_unit_test(what_it_says_of_itself),
        cmocka_unit_test(interrupt_latency),
        cmocka_unit_test(every_monitor_id_has_its_word),
        cmocka_unit_test(a_channel_never_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
