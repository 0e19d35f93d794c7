/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * One ring, its writer, its reader, and the memory between them: does either
 * ever sleep on work that is there?  README.md says which line of the code is
 * modelled by which line here, and what is left out.
 *
 *   -DWITHOUT=X  the library without barrier X; OWE: without that order
 *   -DWISH=N     units beyond its packet that the writer asks for: the library
 *                1 (8 bytes), a host perhaps 0
 *   -DRULE=X     when a reader signals that room came: EITHER (the library),
 *                or as some host: REACHES, PASSES
 *   -DSTALE=1    the reader judges by the write index that it knew before
 *   -DLATER=1    a release may leave its look to a later one, or to the next
 *                time that the ring is empty or armed
 *   -DPOLLS=1    the reader never arms: it waits for a packet awake
 *   -DSTOPS=1    the reader may stop for good, when it has released all it took
 *                and then nothing; 2: and found no room in its own ring; 3: and
 *                told the thread that sends, which finds no room then
 *   -DFORGETS=1  the look that is owed is not made on an empty ring; 2: not
 *                when armed; 3: it is judged by the room that came last; 4: not
 *                by a release of nothing; 5: not without room in its own ring;
 *                6: there before the fence; 7: a sender on another thread does
 *                not look again once the reader has stopped; 8: it takes the
 *                debt away without a look
 *   -DTHREADS=1  somebody else sends, on a thread of its own: without room it
 *                makes a look that is owed
 *   -DLARGEST=N  units of the largest packet; the library: 2 less than SIZE
 *                1: no other packets, and fewer states
 *   -DSMALLEST=2 no smaller packets, and fewer states
 */
#define PUBLISH       1
#define WANT_ROOM     2
#define LOOK          3
#define ARM           4
#define RELEASE_WRITE 5
#define OWE           6

#ifndef WITHOUT
#define WITHOUT 0
#endif
#ifndef WISH
#define WISH 1
#endif
#ifndef STALE
#define STALE 0
#endif
#ifndef LATER
#define LATER 0
#endif
#ifndef POLLS
#define POLLS 0
#endif
#ifndef STOPS
#define STOPS 0
#endif
#ifndef FORGETS
#define FORGETS 0
#endif
#ifndef THREADS
#define THREADS 0
#endif
#ifndef SMALLEST
#define SMALLEST 1
#endif
#ifndef LARGEST
#define LARGEST 2
#endif

#define EITHER  1
#define REACHES 2
#define PASSES  3
#ifndef RULE
#define RULE EITHER
#endif

/* Free units before and after a release; where a look is owed, nobody knows
 * what there was before. */
#define room_came(had, has) \
    (has >= wanted && (had <= wanted || late) && \
     (RULE != REACHES || had < wanted) && (RULE != PASSES || has > wanted))

/* Units of 8 bytes. */
#define SIZE 4

#define distance(from, to) ((to + SIZE - from) % SIZE)
#define room(from, to)     (SIZE - distance(from, to) - 1)

/* ---- memory -------------------------------------------------------------- */

byte write, read, pending;
bit mask = 1;
byte header[SIZE]; /* units of the packet that begins here; 0: it is read */

/*
 * Stores on their way: each word's in order, those of different words in any
 * order.  Memory takes one whenever it likes.
 */
chan to_write = [2] of { byte };
chan to_pending = [2] of { byte };
chan to_header = [2] of { byte, byte };
chan to_mask = [2] of { bit };

/* The reader's index and, in order behind it as its release says, that a look
 * is owed, or that the reader has stopped. */
mtype = { INDEX, DEBT, STOPPED };
chan to_read = [2] of { mtype, byte };
bit owed, stopped;
byte debts; /* on their way: their reader knows of them */

active proctype memory()
{
    byte at, units;

    do
    :: to_write ? write
    :: to_pending ? pending
    :: to_read ? INDEX, read
    :: d_step { to_read ? DEBT, _; owed = 1; debts-- }
    :: to_read ? STOPPED, stopped
    :: to_mask ? mask
    :: d_step {
        to_header ? at, units;
        assert(header[at] == 0); /* nothing unread is written over */
        header[at] = units;
        at = 0;
        units = 0
    }
    od
}

#define FENCE(name, drained) \
    if                       \
    :: WITHOUT == name       \
    :: WITHOUT != name && drained \
    fi

#define WRITER_DRAINED \
    (empty(to_write) && empty(to_pending) && empty(to_header))
#define READER_DRAINED (empty(to_read) && empty(to_mask))

/* ---- signals ------------------------------------------------------------- */

/* A signal is kept until somebody sleeps: an event flag, an interrupt. */
bit reader_woken, writer_woken, reader_asleep, writer_asleep;

#define SLEEP(asleep, woken) \
    asleep = 1;              \
    d_step {                 \
        woken;               \
        woken = 0;           \
        asleep = 0           \
    }

/* Two loads, which a processor may make in either order. */
inline either_order(a, from_a, b, from_b)
{
    if
    :: a = from_a; b = from_b
    :: b = from_b; a = from_a
    fi
}

/*
 * What stands in one atomic block looks at memory once, at its beginning: the
 * rest of it concerns the process alone.  Variables are 0 when their value is
 * of no more use, so that states which differ in nothing else are one.
 */

/* ---- the writer ---------------------------------------------------------- */

byte total;

inline publish()
{
    if
    :: written != published ->
        FENCE(RELEASE_WRITE, empty(to_header));
        atomic {
            to_write ! written;
            before = published;
            published = written
        }
        FENCE(PUBLISH, WRITER_DRAINED);
        either_order(masked, mask, seen, read);
        atomic {
            if
            :: !masked && seen == before -> reader_woken = 1
            :: else
            fi;
            masked = 0;
            seen = 0;
            before = 0
        }
    :: else
    fi
}

