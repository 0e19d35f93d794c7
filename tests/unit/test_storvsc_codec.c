/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Storage packets, and how guest and host introduce themselves. */
#include "dev/storvsc/hello.h"

#include "unit.h"

static void put(void *packet, uint32_t at, uint64_t value, uint32_t bytes)
{
    memcpy((uint8_t *)packet + at, &value, bytes);
}

/* --- Packets -------------------------------------------------------------- */

static void commands_are_laid_out_as_the_version_wants(void **state)
{
    static const uint8_t wanted[64] = {
        3,    0,    0, 0, 1,    0, 0, 0, 0,  0,  0, 0,    /* packet */
        52,   0,    0, 0, 0,    1, 2, 3, 10, 20, 1, 0,    /* SRB */
        0,    0x10, 0, 0, 0x28, 0, 0, 0, 0,  9,  0, 0, 8, /* bytes, CDB */
        0,    0,    0, 0, 0,    0, 0, 0, 0,  0,  0, 0, 0,
        0,    0,                                      /* rest, queue */
        0x48, 0,    0, 0, 60,   0, 0, 0, 0,  0,  0, 0 /* flags, timeout */
    };
    static const uint8_t old[] = { 36, 0, 0, 0, 0, 1, 2, 3, 10, 18, 1, 0 };
    struct vmb_storvsc_addr at = { 1, 2, 3, 0 };
    struct vmb_storvsc_packet packet;
    struct vmb_scsi_cmd cmd;

    (void)state;
    memset(&packet, 0xff, sizeof packet);
    vmb_scsi_read(&cmd, 9, 8);
    vmb_storvsc_encode(&packet, VMB_STORVSC_VERSION_5_1, at, &cmd, 4096);
    assert_memory_equal(&packet, wanted, 64);
    vmb_storvsc_encode(&packet, VMB_STORVSC_VERSION_4_2, at, &cmd, 4096);
    assert_memory_equal((uint8_t *)&packet + 12, old, sizeof old);
    assert_int_equal(packet.u.srb.srb_flags, 0);
    vmb_scsi_flush(&cmd);
    vmb_storvsc_encode(&packet, VMB_STORVSC_VERSION_6_2, at, &cmd, 0);
    assert_int_equal(packet.u.srb.data_in, 2);
    assert_int_equal(packet.u.srb.srb_flags, 8);
    vmb_scsi_write(&cmd, 0, 1);
    vmb_storvsc_encode(&packet, VMB_STORVSC_VERSION_6_2, at, &cmd, 512);
    assert_int_equal(packet.u.srb.data_in, 0);
    assert_int_equal(packet.u.srb.srb_flags, 0x88);
}

static struct vmb_storvsc_packet answer(uint8_t srb_status, uint8_t scsi_status)
{
    struct vmb_storvsc_packet packet;

    memset(&packet, 0, sizeof packet);
    put(&packet, 0, 1, 4);
    put(&packet, 14, srb_status, 1);
    put(&packet, 15, scsi_status, 1);
    return packet;
}

