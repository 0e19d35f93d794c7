/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* How large a channel may be said to be, and that it then is. */
#include "../../src/packet/internal.h"
#include "client.h"

#include <vmb/wire/ring.h>

static struct client client;

static struct vmb_channel_cfg good(struct client *c)
{
    struct vmb_channel_cfg cfg = c->cfg;

    cfg.memory = rig_alloc(c->rig, 200);
    cfg.memory_bytes = 200 * VMB_PAGE_SIZE;
    assert_true(vmb_channel_sizeof_memory(&cfg) <= cfg.memory_bytes);
    return cfg;
}

#define REFUSED(change, status)                                                \
    do {                                                                       \
        struct vmb_channel_cfg cfg = whole;                                    \
                                                                               \
        cfg.change;                                                            \
        assert_int_equal(vmb_channel_initialize(&c->channel, &cfg), (status)); \
        if ((status) == VMB_E_TOOBIG)                                          \
            assert_int_equal(vmb_channel_sizeof_memory(&cfg), 0);              \
    } while (0)

static void what_is_refused(void **state)
{
    struct client *c = &client;
    struct vmb_channel_cfg whole;

    (void)state;
    client_set_up(c, NULL);
    whole = good(c);
    REFUSED(conn = NULL, VMB_E_ARG);
    REFUSED(type = NULL, VMB_E_ARG);
    REFUSED(primary = &c->channel, VMB_E_ARG);
    REFUSED(memory = NULL, VMB_E_ARG);
    REFUSED(memory = (uint8_t *)whole.memory + 8, VMB_E_ARG);
    REFUSED(user_len = 4, VMB_E_ARG);
    REFUSED(user_len = VMB_CHAN_USER_BYTES + 1; cfg.user = c, VMB_E_TOOBIG);
    REFUSED(memory_bytes = vmb_channel_sizeof_memory(&whole) - 1, VMB_E_NOSLOT);
    REFUSED(packet_bytes = 600000, VMB_E_TOOBIG);
    REFUSED(packet_bytes = UINT32_MAX, VMB_E_TOOBIG);
    REFUSED(external_bytes = UINT32_MAX, VMB_E_TOOBIG);
    REFUSED(external_mdls = UINT32_MAX, VMB_E_TOOBIG);
    REFUSED(incoming_bytes = UINT32_MAX, VMB_E_TOOBIG);
    REFUSED(incoming_ranges = UINT32_MAX, VMB_E_TOOBIG);
    REFUSED(transactions = 65536, VMB_E_TOOBIG);
    REFUSED(incoming = 65536, VMB_E_TOOBIG);
    REFUSED(packets = UINT32_MAX, VMB_E_TOOBIG);
    REFUSED(tx_pages = UINT32_MAX, VMB_E_TOOBIG);
    REFUSED(rx_pages = VMB_GPADL_PAGES, VMB_E_TOOBIG);
    REFUSED(tx_pages = 1, VMB_E_TOOBIG); /* one packet may have 4 KiB */
    REFUSED(rx_pages = 1, VMB_E_TOOBIG);
    assert_int_equal(vmb_channel_initialize(&c->channel, &whole), VMB_OK);
    client_tear_down(c);
}

/* Bytes of the largest packet, out and in, but for its payload. */
#define FIXED_OUT (sizeof(struct vmb_packet_header) + 8 + 8 + 2 * 8 + 8)
#define FIXED_IN  (sizeof(struct vmb_packet_header) + 8 + 8 + 8)
#define LONGEST   (VMB_PACKET_LENGTH8_MAX * 8u) /* that a header can say */

/* One member of up to a page. */
static struct vmb_channel_cfg plain(struct client *c)
{
    struct vmb_channel_cfg cfg = c->cfg;

    cfg.external_bytes = VMB_PAGE_SIZE;
    cfg.external_mdls = 1;
    cfg.incoming_ranges = 1;
    cfg.packet_bytes = cfg.incoming_bytes = 8;
    cfg.memory = rig_alloc(c->rig, 200);
    cfg.memory_bytes = 200 * VMB_PAGE_SIZE;
    return cfg;
}

/* Each way has its bound, whatever the rings hold. */
static void the_longest_packet_is_what_a_header_can_say(void **state)
{
    struct client *c = &client;
    struct vmb_channel_cfg cfg;

    (void)state;
    client_set_up(c, NULL);
    cfg = plain(c);
    cfg.packet_bytes = LONGEST - FIXED_OUT;
    assert_true(vmb_channel_sizeof_memory(&cfg) > 0);
    cfg.packet_bytes++;
    assert_int_equal(vmb_channel_sizeof_memory(&cfg), 0);
    cfg.packet_bytes = 8;
    cfg.incoming_bytes = LONGEST - FIXED_IN;
    assert_true(vmb_channel_sizeof_memory(&cfg) > 0);
    cfg.incoming_bytes++;
    assert_int_equal(vmb_channel_sizeof_memory(&cfg), 0);
    client_tear_down(c);
}

