/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Requests that are waited for, and GPADLs, by Microsoft's names. */
#include "kmcl.h"

#define WAIT VMBUS_CHANNEL_FORMAT_FLAG_WAIT_FOR_COMPLETION

static struct kmcl k;

static NTSTATUS ask(uint32_t op, UINT32 flags, PVOID reply, UINT32 *bytes,
                    const LONGLONG *timeout)
{
    struct vmb_sim_test_request request = client_request(op, 0, 0, 5);
    LARGE_INTEGER limit;

    if (timeout)
        limit.QuadPart = *timeout;
    return VmbChannelSendSynchronousRequest(k.channel, &request, sizeof request,
                                            NULL, flags, reply, bytes,
                                            timeout ? &limit : NULL);
}

/* ---- Requests ------------------------------------------------------------ */

static void a_request_brings_its_answer(void **state)
{
    struct vmb_sim_test_request request = client_request(VMB_SIM_ECHO, 0, 0, 5);
    struct vmb_sim_test_request reply;
    UINT32 bytes = sizeof reply;

    (void)state;
    kmcl_up(&k, NULL);
    assert_int_equal(ask(VMB_SIM_ECHO, WAIT, &reply, &bytes, NULL),
                     STATUS_SUCCESS);
    assert_int_equal(bytes, sizeof reply);
    assert_memory_equal(&reply, &request, sizeof reply);
    assert_int_equal(ask(VMB_SIM_SINK, WAIT, &reply, &bytes, NULL),
                     STATUS_SUCCESS);
    assert_int_equal(bytes, 0);
    assert_int_equal(ask(VMB_SIM_SINK, 0, NULL, NULL, NULL), STATUS_SUCCESS);
    kmcl_down(&k);
}

