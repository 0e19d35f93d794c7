/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

static struct guest_boot boot;

/* start.S calls this on the boot processor's stack, interrupts off. */
void runtime_start(uint32_t protocol, uint64_t told)
{
    serial_start();
    segments_start(0);
    idt_build();
    idt_load();
    boot_read(&boot, protocol, told);
    pages_start(&boot);
    guest_exit(guest_main(&boot));
}
