/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What the host sends, by Microsoft's names. */
#include "kmcl.h"

static struct kmcl k;

/* The host sends one packet that wants a completion. */
static void host_asks(void)
{
    kmcl_send(&k, VmbPacketAllocate(k.channel), VMB_SIM_ASK, 0, 0, 0);
}

static void host_bursts(uint32_t count)
{
    kmcl_send(&k, VmbPacketAllocate(k.channel), VMB_SIM_BURST, count, 24, 0);
}

static void packets_are_delivered_and_completed(void **state)
{
    (void)state;
    kmcl_up(&k, NULL);
    host_asks();
    KMCL_UNTIL(&k, k.packets == 1);
    assert_int_equal(k.last_bytes, 8);
    assert_int_equal(k.last_flags, 0);
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_test_completions(k.dev), 1);
    host_bursts(100);
    KMCL_UNTIL(&k, k.packets == 101);
    kmcl_down(&k);
    assert_non_null(strstr(k.events, "OSPpb"));
}

static void a_packet_may_be_completed_later_with_bytes(void **state)
{
    uint8_t large[VMB_CHANNEL_PACKET_BYTES + 8] = { 0 };

    (void)state;
    kmcl_up(&k, NULL);
    k.hold = true;
    host_asks();
    host_asks();
    host_asks();
    KMCL_UNTIL(&k, k.held_count == 3);
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_test_completions(k.dev), 0);
    VmbChannelPacketComplete(k.held[1], large, 16);
    /* What cannot be sent is recorded, and the host does not wait. */
    VmbChannelPacketComplete(k.held[0], large, sizeof large);
    kmcl_expect_misuse(&k, "VmbChannelPacketComplete",
                       STATUS_INVALID_BUFFER_SIZE);
    VmbChannelPacketComplete(k.held[2], NULL, 8);
    kmcl_expect_misuse(&k, "VmbChannelPacketComplete",
                       STATUS_INVALID_PARAMETER);
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_test_completions(k.dev), 3);
    VmbChannelPacketComplete(k.held[2], NULL, 0);
    kmcl_expect_misuse(&k, "VmbChannelPacketComplete",
                       STATUS_INVALID_DEVICE_STATE);
    kmcl_down(&k);
}

/* ---- Levels -------------------------------------------------------------- */

static uint32_t deferred;

static void defer_once(struct kmcl *client, VMBPACKETCOMPLETION packet,
                       PVOID buffer, UINT32 bytes)
{
    UINT32 handle;

    if (deferred++ == 0) {
        assert_int_equal(vmb_kmcl_poll(&client->device), VMB_E_STATE);
        assert_int_equal(VmbChannelCreateGpadlFromBuffer(
                             client->channel, 0, buffer, bytes, &handle),
                         STATUS_INVALID_DEVICE_STATE);
        VmbChannelPacketDeferToPassive(packet);
        return;
    }
    /* At PASSIVE_LEVEL now. */
    VmbChannelPacketDeferToPassive(packet);
    kmcl_expect_misuse(client, "VmbChannelPacketDeferToPassive",
                       STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(vmb_kmcl_irql(&client->device), PASSIVE_LEVEL);
    VmbChannelPacketComplete(packet, NULL, 0);
}

static void a_deferred_packet_comes_again_at_passive(void **state)
{
    (void)state;
    deferred = 0;
    kmcl_up(&k, NULL);
    k.on_packet = defer_once;
    host_asks();
    KMCL_UNTIL(&k, deferred == 2);
    assert_int_equal(vmb_kmcl_misuses(&k.device), 0);
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_test_completions(k.dev), 1);
    kmcl_down(&k);
}

/* Also in the poll in which state callbacks have run before it. */
static void a_deferred_packet_comes_again_within_a_wait(void **state)
{
    struct vmb_sim_test_request request = client_request(VMB_SIM_HOLD, 0, 0, 0);
    LARGE_INTEGER timeout = { .QuadPart = -(LONGLONG)SECOND };

    (void)state;
    deferred = 0;
    kmcl_up(&k, NULL);
    k.on_packet = defer_once;
    host_asks();
    assert_int_equal(VmbChannelSendSynchronousRequest(
                         k.channel, &request, sizeof request, NULL,
                         VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION, NULL,
                         NULL, &timeout),
                     STATUS_CANCELLED);
    assert_int_equal(deferred, 2);
    kmcl_down(&k);
}

