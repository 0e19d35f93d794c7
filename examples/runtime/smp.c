/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

#define AP_STACK_BYTES   16384
#define LISTED_MAX       256
#define LOW_MEMORY       0xa0000
#define TRAMPOLINE_FIRST 0x8000

/* Intel SDM volume 3, 9.4.4; a processor of a nested guest may be slow. */
#define INIT_TO_STARTUP_US 10000
#define STARTUP_RETRY_US   2000
#define START_LIMIT_US     2000000
#define POLL_US            50

enum cpu_state {
    CPU_ABSENT,
    CPU_IDLE,
    CPU_BUSY, /* work and argument are the processor's until it is idle */
};

struct cpu {
    uint32_t apic_id;
    uint32_t state;
    cpu_work *work;
    void *argument;
};

uint64_t ap_stack_top;

static struct cpu cpus[GUEST_MAX_CPUS];
static unsigned running = 1;
static unsigned starting; /* the index for whoever arrives at ap_start() */
static char stacks[GUEST_MAX_CPUS][AP_STACK_BYTES] __attribute__((aligned(16)));

/* Acquire: after it reads CPU_IDLE, what the work wrote is visible. */
static uint32_t state_of(unsigned cpu)
{
    return __atomic_load_n(&cpus[cpu].state, __ATOMIC_ACQUIRE);
}

/* Release: whoever sees the state also sees what was written before it. */
static void set_state(unsigned cpu, uint32_t state)
{
    __atomic_store_n(&cpus[cpu].state, state, __ATOMIC_RELEASE);
}

/* The interrupt itself is what ends the sleep. */
static void wake(void *context)
{
    (void)context;
}

void ap_start(void)
{
    unsigned cpu = starting;

    segments_start(cpu);
    idt_load();
    apic_start();
    cpus[cpu].apic_id = apic_id();
    set_state(cpu, CPU_IDLE);
    for (;;) {
        interrupts_off();
        while (state_of(cpu) != CPU_BUSY)
            cpu_sleep();
        interrupts_on();
        cpus[cpu].work(cpus[cpu].argument);
        set_state(cpu, CPU_IDLE);
    }
}

/* A page of real mode's memory for the trampoline; 0: there is none. */
static uint64_t trampoline_page(const struct guest_boot *boot)
{
    uint64_t page = TRAMPOLINE_FIRST;

    for (; page < LOW_MEMORY; page += GUEST_PAGE_SIZE) {
        if (boot_ram_has(boot, page, GUEST_PAGE_SIZE))
            return page;
    }
    return 0;
}

static bool arrives(unsigned cpu, uint32_t microseconds)
{
    for (uint32_t us = 0; us < microseconds; us += POLL_US) {
        if (state_of(cpu) != CPU_ABSENT)
            return true;
        delay_us(POLL_US);
    }
    return false;
}

static bool start_one(unsigned cpu, uint32_t id, uint64_t page)
{
    uint64_t top = (uintptr_t)stacks[cpu] + AP_STACK_BYTES;

    starting = cpu;
    __atomic_store_n(&ap_stack_top, top, __ATOMIC_RELEASE);
    apic_send_init(id);
    delay_us(INIT_TO_STARTUP_US);
    apic_send_startup(id, (uint8_t)(page / GUEST_PAGE_SIZE));
    if (arrives(cpu, STARTUP_RETRY_US))
        return true;
    apic_send_startup(id, (uint8_t)(page / GUEST_PAGE_SIZE));
    if (arrives(cpu, START_LIMIT_US))
        return true;
    /* Back to waiting for a start-up IPI, so that it cannot come later. */
    apic_send_init(id);
    __atomic_store_n(&ap_stack_top, 0, __ATOMIC_RELEASE);
    set_state(cpu, CPU_ABSENT);
    print("smp: the processor with APIC id %u did not start within %u ms\n", id,
          START_LIMIT_US / 1000);
    return false;
}

unsigned smp_start(const struct guest_boot *boot, unsigned limit)
{
    static uint32_t listed[LISTED_MAX];
    size_t count = acpi_processors(boot, listed, LISTED_MAX);
    uint64_t page = trampoline_page(boot);
    uint32_t own = apic_id();

    if (limit > GUEST_MAX_CPUS)
        limit = GUEST_MAX_CPUS;
    cpus[0].apic_id = own;
    if (!page) {
        print("smp: no usable RAM between 0x%x and 0x%x for the trampoline\n",
              TRAMPOLINE_FIRST, LOW_MEMORY);
        return running;
    }
    memcpy(at(page), ap_trampoline,
           (size_t)(ap_trampoline_end - ap_trampoline));
    interrupt_set(VECTOR_WAKE, wake, NULL, END_BY_RUNTIME);
    for (size_t i = 0; i < count && running < limit; i++) {
        if (listed[i] != own && start_one(running, listed[i], page))
            running++;
    }
    return running;
}

unsigned cpu_count(void)
{
    return running;
}

unsigned cpu_index(void)
{
    return segments_cpu();
}

uint32_t cpu_apic_id(unsigned cpu)
{
    return cpu < running ? cpus[cpu].apic_id : UINT32_MAX;
}

bool smp_idle(unsigned cpu)
{
    return cpu > 0 && cpu < running && state_of(cpu) == CPU_IDLE;
}

bool smp_run(unsigned cpu, cpu_work *work, void *argument)
{
    if (!smp_idle(cpu))
        return false;
    cpus[cpu].work = work;
    cpus[cpu].argument = argument;
    set_state(cpu, CPU_BUSY);
    apic_send(cpus[cpu].apic_id, VECTOR_WAKE);
    return true;
}

bool smp_wait(unsigned cpu, uint32_t microseconds)
{
    for (uint64_t us = 0; us < microseconds; us += POLL_US) {
        if (smp_idle(cpu))
            return true;
        delay_us(POLL_US);
    }
    return smp_idle(cpu);
}
