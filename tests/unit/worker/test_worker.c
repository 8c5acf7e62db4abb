/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/clock.h"
#include "worker_test.h"

static size_t descriptors(void)
{
    size_t n = 0;
    for (int fd = 0; fd < 1000; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void a_good_worker_serves_case_after_case(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    assert_string_equal(worker_name(w), "");
    assert_true(worker_usable(w));
    for (int i = 1; i <= 300; i++) {
        run_case(w, i % 7 ? "pass" : "slow bytes", 60000, &a);
        assert_int_equal(a.outcome, OUTCOME_PASSED);
        assert_int_equal(a.mark, MARK_NONE);
        assert_true(a.answered);
        assert_null(a.note);
        assert_null(a.details);
        assert_false(a.has_reads);
        assert_false(a.not_started);
        assert_false(a.cancelled);
        assert_int_equal(a.log.bytes.len, 0);
        assert_int_equal(worker_served(w), i);
        assert_true(worker_usable(w));
        worker_answer_clear(&a);
    }
    assert_string_equal(worker_name(w), "test 1");
    assert_true(worker_pid(w) > 0);
    assert_true(worker_resident_bytes(w) > 10000);
    end_clean(w);
}

static void an_answer_has_all_that_done_said(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    run_case(w, "full", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_FAILED);
    assert_string_equal(a.note, "assert 1");
    assert_string_equal(a.details, "Traceback");
    assert_true(a.duration_ns == 12500000);
    assert_true(a.has_reads);
    assert_int_equal(a.reads.n, 2);
    assert_string_equal(a.reads.v[1], "/b");
    assert_int_equal(a.n_subtests, 1);
    assert_string_equal(a.subtests[0].name, "s");
    assert_log(&a.log, 1, "out\n");
    assert_log(&a.log, 2, "err\n");
    assert_true(worker_wants_recycling(w));
    assert_true(worker_usable(w));
    worker_answer_clear(&a);
    run_case(w, "skip", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_PASSED);
    assert_int_equal(a.mark, MARK_SKIPPED);
    assert_true(a.has_reads);
    assert_int_equal(a.reads.n, 0);
    assert_false(worker_wants_recycling(w));
    worker_answer_clear(&a);
    run_case(w, "there is no such case", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_ERROR);
    assert_string_equal(a.note, "no such case");
    worker_answer_clear(&a);
    end_clean(w);
}

static void what_a_run_says(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    worker_say(w, "{\"type\":\"news\"}");
    worker_run_case(
        w, &(struct worker_run){.id = "echo", .data = "{\"n\":[1.50]}", .attempt = 3, .next = "b", .extra = ",\"y\":2"},
        &a);
    assert_log(&a.log, 1,
               "{\"type\":\"run\",\"id\":1,\"case\":\"echo\",\"data\":{\"n\":[1.50]},\"attempt\":3,\"next\":\"b\","
               "\"y\":2}\n");
    worker_answer_clear(&a);
    /* Larger than a pipe: it is written as the worker reads. */
    struct buf data = BUF_INIT;
    buf_addc(&data, '"');
    for (int i = 0; i < 100000; i++)
        buf_adds(&data, "0123456789");
    buf_addc(&data, '"');
    worker_run_case(w, &(struct worker_run){.id = "echo", .data = data.p}, &a);
    assert_int_equal(a.outcome, OUTCOME_PASSED);
    assert_true(a.log.bytes.len > data.len);
    worker_answer_clear(&a);
    buf_clear(&data);
    end_clean(w);
}

static void a_message_of_many_megabytes(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    run_case(w, "big", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_FAILED);
    assert_int_equal(strlen(a.details), 8 << 20);
    worker_answer_clear(&a);
    end_clean(w);
}

/* ---- it ends in the middle of a case ---- */

static void crashes(const char *name, int exit_code, int number, const char *note)
{
    struct worker *w = start("well");
    struct worker_answer a;
    run_case(w, "pass", 0, &a);
    worker_answer_clear(&a);
    run_case(w, name, 60000, &a);
    assert_int_equal(a.outcome, OUTCOME_CRASHED);
    assert_int_equal(a.exit_code, exit_code);
    assert_int_equal(a.signal, number);
    assert_text(a.note, note);
    assert_false(a.not_started);
    assert_false(a.answered);
    worker_answer_clear(&a);
    /* Nothing more is handed to it. */
    run_case(w, "pass", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_ERROR);
    assert_false(a.not_started);
    assert_non_null(a.note);
    worker_answer_clear(&a);
    end_lost(w);
}

static void its_end_in_the_middle_of_a_case_is_that_cases_crash(void **state)
{
    (void)state;
    crashes("segv", -1, SIGSEGV, "its worker was ended by SIGSEGV (segmentation fault)");
    crashes("segv after started", -1, SIGSEGV, "its worker was ended by SIGSEGV");
    crashes("exit 0", 0, 0, "its worker ended with exit status 0");
    crashes("exit 3", 3, 0, "its worker ended with exit status 3");
    crashes("half then exit", 0, 0, "its worker ended with exit status 0");
}

/* Killed at any moment of its life: each case has one answer, and only a `done` is a pass. */
static void killed_at_any_moment_it_loses_no_case(void **state)
{
    (void)state;
    unsigned passed = 0, crashed = 0, unready = 0, idle = 0;
    for (int i = 0; i < 200; i++) {
        char how[64];
        snprintf(how, sizeof how, "kill after %d", 1 + i * 53 % 4000);
        struct worker *w = start(how);
        struct worker_answer a = {0};
        struct worker_ending e;
        bool lost = false;
        while (worker_usable(w)) {
            run_case(w, "full", 60000, &a);
            if (a.answered) {
                assert_int_equal(a.outcome, OUTCOME_FAILED);
                assert_log(&a.log, 1, "out\n");
                assert_log(&a.log, 2, "err\n");
                passed++;
            } else if (a.not_handed) { /* killed before, or just after, it was ready */
                assert_int_equal(a.outcome, OUTCOME_ERROR);
                assert_true(!a.not_started || strstr(a.note, "its worker was ended by SIGKILL"));
                unready++;
                lost = true;
            } else {
                assert_int_equal(a.outcome, OUTCOME_CRASHED);
                assert_int_equal(a.signal, SIGKILL);
                assert_true(!a.has_reads && !a.reads.n && !a.n_subtests && !a.details);
                crashed++;
                lost = true;
            }
            worker_answer_clear(&a);
        }
        idle += !lost;
        worker_end(w, &e);
        assert_false(e.clean);
        assert_int_equal(e.note == NULL, lost);
        worker_ending_clear(&e);
    }
    assert_true(passed > 0 && crashed + unready + idle == 200);
}

static void a_crash_keeps_the_log(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    run_case(w, "segv", 0, &a);
    assert_log(&a.log, 1, "before\n");
    worker_answer_clear(&a);
    end_lost(w);
}

static void a_done_counts_also_when_it_ends_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct worker *w = start("well");
        struct worker_answer a;
        struct worker_ending e;
        run_case(w, "done then exit", 0, &a);
        assert_int_equal(a.outcome, OUTCOME_PASSED);
        assert_log(&a.log, 1, "last words\n");
        worker_answer_clear(&a);
        worker_end(w, &e);
        assert_false(e.clean);
        assert_text(e.note, "exit status 5");
        worker_ending_clear(&e);
    }
}

