/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_PACKET_H
#define VMB_PACKET_H
/*
 * Packet objects: the sending half of the client contract; channel.h is the
 * other.
 *
 *                send                             room
 *   IDLE ----------------------> QUEUED -----------------------> IN_RING
 *    ^  \________________________________________________________/  |
 *    |          send, with room and nothing queued before it        |
 *    |                                                              |
 *    +--------- completion routine <---- DONE <---------------------+
 *                         at once without WAIT_FOR_COMPLETION,
 *                         else when the host's completion comes
 *
 * An object holds all that a send can need: a send fails for what it is given,
 * never for want of memory.  Sends and completions of incoming packets go out
 * in the order of the calls, whether the ring has room or not; but completions
 * do not wait for the sends that wait for a transaction.  The payload,
 * the MDLs and their PFN arrays are consumed when a send returns; the memory
 * they describe is the host's until the completion routine runs.
 *
 * Lanes: as channel.h.
 */
#include <vmb/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of a send; the values are KMCL's. */
#define VMB_SEND_WAIT_FOR_COMPLETION 0x1u /* done when the host says so */
/* with_external_mdl: take mdl_length bytes of the first MDL alone, even past
 * its end, up to the end of its last page */
#define VMB_SEND_FORCE_MDL_LENGTH 0x2u
#define VMB_SEND_PAGED_BUFFER     0x4u /* accepted: nothing is paged here */

enum vmb_packet_state {
    VMB_PACKET_NONE = 0, /* never initialised, or freed */
    VMB_PACKET_IDLE,
    VMB_PACKET_QUEUED,
    VMB_PACKET_IN_RING,
    VMB_PACKET_DONE /* its completion routine is about to run */
};

struct vmb_packet { /* its head; copies follow.  Members are the library's. */
    struct vmb_queued queued_;
    struct vmb_channel *channel_;
    void (*routine_)(struct vmb_packet *packet, enum vmb_status status,
                     const void *buffer, uint32_t bytes);
    void *pointer_;
    struct vmb_mdl *mdls_;
    uint64_t *pfns_;
    uint32_t mdl_cap_, external_cap_;
    uint32_t pipe_[2]; /* the header, in pipe mode */
    enum vmb_status status_;
    bool pooled_; /* from vmb_packet_allocate() */
};

/* ---- Objects ------------------------------------------------------------ */

/* Bytes of a packet object of this channel's; 0 before it is initialised.
 * [tx] and [rx] */
size_t vmb_channel_sizeof_packet(const struct vmb_channel *channel);

/*
 * Make a packet object of `bytes` at memory, aligned to 8.  The memory is the
 * library's while the packet is not idle.  A completion routine must be set
 * before it is sent. [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_ARG     no memory, or not aligned
 * VMB_E_NOSLOT  less than vmb_channel_sizeof_packet(), or the channel was never
 *               initialised
 */
VMB_NODISCARD enum vmb_status vmb_packet_initialize(struct vmb_channel *channel,
                                                    void *memory, size_t bytes,
                                                    struct vmb_packet **packet);

/*
 * One out of the channel's own memory, whose completion routine frees it; NULL
 * when cfg.packets of them are out.  [tx] and [rx]
 */
VMB_NODISCARD struct vmb_packet *
vmb_packet_allocate(struct vmb_channel *channel);

/*
 * Give an idle packet up: back to the channel, or (made by
 * vmb_packet_initialize()) its memory to the caller.  [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_STATE  not idle: queued, in the ring, or freed before
 * VMB_E_LANE   check builds: another caller is inside
 */
VMB_NODISCARD enum vmb_status vmb_packet_free(struct vmb_packet *packet);

/*
 * What is called when the packet is done.  It may be sent again or freed from
 * there.  buffer is valid during the call.  Whatever the status, external
 * memory is the caller's again.  Runs inside vmb_channel_process(), _poll(),
 * or a send of the channel's.  Of routines that send what is done at once,
 * VMB_CHANNEL_BUDGET follow one another in a send; the rest waits for
 * vmb_channel_process().
 *
 * Without WAIT_FOR_COMPLETION `status` VMB_OK means that the packet is in the
 * ring; with it, that the host completed it, and `bytes` at buffer came with
 * the completion: the host's own verdict is in there, in its device's format.
 * VMB_E_TOOBIG is the same, but more came than the channel's packets may have:
 * buffer has its beginning.  VMB_E_CANCELLED: the channel was disabled before
 * that.  VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL, VMB_E_STATE: it died
 * before that, the last with its connection.  Anything else, and VMB_E_TOOBIG
 * without a buffer: it could not be opened, as vmb_channel_status() says.
 *
 * [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_STATE  the packet is not idle
 * VMB_E_ARG    NULL
 */
VMB_NODISCARD enum vmb_status vmb_packet_set_completion_routine(
    struct vmb_packet *packet,
    void (*routine)(struct vmb_packet *packet, enum vmb_status status,
                    const void *buffer, uint32_t bytes));

/* The client's own pointer, NULL at first.  [tx] and [rx] */
void vmb_packet_set_pointer(struct vmb_packet *packet, void *pointer);
void *vmb_packet_get_pointer(const struct vmb_packet *packet); /* [any] */

/* NULL if it was freed.  [any] */
struct vmb_channel *vmb_packet_get_channel(const struct vmb_packet *packet);

/* [tx] and [rx] */
enum vmb_packet_state vmb_packet_state(const struct vmb_packet *packet);

/* ---- Sending ------------------------------------------------------------ */

