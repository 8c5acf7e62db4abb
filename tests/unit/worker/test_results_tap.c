/* SPDX-License-Identifier: MIT
 *
 * TAP as its specification describes it, and what is none. */
#include "results_test.h"

#define TAP(text, expected) EXPECT(RESULTS_TAP, 0, text, expected)

static void points_and_plans(void **state)
{
    (void)state;
    TAP("TAP version 14\n1..3\nok 1 - first\nok 2\nok - third\n",
        "passed\n  first: passed\n  2: passed\n  third: passed\n");
    TAP("ok 1 a\r\nok 2 b\r\n1..2", "passed\n  a: passed\n  b: passed\n");
    TAP("TAP version 13\n1..2\nok 1\nnot ok 2 - does # not # work\n",
        "failed: does # not # work\n  1: passed\n  does # not # work: failed\n");
    TAP("1..2\nnot ok 1 - a\nnot ok 2 - b\n", "failed: a (and 1 more of 2)\n  a: failed\n  b: failed\n");
    TAP("# about\n\nhello\n1..1\nokay\nok 1 - a\n", "passed\n  a: passed\n");
}

static void what_the_plan_does_not_hold(void **state)
{
    (void)state;
    TAP("ok 1\n", "failed: no plan (1..N)\n  1: passed\n");
    TAP("", "error: it wrote no TAP: neither a plan (1..N) nor a test point\n");
    TAP("hello\n", "error: it wrote no TAP: neither a plan (1..N) nor a test point\n");
    TAP("1..3\nok 1\nok 2\n", "failed: planned 3, ran 2\n  1: passed\n  2: passed\n");
    TAP("1..1\nok 1\nok 2\n", "failed: planned 1, ran 2\n  1: passed\n  2: passed\n");
    TAP("1..1\nok 1\n1..1\n", "failed: a second plan: 1..1\n  1: passed\n");
    TAP("ok 1\n1..2\nok 2\n", "failed: a test point after the plan that ended them: ok 2\n  1: passed\n  2: passed\n");
    TAP("1..2\nok 1\nok 1\n", "failed: number 1 where 2 was due: ok 1\n  1: passed\n  1: passed\n");
    TAP("1..1x\nok 1\n", "failed: no plan (1..N)\n  1: passed\n");
    TAP("1..99999999999999999999999\nok 1\n", "failed: planned 18446744073709551615, ran 1\n  1: passed\n");
    EXPECT(RESULTS_TAP, 3, "1..1\nok 1 - a\n", "failed: exit status 3, though no test of it failed (1)\n  a: passed\n");
    EXPECT(RESULTS_TAP, 3, "", "failed: exit status 3; it wrote no TAP: neither a plan (1..N) nor a test point\n");
}

static void directives(void **state)
{
    (void)state;
    TAP("1..0 # SKIP no network\n", "skipped: no network\n");
    TAP("1..0\n", "skipped: nothing planned (1..0)\n");
    TAP("1..0 # SKIP no network\nok 1\n", "failed: planned 0, ran 1\n  1: passed\n");
    TAP("1..1\nok 1 - a # skip on this system\n", "skipped: on this system\n  a: skipped (on this system)\n");
    TAP("1..4\nnot ok 1 - a # TODO later\nok 2 - b # todo\nnot ok 3 - c # SKIP\nok 4\n",
        "passed\n  a: xfailed (later)\n  b: xpassed\n  c: skipped\n  4: passed\n");
    TAP("1..1\nnot ok 1 - a \\# TODO later\n", "failed: a # TODO later\n  a # TODO later: failed\n");
    TAP("1..1\nnot ok 1 - a \\\\# TODO later\n", "passed\n  a \\: xfailed (later)\n");
    TAP("1..1\nnot ok 1 - a # TODOS\n", "failed: a # TODOS\n  a # TODOS: failed\n");
}

static void bailing_out(void **state)
{
    (void)state;
    TAP("1..2\nok 1\nBail out! no disk\n", "failed: Bail out! no disk\n  1: passed\n");
    TAP("1..1\n    1..2\n    ok 1 - x\n    bail out! no disk\nok 1 - a\n",
        "failed: bail out! no disk\n  a > x: passed\n  a: passed\n");
}

