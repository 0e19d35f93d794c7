/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Giving room back, and being woken: who must be signalled, and when. */
#include "packets.h"

#define PACKET 64u /* bytes in the ring of each packet here */

static uint8_t *pages;
static struct peer_image image;
static struct vmb_ring_rx rx;
static struct peer_ring ring;

static int set_up(void **state)
{
    (void)state;
    pages = new_pages(4);
    peer_begin(&image, 6, 0, 1);
    peer_payload(&image);
    while (image.len < PACKET - 8)
        peer_put16(&image, 0x1234);
    peer_end(&image, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(pages);
    return 0;
}

/* `there` packets in the ring, `received` of them received. */
static void place(uint32_t at, uint32_t there, uint32_t received)
{
    struct vmb_fault fault;
    struct vmb_rx out;
    uint32_t i;

    place_rx(&rx, pages, 1, at, 0);
    ring = peer_of_rx(&rx);
    peer_set_word(&ring, PEER_FEATURE, 1);
    for (i = 0; i < there; i++)
        assert_true(peer_add(&ring, &image));
    for (i = 0; i < received; i++)
        assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
}

static void a_new_ring_is_masked(void **state)
{
    uint32_t i;

    (void)state;
    memset(pages, 0xee, PAGE);
    vmb_ring_rx_init(&rx, pages, 3);
    for (i = 0; i < PAGE; i++)
        assert_int_equal(pages[i], i == PEER_MASK * 4 || i == PEER_FEATURE * 4);
    assert_int_equal(rx.size_, 3 * PAGE);
}

/*
 * Free space before and after the release against the wish: due if it reaches
 * or passes the wish now and did not pass it before.
 */
static void a_signal_is_due_iff_the_wish_is_met_now(void **state)
{
    uint32_t there, received, wish, before, after;

    (void)state;
    for (there = 1; there <= 63; there += 31) {
        for (received = 1; received <= there; received += 10) {
            before = PAGE - there * PACKET;
            after = before + received * PACKET;
            for (wish = 1; wish <= PAGE + 8; wish += wish % 8 == 1 ? 7 : 1) {
                place(3968, there, received);
                peer_set_word(&ring, PEER_PENDING, wish);
                assert_int_equal(vmb_ring_release(&rx),
                                 before <= wish && wish <= after);
            }
        }
    }
}

static void equality_counts_on_both_sides(void **state)
{
    const uint32_t before = PAGE - 10 * PACKET;

    (void)state;
    place(0, 10, 2);
    peer_set_word(&ring, PEER_PENDING, before);
    assert_true(vmb_ring_release(&rx));
    place(0, 10, 2);
    peer_set_word(&ring, PEER_PENDING, before - 1);
    assert_false(vmb_ring_release(&rx));
    place(0, 10, 2);
    peer_set_word(&ring, PEER_PENDING, before + 2 * PACKET);
    assert_true(vmb_ring_release(&rx));
    place(0, 10, 2);
    peer_set_word(&ring, PEER_PENDING, before + 2 * PACKET + 1);
    assert_false(vmb_ring_release(&rx));
}

static void no_wish_no_signal(void **state)
{
    (void)state;
    place(0, 20, 20);
    assert_false(vmb_ring_release(&rx));
    /* A sender that does not say it knows the word does not mean it. */
    place(0, 20, 20);
    peer_set_word(&ring, PEER_PENDING, PAGE - 10 * PACKET);
    peer_set_word(&ring, PEER_FEATURE, 0xfffffffe);
    assert_false(vmb_ring_release(&rx));
    place(0, 20, 20);
    peer_set_word(&ring, PEER_PENDING, PAGE - 10 * PACKET);
    peer_set_word(&ring, PEER_FEATURE, UINT32_MAX);
    assert_true(vmb_ring_release(&rx));
}

static void nothing_received_nothing_given_back(void **state)
{
    (void)state;
    place(8, 3, 0);
    peer_set_word(&ring, PEER_PENDING, 1000);
    assert_false(vmb_ring_release(&rx));
    assert_int_equal(peer_word(&ring, PEER_READ), 8);
}

static void all_received_are_given_back_at_once(void **state)
{
    (void)state;
    place(4000, 5, 3);
    assert_false(vmb_ring_release(&rx));
    assert_int_equal(peer_word(&ring, PEER_READ), (4000 + 3 * PACKET) % PAGE);
    assert_false(vmb_ring_release(&rx));
    assert_int_equal(peer_word(&ring, PEER_READ), (4000 + 3 * PACKET) % PAGE);
}

/* What the host added since counts as used: its wish is measured by that. */
static void room_is_measured_with_the_latest_index(void **state)
{
    (void)state;
    place(0, 10, 2);
    assert_true(peer_add(&ring, &image) && peer_add(&ring, &image));
    peer_set_word(&ring, PEER_PENDING, PAGE - 9 * PACKET);
    assert_false(vmb_ring_release(&rx));
    place(0, 10, 2);
    assert_true(peer_add(&ring, &image) && peer_add(&ring, &image));
    peer_set_word(&ring, PEER_PENDING, PAGE - 10 * PACKET);
    assert_true(vmb_ring_release(&rx));
}

static void a_hostile_index_is_reported_by_the_next_receive(void **state)
{
    struct vmb_fault fault;
    struct vmb_rx out;

    (void)state;
    place(0, 10, 10);
    peer_set_word(&ring, PEER_PENDING, PAGE);
    peer_set_word(&ring, PEER_WRITE, 12345);
    assert_false(vmb_ring_release(&rx));
    assert_int_equal(peer_word(&ring, PEER_READ), 10 * PACKET);
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_E_HOST);
    assert_int_equal(fault.site, VMB_SITE_RX_WRITE_RANGE);
}

