/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The blocking layer: a guest that has nothing better to do. */
#include "harness.h"

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
    rig_hv_start(s->rig);
    assert_int_equal(
        vmb_conn_start(&s->rig->conn, &s->rig->hv, &s->rig->cfg.conn), VMB_OK);
    assert_int_equal(vmb_wait_conn(&s->rig->conn), VMB_OK);
    assert_int_equal(
        rig_open_start(s->rig, &s->link, rig_offer(s->rig, s->dev, 0)), VMB_OK);
    assert_int_equal(vmb_wait_open(&s->rig->conn, &s->link.chan), VMB_OK);
}

static void lose_next_answer(struct scene *s)
{
    rig_fault(s->rig, VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_LOSE, 1, 0);
}

static void refuse_next(struct scene *s)
{
    rig_fault(s->rig, VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_REFUSE, 1, 0);
}

/* A whole life, and nothing of it with a loop of our own. */
static void a_life(const struct rig_cfg *cfg)
{
    struct vmb_sim_test_request ask = { .op = VMB_SIM_ECHO, .seed = 5 }, back;
    struct vmb_iov iov = { &ask, sizeof ask };
    struct vmb_out out = {
        .kind = VMB_INBAND, .iov = &iov, .iov_count = 1, .want_reply = true
    };
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct vmb_rx rx;
    struct scene s;
    uint8_t *memory;
    uint32_t i;

    set_up(&s, cfg);
    for (i = 0; i < 200; i++) {
        ask.seed = i;
        assert_int_equal(
            vmb_wait_send(&s.rig->conn, &s.link.chan, &out, SECOND), VMB_OK);
        assert_int_equal(vmb_wait_recv(&s.rig->conn, &s.link.chan, &rx, SECOND),
                         VMB_OK);
        assert_int_equal(vmb_rx_copy(&s.link.chan, &rx, 0, &back, sizeof back),
                         sizeof back);
        assert_memory_equal(&back, &ask, sizeof ask);
        assert_int_equal(vmb_chan_release(&s.link.chan), VMB_OK);
    }
    memory = rig_alloc(s.rig, 40);
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan, memory, 40 * 4096),
        VMB_OK);
    assert_int_equal(vmb_wait_gpadl(&s.rig->conn, &gpadl), VMB_OK);
    if (vmb_conn_version(&s.rig->conn) >= VMB_VERSION_4_1) {
        assert_int_equal(
            vmb_conn_modify_start(&s.rig->conn, &s.link.chan, &s.rig->cpu[0]),
            VMB_OK);
        assert_int_equal(vmb_wait_modify(&s.rig->conn, &s.link.chan), VMB_OK);
    }
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    assert_int_equal(vmb_wait_gpadl_destroy(&s.rig->conn, &gpadl), VMB_OK);
    assert_int_equal(vmb_wait_unload(&s.rig->conn), VMB_OK);
    rig_down(s.rig);
}

static void all_of_it_can_be_waited_for(void **state)
{
    (void)state;
    a_life(NULL);
    a_life(&(struct rig_cfg){ .interrupts = true });
    a_life(&(struct rig_cfg){ .sim.quirks = VMB_SIM_LAZY });
    a_life(&(struct rig_cfg){ .sim.quirks = VMB_SIM_QEMU });
    a_life(&(struct rig_cfg){ .sim.quirks = VMB_SIM_DEAF_MASK });
    a_life(&(struct rig_cfg){ .sim.quirks = VMB_SIM_DEAF_MASK |
                                            VMB_SIM_OPENVMM_LEAVES |
                                            VMB_SIM_NO_AUTO_EOI });
    a_life(&(struct rig_cfg){ .sim.max_version = VMB_VERSION_0_13 });
    a_life(&(struct rig_cfg){ .interrupts = true,
                              .sim.max_version = VMB_VERSION_1_1 });
}

