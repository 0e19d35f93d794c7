/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_STORVSC_H
#define VMB_STORVSC_H
/*
 * Disks: a SCSI controller (or an IDE disk's fast path) offered on the bus,
 * what hangs from it, and reading and writing straight from and into the
 * caller's memory.
 *
 * To read the first block of a disk, with the connection up.  Everything is
 * static and begins as zeros; each status can be a failure, which is left out
 * here, and what was opened must be closed then, too:
 *
 *     uint8_t pages[4 + 2 + 2][VMB_PAGE_SIZE], page[VMB_PAGE_SIZE];  aligned
 *     struct vmb_txn txns[16];             16 commands at the host at once
 *     struct vmb_storvsc_cmd cmds[16];
 *     struct vmb_storvsc_queue queue = {
 *         .cfg = { .ring = pages, .tx_pages = 4, .rx_pages = 2,
 *                  .txns = txns, .txn_cap = 16 },
 *         .cmds = cmds };
 *     struct vmb_storvsc ctl;
 *     struct vmb_storvsc_addr at;          LUN 0
 *     struct vmb_disk disk;
 *     uint8_t buffer[65536];               no disk has larger blocks
 *     uint64_t pfns[17];                   they may touch so many pages
 *     struct vmb_mdl mdl;
 *     struct vmb_storvsc_req req;
 *     const uint64_t second = 10000000;
 *
 *     offer = vmb_conn_find(&conn, &vmb_storvsc_scsi, NULL, 0);
 *     vmb_storvsc_open_start(&ctl, vmb_conn_bus(&conn), offer, &queue, 1);
 *     vmb_wait_storvsc_open(&conn, &ctl, second);
 *     vmb_disk_open_start(&disk, &ctl, at, page);
 *     vmb_wait_disk_open(&conn, &disk, second);
 *     vmb_mdl_from_virtual(&mdl, plat, buffer, disk.block_bytes, pfns, 17);
 *     vmb_disk_read(&disk, &req, 0, 1, &mdl, 0);         block 0, 1 of them
 *     vmb_wait_storvsc_req(&conn, &ctl, &req, second);
 *     vmb_wait_storvsc_close(&conn, &ctl);
 *
 * Which disk.  Look at every offer (vmb_conn_offer()) of either class with
 * subchannel 0: each is a controller of its own.  Behind vmb_storvsc_scsi there
 * are LUNs 0 to 63, some of them, and where there is none opening the disk ends
 * with VMB_E_REFUSED and VMB_STORVSC_NO_DEVICE.  Behind vmb_storvsc_ide, from
 * which machines of generation 1 boot, there is one disk, at
 * vmb_storvsc_ide_addr().  disk.identity.type says what it is.
 *
 * Without waiting: call vmb_storvsc_poll() and vmb_conn_poll() now and then; a
 * request has come back when its status is no longer VMB_AGAIN, and its done()
 * is called then.  done() may submit requests, its own among them: they are
 * sent when the call that it was called from ends.  It may not poll or close.
 *
 * Whose memory.  A request, its MDLs and the memory they name are the
 * library's from submit until the request comes back, exactly once, and not to
 * be changed.  (A chain made shorter all the same costs its request, which
 * comes back as VMB_STORVSC_OTHER.)  When the controller dies (the host takes
 * it away or breaks the protocol) its host may still write to what is in
 * flight: so nothing comes back then, until vmb_storvsc_close_status() reads
 * VMB_OK; by then everything has.
 *
 * Lanes.  One caller at a time for one controller and its disks, callbacks
 * included, however many channels it has: [bus] for what opens and closes, [tx]
 * and [rx] of its channels for the rest.  Channels are for the host to work on
 * several processors; a guest that wants to submit from several serialises
 * that, or uses a controller each: two do not disturb each other.
 *
 * Order.  Requests are carried out in any order.  One with `barrier` set begins
 * when all that were submitted to its controller before it are back, whatever
 * their disk, and those submitted after begin when it is back.
 *
 * No deadline is kept on the host's disk: a host that is mute leaves requests
 * at VMB_AGAIN.  The waiting forms end; closing ends always.
 */
