/* SPDX-License-Identifier: MIT */
#include "unit/report/vt.h"

/* A live reporter and the screen that it draws on. */
struct screen {
    struct script s;
    struct vt vt;
};

static void ask(void *ctx, int *columns, int *rows)
{
    const struct vt *v = ctx;
    *columns = v->columns;
    *rows = v->rows;
}

static void open_screen(struct screen *t, int columns, int rows, struct report_opts o)
{
    vt_init(&t->vt, columns, rows);
    o.program = "tgraph";
    o.term_size = ask;
    o.term_ctx = &t->vt;
    script_open(&t->s, report_live_new, o);
}

/* Lets the terminal see what was written; returns how many bytes that were. */
static size_t show(struct screen *t)
{
    const char *text = written(&t->s);
    size_t len = t->s.len;
    vt_feed(&t->vt, text, len);
    assert_int_equal(t->vt.sync_depth, 0);
    assert_false(t->vt.nowrap);
    forget(&t->s);
    return len;
}

static void expect_screen(struct screen *t, const char *text)
{
    show(t);
    char *seen = vt_text(&t->vt);
    assert_string_equal(seen, text);
    mem_free(seen);
}

static void close_screen(struct screen *t) { script_close(&t->s); }

static void begin(struct screen *t, uint32_t total, int64_t estimate_ms)
{
    emit(&t->s, (struct event){.type = EVENT_RUN_STARTED,
                               .n_total = total,
                               .n_selected = total,
                               .jobs = 8,
                               .estimate_ns = estimate_ms * MS,
                               .estimate_run = 9});
}

static void end(struct screen *t, int64_t ms, struct run_counts c)
{
    emit(&t->s, (struct event){.type = EVENT_RUN_FINISHED, .now_ns = ms * MS, .duration_ns = ms * MS, .counts = c});
}

static void the_block_shows_counts_and_the_longest_running(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 100, 24, (struct report_opts){0});
    begin(&t, 1204, 45000);
    for (uint32_t i = 0; i < 860; i++)
        emit(&t.s, clean_result(i, "a"));
    emit(&t.s, started(20, 1000, "services/api:slow"));
    emit(&t.s, started(30, 1001, "services/api:unit"));
    struct event again = started(8000, 1002, "b");
    again.attempt = 2;
    again.attempts = 3;
    emit(&t.s, again);
    emit(&t.s, done(13000, 1001, "services/api:unit", OUTCOME_PASSED, 12970));
    emit(&t.s, tick(14000));
    /* No line can wrap, whatever the terminal thinks of its width. */
    assert_non_null(strstr(written(&t.s), "\033[?7l[ 861/1204]"));
    expect_screen(&t, "[ 861/1204] 2 running \xC2\xB7 860 cached \xC2\xB7 0:14 elapsed, about 0:31 left\n"
                      "   0:13  services/api:slow\n"
                      "   0:06  b  (attempt 2 of 3)\n"
                      "_\n");
    close_screen(&t);
}

static void frames_come_at_most_ten_times_a_second(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){0});
    begin(&t, 1000, 0);
    for (uint32_t i = 0; i < 1000; i++)
        emit(&t.s, started(i, i % 3, "a")); /* one a millisecond */
    show(&t);
    assert_int_equal(t.vt.frames, 9);
    close_screen(&t);
}

static void a_short_run_draws_no_block(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){0});
    begin(&t, 100000, 0);
    for (uint32_t i = 0; i < 100000; i++)
        emit(&t.s, clean_result(i, "a"));
    end(&t, 41, (struct run_counts){.selected = 100000, .cached = 100000, .passed = 100000});
    expect_screen(&t, "nothing to do: 100,000 tests are clean (checked in 41 ms)\n_\n");
    assert_int_equal(t.vt.frames, 0);
    close_screen(&t);
}

