/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef EXAMPLE_PORT_H
#define EXAMPLE_PORT_H
/*
 * The port of the example guests, and the steps they all begin and end with.
 * Everything a guest needs is in one struct, placed by the guest.
 */
#include <vmb/vmb.h>

#include "runtime.h"

#define EXAMPLE_OFFERS 64
#define EXAMPLE_VECTOR 0x40 /* of the SynIC's interrupt; 0 when polled */

struct example {
    const struct guest_boot *boot;
    struct vmb_platform plat;
    struct vmb_hv hv;
    struct vmb_cpu cpus[GUEST_MAX_CPUS];
    unsigned cpu_count;
    struct vmb_conn conn;
    struct vmb_offer offers[EXAMPLE_OFFERS];
    bool interrupts; /* mode=irq on the command line, else polled */
    uint32_t interrupt_count[GUEST_MAX_CPUS];
    uint32_t work[GUEST_MAX_CPUS]; /* collected by interrupts */
};

/* mode=poll|irq, cpus=N, max=V, min=V (0x50003 is version 5.3),
 * monitor, trace. */
void example_begin(struct example *ex, const struct guest_boot *boot);

/* Detect and claim the interface, start every CPU's SynIC; no Hyper-V ends the
 * guest with GUEST_SKIP. */
void example_claim(struct example *ex);

/* Connect and wait for all offers. */
void example_connect(struct example *ex);

/* Make the host forget us. */
void example_unload(struct example *ex);

/* Unload if that is still to be done, stop every CPU, give the interface back,
 * and look that it is. */
void example_leave(struct example *ex);

/* The next packet, slept or polled for, within two seconds. */
enum vmb_status example_receive(struct example *ex, struct vmb_chan *chan,
                                struct vmb_rx *rx);

/* Until an interrupt, for a millisecond at most. */
void example_sleep(struct example *ex);

/* Milliseconds and thousandths since *from, which becomes now. */
struct example_time {
    uint32_t ms, us;
};
struct example_time example_lap(struct example *ex, uint64_t *from);

/* End the guest unless status is VMB_OK, saying what and why. */
void example_expect(const char *what, enum vmb_status status,
                    const struct vmb_fault *fault);

#endif
