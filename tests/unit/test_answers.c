/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Answers nobody waits for, answers for another, answers cut short: each is
 * put on record and changes nothing, or undoes what nobody else would.
 */
#include "fake_host.h"

#include <vmb/chan.h>

static struct fake_host host;
static struct vmb_chan chan;
static uint8_t *ring;

static int set_up(void **state)
{
    (void)state;
    host_init(&host, VMB_VERSION_6_0);
    memset(&chan, 0, sizeof chan);
    ring = new_pages(5);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    host_free(&host);
    free(ring);
    return 0;
}

static enum vmb_status open_start(struct vmb_bus *bus, struct vmb_cpu *cpu)
{
    struct vmb_chan_cfg cfg = {
        .ring = ring, .tx_pages = 1, .rx_pages = 1, .cpu = cpu
    };

    return vmb_chan_open_start(&chan, bus, &host.offers[1], &cfg);
}

static void open_channel(void)
{
    assert_int_equal(open_start(vmb_conn_bus(&host.conn), NULL), VMB_OK);
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_int_equal(vmb_chan_open_status(&chan), VMB_OK);
    host.log[0] = 0;
}

/* One message; how many faults it adds, and where the last one is. */
static uint32_t tell(uint32_t number, const uint32_t *words, uint32_t count)
{
    uint32_t before = vmb_conn_fault_count(&host.conn);

    host_send(&host, number, words, count);
    (void)host_settle(&host);
    return vmb_conn_fault_count(&host.conn) - before;
}

static void assert_first_fault(enum vmb_site site, uint64_t got)
{
    struct vmb_fault fault;

    vmb_conn_fault(&host.conn, &fault);
    assert_int_equal(fault.site, site);
    assert_int_equal(fault.got, got);
}

/* ---- strays -------------------------------------------------------------- */

static void a_second_end_of_offers_is_a_stray(void **state)
{
    (void)state;
    host_connect(&host);
    assert_int_equal(tell(4, NULL, 0), 1);
    assert_first_fault(VMB_SITE_MSG_STRAY, 0);
    assert_int_equal(vmb_conn_status(&host.conn), VMB_OK);
}

static void an_open_result_for_nobody_is_a_stray(void **state)
{
    const uint32_t absent[] = { 77, 1, 0 }, idle[] = { 1, 1, 5 };

    (void)state;
    host_connect(&host);
    assert_int_equal(tell(6, absent, 3), 1);
    assert_int_equal(tell(6, idle, 3), 1); /* refused: nothing to undo */
    assert_posted(&host, "");
    assert_first_fault(VMB_SITE_MSG_STRAY, 77);
}

static void an_open_that_nobody_wanted_is_undone(void **state)
{
    const uint32_t opened[] = { 1, 1, 0 };

    (void)state;
    host_connect(&host);
    assert_int_equal(tell(6, opened, 3), 1);
    assert_posted(&host, "7 ");
}

/* The host met the close before the open, and answers no teardown until it has
 * another one. */
static void an_open_that_a_close_overtook_is_undone(void **state)
{
    const uint32_t opened[] = { 1, 1, 0 };

    (void)state;
    host_connect(&host);
    host.silent[5] = host.silent[11] = true;
    assert_int_equal(open_start(vmb_conn_bus(&host.conn), NULL), VMB_OK);
    (void)host_turn(&host);
    (void)host_turn(&host);
    host.machine.now += VMB_CONN_TIMEOUT;
    (void)host_turn(&host);
    assert_int_equal(vmb_chan_open_status(&chan), VMB_E_TIMEOUT);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    host.log[0] = 0;
    (void)host_turn(&host);
    assert_posted(&host, "7 11 ");
    host_send(&host, 6, opened, COUNT(opened));
    (void)host_turn(&host);
    assert_posted(&host, "7 ");
}

static void an_open_channel_is_not_closed_by_a_second_answer(void **state)
{
    const uint32_t again[] = { 1, 1, 0 };

    (void)state;
    host_connect(&host);
    open_channel();
    assert_int_equal(tell(6, again, 3), 1);
    assert_posted(&host, "");
    assert_int_equal(vmb_chan_open_status(&chan), VMB_OK);
}

