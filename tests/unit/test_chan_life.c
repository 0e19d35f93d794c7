/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A channel's life, path by path: each answer that its bus can give to each
 * question, and what may cross it.  Statuses, calls of the bus, faults.
 */
#include "fake_bus.h"

static struct fake_bus bus;
static struct vmb_chan chan;
static struct vmb_chan_cfg cfg;
static uint8_t *ring;

static int set_up(void **state)
{
    (void)state;
    ring = new_pages(4);
    fake_bus_init(&bus);
    memset(&chan, 0, sizeof chan);
    memset(&cfg, 0, sizeof cfg);
    cfg.ring = ring;
    cfg.tx_pages = 1;
    cfg.rx_pages = 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(ring);
    return 0;
}

static enum vmb_status open_start(void)
{
    return vmb_chan_open_start(&chan, &bus.bus, &bus.offer, &cfg);
}

static void assert_statuses(enum vmb_status open, enum vmb_status close)
{
    assert_int_equal(vmb_chan_open_status(&chan), open);
    assert_int_equal(vmb_chan_close_status(&chan), close);
}

static void assert_fault(enum vmb_status status, uint32_t host_code)
{
    struct vmb_fault fault;

    vmb_chan_fault(&chan, &fault);
    assert_int_equal(fault.status, status);
    assert_int_equal(fault.host_code, host_code);
}

/* What every call on the rings says. */
static void assert_gate(enum vmb_status status)
{
    struct vmb_out out = { .kind = VMB_INBAND };
    struct vmb_rx rx = { .len = 8 };
    uint32_t offset, len;
    uint8_t byte;

    assert_int_equal(vmb_chan_send(&chan, &out), status);
    assert_int_equal(vmb_chan_stage(&chan, &out), status);
    assert_int_equal(vmb_chan_flush(&chan), status);
    assert_int_equal(vmb_chan_recv(&chan, &rx),
                     status == VMB_OK ? VMB_AGAIN : status);
    assert_int_equal(vmb_chan_release(&chan), status);
    assert_int_equal(vmb_rx_range(&chan, &rx, 0, &offset, &len),
                     status == VMB_OK ? VMB_E_ARG : status);
    assert_int_equal(vmb_rx_copy(&chan, &rx, 0, &byte, 1), status == VMB_OK);
    assert_int_equal(vmb_chan_arm(&chan), status != VMB_OK);
    bus.log[bus.calls = 0] = 0;
}

/* ---- opening and closing ------------------------------------------------- */

static void opened_closed_and_opened_again(void **state)
{
    uint32_t round;

    (void)state;
    for (round = 0; round < 3; round++) {
        assert_int_equal(open_start(), VMB_OK);
        assert_calls(&bus, "G");
        assert_statuses(VMB_AGAIN, VMB_E_STATE);
        assert_gate(VMB_E_STATE);
        fake_answer_gpadl(&bus, VMB_OK);
        assert_calls(&bus, "O");
        assert_statuses(VMB_AGAIN, VMB_E_STATE);
        assert_gate(VMB_E_STATE);
        fake_answer_open(&bus, VMB_OK);
        assert_statuses(VMB_OK, VMB_E_STATE);
        assert_gate(VMB_OK);
        assert_int_equal(open_start(), VMB_E_STATE);
        assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
        assert_calls(&bus, "CD");
        assert_statuses(VMB_E_STATE, VMB_AGAIN);
        assert_gate(VMB_E_STATE);
        assert_int_equal(vmb_chan_close_start(&chan), VMB_E_STATE);
        assert_int_equal(open_start(), VMB_E_STATE);
        fake_answer_down(&bus, VMB_OK);
        assert_statuses(VMB_E_STATE, VMB_OK);
        assert_gate(VMB_E_STATE);
        assert_fault(VMB_OK, 0);
    }
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_calls(&bus, "");
}

