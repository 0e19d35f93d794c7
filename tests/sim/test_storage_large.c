/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Requests beyond 4 GiB, lists of more pages than can be joined, and requests
 * of more than one command. */
#include "bay.h"

#define JOIN      VMB_STORVSC_JOIN
#define WIDE      (1u << 20) /* pages: 4 GiB */
#define TAIL      1100u
#define BLOCKS_OF 8u /* in a page */
#define CHAIN     (2 * JOIN + 1)

static struct bay bay;
static uint64_t pfns[WIDE];

/* 4 GiB and more, all of it the same page, for a disk that moves nothing. */
static void past_4_gib_blocks_go_on(void **state)
{
    struct bay_cfg cfg = { .storage.max_transfer = 4u << 20,
                           .disk = { .blocks = 1u << 24, .null = true } };
    struct vmb_storvsc_req req = { 0 };
    struct vmb_mdl mdls[2];
    uint64_t last = 0;
    uint32_t i;

    (void)state;
    bay_up(&bay, &cfg);
    mdls[1] = bay_mdl(&bay, bay.page, VMB_PAGE_SIZE, pfns, 1);
    for (i = 1; i < WIDE; i++)
        pfns[i] = pfns[0];
    mdls[0] = (struct vmb_mdl){ &mdls[1], pfns, WIDE - 1, 0,
                                (WIDE - 1) * VMB_PAGE_SIZE };
    mdls[1] = (struct vmb_mdl){ NULL, pfns, TAIL, 0, TAIL * VMB_PAGE_SIZE };
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0,
                                   (WIDE - 1 + TAIL) * BLOCKS_OF, mdls, 0),
                     VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_true(req.result.bytes == (uint64_t)(WIDE - 1 + TAIL) * 4096);
    for (i = 2; i < 6; i++) /* where the last command began */
        last = last << 8 | req.cmd.cdb[i];
    assert_true(last > WIDE * BLOCKS_OF);
    bay_down(&bay);
}

/* 2^32 bytes and a block: not as many as a block. */
static void sums_of_blocks_do_not_wrap(void **state)
{
    struct bay_cfg cfg = { .disk = { .blocks = 1u << 24, .null = true } };
    struct vmb_storvsc_req req = { 0 };
    struct vmb_mdl mdl;

    (void)state;
    bay_up(&bay, &cfg);
    mdl = bay_mdl(&bay, bay.page, 512, pfns, 1);
    assert_int_equal(
        vmb_disk_read(&bay.disk, &req, 0, WIDE * BLOCKS_OF + 1, &mdl, 0),
        VMB_E_ARG);
    bay_down(&bay);
}

/* A write of the chain, in so many commands; what lies behind the controller's
 * own page numbers stays what it was. */
static void written_in(struct vmb_mdl *mdl, uint32_t bytes, uint32_t commands)
{
    struct vmb_sim_storage_counts before, after;
    struct vmb_chan_cfg behind = bay.queues[0].cfg;
    struct vmb_storvsc_req req = { 0 };

    assert_ptr_equal(&bay.ctl + 1, &bay.queues[0]);
    vmb_sim_storage_stats(bay.dev, &before);
    assert_int_equal(vmb_disk_write(&bay.disk, &req, 0, bytes / 512, mdl, 0),
                     VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_int_equal(req.result.bytes, bytes);
    vmb_sim_storage_stats(bay.dev, &after);
    assert_int_equal(after.writes - before.writes, commands);
    assert_memory_equal(&bay.queues[0].cfg, &behind, sizeof behind);
}

static void no_more_pages_are_joined_than_fit(void **state)
{
    static struct vmb_mdl chain[CHAIN];
    struct bay_cfg cfg = { .storage.max_transfer = 1u << 20 };
    uint32_t i, bytes = JOIN * VMB_PAGE_SIZE - 1024;
    uint8_t *va;

    (void)state;
    bay_up(&bay, &cfg);
    va = rig_alloc(bay.rig, CHAIN);
    for (i = 0; i < CHAIN; i++) {
        chain[i] = bay_mdl(&bay, va + i * 4096, 4096, &pfns[i], 1);
        chain[i].next = i + 1 < CHAIN ? &chain[i + 1] : NULL;
    }
    written_in(chain, CHAIN * VMB_PAGE_SIZE, 3);
    /* Pages enough, and bytes too few for as many. */
    chain[0] = bay_mdl(&bay, va + 2048, bytes, pfns, JOIN + 1);
    assert_int_equal(chain[0].pfn_count, JOIN + 1);
    chain[0].next = &chain[1];
    chain[1].next = NULL;
    written_in(chain, bytes + VMB_PAGE_SIZE, 2);
    bay_down(&bay);
}

/* A command of several may not move more than itself, though its request is
 * larger. */
static void a_piece_is_bounded_by_itself(void **state)
{
    struct bay_cfg cfg = { .storage.max_transfer = 4096 };
    struct vmb_sim_storage_fault lie = { .act = VMB_SIM_STORAGE_LIE_BYTES,
                                         .arg = 1,
                                         .times = 1 };
    struct vmb_sim_storage_counts counts;
    struct vmb_storvsc_req req = { 0 };
    struct vmb_fault fault;

    (void)state;
    bay_up(&bay, &cfg);
    vmb_sim_storage_stats(bay.dev, &counts);
    lie.k = counts.packets;
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &lie), VMB_OK);
    assert_int_equal(
        bay_read(&bay, &req, 0, 2 * BLOCKS_OF, rig_alloc(bay.rig, 2)),
        VMB_E_HOST);
    vmb_storvsc_fault(&bay.ctl, &fault);
    assert_int_equal(fault.site, VMB_SITE_STORVSC_BYTES);
    assert_int_equal(fault.got, 4097);
    assert_int_equal(fault.limit, 4096);
    bay_down(&bay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(past_4_gib_blocks_go_on),
        cmocka_unit_test(sums_of_blocks_do_not_wrap),
        cmocka_unit_test(no_more_pages_are_joined_than_fit),
        cmocka_unit_test(a_piece_is_bounded_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
