/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The contract's short rules, one test each.  What is said there with the
 * status names of Windows is said here with ours: DEVICE_REMOVED is
 * VMB_E_RESCINDED, CANCELLED after a time is VMB_E_TIMEOUT, BUFFER_OVERFLOW
 * (no room now) is VMB_AGAIN.
 */
#include "client.h"

static struct client client;
static struct recorder recorder;

static struct client *up(bool interrupts)
{
    client_set_up(&client, &(struct rig_cfg){ .interrupts = interrupts });
    return &client;
}

/* A channel to the device that writes down what comes. */
static struct client *up_recorded(bool interrupts)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = interrupts });

    recorder_add(&recorder, rig, 0);
    rig_start(rig);
    client_make(&client, rig, recorder.dev);
    return &client;
}

static void rule_01_init_only_while_disabled(void **state)
{
    struct client *c = up(false);
    enum vmb_status (*const initialize)(struct vmb_channel *,
                                        const struct vmb_channel_cfg *) =
        vmb_channel_initialize;

    (void)state;
    client_initialize(c);
    assert_int_equal(initialize(&c->channel, &c->cfg), VMB_OK);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    assert_int_equal(initialize(&c->channel, &c->cfg), VMB_E_STATE);
    client_down(c);
    client_up(c);
    assert_int_equal(initialize(&c->channel, &c->cfg), VMB_E_STATE);
    client_down(c);
    c->cfg.packet_bytes = 512;
    assert_int_equal(initialize(&c->channel, &c->cfg), VMB_OK);
    assert_ptr_equal(vmb_channel_get_pointer(&c->channel), c);
    client_up(c);
    client_down(c);
    client_tear_down(c);
}

static void rule_02_enable_does_not_wait(void **state)
{
    struct client *c = up(true);

    (void)state;
    client_initialize(c);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_AGAIN);
    assert_string_equal(c->events, "");
    client_until_packets(c, 0);
    RIG_UNTIL(c->rig, c->count >= 3);
    assert_string_equal(c->events, "OSP");
    client_down(c);
    client_tear_down(c);
}

static void rule_03_opened_fails(void **state)
{
    struct client *c = up(false);
    struct vmb_packet *packet;
    enum vmb_status status;

    (void)state;
    client_initialize(c);
    c->opened_status = VMB_E_REFUSED;
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    packet = client_packet(c);
    client_send(packet, VMB_SIM_BURST, 3, 64, 1, 0);
    RIG_WAIT(c->rig, &status, vmb_channel_status(&c->channel));
    assert_int_equal(status, VMB_E_REFUSED);
    assert_string_equal(c->events, "Ox");
    assert_int_equal(c->last_status, VMB_E_REFUSED);
    assert_int_equal(vmb_sim_live_gpadls(c->rig->sim), 0);
    assert_int_equal(vmb_sim_open_channels(c->rig->sim), 0);
    assert_false(
        rig_mapped(c->rig, c->cfg.memory, c->cfg.memory_bytes / VMB_PAGE_SIZE));
    client_tear_down(c);
}

/* The host has packets ready before the channel is told that it is open. */
static void host_is_first(struct client *c, enum client_event event)
{
    if (event == OPENED)
        host_sends(c->dev, 0, 4, 64, false);
}

static void rule_04_opened_started_packets(void **state)
{
    struct client *c = up(false);

    (void)state;
    c->on = host_is_first;
    client_up(c);
    client_until_packets(c, 4);
    client_down(c);
    assert_memory_equal(c->events, "OSP", 3);
    assert_string_equal(strchr(c->events, 'p'), "ppppbUC");
    client_tear_down(c);
}

static void rule_05_nothing_between_suspend_and_started(void **state)
{
    struct client *c = up(true);

    (void)state;
    client_up(c);
    client_pause(c);
    host_sends(c->dev, 0, 40, 64, true);
    rig_settle(c->rig);
    assert_string_equal(c->events, "OSPU");
    assert_int_equal(vmb_channel_start(&c->channel), VMB_OK);
    client_until_packets(c, 40);
    assert_memory_equal(c->events, "OSPUSPp", 7);
    client_pause(c);
    assert_string_equal(strchr(c->events, 'U') + 1 +
                            strcspn(strchr(c->events, 'U') + 1, "U"),
                        "U");
    client_down(c);
    client_tear_down(c);
}

