/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * From a host's signal to the guest's receive, on the simulated host: the
 * device sends a packet, the simulator sets the event flag and interrupts, the
 * handler scans, the guest finds the channel and takes the packet.  What a
 * hypervisor adds to inject the interrupt is not in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <vmb/sim.h>
#include <vmb/vmb.h>

#include "bench.h"

#define VECTOR     0x40
#define RING_SMALL 4u
#define BYTES      64u

static struct vmb_hv hv;
static struct vmb_cpu cpu;
static struct vmb_conn conn;
static struct vmb_chan chan;
static struct vmb_offer offers[4];
static double interrupted; /* when the handler was entered */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void expect(enum vmb_status status, const char *what)
{
    if (status != VMB_OK)
        die(what);
}

static void on_interrupt(void *ctx, uint32_t vp, uint8_t vector)
{
    (void)ctx;
    (void)vp;
    (void)vector;
    interrupted = now();
    (void)vmb_cpu_scan(&cpu);
}

static void set_up(struct vmb_sim *sim)
{
    struct vmb_hv_cfg hv_cfg = { .pages = vmb_sim_alloc(sim, VMB_HV_PAGES) };
    struct vmb_cpu_cfg cpu_cfg = { .pages = vmb_sim_alloc(sim, VMB_CPU_PAGES),
                                   .vector = VECTOR };
    struct vmb_conn_cfg conn_cfg = { .cpu = &cpu,
                                     .pages =
                                         vmb_sim_alloc(sim, VMB_CONN_PAGES),
                                     .offers = offers,
                                     .offer_cap = 4 };
    struct vmb_chan_cfg chan_cfg = { .ring =
                                         vmb_sim_alloc(sim, 2 * RING_SMALL + 2),
                                     .tx_pages = RING_SMALL,
                                     .rx_pages = RING_SMALL };

    expect(vmb_hv_start(&hv, vmb_sim_platform(sim), &hv_cfg), "no hypervisor");
    expect(vmb_cpu_start(&hv, &cpu, &cpu_cfg), "no SynIC");
    expect(vmb_conn_start(&conn, &hv, &conn_cfg), "no connection");
    expect(vmb_wait_conn(&conn), "no connection");
    expect(vmb_chan_open_start(&chan, vmb_conn_bus(&conn),
                               vmb_conn_offer(&conn, 0), &chan_cfg),
           "no channel");
    expect(vmb_wait_open(&conn, &chan), "no channel");
}

static void take_packet(void)
{
    uint8_t payload[BYTES];
    struct vmb_rx packet;

    if (vmb_cpu_next_ready(&cpu) != &chan)
        die("no channel was flagged");
    expect(vmb_chan_recv(&chan, &packet), "no packet");
    if (vmb_rx_copy(&chan, &packet, 0, payload, BYTES) != BYTES)
        die("short packet");
}

static void one_round(struct vmb_sim_chan *host, double took[2])
{
    static const uint8_t payload[BYTES];
    double start, end;

    expect(vmb_chan_release(&chan), "channel is dead");
    if (vmb_chan_arm(&chan))
        die("a packet nobody sent");
    start = now();
    expect(vmb_sim_send_inband(host, 1, payload, BYTES, false), "not sent");
    take_packet();
    end = now();
    took[0] = end - interrupted;
    took[1] = end - start;
}

void measure_latency(uint32_t rounds)
{
    struct vmb_sim_cfg cfg = { .size = sizeof cfg,
                               .on_interrupt = on_interrupt };
    struct vmb_sim *sim = vmb_sim_create(&cfg);
    struct vmb_sim_dev *device = sim ? vmb_sim_test_add(sim, 1, 0) : NULL;
    double(*took)[2] = malloc(rounds * sizeof *took);
    static const char *const names[] = { "interrupt to receive",
                                         "host's send to receive" };
    uint32_t i, k;

    if (!device || !took)
        die("out of memory");
    set_up(sim);
    for (i = 0; i < rounds; i++)
        one_round(vmb_sim_channel(device, 0), took[i]);
    for (k = 0; k < 2; k++) {
        printf("latency\t%s\t", names[k]);
        for (i = 0; i < rounds; i++)
            printf(" %.0f", took[i][k]);
        printf("\n");
    }
    expect(vmb_wait_unload(&conn), "connection stays");
    if (vmb_sim_violations(sim) != 0)
        die("the simulated host complains");
    free(took);
    vmb_sim_destroy(sim);
}

#define SIZE(type, what)                 \
    {                                    \
#type, sizeof(struct type), what \
    }

void print_sizes(void)
{
    static const struct {
        const char *type;
        size_t bytes;
        const char *what;
    } sizes[] = {
        SIZE(vmb_conn, "per connection"), SIZE(vmb_offer, "per offer"),
        SIZE(vmb_hv, "per machine"),      SIZE(vmb_cpu, "per processor"),
        SIZE(vmb_chan, "per channel"),    SIZE(vmb_gpadl, "per GPADL"),
        SIZE(vmb_txn, "per transaction"), SIZE(vmb_mdl, "per buffer described"),
    };
    uint32_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        printf("bytes\tstruct %s\t%zu\t%s\n", sizes[i].type, sizes[i].bytes,
               sizes[i].what);
}
