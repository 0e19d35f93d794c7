/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Completion routines that send, free and complete. */
#include "client.h"

static struct client client;

static struct client *up(bool interrupts)
{
    client_set_up(&client, &(struct rig_cfg){ .interrupts = interrupts });
    client_up(&client);
    rig_settle(client.rig);
    return &client;
}

/* What a routine does next: send this packet with these flags. */
struct chain {
    struct vmb_packet *packet[16];
    uint32_t count, at, flags;
    uint64_t calls;
    bool endless;
};

static void send_next(struct vmb_packet *packet, enum vmb_status status,
                      const void *buffer, uint32_t bytes)
{
    struct chain *chain = vmb_packet_get_pointer(packet);
    struct vmb_sim_test_request sink = client_request(VMB_SIM_SINK, 0, 0, 0);

    client_done(packet, status, buffer, bytes);
    chain->calls++;
    if (chain->endless ? status != VMB_OK : ++chain->at == chain->count)
        return;
    if (!chain->endless)
        packet = chain->packet[chain->at];
    assert_int_equal(
        vmb_packet_send(packet, &sink, sizeof sink, NULL, chain->flags),
        VMB_OK);
}

static void make_chain(struct client *c, struct chain *chain, uint32_t count)
{
    uint32_t i;

    memset(chain, 0, sizeof *chain);
    chain->count = count;
    for (i = 0; i < count; i++) {
        chain->packet[i] = client_packet(c);
        vmb_packet_set_pointer(chain->packet[i], chain);
        assert_int_equal(
            vmb_packet_set_completion_routine(chain->packet[i], send_next),
            VMB_OK);
    }
}

/* Sent from a routine that runs inside a send: the host must be shown it. */
static void what_a_routine_sends_is_shown_to_the_host(void **state)
{
    struct client *c = up(true);
    struct chain chain;
    uint64_t before;

    (void)state;
    make_chain(c, &chain, 2);
    chain.flags = VMB_SEND_WAIT_FOR_COMPLETION;
    before = vmb_sim_count(c->rig->sim, VMB_SIM_AT_GUEST_PACKET);
    client_send(chain.packet[0], VMB_SIM_SINK, 0, 0, 0, 0);
    assert_int_equal(vmb_packet_state(chain.packet[1]), VMB_PACKET_IN_RING);
    (void)vmb_sim_run(c->rig->sim, 100); /* the host alone: we sleep */
    assert_int_equal(vmb_sim_count(c->rig->sim, VMB_SIM_AT_GUEST_PACKET),
                     before + 2);
    client_until_done(c, 2);
    client_down(c);
    client_tear_down(c);
}

/* The same with packets that are done at once: nobody calls us again. */
static void routines_of_what_a_routine_sends_run(void **state)
{
    struct client *c = up(true);
    struct chain chain;

    (void)state;
    make_chain(c, &chain, 16);
    client_send(chain.packet[0], VMB_SIM_SINK, 0, 0, 0, 0);
    assert_int_equal(c->dones, 16);
    client_down(c);
    client_tear_down(c);
}

static void an_endless_routine_does_not_keep_the_send(void **state)
{
    struct client *c = up(false);
    struct chain chain;

    (void)state;
    make_chain(c, &chain, 1);
    chain.endless = true;
    client_send(chain.packet[0], VMB_SIM_SINK, 0, 0, 0, 0);
    assert_in_range(chain.calls, 1, 100);
    /* There is one more to call, and nobody else who would. */
    assert_int_equal(vmb_channel_poll(&c->channel), VMB_AGAIN);
    RIG_UNTIL(c->rig, chain.calls > 1000);
    assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    chain.endless = false;
    chain.at = 0;
    client_until_disabled(c);
    assert_int_equal(vmb_packet_state(chain.packet[0]), VMB_PACKET_IDLE);
    client_tear_down(c);
}

/* What is left of a chain, then a request whose object is free again by the
 * time when the last routine starts another, in the same object. */
struct nested {
    struct vmb_packet *packet, *filler[16];
    struct vmb_request first, second;
    bool asking;
    uint32_t calls;
    enum vmb_status started;
};

static void ask_when_it_is_full(struct nested *n, struct client *c)
{
    static uint8_t large[VMB_PAGE_SIZE];
    uint32_t i;

    vmb_sim_stall(rig_host(c->dev), true);
    for (i = 0; i < 16; i++) {
        assert_int_equal(
            vmb_packet_send(n->filler[i], large, sizeof large, NULL, 0),
            VMB_OK);
        if (vmb_packet_state(n->filler[i]) == VMB_PACKET_QUEUED)
            break;
    }
    assert_true(i < 16);
    n->started =
        vmb_channel_request_start(&c->channel, &n->second, "x", 1, NULL, 0);
}

static void nest(struct vmb_packet *packet, enum vmb_status status,
                 const void *buffer, uint32_t bytes)
{
    struct nested *n = vmb_packet_get_pointer(packet);
    struct client *c = vmb_channel_get_pointer(vmb_packet_get_channel(packet));

    client_done(packet, status, buffer, bytes);
    if (!n->asking || n->calls++ == 0)
        assert_int_equal(vmb_packet_send(packet, "x", 1, NULL, 0), VMB_OK);
    else
        ask_when_it_is_full(n, c);
}

