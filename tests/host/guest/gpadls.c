/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Memory that the host knows by a number: made of one message or of many. */
#include "data.h"

#include "memory.h"

#define AT_ONCE 3

static const struct device_cfg small = { .tx_pages = 2, .rx_pages = 2 };

static struct device *dev;
static uint64_t pfns[VMB_GPADL_PAGES + 1];

static struct job gpadl_job(enum vmb_testdev_op op, uint32_t id,
                            uint64_t offset, uint64_t length, uint64_t seed)
{
    struct job job = job_of(op, 0);

    job.ask.gpadl = id;
    job.ask.offset = offset;
    job.ask.length = length;
    job.ask.seed = seed;
    return job;
}

/* From both ends to the middle: no page has its neighbour beside it. */
static struct vmb_mdl folded(const struct memory *memory)
{
    uint64_t first = (uintptr_t)memory->real / VMB_PAGE_SIZE;
    struct vmb_mdl mdl;
    uint32_t i;

    for (i = 0; i < memory->pages; i++)
        pfns[i] = first + (i % 2 ? i / 2 : memory->pages - 1 - i / 2);
    example_expect("page list",
                   vmb_mdl_from_pfns(&mdl, pfns, memory->pages, 0,
                                     memory->pages * VMB_PAGE_SIZE),
                   NULL);
    return mdl;
}

static uint32_t await(struct vmb_gpadl *gpadl)
{
    enum vmb_status status = vmb_wait_gpadl(&ex.conn, gpadl);
    struct vmb_fault fault;

    vmb_gpadl_fault(gpadl, &fault);
    example_expect("GPADL", status, &fault);
    check_that(vmb_gpadl_id(gpadl) != 0, "its number is 0");
    return vmb_gpadl_id(gpadl);
}

static void destroy(struct vmb_gpadl *gpadl)
{
    example_expect("GPADL down", vmb_wait_gpadl_destroy(&ex.conn, gpadl), NULL);
    check_that(vmb_gpadl_id(gpadl) == 0, "still numbered");
}

static void check_hash(uint32_t id, const struct vmb_mdl *mdl, uint64_t offset,
                       uint64_t length)
{
    struct job job = gpadl_job(VMB_TESTDEV_GPADL_HASH, id, offset, length, 0);

    device_do(dev, &job);
    check_reply(&job, length);
    check_that(job.reply.hash == chain_hash(mdl, offset, length),
               "%llu bytes from %llu on hash to something else",
               (unsigned long long)length, (unsigned long long)offset);
}

static void check_write(const struct memory *memory, uint32_t id,
                        const struct vmb_mdl *mdl, uint64_t offset,
                        uint64_t length)
{
    struct job job =
        gpadl_job(VMB_TESTDEV_GPADL_WRITE, id, offset, length, offset);

    device_do(dev, &job);
    check_reply(&job, length);
    chain_fill_shadow(memory, mdl, offset, length, offset);
    check_memory(memory);
}

static void check_forgotten(uint32_t id)
{
    struct job job = gpadl_job(VMB_TESTDEV_GPADL_HASH, id, 0, 8, 0);

    device_do(dev, &job);
    check_that(job.reply.status == VMB_TESTDEV_NO_GPADL,
               "the host still knows it: status %u",
               (unsigned)job.reply.status);
}

static void use(const struct memory *memory, uint32_t id,
                const struct vmb_mdl *mdl)
{
    uint64_t bytes = memory->pages * (uint64_t)VMB_PAGE_SIZE;

    check_hash(id, mdl, 0, bytes);
    check_write(memory, id, mdl, 1, bytes - 3);
    check_hash(id, mdl, bytes - 5, 5);
    check_write(memory, id, mdl, bytes / 2 - 1, 3);
    check_hash(id, mdl, 0, bytes);
}

static void test_size(const char *name, uint32_t pages)
{
    struct memory memory = memory_make(pages);
    struct vmb_mdl mdl = folded(&memory);
    struct vmb_gpadl gpadl = { .bus_ = NULL };
    uint64_t clock = vmb_hv_now(&ex.hv);
    struct example_time lap;
    uint32_t id;

    check_begin(name);
    example_expect("GPADL",
                   vmb_gpadl_create_start(&gpadl, &dev->test.chan, &mdl), NULL);
    id = await(&gpadl);
    lap = example_lap(&ex, &clock);
    use(&memory, id, &mdl);
    destroy(&gpadl);
    check_forgotten(id);
    check_end_with("created in %u.%03u ms", (unsigned)lap.ms, (unsigned)lap.us);
}

