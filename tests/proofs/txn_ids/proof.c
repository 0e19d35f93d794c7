/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Transaction ids: from any sound table,
 *   - an id that is handed out names a slot that was free,
 *   - whatever id the host returns, it is accepted only if a request of that
 *     slot and generation is out, and gives the context of that request,
 *   - the same id is not accepted twice,
 *   - the table stays sound: each slot is live or in the queue of free ones,
 *     once.
 *
 * Bounds: tables of up to 4 slots.  The code knows one slot, the place after
 * it, and where the circle ends; 4 have all three.
 *
 * Options: --unwind 5
 */
#include "../proof.h"

#include "../../../src/vmbus/txn.c"

#define SLOTS 4u

static struct vmb_txn txns[SLOTS];
static struct vmb_chan chan;

static uint32_t free_slots(void)
{
    return chan.txn_tail_ - chan.txn_head_;
}

/* The slot that waits at place `i` of the queue. */
static uint32_t queued(uint32_t i)
{
    uint32_t at = chan.txn_at_ + i;

    return txns[at < chan.txn_cap_ ? at : at - chan.txn_cap_].free_;
}

static bool is_sound(void)
{
    uint32_t i, seen = 0, live = 0, back = chan.txn_at_ + free_slots();

    if (free_slots() > chan.txn_cap_ || chan.txn_at_ >= chan.txn_cap_ ||
        chan.txn_back_ != (back < chan.txn_cap_ ? back : back - chan.txn_cap_))
        return false;
    for (i = 0; i < chan.txn_cap_; i++) {
        live += txns[i].live_ != 0;
        if (i >= free_slots())
            continue;
        if (queued(i) >= chan.txn_cap_ || txns[queued(i)].live_ ||
            (seen & 1u << queued(i)))
            return false;
        seen |= 1u << queued(i);
    }
    return live + free_slots() == chan.txn_cap_;
}

static void any_table(void)
{
    __CPROVER_havoc_object(txns);
    chan.txns_ = txns;
    chan.txn_cap_ = nondet_u8();
    chan.txn_head_ = nondet_u32();
    chan.txn_tail_ = nondet_u32();
    chan.txn_at_ = nondet_u8();
    chan.txn_back_ = nondet_u8();
    GIVEN(chan.txn_cap_ >= 1 && chan.txn_cap_ <= SLOTS);
    GIVEN(is_sound());
    chan.txn_tail_seen_ = chan.txn_head_;
}

static void prove_take(void)
{
    void *user = (void *)&chan;
    struct vmb_rx rx;
    uint32_t slot;

    if (!vmb_txn_available(&chan)) {
        PROVE(free_slots() == 0);
        return;
    }
    slot = queued(0);
    PROVE(!txns[slot].live_);
    rx.xid = vmb_txn_take(&chan, user);
    PROVE(is_sound());
    PROVE((uint32_t)rx.xid == slot + 1 && rx.xid >> 32 != 0);
    PROVE(vmb_txn_finish(&chan, &rx) && rx.user == user);
}

static void prove_finish(void)
{
    uint64_t xid = nondet_u64();
    uint32_t slot = (uint32_t)xid - 1u;
    struct vmb_rx rx = { .xid = xid };
    struct vmb_txn before = { 0 };

    if (slot < chan.txn_cap_)
        before = txns[slot];
    if (!vmb_txn_finish(&chan, &rx)) {
        PROVE(slot >= chan.txn_cap_ || !before.live_ ||
              before.generation_ != xid >> 32);
        PROVE(rx.user == NULL && is_sound());
        return;
    }
    PROVE(slot < chan.txn_cap_ && before.live_);
    PROVE(before.generation_ == xid >> 32 && rx.user == before.user_);
    PROVE(is_sound());
    PROVE(!vmb_txn_finish(&chan, &rx));
}

int main(void)
{
    any_table();
    if (nondet_bool())
        prove_take();
    else
        prove_finish();
    return 0;
}
