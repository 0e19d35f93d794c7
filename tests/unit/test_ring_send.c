/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The sending side of a ring: what it writes, byte for byte, wherever the
 * circle closes; what it takes for full; what it makes of the read index.
 */
#include "packets.h"

static uint8_t *pages;
static struct sample sample;
static struct peer_image image;

static int set_up(void **state)
{
    (void)state;
    pages = new_pages(8);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(pages);
    return 0;
}

static void a_new_ring_is_empty_and_asks_for_nothing(void **state)
{
    struct vmb_ring_tx tx;
    uint32_t i;

    (void)state;
    memset(pages, 0xee, PAGE);
    memset(&tx, 0xee, sizeof tx);
    vmb_ring_tx_init(&tx, pages, 7);
    for (i = 0; i < PAGE; i++)
        assert_int_equal(pages[i], i == PEER_FEATURE * 4 ? 1 : 0);
    assert_int_equal(tx.size_, 7 * PAGE);
    assert_false(vmb_ring_publish(&tx));
    assert_int_equal(tx.write_ | tx.published_ | tx.read_ | tx.wanted_, 0);
}

/* Bytes outside [at, at + len) of the circle still hold `fill`. */
static void assert_untouched(const struct peer_ring *ring, uint32_t at,
                             uint32_t len, uint8_t fill)
{
    uint8_t byte;

    for (; len < ring->size; len++) {
        peer_read_at(ring, at + len, &byte, 1);
        assert_int_equal(byte, fill);
    }
}

static void send_at(uint32_t data_pages, uint32_t at)
{
    static struct peer_image found;
    struct vmb_out_size size;
    struct vmb_fault fault;
    struct vmb_ring_tx tx;
    struct peer_ring ring;

    place_tx(&tx, pages, data_pages, at, 0xa5);
    ring = peer_of_tx(&tx);
    assert_int_equal(vmb_ring_measure(&sample.out, &size), VMB_OK);
    assert_int_equal(vmb_ring_reserve(&tx, size.total, &fault), VMB_OK);
    vmb_ring_write(&tx, &sample.out, &size, 0x0102030405060708u + at);
    assert_int_equal(peer_word(&ring, PEER_WRITE), at);
    assert_true(vmb_ring_publish(&tx));
    sample_image(&sample.out, 0x0102030405060708u + at, at, &image);
    assert_int_equal(size.total, image.len);
    assert_int_equal(peer_word(&ring, PEER_WRITE),
                     (at + image.len) % ring.size);
    assert_true(peer_take(&ring, &found));
    assert_int_equal(found.len, image.len);
    assert_memory_equal(found.b, image.b, image.len);
    assert_untouched(&ring, at, image.len, 0xa5);
}

static void at_every_start(uint32_t data_pages)
{
    uint32_t at;

    for (at = 0; at < data_pages * PAGE; at += 8)
        send_at(data_pages, at);
}

static void inband_wraps_anywhere(void **state)
{
    static const uint32_t lengths[] = { 0, 1, 7, 8, 9, 16, 39, 200, 4056 };
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(lengths); i++) {
        sample_inband(&sample, lengths[i]);
        at_every_start(1);
    }
}

static void completion_wraps_anywhere(void **state)
{
    uint32_t len;

    (void)state;
    for (len = 0; len < 20; len += 5) {
        sample_completion(&sample, 0xfeedu, len);
        at_every_start(1);
    }
}

static void direct_wraps_anywhere(void **state)
{
    uint32_t ranges;

    (void)state;
    for (ranges = 1; ranges <= 5; ranges++) {
        sample_direct(&sample, ranges, ranges * 3);
        sample.out.want_reply = true;
        at_every_start(1);
    }
}

static void direct_takes_1_to_64_ranges_across_the_end(void **state)
{
    uint32_t ranges, back;

    (void)state;
    for (ranges = 1; ranges <= 64; ranges++) {
        sample_direct(&sample, ranges, 13);
        for (back = 8; back < 2300; back += 8 + 56 * (back % 3))
            send_at(2, 2 * PAGE - back);
    }
}

/*
 * Packets of one piece and one member are written by code of their own, and the
 * same packets with an empty piece behind it by the code for all: what they
 * take and what lies in the ring must be the same.
 */
