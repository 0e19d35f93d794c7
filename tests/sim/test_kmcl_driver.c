/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A driver in the style of Windows (kmcl_driver.c), from its host's side. */
#include "kmcl_driver.h"

#include "kmcl.h"

static struct kmcl k;
static DRIVER_CONTEXT driver;

static void set_up(const struct rig_cfg *cfg)
{
    GUID type;

    kmcl_make(&k, cfg);
    memcpy(&type, vmb_sim_test_type, sizeof type);
    assert_int_equal(DriverAddDevice(&k.device, &type, &driver),
                     STATUS_SUCCESS);
}

/* The handshake has left the pattern of its seed; the transfer is a part. */
static void transfer(uint32_t offset, uint32_t length, uint32_t packets)
{
    uint32_t i;

    for (i = 0; i < 3 * VMB_PAGE_SIZE; i++)
        assert_int_equal(driver.Buffer[i], vmb_sim_pattern(0x1234, i));
    assert_int_equal(DriverTransfer(&driver, offset, length, packets),
                     STATUS_SUCCESS);
    assert_int_equal(
        driver.CompletionHash,
        vmb_sim_hash(VMB_SIM_HASH_INIT, driver.Buffer + offset, length));
    assert_int_equal(driver.PacketsReceived, packets);
    assert_true(driver.Batches > 0);
}

static void a_life(const struct rig_cfg *cfg)
{
    uint32_t turn;

    set_up(cfg);
    for (turn = 1; turn <= 2; turn++) {
        assert_int_equal(DriverStart(&driver), STATUS_SUCCESS);
        transfer(100, 5000, 50);
        DriverPause(&driver);
        assert_int_equal(DriverTransfer(&driver, 0, 8, 1),
                         STATUS_INVALID_DEVICE_STATE);
        DriverResume(&driver);
        transfer(0, 3 * VMB_PAGE_SIZE, 200);
        DriverStop(&driver);
        assert_int_equal(driver.Opens, turn);
        assert_int_equal(driver.Closes, turn);
        assert_int_equal(driver.Starts, 2 * turn);
        assert_int_equal(driver.Suspends, 2 * turn);
    }
    DriverRemove(&driver);
    kmcl_end(&k);
}

static void a_windows_driver_runs_twice(void **state)
{
    static const struct rig_cfg hosts[] = {
        { .interrupts = false },
        { .interrupts = true },
        { .sim.quirks = VMB_SIM_QEMU },
        { .sim.quirks = VMB_SIM_LAZY },
        { .conn.monitor = true, .sim.quirks = VMB_SIM_MONITOR },
        { .sim.max_version = VMB_VERSION_1_1 },
    };
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        a_life(&hosts[i]);
}

static void its_device_may_vanish_and_come_back(void **state)
{
    (void)state;
    set_up(NULL);
    assert_int_equal(DriverStart(&driver), STATUS_SUCCESS);
    vmb_sim_rescind(k.dev);
    KMCL_UNTIL(&k, driver.Closes == 1);
    kmcl_settle(&k);
    assert_int_equal(DriverTransfer(&driver, 0, 8, 1),
                     STATUS_INVALID_PARAMETER);
    vmb_sim_reoffer(k.dev);
    kmcl_settle(&k);
    assert_int_equal(DriverStart(&driver), STATUS_SUCCESS);
    transfer(0, 4096, 3);
    DriverStop(&driver);
    DriverRemove(&driver);
    kmcl_end(&k);
}

static void waits_for_events_end(void **state)
{
    LARGE_INTEGER timeout = { .QuadPart = -(LONGLONG)SECOND };
    KEVENT event;
    uint64_t before;

    (void)state;
    set_up(NULL);
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    assert_int_equal(vmb_kmcl_wait_event(&k.device, &event, NULL),
                     STATUS_SUCCESS);
    assert_int_equal(KeSetEvent(&event, IO_NO_INCREMENT, FALSE), TRUE);
    KeClearEvent(&event);
    before = vmb_kmcl_system_time(&k.device);
    assert_int_equal(vmb_kmcl_wait_event(&k.device, &event, &timeout),
                     STATUS_TIMEOUT);
    assert_true(vmb_kmcl_system_time(&k.device) - before >= SECOND);
    assert_int_equal(vmb_kmcl_delay(&k.device, &timeout), STATUS_SUCCESS);
    assert_true(vmb_kmcl_system_time(&k.device) - before >= 2 * SECOND);
    k.device.dispatch_ = 1;
    assert_int_equal(vmb_kmcl_delay(&k.device, &timeout),
                     STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(vmb_kmcl_wait_event(&k.device, &event, NULL),
                     STATUS_INVALID_DEVICE_STATE);
    k.device.dispatch_ = 0;
    rig_unload(k.rig);
    assert_int_equal(vmb_kmcl_wait_event(&k.device, &event, NULL),
                     STATUS_DEVICE_REMOVED);
    DriverRemove(&driver);
    kmcl_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_windows_driver_runs_twice),
        cmocka_unit_test(its_device_may_vanish_and_come_back),
        cmocka_unit_test(waits_for_events_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
