/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Which version, which connection id, which features; which pages go along. */
#include "harness.h"

#define CONTACT 14 /* message numbers, TLFS and OpenVMM protocol.rs */
#define OPEN    5

#define CONTACT_INTERRUPT_PAGE 16 /* offsets in the contact message */
#define CONTACT_TO_GUEST       24
#define CONTACT_TO_HOST        32
#define CONTACT_CLIENT_ID      40
#define OPEN_CONNECTION        148 /* and in the long form of open */
#define OPEN_EVENT_FLAG        152

static const uint32_t versions[] = {
    VMB_VERSION_0_13, VMB_VERSION_1_1, VMB_VERSION_2_4, VMB_VERSION_3_0,
    VMB_VERSION_4_0,  VMB_VERSION_4_1, VMB_VERSION_5_0, VMB_VERSION_5_1,
    VMB_VERSION_5_2,  VMB_VERSION_5_3, VMB_VERSION_6_0,
};

#define VERSIONS ((uint32_t)(sizeof versions / sizeof versions[0]))

static uint64_t word(const struct rig_post *post, size_t at, size_t bytes)
{
    uint64_t value = 0;

    memcpy(&value, post->payload + at, bytes);
    return value;
}

/* A life at this version: connect, open, echo, close, unload. */
static void live(const struct rig_cfg *cfg, uint32_t expected)
{
    struct rig *rig = rig_make(cfg);
    struct vmb_sim_dev *dev = rig_device(rig);
    struct link link = { .flagged = false };

    rig_start(rig);
    assert_int_equal(vmb_conn_version(&rig->conn), expected);
    assert_int_equal(vmb_sim_version(rig->sim), expected);
    assert_int_equal(rig->events[VMB_CONN_OFFER], 1);
    assert_int_equal(rig->events[VMB_CONN_ALL_OFFERS], 1);
    rig_open(rig, &link, dev);
    rig_echo(rig, &link, 4);
    rig_close(rig, &link);
    assert_int_equal(vmb_conn_fault_count(&rig->conn), 0);
    rig_down(rig);
}

static void each_host_version_is_found(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < VERSIONS; i++) {
        live(&(struct rig_cfg){ .sim.max_version = versions[i] }, versions[i]);
        live(&(struct rig_cfg){ .sim.max_version = versions[i],
                                .interrupts = true },
             versions[i]);
    }
}

static void each_version_of_an_old_host_is_found(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; versions[i] <= VMB_VERSION_4_0; i++)
        live(&(struct rig_cfg){ .sim = { .quirks = VMB_SIM_QEMU,
                                         .max_version = versions[i] } },
             versions[i]);
}

static void each_ceiling_is_kept(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < VERSIONS; i++) {
        live(&(struct rig_cfg){ .conn.max_version = versions[i] }, versions[i]);
        /* Between two versions there is none of its own. */
        live(&(struct rig_cfg){ .conn.max_version = versions[i] + 1 },
             versions[i] + 1 == VMB_VERSION_5_1   ? VMB_VERSION_5_1
             : versions[i] + 1 == VMB_VERSION_5_2 ? VMB_VERSION_5_2
             : versions[i] + 1 == VMB_VERSION_5_3 ? VMB_VERSION_5_3
             : versions[i] + 1 == VMB_VERSION_4_1 ? VMB_VERSION_4_1
                                                  : versions[i]);
    }
}

/* The newest that all three allow; 0: none. */
static uint32_t in_common(uint32_t ceiling, uint32_t floor, uint32_t host_max,
                          uint32_t host_min)
{
    uint32_t i;

    for (i = VERSIONS; i-- > 0;)
        if (versions[i] <= ceiling && versions[i] <= host_max)
            return versions[i] >= floor && versions[i] >= host_min ? versions[i]
                                                                   : 0;
    return 0;
}

