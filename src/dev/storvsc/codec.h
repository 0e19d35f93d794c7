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

/*
 * An answer of len bytes (what is missing of *packet is 0) in which at most
 * `asked` bytes may have moved.  VMB_E_HOST: it is none; *fault says why.
 */
enum vmb_status vmb_storvsc_decode(const struct vmb_storvsc_packet *packet,
                                   uint32_t len, uint32_t asked,
                                   struct vmb_storvsc_result *out,
                                   struct vmb_fault *fault);

/* Any answer: long enough, and says it is one. */
enum vmb_status vmb_storvsc_check(const struct vmb_storvsc_packet *packet,
                                  uint32_t len, struct vmb_fault *fault);

#endif
