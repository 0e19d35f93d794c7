/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Storage when all goes well: versions, disks, bytes. */
#include "bay.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGES 160u

static struct bay bay;
static uint64_t pfns[512];

/* --- Versions and disks --------------------------------------------------- */

static void every_version_is_spoken(void **state)
{
    static const uint16_t versions[] = { 0x0200, 0x0402, 0x0501, 0x0600,
                                         0x0602 };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct bay_cfg cfg = { .storage.version = versions[i] };
        struct vmb_sim_storage_counts counts;
        uint8_t *out, *in;

        bay_up(&bay, &cfg);
        assert_int_equal(vmb_storvsc_version(&bay.ctl), versions[i]);
        vmb_sim_storage_stats(bay.dev, &counts);
        assert_int_equal(counts.version, versions[i]);
        out = rig_alloc(bay.rig, 2);
        in = rig_alloc(bay.rig, 2);
        bay_round_trip(&bay, 7, 9, out, in, 1);
        bay_down(&bay);
    }
}

static void a_controller_without_a_version_is_refused(void **state)
{
    struct bay_cfg cfg = { .storage.version = 0x0100 };
    struct vmb_fault fault;

    (void)state;
    bay_make(&bay, &cfg);
    assert_int_equal(bay_try_start(&bay), VMB_E_VERSION);
    vmb_storvsc_fault(&bay.ctl, &fault);
    assert_int_equal(fault.site, VMB_SITE_STORVSC_VERSION);
    assert_int_equal(fault.host_code, 0xc0000059);
    bay_down(&bay);
}

static void a_disk_is_described(void **state)
{
    struct bay_cfg cfg = { .disk = { .blocks = 1000,
                                     .block_bytes = 4096,
                                     .read_only = true,
                                     .thin = true,
                                     .attention = true } };

    (void)state;
    bay_up(&bay, &cfg);
    assert_int_equal(bay.disk.blocks, 1000);
    assert_int_equal(bay.disk.block_bytes, 4096);
    assert_true(bay.disk.read_only);
    assert_true(bay.disk.unmap);
    assert_int_equal(bay.disk.identity.type, VMB_SCSI_TYPE_DISK);
    assert_string_equal(bay.disk.identity.vendor, "SIM     ");
    assert_string_equal(bay.disk.identity.product, "Virtual Disk    ");
    assert_false(bay_mapped(&bay, bay.page, 1));
    bay_down(&bay);
}

static void optical_media_come_and_go(void **state)
{
    struct bay_cfg cfg = { .disk = { .blocks = 300,
                                     .block_bytes = 2048,
                                     .optical = true,
                                     .no_medium = true } };
    struct vmb_storvsc_req req = { 0 };

    (void)state;
    bay_make(&bay, &cfg);
    assert_int_equal(bay_try_start(&bay), VMB_E_REFUSED);
    assert_int_equal(vmb_disk_result(&bay.disk)->outcome,
                     VMB_STORVSC_NOT_READY);
    assert_int_equal(vmb_disk_result(&bay.disk)->sense.asc, 0x3a);
    vmb_scsi_start_stop(&req.cmd, true, true);
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
    assert_int_equal(bay.disk.blocks, 300);
    assert_int_equal(bay.disk.identity.type, VMB_SCSI_TYPE_OPTICAL);
    assert_true(bay.disk.identity.removable);
    assert_true(bay.disk.read_only); /* whatever its medium says */
    bay_down(&bay);
}

static void an_ide_disk_is_found_by_its_offer(void **state)
{
    struct bay_cfg cfg = { .storage.quirks = VMB_SIM_STORAGE_IDE };
    uint8_t *out, *in;

    (void)state;
    bay_up(&bay, &cfg);
    out = rig_alloc(bay.rig, 1);
    in = rig_alloc(bay.rig, 1);
    bay_round_trip(&bay, 0, 8, out, in, 2);
    bay_down(&bay);
}

static void a_file_backs_a_disk(void **state)
{
    char name[] = "vmb-disk-XXXXXX";
    int fd = mkstemp(name);
    struct bay_cfg cfg = { .disk = { .blocks = 64, .file = name } };
    FILE *file = fdopen(fd, "r+b");
    uint8_t *out, *in, byte;

    (void)state;
    assert_non_null(file);
    assert_int_equal(fseek(file, 64 * 512 - 1, SEEK_SET), 0);
    assert_int_equal(fputc(0x5a, file), 0x5a);
    assert_int_equal(fflush(file), 0);
    bay_up(&bay, &cfg);
    out = rig_alloc(bay.rig, 1);
    in = rig_alloc(bay.rig, 1);
    bay_round_trip(&bay, 3, 1, out, in, 3);
    bay_down(&bay);
    assert_int_equal(fseek(file, 3 * 512 + 7, SEEK_SET), 0);
    byte = (uint8_t)fgetc(file);
    assert_int_equal(byte, vmb_sim_pattern(3, 7));
    fclose(file);
    remove(name);
}

