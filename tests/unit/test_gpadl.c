/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A caller's own GPADLs, over the fake bus. */
#include "fake_bus.h"

static struct fake_bus bus;
static struct vmb_chan chan;
static struct vmb_chan_cfg cfg;
static struct vmb_gpadl gpadl;
static struct vmb_mdl mdl;
static uint8_t *ring;
static const uint64_t pfns[] = { 7, 3, 11, 2 };

static int set_up(void **state)
{
    (void)state;
    ring = new_pages(4);
    fake_bus_init(&bus);
    memset(&chan, 0, sizeof chan);
    memset(&gpadl, 0, sizeof gpadl);
    memset(&cfg, 0, sizeof cfg);
    cfg.ring = ring;
    cfg.tx_pages = 1;
    cfg.rx_pages = 1;
    fake_open(&bus, &chan, &cfg);
    assert_int_equal(vmb_mdl_from_pfns(&mdl, pfns, 4, 50, 9000), VMB_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(ring);
    return 0;
}

static enum vmb_status create(void)
{
    return vmb_gpadl_create_start(&gpadl, &chan, &mdl);
}

static void assert_statuses(enum vmb_status created, enum vmb_status destroyed)
{
    assert_int_equal(vmb_gpadl_create_status(&gpadl), created);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), destroyed);
    assert_int_equal(vmb_gpadl_id(&gpadl) != 0, created == VMB_OK);
}

static void assert_fault(enum vmb_status status, uint32_t code)
{
    struct vmb_fault fault;

    vmb_gpadl_fault(&gpadl, &fault);
    assert_int_equal(fault.status, status);
    assert_int_equal(fault.host_code, code);
}

static void created_used_and_destroyed(void **state)
{
    uint32_t round;

    (void)state;
    assert_statuses(VMB_E_STATE, VMB_OK);
    for (round = 0; round < 3; round++) {
        assert_int_equal(create(), VMB_OK);
        assert_ptr_equal(bus.creating->pfns_, pfns);
        assert_int_equal(bus.creating->page_count_, 3);
        assert_int_equal(bus.creating->byte_offset_, 50);
        assert_int_equal(bus.creating->byte_count_, 9000);
        assert_statuses(VMB_AGAIN, VMB_E_STATE);
        assert_int_equal(create(), VMB_E_STATE);
        assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_E_STATE);
        fake_answer_gpadl(&bus, VMB_OK);
        assert_statuses(VMB_OK, VMB_E_STATE);
        assert_int_equal(create(), VMB_E_STATE);
        assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
        assert_statuses(VMB_E_STATE, VMB_AGAIN);
        assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
        fake_answer_down(&bus, VMB_OK);
        assert_statuses(VMB_E_STATE, VMB_OK);
        assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
        assert_calls(&bus, "GD");
        assert_fault(VMB_OK, 0);
    }
    assert_int_equal(vmb_chan_open_status(&chan), VMB_OK);
}

static void one_never_created_needs_no_destroying(void **state)
{
    static struct vmb_gpadl fresh;

    (void)state;
    assert_int_equal(vmb_gpadl_destroy_start(&fresh), VMB_OK);
    assert_int_equal(vmb_gpadl_destroy_status(&fresh), VMB_OK);
    assert_int_equal(vmb_gpadl_create_status(&fresh), VMB_E_STATE);
    assert_int_equal(vmb_gpadl_id(&fresh), 0);
}

static void a_refusal_gives_the_memory_back(void **state)
{
    (void)state;
    assert_int_equal(create(), VMB_OK);
    fake_answer_gpadl(&bus, VMB_E_REFUSED);
    assert_statuses(VMB_E_REFUSED, VMB_OK);
    assert_fault(VMB_E_REFUSED, 0xc0de);
    assert_int_equal(create(), VMB_OK);
    assert_statuses(VMB_AGAIN, VMB_E_STATE);
    assert_fault(VMB_OK, 0xc0de); /* the code of a record that says nothing */
    assert_calls(&bus, "GG");
}

