/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "fake_host.h"

#include <stdio.h>

/* Numbers of control messages; source as in <vmb/wire/vmbus.h>. */
enum number {
    OFFER = 1,
    RESCIND = 2,
    REQUEST_OFFERS = 3,
    ALL_OFFERS = 4,
    OPEN = 5,
    OPEN_RESULT = 6,
    GPADL_HEADER = 8,
    GPADL_BODY = 9,
    GPADL_CREATED = 10,
    GPADL_TEARDOWN = 11,
    GPADL_TORNDOWN = 12,
    INITIATE_CONTACT = 14,
    VERSION_RESPONSE = 15,
    UNLOAD = 16,
    UNLOAD_RESPONSE = 17,
    MODIFY = 22,
    MODIFY_RESPONSE = 24
};

static uint32_t get32(const uint8_t *from)
{
    uint32_t value;

    memcpy(&value, from, sizeof value);
    return value;
}

void host_send(struct fake_host *host, uint32_t number, const uint32_t *words,
               uint32_t count)
{
    uint8_t *bytes = host->queue[host->tail % HOST_QUEUE].bytes;

    assert_true(host->tail - host->head < HOST_QUEUE && count <= 58);
    memset(bytes, 0, 240);
    memcpy(bytes, &number, sizeof number);
    if (count)
        memcpy(bytes + 8, words, count * sizeof *words);
    host->queue[host->tail++ % HOST_QUEUE].len = 8 + count * 4;
}

/* Type and instance are the relid, 16 times. */
void host_offer(struct fake_host *host, uint32_t relid)
{
    uint32_t words[47] = { 0 };
    uint8_t *at = (uint8_t *)words;

    memset(at, (int)relid, 32);
    words[44] = relid;
    words[45] = 1u << 16; /* an interrupt of its own */
    words[46] = 0x2000 + relid;
    host_send(host, OFFER, words, COUNT(words));
}

void host_rescind(struct fake_host *host, uint32_t relid)
{
    host_send(host, RESCIND, &relid, 1);
}

/* ---- answers ---------------------------------------------------------------
 */

static void on_contact(struct fake_host *host, const uint8_t *m)
{
    uint32_t yes = get32(m + 8) == host->version;
    uint32_t words[3] = { 0, 0, 0 };

    if (yes) {
        words[0] = 1 | host->state << 8;
        words[1] = 1; /* the connection id to use from now on */
    }
    host_send(host, VERSION_RESPONSE, words, 3);
}

static void on_request_offers(struct fake_host *host)
{
    uint32_t relid;

    for (relid = 1; relid <= host->devices; relid++)
        host_offer(host, relid);
    host_send(host, ALL_OFFERS, NULL, 0);
}

static void on_gpadl_part(struct fake_host *host, const uint8_t *m,
                          uint32_t pages)
{
    uint32_t words[3] = { host->gpadl_relid, get32(m + 12), 0 };

    host->gpadl_left -= pages < host->gpadl_left ? pages : host->gpadl_left;
    if (host->gpadl_left == 0)
        host_send(host, GPADL_CREATED, words, 3);
}

static void on_gpadl(struct fake_host *host, const uint8_t *m)
{
    host->gpadl_relid = get32(m + 8);
    host->gpadl_left = (get32(m + 16) & 0xffff) / 8 - 1;
    host->gpadl_bodies = 0;
    on_gpadl_part(host, m, 26);
}

static void on_teardown(struct fake_host *host, const uint8_t *m)
{
    uint32_t id = get32(m + 12);

    host_send(host, GPADL_TORNDOWN, &id, 1);
}

static void on_open(struct fake_host *host, const uint8_t *m)
{
    uint32_t words[3] = { get32(m + 8), get32(m + 12), 0 };

    host_send(host, OPEN_RESULT, words, 3);
}

static void on_modify(struct fake_host *host, const uint8_t *m)
{
    uint32_t words[2] = { get32(m + 8), 0 };

    if (host->version >= 0x50003)
        host_send(host, MODIFY_RESPONSE, words, 2);
}

