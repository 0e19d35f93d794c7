/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SIM_H
#define VMB_SIM_H
/*
 * The host's side of VMBus as a hosted, deterministic library.
 *
 * A simulator is one virtual machine's hypervisor and VMBus host.  The guest
 * library, and the drivers above it, run unchanged on the struct vmb_platform
 * that vmb_sim_platform() gives.  platform/sim/README.md is the tutorial.
 *
 * Time and progress.  Without vmb_sim_thread_start() the host moves only in
 * vmb_sim_step() and vmb_sim_run(), in the platform's relax(), and (unless
 * VMB_SIM_LAZY) in the guest's own hypercalls and end-of-message writes.  The
 * clock is virtual and counts work: see tick.  The same calls with the same
 * seed give the same run.
 *
 * Threads and lanes.  Every function here may be called from any thread and
 * from the device callbacks, except create, destroy, thread_start and
 * thread_stop: one thread, outside callbacks.  Hence the tags: [any], [main].
 *
 * Misuse by the guest never stops the simulator: it is written down, as a
 * violation, and answered as a real host would.  Tests assert
 * vmb_sim_violations() == 0.
 */
#include <vmb/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmb_sim;      /* the machine */
struct vmb_sim_dev;  /* a device of it; lives as long as the machine */
struct vmb_sim_chan; /* a channel of a device; lives as long too */

/* What kind of host.  Zero is an OpenVMM-like host of version 6.0. */
#define VMB_SIM_QEMU          0x0001u /* see README: the QEMU 10.0 flavour */
#define VMB_SIM_NO_HYPERVISOR 0x0002u /* leaves read as on bare metal */
#define VMB_SIM_ISOLATED      0x0004u /* says it is a confidential VM */
#define VMB_SIM_NO_REF_TSC    0x0008u /* no reference TSC page */
#define VMB_SIM_NO_AUTO_EOI   0x0010u /* hints ask not to use auto-EOI */
#define VMB_SIM_MONITOR       0x0020u /* offers carry monitor ids (MNF) */
#define VMB_SIM_SINT_POLLING  0x0040u /* offers SINT polling mode */
/* No message reaches a masked SINT, as on Hyper-V before 2019, and OpenVMM with
 * its own hypervisor. */
#define VMB_SIM_DEAF_MASK 0x0080u
/* How the simulation is run. */
#define VMB_SIM_LAZY       0x0100u /* hypercalls and EOM do not move the host */
#define VMB_SIM_MANUAL_IRQ 0x0200u /* only vmb_sim_deliver() interrupts */
#define VMB_SIM_CONTIGUOUS 0x0400u /* page numbers in order, not shuffled */
#define VMB_SIM_AUTO_MAP   0x0800u /* gpa() registers what it is asked for */
/*
 * At every step the host overwrites the pages of GPADLs that are still up on
 * channels that are closed: a guest that reuses memory before it has been
 * handed back sees it change.
 */
#define VMB_SIM_SCRIBBLE 0x1000u
/* More of what kind of host. */
/* Leaves as OpenVMM's on KVM: nothing is said of posting and signalling. */
#define VMB_SIM_OPENVMM_LEAVES 0x2000u
/* Lets go of a channel that it rescinds, and answers nothing on it any more,
 * as Hyper-V does. */
#define VMB_SIM_MUTE_RESCIND 0x4000u

struct vmb_sim_cfg {
    size_t size;               /* sizeof(struct vmb_sim_cfg) */
    uint32_t quirks;           /* VMB_SIM_* */
    uint32_t vps;              /* virtual processors, 1..64; 0: 1 */
    uint64_t seed;             /* page numbers, garbage */
    uint32_t max_version;      /* major << 16 | minor; 0: 6.0 (QEMU: 4.0) */
    uint32_t min_version;      /* 0: 0.13 */
    uint32_t features;         /* feature flags granted from 6.0 on; of these */
                               /* the host implements 0x1, 0x2 and 0x8 */
    uint32_t message_id;       /* connection id in the version response; 0: 1 */
    uint32_t first_relid;      /* of the first offer; 0: 1 */
    uint32_t post_depth;       /* messages held before 0x13; 0: 16 */
    uint32_t tick;             /* 100 ns units per look at a clock; 0: 1000 */
    uint32_t budget;           /* packets a channel takes per step; 0: 64 */
    uint64_t owner_os_id;      /* not 0: the guest OS id is already set */
    uint32_t no_privileges[2]; /* leaf 0x40000003 eax, ebx bits to clear */
    /*
     * An interrupt for vp.  Runs on the thread whose act caused it (or the
     * host's own, or that of vmb_sim_deliver), outside the simulator's lock,
     * with that vp as current.  Not entered again for one vp while it runs.
     * NULL: nobody listens, a polled guest.
     */
    void (*on_interrupt)(void *ctx, uint32_t vp, uint8_t vector);
    /*
     * A socket connect request (message 21), GUIDs in wire order.  True: the
     * callback has added or will add the device.  False or NULL: refused with
     * message 23.
     */
    bool (*on_tl_connect)(void *ctx, const uint8_t endpoint[16],
                          const uint8_t service[16]);
    /* Every control message, refusal and violation as a line of text. */
    void (*trace)(void *ctx, const char *line);
    void *ctx; /* for the three callbacks */
};

