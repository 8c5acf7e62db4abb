/* SPDX-License-Identifier: MIT
 *
 * The loop of the coordinator: resolves nodes as their dependencies are done, hands jobs to the pool and takes their
 * results back, until every needed node is done. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "os/clock.h"
#include "run/run_internal.h"

#define TICK_MS 100
#define GROUP_NS 10000000
#define GROUP_JOBS 128
#define SHORT_NS 20000000 /* an action of less is not worth a round trip to the coordinator */
#define UNKNOWN_MS 100    /* guess for what never ran */

void run_set_phase(struct runner *r, node_id n, enum run_phase phase)
{
    r->phase_count[r->nodes[n].phase]--;
    r->nodes[n].phase = (uint8_t)phase;
    r->phase_count[phase]++;
}

static void push_ready(struct runner *r, node_id n)
{
    MEM_GROW(r->ready, r->n_ready, r->cap_ready);
    r->ready[r->n_ready++] = n;
}

static void stop_starting(struct runner *r, char *reason)
{
    if (r->stopping) {
        mem_free(reason);
        return;
    }
    r->stopping = true;
    r->stop_reason = reason;
}

/* It ran: a later phase of this run (after loading again) is not to run it once more under the same key. */
static void remember(struct runner *r, node_id n, const struct run_end *end)
{
    struct run_memory *m = &r->memory;
    str_id label = strtab_add(&r->reported, graph_label(&r->ws->g, n));
    MEM_GROW(m->v, m->n, m->cap);
    m->v[m->n] = (struct run_memory_item){r->nodes[n].key, (uint8_t)end->outcome};
    map_put(&m->index, label, m->n++);
}

static const struct run_memory_item *remembered(struct runner *r, node_id n)
{
    str_id label = strtab_find(&r->reported, graph_label(&r->ws->g, n));
    uint32_t i = label == STR_NONE ? MAP_NONE : map_get(&r->memory.index, label);
    return i == MAP_NONE ? NULL : &r->memory.v[i];
}

void run_done(struct runner *r, node_id n, const struct run_end *end)
{
    struct run_node *rn = &r->nodes[n];
    const struct node *nd = &r->ws->g.nodes[n];
    const char *label = graph_label(&r->ws->g, n);
    enum run_phase phase = (enum run_phase)rn->phase;
    if (nd->kind == KIND_CASE)
        run_suite_case_done(r, n);
    run_set_phase(r, n, PHASE_DONE);
    rn->outcome = (uint8_t)end->outcome;
    rn->mark = (uint8_t)end->mark;
    rn->cached = end->cached;
    bool told = strtab_find(&r->reported, label) != STR_NONE, runs_now = end->attempt > 0;
    bool ran = remembered(r, n) != NULL || (!end->cached && end->outcome != OUTCOME_SKIPPED);
    if (runs_now && end->outcome != OUTCOME_SKIPPED)
        remember(r, n, end);
    strtab_add(&r->reported, label);
    run_count(r, n, end, ran, told && !runs_now);
    rn->to_tell = !kind_is_group((enum node_kind)nd->kind) && nd->kind != KIND_SERVICE && (!told || runs_now);
    if (rn->to_tell && r->announced)
        run_tell(r, n, end);
    bool made = runs_now || phase == PHASE_RESTORING;
    int64_t made_ns = made && r->users_at[n] < r->users_at[n + 1] ? clock_real_ns() : rn->given_ns;
    /* The last one first: the one that was pushed last is resolved next, and a suite's cases keep their order. */
    for (uint32_t u = r->users_at[n + 1]; u-- > r->users_at[n];) {
        node_id user = r->users[u];
        if (run_is_bad(end->outcome))
            r->nodes[user].bad = n;
        if (made_ns > r->nodes[user].given_ns)
            r->nodes[user].given_ns = made_ns;
        if (r->nodes[user].phase == PHASE_WAITING && --r->nodes[user].waiting == 0)
            push_ready(r, user);
    }
    run_services_unneeded(r, n);
}

void run_queue(struct runner *r, node_id n)
{
    if (r->ws->g.nodes[n].kind == KIND_CASE) {
        run_suite_queue(r, n);
        return;
    }
    run_set_phase(r, n, PHASE_QUEUED);
    sched_push(r->sched, n, r->nodes[n].priority);
}

