/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A channel: everything it can do, and memory lent beside it. */
#include "schedule.h"

#define GPADL_PAGES 40u
#define DATA_PAGES  6u

struct chan_play {
    struct play play;
    struct link link;
    struct vmb_gpadl gpadl;
    struct lent ring, memory;
    uint8_t *data;
};

static struct chan_play *of(struct play *p)
{
    return (struct chan_play *)(void *)p;
}

/* --- Steps on the victim -------------------------------------------------- */

static enum vmb_status external(struct chan_play *p)
{
    uint8_t *data = p->data;
    struct vmb_iov iov[3] = { { data + 100, 5000 },
                              { data + 3 * VMB_PAGE_SIZE + 4000, 300 },
                              { data + 5 * VMB_PAGE_SIZE, 1 } };
    struct vmb_mdl mdl[3];
    uint64_t pfns[8], hash = VMB_SIM_HASH_INIT;
    struct ask ask = { .request = { .op = VMB_SIM_FILL, .seed = 42 },
                       .mdl = mdl };
    struct vmb_sim_test_reply reply;
    enum vmb_status status;
    uint32_t i;

    status = vmb_mdl_from_iovec(mdl, 3, &p->play.rig->plat, iov, 3, pfns, 8);
    if (status == VMB_OK)
        status = rig_try_ask(p->play.rig, &p->link, &ask, &reply);
    for (i = 0; i < 5000 && status == VMB_OK; i++)
        if (data[100 + i] != vmb_sim_pattern(42, i))
            return VMB_E_BUG;
    ask.request.op = VMB_SIM_HASH;
    if (status == VMB_OK)
        status = rig_try_ask(p->play.rig, &p->link, &ask, &reply);
    for (i = 0; i < 3; i++)
        hash = vmb_sim_hash(hash, iov[i].base, iov[i].len);
    return status == VMB_OK && reply.value != hash ? VMB_E_BUG : status;
}

/* A burst from the host, larger than what its ring holds at once. */
static enum vmb_status burst(struct chan_play *p)
{
    struct ask ask = { .request = { .op = VMB_SIM_BURST,
                                    .count = 24,
                                    .seed = 5000,
                                    .bytes = 400 } };
    enum vmb_status status = rig_ask_start(p->play.rig, &p->link, &ask, false);
    uint8_t data[400];
    struct vmb_rx rx;
    uint32_t i, n;

    for (i = 0; i < 24 && status == VMB_OK; i++) {
        status = rig_recv(p->play.rig, &p->link, &rx);
        if (status != VMB_OK)
            break;
        if (rx.kind != VMB_INBAND || rx.xid != 5000 + i ||
            vmb_rx_copy(&p->link.chan, &rx, 0, data, 400) != 400)
            return VMB_E_BUG;
        for (n = 0; n < 400; n++)
            if (data[n] != vmb_sim_pattern(5000 + i, n))
                return VMB_E_BUG;
        status = vmb_chan_release(&p->link.chan);
    }
    return status;
}

/* The host asks; the guest answers. */
static enum vmb_status answer(struct chan_play *p)
{
    struct ask ask = { .request = { .op = VMB_SIM_ASK, .seed = 99 } };
    struct vmb_out out = { .kind = VMB_COMPLETION };
    enum vmb_status status = rig_ask_start(p->play.rig, &p->link, &ask, false);
    struct vmb_rx rx;

    if (status == VMB_OK)
        status = rig_recv(p->play.rig, &p->link, &rx);
    if (status != VMB_OK)
        return status;
    if (rx.kind != VMB_INBAND || !rx.want_reply)
        return VMB_E_BUG;
    out.reply_to = rx.xid;
    status = rig_send(p->play.rig, &p->link, &out);
    return status == VMB_OK ? vmb_chan_release(&p->link.chan) : status;
}

/* More than the ring holds, staged. */
static enum vmb_status crowd(struct chan_play *p)
{
    static const uint8_t zeros[600];
    struct vmb_iov iov = { zeros, sizeof zeros };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    enum vmb_status status = VMB_OK;
    uint32_t i;

    for (i = 0; i < 12 && status == VMB_OK; i++) {
        status = vmb_chan_stage(&p->link.chan, &out);
        if (status == VMB_AGAIN)
            status = rig_send(p->play.rig, &p->link, &out);
    }
    if (status == VMB_OK)
        status = vmb_chan_flush(&p->link.chan);
    return status;
}

static enum vmb_status keep_memory(struct chan_play *p)
{
    enum vmb_status status;
    struct ask ask = { .request = { .op = VMB_SIM_GPADL_FILL,
                                    .seed = 7,
                                    .offset = 4000,
                                    .bytes = 9000 } };
    struct vmb_sim_test_reply reply;
    uint32_t i;