static void answer(struct fake_host *host, const uint8_t *m)
{
    switch (get32(m)) {
    case INITIATE_CONTACT:
        on_contact(host, m);
        break;
    case REQUEST_OFFERS:
        on_request_offers(host);
        break;
    case GPADL_HEADER:
        on_gpadl(host, m);
        break;
    case GPADL_BODY:
        assert_int_equal(get32(m + 8), ++host->gpadl_bodies);
        on_gpadl_part(host, m, 28);
        break;
    case GPADL_TEARDOWN:
        on_teardown(host, m);
        break;
    case OPEN:
        on_open(host, m);
        break;
    case MODIFY:
        on_modify(host, m);
        break;
    case UNLOAD:
        host_send(host, UNLOAD_RESPONSE, NULL, 0);
        break;
    default: /* the others have none */
        break;
    }
}

static uint64_t on_post(struct fake_host *host, uint64_t in)
{
    const uint8_t *input = fake_va(in), *m = input + 16;
    uint32_t number = get32(m);
    size_t used = strlen(host->log);

    assert_int_equal(get32(input + 8), 1);
    assert_true(get32(input + 12) <= 240);
    if (host->says && (!host->refused || host->refused == number))
        return host->says;
    snprintf(host->log + used, sizeof host->log - used, "%u ", number);
    if (!host->silent[number])
        answer(host, m);
    return 0;
}

static uint64_t on_hypercall(struct fake_cpu *machine, uint64_t control,
                             uint64_t in)
{
    struct fake_host *host = machine->user;

    if (control == 0x5c)
        return on_post(host, in);
    assert_int_equal(control, 0x1005d);
    host->signals++;
    host->signalled = (uint32_t)in;
    return 0;
}

/* ---- life
 * -------------------------------------------------------------------- */

static void start_cpus(struct fake_host *host)
{
    struct vmb_cpu_cfg cfg = { .vector = 64 };
    uint32_t i;

    for (i = 0; i < 2; i++) {
        cfg.pages = host->pages + (2 + 2 * i) * PAGE;
        *fake_reg(&host->machine, 0x40000002) = i;
        assert_int_equal(vmb_cpu_start(&host->hv, &host->cpu[i], &cfg), VMB_OK);
    }
}

void host_init(struct fake_host *host, uint32_t version)
{
    struct vmb_hv_cfg cfg = { 0 };

    memset(host, 0, sizeof *host);
    fake_cpu_init(&host->machine);
    host->machine.plat.now = fake_cpu_now;
    host->machine.on_hypercall = on_hypercall;
    host->machine.user = host;
    host->pages = new_pages(6 + VMB_CONN_PAGES);
    host->version = version;
    host->devices = 2;
    cfg.pages = host->pages;
    assert_int_equal(vmb_hv_start(&host->hv, &host->machine.plat, &cfg),
                     VMB_OK);
    start_cpus(host);
    host->cfg.cpu = &host->cpu[0];
    host->cfg.pages = host->pages + 6 * PAGE;
    host->cfg.offers = host->offers;
    host->cfg.offer_cap = HOST_OFFERS;
}

void host_free(struct fake_host *host)
{
    free(host->pages);
}

static bool deliver(struct fake_host *host)
{
    uint8_t *slot = host->pages + 2 * PAGE + 2 * 256;
    const uint32_t type = 1;

    if (host->head == host->tail || get32(slot))
        return false;
    slot[4] = (uint8_t)host->queue[host->head % HOST_QUEUE].len;
    slot[5] = 0;
    memcpy(slot + 16, host->queue[host->head % HOST_QUEUE].bytes, 240);
    memcpy(slot, &type, sizeof type);
    host->head++;
    return true;
}

enum vmb_status host_turn(struct fake_host *host)
{
    (void)deliver(host);
    return vmb_conn_poll(&host->conn);
}

enum vmb_status host_settle(struct fake_host *host)
{
    enum vmb_status status = VMB_AGAIN;
    uint32_t i;

    for (i = 0; i < 1000; i++) {
        status = host_turn(host);
        if (host->head == host->tail && status != VMB_AGAIN)
            break;
    }
    return status;
}

void host_connect(struct fake_host *host)
{
    assert_int_equal(vmb_conn_start(&host->conn, &host->hv, &host->cfg),
                     VMB_OK);
    assert_int_equal(host_settle(host), VMB_OK);
    assert_int_equal(vmb_conn_version(&host->conn), host->version);
    host->log[0] = 0;
}
