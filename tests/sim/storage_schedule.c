/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A storage controller with a sub-channel and a disk, and requests of every
 * sort at once.  Besides what schedule.h says: every request comes back exactly
 * once, what came back well is right, and no page of it is the host's any more.
 */
#include "bay.h"
#include "schedule.h"

#define JOBS       9u
#define PAGES      20u /* of each job; the largest take three commands */
#define AREA       (PAGES * 8u)
#define BLOCKS     4096u
#define QUEUES     2u
#define SEED       1000u
#define LARGEST    0x8000u
#define RING_PAGES (BAY_TX + BAY_RX + 2)
/* One of each sort of damage. */
#define ARGS 8u

struct job {
    struct vmb_storvsc_req req;
    struct vmb_mdl mdl;
    uint64_t pfns[PAGES + 1];
    uint8_t *va;
    uint32_t blocks;
    bool read, out;
    uint32_t returned;
    struct storage_play *play;
};

struct storage_play {
    struct play play;
    struct bay bay; /* struct rig has its address */
    struct lent rings[QUEUES];
    struct job jobs[JOBS];
};

static struct storage_play *of(struct play *p)
{
    return (struct storage_play *)(void *)p;
}

/* Reads are of its first blocks, which nobody writes. */
static uint8_t disk[BLOCKS * 512];

/* ---- Requests ------------------------------------------------------------ */

/* A damaged answer may be taken for another; all others are true or none. */
static bool may_err(const struct play *p)
{
    return p->lying || (p->kind && p->kind->effect == UNTRUE &&
                        p->kind->act == VMB_SIM_MALFORM);
}

static void on_return(struct vmb_storvsc_req *req)
{
    struct job *job = req->user;
    struct storage_play *p = job->play;
    size_t len = (size_t)job->blocks * 512;

    assert_true(job->out);
    job->out = false;
    job->returned++;
    assert_int_not_equal(req->status, VMB_AGAIN);
    if (may_err(&p->play))
        return;
    assert_false(bay_mapped(&p->bay, job->va, len));
    if (req->status == VMB_OK && job->read)
        assert_memory_equal(job->va, disk, len);
}

/* Reads and writes, long and short, a flush between. */
static enum vmb_status submit(struct job *job, uint32_t i)
{
    struct bay *bay = &job->play->bay;
    bool flush = i == 4;
    enum vmb_status status;

    memset(&job->req, 0, sizeof job->req);
    job->read = i % 2 == 0 && !flush;
    job->blocks = i % 3 == 0 ? AREA - 1 : 3 + i;
    job->mdl =
        bay_mdl(bay, job->va, (size_t)job->blocks * 512, job->pfns, PAGES + 1);
    memset(job->va, 0, (size_t)job->blocks * 512);
    job->req.done = on_return;
    job->req.user = job;
    job->req.barrier = flush;
    job->out = true;
    if (flush)
        status = vmb_disk_flush(&bay->disk, &job->req);
    else if (job->read)
        status =
            vmb_disk_read(&bay->disk, &job->req, 0, job->blocks, &job->mdl, 0);
    else
        status = vmb_disk_write(&bay->disk, &job->req, 400 * i, job->blocks,
                                &job->mdl, 0);
    job->out = job->out && status == VMB_OK;
    return status;
}

static bool any_out(const struct storage_play *p)
{
    uint32_t i;

    for (i = 0; i < JOBS; i++)
        if (p->jobs[i].out)
            return true;
    return false;
}

static enum vmb_status work(struct storage_play *p)
{
    enum vmb_status status = VMB_OK;
    uint32_t i, turns;

    for (i = 0; i < JOBS; i++)
        p->jobs[i].returned = 0;
    for (i = 0; i < JOBS && status == VMB_OK; i++)
        status = submit(&p->jobs[i], i);
    for (turns = 0; turns < p->bay.cfg.patience && any_out(p); turns++)
        if (bay_turn(&p->bay) < VMB_OK)
            break;
    for (i = 0; i < JOBS && status == VMB_OK; i++)
        status = p->jobs[i].out ? VMB_E_TIMEOUT : p->jobs[i].req.status;
    return status;
}

/* ---- A life -------------------------------------------------------------- */

