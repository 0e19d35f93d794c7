/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Every order of events in a channel's life, DEPTH deep, on a bus that may
 * answer anything, with what must hold after each: above all that nothing is
 * given back to the caller while the host may still use it, and that nothing
 * reads "not yet" that will never be answered.
 */
#include "fake_bus.h"
#include "vmbus/chan_internal.h"

#define DEPTH 8u

static struct world {
    struct fake_bus bus;
    struct vmb_chan chan;
    bool killed;
} now;

static struct vmb_chan_cfg cfg;
static uint64_t steps;

/* Ends the search at the first thing that does not hold. */
#define HOLDS(what)       \
    do {                  \
        if (!(what))      \
            return #what; \
    } while (0)

/* ---- what must hold ------------------------------------------------------ */

static const char *check_waits(void)
{
    const struct vmb_chan *chan = &now.chan;
    bool pending = now.bus.creating || now.bus.opening || now.bus.destroying;

    if (vmb_chan_open_status(chan) == VMB_AGAIN)
        HOLDS(now.bus.creating || now.bus.opening);
    if (vmb_chan_close_status(chan) == VMB_AGAIN)
        HOLDS(pending);
    HOLDS((chan->state_ == VMB_CHAN_GPADL) == (now.bus.creating != NULL));
    HOLDS((chan->state_ == VMB_CHAN_OPENING) == (now.bus.opening != NULL));
    HOLDS((chan->state_ == VMB_CHAN_CLOSING) == (now.bus.destroying != NULL));
    return NULL;
}

static const char *check_ownership(void)
{
    const struct vmb_chan *chan = &now.chan;

    if (vmb_chan_close_status(chan) == VMB_OK)
        HOLDS(now.bus.held == 0);
    if (chan->state_ == VMB_CHAN_CLOSED)
        HOLDS(now.bus.held == 0);
    HOLDS(now.bus.held <= 1);
    HOLDS((now.bus.offer.chan_ == chan) == (chan->state_ != VMB_CHAN_CLOSED));
    return NULL;
}

static const char *check_gate(void)
{
    bool open = now.chan.state_ == VMB_CHAN_OPEN;
    enum vmb_status says = vmb_chan_flush(&now.chan);

    HOLDS((says == VMB_OK) == (open && !now.killed && !now.chan.rescinded_));
    if (vmb_chan_open_status(&now.chan) == VMB_OK)
        HOLDS(open);
    if (open && now.chan.rescinded_ && !now.killed)
        HOLDS(says == VMB_E_RESCINDED);
    return NULL;
}

static const char *check(void)
{
    const char *why = check_waits();

    if (!why)
        why = check_ownership();
    return why ? why : check_gate();
}

/* ---- what can happen -------------------------------------------------------
 */

static const enum vmb_status answers[] = { VMB_OK, VMB_E_REFUSED, VMB_E_TIMEOUT,
                                           VMB_E_HYPERCALL };

enum event {
    EVENT_OPEN,
    EVENT_CLOSE,
    EVENT_RESCIND,
    EVENT_LOST,
    EVENT_BROKEN,
    EVENT_DEAF,   /* the bus takes nothing more, or takes things again */
    EVENT_ANSWER, /* and on: with each of answers[] */
    EVENTS = EVENT_ANSWER + 4
};

static bool can(enum event event)
{
    switch (event) {
    case EVENT_RESCIND:
        return now.bus.offer.state_ == VMB_OFFER_PRESENT && now.bus.offer.chan_;
    case EVENT_LOST:
        return now.bus.offer.chan_ != NULL;
    case EVENT_BROKEN:
        return now.chan.state_ == VMB_CHAN_OPEN && !now.killed;
    case EVENT_OPEN:
    case EVENT_CLOSE:
    case EVENT_DEAF:
        return true;
    default:
        return now.bus.creating || now.bus.opening || now.bus.destroying;
    }
}

static const char *open_start(void)
{
    bool closed = now.chan.state_ == VMB_CHAN_CLOSED;
    enum vmb_status status =
        vmb_chan_open_start(&now.chan, &now.bus.bus, &now.bus.offer, &cfg);

    HOLDS(status != VMB_OK || (closed && now.bus.held == 1));
    if (status == VMB_OK)
        now.killed = false;
    return NULL;
}

static void answer(enum vmb_status status)
{
    if (now.bus.creating)
        fake_answer_gpadl(&now.bus, status);
    else if (now.bus.opening)
        fake_answer_open(&now.bus, status);
    else if (now.bus.destroying)
        fake_answer_down(&now.bus, status);
}

