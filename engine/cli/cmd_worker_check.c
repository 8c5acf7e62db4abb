/* SPDX-License-Identifier: MIT
 *
 * tgraph worker-check: tries somebody's worker against docs/worker-protocol.md. It is driven as a run drives it, by
 * worker/; each check has a worker of its own, so that one fault does not hide behind another. Says what it saw as
 * TAP 14 on standard output. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

#include "cli/cli.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/proc_table.h"
#include "os/signals.h"
#include "tree/tool.h"
#include "worker/worker.h"

enum {
    CASE_MS = 30000,
    START_MS = 120000,
    MANY_RUNS = 1000,
    WARM_RUNS = 100,     /* by then it has what it needs for any case */
    MANY_MS = 10000,     /* no longer than this for the many runs */
    LONG_BYTES = 300000, /* more than a pipe holds */
    SHOWN_LOG_BYTES = 2000,
};
#define GROWTH_BYTES ((uint64_t)32 << 20) /* between warm and the end; and half as much again */
static const char made_up[] = "tgraph worker-check: there is no such case: \"\\ \xc3\xa4 \xf0\x9f\x99\x82";
static const char unknown_line[] =
    "{\"type\":\"x-tgraph-worker-check\",\"id\":1,\"case\":\"?\",\"list\":[{\"a\":null}]}";
static const char unknown_members[] = ",\"x-tgraph-worker-check\":{\"type\":\"exit\",\"id\":[7]},\"x\":null";

struct check {
    const struct options *o;
    struct worker_spec spec;
    int64_t timeout_ms;
    const char *const *cases;
    size_t n_cases;
    unsigned n, failed;
    bool stop;       /* interrupted, or there is no use in going on */
    struct buf left; /* what the workers left behind; empty = nothing */
    bool recycles;
    size_t idle_bytes; /* written by one that was handed no case */
};

/* ---- what is printed ---- */

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("#   ", stdout);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
}

/* One TAP line; # and \ would begin a directive or an escape in it. */
static bool verdict(struct check *c, bool ok, const char *skip, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static bool verdict(struct check *c, bool ok, const char *skip, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    c->failed += !ok;
    printf("%sok %u - ", ok ? "" : "not ", ++c->n);
    for (const char *p = line; *p; p++) {
        if (*p == '#' || *p == '\\')
            putchar('\\');
        putchar((unsigned char)*p < 0x20 ? ' ' : *p);
    }
    printf("%s%s\n", skip ? " # SKIP " : "", skip ? skip : "");
    fflush(stdout);
    return ok;
}

static void show_log(const struct proc_log *l)
{
    const char *p = buf_cstr(&l->bytes), *end = p + l->bytes.len;
    if (l->bytes.len > SHOWN_LOG_BYTES)
        p = end - SHOWN_LOG_BYTES;
    if (p < end)
        note("it wrote:");
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((lf ? lf : end) - p);
        fputs("#     ", stdout);
        for (size_t i = 0; i < len; i++)
            putchar((unsigned char)p[i] < 0x20 && p[i] != '\t' ? '?' : p[i]);
        putchar('\n');
        p += len + 1;
    }
}

static bool holds(const struct proc_log *l, const char *text)
{
    return l->bytes.len && memmem(l->bytes.p, l->bytes.len, text, strlen(text));
}

static void explain_start(const char *why, const struct proc_log *log)
{
    note("%s", why);
    if (holds(log, "\"ready\""))
        note("hint: messages go to the descriptor that TGRAPH_WORKER_OUT names, not to standard output");
    else if (strstr(why, "not ready within"))
        note("hint: `ready` answers `hello`, which comes on the descriptor that TGRAPH_WORKER_IN names; flush after "
             "each line");
    else if (strstr(why, "before it was ready"))
        note("hint: it must answer `hello` with {\"type\":\"ready\",\"protocol\":1}, and then wait for `run`");
    else if (strstr(why, "broke the protocol"))
        note("hint: only messages go to TGRAPH_WORKER_OUT; everything else to standard output or standard error");
    show_log(log);
}

