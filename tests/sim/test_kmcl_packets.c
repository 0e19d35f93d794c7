/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Packet objects and sends by Microsoft's names. */
#include "kmcl.h"

#define WAIT  VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION
#define FORCE VMBUS_CHANNEL_FORMAT_FLAG_FORCE_MDL_LENGTH
#define PAGED VMBUS_CHANNEL_FORMAT_FLAG_PAGED_BUFFER

static struct kmcl k;

/* ---- Objects ------------------------------------------------------------- */

static void sizeof_packet_follows_the_maxima(void **state)
{
    UINT32 small, large;

    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(k.channel, 64),
                     STATUS_SUCCESS);
    small = VmbChannelSizeofPacket(k.channel);
    assert_true(small > 64 + sizeof(PVOID));
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(k.channel, 1064),
                     STATUS_SUCCESS);
    large = VmbChannelSizeofPacket(k.channel);
    assert_int_equal(large, small + 1000);
    assert_int_equal(
        VmbChannelInitSetMaximumExternalData(k.channel, 1 << 20, 64),
        STATUS_SUCCESS);
    assert_true(VmbChannelSizeofPacket(k.channel) > large + (256 + 64) * 8);
    kmcl_down(&k);
}

static void sizes_no_ring_carries_are_refused_at_first_use(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(k.channel, 1 << 20),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelSizeofPacket(k.channel), 0);
    kmcl_expect_misuse(&k, "VmbChannelSizeofPacket",
                       STATUS_INVALID_BUFFER_SIZE);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_INVALID_BUFFER_SIZE);
    kmcl_down(&k);
}

/* More than any list was made for; all memory comes back. */
static void packets_are_allocated_and_freed(void **state)
{
    VMBPACKET packets[40];
    uint32_t i, n;

    (void)state;
    kmcl_allocate(&k, NULL);
    for (n = 0; n < 3; n++) {
        for (i = 0; i < 40; i++) {
            packets[i] = VmbPacketAllocate(k.channel);
            assert_non_null(packets[i]);
            assert_ptr_equal(VmbPacketGetChannel(packets[i]), k.channel);
            assert_null(VmbPacketGetPointer(packets[i]));
            VmbPacketSetPointer(packets[i], &packets[i]);
        }
        for (i = 0; i < 40; i++) {
            assert_ptr_equal(VmbPacketGetPointer(packets[i]), &packets[i]);
            VmbPacketFree(packets[i]);
        }
    }
    VmbPacketFree(packets[0]); /* a second time: nothing */
    VmbPacketSetCompletionRoutine(packets[0], kmcl_done);
    assert_null(VmbPacketGetInlinePacketContextPointer(packets[0]));
    assert_null(VmbPacketGetChannel(packets[0]));
    kmcl_down(&k);
}

static void a_packet_in_flight_is_not_freed_or_changed(void **state)
{
    VMBPACKET packet;

    (void)state;
    kmcl_up(&k, NULL);
    packet = kmcl_packet(&k);
    kmcl_send(&k, packet, VMB_SIM_HOLD, 0, 0, WAIT);
    VmbPacketFree(packet);
    kmcl_expect_misuse(&k, "VmbPacketFree", STATUS_INVALID_DEVICE_STATE);
    VmbPacketSetCompletionRoutine(packet, kmcl_done);
    kmcl_expect_misuse(&k, "VmbPacketSetCompletionRoutine",
                       STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(VmbPacketSend(packet, &k, 8, NULL, WAIT),
                     STATUS_INVALID_DEVICE_STATE);
    kmcl_settle(&k);
    vmb_sim_test_release(k.dev);
    KMCL_UNTIL(&k, k.dones == 1);
    VmbPacketSetCompletionRoutine(packet, NULL);
    kmcl_expect_misuse(&k, "VmbPacketSetCompletionRoutine",
                       STATUS_INVALID_PARAMETER_2);
    VmbPacketFree(packet);
    kmcl_down(&k);
}

static void sizes_stay_while_packets_are_out(void **state)
{
    VMBPACKET packet;

    (void)state;
    kmcl_allocate(&k, NULL);
    packet = VmbPacketAllocate(k.channel);
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(k.channel, 100),
                     STATUS_INVALID_PARAMETER_1);
    assert_int_equal(VmbChannelInitSetMaximumExternalData(k.channel, 1, 1),
                     STATUS_INVALID_PARAMETER_1);
    assert_int_equal(VmbChannelInitSetClientContextSize(k.channel, 8),
                     STATUS_SUCCESS);
    assert_int_equal(
        VmbChannelInitSetFlags(k.channel, VMBUS_CHANNEL_INIT_FLAG_IS_PIPE),
        STATUS_INVALID_PARAMETER_1);
    VmbPacketFree(packet);
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(k.channel, 100),
                     STATUS_SUCCESS);
    kmcl_down(&k);
}

