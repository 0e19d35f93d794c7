/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The storage protocol as vmb_storvsc.c speaks it. */
#ifndef VMB_STORVSC_H
#define VMB_STORVSC_H

#include "qemu/osdep.h"

#define SENSE_BYTES  20

enum {
    COMPLETE_IO = 1,
    EXECUTE_SRB = 3,
    RESET_LUN = 4,
    RESET_BUS = 6,
    BEGIN_INIT = 7,
    END_INIT = 8,
    QUERY_VERSION = 9,
    QUERY_PROPERTIES = 10,
    ENUMERATE_BUS = 11,
    CREATE_SUB_CHANNELS = 13,
};

enum {
    SRB_SUCCESS = 0x01,
    SRB_ERROR = 0x04,
    SRB_DATA_OVERRUN = 0x12,
    SRB_INVALID_LUN = 0x20,
    SRB_AUTOSENSE = 0x80,
};

enum {
    NT_OVERFLOW = 0x80000005,
    NT_INVALID_PARAMETER = 0xc000000d,
    NT_REVISION_MISMATCH = 0xc0000059,
    NT_NO_DEVICE = 0xc00000c0,
    NT_INVALID_STATE = 0xc0000184,
    NT_IO_ERROR = 0xc0000185,
};

/* The payload of every packet. */
typedef struct QEMU_PACKED Packet {
    uint32_t operation;
    uint32_t flags;
    uint32_t status;
    union {
        uint16_t number; /* a version, or a count of sub-channels */
        struct QEMU_PACKED {
            uint32_t reserved;
            uint16_t max_subchannels;
            uint16_t reserved2;
            uint32_t flags;
            uint32_t max_transfer;
        } properties;
        struct QEMU_PACKED {
            uint16_t length;
            uint8_t srb_status;
            uint8_t scsi_status;
            uint8_t port;
            uint8_t path;
            uint8_t target;
            uint8_t lun;
            uint8_t cdb_bytes;
            uint8_t sense_bytes;
            uint8_t data_in;
            uint8_t reserved;
            uint32_t data_bytes;
            uint8_t data[SENSE_BYTES]; /* CDB, or sense */
            uint8_t extension[16];
        } srb;
    };
} Packet;
QEMU_BUILD_BUG_ON(sizeof(Packet) != 64);

#endif
