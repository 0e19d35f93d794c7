/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A device that vanishes, at every moment of its channel's life. */
#include "harness.h"

#define CLOSE 7   /* message number */
#define RINGS 30u /* pages each way: the GPADL takes three messages */

struct scene {
    struct rig *rig;
    struct vmb_sim_dev *dev, *sibling;
    struct link link, other;
};

/* A host that answers nothing any more on what it has taken back. */
static const struct rig_cfg mute = { .sim.quirks = VMB_SIM_MUTE_RESCIND };
static const struct rig_cfg mute_interrupts = { .interrupts = true,
                                                .sim.quirks =
                                                    VMB_SIM_MUTE_RESCIND };

static void set_up(struct scene *s, const struct rig_cfg *cfg)
{
    memset(s, 0, sizeof *s);
    s->rig = rig_make(cfg);
    s->dev = rig_device(s->rig);
    s->sibling = rig_device(s->rig);
    s->link.cfg.tx_pages = s->link.cfg.rx_pages = RINGS;
    rig_start(s->rig);
    rig_open(s->rig, &s->other, s->sibling);
}

/* Offered again, it works as it did before. */
static void comes_back(struct scene *s)
{
    rig_settle(s->rig);
    assert_int_equal(vmb_sim_unreleased(s->rig->sim), 0);
    assert_null(rig_offer(s->rig, s->dev, 0));
    vmb_sim_reoffer(s->dev);
    rig_settle(s->rig);
    rig_open(s->rig, &s->link, s->dev);
    rig_echo(s->rig, &s->link, 3);
    rig_close(s->rig, &s->link);
}

static void tear_down(struct scene *s)
{
    rig_echo(s->rig, &s->other, 3);
    rig_close(s->rig, &s->other);
    rig_down(s->rig);
}

/* A host that has let go and says nothing costs a moment, not a deadline. */
static void close_soon(struct scene *s)
{
    uint64_t began = vmb_sim_clock(s->rig->sim);

    rig_close(s->rig, &s->link);
    assert_true(vmb_sim_clock(s->rig->sim) - began < 2 * SECOND);
}

static void destroy_soon(struct scene *s, struct vmb_gpadl *gpadl)
{
    uint64_t began = vmb_sim_clock(s->rig->sim);

    assert_int_equal(rig_gpadl_destroy(s->rig, gpadl), VMB_OK);
    assert_true(vmb_sim_clock(s->rig->sim) - began < 2 * SECOND);
}

/* Every call on a channel whose device is gone says so. */
static void says_gone(struct link *link)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_gpadl gpadl = { .id_ = 0 };
    static uint8_t page[1];
    uint64_t pfn = 1;
    struct vmb_mdl mdl = { NULL, &pfn, 1, 0, 4096 };
    struct vmb_fault fault;
    struct vmb_rx rx;

    assert_int_equal(vmb_chan_send(&link->chan, &out), VMB_E_RESCINDED);
    assert_int_equal(vmb_chan_stage(&link->chan, &out), VMB_E_RESCINDED);
    assert_int_equal(vmb_chan_flush(&link->chan), VMB_E_RESCINDED);
    assert_int_equal(vmb_chan_recv(&link->chan, &rx), VMB_E_RESCINDED);
    assert_int_equal(vmb_chan_release(&link->chan), VMB_E_RESCINDED);
    assert_true(vmb_chan_arm(&link->chan));
    memset(&rx, 0, sizeof rx);
    rx.len = 8;
    assert_int_equal(vmb_rx_copy(&link->chan, &rx, 0, page, 1), 0);
    assert_int_equal(vmb_gpadl_create_start(&gpadl, &link->chan, &mdl),
                     VMB_E_RESCINDED);
    vmb_chan_fault(&link->chan, &fault);
    assert_int_equal(fault.status, VMB_E_RESCINDED);
    assert_int_equal(fault.site, VMB_SITE_RESCIND);
    assert_int_equal(fault.got, vmb_chan_relid(&link->chan));
}

static enum vmb_status opened_in_callback;

