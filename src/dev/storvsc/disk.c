/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Disks: what one is, asked step by step, and its blocks. */
#include "../../fault.h"
#include "../../host.h"
#include "io.h"

enum { /* vmb_disk.step_ */
    INQUIRY,
    TEST_READY,
    CAPACITY16,
    CAPACITY10,
    PROTECTION,
    LIMITS,
    PROVISION
};

/* --- Opening: one question after another ---------------------------------- */

/* Which page is asked for, and how much of it: what all devices have. */
static const struct {
    uint8_t page, bytes;
} questions[] = {
    [INQUIRY] = { 0, 36 },
    [TEST_READY] = { 0, 0 },
    [CAPACITY16] = { 0, 32 },
    [CAPACITY10] = { 0, 8 },
    [PROTECTION] = { 0x3f, 64 }, /* all pages, for what stands before them */
    [LIMITS] = { VMB_SCSI_VPD_LIMITS, 64 },
    [PROVISION] = { VMB_SCSI_VPD_PROVISION, 64 },
};

/* It is accepted: the page is there, and long enough. */
static void ask(struct vmb_disk *disk)
{
    struct vmb_storvsc_req *req = &disk->req_;
    uint8_t page = questions[disk->step_].page;
    uint8_t bytes = questions[disk->step_].bytes;

    switch (disk->step_) {
    case INQUIRY:
        vmb_scsi_inquiry(&req->cmd, bytes);
        break;
    case TEST_READY:
        vmb_scsi_test_unit_ready(&req->cmd);
        break;
    case CAPACITY16:
        vmb_scsi_read_capacity16(&req->cmd, bytes);
        break;
    case CAPACITY10:
        vmb_scsi_read_capacity10(&req->cmd);
        break;
    case PROTECTION:
        vmb_scsi_mode_sense(&req->cmd, page, bytes);
        break;
    default:
        vmb_scsi_inquiry_page(&req->cmd, page, bytes);
    }
    req->retries_ = VMB_STORVSC_RETRIES;
    req->total_ = bytes;
    (void)vmb_storvsc_accept(disk->ctl_, req, VMB_STORVSC_RAW);
}

/* What the steps make of `bytes` of answer, 0 if it was refused.  VMB_AGAIN:
 * on to the step set. */
static enum vmb_status take_identity(const uint8_t *data, uint32_t bytes,
                                     struct vmb_disk *disk)
{
    struct vmb_scsi_identity *identity = &disk->identity;

    if (!vmb_scsi_parse_inquiry(data, bytes, identity))
        return VMB_E_NOFEATURE;
    if (identity->type == VMB_SCSI_TYPE_DISK ||
        identity->type == VMB_SCSI_TYPE_OPTICAL)
        return VMB_AGAIN;
    disk->req_.result.outcome = VMB_STORVSC_NO_DEVICE;
    return identity->type == 0x1f ? VMB_E_REFUSED : VMB_E_NOFEATURE;
}

static enum vmb_status take_capacity(const uint8_t *data, uint32_t bytes,
                                     struct vmb_disk *disk, bool sixteen)
{
    struct vmb_scsi_capacity capacity;

    if (!vmb_scsi_parse_capacity(data, bytes, sixteen, &capacity) ||
        capacity.block_bytes > disk->ctl_->hello_.max_transfer_)
        return VMB_E_NOFEATURE;
    disk->step_ = PROTECTION;
    disk->blocks = capacity.blocks;
    disk->block_bytes = capacity.block_bytes;
    disk->shift_ = (uint8_t)__builtin_ctz(capacity.block_bytes);
    disk->thin_ = capacity.thin;
    if (disk->identity.type != VMB_SCSI_TYPE_OPTICAL)
        return VMB_AGAIN;
    disk->read_only = true;
    return VMB_OK;
}

static enum vmb_status take(const uint8_t *data, uint32_t bytes,
                            struct vmb_disk *disk)
{
    uint8_t step = disk->step_++;

    switch (step) {
    case INQUIRY:
        return take_identity(data, bytes, disk);
    case CAPACITY16:
    case CAPACITY10:
        return take_capacity(data, bytes, disk, step == CAPACITY16);
    case PROTECTION:
        (void)vmb_scsi_parse_protection(data, bytes, &disk->read_only);
        return disk->thin_ ? VMB_AGAIN : VMB_OK;
    case LIMITS:
        disk->unmap_most_ = vmb_scsi_parse_unmap_limit(data, bytes);
        if (disk->unmap_most_ == 0)
            disk->unmap_most_ = UINT32_MAX;
        return VMB_AGAIN;
    case PROVISION:
        disk->unmap = vmb_scsi_parse_unmap(data, bytes);
        return VMB_OK;
    default: /* TEST_READY */
        return VMB_AGAIN;
    }
}

/* A disk may do without the answer to what is asked last, and old ones do not
 * know READ CAPACITY(16). */
static enum vmb_status take_refusal(struct vmb_disk *disk)
{
    if (disk->step_ >= PROTECTION)
        return take(disk->data_, 0, disk);
    if (disk->step_++ == CAPACITY16 &&
        disk->req_.result.outcome == VMB_STORVSC_ILLEGAL)
        return VMB_AGAIN;
    return VMB_E_REFUSED;
}

