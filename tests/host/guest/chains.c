/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Chains: many buffers in one packet, and parts of a chain.  Pages are dealt
 * out of a shuffled pack, so that no member's pages lie in order.
 */
#include "data.h"

#include "memory.h"

#define MEMBERS      64
#define MEMBER_PAGES 3
#define PACK         (MEMBERS * MEMBER_PAGES)

static const struct device_cfg roomy = { .tx_pages = 8, .rx_pages = 2 };

static struct device *dev;
static struct vmb_mdl chain[MEMBERS];
static uint64_t pack[PACK];

static void shuffle(const struct memory *memory)
{
    uint64_t first = (uintptr_t)memory->real / VMB_PAGE_SIZE;
    uint32_t i, other;

    for (i = 0; i < PACK; i++) {
        other = any_below(i + 1);
        pack[i] = pack[other];
        pack[other] = first + i;
    }
}

/* Every fifth has no bytes; some of those have no pages either. */
static void make_member(struct vmb_mdl *mdl, uint32_t index)
{
    const uint64_t *pfns = pack + index * MEMBER_PAGES;
    uint32_t pages = 1 + any_below(MEMBER_PAGES);
    uint32_t offset = any_below(VMB_PAGE_SIZE);
    uint32_t bytes = 1 + any_below(pages * VMB_PAGE_SIZE - offset);

    if (index % 5 == 3) {
        bytes = 0;
        pages = index % 2;
    }
    example_expect(
        "page list",
        vmb_mdl_from_pfns(mdl, pages ? pfns : NULL, pages, offset, bytes),
        NULL);
}

static void make_chain(uint32_t members)
{
    for (uint32_t i = 0; i < members; i++) {
        make_member(&chain[i], i);
        chain[i].next = i + 1 < members ? &chain[i + 1] : NULL;
    }
}

static void test_members(const struct memory *memory)
{
    uint32_t members;

    check_begin("chains.members");
    for (members = 1; members <= MEMBERS && check_good(); members++) {
        shuffle(memory);
        make_chain(members);
        check_stretch(dev, memory, chain, 0, 0, members);
        check_that(check_good(), "chain of %u", (unsigned)members);
    }
    check_end_with("1 to %u, pages in no order, some without bytes", MEMBERS);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Around the seam where member i begins: every way to touch or miss it. */
static uint32_t check_seam(const struct memory *memory, uint64_t seam,
                           uint64_t bytes)
{
    static const uint64_t lengths[] = { 1, 2, 3, VMB_PAGE_SIZE, 0 };
    uint64_t from = seam > 2 ? seam - 2 : 0;
    uint32_t count = 0;
    size_t i;

    for (; from <= least(seam + 1, bytes - 1); from++)
        for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            check_stretch(dev, memory, chain, from,
                          least(lengths[i], bytes - from), from + i);
            count++;
        }
    return count;
}

static void test_seams(const struct memory *memory)
{
    uint32_t members = 9, count = 0, i;
    uint64_t seam = 0, bytes;

    shuffle(memory);
    make_chain(members);
    bytes = chain_bytes(chain);
    check_begin("chains.seams");
    for (i = 0; i < members && check_good(); i++) {
        count += check_seam(memory, seam, bytes);
        seam += chain[i].byte_count;
    }
    count += check_seam(memory, bytes, bytes);
    check_end_with("%u stretches at the seams of %u members", (unsigned)count,
                   (unsigned)members);
}

/* The same stretch by offset and length, and by a chain made of it. */
static void check_slice(uint64_t from, uint64_t length)
{
    static struct vmb_mdl slice[MEMBERS];
    struct job whole = hash_job(chain, from, length);
    struct job cut = hash_job(slice, 0, 0);

    example_expect("slice", vmb_mdl_slice(slice, MEMBERS, chain, from, length),
                   NULL);
    device_do(dev, &whole);
    device_do(dev, &cut);
    check_hashed(&whole);
    check_that(cut.reply.hash == whole.reply.hash &&
                   cut.reply.bytes == whole.reply.bytes,
               "%llu bytes from %llu on: the slice names others",
               (unsigned long long)length, (unsigned long long)from);
}

static void test_stretches(const struct memory *memory)
{
    uint64_t bytes = 0, from, length;
    uint32_t i;

    check_begin("chains.stretches");
    for (i = 0; i < 100 && check_good(); i++) {
        if (i % 10 == 0) {
            shuffle(memory);
            make_chain(2 + any_below(MEMBERS - 1));
            bytes = chain_bytes(chain);
        }
        from = any_below((uint32_t)bytes);
        length = 1 + any_below((uint32_t)(bytes - from));
        check_stretch(dev, memory, chain, from, length, i);
        check_slice(from, length);
    }
    check_end_with("100 anywhere in chains of 2 to %u", MEMBERS);
}

static void test_iovec(const struct memory *memory)
{
    static struct vmb_iov iov[MEMBERS];
    static uint64_t pfns[PACK];
    uint8_t *at = memory->real;
    uint32_t i;

    for (i = 0; i < MEMBERS; i++) {
        iov[i].base = at + any_below(VMB_PAGE_SIZE);
        iov[i].len = i % 7 == 2 ? 0 : 1 + any_below(2 * VMB_PAGE_SIZE);
        at += MEMBER_PAGES * VMB_PAGE_SIZE;
    }
    check_begin("chains.iovec");
    example_expect(
        "page lists",
        vmb_mdl_from_iovec(chain, MEMBERS, &ex.plat, iov, MEMBERS, pfns, PACK),
        NULL);
    check_stretch(dev, memory, chain, 0, 0, 1);
    check_stretch(dev, memory, chain, 12345, 98765, 2);
    check_end();
}

void test_chains(void)
{
    struct memory memory = memory_make(PACK);

    dev = device_open(&roomy);
    test_members(&memory);
    test_seams(&memory);
    test_stretches(&memory);
    test_iovec(&memory);
    device_close(dev);
}
