/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The simulated controller's disks: SCSI commands on a backing. */
#include "storage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 4096u

static uint64_t be(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static void put_be(uint8_t *at, uint32_t bytes, uint64_t value)
{
    for (uint32_t i = bytes; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

/* --- The backing ---------------------------------------------------------- */

bool vmb_h_disk_open(struct vmb_h_disk *disk, const struct vmb_sim_disk *is)
{
    memset(disk, 0, sizeof *disk);
    disk->is = *is;
    disk->fd = -1;
    if (disk->is.block_bytes == 0)
        disk->is.block_bytes = 512;
    disk->attention = is->attention;
    if (is->null || is->memory)
        return true;
    if (is->file) {
        disk->fd = open(is->file, is->read_only ? O_RDONLY : O_RDWR);
        return disk->fd >= 0;
    }
    disk->own = calloc(is->blocks, disk->is.block_bytes);
    return disk->own != NULL;
}

void vmb_h_disk_close(struct vmb_h_disk *disk)
{
    free(disk->own);
    if (disk->fd >= 0)
        close(disk->fd);
}

uint64_t vmb_h_disk_move(struct vmb_h_disk *disk, uint64_t offset, void *bytes,
                         uint64_t len, bool write)
{
    uint64_t size = disk->is.blocks * disk->is.block_bytes;
    uint8_t *memory = disk->is.memory ? disk->is.memory : disk->own;
    ssize_t moved;

    if (offset > size || disk->is.null)
        return disk->is.null ? len : 0;
    if (len > size - offset)
        len = size - offset;
    if (disk->fd >= 0) {
        moved = write ? pwrite(disk->fd, bytes, len, (off_t)offset)
                      : pread(disk->fd, bytes, len, (off_t)offset);
        return moved < 0 ? 0 : (uint64_t)moved;
    }
    if (write)
        memcpy(memory + offset, bytes, len);
    else
        memcpy(bytes, memory + offset, len);
    return len;
}

/* --- Ends of commands ----------------------------------------------------- */

void vmb_h_disk_sense(struct vmb_h_command *cmd, uint32_t key, uint32_t asc,
                      uint32_t ascq)
{
    cmd->srb_status = SRB_ERROR | SRB_SENSE;
    cmd->scsi_status = 2;
    cmd->key = (uint8_t)key;
    cmd->asc = (uint8_t)asc;
    cmd->ascq = (uint8_t)ascq;
}

/* An answer made of bytes: no more than the guest has room for. */
static void reply(struct vmb_h_command *cmd, const uint8_t *bytes, uint32_t len,
                  uint64_t allowed)
{
    if (len > allowed)
        len = (uint32_t)allowed;
    if (len > cmd->room)
        len = cmd->room;
    len = len > cmd->less ? len - cmd->less : 0;
    cmd->moved = (uint32_t)vmb_sim_write(cmd->packet, 0, bytes, len);
    cmd->srb_status = len < cmd->room ? SRB_OVERRUN : SRB_SUCCESS;
}

/* --- What a disk says of itself ------------------------------------------- */

static uint32_t vital(const struct vmb_h_disk *disk, uint8_t page, uint8_t *out)
{
    switch (page) {
    case 0x00:
        memcpy(out + 4, "\x00\x80\x83\xb0\xb2", 5);
        return 9;
    case 0x80:
        memcpy(out + 4, "SIM00001", 8);
        return 12;
    case 0x83:
        memcpy(out + 4, "\x01\x03\x00\x08\x60\x00\x00\x00\x00\x00\x00\x01", 12);
        return 16;
    case 0xb0:
        put_be(out + 20, 4, disk->is.unmap_limit);
        put_be(out + 24, 4, disk->is.thin ? 1 : 0);
        return 64;
    case 0xb2:
        out[5] = disk->is.thin ? 0x80 : 0;
        return 8;
    default:
        return 0;
    }
}

static void inquiry(struct vmb_h_disk *disk, struct vmb_h_command *cmd)
{
    uint8_t out[96] = { 0 };
    uint32_t len = 36;

    out[0] = disk ? disk->is.optical ? 5 : 0 : 0x7f;
    if (cmd->cdb[1] & 1) {
        len = disk ? vital(disk, cmd->cdb[2], out) : 0;
        if (len == 0) {
            vmb_h_disk_sense(cmd, 5, 0x24, 0);
            return;
        }
        out[1] = cmd->cdb[2];
        put_be(out + 2, 2, len - 4);
    } else {
        out[1] = disk && disk->is.optical ? 0x80 : 0;
        out[2] = 6;
        out[3] = 2;
        out[4] = 31;
        memcpy(out + 8, "SIM     Virtual Disk    1.0 ", 28);
    }
    reply(cmd, out, len, be(cmd->cdb + 3, 2));
}

static void capacity10(struct vmb_h_disk *disk, struct vmb_h_command *cmd)
{
    uint64_t last = disk->is.blocks - 1;
    uint8_t out[8];

    put_be(out, 4, last > 0xffffffff ? 0xffffffff : last);
    put_be(out + 4, 4, disk->is.block_bytes);
    reply(cmd, out, 8, 8);
}

static void capacity16(struct vmb_h_disk *disk, struct vmb_h_command *cmd)
{
    uint8_t out[32] = { 0 };

    put_be(out, 8, disk->is.blocks - 1);
    put_be(out + 8, 4, disk->is.block_bytes);
    out[14] = disk->is.thin ? 0xc0 : 0;
    reply(cmd, out, 32, be(cmd->cdb + 10, 4));
}

static void mode_sense(struct vmb_h_disk *disk, struct vmb_h_command *cmd)
{
    uint8_t out[4] = { 3, 0, disk->is.read_only ? 0x80 : 0, 0 };

    reply(cmd, out, 4, cmd->cdb[4]);
}

void vmb_h_disk_report(struct vmb_h_disk *const disks[VMB_SIM_STORAGE_LUNS],
                       struct vmb_h_command *cmd)
{
    uint8_t out[8 + 8 * VMB_SIM_STORAGE_LUNS] = { 0 };
    uint32_t len = 8;

    for (uint32_t lun = 0; lun < VMB_SIM_STORAGE_LUNS; lun++) {
        if (!disks[lun])
            continue;
        out[len + 1] = (uint8_t)lun;
        len += 8;
    }
    put_be(out, 4, len - 8);
    reply(cmd, out, len, be(cmd->cdb + 6, 4));
}

/* --- Blocks --------------------------------------------------------------- */

static bool in_range(struct vmb_h_disk *disk, struct vmb_h_command *cmd,
                     uint64_t block, uint64_t count)
{
    if (block <= disk->is.blocks && count <= disk->is.blocks - block)
        return true;
    vmb_h_disk_sense(cmd, 5, 0x21, 0);
    return false;
}

static void transfer(struct vmb_h_disk *disk, struct vmb_h_command *cmd,
                     uint64_t at, uint64_t len)
{
    uint8_t piece[PIECE];
    uint64_t done = 0, got = 1;

    while (done < len && got > 0) {
        uint64_t want = len - done < PIECE ? len - done : PIECE;

        if (disk->is.null) {
            done = len;
        } else if (cmd->in) {
            got = vmb_h_disk_move(disk, at + done, piece, want, false);
            got = vmb_sim_write(cmd->packet, done, piece, got);
            done += got;
        } else {
            got = vmb_sim_read(cmd->packet, done, piece, want);
            got = vmb_h_disk_move(disk, at + done, piece, got, true);
            done += got;
        }
    }
    cmd->moved = (uint32_t)done;
    cmd->srb_status = SRB_SUCCESS;
}

static void read_write(struct vmb_h_disk *disk, struct vmb_h_command *cmd,
                       bool write)
{
    bool ten = cmd->cdb[0] < 0x80;
    uint64_t block = ten ? be(cmd->cdb + 2, 4) : be(cmd->cdb + 2, 8);
    uint64_t count = ten ? be(cmd->cdb + 7, 2) : be(cmd->cdb + 10, 4);
    uint64_t bytes = count * disk->is.block_bytes;

    if (write && disk->is.read_only) {
        vmb_h_disk_sense(cmd, 7, 0x27, 0);
        return;
    }
    if (write == cmd->in || bytes != cmd->room || count == 0) {
        vmb_h_disk_sense(cmd, 5, 0x24, 0);
        return;
    }
    if (!in_range(disk, cmd, block, count))
        return;
    bytes = bytes > cmd->less ? bytes - cmd->less : 0;
    transfer(disk, cmd, block * disk->is.block_bytes, bytes);
    if (cmd->moved < cmd->room)
        cmd->srb_status = SRB_OVERRUN;
    *(write ? &cmd->counts->writes : &cmd->counts->reads) += 1;
    *(write ? &cmd->counts->bytes_written : &cmd->counts->bytes_read) +=
        cmd->moved;
}

static void discard(struct vmb_h_disk *disk, uint64_t block, uint64_t count)
{
    uint8_t *zeros = calloc(1, disk->is.block_bytes);

    for (uint64_t i = 0; zeros && i < count; i++)
        vmb_h_disk_move(disk, (block + i) * disk->is.block_bytes, zeros,
                        disk->is.block_bytes, true);
    free(zeros);
}

static void unmap(struct vmb_h_disk *disk, struct vmb_h_command *cmd)
{
    uint8_t list[24] = { 0 };
    uint64_t block, count, got;

    if (!disk->is.thin) {
        vmb_h_disk_sense(cmd, 5, 0x20, 0);
        return;
    }
    /* Moved, and not counted: so says OpenVMM (scsidisk/src/unmap.rs). */
    got = vmb_sim_read(cmd->packet, 0, list, sizeof list);
    block = be(list + 8, 8);
    count = be(list + 16, 4);
    if (cmd->in || got != 24 || be(cmd->cdb + 7, 2) != 24 ||
        be(list, 2) != 22 || be(list + 2, 2) != 16 || be(list + 20, 4) != 0 ||
        (disk->is.unmap_limit && count > disk->is.unmap_limit)) {
        vmb_h_disk_sense(cmd, 5, 0x26, 0);
        return;
    }
    if (!in_range(disk, cmd, block, count))
        return;
    discard(disk, block, count);
    cmd->counts->unmaps++;
    cmd->srb_status = SRB_SUCCESS;
}

/* --- Commands ------------------------------------------------------------- */

static void start_stop(struct vmb_h_disk *disk, struct vmb_h_command *cmd)
{
    if (cmd->cdb[4] & 2)
        disk->is.no_medium = !(cmd->cdb[4] & 1);
    cmd->srb_status = SRB_SUCCESS;
}

static void with_medium(struct vmb_h_disk *disk, struct vmb_h_command *cmd)
{
    switch (cmd->cdb[0]) {
    case 0x00:
        break;
    case 0x25:
        capacity10(disk, cmd);
        return;
    case 0x28:
    case 0x88:
        read_write(disk, cmd, false);
        return;
    case 0x2a:
    case 0x8a:
        read_write(disk, cmd, true);
        return;
    case 0x35:
        cmd->counts->flushes++;
        break;
    case 0x42:
        unmap(disk, cmd);
        return;
    case 0x9e:
        if ((cmd->cdb[1] & 0x1f) == 0x10 && !disk->is.optical) {
            capacity16(disk, cmd);
            return;
        }
        vmb_h_disk_sense(cmd, 5, 0x20, 0);
        return;
    default:
        vmb_h_disk_sense(cmd, 5, 0x20, 0);
        return;
    }
    cmd->srb_status = SRB_SUCCESS;
}

void vmb_h_disk_execute(struct vmb_h_disk *disk, struct vmb_h_command *cmd)
{
    uint8_t op = cmd->cdb[0];

    if (op == 0x12) {
        inquiry(disk, cmd);
    } else if (!disk) {
        cmd->srb_status = SRB_INVALID_LUN;
        cmd->scsi_status = 2; /* and no sense: so says OpenVMM's storvsp */
    } else if (disk->attention) {
        disk->attention = false;
        vmb_h_disk_sense(cmd, 6, 0x29, 0);
    } else if (op == 0x1a) {
        mode_sense(disk, cmd);
    } else if (op == 0x1b) {
        start_stop(disk, cmd);
    } else if (disk->is.no_medium) {
        vmb_h_disk_sense(cmd, 2, 0x3a, 0);
    } else {
        with_medium(disk, cmd);
    }
}
