/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Second entrants, callbacks that are missing, and channels that end in the
 * middle of something. */
#include "client.h"

static struct client client, second;

static struct client *up(void)
{
    client_set_up(&client, &(struct rig_cfg){ .sim.quirks = VMB_SIM_LAZY });
    client_up(&client);
    rig_settle(client.rig);
    return &client;
}

/* ---- Lanes --------------------------------------------------------------- */

static struct vmb_packet *idle;
static struct vmb_request asked;
static struct vmb_channel_gpadl live, unborn;
static uint8_t *page;
static uint32_t told;

/* Counts itself, so that what is not reached is noticed. */
#define TOLD(call) (told += (call) == VMB_E_LANE)

static void enter_again(void *ctx, const struct vmb_trace *event)
{
    struct client *c = &client;
    uint16_t before = 7;
    uint64_t pfn = 1;

    (void)ctx;
    if (event->event != VMB_EVENT_SIGNAL)
        return;
    TOLD(vmb_channel_poll(&c->channel));
    TOLD(vmb_channel_process(&c->channel, 1));
    TOLD(vmb_packet_send(idle, "x", 1, NULL, 0));
    TOLD(vmb_packet_free(idle));
    TOLD(vmb_channel_packet_complete(c->held[0], NULL, 0));
    TOLD(vmb_channel_packet_fail(c->held[0]));
    TOLD(vmb_channel_request_abandon(&asked));
    TOLD(vmb_channel_set_interrupt_latency(&c->channel, 1, &before));
    TOLD(vmb_channel_create_gpadl_from_pfns_start(&c->channel, &unborn, &pfn,
                                                  1));
    TOLD(vmb_channel_create_gpadl_from_buffer_start(&c->channel, &unborn, page,
                                                    VMB_PAGE_SIZE));
    TOLD(vmb_channel_delete_gpadl_start(&c->channel, &live));
    assert_null(vmb_packet_allocate(&c->channel));
    assert_int_equal(before, 7);
}

static void a_second_entrant_is_told(void **state)
{
    struct vmb_sim_test_request hold = client_request(VMB_SIM_HOLD, 0, 0, 0);
    struct client *c = up();
    struct vmb_packet *packet = client_packet(c);
    uint8_t reply[64];
    enum vmb_status status;

    (void)state;
    memset(&live, 0, sizeof live);
    memset(&unborn, 0, sizeof unborn);
    memset(&asked, 0, sizeof asked);
    asked.reply = reply;
    asked.room = sizeof reply;
    page = rig_alloc(c->rig, 2);
    assert_int_equal(vmb_channel_create_gpadl_from_buffer_start(
                         &c->channel, &live, page + 4096, 4096),
                     VMB_OK);
    RIG_WAIT(c->rig, &status, vmb_gpadl_create_status(&live.gpadl));
    assert_int_equal(status, VMB_OK);
    idle = vmb_packet_allocate(&c->channel);
    assert_int_equal(vmb_packet_set_completion_routine(idle, client_done),
                     VMB_OK);
    assert_int_equal(vmb_channel_request_start(&c->channel, &asked, &hold,
                                               sizeof hold, NULL,
                                               VMB_SEND_WAIT_FOR_COMPLETION),
                     VMB_OK);
    c->hold = true;
    host_sends(c->dev, 0, 1, 64, false);
    client_until_packets(c, 1);
    rig_settle(c->rig);
    told = 0;
    c->rig->plat.trace = enter_again;
    client_send(packet, VMB_SIM_SINK, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    c->rig->plat.trace = NULL;
    assert_int_equal(told, 11);
    /* It has touched nothing. */
    client_until_done(c, 1);
    assert_int_equal(vmb_packet_state(idle), VMB_PACKET_IDLE);
    assert_int_equal(vmb_packet_free(idle), VMB_OK);
    assert_int_equal(vmb_channel_request_status(&asked), VMB_AGAIN);
    assert_int_equal(vmb_channel_packet_complete(c->held[0], NULL, 0), VMB_OK);
    assert_int_equal(vmb_sim_test_release(c->dev), 1);
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_request_status(&asked), VMB_OK);
    assert_int_equal(vmb_gpadl_create_status(&live.gpadl), VMB_OK);
    client_down(c);
    client_tear_down(c);
}

