/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_synic_take(): whatever stands in the message slot, and however often it
 * changes, only the slot is looked at, no more is copied than the caller has
 * room for and a message can hold, and a slot that was full is given back.
 *
 * Bounds: none; no loops.
 *
 * Options: --unsigned-overflow-check
 */
#include "../host.h"

#include "../../../src/fault.c"
#include "../../../src/hv/synic.c"

static struct vmb_message_slot slots[VMB_SINT_VMBUS + 2];
static uint32_t stored;

static void check_access(const void *at, size_t len)
{
    const struct vmb_message_slot *slot = &slots[VMB_SINT_VMBUS];
    size_t offset = __CPROVER_POINTER_OFFSET(at);

    PROVE(__CPROVER_same_object(at, slots));
    PROVE(offset >= __CPROVER_POINTER_OFFSET(slot));
    PROVE(offset + len <= __CPROVER_POINTER_OFFSET(slot + 1));
    stored += at == &slot->type; /* looked at first, then emptied */
}

uint64_t vmb_hv_reg_get(const struct vmb_hv *hv, uint32_t reg)
{
    (void)hv;
    (void)reg;
    return nondet_u64();
}

void vmb_hv_reg_set(const struct vmb_hv *hv, uint32_t reg, uint64_t value)
{
    (void)hv;
    PROVE(reg == VMB_REG_EOM && value == 0);
}

uint64_t vmb_hv_page_register(const struct vmb_hv *hv, const void *page)
{
    (void)hv;
    (void)page;
    return nondet_u64();
}

int main(void)
{
    static uint8_t copy[VMB_MESSAGE_BYTES];
    struct vmb_cpu cpu = { .simp_ = slots };
    uint32_t cap = nondet_u32(), bytes = nondet_u32();
    struct vmb_fault fault;
    enum vmb_status status;

    GIVEN(cap <= sizeof copy);
    /* So that a byte too many is seen. */
    status =
        vmb_synic_take(&cpu, copy + sizeof copy - cap, cap, &bytes, &fault);
    PROVE(stored == (status == VMB_AGAIN ? 1 : 2));
    PROVE(status == VMB_OK || status == VMB_AGAIN || status == VMB_E_HOST);
    if (status == VMB_OK)
        PROVE(bytes <= VMB_MESSAGE_BYTES);
    if (status == VMB_E_HOST)
        PROVE(fault.status == VMB_E_HOST && fault.site != VMB_SITE_NONE);
    return 0;
}