static void arming_unmasks_and_tells_what_slipped_in(void **state)
{
    struct vmb_fault fault;
    struct vmb_rx out;

    (void)state;
    place(4056, 0, 0);
    assert_int_equal(peer_word(&ring, PEER_MASK), 1);
    assert_false(vmb_ring_arm(&rx));
    assert_int_equal(peer_word(&ring, PEER_MASK), 0);
    assert_true(peer_add(&ring, &image));
    assert_true(vmb_ring_arm(&rx));
    assert_int_equal(peer_word(&ring, PEER_MASK), 0);
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    assert_int_equal(peer_word(&ring, PEER_MASK), 1);
    /* There is nothing to receive, but this one is still in hand: the shared
     * index is behind, and a host does not signal what it adds now. */
    assert_true(vmb_ring_arm(&rx));
    assert_int_not_equal(peer_word(&ring, PEER_READ),
                         peer_word(&ring, PEER_WRITE));
    assert_false(vmb_ring_release(&rx));
    assert_false(vmb_ring_arm(&rx));
    assert_int_equal(peer_word(&ring, PEER_READ), peer_word(&ring, PEER_WRITE));
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_AGAIN);
    assert_int_equal(peer_word(&ring, PEER_MASK), 1);
}

static void receiving_masks_only_what_was_armed(void **state)
{
    struct vmb_fault fault;
    struct vmb_rx out;

    (void)state;
    place(0, 2, 1);
    /* Each store costs: a mask that stands is not written again. */
    peer_set_word(&ring, PEER_MASK, 7);
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    assert_int_equal(peer_word(&ring, PEER_MASK), 7);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_ring_is_masked),
        cmocka_unit_test(a_signal_is_due_iff_the_wish_is_met_now),
        cmocka_unit_test(equality_counts_on_both_sides),
        cmocka_unit_test(no_wish_no_signal),
        cmocka_unit_test(nothing_received_nothing_given_back),
        cmocka_unit_test(all_received_are_given_back_at_once),
        cmocka_unit_test(room_is_measured_with_the_latest_index),
        cmocka_unit_test(a_hostile_index_is_reported_by_the_next_receive),
        cmocka_unit_test(arming_unmasks_and_tells_what_slipped_in),
        cmocka_unit_test(receiving_masks_only_what_was_armed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
