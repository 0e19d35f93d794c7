/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_CHAN_H
#define VMB_CHAN_H
/*
 * One channel: a pair of rings and the transactions on them.
 *
 * Lanes: calls marked [tx] must be serialised by the caller, calls marked [rx]
 * likewise; the two lanes may run at once on different CPUs.  open and close
 * are [bus], and close wants both other lanes quiet.
 *
 * A host that breaks the protocol costs you this channel and nothing else:
 * every call then returns VMB_E_HOST until vmb_chan_close_start(), and
 * vmb_chan_fault() says what was wrong.
 */
#include <vmb/conn.h>
#include <vmb/ring.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMB_CHAN_USER_BYTES 120u

struct vmb_txn { /* a request awaiting its completion; zeroed at first */
    void *user_;
    uint32_t generation_; /* makes a replayed completion detectable */
    uint16_t free_;       /* this entry of the queue of free slots */
    uint16_t live_;
};

struct vmb_chan_cfg {
    void *ring;                  /* page aligned, tx_pages + rx_pages + 2 */
    uint32_t tx_pages, rx_pages; /* data pages each way, 1 or more */
    struct vmb_txn *txns;        /* bounds what is outstanding; may be NULL */
    uint16_t txn_cap;
    struct vmb_cpu *cpu; /* gets its interrupts; NULL, and below version 2.4: */
                         /* the connection's */
    const void *user;    /* passed to the host's device */
    uint16_t user_len;   /* at most VMB_CHAN_USER_BYTES */
};

enum vmb_chan_state {
    VMB_CHAN_CLOSED = 0,
    VMB_CHAN_GPADL, /* the ring is being described to the host */
    VMB_CHAN_OPENING,
    VMB_CHAN_OPEN,
    VMB_CHAN_FAILED, /* open failed: close to get the pages back */
    VMB_CHAN_CLOSING,
    VMB_CHAN_STUCK /* close failed: the host may hold the pages */
};

struct vmb_chan { /* zeroed by the caller before first use */
    /* Shared by the lanes; only gate_ changes while they run. */
    int32_t gate_; /* open, or what every call returns; 0: closed */
    uint32_t fault_claim_;
    uint32_t signal_owed_;
    struct vmb_bus *bus_;
    struct vmb_offer *offer_;
    struct vmb_txn *txns_;
    uint32_t txn_cap_;
    /* [bus] */
    enum vmb_chan_state state_;
    enum vmb_status open_status_, close_status_, modify_status_;
    bool close_wanted_, host_open_, rescinded_;
    uint32_t relid_;
    struct vmb_cpu *cpu_;
    struct vmb_cpu *next_cpu_;
    struct vmb_bus_work work_;
    struct vmb_gpadl gpadl_; /* of the rings */
    uint32_t downstream_page_;
    uint8_t user_[VMB_CHAN_USER_BYTES];
    struct vmb_fault fault_;
    uint8_t gap1_[64]; /* keeps the lanes off each other's cache lines */
    /* [tx] */
    uint32_t tx_lane_;
    struct vmb_ring_tx tx_;
    struct vmb_fault tx_why_; /* being found: keeps stacks low */
    uint32_t txn_head_;       /* slots taken from the free queue, ever */
    uint32_t txn_tail_seen_;  /* txn_tail_, last time tx looked */
    uint32_t txn_at_;         /* txn_head_ modulo txn_cap_ */
    uint8_t gap2_[64];
    /* [rx] */
    uint32_t rx_lane_;
    bool look_owed_; /* room was given back without a look at the wish for it */
    struct vmb_ring_rx rx_;
    struct vmb_fault rx_why_;
    uint32_t txn_tail_; /* slots put back, ever, plus txn_cap_ */
    uint32_t txn_back_; /* txn_tail_ modulo txn_cap_ */
};

/*
 * Begin to open: describe the rings to the host, then ask.  *chan (zeroed or
 * closed), *bus, *offer's table, cfg->ring and cfg->txns are the library's
 * from here until vmb_chan_close_status() reads VMB_OK or the connection is
 * unloaded: also when opening fails.  cfg itself is not kept.  [bus]
 *
 * VMB_OK           begun; ask vmb_chan_open_status()
 * VMB_E_ARG        ring not aligned, no page in a ring, txns missing, user
 *                  data too long, no offer, one not in the connection's table
 *                  (a copy), or a CPU of another interface
 * VMB_E_TOOBIG     more than VMB_GPADL_PAGES pages in all
 * VMB_E_STATE      chan is not closed, the offer has a channel, or the
 *                  connection is not up
 * VMB_E_RESCINDED  the offer is gone
 */
VMB_NODISCARD enum vmb_status
vmb_chan_open_start(struct vmb_chan *chan, struct vmb_bus *bus,
                    struct vmb_offer *offer, const struct vmb_chan_cfg *cfg);

/*
 * VMB_OK           open
 * VMB_AGAIN        under way
 * VMB_E_REFUSED    host_code of vmb_chan_fault() is the host's status
 * VMB_E_RESCINDED  the offer went away
 * VMB_E_TIMEOUT, VMB_E_HYPERCALL  the host cannot be reached
 * VMB_E_STATE      not opened, or closed since; after a refused open_start()
 *                  what that returned
 * [bus]
 */
VMB_NODISCARD enum vmb_status vmb_chan_open_status(const struct vmb_chan *chan);

/*
 * Close, take the ring's GPADL down, hand the pages back.  Until the status
 * reads VMB_OK the host may still write to cfg.ring: do not reuse it.  Packets
 * unanswered are forgotten; the memory they name is yours again then, too.
 * No send or receive may run meanwhile.  [bus]
 *
 * VMB_OK       begun, or it was closed
 * VMB_E_STATE  the close is on its way to the host already
 */
