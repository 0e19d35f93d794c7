/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_GPADL_H
#define VMB_GPADL_H
/*
 * GPADLs: memory that the host may use again and again, named by a number.
 *
 * A GPADL belongs to one channel.  Its memory is the host's from
 * vmb_gpadl_create_start() until vmb_gpadl_destroy_status() reads VMB_OK, or
 * the connection is unloaded.  Most hosts let go only after the channel has
 * been closed, so: close first, then destroy.  (NVSP below version 4 is the
 * other way round; source: illumos and Linux experience.)
 */
#include <vmb/mdl.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMB_GPADL_PAGES 8190u /* most pages: the wire's length is 16 bits */

/* What a bus keeps for an object that it is working on.  All the bus's. */
struct vmb_bus_work {
    struct vmb_bus_work *next;
    uint64_t since; /* it was asked for, or posted */
    uint32_t step;
    uint8_t what;
    bool queued, waiting;
};

enum vmb_gpadl_state {
    VMB_GPADL_NONE = 0, /* the host knows nothing of it */
    VMB_GPADL_CREATING,
    VMB_GPADL_LIVE,
    VMB_GPADL_DESTROYING,
    VMB_GPADL_DOUBTFUL /* no answer: the host may hold the memory */
};

/* Zeroed by the caller before first use.  It, too, is the library's until
 * vmb_gpadl_destroy_status() reads VMB_OK. */
struct vmb_gpadl {
    struct vmb_bus *bus_;
    struct vmb_chan *chan_;
    struct vmb_gpadl *next_;
    struct vmb_bus_work work_;
    const void *va_;       /* pages by address, or ... */
    const uint64_t *pfns_; /* ... by number */
    uint32_t page_count_, byte_offset_, byte_count_;
    uint32_t id_, relid_;
    enum vmb_gpadl_state state_;
    bool unheard_;     /* the bus could not even tell the host of it */
    bool down_posted_; /* the host has been asked to let go */
    bool ring_;        /* carries its channel's rings */
    struct vmb_fault fault_;
};

/*
 * Offer the memory of one MDL member to the channel's host.  mdl->pfns[] must
 * stay until the status no longer reads VMB_AGAIN; *mdl itself need not.
 * QEMU takes only byte_offset 0 and whole pages.  [bus]
 *
 * VMB_OK        begun; ask vmb_gpadl_create_status()
 * VMB_E_ARG     chained, without bytes, or its span passes its pages
 * VMB_E_TOOBIG  more than VMB_GPADL_PAGES pages
 * VMB_E_STATE   the GPADL is in use, or the channel is not open
 * VMB_E_RESCINDED  the channel's offer is gone
 */
VMB_NODISCARD enum vmb_status vmb_gpadl_create_start(struct vmb_gpadl *gpadl,
                                                     struct vmb_chan *chan,
                                                     const struct vmb_mdl *mdl);

/*
 * The same for `len` bytes at va, both page aligned: no page list is needed,
 * the library asks plat->gpa() as it goes.  [bus]
 *
 * Statuses as vmb_gpadl_create_start(); VMB_E_ARG also: not aligned.
 */
VMB_NODISCARD enum vmb_status
vmb_gpadl_create_virtual_start(struct vmb_gpadl *gpadl, struct vmb_chan *chan,
                               const void *va, size_t len);

/*
 * VMB_OK         the host has it: vmb_gpadl_id() may be sent to it
 * VMB_AGAIN      no answer yet
 * VMB_E_REFUSED  the host said no; the memory is yours again
 * VMB_E_TIMEOUT, VMB_E_HYPERCALL, VMB_E_RESCINDED  the host may hold the
 *                memory: destroy
 * VMB_E_STATE    not created, or destroyed since
 * [bus]
 */
VMB_NODISCARD enum vmb_status
vmb_gpadl_create_status(const struct vmb_gpadl *gpadl);

/* The number to tell the host.  0 unless create_status reads VMB_OK.  [bus] */
uint32_t vmb_gpadl_id(const struct vmb_gpadl *gpadl);

/*
 * Take the memory back.  [bus]
 *
 * VMB_OK       begun, or there was nothing to take back
 * VMB_E_STATE  still being created: wait for that first; or the connection is
 *              not up: unload it
 */
VMB_NODISCARD enum vmb_status vmb_gpadl_destroy_start(struct vmb_gpadl *gpadl);

/*
 * On a rescinded channel no answer within 1 s is as good as one, for the host
 * has let go already (source: Linux commits ccb61f8a and e071b933).
 *
 * VMB_OK         the memory is yours
 * VMB_AGAIN      no answer yet
 * VMB_E_TIMEOUT, VMB_E_HYPERCALL, VMB_E_RESCINDED  the host may still hold it,
 *                the last since its creation: start again, or unload the
 *                connection
 * VMB_E_STATE    it is live and nobody asked
 * [bus]
 */
VMB_NODISCARD enum vmb_status
vmb_gpadl_destroy_status(const struct vmb_gpadl *gpadl);

/* What went wrong last; status VMB_OK if nothing did.  [bus] */
void vmb_gpadl_fault(const struct vmb_gpadl *gpadl, struct vmb_fault *out);

#ifdef __cplusplus
}
#endif
#endif
