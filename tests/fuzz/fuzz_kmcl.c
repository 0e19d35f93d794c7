/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A client under Microsoft's names, which calls whatever there is a handle for,
 * in any order, between a host that writes any bytes at any moment; calls that
 * wait go on while the host acts.  Each packet that was taken comes back once,
 * and by the end every page of the arena is free again.
 */
#include <vmb/kmcl.h>

#include "peer.h"

#define ARENA    96u /* pages */
#define PACKETS  4u
#define HELD     4u
#define BYTES    64u /* of a packet */
#define PATIENCE 500000u

static struct vmb_offer offers[2];
static uint8_t *conn_pages, *arena, *data;
static struct vmb_kmcl_device device;
static VMBCHANNEL channel;
static VMBPACKET packet[PACKETS];
static VMBPACKETCOMPLETION held[HELD];
static UINT32 gpadl;
static uint32_t taken, came_back, how_callbacks;
static bool behaves; /* the host */

/* ---- callbacks ----------------------------------------------------------- */

static NTSTATUS opened(VMBCHANNEL c)
{
    PROMISE(c == channel);
    return how_callbacks & 1 ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}

static VOID closed(VMBCHANNEL c)
{
    uint32_t i;

    PROMISE(c == channel && taken == came_back);
    for (i = 0; i < HELD; i++)
        PROMISE(!held[i]);
}

static VOID changed(VMBCHANNEL c)
{
    PROMISE(c == channel);
}

static VOID failed(VMBCHANNEL c, NTSTATUS status)
{
    PROMISE(c == channel && !NT_SUCCESS(status));
}

static VOID process_packet(VMBCHANNEL c, VMBPACKETCOMPLETION completion,
                           PVOID buffer, UINT32 bytes, UINT32 flags)
{
    uint8_t copy[BYTES + 8];
    uint32_t i = how_callbacks >> 1 & (HELD - 1);

    PROMISE(c == channel && bytes <= sizeof copy);
    memcpy(copy, buffer, bytes);
    (void)flags;
    how_callbacks = how_callbacks * 0x9e3779b1u + 1;
    if (how_callbacks & 0x100 && !held[i])
        held[i] = completion;
    else if ((how_callbacks & 0xfc00) == 0)
        VmbChannelPacketFail(completion);
    else
        VmbChannelPacketComplete(completion, copy, bytes);
}

static VOID done(VMBPACKET p, NTSTATUS status, PVOID buffer, UINT32 bytes)
{
    uint8_t copy[BYTES];

    PROMISE(VmbPacketGetChannel(p) == channel && bytes <= sizeof copy);
    if (bytes)
        memcpy(copy, buffer, bytes);
    came_back++;
    PROMISE(came_back <= taken + 1); /* one may be inside its send */
    if (how_callbacks & 0x40 && NT_SUCCESS(status) && taken < 1000)
        taken += NT_SUCCESS(VmbPacketSend(p, copy, bytes, NULL, 0));
}

/* ---- the client ---------------------------------------------------------- */

/* Held packets are completed by a client that wants to get on. */
static void complete_all(void)
{
    uint32_t i;

    for (i = 0; i < HELD; i++) {
        VMBPACKETCOMPLETION one = held[i];

        held[i] = NULL;
        if (one)
            VmbChannelPacketComplete(one, NULL, 0);
    }
}

static void allocate(void)
{
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS callbacks;

    if (channel || !NT_SUCCESS(VmbChannelAllocate(&device, FALSE, &channel)))
        return;
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS_INIT(&callbacks);
    callbacks.EvtChannelOpened = opened;
    callbacks.EvtChannelClosed = closed;
    callbacks.EvtChannelSuspend = changed;
    callbacks.EvtChannelStarted = changed;
    callbacks.EvtChannelPostStarted = changed;
    PROMISE(
        NT_SUCCESS(VmbChannelInitSetStateChangeCallbacks(channel, &callbacks)));
    PROMISE(NT_SUCCESS(VmbChannelInitSetProcessPacketCallbacks(
        channel, process_packet, NULL)));
    PROMISE(NT_SUCCESS(VmbChannelInitSetMaximumPacketSize(channel, BYTES)));
    PROMISE(
        NT_SUCCESS(VmbClientChannelInitSetRingBufferPageCount(channel, 1, 1)));
    taken = came_back = 0;
    peer = vmb_kmcl_client_channel(channel);
}

static void set_something(void)
{
    uint8_t how = take8(&in);
    UINT16 before;
    GUID type;

    if (!channel)
        return;
    memcpy(&type, &channel_type, sizeof type);
    if (how & 1)
        (void)VmbChannelInitSetMaximumExternalData(channel, take16(&in),
                                                   how >> 4);
    if (how & 2)
        (void)VmbClientChannelInitSetTargetPnp(channel, &type, NULL, failed);
    if (how & 4)
        VmbChannelSetTransactionQuota(channel, how >> 4);
    if (how & 8)
        VmbChannelSetIncomingProcessingAtPassive(channel, how >> 4 & 1);
    if (how & 16)
        (void)VmbChannelInitSetFlags(channel, how >> 5);
    if (how & 32)
        (void)VmbChannelSetInterruptLatency(channel, how, &before);
}

static void enable(void)
{
    how_callbacks = take16(&in);
    if (channel)
        (void)VmbChannelEnable(channel);
}

static void poll_all(void)
{
    (void)(vmb_kmcl_poll(&device) == VMB_OK);
}

static void life(void)
{
    uint8_t how = take8(&in);

    if (!channel)
        return;
    if (how & 1)
        complete_all();
    if (how & 2)
        VmbChannelDisable(channel);
    else if (how & 4)
        VmbChannelPause(channel);
    else
        VmbChannelStart(channel);
}