static void gpadl_answers_for_another_are_strays(void **state)
{
    uint32_t words[] = { 1, 999, 0 };

    (void)state;
    host_connect(&host);
    open_channel();
    assert_int_equal(tell(10, words, 3), 1); /* no such GPADL */
    words[0] = 2;
    words[1] = chan.gpadl_.id_;
    words[2] = 1;
    assert_int_equal(tell(10, words, 3), 1); /* of another channel */
    words[0] = 1;
    words[2] = 0;
    assert_int_equal(tell(10, words, 3), 1); /* made long ago */
    words[2] = 1;
    assert_int_equal(tell(10, words, 3), 1); /* refused after all: too late */
    words[0] = 999;
    assert_int_equal(tell(12, words, 1), 1); /* torn down: no such GPADL */
    words[0] = chan.gpadl_.id_;
    assert_int_equal(tell(12, words, 1), 1); /* not asked for */
    assert_int_equal(vmb_chan_open_status(&chan), VMB_OK);
    assert_first_fault(VMB_SITE_MSG_STRAY, 999);
}

static void a_long_list_goes_in_numbered_parts(void **state)
{
    struct vmb_gpadl gpadl = { 0 };
    uint8_t *memory = new_pages(100);

    (void)state;
    host_connect(&host);
    open_channel();
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &chan, memory, 100 * PAGE),
        VMB_OK);
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_OK);
    assert_posted(&host, "8 9 9 9 ");
    free(memory);
}

static void no_gpadl_is_number_0(void **state)
{
    (void)state;
    host_connect(&host);
    host.conn.last_gpadl_ = UINT32_MAX; /* after many of them */
    open_channel();
    assert_int_equal(chan.gpadl_.id_, 1);
}

static void a_refusal_that_comes_late_frees_the_ring(void **state)
{
    uint32_t words[3] = { 1, 0, 5 };

    (void)state;
    host_connect(&host);
    host.silent[8] = true;
    host.silent[11] = true;
    assert_int_equal(open_start(vmb_conn_bus(&host.conn), NULL), VMB_OK);
    assert_int_equal(host_turn(&host), VMB_AGAIN);
    host.machine.now += VMB_CONN_TIMEOUT;
    (void)host_turn(&host);
    assert_int_equal(vmb_chan_open_status(&chan), VMB_E_TIMEOUT);
    /* In FAILED its GPADL is doubtful until the close asks for it. */
    assert_int_equal(chan.gpadl_.state_, VMB_GPADL_DOUBTFUL);
    words[0] = 2;
    words[1] = chan.gpadl_.id_;
    assert_int_equal(tell(10, words, 3), 1); /* another channel's: no */
    assert_int_equal(chan.gpadl_.state_, VMB_GPADL_DOUBTFUL);
    words[0] = 1;
    assert_int_equal(tell(10, words, 3), 0);
    /* Nobody has asked for the close yet: it is the caller's to ask. */
    assert_int_equal(vmb_chan_close_status(&chan), VMB_E_STATE);
    assert_int_equal(open_start(vmb_conn_bus(&host.conn), NULL), VMB_E_STATE);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_OK);
    assert_posted(&host, "8 ");
}

/* The channel is the caller's then: what was to be posted for it goes, too. */
/* The host lets go when nobody waits for it any more. */
static void a_teardown_that_comes_late_frees_the_ring(void **state)
{
    uint32_t id;

    (void)state;
    host_connect(&host);
    open_channel();
    id = chan.gpadl_.id_;
    host.silent[11] = true;
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    (void)host_turn(&host);
    host.machine.now += VMB_CONN_TIMEOUT;
    (void)host_turn(&host);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_E_TIMEOUT);
    assert_int_equal(tell(12, &id, 1), 0);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_OK);
}

