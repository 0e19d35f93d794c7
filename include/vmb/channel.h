/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_CHANNEL_H
#define VMB_CHANNEL_H
/*
 * A client channel: a channel with a life cycle, packet objects, queues and
 * callbacks.  This is the client contract of Microsoft's VMBus Kernel Mode
 * Client Library (KMCL), in the same words; packet.h is the sending half.
 * Who wants the bare channel takes chan.h, which this is written with.
 *
 *   DISABLED --enable--> WAITING --offer--> OPENING --Opened--> PAUSED
 *      ^                    |                  |                 |  ^
 *      |                    |                  |           start |  | pause
 *      |                    |                  |                 v  |
 *      +----- Closed <------+------ CLOSING <--+-- Suspend <--- ACTIVE
 *
 * Two more are passed through when there is something to wait for: SUSPENDED,
 * after Suspend, until the delivered packets are completed; and CLOSED, before
 * DISABLED, until GPADLs that were not deleted have come down.
 *
 * Four things cause a close: vmb_channel_disable_start(), a rescind, a host
 * that broke the protocol, and an Opened callback that fails.  All end in
 * DISABLED, and vmb_channel_enable() begins again.
 *
 * Callbacks of one channel never run at once.  State callbacks (opened ..
 * closed) run inside vmb_channel_poll() only: no lane is held but the
 * caller's, so the functions of wait.h may be called where the comments of
 * struct vmb_channel_callbacks say so.  The others run inside
 * vmb_channel_process() (and inside sends, for packets that complete there).
 *
 * Lanes: unless marked otherwise a function takes both lanes of its channel,
 * [tx] and [rx]: one caller at a time per channel.  Channels are independent
 * of each other: for two CPUs use two (sub-)channels.  From inside a callback
 * all functions of the channel may be called, but those that say VMB_E_STATE
 * in callbacks.
 */
#include <vmb/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMB_CHANNEL_NAME_BYTES 32u /* of the friendly name, with its 0 */

/* What a 0 in struct vmb_channel_cfg means; KMCL's text has no defaults. */
#define VMB_CHANNEL_PACKET_BYTES   4096u
#define VMB_CHANNEL_EXTERNAL_BYTES 131072u
#define VMB_CHANNEL_EXTERNAL_MDLS  16u
#define VMB_CHANNEL_PACKETS        16u
#define VMB_CHANNEL_TRANSACTIONS   64u
#define VMB_CHANNEL_INCOMING       16u
#define VMB_CHANNEL_QUOTA          8u

/* Packets that one vmb_channel_poll() delivers, and completion routines that
 * may follow from one another inside one send. */
#define VMB_CHANNEL_BUDGET 32u
/* Handed to vmb_channel_callbacks.process_packet: the packet has transfer
 * pages, see vmb_channel_packet_get_range(). */
#define VMB_PROCESS_PACKET_EXTERNAL_DATA 0x1u

struct vmb_channel;
struct vmb_packet;
struct vmb_packet_completion; /* an incoming packet, until it is completed */

/*
 * All may be NULL.  In state callbacks vmb_channel_enable(), _start(),
 * _pause_start() and _disable_start() are refused: VMB_E_STATE.
 */