/* --- Bytes ---------------------------------------------------------------- */

static void any_place_in_a_page_will_do(void **state)
{
    uint8_t *out, *in;
    uint32_t at;

    (void)state;
    bay_up(&bay, NULL);
    out = rig_alloc(bay.rig, 4);
    in = rig_alloc(bay.rig, 4);
    for (at = 0; at < 4096; at += 37)
        bay_round_trip(&bay, at % 99, 1 + at % 13, out + at, in + 4096 - at,
                       at);
    bay_down(&bay);
}

static void what_is_too_long_is_split(void **state)
{
    struct bay_cfg cfg = {
        .storage = { .max_transfer = 0x10000, .latency = 9, .seed = 4 }
    };
    struct vmb_sim_storage_counts counts;
    uint8_t *out, *in;

    (void)state;
    bay_up(&bay, &cfg);
    assert_int_equal(vmb_storvsc_max_transfer(&bay.ctl), 0x10000);
    out = rig_alloc(bay.rig, PAGES);
    in = rig_alloc(bay.rig, PAGES);
    bay_round_trip(&bay, 5, 1024, out + 13, in + 4095, 5);
    bay_round_trip(&bay, 0, 128, out, in, 6);
    bay_round_trip(&bay, 0, 129, out, in, 7);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.reads, 8 + 1 + 2);
    assert_true(counts.overtaken > 0);
    bay_down(&bay);
}

/* A ring of one page holds the numbers of some 490 pages. */
static void a_small_ring_limits_transfers(void **state)
{
    struct bay_cfg cfg = { .storage.max_transfer = 64u << 20,
                           .tx_pages = 1,
                           .disk.blocks = 16384 };
    uint8_t *out, *in;

    (void)state;
    bay_up(&bay, &cfg);
    assert_in_range(vmb_storvsc_max_transfer(&bay.ctl), 480 * 4096, 500 * 4096);
    out = rig_alloc(bay.rig, 1025);
    in = rig_alloc(bay.rig, 1025);
    bay_round_trip(&bay, 1, 8192, out + 1, in + 2, 8);
    bay_down(&bay);
}

/* Members of a chain: lengths of each, the first starts `at` in its page. */
struct shape {
    uint32_t at, len[6], members, blocks;
    bool apart; /* page lists that do not adjoin */
    bool possible;
};

static void chain(const struct shape *shape, uint8_t *va, struct vmb_mdl *mdls)
{
    uint32_t i, at = shape->at, used = 0;

    for (i = 0; i < shape->members; i++) {
        mdls[i] =
            bay_mdl(&bay, va + at, shape->len[i], pfns + used, 512 - used);
        mdls[i].next = i + 1 < shape->members ? &mdls[i + 1] : NULL;
        used += mdls[i].pfn_count + (shape->apart ? 1 : 0);
        /* The next one goes on in fresh pages, at their start, or where this
         * one's end leaves off when that is inside a page. */
        at += shape->len[i];
        if (at % 4096 == 0)
            at += 4096;
    }
}

static void gather_bytes(const struct vmb_mdl *mdl, const struct shape *shape,
                         uint8_t *va, uint8_t *flat)
{
    uint32_t i, at = shape->at;

    (void)mdl;
    for (i = 0; i < shape->members; i++) {
        memcpy(flat, va + at, shape->len[i]);
        flat += shape->len[i];
        at += shape->len[i];
        if (at % 4096 == 0)
            at += 4096;
    }
}

