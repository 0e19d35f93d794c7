/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "memory.h"

#define FRESH_SEED 0xf4e54

struct memory memory_make(uint32_t pages)
{
    struct memory memory = { .real = pages_need(pages),
                             .shadow = pages_need(pages),
                             .pages = pages };

    vmb_testdev_fill(memory.real, pages * VMB_PAGE_SIZE, FRESH_SEED, 0);
    memcpy(memory.shadow, memory.real, pages * VMB_PAGE_SIZE);
    return memory;
}

uint64_t memory_difference(const struct memory *memory)
{
    const uint64_t *real = (const void *)memory->real;
    const uint64_t *shadow = (const void *)memory->shadow;
    uint64_t bytes = memory->pages * (uint64_t)VMB_PAGE_SIZE, i;

    for (i = 0; i < bytes / 8 && real[i] == shadow[i]; i++)
        ;
    for (i *= 8; i < bytes && memory->real[i] == memory->shadow[i]; i++)
        ;
    return i;
}

/* One page's share of a stretch, and how many bytes of it came before. */
typedef void on_piece(void *context, uint8_t *at, uint64_t bytes,
                      uint64_t before);

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void each_piece(const struct vmb_mdl *mdl, uint64_t offset,
                       uint64_t length, on_piece *visit, void *context)
{
    uint64_t before = 0;

    for (; mdl; mdl = mdl->next) {
        uint64_t i = least(offset, mdl->byte_count), n;

        offset -= i;
        for (; i < mdl->byte_count && before < length; i += n) {
            uint64_t at = mdl->byte_offset + i;

            n = least(VMB_PAGE_SIZE - at % VMB_PAGE_SIZE, mdl->byte_count - i);
            n = least(n, length - before);
            at = mdl->pfns[at / VMB_PAGE_SIZE] * VMB_PAGE_SIZE +
                 at % VMB_PAGE_SIZE;
            visit(context, (uint8_t *)(uintptr_t)at, n, before);
            before += n;
        }
    }
}

static void add_to_hash(void *context, uint8_t *at, uint64_t bytes,
                        uint64_t before)
{
    (void)before;
    vmb_testdev_hash_add(context, at, bytes);
}

static uint64_t to_end(const struct vmb_mdl *mdl, uint64_t offset,
                       uint64_t length)
{
    return length ? length : chain_bytes(mdl) - offset;
}

uint64_t chain_hash(const struct vmb_mdl *mdl, uint64_t offset, uint64_t length)
{
    struct vmb_testdev_hash hash;

    vmb_testdev_hash_begin(&hash);
    each_piece(mdl, offset, to_end(mdl, offset, length), add_to_hash, &hash);
    return vmb_testdev_hash_end(&hash);
}

uint64_t chain_bytes(const struct vmb_mdl *mdl)
{
    uint64_t bytes = 0;

    for (; mdl; mdl = mdl->next)
        bytes += mdl->byte_count;
    return bytes;
}

struct fill {
    const struct memory *memory;
    uint64_t seed;
};

static void fill_shadow(void *context, uint8_t *at, uint64_t bytes,
                        uint64_t before)
{
    const struct fill *fill = context;

    vmb_testdev_fill(fill->memory->shadow + (at - fill->memory->real), bytes,
                     fill->seed, before);
}

void chain_fill_shadow(const struct memory *memory, const struct vmb_mdl *mdl,
                       uint64_t offset, uint64_t length, uint64_t seed)
{
    struct fill fill = { memory, seed };

    each_piece(mdl, offset, to_end(mdl, offset, length), fill_shadow, &fill);
}

static struct job memory_job(enum vmb_testdev_op op, const struct vmb_mdl *mdl,
                             uint64_t offset, uint64_t length)
{
    struct job job = job_of(op, 0);

    job.mdl = mdl;
    job.mdl_offset = offset;
    job.mdl_length = length;
    return job;
}

struct job hash_job(const struct vmb_mdl *mdl, uint64_t offset, uint64_t length)
{
    return memory_job(VMB_TESTDEV_HASH, mdl, offset, length);
}

struct job fill_job(const struct vmb_mdl *mdl, uint64_t offset, uint64_t length,
                    uint64_t seed)
{
    struct job job = memory_job(VMB_TESTDEV_FILL, mdl, offset, length);

    job.ask.seed = seed;
    return job;
}

static uint64_t bytes_of(const struct job *job)
{
    return to_end(job->mdl, job->mdl_offset, job->mdl_length);
}

static bool check_ranges(const struct job *job)
{
    return check_reply(job, bytes_of(job)) &&
           check_that(job->reply.ranges_bytes == bytes_of(job),
                      "the ranges name %llu bytes instead of %llu",
                      (unsigned long long)job->reply.ranges_bytes,
                      (unsigned long long)bytes_of(job));
}

bool check_hashed(const struct job *job)
{
    uint64_t hash = chain_hash(job->mdl, job->mdl_offset, job->mdl_length);

    return check_ranges(job) &&
           check_that(job->reply.hash == hash,
                      "hash 0x%llx instead of 0x%llx of %llu bytes",
                      (unsigned long long)job->reply.hash,
                      (unsigned long long)hash,
                      (unsigned long long)job->reply.bytes);
}

bool check_filled(const struct job *job)
{
    return check_ranges(job);
}

bool check_memory(const struct memory *memory)
{
    uint64_t at = memory_difference(memory);

    return check_that(at == memory->pages * (uint64_t)VMB_PAGE_SIZE,
                      "memory differs at byte 0x%llx of %u pages",
                      (unsigned long long)at, (unsigned)memory->pages);
}

bool check_stretch(struct device *dev, const struct memory *memory,
                   const struct vmb_mdl *mdl, uint64_t offset, uint64_t length,
                   uint64_t seed)
{
    struct job hash = hash_job(mdl, offset, length);
    struct job fill = fill_job(mdl, offset, length, seed);

    device_do(dev, &hash);
    if (!check_hashed(&hash))
        return false;
    device_do(dev, &fill);
    chain_fill_shadow(memory, mdl, offset, length, seed);
    return check_filled(&fill) && check_memory(memory);
}

struct vmb_mdl mdl_of(const void *at, size_t bytes, uint64_t *pfns,
                      uint32_t pfn_cap)
{
    struct vmb_mdl mdl;

    example_expect(
        "page list",
        vmb_mdl_from_virtual(&mdl, &ex.plat, at, bytes, pfns, pfn_cap), NULL);
    return mdl;
}