VMB_NODISCARD enum vmb_status vmb_chan_close_start(struct vmb_chan *chan);

/*
 * A host that is silent about a rescinded channel has let go of it, too: that
 * takes 1 s (see vmb_gpadl_destroy_status()).
 *
 * VMB_OK         closed: everything is yours
 * VMB_AGAIN      under way
 * VMB_E_TIMEOUT, VMB_E_HYPERCALL  the host has not let go: close again, or
 *                unload the connection
 * VMB_E_STATE    nobody asked, or the connection is not up: unload it
 * [bus]
 */
VMB_NODISCARD enum vmb_status
vmb_chan_close_status(const struct vmb_chan *chan);

/*
 * Write one packet, publish it, signal the host if it asked to be.  All or
 * nothing: unless VMB_OK comes back nothing was sent.  When the host cannot
 * be signalled at once the connection's poll does it: vmb_cpu_scan() of its CPU
 * and vmb_chan_arm() say so, and whoever asks neither polls before sleeping.
 * [tx]
 *
 * VMB_OK        it is the host's
 * VMB_AGAIN     no room; the host will signal when there is enough for the
 *               packet last refused.  Receive meanwhile: it may read nothing
 *               while it waits for room itself
 * VMB_E_TOOBIG  can never fit this ring, or the wire's 16-bit lengths
 * VMB_E_NOSLOT  want_reply, and every transaction slot is waiting
 * VMB_E_ARG     see vmb_ring_measure()
 * VMB_E_STATE   not open
 * VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL  the channel is dead
 * VMB_E_LANE    check builds: another sender is inside
 */
VMB_NODISCARD enum vmb_status vmb_chan_send(struct vmb_chan *chan,
                                            const struct vmb_out *out);

/*
 * The same without publishing, for a batch under one signal.  Once an eighth
 * of the ring is staged it is published all the same, so that the host can
 * work meanwhile.  vmb_chan_flush() must follow.  [tx]
 *
 * Statuses as vmb_chan_send(); VMB_AGAIN has flushed what was staged.
 */
VMB_NODISCARD enum vmb_status vmb_chan_stage(struct vmb_chan *chan,
                                             const struct vmb_out *out);

/*
 * Publish what was staged.  [tx]
 *
 * VMB_OK  done, or nothing was staged
 * VMB_E_STATE, VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL, VMB_E_LANE  as
 *         vmb_chan_send()
 */
VMB_NODISCARD enum vmb_status vmb_chan_flush(struct vmb_chan *chan);

/*
 * The next packet.  Masks the host's signals until vmb_chan_arm().  A
 * completion has its slot freed and its vmb_out.user handed back.  [rx]
 *
 * VMB_OK     *rx is valid until vmb_chan_release()
 * VMB_AGAIN  nothing there
 * VMB_E_HOST the host broke the protocol: the channel is dead
 * VMB_E_STATE, VMB_E_RESCINDED, VMB_E_HYPERCALL, VMB_E_LANE  as
 *            vmb_chan_send()
 */
VMB_NODISCARD enum vmb_status vmb_chan_recv(struct vmb_chan *chan,
                                            struct vmb_rx *rx);

/*
 * Copy len bytes from `offset` of the payload; returns the bytes copied, short
 * at its end, 0 on a closed channel and on one that died since its packet was
 * received: another CPU may just have taken a rescind.  The next call says of
 * what; do not blame the host's packet.  There is no way to get a pointer into
 * the ring: the host can rewrite it.  [rx]
 */
uint32_t vmb_rx_copy(const struct vmb_chan *chan, const struct vmb_rx *rx,
                     uint32_t offset, void *dst, uint32_t len);

/*
 * Range `index` of a VMB_XFER_PAGES packet, as the host gave it: bound it
 * against the GPADL that rx->page_set names before use.  [rx]
 *
 * VMB_OK
 * VMB_E_ARG  no such range
 * VMB_E_STATE, VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL  as vmb_chan_send()
 */
VMB_NODISCARD enum vmb_status vmb_rx_range(const struct vmb_chan *chan,
                                           const struct vmb_rx *rx,
                                           uint32_t index, uint32_t *offset,
                                           uint32_t *len);

/*
 * Give every packet received so far back to the host, which is signalled if it
 * waits for room.  One that begins to wait this very moment may be missed; it
 * is signalled by the next release that sees it wait, and at the latest by the
 * first of these that begins after this one: a release of nothing, a
 * vmb_chan_recv() that finds nothing, vmb_chan_arm(), a send that finds no room
 * (on another thread: one that comes after, by an order of yours).  Make one of
 * them before you wait for anything but the next packet, or receive no more:
 * the host may read nothing until then.  [rx]
 *
 * VMB_OK
 * VMB_E_STATE, VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL, VMB_E_LANE  as
 *         vmb_chan_send()
 */
VMB_NODISCARD enum vmb_status vmb_chan_release(struct vmb_chan *chan);

/*
 * Ask for a signal on the next packet.  Release first: hosts signal only into
 * a ring that has been given back whole.  True: do not sleep, for a packet is
 * there already, or one received is not released, or the host is owed a signal
 * (poll the connection), or the channel is dead.  A channel never armed is
 * never flagged: vmb_chan_recv() is then the poll.  [rx]
 */
bool vmb_chan_arm(struct vmb_chan *chan);

/* What killed or refused the channel; status VMB_OK if nothing did.  [any] */
void vmb_chan_fault(const struct vmb_chan *chan, struct vmb_fault *out);

/* The relid it was opened for.  [any] */
uint32_t vmb_chan_relid(const struct vmb_chan *chan);

#ifdef __cplusplus
}
#endif
#endif
