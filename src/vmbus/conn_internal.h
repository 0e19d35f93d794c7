/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_VMBUS_CONN_INTERNAL_H
#define VMB_SRC_VMBUS_CONN_INTERNAL_H
/*
 * What the files of the native connection share.  All of it is [bus].
 *
 *   conn.c      start, poll, status, unload
 *   version.c   which versions, in which order
 *   offers.c    the table of offers
 *   native.c    the five calls of bus.h
 *   modify.c    moving a channel to another CPU
 *   messages.c  building what we send
 *   post.c      queue of what is to be sent, retry, deadlines
 *   dispatch.c  table of what we receive, and who handles it
 */
#include <vmb/chan.h>
#include <vmb/conn.h>

/* Kinds of vmb_bus_work: what has to be posted for an object. */
enum vmb_work {
    VMB_WORK_NONE = 0,
    VMB_WORK_CONTACT,
    VMB_WORK_OFFERS,
    VMB_WORK_UNLOAD,
    VMB_WORK_OPEN,
    VMB_WORK_CLOSE,
    VMB_WORK_MODIFY,
    VMB_WORK_GPADL, /* from here on the work is a GPADL's */
    VMB_WORK_GPADL_DOWN
};

#define VMB_CONTAINER(ptr, type, member) \
    ((type *)(void *)((uint8_t *)(ptr)-offsetof(type, member)))

static inline struct vmb_conn *vmb_conn_of(struct vmb_bus *bus)
{
    return VMB_CONTAINER(bus, struct vmb_conn, bus_);
}

static inline struct vmb_chan *vmb_work_chan(struct vmb_bus_work *work)
{
    return VMB_CONTAINER(work, struct vmb_chan, work_);
}

static inline struct vmb_gpadl *vmb_work_gpadl(struct vmb_bus_work *work)
{
    return VMB_CONTAINER(work, struct vmb_gpadl, work_);
}

/* May work be begun that the host must answer? */
static inline bool vmb_conn_is_up(const struct vmb_conn *conn)
{
    return conn->state_ == VMB_CONN_OFFERS || conn->state_ == VMB_CONN_UP;
}

/* conn.c */
void vmb_conn_record(struct vmb_conn *conn, const struct vmb_fault *fault);
/* The host broke the protocol: recorded, and nothing else. */
void vmb_conn_complain(struct vmb_conn *conn, enum vmb_site site, uint64_t got,
                       uint64_t limit);
void vmb_conn_record_stray(struct vmb_conn *conn, uint64_t id, uint32_t number);
void vmb_conn_tell(struct vmb_conn *conn, enum vmb_conn_event event,
                   struct vmb_offer *offer);
void vmb_conn_fail(struct vmb_conn *conn, const struct vmb_fault *why);
void vmb_conn_unloaded(struct vmb_conn *conn);

void vmb_conn_serve(struct vmb_conn *conn, struct vmb_cpu *cpu);

/* version.c */
enum vmb_status vmb_version_first(struct vmb_conn *conn);
uint32_t vmb_version_current(const struct vmb_conn *conn);
void vmb_version_refused(struct vmb_conn *conn, struct vmb_fault *why);
void vmb_version_response(struct vmb_conn *conn);

/* offers.c */
struct vmb_offer *vmb_offers_find(const struct vmb_conn *conn, uint32_t relid);
void vmb_offers_add(struct vmb_conn *conn);
void vmb_offers_rescind(struct vmb_conn *conn);
void vmb_offers_release(struct vmb_conn *conn);

/* native.c */
extern const struct vmb_bus_ops vmb_native_bus;
struct vmb_gpadl *vmb_native_gpadl(const struct vmb_conn *conn, uint32_t id);
void vmb_native_created(struct vmb_gpadl *gpadl, const struct vmb_fault *why);
void vmb_native_torndown(struct vmb_gpadl *gpadl, const struct vmb_fault *why);
void vmb_native_signal_owed(struct vmb_conn *conn);

/* modify.c */
void vmb_modify_done(struct vmb_chan *chan, const struct vmb_fault *why);

/* messages.c: fill conn->out_, return its bytes */
uint32_t vmb_message_build(struct vmb_conn *conn, struct vmb_bus_work *work);
uint32_t vmb_message_of_relid(struct vmb_conn *conn, uint32_t number,
                              uint32_t relid);
/* Is there more to build for this work after step messages? */
bool vmb_message_more(const struct vmb_bus_work *work);

/* post.c */
void vmb_post_add(struct vmb_conn *conn, struct vmb_bus_work *work,
                  enum vmb_work what);
void vmb_post_forget(struct vmb_conn *conn, struct vmb_bus_work *work);
enum vmb_status vmb_post_now(struct vmb_conn *conn, uint32_t connection,
                             uint32_t bytes);
void vmb_post_pending(struct vmb_conn *conn);
void vmb_post_expire(struct vmb_conn *conn);
/* Has this work been posted, and does it still wait for its answer? */
bool vmb_post_awaits(const struct vmb_bus_work *work, enum vmb_work what);

/* dispatch.c */
void vmb_dispatch_pending(struct vmb_conn *conn);

#endif