active proctype writer()
{
    byte written, published, taken, before, seen, wished;
    bit masked;

next_packet:
    atomic {
        if
        :: SMALLEST == 1 -> total = 1
        :: LARGEST >= 2 -> total = 2
        :: LARGEST > 2 -> total = LARGEST
        :: goto last
        fi;
        if
        :: total <= room(taken, written) -> goto put
        :: else
        fi
    }
    atomic {
        taken = read;
        if
        :: total <= room(taken, written) -> goto put
        :: else
        fi
    }
    publish();
    atomic {
        to_pending ! total + WISH;
        wished = total
    }
    FENCE(WANT_ROOM, WRITER_DRAINED);
    atomic {
        taken = read;
        if
        :: total <= room(taken, written) -> goto put
        :: else
        fi
    }
    SLEEP(writer_asleep, writer_woken);
    goto next_packet;
put:
    atomic {
        to_header ! written, total;
        written = (written + total) % SIZE;
        if
        :: wished && total >= wished -> to_pending ! 0; wished = 0
        :: else
        fi;
        total = 0;
        if
        :: goto next_packet /* staged */
        :: skip
        fi
    }
    publish();
    goto next_packet;
last:
    publish()
}

/* ---- the reader ---------------------------------------------------------- */

/* What the reader itself finds. */
#define owes (owed || debts)

/* Behind the index that was shown. */
inline owe()
{
    if
    :: THREADS && WITHOUT != OWE -> debts++; to_read ! DEBT, 0
    :: else -> owed = 1
    fi
}

/* Behind a fence: does the writer wait for the room that came? */
inline tell()
{
    if
    :: STALE -> wanted = pending
    :: else -> either_order(wanted, pending, shown, write)
    fi;
    atomic {
        late = (owes && FORGETS != 3);
        if
        :: wanted && room_came((SIZE - distance(before, shown)),
                               (SIZE - distance(released, shown))) ->
            writer_woken = 1
        :: else
        fi;
        owed = 0;
        late = 0;
        wanted = 0;
        before = 0
    }
}

/* Whether a release looks at once hangs on a glance that proves nothing: here
 * it may come out either way. */
inline release()
{
    if
    :: parsed != released ->
        atomic {
            to_read ! INDEX, parsed;
            before = released;
            released = parsed
        }
        if
        :: atomic { LATER -> owe(); before = 0 }
        :: FENCE(LOOK, READER_DRAINED);
           tell()
        fi
    :: else
    fi
}

/* That it is read is for the claims alone: no side looks at it. */
inline take_packet()
{
    d_step {
        assert(header[parsed] != 0); /* a packet is there before its index */
        units = header[parsed];
        header[parsed] = 0;
        parsed = (parsed + units) % SIZE;
        units = 0
    }
}

/* Its last calls, before it waits for what does not come by this ring. */
inline look_and_stop()
{
    if
    :: STOPS == 1 && owes && FORGETS != 4 ->
        FENCE(LOOK, READER_DRAINED);
        tell()
    :: STOPS == 2 ->
        if
        :: FORGETS == 6
        :: FORGETS != 6 && READER_DRAINED /* that of WANT_ROOM */
        fi;
        atomic {
            if
            :: owes && FORGETS != 5 && pending -> writer_woken = 1
            :: else
            fi
        }
    :: STOPS == 3 -> to_read ! STOPPED, 1
    :: else
    fi
}

active proctype reader()
{
    byte parsed, released, shown, before, wanted, units;
    bit armed, late, slipped_in;

    do
    :: if
       :: owes && parsed == shown && FORGETS != 1 ->
           FENCE(LOOK, READER_DRAINED);
           tell()
       :: else
       fi;
       atomic {
        if
        :: armed -> to_mask ! 1; armed = 0
        :: else
        fi
       }
       atomic {
        if
        :: parsed == shown -> shown = write
        :: else
        fi
       }
       if
       :: parsed != shown ->
           take_packet();
           if
           :: release()
           :: skip
           fi
       :: else ->
           release();
           if
           :: POLLS ->
               if
               :: owes && FORGETS != 1
               :: else -> write != parsed
               fi
           :: else ->
               atomic {
                   to_mask ! 0;
                   armed = 1
               }
               FENCE(ARM, READER_DRAINED);
               slipped_in = (write != parsed);
               if
               :: owes && FORGETS != 2 -> tell()
               :: else
               fi;
               if
               :: slipped_in -> slipped_in = 0
               :: else -> SLEEP(reader_asleep, reader_woken)
               fi
           fi
       fi
    :: STOPS ->
       release();
       look_and_stop();
       break
    od
}

/* ---- a sender on another thread ------------------------------------------ */

/*
 * It finds no room in its own ring, of which nothing is here but the fence
 * behind its wish: it has no stores of ours to wait for.
 */
inline look_for_the_reader()
{
    atomic {
        if
        :: owed && FORGETS == 8 -> owed = 0
        :: owed && FORGETS != 8 -> owed = 0; writer_woken = 1
        :: else
        fi
    }
}

#if THREADS
active proctype sender()
{
    do
    :: pending -> look_for_the_reader()
    :: break
    od;
    if
    :: STOPS == 3 && FORGETS != 7 ->
        stopped;
        if
        :: pending -> look_for_the_reader()
        :: else
        fi
    :: else
    fi
}
#endif

/* ---- the claim ----------------------------------------------------------- */

/* Nothing moves any more: then nobody sleeps on what is there. */
active proctype claim()
{
    timeout;
    assert(!reader_asleep || write == read);
    assert(!writer_asleep || total > room(read, write))
}
