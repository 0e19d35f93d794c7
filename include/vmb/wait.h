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
 * vmb_conn_cfg.timeout, and the others take one.  A second caller of the bus,
 * also from its callbacks, is told so in check builds, and waits for nothing.
 */
#include <vmb/packet.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Until vmb_conn_status() is not VMB_AGAIN; returns it; VMB_E_LANE also.
 * [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_conn(struct vmb_conn *conn);

/*
 * Start unloading unless that is under way, and wait for its end, up to
 * VMB_CONN_UNLOAD_TIMEOUT or longer; returns what vmb_conn_unload_status()
 * does; VMB_E_LANE also.  After VMB_E_TIMEOUT call it again, or keep the
 * memory.  [bus]
 */
VMB_NODISCARD enum vmb_status vmb_wait_unload(struct vmb_conn *conn);

/* Until vmb_chan_open_status() is not VMB_AGAIN; returns it; VMB_E_LANE also.
 * [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_open(struct vmb_conn *conn,
                                            struct vmb_chan *chan);

/* Start closing unless that is under way, and wait for its end; returns what
 * vmb_chan_close_status() does; VMB_E_LANE also.  [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_close(struct vmb_conn *conn,
                                             struct vmb_chan *chan);

/* Until vmb_gpadl_create_status() is not VMB_AGAIN; returns it; VMB_E_LANE
 * also.  [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_gpadl(struct vmb_conn *conn,
                                             struct vmb_gpadl *gpadl);

/* Start destroying unless that is under way, and wait for its end; returns
 * what vmb_gpadl_destroy_status() does; VMB_E_LANE also.  [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_gpadl_destroy(struct vmb_conn *conn,
                                                     struct vmb_gpadl *gpadl);

/* Until vmb_conn_modify_status() is not VMB_AGAIN; returns it; VMB_E_LANE also.
 * [bus] */
VMB_NODISCARD enum vmb_status vmb_wait_modify(struct vmb_conn *conn,
                                              struct vmb_chan *chan);

/*
 * vmb_chan_send() again and again until it is not VMB_AGAIN, at most `timeout`
 * 100 ns units.  [bus] and [tx]
 *
 * VMB_E_TIMEOUT  no room came; nothing was sent.  Nothing is received here, and
 *                a host that waits for room itself may read nothing until then
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

/* ---- Client channels (channel.h) ---------------------------------------- */

/*
 * These poll and process the channel as well: its callbacks run meanwhile,
 * those of other channels do not.  Inside a callback of the channel they answer
 * VMB_E_STATE, but a synchronous request is fine in post_started.
 */

/*
 * Until vmb_channel_status() is not VMB_AGAIN, at most `timeout` 100 ns units;
 * an offer may never come.  [bus], [tx] and [rx]
 *
 * VMB_E_TIMEOUT  it is still waiting, or opening
 * VMB_E_STATE    also: inside a callback of the channel
 * others         as vmb_channel_status(), others as vmb_conn_poll()
 */
VMB_NODISCARD enum vmb_status vmb_wait_channel(struct vmb_channel *channel,
                                               uint64_t timeout);

/*
 * vmb_channel_disable_start(), and until it is DISABLED.  Packets that were
 * delivered must be completed by somebody.  [bus], [tx] and [rx]
 *
 * VMB_E_TIMEOUT  `timeout` 100 ns units are over
 * VMB_E_STATE    inside a callback of the channel
 * others         as vmb_channel_disable_status(), others as vmb_conn_poll()
 */
VMB_NODISCARD enum vmb_status
vmb_wait_channel_disable(struct vmb_channel *channel, uint64_t timeout);

/*
 * The same with vmb_channel_pause_start().  [bus], [tx] and [rx]
 *
 * VMB_E_TIMEOUT  `timeout` 100 ns units are over
 * VMB_E_STATE    inside a callback of the channel
 * others         as vmb_channel_pause_status(), others as vmb_conn_poll()
 */
VMB_NODISCARD enum vmb_status
vmb_wait_channel_pause(struct vmb_channel *channel, uint64_t timeout);

/*
 * vmb_channel_request_start(), and until it is done: with WAIT_FOR_COMPLETION
 * answered; without, in the ring, and the reply stays empty.  At most
 * `timeout` 100 ns units, then it is abandoned; 0: it is not queued, and an
 * answer is not waited for.
 * [bus], [tx] and [rx]
 *
 * VMB_OK         done; request->bytes of the answer are in request->reply
 * VMB_AGAIN      timeout 0, and no room now: nothing was sent
 * VMB_E_TIMEOUT  abandoned: it may be the host's still, with its external
 *                memory; see vmb_channel_request_abandon()
 * VMB_E_STATE    no answer could be received: not open, not running, or inside
 *                a callback other than post_started
 * VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL, VMB_E_CANCELLED  the channel
 *                ended first; in post_started abandoned, as after a time-out
 * others         as vmb_channel_request_start(), others as vmb_conn_poll()
 */
VMB_NODISCARD enum vmb_status
vmb_wait_synchronous_request(struct vmb_channel *channel,
                             struct vmb_request *request, const void *buffer,
                             uint32_t bytes, const struct vmb_mdl *mdl,
                             uint32_t flags, uint64_t timeout);

#ifdef __cplusplus
}
#endif
#endif