static const struct {
    uint8_t srb, scsi, key, outcome;
} outcomes[] = {
    { 0x01, 0, 0, VMB_STORVSC_GOOD },
    { 0x41, 0, 0, VMB_STORVSC_GOOD }, /* queue frozen */
    { 0x12, 0, 0, VMB_STORVSC_GOOD },
    { 0x84, 2, 1, VMB_STORVSC_GOOD }, /* recovered */
    { 0x84, 2, 2, VMB_STORVSC_NOT_READY },
    { 0x84, 2, 3, VMB_STORVSC_MEDIUM },
    { 0x84, 2, 4, VMB_STORVSC_HARDWARE },
    { 0x84, 2, 5, VMB_STORVSC_ILLEGAL },
    { 0x84, 0, 5, VMB_STORVSC_ILLEGAL }, /* sense, SCSI status forgotten */
    { 0x84, 2, 6, VMB_STORVSC_ATTENTION },
    { 0x84, 2, 7, VMB_STORVSC_PROTECTED },
    { 0x84, 2, 11, VMB_STORVSC_ABORTED },
    { 0x84, 2, 8, VMB_STORVSC_OTHER },
    { 0x84, 2, 9, VMB_STORVSC_OTHER },
    { 0x84, 2, 10, VMB_STORVSC_OTHER },
    { 0x84, 2, 12, VMB_STORVSC_OTHER },
    { 0x84, 2, 13, VMB_STORVSC_OTHER },
    { 0x84, 2, 14, VMB_STORVSC_OTHER },
    { 0x84, 2, 15, VMB_STORVSC_OTHER },
    { 0x84, 2, 0, VMB_STORVSC_OTHER },
    { 0x04, 2, 3, VMB_STORVSC_OTHER }, /* no autosense */
    { 0x04, 0, 0, VMB_STORVSC_OTHER },
    { 0x00, 0, 0, VMB_STORVSC_OTHER }, /* pending: no answer at all */
    { 0x04, 8, 0, VMB_STORVSC_BUSY },
    { 0x04, 0x28, 0, VMB_STORVSC_BUSY },
    { 0x01, 0x18, 0, VMB_STORVSC_OTHER }, /* reservation conflict */
    { 0x05, 0, 0, VMB_STORVSC_BUSY },
    { 0x02, 0, 0, VMB_STORVSC_ABORTED },
    { 0x0e, 0, 0, VMB_STORVSC_ABORTED },
    { 0x16, 0, 0, VMB_STORVSC_ABORTED },
    { 0x06, 0, 0, VMB_STORVSC_ILLEGAL },
    { 0x22, 0, 0, VMB_STORVSC_ILLEGAL },
    { 0x09, 0, 0, VMB_STORVSC_TIMED_OUT },
    { 0x0b, 0, 0, VMB_STORVSC_TIMED_OUT },
    { 0x07, 0, 0, VMB_STORVSC_NO_DEVICE },
    { 0x08, 0, 0, VMB_STORVSC_NO_DEVICE },
    { 0x0a, 0, 0, VMB_STORVSC_NO_DEVICE },
    { 0x11, 0, 0, VMB_STORVSC_NO_DEVICE },
    { 0x20, 0, 0, VMB_STORVSC_NO_DEVICE },
    { 0x21, 0, 0, VMB_STORVSC_NO_DEVICE },
    /* As OpenVMM has it: a check condition with or without sense. */
    { 0x20, 2, 0, VMB_STORVSC_NO_DEVICE },
    { 0x06, 2, 0, VMB_STORVSC_ILLEGAL },
    { 0x86, 2, 5, VMB_STORVSC_ILLEGAL },
    { 0x12, 2, 0, VMB_STORVSC_OTHER },
    { 0x92, 2, 5, VMB_STORVSC_ILLEGAL },
    { 0x82, 0x40, 11, VMB_STORVSC_ABORTED }, /* task aborted */
    { 0x84, 0x18, 1, VMB_STORVSC_OTHER }, /* reservation conflict: not good */
    /* Sense that says nothing, or that of a success. */
    { 0x81, 2, 0, VMB_STORVSC_OTHER },
    { 0x81, 0, 5, VMB_STORVSC_GOOD },
};

static void statuses_become_outcomes(void **state)
{
    struct vmb_storvsc_packet packet;
    struct vmb_storvsc_result result;
    struct vmb_fault fault;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(outcomes); i++) {
        packet = answer(outcomes[i].srb, outcomes[i].scsi);
        put(&packet, 21, 18, 1);
        put(&packet, 28, 0x70, 1);
        put(&packet, 30, outcomes[i].key, 1);
        put(&packet, 40, 0x11, 1);
        put(&packet, 41, 0x02, 1);
        put(&packet, 8, 0xc0000185, 4);
        put(&packet, 24, 77, 4);
        assert_int_equal(vmb_storvsc_decode(&packet, 512, &result, &fault),
                         VMB_OK);
        assert_int_equal(result.outcome, outcomes[i].outcome);
        assert_int_equal(result.srb_status, outcomes[i].srb & 0x3f);
        assert_int_equal(result.scsi_status, outcomes[i].scsi);
        assert_int_equal(result.host_status, 0xc0000185);
        assert_int_equal(result.bytes, result.outcome ? 0 : 77);
        assert_int_equal(result.sense.asc, outcomes[i].srb & 0x80 ? 0x11 : 0);
        assert_int_equal(result.sense.ascq, outcomes[i].srb & 0x80 ? 2 : 0);
    }
}

