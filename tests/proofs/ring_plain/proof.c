/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_ring_write() of plain packets that name memory: what is measured without
 * the walk is what is written, whether straight or around the ring's end.
 *
 * Bounds: one member of up to two pages, and a payload of up to 20 bytes, which
 * leaves every remainder modulo 8.
 *
 * Options: --unwind 4
 */
#include "../room.h"

int main(void)
{
    static uint8_t payload[20];
    static uint64_t pfns[3];
    struct vmb_iov iov = { payload, nondet_u8() };
    struct vmb_mdl mdl;
    struct vmb_out out;

    GIVEN(iov.len <= sizeof payload);
    mdl.next = NULL;
    mdl.pfns = pfns;
    mdl.pfn_count = 3;
    mdl.byte_offset = nondet_u32();
    mdl.byte_count = nondet_u32();
    GIVEN(mdl.byte_count <= 2 * VMB_PAGE_SIZE);
    out.kind = VMB_GPA_DIRECT;
    out.want_reply = nondet_bool();
    out.iov = &iov;
    out.iov_count = 1;
    out.mdl = &mdl;
    out.mdl_offset = 0;
    out.mdl_length = nondet_u32();
    write_packet(&out);
    return 0;
}
