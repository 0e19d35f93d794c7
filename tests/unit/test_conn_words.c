/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Words of a connection, one by one: in messages to the host, in statuses and
 * records for the caller.
 */
#include "fake_host.h"

#include <vmb/chan.h>

#define SECOND 10000000ull

static struct fake_host host;
static struct vmb_chan chan;
static uint8_t *ring;

static int set_up(void **state)
{
    (void)state;
    host_init(&host, VMB_VERSION_6_0);
    memset(&chan, 0, sizeof chan);
    ring = new_pages(4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    host_free(&host);
    free(ring);
    return 0;
}

static enum vmb_status start_on(struct vmb_offer *offer, struct vmb_cpu *cpu)
{
    struct vmb_chan_cfg cfg = {
        .ring = ring, .tx_pages = 1, .rx_pages = 1, .cpu = cpu
    };

    return vmb_chan_open_start(&chan, vmb_conn_bus(&host.conn), offer, &cfg);
}

static enum vmb_status open_start(struct vmb_offer *offer)
{
    return start_on(offer, NULL);
}

static void open_on(struct vmb_offer *offer, struct vmb_cpu *cpu)
{
    assert_int_equal(start_on(offer, cpu), VMB_OK);
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_int_equal(vmb_chan_open_status(&chan), VMB_OK);
    host.log[0] = 0;
}

static void open_channel(struct vmb_offer *offer)
{
    open_on(offer, NULL);
}

/* ---- versions ------------------------------------------------------------ */

static void a_refusal_of_another_version_is_not_passed_on(void **state)
{
    struct vmb_fault fault;

    (void)state;
    host.cfg.min_version = VMB_VERSION_5_3;
    host.state = 7; /* of 6.0; 5.3 it does not know */
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    assert_int_equal(host_settle(&host), VMB_E_VERSION);
    vmb_conn_fault(&host.conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_VERSION_NONE);
    assert_int_equal(fault.host_code, 0);
}

static void an_older_host_leaves_the_hypercalls_status(void **state)
{
    struct vmb_fault fault;

    (void)state;
    host.cfg.min_version = VMB_VERSION_5_0;
    host.says = 0x12; /* HV_STATUS_INVALID_CONNECTION_ID */
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    assert_int_equal(host_settle(&host), VMB_E_VERSION);
    vmb_conn_fault(&host.conn, &fault);
    assert_int_equal(fault.host_code, 0x12);
}

/* What ends a connection is told, not what was odd before. */
static void the_end_counts_more_than_strays(void **state)
{
    const uint32_t nobodys[] = { 77 };
    struct vmb_fault fault;

    (void)state;
    host.silent[14] = true;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    host_send(&host, 12, nobodys, 1); /* torn down */
    (void)host_turn(&host);
    assert_int_equal(vmb_conn_fault_count(&host.conn), 1);
    host.machine.now += VMB_CONN_TIMEOUT;
    assert_int_equal(host_turn(&host), VMB_E_TIMEOUT);
    vmb_conn_fault(&host.conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_REPLY_DEADLINE);
}

static void a_hypercalls_status_has_16_bits(void **state)
{
    (void)state;
    host.says = 0xabcd0013; /* HV_STATUS_INSUFFICIENT_BUFFERS */
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    assert_int_equal(host_turn(&host), VMB_AGAIN);
    host.says = 0;
    assert_int_equal(host_settle(&host), VMB_OK);
}

static void below_6_there_are_no_features(void **state)
{
    const uint32_t yes[] = { 1, 1, VMB_CONN_FEATURE_SIGNAL_PARAMETERS };

    (void)state;
    host.cfg.max_version = VMB_VERSION_5_3;
    host.cfg.features = VMB_CONN_FEATURE_SIGNAL_PARAMETERS;
    host.silent[14] = true;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    (void)host_turn(&host);
    /* The SINT, and none are asked for. */
    assert_true(host.conn.out_.contact.interrupt_page == 2);
    host_send(&host, 15, yes, 3);
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_int_equal(vmb_conn_version(&host.conn), VMB_VERSION_5_3);
    assert_int_equal(vmb_conn_features(&host.conn), 0);
}

/* The guest's page first, then the host's. */
static void each_monitor_page_has_its_place(void **state)
{
    (void)state;
    host.cfg.monitor = true;
    host.silent[14] = true;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    (void)host_turn(&host);
    assert_true(host.conn.out_.contact.monitor_to_guest ==
                fake_gpa(host.conn.monitor_to_guest_));
    assert_true(host.conn.out_.contact.monitor_to_host ==
                fake_gpa(host.conn.monitor_to_host_));
    assert_ptr_equal(host.conn.monitor_to_host_,
                     (uint8_t *)host.conn.monitor_to_guest_ + PAGE);
}

/* ---- offers -------------------------------------------------------------- */

/* An offer whose last words are these. */
static void offer_with(uint32_t monitor, uint32_t connection)
{
    uint32_t words[47] = { 0 };

    words[44] = 3;
    words[45] = monitor;
    words[46] = connection;
    host_send(&host, 1, words, COUNT(words));
    (void)host_settle(&host);
}

static void only_one_bit_says_monitored(void **state)
{
    (void)state;
    host_connect(&host);
    offer_with(0xfffefe05, 0x2003);
    assert_int_equal(host.offers[3].relid, 3);
    assert_false(host.offers[3].monitored);
    assert_false(host.offers[3].dedicated);
    assert_int_equal(host.offers[3].connection_id, 0x2003);
}

static void connection_ids_come_with_version_1_1(void **state)
{
    (void)state;
    host.version = VMB_VERSION_1_1;
    host_connect(&host);
    assert_int_equal(host.offers[1].connection_id, 0x2001);
    assert_true(host.offers[1].dedicated);
}

/* With an interrupt of its own a channel has no bit in the page. */
static void a_dedicated_channel_sets_no_bit(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };

    (void)state;
    host.version = VMB_VERSION_1_1;
    host_connect(&host);
    open_channel(&host.offers[1]);
    assert_int_equal(vmb_chan_send(&chan, &out), VMB_OK);
    assert_int_equal(host.signals, 1);
    assert_int_equal(((uint32_t *)host.conn.interrupt_page_)[PAGE / 2 / 4], 0);
}

