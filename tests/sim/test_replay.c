/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What replay.h promises to find is found, and what it forgives is forgiven. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A test that is well as long as nothing strikes. */
static void connects_or(void (*sorry)(struct rig *rig))
{
    struct rig *rig = rig_make(NULL);

    rig_device(rig);
    rig_hv_start(rig);
    if (rig_try_connect(rig) != VMB_OK)
        sorry(rig);
    rig_down(rig);
}

static void crash(struct rig *rig)
{
    (void)rig;
    abort();
}

static void give_up(struct rig *rig)
{
    (void)rig;
    fail_msg("%s", "no connection");
}

static void wait_for_ever(struct rig *rig)
{
    for (;;)
        rig_turn(rig);
}

static void say_what_nobody_names(struct rig *rig)
{
    (void)rig;
    (void)contract_check(0, (enum vmb_status) - 9999);
}

/* Asks for the address of what is not the guest's memory. */
static void break_a_rule(struct rig *rig)
{
    (void)rig->real->gpa(rig->real->ctx, &rig);
}

#define TEST_OF(act)                   \
    static void or_##act(void **state) \
    {                                  \
        (void)state;                   \
        connects_or(act);              \
    }
TEST_OF(crash)
TEST_OF(give_up)
TEST_OF(wait_for_ever)
TEST_OF(say_what_nobody_names)
TEST_OF(break_a_rule)

/* What a program with this one test says of itself when it is replayed. */
static int replay(struct CMUnitTest test, bool with)
{
    int status = -1;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        FILE *said = tmpfile();

        if (!said || dup2(fileno(said), 1) < 0)
            _exit(99);
        if (with)
            setenv("VMB_REPLAY", "1", 1);
        _exit(replay_group("one", &test, 1, NULL, NULL));
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void what_it_finds(void **state)
{
    (void)state;
    assert_int_equal(replay((struct CMUnitTest)cmocka_unit_test(or_crash), 1),
                     1);
    assert_int_equal(
        replay((struct CMUnitTest)cmocka_unit_test(or_say_what_nobody_names),
               1),
        1);
    assert_int_equal(
        replay((struct CMUnitTest)cmocka_unit_test(or_break_a_rule), 1), 1);
}

static void what_it_forgives(void **state)
{
    (void)state;
    assert_int_equal(replay((struct CMUnitTest)cmocka_unit_test(or_give_up), 1),
                     0);
    assert_int_equal(
        replay((struct CMUnitTest)cmocka_unit_test(or_wait_for_ever), 1), 0);
}

static void without_it_tests_are_as_ever(void **state)
{
    (void)state;
    assert_int_equal(replay((struct CMUnitTest)cmocka_unit_test(or_crash), 0),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_finds),
        cmocka_unit_test(what_it_forgives),
        cmocka_unit_test(without_it_tests_are_as_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
