/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What is set before a channel is enabled, by Microsoft's names. */
#include "kmcl.h"

static struct kmcl k;

static void enable(void)
{
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
}

static void rule_1_init_functions_want_a_disabled_channel(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    kmcl_set_everything(&k, STATUS_SUCCESS);
    enable();
    kmcl_set_everything(&k, STATUS_INVALID_PARAMETER_1);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    kmcl_set_everything(&k, STATUS_INVALID_PARAMETER_1);
    VmbChannelDisable(k.channel);
    kmcl_set_everything(&k, STATUS_SUCCESS);
    kmcl_down(&k);
}

static void init_functions_say_which_parameter_is_wrong(void **state)
{
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS callbacks = kmcl_state_change();
    UNICODE_STRING hole = { 4, 4, NULL };
    VMBCHANNEL c;

    (void)state;
    kmcl_allocate(&k, NULL);
    c = k.channel;
#define WRONG(n, call) assert_int_equal(call, STATUS_INVALID_PARAMETER_##n)
    WRONG(1, VmbChannelInitSetFlags(NULL, 0));
    WRONG(2, VmbChannelInitSetFlags(c, 2));
    WRONG(2, VmbChannelInitSetClientContextSize(c, UINT32_MAX));
    WRONG(2, VmbChannelInitSetFriendlyName(c, NULL));
    WRONG(2, VmbChannelInitSetFriendlyName(c, &hole));
    WRONG(2, VmbChannelInitSetMaximumExternalData(c, 0, 1));
    WRONG(3, VmbChannelInitSetMaximumExternalData(c, 1, 0));
    WRONG(2, VmbChannelInitSetMaximumPacketSize(c, 0));
    WRONG(2, VmbChannelInitSetMaximumPacketCount(c, 0));
    WRONG(2, VmbChannelInitSetMaximumPacketCount(c, 65536));
    WRONG(2, VmbChannelInitSetInlinePacketContextSize(c, UINT32_MAX));
    WRONG(2, VmbChannelInitSetStateChangeCallbacks(c, NULL));
    callbacks.Version = 2;
    WRONG(2, VmbChannelInitSetStateChangeCallbacks(c, &callbacks));
    callbacks.Version = 1;
    callbacks.Size--;
    WRONG(2, VmbChannelInitSetStateChangeCallbacks(c, &callbacks));
    WRONG(2, VmbClientChannelInitSetRingBufferPageCount(c, 0, 1));
    WRONG(3, VmbClientChannelInitSetRingBufferPageCount(c, 1, 0));
    WRONG(2, VmbClientChannelInitSetTargetPnp(c, NULL, NULL, NULL));
    WRONG(2, VmbChannelInitSetPrimaryChannel(c, NULL, 1));
    WRONG(2, VmbChannelInitSetPrimaryChannel(c, c, 1));
    WRONG(2, VmbClientChannelInitSetTargetProcessorIndex(c, 0));
    kmcl_down(&k);
}

static void the_friendly_name_is_copied(void **state)
{
    WCHAR text[] = L"net\x00e9";
    UNICODE_STRING name = { 4 * sizeof(WCHAR), sizeof text, text };
    WCHAR filled[100];
    UNICODE_STRING filling = { sizeof filled, sizeof filled, filled };
    struct vmb_channel *below;
    size_t i;

    (void)state;
    for (i = 0; i < 100; i++)
        filled[i] = L'x';
    kmcl_allocate(&k, NULL);
    below = vmb_kmcl_client_channel(k.channel);
    assert_int_equal(VmbChannelInitSetFriendlyName(k.channel, &name),
                     STATUS_SUCCESS);
    text[0] = L'b';
    assert_true(VmbChannelSizeofPacket(k.channel) > 0);
    assert_string_equal(vmb_channel_friendly_name(below), "net?");
    assert_int_equal(VmbChannelInitSetFriendlyName(k.channel, &filling),
                     STATUS_SUCCESS);
    assert_true(VmbChannelSizeofPacket(k.channel) > 0);
    assert_int_equal(strlen(vmb_channel_friendly_name(below)),
                     VMB_CHANNEL_NAME_BYTES - 1);
    kmcl_down(&k);
}

static void ring_page_counts_are_data_pages(void **state)
{
    struct vmb_sim_chan *host;

    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(
        VmbClientChannelInitSetRingBufferPageCount(k.channel, 6, 9),
        STATUS_SUCCESS);
    enable();
    kmcl_settle(&k);
    host = rig_host(k.dev);
    assert_int_equal(vmb_sim_ring_size(host, VMB_SIM_TO_GUEST), 6 * 4096);
    assert_int_equal(vmb_sim_ring_size(host, VMB_SIM_TO_HOST), 9 * 4096);
    VmbChannelDisable(k.channel);
    /* Too small for the largest packet. */
    assert_int_equal(
        VmbClientChannelInitSetRingBufferPageCount(k.channel, 1, 1),
        STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_INVALID_BUFFER_SIZE);
    kmcl_down(&k);
}

