/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_ring_write() of a packet that names memory by a chain: count, range
 * headers, page numbers, payload and padding fill the room that was measured,
 * each byte once.
 *
 * Bounds: two members of up to two pages each, at any offset in their first
 * page, the stretch beginning and ending anywhere (mdl_chain has longer ones);
 * a payload of up to 8 bytes, which leaves every remainder modulo 8.
 *
 * Options: --unwind 4
 */
#include "../room.h"

#define MEMBERS 2u

static uint64_t pfns[MEMBERS][3];
static struct vmb_mdl member[MEMBERS];

static void any_chain(void)
{
    uint32_t i;

    for (i = 0; i < MEMBERS; i++) {
        member[i].next =
            i + 1 < MEMBERS && nondet_bool() ? &member[i + 1] : NULL;
        member[i].pfns = pfns[i];
        member[i].pfn_count = 3;
        member[i].byte_offset = nondet_u16();
        member[i].byte_count = nondet_u16();
        GIVEN(member[i].byte_count <= 2 * VMB_PAGE_SIZE);
    }
}

int main(void)
{
    static uint8_t payload[8];
    struct vmb_iov iov = { payload, nondet_u8() };
    struct vmb_out out;

    GIVEN(iov.len <= sizeof payload);
    any_chain();
    out.kind = VMB_GPA_DIRECT;
    out.want_reply = nondet_bool();
    out.iov = &iov;
    out.iov_count = 1;
    out.mdl = member;
    out.mdl_offset = nondet_u16();
    out.mdl_length = nondet_u16();
    write_packet(&out);
    return 0;
}