static void a_refusal_meets_a_close_that_waits(void **state)
{
    uint32_t words[3] = { 1, 0, 5 };

    (void)state;
    host_connect(&host);
    open_channel();
    words[1] = chan.gpadl_.id_;
    host.says = 0x13; /* no buffers: try again */
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_int_equal(host_turn(&host), VMB_AGAIN);
    host_send(&host, 10, words, 3);
    (void)host_turn(&host);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_OK);
    host.says = 0;
    memset(&chan, 0xee, sizeof chan);
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_posted(&host, "");
}

static void an_unknown_message_is_on_record_alone(void **state)
{
    (void)state;
    host_connect(&host);
    assert_int_equal(tell(200, NULL, 0), 1);
    assert_first_fault(VMB_SITE_MSG_UNKNOWN, 200);
    assert_int_equal(tell(0, NULL, 0), 1);
    assert_int_equal(vmb_conn_status(&host.conn), VMB_OK);
}

static void less_than_a_header_is_no_message(void **state)
{
    uint32_t len;

    (void)state;
    host_connect(&host);
    for (len = 0; len < 8; len++) {
        host_send(&host, 200, NULL, 0);
        host.queue[(host.tail - 1) % HOST_QUEUE].len = len;
        (void)host_settle(&host);
        assert_int_equal(vmb_conn_fault_count(&host.conn), len + 1);
        assert_int_equal(host.conn.fault_.site, VMB_SITE_MSG_SHORT);
        assert_int_equal(host.conn.why_.site, VMB_SITE_MSG_SHORT);
        assert_int_equal(host.conn.why_.got, len);
    }
}

/* ---- offers -------------------------------------------------------------- */

static void a_rescind_is_taken_once(void **state)
{
    const uint32_t relid = 2, absent = 9;

    (void)state;
    host_connect(&host);
    open_channel(); /* of relid 1: it keeps the relid in use */
    host.silent[11] = true;
    assert_int_equal(tell(2, &absent, 1), 1);
    assert_int_equal(tell(2, &relid, 1), 0);
    assert_posted(&host, "13 ");
    assert_int_equal(tell(2, &relid, 1), 1);
    host_rescind(&host, 1);
    (void)host_settle(&host);
    host_rescind(&host, 1);
    assert_int_equal(tell(2, &absent, 1), 2);
    assert_posted(&host, "");
}

static void offers_are_found_by_all_that_tells_them_apart(void **state)
{
    struct vmb_guid one, two;

    (void)state;
    memset(one.b, 1, sizeof one.b);
    memset(two.b, 2, sizeof two.b);
    host_connect(&host);
    assert_ptr_equal(vmb_conn_find(&host.conn, &one, NULL, 0), &host.offers[1]);
    assert_ptr_equal(vmb_conn_find(&host.conn, &one, &one, 0), &host.offers[1]);
    assert_null(vmb_conn_find(&host.conn, &one, &two, 0));
    assert_null(vmb_conn_find(&host.conn, &one, &one, 1));
    host_rescind(&host, 1);
    (void)host_settle(&host);
    assert_null(vmb_conn_find(&host.conn, &one, NULL, 0));
}

/* ---- versions ------------------------------------------------------------ */

/* A version response that ends so many bytes behind its header. */
static void agree_by_bytes(uint32_t bytes, uint32_t connection)
{
    const uint32_t words[3] = { 1, connection, 1 };

    host.silent[14] = true;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    assert_int_equal(host_turn(&host), VMB_AGAIN);
    host_send(&host, 15, words, 3);
    host.queue[(host.tail - 1) % HOST_QUEUE].len = 8 + bytes;
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_int_equal(vmb_conn_version(&host.conn), VMB_VERSION_6_0);
}

static void agree_by(uint32_t count, uint32_t connection)
{
    agree_by_bytes(count * 4, connection);
}

static void a_response_without_a_connection_id_is_on_record(void **state)
{
    (void)state;
    agree_by(1, 0);
    assert_first_fault(VMB_SITE_VERSION_CONN_ID, 12);
    assert_int_equal(vmb_conn_features(&host.conn), 0);
}