static void answered(struct vmb_storvsc_req *req)
{
    struct vmb_disk *disk = req->user;
    enum vmb_status status = req->status;
    uint32_t bytes = (uint32_t)req->result.bytes;

    if (status == VMB_OK) {
        VMB_INVARIANT(bytes <= sizeof disk->data_); /* no more than asked for */
        vmb_host_read(disk->data_, disk->page_, bytes);
        status = take(disk->data_, bytes, disk);
    } else if (status == VMB_E_REFUSED) {
        status = take_refusal(disk);
    }
    disk->status_ = status;
    if (status == VMB_AGAIN)
        ask(disk);
}

enum vmb_status vmb_disk_open_start(struct vmb_disk *disk,
                                    struct vmb_storvsc *ctl,
                                    struct vmb_storvsc_addr at, void *page)
{
    enum vmb_status status = vmb_storvsc_ready(ctl, &disk->req_);

    if (status != VMB_OK)
        return status;
    if (!page || (uintptr_t)page % VMB_PAGE_SIZE)
        return VMB_E_ARG;
    __builtin_memset(disk, 0, sizeof *disk);
    status = vmb_mdl_from_virtual(&disk->mdl_, ctl->bus_->plat, page,
                                  VMB_PAGE_SIZE, &disk->pfn_, 1);
    if (status != VMB_OK)
        return status;
    disk->ctl_ = ctl;
    disk->page_ = page;
    disk->status_ = VMB_AGAIN;
    disk->req_.at = at;
    disk->req_.mdl = &disk->mdl_;
    disk->req_.done = answered;
    disk->req_.user = disk;
    ask(disk);
    return vmb_storvsc_pump(disk->ctl_);
}

enum vmb_status vmb_disk_open_status(const struct vmb_disk *disk)
{
    return disk->ctl_ ? disk->status_ : VMB_E_STATE;
}

const struct vmb_storvsc_result *vmb_disk_result(const struct vmb_disk *disk)
{
    return &disk->req_.result;
}

/* --- Blocks --------------------------------------------------------------- */

/* Can that be asked of the disk?  The request is filled in then, for whole
 * blocks of data. */
static enum vmb_status prepare(const struct vmb_disk *disk,
                               struct vmb_storvsc_req *req, uint64_t block,
                               uint32_t count, const struct vmb_mdl *mdl,
                               uint64_t mdl_offset)
{
    enum vmb_status status;

    if (vmb_disk_open_status(disk) != VMB_OK)
        return VMB_E_STATE;
    status = vmb_storvsc_ready(disk->ctl_, req);
    if (status != VMB_OK)
        return status;
    if (count == 0 || block >= disk->blocks || count > disk->blocks - block)
        return VMB_E_ARG;
    req->at = disk->req_.at;
    req->retries_ = VMB_STORVSC_RETRIES;
    req->shift_ = disk->shift_;
    req->block_ = block;
    req->total_ = (uint64_t)count << disk->shift_;
    req->mdl = mdl;
    req->mdl_offset = mdl_offset;
    return VMB_OK;
}

enum vmb_status vmb_disk_read(struct vmb_disk *disk,
                              struct vmb_storvsc_req *req, uint64_t block,
                              uint32_t count, const struct vmb_mdl *mdl,
                              uint64_t mdl_offset)
{
    enum vmb_status status = prepare(disk, req, block, count, mdl, mdl_offset);

    if (status != VMB_OK)
        return status;
    return vmb_storvsc_begin_request(disk->ctl_, req, VMB_STORVSC_READ);
}

enum vmb_status vmb_disk_write(struct vmb_disk *disk,
                               struct vmb_storvsc_req *req, uint64_t block,
                               uint32_t count, const struct vmb_mdl *mdl,
                               uint64_t mdl_offset)
{
    enum vmb_status status = prepare(disk, req, block, count, mdl, mdl_offset);

    if (status != VMB_OK)
        return status;
    return vmb_storvsc_begin_request(disk->ctl_, req, VMB_STORVSC_WRITE);
}

enum vmb_status vmb_disk_flush(struct vmb_disk *disk,
                               struct vmb_storvsc_req *req)
{
    enum vmb_status status = prepare(disk, req, 0, 1, NULL, 0);

    if (status != VMB_OK)
        return status;
    req->total_ = 0;
    vmb_scsi_flush(&req->cmd);
    return vmb_storvsc_begin_request(disk->ctl_, req, VMB_STORVSC_RAW);
}

enum vmb_status vmb_disk_unmap(struct vmb_disk *disk,
                               struct vmb_storvsc_req *req, uint64_t block,
                               uint32_t count)
{
    enum vmb_status status =
        prepare(disk, req, block, count, &req->list_mdl_, 0);

    if (status != VMB_OK)
        return status;
    if (!disk->unmap)
        return VMB_E_NOFEATURE;
    status =
        vmb_mdl_from_virtual(&req->list_mdl_, disk->ctl_->bus_->plat,
                             req->list_, sizeof req->list_, req->list_pfns_, 2);
    if (status != VMB_OK)
        return status;
    req->total_ = count;
    req->shift_ = 0;
    req->most_ = disk->unmap_most_;
    return vmb_storvsc_begin_request(disk->ctl_, req, VMB_STORVSC_UNMAP);
}
