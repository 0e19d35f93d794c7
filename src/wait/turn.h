/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_WAIT_TURN_H
#define VMB_SRC_WAIT_TURN_H
/* What the loops of this room share.  Nothing but public calls. */
#include <vmb/wait.h>

/* One turn: collect, move the connection on, rest.  Its vmb_conn_poll(). */
enum vmb_status vmb_wait_turn(struct vmb_conn *conn);

/* In `timeout` 100 ns units; never if that passes the end of time. */
uint64_t vmb_wait_deadline(const struct vmb_conn *conn, uint64_t timeout);
bool vmb_wait_is_past(const struct vmb_conn *conn, uint64_t deadline);

#endif
