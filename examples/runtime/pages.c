/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Pages one after the other, through the RAM above the image in the order of
 * the loader's map.  `next` alone says what is taken.
 */
#include "internal.h"

/* Page-aligned parts of the map above the image and below 4 GiB, ascending. */
static struct guest_range parts[GUEST_RANGES_MAX];
static size_t part_count;
static uint64_t next;

static uint64_t end_of(const struct guest_range *range)
{
    return range->start + range->length;
}

/* In its place by address: maps are sorted, but need not be. */
static void add_part(uint64_t start, uint64_t end)
{
    size_t i = part_count++;

    for (; i > 0 && parts[i - 1].start > start; i--)
        parts[i] = parts[i - 1];
    parts[i] = (struct guest_range){ start, end - start };
}

void pages_start(const struct guest_boot *boot)
{
    uint64_t image = (uintptr_t)image_end;

    for (size_t i = 0; i < boot->ram_count; i++) {
        uint64_t start = boot->ram[i].start;
        uint64_t end = GIB_4;

        if (fits_below(start, boot->ram[i].length, GIB_4))
            end = end_of(&boot->ram[i]);
        if (start < image)
            start = image;
        start = (start + GUEST_PAGE_SIZE - 1) & ~(uint64_t)0xfff;
        end &= ~(uint64_t)0xfff;
        if (start < end)
            add_part(start, end);
    }
    next = part_count ? parts[0].start : 0;
}

void *pages_take(size_t count)
{
    for (size_t i = 0; i < part_count && count; i++) {
        uint64_t from = parts[i].start > next ? parts[i].start : next;

        if (end_of(&parts[i]) <= from ||
            (end_of(&parts[i]) - from) / GUEST_PAGE_SIZE < count)
            continue;
        next = from + count * GUEST_PAGE_SIZE;
        return memset(at(from), 0, count * GUEST_PAGE_SIZE);
    }
    return NULL;
}

void *pages_mark(void)
{
    return at(next);
}

void pages_release(void *mark)
{
    next = (uintptr_t)mark;
}

size_t pages_left(void)
{
    uint64_t left = 0;

    for (size_t i = 0; i < part_count; i++) {
        uint64_t from = parts[i].start > next ? parts[i].start : next;

        if (end_of(&parts[i]) > from)
            left += end_of(&parts[i]) - from;
    }
    return (size_t)(left / GUEST_PAGE_SIZE);
}