/* 192 bytes of 196 are all that a host of version 0.13 has to say. */
static void from_1_1_on_an_offer_is_whole(void **state)
{
    uint32_t words[46] = { [44] = 3 };

    (void)state;
    host.version = VMB_VERSION_1_1;
    host_connect(&host);
    host_send(&host, 1, words, COUNT(words));
    (void)host_settle(&host);
    assert_int_equal(vmb_conn_fault_count(&host.conn), 1);
    assert_int_equal(host.offers[3].relid, 0);
}

static void rescinded_offers_are_not_counted(void **state)
{
    const struct vmb_offer *first;

    (void)state;
    host_connect(&host);
    open_channel(&host.offers[1]);
    first = vmb_conn_offer(&host.conn, 0);
    assert_int_equal(first->relid, 1);
    host_rescind(&host, 1);
    (void)host_settle(&host);
    assert_int_equal(vmb_conn_offer(&host.conn, 0)->relid, 2);
    assert_null(vmb_conn_offer(&host.conn, 1));
    assert_null(vmb_conn_find(&host.conn, &first->type, NULL, 0));
}

static void a_number_not_given_back_yet_is_work(void **state)
{
    (void)state;
    host_connect(&host);
    host.says = 0x13;
    host.refused = 13; /* RELID_RELEASED */
    host_rescind(&host, 1);
    (void)host_turn(&host);
    assert_int_equal(vmb_conn_poll(&host.conn), VMB_AGAIN);
    host.says = 0;
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_posted(&host, "13 ");
}

/* ---- channels ------------------------------------------------------------ */

