/* SPDX-License-Identifier: MIT
 *
 * The cases that wait in a suite: which group is next, what is stolen, what is dropped; then random rows of calls beside a
 * naive model. The workers themselves are started by tests/e2e/suites. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/suite_internal.h"

static struct suite *suite;

static void begin(bool steal, uint32_t places)
{
    struct suite_opts o = {.label = "s", .steal = steal, .places = places, .cancel_fd = -1, .kill_fd = -1};
    suite = suite_new(&o);
}

static void add(uint32_t node, uint32_t group, int64_t estimate_ns, bool failed)
{
    char label[32], id[32];
    snprintf(label, sizeof label, "s#c%u", node);
    snprintf(id, sizeof id, "c%u", node);
    struct suite_case c = {
        .node = node, .label = label, .id = id, .group = group, .estimate_ns = estimate_ns, .failed_before = failed};
    suite_add(suite, &c);
}

static uint32_t head_of(uint32_t g) { return suite->items[suite->groups[g].head].c.node; }

/* Takes the next group and serves all of it: "1 2 3". */
static void expect_group(const char *nodes)
{
    struct buf b = BUF_INIT;
    uint32_t g = suite_next_group(suite);
    for (bool first = true; g != UINT32_MAX && suite->groups[g].head != UINT32_MAX; first = false)
        buf_printf(&b, "%s%u", first ? "" : " ", suite->items[suite_take_first(suite, g)].c.node);
    assert_string_equal(buf_cstr(&b), nodes);
    if (g != UINT32_MAX)
        suite_leave_group(suite, g);
    buf_clear(&b);
}

static void groups_keep_their_order_and_the_longest_goes_first(void **state)
{
    (void)state;
    begin(false, 4);
    add(1, 7, 10, false);
    add(2, UINT32_MAX, 25, false);
    add(3, 7, 5, false);
    add(4, UINT32_MAX, 25, false);
    add(5, 9, 20, false);
    add(6, 7, 3, false);
    add(7, 9, 21, false);
    assert_int_equal(suite_waiting(suite), 7);
    assert_int_equal(suite_waiting_ns(suite), 109);
    assert_int_equal(suite_places_wanted(suite), 4);
    expect_group("5 7");
    expect_group("2"); /* the first among equals */
    expect_group("4");
    assert_int_equal(suite_places_wanted(suite), 1);
    expect_group("1 3 6");
    expect_group("");
    assert_int_equal(suite_waiting(suite), 0);
    assert_int_equal(suite_waiting_ns(suite), 0);
    assert_int_equal(suite_places_wanted(suite), 0);
    suite_free(suite);
}

static void what_failed_last_time_goes_before_all(void **state)
{
    (void)state;
    begin(false, 4);
    add(1, 1, 1000, false);
    add(2, 2, 1, false);
    assert_false(suite_failed_waits(suite));
    add(3, 2, 1, true);
    add(4, UINT32_MAX, 1, true);
    assert_true(suite_failed_waits(suite));
    expect_group("2 3");
    expect_group("4");
    assert_false(suite_failed_waits(suite));
    expect_group("1");
    suite_free(suite);
}

static void an_idle_worker_takes_the_second_half_of_the_group_with_the_most_left(void **state)
{
    (void)state;
    begin(true, 4);
    for (uint32_t i = 0; i < 7; i++)
        add(i, 1, 10, false);
    for (uint32_t i = 10; i < 12; i++)
        add(i, 2, 10, false);
    uint32_t a = suite_next_group(suite), b = suite_next_group(suite);
    suite_take_first(suite, a);
    suite_take_first(suite, b);
    assert_int_equal(suite->groups[a].n, 6);
    uint32_t c = suite_next_group(suite);
    assert_int_equal(suite->groups[c].n, 3);
    assert_int_equal(head_of(c), 4);
    assert_int_equal(head_of(a), 1);
    assert_int_equal(suite->groups[a].estimate_ns, 30);
    assert_int_equal(suite->groups[c].estimate_ns, 30);
    uint32_t d = suite_next_group(suite); /* of two equals the first */
    assert_int_equal(head_of(d), 2);
    assert_int_equal(suite->groups[d].n, 2);
    assert_int_equal(suite->groups[a].n, 1);
    add(7, 1, 10, false); /* one more of the group comes after what it has kept */
    assert_int_equal(suite->groups[a].n, 2);
    suite_free(suite);
}

