/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_ring_measure(): whatever the caller asks for, a packet that passes has
 * lengths that fit their 16 bits on the wire, counts that add up, and is of a
 * kind that may be sent.
 *
 * Bounds: two pieces of payload of any length, the fewest that have a first
 * and a later one; a chain of one member, as in mdl_measure, any number in it.
 *
 * Options: --unwind 4
 */
#include "../host.h"

#define PAGES_MOST 1u
#include "../ring.h"

#define MEMBERS      1u
#define any_number() nondet_u64()
#include "../mdl.h"

#include "../../../src/ring/tx.c"

#define PIECES 2u

static void check_access(const void *at, size_t len)
{
    (void)at;
    (void)len;
    PROVE(!"host memory is touched");
}

static struct vmb_iov iov[PIECES];

static struct vmb_out any_packet(void)
{
    struct vmb_out out;
    uint32_t i;

    for (i = 0; i < PIECES; i++) {
        iov[i].base = nondet_bool() ? &iov : NULL;
        iov[i].len = nondet_u64();
    }
    out.kind = (enum vmb_kind)nondet_u8();
    out.iov = nondet_bool() ? iov : NULL;
    out.iov_count = nondet_u8();
    GIVEN(out.iov_count <= PIECES);
    out.want_reply = nondet_bool();
    any_chain();
    out.mdl = nondet_bool() ? member : NULL;
    out.mdl_offset = any_number();
    out.mdl_length = any_number();
    return out;
}

int main(void)
{
    struct vmb_out out = any_packet();
    struct vmb_out_size size;
    uint64_t payload = 0, fixed;
    uint32_t i;

    if (vmb_ring_measure(&out, &size) != VMB_OK)
        return 0;
    PROVE(out.kind == VMB_INBAND || out.kind == VMB_COMPLETION ||
          out.kind == VMB_GPA_DIRECT);
    PROVE((out.kind == VMB_GPA_DIRECT) == (out.mdl != NULL));
    PROVE(!(out.kind == VMB_COMPLETION && out.want_reply));
    for (i = 0; i < out.iov_count; i++) {
        PROVE(out.iov && (out.iov[i].base || out.iov[i].len == 0));
        PROVE(out.iov[i].len <= UINT32_MAX);
        payload += out.iov[i].len;
    }
    PROVE(size.payload == payload);
    PROVE((size.ranges > 0) == (out.mdl != NULL));
    fixed = 16 + (out.mdl ? 8u + 8u * (uint64_t)size.ranges : 0);
    PROVE(size.descriptor >= fixed && size.descriptor % 8 == 0);
    PROVE(size.total % 8 == 0);
    PROVE(size.total >= size.descriptor + payload + 8 &&
          size.total < size.descriptor + payload + 16);
    PROVE((size.total - 8) / 8 <= 0xffff && size.descriptor / 8 <= 0xffff);
    return 0;
}
