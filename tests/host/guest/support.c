/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "support.h"

#define GUARD_VECTOR 0x42
#define WORK_US      10000000

struct example ex;

static bool timer_rang[GUEST_MAX_CPUS];
static uint32_t traced[VMB_EVENT_FAULT + 1];

static void on_guard(void *context)
{
    (void)context;
    timer_rang[cpu_index()] = true;
}

static void count_event(void *context, const struct vmb_trace *event)
{
    (void)context;
    __atomic_fetch_add(&traced[event->event], 1, __ATOMIC_RELAXED);
}

uint32_t events_traced(enum vmb_event event)
{
    return __atomic_load_n(&traced[event], __ATOMIC_RELAXED);
}

void support_begin(void)
{
    interrupt_set(GUARD_VECTOR, on_guard, NULL, END_BY_RUNTIME);
    if (!ex.plat.trace)
        ex.plat.trace = count_event;
}

/*
 * Until *work says something, which is taken, or the time is over.  HLT and STI
 * go in one piece: what comes before the halt still ends it.
 */
static bool sleep_until(uint32_t *work, uint32_t ms)
{
    unsigned cpu = cpu_index();
    bool came;

    interrupts_off();
    timer_rang[cpu] = false;
    apic_timer_start(GUARD_VECTOR, ms * 1000);
    while (!timer_rang[cpu] && !*work)
        cpu_sleep();
    apic_timer_stop();
    came = *work != 0;
    *work = 0;
    interrupts_on();
    return came;
}

bool nap(uint32_t ms)
{
    if (!ex.interrupts) {
        cpu_pause();
        return true;
    }
    return sleep_until(&ex.work[cpu_index()], ms);
}

void halt_for(uint32_t ms)
{
    uint32_t none = 0;

    (void)sleep_until(&none, ms);
}

void poll_connection(void)
{
    enum vmb_status status = vmb_conn_poll(&ex.conn);
    struct vmb_fault fault;

    vmb_conn_fault(&ex.conn, &fault);
    if (status < VMB_OK)
        example_expect("poll", status, &fault);
}

void run_on(unsigned cpu, cpu_work *work, void *argument)
{
    if (cpu == cpu_index()) {
        work(argument);
        return;
    }
    if (!smp_run(cpu, work, argument) || !smp_wait(cpu, WORK_US))
        guest_fail("processor %u does not do its work", cpu);
}

void *pages_need(size_t count)
{
    void *pages = pages_take(count);

    if (!pages)
        guest_fail("no room for %zu pages, %zu are left", count, pages_left());
    return pages;
}

uint32_t any_below(uint32_t limit)
{
    static uint64_t state = 0x853c49e6748fea9b;

    state = state * 0x5851f42d4c957f2d + 0x14057b7ef767814f;
    return (uint32_t)((state >> 33) % limit);
}

struct start {
    struct vmb_cpu_cfg cfg;
    unsigned cpu;
    enum vmb_status status;
};

static void start_synic(void *argument)
{
    struct start *start = argument;

    start->status = vmb_cpu_start(&ex.hv, &ex.cpus[start->cpu], &start->cfg);
}

void claim_again(bool take_over)
{
    struct vmb_hv_cfg cfg = { .pages = pages_need(VMB_HV_PAGES),
                              .take_over = take_over };
    struct start start = { .cpu = 0 };
    struct vmb_fault fault;
    enum vmb_status status = vmb_hv_start(&ex.hv, &ex.plat, &cfg);

    vmb_hv_fault(&ex.hv, &fault);
    example_expect("claim again", status, &fault);
    start.cfg.vector = ex.interrupts ? EXAMPLE_VECTOR : 0;
    for (; start.cpu < ex.cpu_count; start.cpu++) {
        start.cfg.pages = pages_need(VMB_CPU_PAGES);
        run_on(start.cpu, start_synic, &start);
        vmb_hv_fault(&ex.hv, &fault);
        example_expect("SynIC again", start.status, &fault);
    }
}