static void a_group_of_order_group_is_not_divided(void **state)
{
    (void)state;
    begin(false, 4);
    for (uint32_t i = 0; i < 7; i++)
        add(i, 1, 10, false);
    uint32_t a = suite_next_group(suite);
    assert_int_not_equal(a, UINT32_MAX);
    assert_int_equal(suite_next_group(suite), UINT32_MAX);
    add(8, 1, 10, false); /* nor is what comes while somebody is at it */
    assert_int_equal(suite_next_group(suite), UINT32_MAX);
    suite_leave_group(suite, a);
    assert_int_equal(suite_next_group(suite), a);
    suite_free(suite);
}

static void a_group_whose_cases_were_dropped_and_that_gets_others_is_served_by_one(void **state)
{
    (void)state;
    begin(false, 4);
    uint32_t node;
    add(1, 1, 10, false);
    assert_true(suite_drop(suite, &node));
    assert_int_equal(node, 1);
    assert_false(suite_drop(suite, &node));
    assert_int_equal(suite_places_wanted(suite), 0);
    add(2, 1, 10, false);
    add(3, 1, 10, false);
    assert_int_equal(suite_places_wanted(suite), 1);
    uint32_t a = suite_next_group(suite);
    assert_int_not_equal(a, UINT32_MAX);
    assert_int_equal(suite_next_group(suite), UINT32_MAX);
    suite_free(suite);
}

static void a_stopped_suite_wants_no_place_and_can_be_emptied(void **state)
{
    (void)state;
    begin(true, 4);
    for (uint32_t i = 0; i < 5; i++)
        add(i, i % 2, 10, false);
    suite_next_group(suite);
    suite_stop(suite);
    assert_int_equal(suite_places_wanted(suite), 0);
    uint32_t seen = 0, node;
    while (suite_drop(suite, &node))
        seen |= 1u << node;
    assert_int_equal(seen, 31);
    assert_int_equal(suite_waiting(suite), 0);
    suite_free(suite);
}

/* ---- the model ---- */

enum { GROUPS = 400, CASES = 300 };
struct model_group {
    uint32_t number; /* UINT32_MAX: nobody's */
    uint32_t v[CASES], n;
    bool taken, failed;
};
static struct model_group model[GROUPS];
static uint32_t n_model, engine_group[GROUPS]; /* the same group there; UINT32_MAX = not known yet */
static int64_t estimates[CASES];

static int64_t left_of(const struct model_group *g)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < g->n; i++)
        sum += estimates[g->v[i]];
    return sum;
}

static struct model_group *model_of(uint32_t number)
{
    for (uint32_t i = 0; i < n_model && number != UINT32_MAX; i++)
        if (model[i].number == number)
            return &model[i];
    model[n_model] = (struct model_group){.number = number};
    engine_group[n_model] = UINT32_MAX;
    return &model[n_model++];
}

static uint32_t model_next(bool steal)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < n_model; i++) {
        const struct model_group *g = &model[i], *b = best == UINT32_MAX ? NULL : &model[best];
        if (g->taken || !g->n)
            continue;
        if (!b || (g->failed && !b->failed) || (g->failed == b->failed && left_of(g) > left_of(b)))
            best = i;
    }
    if (best != UINT32_MAX || !steal)
        return best;
    for (uint32_t i = 0; i < n_model; i++)
        if (model[i].taken && model[i].n >= 2 && (best == UINT32_MAX || left_of(&model[i]) > left_of(&model[best])))
            best = i;
    if (best == UINT32_MAX)
        return best;
    struct model_group *from = &model[best], *to = model_of(UINT32_MAX);
    uint32_t keep = from->n / 2;
    to->n = from->n - keep;
    memcpy(to->v, from->v + keep, to->n * sizeof *to->v);
    from->n = keep;
    to->failed = from->failed;
    return n_model - 1;
}