static void chains_are_joined_where_pages_allow(void **state)
{
    static const struct shape shapes[] = {
        { 0, { 4096, 4096, 8192 }, 3, 32, false, true },
        { 0, { 4096, 4096, 8192 }, 3, 32, true, true },
        { 100, { 3996, 4096, 100 }, 3, 16, false, true },
        { 100, { 3996, 4096, 100 }, 3, 16, true, true },
        { 0, { 512, 1024, 512 }, 3, 4, true, true },
        { 0, { 100, 412 }, 2, 1, true, false },
        { 0, { 512, 100, 412 }, 3, 2, true, false },
        { 4000, { 96, 0, 416 }, 3, 1, true, true },
    };
    static uint8_t flat[65536], read[65536];
    struct vmb_mdl mdls[6];
    struct vmb_storvsc_req req;
    uint8_t *va, *back;
    size_t i;

    (void)state;
    bay_up(&bay, NULL);
    va = rig_alloc(bay.rig, 32);
    back = rig_alloc(bay.rig, 32);
    for (i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct shape *shape = &shapes[i];
        enum vmb_status status;

        memset(&req, 0, sizeof req);
        bay_fill(va, 32 * 4096, i);
        chain(shape, va, mdls);
        status = vmb_disk_write(&bay.disk, &req, 10, shape->blocks, mdls, 0);
        assert_int_equal(status, shape->possible ? VMB_OK : VMB_E_ARG);
        if (!shape->possible)
            continue;
        assert_int_equal(bay_wait(&bay, &req), VMB_OK);
        gather_bytes(mdls, shape, va, flat);
        vmb_sim_storage_peek(bay.dev, 0, 10 * 512, read, shape->blocks * 512);
        assert_memory_equal(read, flat, shape->blocks * 512);
        chain(shape, back, mdls);
        assert_int_equal(
            vmb_disk_read(&bay.disk, &req, 10, shape->blocks, mdls, 0), VMB_OK);
        assert_int_equal(bay_wait(&bay, &req), VMB_OK);
        gather_bytes(mdls, shape, back, read);
        assert_memory_equal(read, flat, shape->blocks * 512);
    }
    bay_down(&bay);
}

/* Single pages with lists of their own: more than one command can join. */
static void long_chains_of_single_pages(void **state)
{
    static struct vmb_mdl mdls[PAGES];
    static uint64_t own[2 * PAGES];
    struct vmb_sim_storage_counts counts;
    struct vmb_storvsc_req req = { 0 };
    static uint8_t disk[PAGES * 4096];
    uint8_t *va;
    uint32_t i;

    (void)state;
    bay_up(&bay, NULL);
    va = rig_alloc(bay.rig, PAGES);
    bay_fill(va, PAGES * 4096, 77);
    for (i = 0; i < PAGES; i++) {
        mdls[i] = bay_mdl(&bay, va + (size_t)i * 4096, 4096, own + 2 * i, 1);
        mdls[i].next = i + 1 < PAGES ? &mdls[i + 1] : NULL;
    }
    assert_int_equal(
        vmb_disk_write(&bay.disk, &req, 0, (PAGES - 1) * 8, mdls, 1024),
        VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    vmb_sim_storage_peek(bay.dev, 0, 0, disk, (PAGES - 1) * 4096);
    assert_memory_equal(disk, va + 1024, (PAGES - 1) * 4096);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.writes, 3);
    bay_down(&bay);
}

/*
 * Where each page takes a command the chain is gone along once: members whose
 * commands are over are made nonsense of here, and nobody looks.
 */
static void members_behind_are_left_alone(void **state)
{
    struct bay_cfg cfg = { .storage.max_transfer = 4096, .depth = 1 };
    static uint8_t disk[PAGES * 4096];
    static struct vmb_mdl mdls[PAGES];
    static uint64_t own[2 * PAGES];
    struct vmb_sim_storage_counts counts;
    struct vmb_storvsc_req req = { 0 };
    uint32_t i, behind = 0;
    uint8_t *va;

    (void)state;
    bay_up(&bay, &cfg);
    va = rig_alloc(bay.rig, PAGES);
    bay_fill(va, PAGES * 4096, 79);
    for (i = 0; i < PAGES; i++) {
        mdls[i] = bay_mdl(&bay, va + (size_t)i * 4096, 4096, own + 2 * i, 1);
        mdls[i].next = i + 1 < PAGES ? &mdls[i + 1] : NULL;
    }
    assert_int_equal(vmb_disk_write(&bay.disk, &req, 0, PAGES * 8, mdls, 0),
                     VMB_OK);
    while (req.status == VMB_AGAIN) {
        assert_int_not_equal(bay_turn(&bay), VMB_E_ARG);
        vmb_sim_storage_stats(bay.dev, &counts);
        for (; behind + 1 < counts.writes; behind++) {
            mdls[behind].byte_count = 1;
            mdls[behind].next = NULL;
        }
    }
    assert_int_equal(req.status, VMB_OK);
    assert_int_equal(counts.writes, PAGES);
    assert_int_equal(behind, PAGES - 1);
    vmb_sim_storage_peek(bay.dev, 0, 0, disk, sizeof disk);
    assert_memory_equal(disk, va, sizeof disk);
    bay_down(&bay);
}