static void a_deferred_packet_waits_for_the_start(void **state)
{
    (void)state;
    deferred = 0;
    kmcl_up(&k, NULL);
    k.on_packet = defer_once;
    host_asks();
    KMCL_UNTIL(&k, deferred == 1);
    VmbChannelPause(k.channel);
    kmcl_settle(&k);
    assert_int_equal(deferred, 1);
    VmbChannelStart(k.channel);
    KMCL_UNTIL(&k, deferred == 2);
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_test_completions(k.dev), 1);
    kmcl_down(&k);
}

static void make_and_delete(struct kmcl *client, VMBPACKETCOMPLETION packet,
                            PVOID buffer, UINT32 bytes)
{
    UINT32 handle;

    (void)buffer;
    (void)bytes;
    assert_int_equal(
        VmbChannelCreateGpadlFromBuffer(client->channel, 0,
                                        (uint8_t *)client->cfg.arena +
                                            (KMCL_ARENA - 1) * VMB_PAGE_SIZE,
                                        VMB_PAGE_SIZE, &handle),
        STATUS_SUCCESS);
    VmbChannelDeleteGpadl(client->channel, handle);
    VmbChannelPacketComplete(packet, NULL, 0);
}

/* Required at PASSIVE: what waits may be called, before and after enabling. */
static struct vmb_sim_dev *other_dev;
static KIRQL level_of_other;

static VOID note_others_level(VMBCHANNEL channel, VMBPACKETCOMPLETION packet,
                              PVOID buffer, UINT32 bytes, UINT32 flags)
{
    (void)buffer;
    (void)bytes;
    (void)flags;
    level_of_other = vmb_kmcl_irql(VmbChannelGetParentDeviceObject(channel));
    VmbChannelPacketComplete(packet, NULL, 0);
}

static void poll_inside(struct kmcl *client, VMBPACKETCOMPLETION packet,
                        PVOID buffer, UINT32 bytes)
{
    uint32_t i;

    (void)buffer;
    (void)bytes;
    assert_int_equal(vmb_kmcl_irql(&client->device), PASSIVE_LEVEL);
    host_sends(other_dev, 0, 1, 8, false);
    for (i = 0; i < 8; i++)
        kmcl_turn(client);
    VmbChannelPacketComplete(packet, NULL, 0);
}

/* What another channel's ring brings meanwhile comes at its own level. */
static void a_poll_at_passive_delivers_others_at_dispatch(void **state)
{
    const struct vmb_offer *offer;
    VMBCHANNEL other;
    GUID type, instance;

    (void)state;
    kmcl_allocate(&k, NULL);
    other_dev = rig_device(k.rig);
    rig_settle(k.rig);
    offer = rig_offer(k.rig, other_dev, 0);
    assert_non_null(offer);
    memcpy(&type, &offer->type, sizeof type);
    memcpy(&instance, &offer->instance, sizeof instance);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &other),
                     STATUS_SUCCESS);
    assert_int_equal(
        VmbClientChannelInitSetTargetPnp(other, &type, &instance, NULL),
        STATUS_SUCCESS);
    assert_int_equal(
        VmbChannelInitSetProcessPacketCallbacks(other, note_others_level, NULL),
        STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(other), STATUS_SUCCESS);
    VmbChannelSetIncomingProcessingAtPassive(k.channel, TRUE);
    k.on_packet = poll_inside;
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    kmcl_settle(&k);
    level_of_other = PASSIVE_LEVEL;
    host_sends(k.dev, 0, 1, 8, false);
    KMCL_UNTIL(&k, k.packets == 1);
    assert_int_equal(level_of_other, DISPATCH_LEVEL);
    VmbChannelDisable(other);
    VmbChannelCleanup(other);
    kmcl_down(&k);
}

static void processing_may_be_required_at_passive(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    VmbChannelSetIncomingProcessingAtPassive(k.channel, TRUE);
    k.on_packet = make_and_delete;
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    host_asks();
    KMCL_UNTIL(&k, k.packets == 1);
    VmbChannelSetIncomingProcessingAtPassive(k.channel, FALSE);
    k.on_packet = NULL;
    host_bursts(20);
    KMCL_UNTIL(&k, k.packets == 21);
    kmcl_down(&k);
}

