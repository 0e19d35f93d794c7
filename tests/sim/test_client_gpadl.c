/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* GPADLs of a client channel: kept, refused, forgotten. */
#include "client.h"

#define PAGES 3u

static struct client client;

struct memory {
    struct vmb_channel_gpadl gpadl;
    uint8_t *pages;
};

static struct memory memory[3];

static struct client *up(uint32_t quirks)
{
    uint32_t i;

    client_set_up(
        &client, &(struct rig_cfg){ .interrupts = true, .sim.quirks = quirks });
    memset(memory, 0, sizeof memory);
    for (i = 0; i < 3; i++)
        memory[i].pages = rig_alloc(client.rig, PAGES);
    client_up(&client);
    return &client;
}

static enum vmb_status create_start(struct client *c, struct memory *m)
{
    return vmb_channel_create_gpadl_from_buffer_start(
        &c->channel, &m->gpadl, m->pages, PAGES * VMB_PAGE_SIZE);
}

static enum vmb_status create(struct client *c, struct memory *m)
{
    enum vmb_status status = create_start(c, m);

    return status == VMB_OK ? vmb_wait_gpadl(&c->rig->conn, &m->gpadl.gpadl)
                            : status;
}

static void refuse_next(struct client *c)
{
    struct vmb_sim_fault fault = { .at = VMB_SIM_AT_GUEST_MESSAGE,
                                   .act = VMB_SIM_REFUSE };

    fault.k = vmb_sim_count(c->rig->sim, fault.at);
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &fault), VMB_OK);
}

/* Refused and asked for again, with another made in between. */
static void one_refused_may_be_made_again(void **state)
{
    struct client *c = up(0);

    (void)state;
    refuse_next(c);
    assert_int_equal(create(c, &memory[0]), VMB_E_REFUSED);
    assert_int_equal(create(c, &memory[1]), VMB_OK);
    assert_int_equal(create(c, &memory[0]), VMB_OK);
    assert_int_equal(create(c, &memory[0]), VMB_E_STATE);
    assert_int_equal(create(c, &memory[2]), VMB_OK);
    client_down(c);
    assert_int_equal(vmb_sim_live_gpadls(c->rig->sim), 0);
    client_tear_down(c);
}

static void those_forgotten_come_down(void **state)
{
    struct client *c = up(0);

    (void)state;
    assert_int_equal(create(c, &memory[0]), VMB_OK);
    assert_int_equal(create(c, &memory[1]), VMB_OK);
    assert_int_equal(vmb_sim_live_gpadls(c->rig->sim), 3);
    client_down(c);
    assert_int_equal(vmb_sim_live_gpadls(c->rig->sim), 0);
    assert_false(rig_mapped(c->rig, memory[0].pages, PAGES));
    client_up(c);
    assert_int_equal(create(c, &memory[1]), VMB_OK);
    vmb_sim_rescind(c->dev);
    client_until_disabled(c);
    assert_false(rig_mapped(c->rig, memory[1].pages, PAGES));
    client_tear_down(c);
}

/* The ring is down before the host has answered for the other. */
static void one_under_way_is_waited_for(void **state)
{
    struct client *c = up(VMB_SIM_LAZY);
    struct vmb_sim_fault fault = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                   .act = VMB_SIM_REORDER };

    (void)state;
    rig_settle(c->rig);
    fault.k = vmb_sim_count(c->rig->sim, fault.at);
    assert_int_equal(create_start(c, &memory[0]), VMB_OK);
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &fault), VMB_OK);
    client_down(c);
    assert_int_equal(vmb_gpadl_destroy_status(&memory[0].gpadl.gpadl), VMB_OK);
    assert_false(rig_mapped(c->rig, memory[0].pages, PAGES));
    client_tear_down(c);
}

/* Whether the host has it nobody knows: so it is asked to let go, at the first
 * close, whoever began that. */
static void one_in_doubt_comes_down(bool rescinded)
{
    struct client *c = up(0);
    struct vmb_sim_fault lose = { .at = VMB_SIM_AT_HOST_MESSAGE,
                                  .act = VMB_SIM_LOSE };

    lose.k = vmb_sim_count(c->rig->sim, lose.at);
    assert_int_equal(vmb_sim_fault_add(c->rig->sim, &lose), VMB_OK);
    assert_int_equal(create(c, &memory[0]), VMB_E_TIMEOUT);
    assert_int_equal(vmb_sim_live_gpadls(c->rig->sim), 2);
    if (rescinded)
        vmb_sim_rescind(c->dev);
    else
        assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    client_until_disabled(c);
    assert_int_equal(vmb_sim_live_gpadls(c->rig->sim), 0);
    client_tear_down(c);
}

static void one_in_doubt_comes_down_with_a_close(void **state)
{
    (void)state;
    one_in_doubt_comes_down(false);
}

static void one_in_doubt_comes_down_with_a_rescind(void **state)
{
    (void)state;
    one_in_doubt_comes_down(true);
}

/*
 * The channel is down but for a GPADL that is still being made, and then nobody
 * knows whether the host has it: it is asked to let go all the same.
 */
static void one_under_way_falls_into_doubt(bool rescinded)
{
    struct client *c = up(0);
    enum vmb_status status;

    rig_settle(c->rig);
    rig_fault(c->rig, VMB_SIM_AT_HOST_MESSAGE, VMB_SIM_LOSE, 1, 0);
    assert_int_equal(create_start(c, &memory[0]), VMB_OK);
    RIG_UNTIL(c->rig, vmb_sim_faults_hit(c->rig->sim) == 1);
    assert_int_equal(vmb_channel_disable_start(&c->channel), VMB_OK);
    RIG_UNTIL(c->rig, c->events[c->count - 1] == CLOSED);
    if (rescinded)
        vmb_sim_rescind(c->dev);
    assert_int_equal(vmb_gpadl_create_status(&memory[0].gpadl.gpadl),
                     VMB_AGAIN);
    RIG_WAIT(c->rig, &status, vmb_channel_disable_status(&c->channel));
    assert_int_equal(status, VMB_OK);
    assert_int_equal(vmb_sim_live_gpadls(c->rig->sim), 0);
    client_tear_down(c);
}

static void one_under_way_is_asked_for_after_its_deadline(void **state)
{
    (void)state;
    one_under_way_falls_into_doubt(false);
}

static void one_under_way_is_asked_for_after_a_rescind(void **state)
{
    (void)state;
    one_under_way_falls_into_doubt(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_refused_may_be_made_again),
        cmocka_unit_test(those_forgotten_come_down),
        cmocka_unit_test(one_under_way_is_waited_for),
        cmocka_unit_test(one_in_doubt_comes_down_with_a_close),
        cmocka_unit_test(one_in_doubt_comes_down_with_a_rescind),
        cmocka_unit_test(one_under_way_is_asked_for_after_its_deadline),
        cmocka_unit_test(one_under_way_is_asked_for_after_a_rescind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
