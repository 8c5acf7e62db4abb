/* SPDX-License-Identifier: MIT
 *
 * Which of many are to blame: what is found, and in how many trials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "run/bisect.h"

/* The case fails after all of `needs`. A script overrules that for the trials that it has letters for: p, f, u, s. */
struct world {
    uint32_t needs[4], n_needs;
    uint32_t heals; /* passes if this one is among them; UINT32_MAX: none */
    bool always;
    const char *script;
    uint32_t at;
};

static enum bisect_verdict look(void *ctx, const uint32_t *which, uint32_t n)
{
    struct world *w = ctx;
    for (uint32_t i = 1; i < n; i++)
        assert_true(which[i - 1] < which[i]);
    uint32_t at = w->at++;
    if (w->script && at < strlen(w->script) && w->script[at] != '.')
        return w->script[at] == 'p'   ? TRIAL_PASSES
               : w->script[at] == 'f' ? TRIAL_FAILS
               : w->script[at] == 'u' ? TRIAL_UNSURE
                                      : TRIAL_STOP;
    uint32_t found = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (which[i] == w->heals)
            return TRIAL_PASSES;
        for (uint32_t k = 0; k < w->n_needs; k++)
            found += which[i] == w->needs[k];
    }
    return w->always || (w->n_needs && found == w->n_needs) ? TRIAL_FAILS : TRIAL_PASSES;
}

static struct bisect search(struct world *w, uint32_t n, uint32_t max_trials)
{
    struct bisect b = {.n = n, .try = look, .ctx = w, .max_trials = max_trials};
    bisect_find(&b);
    assert_int_equal(b.trials, w->at);
    return b;
}

static void one_is_found_in_about_log2_trials(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 70; n++)
        for (uint32_t culprit = 0; culprit < n; culprit++) {
            struct world w = {.needs = {culprit}, .n_needs = 1, .heals = UINT32_MAX};
            struct bisect b = search(&w, n, 200);
            uint32_t log2 = 0;
            while ((1u << log2) < n)
                log2++;
            assert_int_equal(b.result, BISECT_FOUND);
            assert_int_equal(b.n_found, 1);
            assert_int_equal(b.found[0], culprit);
            assert_true(b.minimal);
            assert_true(b.trials <= log2 + 5);
            bisect_clear(&b);
        }
    struct world w = {.needs = {123}, .n_needs = 1, .heals = UINT32_MAX};
    struct bisect b = search(&w, 500, 200);
    assert_true(b.trials <= 14);
    assert_int_equal(b.found[0], 123);
    bisect_clear(&b);
}

static void several_are_found_together_and_in_order(void **state)
{
    (void)state;
    for (uint32_t n = 2; n <= 24; n++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = i + 1; k < n; k++) {
                struct world w = {.needs = {i, k}, .n_needs = 2, .heals = UINT32_MAX};
                struct bisect b = search(&w, n, 200);
                assert_int_equal(b.result, BISECT_FOUND);
                assert_int_equal(b.n_found, 2);
                assert_int_equal(b.found[0], i);
                assert_int_equal(b.found[1], k);
                assert_true(b.minimal);
                bisect_clear(&b);
            }
    struct world w = {.needs = {3, 77, 250, 499}, .n_needs = 4, .heals = UINT32_MAX},
                 pair = {.needs = {3, 499}, .n_needs = 2, .heals = UINT32_MAX};
    struct bisect b = search(&w, 500, 200);
    assert_int_equal(b.result, BISECT_FOUND);
    assert_int_equal(b.n_found, 4);
    assert_true(b.trials <= 80);
    assert_true(b.minimal);
    bisect_clear(&b);
    b = search(&pair, 500, 200);
    assert_int_equal(b.n_found, 2);
    assert_true(b.trials <= 36);
    bisect_clear(&b);
}

