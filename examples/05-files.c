/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A FAT disk from bare metal: list, read, write, open again, read back.  Built
 * with -Dfatfs=FOLDER; files.c has the work in it.
 */
#include "files.h"
#include "port.h"

static struct example ex;

enum guest_verdict guest_main(const struct guest_boot *boot)
{
    struct files files = { .conn = &ex.conn, .plat = &ex.plat, .say = print };
    bool good;

    example_begin(&ex, boot);
    example_claim(&ex);
    example_connect(&ex);
    files.pages = pages_take(FILES_PAGES);
    if (!files.pages)
        guest_fail("no room for rings");
    good = files_run(&files);
    example_leave(&ex);
    return good ? GUEST_PASS : GUEST_FAIL;
}
