/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What a port is told of as it happens, with the numbers platform.h promises.
 */
#include "fake_bus.h"
#include "fake_host.h"
#include "packets.h"

static struct vmb_trace events[64];
static uint32_t count;

static void note(void *ctx, const struct vmb_trace *event)
{
    (void)ctx;
    assert_true(count < COUNT(events));
    events[count++] = *event;
}

/* The next event from `at` on is this one. */
static void assert_event(uint32_t at, enum vmb_event event, uint32_t relid,
                         uint64_t a, uint64_t b)
{
    assert_true(at < count);
    assert_int_equal(events[at].event, event);
    assert_int_equal(events[at].relid, relid);
    assert_true(events[at].a == a);
    assert_true(events[at].b == b);
}

static void control_messages_are_told(void **state)
{
    static struct fake_host host;
    const uint32_t words[] = { 77, 1, 0 };

    (void)state;
    host_init(&host, VMB_VERSION_6_0);
    host.machine.plat.trace = note;
    host.devices = 1;
    host.says = 0x13; /* HV_STATUS_INSUFFICIENT_BUFFERS */
    assert_int_equal(vmb_conn_start(&host.conn, &host.hv, &host.cfg), VMB_OK);
    count = 0;
    (void)host_turn(&host);
    assert_event(0, VMB_EVENT_RETRY, 0, 14, 0x13);
    host.says = 0;
    count = 0;
    assert_int_equal(host_settle(&host), VMB_OK);
    assert_event(0, VMB_EVENT_POST, 0, 14, 40);
    assert_event(1, VMB_EVENT_MESSAGE, 0, 15, 20);
    assert_event(2, VMB_EVENT_POST, 0, 3, 8);
    assert_event(3, VMB_EVENT_MESSAGE, 0, 1, 196);
    assert_event(4, VMB_EVENT_MESSAGE, 0, 4, 8);
    assert_int_equal(count, 5);
    count = 0;
    host_send(&host, 6, words, COUNT(words)); /* opened, nobody asked */
    (void)host_settle(&host);
    assert_event(0, VMB_EVENT_MESSAGE, 0, 6, 20);
    assert_event(1, VMB_EVENT_FAULT, 0, VMB_SITE_MSG_STRAY, 77);
    assert_int_equal(count, 2);
    host_free(&host);
}

static void a_signal_is_told_with_its_connection_id(void **state)
{
    static struct fake_host host;
    static struct vmb_chan chan;
    uint8_t *ring = new_pages(4);
    struct vmb_chan_cfg cfg = { .ring = ring, .tx_pages = 1, .rx_pages = 1 };
    struct vmb_out out = { .kind = VMB_INBAND };

    (void)state;
    host_init(&host, VMB_VERSION_6_0);
    host.machine.plat.trace = note;
    count = 0;
    host_connect(&host);
    assert_int_equal(vmb_chan_open_start(&chan, vmb_conn_bus(&host.conn),
                                         &host.offers[2], &cfg),
                     VMB_OK);
    assert_int_equal(host_settle(&host), VMB_OK);
    count = 0;
    assert_int_equal(vmb_chan_send(&chan, &out), VMB_OK);
    assert_event(0, VMB_EVENT_SIGNAL, 2, 0x2002, 0);
    assert_int_equal(count, 1);
    host_free(&host);
    free(ring);
}

static void a_channels_life_is_told(void **state)
{
    static struct fake_bus bus;
    static struct vmb_chan chan;
    uint8_t *ring = new_pages(4);
    struct vmb_chan_cfg cfg = { .ring = ring, .tx_pages = 1, .rx_pages = 1 };
    struct vmb_out out = { .kind = VMB_INBAND };
    struct peer_ring to_guest;
    struct vmb_rx rx;

    (void)state;
    fake_bus_init(&bus);
    bus.plat.trace = note;
    count = 0;
    fake_open(&bus, &chan, &cfg);
    assert_event(0, VMB_EVENT_STATE, 21, VMB_CHAN_CLOSED, VMB_CHAN_GPADL);
    assert_event(1, VMB_EVENT_STATE, 21, VMB_CHAN_GPADL, VMB_CHAN_OPENING);
    assert_event(2, VMB_EVENT_STATE, 21, VMB_CHAN_OPENING, VMB_CHAN_OPEN);
    count = 0;
    while (vmb_chan_send(&chan, &out) == VMB_OK)
        ;
    assert_event(0, VMB_EVENT_FULL, 21, 24, 0);
    assert_int_equal(count, 1);
    to_guest = peer_of_rx(&chan.rx_);
    peer_set_word(&to_guest, PEER_WRITE, 4);
    count = 0;
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_E_HOST);
    assert_event(0, VMB_EVENT_FAULT, 21, VMB_SITE_RX_WRITE_ALIGN, 4);
    assert_int_equal(count, 1);
    free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_messages_are_told),
        cmocka_unit_test(a_signal_is_told_with_its_connection_id),
        cmocka_unit_test(a_channels_life_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