static void open_at_rescind(struct rig *rig, enum vmb_conn_event event,
                            struct vmb_offer *offer)
{
    if (event == VMB_CONN_RESCIND)
        opened_in_callback = rig_open_start(rig, rig->own, offer);
}

static void before_it_is_opened(void **state)
{
    struct vmb_offer *offer;
    struct scene s;

    (void)state;
    set_up(&s, NULL);
    offer = rig_offer(s.rig, s.dev, 0);
    s.rig->own = &s.link;
    s.rig->on_event = open_at_rescind;
    vmb_sim_rescind(s.dev);
    rig_settle(s.rig);
    s.rig->on_event = NULL;
    assert_int_equal(s.rig->events[VMB_CONN_RESCIND], 1);
    assert_int_equal(opened_in_callback, VMB_E_RESCINDED);
    /* The offer's place in the table is empty now. */
    assert_int_equal(rig_open_start(s.rig, &s.link, offer), VMB_E_RESCINDED);
    assert_int_equal(vmb_sim_unreleased(s.rig->sim), 0);
    vmb_sim_reoffer(s.dev);
    rig_settle(s.rig);
    rig_open(s.rig, &s.link, s.dev);
    rig_close(s.rig, &s.link);
    tear_down(&s);
}

/*
 * While it opens: at each message the guest posts for it, or each answer.
 * Returns false when k is past the last.
 */
static bool opening_at(const struct rig_cfg *cfg, enum vmb_sim_point point,
                       uint64_t k)
{
    struct vmb_sim_fault fault = { .at = point, .act = VMB_SIM_RESCIND };
    enum vmb_status status;
    struct scene s;
    bool struck;

    set_up(&s, cfg);
    fault.k = vmb_sim_count(s.rig->sim, point) + k;
    fault.dev = s.dev;
    assert_int_equal(vmb_sim_fault_add(s.rig->sim, &fault), VMB_OK);
    status = rig_try_open(s.rig, &s.link, rig_offer(s.rig, s.dev, 0));
    struck = vmb_sim_faults_hit(s.rig->sim) > 0;
    if (struck) {
        rig_settle(s.rig);
        if (status == VMB_OK) /* it opened, and went at once */
            says_gone(&s.link);
        else
            assert_int_equal(status, VMB_E_RESCINDED);
        assert_int_equal(s.rig->events[VMB_CONN_RESCIND], 1);
        close_soon(&s);
        comes_back(&s);
    } else {
        assert_int_equal(status, VMB_OK);
        rig_close(s.rig, &s.link);
    }
    tear_down(&s);
    return struck;
}

static void while_opening(const struct rig_cfg *cfg)
{
    uint64_t k = 0;

    while (opening_at(cfg, VMB_SIM_AT_GUEST_MESSAGE, k))
        k++;
    assert_int_equal(k, 4); /* GPADL header, two bodies, open */
    k = 0;
    while (opening_at(cfg, VMB_SIM_AT_HOST_MESSAGE, k))
        k++;
    assert_int_equal(k, 2); /* GPADL created, opened */
    k = 0;
    while (opening_at(cfg, VMB_SIM_AT_HYPERCALL, k))
        k++;
    assert_int_equal(k, 4);
}

static void while_it_opens(void **state)
{
    (void)state;
    while_opening(NULL);
    while_opening(&(struct rig_cfg){ .interrupts = true });
    while_opening(&(struct rig_cfg){ .sim.quirks = VMB_SIM_LAZY });
    while_opening(&(struct rig_cfg){ .sim.max_version = VMB_VERSION_1_1 });
    while_opening(&mute);
    while_opening(&mute_interrupts);
    while_opening(
        &(struct rig_cfg){ .sim.quirks = VMB_SIM_MUTE_RESCIND | VMB_SIM_LAZY });
}

/* The device answers an open late; meanwhile it goes. */
static uint32_t open_later(void *ctx, struct vmb_sim_chan *chan,
                           const uint8_t user[120])
{
    (void)ctx;
    (void)chan;
    (void)user;
    return VMB_SIM_PENDING;
}

