/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A host that lies on the data path.  Each lie costs the one channel it was
 * told on, says what was wrong, and ends with a close.
 */
#include "harness.h"

#define RING 4096u /* data bytes each way */

struct scene {
    struct rig *rig;
    struct vmb_sim_dev *dev, *sibling;
    struct vmb_sim_chan *host;
    struct link link, other;
};

static void set_up(struct scene *s, bool interrupts)
{
    memset(s, 0, sizeof *s);
    s->rig = rig_make(&(struct rig_cfg){ .interrupts = interrupts });
    s->dev = rig_device(s->rig);
    s->sibling = rig_device(s->rig);
    s->host = rig_host(s->dev);
    rig_start(s->rig);
    rig_open(s->rig, &s->link, s->dev);
    rig_open(s->rig, &s->other, s->sibling);
    rig_echo(s->rig, &s->other, 3);
}

/* Every call says VMB_E_HOST, and the record is the first lie's. */
static void is_dead(struct scene *s, enum vmb_site site, uint64_t got,
                    uint64_t limit)
{
    struct vmb_chan *chan = &s->link.chan;
    struct vmb_out out = { .kind = VMB_INBAND };
    uint8_t bytes[8];
    struct vmb_fault fault;
    struct vmb_rx rx = { .kind = VMB_XFER_PAGES, .len = 8, .range_count = 1 };
    uint32_t offset, len, i;

    for (i = 0; i < 3; i++) { /* sticky */
        assert_int_equal(vmb_rx_copy(chan, &rx, 0, bytes, 8), 0);
        assert_int_equal(vmb_rx_range(chan, &rx, 0, &offset, &len), VMB_E_HOST);
        assert_int_equal(vmb_chan_recv(chan, &rx), VMB_E_HOST);
        assert_int_equal(vmb_chan_send(chan, &out), VMB_E_HOST);
        assert_int_equal(vmb_chan_stage(chan, &out), VMB_E_HOST);
        assert_int_equal(vmb_chan_flush(chan), VMB_E_HOST);
        assert_int_equal(vmb_chan_release(chan), VMB_E_HOST);
        assert_true(vmb_chan_arm(chan));
        vmb_chan_fault(chan, &fault);
        assert_int_equal(fault.status, VMB_E_HOST);
        assert_string_equal(vmb_site_str(fault.site),
                            vmb_site_str((uint16_t)site));
        assert_int_equal(fault.site, site);
        assert_int_equal(fault.got, got);
        assert_int_equal(fault.limit, limit);
    }
}

/* The sibling never noticed; closed and opened again, it works. */
static void recovers(struct scene *s)
{
    struct vmb_fault fault;

    rig_echo(s->rig, &s->other, 20);
    rig_close(s->rig, &s->link);
    rig_open(s->rig, &s->link, s->dev);
    vmb_chan_fault(&s->link.chan, &fault);
    assert_int_equal(fault.status, VMB_OK);
    rig_echo(s->rig, &s->link, 20);
    rig_close(s->rig, &s->link);
    rig_close(s->rig, &s->other);
    assert_int_equal(vmb_conn_fault_count(&s->rig->conn), 0);
    rig_down(s->rig);
}

static void poke(struct scene *s, enum vmb_sim_ring ring, uint32_t word,
                 uint32_t value)
{
    assert_int_equal(vmb_sim_ring_set(s->host, ring, word, value), VMB_OK);
}

/* --- Its read index of our ring ------------------------------------------- */

/* 80 bytes of payload: 104 in the ring; 39 of them leave no room. */
#define PACKET 104u
#define FULL   (RING / PACKET * PACKET)

static void read_index_is(uint32_t index, enum vmb_site site, uint64_t got,
                          uint64_t limit)
{
    static const uint8_t zeros[80];
    struct vmb_iov iov = { zeros, sizeof zeros };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    struct scene s;
    uint32_t used;

    set_up(&s, false);
    vmb_sim_stall(s.host, true);
    for (used = 0; used < FULL; used += PACKET)
        assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    poke(&s, VMB_SIM_TO_HOST, VMB_SIM_OUT, index);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_E_HOST);
    is_dead(&s, site, got, limit);
    recovers(&s);
}

