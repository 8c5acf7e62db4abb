/* SPDX-License-Identifier: MIT
 *
 * Suites within a run: dirty cases wait in their suite (run/suite.h), and the suite's node stands in the scheduler once
 * for each worker that could find something to do, holding its slots, pool and resources. */
#include <string.h>

#include "os/clock.h"
#include "run/run_internal.h"

#define UNKNOWN_MS 20   /* guess for a case that never ran */
#define PRESTART_MS 150 /* a discover step of less leaves no time to start a worker meanwhile */
#define PRESTART_MOST 7

struct run_suite {
    node_id node;
    struct suite *s;
    struct job *made;  /* holds the worker's command and environment */
    uint32_t at_large; /* cases that were added and are not done */
    node_id *held;     /* cases that are served one by one after all others, the last one first */
    uint32_t n_held, cap_held;
    uint32_t out;       /* places asked for: in the scheduler, parked for a service, or with a thread */
    uint32_t serving;   /* those with a thread */
    struct digest spec; /* of what its workers are started with */
    atomic_bool others_wait;
};

struct run_warm { /* a worker of a suite of an earlier phase of this run */
    struct digest spec;
    struct suite_warm worker;
};

/* What a worker is, but for its place and its private folder. */
static struct digest spec_of(const struct suite_opts *o)
{
    struct hasher h;
    hasher_init(&h);
    hasher_str(&h, o->label);
    hasher_str(&h, o->cwd);
    hasher_str(&h, o->file);
    for (uint32_t i = 0; o->argv[i]; i++)
        hasher_str(&h, o->argv[i]);
    hasher_str(&h, NULL);
    for (uint32_t i = 0;; i++) {
        bool free_one = false;
        for (int k = 0; k < 4; k++)
            free_one |= i == o->env_free[k];
        if (!free_one && !o->envp[i])
            break;
        if (!free_one)
            hasher_str(&h, o->envp[i]);
    }
    struct digest d = hasher_end(&h);
    hasher_clear(&h);
    return d;
}

static void take_warm(struct runner *r, struct run_suite *rs)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->n_warm; i++) {
        if (digest_eq(r->warm[i].spec, rs->spec))
            suite_give_warm(rs->s, &r->warm[i].worker);
        else
            r->warm[kept++] = r->warm[i];
    }
    r->n_warm = kept;
}

void run_warm_end(struct runner *r)
{
    for (uint32_t i = 0; i < r->n_warm; i++)
        suite_end_warm(&r->warm[i].worker);
    mem_free(r->warm);
    r->warm = NULL;
    r->n_warm = r->cap_warm = 0;
}

static struct run_suite *suite_of(struct runner *r, node_id suite)
{
    uint32_t i = map_get(&r->suite_index, suite);
    return i == MAP_NONE ? NULL : r->suites[i];
}

static struct run_suite *open_suite(struct runner *r, node_id n)
{
    const struct graph *g = &r->ws->g;
    struct run_suite *rs = suite_of(r, n);
    if (rs)
        return rs;
    struct action a;
    struct suite_action sa;
    graph_action(g, n, &a);
    if (!graph_suite(g, n, &sa))
        BUG("%s is no suite", graph_label(g, n));
    bool trial = r->trial != ID_NONE && graph_case(g, r->trial)->suite == n;
    rs = mem_calloc(1, sizeof *rs);
    rs->node = n;
    atomic_init(&rs->others_wait, false);
    struct job *j = rs->made = run_make_job(r, n, JOB_RUN);
    struct suite_opts o = {.node = n,
                           .label = j->label,
                           .root = j->root,
                           .cwd = j->cwd,
                           .file = j->file,
                           .missing = j->missing,
                           .argv = j->argv,
                           .envp = j->envp,
                           .serial = &r->worker_serial,
                           .tmp_base = r->tmp_base,
                           .max_attempts = a.retries + 1,
                           .places = (uint32_t)r->o->jobs,
                           .fail_fast = r->o->fail_fast,
                           .steal = sa.order == ORDER_ANY,
                           .isolate = sa.isolate,
                           .park = a.pool == ID_NONE && !a.exclusive.n && !(g->nodes[n].flags & NODE_EXCLUSIVE),
                           .start_timeout_ms = (int64_t)sa.start_timeout_ms,
                           .timeout_ms = trial ? 0 : (int64_t)a.timeout_ms, /* of one run of it */
                           .recycle_cases = sa.recycle_cases,
                           .recycle_bytes = sa.recycle_bytes,
                           .grace_ms = j->grace_ms,
                           .left_ms = j->left_ms,
                           .cancel_fd = j->cancel_fd,
                           .kill_fd = j->kill_fd,
                           .others_wait = &rs->others_wait,
                           .trial = trial ? r->o->trial->serve : NULL,
                           .trial_ctx = trial ? r->o->trial->ctx : NULL};
    memcpy(o.env_free, j->env_free, sizeof o.env_free);
    rs->s = suite_new(&o);
    rs->spec = spec_of(&o);
    take_warm(r, rs);
    MEM_GROW(r->suites, r->n_suites, r->cap_suites);
    map_put(&r->suite_index, n, r->n_suites);
    r->suites[r->n_suites++] = rs;
    return rs;
}

