/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Requests, and the commands they are cut into.
 *
 *   first_                unsent_               last_
 *     |                      |                    |
 *    [req] <-> [req] <-> [req] <-> [req] <-> [req]
 *     all cut,  answers due   ^ cut up next
 *
 * Requests are begun in order and come back in any.  A command holds a place
 * in its queue from being cut until its answer.  It waits in ready_ until the
 * ring has room for it, and once more when the device wants it repeated.
 */
#include "io.h"

#include "../../fault.h"
#include "hello.h"

/* --- One run of bytes ----------------------------------------------------- */

static void join(struct vmb_storvsc *ctl, const struct vmb_gpa_range *next)
{
    struct vmb_mdl *run = &ctl->mdl_;

    __builtin_memcpy(ctl->pfns_ + run->pfn_count, next->pfns,
                     next->pfn_count * sizeof(uint64_t));
    run->pfn_count += next->pfn_count;
    run->byte_count += next->byte_count;
}

/* Does what comes next begin a page, as far as the run goes? */
static bool ends_a_page(const struct vmb_mdl *run)
{
    return (run->byte_offset + run->byte_count) % VMB_PAGE_SIZE == 0;
}

/* Leave behind for good the MDLs that are behind: to pass them again for every
 * command would take time in proportion to the square of their number. */
static void pass(struct vmb_mdl_walk *walk)
{
    for (; walk->mdl_ && walk->skip_ >= walk->mdl_->byte_count;
         walk->mdl_ = walk->mdl_->next)
        walk->skip_ -= walk->mdl_->byte_count;
}

/*
 * The run of whole blocks that begins where *from stands: ctl->mdl_ names it.
 * The host takes one range in a packet, so a run goes on into the next MDL only
 * over a page's border; the page numbers come together in ctl->pfns_ then.
 * Returns its length: what is left of the walk, or less; 0: not one block.
 */
static uint32_t gather(struct vmb_storvsc *ctl, struct vmb_mdl_walk *from,
                       uint8_t shift)
{
    struct vmb_mdl *run = &ctl->mdl_;
    struct vmb_mdl_walk walk;
    struct vmb_gpa_range range;
    uint64_t room;

    pass(from);
    walk = *from;
    run->pfn_count = run->byte_count = 0;
    if (walk.left_ > ctl->hello_.max_transfer_)
        walk.left_ = ctl->hello_.max_transfer_;
    if (!vmb_mdl_walk_next(&walk, &range))
        return 0;
    run->byte_offset = range.byte_offset;
    if (walk.left_ == 0 || range.pfn_count >= VMB_STORVSC_JOIN) {
        run->pfns = range.pfns;
        run->pfn_count = range.pfn_count;
        run->byte_count = range.byte_count;
    } else {
        room = (VMB_STORVSC_JOIN - range.pfn_count) * VMB_PAGE_SIZE;
        if (walk.left_ > room)
            walk.left_ = room;
        run->pfns = ctl->pfns_;
        do
            join(ctl, &range);
        while (ends_a_page(run) && vmb_mdl_walk_next(&walk, &range) &&
               range.byte_offset == 0);
    }
    return run->byte_count = run->byte_count >> shift << shift;
}

/* To the first command.  Without data req->mdl may be anything. */
static void rewind(struct vmb_storvsc_req *req)
{
    vmb_mdl_walk_start(&req->walk_, req->total_ ? req->mdl : NULL,
                       req->mdl_offset, req->total_);
}

/* Can each command of that request be one run?  Its walk stands anywhere. */
static bool divides(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req)
{
    struct vmb_mdl_extent extent;
    uint32_t bytes;

    if (vmb_mdl_measure(req->mdl, req->mdl_offset, req->total_, &extent) !=
        VMB_OK)
        return false;
    rewind(req);
    do {
        bytes = gather(ctl, &req->walk_, req->shift_);
        if (bytes == 0)
            return false;
        req->walk_.skip_ += bytes;
        req->walk_.left_ -= bytes;
    } while (req->walk_.left_ && req->op_ != VMB_STORVSC_RAW);
    return req->walk_.left_ == 0;
}

/* --- The list ------------------------------------------------------------- */

