/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Transactions: a slot for each request that awaits its completion.
 *
 * The id on the wire is the slot's number and generation, never an address,
 * so that what the host returns can be checked in constant time: a slot that
 * is not live, or a generation that has passed, is a forgery.
 *
 * Free slots queue in a circle laid through the table itself.  The tx lane
 * takes from the front, the rx lane puts back at the end, so the two need no
 * lock; a slot rests as long as can be before it is used again.
 *
 *     free_:  |  5  |  2  |     |     |  7  |  1  |
 *                          ^txn_back_  ^txn_at_
 */
#include "chan_internal.h"

#include "../fault.h"

/*
 * The channel's own counters are 0 already.  Generations go on from where an
 * earlier life of the table left them, so that its ids are not ours.
 */
void vmb_txn_init(struct vmb_chan *chan)
{
    uint32_t i;

    for (i = 0; i < chan->txn_cap_; i++) {
        chan->txns_[i].free_ = (uint16_t)i;
        chan->txns_[i].live_ = 0;
    }
    chan->txn_tail_ = chan->txn_cap_;
    chan->txn_tail_seen_ = chan->txn_cap_;
}

static uint32_t next(const struct vmb_chan *chan, uint32_t at)
{
    return at + 1 == chan->txn_cap_ ? 0 : at + 1;
}

bool vmb_txn_available(struct vmb_chan *chan)
{
    if (chan->txn_head_ != chan->txn_tail_seen_)
        return true;
    /* Acquire: the queue entry before the count that says it is there. */
    chan->txn_tail_seen_ = __atomic_load_n(&chan->txn_tail_, __ATOMIC_ACQUIRE);
    return chan->txn_head_ != chan->txn_tail_seen_;
}

uint64_t vmb_txn_take(struct vmb_chan *chan, void *user)
{
    uint32_t slot = chan->txns_[chan->txn_at_].free_;
    struct vmb_txn *txn = &chan->txns_[slot];

    chan->txn_at_ = next(chan, chan->txn_at_);
    chan->txn_head_++;
    txn->user_ = user;
    if (++txn->generation_ == 0)
        txn->generation_ = 1;
    /* Release: a completion may be on another CPU before we return. */
    __atomic_store_n(&txn->live_, (uint16_t)1, __ATOMIC_RELEASE);
    return (uint64_t)txn->generation_ << 32 | (slot + 1);
}

bool vmb_txn_finish(struct vmb_chan *chan, struct vmb_rx *rx)
{
    uint32_t slot = (uint32_t)rx->xid - 1u;
    struct vmb_txn *txn;

    if (slot >= chan->txn_cap_)
        return false;
    txn = &chan->txns_[slot];
    /* Acquire: user and generation are of this life of the slot. */
    if (!__atomic_load_n(&txn->live_, __ATOMIC_ACQUIRE) ||
        txn->generation_ != (uint32_t)(rx->xid >> 32))
        return false;
    rx->user = txn->user_;
    /* No order: the count below says that the slot is free. */
    __atomic_store_n(&txn->live_, (uint16_t)0, __ATOMIC_RELAXED);
    chan->txns_[chan->txn_back_].free_ = (uint16_t)slot;
    chan->txn_back_ = next(chan, chan->txn_back_);
    /* Release: see vmb_txn_available(). */
    __atomic_store_n(&chan->txn_tail_, chan->txn_tail_ + 1, __ATOMIC_RELEASE);
    return true;
}