/* It passed here under this very key, and that was not stored: an input was written while it ran. It, or one that ran beside it, writes
 * what all of them read (a test that touches its own data). Served alone, when what ran before it has been looked
 * at, only the one that writes stays dirty. */
static bool is_suspect(const struct runner *r, node_id n)
{
    const struct node_state *st = &r->ws->g.states[n];
    return !r->o->force && !(r->ws->g.nodes[n].flags & NODE_NO_CACHE) && st->status == STATUS_DIRTY &&
           st->outcome == OUTCOME_PASSED && digest_eq(st->key, r->nodes[n].key);
}

/* Groups are known by their names' ids; batches, of cases without one, by numbers from the other end. */
static uint32_t group_of(const struct graph *g, node_id n)
{
    const struct graph_case *c = graph_case(g, n);
    struct suite_action sa;
    if (c->group != STR_NONE || !graph_suite(g, n, &sa) || sa.batch < 2)
        return c->group == STR_NONE ? UINT32_MAX : c->group;
    return UINT32_MAX - 1 - (uint32_t)(c - g->cases) / sa.batch;
}

static void add(struct runner *r, struct run_suite *rs, node_id n)
{
    const struct graph *g = &r->ws->g;
    const struct graph_case *c = graph_case(g, n);
    const struct node_state *st = &g->states[n];
    bool known = !digest_is_none(st->key);
    struct suite_case sc = {.node = n,
                            .label = graph_label(g, n),
                            .id = graph_str(g, c->id),
                            .data = c->data == STR_NONE ? NULL : graph_str(g, c->data),
                            .group = group_of(g, n),
                            .failed_before = st->status == STATUS_FAILED,
                            .estimate_ns = known ? (int64_t)st->duration_ms * 1000000 + 500000 : UNKNOWN_MS * 1000000,
                            .timeout_ms = (int64_t)c->timeout_ms,
                            .fresh_after_ns = r->nodes[n].given_ns};
    suite_add(rs->s, &sc);
    rs->at_large++;
}

static void add_held(struct runner *r, struct run_suite *rs)
{
    if (rs->at_large == 0 && rs->n_held) {
        add(r, rs, rs->held[--rs->n_held]);
        suite_expect_more(rs->s, rs->n_held > 0);
    }
}

void run_suite_case_done(struct runner *r, node_id n)
{
    struct run_suite *rs = suite_of(r, graph_case(&r->ws->g, n)->suite);
    if (!rs || (r->nodes[n].phase != PHASE_QUEUED && r->nodes[n].phase != PHASE_RUNNING))
        return; /* it never came here */
    rs->at_large--;
    add_held(r, rs);
}

/* Is `lister` the discover step of the suite, and all else that its cases need there? */
static bool waits_for(const struct runner *r, node_id suite, node_id lister)
{
    const struct graph *g = &r->ws->g;
    const struct node *nd = &g->nodes[suite];
    if (nd->n_edges && g->nodes[g->edges[nd->edges_at].to].kind == KIND_CASE)
        nd = &g->nodes[g->edges[nd->edges_at].to];
    bool found = false;
    for (uint32_t i = 0; i < nd->n_edges; i++) {
        const struct edge *e = &g->edges[nd->edges_at + i];
        if (e->out == OUT_ORDER && e->to == lister)
            found = true;
        else if (r->nodes[e->to].phase != PHASE_DONE || run_is_bad((enum outcome)r->nodes[e->to].outcome) ||
                 g->nodes[e->to].kind == KIND_SERVICE)
            return false;
    }
    return found;
}

void run_suites_prestart(struct runner *r, node_id lister)
{
    const struct graph *g = &r->ws->g;
    const struct node_state *st = &g->states[lister];
    bool short_one = !digest_is_none(st->key) && st->duration_ms < PRESTART_MS;
    if (!r->generating || !r->o->prestart || r->o->jobs < 2 || short_one)
        return;
    for (uint32_t n = 0; n < g->n_nodes - g->n_cases; n++) {
        struct action a;
        struct suite_action sa;
        graph_action(g, n, &a);
        if (a.pool != ID_NONE || a.exclusive.n || (g->nodes[n].flags & NODE_EXCLUSIVE))
            continue; /* a worker that waits would hold what others want */
        if (g->nodes[n].kind != KIND_SUITE || !waits_for(r, n, lister) || !graph_suite(g, n, &sa) || sa.isolate)
            continue;
        struct run_suite *rs = open_suite(r, n);
        if (!rs->made->file)
            continue;
        /* A list that was there before has changed a little, as a rule. */
        uint32_t wanted = g->nodes[n].flags & NODE_CASES_UNKNOWN ? (uint32_t)r->o->jobs - 1 : 1;
        for (uint32_t i = 0; i < wanted && i < PRESTART_MOST; i++)
            suite_prestart(rs->s, i);
    }
}

