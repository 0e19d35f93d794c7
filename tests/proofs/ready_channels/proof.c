/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A flag that was set leads to a channel only if an offer in the table has that
 * relid, and its channel is open; and it is taken once.
 *
 * Bounds: tables as in offers.h.  vmb_cpu_next_ready() repeats this, for at
 * most all flags.
 *
 * Options: --unwind 33
 */
#include "../host.h"

#include "../offers.h"

#include "../../../src/vmbus/ready.c"

int main(void)
{
    uint64_t word = nondet_u64(), before = word;
    uint32_t relid = nondet_u32(), bit, i;
    struct vmb_chan *found;

    if (take_bit(&word, &bit))
        PROVE(bit < 64 && word == (before ^ 1ull << bit) && word < before);
    else
        PROVE(before == 0);
    any_table();
    chan.gate_ = (int32_t)nondet_u32();
    found = open_channel(&conn, relid);
    for (i = 0; found && offers[i].relid != relid; i++)
        PROVE(i + 1 < OFFERS);
    PROVE(!found || (relid != 0 && offers[i].chan_ == found &&
                     vmb_chan_gate(found) == VMB_OK));
    return 0;
}