/* No channel, no checks of traffic: there are thousands of these. */
static void meet(uint32_t ceiling, uint32_t floor, uint32_t host_max,
                 uint32_t host_min)
{
    uint32_t expected = in_common(ceiling, floor, host_max, host_min);
    struct rig *rig = rig_make(&(struct rig_cfg){
        .sim = { .max_version = host_max, .min_version = host_min },
        .conn = { .max_version = ceiling, .min_version = floor } });
    enum vmb_status status;
    struct vmb_fault fault;

    rig_hv_start(rig);
    status = rig_try_connect(rig);
    if (ceiling < floor || expected == 0) {
        assert_int_equal(status, VMB_E_VERSION);
        assert_int_equal(vmb_conn_version(&rig->conn), 0);
        if (ceiling >= floor) {
            vmb_conn_fault(&rig->conn, &fault);
            assert_int_equal(fault.status, VMB_E_VERSION);
            assert_int_not_equal(fault.site, VMB_SITE_NONE);
        }
    } else {
        assert_int_equal(status, VMB_OK);
        assert_int_equal(vmb_conn_version(&rig->conn), expected);
    }
    rig_down(rig);
}

static void every_range_meets_every_host(void **state)
{
    uint32_t c, f, h;

    (void)state;
    for (c = 0; c < VERSIONS; c++)
        for (f = 0; f < VERSIONS; f++)
            for (h = 0; h < VERSIONS; h++)
                meet(versions[c], versions[f], versions[h], 0);
    for (c = 0; c < VERSIONS; c++)
        for (h = 0; h < VERSIONS; h++)
            meet(versions[c], 0, VMB_VERSION_6_0, versions[h]);
}

static void a_host_that_refuses_all_is_left_alone(void **state)
{
    struct rig *rig = rig_make(
        &(struct rig_cfg){ .sim = { .max_version = VMB_VERSION_6_0,
                                    .min_version = VMB_VERSION(7, 0) } });
    struct vmb_fault fault;

    (void)state;
    rig_hv_start(rig);
    assert_int_equal(rig_try_connect(rig), VMB_E_VERSION);
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.status, VMB_E_VERSION);
    assert_int_equal(fault.site, VMB_SITE_VERSION_NONE);
    assert_int_equal(fault.got, VMB_VERSION_0_13);
    assert_int_equal(rig->posted[CONTACT].count, VERSIONS);
    /* Polling on changes nothing. */
    assert_int_equal(vmb_conn_poll(&rig->conn), VMB_E_VERSION);
    assert_int_equal(rig->posted[CONTACT].count, VERSIONS);
    rig_down(rig);
}

/* The host speaks the version and refuses all the same, with a state. */
static void a_refusal_with_a_state_is_told_apart(void **state)
{
    struct rig *rig = rig_make(
        &(struct rig_cfg){ .conn = { .min_version = VMB_VERSION_6_0 } });
    struct vmb_sim_fault refuse = { .at = VMB_SIM_AT_GUEST_MESSAGE,
                                    .act = VMB_SIM_REFUSE,
                                    .times = VMB_SIM_FOR_EVER };
    struct vmb_fault fault;

    (void)state;
    assert_int_equal(vmb_sim_fault_add(rig->sim, &refuse), VMB_OK);
    rig_hv_start(rig);
    assert_int_equal(rig_try_connect(rig), VMB_E_REFUSED);
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_CONTACT_STATE);
    assert_int_not_equal(fault.host_code, 0);
    rig_down(rig);
}

/* --- Connection ids ------------------------------------------------------- */

static void posts_go_to(uint32_t host_max, uint32_t given, uint32_t contact,
                        uint32_t later)
{
    struct rig *rig = rig_make(&(struct rig_cfg){
        .sim = { .max_version = host_max, .message_id = given } });
    struct vmb_sim_dev *dev = rig_device(rig);
    struct link link = { .flagged = false };

    rig_start(rig);
    assert_int_equal(rig->posted[CONTACT].connection, contact);
    rig_open(rig, &link, dev);
    assert_int_equal(rig->posted[OPEN].connection, later);
    rig_close(rig, &link);
    rig_unload(rig);
    assert_int_equal(rig->posted[16].connection, later);
    rig_down(rig);
}

static void messages_go_to_the_id_the_host_names(void **state)
{
    (void)state;
    posts_go_to(VMB_VERSION_4_1, 0, 1, 1);
    posts_go_to(VMB_VERSION_5_0, 0, 4, 1);
    posts_go_to(VMB_VERSION_5_3, 4, 4, 4);
    posts_go_to(VMB_VERSION_6_0, 0x2345, 4, 0x2345);
    posts_go_to(VMB_VERSION_6_0, UINT32_MAX, 4, UINT32_MAX);
}

/* --- Features ------------------------------------------------------------- */

