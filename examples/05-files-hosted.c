/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The same on the simulated host: 05-files-hosted IMAGE. */
#include <stdarg.h>
#include <stdio.h>

#include <sys/stat.h>

#include <vmb/sim_storage.h>

#include "files.h"

#define OFFERS 8

static struct vmb_hv hv;
static struct vmb_cpu cpu;
static struct vmb_conn conn;
static struct vmb_offer offers[OFFERS];

static void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

static bool connect(struct vmb_sim *sim)
{
    struct vmb_hv_cfg hv_cfg = { .pages = vmb_sim_alloc(sim, VMB_HV_PAGES) };
    struct vmb_cpu_cfg cpu_cfg = { .pages = vmb_sim_alloc(sim, VMB_CPU_PAGES) };
    struct vmb_conn_cfg cfg = { .cpu = &cpu,
                                .offers = offers,
                                .offer_cap = OFFERS,
                                .pages = vmb_sim_alloc(sim, VMB_CONN_PAGES) };

    return vmb_hv_start(&hv, vmb_sim_platform(sim), &hv_cfg) == VMB_OK &&
           vmb_cpu_start(&hv, &cpu, &cpu_cfg) == VMB_OK &&
           vmb_conn_start(&conn, &hv, &cfg) == VMB_OK &&
           vmb_wait_conn(&conn) == VMB_OK;
}

static bool leave(struct vmb_sim *sim)
{
    bool good = vmb_wait_unload(&conn) == VMB_OK;
    uint32_t i;

    vmb_cpu_stop(&cpu);
    vmb_hv_stop(&hv);
    for (i = 0; i < vmb_sim_violations(sim); i++)
        printf("violation: %s\n", vmb_sim_violation(sim, i));
    return good && vmb_sim_violations(sim) == 0;
}

static bool run(struct vmb_sim *sim, const struct vmb_sim_disk *disk)
{
    struct vmb_sim_storage_cfg cfg = { .size = sizeof cfg, .latency = 3 };
    struct vmb_sim_dev *dev = vmb_sim_storage_add(sim, &cfg);
    struct files files = { .conn = &conn,
                           .plat = vmb_sim_platform(sim),
                           .pages = vmb_sim_alloc(sim, FILES_PAGES),
                           .say = say };
    bool good;

    if (!dev || vmb_sim_storage_insert(dev, 0, disk) != VMB_OK || !connect(sim))
        return false;
    good = files_run(&files);
    return leave(sim) && good;
}

int main(int argc, char **argv)
{
    struct vmb_sim_cfg cfg = { .size = sizeof cfg, .quirks = VMB_SIM_AUTO_MAP };
    struct vmb_sim_disk disk = { .file = argv[argc > 1 ? 1 : 0] };
    struct vmb_sim *sim = vmb_sim_create(&cfg);
    struct stat is;
    bool good;

    if (argc != 2 || !sim || stat(argv[1], &is) != 0) {
        fprintf(stderr, "usage: 05-files-hosted IMAGE\n");
        return 2;
    }
    disk.blocks = (uint64_t)is.st_size / 512;
    good = run(sim, &disk);
    vmb_sim_destroy(sim);
    return good ? 0 : 1;
}
