/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_storvsc_decode(): whatever packet answers a command, either it is taken,
 * and then no more bytes have moved than were asked for and the outcome is one
 * that has a name; or it is on record why not, and the result is as it was.
 *
 * Bounds: sense data of up to 20 bytes, which is the field's size.
 *
 * Options: --unsigned-overflow-check
 */
#include "../proof.h"

#include "../../../src/dev/scsi/scsi.c"
#include "../../../src/dev/storvsc/codec.c"
#include "../../../src/fault.c"

int main(void)
{
    struct vmb_storvsc_packet packet;
    struct vmb_storvsc_result result, before = { 0 };
    uint32_t asked = nondet_u32();
    struct vmb_fault fault;

    __CPROVER_havoc_object(&packet);
    before.bytes = nondet_u64();
    result = before;
    if (vmb_storvsc_decode(&packet, asked, &result, &fault) != VMB_OK) {
        PROVE(fault.status == VMB_E_HOST && fault.site != VMB_SITE_NONE);
        PROVE(result.bytes == before.bytes);
        return 0;
    }
    PROVE(result.bytes <= asked);
    PROVE(packet.u.srb.sense_bytes <= sizeof packet.u.srb.data);
    PROVE(result.outcome <= VMB_STORVSC_OTHER && result.sense.key < 16);
    /* Good news need a success of both layers. */
    if (result.outcome == VMB_STORVSC_GOOD)
        PROVE(result.scsi_status == 0 || result.scsi_status == 2);
    return 0;
}
