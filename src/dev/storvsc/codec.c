/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "codec.h"

#include "../../fault.h"

#define HOST_TIMEOUT 60u /* seconds the host gives its disk; Linux has this */

#define SCSI_CHECK_CONDITION 0x02
#define SCSI_BUSY            0x08
#define SCSI_TASK_SET_FULL   0x28

void vmb_storvsc_begin(struct vmb_storvsc_packet *packet, uint32_t operation)
{
    __builtin_memset(packet, 0, sizeof *packet);
    packet->operation = operation;
    packet->flags = VMB_STORVSC_WANT_REPLY;
}

/* The wire counts directions the other way round, and its flags are bits in
 * the same order. */
VMB_WIRE_ASSERT(VMB_STORVSC_DATA_NONE - VMB_SCSI_NO_DATA ==
                    VMB_STORVSC_DATA_NONE &&
                VMB_STORVSC_DATA_NONE - VMB_SCSI_IN == VMB_STORVSC_DATA_IN &&
                VMB_STORVSC_DATA_NONE - VMB_SCSI_OUT == VMB_STORVSC_DATA_OUT);
VMB_WIRE_ASSERT(VMB_SCSI_IN *VMB_SRB_FLAG_DATA_IN == VMB_SRB_FLAG_DATA_IN &&
                VMB_SCSI_OUT * VMB_SRB_FLAG_DATA_IN == VMB_SRB_FLAG_DATA_OUT);

VMB_WIRE_ASSERT(offsetof(struct vmb_storvsc_srb, path) +
                    sizeof(struct vmb_storvsc_addr) ==
                offsetof(struct vmb_storvsc_srb, cdb_bytes) + 1);

void vmb_storvsc_encode(struct vmb_storvsc_packet *packet, uint32_t version,
                        struct vmb_storvsc_addr at,
                        const struct vmb_scsi_cmd *cmd, uint32_t bytes)
{
    struct vmb_storvsc_srb *srb = &packet->u.srb;

    vmb_storvsc_begin(packet, VMB_STORVSC_EXECUTE_SRB);
    /* Path, target and LUN in one; what is reserved is written over. */
    __builtin_memcpy(&srb->path, &at, sizeof at);
    srb->cdb_bytes = cmd->cdb_bytes;
    srb->data_in = (uint8_t)(VMB_STORVSC_DATA_NONE - cmd->data);
    srb->data_bytes = bytes;
    __builtin_memcpy(srb->data, cmd->cdb, sizeof cmd->cdb);
    srb->length = VMB_STORVSC_SRB_BYTES_OLD;
    srb->sense_bytes = VMB_STORVSC_SENSE_BYTES_OLD;
    if (version < VMB_STORVSC_VERSION_5_1)
        return;
    srb->length = sizeof *srb;
    srb->sense_bytes = VMB_STORVSC_SENSE_BYTES;
    srb->srb_flags =
        VMB_SRB_FLAG_NO_SYNC_TRANSFER + cmd->data * VMB_SRB_FLAG_DATA_IN;
    srb->timeout = HOST_TIMEOUT;
}

/* Sense keys as outcomes; those without a name of ours are OTHER. */
static enum vmb_storvsc_outcome of_sense(uint8_t key)
{
    static const uint8_t outcomes[16] = {
        [VMB_SENSE_NONE] = VMB_STORVSC_OTHER,
        [VMB_SENSE_RECOVERED] = VMB_STORVSC_GOOD,
        [VMB_SENSE_NOT_READY] = VMB_STORVSC_NOT_READY,
        [VMB_SENSE_MEDIUM] = VMB_STORVSC_MEDIUM,
        [VMB_SENSE_HARDWARE] = VMB_STORVSC_HARDWARE,
        [VMB_SENSE_ILLEGAL] = VMB_STORVSC_ILLEGAL,
        [VMB_SENSE_ATTENTION] = VMB_STORVSC_ATTENTION,
        [VMB_SENSE_PROTECTED] = VMB_STORVSC_PROTECTED,
        [8] = VMB_STORVSC_OTHER,
        [9] = VMB_STORVSC_OTHER,
        [10] = VMB_STORVSC_OTHER,
        [VMB_SENSE_ABORTED] = VMB_STORVSC_ABORTED,
        [12] = VMB_STORVSC_OTHER,
        [13] = VMB_STORVSC_OTHER,
        [VMB_SENSE_MISCOMPARE] = VMB_STORVSC_OTHER,
        [15] = VMB_STORVSC_OTHER,
    };

