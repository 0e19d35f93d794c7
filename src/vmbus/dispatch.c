/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Control messages from the host.  Each is copied once, measured against the
 * table of <vmb/wire/vmbus.h>, and handed to the one function that knows it,
 * whatever we happen to be waiting for.
 */
#include "../fault.h"
#include "../hv/synic.h"
#include "../trace.h"
#include "conn_internal.h"

static void on_all_offers(struct vmb_conn *conn)
{
    if (!vmb_post_awaits(&conn->work_, VMB_WORK_OFFERS)) {
        vmb_conn_record_stray(conn, 0, VMB_MSG_ALL_OFFERS);
        return;
    }
    vmb_post_forget(conn, &conn->work_);
    conn->state_ = VMB_CONN_UP;
    vmb_conn_tell(conn, VMB_CONN_ALL_OFFERS, NULL);
}

/* The channel of a relid, if it waits for an answer of this kind. */
static struct vmb_chan *awaiting(struct vmb_conn *conn, uint32_t relid,
                                 enum vmb_work what)
{
    struct vmb_offer *offer = vmb_offers_find(conn, relid);

    if (!offer || !offer->chan_ || !vmb_post_awaits(&offer->chan_->work_, what))
        return NULL;
    return offer->chan_;
}

/*
 * An open that was given up has come about: undo it, for nobody else will, and
 * a host takes no teardown of the rings before.
 */
static void late_open(struct vmb_conn *conn,
                      const struct vmb_msg_open_result *m)
{
    struct vmb_offer *offer = vmb_offers_find(conn, m->relid);

    vmb_conn_record_stray(conn, m->relid, VMB_MSG_OPEN_RESULT);
    if (m->status || !offer || !vmb_conn_is_up(conn) ||
        (offer->chan_ && offer->chan_->state_ == VMB_CHAN_OPEN))
        return;
    (void)vmb_post_now(conn, conn->message_connection_,
                       vmb_message_of_relid(conn, VMB_MSG_CLOSE, m->relid));
}

static void on_open_result(struct vmb_conn *conn)
{
    const struct vmb_msg_open_result *m = &conn->in_.open_result;
    struct vmb_chan *chan = awaiting(conn, m->relid, VMB_WORK_OPEN);

    if (!chan || m->open_id != chan->gpadl_.id_) {
        late_open(conn, m);
        return;
    }
    vmb_post_forget(conn, &chan->work_);
    vmb_bus_open_done(chan, vmb_fault_of_answer(&conn->why_, m->status,
                                                VMB_SITE_OPEN_STATUS));
}

/*
 * A GPADL that was given up turns out to be refused: the host holds nothing,
 * and would never answer the teardown.
 */
static bool late_refusal(struct vmb_gpadl *gpadl,
                         const struct vmb_msg_gpadl_created *m)
{
    if (!gpadl || gpadl->relid_ != m->relid || !m->status ||
        gpadl->state_ < VMB_GPADL_DESTROYING)
        return false;
    vmb_native_torndown(gpadl, &vmb_no_fault);
    return true;
}

static void on_gpadl_created(struct vmb_conn *conn)
{
    const struct vmb_msg_gpadl_created *m = &conn->in_.gpadl_created;
    struct vmb_gpadl *gpadl = vmb_native_gpadl(conn, m->gpadl);

    if (!gpadl || gpadl->relid_ != m->relid ||
        !vmb_post_awaits(&gpadl->work_, VMB_WORK_GPADL)) {
        if (!late_refusal(gpadl, m))
            vmb_conn_record_stray(conn, m->gpadl, VMB_MSG_GPADL_CREATED);
        return;
    }
    vmb_post_forget(conn, &gpadl->work_);
    vmb_native_created(gpadl, vmb_fault_of_answer(&conn->why_, m->status,
                                                  VMB_SITE_GPADL_STATUS));
}

static void on_gpadl_torndown(struct vmb_conn *conn)
{
    const struct vmb_msg_gpadl_torndown *m = &conn->in_.gpadl_torndown;
    struct vmb_gpadl *gpadl = vmb_native_gpadl(conn, m->gpadl);

    /* Late is fine: a host may let go after we stopped waiting. */
    if (!gpadl || !gpadl->down_posted_) {
        vmb_conn_record_stray(conn, m->gpadl, VMB_MSG_GPADL_TORNDOWN);
        return;
    }
    vmb_native_torndown(gpadl, &vmb_no_fault);
}

