/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef GUEST_RUNTIME_H
#define GUEST_RUNTIME_H
/*
 * What a bare-metal x86-64 guest finds under it.  Memory below 4 GiB is mapped
 * physical = virtual, guest_main() runs on the boot processor with interrupts
 * off, and nothing but the serial port and the descriptor tables has been
 * touched.  No function waits without a bound.
 *
 * Whatever goes wrong where a guest could do nothing about it (an exception,
 * a malformed command line) ends in guest_fail().
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu.h"
#include "layout.h"

/* ---- boot.c: what the loader said ------------------------------------ */

#define GUEST_PAGE_SIZE        4096u
#define GUEST_COMMAND_LINE_MAX 1024
#define GUEST_RANGES_MAX       64
#define GUEST_MODULES_MAX      4

enum guest_boot_protocol {
    GUEST_BOOT_BY_PVH = GUEST_BOOT_PVH,
    GUEST_BOOT_BY_LINUX64 = GUEST_BOOT_LINUX64,
};

struct guest_range {
    uint64_t start; /* bytes */
    uint64_t length;
};

struct guest_boot {
    enum guest_boot_protocol protocol;
    char command_line[GUEST_COMMAND_LINE_MAX]; /* ends in a NUL */
    bool command_line_cut;                     /* it was longer than that */

    struct guest_range ram[GUEST_RANGES_MAX]; /* usable RAM, as told */
    size_t ram_count;
    bool ram_cut; /* there were more */

    struct guest_range modules[GUEST_MODULES_MAX]; /* PVH only */
    size_t module_count;

    uint64_t rsdp;      /* 0: the loader did not say */
    uint64_t entry_tsc; /* the TSC at the guest's first instructions */
};

/* The bytes lie in one range of usable RAM. */
bool boot_ram_has(const struct guest_boot *boot, uint64_t start,
                  uint64_t length);

/* Where the image lies, from link.ld; above the end is the page arena. */
extern char image_start[], image_end[];

/* ---- the guest itself ------------------------------------------------- */

/*
 * Written to the debug-exit port, where QEMU's isa-debug-exit makes
 * 2 * verdict + 1 of it: QEMU ends with status 67, 69 or 71.  Where there is
 * no such device, the line "verdict: ..." on the serial port has to do.
 */
enum guest_verdict {
    GUEST_PASS = 0x21,
    GUEST_FAIL = 0x22,
    GUEST_SKIP = 0x23, /* nothing here to test, "no Hyper-V" */
};

/* The guest's own; returning is guest_exit() with the verdict. */
enum guest_verdict guest_main(const struct guest_boot *boot);

/* Says the verdict and leaves the machine, or halts for ever. */
_Noreturn void guest_exit(enum guest_verdict verdict);

/* "FAIL: " and the message, then guest_exit(GUEST_FAIL). */
_Noreturn void guest_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* ---- print.c, serial.c: COM1 ----------------------------------------- */

