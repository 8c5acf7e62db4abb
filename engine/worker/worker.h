/* SPDX-License-Identifier: MIT
 *
 * One worker process, driven by the protocol of docs/worker-protocol.md: started, handed one case after the other, ended.
 * Has never heard of graphs, suites or keys.
 *
 *     struct worker *w = worker_start(&spec);                // returns at once, whatever becomes of the process
 *     struct worker_run run = {.id = "test_a", .timeout_ms = 5000};
 *     struct worker_answer a;
 *     worker_run_case(w, &run, &a);                         // blocks until the case has ended in one way or another
 *     ... worker_usable(w)? the next case : worker_end and a new one ...
 *     worker_answer_clear(&a);
 *     worker_end(w, &end);                                   // asks it to exit, waits, frees
 *     worker_end_clear(&end);
 *
 * States, and who moves between them:
 *
 *     STARTING --ready (in worker_run_case or worker_wait_ready)--> IDLE --worker_run_case--> SERVING --done--> IDLE
 *        |                                                          |                           |
 *        +-------- error, end, time limit, broken protocol ---------+---------------------------+--> LOST
 *     worker_end: from any state, and frees
 *
 * A worker that is LOST has been killed already and serves nothing more.
 *
 * Threads: a worker belongs to one thread at a time; it may be handed on. Inside it has a thread of its own that waits
 * for the process (proc_run). What the process writes to standard output and standard error between `run` and `done` is the
 * answer's log: both pipes are read empty when `done` arrives. What it writes outside of any case is the log of its
 * start or of its end.
 *
 * The engine's writes never block for ever: they are polled together with the worker's output, the cancel descriptor and
 * the time limit. The process has to ignore SIGPIPE (os/signals.h): a worker can close its end at any moment.
 */
#ifndef TGRAPH_WORKER_H
#define TGRAPH_WORKER_H

#include "os/proc.h"
#include "store/store.h"

#define WORKER_PROTOCOL 1
#define WORKER_LINE_BYTES (16u << 20) /* a longer line breaks the protocol */
#define WORKER_EXIT_MS 10000          /* between `exit` and being killed */

enum worker_farewell { /* how worker_end asks a worker to exit; anything but the first is for worker-check */
                       FAREWELL_BOTH, /* `exit`, then the end of the engine's descriptor */
                       FAREWELL_EXIT, /* `exit` alone */
                       FAREWELL_END,  /* the end of the descriptor alone */
};

struct worker_spec {  /* strings are copied by worker_start */
    const char *file; /* executable, absolute */
    const char *const *argv;
    const char *const *envp; /* complete but for the three TGRAPH_WORKER variables, which worker_start adds */
    const char *cwd;         /* absolute */
    const char *suite;       /* label, for `hello` */
    const char *root;        /* absolute, for `hello` */
    int64_t start_timeout_ms, grace_ms, left_ms;
    int cancel_fd, kill_fd; /* as in proc.h; -1 = none */
    enum worker_farewell farewell;
};

struct worker_subtest {
    char *name, *message; /* owned; message may be NULL */
    enum outcome outcome; /* PASSED, FAILED or ERROR */
    enum case_mark mark;
    int64_t duration_ns; /* -1 = not said */
};

struct worker_run {
    const char *id, *next; /* next: NULL = none */
    const char *data;      /* JSON text on one line; NULL = none */
    uint32_t attempt;      /* from 1 */
    int64_t timeout_ms;    /* 0 = none; from `run`, anew from `started` */
    const char *extra;     /* further members of the message (",\"x\":1"), to see them ignored; NULL = none */
};

struct worker_answer {
    enum outcome outcome; /* PASSED, FAILED, ERROR, CRASHED, TIMED_OUT; NONE with cancelled */
    enum case_mark mark;
    bool answered;         /* by a `done`: outcome, mark and note are the worker's own words */
    bool cancelled;        /* by cancel_fd: nothing is known of the case */
    bool not_handed;       /* the worker was gone before the case was handed out: another one may take it */
    bool not_started;      /* the worker never became ready: `note` says why, and the case was not handed out */
    char *note;            /* message of `done`; how the worker ended; what broke the protocol; NULL = none; owned */
    char *details;         /* NULL = none; owned */
    int exit_code, signal; /* CRASHED: -1 / 0 if not so ended */
    struct proc_log log;   /* what arrived while the case was in flight; before `ready`: during the start as well */
    struct strvec reads;   /* as the worker named them */
    bool has_reads;        /* it named any list, be it empty */
    struct worker_subtest *subtests;
    uint32_t n_subtests;
    int64_t started_real_ns, ended_real_ns; /* CLOCK_REALTIME, `run` written to answer complete */
    int64_t duration_ns;                    /* the worker's, or from `run` or `started` on */
};
void worker_answer_clear(struct worker_answer *a);

struct worker;
/* Never fails; a process that cannot be started shows in the first worker_run_case as not_started. */
struct worker *worker_start(const struct worker_spec *s);
/* Waits until it is ready. false: it will never be; *why (owned by the caller) says so in a line, log is what it wrote. */
bool worker_wait_ready(struct worker *w, char **why, struct proc_log *log);
/* A worker that was lost before gives OUTCOME_ERROR; ask worker_usable first. */
void worker_run_case(struct worker *w, const struct worker_run *run, struct worker_answer *out);
/* Can be handed another case. Looks at the process, so that one that has ended between two cases is not taken for one
 * that crashed in the second. */
bool worker_usable(const struct worker *w);
bool worker_wants_recycling(const struct worker *w);    /* its last `done` said so */
uint32_t worker_served(const struct worker *w);         /* cases handed to it so far */
uint64_t worker_resident_bytes(const struct worker *w); /* now; 0 = unknown (Linux: /proc/PID/statm) */
const char *worker_name(const struct worker *w);        /* of `ready`; "" before */
pid_t worker_pid(const struct worker *w);               /* also its group; 0 = not started yet, or it has ended */
/* Says a line (without its line feed) before the next `run`: for what a worker has to ignore. Only while it is usable. */
void worker_say(struct worker *w, const char *line);

struct worker_ending {
    bool clean;  /* exited with 0 when asked to, without `error`; or was never ready, and no answer was wanted of it */
    bool failed; /* it said `error` outside of any case after `ready`: `note` is its message, and the run fails */
    bool asked;  /* it was there when it was asked to exit: whatever it did then was its own doing */
    bool held;   /* somebody outside its process group still held the protocol's descriptors after its end */
    char *
        note; /* what was wrong that no answer has told yet: "exit status 1", a signal, a message; NULL = nothing; owned */
    char *details;       /* of `error`; NULL = none; owned */
    char *left_over;     /* processes of its group that were still there; NULL = none; owned */
    struct proc_log log; /* what it wrote outside of any case */
};
/* Asks it to exit unless it is gone, kills it after WORKER_EXIT_MS (at once if cancelled, or if it was not ready yet),
 * frees it. */
void worker_end(struct worker *w, struct worker_ending *out);
void worker_ending_clear(struct worker_ending *e);

#endif