/*
 * cfg NULL: all defaults.  NULL is returned when memory is short, size is
 * wrong or vps is above 64.  [main]
 */
VMB_NODISCARD struct vmb_sim *vmb_sim_create(const struct vmb_sim_cfg *cfg);

/* Also frees memory from vmb_sim_alloc() and stops the thread.  [main] */
void vmb_sim_destroy(struct vmb_sim *sim);

/*
 * The machine as a port of the guest library.  Lives as long as sim.  Copy it
 * to change a member: with now NULL the library reads the hypervisor's own
 * clocks.  [any]
 */
const struct vmb_platform *vmb_sim_platform(struct vmb_sim *sim);

/* --- Progress, time, processors ------------------------------------------ */

/*
 * One step: at most one guest message handled, every free message slot
 * filled, every signalled channel serviced within its budget, delays counted
 * down.  True: something was done, or is only delayed.  From inside a device
 * callback it does nothing.  [any]
 */
bool vmb_sim_step(struct vmb_sim *sim);

/* Step until nothing is left to do, at most max times; returns steps. [any] */
uint32_t vmb_sim_run(struct vmb_sim *sim, uint32_t max);

/* The clock in 100 ns units, without moving it; and moving it.  [any] */
uint64_t vmb_sim_clock(struct vmb_sim *sim);
void vmb_sim_clock_advance(struct vmb_sim *sim, uint64_t by);

/* Sequence 0: the reference TSC page says "do not use me".  [any] */
void vmb_sim_tsc_sequence(struct vmb_sim *sim, uint32_t sequence);

/* Which virtual processor the calling thread is; at first 0.  [any] */
void vmb_sim_set_vp(struct vmb_sim *sim, uint32_t vp);
uint32_t vmb_sim_vp(struct vmb_sim *sim);

/* Like CLI and STI: interrupts for vp are held back while off.  [any] */
void vmb_sim_irq_enable(struct vmb_sim *sim, uint32_t vp, bool on);

/* Deliver held interrupts now; returns how many.  [any] */
uint32_t vmb_sim_deliver(struct vmb_sim *sim);

/* What a reset of the machine does to its hypervisor side.  [main] */
void vmb_sim_reset(struct vmb_sim *sim);

/*
 * Run the host on a thread of its own until stopped.  The clock then follows
 * the real one, and relax() sleeps for a moment.  VMB_E_STATE: already
 * running, or no thread to be had.  [main]
 */
VMB_NODISCARD enum vmb_status vmb_sim_thread_start(struct vmb_sim *sim);
void vmb_sim_thread_stop(struct vmb_sim *sim);

/* --- Guest memory -------------------------------------------------------- */

/*
 * Page-aligned guest memory, zeroed, whose guest-physical page numbers are
 * shuffled (and partly above 4 GiB).  NULL: out of memory.  [any]
 */
void *vmb_sim_alloc(struct vmb_sim *sim, size_t pages);

/* Memory from vmb_sim_alloc.  A violation if the host still maps it.  [any] */
void vmb_sim_free(struct vmb_sim *sim, void *va);

/*
 * Register, or forget, the pages a buffer of the caller's lies on.  Calls
 * nest per page.  Forgetting what the host maps is a violation.  [any]
 */
void vmb_sim_map(struct vmb_sim *sim, const void *va, size_t len);
void vmb_sim_unmap(struct vmb_sim *sim, const void *va, size_t len);

