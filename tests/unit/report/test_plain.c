/* SPDX-License-Identifier: MIT */
#include "unit/report/script.h"

static struct event run_finished(int64_t ms, struct run_counts c)
{
    return (struct event){.type = EVENT_RUN_FINISHED, .now_ns = ms * MS, .duration_ns = ms * MS, .counts = c};
}

static struct event run_started(void)
{
    return (struct event){.type = EVENT_RUN_STARTED, .n_total = 1204, .n_selected = 1204, .jobs = 8};
}

static void one_line_for_each_target_that_ran(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    emit(&s, run_started());
    emit(&s, clean_result(1, "a"));
    emit(&s, started(1, 2, "b"));
    emit(&s, done(2, 2, "b", OUTCOME_PASSED, 1240));
    struct event built = done(3, 3, "lib:obj", OUTCOME_PASSED, 820);
    built.kind = KIND_BUILD;
    emit(&s, built);
    struct event flaky = done(4, 4, "c", OUTCOME_FLAKY, 10);
    flaky.attempt = 2;
    flaky.attempts = 3;
    emit(&s, flaky);
    struct event skip = done(4, 5, "d", OUTCOME_SKIPPED, 0);
    skip.reason = "lib:x, which it needs, failed";
    emit(&s, skip);
    struct event group = done(5, 6, "all", OUTCOME_PASSED, 0);
    group.kind = KIND_GROUP;
    emit(&s, group);
    assert_string_equal(written(&s), "pass  b  1.24 s  (src/a.c changed)\n"
                                     "built  lib:obj  820 ms  (src/a.c changed)\n"
                                     "FLAKY  c  10 ms  passed at attempt 2 of 3  (src/a.c changed)\n"
                                     "skip  d  (lib:x, which it needs, failed)\n");
    script_close(&s);
}

static void a_failure_shows_why_it_ran_and_its_output(void **state)
{
    struct script s;
    struct proc_log log = {0};
    (void)state;
    log_add(&log, 1, "checking 3 routes\n");
    log_add(&log, 2, "expected \033[31m200\033[0m, got 500\n");
    log_add(&log, 1, "\033[2Jno newline at the end");
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    struct event ev = done(5, 1, "services/api:unit", OUTCOME_FAILED, 1240);
    ev.note = "exit status 1";
    ev.log = &log;
    ev.tmpdir = "/tmp/tgraph-4f2a";
    emit(&s, ev);
    emit(&s, done(6, 2, "b", OUTCOME_PASSED, 5));
    assert_string_equal(written(&s), "FAIL  services/api:unit  1.24 s  exit status 1\n"
                                     "  why: src/a.c changed\n"
                                     "checking 3 routes\n"
                                     "expected 200, got 500\n"
                                     "no newline at the end\n"
                                     "  its files are kept in /tmp/tgraph-4f2a\n"
                                     "\n"
                                     "pass  b  5 ms  (src/a.c changed)\n");
    script_close(&s);
    log_clear(&log);
}

static void each_bad_end_has_its_word(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph", .verbosity = -1});
    struct event ev = done(1, 1, "slow", OUTCOME_TIMED_OUT, 10000);
    ev.note = "did not end within 10 s";
    ev.reason = NULL;
    emit(&s, ev);
    ev = done(1, 2, "boom", OUTCOME_CRASHED, 4);
    ev.note = "SIGSEGV (segmentation fault)";
    ev.reason = NULL;
    ev.attempt = ev.attempts = 3;
    emit(&s, ev);
    ev = done(1, 3, "odd", OUTCOME_ERROR, 4);
    ev.note = "it did not make out.txt";
    ev.reason = NULL;
    emit(&s, ev);
    assert_string_equal(written(&s), "TIMEOUT  slow  10.0 s  did not end within 10 s\n\n"
                                     "CRASH  boom  4 ms  attempt 3 of 3: SIGSEGV (segmentation fault)\n\n"
                                     "ERROR  odd  4 ms  it did not make out.txt\n\n");
    script_close(&s);
}