static void a_packet_may_lie_in_the_clients_memory(void **state)
{
    VMBPACKET packet;
    UINT32 bytes;

    (void)state;
    kmcl_up(&k, NULL);
    bytes = VmbChannelSizeofPacket(k.channel);
    packet = test_malloc(bytes);
    assert_int_equal(VmbPacketInitialize(NULL, packet, bytes),
                     STATUS_INVALID_PARAMETER_1);
    assert_int_equal(VmbPacketInitialize(k.channel, NULL, bytes),
                     STATUS_INVALID_PARAMETER_2);
    assert_int_equal(VmbPacketInitialize(k.channel, packet, bytes - 1),
                     STATUS_INVALID_PARAMETER_3);
    assert_int_equal(VmbPacketInitialize(k.channel, packet, bytes),
                     STATUS_SUCCESS);
    /* Its routine is invalid at first. */
    assert_int_equal(VmbPacketSend(packet, &k, 8, NULL, 0),
                     STATUS_INVALID_PARAMETER_1);
    VmbPacketSetCompletionRoutine(packet, kmcl_done);
    kmcl_send(&k, packet, VMB_SIM_ECHO, 0, 0, WAIT);
    KMCL_UNTIL(&k, k.dones == 1);
    VmbPacketFree(packet); /* not one of VmbPacketAllocate() */
    kmcl_expect_misuse(&k, "VmbPacketFree", STATUS_INVALID_DEVICE_STATE);
    kmcl_down(&k);
    test_free(packet);
}

static void the_count_of_packets_has_a_bound(void **state)
{
    VMBPACKET one, two;

    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(VmbChannelInitSetMaximumPacketCount(k.channel, 2),
                     STATUS_SUCCESS);
    one = VmbPacketAllocate(k.channel);
    two = VmbPacketAllocate(k.channel);
    assert_null(VmbPacketAllocate(k.channel));
    VmbPacketFree(one);
    one = VmbPacketAllocate(k.channel);
    assert_non_null(one);
    VmbPacketFree(one);
    VmbPacketFree(two);
    kmcl_down(&k);
}

static int in_context;

static VOID done_ex(VMBPACKET packet, NTSTATUS status, PVOID buffer,
                    UINT32 bytes, PVOID context)
{
    assert_ptr_equal(context, &in_context);
    memset(VmbPacketGetInlinePacketContextPointer(packet), 0x33, 20);
    kmcl_done(packet, status, buffer, bytes);
}

