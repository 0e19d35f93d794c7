/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A storage controller in a test's hands: made, plugged, broken, looked at. */
#include "storage.h"

#include <stdlib.h>
#include <string.h>

#define TRANSFER         0x40000u
#define VERSION_NEWEST   0x0600u
#define WITH_NOTICES     0x0402u
#define OP_ENUMERATE_BUS 11u

/* ba6163d9-04a1-4d29-b605-72e2ffb1dc7f */
const uint8_t vmb_sim_storage_scsi[16] = { 0xd9, 0x63, 0x61, 0xba, 0xa1, 0x04,
                                           0x29, 0x4d, 0xb6, 0x05, 0x72, 0xe2,
                                           0xff, 0xb1, 0xdc, 0x7f };
/* 32412632-86cb-44a2-9b5c-50d1417354f5 */
const uint8_t vmb_sim_storage_ide[16] = { 0x32, 0x26, 0x41, 0x32, 0xcb, 0x86,
                                          0xa2, 0x44, 0x9b, 0x5c, 0x50, 0xd1,
                                          0x41, 0x73, 0x54, 0xf5 };

static struct vmb_sim_dev *add(struct vmb_sim *sim, struct storage *st)
{
    bool ide = st->cfg.quirks & VMB_SIM_STORAGE_IDE;
    struct vmb_sim_device is = { .on_packet = vmb_h_storage_packet,
                                 .on_close = vmb_h_storage_close,
                                 .on_step = vmb_h_storage_step,
                                 .ctx = st };

    memcpy(is.type, ide ? vmb_sim_storage_ide : vmb_sim_storage_scsi, 16);
    memcpy(is.instance, is.type, 16);
    is.instance[15] = st->cfg.instance;
    if (ide) {
        is.user[2] = is.user[3] = 1;
        is.user[8] = 2;
    }
    return vmb_sim_device_add(sim, &is);
}

struct vmb_sim_dev *vmb_sim_storage_add(struct vmb_sim *sim,
                                        const struct vmb_sim_storage_cfg *cfg)
{
    struct storage *st = calloc(1, sizeof *st);
    struct vmb_sim_dev *dev;

    if (!st || cfg->size != sizeof *cfg) {
        free(st);
        return NULL;
    }
    st->cfg = *cfg;
    if (st->cfg.version == 0)
        st->cfg.version = VERSION_NEWEST;
    if (st->cfg.max_transfer == 0)
        st->cfg.max_transfer = TRANSFER;
    st->chance = cfg->seed;
    vmb_h_enter(sim);
    dev = add(sim, st);
    if (dev) {
        dev->own = st;
        dev->on_free = vmb_h_storage_free;
        st->dev = dev;
    } else {
        free(st);
    }
    vmb_h_leave(sim);
    return dev;
}

void vmb_h_storage_free(void *own)
{
    struct storage *st = own;

    while (st->jobs) {
        struct job *next = st->jobs->next;

        free(st->jobs);
        st->jobs = next;
    }
    for (uint32_t lun = 0; lun < VMB_SIM_STORAGE_LUNS; lun++) {
        if (st->disks[lun])
            vmb_h_disk_close(st->disks[lun]);
        free(st->disks[lun]);
    }
}

static void send_notice(struct storage *st, uint32_t operation, uint32_t len)
{
    uint8_t bytes[ST_LEN] = { 0 };

    put32(bytes, operation);
    vmb_sim_send_inband(st->dev->chan, 0, bytes, len < ST_LEN ? len : ST_LEN,
                        false);
}

enum vmb_status vmb_sim_storage_notice(struct vmb_sim_dev *dev,
                                       uint32_t operation, uint32_t len)
{
    vmb_h_enter(dev->sim);
    send_notice(dev->own, operation, len);
    vmb_h_leave(dev->sim);
    return VMB_OK;
}

