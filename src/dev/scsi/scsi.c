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
/* WRITE(16) differs from READ(16) as WRITE(10) from READ(10). */
#define WRITE_BIT (OP_WRITE_10 - OP_READ_10)

static void put(uint8_t *at, uint32_t bytes, uint64_t value)
{
    while (bytes--) {
        at[bytes] = (uint8_t)value;
        value >>= 8;
    }
}

static uint64_t get(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;

    while (bytes--)
        value = value << 8 | *at++;
    return value;
}

static uint8_t *begin(struct vmb_scsi_cmd *cmd, uint8_t op, uint8_t bytes,
                      enum vmb_scsi_data data)
{
    __builtin_memset(cmd, 0, sizeof *cmd);
    cmd->cdb[0] = op;
    cmd->cdb_bytes = bytes;
    cmd->data = (uint8_t)data;
    return cmd->cdb;
}

void vmb_scsi_test_unit_ready(struct vmb_scsi_cmd *cmd)
{
    (void)begin(cmd, OP_TEST_UNIT_READY, 6, VMB_SCSI_NO_DATA);
}

void vmb_scsi_inquiry(struct vmb_scsi_cmd *cmd, uint16_t bytes)
{
    put(begin(cmd, OP_INQUIRY, 6, VMB_SCSI_IN) + 3, 2, bytes);
}

void vmb_scsi_inquiry_page(struct vmb_scsi_cmd *cmd, uint8_t page,
                           uint16_t bytes)
{
    vmb_scsi_inquiry(cmd, bytes);
    cmd->cdb[1] = 1;
    cmd->cdb[2] = page;
}

void vmb_scsi_report_luns(struct vmb_scsi_cmd *cmd, uint32_t bytes)
{
    put(begin(cmd, OP_REPORT_LUNS, 12, VMB_SCSI_IN) + 6, 4, bytes);
}

void vmb_scsi_read_capacity10(struct vmb_scsi_cmd *cmd)
{
    (void)begin(cmd, OP_READ_CAPACITY_10, 10, VMB_SCSI_IN);
}

void vmb_scsi_read_capacity16(struct vmb_scsi_cmd *cmd, uint32_t bytes)
{
    uint8_t *cdb = begin(cmd, OP_SERVICE_ACTION_IN, 16, VMB_SCSI_IN);

    cdb[1] = SERVICE_READ_CAPACITY_16;
    put(cdb + 10, 4, bytes);
}

void vmb_scsi_mode_sense(struct vmb_scsi_cmd *cmd, uint8_t page, uint8_t bytes)
{
    uint8_t *cdb = begin(cmd, OP_MODE_SENSE_6, 6, VMB_SCSI_IN);

    cdb[2] = page;
    cdb[4] = bytes;
}

void vmb_scsi_flush(struct vmb_scsi_cmd *cmd)
{
    (void)begin(cmd, OP_SYNCHRONIZE_CACHE_10, 10, VMB_SCSI_NO_DATA);
}

void vmb_scsi_start_stop(struct vmb_scsi_cmd *cmd, bool start, bool medium)
{
    uint8_t *cdb = begin(cmd, OP_START_STOP, 6, VMB_SCSI_NO_DATA);

    cdb[4] = (uint8_t)((medium ? 2 : 0) | (start ? 1 : 0));
}

static void transfer(struct vmb_scsi_cmd *cmd, uint8_t write, uint64_t block,
                     uint32_t count)
{
    enum vmb_scsi_data data = write ? VMB_SCSI_OUT : VMB_SCSI_IN;
    uint8_t *cdb;

    if (count <= 0xffff && block <= UINT32_MAX) {
        cdb = begin(cmd, (uint8_t)(OP_READ_10 + write), 10, data);
        put(cdb + 2, 4, block);
        put(cdb + 7, 2, count);
    } else {
        cdb = begin(cmd, (uint8_t)(OP_READ_16 + write), 16, data);
        put(cdb + 2, 8, block);
        put(cdb + 10, 4, count);
    }
}

void vmb_scsi_read(struct vmb_scsi_cmd *cmd, uint64_t block, uint32_t count)
{
    transfer(cmd, 0, block, count);
}

void vmb_scsi_write(struct vmb_scsi_cmd *cmd, uint64_t block, uint32_t count)
{
    transfer(cmd, WRITE_BIT, block, count);
}

void vmb_scsi_unmap(struct vmb_scsi_cmd *cmd,
                    uint8_t list[VMB_SCSI_UNMAP_BYTES], uint64_t block,
                    uint32_t count)
{
    put(begin(cmd, OP_UNMAP, 10, VMB_SCSI_OUT) + 7, 2, VMB_SCSI_UNMAP_BYTES);
    __builtin_memset(list, 0, VMB_SCSI_UNMAP_BYTES);
    put(list, 2, VMB_SCSI_UNMAP_BYTES - 2);
    put(list + 2, 2, 16); /* one descriptor */
    put(list + 8, 8, block);
    put(list + 16, 4, count);
}

bool vmb_scsi_parse_inquiry(const uint8_t *data, uint32_t bytes,
                            struct vmb_scsi_identity *out)
{
    if (bytes < 32)
        return false;
    __builtin_memset(out, 0, sizeof *out);
    /* A qualifier other than 0: no device is connected there. */
    out->type = data[0] >> 5 ? 0x1f : data[0];
    out->removable = data[1] >> 7;
    __builtin_memcpy(out->vendor, data + 8, 8);
    __builtin_memcpy(out->product, data + 16, 16);
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
    const uint8_t *at = data + 8 + index * 8ull;

    /* Peripheral (0) or flat (0x40) addresses, of 8 bits, on one level. */
    if ((at[0] & 0xbf) != 0 || get(at + 2, 6) != 0)
        return false;
    *lun = at[1];
    return true;
}

static bool capacity(uint64_t last, uint32_t block_bytes,
                     struct vmb_scsi_capacity *out)
{
    out->blocks = last + 1;
    out->block_bytes = block_bytes;
    /* The last block as number 2^64 - 1, or blocks that are no power of two
     * (or no blocks), would turn every sum that follows into nonsense. */
    return out->blocks != 0 && block_bytes >= 512 && block_bytes <= 65536 &&
           (block_bytes & (block_bytes - 1)) == 0 &&
           last < UINT64_MAX / block_bytes;
}

bool vmb_scsi_parse_capacity10(const uint8_t *data, uint32_t bytes,
                               struct vmb_scsi_capacity *out)
{
    out->thin = false;
    return bytes >= 8 &&
           capacity(get(data, 4), (uint32_t)get(data + 4, 4), out);
}

bool vmb_scsi_parse_capacity16(const uint8_t *data, uint32_t bytes,
                               struct vmb_scsi_capacity *out)
{
    out->thin = bytes > 14 && data[14] >> 7;
    return bytes >= 12 &&
           capacity(get(data, 8), (uint32_t)get(data + 8, 4), out);
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
    uint8_t format = bytes ? data[0] & 0x7f : 0;
    bool descriptor = format == 0x72 || format == 0x73;

    if (bytes < 4 || (!descriptor && format != 0x70 && format != 0x71))
        return false;
    out->key = data[descriptor ? 1 : 2] & 0xf;
    out->asc = descriptor ? data[2] : bytes > 12 ? data[12] : 0;
    out->ascq = descriptor ? data[3] : bytes > 13 ? data[13] : 0;
    return true;
}
