/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Reads and writes of a disk on the simulated host that moves nothing, beside
 * the same bytes moved by memcpy.  What is left is what a request costs: the
 * guest's part, and (the ways differ in whether it counts) the host's.
 *
 * The host moves only when it is told to: as many commands as fit meet it at
 * once, as with a host on a processor of its own that is busy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include <vmb/sim_storage.h>

#include "bench.h"
#include "guest.h"

#define DEPTH_MOST  64u
#define BLOCK       512u
#define DISK_BYTES  (32u << 20)
#define LARGE       (1u << 20)
#define LARGE_PAGES (LARGE / VMB_PAGE_SIZE)
#define RINGS       16u

struct load {
    const char *name;
    uint32_t bytes; /* of a request */
    bool random, write;
    uint32_t turn; /* requests of a turn of time, and counted ones */
};

static const struct load loads[] = {
    { "random read/4 KiB", 4096, true, false, 256 },
    { "random write/4 KiB", 4096, true, true, 256 },
    { "sequential read/1 MiB", LARGE, false, false, 64 },
    { "sequential write/1 MiB", LARGE, false, true, 64 },
};

/* One load at one depth. */
struct task {
    const struct load *load;
    uint32_t depth;
    bool guest_alone; /* clock and count stand while the host works */
};

static struct {
    uint8_t *buffer;
    struct vmb_mdl mdl;
    uint64_t pfns[LARGE_PAGES];
    struct vmb_storvsc_req req;
} slots[DEPTH_MOST];

static struct guest guest;
static struct vmb_storvsc ctl;
static struct vmb_storvsc_queue queue;
static struct vmb_txn txns[DEPTH_MOST];
static struct vmb_storvsc_cmd cmds[DEPTH_MOST];
static struct vmb_disk disk;
static uint8_t *image; /* what memcpy takes for the disk */

/* The same places in every turn and for everybody. */
static uint64_t place(const struct load *load, uint32_t i)
{
    uint32_t places = DISK_BYTES / load->bytes;

    return (load->random ? i * 2654435761u >> 7 : i) % places *
           (uint64_t)load->bytes;
}

/* ---- by memcpy ----------------------------------------------------------- */

static double by_memcpy(const void *what, uint32_t count)
{
    const struct task *task = what;
    const struct load *load = task->load;
    double start = now();
    uint8_t *buffer, *at;
    uint32_t i;

    for (i = 0; i < count; i++) {
        buffer = slots[i % task->depth].buffer;
        at = image + place(load, i);
        memcpy(load->write ? at : buffer, load->write ? buffer : at,
               load->bytes);
    }
    return now() - start;
}

/* ---- by the library ------------------------------------------------------ */

/* The host's work while a turn runs, with clock and count standing if the
 * task says so. */
static bool guest_alone;
static double host_took;

static void host_begins(double *start)
{
    if (!guest_alone)
        return;
    *start = now();
    CALLGRIND_TOGGLE_COLLECT;
}

static void host_ends(double start)
{
    if (!guest_alone)
        return;
    CALLGRIND_TOGGLE_COLLECT;
    host_took += now() - start;
}

static uint64_t hypercall(void *ctx, const void *page, uint64_t control,
                          uint64_t in, uint64_t out)
{
    const struct vmb_platform *real = vmb_sim_platform(guest.sim);
    uint64_t result;
    double start = 0;

    host_begins(&start);
    result = real->cpu->hypercall(ctx, page, control, in, out);
    host_ends(start);
    return result;
}

static void run_host(void)
{
    double start = 0;

    host_begins(&start);
    (void)vmb_sim_step(guest.sim);
    host_ends(start);
}

static void submit(const struct load *load, uint32_t slot, uint32_t i)
{
    struct vmb_storvsc_req *req = &slots[slot].req;
    uint64_t block = place(load, i) / BLOCK;
    uint32_t blocks = load->bytes / BLOCK;

    expect(load->write
               ? vmb_disk_write(&disk, req, block, blocks, &slots[slot].mdl, 0)
               : vmb_disk_read(&disk, req, block, blocks, &slots[slot].mdl, 0),
           "request refused");
}

