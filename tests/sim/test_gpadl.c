/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Memory that the host keeps: how much, since when, until when. */
#include "harness.h"

#include <stdlib.h>

#define GPADL_HEADER 8 /* message numbers */
#define GPADL_BODY   9

struct scene {
    struct rig *rig;
    struct vmb_sim_dev *dev;
    struct link link;
};

static void set_up(struct scene *s, const struct rig_cfg *cfg)
{
    memset(s, 0, sizeof *s);
    s->rig = rig_make(cfg);
    s->dev = rig_device(s->rig);
    rig_start(s->rig);
    rig_open(s->rig, &s->link, s->dev);
}

/* The device writes a stretch of it, the guest looks; and the other way. */
static void used_both_ways(struct scene *s, uint32_t id, uint8_t *memory,
                           uint32_t offset, uint32_t bytes)
{
    struct ask ask = { .request = { .op = VMB_SIM_GPADL_FILL,
                                    .count = id,
                                    .seed = offset ^ 77,
                                    .offset = offset,
                                    .bytes = bytes } };
    struct vmb_sim_test_reply reply;
    uint32_t i;

    rig_ask(s->rig, &s->link, &ask, &reply);
    assert_int_equal(reply.bytes, bytes);
    for (i = 0; i < bytes; i++)
        if (memory[offset + i] != vmb_sim_pattern(ask.request.seed, i))
            fail_msg("byte %u of %u from %u differs", i, bytes, offset);
    memory[offset + bytes / 2] ^= 0x5a;
    ask.request.op = VMB_SIM_GPADL_HASH;
    rig_ask(s->rig, &s->link, &ask, &reply);
    assert_int_equal(reply.value,
                     vmb_sim_hash(VMB_SIM_HASH_INIT, memory + offset, bytes));
}

static void of_pages(uint32_t pages, bool destroy_first)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    uint32_t bytes = pages * VMB_PAGE_SIZE, bodies;
    struct scene s;
    uint8_t *memory;

    set_up(&s, NULL);
    memory = rig_alloc(s.rig, pages);
    s.rig->posted[GPADL_HEADER].count = s.rig->posted[GPADL_BODY].count = 0;
    assert_int_equal(rig_gpadl(s.rig, &gpadl, &s.link, memory, pages), VMB_OK);
    bodies = pages <= 26 ? 0 : (pages - 26 + 27) / 28;
    assert_int_equal(s.rig->posted[GPADL_HEADER].count, 1);
    assert_int_equal(s.rig->posted[GPADL_BODY].count, bodies);
    assert_int_equal(vmb_sim_gpadl_size(rig_host(s.dev), vmb_gpadl_id(&gpadl)),
                     bytes);
    assert_true(rig_mapped(s.rig, memory + bytes - VMB_PAGE_SIZE, 1));
    used_both_ways(&s, vmb_gpadl_id(&gpadl), memory, 0, 100);
    used_both_ways(&s, vmb_gpadl_id(&gpadl), memory, bytes - 4000, 4000);
    if (pages > 1)
        used_both_ways(&s, vmb_gpadl_id(&gpadl), memory, 4000, 200);
    if (pages < 100)
        used_both_ways(&s, vmb_gpadl_id(&gpadl), memory, 0, bytes);
    if (!destroy_first)
        rig_close(s.rig, &s.link);
    assert_int_equal(rig_gpadl_destroy(s.rig, &gpadl), VMB_OK);
    assert_int_equal(vmb_gpadl_id(&gpadl), 0);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_E_STATE);
    assert_false(rig_mapped(s.rig, memory, pages < 100 ? pages : 100));
    if (destroy_first)
        rig_close(s.rig, &s.link);
    rig_down(s.rig);
}

