/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TEST_BALLOON_H
#define TEST_BALLOON_H
#include <vmb/vmb.h>

/* The parts of the `balloon` guest, each in the file of its name. */

void test_versions(void);
void test_requests(void);
void test_processors(void);
void test_handover(void);
void test_memory(void);

/* Connects anew, between the versions given; what vmb_wait_conn() says. */
enum vmb_status reconnect(uint32_t min_version, uint32_t max_version);

#endif
