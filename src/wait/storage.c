/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Blocking forms: nothing but public calls, as src/wait/wait.c. */
#include <vmb/storvsc.h>

#include "turn.h"

/*
 * The rest of a turn, after the controller was polled.  VMB_AGAIN: go on.
 * What the controller cannot say any more its connection does.  Not inlined,
 * so that the loops below have small frames.
 */
__attribute__((noinline)) static enum vmb_status
turn(struct vmb_conn *conn, enum vmb_status status, uint64_t end)
{
    enum vmb_status bus = vmb_wait_turn(conn);

    if (status >= VMB_OK && bus < VMB_OK)
        status = bus;
    if (status >= VMB_OK && vmb_wait_is_past(conn, end))
        status = VMB_E_TIMEOUT;
    return status < VMB_OK ? status : VMB_AGAIN;
}

#define WAIT_WHILE_AGAIN(conn, ctl, end, status, expression)             \
    do {                                                                 \
        enum vmb_status turn_ = VMB_AGAIN;                               \
                                                                         \
        while (((status) = (expression)) == VMB_AGAIN && turn_ > VMB_OK) \
            turn_ = turn(conn, vmb_storvsc_poll(ctl), end);              \
        if ((status) == VMB_AGAIN)                                       \
            (status) = turn_;                                            \
    } while (0)

/* Open, and all sub-channels granted are in use or given up? */
__attribute__((noinline)) static enum vmb_status joined(struct vmb_conn *conn,
                                                        struct vmb_storvsc *ctl)
{
    uint32_t i = vmb_storvsc_subchannels(ctl);
    enum vmb_status status = vmb_storvsc_open_status(ctl);

    for (; i > 0; i--) {
        struct vmb_offer *offer = vmb_conn_find(
            conn, &ctl->offer_->type, &ctl->offer_->instance, (uint16_t)i);

        if (!offer || vmb_storvsc_add_channel(ctl, offer) == VMB_AGAIN)
            status = VMB_AGAIN;
    }
    return status;
}

enum vmb_status vmb_wait_storvsc_open(struct vmb_conn *conn,
                                      struct vmb_storvsc *ctl, uint64_t timeout)
{
    uint64_t end = vmb_wait_deadline(conn, timeout);
    enum vmb_status status;

    WAIT_WHILE_AGAIN(conn, ctl, end, status, joined(conn, ctl));
    if (status == VMB_E_TIMEOUT && vmb_storvsc_open_status(ctl) == VMB_OK)
        return VMB_OK;
    return status;
}

enum vmb_status vmb_wait_storvsc_close(struct vmb_conn *conn,
                                       struct vmb_storvsc *ctl)
{
    enum vmb_status status = vmb_storvsc_close_status(ctl), bus = VMB_OK;

    if (status < VMB_OK)
        bus = vmb_storvsc_close_start(ctl); /* or why not, as status has it */
    while ((status = vmb_storvsc_close_status(ctl)) == VMB_AGAIN &&
           bus >= VMB_OK)
        bus = vmb_wait_turn(conn);
    return status == VMB_AGAIN ? bus : status;
}

enum vmb_status vmb_wait_disk_open(struct vmb_conn *conn, struct vmb_disk *disk,
                                   uint64_t timeout)
{
    uint64_t end = vmb_wait_deadline(conn, timeout);
    enum vmb_status status;

    WAIT_WHILE_AGAIN(conn, disk->ctl_, end, status, vmb_disk_open_status(disk));
    return status;
}

enum vmb_status vmb_wait_storvsc_req(struct vmb_conn *conn,
                                     struct vmb_storvsc *ctl,
                                     struct vmb_storvsc_req *req,
                                     uint64_t timeout)
{
    uint64_t end = vmb_wait_deadline(conn, timeout);
    enum vmb_status status;

    WAIT_WHILE_AGAIN(conn, ctl, end, status, req->status);
    return status;
}
