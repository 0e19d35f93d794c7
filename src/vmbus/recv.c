/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "chan_internal.h"

#include "../fault.h"
#include "../lane.h"
#include "../layout.h"
#include "../ring/rx_plain.h"

/* A completion must answer a request that is waiting, once. */
static enum vmb_status match(struct vmb_chan *chan, struct vmb_rx *rx)
{
    if (rx->kind != VMB_COMPLETION || vmb_txn_finish(chan, rx))
        return VMB_OK;
    return vmb_fault_host(&chan->rx_why_, VMB_SITE_RX_XID, rx->xid,
                          chan->txn_cap_);
}

/* What became of the ring's look at the next packet. */
static enum vmb_status received(struct vmb_chan *chan, struct vmb_rx *rx,
                                enum vmb_status status)
{
    if (status == VMB_OK)
        status = match(chan, rx);
    return status == VMB_E_HOST ? vmb_chan_kill(chan, &chan->rx_why_) : status;
}

VMB_RARE static enum vmb_status tell_of_room(struct vmb_chan *chan,
                                             uint32_t before, uint32_t wanted)
{
    return vmb_rx_room_came(&chan->rx_, before, wanted) ? vmb_chan_signal(chan)
                                                        : VMB_OK;
}

/* Release: a host that a sender on another thread tells instead of us finds
 * the index that was shown.  See send.c. */
static inline void owe_look(struct vmb_chan *chan, bool owed)
{
    __atomic_store_n(&chan->look_owed_, owed, __ATOMIC_RELEASE);
}

/* Relaxed: only a sender that has told the host takes it away. */
static inline bool owes_look(const struct vmb_chan *chan)
{
    return __atomic_load_n(&chan->look_owed_, __ATOMIC_RELAXED);
}

/* See release_plain().  wanted: loaded behind a fence behind all releases. */
static enum vmb_status look_late(struct vmb_chan *chan, uint32_t wanted)
{
    owe_look(chan, false);
    return wanted ? tell_of_room(chan, VMB_RX_UNSEEN, wanted) : VMB_OK;
}

/* Any packet, if there is one. */
VMB_APART static enum vmb_status receive_any(struct vmb_chan *chan,
                                             struct vmb_rx *rx)
{
    enum vmb_status status = VMB_OK;

    if (VMB_PLAIN_PAYS && owes_look(chan))
        status = look_late(chan, vmb_rx_look(&chan->rx_));
    if (status != VMB_OK)
        return status;
    return received(chan, rx, vmb_ring_next(&chan->rx_, rx, &chan->rx_why_));
}

/* The packet that is there, of which word has been loaded. */
VMB_APART static enum vmb_status receive_rest(struct vmb_chan *chan,
                                              struct vmb_rx *rx, uint64_t word)
{
    return received(chan, rx,
                    vmb_rx_take(&chan->rx_, rx, word, &chan->rx_why_));
}

VMB_APART static enum vmb_status receive_completion(struct vmb_chan *chan,
                                                    struct vmb_rx *rx)
{
    return received(chan, rx, VMB_OK);
}

/* Without a call where the packet is plain; else by those above, whole. */
VMB_UNFOLDED static enum vmb_status receive_plain(struct vmb_chan *chan,
                                                  struct vmb_rx *rx)
{
    struct vmb_ring_rx *ring = &chan->rx_;
    uint32_t straight = vmb_rx_straight(ring);
    uint64_t word;

    if (!straight)
        return receive_any(chan, rx);
    word = vmb_host_load64(ring->data_ + ring->read_);
    if (!vmb_rx_plain(ring, rx, word, straight))
        return receive_rest(chan, rx, word);
    return rx->kind == VMB_COMPLETION ? receive_completion(chan, rx) : VMB_OK;
}

static enum vmb_status receive(struct vmb_chan *chan, struct vmb_rx *rx)
{
    enum vmb_status status = vmb_chan_gate(chan);

    if (status != VMB_OK)
        return status;
    return VMB_PLAIN_PAYS ? receive_plain(chan, rx) : receive_any(chan, rx);
}

