/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_HV_H
#define VMB_HV_H
/*
 * The hypervisor interface: is it there, claim it, bring up each CPU's
 * synthetic interrupt controller (SynIC), tell the time, hand everything back.
 *
 * Order: vmb_hv_detect, vmb_hv_start, vmb_cpu_start on every CPU that is to
 * get interrupts or messages ... vmb_cpu_stop on each, vmb_hv_stop.  Source of
 * the register protocol: TLFS chapters 2, 3, 11 and 12.
 */
#include <vmb/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMB_HV_PAGES  2u /* hypercall page, reference TSC page */
#define VMB_CPU_PAGES 2u /* messages (SIMP), event flags (SIEFP) */

struct vmb_conn;
struct vmb_chan;

/* What the machine says of itself.  Bit names: <vmb/wire/hv.h>. */
struct vmb_hv_info {
    uint32_t max_leaf;
    uint32_t build;
    uint16_t major, minor;
    uint64_t privileges; /* leaf 3: eax, and ebx in the high half */
    uint32_t features;   /* leaf 3: edx */
    uint32_t hints;      /* leaf 4: eax */
    uint64_t owner;      /* guest OS id that someone has set, or 0 */
    uint8_t isolated;    /* confidential VM, of this type; 0: it is none */
};

struct vmb_hv_cfg {
    void *pages;          /* VMB_HV_PAGES, aligned; x86: the first executable */
    uint64_t guest_os_id; /* TLFS 2.6; 0: an open-source guest, unnamed */
    /*
     * Go on although someone else's guest OS id is set.  Right after a boot
     * loader that has left; wrong, and a crash, while UEFI boot services run.
     */
    bool take_over;
};

struct vmb_hv { /* zeroed by the caller before first use */
    const struct vmb_platform *plat;
    const struct vmb_cpu_ops *cpu;
    struct vmb_hv_info info;
    struct vmb_fault fault_;
    void *hypercall_page_;
    void *tsc_page_;        /* NULL: the counter register tells the time */
    struct vmb_conn *conn_; /* the one connection there may be */
    bool started_;
};

struct vmb_cpu_cfg {
    void *pages; /* VMB_CPU_PAGES, page aligned */
    /*
     * Interrupt vector for vmb_cpu_scan(), 16 or above; on aarch64 the INTID
     * of a private peripheral interrupt, 16 to 31.
     *
     * 0: polled.  Where the host offers SINT polling mode (Hyper-V since 2019)
     * no interrupt comes at all.  Elsewhere they are raised as for any vector,
     * at vmb_cpu_ops.polled_vector, for some hosts keep back what they may not
     * announce.  x86-64: vector 0xff.  Run with interrupts off, as boot loaders
     * do, or have a handler there that does nothing but end the interrupt where
     * !cpu->auto_eoi.  aarch64: INTID 18; leave it disabled.
     */
    uint8_t vector;
};

struct vmb_cpu { /* zeroed by the caller before first use */
    struct vmb_hv *hv_;
    struct vmb_conn *conn_;
    struct vmb_cpu *next_; /* of those that serve the same connection */
    void *simp_;           /* message page */
    void *siefp_;          /* event flag page */
    uint32_t vp_index;
    bool auto_eoi;         /* false: the interrupt handler must EOI itself */
    void *interrupt_page_; /* versions below 2.4: flags are in there, too */
    uint32_t next_word_;   /* where the search for a ready channel goes on */
    uint32_t owed_;      /* channels of its connection owe the host a signal */
    uint64_t ready_[32]; /* flags collected and not yet handed out */
};

/*
 * Look at CPUID, and at the guest OS id where CPUID says it may be read.
 * Writes nothing but *out.  [any]
 *
 * x86-64: anywhere.  aarch64: only in EL1, and only where the firmware says
 * that a hypervisor is there (ACPI's FADT names "MsHyperV", or PSCI goes by
 * HVC), for HVC is undefined where nothing runs in EL2.
 *
 * VMB_OK           usable, and nobody's
 * VMB_E_NOHV       no Hyper-V interface on this machine; *out is zero
 * VMB_E_NOFEATURE  there is one, without a privilege that VMBus needs (SynIC,
 *                  hypercalls, VP index), or this is an isolated VM; *out
 *                  tells which.  Posting and signalling are not asked for,
 *                  for not every host that grants them says so
 * VMB_E_OWNED      usable, but out->owner has claimed it (firmware, a boot
 *                  loader, another driver)
 * VMB_E_ARG        plat has no gpa(), or was built for another library
 */
