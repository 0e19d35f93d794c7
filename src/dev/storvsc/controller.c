/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A controller's life, and what its host says. */
#include "../../fault.h"
#include "hello.h"
#include "io.h"

#define OTHER_PACKETS 8u /* taken by one poll beside a queue's answers */
/* Pages of one command: more cannot matter, and 64 MiB stay far from the
 * wire's 16-bit lengths. */
#define MOST_PAGES 16384u
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
    uint32_t i;
    struct vmb_chan_cfg cfg = { .ring = queue->ring,
                                .tx_pages = queue->tx_pages,
                                .rx_pages = queue->rx_pages,
                                .txns = queue->txns,
                                .txn_cap = queue->depth,
                                .cpu = queue->cpu };
    enum vmb_status status =
        vmb_chan_open_start(&queue->chan, ctl->bus_, offer, &cfg);

    if (status != VMB_OK)
        return status;
    queue->free_ = NULL;
    for (i = queue->depth; i-- > 0;) {
        queue->cmds[i].queue_ = queue;
        queue->cmds[i].next_ = queue->free_;
        queue->free_ = &queue->cmds[i];
    }
    queue->state_ = VMB_STORVSC_QUEUE_OPENING;
    ctl->queues_used_++;
    return VMB_OK;
}

/* The most that fits one packet of each ring; 0: a queue is wrong. */
static uint32_t most_of(const struct vmb_storvsc_queue *queue, uint32_t count)
{
    uint32_t most = MOST_PAGES, fits;

    for (; count-- > 0; queue++) {
        if (queue->depth == 0 || !queue->cmds)
            return 0;
        fits = queue->tx_pages * NUMBERS_IN_PAGE - NUMBERS_LESS;
        if (queue->tx_pages < MOST_PAGES / NUMBERS_IN_PAGE && fits < most)
            most = fits;
    }
    return most * VMB_PAGE_SIZE;
}

enum vmb_status vmb_storvsc_open_start(struct vmb_storvsc *ctl,
                                       struct vmb_bus *bus,
                                       struct vmb_offer *offer,
                                       struct vmb_storvsc_queue *queues,
                                       uint32_t queue_count)
{
    enum vmb_status status;

    if (ctl->state_ != VMB_STORVSC_CLOSED || ctl->busy_)
        return VMB_E_STATE;
    __builtin_memset(ctl, 0, sizeof *ctl);
    ctl->most_ = most_of(queues, queue_count);
    if (queue_count == 0 || queue_count > UINT16_MAX || ctl->most_ == 0 ||
        !offer || offer->subchannel)
        return VMB_E_ARG;
    ctl->bus_ = bus;
    ctl->offer_ = offer;
    ctl->queues_ = queues;
    ctl->queue_count_ = queue_count;
    ctl->iov_.base = &ctl->packet_;
    ctl->iov_.len = sizeof ctl->packet_;
    ctl->out_.iov = &ctl->iov_;
    ctl->out_.iov_count = 1;
    ctl->out_.want_reply = true;
    vmb_storvsc_hello_start(&ctl->hello_, (uint16_t)(queue_count - 1));
    status = open_queue(ctl, offer);
    if (status != VMB_OK)
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
    static const int8_t says[] = {
        [VMB_STORVSC_QUEUE_CLOSED] = VMB_E_REFUSED,
        [VMB_STORVSC_QUEUE_OPENING] = VMB_AGAIN,
        [VMB_STORVSC_QUEUE_OPEN] = VMB_OK,
    };
    enum vmb_status status;
    uint32_t i;

    if (vmb_storvsc_open_status(ctl) != VMB_OK)
        return VMB_E_STATE;
    if (offer->subchannel == 0 ||
        !is_same(&offer->instance, &ctl->offer_->instance))
        return VMB_E_ARG;
    for (i = 1; i < ctl->queues_used_; i++)
        if (vmb_chan_relid(&ctl->queues_[i].chan) == offer->relid)
            return (enum vmb_status)says[ctl->queues_[i].state_];
    if (ctl->queues_used_ == ctl->queue_count_)
        return VMB_E_NOSLOT;
    status = open_queue(ctl, offer);
    return status == VMB_OK ? VMB_AGAIN : status;
}

/* A sub-channel that fails is done without. */
static void look_at_opening(struct vmb_storvsc *ctl,
                            struct vmb_storvsc_queue *queue)
{
    enum vmb_status status = vmb_chan_open_status(&queue->chan);

    if (status == VMB_OK) {
        queue->state_ = VMB_STORVSC_QUEUE_OPEN;
    } else if (status < VMB_OK) {
        queue->state_ = VMB_STORVSC_QUEUE_CLOSED;
        if (queue == ctl->queues_ ||
            vmb_chan_close_start(&queue->chan) != VMB_OK)
            vmb_storvsc_die(ctl, queue, status);
    }
}

static enum vmb_status take_hello(struct vmb_storvsc *ctl, uint32_t len)
{
    enum vmb_status status = vmb_storvsc_hello_answer(
        &ctl->hello_, &ctl->packet_, len, &ctl->fault_);

    if (status == VMB_OK) {
        if (ctl->most_ > ctl->hello_.max_transfer_)
            ctl->most_ = ctl->hello_.max_transfer_;
        ctl->status_ = VMB_OK;
    }
    return status == VMB_AGAIN ? VMB_OK : status;
}

