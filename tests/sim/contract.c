/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Holds every status that comes back against what the headers name. */
#define CONTRACT_TABLE
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#define STATUSES_MAX 17u

struct contract {
    const char *name;
    unsigned count;
    enum vmb_status status[STATUSES_MAX];
};

#include "contract.h"

/* Calls come from several threads. */
static unsigned breaches;
static uint32_t seen[CONTRACT_COUNT]; /* bit i: contract.status[i] came back */

unsigned contract_breaches(void)
{
    return __atomic_load_n(&breaches, __ATOMIC_RELAXED);
}

/* Which statuses a program met, one a line, appended to $VMB_CONTRACT. */
static void report(void)
{
    FILE *out = fopen(getenv("VMB_CONTRACT"), "a");
    unsigned n, i;

    for (n = 0; out && n < CONTRACT_COUNT; n++)
        for (i = 0; i < contracts[n].count; i++)
            if (seen[n] & 1u << i)
                fprintf(out, "%s: %s\n", contracts[n].name,
                        vmb_status_str(contracts[n].status[i]));
    if (out)
        fclose(out);
}

static void __attribute__((constructor)) report_at_exit(void)
{
    if (getenv("VMB_CONTRACT"))
        atexit(report);
}

enum vmb_status contract_check(unsigned function, enum vmb_status status)
{
    const struct contract *contract = &contracts[function];
    unsigned i;

    for (i = 0; i < contract->count; i++)
        if (contract->status[i] == status) {
            __atomic_fetch_or(&seen[function], 1u << i, __ATOMIC_RELAXED);
            return status;
        }
    __atomic_fetch_add(&breaches, 1, __ATOMIC_RELAXED);
    fprintf(stderr,
            "%s() answered \"%s\" (%d), which its comment does not "
            "name\n",
            contract->name, vmb_status_str(status), (int)status);
    return status;
}
