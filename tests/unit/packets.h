/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_UNIT_PACKETS_H
#define TESTS_UNIT_PACKETS_H
/*
 * Packets to send, with all they point to, and what they must look like in the
 * ring: computed apart from the library.
 */
#include <vmb/ring.h>

#include "peer.h"
#include "unit.h"

#define SAMPLE_MEMBERS 64u
#define SAMPLE_PFNS    (SAMPLE_MEMBERS * 5)
#define SAMPLE_PIECES  5u
#define SAMPLE_PAYLOAD 4096u

struct sample {
    struct vmb_out out;
    struct vmb_iov pieces[SAMPLE_PIECES];
    struct vmb_mdl members[SAMPLE_MEMBERS];
    uint64_t pfns[SAMPLE_PFNS];
    uint32_t pfns_used;
    uint8_t payload[SAMPLE_PAYLOAD];
};

/* One piece of `len` bytes. */
void sample_inband(struct sample *sample, uint32_t len);
/* `members` of one to four pages each, and one piece of `len` bytes. */
void sample_direct(struct sample *sample, uint32_t members, uint32_t len);
/* The answer to transaction `xid`. */
void sample_completion(struct sample *sample, uint64_t xid, uint32_t len);
/* Any of them; payload in several pieces, chains with empty members. */
void sample_random(struct sample *sample, struct rng *rng, uint32_t most);

/* The bytes that must be found in the ring. */
void sample_image(const struct vmb_out *out, uint64_t xid, uint32_t start,
                  struct peer_image *image);

/* A ring as if traffic had brought both indices to `at`; data is `fill`. */
void place_tx(struct vmb_ring_tx *tx, uint8_t *pages, uint32_t data_pages,
              uint32_t at, uint8_t fill);
void place_rx(struct vmb_ring_rx *rx, uint8_t *pages, uint32_t data_pages,
              uint32_t at, uint8_t fill);

static inline struct peer_ring peer_of_tx(const struct vmb_ring_tx *tx)
{
    struct peer_ring ring = { tx->control_, tx->size_ };

    return ring;
}

static inline struct peer_ring peer_of_rx(const struct vmb_ring_rx *rx)
{
    struct peer_ring ring = { rx->control_, rx->size_ };

    return ring;
}

#endif