/* The host has let go of a rescinded channel's rings only if it was asked. */
static void what_was_not_posted_is_not_taken_for_granted(void **state)
{
    (void)state;
    host_connect(&host);
    open_channel(&host.offers[1]);
    host_rescind(&host, 1);
    (void)host_settle(&host);
    host.says = 0x13;
    host.refused = 11; /* GPADL_TEARDOWN */
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    (void)host_turn(&host);
    host.machine.now += 2 * SECOND;
    (void)host_turn(&host);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_AGAIN);
    host.says = 0;
    (void)host_settle(&host);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_OK);
}

/* A connection that failed asks for nothing more. */
static void a_late_gpadl_opens_nothing(void **state)
{
    const uint32_t created[] = { 1, 1, 0 };

    (void)state;
    host.silent[3] = host.silent[8] = true;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    (void)host_turn(&host);
    (void)host_turn(&host);
    host_offer(&host, 1);
    (void)host_turn(&host);
    host.machine.now += VMB_CONN_TIMEOUT - 1;
    assert_int_equal(open_start(&host.offers[1]), VMB_OK);
    (void)host_turn(&host);
    host.machine.now += 1;
    (void)host_turn(&host);
    assert_int_equal(vmb_conn_status(&host.conn), VMB_E_TIMEOUT);
    assert_int_equal(vmb_chan_open_status(&chan), VMB_AGAIN);
    host.log[0] = 0;
    host_send(&host, 10, created, COUNT(created));
    (void)host_turn(&host);
    (void)host_turn(&host);
    assert_int_equal(vmb_chan_open_status(&chan), VMB_E_STATE);
    assert_posted(&host, "");
}

/* The host forgets its channels by itself. */
static void an_open_that_comes_late_is_left_to_the_unload(void **state)
{
    uint32_t done[] = { 1, 0, 0 };

    (void)state;
    host_connect(&host);
    host.silent[5] = host.silent[16] = true;
    assert_int_equal(open_start(&host.offers[1]), VMB_OK);
    while (!strstr(host.log, "5 "))
        (void)host_turn(&host);
    done[1] = chan.gpadl_.id_;
    assert_int_equal(vmb_conn_unload_start(&host.conn), VMB_OK);
    (void)host_turn(&host);
    host.log[0] = 0;
    host_send(&host, 6, done, COUNT(done));
    (void)host_turn(&host);
    (void)host_turn(&host);
    assert_posted(&host, "");
}

static uint64_t (*as_before)(struct fake_cpu *cpu, uint64_t control,
                             uint64_t in);

static uint64_t put_off(struct fake_cpu *cpu, uint64_t control, uint64_t in)
{
    return control == 0x5c ? as_before(cpu, control, in) : 0x13;
}

/* Below 2.4, and without an interrupt of its own. */
static void the_last_bit_of_a_word_names_its_channel(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    uint32_t words[47] = { [44] = 31, [46] = 1 }, bits;

    (void)state;
    host.version = VMB_VERSION_1_1;
    host_connect(&host);
    host_send(&host, 1, words, COUNT(words));
    (void)host_settle(&host);
    assert_int_equal(host.offers[3].relid, 31);
    open_channel(&host.offers[3]);
    assert_int_equal(vmb_chan_send(&chan, &out), VMB_OK);
    memcpy(&bits, (uint8_t *)host.cfg.pages + PAGE / 2, sizeof bits);
    assert_int_equal(bits, 1u << 31);
}

static void every_place_is_looked_at_for_signals(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };

    (void)state;
    host_connect(&host);
    host_offer(&host, HOST_OFFERS); /* into the first place */
    (void)host_settle(&host);
    assert_int_equal(host.offers[0].relid, HOST_OFFERS);
    open_channel(&host.offers[0]);
    as_before = host.machine.on_hypercall;
    host.machine.on_hypercall = put_off;
    assert_int_equal(vmb_chan_send(&chan, &out), VMB_OK);
    host.machine.on_hypercall = as_before;
    assert_int_equal(host.signals, 0);
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_int_equal(host.signals, 1);
    assert_int_equal(host.signalled, 0x2000 + HOST_OFFERS);
}

