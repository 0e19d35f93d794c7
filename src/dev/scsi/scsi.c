/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* SCSI commands and answers: bytes alone.  Source: SPC-4 and SBC-3. */
#include <vmb/scsi.h>

enum {
    OP_TEST_UNIT_READY = 0x00,
    OP_INQUIRY = 0x12,
    OP_MODE_SENSE_6 = 0x1a,
    OP_START_STOP = 0x1b,
    OP_READ_CAPACITY_10 = 0x25,
    OP_READ_10 = 0x28,
    OP_WRITE_10 = 0x2a,
    OP_SYNCHRONIZE_CACHE_10 = 0x35,
    OP_UNMAP = 0x42,
    OP_READ_16 = 0x88,
    OP_WRITE_16 = 0x8a,
    OP_SERVICE_ACTION_IN = 0x9e,
    OP_REPORT_LUNS = 0xa0
};
#define SERVICE_READ_CAPACITY_16 0x10
/* WRITE differs from READ by this, (16) from (16) as (10) from (10). */
#define WRITE_BIT (OP_WRITE_10 ^ OP_READ_10)

#define BLOCK_SIZES 0x1fe00u /* the powers of two from 512 to 65536 */
#define BLOCKS_BITS 47       /* so many blocks have less than 2^64 bytes */

/*
 * Most commands are an operation and one number, such as the room for the
 * answer.  FORM: the operation, which way its data goes, and the last byte of
 * the number.
 */
#define FORM(operation, data, last) \
    ((uint32_t)(operation) | (uint32_t)(data) << 8 | (uint32_t)(last) << 16)

/* Big-endian, up to the byte at `last`; the bytes before it are 0.  Not
 * inlined: it is small, its copies are not. */
__attribute__((noinline)) static void put(uint8_t *last, uint64_t value)
{
    for (; value; value >>= 8)
        *last-- = (uint8_t)value;
}

static uint64_t get(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;

    while (bytes--)
        value = value << 8 | *at++;
    return value;
}

static void build(struct vmb_scsi_cmd *cmd, uint32_t form, uint64_t number)
{
    /* By the operation's group, its upper three bits (SPC-4 4.2.5.1). */
    static const uint8_t lengths[8] = { 6, 10, 10, 0, 16, 12 };

    __builtin_memset(cmd, 0, sizeof *cmd);
    cmd->cdb[0] = (uint8_t)form;
    cmd->cdb_bytes = lengths[(form & 0xff) >> 5];
    cmd->data = (uint8_t)(form >> 8);
    put(cmd->cdb + (form >> 16), number);
}

void vmb_scsi_test_unit_ready(struct vmb_scsi_cmd *cmd)
{
    build(cmd, FORM(OP_TEST_UNIT_READY, VMB_SCSI_NO_DATA, 0), 0);
}

void vmb_scsi_inquiry(struct vmb_scsi_cmd *cmd, uint16_t bytes)
{
    build(cmd, FORM(OP_INQUIRY, VMB_SCSI_IN, 4), bytes);
}

void vmb_scsi_inquiry_page(struct vmb_scsi_cmd *cmd, uint8_t page,
                           uint16_t bytes)
{
    build(cmd, FORM(OP_INQUIRY, VMB_SCSI_IN, 4),
          1u << 24 | (uint32_t)page << 16 | bytes);
}

void vmb_scsi_report_luns(struct vmb_scsi_cmd *cmd, uint32_t bytes)
{
    build(cmd, FORM(OP_REPORT_LUNS, VMB_SCSI_IN, 9), bytes);
}

void vmb_scsi_read_capacity10(struct vmb_scsi_cmd *cmd)
{
    build(cmd, FORM(OP_READ_CAPACITY_10, VMB_SCSI_IN, 0), 0);
}

void vmb_scsi_read_capacity16(struct vmb_scsi_cmd *cmd, uint32_t bytes)
{
    build(cmd, FORM(OP_SERVICE_ACTION_IN, VMB_SCSI_IN, 13), bytes);
    cmd->cdb[1] = SERVICE_READ_CAPACITY_16;
}

void vmb_scsi_mode_sense(struct vmb_scsi_cmd *cmd, uint8_t page, uint8_t bytes)
{
    build(cmd, FORM(OP_MODE_SENSE_6, VMB_SCSI_IN, 4),
          (uint32_t)page << 16 | bytes);
}

void vmb_scsi_flush(struct vmb_scsi_cmd *cmd)
{
    build(cmd, FORM(OP_SYNCHRONIZE_CACHE_10, VMB_SCSI_NO_DATA, 0), 0);
}

void vmb_scsi_start_stop(struct vmb_scsi_cmd *cmd, bool start, bool medium)
{
    build(cmd, FORM(OP_START_STOP, VMB_SCSI_NO_DATA, 4), medium * 2u + start);
}

