/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The receiving side of a ring: packets wherever the circle closes, and a host
 * that lies in each field it writes.
 */
#include "packets.h"

static uint8_t *pages;
static struct peer_image image;
static struct vmb_ring_rx rx;
static struct peer_ring ring;

static int set_up(void **state)
{
    (void)state;
    pages = new_pages(4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(pages);
    return 0;
}

static void place(uint32_t at)
{
    place_rx(&rx, pages, 1, at, 0x5a);
    ring = peer_of_rx(&rx);
}

/* A packet of one of the three kinds, `len` payload bytes, `ranges` ranges. */
static void make(uint16_t type, uint32_t ranges, uint32_t len)
{
    uint32_t i;

    peer_begin(&image, type, 1, 0x8877665544332211u + len);
    if (type == 7) {
        peer_put32(&image, 0x00cafe01);
        peer_put32(&image, ranges);
        for (i = 0; i < ranges; i++) {
            peer_put32(&image, 1000 + i);
            peer_put32(&image, 0xf0000000u + i);
        }
    }
    peer_payload(&image);
    for (i = 0; i < len; i++)
        peer_put_bytes(&image, &(uint8_t){ (uint8_t)(i + 3) }, 1);
    peer_end(&image, 0x12345678); /* what the trailer says is not looked at */
}

static void assert_payload(const struct vmb_rx *out, uint32_t len)
{
    static uint8_t copy[PAGE];
    uint32_t i;

    assert_int_equal(out->len, (len + 7) / 8 * 8);
    memset(copy, 0xcc, sizeof copy);
    assert_int_equal(vmb_ring_copy(&rx, out, 0, copy, sizeof copy), out->len);
    for (i = 0; i < len; i++)
        assert_int_equal(copy[i], (uint8_t)(i + 3));
    for (; i < out->len; i++)
        assert_int_equal(copy[i], 0);
    for (; i < sizeof copy; i++)
        assert_int_equal(copy[i], 0xcc);
}

static void receive_at(uint32_t at, uint16_t type, uint32_t ranges,
                       uint32_t len)
{
    uint32_t offset, bytes, i;
    struct vmb_fault fault;
    struct vmb_rx out;

    place(at);
    make(type, ranges, len);
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_AGAIN);
    assert_true(peer_add(&ring, &image));
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    assert_int_equal(out.kind, type);
    assert_int_equal(out.want_reply, type != 11);
    assert_true(out.xid == 0x8877665544332211u + len);
    assert_int_equal(out.range_count, type == 7 ? ranges : 0);
    assert_int_equal(out.page_set, type == 7 ? 0xfe01 : 0);
    for (i = 0; i < out.range_count; i++) {
        assert_true(vmb_ring_range(&rx, &out, i, &offset, &bytes));
        assert_int_equal(bytes, 1000 + i);
        assert_int_equal(offset, 0xf0000000u + i);
    }
    assert_false(vmb_ring_range(&rx, &out, i, &offset, &bytes));
    assert_false(vmb_ring_range(&rx, &out, UINT32_MAX, &offset, &bytes));
    assert_payload(&out, len);
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_AGAIN);
    assert_int_equal(peer_word(&ring, PEER_READ), at);
    (void)vmb_ring_release(&rx);
    assert_int_equal(peer_word(&ring, PEER_READ), (at + image.len) % PAGE);
}

static void packets_wrap_anywhere(void **state)
{
    static const uint32_t lengths[] = { 0, 1, 8, 13, 64, 3000 };
    uint32_t i, at;

    (void)state;
    for (i = 0; i < COUNT(lengths); i++) {
        for (at = 0; at < PAGE; at += 8) {
            receive_at(at, 6, 0, lengths[i]);
            receive_at(at, 7, i, lengths[i]);
            receive_at(at, 11, 0, lengths[i]);
        }
    }
}

static void the_largest_packet_is_received(void **state)
{
    uint32_t at;

    (void)state;
    for (at = 0; at < PAGE; at += 8)
        receive_at(at, 6, 0, PAGE - 8 - 24);
}

static void a_hundred_packets_come_in_order(void **state)
{
    struct vmb_fault fault;
    struct vmb_rx out;
    uint32_t i;

    (void)state;
    place(4080);
    for (i = 0; i < 100; i++) {
        make(6, 0, i % 9);
        assert_true(peer_add(&ring, &image));
    }
    for (i = 0; i < 100; i++) {
        assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
        assert_payload(&out, i % 9);
    }
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_AGAIN);
}

/*
 * Puts `image` in as it is, shows `held` bytes, and expects that fault;
 * nothing may have been consumed, now or when asked again.
 */
