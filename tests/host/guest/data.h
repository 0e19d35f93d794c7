/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TEST_DATA_H
#define TEST_DATA_H
/* The parts of the `data` guest, each in the file of its name. */

void test_external(void);
void test_chains(void);
void test_rings(void);
void test_gpadls(void);
void test_incoming(void);
void test_flow(void);
void test_channels(void);
void test_lanes(void);
void test_packets(void);

#endif
