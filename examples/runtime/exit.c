/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

/* QEMU's isa-debug-exit, as the hosts in tests/host place it. */
#define DEBUG_EXIT_PORT 0xf4

static const char *verdict_text(enum guest_verdict verdict)
{
    switch (verdict) {
    case GUEST_PASS:
        return "pass";
    case GUEST_FAIL:
        return "fail";
    case GUEST_SKIP:
        return "skip";
    }
    return "unknown";
}

void leave(enum guest_verdict verdict)
{
    out32(DEBUG_EXIT_PORT, (uint32_t)verdict);
    for (;;)
        cpu_halt();
}

void guest_exit(enum guest_verdict verdict)
{
    interrupts_off();
    print("verdict: %s\n", verdict_text(verdict));
    leave(verdict);
}

void guest_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print("FAIL: ");
    vprint(format, arguments);
    print("\n");
    va_end(arguments);
    guest_exit(GUEST_FAIL);
}
