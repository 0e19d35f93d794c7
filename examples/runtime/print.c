/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "internal.h"

/* Where characters go: the serial port, or what is left of a text. */
struct output {
    char *text; /* NULL: the serial port */
    size_t size;
    size_t length;
};

/* One conversion of a format. */
struct field {
    unsigned width;
    bool zeros;
    bool left;
    unsigned bytes; /* of an integer argument */
};

struct digits {
    char text[20]; /* 2^64 has 20 decimal digits; the last is text[19] */
    unsigned count;
};

static void put(struct output *out, char c)
{
    if (!out->text)
        serial_put(c);
    else if (out->length + 1 < out->size)
        out->text[out->length] = c;
    out->length++;
}

static void put_padded(struct output *out, const struct field *field,
                       bool minus, const char *text, size_t length)
{
    size_t used = length + (minus ? 1 : 0);
    size_t pad = field->width > used ? field->width - used : 0;

    for (; pad && !field->left && !field->zeros; pad--)
        put(out, ' ');
    if (minus)
        put(out, '-');
    for (; pad && !field->left; pad--)
        put(out, '0');
    for (size_t i = 0; i < length; i++)
        put(out, text[i]);
    for (; pad; pad--)
        put(out, ' ');
}

static struct digits to_digits(uint64_t value, unsigned base, char letters)
{
    struct digits digits = { .count = 0 };

    do {
        unsigned digit = (unsigned)(value % base);
        unsigned ten = (unsigned)letters - 10;

        digits.count++;
        digits.text[sizeof digits.text - digits.count] =
            (char)(digit < 10 ? '0' + digit : ten + digit);
        value /= base;
    } while (value);
    return digits;
}

static void put_number(struct output *out, const struct field *field,
                       bool minus, uint64_t value, char conversion)
{
    bool hex = conversion == 'x' || conversion == 'X';
    struct digits digits =
        to_digits(value, hex ? 16 : 10, conversion == 'X' ? 'A' : 'a');

    put_padded(out, field, minus,
               digits.text + sizeof digits.text - digits.count, digits.count);
}

static void put_string(struct output *out, struct field field, const char *text)
{
    size_t length = 0;

    if (!text)
        text = "(null)";
    while (text[length])
        length++;
    field.zeros = false;
    put_padded(out, &field, false, text, length);
}

/* Flags, width and size; returns what follows them: the conversion. */
static const char *read_field(const char *format, struct field *field)
{
    *field = (struct field){ .bytes = sizeof(int) };
    for (; *format == '-' || *format == '0'; format++) {
        field->left |= *format == '-';
        field->zeros |= *format == '0';
    }
    for (; *format >= '0' && *format <= '9'; format++) {
        if (field->width < 1000)
            field->width = field->width * 10 + (unsigned)(*format - '0');
    }
    for (; *format == 'l' || *format == 'z' || *format == 'h'; format++) {
        if (*format == 'h')
            field->bytes /= 2;
        else
            field->bytes = 8;
    }
    return format;
}

/* Only the low `bytes` of an integer argument mean anything. */
static uint64_t low_bytes(uint64_t value, unsigned bytes)
{
    return bytes < 8 ? value & ((1ull << (bytes * 8)) - 1) : value;
}

static void put_integer(struct output *out, const struct field *field,
                        uint64_t argument, char conversion)
{
    uint64_t value = low_bytes(argument, field->bytes);
    uint64_t sign = 1ull << (field->bytes * 8 - 1);
    bool minus = conversion == 'd' && (value & sign);

    if (minus)
        value = low_bytes(0 - value, field->bytes);
    put_number(out, field, minus, value, conversion);
}

static void vformat(struct output *out, const char *format, va_list arguments)
{
    for (; *format; format++) {
        struct field field;
        const char *start = format;

        if (*format != '%') {
            put(out, *format);
            continue;
        }
        format = read_field(format + 1, &field);
        switch (*format) {
        case '%':
            put(out, '%');
            break;
        case 'c':
            put(out, (char)va_arg(arguments, int));
            break;
        case 's':
            put_string(out, field, va_arg(arguments, const char *));
            break;
        case 'd':
        case 'u':
        case 'x':
        case 'X':
            if (field.bytes == 8)
                put_integer(out, &field, va_arg(arguments, uint64_t), *format);
            else
                put_integer(out, &field, va_arg(arguments, unsigned), *format);
            break;
        case 'p':
            put(out, '0');
            put(out, 'x');
            put_number(out, &field, false, (uintptr_t)va_arg(arguments, void *),
                       'x');
            break;
        default: /* nothing is known about the arguments from here on */
            while (*start)
                put(out, *start++);
            return;
        }
    }
}

/*
 * One piece of output at a time.  The lock is a courtesy: whoever waits too
 * long speaks without it, for its holder may be the one that just crashed.
 */
static uint32_t print_lock;
#define LOCK_POLLS_MAX 1000000

static bool lock_print(void)
{
    for (unsigned poll = 0; poll < LOCK_POLLS_MAX; poll++) {
        if (!__atomic_exchange_n(&print_lock, 1, __ATOMIC_ACQUIRE))
            return true;
        cpu_pause();
    }
    return false;
}

void vprint(const char *format, va_list arguments)
{
    struct output out = { .text = NULL };
    uint64_t flags;
    bool locked;

    /* An interrupt's own print must not find the lock held below it. */
    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
    locked = lock_print();
    vformat(&out, format, arguments);
    if (locked)
        __atomic_store_n(&print_lock, 0, __ATOMIC_RELEASE);
    if (flags & 0x200)
        interrupts_on();
}

void print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprint(format, arguments);
    va_end(arguments);
}

size_t format_text(char *text, size_t size, const char *format, ...)
{
    /* A text of no size must not turn into the serial port. */
    static char nowhere;
    struct output out = { .text = size ? text : &nowhere, .size = size };
    va_list arguments;

    va_start(arguments, format);
    vformat(&out, format, arguments);
    va_end(arguments);
    if (size)
        text[out.length < size ? out.length : size - 1] = '\0';
    return out.length;
}