struct vmb_channel_callbacks {
    /*
     * The channel is open; nothing flows yet.  GPADLs may be made from here
     * on, waiting for them included.  Not VMB_OK: it is closed again, nothing
     * has flowed, `closed` is not called, and vmb_channel_status() says what
     * was returned here.
     */
    enum vmb_status (*opened)(struct vmb_channel *channel);
    /* About to run.  Sends are taken; a synchronous request is refused, for
     * no answer could be received. */
    void (*started)(struct vmb_channel *channel);
    /* Running: the place for synchronous requests, to agree on a protocol.
     * Packets may be delivered before and while this runs. */
    void (*post_started)(struct vmb_channel *channel);
    /* Pause or close: no packet is delivered any more, sends are refused from
     * here on.  Those delivered have to be completed, now or later. */
    void (*suspend)(struct vmb_channel *channel);
    /* The host has let go of rings and packets; every packet sent has been
     * completed.  Delete all GPADLs here, waiting for it; those forgotten
     * are taken down afterwards. */
    void (*closed)(struct vmb_channel *channel);
    /* The offer was found, and opening it failed: DISABLED again. */
    void (*open_failed)(struct vmb_channel *channel, enum vmb_status status);
    /*
     * A packet of the host's that is no completion.  buffer[] is ours, a copy
     * that no host can change, and stays until `packet` is completed; bytes is
     * a multiple of 8 as on the wire (pipe mode: the true length).  Each
     * packet must be completed, failed or deferred, here or later.
     */
    void (*process_packet)(struct vmb_channel *channel,
                           struct vmb_packet_completion *packet,
                           const void *buffer, uint32_t bytes, uint32_t flags);
    /* The end of a batch of `packets` deliveries, never 0. */
    void (*processing_complete)(struct vmb_channel *channel, uint32_t packets);
};

/* Members are the library's. */
struct vmb_channel_list { /* a circle through its head, first_ after it */
    struct vmb_channel_list *first_, *last_;
};

struct vmb_queued { /* a packet's way into the ring; see src/packet/queue.c */
    struct vmb_channel_list link_; /* first: found again from a list */
    uint8_t state_;
    uint32_t inline_cap_;   /* bytes of ... */
    void *inline_;          /* ... room for the payload's copy */
    struct vmb_out out_;    /* what the ring is given, now or later */
    struct vmb_iov iov_[2]; /* pipe mode's header, payload */
};

/*
 * How a channel is to be.  Zeroed, with conn, type and memory set, it is a
 * working one.
 */
struct vmb_channel_cfg {
    struct vmb_conn *conn; /* must outlive the channel */
    /* The offer to open: the first of that type that nobody has opened, or
     * (instance not NULL) that one.  Copied. */
    const struct vmb_guid *type, *instance;
    /* Instead of type: sub-channel `subchannel` (1 and up) of the device that
     * *primary has opened by the time this one is enabled. */
    const struct vmb_channel *primary;
    uint16_t subchannel;
    uint16_t user_len;   /* at most VMB_CHAN_USER_BYTES */
    const void *user;    /* passed to the host's device at open */
    struct vmb_cpu *cpu; /* gets the interrupts; NULL: the connection's */
    const char *name;    /* for people; NULL: none */
    struct vmb_channel_callbacks callbacks;
    /* Page aligned, vmb_channel_sizeof_memory() bytes or more. */
    void *memory;
    size_t memory_bytes;
    uint64_t mmio_address; /* where the guest has put the device's window */

    /* What one packet of ours may have: payload, and external data in so many
     * MDL members. */
    uint32_t packet_bytes, external_bytes, external_mdls;
    uint32_t packets;      /* of vmb_packet_allocate() and of requests */
    uint32_t transactions; /* in the ring at once, to 65535; more queue */
    /* What the host sends: packet objects, and for each of them payload,
     * transfer pages, bytes of the client's own.  A host that sends a larger
     * one costs the channel. */
    uint32_t incoming, incoming_bytes, incoming_ranges, context_bytes;
    uint32_t quota; /* see vmb_channel_set_transaction_quota() */
    /* Data pages of the rings, without control pages; 0: for four of the
     * largest packets.  Room for one is the least. */
    uint32_t tx_pages, rx_pages;
    bool pipe; /* pipe mode: true lengths, no external data */
    /* process_packet runs inside vmb_channel_poll() alone; see
     * vmb_channel_set_incoming_processing_at_passive(). */
    bool at_passive;
};

enum vmb_channel_state {
    VMB_CHANNEL_DISABLED = 0,
    VMB_CHANNEL_WAITING, /* enabled, no such offer yet */
    VMB_CHANNEL_OPENING,
    VMB_CHANNEL_PAUSED,
    VMB_CHANNEL_ACTIVE,
    VMB_CHANNEL_SUSPENDED, /* waits for delivered packets to be completed */
    VMB_CHANNEL_CLOSING,   /* waits for the host to let go */
    VMB_CHANNEL_CLOSED     /* waits for forgotten GPADLs to come down */
};

