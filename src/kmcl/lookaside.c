/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

#define OBJECTS_PER_CHUNK 4u /* at least */

/* A chunk: the next one's address, then objects. */
#define CHUNK_HEADER 8u

static void cut(struct vmb_lookaside *list, uint8_t *chunk, size_t bytes)
{
    size_t at = CHUNK_HEADER;

    for (; at + list->bytes <= bytes; at += list->bytes) {
        *(void **)(void *)(chunk + at) = list->free_;
        list->free_ = chunk + at;
    }
}

static bool grow(struct vmb_lookaside *list, struct vmb_kmcl_arena *arena)
{
    size_t bytes = CHUNK_HEADER + (size_t)OBJECTS_PER_CHUNK * list->bytes;
    void *chunk;

    bytes = (bytes + VMB_PAGE_SIZE - 1) & ~(size_t)(VMB_PAGE_SIZE - 1);
    chunk = vmb_arena_take(arena, bytes);
    if (!chunk)
        return false;
    *(void **)chunk = list->chunks_;
    list->chunks_ = chunk;
    cut(list, chunk, bytes);
    return true;
}

void *vmb_lookaside_take(struct vmb_lookaside *list,
                         struct vmb_kmcl_arena *arena)
{
    void *object;

    if (!list->free_ && !grow(list, arena))
        return NULL;
    object = list->free_;
    list->free_ = *(void **)object;
    list->out++;
    return object;
}

void vmb_lookaside_give(struct vmb_lookaside *list, void *object)
{
    *(void **)object = list->free_;
    list->free_ = object;
    list->out--;
}

void vmb_lookaside_drop(struct vmb_lookaside *list,
                        struct vmb_kmcl_arena *arena)
{
    void *chunk;

    while ((chunk = list->chunks_) != NULL) {
        list->chunks_ = *(void **)chunk;
        (void)vmb_arena_give(arena, chunk);
    }
    list->free_ = NULL;
}