/*
 * May the host still touch this address?  True for pages of live GPADLs, of
 * packets not yet completed, of enabled overlays (hypercall, messages, event
 * flags, reference TSC) and, while connected, interrupt and monitor pages.
 * [any]
 */
bool vmb_sim_host_maps(struct vmb_sim *sim, const void *va);

/*
 * A hostile or careless host: write into memory it maps.  False: it does not
 * map [va, va + len) and nothing was written.  [any]
 */
bool vmb_sim_poke(struct vmb_sim *sim, void *va, const void *bytes, size_t len);

/* --- Devices ------------------------------------------------------------- */

/* One range of a packet's external data: its page numbers are in .pfns. */
struct vmb_sim_range {
    uint32_t len, offset;
    const uint64_t *pfns;
    uint32_t pfn_count;
};

/* A packet from the guest, already checked; valid during the callback. */
struct vmb_sim_packet {
    uint16_t type; /* 6 in-band, 9 GPA-direct, 11 completion */
    bool want_completion;
    uint64_t xid;
    const uint8_t *data;
    uint32_t len; /* a multiple of 8: the ring does not keep the true one */
    const struct vmb_sim_range *ranges;
    uint32_t range_count;
    uint64_t external; /* sum of the ranges' lengths */
    struct vmb_sim_chan *chan;
};

#define VMB_SIM_PENDING 0xffffffffu /* on_open: vmb_sim_open_done() later */

/* Copied by vmb_sim_device_add(); GUIDs are in wire order. */
struct vmb_sim_device {
    uint8_t type[16], instance[16];
    uint16_t flags;        /* offer flags; 0: a plain device */
    uint16_t mmio_mb;      /* suggested MMIO space */
    uint16_t subchannels;  /* offered along with the primary (as QEMU does) */
    bool shared_interrupt; /* below 2.4: is_dedicated 0, connection id 2 */
    uint8_t user[120];     /* user_defined bytes of the offer */
    /* 0: opened.  VMB_SIM_PENDING.  Else the status of the open result. */
    uint32_t (*on_open)(void *ctx, struct vmb_sim_chan *chan,
                        const uint8_t user[120]);
    void (*on_packet)(void *ctx, const struct vmb_sim_packet *packet);
    /* Guest closed it, unloaded, or the device was rescinded. */
    void (*on_close)(void *ctx, struct vmb_sim_chan *chan);
    /* Once in every step.  True: something is waiting for a later one. */
    bool (*on_step)(void *ctx);
    void *ctx;
};

/*
 * Add a device: before the guest asks for offers, or hot at any time.  NULL:
 * out of memory or more than 2047 channels.  [any]
 */
struct vmb_sim_dev *vmb_sim_device_add(struct vmb_sim *sim,
                                       const struct vmb_sim_device *device);

/* Offer count more sub-channels, as a device does when asked.  [any] */
enum vmb_status vmb_sim_offer_subchannels(struct vmb_sim_dev *dev,
                                          uint32_t count);

/* Take a device away: sub-channels first, then the primary.  [any] */
void vmb_sim_rescind(struct vmb_sim_dev *dev);

/*
 * Offer a rescinded device again.  Held back until the guest has released
 * the old offer, then sent with the same id.  [any]
 */
void vmb_sim_reoffer(struct vmb_sim_dev *dev);

/* Channel of a device: 0 is the primary.  NULL: no such channel.  [any] */
struct vmb_sim_chan *vmb_sim_channel(struct vmb_sim_dev *dev, uint32_t index);
struct vmb_sim *vmb_sim_of(const struct vmb_sim_chan *chan);
uint32_t vmb_sim_relid(const struct vmb_sim_chan *chan);
uint32_t vmb_sim_connection_id(const struct vmb_sim_chan *chan);
uint32_t vmb_sim_sub_index(const struct vmb_sim_chan *chan);
bool vmb_sim_is_open(const struct vmb_sim_chan *chan);
/* Open, but the host gave up on the guest's ring: it is corrupt.  [any] */
bool vmb_sim_is_dead(const struct vmb_sim_chan *chan);

/* Answer an open that on_open left VMB_SIM_PENDING; 0 is success.  [any] */
void vmb_sim_open_done(struct vmb_sim_chan *chan, uint32_t status);

