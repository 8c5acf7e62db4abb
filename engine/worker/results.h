/* SPDX-License-Identifier: MIT
 *
 * Results within one process: TAP (testanything.org, versions 12 to 14), JUnit XML, `go test -json` (cmd/test2json) and the
 * text of Rust's libtest. A reader takes the output in pieces of any size as it arrives, and gives the single results and a
 * verdict on the process. Has never heard of workers or targets.
 *
 *     struct results_reader *r = results_reader_new(RESULTS_TAP);
 *     results_reader_feed(r, 1, p, len, &shown);    // `shown`: what a person should see of it
 *     struct results res;
 *     results_reader_end(r, &res);                  // frees r
 *     struct results_verdict v;
 *     results_judge(&res, exit_code, exit_success, &v);
 *     results_verdict_clear(&v); results_clear(&res);
 *
 * What is judged is never better than what was said: where the output contradicts itself, stops in the middle or is not what
 * the format allows, `problem` says so and the verdict is no pass. All sizes are bounded; what is too much is counted, but
 * not listed (`left_out`), or is a problem.
 */
#ifndef TGRAPH_WORKER_RESULTS_H
#define TGRAPH_WORKER_RESULTS_H

#include "store/store.h"

enum results_format {
    RESULTS_EXIT,    /* only the exit status counts */
    RESULTS_TAP,     /* standard output */
    RESULTS_JUNIT,   /* a file: feed it as stream 1 */
    RESULTS_GO,      /* standard output */
    RESULTS_LIBTEST, /* standard output; of standard error only what a panic said */
};
bool results_format_parse(const char *name, enum results_format *out);
const char *results_format_name(enum results_format f);

enum {
    RESULTS_MAX = 100000,         /* results that are listed */
    RESULTS_NAME_BYTES = 1024,    /* longer names are cut */
    RESULTS_MESSAGE_BYTES = 2000, /* longer messages are cut */
    RESULTS_TEXT_BYTES = 8 << 20, /* names and messages of all that are listed */
    RESULTS_LINE_BYTES = 1 << 20, /* of a line of output; more of it is not looked at */
};

struct result {
    char *name, *message; /* one line each; message may be NULL; owned */
    enum outcome outcome; /* PASSED, FAILED or ERROR */
    enum case_mark mark;
    int64_t duration_ns; /* -1 = not said */
};

struct results {
    enum results_format format;
    struct result *v; /* in the order in which they ended */
    size_t n, cap, text_bytes;
    size_t left_out; /* counted, but not in v */
    /* Counts of those that judge the process: all but the inner ones of TAP, which their outer one answers for. */
    size_t n_all, n_failed, n_errors, n_skipped;
    char *first_bad;   /* name and message of the first that failed; NULL = none; owned */
    char *skip_reason; /* of the first that was skipped, or of the whole; NULL = none; owned */
    char *problem;     /* why they cannot be trusted, the first reason; NULL = they can; owned */
    bool unreadable;   /* the problem is that there are none, or that they could not be read: an error, not a failure */
    bool complete; /* the process said that all went well although no single result was listed (Go: a package without
                          tests that passes, TAP: 1..0) */
};
void results_clear(struct results *r);
/* Takes those of `from`, of another file of the same process; from is empty then. */
void results_merge(struct results *r, struct results *from);

struct results_reader;
struct results_reader *results_reader_new(enum results_format f);
/* shown may be NULL. */
void results_reader_feed(struct results_reader *r, uint8_t stream, const char *p, size_t len, struct buf *shown);
/* The output has ended. */
void results_reader_end(struct results_reader *r, struct results *out, struct buf *shown);

struct results_verdict {
    enum outcome outcome; /* PASSED, FAILED or ERROR */
    enum case_mark mark;  /* SKIPPED if all of it was */
    char *message;        /* one line; NULL = nothing to say; owned */
};
/* success: the exit status is one that means success. */
void results_judge(const struct results *r, int exit_code, bool success, struct results_verdict *out);
void results_verdict_clear(struct results_verdict *v);

#endif