static void a_read_index_that_cannot_be(void **state)
{
    (void)state;
    read_index_is(RING, VMB_SITE_TX_READ_RANGE, RING, RING);
    read_index_is(RING + 8, VMB_SITE_TX_READ_RANGE, RING + 8, RING);
    read_index_is(UINT32_MAX, VMB_SITE_TX_READ_RANGE, UINT32_MAX, RING);
    read_index_is(UINT32_MAX - 7, VMB_SITE_TX_READ_RANGE, UINT32_MAX - 7, RING);
    read_index_is(1, VMB_SITE_TX_READ_ALIGN, 1, 8);
    read_index_is(RING - 1, VMB_SITE_TX_READ_ALIGN, RING - 1, 8);
    read_index_is(PACKET + 4, VMB_SITE_TX_READ_ALIGN, PACKET + 4, 8);
    read_index_is(FULL + 8, VMB_SITE_TX_READ_BACK, FULL + 8, FULL);
    read_index_is(RING - 8, VMB_SITE_TX_READ_BACK, RING - 8, FULL);
}

/* Having read some, it claims to have read less. */
static void a_read_index_that_goes_back(void **state)
{
    static const uint8_t zeros[1000];
    struct vmb_iov iov = { zeros, 80 };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };
    struct scene s;
    uint32_t used;

    (void)state;
    set_up(&s, false);
    vmb_sim_stall(s.host, true);
    for (used = 0; used < FULL; used += PACKET)
        assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK);
    poke(&s, VMB_SIM_TO_HOST, VMB_SIM_OUT, 10 * PACKET);
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_OK); /* seen */
    poke(&s, VMB_SIM_TO_HOST, VMB_SIM_OUT, 9 * PACKET);
    iov.len = sizeof zeros;
    assert_int_equal(vmb_chan_send(&s.link.chan, &out), VMB_E_HOST);
    is_dead(&s, VMB_SITE_TX_READ_BACK, RING - PACKET, FULL - 9 * PACKET);
    recovers(&s);
}

/* --- Its write index of its ring ------------------------------------------ */

static void write_index_is(uint32_t index, enum vmb_site site, uint64_t got,
                           uint64_t limit, bool interrupts)
{
    struct scene s;
    struct vmb_rx rx;

    set_up(&s, interrupts);
    poke(&s, VMB_SIM_TO_GUEST, VMB_SIM_IN, index);
    vmb_sim_signal(s.host);
    assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_E_HOST);
    is_dead(&s, site, got, limit);
    recovers(&s);
}

static void a_write_index_that_cannot_be(void **state)
{
    (void)state;
    write_index_is(RING, VMB_SITE_RX_WRITE_RANGE, RING, RING, false);
    write_index_is(UINT32_MAX, VMB_SITE_RX_WRITE_RANGE, UINT32_MAX, RING, true);
    write_index_is(RING + 64, VMB_SITE_RX_WRITE_RANGE, RING + 64, RING, true);
    write_index_is(4, VMB_SITE_RX_WRITE_ALIGN, 4, 8, false);
    write_index_is(RING - 1, VMB_SITE_RX_WRITE_ALIGN, RING - 1, 8, true);
    /* Not even a header: what is there is no packet. */
    write_index_is(8, VMB_SITE_RX_HEADER, 8, 24, true);
    write_index_is(16, VMB_SITE_RX_HEADER, 16, 24, false);
    write_index_is(RING - 8, VMB_SITE_RX_TYPE, 0, 0, false);
}

static void a_write_index_that_goes_back(void **state)
{
    struct scene s;
    struct vmb_rx rx;
    uint32_t i;

    (void)state;
    set_up(&s, false);
    for (i = 0; i < 3; i++)
        assert_int_equal(vmb_sim_send_inband(s.host, i, "12345678", 8, false),
                         VMB_OK);
    for (i = 0; i < 3; i++)
        assert_int_equal(vmb_chan_recv(&s.link.chan, &rx), VMB_OK);
    poke(&s, VMB_SIM_TO_GUEST, VMB_SIM_IN, 64);
    assert_int_equal(vmb_chan_recv(&s.link.chan, &rx), VMB_E_HOST);
    is_dead(&s, VMB_SITE_RX_WRITE_BACK, 64, 96);
    recovers(&s);
}

/* --- Descriptors ---------------------------------------------------------- */

