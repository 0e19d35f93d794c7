/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "fetch.h"

#include "host.h"

#define LOADS 256u

struct fetch_exempt fetch_exempt[2];

static struct {
    bool hostile;
    struct load {
        uint8_t *at;
        uint32_t len, saved; /* where in bytes[] */
    } log[LOADS];
    uint32_t count, used, loads, twice;
    uint8_t bytes[4 * PAGE];
} host;

static bool is_exempt(const uint8_t *at, size_t len)
{
    uint64_t zero = 0;
    uint32_t i;

    for (i = 0; i < COUNT(fetch_exempt); i++)
        if (fetch_exempt[i].len && at >= fetch_exempt[i].at &&
            at < fetch_exempt[i].at + fetch_exempt[i].len)
            return !fetch_exempt[i].unless_zero ||
                   memcmp(at, &zero, len < 8 ? len : 8) != 0;
    return false;
}

/* One of these bytes, not stored over since? */
static bool was_loaded(const struct load *load, const uint8_t *at, size_t len)
{
    const uint8_t *saved = &host.bytes[load->saved];
    uint32_t i;

    for (i = 0; i < load->len; i++)
        if ((uintptr_t)load->at + i - (uintptr_t)at < len &&
            (load->at[i] ^ saved[i]) == 0xff)
            return true;
    return false;
}

void vmb_host_hook_loaded(const volatile void *at, size_t len)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)at;
    struct load *load = &host.log[host.count];
    uint32_t i;

    if (!host.hostile || !len)
        return;
    host.loads++;
    if (is_exempt(bytes, len))
        return;
    for (i = 0; i < host.count; i++)
        host.twice += was_loaded(&host.log[i], bytes, len);
    assert_true(host.count < LOADS);
    assert_true(host.used + len <= sizeof host.bytes);
    load->at = bytes;
    load->len = (uint32_t)len;
    load->saved = host.used;
    host.count++;
    host.used += load->len;
    memcpy(&host.bytes[load->saved], bytes, len);
    for (i = 0; i < len; i++)
        bytes[i] ^= 0xff;
}

static void undo(const struct load *load)
{
    const uint8_t *saved = &host.bytes[load->saved];
    uint32_t i;

    for (i = 0; i < load->len; i++)
        if ((load->at[i] ^ saved[i]) == 0xff)
            load->at[i] = saved[i];
}

static bool lies_in(const struct load *load, uintptr_t start, size_t len)
{
    return (uintptr_t)load->at - start < len;
}

/* Latest first. */
void fetch_put_back(const void *from, size_t len)
{
    uint32_t i, kept = 0;

    for (i = host.count; i-- > 0;)
        if (lies_in(&host.log[i], (uintptr_t)from, len))
            undo(&host.log[i]);
    for (i = 0; i < host.count; i++)
        if (!lies_in(&host.log[i], (uintptr_t)from, len))
            host.log[kept++] = host.log[i];
    host.count = kept;
    if (kept == 0)
        host.used = 0;
}

/* ---- what a run came to -------------------------------------------------- */

static struct record {
    uint32_t len, accepted;
    uint8_t b[32768];
} records[2], *record;

void note_bytes(const void *from, uint32_t len)
{
    assert_true(record->len + len <= sizeof record->b);
    memcpy(&record->b[record->len], from, len);
    record->len += len;
}

void note(uint64_t value)
{
    note_bytes(&value, sizeof value);
}

void note_status(enum vmb_status status, const struct vmb_fault *fault)
{
    note((uint64_t)status);
    if (status != VMB_E_HOST)
        return;
    note(fault->site);
    note(fault->got);
    note(fault->limit);
}

void note_accepted(void)
{
    record->accepted++;
}

/* Runs one case in still and in hostile memory; do the records agree? */
static bool agrees(void (*run)(uint8_t *memory, uint64_t seed), uint8_t *memory,
                   uint64_t seed)
{
    uint32_t i;

    for (i = 0; i < 2; i++) {
        record = &records[i];
        record->len = 0;
        record->accepted = 0;
        memset(fetch_exempt, 0, sizeof fetch_exempt);
        host.hostile = i == 1;
        run(memory, seed);
        host.hostile = false;
        fetch_put_back(NULL, SIZE_MAX);
    }
    return records[0].len == records[1].len &&
           memcmp(records[0].b, records[1].b, records[0].len) == 0;
}

struct fetch_result fetch_run(void (*run)(uint8_t *memory, uint64_t seed),
                              uint8_t *memory, uint32_t cases)
{
    struct fetch_result result = { 0, 0, 0, 0 };
    uint64_t seed;

    host.loads = host.twice = 0;
    for (seed = 1; seed <= cases; seed++) {
        result.differ += !agrees(run, memory, seed);
        result.accepted += records[0].accepted > 0;
    }
    result.loads = host.loads;
    result.twice = host.twice;
    print_message("# %u cases accepted of %u, %u loads, %u differ\n",
                  result.accepted, cases, result.loads, result.differ);
    return result;
}

void fetch_judge(struct fetch_result result, uint32_t least)
{
    assert_true(result.accepted >= least);
    assert_true(result.loads >= least);
#ifdef SEEDED_FAULT
    assert_true(result.differ >= result.accepted);
#else
    assert_int_equal(result.differ, 0);
    /* Of a ring that is begun anew a host may show what it has not written. */
    assert_true(result.twice <= result.loads / 10000);
#endif
}

uint8_t *random_pages(uint32_t count)
{
    uint8_t *memory = new_pages(count);
    struct rng rng = rng_from(1);
    uint32_t i;

    for (i = 0; i < count * PAGE; i++)
        memory[i] = (uint8_t)rng_next(&rng);
    return memory;
}
