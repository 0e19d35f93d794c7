/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_HARNESS_H
#define VMB_TESTS_SIM_HARNESS_H
/*
 * What the tests on the simulated host share: a machine with a guest on it.
 *
 *     struct rig *rig = rig_make(&cfg);          machine, memory
 *     struct vmb_sim_dev *dev = rig_device(rig); an echo device
 *     rig_start(rig);                            hv, CPUs, connection
 *     rig_open(rig, &link, 0);                   a channel to it
 *     ...
 *     rig_down(rig);                             all of it back, and checked
 *
 * A guest runs polled or by interrupts (cfg.interrupts).  By interrupts it
 * polls the connection only when the handler or the last poll asked for it,
 * and receives only on channels that were flagged: what the library forgets to
 * signal is never found.
 *
 * VMB_TRACE in the environment prints every control message; VMB_SEED replaces
 * the seed that a test has printed.
 *
 * Every call of the library goes through contract_check(): a status that the
 * comment above the function does not name fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <vmb/sim.h>
#include <vmb/vmb.h>

enum vmb_status contract_check(unsigned function, enum vmb_status status);
/* How many statuses no header names have come back so far. */
unsigned contract_breaches(void);
#ifndef CONTRACT_TABLE
#include "contract.h"
#endif

/* See replay.h: the same tests with a fault in each. */
#include "replay.h"
#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, up, down) \
    replay_group(#tests, tests, sizeof(tests) / sizeof((tests)[0]), up, down)

#define RIG_CPUS   8u
#define RIG_OFFERS 64u
#define RIG_ALLOCS 512u
#define RIG_POSTS  32u /* control message numbers */
#define RIG_TURNS  400000u
#define RIG_TXNS   32u
#define RIG_VECTOR 0x40u
#define SECOND     10000000u /* in the units of vmb_hv_now() */

/* --- The machine ---------------------------------------------------------- */

struct rig_cfg {
    struct vmb_sim_cfg sim;   /* size, ctx and callbacks are filled in */
    struct vmb_conn_cfg conn; /* cpu, pages, table and callbacks, too */
    bool interrupts;
    bool ticks;        /* interrupts get lost: look at a timer as well */
    bool bus_only;     /* a turn polls: who scans and receives are others */
    uint64_t patience; /* how long a packet is waited for; 0: a second */
    uint16_t offer_cap;
    uint64_t owner; /* 0: guest OS id; see vmb_hv_cfg */
    bool take_over;
};

/* The last control message of a number, as the guest posted it. */
struct rig_post {
    uint32_t count, connection, bytes;
    uint8_t payload[240];
};

struct rig {
    struct rig_cfg cfg;
    struct vmb_sim *sim;
    struct vmb_platform plat; /* the simulator's, spied on */
    struct vmb_cpu_ops ops;
    const struct vmb_platform *real;
    struct vmb_hv hv;
    struct vmb_cpu cpu[RIG_CPUS];
    uint32_t cpus;
    bool hv_on;
    struct vmb_conn conn;
    struct vmb_offer *offers;
    uint8_t *hv_pages, *cpu_pages[RIG_CPUS], *conn_pages;
    uint64_t message_gpa; /* where the connection builds what it posts */
    uint8_t instance;     /* of the next device */

    /* What happened. */
    uint32_t flagged; /* VMB_WORK_*, from the interrupt handler */
    uint32_t interrupts[RIG_CPUS];
    uint32_t polls, turns, events[4];
    uint32_t unknown_messages;
    uint32_t lost_relid;
    enum vmb_status last_poll;
    struct rig_post posted[RIG_POSTS];
    uint32_t signalled; /* HvSignalEvent calls tried */
    uint32_t last_signal;
    uint64_t eoms, last_scontrol;
    uint64_t last_rest; /* what relax() was asked for, from then on */
    uint32_t stuck; /* a register that loses what is written to it; 0: none */

    /* Called at the end of the events callback, if set. */
    void (*on_event)(struct rig *rig, enum vmb_conn_event event,
                     struct vmb_offer *offer);
    /* A channel that is not a struct link's was flagged: then true. */
    bool (*on_ready)(struct rig *rig, struct vmb_chan *chan);
    /* Called at the end of each turn, if set. */
    void (*on_turn)(struct rig *rig);
    void *own;

    struct {
        uint8_t *va;
        size_t pages;
    } alloc[RIG_ALLOCS];
    uint32_t allocs;
};

/* cfg NULL: all defaults.  Nothing runs yet. */
struct rig *rig_make(const struct rig_cfg *cfg);

/* Memory of the guest.  Freed, and checked to be free, at rig_down(). */
void *rig_alloc(struct rig *rig, size_t pages);

/* An echo device, the next in a row: see <vmb/sim.h>, "test device". */
struct vmb_sim_dev *rig_device(struct rig *rig);

/* Claim the interface, bring up the CPUs.  By hand: rig_hv_start(). */
void rig_hv_start(struct rig *rig);
void rig_hv_stop(struct rig *rig);
enum vmb_status rig_hv_try(struct rig *rig);

/* Connect; rig_connect() fails the test if that fails. */
enum vmb_status rig_try_connect(struct rig *rig);
void rig_connect(struct rig *rig);

void rig_start(struct rig *rig); /* both */

/* Unload and wait; fails the test if that fails. */
void rig_unload(struct rig *rig);

/*
 * Unload, stop, and check that nothing is left: no violation, no GPADL, no
 * channel, no page that the host still maps, no register set.
 */
void rig_down(struct rig *rig);
/* The checks alone. */
void rig_check_violations(struct rig *rig);
void rig_check_clean(struct rig *rig);
/* Without checks, for tests that leave a mess on purpose. */
void rig_free(struct rig *rig);

/* Does the host still map one of these pages? */
bool rig_mapped(struct rig *rig, const void *va, size_t pages);

/* --- Running it ----------------------------------------------------------- */

/* One turn of the guest's main loop, and of the host. */
void rig_turn(struct rig *rig);
/* Turns until both sides have nothing left to do. */
void rig_settle(struct rig *rig);
/* From the next step of this kind on, `times` times. */
void rig_fault(struct rig *rig, enum vmb_sim_point at, enum vmb_sim_act act,
               uint64_t times, uint64_t arg);
/* What a call to a channel says whose device has gone meanwhile. */
void rig_is_gone(enum vmb_status status);
/* Fail the test: what was waited for does not come. */
void rig_hang(struct rig *rig, const char *what);

/*
 * Turns while `expression` reads VMB_AGAIN.  A connection that has failed
 * answers nothing any more: then *result is its status.
 */
#define RIG_WAIT(rig, result, expression)                 \
    do {                                                  \
        uint32_t turns_ = 0;                              \
                                                          \
        (rig)->last_poll = VMB_AGAIN;                     \
        while ((*(result) = (expression)) == VMB_AGAIN) { \
            if ((rig)->last_poll < VMB_OK) {              \
                *(result) = (rig)->last_poll;             \
                break;                                    \
            }                                             \
            if (turns_++ > RIG_TURNS)                     \
                rig_hang(rig, #expression);               \
            rig_turn(rig);                                \
        }                                                 \
    } while (0)

#define RIG_UNTIL(rig, expression)          \
    do {                                    \
        uint32_t turns_ = 0;                \
                                            \
        while (!(expression)) {             \
            (rig)->last_poll = VMB_AGAIN;   \
            if (turns_++ > RIG_TURNS)       \
                rig_hang(rig, #expression); \
            rig_turn(rig);                  \
        }                                   \
    } while (0)

/* --- Channels ------------------------------------------------------------- */

struct link {
    struct vmb_chan chan; /* first: found again from next_ready() */
    struct vmb_txn txns[RIG_TXNS];
    struct vmb_chan_cfg cfg;
    uint8_t *ring;
    size_t ring_pages;
    bool armed; /* by rig_recv() and the requests */
    bool flagged;
    uint32_t flags; /* how often */
};

/* The offer of a device's channel: 0 is the primary. */
struct vmb_offer *rig_offer(struct rig *rig, struct vmb_sim_dev *dev,
                            uint16_t subchannel);
struct vmb_sim_chan *rig_host(struct vmb_sim_dev *dev); /* its primary */

/* Rings of 1 data page each way, unless link->cfg says otherwise. */
enum vmb_status rig_open_start(struct rig *rig, struct link *link,
                               struct vmb_offer *offer);
enum vmb_status rig_try_open(struct rig *rig, struct link *link,
                             struct vmb_offer *offer);
void rig_open(struct rig *rig, struct link *link, struct vmb_sim_dev *dev);
enum vmb_status rig_try_close(struct rig *rig, struct link *link);
void rig_close(struct rig *rig, struct link *link);

/* --- Traffic -------------------------------------------------------------- */

/* Send, waiting for room. */
enum vmb_status rig_send(struct rig *rig, struct link *link,
                         const struct vmb_out *out);
/* Receive, waiting for a packet; by interrupts: for the channel's flag. */
enum vmb_status rig_recv(struct rig *rig, struct link *link, struct vmb_rx *rx);

/* One request to the test device. */
struct ask {
    struct vmb_sim_test_request request;
    const struct vmb_mdl *mdl; /* NULL: in-band */
    uint64_t mdl_offset, mdl_length;
    const void *payload; /* more data behind the request */
    uint32_t payload_bytes;
};

/* Send it; with_reply says whether an answer is asked for. */
enum vmb_status rig_ask_start(struct rig *rig, struct link *link,
                              const struct ask *ask, bool with_reply);
/* Send it and get its answer, checking the completion that carries it. */
enum vmb_status rig_try_ask(struct rig *rig, struct link *link,
                            const struct ask *ask,
                            struct vmb_sim_test_reply *reply);
void rig_ask(struct rig *rig, struct link *link, const struct ask *ask,
             struct vmb_sim_test_reply *reply);

/* `count` echoes of growing size, compared; VMB_OK: all came back whole. */
enum vmb_status rig_try_echo(struct rig *rig, struct link *link,
                             uint32_t count);
void rig_echo(struct rig *rig, struct link *link, uint32_t count);

/* --- User GPADLs ---------------------------------------------------------- */

enum vmb_status rig_gpadl(struct rig *rig, struct vmb_gpadl *gpadl,
                          struct link *link, const void *va, size_t pages);
enum vmb_status rig_gpadl_destroy(struct rig *rig, struct vmb_gpadl *gpadl);

/* --- Chance --------------------------------------------------------------- */

/* Printed once; VMB_SEED in the environment takes its place. */
uint64_t rig_seed(uint64_t usual);
uint64_t rig_random(uint64_t *state);
uint32_t rig_below(uint64_t *state, uint32_t bound); /* 0 .. bound - 1 */

#endif
