/* SPDX-License-Identifier: MIT
 *
 * The ready queue: order, what nodes share, that everything gets its turn, that nothing is quadratic. */
#include "../graph/graph_test.h"
#include "run/sched.h"

static struct sched *queue;

static void begin(uint32_t slots)
{
    world_build();
    queue = sched_new(&graph, slots);
}

static void end(void)
{
    sched_free(queue);
    world_end();
}

static void expect_pop(const char *label, int line)
{
    node_id n = sched_pop(queue);
    const char *got = n == ID_NONE ? "nothing" : graph_label(&graph, n);
    if (strcmp(got, label) != 0)
        fail_msg("line %d: %s in place of %s", line, got, label);
}
#define POP(label) expect_pop(label, __LINE__)
static void push(const char *label, int64_t priority) { sched_push(queue, node_of(label), priority); }
static void release(const char *label) { sched_release(queue, node_of(label)); }

static void highest_priority_first_then_lower_id(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "a", .cmd = STRS("t"));
    target(KIND_TEST, "b", .cmd = STRS("t"));
    target(KIND_TEST, "c", .cmd = STRS("t"));
    target(KIND_TEST, "d", .cmd = STRS("t"));
    begin(4);
    push("d", 1);
    push("c", INT64_MAX);
    push("b", 1);
    push("a", INT64_MIN);
    assert_int_equal(sched_waiting(queue), 4);
    POP("c");
    POP("b");
    POP("d");
    assert_int_equal(sched_waiting(queue), 1);
    assert_int_equal(sched_running(queue), 3);
    POP("a");
    POP("nothing");
    end();
}

static void no_more_than_the_slots(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "big", .cmd = STRS("t"), .slots = 3);
    target(KIND_TEST, "huge", .cmd = STRS("t"), .slots = 99); /* gets all there are */
    target(KIND_TEST, "a", .cmd = STRS("t"));
    target(KIND_TEST, "b", .cmd = STRS("t"));
    begin(4);
    push("a", 9);
    push("b", 1);
    push("big", 5);
    push("huge", 7);
    POP("a");
    POP("nothing"); /* huge holds the others back, or it would never start */
    release("a");
    POP("huge");
    POP("nothing");
    release("huge");
    POP("big");
    POP("b");
    release("b");
    release("big");
    assert_int_equal(sched_running(queue), 0);
    end();
}

static void slots_may_change_meanwhile(void **state)
{
    (void)state;
    world_begin();
    for (int i = 0; i < 6; i++)
        target(KIND_TEST, arena_printf(&world.arena, "t%d", i), .cmd = STRS("t"));
    begin(1);
    for (node_id i = 0; i < 6; i++)
        sched_push(queue, i, 10 - (int64_t)i);
    POP("t0");
    POP("nothing");
    sched_set_slots(queue, 3);
    POP("t1");
    POP("t2");
    POP("nothing");
    sched_set_slots(queue, 0); /* at least one */
    release("t0");
    release("t1");
    POP("nothing");
    release("t2");
    POP("t3");
    POP("nothing");
    end();
}

static void alone_is_alone(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "alone", .cmd = STRS("t"), .exclusive_all = true);
    target(KIND_TEST, "alone2", .cmd = STRS("t"), .exclusive_all = true);
    target(KIND_TEST, "a", .cmd = STRS("t"));
    target(KIND_TEST, "b", .cmd = STRS("t"));
    begin(8);
    push("a", 9);
    push("alone", 5);
    push("alone2", 5);
    push("b", 1);
    POP("a");
    POP("nothing");
    release("a");
    POP("alone");
    push("a", 99);
    POP("nothing");
    release("alone");
    POP("a");
    POP("nothing");
    release("a");
    POP("alone2");
    release("alone2");
    POP("b");
    end();
}

static void a_full_pool_lets_others_pass(void **state)
{
    (void)state;
    world_begin();
    add_pool("db", 2);
    target(KIND_TEST, "p1", .cmd = STRS("t"), .pool = "db");
    target(KIND_TEST, "p2", .cmd = STRS("t"), .pool = "db");
    target(KIND_TEST, "p3", .cmd = STRS("t"), .pool = "db");
    target(KIND_TEST, "p4", .cmd = STRS("t"), .pool = "db");
    target(KIND_TEST, "free", .cmd = STRS("t"));
    begin(8);
    push("p1", 9);
    push("p2", 8);
    push("p3", 7);
    push("p4", 10);
    push("free", 1);
    POP("p4");
    POP("p1");
    POP("free");
    POP("nothing");
    assert_int_equal(sched_waiting(queue), 2);
    release("p1");
    POP("p2"); /* the better of those that wait */
    POP("nothing");
    release("p2");
    release("p4");
    POP("p3");
    end();
}

