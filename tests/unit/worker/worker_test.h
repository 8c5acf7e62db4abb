/* SPDX-License-Identifier: MIT
 *
 * A worker for tests: this test program itself, started again with the argument `worker` and how to start. What it does
 * with a case is the case's name. */
#ifndef TESTS_UNIT_RUN_WORKER_TEST_H
#define TESTS_UNIT_RUN_WORKER_TEST_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/worker.h"

/* ---- the worker's side ---- */

static FILE *from_engine;
static int to_engine;
static bool keep_quiet; /* sent to the engine: nothing more */

static void put(const char *text)
{
    size_t len = strlen(text);
    while (len) {
        ssize_t n = write(to_engine, text, len);
        if (n <= 0)
            _exit(90);
        text += n;
        len -= (size_t)n;
    }
}
static void done(long id, const char *outcome, const char *more)
{
    char line[1024];
    snprintf(line, sizeof line, "{\"type\":\"done\",\"id\":%ld,\"outcome\":\"%s\"%s}\n", id, outcome, more);
    put(line);
}
static void started(long id)
{
    char line[64];
    snprintf(line, sizeof line, "{\"type\":\"started\",\"id\":%ld}\n", id);
    put(line);
}
static void say(const char *text)
{
    if (write(1, text, strlen(text)) < 0)
        _exit(91);
}
static void crash(int number)
{
    signal(number, SIG_DFL); /* the sanitizers catch some */
    raise(number);
}
static void die(int number)
{
    (void)number;
    kill(getpid(), SIGKILL);
}
static void hang(void)
{
    for (;;)
        pause();
}
/* A child that holds all that this process has until it is killed. */
static pid_t linger(bool own_session)
{
    int p[2];
    char c;
    if (pipe(p) != 0)
        _exit(92);
    pid_t pid = fork();
    if (pid == 0) {
        if (own_session)
            setsid();
        close(p[0]);
        close(p[1]);
        hang();
    }
    close(p[1]);
    if (read(p[0], &c, 1) != 0) /* until it has left the group */
        _exit(93);
    close(p[0]);
    return pid;
}

