/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_VMB_H
#define VMB_VMB_H
/*
 * libvmb: the guest side of Microsoft VMBus, freestanding.  All of it but
 * Microsoft's names (kmcl.h) and the simulated host (sim.h, sim_storage.h):
 */
#define VMB_LIBRARY_VERSION "0.1.0"

#include <vmb/bus.h>
#include <vmb/chan.h>
#include <vmb/channel.h>
#include <vmb/conn.h>
#include <vmb/gpadl.h>
#include <vmb/hv.h>
#include <vmb/mdl.h>
#include <vmb/packet.h>
#include <vmb/platform.h>
#include <vmb/ring.h>
#include <vmb/scsi.h>
#include <vmb/status.h>
#include <vmb/storvsc.h>
#include <vmb/wait.h>

#endif