/* A list that is longer than what a command can join is joined in part. */
static void long_members_are_joined_in_part(void **state)
{
    struct bay_cfg cfg = { .storage.max_transfer = 1u << 20 };
    struct vmb_sim_storage_counts counts;
    struct vmb_storvsc_req req = { 0 };
    static uint8_t disk[120 * 4096];
    struct vmb_mdl mdls[2];
    uint8_t *va;

    (void)state;
    bay_up(&bay, &cfg);
    va = rig_alloc(bay.rig, 121);
    bay_fill(va, 121 * 4096, 78);
    mdls[0] = bay_mdl(&bay, va + 512, 4096 - 512, pfns, 1);
    mdls[1] = bay_mdl(&bay, va + 4096, 119 * 4096 + 512, pfns + 2, 120);
    mdls[0].next = &mdls[1];
    assert_int_equal(vmb_disk_write(&bay.disk, &req, 0, 960, mdls, 0), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    vmb_sim_storage_peek(bay.dev, 0, 0, disk, sizeof disk);
    assert_memory_equal(disk, va + 512, sizeof disk);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.writes, 2);
    bay_down(&bay);
}

static void unmapped_blocks_are_empty(void **state)
{
    struct bay_cfg cfg = {
        .disk = { .blocks = 4096, .thin = true, .unmap_limit = 100 }
    };
    struct vmb_sim_storage_counts counts;
    struct vmb_storvsc_req req = { 0 };
    static uint8_t disk[1000 * 512];
    uint8_t *va;
    uint32_t i;

    (void)state;
    bay_up(&bay, &cfg);
    va = rig_alloc(bay.rig, 126);
    memset(va, 0xee, 1000 * 512);
    assert_int_equal(bay_write(&bay, &req, 0, 1000, va), VMB_OK);
    /* The list is in the request, which the simulated host must know. */
    vmb_sim_map(bay.rig->sim, &req, sizeof req);
    assert_int_equal(vmb_disk_unmap(&bay.disk, &req, 10, 950), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    vmb_sim_unmap(bay.rig->sim, &req, sizeof req);
    vmb_sim_storage_peek(bay.dev, 0, 0, disk, sizeof disk);
    for (i = 0; i < sizeof disk; i++)
        assert_int_equal(disk[i], i / 512 < 10 || i / 512 >= 960 ? 0xee : 0);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.unmaps, 10);
    bay_down(&bay);
}

/* The request lies where the list in it crosses a page's border. */
static void a_list_may_lie_in_two_pages(void **state)
{
    const size_t before = offsetof(struct vmb_storvsc_req, list_) + 8;
    struct bay_cfg cfg = { .disk = { .blocks = 64, .thin = true } };
    struct vmb_storvsc_req *req;
    uint8_t disk[3 * 512], *pages;
    uint32_t i;

    (void)state;
    bay_up(&bay, &cfg);
    pages = rig_alloc(bay.rig, 3);
    memset(pages, 0, 2 * VMB_PAGE_SIZE);
    memset(pages + 2 * VMB_PAGE_SIZE, 0xee, VMB_PAGE_SIZE);
    req = (void *)(pages + ((VMB_PAGE_SIZE - before) & ~7u));
    assert_true((uintptr_t)(req->list_ + sizeof req->list_ - 1) >=
                (uintptr_t)pages + VMB_PAGE_SIZE);
    assert_int_equal(bay_write(&bay, req, 0, 8, pages + 2 * VMB_PAGE_SIZE),
                     VMB_OK);
    assert_int_equal(vmb_disk_unmap(&bay.disk, req, 3, 1), VMB_OK);
    assert_int_equal(bay_wait(&bay, req), VMB_OK);
    vmb_sim_storage_peek(bay.dev, 0, 2 * 512, disk, sizeof disk);
    for (i = 0; i < sizeof disk; i++)
        assert_int_equal(disk[i], i / 512 == 1 ? 0 : 0xee);
    bay_down(&bay);
}

/* --- Other commands ------------------------------------------------------- */

