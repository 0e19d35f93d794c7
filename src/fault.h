/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_FAULT_H
#define VMB_SRC_FAULT_H
/*
 * Fault records, and the invariants that are ours alone to keep.
 *
 * VMB_INVARIANT never looks at anything the host, the port or the caller can
 * set: what they send is checked and answered with a status.
 */
#include <vmb/status.h>

#include "layout.h"

#ifdef VMB_INVARIANTS
#define VMB_INVARIANT(what) ((what) ? (void)0 : __builtin_trap())
#else
#define VMB_INVARIANT(what) ((void)sizeof(what))
#endif

/* Nothing is wrong. */
extern const struct vmb_fault vmb_no_fault;

/* Fill in *fault and hand the status on, so that a check is one line. */
VMB_RARE enum vmb_status vmb_fault_set(struct vmb_fault *fault,
                                       enum vmb_status status,
                                       enum vmb_site site, uint64_t got,
                                       uint64_t limit);

/* The host broke the protocol: VMB_E_HOST. */
VMB_RARE enum vmb_status vmb_fault_host(struct vmb_fault *fault,
                                        enum vmb_site site, uint64_t got,
                                        uint64_t limit);

/* The caller did: VMB_E_ARG. */
enum vmb_status vmb_fault_arg(struct vmb_fault *fault, uint64_t got,
                              uint64_t limit);

/*
 * A status word from the host as a record: 0 is yes, the rest is a refusal.
 * Returns &vmb_no_fault, or fault filled in.
 */
const struct vmb_fault *vmb_fault_of_answer(struct vmb_fault *fault,
                                            uint32_t answer,
                                            enum vmb_site site);

/* The same for an answer in which the host gave a code of its own. */
enum vmb_status vmb_fault_code(struct vmb_fault *fault, enum vmb_status status,
                               enum vmb_site site, uint32_t code);

#endif
