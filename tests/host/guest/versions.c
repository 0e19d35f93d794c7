/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Every version that QEMU speaks, and what becomes of those it does not. */
#include "balloon.h"

#include "dm.h"

static const struct {
    const char *name;
    uint32_t version;
} spoken[] = {
    { "versions.0.13", VMB_VERSION_0_13 }, { "versions.1.1", VMB_VERSION_1_1 },
    { "versions.2.4", VMB_VERSION_2_4 },   { "versions.3.0", VMB_VERSION_3_0 },
    { "versions.4.0", VMB_VERSION_4_0 },
};

static const uint32_t refused[] = {
    VMB_VERSION_4_1, VMB_VERSION_5_0, VMB_VERSION_5_1,
    VMB_VERSION_5_2, VMB_VERSION_5_3, VMB_VERSION_6_0,
};

static void unload(void)
{
    struct vmb_fault fault;
    enum vmb_status status = vmb_wait_unload(&ex.conn);

    vmb_conn_fault(&ex.conn, &fault);
    example_expect("unload", status, &fault);
}

/* Connected as asked?  The fault says why not. */
static bool check_connected(enum vmb_status status, uint32_t version)
{
    struct vmb_fault fault;

    vmb_conn_fault(&ex.conn, &fault);
    return check_that(status == VMB_OK, "%s: %s, value 0x%llx, host code 0x%x",
                      vmb_status_str(status), vmb_site_str(fault.site),
                      (unsigned long long)fault.got,
                      (unsigned)fault.host_code) &&
           check_that(vmb_conn_version(&ex.conn) == version,
                      "version 0x%x agreed, 0x%x meant",
                      (unsigned)vmb_conn_version(&ex.conn), (unsigned)version);
}

static void check_interrupted(uint32_t before)
{
    if (!ex.interrupts)
        return;
    check_that(ex.interrupt_count[0] > before, "no interrupt came");
    check_that(dm.missed == 0, "%u packets came without an interrupt",
               (unsigned)dm.missed);
}

/* Open, use, close, twice over. */
static void use_channel(void)
{
    uint32_t i;

    for (i = 0; i < 2 && check_good(); i++) {
        dm_open(1 + i, 2 - i, 0);
        dm_exchange(NULL);
        dm_exchange(NULL);
        dm_close();
    }
}

static void test_spoken(void)
{
    size_t i, round;

    for (i = 0; i < sizeof spoken / sizeof spoken[0]; i++) {
        uint32_t before = ex.interrupt_count[0];

        check_begin(spoken[i].name);
        for (round = 0; round < 2 && check_good(); round++) {
            if (check_connected(reconnect(0, spoken[i].version),
                                spoken[i].version))
                use_channel();
            unload();
        }
        check_interrupted(before);
        check_end_with("%s", "connected, opened, closed, opened, unloaded; all "
                             "twice");
    }
}

/* Newest first: each of the newer ones is tried once and put aside. */
static void test_fall_back(void)
{
    uint32_t retries = events_traced(VMB_EVENT_RETRY), faults;
    size_t i;

    check_begin("versions.newest-first");
    check_connected(reconnect(0, 0), VMB_VERSION_4_0);
    retries = events_traced(VMB_EVENT_RETRY) - retries;
    faults = vmb_conn_fault_count(&ex.conn);
    check_that(retries == 5, "%u messages refused, not 5: 5.0 to 6.0",
               (unsigned)retries);
    check_that(faults == 0, "%u faults", (unsigned)faults);
    use_channel();
    unload();
    check_end();
    check_begin("versions.fall-back");
    for (i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        check_connected(reconnect(0, refused[i]), VMB_VERSION_4_0);
        unload();
    }
    check_end_with("from each of 4.1 to 6.0 to 4.0");
}

static void check_refusal(const char *name, uint32_t floor, uint32_t ceiling)
{
    struct vmb_fault fault;
    enum vmb_status status;

    check_begin(name);
    status = reconnect(floor, ceiling);
    vmb_conn_fault(&ex.conn, &fault);
    check_that(status == VMB_E_VERSION, "%s", vmb_status_str(status));
    check_that(vmb_conn_version(&ex.conn) == 0, "a version all the same");
    check_that(vmb_conn_status(&ex.conn) == VMB_E_VERSION &&
                   fault.status == VMB_E_VERSION,
               "the fault says %s", vmb_status_str(fault.status));
    unload();
    check_end_with("%s; %s, value 0x%llx, bound 0x%llx, host code 0x%x",
                   vmb_status_str(status), vmb_site_str(fault.site),
                   (unsigned long long)fault.got,
                   (unsigned long long)fault.limit, (unsigned)fault.host_code);
}

