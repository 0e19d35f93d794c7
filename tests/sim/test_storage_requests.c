/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Requests that cannot be, that change under way, and odd disks. */
#include "bay.h"

#define MANY 24u

static struct bay bay;
static uint64_t pfns[512];
static uint8_t *va;

static void set_up(const struct bay_cfg *cfg)
{
    bay_up(&bay, cfg);
    va = rig_alloc(bay.rig, 130);
}

/* --- What cannot be ------------------------------------------------------- */

static void commands_that_make_no_sense(void **state)
{
    struct vmb_storvsc_req req = { 0 };
    struct vmb_sim_storage_counts before, after;
    struct vmb_mdl mdls[2];

    (void)state;
    set_up(NULL);
    vmb_sim_storage_stats(bay.dev, &before);
    mdls[0] = bay_mdl(&bay, va, 100, pfns, 1);
    mdls[1] = bay_mdl(&bay, va + 4096, 100, pfns + 1, 1);
    vmb_scsi_inquiry(&req.cmd, 96);
    req.mdl = mdls;
    req.bytes = 96;
    req.cmd.cdb_bytes = (uint8_t)(sizeof req.cmd.cdb + 1);
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_ARG);
    req.cmd.cdb_bytes = 6;
    req.cmd.data = VMB_SCSI_OUT + 1;
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_ARG);
    vmb_scsi_inquiry(&req.cmd, 150);
    req.bytes = 150; /* not one run: its first part ends inside a page */
    mdls[0].next = &mdls[1];
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_ARG);
    mdls[0] = bay_mdl(&bay, va + 4096 - 100, 100, pfns, 1);
    mdls[0].next = &mdls[1];
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_memory_equal(va + 4096 - 100 + 8, "SIM     ", 8);
    vmb_sim_storage_stats(bay.dev, &after);
    assert_int_equal(after.packets - before.packets, 1);
    bay_down(&bay);
}

/* A CDB as long as may be is sent whole. */
static void a_command_of_sixteen_bytes(void **state)
{
    struct vmb_storvsc_req req = { 0 };
    struct vmb_mdl mdl;

    (void)state;
    set_up(NULL);
    mdl = bay_mdl(&bay, va, 512, pfns, 1);
    bay_fill(va, 512, 3);
    assert_int_equal(vmb_sim_storage_poke(bay.dev, 0, 9 * 512, va, 512), 512);
    memset(va, 0, 512);
    req.cmd.cdb_bytes = 16;
    req.cmd.data = VMB_SCSI_IN;
    req.cmd.cdb[0] = 0x88; /* READ(16) */
    req.cmd.cdb[9] = 9;
    req.cmd.cdb[13] = 1;
    req.mdl = &mdl;
    req.bytes = 512;
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    bay_check(va, 512, 3);
    bay_down(&bay);
}

/* By hand data goes any way, and as much of it as the host takes. */
static void a_command_that_writes(void **state)
{
    struct bay_cfg cfg = { .storage.max_transfer = 4096 };
    struct vmb_storvsc_req req = { 0 };
    uint8_t blocks[4096];
    struct vmb_mdl mdl;

    (void)state;
    set_up(&cfg);
    mdl = bay_mdl(&bay, va + 9, 4097, pfns, 2);
    bay_fill(va + 9, 4096, 4);
    vmb_scsi_write(&req.cmd, 11, 8);
    req.mdl = &mdl;
    req.bytes = 4097;
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_E_TOOBIG);
    req.bytes = 4096;
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_int_equal(req.result.bytes, 4096);
    assert_int_equal(vmb_sim_storage_peek(bay.dev, 0, 11 * 512, blocks, 4096),
                     4096);
    bay_check(blocks, 4096, 4);
    bay_down(&bay);
}

