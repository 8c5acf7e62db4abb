/* SPDX-License-Identifier: MIT
 *
 * Lists of results, and the verdict that follows from them and the exit status. */
#include "worker/results.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/results_internal.h"

static const char *const format_names[] = {"exit", "tap", "junit", "go", "libtest"};

const char *results_format_name(enum results_format f) { return format_names[f]; }

bool results_format_parse(const char *name, enum results_format *out)
{
    for (size_t i = 0; i < sizeof format_names / sizeof *format_names; i++)
        if (strcmp(name, format_names[i]) == 0) {
            *out = (enum results_format)i;
            return true;
        }
    return false;
}

void results_clear(struct results *r)
{
    for (size_t i = 0; i < r->n; i++) {
        mem_free(r->v[i].name);
        mem_free(r->v[i].message);
    }
    mem_free(r->v);
    mem_free(r->first_bad);
    mem_free(r->skip_reason);
    mem_free(r->problem);
    memset(r, 0, sizeof *r);
}

static void take_first(char **to, char **from)
{
    if (!*to) {
        *to = *from;
        *from = NULL;
    }
}

void results_merge(struct results *r, struct results *from)
{
    for (size_t i = 0; i < from->n; i++) {
        struct result *one = &from->v[i];
        size_t bytes = strlen(one->name) + (one->message ? strlen(one->message) : 0);
        if (r->n >= RESULTS_MAX || bytes > RESULTS_TEXT_BYTES - r->text_bytes) {
            r->left_out++;
            continue;
        }
        MEM_GROW(r->v, r->n, r->cap);
        r->text_bytes += bytes;
        r->v[r->n++] = *one;
        *one = (struct result){0};
    }
    r->left_out += from->left_out;
    r->n_all += from->n_all;
    r->n_failed += from->n_failed;
    r->n_errors += from->n_errors;
    r->n_skipped += from->n_skipped;
    r->unreadable |= from->unreadable;
    take_first(&r->first_bad, &from->first_bad);
    take_first(&r->skip_reason, &from->skip_reason);
    take_first(&r->problem, &from->problem);
    results_clear(from);
}

/* ---- lines ---- */

static void add_line_part(struct lines *l, const char *p, size_t len)
{
    if (l->part.len + len > RESULTS_LINE_BYTES) {
        len = RESULTS_LINE_BYTES - l->part.len;
        l->cut = true;
    }
    size_t at = l->part.len;
    buf_add(&l->part, p, len);
    for (char *z = l->part.p ? l->part.p + at : NULL;
         z && (z = memchr(z, '\0', l->part.len - (size_t)(z - l->part.p)));)
        *z = '?';
}

static void give_line(struct lines *l, line_fn fn, void *ctx)
{
    if (l->part.len && l->part.p[l->part.len - 1] == '\r')
        l->part.p[--l->part.len] = '\0';
    fn(ctx, buf_cstr(&l->part), l->part.len, l->cut);
    buf_reset(&l->part);
    if (l->part.p)
        l->part.p[0] = '\0';
    l->cut = false;
}

void lines_feed(struct lines *l, const char *p, size_t len, line_fn fn, void *ctx)
{
    while (len) {
        const char *end = memchr(p, '\n', len);
        size_t n = end ? (size_t)(end - p) : len;
        add_line_part(l, p, n);
        if (!end)
            return;
        give_line(l, fn, ctx);
        p += n + 1;
        len -= n + 1;
    }
}

void lines_end(struct lines *l, line_fn fn, void *ctx)
{
    if (l->part.len || l->cut)
        give_line(l, fn, ctx);
    buf_clear(&l->part);
}

void text_one_line(struct buf *out, const char *p, size_t len, size_t max)
{
    size_t start = out->len;
    bool blank = false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c <= ' ' || c == 0x7f) {
            blank = out->len > start;
            continue;
        }
        if (out->len - start + 2 > max) {
            /* Not in the middle of a character. */
            while (out->len > start && ((unsigned char)out->p[out->len - 1] & 0xc0) == 0x80)
                out->p[--out->len] = '\0';
            if (out->len > start && (unsigned char)out->p[out->len - 1] >= 0xc0)
                out->p[--out->len] = '\0';
            buf_adds(out, "...");
            return;
        }
        if (blank)
            buf_addc(out, ' ');
        blank = false;
        buf_addc(out, (char)c);
    }
}

int64_t text_duration_ns(const char *p, size_t len, double scale)
{
    char digits[40];
    size_t n = 0;
    for (size_t i = 0; i < len && n < sizeof digits - 1; i++)
        if (p[i] != ',' && p[i] != ' ')
            digits[n++] = p[i];
    digits[n] = '\0';
    char *end;
    double v = strtod(digits, &end);
    if (end == digits || *end || !isfinite(v) || v < 0 || v * scale > 9e18)
        return -1;
    return (int64_t)(v * scale);
}

/* ---- the list ---- */

static char *one_line(const char *p, size_t max)
{
    struct buf b = BUF_INIT;
    if (p)
        text_one_line(&b, p, strlen(p), max);
    return b.len ? buf_take(&b) : (buf_clear(&b), NULL);
}

