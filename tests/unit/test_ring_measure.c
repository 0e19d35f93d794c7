/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What may be sent, and what it takes: no ring is involved. */
#include "packets.h"

#define WIRE_MOST (65535u * 8) /* header and payload; the length counts 8s */

static struct sample sample;
static uint8_t some_bytes[16];

static enum vmb_status measure(struct vmb_out_size *size)
{
    return vmb_ring_measure(&sample.out, size);
}

static void refused(enum vmb_status status)
{
    struct vmb_out_size size;

    assert_int_equal(measure(&size), status);
}

static void sizes_add_up(void **state)
{
    struct vmb_out_size size;
    uint32_t len;

    (void)state;
    for (len = 0; len <= 64; len++) {
        sample_inband(&sample, len);
        assert_int_equal(measure(&size), VMB_OK);
        assert_int_equal(size.payload, len);
        assert_int_equal(size.descriptor, 16);
        assert_int_equal(size.total, 24 + (len + 7) / 8 * 8);
        assert_int_equal(size.ranges, 0);
        sample_direct(&sample, 3, len); /* 1, 2 and 3 pages */
        assert_int_equal(measure(&size), VMB_OK);
        assert_int_equal(size.descriptor, 16 + 8 + 3 * 8 + 6 * 8);
        assert_int_equal(size.total, size.descriptor + 8 + (len + 7) / 8 * 8);
        assert_int_equal(size.ranges, 3);
        assert_int_equal(size.mdl_bytes, 6 * PAGE - 61 - 2 * 61);
    }
}

static void only_three_kinds_are_sent(void **state)
{
    uint32_t kind;

    (void)state;
    for (kind = 0; kind < 70000; kind++) {
        sample_inband(&sample, 8);
        sample.out.kind = (enum vmb_kind)kind;
        if (kind != VMB_INBAND && kind != VMB_COMPLETION)
            refused(VMB_E_ARG);
    }
}

static void a_range_list_goes_with_its_kind_only(void **state)
{
    (void)state;
    sample_direct(&sample, 1, 8);
    sample.out.kind = VMB_INBAND;
    refused(VMB_E_ARG);
    sample.out.kind = VMB_COMPLETION;
    refused(VMB_E_ARG);
    sample.out.kind = VMB_GPA_DIRECT;
    refused(VMB_OK);
    sample.out.mdl = NULL;
    refused(VMB_E_ARG);
}

static void a_range_list_names_some_bytes(void **state)
{
    (void)state;
    sample_direct(&sample, 1, 8);
    sample.members[0].byte_count = 0;
    refused(VMB_E_ARG);
    sample_direct(&sample, 2, 8);
    sample.out.mdl_offset = 3 * PAGE - 61;
    refused(VMB_E_ARG); /* the very end: no byte is left */
    sample.out.mdl_offset--;
    refused(VMB_OK);
    sample.out.mdl_offset += 2;
    refused(VMB_E_ARG);
    sample.out.mdl_offset = 0;
    sample.out.mdl_length = 3 * PAGE - 61;
    refused(VMB_OK);
    sample.out.mdl_length++;
    refused(VMB_E_ARG);
    sample.out.mdl_offset = UINT64_MAX;
    refused(VMB_E_ARG);
    sample.out.mdl_offset = 1;
    sample.out.mdl_length = UINT64_MAX;
    refused(VMB_E_ARG);
}

static void a_wrong_chain_is_refused(void **state)
{
    (void)state;
    sample_direct(&sample, 3, 8);
    sample.members[1].byte_offset = PAGE;
    refused(VMB_E_ARG);
    sample_direct(&sample, 3, 8);
    sample.members[2].pfn_count--;
    refused(VMB_E_ARG);
    sample_direct(&sample, 3, 8);
    sample.members[0].pfns = NULL;
    refused(VMB_E_ARG);
    sample_direct(&sample, 3, 8);
    sample.members[2].next = &sample.members[1];
    refused(VMB_E_ARG);
}

/* One piece and one member go a shorter way, which is to say the same. */
static void one_member_is_as_any(uint32_t offset, uint32_t count, uint32_t pfns,
                                 uint64_t length)
{
    uint64_t bytes = length ? length : count;
    bool wrong =
        offset >= PAGE || (count && (offset + count + PAGE - 1) / PAGE > pfns);
    struct vmb_out_size size;

    sample_direct(&sample, 1, 8);
    sample.members[0].byte_offset = offset;
    sample.members[0].byte_count = count;
    sample.members[0].pfn_count = pfns;
    sample.out.mdl_length = length;
    if (wrong || count == 0 || length > count) {
        refused(VMB_E_ARG);
        return;
    }
    assert_int_equal(measure(&size), VMB_OK);
    assert_int_equal(size.ranges, 1);
    assert_int_equal(size.mdl_bytes, bytes);
    assert_int_equal(size.descriptor,
                     16 + 8 + 8 + (offset + bytes + PAGE - 1) / PAGE * 8);
    assert_int_equal(size.total, size.descriptor + 8 + 8);
}

static void members_at(uint32_t offset)
{
    static const uint32_t counts[] = { 0, 1, 8, 100, PAGE - 1, PAGE, PAGE + 8 };
    uint32_t i, pfns, n;

    for (i = 0; i < COUNT(counts); i++)
        for (pfns = 0; pfns < 4; pfns++)
            for (n = 0; n < 20; n++)
                one_member_is_as_any(offset, counts[i], pfns,
                                     n < 2 ? n : counts[i] + n - 10);
}

