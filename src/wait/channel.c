/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "turn.h"

/* Also inside post_started, where the life cycle cannot be moved on: a
 * channel that dies there is closed by the poll that runs the callback. */
static enum vmb_status turn(struct vmb_channel *channel)
{
    enum vmb_status bus = vmb_wait_turn(vmb_channel_conn(channel)), status;

    status = vmb_channel_poll(channel);
    status = vmb_channel_process(channel, VMB_CHANNEL_BUDGET);
    (void)status; /* the object's own status tells what came of it */
    return bus;
}

/* The request's status; inside post_started, where the life cycle does not
 * move on and cannot cancel it, what the channel died of. */
static enum vmb_status answer(const struct vmb_channel *channel,
                              const struct vmb_request *request)
{
    enum vmb_status status = vmb_channel_request_status(request);
    enum vmb_status alive = vmb_channel_status(channel);

    return status == VMB_AGAIN && alive < VMB_OK &&
                   vmb_channel_is_inside(channel)
               ? alive
               : status;
}

enum goal {
    UP,
    DOWN,
    PAUSED,
    ANSWERED
};

static enum vmb_status reached(const struct vmb_channel *channel,
                               enum goal goal,
                               const struct vmb_request *request)
{
    switch (goal) {
    case UP:
        break;
    case DOWN:
        return vmb_channel_disable_status(channel);
    case PAUSED:
        return vmb_channel_pause_status(channel);
    case ANSWERED:
        return answer(channel, request);
    }
    return vmb_channel_status(channel);
}

/* While the goal's status is VMB_AGAIN and the connection lives, until the
 * time is over. */
static enum vmb_status wait_for(struct vmb_channel *channel, uint64_t timeout,
                                enum goal goal,
                                const struct vmb_request *request)
{
    const struct vmb_conn *conn = vmb_channel_conn(channel);
    enum vmb_status status = reached(channel, goal, request), bus = VMB_OK;
    uint64_t deadline;

    /* Also on a channel that was never initialised, which has no clock. */
    if (status != VMB_AGAIN)
        return status;
    deadline = vmb_wait_deadline(conn, timeout);
    do {
        if (bus < VMB_OK)
            return bus;
        if (vmb_wait_is_past(conn, deadline))
            return VMB_E_TIMEOUT;
        bus = turn(channel);
    } while ((status = reached(channel, goal, request)) == VMB_AGAIN);
    return status;
}

enum vmb_status vmb_wait_channel(struct vmb_channel *channel, uint64_t timeout)
{
    if (vmb_channel_is_inside(channel))
        return VMB_E_STATE;
    return wait_for(channel, timeout, UP, NULL);
}

enum vmb_status vmb_wait_channel_disable(struct vmb_channel *channel,
                                         uint64_t timeout)
{
    if (vmb_channel_is_inside(channel) ||
        vmb_channel_disable_start(channel) != VMB_OK)
        return VMB_E_STATE;
    return wait_for(channel, timeout, DOWN, NULL);
}

enum vmb_status vmb_wait_channel_pause(struct vmb_channel *channel,
                                       uint64_t timeout)
{
    if (vmb_channel_is_inside(channel) ||
        vmb_channel_pause_start(channel) != VMB_OK)
        return VMB_E_STATE;
    return wait_for(channel, timeout, PAUSED, NULL);
}

enum vmb_status vmb_wait_synchronous_request(struct vmb_channel *channel,
                                             struct vmb_request *request,
                                             const void *buffer, uint32_t bytes,
                                             const struct vmb_mdl *mdl,
                                             uint32_t flags, uint64_t timeout)
{
    /* Can an answer be received at all, from where this is called? */
    enum vmb_status status = vmb_channel_process(channel, 0);

    if (status < VMB_OK)
        return status;
    if (timeout == 0)
        flags |= VMB_REQUEST_DO_NOT_QUEUE;
    status =
        vmb_channel_request_start(channel, request, buffer, bytes, mdl, flags);
    if (status != VMB_OK)
        return status;
    /* Its routine, if it is in the ring by now and that was all. */
    (void)(vmb_channel_process(channel, 0) == VMB_OK);
    status = wait_for(channel, timeout, ANSWERED, request);
    /* VMB_E_STATE: nothing is left to give up.  Else it may have kept others
     * in the queue. */
    if (vmb_channel_request_abandon(request) == VMB_OK)
        (void)(vmb_channel_process(channel, 0) == VMB_OK);
    return status;
}