static void a_long_output_is_cut_to_its_end(void **state)
{
    struct script s;
    struct proc_log log = {0};
    (void)state;
    for (int i = 1; i <= 1234; i++) {
        char line[32];
        snprintf(line, sizeof line, "line %d\n", i);
        log_add(&log, 1, line);
    }
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph -C x"});
    struct event ev = done(1, 1, "a", OUTCOME_FAILED, 4);
    ev.log = &log;
    emit(&s, ev);
    assert_non_null(strstr(written(&s), "  the last 60 of 1,234 lines; all of it: tgraph -C x log a\nline 1175\n"));
    assert_non_null(strstr(written(&s), "line 1234\n\n"));
    forget(&s);

    log.dropped_bytes = 1000;
    emit(&s, ev);
    assert_non_null(strstr(written(&s), "  the end of a long output; all of it: tgraph -C x log a\nline 1175\n"));
    forget(&s);

    /* Of an attempt that was followed by another, `tgraph log` knows nothing. */
    ev.type = EVENT_TARGET_RETRIED;
    emit(&s, ev);
    assert_non_null(strstr(written(&s), "  the end of a long output\nline 1175\n"));
    script_close(&s);
    log_clear(&log);

    struct proc_log middle = {.dropped_bytes = 12345};
    log_add(&middle, 1, "begin\nend\n");
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    ev = done(1, 1, "a", OUTCOME_FAILED, 4);
    ev.log = &middle;
    emit(&s, ev);
    assert_non_null(strstr(written(&s), "  12,345 bytes from the middle of this output were not kept\nbegin\nend\n\n"));
    script_close(&s);
    log_clear(&middle);
}

static void a_failed_attempt_is_shown_when_another_follows(void **state)
{
    struct script s;
    struct proc_log log = {0};
    (void)state;
    log_add(&log, 2, "connection refused\n");
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    struct event ev = done(5, 1, "a", OUTCOME_FAILED, 20);
    ev.type = EVENT_TARGET_RETRIED;
    ev.reason = NULL;
    ev.note = "exit status 1";
    ev.attempts = 3;
    ev.log = &log;
    emit(&s, ev);
    ev.attempt = 2;
    emit(&s, ev);
    assert_string_equal(written(&s), "retry  a  20 ms  attempt 1 of 3: exit status 1\nconnection refused\n\n"
                                     "retry  a  20 ms  attempt 2 of 3: exit status 1\nconnection refused\n\n");
    script_close(&s);
    log_clear(&log);
}

static void a_note_never_hides_the_time_or_the_attempt(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    struct event ev = done(5, 1, "a", OUTCOME_FLAKY, 1240);
    ev.note = "left-over processes, ended now: sleep (4711); passed at attempt 2 of 3";
    ev.attempt = 2;
    ev.attempts = 3;
    emit(&s, ev);
    ev = done(5, 2, "b", OUTCOME_FAILED, 1240);
    ev.reason = NULL;
    ev.note = "exit status 1; left-over processes, ended now: sleep (4711), cat (4712)";
    ev.attempt = ev.attempts = 2;
    emit(&s, ev);
    ev.note = NULL;
    emit(&s, ev);
    ev = done(5, 3, "c", OUTCOME_ERROR, 0); /* it did not come to an attempt */
    ev.reason = NULL;
    ev.note = "'x' is not on PATH";
    ev.attempt = 0;
    ev.attempts = 3;
    emit(&s, ev);
    assert_string_equal(
        written(&s),
        "FLAKY  a  1.24 s  left-over processes, ended now: sleep (4711); passed at attempt 2 of 3  (src/a.c "
        "changed)\n\n"
        "FAIL  b  1.24 s  attempt 2 of 2: exit status 1; left-over processes, ended now: sleep (4711), cat (4712)\n\n"
        "FAIL  b  1.24 s  attempt 2 of 2\n\n"
        "ERROR  c  <1 ms  'x' is not on PATH\n\n");
    script_close(&s);
}

static void the_end_lists_failures_and_how_to_run_them_again(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    struct event ev = done(1, 1, "services/api:unit", OUTCOME_FAILED, 4);
    ev.note = "exit status 1";
    emit(&s, ev);
    struct event flaky = done(4, 4, "c", OUTCOME_FLAKY, 10);
    flaky.attempt = 2;
    flaky.attempts = 3;
    emit(&s, flaky);
    ev = done(1, 2, "~slow", OUTCOME_TIMED_OUT, 4);
    emit(&s, ev);
    emit(&s, done(6, 2, "b", OUTCOME_PASSED, 5));
    forget(&s);
    emit(&s, run_finished(14200, (struct run_counts){.selected = 4, .ran = 4, .passed = 1, .failed = 2, .flaky = 1}));
    assert_string_equal(written(&s), "\n"
                                     "FAIL  services/api:unit  exit status 1\n"
                                     "FLAKY  c  passed at attempt 2 of 3\n"
                                     "TIMEOUT  ~slow\n"
                                     "run just these again: tgraph --failed\n"
                                     "                  or: tgraph services/api:unit '~slow'\n"
                                     "2 failed, 1 flaky, 1 passed in 14.2 s\n");
    script_close(&s);
}

