/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_WAIT_H
#define VMB_WAIT_H
/*
 * The only functions that block: loops over the calls of conn.h, gpadl.h and
 * chan.h, written with nothing else, for callers with nothing better to do.
 * Each scans the connection's CPU, polls the connection, and waits through
 * plat->relax().  All run on that CPU: [bus], and where they send or receive
 * that lane too.
 *
 * When the connection dies they return what vmb_conn_poll() does, for no answer
 * comes any more.  Each ends: requests have the deadline of
 * vmb_conn_cfg.timeout, and the others take one.
 */
#include <vmb/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Until vmb_conn_status() is not VMB_AGAIN; returns it.  [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_conn(struct vmb_conn *conn);

/*
 * Start unloading unless that is under way, and wait for its end, up to
 * VMB_CONN_UNLOAD_TIMEOUT or longer; returns what vmb_conn_unload_status()
 * does.  After VMB_E_TIMEOUT call it again, or keep the memory.  [bus]
 */
VMB_NODISCARD enum vmb_status vmb_wait_unload(struct vmb_conn *conn);

/* Until vmb_chan_open_status() is not VMB_AGAIN; returns it.  [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_open(struct vmb_conn *conn,
                                            struct vmb_chan *chan);

/* Start closing unless that is under way, and wait for its end; returns what
 * vmb_chan_close_status() does.  [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_close(struct vmb_conn *conn,
                                             struct vmb_chan *chan);

/* Until vmb_gpadl_create_status() is not VMB_AGAIN; returns it.  [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_gpadl(struct vmb_conn *conn,
                                             struct vmb_gpadl *gpadl);

/* Start destroying unless that is under way, and wait for its end; returns
 * what vmb_gpadl_destroy_status() does.  [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_gpadl_destroy(struct vmb_conn *conn,
                                                     struct vmb_gpadl *gpadl);

/* Until vmb_conn_modify_status() is not VMB_AGAIN; returns it.  [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_modify(struct vmb_conn *conn,
                                              struct vmb_chan *chan);

/*
 * vmb_chan_send() again and again until it is not VMB_AGAIN, at most `timeout`
 * 100 ns units.  [bus] and [tx]
 *
 * VMB_E_TIMEOUT  no room came; nothing was sent
 * others         as vmb_chan_send()
 */
VMB_NODISCARD enum vmb_status vmb_wait_send(struct vmb_conn *conn,
                                            struct vmb_chan *chan,
                                            const struct vmb_out *out,
                                            uint64_t timeout);

/*
 * vmb_chan_recv() again and again until it is not VMB_AGAIN, at most `timeout`
 * 100 ns units.  Does not arm: it polls.  [bus] and [rx]
 *
 * VMB_E_TIMEOUT  nothing came
 * others         as vmb_chan_recv()
 */
VMB_NODISCARD enum vmb_status vmb_wait_recv(struct vmb_conn *conn,
                                            struct vmb_chan *chan,
                                            struct vmb_rx *rx,
                                            uint64_t timeout);

#ifdef __cplusplus
}
#endif
#endif
