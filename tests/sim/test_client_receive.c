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

/* ---- Batches --------------------------------------------------------------
 */

static void budgets_and_batches(void **state)
{
    struct client *c = prepare(true);
    const char *at;
    uint32_t batch = 0;

    (void)state;
    c->budget = 5;
    client_up(c);
    host_sends(c->dev, 0, 23, 64, false);
    client_until_packets(c, 23);
    rig_settle(c->rig);
    assert_int_equal(c->processed, 23);
    for (at = c->events; *at; at++) {
        batch = *at == PACKET ? batch + 1 : batch;
        assert_in_range(batch, 0, 5);
        if (*at == BATCH) {
            assert_in_range(batch, 1, 5);
            batch = 0;
        }
    }
    assert_int_equal(batch, 0);
    client_down(c);
    client_tear_down(c);
}

/* There is no budget too large: one object is used again and again. */
static void a_budget_without_end(void **state)
{
    struct client *c = prepare(false);
    void (*on_turn)(struct rig *) = c->rig->on_turn;

    (void)state;
    c->cfg.incoming = c->cfg.transactions = 1;
    client_up(c);
    rig_settle(c->rig);
    c->rig->on_turn = NULL;
    host_sends(c->dev, 0, 9, 64, false);
    (void)vmb_sim_run(c->rig->sim, 100);
    assert_int_equal(vmb_channel_process(&c->channel, UINT32_MAX), VMB_OK);
    assert_int_equal(c->packets, 9);
    c->rig->on_turn = on_turn;
    client_down(c);
    client_tear_down(c);
}

/* process(0) takes completions, and nothing else happens. */
static void a_budget_of_0(void **state)
{
    struct client *c = prepare(false);
    uint32_t i;

    (void)state;
    client_up(c);
    rig_settle(c->rig);
    c->rig->on_turn = NULL;
    host_sends(c->dev, 0, 3, 64, false);
    client_send(client_packet(c), VMB_SIM_SINK, 0, 0, 0,
                VMB_SEND_WAIT_FOR_COMPLETION);
    for (i = 0; i < 20; i++) {
        (void)vmb_sim_run(c->rig->sim, 100);
        assert_int_equal(vmb_channel_process(&c->channel, 0), VMB_AGAIN);
    }
    assert_int_equal(c->dones, 1);
    assert_int_equal(c->packets, 0);
    assert_int_equal(vmb_channel_process(&c->channel, 2), VMB_AGAIN);
    assert_int_equal(c->packets, 2);
    assert_int_equal(vmb_channel_process(&c->channel, 2), VMB_OK);
    assert_string_equal(c->events, "OSPdppbpb");
    assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    while (vmb_channel_disable_status(&c->channel) == VMB_AGAIN) {
        rig_turn(c->rig);
        c->rig->last_poll = vmb_channel_poll(&c->channel);
    }
    client_tear_down(c);
}

/* ---- Completing -----------------------------------------------------------
 */

static void any_order_once_and_not_too_long(void **state)
{
    struct client *c = prepare_recorded(true);
    uint8_t long_one[600] = { 0 };
    uint64_t i;

    (void)state;
    c->cfg.packet_bytes = 500;
    c->hold = true;
    client_up(c);
    host_sends(c->dev, 0, 8, 64, true);
    client_until_packets(c, 8);
    assert_int_equal(vmb_channel_packet_complete(c->held[0], NULL, 1),
                     VMB_E_ARG);
    assert_int_equal(vmb_channel_packet_complete(c->held[0], long_one, 501),
                     VMB_E_TOOBIG);
    assert_int_equal(vmb_channel_packet_defer_to_passive(c->held[0]),
                     VMB_E_STATE);
    for (i = 0; i < 8; i++) {
        assert_int_equal(vmb_channel_packet_complete(c->held[i * 3 % 8], &i, 8),
                         VMB_OK);
        assert_int_equal(vmb_channel_packet_complete(c->held[i * 3 % 8], &i, 8),
                         VMB_E_STATE);
        assert_int_equal(vmb_channel_packet_fail(c->held[i * 3 % 8]),
                         VMB_E_STATE);
    }
    rig_settle(c->rig);
    assert_int_equal(recorder.count, 8);
    for (i = 0; i < 8; i++) {
        assert_int_equal(recorder.record[i].xid, i * 3 % 8);
        assert_int_equal(recorder.record[i].first, i);
    }
    client_down(c);
    client_tear_down(c);
}