static void every_size_is_described_whole(void **state)
{
    static const uint32_t sizes[] = { 1,  2,  25, 26, 27, 28, 53,  54,
                                      55, 81, 82, 83, 84, 99, 110, 8190 };
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        of_pages(sizes[i], false);
        if (sizes[i] < 100)
            of_pages(sizes[i], true);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    uint64_t pfns[3] = { 1, 2, 3 };
    struct vmb_mdl second = { NULL, pfns, 3, 0, 4096 };
    struct vmb_mdl bad[] = {
        { &second, pfns, 3, 0, 4096 },  { NULL, pfns, 3, 0, 0 },
        { NULL, NULL, 3, 0, 4096 },     { NULL, pfns, 3, 4096, 1 },
        { NULL, pfns, 3, 1, 3 * 4096 }, { NULL, pfns, 0, 0, 1 },
    };
    struct vmb_mdl big = { NULL, pfns, UINT32_MAX, 0, 8191u * VMB_PAGE_SIZE };
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct vmb_chan never = { .gate_ = 0 };
    struct scene s;
    uint8_t *page;
    uint32_t i;

    (void)state;
    set_up(&s, NULL);
    page = rig_alloc(s.rig, 1);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(vmb_gpadl_create_start(&gpadl, &s.link.chan, &bad[i]),
                         VMB_E_ARG);
    assert_int_equal(vmb_gpadl_create_start(&gpadl, &s.link.chan, &big),
                     VMB_E_TOOBIG);
    assert_int_equal(vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan, page,
                                                    (VMB_GPADL_PAGES + 1) *
                                                        (size_t)VMB_PAGE_SIZE),
                     VMB_E_TOOBIG);
    assert_int_equal(vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan,
                                                    page + 8, VMB_PAGE_SIZE),
                     VMB_E_ARG);
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan, page, 4000),
        VMB_E_ARG);
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan, page, 0),
        VMB_E_ARG);
    assert_int_equal(vmb_gpadl_create_start(&gpadl, &never, &second),
                     VMB_E_STATE);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_E_STATE);
    assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
    rig_close(s.rig, &s.link);
    assert_int_equal(vmb_gpadl_create_start(&gpadl, &s.link.chan, &second),
                     VMB_E_STATE);
    rig_down(s.rig);
}

/* Not whole pages: from an offset, to an odd end. */
static void stretches_of_pages_are_described(void **state)
{
    static const uint32_t stretch[][2] = {
        { 0, 1 },
        { 4095, 1 },
        { 4095, 2 },
        { 1, 4096 },
        { 100, 5000 },
        { 8, 29 * 4096 },
        { 4095, 27 * 4096 + 2 },
    };
    struct vmb_gpadl gpadl;
    enum vmb_status status;
    uint64_t pfns[32];
    struct scene s;
    uint8_t *memory;
    uint32_t i;

    (void)state;
    set_up(&s, NULL);
    memory = rig_alloc(s.rig, 32);
    for (i = 0; i < sizeof stretch / sizeof stretch[0]; i++) {
        struct vmb_mdl mdl;

        assert_int_equal(vmb_mdl_from_virtual(&mdl, &s.rig->plat,
                                              memory + stretch[i][0],
                                              stretch[i][1], pfns, 32),
                         VMB_OK);
        memset(&gpadl, 0, sizeof gpadl);
        assert_int_equal(vmb_gpadl_create_start(&gpadl, &s.link.chan, &mdl),
                         VMB_OK);
        RIG_WAIT(s.rig, &status, vmb_gpadl_create_status(&gpadl));
        assert_int_equal(status, VMB_OK);
        used_both_ways(&s, vmb_gpadl_id(&gpadl), memory + stretch[i][0], 0,
                       stretch[i][1]);
        assert_int_equal(rig_gpadl_destroy(s.rig, &gpadl), VMB_OK);
    }
    rig_close(s.rig, &s.link);
    rig_down(s.rig);
}

/* The rings are a GPADL, too. */
static void rings_of(uint32_t tx, uint32_t rx, enum vmb_status expected)
{
    struct rig *rig = rig_make(NULL);
    struct link link = { .cfg = { .tx_pages = tx, .rx_pages = rx } };
    struct vmb_sim_dev *dev = rig_device(rig);

    rig_start(rig);
    if (expected != VMB_OK)
        link.ring = rig_alloc(rig, 1);
    assert_int_equal(rig_try_open(rig, &link, rig_offer(rig, dev, 0)),
                     expected);
    if (expected == VMB_OK) {
        assert_int_equal(vmb_sim_ring_size(rig_host(dev), VMB_SIM_TO_HOST),
                         tx * VMB_PAGE_SIZE);
        assert_int_equal(vmb_sim_ring_size(rig_host(dev), VMB_SIM_TO_GUEST),
                         rx * VMB_PAGE_SIZE);
        rig_echo(rig, &link, 40);
        rig_close(rig, &link);
    }
    rig_down(rig);
}

