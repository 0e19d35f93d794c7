/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A channel's life, over any bus.  Two things have to be undone in order: the
 * open at the host, and the GPADL of the rings; only when the second is down
 * are the pages the caller's.
 *
 *   CLOSED --> GPADL --> OPENING --> OPEN
 *     ^          |          |         |
 *     |          +-> FAILED <+        |       FAILED and STUCK wait for
 *     |                 |             |       vmb_chan_close_start()
 *     +--- CLOSING <----+-------------+
 *             |
 *             +--> STUCK  (no answer: the host may hold the pages)
 */
#include "chan_internal.h"

#include "../fault.h"
#include "../lane.h"
#include "../trace.h"

static void enter(struct vmb_chan *chan, enum vmb_chan_state state)
{
    vmb_trace(chan->bus_->plat, VMB_EVENT_STATE, chan->relid_,
              (uint64_t)chan->state_, (uint64_t)state);
    chan->state_ = state;
}

static void set_gate(struct vmb_chan *chan, enum vmb_status status)
{
    /* Release: see vmb_chan_gate(). */
    __atomic_store_n(&chan->gate_, VMB_GATE(status), __ATOMIC_RELEASE);
}

/* The first lane to find something wrong writes the record. */
void vmb_chan_record(struct vmb_chan *chan, const struct vmb_fault *why)
{
    uint32_t unclaimed = 0;

    vmb_trace(chan->bus_->plat, VMB_EVENT_FAULT, chan->relid_, why->site,
              why->got);
    /* Acquire: the record is written after it is claimed. */
    if (!__atomic_compare_exchange_n(&chan->fault_claim_, &unclaimed, 1u, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    chan->fault_ = *why;
    /* Release: a reader that sees 2 sees the whole record. */
    __atomic_store_n(&chan->fault_claim_, 2u, __ATOMIC_RELEASE);
}

/* Dead until closed.  Returns why->status. */
enum vmb_status vmb_chan_kill(struct vmb_chan *chan,
                              const struct vmb_fault *why)
{
    int32_t open = VMB_GATE(VMB_OK);

    vmb_chan_record(chan, why);
    /* A close that has begun meanwhile stays begun.  Release: who finds the
     * gate shut finds the record written. */
    __atomic_compare_exchange_n(&chan->gate_, &open, VMB_GATE(why->status),
                                false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    return why->status;
}

void vmb_chan_fault(const struct vmb_chan *chan, struct vmb_fault *out)
{
    /* Acquire: the whole record, or none of it. */
    bool written = __atomic_load_n(&chan->fault_claim_, __ATOMIC_ACQUIRE) == 2;

    *out = *(written ? &chan->fault_ : &vmb_no_fault);
}

static enum vmb_status check_cfg(const struct vmb_chan_cfg *cfg)
{
    if (!cfg->ring || (uintptr_t)cfg->ring % VMB_PAGE_SIZE)
        return VMB_E_ARG;
    if (cfg->tx_pages == 0 || cfg->rx_pages == 0)
        return VMB_E_ARG;
    if (cfg->tx_pages > VMB_GPADL_PAGES || cfg->rx_pages > VMB_GPADL_PAGES ||
        cfg->tx_pages + cfg->rx_pages + 2 > VMB_GPADL_PAGES)
        return VMB_E_TOOBIG;
    if (cfg->txn_cap && !cfg->txns)
        return VMB_E_ARG;
    if (cfg->user_len > VMB_CHAN_USER_BYTES || (cfg->user_len && !cfg->user))
        return VMB_E_ARG;
    return VMB_OK;
}

static void set_up(struct vmb_chan *chan, struct vmb_bus *bus,
                   struct vmb_offer *offer, const struct vmb_chan_cfg *cfg)
{
    uint8_t *ring = cfg->ring;

    __builtin_memset(chan, 0, sizeof *chan); /* the gate is down, too */
    chan->bus_ = bus;
    chan->offer_ = offer;
    chan->relid_ = offer->relid;
    chan->cpu_ = cfg->cpu;
    chan->txns_ = cfg->txns;
    chan->txn_cap_ = cfg->txn_cap;
    chan->open_status_ = VMB_AGAIN;
    chan->close_status_ = VMB_E_STATE;
    chan->modify_status_ = VMB_E_STATE;
    chan->downstream_page_ = cfg->tx_pages + 1;
    if (cfg->user_len)
        __builtin_memcpy(chan->user_, cfg->user, cfg->user_len);
    vmb_ring_tx_init(&chan->tx_, ring, cfg->tx_pages);
    ring += (size_t)chan->downstream_page_ * VMB_PAGE_SIZE;
    vmb_ring_rx_init(&chan->rx_, ring, cfg->rx_pages);
    vmb_txn_init(chan);
}

static enum vmb_status begin_open(struct vmb_chan *chan, struct vmb_bus *bus,
                                  struct vmb_offer *offer,
                                  const struct vmb_chan_cfg *cfg)
{
    enum vmb_status status = check_cfg(cfg);

    if (status != VMB_OK)
        return status;
    if (!offer) /* what vmb_conn_find() says of a device that is not there */
        return VMB_E_ARG;
    if (offer->state_ != VMB_OFFER_PRESENT)
        return VMB_E_RESCINDED;
    if (chan->state_ != VMB_CHAN_CLOSED || offer->chan_)
        return VMB_E_STATE;
    set_up(chan, bus, offer, cfg);
    chan->gpadl_.ring_ = true;
    status = vmb_gpadl_begin(&chan->gpadl_, chan, cfg->ring,
                             cfg->tx_pages + cfg->rx_pages + 2);
    if (status != VMB_OK) {
        chan->open_status_ = status;
        return status;
    }
    /* Release: vmb_cpu_next_ready() may look at once, on another CPU. */
    __atomic_store_n(&offer->chan_, chan, __ATOMIC_RELEASE);
    enter(chan, VMB_CHAN_GPADL);
    return VMB_OK;
}

enum vmb_status vmb_chan_open_start(struct vmb_chan *chan, struct vmb_bus *bus,
                                    struct vmb_offer *offer,
                                    const struct vmb_chan_cfg *cfg)
{
    enum vmb_status status;

    if (!bus->ops) /* a connection never started */
        return VMB_E_STATE;
    if (!vmb_bus_enter(bus))
        return VMB_E_LANE;
    status = begin_open(chan, bus, offer, cfg);
    vmb_bus_leave(bus);
    return status;
}

/* Nobody may wait for what will not be answered. */
static void end_waits(struct vmb_chan *chan)
{
    if (chan->open_status_ >= VMB_OK)
        chan->open_status_ = VMB_E_STATE;
    if (chan->modify_status_ == VMB_AGAIN)
        chan->modify_status_ = VMB_E_STATE;
}

static void finish_close(struct vmb_chan *chan)
{
    /* Release, as when it was opened: vmb_cpu_next_ready() may look. */
    __atomic_store_n(&chan->offer_->chan_, NULL, __ATOMIC_RELEASE);
    chan->offer_ = NULL;
    chan->close_status_ = VMB_OK;
    enter(chan, VMB_CHAN_CLOSED);
}

static void stick(struct vmb_chan *chan, const struct vmb_fault *why)
{
    vmb_chan_record(chan, why);
    chan->close_status_ = why->status;
    enter(chan, VMB_CHAN_STUCK);
}

/* First close, then GPADL down: a host that has the ring mapped answers no
 * teardown before (OpenVMM channels.rs). */
static void begin_close(struct vmb_chan *chan)
{
    struct vmb_fault *why = &chan->gpadl_.fault_;
    enum vmb_status status;

    set_gate(chan, VMB_E_STATE);
    chan->close_status_ = VMB_AGAIN;
    end_waits(chan);
    enter(chan, VMB_CHAN_CLOSING);
    if (chan->host_open_ && !chan->rescinded_)
        chan->bus_->ops->close(chan->bus_, chan);
    chan->host_open_ = false;
    if (chan->gpadl_.state_ == VMB_GPADL_NONE) {
        finish_close(chan);
        return;
    }
    status = vmb_gpadl_end(&chan->gpadl_);
    if (status == VMB_OK)
        return;
    vmb_fault_set(why, status, VMB_SITE_UNLOADED, chan->relid_, 0);
    stick(chan, why);
}

static void fail_open(struct vmb_chan *chan, const struct vmb_fault *why)
{
    vmb_chan_record(chan, why);
    chan->open_status_ = why->status;
    enter(chan, VMB_CHAN_FAILED);
    if (chan->close_wanted_)
        begin_close(chan);
}

void vmb_chan_ring_created(struct vmb_chan *chan, const struct vmb_fault *why)
{
    struct vmb_fault *gone = &chan->gpadl_.fault_;
    enum vmb_status status;

    if (why->status != VMB_OK) {
        fail_open(chan, why);
        return;
    }
    if (chan->close_wanted_) {
        begin_close(chan);
        return;
    }
    status = chan->rescinded_ ? VMB_E_RESCINDED
                              : chan->bus_->ops->open(chan->bus_, chan);
    if (status == VMB_OK) {
        enter(chan, VMB_CHAN_OPENING);
        return;
    }
    vmb_fault_set(gone, status,
                  chan->rescinded_ ? VMB_SITE_RESCIND : VMB_SITE_UNLOADED,
                  chan->relid_, 0);
    fail_open(chan, gone);
}

void vmb_bus_open_done(struct vmb_chan *chan, const struct vmb_fault *why)
{
    /* Without an answer the host may have opened it: close it there, too. */
    chan->host_open_ = why->status == VMB_OK || why->status == VMB_E_TIMEOUT;
    if (why->status != VMB_OK) {
        fail_open(chan, why);
        return;
    }
    chan->open_status_ = VMB_OK;
    if (chan->close_wanted_) {
        begin_close(chan);
        return;
    }
    enter(chan, VMB_CHAN_OPEN);
    set_gate(chan, VMB_OK);
}

enum vmb_status vmb_chan_open_status(const struct vmb_chan *chan)
{
    if (chan->state_ == VMB_CHAN_CLOSED && chan->open_status_ == VMB_OK)
        return VMB_E_STATE;
    return chan->open_status_;
}

static enum vmb_status close(struct vmb_chan *chan)
{
    switch (chan->state_) {
    case VMB_CHAN_GPADL:
    case VMB_CHAN_OPENING:
        /* The answer on its way decides what there is to close. */
        chan->close_wanted_ = true;
        chan->close_status_ = VMB_AGAIN;
        return VMB_OK;
    case VMB_CHAN_OPEN:
    case VMB_CHAN_FAILED:
    case VMB_CHAN_STUCK:
        begin_close(chan);
        return VMB_OK;
    case VMB_CHAN_CLOSED:
    case VMB_CHAN_CLOSING:
        break;
    }
    return VMB_E_STATE;
}

enum vmb_status vmb_chan_close_start(struct vmb_chan *chan)
{
    enum vmb_status status;

    if (chan->state_ == VMB_CHAN_CLOSED) {
        chan->close_status_ = VMB_OK;
        return VMB_OK;
    }
    if (!vmb_bus_enter(chan->bus_))
        return VMB_E_LANE;
    status = close(chan);
    vmb_bus_leave(chan->bus_);
    return status;
}

enum vmb_status vmb_chan_close_status(const struct vmb_chan *chan)
{
    return chan->close_status_;
}

void vmb_chan_ring_down(struct vmb_chan *chan, const struct vmb_fault *why)
{
    /* In FAILED nobody has asked yet; the close to come finds it down. */
    if (chan->state_ == VMB_CHAN_FAILED)
        return;
    if (why->status == VMB_OK)
        finish_close(chan);
    else
        stick(chan, why);
}

void vmb_bus_broken(struct vmb_chan *chan, const struct vmb_fault *why)
{
    (void)vmb_chan_kill(chan, why);
}

void vmb_bus_rescinded(struct vmb_chan *chan)
{
    struct vmb_fault *why = &chan->gpadl_.fault_;

    vmb_fault_set(why, VMB_E_RESCINDED, VMB_SITE_RESCIND, chan->relid_, 0);
    chan->rescinded_ = true;
    if (chan->modify_status_ == VMB_AGAIN)
        chan->modify_status_ = VMB_E_RESCINDED;
    if (chan->state_ == VMB_CHAN_OPENING)
        vmb_bus_open_done(chan, why);
    else if (chan->state_ == VMB_CHAN_OPEN)
        (void)vmb_chan_kill(chan, why);
}

void vmb_bus_lost(struct vmb_chan *chan)
{
    struct vmb_fault *why = &chan->gpadl_.fault_;

    vmb_fault_set(why, VMB_E_STATE, VMB_SITE_UNLOADED, chan->relid_, 0);
    vmb_chan_record(chan, why);
    set_gate(chan, VMB_E_STATE);
    end_waits(chan);
    finish_close(chan);
}

uint32_t vmb_chan_relid(const struct vmb_chan *chan)
{
    return chan->relid_;
}