static void lies_are_named(void **state)
{
    struct vmb_storvsc_packet packet = answer(1, 0);
    struct vmb_storvsc_result result;
    struct vmb_fault fault;

    (void)state;
    assert_int_equal(vmb_storvsc_decode(&packet, 0, &result, &fault), VMB_OK);
    put(&packet, 24, 513, 4);
    assert_int_equal(vmb_storvsc_decode(&packet, 513, &result, &fault), VMB_OK);
    assert_int_equal(vmb_storvsc_decode(&packet, 512, &result, &fault),
                     VMB_E_HOST);
    assert_int_equal(fault.site, VMB_SITE_STORVSC_BYTES);
    assert_int_equal(fault.got, 513);
    assert_int_equal(fault.limit, 512);
    put(&packet, 24, 0, 4);
    put(&packet, 21, 21, 1);
    assert_int_equal(vmb_storvsc_decode(&packet, 512, &result, &fault),
                     VMB_E_HOST);
    assert_int_equal(fault.site, VMB_SITE_STORVSC_SENSE);
    assert_int_equal(fault.got, 21);
    assert_int_equal(fault.limit, 20);
}

/* --- Introductions -------------------------------------------------------- */

/* A host for the machine alone: what it is asked, and what it says. */
struct host {
    uint16_t newest, channels; /* channels: most it grants */
    uint32_t transfer;
    bool early, late;    /* grants before, after END */
    bool one;            /* has more, and does not take them */
    uint32_t refuses;    /* this operation */
    char asked[16];      /* operations in order, as letters from 'a' */
    uint16_t last_count; /* of CREATE_SUB_CHANNELS */
};

static struct vmb_storvsc_packet reply(struct host *host,
                                       const struct vmb_storvsc_packet *packet)
{
    struct vmb_storvsc_packet back = *packet;
    size_t at = strlen(host->asked);
    bool ended = memchr(host->asked, 'a' + 8, at) != NULL;

    assert_int_equal(packet->flags, 1);
    assert_int_equal(packet->status, 0);
    assert_true(at < sizeof host->asked - 1);
    host->asked[at] = (char)('a' + packet->operation);
    back.operation = 1;
    if (packet->operation == host->refuses) {
        back.status = 0xc0000184;
    } else if (packet->operation == 9) {
        if (packet->u.version > host->newest)
            back.status = 0xc0000059;
    } else if (packet->operation == 10) {
        memset(&back.u, 0, sizeof back.u);
        back.u.properties.max_subchannels = host->channels;
        back.u.properties.flags = host->channels && !host->one;
        back.u.properties.max_transfer_bytes = host->transfer;
    } else if (packet->operation == 13) {
        host->last_count = packet->u.subchannels;
        if (ended ? !host->late : !host->early)
            back.status = 0xc0000184;
    }
    return back;
}

static void begin(struct vmb_storvsc_hello *hello, uint16_t wanted)
{
    memset(hello, 0, sizeof *hello);
    hello->wanted_ = wanted;
    hello->max_transfer_ = 0x100000;
}

static enum vmb_status introduce(struct host *host, uint16_t wanted,
                                 struct vmb_storvsc_hello *hello,
                                 struct vmb_fault *fault)
{
    struct vmb_storvsc_packet packet, again, back;
    enum vmb_status status = VMB_AGAIN;

    begin(hello, wanted);
    while (status == VMB_AGAIN) {
        vmb_storvsc_hello_next(hello, &packet);
        /* Until it is answered it is the same. */
        vmb_storvsc_hello_next(hello, &again);
        assert_memory_equal(&packet, &again, sizeof packet);
        back = reply(host, &packet);
        status = vmb_storvsc_hello_answer(hello, &back, fault);
    }
    return status;
}

