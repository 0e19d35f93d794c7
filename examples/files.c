/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "files.h"

/* FatFs as MicroPython has it: every call says which volume, and the disk
 * calls which disk.  In this order: the second header wants the first. */
#include "ff.h"

#include "diskio.h"

#define DEPTH    16
#define RING     4
#define PFNS     33 /* 64 KiB at once, from anywhere in a page */
#define MOST     (64u << 10)
#define PATIENCE 100000000ull /* 10 s */

static const struct files *env;
static struct vmb_storvsc ctl;
static struct vmb_storvsc_queue queue;
static struct vmb_txn txns[DEPTH];
static struct vmb_storvsc_cmd cmds[DEPTH];
static struct vmb_disk disk;

static bool good(const char *what, enum vmb_status status)
{
    struct vmb_fault fault;

    if (status == VMB_OK)
        return true;
    vmb_storvsc_fault(&ctl, &fault);
    env->say("%s: %s (%s)\n", what, vmb_status_str(status),
             vmb_site_str(fault.site));
    return false;
}

/* --- The disk ------------------------------------------------------------- */

static bool open_disk(void)
{
    struct vmb_storvsc_addr at = { 0, 0, 0, 0 };
    struct vmb_offer *offer =
        vmb_conn_find(env->conn, &vmb_storvsc_scsi, NULL, 0);
    uint8_t *pages = env->pages;

    if (!offer) {
        env->say("no SCSI controller\n");
        return false;
    }
    queue.cfg.ring = pages;
    queue.cfg.tx_pages = queue.cfg.rx_pages = RING;
    queue.cfg.txns = txns;
    queue.cfg.txn_cap = DEPTH;
    queue.cmds = cmds;
    return good("controller",
                vmb_storvsc_open_start(&ctl, vmb_conn_bus(env->conn), offer,
                                       &queue, 1)) &&
           good("controller",
                vmb_wait_storvsc_open(env->conn, &ctl, PATIENCE)) &&
           good("disk",
                vmb_disk_open_start(&disk, &ctl, at,
                                    pages + (2 * RING + 2) * VMB_PAGE_SIZE)) &&
           good("disk", vmb_wait_disk_open(env->conn, &disk, PATIENCE));
}

static bool close_disk(void)
{
    return good("close", vmb_wait_storvsc_close(env->conn, &ctl));
}

/* --- What FatFs asks of a disk -------------------------------------------- */

static DRESULT result_of(const struct vmb_storvsc_req *req,
                         enum vmb_status status)
{
    if (status == VMB_OK)
        return RES_OK;
    if (status == VMB_E_ARG)
        return RES_PARERR;
    if (status == VMB_E_REFUSED && req->result.outcome == VMB_STORVSC_PROTECTED)
        return RES_WRPRT;
    return RES_ERROR;
}

static DRESULT move(struct vmb_disk *from, const BYTE *at, DWORD block,
                    UINT count, bool write)
{
    struct vmb_storvsc_req req = { .done = NULL };
    uint64_t pfns[PFNS];
    struct vmb_mdl mdl;
    enum vmb_status status = vmb_mdl_from_virtual(
        &mdl, env->plat, at, (size_t)count * from->block_bytes, pfns, PFNS);

    if (status == VMB_OK)
        status = write ? vmb_disk_write(from, &req, block, count, &mdl, 0)
                       : vmb_disk_read(from, &req, block, count, &mdl, 0);
    if (status == VMB_OK)
        status = vmb_wait_storvsc_req(env->conn, &ctl, &req, PATIENCE);
    /* The host has the request still: nothing of it may be left behind. */
    if (req.status == VMB_AGAIN && status != VMB_OK)
        (void)close_disk();
    return result_of(&req, status);
}

/* In pieces that one page list on the stack can name. */
static DRESULT transfer(struct vmb_disk *from, const BYTE *at, DWORD block,
                        UINT count, bool write)
{
    UINT most = MOST / from->block_bytes;
    DRESULT result = RES_OK;

    while (count && result == RES_OK) {
        UINT piece = count < most ? count : most;

        result = move(from, at, block, piece, write);
        at += (size_t)piece * from->block_bytes;
        block += piece;
        count -= piece;
    }
    return result;
}

