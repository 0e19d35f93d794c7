/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Claiming the interface and a CPU's SynIC, and giving both back: which
 * registers, with what, in which order.
 */
#include <vmb/wire/hv.h>

#include "fake_cpu.h"

#define OUR_ID (1ull << 63 | 0x56ull << 56)
#define SINT2  (VMB_REG_SINT0 + 2)

static struct fake_cpu machine;
static struct vmb_hv hv;
static struct vmb_cpu cpu;
static uint8_t *pages; /* two for hv, two for the CPU */

static int set_up(void **state)
{
    (void)state;
    fake_cpu_init(&machine);
    pages = new_pages(4);
    memset(&hv, 0x33, sizeof hv);
    memset(&cpu, 0x44, sizeof cpu);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(pages);
    return 0;
}

static uint64_t page_value(uint32_t page)
{
    return fake_gpa(pages + page * PAGE) | 1;
}

static enum vmb_status start(uint64_t os_id, bool take_over)
{
    struct vmb_hv_cfg cfg = { pages, os_id, take_over };

    return vmb_hv_start(&hv, &machine.plat, &cfg);
}

static enum vmb_status start_cpu(uint8_t vector)
{
    struct vmb_cpu_cfg cfg = { pages + 2 * PAGE, vector };

    return vmb_cpu_start(&hv, &cpu, &cfg);
}

static void assert_fault(enum vmb_status status, enum vmb_site site,
                         uint64_t got, uint64_t limit)
{
    struct vmb_fault fault;

    vmb_hv_fault(&hv, &fault);
    assert_int_equal(fault.status, status);
    assert_int_equal(fault.site, site);
    assert_true(fault.got == got);
    assert_true(fault.limit == limit);
}

/* ---- the interface ------------------------------------------------------- */

static void claimed_and_given_back_in_order(void **state)
{
    static const uint8_t zero[PAGE];

    (void)state;
    memset(pages + PAGE, 0xee, PAGE);
    assert_int_equal(start(0, false), VMB_OK);
    /* No clock of another's before the hypervisor has written its own. */
    assert_memory_equal(pages + PAGE, zero, PAGE);
    assert_written(&machine, VMB_REG_GUEST_OS_ID, OUR_ID, VMB_REG_HYPERCALL,
                   page_value(0), VMB_REG_REF_TSC, page_value(1));
    vmb_hv_stop(&hv);
    assert_written(&machine, VMB_REG_REF_TSC, 0, VMB_REG_HYPERCALL, 0,
                   VMB_REG_GUEST_OS_ID, 0);
    vmb_hv_stop(&hv);
    fake_assert_untouched(&machine);
    assert_int_equal(start(0, false), VMB_OK);
}

static void the_caller_may_choose_the_id(void **state)
{
    (void)state;
    assert_int_equal(start(0x1234, false), VMB_OK);
    assert_int_equal(machine.written[0].value, 0x1234);
}

static void an_owner_is_only_overruled_on_request(void **state)
{
    struct vmb_fault fault;

    (void)state;
    *fake_reg(&machine, VMB_REG_GUEST_OS_ID) = 99;
    assert_int_equal(start(0, false), VMB_E_OWNED);
    fake_assert_untouched(&machine);
    assert_int_equal(start(0, true), VMB_OK);
    assert_int_equal(machine.written[0].value, OUR_ID);
    assert_int_equal(hv.info.owner, 99);
    vmb_hv_fault(&hv, &fault);
    assert_int_equal(fault.status, VMB_OK);
}

static void what_is_missing_cannot_be_taken_over(void **state)
{
    (void)state;
    *fake_reg(&machine, VMB_REG_GUEST_OS_ID) = 99;
    machine.privileges &= ~VMB_PRIV_SYNIC;
    assert_int_equal(start(0, true), VMB_E_NOFEATURE);
    fake_assert_untouched(&machine);
}

