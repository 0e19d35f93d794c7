/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

void die(const char *why)
{
    fprintf(stderr, "bench: %s\n", why);
    exit(1);
}

static void measure(uint32_t rounds)
{
    measure_rings(rounds);
    measure_exchange(rounds);
    measure_disk(rounds);
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 301;

    if (argc > 1 && strcmp(argv[1], "time") == 0 && rounds > 0)
        measure((uint32_t)rounds);
    else if (argc > 1 && strcmp(argv[1], "count") == 0)
        measure(0);
    else if (argc > 1 && strcmp(argv[1], "latency") == 0 && rounds > 0)
        measure_latency((uint32_t)rounds);
    else if (argc > 1 && strcmp(argv[1], "sizes") == 0)
        print_sizes();
    else
        die("time [ROUNDS], count, latency [ROUNDS] or sizes");
    return 0;
}