/* type, data offset, length in 8 bytes, flags; and the word behind it. */
static uint64_t head(uint64_t type, uint64_t offset8, uint64_t length8,
                     uint64_t flags)
{
    return type | offset8 << 16 | length8 << 32 | flags << 48;
}

static void packet_is(uint64_t first, uint64_t xid, uint64_t third,
                      enum vmb_site site, uint64_t got, uint64_t limit)
{
    uint64_t raw[5] = { first, xid, third, 0, 0 };
    uint32_t i;

    for (i = 0; i < 2; i++) {
        struct scene s;
        struct vmb_rx rx;

        set_up(&s, i);
        if (i) /* behind a good one, and across the wrap */
            rig_echo(s.rig, &s.link, 90);
        assert_int_equal(vmb_sim_ring_raw(s.host, raw, sizeof raw), VMB_OK);
        assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_E_HOST);
        is_dead(&s, site, got, limit);
        recovers(&s);
    }
}

static void a_packet_that_cannot_be(void **state)
{
    static const uint16_t types[] = { 0, 1,  2,  3,  4,   5,     8,
                                      9, 10, 12, 13, 255, 0x106, 0xffff };
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof types / sizeof types[0]; i++)
        packet_is(head(types[i], 2, 4, 0), 0, 0, VMB_SITE_RX_TYPE, types[i], 0);
    packet_is(head(6, 0, 4, 0), 0, 0, VMB_SITE_RX_OFFSET, 0, 4);
    packet_is(head(6, 1, 4, 0), 0, 0, VMB_SITE_RX_OFFSET, 1, 4);
    packet_is(head(6, 5, 4, 0), 0, 0, VMB_SITE_RX_OFFSET, 5, 4);
    packet_is(head(6, 2, 0, 0), 0, 0, VMB_SITE_RX_OFFSET, 2, 0);
    packet_is(head(6, 2, 1, 0), 0, 0, VMB_SITE_RX_OFFSET, 2, 1);
    packet_is(head(6, 0xffff, 4, 0), 0, 0, VMB_SITE_RX_OFFSET, 0xffff, 4);
    packet_is(head(6, 2, 5, 0), 0, 0, VMB_SITE_RX_LENGTH, 48, 40);
    packet_is(head(6, 2, 0xffff, 0), 0, 0, VMB_SITE_RX_LENGTH, 0xffff * 8 + 8,
              40);
    packet_is(head(11, 2, 5, 0), 1, 0, VMB_SITE_RX_LENGTH, 48, 40);
    /* Transfer pages: no room for a count, or not for so many. */
    packet_is(head(7, 2, 4, 0), 0, 0, VMB_SITE_RX_OFFSET, 2, 3);
    packet_is(head(7, 3, 4, 0), 0, 1ull << 32, VMB_SITE_RX_RANGES, 1, 0);
    packet_is(head(7, 4, 4, 0), 0, 2ull << 32, VMB_SITE_RX_RANGES, 2, 1);
    packet_is(head(7, 4, 4, 0), 0, UINT64_MAX, VMB_SITE_RX_RANGES, UINT32_MAX,
              1);
    packet_is(head(7, 4, 4, 0), 0, 0x20000001ull << 32, VMB_SITE_RX_RANGES,
              0x20000001, 1);
    /* Completions of nothing. */
    packet_is(head(11, 2, 4, 0), 0, 0, VMB_SITE_RX_XID, 0, RIG_TXNS);
    packet_is(head(11, 2, 4, 0), 3, 0, VMB_SITE_RX_XID, 3, RIG_TXNS);
    packet_is(head(11, 2, 4, 0), RIG_TXNS + 1, 0, VMB_SITE_RX_XID, RIG_TXNS + 1,
              RIG_TXNS);
    packet_is(head(11, 2, 4, 0), UINT64_MAX, 0, VMB_SITE_RX_XID, UINT64_MAX,
              RIG_TXNS);
}