static void append(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req)
{
    req->next_ = NULL;
    req->prev_ = ctl->last_;
    if (ctl->last_)
        ctl->last_->next_ = req;
    else
        ctl->first_ = req;
    ctl->last_ = req;
    if (!ctl->unsent_)
        ctl->unsent_ = req;
}

static void unlink(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req)
{
    if (req->prev_)
        req->prev_->next_ = req->next_;
    else
        ctl->first_ = req->next_;
    if (req->next_)
        req->next_->prev_ = req->prev_;
    else
        ctl->last_ = req->prev_;
}

static void give_back(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req,
                      enum vmb_status status)
{
    unlink(ctl, req);
    req->ctl_ = NULL;
    req->status = status;
    if (req->done)
        req->done(req);
}

void vmb_storvsc_return_all(struct vmb_storvsc *ctl, enum vmb_status status)
{
    while (ctl->first_)
        give_back(ctl, ctl->first_, status);
}

/* No more commands of it.  One with commands at the host is cut up, or it is
 * the first that is not. */
static void close_up(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req)
{
    if (ctl->unsent_ == req)
        ctl->unsent_ = req->next_;
}

/* --- Answers -------------------------------------------------------------- */

/* What one command came to, added to its request. */
static void account(const struct vmb_storvsc_cmd *cmd,
                    struct vmb_storvsc_result *result)
{
    struct vmb_storvsc_req *req = cmd->req_;
    uint64_t end = cmd->at_ + result->bytes;

    if (result->outcome == VMB_STORVSC_GOOD && req->op_ != VMB_STORVSC_RAW) {
        /* UNMAP counts blocks; of its list some hosts count no byte (OpenVMM
         * scsidisk/src/unmap.rs). */
        if (req->op_ == VMB_STORVSC_UNMAP || result->bytes == cmd->walk_.left_)
            end = req->total_;
        else
            result->outcome = VMB_STORVSC_SHORT;
    }
    /* Good ones agree; of the others the first in the request counts. */
    if (req->result.outcome == VMB_STORVSC_GOOD || end < req->result.bytes) {
        req->result = *result;
        req->result.bytes = end;
    }
}

static void retire(struct vmb_storvsc *ctl, struct vmb_storvsc_cmd *cmd)
{
    struct vmb_storvsc_queue *queue = cmd->queue_;
    struct vmb_storvsc_req *req = cmd->req_;
    enum vmb_status status = VMB_OK;

    cmd->next_ = queue->free_;
    queue->free_ = cmd;
    if (req->result.outcome != VMB_STORVSC_GOOD) {
        close_up(ctl, req);
        status = VMB_E_REFUSED;
    }
    ctl->inflight_--;
    if (--req->inflight_ == 0 && ctl->unsent_ != req)
        give_back(ctl, req, status);
}

/* Sense that tells of other LUNs, or another size: not of a mere reset. */
static bool tells_change(const struct vmb_scsi_sense *sense)
{
    return sense->key == VMB_SENSE_ATTENTION &&
           (sense->asc == 0x3f || sense->asc == 0x2a || sense->asc == 0x28);
}

enum vmb_status vmb_storvsc_answered(struct vmb_storvsc *ctl,
                                     struct vmb_storvsc_cmd *cmd)
{
    struct vmb_storvsc_result result;
    enum vmb_status status = vmb_storvsc_decode(
        &ctl->packet_, (uint32_t)cmd->walk_.left_, &result, &ctl->fault_);

    if (status != VMB_OK)
        return status;
    if (tells_change(&result.sense))
        ctl->changes_++;
    if (cmd->retries_ && (result.outcome == VMB_STORVSC_ATTENTION ||
                          result.outcome == VMB_STORVSC_ABORTED)) {
        cmd->retries_--;
        cmd->next_ = ctl->ready_;
        ctl->ready_ = cmd;
        return VMB_OK;
    }
    account(cmd, &result);
    retire(ctl, cmd);
    return VMB_OK;
}

/* --- Sending -------------------------------------------------------------- */

