/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Page arithmetic up to the last byte of the address space; the builders. */
#include <vmb/mdl.h>

#include "unit.h"

/* ---- pages --------------------------------------------------------------- */

/* By pages touched, first to last, in numbers that cannot wrap. */
static uint64_t span_of(uint64_t at, uint64_t len)
{
    wide last = (wide)at % PAGE + len;

    return len == 0 ? 0 : (uint64_t)((last - 1) / PAGE + 1);
}

static void spans_near_zero(void **state)
{
    uint64_t at, len;

    (void)state;
    for (at = 0; at < 2 * PAGE; at += at % PAGE == 2 ? PAGE - 5 : 1)
        for (len = 0; len < 3 * PAGE + 3; len++)
            assert_int_equal(vmb_page_span(at, len), span_of(at, len));
}

static void spans_near_the_end(void **state)
{
    static const uint64_t near[] = { 0,        1,          7,
                                     PAGE - 1, PAGE,       PAGE + 1,
                                     1u << 31, UINT32_MAX, 1ull << 52 };
    uint32_t i, k;

    (void)state;
    for (i = 0; i < COUNT(near); i++) {
        for (k = 0; k < COUNT(near); k++) {
            uint64_t a = near[i], b = near[k], most = UINT64_MAX;

            assert_true(vmb_page_span(a, most - b) == span_of(a, most - b));
            assert_true(vmb_page_span(most - a, b) == span_of(most - a, b));
            assert_true(vmb_page_span(most - a, most - b) ==
                        span_of(most - a, most - b));
        }
    }
    assert_true(vmb_page_span(UINT64_MAX, UINT64_MAX) == (1ull << 52) + 1);
}

static void spans_anywhere(void **state)
{
    struct rng rng = rng_from(5);
    uint32_t i;

    (void)state;
    for (i = 0; i < 200000; i++) {
        uint64_t at = rng_next(&rng) >> rng_below(&rng, 64);
        uint64_t len = rng_next(&rng) >> rng_below(&rng, 64);

        assert_true(vmb_page_span(at, len) == span_of(at, len));
    }
}

/* ---- from page numbers --------------------------------------------------- */

static const uint64_t pfns[] = { 900, 17, 0x000fffffffffffffu, 0, 5 };

static void page_numbers_are_taken_as_they_are(void **state)
{
    struct vmb_mdl mdl = { .next = &mdl };

    (void)state;
    assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 5, 100, 4 * PAGE), VMB_OK);
    assert_null(mdl.next);
    assert_ptr_equal(mdl.pfns, pfns);
    assert_int_equal(mdl.pfn_count, 5);
    assert_int_equal(mdl.byte_offset, 100);
    assert_int_equal(mdl.byte_count, 4 * PAGE);
}

static void bytes_must_lie_in_the_pages(void **state)
{
    struct vmb_mdl mdl;
    uint32_t offset;

    (void)state;
    for (offset = 0; offset < PAGE; offset++) {
        uint32_t most = 5 * PAGE - offset;

        assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 5, offset, most),
                         VMB_OK);
        assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 5, offset, most + 1),
                         VMB_E_ARG);
    }
    assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 5, PAGE, 1), VMB_E_ARG);
    assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 5, PAGE, 0), VMB_E_ARG);
    assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 5, UINT32_MAX, 1),
                     VMB_E_ARG);
    assert_int_equal(vmb_mdl_from_pfns(&mdl, NULL, 5, 0, 1), VMB_E_ARG);
    assert_int_equal(vmb_mdl_from_pfns(&mdl, NULL, 0, 0, 0), VMB_OK);
    assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 0, 0, 1), VMB_E_ARG);
    assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 1u << 20, 0, UINT32_MAX),
                     VMB_OK);
    assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 1u << 20, 1, UINT32_MAX),
                     VMB_OK);
    assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 1u << 20, 2, UINT32_MAX),
                     VMB_E_ARG);
}

/* ---- from addresses ------------------------------------------------------ */

static uint32_t asked;

/* Neighbouring pages are far apart, and out of order. */
static uint64_t shuffled(uint64_t page)
{
    return (page * 0x9e3779b97f4a7c15u) >> 12;
}

static uint64_t gpa(void *ctx, const void *va)
{
    assert_ptr_equal(ctx, &asked);
    asked++;
    return shuffled((uintptr_t)va / PAGE) * PAGE + (uintptr_t)va % PAGE;
}

static const struct vmb_platform plat = { .size = sizeof plat,
                                          .ctx = &asked,
                                          .gpa = gpa };

/* Addresses are only ever handed to gpa(): no memory is needed behind them. */
static const void *address(uint64_t at)
{
    return (const void *)(uintptr_t)at;
}

static void assert_describes(const struct vmb_mdl *mdl, uint64_t at,
                             uint64_t len)
{
    uint32_t i;

    assert_null(mdl->next);
    assert_int_equal(mdl->byte_offset, at % PAGE);
    assert_int_equal(mdl->byte_count, len);
    assert_int_equal(mdl->pfn_count, span_of(at, len));
    for (i = 0; i < mdl->pfn_count; i++)
        assert_true(mdl->pfns[i] == shuffled(at / PAGE + i));
}

static void every_page_is_asked_for(void **state)
{
    static const uint64_t bases[] = { 0x10000, 0x7fffffff0000u,
                                      UINT64_MAX - 4 * PAGE + 1 };
    static uint64_t list[5];
    struct vmb_mdl mdl;
    uint32_t i, offset, len;

    (void)state;
    for (i = 0; i < COUNT(bases); i++) {
        for (offset = 0; offset < PAGE; offset += 455) {
            for (len = 0; len <= 3 * PAGE; len += 1 + len % 700) {
                uint64_t at = bases[i] + offset;

                asked = 0;
                assert_int_equal(vmb_mdl_from_virtual(&mdl, &plat, address(at),
                                                      len, list, 5),
                                 VMB_OK);
                assert_describes(&mdl, at, len);
                assert_int_equal(asked, mdl.pfn_count);
            }
        }
    }
}