static void no_answer_leaves_a_doubt(void **state)
{
    static const enum vmb_status answers[] = { VMB_E_TIMEOUT, VMB_E_HYPERCALL };
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(answers); i++) {
        gpadl.unheard_ = true; /* in an earlier life, on another bus */
        assert_int_equal(create(), VMB_OK);
        fake_answer_gpadl(&bus, answers[i]);
        assert_statuses(answers[i], answers[i]);
        assert_int_equal(create(), VMB_E_STATE);
        assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
        assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_AGAIN);
        fake_answer_down(&bus, answers[i]);
        assert_int_equal(vmb_gpadl_destroy_status(&gpadl), answers[i]);
        assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
        fake_answer_down(&bus, VMB_OK);
        assert_statuses(VMB_E_STATE, VMB_OK);
    }
}

static void a_bus_that_takes_nothing_changes_nothing(void **state)
{
    (void)state;
    bus.gpadl_says = VMB_E_STATE;
    assert_int_equal(create(), VMB_E_STATE);
    assert_statuses(VMB_E_STATE, VMB_OK);
    bus.gpadl_says = VMB_OK;
    assert_int_equal(create(), VMB_OK);
    fake_answer_gpadl(&bus, VMB_OK);
    bus.down_says = VMB_E_STATE;
    assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_E_STATE);
    assert_statuses(VMB_OK, VMB_E_STATE);
}

static void lost_with_the_connection(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        assert_int_equal(create(), VMB_OK);
        if (i > 0)
            fake_answer_gpadl(&bus, VMB_OK);
        if (i > 1)
            assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
        bus.creating = NULL;
        bus.destroying = NULL;
        vmb_bus_gpadl_lost(&gpadl);
        assert_statuses(VMB_E_STATE, VMB_OK);
        assert_fault(VMB_E_STATE, 0);
    }
}

static void lists_must_be_sound(void **state)
{
    struct vmb_mdl good = mdl;

    (void)state;
#define REFUSED(status, member, value)      \
    do {                                    \
        mdl = good;                         \
        mdl.member = (value);               \
        assert_int_equal(create(), status); \
    } while (0)
    REFUSED(VMB_E_ARG, next, &good);
    REFUSED(VMB_E_ARG, byte_count, 0);
    REFUSED(VMB_E_ARG, pfns, NULL);
    REFUSED(VMB_E_ARG, byte_offset, PAGE);
    REFUSED(VMB_E_ARG, byte_offset, UINT32_MAX);
    REFUSED(VMB_E_ARG, pfn_count, 2);
    REFUSED(VMB_E_ARG, byte_count, UINT32_MAX);
    good.pfn_count = UINT32_MAX;
    REFUSED(VMB_E_TOOBIG, byte_count, VMB_GPADL_PAGES * PAGE - 49);
    REFUSED(VMB_E_TOOBIG, byte_count, UINT32_MAX);
    assert_calls(&bus, "");
    REFUSED(VMB_OK, byte_count, VMB_GPADL_PAGES * PAGE - 50);
#undef REFUSED
    assert_int_equal(bus.creating->page_count_, VMB_GPADL_PAGES);
}

static enum vmb_status create_virtual(uint64_t at, size_t len)
{
    return vmb_gpadl_create_virtual_start(&gpadl, &chan,
                                          (const void *)(uintptr_t)at, len);
}

