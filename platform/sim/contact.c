/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Coming and going: version, target, pages; unload. */
#include "internal.h"

#include <string.h>

static const uint32_t known[] = { VERSION_0_13, VERSION_1_1, VERSION_2_4,
                                  VERSION_3_0,  VERSION_4_0, VERSION_4_1,
                                  VERSION_5_0,  VERSION_5_1, VERSION_5_2,
                                  VERSION_5_3,  VERSION_6_0 };

static bool speaks(struct vmb_sim *sim, uint32_t version)
{
    if (version > sim->cfg.max_version || version < sim->cfg.min_version)
        return false;
    if (sim->cfg.quirks & VMB_SIM_QEMU)
        return version != 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i] == version)
            return true;
    }
    return false;
}

static void reply(struct vmb_sim *sim, uint32_t sint, uint32_t state)
{
    uint8_t answer[VERSION_LEN_6] = { MSG_VERSION };
    bool six = sim->version >= VERSION_6_0;

    answer[VERSION_SUPPORTED] = sim->version != 0;
    answer[VERSION_STATE] = (uint8_t)state;
    if (sim->version >= VERSION_5_0)
        put32(answer + VERSION_VALUE, sim->cfg.message_id);
    else if (!(sim->cfg.quirks & VMB_SIM_QEMU))
        put32(answer + VERSION_VALUE, sim->version);
    put32(answer + VERSION_FEATURES, sim->features);
    vmb_h_post_to(sim, sint, answer, six ? VERSION_LEN_6 : VERSION_LEN);
}

/* Errors of the guests below 2.4 have no words: "not supported". */
static void fail(struct vmb_sim *sim, uint32_t version, uint32_t state)
{
    bool words = version >= VERSION_2_4;

    sim->version = words ? version : 0;
    sim->features = 0;
    reply(sim, VMBUS_SINT, words ? state : 0);
    sim->version = 0;
}

static bool page_at(struct vmb_sim *sim, uint64_t gpa, const char *name,
                    uint8_t **out)
{
    uint8_t *page = gpa % 4096 ? NULL : vmb_h_at(sim, gpa);

    if (!page)
        vmb_h_odd(sim, "%s page at %#llx is not a page of guest memory", name,
                  (unsigned long long)gpa);
    __atomic_store_n(out, page, __ATOMIC_RELEASE);
    return page != NULL;
}

static void forget_pages(struct vmb_sim *sim)
{
    __atomic_store_n(&sim->interrupt_page, NULL, __ATOMIC_RELEASE);
    sim->monitor[0] = sim->monitor[1] = NULL;
}

/* False: the pages are refused. */
static bool take_pages(struct vmb_sim *sim, const uint8_t *bytes)
{
    uint32_t version = get32(bytes + CONTACT_VERSION);
    uint64_t p2c = get64(bytes + CONTACT_P2C), c2p = get64(bytes + CONTACT_C2P);

    if (version < VERSION_2_4 && !page_at(sim, get64(bytes + CONTACT_PAGE),
                                          "interrupt", &sim->interrupt_page))
        return false;
    if (sim->cfg.quirks & VMB_SIM_QEMU)
        return true; /* has no monitors, looks at none */
    if (!p2c != !c2p) {
        vmb_h_wrong(sim, "one monitor page given: both or neither");
        return false;
    }
    return !p2c || (page_at(sim, p2c, "monitor", &sim->monitor[0]) &&
                    page_at(sim, c2p, "monitor", &sim->monitor[1]));
}