static void both_ways_to_write_agree(void **state)
{
    static const uint32_t payloads[] = { 0, 1, 7, 8, 9, 64, 4096 };
    struct vmb_out_size one, two;
    uint32_t i, length;

    (void)state;
    for (i = 0; i < COUNT(payloads); i++) {
        for (length = 0; length < 3 * PAGE - 61; length += 1021) {
            sample_direct(&sample, 1, payloads[i]);
            sample.members[0].pfn_count = 3;
            sample.members[0].byte_offset = 61;
            sample.members[0].byte_count = 3 * PAGE - 61;
            sample.pfns_used = 3;
            sample.out.mdl_length = length;
            assert_int_equal(vmb_ring_measure(&sample.out, &one), VMB_OK);
            send_at(2, 64);
            sample.out.iov_count = 2;
            assert_int_equal(vmb_ring_measure(&sample.out, &two), VMB_OK);
            send_at(2, 64);
            assert_int_equal(one.payload, two.payload);
            assert_int_equal(one.descriptor, two.descriptor);
            assert_int_equal(one.total, two.total);
            assert_int_equal(one.ranges, two.ranges);
            assert_int_equal(one.mdl_bytes, two.mdl_bytes);
        }
    }
}

#define LONG_PAGES 129u
#define WIRE_MOST  (65535u * 8)

/* The sample is in the ring with these lengths, in bytes. */
static void assert_header(uint32_t descriptor, uint32_t total)
{
    uint8_t *large = new_pages(1 + LONG_PAGES);
    struct vmb_out_size size;
    struct vmb_fault fault;
    struct vmb_ring_tx tx;
    uint16_t header[4];

    place_tx(&tx, large, LONG_PAGES, 0, 0);
    assert_int_equal(vmb_ring_measure(&sample.out, &size), VMB_OK);
    assert_int_equal(vmb_ring_reserve(&tx, size.total, &fault), VMB_OK);
    vmb_ring_write(&tx, &sample.out, &size, 0);
    memcpy(header, large + PAGE, sizeof header);
    assert_int_equal(header[1] * 8u, descriptor);
    assert_int_equal(header[2] * 8u, total);
    assert_int_equal(tx.write_, total + 8);
    free(large);
}

/* Lengths count 8 bytes: more than 16 bits of bytes are no mistake. */
static void lengths_hold_up_to_the_longest_packet(void **state)
{
    static const uint32_t totals[] = { 65528, 65536, 65544, 131072, WIRE_MOST };
    uint8_t *bytes = calloc(1, WIRE_MOST);
    uint32_t i, pieces, pages_of;

    (void)state;
    assert_non_null(bytes);
    for (i = 0; i < COUNT(totals); i++) {
        for (pieces = 1; pieces <= 2; pieces++) {
            sample_inband(&sample, 0);
            sample.pieces[0].base = bytes;
            sample.pieces[0].len = totals[i] - 16;
            sample.out.iov_count = pieces;
            assert_header(16, totals[i]);
            sample_direct(&sample, 1, 0);
            pages_of = (totals[i] - 32) / 8;
            sample.members[0].pfns = (const uint64_t *)(const void *)bytes;
            sample.members[0].pfn_count = pages_of;
            sample.members[0].byte_offset = 0;
            sample.members[0].byte_count = pages_of * PAGE;
            sample.out.iov_count = pieces;
            assert_header(totals[i], totals[i]);
        }
    }
    free(bytes);
}

static void payload_is_gathered_from_pieces(void **state)
{
    uint32_t at;

    (void)state;
    for (at = PAGE - 80; at < PAGE; at += 8) {
        sample_inband(&sample, 0);
        sample.pieces[0].len = 3;
        sample.pieces[1].base = NULL;
        sample.pieces[2].base = &sample.payload[100];
        sample.pieces[2].len = 17;
        sample.pieces[3].base = &sample.payload[50];
        sample.pieces[3].len = 31;
        sample.out.iov_count = 4;
        send_at(1, at);
    }
}

