/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "replay.h"

#define CONTRACT_TABLE /* calls nothing of the library */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MACHINES 16u  /* of one test, at once */
#define PATIENCE 60u  /* seconds: only a guard, for what never takes a turn */
#define PATIENT  600u /* the same, of a test that is long */
#define EVER     VMB_SIM_FOR_EVER
#define LONG     20000u /* steps or turns of a test: too long to run so often */
#define LARGE    (1u << 20) /* bytes: so, too */
#define TURNS    200000u    /* then a test waits for what will not come */
#define DAMAGES  64u        /* sorts of damage: chosen by the step */
#define MORE     3u         /* steps at which a test that is long is struck */

/* How a process with a fault ended, beside what cmocka makes of it. */
#define ENDED_CONTRACT  77
#define ENDED_VIOLATION 78

struct kind {
    const char *name;
    enum vmb_sim_point at;
    enum vmb_sim_act act;
    uint64_t times, arg;
};

#define HOST   VMB_SIM_AT_HOST_MESSAGE
#define GUEST  VMB_SIM_AT_GUEST_MESSAGE
#define TO     VMB_SIM_AT_HOST_PACKET
#define FROM   VMB_SIM_AT_GUEST_PACKET
#define CALL   VMB_SIM_AT_HYPERCALL
#define SINT   VMB_SIM_AT_INTERRUPT
#define LATE   8000u /* steps: longer than any request waits */
#define DAMAGE UINT64_MAX