static void a_channel_never_opened_refuses_everything(void **state)
{
    (void)state;
    assert_gate(VMB_E_STATE);
    assert_int_equal(vmb_chan_open_status(&chan), VMB_E_STATE);
    assert_fault(VMB_OK, 0);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_OK);
    cfg.ring = ring + 1;
    assert_int_equal(open_start(), VMB_E_ARG);
    assert_gate(VMB_E_STATE);
}

static void the_rings_are_described_to_the_bus(void **state)
{
    (void)state;
    cfg.user = "hello";
    cfg.user_len = 5;
    assert_int_equal(open_start(), VMB_OK);
    assert_ptr_equal(bus.creating->va_, ring);
    assert_int_equal(bus.creating->page_count_, 4);
    assert_int_equal(bus.creating->byte_count_, 4 * PAGE);
    assert_int_equal(bus.creating->byte_offset_, 0);
    assert_int_equal(bus.creating->relid_, 21);
    assert_int_equal(chan.downstream_page_, 2);
    assert_memory_equal(chan.user_, "hello", 6);
    assert_int_equal(vmb_chan_relid(&chan), 21);
}

static void bad_configurations_are_refused(void **state)
{
    static struct vmb_txn txn;
    struct vmb_chan_cfg good = cfg;

    (void)state;
#define REFUSED(status, member, value)          \
    do {                                        \
        cfg = good;                             \
        cfg.member = (value);                   \
        assert_int_equal(open_start(), status); \
    } while (0)
    REFUSED(VMB_E_ARG, ring, NULL);
    REFUSED(VMB_E_ARG, ring, ring + 8);
    REFUSED(VMB_E_ARG, tx_pages, 0);
    REFUSED(VMB_E_ARG, rx_pages, 0);
    REFUSED(VMB_E_TOOBIG, tx_pages, VMB_GPADL_PAGES);
    REFUSED(VMB_E_TOOBIG, tx_pages, VMB_GPADL_PAGES - 2);
    REFUSED(VMB_E_TOOBIG, tx_pages, UINT32_MAX);
    REFUSED(VMB_E_TOOBIG, tx_pages, UINT32_MAX - 2);
    REFUSED(VMB_E_TOOBIG, rx_pages, UINT32_MAX - 2);
    REFUSED(VMB_E_ARG, txn_cap, 1);
    REFUSED(VMB_E_ARG, user_len, 1);
    good.user = ring;
    REFUSED(VMB_E_ARG, user_len, VMB_CHAN_USER_BYTES + 1);
#undef REFUSED
    cfg = good;
    cfg.txns = &txn;
    cfg.txn_cap = 1;
    cfg.user_len = VMB_CHAN_USER_BYTES;
    assert_calls(&bus, "");
    assert_int_equal(open_start(), VMB_OK);
}

static void an_offer_carries_one_channel(void **state)
{
    static struct vmb_chan other;

    (void)state;
    fake_open(&bus, &chan, &cfg);
    assert_int_equal(vmb_chan_open_start(&other, &bus.bus, &bus.offer, &cfg),
                     VMB_E_STATE);
    fake_close(&bus, &chan);
    fake_open(&bus, &other, &cfg);
    fake_close(&bus, &other);
}

static void an_offer_that_is_gone_is_not_opened(void **state)
{
    (void)state;
    bus.offer.state_ = VMB_OFFER_RESCINDED;
    assert_int_equal(open_start(), VMB_E_RESCINDED);
    assert_calls(&bus, "");
    assert_gate(VMB_E_STATE);
}

/* ---- the answers that are no -----------------------------------------------
 */

static void a_gpadl_that_is_not_taken_leaves_nothing(void **state)
{
    (void)state;
    bus.gpadl_says = VMB_E_STATE;
    assert_int_equal(open_start(), VMB_E_STATE);
    assert_int_equal(vmb_chan_open_status(&chan), VMB_E_STATE);
    assert_null(bus.offer.chan_);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_OK);
    bus.gpadl_says = VMB_OK;
    bus.log[bus.calls = 0] = 0;
    fake_open(&bus, &chan, &cfg);
}

