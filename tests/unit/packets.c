/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "packets.h"

static void blank(struct sample *sample, enum vmb_kind kind)
{
    uint32_t i;

    memset(sample, 0, sizeof *sample);
    sample->out.kind = kind;
    sample->out.iov = sample->pieces;
    for (i = 0; i < SAMPLE_PAYLOAD; i++)
        sample->payload[i] = (uint8_t)(i * 7 + 1);
    for (i = 0; i < SAMPLE_PFNS; i++)
        sample->pfns[i] = 0x1122334400000000u + i * 0x10001u;
}

static void one_piece(struct sample *sample, uint32_t len)
{
    assert_true(len <= SAMPLE_PAYLOAD);
    sample->pieces[0].base = sample->payload;
    sample->pieces[0].len = len;
    sample->out.iov_count = 1;
}

void sample_inband(struct sample *sample, uint32_t len)
{
    blank(sample, VMB_INBAND);
    one_piece(sample, len);
}

void sample_completion(struct sample *sample, uint64_t xid, uint32_t len)
{
    blank(sample, VMB_COMPLETION);
    sample->out.reply_to = xid;
    one_piece(sample, len);
}

static void add_member(struct sample *sample, uint32_t at, uint32_t offset,
                       uint32_t bytes)
{
    struct vmb_mdl *mdl = &sample->members[at];
    uint32_t pages = bytes ? (offset + bytes + PAGE - 1) / PAGE : 0;

    assert_true(sample->pfns_used + pages <= SAMPLE_PFNS);
    mdl->pfns = &sample->pfns[sample->pfns_used];
    mdl->pfn_count = pages;
    mdl->byte_offset = offset;
    mdl->byte_count = bytes;
    sample->pfns_used += pages;
    if (at > 0)
        sample->members[at - 1].next = mdl;
    else
        sample->out.mdl = mdl;
}

void sample_direct(struct sample *sample, uint32_t members, uint32_t len)
{
    uint32_t i, pages;

    blank(sample, VMB_GPA_DIRECT);
    for (i = 0; i < members; i++) {
        pages = 1 + i % 4;
        add_member(sample, i, i * 61 % PAGE, pages * PAGE - i * 61 % PAGE);
    }
    one_piece(sample, len);
}

static void random_pieces(struct sample *sample, struct rng *rng, uint32_t most)
{
    uint32_t used = 0, i, len;

    sample->out.iov_count = rng_below(rng, SAMPLE_PIECES + 1);
    for (i = 0; i < sample->out.iov_count; i++) {
        len = rng_one_in(rng, 4) ? 0 : rng_below(rng, most / SAMPLE_PIECES);
        sample->pieces[i].base = len ? &sample->payload[used] : NULL;
        sample->pieces[i].len = len;
        used += len;
    }
}

static void random_chain(struct sample *sample, struct rng *rng)
{
    uint32_t members = 1 + rng_below(rng, 6), i;
    uint64_t bytes = 0;

    for (i = 0; i < members; i++) {
        uint32_t len = 1 + rng_below(rng, 4 * PAGE);

        if (i > 0 && rng_one_in(rng, 4))
            len = 0;
        add_member(sample, i, rng_below(rng, PAGE), len);
        bytes += len;
    }
    if (rng_one_in(rng, 2))
        return;
    sample->out.mdl_offset = rng_below(rng, (uint32_t)bytes);
    bytes -= sample->out.mdl_offset;
    sample->out.mdl_length = rng_below(rng, (uint32_t)bytes + 1);
}

void sample_random(struct sample *sample, struct rng *rng, uint32_t most)
{
    static const enum vmb_kind kinds[] = { VMB_INBAND, VMB_GPA_DIRECT,
                                           VMB_COMPLETION };

    blank(sample, kinds[rng_below(rng, COUNT(kinds))]);
    random_pieces(sample, rng, most < SAMPLE_PAYLOAD ? most : SAMPLE_PAYLOAD);
    if (sample->out.kind == VMB_GPA_DIRECT)
        random_chain(sample, rng);
    if (sample->out.kind != VMB_COMPLETION)
        sample->out.want_reply = rng_one_in(rng, 2);
}

static uint32_t put_members(const struct vmb_out *out, struct peer_image *image)
{
    uint64_t left = out->mdl_length ? out->mdl_length : UINT64_MAX;
    uint64_t skip = out->mdl_offset, bytes, first, page;
    const struct vmb_mdl *mdl;
    uint32_t ranges = 0;

    for (mdl = out->mdl; mdl && left; mdl = mdl->next) {
        if (skip >= mdl->byte_count) {
            skip -= mdl->byte_count;
            continue;
        }
        bytes = mdl->byte_count - skip;
        if (bytes > left)
            bytes = left;
        first = mdl->byte_offset + skip;
        peer_put32(image, (uint32_t)bytes);
        peer_put32(image, (uint32_t)first & (PAGE - 1));
        for (page = first >> 12; page <= (first + bytes - 1) >> 12; page++)
            peer_put64(image, mdl->pfns[page]);
        ranges++;
        skip = 0;
        left -= bytes;
    }
    return ranges;
}

void sample_image(const struct vmb_out *out, uint64_t xid, uint32_t start,
                  struct peer_image *image)
{
    uint32_t i;

    peer_begin(image, (uint16_t)out->kind, out->want_reply, xid);
    if (out->kind == VMB_GPA_DIRECT) {
        peer_put32(image, 0);
        peer_put32(image, 0);
        image->b[20] = (uint8_t)put_members(out, image);
    }
    peer_payload(image);
    for (i = 0; i < out->iov_count; i++)
        peer_put_bytes(image, out->iov[i].base, (uint32_t)out->iov[i].len);
    peer_end(image, start);
}

void place_tx(struct vmb_ring_tx *tx, uint8_t *pages, uint32_t data_pages,
              uint32_t at, uint8_t fill)
{
    struct peer_ring ring;

    memset(pages, 0xee, PAGE);
    memset(pages + PAGE, fill, data_pages * PAGE);
    vmb_ring_tx_init(tx, pages, data_pages);
    ring = peer_of_tx(tx);
    peer_set_word(&ring, PEER_WRITE, at);
    peer_set_word(&ring, PEER_READ, at);
    tx->write_ = at;
    tx->published_ = at;
    tx->read_ = at;
}

void place_rx(struct vmb_ring_rx *rx, uint8_t *pages, uint32_t data_pages,
              uint32_t at, uint8_t fill)
{
    struct peer_ring ring;

    memset(pages, 0xee, PAGE);
    memset(pages + PAGE, fill, data_pages * PAGE);
    vmb_ring_rx_init(rx, pages, data_pages);
    ring = peer_of_rx(rx);
    peer_set_word(&ring, PEER_WRITE, at);
    peer_set_word(&ring, PEER_READ, at);
    rx->read_ = at;
    rx->released_ = at;
    rx->write_ = at;
}