static void say_hello(struct vmb_storvsc *ctl)
{
    struct vmb_storvsc_queue *queue = ctl->queues_;
    enum vmb_status status;

    if (queue->state_ != VMB_STORVSC_QUEUE_OPEN ||
        !vmb_storvsc_hello_next(&ctl->hello_, &ctl->packet_))
        return;
    ctl->out_.kind = VMB_INBAND;
    ctl->out_.mdl = NULL;
    ctl->out_.user = NULL; /* which is no command's */
    status = vmb_chan_send(&queue->chan, &ctl->out_);
    if (status == VMB_OK)
        vmb_storvsc_hello_sent(&ctl->hello_);
    vmb_storvsc_die(ctl, queue, status);
}

/* --- What the host sends -------------------------------------------------- */

static enum vmb_status take_notice(struct vmb_storvsc *ctl, uint32_t len)
{
    if (len < VMB_STORVSC_HEADER_BYTES)
        return vmb_fault_host(&ctl->fault_, VMB_SITE_STORVSC_SHORT, len,
                              VMB_STORVSC_HEADER_BYTES);
    /* Other notices may come with other hosts: nothing depends on them. */
    if (ctl->packet_.operation == VMB_STORVSC_ENUMERATE_BUS ||
        ctl->packet_.operation == VMB_STORVSC_REMOVE_DEVICE)
        ctl->changes_++;
    return VMB_OK;
}

static enum vmb_status take_packet(struct vmb_storvsc *ctl,
                                   struct vmb_storvsc_queue *queue)
{
    struct vmb_rx *rx = &ctl->rx_;
    uint32_t len;

    __builtin_memset(&ctl->packet_, 0, sizeof ctl->packet_);
    len = vmb_rx_copy(&queue->chan, rx, 0, &ctl->packet_, sizeof ctl->packet_);
    if (rx->kind == VMB_INBAND)
        return take_notice(ctl, len);
    if (rx->kind != VMB_COMPLETION)
        return vmb_fault_host(&ctl->fault_, VMB_SITE_STORVSC_OPERATION,
                              (uint64_t)rx->kind, VMB_COMPLETION);
    if (!rx->user)
        return take_hello(ctl, len);
    return vmb_storvsc_answered(ctl, rx->user, len);
}

/* Not inlined, for the stack's sake: see next_command(). */
__attribute__((noinline)) static void attend(struct vmb_storvsc *ctl,
                                             struct vmb_storvsc_queue *queue)
{
    uint32_t budget = queue->depth + OTHER_PACKETS;
    enum vmb_status status = VMB_OK;

    if (queue->state_ == VMB_STORVSC_QUEUE_OPENING)
        look_at_opening(ctl, queue);
    if (queue->state_ != VMB_STORVSC_QUEUE_OPEN)
        return;
    while (status == VMB_OK && budget-- > 0) {
        status = vmb_chan_recv(&queue->chan, &ctl->rx_);
        if (status == VMB_OK)
            status = take_packet(ctl, queue);
    }
    if (status >= VMB_OK)
        status = vmb_chan_release(&queue->chan);
    vmb_storvsc_die(ctl, queue, status);
}

enum vmb_status vmb_storvsc_poll(struct vmb_storvsc *ctl)
{
    uint32_t i;

    if (ctl->state_ != VMB_STORVSC_OPEN || ctl->busy_)
        return VMB_E_STATE;
    ctl->busy_ = true;
    for (i = 0; i < ctl->queues_used_ && ctl->status_ >= VMB_OK; i++)
        attend(ctl, &ctl->queues_[i]);
    if (ctl->status_ == VMB_AGAIN)
        say_hello(ctl);
    ctl->busy_ = false;
    if (ctl->status_ == VMB_OK)
        (void)vmb_storvsc_pump(ctl);
    return ctl->status_ == VMB_OK && ctl->first_ ? VMB_AGAIN : ctl->status_;
}

bool vmb_storvsc_arm(struct vmb_storvsc *ctl)
{
    bool work = vmb_storvsc_open_status(ctl) < VMB_OK;
    uint32_t i;

    for (i = 0; i < ctl->queues_used_; i++)
        if (ctl->queues_[i].state_ == VMB_STORVSC_QUEUE_OPEN &&
            vmb_chan_arm(&ctl->queues_[i].chan))
            work = true;
    return work;
}

/* --- Closing -------------------------------------------------------------- */

enum vmb_status vmb_storvsc_close_start(struct vmb_storvsc *ctl)
{
    enum vmb_status status = VMB_OK;
    uint32_t i;

    if (ctl->state_ == VMB_STORVSC_CLOSED)
        return VMB_OK;
    if (ctl->busy_)
        return VMB_E_STATE;
    /* Closing the first takes the others away at the host: so it is last. */
    for (i = ctl->queues_used_; i-- > 0 && status != VMB_E_LANE;)
        status = vmb_chan_close_start(&ctl->queues_[i].chan);
    if (status == VMB_E_LANE)
        return status;
    if (ctl->status_ >= VMB_OK)
        ctl->status_ = VMB_E_STATE;
    ctl->state_ = VMB_STORVSC_CLOSING;
    return status;
}

enum vmb_status vmb_storvsc_close_status(struct vmb_storvsc *ctl)
{
    enum vmb_status status = VMB_OK, one;
    uint32_t i;

    if (ctl->state_ == VMB_STORVSC_CLOSED)
        return VMB_OK;
    if (ctl->state_ != VMB_STORVSC_CLOSING || ctl->busy_)
        return VMB_E_STATE;
    for (i = 0; i < ctl->queues_used_; i++) {
        one = vmb_chan_close_status(&ctl->queues_[i].chan);
        if (one == VMB_AGAIN)
            return one;
        if (status == VMB_OK)
            status = one;
    }
    if (status != VMB_OK)
        return status;
    for (i = 0; i < ctl->queues_used_; i++)
        ctl->queues_[i].state_ = VMB_STORVSC_QUEUE_CLOSED;
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
    return ctl->hello_.max_transfer_ ? ctl->most_ : 0;
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
