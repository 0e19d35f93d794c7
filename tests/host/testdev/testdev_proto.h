/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What a guest says to the VMBus test device, and what it hears back.
 * Shared by the device (vmb_testdev.c, in QEMU) and by the test guests.
 *
 * A request is the inline payload of an in-band or GPA-direct packet: struct
 * vmb_testdev_request, for ECHO followed by the bytes to echo.  A packet that
 * asks for a completion gets one with its transaction id: struct
 * vmb_testdev_reply, for ECHO and STATS followed by more.  Little-endian.
 */
#ifndef VMB_TESTDEV_PROTO_H
#define VMB_TESTDEV_PROTO_H

#include <stdint.h>

/* Class of the device: 12fbdcb7-5a82-458d-b179-8711c99dba81 as in an offer. */
#define VMB_TESTDEV_GUID_TEXT "12fbdcb7-5a82-458d-b179-8711c99dba81"
#define VMB_TESTDEV_GUID_BYTES                                            \
    {                                                                     \
        0xb7, 0xdc, 0xfb, 0x12, 0x82, 0x5a, 0x8d, 0x45, 0xb1, 0x79, 0x87, \
            0x11, 0xc9, 0x9d, 0xba, 0x81                                  \
    }

#define VMB_TESTDEV_MAGIC        UINT32_C(0x54424d56) /* "VMBT" */
#define VMB_TESTDEV_MAX_CHANNELS 4
#define VMB_TESTDEV_MAX_BYTES    (UINT64_C(64) << 20) /* of one HASH or FILL */
#define VMB_TESTDEV_MAX_PACKET   65536 /* payload of one burst packet */

enum vmb_testdev_op {
    /* Reply, then the `length` bytes that followed the request. */
    VMB_TESTDEV_ECHO = 1,
    /* Hash of what the packet's ranges name, in order: `length` bytes from
     * `offset` on (length 0: to the end). */
    VMB_TESTDEV_HASH = 2,
    /* Writes the pattern of `seed` there; the pattern begins at its byte 0
     * whatever `offset` is. */
    VMB_TESTDEV_FILL = 3,
    /* The same on the memory of GPADL `gpadl`; length 0 is refused. */
    VMB_TESTDEV_GPADL_HASH = 4,
    VMB_TESTDEV_GPADL_WRITE = 5,
    /* After `delay_ms`, `count` in-band packets of `length` bytes (struct
     * vmb_testdev_burst, then pattern), transaction ids from `offset` up, none
     * ever dropped: a full ring makes the device wait.  The request's own
     * completion comes after the last one. */
    VMB_TESTDEV_BURST = 6,
    /* Kept without a completion until a RELEASE; then treated as HASH, so it
     * tells what the memory holds at that moment. */
    VMB_TESTDEV_HOLD = 7,
    /* Completes `count` held requests (0: all), oldest first or, with
     * VMB_TESTDEV_NEWEST_FIRST, newest first, and then itself.  reply.bytes:
     * how many it completed. */
    VMB_TESTDEV_RELEASE = 8,
    /* Completed at once; then nothing is read from the ring for `delay_ms`,
     * so that it fills up. */
    VMB_TESTDEV_STALL = 9,
    /* From now on read_index moves after every `count` packets (0: when the
     * ring has been emptied, as at open). */
    VMB_TESTDEV_BATCH = 10,
    /* Reply, then struct vmb_testdev_stats. */
    VMB_TESTDEV_STATS = 11,
};

/* Flags of a request. */
#define VMB_TESTDEV_NEWEST_FIRST UINT32_C(1) /* RELEASE */
/* BURST: every packet asks the guest for a completion, which the device checks
 * off by its transaction id (stats: completions_good and _bad). */
#define VMB_TESTDEV_ASK_COMPLETION UINT32_C(2)

enum vmb_testdev_status {
    VMB_TESTDEV_OK = 0,
    VMB_TESTDEV_BAD_REQUEST = 1, /* magic, op, or a payload cut short */
    VMB_TESTDEV_NO_GPADL = 2,
    VMB_TESTDEV_BOUNDS =
        3, /* offset + length beyond the memory, or a maximum */
    VMB_TESTDEV_MEMORY = 4, /* a page that is not guest RAM */
    VMB_TESTDEV_BUSY = 5,   /* a delayed burst is still to come */
};

struct vmb_testdev_request {
    uint32_t magic;
    uint32_t op;
    uint32_t flags;
    uint32_t count;
    uint32_t gpadl;
    uint32_t delay_ms;
    uint64_t offset;
    uint64_t length;
    uint64_t seed;
};

struct vmb_testdev_reply {
    uint32_t magic;
    uint32_t op;
    uint32_t status;
    uint16_t packet_type; /* of the request's packet, as the host parsed it */
    uint16_t channel;     /* sub-channel index it came by */
    uint64_t bytes;       /* hashed, written, echoed, sent or released */
    uint64_t hash;
    uint64_t ranges_bytes; /* all that the packet's ranges name */
    uint32_t payload_size; /* inline payload, with its padding to 8 */
    uint32_t reserved;
};

struct vmb_testdev_burst {
    uint32_t magic;
    uint32_t index; /* 0 to count - 1 */
    uint64_t seed;  /* pattern: vmb_testdev_fill(.., seed + index, 0) */
};

/* Of one channel, since it was opened. */
struct vmb_testdev_stats {
    uint64_t notifications; /* times the device was woken, by whomever */
    uint64_t inband;
    uint64_t gpa_direct;
    uint64_t completions_good;
    uint64_t completions_bad; /* nobody waited for that transaction id */
    uint64_t bad_requests;    /* every status but OK, completed or not */
    uint64_t burst_packets;
    uint64_t ring_full; /* times it had to wait for room */
    uint64_t held;      /* now */
    uint64_t opens;     /* of this channel, since QEMU started */
};

