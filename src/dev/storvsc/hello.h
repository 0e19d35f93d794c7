/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_DEV_STORVSC_HELLO_H
#define VMB_SRC_DEV_STORVSC_HELLO_H
/*
 * How guest and host introduce themselves, as a state machine without a
 * channel: ask next() what to send, tell answer() what came.
 */
#include "codec.h"

/* wanted: sub-channels that there is a use for. */
void vmb_storvsc_hello_start(struct vmb_storvsc_hello *hello, uint16_t wanted);

/* False: an answer is due, or it is over. */
bool vmb_storvsc_hello_next(struct vmb_storvsc_hello *hello,
                            struct vmb_storvsc_packet *packet);

/* The packet of next() is on its way. */
void vmb_storvsc_hello_sent(struct vmb_storvsc_hello *hello);

/*
 * VMB_OK    ready for commands
 * VMB_AGAIN  there is more to ask
 * VMB_E_VERSION, VMB_E_REFUSED, VMB_E_HOST  over; *fault says why
 */
enum vmb_status
vmb_storvsc_hello_answer(struct vmb_storvsc_hello *hello,
                         const struct vmb_storvsc_packet *packet, uint32_t len,
                         struct vmb_fault *fault);

#endif
