/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Every status and every site has words of its own; no number crashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <vmb/status.h>

static void statuses_are_told_apart(void **state)
{
    static const enum vmb_status all[] = {
        VMB_OK,          VMB_AGAIN,       VMB_E_ARG,       VMB_E_STATE,
        VMB_E_TOOBIG,    VMB_E_LANE,      VMB_E_NOSLOT,    VMB_E_NOHV,
        VMB_E_NOFEATURE, VMB_E_VERSION,   VMB_E_OWNED,     VMB_E_REFUSED,
        VMB_E_RESCINDED, VMB_E_TIMEOUT,   VMB_E_HYPERCALL, VMB_E_HOST,
        VMB_E_BUG,       VMB_E_CANCELLED,
    };
    size_t i, k;

    (void)state;
    for (i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_string_not_equal(vmb_status_str(all[i]), "unknown");
        for (k = 0; k < i; k++)
            assert_string_not_equal(vmb_status_str(all[i]),
                                    vmb_status_str(all[k]));
    }
}

static void sites_are_told_apart(void **state)
{
    uint16_t i, k;

    (void)state;
    for (i = 0; i < VMB_SITE_COUNT; i++) {
        assert_true(strlen(vmb_site_str(i)) > 0);
        for (k = 0; k < i; k++)
            assert_string_not_equal(vmb_site_str(i), vmb_site_str(k));
    }
}

static void numbers_outside_are_unknown(void **state)
{
    (void)state;
    assert_string_equal(vmb_status_str((enum vmb_status)12345), "unknown");
    assert_string_equal(vmb_status_str((enum vmb_status) - 12345), "unknown");
    assert_string_equal(vmb_site_str(VMB_SITE_COUNT), "unknown");
    assert_string_equal(vmb_site_str(0xffff), "unknown");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_are_told_apart),
        cmocka_unit_test(sites_are_told_apart),
        cmocka_unit_test(numbers_outside_are_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
