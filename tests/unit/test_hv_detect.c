/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Is it there, is it enough, is it somebody's?  Looking changes nothing. */
#include <vmb/wire/hv.h>

#include "fake_cpu.h"

static struct fake_cpu cpu;
static struct vmb_hv_info info;

static enum vmb_status detect(void)
{
    enum vmb_status status;

    memset(&info, 0xff, sizeof info);
    status = vmb_hv_detect(&cpu.plat, &info);
    fake_assert_untouched(&cpu);
    return status;
}

/* vmb_hv_start() says why, and takes nothing either. */
static void assert_start_says(enum vmb_status status, enum vmb_site site,
                              uint64_t got, uint64_t limit)
{
    void *pages = new_pages(VMB_HV_PAGES);
    struct vmb_hv_cfg cfg = { .pages = pages };
    struct vmb_fault fault;
    struct vmb_hv hv;

    memset(&hv, 0, sizeof hv);
    assert_int_equal(vmb_hv_start(&hv, &cpu.plat, &cfg), status);
    vmb_hv_fault(&hv, &fault);
    assert_int_equal(fault.status, status);
    assert_int_equal(fault.site, site);
    assert_true(fault.got == got);
    assert_true(fault.limit == limit);
    fake_assert_untouched(&cpu);
    vmb_hv_stop(&hv);
    fake_assert_untouched(&cpu);
    free(pages);
}

static void assert_nothing_known(void)
{
    static const struct vmb_hv_info nothing;

    assert_int_equal(info.max_leaf, nothing.max_leaf);
    assert_int_equal(info.build, 0);
    assert_int_equal(info.privileges, 0);
    assert_int_equal(info.owner, 0);
    assert_false(info.isolated);
}

static void a_usable_machine_is_described(void **state)
{
    (void)state;
    fake_cpu_init(&cpu);
    cpu.features = 0x123;
    cpu.hints = 0x456;
    assert_int_equal(detect(), VMB_OK);
    assert_int_equal(info.max_leaf, 0x40000006);
    assert_int_equal(info.build, 20348);
    assert_int_equal(info.major, 10);
    assert_int_equal(info.minor, 3);
    assert_true(info.privileges == cpu.privileges);
    assert_int_equal(info.features, 0x123);
    assert_int_equal(info.hints, 0x456);
    assert_int_equal(info.owner, 0);
    assert_false(info.isolated);
}

static void without_a_hypervisor_nothing_else_is_asked(void **state)
{
    (void)state;
    fake_cpu_init(&cpu);
    cpu.present_ecx = 0x7fffffff;
    assert_int_equal(detect(), VMB_E_NOHV);
    assert_nothing_known();
    assert_int_equal(cpu.highest_leaf_asked, 1);
    assert_int_equal(cpu.reads, 0);
    assert_start_says(VMB_E_NOHV, VMB_SITE_HV_PRESENT, 0x7fffffff, 1u << 31);
}

static void other_hypervisors_are_left_alone(void **state)
{
    static const uint32_t signatures[] = { 0, 0x4b4d564b, 0x566e6558,
                                           0x31237649, UINT32_MAX };
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(signatures); i++) {
        fake_cpu_init(&cpu);
        cpu.signature = signatures[i];
        assert_int_equal(detect(), VMB_E_NOHV);
        assert_nothing_known();
        assert_int_equal(cpu.reads, 0);
        assert_start_says(VMB_E_NOHV, VMB_SITE_HV_PRESENT, signatures[i],
                          0x31237648);
    }
}

static void too_few_leaves_are_no_interface(void **state)
{
    static const uint32_t leaves[] = { 0, 0x40000000, 0x40000001, 0x40000004 };
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(leaves); i++) {
        fake_cpu_init(&cpu);
        cpu.max_leaf = leaves[i];
        assert_int_equal(detect(), VMB_E_NOHV);
        assert_nothing_known();
        assert_int_equal(cpu.reads, 0);
        assert_start_says(VMB_E_NOHV, VMB_SITE_HV_PRESENT, leaves[i],
                          0x40000005);
    }
    cpu.max_leaf = 0x40000005;
    assert_int_equal(detect(), VMB_OK);
}