#include <vmb/chan.h>
#include <vmb/conn.h>
#include <vmb/scsi.h>
#include <vmb/wire/storvsc.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Classes of the offers this is for, for vmb_conn_find(). */
extern const struct vmb_guid vmb_storvsc_scsi, vmb_storvsc_ide;

/* Pages of one command when they come from MDLs with lists of their own. */
#define VMB_STORVSC_JOIN 65u

struct vmb_storvsc_addr {
    uint8_t path, target, lun; /* SCSI controllers: path and target 0 */
    uint8_t reserved;          /* 0 */
};

enum vmb_storvsc_outcome {
    VMB_STORVSC_GOOD = 0,
    VMB_STORVSC_SHORT,     /* fewer bytes moved than asked for */
    VMB_STORVSC_BUSY,      /* try later */
    VMB_STORVSC_NOT_READY, /* no medium, or it is spinning up */
    VMB_STORVSC_MEDIUM,    /* these blocks cannot be read or written */
    VMB_STORVSC_HARDWARE,
    VMB_STORVSC_ILLEGAL,   /* the device does not know this command, or block */
    VMB_STORVSC_ATTENTION, /* something changed: medium, capacity, LUNs */
    VMB_STORVSC_PROTECTED, /* not writable */
    VMB_STORVSC_ABORTED,   /* given up by the host: may be tried again */
    VMB_STORVSC_NO_DEVICE, /* no such path, target or LUN (any more) */
    VMB_STORVSC_TIMED_OUT, /* the host waited for its disk in vain */
    VMB_STORVSC_OTHER      /* see the numbers */
};

/* What the device said; of several commands, the first that failed. */
struct vmb_storvsc_result {
    enum vmb_storvsc_outcome outcome;
    uint8_t srb_status;          /* VMB_SRB_*, without flags */
    uint8_t scsi_status;         /* 0 good, 2 check condition, 8 busy ... */
    struct vmb_scsi_sense sense; /* all 0: there was none */
    uint32_t host_status;        /* the packet's NTSTATUS */
    uint64_t bytes; /* moved, from the start without a gap; UNMAP: blocks */
};

struct vmb_storvsc;
struct vmb_storvsc_req;

struct vmb_storvsc_req { /* the caller's; zeroed before first use */
    /* The library's. */
    struct vmb_storvsc *ctl_;
    struct vmb_storvsc_req *next_, *prev_;
    struct vmb_mdl_walk walk_; /* where the next command's data begins */
    uint64_t block_, total_;
    uint32_t inflight_;
    uint8_t op_, shift_, retries_;
    /* Set before vmb_disk_*() and vmb_storvsc_submit(). */
    bool barrier; /* begins when all before it are back; none begins earlier */
    /* Set before vmb_storvsc_submit(), as mdl and the rest below;
     * vmb_disk_*() fill them in. */
    struct vmb_storvsc_addr at;
    /* Read when it has come back. */
    enum vmb_status status; /* VMB_AGAIN: the library's */
    struct vmb_storvsc_result result;
    /* Set before vmb_storvsc_submit(). */
    const struct vmb_mdl *mdl; /* with cmd.data */
    uint64_t mdl_offset;       /* bytes into the chain */
    uint64_t bytes;            /* of data */
    struct vmb_scsi_cmd cmd;
    /* Set before all: called when it has come back. */
    void (*done)(struct vmb_storvsc_req *req); /* NULL: look at status */
    void *user;                                /* for done() */
    /* The library's: what UNMAP names. */
    uint32_t most_;
    uint8_t list_[VMB_SCSI_UNMAP_BYTES];
    uint64_t list_pfns_[2];
    struct vmb_mdl list_mdl_;
};

struct vmb_storvsc_queue;

struct vmb_storvsc_cmd { /* a command in flight; the library's */
    struct vmb_storvsc_req *req_;
    struct vmb_storvsc_queue *queue_;
    struct vmb_storvsc_cmd *next_;
    struct vmb_mdl_walk walk_; /* its data */
    uint64_t at_;              /* from the request's start */
    uint32_t units_;
    uint8_t retries_; /* left */
};