DRESULT disk_read(void *drive, BYTE *to, DWORD block, UINT count)
{
    return transfer(drive, to, block, count, false);
}

DRESULT disk_write(void *drive, const BYTE *from, DWORD block, UINT count)
{
    return transfer(drive, from, block, count, true);
}

/* What has been written lasts from here on. */
static DRESULT sync_disk(struct vmb_disk *which)
{
    struct vmb_storvsc_req req = { .done = NULL };
    enum vmb_status status = vmb_disk_flush(which, &req);

    if (status == VMB_OK)
        status = vmb_wait_storvsc_req(env->conn, &ctl, &req, PATIENCE);
    if (req.status == VMB_AGAIN && status != VMB_OK)
        (void)close_disk();
    return result_of(&req, status);
}

DRESULT disk_ioctl(void *drive, BYTE what, void *answer)
{
    struct vmb_disk *which = drive;

    switch (what) {
    case CTRL_SYNC:
        return sync_disk(which);
    case GET_SECTOR_SIZE:
        *(WORD *)answer = (WORD)which->block_bytes;
        return RES_OK;
    case IOCTL_INIT:
    case IOCTL_STATUS:
        *(DSTATUS *)answer = which->read_only ? STA_PROTECT : 0;
        if (vmb_disk_open_status(which) != VMB_OK)
            *(DSTATUS *)answer = STA_NOINIT;
        return RES_OK;
    default:
        return RES_PARERR;
    }
}

/* --- Files ---------------------------------------------------------------- */

static FATFS volume;
static FIL file;
static char text[24 * 1024], copy[sizeof text];

static bool fine(const char *what, FRESULT result)
{
    if (result == FR_OK)
        return true;
    env->say("%s: FatFs says %d\n", what, (int)result);
    return false;
}

static bool list(void)
{
    FILINFO info;
    FF_DIR folder;

    if (!fine("list", f_opendir(&volume, &folder, "")))
        return false;
    while (f_readdir(&folder, &info) == FR_OK && info.fname[0])
        env->say("  %-12s %8lu bytes\n", info.fname, (unsigned long)info.fsize);
    return fine("list", f_closedir(&folder));
}

/* Bytes read; 0 when it cannot be. */
static UINT read_file(const char *name, char *to, UINT room)
{
    UINT got = 0;

    if (!fine(name, f_open(&volume, &file, name, FA_READ)))
        return 0;
    if (!fine(name, f_read(&file, to, room, &got)))
        got = 0;
    return fine(name, f_close(&file)) ? got : 0;
}

static bool write_file(const char *name)
{
    UINT put = 0, i;

    for (i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * 7 / 3 % 26);
    return fine(name,
                f_open(&volume, &file, name, FA_WRITE | FA_CREATE_ALWAYS)) &&
           fine(name, f_write(&file, text, sizeof text, &put)) &&
           fine(name, f_close(&file)) && put == sizeof text;
}

static bool mount(void)
{
    volume.drv = &disk;
    return open_disk() && fine("mount", f_mount(&volume));
}

static bool unmount(void)
{
    return fine("unmount", f_umount(&volume)) && close_disk();
}

static bool use(void)
{
    UINT got;

    env->say("disk of %lu MiB, %s%s\n",
             (unsigned long)((disk.blocks * disk.block_bytes) >> 20),
             disk.identity.vendor, disk.identity.product);
    if (!list())
        return false;
    got = read_file("README.TXT", copy, sizeof copy - 1);
    copy[got] = 0;
    env->say("README.TXT says: %s", copy);
    return got && write_file("NEW.TXT");
}

static bool read_back(void)
{
    UINT got = read_file("NEW.TXT", copy, sizeof copy);

    if (got != sizeof text || __builtin_memcmp(text, copy, sizeof text) != 0) {
        env->say("NEW.TXT is not what was written (%u bytes)\n", got);
        return false;
    }
    env->say("NEW.TXT read back whole after reopening: %u bytes\n", got);
    return true;
}

bool files_run(const struct files *files)
{
    bool done;

    env = files;
    done = mount() && use() && unmount();
    done = done && mount() && read_back() && unmount();
    if (!done)
        (void)close_disk();
    return done;
}
