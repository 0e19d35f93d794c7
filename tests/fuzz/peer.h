/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_FUZZ_PEER_H
#define TESTS_FUZZ_PEER_H
/*
 * The host's side of a client channel: it offers, answers, writes packets whole
 * or damaged, scribbles over the rings and rescinds, as the input says.  For
 * targets to include.
 */
#include <vmb/packet.h>
#include <vmb/wire/ring.h>

#include "machine.h"

static struct input in;
static struct machine machine;
static struct vmb_conn conn;
static struct vmb_channel *peer; /* the client's; NULL: there is none */
static const struct vmb_guid channel_type = { { 7, 7, 7 } };

/* 0: the guest writes there.  NULL: they are not the host's to touch. */
static struct vmb_ring_control *ring(uint32_t which)
{
    uint8_t *at;

    if (!peer || !machine_holds(&machine, peer->chan_.gpadl_.id_))
        return NULL;
    at = peer->cfg_.memory;
    return (void *)(at +
                    (which ? (size_t)(peer->cfg_.tx_pages + 1) * PAGE : 0));
}

/* A packet at the write index, whole or damaged. */
static void host_packet(void)
{
    struct vmb_ring_control *control = ring(1);
    uint8_t how = take8(&in);
    uint32_t units = 2 + take8(&in) % 12, at, i;
    uint64_t word[16] = { 0 };

    if (!control)
        return;
    at = control->write % PAGE & ~7u;
    word[0] = (how & 1   ? VMB_PACKET_INBAND
               : how & 2 ? VMB_PACKET_COMPLETION
                         : VMB_PACKET_XFER_PAGES) |
              2ull << 16 | (uint64_t)units << 32 | (uint64_t)(how & 4) << 46;
    word[1] = (uint64_t)(how >> 3 & 3) << 32 | (1 + take8(&in) % 4);
    if (!(how & 3)) {
        word[0] += (uint64_t)(how >> 5) << 16;
        word[2] = (uint64_t)(how >> 6) << 32;
    }
    if (how & 0x80)
        word[0] ^= 1ull << take8(&in) % 64;
    for (i = 0; i <= units; i++)
        memcpy((uint8_t *)control + PAGE + (at + 8 * i) % PAGE, &word[i], 8);
    control->write = (at + 8 * (units + 1)) % PAGE;
}

/* A completion that is due. */
static void host_completes(void)
{
    struct vmb_ring_control *control = ring(1);
    uint32_t at, slot = take8(&in) % 4, i;
    uint64_t word[4] = { 0 };
    const struct vmb_txn *txn;

    if (!control)
        return;
    at = control->write % PAGE & ~7u;
    txn = &peer->chan_.txns_[slot];
    word[0] = VMB_PACKET_COMPLETION | 2ull << 16 | 3ull << 32;
    word[1] = (uint64_t)txn->generation_ << 32 | (slot + 1);
    for (i = 0; i < 4; i++)
        memcpy((uint8_t *)control + PAGE + (at + 8 * i) % PAGE, &word[i], 8);
    control->write = (at + 32) % PAGE;
}

static void host_takes(void)
{
    struct vmb_ring_control *control = ring(0);

    if (!control)
        return;
    control->read = take8(&in) & 1 ? control->write
                                   : (control->read + 8 * take8(&in)) % PAGE;
}

static void host_scribbles(void)
{
    uint8_t how = take8(&in);
    uint32_t *word = (uint32_t *)ring(how & 1);

    if (!word)
        return;
    word[(how >> 1) % 18] = take32(&in);
}

static void deliver(const void *message, uint8_t len)
{
    if (machine_listens(&machine))
        machine_deliver(&machine, message, len);
}

static void host_offers(void)
{
    uint32_t m[49] = { 1 };

    memcpy(&m[2], channel_type.b, sizeof channel_type.b);
    m[46] = 1;
    m[48] = 0x2001;
    deliver(m, 196);
}

static void host_has_offered(void)
{
    const uint32_t m[2] = { 4 };

    deliver(m, 8);
}

static void say_created(const struct vmb_gpadl *gpadl)
{
    const uint32_t m[5] = { 10, 0, 1, gpadl->id_ };

    deliver(m, 20);
}

static void say_open(void)
{
    const uint32_t m[5] = { 6, 0, machine.last_open[0], machine.last_open[1] };

    deliver(m, 20);
}

/* Whatever is waited for, with success. */
static void host_answers(void)
{
    uint32_t down[3] = { 12, 0, machine_giving_up(&machine) };

    if (down[2])
        deliver(down, 12);
    else if (peer && peer->chan_.state_ == VMB_CHAN_GPADL)
        say_created(&peer->chan_.gpadl_);
    else if (peer && peer->chan_.state_ == VMB_CHAN_OPENING)
        say_open();
    else if (conn.gpadls_) /* the newest */
        say_created(conn.gpadls_);
}

static void host_rescinds(void)
{
    const uint32_t m[3] = { 2, 0, 1 };

    deliver(m, 12);
}

static void hypercalls_say(void)
{
    static const uint8_t statuses[] = { 0, 0, 0, 0x13, 0x0b, 0x12 };

    machine.says = statuses[take8(&in) % sizeof statuses];
}

/* ---- how it begins ------------------------------------------------------- */

/* A connection of version 6.0, and the host offers the channel. */
static void connect(uint8_t *pages, struct vmb_offer table[2])
{
    struct vmb_conn_cfg cfg = {
        .cpu = &machine.cpu[0], .pages = pages, .offers = table, .offer_cap = 2
    };
    const uint32_t contact[5] = { 15, 0, 1, 1, 1 };

    memset(&conn, 0, sizeof conn);
    memset(table, 0, 2 * sizeof *table);
    PROMISE(vmb_conn_start(&conn, &machine.hv, &cfg) == VMB_OK);
    PROMISE(vmb_conn_poll(&conn) >= VMB_OK);
    deliver(contact, 20);
    PROMISE(vmb_conn_poll(&conn) >= VMB_OK);
    host_offers();
    PROMISE(vmb_conn_poll(&conn) >= VMB_OK);
    host_has_offered();
    PROMISE(vmb_conn_poll(&conn) >= VMB_OK);
}

#endif
