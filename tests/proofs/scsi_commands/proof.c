/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * READ, WRITE and UNMAP name the block and the count they were given, whatever
 * these are: a short form is used only where it holds them.
 *
 * Bounds: loops of at most 8 bytes.
 *
 * Options: --unwind 9
 */
#include "../proof.h"

#include "../../../src/dev/scsi/scsi.c"

/* SBC-3, read with arithmetic of this proof's own. */
static uint64_t field(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;
    uint32_t i;

    for (i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * (bytes - 1 - i));
    return value;
}

static void transfers(uint64_t block, uint32_t count)
{
    struct vmb_scsi_cmd cmd;
    bool write = nondet_bool(), is_long;

    if (write)
        vmb_scsi_write(&cmd, block, count);
    else
        vmb_scsi_read(&cmd, block, count);
    is_long = cmd.cdb_bytes == 16;
    PROVE(is_long || cmd.cdb_bytes == 10);
    PROVE(cmd.cdb[0] ==
          (is_long ? (write ? 0x8a : 0x88) : (write ? 0x2a : 0x28)));
    PROVE(cmd.data == (write ? VMB_SCSI_OUT : VMB_SCSI_IN));
    PROVE(field(cmd.cdb + 2, is_long ? 8 : 4) == block);
    PROVE(field(cmd.cdb + (is_long ? 10 : 7), is_long ? 4 : 2) == count);
}

static void unmaps(uint64_t block, uint32_t count)
{
    uint8_t list[VMB_SCSI_UNMAP_BYTES];
    struct vmb_scsi_cmd cmd;

    vmb_scsi_unmap(&cmd, list, block, count);
    PROVE(field(cmd.cdb + 7, 2) == sizeof list);
    PROVE(field(list, 2) == sizeof list - 2 && field(list + 2, 2) == 16);
    PROVE(field(list + 8, 8) == block && field(list + 16, 4) == count);
}

int main(void)
{
    transfers(nondet_u64(), nondet_u32());
    unmaps(nondet_u64(), nondet_u32());
    return 0;
}