static enum vmb_status met[2];

static void poll_from_the_bus(void *ctx, const struct vmb_trace *event)
{
    (void)ctx;
    if (event->event != VMB_EVENT_POST)
        return;
    met[0] = vmb_channel_poll(&second.channel);
    met[1] = vmb_channel_status(&second.channel);
}

/* The bus lane is somebody's when it finds its offer: it tries again later,
 * and fails nothing. */
static void an_offer_met_in_a_busy_lane_is_opened_later(void **state)
{
    struct client *c = up();
    struct vmb_sim_dev *dev = rig_device(c->rig);
    enum vmb_status status;

    (void)state;
    rig_settle(c->rig);
    client_make(&second, c->rig, dev);
    client_initialize(&second);
    client_forget(&second); /* no turns of its own yet */
    assert_int_equal(vmb_channel_enable(&second.channel), VMB_OK);
    met[0] = met[1] = VMB_E_BUG;
    c->rig->plat.trace = poll_from_the_bus;
    client_down(c);
    c->rig->plat.trace = NULL;
    assert_int_equal(met[0], VMB_OK);
    assert_int_equal(met[1], VMB_AGAIN);
    assert_string_equal(second.events, "");
    do {
        rig_turn(c->rig);
        status = vmb_channel_poll(&second.channel);
        assert_true(status >= VMB_OK);
    } while (vmb_channel_status(&second.channel) == VMB_AGAIN);
    assert_string_equal(second.events, "OSP");
    assert_int_equal(vmb_channel_disable_start(&second.channel), VMB_OK);
    do {
        rig_turn(c->rig);
        status = vmb_channel_poll(&second.channel);
        assert_true(status >= VMB_OK);
    } while (vmb_channel_disable_status(&second.channel) == VMB_AGAIN);
    client_tear_down(c);
}

/* ---- Nobody listens ------------------------------------------------------ */

static void without_callbacks_it_works(void **state)
{
    struct client *c = &client;
    struct vmb_packet *packet;

    (void)state;
    client_set_up(c, NULL);
    memset(&c->cfg.callbacks, 0, sizeof c->cfg.callbacks);
    client_up(c);
    packet = client_packet(c);
    client_send(packet, VMB_SIM_ECHO, 0, 0, 3, VMB_SEND_WAIT_FOR_COMPLETION);
    client_until_done(c, 1);
    assert_int_equal(c->last_bytes, sizeof(struct vmb_sim_test_request));
    host_sends(c->dev, 0, 40, 64, true);
    rig_settle(c->rig);
    assert_int_equal(vmb_sim_test_completions(c->dev), 40);
    client_pause(c);
    client_down(c);
    client_tear_down(c);
}

static void what_fails_to_open_needs_no_callback(void **state)
{
    struct client *c = &client;
    struct vmb_sim_fault refuse = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                    .act = VMB_SIM_REFUSE };

    (void)state;
    client_set_up(c, NULL);
    c->cfg.callbacks.open_failed = NULL;
    client_initialize(c);
    refuse.k = vmb_sim_count(c->rig->sim, refuse.at);
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &refuse), VMB_OK);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    client_until_disabled(c);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_REFUSED);
    assert_string_equal(c->events, "");
    client_up(c);
    client_down(c);
    client_tear_down(c);
}

/* ---- What cannot be opened ----------------------------------------------- */

/* A processor of another machine: the channel below refuses it, and the client
 * hears of it once. */
static void a_wrong_processor_is_refused(void **state)
{
    struct vmb_cpu stranger = { .hv_ = NULL };
    struct client *c = &client;

    (void)state;
    client_set_up(c, NULL);
    c->cfg.cpu = &stranger;
    client_initialize(c);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    client_until_disabled(c);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_ARG);
    assert_string_equal(c->events, "F");
    assert_int_equal(c->last_status, VMB_E_ARG);
    assert_int_equal(vmb_sim_open_channels(c->rig->sim), 0);
    client_tear_down(c);
}

