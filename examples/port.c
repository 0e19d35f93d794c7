/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "port.h"

#include <vmb/wire/hv.h>

static uint64_t gpa(void *ctx, const void *va)
{
    (void)ctx;
    return (uintptr_t)va; /* the runtime maps physical = virtual */
}

#define WAKE_VECTOR 0x41
#define WAKE_US     1000

static void on_wake(void *context)
{
    (void)context;
}

/* Until an interrupt, for a millisecond at most. */
void example_sleep(struct example *ex)
{
    unsigned cpu = cpu_index();

    interrupts_off();
    if (ex->work[cpu] == 0) {
        apic_timer_start(WAKE_VECTOR, WAKE_US);
        cpu_sleep(); /* takes in an interrupt that comes just before */
        apic_timer_stop();
    }
    ex->work[cpu] = 0;
    interrupts_on();
}

static void relax(void *ctx, uint64_t until)
{
    struct example *ex = ctx;

    (void)until;
    if (ex->interrupts)
        example_sleep(ex);
    else
        cpu_pause();
}

static void trace(void *ctx, const struct vmb_trace *event)
{
    static const char *const names[] = {
        [VMB_EVENT_POST] = "post",     [VMB_EVENT_MESSAGE] = "message",
        [VMB_EVENT_RETRY] = "retry",   [VMB_EVENT_STATE] = "state",
        [VMB_EVENT_SIGNAL] = "signal", [VMB_EVENT_FULL] = "full",
        [VMB_EVENT_FAULT] = "fault",
    };

    (void)ctx;
    print("  trace %-7s channel %u  %llu %llu\n", names[event->event],
          (unsigned)event->relid, (unsigned long long)event->a,
          (unsigned long long)event->b);
}

static void on_interrupt(void *context)
{
    struct example *ex = context;
    unsigned cpu = cpu_index();

    ex->interrupt_count[cpu]++;
    ex->work[cpu] |= vmb_cpu_scan(&ex->cpus[cpu]);
    if (!ex->cpus[cpu].auto_eoi)
        apic_end_of_interrupt();
}

void example_begin(struct example *ex, const struct guest_boot *boot)
{
    ex->boot = boot;
    ex->interrupts = cmdline_is(boot, "mode", "irq");
    if (!ex->interrupts && cmdline_has(boot, "mode") &&
        !cmdline_is(boot, "mode", "poll"))
        guest_fail("mode= must be poll or irq");
    ex->plat.size = sizeof ex->plat;
    ex->plat.ctx = ex;
    ex->plat.gpa = gpa;
    ex->plat.relax = relax;
    if (cmdline_has(boot, "trace"))
        ex->plat.trace = trace;
}

void example_expect(const char *what, enum vmb_status status,
                    const struct vmb_fault *fault)
{
    if (status == VMB_OK)
        return;
    if (fault && fault->status != VMB_OK)
        print("  check: %s, value 0x%llx, bound 0x%llx, host code 0x%x\n",
              vmb_site_str(fault->site), (unsigned long long)fault->got,
              (unsigned long long)fault->limit, (unsigned)fault->host_code);
    guest_fail("%s: %s (%d)", what, vmb_status_str(status), (int)status);
}

static void *take_pages(size_t count)
{
    void *pages = pages_take(count);

    if (!pages)
        guest_fail("no room for %zu pages", count);
    return pages;
}

struct start {
    struct example *ex;
    unsigned cpu;
    void *pages;
    enum vmb_status status;
};

static void start_synic(void *argument)
{
    struct start *start = argument;
    struct example *ex = start->ex;
    struct vmb_cpu_cfg cfg = { .pages = start->pages,
                               .vector = ex->interrupts ? EXAMPLE_VECTOR : 0 };

    start->status = vmb_cpu_start(&ex->hv, &ex->cpus[start->cpu], &cfg);
}

static void stop_synic(void *argument)
{
    vmb_cpu_stop(argument);
}

static void run_on(unsigned cpu, cpu_work *work, void *argument)
{
    if (cpu == 0) {
        work(argument);
        return;
    }
    if (!smp_run(cpu, work, argument) || !smp_wait(cpu, 2000000))
        guest_fail("processor %u does not do its work", cpu);
}

static void start_cpus(struct example *ex)
{
    unsigned wanted =
        (unsigned)cmdline_number(ex->boot, "cpus", 1, 1, GUEST_MAX_CPUS);
    struct start start = { .ex = ex };
    struct vmb_fault fault;

    if (!apic_start())
        guest_fail("no local APIC");
    ex->cpu_count = wanted > 1 ? smp_start(ex->boot, wanted) : 1;
    if (ex->cpu_count < wanted)
        guest_fail("%u processors of %u", ex->cpu_count, wanted);
    if (ex->interrupts)
        interrupt_set(EXAMPLE_VECTOR, on_interrupt, ex, END_BY_HANDLER);
    if (ex->interrupts)
        interrupt_set(WAKE_VECTOR, on_wake, ex, END_BY_RUNTIME);
    for (start.cpu = 0; start.cpu < ex->cpu_count; start.cpu++) {
        start.pages = take_pages(VMB_CPU_PAGES);
        run_on(start.cpu, start_synic, &start);
        vmb_hv_fault(&ex->hv, &fault);
        example_expect("SynIC", start.status, &fault);
    }
    if (ex->interrupts)
        interrupts_on();
}

