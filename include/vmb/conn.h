/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_CONN_H
#define VMB_CONN_H
/*
 * The VMBus connection: agree on a version, learn what is offered, keep up
 * with what comes and goes, unload.
 *
 * Nothing here blocks.  A *_start() function begins something;
 * vmb_conn_poll() moves it on; *_status() reads VMB_AGAIN until it ends.
 * wait.h adds blocking forms, written only with the functions declared here.
 *
 *   DOWN --start--> CONTACT --version--> OFFERS --all offers--> UP
 *     ^                |  each version in turn                   |
 *     |                v                                         |
 *     |              FAILED  (status says why)                   |
 *     +------------- UNLOADING <----------- unload_start --------+
 */
#include <vmb/bus.h>
#include <vmb/gpadl.h>
#include <vmb/hv.h>
#include <vmb/wire/vmbus.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMB_CONN_PAGES   4u /* interrupt page, two monitor pages, messages */
#define VMB_CONN_TIMEOUT 100000000ull /* default for one request: 10 s */
#define VMB_CONN_BUDGET  32u /* messages taken, and posted, by one poll */

/* Least for the answer to an unload: 100 s.  Hosts that flush caches first
 * were seen to take 50 (source: Microsoft's work on Linux for Azure). */
#define VMB_CONN_UNLOAD_TIMEOUT 1000000000ull

struct vmb_guid {
    uint8_t b[16]; /* in wire order */
};

/* A GUID written the usual way: first three groups little-endian. */
#define VMB_GUID(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                    \
    {                                                                        \
        {                                                                    \
            (uint8_t)((a)&0xff), (uint8_t)((a) >> 8 & 0xff),                 \
                (uint8_t)((a) >> 16 & 0xff), (uint8_t)((a) >> 24 & 0xff),    \
                (uint8_t)((b)&0xff), (uint8_t)((b) >> 8 & 0xff),             \
                (uint8_t)((c)&0xff), (uint8_t)((c) >> 8 & 0xff), d0, d1, d2, \
                d3, d4, d5, d6, d7                                           \
        }                                                                    \
    }

enum vmb_offer_state {
    VMB_OFFER_FREE = 0,
    VMB_OFFER_PRESENT,
    VMB_OFFER_RESCINDED /* waits for its channel to be closed */
};

/* A device, or one more channel of it.  Filled in by the library. */
struct vmb_offer {
    struct vmb_guid type, instance;
    uint32_t relid;         /* its number on this connection */
    uint32_t connection_id; /* of HvSignalEvent */
    uint16_t subchannel;    /* 0: the primary channel of the device */
    uint16_t flags;         /* VMB_OFFER_FLAG_* */
    uint16_t mmio_mebibytes;
    uint8_t monitor_id;
    bool monitored; /* may be signalled through the monitor page */
    bool dedicated; /* has an interrupt of its own (all hosts since 2012) */
    enum vmb_offer_state state_;
    struct vmb_chan *chan_;
    uint8_t user[120]; /* for the device's driver; its format is the device's */
};

enum vmb_conn_event {
    VMB_CONN_OFFER,      /* also for offers made long after the first */
    VMB_CONN_RESCIND,    /* the offer vanishes: close its channel, if any */
    VMB_CONN_ALL_OFFERS, /* offer is NULL: the first round is complete */
    VMB_CONN_OFFER_LOST  /* no room in the table; *offer is not kept */
};

struct vmb_conn_cfg {
    /*
     * Gets the host's messages; polls happen on it.  Unless it is virtual
     * processor 0 no version below 3.0 is tried: those know no other.
     */
    struct vmb_cpu *cpu;
    void *pages;              /* VMB_CONN_PAGES, page aligned */
    struct vmb_offer *offers; /* the caller's table */
    uint16_t offer_cap;
    bool monitor; /* give the host monitor pages */
    /*
     * Per request, 100 ns; 0: VMB_CONN_TIMEOUT.  Once for the host to take
     * each message, once for its answer.  For the answer to an unload at least
     * VMB_CONN_UNLOAD_TIMEOUT, on version 0.13 at most 1 s; for those of a
     * rescinded channel at most 1 s.
     */
    uint64_t timeout;
    uint32_t min_version; /* VMB_VERSION_*; 0: no floor */
    uint32_t max_version; /* 0: the newest */
    uint32_t features;    /* VMB_CONN_FEATURE_* to ask for, version 6.0 */
    const struct vmb_guid *client_id; /* with feature CLIENT_ID */
    /*
     * Called from vmb_conn_poll(); may call any *_start() but no poll, and
     * no vmb_conn_start().  NULL: look at the table instead.
     */
    void (*on_event)(void *ctx, enum vmb_conn_event event,
                     struct vmb_offer *offer);
    /*
     * A control message this library has no name for, in 240 bytes: those after
     * the first `bytes` are 0.  NULL: counted only.
     */
    void (*on_message)(void *ctx, const void *message, uint32_t bytes);
    void *ctx;
};