static void failures_stand_above_the_block_and_it_leaves_no_trace(void **state)
{
    struct screen t;
    struct proc_log log = {0};
    (void)state;
    log_add(&log, 1, "got 500\n");
    open_screen(&t, 80, 24, (struct report_opts){0});
    vt_feed(&t.vt, "$ tgraph\n", 9);
    begin(&t, 3, 0);
    emit(&t.s, started(0, 1, "a"));
    emit(&t.s, started(0, 2, "b"));
    emit(&t.s, tick(1000));
    struct event ev = done(1001, 1, "a", OUTCOME_FAILED, 1000);
    ev.note = "exit status 1";
    ev.log = &log;
    emit(&t.s, ev);
    expect_screen(&t, "$ tgraph\n"
                      "FAIL  a  1.00 s  exit status 1\n"
                      "  why: src/a.c changed\n"
                      "got 500\n"
                      "\n"
                      "[1/3] 1 running \xC2\xB7 1 failed \xC2\xB7 0:01 elapsed\n"
                      "   0:01  b\n"
                      "_\n");
    emit(&t.s, done(1500, 2, "b", OUTCOME_PASSED, 1500));
    end(&t, 2000, (struct run_counts){.selected = 2, .ran = 2, .failed = 1, .passed = 1});
    expect_screen(&t, "$ tgraph\n"
                      "FAIL  a  1.00 s  exit status 1\n"
                      "  why: src/a.c changed\n"
                      "got 500\n"
                      "\n"
                      "FAIL  a  exit status 1\n"
                      "run it again: tgraph --failed\n"
                      "          or: tgraph a\n"
                      "1 failed, 1 passed in 2.00 s\n"
                      "_\n");
    close_screen(&t);
    log_clear(&log);
}

static void each_frame_is_drawn_over_the_last(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){.color = true});
    begin(&t, 10, 0);
    for (uint32_t i = 0; i < 6; i++)
        emit(&t.s, started(0, i, "some/long/folder:with-a-name"));
    for (int64_t ms = 100; ms < 5000; ms += 100) {
        if (ms % 500 == 0)
            emit(&t.s, done(ms, (uint32_t)(ms / 500 - 1), "x", OUTCOME_PASSED, ms));
        emit(&t.s, tick(ms));
    }
    expect_screen(&t, "[ 9/10] 0:04 elapsed\n_\n");
    close_screen(&t);
}

static void output_of_tests_cannot_break_the_block(void **state)
{
    struct screen t;
    struct proc_log log = {0};
    (void)state;
    log_add(&log, 1, "\033[2J\033[H\033[?1049hone\033[5A\r\ntwo \033]0;x\a\b\b\n");
    log_add(&log, 2, "\033[?2026hthree\033[");
    open_screen(&t, 80, 24, (struct report_opts){.color = true});
    begin(&t, 3, 0);
    emit(&t.s, started(0, 2, "b"));
    emit(&t.s, tick(1000));
    struct event ev = done(1001, 1, "a", OUTCOME_FAILED, 1000);
    ev.log = &log;
    ev.reason = "evil\033[2J\nname changed";
    emit(&t.s, ev);
    expect_screen(&t, "FAIL  a  1.00 s\n"
                      "  why: evil name changed\n"
                      "one\ntwo \nthree\n\n"
                      "[1/3] 1 running \xC2\xB7 1 failed \xC2\xB7 0:01 elapsed\n"
                      "   0:01  b\n"
                      "_\n");
    close_screen(&t);
    log_clear(&log);
}

