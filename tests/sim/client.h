/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_CLIENT_H
#define VMB_TESTS_SIM_CLIENT_H
/*
 * Client channels on the rig: each turn of the rig moves them on, as the main
 * loop of a guest would, and what their callbacks hear is written down.
 */
#include "harness.h"

#define CLIENTS       4u
#define CLIENT_EVENTS 4096u
#define CLIENT_HELD   64u

/* What was called, in order; `n` says which packet, or how many. */
enum client_event {
    OPENED = 'O',
    STARTED = 'S',
    POST_STARTED = 'P',
    SUSPEND = 'U',
    CLOSED = 'C',
    OPEN_FAILED = 'F',
    PACKET = 'p', /* process_packet */
    BATCH = 'b',  /* processing_complete */
    DONE = 'd',   /* a completion routine, VMB_OK */
    UNDONE = 'x'  /* a completion routine, anything else */
};

struct client {
    struct vmb_channel channel; /* first: found again from next_ready() */
    struct rig *rig;
    struct vmb_sim_dev *dev;
    struct vmb_guid type, instance;
    struct vmb_channel_cfg cfg;
    bool flagged;
    uint32_t polls, processed;
    uint32_t budget; /* of vmb_channel_process(); 0: 32 */
    /* What happened. */
    char events[CLIENT_EVENTS + 1];
    uint32_t count;
    uint32_t packets, dones;
    enum vmb_status last_status;
    uint32_t last_bytes;
    uint8_t last[8192];
    const void *last_buffer; /* of process_packet */
    /* What to do: hold packets instead of completing them ... */
    bool hold;
    struct vmb_packet_completion *held[CLIENT_HELD];
    uint32_t held_count;
    /* ... and what else, after the event has been written down. */
    void (*on)(struct client *client, enum client_event event);
    enum vmb_status opened_status;
    void (*on_packet)(struct client *client,
                      struct vmb_packet_completion *packet, const void *buffer,
                      uint32_t bytes, uint32_t flags);
    void *own;
};

/* A client of dev (NULL: set its type) with the defaults; change c->cfg, then
 * client_up(). */
void client_make(struct client *c, struct rig *rig, struct vmb_sim_dev *dev);
/* Memory from the rig, initialise. */
void client_initialize(struct client *c);
/* Initialise, enable, and until it is open. */
void client_up(struct client *c);
/* Disable, and until it is DISABLED: what took packets of the host is free. */
void client_down(struct client *c);
/* No more turns for it. */
void client_forget(struct client *c);
void clients_forget(void); /* for all: a test may have failed */

/* A packet object in memory of the rig's, with the client's routine. */
struct vmb_packet *client_packet(struct client *c);
/* The client's routine: writes down DONE or UNDONE. */
void client_done(struct vmb_packet *packet, enum vmb_status status,
                 const void *buffer, uint32_t bytes);

/* Turns until so many completion routines have run, or packets come. */
void client_until_done(struct client *c, uint32_t dones);
void client_until_packets(struct client *c, uint32_t packets);

/* A request of the test device, as its first bytes. */
struct vmb_sim_test_request client_request(uint32_t op, uint32_t count,
                                           uint32_t bytes, uint64_t seed);

/* A request of the test device's on its way; fails the test if refused. */
void client_send(struct vmb_packet *packet, uint32_t op, uint32_t count,
                 uint32_t bytes, uint64_t seed, uint32_t flags);

/* A rig with a test device and a client of it, not yet up; and back. */
void client_set_up(struct client *c, const struct rig_cfg *cfg);
void client_tear_down(struct client *c);
/* Of a channel that is DISABLED: every object for incoming packets, and every
 * packet of its own that the test has not kept, is back. */
void client_has_all(const struct vmb_channel *channel, uint32_t kept);
/* Until `status` is VMB_OK for disabling or pausing it. */
void client_until_disabled(struct client *c);
void client_pause(struct client *c);

/* ---- A device that writes down what comes -------------------------------- */

#define RECORDS 4096u

struct record {
    uint16_t type;
    bool want_completion;
    uint64_t xid, first; /* the first 8 bytes of the payload */
    uint32_t len;
    uint64_t external, hash;
};

struct recorder {
    struct vmb_sim_dev *dev;
    struct record record[RECORDS];
    uint32_t count;
    bool hold;       /* complete nothing */
    uint32_t refuse; /* status of the open */
    uint32_t opens, closes;
};

/* A device whose packets are recorded and completed with their own payload. */
void recorder_add(struct recorder *r, struct rig *rig, uint16_t subchannels);
/* Completes what it held. */
void recorder_release(struct recorder *r);
/* The host sends `count` packets of `bytes`; each begins with its number. */
void host_sends(struct vmb_sim_dev *dev, uint64_t from, uint32_t count,
                uint32_t bytes, bool want_completion);

#endif
