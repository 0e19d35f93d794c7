/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* By Microsoft's names: memory that is out, hosts that are silent, calls from
 * the wrong place. */
#include "kmcl.h"

#define WAIT VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION

static struct kmcl k;
static uint8_t *memory;

static void set_up(void)
{
    kmcl_up(&k, NULL);
    memory = rig_alloc(k.rig, 4);
}

/* All that is left of the arena, page by page, and back. */
static PVOID taken[KMCL_ARENA];

static void take_all(void)
{
    uint32_t i;

    for (i = 0; i < KMCL_ARENA; i++)
        taken[i] = vmb_kmcl_allocate(&k.device, VMB_PAGE_SIZE);
    assert_null(taken[KMCL_ARENA - 1]);
    assert_int_equal(vmb_kmcl_free_pages(&k.device), 0);
}

static void give_all(void)
{
    uint32_t i;

    for (i = 0; i < KMCL_ARENA; i++)
        vmb_kmcl_free(&k.device, taken[i]);
}

static void without_memory_things_are_refused(void **state)
{
    UINT32 handle = 77;
    PFN_NUMBER pfn = 1;
    VMBPACKET packet;

    (void)state;
    set_up();
    take_all();
    assert_null(VmbPacketAllocate(k.channel));
    assert_int_equal(
        VmbChannelCreateGpadlFromBuffer(k.channel, 0, memory, 8, &handle),
        STATUS_INSUFFICIENT_RESOURCES);
    assert_int_equal(
        VmbChannelCreateGpadlFromPfnList(k.channel, 0, &pfn, 1, &handle),
        STATUS_INSUFFICIENT_RESOURCES);
    assert_int_equal(handle, 77);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 1);
    give_all();
    packet = kmcl_packet(&k);
    kmcl_send(&k, packet, VMB_SIM_SINK, 0, 0, WAIT);
    KMCL_UNTIL(&k, k.dones == 1);
    VmbPacketFree(packet);
    kmcl_down(&k);
}

/* ---- Channels of one device ---------------------------------------------- */

static void channels_are_cleaned_up_in_any_order(void **state)
{
    struct vmb_guid instance;
    struct vmb_sim_dev *last;
    VMBCHANNEL all[3];
    GUID found;
    uint32_t i;

    (void)state;
    kmcl_make(&k, NULL);
    (void)rig_device(k.rig);
    last = rig_device(k.rig);
    kmcl_settle(&k);
    for (i = 0; i < 3; i++) {
        assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &all[i]),
                         STATUS_SUCCESS);
        assert_int_equal(VmbChannelEnable(all[i]), STATUS_SUCCESS);
    }
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_open_channels(k.rig->sim), 3);
    /* The first made stands last, then one in the middle is gone. */
    VmbChannelDisable(all[1]);
    VmbChannelCleanup(all[1]);
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_open_channels(k.rig->sim), 2);
    VmbChannelDisable(all[0]);
    VmbChannelCleanup(all[0]);
    VmbChannelDisable(all[2]);
    VmbChannelCleanup(all[2]);
    assert_int_equal(vmb_sim_open_channels(k.rig->sim), 0);
    assert_int_equal(vmb_kmcl_misuses(&k.device), 0);
    /* A device of one instance opens that one. */
    instance = rig_offer(k.rig, last, 0)->instance;
    k.cfg.instance = &instance;
    assert_int_equal(vmb_kmcl_device_init(&k.device, &k.cfg), VMB_OK);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &k.channel),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    kmcl_settle(&k);
    VmbChannelGetInterfaceInstance(k.channel, &found);
    assert_memory_equal(&found, &instance, sizeof found);
    kmcl_down(&k);
}

static VMBCHANNEL other;

static void clean_up_inside(struct kmcl *client, VMBPACKETCOMPLETION packet,
                            PVOID buffer, UINT32 bytes)
{
    (void)client;
    (void)buffer;
    (void)bytes;
    VmbChannelCleanup(other);
    assert_int_equal(VmbChannelEnable(other), STATUS_INVALID_DEVICE_STATE);
    VmbChannelPacketComplete(packet, NULL, 0);
}

