/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "kmcl.h"

static struct kmcl *of(VMBCHANNEL channel)
{
    return VmbChannelGetPointer(channel);
}

static void note(struct kmcl *k, enum client_event event)
{
    if (k->count < CLIENT_EVENTS)
        k->events[k->count++] = (char)event;
    k->events[k->count] = 0;
    if (k->on)
        k->on(k, event);
}

static NTSTATUS opened(VMBCHANNEL channel)
{
    note(of(channel), OPENED);
    return of(channel)->opened_status;
}

static VOID started(VMBCHANNEL channel)
{
    note(of(channel), STARTED);
}

static VOID post_started(VMBCHANNEL channel)
{
    note(of(channel), POST_STARTED);
}

static VOID suspend(VMBCHANNEL channel)
{
    note(of(channel), SUSPEND);
}

static VOID closed(VMBCHANNEL channel)
{
    note(of(channel), CLOSED);
}

VMB_CHANNEL_STATE_CHANGE_CALLBACKS kmcl_state_change(void)
{
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS callbacks;

    VMB_CHANNEL_STATE_CHANGE_CALLBACKS_INIT(&callbacks);
    callbacks.EvtChannelOpened = opened;
    callbacks.EvtChannelClosed = closed;
    callbacks.EvtChannelSuspend = suspend;
    callbacks.EvtChannelStarted = started;
    callbacks.EvtChannelPostStarted = post_started;
    return callbacks;
}

VOID kmcl_pnp_failure(VMBCHANNEL channel, NTSTATUS status)
{
    of(channel)->last_status = status;
    note(of(channel), OPEN_FAILED);
}

static void keep(struct kmcl *k, const void *buffer, UINT32 bytes)
{
    k->last_bytes = bytes;
    if (bytes)
        memcpy(k->last, buffer,
               bytes < sizeof k->last ? bytes : sizeof k->last);
}

VOID kmcl_process_packet(VMBCHANNEL channel, VMBPACKETCOMPLETION packet,
                         PVOID buffer, UINT32 bytes, UINT32 flags)
{
    struct kmcl *k = of(channel);

    k->packets++;
    k->last_flags = flags;
    keep(k, buffer, bytes);
    note(k, PACKET);
    if (k->on_packet) {
        k->on_packet(k, packet, buffer, bytes);
    } else if (k->hold) {
        assert_true(k->held_count < KMCL_HELD);
        k->held[k->held_count++] = packet;
    } else {
        VmbChannelPacketComplete(packet, NULL, 0);
    }
}

VOID kmcl_processing_complete(VMBCHANNEL channel, UINT32 packets)
{
    assert_true(packets > 0);
    note(of(channel), BATCH);
}

VOID kmcl_done(VMBPACKET packet, NTSTATUS status, PVOID buffer, UINT32 bytes)
{
    struct kmcl *k = of(VmbPacketGetChannel(packet));

    k->dones++;
    k->last_status = status;
    keep(k, buffer, bytes);
    note(k, NT_SUCCESS(status) ? DONE : UNDONE);
}

/* ---- Up and down --------------------------------------------------------- */

void kmcl_make(struct kmcl *k, const struct rig_cfg *cfg)
{
    struct rig *rig = rig_make(cfg);

    memset(k, 0, sizeof *k);
    k->rig = rig;
    k->dev = rig_device(rig);
    rig_start(rig);
    k->cfg.conn = &rig->conn;
    k->cfg.arena = rig_alloc(rig, KMCL_ARENA);
    k->cfg.arena_pages = KMCL_ARENA;
    assert_non_null(rig_offer(rig, k->dev, 0));
    k->cfg.type = &rig_offer(rig, k->dev, 0)->type;
    assert_int_equal(vmb_kmcl_device_init(&k->device, &k->cfg), VMB_OK);
    k->free_pages = vmb_kmcl_free_pages(&k->device);
}

void kmcl_add_channel(struct kmcl *k)
{
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS callbacks = kmcl_state_change();

    assert_int_equal(VmbChannelAllocate(&k->device, FALSE, &k->channel),
                     STATUS_SUCCESS);
    VmbChannelSetPointer(k->channel, k);
    assert_int_equal(
        VmbChannelInitSetStateChangeCallbacks(k->channel, &callbacks),
        STATUS_SUCCESS);
    assert_int_equal(
        VmbChannelInitSetProcessPacketCallbacks(k->channel, kmcl_process_packet,
                                                kmcl_processing_complete),
        STATUS_SUCCESS);
}