void run_left_undone(struct runner *r, node_id n)
{
    struct node_state *st = &r->ws->g.states[n];
    if (n == r->trial) /* was not to run */
        return;
    st->outcome = OUTCOME_SKIPPED;
    if (st->status == STATUS_CLEAN)
        st->status = STATUS_DIRTY;
    r->ws->worth_freezing = true;
}

static void skip(struct runner *r, node_id n, const char *reason)
{
    char *copy = mem_strdup(reason); /* told later, perhaps */
    mem_free(r->nodes[n].reason);
    r->nodes[n].reason = copy;
    struct run_end end = {.outcome = OUTCOME_SKIPPED, .reason = copy};
    run_done(r, n, &end);
}

static void open_store(struct runner *r)
{
    /* Until now it may have been open for reading only, or not be there at all. */
    if (r->ws->store && r->ws->store_writable)
        return;
    size_t before = r->ws->warnings.n;
    ws_store(r->ws, true);
    for (size_t i = before; i < r->ws->warnings.n; i++)
        run_message(r, r->ws->warnings.v[i].code, false, "%s%s%s", r->ws->warnings.v[i].msg,
                    r->ws->warnings.v[i].hint ? ": " : "", r->ws->warnings.v[i].hint ? r->ws->warnings.v[i].hint : "");
}

/* The case that is tried comes last: those that are served before it need something, too. false: it waits. */
static bool trial_can_begin(struct runner *r)
{
    const struct graph *g = &r->ws->g;
    r->trial_waits = r->phase_count[PHASE_DONE] + r->phase_count[PHASE_NONE] + 1 < g->n_nodes;
    for (uint32_t n = 0; n < g->n_nodes && !r->trial_waits; n++)
        if (r->nodes[n].selected && r->nodes[n].phase == PHASE_DONE && run_is_bad((enum outcome)r->nodes[n].outcome))
            r->nodes[r->trial].bad = n;
    return !r->trial_waits;
}

/* It is served in any case, and what is known of it stays: but for being settled, since that would hold for the key of now. */
static void resolve_trial(struct runner *r, node_id n, struct resolution *res)
{
    struct node_state *st = &r->ws->g.states[n], before = *st;
    resolve_node(r->ws, n, true, res);
    st = &r->ws->g.states[n];
    *st = before;
    st->settled = UNSETTLED;
}

/* All that the node needs is done: what is to become of it? */
static void resolve(struct runner *r, node_id n)
{
    struct run_node *rn = &r->nodes[n];
    if (n == r->trial && !trial_can_begin(r))
        return;
    if (rn->bad != ID_NONE) {
        char *reason = mem_printf("%s did not pass", graph_label(&r->ws->g, rn->bad));
        run_left_undone(r, n);
        skip(r, n, reason);
        mem_free(reason);
        return;
    }
    struct resolution res;
    const struct run_memory_item *ran = n == r->trial ? NULL : remembered(r, n);
    if (n == r->trial)
        resolve_trial(r, n, &res);
    else
        resolve_node(r->ws, n, r->o->force && rn->selected && !ran, &res);
    rn->weak = res.weak;
    rn->key = res.key;
    rn->used_store = res.clean && res.from_store;
    mem_free(rn->reason);
    rn->reason = mem_strdup(buf_cstr(&res.reason));
    if (res.clean && !res.restore) {
        struct run_end end = {.outcome = OUTCOME_PASSED,
                              .mark = (enum case_mark)r->ws->g.states[n].mark,
                              .cached = true,
                              .reason = rn->reason};
        run_done(r, n, &end);
    } else if (ran && !res.clean && digest_eq(ran->key, res.key)) {
        struct run_end end = {.outcome = (enum outcome)ran->outcome,
                              .mark = (enum case_mark)r->ws->g.states[n].mark,
                              .reason = rn->reason};
        if (!run_is_bad(end.outcome))
            key_outputs(&r->ws->keys, &r->ws->g, n);
        run_done(r, n, &end);
    } else if (r->stopping) {
        skip(r, n, r->stop_reason);
    } else if (res.restore) {
        run_set_phase(r, n, PHASE_RESTORING);
        open_store(r); /* before any job holds it: it may be opened anew */
        r->jobs_out++;
        pool_submit(r->pool, run_make_job(r, n, JOB_RESTORE));
    } else {
        run_queue(r, n);
    }
    resolution_clear(&res);
}