static void memory_by_address_is_in_whole_pages(void **state)
{
    (void)state;
    assert_int_equal(create_virtual(0, PAGE), VMB_E_ARG);
    assert_int_equal(create_virtual(PAGE + 8, PAGE), VMB_E_ARG);
    assert_int_equal(create_virtual(PAGE, 0), VMB_E_ARG);
    assert_int_equal(create_virtual(PAGE, PAGE + 1), VMB_E_ARG);
    assert_int_equal(create_virtual(UINT64_MAX - PAGE + 1, 2 * PAGE),
                     VMB_E_ARG);
    assert_int_equal(create_virtual(PAGE, SIZE_MAX - PAGE + 1), VMB_E_TOOBIG);
    assert_int_equal(create_virtual(2 * PAGE, SIZE_MAX - PAGE + 1), VMB_E_ARG);
    assert_int_equal(create_virtual(PAGE, (VMB_GPADL_PAGES + 1) * PAGE),
                     VMB_E_TOOBIG);
    assert_int_equal(create_virtual(PAGE, (1ull << 32) + PAGE), VMB_E_TOOBIG);
    assert_calls(&bus, "");
    assert_int_equal(create_virtual(UINT64_MAX - PAGE + 1, PAGE), VMB_OK);
    fake_answer_gpadl(&bus, VMB_E_REFUSED);
    assert_int_equal(create_virtual(PAGE, VMB_GPADL_PAGES * PAGE), VMB_OK);
    assert_int_equal(bus.creating->page_count_, VMB_GPADL_PAGES);
    assert_null(bus.creating->pfns_);
    assert_true((uintptr_t)bus.creating->va_ == PAGE);
}

static void only_an_open_channel_has_gpadls(void **state)
{
    static struct vmb_chan fresh;

    (void)state;
    assert_int_equal(vmb_gpadl_create_start(&gpadl, &fresh, &mdl), VMB_E_STATE);
    assert_int_equal(vmb_gpadl_create_virtual_start(&gpadl, &fresh, ring, PAGE),
                     VMB_E_STATE);
    fake_close(&bus, &chan);
    assert_int_equal(create(), VMB_E_STATE);
    assert_int_equal(create_virtual(PAGE, PAGE), VMB_E_STATE);
    fake_open(&bus, &chan, &cfg);
    fake_rescind(&bus, &chan);
    assert_int_equal(create(), VMB_E_RESCINDED);
    assert_int_equal(create_virtual(PAGE, PAGE), VMB_E_RESCINDED);
    assert_calls(&bus, "");
}

static void one_that_fails_or_closes_has_none(void **state)
{
    (void)state;
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_int_equal(create(), VMB_E_STATE);
    fake_answer_down(&bus, VMB_E_TIMEOUT);
    assert_int_equal(create(), VMB_E_STATE);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    fake_answer_down(&bus, VMB_OK);
    assert_int_equal(vmb_chan_open_start(&chan, &bus.bus, &bus.offer, &cfg),
                     VMB_OK);
    fake_answer_gpadl(&bus, VMB_OK);
    fake_answer_open(&bus, VMB_E_REFUSED);
    assert_int_equal(create(), VMB_E_STATE);
}

/* Most hosts let go of it only after the close: it outlives its channel. */
static void it_is_destroyed_after_its_channel_closed(void **state)
{
    (void)state;
    assert_int_equal(create(), VMB_OK);
    fake_answer_gpadl(&bus, VMB_OK);
    fake_close(&bus, &chan);
    assert_statuses(VMB_OK, VMB_E_STATE);
    memset(&chan, 0xdd, sizeof chan); /* the caller's again */
    assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
    fake_answer_down(&bus, VMB_OK);
    assert_statuses(VMB_E_STATE, VMB_OK);
}

#define on_bus(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        on_bus(created_used_and_destroyed),
        on_bus(one_never_created_needs_no_destroying),
        on_bus(a_refusal_gives_the_memory_back),
        on_bus(no_answer_leaves_a_doubt),
        on_bus(a_bus_that_takes_nothing_changes_nothing),
        on_bus(lost_with_the_connection),
        on_bus(lists_must_be_sound),
        on_bus(memory_by_address_is_in_whole_pages),
        on_bus(only_an_open_channel_has_gpadls),
        on_bus(one_that_fails_or_closes_has_none),
        on_bus(it_is_destroyed_after_its_channel_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
