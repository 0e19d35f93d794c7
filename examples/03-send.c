/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The main job, end to end: find a device, open its channel, name memory to
 * the host by its pages, get the host's answer, leave no trace.
 *
 * On stock QEMU the device is hv-balloon (dynamic memory).  It answers any
 * version request; sent as a GPA-direct packet, the answer says that the host
 * took our page list apart.  It does not look at the memory named.  Where
 * there is our own test device, the host hashes that memory instead.
 */
#include "port.h"

#include "testdev_proto.h"

#define RING_PAGES 4
#define TXNS       8
#define DATA_BYTES (3 * VMB_PAGE_SIZE + 0x345)
#define DATA_START 0x234 /* into the first page, so that nothing is aligned */
#define SEED       0x5eed

static const struct vmb_guid balloon_type = VMB_GUID(
    0x525074dc, 0x8985, 0x46e2, 0x80, 0x57, 0xa3, 0x07, 0xdc, 0x18, 0xa5, 0x02);
static const struct vmb_guid testdev_type = { VMB_TESTDEV_GUID_BYTES };

static struct example ex;
static struct vmb_chan chan;
static struct vmb_txn txns[TXNS];

static void say_step(const char *what, uint64_t *clock)
{
    struct example_time t = example_lap(&ex, clock);

    print("  [%4u.%03u ms] %s\n", (unsigned)t.ms, (unsigned)t.us, what);
}

/* Since the guest's first instructions; what the hypervisor's clock shows
 * begins with the claim. */
static void say_entry(const struct guest_boot *boot, uint64_t claimed)
{
    uint64_t us = (claimed - boot->entry_tsc) * 1000 / tsc_per_millisecond();

    print("  [%4u.%03u ms] entered, interface claimed\n", (unsigned)(us / 1000),
          (unsigned)(us % 1000));
}

static void print_guid(const struct vmb_guid *g)
{
    const uint8_t *b = g->b;

    print("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
          "%02x%02x%02x%02x%02x%02x",
          b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10],
          b[11], b[12], b[13], b[14], b[15]);
}

static void list_offers(void)
{
    struct vmb_offer *offer;
    const char *name;
    uint32_t i;

    for (i = 0; (offer = vmb_conn_offer(&ex.conn, i)) != NULL; i++) {
        name = vmb_offer_name(&offer->type);
        print("offer %u: %s, instance ", (unsigned)offer->relid,
              name ? name : "unnamed");
        print_guid(&offer->instance);
        if (!name) {
            print(", type ");
            print_guid(&offer->type);
        }
        print(", sub-channel %u\n", (unsigned)offer->subchannel);
    }
}

static void open_channel(struct vmb_offer *offer)
{
    struct vmb_chan_cfg cfg = { .tx_pages = RING_PAGES,
                                .rx_pages = RING_PAGES,
                                .txns = txns,
                                .txn_cap = TXNS };
    enum vmb_status status;
    struct vmb_fault fault;

    cfg.ring = pages_take(2 * RING_PAGES + 2);
    if (!cfg.ring)
        guest_fail("no room for rings");
    status = vmb_chan_open_start(&chan, vmb_conn_bus(&ex.conn), offer, &cfg);
    example_expect("open", status, NULL);
    status = vmb_wait_open(&ex.conn, &chan);
    vmb_chan_fault(&chan, &fault);
    example_expect("open", status, &fault);
}

/* Memory of an awkward shape, full of a pattern, and its page list. */
static uint8_t *describe(struct vmb_mdl *mdl, uint64_t *pfns, uint32_t pfn_cap)
{
    uint8_t *data = pages_take(pfn_cap);

    if (!data)
        guest_fail("no room for data");
    data += DATA_START;
    vmb_testdev_fill(data, DATA_BYTES, SEED, 0);
    example_expect(
        "page list",
        vmb_mdl_from_virtual(mdl, &ex.plat, data, DATA_BYTES, pfns, pfn_cap),
        NULL);
    return data;
}

static void send_external(const void *command, size_t bytes,
                          const struct vmb_mdl *mdl, bool want_reply)
{
    struct vmb_iov iov = { command, bytes };
    struct vmb_out out = { .kind = VMB_GPA_DIRECT,
                           .iov = &iov,
                           .iov_count = 1,
                           .want_reply = want_reply,
                           .mdl = mdl };
    struct vmb_fault fault;
    enum vmb_status status = vmb_chan_send(&chan, &out);

    vmb_chan_fault(&chan, &fault);
    example_expect("send", status, &fault);
}

static void receive(void *answer, uint32_t bytes, enum vmb_kind kind)
{
    struct vmb_rx rx;
    struct vmb_fault fault;
    enum vmb_status status = example_receive(&ex, &chan, &rx);

    vmb_chan_fault(&chan, &fault);
    example_expect("the host's answer", status, &fault);
    if (rx.kind != kind)
        guest_fail("answer has packet type %d, not %d", (int)rx.kind,
                   (int)kind);
    if (vmb_rx_copy(&chan, &rx, 0, answer, bytes) != bytes)
        guest_fail("answer of %u bytes, not %u", (unsigned)rx.len,
                   (unsigned)bytes);
    example_expect("release", vmb_chan_release(&chan), NULL);
}