static void the_last_byte_of_memory_is_the_last(void **state)
{
    static uint64_t list[4];
    struct vmb_mdl mdl;
    uint64_t at = UINT64_MAX - 5000;

    (void)state;
    assert_int_equal(
        vmb_mdl_from_virtual(&mdl, &plat, address(at), 5001, list, 4), VMB_OK);
    assert_describes(&mdl, at, 5001);
    assert_int_equal(
        vmb_mdl_from_virtual(&mdl, &plat, address(at), 5002, list, 4),
        VMB_E_ARG);
    assert_int_equal(
        vmb_mdl_from_virtual(&mdl, &plat, address(UINT64_MAX), 2, list, 4),
        VMB_E_ARG);
    assert_int_equal(
        vmb_mdl_from_virtual(&mdl, &plat, address(UINT64_MAX), 1, list, 4),
        VMB_OK);
    assert_int_equal(
        vmb_mdl_from_virtual(&mdl, &plat, address(1), SIZE_MAX, list, 4),
        VMB_E_TOOBIG);
    assert_int_equal(
        vmb_mdl_from_virtual(&mdl, &plat, address(2), SIZE_MAX, list, 4),
        VMB_E_ARG);
}

static void a_buffer_must_fit_its_list(void **state)
{
    static uint64_t list[3];
    struct vmb_mdl mdl;

    (void)state;
    asked = 0;
    assert_int_equal(vmb_mdl_from_virtual(&mdl, &plat, address(0x10fff),
                                          2 * PAGE + 2, list, 3),
                     VMB_E_NOSLOT);
    assert_int_equal(vmb_mdl_from_virtual(&mdl, &plat, address(0x10000),
                                          (size_t)UINT32_MAX + 1, list, 3),
                     VMB_E_TOOBIG);
    assert_int_equal(vmb_mdl_from_virtual(&mdl, &plat, address(0x10000),
                                          UINT32_MAX, list, 3),
                     VMB_E_NOSLOT);
    assert_int_equal(asked, 0);
    assert_int_equal(vmb_mdl_from_virtual(&mdl, &plat, address(0x10fff),
                                          2 * PAGE + 1, list, 3),
                     VMB_OK);
    assert_int_equal(vmb_mdl_from_virtual(&mdl, &plat, NULL, 0, NULL, 0),
                     VMB_OK);
    assert_int_equal(mdl.byte_count, 0);
}

/* ---- from several addresses ---------------------------------------------- */

static void pieces_become_a_chain(void **state)
{
    static const struct vmb_iov iov[] = {
        { (const void *)0x10ffe, 4 },
        { NULL, 0 },
        { (const void *)0x5000, 3 * PAGE },
        { (const void *)0x777, 1 },
    };
    struct vmb_mdl mdls[4];
    uint64_t list[6];
    uint32_t i;

    (void)state;
    assert_int_equal(vmb_mdl_from_iovec(mdls, 4, &plat, iov, 4, list, 6),
                     VMB_OK);
    for (i = 0; i < 4; i++) {
        assert_ptr_equal(mdls[i].next, i < 3 ? &mdls[i + 1] : NULL);
        mdls[i].next = NULL;
        assert_describes(&mdls[i], (uintptr_t)iov[i].base, iov[i].len);
    }
    assert_ptr_equal(mdls[0].pfns, list);
    assert_ptr_equal(mdls[3].pfns, list + 5);
}

static void pieces_must_fit_their_tables(void **state)
{
    static const struct vmb_iov iov[] = {
        { (const void *)0x10ffe, 4 },
        { (const void *)0x5000, PAGE },
        { (const void *)0x777, 1 },
    };
    struct vmb_iov wrong[3];
    struct vmb_mdl mdls[3];
    uint64_t list[4];

    (void)state;
    assert_int_equal(vmb_mdl_from_iovec(mdls, 3, &plat, iov, 0, list, 4),
                     VMB_E_ARG);
    assert_int_equal(vmb_mdl_from_iovec(mdls, 2, &plat, iov, 3, list, 4),
                     VMB_E_NOSLOT);
    assert_int_equal(vmb_mdl_from_iovec(mdls, 3, &plat, iov, 3, list, 3),
                     VMB_E_NOSLOT);
    assert_int_equal(vmb_mdl_from_iovec(mdls, 3, &plat, iov, 3, list, 4),
                     VMB_OK);
    memcpy(wrong, iov, sizeof wrong);
    wrong[2].len = SIZE_MAX;
    assert_int_equal(vmb_mdl_from_iovec(mdls, 3, &plat, wrong, 3, list, 4),
                     VMB_E_ARG);
    wrong[2].len = (size_t)UINT32_MAX + 1;
    assert_int_equal(vmb_mdl_from_iovec(mdls, 3, &plat, wrong, 3, list, 4),
                     VMB_E_TOOBIG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_near_zero),
        cmocka_unit_test(spans_near_the_end),
        cmocka_unit_test(spans_anywhere),
        cmocka_unit_test(page_numbers_are_taken_as_they_are),
        cmocka_unit_test(bytes_must_lie_in_the_pages),
        cmocka_unit_test(every_page_is_asked_for),
        cmocka_unit_test(the_last_byte_of_memory_is_the_last),
        cmocka_unit_test(a_buffer_must_fit_its_list),
        cmocka_unit_test(pieces_become_a_chain),
        cmocka_unit_test(pieces_must_fit_their_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
