/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_UNIT_FETCH_H
#define TESTS_UNIT_FETCH_H
/*
 * Is anything that the host can write loaded twice?  A case runs twice: once
 * in still memory, once with each byte inverted the moment after the library
 * loaded it.  What it notes (statuses, faults, packets, payload, indices) must
 * be the same: a second load would read the opposite of the first.  And no byte
 * is loaded a second time, even if nothing comes of it.
 *
 * Exempt, and why:
 *   What a call has loaded is put back before the next one where hosts write
 *   all the time and each call looks anew: the control page of a ring, the
 *   message slot, the event flags.  Packets stay inverted to the end.
 *   Payload is loaded as often as the caller copies it: each byte once here.
 *   A word of event flags that is not 0: that look only decides whether the
 *   exchange, which counts, is worth its price.
 *   The sequence number of the TSC page: two looks at it are its protocol.
 *   The read index of a ring while vmb_chan_send() fills it: it looks, states
 *   its wish and looks again, and checks what it sees each time.  The ring's
 *   own calls are not exempt (test_fetch.c).
 *
 * The programs that use this link a library with VMB_HOST_HOOK.
 */
#include <vmb/status.h>

#include "unit.h"

struct fetch_exempt {
    const uint8_t *at;
    size_t len;
    bool unless_zero; /* only a load that found something is exempt */
};

/* Of the case that runs; set by it. */
extern struct fetch_exempt fetch_exempt[2];

/* Undo what loads did to [from, from + len), unless it was stored over. */
void fetch_put_back(const void *from, size_t len);

/* What a case comes to. */
void note(uint64_t value);
void note_bytes(const void *from, uint32_t len);
void note_status(enum vmb_status status, const struct vmb_fault *fault);
/* Something of the host's got past every check. */
void note_accepted(void);

/* Cases 1 to `cases`; prints what came of them. */
struct fetch_result {
    uint32_t accepted; /* at least once in the case */
    uint32_t differ;
    uint32_t loads; /* a case that loads nothing tells nothing */
    uint32_t twice; /* of bytes that had been loaded before */
};
struct fetch_result fetch_run(void (*run)(uint8_t *memory, uint64_t seed),
                              uint8_t *memory, uint32_t cases);

/* With SEEDED_FAULT the library has a second load in it: each case that was
 * accepted must tell; without it none may. */
void fetch_judge(struct fetch_result result, uint32_t least);

/* Pages of random bytes, so that payload is not alike; the caller's to free. */
uint8_t *random_pages(uint32_t count);

#endif
