/* SPDX-License-Identifier: MIT
 *
 * One case: its `data`, its process, its results. */
#include "worker/exec_case.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

#include "os/file.h"
#include "os/proc.h"
#include "tree/tool.h"

/* A worker that is told to end has 5 s; so its child gets less. */
enum { GRACE_MS = 3000, LEFT_MS = 200, LOG_BYTES = 4096, MAX_FILES = 10000 };

struct exec_case {
    struct strvec argv, env; /* env: whole "NAME=value" */
    char *cwd, *tmp;         /* absolute; tmp: NULL = none */
    char *junit, *skip;      /* as said; NULL = not */
    enum results_format format;
    bool success[256], skips[256];
};

static void case_clear(struct exec_case *c)
{
    strvec_clear(&c->argv);
    strvec_clear(&c->env);
    mem_free(c->cwd);
    mem_free(c->tmp);
    mem_free(c->junit);
    mem_free(c->skip);
}

bool exec_write(int fd, const char *p, size_t len)
{
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* ---- what it is to run ---- */

static const char *env_of(const struct strvec *env, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < env->n; i++)
        if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
            return env->v[i] + len + 1;
    return NULL;
}

/* value NULL takes it away. */
static void set_env(struct strvec *env, const char *name, const char *value)
{
    size_t len = strlen(name);
    char *whole = value ? mem_printf("%s=%s", name, value) : NULL;
    for (size_t i = 0; i < env->n; i++) {
        if (strncmp(env->v[i], name, len) != 0 || env->v[i][len] != '=')
            continue;
        mem_free(env->v[i]);
        if (whole)
            env->v[i] = whole;
        else
            env->v[i] = env->v[--env->n];
        return;
    }
    if (whole)
        strvec_add(env, whole);
    mem_free(whole);
}

/* "$TGRAPH_TMPDIR" in a text stands for the case's private folder, whose name nobody can know beforehand, "$TGRAPH_ROOT" for
 * the repository's, so that a case's data is the same on every machine. */
static char *expand(const struct exec_case *c, const char *text)
{
    const struct {
        const char *name, *value;
    } names[] = {{"$TGRAPH_TMPDIR", c->tmp}, {"$TGRAPH_ROOT", env_of(&c->env, "TGRAPH_ROOT")}};
    struct buf b = BUF_INIT;
    while (*text) {
        size_t plain = strcspn(text, "$"), len = 0;
        buf_add(&b, text, plain);
        text += plain;
        for (size_t i = 0; i < sizeof names / sizeof *names && *text && !len; i++)
            if (names[i].value && strncmp(text, names[i].name, strlen(names[i].name)) == 0) {
                len = strlen(names[i].name);
                buf_adds(&b, names[i].value);
            }
        if (!len && *text)
            buf_addc(&b, text[len++]);
        text += len;
    }
    buf_adds(&b, "");
    return b.p ? buf_take(&b) : mem_strdup("");
}

static char *wrong(const char *name, const char *what) { return mem_printf("the case's data: '%s' %s", name, what); }

static char *take_strings(struct exec_case *c, struct strvec *to, const char *name, yajl_val v)
{
    if (!YAJL_IS_ARRAY(v))
        return wrong(name, "is not a list of strings");
    for (size_t i = 0; i < v->u.array.len; i++) {
        const char *s = YAJL_GET_STRING(v->u.array.values[i]);
        if (!s)
            return wrong(name, "is not a list of strings");
        char *whole = expand(c, s);
        strvec_add(to, whole);
        mem_free(whole);
    }
    return NULL;
}

static char *take_env(struct exec_case *c, yajl_val v)
{
    if (!YAJL_IS_OBJECT(v))
        return wrong("env", "is not an object of strings");
    for (size_t i = 0; i < v->u.object.len; i++) {
        const char *name = v->u.object.keys[i];
        yajl_val value = v->u.object.values[i];
        if (!*name || strchr(name, '=') || (!YAJL_IS_STRING(value) && !YAJL_IS_NULL(value)))
            return wrong("env", "is not an object of strings (null takes a variable away)");
        char *whole = YAJL_IS_STRING(value) ? expand(c, YAJL_GET_STRING(value)) : NULL;
        set_env(&c->env, name, whole);
        mem_free(whole);
    }
    return NULL;
}

static char *take_codes(bool codes[256], const char *name, yajl_val v)
{
    if (!YAJL_IS_ARRAY(v))
        return wrong(name, "is not a list of numbers from 0 to 255");
    memset(codes, 0, 256 * sizeof *codes);
    for (size_t i = 0; i < v->u.array.len; i++) {
        yajl_val n = v->u.array.values[i];
        if (!YAJL_IS_INTEGER(n) || YAJL_GET_INTEGER(n) < 0 || YAJL_GET_INTEGER(n) > 255)
            return wrong(name, "is not a list of numbers from 0 to 255");
        codes[YAJL_GET_INTEGER(n)] = true;
    }
    return NULL;
}