static void pages_must_be_aligned(void **state)
{
    struct vmb_hv_cfg cfg = { pages + 8, 0, false };

    (void)state;
    assert_int_equal(vmb_hv_start(&hv, &machine.plat, &cfg), VMB_E_ARG);
    assert_fault(VMB_E_ARG, VMB_SITE_ARG, (uintptr_t)pages + 8, PAGE);
    cfg.pages = NULL;
    assert_int_equal(vmb_hv_start(&hv, &machine.plat, &cfg), VMB_E_ARG);
    fake_assert_untouched(&machine);
}

/* It was never stopped, as after a machine's sleep. */
static void a_clock_of_an_earlier_life_is_not_read(void **state)
{
    (void)state;
    assert_int_equal(start(0, false), VMB_OK);
    assert_non_null(hv.tsc_page_);
    fake_cpu_init(&machine);
    machine.privileges &= ~VMB_PRIV_REF_TSC;
    assert_int_equal(start(0, false), VMB_OK);
    assert_null(hv.tsc_page_);
}

static void a_hypercall_register_that_does_not_stick(void **state)
{
    (void)state;
    machine.stuck_reg = VMB_REG_HYPERCALL;
    machine.stuck_bits = 1; /* stays disabled */
    assert_int_equal(start(0, false), VMB_E_HOST);
    assert_written(&machine, VMB_REG_GUEST_OS_ID, OUR_ID, VMB_REG_HYPERCALL,
                   page_value(0), VMB_REG_HYPERCALL, 0, VMB_REG_GUEST_OS_ID, 0);
    assert_fault(VMB_E_HOST, VMB_SITE_HV_REGISTER, page_value(0) - 1,
                 page_value(0));
    vmb_hv_stop(&hv);
    fake_assert_untouched(&machine);
}

static void a_page_elsewhere_is_not_ours(void **state)
{
    (void)state;
    machine.stuck_reg = VMB_REG_HYPERCALL;
    machine.stuck_bits = ~(uint64_t)0;
    *fake_reg(&machine, VMB_REG_HYPERCALL) = 0x7000 | 3; /* locked */
    assert_int_equal(start(0, false), VMB_E_HOST);
    assert_fault(VMB_E_HOST, VMB_SITE_HV_REGISTER, 0x7003, page_value(0));
}

static void reserved_bits_of_the_register_do_not_matter(void **state)
{
    (void)state;
    machine.stuck_reg = VMB_REG_HYPERCALL;
    machine.stuck_bits = 0xffe;
    *fake_reg(&machine, VMB_REG_HYPERCALL) = 0xa54;
    assert_int_equal(start(0, false), VMB_OK);
}

static void hypercalls_without_a_page(void **state)
{
    (void)state;
    machine.ops.pageless = true;
    assert_int_equal(start(0, false), VMB_OK);
    assert_written(&machine, VMB_REG_GUEST_OS_ID, OUR_ID, VMB_REG_REF_TSC,
                   page_value(1));
    vmb_hv_stop(&hv);
    assert_written(&machine, VMB_REG_REF_TSC, 0, VMB_REG_GUEST_OS_ID, 0);
}

static void the_ports_clock_needs_no_page(void **state)
{
    (void)state;
    machine.plat.now = fake_cpu_now;
    machine.privileges &= ~(VMB_PRIV_REF_COUNTER | VMB_PRIV_REF_TSC);
    assert_int_equal(start(0, false), VMB_OK);
    assert_written(&machine, VMB_REG_GUEST_OS_ID, OUR_ID, VMB_REG_HYPERCALL,
                   page_value(0));
}

static void the_counter_alone_is_a_clock(void **state)
{
    (void)state;
    machine.privileges &= ~VMB_PRIV_REF_TSC;
    assert_int_equal(start(0, false), VMB_OK);
    assert_int_equal(machine.writes, 2);
}