/* One channel of a controller. */
struct vmb_storvsc_queue {
    /* The caller's.  cfg.txn_cap: commands at the host at once, 1 or more. */
    struct vmb_chan_cfg cfg;
    struct vmb_storvsc_cmd *cmds; /* cfg.txn_cap of them */
    /* The library's. */
    enum vmb_status status_; /* of opening it */
    struct vmb_storvsc_cmd *free_;
    struct vmb_storvsc_queue *next_;
    /* To tell it by in vmb_cpu_next_ready(); not to be used otherwise. */
    struct vmb_chan chan;
};

struct vmb_storvsc_hello { /* how far host and guest have agreed */
    uint8_t step_, version_index_;
    uint16_t wanted_, granted_, version_;
    uint32_t max_transfer_;
};

/* What is used most comes first, which makes for shorter instructions. */
struct vmb_storvsc { /* zeroed before first use */
    enum vmb_status status_;
    uint8_t state_;
    bool busy_;    /* callbacks may be running */
    bool barrier_; /* all commands out are of one request, a barrier */
    struct vmb_storvsc_queue *queues_, *newest_, *turn_;
    struct vmb_storvsc_hello hello_;
    uint16_t queues_used_, queue_count_;
    struct vmb_storvsc_req *first_, *last_; /* all that are not back */
    struct vmb_storvsc_req *unsent_;        /* the first with more to cut */
    struct vmb_storvsc_cmd *ready_;         /* made, and to be sent (again) */
    uint32_t inflight_, changes_;
    struct vmb_mdl mdl_; /* a command's data */
    struct vmb_fault fault_;
    struct vmb_bus *bus_;
    struct vmb_offer *offer_;
    /* Here and not on the stack, which they would double. */
    struct vmb_storvsc_packet packet_;
    struct vmb_iov iov_;
    struct vmb_out out_;
    struct vmb_rx rx_;
    struct vmb_storvsc_cmd hello_cmd_; /* no request's: packets of hello_ */
    uint64_t pfns_[VMB_STORVSC_JOIN];  /* of mdl_, when it has several MDLs' */
};

/* --- Controllers ---------------------------------------------------------- */

/*
 * Begin to open.  *ctl, *bus, the offer's table and queues[0..queue_count)
 * with all they name are the library's until vmb_storvsc_close_status() reads
 * VMB_OK: also when opening fails.  queues[0] is for the offer; as many more
 * channels are asked for as there are queues left, see
 * vmb_storvsc_add_channel().  [bus]
 *
 * VMB_OK       begun; poll, and ask vmb_storvsc_open_status()
 * VMB_E_ARG    no queue, a depth of 0, cmds missing, no offer (there is no such
 *              controller), or a sub-channel's
 * VMB_E_STATE  ctl is not closed
 * others       as vmb_chan_open_start()
 */
VMB_NODISCARD enum vmb_status
vmb_storvsc_open_start(struct vmb_storvsc *ctl, struct vmb_bus *bus,
                       struct vmb_offer *offer,
                       struct vmb_storvsc_queue *queues, uint32_t queue_count);

/*
 * VMB_OK         open: submit
 * VMB_AGAIN      under way
 * VMB_E_VERSION  no version in common
 * VMB_E_REFUSED  the host said no; host_code of vmb_storvsc_fault() is its
 *                NTSTATUS
 * VMB_E_STATE    not opened, being closed, or the connection was unloaded
 * VMB_E_RESCINDED, VMB_E_HOST, VMB_E_TIMEOUT, VMB_E_HYPERCALL  dead: close it
 * VMB_E_LANE     check builds: dead by a second caller, and without a record
 * [bus]
 */
VMB_NODISCARD enum vmb_status
vmb_storvsc_open_status(const struct vmb_storvsc *ctl);

/*
 * Sub-channels the host has granted (at most queue_count - 1): it offers them
 * as channels 1, 2 ... of the same instance, now or soon.  0 until open.
 * [bus]
 */
uint32_t vmb_storvsc_subchannels(const struct vmb_storvsc *ctl);

