/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hashing and filling the memory that a packet's ranges or a GPADL name, piece
 * by piece through a buffer.
 */
#include "qemu/osdep.h"

#include "vmb_memory.h"

#define CHUNK (64 * 1024)

typedef struct Span {
    uint64_t from;
    uint64_t length;
} Span;

/* The piece of `total` bytes that a request asks for. */
static uint32_t span_of_request(const struct vmb_testdev_request *head,
                                uint64_t total, Span *span)
{
    span->from = head->offset;
    if (span->from > total) {
        return VMB_TESTDEV_BOUNDS;
    }
    span->length = head->length ? head->length : total - span->from;
    if (span->length > total - span->from ||
        span->length > VMB_TESTDEV_MAX_BYTES) {
        return VMB_TESTDEV_BOUNDS;
    }
    return VMB_TESTDEV_OK;
}

typedef struct Stream {
    bool fill;
    uint64_t seed;
    uint64_t done;
    struct vmb_testdev_hash hash;
} Stream;

static uint32_t stream_memory(AddressSpace *as, dma_addr_t at, uint64_t length,
                              Stream *stream)
{
    g_autofree uint8_t *buffer = g_malloc(CHUNK);

    while (length) {
        uint64_t n = MIN(length, CHUNK);
        MemTxResult result;

        if (stream->fill) {
            vmb_testdev_fill(buffer, n, stream->seed, stream->done);
            result =
                dma_memory_write(as, at, buffer, n, MEMTXATTRS_UNSPECIFIED);
        } else {
            result = dma_memory_read(as, at, buffer, n, MEMTXATTRS_UNSPECIFIED);
            vmb_testdev_hash_add(&stream->hash, buffer, n);
        }
        if (result != MEMTX_OK) {
            return VMB_TESTDEV_MEMORY;
        }
        stream->done += n;
        at += n;
        length -= n;
    }
    return VMB_TESTDEV_OK;
}

static uint32_t stream_ranges(const QEMUSGList *list, Span span,
                              Stream *stream)
{
    uint32_t status = VMB_TESTDEV_OK;

    for (int i = 0; i < list->nsg && span.length && !status; i++) {
        const ScatterGatherEntry *entry = &list->sg[i];
        uint64_t n;

        if (span.from >= entry->len) {
            span.from -= entry->len;
            continue;
        }
        n = MIN(entry->len - span.from, span.length);
        status = stream_memory(list->as, entry->base + span.from, n, stream);
        span.from = 0;
        span.length -= n;
    }
    return status;
}

static uint32_t stream_gpadl(VMBusChannel *chan, VMBusGpadl *gpadl,
                             Span span, Stream *stream)
{
    g_autofree uint8_t *buffer = g_malloc(CHUNK);

    while (stream->done < span.length) {
        uint32_t n = MIN(span.length - stream->done, CHUNK);
        uint32_t at = span.from + stream->done;
        struct iovec iov = { .iov_base = buffer, .iov_len = n };
        ssize_t ret;

        if (stream->fill) {
            vmb_testdev_fill(buffer, n, stream->seed, stream->done);
            ret = vmbus_iov_to_gpadl(chan, gpadl, at, &iov, 1);
        } else {
            ret = vmb_gpadl_read(chan, gpadl, at, buffer, n);
            vmb_testdev_hash_add(&stream->hash, buffer, n);
        }
        if (ret < 0) {
            return VMB_TESTDEV_MEMORY;
        }
        stream->done += n;
    }
    return VMB_TESTDEV_OK;
}

static void stream_begin(Stream *stream,
                         const struct vmb_testdev_request *head)
{
    memset(stream, 0, sizeof(*stream));
    stream->fill = head->op == VMB_TESTDEV_FILL ||
                   head->op == VMB_TESTDEV_GPADL_WRITE;
    stream->seed = head->seed;
    vmb_testdev_hash_begin(&stream->hash);
}

static void stream_end(Stream *stream, struct vmb_testdev_reply *reply)
{
    reply->bytes = stream->done;
    reply->hash = stream->fill ? 0 : vmb_testdev_hash_end(&stream->hash);
}

uint64_t vmb_memory_ranges_bytes(const VMBusChanReq *bus)
{
    uint64_t sum = 0;

    for (int i = 0; i < bus->sgl.nsg; i++) {
        sum += bus->sgl.sg[i].len;
    }
    return sum;
}

void vmb_memory_ranges(const VMBusChanReq *bus,
                       const struct vmb_testdev_request *head,
                       struct vmb_testdev_reply *reply)
{
    Stream stream;
    Span span;

    stream_begin(&stream, head);
    reply->status = span_of_request(head, reply->ranges_bytes, &span);
    if (!reply->status) {
        reply->status = stream_ranges(&bus->sgl, span, &stream);
    }
    stream_end(&stream, reply);
}

void vmb_memory_gpadl(const VMBusChanReq *bus,
                      const struct vmb_testdev_request *head,
                      struct vmb_testdev_reply *reply)
{
    VMBusGpadl *gpadl = vmbus_get_gpadl(bus->chan, head->gpadl);
    Stream stream;
    Span span;

    if (!gpadl) {
        reply->status = VMB_TESTDEV_NO_GPADL;
        return;
    }
    stream_begin(&stream, head);
    reply->status = span_of_request(head, vmbus_gpadl_len(gpadl), &span);
    if (!head->length) {
        reply->status = VMB_TESTDEV_BOUNDS;
    }
    if (!reply->status) {
        reply->status = stream_gpadl(bus->chan, gpadl, span, &stream);
    }
    stream_end(&stream, reply);
    vmbus_put_gpadl(gpadl);
}
