/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* SCSI commands and answers, byte by byte; answers cut short and at random. */
#include <vmb/scsi.h>

#include "unit.h"

/* The command is exactly these bytes, then zeros. */
#define assert_cdb(cmd, way, ...)                          \
    do {                                                   \
        static const uint8_t bytes_[16] = { __VA_ARGS__ }; \
        static const uint8_t used_[] = { __VA_ARGS__ };    \
                                                           \
        assert_int_equal((cmd).cdb_bytes, sizeof used_);   \
        assert_memory_equal((cmd).cdb, bytes_, 16);        \
        assert_int_equal((cmd).data, (way));               \
    } while (0)

static void commands_are_what_the_standard_says(void **state)
{
    struct vmb_scsi_cmd cmd;

    (void)state;
    memset(&cmd, 0xff, sizeof cmd);
    vmb_scsi_test_unit_ready(&cmd);
    assert_cdb(cmd, VMB_SCSI_NO_DATA, 0, 0, 0, 0, 0, 0);
    vmb_scsi_inquiry(&cmd, 0x1234);
    assert_cdb(cmd, VMB_SCSI_IN, 0x12, 0, 0, 0x12, 0x34, 0);
    vmb_scsi_inquiry_page(&cmd, 0x83, 255);
    assert_cdb(cmd, VMB_SCSI_IN, 0x12, 1, 0x83, 0, 255, 0);
    vmb_scsi_report_luns(&cmd, 0x01020304);
    assert_cdb(cmd, VMB_SCSI_IN, 0xa0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0);
    vmb_scsi_read_capacity10(&cmd);
    assert_cdb(cmd, VMB_SCSI_IN, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    vmb_scsi_read_capacity16(&cmd, 32);
    assert_cdb(cmd, VMB_SCSI_IN, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
               32, 0, 0);
    vmb_scsi_mode_sense(&cmd, 0x3f, 64);
    assert_cdb(cmd, VMB_SCSI_IN, 0x1a, 0, 0x3f, 0, 64, 0);
    vmb_scsi_flush(&cmd);
    assert_cdb(cmd, VMB_SCSI_NO_DATA, 0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    vmb_scsi_start_stop(&cmd, true, false);
    assert_cdb(cmd, VMB_SCSI_NO_DATA, 0x1b, 0, 0, 0, 1, 0);
    vmb_scsi_start_stop(&cmd, false, true);
    assert_cdb(cmd, VMB_SCSI_NO_DATA, 0x1b, 0, 0, 0, 2, 0);
}

static void transfers_take_the_shorter_form(void **state)
{
    struct vmb_scsi_cmd cmd;

    (void)state;
    vmb_scsi_read(&cmd, 0x01020304, 0x0506);
    assert_cdb(cmd, VMB_SCSI_IN, 0x28, 0, 1, 2, 3, 4, 0, 5, 6, 0);
    vmb_scsi_write(&cmd, 0xffffffff, 0xffff);
    assert_cdb(cmd, VMB_SCSI_OUT, 0x2a, 0, 255, 255, 255, 255, 0, 255, 255, 0);
    vmb_scsi_read(&cmd, 0x100000000, 1);
    assert_cdb(cmd, VMB_SCSI_IN, 0x88, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0,
               0);
    vmb_scsi_write(&cmd, 9, 0x10000);
    assert_cdb(cmd, VMB_SCSI_OUT, 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 0,
               0, 0);
}

static void unmap_carries_a_list(void **state)
{
    static const uint8_t wanted[24] = { 0, 22, 0, 16, 0, 0, 0, 0, 1, 2, 3, 4,
                                        5, 6,  7, 8,  9, 8, 7, 6, 0, 0, 0, 0 };
    uint8_t list[24];
    struct vmb_scsi_cmd cmd;

    (void)state;
    memset(list, 0xff, sizeof list);
    vmb_scsi_unmap(&cmd, list, 0x0102030405060708, 0x09080706);
    assert_cdb(cmd, VMB_SCSI_OUT, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0);
    assert_memory_equal(list, wanted, sizeof wanted);
}

static void inquiry_is_read(void **state)
{
    static const uint8_t data[36] = "\x05\x80\x06\x02\x1f\0\0\0Msft    "
                                    "Virtual Disk    1.0";
    struct vmb_scsi_identity is;
    uint8_t other[36];

    (void)state;
    assert_true(vmb_scsi_parse_inquiry(data, 36, &is));
    assert_int_equal(is.type, 5);
    assert_true(is.removable);
    assert_string_equal(is.vendor, "Msft    ");
    assert_string_equal(is.product, "Virtual Disk    ");
    assert_false(vmb_scsi_parse_inquiry(data, 31, &is));
    memcpy(other, data, 36);
    other[0] = 0x20; /* qualifier: not connected */
    assert_true(vmb_scsi_parse_inquiry(other, 36, &is));
    assert_int_equal(is.type, 0x1f);
}

static void pages_and_luns_are_listed(void **state)
{
    static const uint8_t pages[] = { 0, 0, 0, 3, 0x00, 0x80, 0xb0, 0xb2 };
    static const uint8_t luns[32] = { 0, 0, 0,    24, 0, 0,    0, 0, 0, 7, 0,
                                      0, 0, 0,    0,  0, 0x40, 9, 0, 0, 0, 0,
                                      0, 0, 0x40, 9,  0, 1,    0, 0, 0, 0 };
    static const uint8_t one[32] = { [3] = 8, [9] = 7 };
    static const uint8_t units[16] = { [3] = 8, [8] = 0x80, [9] = 7 };
    uint8_t lun;

    (void)state;
    assert_true(vmb_scsi_has_page(pages, 8, 0xb0));
    assert_false(vmb_scsi_has_page(pages, 8, 0xb2)); /* past what it counts */
    assert_false(vmb_scsi_has_page(pages, 6, 0xb0));
    assert_false(vmb_scsi_has_page(pages, 0, 0));
    assert_int_equal(vmb_scsi_lun_count(luns, 32), 3);
    assert_int_equal(vmb_scsi_lun_count(luns, 31), 2);
    assert_int_equal(vmb_scsi_lun_count(luns, 7), 0);
    assert_int_equal(vmb_scsi_lun_count(one, 32), 1);
    assert_true(vmb_scsi_lun_at(luns, 0, &lun));
    assert_int_equal(lun, 7);
    assert_true(vmb_scsi_lun_at(luns, 1, &lun));
    assert_int_equal(lun, 9);
    assert_false(vmb_scsi_lun_at(luns, 2, &lun));
    assert_false(vmb_scsi_lun_at(units, 0, &lun));
}

static void capacities_make_sense_or_are_refused(void **state)
{
    uint8_t ten[8] = { 0, 0, 0x10, 0, 0, 0, 2, 0 };
    uint8_t sixteen[32] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0x80 };
    static const uint32_t wrong[] = { 0, 256, 513, 131072 };
    struct vmb_scsi_capacity is;
    size_t i;

    (void)state;
    assert_true(vmb_scsi_parse_capacity(ten, 8, false, &is));
    assert_int_equal(is.blocks, 0x1001);
    assert_int_equal(is.block_bytes, 512);
    assert_false(is.thin);
    assert_false(vmb_scsi_parse_capacity(ten, 7, false, &is));
    assert_true(vmb_scsi_parse_capacity(sixteen, 32, true, &is));
    assert_int_equal(is.blocks, 0x100000001);
    assert_int_equal(is.block_bytes, 4096);
    assert_true(is.thin);
    assert_true(vmb_scsi_parse_capacity(sixteen, 15, true, &is));
    assert_true(is.thin);
    assert_true(vmb_scsi_parse_capacity(sixteen, 14, true, &is));
    assert_false(is.thin);
    assert_true(vmb_scsi_parse_capacity(sixteen, 12, true, &is));
    assert_false(is.thin);
    assert_false(vmb_scsi_parse_capacity(sixteen, 11, true, &is));
    for (i = 0; i < COUNT(wrong); i++) {
        ten[4] = 0;
        ten[5] = (uint8_t)(wrong[i] >> 16);
        ten[6] = (uint8_t)(wrong[i] >> 8);
        ten[7] = (uint8_t)wrong[i];
        assert_false(vmb_scsi_parse_capacity(ten, 8, false, &is));
    }
    memset(sixteen, 0xff, 8);
    assert_false(vmb_scsi_parse_capacity(sixteen, 32, true, &is));
    sixteen[7] = 0xfe; /* the blocks can be counted, the bytes cannot */
    assert_false(vmb_scsi_parse_capacity(sixteen, 32, true, &is));
    sixteen[7] = 0xff;
    sixteen[0] = sixteen[1] = 0;
    sixteen[2] = 0x7f; /* the most, and the last block's number just beyond */
    assert_true(vmb_scsi_parse_capacity(sixteen, 32, true, &is));
    assert_int_equal(is.blocks, 0x800000000000);
    memset(sixteen, 0, 8);
    sixteen[2] = 0x80;
    assert_false(vmb_scsi_parse_capacity(sixteen, 32, true, &is));
    sixteen[2] = 0;
    assert_true(vmb_scsi_parse_capacity(sixteen, 32, true, &is));
    assert_int_equal(is.blocks, 1);
}

static void sense_has_two_formats(void **state)
{
    static const uint8_t fixed[18] = { 0xf0, 0, 0x03, 0, 0, 0,    0,
                                       10,   0, 0,    0, 0, 0x11, 1 };
    static const uint8_t described[8] = { 0x72, 5, 0x24, 2 };
    static const uint8_t neither[18] = { 0x12, 5, 0x24 };
    struct vmb_scsi_sense is;

    (void)state;
    assert_true(vmb_scsi_parse_sense(fixed, 18, &is));
    assert_int_equal(is.key, 3);
    assert_int_equal(is.asc, 0x11);
    assert_int_equal(is.ascq, 1);
    assert_true(vmb_scsi_parse_sense(fixed, 12, &is));
    assert_int_equal(is.key, 3);
    assert_int_equal(is.asc, 0);
    assert_int_equal(is.ascq, 0);
    assert_true(vmb_scsi_parse_sense(fixed, 13, &is));
    assert_int_equal(is.asc, 0x11);
    assert_int_equal(is.ascq, 0); /* not said */
    assert_true(vmb_scsi_parse_sense(fixed, 14, &is));
    assert_int_equal(is.ascq, 1);
    assert_true(vmb_scsi_parse_sense(described, 8, &is));
    assert_int_equal(is.key, 5);
    assert_int_equal(is.asc, 0x24);
    assert_int_equal(is.ascq, 2);
    assert_true(vmb_scsi_parse_sense(described, 4, &is));
    assert_int_equal(is.ascq, 2);
    assert_false(vmb_scsi_parse_sense(neither, 18, &is));
    assert_false(vmb_scsi_parse_sense(fixed, 3, &is));
    assert_false(vmb_scsi_parse_sense(fixed, 0, &is));
}

static void smaller_answers(void **state)
{
    static const uint8_t mode[4] = { 3, 0, 0x80, 0 };
    static const uint8_t limits[24] = { [3] = 60, [21] = 1 };
    static const uint8_t provision[8] = { [5] = 0x80 };
    bool protect = false;

    (void)state;
    assert_true(vmb_scsi_parse_protection(mode, 4, &protect));
    assert_true(protect);
    assert_false(vmb_scsi_parse_protection(mode, 3, &protect));
    assert_int_equal(vmb_scsi_parse_unmap_limit(limits, 24), 0x10000);
    assert_int_equal(vmb_scsi_parse_unmap_limit(limits, 23), 0);
    assert_true(vmb_scsi_parse_unmap(provision, 6));
    assert_false(vmb_scsi_parse_unmap(provision, 5));
}

/* Every reader, any bytes, in memory that ends where they do. */
static void no_reader_looks_past_the_end(void **state)
{
    struct rng rng = rng_from(77);
    struct vmb_scsi_identity identity;
    struct vmb_scsi_capacity capacity;
    struct vmb_scsi_sense sense;
    uint32_t i, j, count;
    bool protect;
    uint8_t lun;

    (void)state;
    for (i = 0; i < CASES_OF(100000u); i++) {
        uint32_t len = rng_below(&rng, 72);
        uint8_t *data = malloc(len ? len : 1);

        for (j = 0; j < len; j++)
            data[j] = (uint8_t)rng_next(&rng);
        (void)vmb_scsi_parse_inquiry(data, len, &identity);
        (void)vmb_scsi_has_page(data, len, (uint8_t)rng_next(&rng));
        count = vmb_scsi_lun_count(data, len);
        for (j = 0; j < count; j++)
            (void)vmb_scsi_lun_at(data, j, &lun);
        if (vmb_scsi_parse_capacity(data, len, false, &capacity))
            assert_true(capacity.block_bytes >= 512);
        if (vmb_scsi_parse_capacity(data, len, true, &capacity))
            assert_true(capacity.blocks <= UINT64_MAX / capacity.block_bytes);
        (void)vmb_scsi_parse_protection(data, len, &protect);
        (void)vmb_scsi_parse_unmap_limit(data, len);
        (void)vmb_scsi_parse_unmap(data, len);
        if (vmb_scsi_parse_sense(data, len, &sense))
            assert_true(sense.key < 16);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_what_the_standard_says),
        cmocka_unit_test(transfers_take_the_shorter_form),
        cmocka_unit_test(unmap_carries_a_list),
        cmocka_unit_test(inquiry_is_read),
        cmocka_unit_test(pages_and_luns_are_listed),
        cmocka_unit_test(capacities_make_sense_or_are_refused),
        cmocka_unit_test(sense_has_two_formats),
        cmocka_unit_test(smaller_answers),
        cmocka_unit_test(no_reader_looks_past_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
