/* SPDX-License-Identifier: MIT
 *
 * What the files of one run share: run.c (its course), run_nodes.c (the loop), run_job.c (from node to job), run_finish.c
 * (from job to result), run_service.c, run_suite.c, run_tell.c (events). */
#ifndef TGRAPH_RUN_RUN_INTERNAL_H
#define TGRAPH_RUN_RUN_INTERNAL_H

#include "once/lend.h"
#include "run/jobserver.h"
#include "run/pool.h"
#include "run/resolve.h"
#include "run/run.h"
#include "run/sched.h"
#include "run/service.h"
#include "run/suite.h"

enum run_phase {                 /* see resolve.h for the picture */
                 PHASE_NONE = 0, /* not needed */
                 PHASE_WAITING,
                 PHASE_RESTORING,
                 PHASE_QUEUED, /* in the scheduler, or parked until a service is up */
                 PHASE_RUNNING,
                 PHASE_DONE,
                 PHASE_COUNT,
};

/* What a run knows of a node beyond the graph. */
struct run_node {
    uint8_t phase;
    uint8_t outcome; /* DONE */
    uint8_t mark;    /* the same */
    bool selected;
    bool cached;
    bool to_tell;            /* DONE before the run was announced */
    bool used_store;         /* clean by a result of the store */
    uint32_t waiting;        /* needed dependencies that are not done */
    node_id bad;             /* a dependency that did not pass; ID_NONE */
    int64_t given_ns;        /* CLOCK_REALTIME when the last thing that it needs was made in this run; 0 = none */
    int64_t priority;        /* longest remaining path, in milliseconds, failed ones first */
    struct digest weak, key; /* QUEUED and on */
    char *reason;            /* the same; owned */
};

struct run_service {
    node_id node;
    struct service *s; /* NULL: not started, or ended */
    bool ready, failed;
    uint32_t users;  /* needed nodes that may still want it */
    node_id *parked; /* nodes that wait for it to be ready */
    uint32_t n_parked, cap_parked;
    char *note;          /* why it failed; owned */
    int64_t duration_ns; /* from its start until it failed */
    struct proc_log log; /* of a service that is gone */
    uint32_t broken;     /* times it ended while it was in use */
};

/* A look at files that keys rest on, after something ran: are they what they were? */
struct run_look {
    int64_t at_ns;    /* CLOCK_REALTIME just before it; 0 = never */
    int64_t quiet_ns; /* written, and the same again: who started later saw nothing else; 0 = none was */
    file_id changed;  /* is something else now; ID_NONE */
    file_id touched;  /* that quiet_ns is of */
};

struct runner {
    struct workspace *ws;
    const struct run_opts *o;
    struct run_node *nodes;
    node_id *users; /* dependents of n: users[users_at[n]] .. users[users_at[n + 1]] */
    uint32_t *users_at;
    uint32_t phase_count[PHASE_COUNT];
    node_id *ready; /* nodes all of whose dependencies are done: to be resolved */
    uint32_t n_ready, cap_ready;
    struct sched *sched;
    struct pool_threads *pool;
    struct jobserver js;
    bool have_js;
    char *tmp_base;    /* folder of the private folders; NULL until the first job */
    char *self;        /* the file of this program, for `tgraph once` in a command; NULL = not known */
    struct lend *lend; /* places of those that wait for another process (`tgraph once`); NULL = none are lent */
    uint32_t lent;
    bool announced;       /* EVENT_RUN_STARTED is out */
    bool may_run_ahead;   /* every node takes one slot, no jobserver, no --fail-fast */
    struct job **pending; /* ended, not yet written and told */
    uint32_t n_pending, cap_pending;
    int64_t pending_since_ns;
    int64_t recent_ns; /* moving average of actions' durations; 0 = none yet */
    uint32_t jobs_out; /* submitted to the pool and not taken back */
    struct run_service *services;
    uint32_t n_services;
    struct map service_index;  /* node -> index in services */
    struct run_suite **suites; /* that have had a case to serve */
    uint32_t n_suites, cap_suites;
    struct map suite_index; /* node -> index in suites */
    atomic_uint worker_serial;
    struct run_warm *warm; /* workers started while a discover step ran */
    uint32_t n_warm, cap_warm;
    bool generating;        /* brings up to date what Testfiles read; nothing else is asked for yet */
    struct run_look *looks; /* per set: the last look at its files; grown on demand */
    uint32_t n_looks;
    struct run_look *given; /* per node: the same of its outputs; NULL until the first */
    uint32_t *visited;      /* per node: the last walk over dependencies that came by */
    uint32_t n_visits;
    struct out_lookup *outs; /* made on first use */
    struct strtab reported;  /* labels that had their EVENT_TARGET_FINISHED */
    bool told;               /* there are some */
    struct run_memory {      /* what ran in this process, in an earlier phase too: it does not run twice */
        struct map index;    /* label in `reported` -> place in v */
        struct run_memory_item {
            struct digest key;
            uint8_t outcome;
        } * v;
        uint32_t n, cap;
    } memory;
    node_id trial;     /* the case that is tried and not run; ID_NONE */
    bool trial_waits;  /* for all others to be done */
    int8_t order_kept; /* .tgraph/order/ is there: 1, is not: -1, nobody has looked: 0 */
    bool stopping;     /* --fail-fast has struck, or interrupted: nothing new starts */
    bool interrupted;
    char *stop_reason;
    bool store_broken; /* a write failed: said once */
    struct run_counts counts;
    int64_t started_ns;
};

