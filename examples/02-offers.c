/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Connect, see what is offered, leave.  The host offers devices by class and
 * instance; each channel of a device is an offer of its own.
 */
#include "port.h"

static struct example ex;

/* First three groups little-endian, as GUIDs are written. */
static void print_guid(const struct vmb_guid *guid)
{
    static const uint8_t order[] = { 3, 2, 1,  0,  5,  4,  7,  6,
                                     8, 9, 10, 11, 12, 13, 14, 15 };
    size_t i;

    for (i = 0; i < sizeof order; i++)
        print(i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
              guid->b[order[i]]);
}

static void say_offer(const struct vmb_offer *offer)
{
    const char *name = vmb_offer_name(&offer->type);

    print("offer %u: %s, sub-channel %u\n", (unsigned)offer->relid,
          name ? name : "a device without a name", (unsigned)offer->subchannel);
    print("  class     ");
    print_guid(&offer->type);
    print("\n  instance  ");
    print_guid(&offer->instance);
    print("\n  signalled by connection 0x%x%s%s, %u MiB of address space, "
          "flags 0x%x\n",
          (unsigned)offer->connection_id, offer->dedicated ? "" : " (shared)",
          offer->monitored ? " or monitor page" : "",
          (unsigned)offer->mmio_mebibytes, (unsigned)offer->flags);
}

enum guest_verdict guest_main(const struct guest_boot *boot)
{
    const struct vmb_offer *offer;
    uint32_t version, count;

    example_begin(&ex, boot);
    example_claim(&ex);
    example_connect(&ex);
    version = vmb_conn_version(&ex.conn);
    print("VMBus version %u.%u\n", (unsigned)(version >> 16),
          (unsigned)(version & 0xffff));
    for (count = 0; (offer = vmb_conn_offer(&ex.conn, count)) != NULL; count++)
        say_offer(offer);
    example_leave(&ex);
    print("proved: connected, heard of %u channels, left without a trace\n",
          (unsigned)count);
    return GUEST_PASS;
}
