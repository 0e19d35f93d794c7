/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_HV_HYPERCALL_H
#define VMB_SRC_HV_HYPERCALL_H

#include <vmb/hv.h>

/* Registers of the calling CPU, VMB_REG_*. */
uint64_t vmb_hv_reg_get(const struct vmb_hv *hv, uint32_t reg);
void vmb_hv_reg_set(const struct vmb_hv *hv, uint32_t reg, uint64_t value);

/*
 * Both return the hypercall's status, VMB_HV_STATUS_*.  input: a whole struct
 * vmb_post_input at the start of a page.
 */
uint32_t vmb_hv_post_message(const struct vmb_hv *hv, const void *input);
uint32_t vmb_hv_signal_event(const struct vmb_hv *hv, uint32_t connection_id);

/* Statuses after which the same call may succeed a little later. */
bool vmb_hv_transient(uint32_t status);

/*
 * A page's address as a register takes it: page number in bits 12 and up, and
 * the enable bit.
 */
uint64_t vmb_hv_page_register(const struct vmb_hv *hv, const void *page);

#endif