/* Which message SINT and VTL the guest means; false: no answer at all. */
static bool target(struct vmb_sim *sim, const struct vmb_h_message *message,
                   uint32_t *sint)
{
    uint32_t version = get32(message->bytes + CONTACT_VERSION);
    uint32_t vp = get32(message->bytes + CONTACT_VP);

    *sint = VMBUS_SINT;
    sim->contact_vp = version >= VERSION_3_0 ? vp : 0;
    if (sim->contact_vp >= sim->cfg.vps) {
        vmb_h_wrong(sim, "contact names VP %u, there are %u", vp, sim->cfg.vps);
        sim->contact_vp = 0;
        return false;
    }
    if (version < VERSION_5_0 || message->connection != 4)
        return true;
    *sint = message->bytes[CONTACT_PAGE];
    if (message->bytes[CONTACT_PAGE + 1] != 0 || *sint > 15) {
        vmb_h_wrong(sim, "contact names VTL %u, SINT %u",
                    message->bytes[CONTACT_PAGE + 1], *sint);
        return false;
    }
    return true;
}

static bool grant(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    uint32_t version = get32(message->bytes + CONTACT_VERSION);
    uint32_t asked = get32(message->bytes + CONTACT_PAGE + 4);
    uint32_t can =
        FEATURE_SIGNAL_PARAMETERS | FEATURE_REDIRECTION | FEATURE_CLIENT_ID;

    sim->features = 0;
    if (version < VERSION_6_0)
        return true;
    sim->features = asked & sim->cfg.features & can;
    if (sim->features & FEATURE_CLIENT_ID && message->len < CONTACT2_LEN) {
        vmb_h_wrong(sim, "client id feature, but contact of %u bytes",
                    message->len);
        return false;
    }
    return true;
}

static void accept(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    uint32_t version = get32(message->bytes + CONTACT_VERSION);

    if (!sim->vp[sim->contact_vp].messages.at ||
        !(sim->vp[sim->contact_vp].scontrol & 1))
        vmb_h_odd(sim, "contact while VP %u cannot take messages",
                  sim->contact_vp);
    if (!grant(sim, message))
        return;
    if (!take_pages(sim, message->bytes)) {
        forget_pages(sim);
        fail(sim, version, STATE_FAILED);
        return;
    }
    sim->version = version;
    sim->connected = true;
    reply(sim, VMBUS_SINT, 0);
}

/* Legal at any time: what there was is torn down first. */
void vmb_h_contact(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    uint32_t version = get32(message->bytes + CONTACT_VERSION), sint;

    vmb_h_disconnect(sim);
    if (!target(sim, message, &sint))
        return;
    if (message->refuse && version >= VERSION_2_4) {
        fail(sim, version, STATE_FAILED);
        return;
    }
    sim->features = 0;
    if (sint != VMBUS_SINT || message->refuse || !speaks(sim, version))
        reply(sim, sint, 0);
    else
        accept(sim, message);
}

void vmb_h_disconnect(struct vmb_sim *sim)
{
    for (uint32_t i = 0; i < sim->chans; i++) {
        vmb_h_chan_close(sim->chan[i]);
        vmb_h_gpadl_drop_all(sim->chan[i]);
    }
    vmb_h_offers_forget(sim);
    sim->version = 0;
    sim->features = 0;
    sim->connected = false;
    sim->offers_sent = false;
    forget_pages(sim);
}

void vmb_h_unload(struct vmb_sim *sim, const struct vmb_h_message *message)
{
    uint8_t answer[8] = { MSG_UNLOADED };
    uint32_t version = sim->version;

    (void)message;
    if (sim->cfg.quirks & VMB_SIM_QEMU)
        vmb_h_queue_clear(&sim->to_guest);
    vmb_h_disconnect(sim);
    if (version >= VERSION_1_1 || sim->cfg.quirks & VMB_SIM_QEMU)
        vmb_h_post(sim, answer, sizeof answer);
}

bool vmb_sim_connected(struct vmb_sim *sim)
{
    bool connected;

    vmb_h_enter(sim);
    connected = sim->connected;
    vmb_h_leave(sim);
    return connected;
}

uint32_t vmb_sim_version(struct vmb_sim *sim)
{
    uint32_t version;

    vmb_h_enter(sim);
    version = sim->version;
    vmb_h_leave(sim);
    return version;
}

uint32_t vmb_sim_features(struct vmb_sim *sim)
{
    uint32_t features;

    vmb_h_enter(sim);
    features = sim->features;
    vmb_h_leave(sim);
    return features;
}
