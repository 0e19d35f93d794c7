/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Requests, and the commands they are cut into.
 *
 *   first_                unsent_               last_
 *     |                      |                    |
 *    [req] <-> [req] <-> [req] <-> [req] <-> [req]
 *     all sent,  answers due  ^ cut up next
 *
 * Requests are begun in order and come back in any.  A command holds a place
 * in its queue from being sent until its answer; when the device wants it
 * repeated it keeps the place and waits in again_.
 */
#include "io.h"

#include "../../fault.h"
#include "codec.h"

/* --- One run of bytes ----------------------------------------------------- */

/*
 * Put what follows behind the run in ctl->mdl_: the page numbers of both come
 * together in ctl->pfns_.  False: there is no room for more.
 */
static bool join(struct vmb_storvsc *ctl, const struct vmb_gpa_range *next)
{
    struct vmb_mdl *run = &ctl->mdl_;
    uint32_t pages = next->pfn_count, bytes = next->byte_count;

    if (run->pfn_count >= VMB_STORVSC_JOIN)
        return false;
    if (pages > VMB_STORVSC_JOIN - run->pfn_count) {
        pages = VMB_STORVSC_JOIN - run->pfn_count;
        bytes = pages * VMB_PAGE_SIZE;
    }
    if (run->pfns != ctl->pfns_)
        __builtin_memcpy(ctl->pfns_, run->pfns,
                         run->pfn_count * sizeof(uint64_t));
    __builtin_memcpy(ctl->pfns_ + run->pfn_count, next->pfns,
                     pages * sizeof(uint64_t));
    run->pfns = ctl->pfns_;
    run->pfn_count += pages;
    run->byte_count += bytes;
    return true;
}

/*
 * The run that begins `at` bytes into the request's data: ctl->mdl_ names it.
 * The host takes one range in a packet, so a run goes on into the next MDL
 * only over a page's border.  Returns its length, `want` or less.
 */
static uint32_t gather(struct vmb_storvsc *ctl,
                       const struct vmb_storvsc_req *req, uint64_t at,
                       uint32_t want)
{
    struct vmb_mdl *run = &ctl->mdl_;
    struct vmb_mdl_walk walk;
    struct vmb_gpa_range range;

    vmb_mdl_walk_start(&walk, req->mdl, req->mdl_offset + at, want);
    if (!vmb_mdl_walk_next(&walk, &range))
        return 0;
    run->next = NULL;
    run->pfns = range.pfns;
    run->pfn_count = range.pfn_count;
    run->byte_offset = range.byte_offset;
    run->byte_count = range.byte_count;
    while ((run->byte_offset + run->byte_count) % VMB_PAGE_SIZE == 0 &&
           vmb_mdl_walk_next(&walk, &range) && range.byte_offset == 0 &&
           join(ctl, &range))
        ;
    return run->byte_count;
}

/* Units of the command that begins at `at`; 0: no whole block, or no data. */
static uint32_t units_at(struct vmb_storvsc *ctl,
                         const struct vmb_storvsc_req *req, uint64_t at)
{
    uint64_t left = req->total_ - at;
    uint32_t run = ctl->most_;

    if (left < run)
        run = (uint32_t)left;
    return gather(ctl, req, at, run) >> req->shift_ << req->shift_;
}