static void what_is_out_is_not_asked_again(void **state)
{
    struct vmb_storvsc_req req = { 0 };
    struct vmb_mdl mdl;

    (void)state;
    set_up(NULL);
    mdl = bay_mdl(&bay, va, 512, pfns, 1);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 1, &mdl, 0), VMB_OK);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 1, 1, &mdl, 0),
                     VMB_E_STATE);
    assert_int_equal(vmb_disk_write(&bay.disk, &req, 1, 1, &mdl, 0),
                     VMB_E_STATE);
    assert_int_equal(vmb_disk_flush(&bay.disk, &req), VMB_E_STATE);
    assert_int_equal(vmb_disk_unmap(&bay.disk, &req, 1, 1), VMB_E_STATE);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 4095, 1, &mdl, 0), VMB_OK);
    assert_int_equal(req.result.bytes, 0); /* nothing of the one before */
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    bay_down(&bay);
}

static void blocks_to_discard_are_bounded(void **state)
{
    struct bay_cfg cfg = { .disk = { .blocks = 4096, .thin = true } };
    struct vmb_storvsc_req req = { 0 };

    (void)state;
    set_up(&cfg);
    assert_int_equal(vmb_disk_unmap(&bay.disk, &req, 4096, 1), VMB_E_ARG);
    assert_int_equal(vmb_disk_unmap(&bay.disk, &req, 4095, 2), VMB_E_ARG);
    assert_int_equal(vmb_disk_unmap(&bay.disk, &req, 0, 0), VMB_E_ARG);
    bay_down(&bay);
}

/* --- Long lists ----------------------------------------------------------- */

/* More pages in a run than can be joined: they go as they are, and what
 * follows goes alone. */
static void runs_too_long_to_join(void **state)
{
    struct bay_cfg cfg = { .storage.max_transfer = 1u << 20 };
    static uint8_t disk[(VMB_STORVSC_JOIN + 8) * 4096];
    struct vmb_sim_storage_counts counts;
    struct vmb_storvsc_req req = { 0 };
    struct vmb_mdl mdls[2];

    (void)state;
    set_up(&cfg);
    bay_fill(va, sizeof disk, 21);
    mdls[0] =
        bay_mdl(&bay, va, VMB_STORVSC_JOIN * 4096, pfns, VMB_STORVSC_JOIN);
    mdls[1] =
        bay_mdl(&bay, va + VMB_STORVSC_JOIN * 4096, 8 * 4096, pfns + 100, 8);
    mdls[0].next = &mdls[1];
    assert_int_equal(
        vmb_disk_write(&bay.disk, &req, 0, sizeof disk / 512, mdls, 0), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_int_equal(req.result.bytes, sizeof disk);
    vmb_sim_storage_peek(bay.dev, 0, 0, disk, sizeof disk);
    bay_check(disk, sizeof disk, 21);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.writes, 2);
    bay_down(&bay);
}

/* Page numbers of a few commands fill the ring: the rest waits for room. */
static void commands_wait_for_room_in_the_ring(void **state)
{
    struct bay_cfg cfg = { .storage = { .max_transfer = 1u << 20 },
                           .disk.blocks = 16384,
                           .tx_pages = 1 };
    static struct vmb_storvsc_req req[MANY];
    struct vmb_sim_storage_counts counts;
    struct vmb_mdl mdl;
    uint32_t i;

    (void)state;
    memset(req, 0, sizeof req);
    set_up(&cfg);
    mdl = bay_mdl(&bay, va, 128 * 4096, pfns, 128);
    vmb_sim_stall(rig_host(bay.dev), true);
    for (i = 0; i < MANY; i++)
        assert_int_equal(
            vmb_disk_read(&bay.disk, &req[i], i * 8, 1024, &mdl, 0), VMB_OK);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_AGAIN);
    vmb_sim_stall(rig_host(bay.dev), false);
    bay_drain(&bay);
    for (i = 0; i < MANY; i++) {
        assert_int_equal(req[i].status, VMB_OK);
        assert_int_equal(req[i].result.bytes, 1024 * 512);
    }
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.reads, MANY);
    assert_in_range(counts.most_waiting, 1, 3);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_OK);
    bay_down(&bay);
}

