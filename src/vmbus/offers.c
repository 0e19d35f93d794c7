/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The caller's table of offers.  An offer sits in slot relid % capacity or in
 * the next free one after it, so that the usual look-up, on every event flag,
 * is one comparison; a miss costs one pass over the table.
 */
#include "../fault.h"
#include "conn_internal.h"

#define RELIDS   VMB_EVENT_FLAGS /* one event flag each */
#define MONITORS (VMB_MONITOR_GROUPS * 32u)

static struct vmb_offer *slot(const struct vmb_conn *conn, uint32_t relid,
                              uint32_t probe)
{
    return &conn->cfg_.offers[(relid + probe) % conn->cfg_.offer_cap];
}

/* relid is atomic, for vmb_cpu_next_ready() looks while poll may add. */
struct vmb_offer *vmb_offers_find(const struct vmb_conn *conn, uint32_t relid)
{
    uint32_t probe;

    if (relid == 0)
        return NULL;
    for (probe = 0; probe < conn->cfg_.offer_cap; probe++) {
        struct vmb_offer *offer = slot(conn, relid, probe);

        /* Acquire: the rest of the offer is not older than its relid. */
        if (__atomic_load_n(&offer->relid, __ATOMIC_ACQUIRE) == relid)
            return offer;
    }
    return NULL;
}

static struct vmb_offer *find_free(struct vmb_conn *conn, uint32_t relid)
{
    uint32_t probe;

    for (probe = 0; probe < conn->cfg_.offer_cap; probe++) {
        struct vmb_offer *offer = slot(conn, relid, probe);

        if (offer->state_ == VMB_OFFER_FREE)
            return offer;
    }
    return NULL;
}

/* From the message in conn->in_; everything but relid, which publishes. */
static void fill(struct vmb_conn *conn, struct vmb_offer *offer)
{
    const struct vmb_msg_offer *m = &conn->in_.offer;

    __builtin_memcpy(offer->type.b, m->type, sizeof m->type);
    __builtin_memcpy(offer->instance.b, m->instance, sizeof m->instance);
    __builtin_memcpy(offer->user, m->user, sizeof m->user);
    offer->flags = m->flags;
    offer->mmio_mebibytes = m->mmio_mebibytes;
    offer->subchannel = m->subchannel;
    offer->monitor_id = m->monitor_id;
    offer->monitored = m->monitor_allocated & 1;
    offer->dedicated = false;
    offer->connection_id = VMB_CONNECTION_EVENT;
    if (conn->version_ >= VMB_VERSION_1_1) {
        offer->dedicated = m->dedicated & 1;
        offer->connection_id = m->connection_id;
    }
    offer->state_ = VMB_OFFER_PRESENT;
    if (!offer->monitored || offer->monitor_id < MONITORS)
        return;
    offer->monitored = false;
    vmb_conn_complain(conn, VMB_SITE_OFFER_MONITOR, offer->monitor_id,
                      MONITORS - 1);
}

/* No slot: the caller hears of it, from an offer that is not kept. */
static void add_lost(struct vmb_conn *conn, uint32_t relid)
{
    vmb_fault_set(&conn->why_, VMB_E_NOSLOT, VMB_SITE_OFFER_TABLE, relid,
                  conn->cfg_.offer_cap);
    vmb_conn_record(conn, &conn->why_);
    fill(conn, &conn->lost_);
    conn->lost_.relid = relid;
    vmb_conn_tell(conn, VMB_CONN_OFFER_LOST, &conn->lost_);
}

/* The oldest hosts end the message before the fields of version 1.1. */
static bool is_short(const struct vmb_conn *conn)
{
    return conn->version_ >= VMB_VERSION_1_1 &&
           conn->in_bytes_ < sizeof(struct vmb_msg_offer);
}

/* Could this be an offer?  What is wrong with it is on record. */
static bool is_sound(struct vmb_conn *conn, uint32_t relid)
{
    if (!vmb_conn_is_up(conn))
        vmb_conn_record_stray(conn, relid, VMB_MSG_OFFER);
    else if (is_short(conn))
        vmb_conn_complain(conn, VMB_SITE_MSG_SHORT, conn->in_bytes_,
                          sizeof(struct vmb_msg_offer));
    else if (relid == 0 || relid >= RELIDS)
        vmb_conn_complain(conn, VMB_SITE_OFFER_RELID, relid, RELIDS - 1);
    else if (vmb_offers_find(conn, relid))
        vmb_conn_complain(conn, VMB_SITE_OFFER_DUPLICATE, relid, 0);
    else
        return true;
    return false;
}

