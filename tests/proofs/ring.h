/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_PROOFS_RING_H
#define TESTS_PROOFS_RING_H
/*
 * Any ring of up to PAGES_MOST pages, in any state that the library can leave
 * it in.  Its data has no memory: contents do not matter here, and addresses
 * are only compared.
 *
 * The bound on pages is one on time only.  The code adds, subtracts and
 * compares offsets: a larger ring adds bits to the numbers and no case, and
 * that no sum wraps at any size the wire allows is proved by ring_index.
 */
#include <vmb/ring.h>

#include "proof.h"

#include "../../src/fault.c"
#include "../../src/ring/index.c"

#define CONTROL_BYTES 68u
#ifndef PAGES_MOST
#define PAGES_MOST 8u
#endif

static uint8_t control[CONTROL_BYTES];
static uint8_t data[8]; /* where it would begin: nobody follows a pointer */

/* No wider than needed: each bit of a number costs time. */
static uint32_t any_size(void)
{
    uint32_t pages = PAGES_MOST == 1 ? 1 : nondet_u16();

    GIVEN(pages >= 1 && pages <= PAGES_MOST);
    return pages * VMB_PAGE_SIZE;
}

static uint32_t any_index(uint32_t size)
{
    uint32_t words = PAGES_MOST > 8 ? nondet_u32() : nondet_u16();

    GIVEN(words < size / 8);
    return words * 8;
}

/* The way forward from `from` to `to`; ring_index proves the library's. */
static uint32_t ahead(uint32_t from, uint32_t to, uint32_t size)
{
    return from <= to ? to - from : size - (from - to);
}

/* read .. published .. write, in this order around the circle. */
static struct vmb_ring_tx any_tx(void)
{
    struct vmb_ring_tx tx;

    tx.control_ = control;
    tx.data_ = data;
    tx.size_ = any_size();
    tx.read_ = any_index(tx.size_);
    tx.published_ = any_index(tx.size_);
    tx.write_ = any_index(tx.size_);
    tx.wanted_ = nondet_bool();
    GIVEN(ahead(tx.read_, tx.published_, tx.size_) <=
          ahead(tx.read_, tx.write_, tx.size_));
    return tx;
}

/* released .. read .. write. */
static struct vmb_ring_rx any_rx(void)
{
    struct vmb_ring_rx rx;

    rx.control_ = control;
    rx.data_ = data;
    rx.size_ = any_size();
    rx.released_ = any_index(rx.size_);
    rx.read_ = any_index(rx.size_);
    rx.write_ = any_index(rx.size_);
    rx.armed_ = nondet_bool();
    GIVEN(ahead(rx.released_, rx.read_, rx.size_) <=
          ahead(rx.released_, rx.write_, rx.size_));
    return rx;
}

/* Is it still such a state? */
static bool tx_is_sound(const struct vmb_ring_tx *tx)
{
    return tx->read_ < tx->size_ && tx->read_ % 8 == 0 &&
           tx->published_ < tx->size_ && tx->published_ % 8 == 0 &&
           tx->write_ < tx->size_ && tx->write_ % 8 == 0 &&
           ahead(tx->read_, tx->published_, tx->size_) <=
               ahead(tx->read_, tx->write_, tx->size_);
}

static bool rx_is_sound(const struct vmb_ring_rx *rx)
{
    return rx->read_ < rx->size_ && rx->read_ % 8 == 0 &&
           rx->released_ < rx->size_ && rx->released_ % 8 == 0 &&
           rx->write_ < rx->size_ && rx->write_ % 8 == 0 &&
           ahead(rx->released_, rx->read_, rx->size_) <=
               ahead(rx->released_, rx->write_, rx->size_);
}

/* The control page's words or the data of a ring of `size` bytes. */
static bool in_ring(const void *at, size_t len, uint32_t size)
{
    if (__CPROVER_same_object(at, control))
        return __CPROVER_POINTER_OFFSET(at) + len <= CONTROL_BYTES;
    return __CPROVER_same_object(at, data) && len <= size &&
           __CPROVER_POINTER_OFFSET(at) <= size - len;
}

#endif