static void one_failure_is_called_it(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph", .verbosity = -1});
    emit(&s, done(1, 1, "-x", OUTCOME_FAILED, 4));
    forget(&s);
    emit(&s, run_finished(14200, (struct run_counts){.selected = 1, .ran = 1, .failed = 1}));
    assert_string_equal(written(&s), "FAIL  -x\n"
                                     "run it again: tgraph --failed\n"
                                     "          or: tgraph //-x\n"
                                     "1 failed in 14.2 s\n");
    script_close(&s);
}

static void many_failures_are_counted_not_all_listed(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    for (uint32_t i = 0; i < 1300; i++)
        emit(&s, done(1, i, "many", OUTCOME_FAILED, 4));
    forget(&s);
    emit(&s, run_finished(1000, (struct run_counts){.selected = 1300, .ran = 1300, .failed = 1300}));
    const char *text = written(&s);
    size_t lines = 0;
    for (const char *p = text; (p = strstr(p, "FAIL  many\n")); p++)
        lines++;
    assert_int_equal(lines, 200);
    assert_non_null(strstr(text, "and 1,100 more; all of them: tgraph list\nrun just these again: tgraph --failed\n"
                                 "1,300 failed in 1.00 s\n"));
    script_close(&s);
}

static void nothing_to_do_is_exactly_one_line(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    emit(&s, run_started());
    for (uint32_t i = 0; i < 11389; i++)
        emit(&s, clean_result(i, "a"));
    emit(&s, run_finished(41, (struct run_counts){.selected = 11389, .cached = 11389, .passed = 11389}));
    assert_string_equal(written(&s), "nothing to do: 11,389 tests are clean (checked in 41 ms)\n");
    script_close(&s);
}

static void quiet_shows_failures_and_the_summary(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph", .verbosity = -1});
    emit(&s, done(1, 1, "a", OUTCOME_PASSED, 4));
    emit(&s, done(1, 2, "b", OUTCOME_FLAKY, 4));
    emit(&s, done(1, 3, "c", OUTCOME_SKIPPED, 4));
    struct event retry = done(1, 4, "d", OUTCOME_FAILED, 4);
    retry.type = EVENT_TARGET_RETRIED;
    emit(&s, retry);
    emit(&s, (struct event){.type = EVENT_MESSAGE, .message = "waiting"});
    assert_string_equal(written(&s), "");
    emit(&s, done(1, 5, "e", OUTCOME_FAILED, 4));
    emit(&s, run_finished(
                 9, (struct run_counts){.selected = 4, .ran = 3, .passed = 1, .failed = 1, .flaky = 1, .skipped = 1}));
    assert_string_equal(written(&s), "FAIL  e  4 ms\n"
                                     "  why: src/a.c changed\n\n"
                                     "FAIL  e\n"
                                     "run it again: tgraph --failed\n"
                                     "          or: tgraph e\n"
                                     "1 failed, 1 flaky, 1 passed, 1 skipped in 9 ms\n");
    script_close(&s);
}

static void verbose_shows_clean_targets_and_all_output(void **state)
{
    struct script s;
    struct proc_log log = {0};
    (void)state;
    log_add(&log, 1, "all is well\n");
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph", .verbosity = 1});
    struct event begin = run_started();
    begin.estimate_run = 2;
    begin.estimate_ns = 31000 * MS;
    emit(&s, begin);
    emit(&s, clean_result(1, "a"));
    struct event ev = done(1, 2, "b", OUTCOME_PASSED, 4);
    ev.log = &log;
    emit(&s, ev);
    emit(&s,
         (struct event){.type = EVENT_SERVICE_STARTED, .target = "db", .kind = KIND_SERVICE, .duration_ns = 820 * MS});
    emit(&s, (struct event){.type = EVENT_SERVICE_STOPPED, .target = "db", .kind = KIND_SERVICE});
    assert_string_equal(written(&s), "up to 2 of 1,204 targets to run, 8 at a time, in about 31.0 s\n"
                                     "clean  a  (nothing that it reads changed)\n"
                                     "pass  b  4 ms  (src/a.c changed)\n"
                                     "all is well\n"
                                     "db is ready after 820 ms\n"
                                     "db is stopped\n");
    script_close(&s);
    log_clear(&log);
}