static void nobody_asked_nobody_listens(void **state)
{
    struct client *c = prepare_recorded(true);

    (void)state;
    c->cfg.callbacks.process_packet = NULL;
    client_up(c);
    host_sends(c->dev, 0, 40, 64, true);
    host_sends(c->dev, 0, 40, 64, false);
    rig_settle(c->rig);
    assert_int_equal(recorder.count, 40); /* none for those of the second */
    assert_int_equal(recorder.record[39].type, 11);
    assert_int_equal(recorder.record[39].len, 0);
    client_down(c);
    client_tear_down(c);
}

static void fail_second(struct client *c, struct vmb_packet_completion *packet,
                        const void *buffer, uint32_t bytes, uint32_t flags)
{
    (void)buffer;
    (void)bytes;
    (void)flags;
    assert_int_equal(c->packets == 2
                         ? vmb_channel_packet_fail(packet)
                         : vmb_channel_packet_complete(packet, NULL, 0),
                     VMB_OK);
}

static void a_failed_packet_stops_delivery(void **state)
{
    struct client *c = prepare(true);
    struct vmb_fault fault;

    (void)state;
    c->on_packet = fail_second;
    client_up(c);
    host_sends(c->dev, 7, 5, 64, true);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 2);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_OK);
    vmb_channel_fault(&c->channel, &fault);
    assert_int_equal(fault.site, VMB_SITE_PACKET_FAILED);
    assert_int_equal(fault.got, 8);
    client_send(client_packet(c), VMB_SIM_SINK, 0, 0, 0,
                VMB_SEND_WAIT_FOR_COMPLETION);
    client_until_done(c, 1); /* answers still come */
    client_down(c);
    c->packets = 0;
    c->on_packet = NULL;
    client_up(c);
    vmb_channel_fault(&c->channel, &fault);
    assert_int_equal(fault.status, VMB_OK);
    host_sends(c->dev, 0, 5, 64, true);
    client_until_packets(c, 5);
    client_down(c);
    client_tear_down(c);
}

/* What ends the channel later is what is told of it. */
static void a_failed_packet_hides_no_fault(void **state)
{
    const uint64_t unknown[3] = { 5 | (uint64_t)2 << 16 | (uint64_t)2 << 32, 0,
                                  0 };
    struct client *c = prepare(true);
    struct vmb_fault fault;

    (void)state;
    c->on_packet = fail_second;
    client_up(c);
    host_sends(c->dev, 7, 2, 64, true);
    rig_settle(c->rig);
    assert_int_equal(
        vmb_sim_ring_raw(rig_host(c->dev), unknown, sizeof unknown), VMB_OK);
    client_until_disabled(c);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HOST);
    vmb_channel_fault(&c->channel, &fault);
    assert_int_equal(fault.site, VMB_SITE_RX_TYPE);
    client_tear_down(c);
}

/* ---- The deadlock of the quota --------------------------------------------
 */

/* Completes its packet only when the host has answered a request. */
static void answer_first(struct vmb_packet *packet, enum vmb_status status,
                         const void *buffer, uint32_t bytes)
{
    struct vmb_packet_completion *in = vmb_packet_get_pointer(packet);

    client_done(packet, status, buffer, bytes);
    assert_int_equal(vmb_channel_packet_complete(in, NULL, 0), VMB_OK);
    assert_int_equal(vmb_packet_free(packet), VMB_OK);
}

