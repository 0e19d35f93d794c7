/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A fault at every ring packet, either way: see schedule.h. */
#include "schedule.h"

#define HOST  VMB_SIM_AT_HOST_PACKET
#define GUEST VMB_SIM_AT_GUEST_PACKET

SCHEDULE(host_loses, HOST, VMB_SIM_LOSE, 1, 0, UNTRUE)
SCHEDULE(host_is_slow, HOST, VMB_SIM_DELAY, 1, 20, HARMLESS)
SCHEDULE(host_is_late, HOST, VMB_SIM_DELAY, 1, SCHEDULE_LATE, ANYTHING)
SCHEDULE(host_says_it_twice, HOST, VMB_SIM_DUPLICATE, 1, 0, UNTRUE)
SCHEDULE(host_mixes_up, HOST, VMB_SIM_REORDER, 1, 0, UNTRUE)
SCHEDULE(host_rescinds, HOST, VMB_SIM_RESCIND, 1, 0, ANYTHING)
SCHEDULE(host_pauses, HOST, VMB_SIM_STALL, 1, 30, HARMLESS)
SCHEDULE(host_stops, HOST, VMB_SIM_STALL, 1, SCHEDULE_LATE, ANYTHING)
SCHEDULE(host_flags_for_nothing, HOST, VMB_SIM_SPURIOUS, 1, 0, HARMLESS)

static void host_damages(void **state)
{
    static const struct schedule_kind kind = { HOST, VMB_SIM_MALFORM, 1, 0,
                                               UNTRUE };

    (void)state;
    schedule_run_args(&kind, 16);
}

SCHEDULE(guest_unheard, GUEST, VMB_SIM_LOSE, 1, 0, ANYTHING)
SCHEDULE(guest_heard_later, GUEST, VMB_SIM_DELAY, 1, 20, HARMLESS)
SCHEDULE(guest_heard_late, GUEST, VMB_SIM_DELAY, 1, SCHEDULE_LATE, ANYTHING)
SCHEDULE(guest_crossed_by_a_rescind, GUEST, VMB_SIM_RESCIND, 1, 0, ANYTHING)
SCHEDULE(guest_before_a_full_ring, GUEST, VMB_SIM_STALL, 1, 30, HARMLESS)
SCHEDULE(guest_flagged_for_nothing, GUEST, VMB_SIM_SPURIOUS, 1, 0, HARMLESS)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SCHEDULE_ENTRY(host_loses),
        SCHEDULE_ENTRY(host_is_slow),
        SCHEDULE_ENTRY(host_is_late),
        SCHEDULE_ENTRY(host_says_it_twice),
        SCHEDULE_ENTRY(host_mixes_up),
        SCHEDULE_ENTRY(host_rescinds),
        SCHEDULE_ENTRY(host_pauses),
        SCHEDULE_ENTRY(host_stops),
        SCHEDULE_ENTRY(host_flags_for_nothing),
        SCHEDULE_ENTRY(host_damages),
        SCHEDULE_ENTRY(guest_unheard),
        SCHEDULE_ENTRY(guest_heard_later),
        SCHEDULE_ENTRY(guest_heard_late),
        SCHEDULE_ENTRY(guest_crossed_by_a_rescind),
        SCHEDULE_ENTRY(guest_before_a_full_ring),
        SCHEDULE_ENTRY(guest_flagged_for_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