/* Another device's sub-channel is not a primary's, whatever its number. */
static void a_subchannel_of_another_device_is_left_alone(void **state)
{
    struct rig *rig = rig_make(NULL);
    struct vmb_sim_dev *own, *other;

    (void)state;
    own = vmb_sim_test_add(rig->sim, 1, 0);
    other = vmb_sim_test_add(rig->sim, 2, 1);
    rig_start(rig);
    client_make(&client, rig, own);
    client_up(&client);
    client_make(&second, rig, own);
    second.cfg.type = second.cfg.instance = NULL;
    second.cfg.primary = &client.channel;
    second.cfg.subchannel = 1;
    client_initialize(&second);
    assert_int_equal(vmb_channel_enable(&second.channel), VMB_OK);
    rig_settle(rig);
    assert_int_equal(vmb_channel_status(&second.channel), VMB_AGAIN);
    assert_false(vmb_sim_is_open(vmb_sim_channel(other, 1)));
    assert_int_equal(vmb_sim_offer_subchannels(own, 1), VMB_OK);
    RIG_UNTIL(rig, vmb_channel_status(&second.channel) == VMB_OK);
    assert_true(vmb_sim_is_open(vmb_sim_channel(own, 1)));
    assert_false(vmb_sim_is_open(vmb_sim_channel(other, 1)));
    client_down(&second);
    client_down(&client);
    client_forget(&second);
    client_tear_down(&client);
}

/* Nor are a device's own for who did not ask for one. */
static void a_subchannel_is_no_second_primary(void **state)
{
    struct rig *rig = rig_make(NULL);
    struct vmb_sim_dev *dev;

    (void)state;
    dev = vmb_sim_test_add(rig->sim, 1, 1);
    rig_start(rig);
    client_make(&client, rig, dev);
    client_up(&client);
    client_make(&second, rig, dev);
    client_initialize(&second);
    assert_int_equal(vmb_channel_enable(&second.channel), VMB_OK);
    rig_settle(rig);
    assert_non_null(rig_offer(rig, dev, 1));
    assert_int_equal(vmb_channel_status(&second.channel), VMB_AGAIN);
    assert_false(vmb_sim_is_open(vmb_sim_channel(dev, 1)));
    client_down(&second);
    client_down(&client);
    client_forget(&second);
    client_tear_down(&client);
}

/* ---- Ends in the middle -------------------------------------------------- */

static void break_signals(struct client *c)
{
    struct vmb_sim_fault fail = { .at = VMB_SIM_AT_HYPERCALL,
                                  .act = VMB_SIM_FAIL,
                                  .arg = 5 };

    fail.k = vmb_sim_count(c->rig->sim, fail.at);
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &fail), VMB_OK);
}

/* The signal of one send kills the channel: the next call says so, and what
 * the host still has of the client's comes back with the close. */
static void a_channel_that_dies_of_a_send(void **state)
{
    struct client *c = up();
    struct vmb_packet *first = client_packet(c), *next = client_packet(c);
    struct vmb_fault fault;

    (void)state;
    c->hold = true;
    host_sends(c->dev, 0, 2, 64, true);
    client_until_packets(c, 2);
    rig_settle(c->rig);
    client_forget(c);
    break_signals(c);
    client_send(first, VMB_SIM_HOLD, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    assert_int_equal(vmb_channel_packet_complete(c->held[0], "a", 1), VMB_OK);
    assert_int_equal(vmb_packet_send(next, "x", 1, NULL, 0), VMB_E_HYPERCALL);
    assert_int_equal(vmb_channel_process(&c->channel, 1), VMB_E_HYPERCALL);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HYPERCALL);
    assert_int_equal(vmb_channel_pause_start(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_pause_status(&c->channel), VMB_E_STATE);
    assert_int_equal(vmb_channel_packet_complete(c->held[1], "b", 1), VMB_OK);
    assert_int_equal(vmb_packet_state(next), VMB_PACKET_IDLE);
    while (vmb_channel_disable_status(&c->channel) == VMB_AGAIN) {
        enum vmb_status status = vmb_channel_poll(&c->channel);

        assert_true(status >= VMB_OK);
        rig_turn(c->rig);
    }
    assert_int_equal(vmb_sim_test_completions(c->dev), 0);
    assert_int_equal(c->dones, 1);
    assert_int_equal(c->last_status, VMB_E_HYPERCALL);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HYPERCALL);
    vmb_channel_fault(&c->channel, &fault);
    assert_int_equal(fault.status, VMB_E_HYPERCALL);
    client_tear_down(c);
}

