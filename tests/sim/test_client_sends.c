/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The three sends with every argument: what is refused and how, the same with
 * room in the ring and without; and of what is taken, that the host sees just
 * these bytes, sent at once or from the queue.
 */
#include "client.h"

#define WAIT  VMB_SEND_WAIT_FOR_COMPLETION
#define FORCE VMB_SEND_FORCE_MDL_LENGTH
#define PAGED VMB_SEND_PAGED_BUFFER
#define PAGES 12u
#define BYTES (PAGES * VMB_PAGE_SIZE)

static struct client client;
static struct recorder recorder;
static uint8_t *data; /* PAGES of them */
static uint64_t pfns[64];

/* A channel whose ring takes about one packet of the largest. */
static struct client *up(bool pipe)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = true });
    struct client *c = &client;
    uint32_t i;

    recorder_add(&recorder, rig, 0);
    rig_start(rig);
    client_make(c, rig, recorder.dev);
    c->cfg.packet_bytes = 600;
    c->cfg.external_bytes = 8 * VMB_PAGE_SIZE;
    c->cfg.external_mdls = 4;
    c->cfg.tx_pages = 1;
    c->cfg.pipe = pipe;
    client_up(c);
    data = rig_alloc(rig, PAGES);
    for (i = 0; i < BYTES; i++)
        data[i] = vmb_sim_pattern(11, i);
    rig_settle(rig);
    return c;
}

/* The host stops; the ring fills, and one packet more waits. */
static void fill(struct client *c)
{
    struct vmb_packet *packet;

    vmb_sim_stall(rig_host(c->dev), true);
    do {
        packet = client_packet(c);
        assert_int_equal(vmb_packet_send(packet, data, 600, NULL, 0), VMB_OK);
    } while (vmb_packet_state(packet) == VMB_PACKET_IDLE);
}

static void drain(struct client *c)
{
    vmb_sim_stall(rig_host(c->dev), false);
    rig_settle(c->rig);
}

static struct vmb_mdl member(uint32_t at, uint32_t bytes, uint64_t *numbers)
{
    struct vmb_mdl mdl;

    assert_int_equal(vmb_mdl_from_virtual(&mdl, &client.rig->plat, data + at,
                                          bytes, numbers, 16),
                     VMB_OK);
    return mdl;
}

/* ---- What is refused ------------------------------------------------------
 */

struct chain {
    struct vmb_mdl one, two, three, five[5], none[2], big, off, few, loose;
    struct vmb_mdl most;   /* says so, and has not */
    struct vmb_mdl tail;   /* bites itself */
    struct vmb_mdl hollow; /* one page, and none of its bytes */
};

static void make_chains(struct chain *k)
{
    uint32_t i;

    memset(k, 0, sizeof *k);
    k->one = member(100, 5000, pfns);
    k->three = member(3 * 4096 + 1, 3000, pfns + 4);
    k->two = member(2 * 4096, 4096, pfns + 8);
    k->two.next = &k->three;
    for (i = 0; i < 5; i++) {
        k->five[i] = member(i * 4096, 8, pfns + 12 + i);
        k->five[i].next = i < 4 ? &k->five[i + 1] : NULL;
    }
    k->none[0] = member(0, 0, pfns + 20);
    k->none[1] = k->none[0];
    k->none[0].next = &k->none[1];
    k->big = member(0, 8 * 4096 + 1, pfns + 24);
    k->most = k->one;
    k->most.byte_count = UINT32_MAX;
    k->most.pfn_count = (1u << 20) + 1;
    k->off = k->one;
    k->off.byte_offset = 4096;
    k->few = k->one;
    k->few.pfn_count = 1;
    k->loose = k->one;
    k->loose.pfns = NULL;
    k->tail = k->one;
    k->tail.next = &k->tail;
    k->hollow = k->one;
    k->hollow.byte_count = 0;
    k->hollow.next = &k->two;
}

struct attempt {
    const char *what;
    const struct vmb_mdl *mdl;
    uint64_t offset, length;
    uint32_t bytes, flags;
    enum vmb_status status;
    bool no_buffer;
};

static enum vmb_status attempt(struct vmb_packet *packet,
                               const struct attempt *a)
{
    return vmb_packet_send_with_external_mdl(packet, a->no_buffer ? NULL : data,
                                             a->bytes, a->mdl, a->offset,
                                             a->length, a->flags);
}