static void while_the_device_makes_up_its_mind(void **state)
{
    struct vmb_sim_device is = { .type = { 1 }, .on_open = open_later };
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = true });
    struct vmb_sim_dev *dev = vmb_sim_device_add(rig->sim, &is);
    struct link link = { .flagged = false };

    (void)state;
    rig_start(rig);
    assert_int_equal(rig_open_start(rig, &link, rig_offer(rig, dev, 0)),
                     VMB_OK);
    rig_settle(rig);
    assert_int_equal(vmb_chan_open_status(&link.chan), VMB_AGAIN);
    vmb_sim_rescind(dev);
    rig_settle(rig);
    assert_int_equal(vmb_chan_open_status(&link.chan), VMB_E_RESCINDED);
    rig_close(rig, &link);
    rig_settle(rig);
    assert_int_equal(vmb_sim_unreleased(rig->sim), 0);
    rig_down(rig);
}

static void while_it_is_open(const struct rig_cfg *cfg)
{
    struct vmb_gpadl gpadl = { .id_ = 0 };
    struct scene s;
    void *memory;

    set_up(&s, cfg);
    rig_open(s.rig, &s.link, s.dev);
    rig_echo(s.rig, &s.link, 3);
    memory = rig_alloc(s.rig, 40);
    assert_int_equal(rig_gpadl(s.rig, &gpadl, &s.link, memory, 40), VMB_OK);
    vmb_sim_rescind(s.dev);
    rig_settle(s.rig);
    says_gone(&s.link);
    /* Its number is kept as long as anything hangs from it. */
    assert_int_equal(vmb_sim_unreleased(s.rig->sim), 1);
    close_soon(&s);
    rig_settle(s.rig);
    assert_int_equal(s.rig->posted[CLOSE].count, 0); /* who would hear it? */
    assert_int_equal(vmb_sim_unreleased(s.rig->sim), 1);
    assert_int_equal(vmb_gpadl_create_status(&gpadl), VMB_OK);
    destroy_soon(&s, &gpadl);
    assert_false(rig_mapped(s.rig, memory, 40));
    comes_back(&s);
    tear_down(&s);
}

static void while_open(void **state)
{
    (void)state;
    while_it_is_open(NULL);
    while_it_is_open(&(struct rig_cfg){ .interrupts = true });
    while_it_is_open(&mute);
    while_it_is_open(&mute_interrupts);
}

static void while_making_a_gpadl(const struct rig_cfg *cfg)
{
    struct vmb_gpadl gpadl;
    enum vmb_status status;
    struct scene s;
    uint64_t k;
    void *memory;

    for (k = 0; k < 3; k++) {
        struct vmb_sim_fault fault = { .at = VMB_SIM_AT_GUEST_MESSAGE,
                                       .act = VMB_SIM_RESCIND };

        set_up(&s, cfg);
        rig_open(s.rig, &s.link, s.dev);
        memory = rig_alloc(s.rig, 60);
        memset(&gpadl, 0, sizeof gpadl);
        fault.k = vmb_sim_count(s.rig->sim, fault.at) + k;
        fault.dev = s.dev;
        assert_int_equal(vmb_sim_fault_add(s.rig->sim, &fault), VMB_OK);
        status = rig_gpadl(s.rig, &gpadl, &s.link, memory, 60);
        assert_int_equal(vmb_sim_faults_hit(s.rig->sim), 1);
        rig_settle(s.rig);
        says_gone(&s.link);
        close_soon(&s);
        /* Refused, it is gone; without an answer, the host may have it. */
        assert_true(status == VMB_OK || status == VMB_E_REFUSED ||
                    (cfg && status == VMB_E_RESCINDED));
        if (status == VMB_E_RESCINDED)
            assert_int_equal(vmb_gpadl_destroy_status(&gpadl), status);
        destroy_soon(&s, &gpadl);
        assert_int_equal(vmb_gpadl_destroy_status(&gpadl), VMB_OK);
        assert_false(rig_mapped(s.rig, memory, 60));
        comes_back(&s);
        tear_down(&s);
    }
}

