/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "guest.h"

#include "bench.h"

void expect(enum vmb_status status, const char *what)
{
    if (status != VMB_OK)
        die(what);
}

void guest_make(struct guest *guest, const struct vmb_sim_cfg *cfg)
{
    *guest = (struct guest){ .sim = vmb_sim_create(cfg) };
    if (!guest->sim)
        die("no simulated host");
}

void guest_connect(struct guest *guest, const struct vmb_platform *plat,
                   uint8_t vector)
{
    struct vmb_sim *sim = guest->sim;
    struct vmb_hv_cfg hv_cfg = { .pages = vmb_sim_alloc(sim, VMB_HV_PAGES) };
    struct vmb_cpu_cfg cpu_cfg = { .pages = vmb_sim_alloc(sim, VMB_CPU_PAGES),
                                   .vector = vector };
    struct vmb_conn_cfg conn_cfg = { .cpu = &guest->cpu,
                                     .pages =
                                         vmb_sim_alloc(sim, VMB_CONN_PAGES),
                                     .offers = guest->offers,
                                     .offer_cap = GUEST_OFFERS };

    if (!plat)
        plat = vmb_sim_platform(sim);
    expect(vmb_hv_start(&guest->hv, plat, &hv_cfg), "no hypervisor");
    expect(vmb_cpu_start(&guest->hv, &guest->cpu, &cpu_cfg), "no SynIC");
    expect(vmb_conn_start(&guest->conn, &guest->hv, &conn_cfg),
           "no connection");
    expect(vmb_wait_conn(&guest->conn), "no connection");
}

struct vmb_offer *guest_offer(struct guest *guest, struct vmb_sim_dev *dev)
{
    uint32_t relid = vmb_sim_relid(vmb_sim_channel(dev, 0)), i;
    struct vmb_offer *offer;

    for (i = 0; (offer = vmb_conn_offer(&guest->conn, i)) != NULL; i++)
        if (offer->relid == relid)
            return offer;
    die("no offer of the device");
}

void guest_open(struct guest *guest, struct vmb_sim_dev *dev,
                struct vmb_chan *chan, const struct vmb_chan_cfg *cfg)
{
    expect(vmb_chan_open_start(chan, vmb_conn_bus(&guest->conn),
                               guest_offer(guest, dev), cfg),
           "no channel");
    expect(vmb_wait_open(&guest->conn, chan), "no channel");
}

void guest_end(struct guest *guest)
{
    expect(vmb_wait_unload(&guest->conn), "connection stays");
    if (vmb_sim_violations(guest->sim) != 0)
        die("the simulated host complains");
    vmb_sim_destroy(guest->sim);
}