/* Dynamic Memory: type, size, transaction, minor, major, last. */
struct balloon_version {
    uint16_t type, size;
    uint32_t transaction;
    uint16_t minor, major;
    uint32_t is_last;
};

static void ask_balloon(const struct vmb_mdl *mdl)
{
    struct balloon_version ask = { 1, sizeof ask, 0x1234, 2, 0, 0 };
    struct {
        uint16_t type, size;
        uint32_t transaction;
        uint64_t accepted;
    } answer;

    send_external(&ask, sizeof ask, mdl, false);
    receive(&answer, sizeof answer, VMB_INBAND);
    if (answer.type != 2 || answer.transaction != ask.transaction)
        guest_fail("answer of type %u to transaction 0x%x",
                   (unsigned)answer.type, (unsigned)answer.transaction);
    /* A version too old to be accepted is answered again and again, and so is
     * good to ask with. */
    print(
        "host's answer: version 0.2 of dynamic memory is %s, as it should be; "
        "transaction 0x%x\n",
        answer.accepted & 1 ? "accepted" : "refused",
        (unsigned)answer.transaction);
}

static void ask_testdev(const struct vmb_mdl *mdl)
{
    struct vmb_testdev_request ask = { .magic = VMB_TESTDEV_MAGIC,
                                       .op = VMB_TESTDEV_HASH };
    struct vmb_testdev_reply answer;
    uint64_t hash = vmb_testdev_hash_of_pattern(SEED, 0, DATA_BYTES);

    send_external(&ask, sizeof ask, mdl, true);
    receive(&answer, sizeof answer, VMB_COMPLETION);
    if (answer.status != VMB_TESTDEV_OK || answer.bytes != DATA_BYTES ||
        answer.hash != hash)
        guest_fail("status %u, %llu bytes, hash 0x%llx instead of 0x%llx",
                   (unsigned)answer.status, (unsigned long long)answer.bytes,
                   (unsigned long long)answer.hash, (unsigned long long)hash);
    print("host's answer: %llu bytes, hash 0x%llx, as it should be\n",
          (unsigned long long)answer.bytes, (unsigned long long)answer.hash);
}

static struct vmb_offer *find_device(bool *is_testdev)
{
    struct vmb_offer *offer = vmb_conn_find(&ex.conn, &testdev_type, NULL, 0);

    *is_testdev = offer != NULL;
    if (!offer)
        offer = vmb_conn_find(&ex.conn, &balloon_type, NULL, 0);
    if (!offer)
        guest_fail("no device here that this example knows");
    return offer;
}

static void send_and_hear(bool is_testdev)
{
    uint64_t pfns[5];
    struct vmb_mdl mdl;

    describe(&mdl, pfns, sizeof pfns / sizeof pfns[0]);
    print("external buffer: %u bytes at offset 0x%x of the first of %u pages, "
          "GPA-direct packet (type %d)\n",
          (unsigned)mdl.byte_count, (unsigned)mdl.byte_offset,
          (unsigned)mdl.pfn_count, (int)VMB_GPA_DIRECT);
    if (is_testdev)
        ask_testdev(&mdl);
    else
        ask_balloon(&mdl);
}

static void check_interrupts(void)
{
    if (!ex.interrupts)
        return;
    print("interrupts on processor 0: %u\n", (unsigned)ex.interrupt_count[0]);
    if (ex.interrupt_count[0] == 0)
        guest_fail("no interrupt came");
}

enum guest_verdict guest_main(const struct guest_boot *boot)
{
    uint64_t clock, claimed;
    uint32_t version;
    bool is_testdev;

    example_begin(&ex, boot);
    example_claim(&ex);
    claimed = rdtsc();
    clock = vmb_hv_now(&ex.hv);
    say_entry(boot, claimed);
    print("%u processor%s, %s\n", ex.cpu_count, ex.cpu_count > 1 ? "s" : "",
          ex.interrupts ? "interrupt driven" : "polled");
    example_connect(&ex);
    version = vmb_conn_version(&ex.conn);
    print("VMBus version %u.%u\n", (unsigned)(version >> 16),
          (unsigned)(version & 0xffff));
    say_step("connected, offers received", &clock);
    list_offers();
    open_channel(find_device(&is_testdev));
    print("channel %u open\n", (unsigned)vmb_chan_relid(&chan));
    say_step("opened", &clock);
    send_and_hear(is_testdev);
    say_step("sent, answered", &clock);
    example_expect("close", vmb_wait_close(&ex.conn, &chan), NULL);
    say_step("closed", &clock);
    example_unload(&ex);
    say_step("unloaded", &clock);
    check_interrupts();
    example_leave(&ex);
    print("interface handed back, as the next OS wants it\n");
    print("proved: %s\n",
          is_testdev
              ? "the host read exactly the bytes that the page list names"
              : "the host took the packet and its page list apart; its "
                "device never\nlooks at the memory (./check boots one "
                "that does)");
    return GUEST_PASS;
}