static void padding_shows_nothing_of_the_past(void **state)
{
    uint32_t len, at, i;

    (void)state;
    for (len = 1; len < 9; len++) {
        sample_inband(&sample, len);
        for (at = PAGE - 48; at < PAGE; at += 8) {
            send_at(1, at);
            for (i = 16 + len; i < image.len - 8; i++)
                assert_int_equal(image.b[i], 0);
        }
    }
}

/* Sends until AGAIN; returns the bytes in use then. */
static uint32_t fill_up(struct vmb_ring_tx *tx, uint32_t payload)
{
    struct peer_ring ring = peer_of_tx(tx);
    struct vmb_out_size size;
    struct vmb_fault fault;
    enum vmb_status status;

    sample_inband(&sample, payload);
    assert_int_equal(vmb_ring_measure(&sample.out, &size), VMB_OK);
    while ((status = vmb_ring_reserve(tx, size.total, &fault)) == VMB_OK) {
        vmb_ring_write(tx, &sample.out, &size, 0);
        (void)vmb_ring_publish(tx);
    }
    assert_int_equal(status, VMB_AGAIN);
    return peer_used(&ring);
}

static void the_last_8_bytes_stay_free(void **state)
{
    struct vmb_ring_tx tx;
    uint32_t at, used, payload;

    (void)state;
    for (at = 0; at < PAGE; at += 8) {
        payload = at / 8 % 5 * 8;
        place_tx(&tx, pages, 1, at, 0);
        used = fill_up(&tx, payload);
        assert_true(used <= PAGE - 8);
        assert_true(used + 24 + payload > PAGE - 8);
    }
}

static void room_comes_when_the_host_reads(void **state)
{
    struct vmb_fault fault;
    struct vmb_ring_tx tx;
    struct peer_ring ring;

    (void)state;
    place_tx(&tx, pages, 1, 800, 0);
    ring = peer_of_tx(&tx);
    (void)fill_up(&tx, 40);
    assert_int_equal(vmb_ring_reserve(&tx, 64, &fault), VMB_AGAIN);
    assert_true(peer_take(&ring, &image));
    assert_int_equal(vmb_ring_reserve(&tx, 64, &fault), VMB_OK);
}

static void what_can_never_fit_is_told_apart(void **state)
{
    struct vmb_fault fault;
    struct vmb_ring_tx tx;
    struct peer_ring ring;
    uint32_t data_pages;

    (void)state;
    for (data_pages = 1; data_pages <= 7; data_pages += 3) {
        uint32_t most = data_pages * PAGE - 16;

        place_tx(&tx, pages, data_pages, 64, 0);
        ring = peer_of_tx(&tx);
        assert_int_equal(vmb_ring_reserve(&tx, most, &fault), VMB_OK);
        assert_int_equal(vmb_ring_reserve(&tx, most + 8, &fault), VMB_E_TOOBIG);
        assert_int_equal(vmb_ring_want_room(&tx, most + 8, &fault),
                         VMB_E_TOOBIG);
        assert_int_equal(peer_word(&ring, PEER_PENDING), 0);
        assert_int_equal(vmb_ring_reserve(&tx, UINT32_MAX - 7, &fault),
                         VMB_E_TOOBIG);
    }
}

static void the_wish_for_room_is_stated_and_withdrawn(void **state)
{
    struct vmb_out_size size;
    struct vmb_fault fault;
    struct vmb_ring_tx tx;
    struct peer_ring ring;

    (void)state;
    place_tx(&tx, pages, 1, 0, 0);
    ring = peer_of_tx(&tx);
    (void)fill_up(&tx, 200);
    assert_int_equal(peer_word(&ring, PEER_PENDING), 0);
    assert_int_equal(vmb_ring_want_room(&tx, 3000, &fault), VMB_AGAIN);
    assert_int_equal(peer_word(&ring, PEER_PENDING), 3008);
    while (peer_used(&ring) > 0)
        assert_true(peer_take(&ring, &image));
    /* The second look finds the room without waiting for a signal. */
    assert_int_equal(vmb_ring_want_room(&tx, 3000, &fault), VMB_OK);
    sample_inband(&sample, 2976);
    assert_int_equal(vmb_ring_measure(&sample.out, &size), VMB_OK);
    vmb_ring_write(&tx, &sample.out, &size, 0);
    (void)vmb_ring_publish(&tx);
    assert_int_equal(peer_word(&ring, PEER_PENDING), 0);
}

