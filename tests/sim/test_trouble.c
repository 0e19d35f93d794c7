/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Hypercalls that fail, hosts that are mute, messages that make no sense. */
#include "harness.h"

#define NO_MEMORY     0x0bu
#define NO_CONNECTION 0x12u
#define NO_BUFFERS    0x13u
#define BAD_PARAMETER 0x05u
#define TIMEOUT       0x78u

struct scene {
    struct rig *rig;
    struct vmb_sim_dev *dev, *sibling;
    struct link link, other;
};

static void set_up(struct scene *s, const struct rig_cfg *cfg)
{
    memset(s, 0, sizeof *s);
    s->rig = rig_make(cfg);
    s->dev = rig_device(s->rig);
    s->sibling = rig_device(s->rig);
    rig_start(s->rig);
    rig_open(s->rig, &s->link, s->dev);
    rig_open(s->rig, &s->other, s->sibling);
}

/* --- Hypercalls ----------------------------------------------------------- */

/* Every hypercall of a whole life is put off three times. */
static void put_off(uint32_t status, uint32_t version, bool interrupts)
{
    struct rig *rig = rig_make(&(struct rig_cfg){
        .sim.max_version = version, .interrupts = interrupts, .ticks = true });
    struct vmb_sim_dev *dev = rig_device(rig);
    struct link link = { .flagged = false };
    uint64_t k, calls;

    for (k = 0; k < 30; k++) {
        struct vmb_sim_fault fault = { .at = VMB_SIM_AT_HYPERCALL,
                                       .act = VMB_SIM_FAIL,
                                       .k = k * 4,
                                       .times = 3,
                                       .arg = status };

        assert_int_equal(vmb_sim_fault_add(rig->sim, &fault), VMB_OK);
    }
    rig_start(rig);
    rig_open(rig, &link, dev);
    rig_echo(rig, &link, 10);
    rig_close(rig, &link);
    rig_unload(rig);
    calls = vmb_sim_count(rig->sim, VMB_SIM_AT_HYPERCALL);
    assert_int_equal(vmb_sim_faults_hit(rig->sim), calls - (calls + 3) / 4);
    assert_int_equal(vmb_conn_fault_count(&rig->conn), 0);
    rig_down(rig);
}

static void transient_failures_go_unnoticed(void **state)
{
    (void)state;
    put_off(NO_BUFFERS, 0, false);
    put_off(NO_BUFFERS, 0, true);
    put_off(NO_MEMORY, 0, false);
    put_off(TIMEOUT, 0, true);
    put_off(NO_BUFFERS, VMB_VERSION_1_1, true);
    put_off(NO_BUFFERS, VMB_VERSION_0_13, false);
}

/* Every message is first told that its port is not there yet. */
static void a_port_being_set_up_is_waited_for(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .conn.max_version = VMB_VERSION_4_1 });
    struct vmb_sim_dev *dev = rig_device(rig);
    struct link link = { .flagged = false };

    (void)state;
    rig_hv_start(rig);
    rig_fault(rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 3, NO_CONNECTION);
    rig_connect(rig);
    rig_fault(rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 3, NO_CONNECTION);
    rig_open(rig, &link, dev);
    rig_close(rig, &link);
    assert_int_equal(vmb_conn_fault_count(&rig->conn), 0);
    rig_down(rig);
}

/* Only a contact learns from id 4 that the host is older. */
static void a_host_that_has_enough_is_waited_for(void **state)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .sim.message_id = 4 });
    struct vmb_sim_dev *dev = rig_device(rig);
    struct link link = { .flagged = false };
    uint64_t k;

    (void)state;
    rig_start(rig);
    assert_int_equal(vmb_conn_version(&rig->conn), VMB_VERSION_6_0);
    for (k = 0; k < 4; k++) {
        rig_fault(rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, k, NO_CONNECTION);
        rig_open(rig, &link, dev);
        rig_echo(rig, &link, 1);
        rig_fault(rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, k, NO_CONNECTION);
        rig_close(rig, &link);
    }
    assert_int_equal(rig->posted[5].connection, 4);
    rig_fault(rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 3, NO_CONNECTION);
    rig_unload(rig);
    assert_int_equal(vmb_conn_fault_count(&rig->conn), 0);
    rig_down(rig);
}