static char *take_text(char **to, const char *name, yajl_val v)
{
    if (!YAJL_IS_STRING(v) || !*YAJL_GET_STRING(v))
        return wrong(name, "is not a string");
    mem_free(*to);
    *to = mem_strdup(YAJL_GET_STRING(v));
    return NULL;
}

static char *take_member(struct exec_case *c, const char *name, yajl_val v)
{
    char *why = NULL, *format = NULL;
    if (YAJL_IS_NULL(v))
        return NULL;
    if (strcmp(name, "cmd") == 0)
        return take_strings(c, &c->argv, name, v);
    if (strcmp(name, "env") == 0)
        return take_env(c, v);
    if (strcmp(name, "success_codes") == 0)
        return take_codes(c->success, name, v);
    if (strcmp(name, "skip_codes") == 0)
        return take_codes(c->skips, name, v);
    if (strcmp(name, "cwd") == 0)
        return take_text(&c->cwd, name, v);
    if (strcmp(name, "junit") == 0)
        return take_text(&c->junit, name, v);
    if (strcmp(name, "skip") == 0)
        return take_text(&c->skip, name, v);
    if (strcmp(name, "format") != 0) {
        static const char *const known[] = {"cmd",   "cwd",           "env",        "format",
                                            "junit", "success_codes", "skip_codes", "skip"};
        const char *near = nearest_name(name, known, sizeof known / sizeof *known);
        return mem_printf("the case's data: unknown member '%s'%s%s%s", name, near ? ", did you mean '" : "",
                          near ? near : "", near ? "'?" : "");
    }
    why = take_text(&format, name, v);
    if (!why && !results_format_parse(format, &c->format))
        why = wrong(name, "is none of exit, tap, junit, go and libtest");
    mem_free(format);
    return why;
}

static bool is_folder(const char *junit) { return junit[strlen(junit) - 1] == '/'; }

/* NULL = it can run; else what is wrong. */
static char *case_init(struct exec_case *c, const struct exec_opts *o, const struct exec_ask *ask)
{
    static const char *const ours[] = {"TGRAPH_WORKER", "TGRAPH_WORKER_IN", "TGRAPH_WORKER_OUT"};
    char attempt[24];
    *c = (struct exec_case){.format = o->format};
    c->success[0] = true;
    for (const char *const *e = o->envp; *e; e++)
        strvec_add(&c->env, *e);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        set_env(&c->env, ours[i], NULL);
    snprintf(attempt, sizeof attempt, "%lld", (long long)ask->attempt);
    set_env(&c->env, "TGRAPH_ATTEMPT", attempt);
    /* A folder for each case: what one leaves is nothing that another one finds. */
    const char *base = env_of(&c->env, "TGRAPH_TMPDIR");
    if (base && *base == '/') {
        c->tmp = mem_printf("%s/%lld", base, (long long)ask->id);
        if (mkdir(c->tmp, 0700) != 0)
            return mem_printf("cannot make the case's private folder %s: %s", c->tmp, strerror(errno));
        set_env(&c->env, "TGRAPH_TMPDIR", c->tmp);
        set_env(&c->env, "TMPDIR", c->tmp);
    }
    for (size_t i = 0; i < o->n_prefix; i++) {
        char *whole = expand(c, o->prefix[i]);
        strvec_add(&c->argv, whole);
        mem_free(whole);
    }
    c->junit = o->junit_file ? mem_strdup(o->junit_file) : NULL;
    yajl_val d = ask->data;
    if (d && !YAJL_IS_NULL(d) && !YAJL_IS_OBJECT(d))
        return mem_strdup("the case's data is not an object");
    for (size_t i = 0; YAJL_IS_OBJECT(d) && i < d->u.object.len; i++) {
        char *why = take_member(c, d->u.object.keys[i], d->u.object.values[i]);
        if (why)
            return why;
    }
    char *here = getcwd(NULL, 0);
    if (c->cwd) {
        char *whole = expand(c, c->cwd);
        mem_free(c->cwd);
        c->cwd = whole;
    }
    char *cwd = c->cwd && *c->cwd != '/' ? mem_printf("%s/%s", here ? here : ".", c->cwd) : NULL;
    if (cwd || !c->cwd) {
        mem_free(c->cwd);
        c->cwd = cwd ? cwd : mem_strdup(here ? here : ".");
    }
    free(here);
    if (c->format == RESULTS_JUNIT && !c->junit)
        return mem_strdup("the format is junit, but neither --junit-file nor the case's 'junit' names the file");
    if (c->junit) {
        char *whole = expand(c, c->junit);
        mem_free(c->junit);
        c->junit = *whole == '/' ? whole : mem_printf("%s/%s", c->cwd, whole);
        if (whole != c->junit)
            mem_free(whole);
        size_t len = strlen(c->junit);
        /* It is deleted before the case: a slip must not cost somebody a source. */
        if (!is_folder(c->junit) && (len < 5 || strcmp(c->junit + len - 4, ".xml") != 0))
            return mem_printf("the file for JUnit XML, %s, does not end in .xml (or in /, as a folder of such files)",
                              c->junit);
    }
    if (!c->skip && !c->argv.n)
        return mem_strdup("there is nothing to run: neither a command after -- nor 'cmd' in the case's data");
    return NULL;
}