/* Whoever is interrupted, it is the connection that tries again. */
static void a_signal_is_owed_on_any_cpu(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };

    (void)state;
    host_connect(&host);
    open_on(&host.offers[1], &host.cpu[1]);
    as_before = host.machine.on_hypercall;
    host.machine.on_hypercall = put_off;
    assert_int_equal(vmb_chan_send(&chan, &out), VMB_OK);
    host.machine.on_hypercall = as_before;
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_int_equal(host.signals, 1);
}

/* ---- GPADLs -------------------------------------------------------------- */

static struct vmb_gpadl gpadl;
static uint8_t *memory;

/* One that the host does not answer for. */
static void begin_gpadl(void)
{
    memory = new_pages(1);
    memset(&gpadl, 0, sizeof gpadl);
    host_connect(&host);
    open_channel(&host.offers[1]);
    host.silent[8] = host.silent[11] = true;
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &chan, memory, PAGE), VMB_OK);
    (void)host_turn(&host);
}

static void a_gpadl_of_a_rescinded_channel_is_not_made(void **state)
{
    (void)state;
    begin_gpadl();
    host_rescind(&host, 1);
    (void)host_turn(&host);
    host.machine.now += SECOND;
    (void)host_turn(&host);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_E_RESCINDED);
    free(memory);
}

/* The answer that it is made comes late: the host has it until it says that it
 * has let go. */
static void a_gpadl_made_late_is_not_yet_torn_down(void **state)
{
    const uint32_t made[] = { 1, 2, 0 }, down[] = { 2 };

    (void)state;
    begin_gpadl();
    host.machine.now += VMB_CONN_TIMEOUT;
    (void)host_turn(&host);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_E_TIMEOUT);
    assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
    (void)host_turn(&host);
    assert_int_equal(gpadl.id_, made[1]);
    host_send(&host, 10, made, COUNT(made));
    (void)host_turn(&host);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_AGAIN);
    host_send(&host, 12, down, COUNT(down));
    (void)host_turn(&host);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
    free(memory);
}

/* Its object has been torn down once, in an earlier life. */
static void a_teardown_nobody_asked_for_is_a_stray(void **state)
{
    uint32_t id, turn;

    (void)state;
    memory = new_pages(1);
    memset(&gpadl, 0, sizeof gpadl);
    host_connect(&host);
    open_channel(&host.offers[1]);
    for (turn = 0; turn < 2; turn++) {
        assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
        (void)host_settle(&host);
        assert_int_equal(
            vmb_gpadl_create_virtual_start(&gpadl, &chan, memory, PAGE),
            VMB_OK);
        (void)host_settle(&host);
        assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_OK);
    }
    id = vmb_gpadl_id(&gpadl);
    host_send(&host, 12, &id, 1);
    (void)host_settle(&host);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_OK);
    assert_int_equal(vmb_conn_fault_count(&host.conn), 1);
    free(memory);
}

/* ---- memory of an earlier life ------------------------------------------- */

static void pages_begin_empty(void **state)
{
    static const uint8_t zero[3 * PAGE];

    (void)state;
    memset(host.cfg.pages, 0xee, VMB_CONN_PAGES * PAGE);
    host_connect(&host);
    assert_memory_equal(host.cfg.pages, zero, sizeof zero);
}

static void nothing_is_offered_after_an_unload(void **state)
{
    (void)state;
    host_connect(&host);
    assert_int_equal(vmb_conn_unload_start(&host.conn), VMB_OK);
    (void)host_settle(&host);
    assert_int_equal(vmb_conn_unload_status(&host.conn), VMB_OK);
    assert_null(vmb_conn_offer(&host.conn, 0));
    assert_null(vmb_conn_find(&host.conn, &host.offers[1].type, NULL, 0));
}

static uint8_t opened[240];
static uint64_t (*pass_on)(struct fake_cpu *cpu, uint64_t control, uint64_t in);

