/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The native connection as a bus: the five calls of bus.h, in messages,
 * hypercalls and the two shared pages.
 */
#include "../fault.h"
#include "../host.h"
#include "../hv/hypercall.h"
#include "../trace.h"
#include "chan_internal.h"
#include "conn_internal.h"

struct vmb_gpadl *vmb_native_gpadl(const struct vmb_conn *conn, uint32_t id)
{
    struct vmb_gpadl *gpadl;

    for (gpadl = conn->gpadls_; gpadl; gpadl = gpadl->next_)
        if (gpadl->id_ == id)
            return gpadl;
    return NULL;
}

/*
 * Unique among all alive on the connection: bodies carry no channel, and
 * OpenVMM panics on one id for a channel and its sub-channel.
 */
static uint32_t new_id(struct vmb_conn *conn)
{
    do
        conn->last_gpadl_++;
    while (conn->last_gpadl_ == 0 || vmb_native_gpadl(conn, conn->last_gpadl_));
    return conn->last_gpadl_;
}

/*
 * A caller's slip that would show only much later, as an answer that finds no
 * channel: an offer that is a copy, a CPU of another machine.
 */
static bool ring_is_wrong(const struct vmb_conn *conn,
                          const struct vmb_gpadl *ring)
{
    const struct vmb_chan *chan = ring->chan_;

    if (vmb_offers_find(conn, chan->relid_) != chan->offer_)
        return true;
    return chan->cpu_ && chan->cpu_->hv_ != conn->hv_;
}

static enum vmb_status native_gpadl(struct vmb_bus *bus,
                                    struct vmb_gpadl *gpadl)
{
    struct vmb_conn *conn = vmb_conn_of(bus);

    if (!vmb_conn_is_up(conn))
        return VMB_E_STATE;
    if (gpadl->ring_ && ring_is_wrong(conn, gpadl))
        return VMB_E_ARG;
    gpadl->id_ = new_id(conn);
    gpadl->next_ = conn->gpadls_;
    conn->gpadls_ = gpadl;
    vmb_post_add(conn, &gpadl->work_, VMB_WORK_GPADL);
    return VMB_OK;
}

static enum vmb_status native_gpadl_down(struct vmb_bus *bus,
                                         struct vmb_gpadl *gpadl)
{
    struct vmb_conn *conn = vmb_conn_of(bus);

    if (!vmb_conn_is_up(conn))
        return VMB_E_STATE;
    vmb_post_add(conn, &gpadl->work_, VMB_WORK_GPADL_DOWN);
    return VMB_OK;
}

static void unlist(struct vmb_conn *conn, struct vmb_gpadl *gpadl)
{
    struct vmb_gpadl **at = &conn->gpadls_;

    while (*at != gpadl) {
        VMB_INVARIANT(*at);
        at = &(*at)->next_;
    }
    *at = gpadl->next_;
}

/* The host knows nothing of it when it refused, or was never reached. */
void vmb_native_created(struct vmb_gpadl *gpadl, const struct vmb_fault *why)
{
    /* Step 0: not one message of it was taken. */
    gpadl->unheard_ = gpadl->work_.step == 0;
    if (why->status == VMB_E_REFUSED || gpadl->unheard_)
        unlist(vmb_conn_of(gpadl->bus_), gpadl);
    vmb_bus_gpadl_done(gpadl, why);
}

void vmb_native_torndown(struct vmb_gpadl *gpadl, const struct vmb_fault *why)
{
    struct vmb_conn *conn = vmb_conn_of(gpadl->bus_);

    vmb_post_forget(conn, &gpadl->work_);
    if (why->status == VMB_OK) {
        unlist(conn, gpadl);
        /* A channel whose rings are gone is the caller's: nothing of it may
         * stay in the queue, such as the close after an open that came late. */
        if (gpadl->ring_)
            vmb_post_forget(conn, &gpadl->chan_->work_);
    }
    vmb_bus_gpadl_down_done(gpadl, why);
}

static enum vmb_status native_open(struct vmb_bus *bus, struct vmb_chan *chan)
{
    struct vmb_conn *conn = vmb_conn_of(bus);