/* As a shell finds it, but never in the working folder. */
static char *find_program(const struct exec_case *c, char **why)
{
    const char *name = c->argv.v[0];
    if (strchr(name, '/'))
        return *name == '/' ? mem_strdup(name) : mem_printf("%s/%s", c->cwd, name);
    struct buf b = BUF_INIT;
    const char *path = env_of(&c->env, "PATH");
    if (*name && tool_find(NULL, path ? path : "/usr/bin:/bin", name, &b))
        return buf_take(&b);
    buf_clear(&b);
    *why = mem_printf("cannot run %s: there is no such program on PATH", *name ? name : "a command without a name");
    return NULL;
}

/* ---- running it ---- */

struct listener {
    const struct exec_opts *o;
    struct results_reader *reader;
    struct buf shown;
};

static void show(struct listener *l, uint8_t stream)
{
    if (l->shown.len)
        exec_write(l->o->out_fd[stream == 2], l->shown.p, l->shown.len); /* without a reader there is no log */
    buf_reset(&l->shown);
}

static void on_output(void *ctx, uint8_t stream, const char *p, size_t len)
{
    struct listener *l = ctx;
    results_reader_feed(l->reader, stream, p, len, &l->shown);
    show(l, stream);
}

static bool feed_file(struct results_reader *r, int fd)
{
    char block[64 * 1024];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        results_reader_feed(r, 1, block, (size_t)n, NULL);
    }
}

static void read_file(const char *path, struct results *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *problem = NULL;
    if (fd < 0)
        problem = errno == ENOENT ? "it was not written" : strerror(errno);
    else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        problem = "it is not a file";
    struct results_reader *r = results_reader_new(RESULTS_JUNIT);
    if (!problem && !feed_file(r, fd))
        problem = strerror(errno);
    results_reader_end(r, out, NULL);
    if (fd >= 0)
        close(fd);
    if (problem)
        out->unreadable = true;
    if (problem || out->problem) {
        char *whole = mem_printf("%s: %s", path, problem ? problem : out->problem);
        mem_free(out->problem);
        out->problem = whole;
    }
}

/* The XML files in a folder, sorted. false: they could not be listed, and errno says why. */
static bool list_xml(const char *folder, struct strvec *out)
{
    DIR *d = opendir(folder);
    if (!d)
        return false;
    for (struct dirent *e; (e = readdir(d)) && out->n < MAX_FILES;) {
        size_t len = strlen(e->d_name);
        if (len > 4 && strcmp(e->d_name + len - 4, ".xml") == 0) {
            char *path = mem_printf("%s%s", folder, e->d_name);
            strvec_add(out, path);
            mem_free(path);
        }
    }
    closedir(d);
    strvec_sort(out);
    return true;
}

static void read_junit(const char *path, struct results *out)
{
    struct strvec files = STRVEC_INIT;
    *out = (struct results){.format = RESULTS_JUNIT};
    if (!is_folder(path)) {
        read_file(path, out);
        return;
    }
    bool ok = list_xml(path, &files);
    if (!files.n) {
        out->unreadable = true;
        out->problem =
            mem_printf("%s: %s", path, ok || errno == ENOENT ? "no .xml file was written there" : strerror(errno));
    }
    for (size_t i = 0; i < files.n; i++) {
        struct results one;
        read_file(files.v[i], &one);
        results_merge(out, &one);
    }
    strvec_clear(&files);
}