static void serve(const char *name, long id, const char *line)
{
#define IS(s) (strcmp(name, s) == 0)
    if (IS("pass")) {
        done(id, "passed", "");
    } else if (IS("full")) {
        started(id);
        say("out\n");
        if (write(2, "err\n", 4) != 4)
            _exit(91);
        done(id, "failed",
             ",\"message\":\"assert 1\",\"details\":\"Traceback\",\"duration_ms\":12.5,\"reads\":[\"a\",\"/b\"],"
             "\"subtests\":[{\"name\":\"s\",\"outcome\":\"passed\"}],\"recycle\":true,\"unknown\":{}");
    } else if (IS("skip")) {
        done(id, "skipped", ",\"reads\":[]");
    } else if (IS("echo")) { /* what it was sent */
        say(line);
        done(id, "passed", "");
    } else if (IS("segv")) {
        say("before\n");
        crash(SIGSEGV);
    } else if (IS("segv after started")) {
        started(id);
        crash(SIGSEGV);
    } else if (IS("exit 0")) {
        started(id);
        _exit(0);
    } else if (IS("exit 3")) {
        _exit(3);
    } else if (IS("half then exit")) {
        put("{\"type\":\"done\",\"id\":1,\"outcome\":\"passed\"}");
        _exit(0);
    } else if (IS("done then exit")) {
        say("last words\n");
        done(id, "passed", "");
        _exit(5);
    } else if (IS("hang")) {
        say("hanging\n");
        hang();
    } else if (IS("hang deaf")) {
        signal(SIGTERM, SIG_IGN);
        say("deaf\n");
        hang();
    } else if (IS("garbage")) {
        say("half a line");
        put("Collecting tests...\n");
        hang();
    } else if (IS("long line")) {
        char block[4096];
        memset(block, 'x', sizeof block);
        put("{\"type\":\"done\",\"x\":\"");
        for (;;)
            if (write(to_engine, block, sizeof block) <= 0)
                _exit(90);
    } else if (IS("other id")) {
        done(id + 1, "passed", "");
        hang();
    } else if (IS("last id")) {
        done(id - 1, "passed", "");
        hang();
    } else if (IS("done twice")) {
        char two[256];
        snprintf(two, sizeof two,
                 "{\"type\":\"done\",\"id\":%ld,\"outcome\":\"passed\"}\n"
                 "{\"type\":\"done\",\"id\":%ld,\"outcome\":\"failed\"}\n",
                 id, id);
        put(two);
        hang();
    } else if (IS("started twice")) {
        started(id);
        started(id);
        hang();
    } else if (IS("started other")) {
        started(id + 7);
        hang();
    } else if (IS("ready again")) {
        put("{\"type\":\"ready\",\"protocol\":1}\n");
        hang();
    } else if (IS("unknown outcome")) {
        done(id, "flaky", "");
        hang();
    } else if (IS("unknown type")) {
        put("{\"type\":\"progress\",\"id\":1}\n");
        hang();
    } else if (IS("error")) {
        put("{\"type\":\"error\",\"message\":\"lost the database\",\"details\":\"more\"}\n");
        hang();
    } else if (IS("close")) {
        close(to_engine);
        hang();
    } else if (IS("close in")) {
        fclose(from_engine);
        started(id);
        done(id, "passed", "");
        hang();
    } else if (IS("flood")) {
        char block[4096];
        memset(block, 'f', sizeof block);
        for (int i = 0; i < 20 * 256; i++) /* 20 MiB */
            if (write(1, block, sizeof block) != sizeof block)
                _exit(91);
        say("THE END");
        done(id, "passed", "");
    } else if (IS("exit with child")) {
        linger(false);
        _exit(4);
    } else if (IS("exit with daemon")) {
        char text[32];
        snprintf(text, sizeof text, "%d\n", (int)linger(true));
        say(text);
        _exit(4);
    } else if (IS("late words")) { /* written when no case is in flight */
        say("mine\n");
        done(id, "passed", "");
        say("not mine\n");
    } else if (IS("die idle")) {
        done(id, "passed", "");
        crash(SIGKILL);
    } else if (IS("exit idle")) {
        done(id, "passed", "");
        _exit(0);
    } else if (IS("error idle")) {
        done(id, "passed", "");
        put("{\"type\":\"error\",\"message\":\"gave up\"}\n");
    } else if (IS("slow bytes")) { /* a line in many pieces */
        char text[64];
        snprintf(text, sizeof text, "{\"type\":\"done\",\"id\":%ld,\"outcome\":\"passed\"}\n", id);
        for (char *p = text; *p; p++)
            if (write(to_engine, p, 1) != 1)
                _exit(90);
    } else if (IS("big")) {
        struct buf b = BUF_INIT;
        buf_printf(&b, "{\"type\":\"done\",\"id\":%ld,\"outcome\":\"failed\",\"details\":\"", id);
        for (int i = 0; i < 1 << 20; i++)
            buf_adds(&b, "details ");
        buf_adds(&b, "\"}\n");
        put(b.p);
        buf_clear(&b);
    } else if (IS("deaf to exit")) {
        keep_quiet = true;
        done(id, "passed", "");
    } else {
        done(id, "error", ",\"message\":\"no such case\"");
    }
#undef IS
}

static void at_exit(const char *how)
{
    if (strcmp(how, "exit error") == 0) {
        say("tearing down\n");
        put("{\"type\":\"error\",\"message\":\"session fixture\",\"details\":\"trace\"}\n");
        _exit(1);
    }
    if (strcmp(how, "exit 2") == 0)
        _exit(2);
    if (strcmp(how, "exit abort") == 0)
        crash(SIGABRT);
    if (strcmp(how, "exit garbage") == 0)
        put("bye\n");
    if (strcmp(how, "exit child") == 0)
        linger(false);
    say("bye\n");
    _exit(0);
}

