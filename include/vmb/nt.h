/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_NT_H
#define VMB_NT_H
/*
 * What a Windows virtual-service client takes for granted: NT's basic types,
 * statuses and annotations, as far as kmcl.h needs them.  Names are
 * Microsoft's; values and layouts are those of 64-bit Windows, but:
 *
 *   WCHAR  the compiler's own wchar_t, so that L"..." is one everywhere
 *   MDL    struct vmb_mdl of mdl.h: use the Mm macros below; `Next` is `next`
 *
 * Who has NT's headers defines VMB_NO_NT_TYPES before this (then MDL has to be
 * struct vmb_mdl all the same), or VMB_NO_SAL for the annotations alone.
 */
#include <vmb/mdl.h>

/* ---- Annotations: nothing here reads them -------------------------------- */

#if !defined(VMB_NO_SAL) && !defined(_In_)
#define _In_
#define _In_opt_
#define _In_z_
#define _In_reads_(n)
#define _In_reads_opt_(n)
#define _In_reads_bytes_(n)
#define _In_reads_bytes_opt_(n)
#define _Inout_
#define _Inout_opt_
#define _Inout_updates_bytes_(n)
#define _Out_
#define _Out_opt_
#define _Out_writes_(n)
#define _Out_writes_bytes_(n)
#define _Out_writes_bytes_opt_(n)
#define _Out_writes_bytes_to_(n, m)
#define _Out_writes_bytes_to_opt_(n, m)
#define _Out_writes_bytes_all_(n)
#define _Out_writes_to_(n, m)
#define _Outptr_
#define _Outptr_opt_
#define _Outptr_result_maybenull_
#define _Ret_notnull_
#define _Ret_maybenull_
#define _Must_inspect_result_
#define _Check_return_
#define _Success_(e)
#define _When_(e, a)
#define _At_(e, a)
#define _Pre_satisfies_(e)
#define _Post_satisfies_(e)
#define _Field_size_(n)
#define _Field_size_bytes_(n)
#define _Null_terminated_
#define _Analysis_assume_(e)
#define _Function_class_(f)
#define _Use_decl_annotations_
#define _IRQL_requires_(l)
#define _IRQL_requires_max_(l)
#define _IRQL_requires_min_(l)
#define _IRQL_requires_same_
#define _IRQL_raises_(l)
#define _IRQL_saves_
#define _IRQL_restores_
#define __drv_aliasesMem
#define __drv_freesMem(k)
#define __drv_allocatesMem(k)
#endif

#ifndef VMB_NO_NT_TYPES

/* ---- Types --------------------------------------------------------------- */

#define FASTCALL
#define NTAPI
#define IN
#define OUT
#define OPTIONAL
#define FORCEINLINE static inline
#define CONST       const
#define VOID        void
#ifndef TRUE
#define TRUE  1
#define FALSE 0
#endif
#if !defined(__cplusplus) && !defined(NOMINMAX) && !defined(min)
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#endif

typedef void *PVOID;
typedef const void *PCVOID;
typedef char CHAR;
typedef int8_t INT8;
typedef int16_t INT16, SHORT;
typedef int32_t INT32, INT, LONG;
typedef int64_t INT64, LONG64, LONGLONG;
typedef uint8_t UINT8, UCHAR, BYTE, BOOLEAN;
typedef uint16_t UINT16, USHORT, WORD;
typedef uint32_t UINT32, UINT, ULONG, DWORD;
typedef uint64_t UINT64, ULONG64, ULONGLONG;
typedef uintptr_t UINT_PTR, ULONG_PTR;
typedef intptr_t INT_PTR, LONG_PTR;
typedef size_t SIZE_T;
typedef wchar_t WCHAR;
typedef UINT8 *PUINT8;
typedef UCHAR *PUCHAR;
typedef BOOLEAN *PBOOLEAN;
typedef USHORT *PUSHORT;
typedef UINT16 *PUINT16;
typedef UINT32 *PUINT32;
typedef UINT64 *PUINT64;
typedef LONG *PLONG;
typedef ULONG *PULONG;
typedef SIZE_T *PSIZE_T;
typedef WCHAR *PWSTR, *PWCHAR;
typedef const WCHAR *PCWSTR;
typedef void *HANDLE;
typedef LONG NTSTATUS;
typedef UCHAR KIRQL;
typedef CHAR KPROCESSOR_MODE;

