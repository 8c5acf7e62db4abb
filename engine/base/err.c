/* SPDX-License-Identifier: MIT
 *
 * Errors as values, and the nearest name for "did you mean". */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void err_clear(struct err *e)
{
    mem_free(e->msg);
    mem_free(e->hint);
    mem_free(e->file);
    *e = (struct err)ERR_INIT;
}

/* A message is one line: names that a repository chose may hold line breaks or terminal escapes. */
static char *one_line(struct buf *b)
{
    for (size_t i = 0; i < b->len; i++) {
        unsigned char c = (unsigned char)b->p[i];
        if (c == '\n' || c == '\t' || c == '\r')
            b->p[i] = ' ';
        else if (c < 0x20 || c == 0x7f)
            b->p[i] = '?';
    }
    return buf_take(b);
}

static void __attribute__((format(printf, 2, 0))) vformat(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    if (len > 0) {
        buf_reserve(b, (size_t)len);
        vsnprintf(b->p + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
}

/* Takes msg. It was formatted before, since its arguments may belong to the error that goes away. */
static void replace(struct err *e, const char *code, char *msg)
{
    enum err_level level = e->level;
    char kept[sizeof e->code];
    snprintf(kept, sizeof kept, "%s", code);
    err_clear(e);
    e->level = level;
    memcpy(e->code, kept, sizeof kept);
    e->msg = msg;
}

bool err_set(struct err *e, const char *code, const char *fmt, ...)
{
    if (!e)
        return false;
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    vformat(&b, fmt, ap);
    va_end(ap);
    replace(e, code, one_line(&b));
    return false;
}

bool err_sys(struct err *e, const char *code, int errnum, const char *fmt, ...)
{
    if (!e)
        return false;
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    vformat(&b, fmt, ap);
    va_end(ap);
    char text[128];
    /* The GNU form of strerror_r: it may or may not use `text`. */
    buf_printf(&b, ": %s", strerror_r(errnum, text, sizeof text));
    replace(e, code, one_line(&b));
    return false;
}

bool err_wrap(struct err *e, const char *fmt, ...)
{
    if (!e)
        return false;
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    vformat(&b, fmt, ap);
    va_end(ap);
    if (e->msg) {
        buf_adds(&b, ": ");
        buf_adds(&b, e->msg);
        mem_free(e->msg);
    }
    e->msg = one_line(&b);
    return false;
}

bool err_at(struct err *e, const char *file, uint32_t line, uint32_t col)
{
    if (!e)
        return false;
    char *copy = file ? mem_strdup(file) : NULL;
    mem_free(e->file);
    e->file = copy;
    e->line = line;
    e->col = col;
    return false;
}

bool err_hint(struct err *e, const char *fmt, ...)
{
    if (!e)
        return false;
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    vformat(&b, fmt, ap);
    va_end(ap);
    mem_free(e->hint);
    e->hint = one_line(&b);
    return false;
}

void err_format(const struct err *e, struct buf *out)
{
    if (e->file) {
        buf_adds(out, e->file);
        if (e->line)
            buf_printf(out, ":%u", (unsigned)e->line);
        if (e->line && e->col)
            buf_printf(out, ":%u", (unsigned)e->col);
        buf_adds(out, ": ");
    }
    buf_adds(out, e->level == ERR_WARNING ? "warning" : "error");
    if (e->code[0])
        buf_printf(out, " %s", e->code);
    buf_printf(out, ": %s\n", e->msg ? e->msg : "unknown");
    if (e->hint)
        buf_printf(out, "  hint: %s\n", e->hint);
}

struct err *errlist_add(struct errlist *l, enum err_level level)
{
    MEM_GROW(l->v, l->n, l->cap);
    struct err *e = &l->v[l->n++];
    *e = (struct err)ERR_INIT;
    e->level = level;
    if (level == ERR_ERROR)
        l->n_errors++;
    return e;
}

void errlist_clear(struct errlist *l)
{
    for (size_t i = 0; i < l->n; i++)
        err_clear(&l->v[i]);
    mem_free(l->v);
    *l = (struct errlist)ERRLIST_INIT;
}

static size_t min_of(size_t a, size_t b) { return a < b ? a : b; }

/* Optimal string alignment distance of a and b, or anything above `limit` if it is larger. `rows` has room for
 * 3 * (nb + 1) numbers. */
static size_t osa_distance(const char *a, size_t na, const char *b, size_t nb, size_t limit, size_t *rows)
{
    size_t *two_back = rows, *back = rows + nb + 1, *row = back + nb + 1;
    for (size_t j = 0; j <= nb; j++)
        back[j] = j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        size_t best = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t d = back[j - 1] + (a[i - 1] != b[j - 1]);
            d = min_of(d, min_of(back[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = min_of(d, two_back[j - 2] + 1);
            row[j] = d;
            best = min_of(best, d);
        }
        /* No later cell is below `best`: a row's least is at most one more than that of the row before, so a
         * transposition that skips this row starts from at least best - 1 and costs 1. */
        if (best > limit)
            return best;
        size_t *free_row = two_back;
        two_back = back;
        back = row;
        row = free_row;
    }
    return back[nb];
}

const char *nearest_name(const char *word, const char *const *candidates, size_t n)
{
    size_t len = strlen(word);
    /* A third of the word may be wrong; beyond this length it is no slip of the fingers any more. */
    if (len == 0 || len > 512)
        return NULL;
    size_t limit = (len + 1) / 3;
    size_t *rows = mem_resize(NULL, 3 * (len + limit + 1), sizeof *rows);
    const char *best = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t len_i = strlen(candidates[i]);
        if (len_i > len + limit || len_i + limit < len)
            continue;
        size_t d = osa_distance(word, len, candidates[i], len_i, limit, rows);
        if (d > limit)
            continue;
        best = candidates[i];
        if (d == 0)
            break;
        limit = d - 1; /* only a nearer one replaces it; among equals the first wins */
    }
    mem_free(rows);
    return best;
}

void err_bug(const char *file, int line, const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    vformat(&b, fmt, ap);
    va_end(ap);
    fprintf(stderr, "tgraph: internal error at %s:%d: %s\n", file, line, buf_cstr(&b));
    abort();
}
