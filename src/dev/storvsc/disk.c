/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Disks: what one is, asked step by step, and its blocks. */
#include "../../host.h"
#include "io.h"

enum {
    INQUIRY,
    TEST_READY,
    CAPACITY16,
    CAPACITY10,
    PROTECTION,
    LIMITS,
    PROVISION
};

/* --- Opening: one question after another ---------------------------------- */

#define INQUIRY_BYTES 36u

/* Fills in the command and returns the bytes of its answer. */
static uint32_t question(uint8_t step, struct vmb_scsi_cmd *cmd)
{
    switch (step) {
    case INQUIRY:
        vmb_scsi_inquiry(cmd, INQUIRY_BYTES);
        return INQUIRY_BYTES;
    case TEST_READY:
        vmb_scsi_test_unit_ready(cmd);
        return 0;
    case CAPACITY16:
        vmb_scsi_read_capacity16(cmd, 32);
        return 32;
    case CAPACITY10:
        vmb_scsi_read_capacity10(cmd);
        return 8;
    case PROTECTION:
        vmb_scsi_mode_sense(cmd, 0x3f, 64);
        return 64;
    default:
        vmb_scsi_inquiry_page(
            cmd, step == LIMITS ? VMB_SCSI_VPD_LIMITS : VMB_SCSI_VPD_PROVISION,
            64);
        return 64;
    }
}

static void ask(struct vmb_disk *disk)
{
    struct vmb_storvsc_req *req = &disk->req_;

    req->bytes = question(disk->step_, &req->cmd);
    req->retries_ = VMB_STORVSC_RETRIES;
    vmb_storvsc_accept(disk->ctl_, req, VMB_STORVSC_RAW, req->bytes);
}

/* What the steps make of `bytes` of answer, 0 if it was refused.  VMB_AGAIN:
 * on to the step set. */
static enum vmb_status take_capacity(struct vmb_disk *disk, uint32_t bytes)
{
    struct vmb_scsi_capacity capacity;

    if (!vmb_scsi_parse_capacity(disk->data_, bytes, disk->step_ == CAPACITY16,
                                 &capacity))
        return VMB_E_NOFEATURE;
    disk->blocks = capacity.blocks;
    disk->block_bytes = capacity.block_bytes;
    disk->shift_ = (uint8_t)__builtin_ctz(capacity.block_bytes);
    disk->thin_ = capacity.thin;
    disk->step_ = PROTECTION;
    if (disk->identity.type != VMB_SCSI_TYPE_OPTICAL)
        return VMB_AGAIN;
    disk->read_only = true;
    return VMB_OK;
}

static enum vmb_status take(struct vmb_disk *disk, uint32_t bytes)
{
    uint32_t limit;

    switch (disk->step_) {
    case INQUIRY:
        if (!vmb_scsi_parse_inquiry(disk->data_, bytes, &disk->identity))
            return VMB_E_NOFEATURE;
        disk->step_ = TEST_READY;
        if (disk->identity.type == VMB_SCSI_TYPE_DISK ||
            disk->identity.type == VMB_SCSI_TYPE_OPTICAL)
            return VMB_AGAIN;
        disk->req_.result.outcome = VMB_STORVSC_NO_DEVICE;
        return disk->identity.type == 0x1f ? VMB_E_REFUSED : VMB_E_NOFEATURE;
    case TEST_READY:
        disk->step_ = CAPACITY16;
        return VMB_AGAIN;
    case CAPACITY16:
    case CAPACITY10:
        return take_capacity(disk, bytes);
    case PROTECTION:
        (void)vmb_scsi_parse_protection(disk->data_, bytes, &disk->read_only);
        disk->step_ = LIMITS;
        return disk->thin_ ? VMB_AGAIN : VMB_OK;
    case LIMITS:
        limit = vmb_scsi_parse_unmap_limit(disk->data_, bytes);
        disk->unmap_most_ = limit ? limit : UINT32_MAX;
        disk->step_ = PROVISION;
        return VMB_AGAIN;
    default:
        disk->unmap = vmb_scsi_parse_unmap(disk->data_, bytes);
        return VMB_OK;
    }
}

/* A disk may do without the answer to what is asked last, and old ones do not
 * know READ CAPACITY(16). */
static enum vmb_status take_refusal(struct vmb_disk *disk)
{
    if (disk->step_ >= PROTECTION)
        return take(disk, 0);
    if (disk->step_ != CAPACITY16 ||
        disk->req_.result.outcome != VMB_STORVSC_ILLEGAL)
        return VMB_E_REFUSED;
    disk->step_ = CAPACITY10;
    return VMB_AGAIN;
}

