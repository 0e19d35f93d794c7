/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TEST_STORE_H
#define TEST_STORE_H
/* The controller and its disks, with the waiting that tests want. */
#include "support.h"

#define STORE_QUEUES 4
#define STORE_DEPTH  16
#define BLOCK        512u

/* Which LUN is what: see plans/disk.json. */
enum {
    LUN_MAIN,     /* 8 MiB, discards */
    LUN_SIBLING,  /* 8 MiB, never written to */
    LUN_READONLY, /* 8 MiB */
    LUN_OPTICAL,  /* 8 MiB of 2048 */
    LUN_BAD,      /* block 100 fails once, 200 and 300 always */
    LUN_HOT       /* comes when it is asked for */
};

extern struct vmb_storvsc ctl;
extern struct vmb_disk disk; /* LUN_MAIN */

/* Any failure ends the guest. */
void store_begin(void); /* once: memory */
void store_open(uint32_t queues);
void store_close(void);
void store_disk(struct vmb_disk *which, uint8_t lun);

/* Poll once, or sleep until there is something to do. */
void store_turn(void);
/* Until it is back; 20 s without an answer end the guest. */
enum vmb_status store_wait(struct vmb_storvsc_req *req);

/* One transfer by one MDL, waited for. */
enum vmb_status store_read(struct vmb_disk *which, struct vmb_storvsc_req *req,
                           uint64_t block, uint32_t count, void *to);
enum vmb_status store_write(struct vmb_disk *which, struct vmb_storvsc_req *req,
                            uint64_t block, uint32_t count, void *from);

/* An MDL that cannot fail; page numbers come from pages_need(). */
struct vmb_mdl store_mdl(void *at, size_t bytes, uint64_t *pfns, uint32_t cap);

/* Parts of the test: disk_*.c. */
void test_facts(void);
void test_bytes(void);
void test_many(void);
void test_discard(void);
void test_errors(void);
void test_plug(void);
void test_close(void);

#endif
