/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The message slot of a SynIC: the hypervisor fills it when it is empty, and
 * otherwise sets the pending flag and waits for an end-of-message.  Does a
 * message ever wait for one that does not come?
 *
 *   -DWITHOUT=GIVE_BACK  the library without that barrier
 */
#define GIVE_BACK 1

#ifndef WITHOUT
#define WITHOUT 0
#endif

#define MESSAGES 4

byte type; /* 0: the slot is empty */
bit pending, end_of_message;
byte left = MESSAGES, taken;

/* The guest's stores on their way; the hypervisor's are there at once. */
chan to_type = [2] of { byte };

#define FENCE(name, drained) \
    if                       \
    :: WITHOUT == name       \
    :: WITHOUT != name && drained \
    fi

#define GUEST_DRAINED empty(to_type)

active proctype memory()
{
    do
    :: to_type ? type
    od
}

/* It sets the flag before it looks at the slot a last time. */
active proctype hypervisor()
{
    do
    :: left == 0 -> break
    :: left > 0 ->
        if
        :: atomic { type == 0 -> type = 1; pending = 0; left-- }
        :: type != 0 ->
            pending = 1;
            if
            :: atomic { type == 0 -> type = 1; pending = 0; left-- }
            :: type != 0 -> end_of_message; end_of_message = 0
            fi
        fi
    od
}

active proctype guest()
{
    do
    :: empty(to_type) && type != 0 ->
        taken++;
        to_type ! 0;
        FENCE(GIVE_BACK, GUEST_DRAINED);
        if
        :: pending -> end_of_message = 1
        :: else
        fi
    od
}

active proctype claim()
{
    timeout;
    assert(left == 0 && taken == MESSAGES)
}