/* Whoever waits for a large packet's room is not forgotten for a small one,
 * whichever way that goes. */
static void a_smaller_packet_leaves_the_wish(void **state)
{
    struct vmb_out_size size;
    struct vmb_fault fault;
    struct vmb_ring_tx tx;
    struct peer_ring ring;
    uint32_t pieces;

    (void)state;
    for (pieces = 1; pieces <= 2; pieces++) {
        place_tx(&tx, pages, 1, 0, 0);
        ring = peer_of_tx(&tx);
        (void)fill_up(&tx, 200);
        assert_true(peer_take(&ring, &image));
        assert_int_equal(vmb_ring_want_room(&tx, 3000, &fault), VMB_AGAIN);
        sample_inband(&sample, 40);
        sample.out.iov_count = pieces;
        sample.pieces[1] = sample.pieces[0];
        assert_int_equal(vmb_ring_measure(&sample.out, &size), VMB_OK);
        assert_int_equal(vmb_ring_reserve(&tx, size.total, &fault), VMB_OK);
        vmb_ring_write(&tx, &sample.out, &size, 0);
        assert_int_equal(peer_word(&ring, PEER_PENDING), 3008);
    }
}

static void a_signal_is_due_iff_unmasked_and_empty_before(void **state)
{
    static const uint32_t masks[] = { 0, 1, 2, 0x80000000u, UINT32_MAX };
    struct vmb_out_size size;
    struct vmb_ring_tx tx;
    struct peer_ring ring;
    uint32_t i, k;

    (void)state;
    sample_inband(&sample, 8);
    assert_int_equal(vmb_ring_measure(&sample.out, &size), VMB_OK);
    for (i = 0; i < COUNT(masks); i++) {
        for (k = 0; k < 3; k++) {
            place_tx(&tx, pages, 1, 4088, 0);
            ring = peer_of_tx(&tx);
            peer_set_word(&ring, PEER_MASK, masks[i]);
            if (k == 1) /* a packet before it that nobody has read */
                peer_set_word(&ring, PEER_READ, 4056);
            vmb_ring_write(&tx, &sample.out, &size, 0);
            if (k == 2) /* the host is quick: it has read this one, too */
                peer_set_word(&ring, PEER_READ, (4088 + 32) % PAGE);
            assert_int_equal(vmb_ring_publish(&tx), masks[i] == 0 && k == 0);
            assert_false(vmb_ring_publish(&tx));
        }
    }
}

static void a_batch_needs_one_signal(void **state)
{
    struct vmb_out_size size;
    struct vmb_ring_tx tx;
    struct peer_ring ring;
    uint32_t i;

    (void)state;
    place_tx(&tx, pages, 1, 4000, 0);
    ring = peer_of_tx(&tx);
    sample_inband(&sample, 30);
    assert_int_equal(vmb_ring_measure(&sample.out, &size), VMB_OK);
    for (i = 0; i < 5; i++)
        vmb_ring_write(&tx, &sample.out, &size, i);
    assert_int_equal(peer_used(&ring), 0);
    assert_true(vmb_ring_publish(&tx));
    for (i = 0; i < 5; i++) {
        assert_true(peer_take(&ring, &image));
        assert_int_equal(peer_get(&image, 8, 8), i);
    }
    assert_false(peer_take(&ring, &image));
}

static void hostile_read(uint32_t index, enum vmb_site site, uint64_t got,
                         uint64_t limit)
{
    struct vmb_ring_tx tx, before;
    struct vmb_fault fault = { 0 };
    struct peer_ring ring;

    place_tx(&tx, pages, 1, 1000, 0);
    ring = peer_of_tx(&tx);
    (void)fill_up(&tx, 1000);
    peer_set_word(&ring, PEER_READ, index);
    before = tx;
    assert_int_equal(vmb_ring_reserve(&tx, 2000, &fault), VMB_E_HOST);
    assert_int_equal(fault.status, VMB_E_HOST);
    assert_int_equal(fault.site, site);
    assert_int_equal(fault.got, got);
    assert_int_equal(fault.limit, limit);
    assert_memory_equal(&tx, &before, sizeof tx);
    assert_int_equal(vmb_ring_want_room(&tx, 2000, &fault), VMB_E_HOST);
    assert_int_equal(fault.site, site);
    assert_int_equal(tx.read_, before.read_);
    assert_int_equal(tx.write_, before.write_);
}

