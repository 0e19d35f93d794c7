/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_DEV_STORVSC_IO_H
#define VMB_SRC_DEV_STORVSC_IO_H
/* What controller.c and disk.c ask of io.c. */
#include <vmb/storvsc.h>

enum { /* vmb_storvsc.state_ */
    VMB_STORVSC_CLOSED = 0,
    VMB_STORVSC_OPEN, /* or opening, or dead: see status_ */
    VMB_STORVSC_CLOSING
};

enum vmb_storvsc_op {
    VMB_STORVSC_RAW = 0, /* req->cmd as it stands: total is its bytes */
    VMB_STORVSC_READ,    /* total in bytes, 1 << shift_ of them a block */
    VMB_STORVSC_WRITE,
    VMB_STORVSC_UNMAP /* total in blocks */
};

#define VMB_STORVSC_RETRIES 4 /* of each command the device wants repeated */

/*
 * Take a request, total_, shift_ and retries_ set; the pump sends it.
 *
 * VMB_OK     it comes back
 * VMB_E_ARG  its chain is wrong or too short, or a command of it would not be
 *            one run of whole blocks
 */
enum vmb_status vmb_storvsc_accept(struct vmb_storvsc *ctl,
                                   struct vmb_storvsc_req *req,
                                   enum vmb_storvsc_op op);

/* The same, and send what can be sent: not from within the library's own
 * callbacks, for the stack's sake. */
enum vmb_status vmb_storvsc_begin_request(struct vmb_storvsc *ctl,
                                          struct vmb_storvsc_req *req,
                                          enum vmb_storvsc_op op);

/* Send what can be sent; from a callback: later, by who called it.  VMB_OK. */
enum vmb_status vmb_storvsc_pump(struct vmb_storvsc *ctl);

/* May a request be submitted, and this one? */
enum vmb_status vmb_storvsc_ready(const struct vmb_storvsc *ctl,
                                  const struct vmb_storvsc_req *req);

/* The answer to a command is in ctl->packet_.  VMB_E_HOST: it makes none. */
enum vmb_status vmb_storvsc_answered(struct vmb_storvsc *ctl,
                                     struct vmb_storvsc_cmd *cmd);

/* All that are out come back: the host can touch nothing any more. */
void vmb_storvsc_return_all(struct vmb_storvsc *ctl, enum vmb_status status);

/* If status is a failure: dead until closed, by what happened on that queue. */
void vmb_storvsc_die(struct vmb_storvsc *ctl,
                     const struct vmb_storvsc_queue *queue,
                     enum vmb_status status);

#endif
