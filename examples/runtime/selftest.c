/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A guest that tests what lies under the other guests.  On the command line:
 *
 *   protocol=pvh|linux64   how it must have been booted
 *   cpus=N                 how many processors must run (1)
 *   x2apic=1               use x2APIC; fails where there is none
 *   crash=ud|pf|irq|ap     end in an exception or a stray interrupt
 */
#include "runtime.h"

#define VECTOR_TEST  0x40
#define VECTOR_TIMER 0x41
#define NO_SUCH_MSR  0xdead
/* Its upper half is reserved where it exists: #GP on every machine. */
#define MSR_PKRS     0x6e1
#define SECOND       1000000u
#define PAGES_64_MIB 16384u

#define CHECK(condition)                                             \
    do {                                                             \
        if (!(condition))                                            \
            guest_fail("%s:%d: %s", __FILE__, __LINE__, #condition); \
    } while (0)

static uint32_t load(const uint32_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static bool reaches(const uint32_t *counter, uint32_t value)
{
    for (unsigned ms = 0; ms < 1000 && load(counter) < value; ms++)
        delay_us(1000);
    return load(counter) == value;
}

static bool same(const char *a, const char *b)
{
    size_t i = 0;

    while (a[i] && a[i] == b[i])
        i++;
    return a[i] == b[i];
}

static void test_memory_functions(void)
{
    char text[8] = "abcdefg";

    memmove(text + 2, text, 4);
    CHECK(memcmp(text, "ababcdg", 8) == 0);
    memmove(text, text + 2, 4);
    CHECK(memcmp(text, "abcdcdg", 8) == 0);
    memmove(text, text + 1, 0);
    memset(text + 1, 'x', 2);
    CHECK(memcmp(text, "axxdcdg", 8) == 0);
    CHECK(memcmp("\x01", "\xff", 1) < 0 && memcmp("b", "a", 1) > 0);
}

static void test_format(void)
{
    char text[80];

    format_text(text, sizeof text, "%s|%5s|%-5s|%c|%%", "ab", "cd", "ef", 'g');
    CHECK(same(text, "ab|   cd|ef   |g|%"));
    format_text(text, sizeof text, "%d %u %x %X %5d %05d %-4d|", -1,
                4000000000u, 0xbeefu, 0xbeefu, -42, -42, 7);
    CHECK(same(text, "-1 4000000000 beef BEEF   -42 -0042 7   |"));
    format_text(text, sizeof text, "%lu %016llx %zu %hhu %ld", UINT64_MAX,
                0x1234ull, (size_t)0, (unsigned char)255, INT64_MIN);
    CHECK(same(text, "18446744073709551615 0000000000001234 0 255 "
                     "-9223372036854775808"));
    format_text(text, sizeof text, "%p %d", (void *)0x1000, 5);
    CHECK(same(text, "0x1000 5"));
    CHECK(format_text(text, 4, "%s", "abcdef") == 6 && same(text, "abc"));
    CHECK(format_text(text, 0, "%s", "abcdef") == 6 && same(text, "abc"));
}

static void test_command_line(void)
{
    static struct guest_boot fake = {
        .command_line = "/image  a=1 flag b=0x20 ab=9 a=3 max=184467440737095"
                        "51615 empty= text=hello",
    };
    char text[6] = "";

    CHECK(cmdline_has(&fake, "flag") && cmdline_has(&fake, "a"));
    CHECK(!cmdline_has(&fake, "fla") && !cmdline_has(&fake, "hello"));
    CHECK(cmdline_number(&fake, "a", 0, 0, 10) == 3);
    CHECK(cmdline_number(&fake, "b", 0, 32, 32) == 32);
    CHECK(cmdline_number(&fake, "none", 7, 0, 1) == 7);
    CHECK(cmdline_number(&fake, "max", 0, 0, UINT64_MAX) == UINT64_MAX);
    CHECK(cmdline_is(&fake, "text", "hello"));
    CHECK(!cmdline_is(&fake, "text", "hell"));
    CHECK(cmdline_is(&fake, "empty", "") && !cmdline_is(&fake, "flag", ""));
    CHECK(cmdline_text(&fake, "text", text, sizeof text));
    CHECK(same(text, "hello") && !cmdline_text(&fake, "flag", text, 6));
}

static void test_boot(const struct guest_boot *boot)
{
    bool pvh = boot->protocol == GUEST_BOOT_BY_PVH;

    print("booted by %s: \"%s\"\n", pvh ? "PVH" : "the Linux 64-bit protocol",
          boot->command_line);
    for (size_t i = 0; i < boot->ram_count; i++)
        print("ram %012lx + %lx\n", boot->ram[i].start, boot->ram[i].length);
    CHECK(!boot->command_line_cut && !boot->ram_cut && boot->ram_count > 0);
    CHECK(pvh ? !cmdline_is(boot, "protocol", "linux64")
              : !cmdline_is(boot, "protocol", "pvh"));
}

static void test_pages(void)
{
    size_t before = pages_left();
    void *mark = pages_mark();
    unsigned char *pages = pages_take(2);
    unsigned char *more = pages_take(1);

    CHECK(pages && more && ((uintptr_t)pages & (GUEST_PAGE_SIZE - 1)) == 0);
    CHECK(more >= pages + 2 * GUEST_PAGE_SIZE && pages_left() < before);
    memset(pages, 0x5a, 2 * GUEST_PAGE_SIZE);
    pages_release(mark);
    CHECK(pages_left() == before && pages_take(2) == pages);
    for (size_t i = 0; i < 2 * GUEST_PAGE_SIZE; i++)
        CHECK(pages[i] == 0);
    pages_release(mark);
    CHECK(!pages_take(before + 1) && !pages_take(SIZE_MAX) && !pages_take(0));
    if (before >= PAGES_64_MIB) {
        pages = pages_take(PAGES_64_MIB);
        CHECK(pages && pages[PAGES_64_MIB * GUEST_PAGE_SIZE - 1] == 0);
        pages_release(mark);
    }
    print("pages: %zu above the image\n", before);
}

/* The first word of each range of RAM above 4 GiB holds what is put there. */
static void test_high_memory(const struct guest_boot *boot)
{
    CHECK(!map_identity(UINT64_MAX, 1) && !map_identity(1ull << 39, 1));
    for (size_t i = 0; i < boot->ram_count; i++) {
        uint64_t start = boot->ram[i].start;
        uint64_t *word = (uint64_t *)(uintptr_t)start;

        if (start < 0x100000000)
            continue;
        CHECK(map_identity(start, boot->ram[i].length));
        *word = start;
        CHECK(*word == start);
        print("high memory: %lx written\n", start);
    }
}

static void test_msr(void)
{
    uint64_t value = 1;

    CHECK(msr_read_safe(MSR_EFER, &value) && (value & EFER_LME));
    CHECK(msr_write_safe(MSR_EFER, value));
    CHECK(!msr_write_safe(MSR_PKRS, UINT64_MAX));
    value = 1;
    if (msr_read_safe(NO_SUCH_MSR, &value))
        print("msr: this machine reads what does not exist as 0x%lx\n", value);
    else
        CHECK(value == 0);
    print("msr: #GP survived\n");
}

struct count {
    uint32_t seen;
    bool end; /* the handler writes the EOI itself */
};

static void count_interrupt(void *context)
{
    struct count *count = context;

    /* What the interrupted code had there must come back. */
    __asm__ volatile("pxor %%xmm0, %%xmm0" : : : "memory");
    if (count->end)
        apic_end_of_interrupt();
    __atomic_fetch_add(&count->seen, 1, __ATOMIC_RELEASE);
}

static void send_to_self(struct count *count)
{
    uint64_t before = 0x1122334455667788, after;
    uint32_t seen = load(&count->seen);

    interrupts_off();
    apic_send(apic_id(), VECTOR_TEST);
    delay_us(100);
    CHECK(load(&count->seen) == seen);
    __asm__ volatile("movq %0, %%xmm0" : : "r"(before) : "memory");
    interrupts_on();
    CHECK(reaches(&count->seen, seen + 1));
    __asm__ volatile("movq %%xmm0, %0" : "=r"(after) : : "memory");
    CHECK(after == before);
    interrupts_off();
}

static void test_interrupts(void)
{
    struct count count = { 0, false };

    interrupt_set(VECTOR_TEST, count_interrupt, &count, END_BY_RUNTIME);
    send_to_self(&count);
    send_to_self(&count);
    count.end = true;
    interrupt_set(VECTOR_TEST, count_interrupt, &count, END_BY_HANDLER);
    send_to_self(&count);
    send_to_self(&count);
    interrupt_set(VECTOR_TEST, NULL, NULL, END_BY_HANDLER);
    print("interrupts: 4 of 4 to itself, %s, APIC id %u\n",
          apic_is_x2apic() ? "x2APIC" : "xAPIC", apic_id());
}

static void test_timer(void)
{
    struct count count = { 0, false };
    uint64_t start, us;

    interrupt_set(VECTOR_TIMER, count_interrupt, &count, END_BY_RUNTIME);
    apic_timer_start(VECTOR_TIMER, SECOND);
    apic_timer_stop();
    start = rdtsc();
    apic_timer_start(VECTOR_TIMER, 20000);
    while (!load(&count.seen))
        cpu_sleep();
    us = (rdtsc() - start) * 1000 / tsc_per_millisecond();
    print("timer: 20000 us took %lu us\n", us);
    CHECK(us >= 15000 && us < SECOND && count.seen == 1);
    apic_timer_stop();
    interrupt_set(VECTOR_TIMER, NULL, NULL, END_BY_RUNTIME);
}

struct job {
    unsigned cpu; /* as the processor itself sees it */
    uint32_t apic_id;
    struct count count;
    uint32_t go;
    bool done;
};

/* On another processor: an interrupt from itself, then one from cpu 0. */
static void job(void *argument)
{
    struct job *job = argument;

    job->cpu = cpu_index();
    job->apic_id = apic_id();
    apic_send(job->apic_id, VECTOR_TEST + (uint8_t)job->cpu);
    CHECK(reaches(&job->count.seen, 1));
    __atomic_store_n(&job->go, 1, __ATOMIC_RELEASE);
    CHECK(reaches(&job->count.seen, 2));
    job->done = true;
}

static void run_jobs(unsigned cpus)
{
    static struct job jobs[GUEST_MAX_CPUS];

    memset(jobs, 0, sizeof jobs);
    for (unsigned cpu = 1; cpu < cpus; cpu++) {
        interrupt_set((uint8_t)(VECTOR_TEST + cpu), count_interrupt,
                      &jobs[cpu].count, END_BY_RUNTIME);
        CHECK(smp_run(cpu, job, &jobs[cpu]));
        CHECK(!smp_run(cpu, job, &jobs[cpu]));
    }
    for (unsigned cpu = 1; cpu < cpus; cpu++) {
        CHECK(reaches(&jobs[cpu].go, 1));
        CHECK(!smp_wait(cpu, 100));
        apic_send(cpu_apic_id(cpu), (uint8_t)(VECTOR_TEST + cpu));
        CHECK(smp_wait(cpu, 2 * SECOND) && jobs[cpu].done);
        CHECK(jobs[cpu].cpu == cpu && jobs[cpu].apic_id == cpu_apic_id(cpu));
        interrupt_set((uint8_t)(VECTOR_TEST + cpu), NULL, NULL, END_BY_RUNTIME);
    }
}

static void add_one(void *argument)
{
    __atomic_fetch_add((uint32_t *)argument, 1, __ATOMIC_RELAXED);
}

static void test_processors(const struct guest_boot *boot)
{
    unsigned expected =
        (unsigned)cmdline_number(boot, "cpus", 1, 1, GUEST_MAX_CPUS);
    unsigned cpus = smp_start(boot, GUEST_MAX_CPUS);
    uint32_t sum = 0;

    print("processors: %u run\n", cpus);
    CHECK(cpus == expected && cpu_count() == cpus && cpu_index() == 0);
    CHECK(!smp_run(0, add_one, &sum) && !smp_run(cpus, add_one, &sum));
    run_jobs(cpus);
    run_jobs(cpus);
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned cpu = 1; cpu < cpus; cpu++)
            CHECK(smp_wait(cpu, SECOND) && smp_run(cpu, add_one, &sum));
    }
    for (unsigned cpu = 1; cpu < cpus; cpu++)
        CHECK(smp_wait(cpu, SECOND));
    CHECK(sum == 100 * (cpus - 1));
}