    if (!vmb_conn_is_up(conn))
        return VMB_E_STATE;
    /* Below 2.4 hosts signal all channels through one page, and VP 0 alone
     * (OpenVMM vmbus_server/lib.rs; QEMU does as asked): who else looked at it
     * would take what others sleep for. */
    if (!chan->cpu_ || conn->version_ < VMB_VERSION_2_4)
        chan->cpu_ = conn->cfg_.cpu;
    vmb_conn_serve(conn, chan->cpu_);
    vmb_post_add(conn, &chan->work_, VMB_WORK_OPEN);
    return VMB_OK;
}

static void native_close(struct vmb_bus *bus, struct vmb_chan *chan)
{
    struct vmb_conn *conn = vmb_conn_of(bus);

    if (vmb_conn_is_up(conn))
        vmb_post_add(conn, &chan->work_, VMB_WORK_CLOSE);
}

/*
 * Below 2.4 a channel without an interrupt of its own is named by a bit in the
 * second half of the interrupt page.
 */
static void set_interrupt_bit(const struct vmb_conn *conn, uint32_t relid)
{
    uint32_t *bits = (uint32_t *)conn->interrupt_page_ +
                     VMB_PAGE_SIZE / 2 / sizeof(uint32_t);

    vmb_host_or32(&bits[relid / 32], 1u << relid % 32);
}

static void set_monitor_bit(const struct vmb_conn *conn, uint32_t id)
{
    struct vmb_monitor_page *page = conn->monitor_to_host_;

    vmb_host_or32(&page->group[id / 32].pending, 1u << id % 32);
}

static uint32_t signal_by_hypercall(const struct vmb_conn *conn,
                                    const struct vmb_offer *offer)
{
    if (conn->version_ < VMB_VERSION_2_4 && !offer->dedicated)
        set_interrupt_bit(conn, offer->relid);
    vmb_trace(conn->bus_.plat, VMB_EVENT_SIGNAL, offer->relid,
              offer->connection_id, 0);
    return vmb_hv_signal_event(conn->hv_, offer->connection_id);
}

static enum vmb_status native_signal(struct vmb_bus *bus, struct vmb_chan *chan)
{
    struct vmb_conn *conn = vmb_conn_of(bus);
    struct vmb_fault why;
    uint32_t status;

    if (chan->offer_->monitored && conn->monitor_to_host_) {
        set_monitor_bit(conn, chan->offer_->monitor_id);
        return VMB_OK;
    }
    status = signal_by_hypercall(conn, chan->offer_);
    if (status == VMB_HV_STATUS_SUCCESS)
        return VMB_OK;
    if (!vmb_hv_transient(status)) {
        vmb_fault_code(&why, VMB_E_HYPERCALL, VMB_SITE_HV_HYPERCALL, status);
        vmb_bus_broken(chan, &why);
        return why.status;
    }
    /* The channel's mark before the CPU's, which says where to look. */
    __atomic_store_n(&chan->signal_owed_, 1u, __ATOMIC_RELAXED);
    __atomic_store_n(&conn->cfg_.cpu->owed_, 1u, __ATOMIC_RELEASE);
    return VMB_AGAIN;
}

/* A channel that dies here dies in no call of its lanes: the connection's
 * record is where it shows first. */
static void retry_signal(struct vmb_conn *conn, struct vmb_chan *chan)
{
    if (native_signal(&conn->bus_, chan) < VMB_OK)
        vmb_conn_record(conn, &chan->fault_);
}

/* Signals that the hypervisor would not take when they were due. */
void vmb_native_signal_owed(struct vmb_conn *conn)
{
    uint32_t *owed = &conn->cfg_.cpu->owed_;
    struct vmb_chan *chan;
    uint32_t i;

    /* Acquire: each channel marked before the connection was. */
    if (!__atomic_load_n(owed, __ATOMIC_RELAXED) ||
        !__atomic_exchange_n(owed, 0u, __ATOMIC_ACQUIRE))
        return;
    for (i = 0; i < conn->cfg_.offer_cap; i++) {
        chan = conn->cfg_.offers[i].chan_;
        /* Not after its close: nothing listens at that connection id. */
        if (chan &&
            __atomic_exchange_n(&chan->signal_owed_, 0u, __ATOMIC_RELAXED) &&
            vmb_chan_gate(chan) == VMB_OK)
            retry_signal(conn, chan);
    }
}

const struct vmb_bus_ops vmb_native_bus = { native_gpadl, native_gpadl_down,
                                            native_open, native_close,
                                            native_signal };
