/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* A storage controller: introductions, commands, answers and their faults. */
#include "storage.h"

#include <stdlib.h>
#include <string.h>

#define WITH_EXTENSION 0x0501u

#define NT_INVALID_PARAMETER 0xc000000du
#define NT_REVISION_MISMATCH 0xc0000059u
#define NT_NO_DEVICE         0xc00000c0u
#define NT_INVALID_STATE     0xc0000184u
#define NT_IO_ERROR          0xc0000185u
#define NT_BUSY              0x80000011u
#define NT_OVERFLOW          0x80000005u

enum operation {
    COMPLETE_IO = 1,
    EXECUTE_SRB = 3,
    RESET_LUN,
    RESET_ADAPTER,
    RESET_BUS,
    BEGIN_INIT,
    END_INIT,
    QUERY_VERSION,
    QUERY_PROPERTIES,
    CREATE_SUB_CHANNELS = 13
};

static uint32_t below(struct storage *st, uint32_t bound)
{
    st->chance = vmb_h_mix(st->chance);
    return (uint32_t)(st->chance % bound);
}

/* --- Answers, and lies ---------------------------------------------------- */

static void lie(const struct vmb_sim_storage_fault *fault, uint8_t *bytes,
                uint32_t *len, uint64_t *xid)
{
    switch (fault->act) {
    case VMB_SIM_STORAGE_LIE_OPERATION:
        put32(bytes + ST_OPERATION, (uint32_t)fault->arg);
        break;
    case VMB_SIM_STORAGE_LIE_LENGTH:
        *len = fault->arg < ST_LEN ? (uint32_t)fault->arg : ST_LEN;
        break;
    case VMB_SIM_STORAGE_LIE_BYTES:
        put32(bytes + ST_DATA_BYTES,
              get32(bytes + ST_DATA_BYTES) + (uint32_t)fault->arg);
        break;
    case VMB_SIM_STORAGE_LIE_SENSE:
        bytes[ST_SENSE_BYTES] = (uint8_t)fault->arg;
        bytes[ST_SRB_STATUS] |= SRB_SENSE;
        break;
    case VMB_SIM_STORAGE_LIE_ID:
        *xid += fault->arg;
        break;
    case VMB_SIM_STORAGE_LIE_GARBAGE:
        for (uint32_t i = 0; i < ST_LEN; i++)
            bytes[i] = (uint8_t)vmb_h_mix(fault->arg + i);
        break;
    default:
        break;
    }
}

static void complete(struct vmb_sim_chan *chan, uint64_t xid, uint8_t *bytes,
                     const struct vmb_sim_storage_fault *fault)
{
    uint32_t len = ST_LEN;

    put32(bytes + ST_OPERATION, COMPLETE_IO);
    lie(fault, bytes, &len, &xid);
    vmb_sim_complete(chan, xid, bytes, len);
    if (fault->act == VMB_SIM_STORAGE_LIE_TWICE)
        vmb_sim_complete(chan, xid, bytes, len);
}

/* What strikes this packet; act 0: nothing does. */
static struct vmb_sim_storage_fault strike(struct storage *st,
                                           const uint8_t *bytes)
{
    struct vmb_sim_storage_fault hit = { 0 };

    for (uint32_t i = 0; i < st->faults; i++) {
        const struct vmb_sim_storage_fault *fault = &st->fault[i];
        uint64_t number;

        if (fault->only && !fault->only(bytes))
            continue;
        number = st->seen[i]++;
        if (number < fault->k || number - fault->k >= fault->times)
            continue;
        st->counts.faults++;
        hit = *fault;
    }
    return hit;
}

/* --- Introductions -------------------------------------------------------- */

static bool is_known(const struct storage *st, uint16_t version)
{
    static const uint16_t known[] = { 0x0200, 0x0402, 0x0501, 0x0600, 0x0602 };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == version)
            return version <= st->cfg.version;
    return false;
}