static void it_closes_its_descriptor_and_lives_on(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    run_case(w, "close", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_CRASHED);
    assert_int_equal(a.exit_code, -1);
    assert_int_equal(a.signal, 0);
    assert_string_equal(a.note, "its worker closed its descriptor and lived on");
    worker_answer_clear(&a);
    end_lost(w);
}

/* What was said before it stopped to listen counts; it gets no other case. */
static void it_closes_the_engines_descriptor(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    run_case(w, "close in", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_PASSED);
    worker_answer_clear(&a);
    run_case(w, "pass", 60000, &a);
    assert_int_equal(a.outcome, OUTCOME_CRASHED);
    assert_text(a.note, "closed its descriptor and lived on");
    worker_answer_clear(&a);
    end_lost(w);
}

static void children_that_it_leaves_are_ended_and_named(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    struct worker_ending e;
    run_case(w, "exit with child", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_CRASHED);
    assert_int_equal(a.exit_code, 4);
    worker_answer_clear(&a);
    worker_end(w, &e);
    assert_non_null(e.left_over);
    worker_ending_clear(&e);
}

/* It has left the group and holds all pipes: it is not waited for. */
static void a_daemon_that_holds_the_pipes_holds_nobody_up(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    struct worker_ending e;
    run_case(w, "exit with daemon", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_CRASHED);
    assert_int_equal(a.exit_code, 4);
    pid_t daemon = (pid_t)atoi(buf_cstr(&a.log.bytes));
    assert_true(daemon > 1);
    worker_answer_clear(&a);
    worker_end(w, &e);
    assert_true(e.held);
    worker_ending_clear(&e);
    assert_int_equal(kill(daemon, SIGKILL), 0);
}