struct vmb_channel { /* zeroed by the caller before first use */
    /* What every call looks at. */
    enum vmb_channel_state state_;
    enum vmb_status status_, dead_;
    uint32_t lane_;
    uint8_t inside_; /* which callback runs, if any */
    /* out: waiting for room, in the ring, completed and not yet told */
    struct vmb_channel_list queue_, in_ring_, done_;
    bool batch_;  /* sends are staged: a flush follows ... */
    bool staged_; /* ... if there was one */
    /* in */
    bool unread_;  /* something changed: look at the ring again */
    bool starved_; /* reading stopped for want of an incoming object */
    bool blocked_; /* by the quota: only a completion undoes it */
    bool failed_;  /* by vmb_channel_packet_fail() */
    uint32_t delivered_;
    struct vmb_channel_list parked_;
    struct vmb_channel_list *free_incoming_;
    /* life cycle */
    bool begun_; /* something that the connection is to post */
    bool pause_wanted_, disable_wanted_, was_opened_, open_failed_;
    uint32_t allocated_, abandoned_;
    struct vmb_channel_list *free_packets_;
    struct vmb_channel_gpadl *gpadls_;
    void *pointer_;
    size_t packet_bytes_;
    uint64_t mmio_size_;
    struct vmb_guid type_, instance_, active_instance_;
    char name_[VMB_CHANNEL_NAME_BYTES];
    struct vmb_channel_cfg cfg_; /* zeros replaced by the defaults */
    struct vmb_fault fault_;
    /* Of the call that is being made: keeps stacks low. */
    struct vmb_chan_cfg open_;
    struct vmb_rx rx_;
    struct vmb_chan chan_;
};

/* ---- Setting up --------------------------------------------------------- */

/*
 * Bytes of memory for a channel of this kind: rings, transactions, incoming
 * objects, its own packets.  cfg->memory does not matter.  0: sizes that
 * vmb_channel_initialize() refuses.  [any]
 */
size_t vmb_channel_sizeof_memory(const struct vmb_channel_cfg *cfg);

/*
 * Make *channel (zeroed, or DISABLED) a disabled one of this kind.  cfg itself
 * is not kept; user and *primary are not copied and must stay, so must the
 * memory, which is the library's while the channel is not DISABLED or a packet
 * of vmb_packet_allocate() is out.  The client's pointer is kept.  Packets made
 * for what the channel was before are to be initialised again.
 * [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_STATE   not DISABLED, inside a callback, or a packet of
 *               vmb_packet_allocate() is out
 * VMB_E_ARG     no conn, no type and no primary, primary without subchannel,
 *               memory missing or not aligned, user_len without user
 * VMB_E_NOSLOT  less memory than vmb_channel_sizeof_memory()
 * VMB_E_TOOBIG  packets that no ring can carry, a ring that cannot hold the
 *               largest, rings above VMB_GPADL_PAGES in all, more than 65535
 *               transactions, too much user data
 */
VMB_NODISCARD enum vmb_status
vmb_channel_initialize(struct vmb_channel *channel,
                       const struct vmb_channel_cfg *cfg);

/* ---- Life cycle --------------------------------------------------------- */

/*
 * Open the channel as soon as its offer is there, which may be much later:
 * waits for nothing.  Packets sent before that are queued.  Comes up running,
 * unless it was told to pause before.  [bus], [tx] and [rx]
 *
 * VMB_OK         begun: vmb_channel_poll() moves it on
 * VMB_E_STATE    not initialised, not DISABLED, or inside a state callback
 */
VMB_NODISCARD enum vmb_status vmb_channel_enable(struct vmb_channel *channel);

/*
 * Move the life cycle on: find the offer, open, see that the host is gone,
 * close; run state callbacks, and deliver what was deferred to here, at most
 * VMB_CHANNEL_BUDGET packets.  Call it after each vmb_conn_poll(), when
 * vmb_channel_process() says VMB_AGAIN, and after a call that takes effect
 * here.  [bus], [tx] and [rx]
 *
 * VMB_OK       nothing to do until the next vmb_conn_poll()
 * VMB_AGAIN    something was begun or may be delivered: call vmb_conn_poll(),
 *              vmb_channel_process(), and this again
 * VMB_E_STATE  inside one of its callbacks
 * VMB_E_LANE   check builds: another caller is inside
 */