static const struct kind kinds[] = {
    { "host-message-lost", HOST, VMB_SIM_LOSE, 1, 0 },
    { "host-mute", HOST, VMB_SIM_LOSE, EVER, 0 },
    { "host-message-delayed", HOST, VMB_SIM_DELAY, 1, 40 },
    { "host-message-late", HOST, VMB_SIM_DELAY, 1, LATE },
    { "host-message-duplicated", HOST, VMB_SIM_DUPLICATE, 1, 0 },
    { "host-message-reordered", HOST, VMB_SIM_REORDER, 1, 0 },
    { "host-message-refuses", HOST, VMB_SIM_REFUSE, 1, 0 },
    { "host-message-malformed", HOST, VMB_SIM_MALFORM, 1, DAMAGE },
    { "host-message-rescind", HOST, VMB_SIM_RESCIND, 1, 0 },
    { "host-message-spurious", HOST, VMB_SIM_SPURIOUS, 1, 0 },
    { "guest-message-lost", GUEST, VMB_SIM_LOSE, 1, 0 },
    { "guest-message-delayed", GUEST, VMB_SIM_DELAY, 1, 40 },
    { "guest-message-reordered", GUEST, VMB_SIM_REORDER, 1, 0 },
    { "guest-message-refused", GUEST, VMB_SIM_REFUSE, 1, 0 },
    { "guest-message-rescind", GUEST, VMB_SIM_RESCIND, 1, 0 },
    { "host-packet-lost", TO, VMB_SIM_LOSE, 1, 0 },
    { "host-packet-delayed", TO, VMB_SIM_DELAY, 1, 20 },
    { "host-packet-late", TO, VMB_SIM_DELAY, 1, LATE },
    { "host-packet-duplicated", TO, VMB_SIM_DUPLICATE, 1, 0 },
    { "host-packet-reordered", TO, VMB_SIM_REORDER, 1, 0 },
    { "host-packet-malformed", TO, VMB_SIM_MALFORM, 1, DAMAGE },
    { "host-packet-rescind", TO, VMB_SIM_RESCIND, 1, 0 },
    { "host-packet-spurious", TO, VMB_SIM_SPURIOUS, 1, 0 },
    { "guest-packet-lost", FROM, VMB_SIM_LOSE, 1, 0 },
    { "guest-packet-delayed", FROM, VMB_SIM_DELAY, 1, 20 },
    { "guest-packet-rescind", FROM, VMB_SIM_RESCIND, 1, 0 },
    { "ring-full", FROM, VMB_SIM_STALL, 1, 30 },
    { "ring-full-for-long", FROM, VMB_SIM_STALL, 1, LATE },
    { "hypercall-put-off", CALL, VMB_SIM_FAIL, 5, 0x33 },
    { "hypercall-fails", CALL, VMB_SIM_FAIL, 1, 5 },
    { "hypercalls-fail", CALL, VMB_SIM_FAIL, EVER, 5 },
    { "hypercall-rescind", CALL, VMB_SIM_RESCIND, 1, 0 },
    { "interrupt-lost", SINT, VMB_SIM_LOSE, 1, 0 },
    { "interrupts-lost", SINT, VMB_SIM_LOSE, EVER, 0 },
    { "interrupt-spurious", SINT, VMB_SIM_DUPLICATE, 1, 0 },
    { "port-fails", VMB_SIM_AT_PORT, VMB_SIM_FAIL, 1, 0 },
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* What parent and child share. */
static struct board {
    uint64_t steps[VMB_SIM_POINTS]; /* the most of any machine */
    uint64_t turns, moved;          /* bytes that packets named */
    uint32_t violations;
    char violation[200];
} * board;

/* In a child: the fault, and the machines it may strike. */
static const struct kind *armed;
static uint64_t armed_at, turns_left = TURNS;
static unsigned patience = PATIENCE;
static bool replaying, struck_device;
static struct vmb_sim *machines[MACHINES];

/* --- What the harness says ------------------------------------------------ */

static bool needs_device(const struct kind *kind)
{
    return kind->act == VMB_SIM_RESCIND || kind->act == VMB_SIM_SPURIOUS;
}

static void arm(struct vmb_sim *sim, struct vmb_sim_dev *dev)
{
    struct vmb_sim_fault fault = { armed->at,    armed->act, armed_at,
                                   armed->times, armed->arg, dev };

    if (armed->arg == DAMAGE)
        fault.arg = armed_at % DAMAGES;
    if (vmb_sim_fault_add(sim, &fault) != VMB_OK)
        abort();
}

void replay_machine(struct vmb_sim *sim)
{
    for (size_t i = 0; replaying && i < MACHINES; i++)
        if (!machines[i]) {
            machines[i] = sim;
            break;
        }
    if (armed && !needs_device(armed))
        arm(sim, NULL);
    struck_device = false;
}

void replay_device(struct vmb_sim *sim, struct vmb_sim_dev *dev)
{
    if (armed && needs_device(armed) && !struck_device)
        arm(sim, dev);
    struck_device = true;
}

void replay_end(struct vmb_sim *sim)
{
    struct vmb_sim_counts counts;
    uint32_t wrong;

    for (size_t i = 0; i < MACHINES; i++)
        if (machines[i] == sim)
            machines[i] = NULL;
    if (!replaying)
        return;
    for (unsigned i = 0; i < VMB_SIM_POINTS; i++) {
        uint64_t steps = vmb_sim_count(sim, (enum vmb_sim_point)i);

        if (steps > board->steps[i])
            board->steps[i] = steps;
    }
    vmb_sim_stats(sim, &counts);
    board->moved += counts.external_bytes;
    wrong = vmb_sim_violations(sim);
    if (wrong && !board->violations)
        snprintf(board->violation, sizeof board->violation, "%s",
                 vmb_sim_violation(sim, 0));
    board->violations += wrong;
}

void replay_turn(void)
{
    if (replaying && ++board->turns > turns_left && armed)
        exit(0);
}

/* --- One run -------------------------------------------------------------- */

/* A failed assertion ends the child with exit(): this is where it says more. */
static void look_back(void)
{
    for (size_t i = 0; i < MACHINES; i++)
        if (machines[i])
            replay_end(machines[i]);
    if (contract_breaches())
        _exit(ENDED_CONTRACT);
    if (armed && board->violations)
        _exit(ENDED_VIOLATION);
}

/* Outside of cmocka's own loop an assertion that fails calls exit(), and a
 * crash is a crash. */
static void __attribute__((noreturn))
child(const struct CMUnitTest *test, FILE *said)
{
    void *state = test->initial_state;

    if (said && (dup2(fileno(said), 1) < 0 || dup2(fileno(said), 2) < 0))
        abort();
    alarm(patience);
    replaying = true;
    atexit(look_back);
    if (!test->setup_func || test->setup_func(&state) == 0)
        test->test_func(&state);
    if (test->teardown_func)
        (void)test->teardown_func(&state);
    exit(0);
}

static int run(const struct CMUnitTest *test, FILE *said)
{
    int status = -1;
    pid_t pid;

    board->violations = 0;
    board->turns = 0;
    fflush(NULL);
    if (said && (ftruncate(fileno(said), 0) != 0 ||
                 lseek(fileno(said), 0, SEEK_SET) != 0))
        abort();
    pid = fork();
    if (pid == 0)
        child(test, said);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        abort();
    return status;
}

/* --- All runs of one test ------------------------------------------------- */

static const char *verdict(int status)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGALRM ? "never ended" : "crashed";
    if (WEXITSTATUS(status) == ENDED_CONTRACT)
        return "got a status that no header names";
    return WEXITSTATUS(status) == ENDED_VIOLATION ? board->violation : NULL;
}

static void show(FILE *said)
{
    char line[300];

    rewind(said);
    while (fgets(line, sizeof line, said))
        printf("# %s%s", line, strchr(line, '\n') ? "" : "\n");
}