void vmb_scsi_read(struct vmb_scsi_cmd *cmd, uint64_t block, uint32_t count)
{
    uint32_t form = FORM(OP_READ_10, VMB_SCSI_IN, 5);
    uint8_t *last = cmd->cdb + 8;

    if (block >> 32 || count >> 16) {
        form = FORM(OP_READ_16, VMB_SCSI_IN, 9);
        last = cmd->cdb + 13;
    }
    build(cmd, form, block);
    put(last, count);
}

void vmb_scsi_write(struct vmb_scsi_cmd *cmd, uint64_t block, uint32_t count)
{
    vmb_scsi_read(cmd, block, count);
    cmd->cdb[0] |= WRITE_BIT;
    cmd->data = VMB_SCSI_OUT;
}

void vmb_scsi_unmap(struct vmb_scsi_cmd *cmd,
                    uint8_t list[VMB_SCSI_UNMAP_BYTES], uint64_t block,
                    uint32_t count)
{
    build(cmd, FORM(OP_UNMAP, VMB_SCSI_OUT, 8), VMB_SCSI_UNMAP_BYTES);
    __builtin_memset(list, 0, VMB_SCSI_UNMAP_BYTES);
    list[1] = VMB_SCSI_UNMAP_BYTES - 2;
    list[3] = 16; /* one descriptor */
    put(list + 15, block);
    put(list + 19, count);
}

bool vmb_scsi_parse_inquiry(const uint8_t *data, uint32_t bytes,
                            struct vmb_scsi_identity *out)
{
    if (bytes < 32)
        return false;
    /* A qualifier other than 0: no device is connected there. */
    out->type = data[0] >> 5 ? 0x1f : data[0];
    out->removable = data[1] >> 7;
    __builtin_memcpy(out->vendor, data + 8, 8);
    out->vendor[8] = 0;
    __builtin_memcpy(out->product, data + 16, 16);
    out->product[16] = 0;
    return true;
}

bool vmb_scsi_has_page(const uint8_t *data, uint32_t bytes, uint8_t page)
{
    uint32_t i;

    for (i = 4; i < bytes && i < 4u + get(data + 2, 2); i++)
        if (data[i] == page)
            return true;
    return false;
}

uint32_t vmb_scsi_lun_count(const uint8_t *data, uint32_t bytes)
{
    uint32_t says;

    if (bytes < 8)
        return 0;
    says = (uint32_t)get(data, 4);
    return (says < bytes - 8 ? says : bytes - 8) / 8;
}

bool vmb_scsi_lun_at(const uint8_t *data, uint32_t index, uint8_t *lun)
{
    uint64_t entry = get(data + 8 + index * 8ull, 8);

    /* Peripheral (0) or flat (0x40) addresses, of 8 bits, on one level. */
    *lun = (uint8_t)(entry >> 48);
    return (entry & ~0x40ff000000000000u) == 0;
}

bool vmb_scsi_parse_capacity(const uint8_t *data, uint32_t bytes, bool sixteen,
                             struct vmb_scsi_capacity *out)
{
    uint32_t wide = sixteen ? 8 : 4, block_bytes;

    if (bytes < wide + 4)
        return false;
    out->blocks = get(data, wide) + 1;
    block_bytes = (uint32_t)get(data + wide, 4);
    out->block_bytes = block_bytes;
    out->thin = false;
    if (sixteen && bytes > 14)
        out->thin = data[14] >> 7;
    /* A last block of number 2^64 - 1, bytes that 64 bits cannot count, or
     * blocks that are no power of two would turn every sum that follows into
     * nonsense. */
    return (block_bytes & BLOCK_SIZES) && !(block_bytes & (block_bytes - 1)) &&
           (out->blocks - 1) >> BLOCKS_BITS == 0;
}

bool vmb_scsi_parse_protection(const uint8_t *data, uint32_t bytes,
                               bool *protect)
{
    if (bytes < 4)
        return false;
    *protect = data[2] >> 7;
    return true;
}

uint32_t vmb_scsi_parse_unmap_limit(const uint8_t *data, uint32_t bytes)
{
    return bytes < 24 ? 0 : (uint32_t)get(data + 20, 4);
}

bool vmb_scsi_parse_unmap(const uint8_t *data, uint32_t bytes)
{
    return bytes >= 6 && data[5] >> 7;
}

bool vmb_scsi_parse_sense(const uint8_t *data, uint32_t bytes,
                          struct vmb_scsi_sense *out)
{
    /* Of formats 70 to 73 the odd ones tell of an earlier command. */
    if (bytes < 4 || (data[0] & 0x7c) != 0x70)
        return false;
    __builtin_memcpy(out, data + 1, sizeof *out); /* in descriptors' order */
    if (!(data[0] & 2)) {
        out->key = data[2];
        out->asc = bytes > 12 ? data[12] : 0;
        out->ascq = bytes > 13 ? data[13] : 0;
    }
    out->key &= 0xf;
    return true;
}