static void another_case_may_undo_it(void **state)
{
    (void)state;
    for (uint32_t culprit = 0; culprit < 30; culprit++) {
        struct world w = {.needs = {culprit}, .n_needs = 1, .heals = 31};
        struct bisect b = search(&w, 31, 200);
        assert_int_equal(b.result, BISECT_FOUND);
        assert_int_equal(b.found[0], culprit);
        bisect_clear(&b);
    }
}

static void the_limit_leaves_a_list_that_fails(void **state)
{
    (void)state;
    for (uint32_t limit = 0; limit < 60; limit++) {
        struct world w = {.needs = {3, 20, 44}, .n_needs = 3, .heals = UINT32_MAX};
        struct bisect b = search(&w, 64, limit);
        assert_int_equal(b.result, BISECT_FOUND);
        assert_true(b.trials <= limit + 4);
        uint32_t has = 0;
        for (uint32_t i = 0; i < b.n_found; i++)
            has += b.found[i] == 3 || b.found[i] == 20 || b.found[i] == 44;
        assert_int_equal(has, 3);
        assert_true(!b.minimal || b.n_found == 3);
        bisect_clear(&b);
    }
}

static void expect(const char *script, bool always, uint32_t n, enum bisect_result result, uint32_t trials, int line)
{
    struct world w = {.needs = {0}, .n_needs = n ? 1 : 0, .heals = UINT32_MAX, .always = always, .script = script};
    struct bisect b = search(&w, n, 200);
    if (b.result != result || b.trials != trials)
        fail_msg("line %d: result %d after %u trials", line, b.result, b.trials);
    bisect_clear(&b);
}
#define EXPECT(script, always, n, result, trials) expect(script, always, n, result, trials, __LINE__)

static void what_is_no_order_dependence_is_told_apart(void **state)
{
    (void)state;
    EXPECT("", true, 8, BISECT_ALONE, 1);
    EXPECT("pppp", false, 8, BISECT_NOT_AFTER, 4);
    EXPECT("puuu", false, 8, BISECT_NOT_AFTER, 4);
    EXPECT("ppuf", false, 1, BISECT_FOUND, 6);  /* the third try does it */
    EXPECT("pfp", false, 1, BISECT_FLAKY, 4);   /* the same list passes */
    EXPECT("pffff", false, 1, BISECT_FLAKY, 4); /* none of them fails */
    EXPECT("pffu", false, 1, BISECT_FLAKY, 4);
    /* At each point. */
    EXPECT("s", false, 8, BISECT_STOPPED, 1);
    EXPECT("u", false, 8, BISECT_STOPPED, 1);
    EXPECT("ps", false, 8, BISECT_STOPPED, 2);
    EXPECT("pfs", false, 8, BISECT_STOPPED, 3);
    EXPECT("pfpps", false, 8, BISECT_STOPPED, 5);
    EXPECT("pfppps", false, 8, BISECT_STOPPED, 6);   /* the one that was supposed */
    EXPECT("pfppppps", false, 8, BISECT_STOPPED, 8); /* ddmin */
    EXPECT("pfs", false, 1, BISECT_STOPPED, 3);
    EXPECT("pffs", false, 1, BISECT_STOPPED, 4);
}

static void what_cannot_be_tried_is_not_blamed(void **state)
{
    (void)state;
    /* Both halves of two end before the case. */
    struct world w = {.needs = {0, 1}, .n_needs = 2, .heals = UINT32_MAX, .script = "..uuuu"};
    struct bisect b = search(&w, 2, 200);
    assert_int_equal(b.result, BISECT_FOUND);
    assert_int_equal(b.n_found, 2);
    bisect_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_found_in_about_log2_trials),
        cmocka_unit_test(several_are_found_together_and_in_order),
        cmocka_unit_test(another_case_may_undo_it),
        cmocka_unit_test(the_limit_leaves_a_list_that_fails),
        cmocka_unit_test(what_is_no_order_dependence_is_told_apart),
        cmocka_unit_test(what_cannot_be_tried_is_not_blamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
