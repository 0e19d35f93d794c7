/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_hv_now() by the TSC page: whatever the host writes there and however
 * often it changes it, only the page is read, a bounded number of times.
 *
 * Bounds: the library's own number of tries.
 *
 * Options: --unwind 20
 */
#include "../host.h"

#include "../../../src/hv/clock.c"

static struct vmb_tsc_page page;
static uint32_t loads;

static void check_access(const void *at, size_t len)
{
    PROVE(__CPROVER_same_object(at, &page));
    PROVE(__CPROVER_POINTER_OFFSET(at) + len <= sizeof page);
    loads++;
}

uint64_t vmb_hv_reg_get(const struct vmb_hv *hv, uint32_t reg)
{
    (void)hv;
    PROVE(reg == VMB_REG_TSC || reg == VMB_REG_REF_COUNT);
    return nondet_u64();
}

int main(void)
{
    struct vmb_platform plat = { .now = NULL };
    struct vmb_hv hv = { .plat = &plat, .tsc_page_ = &page };

    (void)vmb_hv_now(&hv);
    PROVE(loads <= 4 * SEQUENCE_TRIES);
    return 0;
}