/* LUNs have changed: the guest is told where the version has words for it. */
static void tell(struct storage *st)
{
    if (st->step == STEP_READY && st->version >= WITH_NOTICES)
        send_notice(st, OP_ENUMERATE_BUS, ST_LEN);
}

static enum vmb_status insert(struct storage *st, uint8_t lun,
                              const struct vmb_sim_disk *disk)
{
    struct vmb_h_disk *made;

    if (lun >= VMB_SIM_STORAGE_LUNS || disk->blocks == 0)
        return VMB_E_ARG;
    if (st->disks[lun])
        return VMB_E_STATE;
    made = calloc(1, sizeof *made);
    if (!made)
        return VMB_E_NOSLOT;
    if (!vmb_h_disk_open(made, disk)) {
        free(made);
        return disk->file ? VMB_E_ARG : VMB_E_NOSLOT;
    }
    st->disks[lun] = made;
    tell(st);
    return VMB_OK;
}

enum vmb_status vmb_sim_storage_insert(struct vmb_sim_dev *dev, uint8_t lun,
                                       const struct vmb_sim_disk *disk)
{
    enum vmb_status status;

    vmb_h_enter(dev->sim);
    status = insert(dev->own, lun, disk);
    vmb_h_leave(dev->sim);
    return status;
}

enum vmb_status vmb_sim_storage_remove(struct vmb_sim_dev *dev, uint8_t lun)
{
    struct storage *st = dev->own;
    enum vmb_status status = VMB_E_STATE;

    if (lun >= VMB_SIM_STORAGE_LUNS)
        return VMB_E_ARG;
    vmb_h_enter(dev->sim);
    if (st->disks[lun]) {
        vmb_h_disk_close(st->disks[lun]);
        free(st->disks[lun]);
        st->disks[lun] = NULL;
        tell(st);
        status = VMB_OK;
    }
    vmb_h_leave(dev->sim);
    return status;
}

static uint64_t move(struct vmb_sim_dev *dev, uint8_t lun, uint64_t offset,
                     void *bytes, uint64_t len, bool write)
{
    struct storage *st = dev->own;
    uint64_t moved = 0;

    vmb_h_enter(dev->sim);
    if (lun < VMB_SIM_STORAGE_LUNS && st->disks[lun])
        moved = vmb_h_disk_move(st->disks[lun], offset, bytes, len, write);
    vmb_h_leave(dev->sim);
    return moved;
}

uint64_t vmb_sim_storage_peek(struct vmb_sim_dev *dev, uint8_t lun,
                              uint64_t offset, void *to, uint64_t len)
{
    return move(dev, lun, offset, to, len, false);
}

uint64_t vmb_sim_storage_poke(struct vmb_sim_dev *dev, uint8_t lun,
                              uint64_t offset, const void *from, uint64_t len)
{
    return move(dev, lun, offset, (void *)(uintptr_t)from, len, true);
}

enum vmb_status
vmb_sim_storage_fault_add(struct vmb_sim_dev *dev,
                          const struct vmb_sim_storage_fault *fault)
{
    struct storage *st = dev->own;
    enum vmb_status status = VMB_E_NOSLOT;

    vmb_h_enter(dev->sim);
    if (st->faults < STORAGE_FAULTS) {
        st->seen[st->faults] = fault->only ? 0 : st->counts.packets;
        st->fault[st->faults] = *fault;
        if (fault->times == 0)
            st->fault[st->faults].times = 1;
        st->faults++;
        status = VMB_OK;
    }
    vmb_h_leave(dev->sim);
    return status;
}

void vmb_sim_storage_faults_clear(struct vmb_sim_dev *dev)
{
    vmb_h_enter(dev->sim);
    ((struct storage *)dev->own)->faults = 0;
    vmb_h_leave(dev->sim);
}

void vmb_sim_storage_stats(struct vmb_sim_dev *dev,
                           struct vmb_sim_storage_counts *out)
{
    vmb_h_enter(dev->sim);
    *out = ((struct storage *)dev->own)->counts;
    vmb_h_leave(dev->sim);
}
