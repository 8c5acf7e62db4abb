/* SPDX-License-Identifier: MIT
 *
 * The messages of docs/worker-protocol.md as text: what the engine writes, and what a worker wrote. No I/O.
 *
 *     struct worker_msg m;
 *     char *why;
 *     if (!worker_msg_parse(line, len, &m, &why))      // why: one line for people; owned by the caller
 *         ... the worker broke the protocol ...
 *     worker_msg_clear(&m);
 *
 * A line comes from a stranger's process, so everything about it is checked, and everything that it makes us hold is
 * bounded by the length of the line.
 */
#ifndef TGRAPH_WORKER_MSG_H
#define TGRAPH_WORKER_MSG_H

#include "worker/worker.h"

enum {
    WORKER_MSG_LISTED = 100000,   /* the most entries of `reads`, and of `subtests` */
    WORKER_MSG_PATH_BYTES = 4096, /* of one entry of `reads` */
    WORKER_MSG_ONE_LINE = 4096,   /* what is kept of a `message` or `name` */
};

enum worker_msg_type { WORKER_READY = 1, WORKER_STARTED, WORKER_DONE, WORKER_ERROR };

struct worker_msg {
    enum worker_msg_type type;
    uint64_t protocol;    /* ready */
    uint64_t id;          /* started, done */
    enum outcome outcome; /* done: PASSED, FAILED or ERROR */
    enum case_mark mark;
    int64_t duration_ns; /* done: -1 = not said */
    bool recycle;
    bool has_reads;
    struct strvec reads;
    struct worker_subtest *subtests;
    uint32_t n_subtests;
    char *name, *message; /* one line each: control characters are spaces; NULL = not said, or empty; owned */
    char *details;        /* NULL = not said, or empty; owned */
};

/* One line without its line feed. Changes it in place. false: *why says what is wrong, and *m is empty. */
bool worker_msg_parse(char *line, size_t len, struct worker_msg *m, char **why);
void worker_msg_clear(struct worker_msg *m);

/* Each appends one line with its line feed. */
void worker_msg_hello(struct buf *out, const char *suite, const char *root);
void worker_msg_run(struct buf *out, uint64_t id, const struct worker_run *run);
void worker_msg_exit(struct buf *out);

#endif