/* What an earlier run has left there must not speak for this one. */
static char *make_way(const char *junit)
{
    struct strvec files = STRVEC_INIT;
    struct err e = ERR_INIT;
    char *why = NULL;
    if (!is_folder(junit))
        strvec_add(&files, junit);
    else if (!file_mkdirs(junit, &e) || !list_xml(junit, &files))
        why = mem_printf("the folder for JUnit XML, %s: %s", junit, e.msg ? e.msg : strerror(errno));
    if (files.n >= MAX_FILES)
        why = mem_printf("the folder for JUnit XML, %s, holds %d files and more", junit, MAX_FILES);
    for (size_t i = 0; i < files.n && !why; i++)
        if (unlink(files.v[i]) != 0 && errno != ENOENT && errno != ENOTDIR)
            why = mem_printf("cannot delete the JUnit XML of an earlier run, %s: %s", files.v[i], strerror(errno));
    err_clear(&e);
    strvec_clear(&files);
    return why;
}

static void judge(const struct exec_case *c, const struct proc_result *p, struct exec_done *out)
{
    if (p->cause == PROC_SIGNALLED) { /* the protocol has no word for it: the caller ends the same way */
        out->signal = p->signal;
        out->core_dumped = p->core_dumped;
        return;
    }
    bool known = p->exit_code >= 0 && p->exit_code < 256;
    bool skips = known && c->skips[p->exit_code];
    results_judge(&out->results, p->exit_code, known && (c->success[p->exit_code] || skips), &out->verdict);
    /* A program that says by its exit status that it was skipped owes no results. */
    if (skips && (out->verdict.outcome == OUTCOME_PASSED || (out->results.unreadable && !out->results.n_all))) {
        results_verdict_clear(&out->verdict);
        out->verdict =
            (struct results_verdict){OUTCOME_PASSED, MARK_SKIPPED, mem_printf("exit status %d", p->exit_code)};
    }
}

static void run_process(const struct exec_opts *o, const struct exec_case *c, const char *file, struct exec_done *out)
{
    bool from_output = c->format != RESULTS_EXIT && c->format != RESULTS_JUNIT;
    struct listener l = {.o = o};
    struct proc_result p;
    const char **argv = mem_calloc(c->argv.n + 1, sizeof *argv), **envp = mem_calloc(c->env.n + 1, sizeof *envp);
    memcpy(argv, c->argv.v, c->argv.n * sizeof *argv);
    memcpy(envp, c->env.v, c->env.n * sizeof *envp);
    if (from_output || c->format == RESULTS_EXIT)
        l.reader = results_reader_new(c->format);
    struct proc_spec spec = {.file = file,
                             .argv = argv,
                             .envp = envp,
                             .cwd = c->cwd,
                             .own_output = !from_output,
                             .out_fd = {o->out_fd[0], o->out_fd[1]},
                             .grace_ms = GRACE_MS,
                             .left_ms = LEFT_MS,
                             .max_log_bytes = LOG_BYTES, /* it is passed on, not kept */
                             .cancel_fd = o->cancel_fd,
                             .kill_fd = o->kill_fd,
                             .on_output = from_output ? on_output : NULL,
                             .ctx = &l};
    proc_run(&spec, &p);
    if (l.reader) {
        results_reader_end(l.reader, &out->results, &l.shown);
        show(&l, 1);
    }
    buf_clear(&l.shown);
    out->duration_ns = p.duration_ns;
    out->cancelled = p.cause == PROC_CANCELLED;
    if (p.cause == PROC_NOT_STARTED) {
        out->verdict = (struct results_verdict){OUTCOME_ERROR, MARK_NONE, mem_strdup(p.error.msg)};
    } else if (!out->cancelled) {
        if (c->format == RESULTS_JUNIT)
            read_junit(c->junit, &out->results);
        judge(c, &p, out);
        out->left_over = p.left_over;
        p.left_over = NULL;
    }
    proc_result_clear(&p);
    mem_free(argv);
    mem_free(envp);
}

void exec_case_run(const struct exec_opts *o, const struct exec_ask *ask, struct exec_done *out)
{
    struct exec_case c;
    *out = (struct exec_done){.verdict = {.outcome = OUTCOME_ERROR}};
    char *why = case_init(&c, o, ask), *file = NULL;
    if (!why && !c.skip)
        file = find_program(&c, &why);
    if (!why && c.junit && !c.skip)
        why = make_way(c.junit);
    if (why)
        out->verdict.message = why;
    else if (c.skip)
        out->verdict = (struct results_verdict){OUTCOME_PASSED, MARK_SKIPPED, mem_strdup(c.skip)};
    else
        run_process(o, &c, file, out);
    if (c.tmp)
        file_remove_tree(c.tmp, NULL);
    mem_free(file);
    case_clear(&c);
}

void exec_done_clear(struct exec_done *d)
{
    results_verdict_clear(&d->verdict);
    results_clear(&d->results);
    mem_free(d->left_over);
    d->left_over = NULL;
}
