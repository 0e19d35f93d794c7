/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VMBus device for testing guests: it hashes or fills the memory that a
 * packet or a GPADL names, sends bursts, keeps requests back, lets its ring
 * fill up.  testdev_proto.h says what can be asked of it.
 *
 *   -device vmb-testdev[,channels=1..4]
 *
 * Per channel there is one queue of what is still to be sent.  Whatever does
 * not fit into the guest's ring stays at its head, and no further request is
 * read until it is gone: nothing is dropped, and the queue stays short.
 */
#include "qemu/osdep.h"

#include "hw/hyperv/vmbus.h"
#include "hw/qdev-properties.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "qemu/queue.h"
#include "qemu/timer.h"
#include "vmb_memory.h"

#define TYPE_VMB_TESTDEV "vmb-testdev"
OBJECT_DECLARE_SIMPLE_TYPE(VmbTestdev, VMB_TESTDEV)

/* A packet of the guest; kept for as long as it waits for its completion. */
typedef struct Request {
    VMBusChanReq bus; /* first: vmbus_channel_recv_peek allocates it */
    struct vmb_testdev_request head;
    struct vmb_testdev_reply reply;
    uint32_t burst_next; /* of head.count, when the op is BURST */
    QTAILQ_ENTRY(Request) link;
} Request;

typedef QTAILQ_HEAD(RequestList, Request) RequestList;

typedef struct Channel {
    VMBusChannel *bus;
    RequestList output; /* to be answered, in this order */
    RequestList held;   /* oldest first */
    Request *delayed;   /* a burst whose time has not come */
    QEMUTimer *burst_timer;
    QEMUTimer *stall_timer;
    bool stalled;
    uint32_t batch;
    GHashTable *awaited; /* transaction ids the guest is to complete */
    struct vmb_testdev_stats stats;
} Channel;

struct VmbTestdev {
    VMBusDevice parent;
    uint16_t num_channels;
    Channel channels[VMB_TESTDEV_MAX_CHANNELS];
};

static Channel *channel_of(VMBusChannel *bus)
{
    VmbTestdev *dev = VMB_TESTDEV(vmbus_channel_device(bus));

    return &dev->channels[vmbus_channel_idx(bus)];
}

/* ---- output ---------------------------------------------------------------
 */

/* False: no room; the bus has asked the guest for a wake-up. */
static bool send_packet(Channel *chan, uint16_t type, void *data, uint32_t size,
                        bool ask_completion, uint64_t id)
{
    if (vmbus_channel_reserve(chan->bus, 0, size) < 0) {
        chan->stats.ring_full++;
        return false;
    }
    vmbus_channel_send(chan->bus, type, NULL, 0, data, size, ask_completion,
                       id);
    return true;
}

static bool send_burst(Channel *chan, Request *req)
{
    bool ask = req->head.flags & VMB_TESTDEV_ASK_COMPLETION;
    uint32_t size = req->head.length;
    g_autofree uint8_t *packet = g_malloc0(size);
    struct vmb_testdev_burst head = {
        .magic = VMB_TESTDEV_MAGIC,
        .seed = req->head.seed,
    };

    for (; req->burst_next < req->head.count; req->burst_next++) {
        uint64_t id = req->head.offset + req->burst_next;

        head.index = req->burst_next;
        memcpy(packet, &head, sizeof(head));
        vmb_testdev_fill(packet + sizeof(head), size - sizeof(head),
                         head.seed + head.index, 0);
        if (!send_packet(chan, VMBUS_PACKET_DATA_INBAND, packet, size, ask,
                         id)) {
            return false;
        }
        if (ask) {
            g_hash_table_add(chan->awaited, g_memdup2(&id, sizeof(id)));
        }
        chan->stats.burst_packets++;
        req->reply.bytes += size;
    }
    return true;
}

static bool send_completion(Channel *chan, Request *req)
{
    const void *more = NULL;
    uint32_t more_size = 0;
    g_autofree uint8_t *message = NULL;

    if (!req->bus.need_comp) {
        return true;
    }
    if (req->head.op == VMB_TESTDEV_ECHO && !req->reply.status) {
        more = (uint8_t *)req->bus.msg + sizeof(req->head);
        more_size = req->head.length;
    } else if (req->head.op == VMB_TESTDEV_STATS && !req->reply.status) {
        more = &chan->stats;
        more_size = sizeof(chan->stats);
    }
    message = g_malloc(sizeof(req->reply) + more_size);
    memcpy(message, &req->reply, sizeof(req->reply));
    if (more_size) {
        memcpy(message + sizeof(req->reply), more, more_size);
    }
    return send_packet(chan, VMBUS_PACKET_COMP, message,
                       sizeof(req->reply) + more_size, false,
                       req->bus.transaction_id);
}