static void lies(uint32_t at, uint32_t held, enum vmb_site site, uint64_t got,
                 uint64_t limit)
{
    struct vmb_fault fault;
    struct vmb_rx out;
    uint32_t i;

    place(at);
    peer_write_at(&ring, at, image.b, image.len);
    peer_set_word(&ring, PEER_WRITE, (at + held) % PAGE);
    for (i = 0; i < 2; i++) {
        memset(&fault, 0xff, sizeof fault);
        assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_E_HOST);
        assert_int_equal(fault.status, VMB_E_HOST);
        assert_int_equal(fault.site, site);
        assert_int_equal(fault.host_code, 0);
        assert_int_equal(fault.got, got);
        assert_int_equal(fault.limit, limit);
        assert_int_equal(rx.read_, at);
        assert_int_equal(rx.released_, at);
        assert_false(vmb_ring_release(&rx));
        assert_int_equal(peer_word(&ring, PEER_READ), at);
    }
}

static void patch16(uint32_t at, uint32_t value)
{
    image.b[at] = (uint8_t)value;
    image.b[at + 1] = (uint8_t)(value >> 8);
}

static void a_hostile_type_is_a_fault(void **state)
{
    uint32_t type;

    (void)state;
    for (type = 0; type < 65536; type++) {
        if (type == 6 || type == 7 || type == 11)
            continue;
        make(6, 0, 16);
        patch16(0, type);
        lies(type * 8 % PAGE, image.len, VMB_SITE_RX_TYPE, type, 0);
    }
}

static void a_hostile_offset_or_length_is_a_fault(void **state)
{
    static const uint32_t extremes[] = { 0,     1,      2,      3,     4,
                                         5,     511,    512,    8191,  8192,
                                         32767, 0x8000, 0xfffe, 0xffff };
    uint32_t i, k, offset, length, held = 5 * 8;

    (void)state;
    for (i = 0; i < COUNT(extremes); i++) {
        for (k = 0; k < COUNT(extremes); k++) {
            offset = extremes[i];
            length = extremes[k];
            make(6, 0, 16);
            patch16(2, offset);
            patch16(4, length);
            if (offset < 2 || offset > length)
                lies(4088, held, VMB_SITE_RX_OFFSET, offset, length);
            else if (length > 4)
                lies(4088, held, VMB_SITE_RX_LENGTH, length * 8 + 8, held);
        }
    }
}

static void the_trailer_belongs_to_the_packet(void **state)
{
    (void)state;
    make(6, 0, 16); /* 4 times 8, and 8 of trailer */
    lies(0, 32, VMB_SITE_RX_LENGTH, 40, 32);
}

static void less_than_a_header_is_a_fault(void **state)
{
    (void)state;
    make(6, 0, 0);
    lies(4088, 8, VMB_SITE_RX_HEADER, 8, 24);
    lies(4088, 16, VMB_SITE_RX_HEADER, 16, 24);
}

static void hostile_range_counts_are_faults(void **state)
{
    static const uint32_t more[] = { 1,          2,          0x10000,
                                     0x1fffffff, 0x20000000, 0x7fffffff,
                                     0x80000000, 0xfffffffc };
    uint32_t ranges, count, i;

    (void)state;
    make(7, 0, 16);
    patch16(2, 2); /* the payload hides where set id and count should be */
    lies(4072, image.len, VMB_SITE_RX_OFFSET, 2, 3);
    for (ranges = 0; ranges < 4; ranges++) {
        for (i = 0; i < COUNT(more); i++) {
            make(7, ranges, 16);
            count = ranges + more[i];
            memcpy(&image.b[20], &count, sizeof count);
            lies(4080, image.len, VMB_SITE_RX_RANGES, count, ranges);
        }
    }
}

static void hostile_write(uint32_t index, enum vmb_site site, uint64_t got,
                          uint64_t limit)
{
    struct vmb_ring_rx before;
    struct vmb_fault fault;
    struct vmb_rx out;

    /* Three packets: the first released, the second received. */
    place(4000);
    make(6, 0, 40);
    assert_true(peer_add(&ring, &image) && peer_add(&ring, &image) &&
                peer_add(&ring, &image));
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    (void)vmb_ring_release(&rx);
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    peer_set_word(&ring, PEER_WRITE, index);
    before = rx;
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_E_HOST);
    assert_int_equal(fault.site, site);
    assert_int_equal(fault.got, got);
    assert_int_equal(fault.limit, limit);
    assert_memory_equal(&rx, &before, sizeof rx);
}

static void a_hostile_write_index_is_a_fault(void **state)
{
    uint32_t end = (4000 + 3 * 64) % PAGE, i;

    (void)state;
    hostile_write(PAGE, VMB_SITE_RX_WRITE_RANGE, PAGE, PAGE);
    hostile_write(UINT32_MAX, VMB_SITE_RX_WRITE_RANGE, UINT32_MAX, PAGE);
    hostile_write(UINT32_MAX & ~7u, VMB_SITE_RX_WRITE_RANGE, UINT32_MAX & ~7u,
                  PAGE);
    for (i = 1; i < 8; i++)
        hostile_write(end + i, VMB_SITE_RX_WRITE_ALIGN, end + i, 8);
    /* Back into what it has shown already, down to what we still own. */
    for (i = 8; i <= 2 * 64; i += 8)
        hostile_write((end + PAGE - i) % PAGE, VMB_SITE_RX_WRITE_BACK,
                      (end + PAGE - i) % PAGE, end);
}

