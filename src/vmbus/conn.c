/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include <vmb/conn.h>

#include "../fault.h"
#include "../host.h"
#include "../lane.h"
#include "../trace.h"
#include "conn_internal.h"

#define KNOWN_FEATURES \
    (VMB_CONN_FEATURE_SIGNAL_PARAMETERS | VMB_CONN_FEATURE_CLIENT_ID)

/* The first fault is the one to report; the rest are counted. */
void vmb_conn_record(struct vmb_conn *conn, const struct vmb_fault *fault)
{
    vmb_trace(conn->bus_.plat, VMB_EVENT_FAULT, 0, fault->site, fault->got);
    if (conn->fault_count_++ == 0)
        conn->fault_ = *fault;
}

void vmb_conn_complain(struct vmb_conn *conn, enum vmb_site site, uint64_t got,
                       uint64_t limit)
{
    vmb_fault_host(&conn->why_, site, got, limit);
    vmb_conn_record(conn, &conn->why_);
}

void vmb_conn_record_stray(struct vmb_conn *conn, uint64_t id, uint32_t number)
{
    vmb_conn_complain(conn, VMB_SITE_MSG_STRAY, id, number);
}

/* What ends a connection matters more than strays before it. */
void vmb_conn_fail(struct vmb_conn *conn, const struct vmb_fault *why)
{
    vmb_trace(conn->bus_.plat, VMB_EVENT_FAULT, 0, why->site, why->got);
    conn->fault_count_++;
    conn->fault_ = *why;
    conn->state_ = VMB_CONN_FAILED;
    if (conn->unload_status_ == VMB_AGAIN)
        conn->unload_status_ = why->status;
}

void vmb_conn_tell(struct vmb_conn *conn, enum vmb_conn_event event,
                   struct vmb_offer *offer)
{
    if (!conn->cfg_.on_event)
        return;
    conn->bus_.calling_back_ = true;
    conn->cfg_.on_event(conn->cfg_.ctx, event, offer);
    conn->bus_.calling_back_ = false;
}

static bool cfg_is_wrong(const struct vmb_conn_cfg *cfg)
{
    if (!cfg->cpu || !cfg->pages || (uintptr_t)cfg->pages % VMB_PAGE_SIZE)
        return true;
    if (cfg->offer_cap && !cfg->offers)
        return true;
    if (cfg->features & ~(uint32_t)KNOWN_FEATURES)
        return true;
    return (cfg->features & VMB_CONN_FEATURE_CLIENT_ID) && !cfg->client_id;
}

/*
 * From now on flags of this CPU are for channels of conn.  Atomic: its
 * interrupt handler and its reader look at any time.
 */
void vmb_conn_serve(struct vmb_conn *conn, struct vmb_cpu *cpu)
{
    const struct vmb_cpu *listed;
    void *page = NULL;

    if (conn->version_ && conn->version_ < VMB_VERSION_2_4)
        page = conn->interrupt_page_;
    /* Release: who finds them finds the page and the connection set up. */
    __atomic_store_n(&cpu->interrupt_page_, page, __ATOMIC_RELEASE);
    __atomic_store_n(&cpu->conn_, conn, __ATOMIC_RELEASE);
    /* One that was stopped and started meanwhile is on the list already. */
    listed = conn->cpus_;
    while (listed && listed != cpu)
        listed = listed->next_;
    if (listed)
        return;
    cpu->next_ = conn->cpus_;
    conn->cpus_ = cpu;
}

static void serve_nobody(struct vmb_conn *conn)
{
    struct vmb_cpu *cpu;

    while ((cpu = conn->cpus_) != NULL) {
        conn->cpus_ = cpu->next_;
        /* Release: see vmb_conn_serve(). */
        __atomic_store_n(&cpu->interrupt_page_, NULL, __ATOMIC_RELEASE);
        __atomic_store_n(&cpu->conn_, NULL, __ATOMIC_RELEASE);
    }
}