static void one_member_is_bounded(void **state)
{
    (void)state;
    members_at(0);
    members_at(1);
    members_at(PAGE - 8);
    members_at(PAGE - 1);
    members_at(PAGE);
}

static void a_completion_wants_no_reply(void **state)
{
    (void)state;
    sample_completion(&sample, 1, 8);
    refused(VMB_OK);
    sample.out.want_reply = true;
    refused(VMB_E_ARG);
}

static void bytes_need_an_address(void **state)
{
    (void)state;
    sample_inband(&sample, 8);
    sample.pieces[0].base = NULL;
    refused(VMB_E_ARG);
    sample.pieces[0].len = 0;
    refused(VMB_OK);
    sample.out.iov = NULL;
    refused(VMB_E_ARG);
    sample.out.iov_count = 0;
    refused(VMB_OK);
}

/* Nothing is read while measuring, so lengths need no memory behind them. */
static void lengths_end_at_16_bits_of_8_bytes(void **state)
{
    struct vmb_out_size size;
    uint32_t most = WIRE_MOST - 16;

    (void)state;
    sample_inband(&sample, 0);
    sample.pieces[0].base = some_bytes;
    for (sample.pieces[0].len = most - 8; sample.pieces[0].len <= most;
         sample.pieces[0].len++) {
        assert_int_equal(measure(&size), VMB_OK);
        assert_true(size.total <= WIRE_MOST + 8);
    }
    assert_int_equal(size.total, WIRE_MOST + 8);
    refused(VMB_E_TOOBIG);
    sample_direct(&sample, 1, 0);
    sample.pieces[0].base = some_bytes;
    sample.pieces[0].len = most - 24;
    refused(VMB_OK);
    sample.pieces[0].len++;
    refused(VMB_E_TOOBIG);
}

static void sums_of_lengths_do_not_wrap(void **state)
{
    static const size_t lengths[] = { UINT32_MAX, (size_t)UINT32_MAX + 1,
                                      SIZE_MAX / 4 + 6, SIZE_MAX - 7,
                                      SIZE_MAX };
    static struct vmb_iov many[5];
    uint32_t i, k;

    (void)state;
    sample_inband(&sample, 0);
    sample.out.iov = many;
    sample.out.iov_count = COUNT(many);
    for (i = 0; i < COUNT(lengths); i++) {
        for (k = 0; k < COUNT(many); k++) {
            many[k].base = some_bytes;
            many[k].len = lengths[i];
        }
        refused(VMB_E_TOOBIG);
    }
}

/* So many that all their bytes, cut to 32 bits, would fit into a packet. */
static void many_pieces_do_not_wrap_either(void **state)
{
    static struct vmb_iov many[8193];
    uint32_t i;

    (void)state;
    sample_inband(&sample, 0);
    sample.out.iov = many;
    sample.out.iov_count = COUNT(many);
    for (i = 0; i < COUNT(many); i++)
        many[i] = (struct vmb_iov){ some_bytes, WIRE_MOST };
    assert_true((uint32_t)(COUNT(many) * (uint64_t)WIRE_MOST) < WIRE_MOST - 16);
    refused(VMB_E_TOOBIG);
}

static void page_lists_end_at_16_bits_of_8_bytes(void **state)
{
    const uint32_t most = 65535u - 2 - 1 - 1; /* header, count, range */
    uint64_t *pfns = calloc(most + 1, sizeof *pfns);
    struct vmb_out_size size;

    (void)state;
    sample_direct(&sample, 1, 0);
    sample.members[0].pfns = pfns;
    sample.members[0].pfn_count = most + 1;
    sample.members[0].byte_offset = 0;
    sample.members[0].byte_count = most * PAGE;
    assert_int_equal(measure(&size), VMB_OK);
    assert_int_equal(size.total, WIRE_MOST + 8);
    sample.members[0].byte_count++;
    refused(VMB_E_TOOBIG);
    free(pfns);
}

/* 2^29 page numbers and one: all but its own 8 bytes are 2^32. */
static void sums_of_page_lists_do_not_wrap(void **state)
{
    static struct vmb_mdl chain[513];
    const uint64_t pfn = 1;
    uint32_t i;

    (void)state;
    sample_direct(&sample, 1, 0);
    for (i = 0; i < COUNT(chain); i++) {
        uint32_t count = i < 512 ? (1u << 20) - 1 : 513;

        chain[i] = (struct vmb_mdl){ i < 512 ? &chain[i + 1] : NULL, &pfn,
                                     count, 0, count * PAGE };
    }
    sample.out.mdl = chain;
    refused(VMB_E_TOOBIG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_add_up),
        cmocka_unit_test(only_three_kinds_are_sent),
        cmocka_unit_test(a_range_list_goes_with_its_kind_only),
        cmocka_unit_test(a_range_list_names_some_bytes),
        cmocka_unit_test(a_wrong_chain_is_refused),
        cmocka_unit_test(one_member_is_bounded),
        cmocka_unit_test(a_completion_wants_no_reply),
        cmocka_unit_test(bytes_need_an_address),
        cmocka_unit_test(lengths_end_at_16_bits_of_8_bytes),
        cmocka_unit_test(sums_of_lengths_do_not_wrap),
        cmocka_unit_test(many_pieces_do_not_wrap_either),
        cmocka_unit_test(page_lists_end_at_16_bits_of_8_bytes),
        cmocka_unit_test(sums_of_page_lists_do_not_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