static uint32_t properties(struct storage *st, uint8_t *bytes)
{
    bool multi = st->version >= WITH_EXTENSION;

    memset(bytes + ST_PROPERTIES, 0, 24);
    put16(bytes + ST_MAX_SUBCHANNELS, multi ? st->cfg.subchannels : 0);
    put32(bytes + ST_PROPERTY_FLAGS, multi);
    put32(bytes + ST_MAX_TRANSFER, st->cfg.max_transfer);
    st->step = STEP_ENDING;
    return 0;
}

static uint32_t make_channels(struct storage *st, uint16_t count)
{
    uint32_t not_now =
        st->step == STEP_READY ? VMB_SIM_STORAGE_EARLY : VMB_SIM_STORAGE_LATE;

    if (st->version < WITH_EXTENSION || st->subchannels_made ||
        (st->cfg.quirks & not_now))
        return NT_INVALID_STATE;
    if (count > st->cfg.subchannels)
        return NT_INVALID_PARAMETER;
    st->subchannels_made = true;
    vmb_sim_offer_subchannels(st->dev, count);
    return 0;
}

static uint32_t introduce(struct storage *st, uint32_t operation,
                          uint8_t *bytes)
{
    if (operation == CREATE_SUB_CHANNELS && st->step >= STEP_ENDING)
        return make_channels(st, get16(bytes + ST_COUNT));
    if (operation == BEGIN_INIT && st->step == STEP_BEGIN) {
        st->step = STEP_VERSION;
        return 0;
    }
    if (operation == QUERY_VERSION && st->step == STEP_VERSION) {
        if (!is_known(st, get16(bytes + ST_VERSION)))
            return NT_REVISION_MISMATCH;
        st->version = get16(bytes + ST_VERSION);
        st->step = STEP_PROPERTIES;
        return 0;
    }
    if (operation == QUERY_PROPERTIES && st->step == STEP_PROPERTIES)
        return properties(st, bytes);
    if (operation == END_INIT && st->step == STEP_ENDING) {
        st->step = STEP_READY;
        st->counts.version = st->version;
        return 0;
    }
    if (st->step == STEP_READY && operation >= RESET_LUN &&
        operation <= RESET_BUS)
        return 0;
    return NT_INVALID_STATE;
}

/* --- Commands ------------------------------------------------------------- */

static struct vmb_h_disk *disk_of(struct storage *st, const uint8_t *bytes)
{
    uint8_t at = st->cfg.quirks & VMB_SIM_STORAGE_IDE ? 1 : 0;

    if (bytes[ST_PATH] != at || bytes[ST_TARGET] != at ||
        bytes[ST_LUN] >= VMB_SIM_STORAGE_LUNS)
        return NULL;
    return st->disks[bytes[ST_LUN]];
}

/* The device's own faults.  True: the command ends with this. */
static bool misfire(const struct vmb_sim_storage_fault *fault,
                    struct vmb_h_command *cmd)
{
    uint32_t arg = (uint32_t)fault->arg;

    switch (fault->act) {
    case VMB_SIM_STORAGE_SENSE:
    case VMB_SIM_STORAGE_SENSE_72:
        vmb_h_disk_sense(cmd, arg >> 16, arg >> 8 & 0xff, arg & 0xff);
        return true;
    case VMB_SIM_STORAGE_BUSY:
        cmd->srb_status = SRB_ERROR;
        cmd->scsi_status = 0x08;
        return true;
    case VMB_SIM_STORAGE_FULL:
        cmd->srb_status = SRB_ERROR;
        cmd->scsi_status = 0x28;
        return true;
    case VMB_SIM_STORAGE_SRB:
        cmd->srb_status = (uint8_t)arg;
        return true;
    case VMB_SIM_STORAGE_LESS:
        cmd->less = arg;
        return false;
    default:
        return false;
    }
}

static uint32_t nt_of(uint8_t srb_status)
{
    switch (srb_status & 0x3f) {
    case SRB_SUCCESS:
        return 0;
    case SRB_BUSY:
        return NT_BUSY;
    case SRB_OVERRUN:
        return NT_OVERFLOW;
    case SRB_INVALID_LUN:
        return NT_NO_DEVICE;
    default:
        return NT_IO_ERROR;
    }
}

