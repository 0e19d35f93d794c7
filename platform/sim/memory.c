/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Guest memory: which pages there are and what their physical numbers are.
 * The host reaches nothing that is not in this table.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
/* Page numbers straddle 4 GiB; an odd step never gives two neighbours. */
#define PFN_BASE  0x90000u
#define PFN_SPAN  0x100000u
#define ALL_BYTES (PAGE - 1)

bool vmb_h_memory_init(struct vmb_sim *sim)
{
    return pthread_rwlock_init(&sim->memory.lock, NULL) == 0;
}

void vmb_h_memory_fini(struct vmb_sim *sim)
{
    struct vmb_h_memory *mem = &sim->memory;

    while (mem->blocks) {
        struct vmb_h_block *block = mem->blocks;

        mem->blocks = block->next;
        free(block->va);
        free(block);
    }
    free(mem->by_va);
    free(mem->by_pfn);
    pthread_rwlock_destroy(&mem->lock);
}

/* Index of the first entry not below key. */
static size_t find(const struct vmb_h_page *table, size_t count, uint64_t key,
                   bool by_pfn)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if ((by_pfn ? table[mid].pfn : table[mid].va) < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct vmb_h_page *at_va(struct vmb_h_memory *mem, uintptr_t va)
{
    size_t i = find(mem->by_va, mem->count, va, false);

    return i < mem->count && mem->by_va[i].va == va ? &mem->by_va[i] : NULL;
}

static struct vmb_h_page *at_pfn(struct vmb_h_memory *mem, uint64_t pfn)
{
    size_t i = find(mem->by_pfn, mem->count, pfn, true);

    return i < mem->count && mem->by_pfn[i].pfn == pfn ? &mem->by_pfn[i] : NULL;
}

uint8_t *vmb_h_page(struct vmb_sim *sim, uint64_t pfn)
{
    struct vmb_h_page *page;
    uint8_t *va;

    pthread_rwlock_rdlock(&sim->memory.lock);
    page = at_pfn(&sim->memory, pfn);
    va = page ? (uint8_t *)page->va : NULL;
    pthread_rwlock_unlock(&sim->memory.lock);
    return va;
}

uint64_t vmb_h_pfn(struct vmb_sim *sim, const void *va)
{
    struct vmb_h_page *page;
    uint64_t pfn;

    pthread_rwlock_rdlock(&sim->memory.lock);
    page = at_va(&sim->memory, (uintptr_t)va & ~(uintptr_t)ALL_BYTES);
    pfn = page ? page->pfn : VMB_H_NO_PFN;
    pthread_rwlock_unlock(&sim->memory.lock);
    return pfn;
}

uint8_t *vmb_h_at(struct vmb_sim *sim, uint64_t gpa)
{
    uint8_t *page = vmb_h_page(sim, gpa / PAGE);

    return page ? page + gpa % PAGE : NULL;
}

static bool grow(struct vmb_h_memory *mem)
{
    size_t room = mem->room ? mem->room * 2 : 256;
    void *va, *pfn;

    if (mem->count < mem->room)
        return true;
    va = realloc(mem->by_va, room * sizeof *mem->by_va);
    if (va)
        mem->by_va = va;
    pfn = realloc(mem->by_pfn, room * sizeof *mem->by_pfn);
    if (pfn)
        mem->by_pfn = pfn;
    if (!va || !pfn)
        return false;
    mem->room = room;
    return true;
}

static uint64_t next_pfn(struct vmb_sim *sim)
{
    struct vmb_h_memory *mem = &sim->memory;
    uint64_t step = sim->cfg.quirks & VMB_SIM_CONTIGUOUS
                        ? 1
                        : (vmb_h_mix(sim->cfg.seed) & 0xffff) * 2 + 0x1235;
    uint64_t pfn;

    do {
        pfn = PFN_BASE + mem->next++ * step % PFN_SPAN;
    } while (at_pfn(mem, pfn));
    return pfn;
}

static void insert(struct vmb_h_page *table, size_t count, size_t at,
                   struct vmb_h_page page)
{
    memmove(&table[at + 1], &table[at], (count - at) * sizeof *table);
    table[at] = page;
}

static void remove_at(struct vmb_h_page *table, size_t count, size_t at)
{
    memmove(&table[at], &table[at + 1], (count - at - 1) * sizeof *table);
}

static bool add_page(struct vmb_sim *sim, uintptr_t va)
{
    struct vmb_h_memory *mem = &sim->memory;
    struct vmb_h_page *known = at_va(mem, va), page = { va, 0, 1 };

    if (known) {
        known->refs++;
        return true;
    }
    if (!grow(mem))
        return false;
    page.pfn = next_pfn(sim);
    insert(mem->by_va, mem->count, find(mem->by_va, mem->count, va, false),
           page);
    insert(mem->by_pfn, mem->count,
           find(mem->by_pfn, mem->count, page.pfn, true), page);
    mem->count++;
    return true;
}

static void drop_page(struct vmb_h_memory *mem, uintptr_t va)
{
    struct vmb_h_page *page = at_va(mem, va);

    if (!page || --page->refs > 0)
        return;
    remove_at(mem->by_pfn, mem->count,
              find(mem->by_pfn, mem->count, page->pfn, true));
    remove_at(mem->by_va, mem->count, (size_t)(page - mem->by_va));
    mem->count--;
}

void vmb_sim_map(struct vmb_sim *sim, const void *va, size_t len)
{
    uintptr_t first = (uintptr_t)va & ~(uintptr_t)ALL_BYTES;
    uintptr_t end = (uintptr_t)va + (len ? len : 1);
    bool ok = true;

    pthread_rwlock_wrlock(&sim->memory.lock);
    for (uintptr_t at = first; ok && at < end; at += PAGE)
        ok = add_page(sim, at);
    pthread_rwlock_unlock(&sim->memory.lock);
    if (!ok)
        vmb_h_wrong(sim, "simulator: out of memory registering pages");
}

void vmb_sim_unmap(struct vmb_sim *sim, const void *va, size_t len)
{
    uintptr_t first = (uintptr_t)va & ~(uintptr_t)ALL_BYTES;
    uintptr_t end = (uintptr_t)va + (len ? len : 1);

    for (uintptr_t at = first; at < end; at += PAGE) {
        if (vmb_sim_host_maps(sim, (const void *)at)) {
            vmb_h_wrong(sim, "memory at %p given up while the host maps it",
                        (const void *)at);
            break;
        }
    }
    vmb_h_enter(sim); /* the host must not be in the middle of using it */
    pthread_rwlock_wrlock(&sim->memory.lock);
    for (uintptr_t at = first; at < end; at += PAGE)
        drop_page(&sim->memory, at);
    pthread_rwlock_unlock(&sim->memory.lock);
    vmb_h_leave(sim);
}

void *vmb_sim_alloc(struct vmb_sim *sim, size_t pages)
{
    struct vmb_h_block *block = calloc(1, sizeof *block);
    void *va = NULL;

    if (!block || pages == 0 || pages > SIZE_MAX / PAGE) {
        free(block);
        return NULL;
    }
    va = aligned_alloc(PAGE, pages * PAGE);
    if (!va) {
        free(block);
        return NULL;
    }
    memset(va, 0, pages * PAGE);
    block->va = va;
    block->pages = pages;
    vmb_sim_map(sim, va, pages * PAGE);
    vmb_h_enter(sim);
    block->next = sim->memory.blocks;
    sim->memory.blocks = block;
    vmb_h_leave(sim);
    return va;
}

void vmb_sim_free(struct vmb_sim *sim, void *va)
{
    struct vmb_h_block **link, *block;
    size_t pages = 0;
    bool used = false;

    if (!va)
        return;
    vmb_h_enter(sim);
    for (link = &sim->memory.blocks; *link && (*link)->va != va;)
        link = &(*link)->next;
    block = *link;
    for (size_t i = 0; block && i < block->pages; i++)
        used |= vmb_sim_host_maps(sim, (uint8_t *)va + i * PAGE);
    if (block) {
        pages = block->pages;
        vmb_sim_unmap(sim, va, pages * PAGE);
    }
    if (block && !used) { /* what the host maps stays until destroy() */
        *link = block->next;
        free(block);
        free(va);
    }
    vmb_h_leave(sim);
    if (pages == 0)
        vmb_h_wrong(sim, "vmb_sim_free(%p): not from vmb_sim_alloc", va);
}

bool vmb_h_move_range(struct vmb_sim *sim, struct vmb_h_move *move,
                      const struct vmb_sim_range *range)
{
    uint64_t from = move->skip < range->len ? move->skip : range->len;

    move->skip -= from;
    while (from < range->len && move->done < move->len) {
        uint64_t at = range->offset + from, piece = PAGE - at % PAGE;
        uint8_t *page = vmb_h_page(sim, range->pfns[at / PAGE]);

        if (!page) {
            vmb_h_odd(sim, "host asked to touch unregistered page %#llx",
                      (unsigned long long)range->pfns[at / PAGE]);
            return false;
        }
        if (piece > range->len - from)
            piece = range->len - from;
        if (piece > move->len - move->done)
            piece = move->len - move->done;
        if (move->write)
            memcpy(page + at % PAGE, move->buffer + move->done, piece);
        else
            memcpy(move->buffer + move->done, page + at % PAGE, piece);
        move->done += piece;
        from += piece;
    }
    return true;
}
