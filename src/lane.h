/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_SRC_LANE_H
#define VMB_SRC_LANE_H
/*
 * Lanes instead of locks: the caller promises one entrant at a time, and check
 * builds (VMB_LANE_CHECKS) hold the caller to it.  A second entrant is told
 * so and touches nothing.
 */
#include <vmb/bus.h>

#ifdef VMB_LANE_CHECKS
static inline bool vmb_lane_enter(uint32_t *lane)
{
    /* Acquire, and release below: the next one in finds what this one left. */
    return __atomic_exchange_n(lane, 1u, __ATOMIC_ACQUIRE) == 0;
}

static inline void vmb_lane_leave(uint32_t *lane)
{
    /* Release: see vmb_lane_enter(). */
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

/*
 * The [bus] lane.  Callbacks run inside vmb_conn_poll(), which holds it, and
 * may call the functions that begin something: those have a lane within it, so
 * that one of them and a stranger from another CPU collide, and neither frees
 * what the poll holds.  A stranger who is alone in there is not seen.
 */
static inline bool vmb_bus_enter(struct vmb_bus *bus)
{
    return vmb_lane_enter(bus->calling_back_ ? &bus->inner_ : &bus->lane_);
}

static inline void vmb_bus_leave(struct vmb_bus *bus)
{
    vmb_lane_leave(bus->inner_ ? &bus->inner_ : &bus->lane_);
}

#endif