static int worker_main(const char *how)
{
    char *line = NULL;
    size_t cap = 0;
    if (!getenv("TGRAPH_WORKER") || strcmp(getenv("TGRAPH_WORKER"), "1") != 0)
        return 80;
    from_engine = fdopen(atoi(getenv("TGRAPH_WORKER_IN")), "r");
    to_engine = atoi(getenv("TGRAPH_WORKER_OUT"));
    if (strncmp(how, "kill after ", 11) == 0) { /* microseconds */
        struct itimerval t = {.it_value.tv_usec = atol(how + 11)};
        signal(SIGALRM, die);
        setitimer(ITIMER_REAL, &t, NULL);
    }
    say("starting\n");
    if (strcmp(how, "never ready") == 0)
        hang();
    if (strcmp(how, "start exit 3") == 0)
        _exit(3);
    if (strcmp(how, "start crash") == 0)
        crash(SIGABRT);
    if (strcmp(how, "start error") == 0) {
        put("{\"type\":\"error\",\"message\":\"no database\",\"details\":\"refused\"}\n");
        hang();
    }
    if (strcmp(how, "start garbage") == 0)
        put("hello there\n");
    if (strcmp(how, "start close") == 0) {
        close(to_engine);
        hang();
    }
    if (strcmp(how, "start done") == 0)
        done(1, "passed", "");
    while (getline(&line, &cap, from_engine) > 0) {
        char name[256] = "";
        const char *id = strstr(line, "\"id\":"), *c = strstr(line, "\"case\":\"");
        if (strstr(line, "\"hello\"")) {
            put(strcmp(how, "version 2") == 0 ? "{\"type\":\"ready\",\"protocol\":2}\n"
                                              : "{\"type\":\"ready\",\"protocol\":1,\"name\":\"test 1\"}\n");
        } else if (strstr(line, "\"exit\"")) {
            if (keep_quiet)
                hang();
            at_exit(how);
        } else if (id && c) {
            sscanf(c + 8, "%255[^\"]", name);
            serve(name, atol(id + 5), line);
        }
    }
    if (keep_quiet)
        hang();
    at_exit(how);
    return 0;
}

/* ---- the engine's side ---- */

static struct worker *start_with(const char *how, void (*change)(struct worker_spec *))
{
    const char *argv[] = {"test-worker", "worker", how, NULL};
    const char *envp[] = {"PATH=/usr/bin:/bin", "ASAN_OPTIONS=detect_leaks=0", NULL};
    struct worker_spec s = {.file = "/proc/self/exe",
                            .argv = argv,
                            .envp = envp,
                            .cwd = "/",
                            .suite = "dir:suite",
                            .root = "/root/of it",
                            .start_timeout_ms = 60000,
                            .grace_ms = 10000,
                            .left_ms = 50,
                            .cancel_fd = -1,
                            .kill_fd = -1};
    if (change)
        change(&s);
    return worker_start(&s);
}
static struct worker *start(const char *how) { return start_with(how, NULL); }

static void run_case(struct worker *w, const char *name, int64_t timeout_ms, struct worker_answer *a)
{
    struct worker_run r = {.id = name, .attempt = 1, .timeout_ms = timeout_ms};
    worker_run_case(w, &r, a);
    assert_true(a->ended_real_ns >= a->started_real_ns && a->started_real_ns > 0);
    assert_true(a->duration_ns >= 0);
}

static void assert_text(const char *got, const char *want)
{
    if (!got || !strstr(got, want)) {
        print_error("'%s' does not hold '%s'\n", got ? got : "(nothing)", want);
        fail();
    }
}

static void end_clean(struct worker *w)
{
    struct worker_ending e;
    worker_end(w, &e);
    if (e.note)
        print_error("note: %s\n", e.note);
    assert_true(e.clean);
    assert_false(e.failed);
    assert_null(e.note);
    assert_null(e.left_over);
    assert_false(e.held);
    worker_ending_clear(&e);
}

/* Ends one that was lost, and whose loss an answer has told. */
static void end_lost(struct worker *w)
{
    struct worker_ending e;
    assert_false(worker_usable(w));
    worker_end(w, &e);
    if (e.note)
        print_error("note: %s\n", e.note);
    assert_null(e.note);
    assert_false(e.clean);
    assert_false(e.failed);
    worker_ending_clear(&e);
}

static char *stream(const struct proc_log *l, int number)
{
    struct buf b = BUF_INIT;
    size_t at = 0;
    for (size_t i = 0; i < l->n_frames; i++) {
        if (l->frames[i].stream == number)
            buf_add(&b, l->bytes.p + at, l->frames[i].len);
        at += l->frames[i].len;
    }
    assert_int_equal(at, l->bytes.len);
    return b.p ? buf_take(&b) : mem_strdup("");
}
static void assert_log(const struct proc_log *l, int number, const char *want)
{
    char *got = stream(l, number);
    assert_string_equal(got, want);
    mem_free(got);
}

#endif
