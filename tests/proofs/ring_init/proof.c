/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_ring_tx_init() and vmb_ring_rx_init(): of any number of pages that a
 * channel may have they make an empty ring, the state that every proof of a
 * ring begins from, and touch nothing but the control page.
 *
 * Bounds: none; no loops.
 *
 * Options: --unsigned-overflow-check
 */
#include "../host.h"

#define PAGES_MOST 8188u
#include "../ring.h"

#include "../../../src/ring/rx.c"
#include "../../../src/ring/tx.c"

static uint8_t shared[2 * VMB_PAGE_SIZE];

static void check_access(const void *at, size_t len)
{
    PROVE(__CPROVER_same_object(at, shared));
    PROVE(__CPROVER_POINTER_OFFSET(at) + len <= VMB_PAGE_SIZE);
}

int main(void)
{
    uint32_t pages = nondet_u16();
    struct vmb_ring_rx rx;
    struct vmb_ring_tx tx;

    GIVEN(pages >= 1 && pages <= PAGES_MOST);
    vmb_ring_rx_init(&rx, shared, pages);
    PROVE(rx_is_sound(&rx));
    PROVE(rx.size_ == pages * VMB_PAGE_SIZE && !rx.armed_);
    PROVE(rx.read_ == 0 && rx.released_ == 0 && rx.write_ == 0);
    PROVE(rx.control_ == shared && rx.data_ == shared + VMB_PAGE_SIZE);
    vmb_ring_tx_init(&tx, shared, pages);
    PROVE(tx_is_sound(&tx));
    PROVE(tx.size_ == pages * VMB_PAGE_SIZE && tx.wanted_ == 0);
    PROVE(tx.read_ == 0 && tx.published_ == 0 && tx.write_ == 0);
    PROVE(tx.control_ == shared && tx.data_ == shared + VMB_PAGE_SIZE);
    return 0;
}
