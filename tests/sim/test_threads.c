/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The lanes for real: the host on a thread of its own, and on each channel a
 * thread that sends and one that receives, while the test's own thread polls
 * the bus.  Built with ThreadSanitizer a race is a failure; the checks of the
 * lanes are on.
 */
#include "workers.h"

#define BLIND   5000u
#define WORKERS 3u

static void one_channel(bool sleeps, bool external, uint32_t quirks)
{
    struct rig *rig = machine(1, sleeps, quirks);
    static struct worker w;

    hire(&w, rig, 0, sleeps, external);
    assert_int_equal(vmb_sim_thread_start(rig->sim), VMB_OK);
    rig_start(rig);
    rig_open(rig, &w.link, w.dev);
    set_to_work(&w);
    mind_the_bus(rig, &w, 1);
    all_was_answered(&w);
    rig_close(rig, &w.link);
    rig_unload(rig);
    vmb_sim_thread_stop(rig->sim);
    rig_down(rig);
}

static void sender_and_receiver_look(void **state)
{
    (void)state;
    one_channel(false, false, 0);
    one_channel(false, true, 0);
    one_channel(false, false, VMB_SIM_QEMU);
}

/* Who sleeps is woken, or the test waits for PATIENCE and fails. */
static void sender_and_receiver_sleep(void **state)
{
    (void)state;
    one_channel(true, false, 0);
    one_channel(true, true, 0);
    one_channel(true, false, VMB_SIM_QEMU);
}

static void several_channels_on_several_cpus(void **state)
{
    struct rig *rig = machine(WORKERS, true, 0);
    static struct worker w[WORKERS];
    uint32_t i;

    (void)state;
    for (i = 0; i < WORKERS; i++)
        hire(&w[i], rig, i, true, i % 2);
    assert_int_equal(vmb_sim_thread_start(rig->sim), VMB_OK);
    rig_start(rig);
    for (i = 0; i < WORKERS; i++)
        rig_open(rig, &w[i].link, w[i].dev);
    for (i = 0; i < WORKERS; i++)
        set_to_work(&w[i]);
    mind_the_bus(rig, w, WORKERS);
    for (i = 0; i < WORKERS; i++)
        all_was_answered(&w[i]);
    for (i = 0; i < WORKERS; i++)
        rig_close(rig, &w[i].link);
    rig_unload(rig);
    vmb_sim_thread_stop(rig->sim);
    rig_down(rig);
}

/*
 * Nothing passes from receiver to sender but the transaction slots: not a
 * semaphore, not a buffer, and the ring never wraps.
 */