void run_suite_queue(struct runner *r, node_id n)
{
    const struct graph_case *c = graph_case(&r->ws->g, n);
    if (!run_tmp_base(r)) {
        struct run_end end = {.outcome = OUTCOME_ERROR, .reason = r->nodes[n].reason, .note = "no temporary folder"};
        run_done(r, n, &end);
        return;
    }
    run_set_phase(r, n, PHASE_QUEUED);
    struct run_suite *rs = open_suite(r, c->suite);
    if (!is_suspect(r, n)) {
        add(r, rs, n);
        return;
    }
    MEM_GROW(rs->held, rs->n_held, rs->cap_held);
    rs->held[rs->n_held++] = n;
    suite_expect_more(rs->s, true);
}

void run_suite_input_moved(struct runner *r, node_id n, int64_t written_ns)
{
    struct run_suite *rs = suite_of(r, graph_case(&r->ws->g, n)->suite);
    if (rs)
        suite_refresh(rs->s, written_ns);
}

void run_suites_offer(struct runner *r)
{
    size_t waiting = sched_waiting(r->sched);
    for (uint32_t i = 0; i < r->n_suites && !r->stopping; i++) {
        struct run_suite *rs = r->suites[i];
        add_held(r, rs);
        uint32_t wanted = suite_places_wanted(rs->s);
        if (rs->out >= wanted)
            continue;
        int64_t ms = suite_waiting_ns(rs->s) / 1000000 / (r->o->jobs > 0 ? r->o->jobs : 1);
        int64_t priority = r->nodes[rs->node].priority + ms;
        if (suite_failed_waits(rs->s) && priority < RUN_FAILED_FIRST)
            priority += RUN_FAILED_FIRST;
        for (; rs->out < wanted; rs->out++) {
            sched_push(r->sched, rs->node, priority);
            waiting++;
        }
    }
    for (uint32_t i = 0; i < r->n_suites; i++) { /* its own places that wait are no reason to leave one */
        const struct run_suite *rs = r->suites[i];
        atomic_store(&r->suites[i]->others_wait, waiting > rs->out - rs->serving);
    }
}

struct job *run_suite_start(struct runner *r, node_id n)
{
    struct run_suite *rs = suite_of(r, n);
    rs->serving++;
    return suite_job(rs->s);
}

void run_suite_served(struct runner *r, node_id n)
{
    suite_of(r, n)->serving--;
    run_suite_place_back(r, n);
}

void run_suite_place_back(struct runner *r, node_id n) { suite_of(r, n)->out--; }

bool run_suite_drop(struct runner *r, node_id n, node_id *dropped)
{
    struct run_suite *rs = suite_of(r, n);
    return rs && suite_drop(rs->s, dropped);
}

bool run_suites_stop(struct runner *r, node_id *dropped)
{
    for (uint32_t i = 0; i < r->n_suites; i++) {
        suite_stop(r->suites[i]->s);
        add_held(r, r->suites[i]);
        if (suite_drop(r->suites[i]->s, dropped))
            return true;
    }
    return false;
}

void run_suites_end_workers(struct runner *r)
{
    for (uint32_t i = 0; i < r->n_suites && !r->generating; i++)
        suite_end_parked(r->suites[i]->s, r->pool);
}

bool run_suites_wait(struct runner *r)
{
    for (uint32_t i = 0; i < r->n_suites; i++)
        if (suite_waiting(r->suites[i]->s))
            return true;
    return false;
}

void run_suite_worker_ended(struct runner *r, const struct pool_msg *m)
{
    struct graph *g = &r->ws->g;
    run_message(r, "T613", m->failed, "%s", m->note);
    if (!m->failed)
        return;
    if (r->counts.exit_status == 0)
        r->counts.exit_status = 1;
    /* Which of its cases left behind what it could not end with is not known: none of them is clean. */
    bool store = r->ws->store && !r->store_broken && store_begin(r->ws->store, NULL);
    for (uint32_t i = 0; i < m->n_nodes; i++) {
        struct node_state *st = &g->states[m->nodes[i]];
        if (st->status != STATUS_CLEAN)
            continue;
        bool last = i + 1 == m->n_nodes;
        st->status = last ? STATUS_FAILED : STATUS_DIRTY;
        st->outcome = last ? OUTCOME_ERROR : st->outcome;
        r->ws->worth_freezing = true;
        if (store)
            store_drop_result(r->ws->store, st->key, NULL);
    }
    if (store)
        store_commit(r->ws->store, NULL);
}

void run_suites_clear(struct runner *r)
{
    for (uint32_t i = 0; i < r->n_suites; i++) {
        struct run_warm w = {.spec = r->suites[i]->spec};
        while (r->generating && suite_take_warm(r->suites[i]->s, &w.worker)) {
            MEM_GROW(r->warm, r->n_warm, r->cap_warm);
            r->warm[r->n_warm++] = w;
        }
        suite_free(r->suites[i]->s);
        job_free(r->suites[i]->made);
        mem_free(r->suites[i]->held);
        mem_free(r->suites[i]);
    }
    mem_free(r->suites);
    map_clear(&r->suite_index);
    r->suites = NULL;
    r->n_suites = r->cap_suites = 0;
}
