/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What waits to be posted, in a row, while the host takes nothing: what is
 * taken out of it, and what becomes of the rest.  And who waits for nothing.
 */
#include "fake_host.h"

#include <vmb/chan.h>
#include <vmb/wire/hv.h>

#define BUSY  0x13u /* HV_STATUS_INSUFFICIENT_BUFFERS: later, perhaps */
#define WRONG 0x05u /* HV_STATUS_INVALID_PARAMETER: never */

static struct fake_host host;
static struct vmb_chan chan;
static struct vmb_gpadl gpadl;
static uint8_t *ring, *memory;

static int set_up(void **state)
{
    (void)state;
    host_init(&host, VMB_VERSION_6_0);
    memset(&chan, 0, sizeof chan);
    memset(&gpadl, 0, sizeof gpadl);
    ring = new_pages(4);
    memory = new_pages(1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    host_free(&host);
    free(ring);
    free(memory);
    return 0;
}

static void start_open(void)
{
    struct vmb_chan_cfg cfg = { .ring = ring, .tx_pages = 1, .rx_pages = 1 };

    assert_int_equal(vmb_chan_open_start(&chan, vmb_conn_bus(&host.conn),
                                         &host.offers[1], &cfg),
                     VMB_OK);
}

static void open_channel(void)
{
    host_connect(&host);
    start_open();
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_int_equal(vmb_chan_open_status(&chan), VMB_OK);
    host.log[0] = 0;
}

static void create(void)
{
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &chan, memory, PAGE), VMB_OK);
}

/* A move stands last when its device goes; a teardown then comes behind what
 * stood before it. */
static void who_leaves_from_the_end_takes_nobody_along(void **state)
{
    (void)state;
    open_channel();
    host.says = BUSY;
    create();
    assert_int_equal(vmb_conn_modify_start(&host.conn, &chan, &host.cpu[1]),
                     VMB_OK);
    host_rescind(&host, 1);
    (void)host_turn(&host);
    assert_int_equal(vmb_conn_modify_status(&chan), VMB_E_RESCINDED);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    host.says = 0;
    (void)host_settle(&host);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_OK);
    assert_posted(&host, "8 11 ");
}

/* Nobody told the host of it: nothing of it is left to keep the relid for. */
static void a_gpadl_that_was_never_posted_is_forgotten(void **state)
{
    (void)state;
    open_channel();
    host.says = BUSY;
    create();
    (void)host_turn(&host);
    host.machine.now += VMB_CONN_TIMEOUT;
    (void)host_turn(&host);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_E_HYPERCALL);
    host.says = 0;
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    (void)host_settle(&host);
    host_rescind(&host, 1);
    (void)host_settle(&host);
    assert_posted(&host, "7 11 13 ");
}

/* Offers are still to come when all is given up again. */
static void an_unload_posts_nothing_of_a_channel(void **state)
{
    (void)state;
    host.silent[3] = true;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    (void)host_turn(&host);
    host_offer(&host, 1);
    (void)host_turn(&host);
    (void)host_turn(&host);
    host.says = BUSY;
    start_open();
    assert_int_equal(vmb_conn_unload_start(&host.conn), VMB_OK);
    (void)host_turn(&host);
    host.says = 0;
    (void)host_settle(&host);
    assert_posted(&host, "14 3 16 ");
    assert_int_equal(vmb_chan_open_status(&chan), VMB_E_STATE);
}

static void unload(void *ctx, const void *message, uint32_t bytes)
{
    (void)message;
    (void)bytes;
    assert_int_equal(vmb_conn_unload_start(ctx), VMB_OK);
}

/* From within the very poll that would have posted the contact. */
static void who_unloads_before_the_contact_makes_none(void **state)
{
    (void)state;
    host.cfg.on_message = unload;
    host.cfg.ctx = &host.conn;
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    host_send(&host, 77, NULL, 0);
    (void)host_turn(&host);
    assert_int_equal(vmb_conn_unload_status(&host.conn), VMB_OK);
    assert_posted(&host, "");
}

/* The hypervisor will never take it, so there is no use in trying again. */
static void a_number_that_nobody_takes_is_no_work(void **state)
{
    (void)state;
    host_connect(&host);
    host.says = WRONG;
    host.refused = 13; /* RELID_RELEASED */
    host_rescind(&host, 1);
    (void)host_turn(&host);
    assert_int_equal(vmb_conn_poll(&host.conn), VMB_OK);
    assert_int_equal(host.offers[1].relid, 0);
}

/* Neither for a number that it still has, which no host would take now. */
static void a_connection_that_failed_waits_for_nothing(void **state)
{
    (void)state;
    host_connect(&host);
    host.says = BUSY;
    host.refused = 13;
    host_rescind(&host, 1);
    (void)host_turn(&host);
    host.silent[16] = true;
    assert_int_equal(vmb_conn_unload_start(&host.conn), VMB_OK);
    assert_int_equal(host_turn(&host), VMB_AGAIN);
    host.machine.now += VMB_CONN_UNLOAD_TIMEOUT;
    assert_int_equal(host_turn(&host), VMB_E_TIMEOUT);
}

static void (*set_register)(void *ctx, uint32_t reg, uint64_t value);

static void put_message(uint8_t number, uint8_t flags)
{
    uint8_t *slot = host.pages + 2 * PAGE + 2 * 256;

    memset(slot + 16, 0, 8);
    slot[16] = number;
    slot[4] = 8;
    slot[5] = flags;
    slot[0] = 1;
}

/* An end of offers comes as soon as there is room for it. */
static void one_more_on_eom(void *ctx, uint32_t reg, uint64_t value)
{
    set_register(ctx, reg, value);
    if (reg == VMB_REG_EOM)
        put_message(4, 0);
}

/* Nor is it taken: it may be for whoever connects next. */
static void behind_an_unload_nothing_is_heard(void **state)
{
    (void)state;
    host_connect(&host);
    host.silent[16] = true;
    assert_int_equal(vmb_conn_unload_start(&host.conn), VMB_OK);
    (void)host_turn(&host);
    set_register = host.machine.ops.reg_set;
    host.machine.ops.reg_set = one_more_on_eom;
    put_message(17, 1);
    assert_int_equal(vmb_conn_poll(&host.conn), VMB_E_STATE);
    assert_int_equal(vmb_conn_unload_status(&host.conn), VMB_OK);
    assert_int_equal(host.pages[2 * PAGE + 2 * 256], 1);
    assert_int_equal(vmb_conn_fault_count(&host.conn), 0);
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_host(who_leaves_from_the_end_takes_nobody_along),
        with_host(a_gpadl_that_was_never_posted_is_forgotten),
        with_host(an_unload_posts_nothing_of_a_channel),
        with_host(who_unloads_before_the_contact_makes_none),
        with_host(a_number_that_nobody_takes_is_no_work),
        with_host(a_connection_that_failed_waits_for_nothing),
        with_host(behind_an_unload_nothing_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
