/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_PROOFS_BYTES_H
#define TESTS_PROOFS_BYTES_H
/*
 * An answer of any length up to BYTES_MOST and any contents, which ends where
 * its memory ends: a reader that looks a byte too far is seen by CBMC.
 */
#include "proof.h"

static uint8_t bytes_room[BYTES_MOST];

static uint8_t *any_bytes(uint32_t bytes)
{
    __CPROVER_havoc_object(bytes_room);
    return bytes_room + BYTES_MOST - bytes;
}

#endif
