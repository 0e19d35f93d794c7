/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SIM_INTERNAL_H
#define VMB_SIM_INTERNAL_H
/*
 * What the simulator's files share.  vmb_h_ is the prefix of the host's own
 * functions; unless said otherwise they run between vmb_h_enter and _leave.
 * Comes first in every file.
 */
/* Before any header: threads, clocks and semaphores under -std=c11. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <semaphore.h>
#include <vmb/sim.h>

#include "layout.h"
#include "shared.h"

#define VMB_H_CHANNELS   2048u /* relids 0..2047, one event flag each */
#define VMB_H_VPS        64u
#define VMB_H_FAULTS     32u
#define VMB_H_TEXTS      64u
#define VMB_H_SWAP_STEPS 16u /* a reordered item waits so long for another */

/* --- memory.c: guest-physical pages -------------------------------------- */

struct vmb_h_page {
    uintptr_t va;
    uint64_t pfn;
    uint32_t refs;
};

struct vmb_h_block { /* one vmb_sim_alloc() */
    struct vmb_h_block *next;
    void *va;
    size_t pages;
};

struct vmb_h_memory {
    pthread_rwlock_t lock; /* readers must not order each other: TSan */
    struct vmb_h_page *by_va, *by_pfn; /* sorted; refs only in by_va */
    size_t count, room;
    uint64_t next;
    struct vmb_h_block *blocks;
};

/* --- message queues, both ways ------------------------------------------- */

struct vmb_h_message {
    struct vmb_h_message *next;
    uint32_t vp, sint;            /* to the guest: where */
    uint32_t says_type, says_len; /* to the guest: what the slot claims */
    uint32_t connection;          /* from the guest: posted to */
    uint32_t refuse;              /* from the guest: answer with this status */
    struct vmb_sim_dev *rescind;  /* from the guest: once it is handled */
    uint64_t delay;               /* steps before it may move */
    uint32_t swap;                /* steps to wait for one to overtake it */
    uint32_t len;
    uint8_t bytes[MESSAGE_MAX];
};

struct vmb_h_queue {
    struct vmb_h_message *head, *tail;
    uint32_t count;
};

/* --- cpu.c, synic.c ------------------------------------------------------- */

struct vmb_h_overlay {
    uint8_t *at; /* where the guest sees it; NULL: off */
    uint8_t content[4096], hidden[4096];
};

struct vmb_h_vp {
    uint64_t scontrol, siefp, simp, sint[16];
    struct vmb_h_overlay messages, events;
    bool held[16];       /* slot was busy: waiting for end of message */
    uint8_t raised[256]; /* interrupts not yet delivered, per vector */
    bool any_raised;     /* false: none of them is; saves looking */
    bool irq_off, in_service;
};

/* --- channels ------------------------------------------------------------- */

struct vmb_h_gpadl {
    struct vmb_h_gpadl *next;
    struct vmb_sim_chan *chan;
    uint32_t id, ranges;
    uint32_t words, have;      /* 64-bit values due, and here */
    uint32_t refuse;           /* status to answer with, or 0 */
    bool accepted, held, torn; /* torn: answered when let go */
    bool ended;                /* its channel has closed since */
    uint64_t *value;
};

struct vmb_h_ring {
    uint8_t *ctl;
    uint8_t **page;         /* data pages */
    uint32_t size, in, out; /* in/out: the host's own copies */
    uint32_t stored[17];    /* host-owned words as last stored */
};

struct vmb_h_inflight { /* a packet whose completion is due */
    struct vmb_h_inflight *next;
    uint64_t xid;
    uint64_t *pfn;
    uint32_t pfns;
};

struct vmb_h_outgoing {
    struct vmb_h_outgoing *next;
    uint64_t delay;
    uint32_t swap, len;
    uint8_t bytes[];
};

enum vmb_h_state {
    VMB_H_CLOSED,
    VMB_H_OPENING,
    VMB_H_OPEN
};

