/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Blocking forms.  Nothing but public calls: whoever wants to wait otherwise
 * copies from here.
 */
#include "turn.h"

#define STEP 10000u /* longest sleep between two polls: 1 ms */

static void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

enum vmb_status vmb_wait_turn(struct vmb_conn *conn)
{
    const struct vmb_hv *hv = vmb_conn_hv(conn);
    enum vmb_status status;

    (void)vmb_cpu_scan(vmb_conn_cpu(conn));
    status = vmb_conn_poll(conn);
    if (hv->plat->relax)
        hv->plat->relax(hv->plat->ctx, vmb_hv_now(hv) + STEP);
    else
        pause_cpu();
    return status;
}

/*
 * An object's status while it reads VMB_AGAIN and the connection lives; when
 * that dies no answer comes any more.
 */
#define WAIT_WHILE_AGAIN(conn, expression)                              \
    do {                                                                \
        enum vmb_status status_, bus_ = VMB_OK;                         \
                                                                        \
        while ((status_ = (expression)) == VMB_AGAIN && bus_ >= VMB_OK) \
            bus_ = vmb_wait_turn(conn);                                 \
        return status_ == VMB_AGAIN ? bus_ : status_;                   \
    } while (0)

enum vmb_status vmb_wait_conn(struct vmb_conn *conn)
{
    WAIT_WHILE_AGAIN(conn, vmb_conn_status(conn));
}

enum vmb_status vmb_wait_unload(struct vmb_conn *conn)
{
    if (vmb_conn_unload_status(conn) != VMB_AGAIN) {
        enum vmb_status status = vmb_conn_unload_start(conn);

        if (status != VMB_OK)
            return status;
    }
    WAIT_WHILE_AGAIN(conn, vmb_conn_unload_status(conn));
}

enum vmb_status vmb_wait_open(struct vmb_conn *conn, struct vmb_chan *chan)
{
    WAIT_WHILE_AGAIN(conn, vmb_chan_open_status(chan));
}

enum vmb_status vmb_wait_close(struct vmb_conn *conn, struct vmb_chan *chan)
{
    if (vmb_chan_close_status(chan) != VMB_AGAIN) {
        enum vmb_status status = vmb_chan_close_start(chan);

        if (status != VMB_OK)
            return status;
    }
    WAIT_WHILE_AGAIN(conn, vmb_chan_close_status(chan));
}

enum vmb_status vmb_wait_gpadl(struct vmb_conn *conn, struct vmb_gpadl *gpadl)
{
    WAIT_WHILE_AGAIN(conn, vmb_gpadl_create_status(gpadl));
}

enum vmb_status vmb_wait_gpadl_destroy(struct vmb_conn *conn,
                                       struct vmb_gpadl *gpadl)
{
    if (vmb_gpadl_destroy_status(gpadl) != VMB_AGAIN) {
        enum vmb_status status = vmb_gpadl_destroy_start(gpadl);

        if (status != VMB_OK)
            return status;
    }
    WAIT_WHILE_AGAIN(conn, vmb_gpadl_destroy_status(gpadl));
}

enum vmb_status vmb_wait_modify(struct vmb_conn *conn, struct vmb_chan *chan)
{
    WAIT_WHILE_AGAIN(conn, vmb_conn_modify_status(chan));
}

bool vmb_wait_is_past(const struct vmb_conn *conn, uint64_t deadline)
{
    return vmb_hv_now(vmb_conn_hv(conn)) >= deadline;
}

uint64_t vmb_wait_deadline(const struct vmb_conn *conn, uint64_t timeout)
{
    uint64_t now = vmb_hv_now(vmb_conn_hv(conn));

    return timeout > UINT64_MAX - now ? UINT64_MAX : now + timeout;
}

enum vmb_status vmb_wait_send(struct vmb_conn *conn, struct vmb_chan *chan,
                              const struct vmb_out *out, uint64_t timeout)
{
    enum vmb_status status = vmb_chan_send(chan, out);
    uint64_t deadline;

    if (status != VMB_AGAIN)
        return status;
    deadline = vmb_wait_deadline(conn, timeout);
    while ((status = vmb_chan_send(chan, out)) == VMB_AGAIN) {
        if (vmb_wait_is_past(conn, deadline))
            return VMB_E_TIMEOUT;
        (void)vmb_wait_turn(conn);
    }
    return status;
}

enum vmb_status vmb_wait_recv(struct vmb_conn *conn, struct vmb_chan *chan,
                              struct vmb_rx *rx, uint64_t timeout)
{
    enum vmb_status status = vmb_chan_recv(chan, rx);
    uint64_t deadline;

    if (status != VMB_AGAIN)
        return status;
    deadline = vmb_wait_deadline(conn, timeout);
    while ((status = vmb_chan_recv(chan, rx)) == VMB_AGAIN) {
        if (vmb_wait_is_past(conn, deadline))
            return VMB_E_TIMEOUT;
        (void)vmb_wait_turn(conn);
    }
    return status;
}
