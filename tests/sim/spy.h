/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_TESTS_SIM_SPY_H
#define VMB_TESTS_SIM_SPY_H

#include "harness.h"

/* Put a layer between library and simulator that notes what passes. */
void spy_install(struct rig *rig);

#endif
