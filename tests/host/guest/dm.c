/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "dm.h"

#define ANSWER_TIME (20 * SECOND) /* on a busy machine */

static const struct vmb_guid balloon_type = VMB_GUID(
    0x525074dc, 0x8985, 0x46e2, 0x80, 0x57, 0xa3, 0x07, 0xdc, 0x18, 0xa5, 0x02);

static uint32_t last_transaction;

struct test_chan dm;

void dm_begin(void)
{
    dm.ring = pages_need(TEST_RING_PAGES);
}

void dm_open(uint32_t tx_pages, uint32_t rx_pages, unsigned cpu)
{
    struct test_chan_cfg cfg = { .tx_pages = tx_pages,
                                 .rx_pages = rx_pages,
                                 .cpu = cpu };
    struct vmb_offer *offer = vmb_conn_find(&ex.conn, &balloon_type, NULL, 0);

    if (!offer)
        guest_fail("no dynamic memory device here");
    test_chan_open(&dm, offer, &cfg);
}

void dm_close(void)
{
    test_chan_close(&dm);
}

enum vmb_status dm_put(const void *message, size_t bytes,
                       const struct vmb_mdl *mdl, bool stage)
{
    struct vmb_iov iov = { message, bytes };
    struct vmb_out out = { .kind = mdl ? VMB_GPA_DIRECT : VMB_INBAND,
                           .iov = &iov,
                           .iov_count = 1,
                           .mdl = mdl };

    return stage ? vmb_chan_stage(&dm.chan, &out)
                 : vmb_chan_send(&dm.chan, &out);
}

/* The host answers before it says that it has read: room may come late. */
static void put_patiently(const void *message, size_t bytes,
                          const struct vmb_mdl *mdl)
{
    uint64_t end = vmb_hv_now(&ex.hv) + ANSWER_TIME;
    enum vmb_status status;

    do
        status = dm_put(message, bytes, mdl, false);
    while (status == VMB_AGAIN && vmb_hv_now(&ex.hv) < end);
    test_chan_expect(&dm, "send", status);
}

void dm_send(void *message, enum dm_type type, size_t bytes,
             const struct vmb_mdl *mdl)
{
    struct dm_header *header = message;

    header->type = (uint16_t)type;
    header->bytes = (uint16_t)bytes;
    put_patiently(message, bytes, mdl);
}

bool dm_receive(union dm_message *message, uint64_t time)
{
    struct vmb_rx rx;

    if (test_chan_receive(&dm, &rx, time) != VMB_OK)
        return false;
    if (rx.kind != VMB_INBAND || rx.len < sizeof message->header)
        guest_fail("packet of type %d with %u bytes", (int)rx.kind,
                   (unsigned)rx.len);
    memset(message, 0, sizeof *message);
    (void)vmb_rx_copy(&dm.chan, &rx, 0, message, sizeof *message);
    test_chan_release(&dm);
    return true;
}

void dm_expect(union dm_message *message, enum dm_type type)
{
    if (!dm_receive(message, ANSWER_TIME))
        guest_fail("no message of type %d within 20 s", (int)type);
    if (message->header.type != type)
        guest_fail("message of type %u where %d was due",
                   (unsigned)message->header.type, (int)type);
}

struct dm_version_request dm_probe(void)
{
    struct dm_version_request probe = {
        .header = { DM_VERSION_REQUEST, sizeof probe, ++last_transaction },
        .minor = 2,
    };

    return probe;
}

bool dm_exchange(const struct vmb_mdl *mdl)
{
    struct dm_version_request probe = dm_probe();
    union dm_message answer;

    put_patiently(&probe, sizeof probe, mdl);
    dm_expect(&answer, DM_VERSION_RESPONSE);
    return check_that(answer.header.transaction == probe.header.transaction,
                      "answer to transaction %u, not %u",
                      (unsigned)answer.header.transaction,
                      (unsigned)probe.header.transaction) &&
           check_that(
               answer.header.bytes == 16 && (answer.response.accepted & 1) == 0,
               "version 0.2 accepted, %u bytes", (unsigned)answer.header.bytes);
}
