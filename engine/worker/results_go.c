/* SPDX-License-Identifier: MIT
 *
 * `go test -json`: one event a line, as cmd/test2json documents them ("go doc test2json"), and since Go 1.24 the build's own
 * ("go help buildjson"). Lines that are no events are what the go command says besides: they are shown and not judged.
 *
 * A test that began and did not end has failed (a panic, a time limit, os.Exit), and a package that began and did not end makes the
 * whole doubtful. */
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/hash.h"
#include "base/map.h"
#include "worker/results_internal.h"

enum { MAX_OPEN = 1 << 20 }; /* tests that have begun and not ended */

struct event { /* what is used of one; NULL = not there */
    struct buf action, package, test, output, failed_build;
    double elapsed;
    bool has_elapsed;
    /* while parsing */
    int depth;
    struct buf *into;
    bool elapsed_next;
};

struct open_test {
    char *package, *test; /* test: "" = the package itself */
    char *message;        /* the first line that a test wrote with its place: "x_test.go:12: ..."; NULL = none */
    uint64_t id;
};

struct go {
    struct results *r;
    struct lines out;
    struct buf *shown; /* during a feed */
    struct event e;
    struct map by_id; /* of those in open */
    struct open_test *open;
    size_t n_open, cap_open;
    char *first_package; /* names are told apart by package once there is a second one */
    bool many_packages, package_ended, events, build_failed;
    struct buf panic; /* the first line of a panic */
    struct buf build; /* the first thing that the build said */
    struct buf said;  /* the last line that was no event */
};

/* ---- one event ---- */

static int on_string(void *ctx, const unsigned char *s, size_t len)
{
    struct event *e = ctx;
    if (e->depth == 1 && e->into) {
        buf_reset(e->into);
        buf_add(e->into, s, len);
        buf_adds(e->into, ""); /* terminated even if empty */
    }
    e->into = NULL;
    e->elapsed_next = false;
    return 1;
}

static int on_key(void *ctx, const unsigned char *s, size_t len)
{
    struct event *e = ctx;
    struct {
        const char *name;
        struct buf *into;
    } names[] = {{"Action", &e->action}, {"Package", &e->package}, {"ImportPath", &e->package},
                 {"Test", &e->test},     {"Output", &e->output},   {"FailedBuild", &e->failed_build}};
    if (e->depth != 1)
        return 1;
    e->into = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i].name) == len && memcmp(names[i].name, s, len) == 0)
            e->into = names[i].into;
    e->elapsed_next = len == 7 && memcmp(s, "Elapsed", 7) == 0;
    return 1;
}

static int on_number(void *ctx, const char *s, size_t len)
{
    struct event *e = ctx;
    int64_t ns = e->depth == 1 && e->elapsed_next ? text_duration_ns(s, len, 1e9) : -1;
    if (ns >= 0) {
        e->has_elapsed = true;
        e->elapsed = (double)ns;
    }
    e->elapsed_next = false;
    return 1;
}

static int on_open(void *ctx)
{
    struct event *e = ctx;
    e->depth++;
    return e->depth < 50;
}

static int on_close(void *ctx)
{
    struct event *e = ctx;
    e->depth--;
    return 1;
}

static const yajl_callbacks callbacks = {.yajl_string = on_string,
                                         .yajl_map_key = on_key,
                                         .yajl_number = on_number,
                                         .yajl_start_map = on_open,
                                         .yajl_end_map = on_close,
                                         .yajl_start_array = on_open,
                                         .yajl_end_array = on_close};

static bool parse_event(struct event *e, const char *line, size_t len)
{
    struct buf *bufs[] = {&e->action, &e->package, &e->test, &e->output, &e->failed_build};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_reset(bufs[i]);
    e->depth = 0;
    e->into = NULL;
    e->has_elapsed = e->elapsed_next = false;
    yajl_handle h = yajl_alloc(&callbacks, NULL, e);
    if (!h)
        return false;
    yajl_config(h, yajl_dont_validate_strings, 1); /* a test may write any bytes */
    bool ok =
        yajl_parse(h, (const unsigned char *)line, len) == yajl_status_ok && yajl_complete_parse(h) == yajl_status_ok;
    yajl_free(h);
    return ok && e->action.len > 0;
}

/* ---- tests that have begun ---- */

static uint64_t id_of(const char *package, const char *test)
{
    char *both = mem_printf("%s\n%s", package, test);
    uint64_t id = digest_u64(digest_bytes(both, strlen(both)));
    mem_free(both);
    return id == UINT64_MAX ? 0 : id;
}