static void no_connection_at_all(uint64_t arg, uint16_t site)
{
    struct rig *rig = rig_make(NULL);
    struct vmb_fault fault;

    rig_hv_start(rig);
    rig_fault(rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, VMB_SIM_FOR_EVER, arg);
    assert_int_equal(rig_try_connect(rig), VMB_E_HYPERCALL);
    vmb_conn_fault(&rig->conn, &fault);
    assert_int_equal(fault.status, VMB_E_HYPERCALL);
    assert_int_equal(fault.host_code, arg);
    assert_int_equal(fault.site, site);
    rig_down(rig);
}

static void a_dead_hypervisor_is_reported(void **state)
{
    (void)state;
    no_connection_at_all(BAD_PARAMETER, VMB_SITE_HV_HYPERCALL);
    no_connection_at_all(NO_BUFFERS, VMB_SITE_POST_DEADLINE);
}

/* While hypercalls fail nothing ends; afterwards everything can. */
static void a_failure_leaves_the_way_out_open(uint64_t arg)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct vmb_fault fault;
    struct scene s;
    uint8_t *memory;

    set_up(&s, NULL);
    memory = rig_alloc(s.rig, 30);
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, VMB_SIM_FOR_EVER, arg);
    assert_int_equal(rig_gpadl(s.rig, &gpadl, &s.link, memory, 30),
                     VMB_E_HYPERCALL);
    vmb_gpadl_fault(&gpadl, &fault);
    assert_int_equal(fault.host_code, arg);
    assert_int_equal(rig_try_close(s.rig, &s.link), VMB_E_HYPERCALL);
    assert_true(rig_mapped(s.rig, s.link.ring, 1));
    /* Of this one the host has not even heard. */
    assert_int_equal(rig_gpadl_destroy(s.rig, &gpadl), VMB_OK);
    assert_false(rig_mapped(s.rig, memory, 30));
    vmb_sim_faults_clear(s.rig->sim);
    /* The channel's host was never told: close again. */
    rig_close(s.rig, &s.link);
    rig_open(s.rig, &s.link, s.dev);
    rig_echo(s.rig, &s.link, 2);
    rig_echo(s.rig, &s.other, 2);
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, VMB_SIM_FOR_EVER, arg);
    assert_int_equal(vmb_conn_unload_start(&s.rig->conn), VMB_OK);
    rig_settle(s.rig);
    RIG_UNTIL(s.rig, vmb_conn_unload_status(&s.rig->conn) != VMB_AGAIN);
    assert_int_equal(vmb_conn_unload_status(&s.rig->conn), VMB_E_HYPERCALL);
    assert_true(rig_mapped(s.rig, s.link.ring, 1));
    vmb_sim_faults_clear(s.rig->sim);
    rig_unload(s.rig);
    assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&s.link.chan), VMB_OK);
    rig_connect(s.rig);
    rig_open(s.rig, &s.link, s.dev);
    rig_echo(s.rig, &s.link, 2);
    rig_down(s.rig);
}

static void failures_leave_the_way_out_open(void **state)
{
    (void)state;
    a_failure_leaves_the_way_out_open(BAD_PARAMETER);
    a_failure_leaves_the_way_out_open(NO_BUFFERS);
}

/* --- Signals -------------------------------------------------------------- */

static void a_signal_put_off_is_owed(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct scene s;
    uint32_t i;

    (void)state;
    set_up(&s, &(struct rig_cfg){ .interrupts = true });
    rig_settle(s.rig);
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 5, NO_BUFFERS);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    assert_int_equal(vmb_chan_send(&s.other.chan, &out), VMB_OK);
    /* As long as any is owed there is something in flight. */
    for (i = 0; i < 20 && vmb_conn_poll(&s.rig->conn) == VMB_AGAIN; i++)
        vmb_sim_run(s.rig->sim, 10);
    assert_int_equal(vmb_sim_faults_hit(s.rig->sim), 5);
    assert_int_equal(vmb_sim_count(s.rig->sim, VMB_SIM_AT_GUEST_PACKET), 2);
    rig_close(s.rig, &s.link);
    rig_close(s.rig, &s.other);
    rig_down(s.rig);
}

