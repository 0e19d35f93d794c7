/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TEST_MEMORY_H
#define TEST_MEMORY_H
/*
 * Memory for the device to read and write, and a shadow of it that only we
 * write: after each request the two must be alike, byte for byte, inside what
 * was named and outside of it.
 *
 * What a page list names is worked out here anew, page by page, and not with
 * libvmb's own walk.
 */
#include "device.h"

struct memory {
    uint8_t *real, *shadow;
    uint32_t pages;
};

/* Both full of one pattern. */
struct memory memory_make(uint32_t pages);

/* Where the two first differ; the size of the memory when they do not. */
uint64_t memory_difference(const struct memory *memory);

/* The bytes that the device will see from `offset` on, 0: to the end. */
uint64_t chain_hash(const struct vmb_mdl *mdl, uint64_t offset,
                    uint64_t length);
uint64_t chain_bytes(const struct vmb_mdl *mdl);

/* Writes into the shadow what a FILL of them is to leave in the memory. */
void chain_fill_shadow(const struct memory *memory, const struct vmb_mdl *mdl,
                       uint64_t offset, uint64_t length, uint64_t seed);

/* Jobs over mdl, from offset, length bytes. */
struct job hash_job(const struct vmb_mdl *mdl, uint64_t offset,
                    uint64_t length);
struct job fill_job(const struct vmb_mdl *mdl, uint64_t offset, uint64_t length,
                    uint64_t seed);

/* The reply tells just the bytes that the job named; see check_that(). */
bool check_hashed(const struct job *job);
bool check_filled(const struct job *job);
bool check_memory(const struct memory *memory);

/* HASH, then FILL, of one stretch: replies and memory. */
bool check_stretch(struct device *dev, const struct memory *memory,
                   const struct vmb_mdl *mdl, uint64_t offset, uint64_t length,
                   uint64_t seed);

/* vmb_mdl_from_virtual() that does not fail. */
struct vmb_mdl mdl_of(const void *at, size_t bytes, uint64_t *pfns,
                      uint32_t pfn_cap);

#endif
