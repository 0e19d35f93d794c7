/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Double fetches from all that is not a ring: the message slot, the event
 * flags, the interrupt page, the TSC page; and of whole connections, with
 * their control messages, channels and GPADLs.  See fetch.h.  With
 * SEEDED_FAULT the message slot is read twice (seeded_synic.c).
 */
#include "fetch.h"

#include <vmb/chan.h>
#include <vmb/wire/hv.h>

#include "fake_host.h"
#include "hv/synic.h"
#include "packets.h"

/* ---- the message slot ---------------------------------------------------- */

static uint64_t reg_get(void *ctx, uint32_t reg)
{
    (void)ctx;
    return reg == VMB_REG_TSC ? 0x123456789abcdefull : reg;
}

static void reg_set(void *ctx, uint32_t reg, uint64_t value)
{
    (void)ctx;
    note(reg);
    note(value);
}

static const struct vmb_cpu_ops ops = { .reg_get = reg_get,
                                        .reg_set = reg_set };
static const struct vmb_platform plat = { .size = sizeof plat, .cpu = &ops };
static struct vmb_hv bare_hv = { .plat = &plat, .cpu = &ops };

static void message_case(uint8_t *memory, uint64_t seed)
{
    struct vmb_cpu cpu = { .hv_ = &bare_hv, .simp_ = memory };
    uint8_t *slot = memory + VMB_SINT_VMBUS * 256, message[240] = { 0 };
    struct rng rng = rng_from(seed);
    enum vmb_status status;
    struct vmb_fault fault;
    uint32_t bytes = 0, type;

    type = rng_one_in(&rng, 8) ? rng_below(&rng, 3) : 1;
    memcpy(slot, &type, sizeof type);
    slot[4] = (uint8_t)rng_below(&rng, 256);
    slot[5] = (uint8_t)rng_below(&rng, 4);
    status =
        vmb_synic_take(&cpu, message, rng_below(&rng, 241), &bytes, &fault);
    note_status(status, &fault);
    if (status == VMB_OK)
        note_accepted();
    note(bytes);
    note_bytes(message, sizeof message);
}

static void a_message_is_loaded_once(void **state)
{
    uint8_t *memory = random_pages(1);

    (void)state;
    fetch_judge(fetch_run(message_case, memory, CASES_OF(200000u)),
                CASES_OF(100000u));
    free(memory);
}

/* ---- event flags and the interrupt page ---------------------------------- */

static void lay_flags(struct rng *rng, uint64_t *words)
{
    uint32_t i;

    for (i = 0; i < VMB_EVENT_FLAGS / 64; i++)
        words[i] = rng_one_in(rng, 4) ? rng_next(rng) : 0;
}

static void scan_case(uint8_t *memory, uint64_t seed)
{
    static struct vmb_cpu cpu;
    struct rng rng = rng_from(seed);
    uint8_t *flags = memory + PAGE + VMB_SINT_VMBUS * 256;
    uint32_t work, i, type = rng_below(&rng, 2);

    memset(&cpu, 0, sizeof cpu);
    cpu.hv_ = &bare_hv;
    cpu.simp_ = memory;
    cpu.siefp_ = memory + PAGE;
    cpu.interrupt_page_ = rng_one_in(&rng, 2) ? memory + 2 * PAGE : NULL;
    memcpy(memory + VMB_SINT_VMBUS * 256, &type, sizeof type);
    lay_flags(&rng, (uint64_t *)(void *)flags);
    lay_flags(&rng, (uint64_t *)(void *)(memory + 2 * PAGE));
    fetch_exempt[0] = (struct fetch_exempt){ flags, 256, true };
    fetch_exempt[1] = (struct fetch_exempt){ memory + 2 * PAGE, 256, true };
    work = vmb_cpu_scan(&cpu);
    note(work);
    if (work)
        note_accepted();
    for (i = 0; i < COUNT(cpu.ready_); i++)
        note(cpu.ready_[i]);
}

static void flags_are_taken_once(void **state)
{
    uint8_t *memory = random_pages(3);

    (void)state;
    fetch_judge(fetch_run(scan_case, memory, CASES_OF(40000u)),
                CASES_OF(30000u));
    free(memory);
}

/* ---- the TSC page -------------------------------------------------------- */

static void clock_case(uint8_t *memory, uint64_t seed)
{
    struct vmb_hv hv = { .plat = &plat, .cpu = &ops, .tsc_page_ = memory };
    struct vmb_tsc_page *page = (struct vmb_tsc_page *)(void *)memory;
    struct rng rng = rng_from(seed);

    page->sequence = rng_below(&rng, 4);
    page->scale = rng_next(&rng);
    page->offset = (int64_t)rng_next(&rng);
    fetch_exempt[0] = (struct fetch_exempt){ memory, 4, false };
    if (page->sequence)
        note_accepted();
    note(vmb_hv_now(&hv));
}

