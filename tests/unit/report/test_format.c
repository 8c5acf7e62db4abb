/* SPDX-License-Identifier: MIT */
#include "report/text.h"
#include "unit/report/script.h"

static void expect_duration(int64_t ns, const char *text)
{
    struct buf b = BUF_INIT;
    report_duration(ns, &b);
    assert_string_equal(buf_cstr(&b), text);
    buf_clear(&b);
}

static void durations_have_three_digits_and_a_unit(void **state)
{
    (void)state;
    expect_duration(0, "<1 ms");
    expect_duration(-5, "<1 ms");
    expect_duration(999999, "<1 ms");
    expect_duration(1000000, "1 ms");
    expect_duration(820 * MS, "820 ms");
    expect_duration(1240 * MS, "1.24 s");
    expect_duration(14230 * MS, "14.2 s");
    expect_duration(185 * 1000 * MS, "3 min 05 s");
    expect_duration(3725 * 1000 * MS, "1 h 02 min");
}

static void durations_round_into_the_next_unit(void **state)
{
    (void)state;
    expect_duration(999 * MS + 600000, "1.00 s");
    expect_duration(9994 * MS, "9.99 s");
    expect_duration(9996 * MS, "10.0 s");
    expect_duration(59949 * MS, "59.9 s");
    expect_duration(59950 * MS, "1 min 00 s");
    expect_duration(3599 * 1000 * MS + 600 * MS, "1 h 00 min");
    expect_duration(7199 * 1000 * MS, "2 h 00 min");
}