static void what_is_begun_is_not_begun_again(void **state)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct scene s;
    void *memory;

    (void)state;
    set_up(&s, &(struct rig_cfg){ .sim.quirks = VMB_SIM_LAZY });
    memory = rig_alloc(s.rig, 1);
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan, memory, 4096),
        VMB_OK);
    assert_int_equal(vmb_wait_gpadl(&s.rig->conn, &gpadl), VMB_OK);
    assert_int_equal(vmb_chan_close_start(&s.link.chan), VMB_OK);
    assert_int_equal(vmb_gpadl_destroy_start(&gpadl), VMB_OK);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    assert_int_equal(vmb_wait_gpadl_destroy(&s.rig->conn, &gpadl), VMB_OK);
    assert_int_equal(vmb_conn_unload_start(&s.rig->conn), VMB_OK);
    assert_int_equal(vmb_wait_unload(&s.rig->conn), VMB_OK);
    /* And what is over is over at once. */
    assert_int_equal(vmb_wait_unload(&s.rig->conn), VMB_OK);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    assert_int_equal(vmb_wait_conn(&s.rig->conn), VMB_E_STATE);
    assert_int_equal(vmb_wait_open(&s.rig->conn, &s.link.chan), VMB_E_STATE);
    rig_down(s.rig);
}

static uint64_t clock_at_rest(void *ctx)
{
    return vmb_sim_clock(((struct rig *)ctx)->sim);
}

/* On a clock that takes its time, too; and a rest is a millisecond at most. */
static void no_time_is_no_turn(void **state)
{
    struct scene s;
    struct vmb_rx rx;
    uint64_t began;

    (void)state;
    set_up(&s, NULL);
    s.rig->plat.now = clock_at_rest;
    began = vmb_sim_clock(s.rig->sim);
    assert_int_equal(vmb_wait_recv(&s.rig->conn, &s.link.chan, &rx, 0),
                     VMB_E_TIMEOUT);
    assert_int_equal(vmb_sim_clock(s.rig->sim), began);
    s.rig->last_rest = 0;
    assert_int_equal(vmb_wait_recv(&s.rig->conn, &s.link.chan, &rx, SECOND),
                     VMB_E_TIMEOUT);
    assert_in_range(s.rig->last_rest, 1, SECOND / 1000);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    rig_down(s.rig);
}

static void waiting_ends(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_rx rx;
    struct scene s;
    uint64_t began;
    uint32_t i;

    (void)state;
    set_up(&s, NULL);
    began = vmb_sim_clock(s.rig->sim);
    assert_int_equal(vmb_wait_recv(&s.rig->conn, &s.link.chan, &rx, 5 * SECOND),
                     VMB_E_TIMEOUT);
    assert_in_range(vmb_sim_clock(s.rig->sim) - began, 5 * SECOND, 6 * SECOND);
    assert_int_equal(vmb_wait_recv(&s.rig->conn, &s.link.chan, &rx, 0),
                     VMB_E_TIMEOUT);
    vmb_sim_stall(rig_host(s.dev), true);
    for (i = 0; i < 4096 / 24; i++)
        assert_int_equal(
            vmb_wait_send(&s.rig->conn, &s.link.chan, &out, SECOND), VMB_OK);
    assert_int_equal(vmb_wait_send(&s.rig->conn, &s.link.chan, &out, SECOND),
                     VMB_E_TIMEOUT);
    vmb_sim_stall(rig_host(s.dev), false);
    assert_int_equal(vmb_wait_send(&s.rig->conn, &s.link.chan, &out, SECOND),
                     VMB_OK);
    /* Other failures come back as they are. */
    out.kind = VMB_XFER_PAGES;
    assert_int_equal(vmb_wait_send(&s.rig->conn, &s.link.chan, &out, SECOND),
                     VMB_E_ARG);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    assert_int_equal(vmb_wait_recv(&s.rig->conn, &s.link.chan, &rx, SECOND),
                     VMB_E_STATE);
    rig_down(s.rig);
}

