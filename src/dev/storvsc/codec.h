/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_DEV_STORVSC_CODEC_H
#define VMB_SRC_DEV_STORVSC_CODEC_H
/*
 * Packets of the storage protocol: made, and taken apart.  Pure: no channel.
 * What is taken apart is a private copy.
 */
#include <vmb/storvsc.h>

/* A packet of that operation that wants an answer; the rest is 0. */
void vmb_storvsc_begin(struct vmb_storvsc_packet *packet, uint32_t operation);

/* A command with so many bytes of data, as that version writes it. */
void vmb_storvsc_encode(struct vmb_storvsc_packet *packet, uint32_t version,
                        struct vmb_storvsc_addr at,
                        const struct vmb_scsi_cmd *cmd, uint32_t bytes);

/* Bytes that any answer has. */
#define VMB_STORVSC_ANSWER_BYTES \
    (VMB_STORVSC_HEADER_BYTES + VMB_STORVSC_SRB_BYTES_OLD)

/*
 * What an answer, long enough, says of a command in which at most `asked` bytes
 * may have moved.  VMB_E_HOST: it makes no sense; *fault says why.
 */
enum vmb_status vmb_storvsc_decode(const struct vmb_storvsc_packet *packet,
                                   uint32_t asked,
                                   struct vmb_storvsc_result *out,
                                   struct vmb_fault *fault);

#endif
