/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A full ring: what waits, goes out in order, and is always woken.  The guest
 * runs by interrupts: a wake-up that is lost is not found by looking again.
 */
#include "client.h"

#define WAIT VMB_SEND_WAIT_FOR_COMPLETION

static struct client client;
static struct recorder recorder;

static struct client *up(const struct rig_cfg *cfg)
{
    struct rig *rig = rig_make(cfg);
    struct client *c = &client;

    recorder_add(&recorder, rig, 0);
    rig_start(rig);
    client_make(c, rig, recorder.dev);
    c->cfg.packet_bytes = 2000;
    c->cfg.external_bytes = 4096;
    c->cfg.external_mdls = 1;
    c->cfg.tx_pages = c->cfg.rx_pages = 1;
    client_initialize(c);
    return c;
}

static struct vmb_packet *send_number(struct client *c, uint64_t number,
                                      uint32_t bytes, uint32_t flags)
{
    struct vmb_packet *packet = client_packet(c);
    uint8_t payload[2000] = { 0 };

    memcpy(payload, &number, sizeof number);
    assert_int_equal(vmb_packet_send(packet, payload, bytes, NULL, flags),
                     VMB_OK);
    return packet;
}

static void in_order(uint32_t count)
{
    uint32_t i;

    assert_int_equal(recorder.count, count);
    for (i = 0; i < count; i++)
        assert_int_equal(recorder.record[i].first, i);
}

static void down(struct client *c)
{
    client_down(c);
    client_tear_down(c);
}

/* Fills the ring with packets of 2000 bytes; the number of the next. */
static uint64_t fill(struct client *c)
{
    uint64_t number = 0;

    rig_settle(c->rig);
    vmb_sim_stall(rig_host(c->dev), true);
    while (vmb_packet_state(send_number(c, number++, 2000, WAIT)) ==
           VMB_PACKET_IN_RING)
        ;
    return number;
}

/* The first hazard: a small packet fits where a large one waits. */
static void small_packets_do_not_overtake(void **state)
{
    struct client *c = up(&(struct rig_cfg){ .interrupts = true });
    struct vmb_packet *small;
    uint64_t number;

    (void)state;
    client_up(c);
    number = fill(c);
    small = send_number(c, number++, 8, 0);
    assert_int_equal(vmb_packet_state(small), VMB_PACKET_QUEUED);
    vmb_sim_stall(rig_host(c->dev), false);
    rig_settle(c->rig);
    in_order((uint32_t)number);
    down(c);
}

/*
 * The second: small ones that succeed must not call the wake-up off, for which
 * the large one waits.  The host asks, and its answers go through the same
 * queue.
 */
static void the_wish_for_room_stays(void **state)
{
    struct client *c = up(&(struct rig_cfg){ .interrupts = true });
    uint32_t wish = 0, later = 0;
    uint64_t number, i;

    (void)state;
    client_up(c);
    number = fill(c);
    assert_int_equal(vmb_sim_ring_get(rig_host(c->dev), VMB_SIM_TO_HOST,
                                      VMB_SIM_PEND, &wish),
                     VMB_OK);
    assert_true(wish >= 2000);
    for (i = 0; i < 5; i++)
        (void)send_number(c, number++, 8, i % 2 ? WAIT : 0);
    host_sends(c->dev, 0, 3, 8, true);
    client_until_packets(c, 3);
    assert_int_equal(vmb_sim_ring_get(rig_host(c->dev), VMB_SIM_TO_HOST,
                                      VMB_SIM_PEND, &later),
                     VMB_OK);
    assert_int_equal(later, wish);
    vmb_sim_stall(rig_host(c->dev), false);
    rig_settle(c->rig);
    assert_int_equal(recorder.count, number + 3);
    assert_int_equal(c->dones, number);
    down(c);
}

/* Sends and completions of the host's packets are one queue. */
static void one_queue_for_sends_and_completions(void **state)
{
    struct client *c = up(&(struct rig_cfg){ .interrupts = true });
    uint64_t number, answer;
    uint32_t i;

    (void)state;
    c->hold = true;
    client_up(c);
    host_sends(c->dev, 0, 6, 8, true);
    client_until_packets(c, 6);
    number = fill(c);
    for (i = 0; i < 6; i++) {
        answer = number++;
        assert_int_equal(
            vmb_channel_packet_complete(c->held[5 - i], &answer, 8), VMB_OK);
        answer = UINT64_MAX; /* what was given has been copied */
        (void)send_number(c, number++, 24, i % 2 ? WAIT : 0);
    }
    vmb_sim_stall(rig_host(c->dev), false);
    rig_settle(c->rig);
    in_order((uint32_t)number);
    for (i = 0; i < 6; i++) {
        uint32_t at = (uint32_t)number - 12 + 2 * i;

        assert_int_equal(recorder.record[at].type, 11);
        assert_int_equal(recorder.record[at].xid, 5 - i);
    }
    down(c);
}

