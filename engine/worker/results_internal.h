/* SPDX-License-Identifier: MIT
 *
 * What the readers of results have in common. */
#ifndef TGRAPH_WORKER_RESULTS_INTERNAL_H
#define TGRAPH_WORKER_RESULTS_INTERNAL_H

#include <string.h>

#include "worker/results.h"

/* Cuts a stream into lines. NUL bytes become '?', a CR before the line's end is taken away. */
struct lines {
    struct buf part;
    bool cut; /* of the line at hand only the start is kept */
};
typedef void (*line_fn)(void *ctx, const char *line, size_t len, bool cut); /* line[len] is NUL */
void lines_feed(struct lines *l, const char *p, size_t len, line_fn fn, void *ctx);
void lines_end(struct lines *l, line_fn fn, void *ctx); /* a last line without its end; frees */

struct reader_kind {
    void *(*open)(struct results *r);
    void (*feed)(void *state, uint8_t stream, const char *p, size_t len, struct buf *shown);
    void (*end)(void *state, struct buf *shown); /* last words to the results; frees state */
};
extern const struct reader_kind tap_reader, junit_reader, go_reader, libtest_reader;

/* Some text on one line: runs of white space and control characters are one blank, cut after max bytes. */
void text_one_line(struct buf *out, const char *p, size_t len, size_t max);

enum add_what { ADD_COUNTED, ADD_INNER };
/* Index in r->v, or SIZE_MAX if it was only counted. message may be NULL. */
size_t results_add(struct results *r, enum add_what what, const char *name, size_t name_len, enum outcome outcome,
                   enum case_mark mark, const char *message, int64_t duration_ns);
void results_count(struct results *r, enum outcome outcome, enum case_mark mark, const char *name, const char *message);
/* The first one stays. */
void results_doubt(struct results *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void results_unreadable(struct results *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "1.25", "1,234.5" seconds or the like as nanoseconds; -1 if it is no such number. scale: nanoseconds of one. */
int64_t text_duration_ns(const char *p, size_t len, double scale);

static inline bool has_prefix(const char *line, const char *prefix)
{
    return strncmp(line, prefix, strlen(prefix)) == 0;
}

#endif
