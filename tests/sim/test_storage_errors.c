/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Storage when the device fails, and when its host lies. */
#include "bay.h"

#define MANY 24u

static struct bay bay;
static uint64_t pfns[512];
static uint8_t *va;

static void set_up(const struct bay_cfg *cfg)
{
    bay_up(&bay, cfg);
    va = rig_alloc(bay.rig, 128);
}

/* The next packets, `times` of them, meet this. */
static void inject(enum vmb_sim_storage_act act, uint64_t arg, uint64_t times)
{
    struct vmb_sim_storage_counts counts;
    struct vmb_sim_storage_fault fault = { .act = act,
                                           .arg = arg,
                                           .times = times };

    vmb_sim_storage_stats(bay.dev, &counts);
    fault.k = counts.packets;
    vmb_sim_storage_faults_clear(bay.dev);
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fault), VMB_OK);
}

/* --- The device ----------------------------------------------------------- */

static const struct {
    enum vmb_sim_storage_act act;
    uint32_t arg;
    enum vmb_storvsc_outcome outcome;
    uint8_t key, asc, ascq;
} failures[] = {
    { VMB_SIM_STORAGE_SENSE, 0x031100, VMB_STORVSC_MEDIUM, 3, 0x11, 0 },
    { VMB_SIM_STORAGE_SENSE_72, 0x031103, VMB_STORVSC_MEDIUM, 3, 0x11, 3 },
    { VMB_SIM_STORAGE_SENSE, 0x020401, VMB_STORVSC_NOT_READY, 2, 4, 1 },
    { VMB_SIM_STORAGE_SENSE, 0x044400, VMB_STORVSC_HARDWARE, 4, 0x44, 0 },
    { VMB_SIM_STORAGE_SENSE, 0x052400, VMB_STORVSC_ILLEGAL, 5, 0x24, 0 },
    { VMB_SIM_STORAGE_SENSE, 0x072700, VMB_STORVSC_PROTECTED, 7, 0x27, 0 },
    { VMB_SIM_STORAGE_SENSE, 0x0e1d00, VMB_STORVSC_OTHER, 14, 0x1d, 0 },
    { VMB_SIM_STORAGE_BUSY, 0, VMB_STORVSC_BUSY, 0, 0, 0 },
    { VMB_SIM_STORAGE_FULL, 0, VMB_STORVSC_BUSY, 0, 0, 0 },
    { VMB_SIM_STORAGE_SRB, 0x05, VMB_STORVSC_BUSY, 0, 0, 0 },
    { VMB_SIM_STORAGE_SRB, 0x09, VMB_STORVSC_TIMED_OUT, 0, 0, 0 },
    { VMB_SIM_STORAGE_SRB, 0x20, VMB_STORVSC_NO_DEVICE, 0, 0, 0 },
    { VMB_SIM_STORAGE_SRB, 0x30, VMB_STORVSC_OTHER, 0, 0, 0 },
};

static void failures_are_told_apart(void **state)
{
    struct vmb_storvsc_req req = { 0 };
    size_t i;

    (void)state;
    set_up(NULL);
    for (i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        inject(failures[i].act, failures[i].arg, 1);
        assert_int_equal(bay_read(&bay, &req, 0, 8, va), VMB_E_REFUSED);
        assert_int_equal(req.result.outcome, failures[i].outcome);
        assert_int_equal(req.result.sense.key, failures[i].key);
        assert_int_equal(req.result.sense.asc, failures[i].asc);
        assert_int_equal(req.result.sense.ascq, failures[i].ascq);
        assert_int_equal(req.result.bytes, 0);
        assert_int_equal(bay_read(&bay, &req, 0, 8, va), VMB_OK);
    }
    bay_down(&bay);
}

