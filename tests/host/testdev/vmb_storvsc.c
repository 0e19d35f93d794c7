/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VMBus SCSI controller for testing guests: the storage protocol on one
 * side, QEMU's own SCSI bus and its disks on the other, so that other people's
 * code judges the commands.
 *
 *   -device vmb-storvsc,id=scsi0[,channels=1..8][,version=0x0600]
 *           [,max-transfer=BYTES]
 *   -device scsi-hd,bus=scsi0.0,lun=0,drive=...
 *
 * All channels are offered at once, as QEMU's bus does; a guest that asks for
 * sub-channels is told that it has them.  A packet that would end the worker
 * of a real host (no completion asked for, more than one range, a length that
 * is not that of the range) makes the channel deaf, and says so.
 */
#include "qemu/osdep.h"

#include "hw/hotplug.h"
#include "hw/hyperv/vmbus.h"
#include "hw/qdev-properties.h"
#include "hw/scsi/scsi.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "qemu/queue.h"
#include "scsi/constants.h"
#include "vmb_storvsc.h"

#define TYPE_VMB_STORVSC "vmb-storvsc"
OBJECT_DECLARE_SIMPLE_TYPE(VmbStorvsc, VMB_STORVSC)

#define MAX_CHANNELS 8

typedef struct Channel Channel;

/* A packet of the guest, until its answer is in the ring. */
typedef struct Request {
    VMBusChanReq bus; /* first: vmbus_channel_recv_peek allocates it */
    Channel *chan;
    SCSIRequest *scsi; /* while the device has it */
    Packet packet;     /* becomes the answer */
    QTAILQ_ENTRY(Request) link;
} Request;

typedef QTAILQ_HEAD(RequestList, Request) RequestList;

struct Channel {
    VMBusChannel *bus;
    RequestList busy;   /* at the devices */
    RequestList output; /* to be answered, in this order */
    bool deaf;
};

enum Step {
    STEP_BEGIN,
    STEP_VERSION,
    STEP_PROPERTIES,
    STEP_ENDING,
    STEP_READY,
};

struct VmbStorvsc {
    VMBusDevice parent;
    SCSIBus bus;
    uint16_t num_channels;
    uint16_t newest;
    uint32_t max_transfer;
    enum Step step;
    uint16_t version;
    uint32_t notices; /* ENUMERATE_BUS still to be sent */
    Channel channels[MAX_CHANNELS];
};

static VmbStorvsc *device_of(VMBusChannel *bus)
{
    return VMB_STORVSC(vmbus_channel_device(bus));
}

/* ---- output --------------------------------------------------------------- */

static bool send_packet(VMBusChannel *bus, uint16_t type, Packet *packet,
                        uint64_t id)
{
    if (vmbus_channel_reserve(bus, 0, sizeof(*packet)) < 0) {
        return false;
    }
    vmbus_channel_send(bus, type, NULL, 0, packet, sizeof(*packet), false, id);
    return true;
}

static bool send_notices(VmbStorvsc *dev, Channel *chan)
{
    while (dev->notices && chan == &dev->channels[0]) {
        Packet packet = { .operation = ENUMERATE_BUS };

        if (!send_packet(chan->bus, VMBUS_PACKET_DATA_INBAND, &packet, 0)) {
            return false;
        }
        dev->notices--;
    }
    return true;
}

/* True when nothing is left to send. */
static bool flush_output(VmbStorvsc *dev, Channel *chan)
{
    Request *req;

    while ((req = QTAILQ_FIRST(&chan->output))) {
        if (!send_packet(chan->bus, VMBUS_PACKET_COMP, &req->packet,
                         req->bus.transaction_id)) {
            return false;
        }
        QTAILQ_REMOVE(&chan->output, req, link);
        vmbus_free_req(req);
    }
    return send_notices(dev, chan);
}

static void answer(Request *req, uint32_t status)
{
    req->packet.operation = COMPLETE_IO;
    req->packet.status = status;
    QTAILQ_INSERT_TAIL(&req->chan->output, req, link);
}

/* ---- commands ------------------------------------------------------------- */

static void finish(Request *req, uint8_t srb_status, uint32_t moved)
{
    req->packet.srb.srb_status = srb_status;
    req->packet.srb.data_bytes = moved;
    switch (srb_status) {
    case SRB_SUCCESS:
        answer(req, 0);
        break;
    case SRB_DATA_OVERRUN:
        answer(req, NT_OVERFLOW);
        break;
    case SRB_INVALID_LUN:
        answer(req, NT_NO_DEVICE);
        break;
    default:
        answer(req, NT_IO_ERROR);
        break;
    }
}