/* True when nothing is left to send. */
static bool flush_output(Channel *chan)
{
    Request *req;

    while ((req = QTAILQ_FIRST(&chan->output))) {
        if (req->head.op == VMB_TESTDEV_BURST && !req->reply.status &&
            !send_burst(chan, req)) {
            return false;
        }
        if (!send_completion(chan, req)) {
            return false;
        }
        QTAILQ_REMOVE(&chan->output, req, link);
        vmbus_free_req(req);
    }
    return true;
}

static void answer(Channel *chan, Request *req)
{
    if (req->reply.status) {
        chan->stats.bad_requests++;
    }
    QTAILQ_INSERT_TAIL(&chan->output, req, link);
}

/* ---- requests --------------------------------------------------------------
 */

static void do_echo(Request *req)
{
    if (req->head.length > req->bus.msglen - sizeof(req->head)) {
        req->reply.status = VMB_TESTDEV_BAD_REQUEST;
        return;
    }
    req->reply.bytes = req->head.length;
}

/* True: kept back for its time. */
static bool do_burst(Channel *chan, Request *req)
{
    if (req->head.length < sizeof(struct vmb_testdev_burst) ||
        req->head.length > VMB_TESTDEV_MAX_PACKET) {
        req->reply.status = VMB_TESTDEV_BOUNDS;
        return false;
    }
    if (!req->head.delay_ms) {
        return false;
    }
    if (chan->delayed) {
        req->reply.status = VMB_TESTDEV_BUSY;
        return false;
    }
    chan->delayed = req;
    timer_mod(chan->burst_timer,
              qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + req->head.delay_ms);
    return true;
}

static void do_release(Channel *chan, Request *release)
{
    bool newest = release->head.flags & VMB_TESTDEV_NEWEST_FIRST;
    uint32_t left = release->head.count ? release->head.count : UINT32_MAX;

    for (; left && !QTAILQ_EMPTY(&chan->held); left--) {
        Request *req =
            newest ? QTAILQ_LAST(&chan->held) : QTAILQ_FIRST(&chan->held);

        QTAILQ_REMOVE(&chan->held, req, link);
        chan->stats.held--;
        vmb_memory_ranges(&req->bus, &req->head, &req->reply);
        answer(chan, req);
        release->reply.bytes++;
    }
}

static void do_stall(Channel *chan, Request *req)
{
    chan->stalled = true;
    timer_mod(chan->stall_timer,
              qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + req->head.delay_ms);
}

/* True: the request has been kept. */
static bool execute(Channel *chan, Request *req)
{
    switch (req->head.op) {
    case VMB_TESTDEV_ECHO:
        do_echo(req);
        return false;
    case VMB_TESTDEV_HASH:
    case VMB_TESTDEV_FILL:
        vmb_memory_ranges(&req->bus, &req->head, &req->reply);
        return false;
    case VMB_TESTDEV_GPADL_HASH:
    case VMB_TESTDEV_GPADL_WRITE:
        vmb_memory_gpadl(&req->bus, &req->head, &req->reply);
        return false;
    case VMB_TESTDEV_BURST:
        return do_burst(chan, req);
    case VMB_TESTDEV_HOLD:
        QTAILQ_INSERT_TAIL(&chan->held, req, link);
        chan->stats.held++;
        return true;
    case VMB_TESTDEV_RELEASE:
        do_release(chan, req);
        return false;
    case VMB_TESTDEV_STALL:
        do_stall(chan, req);
        return false;
    case VMB_TESTDEV_BATCH:
        chan->batch = req->head.count;
        return false;
    case VMB_TESTDEV_STATS:
        return false;
    default:
        req->reply.status = VMB_TESTDEV_BAD_REQUEST;
        return false;
    }
}

static void take_request(Channel *chan, Request *req)
{
    bool whole = req->bus.msglen >= sizeof(req->head);

    if (whole) {
        memcpy(&req->head, req->bus.msg, sizeof(req->head));
    }
    req->reply = (struct vmb_testdev_reply){
        .magic = VMB_TESTDEV_MAGIC,
        .op = req->head.op,
        .packet_type = req->bus.pkt_type,
        .channel = vmbus_channel_idx(chan->bus),
        .ranges_bytes = vmb_memory_ranges_bytes(&req->bus),
        .payload_size = req->bus.msglen,
    };
    if (!whole || req->head.magic != VMB_TESTDEV_MAGIC) {
        req->reply.status = VMB_TESTDEV_BAD_REQUEST;
    } else if (execute(chan, req)) {
        return;
    }
    answer(chan, req);
}

static void take_packet(Channel *chan, Request *req)
{
    switch (req->bus.pkt_type) {
    case VMBUS_PACKET_COMP:
        if (g_hash_table_remove(chan->awaited, &req->bus.transaction_id)) {
            chan->stats.completions_good++;
        } else {
            chan->stats.completions_bad++;
        }
        vmbus_free_req(req);
        return;
    case VMBUS_PACKET_DATA_USING_GPA_DIRECT:
        chan->stats.gpa_direct++;
        break;
    default:
        chan->stats.inband++;
        break;
    }
    take_request(chan, req);
}