static void a_gpadl_refused_leaves_nothing_to_take_back(void **state)
{
    (void)state;
    assert_int_equal(open_start(), VMB_OK);
    fake_answer_gpadl(&bus, VMB_E_REFUSED);
    assert_statuses(VMB_E_REFUSED, VMB_E_STATE);
    assert_fault(VMB_E_REFUSED, 0xc0de);
    assert_gate(VMB_E_STATE);
    assert_int_equal(open_start(), VMB_E_STATE);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_statuses(VMB_E_REFUSED, VMB_OK);
    assert_null(bus.offer.chan_);
    assert_int_equal(bus.held, 0);
}

static void an_open_refused_leaves_the_gpadl(void **state)
{
    (void)state;
    assert_int_equal(open_start(), VMB_OK);
    fake_answer_gpadl(&bus, VMB_OK);
    fake_answer_open(&bus, VMB_E_REFUSED);
    assert_calls(&bus, "GO");
    assert_statuses(VMB_E_REFUSED, VMB_E_STATE);
    assert_fault(VMB_E_REFUSED, 0xc0de);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_calls(&bus, "D"); /* what was refused need not be closed */
    assert_statuses(VMB_E_REFUSED, VMB_AGAIN);
    fake_answer_down(&bus, VMB_OK);
    assert_statuses(VMB_E_REFUSED, VMB_OK);
}

static void an_open_unanswered_may_have_happened(void **state)
{
    (void)state;
    assert_int_equal(open_start(), VMB_OK);
    fake_answer_gpadl(&bus, VMB_OK);
    fake_answer_open(&bus, VMB_E_TIMEOUT);
    assert_statuses(VMB_E_TIMEOUT, VMB_E_STATE);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_calls(&bus, "GOCD");
}

static void a_gpadl_unanswered_may_have_happened(void **state)
{
    static const enum vmb_status answers[] = { VMB_E_TIMEOUT, VMB_E_HYPERCALL,
                                               VMB_E_RESCINDED };
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(answers); i++) {
        assert_int_equal(open_start(), VMB_OK);
        fake_answer_gpadl(&bus, answers[i]);
        assert_statuses(answers[i], VMB_E_STATE);
        assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
        assert_calls(&bus, "GD");
        assert_statuses(answers[i], VMB_AGAIN);
        fake_answer_down(&bus, VMB_OK);
        assert_statuses(answers[i], VMB_OK);
    }
}

static void an_open_that_is_not_taken_fails(void **state)
{
    (void)state;
    bus.open_says = VMB_E_STATE;
    assert_int_equal(open_start(), VMB_OK);
    fake_answer_gpadl(&bus, VMB_OK);
    assert_statuses(VMB_E_STATE, VMB_E_STATE);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_calls(&bus, "GOD");
}

static void a_teardown_unanswered_sticks_until_one_is(void **state)
{
    (void)state;
    fake_open(&bus, &chan, &cfg);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_calls(&bus, "CD");
    fake_answer_down(&bus, VMB_E_TIMEOUT);
    assert_statuses(VMB_E_STATE, VMB_E_TIMEOUT);
    assert_fault(VMB_E_TIMEOUT, 0);
    assert_gate(VMB_E_STATE);
    assert_int_equal(open_start(), VMB_E_STATE);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_calls(&bus, "D"); /* it is closed at the host */
    assert_statuses(VMB_E_STATE, VMB_AGAIN);
    fake_answer_down(&bus, VMB_E_HYPERCALL);
    assert_statuses(VMB_E_STATE, VMB_E_HYPERCALL);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    fake_answer_down(&bus, VMB_OK);
    assert_statuses(VMB_E_STATE, VMB_OK);
}

static void a_teardown_that_is_not_taken_sticks(void **state)
{
    struct vmb_fault fault;

    (void)state;
    fake_open(&bus, &chan, &cfg);
    bus.down_says = VMB_E_STATE;
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_E_STATE);
    vmb_chan_fault(&chan, &fault);
    assert_int_equal(fault.site, VMB_SITE_UNLOADED);
    assert_int_equal(open_start(), VMB_E_STATE);
    bus.down_says = VMB_OK;
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    fake_answer_down(&bus, VMB_OK);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_OK);
}

