/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "chan_internal.h"

#include "../fault.h"
#include "../lane.h"

/* Hand a GPADL whose description is complete to the bus. */
static enum vmb_status begin(struct vmb_gpadl *gpadl, struct vmb_chan *chan)
{
    enum vmb_status status;

    gpadl->bus_ = chan->bus_;
    gpadl->chan_ = chan;
    gpadl->relid_ = chan->relid_;
    gpadl->fault_.status = VMB_OK;
    gpadl->state_ = VMB_GPADL_CREATING;
    gpadl->unheard_ = false;
    gpadl->down_posted_ = false;
    status = chan->bus_->ops->gpadl(chan->bus_, gpadl);
    if (status != VMB_OK)
        gpadl->state_ = VMB_GPADL_NONE;
    return status;
}

enum vmb_status vmb_gpadl_begin(struct vmb_gpadl *gpadl, struct vmb_chan *chan,
                                const void *va, uint32_t pages)
{
    gpadl->va_ = va;
    gpadl->pfns_ = NULL;
    gpadl->page_count_ = pages;
    gpadl->byte_offset_ = 0;
    gpadl->byte_count_ = pages * VMB_PAGE_SIZE;
    return begin(gpadl, chan);
}

/* May a GPADL of the caller's be made on this channel now? */
static enum vmb_status check(const struct vmb_gpadl *gpadl,
                             const struct vmb_chan *chan, uint64_t pages)
{
    if (pages > VMB_GPADL_PAGES)
        return VMB_E_TOOBIG;
    if (gpadl->state_ != VMB_GPADL_NONE)
        return VMB_E_STATE;
    if (chan->rescinded_)
        return VMB_E_RESCINDED;
    return chan->state_ == VMB_CHAN_OPEN ? VMB_OK : VMB_E_STATE;
}

static enum vmb_status create(struct vmb_gpadl *gpadl, struct vmb_chan *chan,
                              const struct vmb_mdl *mdl)
{
    struct vmb_mdl_extent extent;
    enum vmb_status status;

    if (mdl->next || vmb_mdl_measure(mdl, 0, 0, &extent) != VMB_OK ||
        extent.bytes == 0)
        return VMB_E_ARG;
    status = check(gpadl, chan, extent.pfns);
    if (status != VMB_OK)
        return status;
    gpadl->va_ = NULL;
    gpadl->pfns_ = mdl->pfns;
    gpadl->page_count_ = extent.pfns;
    gpadl->byte_offset_ = mdl->byte_offset;
    gpadl->byte_count_ = mdl->byte_count;
    return begin(gpadl, chan);
}

static enum vmb_status create_virtual(struct vmb_gpadl *gpadl,
                                      struct vmb_chan *chan, const void *va,
                                      size_t len)
{
    enum vmb_status status;

    if (!va || (uintptr_t)va % VMB_PAGE_SIZE || len == 0 ||
        len % VMB_PAGE_SIZE || len - 1 > UINTPTR_MAX - (uintptr_t)va)
        return VMB_E_ARG;
    status = check(gpadl, chan, len / VMB_PAGE_SIZE);
    if (status != VMB_OK)
        return status;
    return vmb_gpadl_begin(gpadl, chan, va, (uint32_t)(len / VMB_PAGE_SIZE));
}

/* A channel that was never opened has no bus whose lane could be entered. */
enum vmb_status vmb_gpadl_create_start(struct vmb_gpadl *gpadl,
                                       struct vmb_chan *chan,
                                       const struct vmb_mdl *mdl)
{
    enum vmb_status status;

    if (!chan->bus_)
        return VMB_E_STATE;
    if (!vmb_bus_enter(chan->bus_))
        return VMB_E_LANE;
    status = create(gpadl, chan, mdl);
    vmb_bus_leave(chan->bus_);
    return status;
}

enum vmb_status vmb_gpadl_create_virtual_start(struct vmb_gpadl *gpadl,
                                               struct vmb_chan *chan,
                                               const void *va, size_t len)
{
    enum vmb_status status;

    if (!chan->bus_)
        return VMB_E_STATE;
    if (!vmb_bus_enter(chan->bus_))
        return VMB_E_LANE;
    status = create_virtual(gpadl, chan, va, len);
    vmb_bus_leave(chan->bus_);
    return status;
}

