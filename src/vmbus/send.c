/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "chan_internal.h"

#include "../fault.h"
#include "../lane.h"
#include "../ring/index.h"
#include "../ring/rx_plain.h"
#include "../ring/tx_plain.h"
#include "../trace.h"

/* Staged bytes beyond this share of the ring are shown to the host at once:
 * it could be working on them (an eighth measured best). */
#define BATCH_SHARE 8

VMB_UNFOLDED static enum vmb_status publish(struct vmb_chan *chan)
{
    bool signal = VMB_PLAIN_PAYS ? vmb_out_publish(&chan->tx_)
                                 : vmb_ring_publish(&chan->tx_);

    return signal ? vmb_chan_signal(chan) : VMB_OK;
}

/*
 * The host may wait for room as we do, and a release has missed its wish (see
 * release_plain() in recv.c): then it reads nothing until it is told.  Behind
 * the fence of our own wish.  Once for what was released: who tries again and
 * again would signal as often.
 */
static enum vmb_status wake_host(struct vmb_chan *chan)
{
    bool *owed = &chan->look_owed_;

    /* Relaxed: a receiver on another thread looks by itself, soon.  Acquire:
     * the index that it has shown before our signal. */
    return __atomic_load_n(owed, __ATOMIC_RELAXED) && vmb_rx_wish(&chan->rx_) &&
                   __atomic_exchange_n(owed, false, __ATOMIC_ACQUIRE)
               ? vmb_chan_signal(chan)
               : VMB_OK;
}

/* Room for total bytes, or a promise by the host to tell of it. */
VMB_RARE static enum vmb_status find_room(struct vmb_chan *chan, uint32_t total)
{
    struct vmb_fault *why = &chan->tx_why_;
    enum vmb_status status = vmb_ring_reserve(&chan->tx_, total, why);

    if (status == VMB_AGAIN) {
        /* What is staged must be on its way before we wait for room. */
        status = publish(chan);
        if (status != VMB_OK)
            return status;
        status = vmb_ring_want_room(&chan->tx_, total, why);
    }
    if (status == VMB_E_HOST)
        return vmb_chan_kill(chan, why);
    if (status != VMB_AGAIN)
        return status;
    vmb_trace(chan->bus_->plat, VMB_EVENT_FULL, chan->relid_, total, 0);
    status = VMB_PLAIN_PAYS ? wake_host(chan) : VMB_OK;
    return status == VMB_OK ? VMB_AGAIN : status;
}

/* Any packet, with room or without. */
VMB_APART static enum vmb_status stage_any(struct vmb_chan *chan,
                                           const struct vmb_out *out)
{
    struct vmb_out_size size;
    enum vmb_status status = vmb_ring_measure(out, &size);
    uint64_t xid = out->reply_to;

    if (status != VMB_OK)
        return status;
    if (out->want_reply && !vmb_txn_available(chan))
        return VMB_E_NOSLOT;
    if (!vmb_ring_fits(&chan->tx_, size.total))
        status = find_room(chan, size.total);
    if (status != VMB_OK)
        return status;
    if (out->want_reply)
        xid = vmb_txn_take(chan, out->user);
    vmb_ring_write(&chan->tx_, out, &size, xid);
    return VMB_OK;
}

/* False: nothing was done.  Measured in registers, without a call. */
VMB_UNFOLDED static bool stage_plain(struct vmb_chan *chan,
                                     const struct vmb_out *out)
{
    struct vmb_out_size size;
    uint64_t xid = out->reply_to;

    if (!vmb_plain_measure(out, &size) ||
        !vmb_plain_fits(&chan->tx_, size.total) ||
        (out->want_reply && !vmb_txn_available(chan)))
        return false;
    if (out->want_reply)
        xid = vmb_txn_take(chan, out->user);
    vmb_plain_put(&chan->tx_, out, &size, xid);
    return true;
}

VMB_UNFOLDED static enum vmb_status stage(struct vmb_chan *chan,
                                          const struct vmb_out *out)
{
    return VMB_PLAIN_PAYS && stage_plain(chan, out) ? VMB_OK
                                                    : stage_any(chan, out);
}

static bool batch_is_full(const struct vmb_chan *chan)
{
    const struct vmb_ring_tx *tx = &chan->tx_;
    uint32_t staged = vmb_ring_distance(tx->published_, tx->write_, tx->size_);

    return staged >= tx->size_ / BATCH_SHARE;
}

/* A signal that fails kills the channel, which the next call reports: this
 * packet is in the ring. */
VMB_UNFOLDED static enum vmb_status send(struct vmb_chan *chan,
                                         const struct vmb_out *out, bool now)
{
    enum vmb_status status = vmb_chan_gate(chan);

    if (status == VMB_OK)
        status = stage(chan, out);
    if (status == VMB_OK && (now || batch_is_full(chan)))
        (void)publish(chan);
    return status;
}

enum vmb_status vmb_chan_send(struct vmb_chan *chan, const struct vmb_out *out)
{
    enum vmb_status status;

    if (!vmb_lane_enter(&chan->tx_lane_))
        return VMB_E_LANE;
    status = send(chan, out, true);
    vmb_lane_leave(&chan->tx_lane_);
    return status;
}

enum vmb_status vmb_chan_stage(struct vmb_chan *chan, const struct vmb_out *out)
{
    enum vmb_status status;

    if (!vmb_lane_enter(&chan->tx_lane_))
        return VMB_E_LANE;
    status = send(chan, out, false);
    vmb_lane_leave(&chan->tx_lane_);
    return status;
}

enum vmb_status vmb_chan_flush(struct vmb_chan *chan)
{
    enum vmb_status status;

    if (!vmb_lane_enter(&chan->tx_lane_))
        return VMB_E_LANE;
    status = vmb_chan_gate(chan);
    if (status == VMB_OK)
        status = publish(chan);
    vmb_lane_leave(&chan->tx_lane_);
    return status;
}