enum vmb_conn_state {
    VMB_CONN_DOWN = 0,
    VMB_CONN_CONTACT,
    VMB_CONN_OFFERS,
    VMB_CONN_UP,
    VMB_CONN_UNLOADING,
    VMB_CONN_FAILED
};

struct vmb_conn { /* members are the library's; the busiest come first */
    struct vmb_bus bus_;
    struct vmb_hv *hv_;
    enum vmb_conn_state state_;
    enum vmb_status unload_status_;
    uint32_t version_, features_;
    uint32_t version_index_;
    uint32_t message_connection_;
    uint32_t post_status_; /* of the last message posted */
    uint32_t waiting_;     /* requests with a deadline */
    struct vmb_bus_work *queue_, **queue_end_;
    struct vmb_gpadl *gpadls_;
    struct vmb_cpu *cpus_; /* those whose flags are for channels of ours */
    uint32_t releases_;    /* rescinded offers to be given back */
    uint32_t in_bytes_;
    struct vmb_bus_work work_; /* contact, offers, unload */
    uint32_t last_gpadl_;
    bool unload_posted_; /* its answer may come late, and counts */
    bool contacted_;     /* the host may hold memory of ours */
    void *interrupt_page_;
    void *monitor_to_guest_, *monitor_to_host_;
    void *message_page_;
    struct vmb_conn_cfg cfg_;
    uint32_t fault_count_;
    struct vmb_fault fault_;
    struct vmb_fault why_;  /* of the answer being handled: keeps stacks low */
    struct vmb_offer lost_; /* handed to on_event when the table is full */
    union vmb_message in_, out_;
};

/*
 * Every function here and in chan.h and gpadl.h that begins something
 * (but vmb_conn_start(), which is before all lanes) may, in check builds, also
 * return VMB_E_LANE: someone else is in the [bus] lane.
 */

/*
 * Begin.  Versions are tried newest first between ceiling and floor.  *conn,
 * *hv, cfg->cpu, the pages, the table and *client_id must live until it is
 * unloaded.  Everything an earlier connection of *conn knew is forgotten: call
 * this only when that one was unloaded.  (A host that answered nothing at all
 * answers no unload either: stop and start CPUs and *hv then.)  [bus]
 *
 * VMB_OK       begun; ask vmb_conn_status()
 * VMB_E_ARG    pages not aligned, no CPU, table missing, a feature that this
 *              library does not know, or CLIENT_ID without client_id
 * VMB_E_STATE  hv or CPU has not been started, or *hv has a connection
 * VMB_E_VERSION  no version known here lies between floor and ceiling; see
 *              also cfg->cpu
 */
VMB_NODISCARD enum vmb_status vmb_conn_start(struct vmb_conn *conn,
                                             struct vmb_hv *hv,
                                             const struct vmb_conn_cfg *cfg);

/*
 * Take the control messages now pending, run callbacks, post what is due,
 * expire deadlines; at most VMB_CONN_BUDGET messages each way, and one more
 * for each rescinded offer.  Runs on the
 * CPU that cfg->cpu describes.  [bus]
 *
 * VMB_OK     connected, nothing in flight
 * VMB_AGAIN  something is in flight: poll again
 * VMB_E_STATE  down
 * VMB_E_LANE   check builds: another caller is inside
 * others       as vmb_conn_status()
 */
VMB_NODISCARD enum vmb_status vmb_conn_poll(struct vmb_conn *conn);

/*
 * VMB_OK         connected, the first round of offers complete
 * VMB_AGAIN      under way
 * VMB_E_STATE    down, or being unloaded
 * VMB_E_VERSION  host and caller have no version in common
 * VMB_E_REFUSED  host understood and said no; host_code is its state
 * VMB_E_TIMEOUT  no answer
 * VMB_E_HYPERCALL  messages cannot be posted
 * [bus]
 */
