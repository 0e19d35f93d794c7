/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_BAY_H
#define VMB_TESTS_SIM_BAY_H
/* A machine with a storage controller, for the tests of storvsc.h. */
#include "harness.h"

#include <vmb/sim_storage.h>

#define BAY_QUEUES 4u
#define BAY_DEPTH  16u
#define BAY_TX     2u
#define BAY_RX     2u

struct bay_cfg {
    struct rig_cfg rig;
    struct vmb_sim_storage_cfg storage; /* size is filled in */
    struct vmb_sim_disk disk;           /* LUN 0; no blocks: 4096 of 512 */
    uint32_t queues;                    /* 0: 1 */
    uint16_t depth;                     /* of each queue; 0: BAY_DEPTH */
    uint32_t tx_pages;                  /* 0: BAY_TX */
    uint32_t patience; /* turns before VMB_E_TIMEOUT; 0: the test fails then */
};

struct bay {
    struct bay_cfg cfg;
    struct rig *rig;
    struct vmb_sim_dev *dev;
    struct vmb_storvsc ctl;
    struct vmb_storvsc_queue queues[BAY_QUEUES];
    struct vmb_txn txns[BAY_QUEUES][BAY_DEPTH];
    struct vmb_storvsc_cmd cmds[BAY_QUEUES][BAY_DEPTH];
    struct vmb_disk disk;
    uint8_t *page;
    bool armed, flagged;
};

/* Machine, device and disk; nothing is started.  cfg NULL: all defaults. */
void bay_make(struct bay *bay, const struct bay_cfg *cfg);
/* Connection, controller, sub-channels, disk; or as far as it comes. */
enum vmb_status bay_try_start(struct bay *bay);
void bay_start(struct bay *bay);
void bay_up(struct bay *bay, const struct bay_cfg *cfg); /* make and start */

enum vmb_status bay_try_open(struct bay *bay); /* the controller */
enum vmb_status bay_try_disk(struct bay *bay, uint8_t lun);
enum vmb_status bay_try_close(struct bay *bay);
void bay_close(struct bay *bay);
/* Close, take it all down, check that nothing is left. */
void bay_down(struct bay *bay);

/* One turn of everything; what vmb_storvsc_poll() said. */
enum vmb_status bay_turn(struct bay *bay);
/* Turns until the request is back; a dead controller: its status. */
enum vmb_status bay_wait(struct bay *bay, struct vmb_storvsc_req *req);
/* Turns until nothing is out. */
void bay_drain(struct bay *bay);

/* `len` bytes of guest memory at va, as an MDL. */
struct vmb_mdl bay_mdl(struct bay *bay, const void *va, size_t len,
                       uint64_t *pfns, uint32_t cap);

/* Read or write by one MDL, and wait. */
enum vmb_status bay_read(struct bay *bay, struct vmb_storvsc_req *req,
                         uint64_t block, uint32_t count, void *va);
enum vmb_status bay_write(struct bay *bay, struct vmb_storvsc_req *req,
                          uint64_t block, uint32_t count, void *va);

/* The pattern of a seed, as vmb_sim_pattern() has it; and is it there? */
void bay_fill(uint8_t *to, size_t len, uint64_t seed);
void bay_check(const uint8_t *from, size_t len, uint64_t seed);
/* Written from `out`, read into `in`, compared. */
void bay_round_trip(struct bay *bay, uint64_t block, uint32_t count,
                    uint8_t *out, uint8_t *in, uint64_t seed);

/* Does the host map any page of the stretch? */
bool bay_mapped(struct bay *bay, const void *va, size_t len);

#endif