VMB_NODISCARD enum vmb_status vmb_hv_detect(const struct vmb_platform *plat,
                                            struct vmb_hv_info *out);

/*
 * Claim the interface: guest OS id, hypercall page, clock.  *hv, *plat and
 * cfg->pages must live until vmb_hv_stop(); on failure nothing is left behind
 * and vmb_hv_fault() says why.  [bus]
 *
 * VMB_OK
 * VMB_E_ARG, VMB_E_NOHV, VMB_E_NOFEATURE  as vmb_hv_detect(); also pages not
 *              aligned, and no clock, neither the host's nor plat->now()
 * VMB_E_OWNED  as there, and cfg->take_over is not set; the owner may be *hv,
 *              which is then as it was
 * VMB_E_HOST   a register did not take the value written
 */
VMB_NODISCARD enum vmb_status vmb_hv_start(struct vmb_hv *hv,
                                           const struct vmb_platform *plat,
                                           const struct vmb_hv_cfg *cfg);

/*
 * Give the interface back: TSC page, hypercall page and guest OS id off, so
 * that the next OS finds it unclaimed.  Every CPU is stopped before.  Does
 * nothing on one that is zeroed or stopped.  [bus]
 */
void vmb_hv_stop(struct vmb_hv *hv);

/* Why the last vmb_hv_start() or vmb_cpu_start() failed.  [bus] */
void vmb_hv_fault(const struct vmb_hv *hv, struct vmb_fault *out);

/*
 * Bring up the SynIC of the calling CPU: message page, event flag page, SINT
 * 2.  Runs on the CPU it is for; interrupts may be on.  [bus]
 *
 * VMB_OK
 * VMB_E_ARG    pages not aligned, or a vector from 1 to 15
 * VMB_E_STATE  vmb_hv_start() has not succeeded
 * VMB_E_HOST   a register did not take the value written
 */
VMB_NODISCARD enum vmb_status vmb_cpu_start(struct vmb_hv *hv,
                                            struct vmb_cpu *cpu,
                                            const struct vmb_cpu_cfg *cfg);

/*
 * Take it down again, on the same CPU, after the connection is unloaded.  The
 * SynIC's own enable bit stays as it is: clearing it hangs Windows Server 2016
 * when it boots next (source: experience reported by iPXE).  Does nothing on
 * one that is zeroed or stopped.  [bus]
 */
void vmb_cpu_stop(struct vmb_cpu *cpu);

/*
 * Time in 100 ns units, never going back: plat->now(), else the reference TSC
 * page, else the counter register.  [any]
 */
uint64_t vmb_hv_now(const struct vmb_hv *hv);

#define VMB_WORK_BUS                                                          \
    1u                   /* call vmb_conn_poll(): a message, or a signal owed \
                          */
#define VMB_WORK_CHAN 2u /* call vmb_cpu_next_ready() until NULL */

/*
 * Collect what the hypervisor has flagged for this CPU and say what needs
 * doing.  This is the whole of an interrupt handler (but for EOI where
 * !cpu->auto_eoi) and the whole of a poll step: it records and returns, takes
 * no lock, calls nothing back.  Runs on the CPU it is for; answers 0 on one
 * that is not started (zeroed) or stopped.  [isr]
 */
uint32_t vmb_cpu_scan(struct vmb_cpu *cpu);

/*
 * Next open channel that the scans have found flagged on this CPU, or NULL.
 * One caller at a time per CPU.  [rx]
 */
struct vmb_chan *vmb_cpu_next_ready(struct vmb_cpu *cpu);

#ifdef __cplusplus
}
#endif
#endif