static void *blind_sender(void *arg)
{
    struct worker *w = arg;
    static const struct vmb_sim_test_request sink = { .op = VMB_SIM_SINK };
    struct vmb_iov iov = { &sink, sizeof sink };
    struct vmb_out out = {
        .kind = VMB_INBAND, .iov = &iov, .iov_count = 1, .want_reply = true
    };
    enum vmb_status status = VMB_OK;
    uint32_t n = 0;

    while (n < BLIND && (status == VMB_OK || status == VMB_E_NOSLOT)) {
        status = vmb_chan_send(&w->link.chan, &out);
        n += status == VMB_OK;
        if (status != VMB_OK)
            sched_yield();
    }
    w->tx_end = status;
    __atomic_add_fetch(&w->stop, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void *blind_receiver(void *arg)
{
    struct worker *w = arg;
    enum vmb_status status = VMB_OK;
    struct vmb_rx rx;
    uint32_t n = 0;

    while (n < BLIND && status >= VMB_OK) {
        status = vmb_chan_recv(&w->link.chan, &rx);
        n += status == VMB_OK;
        if (status == VMB_AGAIN)
            sched_yield();
    }
    w->rx_end = status;
    __atomic_add_fetch(&w->stop, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void slots_are_all_they_share(void **state)
{
    struct rig *rig = machine(1, false, 0);
    static struct worker w;

    (void)state;
    hire(&w, rig, 0, false, false);
    w.link.cfg.tx_pages = w.link.cfg.rx_pages = BLIND * 48 / 4096 + 2;
    assert_int_equal(vmb_sim_thread_start(rig->sim), VMB_OK);
    rig_start(rig);
    rig_open(rig, &w.link, w.dev);
    assert_int_equal(pthread_create(&w.rx, NULL, blind_receiver, &w), 0);
    assert_int_equal(pthread_create(&w.tx, NULL, blind_sender, &w), 0);
    while (__atomic_load_n(&w.stop, __ATOMIC_ACQUIRE) < 2) {
        rig->last_poll = VMB_AGAIN; /* a rescind would end them */
        rig_turn(rig);
    }
    let_go(&w);
    assert_int_equal(w.tx_end, VMB_OK);
    assert_int_equal(w.rx_end, VMB_OK);
    rig_close(rig, &w.link);
    rig_unload(rig);
    vmb_sim_thread_stop(rig->sim);
    rig_down(rig);
}

/* No answers: nothing but the host's word that there is room wakes it. */
static void *lonely_sender(void *arg)
{
    struct worker *w = arg;
    static const uint8_t zeros[300];
    struct vmb_iov iov = { zeros, sizeof zeros };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    enum vmb_status status = VMB_OK;
    uint32_t n = 0;

    while (n < REQUESTS && status >= VMB_OK) {
        iov.len = n % sizeof zeros;
        status = vmb_chan_send(&w->link.chan, &out);
        n += status == VMB_OK;
        if (status == VMB_AGAIN && !wait_for(w, &w->may_receive))
            status = VMB_E_TIMEOUT;
        (void)vmb_cpu_next_ready(w->cpu);
    }
    w->tx_end = status;
    return NULL;
}

static void room_alone_wakes_a_sender(void **state)
{
    struct rig *rig = machine(1, true, 0);
    static struct worker w;

    (void)state;
    hire(&w, rig, 0, true, false);
    assert_int_equal(vmb_sim_thread_start(rig->sim), VMB_OK);
    rig_start(rig);
    rig_open(rig, &w.link, w.dev);
    assert_int_equal(pthread_create(&w.tx, NULL, lonely_sender, &w), 0);
    pthread_join(w.tx, NULL);
    assert_int_equal(w.tx_end, VMB_OK);
    dismiss(&w);
    rig_close(rig, &w.link);
    rig_unload(rig);
    vmb_sim_thread_stop(rig->sim);
    rig_down(rig);
}

/* Meanwhile offers come and go, and another channel opens and closes. */
static void the_bus_is_busy_meanwhile(void **state)
{
    struct rig *rig = machine(1, true, 0);
    struct link other = { .flagged = false };
    static struct worker w;
    struct vmb_sim_dev *dev, *guest;
    uint64_t deadline;

    (void)state;
    hire(&w, rig, 0, true, false);
    dev = rig_device(rig);
    guest = rig_device(rig);
    assert_int_equal(vmb_sim_thread_start(rig->sim), VMB_OK);
    rig_start(rig);
    rig_open(rig, &w.link, w.dev);
    set_to_work(&w);
    deadline = vmb_sim_clock(rig->sim) + 100ull * SECOND;
    while (__atomic_load_n(&w.received, __ATOMIC_ACQUIRE) < REQUESTS &&
           vmb_sim_clock(rig->sim) < deadline) {
        rig_open(rig, &other, dev);
        vmb_sim_rescind(guest);
        vmb_sim_reoffer(guest);
        rig_close(rig, &other);
    }
    all_was_answered(&w);
    rig_close(rig, &w.link);
    rig_unload(rig);
    vmb_sim_thread_stop(rig->sim);
    rig_down(rig);
}

static void names_the_cause(enum vmb_status status, bool lie)
{
    if (lie)
        assert_int_equal(status, VMB_E_HOST);
    else
        rig_is_gone(status);
}

/* The device goes, or lies, while both threads are at it. */
static void interrupted(bool lie)
{
    struct rig *rig = machine(1, false, 0);
    static struct worker w;
    struct vmb_fault fault;

    hire(&w, rig, 0, false, false);
    w.mortal = true;
    w.requests = 1000 * REQUESTS;
    assert_int_equal(vmb_sim_thread_start(rig->sim), VMB_OK);
    rig_start(rig);
    rig_open(rig, &w.link, w.dev);
    set_to_work(&w);
    while (__atomic_load_n(&w.received, __ATOMIC_ACQUIRE) < REQUESTS / 10)
        rig_turn(rig);
    if (!lie)
        vmb_sim_rescind(w.dev);
    do {
        if (lie) /* until the guest looks before the host writes it again */
            (void)vmb_sim_ring_set(rig_host(w.dev), VMB_SIM_TO_GUEST,
                                   VMB_SIM_IN, 4);
        rig_turn(rig);
        vmb_chan_fault(&w.link.chan, &fault);
    } while (fault.status == VMB_OK &&
             __atomic_load_n(&w.received, __ATOMIC_ACQUIRE) < w.requests);
    __atomic_store_n(&w.stop, 1u, __ATOMIC_RELAXED);
    let_go(&w);
    names_the_cause(fault.status, lie);
    if (w.tx_end < VMB_OK)
        names_the_cause(w.tx_end, lie);
    if (w.rx_end < VMB_OK)
        names_the_cause(w.rx_end, lie);
    rig_close(rig, &w.link);
    rig_unload(rig);
    vmb_sim_thread_stop(rig->sim);
    rig_down(rig);
}

static void a_channel_dies_in_use(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 10; i++) {
        interrupted(false);
        interrupted(true);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sender_and_receiver_look),
        cmocka_unit_test(sender_and_receiver_sleep),
        cmocka_unit_test(several_channels_on_several_cpus),
        cmocka_unit_test(slots_are_all_they_share),
        cmocka_unit_test(room_alone_wakes_a_sender),
        cmocka_unit_test(the_bus_is_busy_meanwhile),
        cmocka_unit_test(a_channel_dies_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
