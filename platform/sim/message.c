/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Control messages from the guest: the table, and the checks all share. */
#include "internal.h"

#include <stddef.h>

static void tl_connect(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    const uint8_t *endpoint = message->bytes + 8, *service = endpoint + 16;
    uint8_t answer[44] = { MSG_TL_RESULT };
    uint32_t status = message->refuse ? message->refuse : STATUS_UNREACHABLE;

    if (!message->refuse && sim->cfg.on_tl_connect &&
        sim->cfg.on_tl_connect(sim->cfg.ctx, endpoint, service))
        return;
    if (sim->version < VERSION_4_1)
        return;
    for (uint32_t i = 0; i < 32; i++)
        answer[8 + i] = endpoint[i];
    put32(answer + 40, status);
    vmb_h_post(sim, answer, sizeof answer);
}

typedef void handler(struct vmb_sim *sim, const struct vmb_h_message *message);

/* By number: least length with header, first version that has it. */
static const struct {
    handler *handle;
    uint32_t len, version;
} table[MSG_LAST + 1] = {
    [MSG_REQUEST_OFFERS] = { vmb_h_request_offers, 8, VERSION_0_13 },
    [MSG_OPEN] = { vmb_h_open, OPEN_LEN, VERSION_0_13 },
    [MSG_CLOSE] = { vmb_h_close, 12, VERSION_0_13 },
    [MSG_GPADL_HEADER] = { vmb_h_gpadl_header, 20, VERSION_0_13 },
    [MSG_GPADL_BODY] = { vmb_h_gpadl_body, 16, VERSION_0_13 },
    [MSG_GPADL_TEARDOWN] = { vmb_h_gpadl_teardown, 16, VERSION_0_13 },
    [MSG_RELEASED] = { vmb_h_released, 12, VERSION_0_13 },
    [MSG_CONTACT] = { vmb_h_contact, CONTACT_LEN, 0 },
    [MSG_UNLOAD] = { vmb_h_unload, 8, VERSION_0_13 },
    [MSG_TL_CONNECT] = { tl_connect, 40, VERSION_4_0 },
    [MSG_MODIFY] = { vmb_h_modify, 16, VERSION_4_1 },
};

static void handle(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    uint32_t number = get32(message->bytes);

    if (number > MSG_LAST || !table[number].handle) {
        vmb_h_wrong(sim, "message %u is not one this host takes", number);
        return;
    }
    if (message->len < table[number].len) {
        vmb_h_wrong(sim, "message %u of %u bytes, needs %u", number,
                    message->len, table[number].len);
        return;
    }
    if (get32(message->bytes + 4) != 0)
        vmb_h_wrong(sim, "message %u: padding word is not zero", number);
    if (number != MSG_CONTACT && !sim->connected) {
        vmb_h_odd(sim, "message %u while not connected", number);
        return;
    }
    if (number != MSG_CONTACT && sim->version < table[number].version) {
        vmb_h_odd(sim, "message %u needs version %#x, agreed is %#x", number,
                  table[number].version, sim->version);
        return;
    }
    table[number].handle(sim, message);
}

bool vmb_h_handle_next(struct vmb_sim *sim)
{
    struct vmb_h_message *message = vmb_h_ready(&sim->to_host), taken;

    if (!message)
        return false;
    taken = *message;
    vmb_h_pop(&sim->to_host);
    if (taken.rescind)
        vmb_sim_rescind(taken.rescind);
    handle(sim, &taken);
    return true;
}