static void rule_17_the_room_is_a_multiple_of_8(void **state)
{
    uint8_t reply[32];
    UINT32 bytes = 7;

    (void)state;
    kmcl_up(&k, NULL);
    assert_int_equal(ask(VMB_SIM_ECHO, WAIT, reply, &bytes, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(ask(VMB_SIM_ECHO, WAIT, reply, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(ask(VMB_SIM_ECHO, 8, NULL, NULL, NULL),
                     STATUS_INVALID_PARAMETER_5);
    assert_int_equal(VmbChannelSendSynchronousRequest(NULL, reply, 8, NULL, 0,
                                                      NULL, NULL, NULL),
                     STATUS_INVALID_PARAMETER_1);
    bytes = 8;
    assert_int_equal(ask(VMB_SIM_ECHO, WAIT, reply, &bytes, NULL),
                     STATUS_BUFFER_TOO_SMALL);
    assert_int_equal(bytes, 8);
    kmcl_down(&k);
}

static void rule_15_what_may_not_wait_is_not_queued(void **state)
{
    static uint8_t large[4000];
    const LONGLONG none = 0;
    LARGE_INTEGER timeout = { .QuadPart = 0 };
    NTSTATUS status = STATUS_SUCCESS;
    uint32_t sent = 0, i;
    VMBPACKET packet;

    (void)state;
    kmcl_up(&k, NULL);
    vmb_sim_stall(rig_host(k.dev), true);
    while (status == STATUS_SUCCESS && sent++ < 1000)
        status = VmbChannelSendSynchronousRequest(
            k.channel, large, sizeof large, NULL, 0, NULL, NULL, &timeout);
    assert_int_equal(status, STATUS_BUFFER_OVERFLOW);
    assert_true(sent > 1 && sent < 1000);
    for (i = 0; i < 10; i++) /* what is not queued leaves nothing behind */
        assert_int_equal(VmbChannelSendSynchronousRequest(k.channel, large,
                                                          sizeof large, NULL, 0,
                                                          NULL, NULL, &timeout),
                         STATUS_BUFFER_OVERFLOW);
    vmb_sim_stall(rig_host(k.dev), false);
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_count(k.rig->sim, VMB_SIM_AT_GUEST_PACKET),
                     sent - 1);
    /* With an answer to come there is nobody to take it. */
    assert_int_equal(ask(VMB_SIM_ECHO, WAIT, NULL, NULL, &none),
                     STATUS_CANCELLED);
    kmcl_settle(&k);
    packet = kmcl_packet(&k);
    kmcl_send(&k, packet, VMB_SIM_ECHO, 0, 0, WAIT);
    KMCL_UNTIL(&k, k.dones == 1);
    VmbPacketFree(packet);
    kmcl_down(&k);
}

static void rule_16_timed_out_is_cancelled(void **state)
{
    const LONGLONG relative = -(LONGLONG)SECOND;
    LONGLONG absolute;
    uint64_t before;

    (void)state;
    kmcl_make(&k, NULL);
    k.cfg.boot_time = 130000000000000000ull;
    assert_int_equal(vmb_kmcl_device_init(&k.device, &k.cfg), VMB_OK);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &k.channel),
                     STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    kmcl_settle(&k);
    before = vmb_kmcl_system_time(&k.device);
    assert_true(before > k.cfg.boot_time);
    assert_int_equal(ask(VMB_SIM_HOLD, WAIT, NULL, NULL, &relative),
                     STATUS_CANCELLED);
    assert_true(vmb_kmcl_system_time(&k.device) >= before + SECOND);
    assert_true(vmb_kmcl_system_time(&k.device) < before + 2 * SECOND);
    absolute = (LONGLONG)vmb_kmcl_system_time(&k.device) + 2 * SECOND;
    assert_int_equal(ask(VMB_SIM_HOLD, WAIT, NULL, NULL, &absolute),
                     STATUS_CANCELLED);
    assert_true(vmb_kmcl_system_time(&k.device) >= (uint64_t)absolute);
    absolute = 5; /* long past */
    assert_int_equal(ask(VMB_SIM_HOLD, WAIT, NULL, NULL, &absolute),
                     STATUS_CANCELLED);
    assert_int_equal(vmb_channel_abandoned(vmb_kmcl_client_channel(k.channel)),
                     3);
    /* Late answers are absorbed. */
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_test_release(k.dev), 3);
    kmcl_settle(&k);
    assert_int_equal(vmb_channel_abandoned(vmb_kmcl_client_channel(k.channel)),
                     0);
    kmcl_down(&k);
}

/* In a packet of one channel it is no place to wait for another's answer. */
static void ask_other(struct kmcl *client, VMBPACKETCOMPLETION packet,
                      PVOID buffer, UINT32 bytes)
{
    VMBCHANNEL own = client->channel;
    const LONGLONG relative = -(LONGLONG)SECOND;

    (void)buffer;
    (void)bytes;
    client->channel = client->other;
    client->last_status = ask(VMB_SIM_ECHO, WAIT, NULL, NULL, &relative);
    client->channel = own;
    VmbChannelPacketComplete(packet, NULL, 0);
}

static void a_request_at_dispatch_is_refused_by_any_channel(void **state)
{
    uint8_t data[8] = { 0 };
    struct vmb_guid instance;
    GUID type, of;

    (void)state;
    kmcl_up(&k, NULL);
    instance = rig_offer(k.rig, k.dev, 0)->instance;
    instance.b[15] = k.rig->instance + 1u;
    assert_non_null(rig_device(k.rig));
    memcpy(&type, k.cfg.type, sizeof type);
    memcpy(&of, &instance, sizeof of);
    assert_int_equal(VmbChannelAllocate(&k.device, FALSE, &k.other),
                     STATUS_SUCCESS);
    assert_int_equal(
        VmbClientChannelInitSetTargetPnp(k.other, &type, &of, NULL),
        STATUS_SUCCESS);
    assert_int_equal(VmbChannelEnable(k.other), STATUS_SUCCESS);
    KMCL_UNTIL(&k,
               vmb_channel_status(vmb_kmcl_client_channel(k.other)) == VMB_OK);
    k.on_packet = ask_other;
    k.last_status = STATUS_SUCCESS;
    assert_int_equal(
        vmb_sim_send_inband(rig_host(k.dev), 1, data, sizeof data, true),
        VMB_OK);
    KMCL_UNTIL(&k, k.packets == 1);
    assert_int_equal(k.last_status, STATUS_INVALID_DEVICE_STATE);
    VmbChannelDisable(k.other);
    VmbChannelCleanup(k.other);
    kmcl_down(&k);
}

/* In PostStarted: the place for it.  Elsewhere Windows would hang. */
static NTSTATUS answers[256];
static bool rescind_it;

static void ask_everywhere(struct kmcl *client, enum client_event event)
{
    struct vmb_sim_test_request reply;
    UINT32 bytes = sizeof reply;

    struct vmb_sim_fault gone = { .at = VMB_SIM_AT_GUEST_PACKET,
                                  .act = VMB_SIM_RESCIND,
                                  .dev = client->dev };

    if (event == POST_STARTED && rescind_it)
        assert_int_equal(vmb_sim_fault_add(client->rig->sim, &gone), VMB_OK);
    answers[event] = ask(rescind_it ? VMB_SIM_HOLD : VMB_SIM_ECHO, WAIT, &reply,
                         &bytes, NULL);
}

static void requests_are_for_post_started(void **state)
{
    (void)state;
    rescind_it = false;
    kmcl_allocate(&k, NULL);
    k.on = ask_everywhere;
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
    VmbChannelDisable(k.channel);
    assert_int_equal(answers[OPENED], STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(answers[STARTED], STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(answers[POST_STARTED], STATUS_SUCCESS);
    assert_int_equal(answers[SUSPEND], STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(answers[CLOSED], STATUS_INVALID_DEVICE_STATE);
    k.on = NULL;
    assert_int_equal(ask(VMB_SIM_ECHO, WAIT, NULL, NULL, NULL),
                     STATUS_INVALID_DEVICE_STATE);
    kmcl_down(&k);
}

/* Gone before it is sent: then nobody can be signalled. */
static void rescind_at_once(struct kmcl *client, enum client_event event)
{
    if (event != POST_STARTED)
        return;
    vmb_sim_rescind(client->dev);
    answers[event] = ask(VMB_SIM_ECHO, WAIT, NULL, NULL, NULL);
}

static void rule_7_a_rescind_before_a_request_ends_it(void **state)
{
    (void)state;
    kmcl_allocate(&k, NULL);
    k.on = rescind_at_once;
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, CLOSED));
    assert_int_equal(answers[POST_STARTED], STATUS_DEVICE_REMOVED);
    kmcl_settle(&k);
    kmcl_down(&k);
}

static void rule_7_a_rescind_ends_a_request_in_post_started(void **state)
{
    (void)state;
    rescind_it = true;
    kmcl_allocate(&k, NULL);
    k.on = ask_everywhere;
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, CLOSED));
    assert_int_equal(answers[POST_STARTED], STATUS_DEVICE_REMOVED);
    k.on = NULL;
    kmcl_settle(&k);
    kmcl_down(&k);
}

