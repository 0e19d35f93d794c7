/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "chan_internal.h"

#include "../fault.h"
#include "../lane.h"

/* A completion must answer a request that is waiting, once. */
static enum vmb_status match(struct vmb_chan *chan, struct vmb_rx *rx)
{
    if (rx->kind != VMB_COMPLETION || vmb_txn_finish(chan, rx))
        return VMB_OK;
    return vmb_fault_host(&chan->rx_why_, VMB_SITE_RX_XID, rx->xid,
                          chan->txn_cap_);
}

static enum vmb_status receive(struct vmb_chan *chan, struct vmb_rx *rx)
{
    enum vmb_status status = vmb_chan_gate(chan);

    if (status != VMB_OK)
        return status;
    status = vmb_ring_next(&chan->rx_, rx, &chan->rx_why_);
    if (status == VMB_OK)
        status = match(chan, rx);
    return status == VMB_E_HOST ? vmb_chan_kill(chan, &chan->rx_why_) : status;
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

enum vmb_status vmb_chan_release(struct vmb_chan *chan)
{
    enum vmb_status status;

    if (!vmb_lane_enter(&chan->rx_lane_))
        return VMB_E_LANE;
    status = vmb_chan_gate(chan);
    if (status == VMB_OK && vmb_ring_release(&chan->rx_))
        status = vmb_chan_signal(chan);
    vmb_lane_leave(&chan->rx_lane_);
    return status;
}

bool vmb_chan_arm(struct vmb_chan *chan)
{
    bool work;

    if (!vmb_lane_enter(&chan->rx_lane_))
        return true;
    work = vmb_chan_gate(chan) != VMB_OK || vmb_ring_arm(&chan->rx_) ||
           __atomic_load_n(&chan->signal_owed_, __ATOMIC_RELAXED);
    vmb_lane_leave(&chan->rx_lane_);
    return work;
}
