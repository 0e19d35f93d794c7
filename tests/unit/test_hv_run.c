/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What a started interface does all day: time, messages, event flags. */
#include <vmb/wire/hv.h>

#include "fake_cpu.h"
#include "hv/synic.h"

static struct fake_cpu machine;
static struct vmb_hv hv;
static struct vmb_cpu cpu;
static uint8_t *pages;
static struct vmb_tsc_page *tsc_page;
static uint8_t *slot;
static uint64_t *flags;

static void begin(void)
{
    struct vmb_hv_cfg cfg = { .pages = pages };
    struct vmb_cpu_cfg cpu_cfg = { .pages = pages + 2 * PAGE };

    assert_int_equal(vmb_hv_start(&hv, &machine.plat, &cfg), VMB_OK);
    assert_int_equal(vmb_cpu_start(&hv, &cpu, &cpu_cfg), VMB_OK);
    tsc_page = (struct vmb_tsc_page *)(void *)(pages + PAGE);
    slot = pages + 2 * PAGE + 2 * 256;
    flags = (uint64_t *)(void *)(pages + 3 * PAGE + 2 * 256);
    machine.writes = 0;
}

static int set_up(void **state)
{
    (void)state;
    fake_cpu_init(&machine);
    pages = new_pages(5);
    begin();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(pages);
    return 0;
}

/* ---- the clock ----------------------------------------------------------- */

static void time_is_scaled_by_the_page(void **state)
{
    struct rng rng = rng_from(3);
    uint32_t i;

    (void)state;
    tsc_page->sequence = 1;
    for (i = 0; i < 100000; i++) {
        uint64_t scale = rng_next(&rng) >> rng_below(&rng, 64);
        uint64_t offset = rng_next(&rng) >> rng_below(&rng, 64);
        uint64_t high;

        machine.tsc = rng_next(&rng) >> rng_below(&rng, 64);
        if (i % 7 == 0)
            machine.tsc |= 0xffffffff00000000u;
        if (i % 5 == 0)
            scale |= 0xffffffffu;
        tsc_page->scale = scale;
        tsc_page->offset = (int64_t)offset;
        high = (uint64_t)((wide)machine.tsc * scale >> 64);
        assert_true(vmb_hv_now(&hv) == high + offset);
    }
}

static void sequence_0_means_the_counter(void **state)
{
    (void)state;
    tsc_page->sequence = 0;
    tsc_page->scale = UINT64_MAX;
    machine.tsc = 1234567;
    *fake_reg(&machine, VMB_REG_REF_COUNT) = 42;
    assert_int_equal(vmb_hv_now(&hv), 42);
}

static uint32_t changes;

static void change_page(struct fake_cpu *at)
{
    (void)at;
    if (changes == 0)
        return;
    changes--;
    tsc_page->sequence++;
    tsc_page->offset += 1000;
}

static void a_page_that_changes_is_read_again(void **state)
{
    (void)state;
    tsc_page->sequence = 5;
    tsc_page->scale = 1ull << 63;
    tsc_page->offset = 0;
    machine.tsc = 200;
    machine.on_tsc = change_page;
    for (changes = 1; changes < 8; changes++) {
        uint32_t before = changes;

        tsc_page->offset = 0;
        assert_int_equal(vmb_hv_now(&hv), 100 + 1000 * before);
        changes = before;
    }
}

static void a_page_that_never_settles_is_given_up(void **state)
{
    (void)state;
    tsc_page->sequence = 5;
    machine.on_tsc = change_page;
    changes = 1000000;
    *fake_reg(&machine, VMB_REG_REF_COUNT) = 43;
    assert_int_equal(vmb_hv_now(&hv), 43);
    assert_true(changes > 999900);
}

static void the_ports_clock_comes_first(void **state)
{
    (void)state;
    machine.plat.now = fake_cpu_now;
    machine.now = 777;
    tsc_page->sequence = 1;
    machine.reads = 0;
    assert_int_equal(vmb_hv_now(&hv), 777);
    assert_int_equal(machine.reads, 0);
}