/* Asked to close and to pause at once it does not say that it pauses. */
static void a_pause_overtaken_by_a_close(void **state)
{
    struct client *c = up();

    (void)state;
    assert_int_equal(vmb_channel_pause_start(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_pause_status(&c->channel), VMB_AGAIN);
    assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    assert_int_equal(vmb_channel_pause_status(&c->channel), VMB_E_STATE);
    client_until_disabled(c);
    assert_int_equal(vmb_channel_pause_status(&c->channel), VMB_E_STATE);
    client_tear_down(c);
}

/* The host does not let go of the rings: it says so, keeps its memory, and
 * may be asked again. */
static void a_close_that_is_not_answered(void **state)
{
    struct client *c = up();
    struct vmb_packet *packet = client_packet(c);
    struct vmb_sim_fault lose = { .at = VMB_SIM_AT_GUEST_MESSAGE,
                                  .act = VMB_SIM_LOSE };
    enum vmb_status status;

    (void)state;
    client_send(packet, VMB_SIM_HOLD, 0, 0, 0, VMB_SEND_WAIT_FOR_COMPLETION);
    rig_settle(c->rig);
    lose.k = vmb_sim_count(c->rig->sim, lose.at) + 1; /* after the close */
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &lose), VMB_OK);
    assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    RIG_WAIT(c->rig, &status, vmb_channel_disable_status(&c->channel));
    assert_int_equal(status, VMB_E_TIMEOUT);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_AGAIN);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IN_RING);
    assert_true(rig_mapped(c->rig, c->cfg.memory, 1));
    assert_int_equal(vmb_channel_initialize(&c->channel, &c->cfg), VMB_E_STATE);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_E_STATE);
    client_down(c);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IDLE);
    assert_int_equal(c->last_status, VMB_E_CANCELLED);
    assert_string_equal(c->events, "OSPUxC");
    client_tear_down(c);
}

/* The same with a GPADL that nobody has deleted. */
static void a_gpadl_that_does_not_come_down(void **state)
{
    struct client *c = up();
    struct vmb_sim_fault lose = { .at = VMB_SIM_AT_GUEST_MESSAGE,
                                  .act = VMB_SIM_LOSE };
    enum vmb_status status;
    uint8_t *pages = rig_alloc(c->rig, 1);

    (void)state;
    memset(&live, 0, sizeof live);
    assert_int_equal(vmb_channel_create_gpadl_from_buffer_start(
                         &c->channel, &live, pages, 4096),
                     VMB_OK);
    RIG_WAIT(c->rig, &status, vmb_gpadl_create_status(&live.gpadl));
    rig_settle(c->rig);
    lose.k = vmb_sim_count(c->rig->sim, lose.at) + 2;
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &lose), VMB_OK);
    assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    RIG_WAIT(c->rig, &status, vmb_channel_disable_status(&c->channel));
    assert_int_equal(status, VMB_E_TIMEOUT);
    assert_string_equal(c->events, "OSPUC");
    assert_int_equal(vmb_channel_status(&c->channel), VMB_AGAIN);
    assert_true(rig_mapped(c->rig, pages, 1));
    client_down(c);
    assert_false(rig_mapped(c->rig, pages, 1));
    assert_string_equal(c->events, "OSPUC");
    client_tear_down(c);
}

