/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_page_span(): for every address and length of 64 bits the pages from the
 * first byte's to the last byte's, although their sum may pass 2^64.
 *
 * Bounds: none; no loops.
 *
 * Options: --unsigned-overflow-check
 */
#include "../proof.h"

#include "../../../src/mdl/build.c"

int main(void)
{
    uint64_t at = nondet_u64(), len = nondet_u64(),
             span = vmb_page_span(at, len);
    __CPROVER_bitvector[66] end = at;

    if (len == 0) {
        PROVE(span == 0);
        return 0;
    }
    end += len;
    end -= 1;
    PROVE(span == (end >> 12) - (at >> 12) + 1);
    return 0;
}
