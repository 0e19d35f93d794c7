/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Bytes, compared on both sides: a guest for QEMU with vmb-testdev.
 *
 *   mode=poll|irq cpus=N   as all examples
 *   external chains rings gpadls incoming flow channels lanes packets
 *                          only these parts; none named: all
 */
#include "data.h"

#include <vmb/wire/hv.h>

#include "memory.h"

static const struct {
    const char *name;
    void (*test)(void);
} parts[] = {
    { "external", test_external }, { "chains", test_chains },
    { "rings", test_rings },       { "gpadls", test_gpadls },
    { "incoming", test_incoming }, { "flow", test_flow },
    { "channels", test_channels }, { "lanes", test_lanes },
    { "packets", test_packets },
};

#define PARTS (sizeof parts / sizeof parts[0])

static bool any_named(const struct guest_boot *boot)
{
    for (size_t i = 0; i < PARTS; i++)
        if (cmdline_has(boot, parts[i].name))
            return true;
    return false;
}

static void run_parts(const struct guest_boot *boot)
{
    bool all = !any_named(boot);
    uint64_t clock = vmb_hv_now(&ex.hv);
    struct example_time lap;
    void *mark;

    for (size_t i = 0; i < PARTS; i++) {
        if (!all && !cmdline_has(boot, parts[i].name))
            continue;
        mark = pages_mark();
        parts[i].test();
        pages_release(mark);
        lap = example_lap(&ex, &clock);
        print("  %s: %u ms\n", parts[i].name, (unsigned)lap.ms);
    }
}

/* The hypervisor counts from the machine's start; 0 where it does not. */
static uint64_t machine_time(void)
{
    uint64_t now;

    (void)msr_read_safe(VMB_REG_REF_COUNT, &now);
    return now;
}

static void test_first_send(uint64_t entered)
{
    struct device_cfg cfg = { .tx_pages = 4, .rx_pages = 4 };
    struct memory memory = memory_make(2);
    struct device *dev;
    struct vmb_mdl mdl;
    uint64_t pfns[2], now;
    struct job job;

    check_begin("first-send");
    dev = device_open(&cfg);
    mdl = mdl_of(memory.real + 700, VMB_PAGE_SIZE, pfns, 2);
    job = hash_job(&mdl, 0, 0);
    device_do(dev, &job);
    now = machine_time();
    check_hashed(&job);
    check_end_with("completed %u us after guest_main() began, %u ms after the "
                   "machine did",
                   (unsigned)(now - entered) / 10, (unsigned)now / 10000);
    device_close(dev);
}

enum guest_verdict guest_main(const struct guest_boot *boot)
{
    uint64_t entered = machine_time();
    struct vmb_fault fault;

    example_begin(&ex, boot);
    support_begin();
    example_claim(&ex);
    example_connect(&ex);
    devices_begin();
    test_first_send(entered);
    run_parts(boot);
    vmb_conn_fault(&ex.conn, &fault);
    check(vmb_conn_fault_count(&ex.conn) == 0, "connection.no-fault",
          "%u faults, the first: %s, value 0x%llx",
          (unsigned)vmb_conn_fault_count(&ex.conn), vmb_site_str(fault.site),
          (unsigned long long)fault.got);
    example_leave(&ex);
    return checks_finish();
}
