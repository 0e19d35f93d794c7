/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include <vmb/status.h>

const char *vmb_status_str(enum vmb_status status)
{
    switch (status) {
    case VMB_OK:
        return "done";
    case VMB_AGAIN:
        return "not yet";
    case VMB_E_ARG:
        return "impossible argument";
    case VMB_E_STATE:
        return "not in a state for this call";
    case VMB_E_TOOBIG:
        return "can never fit";
    case VMB_E_LANE:
        return "two callers in one lane";
    case VMB_E_CANCELLED:
        return "taken back before it was done";
    case VMB_E_NOSLOT:
        return "caller's table is full";
    case VMB_E_NOHV:
        return "no Hyper-V interface here";
    case VMB_E_NOFEATURE:
        return "feature or privilege missing";
    case VMB_E_VERSION:
        return "no version in common";
    case VMB_E_OWNED:
        return "interface has another owner";
    case VMB_E_REFUSED:
        return "host refused";
    case VMB_E_RESCINDED:
        return "offer is gone";
    case VMB_E_TIMEOUT:
        return "no answer in time";
    case VMB_E_HYPERCALL:
        return "hypercall failed";
    case VMB_E_HOST:
        return "host broke the protocol";
    case VMB_E_BUG:
        return "library broke its own invariant";
    }
    return "unknown";
}

const char *vmb_site_str(uint16_t site)
{
    static const char *const text[] = {
#define VMB_SITE_TEXT_(name, words) words,
        VMB_SITES(VMB_SITE_TEXT_)
#undef VMB_SITE_TEXT_
    };

    return site < VMB_SITE_COUNT ? text[site] : "unknown";
}
