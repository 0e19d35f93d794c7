/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Words separated by blanks, each a key or key=value; the last one wins. */
#include "internal.h"

#define VALUE_MAX 64

struct word {
    const char *value; /* after the '='; NULL: the key stands alone */
    size_t length;     /* of the value */
};

/* How long the key is when the word at text begins with it, else 0. */
static size_t key_length(const char *text, const char *key)
{
    size_t i = 0;

    while (key[i] && text[i] == key[i])
        i++;
    if (key[i] || (text[i] && text[i] != ' ' && text[i] != '='))
        return 0;
    return i;
}

static bool find(const struct guest_boot *boot, const char *key,
                 struct word *found)
{
    const char *text = boot->command_line;
    bool any = false;

    while (*text) {
        size_t length = key_length(text, key);
        size_t end = 0;

        while (text[end] && text[end] != ' ')
            end++;
        if (length) {
            bool alone = text[length] != '=';

            found->value = alone ? NULL : text + length + 1;
            found->length = alone ? 0 : end - length - 1;
            any = true;
        }
        text += end;
        while (*text == ' ')
            text++;
    }
    return any;
}

bool cmdline_has(const struct guest_boot *boot, const char *key)
{
    struct word word;

    return find(boot, key, &word);
}

bool cmdline_is(const struct guest_boot *boot, const char *key,
                const char *word)
{
    struct word found;
    size_t length = 0;

    while (word[length])
        length++;
    return find(boot, key, &found) && found.value && found.length == length &&
           memcmp(found.value, word, length) == 0;
}

bool cmdline_text(const struct guest_boot *boot, const char *key, char *text,
                  size_t size)
{
    struct word word;

    if (!find(boot, key, &word) || !word.value)
        return false;
    if (word.length >= size)
        guest_fail("command line: the value of %s has %zu characters, at "
                   "most %zu",
                   key, word.length, size - 1);
    memcpy(text, word.value, word.length);
    text[word.length] = '\0';
    return true;
}

/* 99 for what is no digit: above every base. */
static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 99;
}

static bool parse_number(const char *text, uint64_t *value)
{
    unsigned base = 10;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (!*text)
        return false;
    for (*value = 0; *text; text++) {
        unsigned digit = digit_of(*text);

        if (digit >= base || *value > (UINT64_MAX - digit) / base)
            return false;
        *value = *value * base + digit;
    }
    return true;
}

uint64_t cmdline_number(const struct guest_boot *boot, const char *key,
                        uint64_t otherwise, uint64_t low, uint64_t high)
{
    char text[VALUE_MAX] = "";
    uint64_t value;

    if (!cmdline_has(boot, key))
        return otherwise;
    if (!cmdline_text(boot, key, text, sizeof text) ||
        !parse_number(text, &value))
        guest_fail("command line: %s=%s is not a number (decimal or 0x, 64 "
                   "bits)",
                   key, text);
    if (value < low || value > high)
        guest_fail("command line: %s=%lu is not in [%lu, %lu]", key, value, low,
                   high);
    return value;
}
