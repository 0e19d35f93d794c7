/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Both sides of a ring in memory that a hostile host rewrites between any two
 * calls.  Input: where the rings stand, then actions.
 */
#include <vmb/ring.h>

#include "fuzz.h"

#define WORD(ring, number) ((uint32_t *)(void *)(ring) + (number))
#define PFNS               64u

static struct input in;
static struct vmb_ring_tx tx;
static struct vmb_ring_rx rx;
static struct vmb_rx packet; /* the last one received; zero: none */
static uint8_t *tx_pages, *rx_pages;
static uint64_t pfns[PFNS];

static void set_up(void)
{
    uint32_t data_pages = 1 + take8(&in) % 3, at;

    tx_pages = new_pages(1 + data_pages);
    rx_pages = new_pages(1 + data_pages);
    vmb_ring_tx_init(&tx, tx_pages, data_pages);
    vmb_ring_rx_init(&rx, rx_pages, data_pages);
    at = take16(&in) * 8u % tx.size_;
    tx.write_ = tx.published_ = tx.read_ = at;
    rx.write_ = rx.read_ = rx.released_ = at;
    *WORD(tx_pages, 0) = *WORD(tx_pages, 1) = at;
    *WORD(rx_pages, 0) = *WORD(rx_pages, 1) = at;
    memset(&packet, 0, sizeof packet);
}

static void check(void)
{
    PROMISE(tx.write_ < tx.size_ && tx.write_ % 8 == 0);
    PROMISE(tx.published_ < tx.size_ && tx.published_ % 8 == 0);
    PROMISE(tx.read_ < tx.size_ && tx.read_ % 8 == 0);
    PROMISE(rx.write_ < rx.size_ && rx.write_ % 8 == 0);
    PROMISE(rx.read_ < rx.size_ && rx.read_ % 8 == 0);
    PROMISE(rx.released_ < rx.size_ && rx.released_ % 8 == 0);
}

/* ---- receiving --------------------------------------------------------- */

static uint32_t ahead(uint32_t from, uint32_t to)
{
    return (to + rx.size_ - from) % rx.size_;
}

static void receive(void)
{
    const struct vmb_ring_rx before = rx;
    struct vmb_fault fault = { VMB_OK, 0, 0, 0, 0 };
    struct vmb_rx out;
    enum vmb_status status = vmb_ring_next(&rx, &out, &fault);

    PROMISE(status == VMB_OK || status == VMB_AGAIN || status == VMB_E_HOST);
    if (status != VMB_OK)
        PROMISE(rx.read_ == before.read_ && rx.released_ == before.released_);
    if (status == VMB_E_HOST)
        PROMISE(fault.status == VMB_E_HOST && fault.site < VMB_SITE_COUNT);
    if (status != VMB_OK)
        return;
    PROMISE(ahead(before.read_, rx.read_) <= ahead(before.read_, rx.write_));
    PROMISE(ahead(before.read_, out.at_) + out.len + 8 ==
            ahead(before.read_, rx.read_));
    packet = out;
}

static void copy_out(void)
{
    uint32_t offset = take16(&in), len = take16(&in), got;
    uint8_t *to = exactly(len);

    got = vmb_ring_copy(&rx, &packet, offset, to, len);
    PROMISE(got <= len && (got == 0 || offset + got <= packet.len));
    free(to);
}

static void read_range(void)
{
    uint32_t index = take16(&in), offset, len;

    PROMISE(vmb_ring_range(&rx, &packet, index, &offset, &len) ==
            (index < packet.range_count));
}

/* What was received may not be looked at any more. */
static void release(void)
{
    (void)vmb_ring_release(&rx);
    PROMISE(rx.released_ == rx.read_);
    memset(&packet, 0, sizeof packet);
}

/* A header that is nearly right, and a write index that is quite right. */
static void host_sends(void)
{
    uint32_t at = *WORD(rx_pages, 0) % rx.size_ & ~7u, i;
    uint64_t words[3];

    words[0] = take8(&in) | (uint64_t)take8(&in) << 16 |
               (uint64_t)take8(&in) << 32 | (uint64_t)take8(&in) << 48;
    words[1] = take16(&in);
    words[2] = (uint64_t)take8(&in) << 32 | take8(&in);
    for (i = 0; i < 3; i++)
        memcpy(rx_pages + PAGE + (at + i * 8) % rx.size_, &words[i], 8);
    at += (uint32_t)(words[0] >> 32 & 0xff) * 8 + 8;
    *WORD(rx_pages, 0) = at % rx.size_;
}

/* ---- sending ------------------------------------------------------------- */

static void send(bool direct)
{
    static const uint8_t payload[600];
    struct vmb_iov iov[2] = { { payload, take8(&in) }, { payload, 300 } };
    struct vmb_mdl mdl = { NULL, pfns, PFNS, take16(&in) % PAGE, take16(&in) };
    struct vmb_out out = { .kind = direct ? VMB_GPA_DIRECT : VMB_INBAND,
                           .iov = iov,
                           .iov_count = take8(&in) % 3 };
    struct vmb_out_size size;
    struct vmb_fault fault;
    enum vmb_status status;

    out.mdl = direct ? &mdl : NULL;
    if (vmb_ring_measure(&out, &size) != VMB_OK)
        return;
    status = vmb_ring_reserve(&tx, size.total, &fault);
    if (status == VMB_AGAIN) {
        (void)vmb_ring_publish(&tx);
        status = vmb_ring_want_room(&tx, size.total, &fault);
    }
    if (status == VMB_OK)
        vmb_ring_write(&tx, &out, &size, take16(&in));
}

/* ---- the host -------------------------------------------------------------
 */

static void host_writes(void)
{
    uint32_t at = take16(&in), len = take8(&in) % 33;

    while (len--)
        rx_pages[PAGE + at++ % rx.size_] = take8(&in);
}

static void host_sets_word(uint8_t *pages)
{
    uint32_t number = take8(&in) % 17;

    *WORD(pages, number) = take32(&in);
}

static void act(uint8_t action)
{
    switch (action % 13) {
    case 0:
    case 1:
        receive();
        break;
    case 2:
        copy_out();
        break;
    case 3:
        read_range();
        break;
    case 4:
        release();
        break;
    case 5:
        (void)vmb_ring_arm(&rx);
        break;
    case 6:
        host_sends();
        break;
    case 7:
        host_writes();
        break;
    case 8:
        host_sets_word(rx_pages);
        break;
    case 9:
        host_sets_word(tx_pages);
        break;
    case 10:
        (void)vmb_ring_publish(&tx);
        break;
    default:
        send(action % 13 == 12);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    in.at = data;
    in.left = size;
    set_up();
    while (in.left) {
        act(take8(&in));
        check();
    }
    free(tx_pages);
    free(rx_pages);
    return 0;
}
