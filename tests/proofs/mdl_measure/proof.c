/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Measure and walk with numbers of any size, as mdl.h says.
 *
 * Bounds: a chain of one member, which may be followed by itself.  Longer
 * ones: mdl_chain.
 *
 * Options: --unwind 3
 */
#include "../proof.h"

#define MEMBERS      1u
#define any_number() nondet_u64()
#include "../mdl.h"

int main(void)
{
    prove_walk();
    return 0;
}