static void routines_may_have_a_context(void **state)
{
    uint8_t *context;
    VMBPACKET packet;

    (void)state;
    kmcl_allocate(&k, NULL);
    packet = VmbPacketAllocate(k.channel);
    assert_null(VmbPacketGetInlinePacketContextPointer(packet));
    VmbPacketFree(packet);
    assert_int_equal(VmbChannelInitSetInlinePacketContextSize(k.channel, 20),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    packet = VmbPacketAllocate(k.channel);
    context = VmbPacketGetInlinePacketContextPointer(packet);
    assert_int_equal(context[0] | context[19], 0);
    VmbPacketSetCompletionRoutineEx(packet, done_ex, &in_context);
    kmcl_send(&k, packet, VMB_SIM_ECHO, 0, 0, WAIT);
    KMCL_UNTIL(&k, k.dones == 1);
    assert_int_equal(k.last_bytes, sizeof(struct vmb_sim_test_request));
    assert_int_equal(context[19], 0x33);
    VmbPacketFree(packet);
    kmcl_down(&k);
}

/* ---- Sends --------------------------------------------------------------- */

static void without_waiting_it_is_done_in_the_ring(void **state)
{
    VMBPACKET packet;

    (void)state;
    kmcl_up(&k, NULL);
    packet = kmcl_packet(&k);
    kmcl_send(&k, packet, VMB_SIM_SINK, 0, 0, PAGED);
    assert_int_equal(k.dones, 1);
    assert_int_equal(k.last_status, STATUS_SUCCESS);
    assert_int_equal(k.last_bytes, 0);
    VmbPacketFree(packet);
    /* The routine that a packet is allocated with frees it. */
    kmcl_send(&k, VmbPacketAllocate(k.channel), VMB_SIM_SINK, 0, 0, 0);
    kmcl_send(&k, VmbPacketAllocate(k.channel), VMB_SIM_ECHO, 0, 0, WAIT);
    kmcl_settle(&k);
    kmcl_down(&k);
}

static void with_waiting_the_hosts_answer_is_told(void **state)
{
    struct vmb_sim_test_request request =
        client_request(VMB_SIM_ECHO, 1, 2, 99);
    VMBPACKET packet;
    uint32_t i;

    (void)state;
    kmcl_up(&k, NULL);
    packet = kmcl_packet(&k);
    for (i = 0; i < 1000; i++) {
        request.seed = i;
        assert_int_equal(
            VmbPacketSend(packet, &request, sizeof request, NULL, WAIT),
            STATUS_SUCCESS);
        assert_int_equal(k.dones, i);
        KMCL_UNTIL(&k, k.dones == i + 1);
        assert_int_equal(k.last_status, STATUS_SUCCESS);
        assert_int_equal(k.last_bytes, sizeof request);
        assert_memory_equal(k.last, &request, sizeof request);
    }
    VmbPacketFree(packet);
    kmcl_down(&k);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    static uint8_t large[VMB_CHANNEL_PACKET_BYTES + 1];
    PFN_NUMBER pfn = 1;
    MDL mdl = { NULL, &pfn, 1, 0, 100 };
    VMBPACKET p;

    (void)state;
    kmcl_up(&k, NULL);
    p = kmcl_packet(&k);
#define REFUSED(call, status) assert_int_equal(call, status)
#define BAD                   STATUS_INVALID_PARAMETER
    REFUSED(VmbPacketSend(NULL, large, 8, NULL, 0), STATUS_INVALID_PARAMETER_1);
    REFUSED(VmbPacketSend(p, large, 8, NULL, 8), BAD);
    REFUSED(VmbPacketSend(p, NULL, 8, NULL, 0), BAD);
    REFUSED(VmbPacketSend(p, large, 8, &mdl, 0), BAD);
    REFUSED(VmbPacketSend(p, large, 8, NULL, FORCE), BAD);
    REFUSED(VmbPacketSend(p, large, sizeof large, NULL, 0),
            STATUS_INVALID_BUFFER_SIZE);
    REFUSED(VmbPacketSendWithExternalMdl(p, large, 8, NULL, 0, 0, WAIT), BAD);
    REFUSED(VmbPacketSendWithExternalMdl(p, large, 8, &mdl, 0, 0, 0), BAD);
    REFUSED(VmbPacketSendWithExternalMdl(p, large, 8, &mdl, 0, 101, WAIT), BAD);
    REFUSED(VmbPacketSendWithExternalMdl(p, large, 8, &mdl, 101, 0, WAIT), BAD);
    REFUSED(VmbPacketSendWithExternalMdl(p, large, 8, &mdl, 0, 0, WAIT | FORCE),
            BAD);
    REFUSED(
        VmbPacketSendWithExternalMdl(p, large, 8, &mdl, 0, 4097, WAIT | FORCE),
        BAD);
    REFUSED(VmbPacketSendWithExternalMdl(NULL, large, 8, &mdl, 0, 0, WAIT),
            STATUS_INVALID_PARAMETER_1);
    REFUSED(VmbPacketSendWithExternalPfns(p, large, 8, NULL, 1, WAIT), BAD);
    REFUSED(VmbPacketSendWithExternalPfns(p, large, 8, &pfn, 0, WAIT), BAD);
    REFUSED(VmbPacketSendWithExternalPfns(p, large, 8, &pfn, 1, 0), BAD);
    REFUSED(VmbPacketSendWithExternalPfns(NULL, large, 8, &pfn, 1, WAIT),
            STATUS_INVALID_PARAMETER_1);
    assert_int_equal(vmb_sim_count(k.rig->sim, VMB_SIM_AT_GUEST_PACKET), 0);
    VmbPacketFree(p);
    kmcl_down(&k);
}

/* ---- External data: the host says what it saw ---------------------------- */

#define BYTES 10000u

static uint8_t *memory;

static void set_up_memory(void)
{
    uint32_t i;

    kmcl_up(&k, NULL);
    memory = rig_alloc(k.rig, 4);
    for (i = 0; i < 4 * VMB_PAGE_SIZE; i++)
        memory[i] = (uint8_t)(i * 7 + i / 256);
}

static void expect_hash(const uint8_t *at, uint32_t bytes)
{
    struct vmb_sim_test_reply reply;

    KMCL_UNTIL(&k, k.dones == 1);
    k.dones = 0;
    assert_int_equal(k.last_status, STATUS_SUCCESS);
    memcpy(&reply, k.last, sizeof reply);
    assert_int_equal(reply.status, 0);
    assert_int_equal(reply.bytes, bytes);
    assert_int_equal(reply.value, vmb_sim_hash(VMB_SIM_HASH_INIT, at, bytes));
}

static void an_mdl_names_memory_whole_or_in_part(void **state)
{
    struct vmb_sim_test_request hash = client_request(VMB_SIM_HASH, 0, 0, 0);
    uint8_t *data;
    VMBPACKET p;
    PMDL mdl;

    (void)state;
    set_up_memory();
    data = memory + 0x234;
    mdl = vmb_kmcl_allocate_mdl(&k.device, data, BYTES);
    assert_non_null(mdl);
    assert_int_equal(MmGetMdlByteCount(mdl), BYTES);
    assert_int_equal(MmGetMdlByteOffset(mdl), 0x234);
    p = kmcl_packet(&k);
#define SENT(call) assert_int_equal(call, STATUS_SUCCESS)
    SENT(VmbPacketSend(p, &hash, sizeof hash, mdl, WAIT));
    expect_hash(data, BYTES);
    SENT(VmbPacketSendWithExternalMdl(p, &hash, sizeof hash, mdl, 0, 0, WAIT));
    expect_hash(data, BYTES);
    SENT(VmbPacketSendWithExternalMdl(p, &hash, sizeof hash, mdl, 5000, 0,
                                      WAIT));
    expect_hash(data + 5000, BYTES - 5000);
    SENT(VmbPacketSendWithExternalMdl(p, &hash, sizeof hash, mdl, 4001, 300,
                                      WAIT | PAGED));
    expect_hash(data + 4001, 300);
    /* To the end of the last page. */
    SENT(VmbPacketSendWithExternalMdl(p, &hash, sizeof hash, mdl, 0,
                                      3 * VMB_PAGE_SIZE - 0x234, WAIT | FORCE));
    expect_hash(data, 3 * VMB_PAGE_SIZE - 0x234);
    VmbPacketFree(p);
    vmb_kmcl_free(&k.device, mdl);
    kmcl_down(&k);
}

static void pfns_name_whole_pages(void **state)
{
    struct vmb_sim_test_request hash = client_request(VMB_SIM_HASH, 0, 0, 0);
    VMBPACKET p;
    PMDL mdl;

    (void)state;
    set_up_memory();
    mdl = vmb_kmcl_allocate_mdl(&k.device, memory, 3 * VMB_PAGE_SIZE);
    p = kmcl_packet(&k);
    assert_int_equal(vmb_kmcl_physical_address(&k.device, memory + 5).QuadPart,
                     (LONGLONG)MmGetMdlPfnArray(mdl)[0] * VMB_PAGE_SIZE + 5);
    SENT(VmbPacketSendWithExternalPfns(p, &hash, sizeof hash,
                                       MmGetMdlPfnArray(mdl), 3, WAIT));
    expect_hash(memory, 3 * VMB_PAGE_SIZE);
    vmb_kmcl_free(&k.device, mdl);
    VmbPacketFree(p);
    assert_null(vmb_kmcl_allocate_mdl(&k.device, memory, UINT32_MAX));
    assert_null(
        vmb_kmcl_allocate_mdl(&k.device, (PVOID)(UINTPTR_MAX - 8), 4096));
    kmcl_down(&k);
}

/* ---- The end of what was sent -------------------------------------------- */

static void a_close_completes_what_is_out(void **state)
{
    VMBPACKET one, two;

    (void)state;
    kmcl_up(&k, NULL);
    one = kmcl_packet(&k);
    kmcl_send(&k, one, VMB_SIM_HOLD, 0, 0, WAIT);
    VmbChannelDisable(k.channel);
    assert_int_equal(k.last_status, STATUS_CANCELLED);
    assert_string_equal(k.events, "OSPUxC");
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, k.count == 9);
    two = kmcl_packet(&k);
    kmcl_send(&k, one, VMB_SIM_HOLD, 0, 0, WAIT);
    kmcl_send(&k, two, VMB_SIM_HOLD, 0, 0, WAIT);
    vmb_sim_rescind(k.dev);
    KMCL_UNTIL(&k, k.dones == 3);
    assert_int_equal(k.last_status, STATUS_DEVICE_REMOVED);
    VmbPacketFree(one);
    VmbPacketFree(two);
    kmcl_settle(&k);
    assert_string_equal(k.events, "OSPUxCOSPUxxC");
    kmcl_down(&k);
}