static void started(struct runner *r, const struct job *j, uint32_t attempt)
{
    struct event ev = {.type = EVENT_TARGET_STARTED,
                       .node = j->node,
                       .target = j->label,
                       .kind = (enum node_kind)r->ws->g.nodes[j->node].kind,
                       .selected = r->nodes[j->node].selected,
                       .reason = r->nodes[j->node].reason,
                       .attempt = attempt,
                       .attempts = j->max_attempts};
    run_emit(r, &ev);
}

/* One action starts. Its slots and resources are taken. */
static void start(struct runner *r, node_id n)
{
    if (!run_tmp_base(r)) {
        sched_release(r->sched, n);
        struct run_end end = {.outcome = OUTCOME_ERROR, .reason = r->nodes[n].reason, .note = "no temporary folder"};
        run_done(r, n, &end);
        return;
    }
    open_store(r);
    if (r->ws->g.nodes[n].kind == KIND_SUITE) {
        r->jobs_out++;
        pool_submit(r->pool, run_suite_start(r, n));
        return;
    }
    run_suites_prestart(r, n);
    struct job *j = run_make_job(r, n, JOB_RUN);
    run_set_phase(r, n, PHASE_RUNNING);
    if (sched_running(r->sched) <= (uint32_t)r->o->jobs + r->lent) { /* else it waits for a thread, which tells */
        j->told_start = true;
        started(r, j, 1);
    }
    r->jobs_out++;
    pool_submit(r->pool, j);
}

static void start_all(struct runner *r)
{
    while (!r->stopping && sched_waiting(r->sched)) {
        bool token = false;
        if (r->have_js && sched_running(r->sched) > 0) {
            if (!jobserver_take(&r->js))
                return;
            token = true;
        }
        node_id n = sched_pop(r->sched);
        if (n == ID_NONE) {
            if (token)
                jobserver_give(&r->js);
            return;
        }
        if (r->n_services && !run_services_ready(r, n)) {
            sched_release(r->sched, n);
            if (token)
                jobserver_give(&r->js);
            continue;
        }
        start(r, n);
    }
    node_id n;
    while (r->stopping && (n = sched_drop(r->sched)) != ID_NONE) {
        if (r->ws->g.nodes[n].kind == KIND_SUITE)
            run_suite_place_back(r, n);
        else
            skip(r, n, r->stop_reason);
    }
    while (r->stopping && run_suites_stop(r, &n))
        skip(r, n, r->stop_reason);
}

static void retried(struct runner *r, struct pool_msg *m)
{
    struct event ev = {.type = EVENT_TARGET_RETRIED,
                       .node = m->job->node,
                       .target = m->job->label,
                       .kind = (enum node_kind)r->ws->g.nodes[m->job->node].kind,
                       .outcome = m->outcome,
                       .duration_ns = m->duration_ns,
                       .note = m->note,
                       .log = &m->log,
                       .attempt = m->attempt,
                       .attempts = m->job->max_attempts};
    run_emit(r, &ev);
    started(r, m->job, m->attempt + 1);
    mem_free(m->note);
    proc_log_clear(&m->log);
}

/* While actions are so short that a thread would mostly wait for the coordinator, as many again wait in the pool. */
static void run_ahead(struct runner *r, const struct job *j)
{
    if (j->cancelled)
        return;
    int64_t d = j->result.duration_ns + 1;
    r->recent_ns = r->recent_ns ? (r->recent_ns * 7 + d) / 8 : d;
    uint32_t jobs = (uint32_t)r->o->jobs;
    if (r->may_run_ahead) /* a place of a suite is worth a thread */
        sched_set_slots(r->sched, (r->recent_ns < SHORT_NS && !r->n_suites ? 2 * jobs + 2 : jobs) + r->lent);
}