static void answered(struct vmb_storvsc_req *req)
{
    struct vmb_disk *disk = req->user;
    enum vmb_status status = req->status;
    uint32_t bytes = (uint32_t)req->result.bytes;

    if (status == VMB_OK) {
        if (bytes > sizeof disk->data_)
            bytes = sizeof disk->data_;
        vmb_host_read(disk->data_, disk->page_, bytes);
        status = take(disk, bytes);
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
    disk->ctl_ = ctl;
    disk->page_ = page;
    disk->status_ = VMB_AGAIN;
    status = vmb_mdl_from_virtual(&disk->mdl_, ctl->bus_->plat, page,
                                  VMB_PAGE_SIZE, &disk->pfn_, 1);
    if (status != VMB_OK)
        return status;
    disk->req_.at = at;
    disk->req_.mdl = &disk->mdl_;
    disk->req_.done = answered;
    disk->req_.user = disk;
    ask(disk);
    return vmb_storvsc_pump(ctl);
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

static enum vmb_status check(const struct vmb_disk *disk,
                             const struct vmb_storvsc_req *req, uint64_t block,
                             uint32_t count)
{
    enum vmb_status status;

    if (vmb_disk_open_status(disk) != VMB_OK)
        return VMB_E_STATE;
    status = vmb_storvsc_ready(disk->ctl_, req);
    if (status != VMB_OK)
        return status;
    if (count == 0 || block >= disk->blocks || count > disk->blocks - block)
        return VMB_E_ARG;
    return VMB_OK;
}

static enum vmb_status accept(struct vmb_disk *disk,
                              struct vmb_storvsc_req *req,
                              enum vmb_storvsc_op op, uint64_t total)
{
    req->at = disk->req_.at;
    req->retries_ = VMB_STORVSC_RETRIES;
    vmb_storvsc_accept(disk->ctl_, req, op, total);
    return VMB_OK;
}

/* Not inlined: see next_command() in io.c. */
__attribute__((noinline)) static enum vmb_status
transfer(struct vmb_disk *disk, struct vmb_storvsc_req *req,
         enum vmb_storvsc_op op, uint64_t block, uint32_t count)
{
    enum vmb_status status = check(disk, req, block, count);
    struct vmb_mdl_extent extent;

    if (status != VMB_OK)
        return status;
    req->block_ = block;
    req->shift_ = disk->shift_;
    req->total_ = (uint64_t)count << disk->shift_;
    if (vmb_mdl_measure(req->mdl, req->mdl_offset, req->total_, &extent) !=
            VMB_OK ||
        !vmb_storvsc_divides(disk->ctl_, req))
        return VMB_E_ARG;
    return accept(disk, req, op, req->total_);
}

/* Begun, and what can be sent is. */
__attribute__((noinline)) static enum vmb_status begun(struct vmb_disk *disk,
                                                       enum vmb_status status)
{
    return status == VMB_OK ? vmb_storvsc_pump(disk->ctl_) : status;
}

enum vmb_status vmb_disk_read(struct vmb_disk *disk,
                              struct vmb_storvsc_req *req, uint64_t block,
                              uint32_t count, const struct vmb_mdl *mdl,
                              uint64_t mdl_offset)
{
    if (req->ctl_)
        return VMB_E_STATE;
    req->mdl = mdl;
    req->mdl_offset = mdl_offset;
    return begun(disk, transfer(disk, req, VMB_STORVSC_READ, block, count));
}

enum vmb_status vmb_disk_write(struct vmb_disk *disk,
                               struct vmb_storvsc_req *req, uint64_t block,
                               uint32_t count, const struct vmb_mdl *mdl,
                               uint64_t mdl_offset)
{
    if (req->ctl_)
        return VMB_E_STATE;
    req->mdl = mdl;
    req->mdl_offset = mdl_offset;
    return begun(disk, transfer(disk, req, VMB_STORVSC_WRITE, block, count));
}

enum vmb_status vmb_disk_flush(struct vmb_disk *disk,
                               struct vmb_storvsc_req *req)
{
    enum vmb_status status = check(disk, req, 0, 1);

    if (status != VMB_OK)
        return status;
    req->shift_ = 0;
    vmb_scsi_flush(&req->cmd);
    return begun(disk, accept(disk, req, VMB_STORVSC_RAW, 0));
}

enum vmb_status vmb_disk_unmap(struct vmb_disk *disk,
                               struct vmb_storvsc_req *req, uint64_t block,
                               uint32_t count)
{
    enum vmb_status status = check(disk, req, block, count);

    if (status != VMB_OK)
        return status;
    if (!disk->unmap)
        return VMB_E_NOFEATURE;
    status =
        vmb_mdl_from_virtual(&req->list_mdl_, disk->ctl_->bus_->plat,
                             req->list_, sizeof req->list_, req->list_pfns_, 2);
    if (status != VMB_OK)
        return status;
    req->block_ = block;
    req->shift_ = 0;
    req->most_ = disk->unmap_most_;
    return begun(disk, accept(disk, req, VMB_STORVSC_UNMAP, count));
}