static void the_counter_serves_where_there_is_no_page(void **state)
{
    (void)state;
    vmb_hv_stop(&hv);
    machine.privileges &= ~VMB_PRIV_REF_TSC;
    begin();
    *fake_reg(&machine, VMB_REG_REF_COUNT) = 99;
    tsc_page->sequence = 1;
    assert_int_equal(vmb_hv_now(&hv), 99);
}

/* ---- messages ------------------------------------------------------------ */

static void lay_message(uint32_t type, uint8_t bytes, uint8_t pending)
{
    uint32_t i;

    memset(slot, 0, 256);
    memcpy(slot, &type, sizeof type);
    slot[4] = bytes;
    slot[5] = pending;
    for (i = 0; i < 240; i++)
        slot[16 + i] = (uint8_t)(i + 1);
}

static uint8_t copy[300];

static enum vmb_status take(uint32_t cap, uint32_t *bytes,
                            struct vmb_fault *fault)
{
    memset(copy, 0xcc, sizeof copy);
    return vmb_synic_take(&cpu, copy, cap, bytes, fault);
}

static void messages_are_copied_to_their_length(void **state)
{
    struct vmb_fault fault;
    uint32_t bytes, len, cap, i;

    (void)state;
    for (len = 0; len <= 240; len += 8) {
        for (cap = 0; cap <= 240; cap += 60) {
            uint32_t want = len < cap ? len : cap;

            lay_message(1, (uint8_t)len, 0);
            assert_int_equal(take(cap, &bytes, &fault), VMB_OK);
            assert_int_equal(bytes, len);
            for (i = 0; i < sizeof copy; i++)
                assert_int_equal(copy[i], i < want ? (uint8_t)(i + 1) : 0xcc);
            assert_int_equal(slot[0], 0);
            assert_int_equal(machine.writes, 0);
        }
    }
}

static void an_empty_slot_is_left_alone(void **state)
{
    struct vmb_fault fault;
    uint32_t bytes;

    (void)state;
    lay_message(0, 100, 1);
    assert_int_equal(take(240, &bytes, &fault), VMB_AGAIN);
    assert_int_equal(copy[0], 0xcc);
    fake_assert_untouched(&machine);
}

static void the_next_message_is_asked_for_if_one_waits(void **state)
{
    struct vmb_fault fault;
    uint32_t bytes;

    (void)state;
    lay_message(1, 8, 1);
    assert_int_equal(take(240, &bytes, &fault), VMB_OK);
    assert_written(&machine, VMB_REG_EOM, 0);
    lay_message(1, 8, 0xfe);
    assert_int_equal(take(240, &bytes, &fault), VMB_OK);
    fake_assert_untouched(&machine);
}

static void what_cannot_be_a_message_is_dropped(void **state)
{
    static const uint32_t types[] = { 2, 0x100, 0x80000010, UINT32_MAX };
    struct vmb_fault fault;
    uint32_t bytes, i;

    (void)state;
    for (i = 0; i < COUNT(types); i++) {
        lay_message(types[i], 8, 1);
        assert_int_equal(take(240, &bytes, &fault), VMB_E_HOST);
        assert_int_equal(fault.site, VMB_SITE_MSG_TYPE);
        assert_int_equal(fault.got, types[i]);
        assert_int_equal(fault.limit, 1);
        assert_int_equal(copy[0], 0xcc);
        assert_int_equal(slot[0] | slot[1] | slot[2] | slot[3], 0);
        assert_written(&machine, VMB_REG_EOM, 0);
    }
    for (i = 241; i < 256; i++) {
        lay_message(1, (uint8_t)i, 1);
        assert_int_equal(take(i % 241, &bytes, &fault), VMB_E_HOST);
        assert_int_equal(fault.site, VMB_SITE_MSG_SIZE);
        assert_int_equal(fault.got, i);
        assert_int_equal(fault.limit, 240);
        assert_int_equal(copy[0], 0xcc);
        assert_written(&machine, VMB_REG_EOM, 0);
    }
}

