/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Many operations of every kind against a model of each disk, byte by byte,
 * with disks pulled and plugged, devices that fail and controllers taken away
 * in between.  VMB_OPS in the environment asks for more of them.
 */
#include "bay.h"

#include <stdlib.h>

#define OPS       30000u
#define DISKS     2u
#define BLOCKS    1024u
#define SLOTS     24u
#define SLOT_PAGE 18u /* of each slot's memory */
#define MEMBERS   4u

struct slot {
    struct vmb_storvsc_req req;
    struct vmb_mdl mdls[MEMBERS];
    uint64_t pfns[4 * SLOT_PAGE];
    uint8_t *va;
    uint32_t at[MEMBERS], len[MEMBERS], members;
    uint32_t disk, block, count;
    enum {
        FREE,
        READ,
        WRITE,
        UNMAP,
        FLUSH
    } op;
};

static struct bay bay;
static struct vmb_disk disks[DISKS];
static struct slot slots[SLOTS];
static uint8_t model[DISKS][BLOCKS * 512], media[DISKS][BLOCKS * 512];
static uint64_t chance;
static uint64_t done[5], failed, good;

/* --- Memory --------------------------------------------------------------- */

/* Pieces of whole blocks, at any place, parted by a page or so. */
static void shape(struct slot *slot)
{
    uint32_t left = slot->count, at = rig_below(&chance, 4096), used = 0, i;

    slot->members = 0;
    for (i = 0; i < MEMBERS && left; i++) {
        uint32_t blocks =
            i + 1 == MEMBERS ? left : 1 + rig_below(&chance, left);

        slot->at[i] = at;
        slot->len[i] = blocks * 512;
        slot->mdls[i] = bay_mdl(&bay, slot->va + at, slot->len[i],
                                slot->pfns + used, 4 * SLOT_PAGE - used);
        slot->mdls[i].next = NULL;
        if (i > 0)
            slot->mdls[i - 1].next = &slot->mdls[i];
        used += slot->mdls[i].pfn_count;
        at += slot->len[i] + rig_below(&chance, 4096);
        left -= blocks;
        slot->members++;
    }
}

static void move(struct slot *slot, uint8_t *flat, bool out)
{
    uint32_t i;

    for (i = 0; i < slot->members; i++) {
        if (out)
            memcpy(slot->va + slot->at[i], flat, slot->len[i]);
        else
            memcpy(flat, slot->va + slot->at[i], slot->len[i]);
        flat += slot->len[i];
    }
}

/* --- Ends ----------------------------------------------------------------- */

static void on_good(struct slot *slot)
{
    static uint8_t flat[SLOT_PAGE * 4096];
    uint8_t *at = model[slot->disk] + slot->block * 512;
    size_t len = (size_t)slot->count * 512;

    good++;
    if (slot->op == READ) {
        move(slot, flat, false);
        assert_memory_equal(flat, at, len);
    } else if (slot->op == WRITE) {
        move(slot, at, false);
    } else if (slot->op == UNMAP) {
        memset(at, 0, len);
    }
}

static void on_end(struct vmb_storvsc_req *req)
{
    struct slot *slot = req->user;

    assert_int_not_equal(slot->op, FREE);
    if (slot->op == READ || slot->op == WRITE)
        assert_false(bay_mapped(&bay, slot->va, SLOT_PAGE * 4096));
    done[slot->op]++;
    if (req->status == VMB_OK) {
        on_good(slot);
    } else {
        failed++;
        /* How much of it was done is anybody's guess: look. */
        if (slot->op != READ && slot->op != FLUSH)
            memcpy(model[slot->disk] + slot->block * 512,
                   media[slot->disk] + slot->block * 512,
                   (size_t)slot->count * 512);
    }
    slot->op = FREE;
}

/* --- Beginnings ----------------------------------------------------------- */

/* Would it meet a write that is out, or as a write anything that is out? */
static bool collides(const struct slot *slot)
{
    uint32_t i;

    for (i = 0; i < SLOTS; i++) {
        const struct slot *other = &slots[i];

        if (other == slot || other->op == FREE || other->op == FLUSH ||
            other->disk != slot->disk ||
            (other->op == READ && slot->op == READ))
            continue;
        if (other->block < slot->block + slot->count &&
            slot->block < other->block + other->count)
            return true;
    }
    return false;
}

static void choose(struct slot *slot)
{
    uint32_t dice = rig_below(&chance, 100);

    slot->op = dice < 45 ? READ : dice < 88 ? WRITE : dice < 94 ? UNMAP : FLUSH;
    slot->disk = rig_below(&chance, DISKS);
    slot->count = 1 + rig_below(&chance, dice % 7 ? 8 : 96);
    slot->block = rig_below(&chance, BLOCKS - slot->count);
}

static enum vmb_status start(struct slot *slot)
{
    struct vmb_disk *disk = &disks[slot->disk];
    static uint8_t flat[SLOT_PAGE * 4096];
    uint32_t i;

    slot->req.barrier = rig_below(&chance, 20) == 0;
    slot->req.done = on_end;
    slot->req.user = slot;
    if (slot->op == FLUSH)
        return vmb_disk_flush(disk, &slot->req);
    if (slot->op == UNMAP)
        return vmb_disk_unmap(disk, &slot->req, slot->block, slot->count);
    shape(slot);
    for (i = 0; i < slot->count * 512; i++)
        flat[i] = (uint8_t)rig_random(&chance);
    move(slot, flat, true);
    if (slot->op == READ)
        return vmb_disk_read(disk, &slot->req, slot->block, slot->count,
                             slot->mdls, 0);
    return vmb_disk_write(disk, &slot->req, slot->block, slot->count,
                          slot->mdls, 0);
}