static void at_dispatch_no_channel_is_cleaned_up(void **state)
{
    (void)state;
    kmcl_up(&k, NULL);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &other),
                     STATUS_SUCCESS);
    k.on_packet = clean_up_inside;
    host_sends(k.dev, 0, 1, 64, true);
    KMCL_UNTIL(&k, k.packets == 1);
    kmcl_expect_misuse(&k, "VmbChannelCleanup", STATUS_INVALID_DEVICE_STATE);
    assert_ptr_equal(VmbChannelGetParentDeviceObject(other), &k.device);
    VmbChannelCleanup(other);
    kmcl_down(&k);
}

static void a_channel_is_aligned(void **state)
{
    uint8_t *room = test_malloc(VmbSizeofChannel() + 8);

    (void)state;
    kmcl_make(&k, NULL);
    assert_int_equal(
        VmbChannelInitialize(&k.device, FALSE, (VMBCHANNEL)(void *)(room + 4)),
        STATUS_INVALID_PARAMETER_3);
    test_free(room);
    kmcl_end(&k);
}

/* ---- Settings without a channel ------------------------------------------ */

static void settings_want_a_channel(void **state)
{
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS callbacks = kmcl_state_change();
    UNICODE_STRING empty = { 0, 0, NULL };
    WCHAR odd[] = { L'a', 0, 0x7f, 0x7e, 0 };
    UNICODE_STRING name = { 4 * sizeof(WCHAR), sizeof odd, odd };
    struct vmb_channel *below;

    (void)state;
    kmcl_allocate(&k, NULL);
#define NONE(call) assert_int_equal(call, STATUS_INVALID_PARAMETER_1)
    NONE(VmbChannelInitSetMaximumPacketSize(NULL, 1));
    NONE(VmbChannelInitSetPrimaryChannel(NULL, k.channel, 1));
    NONE(VmbClientChannelInitSetTargetProcessorIndex(NULL, 0));
    NONE(VmbChannelInitSetProcessPacketCallbacksEx(NULL, NULL, NULL, NULL));
    NONE(VmbChannelInitSetStateChangeCallbacks(NULL, &callbacks));
    below = vmb_kmcl_client_channel(k.channel);
    assert_int_equal(VmbChannelInitSetFriendlyName(k.channel, &name),
                     STATUS_SUCCESS);
    assert_true(VmbChannelSizeofPacket(k.channel) > 0);
    assert_string_equal(vmb_channel_friendly_name(below), "a??~");
    assert_int_equal(VmbChannelInitSetFriendlyName(k.channel, &empty),
                     STATUS_SUCCESS);
    assert_true(VmbChannelSizeofPacket(k.channel) > 0);
    assert_string_equal(vmb_channel_friendly_name(below), "");
    kmcl_down(&k);
}

/* ---- GPADLs -------------------------------------------------------------- */

static UINT32 make_gpadl(void)
{
    UINT32 handle = 0;

    assert_int_equal(
        VmbChannelCreateGpadlFromBuffer(k.channel, 0, memory, 4096, &handle),
        STATUS_SUCCESS);
    assert_int_not_equal(handle, 0);
    return handle;
}

static UINT32 known;

static void gpadls_inside(struct kmcl *client, VMBPACKETCOMPLETION packet,
                          PVOID buffer, UINT32 bytes)
{
    PFN_NUMBER pfn = 1;
    UINT32 handle = 0;

    (void)buffer;
    (void)bytes;
    VmbChannelDeleteGpadl(client->channel, known);
    assert_int_equal(
        VmbChannelCreateGpadlFromPfnList(client->channel, 0, &pfn, 1, &handle),
        STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(handle, 0);
    VmbChannelPacketComplete(packet, NULL, 0);
}

static void at_dispatch_no_gpadl_is_made_or_deleted(void **state)
{
    (void)state;
    set_up();
    known = make_gpadl();
    k.on_packet = gpadls_inside;
    host_sends(k.dev, 0, 1, 64, false);
    KMCL_UNTIL(&k, k.packets == 1);
    kmcl_expect_misuse(&k, "VmbChannelDeleteGpadl",
                       STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 2);
    VmbChannelDeleteGpadl(k.channel, known);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 1);
    kmcl_down(&k);
}

