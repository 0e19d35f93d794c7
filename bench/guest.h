/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H
/* A guest on a simulated host of its own. */
#include <vmb/sim.h>
#include <vmb/vmb.h>

#define GUEST_OFFERS 4u

struct guest {
    struct vmb_sim *sim;
    struct vmb_hv hv;
    struct vmb_cpu cpu;
    struct vmb_conn conn;
    struct vmb_offer offers[GUEST_OFFERS];
};

void expect(enum vmb_status status, const char *what); /* VMB_OK, or die */

/* The machine; devices are added next. */
void guest_make(struct guest *guest, const struct vmb_sim_cfg *cfg);
/* vector 0: polled.  plat NULL: the simulator's as it is. */
void guest_connect(struct guest *guest, const struct vmb_platform *plat,
                   uint8_t vector);
/* The offer of that device; die if there is none. */
struct vmb_offer *guest_offer(struct guest *guest, struct vmb_sim_dev *dev);
void guest_open(struct guest *guest, struct vmb_sim_dev *dev,
                struct vmb_chan *chan, const struct vmb_chan_cfg *cfg);
/* Die if the host has anything to complain of. */
void guest_end(struct guest *guest);

#endif