static void one_holder_of_a_resource(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "gpu", .cmd = STRS("t"), .exclusive = STRS("gpu"));
    target(KIND_TEST, "both", .cmd = STRS("t"), .exclusive = STRS("gpu", "port"));
    target(KIND_TEST, "port", .cmd = STRS("t"), .exclusive = STRS("port"));
    target(KIND_TEST, "twice", .cmd = STRS("t"), .exclusive = STRS("port", "port"));
    begin(8);
    push("gpu", 9);
    push("both", 8);
    push("port", 7);
    push("twice", 6);
    POP("gpu");
    POP("port"); /* both waits for the gpu and keeps nobody from the port */
    POP("nothing");
    release("gpu");
    POP("nothing");
    release("port");
    POP("both");
    POP("nothing");
    release("both");
    POP("twice");
    POP("nothing");
    release("twice");
    end();
}

/* X waits for one of two resources, Y for the other: who was woken for the one and has to wait on passes the wake on. */
static void a_wake_that_is_of_no_use_goes_on(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "hold_r", .cmd = STRS("t"), .exclusive = STRS("r"));
    target(KIND_TEST, "hold_s", .cmd = STRS("t"), .exclusive = STRS("s"));
    target(KIND_TEST, "rs", .cmd = STRS("t"), .exclusive = STRS("r", "s"));
    target(KIND_TEST, "r", .cmd = STRS("t"), .exclusive = STRS("r"));
    begin(8);
    push("hold_r", 99);
    push("hold_s", 98);
    push("rs", 9);
    push("r", 1);
    POP("hold_r");
    POP("hold_s");
    POP("nothing");
    release("hold_r"); /* wakes rs, which now waits for s */
    POP("r");
    POP("nothing");
    release("hold_s");
    POP("nothing");
    release("r");
    POP("rs");
    end();
}

static void dropping_takes_out_all_that_wait(void **state)
{
    (void)state;
    world_begin();
    add_pool("p", 1);
    target(KIND_TEST, "a", .cmd = STRS("t"), .pool = "p");
    target(KIND_TEST, "b", .cmd = STRS("t"), .pool = "p");
    target(KIND_TEST, "c", .cmd = STRS("t"), .pool = "p", .exclusive = STRS("x"));
    target(KIND_TEST, "d", .cmd = STRS("t"));
    begin(1);
    push("a", 4);
    push("b", 3);
    push("c", 2);
    push("d", 1);
    POP("a");
    POP("nothing");
    uint32_t seen = 0;
    for (node_id n; (n = sched_drop(queue)) != ID_NONE;)
        seen |= 1u << n;
    assert_int_equal(seen, 14);
    assert_int_equal(sched_waiting(queue), 0);
    POP("nothing");
    release("a");
    push("b", 1);
    POP("b");
    end();
}

/* ---- random ---- */

static uint64_t seed;
static uint32_t dice(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % n;
}

struct model {
    uint32_t slots, used, pool[2], name[3], running;
    bool alone;
};
static const char *const names[] = {"x", "y", "z"};

static uint32_t wanted_slots(const struct model *m, const struct action *a)
{
    return a->slots < m->slots ? a->slots : m->slots;
}

static uint32_t name_index(str_id s)
{
    for (uint32_t i = 0; i < 3; i++)
        if (strcmp(graph_str(&graph, s), names[i]) == 0)
            return i;
    fail();
    return 0;
}

/* Could n start by the resources alone? */
static bool resources_free(const struct model *m, const struct action *a)
{
    if (a->pool != ID_NONE && m->pool[a->pool] >= graph.pools[a->pool].slots)
        return false;
    for (uint32_t i = 0; i < a->exclusive.n; i++)
        if (m->name[name_index(a->exclusive.v[i])])
            return false;
    return true;
}

static void hold(struct model *m, node_id n, int sign)
{
    struct action a;
    graph_action(&graph, n, &a);
    uint32_t one = (uint32_t)sign;
    m->used += one * wanted_slots(m, &a);
    m->running += one;
    if (a.pool != ID_NONE)
        m->pool[a.pool] += one;
    for (uint32_t i = 0; i < a.exclusive.n; i++)
        m->name[name_index(a.exclusive.v[i])] += one;
    m->alone = sign > 0 && (graph.nodes[n].flags & NODE_EXCLUSIVE);
}

