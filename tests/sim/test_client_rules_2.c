/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The contract's short rules from 11 on; test_client_rules.c has the others. */
#include "client.h"

#include <stdlib.h>

static struct client client;

static struct client *up(bool interrupts)
{
    client_set_up(&client, &(struct rig_cfg){ .interrupts = interrupts });
    return &client;
}

static void rule_11_external_needs_wait_and_force_its_page(void **state)
{
    struct client *c = up(false);
    const uint32_t wait = VMB_SEND_WAIT_FOR_COMPLETION;
    struct vmb_packet *packet;
    uint64_t pfns[2];
    struct vmb_mdl mdl;
    uint8_t *data;

    (void)state;
    client_up(c);
    packet = client_packet(c);
    data = rig_alloc(c->rig, 2);
    assert_int_equal(
        vmb_mdl_from_virtual(&mdl, &c->rig->plat, data + 100, 5000, pfns, 2),
        VMB_OK);
    assert_int_equal(vmb_packet_send(packet, "x", 1, &mdl, 0), VMB_E_ARG);
    assert_int_equal(
        vmb_packet_send_with_external_mdl(packet, "x", 1, &mdl, 0, 0, 0),
        VMB_E_ARG);
    assert_int_equal(
        vmb_packet_send_with_external_pfns(packet, "x", 1, pfns, 2, 0),
        VMB_E_ARG);
    assert_int_equal(vmb_packet_send_with_external_mdl(
                         packet, "x", 1, &mdl, 0, 2 * 4096 - 100 + 1,
                         wait | VMB_SEND_FORCE_MDL_LENGTH),
                     VMB_E_ARG);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IDLE);
    assert_int_equal(vmb_packet_send_with_external_mdl(
                         packet, "x", 1, &mdl, 0, 2 * 4096 - 100,
                         wait | VMB_SEND_FORCE_MDL_LENGTH),
                     VMB_OK);
    client_until_done(c, 1);
    client_down(c);
    client_tear_down(c);
}

static void rule_12_quota(void **state)
{
    struct client *c = up(true);

    (void)state;
    c->cfg.quota = 3;
    c->hold = true;
    client_up(c);
    host_sends(c->dev, 0, 30, 64, false);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 3);
    assert_int_equal(vmb_channel_set_transaction_quota(&c->channel, 6), VMB_OK);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 3);
    assert_int_equal(vmb_channel_packet_complete(c->held[1], NULL, 0), VMB_OK);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 7);
    /* Lowered below what is out: nothing new until enough are completed. */
    assert_int_equal(vmb_channel_set_transaction_quota(&c->channel, 2), VMB_OK);
    assert_int_equal(vmb_channel_packet_complete(c->held[0], NULL, 0), VMB_OK);
    assert_int_equal(vmb_channel_packet_complete(c->held[2], NULL, 0), VMB_OK);
    assert_int_equal(vmb_channel_packet_complete(c->held[3], NULL, 0), VMB_OK);
    assert_int_equal(vmb_channel_packet_complete(c->held[4], NULL, 0), VMB_OK);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 7);
    assert_int_equal(vmb_channel_packet_complete(c->held[5], NULL, 0), VMB_OK);
    rig_settle(c->rig);
    assert_int_equal(c->packets, 8);
    assert_int_equal(vmb_channel_set_transaction_quota(&c->channel, 0),
                     VMB_E_ARG);
    c->hold = false;
    assert_int_equal(vmb_channel_packet_complete(c->held[6], NULL, 0), VMB_OK);
    client_until_packets(c, 30);
    assert_int_equal(vmb_channel_packet_complete(c->held[7], NULL, 0), VMB_OK);
    client_down(c);
    client_tear_down(c);
}

/* Defers every third packet, the first time it is shown. */
static void defer_some(struct client *c, struct vmb_packet_completion *packet,
                       const void *buffer, uint32_t bytes, uint32_t flags)
{
    uint64_t *seen = c->own, number;

    (void)bytes;
    (void)flags;
    memcpy(&number, buffer, 8);
    if (number % 3 == 1 && seen[1] != number) {
        seen[1] = number;
        assert_int_equal(vmb_channel_packet_defer_to_passive(packet), VMB_OK);
        /* Until it comes again it is not the client's. */
        assert_int_equal(vmb_channel_packet_complete(packet, NULL, 0),
                         VMB_E_STATE);
        assert_int_equal(vmb_channel_packet_fail(packet), VMB_E_STATE);
        return;
    }
    assert_int_equal(number, seen[0]++);
    if (seen[1] == number) /* it comes from the poll: there is no other way */
        assert_int_equal(vmb_channel_packet_defer_to_passive(packet),
                         VMB_E_STATE);
    assert_int_equal(vmb_channel_packet_complete(packet, NULL, 0), VMB_OK);
    assert_int_equal(vmb_channel_packet_defer_to_passive(packet), VMB_E_STATE);
}