/* --- Changed under way ---------------------------------------------------- */

static uint32_t came_back;

static void count_return(struct vmb_storvsc_req *req)
{
    (void)req;
    came_back++;
    /* Whoever called it, it may not poll. */
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_STATE);
}

/* The caller's slip: a chain made shorter while it is the library's.  What was
 * sent of it is waited for, and how far it came is said. */
static void a_chain_cut_short_meanwhile(void **state)
{
    struct bay_cfg cfg = { .storage = { .max_transfer = 0x10000 }, .depth = 1 };
    struct vmb_storvsc_req req = { .done = count_return }, next = { 0 };
    struct vmb_mdl mdl;

    (void)state;
    set_up(&cfg);
    came_back = 0;
    mdl = bay_mdl(&bay, va, 128 * 512, pfns, 16);
    mdl.byte_count = 128 * 512;
    assert_int_equal(vmb_disk_read(&bay.disk, &next, 0, 128, &mdl, 0), VMB_OK);
    assert_int_equal(bay_wait(&bay, &next), VMB_OK);
    mdl = bay_mdl(&bay, va, 512 * 512, pfns, 64);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 512, &mdl, 0), VMB_OK);
    mdl.byte_count = 128 * 512; /* which are out already */
    assert_int_equal(bay_wait(&bay, &req), VMB_E_REFUSED);
    assert_int_equal(req.result.outcome, VMB_STORVSC_OTHER);
    assert_int_equal(req.result.bytes, 128 * 512);
    assert_int_equal(came_back, 1);
    bay_drain(&bay);
    assert_int_equal(came_back, 1);
    mdl = bay_mdl(&bay, va, 512 * 512, pfns, 64);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 512, &mdl, 0), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_int_equal(came_back, 2);
    bay_down(&bay);
}

/* The same while a piece of it is out in another queue. */
static void a_chain_cut_short_with_a_piece_out(void **state)
{
    struct bay_cfg cfg = { .storage = { .max_transfer = 0x10000 }, .depth = 2 };
    struct vmb_storvsc_req req = { .done = count_return }, other = { 0 };
    struct vmb_mdl mdl, one;

    (void)state;
    set_up(&cfg);
    came_back = 0;
    one = bay_mdl(&bay, va + 100 * 4096, 512, pfns + 200, 1);
    mdl = bay_mdl(&bay, va, 512 * 512, pfns, 64);
    /* Two of the first, one place: the second piece is sent only when the
     * other's answer is back, which comes first. */
    assert_int_equal(vmb_disk_read(&bay.disk, &other, 0, 1, &one, 0), VMB_OK);
    vmb_sim_stall(rig_host(bay.dev), true);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 512, &mdl, 0), VMB_OK);
    assert_int_equal(req.inflight_, 1);
    mdl.byte_count = 128 * 512;
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_AGAIN);
    assert_int_equal(other.status, VMB_OK);
    assert_int_equal(req.status, VMB_AGAIN); /* its piece is the host's */
    assert_int_equal(came_back, 0);
    vmb_sim_stall(rig_host(bay.dev), false);
    assert_int_equal(bay_wait(&bay, &req), VMB_E_REFUSED);
    assert_int_equal(req.result.outcome, VMB_STORVSC_OTHER);
    assert_int_equal(req.result.bytes, 128 * 512);
    assert_int_equal(came_back, 1);
    bay_down(&bay);
}

/* What waits behind it is sent by the same poll: no answer is due that would
 * bring its caller back. */