static void be_deaf(bool deaf)
{
    now.bus.gpadl_says = deaf ? VMB_E_STATE : VMB_OK;
    now.bus.down_says = now.bus.gpadl_says;
    now.bus.open_says = now.bus.gpadl_says;
}

static const char *happen(enum event event)
{
    const struct vmb_fault broken = { VMB_E_HYPERCALL, VMB_SITE_HV_HYPERCALL, 0,
                                      0, 0 };
    enum vmb_status status;

    switch (event) {
    case EVENT_OPEN:
        return open_start();
    case EVENT_CLOSE:
        status = vmb_chan_close_start(&now.chan);
        HOLDS(status == VMB_OK || now.chan.state_ == VMB_CHAN_CLOSING);
        return NULL;
    case EVENT_RESCIND:
        fake_rescind(&now.bus, &now.chan);
        return NULL;
    case EVENT_LOST:
        fake_lose(&now.bus, &now.chan);
        now.bus.offer.state_ = VMB_OFFER_PRESENT; /* connected again */
        return NULL;
    case EVENT_BROKEN:
        vmb_bus_broken(&now.chan, &broken);
        now.killed = true;
        return NULL;
    case EVENT_DEAF:
        be_deaf(now.bus.gpadl_says == VMB_OK);
        return NULL;
    default:
        answer(answers[event - EVENT_ANSWER]);
        return NULL;
    }
}

/* From anywhere: a host that behaves from now on gets the caller a closed
 * channel, by closing at most twice. */
static const char *recovers(void)
{
    uint32_t i;

    be_deaf(false);
    for (i = 0; i < 2 && now.chan.state_ != VMB_CHAN_CLOSED; i++) {
        if (vmb_chan_close_start(&now.chan) != VMB_OK)
            HOLDS(now.chan.state_ == VMB_CHAN_CLOSING);
        answer(VMB_OK);
        answer(VMB_OK);
        answer(VMB_OK);
    }
    HOLDS(now.chan.state_ == VMB_CHAN_CLOSED);
    HOLDS(vmb_chan_close_status(&now.chan) == VMB_OK ||
          vmb_chan_open_status(&now.chan) == VMB_E_STATE);
    return check();
}

/* One more event on the path: what did not hold, or NULL. */
static const char *step(enum event event)
{
    const char *why = happen(event);

    steps++;
    return why ? why : check();
}

/* All paths, depth first; the path at fault is left in path[]. */
static const char *walk(char *path)
{
    static struct world before[DEPTH];
    uint32_t next[DEPTH + 1] = { 0 }, depth = 0, event;
    const char *why = NULL;

    while (!why) {
        if (depth == DEPTH)
            why = recovers();
        if (depth == DEPTH || next[depth] == EVENTS) {
            if (why || depth == 0)
                return why;
            now = before[--depth];
            continue;
        }
        event = next[depth]++;
        if (!can((enum event)event))
            continue;
        before[depth] = now;
        path[depth++] = (char)('a' + event);
        path[depth] = 0;
        next[depth] = 0;
        why = step((enum event)event);
    }
    return why;
}

static void every_path_keeps_the_promises(void **state)
{
    char path[DEPTH + 1] = { 0 };
    uint8_t *ring = new_pages(4);
    const char *why;

    (void)state;
    fake_bus_init(&now.bus);
    cfg.ring = ring;
    cfg.tx_pages = 1;
    cfg.rx_pages = 1;
    why = walk(path);
    free(ring);
    print_message("%lu steps\n", (unsigned long)steps);
    if (why)
        fail_msg("after %s: not so: %s", path, why);
}

/* ---- records ------------------------------------------------------------- */

static enum vmb_status gate_then;

static void note_gate(void *ctx, const struct vmb_trace *event)
{
    (void)ctx;
    if (event->event == VMB_EVENT_FAULT)
        gate_then = vmb_chan_gate(&now.chan);
}

/* Who is told that the channel is dead finds out why. */
static void the_record_is_written_before_the_gate_is_shut(void **state)
{
    const struct vmb_fault fault = { .status = VMB_E_HOST };

    (void)state;
    cfg.ring = new_pages(4);
    cfg.tx_pages = cfg.rx_pages = 1;
    memset(&now, 0, sizeof now);
    fake_bus_init(&now.bus);
    fake_open(&now.bus, &now.chan, &cfg);
    now.bus.plat.trace = note_gate;
    gate_then = VMB_AGAIN;
    vmb_bus_broken(&now.chan, &fault);
    assert_int_equal(gate_then, VMB_OK);
    assert_int_equal(vmb_chan_gate(&now.chan), VMB_E_HOST);
    free(cfg.ring);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_keeps_the_promises),
        cmocka_unit_test(the_record_is_written_before_the_gate_is_shut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