static void a_mute_host_is_given_up(void **state)
{
    struct scene s;

    (void)state;
    set_up(&s, NULL);
    lose_next_answer(&s);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_E_TIMEOUT);
    assert_int_equal(vmb_wait_unload(&s.rig->conn), VMB_OK);
    lose_next_answer(&s);
    assert_int_equal(vmb_conn_start(&s.rig->conn, &s.rig->hv, &s.rig->cfg.conn),
                     VMB_OK);
    assert_int_equal(vmb_wait_conn(&s.rig->conn), VMB_E_TIMEOUT);
    rig_down(s.rig);
}

static void a_rescind_ends_the_waiting(void **state)
{
    struct vmb_sim_fault rescind = { .at = VMB_SIM_AT_GUEST_MESSAGE,
                                     .act = VMB_SIM_RESCIND };
    struct scene s;
    struct vmb_rx rx;

    (void)state;
    set_up(&s, NULL);
    vmb_sim_rescind(s.dev);
    assert_int_equal(vmb_wait_recv(&s.rig->conn, &s.link.chan, &rx, 5 * SECOND),
                     VMB_E_RESCINDED);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    rig_settle(s.rig);
    vmb_sim_reoffer(s.dev);
    rig_settle(s.rig);
    rescind.k = vmb_sim_count(s.rig->sim, rescind.at);
    rescind.dev = s.dev;
    assert_int_equal(vmb_sim_fault_add(s.rig->sim, &rescind), VMB_OK);
    assert_int_equal(rig_open_start(s.rig, &s.link, rig_offer(s.rig, s.dev, 0)),
                     VMB_OK);
    assert_int_equal(vmb_wait_open(&s.rig->conn, &s.link.chan),
                     VMB_E_RESCINDED);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    rig_down(s.rig);
}

/* What the waiting is for comes back as it is. */
static void failures_are_passed_on(void **state)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct vmb_conn *conn;
    struct scene s;
    void *memory;

    (void)state;
    set_up(&s, NULL);
    conn = &s.rig->conn;
    memory = rig_alloc(s.rig, 1);
    refuse_next(&s);
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan, memory, 4096),
        VMB_OK);
    assert_int_equal(vmb_wait_gpadl(conn, &gpadl), VMB_E_REFUSED);
    lose_next_answer(&s);
    assert_int_equal(
        vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan, memory, 4096),
        VMB_OK);
    assert_int_equal(vmb_wait_gpadl(conn, &gpadl), VMB_E_TIMEOUT);
    lose_next_answer(&s);
    assert_int_equal(vmb_wait_gpadl_destroy(conn, &gpadl), VMB_E_TIMEOUT);
    refuse_next(&s);
    assert_int_equal(vmb_conn_modify_start(conn, &s.link.chan, &s.rig->cpu[0]),
                     VMB_OK);
    assert_int_equal(vmb_wait_modify(conn, &s.link.chan), VMB_E_REFUSED);
    lose_next_answer(&s);
    assert_int_equal(vmb_conn_modify_start(conn, &s.link.chan, &s.rig->cpu[0]),
                     VMB_OK);
    assert_int_equal(vmb_wait_modify(conn, &s.link.chan), VMB_E_TIMEOUT);
    assert_int_equal(vmb_wait_close(conn, &s.link.chan), VMB_OK);
    refuse_next(&s);
    assert_int_equal(rig_open_start(s.rig, &s.link, rig_offer(s.rig, s.dev, 0)),
                     VMB_OK);
    assert_int_equal(vmb_wait_open(conn, &s.link.chan), VMB_E_REFUSED);
    assert_int_equal(vmb_wait_close(conn, &s.link.chan), VMB_OK);
    rig_open(s.rig, &s.link, s.dev);
    rig_fault(s.rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, VMB_SIM_FOR_EVER, 5);
    assert_int_equal(vmb_wait_close(conn, &s.link.chan), VMB_E_HYPERCALL);
    assert_int_equal(vmb_wait_unload(conn), VMB_E_HYPERCALL);
    vmb_sim_faults_clear(s.rig->sim);
    assert_int_equal(vmb_wait_unload(conn), VMB_OK);
    rig_down(s.rig);
}

