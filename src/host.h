/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_HOST_H
#define VMB_SRC_HOST_H
/*
 * The only file that touches memory the host can write.
 *
 * The contract: a value is loaded once, here; the caller bounds it and from
 * then on uses its copy.  Whoever loads a second time must be able to stand a
 * second answer.  With VMB_HOST_HOOK defined, every load is reported the
 * moment after it was made, and a test may change the memory at that moment:
 * a second load then reads something else and gives itself away.  A full fence
 * is reported as a load of nothing.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef VMB_HOST_HOOK
void vmb_host_hook_loaded(const volatile void *at, size_t len);
#define VMB_HOST_LOADED(at, len) vmb_host_hook_loaded(at, len)
#else
#define VMB_HOST_LOADED(at, len) ((void)0)
#endif

static inline uint32_t vmb_host_load32(const void *at)
{
    uint32_t value = __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);

    VMB_HOST_LOADED(at, sizeof value);
    return value;
}

/* What the host wrote before it stored this is visible after it. */
static inline uint32_t vmb_host_load32_acquire(const void *at)
{
    uint32_t value = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);

    VMB_HOST_LOADED(at, sizeof value);
    return value;
}

/* What was loaded before this is not newer than what this loads. */
static inline uint32_t vmb_host_load32_last(const void *at)
{
    /* Acquire: all loads before it are made. */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return vmb_host_load32(at);
}

static inline uint64_t vmb_host_load64(const void *at)
{
    uint64_t value = __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);

    VMB_HOST_LOADED(at, sizeof value);
    return value;
}

static inline uint16_t vmb_host_load16(const void *at)
{
    uint16_t value = __atomic_load_n((const uint16_t *)at, __ATOMIC_RELAXED);

    VMB_HOST_LOADED(at, sizeof value);
    return value;
}

static inline uint8_t vmb_host_load8(const void *at)
{
    uint8_t value = __atomic_load_n((const uint8_t *)at, __ATOMIC_RELAXED);

    VMB_HOST_LOADED(at, sizeof value);
    return value;
}

static inline void vmb_host_store16(void *at, uint16_t value)
{
    __atomic_store_n((uint16_t *)at, value, __ATOMIC_RELAXED);
}

static inline void vmb_host_store32(void *at, uint32_t value)
{
    __atomic_store_n((uint32_t *)at, value, __ATOMIC_RELAXED);
}

static inline void vmb_host_store64(void *at, uint64_t value)
{
    __atomic_store_n((uint64_t *)at, value, __ATOMIC_RELAXED);
}

/* What we wrote, and finished reading, before this is done before it. */
static inline void vmb_host_store32_release(void *at, uint32_t value)
{
    __atomic_store_n((uint32_t *)at, value, __ATOMIC_RELEASE);
}

/* Take all bits, leave none.  What the host wrote before it set them is visible
 * after it. */
static inline uint64_t vmb_host_take64(void *at)
{
    uint64_t value = __atomic_exchange_n((uint64_t *)at, 0, __ATOMIC_ACQUIRE);

    VMB_HOST_LOADED(at, sizeof value);
    return value;
}

/* What we wrote before this is there for whoever finds the bits. */
static inline void vmb_host_or32(void *at, uint32_t bits)
{
    __atomic_fetch_or((uint32_t *)at, bits, __ATOMIC_RELEASE);
}

/*
 * Bulk data.  The ring indices, loaded with acquire and stored with release,
 * say which side a byte belongs to: no order is needed within.  The copy is
 * made here, once: a compiler that sees it copied on, where all is one
 * translation unit, would otherwise take it from the host's memory again
 * (clang 14 does).
 */
static inline void vmb_host_read(void *dst, const void *at, size_t len)
{
    __builtin_memcpy(dst, at, len);
    __asm__ volatile("" ::: "memory");
    VMB_HOST_LOADED(at, len);
}

/* What lies `ahead` bytes on may be read soon.  No load, and harmless behind
 * the end of the memory. */
static inline void vmb_host_expect(const void *at, size_t ahead)
{
    __builtin_prefetch((const void *)((uintptr_t)at + ahead));
}

static inline void vmb_host_write(void *at, const void *src, size_t len)
{
    __builtin_memcpy(at, src, len);
}

static inline void vmb_host_clear(void *at, size_t len)
{
    __builtin_memset(at, 0, len);
}

/*
 * Every access before is done before every access after, stores before loads
 * included.  On x86-64 a locked add is the cheapest instruction with that
 * effect: mfence costs several times as much.  Below the stack pointer, for
 * what lies at it may be the return address, and the return would wait for the
 * add; 0 added at once to what an interrupt has put there changes nothing.
 */
static inline void vmb_host_fence(void)
{
    VMB_HOST_LOADED(NULL, 0);
#if defined(__x86_64__)
    __asm__ volatile("lock; addl $0, -4(%%rsp)" ::: "memory", "cc");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

#endif