static bool can_run_ahead(const struct runner *r, const uint8_t *needed)
{
    const struct graph *g = &r->ws->g;
    bool ok = !r->have_js && !r->o->fail_fast;
    for (uint32_t n = 0; n < g->n_nodes && ok; n++) {
        struct action a;
        if (!needed[n])
            continue;
        graph_action(g, n, &a);
        ok = a.slots <= 1 && !(g->nodes[n].flags & NODE_EXCLUSIVE);
    }
    return ok;
}

static void interrupt(struct runner *r)
{
    if (r->interrupted)
        return;
    r->interrupted = true;
    stop_starting(r, mem_strdup("interrupted"));
    run_message(r, "", false, "stopping what runs; it has 5 s to end, a second Ctrl-C kills it at once");
    pool_cancel_waiting(r->pool);
    run_services_stop_all(r);
}

/* Writes and tells what has ended. */
static void finish_now(struct runner *r)
{
    if (!r->n_pending)
        return;
    struct job **jobs = r->pending;
    uint32_t n = r->n_pending;
    r->pending = NULL;
    r->n_pending = r->cap_pending = 0;
    run_finish_jobs(r, jobs, n);
    for (uint32_t i = 0; i < n; i++)
        job_free(jobs[i]);
    mem_free(jobs);
}

/* Takes every message that waits; finished jobs free their places at once and are written together by finish_pending. */
static void take_messages(struct runner *r)
{
    struct pool_msg m;
    while (pool_take(r->pool, &m)) {
        if (m.type == POOL_JOB_STARTED) {
            if (m.job->kind == JOB_CASE)
                run_set_phase(r, m.job->node, PHASE_RUNNING);
            started(r, m.job, 1);
        } else if (m.type == POOL_JOB_RETRIES) {
            retried(r, &m);
        } else if (m.type == POOL_SERVICE) {
            run_service_message(r, m.service, (enum service_event)m.service_event);
        } else if (m.type == POOL_WORKER_ENDED) {
            finish_now(r); /* the cases that it served */
            run_suite_worker_ended(r, &m);
            mem_free(m.note);
            mem_free(m.nodes);
            proc_log_clear(&m.log);
        } else {
            r->jobs_out -= m.job->kind != JOB_CASE;
            if (m.job->cancelled) /* its thread may have seen the signal first */
                interrupt(r);
            if (m.job->kind == JOB_SERVE)
                run_suite_served(r, m.job->node);
            if (m.job->kind == JOB_RUN || m.job->kind == JOB_CASE)
                run_ahead(r, m.job);
            if (m.job->kind == JOB_RUN || m.job->kind == JOB_SERVE) {
                sched_release(r->sched, m.job->node);
                if (r->have_js && r->js.n_tokens && r->js.n_tokens >= sched_running(r->sched))
                    jobserver_give(&r->js);
            }
            if (m.job->kind == JOB_SERVE) {
                job_free(m.job);
                continue;
            }
            if (r->o->fail_fast && m.job->kind != JOB_RESTORE && run_is_bad(m.job->outcome) && !m.job->cancelled)
                stop_starting(r, mem_printf("--fail-fast: %s failed", m.job->label));
            if (!r->n_pending)
                r->pending_since_ns = clock_mono_ns();
            MEM_GROW(r->pending, r->n_pending, r->cap_pending);
            r->pending[r->n_pending++] = m.job;
        }
    }
}

/* Ended jobs are written in groups, since a transaction costs more than a result. While actions are short and there are
 * others to go on with, a group gets a moment to grow; nothing of it is told before it is written. */
static void finish_pending(struct runner *r)
{
    bool can_wait = (r->may_run_ahead || r->n_suites) && r->recent_ns < SHORT_NS && !r->stopping &&
                    (sched_waiting(r->sched) || run_suites_wait(r)) && r->n_pending < GROUP_JOBS &&
                    clock_mono_ns() - r->pending_since_ns < GROUP_NS;
    if (!can_wait)
        finish_now(r);
}

/* Who waits for another process lends its place to something else. */
static void lent_places(struct runner *r)
{
    if (!r->lend || !lend_take(r->lend) || lend_count(r->lend) == r->lent)
        return;
    r->lent = lend_count(r->lend) < POOL_MORE ? lend_count(r->lend) : POOL_MORE;
    sched_set_slots(r->sched, (uint32_t)r->o->jobs + r->lent);
    pool_allow(r->pool, r->o->jobs + (int)r->lent);
}

