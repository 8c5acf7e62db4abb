/* SPDX-License-Identifier: MIT
 *
 * What suite.c (the cases that wait) and suite_serve.c (the workers that serve them) share. One mutex; nobody holds it while a
 * worker is talked to. */
#ifndef TGRAPH_RUN_SUITE_INTERNAL_H
#define TGRAPH_RUN_SUITE_INTERNAL_H

#include <pthread.h>

#include "base/map.h"
#include "run/suite.h"

struct item {
    struct suite_case c;
    uint32_t next; /* in its group; UINT32_MAX = last */
};

struct group {
    uint32_t head, tail; /* cases that nobody has begun; head UINT32_MAX = none */
    uint32_t n;
    int64_t estimate_ns; /* of those */
    bool failed;         /* one of them failed last time */
    bool taken;          /* a server is at it */
};

struct served_nodes { /* of the cases that a worker served */
    uint32_t *v, n, cap;
};

struct suite {
    struct suite_opts o;
    struct arena arena; /* strings of the cases */
    pthread_mutex_t mu;
    struct item *items;
    uint32_t n_items, cap_items;
    struct group *groups;
    uint32_t n_groups, cap_groups;
    struct map index; /* group number of the caller -> place in groups */
    uint32_t *order;  /* groups that have a case and that nobody has taken, each once, best last */
    uint32_t n_order, cap_order;
    bool sorted;
    uint32_t waiting;
    int64_t waiting_ns;
    uint32_t serving; /* threads in serve */
    bool stopped;
    char *broken;            /* no worker can serve: why */
    uint32_t start_failures; /* one after the other */
    bool expects_more;
    int64_t fresh_after_ns; /* CLOCK_REALTIME: workers started before are replaced */
    uint32_t refreshes;
    uint32_t alone_checks, alone_failed; /* failures tried again alone; those that failed so, too */
    int64_t deadline_ns;                 /* CLOCK_MONOTONIC; 0 = none or not begun */
    struct parked {                      /* by the place of their thread */
        struct worker *w;
        struct strvec served;
        struct served_nodes nodes;
        char *tmpdir;
        int64_t started_real_ns;
    } * parked;
    uint32_t n_parked, cap_parked;
};

/* All need the mutex. */
/* A group that nobody is at and that has a case, taken; UINT32_MAX: none. */
uint32_t suite_next_group(struct suite *s);
/* Takes the first case of a group that has one. */
uint32_t suite_take_first(struct suite *s, uint32_t group);
/* Nobody is at the group any more; others may take it if it has a case left. */
void suite_leave_group(struct suite *s, uint32_t group);

/* suite_serve.c: what the thread of a place does (struct job). */
void suite_serve(struct job *job);

#endif
