/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What is to be posted, in order; retry; deadlines.
 *
 * Work is queued in its object and built when its turn comes, so the queue
 * needs no memory of its own.  While the host takes no message the head stays
 * where it is and the next poll tries again: a close never overtakes what was
 * asked for before it.
 *
 *   add --> queued --posted--> waiting for the answer --forget--> idle
 *              |                     |
 *              +------ deadline -----+--> expire
 */
#include "../fault.h"
#include "../host.h"
#include "../hv/hypercall.h"
#include "../trace.h"
#include "conn_internal.h"

void vmb_post_add(struct vmb_conn *conn, struct vmb_bus_work *work,
                  enum vmb_work what)
{
    vmb_post_forget(conn, work);
    work->next = NULL;
    work->what = (uint8_t)what;
    work->step = 0;
    work->queued = true;
    work->waiting = true;
    work->since = vmb_hv_now(conn->hv_);
    conn->waiting_++;
    *conn->queue_end_ = work;
    conn->queue_end_ = &work->next;
}

static void unlink_queued(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    struct vmb_bus_work **at = &conn->queue_;

    while (*at != work) {
        VMB_INVARIANT(*at);
        at = &(*at)->next;
    }
    *at = work->next;
    if (!work->next)
        conn->queue_end_ = at;
    work->queued = false;
}

void vmb_post_forget(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    if (work->queued)
        unlink_queued(conn, work);
    if (work->waiting)
        conn->waiting_--;
    work->waiting = false;
    work->what = VMB_WORK_NONE;
}

bool vmb_post_awaits(const struct vmb_bus_work *work, enum vmb_work what)
{
    return work->waiting && !work->queued && work->what == what;
}

enum vmb_status vmb_post_now(struct vmb_conn *conn, uint32_t connection,
                             uint32_t bytes)
{
    struct vmb_post_input *input = conn->message_page_;
    uint32_t number = conn->out_.header.number;

    vmb_host_store32(&input->connection_id, connection);
    vmb_host_store32(&input->message_type, VMB_MESSAGE_VMBUS);
    vmb_host_store32(&input->payload_bytes, bytes);
    vmb_host_write(input->payload, &conn->out_, bytes);
    conn->post_status_ = vmb_hv_post_message(conn->hv_, input);
    if (conn->post_status_ == VMB_HV_STATUS_SUCCESS) {
        vmb_trace(conn->bus_.plat, VMB_EVENT_POST, 0, number, bytes);
        return VMB_OK;
    }
    vmb_trace(conn->bus_.plat, VMB_EVENT_RETRY, 0, number, conn->post_status_);
    if (vmb_hv_transient(conn->post_status_))
        return VMB_AGAIN;
    /*
     * A port that is being set up, or a guest that posts too much, gets the
     * answer of one that does not exist (mu_msvm EfiHvProtocol.c; Linux
     * retries too) but for the contact of version 5 and up, where it means
     * that the host is older.
     */
    if (conn->post_status_ == VMB_HV_STATUS_INVALID_CONNECTION_ID &&
        (connection != VMB_CONNECTION_MULTI_CLIENT ||
         number != VMB_MSG_INITIATE_CONTACT))
        return VMB_AGAIN;
    return VMB_E_HYPERCALL;
}

/* The connection id that contact goes to depends on the version it asks for. */
static uint32_t connection_for(struct vmb_conn *conn,
                               const struct vmb_bus_work *work)
{
    if (work->what == VMB_WORK_CONTACT)
        conn->message_connection_ = vmb_version_current(conn) >= VMB_VERSION_5_0
                                        ? VMB_CONNECTION_MULTI_CLIENT
                                        : VMB_CONNECTION_MESSAGE;
    return conn->message_connection_;
}

/*
 * The host has not heard of it, so the next close says it again; and the
 * teardown queued behind must not go out alone: QEMU grants it and goes on
 * using the rings (observed on QEMU 10.0).
 */
static void close_failed(struct vmb_conn *conn, struct vmb_chan *chan)
{
    chan->host_open_ = true;
    if (!chan->gpadl_.work_.waiting)
        return;
    vmb_native_torndown(&chan->gpadl_, &conn->why_);
}

/* Work that will not be answered, conn->why_ says what of it: tell its owner.
 */
static void fail(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    struct vmb_fault *why = &conn->why_;
    uint8_t what = work->what;

    vmb_post_forget(conn, work);
    switch (what) {
    case VMB_WORK_CONTACT:
        if (conn->post_status_ == VMB_HV_STATUS_INVALID_CONNECTION_ID &&
            conn->message_connection_ == VMB_CONNECTION_MULTI_CLIENT)
            vmb_version_refused(conn, why);
        else
            vmb_conn_fail(conn, why);
        break;
    case VMB_WORK_OFFERS:
        vmb_conn_fail(conn, why);
        break;
    case VMB_WORK_UNLOAD:
        if (why->status == VMB_OK)
            vmb_conn_unloaded(conn);
        else
            vmb_conn_fail(conn, why);
        break;
    case VMB_WORK_OPEN:
        vmb_bus_open_done(vmb_work_chan(work), why);
        break;
    case VMB_WORK_MODIFY:
        vmb_modify_done(vmb_work_chan(work), why);
        break;
    case VMB_WORK_GPADL:
        vmb_native_created(vmb_work_gpadl(work), why);
        break;
    case VMB_WORK_GPADL_DOWN:
        vmb_native_torndown(vmb_work_gpadl(work), why);
        break;
    case VMB_WORK_CLOSE:
        close_failed(conn, vmb_work_chan(work));
        break;
    default:
        break;
    }
}