/* ---- event flags -----------------------------------------------------------
 */

static void a_scan_collects_flags(void **state)
{
    uint32_t bit;

    (void)state;
    for (bit = 0; bit < VMB_EVENT_FLAGS; bit++) {
        flags[bit / 64] = 1ull << bit % 64;
        assert_int_equal(vmb_cpu_scan(&cpu), VMB_WORK_CHAN);
        assert_int_equal(flags[bit / 64], 0);
        assert_true(cpu.ready_[bit / 64] & 1ull << bit % 64);
        assert_int_equal(vmb_cpu_scan(&cpu), 0);
    }
    for (bit = 0; bit < 32; bit++)
        assert_true(cpu.ready_[bit] == UINT64_MAX);
}

static void a_scan_sees_only_its_own_sint(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 16; i++) {
        pages[2 * PAGE + i * 256] = i != 2;
        pages[3 * PAGE + i * 256] = i != 2;
    }
    assert_int_equal(vmb_cpu_scan(&cpu), 0);
    lay_message(1, 8, 0);
    assert_int_equal(vmb_cpu_scan(&cpu), VMB_WORK_BUS);
    assert_int_equal(slot[0], 1); /* it looks, vmb_conn_poll() takes */
    flags[31] = 1ull << 63;
    assert_int_equal(vmb_cpu_scan(&cpu), VMB_WORK_BUS | VMB_WORK_CHAN);
    for (i = 0; i < 16; i++)
        assert_int_equal(pages[3 * PAGE + i * 256], i != 2);
}

/* Its pages are the caller's again, and an interrupt may be on its way. */
static void a_cpu_that_was_stopped_is_not_looked_at(void **state)
{
    (void)state;
    flags[0] = 2;
    lay_message(1, 8, 0);
    vmb_cpu_stop(&cpu);
    assert_int_equal(vmb_cpu_scan(&cpu), 0);
    assert_int_equal(flags[0], 2);
}

static void old_versions_flag_in_the_interrupt_page(void **state)
{
    uint64_t *page = (uint64_t *)(void *)(pages + 4 * PAGE);

    (void)state;
    page[1] = 8;
    assert_int_equal(vmb_cpu_scan(&cpu), 0);
    cpu.interrupt_page_ = page;
    page[256] = 8; /* guest to host: not for us */
    assert_int_equal(vmb_cpu_scan(&cpu), VMB_WORK_CHAN);
    assert_true(cpu.ready_[1] == 8);
    assert_int_equal(page[1], 0);
    assert_int_equal(page[256], 8);
}

static void without_a_connection_no_channel_is_ready(void **state)
{
    (void)state;
    flags[3] = UINT64_MAX;
    assert_int_equal(vmb_cpu_scan(&cpu), VMB_WORK_CHAN);
    assert_null(vmb_cpu_next_ready(&cpu));
}

#define with_machine(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_machine(time_is_scaled_by_the_page),
        with_machine(sequence_0_means_the_counter),
        with_machine(a_page_that_changes_is_read_again),
        with_machine(a_page_that_never_settles_is_given_up),
        with_machine(the_ports_clock_comes_first),
        with_machine(the_counter_serves_where_there_is_no_page),
        with_machine(messages_are_copied_to_their_length),
        with_machine(an_empty_slot_is_left_alone),
        with_machine(the_next_message_is_asked_for_if_one_waits),
        with_machine(what_cannot_be_a_message_is_dropped),
        with_machine(a_scan_collects_flags),
        with_machine(a_scan_sees_only_its_own_sint),
        with_machine(a_cpu_that_was_stopped_is_not_looked_at),
        with_machine(old_versions_flag_in_the_interrupt_page),
        with_machine(without_a_connection_no_channel_is_ready),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