static const struct {
    struct host host;
    uint16_t wanted;
    const char *asked; /* h begin, j version, k properties, n channels,
                          i end */
    uint16_t version, granted;
    uint32_t transfer;
} dialogues[] = {
    { { .newest = 0x0602, .transfer = 0x40000 },
      0,
      "hjki",
      0x0602,
      0,
      0x40000 },
    { { .newest = 0x0600, .transfer = 0x40000 },
      3,
      "hjjki",
      0x0600,
      0,
      0x40000 },
    { { .newest = 0x0501,
        .channels = 7,
        .early = true,
        .late = true,
        .transfer = 5000 },
      3,
      "hjjjkni",
      0x0501,
      3,
      5000 },
    { { .newest = 0x0600, .channels = 2, .early = true, .transfer = 1 },
      9,
      "hjjkni",
      0x0600,
      2,
      4096 },
    { { .newest = 0x0600, .channels = 2, .late = true },
      1,
      "hjjknin",
      0x0600,
      1,
      4096 },
    { { .newest = 0x0600, .channels = 2 }, 1, "hjjknin", 0x0600, 0, 4096 },
    { { .newest = 0x0602, .channels = 2, .early = true, .one = true },
      1,
      "hjki",
      0x0602,
      0,
      4096 },
    { { .newest = 0x0402, .channels = 2, .early = true },
      1,
      "hjjjjki",
      0x0402,
      0,
      4096 },
    { { .newest = 0x0200 }, 1, "hjjjjjki", 0x0200, 0, 4096 },
};

static void introductions_go_in_order(void **state)
{
    struct vmb_storvsc_hello hello;
    struct vmb_fault fault;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(dialogues); i++) {
        struct host host = dialogues[i].host;

        assert_int_equal(introduce(&host, dialogues[i].wanted, &hello, &fault),
                         VMB_OK);
        assert_string_equal(host.asked, dialogues[i].asked);
        assert_int_equal(hello.version_, dialogues[i].version);
        assert_int_equal(hello.granted_, dialogues[i].granted);
        assert_int_equal(hello.max_transfer_, dialogues[i].transfer);
        if (dialogues[i].granted)
            assert_int_equal(host.last_count, dialogues[i].granted);
    }
}

static void refusals_end_introductions(void **state)
{
    static const uint32_t operations[] = { 7, 10, 8 };
    struct vmb_storvsc_hello hello;
    struct vmb_fault fault;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(operations); i++) {
        struct host host = { .newest = 0x0600, .refuses = operations[i] };

        assert_int_equal(introduce(&host, 0, &hello, &fault), VMB_E_REFUSED);
        assert_int_equal(fault.site, VMB_SITE_STORVSC_STATUS);
        assert_int_equal(fault.host_code, 0xc0000184);
    }
    {
        struct host host = { .newest = 0x0100 };

        assert_int_equal(introduce(&host, 0, &hello, &fault), VMB_E_VERSION);
        assert_string_equal(host.asked, "hjjjjj");
        assert_int_equal(fault.host_code, 0xc0000059);
    }
}

/* Any answers at all: it ends, and promises nothing it cannot keep. */
static void any_answers_end(void **state)
{
    struct rng rng = rng_from(5);
    struct vmb_storvsc_packet packet;
    struct vmb_storvsc_hello hello;
    struct vmb_fault fault;
    uint32_t i, steps;

    (void)state;
    for (i = 0; i < CASES_OF(50000u); i++) {
        enum vmb_status status = VMB_AGAIN;

        begin(&hello, (uint16_t)rng_below(&rng, 4));
        for (steps = 0; status == VMB_AGAIN; steps++) {
            assert_true(steps < 12);
            vmb_storvsc_hello_next(&hello, &packet);
            for (uint32_t j = 0; j < sizeof packet; j++)
                ((uint8_t *)&packet)[j] = (uint8_t)rng_next(&rng);
            packet.operation = rng_one_in(&rng, 50) ? 2 : 1;
            packet.status = rng_one_in(&rng, 3) ? 0xc0000001 : 0;
            status = vmb_storvsc_hello_answer(&hello, &packet, &fault);
        }
        if (status == VMB_OK) {
            assert_true(hello.max_transfer_ >= 4096);
            assert_true(hello.granted_ <= 3);
            assert_true(hello.version_ >= 0x0200);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_laid_out_as_the_version_wants),
        cmocka_unit_test(statuses_become_outcomes),
        cmocka_unit_test(lies_are_named),
        cmocka_unit_test(introductions_go_in_order),
        cmocka_unit_test(refusals_end_introductions),
        cmocka_unit_test(any_answers_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
