/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H
/* Constants that the C files and the assembly files must agree on. */

#define GUEST_MAX_CPUS 8

#define GUEST_BOOT_PVH     1
#define GUEST_BOOT_LINUX64 2

#define BOOT_STACK_BYTES 32768

/* Selectors.  One task state segment of 16 bytes for every processor. */
#define GDT_CODE64 0x08
#define GDT_DATA   0x10
#define GDT_TSS    0x18
#define GDT_BYTES  (GDT_TSS + 16 * GUEST_MAX_CPUS)

/* AMD64 APM volume 2, 3.1: paging, write protection, FPU errors by #MF. */
#define CR0_LONG_MODE 0x80010033
/* PAE, OSFXSR, OSXMMEXCPT. */
#define CR4_LONG_MODE 0x620
#define MSR_EFER      0xc0000080
#define EFER_LME      0x100

/* Page table entries: AMD64 APM volume 2, 5.3. */
#define PTE_TABLE       0x003
#define PTE_2M_RAM      0x083
#define PTE_2M_UNCACHED 0x09b
#define PAGE_2M_SHIFT   21
/* From the first I/O APIC's address up, nothing may be cached. */
#define DEVICES_FIRST_2M 0x7f6

#endif