static void recovered_errors_are_none(void **state)
{
    struct vmb_storvsc_req req = { 0 };

    (void)state;
    set_up(NULL);
    /* The sense says recovered, but it moves nothing: short, not good. */
    inject(VMB_SIM_STORAGE_SENSE, 0x011700, 1);
    assert_int_equal(bay_read(&bay, &req, 0, 8, va), VMB_E_REFUSED);
    assert_int_equal(req.result.outcome, VMB_STORVSC_SHORT);
    inject(VMB_SIM_STORAGE_SENSE, 0x011700, 1);
    assert_int_equal(vmb_disk_flush(&bay.disk, &req), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    bay_down(&bay);
}

static void what_passes_is_repeated(void **state)
{
    struct vmb_sim_storage_counts before, after;
    struct vmb_storvsc_req req = { 0 };
    uint32_t changes;

    (void)state;
    set_up(NULL);
    changes = vmb_storvsc_changes(&bay.ctl);
    inject(VMB_SIM_STORAGE_SENSE, 0x062900, 3);
    assert_int_equal(bay_read(&bay, &req, 0, 8, va), VMB_OK);
    inject(VMB_SIM_STORAGE_SRB, 0x0e, 4);
    assert_int_equal(bay_write(&bay, &req, 0, 8, va), VMB_OK);
    assert_int_equal(vmb_storvsc_changes(&bay.ctl), changes);
    inject(VMB_SIM_STORAGE_SENSE, 0x063f0e, 1);
    assert_int_equal(bay_read(&bay, &req, 0, 8, va), VMB_OK);
    assert_int_equal(vmb_storvsc_changes(&bay.ctl), changes + 1);
    /* Not for ever. */
    vmb_sim_storage_stats(bay.dev, &before);
    inject(VMB_SIM_STORAGE_SENSE, 0x062900, VMB_SIM_FOR_EVER);
    assert_int_equal(bay_read(&bay, &req, 0, 8, va), VMB_E_REFUSED);
    assert_int_equal(req.result.outcome, VMB_STORVSC_ATTENTION);
    vmb_sim_storage_stats(bay.dev, &after);
    assert_int_equal(after.commands - before.commands, 5);
    /* The caller's own commands are not repeated; without data nothing is
     * looked for at mdl. */
    vmb_scsi_test_unit_ready(&req.cmd);
    req.bytes = 0;
    req.mdl = (const struct vmb_mdl *)8;
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_E_REFUSED);
    vmb_sim_storage_faults_clear(bay.dev);
    bay_down(&bay);
}

static void short_transfers_say_how_short(void **state)
{
    struct vmb_storvsc_req req = { 0 };
    struct vmb_mdl mdl;

    (void)state;
    set_up(NULL);
    inject(VMB_SIM_STORAGE_LESS, 100, 1);
    assert_int_equal(bay_read(&bay, &req, 0, 8, va), VMB_E_REFUSED);
    assert_int_equal(req.result.outcome, VMB_STORVSC_SHORT);
    assert_int_equal(req.result.bytes, 4096 - 100);
    mdl = bay_mdl(&bay, va, 4096, pfns, 1);
    memset(&req, 0, sizeof req);
    vmb_scsi_inquiry(&req.cmd, 255);
    req.mdl = &mdl;
    req.bytes = 255;
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_OK);
    assert_int_equal(req.result.bytes, 36);
    bay_down(&bay);
}

/* The data of a discard is a list of blocks: some hosts count its bytes, others
 * say 0, and it is done all the same. */
static void bytes_of_a_list_mean_nothing(void **state)
{
    struct bay_cfg cfg = {
        .disk = { .blocks = 4096, .thin = true, .unmap_limit = 100 }
    };
    struct vmb_storvsc_req req = { 0 };
    uint32_t counted;

    (void)state;
    set_up(&cfg);
    vmb_sim_map(bay.rig->sim, &req, sizeof req);
    for (counted = 0; counted <= 24; counted += 12) {
        inject(VMB_SIM_STORAGE_LIE_BYTES, counted, VMB_SIM_FOR_EVER);
        assert_int_equal(vmb_disk_unmap(&bay.disk, &req, 10, 250), VMB_OK);
        assert_int_equal(bay_wait(&bay, &req), VMB_OK);
        assert_int_equal(req.result.outcome, VMB_STORVSC_GOOD);
        assert_int_equal(req.result.bytes, 250);
    }
    /* But one that fails has come so far. */
    inject(VMB_SIM_STORAGE_SENSE, 0x044400, 1);
    assert_int_equal(vmb_disk_unmap(&bay.disk, &req, 10, 2), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_E_REFUSED);
    assert_int_equal(req.result.outcome, VMB_STORVSC_HARDWARE);
    assert_int_equal(req.result.bytes, 0);
    vmb_sim_unmap(bay.rig->sim, &req, sizeof req);
    bay_down(&bay);
}

static uint32_t came_back[MANY];

static void count_return(struct vmb_storvsc_req *req)
{
    came_back[*(uint32_t *)req->user]++;
}