/* ---- Events -------------------------------------------------------------- */

static uint64_t clock_at_rest(void *ctx)
{
    return vmb_sim_clock(((struct rig *)ctx)->sim);
}

/* Also on a clock that takes its time: callbacks would run in it. */
static void no_time_is_no_turn(void **state)
{
    LARGE_INTEGER now = { .QuadPart = 0 };
    uint32_t before;
    KEVENT event;

    (void)state;
    kmcl_up(&k, NULL);
    k.rig->plat.now = clock_at_rest;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    before = k.device.turn_;
    assert_int_equal(vmb_kmcl_wait_event(&k.device, &event, &now),
                     STATUS_TIMEOUT);
    assert_int_equal(k.device.turn_, before);
    kmcl_down(&k);
}

/* ---- GPADLs -------------------------------------------------------------- */

#define PAGES 3u

static UINT32 made[4];
static uint8_t *memory;

static NTSTATUS make(UINT32 how, UINT32 *handle)
{
    PMDL mdl = vmb_kmcl_allocate_mdl(&k.device, memory, PAGES * VMB_PAGE_SIZE);
    NTSTATUS status;

    assert_non_null(mdl);
    if (how == 0)
        status = VmbChannelCreateGpadlFromBuffer(
            k.channel, VMBUS_CHANNEL_GPADL_FLAG_READ_ONLY, memory,
            PAGES * VMB_PAGE_SIZE, handle);
    else if (how == 1)
        status = VmbChannelCreateGpadlFromMdl(k.channel, 0, mdl, 0, 0, handle);
    else if (how == 2)
        status = VmbChannelCreateGpadlFromMdl(k.channel, 0, mdl, VMB_PAGE_SIZE,
                                              VMB_PAGE_SIZE, handle);
    else
        status = VmbChannelCreateGpadlFromPfnList(
            k.channel, 0, MmGetMdlPfnArray(mdl), PAGES, handle);
    vmb_kmcl_free(&k.device, mdl);
    return status;
}

