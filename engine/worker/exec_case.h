/* SPDX-License-Identifier: MIT
 *
 * The worker's side of docs/worker-protocol.md for cases that are a process each (`tgraph exec-worker`): what the engine
 * asks, one process, its results, and the answer. No protocol I/O: whoever calls it owns the descriptors.
 *
 *     struct exec_ask ask;
 *     if (!exec_ask_parse(line, len, &ask, &why)) ...           // no message of the protocol
 *     if (ask.type == ASK_RUN) {
 *         struct exec_done done;
 *         exec_case_run(&opts, &ask, &done);                    // blocks until its process group has ended
 *         if (done.signal) ... end by the same signal: a crash stays one ...
 *         exec_done_format(&done, ask.id, &line);
 *         exec_done_clear(&done);
 *     }
 *     exec_ask_clear(&ask);
 *
 * A case's `data`: docs/rules/exec.md. What it says wrongly is an error of that case.
 */
#ifndef TGRAPH_WORKER_EXEC_CASE_H
#define TGRAPH_WORKER_EXEC_CASE_H

#include "worker/results.h"

enum exec_ask_type {
    ASK_OTHER,
    ASK_HELLO,
    ASK_RUN,
    ASK_EXIT
}; /* ASK_OTHER: a type of a later protocol, to be ignored */

struct exec_ask {
    enum exec_ask_type type;
    int64_t protocol, id, attempt;
    struct yajl_val_s *tree; /* of the whole message; owned */
    struct yajl_val_s *data; /* within it; NULL = none */
};
/* line[len] must be NUL. false: *why, owned by the caller, says what is wrong, and *out is empty. */
bool exec_ask_parse(const char *line, size_t len, struct exec_ask *out, char **why);
void exec_ask_clear(struct exec_ask *a);

struct exec_opts {
    enum results_format format; /* of cases that do not say theirs */
    const char *junit_file;     /* the same; NULL = none */
    const char *const *prefix;  /* before each case's cmd */
    size_t n_prefix;
    const char *const *envp; /* this process's; the variables of the protocol are left out for the child */
    int cancel_fd, kill_fd;  /* as in os/proc.h */
    int out_fd[2];           /* standard output and standard error: the case's log */
};

struct exec_done {
    bool cancelled; /* nothing is known of the case */
    int signal;     /* the process was ended by it; 0 = it was not */
    bool core_dumped;
    struct results_verdict verdict;
    struct results results;
    char *left_over; /* owned; NULL = none */
    int64_t duration_ns;
};
void exec_case_run(const struct exec_opts *o, const struct exec_ask *ask, struct exec_done *out);
void exec_done_clear(struct exec_done *d);

enum { EXEC_LINE_BYTES = 12 << 20 }; /* `done` lists subtests up to here and counts the rest */
/* One line with its line feed. */
void exec_done_format(const struct exec_done *d, int64_t id, struct buf *out);
void exec_ready_format(struct buf *out);
void exec_error_format(const char *message, struct buf *out);

/* All of it, whatever the pipe holds; false: nobody reads. */
bool exec_write(int fd, const char *p, size_t len);

#endif
