/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * String instructions, not loops: a compiler may recognise a loop that copies
 * or fills and call the very function it is compiling.
 */
#include "internal.h"

void *memcpy(void *to, const void *from, size_t length)
{
    void *result = to;

    __asm__ volatile("rep movsb"
                     : "+D"(to), "+S"(from), "+c"(length)
                     :
                     : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t length)
{
    char *to_last = (char *)to + length - 1;
    const char *from_last = (const char *)from + length - 1;

    /* Unsigned: also true where `to` lies below `from`. */
    if ((uintptr_t)to - (uintptr_t)from >= length)
        return memcpy(to, from, length);
    __asm__ volatile("std; rep movsb; cld"
                     : "+D"(to_last), "+S"(from_last), "+c"(length)
                     :
                     : "memory");
    return to;
}

void *memset(void *at, int byte, size_t length)
{
    void *result = at;

    __asm__ volatile("rep stosb"
                     : "+D"(at), "+c"(length)
                     : "a"(byte)
                     : "memory");
    return result;
}

int memcmp(const void *a, const void *b, size_t length)
{
    const unsigned char *left = a, *right = b;

    for (size_t i = 0; i < length; i++) {
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    }
    return 0;
}
