/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Rings of one page: every place a packet can wrap at, and the largest one. */
#include "data.h"

#include "memory.h"

#define PLACES  (VMB_PAGE_SIZE / 8) /* where a packet can begin */
#define LARGEST (VMB_PAGE_SIZE - 16)

static const struct device_cfg tiny = { .tx_pages = 1, .rx_pages = 1 };

static struct device *dev;
static uint64_t pfns[520];

static uint32_t total_of(const struct job *job)
{
    struct vmb_iov iov = { &job->ask, sizeof job->ask };
    struct vmb_out out = { .kind = VMB_GPA_DIRECT,
                           .iov = &iov,
                           .iov_count = 1,
                           .want_reply = true,
                           .mdl = job->mdl };
    struct vmb_out_size size;

    example_expect("measure", vmb_ring_measure(&out, &size), NULL);
    return size.total;
}

/* Three members, four pages: what a packet has in it, it has here twice. */
static void make_chain(struct vmb_mdl mdls[3], const struct memory *memory)
{
    mdls[0] = mdl_of(memory->real + 100, 3000, pfns, 1);
    mdls[1] = mdl_of(memory->real + 3 * VMB_PAGE_SIZE - 5, 11, pfns + 1, 2);
    mdls[2] = mdl_of(memory->real + VMB_PAGE_SIZE, 8, pfns + 3, 1);
    mdls[0].next = &mdls[1];
    mdls[1].next = &mdls[2];
}

/*
 * A packet of an odd number of words begins, one after the other, at every
 * place of a ring that has a power of two of them.
 */
static void test_wrap(void)
{
    struct memory memory = memory_make(4);
    struct vmb_mdl mdls[3];
    struct job job;
    uint32_t i;

    make_chain(mdls, &memory);
    job = hash_job(mdls, 0, 0);
    check_begin("rings.wrap");
    check_that(total_of(&job) / 8 % 2 == 1, "%u bytes are even words",
               (unsigned)total_of(&job));
    for (i = 0; i < PLACES && check_good(); i++) {
        job = i % 2 ? hash_job(mdls, 0, 0) : fill_job(mdls, 0, 0, i);
        if (i % 2 == 0)
            chain_fill_shadow(&memory, mdls, 0, 0, i);
        device_do(dev, &job);
        if (i % 2)
            check_hashed(&job);
        else
            check_filled(&job);
        check_memory(&memory);
    }
    check_end_with("packets of %u and of 72 bytes at all %u places",
                   (unsigned)total_of(&job), (unsigned)PLACES);
}

/* As many at once as go in, of all sizes: both rings run full again and
 * again. */
static void test_sizes(void)
{
    enum {
        JOBS = 48,
        ROUNDS = 12,
        BYTES = 400
    };
    static struct job jobs[JOBS];
    static uint8_t out[BYTES], back[JOBS][BYTES + 8];
    uint32_t round, i;

    vmb_testdev_fill(out, sizeof out, 1, 0);
    check_begin("rings.full-both-ways");
    for (round = 0; round < ROUNDS && check_good(); round++) {
        for (i = 0; i < JOBS; i++) {
            jobs[i] = job_of(VMB_TESTDEV_ECHO, 0);
            jobs[i].ask.length = jobs[i].extra_bytes = any_below(BYTES);
            jobs[i].extra = out;
            jobs[i].more = back[i];
            jobs[i].more_bytes = sizeof back[i];
        }
        device_run(dev, jobs, JOBS);
        for (i = 0; i < JOBS; i++) {
            check_reply(&jobs[i], jobs[i].extra_bytes);
            check_that(memcmp(out, back[i], jobs[i].extra_bytes) == 0,
                       "%u bytes came back changed",
                       (unsigned)jobs[i].extra_bytes);
            check_that(jobs[i].place == round * JOBS + i + PLACES,
                       "completion out of order");
        }
    }
    check_end_with("%u packets, %u at a time", ROUNDS * JOBS, JOBS);
}

/* One page named again and again gives a packet of any length. */
static struct vmb_mdl mdl_for_total(const struct memory *memory, uint32_t total)
{
    struct vmb_mdl mdl;
    uint32_t count = (total - 88) / 8, i;

    for (i = 0; i < count; i++)
        pfns[i] = (uintptr_t)memory->real / VMB_PAGE_SIZE + i % 2;
    example_expect(
        "page list",
        vmb_mdl_from_pfns(&mdl, pfns, count, 1, count * VMB_PAGE_SIZE - 2),
        NULL);
    return mdl;
}

static void test_largest(void)
{
    struct memory memory = memory_make(2);
    struct vmb_mdl mdl = mdl_for_total(&memory, LARGEST);
    struct job job = hash_job(&mdl, 0, 0);
    enum vmb_status status;
    uint32_t i;

    check_begin("rings.largest");
    check_that(total_of(&job) == LARGEST, "%u bytes", (unsigned)total_of(&job));
    for (i = 0; i < 12 && check_good(); i++) {
        device_do(dev, &job);
        check_hashed(&job);
    }
    mdl = mdl_for_total(&memory, LARGEST + 8);
    status = device_send(dev, &job);
    check_that(status == VMB_E_TOOBIG, "8 bytes more: %s",
               vmb_status_str(status));
    mdl = mdl_for_total(&memory, LARGEST - 8);
    device_do(dev, &job);
    check_hashed(&job);
    check_end_with("%u bytes", (unsigned)LARGEST);
}

void test_rings(void)
{
    dev = device_open(&tiny);
    test_wrap();
    test_sizes();
    test_largest();
    device_close(dev);
}
