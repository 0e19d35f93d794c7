/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "chan_internal.h"
#include "conn_internal.h"

#define WORDS (VMB_EVENT_FLAGS / 64)

/* Take the lowest bit out of a word that the interrupt handler adds to. */
static bool take_bit(uint64_t *word, uint32_t *bit)
{
    uint64_t bits = __atomic_load_n(word, __ATOMIC_RELAXED);

    if (!bits)
        return false;
    *bit = (uint32_t)__builtin_ctzll(bits);
    /* Acquire: what scan saw before it set the bit is seen from here on. */
    __atomic_fetch_and(word, ~(1ull << *bit), __ATOMIC_ACQUIRE);
    return true;
}

/* Flags for channels that are not open are stale or a lie: dropped. */
static struct vmb_chan *open_channel(const struct vmb_conn *conn,
                                     uint32_t relid)
{
    struct vmb_offer *offer = vmb_offers_find(conn, relid);
    struct vmb_chan *chan;

    if (!offer)
        return NULL;
    /* Acquire: the channel is set up; vmb_chan_open_start() released it. */
    chan = __atomic_load_n(&offer->chan_, __ATOMIC_ACQUIRE);
    return chan && vmb_chan_gate(chan) == VMB_OK ? chan : NULL;
}

struct vmb_chan *vmb_cpu_next_ready(struct vmb_cpu *cpu)
{
    /* Acquire: its table of offers is there. */
    const struct vmb_conn *conn =
        __atomic_load_n(&cpu->conn_, __ATOMIC_ACQUIRE);
    struct vmb_chan *chan;
    uint32_t bit = 0, i;

    /* One pass, with each flag taken and each word left: a word that is empty
     * counts for all its flags.  A host that sets flags as fast as we take them
     * gets no more. */
    for (i = 0; conn && i < 2 * VMB_EVENT_FLAGS; i++) {
        if (!take_bit(&cpu->ready_[cpu->next_word_], &bit)) {
            cpu->next_word_ = (cpu->next_word_ + 1) % WORDS;
            i += 63;
            continue;
        }
        chan = open_channel(conn, cpu->next_word_ * 64 + bit);
        if (chan)
            return chan;
    }
    return NULL;
}