struct vmb_sim_chan {
    struct vmb_sim *sim;
    struct vmb_sim_dev *dev;
    struct vmb_sim_chan *next; /* of the same device, by index */
    uint32_t slot;             /* in sim->chan and sim->bell */
    uint16_t index;
    bool fixed; /* offered along with the primary */
    /* The offer. */
    uint32_t relid, offered_id;
    bool offered, revoked, reoffer;
    /* The open channel. */
    enum vmb_h_state state;
    uint32_t open_id, ring_gpadl, target_vp, connection, flag;
    struct vmb_h_ring in, out;                   /* to the host, to the guest */
    struct vmb_h_inflight *due_guest, *due_host; /* answers owed to/by it */
    struct vmb_h_outgoing *first, *last;
    uint32_t backlog;
    bool waiting;   /* for the guest's signal: its ring is full */
    bool dead;      /* the guest's ring is corrupt */
    bool disturbed; /* we meddled: its oddities may be our doing */
    bool stalled, counted;
    uint64_t stall;
    uint32_t seen; /* bytes the guest had published when last looked at */
};

struct vmb_sim_dev {
    struct vmb_sim *sim;
    struct vmb_sim_dev *next;
    struct vmb_sim_device is;
    struct vmb_sim_chan *chan;
    bool present;
    void *own; /* freed with the device, after: */
    void (*on_free)(void *own);
};

/* A channel's doorbell: all that a signal touches, without the lock. */
#define VMB_H_BY_GUEST 1u
#define VMB_H_BY_HOST  2u
struct vmb_h_bell {
    uint32_t connection; /* 0: none */
    uint32_t rung;       /* 0, or by whom */
};

struct vmb_sim {
    struct vmb_sim_cfg cfg;
    struct vmb_platform platform;
    struct vmb_cpu_ops cpu;
    pthread_mutex_t lock; /* recursive: callbacks call us */
    uint32_t depth;
    pthread_key_t vp_key;

    uint64_t clock; /* virtual time, 100 ns ... */
    uint64_t real;  /* ... plus the real time since this, when threaded */
    uint64_t steps;
    pthread_t thread;
    sem_t work;
    uint32_t threaded, stopping;

    struct vmb_h_memory memory;

    uint64_t os_id, hypercall, ref_tsc;
    struct vmb_h_overlay hypercall_page, tsc_page;
    uint32_t tsc_sequence;
    struct vmb_h_vp vp[VMB_H_VPS];

    struct vmb_h_queue to_guest, to_host;

    uint32_t version, features, contact_vp;
    bool connected, offers_sent;
    uint8_t *interrupt_page, *monitor[2];
    uint32_t next_relid;

    struct vmb_sim_dev *devs;
    struct vmb_sim_chan *chan[VMB_H_CHANNELS];
    uint32_t chans;
    struct vmb_h_bell bell[VMB_H_CHANNELS];
    uint32_t shared_bell;
    struct vmb_h_gpadl *gpadls;

    struct vmb_sim_fault fault[VMB_H_FAULTS];
    uint32_t faults; /* armed; read without the lock */
    uint64_t hits;
    uint64_t count[VMB_SIM_POINTS];
    bool disturbed; /* control messages were lost, forged, out of order */

    char *text[VMB_H_TEXTS];
    uint32_t violations, excused;
    struct vmb_sim_counts stats;
    uint64_t signals;
};

/* Everything below is in the file the heading names. */

/* thread.c: the lock; leaving it delivers interrupts. */
void vmb_h_enter(struct vmb_sim *sim);
void vmb_h_leave(struct vmb_sim *sim);
/* Something for the host to do: step, or wake its thread.  No lock held. */
void vmb_h_kick(struct vmb_sim *sim);

/* violations.c */
#define VMB_H_PRINTF(f, a) __attribute__((format(printf, f, a)))
void vmb_h_wrong(struct vmb_sim *sim, const char *format, ...)
    VMB_H_PRINTF(2, 3);
/* From now on the guest may have been misled. */
void vmb_h_disturb(struct vmb_sim *sim);
/* Of a kind that our own faults may have brought about. */
void vmb_h_odd(struct vmb_sim *sim, const char *format, ...) VMB_H_PRINTF(2, 3);
void vmb_h_ring_wrong(struct vmb_sim_chan *chan, const char *format, ...)
    VMB_H_PRINTF(2, 3);
