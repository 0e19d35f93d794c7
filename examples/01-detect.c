/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The first question: is there a Hyper-V interface on this machine, and may we
 * have it?  Nothing is claimed and nothing written; a boot loader can ask this
 * anywhere, also where there is no hypervisor at all.
 */
#include "port.h"

#include <vmb/wire/hv.h>

static struct example ex;

/* Some hosts let a guest post and signal without saying so (OpenVMM). */
static const struct {
    uint64_t bit;
    const char *what;
} privileges[] = {
    { VMB_PRIV_SYNIC, "synthetic interrupt controller" },
    { VMB_PRIV_HYPERCALL, "hypercalls" },
    { VMB_PRIV_VP_INDEX, "virtual processor index" },
    { VMB_PRIV_POST_MESSAGES, "posting messages" },
    { VMB_PRIV_SIGNAL_EVENTS, "signalling events" },
    { VMB_PRIV_REF_COUNTER, "reference counter" },
    { VMB_PRIV_REF_TSC, "reference TSC page" },
};

static void say_privileges(const struct vmb_hv_info *info)
{
    size_t i;

    print("privileges: 0x%llx\n", (unsigned long long)info->privileges);
    for (i = 0; i < sizeof privileges / sizeof privileges[0]; i++)
        print("  %s %s\n", info->privileges & privileges[i].bit ? "yes" : "no ",
              privileges[i].what);
}

static void say_found(const struct vmb_hv_info *info)
{
    print("Hyper-V interface, version %u.%u build %u, leaves up to 0x%x\n",
          (unsigned)info->major, (unsigned)info->minor, (unsigned)info->build,
          (unsigned)info->max_leaf);
    say_privileges(info);
    print("features: 0x%x, hints: 0x%x%s\n", (unsigned)info->features,
          (unsigned)info->hints,
          info->isolated ? ", isolated (confidential) VM" : "");
}

enum guest_verdict guest_main(const struct guest_boot *boot)
{
    struct vmb_hv_info info;
    enum vmb_status status;

    example_begin(&ex, boot);
    status = vmb_hv_detect(&ex.plat, &info);
    if (status == VMB_E_NOHV) {
        print("no Hyper-V interface here\n");
        return GUEST_SKIP;
    }
    say_found(&info);
    if (status == VMB_E_NOFEATURE) {
        print("VMBus cannot be had on it: %s\n", vmb_status_str(status));
        return GUEST_SKIP;
    }
    if (status == VMB_E_OWNED)
        print("guest OS id 0x%llx has claimed it\n",
              (unsigned long long)info.owner);
    else
        example_expect("detect", status, NULL);
    print("proved: the interface is there, has all that VMBus needs%s\n",
          status == VMB_OK ? ", and is nobody's" : "");
    return GUEST_PASS;
}
