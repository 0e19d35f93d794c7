/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

/* From the opened callback to the end of the suspend callback. */
static bool may_create(const struct vmb_channel *channel)
{
    return channel->inside_ == VMB_INSIDE_OPENED ||
           channel->state_ == VMB_CHANNEL_PAUSED ||
           channel->state_ == VMB_CHANNEL_ACTIVE;
}

static void unlist(struct vmb_channel *channel, struct vmb_channel_gpadl *gpadl)
{
    struct vmb_channel_gpadl **at = &channel->gpadls_;

    while (*at && *at != gpadl)
        at = &(*at)->next_;
    if (*at)
        *at = gpadl->next_;
    gpadl->next_ = NULL;
}

/* One that the host refused is still listed when it is made again. */
static void list(struct vmb_channel *channel, struct vmb_channel_gpadl *gpadl)
{
    unlist(channel, gpadl);
    gpadl->next_ = channel->gpadls_;
    channel->gpadls_ = gpadl;
}

/* Of mdl, or without one of the bytes at buffer. */
static enum vmb_status create(struct vmb_channel *channel,
                              struct vmb_channel_gpadl *gpadl,
                              const struct vmb_mdl *mdl, const void *buffer,
                              size_t bytes)
{
    enum vmb_status status = VMB_E_STATE;

    if (!vmb_channel_enter(channel))
        return VMB_E_LANE;
    if (may_create(channel))
        status =
            mdl ? vmb_gpadl_create_start(&gpadl->gpadl, &channel->chan_, mdl)
                : vmb_gpadl_create_virtual_start(&gpadl->gpadl, &channel->chan_,
                                                 buffer, bytes);
    if (status == VMB_OK)
        list(channel, gpadl);
    vmb_channel_leave(channel);
    return status;
}

enum vmb_status vmb_channel_create_gpadl_from_mdl_start(
    struct vmb_channel *channel, struct vmb_channel_gpadl *gpadl,
    const struct vmb_mdl *mdl, uint64_t offset, uint64_t length)
{
    struct vmb_mdl slice;
    enum vmb_status status = vmb_mdl_slice(&slice, 1, mdl, offset, length);

    if (status == VMB_E_NOSLOT)
        return VMB_E_NOFEATURE;
    return status == VMB_OK ? create(channel, gpadl, &slice, NULL, 0) : status;
}

enum vmb_status
vmb_channel_create_gpadl_from_pfns_start(struct vmb_channel *channel,
                                         struct vmb_channel_gpadl *gpadl,
                                         const uint64_t *pfns, uint32_t count)
{
    const struct vmb_mdl mdl = { NULL, pfns, count, 0, count * VMB_PAGE_SIZE };

    if (count > VMB_GPADL_PAGES)
        return VMB_E_TOOBIG;
    return create(channel, gpadl, &mdl, NULL, 0);
}

enum vmb_status
vmb_channel_create_gpadl_from_buffer_start(struct vmb_channel *channel,
                                           struct vmb_channel_gpadl *gpadl,
                                           const void *buffer, size_t bytes)
{
    return create(channel, gpadl, NULL, buffer, bytes);
}

enum vmb_status vmb_channel_delete_gpadl_start(struct vmb_channel *channel,
                                               struct vmb_channel_gpadl *gpadl)
{
    enum vmb_status status;

    if (!vmb_channel_enter(channel))
        return VMB_E_LANE;
    status = vmb_gpadl_destroy_start(&gpadl->gpadl);
    if (status == VMB_OK)
        unlist(channel, gpadl);
    vmb_channel_leave(channel);
    return status;
}

/*
 * One is taken off the list when it is down.  One that cannot be asked for yet,
 * for it is still being created, is asked for later, whatever comes of it.
 */
bool vmb_gpadls_take_down(struct vmb_channel *channel)
{
    struct vmb_channel_gpadl *gpadl = channel->gpadls_, *next;
    bool again = channel->disable_wanted_;
    enum vmb_status status;

    channel->disable_wanted_ = false;
    for (; gpadl; gpadl = next) {
        next = gpadl->next_;
        status = vmb_gpadl_destroy_status(&gpadl->gpadl);
        if (status == VMB_OK)
            unlist(channel, gpadl);
        if (status >= VMB_OK || (status != VMB_E_STATE && !again))
            continue;
        if (vmb_gpadl_destroy_start(&gpadl->gpadl) == VMB_OK)
            channel->begun_ = true;
        else
            channel->disable_wanted_ = true;
    }
    return !channel->gpadls_;
}

/* VMB_AGAIN, or what keeps one of them up. */
enum vmb_status vmb_gpadls_status(const struct vmb_channel *channel)
{
    const struct vmb_channel_gpadl *gpadl;
    enum vmb_status status;

    for (gpadl = channel->gpadls_; gpadl; gpadl = gpadl->next_) {
        status = vmb_gpadl_destroy_status(&gpadl->gpadl);
        if (status < VMB_OK)
            return status;
    }
    return VMB_AGAIN;
}
