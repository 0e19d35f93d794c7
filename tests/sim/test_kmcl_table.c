/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What kmcl.h is beside its functions: order, values, memory, the record. */
#include "kmcl.h"

#include <stdlib.h>

/* The documented order, written down a second time, by hand. */
#define MEMBER(name) offsetof(KMCL_CLIENT_INTERFACE_V1, name)
static const size_t order[] = {
    MEMBER(VmbChannelAllocate),
    MEMBER(VmbChannelCleanup),
    MEMBER(VmbChannelCreateGpadlFromBuffer),
    MEMBER(VmbChannelCreateGpadlFromMdl),
    MEMBER(VmbChannelDeleteGpadl),
    MEMBER(VmbChannelDisable),
    MEMBER(VmbChannelEnable),
    MEMBER(VmbChannelGetInterfaceInstance),
    MEMBER(VmbChannelGetMmioSpace),
    MEMBER(VmbChannelGetPointer),
    MEMBER(VmbChannelInitSetClientContextSize),
    MEMBER(VmbChannelInitSetFlags),
    MEMBER(VmbChannelInitSetFriendlyName),
    MEMBER(VmbChannelInitSetMaximumExternalData),
    MEMBER(VmbChannelInitSetMaximumPacketSize),
    MEMBER(VmbChannelInitSetProcessPacketCallbacks),
    MEMBER(VmbChannelInitSetStateChangeCallbacks),
    MEMBER(VmbChannelPacketComplete),
    MEMBER(VmbChannelPacketDeferToPassive),
    MEMBER(VmbChannelPacketFail),
    MEMBER(VmbChannelPacketGetExternalData),
    MEMBER(VmbChannelPause),
    MEMBER(VmbChannelSendSynchronousRequest),
    MEMBER(VmbChannelSetIncomingProcessingAtPassive),
    MEMBER(VmbChannelSetInterruptLatency),
    MEMBER(VmbChannelSetPointer),
    MEMBER(VmbChannelSetTransactionQuota),
    MEMBER(VmbChannelSizeofPacket),
    MEMBER(VmbChannelStart),
    MEMBER(VmbClientChannelInitSetRingBufferPageCount),
    MEMBER(VmbClientChannelInitSetTargetPnp),
    MEMBER(VmbPacketAllocate),
    MEMBER(VmbPacketFree),
    MEMBER(VmbPacketGetChannel),
    MEMBER(VmbPacketGetPointer),
    MEMBER(VmbPacketInitialize),
    MEMBER(VmbPacketSend),
    MEMBER(VmbPacketSendWithExternalMdl),
    MEMBER(VmbPacketSendWithExternalPfns),
    MEMBER(VmbPacketSetCompletionRoutine),
    MEMBER(VmbPacketSetPointer),
};
#define MEMBERS (sizeof order / sizeof order[0])

static void the_41_stand_in_their_order(void **state)
{
    size_t i;

    (void)state;
    assert_int_equal(MEMBERS, 41);
    for (i = 0; i < MEMBERS; i++)
        assert_int_equal(order[i], sizeof(INTERFACE) + i * sizeof(void *));
    assert_int_equal(sizeof(KMCL_CLIENT_INTERFACE_V1),
                     sizeof(INTERFACE) + 41 * sizeof(void *));
    assert_int_equal(MEMBER(Size), offsetof(INTERFACE, Size));
    assert_int_equal(MEMBER(Version), offsetof(INTERFACE, Version));
    assert_int_equal(MEMBER(Context), offsetof(INTERFACE, Context));
    assert_int_equal(MEMBER(InterfaceReference),
                     offsetof(INTERFACE, InterfaceReference));
    assert_int_equal(MEMBER(InterfaceDereference),
                     offsetof(INTERFACE, InterfaceDereference));
}

