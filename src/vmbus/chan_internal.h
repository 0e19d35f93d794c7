/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_VMBUS_CHAN_INTERNAL_H
#define VMB_SRC_VMBUS_CHAN_INTERNAL_H
/*
 * What the files of a channel share:
 *
 *   chan.c   open, close, what the bus reports
 *   gpadl.c  memory the host keeps
 *   txn.c    transaction slots
 *   send.c   the tx lane
 *   recv.c   the rx lane
 */
#include <vmb/chan.h>

#include "../layout.h"

/*
 * The gate holds a status so turned that the one of a zeroed channel is
 * VMB_E_STATE: it must not look like an open one.
 */
#define VMB_GATE(status) ((int32_t)(status) ^ VMB_E_STATE)

/* VMB_OK, or what every call on this channel answers. */
static inline enum vmb_status vmb_chan_gate(const struct vmb_chan *chan)
{
    /* Acquire: whoever sees the channel open sees its rings set up. */
    int32_t gate = __atomic_load_n(&chan->gate_, __ATOMIC_ACQUIRE);

    return VMB_MOSTLY(gate == VMB_GATE(VMB_OK))
               ? VMB_OK
               : (enum vmb_status)VMB_GATE(gate);
}

/* The bus tries again by itself when it cannot now. */
static inline enum vmb_status vmb_chan_signal(struct vmb_chan *chan)
{
    enum vmb_status status = chan->bus_->ops->signal(chan->bus_, chan);

    return status == VMB_AGAIN ? VMB_OK : status;
}

/* chan.c */
void vmb_chan_record(struct vmb_chan *chan, const struct vmb_fault *why);
enum vmb_status vmb_chan_kill(struct vmb_chan *chan,
                              const struct vmb_fault *why);

/* gpadl.c, without the lane: for the rings, whose caller has entered it */
enum vmb_status vmb_gpadl_begin(struct vmb_gpadl *gpadl, struct vmb_chan *chan,
                                const void *va, uint32_t pages);
enum vmb_status vmb_gpadl_end(struct vmb_gpadl *gpadl);

/* chan.c, told by gpadl.c of the ring's GPADL */
void vmb_chan_ring_created(struct vmb_chan *chan, const struct vmb_fault *why);
void vmb_chan_ring_down(struct vmb_chan *chan, const struct vmb_fault *why);

/* txn.c */
void vmb_txn_init(struct vmb_chan *chan);
bool vmb_txn_available(struct vmb_chan *chan);                 /* [tx] */
uint64_t vmb_txn_take(struct vmb_chan *chan, void *user);      /* [tx] */
bool vmb_txn_finish(struct vmb_chan *chan, struct vmb_rx *rx); /* [rx] */

#endif