/* What is unusual and allowed. */
static void a_packet_that_can_be(void **state)
{
    uint64_t raw[5] = { head(7, 4, 4, 0), 5, 1ull << 32 | 7, 0, 0 };
    struct scene s;
    struct vmb_rx rx;

    (void)state;
    set_up(&s, false);
    assert_int_equal(vmb_sim_ring_raw(s.host, raw, sizeof raw), VMB_OK);
    assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_OK);
    assert_int_equal(rx.range_count, 1);
    assert_int_equal(rx.page_set, 7);
    assert_int_equal(rx.len, 0);
    raw[0] = head(6, 4, 4, 0xfffe); /* longer header; flags without meaning */
    raw[4] = UINT64_MAX;            /* a trailer that says nothing */
    assert_int_equal(vmb_sim_ring_raw(s.host, raw, sizeof raw), VMB_OK);
    assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_OK);
    assert_int_equal(rx.len, 0);
    assert_false(rx.want_reply);
    assert_int_equal(vmb_chan_release(&s.link.chan), VMB_OK);
    recovers(&s);
}

/* The answer to a request, once more; and one of an earlier life. */
static void a_replayed_completion(void **state)
{
    struct ask hold = { .request.op = VMB_SIM_HOLD };
    uint64_t raw[4] = { head(11, 2, 3, 0), 0, 0, 0 };
    struct scene s;
    struct vmb_rx rx;

    (void)state;
    set_up(&s, true);
    assert_int_equal(rig_ask_start(s.rig, &s.link, &hold, true), VMB_OK);
    rig_settle(s.rig);
    assert_int_equal(vmb_sim_test_release(s.dev), 1);
    assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_OK);
    assert_ptr_equal(rx.user, &hold);
    raw[1] = rx.xid;
    assert_int_equal(vmb_sim_ring_raw(s.host, raw, sizeof raw), VMB_OK);
    assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_E_HOST);
    is_dead(&s, VMB_SITE_RX_XID, raw[1], RIG_TXNS);
    recovers(&s);

    set_up(&s, true);
    assert_int_equal(rig_ask_start(s.rig, &s.link, &hold, true), VMB_OK);
    rig_settle(s.rig);
    /* The slot is live, the generation is not this one. */
    raw[1] += 1ull << 32;
    assert_int_equal(vmb_sim_ring_raw(s.host, raw, sizeof raw), VMB_OK);
    assert_int_equal(rig_recv(s.rig, &s.link, &rx), VMB_E_HOST);
    is_dead(&s, VMB_SITE_RX_XID, raw[1], RIG_TXNS);
    recovers(&s);
}

/* --- What the host may write, and what it costs --------------------------- */

static void wishes_without_sense_cost_nothing(void **state)
{
    static const uint32_t wishes[] = { 1,    7,      8,          RING - 8,
                                       RING, 0xffff, 0x80000000, UINT32_MAX };
    struct scene s;
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        set_up(&s, true);
        poke(&s, VMB_SIM_TO_GUEST, VMB_SIM_PEND, wishes[i]);
        poke(&s, VMB_SIM_TO_GUEST, VMB_SIM_FEATURES, i % 2 ? UINT32_MAX : 1);
        rig_echo(s.rig, &s.link, 30);
        recovers(&s);
    }
}

/* Any word of the control pages, any byte of the rings, at any moment. */
static void vandalise(struct scene *s, uint64_t *seed)
{
    uint32_t what = rig_below(seed, 6), value = (uint32_t)rig_random(seed);
    enum vmb_sim_ring ring =
        rig_below(seed, 2) ? VMB_SIM_TO_HOST : VMB_SIM_TO_GUEST;

    if (rig_below(seed, 2))
        value = rig_below(seed, RING / 8 + 2) * 8;
    if (what < 2)
        (void)vmb_sim_ring_set(s->host, ring, rig_below(seed, 5) * 4, value);
    else if (what == 2)
        (void)vmb_sim_ring_set(s->host, ring, rig_below(seed, 1024) * 4, value);
    else
        (void)vmb_sim_ring_poke(s->host, VMB_SIM_TO_GUEST,
                                rig_below(seed, RING / 8) * 8, &value,
                                sizeof value);
    if (what == 5)
        vmb_sim_signal(s->host);
}

