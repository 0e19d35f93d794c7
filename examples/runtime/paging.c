/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

#define GIB_1   0x40000000ull
#define GIB_512 0x8000000000ull
#define MIB_2   0x200000ull

/* The page directory of the gigabyte at `physical`; NULL: no page for one. */
static uint64_t *directory_of(uint64_t physical)
{
    uint64_t *entry = &page_directory_pointers[physical / GIB_1];

    if (!*entry) {
        uint64_t directory = (uintptr_t)pages_take(1);

        if (!directory)
            return NULL;
        *entry = directory + PTE_TABLE;
    }
    return at(*entry & ~(uint64_t)0xfff);
}

bool map_identity(uint64_t physical, uint64_t length)
{
    uint64_t page = physical & ~(MIB_2 - 1);

    if (!fits_below(physical, length, GIB_512))
        return false;
    for (; page < physical + length; page += MIB_2) {
        uint64_t *directory = directory_of(page);

        if (!directory)
            return false;
        if (!directory[page % GIB_1 / MIB_2])
            directory[page % GIB_1 / MIB_2] = page + PTE_2M_RAM;
    }
    return true;
}
