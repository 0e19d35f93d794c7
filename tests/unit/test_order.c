/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Both sides store one word and then look at another; who looks first may
 * miss the other for ever.  Here the hook on loads (src/host.h) looks, at the
 * moment of each such load, whether the store before it has been made, and
 * whether there was a fence between the two.
 */
#include <vmb/wire/hv.h>

#include "fake_bus.h"
#include "host.h"
#include "hv/synic.h"
#include "layout.h"
#include "packets.h"

static uint8_t *pages;
static struct peer_ring ring;

/* The load that is watched for, and what must be stored by then. */
static struct {
    const void *load;
    const void *store;
    uint32_t value;
    uint32_t seen;
    bool fenced;
} watch;

void vmb_host_hook_loaded(const volatile void *at, size_t len)
{
    uint32_t stored;

    if (!watch.load || (len && at != watch.load))
        return;
    memcpy(&stored, watch.store, sizeof stored);
    assert_int_equal(stored, watch.value);
    if (len) {
        assert_true(watch.fenced);
        watch.seen++;
    }
    watch.fenced = true;
}

static void expect(const void *store, uint32_t value, const void *load)
{
    watch.load = load;
    watch.store = store;
    watch.value = value;
    watch.seen = 0;
    watch.fenced = false;
}

static const void *word(uint32_t number)
{
    return pages + number * 4;
}