/* ---- a close that comes early ----------------------------------------------
 */

static void closing_while_the_gpadl_is_created(void **state)
{
    static const struct {
        enum vmb_status answer, open;
        const char *calls;
    } cases[] = {
        { VMB_OK, VMB_E_STATE, "GD" },
        { VMB_E_REFUSED, VMB_E_REFUSED, "G" },
        { VMB_E_TIMEOUT, VMB_E_TIMEOUT, "GD" },
        { VMB_E_HYPERCALL, VMB_E_HYPERCALL, "GD" },
    };
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(open_start(), VMB_OK);
        assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
        assert_statuses(VMB_AGAIN, VMB_AGAIN);
        fake_answer_gpadl(&bus, cases[i].answer);
        assert_calls(&bus, cases[i].calls);
        if (bus.destroying)
            fake_answer_down(&bus, VMB_OK);
        assert_statuses(cases[i].open, VMB_OK);
        assert_int_equal(bus.held, 0);
        assert_gate(VMB_E_STATE);
    }
}

static void closing_while_it_opens(void **state)
{
    static const struct {
        enum vmb_status answer, open;
        const char *calls;
    } cases[] = {
        { VMB_OK, VMB_E_STATE, "GOCD" },
        { VMB_E_REFUSED, VMB_E_REFUSED, "GOD" },
        { VMB_E_TIMEOUT, VMB_E_TIMEOUT, "GOCD" },
        { VMB_E_HYPERCALL, VMB_E_HYPERCALL, "GOD" },
    };
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(open_start(), VMB_OK);
        fake_answer_gpadl(&bus, VMB_OK);
        assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
        assert_statuses(VMB_AGAIN, VMB_AGAIN);
        fake_answer_open(&bus, cases[i].answer);
        assert_calls(&bus, cases[i].calls);
        assert_gate(VMB_E_STATE);
        fake_answer_down(&bus, VMB_OK);
        assert_statuses(cases[i].open, VMB_OK);
        assert_int_equal(bus.held, 0);
    }
}

/* ---- rescinded, lost
 * --------------------------------------------------------- */

static void rescinded_while_open(void **state)
{
    (void)state;
    fake_open(&bus, &chan, &cfg);
    fake_rescind(&bus, &chan);
    assert_gate(VMB_E_RESCINDED);
    assert_fault(VMB_E_RESCINDED, 0);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_calls(&bus, "D"); /* nobody is there to be told of a close */
    fake_answer_down(&bus, VMB_OK);
    assert_statuses(VMB_E_STATE, VMB_OK);
    assert_int_equal(open_start(), VMB_E_RESCINDED);
}

static void rescinded_while_it_opens(void **state)
{
    (void)state;
    assert_int_equal(open_start(), VMB_OK);
    fake_answer_gpadl(&bus, VMB_OK);
    fake_rescind(&bus, &chan);
    assert_statuses(VMB_E_RESCINDED, VMB_E_STATE);
    assert_fault(VMB_E_RESCINDED, 0);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_calls(&bus, "GOD");
}

static void rescinded_while_the_gpadl_is_created(void **state)
{
    struct vmb_fault fault;

    (void)state;
    assert_int_equal(open_start(), VMB_OK);
    fake_rescind(&bus, &chan);
    assert_statuses(VMB_AGAIN, VMB_E_STATE);
    fake_answer_gpadl(&bus, VMB_OK);
    assert_statuses(VMB_E_RESCINDED, VMB_E_STATE);
    assert_fault(VMB_E_RESCINDED, 0);
    vmb_chan_fault(&chan, &fault);
    assert_int_equal(fault.site, VMB_SITE_RESCIND);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_calls(&bus, "GD");
}

static void rescinded_while_a_close_is_wanted(void **state)
{
    (void)state;
    assert_int_equal(open_start(), VMB_OK);
    fake_answer_gpadl(&bus, VMB_OK);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    fake_rescind(&bus, &chan);
    assert_calls(&bus, "GOD");
    assert_statuses(VMB_E_RESCINDED, VMB_AGAIN);
    fake_answer_down(&bus, VMB_OK);
    assert_statuses(VMB_E_RESCINDED, VMB_OK);
}