/* How a node ended. */
struct run_end {
    enum outcome outcome;
    enum case_mark mark;
    bool cached;
    const char *reason, *note, *tmpdir;
    const struct proc_log *log;
    const char *subtests;
    int64_t duration_ns;
    int exit_code, signal; /* of what ran; -1 / 0 */
    uint32_t attempt, attempts;
};
static inline bool run_is_bad(enum outcome o) { return o != OUTCOME_PASSED && o != OUTCOME_FLAKY; }

/* run_tell.c */
void run_emit(struct runner *r, struct event *ev);
void run_message(struct runner *r, const char *code, bool is_error, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* `again`: it was counted when it was brought up to date for the Testfiles, as something that is needed; now it turns out
 * to be asked for. */
void run_count(struct runner *r, node_id n, const struct run_end *end, bool ran, bool again);
void run_tell(struct runner *r, node_id n, const struct run_end *end);
/* The start is told when it is known what there is to do, and then what was found clean on the way. */
void run_announce(struct runner *r);
/* Nothing to do at all: tells it without resolving anything. Nothing was told yet. */
void run_tell_all_clean(struct runner *r, const uint8_t *needed, const uint8_t *selected);
void run_tell_dry_run(struct runner *r, const uint8_t *needed, const uint8_t *selected);
void run_tell_end(struct runner *r);

/* run_nodes.c */
#define RUN_FAILED_FIRST ((int64_t)1 << 48) /* of a priority: beyond any path's length in milliseconds */
/* Brings all needed nodes up to date. The workspace is stamped and its keys are prepared. */
void run_nodes(struct runner *r, const uint8_t *needed, const uint8_t *selected);
void run_nodes_clear(struct runner *r);
void run_set_phase(struct runner *r, node_id n, enum run_phase phase);
/* The node is done: counts, tells, releases its dependents. */
void run_done(struct runner *r, node_id n, const struct run_end *end);
void run_queue(struct runner *r, node_id n);
/* It could not run because something that it needs did not pass: --failed is to find it. */
void run_left_undone(struct runner *r, node_id n);

/* run_job.c */
struct job *run_make_job(struct runner *r, node_id n, enum job_kind kind);
/* Executable and argv of another command of the node's (a service's readiness), in the given arena. */
struct run_command {
    const char *file; /* NULL = not found */
    const char *const *argv;
};
struct run_command run_make_command(struct runner *r, node_id n, struct arena *a, struct id_list cmd, bool shell,
                                    const char *cwd);
bool run_tmp_base(struct runner *r);

/* run_finish.c: results of jobs that ended, committed together. */
void run_finish_jobs(struct runner *r, struct job **jobs, uint32_t n);

/* run_suite.c */
/* A dirty case: it waits in its suite. */
void run_suite_queue(struct runner *r, node_id n);
/* The case is done, whatever became of it. Before its phase changes. */
void run_suite_case_done(struct runner *r, node_id n);
/* An input of the case was written while it ran, at that time, and is what it was. */
void run_suite_input_moved(struct runner *r, node_id n, int64_t written_ns);
/* Suites with cases that wait ask the scheduler for places. */
void run_suites_offer(struct runner *r);
/* The scheduler has given suite n a place: the job that serves there. */
struct job *run_suite_start(struct runner *r, node_id n);
void run_suite_place_back(struct runner *r, node_id n);
/* The same of a place whose job has ended. */
void run_suite_served(struct runner *r, node_id n);
/* Workers that stayed, in case more was to come, when nothing comes any more. */
void run_suites_end_workers(struct runner *r);
/* Takes out a case of suite n that nobody has begun, or of any; false when there is none. The second stops all suites. */
bool run_suite_drop(struct runner *r, node_id n, node_id *dropped);
bool run_suites_stop(struct runner *r, node_id *dropped);
bool run_suites_wait(struct runner *r); /* is there a case that nobody has begun? */
/* A worker has ended otherwise than it should, outside of any case. What ended before is written already. */
void run_suite_worker_ended(struct runner *r, const struct pool_msg *m);
/* The build `lister` is about to run: suites whose cases it lists start workers meanwhile, for the phase after this one. */
void run_suites_prestart(struct runner *r, node_id lister);
void run_suites_clear(struct runner *r);
void run_warm_end(struct runner *r); /* those that no suite has taken */

/* run_service.c */
void run_services_init(struct runner *r, const uint8_t *needed);
/* Are all services that n needs ready? Starts those that are not up. false: n is parked, or done (a service failed). */
bool run_services_ready(struct runner *r, node_id n);
void run_service_message(struct runner *r, struct service *s, enum service_event ev);
/* n is done: services that nobody wants any more end. */
void run_services_unneeded(struct runner *r, node_id n);
/* All that are up are asked to end (interrupt, or the end of the run); true while some are still there. */
bool run_services_stop_all(struct runner *r);
void run_services_clear(struct runner *r);
/* Logs of the services of a user that failed, appended to its own log. */
void run_services_append_logs(struct runner *r, node_id n, struct proc_log *log);
/* Did a service that n uses end, although n used it until now? */
bool run_services_broke(struct runner *r, node_id n);

#endif