static void a_hostile_read_index_is_a_fault(void **state)
{
    uint32_t used = 3 * 1024, i;

    (void)state;
    hostile_read(PAGE, VMB_SITE_TX_READ_RANGE, PAGE, PAGE);
    hostile_read(PAGE + 8, VMB_SITE_TX_READ_RANGE, PAGE + 8, PAGE);
    hostile_read(UINT32_MAX, VMB_SITE_TX_READ_RANGE, UINT32_MAX, PAGE);
    for (i = 1; i < 8; i++)
        hostile_read(1000 + i, VMB_SITE_TX_READ_ALIGN, 1000 + i, 8);
    /* Behind where it stood, which is ahead of all that was sent. */
    hostile_read(992, VMB_SITE_TX_READ_BACK, PAGE - 8, used);
    hostile_read((1000 + used + 8) % PAGE, VMB_SITE_TX_READ_BACK, used + 8,
                 used);
}

/* What is staged no host can have read. */
static void a_read_index_among_staged_packets_is_a_fault(void **state)
{
    struct vmb_fault fault = { 0 };
    struct vmb_ring_tx tx;
    struct peer_ring ring;

    (void)state;
    place_tx(&tx, pages, 1, 0, 0);
    ring = peer_of_tx(&tx);
    (void)fill_up(&tx, 1024);
    tx.published_ = 1024;
    peer_set_word(&ring, PEER_READ, 1032);
    assert_int_equal(vmb_ring_reserve(&tx, 2000, &fault), VMB_E_HOST);
    assert_int_equal(fault.site, VMB_SITE_TX_READ_BACK);
    assert_int_equal(fault.limit, 1024);
}

static void every_read_index_is_taken_or_refused(void **state)
{
    struct vmb_fault fault;
    struct vmb_ring_tx tx;
    struct peer_ring ring;
    uint32_t index, used, moved;
    enum vmb_status status;

    (void)state;
    for (index = 0; index < 2 * PAGE; index++) {
        place_tx(&tx, pages, 1, 3600, 0);
        ring = peer_of_tx(&tx);
        used = fill_up(&tx, 480);
        peer_set_word(&ring, PEER_READ, index);
        status = vmb_ring_reserve(&tx, 600, &fault);
        moved = (index + PAGE - 3600) % PAGE;
        if (index >= PAGE || index % 8 || moved > used)
            assert_int_equal(status, VMB_E_HOST);
        else
            assert_int_equal(
                status, PAGE - 8 - (used - moved) >= 600 ? VMB_OK : VMB_AGAIN);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_ring_is_empty_and_asks_for_nothing),
        cmocka_unit_test(inband_wraps_anywhere),
        cmocka_unit_test(completion_wraps_anywhere),
        cmocka_unit_test(direct_wraps_anywhere),
        cmocka_unit_test(direct_takes_1_to_64_ranges_across_the_end),
        cmocka_unit_test(both_ways_to_write_agree),
        cmocka_unit_test(lengths_hold_up_to_the_longest_packet),
        cmocka_unit_test(payload_is_gathered_from_pieces),
        cmocka_unit_test(padding_shows_nothing_of_the_past),
        cmocka_unit_test(the_last_8_bytes_stay_free),
        cmocka_unit_test(room_comes_when_the_host_reads),
        cmocka_unit_test(what_can_never_fit_is_told_apart),
        cmocka_unit_test(the_wish_for_room_is_stated_and_withdrawn),
        cmocka_unit_test(a_smaller_packet_leaves_the_wish),
        cmocka_unit_test(a_signal_is_due_iff_unmasked_and_empty_before),
        cmocka_unit_test(a_batch_needs_one_signal),
        cmocka_unit_test(a_hostile_read_index_is_a_fault),
        cmocka_unit_test(a_read_index_among_staged_packets_is_a_fault),
        cmocka_unit_test(every_read_index_is_taken_or_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
