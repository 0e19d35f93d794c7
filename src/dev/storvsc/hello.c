/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 *   BEGIN --> VERSION --> PROPERTIES --> [CHANNELS] --> END --> [LATE] -->
 * READY |  ^ refused: the next older one
 *               +--+
 *
 * Where sub-channels may be asked for is not agreed among hosts: OpenVMM takes
 * the request before END and after it, Linux and FreeBSD make it after.  So it
 * is made before, and once more after when that was refused; a second refusal
 * costs the sub-channels alone.
 */
#include "hello.h"

#include "../../fault.h"

enum {
    BEGIN,
    VERSION,
    PROPERTIES,
    CHANNELS,
    END,
    LATE,
    READY
};

static const uint8_t operations[] = {
    [BEGIN] = VMB_STORVSC_BEGIN_INIT,
    [VERSION] = VMB_STORVSC_QUERY_VERSION,
    [PROPERTIES] = VMB_STORVSC_QUERY_PROPERTIES,
    [CHANNELS] = VMB_STORVSC_CREATE_SUB_CHANNELS,
    [END] = VMB_STORVSC_END_INIT,
    [LATE] = VMB_STORVSC_CREATE_SUB_CHANNELS,
};

static const uint16_t versions[] = {
    VMB_STORVSC_VERSION_6_2, VMB_STORVSC_VERSION_6_0, VMB_STORVSC_VERSION_5_1,
    VMB_STORVSC_VERSION_4_2, VMB_STORVSC_VERSION_2_0,
};
#define VERSIONS (sizeof versions / sizeof versions[0])

void vmb_storvsc_hello_start(struct vmb_storvsc_hello *hello, uint16_t wanted)
{
    __builtin_memset(hello, 0, sizeof *hello);
    hello->wanted_ = wanted;
}

bool vmb_storvsc_hello_next(struct vmb_storvsc_hello *hello,
                            struct vmb_storvsc_packet *packet)
{
    if (hello->waiting_ || hello->step_ == READY)
        return false;
    vmb_storvsc_begin(packet, operations[hello->step_]);
    if (hello->step_ == VERSION)
        packet->u.version = versions[hello->version_index_];
    else if (hello->step_ == CHANNELS || hello->step_ == LATE)
        packet->u.subchannels = hello->wanted_;
    return true;
}

void vmb_storvsc_hello_sent(struct vmb_storvsc_hello *hello)
{
    hello->waiting_ = true;
}

static enum vmb_status take_version(struct vmb_storvsc_hello *hello,
                                    uint32_t status, struct vmb_fault *fault)
{
    if (status == 0) {
        hello->version_ = versions[hello->version_index_];
        return VMB_OK;
    }
    if (++hello->version_index_ < VERSIONS)
        return VMB_AGAIN;
    return vmb_fault_code(fault, VMB_E_VERSION, VMB_SITE_STORVSC_VERSION,
                          status);
}

static void take_properties(struct vmb_storvsc_hello *hello,
                            const struct vmb_storvsc_properties *properties)
{
    uint16_t most = properties->max_subchannels;

    /* Hosts below 5.1 may leave it 0; a page is always possible. */
    hello->max_transfer_ = properties->max_transfer_bytes;
    if (hello->max_transfer_ < VMB_PAGE_SIZE)
        hello->max_transfer_ = VMB_PAGE_SIZE;
    if (!(properties->flags & VMB_STORVSC_MULTI_CHANNEL) ||
        hello->version_ < VMB_STORVSC_VERSION_5_1)
        most = 0;
    if (hello->wanted_ > most)
        hello->wanted_ = most;
}

/* Is there nothing to ask at this step? */
static bool is_idle(const struct vmb_storvsc_hello *hello)
{
    return (hello->step_ == CHANNELS || hello->step_ == LATE) &&
           hello->granted_ == hello->wanted_;
}

enum vmb_status
vmb_storvsc_hello_answer(struct vmb_storvsc_hello *hello,
                         const struct vmb_storvsc_packet *packet, uint32_t len,
                         struct vmb_fault *fault)
{
    enum vmb_status status = vmb_storvsc_check(packet, len, fault);

    if (status != VMB_OK)
        return status;
    if (!hello->waiting_)
        return vmb_fault_host(fault, VMB_SITE_STORVSC_OPERATION, hello->step_,
                              READY);
    hello->waiting_ = false;
    if (hello->step_ == VERSION)
        status = take_version(hello, packet->status, fault);
    else if (hello->step_ == CHANNELS || hello->step_ == LATE)
        hello->granted_ = packet->status ? 0 : hello->wanted_;
    else if (packet->status)
        status = vmb_fault_code(fault, VMB_E_REFUSED, VMB_SITE_STORVSC_STATUS,
                                packet->status);
    else if (hello->step_ == PROPERTIES)
        take_properties(hello, &packet->u.properties);
    if (status != VMB_OK)
        return status;
    do
        hello->step_++;
    while (is_idle(hello));
    return hello->step_ == READY ? VMB_OK : VMB_AGAIN;
}
