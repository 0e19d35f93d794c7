/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "../fault.h"
#include "conn_internal.h"

static const uint32_t versions[] = {
    VMB_VERSION_6_0, VMB_VERSION_5_3, VMB_VERSION_5_2, VMB_VERSION_5_1,
    VMB_VERSION_5_0, VMB_VERSION_4_1, VMB_VERSION_4_0, VMB_VERSION_3_0,
    VMB_VERSION_2_4, VMB_VERSION_1_1, VMB_VERSION_0_13
};

#define VERSIONS ((uint32_t)(sizeof versions / sizeof versions[0]))

uint32_t vmb_version_current(const struct vmb_conn *conn)
{
    return versions[conn->version_index_];
}

static bool in_bounds(const struct vmb_conn *conn)
{
    return conn->version_index_ < VERSIONS &&
           vmb_version_current(conn) >= conn->cfg_.min_version;
}

enum vmb_status vmb_version_first(struct vmb_conn *conn)
{
    uint32_t ceiling = conn->cfg_.max_version;

    conn->version_index_ = 0;
    while (ceiling && conn->version_index_ < VERSIONS &&
           vmb_version_current(conn) > ceiling)
        conn->version_index_++;
    return in_bounds(conn) ? VMB_OK : VMB_E_VERSION;
}

/*
 * Try the next older one; below the floor there is nothing in common, or, if
 * the host understood the last one and said no, a refusal to pass on.
 */
void vmb_version_refused(struct vmb_conn *conn, struct vmb_fault *why)
{
    uint32_t last = vmb_version_current(conn), code = why->host_code;

    conn->contacted_ = false;
    if (conn->state_ == VMB_CONN_UNLOADING) {
        vmb_conn_unloaded(conn);
        return;
    }
    conn->version_index_++;
    if (in_bounds(conn)) {
        vmb_post_add(conn, &conn->work_, VMB_WORK_CONTACT);
        return;
    }
    if (why->status != VMB_E_REFUSED)
        vmb_fault_set(why, VMB_E_VERSION, VMB_SITE_VERSION_NONE, last,
                      conn->cfg_.min_version);
    why->host_code = code;
    vmb_conn_fail(conn, why);
}

/*
 * Where the host wants our messages from now on.  Below 5.0 it repeats the
 * version in that field (or 0: QEMU), from 5.0 the id.
 */
static void take_connection_id(struct vmb_conn *conn,
                               const struct vmb_msg_version_response *m)
{
    if (conn->version_ < VMB_VERSION_5_0)
        return;
    if (conn->in_bytes_ >=
            offsetof(struct vmb_msg_version_response, features) &&
        m->connection_id) {
        conn->message_connection_ = m->connection_id;
        return;
    }
    vmb_conn_complain(conn, VMB_SITE_VERSION_CONN_ID, conn->in_bytes_, 0);
}

/* An answer that is too short for them grants none: who asked is to know. */
static void take_features(struct vmb_conn *conn,
                          const struct vmb_msg_version_response *m)
{
    uint32_t asked = conn->cfg_.features;

    if (conn->version_ < VMB_VERSION_6_0 || asked == 0)
        return;
    if (conn->in_bytes_ >= sizeof *m)
        conn->features_ = m->features & asked;
    else
        vmb_conn_complain(conn, VMB_SITE_MSG_SHORT, conn->in_bytes_, sizeof *m);
}

static void agreed(struct vmb_conn *conn,
                   const struct vmb_msg_version_response *m)
{
    conn->version_ = vmb_version_current(conn);
    take_connection_id(conn, m);
    if (conn->state_ == VMB_CONN_UNLOADING) {
        vmb_post_add(conn, &conn->work_, VMB_WORK_UNLOAD);
        return;
    }
    take_features(conn, m);
    vmb_conn_serve(conn, conn->cfg_.cpu);
    conn->state_ = VMB_CONN_OFFERS;
    vmb_post_add(conn, &conn->work_, VMB_WORK_OFFERS);
}

void vmb_version_response(struct vmb_conn *conn)
{
    const struct vmb_msg_version_response *m = &conn->in_.version_response;

    if (!vmb_post_awaits(&conn->work_, VMB_WORK_CONTACT)) {
        vmb_conn_record_stray(conn, m->supported, VMB_MSG_VERSION_RESPONSE);
        return;
    }
    vmb_post_forget(conn, &conn->work_);
    if (m->supported && m->state == 0) {
        agreed(conn, m);
        return;
    }
    conn->why_ = vmb_no_fault;
    if (m->supported)
        vmb_fault_code(&conn->why_, VMB_E_REFUSED, VMB_SITE_CONTACT_STATE,
                       m->state);
    vmb_version_refused(conn, &conn->why_);
}
