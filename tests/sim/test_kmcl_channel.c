/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Channels by Microsoft's names: objects, and the life cycle. */
#include "kmcl.h"

static struct kmcl k;

static void enable(void)
{
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
}

static void nothing(void)
{
    memset(k.events, 0, sizeof k.events);
    k.count = 0;
}

/* ---- Objects ------------------------------------------------------------- */

static void allocate_makes_a_disabled_channel(void **state)
{
    VMBCHANNEL channel = (VMBCHANNEL)&k;

    (void)state;
    kmcl_make(&k, NULL);
    assert_int_equal(VmbChannelAllocate(NULL, FALSE, &channel),
                     STATUS_INVALID_PARAMETER_1);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, NULL),
                     STATUS_INVALID_PARAMETER_3);
    assert_int_equal(VmbChannelAllocate(&k.device, TRUE, &channel),
                     STATUS_NOT_SUPPORTED);
    assert_null(channel);
    assert_int_equal(vmb_kmcl_free_pages(&k.device), k.free_pages);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &channel),
                     STATUS_SUCCESS);
    assert_null(VmbChannelGetPointer(channel));
    assert_ptr_equal(VmbChannelGetParentDeviceObject(channel), &k.device);
    assert_ptr_equal(VmbChannelGetTargetDeviceObject(channel), &k.device);
    VmbChannelCleanup(channel);
    kmcl_end(&k);
}

static void allocate_says_when_memory_is_out(void **state)
{
    VMBCHANNEL channel;
    PVOID all;

    (void)state;
    kmcl_make(&k, NULL);
    all = vmb_kmcl_allocate(&k.device, k.free_pages * VMB_PAGE_SIZE);
    assert_non_null(all);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &channel),
                     STATUS_INSUFFICIENT_RESOURCES);
    assert_null(channel);
    vmb_kmcl_free(&k.device, all);
    /* Room for the object, and none for what enabling takes. */
    all = vmb_kmcl_allocate(&k.device, (k.free_pages - 3) * VMB_PAGE_SIZE);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &channel),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(channel), STATUS_INSUFFICIENT_RESOURCES);
    assert_null(VmbPacketAllocate(channel));
    kmcl_expect_misuse(&k, "VmbChannelSizeofPacket",
                       STATUS_INSUFFICIENT_RESOURCES);
    VmbChannelCleanup(channel);
    vmb_kmcl_free(&k.device, all);
    kmcl_end(&k);
}

static void cleanup_wants_it_disabled_and_packets_freed(void **state)
{
    VMBPACKET packet;

    (void)state;
    kmcl_up(&k, NULL);
    VmbChannelCleanup(k.channel);
    kmcl_expect_misuse(&k, "VmbChannelCleanup", STATUS_INVALID_DEVICE_STATE);
    packet = VmbPacketAllocate(k.channel);
    VmbChannelDisable(k.channel);
    VmbChannelCleanup(k.channel);
    kmcl_expect_misuse(&k, "VmbChannelCleanup", STATUS_INVALID_DEVICE_STATE);
    VmbPacketFree(packet);
    kmcl_down(&k);
}

static VMBCHANNEL made;

static void start_placed(void)
{
    kmcl_make(&k, NULL);
    made = test_calloc(1, VmbSizeofChannel());
    assert_int_equal(VmbChannelInitialize(&k.device, FALSE, made),
                     STATUS_SUCCESS);
}

/* Its pages may be somebody else's by then. */
static void what_was_cleaned_up_is_left_alone(void **state)
{
    UINT32 handle = 0;
    uint32_t pages;
    void *other;

    (void)state;
    start_placed();
    pages = vmb_kmcl_free_pages(&k.device);
    assert_int_equal(VmbChannelEnable(made), STATUS_SUCCESS);
    kmcl_settle(&k);
    VmbChannelDisable(made);
    VmbChannelCleanup(made);
    assert_int_equal(vmb_kmcl_free_pages(&k.device), pages);
    other = vmb_kmcl_allocate(&k.device, 8 * VMB_PAGE_SIZE);
    assert_non_null(other);
    VmbChannelCleanup(made);
    assert_int_equal(vmb_kmcl_free_pages(&k.device), pages - 8);
    assert_int_equal(VmbChannelEnable(made), STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(made, 64),
                     STATUS_INVALID_PARAMETER_1);
    assert_int_equal(
        VmbChannelCreateGpadlFromBuffer(made, 0, other, 8, &handle),
        STATUS_INVALID_DEVICE_STATE);
    assert_null(VmbPacketAllocate(made));
    VmbChannelPause(made);
    VmbChannelStart(made);
    VmbChannelDisable(made);
    vmb_kmcl_free(&k.device, other);
    test_free(made);
    kmcl_end(&k);
}

