/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The library as it is shipped checks no lanes: what it promises without them.
 */
#include "fake_host.h"

static struct fake_host host;
static enum vmb_status polled;
static uint32_t events;

static void poll_inside(void *ctx, enum vmb_conn_event event,
                        struct vmb_offer *offer)
{
    (void)ctx;
    (void)event;
    (void)offer;
    events++;
    polled = vmb_conn_poll(&host.conn);
}

/* A callback that polls would take the message it is called for again. */
static void a_callback_does_not_poll(void **state)
{
    (void)state;
    host_init(&host, VMB_VERSION_6_0);
    host.cfg.on_event = poll_inside;
    host_connect(&host);
    assert_int_equal(events, 3); /* two offers, and the end of them */
    assert_int_equal(polled, VMB_E_LANE);
    host_rescind(&host, 1);
    (void)host_settle(&host);
    assert_int_equal(events, 4);
    assert_int_equal(polled, VMB_E_LANE);
    host_free(&host);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callback_does_not_poll),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
