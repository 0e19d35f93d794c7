/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Every reader of scsi.h on an answer of any length and contents:
 *   - none looks behind its end,
 *   - a capacity that is taken is one that later sums can be made with,
 *   - entries of REPORT LUNS below the count lie in the answer,
 *   - names end in 0, sense keys have 4 bits.
 *
 * Bounds: answers of up to 36 bytes.  No reader looks behind byte 32 but
 * has_page() and lun_at(), which do the same at each byte and at each entry.
 *
 * Options: --unwind 37
 */
#define BYTES_MOST 36u
#include "../bytes.h"

#include "../../../src/dev/scsi/scsi.c"

static void names(const uint8_t *data, uint32_t bytes)
{
    struct vmb_scsi_identity id;

    if (!vmb_scsi_parse_inquiry(data, bytes, &id))
        return;
    PROVE(bytes >= 32);
    PROVE(id.vendor[8] == 0 && id.product[16] == 0);
    PROVE(id.type == data[0] || (id.type == 0x1f && data[0] >> 5 != 0));
}

static void pages(const uint8_t *data, uint32_t bytes)
{
    uint8_t page = nondet_u8();
    uint32_t at = nondet_u32(), listed;

    if (vmb_scsi_has_page(data, bytes, page)) {
        PROVE(bytes > 4);
        return;
    }
    GIVEN(bytes > 4);
    listed = (uint32_t)data[2] << 8 | data[3];
    GIVEN(at >= 4 && at < bytes && at - 4 < listed);
    PROVE(data[at] != page); /* it is not there */
}

static void luns(const uint8_t *data, uint32_t bytes)
{
    uint32_t count = vmb_scsi_lun_count(data, bytes), index = nondet_u32();
    uint8_t lun;

    PROVE(count == 0 || 8 + 8ull * count <= bytes);
    GIVEN(index < count);
    if (vmb_scsi_lun_at(data, index, &lun))
        PROVE(lun == data[8 + 8 * index + 1]);
}

static void capacities(const uint8_t *data, uint32_t bytes)
{
    struct vmb_scsi_capacity capacity;

    if (!vmb_scsi_parse_capacity(data, bytes, nondet_bool(), &capacity))
        return;
    PROVE(capacity.blocks > 0);
    PROVE(capacity.block_bytes >= 512 && capacity.block_bytes <= 65536);
    PROVE((capacity.block_bytes & (capacity.block_bytes - 1)) == 0);
    /* The disk's last byte has a number. */
    PROVE(capacity.blocks <= UINT64_MAX >> __builtin_ctz(capacity.block_bytes));
}

static void single_fields(const uint8_t *data, uint32_t bytes)
{
    bool protect;
    uint32_t limit = vmb_scsi_parse_unmap_limit(data, bytes);

    PROVE(bytes >= 24 || limit == 0);
    PROVE(bytes >= 6 || !vmb_scsi_parse_unmap(data, bytes));
    PROVE(vmb_scsi_parse_protection(data, bytes, &protect) == (bytes >= 4));
}

static void senses(const uint8_t *data, uint32_t bytes)
{
    struct vmb_scsi_sense sense;

    if (!vmb_scsi_parse_sense(data, bytes, &sense))
        return;
    PROVE(bytes >= 4 && sense.key < 16);
    PROVE((data[0] & 0x7f) >= 0x70 && (data[0] & 0x7f) <= 0x73);
}

int main(void)
{
    uint32_t bytes = nondet_u32();
    const uint8_t *data;

    GIVEN(bytes <= BYTES_MOST);
    data = any_bytes(bytes);
    names(data, bytes);
    pages(data, bytes);
    luns(data, bytes);
    capacities(data, bytes);
    single_fields(data, bytes);
    senses(data, bytes);
    return 0;
}