static void explain_answer(const struct check *c, const struct worker_answer *a)
{
    if (a->note)
        note("%s", a->note);
    if (a->outcome == OUTCOME_TIMED_OUT)
        note("hint: no `done` came: does it flush after each line? Or does a case take longer than %.3g s (--timeout)?",
             (double)c->timeout_ms / 1000);
    else if (a->outcome == OUTCOME_CRASHED)
        note("hint: what goes wrong in a case, also if there is no such case, is a `done` with the outcome \"error\"; "
             "the "
             "worker lives on");
    else if (a->not_started)
        explain_start(a->note ? a->note : "", &a->log);
    else if (a->note && strstr(a->note, "broke the protocol"))
        note("hint: docs/worker-protocol.md says what a worker may write, and when");
    if (!a->not_started)
        show_log(&a->log);
}

/* ---- workers ---- */

static struct worker *begin(struct check *c, enum worker_farewell farewell)
{
    c->spec.farewell = farewell;
    return worker_start(&c->spec);
}

static void finish(struct check *c, struct worker *w, struct worker_ending *e)
{
    worker_end(w, e);
    if (e->left_over)
        buf_printf(&c->left, "%s%s", c->left.len ? "; " : "", e->left_over);
    if (e->held)
        buf_printf(&c->left, "%sa process that has left its group holds TGRAPH_WORKER_OUT", c->left.len ? "; " : "");
}

static void drop(struct check *c, struct worker *w)
{
    struct worker_ending e;
    finish(c, w, &e);
    worker_ending_clear(&e);
}

/* Hands out a case; false: it was not answered. */
static bool serve(struct check *c, struct worker *w, const struct worker_run *run, struct worker_answer *a)
{
    struct worker_run r = *run;
    r.timeout_ms = c->timeout_ms;
    worker_run_case(w, &r, a);
    c->stop |= a->cancelled;
    c->recycles |= a->answered && worker_wants_recycling(w);
    return a->answered;
}

static const char *outcome_text(const struct worker_answer *a)
{
    return a->mark != MARK_NONE ? case_mark_name(a->mark) : outcome_name(a->outcome);
}

/* What a check runs: the first case that was named, else the made-up one. */
static struct worker_run first_case(const struct check *c)
{
    return (struct worker_run){.id = c->n_cases ? c->cases[0] : made_up, .data = c->o->data, .attempt = 1};
}

/* ---- the checks ---- */

static bool check_ready(struct check *c)
{
    struct worker *w = begin(c, FAREWELL_BOTH);
    struct proc_log log;
    char *why;
    bool ok = worker_wait_ready(w, &why, &log);
    c->stop = !ok;
    if (ok)
        verdict(c, true, NULL, "answers hello with ready%s%s", *worker_name(w) ? ": " : "", worker_name(w));
    else if (!verdict(c, false, NULL, "answers hello with ready"))
        explain_start(why, &log);
    mem_free(why);
    proc_log_clear(&log);
    struct worker_ending e;
    finish(c, w, &e);
    c->idle_bytes = e.log.bytes.len;
    if (ok && !verdict(c, e.clean, NULL, "exits with 0 when it was handed no case")) {
        note("%s", e.note ? e.note : "it did not end as it should");
        show_log(&e.log);
    }
    worker_ending_clear(&e);
    return ok;
}