static struct open_test *find_open(struct go *g, uint64_t id)
{
    uint32_t i = map_get(&g->by_id, id);
    return i == MAP_NONE ? NULL : &g->open[i];
}

static void open_test(struct go *g, uint64_t id, const char *package, const char *test)
{
    if (find_open(g, id))
        return;
    if (g->n_open >= MAX_OPEN) {
        results_unreadable(g->r, "more than %d tests have begun and not ended", MAX_OPEN);
        return;
    }
    MEM_GROW(g->open, g->n_open, g->cap_open);
    g->open[g->n_open] = (struct open_test){mem_strdup(package), mem_strdup(test), NULL, id};
    map_put(&g->by_id, id, (uint32_t)g->n_open++);
}

static void drop_open(struct go *g, struct open_test *t)
{
    map_remove(&g->by_id, t->id);
    mem_free(t->package);
    mem_free(t->test);
    mem_free(t->message);
    struct open_test *last = &g->open[--g->n_open];
    if (last != t) {
        *t = *last;
        map_put(&g->by_id, t->id, (uint32_t)(t - g->open));
    }
}

static void add_test(struct go *g, const char *package, const char *test, enum outcome o, enum case_mark m,
                     const char *message, int64_t duration_ns)
{
    char *name = g->many_packages ? mem_printf("%s: %s", package, test) : mem_strdup(test);
    results_add(g->r, ADD_COUNTED, name, strlen(name), o, m, message, duration_ns);
    mem_free(name);
}

/* ---- what events mean ---- */

/* "    x_test.go:12: expected 3" */
static bool names_a_place(const char *line)
{
    const char *p = line + strspn(line, " \t"), *go = strstr(p, ".go:");
    return go && p > line && strcspn(p, " \t") >= (size_t)(go - p) && go[4] >= '0' && go[4] <= '9';
}

static void keep_line(struct buf *to, const char *line)
{
    if (!to->len)
        text_one_line(to, line, strlen(line), RESULTS_MESSAGE_BYTES);
}

static void take_output(struct go *g, struct open_test *t)
{
    const char *line = buf_cstr(&g->e.output);
    if (g->shown)
        buf_add(g->shown, line, g->e.output.len);
    bool panics = has_prefix(line, "panic: ") || has_prefix(line, "fatal error: ");
    if (panics)
        keep_line(&g->panic, line);
    if (t && *t->test && !t->message && (panics || names_a_place(line))) {
        struct buf b = BUF_INIT;
        keep_line(&b, line);
        t->message = b.len ? buf_take(&b) : NULL;
        buf_clear(&b);
    }
    /* The whole package without tests: "?   	example.com/x	[no test files]". */
    if (!*buf_cstr(&g->e.test) && strstr(line, "[no test files]") && !g->r->skip_reason)
        g->r->skip_reason = mem_strdup("no test files");
}

static void end_package(struct go *g, const char *action, const char *package)
{
    struct event *e = &g->e;
    g->package_ended = true;
    /* What began in it and did not end, ended with it. */
    for (size_t i = g->n_open; i-- > 0;) {
        struct open_test *t = &g->open[i];
        if (strcmp(t->package, package) != 0)
            continue;
        if (*t->test)
            add_test(g, package, t->test, OUTCOME_FAILED, MARK_NONE,
                     g->panic.len ? buf_cstr(&g->panic)
                     : t->message ? t->message
                                  : "it began and did not end",
                     -1);
        drop_open(g, t);
    }
    if (strcmp(action, "fail") != 0) {
        g->r->complete = true;
        return;
    }
    if (e->failed_build.len || g->build_failed) {
        char *what = mem_printf("it does not build%s%s", g->build.len ? ": " : "", buf_cstr(&g->build));
        results_unreadable(g->r, "%s", what);
        mem_free(what);
    } else if (g->r->n_failed == 0) {
        results_doubt(g->r, "the package failed, though no test of it did%s%s", g->panic.len ? ": " : "",
                      buf_cstr(&g->panic));
    }
}