static void a_connection_id_of_0_is_on_record(void **state)
{
    (void)state;
    host.cfg.features = VMB_CONN_FEATURE_SIGNAL_PARAMETERS;
    agree_by(3, 0);
    assert_first_fault(VMB_SITE_VERSION_CONN_ID, 20);
    assert_int_equal(vmb_conn_features(&host.conn), 1);
}

static void a_response_without_features_has_none(void **state)
{
    (void)state;
    host.cfg.features = VMB_CONN_FEATURE_SIGNAL_PARAMETERS;
    agree_by(2, 1);
    assert_first_fault(VMB_SITE_MSG_SHORT, 16);
    assert_int_equal(vmb_conn_fault_count(&host.conn), 1);
    assert_int_equal(vmb_conn_features(&host.conn), 0);
}

static void nor_does_who_asked_for_none_miss_them(void **state)
{
    (void)state;
    agree_by(2, 1);
    assert_int_equal(vmb_conn_fault_count(&host.conn), 0);
}

static void half_a_word_of_features_is_none(void **state)
{
    (void)state;
    host.cfg.features = VMB_CONN_FEATURE_SIGNAL_PARAMETERS;
    agree_by_bytes(2 * 4 + 2, 1);
    assert_first_fault(VMB_SITE_MSG_SHORT, 18);
    assert_int_equal(vmb_conn_features(&host.conn), 0);
}

static void features_nobody_asked_for_are_not_taken(void **state)
{
    static const struct vmb_guid id = { { 1 } };

    (void)state;
    host.cfg.features = VMB_CONN_FEATURE_CLIENT_ID;
    host.cfg.client_id = &id;
    agree_by(3, 1); /* which grants another */
    assert_int_equal(vmb_conn_features(&host.conn), 0);
}

/* These were posted, the last one to the connection that the host wants. */
static void assert_posted_to_77(const char *log)
{
    uint32_t *connection = host.conn.message_page_;

    assert_posted(&host, log);
    assert_int_equal(*connection, 77);
    *connection = 0;
}

static void all_messages_go_where_the_host_wants_them(void **state)
{
    const uint32_t opened[] = { 1, 1, 0 };
    uint32_t relid;

    (void)state;
    agree_by(3, 77);
    assert_posted_to_77("14 3 ");
    (void)tell(6, opened, COUNT(opened));
    assert_posted_to_77("7 ");
    for (relid = 3; relid <= HOST_OFFERS + 1; relid++)
        host_offer(&host, relid);
    host_rescind(&host, HOST_OFFERS + 1); /* it found no room */
    (void)host_settle(&host);
    assert_posted_to_77("13 ");
    host_rescind(&host, 1);
    (void)host_settle(&host);
    assert_posted_to_77("13 ");
    assert_int_equal(vmb_conn_unload_start(&host.conn), VMB_OK);
    (void)host_settle(&host);
    assert_posted_to_77("16 ");
}

static void so_does_an_unload_that_waited_for_the_version(void **state)
{
    const uint32_t words[3] = { 1, 77, 0 };

    (void)state;
    host.silent[14] = true;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    (void)host_turn(&host);
    assert_int_equal(vmb_conn_unload_start(&host.conn), VMB_OK);
    host_send(&host, 15, words, COUNT(words));
    (void)host_settle(&host);
    assert_posted_to_77("14 16 ");
}

/* Its address below 5.0, and from there on where messages are to go. */
static void a_contact_names_the_interrupt_page(void **state)
{
    static const uint32_t versions[] = { VMB_VERSION_4_1, VMB_VERSION_5_0 };
    uint32_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        host_free(&host);
        host_init(&host, versions[i]);
        host.cfg.max_version = versions[i];
        host.silent[14] = true;
        assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg),
                         VMB_OK);
        (void)host_turn(&host);
        assert_true(host.conn.out_.contact.interrupt_page ==
                    (i ? 2 : fake_gpa(host.conn.interrupt_page_)));
    }
}

