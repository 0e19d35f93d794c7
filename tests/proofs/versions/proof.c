/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The agreement on a version, whatever the caller's limits and the host's
 * answers: each version asked for, and the one agreed on, lies between them;
 * each refusal goes on to an older one or ends it; messages go to a connection
 * that the host named or to the one of before; features are those asked for.
 *
 * Bounds: the library's own list; one answer from any state on the way.
 *
 * Options: --unwind 12 --unsigned-overflow-check
 */
#include "../proof.h"

#include "../../../src/fault.c"
#include "../../../src/vmbus/version.c"

static struct vmb_conn conn;
static bool asked_again, over, failed, stray;

static bool is_between(uint32_t version)
{
    return version >= conn.cfg_.min_version &&
           (conn.cfg_.max_version == 0 || version <= conn.cfg_.max_version);
}

void vmb_post_add(struct vmb_conn *of, struct vmb_bus_work *work,
                  enum vmb_work what)
{
    PROVE(of == &conn && work == &conn.work_);
    if (what == VMB_WORK_CONTACT)
        PROVE(is_between(vmb_version_current(&conn)));
    asked_again = what == VMB_WORK_CONTACT;
}

bool vmb_post_awaits(const struct vmb_bus_work *work, enum vmb_work what)
{
    PROVE(work == &conn.work_ && what == VMB_WORK_CONTACT);
    return nondet_bool();
}

void vmb_post_forget(struct vmb_conn *of, struct vmb_bus_work *work)
{
    PROVE(of == &conn && work == &conn.work_);
}

void vmb_conn_fail(struct vmb_conn *of, const struct vmb_fault *why)
{
    PROVE(of == &conn && why->status < VMB_OK);
    failed = true;
}

void vmb_conn_unloaded(struct vmb_conn *of)
{
    PROVE(of == &conn);
    over = true;
}

void vmb_conn_record_stray(struct vmb_conn *of, uint64_t id, uint32_t number)
{
    PROVE(of == &conn && number == VMB_MSG_VERSION_RESPONSE);
    (void)id;
    stray = true;
}

void vmb_conn_complain(struct vmb_conn *of, enum vmb_site site, uint64_t got,
                       uint64_t limit)
{
    PROVE(of == &conn && site != VMB_SITE_NONE);
    (void)got;
    (void)limit;
}

void vmb_conn_serve(struct vmb_conn *of, struct vmb_cpu *cpu)
{
    PROVE(of == &conn);
    (void)cpu;
}

static void prove_answer(void)
{
    struct vmb_conn before = conn;

    vmb_version_response(&conn);
    if (stray || over || failed) {
        PROVE(conn.version_ == before.version_);
    } else if (asked_again) {
        PROVE(conn.version_index_ == before.version_index_ + 1);
    } else {
        PROVE(conn.version_ == vmb_version_current(&conn));
        PROVE(is_between(conn.version_));
    }
    PROVE(stray || over || failed || asked_again ||
          conn.in_.version_response.supported);
    PROVE(
        conn.message_connection_ == before.message_connection_ ||
        (conn.message_connection_ == conn.in_.version_response.connection_id &&
         conn.message_connection_ != 0));
    PROVE((conn.features_ & ~(before.features_ | conn.cfg_.features)) == 0);
}

int main(void)
{
    __CPROVER_havoc_object(&conn);
    GIVEN(conn.in_bytes_ >= VMB_VERSION_RESPONSE_BYTES_MIN); /* messages */
    if (nondet_bool()) {
        if (vmb_version_first(&conn) == VMB_OK)
            PROVE(is_between(vmb_version_current(&conn)));
        return 0;
    }
    GIVEN(in_bounds(&conn) && is_between(vmb_version_current(&conn)));
    prove_answer();
    return 0;
}
