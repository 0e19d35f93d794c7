/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_PROOFS_OFFERS_H
#define TESTS_PROOFS_OFFERS_H
/*
 * A connection with any sound table of offers.
 *
 * Bounds: a table of 3 offers.  A relid has a first place, a next one, and the
 * way around the end of the table; 3 have all of it.
 */
#include "../../src/vmbus/chan_internal.h"
#include "../../src/vmbus/offers.c"

#define OFFERS 3u

static struct vmb_conn conn;
static struct vmb_offer offers[OFFERS];
static struct vmb_chan chan; /* of whichever offer has one */

static bool table_is_sound(void)
{
    uint32_t i, j, rescinded = 0;

    for (i = 0; i < OFFERS; i++) {
        const struct vmb_offer *o = &offers[i];

        if (o->state_ > VMB_OFFER_RESCINDED || o->relid >= RELIDS ||
            (o->state_ == VMB_OFFER_FREE) != (o->relid == 0) ||
            (o->monitored && o->monitor_id >= MONITORS))
            return false;
        rescinded += o->state_ == VMB_OFFER_RESCINDED;
        for (j = 0; j < i; j++)
            if (o->relid && o->relid == offers[j].relid)
                return false;
    }
    return rescinded == conn.releases_;
}

static void any_table(void)
{
    uint32_t i;

    __CPROVER_havoc_object(offers);
    for (i = 0; i < OFFERS; i++) {
        offers[i].chan_ = nondet_bool() ? &chan : NULL;
        offers[i].monitored = nondet_bool();
    }
    conn.cfg_.offers = offers;
    conn.cfg_.offer_cap = OFFERS;
    conn.releases_ = nondet_u8();
    GIVEN(table_is_sound());
}

#endif
