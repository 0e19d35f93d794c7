/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The whole conversation: version, capabilities, status, pages given to the
 * host and taken back, memory added.  Packets go in-band and GPA-direct by
 * turns.  The lines in capitals tell the rig when to talk to QEMU's monitor;
 * what the monitor answers is checked by tests/host/run.
 */
#include "balloon.h"

#include "dm.h"

#define MIB_PAGES   256u
#define PATIENCE    (200 * SECOND) /* the host's own wait is 50 s */
#define CAN_BALLOON 1u
#define CAN_HOT_ADD 2u
#define COMMITTED   12345u /* pages, in the status report */
#define AVAILABLE   23456u
#define MORE_PAGES  1u
#define RANGES_MAX  3
#define MARK        UINT64_C(0xb411004b411004)

struct balloon_response {
    struct dm_header header;
    uint32_t reserved;
    uint32_t more_and_count; /* bit 0: more pages; above: ranges */
    dm_range ranges[RANGES_MAX];
};

static uint64_t pfns[4];
static uint32_t turn;

/* Every second message names some memory as well, for nothing. */
static const struct vmb_mdl *decoration(void)
{
    static struct vmb_mdl mdl;
    static uint8_t *memory;

    if (!memory)
        memory = pages_need(4);
    example_expect(
        "page list",
        vmb_mdl_from_virtual(&mdl, &ex.plat, memory + 700, 9000, pfns, 4),
        NULL);
    return turn++ % 2 ? &mdl : NULL;
}

static void say(void *message, enum dm_type type, size_t bytes)
{
    dm_send(message, type, bytes, decoration());
}

static uint64_t ask_version(uint16_t major)
{
    struct dm_version_request ask = { .major = major, .is_last = 1 };
    union dm_message answer;

    say(&ask, DM_VERSION_REQUEST, sizeof ask);
    dm_expect(&answer, DM_VERSION_RESPONSE);
    return answer.response.accepted & 1;
}

static void test_version(void)
{
    check_begin("memory.version");
    dm_exchange(decoration());
    dm_exchange(decoration());
    check_that(!ask_version(3), "3.0 accepted");
    check_that(ask_version(2), "2.0 refused");
    check_end();
}

static void test_capabilities(void)
{
    struct {
        struct dm_header header;
        uint64_t capabilities, min_pages, max_page;
    } report = { .capabilities = CAN_BALLOON | CAN_HOT_ADD };
    union dm_message answer;

    check_begin("memory.capabilities");
    say(&report, DM_CAPABILITIES_REPORT, sizeof report);
    dm_expect(&answer, DM_CAPABILITIES_RESPONSE);
    check_that(answer.response.accepted & 1, "refused: 0x%llx",
               (unsigned long long)answer.response.accepted);
    check_end();
}

/* The numbers come out at the monitor. */
static void report_status(void)
{
    struct {
        struct dm_header header;
        uint64_t available, committed, page_file, zero_free, io_diff;
    } report = { .available = AVAILABLE, .committed = COMMITTED };

    say(&report, DM_STATUS_REPORT, sizeof report);
    print("REPORTED\n");
}

/* ---- pages for the host -----------------------------------------------------
 */

#define RANGES_GIVEN 4

/* Ranges of one stretch of memory, with a page between that we keep. */
struct give {
    uint64_t first; /* of the stretch */
    uint32_t pages; /* of all of it */
    uint32_t given, range_count;
    struct {
        uint64_t first;
        uint32_t count;
    } ranges[RANGES_GIVEN];
};

static void add_range(struct balloon_response *response, struct give *give,
                      uint32_t pages)
{
    uint32_t at = response->more_and_count >> 1, i = give->range_count++;

    give->ranges[i].first = give->first + give->given + i;
    give->ranges[i].count = pages;
    give->given += pages;
    response->ranges[at] = dm_range_of(give->ranges[i].first, pages);
    response->more_and_count += 1u << 1;
}

static void respond(struct balloon_response *response)
{
    uint32_t count = response->more_and_count >> 1;

    say(response, DM_BALLOON_RESPONSE,
        offsetof(struct balloon_response, ranges) + count * sizeof(dm_range));
}

/* Two messages for one request, three ranges in all; less than was asked. */
static void give_first(struct give *give, uint32_t asked)
{
    struct balloon_response one = { .more_and_count = MORE_PAGES };
    struct balloon_response two = { .more_and_count = 0 };

    add_range(&one, give, 1);
    add_range(&one, give, asked / 2 - 1);
    respond(&one);
    add_range(&two, give, asked / 4);
    respond(&two);
}

static void give_rest(struct give *give, uint32_t asked)
{
    struct balloon_response response = { .more_and_count = 0 };

    add_range(&response, give, asked);
    respond(&response);
}

static uint32_t expect_balloon(void)
{
    union dm_message ask;

    if (!dm_receive(&ask, PATIENCE))
        guest_fail("no balloon request");
    check_that(ask.header.type == DM_BALLOON_REQUEST, "message of type %u",
               (unsigned)ask.header.type);
    return ask.balloon.pages;
}

static uint64_t *word_of(uint64_t page)
{
    return (uint64_t *)(uintptr_t)(page * VMB_PAGE_SIZE);
}

static void mark(uint64_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        *word_of(first + i) = MARK + first + i;
}

static bool is_given(const struct give *give, uint64_t page)
{
    for (uint32_t i = 0; i < give->range_count; i++)
        if (page - give->ranges[i].first < give->ranges[i].count)
            return true;
    return false;
}

