/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What disks say of themselves, and commands of the caller's own. */
#include "store.h"

#define DISK_BLOCKS (8u << 20 >> 9)

static uint8_t *answer;
static struct vmb_mdl mdl;
static uint64_t pfn;

/* The answer's bytes; 0 with a failed check. */
static uint32_t ask(struct vmb_storvsc_req *req, uint32_t bytes)
{
    enum vmb_status status;

    req->at.lun = LUN_MAIN;
    req->mdl = bytes ? &mdl : NULL;
    req->bytes = bytes;
    status = vmb_storvsc_submit(&ctl, req);
    if (status == VMB_OK)
        status = store_wait(req);
    check_that(status == VMB_OK, "%s: outcome %d, sense %x/%x/%x",
               vmb_status_str(status), (int)req->result.outcome,
               req->result.sense.key, req->result.sense.asc,
               req->result.sense.ascq);
    return status == VMB_OK ? (uint32_t)req->result.bytes : 0;
}

static void test_description(void)
{
    struct vmb_disk other;

    check_begin("facts.disk");
    check_that(disk.blocks == DISK_BLOCKS, "%u blocks", (unsigned)disk.blocks);
    check_that(disk.block_bytes == BLOCK, "of %u", (unsigned)disk.block_bytes);
    check_that(!disk.read_only && disk.unmap, "read_only %d, unmap %d",
               disk.read_only, disk.unmap);
    check_end_with("%s%s", disk.identity.vendor, disk.identity.product);
    memset(&other, 0, sizeof other);
    check_begin("facts.read-only");
    store_disk(&other, LUN_READONLY);
    check_that(other.read_only, "it takes writes");
    check_end();
    memset(&other, 0, sizeof other);
    check_begin("facts.optical");
    store_disk(&other, LUN_OPTICAL);
    check_that(other.read_only && other.identity.removable,
               "read_only %d, removable %d", other.read_only,
               other.identity.removable);
    check_that(other.block_bytes == 2048 && other.blocks == DISK_BLOCKS / 4,
               "%u blocks of %u", (unsigned)other.blocks,
               (unsigned)other.block_bytes);
    check_end();
}

static void test_pages(void)
{
    static const uint8_t pages[] = { 0x80, 0x83, 0xb0, 0xb1, 0xb2 };
    struct vmb_storvsc_req req = { .barrier = false };
    uint32_t bytes;

    check_begin("facts.vital-pages");
    vmb_scsi_inquiry_page(&req.cmd, VMB_SCSI_VPD_PAGES, 255);
    bytes = ask(&req, 255);
    for (size_t i = 0; i < sizeof pages; i++)
        check_that(vmb_scsi_has_page(answer, bytes, pages[i]), "no page %x",
                   pages[i]);
    vmb_scsi_inquiry_page(&req.cmd, VMB_SCSI_VPD_SERIAL, 255);
    bytes = ask(&req, 255);
    check_that(bytes >= 4 + 6 && memcmp(answer + 4, "SERIAL", 6) == 0,
               "serial number of %u bytes", (unsigned)bytes);
    check_end();
}

static void test_luns(void)
{
    struct vmb_storvsc_req req = { .barrier = false };
    uint32_t bytes, count, found = 0;
    uint8_t lun = 0;

    check_begin("facts.luns");
    vmb_scsi_report_luns(&req.cmd, 512);
    bytes = ask(&req, 512);
    count = vmb_scsi_lun_count(answer, bytes);
    for (uint32_t i = 0; i < count; i++)
        if (vmb_scsi_lun_at(answer, i, &lun))
            found |= 1u << lun;
    check_that(found == 0x1f, "LUNs 0x%x", (unsigned)found);
    check_end();
}

static void test_capacities(void)
{
    struct vmb_storvsc_req req = { .barrier = false };
    struct vmb_scsi_capacity ten, sixteen;
    uint32_t bytes;

    check_begin("facts.capacities");
    vmb_scsi_read_capacity10(&req.cmd);
    bytes = ask(&req, 8);
    check_that(vmb_scsi_parse_capacity(answer, bytes, false, &ten), "%u bytes",
               (unsigned)bytes);
    vmb_scsi_read_capacity16(&req.cmd, 32);
    bytes = ask(&req, 32);
    check_that(vmb_scsi_parse_capacity(answer, bytes, true, &sixteen),
               "%u bytes", (unsigned)bytes);
    check_that(ten.blocks == sixteen.blocks &&
                   ten.block_bytes == sixteen.block_bytes && sixteen.thin,
               "they disagree");
    check_end();
}

static void test_no_data(void)
{
    struct vmb_storvsc_req req = { .barrier = false };

    check_begin("facts.no-data");
    vmb_scsi_test_unit_ready(&req.cmd);
    (void)ask(&req, 0);
    vmb_scsi_start_stop(&req.cmd, true, false);
    (void)ask(&req, 0);
    vmb_scsi_flush(&req.cmd);
    (void)ask(&req, 0);
    check_end();
}

void test_facts(void)
{
    answer = pages_need(1);
    mdl = store_mdl(answer, VMB_PAGE_SIZE, &pfn, 1);
    test_description();
    test_pages();
    test_luns();
    test_capacities();
    test_no_data();
}
