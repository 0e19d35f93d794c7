/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A fault at every hypercall, interrupt and call of the port. */
#include "schedule.h"

#define CALL      VMB_SIM_AT_HYPERCALL
#define INTERRUPT VMB_SIM_AT_INTERRUPT
#define PORT      VMB_SIM_AT_PORT
#define EVER      VMB_SIM_FOR_EVER

/* Hypercall statuses, TLFS appendix B. */
#define BAD_PARAMETER 0x05u
#define ACCESS_DENIED 0x06u
#define NO_MEMORY     0x0bu
#define NO_CONNECTION 0x12u
#define NO_BUFFERS    0x13u

SCHEDULE(put_off_once, CALL, VMB_SIM_FAIL, 1, NO_BUFFERS, HARMLESS)
SCHEDULE(put_off_often, CALL, VMB_SIM_FAIL, 5, NO_MEMORY, HARMLESS)
SCHEDULE(put_off_for_ever, CALL, VMB_SIM_FAIL, EVER, NO_BUFFERS, ANYTHING)
SCHEDULE(failed_once, CALL, VMB_SIM_FAIL, 1, BAD_PARAMETER, ANYTHING)
SCHEDULE(failed_twice, CALL, VMB_SIM_FAIL, 2, ACCESS_DENIED, ANYTHING)
SCHEDULE(failed_for_ever, CALL, VMB_SIM_FAIL, EVER, BAD_PARAMETER, ANYTHING)
SCHEDULE(no_port_once, CALL, VMB_SIM_FAIL, 1, NO_CONNECTION, ANYTHING)
SCHEDULE(no_port_for_ever, CALL, VMB_SIM_FAIL, EVER, NO_CONNECTION, ANYTHING)
SCHEDULE(crossed_by_a_rescind, CALL, VMB_SIM_RESCIND, 1, 0, ANYTHING)
SCHEDULE(interrupt_lost, INTERRUPT, VMB_SIM_LOSE, 1, 0, HARMLESS)
SCHEDULE(interrupts_lost, INTERRUPT, VMB_SIM_LOSE, EVER, 0, HARMLESS)
SCHEDULE(interrupt_spurious, INTERRUPT, VMB_SIM_DUPLICATE, 1, 0, HARMLESS)
/* The port is trusted: what must hold is that all of it ends. */
SCHEDULE(port_fails, PORT, VMB_SIM_FAIL, 1, 0, LYING)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SCHEDULE_ENTRY(put_off_once),
        SCHEDULE_ENTRY(put_off_often),
        SCHEDULE_ENTRY(put_off_for_ever),
        SCHEDULE_ENTRY(failed_once),
        SCHEDULE_ENTRY(failed_twice),
        SCHEDULE_ENTRY(failed_for_ever),
        SCHEDULE_ENTRY(no_port_once),
        SCHEDULE_ENTRY(no_port_for_ever),
        SCHEDULE_ENTRY(crossed_by_a_rescind),
        SCHEDULE_ENTRY(interrupt_lost),
        SCHEDULE_ENTRY(interrupts_lost),
        SCHEDULE_ENTRY(interrupt_spurious),
        SCHEDULE_ENTRY(port_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