/* Pages of the stretch that do not read as they should: what was given is
 * empty, what was not is as we left it. */
static uint32_t count_others(const struct give *give, bool emptied)
{
    uint32_t others = 0, i;
    uint64_t page;

    for (i = 0; i < give->pages; i++) {
        page = give->first + i;
        if (*word_of(page) !=
            (emptied && is_given(give, page) ? 0 : MARK + page))
            others++;
    }
    return others;
}

static void test_balloon(struct give *give, uint32_t pages)
{
    uint32_t asked, others;

    check_begin("memory.balloon");
    mark(give->first, give->pages);
    asked = expect_balloon();
    check_that(asked == pages, "%u pages asked for, %u meant", (unsigned)asked,
               (unsigned)pages);
    give_first(give, asked);
    asked = expect_balloon();
    check_that(asked == pages - give->given, "%u more asked for, %u meant",
               (unsigned)asked, (unsigned)(pages - give->given));
    give_rest(give, asked);
    /* The host takes them away when it has read that far. */
    halt_for(500);
    others = count_others(give, true);
    check_that(others == 0, "%u pages are not as they should be",
               (unsigned)others);
    check_end_with("%u pages in %u ranges emptied, those between not",
                   (unsigned)pages, (unsigned)give->range_count);
    print("BALLOONED\n");
}

/* ---- and back
 * ---------------------------------------------------------------- */

static bool was_given(const struct give *give, dm_range range)
{
    for (uint32_t i = 0; i < give->range_count; i++)
        if (give->ranges[i].first == dm_range_first(range) &&
            give->ranges[i].count == dm_range_count(range))
            return true;
    return false;
}

static void test_unballoon(const struct give *give)
{
    struct dm_header answer;
    union dm_message ask;
    uint32_t back = 0, messages = 0;

    check_begin("memory.unballoon");
    do {
        if (!dm_receive(&ask, PATIENCE) ||
            ask.header.type != DM_UNBALLOON_REQUEST)
            guest_fail("no unballoon request");
        check_that(ask.unballoon.range_count == 1 &&
                       was_given(give, ask.unballoon.range),
                   "pages from 0x%llx on were never given",
                   (unsigned long long)dm_range_first(ask.unballoon.range));
        back += (uint32_t)dm_range_count(ask.unballoon.range);
        messages++;
    } while (ask.unballoon.more & 1);
    answer.transaction = ask.header.transaction;
    say(&answer, DM_UNBALLOON_RESPONSE, sizeof answer);
    check_that(back == give->given, "%u pages of %u", (unsigned)back,
               (unsigned)give->given);
    mark(give->first, give->pages);
    check_that(count_others(give, false) == 0, "the pages cannot be used");
    check_end_with("%u pages in %u messages", (unsigned)back,
                   (unsigned)messages);
}

/* ---- memory that was not there before
 * ------------------------------------------ */

static void test_hot_add(uint32_t pages)
{
    struct {
        struct dm_header header;
        uint32_t pages, result;
    } answer = { .result = 1 };
    struct give added = { .range_count = 0 };
    union dm_message ask;
    uint64_t first, count;

    check_begin("memory.hot-add");
    if (!dm_receive(&ask, PATIENCE) || ask.header.type != DM_HOT_ADD_REQUEST)
        guest_fail("no request to add memory");
    first = dm_range_first(ask.hot_add.range);
    count = dm_range_count(ask.hot_add.range);
    check_that(count == pages, "%u pages", (unsigned)count);
    if (!map_identity(first * VMB_PAGE_SIZE, count * VMB_PAGE_SIZE))
        guest_fail("memory at page 0x%llx cannot be mapped",
                   (unsigned long long)first);
    added.first = first;
    added.pages = (uint32_t)count;
    mark(first, added.pages);
    check_that(count_others(&added, false) == 0, "the pages cannot be used");
    answer.header.transaction = ask.header.transaction;
    answer.pages = (uint32_t)count;
    say(&answer, DM_HOT_ADD_RESPONSE, sizeof answer);
    check_end_with("%u pages at 0x%llx", (unsigned)count,
                   (unsigned long long)first);
    print("ADDED\n");
}

/*
 * take=MIB: what the monitor takes away and gives back; add=MIB: what it adds
 * beyond that.
 */
void test_memory(void)
{
    struct give give = { .range_count = 0 };
    uint32_t pages, added;

    pages = MIB_PAGES * (uint32_t)cmdline_number(ex.boot, "take", 8, 1, 64);
    added = MIB_PAGES * (uint32_t)cmdline_number(ex.boot, "add", 0, 0, 256);
    give.pages = pages + RANGES_GIVEN;
    give.first = (uintptr_t)pages_need(give.pages) / VMB_PAGE_SIZE;
    example_expect("connect", reconnect(0, 0), NULL);
    dm_open(1, 1, 0);
    dm.poll_ms = 250; /* under the rig's virtual time idling is free */
    test_version();
    test_capabilities();
    report_status();
    test_balloon(&give, pages);
    test_unballoon(&give);
    print("UNBALLOONED\n");
    if (added)
        test_hot_add(added);
    halt_for(1000); /* the monitor's last answers */
    check(!ex.interrupts || dm.missed == 0, "memory.interrupts", "%u missed",
          (unsigned)dm.missed);
    dm_close();
}