/* Twice on the device's list it would be the end of no turn. */
static void a_channel_is_initialized_once(void **state)
{
    (void)state;
    start_placed();
    assert_int_equal(VmbChannelInitialize(&k.device, FALSE, made),
                     STATUS_INVALID_PARAMETER_3);
    kmcl_settle(&k);
    VmbChannelCleanup(made);
    assert_int_equal(VmbChannelInitialize(&k.device, FALSE, made),
                     STATUS_SUCCESS);
    VmbChannelCleanup(made);
    test_free(made);
    kmcl_end(&k);
}

static void a_channel_may_lie_in_the_clients_memory(void **state)
{
    VMBCHANNEL channel;

    (void)state;
    kmcl_make(&k, NULL);
    assert_true(VmbSizeofChannel() > 0);
    channel = test_malloc(VmbSizeofChannel());
    assert_int_equal(VmbChannelInitialize(NULL, FALSE, channel),
                     STATUS_INVALID_PARAMETER_1);
    assert_int_equal(VmbChannelInitialize(&k.device, FALSE, NULL),
                     STATUS_INVALID_PARAMETER_3);
    assert_int_equal(VmbChannelInitialize(&k.device, TRUE, channel),
                     STATUS_NOT_SUPPORTED);
    assert_int_equal(VmbChannelInitialize(&k.device, FALSE, channel),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(channel), STATUS_SUCCESS);
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_open_channels(k.rig->sim), 1);
    VmbChannelDisable(channel);
    VmbChannelCleanup(channel);
    test_free(channel);
    kmcl_end(&k);
}

static void a_channel_has_a_pointer_of_the_clients(void **state)
{
    int mine;

    (void)state;
    kmcl_allocate(&k, NULL);
    VmbChannelSetPointer(k.channel, &mine);
    assert_ptr_equal(VmbChannelGetPointer(k.channel), &mine);
    VmbChannelSetPointer(k.channel, NULL);
    assert_null(VmbChannelGetPointer(k.channel));
    kmcl_down(&k);
}

static void instance_and_mmio_space_are_those_of_the_offer(void **state)
{
    struct vmb_sim_device is = { .type = { 7 },
                                 .instance = { 8, 9 },
                                 .mmio_mb = 0x1003 };
    struct vmb_guid type = { { 7 } };
    GUID instance;
    UINT64 address = 1, size = 1;

    (void)state;
    kmcl_make(&k, NULL);
    vmb_sim_device_add(k.rig->sim, &is);
    k.cfg.type = &type;
    k.cfg.mmio_address = 0xf8000000;
    assert_int_equal(vmb_kmcl_device_init(&k.device, &k.cfg), VMB_OK);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &k.channel),
                     STATUS_SUCCESS);
    VmbChannelGetMmioSpace(k.channel, &address, &size);
    assert_int_equal(address | size, 0);
    enable();
    kmcl_settle(&k);
    VmbChannelGetInterfaceInstance(k.channel, &instance);
    assert_memory_equal(&instance, is.instance, 16);
    VmbChannelGetMmioSpace(k.channel, &address, &size);
    assert_int_equal(address, 0xf8000000);
    assert_true(size == 0x1003ull << 20);
    kmcl_down(&k);
}

/* ---- Life ---------------------------------------------------------------- */

static void enable_waits_for_nothing_and_runs(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    vmb_sim_rescind(k.dev);
    kmcl_settle(&k);
    enable();
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_INVALID_DEVICE_STATE);
    kmcl_settle(&k);
    assert_string_equal(k.events, "");
    vmb_sim_reoffer(k.dev);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_INVALID_DEVICE_STATE);
    assert_string_equal(k.events, "OSP");
    kmcl_down(&k);
    assert_string_equal(k.events, "OSPUC");
}