/* Whoever polls or sleeps by the book makes it good. */
static void a_signal_owed_shows_where_it_is_looked_for(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct scene s;
    uint32_t i;

    (void)state;
    set_up(&s, NULL);
    rig_settle(s.rig);
    assert_int_equal(vmb_cpu_scan(&s.rig->cpu[0]), 0);
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 3, NO_BUFFERS);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    for (i = 0; vmb_cpu_scan(&s.rig->cpu[0]) & VMB_WORK_BUS; i++) {
        assert_true(vmb_chan_arm(&s.link.chan));
        assert_false(vmb_chan_arm(&s.other.chan));
        assert_int_equal(vmb_conn_poll(&s.rig->conn), i < 2);
    }
    assert_int_equal(i, 3);
    assert_false(vmb_chan_arm(&s.link.chan));
    vmb_sim_run(s.rig->sim, 10);
    assert_int_equal(vmb_sim_count(s.rig->sim, VMB_SIM_AT_GUEST_PACKET), 1);
    /* What is owed when the connection goes is owed no more. */
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 1, NO_BUFFERS);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    assert_int_equal(vmb_cpu_scan(&s.rig->cpu[0]), VMB_WORK_BUS);
    rig_unload(s.rig);
    assert_int_equal(vmb_cpu_scan(&s.rig->cpu[0]), 0);
    rig_connect(s.rig);
    rig_down(s.rig);
}

static void a_signal_refused_costs_the_channel(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_fault fault;
    struct vmb_rx rx;
    struct scene s;

    (void)state;
    set_up(&s, NULL);
    rig_settle(s.rig);
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, 1, BAD_PARAMETER);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_E_HYPERCALL);
    assert_int_equal(vmb_chan_flush(&s.link.chan), VMB_E_HYPERCALL);
    assert_int_equal(vmb_chan_recv(&s.link.chan, &rx), VMB_E_HYPERCALL);
    assert_int_equal(vmb_chan_release(&s.link.chan), VMB_E_HYPERCALL);
    assert_true(vmb_chan_arm(&s.link.chan));
    vmb_chan_fault(&s.link.chan, &fault);
    assert_int_equal(fault.status, VMB_E_HYPERCALL);
    assert_int_equal(fault.site, VMB_SITE_HV_HYPERCALL);
    assert_int_equal(fault.host_code, BAD_PARAMETER);
    rig_echo(s.rig, &s.other, 5);
    rig_close(s.rig, &s.link);
    rig_open(s.rig, &s.link, s.dev);
    rig_echo(s.rig, &s.link, 5);
    rig_close(s.rig, &s.link);
    rig_close(s.rig, &s.other);
    rig_down(s.rig);
}

/* --- Silence -------------------------------------------------------------- */

/* The answer to what `act` asks for gets lost: how long until it says so. */
static void mute_for(struct rig *rig, enum vmb_status (*act)(struct rig *rig),
                     uint64_t seconds)
{
    uint64_t began, took;

    rig_fault(rig, VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_LOSE, 1, 0);
    began = vmb_sim_clock(rig->sim);
    assert_int_equal(act(rig), VMB_E_TIMEOUT);
    took = vmb_sim_clock(rig->sim) - began;
    assert_in_range(took, seconds * SECOND, (seconds + 1) * SECOND);
}

static void mute(struct rig *rig, enum vmb_status (*act)(struct rig *rig))
{
    mute_for(rig, act, 3);
}

static struct scene *acting;
static struct vmb_gpadl acted;
static void *acted_on;

static enum vmb_status open_again(struct rig *rig)
{
    return rig_try_open(rig, &acting->link, rig_offer(rig, acting->dev, 0));
}

static enum vmb_status close_it(struct rig *rig)
{
    return rig_try_close(rig, &acting->link);
}

static enum vmb_status make_gpadl(struct rig *rig)
{
    return rig_gpadl(rig, &acted, &acting->other, acted_on, 3);
}

static enum vmb_status drop_gpadl(struct rig *rig)
{
    return rig_gpadl_destroy(rig, &acted);
}

static enum vmb_status move(struct rig *rig)
{
    enum vmb_status status =
        vmb_conn_modify_start(&rig->conn, &acting->other.chan, &rig->cpu[1]);

    if (status == VMB_OK)
        RIG_WAIT(rig, &status, vmb_conn_modify_status(&acting->other.chan));
    return status;
}

