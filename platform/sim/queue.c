/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Control messages on their way: two queues, and the faults that strike
 * there.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct vmb_h_message *vmb_h_message_new(const void *bytes, uint32_t len)
{
    struct vmb_h_message *message = calloc(1, sizeof *message);

    if (!message)
        return NULL;
    memcpy(message->bytes, bytes, len);
    message->len = len;
    message->says_type = 1;
    message->says_len = len;
    return message;
}

static void append(struct vmb_h_queue *queue, struct vmb_h_message *message)
{
    message->next = NULL;
    if (queue->tail)
        queue->tail->next = message;
    else
        queue->head = message;
    queue->tail = message;
    queue->count++;
}

/* A tail that waits to be overtaken lets this one pass. */
void vmb_h_push(struct vmb_h_queue *queue, struct vmb_h_message *message)
{
    struct vmb_h_message *last = queue->tail, **link = &queue->head;

    if (!last || last->swap == 0 || message->swap) {
        append(queue, message);
        return;
    }
    while (*link != last)
        link = &(*link)->next;
    *link = message;
    message->next = last;
    last->swap = 0;
    queue->count++;
}

struct vmb_h_message *vmb_h_ready(struct vmb_h_queue *queue)
{
    struct vmb_h_message *head = queue->head;

    return head && head->delay == 0 && head->swap == 0 ? head : NULL;
}

void vmb_h_pop(struct vmb_h_queue *queue)
{
    struct vmb_h_message *head = queue->head;

    queue->head = head->next;
    if (!queue->head)
        queue->tail = NULL;
    queue->count--;
    free(head);
}

void vmb_h_queue_clear(struct vmb_h_queue *queue)
{
    while (queue->head)
        vmb_h_pop(queue);
}

void vmb_h_queue_tick(struct vmb_h_queue *queue)
{
    struct vmb_h_message *head = queue->head;

    if (head && head->delay)
        head->delay--;
    else if (head && head->swap)
        head->swap--;
}

static struct vmb_h_message *copy_of(const struct vmb_h_message *message)
{
    struct vmb_h_message *copy = malloc(sizeof *copy);

    if (copy)
        *copy = *message;
    return copy;
}

/* The acts both directions share.  True: the message is lost. */
static bool meddle(struct vmb_sim *sim, struct vmb_h_message *message,
                   const struct vmb_sim_fault *fault, bool *twice)
{
    switch (fault->act) {
    case VMB_SIM_LOSE:
        sim->disturbed = true;
        return true;
    case VMB_SIM_DELAY:
        sim->disturbed = true; /* long enough, it is a loss to the guest */
        message->delay += fault->arg;
        break;
    case VMB_SIM_DUPLICATE:
        sim->disturbed = true;
        *twice = true;
        break;
    case VMB_SIM_REORDER:
        sim->disturbed = true;
        message->swap = VMB_H_SWAP_STEPS;
        break;
    default:
        break;
    }
    return false;
}

static void enqueue(struct vmb_h_queue *queue, struct vmb_h_message *message,
                    bool lost, bool twice)
{
    struct vmb_h_message *copy = twice ? copy_of(message) : NULL;

    if (lost) {
        free(message);
        free(copy);
        return;
    }
    vmb_h_push(queue, message);
    if (copy) {
        copy->swap = 0;
        copy->delay = 0;
        append(queue, copy);
    }
}

void vmb_h_accept(struct vmb_sim *sim, struct vmb_h_message *message)
{
    uint64_t k = vmb_h_count(sim, VMB_SIM_AT_GUEST_MESSAGE);
    const struct vmb_sim_fault *fault;
    bool lost = false, twice = false;
    uint32_t from = 0;

    vmb_h_trace(sim, "guest message %llu: number %u, %u bytes",
                (unsigned long long)k, get32(message->bytes), message->len);
    while ((fault = vmb_h_fault(sim, VMB_SIM_AT_GUEST_MESSAGE, k, &from))) {
        if (fault->act == VMB_SIM_REFUSE)
            message->refuse = fault->arg ? (uint32_t)fault->arg : STATUS_FAILED;
        if (fault->act == VMB_SIM_RESCIND)
            message->rescind = fault->dev;
        if (fault->act == VMB_SIM_SPURIOUS)
            vmb_sim_signal(fault->dev->chan);
        lost |= meddle(sim, message, fault, &twice);
    }
    enqueue(&sim->to_host, message, lost, twice);
}

static void post_message(struct vmb_sim *sim, struct vmb_h_message *message)
{
    uint64_t k = vmb_h_count(sim, VMB_SIM_AT_HOST_MESSAGE);
    struct vmb_sim_dev *rescind = NULL;
    const struct vmb_sim_fault *fault;
    bool lost = false, twice = false;
    uint32_t from = 0;

    vmb_h_trace(sim, "host message %llu: number %u, %u bytes",
                (unsigned long long)k, get32(message->bytes), message->len);
    while ((fault = vmb_h_fault(sim, VMB_SIM_AT_HOST_MESSAGE, k, &from))) {
        if (fault->act == VMB_SIM_REFUSE)
            vmb_h_refuse(sim, message,
                         fault->arg ? (uint32_t)fault->arg : STATUS_FAILED);
        if (fault->act == VMB_SIM_MALFORM) {
            sim->disturbed = true;
            vmb_h_mangle_message(message, fault->arg);
        }
        if (fault->act == VMB_SIM_RESCIND)
            rescind = fault->dev;
        if (fault->act == VMB_SIM_SPURIOUS)
            vmb_sim_signal(fault->dev->chan);
        lost |= meddle(sim, message, fault, &twice);
    }
    enqueue(&sim->to_guest, message, lost, twice);
    if (rescind)
        vmb_sim_rescind(rescind);
}

void vmb_h_post_to(struct vmb_sim *sim, uint32_t sint, uint8_t *bytes,
                   uint32_t len)
{
    struct vmb_h_message *message = vmb_h_message_new(bytes, len);

    if (!message) {
        vmb_h_wrong(sim, "simulator: out of memory for a message");
        return;
    }
    message->vp = sim->contact_vp;
    message->sint = sint;
    post_message(sim, message);
}

void vmb_h_post(struct vmb_sim *sim, uint8_t *bytes, uint32_t len)
{
    vmb_h_post_to(sim, VMBUS_SINT, bytes, len);
}

enum vmb_status vmb_sim_inject(struct vmb_sim *sim, const void *bytes,
                               uint32_t len, uint32_t says_type,
                               uint8_t says_len)
{
    struct vmb_h_message *message;

    if (len > MESSAGE_MAX)
        return VMB_E_ARG;
    message = vmb_h_message_new(bytes, len);
    if (!message)
        return VMB_E_NOSLOT;
    vmb_h_enter(sim);
    sim->disturbed = true;
    message->vp = sim->contact_vp;
    message->sint = VMBUS_SINT;
    message->says_type = says_type;
    message->says_len = says_len;
    append(&sim->to_guest, message);
    vmb_h_leave(sim);
    vmb_h_kick(sim);
    return VMB_OK;
}