/* ---- time limits and cancelling ---- */

static void patient(struct worker_spec *s) { s->grace_ms = 60000; }
static void impatient(struct worker_spec *s) { s->grace_ms = 20; }

static void a_hang_is_ended_at_its_time_limit(void **state)
{
    (void)state;
    struct worker *w = start_with("well", patient);
    struct worker_answer a;
    run_case(w, "hang", 100, &a);
    assert_int_equal(a.outcome, OUTCOME_TIMED_OUT);
    assert_string_equal(a.note, "still running after its time limit of 0.1 s");
    assert_log(&a.log, 1, "hanging\n");
    assert_int_equal(a.exit_code, -1);
    assert_int_equal(a.signal, 0);
    worker_answer_clear(&a);
    end_lost(w);
}

static void who_ignores_sigterm_is_killed(void **state)
{
    (void)state;
    struct worker *w = start_with("well", impatient);
    struct worker_answer a;
    run_case(w, "hang deaf", 200, &a);
    assert_int_equal(a.outcome, OUTCOME_TIMED_OUT);
    worker_answer_clear(&a);
    end_lost(w);
}

static int cancel_pipe[2], kill_pipe[2];
static void with_cancel(struct worker_spec *s)
{
    s->grace_ms = 60000;
    s->cancel_fd = cancel_pipe[0];
    s->kill_fd = kill_pipe[0];
}

static void close_cancel(void)
{
    for (int i = 0; i < 2; i++) {
        close(cancel_pipe[i]);
        close(kill_pipe[i]);
    }
}

static void cancels(const char *how, const char *name, bool killed)
{
    assert_true(proc_pipe(cancel_pipe));
    assert_true(proc_pipe(kill_pipe));
    struct worker *w = start_with(how, with_cancel);
    struct worker_answer a;
    assert_int_equal(write(cancel_pipe[1], "x", 1), 1);
    if (killed)
        assert_int_equal(write(kill_pipe[1], "x", 1), 1);
    run_case(w, name, 0, &a);
    assert_true(a.cancelled);
    assert_int_equal(a.outcome, OUTCOME_NONE);
    assert_text(a.note, "interrupted");
    worker_answer_clear(&a);
    run_case(w, "pass", 0, &a);
    assert_true(a.cancelled);
    worker_answer_clear(&a);
    end_lost(w);
    close_cancel();
}

static void cancelling_while_it_starts(void **state)
{
    (void)state;
    cancels("never ready", "pass", false);
    cancels("never ready", "pass", true);
}

/* The order is there before the case, which is handed out all the same: nobody looks before. */
static void cancelling_a_case_in_flight(void **state)
{
    (void)state;
    for (int killed = 0; killed < 2; killed++) {
        assert_true(proc_pipe(cancel_pipe));
        assert_true(proc_pipe(kill_pipe));
        struct worker *w = start_with("well", with_cancel);
        struct worker_answer a;
        char *why;
        struct proc_log log;
        assert_true(worker_wait_ready(w, &why, &log));
        assert_null(why);
        assert_int_equal(write(cancel_pipe[1], "x", 1), 1);
        if (killed)
            assert_int_equal(write(kill_pipe[1], "x", 1), 1);
        run_case(w, killed ? "hang deaf" : "hang", 0, &a);
        assert_true(a.cancelled);
        assert_false(a.not_started);
        assert_int_equal(a.outcome, OUTCOME_NONE);
        assert_string_equal(a.note, "interrupted");
        assert_int_equal(worker_served(w), 1);
        worker_answer_clear(&a);
        end_lost(w);
        close_cancel();
    }
}