static void what_is_behind_a_chain_cut_short_goes_on(void **state)
{
    struct bay_cfg cfg = { .storage = { .max_transfer = 0x10000 }, .depth = 1 };
    struct vmb_storvsc_req req = { 0 }, behind = { 0 };
    struct vmb_mdl mdl, one;

    (void)state;
    set_up(&cfg);
    one = bay_mdl(&bay, va + 100 * 4096, 512, pfns + 200, 1);
    mdl = bay_mdl(&bay, va, 512 * 512, pfns, 64);
    assert_int_equal(vmb_disk_read(&bay.disk, &req, 0, 512, &mdl, 0), VMB_OK);
    assert_int_equal(vmb_disk_read(&bay.disk, &behind, 0, 1, &one, 0), VMB_OK);
    mdl.byte_count = 128 * 512;
    rig_turn(bay.rig);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_AGAIN);
    assert_int_equal(req.status, VMB_E_REFUSED);
    assert_int_equal(behind.inflight_, 1);
    assert_int_equal(bay_wait(&bay, &behind), VMB_OK);
    bay_down(&bay);
}

/* A command that waits for room in the ring then is not sent. */
static void a_chain_cut_short_behind_a_full_ring(void **state)
{
    struct bay_cfg cfg = { .storage = { .max_transfer = 1u << 20 },
                           .disk.blocks = 16384,
                           .tx_pages = 1 };
    static struct vmb_storvsc_req req[MANY], *waits;
    struct vmb_sim_storage_counts counts;
    struct vmb_mdl mdls[MANY];
    uint32_t i;

    (void)state;
    memset(req, 0, sizeof req);
    set_up(&cfg);
    vmb_sim_stall(rig_host(bay.dev), true);
    for (i = 0; i < MANY; i++) {
        mdls[i] = bay_mdl(&bay, va, 128 * 4096, pfns, 128);
        assert_int_equal(
            vmb_disk_read(&bay.disk, &req[i], i * 8, 1024, &mdls[i], 0),
            VMB_OK);
    }
    waits = bay.ctl.ready_->req_;
    mdls[waits - req].byte_count = 127 * 4096;
    vmb_sim_stall(rig_host(bay.dev), false);
    bay_drain(&bay);
    for (i = 0; i < MANY; i++)
        assert_int_equal(req[i].status,
                         &req[i] == waits ? VMB_E_REFUSED : VMB_OK);
    assert_int_equal(waits->result.outcome, VMB_STORVSC_OTHER);
    assert_int_equal(waits->result.bytes, 0);
    vmb_sim_storage_stats(bay.dev, &counts);
    assert_int_equal(counts.reads, MANY - 1);
    bay_down(&bay);
}

/* --- Odd disks ------------------------------------------------------------ */

static uint8_t of_opcode, of_page;

static bool is_of(const uint8_t packet[64])
{
    return packet[28] == of_opcode &&
           (of_opcode != 0x12 || packet[30] == of_page);
}

static void refuse(uint8_t opcode, uint8_t page, uint32_t sense)
{
    struct vmb_sim_storage_fault fault = { .act = VMB_SIM_STORAGE_SENSE,
                                           .arg = sense,
                                           .times = VMB_SIM_FOR_EVER,
                                           .only = is_of };

    of_opcode = opcode;
    of_page = page;
    vmb_sim_storage_faults_clear(bay.dev);
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fault), VMB_OK);
}

/* What a disk need not answer, and what it must. */
static void disks_that_do_not_answer_everything(void **state)
{
    struct bay_cfg cfg = { .disk = { .blocks = 1000,
                                     .read_only = true,
                                     .thin = true,
                                     .unmap_limit = 7 } };

    (void)state;
    set_up(&cfg);
    assert_true(bay.disk.read_only);
    assert_true(bay.disk.unmap);
    assert_int_equal(bay.disk.unmap_most_, 7);
    refuse(0x1a, 0, 0x052000); /* MODE SENSE */
    assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
    assert_false(bay.disk.read_only);
    assert_int_equal(bay.disk.blocks, 1000);
    refuse(0x12, 0xb0, 0x052400); /* limits */
    assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
    assert_true(bay.disk.unmap);
    assert_int_equal(bay.disk.unmap_most_, UINT32_MAX);
    refuse(0x12, 0xb2, 0x052400); /* provisioning */
    assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
    assert_false(bay.disk.unmap);
    refuse(0x9e, 0, 0x052000); /* READ CAPACITY(16): the short one will do */
    assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
    assert_int_equal(bay.disk.blocks, 1000);
    assert_false(bay.disk.unmap);
    refuse(0x9e, 0, 0x044400); /* but not for a disk that is broken */
    assert_int_equal(bay_try_disk(&bay, 0), VMB_E_REFUSED);
    assert_int_equal(vmb_disk_result(&bay.disk)->outcome, VMB_STORVSC_HARDWARE);
    refuse(0, 0, 0x044400); /* nor one that is not ready */
    assert_int_equal(bay_try_disk(&bay, 0), VMB_E_REFUSED);
    vmb_sim_storage_faults_clear(bay.dev);
    bay_down(&bay);
}