static void wait_for_something(struct runner *r)
{
    struct pollfd fds[4] = {{.fd = pool_fd(r->pool), .events = POLLIN},
                            {.fd = r->interrupted ? -1 : r->o->interrupt_fd, .events = POLLIN},
                            {.fd = -1, .events = POLLIN},
                            {.fd = r->lend ? lend_fd(r->lend) : -1, .events = POLLIN}};
    if (r->have_js && !r->stopping && sched_waiting(r->sched) && sched_running(r->sched) > 0)
        fds[2].fd = r->js.take_fd;
    if (poll(fds, 4, r->n_pending ? GROUP_NS / 1000000 : TICK_MS) < 0 && errno != EINTR)
        BUG("poll: %s", strerror(errno));
    if (fds[1].fd >= 0 && (fds[1].revents & POLLIN)) {
        interrupt(r);
    }
    lent_places(r);
    struct event tick = {.type = EVENT_TICK, .node = UINT32_MAX};
    run_emit(r, &tick);
}

/* Longest remaining path by recorded durations, dependents before dependencies. */
static void set_priorities(struct runner *r)
{
    const struct graph *g = &r->ws->g;
    for (uint32_t k = g->n_nodes; k-- > 0;) {
        node_id n = g->order[k];
        if (r->nodes[n].phase == PHASE_NONE)
            continue;
        const struct node_state *st = &g->states[n];
        int64_t below = 0;
        for (uint32_t u = r->users_at[n]; u < r->users_at[n + 1]; u++)
            if (r->nodes[r->users[u]].priority > below)
                below = r->nodes[r->users[u]].priority;
        int64_t own = kind_is_group((enum node_kind)g->nodes[n].kind) || g->nodes[n].kind == KIND_SERVICE ? 0
                      : st->duration_ms ? st->duration_ms
                                        : UNKNOWN_MS;
        if (st->status == STATUS_FAILED && below < RUN_FAILED_FIRST)
            own += RUN_FAILED_FIRST;
        r->nodes[n].priority = below + own;
    }
}

/* Dependents of each needed node, counted and laid out. */
static void link_users(struct runner *r, const uint8_t *needed)
{
    const struct graph *g = &r->ws->g;
    r->users_at = mem_calloc((size_t)g->n_nodes + 2, sizeof *r->users_at);
    r->users = mem_resize(NULL, g->n_edges + 1, sizeof *r->users);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t n = 0; n < g->n_nodes; n++) {
            if (!needed[n])
                continue;
            const struct node *nd = &g->nodes[n];
            for (uint32_t i = 0; i < nd->n_edges; i++) {
                node_id to = g->edges[nd->edges_at + i].to;
                if (pass == 0) {
                    r->users_at[to + 2]++;
                    r->nodes[n].waiting++;
                } else {
                    r->users[r->users_at[to + 1]++] = n;
                }
            }
        }
        if (pass == 0)
            for (uint32_t n = 2; n < g->n_nodes + 2; n++)
                r->users_at[n] += r->users_at[n - 1];
    }
}

static void set_up_jobserver(struct runner *r, const uint8_t *needed)
{
    const struct graph *g = &r->ws->g;
    bool unusable = false;
    if (!r->o->jobs_given)
        r->have_js = jobserver_join(&r->js, r->o->makeflags, &unusable);
    if (unusable)
        run_message(
            r, "T604", false,
            "make's jobserver cannot be reached: start the recipe's line with '+', or give -j (running %d at once)",
            r->o->jobs);
    bool wanted = false;
    for (uint32_t n = 0; n < g->n_nodes && !wanted && !r->have_js; n++)
        wanted = needed[n] && (g->nodes[n].flags & NODE_JOBSERVER);
    if (wanted) {
        struct err e = ERR_INIT;
        r->have_js = jobserver_create(&r->js, r->o->jobs, &e);
        if (!r->have_js)
            run_message(r, e.code, false, "%s", e.msg);
        err_clear(&e);
    }
}