static void counts_have_commas(void **state)
{
    static const struct {
        uint64_t n;
        const char *text;
    } cases[] = {{0, "0"},          {999, "999"},        {1000, "1,000"},
                 {11389, "11,389"}, {100000, "100,000"}, {1234567, "1,234,567"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b = BUF_INIT;
        report_count(cases[i].n, &b);
        assert_string_equal(buf_cstr(&b), cases[i].text);
        buf_clear(&b);
    }
}

static void expect_summary(struct run_counts c, int64_t ms, const char *text)
{
    struct buf b = BUF_INIT;
    report_summary_line(&c, ms * MS, true, false, false, &b);
    assert_string_equal(buf_cstr(&b), text);
    buf_clear(&b);
}

static void the_summary_names_what_there_is_and_nothing_else(void **state)
{
    (void)state;
    expect_summary((struct run_counts){.selected = 320,
                                       .ran = 30,
                                       .cached = 290,
                                       .passed = 312,
                                       .failed = 5,
                                       .flaky = 1,
                                       .skipped = 2,
                                       .exit_status = 1},
                   14200, "5 failed, 1 flaky, 312 passed (290 cached), 2 skipped in 14.2 s");
    expect_summary((struct run_counts){.selected = 3, .ran = 3, .passed = 3}, 820, "3 passed in 820 ms");
    expect_summary((struct run_counts){.selected = 1204, .ran = 1, .cached = 1203, .passed = 1204}, 820,
                   "1,204 passed (1,203 cached) in 820 ms");
    expect_summary((struct run_counts){.selected = 1, .ran = 1, .failed = 1}, 820, "1 failed in 820 ms");
}

static void the_summary_tells_failed_builds_apart(void **state)
{
    (void)state;
    expect_summary((struct run_counts){.selected = 12, .skipped = 12, .builds_ran = 1, .builds_failed = 1}, 3100,
                   "1 build failed, 12 skipped in 3.10 s");
    expect_summary((struct run_counts){.selected = 2, .skipped = 2, .builds_ran = 2, .builds_failed = 2}, 3100,
                   "2 builds failed, 2 skipped in 3.10 s");
}

static void only_builds_ran_is_not_nothing_to_do(void **state)
{
    (void)state;
    expect_summary((struct run_counts){.selected = 9, .cached = 9, .passed = 9, .builds_ran = 3}, 3100,
                   "9 passed (9 cached) in 3.10 s");
}

static void an_interrupted_run_says_what_it_left(void **state)
{
    (void)state;
    expect_summary((struct run_counts){.selected = 1204,
                                       .ran = 20,
                                       .cached = 290,
                                       .passed = 310,
                                       .failed = 2,
                                       .exit_status = 130,
                                       .interrupted = true},
                   14200, "interrupted: 2 failed, 310 passed (290 cached), 892 not run after 14.2 s");
    expect_summary((struct run_counts){.selected = 2, .exit_status = 130, .interrupted = true}, 10,
                   "interrupted: 2 not run after 10 ms");
    expect_summary((struct run_counts){.exit_status = 130, .interrupted = true}, 10,
                   "interrupted: 0 passed after 10 ms");
}

static void nothing_to_do_is_one_friendly_line(void **state)
{
    (void)state;
    expect_summary((struct run_counts){.selected = 11389, .cached = 11389, .passed = 11389}, 41,
                   "nothing to do: 11,389 tests are clean (checked in 41 ms)");
    expect_summary((struct run_counts){.selected = 1, .cached = 1, .passed = 1}, 2,
                   "nothing to do: 1 test is clean (checked in 2 ms)");
    expect_summary((struct run_counts){.selected = 0}, 2, "nothing to do: no tests are selected (checked in 2 ms)");
    struct run_counts c = {.selected = 4, .cached = 4, .passed = 4};
    struct buf b = BUF_INIT;
    report_summary_line(&c, 41 * MS, false, false, false, &b);
    assert_string_equal(buf_cstr(&b), "nothing to do: 4 targets are clean (checked in 41 ms)");
    buf_clear(&b);
}

static void the_summary_is_coloured_by_part(void **state)
{
    (void)state;
    struct run_counts c = {.selected = 4, .ran = 4, .passed = 1, .failed = 1, .flaky = 1, .skipped = 1};
    struct buf b = BUF_INIT;
    report_summary_line(&c, 41 * MS, true, false, true, &b);
    assert_string_equal(buf_cstr(&b), "\033[1;31m1 failed\033[0m, \033[33m1 flaky\033[0m, \033[32m1 passed\033[0m, "
                                      "\033[33m1 skipped\033[0m in 41 ms");
    buf_clear(&b);
}

static void clocks_round_down(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    text_clock(14999 * MS, &b);
    buf_addc(&b, ' ');
    text_clock(3723 * 1000 * MS, &b);
    buf_addc(&b, ' ');
    text_clock(-1, &b);
    assert_string_equal(buf_cstr(&b), "0:14 1:02:03 0:00");
    buf_clear(&b);
}

static void labels_are_quoted_for_the_shell_where_they_must_be(void **state)
{
    static const char *const cases[][2] = {
        {"services/api:unit", "services/api:unit"},
        {"a@1.2,b+c=d/e", "a@1.2,b+c=d/e"},
        {"~root", "'~root'"},
        {"x[1]", "'x[1]'"},
        {"it's", "'it'\\''s'"},
        {"", "''"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b = BUF_INIT;
        text_shell_word(&b, cases[i][0]);
        assert_string_equal(buf_cstr(&b), cases[i][1]);
        buf_clear(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_three_digits_and_a_unit),
        cmocka_unit_test(durations_round_into_the_next_unit),
        cmocka_unit_test(counts_have_commas),
        cmocka_unit_test(the_summary_names_what_there_is_and_nothing_else),
        cmocka_unit_test(the_summary_tells_failed_builds_apart),
        cmocka_unit_test(only_builds_ran_is_not_nothing_to_do),
        cmocka_unit_test(an_interrupted_run_says_what_it_left),
        cmocka_unit_test(nothing_to_do_is_one_friendly_line),
        cmocka_unit_test(the_summary_is_coloured_by_part),
        cmocka_unit_test(clocks_round_down),
        cmocka_unit_test(labels_are_quoted_for_the_shell_where_they_must_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