static enum vmb_status unload(struct rig *rig)
{
    enum vmb_status status = vmb_conn_unload_start(&rig->conn);

    if (status == VMB_OK)
        RIG_WAIT(rig, &status, vmb_conn_unload_status(&rig->conn));
    return status;
}

static void every_request_has_its_deadline(void **state)
{
    struct vmb_fault fault;
    struct scene s;

    (void)state;
    set_up(&s, &(struct rig_cfg){ .sim.vps = 2, .conn.timeout = 3 * SECOND });
    acting = &s;
    acted_on = rig_alloc(s.rig, 3);
    memset(&acted, 0, sizeof acted);
    mute(s.rig, make_gpadl);
    assert_true(rig_mapped(s.rig, acted_on, 3));
    assert_int_equal(rig_gpadl_destroy(s.rig, &acted), VMB_OK);
    assert_int_equal(make_gpadl(s.rig), VMB_OK);
    mute(s.rig, drop_gpadl);
    mute(s.rig, move);
    mute(s.rig, close_it);
    vmb_chan_fault(&s.link.chan, &fault);
    assert_int_equal(fault.site, VMB_SITE_REPLY_DEADLINE);
    assert_in_range(fault.got, fault.limit, 2 * fault.limit);
    assert_int_equal(fault.limit, 3 * SECOND);
    rig_echo(s.rig, &s.other, 3);
    rig_unload(s.rig);
    rig_connect(s.rig);
    mute(s.rig, open_again); /* its GPADL's answer */
    rig_close(s.rig, &s.link);
    assert_int_equal(vmb_conn_status(&s.rig->conn), VMB_OK);
    rig_unload(s.rig);
    mute(s.rig, rig_try_connect);
    assert_int_equal(vmb_conn_status(&s.rig->conn), VMB_E_TIMEOUT);
    rig_unload(s.rig);
    rig_connect(s.rig);
    mute_for(s.rig, unload, 100); /* an unload has a deadline of its own */
    vmb_conn_fault(&s.rig->conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_REPLY_DEADLINE);
    assert_int_equal(fault.limit, 100 * SECOND);
    /* A host answers only the first: what is left is the way out below. */
    assert_int_equal(unload(s.rig), VMB_E_TIMEOUT);
    rig_hv_stop(s.rig);
    rig_start(s.rig);
    rig_down(s.rig);
}

/* An open whose answer is lost may have happened: it is closed as well. */
static void an_open_without_answer_is_closed(void **state)
{
    struct vmb_sim_fault lose = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                  .act = VMB_SIM_LOSE };
    struct scene s;

    (void)state;
    set_up(&s, &(struct rig_cfg){ .conn.timeout = SECOND });
    rig_close(s.rig, &s.link);
    lose.k = vmb_sim_count(s.rig->sim, lose.at) + 1; /* GPADL; open */
    assert_int_equal(vmb_sim_fault_add(s.rig->sim, &lose), VMB_OK);
    acting = &s;
    assert_int_equal(open_again(s.rig), VMB_E_TIMEOUT);
    assert_true(vmb_sim_is_open(rig_host(s.dev)));
    rig_close(s.rig, &s.link);
    assert_false(vmb_sim_is_open(rig_host(s.dev)));
    rig_open(s.rig, &s.link, s.dev);
    rig_echo(s.rig, &s.link, 3);
    rig_close(s.rig, &s.link);
    rig_close(s.rig, &s.other);
    rig_down(s.rig);
}

static void an_endless_timeout_is_no_timeout(void **state)
{
    struct scene s;

    (void)state;
    set_up(&s, &(struct rig_cfg){ .conn.timeout = UINT64_MAX });
    rig_echo(s.rig, &s.link, 2);
    rig_down(s.rig);
}

/* --- Nonsense ------------------------------------------------------------- */

struct nonsense {
    uint32_t word[8]; /* number, padding, body ... */
    uint32_t bytes;
    uint32_t says_type;
    uint8_t says_len;
    uint16_t site;
    uint64_t got, limit;
};

