/* SPDX-License-Identifier: MIT
 *
 * Inside worker*.c: a worker, and what can happen to it. worker.c says what is asked of it; worker_io.c is the process, its
 * messages and its output. */
#ifndef TGRAPH_WORKER_INTERNAL_H
#define TGRAPH_WORKER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "worker/worker.h"

enum { WORKER_LOG_BYTES = 16 << 20 }; /* of one case, and outside of any */

enum worker_state { STARTING, IDLE, SERVING, ENDING, LOST };

enum worker_lost {
    LOST_ENDED = 1, /* the process, or its end of the descriptor */
    LOST_BROKEN,    /* the protocol */
    LOST_ERROR,     /* it said so, or could not be started */
    LOST_LATE,
    LOST_CANCELLED,
};

struct worker {
    struct arena arena; /* what spec points to */
    struct worker_spec spec;

    /* The process. What the thread uses is not touched here between its start and `ended`. */
    pthread_t thread;
    struct proc_spec proc;
    struct proc_result result; /* once ended */
    int child_fd[4];           /* the worker's ends: in, out, standard output, standard error */
    int ended_w;               /* the thread closes it when the process has ended */
    _Atomic(pid_t) pid;
    bool ended; /* and the thread is joined */

    int in_fd, out_fd, log_fd[2]; /* our ends; -1 = closed */
    int ended_r;                  /* at its end when the process has ended */
    int cancel[2], kill[2];       /* closing [1] is the order */

    enum worker_state state;
    enum worker_lost lost; /* with LOST */
    bool was_ready;
    bool told;             /* an answer has told why it was lost */
    bool closed_and_lived; /* its descriptor, and had to be killed */
    bool cancel_seen, kill_seen;
    char *why, *details; /* with LOST; of `error` */
    bool said_error;     /* outside of any case, after `ready` */
    char *name;
    int64_t start_limit_ns;

    struct buf to; /* not written yet, from to_at on */
    size_t to_at;
    bool close_after; /* the descriptor, when all is written */
    struct buf from;  /* read, but no whole line yet */
    size_t scanned;   /* bytes of it without a line feed */

    uint64_t id; /* of the last `run` */
    uint32_t served;
    bool recycle;

    struct worker_answer *answer; /* SERVING */
    bool started;
    int64_t timeout_ms, began_ns, limit_ns;
    struct proc_log *log;    /* gets the output: the answer's, or: */
    struct proc_log outside; /* of any case */
};

/* What the process's thread does. */
void worker_on_start(void *ctx, pid_t pid);
void *worker_supervise(void *worker);
void worker_close_child_ends(struct worker *w);

/* SIGTERM to its group, and SIGKILL when its grace is over. */
void worker_end_process(struct worker *w);
/* Nothing more is asked of it; `why` is taken, and may be NULL. What is done about the process depends on `how`. */
void worker_lose(struct worker *w, enum worker_lost how, char *why);
/* Of one that has ended: "ended with exit status 3", "was ended by SIGSEGV (segmentation fault)"; the caller owns it. */
char *worker_how_it_ended(const struct worker *w);
/* It closed its descriptor and had to be ended. Not if it had ended by then, and only what it left behind was ended. */
bool worker_lived_on(const struct worker *w);

void worker_flush(struct worker *w); /* writes as much of `to` as the pipe takes */
void worker_drain(struct worker *w); /* reads what there is of its output now into `log` */
/* Waits until something happens, at most until the deadline (CLOCK_MONOTONIC), and does what there is to do about it. */
void worker_step(struct worker *w, int64_t deadline_ns);
void worker_wait_ended(struct worker *w); /* of a lost one */
bool worker_over(int64_t deadline_ns);
void worker_close_fd(int *fd);

#endif