static void lose_next(enum vmb_sim_point at)
{
    struct vmb_sim_fault lose = { .at = at, .act = VMB_SIM_LOSE };

    lose.k = vmb_sim_count(k.rig->sim, at);
    assert_int_equal(vmb_sim_fault_add(k.rig->sim, &lose), VMB_OK);
}

/* Objects whose memory the host may hold are kept, others not; a deletion that
 * was not answered may be asked for again. */
static void gpadls_in_doubt_are_kept(void **state)
{
    uint32_t before;
    UINT32 handle, none = 0;

    (void)state;
    set_up();
    known = make_gpadl();
    handle = make_gpadl();
    kmcl_settle(&k);
    before = vmb_kmcl_free_pages(&k.device);
    lose_next(VMB_SIM_AT_GUEST_MESSAGE);
    VmbChannelDeleteGpadl(k.channel, known);
    kmcl_expect_misuse(&k, "VmbChannelDeleteGpadl", STATUS_IO_TIMEOUT);
    assert_true(rig_mapped(k.rig, memory, 1));
    VmbChannelDeleteGpadl(k.channel, handle);
    assert_true(rig_mapped(k.rig, memory, 1));
    VmbChannelDeleteGpadl(k.channel, known);
    assert_false(rig_mapped(k.rig, memory, 1));
    VmbChannelDeleteGpadl(k.channel, known);
    kmcl_expect_misuse(&k, "VmbChannelDeleteGpadl", STATUS_INVALID_PARAMETER);
    lose_next(VMB_SIM_AT_HOST_MESSAGE);
    assert_int_equal(
        VmbChannelCreateGpadlFromBuffer(k.channel, 0, memory, 4096, &none),
        STATUS_IO_TIMEOUT);
    assert_int_equal(none, 0);
    kmcl_settle(&k);
    VmbChannelDeleteGpadl(k.channel, known); /* whose object that one has */
    kmcl_expect_misuse(&k, "VmbChannelDeleteGpadl", STATUS_INVALID_PARAMETER);
    assert_true(rig_mapped(k.rig, memory, 1));
    assert_int_equal(vmb_kmcl_free_pages(&k.device), before);
    VmbChannelDisable(k.channel);
    assert_false(rig_mapped(k.rig, memory, 1));
    kmcl_down(&k);
}

/* Objects are used again, whoever let go of them. */
static void gpadls_take_no_more_with_time(void **state)
{
    struct vmb_sim_fault refuse = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                    .act = VMB_SIM_REFUSE };
    UINT32 handle = 0;
    uint32_t i, before;

    (void)state;
    set_up();
    VmbChannelDeleteGpadl(k.channel, make_gpadl());
    before = vmb_kmcl_free_pages(&k.device);
    for (i = 0; i < 200; i++) {
        VmbChannelDeleteGpadl(k.channel, make_gpadl());
        vmb_sim_faults_clear(k.rig->sim);
        refuse.k = vmb_sim_count(k.rig->sim, refuse.at);
        assert_int_equal(vmb_sim_fault_add(k.rig->sim, &refuse), VMB_OK);
        assert_int_equal(VmbChannelCreateGpadlFromBuffer(k.channel, 0, memory,
                                                         4096, &handle),
                         STATUS_CONNECTION_REFUSED);
    }
    assert_int_equal(vmb_kmcl_free_pages(&k.device), before);
    kmcl_down(&k);
}