static void a_query_fills_the_table_in(void **state)
{
    struct vmb_kmcl_device device = { .turn_ = 0 };
    KMCL_CLIENT_INTERFACE_V1 v1;
    PVOID *functions = (PVOID *)(void *)((uint8_t *)&v1 + sizeof(INTERFACE));
    GUID other = { 1, 2, 3, { 4 } };
    size_t i;

    (void)state;
    memset(&v1, 0, sizeof v1);
    assert_int_equal(WdfFdoQueryForInterface(
                         &device, &KMCL_CLIENT_INTERFACE_TYPE, &v1, sizeof v1,
                         KMCL_CLIENT_INTERFACE_VERSION_V1, NULL),
                     STATUS_SUCCESS);
    assert_int_equal(v1.Size, sizeof v1);
    assert_int_equal(v1.Version, KMCL_CLIENT_INTERFACE_VERSION_V1);
    assert_ptr_equal(v1.Context, &device);
    for (i = 0; i < MEMBERS; i++)
        assert_non_null(functions[i]);
    assert_true(v1.VmbChannelAllocate == VmbChannelAllocate);
    assert_true(v1.VmbChannelStart == VmbChannelStart);
    assert_true(v1.VmbPacketSetPointer == VmbPacketSetPointer);
    v1.InterfaceReference(v1.Context);
    v1.InterfaceDereference(v1.Context);
    assert_int_equal(
        vmb_kmcl_query_interface(&device, &v1, sizeof v1 - 1,
                                 KMCL_CLIENT_INTERFACE_VERSION_LATEST),
        STATUS_BUFFER_TOO_SMALL);
    assert_int_equal(vmb_kmcl_query_interface(&device, &v1, sizeof v1, 2),
                     STATUS_NOT_SUPPORTED);
    assert_int_equal(
        WdfFdoQueryForInterface(&device, &other, &v1, sizeof v1, 1, NULL),
        STATUS_NOT_SUPPORTED);
}