/* A block that does not fit a command cannot be read at all. */
static void blocks_larger_than_commands(void **state)
{
    struct bay_cfg cfg = { .storage.max_transfer = 4096 };
    struct vmb_sim_disk disk = { .blocks = 10, .block_bytes = 8192 };
    uint8_t *out, *in;

    (void)state;
    set_up(&cfg);
    assert_int_equal(vmb_sim_storage_insert(bay.dev, 1, &disk), VMB_OK);
    assert_int_equal(bay_try_disk(&bay, 1), VMB_E_NOFEATURE);
    disk.block_bytes = 4096;
    assert_int_equal(vmb_sim_storage_insert(bay.dev, 2, &disk), VMB_OK);
    assert_int_equal(bay_try_disk(&bay, 2), VMB_OK);
    out = rig_alloc(bay.rig, 4);
    in = rig_alloc(bay.rig, 4);
    bay_round_trip(&bay, 1, 3, out + 5, in + 4000, 9);
    bay_down(&bay);
}

/* A disk's answers are copied to where there is room for what was asked. */
static void answers_longer_than_asked_for(void **state)
{
    static const struct {
        uint8_t opcode, page, more; /* than the simulated disk says: to 65 */
    } answers[] = { { 0x1a, 0, 61 }, { 0x12, 0xb0, 1 }, { 0x12, 0xb2, 57 } };
    struct bay_cfg cfg = { .disk = { .blocks = 1000, .thin = true } };
    struct vmb_sim_storage_fault lie = { .act = VMB_SIM_STORAGE_LIE_BYTES,
                                         .only = is_of };
    uint32_t less;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof answers / sizeof answers[0]; i++)
        for (less = 0; less < 2; less++) {
            set_up(&cfg);
            of_opcode = answers[i].opcode;
            of_page = answers[i].page;
            lie.arg = answers[i].more - less;
            assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &lie), VMB_OK);
            assert_int_equal(bay_try_disk(&bay, 0), less ? VMB_OK : VMB_E_HOST);
            bay_down(&bay);
        }
}

static void begin_inquiry(void)
{
    struct vmb_storvsc_addr at = { 0, 0, 0, 0 };

    assert_int_equal(vmb_disk_open_start(&bay.disk, &bay.ctl, at, bay.page),
                     VMB_OK);
    rig_turn(bay.rig); /* the answer lies in the page */
    assert_int_equal(vmb_disk_open_status(&bay.disk), VMB_AGAIN);
}

static void what_is_no_disk_is_not_opened(void **state)
{
    static const struct {
        uint8_t first;
        enum vmb_status status;
    } kinds[] = {
        { 0x01, VMB_E_NOFEATURE }, /* a tape */
        { 0x08, VMB_E_NOFEATURE }, /* a changer */
        { 0x7f, VMB_E_REFUSED },   /* nothing there */
        { 0x00, VMB_OK },
    };
    uint32_t i;

    (void)state;
    set_up(NULL);
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        enum vmb_status status;

        begin_inquiry();
        bay.page[0] = kinds[i].first;
        do
            status = bay_turn(&bay);
        while (status == VMB_AGAIN);
        assert_int_equal(vmb_disk_open_status(&bay.disk), kinds[i].status);
        if (kinds[i].status != VMB_OK)
            assert_int_equal(vmb_disk_result(&bay.disk)->outcome,
                             VMB_STORVSC_NO_DEVICE);
    }
    bay_down(&bay);
}