/* Nor when the client leaves each to the end of its channel. */
static void gpadls_not_deleted_take_no_more_with_time(void **state)
{
    uint32_t i, before = 0;

    (void)state;
    set_up();
    for (i = 0; i < 60; i++) {
        (void)make_gpadl();
        VmbChannelDisable(k.channel);
        assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
        k.count = 0;
        memset(k.events, 0, sizeof k.events);
        KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
        if (i == 0)
            before = vmb_kmcl_free_pages(&k.device);
    }
    assert_int_equal(vmb_kmcl_free_pages(&k.device), before);
    kmcl_down(&k);
}

/* ---- Packets ------------------------------------------------------------- */

static void objects_that_are_none_are_refused(void **state)
{
    VMBPACKET packet, placed;
    UINT32 bytes;
    PVOID all;

    (void)state;
    kmcl_up(&k, NULL);
    bytes = VmbChannelSizeofPacket(k.channel);
    placed = test_calloc(1, bytes + 8);
    assert_int_equal(VmbPacketInitialize(k.channel, NULL, bytes),
                     STATUS_INVALID_PARAMETER_2);
    assert_int_equal(
        VmbPacketInitialize(k.channel,
                            (VMBPACKET)(void *)((uint8_t *)placed + 4), bytes),
        STATUS_INVALID_PARAMETER_2);
    assert_int_equal(VmbPacketInitialize(k.channel, placed, bytes - 1),
                     STATUS_INVALID_PARAMETER_3);
    assert_int_equal(VmbPacketInitialize(k.channel, placed, bytes),
                     STATUS_SUCCESS);
    /* Without a routine nobody would hear of it, and nobody own it. */
    assert_int_equal(VmbPacketSend(placed, memory, 0, NULL, 0),
                     STATUS_INVALID_PARAMETER_1);
    assert_int_equal(VmbPacketSend(NULL, memory, 0, NULL, 0),
                     STATUS_INVALID_PARAMETER_1);
    packet = VmbPacketAllocate(k.channel);
    VmbPacketFree(packet);
    assert_int_equal(VmbPacketSend(packet, memory, 0, NULL, 0),
                     STATUS_INVALID_PARAMETER_1);
    VmbChannelDisable(k.channel);
    /* Larger than what there is: nothing can be laid out any more. */
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(k.channel, 8192),
                     STATUS_SUCCESS);
    all = vmb_kmcl_allocate(&k.device, 64 * VMB_PAGE_SIZE);
    take_all();
    assert_int_equal(VmbPacketInitialize(k.channel, placed, bytes),
                     STATUS_INSUFFICIENT_RESOURCES);
    kmcl_expect_misuse(&k, "VmbChannelSizeofPacket",
                       STATUS_INSUFFICIENT_RESOURCES);
    give_all();
    vmb_kmcl_free(&k.device, all);
    test_free(placed);
    kmcl_down(&k);
}

static NTSTATUS ended[2];
static UINT32 ended_bytes;

static VOID note_end(VMBPACKET packet, NTSTATUS status, PVOID buffer,
                     UINT32 bytes, PVOID context)
{
    (void)packet;
    (void)buffer;
    *(NTSTATUS *)context = status;
    ended_bytes = bytes;
}

/* More than a packet holds comes back as far as it goes, and is told. */
static void an_answer_too_long_is_cut_short(void **state)
{
    uint8_t answer[64] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    struct recorder recorder;
    GUID type;
    VMBPACKET packet;

    (void)state;
    kmcl_allocate(&k, NULL);
    recorder_add(&recorder, k.rig, 0);
    recorder.hold = true;
    memset(&type, 0x77, sizeof type);
    assert_int_equal(
        VmbClientChannelInitSetTargetPnp(k.channel, &type, NULL, NULL),
        STATUS_SUCCESS);
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(k.channel, 32),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    packet = kmcl_packet(&k);
    assert_int_equal(VmbPacketSend(packet, answer, 8, NULL, WAIT),
                     STATUS_SUCCESS);
    kmcl_settle(&k);
    assert_int_equal(recorder.count, 1);
    assert_int_equal(vmb_sim_complete(rig_host(recorder.dev),
                                      recorder.record[0].xid, answer,
                                      sizeof answer),
                     VMB_OK);
    KMCL_UNTIL(&k, k.dones == 1);
    assert_int_equal(k.last_status, STATUS_BUFFER_OVERFLOW);
    assert_int_equal(k.last_bytes, 32);
    assert_memory_equal(k.last, answer, 32);
    VmbPacketFree(packet);
    kmcl_down(&k);
}