static void begin_one(struct slot *slot)
{
    enum vmb_status status;

    choose(slot);
    if (collides(slot)) {
        slot->op = FREE;
        return;
    }
    status = start(slot);
    if (status == VMB_OK)
        return;
    slot->op = FREE;
    assert_true(status == VMB_E_STATE || status == VMB_E_RESCINDED);
}

/* --- Trouble -------------------------------------------------------------- */

static const struct vmb_sim_storage_fault troubles[] = {
    { .act = VMB_SIM_STORAGE_SENSE, .arg = 0x031100 },
    { .act = VMB_SIM_STORAGE_SENSE, .arg = 0x062900 },
    { .act = VMB_SIM_STORAGE_SENSE, .arg = 0x0b4400, .times = 3 },
    { .act = VMB_SIM_STORAGE_SENSE_72, .arg = 0x020401, .times = 2 },
    { .act = VMB_SIM_STORAGE_BUSY, .times = 3 },
    { .act = VMB_SIM_STORAGE_FULL },
    { .act = VMB_SIM_STORAGE_LESS, .arg = 700 },
    { .act = VMB_SIM_STORAGE_LATER, .arg = 60 },
};

static void trouble(void)
{
    struct vmb_sim_storage_fault fault =
        troubles[rig_below(&chance, sizeof troubles / sizeof troubles[0])];
    struct vmb_sim_storage_counts counts;

    vmb_sim_storage_stats(bay.dev, &counts);
    fault.k = counts.packets + rig_below(&chance, 10);
    vmb_sim_storage_faults_clear(bay.dev);
    assert_int_equal(vmb_sim_storage_fault_add(bay.dev, &fault), VMB_OK);
}

static struct vmb_sim_disk medium(uint32_t disk)
{
    struct vmb_sim_disk is = { .blocks = BLOCKS,
                               .memory = media[disk],
                               .thin = true,
                               .unmap_limit = 20,
                               .attention = true };

    return is;
}

static void open_disks(void)
{
    uint32_t i;

    vmb_sim_storage_faults_clear(bay.dev);
    for (i = 0; i < DISKS; i++) {
        assert_int_equal(bay_try_disk(&bay, (uint8_t)(i + 1)), VMB_OK);
        assert_true(bay.disk.unmap);
        disks[i] = bay.disk;
    }
}

/* Pulled out amid traffic, and put back. */
static void replug(void)
{
    uint32_t which = rig_below(&chance, DISKS), i;
    struct vmb_sim_disk is = medium(which);

    assert_int_equal(vmb_sim_storage_remove(bay.dev, (uint8_t)(which + 1)),
                     VMB_OK);
    for (i = 0; i < 10; i++)
        bay_turn(&bay);
    assert_int_equal(vmb_sim_storage_insert(bay.dev, (uint8_t)(which + 1), &is),
                     VMB_OK);
}

static void vanish(void)
{
    uint32_t i;

    vmb_sim_rescind(bay.dev);
    RIG_UNTIL(bay.rig, bay_turn(&bay) == VMB_E_RESCINDED);
    bay_close(&bay);
    for (i = 0; i < SLOTS; i++)
        assert_int_equal(slots[i].op, FREE);
    rig_settle(bay.rig);
    vmb_sim_reoffer(bay.dev);
    rig_settle(bay.rig);
    assert_int_equal(bay_try_open(&bay), VMB_OK);
    open_disks();
}

/* --- The run -------------------------------------------------------------- */

static void set_up(void)
{
    struct bay_cfg cfg = { .storage = { .subchannels = 2,
                                        .max_transfer = 0x4000,
                                        .latency = 6,
                                        .depth = 40,
                                        .seed = chance },
                           .queues = 3,
                           .rig.sim.quirks = VMB_SIM_AUTO_MAP };
    uint32_t i;

    bay_make(&bay, &cfg);
    for (i = 0; i < DISKS; i++) {
        struct vmb_sim_disk is = medium(i);

        assert_int_equal(vmb_sim_storage_insert(bay.dev, (uint8_t)(i + 1), &is),
                         VMB_OK);
    }
    bay_start(&bay);
    open_disks();
    for (i = 0; i < SLOTS; i++)
        slots[i].va = rig_alloc(bay.rig, SLOT_PAGE + 4);
}

static void all_bytes_agree(void **state)
{
    const char *asked = getenv("VMB_OPS");
    uint64_t ops = asked ? strtoull(asked, NULL, 0) : OPS, ended;
    uint32_t i;

    (void)state;
    chance = rig_seed(20260);
    set_up();
    do {
        for (i = 0; i < SLOTS; i++)
            if (slots[i].op == FREE && rig_below(&chance, 3) == 0)
                begin_one(&slots[i]);
        bay_turn(&bay);
        if (rig_below(&chance, 40) == 0)
            trouble();
        if (rig_below(&chance, 400) == 0)
            replug();
        if (rig_below(&chance, 1500) == 0)
            vanish();
        ended = done[READ] + done[WRITE] + done[UNMAP] + done[FLUSH];
    } while (ended < ops);
    vmb_sim_storage_faults_clear(bay.dev);
    bay_drain(&bay);
    assert_memory_equal(model, media, sizeof model);
    assert_true(done[UNMAP] > 0 && done[FLUSH] > 0);
    assert_true(good > failed && failed > 0);
    bay_down(&bay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_bytes_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