static void refuse_each(struct client *c, const struct attempt *list,
                        uint32_t count)
{
    struct vmb_packet *packet = client_packet(c);
    uint32_t i;

    for (i = 0; i < count; i++) {
        enum vmb_status status = attempt(packet, &list[i]);

        if (status != list[i].status)
            fail_msg("%s: %s", list[i].what, vmb_status_str(status));
        assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IDLE);
    }
}

static void refuse_with_mdl(struct client *c)
{
    struct chain k;
    const struct attempt list[] = {
        { "no chain", NULL, 0, 0, 8, WAIT, VMB_E_ARG, false },
        { "no chain, FORCE", NULL, 0, 8, 8, WAIT | FORCE, VMB_E_ARG, false },
        { "no WAIT", &k.one, 0, 0, 8, 0, VMB_E_ARG, false },
        { "PAGED, no WAIT", &k.one, 0, 0, 8, PAGED, VMB_E_ARG, false },
        { "FORCE, no WAIT", &k.one, 0, 8, 8, FORCE, VMB_E_ARG, false },
        { "flag 8", &k.one, 0, 0, 8, WAIT | 8, VMB_E_ARG, false },
        { "flag 31", &k.one, 0, 0, 8, WAIT | 1u << 31, VMB_E_ARG, false },
        { "flag of requests", &k.one, 0, 0, 8, WAIT | 0x100, VMB_E_ARG, false },
        { "bytes, no buffer", &k.one, 0, 0, 8, WAIT, VMB_E_ARG, true },
        { "payload", &k.one, 0, 0, 601, WAIT, VMB_E_TOOBIG, false },
        { "all payload", &k.one, 0, 0, UINT32_MAX, WAIT, VMB_E_TOOBIG, false },
        { "at the end", &k.one, 5000, 0, 8, WAIT, VMB_E_ARG, false },
        { "behind it", &k.one, 5001, 0, 8, WAIT, VMB_E_ARG, false },
        { "far behind", &k.one, UINT64_MAX, 0, 8, WAIT, VMB_E_ARG, false },
        { "one too long", &k.one, 1, 5000, 8, WAIT, VMB_E_ARG, false },
        { "32 bits wrap", &k.one, 0, 1ull << 32, 8, WAIT, VMB_E_ARG, false },
        { "wraps", &k.one, 2, UINT64_MAX, 8, WAIT, VMB_E_ARG, false },
        { "wraps to 0", &k.one, 1, UINT64_MAX, 8, WAIT, VMB_E_ARG, false },
        { "past two", &k.two, 4096, 3001, 8, WAIT, VMB_E_ARG, false },
        { "no bytes", k.none, 0, 0, 8, WAIT, VMB_E_ARG, false },
        { "members", k.five, 0, 0, 8, WAIT, VMB_E_TOOBIG, false },
        { "external", &k.big, 0, 0, 8, WAIT, VMB_E_TOOBIG, false },
        { "offset in page", &k.off, 0, 0, 8, WAIT, VMB_E_ARG, false },
        { "numbers missing", &k.few, 0, 0, 8, WAIT, VMB_E_ARG, false },
        { "no numbers", &k.loose, 0, 0, 8, WAIT, VMB_E_ARG, false },
        { "bites its tail", &k.tail, 0, 8, 8, WAIT, VMB_E_ARG, false },
        { "FORCE 0", &k.one, 0, 0, 8, WAIT | FORCE, VMB_E_ARG, false },
        { "FORCE past page", &k.one, 0, 8093, 8, WAIT | FORCE, VMB_E_ARG,
          false },
        { "FORCE and offset", &k.one, 1, 8092, 8, WAIT | FORCE, VMB_E_ARG,
          false },
        { "FORCE, far offset", &k.one, 8092, 1, 8, WAIT | FORCE, VMB_E_ARG,
          false },
        { "FORCE takes one", &k.two, 0, 4097, 8, WAIT | FORCE, VMB_E_ARG,
          false },
        { "FORCE in two", &k.two, 4096, 1, 8, WAIT | FORCE, VMB_E_ARG, false },
        { "FORCE wraps", &k.one, 2, UINT64_MAX, 8, WAIT | FORCE, VMB_E_ARG,
          false },
        { "FORCE off", &k.off, 0, 1, 8, WAIT | FORCE, VMB_E_ARG, false },
        { "FORCE few", &k.few, 0, 1, 8, WAIT | FORCE, VMB_E_ARG, false },
        { "FORCE loose", &k.loose, 0, 1, 8, WAIT | FORCE, VMB_E_ARG, false },
        { "FORCE empty", &k.hollow, 0, 8, 8, WAIT | FORCE, VMB_E_ARG, false },
        { "FORCE big", &k.big, 0, 8 * 4096 + 1, 8, WAIT | FORCE, VMB_E_TOOBIG,
          false },
        { "FORCE most", &k.most, 0, UINT32_MAX, 8, WAIT | FORCE, VMB_E_TOOBIG,
          false },
    };

    make_chains(&k);
    refuse_each(c, list, sizeof list / sizeof list[0]);
}

