/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * vmb_storvsc_hello_answer(): whatever the host answers at whatever step,
 *   - what is agreed on is a version that we know, a transfer of a page or
 *     more, and no more sub-channels than were wanted,
 *   - each answer that is taken brings the end nearer, so it is reached.
 *
 * Bounds: none.  It is one step from any state that these claims allow, and
 * the state at the start is one of them.
 *
 * Options: --unwind 8 --unsigned-overflow-check
 */
#include "../proof.h"

#include "../../../src/dev/storvsc/codec.c"
#include "../../../src/dev/storvsc/hello.c"
#include "../../../src/fault.c"

/* Not asked here. */
bool vmb_scsi_parse_sense(const uint8_t *data, uint32_t bytes,
                          struct vmb_scsi_sense *out)
{
    (void)data;
    (void)bytes;
    (void)out;
    return false;
}

static bool is_ours(uint16_t version)
{
    uint32_t i;

    for (i = 0; i < VERSIONS; i++)
        if (versions[i] == version)
            return true;
    return false;
}

static bool is_sound(const struct vmb_storvsc_hello *hello, uint16_t wanted)
{
    return hello->step_ <= READY && hello->version_index_ < VERSIONS &&
           (hello->step_ > CHANNELS || hello->granted_ == 0) &&
           hello->wanted_ <= wanted && hello->granted_ <= hello->wanted_ &&
           (hello->step_ <= VERSION || is_ours(hello->version_)) &&
           hello->max_transfer_ >= VMB_PAGE_SIZE;
}

/* At most. */
static uint32_t answers_left(const struct vmb_storvsc_hello *hello)
{
    return (uint32_t)((READY - hello->step_ + 1u) * VERSIONS -
                      hello->version_index_);
}

static void prove_start(uint16_t wanted)
{
    struct vmb_storvsc_hello hello = { .wanted_ = wanted,
                                       .max_transfer_ = nondet_u32() };

    GIVEN(hello.max_transfer_ >= VMB_PAGE_SIZE);
    PROVE(is_sound(&hello, wanted) && hello.step_ < READY);
}

static void prove_answer(uint16_t wanted)
{
    struct vmb_storvsc_packet question, packet;
    struct vmb_storvsc_hello hello, before;
    struct vmb_fault fault;
    enum vmb_status status;

    __CPROVER_havoc_object(&hello);
    __CPROVER_havoc_object(&packet);
    GIVEN(is_sound(&hello, wanted) && hello.step_ < READY);
    before = hello;
    vmb_storvsc_hello_next(&hello, &question);
    PROVE(question.operation != 0);
    status = vmb_storvsc_hello_answer(&hello, &packet, &fault);
    PROVE((status == VMB_OK) == (status >= VMB_OK && hello.step_ == READY));
    if (status < VMB_OK) {
        PROVE(fault.status == status && fault.site != VMB_SITE_NONE);
        return;
    }
    PROVE(is_sound(&hello, wanted));
    PROVE(hello.max_transfer_ <= before.max_transfer_);
    PROVE(answers_left(&hello) < answers_left(&before));
}

int main(void)
{
    uint16_t wanted = nondet_u16();

    prove_start(wanted);
    prove_answer(wanted);
    return 0;
}