static void lines_fit_a_narrow_terminal(void **state)
{
    static const struct {
        int columns;
        const char *text;
    } cases[] = {
        {100, "[  2/204] 2 running \xC2\xB7 1 cached \xC2\xB7 1 failed \xC2\xB7 0:14 elapsed, about 0:31 left\n"
              "   0:14  services/\xE6\xBC\xA2\xE5\xAD\x97:unit\n   0:14  b\n_\n"},
        {70, "[  2/204] 2 running \xC2\xB7 1 failed \xC2\xB7 0:14 elapsed, about 0:31 left\n"
             "   0:14  services/\xE6\xBC\xA2\xE5\xAD\x97:unit\n   0:14  b\n_\n"},
        {50, "[  2/204] 2 running \xC2\xB7 1 failed \xC2\xB7 0:14 elapsed\n"
             "   0:14  services/\xE6\xBC\xA2\xE5\xAD\x97:unit\n   0:14  b\n_\n"},
        {32, "[  2/204] 2 running \xC2\xB7 1 failed\n"
             "   0:14  services/\xE6\xBC\xA2\xE5\xAD\x97:unit\n   0:14  b\n_\n"},
        {19, "[  2/204] 1 failed\n   0:14  \xE2\x80\xA6\xE5\xAD\x97:unit\n   0:14  b\n_\n"},
        {10, "[  2/204]\n_\n"},
        {5, "[  2\n_\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct screen t;
        open_screen(&t, cases[i].columns, 24, (struct report_opts){0});
        begin(&t, 204, 45000);
        emit(&t.s, started(0, 1, "services/\xE6\xBC\xA2\xE5\xAD\x97:unit"));
        emit(&t.s, started(0, 2, "b"));
        emit(&t.s, clean_result(3, "c"));
        struct event ev = done(0, 4, "d", OUTCOME_FAILED, 1);
        ev.reason = NULL;
        emit(&t.s, ev);
        show(&t);
        vt_init(&t.vt, cases[i].columns, 24);
        emit(&t.s, tick(14000));
        expect_screen(&t, cases[i].text);
        close_screen(&t);
    }
}

static void a_resize_leaves_no_trace_of_the_old_block(void **state)
{
    static const int widths[] = {40, 100, 17, 23, 9, 80};
    struct screen t;
    (void)state;
    open_screen(&t, 90, 24, (struct report_opts){.color = true});
    vt_feed(&t.vt, "before\n", 7);
    begin(&t, 204, 45000);
    emit(&t.s, started(0, 1, "services/a-long-folder-name/and-another:unit-test-of-it"));
    emit(&t.s, started(0, 2, "\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2:b"));
    emit(&t.s, tick(1000));
    show(&t);
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        t.vt.columns = widths[i]; /* what is on the screen is folded anew */
        emit(&t.s, tick(2000 + 1000 * (int64_t)i));
        show(&t);
        assert_int_equal(t.vt.n_lines, widths[i] < 19 ? 3 : 5);
    }
    expect_screen(&t, "before\n"
                      "[  0/204] 2 running \xC2\xB7 0:07 elapsed, about 0:38 left\n"
                      "   0:07  services/a-long-folder-name/and-another:unit-test-of-it\n"
                      "   0:07  \xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2:b\n"
                      "_\n");
    t.vt.columns = 30;
    end(&t, 9000, (struct run_counts){.selected = 2, .ran = 2, .passed = 2});
    expect_screen(&t, "before\n2 passed in 9.00 s\n_\n");
    close_screen(&t);
}

static void the_block_takes_a_third_of_the_rows(void **state)
{
    static const struct {
        int rows, lines;
    } cases[] = {{24, 9}, {10, 4}, {3, 2}, {2, 0}, {1, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct screen t;
        open_screen(&t, 80, cases[i].rows, (struct report_opts){0});
        begin(&t, 204, 0);
        for (uint32_t n = 0; n < 100; n++)
            emit(&t.s, started(0, n, "a"));
        emit(&t.s, tick(1000));
        show(&t);
        assert_int_equal(t.vt.n_lines, cases[i].lines + 1);
        close_screen(&t);
    }
}

static void an_attempt_that_is_repeated_counts_once(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){.verbosity = -1});
    begin(&t, 2, 0);
    emit(&t.s, started(0, 1, "a"));
    struct event retry = done(500, 1, "a", OUTCOME_FAILED, 500);
    retry.type = EVENT_TARGET_RETRIED;
    emit(&t.s, retry);
    struct event again = started(500, 1, "a");
    again.attempt = 2;
    again.attempts = 3;
    emit(&t.s, again);
    emit(&t.s, tick(1500));
    expect_screen(&t, "[0/2] 1 running \xC2\xB7 0:01 elapsed\n   0:01  a  (attempt 2 of 3)\n_\n");
    close_screen(&t);
}

/* A target that makes a file which a Testfile reads comes before the Testfiles are loaded again. */
static void the_count_goes_on_when_the_graph_was_loaded_again(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){.verbosity = -1});
    begin(&t, 1, 0);
    emit(&t.s, done(2000, 1, "list", OUTCOME_PASSED, 2000));
    emit(&t.s, (struct event){.type = EVENT_RUN_STARTED, .now_ns = 3000 * MS, .n_total = 2, .estimate_ns = 10000 * MS});
    emit(&t.s, started(3000, 7, "a"));
    emit(&t.s, tick(4000));
    expect_screen(&t, "[1/3] 1 running \xC2\xB7 0:04 elapsed, about 0:09 left\n   0:01  a\n_\n");
    close_screen(&t);
}

static void a_service_that_does_not_come_up_is_none_of_the_total(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){.verbosity = -1});
    begin(&t, 1, 0);
    struct event ev = done(100, 1, "db", OUTCOME_FAILED, 100);
    ev.kind = KIND_SERVICE;
    emit(&t.s, ev);
    emit(&t.s, tick(1500));
    expect_screen(&t, "FAIL  db  100 ms\n  why: src/a.c changed\n\n[0/1] 1 failed \xC2\xB7 0:01 elapsed\n_\n");
    close_screen(&t);
}

