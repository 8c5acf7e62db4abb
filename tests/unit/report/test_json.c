/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "unit/report/script.h"

static const struct report_opts plain_opts = {.program = "tgraph"};

static struct event full_failure(struct proc_log *log)
{
    struct event ev = done(12, 1, "services/api:unit", OUTCOME_FAILED, 1240);
    ev.key = (struct digest){{0x01, 0xAB, 0xFF}};
    ev.note = "exit status 1";
    ev.exit_code = 1;
    ev.tmpdir = "/tmp/x \"y\"";
    ev.attempt = ev.attempts = 2;
    ev.log = log;
    return ev;
}

static void a_finished_target_has_the_promised_fields(void **state)
{
    struct script s;
    struct proc_log log = {0};
    (void)state;
    log_add(&log, 1, "one\n");
    log_add(&log, 2, "\033[31mtwo\033[0m\n");
    script_open(&s, report_json_new, plain_opts);
    emit(&s, (struct event){.type = EVENT_RUN_STARTED,
                            .n_total = 3,
                            .n_selected = 2,
                            .jobs = 8,
                            .estimate_run = 2,
                            .estimate_ns = 31000 * MS});
    emit(&s, full_failure(&log));
    assert_string_equal(
        written(&s),
        "{\"event\":\"run_started\",\"v\":1,\"t_ms\":0,\"total\":3,\"selected\":2,\"jobs\":8,\"dry_run\":false,"
        "\"estimate_run\":2,\"estimate_ms\":31000}\n"
        "{\"event\":\"target_finished\",\"v\":1,\"t_ms\":12,\"target\":\"services/api:unit\",\"kind\":\"test\","
        "\"outcome\":\"failed\",\"cached\":false,\"selected\":true,\"key\":\"01abff00000000000000000000000000\","
        "\"duration_ms\":1240,\"reason\":\"src/a.c changed\",\"note\":\"exit status 1\",\"attempt\":2,\"attempts\":2,"
        "\"exit_code\":1,\"tmpdir\":\"/tmp/x \\\"y\\\"\",\"output\":[{\"stream\":\"stdout\",\"text\":\"one\\n\"},"
        "{\"stream\":\"stderr\",\"text\":\"\\u001b[31mtwo\\u001b[0m\\n\"}],\"output_truncated\":false}\n");
    script_close(&s);
    log_clear(&log);
}

static void a_run_ends_with_its_counts(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_json_new, plain_opts);
    emit(&s, tick(3)); /* is no line, and starts no clock */
    emit(&s, done(5, 1, "a", OUTCOME_PASSED, 0));
    forget(&s);
    emit(&s, (struct event){.type = EVENT_RUN_FINISHED,
                            .now_ns = 14205 * MS,
                            .counts = {.selected = 320,
                                       .ran = 30,
                                       .cached = 290,
                                       .passed = 312,
                                       .failed = 5,
                                       .flaky = 1,
                                       .skipped = 2,
                                       .builds_ran = 7,
                                       .exit_status = 1}});
    assert_string_equal(
        written(&s),
        "{\"event\":\"run_finished\",\"v\":1,\"t_ms\":14200,\"selected\":320,\"ran\":30,"
        "\"cached\":290,\"passed\":312,\"failed\":5,\"flaky\":1,\"skipped\":2,"
        "\"builds_ran\":7,\"builds_failed\":0,\"services_failed\":0,\"duration_ms\":14200,\"exit_status\":1,"
        "\"interrupted\":false}\n");
    script_close(&s);
}

static void output_of_a_pass_needs_verbose(void **state)
{
    struct proc_log log = {0};
    (void)state;
    log_add(&log, 1, "fine\n");
    for (int verbosity = -1; verbosity <= 1; verbosity++) {
        struct script s;
        struct report_opts o = plain_opts;
        o.verbosity = verbosity;
        script_open(&s, report_json_new, o);
        struct event ev = done(12, 1, "a", OUTCOME_PASSED, 1);
        ev.log = &log;
        emit(&s, ev);
        assert_int_equal(strstr(written(&s), "\"fine\\n\"") != NULL, verbosity > 0);
        script_close(&s);
    }
    log_clear(&log);
}