static void disable_ends_the_wait_for_an_offer(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    vmb_sim_rescind(k.dev);
    kmcl_settle(&k);
    enable();
    VmbChannelDisable(k.channel);
    kmcl_set_everything(&k, STATUS_SUCCESS);
    VmbChannelDisable(k.channel); /* disabled is disabled */
    assert_string_equal(k.events, "");
    kmcl_down(&k);
}

static void disable_waits_for_delivered_packets_but_not_for_ever(void **state)
{
    (void)state;
    kmcl_make(&k, NULL);
    k.cfg.patience = SECOND;
    assert_int_equal(vmb_kmcl_device_init(&k.device, &k.cfg), VMB_OK);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &k.channel),
                     STATUS_SUCCESS);
    VmbChannelSetPointer(k.channel, &k);
    assert_int_equal(VmbChannelInitSetProcessPacketCallbacks(
                         k.channel, kmcl_process_packet, NULL),
                     STATUS_SUCCESS);
    enable();
    kmcl_settle(&k);
    k.hold = true;
    kmcl_send(&k, VmbPacketAllocate(k.channel), VMB_SIM_ASK, 0, 0, 0);
    KMCL_UNTIL(&k, k.held_count == 1);
    VmbChannelDisable(k.channel);
    kmcl_expect_misuse(&k, "VmbChannelDisable", STATUS_IO_TIMEOUT);
    VmbChannelPacketComplete(k.held[0], NULL, 0);
    kmcl_down(&k);
}

static void pause_suspends_and_start_runs_again(void **state)
{
    VMBPACKET packet;

    (void)state;
    kmcl_up(&k, NULL);
    packet = kmcl_packet(&k);
    VmbChannelPause(k.channel);
    assert_string_equal(k.events, "OSPU");
    assert_int_equal(VmbPacketSend(packet, &k, 8, NULL, 0),
                     STATUS_INVALID_DEVICE_STATE);
    kmcl_settle(&k);
    assert_string_equal(k.events, "OSPU");
    VmbChannelStart(k.channel);
    kmcl_settle(&k);
    assert_string_equal(k.events, "OSPUSP");
    kmcl_send(&k, packet, VMB_SIM_SINK, 0, 0, 0);
    VmbPacketFree(packet);
    VmbChannelPause(k.channel);
    kmcl_down(&k);
    assert_string_equal(k.events, "OSPUSPdUC");
}

static void paused_while_disabled_it_comes_up_paused(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    VmbChannelPause(k.channel);
    enable();
    kmcl_settle(&k);
    assert_string_equal(k.events, "O");
    VmbChannelStart(k.channel);
    kmcl_settle(&k);
    assert_string_equal(k.events, "OSP");
    VmbChannelDisable(k.channel);
    /* Once only; and taken back. */
    nothing();
    enable();
    kmcl_settle(&k);
    assert_string_equal(k.events, "OSP");
    VmbChannelDisable(k.channel);
    nothing();
    VmbChannelPause(k.channel);
    VmbChannelStart(k.channel);
    enable();
    kmcl_settle(&k);
    assert_string_equal(k.events, "OSP");
    kmcl_down(&k);
}

static void pause_before_the_offer_does_not_wait(void **state)
{
    uint64_t before;

    (void)state;
    kmcl_allocate(&k, NULL);
    enable();
    before = vmb_sim_count(k.rig->sim, VMB_SIM_AT_GUEST_MESSAGE);
    VmbChannelPause(k.channel);
    assert_int_equal(vmb_sim_count(k.rig->sim, VMB_SIM_AT_GUEST_MESSAGE),
                     before);
    kmcl_settle(&k);
    assert_string_equal(k.events, "O");
    kmcl_down(&k);
    assert_string_equal(k.events, "OC");
}

