/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What a disk and its controller say, taken apart: answers to SCSI commands in
 * memory that ends where they end, completions, and the introduction, in which
 * the host answers anything at any step.
 */
#include "../../src/dev/storvsc/codec.h"
#include "../../src/dev/storvsc/hello.h"
#include "fuzz.h"

#define ANSWER 300u
#define STEPS  32u /* of an introduction; it has fewer */

static struct input in;
static uint8_t *answer; /* of `bytes` bytes, and not one more */
static uint32_t bytes;

static void new_answer(void)
{
    free(answer);
    bytes = take16(&in) % ANSWER;
    answer = exactly(bytes);
    take_bytes(&in, answer, bytes);
}

/* ---- answers --------------------------------------------------------------
 */

static void inquiry(void)
{
    struct vmb_scsi_identity id;

    if (!vmb_scsi_parse_inquiry(answer, bytes, &id))
        return;
    PROMISE(strlen(id.vendor) <= 8 && strlen(id.product) <= 16);
}

static void pages(void)
{
    uint8_t page = take8(&in);
    bool listed = bytes > 4 && memchr(answer + 4, page, bytes - 4);

    PROMISE(listed || !vmb_scsi_has_page(answer, bytes, page));
}

static void luns(void)
{
    uint32_t count = vmb_scsi_lun_count(answer, bytes), i;
    uint8_t lun;

    PROMISE(count == 0 || 8 + 8 * count <= bytes);
    for (i = 0; i < count; i++)
        if (vmb_scsi_lun_at(answer, i, &lun))
            PROMISE(lun == answer[8 + 8 * i + 1]);
}

static void capacity(void)
{
    struct vmb_scsi_capacity is;

    if (!vmb_scsi_parse_capacity(answer, bytes, !(take8(&in) & 1), &is))
        return;
    PROMISE(is.blocks && is.block_bytes >= 512 && is.block_bytes <= 65536);
    PROMISE(is.blocks <= UINT64_MAX / is.block_bytes);
}

static void fields(void)
{
    bool protect;

    PROMISE(vmb_scsi_parse_protection(answer, bytes, &protect) == (bytes >= 4));
    PROMISE(bytes >= 24 || vmb_scsi_parse_unmap_limit(answer, bytes) == 0);
    PROMISE(bytes >= 6 || !vmb_scsi_parse_unmap(answer, bytes));
}

static void sense(void)
{
    struct vmb_scsi_sense is;

    if (vmb_scsi_parse_sense(answer, bytes, &is))
        PROMISE(is.key < 16 && bytes >= 4);
}

/* ---- packets --------------------------------------------------------------
 */

static void any_packet(struct vmb_storvsc_packet *packet)
{
    uint32_t len = take8(&in) % (sizeof *packet + 1);

    memset(packet, 0, sizeof *packet);
    take_bytes(&in, packet, len);
}

static void completion(void)
{
    struct vmb_storvsc_result result;
    struct vmb_storvsc_packet packet;
    struct vmb_fault fault = { 0 };
    enum vmb_status status;
    uint32_t asked;

    any_packet(&packet);
    asked = take32(&in);
    status = vmb_storvsc_decode(&packet, asked, &result, &fault);
    PROMISE(status == VMB_OK || (status == VMB_E_HOST && fault.site));
    if (status != VMB_OK)
        return;
    PROMISE(result.bytes <= asked && result.sense.key < 16);
    PROMISE(result.outcome <= VMB_STORVSC_OTHER);
}

static void introduction(void)
{
    struct vmb_storvsc_packet packet;
    enum vmb_status status = VMB_AGAIN;
    struct vmb_fault fault = { 0 };
    uint16_t wanted = take8(&in);
    struct vmb_storvsc_hello hello = { .wanted_ = wanted,
                                       .max_transfer_ = 1u << 20 };
    uint32_t i;

    for (i = 0; status == VMB_AGAIN; i++) {
        PROMISE(i < STEPS);
        vmb_storvsc_hello_next(&hello, &packet);
        any_packet(&packet);
        status = vmb_storvsc_hello_answer(&hello, &packet, &fault);
    }
    if (status != VMB_OK) {
        PROMISE(fault.status == status && fault.site);
        return;
    }
    PROMISE(hello.granted_ <= hello.wanted_ && hello.wanted_ <= wanted);
    PROMISE(hello.max_transfer_ >= PAGE && hello.version_);
}

/* ---- all together ---------------------------------------------------------
 */

static void (*const actions[])(void) = {
    new_answer, inquiry, pages,      luns,         capacity,
    fields,     sense,   completion, introduction,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    in.at = data;
    in.left = size;
    new_answer();
    while (in.left)
        actions[take8(&in) % (sizeof actions / sizeof *actions)]();
    free(answer);
    answer = NULL;
    return 0;
}