static uint64_t keep_open(struct fake_cpu *cpu, uint64_t control, uint64_t in)
{
    const uint8_t *m = (const uint8_t *)fake_va(in) + 16;

    if (control == 0x5c && m[0] == 5)
        memcpy(opened, m, sizeof opened);
    return pass_on(cpu, control, in);
}

/* What is reserved is 0, whatever was sent before. */
static void messages_show_nothing_of_the_past(void **state)
{
    uint8_t *rings = new_pages(64);
    struct vmb_chan_cfg cfg = { .ring = rings, .tx_pages = 31, .rx_pages = 31 };

    (void)state;
    host_connect(&host);
    pass_on = host.machine.on_hypercall;
    host.machine.on_hypercall = keep_open;
    host.conn.features_ = VMB_CONN_FEATURE_SIGNAL_PARAMETERS;
    memset(host.conn.out_.bytes, 0xee, sizeof host.conn.out_.bytes);
    assert_int_equal(vmb_chan_open_start(&chan, vmb_conn_bus(&host.conn),
                                         &host.offers[1], &cfg),
                     VMB_OK);
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_int_equal(opened[0], 5);
    assert_memory_equal(opened + 4, ((uint8_t[4]){ 0 }), 4);
    assert_memory_equal(opened + 154, ((uint8_t[2]){ 0 }), 2);
    free(rings);
}

/* ---- callbacks ----------------------------------------------------------- */

static enum vmb_status in_callback;

static void unload_from_here(void *ctx, const void *message, uint32_t bytes)
{
    (void)ctx;
    (void)message;
    (void)bytes;
    in_callback = vmb_conn_unload_start(&host.conn);
}

static void an_unknown_message_may_begin_something(void **state)
{
    (void)state;
    host.cfg.on_message = unload_from_here;
    host_connect(&host);
    in_callback = VMB_AGAIN;
    host_send(&host, 25, NULL, 0);
    (void)host_settle(&host);
    assert_int_equal(in_callback, VMB_OK);
    assert_int_equal(vmb_conn_unload_status(&host.conn), VMB_OK);
}

static void a_cpu_that_is_stopped_has_nothing_ready(void **state)
{
    (void)state;
    host_connect(&host);
    open_channel(&host.offers[1]);
    host.cpu[0].ready_[0] = 1u << 1;
    vmb_cpu_stop(&host.cpu[0]);
    assert_null(vmb_cpu_next_ready(&host.cpu[0]));
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_host(a_refusal_of_another_version_is_not_passed_on),
        with_host(an_older_host_leaves_the_hypercalls_status),
        with_host(the_end_counts_more_than_strays),
        with_host(a_hypercalls_status_has_16_bits),
        with_host(below_6_there_are_no_features),
        with_host(each_monitor_page_has_its_place),
        with_host(only_one_bit_says_monitored),
        with_host(connection_ids_come_with_version_1_1),
        with_host(a_dedicated_channel_sets_no_bit),
        with_host(from_1_1_on_an_offer_is_whole),
        with_host(rescinded_offers_are_not_counted),
        with_host(a_number_not_given_back_yet_is_work),
        with_host(what_was_not_posted_is_not_taken_for_granted),
        with_host(a_late_gpadl_opens_nothing),
        with_host(an_open_that_comes_late_is_left_to_the_unload),
        with_host(the_last_bit_of_a_word_names_its_channel),
        with_host(a_teardown_nobody_asked_for_is_a_stray),
        with_host(every_place_is_looked_at_for_signals),
        with_host(a_signal_is_owed_on_any_cpu),
        with_host(a_gpadl_of_a_rescinded_channel_is_not_made),
        with_host(a_gpadl_made_late_is_not_yet_torn_down),
        with_host(pages_begin_empty),
        with_host(nothing_is_offered_after_an_unload),
        with_host(messages_show_nothing_of_the_past),
        with_host(an_unknown_message_may_begin_something),
        with_host(a_cpu_that_is_stopped_has_nothing_ready),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