static void refuse_others(struct client *c)
{
    struct vmb_packet *p = client_packet(c);
    const uint32_t many = UINT32_MAX / VMB_PAGE_SIZE + 1;
    struct chain k;

    make_chains(&k);
    assert_int_equal(vmb_packet_send(p, data, 8, NULL, FORCE), VMB_E_ARG);
    assert_int_equal(vmb_packet_send(p, data, 8, &k.one, WAIT | FORCE),
                     VMB_E_ARG);
    assert_int_equal(vmb_packet_send(p, data, 8, NULL, 0x100), VMB_E_ARG);
    assert_int_equal(vmb_packet_send(p, NULL, 8, NULL, 0), VMB_E_ARG);
    assert_int_equal(vmb_packet_send(p, data, 601, NULL, 0), VMB_E_TOOBIG);
    assert_int_equal(vmb_packet_send(p, data, 8, &k.one, 0), VMB_E_ARG);
    assert_int_equal(vmb_packet_send(p, data, 8, k.none, WAIT), VMB_E_ARG);
    assert_int_equal(vmb_packet_send(p, data, 8, k.five, WAIT), VMB_E_TOOBIG);
    assert_int_equal(vmb_packet_send(p, data, 8, &k.big, WAIT), VMB_E_TOOBIG);
    assert_int_equal(vmb_packet_send(p, data, 8, &k.few, WAIT), VMB_E_ARG);
    assert_int_equal(
        vmb_packet_send_with_external_pfns(p, data, 8, NULL, 1, WAIT),
        VMB_E_ARG);
    assert_int_equal(
        vmb_packet_send_with_external_pfns(p, data, 8, pfns, 0, WAIT),
        VMB_E_ARG);
    assert_int_equal(vmb_packet_send_with_external_pfns(p, data, 8, pfns, 1, 0),
                     VMB_E_ARG);
    assert_int_equal(
        vmb_packet_send_with_external_pfns(p, data, 8, pfns, 1, WAIT | FORCE),
        VMB_E_ARG);
    assert_int_equal(
        vmb_packet_send_with_external_pfns(p, data, 8, pfns, 9, WAIT),
        VMB_E_TOOBIG);
    assert_int_equal(
        vmb_packet_send_with_external_pfns(p, data, 8, pfns, many, WAIT),
        VMB_E_TOOBIG);
    assert_int_equal(
        vmb_packet_send_with_external_pfns(p, data, 8, pfns, UINT32_MAX, WAIT),
        VMB_E_TOOBIG);
    assert_int_equal(vmb_packet_state(p), VMB_PACKET_IDLE);
}

static void refused_with_room_and_without(void **state)
{
    struct client *c = up(false);

    (void)state;
    refuse_with_mdl(c);
    refuse_others(c);
    fill(c);
    refuse_with_mdl(c);
    refuse_others(c);
    drain(c);
    client_down(c);
    client_tear_down(c);
}

static void refused_in_pipe_mode(void **state)
{
    struct client *c = up(true);
    struct vmb_packet *packet = client_packet(c);
    struct chain k;

    (void)state;
    make_chains(&k);
    assert_int_equal(vmb_packet_send(packet, data, 8, &k.one, WAIT), VMB_E_ARG);
    assert_int_equal(vmb_packet_send(packet, data, 601, NULL, WAIT),
                     VMB_E_TOOBIG);
    client_down(c);
    client_tear_down(c);
}