static void rings_have_any_size(void **state)
{
    (void)state;
    rings_of(1, 1, VMB_OK);
    rings_of(1, 40, VMB_OK);
    rings_of(40, 1, VMB_OK);
    rings_of(12, 12, VMB_OK); /* 26 pages: the header holds them */
    rings_of(12, 13, VMB_OK);
    rings_of(4094, 4094, VMB_OK);
    rings_of(8187, 1, VMB_OK);
    rings_of(1, 8187, VMB_OK);
    rings_of(4094, 4095, VMB_E_TOOBIG);
    rings_of(UINT32_MAX - 2, 4, VMB_E_TOOBIG);
    rings_of(4, UINT32_MAX - 2, VMB_E_TOOBIG);
}

static void ids_are_unique_on_the_connection(void **state)
{
    struct vmb_gpadl *gpadl = calloc(24, sizeof *gpadl);
    struct link other = { .flagged = false };
    enum vmb_status status;
    struct scene s;
    uint32_t i, n;
    uint8_t *memory;

    (void)state;
    assert_non_null(gpadl);
    set_up(&s, NULL);
    rig_device(s.rig);
    rig_settle(s.rig);
    assert_int_equal(
        rig_try_open(s.rig, &other, vmb_conn_offer(&s.rig->conn, 1)), VMB_OK);
    memory = rig_alloc(s.rig, 24 * 30);
    for (i = 0; i < 24; i++)
        assert_int_equal(vmb_gpadl_create_virtual_start(
                             &gpadl[i], i % 2 ? &other.chan : &s.link.chan,
                             memory + i * 30u * VMB_PAGE_SIZE,
                             30 * VMB_PAGE_SIZE),
                         VMB_OK);
    for (i = 0; i < 24; i++) {
        RIG_WAIT(s.rig, &status, vmb_gpadl_create_status(&gpadl[i]));
        assert_int_equal(status, VMB_OK);
        for (n = 0; n < i; n++)
            assert_int_not_equal(vmb_gpadl_id(&gpadl[i]),
                                 vmb_gpadl_id(&gpadl[n]));
    }
    assert_int_equal(vmb_sim_live_gpadls(s.rig->sim), 26);
    for (i = 0; i < 24; i += 2)
        used_both_ways(&s, vmb_gpadl_id(&gpadl[i]),
                       memory + i * 30u * VMB_PAGE_SIZE, i * 100, 300);
    rig_close(s.rig, &other);
    rig_close(s.rig, &s.link);
    for (i = 0; i < 24; i++) /* any order */
        assert_int_equal(vmb_gpadl_destroy_start(&gpadl[i * 7 % 24]), VMB_OK);
    rig_settle(s.rig);
    for (i = 0; i < 24; i++)
        assert_int_equal(vmb_gpadl_destroy_status(&gpadl[i]), VMB_OK);
    rig_down(s.rig);
    free(gpadl);
}

static void a_refused_one_is_the_callers_again(void **state)
{
    struct vmb_sim_fault refuse = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                    .act = VMB_SIM_REFUSE,
                                    .arg = 0xc0000001 };
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct vmb_fault fault;
    struct scene s;
    void *memory;

    (void)state;
    set_up(&s, NULL);
    memory = rig_alloc(s.rig, 40);
    refuse.k = vmb_sim_count(s.rig->sim, refuse.at);
    assert_int_equal(vmb_sim_fault_add(s.rig->sim, &refuse), VMB_OK);
    assert_int_equal(rig_gpadl(s.rig, &gpadl, &s.link, memory, 40),
                     VMB_E_REFUSED);
    vmb_gpadl_fault(&gpadl, &fault);
    assert_int_equal(fault.status, VMB_E_REFUSED);
    assert_int_equal(fault.site, VMB_SITE_GPADL_STATUS);
    assert_int_equal(fault.host_code, 0xc0000001);
    assert_false(rig_mapped(s.rig, memory, 40));
    assert_int_equal(vmb_gpadl_id(&gpadl), 0);
    assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
    /* The same object, tried again. */
    assert_int_equal(rig_gpadl(s.rig, &gpadl, &s.link, memory, 40), VMB_OK);
    rig_close(s.rig, &s.link);
    assert_int_equal(rig_gpadl_destroy(s.rig, &gpadl), VMB_OK);
    rig_down(s.rig);
}