/* An answer that lies in the packet's own buffer, waiting for room. */
static void answer_from_the_packets_own_buffer(void **state)
{
    struct client *c = up(&(struct rig_cfg){ .interrupts = true });
    const uint8_t *buffer;
    uint64_t number;

    (void)state;
    c->hold = true;
    client_up(c);
    host_sends(c->dev, 0x1122, 1, 64, true);
    client_until_packets(c, 1);
    number = fill(c);
    buffer = c->last_buffer;
    memcpy((void *)(uintptr_t)(buffer + 24), &number, 8);
    assert_int_equal(vmb_channel_packet_complete(c->held[0], buffer + 24, 8),
                     VMB_OK);
    vmb_sim_stall(rig_host(c->dev), false);
    rig_settle(c->rig);
    in_order((uint32_t)number + 1);
    down(c);
}

/* Sends the answer's bytes from the ninth on, once, from where they lie. */
static void pass_on(struct vmb_packet *packet, enum vmb_status status,
                    const void *buffer, uint32_t bytes)
{
    assert_int_equal(status, VMB_OK);
    assert_int_equal(vmb_packet_set_completion_routine(packet, client_done),
                     VMB_OK);
    assert_int_equal(vmb_packet_send(packet, (const uint8_t *)buffer + 8,
                                     bytes - 8, NULL, WAIT),
                     VMB_OK);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_QUEUED);
}

static void passed_on(bool pipe)
{
    struct client *c = up(&(struct rig_cfg){ .interrupts = true });
    struct vmb_packet *packet;
    uint8_t payload[64];
    uint32_t i, header = pipe ? 8 : 0;

    for (i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i + 1);
    c->cfg.pipe = pipe;
    client_initialize(c);
    client_up(c);
    packet = client_packet(c);
    assert_int_equal(vmb_packet_set_completion_routine(packet, pass_on),
                     VMB_OK);
    assert_int_equal(
        vmb_packet_send(packet, payload, sizeof payload, NULL, WAIT), VMB_OK);
    (void)vmb_sim_run(c->rig->sim, 100); /* answered, and not seen yet */
    vmb_sim_stall(rig_host(c->dev), true);
    while (vmb_packet_state(send_number(c, 7, 2000, 0)) == VMB_PACKET_IDLE)
        ;
    rig_settle(c->rig);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_QUEUED);
    vmb_sim_stall(rig_host(c->dev), false);
    rig_settle(c->rig);
    assert_int_equal(vmb_packet_state(packet), VMB_PACKET_IDLE);
    /* The answer has all that the host got: header, and what was sent on,
     * which in pipe mode began with the header of the first time. */
    assert_int_equal(c->last_bytes, sizeof payload - 8 + 2 * header);
    assert_memory_equal(c->last + header, payload + 8 - header, 56);
    down(c);
}

static void an_answer_is_passed_on_from_where_it_lies(void **state)
{
    (void)state;
    passed_on(false);
    passed_on(true);
}

static void before_it_is_open_sends_wait(void **state)
{
    struct client *c = up(&(struct rig_cfg){ .interrupts = true });
    uint64_t i;

    (void)state;
    assert_int_equal(vmb_packet_send(client_packet(c), "x", 1, NULL, 0),
                     VMB_E_STATE);
    assert_int_equal(vmb_channel_enable(&c->channel), VMB_OK);
    for (i = 0; i < 10; i++)
        assert_int_equal(
            vmb_packet_state(send_number(c, i, 100, i & 1 ? WAIT : 0)),
            VMB_PACKET_QUEUED);
    RIG_UNTIL(c->rig, c->dones == 10);
    in_order(10);
    assert_memory_equal(c->events, "OSP", 3);
    down(c);
}

/* More requests than transactions: those without one wait. */
static void no_transaction_left_is_like_no_room(void **state)
{
    struct client *c = up(&(struct rig_cfg){ .interrupts = true });
    uint64_t i;

    (void)state;
    c->cfg.transactions = 3;
    client_initialize(c);
    client_up(c);
    recorder.hold = true;
    for (i = 0; i < 9; i++)
        (void)send_number(c, i, 8, i == 5 ? 0 : WAIT);
    rig_settle(c->rig);
    assert_int_equal(recorder.count, 3);
    assert_int_equal(c->dones, 0);
    recorder.hold = false;
    recorder_release(&recorder);
    client_until_done(c, 9);
    in_order(9);
    down(c);
}

