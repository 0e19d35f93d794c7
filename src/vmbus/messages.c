/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Building the control messages that we send, each in conn->out_, from the
 * object that the work belongs to.  Nothing is kept between two tries of the
 * same message: it is built anew.
 */
#include "conn_internal.h"

#include "../fault.h"

static uint64_t gpa_of(const struct vmb_conn *conn, const void *va)
{
    return conn->bus_.plat->gpa(conn->bus_.plat->ctx, va);
}

static uint32_t build_contact(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    struct vmb_msg_contact *m = &conn->out_.contact;
    uint32_t version = vmb_version_current(conn);
    uint32_t features = conn->cfg_.features;

    (void)work;
    m->version = version;
    m->target_vp = conn->cfg_.cpu->vp_index;
    m->interrupt_page = gpa_of(conn, conn->interrupt_page_);
    if (version >= VMB_VERSION_5_0)
        m->interrupt_page = VMB_SINT_VMBUS; /* and VTL 0 */
    if (version >= VMB_VERSION_6_0)
        m->interrupt_page |= (uint64_t)features << 32;
    if (conn->monitor_to_host_) {
        m->monitor_to_guest = gpa_of(conn, conn->monitor_to_guest_);
        m->monitor_to_host = gpa_of(conn, conn->monitor_to_host_);
    }
    if (version < VMB_VERSION_6_0 || !(features & VMB_CONN_FEATURE_CLIENT_ID))
        return VMB_CONTACT_BYTES_SHORT;
    __builtin_memcpy(m->client_id, conn->cfg_.client_id->b,
                     sizeof m->client_id);
    return sizeof *m;
}

static uint32_t build_bare(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    (void)work;
    return sizeof conn->out_.header;
}

static uint32_t build_open(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    const struct vmb_chan *chan = vmb_work_chan(work);
    struct vmb_msg_open *m = &conn->out_.open;

    m->relid = chan->relid_;
    /* The ring's GPADL id is new each time, so a late answer to an earlier
     * open is told apart. */
    m->open_id = chan->gpadl_.id_;
    m->gpadl = chan->gpadl_.id_;
    m->target_vp = chan->cpu_->vp_index;
    m->downstream_page = chan->downstream_page_;
    __builtin_memcpy(m->user, chan->user_, sizeof m->user);
    if (!(conn->features_ & VMB_CONN_FEATURE_SIGNAL_PARAMETERS))
        return VMB_OPEN_BYTES_SHORT;
    m->connection_id = chan->offer_->connection_id;
    m->event_flag = (uint16_t)chan->relid_;
    return sizeof *m;
}

static uint32_t build_close(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    return vmb_message_of_relid(conn, VMB_MSG_CLOSE,
                                vmb_work_chan(work)->relid_);
}

static uint32_t build_modify(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    const struct vmb_chan *chan = vmb_work_chan(work);

    conn->out_.modify.relid = chan->relid_;
    conn->out_.modify.target_vp = chan->next_cpu_->vp_index;
    return sizeof conn->out_.modify;
}

static uint64_t gpadl_pfn(const struct vmb_conn *conn,
                          const struct vmb_gpadl *gpadl, uint32_t index)
{
    const uint8_t *va = gpadl->va_;

    if (gpadl->pfns_)
        return gpadl->pfns_[index];
    return gpa_of(conn, va + (size_t)index * VMB_PAGE_SIZE) / VMB_PAGE_SIZE;
}

/* The page numbers from `first` on, as many as remain and fit. */
static uint32_t put_pfns(struct vmb_conn *conn, const struct vmb_gpadl *gpadl,
                         uint32_t first, uint32_t fit, uint32_t at)
{
    uint32_t left = gpadl->page_count_ - first;
    uint32_t count = left < fit ? left : fit;
    uint64_t pfn;
    uint32_t i;

    for (i = 0; i < count; i++) {
        pfn = gpadl_pfn(conn, gpadl, first + i);
        __builtin_memcpy(&conn->out_.bytes[at + i * 8], &pfn, sizeof pfn);
    }
    return at + count * 8;
}

