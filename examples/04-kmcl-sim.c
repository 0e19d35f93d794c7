/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The same client (04-kmcl.c) in a process on Linux, on the simulated host,
 * with a device that hashes as QEMU's test device does.
 */
#include <stdio.h>
#include <string.h>

#include <vmb/sim.h>
#include <vmb/vmb.h>

#include "04-kmcl.h"
#include "testdev_proto.h"

#define ARENA_PAGES 128
#define OFFERS      8

/* ---- The host's device --------------------------------------------------- */

static void on_packet(void *ctx, const struct vmb_sim_packet *packet)
{
    static uint8_t data[64 * VMB_PAGE_SIZE];
    struct vmb_testdev_request request = { 0 };
    struct vmb_testdev_reply reply = { .magic = VMB_TESTDEV_MAGIC };

    (void)ctx;
    if (packet->len >= sizeof request)
        memcpy(&request, packet->data, sizeof request);
    reply.op = request.op;
    reply.bytes = vmb_sim_read(packet, 0, data, sizeof data);
    reply.hash = vmb_testdev_hash_of(data, reply.bytes);
    if (request.op != VMB_TESTDEV_HASH)
        reply.status = VMB_TESTDEV_BAD_REQUEST;
    if (packet->want_completion)
        vmb_sim_complete(packet->chan, packet->xid, &reply, sizeof reply);
}

/* ---- The guest ----------------------------------------------------------- */

static struct vmb_hv hv;
static struct vmb_cpu cpu;
static struct vmb_conn conn;
static struct vmb_offer offers[OFFERS];
static struct vmb_kmcl_device device;

static enum vmb_status connect_to(struct vmb_sim *sim)
{
    struct vmb_hv_cfg hv_cfg = { .pages = vmb_sim_alloc(sim, VMB_HV_PAGES) };
    struct vmb_cpu_cfg cpu_cfg = { .pages = vmb_sim_alloc(sim, VMB_CPU_PAGES) };
    struct vmb_conn_cfg conn_cfg = { .cpu = &cpu,
                                     .pages =
                                         vmb_sim_alloc(sim, VMB_CONN_PAGES),
                                     .offers = offers,
                                     .offer_cap = OFFERS };
    enum vmb_status status = vmb_hv_start(&hv, vmb_sim_platform(sim), &hv_cfg);

    if (status == VMB_OK)
        status = vmb_cpu_start(&hv, &cpu, &cpu_cfg);
    if (status == VMB_OK)
        status = vmb_conn_start(&conn, &hv, &conn_cfg);
    return status == VMB_OK ? vmb_wait_conn(&conn) : status;
}

static NTSTATUS run(struct vmb_sim *sim, CLIENT_RESULT *result)
{
    struct vmb_kmcl_device_cfg cfg = { .conn = &conn,
                                       .arena = vmb_sim_alloc(sim, ARENA_PAGES),
                                       .arena_pages = ARENA_PAGES };

    if (connect_to(sim) != VMB_OK ||
        vmb_kmcl_device_init(&device, &cfg) != VMB_OK)
        return STATUS_UNSUCCESSFUL;
    return ClientRun(&device, &GUID_DEVTYPE_TEST, result);
}

static bool leave(void)
{
    bool is_left = vmb_wait_unload(&conn) == VMB_OK;

    vmb_cpu_stop(&cpu);
    vmb_hv_stop(&hv);
    return is_left;
}

int main(void)
{
    struct vmb_sim_device is = { .on_packet = on_packet };
    struct vmb_sim *sim = vmb_sim_create(NULL);
    CLIENT_RESULT result = { "no connection", 0, 0 };
    NTSTATUS status = STATUS_UNSUCCESSFUL;
    bool is_left;

    memcpy(is.type, &GUID_DEVTYPE_TEST, sizeof is.type);
    if (sim && vmb_sim_device_add(sim, &is))
        status = run(sim, &result);
    printf("status 0x%x after: %s; answers: %u; bytes that the host read: "
           "%llu\n",
           (unsigned)status, result.Step, (unsigned)result.Answers,
           (unsigned long long)result.Bytes);
    is_left = sim && leave() && vmb_sim_violations(sim) == 0;
    if (sim)
        vmb_sim_destroy(sim);
    return NT_SUCCESS(status) && is_left && vmb_kmcl_misuses(&device) == 0 ? 0
                                                                           : 1;
}