/* The connection goes under it: to the client the device has gone. */
static void an_unload_ends_what_is_out(void **state)
{
    VMBPACKET packet;
    uint32_t i;

    (void)state;
    kmcl_up(&k, NULL);
    packet = VmbPacketAllocate(k.channel);
    ended[0] = STATUS_PENDING;
    VmbPacketSetCompletionRoutineEx(packet, note_end, &ended[0]);
    kmcl_send(&k, packet, VMB_SIM_HOLD, 0, 0, WAIT);
    kmcl_settle(&k);
    rig_unload(k.rig);
    for (i = 0; i < 50; i++)
        (void)(vmb_kmcl_poll(&k.device) == VMB_E_STATE);
    assert_int_equal(ended[0], STATUS_DEVICE_REMOVED);
    assert_int_equal(ended_bytes, 0);
    assert_string_equal(k.events, "OSPUC");
    VmbPacketFree(packet);
    kmcl_down(&k);
}

/* A signal that cannot be given: the host has nobody there any more. */
static void a_signal_to_nobody_ends_what_is_out(void **state)
{
    struct vmb_sim_fault fail = { .at = VMB_SIM_AT_HYPERCALL,
                                  .act = VMB_SIM_FAIL,
                                  .arg = 5 };
    VMBPACKET packet;

    (void)state;
    kmcl_up(&k, NULL);
    packet = VmbPacketAllocate(k.channel);
    assert_non_null(packet);
    ended[0] = STATUS_PENDING;
    VmbPacketSetCompletionRoutineEx(packet, note_end, &ended[0]);
    fail.k = vmb_sim_count(k.rig->sim, fail.at);
    assert_int_equal(vmb_sim_fault_add(k.rig->sim, &fail), VMB_OK);
    kmcl_send(&k, packet, VMB_SIM_HOLD, 0, 0, WAIT);
    kmcl_settle(&k);
    assert_int_equal(ended[0], STATUS_DEVICE_REMOVED);
    VmbPacketFree(packet);
    kmcl_down(&k);
}

/* ---- Requests ------------------------------------------------------------ */

static NTSTATUS ask(UINT32 bytes, UINT32 flags, PVOID reply, UINT32 *room,
                    LONGLONG timeout)
{
    static struct vmb_sim_test_request request[512];
    LARGE_INTEGER limit = { .QuadPart = timeout };

    request[0] = client_request(VMB_SIM_ECHO, 0, 0, 5);
    return VmbChannelSendSynchronousRequest(k.channel, request, bytes, NULL,
                                            flags, reply, room, &limit);
}

static NTSTATUS asked[2];

static void ask_inside(struct kmcl *client, VMBPACKETCOMPLETION packet,
                       PVOID buffer, UINT32 bytes)
{
    (void)client;
    (void)buffer;
    (void)bytes;
    asked[0] = ask(24, 0, NULL, NULL, 0);
    asked[1] = ask(24, 0, NULL, NULL, -(LONGLONG)SECOND);
    VmbChannelPacketComplete(packet, NULL, 0);
}

