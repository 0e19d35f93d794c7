/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

#define VECTORS                   256
#define VECTOR_NMI                2
#define VECTOR_DOUBLE_FAULT       8
#define VECTOR_GENERAL_PROTECTION 13
#define VECTOR_PAGE_FAULT         14
#define VECTOR_MACHINE_CHECK      18
#define EXCEPTIONS                32

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t stack; /* slot of the interrupt stack table */
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "AMD64 APM volume 2, 4.8.4");

struct handler {
    interrupt_handler *call;
    void *context;
    enum interrupt_end end;
};

/* msr.c makes them: where to go on after a #GP at `fault`. */
struct fixup {
    uint64_t fault;
    uint64_t resume;
};
extern const struct fixup fault_fixups[], fault_fixups_end[];

static struct gate table[VECTORS];
static struct handler handlers[VECTORS];
static uint32_t spurious;
static uint32_t crashed; /* 1 + index of the processor that crashed first */

static uint8_t stack_of(unsigned vector)
{
    if (vector == VECTOR_NMI || vector == VECTOR_DOUBLE_FAULT ||
        vector == VECTOR_MACHINE_CHECK)
        return IST_FATAL;
    return vector < EXCEPTIONS ? IST_EXCEPTION : IST_INTERRUPT;
}

void idt_build(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint64_t stub = (uintptr_t)vector_stubs[vector];

        table[vector] = (struct gate){
            .offset_low = (uint16_t)stub,
            .selector = GDT_CODE64,
            .stack = stack_of(vector),
            .type = 0x8e, /* present interrupt gate */
            .offset_middle = (uint16_t)(stub >> 16),
            .offset_high = (uint32_t)(stub >> 32),
        };
    }
}

void idt_load(void)
{
    struct {
        uint16_t limit;
        const struct gate *base;
    } __attribute__((packed)) pointer = { sizeof table - 1, table };

    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

void interrupt_set(uint8_t vector, interrupt_handler *handler, void *context,
                   enum interrupt_end end)
{
    if (vector < EXCEPTIONS || vector == VECTOR_SPURIOUS)
        guest_fail("interrupt_set: vector 0x%x is not in [0x%x, 0x%x]", vector,
                   EXCEPTIONS, VECTOR_SPURIOUS - 1);
    handlers[vector] = (struct handler){ handler, context, end };
}

uint32_t interrupts_spurious(void)
{
    return __atomic_load_n(&spurious, __ATOMIC_RELAXED);
}

static bool fix_up(struct trap_frame *frame)
{
    const struct fixup *fixup = fault_fixups;

    if (frame->vector != VECTOR_GENERAL_PROTECTION)
        return false;
    for (; fixup < fault_fixups_end; fixup++) {
        if (fixup->fault == frame->rip) {
            frame->rip = fixup->resume;
            return true;
        }
    }
    return false;
}

static const char *exception_name(uint64_t vector)
{
    static const char *const names[EXCEPTIONS] = {
        [0] = "#DE divide error",
        [1] = "#DB debug",
        [2] = "NMI",
        [3] = "#BP breakpoint",
        [6] = "#UD invalid opcode",
        [7] = "#NM device not available",
        [8] = "#DF double fault",
        [10] = "#TS invalid TSS",
        [11] = "#NP segment not present",
        [12] = "#SS stack",
        [13] = "#GP general protection",
        [14] = "#PF page fault",
        [16] = "#MF x87",
        [17] = "#AC alignment check",
        [18] = "#MC machine check",
        [19] = "#XM SIMD",
    };

    return names[vector] ? names[vector] : "reserved exception";
}

static _Noreturn void crash(const struct trap_frame *frame)
{
    uint64_t address = read_cr2();
    uint32_t first = 0;

    __atomic_compare_exchange_n(&crashed, &first, cpu_index() + 1, false,
                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    if (first == cpu_index() + 1)
        leave(GUEST_FAIL); /* crashed while telling of the crash */
    while (first)
        cpu_halt(); /* another processor is telling */
    print("exception %lu (%s), error 0x%lx, processor %u\n", frame->vector,
          exception_name(frame->vector), frame->error, cpu_index());
    print("  rip %016lx  rsp %016lx  cr2 %016lx\n", frame->rip, frame->rsp,
          address);
    print("  rax %016lx  rbx %016lx  rcx %016lx\n", frame->rax, frame->rbx,
          frame->rcx);
    print("  rdx %016lx  rsi %016lx  rdi %016lx\n", frame->rdx, frame->rsi,
          frame->rdi);
    if (frame->vector == VECTOR_PAGE_FAULT)
        guest_fail("page fault at 0x%lx, address 0x%lx", frame->rip, address);
    guest_fail("exception %lu at 0x%lx", frame->vector, frame->rip);
}

/* Line 7 of a PIC when its request went away before it was taken. */
static bool is_spurious(uint64_t vector)
{
    return vector == VECTOR_SPURIOUS || vector == VECTOR_PIC + 7 ||
           vector == VECTOR_PIC + 15;
}

static void interrupt(uint64_t vector)
{
    const struct handler *handler = &handlers[vector];

    if (handler->call) {
        handler->call(handler->context);
        if (handler->end == END_BY_RUNTIME)
            apic_end_of_interrupt();
        return;
    }
    /* Neither of them has a bit in service: no EOI. */
    if (!is_spurious(vector))
        guest_fail("interrupt 0x%lx on processor %u has no handler", vector,
                   cpu_index());
    __atomic_fetch_add(&spurious, 1, __ATOMIC_RELAXED);
}

void trap(struct trap_frame *frame)
{
    if (frame->vector >= EXCEPTIONS)
        interrupt(frame->vector);
    else if (!fix_up(frame))
        crash(frame);
}