static void delivered_hold_back(bool close)
{
    struct client *c = up(true);
    uint32_t i;

    c->hold = true;
    client_up(c);
    host_sends(c->dev, 0, 5, 64, true);
    client_until_packets(c, 5);
    assert_int_equal(close ? vmb_channel_disable_start(&c->channel)
                           : vmb_channel_pause_start(&c->channel),
                     VMB_OK);
    for (i = 0; i < 5; i++) {
        rig_settle(c->rig);
        assert_int_equal(c->events[c->count - 1], SUSPEND);
        assert_int_equal(close ? vmb_channel_disable_status(&c->channel)
                               : vmb_channel_pause_status(&c->channel),
                         VMB_AGAIN);
        assert_int_equal(vmb_channel_packet_complete(c->held[4 - i], NULL, 0),
                         VMB_OK);
    }
    rig_settle(c->rig);
    assert_int_equal(close ? vmb_channel_disable_status(&c->channel)
                           : vmb_channel_pause_status(&c->channel),
                     VMB_OK);
    assert_int_equal(vmb_sim_test_completions(c->dev), 5);
    client_down(c);
    client_tear_down(c);
}

static void rule_06_pause_and_disable_wait_for_delivered(void **state)
{
    (void)state;
    delivered_hold_back(false);
    delivered_hold_back(true);
}

/* ---- 7: rescind -----------------------------------------------------------
 */

static void until_it_ended(struct client *c)
{
    client_until_disabled(c);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_RESCINDED);
}

static void rescind_while_opening(void)
{
    struct client *c = up(true);
    struct vmb_sim_fault fault = { VMB_SIM_AT_GUEST_MESSAGE, VMB_SIM_RESCIND,
                                   .dev = c->dev };

    client_initialize(c);
    fault.k = vmb_sim_count(c->rig->sim, fault.at) + 1; /* the open */
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &fault), VMB_OK);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    RIG_UNTIL(c->rig, c->count > 0);
    until_it_ended(c);
    assert_string_equal(c->events, "F");
    client_tear_down(c);
}

static void rescind_while(bool paused)
{
    struct client *c = up(true);

    client_up(c);
    if (paused)
        client_pause(c);
    vmb_sim_rescind(c->dev);
    until_it_ended(c);
    assert_string_equal(c->events, "OSPUC");
    client_tear_down(c);
}

/* The answer never comes, for the device is taken away meanwhile. */
static void ask_and_be_rescinded(struct client *c, enum client_event event)
{
    struct vmb_sim_test_request ask = client_request(VMB_SIM_HOLD, 0, 0, 0);
    struct vmb_request request = { 0 };

    struct vmb_sim_fault fault = { .at = VMB_SIM_AT_GUEST_PACKET,
                                   .act = VMB_SIM_RESCIND,
                                   .dev = c->dev };

    if (event != POST_STARTED)
        return;
    fault.k = vmb_sim_count(c->rig->sim, fault.at);
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &fault), VMB_OK);
    c->last_status = vmb_wait_synchronous_request(
        &c->channel, &request, &ask, sizeof ask, NULL,
        VMB_SEND_WAIT_FOR_COMPLETION, UINT64_MAX);
}

static void rescind_in_post_started(void)
{
    struct client *c = up(true);

    client_initialize(c);
    c->on = ask_and_be_rescinded;
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    until_it_ended(c);
    assert_int_equal(c->last_status, VMB_E_RESCINDED);
    assert_string_equal(c->events, "OSPUC");
    assert_int_equal(vmb_channel_abandoned(&c->channel), 0);
    client_tear_down(c);
}

static void rule_07_rescind_ends_in_disabled(void **state)
{
    (void)state;
    rescind_while_opening();
    rescind_while(false);
    rescind_while(true);
    rescind_in_post_started();
}

/* ---- 8 .. 10: sending ------------------------------------------------------
 */

#define MANY 200u