/* ---- it breaks the protocol ---- */

static void breaks(const char *name, const char *note, const char *in_log)
{
    struct worker *w = start("well");
    struct worker_answer a;
    run_case(w, "pass", 0, &a);
    worker_answer_clear(&a);
    run_case(w, name, 60000, &a);
    assert_int_equal(a.outcome, OUTCOME_ERROR);
    assert_text(a.note, note);
    assert_false(a.not_started);
    assert_true(a.reads.n == 0 && a.n_subtests == 0);
    if (in_log)
        assert_text(buf_cstr(&a.log.bytes), in_log);
    worker_answer_clear(&a);
    end_lost(w);
}

static void whatever_is_not_the_protocol_is_an_error_of_the_case(void **state)
{
    (void)state;
    breaks("garbage", "its worker broke the protocol: it is not JSON",
           "half a line\ntgraph: the worker broke the protocol: it is not JSON: lexical error: invalid char in json "
           "text.: Collecting tests...\n");
    breaks("long line", "a line of more than 16 MiB", "{\"type\":\"done\",\"x\":\"xxxx");
    breaks("other id", "done for another id", "{\"type\":\"done\",\"id\":3,");
    breaks("last id", "done for another id", "\"id\":1,");
    breaks("started twice", "started twice", "started");
    breaks("started other", "started for another id", NULL);
    breaks("ready again", "ready, although it was before", NULL);
    breaks("unknown outcome", "outcome \"flaky\" is none of", "flaky");
    breaks("unknown type", "its type \"progress\" is not one that a worker sends", "progress");
    breaks("error", "in the middle of a case: lost the database", NULL);
}

static void a_second_done_does_not_change_the_first(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    struct worker_ending e;
    run_case(w, "done twice", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_PASSED);
    worker_answer_clear(&a);
    assert_false(worker_usable(w));
    run_case(w, "pass", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_ERROR);
    assert_text(a.note, "done, and no case is in flight");
    worker_answer_clear(&a);
    worker_end(w, &e);
    assert_false(e.clean);
    worker_ending_clear(&e);
}

static void a_violation_that_no_case_saw_is_told_at_the_end(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    struct worker_ending e;
    run_case(w, "done twice", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_PASSED);
    worker_answer_clear(&a);
    worker_end(w, &e);
    assert_false(e.clean);
    assert_text(e.note, "its worker broke the protocol: done, and no case is in flight");
    worker_ending_clear(&e);
}

/* ---- it does not become ready ---- */

static void short_start(struct worker_spec *s) { s->start_timeout_ms = 150; }

static void not_ready(const char *how, void (*change)(struct worker_spec *), const char *note, const char *details)
{
    struct worker *w = start_with(how, change);
    struct worker_answer a;
    run_case(w, "pass", 60000, &a);
    assert_int_equal(a.outcome, OUTCOME_ERROR);
    assert_true(a.not_started);
    assert_text(a.note, note);
    if (details)
        assert_text(a.details, details);
    else
        assert_null(a.details);
    if (!change)
        assert_text(buf_cstr(&a.log.bytes), "starting\n");
    assert_int_equal(worker_served(w), 0);
    worker_answer_clear(&a);
    end_lost(w);

    struct proc_log log;
    char *why;
    w = start_with(how, change);
    assert_false(worker_wait_ready(w, &why, &log));
    assert_text(why, note);
    if (!change)
        assert_text(buf_cstr(&log.bytes), "starting\n");
    mem_free(why);
    proc_log_clear(&log);
    end_lost(w);
}

static void no_such_program(struct worker_spec *s) { s->file = "/no/such/program"; }

static void a_worker_that_is_never_ready_says_why(void **state)
{
    (void)state;
    not_ready("start exit 3", NULL, "its worker ended with exit status 3 before it was ready", NULL);
    not_ready("start crash", NULL, "its worker was ended by SIGABRT", NULL);
    not_ready("start garbage", NULL, "its worker broke the protocol: it is not JSON", NULL);
    not_ready("start done", NULL, "done, and no case is in flight", NULL);
    not_ready("start close", NULL, "its worker closed its descriptor and lived on before it was ready", NULL);
    not_ready("start error", NULL, "no database", "refused");
    not_ready("version 2", NULL, "its worker speaks version 2 of the worker protocol, and this tgraph version 1", NULL);
    not_ready("never ready", short_start, "its worker was not ready within 0.15 s", NULL);
    not_ready("well", no_such_program, "cannot run /no/such/program: there is no such file: build or install", NULL);
}

