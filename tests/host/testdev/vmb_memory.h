/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMB_MEMORY_H
#define VMB_MEMORY_H

#include "hw/hyperv/vmbus.h"
#include "testdev_proto.h"

uint64_t vmb_memory_ranges_bytes(const VMBusChanReq *bus);

/* HASH, FILL and HOLD on the packet's ranges: status, bytes and hash of the
 * reply, whose ranges_bytes is there already. */
void vmb_memory_ranges(const VMBusChanReq *bus,
                       const struct vmb_testdev_request *head,
                       struct vmb_testdev_reply *reply);

/* GPADL_HASH and GPADL_WRITE: the same. */
void vmb_memory_gpadl(const VMBusChanReq *bus,
                      const struct vmb_testdev_request *head,
                      struct vmb_testdev_reply *reply);

/* vmb_gpadl_read.c.inc; off + len within the GPADL is the caller's duty. */
ssize_t vmb_gpadl_read(VMBusChannel *chan, VMBusGpadl *gpadl, uint32_t off,
                       void *to, uint32_t len);

#endif