/* By the rules: the best node whose resources are free, if its slots are free and it may run beside the others. */
static node_id should_pop(const struct model *m, const int64_t *priority, const uint8_t *waits)
{
    node_id best = ID_NONE;
    struct action a;
    if (m->alone)
        return ID_NONE;
    for (node_id n = 0; n < graph.n_nodes; n++) {
        if (!waits[n])
            continue;
        graph_action(&graph, n, &a);
        if (resources_free(m, &a) && (best == ID_NONE || priority[n] > priority[best]))
            best = n;
    }
    if (best == ID_NONE)
        return ID_NONE;
    graph_action(&graph, best, &a);
    bool alone = (graph.nodes[best].flags & NODE_EXCLUSIVE) != 0;
    return (alone ? m->running > 0 : m->used + wanted_slots(m, &a) > m->slots) ? ID_NONE : best;
}

static void random_runs_follow_the_rules(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= 400; round++) {
        seed = round * UINT64_C(0x9e3779b97f4a7c15);
        world_begin();
        add_pool("p", 1 + dice(3));
        add_pool("q", 1);
        uint32_t n_nodes = 1 + dice(40);
        for (uint32_t i = 0; i < n_nodes; i++) {
            const char *held[3];
            uint32_t n_held = 0;
            for (uint32_t k = 0; k < 3; k++)
                if (dice(4) == 0)
                    held[n_held++] = names[k];
            uint32_t pool = dice(6);
            target(KIND_TEST, arena_printf(&world.arena, "n%u", i), .cmd = STRS("t"), .exclusive = {held, n_held},
                   .pool = pool == 0   ? "p"
                           : pool == 1 ? "q"
                                       : NULL,
                   .slots = dice(5) ? 1 : 1 + dice(6), .exclusive_all = dice(20) == 0);
        }
        struct model m = {.slots = 1 + dice(5)};
        begin(m.slots);
        int64_t priority[40];
        uint8_t waits[40] = {0}, runs[40] = {0};
        uint32_t pushed = 0, popped = 0, released = 0, steps = 0;
        while (released < n_nodes && ++steps < 100000) {
            if (pushed < n_nodes && dice(3) == 0) {
                priority[pushed] = dice(10);
                sched_push(queue, pushed, priority[pushed]);
                waits[pushed++] = 1;
            }
            if (dice(2)) {
                node_id expected = should_pop(&m, priority, waits), got = sched_pop(queue);
                if (got != expected)
                    fail_msg("round %u: %d in place of %d", round, (int)got, (int)expected);
                if (got != ID_NONE) {
                    waits[got] = 0;
                    runs[got] = 1;
                    hold(&m, got, 1);
                    popped++;
                }
            }
            node_id over = dice(n_nodes);
            if (runs[over] && dice(2)) {
                runs[over] = 0;
                hold(&m, over, -1);
                sched_release(queue, over);
                released++;
            }
            assert_int_equal(sched_running(queue), popped - released);
            assert_int_equal(sched_waiting(queue), pushed - popped);
        }
        assert_int_equal(released, n_nodes);
        end();
    }
}

/* As many steps of one kind as nodes: if one of them looked through all that wait, this would take minutes. */
static void many_that_wait_for_one_thing(void **state)
{
    (void)state;
    enum { N = 100000 };
    for (int kind = 0; kind < 4; kind++) {
        world_begin();
        add_pool("p", 2);
        for (uint32_t i = 0; i < N; i++)
            target(KIND_TEST, arena_printf(&world.arena, "n%u", i), .cmd = STRS("t"),
                   .pool = kind == 0 || (kind == 3 && i % 2) ? "p" : NULL,
                   .exclusive = kind == 1 || kind == 3 ? STRS("x") : (struct strs){0}, .exclusive_all = kind == 2);
        begin(8);
        for (uint32_t i = 0; i < N; i++)
            sched_push(queue, i, i % 17);
        uint32_t n = 0;
        node_id running[8];
        uint32_t n_running = 0;
        while (n < N) {
            node_id i = sched_pop(queue);
            if (i != ID_NONE) {
                running[n_running++] = i;
                n++;
                continue;
            }
            assert_true(n_running > 0 && n_running <= 2);
            sched_release(queue, running[--n_running]);
        }
        assert_int_equal(sched_waiting(queue), 0);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(highest_priority_first_then_lower_id), cmocka_unit_test(no_more_than_the_slots),
        cmocka_unit_test(slots_may_change_meanwhile),           cmocka_unit_test(alone_is_alone),
        cmocka_unit_test(a_full_pool_lets_others_pass),         cmocka_unit_test(one_holder_of_a_resource),
        cmocka_unit_test(a_wake_that_is_of_no_use_goes_on),     cmocka_unit_test(dropping_takes_out_all_that_wait),
        cmocka_unit_test(random_runs_follow_the_rules),         cmocka_unit_test(many_that_wait_for_one_thing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
