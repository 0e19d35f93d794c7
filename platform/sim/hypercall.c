/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* HvPostMessage and HvSignalEvent, with their checks. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define POST_BYTES   256u
#define SIGNAL_BYTES 8u
#define MULTI_ID     4u

/* --- Posting -------------------------------------------------------------- */

static bool connection_known(struct vmb_sim *sim, uint32_t id)
{
    if (id == 1 || id == sim->cfg.message_id)
        return true;
    return id == MULTI_ID && sim->cfg.max_version >= VERSION_5_0 &&
           !(sim->cfg.quirks & VMB_SIM_QEMU);
}

/* A contact of 5.x on id 4 that fails is how a guest learns the version. */
static void connection_wrong(struct vmb_sim *sim, uint32_t id)
{
    if (id == MULTI_ID)
        vmb_h_trace(sim, "post to connection id 4: unknown here");
    else
        vmb_h_odd(sim, "post to unknown connection id %#x", id);
}

static uint32_t post_check(struct vmb_sim *sim, const uint8_t *in)
{
    uint32_t type = get32(in + POST_TYPE), size = get32(in + POST_SIZE);
    bool qemu = sim->cfg.quirks & VMB_SIM_QEMU;

    if (size > MESSAGE_MAX) {
        vmb_h_wrong(sim, "post of %u bytes, limit %u", size, MESSAGE_MAX);
        return qemu ? HV_BAD_INPUT : HV_BAD_PARAMETER;
    }
    if (type != 1) {
        vmb_h_wrong(sim, "post of message type %#x, only 1 exists", type);
        return qemu ? HV_BAD_INPUT : HV_BAD_PARAMETER;
    }
    if (!connection_known(sim, get32(in + POST_ID))) {
        connection_wrong(sim, get32(in + POST_ID));
        return HV_BAD_CONNECTION;
    }
    if (size < 8) {
        vmb_h_wrong(sim, "control message of %u bytes, header is 8", size);
        return qemu ? HV_BAD_INPUT : HV_BAD_PARAMETER;
    }
    if (get32(in + 4) != 0)
        vmb_h_wrong(sim, "reserved word of the post is not zero");
    type = get32(in + POST_DATA);
    if (qemu && (type == 0 || type > MSG_UNLOADED + 0u)) {
        vmb_h_wrong(sim, "post of message %u, QEMU knows none above 17", type);
        return HV_BAD_INPUT;
    }
    return sim->to_host.count >= sim->cfg.post_depth ? HV_NO_BUFFERS : 0;
}

static uint32_t post(struct vmb_sim *sim, const uint8_t *in)
{
    uint32_t status = post_check(sim, in);
    struct vmb_h_message *message;

    if (status)
        return status;
    message = vmb_h_message_new(in + POST_DATA, get32(in + POST_SIZE));
    if (!message)
        return HV_NO_BUFFERS;
    message->connection = get32(in + POST_ID);
    vmb_h_accept(sim, message);
    return 0;
}

/* --- Signalling: no lock on the way through ------------------------------- */

static uint32_t signal_wrong(struct vmb_sim *sim, uint32_t id, uint32_t flag)
{
    bool revoked = false;

    vmb_h_enter(sim);
    for (uint32_t i = 0; i < sim->chans; i++)
        revoked |= sim->chan[i]->revoked && sim->chan[i]->offered_id == id;
    if (flag != 0)
        vmb_h_wrong(sim, "signal of flag %u, only 0 exists", flag);
    else if (!revoked) /* a rescind may cross a signal */
        vmb_h_odd(sim, "signal on connection id %#x, where nothing is open",
                  id);
    vmb_h_leave(sim);
    if (flag == 0)
        return HV_BAD_CONNECTION;
    return sim->cfg.quirks & VMB_SIM_QEMU ? HV_BAD_PORT : HV_BAD_PARAMETER;
}

static uint32_t *bell(struct vmb_sim *sim, uint32_t id)
{
    uint32_t count = __atomic_load_n(&sim->chans, __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t own =
            __atomic_load_n(&sim->bell[i].connection, __ATOMIC_RELAXED);

        if (own == id)
            return &sim->bell[i].rung;
    }
    if (id == EVENT_ID_SHARED &&
        __atomic_load_n(&sim->interrupt_page, __ATOMIC_RELAXED))
        return &sim->shared_bell;
    return NULL;
}

static uint32_t signal(struct vmb_sim *sim, uint64_t in)
{
    uint32_t id = (uint32_t)in, flag = (uint32_t)(in >> 32) & 0xffffu;
    uint32_t *rung = id ? bell(sim, id) : NULL;

    if (!rung || flag != 0)
        return signal_wrong(sim, id, flag);
    __atomic_fetch_add(&sim->signals, 1, __ATOMIC_RELAXED);
    __atomic_store_n(rung, VMB_H_BY_GUEST, __ATOMIC_RELEASE);
    return 0;
}

/* --- The gate ------------------------------------------------------------- */