static void cannot_connect(struct rig *rig, enum vmb_status expected)
{
    assert_int_equal(vmb_conn_start(&rig->conn, &rig->hv, &rig->cfg.conn),
                     VMB_OK);
    assert_int_equal(vmb_wait_conn(&rig->conn), expected);
    vmb_sim_faults_clear(rig->sim);
    assert_int_equal(vmb_wait_unload(&rig->conn), VMB_OK);
}

static void no_connection_is_passed_on(void **state)
{
    struct rig *rig =
        rig_make(&(struct rig_cfg){ .conn.min_version = VMB_VERSION_6_0 });

    (void)state;
    rig_hv_start(rig);
    rig_fault(rig, VMB_SIM_AT_HYPERCALL, VMB_SIM_FAIL, VMB_SIM_FOR_EVER, 5);
    cannot_connect(rig, VMB_E_HYPERCALL);
    rig_fault(rig, VMB_SIM_AT_GUEST_MESSAGE, VMB_SIM_REFUSE, 1, 0);
    cannot_connect(rig, VMB_E_REFUSED);
    rig_fault(rig, VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_REFUSE, 1, 0);
    cannot_connect(rig, VMB_E_VERSION);
    rig_down(rig);
}

/* ---- A connection that dies under them ------------------------------------
 */

/* What waits for it: opening, closing, creating, destroying, moving. */
struct waiting {
    struct link opening, closing;
    struct vmb_gpadl created, destroyed;
};

static void begin_everything(struct scene *s, struct waiting *w)
{
    struct rig *rig = s->rig;
    uint8_t *pages = rig_alloc(rig, 2);
    struct vmb_sim_dev *one = rig_device(rig), *other = rig_device(rig);

    rig_settle(rig);
    assert_int_equal(rig_gpadl(rig, &w->destroyed, &s->link, pages, 1), VMB_OK);
    rig_open(rig, &w->closing, one);
    rig_settle(rig);
    assert_int_equal(rig_open_start(rig, &w->opening, rig_offer(rig, other, 0)),
                     VMB_OK);
    assert_int_equal(vmb_chan_close_start(&w->closing.chan), VMB_OK);
    assert_int_equal(vmb_gpadl_create_virtual_start(&w->created, &s->link.chan,
                                                    pages + 4096, 4096),
                     VMB_OK);
    assert_int_equal(vmb_gpadl_destroy_start(&w->destroyed), VMB_OK);
    assert_int_equal(
        vmb_conn_modify_start(&rig->conn, &s->link.chan, &rig->cpu[0]), VMB_OK);
}

static void ends_all(struct scene *s, struct waiting *w,
                     enum vmb_status expected)
{
    struct vmb_conn *conn = &s->rig->conn;

    assert_int_equal(vmb_wait_open(conn, &w->opening.chan), expected);
    assert_int_equal(vmb_wait_close(conn, &w->closing.chan), expected);
    assert_int_equal(vmb_wait_gpadl(conn, &w->created), expected);
    assert_int_equal(vmb_wait_gpadl_destroy(conn, &w->destroyed), expected);
    assert_int_equal(vmb_wait_modify(conn, &s->link.chan), expected);
}

/* An unload that gets lost: no answer to anything comes any more, and
 * what the host holds nobody knows until one is. */