/* All of them on one worker, as in a run, and the first one a second time. */
static void check_cases(struct check *c)
{
    struct worker *w = NULL;
    struct worker_ending e = {0};
    size_t logged = 0, outside = 0;
    bool all = true;
    char *before = NULL;
    for (size_t i = 0; i <= c->n_cases && c->n_cases && !c->stop; i++) {
        bool again = i == c->n_cases;
        const char *id = c->cases[again ? 0 : i];
        struct worker_answer a;
        if (w && (worker_wants_recycling(w) || !worker_usable(w))) {
            drop(c, w);
            w = NULL;
        }
        if (!w)
            w = begin(c, FAREWELL_BOTH);
        bool ok = serve(c, w,
                        &(struct worker_run){.id = id,
                                             .data = c->o->data,
                                             .attempt = again ? 2 : 1,
                                             .next = i + 1 < c->n_cases ? c->cases[i + 1] : NULL},
                        &a);
        all &= ok;
        logged += a.log.bytes.len;
        if (ok)
            verdict(c, true, NULL, "answers for %s%s: %s", id, again ? " again" : "", outcome_text(&a));
        else if (!c->stop && !verdict(c, false, NULL, "answers for %s%s", id, again ? " again" : ""))
            explain_answer(c, &a);
        if (ok && a.outcome == OUTCOME_ERROR && a.note)
            note("%s", a.note);
        if (ok && !i)
            before = mem_strdup(outcome_text(&a));
        if (ok && again && before && strcmp(before, outcome_text(&a)) != 0)
            note("warning: it %s the first time: does the case leave something behind?", before);
        worker_answer_clear(&a);
    }
    mem_free(before);
    if (w) {
        finish(c, w, &e);
        outside = e.log.bytes.len;
        if (all && !c->recycles && !c->stop && !verdict(c, e.clean, NULL, "exits with 0 after its cases")) {
            note("%s", e.note ? e.note : "it did not end as it should");
            show_log(&e.log);
        }
        worker_ending_clear(&e);
    }
    if (c->stop || !all)
        return;
    if (logged)
        verdict(c, true, NULL, "what a case writes arrives before its done");
    else if (outside <= c->idle_bytes || c->recycles)
        verdict(c, true, c->n_cases ? "none of the cases wrote anything" : "name a case that writes something (--case)",
                "what a case writes arrives before its done");
    else if (!verdict(c, false, NULL, "what a case writes arrives before its done"))
        note("hint: the output came outside of any case: flush standard output and standard error before `done`");
}

static void check_one(struct check *c, const char *what, const char *say, const struct worker_run *run,
                      const char *hint)
{
    struct worker *w = begin(c, FAREWELL_BOTH);
    struct worker_answer a;
    if (c->stop) {
        drop(c, w);
        return;
    }
    if (say)
        worker_say(w, say);
    bool ok = serve(c, w, run, &a);
    if (!c->stop && !verdict(c, ok, NULL, "%s", what)) {
        if (hint)
            note("hint: %s", hint);
        explain_answer(c, &a);
    }
    if (ok && run->id == made_up && run->data == c->o->data && !say && !run->extra && a.outcome == OUTCOME_PASSED)
        note("warning: a case that does not exist is %s: a case whose name is misspelt would pass", outcome_text(&a));
    worker_answer_clear(&a);
    drop(c, w);
}

static void check_messages(struct check *c)
{
    struct worker_run run = {.id = made_up, .data = c->o->data, .attempt = 1};
    check_one(c, "answers for a case that does not exist", NULL, &run,
              "the outcome \"error\" is for this; names are any Unicode text");
    run = first_case(c);
    check_one(c, "ignores a message of an unknown type", unknown_line, &run,
              "a later version of the protocol may send other messages: skip a `type` that you do not know");
    run.extra = unknown_members;
    check_one(c, "ignores members of a message that it does not know", NULL, &run,
              "a later version of the protocol may add members: skip those that you do not know");
    run.extra = NULL;
    struct buf data = BUF_INIT;
    buf_addc(&data, '"');
    for (int i = 0; i < LONG_BYTES; i++)
        buf_addc(&data, 'x');
    buf_addc(&data, '"');
    run = (struct worker_run){.id = made_up, .data = data.p, .attempt = 1};
    check_one(c, "reads a message of 300 kB", NULL, &run,
              "read until a line feed: a message can come in several pieces");
    buf_clear(&data);
}