/* A range of a transfer-page packet: into the GPADL named by the set id. */
struct vmb_sim_xfer {
    uint32_t len, offset;
};

/* A packet to the guest. */
struct vmb_sim_out {
    uint16_t type; /* 6, 7 or 11 */
    bool want_completion;
    uint64_t xid;
    const void *data;
    uint32_t len; /* padded with zeros to a multiple of 8 */
    uint16_t set; /* type 7: transfer page set id */
    const struct vmb_sim_xfer *ranges;
    uint32_t range_count;
};

/*
 * Write a packet, or queue it behind a full ring until the guest's signal.
 * VMB_E_STATE: not open.  VMB_E_TOOBIG: never fits.  VMB_OK.  [any]
 */
enum vmb_status vmb_sim_send(struct vmb_sim_chan *chan,
                             const struct vmb_sim_out *out);

/* The two common cases.  Statuses as vmb_sim_send.  [any] */
enum vmb_status vmb_sim_send_inband(struct vmb_sim_chan *chan, uint64_t xid,
                                    const void *data, uint32_t len,
                                    bool want_completion);
enum vmb_status vmb_sim_complete(struct vmb_sim_chan *chan, uint64_t xid,
                                 const void *data, uint32_t len);

/* Packets waiting for room in the guest's receive ring.  [any] */
uint32_t vmb_sim_backlog(const struct vmb_sim_chan *chan);

/*
 * The memory a GPA-direct packet names, as one run of bytes from offset on.
 * Return the bytes moved: short at the end of the ranges, or at a page that
 * is not guest memory (a violation).  During on_packet only.  [any]
 */
uint64_t vmb_sim_read(const struct vmb_sim_packet *packet, uint64_t offset,
                      void *dst, uint64_t len);
uint64_t vmb_sim_write(const struct vmb_sim_packet *packet, uint64_t offset,
                       const void *src, uint64_t len);

/*
 * The same for a GPADL of the channel.  0 also when there is no such GPADL
 * (a violation: the guest named it).  [any]
 */
uint64_t vmb_sim_gpadl_read(struct vmb_sim_chan *chan, uint32_t gpadl,
                            uint64_t offset, void *dst, uint64_t len);
uint64_t vmb_sim_gpadl_write(struct vmb_sim_chan *chan, uint32_t gpadl,
                             uint64_t offset, const void *src, uint64_t len);
uint64_t vmb_sim_gpadl_size(struct vmb_sim_chan *chan, uint32_t gpadl);

/*
 * While a device holds a GPADL its teardown is answered only when the device
 * lets go or the channel closes.  VMB_E_ARG: no such GPADL.  [any]
 */
enum vmb_status vmb_sim_gpadl_hold(struct vmb_sim_chan *chan, uint32_t gpadl,
                                   bool hold);

/* FNV-1a, 64 bits; the pattern that fills memory, byte by byte.  [any] */
#define VMB_SIM_HASH_INIT 0xcbf29ce484222325u
uint64_t vmb_sim_hash(uint64_t hash, const void *data, size_t len);
uint8_t vmb_sim_pattern(uint64_t seed, uint64_t index);

/* --- The built-in test device -------------------------------------------- */

/*
 * A request is this header and any data behind it, in an in-band or
 * GPA-direct packet, little-endian.  If it asks for a completion, the answer
 * is a struct vmb_sim_test_reply; ECHO answers with the request's own bytes.
 */
enum vmb_sim_test_op {
    VMB_SIM_ECHO = 1,       /* the whole payload comes back */
    VMB_SIM_HASH = 2,       /* hash of the external data */
    VMB_SIM_FILL = 3,       /* external data = pattern(seed, i) */
    VMB_SIM_BURST = 4,      /* count in-band packets of bytes each, no reply */
                            /* wanted, xid = seed + i, data = pattern */
    VMB_SIM_GPADL_FILL = 5, /* GPADL count, bytes from offset: pattern */
    VMB_SIM_GPADL_HASH = 6, /* the same range of it hashed */
    VMB_SIM_XFER = 7,    /* a transfer-page packet, set id count, wanting a */
                         /* completion, two ranges: (0, bytes), (offset, 8) */
    VMB_SIM_HOLD = 8,    /* not answered until vmb_sim_test_release() */
    VMB_SIM_REVERSE = 9, /* answered in reverse order, count at a time */
    VMB_SIM_ASK = 10,    /* one in-band packet that wants a completion */
    VMB_SIM_SINK = 11    /* taken; an empty completion if one is wanted */
};