static void ask_first(struct client *c, struct vmb_packet_completion *in,
                      const void *buffer, uint32_t bytes, uint32_t flags)
{
    struct vmb_packet *packet = vmb_packet_allocate(&c->channel);

    (void)buffer;
    (void)bytes;
    (void)flags;
    assert_non_null(packet);
    assert_int_equal(vmb_packet_set_completion_routine(packet, answer_first),
                     VMB_OK);
    vmb_packet_set_pointer(packet, in);
    client_send(packet, VMB_SIM_SINK, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
}

static void answers_pass_what_the_quota_holds_back(void **state)
{
    struct client *c = prepare(true);

    (void)state;
    c->cfg.quota = 2;
    c->cfg.incoming = 10;
    c->on_packet = ask_first;
    client_up(c);
    host_sends(c->dev, 0, 9, 64, true);
    client_until_packets(c, 9);
    rig_settle(c->rig);
    assert_int_equal(c->dones, 9);
    assert_int_equal(vmb_sim_test_completions(c->dev), 9);
    client_down(c);
    client_tear_down(c);
}

/* Parking runs out: it stops, as documented, and is no crash. */
static void more_than_can_be_parked(void **state)
{
    struct client *c = prepare(true);

    (void)state;
    c->cfg.quota = 2;
    c->cfg.incoming = 4;
    c->hold = true;
    client_up(c);
    host_sends(c->dev, 0, 9, 64, true);
    client_until_packets(c, 2);
    client_send(client_packet(c), VMB_SIM_SINK, 0, 0, 0,
                VMB_SEND_WAIT_FOR_COMPLETION);
    rig_settle(c->rig);
    assert_int_equal(c->dones, 0);
    c->hold = false;
    complete_held(c);
    client_until_done(c, 1);
    client_until_packets(c, 9);
    client_down(c);
    client_tear_down(c);
}

static void requests_end_while_paused(void **state)
{
    struct client *c = prepare(true);
    struct vmb_packet *packet;

    (void)state;
    client_up(c);
    packet = client_packet(c);
    client_send(packet, VMB_SIM_HOLD, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    client_pause(c);
    host_sends(c->dev, 0, 5, 64, false);
    rig_settle(c->rig);
    assert_int_equal(vmb_sim_test_release(c->dev), 1);
    client_until_done(c, 1);
    assert_string_equal(c->events, "OSPUd");
    client_down(c); /* with packets parked */
    assert_string_equal(c->events, "OSPUdC");
    client_up(c);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 0); /* of an earlier life */
    client_down(c);
    client_tear_down(c);
}

/* ---- Context, transfer pages, passive ---------------------------------------
 */

static void look_at_ranges(struct client *c, struct vmb_packet_completion *in,
                           const void *buffer, uint32_t bytes, uint32_t flags)
{
    uint32_t *context = vmb_channel_packet_get_client_context(in);
    uint32_t offset = 0, length = 0;
    uint16_t set = 0;

    (void)buffer;
    assert_int_equal(bytes, 8);
    assert_int_equal(flags, VMB_PROCESS_PACKET_EXTERNAL_DATA);
    assert_non_null(context);
    assert_int_equal((uintptr_t)context % 8, 0);
    context[0]++;
    context[4] = 0xc0ffee;
    assert_int_equal(vmb_channel_packet_range_count(in), 2);
    assert_int_equal(
        vmb_channel_packet_get_range(in, 0, &set, &offset, &length), VMB_OK);
    assert_int_equal(set, 77);
    assert_int_equal(offset, 0);
    assert_int_equal(length, 300);
    assert_int_equal(
        vmb_channel_packet_get_range(in, 1, &set, &offset, &length), VMB_OK);
    assert_int_equal(length, 8);
    assert_int_equal(
        vmb_channel_packet_get_range(in, 2, &set, &offset, &length), VMB_E_ARG);
    c->last_bytes = context[0];
    assert_int_equal(vmb_channel_packet_complete(in, NULL, 0), VMB_OK);
}

static void transfer_pages_and_context(void **state)
{
    struct client *c = prepare(true);
    struct vmb_packet *packet;
    uint32_t i;

    (void)state;
    c->cfg.incoming = 1;
    c->cfg.incoming_ranges = 2;
    c->cfg.context_bytes = 20;
    c->on_packet = look_at_ranges;
    client_up(c);
    packet = client_packet(c);
    for (i = 1; i < 4; i++) {
        client_send(packet, VMB_SIM_XFER, 77, 300, 5, 0);
        client_until_packets(c, i);
        assert_int_equal(c->last_bytes, i); /* kept from the one before */
    }
    rig_settle(c->rig);
    assert_int_equal(vmb_sim_test_completions(c->dev), 3);
    client_down(c);
    client_tear_down(c);
}

static void nothing_at_process_level(void **state)
{
    struct client *c = prepare(false);
    uint32_t i;

    (void)state;
    client_up(c);
    rig_settle(c->rig);
    vmb_channel_set_incoming_processing_at_passive(&c->channel, true);
    c->rig->on_turn = NULL;
    host_sends(c->dev, 0, 3, 64, false);
    (void)vmb_sim_run(c->rig->sim, 100);
    for (i = 0; i < 5; i++)
        assert_int_equal(vmb_channel_process(&c->channel, 10), VMB_AGAIN);
    assert_int_equal(c->packets, 0);
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_OK);
    assert_int_equal(c->packets, 3);
    assert_string_equal(c->events, "OSPpppb");
    assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    while (vmb_channel_disable_status(&c->channel) == VMB_AGAIN) {
        rig_turn(c->rig);
        c->rig->last_poll = vmb_channel_poll(&c->channel);
    }
    client_tear_down(c);
}