/* What the failure says of who has the memory. */
static enum vmb_gpadl_state state_after(const struct vmb_gpadl *gpadl,
                                        const struct vmb_fault *why)
{
    if (why->status == VMB_OK)
        return VMB_GPADL_LIVE;
    if (why->status == VMB_E_REFUSED || gpadl->unheard_)
        return VMB_GPADL_NONE;
    return VMB_GPADL_DOUBTFUL;
}

void vmb_bus_gpadl_done(struct vmb_gpadl *gpadl, const struct vmb_fault *why)
{
    gpadl->state_ = state_after(gpadl, why);
    gpadl->fault_ = *why;
    if (gpadl->ring_)
        vmb_chan_ring_created(gpadl->chan_, why);
}

void vmb_bus_gpadl_down_done(struct vmb_gpadl *gpadl,
                             const struct vmb_fault *why)
{
    gpadl->state_ = why->status == VMB_OK ? VMB_GPADL_NONE : VMB_GPADL_DOUBTFUL;
    gpadl->fault_ = *why;
    if (gpadl->ring_)
        vmb_chan_ring_down(gpadl->chan_, why);
}

void vmb_bus_gpadl_lost(struct vmb_gpadl *gpadl)
{
    vmb_fault_set(&gpadl->fault_, VMB_E_STATE, VMB_SITE_UNLOADED, gpadl->relid_,
                  0);
    gpadl->state_ = VMB_GPADL_NONE;
}

enum vmb_status vmb_gpadl_create_status(const struct vmb_gpadl *gpadl)
{
    switch (gpadl->state_) {
    case VMB_GPADL_LIVE:
        return VMB_OK;
    case VMB_GPADL_CREATING:
        return VMB_AGAIN;
    case VMB_GPADL_NONE:
    case VMB_GPADL_DESTROYING:
    case VMB_GPADL_DOUBTFUL:
        break;
    }
    return gpadl->fault_.status < VMB_OK ? gpadl->fault_.status : VMB_E_STATE;
}

uint32_t vmb_gpadl_id(const struct vmb_gpadl *gpadl)
{
    return gpadl->state_ == VMB_GPADL_LIVE ? gpadl->id_ : 0;
}

enum vmb_status vmb_gpadl_end(struct vmb_gpadl *gpadl)
{
    enum vmb_gpadl_state before = gpadl->state_;
    enum vmb_status status;

    if (before == VMB_GPADL_NONE || before == VMB_GPADL_DESTROYING)
        return VMB_OK;
    if (before == VMB_GPADL_CREATING)
        return VMB_E_STATE;
    gpadl->state_ = VMB_GPADL_DESTROYING;
    status = gpadl->bus_->ops->gpadl_down(gpadl->bus_, gpadl);
    if (status != VMB_OK)
        gpadl->state_ = before;
    return status;
}

enum vmb_status vmb_gpadl_destroy_start(struct vmb_gpadl *gpadl)
{
    enum vmb_status status;

    if (!gpadl->bus_) /* never created */
        return VMB_OK;
    if (!vmb_bus_enter(gpadl->bus_))
        return VMB_E_LANE;
    status = vmb_gpadl_end(gpadl);
    vmb_bus_leave(gpadl->bus_);
    return status;
}

enum vmb_status vmb_gpadl_destroy_status(const struct vmb_gpadl *gpadl)
{
    switch (gpadl->state_) {
    case VMB_GPADL_NONE:
        return VMB_OK;
    case VMB_GPADL_DESTROYING:
        return VMB_AGAIN;
    case VMB_GPADL_DOUBTFUL:
        return gpadl->fault_.status;
    case VMB_GPADL_CREATING:
    case VMB_GPADL_LIVE:
        break;
    }
    return VMB_E_STATE;
}

void vmb_gpadl_fault(const struct vmb_gpadl *gpadl, struct vmb_fault *out)
{
    *out = gpadl->fault_;
}
