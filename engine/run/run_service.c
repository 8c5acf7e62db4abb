/* SPDX-License-Identifier: MIT
 *
 * Services within a run: started for the first user that has to run, kept up until no node may want them any more. */
#include <string.h>

#include "os/clock.h"
#include "run/run_internal.h"

#define MAX_STARTS 3 /* of one service in one run: one that keeps dying is given up */

static struct run_service *service_of(struct runner *r, node_id n)
{
    uint32_t i = map_get(&r->service_index, n);
    return i == MAP_NONE ? NULL : &r->services[i];
}

/* Calls fn for each service that n needs: its direct dependencies, groups looked through. */
static void each_service(struct runner *r, node_id n, void (*fn)(struct runner *, struct run_service *, void *),
                         void *arg)
{
    const struct graph *g = &r->ws->g;
    if (!r->n_services)
        return;
    uint32_t cap = 16, top = 0;
    node_id *stack = mem_resize(NULL, cap, sizeof *stack);
    struct map seen = MAP_INIT;
    /* The cases of a suite need what it declares. */
    stack[top++] = g->nodes[n].kind == KIND_SUITE && g->nodes[n].n_edges ? g->edges[g->nodes[n].edges_at].to : n;
    while (top) {
        const struct node *nd = &g->nodes[stack[--top]];
        for (uint32_t i = 0; i < nd->n_edges; i++) {
            node_id to = g->edges[nd->edges_at + i].to;
            if (map_get(&seen, to) != MAP_NONE)
                continue;
            map_put(&seen, to, 1);
            struct run_service *s = service_of(r, to);
            if (s)
                fn(r, s, arg);
            else if (kind_is_group((enum node_kind)g->nodes[to].kind)) {
                MEM_GROW(stack, top, cap);
                stack[top++] = to;
            }
        }
    }
    map_clear(&seen);
    mem_free(stack);
}

static void count_user(struct runner *r, struct run_service *s, void *arg)
{
    (void)r;
    (void)arg;
    s->users++;
}

void run_services_init(struct runner *r, const uint8_t *needed)
{
    const struct graph *g = &r->ws->g;
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        n += needed[i] && g->nodes[i].kind == KIND_SERVICE;
    r->services = mem_calloc(n + 1, sizeof *r->services);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        if (!needed[i] || g->nodes[i].kind != KIND_SERVICE)
            continue;
        r->services[r->n_services].node = i;
        map_put(&r->service_index, i, r->n_services++);
    }
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (needed[i])
            each_service(r, i, count_user, NULL);
}

static void unpark(struct runner *r, struct run_service *s)
{
    uint32_t n = s->n_parked;
    node_id *parked = s->parked;
    s->parked = NULL;
    s->n_parked = s->cap_parked = 0;
    for (uint32_t i = 0; i < n; i++)
        sched_push(r->sched, parked[i], r->nodes[parked[i]].priority);
    mem_free(parked);
}

static void start(struct runner *r, struct run_service *s)
{
    const struct graph *g = &r->ws->g;
    struct action a;
    graph_action(g, s->node, &a);
    struct job *j = run_make_job(r, s->node, JOB_RUN);
    struct service_ready ready = {.kind = (enum ready_kind)a.ready,
                                  .port = (uint16_t)a.ready_port,
                                  .timeout_ms = (int64_t)(a.ready_timeout_ms ? a.ready_timeout_ms : 30000)};
    if (a.ready_line != STR_NONE)
        ready.line = arena_strdup(&j->arena, graph_str(g, a.ready_line));
    if (ready.kind == READY_COMMAND) {
        struct run_command probe = run_make_command(r, s->node, &j->arena, a.ready_cmd, a.ready_shell, j->cwd);
        ready.argv = probe.argv;
        ready.file = probe.file;
        if (!probe.file) {
            s->failed = true;
            s->note = mem_printf("'%s', its readiness command, is not on PATH", probe.argv[0]);
            job_free(j);
            return;
        }
    }
    if (!j->file) {
        s->failed = true;
        s->note = mem_strdup(j->missing);
        job_free(j);
        return;
    }
    proc_log_clear(&s->log);
    s->s = service_start(j, &ready, r->pool);
    s->ready = false;
}