static void a_second_version_response_is_a_stray(void **state)
{
    const uint32_t words[3] = { 1, 1, 0 };

    (void)state;
    host_connect(&host);
    assert_int_equal(tell(15, words, 3), 1);
    assert_first_fault(VMB_SITE_MSG_STRAY, 1);
}

/* ---- the caller's slips -------------------------------------------------- */

static void a_connection_is_not_made_of_nothing(void **state)
{
    struct vmb_conn_cfg good = host.cfg;

    (void)state;
    host.cfg.cpu = NULL;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg),
                     VMB_E_ARG);
    host.cfg = good;
    host.cfg.pages = NULL;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg),
                     VMB_E_ARG);
    host.cfg.pages = (uint8_t *)good.pages + 8;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg),
                     VMB_E_ARG);
    host.cfg = good;
    host.cfg.offers = NULL;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg),
                     VMB_E_ARG);
    host.cfg = good;
    host.cfg.features = VMB_CONN_FEATURE_CLIENT_ID;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg),
                     VMB_E_ARG);
}

static void a_bus_never_started_opens_nothing(void **state)
{
    static struct vmb_conn idle;

    (void)state;
    host_connect(&host);
    assert_int_equal(open_start(vmb_conn_bus(&idle), NULL), VMB_E_STATE);
    assert_int_equal(vmb_conn_modify_status(&chan), VMB_E_STATE);
}

static void what_belongs_to_another_machine_is_refused(void **state)
{
    static struct vmb_hv other;
    struct vmb_cpu foreign = { .hv_ = &other };

    (void)state;
    host_connect(&host);
    assert_int_equal(open_start(vmb_conn_bus(&host.conn), &foreign), VMB_E_ARG);
    open_channel();
    assert_int_equal(vmb_conn_modify_start(&host.conn, &chan, &foreign),
                     VMB_E_ARG);
    assert_int_equal(vmb_conn_modify_start(&host.conn, &chan, &host.cpu[1]),
                     VMB_OK);
    assert_int_equal(vmb_conn_modify_start(&host.conn, &chan, &host.cpu[0]),
                     VMB_E_STATE); /* one at a time */
    assert_int_equal(host_settle(&host), VMB_OK);
    host_rescind(&host, 1);
    (void)host_settle(&host);
    assert_int_equal(vmb_conn_modify_start(&host.conn, &chan, &host.cpu[0]),
                     VMB_E_STATE);
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_host(a_second_end_of_offers_is_a_stray),
        with_host(an_open_result_for_nobody_is_a_stray),
        with_host(an_open_that_nobody_wanted_is_undone),
        with_host(an_open_that_a_close_overtook_is_undone),
        with_host(an_open_channel_is_not_closed_by_a_second_answer),
        with_host(gpadl_answers_for_another_are_strays),
        with_host(a_long_list_goes_in_numbered_parts),
        with_host(no_gpadl_is_number_0),
        with_host(a_refusal_that_comes_late_frees_the_ring),
        with_host(a_teardown_that_comes_late_frees_the_ring),
        with_host(a_refusal_meets_a_close_that_waits),
        with_host(an_unknown_message_is_on_record_alone),
        with_host(less_than_a_header_is_no_message),
        with_host(a_rescind_is_taken_once),
        with_host(offers_are_found_by_all_that_tells_them_apart),
        with_host(a_response_without_a_connection_id_is_on_record),
        with_host(a_connection_id_of_0_is_on_record),
        with_host(a_response_without_features_has_none),
        with_host(nor_does_who_asked_for_none_miss_them),
        with_host(half_a_word_of_features_is_none),
        with_host(features_nobody_asked_for_are_not_taken),
        with_host(all_messages_go_where_the_host_wants_them),
        with_host(so_does_an_unload_that_waited_for_the_version),
        with_host(a_contact_names_the_interrupt_page),
        with_host(a_second_version_response_is_a_stray),
        with_host(a_connection_is_not_made_of_nothing),
        with_host(a_bus_never_started_opens_nothing),
        with_host(what_belongs_to_another_machine_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