static void write_sense(uint8_t *bytes, const struct vmb_h_command *cmd,
                        bool descriptor)
{
    uint8_t *at = bytes + ST_SENSE;

    memset(at, 0, 20);
    if (!(cmd->srb_status & SRB_SENSE))
        return;
    at[0] = descriptor ? 0x72 : 0x70;
    at[descriptor ? 1 : 2] = cmd->key;
    at[descriptor ? 2 : 12] = cmd->asc;
    at[descriptor ? 3 : 13] = cmd->ascq;
    if (!descriptor)
        at[7] = 10;
    bytes[ST_SENSE_BYTES] = descriptor ? 8 : 18;
}

static void execute(struct storage *st, struct job *job)
{
    uint8_t *bytes = job->bytes;
    struct vmb_h_command cmd = { .packet = &job->packet,
                                 .cdb = bytes + ST_CDB,
                                 .in = bytes[ST_DATA_IN] != 0,
                                 .room = get32(bytes + ST_DATA_BYTES),
                                 .counts = &st->counts };
    uint8_t cdb[16];

    memcpy(cdb, bytes + ST_CDB, sizeof cdb);
    cmd.cdb = cdb;
    if (!misfire(&job->fault, &cmd)) {
        if (cdb[0] == 0xa0)
            vmb_h_disk_report(st->disks, &cmd);
        else
            vmb_h_disk_execute(disk_of(st, bytes), &cmd);
    }
    bytes[ST_SRB_STATUS] = cmd.srb_status;
    bytes[ST_SCSI_STATUS] = cmd.scsi_status;
    put32(bytes + ST_STATUS, nt_of(cmd.srb_status));
    put32(bytes + ST_DATA_BYTES, cmd.moved);
    write_sense(bytes, &cmd, job->fault.act == VMB_SIM_STORAGE_SENSE_72);
    complete(job->packet.chan, job->packet.xid, bytes, &job->fault);
}

static struct job *unlink_job(struct storage *st, struct job **link)
{
    struct job *job = *link;

    *link = job->next;
    st->counts.waiting--;
    return job;
}

/* The first whose time has come, out of the list; NULL: none. */
static struct job *next_due(struct storage *st, bool *left)
{
    struct job **link = &st->jobs;

    *left = false;
    while (*link && ((*link)->mute || (*link)->due > st->steps)) {
        *left |= !(*link)->mute;
        link = &(*link)->next;
    }
    return *link ? unlink_job(st, link) : NULL;
}

/*
 * True: some are left for a later step.  An answer may make a fault strike
 * that takes the device, and all jobs with it: so each look begins anew.
 */
static bool work(struct storage *st)
{
    struct job *job;
    bool left;

    while ((job = next_due(st, &left)) != NULL) {
        if (st->jobs && st->jobs->number < job->number)
            st->counts.overtaken++;
        execute(st, job);
        free(job);
    }
    return left;
}

bool vmb_h_storage_step(void *ctx)
{
    struct storage *st = ctx;

    st->steps++;
    return st->jobs && work(st);
}

static struct job *job_new(const struct vmb_sim_packet *packet)
{
    uint32_t pfns = packet->range_count ? packet->ranges[0].pfn_count : 0;
    struct job *job = calloc(1, sizeof *job + pfns * sizeof job->pfns[0]);

    if (!job)
        return NULL;
    job->packet = *packet;
    memcpy(job->bytes, packet->data, ST_LEN);
    job->packet.data = job->bytes;
    if (packet->range_count) {
        job->range = packet->ranges[0];
        memcpy(job->pfns, packet->ranges[0].pfns, pfns * sizeof job->pfns[0]);
        job->range.pfns = job->pfns;
        job->packet.ranges = &job->range;
    }
    return job;
}

