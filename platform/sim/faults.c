/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The schedule of faults, and damage done to messages and packets. */
#include "internal.h"

#include <string.h>

/* A good mixer of 64 bits: every bit of the seed reaches every bit out. */
uint64_t vmb_h_mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

uint64_t vmb_h_count(struct vmb_sim *sim, enum vmb_sim_point point)
{
    return __atomic_fetch_add(&sim->count[point], 1, __ATOMIC_RELAXED);
}

uint64_t vmb_sim_count(struct vmb_sim *sim, enum vmb_sim_point point)
{
    return __atomic_load_n(&sim->count[point], __ATOMIC_RELAXED);
}

uint64_t vmb_sim_faults_hit(struct vmb_sim *sim)
{
    return __atomic_load_n(&sim->hits, __ATOMIC_RELAXED);
}

/*
 * The next fault of those that strike at point k, from *from on.  A fault is
 * complete before the count admits it, so this needs no lock.
 */
const struct vmb_sim_fault *vmb_h_fault(struct vmb_sim *sim,
                                        enum vmb_sim_point point, uint64_t k,
                                        uint32_t *from)
{
    uint32_t armed = __atomic_load_n(&sim->faults, __ATOMIC_ACQUIRE);

    while (*from < armed) {
        const struct vmb_sim_fault *fault = &sim->fault[(*from)++];

        if (fault->at != point || k < fault->k || k - fault->k >= fault->times)
            continue;
        __atomic_fetch_add(&sim->hits, 1, __ATOMIC_RELAXED);
        return fault;
    }
    return NULL;
}

#define BIT(act) (1u << (act))

static bool possible(const struct vmb_sim_fault *fault)
{
    static const uint32_t acts[VMB_SIM_POINTS] = {
        [VMB_SIM_AT_HOST_MESSAGE] =
            BIT(VMB_SIM_LOSE) | BIT(VMB_SIM_DELAY) | BIT(VMB_SIM_DUPLICATE) |
            BIT(VMB_SIM_REORDER) | BIT(VMB_SIM_REFUSE) | BIT(VMB_SIM_MALFORM) |
            BIT(VMB_SIM_RESCIND) | BIT(VMB_SIM_SPURIOUS),
        [VMB_SIM_AT_GUEST_MESSAGE] =
            BIT(VMB_SIM_LOSE) | BIT(VMB_SIM_DELAY) | BIT(VMB_SIM_DUPLICATE) |
            BIT(VMB_SIM_REORDER) | BIT(VMB_SIM_REFUSE) | BIT(VMB_SIM_RESCIND) |
            BIT(VMB_SIM_SPURIOUS),
        [VMB_SIM_AT_HOST_PACKET] =
            BIT(VMB_SIM_LOSE) | BIT(VMB_SIM_DELAY) | BIT(VMB_SIM_DUPLICATE) |
            BIT(VMB_SIM_REORDER) | BIT(VMB_SIM_MALFORM) | BIT(VMB_SIM_RESCIND) |
            BIT(VMB_SIM_STALL) | BIT(VMB_SIM_SPURIOUS),
        [VMB_SIM_AT_GUEST_PACKET] = BIT(VMB_SIM_LOSE) | BIT(VMB_SIM_DELAY) |
                                    BIT(VMB_SIM_RESCIND) | BIT(VMB_SIM_STALL) |
                                    BIT(VMB_SIM_SPURIOUS),
        [VMB_SIM_AT_HYPERCALL] = BIT(VMB_SIM_FAIL) | BIT(VMB_SIM_RESCIND),
        [VMB_SIM_AT_INTERRUPT] = BIT(VMB_SIM_LOSE) | BIT(VMB_SIM_DUPLICATE),
        [VMB_SIM_AT_PORT] = BIT(VMB_SIM_FAIL),
    };
    uint32_t with_device = BIT(VMB_SIM_RESCIND) | BIT(VMB_SIM_SPURIOUS);

    if ((uint32_t)fault->at >= VMB_SIM_POINTS || (uint32_t)fault->act > 31 ||
        !(acts[fault->at] & BIT(fault->act)))
        return false;
    return !(with_device & BIT(fault->act)) || fault->dev;
}