void vmb_h_trace(struct vmb_sim *sim, const char *format, ...)
    VMB_H_PRINTF(2, 3);

/* memory.c; the first three take no lock but their own. */
#define VMB_H_NO_PFN UINT64_MAX
uint8_t *vmb_h_page(struct vmb_sim *sim, uint64_t pfn);
uint64_t vmb_h_pfn(struct vmb_sim *sim, const void *va);
uint8_t *vmb_h_at(struct vmb_sim *sim, uint64_t gpa);
bool vmb_h_memory_init(struct vmb_sim *sim);
void vmb_h_memory_fini(struct vmb_sim *sim);
/* Where an access to external memory goes; write false: from it. */
struct vmb_h_move {
    uint8_t *buffer;
    uint64_t len, skip; /* bytes to move; bytes before them */
    uint64_t done;
    bool write;
};
/* One range's part of a move; false: stop, a page is not the guest's. */
bool vmb_h_move_range(struct vmb_sim *sim, struct vmb_h_move *move,
                      const struct vmb_sim_range *range);

/* cpu.c */
void vmb_h_cpu_init(struct vmb_sim *sim);
uint64_t vmb_h_clock(struct vmb_sim *sim);
uint64_t vmb_h_real(void); /* the real clock, 100 ns */
uint64_t vmb_h_tick(struct vmb_sim *sim);
void vmb_h_tsc_write(struct vmb_sim *sim);

/* synic.c */
void vmb_h_overlay_set(struct vmb_sim *sim, struct vmb_h_overlay *overlay,
                       uint64_t value, const char *name);
bool vmb_h_synic_get(struct vmb_sim *sim, uint32_t reg, uint64_t *value);
bool vmb_h_synic_set(struct vmb_sim *sim, uint32_t reg, uint64_t value);
bool vmb_h_deliver_messages(struct vmb_sim *sim);
void vmb_h_event(struct vmb_sim *sim, uint32_t vp, uint32_t flag);
void vmb_h_interrupt(struct vmb_sim *sim, uint32_t vp, uint32_t sint);
void vmb_h_synic_reset(struct vmb_sim *sim);

/* hypercall.c */
uint64_t vmb_h_hypercall(void *ctx, const void *page, uint64_t control,
                         uint64_t in, uint64_t out);

/* queue.c */
struct vmb_h_message *vmb_h_message_new(const void *bytes, uint32_t len);
void vmb_h_push(struct vmb_h_queue *queue, struct vmb_h_message *message);
struct vmb_h_message *vmb_h_ready(struct vmb_h_queue *queue);
void vmb_h_pop(struct vmb_h_queue *queue);
void vmb_h_queue_clear(struct vmb_h_queue *queue);
void vmb_h_queue_tick(struct vmb_h_queue *queue);
/* Send a control message to where the contact asked for them. */
void vmb_h_post(struct vmb_sim *sim, uint8_t *bytes, uint32_t len);
void vmb_h_post_to(struct vmb_sim *sim, uint32_t sint, uint8_t *bytes,
                   uint32_t len);
void vmb_h_accept(struct vmb_sim *sim, struct vmb_h_message *message);

/* message.c */
bool vmb_h_handle_next(struct vmb_sim *sim);
/* contact.c */
void vmb_h_contact(struct vmb_sim *sim, const struct vmb_h_message *message);
void vmb_h_unload(struct vmb_sim *sim, const struct vmb_h_message *message);
void vmb_h_disconnect(struct vmb_sim *sim);
/* offers.c */
void vmb_h_request_offers(struct vmb_sim *sim,
                          const struct vmb_h_message *message);
void vmb_h_released(struct vmb_sim *sim, const struct vmb_h_message *message);
struct vmb_sim_chan *vmb_h_by_relid(struct vmb_sim *sim, uint32_t relid);
void vmb_h_revoke(struct vmb_sim_chan *chan);
void vmb_h_offers_forget(struct vmb_sim *sim);
/* gpadl.c */
void vmb_h_gpadl_header(struct vmb_sim *sim,
                        const struct vmb_h_message *message);
