/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What the guest did wrong, as text; and the trace. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES 200u

static void say(struct vmb_sim *sim, const char *kind, const char *format,
                va_list args)
{
    char line[TEXT_BYTES + 16], text[TEXT_BYTES];

    if (!sim->cfg.trace)
        return;
    vsnprintf(text, sizeof text, format, args);
    snprintf(line, sizeof line, "%s%s", kind, text);
    sim->cfg.trace(sim->cfg.ctx, line);
}

static void record(struct vmb_sim *sim, const char *format, va_list args)
{
    char *text;

    if (sim->violations < VMB_H_TEXTS) {
        text = malloc(TEXT_BYTES);
        if (text)
            vsnprintf(text, TEXT_BYTES, format, args);
        sim->text[sim->violations] = text;
    }
    sim->violations++;
}

static void wrong(struct vmb_sim *sim, bool excuse, const char *format,
                  va_list args)
{
    va_list again;

    vmb_h_enter(sim);
    va_copy(again, args);
    say(sim, excuse ? "excused: " : "violation: ", format, again);
    va_end(again);
    if (excuse)
        sim->excused++;
    else
        record(sim, format, args);
    vmb_h_leave(sim);
}

void vmb_h_wrong(struct vmb_sim *sim, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    wrong(sim, false, format, args);
    va_end(args);
}

void vmb_h_odd(struct vmb_sim *sim, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    wrong(sim, sim->disturbed, format, args);
    va_end(args);
}

void vmb_h_ring_wrong(struct vmb_sim_chan *chan, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    wrong(chan->sim, chan->disturbed, format, args);
    va_end(args);
}

void vmb_h_disturb(struct vmb_sim *sim)
{
    vmb_h_enter(sim);
    sim->disturbed = true;
    vmb_h_leave(sim);
}

void vmb_h_trace(struct vmb_sim *sim, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(sim, "", format, args);
    va_end(args);
}

uint32_t vmb_sim_violations(struct vmb_sim *sim)
{
    uint32_t count;

    vmb_h_enter(sim);
    count = sim->violations;
    vmb_h_leave(sim);
    return count;
}

uint32_t vmb_sim_excused(struct vmb_sim *sim)
{
    uint32_t count;

    vmb_h_enter(sim);
    count = sim->excused;
    vmb_h_leave(sim);
    return count;
}

const char *vmb_sim_violation(struct vmb_sim *sim, uint32_t index)
{
    const char *text = NULL;

    vmb_h_enter(sim);
    if (index < sim->violations && index < VMB_H_TEXTS)
        text = sim->text[index];
    vmb_h_leave(sim);
    return text;
}

void vmb_sim_violations_clear(struct vmb_sim *sim)
{
    vmb_h_enter(sim);
    for (uint32_t i = 0; i < VMB_H_TEXTS; i++) {
        free(sim->text[i]);
        sim->text[i] = NULL;
    }
    sim->violations = 0;
    sim->excused = 0;
    vmb_h_leave(sim);
}