static void refused_by_the_packets_state(void **state)
{
    struct client *c = up(false);
    struct vmb_packet *packet;
    size_t bytes = vmb_channel_sizeof_packet(&c->channel);
    uint8_t *memory = rig_alloc(c->rig, (bytes + 4095) / 4096);

    (void)state;
    packet = vmb_packet_allocate(&c->channel);
    vmb_packet_set_pointer(packet, c);
    assert_int_equal(vmb_packet_free(packet), VMB_OK);
    packet = vmb_packet_allocate(&c->channel);
    assert_null(vmb_packet_get_pointer(packet)); /* it is another's now */
    assert_int_equal(vmb_packet_free(packet), VMB_OK);
    assert_int_equal(
        vmb_packet_initialize(&c->channel, memory + 4, bytes, &packet),
        VMB_E_ARG);
    assert_int_equal(vmb_packet_initialize(&c->channel, NULL, bytes, &packet),
                     VMB_E_ARG);
    assert_int_equal(
        vmb_packet_initialize(&c->channel, memory, bytes - 1, &packet),
        VMB_E_NOSLOT);
    assert_int_equal(vmb_packet_initialize(&c->channel, memory, bytes, &packet),
                     VMB_OK);
    assert_int_equal(vmb_packet_send(packet, data, 8, NULL, 0), VMB_E_STATE);
    assert_int_equal(vmb_packet_set_completion_routine(packet, NULL),
                     VMB_E_ARG);
    assert_int_equal(vmb_packet_set_completion_routine(packet, client_done),
                     VMB_OK);
    recorder.hold = true;
    assert_int_equal(vmb_packet_send(packet, data, 8, NULL, WAIT), VMB_OK);
    assert_int_equal(vmb_packet_send(packet, data, 8, NULL, WAIT), VMB_E_STATE);
    assert_int_equal(vmb_packet_set_completion_routine(packet, client_done),
                     VMB_E_STATE);
    rig_settle(c->rig);
    assert_int_equal(vmb_packet_free(packet), VMB_E_STATE);
    recorder_release(&recorder);
    client_until_done(c, 1);
    assert_int_equal(vmb_packet_free(packet), VMB_OK);
    assert_int_equal(vmb_packet_send(packet, data, 8, NULL, WAIT), VMB_E_STATE);
    client_down(c);
    client_tear_down(c);
}

/* ---- What is taken --------------------------------------------------------
 */

static uint64_t hash_of(const struct vmb_mdl *chain, uint64_t offset,
                        uint64_t length)
{
    static uint8_t flat[BYTES * 2];
    uint64_t at = 0;

    for (; chain; chain = chain->next) {
        uint64_t n, first = UINT64_MAX;
        uint32_t i;

        for (i = 0; i < PAGES && chain->pfn_count; i++)
            if (client.rig->plat.gpa(client.rig->plat.ctx, data + i * 4096) /
                    4096 ==
                chain->pfns[0])
                first = i * 4096u + chain->byte_offset;
        assert_true(first != UINT64_MAX || chain->byte_count == 0);
        for (n = 0; n < chain->byte_count; n++)
            flat[at++] = data[first + n];
    }
    return vmb_sim_hash(VMB_SIM_HASH_INIT, flat + offset,
                        length ? length : at - offset);
}

/* Sends, spoils everything the caller gave, and looks at what came. */
static void taken(struct client *c, const struct vmb_mdl *chain,
                  uint64_t offset, uint64_t length, uint32_t bytes,
                  uint32_t flags)
{
    struct vmb_packet *packet = client_packet(c);
    struct vmb_mdl copy[5];
    uint64_t numbers[5][16], hash;
    uint8_t payload[600];
    uint32_t i = 0, number = recorder.count;
    const struct vmb_mdl *m;
    const struct record *r;
    struct vmb_mdl forced = *chain;

    for (m = chain; m; m = m->next, i++) {
        copy[i] = *m;
        if (m->pfn_count)
            memcpy(numbers[i], m->pfns, m->pfn_count * 8);
        copy[i].pfns = numbers[i];
        copy[i].next = m->next ? &copy[i + 1] : NULL;
    }
    memcpy(payload, data, sizeof payload);
    assert_int_equal(
        vmb_packet_send_with_external_mdl(packet, bytes ? payload : NULL, bytes,
                                          copy, offset, length, flags),
        VMB_OK);
    memset(copy, 0xee, sizeof copy);
    memset(numbers, 0xee, sizeof numbers);
    memset(payload, 0xee, sizeof payload);
    if (flags & FORCE) {
        forced.next = NULL;
        forced.byte_count = (uint32_t)(offset + length);
    }
    hash = hash_of(&forced, offset, length);
    drain(c);
    assert_true(recorder.count > number);
    r = &recorder.record[recorder.count - 1];
    assert_int_equal(r->type, 9);
    assert_int_equal(r->len, (bytes + 7) & ~7u);
    assert_int_equal(r->hash, hash);
    if (length)
        assert_int_equal(r->external, length);
    if (bytes >= 8)
        assert_memory_equal(&r->first, data, 8);
    assert_int_equal(c->last_status, VMB_OK);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IDLE);
}

