/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A fault at every control message, either way: see schedule.h. */
#include "schedule.h"

#define HOST  VMB_SIM_AT_HOST_MESSAGE
#define GUEST VMB_SIM_AT_GUEST_MESSAGE

SCHEDULE(host_loses, HOST, VMB_SIM_LOSE, 1, 0, ANYTHING)
SCHEDULE(host_loses_two, HOST, VMB_SIM_LOSE, 2, 0, ANYTHING)
SCHEDULE(host_is_mute, HOST, VMB_SIM_LOSE, VMB_SIM_FOR_EVER, 0, ANYTHING)
SCHEDULE(host_is_slow, HOST, VMB_SIM_DELAY, 1, 40, HARMLESS)
SCHEDULE(host_is_late, HOST, VMB_SIM_DELAY, 1, SCHEDULE_LATE, ANYTHING)
SCHEDULE(host_says_it_twice, HOST, VMB_SIM_DUPLICATE, 1, 0, ANYTHING)
SCHEDULE(host_mixes_up, HOST, VMB_SIM_REORDER, 1, 0, ANYTHING)
SCHEDULE(host_refuses, HOST, VMB_SIM_REFUSE, 1, 0, ANYTHING)
SCHEDULE(host_refuses_two, HOST, VMB_SIM_REFUSE, 2, 0xc0000001, ANYTHING)
SCHEDULE(host_rescinds, HOST, VMB_SIM_RESCIND, 1, 0, ANYTHING)
SCHEDULE(host_flags_for_nothing, HOST, VMB_SIM_SPURIOUS, 1, 0, HARMLESS)

static void host_damages(void **state)
{
    static const struct schedule_kind kind = { HOST, VMB_SIM_MALFORM, 1, 0,
                                               LYING };

    (void)state;
    schedule_run_args(&kind, 24);
}

SCHEDULE(guest_unheard, GUEST, VMB_SIM_LOSE, 1, 0, ANYTHING)
SCHEDULE(guest_heard_later, GUEST, VMB_SIM_DELAY, 1, 40, HARMLESS)
SCHEDULE(guest_heard_late, GUEST, VMB_SIM_DELAY, 1, SCHEDULE_LATE, ANYTHING)
/* A GPADL's header heard twice is refused once and accepted once. */
SCHEDULE(guest_heard_twice, GUEST, VMB_SIM_DUPLICATE, 1, 0, LYING)
SCHEDULE(guest_mixed_up, GUEST, VMB_SIM_REORDER, 1, 0, ANYTHING)
SCHEDULE(guest_refused, GUEST, VMB_SIM_REFUSE, 1, 0, ANYTHING)
SCHEDULE(guest_refused_two, GUEST, VMB_SIM_REFUSE, 2, 0xc0000001, ANYTHING)
SCHEDULE(guest_crossed_by_a_rescind, GUEST, VMB_SIM_RESCIND, 1, 0, ANYTHING)
SCHEDULE(guest_flagged_for_nothing, GUEST, VMB_SIM_SPURIOUS, 1, 0, HARMLESS)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SCHEDULE_ENTRY(host_loses),
        SCHEDULE_ENTRY(host_loses_two),
        SCHEDULE_ENTRY(host_is_mute),
        SCHEDULE_ENTRY(host_is_slow),
        SCHEDULE_ENTRY(host_is_late),
        SCHEDULE_ENTRY(host_says_it_twice),
        SCHEDULE_ENTRY(host_mixes_up),
        SCHEDULE_ENTRY(host_refuses),
        SCHEDULE_ENTRY(host_refuses_two),
        SCHEDULE_ENTRY(host_rescinds),
        SCHEDULE_ENTRY(host_flags_for_nothing),
        SCHEDULE_ENTRY(host_damages),
        SCHEDULE_ENTRY(guest_unheard),
        SCHEDULE_ENTRY(guest_heard_later),
        SCHEDULE_ENTRY(guest_heard_late),
        SCHEDULE_ENTRY(guest_heard_twice),
        SCHEDULE_ENTRY(guest_mixed_up),
        SCHEDULE_ENTRY(guest_refused),
        SCHEDULE_ENTRY(guest_refused_two),
        SCHEDULE_ENTRY(guest_crossed_by_a_rescind),
        SCHEDULE_ENTRY(guest_flagged_for_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