static void yaml_blocks(void **state)
{
    (void)state;
    TAP("1..2\n"
        "not ok 1 - a\n"
        "  ---\n"
        "  message: 'expected 3, got 4'\n"
        "  severity: fail\n"
        "  ...\n"
        "not ok 2 - b\n"
        "  ---\n"
        "  message: |\n"
        "    the first line\n"
        "    not ok 3 - is text here\n"
        "    Bail out! is too\n"
        "  ...\n",
        "failed: a (and 1 more of 2)\n  a: failed (expected 3, got 4)\n  b: failed (the first line)\n");
    /* One that is not closed ends where something stands further left. */
    TAP("1..2\nok 1\n  ---\n  a: 1\nok 2\n", "passed\n  1: passed\n  2: passed\n");
}

static void subtests(void **state)
{
    (void)state;
    TAP("TAP version 14\n"
        "1..2\n"
        "# Subtest: foo.tap\n"
        "    1..2\n"
        "    ok 1\n"
        "        ok 1 - deep\n"
        "        1..1\n"
        "    ok 2 - this passed\n"
        "ok 1 - foo.tap\n"
        "    1..1\n"
        "    not ok 1 - object should be a Boolean\n"
        "not ok 2 - bar.tap\n",
        "failed: bar.tap\n"
        "  foo.tap > 1: passed\n  foo.tap > this passed > deep: passed\n  foo.tap > this passed: passed\n  foo.tap: "
        "passed\n"
        "  bar.tap > object should be a Boolean: failed\n  bar.tap: failed\n");
    TAP("1..1\n    not ok 1 - inner\nnot ok 1 - outer # TODO later\n",
        "passed\n  outer > inner: xfailed\n  outer: xfailed (later)\n");
    TAP("1..1\n    not ok 1 - inner\nok 1 - outer\n",
        "failed: it is ok, but a subtest of it is not: ok 1 - outer\n  outer > inner: failed\n  outer: passed\n");
    TAP("1..1\nok 1 - outer\n    not ok 1 - inner\n",
        "failed: a subtest failed, and no test point follows that it belongs to\n  outer: passed\n  inner: failed\n");
}

static void versions_and_pragmas(void **state)
{
    (void)state;
    TAP("TAP version 15\n1..1\nok 1\n", "failed: an unknown version: TAP version 15\n  1: passed\n");
    TAP("TAP version 14\npragma +strict\n1..1\nok 1\n# fine\n\n", "passed\n  1: passed\n");
    TAP("TAP version 14\npragma +strict\n1..1\nok 1\nhello\n",
        "failed: this is not TAP, and pragma +strict forbids it: hello\n  1: passed\n");
    TAP("pragma +strict\npragma -strict\nhello\n1..1\nok 1\n", "passed\n  1: passed\n");
}

static void odd_bytes(void **state)
{
    (void)state;
    const char text[] = "1..1\nnot ok 1 - a\0# TODO later\n";
    assert_string_equal(judged(RESULTS_TAP, text, sizeof text - 1, NULL, 0, 5), "passed\n  a?: xfailed (later)\n");
    struct buf b = BUF_INIT;
    buf_adds(&b, "1..1\nnot ok 1 - ");
    for (int i = 0; i < 2 << 20; i++)
        buf_addc(&b, 'x');
    buf_adds(&b, " # TODO later\n");
    assert_memory_equal(judged(RESULTS_TAP, b.p, b.len, NULL, 0, 1 << 16), "failed: xxx", 11);
    buf_clear(&b);
}

static void more_than_is_listed_is_counted(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct results_reader *r = results_reader_new(RESULTS_TAP);
    struct results res;
    for (int i = 1; i <= RESULTS_MAX + 10; i++)
        buf_printf(&b, "    ok 1 - inner\n%sok %d - a\n", i == RESULTS_MAX + 5 ? "not " : "", i);
    buf_printf(&b, "1..%d\n", RESULTS_MAX + 10);
    results_reader_feed(r, 1, b.p, b.len, NULL);
    results_reader_end(r, &res, NULL);
    assert_int_equal(res.n, RESULTS_MAX);
    assert_int_equal(res.n + res.left_out, 2 * (RESULTS_MAX + 10));
    assert_int_equal(res.n_all, RESULTS_MAX + 10);
    assert_int_equal(res.n_failed, 1);
    assert_null(res.problem);
    results_clear(&res);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_and_plans),
        cmocka_unit_test(what_the_plan_does_not_hold),
        cmocka_unit_test(directives),
        cmocka_unit_test(bailing_out),
        cmocka_unit_test(yaml_blocks),
        cmocka_unit_test(subtests),
        cmocka_unit_test(versions_and_pragmas),
        cmocka_unit_test(odd_bytes),
        cmocka_unit_test(more_than_is_listed_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