/*
 * The host takes a sub-channel away when its primary closes.  A teardown that
 * it then does not hear cannot be told from one that it leaves unanswered, as
 * Hyper-V does of what it has rescinded: after a moment the library takes
 * silence for a yes, and here that is wrong.
 */
static uint32_t rings_watched(const struct play *p)
{
    bool unheard =
        p->kind && p->kind->at == VMB_SIM_AT_GUEST_MESSAGE &&
        (p->kind->act == VMB_SIM_LOSE || p->kind->act == VMB_SIM_DELAY);

    return unheard ? 1 : QUEUES;
}

static void came_back(struct storage_play *p)
{
    uint32_t i;

    assert_false(any_out(p));
    for (i = 0; i < JOBS; i++)
        assert_true(p->jobs[i].returned <= 1);
    for (i = 0; i < rings_watched(&p->play); i++)
        schedule_take_back(&p->play, &p->rings[i]);
}

/* Twice, if need be: it may fail for a reason that passes. */
static enum vmb_status close_it(struct storage_play *p)
{
    enum vmb_status status = bay_try_close(&p->bay);

    if (status != VMB_OK)
        status = bay_try_close(&p->bay);
    if (status == VMB_OK)
        came_back(p);
    return status;
}

static enum vmb_status victim(struct play *play)
{
    struct storage_play *p = of(play);
    enum vmb_status status, closed;
    uint32_t i;

    for (i = 0; i < QUEUES; i++)
        p->rings[i].ours = false;
    status = bay_try_open(&p->bay);
    if (status == VMB_OK)
        status = bay_try_disk(&p->bay, 0);
    if (status == VMB_OK)
        status = work(p);
    closed = close_it(p);
    return status == VMB_OK ? closed : status;
}

/* What was stuck is let go by unloading. */
static void left(struct play *play)
{
    struct storage_play *p = of(play);

    if (vmb_storvsc_close_status(&p->bay.ctl) != VMB_OK)
        assert_int_equal(bay_try_close(&p->bay), VMB_OK);
    came_back(p);
}

static void still_ours(struct play *p)
{
    uint32_t i;

    for (i = 0; i < rings_watched(p); i++)
        schedule_still_ours(p, &of(p)->rings[i]);
}

/* ---- Around it ----------------------------------------------------------- */

static void stage(struct play *play, const struct rig_cfg *cfg)
{
    struct storage_play *p = of(play);
    struct bay_cfg bay = { .rig = *cfg,
                           .storage = { .subchannels = QUEUES - 1,
                                        .max_transfer = LARGEST,
                                        .latency = 3 },
                           .disk = { .blocks = BLOCKS, .memory = disk },
                           .queues = QUEUES,
                           .depth = 4,
                           .patience = 200 };
    uint32_t i;

    if (disk[0] != vmb_sim_pattern(SEED, 0))
        bay_fill(disk, AREA * 512, SEED);
    bay_make(&p->bay, &bay);
    play->rig = p->bay.rig;
    play->dev = p->bay.dev;
    play->sibling = rig_device(play->rig);
    for (i = 0; i < QUEUES; i++) {
        p->rings[i].va = p->bay.queues[i].cfg.ring;
        p->rings[i].pages = RING_PAGES;
    }
    p->bay.queues[1].cfg.cpu = &play->rig->cpu[play->rig->cpus - 1];
    for (i = 0; i < JOBS; i++) {
        p->jobs[i].va = rig_alloc(play->rig, PAGES);
        p->jobs[i].play = p;
    }
}

/* A controller that could not be unloaded is lost: a new one. */
static void renew(struct play *play)
{
    struct storage_play *p = of(play);
    uint32_t i;

    if (play->unloaded == VMB_OK)
        return;
    memset(&p->bay.ctl, 0, sizeof p->bay.ctl);
    for (i = 0; i < QUEUES; i++)
        memset(&p->bay.queues[i].chan, 0, sizeof p->bay.queues[i].chan);
}

const struct schedule_scene schedule_scene = {
    .bytes = sizeof(struct storage_play),
    .modes = OLD, /* all modes before it */
    .args = ARGS,
    .stage = stage,
    .victim = victim,
    .left = left,
    .still_ours = still_ours,
    .renew = renew,
};