struct vmb_sim_test_request {
    uint32_t op, count;
    uint64_t seed;
    uint32_t offset, bytes;
};

struct vmb_sim_test_reply {
    uint32_t op, status; /* 0, or 1: could not */
    uint64_t value;      /* the hash */
    uint64_t bytes;      /* that were hashed or filled */
};

extern const uint8_t vmb_sim_test_type[16];

/*
 * Adds one; instance distinguishes several.  NULL as vmb_sim_device_add.
 * [any]
 */
struct vmb_sim_dev *vmb_sim_test_add(struct vmb_sim *sim, uint8_t instance,
                                     uint16_t subchannels);
/* Answer everything held, oldest first; returns how many.  [any] */
uint32_t vmb_sim_test_release(struct vmb_sim_dev *dev);
/* Completions of XFER and ASK packets the guest has sent.  [any] */
uint32_t vmb_sim_test_completions(struct vmb_sim_dev *dev);

/* --- Faults -------------------------------------------------------------- */

/* What is counted.  Counters start at 0 with the machine; see count(). */
enum vmb_sim_point {
    VMB_SIM_AT_HOST_MESSAGE,  /* control messages to the guest */
    VMB_SIM_AT_GUEST_MESSAGE, /* control messages accepted from it */
    VMB_SIM_AT_HOST_PACKET,   /* ring packets to the guest */
    VMB_SIM_AT_GUEST_PACKET,  /* ring packets from it */
    VMB_SIM_AT_HYPERCALL,     /* HvPostMessage and HvSignalEvent */
    VMB_SIM_AT_INTERRUPT,     /* SINTs about to be raised */
    VMB_SIM_AT_PORT,          /* calls of gpa() */
    VMB_SIM_POINTS
};

enum vmb_sim_act {
    VMB_SIM_LOSE = 1,  /* any but HYPERCALL and PORT; INTERRUPT: none comes */
    VMB_SIM_DELAY,     /* messages, packets: arg steps, order kept */
    VMB_SIM_DUPLICATE, /* messages, host packets; INTERRUPT: a spurious one */
    VMB_SIM_REORDER,   /* messages, host packets: changes place with the */
                       /* next, or goes alone after 16 steps without one */
    VMB_SIM_REFUSE,    /* messages: arg is the status of the answer (0: */
                       /* 0x8000ffff); the host's own state agrees */
    VMB_SIM_MALFORM,   /* host messages and packets: damage chosen by arg */
    VMB_SIM_RESCIND,   /* messages, packets, hypercalls: dev is taken away; */
                       /* after a host message, before anything else */
    VMB_SIM_STALL,     /* packets: the host stops reading for arg steps */
    VMB_SIM_FAIL,      /* HYPERCALL: status arg; PORT: address ~0 */
    VMB_SIM_SPURIOUS   /* messages, packets: dev's event flag, unasked */
};

struct vmb_sim_fault {
    enum vmb_sim_point at;
    enum vmb_sim_act act;
    uint64_t k;     /* at the k-th, counted from 0 since creation */
    uint64_t times; /* and the next ones, this many in all; 0: one */
    uint64_t arg;
    struct vmb_sim_dev *dev;
};
#define VMB_SIM_FOR_EVER UINT64_MAX /* .times: never recovers */

/*
 * VMB_E_ARG: that act does not exist at that point.  VMB_E_NOSLOT: more than
 * 32 at once.  [any]
 */
VMB_NODISCARD enum vmb_status
vmb_sim_fault_add(struct vmb_sim *sim, const struct vmb_sim_fault *fault);
void vmb_sim_faults_clear(struct vmb_sim *sim);
/* How many faults have struck.  [any] */
uint64_t vmb_sim_faults_hit(struct vmb_sim *sim);

/* How many there have been so far: the k of the next one.  [any] */
uint64_t vmb_sim_count(struct vmb_sim *sim, enum vmb_sim_point point);

/* --- Hostile acts -------------------------------------------------------- */