/* Results of the store that spared a run are in use: the garbage collector is to take others first. */
static void touch_results(struct runner *r)
{
    const struct graph *g = &r->ws->g;
    bool any = false;
    for (uint32_t n = 0; n < g->n_nodes && !any; n++)
        any = r->nodes[n].used_store;
    if (!any)
        return;
    open_store(r);
    if (!r->ws->store || r->store_broken || !store_begin(r->ws->store, NULL))
        return;
    bool ok = true;
    for (uint32_t n = 0; n < g->n_nodes && ok; n++)
        if (r->nodes[n].used_store)
            ok = store_touch_result(r->ws->store, r->nodes[n].key, NULL) &&
                 (!(g->nodes[n].flags & NODE_DEPFILE) || store_touch_read_lists(r->ws->store, r->nodes[n].weak, NULL));
    store_commit(r->ws->store, NULL); /* if it fails, a later run tries again */
}

void run_nodes(struct runner *r, const uint8_t *needed, const uint8_t *selected)
{
    struct graph *g = &r->ws->g;
    r->generating = !selected;
    r->nodes = mem_calloc(g->n_nodes + 1, sizeof *r->nodes);
    memset(r->phase_count, 0, sizeof r->phase_count);
    r->phase_count[PHASE_NONE] = g->n_nodes;
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        r->nodes[n].bad = ID_NONE;
        r->nodes[n].selected = selected && selected[n];
    }
    link_users(r, needed);
    for (uint32_t n = 0; n < g->n_nodes; n++)
        if (needed[n])
            run_set_phase(r, n, PHASE_WAITING);
    set_priorities(r);
    r->sched = sched_new(g, (uint32_t)r->o->jobs);
    r->pool = pool_new(r->o->jobs);
    set_up_jobserver(r, needed);
    r->may_run_ahead = can_run_ahead(r, needed);
    run_services_init(r, needed);
    for (uint32_t k = g->n_nodes; k-- > 0;)
        if (needed[g->order[k]] && r->nodes[g->order[k]].waiting == 0)
            push_ready(r, g->order[k]);
    r->announced = false;
    for (;;) {
        while (r->n_ready)
            resolve(r, r->ready[--r->n_ready]);
        if (r->trial_waits)
            resolve(r, r->trial);
        if (!r->announced)
            run_announce(r);
        run_suites_offer(r);
        start_all(r);
        if (r->n_ready)
            continue;
        bool services = false;
        for (uint32_t i = 0; i < r->n_services; i++)
            services |= r->services[i].s != NULL;
        if (r->jobs_out == 0 && r->n_pending == 0 && sched_waiting(r->sched) == 0 && !services)
            break;
        if (services && r->jobs_out == 0 && r->phase_count[PHASE_DONE] + r->phase_count[PHASE_NONE] == g->n_nodes)
            run_services_stop_all(r);
        wait_for_something(r);
        take_messages(r);
        run_suites_offer(r);
        start_all(r); /* the processors first, then the paperwork */
        finish_pending(r);
    }
    run_suites_end_workers(r);
    take_messages(r);
    if (r->phase_count[PHASE_DONE] + r->phase_count[PHASE_NONE] != g->n_nodes)
        BUG("%u nodes were left over", g->n_nodes - r->phase_count[PHASE_DONE] - r->phase_count[PHASE_NONE]);
    touch_results(r);
}

void run_nodes_clear(struct runner *r)
{
    pool_free(r->pool);
    r->pool = NULL;
    sched_free(r->sched);
    r->sched = NULL;
    if (r->nodes)
        for (uint32_t n = 0; n < r->ws->g.n_nodes; n++)
            mem_free(r->nodes[n].reason);
    run_suites_clear(r);
    run_services_clear(r);
    r->services = NULL;
    r->n_services = 0;
    memset(&r->service_index, 0, sizeof r->service_index);
    if (r->have_js)
        jobserver_close(&r->js);
    r->have_js = false;
    out_lookup_free(r->outs);
    r->outs = NULL;
    mem_free(r->nodes);
    mem_free(r->users);
    mem_free(r->users_at);
    mem_free(r->ready);
    mem_free(r->looks);
    mem_free(r->given);
    mem_free(r->visited);
    r->visited = NULL;
    r->n_visits = 0;
    r->given = NULL;
    r->nodes = NULL;
    r->users = NULL;
    r->users_at = NULL;
    r->ready = NULL;
    r->looks = NULL;
    r->n_looks = r->n_ready = r->cap_ready = 0;
}
