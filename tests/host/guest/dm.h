/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TEST_DM_H
#define TEST_DM_H
/*
 * Dynamic Memory as hv-balloon speaks it: what both ends say, observed on QEMU
 * 10.0; and the one channel it has.
 */
#include "testchan.h"

enum dm_type {
    DM_VERSION_REQUEST = 1,
    DM_VERSION_RESPONSE = 2,
    DM_CAPABILITIES_REPORT = 3,
    DM_CAPABILITIES_RESPONSE = 4,
    DM_STATUS_REPORT = 5,
    DM_BALLOON_REQUEST = 6,
    DM_BALLOON_RESPONSE = 7,
    DM_UNBALLOON_REQUEST = 8,
    DM_UNBALLOON_RESPONSE = 9,
    DM_HOT_ADD_REQUEST = 10,
    DM_HOT_ADD_RESPONSE = 11,
};

struct dm_header {
    uint16_t type;
    uint16_t bytes; /* of the whole message */
    uint32_t transaction;
};

struct dm_version_request {
    struct dm_header header;
    uint16_t minor, major;
    uint32_t is_last;
};

/* Pages: first in the low 40 bits, count in the high 24. */
typedef uint64_t dm_range;

static inline dm_range dm_range_of(uint64_t first, uint64_t count)
{
    return first | count << 40;
}

static inline uint64_t dm_range_first(dm_range range)
{
    return range & 0xffffffffff;
}

static inline uint64_t dm_range_count(dm_range range)
{
    return range >> 40;
}

/* Any message from the host. */
union dm_message {
    struct dm_header header;
    struct {
        struct dm_header header;
        uint64_t accepted; /* bit 0; of capabilities: bits */
    } response;
    struct {
        struct dm_header header;
        uint32_t pages, reserved;
    } balloon;
    struct {
        struct dm_header header;
        uint32_t more, range_count;
        dm_range range;
    } unballoon;
    struct {
        struct dm_header header;
        dm_range range, region;
    } hot_add;
    uint8_t bytes[64];
};

extern struct test_chan dm;

void dm_begin(void); /* once: memory for the rings */
void dm_open(uint32_t tx_pages, uint32_t rx_pages, unsigned cpu);
void dm_close(void);

/* Sends, or stages: the statuses of vmb_chan_send().  mdl NULL: in-band. */
enum vmb_status dm_put(const void *message, size_t bytes,
                       const struct vmb_mdl *mdl, bool stage);

/* dm_put() of a whole message, which must go in. */
void dm_send(void *message, enum dm_type type, size_t bytes,
             const struct vmb_mdl *mdl);

/* The next message; false: none came within `time`. */
bool dm_receive(union dm_message *message, uint64_t time);

/* The next message in good time, which must be of that type. */
void dm_expect(union dm_message *message, enum dm_type type);

/* A version the host never accepts, which leaves its state as it was. */
struct dm_version_request dm_probe(void);

/* Sends a probe and checks the answer, for the check that is open. */
bool dm_exchange(const struct vmb_mdl *mdl);

#endif