static void what_was_shown_once_is_received_whatever_the_index(void **state)
{
    struct vmb_fault fault;
    struct vmb_rx out;

    (void)state;
    place(128);
    make(6, 0, 40);
    assert_true(peer_add(&ring, &image) && peer_add(&ring, &image));
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    peer_set_word(&ring, PEER_WRITE, 3);
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_E_HOST);
    assert_int_equal(fault.site, VMB_SITE_RX_WRITE_ALIGN);
}

static void copies_stay_in_the_payload(void **state)
{
    uint8_t copy[48], guard[48];
    struct vmb_fault fault;
    struct vmb_rx out;
    uint32_t offset, len, want;

    (void)state;
    place(4064); /* the payload begins 16 bytes before the end */
    make(6, 0, 32);
    assert_true(peer_add(&ring, &image));
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    for (offset = 0; offset < 40; offset++) {
        for (len = 0; len <= 40; len++) {
            want = offset >= 32 ? 0 : 32 - offset < len ? 32 - offset : len;
            memset(copy, 0xcc, sizeof copy);
            memset(guard, 0xcc, sizeof guard);
            assert_int_equal(vmb_ring_copy(&rx, &out, offset, copy, len), want);
            if (want)
                memcpy(guard, &image.b[16 + offset], want);
            assert_memory_equal(copy, guard, sizeof copy);
        }
    }
    assert_int_equal(vmb_ring_copy(&rx, &out, 0, copy, UINT32_MAX), 32);
    assert_int_equal(vmb_ring_copy(&rx, &out, UINT32_MAX, copy, 1), 0);
    assert_int_equal(vmb_ring_copy(&rx, &out, 31, copy, UINT32_MAX), 1);
    place(0); /* in one piece: the end does not wrap 32 bits */
    assert_true(peer_add(&ring, &image));
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    assert_int_equal(vmb_ring_copy(&rx, &out, UINT32_MAX - 7, copy, 8), 0);
    assert_int_equal(vmb_ring_copy(&rx, &out, 8, copy, UINT32_MAX - 7), 24);
}

/* What the caller kept of it names bytes that this ring does not have. */
static void a_packet_of_a_larger_ring_is_not_read(void **state)
{
    struct vmb_rx out = { .kind = VMB_XFER_PAGES, .len = 64, .range_count = 1 };
    uint32_t offset, len;
    uint8_t copy[64];

    (void)state;
    place(0);
    assert_int_equal(vmb_ring_copy(&rx, &out, 0, copy, sizeof copy), 64);
    assert_true(vmb_ring_range(&rx, &out, 0, &offset, &len));
    out.at_ = out.ranges_at_ = PAGE;
    assert_int_equal(vmb_ring_copy(&rx, &out, 0, copy, sizeof copy), 0);
    assert_false(vmb_ring_range(&rx, &out, 0, &offset, &len));
    out.at_ = out.ranges_at_ = PAGE - 8;
    assert_int_equal(vmb_ring_copy(&rx, &out, 0, copy, sizeof copy), 64);
    assert_true(vmb_ring_range(&rx, &out, 0, &offset, &len));
    out.len = PAGE + 8;
    out.range_count = PAGE / 8 + 1;
    assert_int_equal(vmb_ring_copy(&rx, &out, 0, copy, sizeof copy), 0);
    assert_false(vmb_ring_range(&rx, &out, 0, &offset, &len));
}

static void a_new_ring_has_nothing(void **state)
{
    (void)state;
    memset(&rx, 1, sizeof rx); /* armed_, too, is a value that it can have */
    vmb_ring_rx_init(&rx, pages, 1);
    assert_int_equal(rx.read_ | rx.released_ | rx.write_, 0);
    assert_false(rx.armed_);
    assert_false(vmb_ring_release(&rx));
    assert_false(vmb_ring_arm(&rx));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_ring_has_nothing),
        cmocka_unit_test(packets_wrap_anywhere),
        cmocka_unit_test(the_largest_packet_is_received),
        cmocka_unit_test(a_hundred_packets_come_in_order),
        cmocka_unit_test(a_hostile_type_is_a_fault),
        cmocka_unit_test(a_hostile_offset_or_length_is_a_fault),
        cmocka_unit_test(the_trailer_belongs_to_the_packet),
        cmocka_unit_test(less_than_a_header_is_a_fault),
        cmocka_unit_test(hostile_range_counts_are_faults),
        cmocka_unit_test(a_hostile_write_index_is_a_fault),
        cmocka_unit_test(what_was_shown_once_is_received_whatever_the_index),
        cmocka_unit_test(copies_stay_in_the_payload),
        cmocka_unit_test(a_packet_of_a_larger_ring_is_not_read),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
