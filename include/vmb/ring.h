/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_RING_H
#define VMB_RING_H
/*
 * One ring, one direction.  Pure: no port, no clock, no channel; only memory
 * shared with the other side.  chan.h is what drivers use.
 *
 *   page 0: control   pages 1..n: data, a circle of n * 4096 bytes
 *   +-----------+     |....####packet####packet####........|
 *   | write ----|------------------------------^  next byte to be written
 *   | read  ----|----------^                      next byte to be read
 *   +-----------+     used = write - read (mod size), always a multiple of 8.
 *                     A ring is never filled to the last 8 bytes: write ==
 *                     read means empty.
 *
 * Our own index lives in these structures and is only ever stored to shared
 * memory; the other side's is loaded once per look, checked, and used from
 * the copy.  Members ending in _ are the library's.
 */
#include <vmb/mdl.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vmb_kind {
    VMB_INBAND = 6,     /* header and payload */
    VMB_XFER_PAGES = 7, /* received only: names parts of a GPADL of ours */
    VMB_GPA_DIRECT = 9, /* sent only: names memory by an MDL */
    VMB_COMPLETION = 11 /* the answer to a packet */
};

/* A packet to send.  All of it is consumed when the call returns. */
struct vmb_out {
    enum vmb_kind kind;
    const struct vmb_iov *iov; /* payload, gathered straight into the ring */
    uint32_t iov_count;
    bool want_reply;   /* takes a transaction slot until the answer comes */
    void *user;        /* with want_reply: comes back as vmb_rx.user */
    uint64_t reply_to; /* without: vmb_rx.xid of the packet being answered */
    const struct vmb_mdl *mdl; /* VMB_GPA_DIRECT: the memory to name ... */
    uint64_t mdl_offset;       /* ... from this byte of the chain ... */
    uint64_t mdl_length;       /* ... this many; 0: to its end */
};

/* What a packet takes in the ring.  Filled by vmb_ring_measure(). */
struct vmb_out_size {
    uint32_t payload;    /* bytes, before rounding up to 8 */
    uint32_t descriptor; /* header and ranges, bytes */
    uint32_t total;      /* with payload, padding and trailer */
    uint32_t ranges;
    uint64_t mdl_bytes;
};

/* A packet received; valid until vmb_chan_release(). */
struct vmb_rx {
    enum vmb_kind kind;
    bool want_reply;
    uint32_t len; /* payload bytes, a multiple of 8 as on the wire */
    uint32_t at_;
    uint64_t xid;         /* give back in vmb_out.reply_to */
    void *user;           /* VMB_COMPLETION: what vmb_out.user was */
    uint16_t page_set;    /* VMB_XFER_PAGES */
    uint16_t range_count; /* VMB_XFER_PAGES; checked against the packet */
    uint32_t ranges_at_;
};

/* The sending side. */
struct vmb_ring_tx {
    void *control_;
    uint8_t *data_;
    uint32_t size_;      /* data bytes */
    uint32_t write_;     /* next byte to write, staged packets included */
    uint32_t published_; /* what the other side has been shown */
    uint32_t read_;      /* the other side's index, last time we looked */
    uint32_t wanted_;    /* bytes of room that it was asked to tell of, or 0 */
};

/* The receiving side. */
struct vmb_ring_rx {
    void *control_;
    uint8_t *data_;
    uint32_t size_;
    uint32_t read_;     /* next byte to parse */
    uint32_t released_; /* what the other side may overwrite up to */
    uint32_t write_;    /* the other side's index, last time we looked */
    bool armed_;        /* the other side has been asked to signal */
};

/*
 * Lay a ring over 1 + data_pages (1 to 8188) pages at `pages`, as at open:
 * indices 0, signals masked (rx), pending_send_size understood.  [any]
 */
void vmb_ring_tx_init(struct vmb_ring_tx *tx, void *pages, uint32_t data_pages);
void vmb_ring_rx_init(struct vmb_ring_rx *rx, void *pages, /* [any] */
                      uint32_t data_pages);

/*
 * Check a packet and say what it takes.  [any]
 *
 * VMB_OK
 * VMB_E_ARG     kind is not one that can be sent; a range list is missing or
 *               misplaced; a completion wants a reply; the chain is wrong (see
 *               vmb_mdl_measure()); a payload piece has bytes but no address
 * VMB_E_TOOBIG  it passes the 16-bit lengths of the wire
 */
VMB_NODISCARD enum vmb_status vmb_ring_measure(const struct vmb_out *out,
                                               struct vmb_out_size *size);

/*
 * Is there room for total bytes?  [tx]
 *
 * VMB_OK        the next vmb_ring_write() of up to total bytes will fit
 * VMB_AGAIN     no
 * VMB_E_TOOBIG  it can never fit this ring
 * VMB_E_HOST    the other side's index is wrong; *fault says how
 */
VMB_NODISCARD enum vmb_status vmb_ring_reserve(struct vmb_ring_tx *tx,
                                               uint32_t total,
                                               struct vmb_fault *fault);

/*
 * After VMB_AGAIN, and with everything written published: ask the other side
 * to signal once total bytes fit, and look once more.  Statuses as
 * vmb_ring_reserve(); VMB_AGAIN now means that the signal will come.  [tx]
 */
VMB_NODISCARD enum vmb_status vmb_ring_want_room(struct vmb_ring_tx *tx,
                                                 uint32_t total,
                                                 struct vmb_fault *fault);

/* Write one packet into reserved room; nobody sees it yet.  [tx] */
void vmb_ring_write(struct vmb_ring_tx *tx, const struct vmb_out *out,
                    const struct vmb_out_size *size, uint64_t xid);

/*
 * Show the other side everything written.  True: it must be signalled, for
 * the ring was empty and its interrupt mask is clear.  [tx]
 */
bool vmb_ring_publish(struct vmb_ring_tx *tx);

/*
 * The next packet, its header captured and checked.  [rx]
 *
 * VMB_OK      *out is filled in, but for .user
 * VMB_AGAIN   the ring is empty
 * VMB_E_HOST  index or packet is wrong; *fault says how; nothing was consumed
 */
VMB_NODISCARD enum vmb_status vmb_ring_next(struct vmb_ring_rx *rx,
                                            struct vmb_rx *out,
                                            struct vmb_fault *fault);

/*
 * Copy len bytes from `offset` of the payload; returns the bytes copied,
 * short at the payload's end.  [rx]
 */
uint32_t vmb_ring_copy(const struct vmb_ring_rx *rx, const struct vmb_rx *pkt,
                       uint32_t offset, void *dst, uint32_t len);

/*
 * Range `index` of a transfer-page packet, as the host gave it: bound it
 * against the GPADL before use.  False: there is no such range.  [rx]
 */
bool vmb_ring_range(const struct vmb_ring_rx *rx, const struct vmb_rx *pkt,
                    uint32_t index, uint32_t *offset, uint32_t *len);

/*
 * Give every packet received so far back.  True: the sender was waiting for
 * room and must be signalled.  [rx]
 */
bool vmb_ring_release(struct vmb_ring_rx *rx);

/*
 * Ask for a signal on the next packet.  True: one is there already, or one
 * received has not been released, and then no signal would come.  [rx]
 */
bool vmb_ring_arm(struct vmb_ring_rx *rx);

#ifdef __cplusplus
}
#endif
#endif