static int set_up(void **state)
{
    (void)state;
    pages = new_pages(4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    watch.load = NULL;
    free(pages);
    return 0;
}

static void the_wish_is_stated_before_the_second_look(void **state)
{
    struct vmb_fault fault;
    struct vmb_ring_tx tx;

    (void)state;
    place_tx(&tx, pages, 1, 0, 0);
    tx.write_ = tx.published_ = 4000;
    expect(word(PEER_PENDING), 208, word(PEER_READ));
    assert_int_equal(vmb_ring_want_room(&tx, 200, &fault), VMB_AGAIN);
    assert_int_equal(watch.seen, 1);
}

static void packets_are_shown_before_the_mask_is_looked_at(void **state)
{
    struct vmb_ring_tx tx;

    (void)state;
    place_tx(&tx, pages, 1, 0, 0);
    tx.write_ = 64;
    expect(word(PEER_WRITE), 64, word(PEER_MASK));
    assert_true(vmb_ring_publish(&tx));
    assert_int_equal(watch.seen, 1);
    tx.write_ = 128;
    expect(word(PEER_WRITE), 128, word(PEER_READ));
    assert_false(vmb_ring_publish(&tx));
    assert_int_equal(watch.seen, 1);
}

static void room_is_given_before_the_wish_is_looked_at(void **state)
{
    static struct peer_image image;
    struct vmb_fault fault;
    struct vmb_ring_rx rx;
    struct vmb_rx out;

    (void)state;
    place_rx(&rx, pages, 1, 4064, 0);
    ring = peer_of_rx(&rx);
    peer_begin(&image, 6, 0, 0);
    peer_payload(&image);
    peer_put64(&image, 1);
    peer_end(&image, 0);
    assert_true(peer_add(&ring, &image));
    assert_int_equal(vmb_ring_next(&rx, &out, &fault), VMB_OK);
    expect(word(PEER_READ), 0, word(PEER_PENDING));
    assert_false(vmb_ring_release(&rx));
    assert_int_equal(watch.seen, 1);
}

static void arming_unmasks_before_the_last_look(void **state)
{
    struct vmb_ring_rx rx;

    (void)state;
    place_rx(&rx, pages, 1, 64, 0);
    expect(word(PEER_MASK), 0, word(PEER_WRITE));
    assert_false(vmb_ring_arm(&rx));
    assert_int_equal(watch.seen, 1);
}

/* ---- the look at a wish that a channel puts off -------------------------- */

static struct fake_bus bus;
static struct vmb_chan chan;

/* A packet was given back without a fence.  False: where size counts each
 * release has one. */
static bool owe_a_look(void)
{
    static struct peer_image image;
    struct vmb_chan_cfg cfg = { .ring = pages, .tx_pages = 1, .rx_pages = 1 };
    struct vmb_rx rx;

    if (!VMB_PLAIN_PAYS)
        return false;
    watch.load = NULL;
    fake_bus_init(&bus);
    memset(&chan, 0, sizeof chan);
    fake_open(&bus, &chan, &cfg);
    ring = peer_of_rx(&chan.rx_);
    peer_begin(&image, 6, 0, 0);
    peer_payload(&image);
    peer_put64(&image, 1);
    peer_end(&image, 0);
    assert_true(peer_add(&ring, &image));
    assert_int_equal(vmb_chan_recv(&chan, &rx), VMB_OK);
    assert_int_equal(vmb_chan_release(&chan), VMB_OK);
    return true;
}

static void the_wish_is_looked_at_behind_the_fence_of_arming(void **state)
{
    const uint32_t *control;

    (void)state;
    if (!owe_a_look())
        return;
    control = chan.rx_.control_;
    /* The mask is stored before that fence, the write index loaded behind. */
    expect(&control[PEER_MASK], 0, &control[PEER_PENDING]);
    assert_false(vmb_chan_arm(&chan));
    assert_int_equal(watch.seen, 1);
}

static void the_wish_is_looked_at_behind_that_of_a_sender(void **state)
{
    static const uint8_t bytes[1000];
    const struct vmb_iov iov = { bytes, sizeof bytes };
    const struct vmb_out out = { .kind = VMB_INBAND,
                                 .iov = &iov,
                                 .iov_count = 1 };
    const uint32_t *ours, *theirs;
    uint32_t i;

    (void)state;
    if (!owe_a_look())
        return;
    ours = chan.tx_.control_;
    theirs = chan.rx_.control_;
    for (i = 0; i < 3; i++)
        assert_int_equal(vmb_chan_send(&chan, &out), VMB_OK);
    expect(&ours[PEER_PENDING], 1024 + 8, &theirs[PEER_PENDING]);
    assert_int_equal(vmb_chan_send(&chan, &out), VMB_AGAIN);
    assert_int_equal(watch.seen, 1);
}

/* ---- the message slot ---------------------------------------------------- */

static uint32_t eoms;

static void reg_set(void *ctx, uint32_t reg, uint64_t value)
{
    (void)ctx;
    (void)value;
    eoms += reg == VMB_REG_EOM;
}

static void a_message_slot_is_freed_before_the_pending_flag(void **state)
{
    const struct vmb_cpu_ops ops = { .reg_set = reg_set };
    const struct vmb_platform plat = { .size = sizeof plat };
    struct vmb_hv hv = { .plat = &plat, .cpu = &ops };
    struct vmb_cpu cpu = { .hv_ = &hv, .simp_ = pages };
    uint8_t *slot = pages + VMB_SINT_VMBUS * 256, message[240];
    struct vmb_fault fault;
    uint32_t bytes;

    (void)state;
    slot[0] = 1;
    slot[4] = 8;
    slot[5] = VMB_MESSAGE_PENDING;
    eoms = 0;
    expect(slot, 0, slot + 5);
    assert_int_equal(vmb_synic_take(&cpu, message, 240, &bytes, &fault),
                     VMB_OK);
    assert_int_equal(watch.seen, 1);
    assert_int_equal(eoms, 1);
}

#define ordered(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ordered(the_wish_is_stated_before_the_second_look),
        ordered(packets_are_shown_before_the_mask_is_looked_at),
        ordered(room_is_given_before_the_wish_is_looked_at),
        ordered(arming_unmasks_before_the_last_look),
        ordered(the_wish_is_looked_at_behind_the_fence_of_arming),
        ordered(the_wish_is_looked_at_behind_that_of_a_sender),
        ordered(a_message_slot_is_freed_before_the_pending_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
