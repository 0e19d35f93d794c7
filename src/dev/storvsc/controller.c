/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A controller's life, and what its host says. */
#include "../../fault.h"
#include "hello.h"
#include "io.h"

#define OTHER_PACKETS 8u /* taken by one poll beside a queue's answers */
/* Pages of a ring: more cannot matter, and the 64 MiB that go into one command
 * then stay far from the wire's 16-bit lengths. */
#define MOST_RING 32u
/* Page numbers that fill a page of the ring; and as many as the rest of the
 * packet takes there (120 bytes), with one for a start inside a page. */
#define NUMBERS_IN_PAGE 512u
#define NUMBERS_LESS    16u

const struct vmb_guid vmb_storvsc_scsi = VMB_GUID(
    0xba6163d9, 0x04a1, 0x4d29, 0xb6, 0x05, 0x72, 0xe2, 0xff, 0xb1, 0xdc, 0x7f);
const struct vmb_guid vmb_storvsc_ide = VMB_GUID(
    0x32412632, 0x86cb, 0x44a2, 0x9b, 0x5c, 0x50, 0xd1, 0x41, 0x73, 0x54, 0xf5);

static bool is_same(const struct vmb_guid *one, const struct vmb_guid *other)
{
    return __builtin_memcmp(one, other, sizeof *one) == 0;
}

/* --- Opening -------------------------------------------------------------- */

static enum vmb_status open_queue(struct vmb_storvsc *ctl,
                                  struct vmb_offer *offer)
{
    struct vmb_storvsc_queue *queue = &ctl->queues_[ctl->queues_used_];
    enum vmb_status status =
        vmb_chan_open_start(&queue->chan, ctl->bus_, offer, &queue->cfg);
    uint32_t i;

    if (status != VMB_OK)
        return status;
    queue->status_ = VMB_AGAIN;
    queue->free_ = NULL;
    for (i = queue->cfg.txn_cap; i-- > 0;) {
        queue->cmds[i].queue_ = queue;
        queue->cmds[i].next_ = queue->free_;
        queue->free_ = &queue->cmds[i];
    }
    queue->next_ = ctl->newest_;
    ctl->newest_ = queue;
    ctl->queues_used_++;
    return VMB_AGAIN;
}

/* Most bytes of one command: as the smallest ring takes them.  0: a queue is
 * wrong. */
static uint32_t most_of(const struct vmb_storvsc_queue *queue, uint32_t count)
{
    uint32_t pages = MOST_RING;

    if (count == 0 || count > UINT16_MAX)
        return 0;
    for (; count-- > 0; queue++) {
        if (queue->cfg.tx_pages == 0 || queue->cfg.txn_cap == 0 || !queue->cmds)
            return 0;
        if (pages > queue->cfg.tx_pages)
            pages = queue->cfg.tx_pages;
    }
    return (pages * NUMBERS_IN_PAGE - NUMBERS_LESS) * VMB_PAGE_SIZE;
}

enum vmb_status vmb_storvsc_open_start(struct vmb_storvsc *ctl,
                                       struct vmb_bus *bus,
                                       struct vmb_offer *offer,
                                       struct vmb_storvsc_queue *queues,
                                       uint32_t queue_count)
{
    enum vmb_status status;
    uint32_t most;

    if (ctl->state_ != VMB_STORVSC_CLOSED)
        return VMB_E_STATE;
    most = most_of(queues, queue_count);
    if (most == 0 || !offer || offer->subchannel)
        return VMB_E_ARG;
    __builtin_memset(ctl, 0, sizeof *ctl);
    ctl->bus_ = bus;
    ctl->offer_ = offer;
    ctl->queues_ = ctl->turn_ = queues;
    ctl->queue_count_ = (uint16_t)queue_count;
    ctl->iov_.base = &ctl->packet_;
    ctl->iov_.len = sizeof ctl->packet_;
    ctl->hello_cmd_.queue_ = queues;
    ctl->ready_ = &ctl->hello_cmd_;
    ctl->out_.iov = &ctl->iov_;
    ctl->out_.iov_count = 1;
    ctl->out_.want_reply = true;
    ctl->hello_.wanted_ = (uint16_t)(queue_count - 1);
    ctl->hello_.max_transfer_ = most;
    status = open_queue(ctl, offer);
    if (status != VMB_AGAIN)
        return status;
    ctl->state_ = VMB_STORVSC_OPEN;
    ctl->status_ = VMB_AGAIN;
    return VMB_OK;
}

