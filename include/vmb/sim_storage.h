/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SIM_STORAGE_H
#define VMB_SIM_STORAGE_H
/*
 * A storage controller for the simulated host: disks of memory, of a file or
 * of nothing, that come and go, are slow, answer out of order and fail on
 * demand.  Deterministic like the rest of sim.h; may be called from any thread
 * and from callbacks.
 */
#include <vmb/sim.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const uint8_t vmb_sim_storage_scsi[16], vmb_sim_storage_ide[16];

#define VMB_SIM_STORAGE_LUNS 64u

/* What kind of controller.  Zero is an OpenVMM-like one of version 6.0. */
#define VMB_SIM_STORAGE_IDE 0x1u /* one disk, path 1, target 1, LUN 0 */
#define VMB_SIM_STORAGE_LATE                                                   \
    0x2u                           /* takes CREATE_SUB_CHANNELS after END only \
                                    */
#define VMB_SIM_STORAGE_EARLY 0x4u /* ... before END only */

struct vmb_sim_storage_cfg {
    size_t size;           /* sizeof(struct vmb_sim_storage_cfg) */
    uint8_t instance;      /* distinguishes several */
    uint32_t quirks;       /* VMB_SIM_STORAGE_* */
    uint16_t version;      /* newest spoken; 0: 6.0 */
    uint16_t subchannels;  /* most that may be asked for */
    uint32_t max_transfer; /* 0: 256 KiB; enforced, as OpenVMM does not */
    uint32_t depth;   /* commands at once before BUSY, all channels; 0: any */
    uint32_t latency; /* an answer takes 0 to this many steps, by chance */
    uint64_t seed;    /* of that chance */
};

struct vmb_sim_disk {
    uint64_t blocks;
    uint32_t block_bytes; /* 0: 512 */
    /* The backing: memory of the caller's, or a file (read and written in
     * place), or with neither memory of the simulator's, zeroed. */
    void *memory;
    const char *file;
    bool null; /* reads leave memory alone, writes go nowhere: benches */
    bool read_only;
    bool optical;         /* also: removable, and no READ CAPACITY(16) */
    bool no_medium;       /* NOT READY */
    bool thin;            /* knows UNMAP; what was unmapped reads as zeros */
    uint32_t unmap_limit; /* blocks of one UNMAP; 0: not said */
    bool attention;       /* the first command meets a UNIT ATTENTION */
};

/* NULL as vmb_sim_device_add(), or size is wrong.  [any] */
struct vmb_sim_dev *vmb_sim_storage_add(struct vmb_sim *sim,
                                        const struct vmb_sim_storage_cfg *cfg);

/*
 * Plug a disk in, or pull it out; the guest is told (ENUMERATE_BUS) where the
 * protocol can.  Commands that are waiting meet the new state.  VMB_E_ARG: no
 * such LUN, no blocks, or the file cannot be opened.  VMB_E_STATE: something,
 * or nothing, is there.  VMB_E_NOSLOT: no memory.  [any]
 */
enum vmb_status vmb_sim_storage_insert(struct vmb_sim_dev *dev, uint8_t lun,
                                       const struct vmb_sim_disk *disk);
enum vmb_status vmb_sim_storage_remove(struct vmb_sim_dev *dev, uint8_t lun);

/* Send a packet of that operation and len bytes, which is no answer. [any] */
enum vmb_status vmb_sim_storage_notice(struct vmb_sim_dev *dev,
                                       uint32_t operation, uint32_t len);

/* The bytes of a disk, past the guest: move them, return how many.  [any] */
uint64_t vmb_sim_storage_peek(struct vmb_sim_dev *dev, uint8_t lun,
                              uint64_t offset, void *to, uint64_t len);
uint64_t vmb_sim_storage_poke(struct vmb_sim_dev *dev, uint8_t lun,
                              uint64_t offset, const void *from, uint64_t len);

/* What goes wrong with a packet from the guest. */
enum vmb_sim_storage_act {
    /* Of the device: nothing is moved. */
    VMB_SIM_STORAGE_SENSE = 1, /* check condition, arg is key << 16 | asc << 8 |
                                  ascq */
    VMB_SIM_STORAGE_SENSE_72,  /* the same in descriptor format */
    VMB_SIM_STORAGE_BUSY,      /* SCSI status BUSY */
    VMB_SIM_STORAGE_FULL,      /* SCSI status TASK SET FULL */
    VMB_SIM_STORAGE_SRB,       /* SRB status arg, no sense */
    VMB_SIM_STORAGE_LESS,      /* arg bytes less are moved */
    /* Of the controller. */
    VMB_SIM_STORAGE_MUTE,   /* no answer until the channel closes */
    VMB_SIM_STORAGE_REFUSE, /* the NTSTATUS arg, for introductions */
    VMB_SIM_STORAGE_LATER,  /* arg steps later than due */
    /* Lies. */
    VMB_SIM_STORAGE_LIE_OPERATION, /* the answer says it is operation arg */
    VMB_SIM_STORAGE_LIE_LENGTH,    /* the answer has arg bytes */
    VMB_SIM_STORAGE_LIE_BYTES,     /* it says arg bytes more were moved */
    VMB_SIM_STORAGE_LIE_SENSE,     /* it says there are arg bytes of sense */
    VMB_SIM_STORAGE_LIE_TWICE,     /* it comes twice */
    VMB_SIM_STORAGE_LIE_ID,        /* its transaction id is off by arg */
    VMB_SIM_STORAGE_LIE_GARBAGE    /* it is random, from seed arg */
};

struct vmb_sim_storage_fault {
    enum vmb_sim_storage_act act;
    uint64_t k;     /* at the k-th packet to this device, counted from 0 */
    uint64_t times; /* and the next ones; 0: one */
    uint64_t arg;
    bool (*only)(const uint8_t packet[64]); /* NULL: any; they alone count */
};

/* At most 8 at once: VMB_E_NOSLOT.  [any] */
enum vmb_status
vmb_sim_storage_fault_add(struct vmb_sim_dev *dev,
                          const struct vmb_sim_storage_fault *fault);
void vmb_sim_storage_faults_clear(struct vmb_sim_dev *dev); /* [any] */

struct vmb_sim_storage_counts {
    uint64_t packets;  /* from the guest */
    uint64_t commands; /* of these */
    uint64_t reads, writes, flushes, unmaps;
    uint64_t bytes_read, bytes_written;
    uint64_t overtaken; /* commands answered after a later one */
    uint64_t faults;    /* that struck */
    uint32_t waiting;   /* now */
    uint32_t most_waiting;
    uint64_t by_channel[16];
    uint16_t version; /* agreed; 0: introductions are not over */
};
void vmb_sim_storage_stats(struct vmb_sim_dev *dev, /* [any] */
                           struct vmb_sim_storage_counts *out);

#ifdef __cplusplus
}
#endif
#endif