static void each_privilege_is_needed(void **state)
{
    static const uint64_t needed[] = { VMB_PRIV_SYNIC, VMB_PRIV_HYPERCALL,
                                       VMB_PRIV_VP_INDEX };
    uint64_t all = 0;
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(needed); i++)
        all |= needed[i];
    for (i = 0; i < COUNT(needed); i++) {
        fake_cpu_init(&cpu);
        cpu.privileges &= ~needed[i];
        *fake_reg(&cpu, VMB_REG_GUEST_OS_ID) = 77;
        assert_int_equal(detect(), VMB_E_NOFEATURE);
        assert_true(info.privileges == cpu.privileges);
        /* Without that privilege reading the id would fault. */
        assert_int_equal(info.owner, needed[i] == VMB_PRIV_HYPERCALL ? 0 : 77);
        assert_int_equal(cpu.reads, needed[i] == VMB_PRIV_HYPERCALL ? 0 : 1);
        assert_start_says(VMB_E_NOFEATURE, VMB_SITE_HV_PRIVILEGE,
                          cpu.privileges, all);
    }
}

/* Leaf 3 of OpenVMM, on KVM and with its own hypervisor: neither sets the bits
 * for posting and signalling. */
static void what_openvmm_says_will_do(void **state)
{
    static const struct {
        uint32_t privileges, features;
    } leaf[] = { { 0x87f, 1u << 8 }, { 0x26e, 1u << 19 } };
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(leaf); i++) {
        fake_cpu_init(&cpu);
        cpu.max_leaf = 0x40000005;
        cpu.build = cpu.version = 0;
        cpu.privileges = leaf[i].privileges;
        cpu.features = leaf[i].features;
        cpu.hints = 1u << 9;
        assert_int_equal(detect(), VMB_OK);
        assert_true(info.privileges == leaf[i].privileges);
    }
}

static void an_isolated_machine_is_told_apart(void **state)
{
    uint32_t type;

    (void)state;
    for (type = 1; type < 16; type++) {
        fake_cpu_init(&cpu);
        cpu.privileges |= 1ull << (32 + 22);
        cpu.isolation = 0xfffffff0 | type;
        assert_int_equal(detect(), VMB_E_NOFEATURE);
        assert_int_equal(info.isolated, type);
        assert_start_says(VMB_E_NOFEATURE, VMB_SITE_HV_ISOLATED, type, 0);
    }
}

/* The privilege alone only says that there is a type to be read. */
static void a_machine_without_isolation_may_say_so(void **state)
{
    (void)state;
    fake_cpu_init(&cpu);
    cpu.privileges |= 1ull << (32 + 22);
    cpu.isolation = 0xfffffff0;
    assert_int_equal(detect(), VMB_OK);
    assert_int_equal(info.isolated, 0);
    assert_int_equal(cpu.highest_leaf_asked, 0x4000000c);
    fake_cpu_init(&cpu);
    cpu.isolation = 2; /* nobody says that this leaf is there */
    assert_int_equal(detect(), VMB_OK);
    assert_int_equal(cpu.highest_leaf_asked, 0x40000004);
}

static void an_owner_is_named(void **state)
{
    (void)state;
    fake_cpu_init(&cpu);
    *fake_reg(&cpu, VMB_REG_GUEST_OS_ID) = 0x8100050a00000000u;
    assert_int_equal(detect(), VMB_E_OWNED);
    assert_true(info.owner == 0x8100050a00000000u);
    assert_start_says(VMB_E_OWNED, VMB_SITE_HV_OWNER, 0x8100050a00000000u, 0);
}

static void a_port_for_another_library_is_refused(void **state)
{
    (void)state;
    fake_cpu_init(&cpu);
    cpu.plat.size--;
    assert_int_equal(detect(), VMB_E_ARG);
    assert_start_says(VMB_E_ARG, VMB_SITE_ARG, cpu.plat.size, sizeof cpu.plat);
    fake_cpu_init(&cpu);
    cpu.plat.gpa = NULL;
    assert_int_equal(detect(), VMB_E_ARG);
    assert_int_equal(vmb_hv_detect(NULL, &info), VMB_E_ARG);
    assert_int_equal(cpu.highest_leaf_asked, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_usable_machine_is_described),
        cmocka_unit_test(without_a_hypervisor_nothing_else_is_asked),
        cmocka_unit_test(other_hypervisors_are_left_alone),
        cmocka_unit_test(too_few_leaves_are_no_interface),
        cmocka_unit_test(each_privilege_is_needed),
        cmocka_unit_test(what_openvmm_says_will_do),
        cmocka_unit_test(an_isolated_machine_is_told_apart),
        cmocka_unit_test(a_machine_without_isolation_may_say_so),
        cmocka_unit_test(an_owner_is_named),
        cmocka_unit_test(a_port_for_another_library_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
