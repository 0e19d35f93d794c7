/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * From the RSDP to the MADT and its processors: ACPI 6.5, 5.2.5 to 5.2.12.
 * Every length is bounded before it is followed.
 */
#include "internal.h"

#define RSDP_BYTES    20
#define RSDP_REVISION 15
#define RSDP_RSDT     16
#define RSDP_XSDT     24
#define EBDA_SEGMENT  0x40e
#define EBDA_BYTES    1024
#define BIOS_START    0xe0000
#define BIOS_BYTES    0x20000

#define HEADER_BYTES  36
#define HEADER_LENGTH 4
#define TABLE_MAX     0x100000
#define MADT_ENTRIES  44
#define ENABLED       1u

enum madt_type {
    MADT_LOCAL_APIC = 0,
    MADT_LOCAL_X2APIC = 9,
};

/* Tables lie at any alignment. */
static uint32_t load32(const unsigned char *from)
{
    uint32_t value;

    memcpy(&value, from, sizeof value);
    return value;
}

static uint64_t load64(const unsigned char *from)
{
    return (uint64_t)load32(from + 4) << 32 | load32(from);
}

static bool sums_to_zero(const unsigned char *bytes, size_t length)
{
    unsigned sum = 0;

    for (size_t i = 0; i < length; i++)
        sum += bytes[i];
    return (sum & 0xff) == 0;
}

static const unsigned char *rsdp_at(uint64_t address)
{
    const unsigned char *rsdp = at(address);

    if (!address || !fits_below(address, 36, GIB_4) ||
        memcmp(rsdp, "RSD PTR ", 8) != 0 || !sums_to_zero(rsdp, RSDP_BYTES))
        return NULL;
    return rsdp;
}

static const unsigned char *scan(uint64_t from, uint64_t bytes)
{
    for (uint64_t offset = 0; offset < bytes; offset += 16) {
        const unsigned char *rsdp = rsdp_at(from + offset);

        if (rsdp)
            return rsdp;
    }
    return NULL;
}

static const unsigned char *find_rsdp(const struct guest_boot *boot)
{
    const unsigned char *rsdp = rsdp_at(boot->rsdp);
    uint16_t segment;

    if (!rsdp) {
        memcpy(&segment, at(EBDA_SEGMENT), sizeof segment);
        rsdp = scan((uint64_t)segment << 4, EBDA_BYTES);
    }
    return rsdp ? rsdp : scan(BIOS_START, BIOS_BYTES);
}

/* NULL unless the whole table is mapped and of a sane length. */
static const unsigned char *table_at(uint64_t address, const char *signature)
{
    const unsigned char *table = at(address);
    uint32_t length;

    if (!address || !fits_below(address, HEADER_BYTES, GIB_4) ||
        memcmp(table, signature, 4) != 0)
        return NULL;
    length = load32(table + HEADER_LENGTH);
    if (length < HEADER_BYTES || length > TABLE_MAX ||
        !fits_below(address, length, GIB_4) || !sums_to_zero(table, length))
        return NULL;
    return table;
}

static const unsigned char *find_madt(const unsigned char *rsdp)
{
    bool wide = rsdp[RSDP_REVISION] >= 2 && load64(rsdp + RSDP_XSDT);
    const unsigned char *root =
        wide ? table_at(load64(rsdp + RSDP_XSDT), "XSDT")
             : table_at(load32(rsdp + RSDP_RSDT), "RSDT");
    uint32_t width = wide ? 8 : 4;
    uint32_t length = root ? load32(root + HEADER_LENGTH) : 0;

    for (uint32_t i = HEADER_BYTES; i + width <= length; i += width) {
        const unsigned char *madt =
            table_at(wide ? load64(root + i) : load32(root + i), "APIC");

        if (madt)
            return madt;
    }
    return NULL;
}

/* An entry of at least 2 bytes; false when it lists no usable processor. */
static bool processor_of(const unsigned char *entry, uint32_t *id)
{
    if (entry[0] == MADT_LOCAL_APIC && entry[1] >= 8) {
        *id = entry[3];
        return (load32(entry + 4) & ENABLED) && *id != 0xff;
    }
    if (entry[0] == MADT_LOCAL_X2APIC && entry[1] >= 16) {
        *id = load32(entry + 4);
        return load32(entry + 8) & ENABLED;
    }
    return false;
}

size_t acpi_processors(const struct guest_boot *boot, uint32_t *apic_ids,
                       size_t room)
{
    const unsigned char *rsdp = find_rsdp(boot);
    const unsigned char *madt = rsdp ? find_madt(rsdp) : NULL;
    uint32_t length = madt ? load32(madt + HEADER_LENGTH) : 0;
    size_t count = 0;

    for (uint32_t i = MADT_ENTRIES; i + 2 <= length && count < room;) {
        const unsigned char *entry = madt + i;

        if (entry[1] < 2 || entry[1] > length - i)
            break;
        if (processor_of(entry, &apic_ids[count]))
            count++;
        i += entry[1];
    }
    return count;
}