static void features_agreed(uint32_t host, uint32_t guest, uint32_t host_max)
{
    static const struct vmb_guid id =
        VMB_GUID(0x11223344, 0x5566, 0x7788, 1, 2, 3, 4, 5, 6, 7, 8);
    uint32_t both = host_max < VMB_VERSION_6_0 ? 0 : host & guest;
    bool longer = both & VMB_CONN_FEATURE_SIGNAL_PARAMETERS;
    struct rig *rig = rig_make(
        &(struct rig_cfg){ .sim = { .features = host, .max_version = host_max },
                           .conn = { .features = guest, .client_id = &id } });
    struct vmb_sim_dev *dev = rig_device(rig);
    struct link link = { .flagged = false };
    const struct rig_post *contact = &rig->posted[CONTACT];
    const struct rig_post *open = &rig->posted[OPEN];

    rig_start(rig);
    assert_int_equal(vmb_conn_features(&rig->conn), both);
    assert_int_equal(vmb_sim_features(rig->sim), both);
    if (host_max >= VMB_VERSION_6_0 && guest & VMB_CONN_FEATURE_CLIENT_ID) {
        assert_int_equal(contact->bytes, 56);
        assert_memory_equal(contact->payload + CONTACT_CLIENT_ID, id.b, 16);
    } else {
        assert_int_equal(contact->bytes, 40);
    }
    rig_open(rig, &link, dev);
    assert_int_equal(open->bytes, longer ? 156 : 148);
    if (longer) {
        struct vmb_offer *offer = rig_offer(rig, dev, 0);

        assert_int_equal(word(open, OPEN_CONNECTION, 4), offer->connection_id);
        assert_int_equal(word(open, OPEN_EVENT_FLAG, 2), offer->relid);
    }
    rig_echo(rig, &link, 2);
    rig_down(rig);
}

static void features_are_those_of_both(void **state)
{
    uint32_t sets[] = { 0, 1, 8, 9 }, g, h;

    (void)state;
    for (g = 0; g < 4; g++) {
        for (h = 0; h < 4; h++)
            features_agreed(sets[h], sets[g], VMB_VERSION_6_0);
        features_agreed(9, sets[g], VMB_VERSION_5_3);
        features_agreed(UINT32_MAX, sets[g], VMB_VERSION_6_0);
    }
}

static void features_unknown_to_the_library_are_refused(void **state)
{
    struct rig *rig = rig_make(NULL);
    uint32_t bit;

    (void)state;
    rig_hv_start(rig);
    for (bit = 1; bit; bit <<= 1) {
        rig->cfg.conn.features = bit;
        if (bit == VMB_CONN_FEATURE_SIGNAL_PARAMETERS)
            continue;
        /* CLIENT_ID is known, but the id is missing. */
        assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                         VMB_E_ARG);
    }
    rig_down(rig);
}

/* --- Pages ---------------------------------------------------------------- */

static void monitor_pages(uint32_t quirks, bool given, bool used,
                          uint32_t host_max)
{
    struct rig *rig = rig_make(
        &(struct rig_cfg){ .sim = { .quirks = quirks, .max_version = host_max },
                           .conn.monitor = given });
    struct vmb_sim_dev *dev = rig_device(rig);
    const struct rig_post *contact = &rig->posted[CONTACT];
    struct link link = { .flagged = false };
    struct vmb_sim_counts stats;

    rig_start(rig);
    assert_int_equal(word(contact, CONTACT_TO_GUEST, 8) != 0, given);
    assert_int_equal(word(contact, CONTACT_TO_HOST, 8) != 0, given);
    assert_non_null(rig_offer(rig, dev, 0));
    assert_int_equal(rig_offer(rig, dev, 0)->monitored, used);
    rig_open(rig, &link, dev);
    rig_echo(rig, &link, 8);
    vmb_sim_stats(rig->sim, &stats);
    assert_int_equal(stats.monitor_hits > 0, used);
    assert_int_equal(stats.signals == 0, used);
    rig_close(rig, &link);
    rig_down(rig);
}

static void monitor_pages_are_given_both_or_none(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < VERSIONS; i++) {
        monitor_pages(0, false, false, versions[i]);
        monitor_pages(0, true, false, versions[i]);
        monitor_pages(VMB_SIM_MONITOR, false, false, versions[i]);
        monitor_pages(VMB_SIM_MONITOR, true, true, versions[i]);
    }
}