/* An incoming object takes its completion, too, and however many there are. */
static void incoming_objects_have_room_for_answers(void **state)
{
    struct client *c = &client;
    struct vmb_channel_cfg cfg;
    size_t one;

    (void)state;
    client_set_up(c, NULL);
    cfg = plain(c);
    cfg.packet_bytes = 4096;
    cfg.incoming_bytes = 8;
    cfg.incoming = 1;
    one = vmb_channel_sizeof_memory(&cfg);
    assert_true(one > 0);
    cfg.incoming = 2;
    one = vmb_channel_sizeof_memory(&cfg) - one;
    assert_true(one >= 4096);
    cfg.incoming_bytes = 80000;
    cfg.incoming = UINT16_MAX;
    if (SIZE_MAX > UINT32_MAX)
        assert_true(vmb_channel_sizeof_memory(&cfg) >
                    (size_t)80000 * UINT16_MAX);
    client_tear_down(c);
}

/* In a pipe a packet has its header in front: no object reaches into the one
 * behind it.  The one that lies last is the first to be used. */
static void objects_keep_to_themselves(void **state)
{
    struct client *c = &client;
    struct vmb_channel_list *at, *next;

    (void)state;
    client_set_up(c, NULL);
    c->cfg.pipe = true;
    c->cfg.packet_bytes = c->cfg.incoming_bytes = 100;
    client_initialize(c);
    at = c->channel.free_incoming_;
    assert_non_null(at);
    for (; (next = at->first_) != NULL; at = next) {
        const struct vmb_queued *queued = (const void *)next;
        const uint8_t *end = queued->inline_;

        assert_true(end + VMB_PIPE_HEADER_BYTES + 104 <= (uint8_t *)at);
    }
    client_tear_down(c);
}

/* By default, and with the 8 bytes behind each, and those that stay free. */
static void a_ring_holds_four_of_the_largest(void **state)
{
    struct client *c = &client;
    struct vmb_channel_cfg cfg;
    uint32_t bytes;

    (void)state;
    client_set_up(c, NULL);
    cfg = plain(c);
    for (bytes = 8; bytes < 6000; bytes += 8) {
        cfg.packet_bytes = cfg.incoming_bytes = bytes;
        assert_int_equal(vmb_channel_initialize(&c->channel, &cfg), VMB_OK);
        assert_true(c->channel.open_.tx_pages * VMB_PAGE_SIZE >=
                    4 * (FIXED_OUT + bytes + 8) + 16);
        assert_true(c->channel.open_.rx_pages * VMB_PAGE_SIZE >=
                    4 * (FIXED_IN + bytes + 8) + 16);
    }
    client_tear_down(c);
}

#define MEMBERS 6u
#define DATA    64u /* pages */

/* External data at its most scattered: each member begins and ends in the
 * middle of nowhere. */
static void send_the_largest(struct client *c, uint8_t *data)
{
    const struct vmb_channel_cfg *cfg = &c->cfg;
    uint32_t left = cfg->external_bytes, i, bytes;
    static uint64_t pfns[MEMBERS][DATA];
    static uint8_t payload[8192];
    struct vmb_sim_test_request hash = client_request(VMB_SIM_HASH, 0, 0, 0);
    struct vmb_mdl mdl[MEMBERS];

    for (i = 0; i < cfg->external_mdls; i++) {
        bytes = i + 1 < cfg->external_mdls ? 2 : left;
        left -= bytes;
        assert_int_equal(vmb_mdl_from_virtual(&mdl[i], &c->rig->plat,
                                              data + 4095, bytes, pfns[i],
                                              DATA),
                         VMB_OK);
        mdl[i].next = i + 1 < cfg->external_mdls ? &mdl[i + 1] : NULL;
    }
    memcpy(payload, &hash, sizeof hash);
    for (i = 1; i < 6; i++) {
        assert_int_equal(vmb_packet_send(client_packet(c), payload,
                                         cfg->packet_bytes, mdl,
                                         VMB_SEND_WAIT_FOR_COMPLETION),
                         VMB_OK);
        client_until_done(c, i);
        assert_int_equal(c->last_status, VMB_OK);
    }
    assert_null(strchr(c->events, UNDONE));
}

/* In the smallest rings that are taken, and at every place of them. */
static void the_largest_packet_fits_the_smallest_ring(void **state)
{
    uint64_t chance = rig_seed(0x512e);
    uint32_t rounds;

    (void)state;
    for (rounds = 0; rounds < 25; rounds++) {
        struct client *c = &client;
        uint8_t *data;

        client_set_up(c, &(struct rig_cfg){ .interrupts = true });
        data = rig_alloc(c->rig, DATA);
        c->cfg.packet_bytes = 24 + rig_below(&chance, 6000);
        c->cfg.external_mdls = 1 + rig_below(&chance, MEMBERS);
        c->cfg.external_bytes = 2 * MEMBERS + rig_below(&chance, 60 * 4096);
        c->cfg.incoming_bytes = 64;
        c->cfg.tx_pages = c->cfg.rx_pages = 1;
        while (vmb_channel_sizeof_memory(&c->cfg) == 0)
            c->cfg.tx_pages++;
        assert_in_range(c->cfg.tx_pages, 1, 4);
        client_up(c);
        send_the_largest(c, data);
        client_down(c);
        client_tear_down(c);
    }
}