/* All commands at once; a full controller answers busy. */
static void start(struct storage *st, const struct vmb_sim_packet *packet,
                  const struct vmb_sim_storage_fault *fault)
{
    struct job *job = job_new(packet), **link = &st->jobs;

    if (!job)
        return;
    while (*link)
        link = &(*link)->next;
    *link = job;
    job->number = st->counts.commands++;
    job->fault = *fault;
    if (st->cfg.depth && st->counts.waiting >= st->cfg.depth)
        job->fault.act = VMB_SIM_STORAGE_FULL;
    job->mute = fault->act == VMB_SIM_STORAGE_MUTE;
    job->due = st->steps + below(st, st->cfg.latency + 1);
    if (fault->act == VMB_SIM_STORAGE_LATER)
        job->due += fault->arg;
    if (++st->counts.waiting > st->counts.most_waiting)
        st->counts.most_waiting = st->counts.waiting;
    if (vmb_sim_sub_index(packet->chan) < 16)
        st->counts.by_channel[vmb_sim_sub_index(packet->chan)]++;
    work(st);
}

/* What would end the worker of a real host, or is at least wrong. */
static bool is_foul(struct storage *st, const struct vmb_sim_packet *packet)
{
    struct vmb_sim_chan *chan = packet->chan;
    const uint8_t *bytes = packet->data;
    uint32_t data, size = st->version < WITH_EXTENSION ? 36 : 52;
    const char *what = NULL;

    if (packet->type == PKT_COMPLETION || !packet->want_completion)
        what = "packet without completion request";
    else if (packet->len != ST_LEN)
        what = "packet is not of 64 bytes";
    else if (packet->range_count > 1)
        what = "more than one range";
    else if (!(get32(bytes + ST_FLAGS) & 1) || get32(bytes + ST_STATUS) != 0)
        what = "flags or status";
    else if (get32(bytes) != EXECUTE_SRB && packet->range_count)
        what = "memory with what is no command";
    if (!what && get32(bytes) == EXECUTE_SRB) {
        data = get32(bytes + ST_DATA_BYTES);
        if (data != packet->external)
            what = "data length is not that of the range";
        else if (data > st->cfg.max_transfer)
            what = "more than the largest transfer";
        else if (get16(bytes + ST_SRB_LENGTH) != size)
            what = "length of the SRB";
        else if (bytes[ST_CDB_BYTES] == 0 || bytes[ST_CDB_BYTES] > 16)
            what = "length of the CDB";
    }
    if (!what)
        return false;
    vmb_h_ring_wrong(chan, "relid %u: storage: %s", vmb_sim_relid(chan), what);
    chan->dead = true;
    return true;
}

void vmb_h_storage_packet(void *ctx, const struct vmb_sim_packet *packet)
{
    struct storage *st = ctx;
    struct vmb_sim_storage_fault fault;
    uint8_t bytes[ST_LEN];
    uint32_t status;

    if (is_foul(st, packet))
        return;
    memcpy(bytes, packet->data, ST_LEN);
    st->counts.packets++;
    fault = strike(st, bytes);
    if (get32(bytes) == EXECUTE_SRB && st->step == STEP_READY) {
        start(st, packet, &fault);
        return;
    }
    if (fault.act == VMB_SIM_STORAGE_MUTE)
        return;
    if (fault.act == VMB_SIM_STORAGE_REFUSE)
        status = (uint32_t)fault.arg;
    else
        status = introduce(st, get32(bytes), bytes);
    put32(bytes + ST_STATUS, status);
    complete(packet->chan, packet->xid, bytes, &fault);
}

void vmb_h_storage_close(void *ctx, struct vmb_sim_chan *chan)
{
    struct storage *st = ctx;
    struct job **link = &st->jobs;

    while (*link) {
        if ((*link)->packet.chan == chan)
            free(unlink_job(st, link));
        else
            link = &(*link)->next;
    }
    if (vmb_sim_sub_index(chan) != 0)
        return;
    st->step = STEP_BEGIN;
    st->version = 0;
    st->counts.version = 0;
    st->subchannels_made = false;
}