enum vmb_status vmb_storvsc_open_status(const struct vmb_storvsc *ctl)
{
    return ctl->state_ == VMB_STORVSC_OPEN ? ctl->status_ : VMB_E_STATE;
}

uint32_t vmb_storvsc_subchannels(const struct vmb_storvsc *ctl)
{
    return vmb_storvsc_open_status(ctl) == VMB_OK ? ctl->hello_.granted_ : 0;
}

enum vmb_status vmb_storvsc_add_channel(struct vmb_storvsc *ctl,
                                        struct vmb_offer *offer)
{
    struct vmb_storvsc_queue *queue;

    if (vmb_storvsc_open_status(ctl) != VMB_OK)
        return VMB_E_STATE;
    if (!offer || offer->subchannel == 0 ||
        !is_same(&offer->instance, &ctl->offer_->instance))
        return VMB_E_ARG;
    for (queue = ctl->newest_; queue; queue = queue->next_)
        if (vmb_chan_relid(&queue->chan) == offer->relid)
            return queue->status_;
    if (ctl->queues_used_ == ctl->queue_count_)
        return VMB_E_NOSLOT;
    return open_queue(ctl, offer);
}

/* A sub-channel that fails is done without. */
static void look_at_opening(struct vmb_storvsc *ctl,
                            struct vmb_storvsc_queue *queue)
{
    enum vmb_status status = vmb_chan_open_status(&queue->chan);

    queue->status_ = status;
    if (status < VMB_OK &&
        (queue == ctl->queues_ || vmb_chan_close_start(&queue->chan) != VMB_OK))
        vmb_storvsc_die(ctl, queue, status);
}

/* VMB_AGAIN: what else came is for the next poll. */
static enum vmb_status take_hello(struct vmb_storvsc *ctl)
{
    ctl->status_ =
        vmb_storvsc_hello_answer(&ctl->hello_, &ctl->packet_, &ctl->fault_);
    if (ctl->status_ == VMB_AGAIN)
        ctl->ready_ = &ctl->hello_cmd_;
    return ctl->status_;
}

/* --- What the host sends -------------------------------------------------- */

static void take_notice(struct vmb_storvsc *ctl)
{
    /* Other notices may come with other hosts: nothing depends on them. */
    if (ctl->packet_.operation == VMB_STORVSC_ENUMERATE_BUS ||
        ctl->packet_.operation == VMB_STORVSC_REMOVE_DEVICE)
        ctl->changes_++;
}

/* It is in ctl->rx_.  Of ctl->packet_ nothing is read that did not come. */
static enum vmb_status take_packet(struct vmb_storvsc *ctl,
                                   const struct vmb_chan *chan)
{
    const struct vmb_rx *rx = &ctl->rx_;
    uint32_t len = vmb_rx_copy(chan, rx, 0, &ctl->packet_, sizeof ctl->packet_);
    bool notice = rx->kind == VMB_INBAND;
    uint32_t needed =
        notice ? VMB_STORVSC_HEADER_BYTES : VMB_STORVSC_ANSWER_BYTES;
    const struct vmb_storvsc_cmd *cmd = rx->user;

    if (!notice && rx->kind != VMB_COMPLETION)
        return vmb_fault_host(&ctl->fault_, VMB_SITE_STORVSC_OPERATION,
                              (uint64_t)rx->kind, VMB_COMPLETION);
    /* Copied less than came: the channel died in between, and the next call to
     * it says of what.  The host is not to blame for a short packet. */
    if (len < needed)
        return len < rx->len
                   ? VMB_OK
                   : vmb_fault_host(&ctl->fault_, VMB_SITE_STORVSC_SHORT, len,
                                    needed);
    if (notice) {
        take_notice(ctl);
        return VMB_OK;
    }
    if (ctl->packet_.operation != VMB_STORVSC_COMPLETE_IO)
        return vmb_fault_host(&ctl->fault_, VMB_SITE_STORVSC_OPERATION,
                              ctl->packet_.operation, VMB_STORVSC_COMPLETE_IO);
    return cmd->req_ ? vmb_storvsc_answered(ctl, rx->user) : take_hello(ctl);
}

/* Not inlined, for the stack's sake: see next_command() in io.c. */
__attribute__((noinline)) static void attend(struct vmb_storvsc *ctl,
                                             struct vmb_storvsc_queue *queue)
{
    uint32_t budget = queue->cfg.txn_cap + OTHER_PACKETS;
    enum vmb_status status = VMB_OK;