static void lay_out_pages(struct vmb_conn *conn)
{
    uint8_t *pages = conn->cfg_.pages;

    vmb_host_clear(pages, (size_t)VMB_CONN_PAGES * VMB_PAGE_SIZE);
    conn->interrupt_page_ = pages;
    conn->message_page_ = pages + 3 * VMB_PAGE_SIZE;
    if (conn->cfg_.monitor) {
        conn->monitor_to_guest_ = pages + VMB_PAGE_SIZE;
        conn->monitor_to_host_ = pages + 2 * VMB_PAGE_SIZE;
    }
}

enum vmb_status vmb_conn_start(struct vmb_conn *conn, struct vmb_hv *hv,
                               const struct vmb_conn_cfg *cfg)
{
    enum vmb_status status;

    if (cfg_is_wrong(cfg))
        return VMB_E_ARG;
    if (!hv->started_ || cfg->cpu->hv_ != hv || hv->conn_)
        return VMB_E_STATE;
    __builtin_memset(conn, 0, sizeof *conn);
    conn->cfg_ = *cfg;
    conn->hv_ = hv;
    conn->bus_.ops = &vmb_native_bus;
    conn->bus_.plat = hv->plat;
    conn->queue_end_ = &conn->queue_;
    conn->unload_status_ = VMB_E_STATE;
    if (cfg->timeout == 0)
        conn->cfg_.timeout = VMB_CONN_TIMEOUT;
    /* Below, messages go to VP 0, whatever the contact says (OpenVMM
     * channels.rs): an answer would never be seen. */
    if (cfg->cpu->vp_index && cfg->min_version < VMB_VERSION_3_0)
        conn->cfg_.min_version = VMB_VERSION_3_0;
    status = vmb_version_first(conn);
    if (status != VMB_OK)
        return status;
    lay_out_pages(conn);
    if (cfg->offer_cap)
        __builtin_memset(cfg->offers, 0,
                         cfg->offer_cap * sizeof cfg->offers[0]);
    vmb_conn_serve(conn, cfg->cpu);
    hv->conn_ = conn;
    conn->state_ = VMB_CONN_CONTACT;
    vmb_post_add(conn, &conn->work_, VMB_WORK_CONTACT);
    return VMB_OK;
}

enum vmb_status vmb_conn_status(const struct vmb_conn *conn)
{
    switch (conn->state_) {
    case VMB_CONN_CONTACT:
    case VMB_CONN_OFFERS:
        return VMB_AGAIN;
    case VMB_CONN_UP:
        return VMB_OK;
    case VMB_CONN_FAILED:
        return conn->fault_.status;
    case VMB_CONN_DOWN:
    case VMB_CONN_UNLOADING:
        break;
    }
    return VMB_E_STATE;
}

static enum vmb_status poll_result(const struct vmb_conn *conn)
{
    if (conn->waiting_)
        return VMB_AGAIN;
    /* On a connection that is down these wait for nothing that could come. */
    if (vmb_conn_is_up(conn) &&
        (conn->releases_ ||
         __atomic_load_n(&conn->cfg_.cpu->owed_, __ATOMIC_RELAXED)))
        return VMB_AGAIN;
    return vmb_conn_status(conn);
}

enum vmb_status vmb_conn_poll(struct vmb_conn *conn)
{
    enum vmb_status status;

    if (conn->state_ == VMB_CONN_DOWN)
        return VMB_E_STATE;
    if (conn->bus_.calling_back_ || !vmb_lane_enter(&conn->bus_.lane_))
        return VMB_E_LANE;
    vmb_dispatch_pending(conn);
    vmb_post_pending(conn);
    /* Once an unload is on its way the host listens to neither. */
    if (vmb_conn_is_up(conn)) {
        vmb_offers_release(conn);
        vmb_native_signal_owed(conn);
    }
    vmb_post_expire(conn);
    status = poll_result(conn);
    vmb_lane_leave(&conn->bus_.lane_);
    return status;
}