/* What waits in the queue is a copy, chain and page numbers and payload side by
 * side: at their most scattered none reaches into the next. */
static void the_largest_packet_is_held_whole(void **state)
{
    static struct recorder recorder;
    struct rig *rig = rig_make(NULL);
    struct client *c = &client;
    struct vmb_mdl mdl[MEMBERS];
    uint64_t pfns[MEMBERS][2], hash = VMB_SIM_HASH_INIT;
    uint8_t payload[64], *data;
    uint32_t i;

    (void)state;
    recorder_add(&recorder, rig, 0);
    rig_start(rig);
    client_make(c, rig, recorder.dev);
    c->cfg.packet_bytes = sizeof payload;
    c->cfg.external_mdls = MEMBERS;
    c->cfg.external_bytes = 2 * MEMBERS;
    client_initialize(c);
    data = rig_alloc(rig, 2 * MEMBERS);
    for (i = 0; i < MEMBERS; i++) {
        uint8_t *at = data + 2 * VMB_PAGE_SIZE * i + VMB_PAGE_SIZE - 1;

        at[0] = (uint8_t)(2 * i + 1);
        at[1] = (uint8_t)(2 * i + 2);
        hash = vmb_sim_hash(hash, at, 2);
        assert_int_equal(
            vmb_mdl_from_virtual(&mdl[i], &rig->plat, at, 2, pfns[i], 2),
            VMB_OK);
        mdl[i].next = i + 1 < MEMBERS ? &mdl[i + 1] : NULL;
    }
    memset(payload, 0x5a, sizeof payload);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    assert_int_equal(vmb_packet_send(client_packet(c), payload, sizeof payload,
                                     mdl, VMB_SEND_WAIT_FOR_COMPLETION),
                     VMB_OK);
    /* Ours again. */
    memset(mdl, 0xff, sizeof mdl);
    memset(pfns, 0xff, sizeof pfns);
    memset(payload, 0xff, sizeof payload);
    client_until_done(c, 1);
    assert_int_equal(recorder.count, 1);
    assert_int_equal(recorder.record[0].external, 2 * MEMBERS);
    assert_int_equal(recorder.record[0].hash, hash);
    assert_int_equal(c->last_bytes, sizeof payload);
    for (i = 0; i < sizeof payload; i++)
        assert_int_equal(c->last[i], 0x5a);
    client_down(c);
    client_tear_down(c);
}

/* What its packet object holds the rings of now cannot: it comes back, and what
 * is behind it goes out. */
static void a_packet_made_for_larger_rings(void **state)
{
    struct client *c = &client;
    static uint8_t much[6000];
    struct vmb_sim_test_request sink = client_request(VMB_SIM_SINK, 0, 0, 0);
    struct vmb_packet *large;

    (void)state;
    client_set_up(c, NULL);
    c->cfg.packet_bytes = sizeof much;
    client_initialize(c);
    large = client_packet(c);
    c->cfg.packet_bytes = 64;
    c->cfg.incoming_bytes = 64;
    c->cfg.external_bytes = 4096;
    c->cfg.external_mdls = 1;
    c->cfg.tx_pages = c->cfg.rx_pages = 1;
    client_initialize(c);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    assert_int_equal(vmb_packet_send(large, much, sizeof much, NULL,
                                     VMB_SEND_WAIT_FOR_COMPLETION),
                     VMB_OK);
    assert_int_equal(vmb_packet_send(client_packet(c), &sink, sizeof sink, NULL,
                                     VMB_SEND_WAIT_FOR_COMPLETION),
                     VMB_OK);
    client_until_done(c, 2);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_OK);
    assert_non_null(strstr(c->events, "x"));
    assert_non_null(strstr(c->events, "d"));
    /* With nothing queued before it the send says so, and that is all. */
    assert_int_equal(vmb_packet_send(large, much, sizeof much, NULL,
                                     VMB_SEND_WAIT_FOR_COMPLETION),
                     VMB_E_TOOBIG);
    assert_int_equal(vmb_packet_state(large), VMB_PACKET_IDLE);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_OK);
    client_down(c);
    client_tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(the_longest_packet_is_what_a_header_can_say),
        cmocka_unit_test(incoming_objects_have_room_for_answers),
        cmocka_unit_test(objects_keep_to_themselves),
        cmocka_unit_test(a_ring_holds_four_of_the_largest),
        cmocka_unit_test(the_largest_packet_fits_the_smallest_ring),
        cmocka_unit_test(the_largest_packet_is_held_whole),
        cmocka_unit_test(a_packet_made_for_larger_rings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
