/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_WIRE_STORVSC_H
#define VMB_WIRE_STORVSC_H
/*
 * The storage protocol.  Source: OpenVMM storvsp_protocol/src/lib.rs and
 * mu_msvm StorvscDxe/VstorageProtocol.h; SRB statuses: OpenVMM scsi_defs.
 */
#include <vmb/wire/hv.h>

/* Versions: major << 8 | minor. */
#define VMB_STORVSC_VERSION_2_0 0x0200u /* Windows Server 2008 */
#define VMB_STORVSC_VERSION_4_2 0x0402u /* 2008 R2 */
#define VMB_STORVSC_VERSION_5_1 0x0501u /* 2012 */
#define VMB_STORVSC_VERSION_6_0 0x0600u /* 2012 R2 */
#define VMB_STORVSC_VERSION_6_2 0x0602u /* 2016 */

/* Operations.  The guest sends 3 to 10 and 13, the host 1, 2 and 11. */
#define VMB_STORVSC_COMPLETE_IO         1u
#define VMB_STORVSC_REMOVE_DEVICE       2u
#define VMB_STORVSC_EXECUTE_SRB         3u
#define VMB_STORVSC_BEGIN_INIT          7u
#define VMB_STORVSC_END_INIT            8u
#define VMB_STORVSC_QUERY_VERSION       9u
#define VMB_STORVSC_QUERY_PROPERTIES    10u
#define VMB_STORVSC_ENUMERATE_BUS       11u
#define VMB_STORVSC_CREATE_SUB_CHANNELS 13u

#define VMB_STORVSC_WANT_REPLY 1u /* flags of every packet of the guest */

/* One SCSI command and, in the answer, what became of it. */
struct vmb_storvsc_srb {
    uint16_t length;     /* of this structure as the version has it */
    uint8_t srb_status;  /* VMB_SRB_* and two flags */
    uint8_t scsi_status; /* as the device gave it */
    uint8_t port;        /* not used by the host */
    uint8_t path;
    uint8_t target;
    uint8_t lun;
    uint8_t cdb_bytes;
    uint8_t sense_bytes; /* room for sense; in the answer: bytes of it */
    uint8_t data_in;     /* 0 to the device, 1 from it, 2 no data */
    uint8_t reserved;
    uint32_t data_bytes; /* in the answer: bytes moved */
    uint8_t data[20];    /* the CDB; in the answer: sense */
    /* From version 5.1 on. */
    uint16_t reserved2;
    uint8_t queue_tag;
    uint8_t queue_action;
    uint32_t srb_flags; /* VMB_SRB_FLAG_* */
    uint32_t timeout;   /* seconds */
    uint32_t sort_key;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_storvsc_srb) == 52);
VMB_WIRE_ASSERT(offsetof(struct vmb_storvsc_srb, data_bytes) == 12);
VMB_WIRE_ASSERT(offsetof(struct vmb_storvsc_srb, data) == 16);
VMB_WIRE_ASSERT(offsetof(struct vmb_storvsc_srb, srb_flags) == 40);

#define VMB_STORVSC_SRB_BYTES_OLD   36u /* below version 5.1 */
#define VMB_STORVSC_SENSE_BYTES_OLD 18u
#define VMB_STORVSC_SENSE_BYTES     20u

#define VMB_STORVSC_DATA_OUT  0u
#define VMB_STORVSC_DATA_IN   1u
#define VMB_STORVSC_DATA_NONE 2u

/* What the controller says of itself. */
struct vmb_storvsc_properties {
    uint32_t reserved;
    uint16_t max_subchannels;
    uint16_t reserved2;
    uint32_t flags; /* bit 0: sub-channels may be asked for */
    uint32_t max_transfer_bytes;
    uint32_t reserved3[2];
};
VMB_WIRE_ASSERT(sizeof(struct vmb_storvsc_properties) == 24);
VMB_WIRE_ASSERT(offsetof(struct vmb_storvsc_properties, flags) == 8);

#define VMB_STORVSC_MULTI_CHANNEL 1u

/* The payload of every packet, both ways. */
struct vmb_storvsc_packet {
    uint32_t operation;
    uint32_t flags;
    uint32_t status; /* in answers: an NTSTATUS, 0 is success */
    union {
        struct vmb_storvsc_srb srb;
        uint16_t version;
        uint16_t subchannels;
        struct vmb_storvsc_properties properties;
    } u;
};
VMB_WIRE_ASSERT(sizeof(struct vmb_storvsc_packet) == 64);
VMB_WIRE_ASSERT(offsetof(struct vmb_storvsc_packet, u) == 12);

#define VMB_STORVSC_HEADER_BYTES 12u

/* srb_status: six bits of status, then two flags. */
#define VMB_SRB_STATUS_MASK       0x3fu
#define VMB_SRB_FROZEN            0x40u
#define VMB_SRB_SENSE_VALID       0x80u
#define VMB_SRB_SUCCESS           0x01u
#define VMB_SRB_ABORTED           0x02u
#define VMB_SRB_ERROR             0x04u
#define VMB_SRB_BUSY              0x05u
#define VMB_SRB_INVALID_REQUEST   0x06u
#define VMB_SRB_INVALID_PATH      0x07u
#define VMB_SRB_NO_DEVICE         0x08u
#define VMB_SRB_TIMEOUT           0x09u
#define VMB_SRB_SELECTION_TIMEOUT 0x0au
#define VMB_SRB_COMMAND_TIMEOUT   0x0bu
#define VMB_SRB_BUS_RESET         0x0eu
#define VMB_SRB_NO_HBA            0x11u
#define VMB_SRB_DATA_OVERRUN      0x12u /* also when less came than asked */
#define VMB_SRB_FLUSHED           0x16u
#define VMB_SRB_INVALID_LUN       0x20u
#define VMB_SRB_INVALID_TARGET    0x21u
#define VMB_SRB_BAD_FUNCTION      0x22u

#define VMB_SRB_FLAG_NO_SYNC_TRANSFER 0x08u
#define VMB_SRB_FLAG_DATA_IN          0x40u
#define VMB_SRB_FLAG_DATA_OUT         0x80u

/* user[] of an offer: which disk an IDE channel is for. */
struct vmb_storvsc_offer {
    uint16_t reserved;
    uint8_t path;
    uint8_t target;
    uint32_t reserved2;
    uint32_t flags; /* bit 1: an IDE disk, path and target hold */
    uint32_t reserved3[3];
};
VMB_WIRE_ASSERT(sizeof(struct vmb_storvsc_offer) == 24);
VMB_WIRE_ASSERT(offsetof(struct vmb_storvsc_offer, flags) == 8);

#define VMB_STORVSC_OFFER_IDE 2u

#endif
