/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_HOST_H
#define VMB_SRC_HOST_H
/*
 * Stands in for src/host.h where a proof is about addresses and not about
 * contents: each access must lie in the memory shared with the host, and what
 * is loaded is any value, another one each time.  So nothing that is proved
 * rests on two loads agreeing.  Include this before a source of the library.
 */
#include "proof.h"

/* Does [at, at + len) lie in shared memory?  Each proof says. */
static void check_access(const void *at, size_t len);

static inline uint32_t vmb_host_load32(const void *at)
{
    check_access(at, 4);
    return nondet_u32();
}

static inline uint32_t vmb_host_load32_acquire(const void *at)
{
    return vmb_host_load32(at);
}

static inline uint32_t vmb_host_load32_last(const void *at)
{
    return vmb_host_load32(at);
}

static inline uint64_t vmb_host_load64(const void *at)
{
    check_access(at, 8);
    return nondet_u64();
}

static inline uint16_t vmb_host_load16(const void *at)
{
    check_access(at, 2);
    return nondet_u16();
}

static inline uint8_t vmb_host_load8(const void *at)
{
    check_access(at, 1);
    return nondet_u8();
}

static inline uint64_t vmb_host_take64(void *at)
{
    return vmb_host_load64(at);
}

static inline void vmb_host_or32(void *at, uint32_t bits)
{
    (void)bits;
    check_access(at, 4);
}

static inline void vmb_host_store32(void *at, uint32_t value)
{
    (void)value;
    check_access(at, 4);
}

static inline void vmb_host_store32_release(void *at, uint32_t value)
{
    vmb_host_store32(at, value);
}

static inline void vmb_host_store64(void *at, uint64_t value)
{
    (void)value;
    check_access(at, 8);
}

static inline void vmb_host_read(void *to, const void *at, size_t len)
{
    check_access(at, len);
    PROVE(len == 0 || __CPROVER_w_ok(to, len));
}

static inline void vmb_host_expect(const void *at, size_t ahead)
{
    (void)at;
    (void)ahead;
}

static inline void vmb_host_write(void *at, const void *from, size_t len)
{
    check_access(at, len);
    PROVE(len == 0 || __CPROVER_r_ok(from, len));
}

static inline void vmb_host_clear(void *at, size_t len)
{
    check_access(at, len);
}

static inline void vmb_host_fence(void)
{
}

#endif