static void rule_13_deferred_keeps_its_place(void **state)
{
    struct client *c = up(true);
    uint64_t seen[2] = { 0, UINT64_MAX };

    (void)state;
    c->own = seen;
    c->on_packet = defer_some;
    client_up(c);
    host_sends(c->dev, 0, 50, 200, true);
    RIG_UNTIL(c->rig, seen[0] == 50);
    rig_settle(c->rig);
    assert_int_equal(vmb_sim_test_completions(c->dev), 50);
    client_down(c);
    client_tear_down(c);
}

/* ---- 14: GPADLs ------------------------------------------------------------
 */

struct memory {
    struct vmb_channel_gpadl gpadl;
    uint8_t *pages;
    enum vmb_status made, gone;
};

static void make_and_delete(struct client *c, enum client_event event)
{
    struct memory *m = c->own;

    if (event == OPENED) {
        m->made = vmb_channel_create_gpadl_from_buffer_start(
            &c->channel, &m->gpadl, m->pages, 3 * VMB_PAGE_SIZE);
        if (m->made == VMB_OK)
            m->made = vmb_wait_gpadl(&c->rig->conn, &m->gpadl.gpadl);
        assert_true(rig_mapped(c->rig, m->pages, 3));
    }
    if (event == CLOSED) {
        m->gone = vmb_channel_delete_gpadl_start(&c->channel, &m->gpadl);
        if (m->gone == VMB_OK)
            m->gone = vmb_wait_gpadl_destroy(&c->rig->conn, &m->gpadl.gpadl);
        assert_false(rig_mapped(c->rig, m->pages, 3));
    }
}

static void gpadl_life(bool rescind)
{
    struct client *c = up(true);
    struct memory m = { .made = VMB_E_STATE, .gone = VMB_E_STATE };

    m.pages = rig_alloc(c->rig, 3);
    c->own = &m;
    c->on = make_and_delete;
    client_up(c);
    assert_int_equal(m.made, VMB_OK);
    if (rescind)
        vmb_sim_rescind(c->dev);
    else
        assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    client_until_disabled(c);
    assert_int_equal(m.gone, VMB_OK);
    client_tear_down(c);
}

static void rule_14_delete_waits_for_the_host(void **state)
{
    (void)state;
    gpadl_life(false);
    gpadl_life(true);
}

/* ---- 15 .. 17: synchronous requests -----------------------------------------
 */

static void rule_15_timeout_0_full_ring(void **state)
{
    struct client *c = up(false);
    struct vmb_sim_test_request sink = client_request(VMB_SIM_SINK, 0, 0, 0);
    struct vmb_request request = { 0 };
    enum vmb_status status;
    uint32_t sent = 0;

    (void)state;
    c->cfg.packet_bytes = 512;
    c->cfg.external_bytes = 4096;
    c->cfg.external_mdls = 1;
    c->cfg.tx_pages = 1;
    client_up(c);
    vmb_sim_stall(rig_host(c->dev), true);
    while ((status = vmb_wait_synchronous_request(&c->channel, &request, &sink,
                                                  sizeof sink, NULL, 0, 0)) ==
           VMB_OK)
        assert_true(++sent < 1000);
    assert_int_equal(status, VMB_AGAIN);
    assert_true(sent > 50);
    assert_int_equal(vmb_channel_abandoned(&c->channel), 0);
    vmb_sim_stall(rig_host(c->dev), false);
    rig_settle(c->rig);
    assert_int_equal(vmb_sim_count(c->rig->sim, VMB_SIM_AT_GUEST_PACKET), sent);
    client_down(c);
    client_tear_down(c);
}

static void rule_16_timeout_and_a_late_completion(void **state)
{
    struct client *c = up(true);
    struct vmb_sim_test_request hold = client_request(VMB_SIM_HOLD, 0, 0, 0);
    uint8_t *reply = malloc(64);
    struct vmb_request request = { .reply = reply, .room = 64 };
    uint64_t began;

    (void)state;
    client_up(c);
    began = vmb_sim_clock(c->rig->sim);
    assert_int_equal(vmb_wait_synchronous_request(
                         &c->channel, &request, &hold, sizeof hold, NULL,
                         VMB_SEND_WAIT_FOR_COMPLETION, SECOND / 10),
                     VMB_E_TIMEOUT);
    assert_true(vmb_sim_clock(c->rig->sim) - began >= SECOND / 10);
    assert_int_equal(vmb_channel_request_status(&request), VMB_E_CANCELLED);
    assert_int_equal(vmb_channel_abandoned(&c->channel), 1);
    free(reply); /* ours again: a late write would be seen */
    memset(&request, 0xee, sizeof request);
    assert_int_equal(vmb_sim_test_release(c->dev), 1);
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_abandoned(&c->channel), 0);
    client_down(c);
    client_tear_down(c);
}

