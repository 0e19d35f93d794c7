/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The host moves between two accesses of the guest to their rings, after each
 * access in turn: it reads what has just been published, frees room that is
 * just being asked for, answers into a ring that is just called empty.  Both
 * rings are too small for what is on its way, and whoever waits sleeps until
 * somebody tells it: no wake-up may be lost.
 */
#include "accesses.h"

#define ECHOES 40u
#define BYTES  300u /* and what describes them: 12 fill a ring */
#define LIVES  500u
#define TURNS  50u /* more than anybody waits for a signal that comes */

static const struct rig_cfg hosts[] = {
    { .interrupts = true },
    { .interrupts = true, .sim = { .budget = 1 } },
    { .interrupts = true, .sim.quirks = VMB_SIM_LAZY },
    { .interrupts = true, .sim = { .quirks = VMB_SIM_LAZY, .budget = 1 } },
    { .interrupts = true, .sim.quirks = VMB_SIM_QEMU },
};
#define HOSTS (sizeof hosts / sizeof hosts[0])

static const struct rig_cfg *host;
static uint32_t steps; /* that the host makes in between */

static struct rig *rig;
static struct link link;
static struct vmb_txn txns[ECHOES];
static uint32_t sent, answered;

/* If set it moves again and again, a little each time. */
static uint64_t chance;
static uint32_t moves;

static void host_moves(void *ctx)
{
    (void)ctx;
    moves++;
    (void)vmb_sim_run(rig->sim, chance ? rig_below(&chance, 4) : steps);
    if (chance)
        access_plan(&link.chan, rig_below(&chance, 6), host_moves, NULL);
}

/* As many as go; the rest when there is room. */
static void send_all(void)
{
    static uint8_t payload[BYTES - sizeof(struct vmb_sim_test_request)];
    struct vmb_sim_test_request request = { .op = VMB_SIM_ECHO };
    struct vmb_iov iov[2] = { { &request, sizeof request },
                              { payload, sizeof payload } };
    struct vmb_out out = {
        .kind = VMB_INBAND, .iov = iov, .iov_count = 2, .want_reply = true
    };
    enum vmb_status status = VMB_OK;

    while (sent < ECHOES && status == VMB_OK) {
        request.seed = sent;
        out.user = &txns[sent];
        /* In batches of three, and one by one. */
        status = sent % 5 < 3 ? vmb_chan_stage(&link.chan, &out)
                              : vmb_chan_send(&link.chan, &out);
        sent += status == VMB_OK;
    }
    assert_true(status >= VMB_OK);
    assert_int_equal(vmb_chan_flush(&link.chan), VMB_OK);
}

static void take(const struct vmb_rx *rx)
{
    struct vmb_sim_test_request echo;

    assert_int_equal(rx->kind, VMB_COMPLETION);
    assert_int_equal(vmb_rx_copy(&link.chan, rx, 0, &echo, sizeof echo),
                     sizeof echo);
    assert_int_equal(echo.seed, answered);
    assert_ptr_equal(rx->user, &txns[answered]);
    answered++;
}

/* All that is there.  True: asleep from now on. */
static bool receive_all(void)
{
    enum vmb_status status;
    struct vmb_rx rx;

    while ((status = vmb_chan_recv(&link.chan, &rx)) == VMB_OK) {
        take(&rx);
        if (answered % 5 == 0)
            assert_int_equal(vmb_chan_release(&link.chan), VMB_OK);
    }
    assert_int_equal(status, VMB_AGAIN);
    assert_int_equal(vmb_chan_release(&link.chan), VMB_OK);
    return !vmb_chan_arm(&link.chan);
}

static void sleep_until_told(void)
{
    uint32_t turns;

    for (turns = 0; !link.flagged; turns++) {
        if (turns == TURNS)
            fail_msg("nobody tells of more: %u sent, %u answered", sent,
                     answered);
        rig_turn(rig);
    }
    link.flagged = false;
}

static bool all_comes_back(uint32_t k)
{
    struct vmb_sim_dev *dev;
    uint32_t rounds;
    bool came;

    memset(&link, 0, sizeof link);
    sent = answered = 0;
    rig = rig_make(host);
    dev = rig_device(rig);
    rig_start(rig);
    link.cfg.txns = txns;
    link.cfg.txn_cap = ECHOES;
    rig_open(rig, &link, dev);
    rig_settle(rig);
    access_plan(&link.chan, k, host_moves, NULL);
    for (rounds = 0; answered < ECHOES; rounds++) {
        assert_true(rounds < 10 * ECHOES);
        send_all();
        if (receive_all() && answered < ECHOES)
            sleep_until_told();
    }
    came = access_came();
    rig_close(rig, &link);
    rig_down(rig);
    return came;
}

static void nobody_sleeps_on_what_has_come(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < HOSTS; i++) {
        host = &hosts[i];
        for (steps = 1; steps <= 100; steps *= 10)
            access_each(all_comes_back, 100);
    }
}

static void nor_when_it_moves_at_many(void **state)
{
    uint32_t i;

    (void)state;
    moves = 0;
    chance = rig_seed(0x686f7374);
    for (i = 0; i < LIVES; i++) {
        host = &hosts[i % HOSTS];
        (void)all_comes_back(rig_below(&chance, 6));
    }
    chance = 0;
    assert_true(moves > 50 * LIVES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_sleeps_on_what_has_come),
        cmocka_unit_test(nor_when_it_moves_at_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
