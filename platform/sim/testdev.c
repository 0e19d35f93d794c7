/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The built-in test device: echo, hash, fill, bursts, GPADLs, holding. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define PIECE 4096u

/* 9c5a0d8e-31f4-4f0e-8b52-76d1e2a3c401 */
const uint8_t vmb_sim_test_type[16] = { 0x8e, 0x0d, 0x5a, 0x9c, 0xf4, 0x31,
                                        0x0e, 0x4f, 0x8b, 0x52, 0x76, 0xd1,
                                        0xe2, 0xa3, 0xc4, 0x01 };

struct held {
    struct held *next;
    struct vmb_sim_chan *chan;
    uint64_t xid;
    uint32_t op;
};

struct test {
    struct vmb_sim_dev *dev;
    struct held *first, *last;
    uint32_t count, completions;
};

static void answer(struct vmb_sim_chan *chan, uint64_t xid,
                   const struct vmb_sim_test_reply *reply)
{
    uint8_t bytes[24];

    put32(bytes, reply->op);
    put32(bytes + 4, reply->status);
    put64(bytes + 8, reply->value);
    put64(bytes + 16, reply->bytes);
    vmb_sim_complete(chan, xid, bytes, sizeof bytes);
}

/* --- Memory --------------------------------------------------------------- */

typedef uint64_t mover(const struct vmb_sim_packet *packet, uint32_t gpadl,
                       uint64_t offset, void *bytes, uint64_t len);

static uint64_t ext_read(const struct vmb_sim_packet *packet, uint32_t gpadl,
                         uint64_t offset, void *bytes, uint64_t len)
{
    (void)gpadl;
    return vmb_sim_read(packet, offset, bytes, len);
}

static uint64_t ext_write(const struct vmb_sim_packet *packet, uint32_t gpadl,
                          uint64_t offset, void *bytes, uint64_t len)
{
    (void)gpadl;
    return vmb_sim_write(packet, offset, bytes, len);
}

static uint64_t gpadl_read(const struct vmb_sim_packet *packet, uint32_t gpadl,
                           uint64_t offset, void *bytes, uint64_t len)
{
    return vmb_sim_gpadl_read(packet->chan, gpadl, offset, bytes, len);
}

static uint64_t gpadl_write(const struct vmb_sim_packet *packet, uint32_t gpadl,
                            uint64_t offset, void *bytes, uint64_t len)
{
    return vmb_sim_gpadl_write(packet->chan, gpadl, offset, bytes, len);
}

static void hash(const struct vmb_sim_packet *packet, mover *move,
                 const struct vmb_sim_test_request *request, uint64_t len,
                 struct vmb_sim_test_reply *reply)
{
    uint8_t piece[PIECE];
    uint64_t got = 1;

    reply->value = VMB_SIM_HASH_INIT;
    while (reply->bytes < len && got > 0) {
        uint64_t want = len - reply->bytes < PIECE ? len - reply->bytes : PIECE;

        got = move(packet, request->count, request->offset + reply->bytes,
                   piece, want);
        reply->value = vmb_sim_hash(reply->value, piece, got);
        reply->bytes += got;
    }
    reply->status = reply->bytes != len;
}

static void fill(const struct vmb_sim_packet *packet, mover *move,
                 const struct vmb_sim_test_request *request, uint64_t len,
                 struct vmb_sim_test_reply *reply)
{
    uint8_t piece[PIECE];
    uint64_t put = 1;

    while (reply->bytes < len && put > 0) {
        uint64_t want = len - reply->bytes < PIECE ? len - reply->bytes : PIECE;

        for (uint64_t i = 0; i < want; i++)
            piece[i] = vmb_sim_pattern(request->seed, reply->bytes + i);
        put = move(packet, request->count, request->offset + reply->bytes,
                   piece, want);
        reply->bytes += put;
    }
    reply->status = reply->bytes != len;
}

/* --- Traffic of our own --------------------------------------------------- */

static void burst(struct vmb_sim_chan *chan,
                  const struct vmb_sim_test_request *request)
{
    uint8_t *data = malloc(request->bytes + 1u);

    for (uint32_t n = 0; data && n < request->count; n++) {
        for (uint32_t i = 0; i < request->bytes; i++)
            data[i] = vmb_sim_pattern(request->seed + n, i);
        if (vmb_sim_send_inband(chan, request->seed + n, data, request->bytes,
                                false) != VMB_OK)
            break;
    }
    free(data);
}

static void transfer(struct vmb_sim_chan *chan,
                     const struct vmb_sim_test_request *request)
{
    struct vmb_sim_xfer ranges[2] = { { request->bytes, 0 },
                                      { 8, request->offset } };
    uint64_t data = request->seed;
    struct vmb_sim_out out = { .type = PKT_XFER,
                               .want_completion = true,
                               .xid = request->seed,
                               .data = &data,
                               .len = sizeof data,
                               .set = (uint16_t)request->count,
                               .ranges = ranges,
                               .range_count = 2 };

    vmb_sim_send(chan, &out);
}

/* --- Holding -------------------------------------------------------------- */