void results_count(struct results *r, enum outcome outcome, enum case_mark mark, const char *name, const char *message)
{
    r->n_all++;
    r->n_skipped += mark == MARK_SKIPPED;
    r->n_failed += outcome == OUTCOME_FAILED;
    r->n_errors += outcome == OUTCOME_ERROR;
    if (outcome != OUTCOME_PASSED && !r->first_bad)
        r->first_bad = message ? mem_printf("%s: %s", name, message) : mem_strdup(name);
    if (mark == MARK_SKIPPED && !r->skip_reason && message)
        r->skip_reason = mem_strdup(message);
}

size_t results_add(struct results *r, enum add_what what, const char *name, size_t name_len, enum outcome outcome,
                   enum case_mark mark, const char *message, int64_t duration_ns)
{
    struct buf b = BUF_INIT;
    text_one_line(&b, name, name_len, RESULTS_NAME_BYTES);
    if (!b.len)
        buf_printf(&b, "(test %zu)", r->n + r->left_out + 1);
    struct result one = {buf_take(&b), one_line(message, RESULTS_MESSAGE_BYTES), outcome, mark, duration_ns};
    if (what == ADD_COUNTED)
        results_count(r, outcome, mark, one.name, one.message);
    size_t bytes = strlen(one.name) + (one.message ? strlen(one.message) : 0);
    if (r->n >= RESULTS_MAX || bytes > RESULTS_TEXT_BYTES - r->text_bytes) {
        mem_free(one.name);
        mem_free(one.message);
        r->left_out++;
        return SIZE_MAX;
    }
    r->text_bytes += bytes;
    MEM_GROW(r->v, r->n, r->cap);
    r->v[r->n] = one;
    return r->n++;
}

__attribute__((format(printf, 2, 0))) static void set_problem(struct results *r, const char *fmt, va_list ap)
{
    if (r->problem)
        return;
    char text[1000];
    vsnprintf(text, sizeof text, fmt, ap);
    r->problem = one_line(text, sizeof text);
}

void results_doubt(struct results *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_problem(r, fmt, ap);
    va_end(ap);
}

void results_unreadable(struct results *r, const char *fmt, ...)
{
    va_list ap;
    if (!r->problem)
        r->unreadable = true;
    va_start(ap, fmt);
    set_problem(r, fmt, ap);
    va_end(ap);
}

/* ---- readers ---- */

struct results_reader {
    struct results results;
    const struct reader_kind *kind; /* NULL: RESULTS_EXIT */
    void *state;
};

struct results_reader *results_reader_new(enum results_format f)
{
    static const struct reader_kind *const kinds[] = {NULL, &tap_reader, &junit_reader, &go_reader, &libtest_reader};
    struct results_reader *r = mem_calloc(1, sizeof *r);
    r->results.format = f;
    r->kind = kinds[f];
    if (r->kind)
        r->state = r->kind->open(&r->results);
    return r;
}

void results_reader_feed(struct results_reader *r, uint8_t stream, const char *p, size_t len, struct buf *shown)
{
    if (r->kind)
        r->kind->feed(r->state, stream, p, len, shown);
    else if (shown)
        buf_add(shown, p, len);
}

void results_reader_end(struct results_reader *r, struct results *out, struct buf *shown)
{
    if (r->kind)
        r->kind->end(r->state, shown);
    *out = r->results;
    mem_free(r);
}

/* ---- the verdict ---- */

void results_verdict_clear(struct results_verdict *v)
{
    mem_free(v->message);
    v->message = NULL;
}

static void add_bad(struct buf *b, const struct results *r)
{
    size_t bad = r->n_failed + r->n_errors;
    buf_adds(b, r->first_bad);
    if (bad > 1)
        buf_printf(b, " (and %zu more of %zu)", bad - 1, r->n_all);
}

/* From the worst to the best: results that failed say more than a problem with them, and a problem more than the exit
 * status; none of them is a pass. */
void results_judge(const struct results *r, int exit_code, bool success, struct results_verdict *out)
{
    struct buf b = BUF_INIT;
    bool bad = r->n_failed + r->n_errors > 0;
    *out = (struct results_verdict){.outcome = OUTCOME_FAILED};
    if (bad) {
        out->outcome = r->n_failed ? OUTCOME_FAILED : OUTCOME_ERROR;
        add_bad(&b, r);
        if (r->problem)
            buf_printf(&b, "; %s", r->problem);
    } else if (r->problem) {
        out->outcome = r->unreadable && success ? OUTCOME_ERROR : OUTCOME_FAILED;
        if (!success)
            buf_printf(&b, "exit status %d; ", exit_code);
        buf_adds(&b, r->problem);
    } else if (!success) {
        buf_printf(&b, "exit status %d", exit_code);
        if (r->format != RESULTS_EXIT && r->n_all)
            buf_printf(&b, ", though no test of it failed (%zu)", r->n_all);
    } else if (r->format != RESULTS_EXIT && !r->n_all && !r->complete) {
        out->outcome = OUTCOME_ERROR;
        buf_adds(&b, "it ran no test");
    } else {
        out->outcome = OUTCOME_PASSED;
        if (r->format != RESULTS_EXIT && r->n_skipped == r->n_all && (r->n_all || r->skip_reason)) {
            out->mark = MARK_SKIPPED;
            buf_adds(&b, r->skip_reason ? r->skip_reason : "");
        }
    }
    out->message = b.len ? buf_take(&b) : NULL;
    buf_clear(&b);
}