    while (status == VMB_OK && budget-- > 0) {
        status = vmb_chan_recv(&queue->chan, &ctl->rx_);
        if (status == VMB_OK)
            status = take_packet(ctl, &queue->chan);
    }
    if (status >= VMB_OK)
        status = vmb_chan_release(&queue->chan);
    vmb_storvsc_die(ctl, queue, status);
}

enum vmb_status vmb_storvsc_poll(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_queue *queue;

    if (ctl->state_ != VMB_STORVSC_OPEN || ctl->busy_)
        return VMB_E_STATE;
    ctl->busy_ = true;
    for (queue = ctl->newest_; queue && ctl->status_ >= VMB_OK;
         queue = queue->next_) {
        if (queue->status_ == VMB_AGAIN)
            look_at_opening(ctl, queue);
        if (queue->status_ == VMB_OK)
            attend(ctl, queue);
    }
    ctl->busy_ = false;
    if (ctl->queues_->status_ == VMB_OK)
        (void)vmb_storvsc_pump(ctl);
    return ctl->status_ == VMB_OK && ctl->first_ ? VMB_AGAIN : ctl->status_;
}

bool vmb_storvsc_arm(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_queue *queue;

    if (vmb_storvsc_open_status(ctl) < VMB_OK)
        return true;
    for (queue = ctl->newest_; queue; queue = queue->next_)
        if (queue->status_ == VMB_OK && vmb_chan_arm(&queue->chan))
            return true; /* who polls then arms them all again */
    return false;
}

/* --- Closing -------------------------------------------------------------- */

enum vmb_status vmb_storvsc_close_start(struct vmb_storvsc *ctl)
{
    enum vmb_status status = VMB_OK;
    struct vmb_storvsc_queue *queue;

    if (ctl->state_ == VMB_STORVSC_CLOSED)
        return VMB_OK;
    if (ctl->busy_)
        return VMB_E_STATE;
    /* Closing the first takes the others away at the host: so it is last. */
    for (queue = ctl->newest_; queue; queue = queue->next_) {
        status = vmb_chan_close_start(&queue->chan);
        if (status == VMB_E_LANE)
            return status;
    }
    if (ctl->status_ >= VMB_OK)
        ctl->status_ = VMB_E_STATE;
    ctl->state_ = VMB_STORVSC_CLOSING;
    return status;
}

enum vmb_status vmb_storvsc_close_status(struct vmb_storvsc *ctl)
{
    enum vmb_status status = VMB_OK, one;
    struct vmb_storvsc_queue *queue;

    if (ctl->state_ == VMB_STORVSC_CLOSED)
        return VMB_OK;
    if (ctl->state_ != VMB_STORVSC_CLOSING || ctl->busy_)
        return VMB_E_STATE;
    for (queue = ctl->newest_; queue; queue = queue->next_) {
        one = vmb_chan_close_status(&queue->chan);
        if (one == VMB_AGAIN)
            return one;
        if (one != VMB_OK)
            status = one;
    }
    if (status != VMB_OK)
        return status;
    ctl->busy_ = true;
    vmb_storvsc_return_all(ctl, ctl->status_);
    ctl->busy_ = false;
    ctl->state_ = VMB_STORVSC_CLOSED;
    return VMB_OK;
}

/* --- Questions ------------------------------------------------------------ */

uint32_t vmb_storvsc_changes(const struct vmb_storvsc *ctl)
{
    return ctl->changes_;
}

uint32_t vmb_storvsc_version(const struct vmb_storvsc *ctl)
{
    return ctl->hello_.version_;
}

uint32_t vmb_storvsc_max_transfer(const struct vmb_storvsc *ctl)
{
    return vmb_storvsc_open_status(ctl) == VMB_OK ? ctl->hello_.max_transfer_
                                                  : 0;
}

void vmb_storvsc_fault(const struct vmb_storvsc *ctl, struct vmb_fault *out)
{
    *out = ctl->fault_;
}

struct vmb_storvsc_addr vmb_storvsc_ide_addr(const struct vmb_offer *offer)
{
    const uint8_t *user = offer->user;
    struct vmb_storvsc_addr at = { 0, 0, 0, 0 };

    if (user[offsetof(struct vmb_storvsc_offer, flags)] &
        VMB_STORVSC_OFFER_IDE) {
        at.path = user[offsetof(struct vmb_storvsc_offer, path)];
        at.target = user[offsetof(struct vmb_storvsc_offer, target)];
    } else {
        /* As Linux and newer Windows do: from the instance's first bytes. */
        at.path = offer->instance.b[0];
        at.target = offer->instance.b[4];
    }
    return at;
}
