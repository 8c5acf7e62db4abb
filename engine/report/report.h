/* SPDX-License-Identifier: MIT
 *
 * Reporters: consumers of the event stream.
 *
 *     struct reporter *r = report_plain_new(&opts);
 *     r->ops->event(r, &ev);      // for each event
 *     r->ops->free(r);            // flushes
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

struct report_opts {
    FILE *out;       /* standard error for people, the chosen file for JSON */
    bool color;      /* ANSI colours */
    int verbosity;   /* -1 = -q: failures and the summary line only; 0; 1 = -v: also cached targets and output of passes */
    int columns, rows; /* of the terminal, at the start; live asks again on a resize */
    const char *program; /* how the user calls it, for the command that reruns the failed ("tgraph", "tgraph -C x") */
};
/* Live block on a terminal: one status block at the bottom, redrawn in place; failures printed above as they happen. */
struct reporter *report_live_new(const struct report_opts *o);
/* Plain lines, one a finished target that ran. */
struct reporter *report_plain_new(const struct report_opts *o);
/* JSON lines (docs/events.md). Flushes after each line. */
struct reporter *report_json_new(const struct report_opts *o);

/* "1.24 s", "820 ms", "3 min 05 s" */
void report_duration(int64_t ns, struct buf *out);

#endif
