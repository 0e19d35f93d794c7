/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SIM_SHARED_H
#define VMB_SIM_SHARED_H
/*
 * Words that guest and host both touch while both run.  Plain data behind a
 * published index, message type or hypercall needs none of this: memcpy.
 */
#include <stdint.h>
#include <string.h>

static inline uint32_t shm_load(const void *at)
{
    return __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
}

static inline void shm_store(void *at, uint32_t value)
{
    __atomic_store_n((uint32_t *)at, value, __ATOMIC_RELEASE);
}

static inline uint32_t shm_or(void *at, uint32_t bits)
{
    return __atomic_fetch_or((uint32_t *)at, bits, __ATOMIC_SEQ_CST);
}

static inline uint32_t shm_and(void *at, uint32_t bits)
{
    return __atomic_fetch_and((uint32_t *)at, bits, __ATOMIC_SEQ_CST);
}

static inline void shm_store8(void *at, uint8_t value)
{
    __atomic_store_n((uint8_t *)at, value, __ATOMIC_RELEASE);
}

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
/* It warns that it does not model fences.  Here they order a store before a
 * load, which is not what it checks. */
#pragma GCC diagnostic ignored "-Wtsan"
#endif
static inline void shm_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Private bytes, little-endian like everything on this wire. */
static inline uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get32(const uint8_t *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static inline uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static inline void put16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void put32(uint8_t *p, uint32_t value)
{
    put16(p, value);
    put16(p + 2, value >> 16);
}

static inline void put64(uint8_t *p, uint64_t value)
{
    put32(p, (uint32_t)value);
    put32(p + 4, (uint32_t)(value >> 32));
}

#endif