static void a_service_that_is_ready_is_not_waited_for(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){0});
    begin(&t, 2, 0);
    struct event ev = started(0, 1, "db");
    ev.kind = KIND_SERVICE;
    emit(&t.s, ev);
    ev.type = EVENT_SERVICE_STARTED;
    emit(&t.s, ev);
    emit(&t.s, tick(1500));
    expect_screen(&t, "[0/2] 0:01 elapsed\n_\n");
    close_screen(&t);
}

static void verbose_passes_scroll_by_above_the_block(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){.verbosity = 1});
    begin(&t, 3, 0);
    emit(&t.s, started(0, 1, "a"));
    emit(&t.s, clean_result(2, "b"));
    emit(&t.s, tick(1000));
    emit(&t.s, done(1010, 1, "a", OUTCOME_PASSED, 1000));
    expect_screen(&t, "clean  b  (nothing that it reads changed)\n"
                      "[1/3] 1 running \xC2\xB7 1 cached \xC2\xB7 0:01 elapsed\n"
                      "   0:01  a\n"
                      "_\n");
    emit(&t.s, tick(1100));
    expect_screen(&t, "clean  b  (nothing that it reads changed)\n"
                      "pass  a  1.00 s  (src/a.c changed)\n"
                      "[2/3] 1 cached \xC2\xB7 0:01 elapsed\n"
                      "_\n");
    close_screen(&t);
}

static void a_long_dry_run_comes_out_whole(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){0});
    begin(&t, 20000, 0);
    size_t bytes = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        struct event ev = done(1, i, "services/api:unit", OUTCOME_NONE, 0);
        ev.dry_run = true;
        emit(&t.s, ev);
        if (i == 10000) {
            bytes = strlen(written(&t.s)); /* some of it is out already: memory is bounded */
            assert_true(bytes > 64 * 1024);
        }
    }
    end(&t, 50, (struct run_counts){.selected = 20000});
    const char *text = written(&t.s);
    size_t lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 20001);
    assert_non_null(strstr(text, "\nwould run 20,000 of 20,000 tests (checked in 50 ms)\n"));
    close_screen(&t);
}

static void freed_in_the_middle_the_block_is_gone(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){0});
    vt_feed(&t.vt, "before\n", 7);
    begin(&t, 3, 0);
    emit(&t.s, started(0, 1, "a"));
    emit(&t.s, tick(1000));
    show(&t);
    t.s.r->ops->free(t.s.r);
    t.s.r = NULL;
    expect_screen(&t, "before\n_\n");
    close_screen(&t);
}

static void a_message_before_the_run_is_shown_at_once(void **state)
{
    struct screen t;
    (void)state;
    open_screen(&t, 80, 24, (struct report_opts){0});
    emit(&t.s, (struct event){.type = EVENT_MESSAGE, .message = "waiting for another tgraph"});
    expect_screen(&t, "tgraph: waiting for another tgraph\n_\n");
    close_screen(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_shows_counts_and_the_longest_running),
        cmocka_unit_test(frames_come_at_most_ten_times_a_second),
        cmocka_unit_test(a_short_run_draws_no_block),
        cmocka_unit_test(failures_stand_above_the_block_and_it_leaves_no_trace),
        cmocka_unit_test(each_frame_is_drawn_over_the_last),
        cmocka_unit_test(output_of_tests_cannot_break_the_block),
        cmocka_unit_test(lines_fit_a_narrow_terminal),
        cmocka_unit_test(a_resize_leaves_no_trace_of_the_old_block),
        cmocka_unit_test(the_block_takes_a_third_of_the_rows),
        cmocka_unit_test(an_attempt_that_is_repeated_counts_once),
        cmocka_unit_test(the_count_goes_on_when_the_graph_was_loaded_again),
        cmocka_unit_test(a_service_that_does_not_come_up_is_none_of_the_total),
        cmocka_unit_test(a_service_that_is_ready_is_not_waited_for),
        cmocka_unit_test(verbose_passes_scroll_by_above_the_block),
        cmocka_unit_test(a_long_dry_run_comes_out_whole),
        cmocka_unit_test(freed_in_the_middle_the_block_is_gone),
        cmocka_unit_test(a_message_before_the_run_is_shown_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