VMB_NODISCARD enum vmb_status vmb_channel_poll(struct vmb_channel *channel);

/*
 * VMB_OK         open, as the last vmb_channel_poll() saw it; paused or not
 * VMB_AGAIN      WAITING, OPENING, or on the way down
 * VMB_E_STATE    DISABLED: never enabled, or disabled by the caller
 * VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL  DISABLED: that is why; or
 *                (with vmb_channel_disable_status() not VMB_OK) dying
 * VMB_E_REFUSED, VMB_E_TIMEOUT  DISABLED: it could not be opened
 * VMB_E_ARG      DISABLED: cfg.cpu is of another machine
 * VMB_E_CANCELLED  DISABLED: disabled while it waited or opened
 * others         DISABLED: what the opened callback returned (VMB_AGAIN and
 *                VMB_E_LANE read VMB_E_CANCELLED)
 * [tx] and [rx]
 */
VMB_NODISCARD enum vmb_status
vmb_channel_status(const struct vmb_channel *channel);

/*
 * Let it run: leave the paused state, now or once it is open.  Takes effect
 * in vmb_channel_poll().  [bus], [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_STATE  inside a state callback
 */
VMB_NODISCARD enum vmb_status vmb_channel_start(struct vmb_channel *channel);

/*
 * Stop delivery: the suspend callback, then a wait until every packet that was
 * delivered has been completed.  Packets sent before still go out and are
 * completed meanwhile; new ones are refused.  On a DISABLED channel: come up
 * paused.  On one that is closing it is forgotten.  Takes effect in
 * vmb_channel_poll().  [bus], [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_STATE  inside a state callback
 */
VMB_NODISCARD enum vmb_status
vmb_channel_pause_start(struct vmb_channel *channel);

/*
 * VMB_OK       paused
 * VMB_AGAIN    delivered packets are still out
 * VMB_E_STATE  nobody asked, or it is closing or DISABLED
 * [tx] and [rx]
 */
VMB_NODISCARD enum vmb_status
vmb_channel_pause_status(const struct vmb_channel *channel);

/*
 * Close, for good: suspend, wait for delivered packets, close at the host,
 * complete what was sent, the closed callback.  Again after VMB_E_TIMEOUT.
 * Takes effect in vmb_channel_poll().  [bus], [tx] and [rx]
 *
 * VMB_OK       begun, or it was DISABLED
 * VMB_E_STATE  inside a state callback
 */
VMB_NODISCARD enum vmb_status
vmb_channel_disable_start(struct vmb_channel *channel);

/*
 * VMB_OK         DISABLED: all memory is yours, but that of GPADLs that you
 *                have begun to delete yourself and that are not down yet
 * VMB_AGAIN      not yet
 * VMB_E_TIMEOUT, VMB_E_HYPERCALL, VMB_E_STATE  the host has not let go: ask
 *                again, or unload the connection
 * [tx] and [rx]
 */
VMB_NODISCARD enum vmb_status
vmb_channel_disable_status(const struct vmb_channel *channel);

/* What ended it, or is ending it; status VMB_OK if nothing did.  [any] */
void vmb_channel_fault(const struct vmb_channel *channel,
                       struct vmb_fault *out);

/* The channel below, for vmb_cpu_next_ready() to be compared with; and the
 * other way, only for one that is known to be a client channel's: among
 * others (a disk controller's, say) compare first.  [any] */
struct vmb_chan *vmb_channel_chan(struct vmb_channel *channel);
struct vmb_channel *vmb_channel_of(struct vmb_chan *chan); /* [any] */

/* The connection it was initialised on.  [any] */
struct vmb_conn *vmb_channel_conn(const struct vmb_channel *channel);

/* Does one of its callbacks run now?  [tx] and [rx] */
bool vmb_channel_is_inside(const struct vmb_channel *channel);