static bool good_run(const struct CMUnitTest *test, FILE *said)
{
    const char *wrong = verdict(run(test, said));

    if (!wrong)
        return true;
    show(said);
    printf("# it %s: VMB_REPLAY_CASE='%s %s %llu'\n", wrong, test->name,
           armed->name, (unsigned long long)armed_at);
    return false;
}

/* Spread over all there are, and not the same of each test. */
static uint64_t step_of(const char *name, uint64_t i, uint64_t wanted,
                        uint64_t steps)
{
    uint64_t shift = 0;

    if (wanted >= steps)
        return i;
    while (*name)
        shift = shift * 31 + (unsigned char)*name++;
    return (i * steps + (shift + armed->at * 7 + armed->act) % steps) / wanted;
}

static uint64_t replay_kind(const struct CMUnitTest *test, uint64_t wanted,
                            FILE *said, bool *good)
{
    uint64_t steps = board->steps[armed->at];
    uint64_t count = wanted < steps ? wanted : steps, i;

    for (i = 0; i < count && *good; i++) {
        armed_at = step_of(test->name, i, wanted, steps);
        *good = good_run(test, said);
    }
    return i;
}

static bool is_long(void)
{
    for (size_t i = 0; i < VMB_SIM_POINTS; i++)
        if (board->steps[i] > LONG)
            return true;
    return board->turns > LONG || board->moved > LARGE;
}

/* How it goes without a fault: true if faults are to follow. */
static bool rehearse(const struct CMUnitTest *test, uint64_t *wanted,
                     FILE *said, bool *good)
{
    int status;

    memset(board, 0, sizeof *board);
    armed = NULL;
    turns_left = TURNS;
    patience = PATIENCE;
    status = run(test, said);
    *good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!*good)
        show(said);
    if (!*good || board->violations)
        return false;
    if (!is_long())
        return true;
    turns_left += 4 * board->turns;
    patience = PATIENT;
    if (*wanted > MORE) /* asked for by somebody who has the time */
        *wanted = MORE;
    return getenv("VMB_REPLAY_STEPS") != NULL;
}

/* How often it was run; 0 when it must not even be run as it is. */
static uint64_t replay_test(const struct CMUnitTest *test, uint64_t wanted,
                            FILE *said, bool *good)
{
    uint64_t steps[VMB_SIM_POINTS], cases = 0;

    if (!rehearse(test, &wanted, said, good))
        return 0;
    memcpy(steps, board->steps, sizeof steps);
    for (size_t i = 0; i < KINDS && *good; i++) {
        armed = &kinds[i];
        memcpy(board->steps, steps, sizeof steps);
        cases += replay_kind(test, wanted, said, good);
    }
    return cases;
}

/* --- The program ---------------------------------------------------------- */

static int repeat(const char *line, const struct CMUnitTest *tests,
                  size_t count)
{
    char name[120], kind[40];
    unsigned long long at;
    const char *wrong;

    if (sscanf(line, "%119s %39s %llu", name, kind, &at) != 3)
        return 2;
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, kind) == 0)
            armed = &kinds[i];
    armed_at = at;
    for (size_t i = 0; armed && i < count; i++)
        if (strcmp(tests[i].name, name) == 0) {
            wrong = verdict(run(&tests[i], NULL));
            printf("%s\n", wrong ? wrong : "no harm done");
            return wrong ? 1 : 0;
        }
    fprintf(stderr, "no such test, or no such kind of fault: %s\n", line);
    return 2;
}

static uint64_t steps_wanted(const char *text)
{
    if (!text)
        return 1;
    return strcmp(text, "all") == 0 ? UINT64_MAX : strtoull(text, NULL, 0);
}

int replay_group(const char *name, const struct CMUnitTest *tests, size_t count,
                 CMFixtureFunction up, CMFixtureFunction down)
{
    const char *one = getenv("VMB_REPLAY_CASE");
    uint64_t n;
    FILE *said;
    size_t i, failed = 0;

    if (!getenv("VMB_REPLAY") && !one)
        return _cmocka_run_group_tests(name, tests, count, up, down);
    said = tmpfile();
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!said || board == MAP_FAILED || up || down)
        abort();
    if (one)
        return repeat(one, tests, count);
    n = steps_wanted(getenv("VMB_REPLAY_STEPS"));
    printf("1..%zu\n", count);
    for (i = 0; i < count; i++) {
        bool good;
        uint64_t cases = replay_test(&tests[i], n, said, &good);

        failed += !good;
        printf("%s %zu - %s\n# %llu cases\n", good ? "ok" : "not ok", i + 1,
               tests[i].name, (unsigned long long)cases);
    }
    return failed != 0;
}
