/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Measure and walk of chains of two members, as mdl.h says.
 *
 * Bounds: two members, which have a first and a later one, a stretch that
 * begins in either and ends in either, and one that goes from a member's
 * middle over its end: what passes from member to member is a sum of bytes,
 * and after the second it is as after any other.  Numbers of 16 bits, which
 * are up to 17 pages: mdl_measure has all of them.
 *
 * Options: --unwind 4
 */
#include "../proof.h"

#define MEMBERS      2u
#define any_number() nondet_u16()
#include "../mdl.h"

int main(void)
{
    prove_walk();
    return 0;
}
