/* SPDX-License-Identifier: MIT
 *
 * The text of libtest, the harness of `cargo test`. The exit status judges; what the text adds is names, and whether a test
 * ran at all: a filter that matches nothing exits with 0. With --nocapture a test's own output stands between the parts of
 * a line, so the closing line counts and the lines of the tests are taken where they are whole. */
#include <stdlib.h>
#include <string.h>

#include "worker/results_internal.h"

struct libtest {
    struct results *r;
    struct lines out, err;
    struct buf panic; /* what the first panic said */
    bool panic_next;  /* its message is the line that follows */
    bool summed;
    uint64_t passed, failed, ignored, measured; /* of all closing lines: one for each time that the harness ran */
};

static void *libtest_open(struct results *r)
{
    struct libtest *t = mem_calloc(1, sizeof *t);
    t->r = r;
    return t;
}

/* "thread 'x' panicked at 'text', src/lib.rs:3:5" until Rust 1.72, since then "... panicked at src/lib.rs:3:5:" and the
 * text on the lines that follow. */
static void look_for_panic(struct libtest *t, const char *line, size_t len)
{
    if (t->panic_next) {
        if (len) {
            t->panic_next = false;
            text_one_line(&t->panic, line, len, RESULTS_MESSAGE_BYTES);
        }
        return;
    }
    const char *at = t->panic.len ? NULL : strstr(line, " panicked at ");
    if (!at || !has_prefix(line, "thread "))
        return;
    at += 13;
    size_t n = strlen(at);
    text_one_line(&t->panic, at, n, RESULTS_MESSAGE_BYTES);
    if (n && at[n - 1] == ':') {
        buf_addc(&t->panic, ' ');
        t->panic_next = true;
    }
}

static void err_line(void *ctx, const char *line, size_t len, bool cut)
{
    (void)cut;
    look_for_panic(ctx, line, len);
}

/* The number before `word` ("3 passed"). */
static bool count_of(const char *line, const char *word, uint64_t *sum)
{
    const char *at = strstr(line, word);
    if (!at || at == line || at[-1] != ' ')
        return false;
    const char *p = at - 1;
    while (p > line && p[-1] >= '0' && p[-1] <= '9')
        p--;
    if (p == at - 1)
        return false;
    *sum += strtoull(p, NULL, 10);
    return true;
}

static bool closing_line(struct libtest *t, const char *line)
{
    uint64_t passed = 0, failed = 0, ignored = 0, measured = 0;
    if (!has_prefix(line, "test result: "))
        return false;
    if (!count_of(line, "passed;", &passed) || !count_of(line, "failed;", &failed) ||
        !count_of(line, "ignored;", &ignored))
        return false;
    count_of(line, "measured;", &measured);
    if ((failed > 0) == has_prefix(line + 13, "ok."))
        results_doubt(t->r, "it contradicts itself: %s", line);
    t->summed = true;
    t->passed += passed;
    t->failed += failed;
    t->ignored += ignored;
    t->measured += measured;
    return true;
}

static void out_line(void *ctx, const char *line, size_t len, bool cut)
{
    struct libtest *t = ctx;
    look_for_panic(t, line, len);
    if (closing_line(t, line) || cut || !has_prefix(line, "test "))
        return;
    /* The last " ... " of the line: a doc test's name may hold one. */
    const char *dots = NULL;
    for (const char *p = line; (p = strstr(p, " ... ")); p++)
        dots = p;
    if (!dots || dots <= line + 5)
        return;
    const char *said = dots + 5, *reason = NULL;
    enum outcome outcome = OUTCOME_PASSED;
    enum case_mark mark = MARK_NONE;
    if (strcmp(said, "FAILED") == 0 || has_prefix(said, "FAILED ") || has_prefix(said, "FAILED (")) {
        outcome = OUTCOME_FAILED;
    } else if (strcmp(said, "ignored") == 0 || has_prefix(said, "ignored, ")) {
        mark = MARK_SKIPPED;
        reason = said[7] ? said + 9 : NULL;
    } else if (strcmp(said, "ok") != 0 && !has_prefix(said, "ok <") && !has_prefix(said, "ok (")) {
        return;
    }
    static const char suffix[] = " - should panic";
    size_t n = (size_t)(dots - line) - 5;
    if (n > sizeof suffix - 1 && memcmp(line + 5 + n - (sizeof suffix - 1), suffix, sizeof suffix - 1) == 0)
        n -= sizeof suffix - 1;
    results_add(t->r, ADD_INNER, line + 5, n, outcome, mark, reason, -1);
}

static void libtest_feed(void *state, uint8_t stream, const char *p, size_t len, struct buf *shown)
{
    struct libtest *t = state;
    if (shown)
        buf_add(shown, p, len);
    if (stream == 1)
        lines_feed(&t->out, p, len, out_line, t);
    else
        lines_feed(&t->err, p, len, err_line, t);
}

static void drop_list(struct results *r)
{
    for (size_t i = 0; i < r->n; i++) {
        mem_free(r->v[i].name);
        mem_free(r->v[i].message);
    }
    r->n = r->left_out = r->text_bytes = 0;
}

static void libtest_end(void *state, struct buf *shown)
{
    struct libtest *t = state;
    struct results *r = t->r;
    (void)shown;
    lines_end(&t->out, out_line, t);
    lines_end(&t->err, err_line, t);
    if (!t->summed)
        results_unreadable(r, t->panic.len ? "%s" : "it did not say how its tests ended (test result: ...)%s",
                           buf_cstr(&t->panic));
    r->n_all = (size_t)(t->passed + t->failed + t->ignored + t->measured);
    r->n_failed = (size_t)t->failed;
    r->n_skipped = (size_t)t->ignored;
    const struct result *failed = NULL, *skipped = NULL;
    size_t n_failed = r->left_out ? r->n_failed : 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->v[i].outcome == OUTCOME_FAILED) {
            n_failed += !r->left_out;
            failed = failed ? failed : &r->v[i];
        }
        if (r->v[i].mark == MARK_SKIPPED && r->v[i].message && !skipped)
            skipped = &r->v[i];
    }
    if (r->n_failed) {
        const char *name = failed && r->n_all > 1 ? failed->name : "";
        const char *why = t->panic.len ? buf_cstr(&t->panic) : *name ? "" : "the test failed";
        r->first_bad = mem_printf("%s%s%s", name, *name && *why ? ": " : "", why);
    }
    if (skipped)
        r->skip_reason = mem_strdup(skipped->message);
    /* Lines that do not add up to the closing line are a test's own output, or cut by it; and one test is the case itself. */
    if (r->n + r->left_out != r->n_all || r->n_all == 1 || n_failed != r->n_failed)
        drop_list(r);
    buf_clear(&t->panic);
    mem_free(t);
}

const struct reader_kind libtest_reader = {libtest_open, libtest_feed, libtest_end};