static Request *take_back(SCSIRequest *scsi)
{
    Request *req = scsi->hba_private;

    QTAILQ_REMOVE(&req->chan->busy, req, link);
    req->scsi = NULL;
    scsi->hba_private = NULL;
    return req;
}

static void command_complete(SCSIRequest *scsi, size_t residual)
{
    Request *req = take_back(scsi);
    uint32_t room = req->packet.srb.data_bytes;
    uint32_t moved = room - MIN(room, residual);
    uint8_t srb_status = moved == room ? SRB_SUCCESS : SRB_DATA_OVERRUN;
    VMBusChannel *bus = req->chan->bus;

    memset(req->packet.srb.data, 0, SENSE_BYTES);
    req->packet.srb.scsi_status = scsi->status;
    req->packet.srb.sense_bytes = 0;
    if (scsi->status != GOOD) {
        srb_status = SRB_ERROR;
        moved = 0;
    }
    if (scsi->status == CHECK_CONDITION) {
        req->packet.srb.sense_bytes =
            scsi_req_get_sense(scsi, req->packet.srb.data, SENSE_BYTES);
        srb_status |= SRB_AUTOSENSE;
    }
    finish(req, srb_status, moved);
    scsi_req_unref(scsi);
    vmbus_channel_notify_host(bus);
}

static void command_fail(SCSIRequest *scsi)
{
    Request *req = take_back(scsi);
    VMBusChannel *bus = req->chan->bus;

    finish(req, scsi->host_status == SCSI_HOST_NO_LUN ? SRB_INVALID_LUN
                                                       : SRB_ERROR, 0);
    scsi_req_unref(scsi);
    vmbus_channel_notify_host(bus);
}

/* The channel is being closed, or the disk pulled. */
static void command_cancel(SCSIRequest *scsi)
{
    Request *req = take_back(scsi);
    VMBusChannel *bus = req->chan->bus;

    finish(req, SRB_INVALID_LUN, 0);
    scsi_req_unref(scsi);
    vmbus_channel_notify_host(bus);
}

static QEMUSGList *command_memory(SCSIRequest *scsi)
{
    Request *req = scsi->hba_private;

    return req->bus.sgl.nsg ? &req->bus.sgl : NULL;
}

/* Data without memory for it goes nowhere. */
static void command_data(SCSIRequest *scsi, uint32_t len)
{
    scsi_req_continue(scsi);
}

static const SCSIBusInfo scsi_info = {
    .tcq = true,
    .max_channel = 7,
    .max_target = 1,
    .max_lun = 63,
    .get_sg_list = command_memory,
    .transfer_data = command_data,
    .complete = command_complete,
    .fail = command_fail,
    .cancel = command_cancel,
};

/* Where there is no disk: INQUIRY says so, all else is for nobody. */
static void no_disk(Request *req)
{
    uint8_t nothing[36] = { 0x7f };
    uint32_t room = req->packet.srb.data_bytes;
    dma_addr_t residual;

    if (req->packet.srb.data[0] != INQUIRY || !req->bus.sgl.nsg) {
        finish(req, SRB_INVALID_LUN, 0);
        return;
    }
    dma_buf_read(nothing, MIN(room, sizeof(nothing)), &residual,
                 &req->bus.sgl, MEMTXATTRS_UNSPECIFIED);
    memset(req->packet.srb.data, 0, SENSE_BYTES);
    finish(req, room > sizeof(nothing) ? SRB_DATA_OVERRUN : SRB_SUCCESS,
           MIN(room, sizeof(nothing)));
}

static void execute(VmbStorvsc *dev, Request *req)
{
    uint8_t lun = req->packet.srb.lun;
    uint8_t op = req->packet.srb.data[0];
    SCSIDevice *disk = scsi_device_get(&dev->bus, req->packet.srb.path,
                                       req->packet.srb.target, lun);

    if (!disk || (disk->lun != lun && op != REPORT_LUNS)) {
        no_disk(req);
    } else {
        SCSIRequest *scsi = scsi_req_new(disk, req->bus.transaction_id, lun,
                                         req->packet.srb.data,
                                         req->packet.srb.cdb_bytes, req);

        req->scsi = scsi;
        QTAILQ_INSERT_TAIL(&req->chan->busy, req, link);
        scsi_req_ref(scsi);
        if (scsi_req_enqueue(scsi)) {
            scsi_req_continue(scsi);
        }
        scsi_req_unref(scsi);
    }
    object_unref(OBJECT(disk));
}

/* ---- introductions --------------------------------------------------------- */

