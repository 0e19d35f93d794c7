/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "../layout.h"
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
static void hold_external(struct vmb_packet *packet)
{
    struct vmb_out *out = &packet->queued_.out_;
    uint64_t *pfns = packet->pfns_;
    struct vmb_mdl *mdl;

    /* Cannot fail: check_external() has passed the same. */
    (void)(vmb_mdl_slice(packet->mdls_, packet->mdl_cap_, out->mdl,
                         out->mdl_offset, out->mdl_length) == VMB_OK);
    for (mdl = packet->mdls_; mdl; mdl = mdl->next) {
        __builtin_memcpy(pfns, mdl->pfns, 8 * (size_t)mdl->pfn_count);
        mdl->pfns = pfns;
        pfns += mdl->pfn_count;
    }
    out->mdl = packet->mdls_;
    out->mdl_offset = 0;
}

/* The payload may lie in the packet: what an answer left there. */
VMB_RARE static enum vmb_status hold(struct vmb_packet *packet)
{
    struct vmb_queued *queued = &packet->queued_;
    struct vmb_iov *payload = &queued->iov_[1];

    if (payload->len)
        __builtin_memmove(queued->inline_, payload->base, payload->len);
    payload->base = queued->inline_;
    if (queued->out_.mdl)
        hold_external(packet);
    queued->state_ = VMB_PACKET_QUEUED;
    vmb_list_append(&packet->channel_->queue_, queued);
    return VMB_OK;
}

VMB_UNFOLDED static void describe(struct vmb_packet *packet,
                                  const struct request *request)
{
    struct vmb_queued *queued = &packet->queued_;

    packet->pipe_[1] = request->bytes;
    queued->iov_[1].base = request->buffer;
    queued->iov_[1].len = request->bytes;
    queued->out_.kind = request->mdl ? VMB_GPA_DIRECT : VMB_INBAND;
    queued->out_.want_reply =
        (request->flags & VMB_SEND_WAIT_FOR_COMPLETION) != 0;
    queued->out_.mdl = request->mdl;
    queued->out_.mdl_offset = request->offset;
    queued->out_.mdl_length = request->length;
}

VMB_RARE static void call_routines(struct vmb_channel *channel)
{
    uint32_t i;

    for (i = 0; i < ROUTINES && !vmb_list_is_empty(&channel->done_); i++)
        vmb_queue_done(channel);
}

/*
 * A packet that is done at once has its routine called before this returns,
 * unless the send comes from a callback.  So have those that such routines
 * send: nobody may come back to us otherwise.  But not for ever.
 */
VMB_UNFOLDED static enum vmb_status finish(struct vmb_packet *packet,
                                           enum vmb_status status)
{
    struct vmb_channel *channel = packet->channel_;

    if (status == VMB_AGAIN)
        status = hold(packet);
    if (!vmb_list_is_empty(&channel->done_) && !channel->inside_)
        call_routines(channel);
    vmb_channel_leave(channel);
    return status;
}

VMB_APART static enum vmb_status send(struct vmb_packet *packet,
                                      const struct request *request)
{
    struct vmb_channel *channel = packet->channel_;
    enum vmb_status status;

    if (!channel)
        return VMB_E_STATE;
    if (!vmb_channel_enter(channel))
        return VMB_E_LANE;
    status = check(packet, request);
    if (status == VMB_OK) {
        describe(packet, request);
        status = vmb_queue_put(channel, &packet->queued_);
    }
    return finish(packet, status);
}

/* Of the MDL.  A request of its own, so that the short way needs none. */
VMB_APART static enum vmb_status send_whole(struct vmb_packet *packet,
                                            const void *buffer, uint32_t bytes,
                                            const struct vmb_mdl *mdl,
                                            uint32_t flags)
{
    const struct request request = { buffer, bytes, flags, mdl, 0, 0 };

    return send(packet, &request);
}

/* ---- The short way ------------------------------------------------------- */

/* One member, whole, which the packet could hold. */
static inline bool is_plain_external(const struct vmb_packet *packet,
                                     const struct vmb_mdl *mdl, uint32_t flags)
{
    return flags & VMB_SEND_WAIT_FOR_COMPLETION && !mdl->next &&
           mdl->byte_count <= packet->external_cap_ &&
           !vmb_pipe_bytes(packet->channel_);
}

/*
 * What nearly every send is, seen to be right without a call; the rest is left
 * to check().  With nothing queued before it a packet is measured by the ring
 * before it can have to wait, so what the ring refuses is not looked at here: a
 * buffer or a member that is wrong.
 */
static inline bool is_plain(const struct vmb_packet *packet,
                            const struct request *request)
{
    const struct vmb_channel *channel = packet->channel_;

    return packet->queued_.state_ == VMB_PACKET_IDLE && packet->routine_ &&
           !(request->flags & ~(uint32_t)KNOWN_FLAGS) &&
           request->bytes <= packet->queued_.inline_cap_ &&
           channel->state_ == VMB_CHANNEL_ACTIVE && channel->dead_ == VMB_OK &&
           vmb_list_is_empty(&channel->queue_) &&
           (!request->mdl ||
            is_plain_external(packet, request->mdl, request->flags));
}

VMB_UNFOLDED static enum vmb_status send_plain(struct vmb_packet *packet,
                                               const struct request *request)
{
    struct vmb_channel *channel = packet->channel_;
    struct vmb_queued *queued = &packet->queued_;
    enum vmb_status status;

    if (!vmb_channel_enter(channel))
        return VMB_E_LANE;
    describe(packet, request);
    status = vmb_queue_try(channel, queued);
    if (status != VMB_OK || !queued->out_.want_reply)
        return finish(packet, vmb_queue_tried(channel, queued, status));
    queued->state_ = VMB_PACKET_IN_RING;
    vmb_list_append(&channel->in_ring_, queued);
    return finish(packet, VMB_OK);
}

enum vmb_status vmb_packet_send(struct vmb_packet *packet, const void *buffer,
                                uint32_t bytes, const struct vmb_mdl *mdl,
                                uint32_t flags)
{
    const struct request request = { buffer, bytes, flags, mdl, 0, 0 };

    /* There is no length to force. */
    if (flags & VMB_SEND_FORCE_MDL_LENGTH)
        return VMB_E_ARG;
    if (VMB_PLAIN_PAYS && is_plain(packet, &request))
        return send_plain(packet, &request);
    return send_whole(packet, buffer, bytes, mdl, flags);
}

/* The first member, not empty, alone, with the bytes up to the end of its last
 * page. */
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
        if (mdl_length == 0 || mdl->byte_count == 0)
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
