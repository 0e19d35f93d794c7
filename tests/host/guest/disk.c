/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Disks on a real VMBus host: a guest for QEMU with vmb-storvsc and drives of
 * QEMU's own behind it.
 *
 *   mode=poll|irq cpus=N   as all examples
 *   queues=N               channels to ask for, 1 to 4
 *   version=V              what must be agreed on, 0x600 if not given
 *   granted=N              sub-channels that must be granted
 *   facts bytes many discard errors plug close
 *                          only these parts; none named: all
 */
#include "store.h"

static const struct {
    const char *name;
    void (*test)(void);
} parts[] = {
    { "facts", test_facts },   { "bytes", test_bytes },
    { "many", test_many },     { "discard", test_discard },
    { "errors", test_errors }, { "plug", test_plug },
    { "close", test_close },
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
    void *mark;

    for (size_t i = 0; i < PARTS; i++) {
        if (!all && !cmdline_has(boot, parts[i].name))
            continue;
        mark = pages_mark();
        parts[i].test();
        pages_release(mark);
    }
}

static void check_agreement(const struct guest_boot *boot)
{
    uint32_t version = vmb_storvsc_version(&ctl);
    uint32_t granted = vmb_storvsc_subchannels(&ctl);

    check(version == cmdline_number(boot, "version", 0x600, 1, 0xffff),
          "disk.version", "0x%x", (unsigned)version);
    check(granted == cmdline_number(boot, "granted", 0, 0, 3), "disk.channels",
          "%u sub-channels", (unsigned)granted);
}

enum guest_verdict guest_main(const struct guest_boot *boot)
{
    struct vmb_fault fault;

    example_begin(&ex, boot);
    support_begin();
    example_claim(&ex);
    example_connect(&ex);
    store_begin();
    store_open((uint32_t)cmdline_number(boot, "queues", 1, 1, 4));
    check_agreement(boot);
    store_disk(&disk, LUN_MAIN);
    run_parts(boot);
    store_close();
    vmb_conn_fault(&ex.conn, &fault);
    check(vmb_conn_fault_count(&ex.conn) == 0, "connection.no-fault",
          "%u faults, the first: %s, value 0x%llx",
          (unsigned)vmb_conn_fault_count(&ex.conn), vmb_site_str(fault.site),
          (unsigned long long)fault.got);
    example_leave(&ex);
    return checks_finish();
}