/* It has gone, unless that was refused. */
static void clean_up(void)
{
    uint32_t misuses = vmb_kmcl_misuses(&device);

    if (!channel)
        return;
    VmbChannelCleanup(channel);
    if (vmb_kmcl_misuses(&device) != misuses)
        return;
    PROMISE(taken == came_back);
    channel = NULL;
    peer = NULL;
}

static void make_packet(void)
{
    VMBPACKET *p = &packet[take8(&in) % PACKETS];

    if (!channel || *p)
        return;
    *p = VmbPacketAllocate(channel);
    if (*p)
        VmbPacketSetCompletionRoutine(*p, done);
}

static void free_packet(uint32_t i)
{
    uint32_t misuses = vmb_kmcl_misuses(&device);

    if (!packet[i])
        return;
    VmbPacketFree(packet[i]);
    if (vmb_kmcl_misuses(&device) == misuses)
        packet[i] = NULL;
}

static void drop_packet(void)
{
    free_packet(take8(&in) % PACKETS);
}

static void send(void)
{
    uint8_t how = take8(&in);
    VMBPACKET p = packet[how % PACKETS];
    uint32_t offset = take16(&in), length = take16(&in), bytes = how / 4;
    PMDL mdl;
    NTSTATUS status;

    if (!p)
        return;
    mdl =
        vmb_kmcl_allocate_mdl(&device, data + offset % PAGE, 1 + length % PAGE);
    taken++; /* before: its routine may run at once */
    status = how & 2 ? VmbPacketSendWithExternalMdl(p, data, bytes, mdl, offset,
                                                    length, how & 3)
                     : VmbPacketSend(p, data, bytes, NULL, how & 1);
    taken -= !NT_SUCCESS(status);
    vmb_kmcl_free(&device, mdl);
}

static void ask(void)
{
    LARGE_INTEGER timeout = { .QuadPart = -(LONGLONG)take16(&in) };
    uint8_t reply[16];
    UINT32 room = sizeof reply;

    if (channel)
        (void)VmbChannelSendSynchronousRequest(channel, data, 8, NULL, 1, reply,
                                               &room, &timeout);
    PROMISE(room <= sizeof reply);
}

static void complete(void)
{
    VMBPACKETCOMPLETION *h = &held[take8(&in) % HELD], one = *h;

    if (!one)
        return;
    *h = NULL;
    VmbChannelPacketComplete(one, data, 1);
}

static void own_gpadl(void)
{
    uint8_t how = take8(&in);

    if (!channel)
        return;
    if (how & 1)
        VmbChannelDeleteGpadl(channel, how & 2 ? gpadl : how);
    else
        (void)VmbChannelCreateGpadlFromBuffer(channel, 0, data + PAGE, PAGE,
                                              &gpadl);
}

/* ---- the host ------------------------------------------------------------ */

/* While a call waits. */
static void relax(void *ctx, uint64_t until)
{
    const uint32_t unloaded[2] = { 17 };

    (void)ctx;
    machine.now = until + 9999;
    if (machine.unloading && behaves)
        deliver(unloaded, 8);
    else if (behaves || take8(&in) & 1)
        host_answers();
}

static void let_time_pass(void)
{
    machine.now += take16(&in) * 10000u;
}

/* ---- all together -------------------------------------------------------- */

static void (*const actions[])(void) = {
    allocate,         set_something, enable,      poll_all,       life,
    clean_up,         make_packet,   drop_packet, send,           ask,
    complete,         own_gpadl,     host_packet, host_completes, host_takes,
    host_scribbles,   host_answers,  host_offers, poll_all,       host_rescinds,
    host_has_offered, let_time_pass, poll_all,    hypercalls_say, send,
    host_answers,     poll_all,      host_packet, host_completes, make_packet,
    allocate,         poll_all,
};

static void set_up(void)
{
    struct vmb_kmcl_device_cfg cfg = { .conn = &conn,
                                       .arena_pages = ARENA,
                                       .type = &channel_type,
                                       .patience = PATIENCE };

    conn_pages = new_pages(VMB_CONN_PAGES);
    arena = new_pages(ARENA);
    data = new_pages(3);
    cfg.arena = arena;
    channel = NULL;
    peer = NULL;
    behaves = false;
    gpadl = taken = came_back = how_callbacks = 0;
    memset(packet, 0, sizeof packet);
    memset(held, 0, sizeof held);
    memset(&device, 0, sizeof device);
    machine.plat.relax = relax;
    connect(conn_pages, offers);
    PROMISE(vmb_kmcl_device_init(&device, &cfg) == VMB_OK);
}

/* A host that behaves, a client that wants to leave: it ends, and soon. */
static void wind_up(void)
{
    uint32_t tries, i;

    machine.says = 0;
    behaves = true;
    how_callbacks = 0;
    for (tries = 0; channel && tries < 100; tries++) {
        if (tries >= 50)
            (void)(vmb_conn_unload_start(&conn) == VMB_OK);
        complete_all();
        VmbChannelDisable(channel);
        for (i = 0; i < PACKETS; i++)
            free_packet(i);
        relax(NULL, machine.now);
        poll_all();
        clean_up();
    }
    PROMISE(!channel);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    uint32_t pages;

    in.at = input;
    in.left = size;
    machine_start(&machine);
    set_up();
    pages = vmb_kmcl_free_pages(&device);
    while (in.left)
        actions[take8(&in) % (sizeof actions / sizeof *actions)]();
    wind_up();
    PROMISE(vmb_kmcl_free_pages(&device) == pages);
    machine_end(&machine);
    free(data);
    free(arena);
    free(conn_pages);
    return 0;
}
