/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_HV_SYNIC_H
#define VMB_SRC_HV_SYNIC_H

#include <vmb/hv.h>

struct vmb_message_slot;

/*
 * Take the message waiting for this CPU's VMBus SINT: copy at most `cap` bytes
 * of its payload to dst, give the slot back, ask for the next one.  Runs on
 * that CPU.
 *
 * VMB_OK     *bytes is the payload's length as the slot says, at most 240
 * VMB_AGAIN  there is none
 * VMB_E_HOST a message of a kind or size that cannot be: dropped; see *fault
 */
enum vmb_status vmb_synic_take(struct vmb_cpu *cpu, void *dst, uint32_t cap,
                               uint32_t *bytes, struct vmb_fault *fault);

#endif