/* Full depth, then all of it back, and so on. */
static double by_disk(const void *what, uint32_t count)
{
    const struct task *task = what;
    double start = now();
    uint32_t done, i;

    guest_alone = task->guest_alone;
    host_took = 0;
    for (done = 0; done < count; done += task->depth) {
        for (i = 0; i < task->depth; i++)
            submit(task->load, i, done + i);
        do
            run_host();
        while (vmb_storvsc_poll(&ctl) == VMB_AGAIN);
        for (i = 0; i < task->depth; i++)
            expect(slots[i].req.status, "request failed");
    }
    guest_alone = false;
    return now() - start - host_took;
}

/* ---- setting up ---------------------------------------------------------- */

static void make_buffers(void)
{
    uint32_t i;

    image = malloc(DISK_BYTES);
    if (!image)
        die("out of memory");
    memset(image, 1, DISK_BYTES);
    for (i = 0; i < DEPTH_MOST; i++) {
        slots[i].buffer = vmb_sim_alloc(guest.sim, LARGE_PAGES);
        if (!slots[i].buffer)
            die("out of memory");
        memset(slots[i].buffer, 2, LARGE);
        expect(vmb_mdl_from_virtual(&slots[i].mdl, vmb_sim_platform(guest.sim),
                                    slots[i].buffer, LARGE, slots[i].pfns,
                                    LARGE_PAGES),
               "no page list");
    }
}

static void open_disk(struct vmb_sim_dev *dev)
{
    const struct vmb_storvsc_addr first = { 0, 0, 0, 0 };
    const uint64_t second = 10000000; /* in 100 ns */

    queue = (struct vmb_storvsc_queue){
        .cfg.ring = vmb_sim_alloc(guest.sim, 2 * (RINGS + 1)),
        .cfg.tx_pages = RINGS,
        .cfg.rx_pages = RINGS,
        .cfg.txns = txns,
        .cfg.txn_cap = DEPTH_MOST,
        .cmds = cmds,
    };
    expect(vmb_storvsc_open_start(&ctl, vmb_conn_bus(&guest.conn),
                                  guest_offer(&guest, dev), &queue, 1),
           "no controller");
    expect(vmb_wait_storvsc_open(&guest.conn, &ctl, second), "no controller");
    expect(vmb_disk_open_start(&disk, &ctl, first, vmb_sim_alloc(guest.sim, 1)),
           "no disk");
    expect(vmb_wait_disk_open(&guest.conn, &disk, second), "no disk");
}

static void set_up(void)
{
    struct vmb_sim_cfg cfg = { .size = sizeof cfg,
                               .quirks = VMB_SIM_LAZY,
                               .budget = 2 * DEPTH_MOST };
    struct vmb_sim_storage_cfg storage = { .size = sizeof storage };
    struct vmb_sim_disk null = { .blocks = DISK_BYTES / BLOCK, .null = true };
    static struct vmb_platform plat;
    static struct vmb_cpu_ops ops;
    struct vmb_sim_dev *dev;

    guest_make(&guest, &cfg);
    dev = vmb_sim_storage_add(guest.sim, &storage);
    if (!dev)
        die("out of memory");
    expect(vmb_sim_storage_insert(dev, 0, &null), "no disk");
    plat = *vmb_sim_platform(guest.sim);
    ops = *plat.cpu;
    ops.hypercall = hypercall;
    plat.cpu = &ops;
    guest_connect(&guest, &plat, 0);
    make_buffers();
    open_disk(dev);
}

static void compare_load(const struct load *load, uint32_t depth,
                         uint32_t rounds)
{
    const struct task task = { load, depth, false };
    const struct task alone = { load, depth, true };
    const struct way ways[] = {
        { "memcpy", by_memcpy, &task },
        { "guest", by_disk, &alone },
        { "guest and host", by_disk, &task },
    };
    char title[64];

    /* memcpy moves this much by one repeated instruction, which callgrind
     * counts anew for each byte: that is no figure, and takes a while. */
    uint32_t skip = !rounds && load->bytes == LARGE;

    snprintf(title, sizeof title, "%s/%u", load->name, depth);
    compare(title, ways + skip, 3 - skip, load->turn, rounds);
}

void measure_disk(uint32_t rounds)
{
    static const uint32_t depths[] = { 1, 8, DEPTH_MOST };
    uint32_t i, k;

    set_up();
    for (i = 0; i < sizeof loads / sizeof loads[0]; i++)
        for (k = 0; k < 3; k++)
            compare_load(&loads[i], depths[k], rounds);
    expect(vmb_wait_storvsc_close(&guest.conn, &ctl), "controller stays");
    guest_end(&guest);
    free(image);
}