static void all_that_waits(struct kmcl *client, enum client_event event)
{
    VMBCHANNEL c = client->channel;
    UINT8 request[8] = { 0 };
    UINT32 handle;

    if (event != BATCH && event != DONE)
        return;
    VmbChannelDisable(c);
    VmbChannelPause(c);
    VmbChannelStart(c);
    VmbChannelDeleteGpadl(c, 1);
    VmbChannelCleanup(c);
    client->device.misuses_ -= 5;
    assert_int_equal(VmbChannelEnable(c), STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(VmbChannelCreateGpadlFromBuffer(c, 0, &handle, 4, &handle),
                     STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(VmbChannelSendSynchronousRequest(c, request, 8, NULL, 0,
                                                      NULL, NULL, NULL),
                     STATUS_INVALID_DEVICE_STATE);
}

static void nothing_waits_at_dispatch(void **state)
{
    VMBPACKET packet;

    (void)state;
    kmcl_up(&k, NULL);
    k.on = all_that_waits;
    packet = kmcl_packet(&k);
    kmcl_send(&k, packet, VMB_SIM_SINK, 0, 0, 0);
    host_asks();
    KMCL_UNTIL(&k, k.packets == 1 && k.dones == 1);
    k.on = NULL;
    VmbPacketFree(packet);
    kmcl_down(&k);
}

/* Packets that come while PostStarted waits for an answer. */
static uint32_t at_dispatch;

static void note_level(struct kmcl *client, VMBPACKETCOMPLETION packet,
                       PVOID buffer, UINT32 bytes)
{
    (void)buffer;
    (void)bytes;
    at_dispatch += vmb_kmcl_irql(&client->device) == DISPATCH_LEVEL;
    VmbChannelPacketComplete(packet, NULL, 0);
}

static void burst_and_wait(struct kmcl *client, enum client_event event)
{
    struct vmb_sim_test_request request = client_request(VMB_SIM_HOLD, 0, 0, 0);
    LARGE_INTEGER timeout = { .QuadPart = -(LONGLONG)SECOND };

    if (event != POST_STARTED)
        return;
    host_bursts(5);
    assert_int_equal(VmbChannelSendSynchronousRequest(
                         client->channel, &request, sizeof request, NULL,
                         VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION, NULL,
                         NULL, &timeout),
                     STATUS_CANCELLED);
    assert_int_equal(client->packets, 5);
}

static void packets_within_a_wait_are_at_dispatch(void **state)
{
    (void)state;
    at_dispatch = 0;
    kmcl_allocate(&k, NULL);
    k.on = burst_and_wait;
    k.on_packet = note_level;
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, k.packets == 5);
    assert_int_equal(at_dispatch, 5);
    kmcl_down(&k);
}

/* ---- Fail, quota, contexts ----------------------------------------------- */

static void fail_it(struct kmcl *client, VMBPACKETCOMPLETION packet,
                    PVOID buffer, UINT32 bytes)
{
    (void)buffer;
    (void)bytes;
    VmbChannelPacketFail(packet);
    VmbChannelPacketFail(packet);
    kmcl_expect_misuse(client, "VmbChannelPacketFail",
                       STATUS_INVALID_DEVICE_STATE);
}

static void a_failed_packet_stops_the_queue(void **state)
{
    (void)state;
    kmcl_up(&k, NULL);
    k.on_packet = fail_it;
    host_bursts(5);
    KMCL_UNTIL(&k, k.packets == 1);
    kmcl_settle(&k);
    assert_int_equal(k.packets, 1);
    VmbChannelDisable(k.channel);
    k.on_packet = NULL;
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    kmcl_settle(&k);
    host_bursts(5);
    KMCL_UNTIL(&k, k.packets == 6);
    kmcl_down(&k);
}

static void rule_12_the_quota_bounds_what_is_outstanding(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    VmbChannelSetTransactionQuota(k.channel, 0);
    kmcl_expect_misuse(&k, "VmbChannelSetTransactionQuota",
                       STATUS_INVALID_PARAMETER_2);
    VmbChannelSetTransactionQuota(k.channel, 2);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    k.hold = true;
    host_bursts(6);
    KMCL_UNTIL(&k, k.held_count == 2);
    VmbChannelSetTransactionQuota(k.channel, 4);
    kmcl_settle(&k);
    assert_int_equal(k.held_count, 2); /* raising alone wakes nobody */
    VmbChannelPacketComplete(k.held[0], NULL, 0);
    KMCL_UNTIL(&k, k.held_count == 5);
    kmcl_settle(&k);
    assert_int_equal(k.held_count, 5);
    k.hold = false;
    while (k.held_count > 1)
        VmbChannelPacketComplete(k.held[--k.held_count], NULL, 0);
    KMCL_UNTIL(&k, k.packets == 6);
    kmcl_down(&k);
}

static void look_at_context(struct kmcl *client, VMBPACKETCOMPLETION packet,
                            PVOID buffer, UINT32 bytes)
{
    uint8_t *context = VmbChannelPacketGetClientContext(packet);

    (void)client;
    (void)bytes;
    assert_non_null(context);
    assert_true(context + 24 <= (uint8_t *)buffer ||
                context >= (uint8_t *)buffer + bytes);
    memset(context, 0x44, 24);
    VmbChannelPacketComplete(packet, NULL, 0);
}

static void incoming_packets_carry_a_client_context(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(VmbChannelInitSetClientContextSize(k.channel, 24),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    k.on_packet = look_at_context;
    host_bursts(40);
    KMCL_UNTIL(&k, k.packets == 40);
    kmcl_down(&k);
}

#define CONTEXT 64u

/* All of it is the packet's own: its ranges stay, and the other's contexts. */
static void fill_context(struct kmcl *client, VMBPACKETCOMPLETION packet,
                         PVOID buffer, UINT32 bytes)
{
    uint32_t offset, length, i;
    uint16_t set;

    (void)buffer;
    (void)bytes;
    memset(VmbChannelPacketGetClientContext(packet),
           (int)client->held_count + 1, CONTEXT);
    for (i = 0; i < 2; i++) {
        assert_int_equal(
            vmb_channel_packet_get_range(packet, i, &set, &offset, &length),
            VMB_OK);
        assert_int_equal(offset, 0);
        assert_int_equal(length, i ? 8 : 300);
    }
    assert_true(client->held_count < KMCL_HELD);
    client->held[client->held_count++] = packet;
}

static void contexts_are_as_large_as_was_asked(void **state)
{
    uint8_t all[CONTEXT];
    uint32_t i;

    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(VmbChannelInitSetClientContextSize(k.channel, CONTEXT),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    k.on_packet = fill_context;
    for (i = 0; i < 4; i++)
        kmcl_send(&k, VmbPacketAllocate(k.channel), VMB_SIM_XFER, 77, 300, 0);
    KMCL_UNTIL(&k, k.held_count == 4);
    for (i = 0; i < 4; i++) {
        memset(all, (int)i + 1, sizeof all);
        assert_memory_equal(VmbChannelPacketGetClientContext(k.held[i]), all,
                            sizeof all);
        VmbChannelPacketComplete(k.held[i], NULL, 0);
    }
    kmcl_down(&k);
}

static void look_for_external_data(struct kmcl *client,
                                   VMBPACKETCOMPLETION packet, PVOID buffer,
                                   UINT32 bytes)
{
    uint32_t offset = 0, length = 0;
    uint16_t set = 0;
    PMDL mdl = (PMDL)buffer;

    (void)bytes;
    assert_int_equal(client->last_flags,
                     VMBUS_CHANNEL_PROCESS_PACKET_FLAG_EXTERNAL_DATA);
    assert_int_equal(VmbChannelPacketGetExternalData(NULL, 0, &mdl),
                     STATUS_INVALID_PARAMETER_1);
    assert_int_equal(VmbChannelPacketGetExternalData(packet, 2, &mdl),
                     STATUS_INVALID_PARAMETER_2);
    assert_int_equal(VmbChannelPacketGetExternalData(packet, 0, NULL),
                     STATUS_INVALID_PARAMETER_3);
    assert_int_equal(
        VmbChannelPacketGetExternalData(
            packet, VMBUS_CHANNEL_PACKET_EXTERNAL_DATA_FLAG_READ_ONLY, &mdl),
        STATUS_NOT_SUPPORTED);
    assert_null(mdl);
    assert_int_equal(vmb_channel_packet_range_count(packet), 2);
    assert_int_equal(
        vmb_channel_packet_get_range(packet, 0, &set, &offset, &length),
        VMB_OK);
    assert_int_equal(set, 77);
    assert_int_equal(length, 300);
    VmbChannelPacketComplete(packet, NULL, 0);
}

static void external_data_of_the_hosts_is_transfer_pages(void **state)
{
    (void)state;
    kmcl_up(&k, NULL);
    k.on_packet = look_for_external_data;
    kmcl_send(&k, VmbPacketAllocate(k.channel), VMB_SIM_XFER, 77, 300, 0);
    KMCL_UNTIL(&k, k.packets == 1);
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_test_completions(k.dev), 1);
    kmcl_down(&k);
}

static int my_context;

static VOID process_ex(VMBCHANNEL channel, VMBPACKETCOMPLETION packet,
                       PVOID buffer, UINT32 bytes, UINT32 flags, PVOID context)
{
    assert_ptr_equal(context, &my_context);
    kmcl_process_packet(channel, packet, buffer, bytes, flags);
}

static VOID complete_ex(VMBCHANNEL channel, UINT32 packets, PVOID context)
{
    assert_ptr_equal(context, &my_context);
    kmcl_processing_complete(channel, packets);
}

static void packet_callbacks_may_have_a_context(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(VmbChannelInitSetProcessPacketCallbacksEx(
                         k.channel, process_ex, complete_ex, &my_context),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    host_bursts(3);
    KMCL_UNTIL(&k, k.packets == 3);
    kmcl_settle(&k);
    assert_non_null(strchr(k.events, BATCH));
    /* Those set last count, also if they are none. */
    VmbChannelDisable(k.channel);
    assert_int_equal(
        VmbChannelInitSetProcessPacketCallbacks(k.channel, NULL, NULL),
        STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    kmcl_settle(&k);
    host_bursts(3);
    kmcl_settle(&k);
    assert_int_equal(k.packets, 3);
    kmcl_down(&k);
}

/* Nobody listens: the host is answered all the same. */
static void without_a_callback_packets_are_completed(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(
        VmbChannelInitSetProcessPacketCallbacks(k.channel, NULL, NULL),
        STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    host_asks();
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_test_completions(k.dev), 1);
    kmcl_down(&k);
}

static void no_context(struct kmcl *client, VMBPACKETCOMPLETION packet,
                       PVOID buffer, UINT32 bytes)
{
    (void)client;
    (void)buffer;
    (void)bytes;
    assert_null(VmbChannelPacketGetClientContext(packet));
    VmbChannelPacketComplete(packet, NULL, 0);
}

static void without_a_size_there_is_no_context(void **state)
{
    (void)state;
    kmcl_up(&k, NULL);
    k.on_packet = no_context;
    host_asks();
    KMCL_UNTIL(&k, k.packets == 1);
    kmcl_down(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_delivered_and_completed),
        cmocka_unit_test(a_packet_may_be_completed_later_with_bytes),
        cmocka_unit_test(a_deferred_packet_comes_again_at_passive),
        cmocka_unit_test(a_deferred_packet_comes_again_within_a_wait),
        cmocka_unit_test(a_deferred_packet_waits_for_the_start),
        cmocka_unit_test(a_poll_at_passive_delivers_others_at_dispatch),
        cmocka_unit_test(processing_may_be_required_at_passive),
        cmocka_unit_test(nothing_waits_at_dispatch),
        cmocka_unit_test(packets_within_a_wait_are_at_dispatch),
        cmocka_unit_test(a_failed_packet_stops_the_queue),
        cmocka_unit_test(rule_12_the_quota_bounds_what_is_outstanding),
        cmocka_unit_test(incoming_packets_carry_a_client_context),
        cmocka_unit_test(contexts_are_as_large_as_was_asked),
        cmocka_unit_test(external_data_of_the_hosts_is_transfer_pages),
        cmocka_unit_test(packet_callbacks_may_have_a_context),
        cmocka_unit_test(without_a_callback_packets_are_completed),
        cmocka_unit_test(without_a_size_there_is_no_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
