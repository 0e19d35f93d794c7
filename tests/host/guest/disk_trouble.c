/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Errors of the disks, disks that come and go, closing amid traffic. */
#include "store.h"

#define PLUG_TIME (20 * SECOND)
#define OUT       40

static void expect_refused(const char *what, enum vmb_status status,
                           const struct vmb_storvsc_req *req,
                           enum vmb_storvsc_outcome outcome)
{
    check_that(status == VMB_E_REFUSED && req->result.outcome == outcome,
               "%s: %s, outcome %d, sense %x/%x/%x", what,
               vmb_status_str(status), (int)req->result.outcome,
               req->result.sense.key, req->result.sense.asc,
               req->result.sense.ascq);
}

static void test_bad_blocks(void)
{
    struct vmb_storvsc_req req = { .barrier = false };
    uint8_t *memory = pages_need(33);
    struct vmb_disk bad;

    memset(&bad, 0, sizeof bad);
    store_disk(&bad, LUN_BAD);
    check_begin("errors.passes");
    check_that(store_read(&bad, &req, 100, 1, memory) == VMB_OK,
               "outcome %d, sense %x/%x", (int)req.result.outcome,
               req.result.sense.key, req.result.sense.asc);
    check_end();
    check_begin("errors.stays");
    expect_refused("read", store_read(&bad, &req, 200, 1, memory), &req,
                   VMB_STORVSC_ABORTED);
    expect_refused("write", store_write(&bad, &req, 300, 1, memory), &req,
                   VMB_STORVSC_PROTECTED);
    check_that(store_read(&bad, &req, 201, 64, memory) == VMB_OK,
               "the blocks behind it");
    check_end();
}

static void test_refusals(void)
{
    struct vmb_storvsc_req req = { .barrier = false };
    struct vmb_disk locked, none;
    uint8_t *memory = pages_need(1);
    struct vmb_mdl mdl;
    uint64_t pfn;

    memset(&locked, 0, sizeof locked);
    memset(&none, 0, sizeof none);
    check_begin("errors.refusals");
    store_disk(&locked, LUN_READONLY);
    expect_refused("write", store_write(&locked, &req, 0, 1, memory), &req,
                   VMB_STORVSC_PROTECTED);
    mdl = store_mdl(memory, BLOCK, &pfn, 1);
    req.at.lun = LUN_MAIN;
    req.mdl = &mdl;
    req.mdl_offset = 0;
    req.bytes = BLOCK;
    vmb_scsi_read(&req.cmd, disk.blocks, 1);
    check_that(vmb_storvsc_submit(&ctl, &req) == VMB_OK, "submit");
    expect_refused("beyond the end", store_wait(&req), &req,
                   VMB_STORVSC_ILLEGAL);
    req.at.lun = 60;
    vmb_scsi_read(&req.cmd, 0, 1);
    check_that(vmb_storvsc_submit(&ctl, &req) == VMB_OK, "submit");
    expect_refused("no LUN", store_wait(&req), &req, VMB_STORVSC_NO_DEVICE);
    check_end();
}

void test_errors(void)
{
    test_bad_blocks();
    test_refusals();
}

/* --- Hot plug ------------------------------------------------------------- */

static bool wait_for_change(uint32_t before)
{
    uint64_t end = vmb_hv_now(&ex.hv) + PLUG_TIME;

    while (vmb_storvsc_changes(&ctl) == before)
        if (vmb_hv_now(&ex.hv) > end)
            return false;
        else
            store_turn();
    return true;
}

/* The monitor waits for these lines: see plans/disk.json. */
void test_plug(void)
{
    struct vmb_storvsc_req req = { .barrier = false };
    uint32_t before = vmb_storvsc_changes(&ctl);
    uint8_t *memory = pages_need(1);
    struct vmb_disk hot;

    memset(&hot, 0, sizeof hot);
    check_begin("plug.comes");
    print("plug in\n");
    check_that(wait_for_change(before), "nobody said so");
    store_disk(&hot, LUN_HOT);
    memset(memory, 0x77, BLOCK);
    check_that(store_write(&hot, &req, 5, 1, memory) == VMB_OK, "write");
    memset(memory, 0, BLOCK);
    check_that(store_read(&hot, &req, 5, 1, memory) == VMB_OK, "read");
    check_that(memory[0] == 0x77 && memory[BLOCK - 1] == 0x77, "bytes");
    check_end();
    before = vmb_storvsc_changes(&ctl);
    check_begin("plug.goes");
    print("pull out\n");
    check_that(wait_for_change(before), "nobody said so");
    expect_refused("read", store_read(&hot, &req, 5, 1, memory), &req,
                   VMB_STORVSC_NO_DEVICE);
    check_end();
}

/* --- Closing -------------------------------------------------------------- */

static uint32_t back;

static void count_back(struct vmb_storvsc_req *req)
{
    (void)req;
    back++;
}

/* Amid requests, and open again. */
void test_close(void)
{
    static struct vmb_storvsc_req reqs[OUT];
    uint8_t *memory = pages_need(32);
    static uint64_t pfns[32];
    struct vmb_mdl mdl = store_mdl(memory, 32 * VMB_PAGE_SIZE, pfns, 32);
    uint32_t queues = vmb_storvsc_subchannels(&ctl) + 1, good = 0, i;

    check_begin("close.amid-traffic");
    for (i = 0; i < OUT; i++) {
        reqs[i].done = count_back;
        check_that(vmb_disk_read(&disk, &reqs[i], i, 256, &mdl, 0) == VMB_OK,
                   "submit %u", (unsigned)i);
    }
    store_close();
    check_that(back == OUT, "%u of %u came back", (unsigned)back, OUT);
    for (i = 0; i < OUT; i++) {
        good += reqs[i].status == VMB_OK;
        check_that(reqs[i].status == VMB_OK || reqs[i].status == VMB_E_STATE,
                   "request %u: %s", (unsigned)i,
                   vmb_status_str(reqs[i].status));
    }
    store_open(queues);
    store_disk(&disk, LUN_MAIN);
    check_that(store_read(&disk, &reqs[0], 0, 64, memory) == VMB_OK,
               "read again");
    check_end_with("%u of %u were answered before", (unsigned)good, OUT);
}