static uint32_t undone;

static void undone_in_order(struct vmb_packet *packet, enum vmb_status status,
                            const void *buffer, uint32_t bytes)
{
    (void)buffer;
    (void)bytes;
    assert_int_equal(status, VMB_E_RESCINDED);
    assert_int_equal((uintptr_t)vmb_packet_get_pointer(packet), undone++);
}

/* What the host has had, and then what was queued behind it. */
static void what_comes_back_undone_keeps_its_order(void **state)
{
    static const uint8_t payload[1500];
    struct client *c = up(&(struct rig_cfg){ .interrupts = true });
    struct vmb_packet *packet[4];
    uintptr_t i;

    (void)state;
    client_up(c);
    rig_settle(c->rig);
    vmb_sim_stall(rig_host(c->dev), true);
    undone = 0;
    for (i = 0; i < 4; i++) {
        packet[i] = client_packet(c);
        vmb_packet_set_pointer(packet[i], (void *)i);
        assert_int_equal(
            vmb_packet_set_completion_routine(packet[i], undone_in_order),
            VMB_OK);
        assert_int_equal(
            vmb_packet_send(packet[i], payload, sizeof payload, NULL, WAIT),
            VMB_OK);
    }
    assert_int_equal(vmb_packet_state(packet[1]), VMB_PACKET_IN_RING);
    assert_int_equal(vmb_packet_state(packet[2]), VMB_PACKET_QUEUED);
    vmb_sim_rescind(c->dev);
    client_until_disabled(c);
    assert_int_equal(undone, 4);
    client_tear_down(c);
}

/* A host that takes one packet a step, and chance. */
static void traffic_through_a_small_ring(bool interrupts, uint32_t quirks)
{
    struct client *c = up(&(struct rig_cfg){
        .interrupts = interrupts, .sim.quirks = quirks, .sim.budget = 1 });
    struct vmb_packet *packet[24];
    uint64_t chance = rig_seed(0x9acce7), number = 0, asked = 0;
    uint8_t payload[2000];
    uint32_t i;

    client_up(c);
    for (i = 0; i < 24; i++)
        packet[i] = client_packet(c);
    while (number + asked < 1500) {
        i = rig_below(&chance, 24);
        memcpy(payload, &number, 8);
        if (vmb_packet_state(packet[i]) != VMB_PACKET_IDLE) {
            rig_turn(c->rig);
        } else if (rig_below(&chance, 4)) {
            number++;
            assert_int_equal(vmb_packet_send(packet[i], payload,
                                             8 + rig_below(&chance, 1993), NULL,
                                             rig_below(&chance, 2) ? WAIT : 0),
                             VMB_OK);
            memset(payload, 0xee, sizeof payload);
        } else {
            host_sends(c->dev, UINT32_MAX, 1, 8 + rig_below(&chance, 500),
                       true);
            asked++;
        }
    }
    client_until_done(c, (uint32_t)number);
    RIG_UNTIL(c->rig, recorder.count == number + asked);
    for (i = 0, number = 0; i < recorder.count; i++)
        if (recorder.record[i].type != 11)
            assert_int_equal(recorder.record[i].first, number++);
    assert_null(strchr(c->events, UNDONE));
    down(c);
}

static void a_host_that_drains_slowly(void **state)
{
    (void)state;
    traffic_through_a_small_ring(true, 0);
    traffic_through_a_small_ring(true, VMB_SIM_LAZY);
    traffic_through_a_small_ring(false, 0);
}

/* On QEMU's host only with a timer's help: it tells nobody of room then. */
static void on_a_host_like_qemu(void **state)
{
    (void)state;
    traffic_through_a_small_ring(false, VMB_SIM_QEMU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_packets_do_not_overtake),
        cmocka_unit_test(the_wish_for_room_stays),
        cmocka_unit_test(one_queue_for_sends_and_completions),
        cmocka_unit_test(answer_from_the_packets_own_buffer),
        cmocka_unit_test(an_answer_is_passed_on_from_where_it_lies),
        cmocka_unit_test(before_it_is_open_sends_wait),
        cmocka_unit_test(no_transaction_left_is_like_no_room),
        cmocka_unit_test(what_comes_back_undone_keeps_its_order),
        cmocka_unit_test(a_host_that_drains_slowly),
        cmocka_unit_test(on_a_host_like_qemu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
