/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_HV_DETECT_H
#define VMB_SRC_HV_DETECT_H

#include <vmb/hv.h>

/* vmb_hv_detect(), with the check that failed. */
enum vmb_status vmb_hv_inspect(const struct vmb_platform *plat,
                               struct vmb_hv_info *out,
                               struct vmb_fault *fault);

#endif
