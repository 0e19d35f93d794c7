/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

#define KNOWN_FLAGS                                             \
    (VMB_SEND_WAIT_FOR_COMPLETION | VMB_SEND_FORCE_MDL_LENGTH | \
     VMB_SEND_PAGED_BUFFER)

/* That follow one another inside one send: see VMB_CHANNEL_BUDGET. */
#define ROUTINES VMB_CHANNEL_BUDGET

/* One send, whatever function it came through. */
struct request {
    const void *buffer;
    uint32_t bytes, flags;
    const struct vmb_mdl *mdl; /* NULL: no external data */
    uint64_t offset, length;
};

/* Inside started a channel is ACTIVE, and WAITING and OPENING only queue. */
static bool takes_sends(const struct vmb_channel *channel)
{
    return channel->state_ == VMB_CHANNEL_ACTIVE ||
           channel->state_ == VMB_CHANNEL_WAITING ||
           channel->state_ == VMB_CHANNEL_OPENING;
}

/* What the packet can hold; checked whether it has to hold it or not, so that
 * a full ring does not change what can be sent. */
static enum vmb_status check_external(const struct vmb_packet *packet,
                                      const struct request *request)
{
    struct vmb_mdl_extent extent;
    enum vmb_status status;

    if (!(request->flags & VMB_SEND_WAIT_FOR_COMPLETION) ||
        vmb_pipe_bytes(packet->channel_))
        return VMB_E_ARG;
    status = vmb_mdl_measure(request->mdl, request->offset, request->length,
                             &extent);
    if (status != VMB_OK)
        return status;
    if (extent.bytes == 0)
        return VMB_E_ARG;
    return extent.bytes > packet->external_cap_ ||
                   extent.ranges > packet->mdl_cap_
               ? VMB_E_TOOBIG
               : VMB_OK;
}

static enum vmb_status check(const struct vmb_packet *packet,
                             const struct request *request)
{
    const struct vmb_channel *channel = packet->channel_;

    if (packet->queued_.state_ != VMB_PACKET_IDLE || !packet->routine_)
        return VMB_E_STATE;
    if (request->flags & ~(uint32_t)KNOWN_FLAGS ||
        (request->bytes && !request->buffer))
        return VMB_E_ARG;
    if (!takes_sends(channel))
        return VMB_E_STATE;
    if (channel->dead_ != VMB_OK)
        return channel->dead_;
    if (request->bytes > packet->queued_.inline_cap_)
        return VMB_E_TOOBIG;
    return request->mdl ? check_external(packet, request) : VMB_OK;
}

/* Copy chain and page numbers into the packet, which was made for as many. */
static void hold_external(struct vmb_packet *packet,
                          const struct request *request)
{
    uint64_t *pfns = packet->pfns_;
    struct vmb_mdl *mdl;

    /* Cannot fail: check_external() has passed the same. */
    (void)(vmb_mdl_slice(packet->mdls_, packet->mdl_cap_, request->mdl,
                         request->offset, request->length) == VMB_OK);
    for (mdl = packet->mdls_; mdl; mdl = mdl->next) {
        __builtin_memcpy(pfns, mdl->pfns, 8 * (size_t)mdl->pfn_count);
        mdl->pfns = pfns;
        pfns += mdl->pfn_count;
    }
    packet->queued_.mdl_ = packet->mdls_;
}

static void hold(struct vmb_packet *packet, const struct request *request)
{
    struct vmb_queued *queued = &packet->queued_;
    const struct vmb_out *out = &packet->channel_->out_;
    uint8_t *at = queued->inline_;
    uint32_t i;

    for (i = 0; i < out->iov_count; i++) {
        if (out->iov[i].len)
            __builtin_memcpy(at, out->iov[i].base, out->iov[i].len);
        at += out->iov[i].len;
    }
    queued->inline_bytes_ = (uint32_t)(at - (uint8_t *)queued->inline_);
    if (request->mdl)
        hold_external(packet, request);
    queued->state_ = VMB_PACKET_QUEUED;
    vmb_list_append(&packet->channel_->queue_, queued);
}