static void take_event(struct go *g)
{
    struct event *e = &g->e;
    const char *action = buf_cstr(&e->action), *package = buf_cstr(&e->package), *test = buf_cstr(&e->test);
    g->events = true;
    if (has_prefix(action, "build-")) {
        if (strcmp(action, "build-fail") == 0)
            g->build_failed = true;
        else if (g->shown)
            buf_add(g->shown, buf_cstr(&e->output), e->output.len);
        if (e->output.len && *buf_cstr(&e->output) != '#')
            keep_line(&g->build, buf_cstr(&e->output));
        return;
    }
    if (!g->first_package)
        g->first_package = mem_strdup(package);
    else if (strcmp(g->first_package, package) != 0)
        g->many_packages = true;
    uint64_t id = id_of(package, test);
    struct open_test *t = find_open(g, id);
    if (strcmp(action, "output") == 0) {
        take_output(g, t);
    } else if (strcmp(action, "run") == 0 || strcmp(action, "start") == 0) {
        open_test(g, id, package, test);
    } else if (strcmp(action, "pass") == 0 || strcmp(action, "fail") == 0 || strcmp(action, "skip") == 0 ||
               strcmp(action, "bench") == 0) {
        if (!*test) {
            end_package(g, action, package);
            return;
        }
        bool failed = strcmp(action, "fail") == 0, skipped = strcmp(action, "skip") == 0;
        add_test(g, package, test, failed ? OUTCOME_FAILED : OUTCOME_PASSED, skipped ? MARK_SKIPPED : MARK_NONE,
                 t && (failed || skipped) ? t->message : NULL, e->has_elapsed ? (int64_t)e->elapsed : -1);
        if (t)
            drop_open(g, t);
    }
    /* pause, cont, attr, artifacts and what may come: nothing that judges. */
}

static void go_line(void *ctx, const char *line, size_t len, bool cut)
{
    struct go *g = ctx;
    if (*line == '{' && !cut && parse_event(&g->e, line, len)) {
        take_event(g);
        return;
    }
    if (*line == '{' && cut)
        results_unreadable(g->r, "a line of the results is longer than %d bytes", RESULTS_LINE_BYTES);
    else if (*line == '{')
        results_doubt(g->r, "a line of the results cannot be read: %.100s", line);
    if (g->shown) {
        buf_add(g->shown, line, len);
        buf_addc(g->shown, '\n');
    }
    if (strstr(line, "[build failed]") || strstr(line, "[setup failed]"))
        g->build_failed = true;
    if (len) {
        buf_reset(&g->said);
        text_one_line(&g->said, line, len, RESULTS_MESSAGE_BYTES);
    }
}

/* What a build says on standard error before Go 1.24: "# example.com/x" and then the place. */
static void look_at_stderr(struct go *g, const char *p, size_t len)
{
    for (const char *end = p + len; p < end && !g->build.len;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);
        if (n && *p != '#')
            text_one_line(&g->build, p, n, RESULTS_MESSAGE_BYTES);
        p += n + (nl != NULL);
    }
}

static void *go_open(struct results *r)
{
    struct go *g = mem_calloc(1, sizeof *g);
    g->r = r;
    return g;
}

static void go_feed(void *state, uint8_t stream, const char *p, size_t len, struct buf *shown)
{
    struct go *g = state;
    if (stream != 1) {
        look_at_stderr(g, p, len);
        if (shown)
            buf_add(shown, p, len);
        return;
    }
    g->shown = shown;
    lines_feed(&g->out, p, len, go_line, g);
    g->shown = NULL;
}

static void go_end(void *state, struct buf *shown)
{
    struct go *g = state;
    struct event *e = &g->e;
    g->shown = shown;
    lines_end(&g->out, go_line, g);
    const char *why = g->build.len ? buf_cstr(&g->build) : buf_cstr(&g->said);
    if (!g->package_ended) {
        /* In order of beginning. */
        for (size_t i = 0; i < g->n_open; i++)
            if (*g->open[i].test)
                add_test(g, g->open[i].package, g->open[i].test, OUTCOME_FAILED, MARK_NONE,
                         g->panic.len ? buf_cstr(&g->panic) : "it began and did not end", -1);
        if (g->build_failed)
            results_unreadable(g->r, "it does not build%s%s", *why ? ": " : "", why);
        else if (g->events)
            results_unreadable(g->r, "the results end in the middle: the package has no outcome");
        else
            results_unreadable(g->r, "no results of go test -json%s%s", *why ? ": " : "", why);
    } else if (g->n_open) {
        results_doubt(g->r, "%s began and did not end", *g->open[0].test ? g->open[0].test : g->open[0].package);
    }
    while (g->n_open)
        drop_open(g, &g->open[g->n_open - 1]);
    mem_free(g->open);
    map_clear(&g->by_id);
    mem_free(g->first_package);
    struct buf *bufs[] = {&e->action,       &e->package, &e->test,  &e->output,
                          &e->failed_build, &g->panic,   &g->build, &g->said};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_clear(bufs[i]);
    mem_free(g);
}

const struct reader_kind go_reader = {go_open, go_feed, go_end};
