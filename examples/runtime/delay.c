/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Time from the TSC.  Its rate: what Hyper-V says where it does, else
 * measured with the PIT, else a guess that makes delays too long rather than
 * too short.  Generation 2 machines have no PIT.
 */
#include "internal.h"

#define PIT_HZ         1193182u
#define PIT_CHANNEL_2  0x42
#define PIT_COMMAND    0x43
#define PIT_2_MODE_0   0xb0 /* channel 2, both bytes, one shot */
#define PORT_B         0x61
#define PORT_B_GATE_2  0x01
#define PORT_B_SPEAKER 0x02
#define PORT_B_OUT_2   0x20

#define HV_INTERFACE            0x40000001
#define HV_INTERFACE_IS_HV1     0x31237648u /* "Hv#1" */
#define HV_PRIVILEGES           0x40000003
#define HV_MAY_READ_FREQUENCIES (1u << 11)
#define HV_MSR_TSC_FREQUENCY    0x40000022

#define MEASURE_MS     10
#define PIT_POLLS_MAX  1000000
#define GUESS_PER_MS   5000000u /* 5 GHz */
#define PLAUSIBLE_LOW  50000u   /* 50 MHz */
#define PLAUSIBLE_HIGH 20000000u

/* A TSC that stands still must not stop the guest for ever. */
#define SPINS_PER_US 10000u

static uint64_t rate; /* ticks in a millisecond; 0: not known yet */

static bool pit_runs_out(void)
{
    for (unsigned poll = 0; poll < PIT_POLLS_MAX; poll++) {
        if (in8(PORT_B) & PORT_B_OUT_2)
            return true;
    }
    return false;
}

/* 0 without a working PIT. */
static uint64_t rate_by_pit(void)
{
    uint16_t count = (uint16_t)(PIT_HZ * MEASURE_MS / 1000);
    uint8_t port_b = in8(PORT_B);
    uint64_t start;

    out8(PORT_B, (uint8_t)((port_b & ~PORT_B_SPEAKER) | PORT_B_GATE_2));
    out8(PIT_COMMAND, PIT_2_MODE_0);
    out8(PIT_CHANNEL_2, (uint8_t)count);
    out8(PIT_CHANNEL_2, (uint8_t)(count >> 8));
    start = rdtsc();
    /* The output is low from the command on; without a PIT it reads high. */
    if ((in8(PORT_B) & PORT_B_OUT_2) || !pit_runs_out())
        return 0;
    return (rdtsc() - start) / MEASURE_MS;
}

/* TLFS, "Feature Discovery" and "Frequency MSRs"; 0 when it does not say. */
static uint64_t rate_by_hypervisor(void)
{
    uint64_t hz = 0;

    if (!(cpuid(1, 0).ecx >> 31) ||
        cpuid(HV_INTERFACE, 0).eax != HV_INTERFACE_IS_HV1 ||
        !(cpuid(HV_PRIVILEGES, 0).eax & HV_MAY_READ_FREQUENCIES))
        return 0;
    msr_read_safe(HV_MSR_TSC_FREQUENCY, &hz);
    return hz / 1000;
}

static bool plausible(uint64_t ticks)
{
    return ticks >= PLAUSIBLE_LOW && ticks <= PLAUSIBLE_HIGH;
}

uint64_t tsc_per_millisecond(void)
{
    if (rate)
        return rate;
    rate = rate_by_hypervisor();
    if (!plausible(rate))
        rate = rate_by_pit();
    if (!plausible(rate))
        rate = GUESS_PER_MS;
    return rate;
}

void delay_us(uint32_t microseconds)
{
    uint64_t ticks = tsc_per_millisecond() * microseconds / 1000;
    uint64_t spins = (uint64_t)microseconds * SPINS_PER_US;
    uint64_t start = rdtsc();

    while (rdtsc() - start < ticks && spins--)
        cpu_pause();
}
