/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "accesses.h"

#include "host.h"

#define MOST 5000u /* no life has as many */

static struct {
    const struct vmb_chan *chan;
    uint32_t left;
    void (*then)(void *ctx); /* NULL: nothing is planned */
    void *ctx;
} plan;

static bool is_within(const volatile void *at, const void *from, size_t len)
{
    return (uintptr_t)at - (uintptr_t)from < len;
}

static bool is_of_rings(const struct vmb_chan *chan, const volatile void *at)
{
    return is_within(at, chan->rx_.control_, VMB_PAGE_SIZE) ||
           is_within(at, chan->rx_.data_, chan->rx_.size_) ||
           is_within(at, chan->tx_.control_, VMB_PAGE_SIZE) ||
           is_within(at, chan->tx_.data_, chan->tx_.size_);
}

void vmb_host_hook_loaded(const volatile void *at, size_t len)
{
    void (*then)(void *ctx) = plan.then;

    (void)len;
    if (!then || (at && !is_of_rings(plan.chan, at)) || plan.left-- > 0)
        return;
    plan.then = NULL;
    then(plan.ctx);
}

void access_plan(const struct vmb_chan *chan, uint32_t k,
                 void (*then)(void *ctx), void *ctx)
{
    plan.chan = chan;
    plan.left = k;
    plan.then = then;
    plan.ctx = ctx;
}

bool access_came(void)
{
    bool came = !plan.then;

    plan.then = NULL;
    return came;
}

void access_each(bool (*life)(uint32_t k), uint32_t least)
{
    uint32_t k = 0;

    while (life(k))
        assert_true(++k < MOST);
    assert_true(k >= least);
}
