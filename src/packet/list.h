/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_PACKET_LIST_H
#define VMB_SRC_PACKET_LIST_H
/*
 * Lists of packets.  The head is one of the circle, so that nothing here asks
 * whether an item is the first or the last:
 *
 *     +-> head <-> first <-> ... <-> last <-+      an empty one: +-> head <-+
 *     +-------------------------------------+                    +----------+
 */
#include <vmb/channel.h>

static inline void vmb_list_init(struct vmb_channel_list *list)
{
    list->first_ = list;
    list->last_ = list;
}

static inline bool vmb_list_is_empty(const struct vmb_channel_list *list)
{
    return list->first_ == list;
}

/* Of a list that is not empty. */
static inline struct vmb_queued *
vmb_list_first(const struct vmb_channel_list *list)
{
    return (struct vmb_queued *)(void *)list->first_;
}

/* In front of `next`, which may be the head: then it is the last. */
static inline void vmb_list_insert(struct vmb_channel_list *next,
                                   struct vmb_queued *item)
{
    struct vmb_channel_list *link = &item->link_, *before = next->last_;

    link->first_ = next;
    link->last_ = before;
    before->first_ = link;
    next->last_ = link;
}

static inline void vmb_list_append(struct vmb_channel_list *list,
                                   struct vmb_queued *item)
{
    vmb_list_insert(list, item);
}

static inline void vmb_list_prepend(struct vmb_channel_list *list,
                                    struct vmb_queued *item)
{
    vmb_list_insert(list->first_, item);
}

static inline void vmb_list_remove(struct vmb_queued *item)
{
    item->link_.first_->last_ = item->link_.last_;
    item->link_.last_->first_ = item->link_.first_;
}

/* Free objects need no circle: the last one freed is the first one used. */
static inline void vmb_free_push(struct vmb_channel_list **free,
                                 struct vmb_queued *item)
{
    item->link_.first_ = *free;
    *free = &item->link_;
}

/* Of those that there are. */
static inline struct vmb_queued *vmb_free_pop(struct vmb_channel_list **free)
{
    struct vmb_queued *item = (struct vmb_queued *)(void *)*free;

    *free = item->link_.first_;
    return item;
}

#endif
