/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Packets whose completion is due, and the pages they keep with the host. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static uint32_t pfns_of(const struct vmb_sim_packet *packet)
{
    uint32_t count = 0;

    for (uint32_t i = 0; packet && i < packet->range_count; i++)
        count += packet->ranges[i].pfn_count;
    return count;
}

static void copy_pfns(uint64_t *to, const struct vmb_sim_packet *packet)
{
    for (uint32_t i = 0; i < packet->range_count; i++) {
        const struct vmb_sim_range *range = &packet->ranges[i];

        memcpy(to, range->pfns, range->pfn_count * sizeof *to);
        to += range->pfn_count;
    }
}

/* False: one with that id is due already; it is added all the same. */
bool vmb_h_due_add(struct vmb_h_inflight **list, uint64_t xid,
                   const struct vmb_sim_packet *packet)
{
    struct vmb_h_inflight *due = calloc(1, sizeof *due);
    bool fresh = true;

    if (!due)
        return true;
    for (struct vmb_h_inflight *i = *list; i; i = i->next)
        fresh &= i->xid != xid;
    due->xid = xid;
    due->pfns = pfns_of(packet);
    if (due->pfns) {
        due->pfn = calloc(due->pfns, sizeof *due->pfn);
        if (due->pfn)
            copy_pfns(due->pfn, packet);
        else
            due->pfns = 0;
    }
    due->next = *list;
    *list = due;
    return fresh;
}

static void drop(struct vmb_h_inflight **link)
{
    struct vmb_h_inflight *due = *link;

    *link = due->next;
    free(due->pfn);
    free(due);
}

bool vmb_h_due_remove(struct vmb_h_inflight **list, uint64_t xid)
{
    while (*list && (*list)->xid != xid)
        list = &(*list)->next;
    if (!*list)
        return false;
    drop(list);
    return true;
}

void vmb_h_due_clear(struct vmb_h_inflight **list)
{
    while (*list)
        drop(list);
}

bool vmb_h_due_has(const struct vmb_h_inflight *list, uint64_t pfn)
{
    for (; list; list = list->next) {
        for (uint32_t i = 0; i < list->pfns; i++) {
            if (list->pfn[i] == pfn)
                return true;
        }
    }
    return false;
}
