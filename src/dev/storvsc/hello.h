/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_DEV_STORVSC_HELLO_H
#define VMB_SRC_DEV_STORVSC_HELLO_H
/*
 * How guest and host introduce themselves, as a state machine without a
 * channel: ask next() what to send, tell answer() what came.  It begins as
 * zeros but for what the host may lower: wanted_, the sub-channels that there
 * is a use for, and max_transfer_.
 */
#include "codec.h"

/* What to send now, until it is answered. */
void vmb_storvsc_hello_next(const struct vmb_storvsc_hello *hello,
                            struct vmb_storvsc_packet *packet);

/*
 * An answer, long enough, has come to what was sent last.
 *
 * VMB_OK    ready for commands
 * VMB_AGAIN  there is more to ask
 * VMB_E_VERSION, VMB_E_REFUSED  over; *fault says why
 */
enum vmb_status
vmb_storvsc_hello_answer(struct vmb_storvsc_hello *hello,
                         const struct vmb_storvsc_packet *packet,
                         struct vmb_fault *fault);

#endif