    p->memory.ours = false;
    status =
        rig_gpadl(p->play.rig, &p->gpadl, &p->link, p->memory.va, GPADL_PAGES);
    if (status != VMB_OK)
        return status;
    ask.request.count = vmb_gpadl_id(&p->gpadl);
    status = rig_try_ask(p->play.rig, &p->link, &ask, &reply);
    for (i = 0; i < 9000 && status == VMB_OK; i++)
        if (p->memory.va[4000 + i] != vmb_sim_pattern(7, i))
            return VMB_E_BUG;
    return status;
}

static enum vmb_status move(struct chan_play *p)
{
    struct rig *rig = p->play.rig;
    enum vmb_status status;

    if (rig->cpus < 2 || vmb_conn_version(&rig->conn) < VMB_VERSION_4_1)
        return VMB_OK;
    status = vmb_conn_modify_start(&rig->conn, &p->link.chan, &rig->cpu[1]);
    if (status == VMB_OK)
        RIG_WAIT(rig, &status, vmb_conn_modify_status(&p->link.chan));
    return status == VMB_OK ? rig_try_echo(rig, &p->link, 2) : status;
}

/* Whatever the channel's state, each call has an answer for it. */
static void prod(struct link *link)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_rx rx = { .kind = VMB_INBAND };
    struct vmb_fault fault;
    uint32_t offset, len;
    uint8_t byte;

    (void)vmb_chan_recv(&link->chan, &rx);
    (void)vmb_rx_copy(&link->chan, &rx, 0, &byte, 1);
    (void)vmb_rx_range(&link->chan, &rx, 0, &offset, &len);
    (void)vmb_chan_release(&link->chan);
    (void)vmb_chan_stage(&link->chan, &out);
    (void)vmb_chan_flush(&link->chan);
    (void)vmb_chan_arm(&link->chan);
    (void)vmb_chan_open_status(&link->chan);
    (void)vmb_chan_close_status(&link->chan);
    (void)vmb_conn_modify_status(&link->chan);
    vmb_chan_fault(&link->chan, &fault);
    link->armed = false;
}

static const struct {
    enum vmb_status (*act)(struct chan_play *p);
} steps[] = { { external }, { burst }, { answer },
              { crowd },    { move },  { keep_memory } };

/* --- Its life ------------------------------------------------------------- */

static enum vmb_status open_link(struct chan_play *p)
{
    struct vmb_offer *offer = rig_offer(p->play.rig, p->play.dev, 0);
    enum vmb_status status;

    if (!offer)
        return VMB_E_RESCINDED;
    p->ring.ours = false;
    status = rig_try_open(p->play.rig, &p->link, offer);
    return status == VMB_OK ? rig_try_echo(p->play.rig, &p->link, 3) : status;
}

/* Twice, if need be: it may fail for a reason that passes. */
static enum vmb_status close_link(struct chan_play *p)
{
    enum vmb_status status = rig_try_close(p->play.rig, &p->link);

    prod(&p->link);
    if (status != VMB_OK)
        status = rig_try_close(p->play.rig, &p->link);
    if (status == VMB_OK)
        schedule_take_back(&p->play, &p->ring);
    return status;
}

static enum vmb_status drop_memory(struct chan_play *p)
{
    enum vmb_status status = rig_gpadl_destroy(p->play.rig, &p->gpadl);

    if (status != VMB_OK)
        status = rig_gpadl_destroy(p->play.rig, &p->gpadl);
    if (status == VMB_OK)
        schedule_take_back(&p->play, &p->memory);
    return status;
}

static enum vmb_status victim(struct play *play)
{
    struct chan_play *p = of(play);
    enum vmb_status status, closed;
    size_t i;

    memset(&p->link.chan, 0, sizeof p->link.chan);
    memset(&p->gpadl, 0, sizeof p->gpadl);
    status = open_link(p);
    for (i = 0; i < sizeof steps / sizeof steps[0] && status == VMB_OK; i++)
        status = steps[i].act(p);
    prod(&p->link);
    closed = close_link(p);
    if (status == VMB_OK)
        status = closed;
    closed = drop_memory(p);
    return status == VMB_OK ? closed : status;
}

static void left(struct play *p)
{
    schedule_take_back(p, &of(p)->ring);
    schedule_take_back(p, &of(p)->memory);
}

static void still_ours(struct play *p)
{
    schedule_still_ours(p, &of(p)->ring);
    schedule_still_ours(p, &of(p)->memory);
}

static void stage(struct play *play, const struct rig_cfg *cfg)
{
    struct chan_play *p = of(play);

    play->rig = rig_make(cfg);
    play->sibling = rig_device(play->rig);
    play->dev = rig_device(play->rig);
    p->link.cfg.tx_pages = 1;
    p->link.cfg.rx_pages = 27; /* a GPADL of three messages */
    schedule_lend(play, &p->ring, 30);
    schedule_lend(play, &p->memory, GPADL_PAGES);
    p->link.ring = p->ring.va;
    p->data = rig_alloc(play->rig, DATA_PAGES);
}

const struct schedule_scene schedule_scene = {
    .bytes = sizeof(struct chan_play),
    .modes = MODES,
    .stage = stage,
    .victim = victim,
    .left = left,
    .still_ours = still_ours,
};