/* False: nothing was there, or what is must wait. */
static bool take_packets(Channel *chan)
{
    uint32_t taken = 0;
    bool flushed = true;
    Request *req;

    if (vmbus_channel_recv_start(chan->bus)) {
        return false;
    }
    while (flushed && !chan->stalled &&
           (req = vmbus_channel_recv_peek(chan->bus, sizeof(*req)))) {
        vmbus_channel_recv_pop(chan->bus);
        take_packet(chan, req);
        taken++;
        if (chan->batch && taken % chan->batch == 0) {
            vmbus_channel_recv_done(chan->bus);
        }
        flushed = flush_output(chan);
    }
    vmbus_channel_recv_done(chan->bus);
    return taken && flushed && !chan->stalled;
}

static void testdev_notify(VMBusChannel *bus)
{
    Channel *chan = channel_of(bus);

    chan->stats.notifications++;
    if (!flush_output(chan)) {
        return;
    }
    /*
     * What the guest wrote while we were reading came without a signal, for
     * the ring was not empty: look again after saying how far we have read.
     */
    while (take_packets(chan)) {
    }
}

/* ---- timers: the bus allows receiving only inside its own callback ----------
 */

static void burst_is_due(void *opaque)
{
    Channel *chan = opaque;

    answer(chan, chan->delayed);
    chan->delayed = NULL;
    vmbus_channel_notify_host(chan->bus);
}

static void stall_is_over(void *opaque)
{
    Channel *chan = opaque;

    chan->stalled = false;
    vmbus_channel_notify_host(chan->bus);
}

/* ---- life of a channel and of the device
 * -------------------------------------- */

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
    timer_del(chan->burst_timer);
    timer_del(chan->stall_timer);
    drop_list(&chan->output);
    drop_list(&chan->held);
    vmbus_free_req(chan->delayed);
    chan->delayed = NULL;
    chan->stalled = false;
    chan->batch = 0;
    g_hash_table_remove_all(chan->awaited);
}

static int testdev_open(VMBusChannel *bus)
{
    Channel *chan = channel_of(bus);
    uint64_t opens = chan->stats.opens + 1;

    channel_clear(chan);
    chan->bus = bus;
    chan->stats = (struct vmb_testdev_stats){ .opens = opens };
    return 0;
}

static void testdev_close(VMBusChannel *bus)
{
    channel_clear(channel_of(bus));
}

static uint16_t testdev_num_channels(VMBusDevice *vdev)
{
    return VMB_TESTDEV(vdev)->num_channels;
}

static void testdev_realize(VMBusDevice *vdev, Error **errp)
{
    VmbTestdev *dev = VMB_TESTDEV(vdev);

    if (!dev->num_channels || dev->num_channels > VMB_TESTDEV_MAX_CHANNELS) {
        error_setg(errp, "vmb-testdev: channels=%u is not in 1..%d",
                   dev->num_channels, VMB_TESTDEV_MAX_CHANNELS);
        return;
    }
    for (int i = 0; i < dev->num_channels; i++) {
        Channel *chan = &dev->channels[i];

        QTAILQ_INIT(&chan->output);
        QTAILQ_INIT(&chan->held);
        chan->burst_timer =
            timer_new_ms(QEMU_CLOCK_VIRTUAL, burst_is_due, chan);
        chan->stall_timer =
            timer_new_ms(QEMU_CLOCK_VIRTUAL, stall_is_over, chan);
        chan->awaited =
            g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    }
}

static void testdev_unrealize(VMBusDevice *vdev)
{
    VmbTestdev *dev = VMB_TESTDEV(vdev);

    for (int i = 0; i < dev->num_channels; i++) {
        Channel *chan = &dev->channels[i];

        channel_clear(chan);
        timer_free(chan->burst_timer);
        timer_free(chan->stall_timer);
        g_hash_table_unref(chan->awaited);
    }
}

static const Property testdev_properties[] = {
    DEFINE_PROP_UINT16("channels", VmbTestdev, num_channels, 1),
};

static void testdev_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    VMBusDeviceClass *vdc = VMBUS_DEVICE_CLASS(klass);

    device_class_set_props(dc, testdev_properties);
    dc->desc = "VMBus device for testing guests";
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    qemu_uuid_parse(VMB_TESTDEV_GUID_TEXT, &vdc->classid);
    vdc->vmdev_realize = testdev_realize;
    vdc->vmdev_unrealize = testdev_unrealize;
    vdc->num_channels = testdev_num_channels;
    vdc->open_channel = testdev_open;
    vdc->close_channel = testdev_close;
    vdc->chan_notify_cb = testdev_notify;
}

static const TypeInfo testdev_type = {
    .name = TYPE_VMB_TESTDEV,
    .parent = TYPE_VMBUS_DEVICE,
    .instance_size = sizeof(VmbTestdev),
    .class_init = testdev_class_init,
};

static void testdev_register_types(void)
{
    type_register_static(&testdev_type);
}

type_init(testdev_register_types)