static void sends_before_it_opens_are_queued(void **state)
{
    VMBPACKET packet;

    (void)state;
    kmcl_allocate(&k, NULL);
    packet = kmcl_packet(&k);
    assert_int_equal(VmbPacketSend(packet, &k, 8, NULL, 0),
                     STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    kmcl_send(&k, packet, VMB_SIM_SINK, 0, 0, WAIT);
    assert_int_equal(k.dones, 0);
    KMCL_UNTIL(&k, k.dones == 1);
    assert_int_equal(k.last_status, STATUS_SUCCESS);
    VmbPacketFree(packet);
    kmcl_down(&k);
}

/* True lengths, no memory. */
static void pipe_mode_keeps_lengths(void **state)
{
    PFN_NUMBER pfn = 1;
    VMBPACKET packet;

    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(
        VmbChannelInitSetFlags(k.channel, VMBUS_CHANNEL_INIT_FLAG_IS_PIPE),
        STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    packet = kmcl_packet(&k);
    assert_int_equal(
        VmbPacketSendWithExternalPfns(packet, &k, 8, &pfn, 1, WAIT),
        STATUS_INVALID_PARAMETER);
    /* Header: type 1, the true length.  The device echoes all of it. */
    assert_int_equal(VmbPacketSend(packet, "abc", 3, NULL, 0), STATUS_SUCCESS);
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_send_inband(rig_host(k.dev), 1,
                                         "\1\0\0\0\3\0\0\0xyz", 11, false),
                     VMB_OK);
    KMCL_UNTIL(&k, k.packets == 1);
    assert_int_equal(k.last_bytes, 3);
    assert_memory_equal(k.last, "xyz", 3);
    VmbPacketFree(packet);
    kmcl_down(&k);
}

/* A ring that is smaller than what goes through it, and nothing taken for it
 * after the packets. */
static void full_rings_queue_and_take_no_memory(void **state)
{
    VMBPACKET packets[24];
    uint32_t i, before;

    (void)state;
    kmcl_allocate(&k, NULL);
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(k.channel, 1000),
                     STATUS_SUCCESS);
    assert_int_equal(
        VmbClientChannelInitSetRingBufferPageCount(k.channel, 1, 1),
        STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    for (i = 0; i < 24; i++)
        packets[i] = kmcl_packet(&k);
    before = vmb_kmcl_free_pages(&k.device);
    for (i = 0; i < 24; i++) {
        struct vmb_sim_test_request request =
            client_request(VMB_SIM_ECHO, i, 0, 0);
        uint8_t large[1000] = { 0 };

        memcpy(large, &request, sizeof request);
        assert_int_equal(
            VmbPacketSend(packets[i], large, sizeof large, NULL, WAIT),
            STATUS_SUCCESS);
    }
    KMCL_UNTIL(&k, k.dones == 24);
    assert_int_equal(k.last_status, STATUS_SUCCESS);
    assert_int_equal(vmb_kmcl_free_pages(&k.device), before);
    for (i = 0; i < 24; i++)
        VmbPacketFree(packets[i]);
    kmcl_down(&k);
}

/* Its objects lay in pages that are the arena's again. */
static void after_a_change_of_size_packets_are_made_anew(void **state)
{
    uint32_t before;

    (void)state;
    kmcl_allocate(&k, NULL);
    VmbPacketFree(kmcl_packet(&k));
    assert_int_equal(VmbChannelInitSetMaximumPacketSize(k.channel, 64),
                     STATUS_SUCCESS);
    assert_int_not_equal(VmbChannelSizeofPacket(k.channel), 0);
    before = vmb_kmcl_free_pages(&k.device);
    VmbPacketFree(kmcl_packet(&k));
    assert_true(vmb_kmcl_free_pages(&k.device) < before);
    kmcl_down(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizeof_packet_follows_the_maxima),
        cmocka_unit_test(sizes_no_ring_carries_are_refused_at_first_use),
        cmocka_unit_test(packets_are_allocated_and_freed),
        cmocka_unit_test(a_packet_in_flight_is_not_freed_or_changed),
        cmocka_unit_test(sizes_stay_while_packets_are_out),
        cmocka_unit_test(a_packet_may_lie_in_the_clients_memory),
        cmocka_unit_test(the_count_of_packets_has_a_bound),
        cmocka_unit_test(routines_may_have_a_context),
        cmocka_unit_test(without_waiting_it_is_done_in_the_ring),
        cmocka_unit_test(with_waiting_the_hosts_answer_is_told),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(an_mdl_names_memory_whole_or_in_part),
        cmocka_unit_test(pfns_name_whole_pages),
        cmocka_unit_test(a_close_completes_what_is_out),
        cmocka_unit_test(sends_before_it_opens_are_queued),
        cmocka_unit_test(pipe_mode_keeps_lengths),
        cmocka_unit_test(full_rings_queue_and_take_no_memory),
        cmocka_unit_test(after_a_change_of_size_packets_are_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