static bool is_third_piece(const uint8_t packet[64])
{
    /* READ(10) of block 256: the third 64 KiB. */
    return packet[28] == 0x28 && packet[32] == 1 && packet[33] == 0;
}

static void one_piece_of_many_fails(void **state)
{
    struct bay_cfg cfg = {
        .storage = { .max_transfer = 0x10000, .latency = 12, .seed = 3 }
    };
    struct vmb_sim_storage_fault fault = { .act = VMB_SIM_STORAGE_SENSE,
                                           .arg = 0x031100,
                                           .only = is_third_piece };
    struct vmb_storvsc_req req = { .done = count_return };
    uint32_t number = 0;

    (void)state;
    set_up(&cfg);
    req.user = &number;
    came_back[0] = 0;
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fault), VMB_OK);
    assert_int_equal(bay_read(&bay, &req, 0, 1024, va), VMB_E_REFUSED);
    assert_int_equal(req.result.outcome, VMB_STORVSC_MEDIUM);
    assert_int_equal(req.result.bytes, 0x20000);
    assert_int_equal(came_back[0], 1);
    assert_false(bay_mapped(&bay, va, 1024 * 512));
    vmb_sim_storage_faults_clear(bay.dev);
    bay_down(&bay);
}

static bool is_second_piece(const uint8_t packet[64])
{
    return packet[28] == 0x28 && packet[32] == 0 && packet[33] == 128;
}

static bool is_fourth_piece(const uint8_t packet[64])
{
    return packet[28] == 0x28 && packet[32] == 1 && packet[33] == 128;
}

/* Of two that fail the first in the request counts, whichever is told first. */
static void two_pieces_of_many_fail(uint64_t seed)
{
    struct bay_cfg cfg = {
        .storage = { .max_transfer = 0x10000, .latency = 12, .seed = seed }
    };
    struct vmb_sim_storage_fault second = { .act = VMB_SIM_STORAGE_SENSE,
                                            .arg = 0x031100,
                                            .only = is_second_piece };
    struct vmb_sim_storage_fault fourth = { .act = VMB_SIM_STORAGE_SENSE,
                                            .arg = 0x044400,
                                            .only = is_fourth_piece };
    struct vmb_storvsc_req req = { 0 };

    set_up(&cfg);
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &second), VMB_OK);
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fourth), VMB_OK);
    assert_int_equal(bay_read(&bay, &req, 0, 1024, va), VMB_E_REFUSED);
    assert_int_equal(req.result.outcome, VMB_STORVSC_MEDIUM);
    assert_int_equal(req.result.bytes, 0x10000);
    bay_down(&bay);
}

static void the_first_failure_is_that_of_the_first_piece(void **state)
{
    uint64_t seed;

    (void)state;
    for (seed = 0; seed < 10; seed++)
        two_pieces_of_many_fail(seed);
}

static void blocks_beyond_the_end(void **state)
{
    struct vmb_storvsc_req req = { 0 };
    struct vmb_mdl mdl;

    (void)state;
    set_up(NULL);
    mdl = bay_mdl(&bay, va, 512, pfns, 1);
    vmb_scsi_read(&req.cmd, 1u << 30, 1);
    req.mdl = &mdl;
    req.bytes = 512;
    assert_int_equal(vmb_storvsc_submit(&bay.ctl, &req), VMB_OK);
    assert_int_equal(bay_wait(&bay, &req), VMB_E_REFUSED);
    assert_int_equal(req.result.outcome, VMB_STORVSC_ILLEGAL);
    assert_int_equal(req.result.sense.asc, 0x21);
    bay_down(&bay);
}

static void disks_may_not_be_disks(void **state)
{
    struct vmb_sim_disk odd = { .blocks = 10, .block_bytes = 520 };

    (void)state;
    set_up(NULL);
    assert_int_equal(vmb_sim_storage_insert(bay.dev, 1, &odd), VMB_OK);
    assert_int_equal(bay_try_disk(&bay, 1), VMB_E_NOFEATURE);
    inject(VMB_SIM_STORAGE_LESS, 20, 1); /* half an INQUIRY */
    assert_int_equal(bay_try_disk(&bay, 0), VMB_E_NOFEATURE);
    inject(VMB_SIM_STORAGE_SENSE, 0x044400, 1);
    assert_int_equal(bay_try_disk(&bay, 0), VMB_E_REFUSED);
    assert_int_equal(vmb_disk_result(&bay.disk)->outcome, VMB_STORVSC_HARDWARE);
    assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
    bay_down(&bay);
}

