/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The life of a client channel, moved on by vmb_channel_poll() alone: so state
 * callbacks run where the caller may wait, and with no lane held but its own.
 *
 *   DISABLED -> WAITING -> OPENING -(opened)-> PAUSED -(started)-> ACTIVE
 *                                                ^                   |
 *                                                |              (suspend)
 *                                                |                   v
 *                                                +---- pause --- SUSPENDED
 *   DISABLED <- CLOSED <-(closed)- CLOSING <---------- close -------+
 *
 * From WAITING and OPENING it goes to CLOSING at once, from PAUSED without a
 * suspend callback, for it does not run.
 */
#include "../fault.h"
#include "internal.h"

/* More than the longest way through the drawing above. */
#define STEPS 8u

static bool same(const struct vmb_guid *a, const struct vmb_guid *b)
{
    return __builtin_memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* The first thing that ends it is the one to report. */
void vmb_channel_died(struct vmb_channel *channel, enum vmb_status status)
{
    if (status < VMB_OK && status != VMB_E_LANE && channel->dead_ == VMB_OK)
        channel->dead_ = status;
}

void vmb_channel_broken(struct vmb_channel *channel, enum vmb_site site,
                        uint64_t got, uint64_t limit)
{
    vmb_channel_died(channel,
                     vmb_fault_host(&channel->fault_, site, got, limit));
}

static void call(struct vmb_channel *channel,
                 void (*callback)(struct vmb_channel *channel),
                 enum vmb_inside inside)
{
    if (!callback)
        return;
    channel->inside_ = (uint8_t)inside;
    callback(channel);
    channel->inside_ = VMB_INSIDE_NOTHING;
}

/* ---- Up ------------------------------------------------------------------ */

static bool is_target(const struct vmb_channel *channel,
                      const struct vmb_offer *offer)
{
    const struct vmb_channel *primary = channel->cfg_.primary;

    if (offer->subchannel != channel->cfg_.subchannel)
        return false;
    if (primary)
        return same(&offer->type, &primary->type_) &&
               same(&offer->instance, &primary->active_instance_);
    return same(&offer->type, &channel->type_) &&
           (!channel->cfg_.instance ||
            same(&offer->instance, &channel->instance_));
}

static enum vmb_status open_offer(struct vmb_channel *channel,
                                  struct vmb_offer *offer)
{
    return vmb_chan_open_start(&channel->chan_,
                               vmb_conn_bus(channel->cfg_.conn), offer,
                               &channel->open_);
}

/* Nothing was opened at the host, or it has been closed again. */
static void end(struct vmb_channel *channel, enum vmb_status why)
{
    channel->state_ = VMB_CHANNEL_DISABLED;
    channel->status_ = why;
    channel->disable_wanted_ = false;
    channel->pause_wanted_ = false;
    if (!channel->open_failed_ || !channel->cfg_.callbacks.open_failed)
        return;
    channel->inside_ = VMB_INSIDE_OPEN_FAILED;
    channel->cfg_.callbacks.open_failed(channel, why);
    channel->inside_ = VMB_INSIDE_NOTHING;
}

static void give_up(struct vmb_channel *channel, enum vmb_status why)
{
    vmb_channel_died(channel, why);
    vmb_queue_cancel(channel, why);
    end(channel, why);
}

/* An offer that has a channel already answers VMB_E_STATE: try the next. */
static void look_for_offer(struct vmb_channel *channel)
{
    enum vmb_status status = VMB_E_STATE;
    struct vmb_offer *offer;
    uint32_t i;

    for (i = 0; status == VMB_E_STATE; i++) {
        offer = vmb_conn_offer(channel->cfg_.conn, i);
        if (!offer)
            return;
        if (is_target(channel, offer))
            status = open_offer(channel, offer);
    }
    if (status == VMB_E_LANE)
        return;
    if (status != VMB_OK) {
        channel->open_failed_ = true;
        give_up(channel, status);
        return;
    }
    channel->active_instance_ = offer->instance;
    channel->mmio_size_ = (uint64_t)offer->mmio_mebibytes << 20;
    channel->state_ = VMB_CHANNEL_OPENING;
}

static void close(struct vmb_channel *channel, enum vmb_status why)
{
    vmb_channel_died(channel, why);
    channel->state_ = VMB_CHANNEL_CLOSING;
    /* VMB_E_STATE: it is on its way already. */
    (void)(vmb_chan_close_start(&channel->chan_) == VMB_OK);
}

static void run(struct vmb_channel *channel)
{
    channel->state_ = VMB_CHANNEL_ACTIVE;
    call(channel, channel->cfg_.callbacks.started, VMB_INSIDE_STARTED);
    call(channel, channel->cfg_.callbacks.post_started,
         VMB_INSIDE_POST_STARTED);
}

static void opened(struct vmb_channel *channel)
{
    enum vmb_status status = VMB_OK;

    if (channel->cfg_.callbacks.opened) {
        channel->inside_ = VMB_INSIDE_OPENED;
        status = channel->cfg_.callbacks.opened(channel);
        channel->inside_ = VMB_INSIDE_NOTHING;
    }
    if (status != VMB_OK) {
        close(channel, status < VMB_OK && status != VMB_E_LANE
                           ? status
                           : VMB_E_CANCELLED);
        return;
    }
    channel->was_opened_ = true;
    channel->state_ = VMB_CHANNEL_PAUSED;
}

static void open(struct vmb_channel *channel)
{
    enum vmb_status status = vmb_chan_open_status(&channel->chan_);

    if (channel->disable_wanted_)
        close(channel, VMB_E_CANCELLED);
    else if (status == VMB_OK)
        opened(channel);
    else if (status != VMB_AGAIN) {
        channel->open_failed_ = true;
        close(channel, status);
    }
}

/* ---- Down ---------------------------------------------------------------- */

/* A flush of nothing tells whether the channel below is alive. */
static bool is_ending(struct vmb_channel *channel)
{
    vmb_channel_died(channel, vmb_chan_flush(&channel->chan_));
    return channel->disable_wanted_ || channel->dead_ != VMB_OK;
}

static void suspend(struct vmb_channel *channel)
{
    channel->state_ = VMB_CHANNEL_SUSPENDED;
    call(channel, channel->cfg_.callbacks.suspend, VMB_INSIDE_SUSPEND);
}

static void suspended(struct vmb_channel *channel)
{
    if (channel->delivered_ > 0)
        return;
    if (is_ending(channel))
        close(channel, VMB_E_CANCELLED);
    else
        channel->state_ = VMB_CHANNEL_PAUSED;
}

/* The host has let go of rings and packets. */
static void closed(struct vmb_channel *channel)
{
    enum vmb_status status = vmb_chan_close_status(&channel->chan_);

    if (status != VMB_OK) {
        if (channel->disable_wanted_)
            channel->begun_ |= vmb_chan_close_start(&channel->chan_) == VMB_OK;
        channel->disable_wanted_ = false;
        return;
    }
    vmb_queue_cancel(channel, channel->dead_);
    channel->state_ = VMB_CHANNEL_CLOSED;
    channel->disable_wanted_ = true; /* each GPADL is asked for, once */
    if (channel->was_opened_)
        call(channel, channel->cfg_.callbacks.closed, VMB_INSIDE_CLOSED);
}

static void cleared(struct vmb_channel *channel)
{
    if (!vmb_gpadls_take_down(channel))
        return;
    end(channel, channel->dead_ == VMB_E_CANCELLED && channel->was_opened_
                     ? VMB_E_STATE
                     : channel->dead_);
}

/* ---- One step ------------------------------------------------------------ */

static void step(struct vmb_channel *channel)
{
    switch (channel->state_) {
    case VMB_CHANNEL_DISABLED:
        break;
    case VMB_CHANNEL_WAITING:
        if (channel->disable_wanted_)
            give_up(channel, VMB_E_CANCELLED);
        else
            look_for_offer(channel);
        break;
    case VMB_CHANNEL_OPENING:
        open(channel);
        break;
    case VMB_CHANNEL_PAUSED:
        if (is_ending(channel))
            close(channel, VMB_E_CANCELLED);
        else if (!channel->pause_wanted_)
            run(channel);
        break;
    case VMB_CHANNEL_ACTIVE:
        if (is_ending(channel) || channel->pause_wanted_)
            suspend(channel);
        break;
    case VMB_CHANNEL_SUSPENDED:
        suspended(channel);
        break;
    case VMB_CHANNEL_CLOSING:
        closed(channel);
        break;
    case VMB_CHANNEL_CLOSED:
        cleared(channel);
        break;
    }
}

/* Does it wait for nobody?  Something to do, or for the connection to post. */
static bool has_more(const struct vmb_channel *channel)
{
    bool dying =
        channel->dead_ != VMB_OK && (channel->state_ == VMB_CHANNEL_PAUSED ||
                                     channel->state_ == VMB_CHANNEL_ACTIVE);

    return channel->begun_ || !vmb_list_is_empty(&channel->done_) || dying;
}

static bool poll(struct vmb_channel *channel)
{
    enum vmb_channel_state before;
    bool more = false;
    uint32_t i = 0;

    if (!channel->cfg_.conn) /* not initialised: there are no lists */
        return false;
    channel->begun_ = false;
    do {
        before = channel->state_;
        step(channel);
    } while (channel->state_ != before && ++i < STEPS);
    vmb_queue_done(channel);
    if (vmb_channel_flows(channel) && channel->dead_ == VMB_OK)
        more = vmb_process_batch(channel, VMB_CHANNEL_BUDGET, true);
    return more || i > 0 || has_more(channel);
}

enum vmb_status vmb_channel_poll(struct vmb_channel *channel)
{
    bool more;

    if (channel->inside_)
        return VMB_E_STATE;
    if (!vmb_lane_enter(&channel->lane_))
        return VMB_E_LANE;
    more = poll(channel);
    vmb_lane_leave(&channel->lane_);
    return more ? VMB_AGAIN : VMB_OK;
}

/* ---- What the caller asks for ------------------------------------------- */

enum vmb_status vmb_channel_enable(struct vmb_channel *channel)
{
    if (channel->state_ != VMB_CHANNEL_DISABLED || !channel->cfg_.conn ||
        vmb_channel_in_state_callback(channel))
        return VMB_E_STATE;
    channel->dead_ = VMB_OK;
    channel->fault_ = vmb_no_fault;
    channel->was_opened_ = false;
    channel->open_failed_ = false;
    channel->disable_wanted_ = false;
    channel->failed_ = false;
    channel->state_ = VMB_CHANNEL_WAITING;
    return VMB_OK;
}

enum vmb_status vmb_channel_status(const struct vmb_channel *channel)
{
    switch (channel->state_) {
    case VMB_CHANNEL_DISABLED:
        /* Zeroed: not initialised. */
        return channel->status_ ? channel->status_ : VMB_E_STATE;
    case VMB_CHANNEL_PAUSED:
    case VMB_CHANNEL_ACTIVE:
    case VMB_CHANNEL_SUSPENDED:
        return channel->dead_;
    case VMB_CHANNEL_WAITING:
    case VMB_CHANNEL_OPENING:
    case VMB_CHANNEL_CLOSING:
    case VMB_CHANNEL_CLOSED:
        break;
    }
    return VMB_AGAIN;
}

static enum vmb_status want(struct vmb_channel *channel, bool *what, bool value)
{
    if (vmb_channel_in_state_callback(channel))
        return VMB_E_STATE;
    *what = value;
    channel->unread_ = true; /* a process() around us says so */
    return VMB_OK;
}

enum vmb_status vmb_channel_start(struct vmb_channel *channel)
{
    return want(channel, &channel->pause_wanted_, false);
}

enum vmb_status vmb_channel_pause_start(struct vmb_channel *channel)
{
    return want(channel, &channel->pause_wanted_, true);
}

enum vmb_status vmb_channel_pause_status(const struct vmb_channel *channel)
{
    if (!channel->pause_wanted_ || channel->disable_wanted_ ||
        channel->dead_ != VMB_OK || channel->state_ == VMB_CHANNEL_DISABLED)
        return VMB_E_STATE;
    return channel->state_ == VMB_CHANNEL_PAUSED ? VMB_OK : VMB_AGAIN;
}

enum vmb_status vmb_channel_disable_start(struct vmb_channel *channel)
{
    if (channel->state_ == VMB_CHANNEL_DISABLED)
        return vmb_channel_in_state_callback(channel) ? VMB_E_STATE : VMB_OK;
    return want(channel, &channel->disable_wanted_, true);
}

enum vmb_status vmb_channel_disable_status(const struct vmb_channel *channel)
{
    enum vmb_status status = VMB_AGAIN;

    if (channel->state_ == VMB_CHANNEL_DISABLED)
        return VMB_OK;
    if (channel->disable_wanted_)
        return VMB_AGAIN;
    if (channel->state_ == VMB_CHANNEL_CLOSING)
        status = vmb_chan_close_status(&channel->chan_);
    else if (channel->state_ == VMB_CHANNEL_CLOSED)
        status = vmb_gpadls_status(channel);
    return status == VMB_OK ? VMB_AGAIN : status;
}

void vmb_channel_fault(const struct vmb_channel *channel, struct vmb_fault *out)
{
    vmb_chan_fault(&channel->chan_, out);
    /* A packet that the client failed ends nothing. */
    if (out->status == VMB_OK || channel->fault_.status == VMB_E_HOST)
        *out = channel->fault_;
}
