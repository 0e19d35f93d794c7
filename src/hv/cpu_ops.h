/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_HV_CPU_OPS_H
#define VMB_SRC_HV_CPU_OPS_H

#include <vmb/platform.h>

/* The port compiled in: platform/<architecture>/cpu.c. */
extern const struct vmb_cpu_ops vmb_native_cpu;

/* The one to use, or NULL if plat is no platform of this library's. */
const struct vmb_cpu_ops *vmb_cpu_ops_of(const struct vmb_platform *plat);

#endif