/* Every object back to its caller: the host holds nothing any more. */
static void lose_everything(struct vmb_conn *conn)
{
    struct vmb_gpadl *gpadl;
    uint32_t i;

    for (i = 0; i < conn->cfg_.offer_cap; i++) {
        struct vmb_offer *offer = &conn->cfg_.offers[i];

        if (offer->chan_)
            vmb_bus_lost(offer->chan_);
        offer->state_ = VMB_OFFER_FREE;
    }
    while ((gpadl = conn->gpadls_) != NULL) {
        conn->gpadls_ = gpadl->next_;
        vmb_bus_gpadl_lost(gpadl);
    }
}

void vmb_conn_unloaded(struct vmb_conn *conn)
{
    lose_everything(conn);
    conn->version_ = 0;
    conn->state_ = VMB_CONN_DOWN;
    conn->unload_status_ = VMB_OK;
    serve_nobody(conn);
    __atomic_store_n(&conn->cfg_.cpu->owed_, 0u, __ATOMIC_RELAXED);
    conn->hv_->conn_ = NULL;
}

/* Nothing that was to be posted for channels matters after an unload. */
static void forget_channels_work(struct vmb_conn *conn)
{
    struct vmb_gpadl *gpadl;

    for (gpadl = conn->gpadls_; gpadl; gpadl = gpadl->next_) {
        vmb_post_forget(conn, &gpadl->work_);
        if (gpadl->ring_)
            vmb_post_forget(conn, &gpadl->chan_->work_);
    }
}

static enum vmb_status unload(struct vmb_conn *conn)
{
    if (conn->state_ == VMB_CONN_UNLOADING)
        return VMB_E_STATE;
    if (conn->state_ == VMB_CONN_DOWN) {
        conn->unload_status_ = VMB_OK;
        return VMB_OK;
    }
    /* That host answers no unload, so only torn-down GPADLs show that it has
     * let go, and it would let go of none after it. */
    if (conn->version_ == VMB_VERSION_0_13 && conn->gpadls_)
        return VMB_E_STATE;
    forget_channels_work(conn);
    /* Hosts answer no unload from a guest they never accepted, and QEMU
     * crashes on one (observed on QEMU 10.0): what was asked is heard first. */
    if (!conn->contacted_) {
        vmb_post_forget(conn, &conn->work_);
        vmb_conn_unloaded(conn);
        return VMB_OK;
    }
    conn->state_ = VMB_CONN_UNLOADING;
    conn->unload_status_ = VMB_AGAIN;
    if (conn->work_.what != VMB_WORK_CONTACT)
        vmb_post_add(conn, &conn->work_, VMB_WORK_UNLOAD);
    return VMB_OK;
}

enum vmb_status vmb_conn_unload_start(struct vmb_conn *conn)
{
    enum vmb_status status;

    if (!vmb_bus_enter(&conn->bus_))
        return VMB_E_LANE;
    status = unload(conn);
    vmb_bus_leave(&conn->bus_);
    return status;
}

enum vmb_status vmb_conn_unload_status(const struct vmb_conn *conn)
{
    return conn->unload_status_;
}

uint32_t vmb_conn_version(const struct vmb_conn *conn)
{
    return conn->version_;
}

uint32_t vmb_conn_features(const struct vmb_conn *conn)
{
    return conn->features_;
}

void vmb_conn_fault(const struct vmb_conn *conn, struct vmb_fault *out)
{
    *out = conn->fault_;
}

uint32_t vmb_conn_fault_count(const struct vmb_conn *conn)
{
    return conn->fault_count_;
}

struct vmb_bus *vmb_conn_bus(struct vmb_conn *conn)
{
    return &conn->bus_;
}

struct vmb_cpu *vmb_conn_cpu(const struct vmb_conn *conn)
{
    return conn->cfg_.cpu;
}

struct vmb_hv *vmb_conn_hv(const struct vmb_conn *conn)
{
    return conn->hv_;
}
