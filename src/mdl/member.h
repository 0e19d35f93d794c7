/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_MDL_MEMBER_H
#define VMB_SRC_MDL_MEMBER_H

#include <vmb/mdl.h>

/* A member whose pages do not hold its bytes. */
bool vmb_mdl_is_wrong(const struct vmb_mdl *mdl);

#endif