/*
 * Open one more channel, in the next queue; requests are spread over all that
 * are open.  The controller works without, and goes on when one cannot be
 * opened.  vmb_wait_storvsc_open() does this for every one granted.  [bus]
 *
 * VMB_OK        it is in use
 * VMB_AGAIN     begun, or under way: poll, and ask again
 * VMB_E_REFUSED, VMB_E_RESCINDED, VMB_E_TIMEOUT, VMB_E_HYPERCALL  it could not
 *               be opened, as vmb_chan_open_status() says
 * VMB_E_ARG     not a sub-channel of this controller
 * VMB_E_NOSLOT  all queues are in use
 * VMB_E_STATE   the controller is not open
 * others        as vmb_chan_open_start()
 */
VMB_NODISCARD enum vmb_status vmb_storvsc_add_channel(struct vmb_storvsc *ctl,
                                                      struct vmb_offer *offer);

/*
 * Take what the host has sent, hand requests back, send what can be sent.
 * At most its depth of packets, and a few, from each channel.  Calls done() of
 * requests.  Needs vmb_conn_poll() beside it, as every channel does.
 * [tx] and [rx]; while a channel of it is being opened [bus] as well
 *
 * VMB_OK       open, nothing is out
 * VMB_AGAIN    something is: poll again
 * VMB_E_STATE  not opened, being closed, or called from done()
 * VMB_E_LANE   check builds: someone else is in a lane of its channels
 * others       as vmb_storvsc_open_status()
 */
VMB_NODISCARD enum vmb_status vmb_storvsc_poll(struct vmb_storvsc *ctl);

/*
 * Ask for an interrupt on the next answer, as vmb_chan_arm().  True: one is
 * there already, or it is dead: poll instead of sleeping.  A device taken away
 * is no answer: ask again after vmb_conn_poll().  [rx]
 */
bool vmb_storvsc_arm(struct vmb_storvsc *ctl);

/*
 * Close all channels.  Requests not back are forgotten by the host; see "Whose
 * memory" above.  [bus]
 *
 * VMB_OK       begun, or it was closed
 * VMB_E_STATE  under way, or called from done()
 * VMB_E_LANE   check builds: someone else is in the [bus] lane
 */
VMB_NODISCARD enum vmb_status vmb_storvsc_close_start(struct vmb_storvsc *ctl);

/*
 * The call that first reads VMB_OK hands back every request still out, with
 * what killed the controller as status, or VMB_E_STATE; it calls their done().
 * [bus]
 *
 * VMB_OK       closed: everything is yours
 * VMB_AGAIN    under way
 * VMB_E_STATE  nobody asked, or called from done()
 * others       as vmb_chan_close_status(): the host has not let go; close
 *              again, or unload and close again
 */
VMB_NODISCARD enum vmb_status vmb_storvsc_close_status(struct vmb_storvsc *ctl);

/*
 * How often the host has said that disks came or went, or changed in size:
 * when the number grows look for disks again (vmb_disk_open_start() on each
 * LUN, or REPORT LUNS).  Requests to a disk that went come back as
 * VMB_STORVSC_NO_DEVICE.  [rx]
 */
uint32_t vmb_storvsc_changes(const struct vmb_storvsc *ctl);

/* The version agreed, VMB_STORVSC_VERSION_*; 0 before.  [bus] */
uint32_t vmb_storvsc_version(const struct vmb_storvsc *ctl);

/*
 * Most bytes that go into one command; larger requests to disks are split.  It
 * is what the host takes, or the smallest ring: 1.9 MiB for the first tx page
 * and 2 MiB for each more.  0 unless it is open.  [bus]
 */
uint32_t vmb_storvsc_max_transfer(const struct vmb_storvsc *ctl);

/* What killed or refused it; status VMB_OK if nothing did.  [bus] */
void vmb_storvsc_fault(const struct vmb_storvsc *ctl, struct vmb_fault *out);

/*
 * Where the disk of an IDE channel is (an offer of class vmb_storvsc_ide has
 * one).  [any]
 */
struct vmb_storvsc_addr vmb_storvsc_ide_addr(const struct vmb_offer *offer);

/* --- Requests ------------------------------------------------------------- */

