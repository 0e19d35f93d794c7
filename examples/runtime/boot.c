/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Copies what the loader left somewhere in RAM, before anything else uses
 * that RAM.  The loader is not distrusted, but its counts are bounded and its
 * addresses checked: a wrong boot must say so, not hang.
 */
#include "internal.h"

/* Xen's public ABI, hvm/start_info.h. */
#define START_INFO_MAGIC 0x336ec578u
#define START_INFO_V1    1 /* the first version with a memory map */
#define MEMORY_RAM       1 /* the same number in both protocols */

struct start_info {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t module_count;
    uint64_t modules;
    uint64_t command_line;
    uint64_t rsdp;
    uint64_t memory_map;
    uint32_t memory_map_entries;
    uint32_t reserved;
};
_Static_assert(sizeof(struct start_info) == 56, "PVH start of day");

struct start_module {
    uint64_t address;
    uint64_t size;
    uint64_t command_line;
    uint64_t reserved;
};

struct start_memory {
    uint64_t address;
    uint64_t size;
    uint32_t type;
    uint32_t reserved;
};

/* Linux, Documentation/arch/x86/boot.rst and zero-page.rst: offsets. */
#define PARAMS_BYTES             4096
#define PARAMS_RSDP              0x070
#define PARAMS_COMMAND_LINE_HIGH 0x0c8
#define PARAMS_E820_ENTRIES      0x1e8
#define PARAMS_HEADER_MAGIC      0x202
#define PARAMS_COMMAND_LINE      0x228
#define PARAMS_E820_TABLE        0x2d0
#define PARAMS_E820_MAX          128
#define HEADER_MAGIC             0x53726448u /* "HdrS" */

struct e820_entry {
    uint64_t address;
    uint64_t size;
    uint32_t type;
} __attribute__((packed));
_Static_assert(sizeof(struct e820_entry) == 20, "Linux zero page");

static void add_ram(struct guest_boot *boot, uint64_t start, uint64_t length,
                    uint32_t type)
{
    if (type != MEMORY_RAM || !length)
        return;
    if (boot->ram_count == GUEST_RANGES_MAX) {
        boot->ram_cut = true;
        return;
    }
    boot->ram[boot->ram_count++] = (struct guest_range){ start, length };
}

/* No command line at all is an empty one. */
static void copy_command_line(struct guest_boot *boot, uint64_t from)
{
    size_t i = 0;

    if (!from || !fits_below(from, GUEST_COMMAND_LINE_MAX, GIB_4))
        return;
    const char *text = at(from);
    for (; i < GUEST_COMMAND_LINE_MAX - 1 && text[i]; i++)
        boot->command_line[i] = text[i];
    boot->command_line_cut = text[i] != '\0';
}

static void need_mapped(const char *what, uint64_t start, uint64_t length)
{
    if (!fits_below(start, length, GIB_4))
        guest_fail("boot: %s at 0x%lx, 0x%lx bytes, ends above 4 GiB", what,
                   start, length);
}

static void read_start_modules(struct guest_boot *boot,
                               const struct start_info *info)
{
    uint32_t count = info->module_count;
    const struct start_module *modules = at(info->modules);

    if (!count)
        return;
    if (count > GUEST_MODULES_MAX)
        guest_fail("boot: %u modules, at most %u", count, GUEST_MODULES_MAX);
    need_mapped("PVH module list", info->modules, count * sizeof *modules);
    for (uint32_t i = 0; i < count; i++)
        boot->modules[i] =
            (struct guest_range){ modules[i].address, modules[i].size };
    boot->module_count = count;
}

static void read_start_info(struct guest_boot *boot, uint64_t told)
{
    const struct start_info *info = at(told);
    const struct start_memory *map;

    need_mapped("PVH start info", told, sizeof *info);
    if (info->magic != START_INFO_MAGIC)
        guest_fail("boot: PVH start info has magic 0x%x, not 0x%x", info->magic,
                   START_INFO_MAGIC);
    if (info->version < START_INFO_V1)
        guest_fail("boot: PVH start info version %u has no memory map; "
                   "need %u",
                   info->version, START_INFO_V1);
    map = at(info->memory_map);
    need_mapped("PVH memory map", info->memory_map,
                info->memory_map_entries * sizeof *map);
    for (uint32_t i = 0; i < info->memory_map_entries; i++)
        add_ram(boot, map[i].address, map[i].size, map[i].type);
    boot->rsdp = info->rsdp;
    copy_command_line(boot, info->command_line);
    read_start_modules(boot, info);
}

static uint32_t params32(const char *params, size_t offset)
{
    uint32_t value;

    memcpy(&value, params + offset, sizeof value);
    return value;
}

static void read_boot_params(struct guest_boot *boot, uint64_t told)
{
    const char *params = at(told);
    const struct e820_entry *map = at(told + PARAMS_E820_TABLE);
    unsigned entries;
    uint32_t magic;

    need_mapped("boot_params", told, PARAMS_BYTES);
    magic = params32(params, PARAMS_HEADER_MAGIC);
    if (magic != HEADER_MAGIC)
        guest_fail("boot: boot_params at 0x%lx has magic 0x%x, not 0x%x", told,
                   magic, HEADER_MAGIC);
    entries = (unsigned char)params[PARAMS_E820_ENTRIES];
    if (entries > PARAMS_E820_MAX)
        guest_fail("boot: %u E820 entries, at most %u", entries,
                   PARAMS_E820_MAX);
    for (unsigned i = 0; i < entries; i++)
        add_ram(boot, map[i].address, map[i].size, map[i].type);
    memcpy(&boot->rsdp, params + PARAMS_RSDP, sizeof boot->rsdp);
    copy_command_line(boot, (uint64_t)params32(params, PARAMS_COMMAND_LINE_HIGH)
                                    << 32 |
                                params32(params, PARAMS_COMMAND_LINE));
}

void boot_read(struct guest_boot *boot, uint32_t protocol, uint64_t told)
{
    boot->entry_tsc = entry_tsc;
    if (protocol == GUEST_BOOT_PVH) {
        boot->protocol = GUEST_BOOT_BY_PVH;
        read_start_info(boot, told);
    } else {
        boot->protocol = GUEST_BOOT_BY_LINUX64;
        read_boot_params(boot, told);
    }
}

bool boot_ram_has(const struct guest_boot *boot, uint64_t start,
                  uint64_t length)
{
    for (size_t i = 0; i < boot->ram_count; i++) {
        const struct guest_range *ram = &boot->ram[i];

        if (start >= ram->start && start - ram->start <= ram->length &&
            length <= ram->length - (start - ram->start))
            return true;
    }
    return false;
}