static void waiting_until_it_is_ready(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct proc_log log;
    char *why;
    for (int i = 0; i < 2; i++) {
        assert_true(worker_wait_ready(w, &why, &log));
        assert_null(why);
        assert_int_equal(log.bytes.len, 0);
    }
    assert_string_equal(worker_name(w), "test 1");
    assert_int_equal(worker_served(w), 0);
    end_clean(w);
}

/* ---- what it writes ---- */

static void a_flood_keeps_its_ends(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    run_case(w, "flood", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_PASSED);
    assert_int_equal(a.log.bytes.len, 16 << 20);
    assert_true(a.log.dropped_bytes >= 4 << 20);
    assert_memory_equal(a.log.bytes.p, "ffff", 4);
    assert_string_equal(a.log.bytes.p + a.log.bytes.len - 7, "THE END");
    worker_answer_clear(&a);
    end_clean(w);
}

static void what_it_writes_outside_of_a_case_is_no_cases_log(void **state)
{
    (void)state;
    struct worker *w = start("well");
    struct worker_answer a;
    struct worker_ending e;
    for (int i = 0; i < 3; i++) {
        run_case(w, "pass", 0, &a); /* after it the worker has written what it writes late */
        assert_int_equal(a.outcome, OUTCOME_PASSED);
        worker_answer_clear(&a);
        run_case(w, "late words", 0, &a);
        assert_text(buf_cstr(&a.log.bytes), "mine\n");
        worker_answer_clear(&a);
    }
    worker_end(w, &e);
    assert_true(e.clean);
    assert_text(buf_cstr(&e.log.bytes), "starting\n");
    assert_text(buf_cstr(&e.log.bytes), "bye\n");
    worker_ending_clear(&e);
}

/* ---- between two cases ---- */

static void lost_when_idle(const char *name, const char *note, bool failed)
{
    struct worker *w = start("well");
    struct worker_answer a;
    struct worker_ending e;
    run_case(w, name, 0, &a);
    assert_int_equal(a.outcome, OUTCOME_PASSED);
    worker_answer_clear(&a);
    int64_t until = clock_deadline_ns(20000);
    while (worker_usable(w) && clock_mono_ns() < until)
        poll(NULL, 0, 1);
    assert_false(worker_usable(w));
    worker_end(w, &e);
    assert_false(e.clean);
    assert_int_equal(e.failed, failed);
    assert_text(e.note, note);
    worker_ending_clear(&e);
}

static void its_end_between_two_cases_is_seen_and_told(void **state)
{
    (void)state;
    lost_when_idle("die idle", "its worker was ended by SIGKILL", false);
    lost_when_idle("exit idle", "its worker ended with exit status 0 while it had nothing to do", false);
    lost_when_idle("error idle", "gave up", true);
}

/* ---- its end ---- */

static void ends(const char *how, bool clean, bool failed, const char *note, const char *details)
{
    struct worker *w = start(how);
    struct worker_answer a;
    struct worker_ending e;
    run_case(w, "pass", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_PASSED);
    worker_answer_clear(&a);
    worker_end(w, &e);
    assert_int_equal(e.clean, clean);
    assert_int_equal(e.failed, failed);
    if (note)
        assert_text(e.note, note);
    else
        assert_null(e.note);
    if (details)
        assert_text(e.details, details);
    if (strcmp(how, "exit error") == 0)
        assert_text(buf_cstr(&e.log.bytes), "tearing down");
    assert_int_equal(e.left_over != NULL, strcmp(how, "exit child") == 0);
    worker_ending_clear(&e);
}

static void only_the_end(struct worker_spec *s) { s->farewell = FAREWELL_END; }
static void only_exit(struct worker_spec *s) { s->farewell = FAREWELL_EXIT; }

static void its_end_is_told(void **state)
{
    (void)state;
    ends("well", true, false, NULL, NULL);
    ends("exit error", false, true, "session fixture", "trace");
    ends("exit 2", false, false, "exit status 2", NULL);
    ends("exit abort", false, false, "SIGABRT", NULL);
    ends("exit garbage", false, false, "its worker broke the protocol: it is not JSON", NULL);
    ends("exit child", true, false, NULL, NULL);
}

