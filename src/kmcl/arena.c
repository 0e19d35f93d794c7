/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Pages by first fit.  One byte a page, in the arena's first pages, says what
 * it is: so nothing that a client writes past its own end is trusted, but the
 * page before.
 */
#include "internal.h"

enum page {
    PAGE_FREE = 0,
    PAGE_FIRST, /* of something taken */
    PAGE_MORE
};

static size_t pages_for(size_t bytes)
{
    return bytes / VMB_PAGE_SIZE + (bytes % VMB_PAGE_SIZE != 0);
}

static void mark(struct vmb_kmcl_arena *arena, uint32_t first, uint32_t count)
{
    __builtin_memset(arena->map_ + first, PAGE_MORE, count);
    arena->map_[first] = PAGE_FIRST;
    arena->free_ -= count;
}

bool vmb_arena_init(struct vmb_kmcl_arena *arena, void *memory, uint32_t pages)
{
    if (!memory || (uintptr_t)memory % VMB_PAGE_SIZE || pages < 2)
        return false;
    arena->map_ = memory;
    arena->pages_ = pages;
    arena->free_ = pages;
    __builtin_memset(arena->map_, PAGE_FREE, pages);
    mark(arena, 0, (uint32_t)pages_for(pages));
    return true;
}

void *vmb_arena_take(struct vmb_kmcl_arena *arena, size_t bytes)
{
    size_t wanted = pages_for(bytes);
    uint32_t i, run = 0;
    uint8_t *at;

    if (wanted == 0)
        return NULL;
    for (i = 0; i < arena->pages_ && run < wanted; i++)
        run = arena->map_[i] == PAGE_FREE ? run + 1 : 0;
    if (run < wanted)
        return NULL;
    mark(arena, i - run, run);
    at = arena->map_ + (size_t)(i - run) * VMB_PAGE_SIZE;
    __builtin_memset(at, 0, wanted * VMB_PAGE_SIZE);
    return at;
}

/* False: nothing that begins there was taken. */
bool vmb_arena_give(struct vmb_kmcl_arena *arena, void *memory)
{
    uintptr_t offset = (uintptr_t)memory - (uintptr_t)arena->map_;
    uint32_t page = (uint32_t)(offset / VMB_PAGE_SIZE);

    if (offset % VMB_PAGE_SIZE || offset / VMB_PAGE_SIZE >= arena->pages_ ||
        page == 0 || arena->map_[page] != PAGE_FIRST)
        return false;
    do {
        arena->map_[page++] = PAGE_FREE;
        arena->free_++;
    } while (page < arena->pages_ && arena->map_[page] == PAGE_MORE);
    return true;
}