/* ---- Hosts that send what was not agreed ------------------------------------
 */

static void dies_of(struct client *c, enum vmb_site site)
{
    struct vmb_fault fault;

    client_until_disabled(c);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HOST);
    vmb_channel_fault(&c->channel, &fault);
    assert_int_equal(fault.site, site);
    assert_int_equal(fault.status, VMB_E_HOST);
    assert_true(fault.got > fault.limit);
    assert_int_equal(c->packets, 0);
    client_up(c);
    rig_settle(c->rig);
    client_down(c);
    client_tear_down(c);
}

static void packets_that_are_too_large(void **state)
{
    struct client *c = prepare(true);

    (void)state;
    c->cfg.incoming_bytes = 61;
    client_up(c);
    host_sends(c->dev, 0, 1, 64, false); /* 61 are 64 on the wire */
    client_until_packets(c, 1);
    c->packets = 0;
    host_sends(c->dev, 0, 1, 65, false);
    dies_of(c, VMB_SITE_PACKET_SIZE);
}

static void too_many_ranges(void **state)
{
    struct client *c = prepare(true);

    (void)state;
    c->cfg.incoming_ranges = 1;
    client_up(c);
    client_send(client_packet(c), VMB_SIM_XFER, 77, 300, 5, 0);
    dies_of(c, VMB_SITE_PACKET_RANGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_that_come_back_are_used),
        cmocka_unit_test(objects_that_wait_for_room_come_back),
        cmocka_unit_test(an_answer_as_long_as_a_packet_may_be),
        cmocka_unit_test(budgets_and_batches),
        cmocka_unit_test(a_budget_without_end),
        cmocka_unit_test(a_budget_of_0),
        cmocka_unit_test(any_order_once_and_not_too_long),
        cmocka_unit_test(nobody_asked_nobody_listens),
        cmocka_unit_test(a_failed_packet_stops_delivery),
        cmocka_unit_test(a_failed_packet_hides_no_fault),
        cmocka_unit_test(answers_pass_what_the_quota_holds_back),
        cmocka_unit_test(more_than_can_be_parked),
        cmocka_unit_test(requests_end_while_paused),
        cmocka_unit_test(transfer_pages_and_context),
        cmocka_unit_test(nothing_at_process_level),
        cmocka_unit_test(packets_that_are_too_large),
        cmocka_unit_test(too_many_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