static void without_any_clock_everything_is_given_back(void **state)
{
    (void)state;
    machine.privileges &= ~VMB_PRIV_REF_COUNTER;
    assert_int_equal(start(0, false), VMB_E_NOFEATURE);
    assert_written(&machine, VMB_REG_GUEST_OS_ID, OUR_ID, VMB_REG_HYPERCALL,
                   page_value(0), VMB_REG_HYPERCALL, 0, VMB_REG_GUEST_OS_ID, 0);
    assert_fault(VMB_E_NOFEATURE, VMB_SITE_HV_CLOCK, machine.privileges,
                 VMB_PRIV_REF_COUNTER);
}

/* ---- a CPU --------------------------------------------------------------- */

static void a_cpu_comes_up_and_goes_down_in_order(void **state)
{
    (void)state;
    assert_int_equal(start(0, false), VMB_OK);
    machine.writes = 0;
    *fake_reg(&machine, VMB_REG_VP_INDEX) = 5;
    *fake_reg(&machine, VMB_REG_SCONTROL) = 0x100;
    assert_int_equal(start_cpu(64), VMB_OK);
    assert_written(&machine, VMB_REG_SIMP, page_value(2), VMB_REG_SIEFP,
                   page_value(3), SINT2, 64 | VMB_SINT_AUTO_EOI,
                   VMB_REG_SCONTROL, 0x101, VMB_REG_EOM, 0);
    assert_int_equal(cpu.vp_index, 5);
    assert_true(cpu.auto_eoi);
    vmb_cpu_stop(&cpu);
    /* SCONTROL stays: clearing it hangs some hosts' next boot. */
    assert_written(&machine, SINT2, VMB_SINT_MASKED, VMB_REG_SIEFP, 0,
                   VMB_REG_SIMP, 0);
    vmb_cpu_stop(&cpu);
    fake_assert_untouched(&machine);
}

static uint8_t polled_vector;

static uint64_t sint_for(uint8_t vector, uint32_t features, uint32_t hints)
{
    fake_cpu_init(&machine);
    machine.ops.polled_vector = polled_vector;
    machine.features = features;
    machine.hints = hints;
    assert_int_equal(start(0, false), VMB_OK);
    assert_int_equal(start_cpu(vector), VMB_OK);
    assert_int_equal(cpu.auto_eoi, !(hints & VMB_HINT_NO_AUTO_EOI));
    return *fake_reg(&machine, SINT2);
}

static void each_mode_has_its_sint_value(void **state)
{
    const uint32_t polling = VMB_FEATURE_SINT_POLLING;
    const uint32_t no_auto = VMB_HINT_NO_AUTO_EOI;

    (void)state;
    assert_int_equal(sint_for(0, 0, 0), 1u << 16);
    assert_int_equal(sint_for(0, 0, no_auto), 1u << 16);
    polled_vector = 0xff; /* masked is for ports that have none */
    assert_int_equal(sint_for(0, 0, 0), 1u << 17 | 0xff);
    assert_int_equal(sint_for(0, 0, no_auto), 0xff);
    assert_int_equal(sint_for(0, polling, 0), 1u << 18 | 16);
    assert_int_equal(sint_for(0, polling, no_auto), 1u << 18 | 16);
    assert_int_equal(sint_for(16, 0, 0), 1u << 17 | 16);
    assert_int_equal(sint_for(16, polling, 0), 1u << 17 | 16);
    assert_int_equal(sint_for(255, 0, no_auto), 255);
    assert_int_equal(sint_for(200, polling, no_auto), 200);
}

static void a_cpu_wants_a_started_interface(void **state)
{
    (void)state;
    memset(&hv, 0, sizeof hv);
    assert_int_equal(start_cpu(0), VMB_E_STATE);
    assert_int_equal(start(0, false), VMB_OK);
    vmb_hv_stop(&hv);
    machine.writes = 0;
    assert_int_equal(start_cpu(0), VMB_E_STATE);
    fake_assert_untouched(&machine);
}

