/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The table of offers, whatever the host offers, rescinds and in which order:
 *   - relids stay in range and are given to one offer each,
 *   - an offer that is kept takes one free slot and leaves the others alone;
 *     one that is not is told of, or is on record,
 *   - what is rescinded is found again when it is to be given back.
 *
 * Bounds: one message to any sound table, see ../offers.h; the table at the
 * start is one.
 *
 * Options: --unwind 4
 */
#include "../proof.h"

#include "../../../src/fault.c"

#include "../offers.h"

union vmb_message nondet_message(void);

static bool on_record, told;
static struct vmb_offer before[OFFERS];

void vmb_conn_record(struct vmb_conn *of, const struct vmb_fault *fault)
{
    PROVE(of == &conn && fault->status != VMB_OK);
    on_record = true;
}

void vmb_conn_complain(struct vmb_conn *of, enum vmb_site site, uint64_t got,
                       uint64_t limit)
{
    PROVE(of == &conn && site != VMB_SITE_NONE);
    (void)got;
    (void)limit;
    on_record = true;
}

void vmb_conn_record_stray(struct vmb_conn *of, uint64_t id, uint32_t number)
{
    vmb_conn_complain(of, VMB_SITE_MSG_STRAY, id, number);
}

/* The client may look it up now. */
void vmb_conn_tell(struct vmb_conn *of, enum vmb_conn_event event,
                   struct vmb_offer *offer)
{
    PROVE(of == &conn && table_is_sound());
    PROVE(offer->relid == conn.in_.offer.relid || event == VMB_CONN_RESCIND);
    PROVE((event == VMB_CONN_OFFER_LOST) == (offer == &conn.lost_));
    told = true;
}

void vmb_bus_rescinded(struct vmb_chan *of)
{
    PROVE(of == &chan);
}

void vmb_post_forget(struct vmb_conn *of, struct vmb_bus_work *work)
{
    PROVE(of == &conn && work == &chan.work_);
}

enum vmb_status vmb_post_now(struct vmb_conn *of, uint32_t connection,
                             uint32_t bytes)
{
    PROVE(of == &conn);
    (void)connection;
    (void)bytes;
    return nondet_bool() ? VMB_OK : VMB_AGAIN;
}

uint32_t vmb_message_of_relid(struct vmb_conn *of, uint32_t number,
                              uint32_t relid)
{
    PROVE(of == &conn && number == VMB_MSG_RELID_RELEASED);
    (void)relid;
    return sizeof(struct vmb_msg_relid);
}

/* One offer more, in a slot that was free, and no other slot touched. */
static void prove_add(uint32_t probe)
{
    bool kept = false;
    uint32_t i;

    vmb_offers_add(&conn);
    for (i = 0; i < OFFERS; i++)
        kept = kept || (before[i].state_ == VMB_OFFER_FREE &&
                        offers[i].state_ == VMB_OFFER_PRESENT);
    PROVE(kept ? told : on_record);
    PROVE(before[probe].state_ == VMB_OFFER_FREE ||
          (offers[probe].relid == before[probe].relid &&
           offers[probe].state_ == before[probe].state_ &&
           offers[probe].chan_ == before[probe].chan_));
    if (kept)
        PROVE(vmb_offers_find(&conn, conn.in_.offer.relid) != NULL);
}

static void prove_rescind(uint32_t probe)
{
    GIVEN(nondet_bool() || conn.lost_.relid == 0);
    vmb_offers_rescind(&conn);
    PROVE(offers[probe].relid == before[probe].relid);
    PROVE(offers[probe].state_ == before[probe].state_ ||
          (before[probe].state_ == VMB_OFFER_PRESENT &&
           before[probe].relid == conn.in_.relid.relid && told));
}

static void prove_release(uint32_t probe)
{
    vmb_offers_release(&conn);
    PROVE(
        offers[probe].state_ == before[probe].state_ ||
        (before[probe].state_ == VMB_OFFER_RESCINDED && !before[probe].chan_));
}

int main(void)
{
    uint32_t probe = nondet_u8();

    any_table();
    conn.in_ = nondet_message();
    conn.in_bytes_ = nondet_u8();
    conn.state_ = (enum vmb_conn_state)nondet_u8();
    conn.version_ = nondet_u32();
    conn.lost_.relid = nondet_u32();
    GIVEN(conn.in_bytes_ >= VMB_OFFER_BYTES_0_13); /* messages: no other */
    GIVEN(probe < OFFERS);
    __builtin_memcpy(before, offers, sizeof before);
    if (nondet_bool())
        prove_add(probe);
    else if (nondet_bool())
        prove_rescind(probe);
    else
        prove_release(probe);
    PROVE(table_is_sound());
    return 0;
}
