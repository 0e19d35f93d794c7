/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "testchan.h"

#define NAP_MS  300
#define LATE_MS 2000 /* not late any more, but lost */

void test_chan_expect(struct test_chan *test, const char *what,
                      enum vmb_status status)
{
    struct vmb_fault fault;

    vmb_chan_fault(&test->chan, &fault);
    example_expect(what, status, &fault);
}

void test_chan_open(struct test_chan *test, struct vmb_offer *offer,
                    const struct test_chan_cfg *cfg)
{
    struct vmb_chan_cfg chan = { .ring = test->ring,
                                 .tx_pages = cfg->tx_pages,
                                 .rx_pages = cfg->rx_pages,
                                 .txns = cfg->txns,
                                 .txn_cap = cfg->txn_cap,
                                 .cpu = &ex.cpus[cfg->cpu] };

    if (cfg->tx_pages + cfg->rx_pages + 2 > TEST_RING_PAGES)
        guest_fail("rings of %u and %u pages", (unsigned)cfg->tx_pages,
                   (unsigned)cfg->rx_pages);
    test->cpu = cfg->cpu;
    test->armed = test->flagged = test->missed = 0;
    test->slept_in_vain = false;
    test_chan_expect(
        test, "open",
        vmb_chan_open_start(&test->chan, vmb_conn_bus(&ex.conn), offer, &chan));
    test_chan_expect(test, "open", vmb_wait_open(&ex.conn, &test->chan));
}

void test_chan_close(struct test_chan *test)
{
    test_chan_expect(test, "close", vmb_wait_close(&ex.conn, &test->chan));
}

void test_chan_release(struct test_chan *test)
{
    test_chan_expect(test, "release", vmb_chan_release(&test->chan));
}

/* Flags found on this processor; every channel here is a test's. */
static void count_flags(unsigned cpu)
{
    struct vmb_chan *chan;

    while ((chan = vmb_cpu_next_ready(&ex.cpus[cpu])) != NULL)
        ((struct test_chan *)chan)->flagged++;
}

/* Nothing is there: rest until there may be. */
static void wait_for_packet(struct test_chan *test)
{
    unsigned cpu = cpu_index();

    if (vmb_conn_cpu(&ex.conn) == &ex.cpus[cpu])
        poll_connection(); /* signals owed */
    if (!ex.interrupts || cpu != test->cpu) {
        if (test->poll_ms)
            halt_for(test->poll_ms);
        else
            cpu_pause();
        return;
    }
    if (vmb_chan_arm(&test->chan))
        return;
    test->armed++;
    test->slept_in_vain = !nap(NAP_MS);
    count_flags(cpu);
}

enum vmb_status test_chan_receive(struct test_chan *test, struct vmb_rx *rx,
                                  uint64_t time)
{
    uint64_t end = vmb_hv_now(&ex.hv) + time;
    enum vmb_status status;

    while ((status = vmb_chan_recv(&test->chan, rx)) == VMB_AGAIN) {
        if (vmb_hv_now(&ex.hv) >= end)
            return VMB_E_TIMEOUT;
        wait_for_packet(test);
    }
    test_chan_expect(test, "receive", status);
    /* It may have come just after the time was over. */
    if (test->slept_in_vain && !nap(LATE_MS))
        test->missed++;
    test->slept_in_vain = false;
    return VMB_OK;
}