enum vmb_status vmb_sim_fault_add(struct vmb_sim *sim,
                                  const struct vmb_sim_fault *fault)
{
    enum vmb_status status = VMB_E_NOSLOT;

    if (!possible(fault))
        return VMB_E_ARG;
    vmb_h_enter(sim);
    if (sim->faults < VMB_H_FAULTS) {
        struct vmb_sim_fault *at = &sim->fault[sim->faults];

        *at = *fault;
        if (at->times == 0)
            at->times = 1;
        __atomic_store_n(&sim->faults, sim->faults + 1, __ATOMIC_RELEASE);
        status = VMB_OK;
    }
    vmb_h_leave(sim);
    return status;
}

void vmb_sim_faults_clear(struct vmb_sim *sim)
{
    vmb_h_enter(sim);
    __atomic_store_n(&sim->faults, 0, __ATOMIC_RELEASE);
    vmb_h_leave(sim);
}

/* --- Damage --------------------------------------------------------------- */

static void garbage(uint8_t *bytes, uint32_t len, uint64_t seed)
{
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)vmb_h_mix(seed + i);
}

/* Eight kinds of damage; the rest of the seed chooses where and what. */
void vmb_h_mangle_message(struct vmb_h_message *m, uint64_t seed)
{
    uint64_t random = vmb_h_mix(seed);
    uint32_t body = m->len > 8 ? m->len - 8 : 0;

    switch (seed % 8) {
    case 0: /* truncated */
        m->len = m->says_len = (uint32_t)(random % m->len);
        break;
    case 1: /* says more than a slot holds */
        m->says_len = 241 + (uint32_t)(random % 15);
        break;
    case 2: /* a number nobody knows */
        put32(m->bytes, 30 + (uint32_t)(random % 0xffff));
        break;
    case 3: /* another number that exists */
        put32(m->bytes, 1 + (uint32_t)(random % 28));
        break;
    case 4: /* first id is wrong */
        if (body >= 4)
            put32(m->bytes + 8,
                  get32(m->bytes + 8) ^ (uint32_t)(1 + random % 0xffff));
        break;
    case 5: /* garbage everywhere behind the header */
        garbage(m->bytes + 8, body, random);
        break;
    case 6: /* one bit */
        m->bytes[random % m->len] ^= (uint8_t)(1u << (random >> 32) % 8);
        break;
    default: /* not a message of VMBus at all */
        m->says_type = 2 + (uint32_t)(random % 0xffff);
        break;
    }
}

void vmb_h_mangle_packet(uint8_t *bytes, uint32_t len, uint64_t seed)
{
    uint64_t random = vmb_h_mix(seed);

    switch (seed % 8) {
    case 0: /* type */
        put16(bytes, 12 + (uint32_t)(random % 0xfff));
        break;
    case 1: /* data before the header's end */
        put16(bytes + 2, (uint32_t)(random % 2));
        break;
    case 2: /* data behind the packet's end */
        put16(bytes + 2, get16(bytes + 4) + 1 + (uint32_t)(random % 9));
        break;
    case 3: /* longer than what was published */
        put16(bytes + 4, len / 8 + (uint32_t)(random % 0x1fff));
        break;
    case 4: /* shorter than its header */
        put16(bytes + 4, (uint32_t)(random % 2));
        break;
    case 5: /* completes something else */
        put64(bytes + 8, random);
        break;
    case 6: /* the header at random */
        garbage(bytes, PKT_HEADER, random);
        break;
    default: /* one bit of header or body */
        bytes[random % (len - PKT_TRAILER)] ^=
            (uint8_t)(1u << (random >> 32) % 8);
        break;
    }
}