static bool is_known(VmbStorvsc *dev, uint16_t version)
{
    static const uint16_t known[] = { 0x0200, 0x0402, 0x0501, 0x0600, 0x0602 };

    for (int i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i] == version) {
            return version <= dev->newest;
        }
    }
    return false;
}

static void say_properties(VmbStorvsc *dev, Packet *packet)
{
    bool multi = dev->version >= 0x0501;

    memset(&packet->properties, 0, sizeof(packet->properties));
    packet->properties.max_transfer = dev->max_transfer;
    packet->properties.flags = multi;
    packet->properties.max_subchannels = multi ? dev->num_channels - 1 : 0;
}

static uint32_t introduce(VmbStorvsc *dev, Packet *packet)
{
    if (packet->operation == BEGIN_INIT && dev->step == STEP_BEGIN) {
        dev->step = STEP_VERSION;
    } else if (packet->operation == QUERY_VERSION &&
               dev->step == STEP_VERSION) {
        if (!is_known(dev, packet->number)) {
            return NT_REVISION_MISMATCH;
        }
        dev->version = packet->number;
        dev->step = STEP_PROPERTIES;
    } else if (packet->operation == QUERY_PROPERTIES &&
               dev->step == STEP_PROPERTIES) {
        say_properties(dev, packet);
        dev->step = STEP_ENDING;
    } else if (packet->operation == CREATE_SUB_CHANNELS &&
               dev->step >= STEP_ENDING) {
        return packet->number < dev->num_channels ? 0 : NT_INVALID_PARAMETER;
    } else if (packet->operation == END_INIT && dev->step == STEP_ENDING) {
        dev->step = STEP_READY;
        dev->notices = 0;
    } else if (packet->operation < RESET_LUN || packet->operation > RESET_BUS ||
               dev->step != STEP_READY) {
        return NT_INVALID_STATE;
    }
    return 0;
}

/* ---- input ----------------------------------------------------------------- */

static const char *fault_of(VmbStorvsc *dev, Request *req)
{
    const Packet *packet = req->bus.msg;
    uint32_t srb_length = dev->version < 0x0501 ? 36 : 52;

    if (req->bus.pkt_type == VMBUS_PACKET_COMP || !req->bus.need_comp) {
        return "a packet without a completion request";
    }
    if (req->bus.msglen != sizeof(*packet)) {
        return "a packet that is not of 64 bytes";
    }
    if (packet->operation != EXECUTE_SRB) {
        return req->bus.sgl.nsg ? "memory with what is no command" : NULL;
    }
    if (packet->srb.length != srb_length) {
        return "an SRB of the wrong length";
    }
    if (packet->srb.cdb_bytes == 0 || packet->srb.cdb_bytes > 16) {
        return "a CDB of the wrong length";
    }
    if (packet->srb.data_bytes != req->bus.sgl.size) {
        return "a data length that is not that of the range";
    }
    if (packet->srb.data_bytes > dev->max_transfer) {
        return "more than the largest transfer";
    }
    return NULL;
}

static void take_request(VmbStorvsc *dev, Channel *chan, Request *req)
{
    const char *fault = fault_of(dev, req);

    req->chan = chan;
    if (fault) {
        error_report("vmb-storvsc: %s", fault);
        chan->deaf = true;
        vmbus_free_req(req);
        return;
    }
    memcpy(&req->packet, req->bus.msg, sizeof(req->packet));
    if (req->packet.operation == EXECUTE_SRB && dev->step == STEP_READY) {
        execute(dev, req);
    } else {
        answer(req, introduce(dev, &req->packet));
    }
}

/* False: nothing was there, or what is must wait. */
static bool take_packets(VmbStorvsc *dev, Channel *chan)
{
    bool flushed = true, any = false;
    Request *req;

    if (chan->deaf || vmbus_channel_recv_start(chan->bus)) {
        return false;
    }
    while (flushed && !chan->deaf &&
           (req = vmbus_channel_recv_peek(chan->bus, sizeof(*req)))) {
        vmbus_channel_recv_pop(chan->bus);
        take_request(dev, chan, req);
        any = true;
        flushed = flush_output(dev, chan);
    }
    vmbus_channel_recv_done(chan->bus);
    return any && flushed;
}

static void storvsc_notify(VMBusChannel *bus)
{
    VmbStorvsc *dev = device_of(bus);
    Channel *chan = &dev->channels[vmbus_channel_idx(bus)];

    if (!flush_output(dev, chan)) {
        return;
    }
    /* What came while we were reading came without a signal: look again. */
    while (take_packets(dev, chan)) {
    }
}

/* ---- life of a channel and of the device ----------------------------------- */

static void drop_list(RequestList *list)
{
    Request *req;

    while ((req = QTAILQ_FIRST(list))) {
        QTAILQ_REMOVE(list, req, link);
        vmbus_free_req(req);
    }
}

