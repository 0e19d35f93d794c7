/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The message slot read with one mistake, for test_fetch_host.c: a test of
 * the tests.
 *
 *   6  every byte of the slot's header is loaded twice
 */
#include "../../src/host.h"

static inline uint8_t seeded_load8(const void *at)
{
    if (SEEDED_FAULT == 6)
        (void)vmb_host_load8(at);
    return vmb_host_load8(at);
}

#define vmb_host_load8 seeded_load8

#include "../../src/hv/synic.c"