VMB_NODISCARD enum vmb_status vmb_conn_status(const struct vmb_conn *conn);

/*
 * Make the host forget us.  No send or receive may run meanwhile.  Channels
 * still open are lost with it, and all
 * memory the host held is the caller's again once the status reads VMB_OK.
 * The host may take its time: see VMB_CONN_UNLOAD_TIMEOUT.  May be called again
 * after VMB_E_TIMEOUT; the answer to the first counts, however late.  [bus]
 *
 * VMB_OK       begun, or there was nothing to unload
 * VMB_E_STATE  under way already; or, on version 0.13, a channel or GPADL is
 *              up: that host does not answer, so close everything first
 */
VMB_NODISCARD enum vmb_status vmb_conn_unload_start(struct vmb_conn *conn);

/*
 * VMB_OK         the host has let go of everything
 * VMB_AGAIN      under way
 * VMB_E_TIMEOUT, VMB_E_HYPERCALL  it has not said so: memory may be in use
 * VMB_E_STATE    not asked for since start
 * [bus]
 */
VMB_NODISCARD enum vmb_status
vmb_conn_unload_status(const struct vmb_conn *conn);

/* The version agreed, VMB_VERSION_*; 0 before that.  [any] */
uint32_t vmb_conn_version(const struct vmb_conn *conn);

/*
 * The features agreed, VMB_CONN_FEATURE_*: none below version 6.0, and none
 * from an answer that is too short to grant any, which is put on record
 * (VMB_SITE_MSG_SHORT) if some were asked for.  [any]
 */
uint32_t vmb_conn_features(const struct vmb_conn *conn);

/*
 * Offer number `index` of those present, in table order; NULL past the last.
 * Rescinded ones are not counted.  [bus]
 */
struct vmb_offer *vmb_conn_offer(struct vmb_conn *conn, uint32_t index);

/*
 * The offer of that type and sub-channel; instance NULL: the first of any.
 * NULL: there is none.  [bus]
 */
struct vmb_offer *vmb_conn_find(struct vmb_conn *conn,
                                const struct vmb_guid *type,
                                const struct vmb_guid *instance,
                                uint16_t subchannel);

/* "SCSI controller" and the like; NULL if the type is not known.  [any] */
const char *vmb_offer_name(const struct vmb_guid *type);

/*
 * First thing that went wrong since start, and how many since then.  Stray or
 * malformed messages are recorded here and change nothing else.  [bus]
 */
void vmb_conn_fault(const struct vmb_conn *conn, struct vmb_fault *out);
uint32_t vmb_conn_fault_count(const struct vmb_conn *conn); /* [bus] */

/* What channels hang from, for vmb_chan_open_start().  [any] */
struct vmb_bus *vmb_conn_bus(struct vmb_conn *conn);

/* The CPU that gets the host's messages: cfg->cpu.  [any] */
struct vmb_cpu *vmb_conn_cpu(const struct vmb_conn *conn);

/* The hypervisor interface it was started on.  [any] */
struct vmb_hv *vmb_conn_hv(const struct vmb_conn *conn);

/*
 * Move an open channel's interrupts to another CPU.  Needs version 4.1.  [bus]
 *
 * VMB_OK           begun; ask vmb_conn_modify_status()
 * VMB_E_ARG        a CPU that is not started, or of another interface, or a
 *                  channel of another connection
 * VMB_E_STATE      channel not open or rescinded, connection not up, or an
 *                  earlier move is under way
 * VMB_E_NOFEATURE  version agreed is below 4.1
 */
VMB_NODISCARD enum vmb_status vmb_conn_modify_start(struct vmb_conn *conn,
                                                    struct vmb_chan *chan,
                                                    struct vmb_cpu *cpu);

/*
 * VMB_OK         moved (below version 5.3: asked for, the host does not say)
 * VMB_AGAIN      under way
 * VMB_E_REFUSED, VMB_E_HYPERCALL  it stays where it was
 * VMB_E_TIMEOUT  no answer: the host may have moved it, so scan both CPUs, or
 *                ask again
 * VMB_E_RESCINDED  the offer went away meanwhile
 * VMB_E_STATE    not asked for, or the channel was closed meanwhile
 * [bus]
 */
VMB_NODISCARD enum vmb_status
vmb_conn_modify_status(const struct vmb_chan *chan);

#ifdef __cplusplus
}
#endif
#endif