void kmcl_allocate(struct kmcl *k, const struct rig_cfg *cfg)
{
    kmcl_make(k, cfg);
    kmcl_add_channel(k);
}

void kmcl_up(struct kmcl *k, const struct rig_cfg *cfg)
{
    kmcl_allocate(k, cfg);
    assert_int_equal(VmbChannelEnable(k->channel), STATUS_SUCCESS);
    KMCL_UNTIL(k, strchr(k->events, POST_STARTED));
}

void kmcl_end(struct kmcl *k)
{
    assert_int_equal(vmb_kmcl_misuses(&k->device), 0);
    assert_int_equal(vmb_kmcl_free_pages(&k->device), k->free_pages);
    rig_down(k->rig);
}

void kmcl_down(struct kmcl *k)
{
    VmbChannelDisable(k->channel);
    VmbChannelCleanup(k->channel);
    kmcl_end(k);
}

void kmcl_expect_misuse(struct kmcl *k, const char *function, NTSTATUS status)
{
    assert_int_equal(vmb_kmcl_misuses(&k->device), 1);
    assert_int_equal(vmb_kmcl_last_status(&k->device), status);
    assert_string_equal(vmb_kmcl_last_function(&k->device), function);
    k->device.misuses_ = 0;
}

void kmcl_set_everything(struct kmcl *k, NTSTATUS expected)
{
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS callbacks = kmcl_state_change();
    VMBCHANNEL channel = k->channel;
    DECLARE_CONST_UNICODE_STRING(name, L"name");
    GUID type;

    assert_non_null(channel);
    assert_non_null(k->cfg.type);
    memcpy(&type, k->cfg.type, sizeof type);
#define TAKEN(call) assert_int_equal(call, expected)
    TAKEN(VmbChannelInitSetClientContextSize(channel, 16));
    TAKEN(VmbChannelInitSetFlags(channel, 0));
    TAKEN(VmbChannelInitSetFriendlyName(channel, &name));
    TAKEN(VmbChannelInitSetMaximumExternalData(channel, 65536, 4));
    TAKEN(VmbChannelInitSetMaximumPacketSize(channel, 512));
    TAKEN(VmbChannelInitSetMaximumPacketCount(channel, 8));
    TAKEN(VmbChannelInitSetInlinePacketContextSize(channel, 8));
    TAKEN(VmbChannelInitSetProcessPacketCallbacks(channel, kmcl_process_packet,
                                                  kmcl_processing_complete));
    TAKEN(VmbChannelInitSetStateChangeCallbacks(channel, &callbacks));
    TAKEN(VmbClientChannelInitSetRingBufferPageCount(channel, 4, 4));
    TAKEN(VmbClientChannelInitSetTargetPnp(channel, &type, NULL,
                                           kmcl_pnp_failure));
}

/* ---- Packets ------------------------------------------------------------- */

VMBPACKET kmcl_packet(struct kmcl *k)
{
    VMBPACKET packet = VmbPacketAllocate(k->channel);

    assert_non_null(packet);
    VmbPacketSetCompletionRoutine(packet, kmcl_done);
    return packet;
}

void kmcl_send(struct kmcl *k, VMBPACKET packet, uint32_t op, uint32_t count,
               uint32_t bytes, UINT32 flags)
{
    struct vmb_sim_test_request request = client_request(op, count, bytes, 7);

    (void)k;
    assert_int_equal(
        VmbPacketSend(packet, &request, sizeof request, NULL, flags),
        STATUS_SUCCESS);
}

/* ---- Time passes --------------------------------------------------------- */

void kmcl_turn(struct kmcl *k)
{
    enum vmb_status status;

    vmb_sim_run(k->rig->sim, 16);
    status = vmb_kmcl_poll(&k->device);
    assert_true(status == VMB_OK || status == VMB_AGAIN);
}

void kmcl_settle(struct kmcl *k)
{
    uint32_t i;

    for (i = 0; i < 50; i++)
        kmcl_turn(k);
}