static void test_at_once(void)
{
    static struct vmb_gpadl gpadls[AT_ONCE];
    struct memory memory[AT_ONCE];
    struct vmb_mdl mdl;
    uint32_t ids[AT_ONCE], i;

    check_begin("gpadls.several-at-once");
    for (i = 0; i < AT_ONCE; i++) {
        memory[i] = memory_make(60 + i);
        example_expect("GPADL",
                       vmb_gpadl_create_virtual_start(
                           &gpadls[i], &dev->test.chan, memory[i].real,
                           memory[i].pages * VMB_PAGE_SIZE),
                       NULL);
    }
    for (i = 0; i < AT_ONCE; i++)
        ids[i] = await(&gpadls[i]);
    check_that(ids[0] != ids[1] && ids[1] != ids[2] && ids[2] != ids[0],
               "numbers %u, %u, %u", (unsigned)ids[0], (unsigned)ids[1],
               (unsigned)ids[2]);
    for (i = AT_ONCE; i-- > 0;) {
        mdl = mdl_of(memory[i].real, memory[i].pages * VMB_PAGE_SIZE, pfns,
                     VMB_GPADL_PAGES);
        use(&memory[i], ids[i], &mdl);
        destroy(&gpadls[i]);
    }
    check_end();
}

static void test_refusals(void)
{
    struct memory memory = memory_make(1);
    struct vmb_gpadl gpadl = { .bus_ = NULL };
    enum vmb_status status;

    check_begin("gpadls.refusals");
    status = vmb_gpadl_create_virtual_start(
        &gpadl, &dev->test.chan, memory.real,
        (VMB_GPADL_PAGES + 1) * (size_t)VMB_PAGE_SIZE);
    check_that(status == VMB_E_TOOBIG, "8191 pages: %s",
               vmb_status_str(status));
    status = vmb_gpadl_create_virtual_start(&gpadl, &dev->test.chan,
                                            memory.real + 8, VMB_PAGE_SIZE);
    check_that(status == VMB_E_ARG, "not aligned: %s", vmb_status_str(status));
    check_end();
}

/* The order most hosts ask for: channel first, then its GPADLs. */
static void test_after_close(void)
{
    struct memory memory = memory_make(3);
    struct vmb_gpadl gpadl = { .bus_ = NULL };
    uint32_t id;

    check_begin("gpadls.destroyed-after-close");
    example_expect("GPADL",
                   vmb_gpadl_create_virtual_start(
                       &gpadl, &dev->test.chan, memory.real, 3 * VMB_PAGE_SIZE),
                   NULL);
    id = await(&gpadl);
    device_close(dev);
    destroy(&gpadl);
    dev = device_open(&small);
    check_forgotten(id);
    check_end();
}

/* An unload takes all that the host knew. */
static void test_unload(void)
{
    struct memory memory = memory_make(30);
    struct vmb_gpadl gpadl = { .bus_ = NULL };
    enum vmb_status status;

    check_begin("gpadls.lost-by-unload");
    example_expect("GPADL",
                   vmb_gpadl_create_virtual_start(&gpadl, &dev->test.chan,
                                                  memory.real,
                                                  30 * VMB_PAGE_SIZE),
                   NULL);
    (void)await(&gpadl);
    example_expect("unload", vmb_wait_unload(&ex.conn), NULL);
    status = vmb_gpadl_create_status(&gpadl);
    check_that(status == VMB_E_STATE, "the GPADL: %s", vmb_status_str(status));
    status = vmb_gpadl_destroy_status(&gpadl);
    check_that(status == VMB_OK, "its memory: %s", vmb_status_str(status));
    status = vmb_chan_open_status(&dev->test.chan);
    check_that(status == VMB_E_STATE, "the channel: %s",
               vmb_status_str(status));
    example_connect(&ex);
    dev = device_open(&small);
    check_forgotten(vmb_gpadl_id(&gpadl));
    check_end();
}

void test_gpadls(void)
{
    dev = device_open(&small);
    test_size("gpadls.1-page", 1);
    test_size("gpadls.26-pages", 26); /* what the first message holds */
    test_size("gpadls.27-pages", 27);
    test_size("gpadls.54-pages", 54); /* and the second */
    test_size("gpadls.55-pages", 55);
    test_size("gpadls.8190-pages", VMB_GPADL_PAGES);
    test_at_once();
    test_refusals();
    test_after_close();
    test_unload();
    device_close(dev);
}