enum vmb_status vmb_chan_recv(struct vmb_chan *chan, struct vmb_rx *rx)
{
    enum vmb_status status;

    if (!vmb_lane_enter(&chan->rx_lane_))
        return VMB_E_LANE;
    status = receive(chan, rx);
    vmb_lane_leave(&chan->rx_lane_);
    return status;
}

uint32_t vmb_rx_copy(const struct vmb_chan *chan, const struct vmb_rx *rx,
                     uint32_t offset, void *dst, uint32_t len)
{
    if (vmb_chan_gate(chan) != VMB_OK)
        return 0;
    if (VMB_PLAIN_PAYS && vmb_rx_is_straight(&chan->rx_, rx, offset, len)) {
        vmb_host_read(dst, chan->rx_.data_ + rx->at_ + offset, len);
        return len;
    }
    return vmb_ring_copy(&chan->rx_, rx, offset, dst, len);
}

enum vmb_status vmb_rx_range(const struct vmb_chan *chan,
                             const struct vmb_rx *rx, uint32_t index,
                             uint32_t *offset, uint32_t *len)
{
    enum vmb_status status = vmb_chan_gate(chan);

    if (status != VMB_OK)
        return status;
    return vmb_ring_range(&chan->rx_, rx, index, offset, len) ? VMB_OK
                                                              : VMB_E_ARG;
}

/* The host wishes for room, some of which has just been shown. */
VMB_RARE static enum vmb_status look_now(struct vmb_chan *chan, uint32_t before)
{
    uint32_t wanted = vmb_rx_look(&chan->rx_);

    if (owes_look(chan))
        return look_late(chan, wanted);
    return wanted ? tell_of_room(chan, before, wanted) : VMB_OK;
}

/*
 * A fence can cost as much as all the rest of a short packet, so there is none
 * while no host wishes for room.  One that states its wish this very moment may
 * miss the index, and we the wish: there is a look behind a fence before we say
 * that the ring is empty, before anybody sleeps, and when there is nothing to
 * give back.  What that host has to send, nobody would have taken sooner. (What
 * we have to send it might: see find_room() in send.c.)
 */
VMB_UNFOLDED static enum vmb_status release_plain(struct vmb_chan *chan)
{
    uint32_t before = chan->rx_.released_;

    if (!vmb_rx_show(&chan->rx_))
        return owes_look(chan) ? look_late(chan, vmb_rx_look(&chan->rx_))
                               : VMB_OK;
    if (vmb_rx_wish(&chan->rx_) != 0)
        return look_now(chan, before);
    owe_look(chan, true);
    return VMB_OK;
}

static enum vmb_status release(struct vmb_chan *chan)
{
    enum vmb_status status = vmb_chan_gate(chan);

    if (status != VMB_OK)
        return status;
    if (VMB_PLAIN_PAYS)
        return release_plain(chan);
    return vmb_ring_release(&chan->rx_) ? vmb_chan_signal(chan) : VMB_OK;
}

enum vmb_status vmb_chan_release(struct vmb_chan *chan)
{
    enum vmb_status status;

    if (!vmb_lane_enter(&chan->rx_lane_))
        return VMB_E_LANE;
    status = release(chan);
    vmb_lane_leave(&chan->rx_lane_);
    return status;
}

static bool arm(struct vmb_chan *chan)
{
    bool work;

    if (vmb_chan_gate(chan) != VMB_OK)
        return true;
    work = vmb_ring_arm(&chan->rx_);
    /* Behind the fence of arming. */
    if (VMB_PLAIN_PAYS && owes_look(chan) &&
        look_late(chan, vmb_rx_wish(&chan->rx_)) != VMB_OK)
        return true;
    return work || __atomic_load_n(&chan->signal_owed_, __ATOMIC_RELAXED);
}

bool vmb_chan_arm(struct vmb_chan *chan)
{
    bool work;

    if (!vmb_lane_enter(&chan->rx_lane_))
        return true;
    work = arm(chan);
    vmb_lane_leave(&chan->rx_lane_);
    return work;
}
