/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SCSI_H
#define VMB_SCSI_H
/*
 * SCSI commands by name, and their answers taken apart.  Pure: bytes in, bytes
 * out; storvsc.h carries them to a device.  Source: SPC-4 and SBC-3.
 *
 * Answers come from the host and are not trusted: hand the readers a copy that
 * the host cannot change, with its true length.  They never look past it.
 */
#include <vmb/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vmb_scsi_data {
    VMB_SCSI_NO_DATA = 0,
    VMB_SCSI_IN, /* the device writes into the guest's memory */
    VMB_SCSI_OUT /* the device reads the guest's memory */
};

struct vmb_scsi_cmd {
    uint8_t cdb[16];
    uint8_t cdb_bytes; /* 1 to 16 */
    uint8_t data;      /* enum vmb_scsi_data */
};

/* Sense keys. */
#define VMB_SENSE_NONE       0u
#define VMB_SENSE_RECOVERED  1u
#define VMB_SENSE_NOT_READY  2u
#define VMB_SENSE_MEDIUM     3u
#define VMB_SENSE_HARDWARE   4u
#define VMB_SENSE_ILLEGAL    5u
#define VMB_SENSE_ATTENTION  6u
#define VMB_SENSE_PROTECTED  7u
#define VMB_SENSE_ABORTED    11u
#define VMB_SENSE_MISCOMPARE 14u

/* Device types of INQUIRY. */
#define VMB_SCSI_TYPE_DISK    0x00u
#define VMB_SCSI_TYPE_OPTICAL 0x05u

/* Pages of vital product data. */
#define VMB_SCSI_VPD_PAGES     0x00u /* which there are */
#define VMB_SCSI_VPD_SERIAL    0x80u
#define VMB_SCSI_VPD_IDENTITY  0x83u
#define VMB_SCSI_VPD_LIMITS    0xb0u
#define VMB_SCSI_VPD_MEDIUM    0xb1u
#define VMB_SCSI_VPD_PROVISION 0xb2u

/* --- Commands: each fills in *cmd; bytes is the room for the answer --------
 */

void vmb_scsi_test_unit_ready(struct vmb_scsi_cmd *cmd);           /* [any] */
void vmb_scsi_inquiry(struct vmb_scsi_cmd *cmd, uint16_t bytes);   /* [any] */
void vmb_scsi_inquiry_page(struct vmb_scsi_cmd *cmd, uint8_t page, /* [any] */
                           uint16_t bytes);
void vmb_scsi_report_luns(struct vmb_scsi_cmd *cmd, uint32_t bytes); /* [any] */
void vmb_scsi_read_capacity10(struct vmb_scsi_cmd *cmd); /* 8 bytes.  [any] */
void vmb_scsi_read_capacity16(struct vmb_scsi_cmd *cmd,  /* [any] */
                              uint32_t bytes);
/* MODE SENSE(6) of a page; 0x3f: all.  [any] */
void vmb_scsi_mode_sense(struct vmb_scsi_cmd *cmd, uint8_t page, uint8_t bytes);
/* SYNCHRONIZE CACHE(10): all of it.  [any] */
void vmb_scsi_flush(struct vmb_scsi_cmd *cmd);
/* Spin up or down; with `medium` also load or eject it.  [any] */
void vmb_scsi_start_stop(struct vmb_scsi_cmd *cmd, bool start, bool medium);
/* READ or WRITE: (10) where block and count allow it, else (16).  [any] */
void vmb_scsi_read(struct vmb_scsi_cmd *cmd, uint64_t block, uint32_t count);
void vmb_scsi_write(struct vmb_scsi_cmd *cmd, uint64_t block, /* [any] */
                    uint32_t count);

#define VMB_SCSI_UNMAP_BYTES 24u
/* UNMAP of one stretch; list[] is the data to go with it.  [any] */
void vmb_scsi_unmap(struct vmb_scsi_cmd *cmd,
                    uint8_t list[VMB_SCSI_UNMAP_BYTES], uint64_t block,
                    uint32_t count);

/* --- Answers: false, or 0: too short, or it makes no sense ---------------- */

struct vmb_scsi_identity {
    uint8_t type;   /* VMB_SCSI_TYPE_*; 0x1f: no device here */
    bool removable; /* the medium is */
    char vendor[9]; /* as the device says, a 0 behind; may hold spaces */
    char product[17];
};
/* [any] */
bool vmb_scsi_parse_inquiry(const uint8_t *data, uint32_t bytes,
                            struct vmb_scsi_identity *out);

/* Is page in the list of page 0?  [any] */
bool vmb_scsi_has_page(const uint8_t *data, uint32_t bytes, uint8_t page);

/* How many 8-byte entries REPORT LUNS has brought, as far as bytes go. [any] */
uint32_t vmb_scsi_lun_count(const uint8_t *data, uint32_t bytes);
/* Entry `index` of them, below that count; false: a kind of address that this
 * protocol has no room for.  [any] */
bool vmb_scsi_lun_at(const uint8_t *data, uint32_t index, uint8_t *lun);

struct vmb_scsi_capacity {
    uint64_t blocks;
    uint32_t block_bytes;
    bool thin; /* (16): unused blocks may be given back */
};
/* READ CAPACITY (16), or else (10).  Nor does what is beyond counting make
 * sense, or blocks that are no power of two from 512 to 65536 bytes.  [any] */
bool vmb_scsi_parse_capacity(const uint8_t *data, uint32_t bytes, bool sixteen,
                             struct vmb_scsi_capacity *out);

/* MODE SENSE(6): *protect says whether the medium refuses writes.  [any] */
bool vmb_scsi_parse_protection(const uint8_t *data, uint32_t bytes,
                               bool *protect);

/* Page B0: most blocks of one UNMAP; 0: not said.  [any] */
uint32_t vmb_scsi_parse_unmap_limit(const uint8_t *data, uint32_t bytes);
/* Page B2: is UNMAP there?  [any] */
bool vmb_scsi_parse_unmap(const uint8_t *data, uint32_t bytes);

struct vmb_scsi_sense {
    uint8_t key, asc, ascq;
};
/* Fixed or descriptor format.  [any] */
bool vmb_scsi_parse_sense(const uint8_t *data, uint32_t bytes,
                          struct vmb_scsi_sense *out);

#ifdef __cplusplus
}
#endif
#endif