static void check_end(struct check *c, enum worker_farewell how, const char *what, const char *hint)
{
    struct worker *w = begin(c, how);
    struct worker_run run = first_case(c);
    struct worker_answer a;
    struct worker_ending e;
    bool served = !c->stop && serve(c, w, &run, &a);
    if (served || !c->stop)
        worker_answer_clear(&a);
    finish(c, w, &e);
    if (served && !verdict(c, e.clean, NULL, "%s", what)) {
        note("%s", e.note ? e.note : "it did not end as it should");
        note("hint: %s", hint);
        show_log(&e.log);
    }
    worker_ending_clear(&e);
}

/* One case over and over: an answer each time, and no memory that grows with the number of cases. */
static void check_many(struct check *c)
{
    struct worker *w = begin(c, FAREWELL_BOTH);
    struct worker_run run = first_case(c);
    int64_t until = clock_deadline_ns(MANY_MS);
    uint64_t warm = 0, last = 0;
    int n = 0;
    bool ok = true;
    while (n < MANY_RUNS && ok && !c->stop && clock_mono_ns() < until) {
        struct worker_answer a;
        ok = serve(c, w, &run, &a);
        n++;
        if (!ok && !c->stop && !verdict(c, false, NULL, "answers %d times for one case", MANY_RUNS)) {
            note("this was number %d", n);
            explain_answer(c, &a);
        }
        worker_answer_clear(&a);
        if (n == WARM_RUNS)
            warm = worker_resident_bytes(w);
        if (ok && worker_wants_recycling(w))
            break;
    }
    if (ok && !c->stop) {
        last = worker_resident_bytes(w);
        verdict(c, true, NULL, "answers %d times for one case%s", n,
                n == MANY_RUNS              ? ""
                : worker_wants_recycling(w) ? ", and asks to be recycled"
                                            : " (no more of them in 10 s)");
        bool grows = warm && last > warm + GROWTH_BYTES && last > warm + warm / 2;
        if (n < 2 * WARM_RUNS || !warm || !last)
            verdict(c, true, "too few runs to tell", "its memory does not grow with the cases");
        else if (!verdict(c, !grows, NULL, "its memory does not grow with the cases"))
            note("%llu MiB after %d cases, %llu MiB after %d; hint: drop what belongs to a case at its `done`, or send "
                 "\"recycle\":true",
                 (unsigned long long)(warm >> 20), WARM_RUNS, (unsigned long long)(last >> 20), n);
    }
    drop(c, w);
}

/* The flags of a descriptor, as proc(5) shows them; -1 = it cannot be seen, or is not open. */
static long descriptor_flags(pid_t pid, const char *number)
{
    char path[64], *at;
    struct buf b = BUF_INIT;
    long flags = -1;
    snprintf(path, sizeof path, "/proc/%ld/fdinfo/%.12s", (long)pid, number);
    if (file_read(path, 1 << 16, &b, NULL) && (at = strstr(buf_cstr(&b), "flags:")) != NULL)
        flags = strtol(at + 6, NULL, 8);
    buf_clear(&b);
    return flags;
}