/* The channel has relid 1 and the ring's GPADL is id 1. */
static const struct nonsense nonsense[] = {
    { { 0 }, 8, 1, 8, VMB_SITE_MSG_UNKNOWN, 0, 29 },
    { { 3 }, 8, 1, 8, VMB_SITE_MSG_UNKNOWN, 3, 29 }, /* a guest's own */
    { { 23 }, 8, 1, 8, VMB_SITE_MSG_UNKNOWN, 23, 29 },
    { { 0xffffffff }, 8, 1, 8, VMB_SITE_MSG_UNKNOWN, 0xffffffff, 29 },
    { { 4 }, 8, 1, 8, VMB_SITE_MSG_STRAY, 0, 4 },
    { { 17 }, 8, 1, 8, VMB_SITE_MSG_STRAY, 0, 17 },
    { { 15, 0, 1 }, 16, 1, 16, VMB_SITE_MSG_STRAY, 1, 15 },
    { { 2, 0, 77 }, 12, 1, 12, VMB_SITE_MSG_STRAY, 77, 2 },
    { { 2, 0, 0 }, 12, 1, 12, VMB_SITE_MSG_STRAY, 0, 2 },
    { { 6, 0, 1, 1, 0 }, 20, 1, 20, VMB_SITE_MSG_STRAY, 1, 6 },
    { { 10, 0, 1, 1, 0 }, 20, 1, 20, VMB_SITE_MSG_STRAY, 1, 10 },
    { { 10, 0, 1, 0, 0 }, 20, 1, 20, VMB_SITE_MSG_STRAY, 0, 10 },
    { { 12, 0, 1 }, 12, 1, 12, VMB_SITE_MSG_STRAY, 1, 12 },
    { { 24, 0, 1, 0 }, 16, 1, 16, VMB_SITE_MSG_STRAY, 1, 24 },
    { { 4 }, 8, 1, 7, VMB_SITE_MSG_SHORT, 7, 8 },
    { { 4 }, 8, 1, 0, VMB_SITE_MSG_SHORT, 0, 8 },
    { { 2, 0, 1 }, 12, 1, 11, VMB_SITE_MSG_SHORT, 11, 12 },
    { { 6, 0, 1, 1 }, 16, 1, 16, VMB_SITE_MSG_SHORT, 16, 20 },
    { { 10, 0, 1, 1 }, 16, 1, 19, VMB_SITE_MSG_SHORT, 19, 20 },
    { { 12 }, 8, 1, 8, VMB_SITE_MSG_SHORT, 8, 12 },
    { { 15 }, 8, 1, 9, VMB_SITE_MSG_SHORT, 9, 10 },
    { { 24, 0, 1 }, 12, 1, 12, VMB_SITE_MSG_SHORT, 12, 16 },
    { { 1 }, 8, 1, 189, VMB_SITE_MSG_SHORT, 189, 190 },
    { { 4 }, 8, 1, 241, VMB_SITE_MSG_SIZE, 241, 240 },
    { { 4 }, 8, 1, 255, VMB_SITE_MSG_SIZE, 255, 240 },
    { { 4 }, 8, 2, 8, VMB_SITE_MSG_TYPE, 2, 1 },
    { { 4 }, 8, 0x80000010, 8, VMB_SITE_MSG_TYPE, 0x80000010, 1 },
};

static void it_is_recorded_and_nothing_more(const struct nonsense *n,
                                            bool interrupts)
{
    struct vmb_fault fault;
    struct scene s;

    set_up(&s, &(struct rig_cfg){ .interrupts = interrupts });
    assert_int_equal(vmb_sim_inject(s.rig->sim, n->word, n->bytes, n->says_type,
                                    n->says_len),
                     VMB_OK);
    rig_settle(s.rig);
    assert_int_equal(vmb_conn_fault_count(&s.rig->conn), 1);
    vmb_conn_fault(&s.rig->conn, &fault);
    assert_int_equal(fault.status, VMB_E_HOST);
    assert_int_equal(fault.site, n->site);
    assert_int_equal(fault.got, n->got);
    assert_int_equal(fault.limit, n->limit);
    assert_int_equal(s.rig->unknown_messages, n->site == VMB_SITE_MSG_UNKNOWN);
    assert_int_equal(vmb_conn_status(&s.rig->conn), VMB_OK);
    rig_echo(s.rig, &s.link, 2);
    rig_echo(s.rig, &s.other, 2);
    rig_close(s.rig, &s.link);
    rig_close(s.rig, &s.other);
    rig_down(s.rig);
}

