/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "../lane.h"
#include "conn_internal.h"

static enum vmb_status modify(struct vmb_conn *conn, struct vmb_chan *chan,
                              struct vmb_cpu *cpu)
{
    if (!vmb_conn_is_up(conn) || chan->state_ != VMB_CHAN_OPEN ||
        chan->rescinded_ || chan->work_.waiting)
        return VMB_E_STATE;
    if (conn->version_ < VMB_VERSION_4_1)
        return VMB_E_NOFEATURE;
    if (cpu->hv_ != conn->hv_ || chan->bus_ != &conn->bus_)
        return VMB_E_ARG;
    chan->next_cpu_ = cpu;
    chan->modify_status_ = VMB_AGAIN;
    /* Before the host moves it: its flag may come on either CPU. */
    vmb_conn_serve(conn, cpu);
    vmb_post_add(conn, &chan->work_, VMB_WORK_MODIFY);
    return VMB_OK;
}

enum vmb_status vmb_conn_modify_start(struct vmb_conn *conn,
                                      struct vmb_chan *chan,
                                      struct vmb_cpu *cpu)
{
    enum vmb_status status;

    if (!vmb_bus_enter(&conn->bus_))
        return VMB_E_LANE;
    status = modify(conn, chan, cpu);
    vmb_bus_leave(&conn->bus_);
    return status;
}

void vmb_modify_done(struct vmb_chan *chan, const struct vmb_fault *why)
{
    chan->modify_status_ = why->status;
    if (why->status == VMB_OK)
        chan->cpu_ = chan->next_cpu_;
}

enum vmb_status vmb_conn_modify_status(const struct vmb_chan *chan)
{
    return chan->bus_ ? chan->modify_status_ : VMB_E_STATE;
}
