/* SPDX-License-Identifier: MIT
 *
 * Events: the one thing that a run tells the world. Every reporter is a consumer of this stream and knows nothing else.
 * Strings live until the call returns. Events come from one thread, in order. The JSON form is in docs/events.md.
 */
#ifndef TGRAPH_RUN_EVENT_H
#define TGRAPH_RUN_EVENT_H

#include "base/hash.h"
#include "graph/decl.h"
#include "os/proc.h"
#include "store/store.h"

#define EVENT_VERSION 1

enum event_type {
    EVENT_RUN_STARTED,     /* counts and estimate are set */
    EVENT_TARGET_STARTED,  /* a process (attempt) begins */
    EVENT_TARGET_RETRIED,  /* an attempt failed and another follows; its log is set */
    EVENT_TARGET_FINISHED, /* once for every selected target and every build or group they need */
    EVENT_SERVICE_STARTED, /* ready: duration_ns since its start */
    EVENT_SERVICE_STOPPED,
    EVENT_MESSAGE, /* something to be said once: `message`, `code` */
    EVENT_TICK,    /* now and then, for live displays; nothing but now_ns is set */
    EVENT_RUN_FINISHED,
};

struct event {
    enum event_type type;
    int64_t now_ns;     /* CLOCK_MONOTONIC */
    uint32_t node;      /* id of the target; UINT32_MAX = none */
    const char *target; /* label */
    enum node_kind kind;
    enum outcome outcome;
    enum case_mark mark;        /* of a case that passed */
    bool cached;                /* resolved without running it */
    bool selected;              /* asked for by the command line, not only needed by another */
    bool dry_run;               /* -n: would run */
    struct digest key;          /* NONE if unknown */
    int64_t duration_ns;        /* of the last attempt; of the cached result if cached */
    const char *reason;         /* why it ran or was skipped, one line */
    const char *note;           /* "exit status 1", "SIGSEGV (segmentation fault)", left-over processes; NULL = none */
    int exit_code;              /* TARGET_FINISHED that ran: -1 = it did not exit by itself */
    int signal;                 /* 0 = none */
    const char *tmpdir;         /* kept private folder of a failed attempt; NULL = none */
    const struct proc_log *log; /* its output; NULL = none or not loaded (cached passes) */
    const char *subtests;       /* results within it, a JSON object a line (docs/events.md); NULL = none */
    uint32_t attempt, attempts; /* 1-based; at most */
    const char *message;        /* EVENT_MESSAGE */
    const char *code;
    bool is_error;
    /* EVENT_RUN_STARTED: */
    uint32_t n_total; /* targets that will get an EVENT_TARGET_FINISHED */
    uint32_t n_selected;
    int jobs;              /* -j */
    int64_t estimate_ns;   /* wall time expected from history; 0 = unknown */
    uint32_t estimate_run; /* targets expected to run (upper bound before early cutoff) */
    /* EVENT_RUN_FINISHED: counts over selected targets of kind test (and later suite) and over builds asked for */
    struct run_counts {
        uint32_t selected, ran, cached, passed, failed, flaky, skipped;
        uint32_t builds_ran, builds_failed; /* builds that were needed */
        int exit_status;
        bool interrupted;
        uint32_t services_failed;          /* that did not come up for those that had to run */
        uint32_t marked[MARK_XPASSED + 1]; /* of those that passed: by enum case_mark */
    } counts;
};

typedef void (*event_fn)(void *ctx, const struct event *ev);

#endif
