/* SPDX-License-Identifier: MIT
 *
 * The thread pool: runs jobs, and a mailbox through which threads tell the coordinator what happened. Threads start when
 * they are first needed.
 *
 *     struct pool_threads *p = pool_new(8);
 *     pool_submit(p, job);
 *     poll(pool_fd(p), ...); while (pool_take(p, &msg)) ...
 *     pool_free(p);                       // waits for what still runs
 */
#ifndef TGRAPH_RUN_POOL_H
#define TGRAPH_RUN_POOL_H

#include "run/job.h"

enum pool_msg_type { POOL_JOB_STARTED, POOL_JOB_DONE, POOL_JOB_RETRIES, POOL_SERVICE, POOL_WORKER_ENDED };
struct pool_msg {
    enum pool_msg_type type;
    struct job *job;      /* JOB_DONE, JOB_RETRIES (still running then: read only label, node, max_attempts) */
    uint32_t attempt;     /* JOB_RETRIES: the one that failed */
    enum outcome outcome; /* JOB_RETRIES: of the attempt */
    char *note;           /* JOB_RETRIES: how; WORKER_ENDED: what was wrong; the receiver frees it */
    struct proc_log log;  /* JOB_RETRIES: its output; WORKER_ENDED: what it wrote then; the receiver clears it */
    int64_t duration_ns;  /* JOB_RETRIES */
    uint32_t suite;       /* WORKER_ENDED: node of its suite */
    uint32_t *nodes;      /* WORKER_ENDED: of the cases that it served, the last one last; the receiver frees it */
    uint32_t n_nodes;
    bool failed;   /* WORKER_ENDED: that counts as a failure */
    void *service; /* POOL_SERVICE */
    int service_event;
};

struct pool_threads;
/* At most max_threads jobs at once; pool_allow changes that, up to POOL_MORE beyond it. */
#define POOL_MORE 64
struct pool_threads *pool_new(int max_threads);
void pool_allow(struct pool_threads *p, int threads);
void pool_free(struct pool_threads *p);
/* Its on_retry, ctx and slot are set by the pool: slots are the threads' numbers. More jobs than threads may be submitted:
 * a thread that ends one takes the next without waiting for the coordinator. */
void pool_submit(struct pool_threads *p, struct job *j);
/* Jobs that no thread has begun come back as done and cancelled. */
void pool_cancel_waiting(struct pool_threads *p);
int pool_fd(const struct pool_threads *p); /* readable when a message waits */
bool pool_take(struct pool_threads *p, struct pool_msg *out);
void pool_post(struct pool_threads *p, const struct pool_msg *m); /* from any thread */
/* The same for what can wait until something else wakes the coordinator. */
void pool_post_later(struct pool_threads *p, const struct pool_msg *m);
/* What on_retry of a job does: tells of a failed attempt; takes the log. */
void pool_post_retry(struct pool_threads *p, struct job *j, uint32_t attempt, struct proc_log *log,
                     int64_t duration_ns);

#endif