static void the_clock_is_read_once(void **state)
{
    uint8_t *memory = random_pages(1);

    (void)state;
    fetch_judge(fetch_run(clock_case, memory, CASES_OF(40000u)),
                CASES_OF(20000u));
    free(memory);
}

/* ---- whole connections --------------------------------------------------- */

#define CHANNELS 2u

static struct fake_host host;
static struct device {
    struct vmb_chan chan;
    struct vmb_gpadl gpadl;
    struct vmb_txn txns[4];
    uint8_t *memory; /* 4 pages of rings, 1 to share */
    struct peer_ring to_guest;
} devices[CHANNELS];

/* Host and guest have been: what both look at anew is put back. */
static void between_calls(void)
{
    uint32_t i;

    fetch_put_back(host.pages, (6 + VMB_CONN_PAGES) * PAGE);
    for (i = 0; i < CHANNELS; i++) {
        fetch_put_back(devices[i].memory, PAGE);
        fetch_put_back(devices[i].memory + 2 * PAGE, PAGE);
    }
}

static void settle(void)
{
    enum vmb_status status = VMB_AGAIN;
    uint32_t i;

    for (i = 0; i < 40; i++) {
        between_calls();
        status = host_turn(&host);
        note((uint64_t)status);
        if (host.head == host.tail && status != VMB_AGAIN)
            break;
    }
    between_calls();
}

static void open_device(uint32_t number)
{
    struct device *dev = &devices[number];
    struct vmb_chan_cfg cfg = {
        .ring = dev->memory,
        .tx_pages = 1,
        .rx_pages = 1,
        .txns = dev->txns,
        .txn_cap = 4,
    };
    struct vmb_offer *offer = vmb_conn_offer(&host.conn, number);

    if (offer)
        note((uint64_t)vmb_chan_open_start(&dev->chan, vmb_conn_bus(&host.conn),
                                           offer, &cfg));
    settle();
    note((uint64_t)vmb_chan_open_status(&dev->chan));
    dev->to_guest.pages = dev->memory + 2 * PAGE;
    dev->to_guest.size = PAGE;
}

/* A message of any kind, most of them of some meaning now. */
static void say_something(struct rng *rng)
{
    static const uint32_t numbers[] = { 1, 2, 4, 6, 10, 12, 15, 17, 24, 9, 77 };
    uint32_t words[58], i, count = rng_below(rng, 20);
    uint32_t number = numbers[rng_below(rng, COUNT(numbers))];

    for (i = 0; i < COUNT(words); i++)
        words[i] = rng_below(rng, 5);
    if (number == 1 && !rng_one_in(rng, 4))
        host_offer(&host, 1 + rng_below(rng, 6));
    else
        host_send(&host, number, words, number == 17 ? 0 : count);
    settle();
}

static void add_packet(struct rng *rng, struct device *dev)
{
    static const uint16_t types[] = { 6, 6, 7, 11 };
    static struct peer_image image;
    uint32_t i, words = rng_below(rng, 20);
    uint16_t type = types[rng_below(rng, COUNT(types))];

    peer_begin(&image, type, (uint16_t)(words % 2), 1 + rng_below(rng, 5));
    if (type == 7) {
        peer_put64(&image, 1ull << 32);
        peer_put64(&image, rng_next(rng));
    }
    peer_payload(&image);
    for (i = 0; i < words; i++)
        peer_put64(&image, rng_next(rng));
    peer_end(&image, peer_word(&dev->to_guest, PEER_WRITE));
    if (dev->chan.state_ == VMB_CHAN_OPEN)
        (void)peer_add(&dev->to_guest, &image);
}

static enum vmb_status receive(struct device *dev)
{
    static uint8_t copy[512];
    uint32_t offset = 0, len = 0;
    struct vmb_rx rx;
    enum vmb_status status = vmb_chan_recv(&dev->chan, &rx);

    between_calls();
    note((uint64_t)status);
    if (status != VMB_OK)
        return status;
    note(rx.xid);
    note(rx.len);
    note((uint64_t)vmb_rx_range(&dev->chan, &rx, 0, &offset, &len));
    note((uint64_t)offset << 32 | len);
    note_bytes(copy, vmb_rx_copy(&dev->chan, &rx, 0, copy, sizeof copy));
    note_accepted();
    return status;
}

