/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A reply turned into a refusal on its way out.  What it would have confirmed
 * is undone, so that host and guest go on agreeing.
 */
#include "internal.h"

static void refuse_open(struct vmb_sim *sim, struct vmb_h_message *message,
                        uint32_t status)
{
    struct vmb_sim_chan *chan =
        vmb_h_by_relid(sim, get32(message->bytes + CHAN_ID));

    put32(message->bytes + 16, status);
    if (chan)
        vmb_h_chan_close(chan);
}

static void refuse_gpadl(struct vmb_sim *sim, struct vmb_h_message *message,
                         uint32_t status)
{
    uint32_t id = get32(message->bytes + GPADL_ID);
    struct vmb_h_gpadl *gpadl = sim->gpadls;

    put32(message->bytes + 16, status);
    while (gpadl && gpadl->id != id)
        gpadl = gpadl->next;
    if (gpadl)
        vmb_h_gpadl_drop(sim, gpadl);
}

void vmb_h_refuse(struct vmb_sim *sim, struct vmb_h_message *message,
                  uint32_t status)
{
    switch (get32(message->bytes)) {
    case MSG_OPEN_RESULT:
        refuse_open(sim, message, status);
        break;
    case MSG_GPADL_CREATED:
        refuse_gpadl(sim, message, status);
        break;
    case MSG_VERSION:
        vmb_h_disconnect(sim);
        for (uint32_t i = 8; i < message->len; i++)
            message->bytes[i] = 0;
        break;
    case MSG_MODIFIED:
        put32(message->bytes + 12, status);
        break;
    default:
        break;
    }
}
