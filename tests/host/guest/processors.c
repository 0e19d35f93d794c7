/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A channel's interrupts, and the connection's, on processors other than the
 * first. */
#include "balloon.h"

#include "dm.h"

#define POLLS_MAX 20000000

/* What a processor finds when it looks, for as long as it takes. */
struct look {
    unsigned cpu;
    struct vmb_chan *ready;
};

static void look_for_flag(void *argument)
{
    struct look *look = argument;
    struct vmb_cpu *cpu = &ex.cpus[look->cpu];

    look->ready = NULL;
    for (unsigned i = 0; i < POLLS_MAX && !look->ready; i++) {
        if (!ex.interrupts)
            (void)vmb_cpu_scan(cpu);
        look->ready = vmb_cpu_next_ready(cpu);
        cpu_pause();
    }
}

/* Event flags left from earlier channels. */
static void look_once(void *argument)
{
    struct vmb_cpu *cpu = argument;

    (void)vmb_cpu_scan(cpu);
    while (vmb_cpu_next_ready(cpu))
        ;
}

/* Asked for one processor, its flag and interrupt come to `at`. */
static void check_target(unsigned cpu, unsigned at)
{
    struct look look = { .cpu = at };
    struct dm_version_request probe = dm_probe();
    uint32_t before[GUEST_MAX_CPUS];
    union dm_message answer;
    unsigned i;

    dm_open(1, 1, cpu);
    halt_for(3); /* the last message's interrupt may be late */
    for (i = 0; i < ex.cpu_count; i++)
        run_on(i, look_once, &ex.cpus[i]);
    memcpy(before, ex.interrupt_count, sizeof before);
    check_that(!vmb_chan_arm(&dm.chan), "a packet already");
    test_chan_expect(&dm, "send", dm_put(&probe, sizeof probe, NULL, false));
    run_on(at, look_for_flag, &look);
    check_that(look.ready == &dm.chan, "no flag on processor %u", at);
    for (i = 0; ex.interrupts && i < ex.cpu_count; i++)
        check_that(ex.interrupt_count[i] - before[i] == (i == at),
                   "%u interrupts on processor %u",
                   (unsigned)(ex.interrupt_count[i] - before[i]), i);
    (void)vmb_cpu_scan(&ex.cpus[0]);
    check_that(at == 0 || !vmb_cpu_next_ready(&ex.cpus[0]),
               "a flag on processor 0");
    dm_expect(&answer, DM_VERSION_RESPONSE);
    dm_close();
}

static void test_targets(uint32_t version, const char *name)
{
    /* Below that, channels are served by the connection's processor. */
    bool own = version >= VMB_VERSION_2_4;
    unsigned cpu;

    check_begin(name);
    example_expect("connect", reconnect(0, version), NULL);
    for (cpu = ex.cpu_count; cpu-- > 0 && check_good();)
        check_target(cpu, own ? cpu : 0);
    example_expect("unload", vmb_wait_unload(&ex.conn), NULL);
    check_end_with("%u", ex.cpu_count);
}

/* Moving an open channel came with version 4.1, which QEMU does not speak. */
static void test_move(void)
{
    enum vmb_status status;

    check_begin("processors.move-needs-4.1");
    example_expect("connect", reconnect(0, 0), NULL);
    dm_open(1, 1, 0);
    status =
        vmb_conn_modify_start(&ex.conn, &dm.chan, &ex.cpus[ex.cpu_count - 1]);
    check_that(status == VMB_E_NOFEATURE, "%s", vmb_status_str(status));
    dm_exchange(NULL);
    dm_close();
    example_expect("unload", vmb_wait_unload(&ex.conn), NULL);
    check_end();
}

/* ---- a whole connection that lives on another processor ---------------------
 */

struct elsewhere {
    struct vmb_conn_cfg cfg;
    const char *what;
    enum vmb_status status;
    uint32_t version;
};

static void connect_elsewhere(void *argument)
{
    struct elsewhere *it = argument;

    it->what = "connect";
    it->status = vmb_conn_start(&ex.conn, &ex.hv, &it->cfg);
    if (it->status == VMB_OK)
        it->status = vmb_wait_conn(&ex.conn);
    it->version = vmb_conn_version(&ex.conn);
    if (it->status != VMB_OK)
        return;
    dm_open(2, 2, cpu_index());
    for (unsigned i = 0; i < 50; i++)
        dm_exchange(NULL);
    dm_close();
    it->what = "unload";
    it->status = vmb_wait_unload(&ex.conn);
}

static void test_connection_elsewhere(void)
{
    unsigned cpu = ex.cpu_count - 1;
    struct elsewhere it = { .cfg = { .cpu = &ex.cpus[cpu],
                                     .pages = pages_need(VMB_CONN_PAGES),
                                     .offers = ex.offers,
                                     .offer_cap = EXAMPLE_OFFERS } };
    uint32_t before = ex.interrupt_count[cpu];

    check_begin("processors.connection-elsewhere");
    run_on(cpu, connect_elsewhere, &it);
    check_that(it.status == VMB_OK, "%s: %s", it.what,
               vmb_status_str(it.status));
    check_that(it.version == VMB_VERSION_4_0, "version 0x%x",
               (unsigned)it.version);
    check_that(!ex.interrupts || ex.interrupt_count[cpu] > before,
               "no interrupt on processor %u", cpu);
    check_end_with("all of it on processor %u", cpu);
}

void test_processors(void)
{
    test_targets(VMB_VERSION_4_0, "processors.channel-interrupts");
    test_targets(VMB_VERSION_2_4, "processors.channel-interrupts-2.4");
    test_targets(VMB_VERSION_1_1, "processors.channel-interrupts-1.1");
    test_move();
    if (ex.cpu_count > 1)
        test_connection_elsewhere();
}
