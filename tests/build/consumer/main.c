/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A hosted program that links libvmb: it describes a buffer by pages. */
#include <stdio.h>

#include <vmb/vmb.h>

static uint64_t gpa(void *ctx, const void *va)
{
    (void)ctx;
    return (uint64_t)(uintptr_t)va;
}

int main(void)
{
    const struct vmb_platform plat = { .size = sizeof plat, .gpa = gpa };
    struct vmb_mdl mdl;
    struct vmb_mdl_extent extent;
    uint64_t pfns[3];
    char buffer[5000] = { 0 };

    if (vmb_mdl_from_virtual(&mdl, &plat, buffer, sizeof buffer, pfns, 3) ||
        vmb_mdl_measure(&mdl, 0, 0, &extent))
        return 1;
    printf("%s: %s, %u bytes\n", VMB_LIBRARY_VERSION, vmb_status_str(VMB_OK),
           (unsigned)extent.bytes);
    return extent.bytes != sizeof buffer;
}