/*
 * Any SCSI command, as it stands: not split, not repeated.  Its data must be
 * one run: where the chain goes from one MDL to the next, the first must end
 * and the second begin at a page's border, and all of it lie on no more than
 * VMB_STORVSC_JOIN pages.  Fields of *req say the rest.  The functions of
 * scsi.h fill in req->cmd.  [tx] and [rx]
 *
 * VMB_OK        accepted: it comes back exactly once
 * VMB_E_ARG     CDB of no length or too long, data without direction or the
 *               reverse, a chain that is wrong, too short or not one run
 * VMB_E_TOOBIG  more than vmb_storvsc_max_transfer()
 * VMB_E_STATE   *req is out already, or the controller is not open
 * others        as vmb_storvsc_open_status()
 *
 * req->status when it is back:
 * VMB_OK         see result.bytes: fewer than asked is no failure here
 * VMB_E_REFUSED  the device or the host said no: see result
 * VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL, VMB_E_STATE  the controller
 *                died, or was closed, before the answer came
 */
VMB_NODISCARD enum vmb_status vmb_storvsc_submit(struct vmb_storvsc *ctl,
                                                 struct vmb_storvsc_req *req);

/* --- Disks ---------------------------------------------------------------- */

struct vmb_disk { /* zeroed before first use */
    /* Valid once open. */
    uint64_t blocks;
    uint32_t block_bytes; /* a power of two from 512 to 65536 */
    bool read_only;
    bool unmap; /* vmb_disk_unmap() does something */
    struct vmb_scsi_identity identity;
    /* The library's. */
    struct vmb_storvsc *ctl_;
    uint8_t *page_;
    uint32_t unmap_most_;
    uint8_t step_, shift_;
    bool thin_;
    enum vmb_status status_;
    uint64_t pfn_;
    uint8_t data_[64];
    struct vmb_mdl mdl_;
    struct vmb_storvsc_req req_;
};

/*
 * Find out what is at that address: INQUIRY, TEST UNIT READY, READ CAPACITY,
 * MODE SENSE, and what the disk can discard.  page: one page, aligned, which
 * is the host's to write to, with *disk, until the status is not VMB_AGAIN;
 * then it is free.  A disk needs no closing; open it again when the medium or
 * the size has changed.  [tx] and [rx]
 *
 * VMB_OK       begun; poll the controller, ask vmb_disk_open_status()
 * VMB_E_ARG    no page, or it is not aligned
 * VMB_E_STATE  opening already, or the controller is not open
 * others       as vmb_storvsc_open_status()
 */
VMB_NODISCARD enum vmb_status vmb_disk_open_start(struct vmb_disk *disk,
                                                  struct vmb_storvsc *ctl,
                                                  struct vmb_storvsc_addr at,
                                                  void *page);

/*
 * VMB_OK         open
 * VMB_AGAIN      under way
 * VMB_E_REFUSED  see vmb_disk_result(): NO_DEVICE when nothing is there,
 *                NOT_READY when there is no medium
 * VMB_E_NOFEATURE  it answers, but is not a disk of blocks, says nonsense, or
 *                has blocks above vmb_storvsc_max_transfer()
 * VMB_E_STATE    not opened, or the controller was closed meanwhile
 * VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL  the controller died meanwhile
 * Once open it reads VMB_OK whatever becomes of the controller.  [rx]
 */
VMB_NODISCARD enum vmb_status vmb_disk_open_status(const struct vmb_disk *disk);

/* What the device said to the last command of opening it.  [rx] */
const struct vmb_storvsc_result *vmb_disk_result(const struct vmb_disk *disk);