/* The input block, or NULL and a status. */
static const uint8_t *input(struct vmb_sim *sim, uint64_t gpa, uint32_t bytes,
                            uint32_t *status)
{
    uint64_t mask = sim->cfg.quirks & VMB_SIM_QEMU ? 3 : 7;
    const uint8_t *at = vmb_h_at(sim, gpa);

    *status = 0;
    if (gpa & 7)
        vmb_h_odd(sim, "hypercall input at %#llx is not 8-aligned",
                  (unsigned long long)gpa);
    if (gpa & mask)
        *status = HV_BAD_ALIGNMENT;
    if (gpa % 4096 + bytes > 4096) {
        vmb_h_odd(sim, "hypercall input at %#llx crosses a page",
                  (unsigned long long)gpa);
        *status = HV_BAD_ALIGNMENT;
    }
    if (!at) {
        vmb_h_odd(sim, "hypercall input at %#llx is not guest memory",
                  (unsigned long long)gpa);
        *status = HV_BAD_PARAMETER;
    }
    return *status ? NULL : at;
}

static uint32_t refused(struct vmb_sim *sim, const void *page, uint32_t code)
{
    uint32_t need = code == CALL_POST ? PRIV_POST : PRIV_SIGNAL;

    if (!(sim->hypercall & 1) || sim->cfg.quirks & VMB_SIM_NO_HYPERVISOR) {
        vmb_h_odd(sim, "hypercall while the hypercall page is off");
        return HV_BAD_CODE;
    }
    if (page && sim->hypercall_page.at != page) {
        vmb_h_odd(sim, "hypercall through a page that is not enabled");
        return HV_BAD_CODE;
    }
    if (code != CALL_POST && code != CALL_SIGNAL) {
        vmb_h_wrong(sim, "hypercall %#x: the host has no such call", code);
        return HV_BAD_CODE;
    }
    if (sim->cfg.no_privileges[1] & need) {
        vmb_h_wrong(sim, "hypercall %#x without its privilege", code);
        return HV_ACCESS_DENIED;
    }
    return 0;
}

static bool transient(uint32_t status)
{
    return status == HV_NO_BUFFERS || status == HV_NO_MEMORY ||
           status == HV_TIMEOUT;
}

/* ~0: no fault says anything. */
static uint32_t faulty(struct vmb_sim *sim)
{
    uint64_t k = vmb_h_count(sim, VMB_SIM_AT_HYPERCALL);
    const struct vmb_sim_fault *fault;
    uint32_t status = ~0u, from = 0;

    if (__atomic_load_n(&sim->faults, __ATOMIC_RELAXED) == 0)
        return status;
    vmb_h_enter(sim);
    while ((fault = vmb_h_fault(sim, VMB_SIM_AT_HYPERCALL, k, &from))) {
        if (fault->act == VMB_SIM_FAIL) {
            status = (uint32_t)fault->arg & 0xffffu;
            if (!transient(status) || fault->times == VMB_SIM_FOR_EVER)
                sim->disturbed = true; /* what follows may be missing a part */
        }
        if (fault->act == VMB_SIM_RESCIND)
            vmb_sim_rescind(fault->dev);
    }
    vmb_h_leave(sim);
    return status;
}

static uint32_t post_call(struct vmb_sim *sim, uint64_t control, uint64_t in)
{
    uint32_t status;
    const uint8_t *at;

    if (control & CALL_FAST) {
        vmb_h_wrong(sim, "HvPostMessage has no fast form");
        return sim->cfg.quirks & VMB_SIM_QEMU ? HV_BAD_CODE : HV_BAD_INPUT;
    }
    at = input(sim, in, POST_BYTES, &status);
    if (!at)
        return status;
    vmb_h_enter(sim);
    status = post(sim, at);
    vmb_h_leave(sim);
    return status;
}

static uint32_t signal_call(struct vmb_sim *sim, uint64_t control, uint64_t in)
{
    uint32_t status;
    const uint8_t *at;

    if (control & CALL_FAST)
        return signal(sim, in);
    at = input(sim, in, SIGNAL_BYTES, &status);
    return at ? signal(sim, get64(at)) : status;
}

uint64_t vmb_h_hypercall(void *ctx, const void *page, uint64_t control,
                         uint64_t in, uint64_t out)
{
    struct vmb_sim *sim = ctx;
    uint32_t code = (uint32_t)control & 0xffffu;
    uint32_t status = refused(sim, page, code);

    (void)out;
    if (status)
        return status;
    status = faulty(sim);
    if (status != ~0u)
        return status;
    if (control & ~(uint64_t)(0xffffu | CALL_FAST))
        vmb_h_wrong(sim, "hypercall control %#llx: unknown bits",
                    (unsigned long long)control);
    if (code == CALL_POST)
        status = post_call(sim, control, in);
    else
        status = signal_call(sim, control, in);
    if (status == 0)
        vmb_h_kick(sim);
    return status;
}