static void bad_vectors_and_pages_are_refused(void **state)
{
    struct vmb_cpu_cfg cfg = { pages + 2 * PAGE + 16, 64 };
    uint8_t vector;

    (void)state;
    assert_int_equal(start(0, false), VMB_OK);
    machine.writes = 0;
    for (vector = 1; vector < 16; vector++) {
        assert_int_equal(start_cpu(vector), VMB_E_ARG);
        assert_fault(VMB_E_ARG, VMB_SITE_ARG, vector, 16);
    }
    assert_int_equal(vmb_cpu_start(&hv, &cpu, &cfg), VMB_E_ARG);
    cfg.pages = NULL;
    assert_int_equal(vmb_cpu_start(&hv, &cpu, &cfg), VMB_E_ARG);
    fake_assert_untouched(&machine);
}

static void a_register_that_does_not_stick_takes_all_down(void **state)
{
    static const struct {
        uint32_t reg;
        uint64_t bits;
    } stuck[] = {
        { VMB_REG_SIMP, 1 },     { VMB_REG_SIMP, 1ull << 50 },
        { VMB_REG_SIEFP, 1 },    { VMB_REG_SIEFP, 1ull << 50 },
        { SINT2, 0xff },         { SINT2, VMB_SINT_AUTO_EOI },
        { VMB_REG_SCONTROL, 1 },
    };
    uint64_t before;
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(stuck); i++) {
        fake_cpu_init(&machine);
        assert_int_equal(start(0, false), VMB_OK);
        machine.stuck_reg = stuck[i].reg;
        machine.stuck_bits = stuck[i].bits;
        before = *fake_reg(&machine, stuck[i].reg) & stuck[i].bits;
        assert_int_equal(start_cpu(64), VMB_E_HOST);
        assert_int_equal(hv.fault_.site, VMB_SITE_HV_REGISTER);
        assert_int_equal(hv.fault_.got & stuck[i].bits, before);
        assert_int_not_equal(hv.fault_.limit & stuck[i].bits, before);
        assert_int_equal(*fake_reg(&machine, VMB_REG_SIMP), 0);
        assert_int_equal(*fake_reg(&machine, VMB_REG_SIEFP), 0);
        assert_int_equal(*fake_reg(&machine, SINT2) & VMB_SINT_MASKED,
                         VMB_SINT_MASKED);
        machine.writes = 0;
        vmb_cpu_stop(&cpu);
        fake_assert_untouched(&machine);
    }
}

/* Another owner's messages and flags must not be taken for ours. */
static void old_contents_of_our_sint_are_cleared(void **state)
{
    uint32_t i;

    (void)state;
    memset(pages + 2 * PAGE, 0x99, 2 * PAGE);
    assert_int_equal(start(0, false), VMB_OK);
    assert_int_equal(start_cpu(0), VMB_OK);
    for (i = 0; i < PAGE; i++) {
        uint8_t want = i / 256 == 2 ? 0 : 0x99;

        assert_int_equal(pages[2 * PAGE + i], want);
        assert_int_equal(pages[3 * PAGE + i], want);
    }
    assert_int_equal(vmb_cpu_scan(&cpu), 0);
}

#define with_machine(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_machine(claimed_and_given_back_in_order),
        with_machine(the_caller_may_choose_the_id),
        with_machine(an_owner_is_only_overruled_on_request),
        with_machine(what_is_missing_cannot_be_taken_over),
        with_machine(pages_must_be_aligned),
        with_machine(a_clock_of_an_earlier_life_is_not_read),
        with_machine(a_hypercall_register_that_does_not_stick),
        with_machine(a_page_elsewhere_is_not_ours),
        with_machine(reserved_bits_of_the_register_do_not_matter),
        with_machine(hypercalls_without_a_page),
        with_machine(the_ports_clock_needs_no_page),
        with_machine(the_counter_alone_is_a_clock),
        with_machine(without_any_clock_everything_is_given_back),
        with_machine(a_cpu_comes_up_and_goes_down_in_order),
        with_machine(each_mode_has_its_sint_value),
        with_machine(a_cpu_wants_a_started_interface),
        with_machine(bad_vectors_and_pages_are_refused),
        with_machine(a_register_that_does_not_stick_takes_all_down),
        with_machine(old_contents_of_our_sint_are_cleared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