static void a_dead_connection_ends_every_wait(void **state)
{
    struct waiting w;
    struct scene s;

    (void)state;
    memset(&w, 0, sizeof w);
    set_up(&s, &(struct rig_cfg){ .sim.vps = 2 });
    begin_everything(&s, &w);
    rig_fault(s.rig, VMB_SIM_AT_GUEST_MESSAGE, VMB_SIM_LOSE, 1, 0);
    assert_int_equal(vmb_conn_unload_start(&s.rig->conn), VMB_OK);
    assert_int_equal(vmb_conn_unload_start(&s.rig->conn), VMB_E_STATE);
    ends_all(&s, &w, VMB_E_TIMEOUT);
    assert_int_equal(vmb_conn_unload_status(&s.rig->conn), VMB_E_TIMEOUT);
    assert_int_equal(vmb_chan_open_status(&w.opening.chan), VMB_AGAIN);
    assert_int_equal(vmb_wait_unload(&s.rig->conn), VMB_OK);
    assert_int_equal(vmb_wait_open(&s.rig->conn, &w.opening.chan), VMB_E_STATE);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &w.closing.chan), VMB_OK);
    assert_int_equal(vmb_wait_gpadl_destroy(&s.rig->conn, &w.destroyed),
                     VMB_OK);
    rig_down(s.rig);
}

/* On the oldest hosts only what is torn down shows that they have let go. */
static void an_unload_that_may_not_begin_is_passed_on(void **state)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct scene s;

    (void)state;
    set_up(&s, &(struct rig_cfg){ .sim.max_version = VMB_VERSION_0_13 });
    assert_int_equal(vmb_wait_unload(&s.rig->conn), VMB_E_STATE);
    assert_int_equal(vmb_conn_status(&s.rig->conn), VMB_OK);
    /* Nor is anything else that cannot begin. */
    assert_int_equal(vmb_chan_close_start(&s.link.chan), VMB_OK);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    gpadl.state_ = VMB_GPADL_CREATING;
    gpadl.bus_ = vmb_conn_bus(&s.rig->conn);
    gpadl.chan_ = &s.link.chan;
    assert_int_equal(vmb_wait_gpadl_destroy(&s.rig->conn, &gpadl), VMB_E_STATE);
    assert_int_equal(vmb_wait_unload(&s.rig->conn), VMB_OK);
    rig_down(s.rig);
}

/* Another caller is in the bus lane: whoever waits is told so, at once. */
static struct scene *entered;
static struct vmb_gpadl held;
static enum vmb_status second[4];

static void wait_meanwhile(void *ctx, const struct vmb_trace *event)
{
    struct vmb_conn *conn = &entered->rig->conn;

    (void)ctx;
    if (event->event != VMB_EVENT_POST || second[0] != VMB_OK)
        return;
    second[0] = vmb_wait_unload(conn);
    second[1] = vmb_wait_close(conn, &entered->link.chan);
    second[2] = vmb_conn_poll(conn);
    second[3] = vmb_wait_gpadl_destroy(conn, &held);
}

static void a_second_waiter_is_told(void **state)
{
    struct scene s;

    (void)state;
    set_up(&s, NULL);
    entered = &s;
    memset(second, 0, sizeof second);
    memset(&held, 0, sizeof held);
    assert_int_equal(rig_gpadl(s.rig, &held, &s.link, rig_alloc(s.rig, 1), 1),
                     VMB_OK);
    s.rig->plat.trace = wait_meanwhile;
    assert_int_equal(
        vmb_conn_modify_start(&s.rig->conn, &s.link.chan, &s.rig->cpu[0]),
        VMB_OK);
    assert_int_equal(vmb_wait_modify(&s.rig->conn, &s.link.chan), VMB_OK);
    s.rig->plat.trace = NULL;
    assert_int_equal(second[0], VMB_E_LANE);
    assert_int_equal(second[1], VMB_E_LANE);
    assert_int_equal(second[2], VMB_E_LANE);
    assert_int_equal(second[3], VMB_E_LANE);
    rig_echo(s.rig, &s.link, 2);
    assert_int_equal(vmb_wait_gpadl_destroy(&s.rig->conn, &held), VMB_OK);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    rig_down(s.rig);
}

