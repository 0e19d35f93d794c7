/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What a client of kmcl.h (04-kmcl.c) runs on, bare metal: a connection, some
 * pages, and a device made of both.
 */
#include "port.h"

#include "04-kmcl.h"

#define ARENA_PAGES 128

static struct example ex;
static struct vmb_kmcl_device device;

static bool has_offer(const GUID *type)
{
    struct vmb_guid wire;

    __builtin_memcpy(&wire, type, sizeof wire);
    return vmb_conn_find(&ex.conn, &wire, NULL, 0) != NULL;
}

static void make_device(void)
{
    struct vmb_kmcl_device_cfg cfg = { .conn = &ex.conn,
                                       .arena = pages_take(ARENA_PAGES),
                                       .arena_pages = ARENA_PAGES };

    example_expect("KMCL device", vmb_kmcl_device_init(&device, &cfg), NULL);
}

static void run(const GUID *type, uint32_t times)
{
    uint32_t before = vmb_kmcl_free_pages(&device);
    CLIENT_RESULT result;
    NTSTATUS status;
    uint32_t i;

    for (i = 0; i < times; i++) {
        status = ClientRun(&device, type, &result);
        if (!NT_SUCCESS(status))
            guest_fail("status 0x%x after: %s", (unsigned)status, result.Step);
        print("host's answers: %u; bytes of ours that it read: %u\n",
              (unsigned)result.Answers, (unsigned)result.Bytes);
    }
    if (vmb_kmcl_misuses(&device) > 0)
        guest_fail("%s was refused: 0x%x", vmb_kmcl_last_function(&device),
                   (unsigned)vmb_kmcl_last_status(&device));
    if (vmb_kmcl_free_pages(&device) != before)
        guest_fail("%u pages lost",
                   (unsigned)(before - vmb_kmcl_free_pages(&device)));
}

enum guest_verdict guest_main(const struct guest_boot *boot)
{
    bool is_testdev;

    example_begin(&ex, boot);
    example_claim(&ex);
    example_connect(&ex);
    make_device();
    is_testdev = has_offer(&GUID_DEVTYPE_TEST);
    if (!is_testdev && !has_offer(&GUID_DEVTYPE_DYNAMIC_MEMORY))
        guest_fail("no device here that this example knows");
    run(is_testdev ? &GUID_DEVTYPE_TEST : &GUID_DEVTYPE_DYNAMIC_MEMORY, 3);
    example_unload(&ex);
    example_leave(&ex);
    print(
        "a client for Windows has run, three times, and left no page taken\n");
    return GUEST_PASS;
}