static void commands_of_the_callers_own(void **state)
{
    struct vmb_sim_disk disk = { .blocks = 8 };
    struct vmb_storvsc_req req = { 0 };
    struct vmb_mdl mdl;
    uint8_t *va, lun;

    (void)state;
    bay_up(&bay, NULL);
    va = rig_alloc(bay.rig, 1);
    mdl = bay_mdl(&bay, va, 4096, pfns, 1);
    assert_int_equal(vmb_sim_storage_insert(bay.dev, 5, &disk), VMB_OK);
    req.mdl = &mdl;
    req.mdl_offset = 64;
    req.bytes = 256;
    vmb_scsi_report_luns(&req.cmd, 256);
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_int_equal(req.result.bytes, 24);
    assert_int_equal(vmb_scsi_lun_count(va + 64, 24), 2);
    assert_true(vmb_scsi_lun_at(va + 64, 1, &lun));
    assert_int_equal(lun, 5);
    vmb_scsi_inquiry_page(&req.cmd, VMB_SCSI_VPD_PAGES, 256);
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_true(vmb_scsi_has_page(va + 64, (uint32_t)req.result.bytes, 0xb0));
    assert_false(vmb_scsi_has_page(va + 64, (uint32_t)req.result.bytes, 0xb1));
    bay_down(&bay);
}

static void what_cannot_be_is_refused(void **state)
{
    struct vmb_storvsc_req req = { 0 }, other = { 0 };
    struct vmb_storvsc_addr at = { 0, 0, 0, 0 };
    struct vmb_mdl mdl;
    uint8_t *va;

    (void)state;
    bay_up(&bay, NULL);
    va = rig_alloc(bay.rig, 2);
    mdl = bay_mdl(&bay, va, 8192, pfns, 2);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 0, &mdl, 0), VMB_E_ARG);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 4096, 1, &mdl, 0),
                     VMB_E_ARG);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 4095, 2, &mdl, 0),
                     VMB_E_ARG);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 4097, 1, &mdl, 0),
                     VMB_E_ARG);
    assert_int_equal(
        vmb_disk_read(&bay.disk, &req, UINT64_MAX, UINT32_MAX, &mdl, 0),
        VMB_E_ARG);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 17, &mdl, 0), VMB_E_ARG);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 1, NULL, 0), VMB_E_ARG);
    assert_int_equal(vmb_disk_unmap(&bay.disk, &req, 0, 1), VMB_E_NOFEATURE);
    assert_int_equal(vmb_disk_open_start(&bay.disk, &bay.ctl, at, va + 1),
                     VMB_E_ARG);
    assert_int_equal(vmb_disk_open_start(&bay.disk, &bay.ctl, at, NULL),
                     VMB_E_ARG);
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_ARG);
    vmb_scsi_inquiry(&req.cmd, 36);
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_ARG);
    req.mdl = &mdl;
    req.bytes = 8193;
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_ARG);
    req.bytes = 0x40001;
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_TOOBIG);
    req.bytes = 36;
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_STATE);
    assert_int_equal(vmb_storvsc_close_status(&bay.ctl), VMB_E_STATE);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_int_equal(vmb_storvsc_open_start(&bay.ctl, bay.ctl.bus_,
                                            bay.ctl.offer_, bay.queues, 1),
                     VMB_E_STATE);
    assert_int_equal(vmb_storvsc_add_channel(&bay.ctl, bay.ctl.offer_),
                     VMB_E_ARG);
    bay_close(&bay);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_STATE);
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &other), VMB_E_STATE);
    assert_int_equal(vmb_disk_flush(&bay.disk, &other), VMB_E_STATE);
    assert_true(vmb_storvsc_arm(&bay.ctl));
    bay_down(&bay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_is_spoken),
        cmocka_unit_test(a_controller_without_a_version_is_refused),
        cmocka_unit_test(a_disk_is_described),
        cmocka_unit_test(optical_media_come_and_go),
        cmocka_unit_test(an_ide_disk_is_found_by_its_offer),
        cmocka_unit_test(a_file_backs_a_disk),
        cmocka_unit_test(any_place_in_a_page_will_do),
        cmocka_unit_test(what_is_too_long_is_split),
        cmocka_unit_test(a_small_ring_limits_transfers),
        cmocka_unit_test(chains_are_joined_where_pages_allow),
        cmocka_unit_test(long_chains_of_single_pages),
        cmocka_unit_test(members_behind_are_left_alone),
        cmocka_unit_test(long_members_are_joined_in_part),
        cmocka_unit_test(unmapped_blocks_are_empty),
        cmocka_unit_test(a_list_may_lie_in_two_pages),
        cmocka_unit_test(commands_of_the_callers_own),
        cmocka_unit_test(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
