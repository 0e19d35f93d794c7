/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Version requests by the hundred, in-band and GPA-direct: an answer says that
 * the host took the packet apart.  hv-balloon drops an answer for which the
 * guest's ring has no room.
 */
#include "balloon.h"

#include "dm.h"

#define MEMBERS 24
#define PAGES   (2 * MEMBERS)
#define ANSWER  40 /* bytes of a version response in the ring */

static struct vmb_mdl chain[MEMBERS];
static uint64_t pfns[PAGES + 480];
static uint8_t *memory;

static const struct vmb_mdl *make_chain(uint32_t members)
{
    uint64_t first = (uintptr_t)memory / VMB_PAGE_SIZE;
    uint32_t i, pages, offset;

    for (i = 0; i < members; i++) {
        pfns[2 * i] = first + any_below(PAGES);
        pfns[2 * i + 1] = first + any_below(PAGES);
        pages = 1 + any_below(2);
        offset = any_below(VMB_PAGE_SIZE);
        example_expect(
            "page list",
            vmb_mdl_from_pfns(&chain[i], &pfns[2 * i], pages, offset,
                              1 + any_below(pages * VMB_PAGE_SIZE - offset)),
            NULL);
        chain[i].next = i + 1 < members ? &chain[i + 1] : NULL;
    }
    return members ? chain : NULL;
}

/* Both rings wrap again and again, packets ending everywhere. */
static void test_wrap(void)
{
    enum {
        COUNT = 600
    };
    uint32_t i;

    dm_open(1, 1, 0);
    check_begin("requests.wrap");
    for (i = 0; i < COUNT && check_good(); i++)
        dm_exchange(make_chain(i % (MEMBERS + 1)));
    check_end_with("%u, of 0 to %u ranges, in rings of one page", COUNT,
                   MEMBERS);
    dm_close();
}

/* The largest packet for a ring of one page, again and again. */
static void test_largest(void)
{
    uint64_t first = (uintptr_t)memory / VMB_PAGE_SIZE;
    enum {
        FIXED = 56,
        COUNT = (VMB_PAGE_SIZE - 16 - FIXED) / 8
    };
    struct dm_version_request probe = dm_probe();
    struct vmb_mdl mdl;
    enum vmb_status status;
    uint32_t i;

    for (i = 0; i <= COUNT; i++)
        pfns[i] = first + i % PAGES;
    example_expect(
        "page list",
        vmb_mdl_from_pfns(&mdl, pfns, COUNT, 17, COUNT * VMB_PAGE_SIZE - 17),
        NULL);
    dm_open(1, 1, 0);
    check_begin("requests.largest");
    for (i = 0; i < 10 && check_good(); i++)
        dm_exchange(&mdl);
    mdl.pfn_count++;
    mdl.byte_count += VMB_PAGE_SIZE;
    status = dm_put(&probe, sizeof probe, &mdl, false);
    check_that(status == VMB_E_TOOBIG, "a page more: %s",
               vmb_status_str(status));
    dm_exchange(NULL);
    check_end_with("%u pages in one range", (unsigned)COUNT);
    dm_close();
}

/* Answers to requests sent before, in their order; how many there are. */
static uint32_t take_answers(uint32_t first, uint64_t time)
{
    union dm_message answer;
    uint32_t count = 0, next = first;

    while (dm_receive(&answer, count ? time : 20 * SECOND)) {
        check_that(answer.header.type == DM_VERSION_RESPONSE &&
                       answer.header.transaction >= next,
                   "message of type %u, transaction %u after %u",
                   (unsigned)answer.header.type,
                   (unsigned)answer.header.transaction, (unsigned)next - 1);
        next = answer.header.transaction + 1;
        count++;
    }
    return count;
}

/*
 * Stages until the ring to the host is full, then lets the host work until
 * there is room, with answers received meanwhile.
 */
static void test_full(void)
{
    enum {
        COUNT = 1000
    };
    struct dm_version_request probe = dm_probe();
    uint32_t sent = 0, got = 0, full = 0;
    uint32_t first = probe.header.transaction;
    union dm_message answer;
    enum vmb_status status;

    dm_open(1, 16, 0);
    check_begin("requests.full-ring");
    while (got < COUNT && check_good()) {
        probe.header.transaction = first + sent;
        status = VMB_AGAIN;
        if (sent < COUNT)
            status = dm_put(&probe, sizeof probe, NULL, true);
        sent += status == VMB_OK;
        if (status == VMB_OK)
            continue;
        check_that(status == VMB_AGAIN, "%s", vmb_status_str(status));
        full += sent < COUNT;
        test_chan_expect(&dm, "flush", vmb_chan_flush(&dm.chan));
        /* All answered, and the host has not yet said that it has read. */
        if (got == sent)
            continue;
        dm_expect(&answer, DM_VERSION_RESPONSE);
        check_that(answer.header.transaction == first + got,
                   "transaction %u where %u was due",
                   (unsigned)answer.header.transaction,
                   (unsigned)(first + got));
        got++;
    }
    check_that(full > 0, "the ring was never full");
    check_end_with("%u requests, found it full %u times", COUNT,
                   (unsigned)full);
    dm_close();
}

/* Our ring stays full for a while: what the host drops is its own affair, and
 * all goes on once there is room. */
static void test_answers_dropped(void)
{
    enum {
        COUNT = 200,
        FIT = (VMB_PAGE_SIZE - 8) / ANSWER
    };
    struct dm_version_request probe = dm_probe();
    uint32_t first = probe.header.transaction, sent, got;

    dm_open(8, 1, 0);
    check_begin("requests.answers-unread");
    for (sent = 0; sent < COUNT; sent++) {
        probe.header.transaction = first + sent;
        test_chan_expect(&dm, "stage",
                         dm_put(&probe, sizeof probe, NULL, true));
    }
    test_chan_expect(&dm, "flush", vmb_chan_flush(&dm.chan));
    halt_for(200);
    got = take_answers(first, SECOND / 10);
    check_that(got >= FIT, "%u answers, %u fit", (unsigned)got, (unsigned)FIT);
    for (sent = 0; sent < 5; sent++)
        dm_exchange(NULL);
    check_end_with("%u of %u kept", (unsigned)got, COUNT);
    dm_close();
}

void test_requests(void)
{
    memory = pages_need(PAGES);
    example_expect("connect", reconnect(0, 0), NULL);
    test_wrap();
    test_largest();
    test_full();
    test_answers_dropped();
    example_expect("unload", vmb_wait_unload(&ex.conn), NULL);
}