static void left_over_processes_of_a_pass_are_named(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    struct event ev = done(1, 2, "b", OUTCOME_PASSED, 4);
    ev.note = "left-over processes: sleep (4711)";
    emit(&s, ev);
    assert_string_equal(written(&s), "pass  b  4 ms  left-over processes: sleep (4711)  (src/a.c changed)\n");
    script_close(&s);
}

static void a_dry_run_says_what_would_run(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    struct event ev = done(0, 1, "a", OUTCOME_NONE, 0);
    ev.dry_run = true;
    emit(&s, ev);
    ev = done(0, 2, "lib:obj", OUTCOME_NONE, 0);
    ev.kind = KIND_BUILD;
    ev.selected = false;
    ev.dry_run = true;
    emit(&s, ev);
    ev = clean_result(3, "c");
    ev.dry_run = true;
    emit(&s, ev);
    ev = run_finished(41, (struct run_counts){.selected = 1204, .cached = 1203, .passed = 1203});
    ev.dry_run = true;
    emit(&s, ev);
    assert_string_equal(written(&s), "would run  a  (src/a.c changed)\n"
                                     "would run  lib:obj  (src/a.c changed)\n"
                                     "would run 1 of 1,204 tests, and 1 target that is needed (checked in 41 ms)\n");
    script_close(&s);

    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    ev = clean_result(3, "c");
    ev.dry_run = true;
    emit(&s, ev);
    ev = run_finished(41, (struct run_counts){.selected = 1, .cached = 1, .passed = 1});
    ev.dry_run = true;
    emit(&s, ev);
    assert_string_equal(written(&s), "nothing to do: 1 test is clean (checked in 41 ms)\n");
    script_close(&s);
}

static void messages_say_who_speaks(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph"});
    emit(&s, (struct event){.type = EVENT_MESSAGE, .message = "another tgraph runs here; waiting for it"});
    emit(&s, (struct event){.type = EVENT_MESSAGE, .message = "the disk is full", .code = "T501", .is_error = true});
    assert_string_equal(written(&s),
                        "tgraph: another tgraph runs here; waiting for it\nerror T501: the disk is full\n");
    script_close(&s);
}

static void colours_mark_outcomes_and_dim_reasons(void **state)
{
    struct script s;
    struct proc_log log = {0};
    (void)state;
    log_add(&log, 1, "\033[36mcyan\033[0m\033[2J\n\033[35mviolet\n");
    script_open(&s, report_plain_new, (struct report_opts){.program = "tgraph", .color = true});
    emit(&s, done(1, 2, "b", OUTCOME_PASSED, 4));
    struct event ev = done(1, 1, "a", OUTCOME_FAILED, 4);
    ev.log = &log;
    emit(&s, ev);
    assert_string_equal(written(&s), "\033[32mpass\033[0m  b  4 ms  \033[2m(src/a.c changed)\033[0m\n"
                                     "\n\033[1;31mFAIL\033[0m  a  4 ms\n\033[2m  why: src/a.c changed\033[0m\n"
                                     "\033[36mcyan\033[0m\n\033[35mviolet\033[0m\n\n");
    script_close(&s);
    log_clear(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_for_each_target_that_ran),
        cmocka_unit_test(a_failure_shows_why_it_ran_and_its_output),
        cmocka_unit_test(each_bad_end_has_its_word),
        cmocka_unit_test(a_long_output_is_cut_to_its_end),
        cmocka_unit_test(a_failed_attempt_is_shown_when_another_follows),
        cmocka_unit_test(a_note_never_hides_the_time_or_the_attempt),
        cmocka_unit_test(the_end_lists_failures_and_how_to_run_them_again),
        cmocka_unit_test(one_failure_is_called_it),
        cmocka_unit_test(many_failures_are_counted_not_all_listed),
        cmocka_unit_test(nothing_to_do_is_exactly_one_line),
        cmocka_unit_test(quiet_shows_failures_and_the_summary),
        cmocka_unit_test(verbose_shows_clean_targets_and_all_output),
        cmocka_unit_test(left_over_processes_of_a_pass_are_named),
        cmocka_unit_test(a_dry_run_says_what_would_run),
        cmocka_unit_test(messages_say_who_speaks),
        cmocka_unit_test(colours_mark_outcomes_and_dim_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