static void output_is_bounded_and_keeps_its_end(void **state)
{
    struct script s;
    struct proc_log log = {0};
    char *megabyte = mem_alloc((1 << 20) + 1);
    (void)state;
    memset(megabyte, 'x', 1 << 20);
    megabyte[1 << 20] = 0;
    log_add(&log, 1, "gone");
    log_add(&log, 2, "half gone");
    megabyte[(1 << 20) - 5] = 0;
    log_add(&log, 1, megabyte);
    script_open(&s, report_json_new, plain_opts);
    emit(&s, full_failure(&log));
    assert_non_null(strstr(written(&s), "\"output\":[{\"stream\":\"stderr\",\"text\":\" gone\"},{\"stream\":\"stdout\","
                                        "\"text\":\"xxx"));
    assert_non_null(strstr(written(&s), "xxx\"}],\"output_truncated\":true}\n"));
    forget(&s);
    log_clear(&log);

    struct proc_log middle = {.dropped_bytes = 1};
    log_add(&middle, 1, "a");
    emit(&s, full_failure(&middle));
    assert_non_null(strstr(written(&s), "\"text\":\"a\"}],\"output_truncated\":true}\n"));
    script_close(&s);
    log_clear(&middle);
    mem_free(megabyte);
}

static void a_character_that_came_in_two_reads_is_whole(void **state)
{
    struct script s;
    struct proc_log log = {0};
    (void)state;
    log_add(&log, 1, "gr\xC3");
    log_add(&log, 1, "\xBC\xC3\x9F");
    log_add(&log, 1, "e \xFF");
    script_open(&s, report_json_new, plain_opts);
    emit(&s, full_failure(&log));
    assert_non_null(strstr(written(&s), "[{\"stream\":\"stdout\",\"text\":\"gr\xC3\xBC\xC3\x9F"
                                        "e \xEF\xBF\xBD\"}]"));
    script_close(&s);
    log_clear(&log);
}

static void what_is_unknown_is_null(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, report_json_new, plain_opts);
    struct event ev = done(0, 1, "a", OUTCOME_NONE, 0);
    ev.dry_run = true;
    ev.attempt = ev.attempts = 0;
    ev.reason = NULL;
    emit(&s, ev);
    assert_string_equal(written(&s),
                        "{\"event\":\"target_finished\",\"v\":1,\"t_ms\":0,\"target\":\"a\",\"kind\":\"test\","
                        "\"outcome\":null,\"cached\":false,\"selected\":true,\"dry_run\":true,"
                        "\"key\":null,\"duration_ms\":0,\"reason\":null}\n");
    script_close(&s);
}

/* Counts how often the stream was really written to. */
static ssize_t count_writes(void *cookie, const char *p, size_t len)
{
    (void)p;
    ++*(int *)cookie;
    return (ssize_t)len;
}

static void each_line_is_out_at_once_but_a_burst_of_cached_ones(void **state)
{
    int writes = 0;
    FILE *f = fopencookie(&writes, "w", (cookie_io_functions_t){.write = count_writes});
    struct report_opts o = plain_opts;
    (void)state;
    o.out = f;
    static char space[1 << 20];
    setvbuf(f, space, _IOFBF, sizeof space);
    struct reporter *r = report_json_new(&o);
    for (int64_t i = 0; i < 3; i++) {
        struct event ev = done(i, 1, "a", OUTCOME_PASSED, 1);
        r->ops->event(r, &ev);
        assert_int_equal(writes, i + 1);
    }
    for (int64_t i = 0; i < 1000; i++) {
        struct event ev = clean_result(1, "a");
        ev.now_ns = (3 + i / 10) * MS;
        r->ops->event(r, &ev);
    }
    assert_true(writes <= 5);
    struct event ev = tick(104);
    int before = writes;
    r->ops->event(r, &ev);
    assert_int_equal(writes, before + 1);
    r->ops->free(r);
    fclose(f);
}