static void make_and_delete(struct kmcl *client, enum client_event event)
{
    UINT32 i;

    for (i = 0; i < 4; i++) {
        if (event == OPENED)
            assert_int_equal(make(i, &made[i]), STATUS_SUCCESS);
        if (event == CLOSED)
            VmbChannelDeleteGpadl(client->channel, made[i]);
    }
}

/* The host knows each by its number, and sees what is in it. */
static void look_at(UINT32 handle, const uint8_t *at, UINT32 bytes)
{
    struct vmb_sim_test_request request = { .op = VMB_SIM_GPADL_HASH,
                                            .count = handle,
                                            .bytes = bytes };
    struct vmb_sim_test_reply reply;
    UINT32 room = sizeof reply;

    assert_int_equal(
        VmbChannelSendSynchronousRequest(k.channel, &request, sizeof request,
                                         NULL, WAIT, &reply, &room, NULL),
        STATUS_SUCCESS);
    assert_int_equal(reply.status, 0);
    assert_int_equal(reply.value, vmb_sim_hash(VMB_SIM_HASH_INIT, at, bytes));
}

static void set_up_gpadls(void)
{
    uint32_t i;

    kmcl_allocate(&k, NULL);
    memory = rig_alloc(k.rig, PAGES);
    for (i = 0; i < PAGES * VMB_PAGE_SIZE; i++)
        memory[i] = (uint8_t)(i / 3);
    k.on = make_and_delete;
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
}

static void gpadls_are_made_in_opened_and_deleted_in_closed(void **state)
{
    (void)state;
    set_up_gpadls();
    look_at(made[0], memory, PAGES * VMB_PAGE_SIZE);
    look_at(made[1], memory, PAGES * VMB_PAGE_SIZE);
    look_at(made[2], memory + VMB_PAGE_SIZE, VMB_PAGE_SIZE);
    look_at(made[3], memory, PAGES * VMB_PAGE_SIZE);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 5);
    VmbChannelDeleteGpadl(k.channel, made[0]);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 4);
    VmbChannelDeleteGpadl(k.channel, made[0]);
    kmcl_expect_misuse(&k, "VmbChannelDeleteGpadl", STATUS_INVALID_PARAMETER);
    assert_int_equal(make(0, &made[0]), STATUS_SUCCESS);
    kmcl_down(&k);
}

/* The object of one that the host refused serves for the next one; those made
 * before it are not lost of that. */
static void a_refused_gpadl_leaves_no_trace(void **state)
{
    struct vmb_sim_fault refuse = { .at = VMB_SIM_AT_GUEST_MESSAGE,
                                    .act = VMB_SIM_REFUSE };
    UINT32 handle = 0;

    (void)state;
    set_up_gpadls();
    k.on = NULL; /* and all are forgotten */
    refuse.k = vmb_sim_count(k.rig->sim, VMB_SIM_AT_GUEST_MESSAGE);
    assert_int_equal(vmb_sim_fault_add(k.rig->sim, &refuse), VMB_OK);
    assert_int_equal(make(0, &handle), STATUS_CONNECTION_REFUSED);
    assert_int_equal(handle, 0);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 5);
    assert_int_equal(make(1, &handle), STATUS_SUCCESS);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 6);
    VmbChannelDisable(k.channel);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 0);
    kmcl_down(&k);
}

/* Rule 14: deleting works after a rescind. */
static void gpadls_outlive_a_rescind_until_closed(void **state)
{
    (void)state;
    set_up_gpadls();
    vmb_sim_rescind(k.dev);
    KMCL_UNTIL(&k, strchr(k.events, CLOSED));
    kmcl_settle(&k);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 0);
    kmcl_down(&k);
}

static void forgotten_gpadls_are_taken_down(void **state)
{
    (void)state;
    set_up_gpadls();
    k.on = NULL;
    VmbChannelDisable(k.channel);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 0);
    k.on = make_and_delete;
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    kmcl_settle(&k);
    kmcl_down(&k);
}

/* The host has let go, with all else; but while somebody is in the bus the
 * channel below keeps it, and so does its handle. */
