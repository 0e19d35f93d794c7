/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Channels, packets and GPADLs, as a driver uses them. */
#include "harness.h"

static uint64_t patience(const struct rig *rig)
{
    uint64_t asked = rig->cfg.patience;

    return vmb_sim_clock(rig->sim) + (asked ? asked : SECOND);
}

/* --- Channels ------------------------------------------------------------- */

struct vmb_sim_chan *rig_host(struct vmb_sim_dev *dev)
{
    return vmb_sim_channel(dev, 0);
}

struct vmb_offer *rig_offer(struct rig *rig, struct vmb_sim_dev *dev,
                            uint16_t subchannel)
{
    struct vmb_sim_chan *chan = vmb_sim_channel(dev, subchannel);
    struct vmb_offer *offer;
    uint32_t i;

    assert_non_null(chan);
    for (i = 0; (offer = vmb_conn_offer(&rig->conn, i)) != NULL; i++)
        if (offer->relid == vmb_sim_relid(chan))
            return offer;
    return NULL;
}

enum vmb_status rig_open_start(struct rig *rig, struct link *link,
                               struct vmb_offer *offer)
{
    struct vmb_chan_cfg *cfg = &link->cfg;

    if (cfg->tx_pages == 0)
        cfg->tx_pages = 1;
    if (cfg->rx_pages == 0)
        cfg->rx_pages = 1;
    link->ring_pages = (size_t)cfg->tx_pages + cfg->rx_pages + 2;
    if (!link->ring)
        link->ring = rig_alloc(rig, link->ring_pages);
    cfg->ring = link->ring;
    link->armed = false;
    link->flagged = false;
    if (!cfg->txns) {
        cfg->txns = link->txns;
        cfg->txn_cap = RIG_TXNS;
    }
    return vmb_chan_open_start(&link->chan, vmb_conn_bus(&rig->conn), offer,
                               cfg);
}

enum vmb_status rig_try_open(struct rig *rig, struct link *link,
                             struct vmb_offer *offer)
{
    enum vmb_status status = rig_open_start(rig, link, offer);

    if (status != VMB_OK)
        return status;
    RIG_WAIT(rig, &status, vmb_chan_open_status(&link->chan));
    return status;
}

void rig_open(struct rig *rig, struct link *link, struct vmb_sim_dev *dev)
{
    struct vmb_offer *offer = rig_offer(rig, dev, 0);

    assert_non_null(offer);
    assert_int_equal(rig_try_open(rig, link, offer), VMB_OK);
}

enum vmb_status rig_try_close(struct rig *rig, struct link *link)
{
    enum vmb_status status = vmb_chan_close_start(&link->chan);

    if (status != VMB_OK)
        return status;
    RIG_WAIT(rig, &status, vmb_chan_close_status(&link->chan));
    return status;
}

void rig_close(struct rig *rig, struct link *link)
{
    assert_int_equal(rig_try_close(rig, link), VMB_OK);
    assert_false(rig_mapped(rig, link->ring, link->ring_pages));
}

/* --- Packets -------------------------------------------------------------- */

/* Until the channel is flagged, or patience ends. */
static bool wait_flag(struct rig *rig, struct link *link, uint64_t deadline)
{
    while (rig->cfg.interrupts && !link->flagged) {
        if (vmb_sim_clock(rig->sim) >= deadline)
            return false;
        rig_turn(rig);
    }
    link->flagged = false;
    if (!rig->cfg.interrupts)
        rig_turn(rig);
    return vmb_sim_clock(rig->sim) < deadline;
}

/*
 * Idle: from now on nothing is received that no interrupt told of.  All that
 * was received is given back first: a host signals only what it writes into a
 * ring that it finds empty.
 */
static void arm(struct rig *rig, struct link *link)
{
    if (!rig->cfg.interrupts || link->armed)
        return;
    if (vmb_chan_release(&link->chan) == VMB_OK)
        link->armed = !vmb_chan_arm(&link->chan);
}

enum vmb_status rig_send(struct rig *rig, struct link *link,
                         const struct vmb_out *out)
{
    uint64_t deadline = patience(rig);
    enum vmb_status status;

    while ((status = vmb_chan_send(&link->chan, out)) == VMB_AGAIN)
        if (!wait_flag(rig, link, deadline))
            return VMB_E_TIMEOUT;
    return status;
}

enum vmb_status rig_recv(struct rig *rig, struct link *link, struct vmb_rx *rx)
{
    uint64_t deadline = patience(rig);
    enum vmb_status status;

    for (;;) {
        if (link->armed && !wait_flag(rig, link, deadline))
            return VMB_E_TIMEOUT;
        link->armed = false;
        status = vmb_chan_recv(&link->chan, rx);
        if (status != VMB_AGAIN)
            return status;
        arm(rig, link);
        if (!rig->cfg.interrupts && !wait_flag(rig, link, deadline))
            return VMB_E_TIMEOUT;
    }
}