/* --- Introductions -------------------------------------------------------- */

static void a_refused_introduction(void **state)
{
    static const uint32_t refused[] = { 0, 3, 4 }; /* begin, properties, end */
    struct vmb_sim_storage_fault fault = { .act = VMB_SIM_STORAGE_REFUSE,
                                           .arg = 0xc0000001 };
    struct vmb_fault why;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        bay_make(&bay, NULL);
        fault.k = refused[i];
        assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fault), VMB_OK);
        assert_int_equal(bay_try_start(&bay), VMB_E_REFUSED);
        vmb_storvsc_fault(&bay.ctl, &why);
        assert_int_equal(why.site, VMB_SITE_STORVSC_STATUS);
        assert_int_equal(why.host_code, 0xc0000001);
        bay_close(&bay);
        rig_settle(bay.rig);
        assert_int_equal(bay_try_open(&bay), VMB_OK);
        assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
        bay_down(&bay);
    }
}

/* --- Lies ----------------------------------------------------------------- */

static const struct {
    enum vmb_sim_storage_act act;
    uint64_t arg;
    uint16_t site;
} lies[] = {
    { VMB_SIM_STORAGE_LIE_OPERATION, 3, VMB_SITE_STORVSC_OPERATION },
    { VMB_SIM_STORAGE_LIE_OPERATION, 0xffffffff, VMB_SITE_STORVSC_OPERATION },
    { VMB_SIM_STORAGE_LIE_LENGTH, 40, VMB_SITE_STORVSC_SHORT },
    { VMB_SIM_STORAGE_LIE_LENGTH, 0, VMB_SITE_STORVSC_SHORT },
    { VMB_SIM_STORAGE_LIE_BYTES, 1, VMB_SITE_STORVSC_BYTES },
    { VMB_SIM_STORAGE_LIE_BYTES, 0x80000000, VMB_SITE_STORVSC_BYTES },
    { VMB_SIM_STORAGE_LIE_SENSE, 21, VMB_SITE_STORVSC_SENSE },
    { VMB_SIM_STORAGE_LIE_SENSE, 255, VMB_SITE_STORVSC_SENSE },
    { VMB_SIM_STORAGE_LIE_TWICE, 0, VMB_SITE_RX_XID },
    { VMB_SIM_STORAGE_LIE_ID, 77, VMB_SITE_RX_XID },
    { VMB_SIM_STORAGE_LIE_GARBAGE, 1, VMB_SITE_STORVSC_OPERATION },
};

/* Some are out: none comes back before the controller is closed, each once. */
static void lie_with_others_out(uint32_t which)
{
    static struct vmb_storvsc_req req[MANY];
    static uint32_t number[MANY];
    struct vmb_mdl mdl = bay_mdl(&bay, va, 4096, pfns, 1);
    struct vmb_fault fault;
    enum vmb_status status;
    uint32_t i;

    memset(req, 0, sizeof req);
    memset(came_back, 0, sizeof came_back);
    inject(lies[which].act, lies[which].arg, 1);
    for (i = 0; i < MANY; i++) {
        number[i] = i;
        req[i].user = &number[i];
        req[i].done = count_return;
        status = vmb_disk_read(&bay.disk, &req[i], i, 1, &mdl, 0);
        assert_int_equal(status, VMB_OK);
    }
    RIG_UNTIL(bay.rig, bay_turn(&bay) < VMB_OK);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_HOST);
    assert_int_equal(vmb_storvsc_open_status(&bay.ctl), VMB_E_HOST);
    assert_true(vmb_storvsc_arm(&bay.ctl));
    vmb_storvsc_fault(&bay.ctl, &fault);
    assert_int_equal(fault.status, VMB_E_HOST);
    assert_int_equal(fault.site, lies[which].site);
    bay_close(&bay);
    for (i = 0; i < MANY; i++) {
        assert_int_equal(came_back[i], 1);
        assert_true(req[i].status == VMB_OK || req[i].status == VMB_E_HOST);
    }
    assert_int_equal(req[MANY - 1].status, VMB_E_HOST);
    assert_int_equal(vmb_disk_read(&bay.disk, &req[0], 0, 1, &mdl, 0),
                     VMB_E_STATE);
    assert_false(bay_mapped(&bay, va, 4096));
}