/* Some packets at once: the first is looked for, the others are there. */
static void hear(struct rng *rng, struct device *dev)
{
    uint32_t packets = 1 + rng_below(rng, 4);

    while (packets--)
        add_packet(rng, dev);
    while (receive(dev) == VMB_OK)
        continue;
    note((uint64_t)vmb_chan_release(&dev->chan));
    between_calls();
    if (rng_one_in(rng, 2))
        note(vmb_chan_arm(&dev->chan));
    between_calls();
}

static void say(struct rng *rng, struct device *dev)
{
    static uint8_t payload[1024];
    struct vmb_iov iov = { payload, rng_below(rng, sizeof payload) };
    struct vmb_out out = { .kind = VMB_INBAND, .iov = &iov, .iov_count = 1 };

    out.want_reply = rng_one_in(rng, 2);
    fetch_exempt[0] = (struct fetch_exempt){ dev->memory + 4, 4, false };
    note((uint64_t)vmb_chan_send(&dev->chan, &out));
    fetch_exempt[0].len = 0;
    between_calls();
}

static void share(struct device *dev)
{
    note((uint64_t)vmb_gpadl_create_virtual_start(
        &dev->gpadl, &dev->chan, dev->memory + 4 * PAGE, PAGE));
    settle();
    note((uint64_t)vmb_gpadl_create_status(&dev->gpadl));
    note((uint64_t)vmb_gpadl_destroy_start(&dev->gpadl));
    settle();
    note((uint64_t)vmb_gpadl_destroy_status(&dev->gpadl));
}

static void act(struct rng *rng)
{
    uint32_t number = rng_below(rng, CHANNELS);
    struct device *dev = &devices[number];

    switch (rng_below(rng, 8)) {
    case 0:
        open_device(number);
        break;
    case 1:
        if (dev->chan.bus_)
            note((uint64_t)vmb_chan_close_start(&dev->chan));
        settle();
        break;
    case 2:
        say(rng, dev);
        break;
    case 3:
        share(dev);
        break;
    case 4:
    case 5:
        hear(rng, dev);
        break;
    default:
        say_something(rng);
        break;
    }
}

static void note_state(void)
{
    struct vmb_fault fault;
    uint32_t i;

    vmb_conn_fault(&host.conn, &fault);
    note_status(fault.status, &fault);
    note(vmb_conn_fault_count(&host.conn));
    note_bytes(host.log, sizeof host.log);
    note(host.signals);
    for (i = 0; i < HOST_OFFERS; i++) {
        note(host.offers[i].relid);
        note(host.offers[i].connection_id);
        note((uint64_t)host.offers[i].state_);
    }
    for (i = 0; i < CHANNELS; i++) {
        vmb_chan_fault(&devices[i].chan, &fault);
        note_status(fault.status, &fault);
        note((uint64_t)devices[i].chan.state_);
        note(devices[i].chan.rx_.read_);
        note(devices[i].chan.tx_.read_);
    }
}

static void connection_case(uint8_t *memory, uint64_t seed)
{
    static const uint32_t versions[] = { VMB_VERSION_6_0, VMB_VERSION_5_3,
                                         VMB_VERSION_2_4, VMB_VERSION_1_1 };
    struct rng rng = rng_from(seed);
    uint32_t i;

    host_init(&host, versions[seed % COUNT(versions)]);
    for (i = 0; i < CHANNELS; i++) {
        memset(&devices[i], 0, sizeof devices[i]);
        devices[i].memory = memory + 5 * PAGE * i;
        devices[i].to_guest.pages = devices[i].memory + 2 * PAGE;
        devices[i].to_guest.size = PAGE;
    }
    note((uint64_t)vmb_conn_start(&host.conn, &host.hv, &host.cfg));
    settle();
    open_device(0);
    for (i = 0; i < 12; i++) {
        host.log[0] = 0;
        act(&rng);
    }
    note_state();
    /* Before the pages go. */
    fetch_put_back(NULL, SIZE_MAX);
    host_free(&host);
}

static void a_connection_loads_nothing_twice(void **state)
{
    uint8_t *memory = random_pages(5 * CHANNELS);

    (void)state;
    fetch_judge(fetch_run(connection_case, memory, CASES_OF(20000u)),
                CASES_OF(10000u));
    free(memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_loaded_once),
#ifndef SEEDED_FAULT
        cmocka_unit_test(flags_are_taken_once),
        cmocka_unit_test(the_clock_is_read_once),
        cmocka_unit_test(a_connection_loads_nothing_twice),
#endif
    };

#ifdef SEEDED_FAULT
    (void)flags_are_taken_once;
    (void)the_clock_is_read_once;
    (void)a_connection_loads_nothing_twice;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
