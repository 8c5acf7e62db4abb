/* SPDX-License-Identifier: MIT
 *
 * Errors as values. A fallible function returns bool and fills a `struct err`; only cli/ prints.
 * A failed or timed-out test is data, never an err.
 *
 *     if (!file_read(path, limit, &b, e))
 *         return err_wrap(e, "reading the manifest");     // "reading the manifest: cannot open ...: No such file"
 *     return err_set(e, "T301", "the pool %s has no slots", name);  // always false
 *
 * Codes are stable and listed in docs/errors.md: T0xx command line and set-up, T1xx Lua and syntax, T2xx a target's
 * declaration, T3xx the graph, T4xx files and the system, T5xx the store, T6xx running.
 * `err_bug` is for our own faults: it prints one line with the place and aborts.
 */
#ifndef TGRAPH_BASE_ERR_H
#define TGRAPH_BASE_ERR_H

#include "base/buf.h"

enum err_level { ERR_ERROR, ERR_WARNING };

struct err {
    char code[8]; /* "T201"; "" = no error */
    enum err_level level;
    char *msg;          /* one line, no full stop; owned */
    char *hint;         /* the next step for the reader, one line; NULL if none; owned */
    char *file;         /* repository-relative file that it is about; NULL if none; owned */
    uint32_t line, col; /* 1-based; 0 = unknown */
};
#define ERR_INIT                                                                                                       \
    {                                                                                                                  \
        {0}, ERR_ERROR, NULL, NULL, NULL, 0, 0                                                                         \
    }

void err_clear(struct err *e);
/* Sets code and message, replacing what was there. Returns false, so that callers can `return err_set(...)`. e may be
 * NULL (the message is dropped). */
bool err_set(struct err *e, const char *code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool err_sys(struct err *e, const char *code, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5))); /* appends ": strerror(errnum)" */
bool err_wrap(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));                                 /* puts "context: " in front */
bool err_at(struct err *e, const char *file, uint32_t line, uint32_t col); /* returns false */
bool err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* returns false */
/* "Testfile.lua:3:5: error T201: message\n  hint: ...\n" with the parts that are there. */
void err_format(const struct err *e, struct buf *out);

/* All problems of one load, in the order found. */
struct errlist {
    struct err *v;
    size_t n, cap;
    size_t n_errors; /* those whose level is ERR_ERROR; kept by errlist_add */
};
#define ERRLIST_INIT                                                                                                   \
    {                                                                                                                  \
        NULL, 0, 0, 0                                                                                                  \
    }

/* A new entry of the level to be filled with err_set etc.; valid until the next errlist_add. */
struct err *errlist_add(struct errlist *l, enum err_level level);
void errlist_clear(struct errlist *l);

/* The candidate nearest to `word` by edit distance (Damerau-Levenshtein, optimal string alignment), if it is near
 * enough to be a slip of the fingers; else NULL. */
const char *nearest_name(const char *word, const char *const *candidates, size_t n);

_Noreturn void err_bug(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#define BUG(...) err_bug(__FILE__, __LINE__, __VA_ARGS__)
#define ASSERT(c) ((c) ? (void)0 : BUG("assertion failed: %s", #c))

#endif