static void a_controller_that_goes_while_a_disk_opens(void **state)
{
    struct vmb_storvsc_addr at = { 0, 0, 0, 0 };

    (void)state;
    set_up(NULL);
    assert_int_equal(vmb_disk_open_start(&bay.disk, &bay.ctl, at, bay.page),
                     VMB_OK);
    vmb_sim_rescind(bay.dev);
    RIG_UNTIL(bay.rig, bay_turn(&bay) == VMB_E_RESCINDED);
    assert_int_equal(vmb_disk_open_status(&bay.disk), VMB_AGAIN);
    assert_int_equal(vmb_disk_flush(&bay.disk, &(struct vmb_storvsc_req){ 0 }),
                     VMB_E_STATE);
    bay_close(&bay);
    assert_int_equal(vmb_disk_open_status(&bay.disk), VMB_E_RESCINDED);
    rig_down(bay.rig);
}

/* --- Sense ---------------------------------------------------------------- */

/* Which attentions tell of disks that came, went or changed. */
static void attentions_that_are_changes(void **state)
{
    static const struct {
        uint32_t sense;
        bool is_change;
    } attentions[] = {
        { 0x063f0e, true },  /* LUN data has changed */
        { 0x062a09, true },  /* capacity has */
        { 0x062800, true },  /* another medium */
        { 0x062900, false }, /* a mere reset */
        { 0x053f0e, false }, /* no attention at all */
    };
    struct vmb_sim_storage_fault fault = { .act = VMB_SIM_STORAGE_SENSE };
    struct vmb_sim_storage_counts counts;
    struct vmb_storvsc_req req = { 0 };
    uint32_t i, changes;

    (void)state;
    set_up(NULL);
    for (i = 0; i < sizeof attentions / sizeof attentions[0]; i++) {
        /* What a disk's read repeats a command as it stands does not. */
        assert_int_equal(bay_read(&bay, &req, 0, 1, va), VMB_OK);
        changes = vmb_storvsc_changes(&bay.ctl);
        vmb_sim_storage_stats(bay.dev, &counts);
        fault.k = counts.packets;
        fault.arg = attentions[i].sense;
        vmb_sim_storage_faults_clear(bay.dev);
        assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fault), VMB_OK);
        vmb_scsi_test_unit_ready(&req.cmd);
        req.bytes = 0;
        assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
        assert_int_equal(bay_wait(&bay, &req), VMB_E_REFUSED);
        assert_int_equal(vmb_storvsc_changes(&bay.ctl) - changes,
                         attentions[i].is_change);
    }
    bay_down(&bay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_that_make_no_sense),
        cmocka_unit_test(a_command_of_sixteen_bytes),
        cmocka_unit_test(a_command_that_writes),
        cmocka_unit_test(what_is_out_is_not_asked_again),
        cmocka_unit_test(blocks_to_discard_are_bounded),
        cmocka_unit_test(runs_too_long_to_join),
        cmocka_unit_test(commands_wait_for_room_in_the_ring),
        cmocka_unit_test(a_chain_cut_short_meanwhile),
        cmocka_unit_test(a_chain_cut_short_with_a_piece_out),
        cmocka_unit_test(what_is_behind_a_chain_cut_short_goes_on),
        cmocka_unit_test(a_chain_cut_short_behind_a_full_ring),
        cmocka_unit_test(disks_that_do_not_answer_everything),
        cmocka_unit_test(blocks_larger_than_commands),
        cmocka_unit_test(answers_longer_than_asked_for),
        cmocka_unit_test(what_is_no_disk_is_not_opened),
        cmocka_unit_test(a_controller_that_goes_while_a_disk_opens),
        cmocka_unit_test(attentions_that_are_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
