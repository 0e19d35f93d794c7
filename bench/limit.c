/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The limit: nothing but the bytes.  A finished packet is copied into the ring,
 * the read index is loaded with acquire, the write index stored with release;
 * receiving is the mirror image.  No check, no fence, no header to build.
 */
#include <string.h>

#include "bench.h"

/* Each end on cache lines of its own. */
struct end {
    _Alignas(LINE) const struct job *job;
    struct vmb_ring_control *control;
    uint8_t *data;
    uint32_t bytes, at;
};
static struct end tx, rx;

static uint32_t begin_send(const struct job *job)
{
    tx.job = job;
    tx.control = (void *)job->pages;
    tx.data = job->pages + VMB_PAGE_SIZE;
    tx.bytes = job->bytes;
    tx.at = 0;
    return tx.bytes;
}

static void begin_receive(const struct job *job, uint32_t bytes)
{
    rx.job = job;
    rx.control = (void *)job->pages;
    rx.data = job->pages + VMB_PAGE_SIZE;
    rx.bytes = bytes;
    rx.at = 0;
}

static uint32_t advance(uint32_t at, uint32_t bytes)
{
    return (at + bytes) % RING_BYTES;
}

static void copy_in(uint32_t at, const uint8_t *from, uint32_t len)
{
    uint32_t to_end = RING_BYTES - at;

    if (len <= to_end) {
        memcpy(tx.data + at, from, len);
        return;
    }
    memcpy(tx.data + at, from, to_end);
    memcpy(tx.data, from + to_end, len - to_end);
}

static void copy_out(uint8_t *to, uint32_t at, uint32_t len)
{
    uint32_t to_end = RING_BYTES - at;

    if (len <= to_end) {
        memcpy(to, rx.data + at, len);
        return;
    }
    memcpy(to, rx.data + at, to_end);
    memcpy(to + to_end, rx.data, len - to_end);
}

static uint32_t send(uint32_t count)
{
    const uint8_t *image = tx.job->image;
    uint32_t bytes = tx.bytes, batch = tx.job->batch;
    uint32_t i, read, staged = 0;

    for (i = 0; i < count; i++) {
        read = __atomic_load_n(&tx.control->read, __ATOMIC_ACQUIRE);
        if (bytes >= RING_BYTES - (tx.at - read) % RING_BYTES)
            break;
        copy_in(tx.at, image, bytes);
        tx.at = advance(tx.at, bytes);
        if (++staged < batch && staged * bytes < BATCH_BYTES)
            continue;
        __atomic_store_n(&tx.control->write, tx.at, __ATOMIC_RELEASE);
        staged = 0;
    }
    if (staged)
        __atomic_store_n(&tx.control->write, tx.at, __ATOMIC_RELEASE);
    return i;
}

static uint32_t receive(uint32_t count)
{
    uint32_t bytes = rx.bytes, batch = rx.job->batch;
    uint8_t *sink = rx.job->sink;
    uint32_t i, held = 0;

    for (i = 0; i < count; i++) {
        if (__atomic_load_n(&rx.control->write, __ATOMIC_ACQUIRE) == rx.at)
            break;
        copy_out(sink, rx.at, bytes);
        rx.at = advance(rx.at, bytes);
        if (++held < batch && held * bytes < BATCH_BYTES)
            continue;
        __atomic_store_n(&rx.control->read, rx.at, __ATOMIC_RELEASE);
        held = 0;
    }
    if (held)
        __atomic_store_n(&rx.control->read, rx.at, __ATOMIC_RELEASE);
    return i;
}

const struct contestant limit = { "limit",       begin_send, send,
                                  begin_receive, receive,    true };
