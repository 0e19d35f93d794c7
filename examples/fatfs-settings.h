/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#ifndef FATFS_SETTINGS_H
#define FATFS_SETTINGS_H
/*
 * What FatFs is built with for files.c: FAT12, 16 and 32, short names, blocks
 * of 512 to 4096 bytes, no heap.  Its own ffconf.h says what each setting does.
 */
#define FFCONF_DEF 86604 /* the revision these are for */

#define FF_FS_READONLY 0
#define FF_FS_MINIMIZE 0
#define FF_FS_TINY     0
#define FF_FS_EXFAT    0
#define FF_FS_RPATH    0
#define FF_FS_LOCK     0
#define FF_FS_NOFSINFO 0

#define FF_MIN_SS          512
#define FF_MAX_SS          4096
#define FF_VOLUMES         1
#define FF_MULTI_PARTITION 0
#define FF_STR_VOLUME_ID   0
#define FF_USE_TRIM        0

#define FF_CODE_PAGE 437
#define FF_USE_LFN   0
#define FF_MAX_LFN   255

#define FF_USE_STRFUNC  0
#define FF_USE_FIND     0
#define FF_USE_MKFS     0
#define FF_USE_FASTSEEK 0
#define FF_USE_EXPAND   0
#define FF_USE_CHMOD    0
#define FF_USE_LABEL    0
#define FF_USE_FORWARD  0

/* 1 January 2026, always: these guests have no calendar. */
#define FF_FS_NORTC   1
#define FF_NORTC_MDAY 1
#define FF_NORTC_MON  1
#define FF_NORTC_YEAR 2026

#define FF_FS_REENTRANT 0

#endif