/* ---- GPADLs -------------------------------------------------------------- */

static void gpadls_that_cannot_be(void **state)
{
    struct client *c = &client;
    struct vmb_channel_gpadl gpadl = { .next_ = NULL };
    uint64_t pfns[2] = { 1, 2 };
    struct vmb_mdl mdl = { NULL, pfns, 2, 0, 8192 };
    enum vmb_status status;

    (void)state;
    client_set_up(c, NULL);
    client_initialize(c);
    assert_int_equal(vmb_channel_create_gpadl_from_mdl_start(
                         &c->channel, &gpadl, &mdl, 0, 0),
                     VMB_E_STATE);
    client_up(c);
    assert_int_equal(
        vmb_channel_create_gpadl_from_pfns_start(&c->channel, &gpadl, NULL, 1),
        VMB_E_ARG);
    assert_int_equal(
        vmb_channel_create_gpadl_from_pfns_start(&c->channel, &gpadl, pfns, 0),
        VMB_E_ARG);
    assert_int_equal(vmb_channel_create_gpadl_from_pfns_start(
                         &c->channel, &gpadl, pfns, VMB_GPADL_PAGES + 1),
                     VMB_E_TOOBIG);
    /* 2^32 bytes and a page are not that page alone. */
    assert_int_equal(vmb_channel_create_gpadl_from_pfns_start(
                         &c->channel, &gpadl, pfns, (1u << 20) + 1),
                     VMB_E_TOOBIG);
    client_pause(c); /* which is no reason against it */
    assert_int_equal(
        vmb_channel_create_gpadl_from_buffer_start(
            &c->channel, &gpadl, rig_alloc(c->rig, 1), VMB_PAGE_SIZE),
        VMB_OK);
    assert_int_equal(vmb_channel_delete_gpadl_start(&c->channel, &gpadl),
                     VMB_E_STATE);
    RIG_WAIT(c->rig, &status, vmb_gpadl_create_status(&gpadl.gpadl));
    assert_int_equal(status, VMB_OK);
    assert_int_equal(vmb_sim_live_gpadls(c->rig->sim), 2);
    assert_int_equal(vmb_channel_delete_gpadl_start(&c->channel, &gpadl),
                     VMB_OK);
    RIG_WAIT(c->rig, &status, vmb_gpadl_destroy_status(&gpadl.gpadl));
    assert_int_equal(status, VMB_OK);
    assert_int_equal(vmb_sim_live_gpadls(c->rig->sim), 1);
    client_down(c);
    client_tear_down(c);
}

/* Whoever is inside below comes out again. */
static void a_lane_in_use_below_is_no_death(void **state)
{
    struct client *c = up();
    struct vmb_chan *chan = vmb_channel_chan(&c->channel);

    (void)state;
    chan->tx_lane_ = 1;
    chan->rx_lane_ = 1;
    assert_true(vmb_channel_poll(&c->channel) >= VMB_OK);
    (void)vmb_channel_process(&c->channel, 1);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_OK);
    chan->tx_lane_ = 0;
    chan->rx_lane_ = 0;
    rig_settle(c->rig);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_OK);
    client_down(c);
    client_tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_entrant_is_told),
        cmocka_unit_test(a_lane_in_use_below_is_no_death),
        cmocka_unit_test(an_offer_met_in_a_busy_lane_is_opened_later),
        cmocka_unit_test(without_callbacks_it_works),
        cmocka_unit_test(what_fails_to_open_needs_no_callback),
        cmocka_unit_test(a_wrong_processor_is_refused),
        cmocka_unit_test(a_subchannel_of_another_device_is_left_alone),
        cmocka_unit_test(a_subchannel_is_no_second_primary),
        cmocka_unit_test(a_channel_that_dies_of_a_send),
        cmocka_unit_test(a_pause_overtaken_by_a_close),
        cmocka_unit_test(a_close_that_is_not_answered),
        cmocka_unit_test(a_gpadl_that_does_not_come_down),
        cmocka_unit_test(gpadls_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