void vmb_h_gpadl_body(struct vmb_sim *sim, const struct vmb_h_message *message);
void vmb_h_gpadl_teardown(struct vmb_sim *sim,
                          const struct vmb_h_message *message);
struct vmb_h_gpadl *vmb_h_gpadl(struct vmb_sim_chan *chan, uint32_t id);
void vmb_h_gpadl_drop(struct vmb_sim *sim, struct vmb_h_gpadl *gpadl);
void vmb_h_gpadl_drop_all(struct vmb_sim_chan *chan);
void vmb_h_gpadl_let_go(struct vmb_sim_chan *chan);
bool vmb_h_gpadl_has(const struct vmb_h_gpadl *gpadl, uint64_t pfn);
/* The range that starts at *at; false: that was the last. */
bool vmb_h_gpadl_range(const struct vmb_h_gpadl *gpadl, uint32_t *at,
                       struct vmb_sim_range *range);
void vmb_h_scribble(struct vmb_sim *sim);
/* channel.c */
void vmb_h_open(struct vmb_sim *sim, const struct vmb_h_message *message);
void vmb_h_close(struct vmb_sim *sim, const struct vmb_h_message *message);
void vmb_h_modify(struct vmb_sim *sim, const struct vmb_h_message *message);
void vmb_h_chan_close(struct vmb_sim_chan *chan);
void vmb_h_notify(struct vmb_sim_chan *chan);
void vmb_h_ring_bell(struct vmb_sim_chan *chan);
/* ring.c */
bool vmb_h_rings_attach(struct vmb_sim_chan *chan, uint32_t gpadl,
                        uint32_t split);
void vmb_h_rings_detach(struct vmb_sim_chan *chan);
void vmb_h_ring_read(const struct vmb_h_ring *ring, uint32_t at, void *dst,
                     uint32_t len);
void vmb_h_ring_write(struct vmb_h_ring *ring, uint32_t at, const void *src,
                      uint32_t len);
void vmb_h_word_set(struct vmb_h_ring *ring, uint32_t word, uint32_t value);
bool vmb_h_index_ok(const struct vmb_h_ring *ring, uint32_t index);
uint32_t vmb_h_used(const struct vmb_h_ring *ring, uint32_t in, uint32_t out);
/* ring_in.c, packet.c */
bool vmb_h_service(struct vmb_sim_chan *chan);
bool vmb_h_packet_take(struct vmb_sim_chan *chan, uint32_t held,
                       uint32_t *taken);
/* ring_out.c */
bool vmb_h_flush(struct vmb_sim_chan *chan, bool signalled);
void vmb_h_outgoing_clear(struct vmb_sim_chan *chan);
bool vmb_h_outgoing_tick(struct vmb_sim_chan *chan);
/* inflight.c */
bool vmb_h_due_add(struct vmb_h_inflight **list, uint64_t xid,
                   const struct vmb_sim_packet *packet);
bool vmb_h_due_remove(struct vmb_h_inflight **list, uint64_t xid);
void vmb_h_due_clear(struct vmb_h_inflight **list);
bool vmb_h_due_has(const struct vmb_h_inflight *list, uint64_t pfn);
/* faults.c */
uint64_t vmb_h_count(struct vmb_sim *sim, enum vmb_sim_point point);
const struct vmb_sim_fault *vmb_h_fault(struct vmb_sim *sim,
                                        enum vmb_sim_point point, uint64_t k,
                                        uint32_t *from);
void vmb_h_mangle_message(struct vmb_h_message *message, uint64_t seed);
void vmb_h_mangle_packet(uint8_t *bytes, uint32_t len, uint64_t seed);
uint64_t vmb_h_mix(uint64_t value);
/* refuse.c: turn an answer into a refusal, and undo what it confirmed. */
void vmb_h_refuse(struct vmb_sim *sim, struct vmb_h_message *message,
                  uint32_t status);

#endif