/* Windows refuses such a size; here what fits is copied, and the rest told. */
static void rule_17_reply_of_any_size(void **state)
{
    struct client *c = up(true);
    struct vmb_sim_test_request echo = client_request(VMB_SIM_ECHO, 1, 2, 3);
    uint8_t reply[32], before[32];
    struct vmb_request request = { .reply = reply, .room = 20 };

    (void)state;
    client_up(c);
    memset(reply, 0xaa, sizeof reply);
    memcpy(before, reply, sizeof reply);
    memcpy(before, &echo, 20);
    assert_int_equal(vmb_wait_synchronous_request(
                         &c->channel, &request, &echo, sizeof echo, NULL,
                         VMB_SEND_WAIT_FOR_COMPLETION, SECOND),
                     VMB_E_TOOBIG);
    assert_int_equal(request.bytes, 20);
    assert_int_equal(request.needed, 24);
    assert_memory_equal(reply, before, sizeof reply);
    request.room = 24;
    assert_int_equal(vmb_wait_synchronous_request(
                         &c->channel, &request, &echo, sizeof echo, NULL,
                         VMB_SEND_WAIT_FOR_COMPLETION, SECOND),
                     VMB_OK);
    assert_int_equal(request.bytes, 24);
    assert_memory_equal(reply, &echo, 24);
    client_down(c);
    client_tear_down(c);
}

/* ---- 18: a lying host
 * --------------------------------------------------------- */

static void send_xid(struct client *c, uint32_t how)
{
    (void)vmb_sim_complete(rig_host(c->dev), (uint64_t)how << 32 | 1,
                           "12345678", 8);
}

static void send_twice(struct client *c, uint32_t how)
{
    struct vmb_sim_fault fault = { .at = VMB_SIM_AT_HOST_PACKET,
                                   .act = how ? VMB_SIM_DUPLICATE
                                              : VMB_SIM_MALFORM };

    fault.k = vmb_sim_count(c->rig->sim, fault.at);
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &fault), VMB_OK);
    client_send(client_packet(c), VMB_SIM_SINK, 0, 0, 0,
                VMB_SEND_WAIT_FOR_COMPLETION);
}

static void send_bad_index(struct client *c, uint32_t how)
{
    enum vmb_status status = VMB_OK;
    struct vmb_packet *packet;

    (void)vmb_sim_ring_set(rig_host(c->dev),
                           how & 1 ? VMB_SIM_TO_HOST : VMB_SIM_TO_GUEST,
                           how & 1 ? VMB_SIM_OUT : VMB_SIM_IN, 0xfffffff8u);
    vmb_sim_signal(rig_host(c->dev));
    /* Only a full ring makes us look at the host's read index. */
    for (packet = client_packet(c); how & 1 && status == VMB_OK;)
        status = vmb_packet_send(packet, "12345678", 8, NULL, 0);
}

static void send_bad_length(struct client *c, uint32_t how)
{
    const uint64_t raw[4] = {
        6 | (uint64_t)2 << 16 | (uint64_t)(how ? 0xffff : 1) << 32, 0, 0, 0
    };

    (void)vmb_sim_ring_raw(rig_host(c->dev), raw, sizeof raw);
}

static void host_lies(void (*lie)(struct client *, uint32_t), uint32_t how)
{
    struct client *c = up(true);
    struct vmb_packet *waits;
    struct vmb_fault fault;

    c->cfg.packet_bytes = 512;
    c->cfg.external_bytes = 4096;
    c->cfg.external_mdls = 1;
    c->cfg.tx_pages = 1;
    client_up(c);
    waits = client_packet(c);
    client_send(waits, VMB_SIM_HOLD, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    lie(c, how);
    client_until_disabled(c);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HOST);
    vmb_channel_fault(&c->channel, &fault);
    assert_int_equal(fault.status, VMB_E_HOST);
    assert_int_equal(vmb_packet_state(waits), VMB_PACKET_IDLE);
    assert_non_null(strstr(c->events, "U"));
    assert_int_equal(c->events[c->count - 1], CLOSED);
    client_up(c);
    client_send(waits, VMB_SIM_SINK, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    c->dones = 0;
    client_until_done(c, 1);
    assert_int_equal(c->last_status, VMB_OK);
    client_down(c);
    vmb_sim_violations_clear(c->rig->sim);
    client_tear_down(c);
}

static void rule_18_lies_cost_the_channel_alone(void **state)
{
    (void)state;
    host_lies(send_xid, 0);
    host_lies(send_xid, 7);
    host_lies(send_twice, 1);
    host_lies(send_bad_length, 0);
    host_lies(send_bad_length, 1);
    host_lies(send_bad_index, 0);
    host_lies(send_bad_index, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_11_external_needs_wait_and_force_its_page),
        cmocka_unit_test(rule_12_quota),
        cmocka_unit_test(rule_13_deferred_keeps_its_place),
        cmocka_unit_test(rule_14_delete_waits_for_the_host),
        cmocka_unit_test(rule_15_timeout_0_full_ring),
        cmocka_unit_test(rule_16_timeout_and_a_late_completion),
        cmocka_unit_test(rule_17_reply_of_any_size),
        cmocka_unit_test(rule_18_lies_cost_the_channel_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