static void while_a_gpadl_is_made(void **state)
{
    (void)state;
    while_making_a_gpadl(NULL);
    while_making_a_gpadl(&mute);
}

/* The rescind crosses the guest's own close, or its teardown. */
static void while_closing(const struct rig_cfg *cfg)
{
    struct scene s;
    uint64_t k;

    for (k = 0; k < 2; k++) {
        struct vmb_sim_fault fault = { .at = VMB_SIM_AT_GUEST_MESSAGE,
                                       .act = VMB_SIM_RESCIND };

        set_up(&s, cfg);
        rig_open(s.rig, &s.link, s.dev);
        fault.k = vmb_sim_count(s.rig->sim, fault.at) + k;
        fault.dev = s.dev;
        assert_int_equal(vmb_sim_fault_add(s.rig->sim, &fault), VMB_OK);
        close_soon(&s);
        rig_settle(s.rig);
        assert_int_equal(vmb_sim_faults_hit(s.rig->sim), 1);
        assert_int_equal(s.rig->events[VMB_CONN_RESCIND], 1);
        comes_back(&s);
        tear_down(&s);
    }
}

static void while_it_closes(void **state)
{
    (void)state;
    while_closing(NULL);
    while_closing(&(struct rig_cfg){ .interrupts = true });
    while_closing(&mute);
    while_closing(&mute_interrupts);
}

/*
 * A host that does answer, but takes longer than the moment: what comes then
 * is a stray, and hits nothing that was made since.
 */
static void a_teardown_answered_too_late_is_a_stray(void **state)
{
    struct vmb_sim_fault slow = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                  .act = VMB_SIM_DELAY,
                                  .arg = 2000 };
    struct vmb_fault fault;
    struct scene s;

    (void)state;
    set_up(&s, NULL);
    rig_open(s.rig, &s.link, s.dev);
    vmb_sim_rescind(s.dev);
    rig_settle(s.rig);
    slow.k = vmb_sim_count(s.rig->sim, slow.at);
    assert_int_equal(vmb_sim_fault_add(s.rig->sim, &slow), VMB_OK);
    assert_int_equal(vmb_chan_close_start(&s.link.chan), VMB_OK);
    assert_int_equal(vmb_conn_poll(&s.rig->conn), VMB_AGAIN);
    vmb_sim_clock_advance(s.rig->sim, SECOND);
    (void)vmb_conn_poll(&s.rig->conn);
    assert_int_equal(vmb_chan_close_status(&s.link.chan), VMB_OK);
    assert_int_equal(vmb_conn_fault_count(&s.rig->conn), 0);
    comes_back(&s); /* the message comes meanwhile */
    assert_int_equal(vmb_conn_fault_count(&s.rig->conn), 1);
    vmb_conn_fault(&s.rig->conn, &fault);
    assert_int_equal(fault.site, VMB_SITE_MSG_STRAY);
    assert_int_equal(fault.limit, 12);
    tear_down(&s);
}

/* Closed from the callback that tells of the rescind. */
static void close_at_rescind(struct rig *rig, enum vmb_conn_event event,
                             struct vmb_offer *offer)
{
    struct link *link = rig->own;

    (void)offer;
    if (event == VMB_CONN_RESCIND)
        assert_int_equal(vmb_chan_close_start(&link->chan), VMB_OK);
}

static void closing_from_the_callback(void **state)
{
    struct scene s;

    (void)state;
    set_up(&s, NULL);
    rig_open(s.rig, &s.link, s.dev);
    s.rig->own = &s.link;
    s.rig->on_event = close_at_rescind;
    vmb_sim_rescind(s.dev);
    rig_settle(s.rig);
    s.rig->on_event = NULL;
    assert_int_equal(vmb_chan_close_status(&s.link.chan), VMB_OK);
    comes_back(&s);
    tear_down(&s);
}

