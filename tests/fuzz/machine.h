/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef TESTS_FUZZ_MACHINE_H
#define TESTS_FUZZ_MACHINE_H
/*
 * A processor with a hypervisor that does what the fuzzer says, and a host
 * that keeps books: what has been posted to it, and which GPADLs it may use.
 */
#include <vmb/conn.h>

#include "fuzz.h"

#define MACHINE_CPUS   2u
#define MACHINE_GPADLS 256u /* ids from 1; more are not kept in the books */

struct machine {
    struct vmb_platform plat;
    struct vmb_hv hv;
    struct vmb_cpu cpu[MACHINE_CPUS];
    uint8_t *pages; /* two of hv, two of each CPU */
    uint64_t reg[256];
    uint64_t now;
    uint64_t says; /* status of the next hypercalls */
    /* The books. */
    bool held[MACHINE_GPADLS];      /* described to the host, at least begun */
    bool giving_up[MACHINE_GPADLS]; /* its teardown was asked for */
    uint32_t relid[MACHINE_GPADLS]; /* of its channel */
    uint64_t rescinded;             /* relids below 64: a bit each */
    bool unloading;                 /* an unload was asked for */
    uint32_t version;               /* of the last contact */
    uint32_t last_open[3];          /* relid, open id, GPADL */
};

void machine_start(struct machine *machine);
void machine_end(struct machine *machine);

/* Is the message slot free for the next one? */
bool machine_listens(const struct machine *machine);
/* Puts a message of at most 255 bytes there, as the host writes it. */
void machine_deliver(struct machine *machine, const uint8_t *message,
                     uint8_t len);
/* Sets an event flag of a CPU. */
void machine_flag(struct machine *machine, uint32_t cpu, uint32_t flag);

bool machine_holds(const struct machine *machine, uint32_t gpadl);
/* A GPADL whose teardown waits for its answer; 0: none. */
uint32_t machine_giving_up(const struct machine *machine);

#endif