static void rescinded_while_closing_or_stuck(void **state)
{
    (void)state;
    fake_open(&bus, &chan, &cfg);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    fake_rescind(&bus, &chan);
    assert_statuses(VMB_E_STATE, VMB_AGAIN);
    fake_answer_down(&bus, VMB_E_TIMEOUT);
    assert_int_equal(vmb_chan_close_status(&chan), VMB_E_TIMEOUT);
    assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    assert_calls(&bus, "CDD");
    fake_answer_down(&bus, VMB_OK);
    assert_statuses(VMB_E_STATE, VMB_OK);
}

/* Brings the channel to step n of its life; false: there are no more. */
static bool live_until(uint32_t n)
{
    assert_int_equal(open_start(), VMB_OK);
    if (n > 0)
        fake_answer_gpadl(&bus, n == 1 ? VMB_E_TIMEOUT : VMB_OK);
    if (n > 2)
        fake_answer_open(&bus, n == 3 ? VMB_E_REFUSED : VMB_OK);
    if (n > 4)
        assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    if (n > 5)
        fake_answer_down(&bus, VMB_E_TIMEOUT);
    return n < 7;
}

static void lost_at_any_time_is_closed(void **state)
{
    static const enum vmb_status open[] = { VMB_E_STATE, VMB_E_TIMEOUT,
                                            VMB_E_STATE, VMB_E_REFUSED,
                                            VMB_E_STATE, VMB_E_STATE,
                                            VMB_E_STATE };
    uint32_t n;

    (void)state;
    for (n = 0; n < COUNT(open); n++) {
        assert_true(live_until(n));
        fake_lose(&bus, &chan);
        assert_statuses(open[n], VMB_OK);
        assert_gate(VMB_E_STATE);
        assert_null(bus.offer.chan_);
        assert_int_equal(vmb_chan_close_start(&chan), VMB_OK);
    }
    bus.log[bus.calls = 0] = 0;
    fake_open(&bus, &chan, &cfg);
}

/* What another CPU may see of vmb_chan_record() at work. */
static void a_record_is_read_when_it_is_whole(void **state)
{
    (void)state;
    fake_open(&bus, &chan, &cfg);
    chan.fault_claim_ = 1; /* claimed, and half of it written */
    chan.fault_.status = VMB_E_HOST;
    assert_fault(VMB_OK, 0);
    chan.fault_claim_ = 2;
    assert_fault(VMB_E_HOST, 0);
}

#define on_bus(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        on_bus(opened_closed_and_opened_again),
        on_bus(a_channel_never_opened_refuses_everything),
        on_bus(the_rings_are_described_to_the_bus),
        on_bus(bad_configurations_are_refused),
        on_bus(an_offer_carries_one_channel),
        on_bus(an_offer_that_is_gone_is_not_opened),
        on_bus(a_gpadl_that_is_not_taken_leaves_nothing),
        on_bus(a_gpadl_refused_leaves_nothing_to_take_back),
        on_bus(an_open_refused_leaves_the_gpadl),
        on_bus(an_open_unanswered_may_have_happened),
        on_bus(a_gpadl_unanswered_may_have_happened),
        on_bus(an_open_that_is_not_taken_fails),
        on_bus(a_teardown_unanswered_sticks_until_one_is),
        on_bus(a_teardown_that_is_not_taken_sticks),
        on_bus(closing_while_the_gpadl_is_created),
        on_bus(closing_while_it_opens),
        on_bus(rescinded_while_open),
        on_bus(rescinded_while_it_opens),
        on_bus(rescinded_while_the_gpadl_is_created),
        on_bus(rescinded_while_a_close_is_wanted),
        on_bus(rescinded_while_closing_or_stuck),
        on_bus(lost_at_any_time_is_closed),
        on_bus(a_record_is_read_when_it_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
