/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "trace.h"

void vmb_trace(const struct vmb_platform *plat, enum vmb_event event,
               uint32_t relid, uint64_t a, uint64_t b)
{
    struct vmb_trace t;

    if (!plat->trace)
        return;
    t.event = (uint16_t)event;
    t.relid = (uint16_t)relid;
    t.a = a;
    t.b = b;
    plat->trace(plat->ctx, &t);
}