static void a_target_is_found_by_type_and_instance(void **state)
{
    struct vmb_guid first, second;
    GUID type, wanted, found;
    struct vmb_sim_dev *dev;
    VMBCHANNEL other;

    (void)state;
    kmcl_allocate(&k, NULL);
    dev = rig_device(k.rig);
    kmcl_settle(&k);
    assert_non_null(k.cfg.type);
    memcpy(&type, k.cfg.type, sizeof type);
    assert_non_null(rig_offer(k.rig, k.dev, 0));
    assert_non_null(rig_offer(k.rig, dev, 0));
    first = rig_offer(k.rig, k.dev, 0)->instance;
    second = rig_offer(k.rig, dev, 0)->instance;
    memcpy(&wanted, &second, sizeof wanted);
    assert_int_equal(
        VmbClientChannelInitSetTargetPnp(k.channel, &type, &wanted, NULL),
        STATUS_SUCCESS);
    enable();
    kmcl_settle(&k);
    VmbChannelGetInterfaceInstance(k.channel, &found);
    assert_true(IsEqualGUID(&found, &wanted));
    VmbChannelDisable(k.channel);
    /* It is no sub-channel of another any more. */
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &other),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelInitSetPrimaryChannel(k.channel, other, 1),
                     STATUS_SUCCESS);
    VmbChannelCleanup(other);
    assert_int_equal(
        VmbClientChannelInitSetTargetPnp(k.channel, &type, NULL, NULL),
        STATUS_SUCCESS);
    enable();
    kmcl_settle(&k);
    VmbChannelGetInterfaceInstance(k.channel, &found);
    assert_memory_equal(&found, &first, sizeof first);
    kmcl_down(&k);
}

static uint32_t refuse(void *ctx, struct vmb_sim_chan *chan,
                       const uint8_t user[120])
{
    (void)ctx;
    (void)chan;
    (void)user;
    return 0xc0000022;
}

static void a_refused_open_is_a_pnp_failure(void **state)
{
    struct vmb_sim_device is = { .type = { 7 }, .on_open = refuse };
    GUID type = { 7, 0, 0, { 0 } };

    (void)state;
    kmcl_allocate(&k, NULL);
    vmb_sim_device_add(k.rig->sim, &is);
    assert_int_equal(VmbClientChannelInitSetTargetPnp(k.channel, &type, NULL,
                                                      kmcl_pnp_failure),
                     STATUS_SUCCESS);
    enable();
    KMCL_UNTIL(&k, k.count == 1);
    assert_string_equal(k.events, "F");
    assert_int_equal(k.last_status, STATUS_CONNECTION_REFUSED);
    kmcl_set_everything(&k, STATUS_SUCCESS);
    kmcl_down(&k);
}

static void without_a_target_nothing_is_enabled(void **state)
{
    (void)state;
    kmcl_make(&k, NULL);
    k.cfg.type = NULL;
    assert_int_equal(vmb_kmcl_device_init(&k.device, &k.cfg), VMB_OK);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &k.channel),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(VmbChannelEnable(NULL), STATUS_INVALID_PARAMETER_1);
    kmcl_down(&k);
}

static void a_sub_channel_follows_its_primary(void **state)
{
    struct vmb_cpu *cpus[2];
    struct vmb_sim_dev *dev;
    VMBCHANNEL sub;
    GUID type;

    (void)state;
    kmcl_allocate(&k, &(struct rig_cfg){ .sim.vps = 2 });
    cpus[0] = &k.rig->cpu[0];
    cpus[1] = &k.rig->cpu[1];
    k.device.cfg_.cpus = cpus;
    k.device.cfg_.cpu_count = 2;
    vmb_sim_rescind(k.dev);
    kmcl_settle(&k);
    dev = vmb_sim_test_add(k.rig->sim, 9, 1);
    kmcl_settle(&k);
    memcpy(&type, vmb_sim_test_type, 16);
    enable();
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &sub),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelInitSetPrimaryChannel(sub, k.channel, 0),
                     STATUS_INVALID_PARAMETER_3);
    assert_int_equal(VmbChannelInitSetPrimaryChannel(sub, k.channel, 1),
                     STATUS_SUCCESS);
    assert_int_equal(VmbClientChannelInitSetTargetProcessorIndex(sub, 2),
                     STATUS_INVALID_PARAMETER_2);
    assert_int_equal(VmbClientChannelInitSetTargetProcessorIndex(sub, 1),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(sub), STATUS_SUCCESS);
    kmcl_settle(&k);
    assert_true(vmb_sim_is_open(vmb_sim_channel(dev, 1)));
    VmbChannelDisable(sub);
    VmbChannelCleanup(sub);
    kmcl_down(&k);
}

/* ---- What the channel below has of it ------------------------------------
 */