static void channel_clear(Channel *chan)
{
    while (!QTAILQ_EMPTY(&chan->busy)) {
        /* Waits for its end, and puts it into the output. */
        scsi_req_cancel(QTAILQ_FIRST(&chan->busy)->scsi);
    }
    drop_list(&chan->output);
    chan->deaf = false;
}

static int storvsc_open(VMBusChannel *bus)
{
    VmbStorvsc *dev = device_of(bus);
    Channel *chan = &dev->channels[vmbus_channel_idx(bus)];

    channel_clear(chan);
    chan->bus = bus;
    if (chan == &dev->channels[0]) {
        dev->step = STEP_BEGIN;
        dev->version = 0;
        dev->notices = 0;
    }
    return 0;
}

static void storvsc_close(VMBusChannel *bus)
{
    channel_clear(&device_of(bus)->channels[vmbus_channel_idx(bus)]);
}

static uint16_t storvsc_num_channels(VMBusDevice *vdev)
{
    return VMB_STORVSC(vdev)->num_channels;
}

/* Disks came or went. */
static void tell(VmbStorvsc *dev)
{
    Channel *chan = &dev->channels[0];

    if (dev->step == STEP_READY && dev->version >= 0x0402 && chan->bus &&
        vmbus_channel_is_open(chan->bus)) {
        dev->notices++;
        vmbus_channel_notify_host(chan->bus);
    }
}

static void storvsc_plug(HotplugHandler *handler, DeviceState *disk,
                         Error **errp)
{
    tell(VMB_STORVSC(handler));
}

static void storvsc_unplug(HotplugHandler *handler, DeviceState *disk,
                           Error **errp)
{
    qdev_simple_device_unplug_cb(handler, disk, errp);
    tell(VMB_STORVSC(handler));
}

static void storvsc_realize(VMBusDevice *vdev, Error **errp)
{
    VmbStorvsc *dev = VMB_STORVSC(vdev);

    if (!dev->num_channels || dev->num_channels > MAX_CHANNELS) {
        error_setg(errp, "vmb-storvsc: channels=%u is not in 1..%d",
                   dev->num_channels, MAX_CHANNELS);
        return;
    }
    for (int i = 0; i < dev->num_channels; i++) {
        QTAILQ_INIT(&dev->channels[i].busy);
        QTAILQ_INIT(&dev->channels[i].output);
    }
    scsi_bus_init(&dev->bus, sizeof(dev->bus), DEVICE(dev), &scsi_info);
    qbus_set_hotplug_handler(BUS(&dev->bus), OBJECT(dev));
}

static void storvsc_unrealize(VMBusDevice *vdev)
{
    VmbStorvsc *dev = VMB_STORVSC(vdev);

    for (int i = 0; i < dev->num_channels; i++) {
        channel_clear(&dev->channels[i]);
    }
    qbus_set_hotplug_handler(BUS(&dev->bus), NULL);
}

static const Property storvsc_properties[] = {
    DEFINE_PROP_UINT16("channels", VmbStorvsc, num_channels, 1),
    DEFINE_PROP_UINT16("version", VmbStorvsc, newest, 0x0600),
    DEFINE_PROP_UINT32("max-transfer", VmbStorvsc, max_transfer, 0x40000),
};

static void storvsc_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    VMBusDeviceClass *vdc = VMBUS_DEVICE_CLASS(klass);
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_CLASS(klass);

    device_class_set_props(dc, storvsc_properties);
    dc->desc = "VMBus SCSI controller for testing guests";
    set_bit(DEVICE_CATEGORY_STORAGE, dc->categories);
    qemu_uuid_parse("ba6163d9-04a1-4d29-b605-72e2ffb1dc7f", &vdc->classid);
    vdc->vmdev_realize = storvsc_realize;
    vdc->vmdev_unrealize = storvsc_unrealize;
    vdc->num_channels = storvsc_num_channels;
    vdc->open_channel = storvsc_open;
    vdc->close_channel = storvsc_close;
    vdc->chan_notify_cb = storvsc_notify;
    hc->plug = storvsc_plug;
    hc->unplug = storvsc_unplug;
}

static const TypeInfo storvsc_type = {
    .name = TYPE_VMB_STORVSC,
    .parent = TYPE_VMBUS_DEVICE,
    .instance_size = sizeof(VmbStorvsc),
    .class_init = storvsc_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_HOTPLUG_HANDLER },
        { }
    },
};

static void storvsc_register_types(void)
{
    type_register_static(&storvsc_type);
}

type_init(storvsc_register_types)
