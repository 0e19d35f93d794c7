/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "workers.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define PATIENCE 20 /* seconds, before a wake-up counts as lost */
#define BUFFER   5000u
#define ECHO_MAX 200u

/* By CPU: which worker the interrupt handler wakes. */
static struct worker *woken[RIG_CPUS];

static void now_plus(struct timespec *until, long seconds)
{
    clock_gettime(CLOCK_REALTIME, until);
    until->tv_sec += seconds;
}

bool wait_for(struct worker *w, sem_t *sem)
{
    struct timespec until;

    if (!w->sleeps) {
        sched_yield();
        return true;
    }
    now_plus(&until, PATIENCE);
    while (sem_timedwait(sem, &until) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

static void interrupt(void *ctx, uint32_t vp, uint8_t vector)
{
    struct rig *rig = ctx;
    uint32_t work;

    (void)vector;
    work = vmb_cpu_scan(&rig->cpu[vp]);
    __atomic_fetch_or(&rig->flagged, work, __ATOMIC_RELAXED);
    if (work & VMB_WORK_CHAN && woken[vp])
        sem_post(&woken[vp]->may_receive);
}

/* --- The sender ----------------------------------------------------------- */

static uint32_t length_of(uint32_t n)
{
    return 1 + n * 193 % (BUFFER - 8);
}

static uint8_t *buffer_of(struct worker *w, uint32_t slot)
{
    return w->buffers + (size_t)slot * 2 * VMB_PAGE_SIZE;
}

/* Request n in a slot that is free: what it names is written here. */
static void prepare(struct worker *w, uint32_t n, struct vmb_mdl *mdl)
{
    uint32_t slot = n % WORKER_SLOTS, len = length_of(n), i;
    struct ask *ask = &w->ask[slot];
    uint8_t *buffer = buffer_of(w, slot) + n % 8;

    for (i = 0; i < (w->external ? len : ECHO_MAX); i++)
        buffer[i] = (uint8_t)(n * 7 + i);
    memset(ask, 0, sizeof *ask);
    ask->request.op = w->external ? VMB_SIM_HASH : VMB_SIM_ECHO;
    ask->request.seed = n;
    if (!w->external) {
        ask->payload = buffer;
        ask->payload_bytes = n * 11 % ECHO_MAX;
        return;
    }
    ask->mdl = mdl;
    (void)vmb_mdl_from_virtual(mdl, &w->rig->plat, buffer, len, w->pfns[slot],
                               4);
}

static enum vmb_status send_one(struct worker *w, uint32_t n)
{
    struct ask *ask = &w->ask[n % WORKER_SLOTS];
    struct vmb_mdl mdl;
    struct vmb_iov iov[2];
    struct vmb_out out = { .iov = iov, .want_reply = true };
    enum vmb_status status;

    while (__atomic_load_n(&w->busy[n % WORKER_SLOTS], __ATOMIC_ACQUIRE)) {
        if (__atomic_load_n(&w->stop, __ATOMIC_RELAXED))
            return VMB_AGAIN;
        if (!wait_for(w, &w->may_send))
            return VMB_E_TIMEOUT;
    }
    prepare(w, n, &mdl);
    iov[0] = (struct vmb_iov){ &ask->request, sizeof ask->request };
    iov[1] = (struct vmb_iov){ ask->payload, ask->payload_bytes };
    out.kind = ask->mdl ? VMB_GPA_DIRECT : VMB_INBAND;
    out.mdl = ask->mdl;
    out.iov_count = ask->payload_bytes ? 2 : 1;
    out.user = ask;
    __atomic_store_n(&w->busy[n % WORKER_SLOTS], 1u, __ATOMIC_RELEASE);
    for (;;) {
        status = n % 3 ? vmb_chan_send(&w->link.chan, &out)
                       : vmb_chan_stage(&w->link.chan, &out);
        if (status == VMB_OK && n % 3 == 0)
            status = vmb_chan_flush(&w->link.chan);
        if (status != VMB_AGAIN && status != VMB_E_NOSLOT)
            return status;
        if (!wait_for(w, &w->may_send))
            return VMB_E_TIMEOUT;
    }
}

static void *sender(void *arg)
{
    struct worker *w = arg;
    enum vmb_status status = VMB_OK;
    uint32_t n;

    for (n = 0; n < w->requests && status == VMB_OK; n++) {
        status = send_one(w, n);
        if (status == VMB_OK)
            __atomic_store_n(&w->sent, n + 1, __ATOMIC_RELEASE);
    }
    w->tx_end = status;
    return NULL;
}

/* --- The receiver --------------------------------------------------------- */

static void complain(struct worker *w, const char *what, uint64_t got,
                     uint64_t limit)
{
    if (!w->wrong[0])
        snprintf(w->wrong, sizeof w->wrong, "%s: %#llx, not %#llx", what,
                 (unsigned long long)got, (unsigned long long)limit);
}

/* Out of the ring; false: the channel died a moment ago, as it may. */
static bool copied(struct worker *w, const struct vmb_rx *rx, void *to,
                   uint32_t len)
{
    uint32_t got = vmb_rx_copy(&w->link.chan, rx, 0, to, len);

    if (got == 0 && w->mortal)
        return false;
    if (got != len)
        complain(w, "bytes copied", got, len);
    return got == len;
}

static void check_echo(struct worker *w, const struct vmb_rx *rx,
                       const struct ask *ask)
{
    uint32_t head = sizeof ask->request, len = ask->payload_bytes;
    uint8_t back[ECHO_MAX + 32];

    if (!copied(w, rx, back, head + len))
        return;
    if (memcmp(back, &ask->request, head) != 0 ||
        (len && memcmp(back + head, ask->payload, len) != 0))
        complain(w, "echo differs", ask->request.seed, ask->request.seed);
}

static void check_hash(struct worker *w, const struct vmb_rx *rx,
                       const struct ask *ask)
{
    uint32_t n = (uint32_t)ask->request.seed, len = length_of(n);
    struct vmb_sim_test_reply reply;
    uint64_t hash = vmb_sim_hash(VMB_SIM_HASH_INIT,
                                 buffer_of(w, n % WORKER_SLOTS) + n % 8, len);

    if (!copied(w, rx, &reply, sizeof reply))
        return;
    if (reply.bytes != len)
        complain(w, "bytes hashed", reply.bytes, len);
    else if (reply.value != hash)
        complain(w, "hash", reply.value, hash);
}

static void take(struct worker *w, const struct vmb_rx *rx)
{
    struct ask *ask = rx->user;

    if (rx->kind != VMB_COMPLETION || !ask) {
        complain(w, "packet of kind", (uint64_t)rx->kind, VMB_COMPLETION);
        return;
    }
    if (w->external)
        check_hash(w, rx, ask);
    else
        check_echo(w, rx, ask);
    __atomic_store_n(&w->received, w->received + 1, __ATOMIC_RELEASE);
    /* From here on the sender may use the slot again. */
    __atomic_store_n(&w->busy[ask->request.seed % WORKER_SLOTS], 0u,
                     __ATOMIC_RELEASE);
    sem_post(&w->may_send);
}

/* Everything there is; then armed.  VMB_AGAIN: nothing is left. */
static enum vmb_status drain(struct worker *w)
{
    enum vmb_status status;
    struct vmb_rx rx;
    uint32_t held = 0;

    for (;;) {
        while ((status = vmb_chan_recv(&w->link.chan, &rx)) == VMB_OK) {
            take(w, &rx);
            if (++held % 8 == 0 &&
                (status = vmb_chan_release(&w->link.chan)) != VMB_OK)
                return status;
        }
        if (status != VMB_AGAIN)
            return status;
        status = vmb_chan_release(&w->link.chan);
        if (status != VMB_OK)
            return status;
        if (!w->sleeps || !vmb_chan_arm(&w->link.chan))
            return VMB_AGAIN;
    }
}

static bool is_done(const struct worker *w)
{
    return __atomic_load_n(&w->stop, __ATOMIC_RELAXED) ||
           w->received == w->requests;
}

static void *receiver(void *arg)
{
    struct worker *w = arg;
    enum vmb_status status = VMB_AGAIN;

    while (status == VMB_AGAIN && !is_done(w)) {
        status = drain(w);
        if (status != VMB_AGAIN || is_done(w))
            break;
        if (!wait_for(w, &w->may_receive))
            status = VMB_E_TIMEOUT;
        /* The flag may be for room in the ring: the sender waits for it. */
        while (w->sleeps && vmb_cpu_next_ready(w->cpu) != NULL)
            sem_post(&w->may_send);
    }
    w->rx_end = status;
    sem_post(&w->may_send);
    return NULL;
}

/* --- Around them ---------------------------------------------------------- */

struct rig *machine(uint32_t vps, bool sleeps, uint32_t quirks)
{
    struct rig *rig;

    memset(woken, 0, sizeof woken);
    rig = rig_make(
        &(struct rig_cfg){ .sim = { .vps = vps,
                                    .quirks = quirks,
                                    .on_interrupt = sleeps ? interrupt : NULL },
                           .interrupts = sleeps,
                           .bus_only = true });
    return rig;
}

void hire(struct worker *w, struct rig *rig, uint32_t cpu, bool sleeps,
          bool external)
{
    memset(w, 0, sizeof *w);
    w->rig = rig;
    w->dev = rig_device(rig);
    w->cpu = &rig->cpu[cpu];
    w->link.cfg.cpu = w->cpu;
    w->sleeps = sleeps;
    w->external = external;
    w->requests = REQUESTS;
    w->buffers = rig_alloc(rig, 2 * (size_t)WORKER_SLOTS);
    sem_init(&w->may_send, 0, 0);
    sem_init(&w->may_receive, 0, 0);
    if (sleeps)
        woken[cpu] = w;
}

void dismiss(struct worker *w)
{
    woken[w->cpu - w->rig->cpu] = NULL;
    sem_destroy(&w->may_send);
    sem_destroy(&w->may_receive);
}

void set_to_work(struct worker *w)
{
    assert_int_equal(pthread_create(&w->rx, NULL, receiver, w), 0);
    assert_int_equal(pthread_create(&w->tx, NULL, sender, w), 0);
}

void let_go(struct worker *w)
{
    pthread_join(w->tx, NULL);
    pthread_join(w->rx, NULL);
    dismiss(w);
    if (w->wrong[0])
        fail_msg("%s", w->wrong);
}

void all_was_answered(struct worker *w)
{
    let_go(w);
    if (w->tx_end != VMB_OK || w->received != REQUESTS)
        print_error("sent %u, received %u\n", w->sent, w->received);
    assert_int_equal(w->tx_end, VMB_OK);
    assert_int_equal(w->received, REQUESTS);
}

void mind_the_bus(struct rig *rig, struct worker *w, uint32_t count)
{
    uint64_t deadline = vmb_sim_clock(rig->sim) + 100ull * SECOND;
    uint32_t i, done;

    do {
        rig->last_poll = VMB_AGAIN;
        assert_int_not_equal(vmb_conn_poll(&rig->conn), VMB_E_LANE);
        rig->real->relax(rig->real->ctx, 0);
        for (i = done = 0; i < count; i++)
            done +=
                __atomic_load_n(&w[i].received, __ATOMIC_ACQUIRE) == REQUESTS;
    } while (done < count && vmb_sim_clock(rig->sim) < deadline);
}
