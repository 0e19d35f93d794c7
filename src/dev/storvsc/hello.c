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
    [READY] = 0, /* nothing is left to ask */
};

static const uint16_t versions[] = {
    VMB_STORVSC_VERSION_6_2, VMB_STORVSC_VERSION_6_0, VMB_STORVSC_VERSION_5_1,
    VMB_STORVSC_VERSION_4_2, VMB_STORVSC_VERSION_2_0,
};
#define VERSIONS (sizeof versions / sizeof versions[0])

void vmb_storvsc_hello_next(const struct vmb_storvsc_hello *hello,
                            struct vmb_storvsc_packet *packet)
{
    vmb_storvsc_begin(packet, operations[hello->step_]);
    if (packet->operation == VMB_STORVSC_QUERY_VERSION)
        packet->u.version = versions[hello->version_index_];
    else if (packet->operation == VMB_STORVSC_CREATE_SUB_CHANNELS)
        packet->u.subchannels = hello->wanted_;
}

static void take_properties(struct vmb_storvsc_hello *hello,
                            const struct vmb_storvsc_properties *properties)
{
    uint16_t most = properties->max_subchannels;
    uint32_t bytes = properties->max_transfer_bytes;

    /* Hosts below 5.1 may leave it 0; a page is always possible. */
    if (bytes < VMB_PAGE_SIZE)
        bytes = VMB_PAGE_SIZE;
    if (hello->max_transfer_ > bytes)
        hello->max_transfer_ = bytes;
    if (!(properties->flags & VMB_STORVSC_MULTI_CHANNEL) ||
        hello->version_ < VMB_STORVSC_VERSION_5_1)
        most = 0;
    if (hello->wanted_ > most)
        hello->wanted_ = most;
}

/* Is there nothing to ask at this step? */
static bool is_idle(const struct vmb_storvsc_hello *hello)
{
    return operations[hello->step_] == VMB_STORVSC_CREATE_SUB_CHANNELS &&
           hello->granted_ == hello->wanted_;
}

/* No to what is not asked by CREATE_SUB_CHANNELS.  VMB_AGAIN: ask once more. */
static enum vmb_status take_refusal(struct vmb_storvsc_hello *hello,
                                    uint32_t code, struct vmb_fault *fault)
{
    if (hello->step_ != VERSION)
        return vmb_fault_code(fault, VMB_E_REFUSED, VMB_SITE_STORVSC_STATUS,
                              code);
    if (++hello->version_index_ < VERSIONS)
        return VMB_AGAIN;
    return vmb_fault_code(fault, VMB_E_VERSION, VMB_SITE_STORVSC_VERSION, code);
}

enum vmb_status
vmb_storvsc_hello_answer(struct vmb_storvsc_hello *hello,
                         const struct vmb_storvsc_packet *packet,
                         struct vmb_fault *fault)
{
    uint8_t operation = operations[hello->step_];

    if (operation == VMB_STORVSC_CREATE_SUB_CHANNELS)
        hello->granted_ = packet->status ? 0 : hello->wanted_;
    else if (packet->status)
        return take_refusal(hello, packet->status, fault);
    else if (operation == VMB_STORVSC_QUERY_VERSION)
        hello->version_ = versions[hello->version_index_];
    else if (operation == VMB_STORVSC_QUERY_PROPERTIES)
        take_properties(hello, &packet->u.properties);
    do
        hello->step_++;
    while (is_idle(hello));
    return hello->step_ == READY ? VMB_OK : VMB_AGAIN;
}