static void test_bounds(void)
{
    enum vmb_status status;

    check_refusal("versions.floor-5.0", VMB_VERSION_5_0, 0);
    check_refusal("versions.only-4.1", VMB_VERSION_4_1, VMB_VERSION_4_1);
    status = reconnect(VMB_VERSION_4_0, VMB_VERSION_3_0);
    check(status == VMB_E_VERSION, "versions.floor-above-ceiling", "%s",
          vmb_status_str(status));
    check_begin("versions.connects-after-refusal");
    check_connected(reconnect(VMB_VERSION_3_0, 0), VMB_VERSION_4_0);
    use_channel();
    unload();
    check_end();
}

/* Without unloading in between, as often as a driver may be restarted. */
static void test_reopen(void)
{
    uint32_t i;

    check_begin("versions.reopen");
    check_connected(reconnect(0, 0), VMB_VERSION_4_0);
    for (i = 0; i < 10 && check_good(); i++)
        use_channel();
    unload();
    check_end_with("20 times in one connection");
}

/* The host is to forget an open channel, too. */
static void test_unload_open(void)
{
    enum vmb_status status;

    check_begin("versions.unload-with-open-channel");
    check_connected(reconnect(0, 0), VMB_VERSION_4_0);
    dm_open(1, 1, 0);
    dm_exchange(NULL);
    unload();
    status = vmb_chan_open_status(&dm.chan);
    check_that(status == VMB_E_STATE, "the channel: %s",
               vmb_status_str(status));
    check_connected(reconnect(0, 0), VMB_VERSION_4_0);
    use_channel();
    unload();
    check_end();
}

/* ---- by interrupts alone
 * ----------------------------------------------------- */

static uint32_t sleeps, missed;

/* Each answer must wake us; nothing else looks for it. */
static void sleep_for_message(void)
{
    sleeps++;
    missed += !nap(300);
}

static enum vmb_status sleep_while_again(enum vmb_status (*status)(void))
{
    uint64_t end = vmb_hv_now(&ex.hv) + 10 * SECOND;

    for (;;) {
        poll_connection();
        if (status() != VMB_AGAIN || vmb_hv_now(&ex.hv) >= end)
            return status();
        sleep_for_message();
    }
}

static enum vmb_status connection_now(void)
{
    return vmb_conn_status(&ex.conn);
}

static enum vmb_status opening_now(void)
{
    return vmb_chan_open_status(&dm.chan);
}

static enum vmb_status closing_now(void)
{
    return vmb_chan_close_status(&dm.chan);
}

static void test_interrupts(void)
{
    struct vmb_conn_cfg cfg = { .cpu = &ex.cpus[0],
                                .pages = pages_need(VMB_CONN_PAGES),
                                .offers = ex.offers,
                                .offer_cap = EXAMPLE_OFFERS,
                                .max_version = VMB_VERSION_4_0 };
    struct vmb_chan_cfg chan = { .ring = dm.ring,
                                 .tx_pages = 3,
                                 .rx_pages = 29 };

    check_begin("versions.every-message-interrupts");
    (void)nap(20); /* what came of the unload before */
    example_expect("connect", vmb_conn_start(&ex.conn, &ex.hv, &cfg), NULL);
    example_expect("connect", sleep_while_again(connection_now), NULL);
    example_expect("open",
                   vmb_chan_open_start(&dm.chan, vmb_conn_bus(&ex.conn),
                                       vmb_conn_offer(&ex.conn, 0), &chan),
                   NULL);
    example_expect("open", sleep_while_again(opening_now), NULL);
    example_expect("close", vmb_chan_close_start(&dm.chan), NULL);
    example_expect("close", sleep_while_again(closing_now), NULL);
    check_that(missed == 0, "%u of %u answers came without one",
               (unsigned)missed, (unsigned)sleeps);
    check_that(sleeps >= 5, "slept only %u times", (unsigned)sleeps);
    unload();
    check_end_with("slept %u times", (unsigned)sleeps);
}

void test_versions(void)
{
    if (ex.interrupts)
        test_interrupts();
    test_fall_back();
    test_spoken();
    test_bounds();
    test_reopen();
    test_unload_open();
}
