/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * dispatch(): whatever message of whatever length the host sends,
 *   - its handler sees only one that is long enough for what it reads,
 *   - an answer reaches only an object that waits for it, of that relid and
 *     id; others are on record and change nothing.
 *
 * What the handlers of other files do with it: offers, versions.
 *
 * Bounds: none but the library's own table; the look-ups are any function
 * that finds nothing, or what was asked for.
 *
 * Options: --unwind 10 --unsigned-overflow-check
 */
#include "../proof.h"

#include "../../../src/fault.c"
#include "../../../src/vmbus/dispatch.c"

static struct vmb_conn conn;
static struct vmb_offer offer;
static struct vmb_chan chan;
static struct vmb_gpadl gpadl;
static const struct vmb_bus_work *awaited; /* the work that waits ... */
static enum vmb_work awaited_what;         /* ... for an answer to this */
static uint32_t reached;                   /* objects */

static void reach(size_t bytes)
{
    PROVE(conn.in_bytes_ >= bytes);
    reached++;
}

/* ---- what it finds ------------------------------------------------------- */

struct vmb_offer *vmb_offers_find(const struct vmb_conn *of, uint32_t relid)
{
    PROVE(of == &conn);
    offer.relid = relid;
    return relid && nondet_bool() ? &offer : NULL;
}

struct vmb_gpadl *vmb_native_gpadl(const struct vmb_conn *of, uint32_t id)
{
    PROVE(of == &conn);
    gpadl.id_ = id;
    return nondet_bool() ? &gpadl : NULL;
}

bool vmb_post_awaits(const struct vmb_bus_work *work, enum vmb_work what)
{
    return work == awaited && what == awaited_what;
}

/* ---- what it reaches ------------------------------------------------------
 */

void vmb_offers_add(struct vmb_conn *of)
{
    PROVE(of == &conn);
    reach(VMB_OFFER_BYTES_0_13);
}

void vmb_offers_rescind(struct vmb_conn *of)
{
    PROVE(of == &conn);
    reach(sizeof(struct vmb_msg_relid));
}

void vmb_version_response(struct vmb_conn *of)
{
    PROVE(of == &conn);
    reach(VMB_VERSION_RESPONSE_BYTES_MIN);
}

void vmb_bus_open_done(struct vmb_chan *of, const struct vmb_fault *why)
{
    const struct vmb_msg_open_result *m = &conn.in_.open_result;

    reach(sizeof *m);
    PROVE(of == &chan && vmb_post_awaits(&chan.work_, VMB_WORK_OPEN));
    PROVE(offer.relid == m->relid && chan.gpadl_.id_ == m->open_id);
    PROVE((why->status == VMB_OK) == (m->status == 0));
}

void vmb_modify_done(struct vmb_chan *of, const struct vmb_fault *why)
{
    const struct vmb_msg_modify_response *m = &conn.in_.modify_response;

    reach(sizeof *m);
    PROVE(of == &chan && vmb_post_awaits(&chan.work_, VMB_WORK_MODIFY));
    PROVE(offer.relid == m->relid);
    PROVE((why->status == VMB_OK) == (m->status == 0));
}

void vmb_native_created(struct vmb_gpadl *of, const struct vmb_fault *why)
{
    const struct vmb_msg_gpadl_created *m = &conn.in_.gpadl_created;

    reach(sizeof *m);
    PROVE(of == &gpadl && vmb_post_awaits(&gpadl.work_, VMB_WORK_GPADL));
    PROVE(gpadl.relid_ == m->relid && gpadl.id_ == m->gpadl);
    PROVE((why->status == VMB_OK) == (m->status == 0));
}

/* Asked to let go, or told that it never held on. */
void vmb_native_torndown(struct vmb_gpadl *of, const struct vmb_fault *why)
{
    const struct vmb_msg_gpadl_created *m = &conn.in_.gpadl_created;

    reach(sizeof(struct vmb_msg_gpadl_torndown));
    PROVE(of == &gpadl && why->status == VMB_OK);
    PROVE(conn.in_.header.number == VMB_MSG_GPADL_TORNDOWN
              ? gpadl.down_posted_
              : m->status && gpadl.relid_ == m->relid &&
                    gpadl.state_ >= VMB_GPADL_DESTROYING);
}

void vmb_conn_unloaded(struct vmb_conn *of)
{
    PROVE(of == &conn && conn.unload_posted_);
    reached++;
}

void vmb_conn_tell(struct vmb_conn *of, enum vmb_conn_event event,
                   struct vmb_offer *about)
{
    PROVE(of == &conn && event == VMB_CONN_ALL_OFFERS && !about);
    PROVE(vmb_post_awaits(&conn.work_, VMB_WORK_OFFERS));
    reached++;
}

/* ---- and the rest -----------------------------------------------------------
 */

static bool on_record;

void vmb_conn_complain(struct vmb_conn *of, enum vmb_site site, uint64_t got,
                       uint64_t limit)
{
    PROVE(of == &conn && site != VMB_SITE_NONE);
    (void)got;
    (void)limit;
    on_record = true;
}

void vmb_conn_record_stray(struct vmb_conn *of, uint64_t id, uint32_t number)
{
    vmb_conn_complain(of, VMB_SITE_MSG_STRAY, id, number);
}

void vmb_conn_record(struct vmb_conn *of, const struct vmb_fault *fault)
{
    vmb_conn_complain(of, (enum vmb_site)fault->site, fault->got, fault->limit);
}

void vmb_post_forget(struct vmb_conn *of, struct vmb_bus_work *work)
{
    PROVE(of == &conn);
    (void)work;
}

uint32_t vmb_message_of_relid(struct vmb_conn *of, uint32_t number,
                              uint32_t relid)
{
    PROVE(of == &conn && number == VMB_MSG_CLOSE);
    (void)relid;
    return sizeof(struct vmb_msg_relid);
}

/* An open that came late is undone, and none but such a one. */
enum vmb_status vmb_post_now(struct vmb_conn *of, uint32_t connection,
                             uint32_t bytes)
{
    PROVE(of == &conn && connection == conn.message_connection_);
    PROVE(conn.in_.header.number == VMB_MSG_OPEN_RESULT);
    PROVE(conn.in_.open_result.status == 0 && bytes != 0);
    PROVE(!offer.chan_ || chan.state_ != VMB_CHAN_OPEN);
    return nondet_bool() ? VMB_OK : VMB_AGAIN;
}

void vmb_trace(const struct vmb_platform *plat, enum vmb_event event,
               uint32_t relid, uint64_t a, uint64_t b)
{
    (void)plat;
    (void)event;
    (void)relid;
    (void)a;
    (void)b;
}

int main(void)
{
    __CPROVER_havoc_object(&conn);
    __CPROVER_havoc_object(&gpadl);
    __CPROVER_havoc_object(&chan);
    conn.cfg_.on_message = NULL;
    conn.unload_posted_ = nondet_bool();
    gpadl.down_posted_ = nondet_bool();
    offer.chan_ = nondet_bool() ? &chan : NULL;
    awaited = nondet_bool()   ? &conn.work_
              : nondet_bool() ? &chan.work_
                              : &gpadl.work_;
    awaited_what = (enum vmb_work)nondet_u8();
    GIVEN(conn.in_bytes_ <= sizeof conn.in_);
    dispatch(&conn);
    PROVE(reached <= 1 && on_record == (reached == 0));
    return 0;
}