/* More than it has by default: none of them waits. */
static void as_many_packets_as_allowed_are_out_at_once(void **state)
{
    VMBPACKET packets[VMB_CHANNEL_TRANSACTIONS + 10];
    const uint32_t count = VMB_CHANNEL_TRANSACTIONS + 10;
    uint32_t i;

    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(VmbChannelInitSetMaximumPacketCount(k.channel, count),
                     STATUS_SUCCESS);
    enable();
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    for (i = 0; i < count; i++) {
        packets[i] = kmcl_packet(&k);
        kmcl_send(&k, packets[i], VMB_SIM_HOLD, 0, 0,
                  VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION);
    }
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_test_release(k.dev), count);
    KMCL_UNTIL(&k, k.dones == count);
    for (i = 0; i < count; i++)
        VmbPacketFree(packets[i]);
    kmcl_down(&k);
}

/* Two transfer pages are more than a chain of one. */
static void a_chain_bounds_transfer_pages_too(void **state)
{
    struct vmb_fault fault;

    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(VmbChannelInitSetMaximumExternalData(k.channel, 4096, 1),
                     STATUS_SUCCESS);
    enable();
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    kmcl_send(&k, VmbPacketAllocate(k.channel), VMB_SIM_XFER, 77, 300, 0);
    KMCL_UNTIL(&k, strchr(k.events, CLOSED));
    assert_int_equal(k.packets, 0);
    vmb_channel_fault(vmb_kmcl_client_channel(k.channel), &fault);
    assert_int_equal(fault.site, VMB_SITE_PACKET_RANGES);
    assert_int_equal(fault.limit, 1);
    kmcl_settle(&k);
    kmcl_down(&k);
}

/* ---- What is set last counts ---------------------------------------------
 */

static VOID process_ex(VMBCHANNEL channel, VMBPACKETCOMPLETION packet,
                       PVOID buffer, UINT32 bytes, UINT32 flags, PVOID context)
{
    (void)context;
    kmcl_process_packet(channel, packet, buffer, bytes, flags);
}

static VOID complete_ex(VMBCHANNEL channel, UINT32 packets, PVOID context)
{
    (void)context;
    kmcl_processing_complete(channel, packets);
}

static void one_packet_and_no_batch(uint32_t packets)
{
    enable();
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    kmcl_settle(&k);
    host_sends(k.dev, 0, 1, 64, false);
    KMCL_UNTIL(&k, k.packets == packets);
    kmcl_settle(&k);
    assert_null(strchr(k.events, BATCH));
    VmbChannelDisable(k.channel);
}

/* Of the others not even the half that was set alone stays. */
static void the_packet_callbacks_set_last_count(void **state)
{
    VMBCHANNEL c;

    (void)state;
    kmcl_allocate(&k, NULL);
    c = k.channel;
    assert_int_equal(
        VmbChannelInitSetProcessPacketCallbacksEx(c, NULL, complete_ex, NULL),
        STATUS_SUCCESS);
    assert_int_equal(
        VmbChannelInitSetProcessPacketCallbacks(c, kmcl_process_packet, NULL),
        STATUS_SUCCESS);
    one_packet_and_no_batch(1);
    assert_int_equal(VmbChannelInitSetProcessPacketCallbacks(
                         c, NULL, kmcl_processing_complete),
                     STATUS_SUCCESS);
    assert_int_equal(
        VmbChannelInitSetProcessPacketCallbacksEx(c, process_ex, NULL, NULL),
        STATUS_SUCCESS);
    one_packet_and_no_batch(2);
    kmcl_down(&k);
}

/* A context has the bytes that were asked for, and what follows is aligned. */
static void an_inline_context_is_rounded_up(void **state)
{
    static const UINT32 sizes[] = { 0, 16, 17, 24 };
    UINT32 bytes[4], i;

    (void)state;
    kmcl_allocate(&k, NULL);
    for (i = 0; i < 4; i++) {
        assert_int_equal(
            VmbChannelInitSetInlinePacketContextSize(k.channel, sizes[i]),
            STATUS_SUCCESS);
        bytes[i] = VmbChannelSizeofPacket(k.channel);
    }
    assert_int_equal(bytes[1], bytes[0] + 16);
    assert_int_equal(bytes[2], bytes[0] + 24);
    assert_int_equal(bytes[3], bytes[0] + 24);
    kmcl_down(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_1_init_functions_want_a_disabled_channel),
        cmocka_unit_test(init_functions_say_which_parameter_is_wrong),
        cmocka_unit_test(the_friendly_name_is_copied),
        cmocka_unit_test(ring_page_counts_are_data_pages),
        cmocka_unit_test(a_target_is_found_by_type_and_instance),
        cmocka_unit_test(a_refused_open_is_a_pnp_failure),
        cmocka_unit_test(without_a_target_nothing_is_enabled),
        cmocka_unit_test(a_sub_channel_follows_its_primary),
        cmocka_unit_test(as_many_packets_as_allowed_are_out_at_once),
        cmocka_unit_test(a_chain_bounds_transfer_pages_too),
        cmocka_unit_test(the_packet_callbacks_set_last_count),
        cmocka_unit_test(an_inline_context_is_rounded_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