/* The two rings of an open channel, and words of their control pages. */
enum vmb_sim_ring {
    VMB_SIM_TO_HOST,
    VMB_SIM_TO_GUEST
};
#define VMB_SIM_IN       0u  /* byte offset written next */
#define VMB_SIM_OUT      4u  /* byte offset read next */
#define VMB_SIM_MASK     8u  /* not 0: no signals for this ring */
#define VMB_SIM_PEND     12u /* bytes the writer waits for */
#define VMB_SIM_FEATURES 64u

/*
 * Read or overwrite a control word (a byte offset, multiple of 4), or data.
 * The host's own idea of the indices stays; what it writes next is as if it
 * had not been poked.  VMB_E_STATE: not open.  VMB_E_ARG: beyond the ring.
 * [any]
 */
enum vmb_status vmb_sim_ring_get(struct vmb_sim_chan *chan,
                                 enum vmb_sim_ring ring, uint32_t word,
                                 uint32_t *value);
enum vmb_status vmb_sim_ring_set(struct vmb_sim_chan *chan,
                                 enum vmb_sim_ring ring, uint32_t word,
                                 uint32_t value);
enum vmb_status vmb_sim_ring_poke(struct vmb_sim_chan *chan,
                                  enum vmb_sim_ring ring, uint32_t offset,
                                  const void *bytes, uint32_t len);
/* Bytes of data in that ring.  0: not open.  [any] */
uint32_t vmb_sim_ring_size(struct vmb_sim_chan *chan, enum vmb_sim_ring ring);

/*
 * Write bytes (of a multiple of 8) as they are where the next packet would
 * go, advance the index and signal.  VMB_AGAIN: no room.  [any]
 */
enum vmb_status vmb_sim_ring_raw(struct vmb_sim_chan *chan, const void *bytes,
                                 uint32_t len);

/*
 * Queue a control message of any bytes, at most 240 of them; says_type and
 * says_len are what the slot's header will claim (1 and len if true).
 * VMB_E_ARG: too long.  [any]
 */
enum vmb_status vmb_sim_inject(struct vmb_sim *sim, const void *bytes,
                               uint32_t len, uint32_t says_type,
                               uint8_t says_len);

/* Set the event flag and raise the SINT, for no reason.  [any] */
void vmb_sim_event(struct vmb_sim *sim, uint32_t vp, uint32_t flag);
void vmb_sim_signal(struct vmb_sim_chan *chan);

/* The host stops, or goes on, reading this channel's ring.  [any] */
void vmb_sim_stall(struct vmb_sim_chan *chan, bool on);

/* --- What the guest did wrong, and what is left -------------------------- */

/*
 * Violations so far; the text of one of the first 64 (NULL: no such); forget
 * them.  What a lost or mangled message may have caused, once faults have
 * struck, is counted by excused() instead.  [any]
 */
uint32_t vmb_sim_violations(struct vmb_sim *sim);
const char *vmb_sim_violation(struct vmb_sim *sim, uint32_t index);
uint32_t vmb_sim_excused(struct vmb_sim *sim);
void vmb_sim_violations_clear(struct vmb_sim *sim);

/* Leak accounting.  [any] */
uint32_t vmb_sim_live_gpadls(struct vmb_sim *sim);
uint32_t vmb_sim_open_channels(struct vmb_sim *sim);
uint32_t vmb_sim_unreleased(struct vmb_sim *sim); /* rescinds unanswered */
bool vmb_sim_connected(struct vmb_sim *sim);
uint32_t vmb_sim_version(struct vmb_sim *sim);  /* 0: not connected */
uint32_t vmb_sim_features(struct vmb_sim *sim); /* agreed flags */

/* Nothing of the guest's is left anywhere: SynIC off, OS id 0.  [any] */
bool vmb_sim_pristine(struct vmb_sim *sim);

struct vmb_sim_counts {
    uint64_t signals;       /* HvSignalEvent calls accepted */
    uint64_t idle_signals;  /* of these, with nothing new in any ring */
    uint64_t monitor_hits;  /* monitor bits taken */
    uint64_t guest_signals; /* event flags set for the guest, 0 to 1 */
    uint64_t interrupts;    /* SINT interrupts raised */
    uint64_t messages_held; /* times a message waited for its slot */
    uint64_t eoms, needless_eoms;
    uint64_t ring_full; /* host packets that had to wait */
    uint64_t external_bytes;
};
void vmb_sim_stats(struct vmb_sim *sim, struct vmb_sim_counts *out); /* [any] */

#ifdef __cplusplus
}
#endif
#endif
