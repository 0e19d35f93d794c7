/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* One buffer, one range: lengths, offsets, what cannot be sent. */
#include "data.h"

#include "memory.h"

#define MIB        (1u << 20)
#define LARGE      (16 * MIB)
#define PFNS       (LARGE / VMB_PAGE_SIZE + 1)
#define BATCH      32 /* jobs at a time, each with pages of its own */
#define SLICE      4  /* pages of one job in a batch */
#define ODD_LENGTH (VMB_PAGE_SIZE + 77)

static const struct device_cfg roomy = { .tx_pages = 16, .rx_pages = 16 };

static struct device *dev;
static uint64_t pfns[PFNS];

static bool check_length(const struct memory *memory, uint32_t at,
                         uint32_t bytes)
{
    struct vmb_mdl mdl = mdl_of(memory->real + at, bytes, pfns, PFNS);

    return check_stretch(dev, memory, &mdl, 0, 0, bytes) ||
           check_that(false, "%u bytes at 0x%x", (unsigned)bytes, (unsigned)at);
}

static void test_short_lengths(void)
{
    struct memory memory = memory_make(4);
    uint32_t bytes;

    check_begin("external.lengths-short");
    for (bytes = 1; bytes <= 136 && check_good(); bytes++) {
        check_length(&memory, VMB_PAGE_SIZE + bytes * 29 % 64, bytes);
        check_length(&memory, 2 * VMB_PAGE_SIZE - bytes / 2 - 1, bytes);
    }
    check_end_with("1 to 136 bytes, inside a page and across two");
}

static void test_page_lengths(void)
{
    struct memory memory = memory_make(20);
    uint32_t pages, i;

    check_begin("external.lengths-pages");
    for (pages = 1; pages <= 16 && check_good(); pages++)
        for (i = 0; i < 9; i++)
            check_length(&memory, VMB_PAGE_SIZE + i % 3 * 2047 + i % 2,
                         pages * VMB_PAGE_SIZE + i / 3 - 1);
    check_end_with("1 to 16 pages, one byte less and more");
}

static void test_long_lengths(void)
{
    static const uint32_t lengths[] = { MIB - 1, MIB, MIB + 1, LARGE };
    struct memory memory = memory_make(PFNS + 1);
    size_t i;

    check_begin("external.lengths-long");
    for (i = 0; i < sizeof lengths / sizeof lengths[0] && check_good(); i++)
        check_length(&memory, 0x9c3, lengths[i]);
    check_end_with("1 MiB, 16 MiB");
}

/* One batch: the offsets from `first` on, all hashed, then all filled. */
static void check_offsets(const struct memory *memory, uint32_t first)
{
    static struct vmb_mdl mdls[BATCH];
    static struct job jobs[BATCH];
    uint32_t i;

    for (i = 0; i < BATCH; i++) {
        mdls[i] = mdl_of(memory->real + i * SLICE * VMB_PAGE_SIZE + first + i,
                         ODD_LENGTH, pfns + i * SLICE, SLICE);
        jobs[i] = hash_job(&mdls[i], 0, 0);
    }
    device_run(dev, jobs, BATCH);
    for (i = 0; i < BATCH; i++)
        check_hashed(&jobs[i]);
    for (i = 0; i < BATCH; i++) {
        jobs[i] = fill_job(&mdls[i], 0, 0, first + i);
        chain_fill_shadow(memory, &mdls[i], 0, 0, first + i);
    }
    device_run(dev, jobs, BATCH);
    for (i = 0; i < BATCH; i++)
        check_filled(&jobs[i]);
    check_memory(memory);
}

static void test_offsets(void)
{
    struct memory memory = memory_make(BATCH * SLICE);
    uint32_t first;

    check_begin("external.offsets");
    for (first = 0; first < VMB_PAGE_SIZE && check_good(); first += BATCH)
        check_offsets(&memory, first);
    check_end_with("0 to 4095, %u bytes each", (unsigned)ODD_LENGTH);
}

/* The host names what it could not do, and the channel goes on. */
static void test_foreign_pages(void)
{
    struct memory memory = memory_make(1);
    uint64_t nowhere = UINT64_C(0xf00000000);
    struct vmb_mdl mdl;
    struct job job = hash_job(&mdl, 0, 0);

    check_begin("external.page-outside-ram");
    example_expect("page list",
                   vmb_mdl_from_pfns(&mdl, &nowhere, 1, 0, VMB_PAGE_SIZE),
                   NULL);
    device_do(dev, &job);
    check_that(job.reply.status == VMB_TESTDEV_MEMORY, "status %u",
               (unsigned)job.reply.status);
    check_length(&memory, 5, 100);
    check_end();
}

static void refused(struct job job, enum vmb_status expected, const char *what)
{
    enum vmb_status status = device_send(dev, &job);

    check_that(status == expected, "%s: %s", what, vmb_status_str(status));
}

static void test_refusals(void)
{
    struct memory memory = memory_make(2);
    struct vmb_mdl mdl = mdl_of(memory.real + 9, 5000, pfns, PFNS);
    struct vmb_mdl none = { .next = NULL };
    struct vmb_mdl spills = mdl;

    spills.byte_count = 2 * VMB_PAGE_SIZE;
    check_begin("external.refusals");
    refused(hash_job(&mdl, 5001, 0), VMB_E_ARG, "offset past the end");
    refused(hash_job(&mdl, 5000, 0), VMB_E_ARG, "no bytes left");
    refused(hash_job(&mdl, 1, 5000), VMB_E_ARG, "length past the end");
    refused(hash_job(&none, 0, 0), VMB_E_ARG, "no bytes at all");
    refused(hash_job(&spills, 0, 0), VMB_E_ARG, "bytes past the last page");
    check_length(&memory, 9, 5000);
    check_end();
}

static void test_echo(void)
{
    static uint8_t out[6000], back[6000];
    struct job job;
    uint32_t bytes;

    check_begin("inband.echo");
    for (bytes = 0; bytes <= sizeof out && check_good();
         bytes += 1 + bytes / 9) {
        job = job_of(VMB_TESTDEV_ECHO, 0);
        vmb_testdev_fill(out, bytes, bytes, 0);
        job.ask.length = job.extra_bytes = bytes;
        job.extra = out;
        job.more = back;
        job.more_bytes = sizeof back;
        device_do(dev, &job);
        check_reply(&job, bytes);
        check_that(job.more_bytes == ((bytes + 7) & ~7u) &&
                       memcmp(out, back, bytes) == 0,
                   "%u bytes came back as %u others", (unsigned)bytes,
                   (unsigned)job.more_bytes);
    }
    check_end();
}

void test_external(void)
{
    dev = device_open(&roomy);
    test_echo();
    test_short_lengths();
    test_page_lengths();
    test_offsets();
    test_long_lengths();
    test_refusals();
    test_foreign_pages();
    device_close(dev);
}