/*
 * Read or write `count` blocks from `block` on, to or from the chain at mdl
 * from byte mdl_offset of it.  Set barrier, done and user of *req before.
 * Longer than the controller's maximum is split, and comes back as one.
 *
 * Any alignment will do that pages can express.  A command names one run of
 * bytes; where the chain leaves off inside a page, and the next MDL does not
 * go on at a page's start, a command must end: so there whole blocks must end.
 *
 * Requests may be carried out in any order, unless barriers part them.
 * Commands that met VMB_STORVSC_ATTENTION or _ABORTED are repeated, each a few
 * times.  [tx] and [rx]
 *
 * VMB_OK       accepted: it comes back exactly once
 * VMB_E_ARG    no blocks, or beyond the disk's end, or a chain that is wrong,
 *              too short, or parts a block where no command can end
 * VMB_E_STATE  the disk is not open, or *req is out already
 * others       as vmb_storvsc_open_status()
 *
 * req->status as for vmb_storvsc_submit(), but fewer bytes than asked for are
 * VMB_E_REFUSED with VMB_STORVSC_SHORT.
 */
VMB_NODISCARD enum vmb_status vmb_disk_read(struct vmb_disk *disk,
                                            struct vmb_storvsc_req *req,
                                            uint64_t block, uint32_t count,
                                            const struct vmb_mdl *mdl,
                                            uint64_t mdl_offset);
/* Statuses as vmb_disk_read().  [tx] and [rx] */
VMB_NODISCARD enum vmb_status vmb_disk_write(struct vmb_disk *disk,
                                             struct vmb_storvsc_req *req,
                                             uint64_t block, uint32_t count,
                                             const struct vmb_mdl *mdl,
                                             uint64_t mdl_offset);

/*
 * Make the disk write its cache out.  It covers what has come back before;
 * with req->barrier set also what was submitted before and is still out.
 * VMB_STORVSC_ILLEGAL: it does not know the command; such disks have no cache.
 * [tx] and [rx]
 *
 * VMB_OK       accepted
 * VMB_E_STATE  the disk is not open, or *req is out already
 * others       as vmb_storvsc_open_status()
 */
VMB_NODISCARD enum vmb_status vmb_disk_flush(struct vmb_disk *disk,
                                             struct vmb_storvsc_req *req);

/*
 * Tell the disk that these blocks hold nothing of worth any more: what they
 * read as afterwards is the disk's business.  The list lies in *req, which
 * the host reads: *req must be memory that plat->gpa() knows.  [tx] and [rx]
 *
 * VMB_OK           accepted
 * VMB_E_NOFEATURE  this disk cannot
 * others           as vmb_disk_read()
 */
VMB_NODISCARD enum vmb_status vmb_disk_unmap(struct vmb_disk *disk,
                                             struct vmb_storvsc_req *req,
                                             uint64_t block, uint32_t count);

/* --- Blocking forms, as in wait.h: nothing but public calls --------------- */

/*
 * Until the controller is open, with its sub-channels: those that have not
 * come after `timeout` 100 ns units are done without.  [bus], [tx] and [rx]
 *
 * VMB_E_TIMEOUT  not open yet; close it
 * others         as vmb_storvsc_open_status()
 */
VMB_NODISCARD enum vmb_status vmb_wait_storvsc_open(struct vmb_conn *conn,
                                                    struct vmb_storvsc *ctl,
                                                    uint64_t timeout);

/* Start closing unless that is under way, and wait for its end; returns what
 * vmb_storvsc_close_status() does.  [bus], [tx] and [rx] */
VMB_NODISCARD enum vmb_status vmb_wait_storvsc_close(struct vmb_conn *conn,
                                                     struct vmb_storvsc *ctl);

/*
 * Until the disk is open.  [bus], [tx] and [rx]
 *
 * VMB_E_TIMEOUT  no answer yet: page and disk are still the library's
 * others         as vmb_disk_open_status()
 */
VMB_NODISCARD enum vmb_status vmb_wait_disk_open(struct vmb_conn *conn,
                                                 struct vmb_disk *disk,
                                                 uint64_t timeout);

/*
 * Until that request is back; returns its status.  A controller that dies
 * meanwhile is reported, and the request still out: close.
 * [bus], [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_REFUSED  see req->result
 * VMB_E_TIMEOUT  still out
 * others         as vmb_storvsc_open_status()
 */
VMB_NODISCARD enum vmb_status vmb_wait_storvsc_req(struct vmb_conn *conn,
                                                   struct vmb_storvsc *ctl,
                                                   struct vmb_storvsc_req *req,
                                                   uint64_t timeout);

#ifdef __cplusplus
}
#endif
#endif
