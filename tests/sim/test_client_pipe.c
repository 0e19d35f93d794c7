/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Pipe mode: true lengths, both ways, and headers that lie. */
#include "client.h"

static struct client client;
static struct recorder recorder;

static struct client *prepare_recorded(bool interrupts)
{
    struct rig *rig = rig_make(&(struct rig_cfg){ .interrupts = interrupts });

    recorder_add(&recorder, rig, 0);
    rig_start(rig);
    client_make(&client, rig, recorder.dev);
    return &client;
}

static void dies_of_its_header(struct client *c, uint64_t got, uint64_t limit)
{
    struct vmb_fault fault;

    client_until_disabled(c);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HOST);
    vmb_channel_fault(&c->channel, &fault);
    assert_int_equal(fault.site, VMB_SITE_PACKET_PIPE);
    assert_int_equal(fault.got, got);
    assert_int_equal(fault.limit, limit);
    assert_int_equal(c->packets, 0);
    client_up(c);
    client_down(c);
    client_tear_down(c);
}

static void pipe_mode(void **state)
{
    struct client *c = prepare_recorded(true);
    uint32_t header[8] = { 1, 5, 0x64636261, 0x65 };

    (void)state;
    c->cfg.pipe = true;
    c->cfg.packet_bytes = c->cfg.incoming_bytes = 16;
    client_up(c);
    assert_int_equal(
        vmb_packet_send(client_packet(c), "0123456789abcdef", 16, NULL, 0),
        VMB_OK);
    assert_int_equal(vmb_packet_send(client_packet(c), "0123456", 7, NULL, 0),
                     VMB_OK);
    rig_settle(c->rig);
    assert_int_equal(recorder.record[0].first, 1 | 16ull << 32);
    assert_int_equal(recorder.record[0].len, 24);
    assert_int_equal(recorder.record[1].first, 1 | 7ull << 32);
    assert_int_equal(recorder.record[1].len, 16);
    assert_int_equal(vmb_sim_send_inband(rig_host(c->dev), 9, header, 13, true),
                     VMB_OK);
    client_until_packets(c, 1);
    assert_int_equal(c->last_bytes, 5);
    assert_memory_equal(c->last, "abcde", 5);
    header[1] = 16; /* the most */
    assert_int_equal(vmb_sim_send_inband(rig_host(c->dev), 9, header, 24, true),
                     VMB_OK);
    client_until_packets(c, 2);
    header[1] = 0; /* the least */
    assert_int_equal(vmb_sim_send_inband(rig_host(c->dev), 9, header, 8, true),
                     VMB_OK);
    client_until_packets(c, 3);
    assert_int_equal(c->last_bytes, 0);
    client_down(c);
    client_tear_down(c);
}

static void pipe_headers_that_lie(void **state)
{
    /* The header, the bytes that come; and what the record says of it. */
    static const uint32_t lies[][5] = {
        { 2, 0, 8, 2, 1 },     { 0, 0, 8, 0, 1 },
        { 1, 1, 8, 1, 0 },     { 1, 9, 16, 9, 8 },
        { 1, 17, 24, 17, 16 }, { 1, UINT32_MAX, 16, UINT32_MAX, 8 },
        { 1, 0, 0, 0, 1 },     { 3, 8, 16, 3, 1 },
    };
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct client *c = prepare_recorded(true);
        uint32_t header[8] = { lies[i][0], lies[i][1] };

        c->cfg.pipe = true;
        c->cfg.incoming_bytes = 16;
        client_up(c);
        assert_int_equal(
            vmb_sim_send_inband(rig_host(c->dev), 9, header, lies[i][2], true),
            VMB_OK);
        dies_of_its_header(c, lies[i][3], lies[i][4]);
    }
}

/* The channel below is sound, and yet nothing goes out any more. */
static void who_is_broken_answers_nothing(void **state)
{
    struct client *c = prepare_recorded(false);
    const struct vmb_chan *chan = vmb_channel_chan(&c->channel);
    uint32_t header[4] = { 1, 8, 7, 7 }, write;

    (void)state;
    c->cfg.pipe = true;
    c->cfg.incoming_bytes = 16;
    c->hold = true;
    client_up(c);
    assert_int_equal(vmb_sim_send_inband(rig_host(c->dev), 1, header, 16, true),
                     VMB_OK);
    client_until_packets(c, 1);
    header[0] = 3;
    assert_int_equal(vmb_sim_send_inband(rig_host(c->dev), 2, header, 16, true),
                     VMB_OK);
    (void)vmb_sim_run(c->rig->sim, 10);
    assert_int_equal(vmb_channel_process(&c->channel, 8), VMB_E_HOST);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HOST);
    write = chan->tx_.write_;
    assert_int_equal(vmb_channel_packet_complete(c->held[0], NULL, 0), VMB_OK);
    assert_int_equal(chan->tx_.write_, write);
    client_until_disabled(c);
    client_tear_down(c);
}

/* What the object held before is no header of this one's. */
static void a_header_that_is_missing(void **state)
{
    struct client *c = prepare_recorded(true);
    uint32_t header[4] = { 1, 8, 7, 7 };
    struct vmb_fault fault;
    uint32_t i;

    (void)state;
    c->cfg.pipe = true;
    c->cfg.incoming_bytes = 16;
    client_up(c);
    for (i = 0; i < 3; i++) {
        assert_int_equal(
            vmb_sim_send_inband(rig_host(c->dev), i, header, 16, false),
            VMB_OK);
        client_until_packets(c, i + 1);
    }
    assert_int_equal(vmb_sim_send_inband(rig_host(c->dev), 9, header, 0, false),
                     VMB_OK);
    client_until_disabled(c);
    assert_int_equal(vmb_channel_status(&c->channel), VMB_E_HOST);
    vmb_channel_fault(&c->channel, &fault);
    assert_int_equal(fault.site, VMB_SITE_PACKET_PIPE);
    assert_int_equal(fault.got, 0);
    assert_int_equal(c->packets, 3);
    client_tear_down(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipe_mode),
        cmocka_unit_test(pipe_headers_that_lie),
        cmocka_unit_test(a_header_that_is_missing),
        cmocka_unit_test(who_is_broken_answers_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
