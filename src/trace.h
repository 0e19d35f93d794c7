/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_TRACE_H
#define VMB_SRC_TRACE_H

#include <vmb/platform.h>

/* Hand one event to the port, if it wants to know. */
void vmb_trace(const struct vmb_platform *plat, enum vmb_event event,
               uint32_t relid, uint64_t a, uint64_t b);

#endif
