/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_PLATFORM_H
#define VMB_PLATFORM_H
/*
 * What a port provides.  One function is required: gpa().  Every other member
 * may be NULL and then has the effect stated beside it.
 *
 * The library never allocates: every structure and every page is the
 * caller's, and stays the caller's.  See VMB_HV_PAGES, VMB_CPU_PAGES and
 * VMB_CONN_PAGES in hv.h and conn.h.  platform/README.md is the porting guide.
 */
#include <vmb/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMB_PAGE_SIZE 4096u /* Hyper-V's page, whatever the guest's is */

/* One thing that happened, already numeric: the library formats nothing. */
struct vmb_trace {
    uint16_t event; /* enum vmb_event */
    uint16_t relid; /* channel, or 0 */
    uint64_t a, b;  /* meaning is per event */
};

enum vmb_event {
    VMB_EVENT_POST = 1, /* control message sent: a number, b bytes */
    VMB_EVENT_MESSAGE,  /* control message received: a number, b bytes */
    VMB_EVENT_RETRY,    /* hypercall put off: a number, b its status */
    VMB_EVENT_STATE,    /* channel state: a old, b new */
    VMB_EVENT_SIGNAL,   /* host signalled: a connection id */
    VMB_EVENT_FULL,     /* outgoing ring full: a bytes wanted */
    VMB_EVENT_FAULT     /* a site, b the offending value */
};

/*
 * The whole of what differs between x86-64, aarch64 and the simulator.
 *
 * Registers and leaves are named by their x86 numbers (MSRs 0x400000xx and
 * 0x10 for the time stamp counter; CPUID leaves 0x40000000 and up) on every
 * architecture: the aarch64 port translates them to virtual-processor
 * registers, whose contents are laid out alike.
 *
 * All four act on the calling CPU and may run on several CPUs at once.
 */
struct vmb_cpu_ops {
    /* out[] is eax, ebx, ecx, edx.  Must not fault on any machine, but for what
     * vmb_hv_detect() says of aarch64. */
    void (*cpuid)(void *ctx, uint32_t leaf, uint32_t out[4]);
    uint64_t (*reg_get)(void *ctx, uint32_t reg);
    void (*reg_set)(void *ctx, uint32_t reg, uint64_t value);
    /*
     * page: the enabled hypercall page, in the guest's address space.
     * control: call code and flags as the TLFS lays out the hypercall input
     * value.  Returns the whole result value; bits 0..15 are the status.
     */
    uint64_t (*hypercall)(void *ctx, const void *page, uint64_t control,
                          uint64_t in, uint64_t out);
    bool pageless; /* hypercalls need no page (aarch64) */
    /*
     * The vector of a CPU that polls (see vmb_cpu_cfg.vector): one that is
     * never taken, or does no harm when it is.  0: its SINT is masked.
     */
    uint8_t polled_vector;
};

struct vmb_platform {
    size_t size; /* sizeof(struct vmb_platform): catches a stale port */
    void *ctx;   /* handed back to every function below */

    /*
     * Guest-physical address of va.  Must hold from va to the end of its
     * VMB_PAGE_SIZE page; the library asks again for every page.  Called by
     * the builders of mdl.h for their caller's memory, and in the [bus] lane
     * for the rest: rings and GPADLs as vmb_conn_poll() posts them.  It
     * cannot fail: whoever passes an address vouches for it.  Required.
     */
    uint64_t (*gpa)(void *ctx, const void *va);

    /*
     * Time in 100 ns units from any fixed start, never going back.
     * NULL: the hypervisor's reference clock.  Lane: any.
     */
    uint64_t (*now)(void *ctx);

    /*
     * Wait for something to happen, at most until the absolute time given, on
     * the clock of vmb_hv_now().  Only the functions of wait.h call it.
     * NULL: spin with a CPU pause hint.
     */
    void (*relax)(void *ctx, uint64_t until);

    /* Lane: that of whoever causes the event.  NULL: no trace. */
    void (*trace)(void *ctx, const struct vmb_trace *event);

    /* NULL: the port compiled in for this architecture. */
    const struct vmb_cpu_ops *cpu;
};

#ifdef __cplusplus
}
#endif
#endif