static void a_lie_costs_the_controller_alone(void **state)
{
    struct bay_cfg cfg = { .depth = 4 };
    struct link link = { 0 };
    struct vmb_sim_dev *sibling;
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        memset(&link, 0, sizeof link);
        bay_make(&bay, &cfg);
        sibling = rig_device(bay.rig);
        bay_start(&bay);
        va = rig_alloc(bay.rig, 1);
        rig_open(bay.rig, &link, sibling);
        lie_with_others_out(i);
        rig_echo(bay.rig, &link, 3);
        rig_settle(bay.rig);
        assert_int_equal(bay_try_open(&bay), VMB_OK);
        assert_int_equal(bay_try_disk(&bay, 0), VMB_OK);
        rig_close(bay.rig, &link);
        bay_down(&bay);
    }
}

static void a_notice_cut_short(void **state)
{
    struct vmb_fault fault;

    (void)state;
    set_up(NULL);
    assert_int_equal(vmb_sim_storage_notice(bay.dev, 11, 8), VMB_OK);
    RIG_UNTIL(bay.rig, bay_turn(&bay) < VMB_OK);
    vmb_storvsc_fault(&bay.ctl, &fault);
    assert_int_equal(fault.site, VMB_SITE_STORVSC_SHORT);
    assert_int_equal(fault.got, 8);
    assert_int_equal(fault.limit, 12);
    bay_down(&bay);
}

static void lies_while_being_introduced(void **state)
{
    struct vmb_sim_storage_fault fault = { .act = VMB_SIM_STORAGE_LIE_OPERATION,
                                           .arg = 9 };

    (void)state;
    for (fault.k = 0; fault.k < 5; fault.k++) {
        bay_make(&bay, NULL);
        assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fault), VMB_OK);
        assert_int_equal(bay_try_start(&bay), VMB_E_HOST);
        bay_down(&bay);
    }
}

/* --- Silence -------------------------------------------------------------- */

static void closing_ends_what_is_out(void **state)
{
    static struct vmb_storvsc_req req[MANY];
    static uint32_t number[MANY];
    struct bay_cfg cfg = { .depth = 5, .storage.subchannels = 1, .queues = 2 };
    struct vmb_mdl mdl;
    uint32_t i;

    (void)state;
    memset(req, 0, sizeof req);
    memset(came_back, 0, sizeof came_back);
    set_up(&cfg);
    mdl = bay_mdl(&bay, va, 4096, pfns, 1);
    inject(VMB_SIM_STORAGE_MUTE, 0, VMB_SIM_FOR_EVER);
    for (i = 0; i < MANY; i++) {
        number[i] = i;
        req[i].user = &number[i];
        req[i].done = count_return;
        assert_int_equal(vmb_disk_write(&bay.disk, &req[i], i, 1, &mdl, 0),
                         VMB_OK);
    }
    rig_settle(bay.rig);
    assert_int_equal(bay_turn(&bay), VMB_AGAIN);
    assert_true(bay_mapped(&bay, va, 4096));
    assert_int_equal(vmb_storvsc_close_start(&bay.ctl), VMB_OK);
    assert_int_equal(vmb_storvsc_close_start(&bay.ctl), VMB_E_STATE);
    assert_int_equal(vmb_storvsc_close_status(&bay.ctl), VMB_AGAIN);
    for (i = 0; i < MANY; i++)
        assert_int_equal(req[i].status, VMB_AGAIN);
    RIG_UNTIL(bay.rig, vmb_storvsc_close_status(&bay.ctl) == VMB_OK);
    for (i = 0; i < MANY; i++) {
        assert_int_equal(came_back[i], 1);
        assert_int_equal(req[i].status, VMB_E_STATE);
    }
    assert_false(bay_mapped(&bay, va, 4096));
    bay_down(&bay);
}

/* Unloaded under it: closing then ends at once. */
static void unloading_ends_it_too(void **state)
{
    struct vmb_storvsc_req req = { 0 };

    (void)state;
    set_up(NULL);
    inject(VMB_SIM_STORAGE_MUTE, 0, 1);
    assert_int_equal(vmb_disk_flush(&bay.disk, &req), VMB_OK);
    rig_unload(bay.rig);
    assert_int_equal(vmb_storvsc_poll(&bay.ctl), VMB_E_STATE);
    assert_int_equal(vmb_storvsc_close_status(&bay.ctl), VMB_E_STATE);
    assert_int_equal(req.status, VMB_AGAIN);
    assert_int_equal(vmb_storvsc_close_start(&bay.ctl), VMB_OK);
    assert_int_equal(vmb_storvsc_close_status(&bay.ctl), VMB_OK);
    assert_int_equal(req.status, VMB_E_STATE);
    rig_down(bay.rig);
}