/* The client's own pointer, NULL at first.  [tx] and [rx] */
void vmb_channel_set_pointer(struct vmb_channel *channel, void *pointer);
void *vmb_channel_get_pointer(const struct vmb_channel *channel); /* [any] */

/* cfg.name, cut to VMB_CHANNEL_NAME_BYTES - 1; "" for none.  [any] */
const char *vmb_channel_friendly_name(const struct vmb_channel *channel);

/* The instance of the offer it opened last; zeros before that.  [any] */
void vmb_channel_get_interface_instance(const struct vmb_channel *channel,
                                        struct vmb_guid *instance);

/* cfg.mmio_address and the bytes the offer asks for; 0 and 0 before the opened
 * callback, or if it asks for none.  [any] */
void vmb_channel_get_mmio_space(const struct vmb_channel *channel,
                                uint64_t *address, uint64_t *bytes);

/*
 * The host is told of new packets at the latest after `latency`, in 100 ns
 * units; *original is what it was.  From opening to closed.  [tx] and [rx]
 *
 * VMB_OK           stored: hosts that keep no monitor page do not look at it
 * VMB_E_STATE      not open
 * VMB_E_NOFEATURE  signalled by hypercall, at once: no monitor pages, or the
 *                  offer has no place in them
 * VMB_E_LANE       check builds: another caller is inside
 */
VMB_NODISCARD enum vmb_status
vmb_channel_set_interrupt_latency(struct vmb_channel *channel, uint16_t latency,
                                  uint16_t *original);

/* ---- What the host sends ------------------------------------------------ */

/*
 * The interrupt's work, or the poll's: take packets out of the ring, deliver
 * up to `budget` of them, run completion routines, send what is queued and
 * give room back with at most one signal; then ask to be signalled again.
 * Call it when vmb_cpu_next_ready() names this channel, or in a loop.
 * [tx] and [rx]
 *
 * VMB_OK       nothing left to do until the next signal
 * VMB_AGAIN    work is left: call vmb_channel_poll(), which delivers what was
 *              deferred, and this again
 * VMB_E_STATE  not open; or inside a callback (but for post_started)
 * VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL  dead: vmb_channel_poll()
 *              closes it
 * VMB_E_LANE   check builds: another caller is inside
 */
VMB_NODISCARD enum vmb_status vmb_channel_process(struct vmb_channel *channel,
                                                  uint32_t budget);

/*
 * Done with an incoming packet: packet and buffer are the library's again.  A
 * completion goes to the host if it asked for one, `bytes` at buffer (which
 * may lie in the packet's own) in it; it waits its turn if the ring is full.
 * Others may have waited for it, and a pause or a close: unless one of these
 * two is running, vmb_channel_poll() is to follow, and vmb_channel_process().
 * So it is after a send, inside which a routine called this.  [tx] and [rx]
 *
 * VMB_OK        also on a channel that is closing or dead: nothing is sent
 * VMB_E_STATE   not one that was delivered and is still out
 * VMB_E_ARG     bytes, and no buffer
 * VMB_E_TOOBIG  longer than what the channel's packets may be: still yours
 * VMB_E_LANE    check builds: another caller is inside
 */
VMB_NODISCARD enum vmb_status
vmb_channel_packet_complete(struct vmb_packet_completion *packet,
                            const void *buffer, uint32_t bytes);

/*
 * Only from within process_packet, and for its packet: deliver it again from
 * vmb_channel_poll(); those behind it wait.  [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_STATE  elsewhere
 */
VMB_NODISCARD enum vmb_status
vmb_channel_packet_defer_to_passive(struct vmb_packet_completion *packet);

/* Would that be VMB_OK?  Not when vmb_channel_poll() delivers.  [tx] and
 * [rx] */
bool vmb_channel_packet_may_defer(const struct vmb_packet_completion *packet);

/*
 * It makes no sense, and nothing after it will: delivery stops until the
 * channel is disabled and enabled again.  The packet is the library's.
 * [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_STATE  not one that was delivered and is still out
 * VMB_E_LANE   check builds: another caller is inside
 */