static void nonsense_changes_nothing(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        it_is_recorded_and_nothing_more(&nonsense[i], false);
        it_is_recorded_and_nothing_more(&nonsense[i], true);
    }
}

/* An offer with this relid and monitor id, as any host might send it. */
static void offer_with(uint32_t relid, uint8_t monitor, bool kept,
                       uint16_t site, uint64_t got, uint64_t limit)
{
    uint8_t message[196] = { 1 };
    struct vmb_fault fault;
    struct scene s;

    set_up(&s, NULL);
    memcpy(message + 184, &relid, sizeof relid);
    message[188] = monitor;
    message[189] = 1;
    assert_int_equal(
        vmb_sim_inject(s.rig->sim, message, sizeof message, 1, sizeof message),
        VMB_OK);
    rig_settle(s.rig);
    assert_int_equal(s.rig->events[VMB_CONN_OFFER], kept ? 3 : 2);
    vmb_conn_fault(&s.rig->conn, &fault);
    assert_int_equal(fault.site, site);
    assert_int_equal(fault.got, got);
    assert_int_equal(fault.limit, limit);
    if (kept)
        assert_false(vmb_conn_offer(&s.rig->conn, 2)->monitored);
    rig_echo(s.rig, &s.link, 2);
    rig_down(s.rig);
}

static void offers_that_cannot_be_are_dropped(void **state)
{
    (void)state;
    offer_with(0, 0, false, VMB_SITE_OFFER_RELID, 0, 2047);
    offer_with(2048, 0, false, VMB_SITE_OFFER_RELID, 2048, 2047);
    offer_with(UINT32_MAX, 0, false, VMB_SITE_OFFER_RELID, UINT32_MAX, 2047);
    offer_with(1, 0, false, VMB_SITE_OFFER_DUPLICATE, 1, 0);
    offer_with(500, 128, true, VMB_SITE_OFFER_MONITOR, 128, 127);
    offer_with(500, 255, true, VMB_SITE_OFFER_MONITOR, 255, 127);
}

/* Thousands of damaged messages of every kind, in every state. */
static void garbage_is_survived(void **state)
{
    uint64_t seed = rig_seed(0x6a5ba6e);
    uint8_t message[240];
    struct scene s;
    uint32_t i, n, len;

    (void)state;
    for (n = 0; n < 20; n++) {
        set_up(&s, &(struct rig_cfg){ .interrupts = n % 2,
                                      .conn.timeout = SECOND });
        for (i = 0; i < 300; i++) {
            for (len = 0; len < sizeof message; len++)
                message[len] =
                    (uint8_t)(rig_below(&seed, 3) ? rig_below(&seed, 3)
                                                  : rig_random(&seed));
            message[0] = (uint8_t)rig_below(&seed, 30);
            message[1] = message[2] = message[3] = 0;
            /* A rescind would be believed. */
            if (message[0] == 2)
                message[0] = 1;
            len = rig_below(&seed, 241);
            assert_int_equal(
                vmb_sim_inject(s.rig->sim, message, len, 1, (uint8_t)len),
                VMB_OK);
            if (rig_below(&seed, 8) == 0)
                rig_turn(s.rig);
        }
        rig_settle(s.rig);
        rig_echo(s.rig, &s.link, 2);
        rig_echo(s.rig, &s.other, 2);
        rig_close(s.rig, &s.link);
        rig_close(s.rig, &s.other);
        rig_down(s.rig);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(transient_failures_go_unnoticed),
        cmocka_unit_test(a_port_being_set_up_is_waited_for),
        cmocka_unit_test(a_host_that_has_enough_is_waited_for),
        cmocka_unit_test(a_dead_hypervisor_is_reported),
        cmocka_unit_test(failures_leave_the_way_out_open),
        cmocka_unit_test(a_signal_put_off_is_owed),
        cmocka_unit_test(a_signal_owed_shows_where_it_is_looked_for),
        cmocka_unit_test(a_signal_refused_costs_the_channel),
        cmocka_unit_test(every_request_has_its_deadline),
        cmocka_unit_test(an_open_without_answer_is_closed),
        cmocka_unit_test(an_endless_timeout_is_no_timeout),
        cmocka_unit_test(nonsense_changes_nothing),
        cmocka_unit_test(offers_that_cannot_be_are_dropped),
        cmocka_unit_test(garbage_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