static void say_owner_and_leave(uint64_t owner)
{
    guest_fail("another owner has the Hyper-V interface: guest OS id 0x%llx",
               (unsigned long long)owner);
}

void example_claim(struct example *ex)
{
    struct vmb_hv_cfg cfg = { .pages = take_pages(VMB_HV_PAGES) };
    struct vmb_hv_info info;
    struct vmb_fault fault;
    enum vmb_status status = vmb_hv_detect(&ex->plat, &info);

    if (status == VMB_E_NOHV) {
        print("no Hyper-V interface here\n");
        guest_exit(GUEST_SKIP);
    }
    if (status == VMB_E_OWNED)
        say_owner_and_leave(info.owner);
    print("hypervisor: Hyper-V interface, version %u.%u build %u, "
          "privileges 0x%llx, hints 0x%x\n",
          (unsigned)info.major, (unsigned)info.minor, (unsigned)info.build,
          (unsigned long long)info.privileges, (unsigned)info.hints);
    status = vmb_hv_start(&ex->hv, &ex->plat, &cfg);
    vmb_hv_fault(&ex->hv, &fault);
    example_expect("claim", status, &fault);
    start_cpus(ex);
}

void example_connect(struct example *ex)
{
    struct vmb_conn_cfg cfg = { .cpu = &ex->cpus[0],
                                .pages = take_pages(VMB_CONN_PAGES),
                                .offers = ex->offers,
                                .offer_cap = EXAMPLE_OFFERS };
    struct vmb_fault fault;
    enum vmb_status status;

    cfg.monitor = cmdline_has(ex->boot, "monitor");
    cfg.max_version =
        (uint32_t)cmdline_number(ex->boot, "max", 0, 0, UINT32_MAX);
    cfg.min_version =
        (uint32_t)cmdline_number(ex->boot, "min", 0, 0, UINT32_MAX);
    status = vmb_conn_start(&ex->conn, &ex->hv, &cfg);
    example_expect("connect", status, NULL);
    status = vmb_wait_conn(&ex->conn);
    vmb_conn_fault(&ex->conn, &fault);
    example_expect("connect", status, &fault);
}

/* The next OS must find nothing enabled but the SynIC itself. */
static void check_handed_over(void)
{
    static const uint32_t off[] = { VMB_REG_GUEST_OS_ID, VMB_REG_HYPERCALL,
                                    VMB_REG_SIMP, VMB_REG_SIEFP };
    uint64_t value;
    size_t i;

    for (i = 0; i < sizeof off / sizeof off[0]; i++) {
        if (!msr_read_safe(off[i], &value))
            guest_fail("register 0x%x cannot be read", (unsigned)off[i]);
        if (off[i] == VMB_REG_GUEST_OS_ID ? value != 0 : (value & 1) != 0)
            guest_fail("register 0x%x still reads 0x%llx", (unsigned)off[i],
                       (unsigned long long)value);
    }
}

void example_unload(struct example *ex)
{
    enum vmb_status status = vmb_wait_unload(&ex->conn);
    struct vmb_fault fault;

    vmb_conn_fault(&ex->conn, &fault);
    example_expect("unload", status, &fault);
}

void example_leave(struct example *ex)
{
    unsigned cpu;

    example_unload(ex);
    for (cpu = ex->cpu_count; cpu-- > 0;)
        run_on(cpu, stop_synic, &ex->cpus[cpu]);
    vmb_hv_stop(&ex->hv);
    check_handed_over();
}

struct example_time example_lap(struct example *ex, uint64_t *from)
{
    uint64_t now = vmb_hv_now(&ex->hv);
    uint64_t us = (now - *from) / 10;
    struct example_time lap = { (uint32_t)(us / 1000), (uint32_t)(us % 1000) };

    *from = now;
    return lap;
}

enum vmb_status example_receive(struct example *ex, struct vmb_chan *chan,
                                struct vmb_rx *rx)
{
    uint64_t end = vmb_hv_now(&ex->hv) + 20000000; /* 2 s */
    enum vmb_status status;

    if (!ex->interrupts)
        return vmb_wait_recv(&ex->conn, chan, rx, 20000000);
    while ((status = vmb_chan_recv(chan, rx)) == VMB_AGAIN) {
        if (vmb_hv_now(&ex->hv) >= end)
            return VMB_E_TIMEOUT;
        /* Asked for the interrupt first, so that it cannot be slept over. */
        if (!vmb_chan_arm(chan))
            example_sleep(ex);
        status = vmb_conn_poll(&ex->conn);
        if (status < VMB_OK)
            return status;
    }
    return status;
}
