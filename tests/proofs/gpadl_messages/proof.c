/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The messages that describe a GPADL: each names the page numbers that follow
 * those of the one before it, one behind the other, the last ends with the
 * last page, and none is longer than a message may be.  So every page is named
 * once.
 *
 * Bounds: none.  Any number of pages up to the library's own limit, any
 * message of them; its loop is over the page numbers that fit one message.
 *
 * Options: --unwind 30 --unsigned-overflow-check
 */
#include "../proof.h"

#undef __builtin_memcpy
static void put_number(void *to, const void *from, size_t len);
#define __builtin_memcpy put_number

#include "../../../src/vmbus/messages.c"

static struct vmb_conn conn;
static struct vmb_gpadl gpadl;
static uint32_t head, first, count; /* of one message */

static void put_number(void *to, const void *from, size_t len)
{
    PROVE(len == 8 && to == &conn.out_.bytes[head + 8 * count]);
    PROVE(*(const uint64_t *)from == first + count);
    count++;
}

uint32_t vmb_version_current(const struct vmb_conn *of)
{
    (void)of;
    return nondet_u32();
}

/* The memory begins at 0, so page i of it has number i. */
static uint64_t gpa(void *ctx, const void *va)
{
    (void)ctx;
    return (uint64_t)va;
}

/* Page numbers before message `step`. */
static uint32_t before(uint32_t step)
{
    return step == 0 ? 0
                     : VMB_GPADL_HEADER_PFNS + (step - 1) * VMB_GPADL_BODY_PFNS;
}

int main(void)
{
    struct vmb_platform plat = { .gpa = gpa };
    struct vmb_bus_work *work = &gpadl.work_;
    uint32_t step = nondet_u16(), bytes;

    conn.bus_.plat = &plat;
    gpadl.page_count_ = nondet_u16();
    GIVEN(gpadl.page_count_ >= 1 && gpadl.page_count_ <= VMB_GPADL_PAGES_MAX);
    work->what = VMB_WORK_GPADL;
    work->step = step;
    GIVEN(step == 0 || vmb_message_more(work));
    head = step ? sizeof(struct vmb_msg_gpadl_body)
                : sizeof(struct vmb_msg_gpadl_header);
    first = before(step);
    bytes = build_gpadl(&conn, work);
    PROVE(count >= 1 && bytes == head + 8 * count);
    PROVE(bytes <= VMB_MESSAGE_BYTES);
    work->step++;
    PROVE(first + count ==
          (vmb_message_more(work) ? before(step + 1) : gpadl.page_count_));
    return 0;
}