struct asking {
    node_id n;
    bool ready;
    struct run_service *failed;
};

static void ask(struct runner *r, struct run_service *s, void *arg)
{
    struct asking *a = arg;
    const struct graph *g = &r->ws->g;
    if (s->failed) {
        a->failed = s;
        return;
    }
    if (s->s && s->ready)
        return;
    if (!s->s) {
        /* A service's own services come first. */
        struct asking below = {.n = s->node, .ready = true};
        each_service(r, s->node, ask, &below);
        if (below.failed) {
            s->failed = true;
            s->note = mem_printf("needs service %s, which did not come up", graph_label(g, below.failed->node));
            a->failed = s;
            return;
        }
        if (!below.ready) { /* a->n waits with the service that is starting below */
            a->ready = false;
            return;
        }
        start(r, s);
        if (s->failed) {
            a->failed = s;
            return;
        }
    }
    a->ready = false;
}

/* The first service below n that is not ready yet, itself startable: where n is parked. */
struct finding {
    struct run_service *starting;
};
static void find_starting(struct runner *r, struct run_service *s, void *arg)
{
    struct finding *f = arg;
    if (!f->starting && s->s && !s->ready)
        f->starting = s;
    if (!f->starting && !s->s && !s->failed)
        each_service(r, s->node, find_starting, f);
}

static void fail_user(struct runner *r, node_id n, struct run_service *s)
{
    node_id waiting;
    if (r->ws->g.nodes[n].kind == KIND_SUITE) {
        run_suite_place_back(r, n);
        while (run_suite_drop(r, n, &waiting))
            fail_user(r, waiting, s);
        return;
    }
    run_left_undone(r, n);
    char *reason = mem_printf("service %s did not come up", graph_label(&r->ws->g, s->node));
    struct run_end end = {.outcome = OUTCOME_SKIPPED, .reason = reason};
    run_done(r, n, &end);
    mem_free(reason);
}

/* For `tgraph log`. That it fails is no reason to say more. */
static void store_failure(struct runner *r, struct run_service *s)
{
    struct store *store = r->ws->store;
    struct store_run run = {.outcome = OUTCOME_FAILED,
                            .finished_ns = clock_real_ns(),
                            .duration_ns = s->duration_ns,
                            .exit_code = -1,
                            .attempts = 1};
    struct buf text = BUF_INIT;
    if (!store || !store_begin(store, NULL))
        return;
    if (s->log.bytes.len) {
        store_log_encode(&s->log, &text);
        store_put_blob(store, text.p, text.len, &run.log, NULL);
    }
    store_put_run(store, r->ws->root, graph_label(&r->ws->g, s->node), &run, NULL);
    store_commit(store, NULL);
    buf_clear(&text);
}

bool run_services_ready(struct runner *r, node_id n)
{
    struct asking a = {.n = n, .ready = true};
    each_service(r, n, ask, &a);
    if (a.failed) {
        struct run_service *s = a.failed;
        if (r->nodes[s->node].outcome != OUTCOME_FAILED) { /* said once */
            r->nodes[s->node].outcome = OUTCOME_FAILED;
            r->counts.services_failed++;
            store_failure(r, s);
            r->counts.exit_status = 3;
            struct event ev = {.type = EVENT_TARGET_FINISHED,
                               .node = s->node,
                               .target = graph_label(&r->ws->g, s->node),
                               .kind = KIND_SERVICE,
                               .outcome = OUTCOME_FAILED,
                               .reason = "a target that has to run needs it",
                               .note = s->note,
                               .duration_ns = s->duration_ns,
                               .exit_code = -1,
                               .log = &s->log};
            run_emit(r, &ev);
        }
        fail_user(r, n, s);
        return false;
    }
    if (a.ready)
        return true;
    struct finding f = {NULL};
    each_service(r, n, find_starting, &f);
    if (!f.starting) /* it became ready meanwhile */
        return run_services_ready(r, n);
    struct run_service *s = f.starting;
    MEM_GROW(s->parked, s->n_parked, s->cap_parked);
    s->parked[s->n_parked++] = n;
    return false;
}

