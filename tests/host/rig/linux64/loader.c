/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Enters a guest by the Linux 64-bit boot protocol.  QEMU's -kernel enters an
 * ELF by PVH only, other VMMs (OpenVMM, Firecracker) by this protocol: so this
 * loader is the -kernel, the guest comes as the -initrd, and is entered at its
 * e_entry in long mode with RSI at boot_params.
 *
 * Without a guest it leaves with EXIT_ALONE: proof that a machine runs.
 */
#include <stddef.h>
#include <stdint.h>

#define DEBUG_EXIT_PORT 0xf4
#define COM1            0x3f8
#define EXIT_ALONE      0x7e
#define EXIT_REFUSED    0x7d

/* Xen's hvm_start_info, version 1 (include/public/arch-x86/hvm/start_info.h).
 */
struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp, memory_map;
    uint32_t memory_map_entries, reserved;
};

struct module {
    uint64_t address, size, command_line, reserved;
};

struct memory_map_entry {
    uint64_t address, size;
    uint32_t type, reserved;
};

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t header_size, program_header_size, program_header_count;
    uint16_t rest[3];
};

struct program_header {
    uint32_t type, flags;
    uint64_t offset, virtual_address, physical_address, file_size, memory_size;
    uint64_t alignment;
};

#define PT_LOAD          1
#define E820_RAM         1
#define MAX_E820         128
#define MAX_COMMAND_LINE 2048

/* Offsets in struct boot_params: Linux Documentation/arch/x86/zero-page.rst
 * and boot.rst. */
#define BP_RSDP         0x070
#define BP_E820_COUNT   0x1e8
#define BP_BOOT_FLAG    0x1fe
#define BP_HEADER_MAGIC 0x202
#define BP_VERSION      0x206
#define BP_LOADER_TYPE  0x210
#define BP_LOAD_FLAGS   0x211
#define BP_COMMAND_LINE 0x228
#define BP_COMMAND_SIZE 0x238
#define BP_E820         0x2d0
#define BP_E820_ENTRY   20

void load(const struct start_info *info);
_Noreturn void enter_guest(uint64_t entry, void *boot_params);

extern uint8_t loader_begin[], loader_end[];

static uint8_t boot_params[4096] __attribute__((aligned(4096)));
static char command_line[MAX_COMMAND_LINE];

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static _Noreturn void leave(uint32_t code)
{
    out32(DEBUG_EXIT_PORT, code);
    for (;;)
        __asm__ volatile("hlt");
}

static _Noreturn void refuse(const char *why)
{
    static const char who[] = "linux64 loader: ";

    for (const char *p = who; *p; p++)
        out8(COM1, (uint8_t)*p);
    for (const char *p = why; *p; p++)
        out8(COM1, (uint8_t)*p);
    out8(COM1, '\n');
    leave(EXIT_REFUSED);
}

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);

void *memcpy(void *to, const void *from, size_t size)
{
    void *start = to;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
    return start;
}

void *memset(void *to, int value, size_t size)
{
    void *start = to;

    __asm__ volatile("rep stosb"
                     : "+D"(to), "+c"(size)
                     : "a"(value)
                     : "memory");
    return start;
}

static void *pointer(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static int overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static int is_ram(const struct start_info *info, uint64_t at, uint64_t size)
{
    const struct memory_map_entry *map = pointer(info->memory_map);

    for (uint32_t i = 0; i < info->memory_map_entries; i++) {
        if (map[i].type == E820_RAM && at >= map[i].address &&
            at + size <= map[i].address + map[i].size)
            return 1;
    }
    return 0;
}

static void load_segment(const struct start_info *info,
                         const struct module *guest,
                         const struct program_header *segment)
{
    uint64_t to = segment->physical_address;
    uint8_t *file = pointer(guest->address + segment->offset);

    if (segment->offset + segment->file_size > guest->size ||
        segment->file_size > segment->memory_size)
        refuse("the ELF file is cut short");
    if (!is_ram(info, to, segment->memory_size))
        refuse("a segment lies outside RAM");
    if (overlap(to, segment->memory_size, (uintptr_t)loader_begin,
                (uint64_t)(loader_end - loader_begin)))
        refuse("a segment overlaps the loader (0x40000)");
    if (overlap(to, segment->memory_size, guest->address, guest->size))
        refuse("a segment overlaps the file: give the guest more memory");
    memcpy(pointer(to), file, segment->file_size);
    memset(pointer(to + segment->file_size), 0,
           segment->memory_size - segment->file_size);
}

static uint64_t load_elf(const struct start_info *info,
                         const struct module *guest)
{
    const struct elf_header *elf = pointer(guest->address);

    if (guest->size < sizeof(*elf) || elf->ident[0] != 0x7f ||
        elf->ident[1] != 'E' || elf->ident[2] != 'L' || elf->ident[3] != 'F' ||
        elf->ident[4] != 2 || elf->machine != 62)
        refuse("the guest is not an ELF64 file for x86-64");
    for (uint32_t i = 0; i < elf->program_header_count; i++) {
        const struct program_header *segment =
            pointer(guest->address + elf->program_headers +
                    (uint64_t)i * elf->program_header_size);

        if (segment->type == PT_LOAD && segment->memory_size)
            load_segment(info, guest, segment);
    }
    return elf->entry;
}

static void put(size_t offset, uint64_t value, size_t size)
{
    memcpy(boot_params + offset, &value, size);
}

static void fill_memory_map(const struct start_info *info)
{
    const struct memory_map_entry *map = pointer(info->memory_map);
    uint32_t count = info->memory_map_entries;

    if (count > MAX_E820)
        count = MAX_E820;
    for (uint32_t i = 0; i < count; i++)
        memcpy(boot_params + BP_E820 + (size_t)i * BP_E820_ENTRY, &map[i],
               BP_E820_ENTRY);
    put(BP_E820_COUNT, count, 1);
}

static void fill_boot_params(const struct start_info *info)
{
    const char *from = pointer(info->command_line);
    size_t length = 0;

    while (from && from[length] && length < MAX_COMMAND_LINE - 1) {
        command_line[length] = from[length];
        length++;
    }
    put(BP_BOOT_FLAG, 0xaa55, 2);
    put(BP_HEADER_MAGIC, 0x53726448, 4); /* "HdrS" */
    put(BP_VERSION, 0x020f, 2);
    put(BP_LOADER_TYPE, 0xff, 1);
    put(BP_LOAD_FLAGS, 1, 1);
    put(BP_COMMAND_LINE, (uintptr_t)command_line, 4);
    put(BP_COMMAND_SIZE, MAX_COMMAND_LINE - 1, 4);
    put(BP_RSDP, info->rsdp, 8);
    fill_memory_map(info);
}

void load(const struct start_info *info)
{
    uint64_t entry;

    if (!info->module_count)
        leave(EXIT_ALONE);
    entry = load_elf(info, pointer(info->modules));
    fill_boot_params(info);
    enter_guest(entry, boot_params);
}
