/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * All that stock QEMU's VMBus host can show, with its one device, hv-balloon.
 *
 *   mode=poll|irq cpus=N     as all examples
 *   no-auto-eoi              the hypervisor must ask for that
 *   versions requests processors handover memory
 *                            only these parts; none named: all but `memory`,
 *                            which wants commands at QEMU's monitor
 */
#include "balloon.h"

#include "dm.h"

static const struct {
    const char *name;
    void (*test)(void);
} parts[] = {
    { "versions", test_versions },     { "requests", test_requests },
    { "processors", test_processors }, { "handover", test_handover },
    { "memory", test_memory },
};

#define PARTS (sizeof parts / sizeof parts[0])

enum vmb_status reconnect(uint32_t min_version, uint32_t max_version)
{
    static void *pages;
    struct vmb_conn_cfg cfg = { .cpu = &ex.cpus[0],
                                .offers = ex.offers,
                                .offer_cap = EXAMPLE_OFFERS,
                                .min_version = min_version,
                                .max_version = max_version };
    enum vmb_status status;

    if (!pages)
        pages = pages_need(VMB_CONN_PAGES);
    cfg.pages = pages;
    status = vmb_conn_start(&ex.conn, &ex.hv, &cfg);
    return status == VMB_OK ? vmb_wait_conn(&ex.conn) : status;
}

static bool any_named(const struct guest_boot *boot)
{
    for (size_t i = 0; i < PARTS; i++)
        if (cmdline_has(boot, parts[i].name))
            return true;
    return false;
}

enum guest_verdict guest_main(const struct guest_boot *boot)
{
    bool any = any_named(boot);
    struct example_time lap;
    uint64_t clock;

    example_begin(&ex, boot);
    support_begin();
    example_claim(&ex);
    if (cmdline_has(boot, "no-auto-eoi"))
        check(!ex.cpus[0].auto_eoi, "no-auto-eoi", "hints 0x%x",
              (unsigned)ex.hv.info.hints);
    dm_begin();
    clock = vmb_hv_now(&ex.hv);
    for (size_t i = 0; i < PARTS; i++) {
        if (any ? !cmdline_has(boot, parts[i].name)
                : parts[i].test == test_memory)
            continue;
        parts[i].test();
        lap = example_lap(&ex, &clock);
        print("  %s: %u ms\n", parts[i].name, (unsigned)lap.ms);
    }
    example_leave(&ex);
    return checks_finish();
}