void vmb_storvsc_die(struct vmb_storvsc *ctl,
                     const struct vmb_storvsc_queue *queue,
                     enum vmb_status status)
{
    if (status >= VMB_OK)
        return;
    ctl->status_ = status;
    if (ctl->fault_.status == VMB_OK)
        vmb_chan_fault(&queue->chan, &ctl->fault_);
}

/* Take a place for one more command, in the next queue in turn that has one. */
static struct vmb_storvsc_cmd *pick(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_queue *queue = ctl->turn_;
    struct vmb_storvsc_cmd *cmd;

    do {
        queue = queue->next_ ? queue->next_ : ctl->newest_;
        cmd = queue->free_;
        if (queue->status_ == VMB_OK && cmd) {
            ctl->turn_ = queue;
            queue->free_ = cmd->next_;
            return cmd;
        }
    } while (queue != ctl->turn_);
    return NULL;
}

/* Must it wait for answers to what is out? */
static bool is_held(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req)
{
    if (ctl->inflight_ == 0)
        ctl->barrier_ = req->barrier;
    else if ((ctl->barrier_ || req->barrier) && req->inflight_ == 0)
        return true;
    /* Its list is in use: one command at a time. */
    return req->op_ == VMB_STORVSC_UNMAP && req->inflight_;
}

/* How much of the request it is, and what names that. */
static void measure(struct vmb_storvsc *ctl, struct vmb_storvsc_cmd *cmd)
{
    struct vmb_storvsc_req *req = cmd->req_;
    uint64_t left = req->walk_.left_;
    uint32_t units = gather(ctl, &req->walk_, req->shift_);

    /* With none, though there should be, its length stays too great: see
     * compose(). */
    cmd->walk_ = req->walk_;
    if (units)
        cmd->walk_.left_ = units;
    if (req->op_ == VMB_STORVSC_UNMAP) {
        /* Units are blocks then, and the data is the same list each time. */
        units = left < req->most_ ? (uint32_t)left : req->most_;
        cmd->walk_.left_ = VMB_SCSI_UNMAP_BYTES;
    } else {
        req->walk_.skip_ += units;
    }
    cmd->at_ = req->total_ - left;
    cmd->units_ = units;
    req->walk_.left_ = left - units;
}

/* A command for the next piece of the next request, in ready_. */
static void cut(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_req *req = ctl->unsent_;
    struct vmb_storvsc_cmd *cmd;

    if (!req || is_held(ctl, req))
        return;
    cmd = pick(ctl);
    if (!cmd)
        return;
    cmd->next_ = NULL;
    cmd->req_ = req;
    cmd->retries_ = req->retries_;
    ctl->ready_ = cmd;
    measure(ctl, cmd);
    req->inflight_++;
    ctl->inflight_++;
    if (req->walk_.left_ == 0)
        ctl->unsent_ = req->next_;
}

/* The packet of a request's command into ctl->packet_, and its data into
 * ctl->mdl_.  False: the caller has changed the chain, the data is not there.
 */
static bool compose(struct vmb_storvsc *ctl, struct vmb_storvsc_cmd *cmd)
{
    struct vmb_storvsc_req *req = cmd->req_;
    uint64_t block = req->block_ + (cmd->at_ >> req->shift_);
    uint32_t count = cmd->units_ >> req->shift_;

    if (req->op_ == VMB_STORVSC_READ)
        vmb_scsi_read(&req->cmd, block, count);
    else if (req->op_ == VMB_STORVSC_WRITE)
        vmb_scsi_write(&req->cmd, block, count);
    else if (req->op_ == VMB_STORVSC_UNMAP)
        vmb_scsi_unmap(&req->cmd, req->list_, block, count);
    vmb_storvsc_encode(&ctl->packet_, ctl->hello_.version_, req->at, &req->cmd,
                       (uint32_t)cmd->walk_.left_);
    return gather(ctl, &cmd->walk_, 0) == cmd->walk_.left_;
}

/* A command that cannot be sent: its request ends with it. */
static void abandon(struct vmb_storvsc *ctl, struct vmb_storvsc_cmd *cmd)
{
    ctl->ready_ = cmd->next_;
    cmd->req_->result.outcome = VMB_STORVSC_OTHER;
    cmd->req_->result.bytes = cmd->at_;
    retire(ctl, cmd);
}