/* Values of NT's, written down a second time. */
static void statuses_have_their_values(void **state)
{
    static const struct {
        NTSTATUS status;
        uint32_t value;
    } values[] = {
        { STATUS_SUCCESS, 0x00000000 },
        { STATUS_TIMEOUT, 0x00000102 },
        { STATUS_PENDING, 0x00000103 },
        { STATUS_BUFFER_OVERFLOW, 0x80000005 },
        { STATUS_DEVICE_BUSY, 0x80000011 },
        { STATUS_UNSUCCESSFUL, 0xc0000001 },
        { STATUS_INVALID_PARAMETER, 0xc000000d },
        { STATUS_INVALID_DEVICE_REQUEST, 0xc0000010 },
        { STATUS_BUFFER_TOO_SMALL, 0xc0000023 },
        { STATUS_INSUFFICIENT_RESOURCES, 0xc000009a },
        { STATUS_IO_TIMEOUT, 0xc00000b5 },
        { STATUS_NOT_SUPPORTED, 0xc00000bb },
        { STATUS_INVALID_PARAMETER_1, 0xc00000ef },
        { STATUS_INVALID_PARAMETER_2, 0xc00000f0 },
        { STATUS_INVALID_PARAMETER_3, 0xc00000f1 },
        { STATUS_CANCELLED, 0xc0000120 },
        { STATUS_INVALID_DEVICE_STATE, 0xc0000184 },
        { STATUS_DEVICE_PROTOCOL_ERROR, 0xc0000186 },
        { STATUS_INVALID_BUFFER_SIZE, 0xc0000206 },
        { STATUS_DEVICE_REMOVED, 0xc00002b6 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_int_equal((uint32_t)values[i].status, values[i].value);
    assert_true(NT_SUCCESS(STATUS_SUCCESS) && NT_SUCCESS(STATUS_PENDING));
    assert_false(NT_SUCCESS(STATUS_BUFFER_OVERFLOW));
    assert_true(NT_WARNING(STATUS_BUFFER_OVERFLOW));
    assert_true(NT_ERROR(STATUS_CANCELLED));
}

static void every_status_of_ours_has_one_of_theirs(void **state)
{
    int status;

    (void)state;
    assert_int_equal(vmb_kmcl_status(VMB_OK), STATUS_SUCCESS);
    assert_int_equal(vmb_kmcl_status(VMB_AGAIN), STATUS_PENDING);
    for (status = VMB_E_BUG; status < 0; status++) {
        NTSTATUS nt = vmb_kmcl_status((enum vmb_status)status);
        bool is_known =
            strcmp(vmb_status_str((enum vmb_status)status), "unknown") != 0;

        assert_false(NT_SUCCESS(nt));
        assert_int_equal(nt == STATUS_INTERNAL_ERROR,
                         !is_known || status == VMB_E_BUG);
    }
}

static void types_are_what_windows_says(void **state)
{
    DECLARE_CONST_UNICODE_STRING(name, L"four");
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS callbacks;
    LARGE_INTEGER number;

    (void)state;
    number.QuadPart = -2;
    assert_int_equal(number.LowPart, 0xfffffffe);
    assert_int_equal(number.u.HighPart, -1);
    assert_int_equal(sizeof(GUID), 16);
    assert_int_equal(sizeof(NTSTATUS), 4);
    assert_int_equal(sizeof(BOOLEAN), 1);
    assert_int_equal(sizeof(WCHAR), sizeof(L'x'));
    assert_int_equal(name.Length, 4 * sizeof(WCHAR));
    assert_int_equal(name.MaximumLength, 5 * sizeof(WCHAR));
    memset(&callbacks, 0x55, sizeof callbacks);
    VMB_CHANNEL_STATE_CHANGE_CALLBACKS_INIT(&callbacks);
    assert_int_equal(callbacks.Version, 1);
    assert_int_equal(callbacks.Size, sizeof callbacks);
    assert_true(!callbacks.EvtChannelOpened && !callbacks.EvtChannelClosed &&
                !callbacks.EvtChannelSuspend && !callbacks.EvtChannelStarted &&
                !callbacks.EvtChannelPostStarted);
}

struct item {
    int number;
    LIST_ENTRY entry;
};

/* Longer than a UNICODE_STRING can say, and than its count can count. */
static void long_string(PUNICODE_STRING string)
{
    static WCHAR text[70000];
    size_t i;

    for (i = 0; i < sizeof(text) / sizeof(text[0]) - 1; i++)
        text[i] = L'a';
    RtlInitUnicodeString(string, text);
}

static void lists_and_strings_are_as_in_windows(void **state)
{
    struct item items[3] = { { .number = 0 },
                             { .number = 1 },
                             { .number = 2 } };
    UNICODE_STRING string;
    LIST_ENTRY head;
    int i;

    (void)state;
    InitializeListHead(&head);
    assert_true(IsListEmpty(&head));
    InsertTailList(&head, &items[1].entry);
    InsertTailList(&head, &items[2].entry);
    InsertHeadList(&head, &items[0].entry);
    for (i = 0; i < 3; i++)
        assert_int_equal(
            CONTAINING_RECORD(RemoveHeadList(&head), struct item, entry)
                ->number,
            i);
    assert_true(IsListEmpty(&head));
    RtlInitUnicodeString(&string, L"abc");
    assert_int_equal(string.Length, 3 * sizeof(WCHAR));
    assert_int_equal(string.MaximumLength, 4 * sizeof(WCHAR));
    RtlInitUnicodeString(&string, NULL);
    assert_int_equal(string.Length | string.MaximumLength, 0);
    long_string(&string);
    assert_int_equal(string.Length,
                     0xFFFF / sizeof(WCHAR) * sizeof(WCHAR) - sizeof(WCHAR));
    assert_int_equal(min(1, 2) * 10 + max(1, 2), 12);
    assert_int_equal(ROUND_TO_PAGES(4097), 8192);
    assert_int_equal(BYTES_TO_PAGES(4097), 2);
    assert_int_equal(ADDRESS_AND_SIZE_TO_SPAN_PAGES(4095, 2), 2);
}

/* ---- Memory -------------------------------------------------------------- */

#define PAGES 40u

static struct vmb_kmcl_device device;

static uint8_t *make_arena(uint32_t pages)
{
    uint8_t *arena = aligned_alloc(VMB_PAGE_SIZE, pages * VMB_PAGE_SIZE);
    struct vmb_conn conn;
    struct vmb_kmcl_device_cfg cfg = { .conn = &conn,
                                       .arena = arena,
                                       .arena_pages = pages };

    assert_non_null(arena);
    memset(arena, 0x55, pages * VMB_PAGE_SIZE);
    assert_int_equal(vmb_kmcl_device_init(&device, &cfg), VMB_OK);
    return arena;
}

static void an_arena_must_be_one(void **state)
{
    uint8_t *arena = make_arena(2);
    struct vmb_conn conn;
    struct vmb_kmcl_device_cfg good = { .conn = &conn,
                                        .arena = arena,
                                        .arena_pages = 2 };
    struct vmb_kmcl_device_cfg cfg;

    (void)state;
    assert_int_equal(vmb_kmcl_free_pages(&device), 1);
#define REFUSED(member, value)                                            \
    do {                                                                  \
        cfg = good;                                                       \
        cfg.member = (value);                                             \
        assert_int_equal(vmb_kmcl_device_init(&device, &cfg), VMB_E_ARG); \
    } while (0)
    REFUSED(conn, NULL);
    REFUSED(arena, NULL);
    REFUSED(arena, arena + 8);
    REFUSED(arena_pages, 1);
    free(arena);
}

static void pages_are_given_first_fit_and_zeroed(void **state)
{
    uint8_t *arena = make_arena(PAGES), *a, *b, *c;

    (void)state;
    a = vmb_kmcl_allocate(&device, 1);
    b = vmb_kmcl_allocate(&device, 3 * VMB_PAGE_SIZE);
    c = vmb_kmcl_allocate(&device, VMB_PAGE_SIZE + 1);
    assert_ptr_equal(a, arena + VMB_PAGE_SIZE);
    assert_ptr_equal(b, arena + 2 * VMB_PAGE_SIZE);
    assert_ptr_equal(c, arena + 5 * VMB_PAGE_SIZE);
    assert_int_equal(vmb_kmcl_free_pages(&device), PAGES - 7);
    assert_int_equal(b[0] | b[3 * VMB_PAGE_SIZE - 1], 0);
    memset(b, 0x77, 3 * VMB_PAGE_SIZE);
    vmb_kmcl_free(&device, b);
    /* Too large for the hole, then into it. */
    assert_ptr_equal(vmb_kmcl_allocate(&device, 4 * VMB_PAGE_SIZE),
                     arena + 7 * VMB_PAGE_SIZE);
    b = vmb_kmcl_allocate(&device, 2 * VMB_PAGE_SIZE);
    assert_ptr_equal(b, arena + 2 * VMB_PAGE_SIZE);
    assert_int_equal(b[0] | b[2 * VMB_PAGE_SIZE - 1], 0);
    assert_null(vmb_kmcl_allocate(&device, 0));
    assert_null(vmb_kmcl_allocate(&device, SIZE_MAX));
    assert_null(vmb_kmcl_allocate(&device, PAGES * VMB_PAGE_SIZE));
    assert_int_equal(vmb_kmcl_misuses(&device), 0);
    free(arena);
}

/* What lies behind the map may look like more of it. */
static void the_last_page_is_the_last(void **state)
{
    uint8_t *arena = make_arena(PAGES), *a;
    uint32_t all = vmb_kmcl_free_pages(&device);

    (void)state;
    a = vmb_kmcl_allocate(&device, (PAGES - 1) * VMB_PAGE_SIZE);
    assert_non_null(a);
    assert_int_equal(vmb_kmcl_free_pages(&device), 0);
    arena[PAGES] = arena[PAGES - 1];
    vmb_kmcl_free(&device, a);
    assert_int_equal(vmb_kmcl_free_pages(&device), all);
    free(arena);
}

/* One page at the end is not two. */
static void what_does_not_fit_is_not_given(void **state)
{
    uint8_t *arena = make_arena(PAGES), *one;

    (void)state;
    one = vmb_kmcl_allocate(&device, VMB_PAGE_SIZE);
    assert_non_null(vmb_kmcl_allocate(&device, (PAGES - 3) * VMB_PAGE_SIZE));
    vmb_kmcl_free(&device, one);
    assert_int_equal(vmb_kmcl_free_pages(&device), 2);
    assert_null(vmb_kmcl_allocate(&device, 2 * VMB_PAGE_SIZE));
    free(arena);
}

/* The map of more than 4096 pages is more than a page. */
static void a_map_has_the_pages_it_takes(void **state)
{
    uint8_t *arena = make_arena(4097);

    (void)state;
    assert_int_equal(vmb_kmcl_free_pages(&device), 4095);
    assert_ptr_equal(vmb_kmcl_allocate(&device, 1), arena + 2 * VMB_PAGE_SIZE);
    free(arena);
}

static void what_was_not_taken_is_not_freed(void **state)
{
    uint8_t *arena = make_arena(PAGES), *a;

    (void)state;
    a = vmb_kmcl_allocate(&device, 2 * VMB_PAGE_SIZE);
    vmb_kmcl_free(&device, NULL);
    assert_int_equal(vmb_kmcl_misuses(&device), 0);
    arena[PAGES] = arena[1]; /* behind the map, as what is taken looks in it */
    vmb_kmcl_free(&device, arena);             /* the map */
    vmb_kmcl_free(&device, a + VMB_PAGE_SIZE); /* its middle */
    vmb_kmcl_free(&device, a + 8);
    vmb_kmcl_free(&device, arena - VMB_PAGE_SIZE);
    vmb_kmcl_free(&device, arena + PAGES * VMB_PAGE_SIZE);
    vmb_kmcl_free(&device, arena + 5 * VMB_PAGE_SIZE);
    assert_int_equal(vmb_kmcl_misuses(&device), 6);
    assert_int_equal(vmb_kmcl_last_status(&device), STATUS_INVALID_PARAMETER_2);
    assert_int_equal(vmb_kmcl_free_pages(&device), PAGES - 3);
    vmb_kmcl_free(&device, a);
    vmb_kmcl_free(&device, a);
    assert_int_equal(vmb_kmcl_misuses(&device), 7);
    assert_int_equal(vmb_kmcl_free_pages(&device), PAGES - 1);
    free(arena);
}

/* Taken and freed at random, with a model beside it. */
static void nothing_overlaps_and_nothing_is_lost(void **state)
{
    struct {
        uint8_t *at;
        size_t bytes;
        uint8_t mark;
    } held[8] = { { NULL, 0, 0 } };
    uint64_t seed = rig_seed(41);
    uint8_t *arena = make_arena(PAGES);
    uint32_t turn, i, taken = 0;
    size_t n;

    (void)state;
    for (turn = 0; turn < 20000; turn++) {
        i = rig_below(&seed, 8);
        if (!held[i].at) {
            held[i].bytes = 1 + rig_below(&seed, 12 * VMB_PAGE_SIZE);
            held[i].at = vmb_kmcl_allocate(&device, held[i].bytes);
            held[i].mark = (uint8_t)turn;
            if (held[i].at)
                memset(held[i].at, held[i].mark, held[i].bytes);
            taken += held[i].at != NULL;
            continue;
        }
        for (n = 0; n < held[i].bytes; n += 97)
            assert_int_equal(held[i].at[n], held[i].mark);
        vmb_kmcl_free(&device, held[i].at);
        held[i].at = NULL;
    }
    assert_true(taken > 5000);
    for (i = 0; i < 8; i++)
        vmb_kmcl_free(&device, held[i].at);
    assert_int_equal(vmb_kmcl_free_pages(&device), PAGES - 1);
    assert_int_equal(vmb_kmcl_misuses(&device), 0);
    free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_41_stand_in_their_order),
        cmocka_unit_test(a_query_fills_the_table_in),
        cmocka_unit_test(statuses_have_their_values),
        cmocka_unit_test(every_status_of_ours_has_one_of_theirs),
        cmocka_unit_test(types_are_what_windows_says),
        cmocka_unit_test(lists_and_strings_are_as_in_windows),
        cmocka_unit_test(an_arena_must_be_one),
        cmocka_unit_test(pages_are_given_first_fit_and_zeroed),
        cmocka_unit_test(the_last_page_is_the_last),
        cmocka_unit_test(what_does_not_fit_is_not_given),
        cmocka_unit_test(a_map_has_the_pages_it_takes),
        cmocka_unit_test(what_was_not_taken_is_not_freed),
        cmocka_unit_test(nothing_overlaps_and_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