static void check_descriptors(struct check *c)
{
    static const char *const names[] = {"TGRAPH_WORKER_IN", "TGRAPH_WORKER_OUT"};
    enum { CLOEXEC_FLAG = 02000000 };
    struct worker *w = begin(c, FAREWELL_BOTH);
    struct worker_run run = first_case(c);
    struct worker_answer a;
    if (!c->stop) {
        serve(c, w, &run, &a);
        worker_answer_clear(&a);
    }
    pid_t pid = worker_pid(w);
    struct buf open = BUF_INIT;
    bool alone =
        pid > 0 && proc_table_group(pid, NULL) == 1; /* else it may be a wrapper that another one shares them with */
    for (int i = 0; i < 2 && alone; i++) {
        struct buf number = BUF_INIT;
        long flags = proc_table_env(pid, names[i], &number) ? descriptor_flags(pid, buf_cstr(&number)) : -1;
        if (flags >= 0 && !(flags & CLOEXEC_FLAG))
            buf_printf(&open, "%s%s", open.len ? " and " : "", names[i]);
        buf_clear(&number);
    }
    drop(c, w);
    if (c->stop) {
        buf_clear(&open);
        return;
    }
    if (!verdict(c, !c->left.len, NULL, "leaves no process behind that holds its descriptors or is in its group"))
        note("%s\n#   hint: end what a case starts at the end of the case, and what the worker starts before it exits",
             buf_cstr(&c->left));
    if (open.len)
        note("warning: %s can be inherited by what a case starts: set close-on-exec (fcntl F_SETFD; Python: "
             "os.set_inheritable(fd, False))",
             buf_cstr(&open));
    buf_clear(&open);
}

static int check_all(struct check *c)
{
    puts("TAP version 14");
    check_ready(c);
    if (!c->stop)
        check_cases(c);
    if (!c->stop)
        check_messages(c);
    if (!c->stop)
        check_many(c);
    if (!c->stop) {
        check_end(c, FAREWELL_EXIT, "exits with 0 within 10 s of exit", "`exit` alone has to be enough");
        check_end(c, FAREWELL_END, "exits with 0 within 10 s of the end of its descriptor",
                  "the end of TGRAPH_WORKER_IN means the same as `exit`");
    }
    if (!c->stop)
        check_descriptors(c);
    printf("1..%u\n", c->n);
    if (signals_count())
        return 128 + signals_last();
    if (!c->n_cases && !c->stop)
        puts("# no case was named: --case NAME (and --data JSON) tries one that exists");
    return c->failed ? 1 : 0;
}

/* ---- what is asked for ---- */

static int usage(const char *message, const char *hint)
{
    fprintf(stderr, "tgraph: error T002: %s\n  hint: %s\n", message, hint);
    return EXIT_USAGE;
}

/* "30", "30s", "500ms", "2m" */
static bool parse_time(const char *text, int64_t *out_ms)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    double unit = !*end || strcmp(end, "s") == 0 ? 1000
                  : strcmp(end, "ms") == 0       ? 1
                  : strcmp(end, "m") == 0        ? 60000
                                                 : 0;
    if (end == text || errno || unit == 0 || !isdigit((unsigned char)*text) || v * unit < 1 || v * unit > 1e9)
        return false;
    *out_ms = (int64_t)(v * unit);
    return true;
}

static bool is_json_line(const char *text)
{
    yajl_handle h = yajl_alloc(NULL, NULL, NULL);
    bool ok = h && !strpbrk(text, "\r\n") &&
              yajl_parse(h, (const unsigned char *)text, strlen(text)) == yajl_status_ok &&
              yajl_complete_parse(h) == yajl_status_ok;
    if (h)
        yajl_free(h);
    return ok;
}

/* The worker's program: a tool on PATH, or a file. NULL: there is none. */
static char *find_program(const char *name, const char *cwd)
{
    struct buf b = BUF_INIT;
    const char *path = getenv("PATH");
    if (*name == '/')
        return mem_strdup(name);
    if (strchr(name, '/'))
        return mem_printf("%s/%s", cwd, name);
    if (path && tool_find(NULL, path, name, &b))
        return buf_take(&b);
    buf_clear(&b);
    return NULL;
}