typedef uint64_t PFN_NUMBER, *PPFN_NUMBER; /* of VMB_PAGE_SIZE pages */
typedef struct vmb_mdl MDL, *PMDL;

typedef union _LARGE_INTEGER { /* also PHYSICAL_ADDRESS */
    __extension__ struct {
        ULONG LowPart;
        LONG HighPart;
    };
    struct {
        ULONG LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER, PHYSICAL_ADDRESS, *PPHYSICAL_ADDRESS;

typedef struct _GUID {
    UINT32 Data1;
    UINT16 Data2;
    UINT16 Data3;
    UINT8 Data4[8];
} GUID;
typedef const GUID *LPCGUID;

typedef struct _UNICODE_STRING {
    USHORT Length; /* bytes, without a terminator */
    USHORT MaximumLength;
    PWSTR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;

typedef VOID INTERFACE_REFERENCE(PVOID Context);
typedef INTERFACE_REFERENCE *PINTERFACE_REFERENCE;
typedef INTERFACE_REFERENCE INTERFACE_DEREFERENCE;
typedef INTERFACE_DEREFERENCE *PINTERFACE_DEREFERENCE;

typedef struct _INTERFACE {
    USHORT Size;
    USHORT Version;
    PVOID Context;
    PINTERFACE_REFERENCE InterfaceReference;
    PINTERFACE_DEREFERENCE InterfaceDereference;
} INTERFACE, *PINTERFACE;

/* ---- Statuses ------------------------------------------------------------ */

#define NT_SUCCESS(s)     ((NTSTATUS)(s) >= 0)
#define NT_INFORMATION(s) ((((ULONG)(s)) >> 30) == 1)
#define NT_WARNING(s)     ((((ULONG)(s)) >> 30) == 2)
#define NT_ERROR(s)       ((((ULONG)(s)) >> 30) == 3)

#define STATUS_SUCCESS                  ((NTSTATUS)0x00000000L)
#define STATUS_WAIT_0                   ((NTSTATUS)0x00000000L)
#define STATUS_TIMEOUT                  ((NTSTATUS)0x00000102L)
#define STATUS_PENDING                  ((NTSTATUS)0x00000103L)
#define STATUS_BUFFER_OVERFLOW          ((NTSTATUS)0x80000005L)
#define STATUS_DEVICE_BUSY              ((NTSTATUS)0x80000011L)
#define STATUS_UNSUCCESSFUL             ((NTSTATUS)0xC0000001L)
#define STATUS_NOT_IMPLEMENTED          ((NTSTATUS)0xC0000002L)
#define STATUS_INVALID_HANDLE           ((NTSTATUS)0xC0000008L)
#define STATUS_INVALID_PARAMETER        ((NTSTATUS)0xC000000DL)
#define STATUS_NO_SUCH_DEVICE           ((NTSTATUS)0xC000000EL)
#define STATUS_INVALID_DEVICE_REQUEST   ((NTSTATUS)0xC0000010L)
#define STATUS_MORE_PROCESSING_REQUIRED ((NTSTATUS)0xC0000016L)
#define STATUS_NO_MEMORY                ((NTSTATUS)0xC0000017L)
#define STATUS_ACCESS_DENIED            ((NTSTATUS)0xC0000022L)
#define STATUS_BUFFER_TOO_SMALL         ((NTSTATUS)0xC0000023L)
#define STATUS_PORT_DISCONNECTED        ((NTSTATUS)0xC0000037L)
#define STATUS_DATA_ERROR               ((NTSTATUS)0xC000003EL)
#define STATUS_REVISION_MISMATCH        ((NTSTATUS)0xC0000059L)
#define STATUS_INTEGER_OVERFLOW         ((NTSTATUS)0xC0000095L)
#define STATUS_INSUFFICIENT_RESOURCES   ((NTSTATUS)0xC000009AL)
#define STATUS_DEVICE_NOT_CONNECTED     ((NTSTATUS)0xC000009DL)
#define STATUS_DEVICE_NOT_READY         ((NTSTATUS)0xC00000A3L)
#define STATUS_IO_TIMEOUT               ((NTSTATUS)0xC00000B5L)
#define STATUS_NOT_SUPPORTED            ((NTSTATUS)0xC00000BBL)
#define STATUS_DEVICE_DOES_NOT_EXIST    ((NTSTATUS)0xC00000C0L)
#define STATUS_INTERNAL_ERROR           ((NTSTATUS)0xC00000E5L)
#define STATUS_INVALID_PARAMETER_1      ((NTSTATUS)0xC00000EFL)
#define STATUS_INVALID_PARAMETER_2      ((NTSTATUS)0xC00000F0L)
#define STATUS_INVALID_PARAMETER_3      ((NTSTATUS)0xC00000F1L)
#define STATUS_INVALID_PARAMETER_4      ((NTSTATUS)0xC00000F2L)
#define STATUS_INVALID_PARAMETER_5      ((NTSTATUS)0xC00000F3L)
#define STATUS_CANCELLED                ((NTSTATUS)0xC0000120L)
#define STATUS_INVALID_DEVICE_STATE     ((NTSTATUS)0xC0000184L)
#define STATUS_IO_DEVICE_ERROR          ((NTSTATUS)0xC0000185L)
#define STATUS_DEVICE_PROTOCOL_ERROR    ((NTSTATUS)0xC0000186L)
#define STATUS_INVALID_BUFFER_SIZE      ((NTSTATUS)0xC0000206L)
#define STATUS_NOT_FOUND                ((NTSTATUS)0xC0000225L)
#define STATUS_CONNECTION_REFUSED       ((NTSTATUS)0xC0000236L)
#define STATUS_DEVICE_REMOVED           ((NTSTATUS)0xC00002B6L)

/* ---- MDLs ---------------------------------------------------------------- */

#ifndef PAGE_SIZE
#define PAGE_SHIFT 12
#define PAGE_SIZE  VMB_PAGE_SIZE
#endif

#define MmGetMdlByteCount(m)  ((m)->byte_count)
#define MmGetMdlByteOffset(m) ((m)->byte_offset)
#define MmGetMdlPfnArray(m)   ((PPFN_NUMBER)(uintptr_t)(m)->pfns)
#define ADDRESS_AND_SIZE_TO_SPAN_PAGES(va, bytes) \
    ((ULONG)vmb_page_span((uintptr_t)(va), (bytes)))
#define BYTES_TO_PAGES(bytes) ADDRESS_AND_SIZE_TO_SPAN_PAGES(0, (bytes))
#define ROUND_TO_PAGES(bytes) \
    (((bytes) + VMB_PAGE_SIZE - 1) & ~(SIZE_T)(VMB_PAGE_SIZE - 1))

/* Nothing is paged. */
#define MmProbeAndLockPages(mdl, mode, operation) ((void)(mdl))
#define MmUnlockPages(mdl)                        ((void)(mdl))

#define BYTE_OFFSET(va) ((ULONG)((uintptr_t)(va) & (VMB_PAGE_SIZE - 1)))

/* ---- Events: one thread, so that setting is storing ---------------------- */

typedef enum _EVENT_TYPE {
    NotificationEvent,
    SynchronizationEvent
} EVENT_TYPE;

typedef struct _KEVENT {
    LONG Signalled;
    EVENT_TYPE Type; /* SynchronizationEvent: a wait that it ends clears it */
} KEVENT, *PKEVENT, *PRKEVENT;

#define Executive       0
#define KernelMode      0
#define IO_NO_INCREMENT 0

static inline VOID KeInitializeEvent(PRKEVENT event, EVENT_TYPE type,
                                     BOOLEAN state)
{
    event->Signalled = state;
    event->Type = type;
}

/* The state before. */
static inline LONG KeSetEvent(PRKEVENT event, LONG increment, BOOLEAN wait)
{
    LONG before = event->Signalled;

    (void)increment;
    (void)wait;
    event->Signalled = TRUE;
    return before;
}

static inline VOID KeClearEvent(PRKEVENT event)
{
    event->Signalled = FALSE;
}

/* The state before. */
static inline LONG KeResetEvent(PRKEVENT event)
{
    LONG before = event->Signalled;

    event->Signalled = FALSE;
    return before;
}

static inline LONG KeReadStateEvent(const KEVENT *event)
{
    return event->Signalled;
}

/* One thread: nobody is to be locked out. */
typedef ULONG_PTR KSPIN_LOCK, *PKSPIN_LOCK;
#define KeInitializeSpinLock(lock)    (*(lock) = 0)
#define KeAcquireSpinLock(lock, irql) (*(lock) = 1, *(irql) = PASSIVE_LEVEL)
#define KeReleaseSpinLock(lock, irql) (*(lock) = 0, (void)(irql))

#define KeAcquireSpinLockAtDpcLevel(lock)   (*(lock) = 1)
#define KeReleaseSpinLockFromDpcLevel(lock) (*(lock) = 0)

#define KeRaiseIrql(irql, old) (*(old) = PASSIVE_LEVEL, (void)(irql))
#define KeLowerIrql(irql)      ((void)(irql))

/* ---- Odds and ends ------------------------------------------------------- */

#define UNREFERENCED_PARAMETER(p)  ((void)(p))
#define PAGED_CODE()               ((void)0)
#define RtlZeroMemory(to, n)       __builtin_memset((to), 0, (n))
#define RtlFillMemory(to, n, byte) __builtin_memset((to), (byte), (n))
#define RtlCopyMemory(to, from, n) __builtin_memcpy((to), (from), (n))
#define RtlMoveMemory(to, from, n) __builtin_memmove((to), (from), (n))
#define RtlEqualMemory(a, b, n)    (__builtin_memcmp((a), (b), (n)) == 0)
#define RTL_NUMBER_OF(a)           (sizeof(a) / sizeof((a)[0]))
#define FIELD_OFFSET(type, member) ((LONG)offsetof(type, member))
#define CONTAINING_RECORD(at, type, m) \
    ((type *)(void *)((char *)(at)-offsetof(type, m)))
#define IsEqualGUID(a, b) RtlEqualMemory((a), (b), sizeof(GUID))
#define PASSIVE_LEVEL     0
#define APC_LEVEL         1
#define DISPATCH_LEVEL    2
#define ASSERT(e)         ((void)0)
#define NT_ASSERT(e)      ((void)0)
#define KdPrint(e)        ((void)0)
#define DbgPrint(...)     ((ULONG)STATUS_SUCCESS)
#define DbgPrintEx(...)   ((ULONG)STATUS_SUCCESS)
#define ARRAYSIZE(a)      RTL_NUMBER_OF(a)
#define MAXUSHORT         0xffffu
#define MAXULONG          0xffffffffu
#define MAXULONGLONG      0xffffffffffffffffull
#ifdef __cplusplus
#define C_ASSERT(e) static_assert(e, #e)
#else
#define C_ASSERT(e) _Static_assert(e, #e)
#endif

/* The bytes that are equal from the front. */
static inline SIZE_T RtlCompareMemory(const VOID *a, const VOID *b, SIZE_T n)
{
    SIZE_T i = 0;

    while (i < n && ((const UCHAR *)a)[i] == ((const UCHAR *)b)[i])
        i++;
    return i;
}

/* Also where nobody reads it afterwards. */
static inline PVOID RtlSecureZeroMemory(PVOID to, SIZE_T n)
{
    __builtin_memset(to, 0, n);
    __asm__ volatile("" : : "r"(to) : "memory");
    return to;
}

#define DEFINE_GUID(name, a, b, c, d0, d1, d2, d3, d4, d5, d6, d7) \
    __attribute__((unused)) static const GUID name = {             \
        a, b, c, { d0, d1, d2, d3, d4, d5, d6, d7 }                \
    }

#define RTL_CONSTANT_STRING(text)                       \
    {                                                   \
        sizeof(text) - sizeof((text)[0]), sizeof(text), \
            (PWSTR)(uintptr_t)(text)                    \
    }
/* Cut at what a USHORT of bytes can say, the end included, as in Windows. */
static inline VOID RtlInitUnicodeString(PUNICODE_STRING string, PCWSTR text)
{
    ULONG count = 0, most = 0xFFFFu / sizeof(WCHAR) - 1;

    while (text && count < most && text[count])
        count++;
    string->Length = (USHORT)(count * sizeof(WCHAR));
    string->MaximumLength = (USHORT)(text ? string->Length + sizeof(WCHAR) : 0);
    string->Buffer = (PWSTR)(uintptr_t)text;
}

#define DECLARE_CONST_UNICODE_STRING(name, text) \
    const WCHAR name##_buffer[] = text;          \
    const UNICODE_STRING name = RTL_CONSTANT_STRING(name##_buffer)

/* ---- Interlocked ----------------------------------------------------------
 */

/* All are full barriers, as in Windows; of LONG, and of LONG64. */
#define InterlockedIncrement(at) __atomic_add_fetch((at), 1, __ATOMIC_SEQ_CST)
#define InterlockedDecrement(at) __atomic_sub_fetch((at), 1, __ATOMIC_SEQ_CST)
#define InterlockedExchange(at, value) \
    __atomic_exchange_n((at), (value), __ATOMIC_SEQ_CST)
#define InterlockedExchangeAdd(at, value) \
    __atomic_fetch_add((at), (value), __ATOMIC_SEQ_CST)
#define InterlockedAnd(at, value) \
    __atomic_fetch_and((at), (value), __ATOMIC_SEQ_CST)
#define InterlockedOr(at, value) \
    __atomic_fetch_or((at), (value), __ATOMIC_SEQ_CST)
#define InterlockedIncrement64(at)          InterlockedIncrement(at)
#define InterlockedDecrement64(at)          InterlockedDecrement(at)
#define InterlockedExchange64(at, value)    InterlockedExchange(at, value)
#define InterlockedExchangeAdd64(at, value) InterlockedExchangeAdd(at, value)
#define InterlockedExchangePointer(at, value) \
    __atomic_exchange_n((at), (value), __ATOMIC_SEQ_CST)
#define KeMemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* What was there: `expected` if it was replaced. */
#define InterlockedCompareExchange(at, value, expected) \
    __sync_val_compare_and_swap((at), (expected), (value))
#define InterlockedCompareExchange64(at, value, expected) \
    InterlockedCompareExchange(at, value, expected)
#define InterlockedCompareExchangePointer(at, value, expected) \
    InterlockedCompareExchange(at, value, expected)

/* ---- Lists --------------------------------------------------------------- */

typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY;

static inline VOID InitializeListHead(PLIST_ENTRY head)
{
    head->Flink = head->Blink = head;
}

static inline BOOLEAN IsListEmpty(const LIST_ENTRY *head)
{
    return head->Flink == head;
}

static inline VOID InsertTailList(PLIST_ENTRY head, PLIST_ENTRY entry)
{
    entry->Flink = head;
    entry->Blink = head->Blink;
    head->Blink->Flink = entry;
    head->Blink = entry;
}

static inline VOID InsertHeadList(PLIST_ENTRY head, PLIST_ENTRY entry)
{
    InsertTailList(head->Flink, entry);
}

/* Is the list empty now? */
static inline BOOLEAN RemoveEntryList(PLIST_ENTRY entry)
{
    entry->Blink->Flink = entry->Flink;
    entry->Flink->Blink = entry->Blink;
    return entry->Flink == entry->Blink;
}

static inline PLIST_ENTRY RemoveHeadList(PLIST_ENTRY head)
{
    PLIST_ENTRY entry = head->Flink;

    RemoveEntryList(entry);
    return entry;
}

static inline PLIST_ENTRY RemoveTailList(PLIST_ENTRY head)
{
    PLIST_ENTRY entry = head->Blink;

    RemoveEntryList(entry);
    return entry;
}

#endif /* VMB_NO_NT_TYPES */

#endif
