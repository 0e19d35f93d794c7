/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The local APIC: Intel SDM volume 3, chapter 11 (10 in older editions). */
#include "internal.h"

#define MSR_APIC_BASE     0x1b
#define APIC_BASE_ENABLED (1u << 11)
#define APIC_BASE_X2APIC  (1u << 10)
#define APIC_BASE_ADDRESS 0xffffff000ull
#define MSR_X2APIC        0x800

/* Register offsets of the MMIO page; x2APIC's MSR is 0x800 + offset / 16. */
#define APIC_ID            0x20
#define APIC_TASK_PRIORITY 0x80
#define APIC_EOI           0xb0
#define APIC_SPURIOUS      0xf0
#define APIC_ICR           0x300
#define APIC_ICR_HIGH      0x310
#define APIC_LVT_TIMER     0x320
#define APIC_LVT_LINT0     0x350
#define APIC_LVT_LINT1     0x360
#define APIC_TIMER_START   0x380
#define APIC_TIMER_NOW     0x390
#define APIC_TIMER_DIVIDE  0x3e0

#define SPURIOUS_ENABLE 0x100
#define LVT_MASKED      0x10000
#define DIVIDE_BY_16    0x3
#define ICR_INIT        0x4500
#define ICR_STARTUP     0x4600
#define ICR_FIXED       0x4000
#define ICR_PENDING     0x1000
#define ICR_POLLS_MAX   100000

#define CPUID_EDX_APIC   (1u << 9)
#define CPUID_ECX_X2APIC (1u << 21)

#define PIC_1 0x20
#define PIC_2 0xa0

/* The same on every processor; the boot processor decides. */
static bool x2apic;
static bool decided;
static uint64_t base;
static uint32_t timer_per_ms;

static uint32_t read(uint32_t reg)
{
    if (x2apic)
        return (uint32_t)rdmsr(MSR_X2APIC + reg / 16);
    return mmio_read32(base + reg);
}

static void write(uint32_t reg, uint32_t value)
{
    if (x2apic)
        wrmsr(MSR_X2APIC + reg / 16, value);
    else
        mmio_write32(base + reg, value);
}

/* Out of the way of the exceptions, then masked. */
static void mask_pics(void)
{
    static const uint8_t words[2][4] = {
        { 0x11, VECTOR_PIC, 0x04, 0x01 },
        { 0x11, VECTOR_PIC + 8, 0x02, 0x01 },
    };
    static const uint16_t ports[2] = { PIC_1, PIC_2 };

    for (unsigned pic = 0; pic < 2; pic++) {
        out8(ports[pic], words[pic][0]);
        for (unsigned i = 1; i < 4; i++)
            out8(ports[pic] + 1, words[pic][i]);
        out8(ports[pic] + 1, 0xff);
    }
}

/* From off or xAPIC there is a way to x2APIC, but none straight back. */
static void set_mode(void)
{
    uint64_t value = rdmsr(MSR_APIC_BASE);

    if (!decided && (value & APIC_BASE_X2APIC))
        x2apic = true;
    if (!x2apic && (value & APIC_BASE_X2APIC))
        guest_fail("apic: a processor is in x2APIC mode, the first is not");
    base = value & APIC_BASE_ADDRESS;
    if (!x2apic && base < (uint64_t)DEVICES_FIRST_2M << PAGE_2M_SHIFT)
        guest_fail("apic: registers at 0x%lx, where memory is cached", base);
    value |= APIC_BASE_ENABLED;
    wrmsr(MSR_APIC_BASE, value);
    if (x2apic)
        wrmsr(MSR_APIC_BASE, value | APIC_BASE_X2APIC);
    decided = true;
}

bool apic_want_x2apic(void)
{
    if (decided || !(cpuid(1, 0).ecx & CPUID_ECX_X2APIC))
        return false;
    x2apic = true;
    return true;
}

bool apic_start(void)
{
    if (!(cpuid(1, 0).edx & CPUID_EDX_APIC))
        return false;
    if (!decided)
        mask_pics();
    set_mode();
    write(APIC_TASK_PRIORITY, 0);
    write(APIC_LVT_TIMER, LVT_MASKED);
    write(APIC_LVT_LINT0, LVT_MASKED);
    write(APIC_LVT_LINT1, LVT_MASKED);
    write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    return true;
}

bool apic_is_x2apic(void)
{
    return x2apic;
}

uint32_t apic_id(void)
{
    return x2apic ? read(APIC_ID) : read(APIC_ID) >> 24;
}

void apic_end_of_interrupt(void)
{
    write(APIC_EOI, 0);
}

static void command(uint32_t to, uint32_t low)
{
    unsigned poll = 0;

    /* WRMSR to the x2APIC orders nothing; the receiver must see our data. */
    __asm__ volatile("mfence; lfence" : : : "memory");
    if (x2apic) {
        wrmsr(MSR_X2APIC + APIC_ICR / 16, (uint64_t)to << 32 | low);
        return;
    }
    write(APIC_ICR_HIGH, to << 24);
    write(APIC_ICR, low);
    while ((read(APIC_ICR) & ICR_PENDING) && poll < ICR_POLLS_MAX)
        poll++;
}

void apic_send(uint32_t id, uint8_t vector)
{
    command(id, ICR_FIXED | vector);
}

void apic_send_init(uint32_t id)
{
    command(id, ICR_INIT);
}

void apic_send_startup(uint32_t id, uint8_t page)
{
    command(id, ICR_STARTUP | page);
}

static void measure_timer(void)
{
    uint32_t ticks;

    write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
    write(APIC_LVT_TIMER, LVT_MASKED);
    write(APIC_TIMER_START, UINT32_MAX);
    delay_us(10000);
    ticks = UINT32_MAX - read(APIC_TIMER_NOW);
    write(APIC_TIMER_START, 0);
    timer_per_ms = ticks / 10 ? ticks / 10 : 1;
}

void apic_timer_start(uint8_t vector, uint32_t microseconds)
{
    uint64_t ticks;

    if (!timer_per_ms)
        measure_timer();
    ticks = (uint64_t)timer_per_ms * microseconds / 1000 + 1;
    write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
    write(APIC_LVT_TIMER, vector);
    write(APIC_TIMER_START, ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

void apic_timer_stop(void)
{
    write(APIC_LVT_TIMER, LVT_MASKED);
    write(APIC_TIMER_START, 0);
}
