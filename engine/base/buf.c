/* SPDX-License-Identifier: MIT
 *
 * Byte buffers and string vectors. Invariant of a buf: p is NULL, or cap > len and p[len] is NUL. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void buf_clear(struct buf *b)
{
    mem_free(b->p);
    *b = (struct buf)BUF_INIT;
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    if (b->p)
        b->p[0] = '\0';
}

void buf_reserve(struct buf *b, size_t more_bytes)
{
    size_t need;
    if (__builtin_add_overflow(b->len, more_bytes, &need) || need == SIZE_MAX)
        BUG("a buffer of %zu bytes cannot grow by %zu", b->len, more_bytes);
    need += 1;
    if (need <= b->cap)
        return;
    size_t cap = b->cap < 32 ? 32 : b->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    b->p = mem_realloc(b->p, cap);
    b->p[b->len] = '\0';
    b->cap = cap;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
    buf_reserve(b, len);
    if (len)
        memcpy(b->p + b->len, p, len);
    b->len += len;
    b->p[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }

void buf_addc(struct buf *b, char c)
{
    if (b->len + 1 >= b->cap)
        buf_reserve(b, 1);
    b->p[b->len++] = c;
    b->p[b->len] = '\0';
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t room = b->cap - b->len;
    int len = vsnprintf(b->p ? b->p + b->len : NULL, b->p ? room : 0, fmt, ap);
    va_end(ap);
    if (len < 0)
        BUG("the format %s cannot be printed", fmt);
    if (!b->p || (size_t)len >= room) {
        buf_reserve(b, (size_t)len);
        vsnprintf(b->p + b->len, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    b->len += (size_t)len;
}

const char *buf_cstr(const struct buf *b) { return b->p ? b->p : ""; }

char *buf_take(struct buf *b)
{
    char *p = b->p ? b->p : mem_strdup("");
    *b = (struct buf)BUF_INIT;
    return p;
}

void strvec_add(struct strvec *v, const char *s) { strvec_addn(v, s, strlen(s)); }

void strvec_addn(struct strvec *v, const char *s, size_t len)
{
    MEM_GROW(v->v, v->n, v->cap);
    v->v[v->n++] = mem_strndup(s, len);
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void strvec_sort(struct strvec *v)
{
    if (v->n > 1)
        qsort(v->v, v->n, sizeof *v->v, by_bytes);
}

void strvec_sort_unique(struct strvec *v)
{
    strvec_sort(v);
    size_t kept = 0;
    for (size_t i = 0; i < v->n; i++) {
        if (kept > 0 && strcmp(v->v[kept - 1], v->v[i]) == 0)
            mem_free(v->v[i]);
        else
            v->v[kept++] = v->v[i];
    }
    v->n = kept;
}

bool strvec_has(const struct strvec *v, const char *s)
{
    for (size_t i = 0; i < v->n; i++)
        if (strcmp(v->v[i], s) == 0)
            return true;
    return false;
}

void strvec_clear(struct strvec *v)
{
    for (size_t i = 0; i < v->n; i++)
        mem_free(v->v[i]);
    mem_free(v->v);
    *v = (struct strvec)STRVEC_INIT;
}