static void each_step_has_its_time(void **state)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    enum vmb_status status;
    struct scene s;
    void *memory;

    (void)state;
    set_up(&s, &(struct rig_cfg){ .sim.quirks = VMB_SIM_LAZY });
    memory = rig_alloc(s.rig, 40);
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan, memory, 40 * 4096),
        VMB_OK);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_AGAIN);
    assert_int_equal(vmb_gpadl_id(&gpadl), 0);
    assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_E_STATE);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_E_STATE);
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan, memory, 40 * 4096),
        VMB_E_STATE);
    RIG_WAIT(s.rig, &status, vmb_gpadl_create_status(&gpadl));
    assert_int_equal(status, VMB_OK);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_E_STATE);
    assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_AGAIN);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_E_STATE);
    assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
    RIG_WAIT(s.rig, &status, vmb_gpadl_destroy_status(&gpadl));
    assert_int_equal(status, VMB_OK);
    assert_false(rig_mapped(s.rig, memory, 40));
    rig_close(s.rig, &s.link);
    rig_down(s.rig);
}

/* A device that has it mapped answers only when the channel closes. */
static void a_held_one_ends_with_the_channel(void **state)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct scene s;
    void *memory;

    (void)state;
    set_up(&s, NULL);
    memory = rig_alloc(s.rig, 5);
    assert_int_equal(rig_gpadl(s.rig, &gpadl, &s.link, memory, 5), VMB_OK);
    assert_int_equal(
        vmb_sim_gpadl_hold(rig_host(s.dev), vmb_gpadl_id(&gpadl), true),
        VMB_OK);
    assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
    rig_settle(s.rig);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_AGAIN);
    assert_true(rig_mapped(s.rig, memory, 5));
    rig_close(s.rig, &s.link);
    rig_settle(s.rig);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
    assert_false(rig_mapped(s.rig, memory, 5));
    rig_down(s.rig);
}

/* ... or never: then the memory is not called free. */
static void a_host_that_does_not_let_go_is_not_believed(void **state)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct vmb_fault fault;
    struct scene s;
    void *memory;

    (void)state;
    set_up(&s, NULL);
    memory = rig_alloc(s.rig, 5);
    assert_int_equal(rig_gpadl(s.rig, &gpadl, &s.link, memory, 5), VMB_OK);
    assert_int_equal(
        vmb_sim_gpadl_hold(rig_host(s.dev), vmb_gpadl_id(&gpadl), true),
        VMB_OK);
    assert_int_equal(rig_gpadl_destroy(s.rig, &gpadl), VMB_E_TIMEOUT);
    vmb_gpadl_fault(&gpadl, &fault);
    assert_int_equal(fault.site, VMB_SITE_REPLY_DEADLINE);
    assert_true(rig_mapped(s.rig, memory, 5));
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_E_TIMEOUT);
    rig_unload(s.rig);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
    assert_false(rig_mapped(s.rig, memory, 5));
    rig_down(s.rig);
}

/* QEMU drops what does not begin and end with a page. */
static void silence_is_doubt(void **state)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    enum vmb_status status;
    uint64_t pfns[2];
    struct vmb_mdl mdl;
    struct scene s;
    uint8_t *memory;

    (void)state;
    set_up(&s, &(struct rig_cfg){ .sim.quirks = VMB_SIM_QEMU });
    memory = rig_alloc(s.rig, 2);
    assert_int_equal(
        vmb_mdl_from_virtual(&mdl, &s.rig->plat, memory + 100, 4096, pfns, 2),
        VMB_OK);
    assert_int_equal(vmb_gpadl_create_start(&gpadl, &s.link.chan, &mdl),
                     VMB_OK);
    RIG_WAIT(s.rig, &status, vmb_gpadl_create_status(&gpadl));
    assert_int_equal(status, VMB_E_TIMEOUT);
    assert_int_equal(vmb_gpadl_id(&gpadl), 0);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_E_TIMEOUT);
    rig_close(s.rig, &s.link);
    rig_unload(s.rig);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
    rig_down(s.rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_described_whole),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(stretches_of_pages_are_described),
        cmocka_unit_test(rings_have_any_size),
        cmocka_unit_test(ids_are_unique_on_the_connection),
        cmocka_unit_test(a_refused_one_is_the_callers_again),
        cmocka_unit_test(each_step_has_its_time),
        cmocka_unit_test(a_held_one_ends_with_the_channel),
        cmocka_unit_test(a_host_that_does_not_let_go_is_not_believed),
        cmocka_unit_test(silence_is_doubt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