/*
 * What to send next, in ctl->out_; NULL: nothing can go now.  Not inlined: what
 * it needs of the stack is not to lie below the channel's.
 */
__attribute__((noinline)) static struct vmb_storvsc_cmd *
next_command(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_cmd *cmd;

    for (;;) {
        if (!ctl->ready_)
            cut(ctl);
        cmd = ctl->ready_;
        if (!cmd)
            return NULL;
        if (!cmd->req_) {
            vmb_storvsc_hello_next(&ctl->hello_, &ctl->packet_);
            break;
        }
        if (compose(ctl, cmd))
            break;
        abandon(ctl, cmd);
    }
    ctl->out_.kind = cmd->walk_.left_ ? VMB_GPA_DIRECT : VMB_INBAND;
    ctl->out_.mdl = cmd->walk_.left_ ? &ctl->mdl_ : NULL;
    ctl->out_.user = cmd;
    return cmd;
}

enum vmb_status vmb_storvsc_pump(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_queue *queue;
    struct vmb_storvsc_cmd *cmd;
    enum vmb_status status;

    if (ctl->busy_)
        return VMB_OK;
    ctl->busy_ = true;
    while (ctl->status_ >= VMB_OK && (cmd = next_command(ctl)) != NULL) {
        status = vmb_chan_stage(&cmd->queue_->chan, &ctl->out_);
        if (status != VMB_OK) {
            vmb_storvsc_die(ctl, cmd->queue_, status);
            break; /* if for lack of room only: cmd is first next time */
        }
        ctl->ready_ = cmd->next_;
    }
    for (queue = ctl->newest_; queue; queue = queue->next_)
        if (queue->status_ == VMB_OK && vmb_chan_flush(&queue->chan) != VMB_OK)
            break; /* for the next poll to find */
    ctl->busy_ = false;
    return VMB_OK;
}

/* --- Requests ------------------------------------------------------------- */

enum vmb_status vmb_storvsc_ready(const struct vmb_storvsc *ctl,
                                  const struct vmb_storvsc_req *req)
{
    if (req->ctl_ || ctl->state_ != VMB_STORVSC_OPEN || ctl->status_ > VMB_OK)
        return VMB_E_STATE;
    return ctl->status_;
}

enum vmb_status vmb_storvsc_accept(struct vmb_storvsc *ctl,
                                   struct vmb_storvsc_req *req,
                                   enum vmb_storvsc_op op)
{
    req->op_ = (uint8_t)op;
    if (req->total_ && op != VMB_STORVSC_UNMAP && !divides(ctl, req))
        return VMB_E_ARG;
    rewind(req);
    req->ctl_ = ctl;
    req->status = VMB_AGAIN;
    req->inflight_ = 0;
    __builtin_memset(&req->result, 0, sizeof req->result);
    append(ctl, req);
    return VMB_OK;
}

enum vmb_status vmb_storvsc_begin_request(struct vmb_storvsc *ctl,
                                          struct vmb_storvsc_req *req,
                                          enum vmb_storvsc_op op)
{
    enum vmb_status status = vmb_storvsc_accept(ctl, req, op);

    return status == VMB_OK ? vmb_storvsc_pump(ctl) : status;
}

enum vmb_status vmb_storvsc_submit(struct vmb_storvsc *ctl,
                                   struct vmb_storvsc_req *req)
{
    const struct vmb_scsi_cmd *cmd = &req->cmd;
    enum vmb_status status = vmb_storvsc_ready(ctl, req);

    if (status != VMB_OK)
        return status;
    if (cmd->cdb_bytes == 0 || cmd->cdb_bytes > sizeof cmd->cdb ||
        cmd->data > VMB_SCSI_OUT ||
        (cmd->data == VMB_SCSI_NO_DATA) != (req->bytes == 0))
        return VMB_E_ARG;
    if (req->bytes > ctl->hello_.max_transfer_)
        return VMB_E_TOOBIG;
    req->retries_ = 0;
    req->shift_ = 0;
    req->total_ = req->bytes;
    return vmb_storvsc_begin_request(ctl, req, VMB_STORVSC_RAW);
}