/*
 * %s %c %d %u %x %X %p %%, the sizes h hh l ll z (for d, u, x, X), a width, -
 * and 0.  Anything else comes out as it stands, with all that follows it.
 * One call is one piece of output, whatever the other processors print.
 */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void vprint(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

/* As snprintf(): cut at size, always with a NUL; returns the whole length. */
size_t format_text(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Unbuffered and unlocked; given up on when the UART stays busy. */
void serial_start(void);
void serial_put(char c);

/* ---- cmdline.c: "key=value key ..." ---------------------------------- */

/* The key stands alone or with any value. */
bool cmdline_has(const struct guest_boot *boot, const char *key);

/* The value of the last key=value is word: cmdline_is(boot, "mode", "irq"). */
bool cmdline_is(const struct guest_boot *boot, const char *key,
                const char *word);

/* Copies the value; false without one.  Longer than size - 1: guest_fail(). */
bool cmdline_text(const struct guest_boot *boot, const char *key, char *text,
                  size_t size);

/* Decimal or 0x; not a number, or outside [low, high]: guest_fail(). */
uint64_t cmdline_number(const struct guest_boot *boot, const char *key,
                        uint64_t otherwise, uint64_t low, uint64_t high);

/* ---- pages.c: RAM above the image, below 4 GiB ----------------------- */

/* Zeroed and contiguous; NULL when no range has that many left. */
void *pages_take(size_t count);

/* Everything taken after the mark is free again at the release. */
void *pages_mark(void);
void pages_release(void *mark);

/* Pages left in the range in use and all later ones. */
size_t pages_left(void);

/* ---- paging.c --------------------------------------------------------- */

/*
 * Maps physical memory up to 512 GiB at its own address, in units of 2 MiB.
 * Below 4 GiB everything is mapped from the start.  False: beyond that, or no
 * page left for a table.  Other processors need no flush: what was not mapped
 * before is in no TLB.  Tables are taken from the page arena: pages_release()
 * no mark from before.
 */
bool map_identity(uint64_t physical, uint64_t length);

/* ---- idt.c, msr.c: exceptions and interrupts ------------------------- */

typedef void interrupt_handler(void *context);

enum interrupt_end {
    END_BY_RUNTIME, /* local APIC's EOI after the handler returned */
    END_BY_HANDLER, /* the handler does it, or the source is auto-EOI */
};

/*
 * One handler for a vector in [0x20, 0xfe], on whichever processor it
 * arrives; it runs with interrupts off on a stack of its own (8 KiB).
 * Set it while the vector cannot arrive.  An interrupt without a handler
 * fails the guest.  NULL takes it away.
 */
void interrupt_set(uint8_t vector, interrupt_handler *handler, void *context,
                   enum interrupt_end end);

/* Spurious interrupts seen: local APIC's vector 0xff and the PICs'. */
uint32_t interrupts_spurious(void);

/* False when the access raised #GP; *value is then 0. */
bool msr_read_safe(uint32_t msr, uint64_t *value);
bool msr_write_safe(uint32_t msr, uint64_t value);

/* ---- apic.c: this processor's local APIC ------------------------------ */

/*
 * Enables it in the mode it is in (xAPIC or x2APIC) and masks the PICs; on
 * the boot processor first.  False: there is none.
 */
bool apic_start(void);

/* Before apic_start(): prefer x2APIC.  False: the machine has none. */
bool apic_want_x2apic(void);

bool apic_is_x2apic(void);
uint32_t apic_id(void);
void apic_end_of_interrupt(void);

/* A fixed interrupt, to this processor as well. */
void apic_send(uint32_t apic_id, uint8_t vector);

/*
 * One shot, on this processor: ends cpu_sleep() when nothing else does.  Its
 * rate is measured at the first use, which takes 10 ms.
 */
void apic_timer_start(uint8_t vector, uint32_t microseconds);
void apic_timer_stop(void);

/* ---- smp.c: the other processors -------------------------------------- */

typedef void cpu_work(void *argument);

/*
 * Starts those the ACPI MADT lists, up to limit with the boot processor and
 * GUEST_MAX_CPUS at most, and returns how many run; those that did not come
 * are named on the serial port.  Needs apic_start().  Once.
 *
 * They sleep between pieces of work, with interrupts on.  The runtime keeps
 * vector 0xfe to wake them.
 */
unsigned smp_start(const struct guest_boot *boot, unsigned limit);

unsigned cpu_count(void); /* running, the boot processor among them */
unsigned cpu_index(void); /* of this one: 0 boot, 1 ... in MADT order */
uint32_t cpu_apic_id(unsigned cpu);

/* Hands work to an idle processor; false: not there, busy, or cpu is 0. */
bool smp_run(unsigned cpu, cpu_work *work, void *argument);

/* True: it is idle, and what it wrote can be read. */
bool smp_idle(unsigned cpu);
bool smp_wait(unsigned cpu, uint32_t microseconds);

/* ---- acpi.c ------------------------------------------------------------ */

/* APIC ids of the usable processors, in table order; 0: no MADT found. */
size_t acpi_processors(const struct guest_boot *boot, uint32_t *apic_ids,
                       size_t room);

/* ---- delay.c: time without a hypervisor -------------------------------- */

/* From Hyper-V's frequency MSR or the PIT; without them a guess, 5 GHz. */
uint64_t tsc_per_millisecond(void);

/* At least that long, unless the TSC stands still. */
void delay_us(uint32_t microseconds);

/* ---- mem.c: what the compiler and libvmb call -------------------------- */

void *memcpy(void *to, const void *from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *at, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);

#endif