#ifdef __cplusplus
#define VMB_TESTDEV_ASSERT static_assert
#else
#define VMB_TESTDEV_ASSERT _Static_assert
#endif
VMB_TESTDEV_ASSERT(sizeof(struct vmb_testdev_request) == 48, "request");
VMB_TESTDEV_ASSERT(sizeof(struct vmb_testdev_reply) == 48, "reply");
VMB_TESTDEV_ASSERT(sizeof(struct vmb_testdev_burst) == 16, "burst");
VMB_TESTDEV_ASSERT(sizeof(struct vmb_testdev_stats) == 80, "stats");

/* ---- the pattern ----------------------------------------------------------
 */

/* Byte i of the pattern is byte i % 8 of word i / 8: any piece can be made or
 * checked without the rest, and no two pages or seeds look alike. */
static inline uint64_t vmb_testdev_word(uint64_t seed, uint64_t index)
{
    uint64_t x = seed + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint8_t vmb_testdev_byte(uint64_t seed, uint64_t index)
{
    return (uint8_t)(vmb_testdev_word(seed, index / 8) >> (index % 8 * 8));
}

/* Writes bytes `start` to `start + length - 1` of the pattern. */
static inline void vmb_testdev_fill(void *to, uint64_t length, uint64_t seed,
                                    uint64_t start)
{
    uint8_t *out = (uint8_t *)to;
    uint64_t i = 0;

    while (i < length) {
        if ((start + i) % 8 == 0 && length - i >= 8) {
            uint64_t word = vmb_testdev_word(seed, (start + i) / 8);

            __builtin_memcpy(out + i, &word, 8);
            i += 8;
        } else {
            out[i] = vmb_testdev_byte(seed, start + i);
            i++;
        }
    }
}

/* Where `from` first differs from the pattern; `length` when it does not. */
static inline uint64_t vmb_testdev_mismatch(const void *from, uint64_t length,
                                            uint64_t seed, uint64_t start)
{
    const uint8_t *in = (const uint8_t *)from;
    uint64_t i = 0;

    while (i < length) {
        uint64_t word;

        if ((start + i) % 8 == 0 && length - i >= 8) {
            __builtin_memcpy(&word, in + i, 8);
            if (word == vmb_testdev_word(seed, (start + i) / 8)) {
                i += 8;
                continue;
            }
        }
        if (in[i] != vmb_testdev_byte(seed, start + i))
            return i;
        i++;
    }
    return length;
}

/* ---- the hash ---------------------------------------------------------------
 */

/* Multiply-rotate over words of 8 bytes, for any cut of the input: what the
 * pieces are must not show in the result.  Not for security. */
struct vmb_testdev_hash {
    uint64_t state;
    uint64_t word; /* of the last, incomplete word */
    uint64_t length;
};

static inline void vmb_testdev_hash_word_(struct vmb_testdev_hash *hash,
                                          uint64_t word)
{
    uint64_t x = (hash->state ^ word) * UINT64_C(0x9e3779b97f4a7c15);

    hash->state = ((x << 29) | (x >> 35)) + word;
}

static inline void vmb_testdev_hash_begin(struct vmb_testdev_hash *hash)
{
    hash->state = UINT64_C(0xcbf29ce484222325);
    hash->word = 0;
    hash->length = 0;
}

static inline void vmb_testdev_hash_byte_(struct vmb_testdev_hash *hash,
                                          uint8_t byte)
{
    hash->word |= (uint64_t)byte << (hash->length % 8 * 8);
    if (++hash->length % 8 == 0) {
        vmb_testdev_hash_word_(hash, hash->word);
        hash->word = 0;
    }
}

static inline void vmb_testdev_hash_add(struct vmb_testdev_hash *hash,
                                        const void *from, uint64_t length)
{
    const uint8_t *in = (const uint8_t *)from;
    uint64_t i = 0;

    while (i < length) {
        if (hash->length % 8 == 0 && length - i >= 8) {
            uint64_t word;

            __builtin_memcpy(&word, in + i, 8);
            vmb_testdev_hash_word_(hash, word);
            hash->length += 8;
            i += 8;
        } else {
            vmb_testdev_hash_byte_(hash, in[i]);
            i++;
        }
    }
}

static inline uint64_t vmb_testdev_hash_end(struct vmb_testdev_hash *hash)
{
    vmb_testdev_hash_word_(hash, hash->word);
    vmb_testdev_hash_word_(hash, hash->length);
    return hash->state ^ (hash->state >> 32);
}

static inline uint64_t vmb_testdev_hash_of(const void *from, uint64_t length)
{
    struct vmb_testdev_hash hash;

    vmb_testdev_hash_begin(&hash);
    vmb_testdev_hash_add(&hash, from, length);
    return vmb_testdev_hash_end(&hash);
}

/* The hash of the pattern itself, without memory to hold it. */
static inline uint64_t
vmb_testdev_hash_of_pattern(uint64_t seed, uint64_t start, uint64_t length)
{
    struct vmb_testdev_hash hash;
    uint8_t piece[256];
    uint64_t done = 0;

    vmb_testdev_hash_begin(&hash);
    while (done < length) {
        uint64_t n = length - done < 256 ? length - done : 256;

        vmb_testdev_fill(piece, n, seed, start + done);
        vmb_testdev_hash_add(&hash, piece, n);
        done += n;
    }
    return vmb_testdev_hash_end(&hash);
}

#endif