void vmb_offers_add(struct vmb_conn *conn)
{
    uint32_t relid = conn->in_.offer.relid;
    struct vmb_offer *offer;

    if (!is_sound(conn, relid))
        return;
    offer = find_free(conn, relid);
    if (!offer) {
        add_lost(conn, relid);
        return;
    }
    fill(conn, offer);
    /* Release: a reader that finds the relid finds the rest filled in. */
    __atomic_store_n(&offer->relid, relid, __ATOMIC_RELEASE);
    vmb_conn_tell(conn, VMB_CONN_OFFER, offer);
}

/*
 * It found no room in the table, and has no place to wait in for a host that
 * takes no message now: that is then one device that is not offered again.
 */
static void release_lost(struct vmb_conn *conn, uint32_t relid)
{
    if (conn->state_ == VMB_CONN_OFFERS || conn->state_ == VMB_CONN_UP)
        (void)vmb_post_now(
            conn, conn->message_connection_,
            vmb_message_of_relid(conn, VMB_MSG_RELID_RELEASED, relid));
}

void vmb_offers_rescind(struct vmb_conn *conn)
{
    uint32_t relid = conn->in_.relid.relid;
    struct vmb_offer *offer = vmb_offers_find(conn, relid);

    if (!offer && conn->lost_.relid) {
        release_lost(conn, relid);
        return;
    }
    if (!offer || offer->state_ != VMB_OFFER_PRESENT) {
        vmb_conn_record_stray(conn, relid, VMB_MSG_RESCIND);
        return;
    }
    offer->state_ = VMB_OFFER_RESCINDED;
    conn->releases_++;
    if (offer->chan_) {
        /* No answer to an open or a move comes any more: this is it. */
        if (offer->chan_->work_.what != VMB_WORK_CLOSE)
            vmb_post_forget(conn, &offer->chan_->work_);
        vmb_bus_rescinded(offer->chan_);
    }
    vmb_conn_tell(conn, VMB_CONN_RESCIND, offer);
}

static bool in_use(const struct vmb_conn *conn, const struct vmb_offer *offer)
{
    const struct vmb_gpadl *gpadl;

    if (offer->chan_)
        return true;
    for (gpadl = conn->gpadls_; gpadl; gpadl = gpadl->next_)
        if (gpadl->relid_ == offer->relid)
            return true;
    return false;
}

/*
 * Give rescinded relids back once nothing hangs from them; the host offers the
 * device again, if at all, only after that.  A message that cannot be posted
 * now is tried at the next poll.
 */
void vmb_offers_release(struct vmb_conn *conn)
{
    uint32_t i, bytes;

    for (i = 0; conn->releases_ && i < conn->cfg_.offer_cap; i++) {
        struct vmb_offer *offer = &conn->cfg_.offers[i];

        if (offer->state_ != VMB_OFFER_RESCINDED || in_use(conn, offer))
            continue;
        bytes =
            vmb_message_of_relid(conn, VMB_MSG_RELID_RELEASED, offer->relid);
        if (vmb_post_now(conn, conn->message_connection_, bytes) == VMB_AGAIN)
            return;
        offer->state_ = VMB_OFFER_FREE;
        /* Release, as when it was added: somebody may look it up now. */
        __atomic_store_n(&offer->relid, 0, __ATOMIC_RELEASE);
        conn->releases_--;
    }
}

struct vmb_offer *vmb_conn_offer(struct vmb_conn *conn, uint32_t index)
{
    uint32_t i;

    for (i = 0; i < conn->cfg_.offer_cap; i++)
        if (conn->cfg_.offers[i].state_ == VMB_OFFER_PRESENT && index-- == 0)
            return &conn->cfg_.offers[i];
    return NULL;
}

static bool same(const struct vmb_guid *a, const struct vmb_guid *b)
{
    return __builtin_memcmp(a->b, b->b, sizeof a->b) == 0;
}

struct vmb_offer *vmb_conn_find(struct vmb_conn *conn,
                                const struct vmb_guid *type,
                                const struct vmb_guid *instance,
                                uint16_t subchannel)
{
    uint32_t i;

    for (i = 0; i < conn->cfg_.offer_cap; i++) {
        struct vmb_offer *offer = &conn->cfg_.offers[i];

        if (offer->state_ == VMB_OFFER_PRESENT &&
            offer->subchannel == subchannel && same(&offer->type, type) &&
            (!instance || same(&offer->instance, instance)))
            return offer;
    }
    return NULL;
}