static void hold(struct test *test, const struct vmb_sim_packet *packet,
                 const struct vmb_sim_test_request *request, bool newest_first)
{
    struct held *held = calloc(1, sizeof *held);

    if (!held)
        return;
    held->chan = packet->chan;
    held->xid = packet->xid;
    held->op = request->op;
    if (newest_first)
        held->next = test->first;
    if (test->last && !newest_first)
        test->last->next = held;
    if (!test->first || newest_first)
        test->first = held;
    if (!held->next)
        test->last = held;
    test->count++;
    if (newest_first && test->count >= request->count)
        vmb_sim_test_release(test->dev);
}

static void drop(struct test *test, const struct vmb_sim_chan *chan)
{
    struct held **link = &test->first;

    test->last = NULL;
    while (*link) {
        struct held *held = *link;

        if (chan && held->chan != chan) {
            test->last = held;
            link = &held->next;
            continue;
        }
        *link = held->next;
        test->count--;
        free(held);
    }
}

uint32_t vmb_sim_test_release(struct vmb_sim_dev *dev)
{
    struct test *test = dev->own;
    uint32_t count = 0;
    struct held *held;

    vmb_h_enter(dev->sim);
    /* An answer may meet a fault that takes the device away with all of them.
     */
    while ((held = test->first)) {
        struct vmb_sim_test_reply reply = { .op = held->op };
        struct vmb_sim_chan *chan = held->chan;
        uint64_t xid = held->xid;

        test->first = held->next;
        if (!held->next)
            test->last = NULL;
        test->count--;
        free(held);
        answer(chan, xid, &reply);
        count++;
    }
    vmb_h_leave(dev->sim);
    return count;
}

/* --- Requests ------------------------------------------------------------- */

static void with_memory(const struct vmb_sim_packet *packet,
                        const struct vmb_sim_test_request *request,
                        struct vmb_sim_test_reply *reply)
{
    struct vmb_sim_test_request whole = *request;

    whole.offset = 0;
    switch (request->op) {
    case VMB_SIM_HASH:
        hash(packet, ext_read, &whole, packet->external, reply);
        break;
    case VMB_SIM_FILL:
        fill(packet, ext_write, &whole, packet->external, reply);
        break;
    case VMB_SIM_GPADL_HASH:
        hash(packet, gpadl_read, request, request->bytes, reply);
        break;
    case VMB_SIM_GPADL_FILL:
        fill(packet, gpadl_write, request, request->bytes, reply);
        break;
    default:
        reply->status = 1;
        break;
    }
}

/* False: the answer comes later or has been given. */
static bool perform(struct test *test, const struct vmb_sim_packet *packet,
                    const struct vmb_sim_test_request *request,
                    struct vmb_sim_test_reply *reply)
{
    switch (request->op) {
    case VMB_SIM_ECHO:
        if (packet->want_completion)
            vmb_sim_complete(packet->chan, packet->xid, packet->data,
                             packet->len);
        return false;
    case VMB_SIM_SINK:
        if (packet->want_completion)
            vmb_sim_complete(packet->chan, packet->xid, NULL, 0);
        return false;
    case VMB_SIM_BURST:
        burst(packet->chan, request);
        return true;
    case VMB_SIM_XFER:
        transfer(packet->chan, request);
        return true;
    case VMB_SIM_ASK:
        vmb_sim_send_inband(packet->chan, request->seed, &request->seed, 8,
                            true);
        return true;
    case VMB_SIM_HOLD:
    case VMB_SIM_REVERSE:
        hold(test, packet, request, request->op == VMB_SIM_REVERSE);
        return false;
    default:
        with_memory(packet, request, reply);
        return true;
    }
}

static void on_packet(void *ctx, const struct vmb_sim_packet *packet)
{
    struct test *test = ctx;
    struct vmb_sim_test_request request = { 0 };
    struct vmb_sim_test_reply reply = { 0 };

    if (packet->type == PKT_COMPLETION) {
        test->completions++;
        return;
    }
    if (packet->len >= 24) {
        request.op = get32(packet->data);
        request.count = get32(packet->data + 4);
        request.seed = get64(packet->data + 8);
        request.offset = get32(packet->data + 16);
        request.bytes = get32(packet->data + 20);
    }
    reply.op = request.op;
    if (perform(test, packet, &request, &reply) && packet->want_completion)
        answer(packet->chan, packet->xid, &reply);
}

static void on_close(void *ctx, struct vmb_sim_chan *chan)
{
    drop(ctx, chan);
}

uint32_t vmb_sim_test_completions(struct vmb_sim_dev *dev)
{
    uint32_t count;

    vmb_h_enter(dev->sim);
    count = ((struct test *)dev->own)->completions;
    vmb_h_leave(dev->sim);
    return count;
}

struct vmb_sim_dev *vmb_sim_test_add(struct vmb_sim *sim, uint8_t instance,
                                     uint16_t subchannels)
{
    struct test *test = calloc(1, sizeof *test);
    struct vmb_sim_device is = { .subchannels = subchannels,
                                 .on_packet = on_packet,
                                 .on_close = on_close,
                                 .ctx = test };
    struct vmb_sim_dev *dev;

    if (!test)
        return NULL;
    memcpy(is.type, vmb_sim_test_type, 16);
    memcpy(is.instance, vmb_sim_test_type, 16);
    is.instance[15] = instance;
    vmb_h_enter(sim);
    dev = vmb_sim_device_add(sim, &is);
    if (dev) {
        dev->own = test;
        test->dev = dev;
    } else {
        free(test);
    }
    vmb_h_leave(sim);
    return dev;
}
