/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef EXAMPLE_FILES_H
#define EXAMPLE_FILES_H
/*
 * Files on a FAT disk: FatFs above, libvmb below.  The same for the bare-metal
 * guest (05-files.c) and for a run on the simulated host
 * (05-files-hosted.c).
 */
#include <vmb/vmb.h>

struct files {
    struct vmb_conn *conn;
    const struct vmb_platform *plat;
    void *pages; /* FILES_PAGES of them */
    void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2)));
};

#define FILES_PAGES 13u

/*
 * Open the first SCSI controller and the disk at LUN 0, mount, list, read
 * README.TXT, write NEW.TXT, unmount; open it all again and read NEW.TXT back.
 * False: something failed, and has been said.
 */
bool files_run(const struct files *files);

#endif