static void each_way_to_ask_is_enough(void **state)
{
    (void)state;
    struct worker_answer a;
    struct worker *w = start_with("well", only_the_end);
    run_case(w, "pass", 0, &a);
    worker_answer_clear(&a);
    end_clean(w);
    w = start_with("well", only_exit);
    run_case(w, "pass", 0, &a);
    worker_answer_clear(&a);
    end_clean(w);
}

static void who_does_not_exit_is_ended_at_once_if_cancelled(void **state)
{
    (void)state;
    assert_true(proc_pipe(cancel_pipe));
    assert_true(proc_pipe(kill_pipe));
    struct worker *w = start_with("well", with_cancel);
    struct worker_answer a;
    struct worker_ending e;
    run_case(w, "deaf to exit", 0, &a);
    assert_int_equal(a.outcome, OUTCOME_PASSED);
    worker_answer_clear(&a);
    assert_int_equal(write(cancel_pipe[1], "x", 1), 1);
    int64_t before = clock_mono_ns();
    worker_end(w, &e);
    assert_true(clock_mono_ns() - before < (int64_t)WORKER_EXIT_MS * 1000000);
    assert_false(e.clean);
    worker_ending_clear(&e);
    close_cancel();
}

static void one_that_nobody_needed_is_ended_at_once(void **state)
{
    (void)state;
    struct worker *w = start("never ready");
    int64_t before = clock_mono_ns();
    end_clean(w);
    assert_true(clock_mono_ns() - before < (int64_t)WORKER_EXIT_MS * 1000000);
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    size_t before = descriptors();
    struct worker_answer a;
    for (int i = 0; i < 10; i++) {
        struct worker *w = start("well");
        run_case(w, i % 2 ? "exit 3" : "garbage", 0, &a);
        worker_answer_clear(&a);
        end_lost(w);
        end_clean(start("well"));
    }
    assert_int_equal(descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "worker") == 0)
        return worker_main(argv[2]);
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_worker_serves_case_after_case),
        cmocka_unit_test(an_answer_has_all_that_done_said),
        cmocka_unit_test(what_a_run_says),
        cmocka_unit_test(a_message_of_many_megabytes),
        cmocka_unit_test(its_end_in_the_middle_of_a_case_is_that_cases_crash),
        cmocka_unit_test(killed_at_any_moment_it_loses_no_case),
        cmocka_unit_test(a_crash_keeps_the_log),
        cmocka_unit_test(a_done_counts_also_when_it_ends_at_once),
        cmocka_unit_test(it_closes_its_descriptor_and_lives_on),
        cmocka_unit_test(it_closes_the_engines_descriptor),
        cmocka_unit_test(children_that_it_leaves_are_ended_and_named),
        cmocka_unit_test(a_daemon_that_holds_the_pipes_holds_nobody_up),
        cmocka_unit_test(a_hang_is_ended_at_its_time_limit),
        cmocka_unit_test(who_ignores_sigterm_is_killed),
        cmocka_unit_test(cancelling_while_it_starts),
        cmocka_unit_test(cancelling_a_case_in_flight),
        cmocka_unit_test(whatever_is_not_the_protocol_is_an_error_of_the_case),
        cmocka_unit_test(a_second_done_does_not_change_the_first),
        cmocka_unit_test(a_violation_that_no_case_saw_is_told_at_the_end),
        cmocka_unit_test(a_worker_that_is_never_ready_says_why),
        cmocka_unit_test(waiting_until_it_is_ready),
        cmocka_unit_test(a_flood_keeps_its_ends),
        cmocka_unit_test(what_it_writes_outside_of_a_case_is_no_cases_log),
        cmocka_unit_test(its_end_between_two_cases_is_seen_and_told),
        cmocka_unit_test(its_end_is_told),
        cmocka_unit_test(each_way_to_ask_is_enough),
        cmocka_unit_test(who_does_not_exit_is_ended_at_once_if_cancelled),
        cmocka_unit_test(one_that_nobody_needed_is_ended_at_once),
        cmocka_unit_test(nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