    return (enum vmb_storvsc_outcome)outcomes[key];
}

static enum vmb_storvsc_outcome of_srb(uint8_t srb_status)
{
    switch (srb_status) {
    case VMB_SRB_SUCCESS:
    case VMB_SRB_DATA_OVERRUN: /* how short it was is in the length */
        return VMB_STORVSC_GOOD;
    case VMB_SRB_BUSY:
        return VMB_STORVSC_BUSY;
    case VMB_SRB_ABORTED:
    case VMB_SRB_BUS_RESET:
    case VMB_SRB_FLUSHED:
        return VMB_STORVSC_ABORTED;
    case VMB_SRB_INVALID_REQUEST:
    case VMB_SRB_BAD_FUNCTION:
        return VMB_STORVSC_ILLEGAL;
    case VMB_SRB_TIMEOUT:
    case VMB_SRB_COMMAND_TIMEOUT:
        return VMB_STORVSC_TIMED_OUT;
    case VMB_SRB_INVALID_PATH:
    case VMB_SRB_NO_DEVICE:
    case VMB_SRB_SELECTION_TIMEOUT:
    case VMB_SRB_NO_HBA:
    case VMB_SRB_INVALID_LUN:
    case VMB_SRB_INVALID_TARGET:
        return VMB_STORVSC_NO_DEVICE;
    default:
        return VMB_STORVSC_OTHER;
    }
}

/* Where the device has failed its sense says most.  Without sense the host's
 * word counts: OpenVMM says check condition, too, of a LUN that is not there.
 */
static enum vmb_storvsc_outcome
outcome_of(const struct vmb_storvsc_result *result)
{
    uint8_t scsi = result->scsi_status;
    enum vmb_storvsc_outcome outcome = of_srb(result->srb_status);

    if (scsi == SCSI_BUSY || scsi == SCSI_TASK_SET_FULL)
        return VMB_STORVSC_BUSY;
    if (result->sense.key &&
        (scsi == SCSI_CHECK_CONDITION ||
         (scsi == 0 && result->srb_status == VMB_SRB_ERROR)))
        return of_sense(result->sense.key);
    return scsi && outcome == VMB_STORVSC_GOOD ? VMB_STORVSC_OTHER : outcome;
}

enum vmb_status vmb_storvsc_decode(const struct vmb_storvsc_packet *packet,
                                   uint32_t asked,
                                   struct vmb_storvsc_result *out,
                                   struct vmb_fault *fault)
{
    const struct vmb_storvsc_srb *srb = &packet->u.srb;

    if (srb->data_bytes > asked)
        return vmb_fault_host(fault, VMB_SITE_STORVSC_BYTES, srb->data_bytes,
                              asked);
    if (srb->sense_bytes > sizeof srb->data)
        return vmb_fault_host(fault, VMB_SITE_STORVSC_SENSE, srb->sense_bytes,
                              sizeof srb->data);
    __builtin_memset(out, 0, sizeof *out);
    out->srb_status = srb->srb_status & VMB_SRB_STATUS_MASK;
    out->scsi_status = srb->scsi_status;
    out->host_status = packet->status;
    if (srb->srb_status & VMB_SRB_SENSE_VALID)
        (void)vmb_scsi_parse_sense(srb->data, srb->sense_bytes, &out->sense);
    out->outcome = outcome_of(out);
    /* A device that failed need not have counted. */
    if (out->outcome == VMB_STORVSC_GOOD)
        out->bytes = srb->data_bytes;
    return VMB_OK;
}
