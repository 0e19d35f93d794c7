/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What a Windows client takes for granted: nt.h. */
#include "unit.h"

#include <vmb/nt.h>

static void interlocked(void **state)
{
    LONG number = 5;
    LONG64 large = 1ll << 40;
    PVOID pointer = &number;

    (void)state;
    assert_int_equal(InterlockedIncrement(&number), 6);
    assert_int_equal(InterlockedDecrement(&number), 5);
    assert_int_equal(InterlockedExchangeAdd(&number, 3), 5);
    assert_int_equal(InterlockedExchange(&number, 12), 8);
    assert_int_equal(InterlockedAnd(&number, 4), 12);
    assert_int_equal(InterlockedOr(&number, 3), 4);
    assert_int_equal(InterlockedCompareExchange(&number, 1, 6), 7);
    assert_int_equal(number, 7);
    assert_int_equal(InterlockedCompareExchange(&number, 1, 7), 7);
    assert_int_equal(number, 1);
    assert_int_equal(InterlockedIncrement64(&large), (1ll << 40) + 1);
    assert_int_equal(InterlockedCompareExchange64(&large, 2, 1),
                     (1ll << 40) + 1);
    assert_int_equal(InterlockedCompareExchange64(&large, 2, (1ll << 40) + 1),
                     (1ll << 40) + 1);
    assert_int_equal(large, 2);
    assert_ptr_equal(InterlockedCompareExchangePointer(&pointer, NULL, &large),
                     &number);
    assert_ptr_equal(InterlockedCompareExchangePointer(&pointer, NULL, &number),
                     &number);
    assert_ptr_equal(InterlockedExchangePointer(&pointer, &large), NULL);
    KeMemoryBarrier();
}

static void events(void **state)
{
    KEVENT event;

    (void)state;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    assert_int_equal(KeSetEvent(&event, IO_NO_INCREMENT, FALSE), 0);
    assert_int_equal(KeReadStateEvent(&event), 1);
    assert_int_equal(KeResetEvent(&event), 1);
    assert_int_equal(KeReadStateEvent(&event), 0);
    (void)KeSetEvent(&event, IO_NO_INCREMENT, FALSE);
    KeClearEvent(&event);
    assert_int_equal(KeReadStateEvent(&event), 0);
}

static void lists(void **state)
{
    struct entry {
        int number;
        LIST_ENTRY link;
    } a = { 1, { NULL, NULL } }, b = { 2, { NULL, NULL } },
      c = { 3, { NULL, NULL } };
    LIST_ENTRY head;

    (void)state;
    InitializeListHead(&head);
    assert_true(IsListEmpty(&head));
    InsertTailList(&head, &b.link);
    InsertTailList(&head, &c.link);
    InsertHeadList(&head, &a.link);
    assert_int_equal(
        CONTAINING_RECORD(RemoveTailList(&head), struct entry, link)->number,
        3);
    assert_int_equal(
        CONTAINING_RECORD(RemoveHeadList(&head), struct entry, link)->number,
        1);
    assert_true(RemoveEntryList(&b.link));
    assert_true(IsListEmpty(&head));
}

static void memory(void **state)
{
    UCHAR a[8] = { 1, 2, 3 }, b[8] = { 1, 2, 4 };

    (void)state;
    assert_int_equal(RtlCompareMemory(a, b, sizeof a), 2);
    assert_int_equal(RtlCompareMemory(a, a, sizeof a), sizeof a);
    assert_false(RtlEqualMemory(a, b, sizeof a));
    assert_ptr_equal(RtlSecureZeroMemory(a, sizeof a), a);
    assert_int_equal(a[0] | a[1] | a[2], 0);
    assert_int_equal(ARRAYSIZE(b), 8);
    assert_int_equal(BYTES_TO_PAGES(4097), 2);
    assert_int_equal(ROUND_TO_PAGES(4097), 8192);
}

static void locks(void **state)
{
    KSPIN_LOCK lock;
    KIRQL irql = DISPATCH_LEVEL;

    (void)state;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &irql);
    assert_int_equal(irql, PASSIVE_LEVEL);
    KeReleaseSpinLock(&lock, irql);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    KeAcquireSpinLockAtDpcLevel(&lock);
    assert_int_equal(lock, 1);
    KeReleaseSpinLockFromDpcLevel(&lock);
    KeLowerIrql(irql);
    assert_int_equal(lock, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interlocked), cmocka_unit_test(events),
        cmocka_unit_test(lists),       cmocka_unit_test(memory),
        cmocka_unit_test(locks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