static enum vmb_status put(struct vmb_packet *packet,
                           const struct request *request)
{
    const uint32_t pipe[2] = { VMB_PIPE_DATA, request->bytes };
    struct vmb_channel *channel = packet->channel_;
    struct vmb_queued *queued = &packet->queued_;
    enum vmb_status status;

    queued->kind_ = request->mdl ? VMB_GPA_DIRECT : VMB_INBAND;
    queued->want_reply_ = request->flags & VMB_SEND_WAIT_FOR_COMPLETION;
    queued->mdl_ = request->mdl;
    vmb_queue_describe(channel, queued, request->buffer, request->bytes);
    channel->out_.mdl_offset = request->offset;
    channel->out_.mdl_length = request->length;
    if (vmb_pipe_bytes(channel)) {
        channel->iov_[1] = channel->iov_[0];
        channel->iov_[0].base = pipe;
        channel->iov_[0].len = sizeof pipe;
        channel->out_.iov_count = 2;
    }
    status = vmb_queue_put(channel, queued);
    if (status != VMB_AGAIN)
        return status;
    hold(packet, request);
    return VMB_OK;
}

/*
 * A packet that is done at once has its routine called before this returns,
 * unless the send comes from a callback.  So have those that such routines
 * send: nobody may come back to us otherwise.  But not for ever.
 */
static enum vmb_status send(struct vmb_packet *packet,
                            const struct request *request)
{
    struct vmb_channel *channel = packet->channel_;
    enum vmb_status status;
    uint32_t i;

    if (!channel)
        return VMB_E_STATE;
    if (!vmb_channel_enter(channel))
        return VMB_E_LANE;
    status = check(packet, request);
    if (status == VMB_OK)
        status = put(packet, request);
    for (i = 0; i < ROUTINES && channel->done_.first_ && !channel->inside_; i++)
        vmb_queue_done(channel);
    vmb_channel_leave(channel);
    return status;
}

enum vmb_status vmb_packet_send(struct vmb_packet *packet, const void *buffer,
                                uint32_t bytes, const struct vmb_mdl *mdl,
                                uint32_t flags)
{
    const struct request request = { buffer, bytes, flags, mdl, 0, 0 };

    /* There is no length to force. */
    if (flags & VMB_SEND_FORCE_MDL_LENGTH)
        return VMB_E_ARG;
    return send(packet, &request);
}

/* The first member alone, with the bytes up to the end of its last page. */
static struct vmb_mdl to_page_end(const struct vmb_mdl *mdl)
{
    struct vmb_mdl forced = *mdl;
    uint64_t end = (uint64_t)mdl->byte_offset + mdl->byte_count;

    end = (end + VMB_PAGE_SIZE - 1) & ~(uint64_t)(VMB_PAGE_SIZE - 1);
    end -= mdl->byte_offset;
    forced.byte_count = end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
    forced.next = NULL;
    return forced;
}

enum vmb_status
vmb_packet_send_with_external_mdl(struct vmb_packet *packet, const void *buffer,
                                  uint32_t bytes, const struct vmb_mdl *mdl,
                                  uint64_t mdl_offset, uint64_t mdl_length,
                                  uint32_t flags)
{
    struct request request = {
        buffer, bytes, flags, mdl, mdl_offset, mdl_length
    };
    struct vmb_mdl forced;

    if (!mdl)
        return VMB_E_ARG;
    if (flags & VMB_SEND_FORCE_MDL_LENGTH) {
        if (mdl_length == 0 || mdl->byte_offset >= VMB_PAGE_SIZE)
            return VMB_E_ARG;
        forced = to_page_end(mdl);
        request.mdl = &forced;
    }
    return send(packet, &request);
}

enum vmb_status vmb_packet_send_with_external_pfns(
    struct vmb_packet *packet, const void *buffer, uint32_t bytes,
    const uint64_t *pfns, uint32_t count, uint32_t flags)
{
    const struct vmb_mdl mdl = { NULL, pfns, count, 0, count * VMB_PAGE_SIZE };

    if (!pfns || count == 0)
        return VMB_E_ARG;
    if (count > UINT32_MAX / VMB_PAGE_SIZE)
        return VMB_E_TOOBIG;
    return vmb_packet_send(packet, buffer, bytes, &mdl, flags);
}