static void a_gpadl_that_cannot_be_deleted_now_is_deleted_later(void **state)
{
    (void)state;
    set_up_gpadls();
    k.on = NULL;
    rig_unload(k.rig);
    k.rig->conn.bus_.lane_ = 1;
    VmbChannelDeleteGpadl(k.channel, made[0]);
    k.rig->conn.bus_.lane_ = 0;
    kmcl_expect_misuse(&k, "VmbChannelDeleteGpadl", STATUS_DEVICE_BUSY);
    VmbChannelDeleteGpadl(k.channel, made[0]);
    rig_connect(k.rig);
    kmcl_settle(&k);
    kmcl_down(&k);
}

static void what_is_no_gpadl_is_refused(void **state)
{
    PFN_NUMBER pfn = 1;
    MDL tail = { NULL, &pfn, 1, 0, VMB_PAGE_SIZE };
    MDL mdl = { &tail, &pfn, 1, 0, VMB_PAGE_SIZE };
    VMBCHANNEL c;
    UINT32 handle = 0;

    (void)state;
    kmcl_allocate(&k, NULL);
    memory = rig_alloc(k.rig, PAGES);
    c = k.channel;
    assert_int_equal(make(0, &handle), STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(make(1, &handle), STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(VmbChannelEnable(k.channel), STATUS_SUCCESS);
    KMCL_UNTIL(&k, strchr(k.events, POST_STARTED));
#define REFUSED(status, call) assert_int_equal(call, status)
    REFUSED(STATUS_INVALID_PARAMETER_1,
            VmbChannelCreateGpadlFromBuffer(NULL, 0, memory, 8, &handle));
    REFUSED(STATUS_INVALID_PARAMETER_2,
            VmbChannelCreateGpadlFromBuffer(c, 2, memory, 8, &handle));
    REFUSED(STATUS_INVALID_PARAMETER_3,
            VmbChannelCreateGpadlFromBuffer(c, 0, NULL, 8, &handle));
    REFUSED(STATUS_INVALID_PARAMETER_4,
            VmbChannelCreateGpadlFromBuffer(c, 0, memory, 0, &handle));
    REFUSED(STATUS_INVALID_PARAMETER,
            VmbChannelCreateGpadlFromBuffer(c, 0, memory, 8, NULL));
    REFUSED(STATUS_INVALID_PARAMETER_1,
            VmbChannelCreateGpadlFromMdl(NULL, 0, &mdl, 0, 0, &handle));
    REFUSED(STATUS_NOT_SUPPORTED,
            VmbChannelCreateGpadlFromMdl(c, 0, &mdl, 0, 0, &handle));
    REFUSED(STATUS_INVALID_PARAMETER,
            VmbChannelCreateGpadlFromMdl(c, 0, &mdl, 8193, 0, &handle));
    REFUSED(STATUS_INVALID_PARAMETER,
            VmbChannelCreateGpadlFromPfnList(c, 0, NULL, 1, &handle));
    REFUSED(STATUS_INVALID_BUFFER_SIZE,
            VmbChannelCreateGpadlFromPfnList(c, 0, &pfn, 8191, &handle));
    assert_int_equal(handle, 0);
    assert_int_equal(vmb_sim_live_gpadls(k.rig->sim), 1);
    kmcl_down(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_brings_its_answer),
        cmocka_unit_test(rule_17_the_room_is_a_multiple_of_8),
        cmocka_unit_test(rule_15_what_may_not_wait_is_not_queued),
        cmocka_unit_test(rule_16_timed_out_is_cancelled),
        cmocka_unit_test(a_request_at_dispatch_is_refused_by_any_channel),
        cmocka_unit_test(requests_are_for_post_started),
        cmocka_unit_test(rule_7_a_rescind_before_a_request_ends_it),
        cmocka_unit_test(rule_7_a_rescind_ends_a_request_in_post_started),
        cmocka_unit_test(no_time_is_no_turn),
        cmocka_unit_test(gpadls_are_made_in_opened_and_deleted_in_closed),
        cmocka_unit_test(a_refused_gpadl_leaves_no_trace),
        cmocka_unit_test(gpadls_outlive_a_rescind_until_closed),
        cmocka_unit_test(forgotten_gpadls_are_taken_down),
        cmocka_unit_test(a_gpadl_that_cannot_be_deleted_now_is_deleted_later),
        cmocka_unit_test(what_is_no_gpadl_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