static void take_chains(struct client *c, bool full)
{
    struct chain k;
    const struct attempt list[] = {
        { "whole", &k.one, 0, 0, 8, WAIT, VMB_OK, false },
        { "no payload", &k.one, 0, 0, 0, WAIT, VMB_OK, false },
        { "PAGED", &k.one, 0, 0, 600, WAIT | PAGED, VMB_OK, false },
        { "last byte", &k.one, 4999, 0, 1, WAIT, VMB_OK, false },
        { "first byte", &k.one, 0, 1, 7, WAIT, VMB_OK, false },
        { "across pages", &k.one, 3990, 20, 9, WAIT, VMB_OK, false },
        { "two", &k.two, 0, 0, 8, WAIT, VMB_OK, false },
        { "second alone", &k.two, 4096, 0, 8, WAIT, VMB_OK, false },
        { "in the second", &k.two, 5000, 100, 8, WAIT, VMB_OK, false },
        { "both", &k.two, 4095, 2, 8, WAIT, VMB_OK, false },
        { "four of five", k.five, 0, 32, 8, WAIT, VMB_OK, false },
        { "behind the first", k.five, 8, 0, 8, WAIT, VMB_OK, false },
        { "within FORCE", &k.one, 10, 50, 8, WAIT | FORCE, VMB_OK, false },
        { "FORCE page end", &k.one, 0, 8092, 8, WAIT | FORCE, VMB_OK, false },
        { "FORCE last", &k.one, 8091, 1, 8, WAIT | FORCE, VMB_OK, false },
        { "FORCE of two", &k.two, 96, 4000, 8, WAIT | FORCE, VMB_OK, false },
        { "as much as may", &k.big, 1, 8 * 4096, 600, WAIT, VMB_OK, false },
    };
    struct vmb_mdl holes[3];
    uint32_t i;

    make_chains(&k);
    for (i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (full)
            fill(c);
        taken(c, list[i].mdl, list[i].offset, list[i].length, list[i].bytes,
              list[i].flags);
    }
    holes[0] = k.none[1];
    holes[1] = k.one;
    holes[2] = k.none[1];
    holes[0].next = &holes[1];
    holes[1].next = &holes[2];
    if (full)
        fill(c);
    taken(c, holes, 0, 0, 8, WAIT);
}

static void taken_at_once(void **state)
{
    struct client *c = up(false);

    (void)state;
    take_chains(c, false);
    client_down(c);
    client_tear_down(c);
}

static void taken_by_way_of_the_queue(void **state)
{
    struct client *c = up(false);

    (void)state;
    take_chains(c, true);
    client_down(c);
    client_tear_down(c);
}

static void taken_by_page_numbers(void **state)
{
    struct client *c = up(false);
    struct vmb_packet *packet = client_packet(c);
    uint64_t numbers[8];
    uint32_t full;

    (void)state;
    (void)member(4096, 8 * 4096, numbers);
    for (full = 0; full < 2; full++) {
        uint64_t sent[8];

        if (full)
            fill(c);
        memcpy(sent, numbers, sizeof sent);
        assert_int_equal(vmb_packet_send_with_external_pfns(packet, "12345678",
                                                            8, sent, 8, WAIT),
                         VMB_OK);
        memset(sent, 0xee, sizeof sent);
        drain(c);
        assert_true(recorder.count > full);
        assert_int_equal(
            recorder.record[recorder.count - 1].hash,
            vmb_sim_hash(VMB_SIM_HASH_INIT, data + 4096, 8 * 4096));
    }
    client_down(c);
    client_tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_with_room_and_without),
        cmocka_unit_test(refused_in_pipe_mode),
        cmocka_unit_test(refused_by_the_packets_state),
        cmocka_unit_test(taken_at_once),
        cmocka_unit_test(taken_by_way_of_the_queue),
        cmocka_unit_test(taken_by_page_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