VMB_NODISCARD enum vmb_status
vmb_channel_packet_fail(struct vmb_packet_completion *packet);

/*
 * Transfer pages: range `index` of the packet, as the host gave it: bound it
 * against the GPADL that `page_set` is for before use.  count(): how many.
 * [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_ARG  no such range
 */
VMB_NODISCARD enum vmb_status
vmb_channel_packet_get_range(const struct vmb_packet_completion *packet,
                             uint32_t index, uint16_t *page_set,
                             uint32_t *offset, uint32_t *bytes);
uint32_t
vmb_channel_packet_range_count(/* [tx] and [rx] */
                               const struct vmb_packet_completion *packet);

/* The client's own bytes in it, aligned to 8; kept as they were left by the
 * packet that used the object before.  NULL: cfg.context_bytes is 0.  [tx] and
 * [rx] */
void *
vmb_channel_packet_get_client_context(struct vmb_packet_completion *packet);

/*
 * How many packets may be delivered and not completed; more wait in the
 * ring and in free objects.  Raising it does not wake a channel that it has
 * held back, only a completion does.  More than there are objects means that
 * many.  [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_ARG  0
 */
VMB_NODISCARD enum vmb_status
vmb_channel_set_transaction_quota(struct vmb_channel *channel, uint32_t quota);

/* true: deliver from vmb_channel_poll() alone.  [tx] and [rx] */
void vmb_channel_set_incoming_processing_at_passive(struct vmb_channel *channel,
                                                    bool required);

/* ---- GPADLs ------------------------------------------------------------- */

/* Zeroed by the caller before first use.  gpadl is for the functions of
 * gpadl.h that ask, and of wait.h that wait. */
struct vmb_channel_gpadl {
    struct vmb_gpadl gpadl;
    struct vmb_channel_gpadl *next_;
};

/*
 * Offer memory to the host: `length` bytes (0: to the end) from `offset` of
 * the chain at mdl, which must lie in one member; bytes at a page-aligned
 * address; whole pages by number.  From the opened callback to the suspend
 * callback.  *gpadl is the library's until it is deleted, also when the host
 * refuses it: only on the same channel may it be made again before that.  The
 * arrays at mdl->pfns and pfns are until vmb_gpadl_create_status() is not
 * VMB_AGAIN.
 * [bus], [tx] and [rx]
 *
 * VMB_OK           begun; ask vmb_gpadl_create_status()
 * VMB_E_NOFEATURE  the stretch spans members: a GPADL has one range here
 * others           as vmb_gpadl_create_start() and vmb_mdl_slice()
 */
VMB_NODISCARD enum vmb_status vmb_channel_create_gpadl_from_mdl_start(
    struct vmb_channel *channel, struct vmb_channel_gpadl *gpadl,
    const struct vmb_mdl *mdl, uint64_t offset, uint64_t length);
/* [bus], [tx] and [rx]
 * Statuses as vmb_gpadl_create_virtual_start(). */
VMB_NODISCARD enum vmb_status
vmb_channel_create_gpadl_from_buffer_start(struct vmb_channel *channel,
                                           struct vmb_channel_gpadl *gpadl,
                                           const void *buffer, size_t bytes);
/* [bus], [tx] and [rx]
 * Statuses as vmb_gpadl_create_start(). */
VMB_NODISCARD enum vmb_status
vmb_channel_create_gpadl_from_pfns_start(struct vmb_channel *channel,
                                         struct vmb_channel_gpadl *gpadl,
                                         const uint64_t *pfns, uint32_t count);

/*
 * Take it back; ask vmb_gpadl_destroy_status(&gpadl->gpadl), or wait with
 * vmb_wait_gpadl_destroy().  Statuses as vmb_gpadl_destroy_start().
 * [bus], [tx] and [rx]
 */
VMB_NODISCARD enum vmb_status
vmb_channel_delete_gpadl_start(struct vmb_channel *channel,
                               struct vmb_channel_gpadl *gpadl);

#ifdef __cplusplus
}
#endif
#endif
