/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SIM_STORAGE_INTERNAL_H
#define VMB_SIM_STORAGE_INTERNAL_H
/* The simulated controller's parts: storage.c speaks the protocol,
 * storage_disk.c is the disks, storage_hands.c what a test does to them. */
#include "internal.h"

#include <vmb/sim_storage.h>

/* Payload of every packet, from the start; of a command, its answer. */
enum {
    ST_OPERATION = 0,
    ST_FLAGS = 4,
    ST_STATUS = 8,
    ST_VERSION = 12,
    ST_COUNT = 12,
    ST_PROPERTIES = 12,
    ST_MAX_SUBCHANNELS = 16,
    ST_PROPERTY_FLAGS = 20,
    ST_MAX_TRANSFER = 24,
    ST_SRB_LENGTH = 12,
    ST_SRB_STATUS = 14,
    ST_SCSI_STATUS = 15,
    ST_PATH = 17,
    ST_TARGET = 18,
    ST_LUN = 19,
    ST_CDB_BYTES = 20,
    ST_SENSE_BYTES = 21,
    ST_DATA_IN = 22,
    ST_DATA_BYTES = 24,
    ST_CDB = 28,
    ST_SENSE = 28,
    ST_SRB_FLAGS = 52,
    ST_LEN = 64
};

#define SRB_SUCCESS     0x01u
#define SRB_ERROR       0x04u
#define SRB_BUSY        0x05u
#define SRB_OVERRUN     0x12u
#define SRB_INVALID_LUN 0x20u
#define SRB_SENSE       0x80u

/* A disk that is there. */
struct vmb_h_disk {
    struct vmb_sim_disk is;
    uint8_t *own;   /* memory of ours, or NULL */
    int fd;         /* of the file, or -1 */
    bool attention; /* still to be told */
};

/* One command being carried out. */
struct vmb_h_command {
    const struct vmb_sim_packet *packet; /* its memory */
    const uint8_t *cdb;
    bool in;       /* the device writes */
    uint32_t room; /* bytes of memory the guest gave */
    uint32_t less; /* bytes to leave out */
    /* Its end. */
    uint8_t srb_status, scsi_status, key, asc, ascq;
    uint32_t moved;
    struct vmb_sim_storage_counts *counts;
};

/* --- The controller ------------------------------------------------------- */

#define STORAGE_FAULTS 8u

enum storage_step {
    STEP_BEGIN,
    STEP_VERSION,
    STEP_PROPERTIES,
    STEP_ENDING,
    STEP_READY
};

/* A command that waits for its time, with a copy of all it came with. */
struct job {
    struct job *next;
    struct vmb_sim_packet packet;
    uint8_t bytes[ST_LEN];
    uint64_t due, number;
    bool mute;
    struct vmb_sim_storage_fault fault; /* act 0: none */
    struct vmb_sim_range range;
    uint64_t pfns[];
};

struct storage {
    struct vmb_sim_dev *dev;
    struct vmb_sim_storage_cfg cfg;
    struct vmb_h_disk *disks[VMB_SIM_STORAGE_LUNS];
    enum storage_step step;
    uint16_t version;
    bool subchannels_made;
    uint64_t steps, chance;
    struct job *jobs;
    struct vmb_sim_storage_fault fault[STORAGE_FAULTS];
    uint64_t seen[STORAGE_FAULTS]; /* packets that each fault has counted */
    uint32_t faults;
    struct vmb_sim_storage_counts counts;
};

void vmb_h_storage_packet(void *ctx, const struct vmb_sim_packet *packet);
void vmb_h_storage_close(void *ctx, struct vmb_sim_chan *chan);
bool vmb_h_storage_step(void *ctx);
void vmb_h_storage_free(void *own);

/* --- The disks ------------------------------------------------------------ */

bool vmb_h_disk_open(struct vmb_h_disk *disk, const struct vmb_sim_disk *is);
void vmb_h_disk_close(struct vmb_h_disk *disk);
uint64_t vmb_h_disk_move(struct vmb_h_disk *disk, uint64_t offset, void *bytes,
                         uint64_t len, bool write);
/* disk NULL: there is none at that address. */
void vmb_h_disk_execute(struct vmb_h_disk *disk, struct vmb_h_command *cmd);
/* REPORT LUNS, which is the target's: disks that are NULL are left out. */
void vmb_h_disk_report(struct vmb_h_disk *const disks[VMB_SIM_STORAGE_LUNS],
                       struct vmb_h_command *cmd);
void vmb_h_disk_sense(struct vmb_h_command *cmd, uint32_t key, uint32_t asc,
                      uint32_t ascq);

#endif
