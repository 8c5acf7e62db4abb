/* SPDX-License-Identifier: MIT
 *
 * The cases of one suite that wait to be served, and the workers that serve them. Shared by the coordinator, which adds
 * cases, and the pool threads, which serve them: every function may be called from any of them but where said. Knows neither
 * graph nor store.
 *
 *     struct suite *s = suite_new(&opts);                     // coordinator
 *     suite_add(s, &one_case); ...                            // coordinator; a job of suite_job for each place
 *     ... pool threads: suite_serve, by way of the job; each case comes back as a job of kind JOB_CASE ...
 *     while (suite_drop(s, &node)) ...                        // what is not to be served after all
 *     suite_free(s);                                          // when no job of it is out
 *
 * Order. A group's cases are served one after the other in the order they were added, by one worker. Free workers take the
 * group with the most to do first (longest processing time first: Graham 1969), those with a case that failed last time
 * before all. When no group is left to begin and `steal` is set, a free worker takes the second half of what is left of
 * the group with the most left.
 *
 * States of a worker, as seen from here (its own are in worker.h):
 *
 *     (none) --worker_start--> SERVING --no case left--> ended
 *                               |  ^  \--lost, recycled, isolate--> ended, the next case starts another one
 *         something else waits  v  |
 *                              PARKED (with the place of its thread) --no case left--> ended
 */
#ifndef TGRAPH_RUN_SUITE_H
#define TGRAPH_RUN_SUITE_H

#include <stdatomic.h>

#include "run/pool.h"
#include "worker/worker.h"

struct suite_trial;

struct suite_opts { /* strings live as long as the suite */
    uint32_t node;  /* not interpreted here */
    const char *label, *root, *cwd;
    const char *file; /* of the worker; NULL: `missing` says what was not found */
    const char *missing;
    const char *const *argv;
    const char **envp; /* with room as in struct job: env_free[1..3] are filled in for each worker */
    uint32_t env_free[4];
    atomic_uint *serial;  /* of the workers' private folders: of all suites that share tmp_base */
    const char *tmp_base; /* folder for the workers' private folders */
    uint32_t max_attempts;
    uint32_t places; /* threads that may serve at once */
    bool fail_fast;  /* a case that does not pass is the last one */
    bool steal, isolate;
    bool park; /* a worker may outlive its thread's visit: it holds nothing that somebody else waits for */
    int64_t start_timeout_ms, timeout_ms; /* the second: of all, from when the first thread comes to serve; 0 = none */
    uint32_t recycle_cases;
    uint64_t recycle_bytes;
    int64_t grace_ms, left_ms;
    int cancel_fd, kill_fd;
    atomic_bool *others_wait; /* something else waits for a place: a server leaves after a group; may be NULL */
    /* NULL, or what is done by the thread of a place instead of serving a case; false: interrupted. */
    bool (*trial)(void *ctx, struct suite_trial *t);
    void *trial_ctx;
};

struct suite_case { /* strings are copied */
    uint32_t node;  /* not interpreted here */
    const char *label, *id;
    const char *data; /* NULL = none */
    uint32_t group;   /* any number; equal ones are a group. UINT32_MAX: on its own */
    bool failed_before;
    int64_t estimate_ns, timeout_ms;
    int64_t fresh_after_ns; /* CLOCK_REALTIME: what it needs was still written then, so that a worker which was up may
                             * have seen something else; 0 = it was there before any worker */
};

struct suite;
struct suite *suite_new(const struct suite_opts *o);
/* No job of it may be out. Ends the workers that are still parked. */
void suite_free(struct suite *s);
void suite_add(struct suite *s, const struct suite_case *c);
/* Takes out a case that nobody has begun; false when none is left. */
bool suite_drop(struct suite *s, uint32_t *node);
uint32_t suite_waiting(struct suite *s);   /* cases that nobody has begun */
int64_t suite_waiting_ns(struct suite *s); /* what they are expected to take */
bool suite_failed_waits(struct suite *s);  /* one of them failed last time */
/* How many threads could find something to do, those that serve already among them. */
uint32_t suite_places_wanted(struct suite *s);
/* More cases will be added when those that were added are done: workers are kept for them. */
void suite_expect_more(struct suite *s, bool more);
/* An input was written at about this time (CLOCK_REALTIME), and is what it was: what a worker that was started before has kept of it
 * is in doubt, so cases go to new ones. Done a few times only, then it is not worth it; always for cases that were held back. */
void suite_refresh(struct suite *s, int64_t real_ns);
/* Ends the workers that stay without a thread, when no job of it is out, and posts what their ends say. */
void suite_end_parked(struct suite *s, struct pool_threads *pool);
/* A worker that serves nobody now, to be kept from one suite for another that is the same. */
struct suite_warm {
    struct worker *w;
    uint32_t place;
    char *tmpdir; /* its private folder; owned */
    int64_t started_real_ns;
};
/* Starts a worker for a place before there is a case for it. */
void suite_prestart(struct suite *s, uint32_t place);
bool suite_take_warm(struct suite *s, struct suite_warm *out); /* one that was prestarted and has served nothing */
void suite_give_warm(struct suite *s, const struct suite_warm *warm);
void suite_end_warm(struct suite_warm *warm);

/* From now on no further case is begun. */
void suite_stop(struct suite *s);
/* Within suite_opts.trial: serves any case in the worker of the call before, or in a new one, as the suite would. Nothing of
 * it is a result. false: that worker can serve no more, and the case was not handed to it. */
bool suite_trial_serve(struct suite_trial *t, const struct suite_case *c, const char *next, struct worker_answer *a);
/* The next case gets a new worker. */
void suite_trial_renew(struct suite_trial *t);
/* A job for pool_submit that serves until nothing is left to begin, or something else waits. */
struct job *suite_job(struct suite *s);

#endif