/* The message is the host's.  What has no answer ends here. */
static void posted(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    work->step++;
    work->since = vmb_hv_now(conn->hv_);
    if (vmb_message_more(work))
        return;
    unlink_queued(conn, work);
    if (work->what == VMB_WORK_CONTACT)
        conn->contacted_ = true;
    if (work->what == VMB_WORK_GPADL_DOWN)
        vmb_work_gpadl(work)->down_posted_ = true;
    if (work->what == VMB_WORK_UNLOAD)
        conn->unload_posted_ = true;
    if (work->what == VMB_WORK_CLOSE)
        vmb_post_forget(conn, work);
    if (work->what == VMB_WORK_MODIFY && conn->version_ < VMB_VERSION_5_3) {
        vmb_post_forget(conn, work);
        vmb_modify_done(vmb_work_chan(work), &vmb_no_fault);
    }
}

void vmb_post_pending(struct vmb_conn *conn)
{
    struct vmb_bus_work *work;
    enum vmb_status status;
    uint32_t bytes, i;

    for (i = 0; i < VMB_CONN_BUDGET && conn->queue_; i++) {
        work = conn->queue_;
        bytes = vmb_message_build(conn, work);
        status = vmb_post_now(conn, connection_for(conn, work), bytes);
        if (status == VMB_AGAIN)
            return;
        if (status == VMB_OK) {
            posted(conn, work);
            continue;
        }
        vmb_fault_code(&conn->why_, status, VMB_SITE_HV_HYPERCALL,
                       conn->post_status_);
        fail(conn, work);
    }
}

/*
 * Where hosts differ in whether they answer: a moment is waited, and no answer
 * is as good as one.
 *
 * Version 0.13 knows no answer to unload (OpenVMM protocol.rs), yet QEMU gives
 * one, and drops what was posted before it (observed on QEMU 10.0).
 *
 * Of a channel that it has rescinded Hyper-V has let go already and answers
 * nothing (source: Linux commits ccb61f8a and e071b933, which neither post nor
 * wait then); OpenVMM lets go when asked, and answers.
 */
#define MOMENT 10000000ull /* 1 s */

static bool may_stay_unanswered(const struct vmb_conn *conn,
                                struct vmb_bus_work *work)
{
    const struct vmb_offer *offer;

    if (work->queued)
        return false;
    if (work->what == VMB_WORK_UNLOAD)
        return conn->version_ == VMB_VERSION_0_13;
    if (work->what < VMB_WORK_GPADL)
        return false;
    offer = vmb_offers_find(conn, vmb_work_gpadl(work)->relid_);
    return offer && offer->state_ == VMB_OFFER_RESCINDED;
}

/* If its time is up: the record, and to whom it matters. */
static bool expire(struct vmb_conn *conn, struct vmb_bus_work *work,
                   uint64_t now)
{
    uint64_t most = conn->cfg_.timeout, waited = now - work->since;
    bool done;

    if (!work->waiting)
        return false;
    done = may_stay_unanswered(conn, work);
    if (done && most > MOMENT)
        most = MOMENT;
    if (!done && !work->queued && work->what == VMB_WORK_UNLOAD &&
        most < VMB_CONN_UNLOAD_TIMEOUT)
        most = VMB_CONN_UNLOAD_TIMEOUT;
    if (waited < most)
        return false;
    if (work->queued)
        vmb_fault_code(&conn->why_, VMB_E_HYPERCALL, VMB_SITE_POST_DEADLINE,
                       conn->post_status_);
    else
        vmb_fault_set(&conn->why_, VMB_E_TIMEOUT, VMB_SITE_REPLY_DEADLINE,
                      waited, 0);
    conn->why_.limit = most;
    /* What was being made it may hold: that is for the owner to take down. */
    if (done)
        conn->why_.status =
            work->what == VMB_WORK_GPADL ? VMB_E_RESCINDED : VMB_OK;
    fail(conn, work);
    return true;
}

static bool expire_one(struct vmb_conn *conn, uint64_t now)
{
    struct vmb_gpadl *gpadl;

    if (expire(conn, &conn->work_, now))
        return true;
    for (gpadl = conn->gpadls_; gpadl; gpadl = gpadl->next_) {
        if (expire(conn, &gpadl->work_, now))
            return true;
        if (gpadl->ring_ && expire(conn, &gpadl->chan_->work_, now))
            return true;
    }
    return false;
}

/* Whatever waits longest for its deadline is found by a later poll. */
void vmb_post_expire(struct vmb_conn *conn)
{
    uint32_t i;

    if (!conn->waiting_)
        return;
    /* The time anew each turn: what one end begins began after the last. */
    for (i = 0; i < VMB_CONN_BUDGET; i++)
        if (!expire_one(conn, vmb_hv_now(conn->hv_)))
            break;
}
