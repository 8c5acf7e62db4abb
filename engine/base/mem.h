/* SPDX-License-Identifier: MIT
 *
 * Memory: allocation that aborts with one clear line when the machine has none left, and arenas.
 *
 * Use for tgraph's own data only. A size that comes from a child process, a file, the network or Lua
 * must be bounded by the caller before it is passed here.
 *
 *     struct arena a;
 *     arena_init(&a);
 *     char *s = arena_strdup(&a, "text");      // lives until arena_clear
 *     arena_clear(&a);
 *
 * Threads: the mem_ functions are thread-safe; an arena belongs to one thread at a time.
 */
#ifndef TGRAPH_BASE_MEM_H
#define TGRAPH_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size_bytes);                /* never NULL; size 0 gives a unique pointer */
void *mem_calloc(size_t count, size_t size_bytes); /* overflow aborts */
void *mem_realloc(void *p, size_t size_bytes);
void *mem_resize(void *p, size_t count, size_t size_bytes); /* realloc of an array; overflow aborts */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len); /* adds the NUL */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *p);

/* Makes room for one more element of a growable array: MEM_GROW(v, n, cap) leaves cap > n. */
#define MEM_GROW(v, n, cap)                                                                                            \
    do {                                                                                                               \
        if ((n) >= (cap)) {                                                                                            \
            (cap) = (cap) ? (cap)*2 : 16;                                                                              \
            (v) = mem_resize((v), (cap), sizeof *(v));                                                                 \
        }                                                                                                              \
    } while (0)

struct arena_chunk;
struct arena {
    struct arena_chunk *chunk; /* newest first */
    size_t used;               /* bytes taken of the newest chunk */
};

void arena_init(struct arena *a);
void arena_clear(struct arena *a);                     /* frees all that was allocated from it; usable again */
void *arena_alloc(struct arena *a, size_t size_bytes); /* 16-byte aligned, zeroed */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
