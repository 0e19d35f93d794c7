/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Bytes: any place and length, many at once, discarded ones. */
#include "testdev_proto.h" /* its pattern */

#include "store.h"

#define DISK_BYTES (8u << 20)
#define ROOM       (DISK_BYTES + 2 * VMB_PAGE_SIZE)
#define SLOTS      48
#define ROUNDS     20
#define SLOT_BYTES (96 * BLOCK)

static uint8_t *out, *in;

static bool round_trip(uint64_t block, uint32_t count, uint32_t from,
                       uint32_t to, uint64_t seed)
{
    uint64_t bytes = (uint64_t)count * BLOCK;
    struct vmb_storvsc_req req = { .barrier = false };
    enum vmb_status status;

    vmb_testdev_fill(out + from, bytes, seed, 0);
    memset(in + to, 0, bytes);
    status = store_write(&disk, &req, block, count, out + from);
    if (status == VMB_OK)
        status = store_read(&disk, &req, block, count, in + to);
    return check_that(status == VMB_OK && req.result.bytes == bytes,
                      "block %u, %u of them: %s, %u bytes", (unsigned)block,
                      (unsigned)count, vmb_status_str(status),
                      (unsigned)req.result.bytes) &&
           check_that(vmb_testdev_mismatch(in + to, bytes, seed, 0) == bytes,
                      "block %u, %u of them at 0x%x: not what was written",
                      (unsigned)block, (unsigned)count, (unsigned)to);
}

static void test_places(void)
{
    check_begin("bytes.places");
    for (uint32_t at = 0; at < VMB_PAGE_SIZE && check_good(); at += 61)
        round_trip(at, 1 + at % 23, at, VMB_PAGE_SIZE - at, at);
    check_end_with("every 61st place in a page, 1 to 23 blocks");
}

static void test_long(void)
{
    static const uint32_t counts[] = { 511, 512, 513, 4000,
                                       DISK_BYTES / BLOCK };

    check_begin("bytes.long");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        round_trip(0, counts[i], 13, VMB_PAGE_SIZE - 1, i);
    check_end_with("to the whole disk at once, split at %u",
                   (unsigned)vmb_storvsc_max_transfer(&ctl));
}

/* The sibling has kept its zeros, whatever went to the disk beside it. */
static void test_sibling(void)
{
    struct vmb_storvsc_req req = { .barrier = false };
    struct vmb_disk sibling;
    uint64_t sum = 0;

    memset(&sibling, 0, sizeof sibling);
    check_begin("bytes.sibling");
    store_disk(&sibling, LUN_SIBLING);
    check_that(store_read(&sibling, &req, 0, DISK_BYTES / BLOCK, in) == VMB_OK,
               "it cannot be read");
    for (uint32_t i = 0; i < DISK_BYTES; i++)
        sum += in[i];
    check_that(sum == 0, "it has been written to");
    check_end();
}

void test_bytes(void)
{
    out = pages_need(ROOM / VMB_PAGE_SIZE);
    in = pages_need(ROOM / VMB_PAGE_SIZE);
    test_places();
    test_long();
    test_sibling();
}

/* --- Many at once --------------------------------------------------------- */

struct slot {
    struct vmb_storvsc_req req;
    struct vmb_mdl mdl;
    uint64_t pfns[SLOT_BYTES / VMB_PAGE_SIZE + 1], seed;
    uint8_t *at;
    uint32_t count;
};

static struct slot slots[SLOTS];
static uint32_t back;

static void count_back(struct vmb_storvsc_req *req)
{
    (void)req;
    back++;
}

/* Each has an area of the disk, and of memory, to itself. */
static void begin(struct slot *slot, uint32_t index, bool write)
{
    uint64_t block = index * (SLOT_BYTES / BLOCK);
    enum vmb_status status;

    slot->mdl = store_mdl(slot->at, slot->count * BLOCK, slot->pfns,
                          SLOT_BYTES / VMB_PAGE_SIZE + 1);
    slot->req.done = count_back;
    slot->req.barrier = any_below(16) == 0;
    status = write ? vmb_disk_write(&disk, &slot->req, block, slot->count,
                                    &slot->mdl, 0)
                   : vmb_disk_read(&disk, &slot->req, block, slot->count,
                                   &slot->mdl, 0);
    check_that(status == VMB_OK, "submit: %s", vmb_status_str(status));
}

static void finish_all(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        check_that(store_wait(&slots[i].req) == VMB_OK, "request %u: %s",
                   (unsigned)i, vmb_status_str(slots[i].req.status));
    check_that(back == SLOTS, "%u of %u came back", (unsigned)back, SLOTS);
    back = 0;
}

static void one_round(uint32_t number)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        slots[i].count = 1 + any_below(SLOT_BYTES / BLOCK);
        slots[i].seed = number * 1000ull + i;
        vmb_testdev_fill(slots[i].at, slots[i].count * BLOCK, slots[i].seed, 0);
        begin(&slots[i], i, true);
    }
    finish_all();
    for (uint32_t i = 0; i < SLOTS; i++) {
        memset(slots[i].at, 0, slots[i].count * BLOCK);
        begin(&slots[i], i, false);
    }
    finish_all();
    for (uint32_t i = 0; i < SLOTS; i++)
        check_that(vmb_testdev_mismatch(slots[i].at, slots[i].count * BLOCK,
                                        slots[i].seed,
                                        0) == slots[i].count * BLOCK,
                   "round %u, request %u: not what was written",
                   (unsigned)number, (unsigned)i);
}

void test_many(void)
{
    uint8_t *memory = pages_need(SLOTS * (SLOT_BYTES / VMB_PAGE_SIZE + 1));

    for (uint32_t i = 0; i < SLOTS; i++) {
        memset(&slots[i], 0, sizeof slots[i]);
        slots[i].at = memory + i * (SLOT_BYTES + VMB_PAGE_SIZE) + i * 53;
    }
    check_begin("many.at-once");
    for (uint32_t i = 0; i < ROUNDS && check_good(); i++)
        one_round(i);
    check_end_with("%u requests, up to %u at a time", 2 * SLOTS * ROUNDS,
                   SLOTS);
}

/* --- Discarded ------------------------------------------------------------ */

void test_discard(void)
{
    struct vmb_storvsc_req req = { .barrier = false };
    uint8_t *memory = pages_need(64);
    uint32_t wrong = 0;

    check_begin("discard.reads-zeros");
    memset(memory, 0xa5, 64 * VMB_PAGE_SIZE);
    check_that(store_write(&disk, &req, 0, 512, memory) == VMB_OK, "write");
    check_that(vmb_disk_unmap(&disk, &req, 64, 256) == VMB_OK &&
                   store_wait(&req) == VMB_OK,
               "unmap: sense %x/%x", req.result.sense.key,
               req.result.sense.asc);
    req.barrier = true;
    check_that(vmb_disk_flush(&disk, &req) == VMB_OK &&
                   store_wait(&req) == VMB_OK,
               "flush");
    check_that(store_read(&disk, &req, 0, 512, memory) == VMB_OK, "read");
    for (uint32_t i = 0; i < 512 * BLOCK; i++)
        wrong += memory[i] != (i / BLOCK >= 64 && i / BLOCK < 320 ? 0 : 0xa5);
    check_that(wrong == 0, "%u bytes are wrong", (unsigned)wrong);
    check_end();
}