static void a_request_that_is_done_gives_its_place_to_another(void **state)
{
    struct client *c = up(false);
    static struct nested n;
    uint32_t i;

    (void)state;
    memset(&n, 0, sizeof n);
    n.packet = client_packet(c);
    for (i = 0; i < 16; i++)
        n.filler[i] = client_packet(c);
    vmb_packet_set_pointer(n.packet, &n);
    assert_int_equal(vmb_packet_set_completion_routine(n.packet, nest), VMB_OK);
    client_send(n.packet, VMB_SIM_SINK, 0, 0, 0, 0);
    n.asking = true;
    assert_int_equal(vmb_channel_request_start(&c->channel, &n.first, "x", 1,
                                               NULL, VMB_REQUEST_DO_NOT_QUEUE),
                     VMB_OK);
    assert_int_equal(n.calls, 2);
    assert_int_equal(n.started, VMB_OK);
    assert_int_equal(vmb_channel_request_status(&n.first), VMB_OK);
    assert_int_equal(vmb_channel_request_status(&n.second), VMB_AGAIN);
    vmb_sim_stall(rig_host(c->dev), false);
    RIG_UNTIL(c->rig, vmb_channel_request_status(&n.second) == VMB_OK);
    client_down(c);
    client_tear_down(c);
}

/* Frees it, and another that is idle; what was allocated frees itself. */
static void free_two(struct vmb_packet *packet, enum vmb_status status,
                     const void *buffer, uint32_t bytes)
{
    struct vmb_packet *other = vmb_packet_get_pointer(packet);

    client_done(packet, status, buffer, bytes);
    assert_int_equal(vmb_packet_free(packet), VMB_OK);
    assert_int_equal(vmb_packet_free(packet), VMB_E_STATE);
    assert_int_equal(vmb_packet_free(other), VMB_OK);
}

static void a_routine_may_free_packets(void **state)
{
    struct client *c = up(true);
    struct vmb_packet *packet = vmb_packet_allocate(&c->channel);
    struct vmb_packet *other = client_packet(c);
    uint32_t i;

    (void)state;
    assert_non_null(packet);
    assert_int_equal(vmb_packet_set_completion_routine(packet, free_two),
                     VMB_OK);
    vmb_packet_set_pointer(packet, other);
    client_send(packet, VMB_SIM_SINK, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    assert_int_equal(vmb_packet_free(packet), VMB_E_STATE);
    client_until_done(c, 1);
    assert_null(vmb_packet_get_channel(other));
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_NONE);
    for (i = 0; i < 3 * VMB_CHANNEL_PACKETS; i++) { /* else they run out */
        packet = vmb_packet_allocate(&c->channel);
        assert_non_null(packet);
        client_send(packet, VMB_SIM_SINK, 0, 0, 0,
                    i % 2 ? VMB_SEND_WAIT_FOR_COMPLETION : 0);
        rig_settle(c->rig);
    }
    client_down(c);
    client_tear_down(c);
}

/* On the way down sends of routines are refused, and none is lost. */
static void try_again(struct vmb_packet *packet, enum vmb_status status,
                      const void *buffer, uint32_t bytes)
{
    struct client *c = vmb_channel_get_pointer(vmb_packet_get_channel(packet));

    client_done(packet, status, buffer, bytes);
    c->last_status = vmb_packet_send(packet, "again", 5, NULL, 0);
}

static void after_the_end_nothing_is_sent(void **state)
{
    struct client *c = up(true);
    struct vmb_packet *packet = client_packet(c);

    (void)state;
    assert_int_equal(vmb_packet_set_completion_routine(packet, try_again),
                     VMB_OK);
    client_send(packet, VMB_SIM_HOLD, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    client_down(c);
    assert_string_equal(c->events, "OSPUxC");
    assert_int_equal(c->last_status, VMB_E_STATE);
    assert_int_equal(vmb_packet_send(packet, "x", 1, NULL, 0), VMB_E_STATE);
    client_tear_down(c);
}

/* Nor while it is taken back before it has opened. */
static void given_up_before_it_opens(void **state)
{
    struct client *c = &client;
    struct vmb_packet *packet;

    (void)state;
    client_set_up(c, NULL);
    client_initialize(c);
    packet = client_packet(c);
    assert_int_equal(vmb_packet_set_completion_routine(packet, try_again),
                     VMB_OK);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    client_send(packet, VMB_SIM_SINK, 0, 0, 0, 0);
    client_down(c);
    assert_string_equal(c->events, "x");
    assert_int_equal(c->last_status, VMB_E_CANCELLED);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IDLE);
    client_tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_routine_sends_is_shown_to_the_host),
        cmocka_unit_test(routines_of_what_a_routine_sends_run),
        cmocka_unit_test(an_endless_routine_does_not_keep_the_send),
        cmocka_unit_test(a_request_that_is_done_gives_its_place_to_another),
        cmocka_unit_test(a_routine_may_free_packets),
        cmocka_unit_test(after_the_end_nothing_is_sent),
        cmocka_unit_test(given_up_before_it_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