static void requests_from_wrong_places(void **state)
{
    uint64_t before;
    uint8_t reply[32];
    UINT32 room = sizeof reply;

    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(ask(24, WAIT, NULL, NULL, -(LONGLONG)SECOND),
                     STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(ask(24, 0, NULL, NULL, 0), STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    /* Too long for a packet: nothing of an answer is meant. */
    assert_int_equal(ask(8192, WAIT, reply, &room, -(LONGLONG)SECOND),
                     STATUS_INVALID_BUFFER_SIZE);
    assert_int_equal(room, 0);
    assert_int_equal(ask(8192, WAIT, NULL, NULL, -(LONGLONG)SECOND),
                     STATUS_INVALID_BUFFER_SIZE);
    assert_int_equal(ask(8192, 0, NULL, NULL, 0), STATUS_INVALID_BUFFER_SIZE);
    /* No room for an answer, and none is wanted. */
    assert_int_equal(ask(24, WAIT, NULL, NULL, -(LONGLONG)SECOND),
                     STATUS_SUCCESS);
    before = vmb_sim_count(k.rig->sim, VMB_SIM_AT_GUEST_PACKET);
    k.on_packet = ask_inside;
    host_sends(k.dev, 0, 1, 64, false);
    KMCL_UNTIL(&k, k.packets == 1);
    kmcl_settle(&k);
    assert_int_equal(asked[0], STATUS_SUCCESS);
    assert_int_equal(asked[1], STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(
        vmb_sim_count(k.rig->sim, VMB_SIM_AT_GUEST_PACKET) - before, 1);
    kmcl_down(&k);
}

/* A port without relax(): the CPU is kept busy instead.  One that has it: a
 * millisecond at a time. */
static void events_without_rest(void **state)
{
    LARGE_INTEGER limit = { .QuadPart = -(LONGLONG)SECOND };
    void (*relax)(void *ctx, uint64_t until);
    KEVENT event;

    (void)state;
    kmcl_up(&k, NULL);
    relax = k.rig->plat.relax;
    k.rig->last_rest = 0;
    k.rig->plat.relax = NULL;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    assert_int_equal(vmb_kmcl_wait_event(&k.device, &event, &limit),
                     STATUS_TIMEOUT);
    KeSetEvent(&event, 0, FALSE);
    assert_int_equal(vmb_kmcl_wait_event(&k.device, &event, &limit),
                     STATUS_SUCCESS);
    k.rig->plat.relax = relax;
    KeClearEvent(&event);
    assert_int_equal(vmb_kmcl_wait_event(&k.device, &event, &limit),
                     STATUS_TIMEOUT);
    assert_in_range(k.rig->last_rest, 1, SECOND / 1000);
    kmcl_down(&k);
}

/* ---- Nobody listens ------------------------------------------------------ */

static void a_failure_that_nobody_hears_of(void **state)
{
    struct vmb_sim_fault refuse = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                    .act = VMB_SIM_REFUSE };

    (void)state;
    kmcl_allocate(&k, NULL);
    refuse.k = vmb_sim_count(k.rig->sim, refuse.at);
    assert_int_equal(vmb_sim_fault_add(k.rig->sim, &refuse), VMB_OK);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    kmcl_settle(&k);
    assert_string_equal(k.events, "");
    kmcl_set_everything(&k, STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    kmcl_down(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_things_are_refused),
        cmocka_unit_test(channels_are_cleaned_up_in_any_order),
        cmocka_unit_test(at_dispatch_no_channel_is_cleaned_up),
        cmocka_unit_test(a_channel_is_aligned),
        cmocka_unit_test(settings_want_a_channel),
        cmocka_unit_test(at_dispatch_no_gpadl_is_made_or_deleted),
        cmocka_unit_test(gpadls_in_doubt_are_kept),
        cmocka_unit_test(gpadls_take_no_more_with_time),
        cmocka_unit_test(gpadls_not_deleted_take_no_more_with_time),
        cmocka_unit_test(objects_that_are_none_are_refused),
        cmocka_unit_test(an_answer_too_long_is_cut_short),
        cmocka_unit_test(an_unload_ends_what_is_out),
        cmocka_unit_test(a_signal_to_nobody_ends_what_is_out),
        cmocka_unit_test(requests_from_wrong_places),
        cmocka_unit_test(events_without_rest),
        cmocka_unit_test(a_failure_that_nobody_hears_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
