/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_LANE_H
#define VMB_SRC_LANE_H
/*
 * Lanes instead of locks: the caller promises one entrant at a time, and check
 * builds (VMB_LANE_CHECKS) hold the caller to it.  A second entrant is told
 * so and touches nothing.
 */
#include <stdbool.h>
#include <stdint.h>

#ifdef VMB_LANE_CHECKS
static inline bool vmb_lane_enter(uint32_t *lane)
{
    return __atomic_exchange_n(lane, 1u, __ATOMIC_ACQUIRE) == 0;
}

static inline void vmb_lane_leave(uint32_t *lane)
{
    __atomic_store_n(lane, 0u, __ATOMIC_RELEASE);
}
#else
static inline bool vmb_lane_enter(uint32_t *lane)
{
    (void)lane;
    return true;
}

static inline void vmb_lane_leave(uint32_t *lane)
{
    (void)lane;
}
#endif

#endif
