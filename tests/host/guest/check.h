/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H
/*
 * Checks with names.  Each ends in one line on the serial port, which
 * tests/host/run counts as one test:
 *
 *     ok NAME            ok NAME (what it came to)
 *     not ok NAME: why
 *
 * The processor that runs guest_main() calls these; others leave their
 * findings where it can look.
 */
#include <stdbool.h>

#include "runtime.h"

void check_begin(const char *name);

/* False ends up in the line of the check begun, the first one only. */
bool check_that(bool good, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Did everything hold since check_begin()? */
bool check_good(void);

void check_end(void);

/* The same with a remark, when all was good. */
void check_end_with(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* All three in one. */
bool check(bool good, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "checks: N" for the driver to count against, and the verdict. */
enum guest_verdict checks_finish(void);

#endif