void run_service_message(struct runner *r, struct service *svc, enum service_event what)
{
    struct run_service *s = service_of(r, service_node(svc));
    struct event ev = {.node = s->node, .target = graph_label(&r->ws->g, s->node), .kind = KIND_SERVICE};
    switch (what) {
    case SERVICE_READY:
        s->ready = true;
        ev.type = EVENT_SERVICE_STARTED;
        ev.duration_ns = clock_mono_ns() - service_started_ns(svc);
        run_emit(r, &ev);
        unpark(r, s);
        break;
    case SERVICE_FAILED:
        s->failed = true;
        s->duration_ns = clock_mono_ns() - service_started_ns(svc);
        mem_free(s->note);
        s->note = mem_strdup(service_note(svc));
        proc_log_clear(&s->log);
        service_log(svc, &s->log);
        unpark(r, s);
        break;
    case SERVICE_ENDED: {
        bool was_wanted = s->ready && s->users && !r->stopping;
        proc_log_clear(&s->log);
        service_log(svc, &s->log);
        if (was_wanted && *service_note(svc) && ++s->broken >= MAX_STARTS) {
            s->failed = true;
            mem_free(s->note);
            s->note = mem_printf("%s, %d times while it was in use", service_note(svc), MAX_STARTS);
        } else if (was_wanted && *service_note(svc)) {
            run_message(r, "T605", false, "service %s %s while it was in use; it is started again for the next user",
                        ev.target, service_note(svc));
        }
        service_free(svc);
        s->s = NULL;
        s->ready = false;
        ev.type = EVENT_SERVICE_STOPPED;
        run_emit(r, &ev);
        unpark(r, s);
    }
    }
}

static void drop_user(struct runner *r, struct run_service *s, void *arg)
{
    if (!s->users || --s->users)
        return;
    if (s->s)
        service_stop(s->s);
    each_service(r, s->node, drop_user, arg); /* it was a user of others itself */
}

void run_services_unneeded(struct runner *r, node_id n)
{
    /* A service node is done when it is resolved; its own services are wanted for as long as it is (drop_user). */
    struct run_service *s = service_of(r, n);
    if (s && s->users)
        return;
    each_service(r, n, drop_user, NULL);
}

bool run_services_stop_all(struct runner *r)
{
    bool any = false;
    for (uint32_t i = 0; i < r->n_services; i++)
        if (r->services[i].s) {
            service_stop(r->services[i].s);
            any = true;
        }
    return any;
}

void run_services_clear(struct runner *r)
{
    for (uint32_t i = 0; i < r->n_services; i++) {
        if (r->services[i].s)
            service_free(r->services[i].s);
        mem_free(r->services[i].parked);
        mem_free(r->services[i].note);
        proc_log_clear(&r->services[i].log);
    }
    mem_free(r->services);
    map_clear(&r->service_index);
}

static void append_log(struct runner *r, struct run_service *s, void *arg)
{
    struct proc_log *log = arg, copy;
    memset(&copy, 0, sizeof copy);
    if (s->s)
        service_log(s->s, &copy);
    const struct proc_log *from = s->s ? &copy : &s->log;
    struct buf head = BUF_INIT;
    buf_printf(&head, "\n--- log of service %s ---\n", graph_label(&r->ws->g, s->node));
    MEM_GROW(log->frames, log->n_frames, log->cap_frames);
    log->frames[log->n_frames++] = (struct proc_frame){2, (uint32_t)head.len};
    buf_add(&log->bytes, head.p, head.len);
    buf_clear(&head);
    for (size_t i = 0; i < from->n_frames; i++) {
        MEM_GROW(log->frames, log->n_frames, log->cap_frames);
        log->frames[log->n_frames++] = from->frames[i];
    }
    buf_add(&log->bytes, from->bytes.p, from->bytes.len);
    proc_log_clear(&copy);
}

void run_services_append_logs(struct runner *r, node_id n, struct proc_log *log)
{
    each_service(r, n, append_log, log);
}

struct broken {
    bool any;
};
static void check_broken(struct runner *r, struct run_service *s, void *arg)
{
    (void)r;
    struct broken *b = arg;
    b->any |= !s->s || !s->ready || s->failed;
}

bool run_services_broke(struct runner *r, node_id n)
{
    struct broken b = {false};
    each_service(r, n, check_broken, &b);
    return b.any;
}
