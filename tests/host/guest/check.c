/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "check.h"

static const char *current;
static bool good_so_far;
static unsigned passed, failed;

void check_begin(const char *name)
{
    if (current)
        guest_fail("check %s begins inside %s", name, current);
    current = name;
    good_so_far = true;
}

/* At once, not at the end: the guest may not live to see that. */
static void say_why(const char *format, va_list arguments)
{
    print("not ok %s: ", current);
    vprint(format, arguments);
    print("\n");
}

bool check_that(bool good, const char *format, ...)
{
    va_list arguments;

    if (!good && good_so_far) {
        va_start(arguments, format);
        say_why(format, arguments);
        va_end(arguments);
    }
    good_so_far &= good;
    return good;
}

bool check_good(void)
{
    return good_so_far;
}

static bool end(void)
{
    if (good_so_far)
        passed++;
    else
        failed++;
    return good_so_far;
}

void check_end(void)
{
    if (end())
        print("ok %s\n", current);
    current = NULL;
}

void check_end_with(const char *format, ...)
{
    va_list arguments;

    if (end()) {
        print("ok %s (", current);
        va_start(arguments, format);
        vprint(format, arguments);
        va_end(arguments);
        print(")\n");
    }
    current = NULL;
}

bool check(bool good, const char *name, const char *format, ...)
{
    va_list arguments;

    check_begin(name);
    if (!good) {
        va_start(arguments, format);
        say_why(format, arguments);
        va_end(arguments);
    }
    good_so_far = good;
    check_end();
    return good;
}

enum guest_verdict checks_finish(void)
{
    if (current)
        guest_fail("check %s has no end", current);
    print("checks: %u\n", passed + failed);
    return failed || !passed ? GUEST_FAIL : GUEST_PASS;
}