static void an_opened_that_fails_leaves_nothing_open(void **state)
{
    VMBPACKET packet;

    (void)state;
    kmcl_allocate(&k, NULL);
    k.opened_status = STATUS_INSUFFICIENT_RESOURCES;
    enable();
    packet = kmcl_packet(&k);
    kmcl_send(&k, packet, VMB_SIM_SINK, 0, 0, 0);
    kmcl_settle(&k);
    assert_string_equal(k.events, "Ox");
    assert_int_equal(k.last_status, STATUS_CANCELLED);
    VmbPacketFree(packet);
    assert_int_equal(vmb_sim_open_channels(k.rig->sim), 0);
    kmcl_expect_misuse(&k, "EvtChannelOpened", STATUS_INSUFFICIENT_RESOURCES);
    k.opened_status = STATUS_PENDING; /* a success, to NT_SUCCESS() */
    enable();
    kmcl_settle(&k);
    assert_string_equal(k.events, "OxOSP");
    kmcl_down(&k);
}

static void a_rescind_ends_disabled_and_can_be_enabled(void **state)
{
    (void)state;
    kmcl_up(&k, NULL);
    vmb_sim_rescind(k.dev);
    KMCL_UNTIL(&k, strchr(k.events, CLOSED));
    kmcl_settle(&k);
    kmcl_set_everything(&k, STATUS_SUCCESS);
    enable();
    vmb_sim_reoffer(k.dev);
    kmcl_settle(&k);
    assert_string_equal(k.events, "OSPUCOSP");
    kmcl_down(&k);
}

/* What Windows would hang on, or stop the machine for. */
static void call_everything(struct kmcl *client, enum client_event event)
{
    VMBCHANNEL c = client->channel;

    if (event == BATCH || event == PACKET)
        return;
    VmbChannelDisable(c);
    VmbChannelPause(c);
    VmbChannelStart(c);
    VmbChannelCleanup(c);
    assert_int_equal(VmbChannelEnable(c), STATUS_INVALID_DEVICE_STATE);
    kmcl_set_everything(&k, STATUS_INVALID_PARAMETER_1);
    client->device.misuses_ -= 4;
}

static void state_callbacks_may_not_change_the_state(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    k.on = call_everything;
    enable();
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    VmbChannelPause(k.channel);
    VmbChannelStart(k.channel);
    kmcl_settle(&k);
    VmbChannelDisable(k.channel);
    assert_string_equal(k.events, "OSPUSPUC");
    k.on = NULL;
    kmcl_down(&k);
}

/* ---- Settings while it runs ---------------------------------------------- */

static void latency_is_that_of_the_monitor_page(void **state)
{
    struct rig_cfg monitored = { .conn.monitor = true,
                                 .sim.quirks = VMB_SIM_MONITOR };
    UINT16 original = 0;

    (void)state;
    kmcl_allocate(&k, &monitored);
    assert_int_equal(VmbChannelSetInterruptLatency(k.channel, 5, &original),
                     STATUS_INVALID_DEVICE_STATE);
    enable();
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    assert_int_equal(VmbChannelSetInterruptLatency(k.channel, 5, NULL),
                     STATUS_INVALID_PARAMETER_3);
    assert_int_equal(VmbChannelSetInterruptLatency(k.channel, 500, &original),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelSetInterruptLatency(k.channel, 7, &original),
                     STATUS_SUCCESS);
    assert_int_equal(original, 500);
    kmcl_down(&k);
    kmcl_up(&k, NULL);
    assert_int_equal(VmbChannelSetInterruptLatency(k.channel, 7, &original),
                     STATUS_NOT_SUPPORTED);
    kmcl_down(&k);
}

/* With interrupts nobody else would say that the open is to be posted. */
static void a_turn_that_began_something_asks_for_another(void **state)
{
    uint32_t turns = 0;

    (void)state;
    kmcl_allocate(&k, NULL);
    kmcl_settle(&k);
    assert_int_equal(vmb_kmcl_poll(&k.device), VMB_OK);
    enable();
    assert_int_equal(vmb_kmcl_poll(&k.device), VMB_AGAIN);
    while (vmb_kmcl_poll(&k.device) == VMB_AGAIN)
        assert_true(++turns < 10);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    kmcl_down(&k);
}