static void rule_08_more_than_the_ring_in_order(void **state)
{
    struct vmb_packet *packet[MANY];
    uint8_t payload[512] = { 0 };
    struct client *c;
    uint64_t i;

    (void)state;
    c = up_recorded(true);
    c->cfg.packet_bytes = sizeof payload;
    c->cfg.external_bytes = 4096;
    c->cfg.external_mdls = 1;
    c->cfg.tx_pages = 1;
    client_up(c);
    vmb_sim_stall(rig_host(c->dev), true);
    for (i = 0; i < MANY; i++) {
        packet[i] = client_packet(c);
        memcpy(payload, &i, sizeof i);
        assert_int_equal(
            vmb_packet_send(packet[i], payload, (uint32_t)(8 + i * 41 % 504),
                            NULL, i % 3 ? VMB_SEND_WAIT_FOR_COMPLETION : 0),
            VMB_OK);
        memset(payload, 0xee, sizeof payload);
    }
    assert_int_equal(vmb_packet_state(packet[MANY - 1]), VMB_PACKET_QUEUED);
    vmb_sim_stall(rig_host(c->dev), false);
    client_until_done(c, MANY);
    for (i = 0; i < MANY; i++)
        assert_int_equal(recorder.record[i].first, i);
    assert_null(strchr(c->events, UNDONE));
    client_down(c);
    client_tear_down(c);
}

static void rule_09_complete_at_insertion_or_by_the_host(void **state)
{
    struct vmb_packet *now, *later;
    struct client *c;

    (void)state;
    c = up_recorded(true);
    client_up(c);
    recorder.hold = true;
    now = client_packet(c);
    later = client_packet(c);
    client_send(later, 1, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    client_send(now, 2, 0, 0, 0, 0);
    assert_int_equal(c->dones, 1);
    assert_int_equal(vmb_packet_state(now), VMB_PACKET_IDLE);
    rig_settle(c->rig);
    assert_int_equal(recorder.count, 2);
    assert_int_equal(c->dones, 1);
    assert_int_equal(vmb_packet_state(later), VMB_PACKET_IN_RING);
    recorder_release(&recorder);
    client_until_done(c, 2);
    assert_int_equal(c->last_bytes, 8);
    client_down(c);
    client_tear_down(c);
}

/* Every allocation of the program passes here; the library has none. */
static uint64_t allocations;
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

static uint64_t library_allocations, hears;

/* Two objects, again and again; the host's side may allocate. */
static void send_counted(struct client *c, struct vmb_packet *packet)
{
    struct vmb_sim_test_request sink = client_request(VMB_SIM_SINK, 0, 0, 0);
    uint64_t before = allocations,
             steps = vmb_sim_count(c->rig->sim, VMB_SIM_AT_GUEST_PACKET);

    assert_int_equal(vmb_packet_send(packet, &sink, sizeof sink, NULL,
                                     VMB_SEND_WAIT_FOR_COMPLETION),
                     VMB_OK);
    if (steps == vmb_sim_count(c->rig->sim, VMB_SIM_AT_GUEST_PACKET))
        library_allocations += allocations - before;
    else
        hears++; /* the signal let the host work inside the send */
}

#ifdef __SANITIZE_ADDRESS__
#define MILLION 20000u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MILLION 20000u
#endif
#endif
#ifndef MILLION
#define MILLION 1000000u
#endif

static void rule_10_a_million_sends_no_allocation(void **state)
{
    struct client *c;
    struct vmb_packet *packet[4];
    uint32_t i, sent = 0;

    (void)state;
    client_set_up(&client, &(struct rig_cfg){ .sim.quirks = VMB_SIM_LAZY });
    c = &client;
    c->cfg.packet_bytes = 256;
    c->cfg.tx_pages = c->cfg.rx_pages = 40;
    client_up(c);
    for (i = 0; i < 4; i++)
        packet[i] = client_packet(c);
    allocations = library_allocations = hears = 0;
    while (sent < MILLION)
        for (i = 0; i < 4; i++) {
            while (vmb_packet_state(packet[i]) != VMB_PACKET_IDLE)
                rig_turn(c->rig);
            send_counted(c, packet[i]);
            sent++;
        }
    client_until_done(c, sent);
    assert_int_equal(hears, 0);
    assert_int_equal(library_allocations, 0);
    assert_true(allocations > 0); /* the counter counts */
    client_down(c);
    client_tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_01_init_only_while_disabled),
        cmocka_unit_test(rule_02_enable_does_not_wait),
        cmocka_unit_test(rule_03_opened_fails),
        cmocka_unit_test(rule_04_opened_started_packets),
        cmocka_unit_test(rule_05_nothing_between_suspend_and_started),
        cmocka_unit_test(rule_06_pause_and_disable_wait_for_delivered),
        cmocka_unit_test(rule_07_rescind_ends_in_disabled),
        cmocka_unit_test(rule_08_more_than_the_ring_in_order),
        cmocka_unit_test(rule_09_complete_at_insertion_or_by_the_host),
        cmocka_unit_test(rule_10_a_million_sends_no_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
