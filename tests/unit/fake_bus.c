/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "fake_bus.h"

static struct fake_bus *of(struct vmb_bus *bus)
{
    return (struct fake_bus *)(void *)bus;
}

static void note(struct fake_bus *bus, char call)
{
    if (bus->calls + 1 >= sizeof bus->log)
        return;
    bus->log[bus->calls++] = call;
    bus->log[bus->calls] = 0;
}

static enum vmb_status gpadl(struct vmb_bus *bus, struct vmb_gpadl *gpadl)
{
    struct fake_bus *fake = of(bus);

    note(fake, 'G');
    if (fake->gpadl_says != VMB_OK)
        return fake->gpadl_says;
    assert_null(fake->creating);
    fake->creating = gpadl;
    gpadl->id_ = 0x1000 + fake->held++;
    return VMB_OK;
}

static enum vmb_status gpadl_down(struct vmb_bus *bus, struct vmb_gpadl *gpadl)
{
    struct fake_bus *fake = of(bus);

    note(fake, 'D');
    if (fake->down_says != VMB_OK)
        return fake->down_says;
    assert_null(fake->destroying);
    fake->destroying = gpadl;
    return VMB_OK;
}

static enum vmb_status open(struct vmb_bus *bus, struct vmb_chan *chan)
{
    struct fake_bus *fake = of(bus);

    note(fake, 'O');
    if (fake->open_says != VMB_OK)
        return fake->open_says;
    assert_null(fake->opening);
    fake->opening = chan;
    return VMB_OK;
}

static void close(struct vmb_bus *bus, struct vmb_chan *chan)
{
    (void)chan;
    note(of(bus), 'C');
}

static enum vmb_status signal(struct vmb_bus *bus, struct vmb_chan *chan)
{
    struct fake_bus *fake = of(bus);
    struct vmb_fault why = { VMB_E_HYPERCALL, VMB_SITE_HV_HYPERCALL, 5, 5, 0 };

    note(fake, 'S');
    if (fake->on_signal)
        fake->on_signal(fake, chan);
    if (fake->signal_says == VMB_E_HYPERCALL)
        vmb_bus_broken(chan, &why);
    return fake->signal_says;
}

static uint64_t gpa(void *ctx, const void *va)
{
    (void)ctx;
    return (uintptr_t)va;
}

void fake_bus_init(struct fake_bus *bus)
{
    static const struct vmb_bus_ops ops = { gpadl, gpadl_down, open, close,
                                            signal };

    memset(bus, 0, sizeof *bus);
    bus->plat.size = sizeof bus->plat;
    bus->plat.gpa = gpa;
    bus->bus.ops = &ops;
    bus->bus.plat = &bus->plat;
    bus->offer.relid = 21;
    bus->offer.state_ = VMB_OFFER_PRESENT;
}

static struct vmb_fault because(enum vmb_status status)
{
    struct vmb_fault why = { status, VMB_SITE_NONE, 0, 0, 0 };

    if (status == VMB_E_REFUSED)
        why.host_code = 0xc0de;
    if (status != VMB_OK)
        why.site = VMB_SITE_REPLY_DEADLINE;
    return why;
}

void fake_answer_gpadl(struct fake_bus *bus, enum vmb_status status)
{
    struct vmb_gpadl *pending = bus->creating;
    struct vmb_fault why = because(status);

    assert_non_null(pending);
    bus->creating = NULL;
    if (status == VMB_E_REFUSED)
        bus->held--;
    vmb_bus_gpadl_done(pending, &why);
}

void fake_answer_down(struct fake_bus *bus, enum vmb_status status)
{
    struct vmb_gpadl *pending = bus->destroying;
    struct vmb_fault why = because(status);

    assert_non_null(pending);
    bus->destroying = NULL;
    if (status == VMB_OK)
        bus->held--;
    vmb_bus_gpadl_down_done(pending, &why);
}

void fake_answer_open(struct fake_bus *bus, enum vmb_status status)
{
    struct vmb_chan *pending = bus->opening;
    struct vmb_fault why = because(status);

    assert_non_null(pending);
    bus->opening = NULL;
    vmb_bus_open_done(pending, &why);
}

void fake_rescind(struct fake_bus *bus, struct vmb_chan *chan)
{
    /* The rescind is the answer to an open: no other comes. */
    bus->opening = NULL;
    bus->offer.state_ = VMB_OFFER_RESCINDED;
    vmb_bus_rescinded(chan);
}

void fake_lose(struct fake_bus *bus, struct vmb_chan *chan)
{
    bus->opening = NULL;
    bus->creating = NULL;
    bus->destroying = NULL;
    bus->held = 0;
    vmb_bus_lost(chan);
}

void fake_open(struct fake_bus *bus, struct vmb_chan *chan,
               const struct vmb_chan_cfg *cfg)
{
    assert_int_equal(vmb_chan_open_start(chan, &bus->bus, &bus->offer, cfg),
                     VMB_OK);
    fake_answer_gpadl(bus, VMB_OK);
    fake_answer_open(bus, VMB_OK);
    assert_int_equal(vmb_chan_open_status(chan), VMB_OK);
    assert_calls(bus, "GO");
}

void fake_close(struct fake_bus *bus, struct vmb_chan *chan)
{
    bus->log[bus->calls = 0] = 0;
    assert_int_equal(vmb_chan_close_start(chan), VMB_OK);
    fake_answer_down(bus, VMB_OK);
    assert_int_equal(vmb_chan_close_status(chan), VMB_OK);
    assert_calls(bus, "CD");
}