/* What the host has flagged is collected by a turn, whoever asks for it. */
static void a_turn_collects_what_is_ready(void **state)
{
    struct vmb_chan *below;
    struct vmb_cpu *cpu;

    (void)state;
    kmcl_up(&k, NULL);
    kmcl_settle(&k);
    below = vmb_channel_chan(vmb_kmcl_client_channel(k.channel));
    cpu = &k.rig->cpu[0];
    (void)vmb_cpu_next_ready(cpu);
    assert_null(vmb_cpu_next_ready(cpu));
    host_sends(k.dev, 0, 1, 64, false);
    (void)vmb_sim_run(k.rig->sim, 10);
    assert_true(vmb_kmcl_poll(&k.device) >= VMB_OK);
    assert_ptr_equal(vmb_cpu_next_ready(cpu), below);
    kmcl_down(&k);
}

static VMBCHANNEL other;

static void clean_up_the_other(struct kmcl *client, enum client_event event)
{
    (void)client;
    if (event != OPENED)
        return;
    VmbChannelCleanup(other);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &other),
                     STATUS_SUCCESS);
    assert_int_equal(vmb_kmcl_poll(&k.device), VMB_OK);
}

static void channels_come_and_go_in_a_turn(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &other),
                     STATUS_SUCCESS);
    k.on = clean_up_the_other;
    enable();
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    VmbChannelCleanup(other);
    kmcl_down(&k);
}

static NTSTATUS poll_within(VMBCHANNEL channel)
{
    (void)channel;
    host_sends(k.dev, 0, 1, 64, false);
    (void)vmb_sim_run(k.rig->sim, 10);
    assert_true(vmb_kmcl_poll(&k.device) >= VMB_OK);
    assert_int_equal(k.packets, 1);
    return STATUS_SUCCESS;
}

/* A callback of the first polls: the second, not yet visited, is in that turn.
 */
static void a_turn_within_a_turn_leaves_nobody_out(void **state)
{
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS callbacks = kmcl_state_change();
    VMBCHANNEL first;

    (void)state;
    kmcl_up(&k, NULL);
    assert_non_null(rig_device(k.rig));
    kmcl_settle(&k);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &first),
                     STATUS_SUCCESS);
    callbacks = (VMB_CHANNEL_STATE_CHANGE_CALLBACKS){
        .Version = callbacks.Version,
        .Size = callbacks.Size,
        .EvtChannelOpened = poll_within,
    };
    assert_int_equal(VmbChannelInitSetStateChangeCallbacks(first, &callbacks),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(first), STATUS_SUCCESS);
    KMCL_UNTIL(&k, k.packets == 1);
    VmbChannelDisable(first);
    VmbChannelCleanup(first);
    kmcl_down(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocate_makes_a_disabled_channel),
        cmocka_unit_test(allocate_says_when_memory_is_out),
        cmocka_unit_test(cleanup_wants_it_disabled_and_packets_freed),
        cmocka_unit_test(a_channel_may_lie_in_the_clients_memory),
        cmocka_unit_test(what_was_cleaned_up_is_left_alone),
        cmocka_unit_test(a_channel_is_initialized_once),
        cmocka_unit_test(a_channel_has_a_pointer_of_the_clients),
        cmocka_unit_test(instance_and_mmio_space_are_those_of_the_offer),
        cmocka_unit_test(enable_waits_for_nothing_and_runs),
        cmocka_unit_test(disable_ends_the_wait_for_an_offer),
        cmocka_unit_test(disable_waits_for_delivered_packets_but_not_for_ever),
        cmocka_unit_test(pause_suspends_and_start_runs_again),
        cmocka_unit_test(paused_while_disabled_it_comes_up_paused),
        cmocka_unit_test(pause_before_the_offer_does_not_wait),
        cmocka_unit_test(an_opened_that_fails_leaves_nothing_open),
        cmocka_unit_test(a_rescind_ends_disabled_and_can_be_enabled),
        cmocka_unit_test(state_callbacks_may_not_change_the_state),
        cmocka_unit_test(latency_is_that_of_the_monitor_page),
        cmocka_unit_test(a_turn_that_began_something_asks_for_another),
        cmocka_unit_test(channels_come_and_go_in_a_turn),
        cmocka_unit_test(a_turn_collects_what_is_ready),
        cmocka_unit_test(a_turn_within_a_turn_leaves_nobody_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