static void crash(void *argument)
{
    (void)argument;
    __asm__ volatile("ud2");
}

/* Does not come back when a crash was asked for. */
static void crash_as_told(const struct guest_boot *boot)
{
    if (cmdline_is(boot, "crash", "ud"))
        crash(NULL);
    if (cmdline_is(boot, "crash", "pf"))
        (void)mmio_read32(0x123456789000);
    if (cmdline_is(boot, "crash", "ap") && smp_run(1, crash, NULL))
        smp_wait(1, SECOND);
    if (cmdline_is(boot, "crash", "irq")) {
        apic_send(apic_id(), VECTOR_TEST);
        interrupts_on();
        delay_us(SECOND);
    }
    if (cmdline_has(boot, "crash"))
        guest_fail("crash: nothing happened");
}

enum guest_verdict guest_main(const struct guest_boot *boot)
{
    test_memory_functions();
    test_format();
    test_command_line();
    test_boot(boot);
    test_pages();
    test_high_memory(boot);
    test_msr();
    if (cmdline_has(boot, "x2apic"))
        CHECK(apic_want_x2apic());
    CHECK(apic_start());
    test_interrupts();
    test_timer();
    test_processors(boot);
    print("tsc: %lu kHz, spurious interrupts: %u\n", tsc_per_millisecond(),
          interrupts_spurious());
    crash_as_told(boot);
    return GUEST_PASS;
}