/* Offered again before it was released: held back, and then the same. */
static void offered_again_at_once(void **state)
{
    struct scene s;
    uint32_t relid;

    (void)state;
    set_up(&s, NULL);
    relid = vmb_sim_relid(rig_host(s.dev));
    rig_open(s.rig, &s.link, s.dev);
    vmb_sim_rescind(s.dev);
    vmb_sim_reoffer(s.dev);
    rig_settle(s.rig);
    assert_int_equal(s.rig->events[VMB_CONN_OFFER], 2);
    says_gone(&s.link);
    rig_close(s.rig, &s.link);
    rig_settle(s.rig);
    assert_int_equal(s.rig->events[VMB_CONN_OFFER], 3);
    assert_non_null(rig_offer(s.rig, s.dev, 0));
    assert_int_equal(rig_offer(s.rig, s.dev, 0)->relid, relid);
    rig_open(s.rig, &s.link, s.dev);
    rig_echo(s.rig, &s.link, 3);
    rig_close(s.rig, &s.link);
    tear_down(&s);
}

/* A channel that failed to open holds nothing but its offer. */
static void while_it_waits_to_be_closed(void **state)
{
    struct vmb_sim_fault refuse = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                    .act = VMB_SIM_REFUSE };
    struct scene s;

    (void)state;
    set_up(&s, NULL);
    refuse.k = vmb_sim_count(s.rig->sim, refuse.at); /* of the GPADL */
    assert_int_equal(vmb_sim_fault_add(s.rig->sim, &refuse), VMB_OK);
    assert_int_equal(rig_try_open(s.rig, &s.link, rig_offer(s.rig, s.dev, 0)),
                     VMB_E_REFUSED);
    vmb_sim_rescind(s.dev);
    rig_settle(s.rig);
    assert_int_equal(vmb_sim_unreleased(s.rig->sim), 1);
    rig_close(s.rig, &s.link);
    comes_back(&s);
    tear_down(&s);
}

/* A host that takes no message now gets the number back a little later. */
static void a_release_put_off_is_not_forgotten(void **state)
{
    struct vmb_sim_fault busy = {
        .at = VMB_SIM_AT_HYPERCALL, .act = VMB_SIM_FAIL, .times = 3, .arg = 0x13
    };
    struct scene s;

    (void)state;
    set_up(&s, NULL);
    busy.k = vmb_sim_count(s.rig->sim, busy.at);
    assert_int_equal(vmb_sim_fault_add(s.rig->sim, &busy), VMB_OK);
    vmb_sim_rescind(s.dev);
    rig_settle(s.rig);
    assert_int_equal(vmb_sim_faults_hit(s.rig->sim), 3);
    comes_back(&s);
    tear_down(&s);
}

/* Closed and opened again without a breath, at every stage. */
static void open_and_close_in_a_hurry(void **state)
{
    struct scene s;
    uint32_t i;

    (void)state;
    set_up(&s, NULL);
    for (i = 0; i < 20; i++) {
        assert_int_equal(
            rig_open_start(s.rig, &s.link, rig_offer(s.rig, s.dev, 0)), VMB_OK);
        if (i % 4 >= 1) /* before, amid and after the answers */
            rig_turn(s.rig);
        if (i % 4 >= 2)
            rig_turn(s.rig);
        rig_close(s.rig, &s.link);
        assert_int_equal(vmb_chan_open_status(&s.link.chan), VMB_E_STATE);
    }
    tear_down(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_it_is_opened),
        cmocka_unit_test(while_it_opens),
        cmocka_unit_test(while_the_device_makes_up_its_mind),
        cmocka_unit_test(while_open),
        cmocka_unit_test(while_a_gpadl_is_made),
        cmocka_unit_test(while_it_closes),
        cmocka_unit_test(a_teardown_answered_too_late_is_a_stray),
        cmocka_unit_test(closing_from_the_callback),
        cmocka_unit_test(offered_again_at_once),
        cmocka_unit_test(while_it_waits_to_be_closed),
        cmocka_unit_test(a_release_put_off_is_not_forgotten),
        cmocka_unit_test(open_and_close_in_a_hurry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
