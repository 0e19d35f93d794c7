/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_ring_write() of a packet with a payload in pieces: the stores of
 * descriptor, pieces, padding and trailer fill the room that was measured, and
 * nothing else.
 *
 * Bounds: two pieces, the fewest that have a first and a later one, of up to
 * 20 bytes, which leaves every remainder modulo 8 and pieces longer than a
 * word.
 *
 * Options: --unwind 4
 */
#include "../room.h"

#define PIECES 2u

int main(void)
{
    static uint8_t payload[20];
    struct vmb_iov iov[PIECES];
    struct vmb_out out;
    uint32_t i;

    for (i = 0; i < PIECES; i++) {
        iov[i].base = payload;
        iov[i].len = nondet_u8();
        GIVEN(iov[i].len <= sizeof payload);
    }
    out.kind = VMB_INBAND;
    out.want_reply = nondet_bool();
    out.iov = iov;
    out.iov_count = nondet_u8();
    GIVEN(out.iov_count <= PIECES);
    out.mdl = NULL;
    out.mdl_offset = 0;
    out.mdl_length = 0;
    write_packet(&out);
    return 0;
}