static void on_unload_response(struct vmb_conn *conn)
{
    if (!conn->unload_posted_) {
        vmb_conn_record_stray(conn, 0, VMB_MSG_UNLOAD_RESPONSE);
        return;
    }
    vmb_post_forget(conn, &conn->work_);
    vmb_conn_unloaded(conn);
}

static void on_modify_response(struct vmb_conn *conn)
{
    const struct vmb_msg_modify_response *m = &conn->in_.modify_response;
    struct vmb_chan *chan = awaiting(conn, m->relid, VMB_WORK_MODIFY);

    if (!chan) {
        vmb_conn_record_stray(conn, m->relid, VMB_MSG_MODIFY_RESPONSE);
        return;
    }
    vmb_post_forget(conn, &chan->work_);
    vmb_modify_done(chan, vmb_fault_of_answer(&conn->why_, m->status,
                                              VMB_SITE_MODIFY_STATUS));
}

#define on_OFFER            vmb_offers_add
#define on_RESCIND          vmb_offers_rescind
#define on_ALL_OFFERS       on_all_offers
#define on_OPEN_RESULT      on_open_result
#define on_GPADL_CREATED    on_gpadl_created
#define on_GPADL_TORNDOWN   on_gpadl_torndown
#define on_VERSION_RESPONSE vmb_version_response
#define on_UNLOAD_RESPONSE  on_unload_response
#define on_MODIFY_RESPONSE  on_modify_response

struct handler {
    void (*handle)(struct vmb_conn *conn);
    uint16_t number, bytes;
};

static const struct handler handlers[] = {
#define ROW(number, name, bytes) { on_##name, number, bytes },
    VMB_MESSAGES_TO_GUEST(ROW)
#undef ROW
};

static const struct handler *find_handler(uint32_t number)
{
    size_t i;

    for (i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (handlers[i].number == number)
            return &handlers[i];
    return NULL;
}

/* No name for it: someone else's, or of a version that we did not ask for. */
static void unknown(struct vmb_conn *conn, uint32_t number)
{
    vmb_conn_complain(conn, VMB_SITE_MSG_UNKNOWN, number, VMB_MSG_HIGHEST);
    if (!conn->cfg_.on_message)
        return;
    conn->bus_.calling_back_ = true;
    conn->cfg_.on_message(conn->cfg_.ctx, &conn->in_, conn->in_bytes_);
    conn->bus_.calling_back_ = false;
}

static void too_short(struct vmb_conn *conn, uint32_t needed)
{
    vmb_conn_complain(conn, VMB_SITE_MSG_SHORT, conn->in_bytes_, needed);
}

static void dispatch(struct vmb_conn *conn)
{
    uint32_t number = conn->in_.header.number;
    const struct handler *handler = find_handler(number);

    if (conn->in_bytes_ < sizeof(struct vmb_msg_header)) {
        too_short(conn, sizeof(struct vmb_msg_header));
        return;
    }
    vmb_trace(conn->bus_.plat, VMB_EVENT_MESSAGE, 0, number, conn->in_bytes_);
    if (!handler)
        unknown(conn, number);
    else if (conn->in_bytes_ < handler->bytes)
        too_short(conn, handler->bytes);
    else
        handler->handle(conn);
}

void vmb_dispatch_pending(struct vmb_conn *conn)
{
    enum vmb_status status;
    uint32_t i;

    for (i = 0; i < VMB_CONN_BUDGET && conn->state_ != VMB_CONN_DOWN; i++) {
        /* What a short message leaves out reads as 0, never as the last
         * message's bytes. */
        __builtin_memset(&conn->in_, 0, sizeof conn->in_);
        status = vmb_synic_take(conn->cfg_.cpu, &conn->in_, sizeof conn->in_,
                                &conn->in_bytes_, &conn->why_);
        if (status == VMB_AGAIN)
            return;
        if (status == VMB_OK)
            dispatch(conn);
        else
            vmb_conn_record(conn, &conn->why_);
    }
}
