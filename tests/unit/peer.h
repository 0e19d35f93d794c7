/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_UNIT_PEER_H
#define TESTS_UNIT_PEER_H
/*
 * The other side of a ring, written from the description of the protocol
 * (OpenVMM vmbus_ring, QEMU observed) and one byte at a time.  It shares no
 * header with the library's ring code, so that a mistake there cannot cancel
 * out against the same mistake here.
 */
#include <stdbool.h>
#include <stdint.h>

/* 32-bit words of the control page, by number. */
#define PEER_WRITE   0u
#define PEER_READ    1u
#define PEER_MASK    2u
#define PEER_PENDING 3u
#define PEER_FEATURE 16u

/* A packet as it lies in a ring, header to trailer. */
#define PEER_IMAGE_MAX 66000u
struct peer_image {
    uint32_t len;
    uint8_t b[PEER_IMAGE_MAX];
};

void peer_put16(struct peer_image *image, uint16_t value);
void peer_put32(struct peer_image *image, uint32_t value);
void peer_put64(struct peer_image *image, uint64_t value);
void peer_put_bytes(struct peer_image *image, const void *from, uint32_t len);
uint64_t peer_get(const struct peer_image *image, uint32_t at, uint32_t bytes);

/* Starts a packet; data_offset8 and length8 are filled in by the other two. */
void peer_begin(struct peer_image *image, uint16_t type, uint16_t flags,
                uint64_t xid);
/* The payload begins here. */
void peer_payload(struct peer_image *image);
/* Pads with zeros to 8 bytes, fills in the length, adds the trailer. */
void peer_end(struct peer_image *image, uint32_t start);

struct peer_ring {
    uint8_t *pages; /* control page and data */
    uint32_t size;  /* data bytes */
};

uint32_t peer_word(const struct peer_ring *ring, uint32_t word);
void peer_set_word(const struct peer_ring *ring, uint32_t word, uint32_t value);
uint32_t peer_used(const struct peer_ring *ring);

/* Data bytes at an offset, across the end. */
void peer_read_at(const struct peer_ring *ring, uint32_t at, void *to,
                  uint32_t len);
void peer_write_at(const struct peer_ring *ring, uint32_t at, const void *from,
                   uint32_t len);

/* As receiver: the packet at the read index, which moves past it.  False: the
 * ring is empty, or what is there is no packet. */
bool peer_take(const struct peer_ring *ring, struct peer_image *image);

/* As sender: add a packet and move the write index.  False: no room. */
bool peer_add(const struct peer_ring *ring, const struct peer_image *image);

#endif
