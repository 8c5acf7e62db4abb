/* SPDX-License-Identifier: MIT
 *
 * A run: brings the selected targets of a workspace up to date and tells the world by events (run/event.h).
 *
 *     struct run_opts o = {.ws = ws_opts, .jobs = 8, .select = pick, .emit = report, ...};
 *     struct run_counts counts;
 *     if (!run(&o, &counts, &errs)) ... set-up failed: errs says why ...
 *     return counts.exit_status;
 *
 * Exit status in counts: 0 all passed or nothing to do, 1 a test failed, 3 a build failed or a service did not come up,
 * 130 interrupted.
 */
#ifndef TGRAPH_RUN_RUN_H
#define TGRAPH_RUN_RUN_H

#include "run/event.h"
#include "run/workspace.h"

struct suite_trial;
/* Trials of a case instead of running it (suite_opts.trial in run/suite.h): its suite's place and services are held for them,
 * and all else that was selected has passed. Nothing of it is kept, and the case's state stays what it was. */
struct run_trial {
    const char *label; /* of the case; may be set by `select`, which has to select it */
    bool (*serve)(void *ctx, struct suite_trial *t);
    void *ctx;
};

struct run_opts {
    struct ws_opts ws;
    int jobs;        /* actions at once; at least 1 */
    bool jobs_given; /* by -j: then a parent's jobserver does not bound it */
    bool force;      /* the selected run even if clean */
    bool fail_fast;
    bool prestart; /* suites are likely to be asked for: their workers may start while their cases are listed */
    bool dry_run;
    const char *makeflags;     /* MAKEFLAGS of this process; NULL = not set */
    int interrupt_fd, kill_fd; /* os/signals.h; -1 = none */
    /* Sets selected[n] for the targets asked for; called again when the graph was loaded again. false ends the run. */
    bool (*select)(void *ctx, struct workspace *ws, uint8_t *selected, struct errlist *errs);
    void *select_ctx;
    const struct run_trial *trial; /* NULL: run what is selected */
    event_fn emit;
    void *emit_ctx;
};
bool run(const struct run_opts *o, struct run_counts *counts, struct errlist *errs);

#endif