/* What the host signals meanwhile is collected, for whoever asks afterwards. */
static void a_wait_collects_what_is_ready(void **state)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct scene s;

    (void)state;
    set_up(&s, NULL);
    rig_settle(s.rig);
    assert_null(vmb_cpu_next_ready(&s.rig->cpu[0]));
    assert_false(vmb_chan_arm(&s.link.chan));
    assert_int_equal(
        vmb_sim_send_inband(rig_host(s.dev), 1, "12345678", 8, false), VMB_OK);
    assert_int_equal(vmb_gpadl_create_virtual_start(&gpadl, &s.link.chan,
                                                    rig_alloc(s.rig, 1), 4096),
                     VMB_OK);
    assert_int_equal(vmb_wait_gpadl(&s.rig->conn, &gpadl), VMB_OK);
    assert_ptr_equal(vmb_cpu_next_ready(&s.rig->cpu[0]), &s.link.chan);
    assert_int_equal(vmb_wait_gpadl_destroy(&s.rig->conn, &gpadl), VMB_OK);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    rig_down(s.rig);
}

/* Room comes while it is waited for. */
static void room_ends_the_waiting(void **state)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct scene s;
    uint64_t began, sent = 0;

    (void)state;
    set_up(&s, NULL);
    rig_settle(s.rig);
    rig_fault(s.rig, VMB_SIM_AT_GUEST_PACKET, VMB_SIM_STALL, 1, 50);
    began = vmb_sim_count(s.rig->sim, VMB_SIM_AT_GUEST_PACKET);
    for (; sent < 4096 / 24 * 4; sent++)
        assert_int_equal(
            vmb_wait_send(&s.rig->conn, &s.link.chan, &out, SECOND), VMB_OK);
    rig_settle(s.rig);
    assert_int_equal(vmb_sim_count(s.rig->sim, VMB_SIM_AT_GUEST_PACKET) - began,
                     sent);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    rig_down(s.rig);
}

/* A port without relax(): the CPU is kept busy instead. */
static void without_rest_it_spins(void **state)
{
    struct scene s;

    (void)state;
    memset(&s, 0, sizeof s);
    s.rig = rig_make(NULL);
    s.rig->plat.relax = NULL;
    s.dev = rig_device(s.rig);
    rig_hv_start(s.rig);
    assert_int_equal(vmb_conn_start(&s.rig->conn, &s.rig->hv, &s.rig->cfg.conn),
                     VMB_OK);
    assert_int_equal(vmb_wait_conn(&s.rig->conn), VMB_OK);
    assert_int_equal(rig_open_start(s.rig, &s.link, rig_offer(s.rig, s.dev, 0)),
                     VMB_OK);
    assert_int_equal(vmb_wait_open(&s.rig->conn, &s.link.chan), VMB_OK);
    assert_int_equal(vmb_wait_close(&s.rig->conn, &s.link.chan), VMB_OK);
    assert_int_equal(vmb_wait_unload(&s.rig->conn), VMB_OK);
    rig_down(s.rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_can_be_waited_for),
        cmocka_unit_test(what_is_begun_is_not_begun_again),
        cmocka_unit_test(no_time_is_no_turn),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(a_mute_host_is_given_up),
        cmocka_unit_test(a_rescind_ends_the_waiting),
        cmocka_unit_test(failures_are_passed_on),
        cmocka_unit_test(no_connection_is_passed_on),
        cmocka_unit_test(a_dead_connection_ends_every_wait),
        cmocka_unit_test(an_unload_that_may_not_begin_is_passed_on),
        cmocka_unit_test(a_second_waiter_is_told),
        cmocka_unit_test(a_wait_collects_what_is_ready),
        cmocka_unit_test(room_ends_the_waiting),
        cmocka_unit_test(without_rest_it_spins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