/* Traffic until the channel dies, or does not; then close and reopen. */
static bool survive(struct scene *s, uint64_t *seed)
{
    struct ask ask = { .request = {
                           .op = VMB_SIM_BURST, .count = 8, .bytes = 120 } };
    enum vmb_status status = VMB_OK;
    struct vmb_out out = { .kind = VMB_INBAND };
    uint8_t bytes[256];
    struct vmb_rx rx;
    uint32_t i;

    for (i = 0; i < 40 && status >= VMB_OK; i++) {
        vandalise(s, seed);
        status = rig_ask_start(s->rig, &s->link, &ask, false);
        vandalise(s, seed);
        while (status == VMB_OK &&
               (status = vmb_chan_recv(&s->link.chan, &rx)) == VMB_OK) {
            (void)vmb_rx_copy(&s->link.chan, &rx, 0, bytes, sizeof bytes);
            vandalise(s, seed);
            status = vmb_chan_release(&s->link.chan);
        }
        if (status >= VMB_OK)
            status = vmb_chan_stage(&s->link.chan, &out);
        if (status >= VMB_OK)
            status = vmb_chan_flush(&s->link.chan);
        rig_turn(s->rig);
    }
    return status == VMB_E_HOST;
}

static void vandals_cost_one_channel(void **state)
{
    uint64_t seed = rig_seed(0xbad0057);
    struct scene s;
    uint32_t i, dead = 0;

    (void)state;
    for (i = 0; i < 400; i++) {
        set_up(&s, i % 2);
        dead += survive(&s, &seed);
        recovers(&s);
    }
    assert_in_range(dead, 100, 400);
}

/* --- The hypervisor's own pages ------------------------------------------- */

static void scratch(struct rig *rig, uint64_t *seed)
{
    uint32_t where = rig_below(seed, 3), bytes = 1 + rig_below(seed, 16), i;
    uint8_t junk[16], *page = rig->cpu_pages[0];
    uint32_t offset = rig_below(seed, 256 - 16);

    for (i = 0; i < sizeof junk; i++)
        junk[i] = (uint8_t)rig_random(seed);
    if (where == 0) /* our SINT's message slot */
        offset += 2 * 256;
    else if (where == 1) /* its event flags */
        offset += 4096 + 2 * 256;
    else
        offset = rig_below(seed, 2 * 4096 - 16);
    (void)vmb_sim_poke(rig->sim, page + offset, junk, bytes);
    (void)vmb_sim_poke(rig->sim, rig->conn_pages + rig_below(seed, 3 * 4096),
                       junk, 1);
}

/* Messages are forged and lost here: what must hold is that all of it ends. */
static void scratched_pages_are_survived(void **state)
{
    uint64_t seed = rig_seed(0x5c7a7c4);
    uint32_t n, i;

    (void)state;
    for (n = 0; n < 60; n++) {
        struct rig *rig = rig_make(&(struct rig_cfg){
            .interrupts = n % 2,
            .ticks = true,
            .sim.max_version = n % 3 ? 0 : VMB_VERSION_1_1,
            .conn = { .timeout = SECOND / 10, .monitor = n % 4 == 0 } });
        struct vmb_sim_dev *dev = rig_device(rig);
        struct link link = { .flagged = false };

        rig_start(rig);
        rig_open(rig, &link, dev);
        for (i = 0; i < 100; i++) {
            scratch(rig, &seed);
            if (i % 8 == 0)
                (void)rig_try_echo(rig, &link, 1);
            rig_turn(rig);
        }
        (void)rig_try_close(rig, &link);
        (void)vmb_conn_unload_start(&rig->conn);
        RIG_UNTIL(rig, vmb_conn_unload_status(&rig->conn) != VMB_AGAIN);
        rig_hv_stop(rig);
        memset(&link.chan, 0, sizeof link.chan);
        rig_start(rig);
        rig_open(rig, &link, dev);
        rig_echo(rig, &link, 3);
        rig_close(rig, &link);
        rig_down(rig);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_index_that_cannot_be),
        cmocka_unit_test(a_read_index_that_goes_back),
        cmocka_unit_test(a_write_index_that_cannot_be),
        cmocka_unit_test(a_write_index_that_goes_back),
        cmocka_unit_test(a_packet_that_cannot_be),
        cmocka_unit_test(a_packet_that_can_be),
        cmocka_unit_test(a_replayed_completion),
        cmocka_unit_test(wishes_without_sense_cost_nothing),
        cmocka_unit_test(vandals_cost_one_channel),
        cmocka_unit_test(scratched_pages_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
