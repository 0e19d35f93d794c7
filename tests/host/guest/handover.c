/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The interface changes hands: given back, taken from an owner, left behind by
 * one who crashed. */
#include "balloon.h"

#include <vmb/wire/hv.h>

#include "dm.h"

#define SOMEBODY (VMB_OS_ID_OPEN_SOURCE | UINT64_C(0x1234567))

static void check_works(void)
{
    enum vmb_status status = reconnect(0, 0);
    uint32_t i;

    check_that(status == VMB_OK, "connect: %s", vmb_status_str(status));
    if (status != VMB_OK)
        return;
    dm_open(1, 1, 0);
    for (i = 0; i < 5; i++)
        dm_exchange(NULL);
    dm_close();
}

static uint64_t owner_now(void)
{
    uint64_t id = 0;

    check_that(msr_read_safe(VMB_REG_GUEST_OS_ID, &id), "no guest OS id");
    return id;
}

/* What each processor has left in its SynIC: pages off, SINT masked. */
static void look_at_synic(void *argument)
{
    bool *clean = argument;
    uint64_t simp = 1, siefp = 1, sint = 0;

    (void)msr_read_safe(VMB_REG_SIMP, &simp);
    (void)msr_read_safe(VMB_REG_SIEFP, &siefp);
    (void)msr_read_safe(VMB_REG_SINT0 + VMB_SINT_VMBUS, &sint);
    *clean = !(simp & VMB_REG_ENABLE) && !(siefp & VMB_REG_ENABLE) &&
             (sint & VMB_SINT_MASKED);
}

static void check_synics(void)
{
    bool clean;

    for (unsigned cpu = 0; cpu < ex.cpu_count; cpu++) {
        run_on(cpu, look_at_synic, &clean);
        check_that(clean, "SynIC of processor %u is still in use", cpu);
    }
}

/* As the next OS would: nothing is left of the one before. */
static void test_second_start(uint32_t version, const char *name)
{
    struct vmb_hv_info info;
    enum vmb_status status;

    check_begin(name);
    example_expect("connect", reconnect(0, version), NULL);
    example_leave(&ex);
    check_synics();
    status = vmb_hv_detect(&ex.plat, &info);
    check_that(status == VMB_OK && info.owner == 0, "found as: %s",
               vmb_status_str(status));
    claim_again(false);
    check_works();
    check_that(vmb_conn_fault_count(&ex.conn) == 0,
               "%u messages of the old "
               "connection",
               (unsigned)vmb_conn_fault_count(&ex.conn));
    example_expect("unload", vmb_wait_unload(&ex.conn), NULL);
    check_end();
}

/* Somebody has it and is to keep it, unless told otherwise. */
static void test_owner(void)
{
    struct vmb_hv_cfg cfg = { .pages = pages_need(VMB_HV_PAGES) };
    struct vmb_hv_info info;
    struct vmb_fault fault;
    enum vmb_status status;

    check_begin("handover.owner");
    example_leave(&ex);
    check_that(msr_write_safe(VMB_REG_GUEST_OS_ID, SOMEBODY), "no register");
    status = vmb_hv_detect(&ex.plat, &info);
    check_that(status == VMB_E_OWNED && info.owner == SOMEBODY,
               "found as: %s, owner 0x%llx", vmb_status_str(status),
               (unsigned long long)info.owner);
    status = vmb_hv_start(&ex.hv, &ex.plat, &cfg);
    vmb_hv_fault(&ex.hv, &fault);
    check_that(status == VMB_E_OWNED && fault.site == VMB_SITE_HV_OWNER &&
                   fault.got == SOMEBODY,
               "start: %s, %s", vmb_status_str(status),
               vmb_site_str(fault.site));
    check_that(owner_now() == SOMEBODY, "its id was touched");
    check_end_with("%s: 0x%llx", vmb_status_str(status),
                   (unsigned long long)fault.got);
    check_begin("handover.take-over");
    claim_again(true);
    check_that(owner_now() != SOMEBODY && owner_now() != 0, "its id is there");
    check_works();
    example_expect("unload", vmb_wait_unload(&ex.conn), NULL);
    check_end();
}

/* A connection with an open channel, abandoned. */
static void test_crash_connected(void)
{
    check_begin("handover.predecessor-crashed");
    check_works();
    dm_open(2, 2, 0);
    dm_exchange(NULL);
    memset(&dm.chan, 0, sizeof dm.chan);
    claim_again(true);
    check_works();
    example_expect("unload", vmb_wait_unload(&ex.conn), NULL);
    check_end();
}

/* It crashed with one message in the slot and another behind that. */
static void test_crash_unread(void)
{
    struct vmb_conn_cfg cfg = { .cpu = &ex.cpus[0],
                                .pages = pages_need(VMB_CONN_PAGES),
                                .offers = ex.offers,
                                .offer_cap = EXAMPLE_OFFERS,
                                .max_version = VMB_VERSION_4_0 };
    uint32_t before = events_traced(VMB_EVENT_POST);

    check_begin("handover.messages-unread");
    example_expect("connect", vmb_conn_start(&ex.conn, &ex.hv, &cfg), NULL);
    /* Contact, then the request for offers: then no poll takes any. */
    while (events_traced(VMB_EVENT_POST) - before < 2)
        poll_connection();
    halt_for(30);
    claim_again(true);
    check_works();
    example_expect("unload", vmb_wait_unload(&ex.conn), NULL);
    check_end();
}

void test_handover(void)
{
    test_second_start(0, "handover.second-start");
    test_second_start(VMB_VERSION_0_13, "handover.second-start-after-0.13");
    test_second_start(VMB_VERSION_1_1, "handover.second-start-after-1.1");
    test_owner();
    test_crash_connected();
    test_crash_unread();
}
