/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef VMB_MDL_H
#define VMB_MDL_H
/*
 * Page-descriptor lists: memory named by its pages, so that the host can reach
 * it without a byte being copied.
 *
 *     pfns[0]           pfns[1]           pfns[2]
 *   |-----------------|-----------------|-----------------|
 *        ^byte_offset                        ^
 *        |<--------- byte_count ------------>|
 *
 * A struct vmb_mdl describes one buffer; a chain joins several, in order, into
 * one run of bytes.  Members without bytes are allowed and skipped.  Pages are
 * VMB_PAGE_SIZE bytes whatever the guest's own page is, and each member
 * becomes one GPA range on the wire.
 *
 * Nothing here touches the memory described.  All lanes: [any]; a list that
 * one thread builds or walks must not be changed by another meanwhile.
 */
#include <vmb/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest chain that is followed: a chain that bites its tail is refused. */
#define VMB_MDL_CHAIN_MAX 32768u

struct vmb_mdl {
    struct vmb_mdl *next; /* NULL: the last */
    const uint64_t *pfns; /* guest-physical address / VMB_PAGE_SIZE each */
    uint32_t pfn_count;   /* entries that pfns[] has, at least the span */
    uint32_t byte_offset; /* in the first page: below VMB_PAGE_SIZE */
    uint32_t byte_count;
};

/* A piece of memory by its address, for the builders and for payloads. */
struct vmb_iov {
    const void *base;
    size_t len; /* bytes */
};

/* Part of one member: what becomes one range of a packet. */
struct vmb_gpa_range {
    uint32_t byte_count;  /* never 0 */
    uint32_t byte_offset; /* below VMB_PAGE_SIZE */
    const uint64_t *pfns; /* pfn_count of them, as many as the bytes touch */
    uint32_t pfn_count;
};

/* What a stretch of a chain comes to. */
struct vmb_mdl_extent {
    uint64_t bytes;
    uint32_t ranges;
    uint32_t pfns;
};

/* Where a walk along a chain stands.  Members are the library's. */
struct vmb_mdl_walk {
    const struct vmb_mdl *mdl_;
    uint64_t left_, skip_;
};

/* Pages that len bytes from address or offset `at` touch; 0 for no bytes. */
uint64_t vmb_page_span(uint64_t at, uint64_t len); /* [any] */

/*
 * Describe byte_count bytes from byte_offset in the first of pfn_count pages.
 * pfns[] stays the caller's and must live as long as the list is used.  [any]
 *
 * VMB_OK
 * VMB_E_ARG   byte_offset is not below VMB_PAGE_SIZE, or the bytes reach past
 *             the last page, or pfns is NULL and there are bytes
 */
VMB_NODISCARD enum vmb_status
vmb_mdl_from_pfns(struct vmb_mdl *mdl, const uint64_t *pfns, uint32_t pfn_count,
                  uint32_t byte_offset, uint32_t byte_count);

/*
 * Describe [va, va + len): asks plat->gpa() for every page and writes the PFNs
 * into pfns[].  len 0 gives a member without bytes.  In the lane of the
 * caller's own gpa(): [any]
 *
 * VMB_OK
 * VMB_E_ARG     va + len passes the end of the address space
 * VMB_E_TOOBIG  len does not fit 32 bits
 * VMB_E_NOSLOT  the buffer touches more pages than pfn_cap
 */
VMB_NODISCARD enum vmb_status
vmb_mdl_from_virtual(struct vmb_mdl *mdl, const struct vmb_platform *plat,
                     const void *va, size_t len, uint64_t *pfns,
                     uint32_t pfn_cap);

/*
 * Describe each of iov[0..iov_count) by one member of mdls[] and chain them in
 * order; mdls[0] is the head.  The PFNs of all share pfns[].  [any]
 *
 * VMB_OK
 * VMB_E_ARG     iov_count is 0, or a piece passes the end of the address space
 * VMB_E_TOOBIG  a piece does not fit 32 bits
 * VMB_E_NOSLOT  more pieces than mdl_cap, or more pages than pfn_cap
 */
VMB_NODISCARD enum vmb_status
vmb_mdl_from_iovec(struct vmb_mdl *mdls, uint32_t mdl_cap,
                   const struct vmb_platform *plat, const struct vmb_iov *iov,
                   uint32_t iov_count, uint64_t *pfns, uint32_t pfn_cap);

/*
 * Make a chain in out[] that describes `length` bytes (0: to the end) from
 * `offset` of the chain at mdl.  It shares the PFN arrays of the original, and
 * has no member without bytes.  [any]
 *
 * VMB_OK
 * VMB_E_ARG     as vmb_mdl_measure(), or the stretch has no bytes
 * VMB_E_NOSLOT  more members than out_cap
 */
VMB_NODISCARD enum vmb_status vmb_mdl_slice(struct vmb_mdl *out,
                                            uint32_t out_cap,
                                            const struct vmb_mdl *mdl,
                                            uint64_t offset, uint64_t length);

/*
 * Check the chain at mdl and say what `length` bytes (0: to the end) from
 * `offset` come to.  mdl may be NULL: an empty chain.  [any]
 *
 * VMB_OK        *out is filled in
 * VMB_E_ARG     a member's offset or span is wrong, the chain has more than
 *               VMB_MDL_CHAIN_MAX members, or the stretch passes its end
 * VMB_E_TOOBIG  the sum of ranges or pages does not fit 32 bits
 */
VMB_NODISCARD enum vmb_status vmb_mdl_measure(const struct vmb_mdl *mdl,
                                              uint64_t offset, uint64_t length,
                                              struct vmb_mdl_extent *out);

/*
 * Walk the ranges of a stretch that vmb_mdl_measure() has passed, with
 * `bytes` what it answered.  next() returns false at the end.  [any]
 */
void vmb_mdl_walk_start(struct vmb_mdl_walk *walk, const struct vmb_mdl *mdl,
                        uint64_t offset, uint64_t bytes);
bool vmb_mdl_walk_next(struct vmb_mdl_walk *walk, /* [any] */
                       struct vmb_gpa_range *out);

#ifdef __cplusplus
}
#endif
#endif
