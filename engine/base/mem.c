/* SPDX-License-Identifier: MIT
 *
 * Allocation that never returns NULL, and arenas made of zeroed chunks that double in size. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(size_t size_bytes)
{
    fprintf(stderr, "tgraph: out of memory (%zu bytes were needed)\n", size_bytes);
    abort();
}

static size_t multiply(size_t count, size_t size_bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, size_bytes, &total))
        out_of_memory(SIZE_MAX);
    return total;
}

void *mem_alloc(size_t size_bytes)
{
    void *p = malloc(size_bytes ? size_bytes : 1);
    if (!p)
        out_of_memory(size_bytes);
    return p;
}

void *mem_calloc(size_t count, size_t size_bytes)
{
    size_t total = multiply(count, size_bytes);
    void *p = calloc(1, total ? total : 1);
    if (!p)
        out_of_memory(total);
    return p;
}

void *mem_realloc(void *p, size_t size_bytes)
{
    void *q = realloc(p, size_bytes ? size_bytes : 1);
    if (!q)
        out_of_memory(size_bytes);
    return q;
}

void *mem_resize(void *p, size_t count, size_t size_bytes) { return mem_realloc(p, multiply(count, size_bytes)); }

char *mem_strdup(const char *s) { return mem_strndup(s, strlen(s)); }

char *mem_strndup(const char *s, size_t len)
{
    char *p = mem_alloc(len + 1);
    if (len)
        memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

char *mem_printf(const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0)
        out_of_memory(SIZE_MAX); /* longer than INT_MAX, or an invalid format */
    char *p = mem_alloc((size_t)len + 1);
    vsnprintf(p, (size_t)len + 1, fmt, again);
    va_end(again);
    return p;
}

void mem_free(void *p) { free(p); }

/* Invariant: bytes at and after `used` of the newest chunk are zero, since chunks come from calloc and nothing is ever
 * given back to a chunk. */
struct arena_chunk {
    struct arena_chunk *next; /* older */
    size_t size_bytes;        /* of data */
    _Alignas(16) char data[];
};

enum { ARENA_ALIGN = 16, ARENA_FIRST = 4096 - sizeof(struct arena_chunk), ARENA_LARGEST = 1 << 20 };

void arena_init(struct arena *a) { *a = (struct arena){NULL, 0}; }

void arena_clear(struct arena *a)
{
    for (struct arena_chunk *c = a->chunk, *next; c; c = next) {
        next = c->next;
        mem_free(c);
    }
    arena_init(a);
}

static struct arena_chunk *chunk_new(size_t size_bytes)
{
    if (size_bytes > SIZE_MAX - sizeof(struct arena_chunk))
        out_of_memory(size_bytes);
    struct arena_chunk *c = mem_calloc(1, sizeof *c + size_bytes);
    c->size_bytes = size_bytes;
    return c;
}

static char *arena_take(struct arena *a, size_t size_bytes, size_t align)
{
    struct arena_chunk *c = a->chunk;
    size_t at = (a->used + align - 1) & ~(align - 1);
    if (c && at <= c->size_bytes && size_bytes <= c->size_bytes - at) {
        a->used = at + size_bytes;
        return c->data + at;
    }
    if (c && size_bytes >= ARENA_LARGEST / 4) {
        /* A big one gets a chunk of its own behind the newest, whose rest stays in use. */
        struct arena_chunk *own = chunk_new(size_bytes);
        own->next = c->next;
        c->next = own;
        return own->data;
    }
    size_t want = c ? c->size_bytes * 2 : ARENA_FIRST;
    if (want > ARENA_LARGEST)
        want = ARENA_LARGEST;
    if (want < size_bytes)
        want = size_bytes;
    struct arena_chunk *fresh = chunk_new(want);
    fresh->next = c;
    a->chunk = fresh;
    a->used = size_bytes;
    return fresh->data;
}

void *arena_alloc(struct arena *a, size_t size_bytes)
{
    return arena_take(a, size_bytes ? size_bytes : 1, ARENA_ALIGN);
}

char *arena_strdup(struct arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *p = arena_take(a, len + 1, 1);
    if (len)
        memcpy(p, s, len);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0)
        out_of_memory(SIZE_MAX);
    char *p = arena_take(a, (size_t)len + 1, 1);
    vsnprintf(p, (size_t)len + 1, fmt, again);
    va_end(again);
    return p;
}