static void disks_pulled_while_busy(void **state)
{
    static struct vmb_storvsc_req req[MANY];
    struct bay_cfg cfg = { .storage.latency = 20 };
    struct vmb_mdl mdl;
    uint32_t i, gone = 0;

    (void)state;
    memset(req, 0, sizeof req);
    set_up(&cfg);
    mdl = bay_mdl(&bay, va, 4096, pfns, 1);
    for (i = 0; i < MANY; i++)
        assert_int_equal(vmb_disk_read(&bay.disk, &req[i], i, 1, &mdl, 0),
                         VMB_OK);
    bay_turn(&bay);
    assert_int_equal(vmb_sim_storage_remove(bay.dev, 0), VMB_OK);
    bay_drain(&bay);
    for (i = 0; i < MANY; i++)
        if (req[i].status != VMB_OK) {
            assert_int_equal(req[i].status, VMB_E_REFUSED);
            assert_int_equal(req[i].result.outcome, VMB_STORVSC_NO_DEVICE);
            gone++;
        }
    assert_true(gone > 0);
    bay_down(&bay);
}

/* --- The simulator -------------------------------------------------------- */

/* What would end a real host's worker ends this one's, and is written down. */
static void send_foul(uint32_t which)
{
    uint8_t packet[64] = { [0] = 3, [4] = 1, [12] = 36, [20] = 6 };
    struct vmb_iov iov = { packet, which == 1 ? 56 : sizeof packet };
    struct vmb_out out = { .kind = VMB_INBAND,
                           .iov = &iov,
                           .iov_count = 1,
                           .want_reply = which != 0 };
    struct link link = { 0 };
    struct vmb_mdl mdls[2];

    bay_make(&bay, NULL);
    rig_start(bay.rig);
    va = rig_alloc(bay.rig, 2);
    rig_open(bay.rig, &link, bay.dev);
    mdls[0] = bay_mdl(&bay, va, 512, pfns, 1);
    mdls[1] = bay_mdl(&bay, va + 4096, 512, pfns + 1, 1);
    if (which == 2)
        mdls[0].next = &mdls[1];
    if (which == 2 || which == 3) { /* two ranges; more than is said */
        out.kind = VMB_GPA_DIRECT;
        out.mdl = mdls;
    }
    if (which == 4)
        packet[12] = 52; /* the SRB of a version not agreed on */
    if (which == 5)
        packet[20] = 17;
    if (which == 6)
        packet[4] = 0;
    assert_int_equal(vmb_chan_send(&link.chan, &out), VMB_OK);
    rig_settle(bay.rig);
    assert_int_equal(vmb_sim_violations(bay.rig->sim), 1);
    assert_true(vmb_sim_is_dead(rig_host(bay.dev)));
    rig_free(bay.rig);
}

static void foul_packets_are_written_down(void **state)
{
    uint32_t which;

    (void)state;
    for (which = 0; which < 7; which++)
        send_foul(which);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_are_told_apart),
        cmocka_unit_test(recovered_errors_are_none),
        cmocka_unit_test(what_passes_is_repeated),
        cmocka_unit_test(short_transfers_say_how_short),
        cmocka_unit_test(bytes_of_a_list_mean_nothing),
        cmocka_unit_test(one_piece_of_many_fails),
        cmocka_unit_test(the_first_failure_is_that_of_the_first_piece),
        cmocka_unit_test(blocks_beyond_the_end),
        cmocka_unit_test(disks_may_not_be_disks),
        cmocka_unit_test(a_refused_introduction),
        cmocka_unit_test(a_lie_costs_the_controller_alone),
        cmocka_unit_test(a_notice_cut_short),
        cmocka_unit_test(lies_while_being_introduced),
        cmocka_unit_test(closing_ends_what_is_out),
        cmocka_unit_test(unloading_ends_it_too),
        cmocka_unit_test(disks_pulled_while_busy),
        cmocka_unit_test(foul_packets_are_written_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
