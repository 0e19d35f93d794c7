/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * From a host's signal to the guest's receive, on the simulated host: the
 * device sends a packet, the simulator sets the event flag and interrupts, the
 * handler scans, the guest finds the channel and takes the packet.  What a
 * hypervisor adds to inject the interrupt is not in it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "guest.h"

#define VECTOR     0x40
#define RING_SMALL 4u
#define BYTES      64u

static struct guest guest;
static struct vmb_chan chan;
static double interrupted; /* when the handler was entered */

static void on_interrupt(void *ctx, uint32_t vp, uint8_t vector)
{
    (void)ctx;
    (void)vp;
    (void)vector;
    interrupted = now();
    (void)vmb_cpu_scan(&guest.cpu);
}

static void open_channel(struct vmb_sim_dev *device)
{
    struct vmb_chan_cfg cfg = { .ring = vmb_sim_alloc(guest.sim,
                                                      2 * RING_SMALL + 2),
                                .tx_pages = RING_SMALL,
                                .rx_pages = RING_SMALL };

    guest_open(&guest, device, &chan, &cfg);
}

static void take_packet(void)
{
    uint8_t payload[BYTES];
    struct vmb_rx packet;

    if (vmb_cpu_next_ready(&guest.cpu) != &chan)
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
    struct vmb_sim_dev *device;
    double(*took)[2] = malloc(rounds * sizeof *took);
    static const char *const names[] = { "interrupt to receive",
                                         "host's send to receive" };
    uint32_t i, k;

    guest_make(&guest, &cfg);
    device = vmb_sim_test_add(guest.sim, 1, 0);
    if (!device || !took)
        die("out of memory");
    guest_connect(&guest, NULL, VECTOR);
    open_channel(device);
    for (i = 0; i < rounds; i++)
        one_round(vmb_sim_channel(device, 0), took[i]);
    for (k = 0; k < 2; k++) {
        printf("latency\t%s\t", names[k]);
        for (i = 0; i < rounds; i++)
            printf(" %.0f", took[i][k] * 1e9);
        printf("\n");
    }
    guest_end(&guest);
    free(took);
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
        SIZE(vmb_conn, "per connection"),
        SIZE(vmb_offer, "per offer"),
        SIZE(vmb_hv, "per machine"),
        SIZE(vmb_cpu, "per processor"),
        SIZE(vmb_chan, "per channel"),
        SIZE(vmb_gpadl, "per GPADL"),
        SIZE(vmb_txn, "per transaction"),
        SIZE(vmb_mdl, "per buffer described"),
        SIZE(vmb_channel, "per client channel, beside its memory"),
    };
    uint32_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        printf("bytes\tstruct %s\t%zu\t%s\n", sizes[i].type, sizes[i].bytes,
               sizes[i].what);
}