/* Devices that share an interrupt exist below 2.4 only. */
static void shared(uint32_t version, bool interrupts)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .sim.max_version = version,
                                                  .interrupts = interrupts });
    struct vmb_sim_dev *own = rig_device(rig);
    struct vmb_sim_device is = { .type = { 0x77 }, .shared_interrupt = true };
    struct vmb_sim_dev *common = vmb_sim_device_add(rig->sim, &is);
    struct link a = { .flagged = false }, b = { .flagged = false };
    struct vmb_iov iov = { "to nobody", 9 };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    struct vmb_rx rx;
    uint64_t before;

    rig_start(rig);
    assert_int_equal(word(&rig->posted[CONTACT], CONTACT_INTERRUPT_PAGE, 8) %
                         VMB_PAGE_SIZE,
                     0);
    rig_open(rig, &a, own);
    rig_open(rig, &b, common);
    assert_int_equal(rig_offer(rig, common, 0)->dedicated, false);
    rig_echo(rig, &a, 3);
    before = vmb_sim_count(rig->sim, VMB_SIM_AT_GUEST_PACKET);
    assert_int_equal(vmb_chan_send(&b.chan, &out), VMB_OK);
    assert_int_equal(rig->last_signal, 2);
    rig_settle(rig);
    assert_int_equal(vmb_sim_count(rig->sim, VMB_SIM_AT_GUEST_PACKET),
                     before + 1);
    assert_int_equal(
        vmb_sim_send_inband(rig_host(common), 5, "from the host", 13, false),
        VMB_OK);
    assert_int_equal(rig_recv(rig, &b, &rx), VMB_OK);
    assert_int_equal(rx.xid, 5);
    rig_close(rig, &a);
    rig_close(rig, &b);
    rig_down(rig);
}

static void the_oldest_versions_use_the_interrupt_page(void **state)
{
    (void)state;
    shared(VMB_VERSION_0_13, false);
    shared(VMB_VERSION_0_13, true);
    shared(VMB_VERSION_1_1, false);
    shared(VMB_VERSION_1_1, true);
}

/* Pages are handed over in any case; from 2.4 on a host has no business with
 * the interrupt page, and it hears of no channel there. */
static void only_they_look_at_the_interrupt_page(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < VERSIONS; i++) {
        struct rig *rig =
            rig_make(&(struct rig_cfg){ .sim.max_version = versions[i] });
        struct vmb_sim_dev *dev = rig_device(rig);
        struct link link = { .flagged = false };
        bool old = versions[i] < VMB_VERSION_2_4;
        const uint8_t page[VMB_PAGE_SIZE] = { 0 }, flags = 2;
        struct vmb_offer *offer;

        rig_start(rig);
        rig_open(rig, &link, dev);
        offer = rig_offer(rig, dev, 0);
        rig_settle(rig);
        (void)vmb_cpu_scan(&rig->cpu[0]);
        /* As a host of any version might say it. */
        assert_non_null(offer);
        offer->dedicated = false;
        rig_echo(rig, &link, 1);
        rig_settle(rig);
        if (!old)
            assert_memory_equal(rig->conn_pages, page, sizeof page);
        rig->conn_pages[0] = flags;
        assert_int_equal(vmb_cpu_scan(&rig->cpu[0]) & VMB_WORK_CHAN,
                         old ? VMB_WORK_CHAN : 0);
        rig_close(rig, &link);
        rig_down(rig);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_host_version_is_found),
        cmocka_unit_test(each_version_of_an_old_host_is_found),
        cmocka_unit_test(each_ceiling_is_kept),
        cmocka_unit_test(every_range_meets_every_host),
        cmocka_unit_test(a_host_that_refuses_all_is_left_alone),
        cmocka_unit_test(a_refusal_with_a_state_is_told_apart),
        cmocka_unit_test(messages_go_to_the_id_the_host_names),
        cmocka_unit_test(features_are_those_of_both),
        cmocka_unit_test(features_unknown_to_the_library_are_refused),
        cmocka_unit_test(monitor_pages_are_given_both_or_none),
        cmocka_unit_test(the_oldest_versions_use_the_interrupt_page),
        cmocka_unit_test(only_they_look_at_the_interrupt_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
