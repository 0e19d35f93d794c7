/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "peer.h"

#include <stdlib.h>
#include <string.h>

#define CONTROL_BYTES 4096u
#define HEADER_BYTES  16u
#define TRAILER_BYTES 8u

static void put(struct peer_image *image, uint64_t value, uint32_t bytes)
{
    uint32_t i;

    if (image->len + bytes > PEER_IMAGE_MAX)
        abort();
    for (i = 0; i < bytes; i++)
        image->b[image->len++] = (uint8_t)(value >> (8 * i));
}

void peer_put16(struct peer_image *image, uint16_t value)
{
    put(image, value, 2);
}

void peer_put32(struct peer_image *image, uint32_t value)
{
    put(image, value, 4);
}

void peer_put64(struct peer_image *image, uint64_t value)
{
    put(image, value, 8);
}

void peer_put_bytes(struct peer_image *image, const void *from, uint32_t len)
{
    const uint8_t *byte = from;

    while (len--)
        put(image, *byte++, 1);
}

uint64_t peer_get(const struct peer_image *image, uint32_t at, uint32_t bytes)
{
    uint64_t value = 0;

    while (bytes--)
        value = value << 8 | image->b[at + bytes];
    return value;
}

static void patch16(struct peer_image *image, uint32_t at, uint32_t value)
{
    image->b[at] = (uint8_t)value;
    image->b[at + 1] = (uint8_t)(value >> 8);
}

void peer_begin(struct peer_image *image, uint16_t type, uint16_t flags,
                uint64_t xid)
{
    image->len = 0;
    peer_put16(image, type);
    peer_put16(image, 0);
    peer_put16(image, 0);
    peer_put16(image, flags);
    peer_put64(image, xid);
}

void peer_payload(struct peer_image *image)
{
    patch16(image, 2, image->len / 8);
}

void peer_end(struct peer_image *image, uint32_t start)
{
    while (image->len % 8)
        put(image, 0, 1);
    patch16(image, 4, image->len / 8);
    peer_put32(image, 0);
    peer_put32(image, start);
}

/* The two sides may be two threads: words are accessed whole. */
uint32_t peer_word(const struct peer_ring *ring, uint32_t word)
{
    return __atomic_load_n((uint32_t *)(void *)ring->pages + word,
                           __ATOMIC_SEQ_CST);
}

void peer_set_word(const struct peer_ring *ring, uint32_t word, uint32_t value)
{
    __atomic_store_n((uint32_t *)(void *)ring->pages + word, value,
                     __ATOMIC_SEQ_CST);
}

uint32_t peer_used(const struct peer_ring *ring)
{
    uint32_t write = peer_word(ring, PEER_WRITE);
    uint32_t read = peer_word(ring, PEER_READ);

    return (write + ring->size - read) % ring->size;
}

void peer_read_at(const struct peer_ring *ring, uint32_t at, void *to,
                  uint32_t len)
{
    uint8_t *byte = to;
    uint32_t i;

    for (i = 0; i < len; i++)
        byte[i] = ring->pages[CONTROL_BYTES + (at + i) % ring->size];
}

void peer_write_at(const struct peer_ring *ring, uint32_t at, const void *from,
                   uint32_t len)
{
    const uint8_t *byte = from;
    uint32_t i;

    for (i = 0; i < len; i++)
        ring->pages[CONTROL_BYTES + (at + i) % ring->size] = byte[i];
}

bool peer_take(const struct peer_ring *ring, struct peer_image *image)
{
    uint32_t read = peer_word(ring, PEER_READ);
    uint32_t used = peer_used(ring);

    if (used < HEADER_BYTES + TRAILER_BYTES)
        return false;
    peer_read_at(ring, read, image->b, HEADER_BYTES);
    image->len = (uint32_t)peer_get(image, 4, 2) * 8 + TRAILER_BYTES;
    if (image->len > used || image->len > PEER_IMAGE_MAX)
        return false;
    peer_read_at(ring, read, image->b, image->len);
    peer_set_word(ring, PEER_READ, (read + image->len) % ring->size);
    return true;
}

bool peer_add(const struct peer_ring *ring, const struct peer_image *image)
{
    uint32_t write = peer_word(ring, PEER_WRITE);

    if (peer_used(ring) + image->len >= ring->size)
        return false;
    peer_write_at(ring, write, image->b, image->len);
    peer_set_word(ring, PEER_WRITE, (write + image->len) % ring->size);
    return true;
}