/*
 * Send `bytes` (may be 0) at buffer, and with `mdl` the memory of its whole
 * chain, which needs WAIT_FOR_COMPLETION.  flags: VMB_SEND_*.
 * [tx] and [rx]
 *
 * VMB_OK        taken: in the ring or in the queue; the completion routine
 *               will be called, and may have been
 * VMB_E_STATE   the packet is not idle or has no routine; or the channel takes
 *               no sends: DISABLED, paused (but inside opened), suspended
 * VMB_E_ARG     a flag that is unknown or not for this call, external data
 *               without WAIT_FOR_COMPLETION or in pipe mode, bytes without
 *               buffer, a chain that is wrong (see vmb_mdl_measure()) or has
 *               no bytes
 * VMB_E_TOOBIG  more payload, external bytes or members than the packet was
 *               made for
 * VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL, VMB_E_CANCELLED  the channel is
 *               dead; the last from routines that hear it of packets of before
 *               it opened
 * VMB_E_LANE    check builds: another caller is inside
 *
 * Unless VMB_OK comes back the packet was not sent by this call.  Routines of
 * other packets may have been called meanwhile all the same.
 */
VMB_NODISCARD enum vmb_status
vmb_packet_send(struct vmb_packet *packet, const void *buffer, uint32_t bytes,
                const struct vmb_mdl *mdl, uint32_t flags);

/*
 * The same with part of the chain: mdl_length bytes (0: to the end) from byte
 * mdl_offset of what the chain describes, which may fall in any member.
 * WAIT_FOR_COMPLETION is required.
 *
 * With FORCE_MDL_LENGTH only the first MDL is taken, and mdl_length (not 0)
 * may pass its end up to the end of its last page: the host then sees what
 * lies behind the buffer there.  [tx] and [rx]
 *
 * Statuses as vmb_packet_send(); VMB_E_ARG also: mdl is NULL, the stretch
 * passes the end of the chain, or with FORCE_MDL_LENGTH that of the page, has
 * length 0, or the first MDL is empty.
 */
VMB_NODISCARD enum vmb_status
vmb_packet_send_with_external_mdl(struct vmb_packet *packet, const void *buffer,
                                  uint32_t bytes, const struct vmb_mdl *mdl,
                                  uint64_t mdl_offset, uint64_t mdl_length,
                                  uint32_t flags);

/*
 * The same with `count` whole pages by number.  WAIT_FOR_COMPLETION is
 * required.  [tx] and [rx]
 *
 * Statuses as vmb_packet_send(); VMB_E_ARG also: no pfns.
 */
VMB_NODISCARD enum vmb_status vmb_packet_send_with_external_pfns(
    struct vmb_packet *packet, const void *buffer, uint32_t bytes,
    const uint64_t *pfns, uint32_t count, uint32_t flags);

/* ---- Requests that are waited for --------------------------------------- */

/* Go into the ring now or not at all; with vmb_channel_request_start() only. */
#define VMB_REQUEST_DO_NOT_QUEUE 0x100u

/* Placed by the caller; the library's from start until the status is not
 * VMB_AGAIN or it is abandoned. */
struct vmb_request {
    void *reply;     /* where the answer goes; NULL with room 0 */
    uint32_t room;   /* bytes there */
    uint32_t bytes;  /* out: bytes of the answer that went there */
    uint32_t needed; /* out: bytes of the answer, a multiple of 8 */
    struct vmb_packet *packet_;
    enum vmb_status status_;
};

/*
 * Send a packet of the channel's own and remember its end in *request, whose
 * reply and room are set.  vmb_wait_synchronous_request() is this and a wait.
 * [tx] and [rx]
 *
 * VMB_OK         ask vmb_channel_request_status()
 * VMB_AGAIN      DO_NOT_QUEUE, and it does not fit now: nothing was sent
 * VMB_E_NOSLOT   no packet left, see vmb_packet_allocate()
 * VMB_E_ARG      room without reply
 * others         as vmb_packet_send()
 */
VMB_NODISCARD enum vmb_status
vmb_channel_request_start(struct vmb_channel *channel,
                          struct vmb_request *request, const void *buffer,
                          uint32_t bytes, const struct vmb_mdl *mdl,
                          uint32_t flags);

/*
 * VMB_OK        done, as a completion routine would hear it
 * VMB_AGAIN     not yet
 * VMB_E_TOOBIG  done; more came than there was room for
 * VMB_E_STATE   vmb_channel_request_start() did not take it
 * VMB_E_CANCELLED, VMB_E_RESCINDED, VMB_E_HOST, VMB_E_HYPERCALL  the channel
 *               ended first; VMB_E_CANCELLED also: abandoned
 * others        as vmb_channel_status(): it could not be opened
 * [tx] and [rx]
 */
VMB_NODISCARD enum vmb_status
vmb_channel_request_status(const struct vmb_request *request);

/*
 * Wait no longer: *request and its reply are the caller's again.  A request
 * that is in the ring stays the host's, and so does its external memory, until
 * the host completes it or the channel is closed: vmb_channel_abandoned()
 * counts these.  Others may have queued behind it: unless it is
 * running, vmb_channel_process() is to follow.  [tx] and [rx]
 *
 * VMB_OK
 * VMB_E_STATE  nothing is under way
 * VMB_E_LANE   check builds: another caller is inside
 */
VMB_NODISCARD enum vmb_status
vmb_channel_request_abandon(struct vmb_request *request);

/*
 * Requests given up that the host has not completed yet: while this is not 0,
 * the external memory of those is the host's.  [tx] and [rx]
 */
uint32_t vmb_channel_abandoned(const struct vmb_channel *channel);

#ifdef __cplusplus
}
#endif
#endif
