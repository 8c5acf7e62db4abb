/* SPDX-License-Identifier: MIT
 *
 * Reporters: consumers of the event stream.
 *
 *     struct reporter *r = report_plain_new(&opts);
 *     r->ops->event(r, &ev);      // for each event
 *     r->ops->free(r);            // flushes; the live one takes its block off the screen
 *
 * A reporter copies what it needs of the options and owns nothing else but `out`'s buffer: the caller closes `out`.
 * One thread at a time. Results that are not shown (a cached pass, for the two that people read) cost a few counters.
 */
#ifndef TGRAPH_REPORT_REPORT_H
#define TGRAPH_REPORT_REPORT_H

#include <stdio.h>

#include "run/event.h"

struct reporter;
struct reporter_ops {
    void (*event)(struct reporter *r, const struct event *ev);
    void (*free)(struct reporter *r);
};
struct reporter {
    const struct reporter_ops *ops;
};

/* What --since compared with; filled in before EVENT_RUN_STARTED. */
struct report_since {
    const char *ref;        /* "origin/main" */
    const char *chosen_by;  /* NULL: a person */
    char merge_base[41];    /* hexadecimal; "" = there is none */
    const char *everything; /* why all targets count as affected; NULL = they were compared */
};

struct report_opts {
    FILE *out;     /* standard error for people, the chosen file for JSON */
    bool color;    /* ANSI colours */
    int verbosity; /* -1 = -q: failures and the summary line only; 0; 1 = -v: also cached targets and output of passes */
    int columns, rows;   /* of the terminal, at the start; live asks again on a resize */
    const char *program; /* how the user calls it, for the command that reruns the failed ("tgraph", "tgraph -C x") */
    /* Asks for the terminal's size before each frame; NULL: that of `out` (columns and rows above if it has no
     * descriptor). */
    void (*term_size)(void *ctx, int *columns, int *rows);
    void *term_ctx;
    const struct report_since *since; /* NULL: no --since */
};
/* Live block on a terminal: one status block at the bottom, redrawn in place; failures printed above as they happen. */
struct reporter *report_live_new(const struct report_opts *o);
/* Plain lines, one a finished target that ran. */
struct reporter *report_plain_new(const struct report_opts *o);
/* JSON lines (docs/events.md). Flushes after each line; a burst of cached results, which can be 100,000 lines at once, is
 * flushed every 100 ms and by whatever event comes next. A write that failed shows in ferror(out). */
struct reporter *report_json_new(const struct report_opts *o);

/* "1.24 s", "820 ms", "3 min 05 s" */
void report_duration(int64_t ns, struct buf *out);
/* "11,389" */
void report_count(uint64_t n, struct buf *out);
/* The last line of a run, without its newline: "5 failed, 1 flaky, 312 passed (290 cached), 2 skipped in 14.2 s", or
 * "nothing to do: 11,389 tests are clean (checked in 41 ms)". tests_only: all selected targets are tests (else they are
 * called targets). affected: they are those that --since found. counts.failed and counts.builds_failed are taken as two groups without common members. */
void report_summary_line(const struct run_counts *c, int64_t duration_ns, bool tests_only, bool affected, bool color,
                         struct buf *out);

#endif