/* Step 0 is the header, the rest are bodies. */
static uint32_t build_gpadl(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    const struct vmb_gpadl *gpadl = vmb_work_gpadl(work);
    struct vmb_msg_gpadl_header *m = &conn->out_.gpadl_header;
    struct vmb_msg_gpadl_body *body = &conn->out_.gpadl_body;
    uint32_t first;

    if (work->step > 0) {
        first = VMB_GPADL_HEADER_PFNS + (work->step - 1) * VMB_GPADL_BODY_PFNS;
        body->header.number = VMB_MSG_GPADL_BODY;
        body->sequence = work->step;
        body->gpadl = gpadl->id_;
        return put_pfns(conn, gpadl, first, VMB_GPADL_BODY_PFNS, sizeof *body);
    }
    m->relid = gpadl->relid_;
    m->gpadl = gpadl->id_;
    m->range_bytes = (uint16_t)(8 + 8 * gpadl->page_count_);
    m->range_count = 1;
    m->byte_count = gpadl->byte_count_;
    m->byte_offset = gpadl->byte_offset_;
    return put_pfns(conn, gpadl, 0, VMB_GPADL_HEADER_PFNS, sizeof *m);
}

static uint32_t build_gpadl_down(struct vmb_conn *conn,
                                 struct vmb_bus_work *work)
{
    const struct vmb_gpadl *gpadl = vmb_work_gpadl(work);

    conn->out_.gpadl_teardown.relid = gpadl->relid_;
    conn->out_.gpadl_teardown.gpadl = gpadl->id_;
    return sizeof conn->out_.gpadl_teardown;
}

static const struct {
    uint32_t number;
    uint32_t (*build)(struct vmb_conn *conn, struct vmb_bus_work *work);
} builders[] = {
    [VMB_WORK_NONE] = { 0, NULL },
    [VMB_WORK_CONTACT] = { VMB_MSG_INITIATE_CONTACT, build_contact },
    [VMB_WORK_OFFERS] = { VMB_MSG_REQUEST_OFFERS, build_bare },
    [VMB_WORK_UNLOAD] = { VMB_MSG_UNLOAD, build_bare },
    [VMB_WORK_OPEN] = { VMB_MSG_OPEN, build_open },
    [VMB_WORK_CLOSE] = { VMB_MSG_CLOSE, build_close },
    [VMB_WORK_MODIFY] = { VMB_MSG_MODIFY, build_modify },
    [VMB_WORK_GPADL] = { VMB_MSG_GPADL_HEADER, build_gpadl },
    [VMB_WORK_GPADL_DOWN] = { VMB_MSG_GPADL_TEARDOWN, build_gpadl_down },
};

static void blank(struct vmb_conn *conn, uint32_t number)
{
    __builtin_memset(&conn->out_, 0, sizeof conn->out_);
    conn->out_.header.number = number;
}

uint32_t vmb_message_build(struct vmb_conn *conn, struct vmb_bus_work *work)
{
    VMB_INVARIANT(work->what != VMB_WORK_NONE);
    blank(conn, builders[work->what].number);
    return builders[work->what].build(conn, work);
}

uint32_t vmb_message_of_relid(struct vmb_conn *conn, uint32_t number,
                              uint32_t relid)
{
    blank(conn, number);
    conn->out_.relid.relid = relid;
    return sizeof conn->out_.relid;
}

bool vmb_message_more(const struct vmb_bus_work *work)
{
    const struct vmb_gpadl *gpadl;

    if (work->what != VMB_WORK_GPADL)
        return false;
    gpadl = VMB_CONTAINER(work, struct vmb_gpadl, work_);
    return VMB_GPADL_HEADER_PFNS + (work->step - 1) * VMB_GPADL_BODY_PFNS <
           gpadl->page_count_;
}