static void emit_everything(struct script *s, struct proc_log *log)
{
    static const enum outcome outcomes[] = {OUTCOME_PASSED,    OUTCOME_FAILED,  OUTCOME_FLAKY, OUTCOME_SKIPPED,
                                            OUTCOME_TIMED_OUT, OUTCOME_CRASHED, OUTCOME_ERROR};
    emit(s, (struct event){.type = EVENT_RUN_STARTED, .n_total = 3, .jobs = 2, .dry_run = true});
    emit(s, (struct event){.type = EVENT_MESSAGE, .message = "waiting"});
    emit(s, (struct event){.type = EVENT_MESSAGE, .message = "\xFF\n", .code = "T501", .is_error = true});
    emit(s, started(1, 1, "a"));
    struct event ev = full_failure(log);
    ev.type = EVENT_TARGET_RETRIED;
    emit(s, ev);
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        ev = full_failure(log);
        ev.outcome = outcomes[i];
        ev.kind = (enum node_kind)(KIND_TEST + i % 4);
        emit(s, ev);
    }
    emit(s, clean_result(1, "dir/sub:a@1+2"));
    ev = done(0, 1, "a", OUTCOME_NONE, 0);
    ev.dry_run = true;
    ev.reason = NULL;
    emit(s, ev);
    emit(s, (struct event){.type = EVENT_SERVICE_STARTED, .target = "db", .kind = KIND_SERVICE, .duration_ns = MS});
    emit(s, (struct event){.type = EVENT_SERVICE_STOPPED, .target = "db", .kind = KIND_SERVICE});
    emit(s, (struct event){.type = EVENT_RUN_FINISHED,
                           .counts = {.selected = 3, .exit_status = 130, .interrupted = true}});
}

/* Runs check_events.py on the text; returns its exit status. */
static int check(const char *text, bool quiet)
{
    char path[] = "/tmp/tgraph-events.XXXXXX", command[200];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    snprintf(command, sizeof command, "python3 tests/unit/report/check_events.py docs/events.md %s%s", path,
             quiet ? " >/dev/null" : "");
    int status = system(command);
    unlink(path);
    return status;
}

static void every_line_is_as_the_schema_says(void **state)
{
    struct script s;
    struct proc_log log = {0};
    (void)state;
    if (system("python3 -c '' 2>/dev/null") != 0)
        skip();
    log_add(&log, 1, "one\n");
    log_add(&log, 2, "\033[31mtwo\xFF\n");
    script_open(&s, report_json_new, plain_opts);
    emit_everything(&s, &log);
    assert_int_equal(check(written(&s), false), 0);

    /* The check is worth something: lines that are a little off do not pass. */
    static const char *const swaps[][2] = {
        {"\"outcome\":\"crashed\"", "\"outcome\":\"smashed\""},
        {"\"cached\":false", "\"cached\":0"},
        {"\"duration_ms\":1240", "\"duration_ms\":1.240"},
        {"\"v\":1", "\"v\":2"},
        {",\"key\":", ",\"kee\":"},
        {"\"stream\":\"stderr\"", "\"stream\":\"2\""},
        {"\"event\":\"message\"", "\"event\":\"massage\""},
        {",\"flaky\":0", ""},
    };
    for (size_t i = 0; i < sizeof swaps / sizeof swaps[0]; i++) {
        struct buf b = BUF_INIT;
        const char *text = written(&s), *at = strstr(text, swaps[i][0]);
        assert_non_null(at);
        buf_add(&b, text, (size_t)(at - text));
        buf_adds(&b, swaps[i][1]);
        buf_adds(&b, at + strlen(swaps[i][0]));
        assert_int_not_equal(check(buf_cstr(&b), true), 0);
        buf_clear(&b);
    }
    script_close(&s);
    log_clear(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finished_target_has_the_promised_fields),
        cmocka_unit_test(a_run_ends_with_its_counts),
        cmocka_unit_test(output_of_a_pass_needs_verbose),
        cmocka_unit_test(output_is_bounded_and_keeps_its_end),
        cmocka_unit_test(a_character_that_came_in_two_reads_is_whole),
        cmocka_unit_test(what_is_unknown_is_null),
        cmocka_unit_test(each_line_is_out_at_once_but_a_burst_of_cached_ones),
        cmocka_unit_test(every_line_is_as_the_schema_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