/* What a run would set is set here too, in place of what it may be already. */
static const char **environment(struct arena *a, const char *root, const char *tmp)
{
    extern char **environ;
    static const char *const ours[] = {
        "TGRAPH_WORKER=", "TGRAPH_WORKER_IN=", "TGRAPH_WORKER_OUT=", "TGRAPH_ROOT=", "TGRAPH_TARGET=",
        "TGRAPH_TMPDIR=", "TMPDIR=",           "TGRAPH_SLOT="};
    size_t n = 0, kept = 0;
    while (environ[n])
        n++;
    const char **v = arena_alloc(a, (n + 6) * sizeof *v);
    for (size_t i = 0; i < n; i++) {
        bool drop = false;
        for (size_t k = 0; k < sizeof ours / sizeof *ours; k++)
            drop |= strncmp(environ[i], ours[k], strlen(ours[k])) == 0;
        if (!drop)
            v[kept++] = environ[i];
    }
    v[kept++] = arena_printf(a, "TGRAPH_ROOT=%s", root);
    v[kept++] = "TGRAPH_TARGET=worker-check";
    v[kept++] = arena_printf(a, "TGRAPH_TMPDIR=%s", tmp);
    v[kept++] = arena_printf(a, "TMPDIR=%s", tmp);
    v[kept] = "TGRAPH_SLOT=0";
    return v;
}

int cmd_worker_check(const struct options *o)
{
    int64_t timeout_ms = CASE_MS;
    if (o->dir && chdir(o->dir) != 0) {
        fprintf(stderr, "tgraph: error T002: -C %s: %s\n", o->dir, strerror(errno));
        return EXIT_USAGE;
    }
    if (!o->dashes || o->n_before)
        return usage(o->n_args ? "worker-check takes the worker's command behind --" : "worker-check needs a command",
                     "tgraph worker-check --case NAME -- CMD...");
    if (o->n_args == 0)
        return usage("no command stands behind --", "tgraph worker-check --case NAME -- CMD...");
    if (o->timeout && !parse_time(o->timeout, &timeout_ms))
        return usage("--timeout takes a time such as 30s, 500ms or 2m", "without it a case may take 30 s");
    if (o->data && !is_json_line(o->data))
        return usage("--data takes one JSON value on one line", "a string has quotes of its own: --data '\"text\"'");
    for (size_t i = 0; i < o->n_cases; i++)
        if (!*o->cases[i])
            return usage("--case takes the name of a case", "leave it out to try a name that does not exist");
    const char *tmp = getenv("TMPDIR");
    char *cwd = getcwd(NULL, 0), *dir = mem_printf("%s/tgraph-worker-check-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    char *file = cwd ? find_program(o->args[0], cwd) : NULL;
    const char **argv = mem_calloc(o->n_args + 1, sizeof *argv);
    int status = EXIT_USAGE;
    if (!cwd) {
        usage("the working folder cannot be seen", "go to another one, or name one with -C");
    } else if (!file) {
        fprintf(stderr, "tgraph: error T002: there is no %s on PATH\n  hint: a file here is ./%s\n", o->args[0],
                o->args[0]);
    } else if (!mkdtemp(dir)) {
        fprintf(stderr, "tgraph: error T610: cannot make a private folder %s: %s\n", dir, strerror(errno));
    } else {
        struct arena arena;
        arena_init(&arena);
        signals_init();
        memcpy(argv, o->args, o->n_args * sizeof *argv);
        struct check c = {.o = o,
                          .timeout_ms = timeout_ms,
                          .cases = o->cases,
                          .n_cases = o->n_cases,
                          .spec = {.file = file,
                                   .argv = argv,
                                   .envp = environment(&arena, cwd, dir),
                                   .cwd = cwd,
                                   .suite = "worker-check",
                                   .root = cwd,
                                   .start_timeout_ms = o->timeout ? timeout_ms : START_MS,
                                   .grace_ms = 5000,
                                   .left_ms = 300,
                                   .cancel_fd = signals_interrupt_fd(),
                                   .kill_fd = signals_kill_fd()}};
        status = check_all(&c);
        buf_clear(&c.left);
        arena_clear(&arena);
        file_remove_tree(dir, NULL);
    }
    mem_free(argv);
    mem_free(file);
    mem_free(dir);
    free(cwd);
    return status;
}