enum vmb_status rig_ask_start(struct rig *rig, struct link *link,
                              const struct ask *ask, bool with_reply)
{
    struct vmb_iov iov[2] = {
        { &ask->request, sizeof ask->request },
        { ask->payload, ask->payload_bytes },
    };
    struct vmb_out out = {
        .kind = ask->mdl ? VMB_GPA_DIRECT : VMB_INBAND,
        .iov = iov,
        .iov_count = ask->payload ? 2 : 1,
        .want_reply = with_reply,
        .user = (void *)(uintptr_t)ask,
        .mdl = ask->mdl,
        .mdl_offset = ask->mdl_offset,
        .mdl_length = ask->mdl_length,
    };

    arm(rig, link);
    return rig_send(rig, link, &out);
}

/* The completion of this request; what else comes meanwhile is dropped. */
static enum vmb_status await(struct rig *rig, struct link *link,
                             const struct ask *ask, struct vmb_rx *rx)
{
    enum vmb_status status;
    uint32_t others;

    for (others = 0; others < RIG_TXNS; others++) {
        status = rig_recv(rig, link, rx);
        if (status != VMB_OK)
            return status;
        if (rx->kind == VMB_COMPLETION && rx->user == ask)
            return VMB_OK;
        status = vmb_chan_release(&link->chan);
        if (status != VMB_OK)
            return status;
    }
    return VMB_E_TIMEOUT;
}

enum vmb_status rig_try_ask(struct rig *rig, struct link *link,
                            const struct ask *ask,
                            struct vmb_sim_test_reply *reply)
{
    enum vmb_status status = rig_ask_start(rig, link, ask, true);
    struct vmb_rx rx;
    uint32_t got;

    if (status == VMB_OK)
        status = await(rig, link, ask, &rx);
    if (status != VMB_OK)
        return status;
    memset(reply, 0, sizeof *reply);
    got = vmb_rx_copy(&link->chan, &rx, 0, reply, sizeof *reply);
    status = vmb_chan_release(&link->chan);
    if (status == VMB_OK &&
        (got != sizeof *reply || reply->op != ask->request.op))
        return VMB_E_BUG;
    return status;
}

void rig_ask(struct rig *rig, struct link *link, const struct ask *ask,
             struct vmb_sim_test_reply *reply)
{
    assert_int_equal(rig_try_ask(rig, link, ask, reply), VMB_OK);
    assert_int_equal(reply->status, 0);
}

/* One echo: header and `bytes` of pattern there and back. */
static enum vmb_status echo(struct rig *rig, struct link *link, uint32_t bytes)
{
    uint8_t there[512], back[sizeof there + 32];
    struct ask ask = { .request = { .op = VMB_SIM_ECHO, .seed = bytes },
                       .payload = there,
                       .payload_bytes = bytes };
    uint32_t head = sizeof ask.request, padded = (head + bytes + 7) & ~7u, i;
    enum vmb_status status;
    struct vmb_rx rx;

    for (i = 0; i < bytes; i++)
        there[i] = vmb_sim_pattern(bytes, i);
    status = rig_ask_start(rig, link, &ask, true);
    if (status == VMB_OK)
        status = await(rig, link, &ask, &rx);
    if (status != VMB_OK)
        return status;
    memset(back, 0xee, sizeof back);
    if (rx.len != padded ||
        vmb_rx_copy(&link->chan, &rx, 0, back, padded) != padded ||
        memcmp(back, &ask.request, head) != 0 ||
        memcmp(back + head, there, bytes) != 0)
        return VMB_E_BUG;
    for (i = head + bytes; i < padded; i++)
        if (back[i] != 0) /* what the guest's ring held before */
            return VMB_E_BUG;
    return vmb_chan_release(&link->chan);
}

enum vmb_status rig_try_echo(struct rig *rig, struct link *link, uint32_t count)
{
    enum vmb_status status = VMB_OK;
    uint32_t i;

    for (i = 0; status == VMB_OK && i < count; i++)
        status = echo(rig, link, i * 37 % 500);
    return status;
}

void rig_echo(struct rig *rig, struct link *link, uint32_t count)
{
    assert_int_equal(rig_try_echo(rig, link, count), VMB_OK);
}

/* --- User GPADLs ---------------------------------------------------------- */

enum vmb_status rig_gpadl(struct rig *rig, struct vmb_gpadl *gpadl,
                          struct link *link, const void *va, size_t pages)
{
    enum vmb_status status = vmb_gpadl_create_virtual_start(
        gpadl, &link->chan, va, pages * VMB_PAGE_SIZE);

    if (status != VMB_OK)
        return status;
    RIG_WAIT(rig, &status, vmb_gpadl_create_status(gpadl));
    return status;
}

enum vmb_status rig_gpadl_destroy(struct rig *rig, struct vmb_gpadl *gpadl)
{
    enum vmb_status status = vmb_gpadl_destroy_start(gpadl);

    if (status != VMB_OK)
        return status;
    RIG_WAIT(rig, &status, vmb_gpadl_destroy_status(gpadl));
    return status;
}
