/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_BUS_H
#define VMB_BUS_H
/*
 * The seam: five calls that a channel makes of whatever carries it.  The
 * native connection (conn.h) implements them; a platform that keeps the
 * connection to itself, such as UEFI firmware, can too, and nothing in chan.h
 * or above can tell them apart.
 *
 * The contract: a call that returns VMB_OK has been accepted, and is answered
 * later, from the [bus] lane, by exactly one vmb_bus_*_done().  Any other
 * status means that it was not accepted and no answer follows.  close has no
 * answer: it takes effect before a gpadl_down that is asked for after it.
 * Nothing in here is for drivers.
 */
#include <vmb/mdl.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmb_bus;
struct vmb_chan;
struct vmb_gpadl;

struct vmb_bus_ops {
    enum vmb_status (*gpadl)(struct vmb_bus *bus, struct vmb_gpadl *gpadl);
    enum vmb_status (*gpadl_down)(struct vmb_bus *bus, struct vmb_gpadl *gpadl);
    enum vmb_status (*open)(struct vmb_bus *bus, struct vmb_chan *chan);
    void (*close)(struct vmb_bus *bus, struct vmb_chan *chan);
    /*
     * Tell the host to look at the channel.  VMB_AGAIN: not now; the bus will
     * try again by itself.  A failure has been reported by vmb_bus_broken().
     * Lanes tx and rx, both at once.
     */
    enum vmb_status (*signal)(struct vmb_bus *bus, struct vmb_chan *chan);
};

struct vmb_bus {
    const struct vmb_bus_ops *ops;
    const struct vmb_platform *plat;
    uint32_t lane_;  /* check builds: somebody is in the [bus] lane ... */
    uint32_t inner_; /* ... and somebody in a function called from a callback */
    bool calling_back_;
};

/*
 * The answers; gpadl->unheard_ may be set before, when the host never heard of
 * a GPADL, which then needs no taking down.  status VMB_OK, VMB_E_REFUSED (with
 * the host's code), VMB_E_TIMEOUT, VMB_E_RESCINDED or VMB_E_HYPERCALL.  [bus]
 */
void vmb_bus_gpadl_done(struct vmb_gpadl *gpadl, const struct vmb_fault *why);
void vmb_bus_gpadl_down_done(struct vmb_gpadl *gpadl, /* [bus] */
                             const struct vmb_fault *why);
void vmb_bus_open_done(struct vmb_chan *chan, /* [bus] */
                       const struct vmb_fault *why);

/* The channel cannot be signalled any more.  [tx] [rx] or [bus] */
void vmb_bus_broken(struct vmb_chan *chan, const struct vmb_fault *why);

/* The host has withdrawn the channel.  [bus] */
void vmb_bus_rescinded(struct vmb_chan *chan);

/* The connection is gone, and with it all that the host held.  [bus] */
void vmb_bus_lost(struct vmb_chan *chan);
void vmb_bus_gpadl_lost(struct vmb_gpadl *gpadl); /* [bus] */

#ifdef __cplusplus
}
#endif
#endif