bool vmb_storvsc_divides(struct vmb_storvsc *ctl,
                         const struct vmb_storvsc_req *req)
{
    uint64_t at = 0;
    uint32_t units;

    do {
        units = units_at(ctl, req, at);
        at += units;
    } while (units && at < req->total_);
    return units != 0;
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
    if (ctl->barrier_ == req)
        ctl->barrier_ = NULL;
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

static void finish(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req)
{
    bool good = req->failed_at_ == UINT64_MAX;

    if (!good)
        req->result.bytes = req->failed_at_;
    else if (req->op_ != VMB_STORVSC_RAW)
        req->result.bytes = req->total_;
    give_back(ctl, req, good ? VMB_OK : VMB_E_REFUSED);
}

/* No more commands of it. */
static void close_up(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req)
{
    if (!req->whole_)
        ctl->unsent_ = req->next_;
    req->whole_ = true;
}

void vmb_storvsc_return_all(struct vmb_storvsc *ctl, enum vmb_status status)
{
    ctl->unsent_ = NULL;
    while (ctl->first_)
        give_back(ctl, ctl->first_, status);
}

/* --- Sending -------------------------------------------------------------- */

void vmb_storvsc_die(struct vmb_storvsc *ctl,
                     const struct vmb_storvsc_queue *queue,
                     enum vmb_status status)
{
    if (ctl->status_ < VMB_OK || status >= VMB_OK)
        return;
    ctl->status_ = status;
    if (ctl->fault_.status == VMB_OK)
        vmb_chan_fault(&queue->chan, &ctl->fault_);
}

/* Bytes of data of a command. */
static uint32_t data_of(const struct vmb_storvsc_cmd *cmd)
{
    return cmd->req_->op_ == VMB_STORVSC_UNMAP ? VMB_SCSI_UNMAP_BYTES
                                               : cmd->units_;
}

/* Write the command's packet: ctl->packet_, ctl->mdl_ and ctl->out_. */
static void compose(struct vmb_storvsc *ctl, struct vmb_storvsc_cmd *cmd)
{
    struct vmb_storvsc_req *req = cmd->req_;
    const struct vmb_scsi_cmd *scsi = &ctl->cmd_;
    uint64_t block = req->block_ + (cmd->at_ >> req->shift_);
    uint32_t count = cmd->units_ >> req->shift_, bytes = data_of(cmd);

    if (req->op_ == VMB_STORVSC_UNMAP) {
        vmb_scsi_unmap(&ctl->cmd_, req->list_, block, count);
        ctl->mdl_ = req->list_mdl_;
    } else {
        if (bytes)
            (void)gather(ctl, req, cmd->at_, bytes);
        if (req->op_ == VMB_STORVSC_RAW)
            scsi = &req->cmd;
        else if (req->op_ == VMB_STORVSC_READ)
            vmb_scsi_read(&ctl->cmd_, block, count);
        else
            vmb_scsi_write(&ctl->cmd_, block, count);
    }
    vmb_storvsc_encode(&ctl->packet_, ctl->hello_.version_, req->at, scsi,
                       bytes);
    ctl->out_.kind = bytes ? VMB_GPA_DIRECT : VMB_INBAND;
    ctl->out_.mdl = bytes ? &ctl->mdl_ : NULL;
    ctl->out_.user = cmd;
}

/* A place for one more command, in the next queue in turn that has one. */
static struct vmb_storvsc_cmd *pick(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_queue *queue;
    uint32_t i;

    for (i = 0; i < ctl->queues_used_; i++) {
        if (++ctl->turn_ >= ctl->queues_used_)
            ctl->turn_ = 0;
        queue = &ctl->queues_[ctl->turn_];
        if (queue->state_ == VMB_STORVSC_QUEUE_OPEN && queue->free_)
            return queue->free_;
    }
    return NULL;
}

/* Must it wait for answers to what is out? */
static bool is_held(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req)
{
    if (ctl->barrier_ != req && (ctl->barrier_ || req->barrier) &&
        ctl->inflight_)
        return true;
    if (req->barrier)
        ctl->barrier_ = req;
    /* Its list is in use: one command at a time. */
    return req->op_ == VMB_STORVSC_UNMAP && req->inflight_;
}

/* The caller has changed the chain meanwhile: no command can be made. */
static void abandon(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req)
{
    close_up(ctl, req);
    req->failed_at_ = req->sent_;
    req->result.outcome = VMB_STORVSC_OTHER;
    if (req->inflight_ == 0)
        finish(ctl, req);
}

/* The next piece of the next request, as a command that is not sent yet. */
static struct vmb_storvsc_cmd *cut(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_req *req = ctl->unsent_;
    struct vmb_storvsc_cmd *cmd;
    uint64_t left;

    if (!req || is_held(ctl, req))
        return NULL;
    cmd = pick(ctl);
    if (!cmd)
        return NULL;
    left = req->total_ - req->sent_;
    cmd->req_ = req;
    cmd->at_ = req->sent_;
    if (req->op_ == VMB_STORVSC_UNMAP)
        cmd->units_ = left < req->most_ ? (uint32_t)left : req->most_;
    else
        cmd->units_ = left ? units_at(ctl, req, req->sent_) : 0;
    if (cmd->units_ || req->total_ == 0)
        return cmd;
    abandon(ctl, req);
    return NULL;
}

/* What to send next, composed; NULL: nothing can go now.  Not inlined: what
 * it needs of the stack is not to lie below the channel's. */
__attribute__((noinline)) static struct vmb_storvsc_cmd *
next_command(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_cmd *cmd = ctl->again_ ? ctl->again_ : cut(ctl);

    if (cmd)
        compose(ctl, cmd);
    return cmd;
}

/* It is the host's. */
static void note_sent(struct vmb_storvsc *ctl, struct vmb_storvsc_cmd *cmd)
{
    struct vmb_storvsc_req *req = cmd->req_;

    if (ctl->again_ == cmd) {
        ctl->again_ = cmd->next_;
        return;
    }
    cmd->queue_->free_ = cmd->next_;
    req->sent_ += cmd->units_;
    req->inflight_++;
    ctl->inflight_++;
    if (req->sent_ == req->total_)
        close_up(ctl, req);
}

enum vmb_status vmb_storvsc_pump(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_queue *queue;
    struct vmb_storvsc_cmd *cmd;
    enum vmb_status status = VMB_OK;

    if (ctl->busy_)
        return VMB_OK;
    ctl->busy_ = true;
    while (ctl->status_ == VMB_OK && (cmd = next_command(ctl)) != NULL) {
        queue = cmd->queue_;
        status = vmb_chan_stage(&queue->chan, &ctl->out_);
        if (status != VMB_OK) {
            vmb_storvsc_die(ctl, queue, status);
            break;
        }
        note_sent(ctl, cmd);
    }
    for (queue = ctl->queues_; queue < ctl->queues_ + ctl->queues_used_;
         queue++)
        if (queue->state_ == VMB_STORVSC_QUEUE_OPEN)
            vmb_storvsc_die(ctl, queue, vmb_chan_flush(&queue->chan));
    ctl->busy_ = false;
    return VMB_OK;
}

/* --- Answers -------------------------------------------------------------- */

/* What one command came to, added to its request. */
static void account(const struct vmb_storvsc_cmd *cmd,
                    struct vmb_storvsc_result *result)
{
    struct vmb_storvsc_req *req = cmd->req_;
    uint64_t end = cmd->at_;

    if (result->outcome == VMB_STORVSC_GOOD) {
        if (req->op_ != VMB_STORVSC_UNMAP) /* which counts blocks */
            end += result->bytes;
        if (req->op_ == VMB_STORVSC_RAW || result->bytes == data_of(cmd))
            end = UINT64_MAX;
        else
            result->outcome = VMB_STORVSC_SHORT;
    }
    /* Good ones agree; of the others the first in the request counts. */
    if (end < req->failed_at_ || req->failed_at_ == UINT64_MAX) {
        req->failed_at_ = end;
        req->result = *result;
    }
}

static void retire(struct vmb_storvsc *ctl, struct vmb_storvsc_cmd *cmd)
{
    struct vmb_storvsc_queue *queue = cmd->queue_;
    struct vmb_storvsc_req *req = cmd->req_;

    account(cmd, &ctl->result_);
    cmd->next_ = queue->free_;
    queue->free_ = cmd;
    ctl->inflight_--;
    req->inflight_--;
    if (req->failed_at_ != UINT64_MAX)
        close_up(ctl, req);
    if (req->whole_ && req->inflight_ == 0)
        finish(ctl, req);
}

/* Sense that tells of other LUNs, or another size: not of a mere reset. */
static bool tells_change(const struct vmb_scsi_sense *sense)
{
    return sense->key == VMB_SENSE_ATTENTION &&
           (sense->asc == 0x3f || sense->asc == 0x2a || sense->asc == 0x28);
}

enum vmb_status vmb_storvsc_answered(struct vmb_storvsc *ctl,
                                     struct vmb_storvsc_cmd *cmd, uint32_t len)
{
    struct vmb_storvsc_result *result = &ctl->result_;
    enum vmb_status status = vmb_storvsc_decode(
        &ctl->packet_, len, data_of(cmd), result, &ctl->fault_);

    if (status != VMB_OK)
        return status;
    if (tells_change(&result->sense))
        ctl->changes_++;
    if (cmd->req_->retries_ && (result->outcome == VMB_STORVSC_ATTENTION ||
                                result->outcome == VMB_STORVSC_ABORTED)) {
        cmd->req_->retries_--;
        cmd->next_ = ctl->again_;
        ctl->again_ = cmd;
        return VMB_OK;
    }
    retire(ctl, cmd);
    return VMB_OK;
}

/* --- Requests ------------------------------------------------------------- */

enum vmb_status vmb_storvsc_ready(const struct vmb_storvsc *ctl,
                                  const struct vmb_storvsc_req *req)
{
    enum vmb_status status = vmb_storvsc_open_status(ctl);

    if (status == VMB_AGAIN || req->ctl_)
        return VMB_E_STATE;
    return status;
}

void vmb_storvsc_accept(struct vmb_storvsc *ctl, struct vmb_storvsc_req *req,
                        enum vmb_storvsc_op op, uint64_t total)
{
    req->ctl_ = ctl;
    req->status = VMB_AGAIN;
    __builtin_memset(&req->result, 0, sizeof req->result);
    req->op_ = (uint8_t)op;
    req->total_ = total;
    req->sent_ = 0;
    req->failed_at_ = UINT64_MAX;
    req->inflight_ = 0;
    req->whole_ = false;
    append(ctl, req);
}

static enum vmb_status check(struct vmb_storvsc *ctl,
                             const struct vmb_storvsc_req *req)
{
    const struct vmb_scsi_cmd *cmd = &req->cmd;
    struct vmb_mdl_extent extent;

    if (cmd->cdb_bytes == 0 || cmd->cdb_bytes > sizeof cmd->cdb ||
        cmd->data > VMB_SCSI_OUT ||
        (cmd->data == VMB_SCSI_NO_DATA) != (req->bytes == 0))
        return VMB_E_ARG;
    if (req->bytes > ctl->most_)
        return VMB_E_TOOBIG;
    if (req->bytes == 0)
        return VMB_OK;
    if (vmb_mdl_measure(req->mdl, req->mdl_offset, req->bytes, &extent) !=
            VMB_OK ||
        gather(ctl, req, 0, (uint32_t)req->bytes) != req->bytes)
        return VMB_E_ARG;
    return VMB_OK;
}

enum vmb_status vmb_storvsc_submit(struct vmb_storvsc *ctl,
                                   struct vmb_storvsc_req *req)
{
    enum vmb_status status = vmb_storvsc_ready(ctl, req);

    if (status == VMB_OK)
        status = check(ctl, req);
    if (status != VMB_OK)
        return status;
    req->retries_ = 0;
    req->shift_ = 0;
    vmb_storvsc_accept(ctl, req, VMB_STORVSC_RAW, req->bytes);
    return vmb_storvsc_pump(ctl);
}