static void model_take(struct model_group *g, uint32_t at)
{
    memmove(g->v + at, g->v + at + 1, (g->n - at - 1) * sizeof *g->v);
    g->n--;
}

static uint32_t r(uint32_t n) { return n ? (uint32_t)rand() % n : 0; }

static void random_calls(unsigned seed)
{
    uint32_t n_cases = 0, places = 1 + seed % 5;
    bool steal = seed % 2;
    srand(seed);
    n_model = 0;
    begin(steal, places);
    for (int step = 0; step < 600; step++) {
        uint32_t what = r(10), g;
        if (what < 3 && n_cases < CASES && n_model < GROUPS - 2) {
            uint32_t number = r(3) ? r(8) : UINT32_MAX;
            estimates[n_cases] = (int64_t)r(4) * 10;
            bool failed = r(12) == 0;
            struct model_group *m = model_of(number);
            m->v[m->n++] = n_cases;
            m->failed |= failed;
            add(n_cases, number, estimates[n_cases], failed);
            n_cases++;
        } else if (what < 5 && n_model < GROUPS - 2) {
            uint32_t want = model_next(steal);
            g = suite_next_group(suite);
            assert_int_equal(g == UINT32_MAX, want == UINT32_MAX);
            if (g == UINT32_MAX)
                continue;
            assert_int_equal(head_of(g), model[want].v[0]);
            assert_int_equal(suite->groups[g].n, model[want].n);
            assert_int_equal(suite->groups[g].estimate_ns, left_of(&model[want]));
            model[want].taken = true;
            engine_group[want] = g;
        } else if (what < 8 && n_model) {
            uint32_t i = r(n_model);
            if (!model[i].taken)
                continue;
            g = engine_group[i];
            assert_int_equal(suite->groups[g].head == UINT32_MAX, model[i].n == 0);
            if (model[i].n && r(8)) {
                assert_int_equal(suite->items[suite_take_first(suite, g)].c.node, model[i].v[0]);
                model_take(&model[i], 0);
            } else {
                suite_leave_group(suite, g);
                model[i].taken = false;
            }
        } else if (what == 8 && r(4) == 0) {
            uint32_t node, left = 0;
            bool found = suite_drop(suite, &node);
            for (uint32_t i = 0; i < n_model; i++)
                left += model[i].n;
            assert_int_equal(found, left > 0);
            for (uint32_t i = 0; i < n_model && found; i++)
                if (model[i].n && model[i].v[0] == node) { /* a group keeps its order */
                    model_take(&model[i], 0);
                    found = false;
                }
            assert_false(found);
        } else {
            uint32_t waiting = 0, wanted = 0;
            int64_t ns = 0;
            bool failed = false;
            for (uint32_t i = 0; i < n_model; i++) {
                waiting += model[i].n;
                ns += left_of(&model[i]);
                failed |= !model[i].taken && model[i].n && model[i].failed;
                wanted += model[i].taken ? steal && model[i].n >= 2 : model[i].n > 0;
            }
            assert_int_equal(suite_waiting(suite), waiting);
            assert_int_equal(suite_waiting_ns(suite), ns);
            assert_int_equal(suite_failed_waits(suite), failed);
            assert_int_equal(suite_places_wanted(suite), wanted < places ? wanted : places);
        }
    }
    suite_free(suite);
}

static void random_rows_of_calls_do_what_the_model_does(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 200; seed++)
        random_calls(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_keep_their_order_and_the_longest_goes_first),
        cmocka_unit_test(what_failed_last_time_goes_before_all),
        cmocka_unit_test(an_idle_worker_takes_the_second_half_of_the_group_with_the_most_left),
        cmocka_unit_test(a_group_of_order_group_is_not_divided),
        cmocka_unit_test(a_group_whose_cases_were_dropped_and_that_gets_others_is_served_by_one),
        cmocka_unit_test(a_stopped_suite_wants_no_place_and_can_be_emptied),
        cmocka_unit_test(random_rows_of_calls_do_what_the_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
