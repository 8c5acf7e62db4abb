/* SPDX-License-Identifier: MIT
 *
 * From a job to a result: did the inputs hold still, what did it read, what goes into the store. Jobs that end at about
 * the same time are committed in one transaction and told to the world after it. */
#include <string.h>

#include "os/clock.h"
#include "os/file.h"
#include "run/order.h"
#include "run/run_internal.h"
#include "tree/path.h"

/* What is decided about one finished job before it is written. */
struct ending {
    struct job *j;
    struct digest key;
    struct buf note; /* the job's note and what was found out here */
    bool store_pass; /* clean from now on */
    struct digest log, manifest;
    set_id reads;
    struct buf subtests;
};

static void add_note(struct ending *v, const char *text)
{
    if (v->note.len)
        buf_adds(&v->note, "; ");
    buf_adds(&v->note, text);
}

/* Looks at a file that was stamped before. */
static void look(struct runner *r, file_id f, struct run_look *l)
{
    struct file *file = &r->ws->g.files[f];
    int64_t quiet_ns;
    if (!stamp_same(r->ws->root_fd, graph_str(&r->ws->g, file->path), &file->state, &quiet_ns)) {
        l->changed = f;
    } else if (quiet_ns > l->quiet_ns) {
        l->quiet_ns = quiet_ns;
        l->touched = f;
    }
}

static void look_begin(struct run_look *l) { *l = (struct run_look){clock_real_ns(), 0, ID_NONE, ID_NONE}; }

/* The file that was not what it had to be for who started then; ID_NONE: all were. */
static file_id moved_since(const struct run_look *l, int64_t started_real_ns)
{
    if (l->changed != ID_NONE)
        return l->changed;
    return l->quiet_ns >= started_real_ns ? l->touched : ID_NONE;
}

/* The same for a single file. */
static bool file_moved(struct runner *r, file_id f, int64_t started_real_ns)
{
    struct run_look l;
    look_begin(&l);
    look(r, f, &l);
    return moved_since(&l, started_real_ns) != ID_NONE;
}

/* Did a file of the set change since it was stamped? One look serves all jobs that ended before it. */
static file_id set_moved(struct runner *r, set_id s, int64_t started_real_ns, int64_t ended_real_ns)
{
    struct graph *g = &r->ws->g;
    if (s >= r->n_looks) {
        uint32_t n = g->n_sets + g->n_sets / 2 + 16;
        r->looks = mem_resize(r->looks, n, sizeof *r->looks);
        memset(r->looks + r->n_looks, 0, (n - r->n_looks) * sizeof *r->looks);
        r->n_looks = n;
    }
    struct run_look *l = &r->looks[s];
    if (l->at_ns < ended_real_ns) {
        look_begin(l);
        for (uint32_t i = 0; i < g->sets[s].n && l->changed == ID_NONE; i++)
            look(r, g->set_files[g->sets[s].at + i], l);
    }
    return moved_since(l, started_real_ns);
}

/* The first input or tool of n itself that is not what its key says. */
static file_id own_moved(struct runner *r, node_id n, int64_t started_real_ns, int64_t ended_real_ns)
{
    struct graph *g = &r->ws->g;
    const struct node *nd = &g->nodes[n];
    file_id moved = ID_NONE;
    for (uint32_t i = 0; i < nd->n_sets && moved == ID_NONE; i++)
        moved = set_moved(r, g->node_sets[nd->sets_at + i], started_real_ns, ended_real_ns);
    for (uint32_t i = 0; i < nd->n_tools && moved == ID_NONE; i++) {
        const struct tool *t = &g->tools[g->node_tools[nd->tools_at + i]];
        if (t->file != ID_NONE && file_moved(r, t->file, started_real_ns))
            moved = t->file;
    }
    return moved;
}

/* The same of what n was given: outputs of all that it needs, and what its services were started from. One look serves
 * all that ended before it. */
static file_id given_moved(struct runner *r, node_id to, int64_t started_real_ns, int64_t ended_real_ns)
{
    struct graph *g = &r->ws->g;
    const struct node_state *st = &g->states[to];
    if (!r->given)
        r->given = mem_calloc(g->n_nodes + 1, sizeof *r->given);
    struct run_look *l = &r->given[to];
    if (l->at_ns < ended_real_ns) {
        look_begin(l);
        for (uint32_t m = 0; m < st->n_made && l->changed == ID_NONE; m++) {
            const struct made_file *made = &g->made[st->made_at + m];
            if (made->type != ENTRY_NONE)
                look(r, made->file, l);
        }
        /* A service may have looked at any time since it came up. */
        if (g->nodes[to].kind == KIND_SERVICE && l->changed == ID_NONE)
            l->changed = own_moved(r, to, 0, ended_real_ns);
    }
    return moved_since(l, started_real_ns);
}

static file_id input_moved(struct runner *r, node_id n, int64_t started_real_ns, int64_t ended_real_ns)
{
    struct graph *g = &r->ws->g;
    file_id moved = own_moved(r, n, started_real_ns, ended_real_ns);
    if (moved != ID_NONE || !g->nodes[n].n_edges)
        return moved;
    if (!r->visited)
        r->visited = mem_calloc(g->n_nodes + 1, sizeof *r->visited);
    uint32_t visit = ++r->n_visits, cap = 64, top = 0;
    node_id *stack = mem_resize(NULL, cap, sizeof *stack);
    stack[top++] = n;
    while (top && moved == ID_NONE) {
        node_id at = stack[--top];
        if (at != n)
            moved = given_moved(r, at, started_real_ns, ended_real_ns);
        for (uint32_t i = 0; i < g->nodes[at].n_edges; i++) {
            node_id to = g->edges[g->nodes[at].edges_at + i].to;
            if (r->visited[to] == visit || g->edges[g->nodes[at].edges_at + i].out == OUT_ORDER)
                continue;
            r->visited[to] = visit;
            MEM_GROW(stack, top, cap);
            stack[top++] = to;
        }
    }
    mem_free(stack);
    return moved;
}

/* Does the key of n take in this output entry? A narrow edge takes one entry of its producer, and all that the producer
 * was made with. */
static bool is_covered(struct runner *r, node_id n, uint32_t out)
{
    const struct graph *g = &r->ws->g;
    uint8_t *whole = mem_calloc(g->n_nodes + 1, 1);
    bool covered = false;
    for (uint32_t i = 0; i < g->nodes[n].n_edges && !covered; i++) {
        const struct edge *e = &g->edges[g->nodes[n].edges_at + i];
        covered = e->out == out;
        if (e->out == ID_NONE)
            graph_mark_needed(g, e->to, whole);
    }
    covered = covered || whole[g->outs[out].producer];
    mem_free(whole);
    return covered;
}

static bool needs(struct runner *r, node_id n, node_id dep)
{
    uint8_t *mark = mem_calloc(r->ws->g.n_nodes + 1, 1);
    graph_mark_needed(&r->ws->g, n, mark);
    bool yes = mark[dep] != 0;
    mem_free(mark);
    return yes;
}

static void all_of_may_read(const struct graph *g, node_id n, struct strvec *out)
{
    const struct node *nd = &g->nodes[n];
    for (uint32_t i = 0; i < nd->n_may; i++) {
        const struct file_set *set = &g->sets[g->node_sets[nd->may_at + i]];
        for (uint32_t k = 0; k < set->n; k++)
            strvec_add(out, graph_str(g, g->files[g->set_files[set->at + k]].path));
    }
}

/* The depfile's paths as a set of the graph. Outputs of dependencies are in the key already; an output of anything else
 * is an error: it may be rebuilt after this ran. */
static void take_reads(struct runner *r, node_id n, struct ending *v)
{
    struct graph *g = &r->ws->g;
    struct job *j = v->j;
    size_t tmp_len = strlen(r->tmp_base);
    if (j->kind == JOB_CASE && !j->has_reads) /* its worker did not say: it may have read all of them */
        all_of_may_read(g, n, &j->reads);
    if (!r->outs)
        r->outs = out_lookup_new(g);
    file_id *files = mem_resize(NULL, j->reads.n + 1, sizeof *files);
    uint32_t count = 0;
    for (size_t i = 0; i < j->reads.n; i++) {
        const char *path = j->reads.v[i];
        if (strncmp(path, r->tmp_base, tmp_len) == 0 && path[tmp_len] == '/')
            continue;
        size_t len = strlen(path);
        uint32_t out = *path == '/' || path[len - 1] == '/' ? ID_NONE : out_lookup_find(r->outs, path);
        if (out != ID_NONE) {
            node_id by = g->outs[out].producer;
            if (by == n || is_covered(r, n, out))
                continue;
            if (!needs(r, n, by)) {
                char *text =
                    mem_printf("it reads %s, which target '%s' makes, without depending on it: add deps = { \"%s\" }",
                               path, graph_label(g, by), graph_label(g, by));
                add_note(v, text);
                mem_free(text);
                j->outcome = OUTCOME_ERROR;
                continue;
            }
            /* made before this ran, but in none of its edges: it counts by content */
        }
        file_id f = graph_file(g, path);
        bool known = f < r->ws->n_stamped && r->ws->stamped[f];
        const struct file_state *st = ws_file(r->ws, f);
        struct stamp since = st->stamp;
        since.taken_ns = j->started_real_ns;
        /* Newly seen: it must be older than the run that read it. */
        if (known ? file_moved(r, f, j->started_real_ns) : (st->type != ENTRY_DIR && stamp_is_racy(&since))) {
            char *text = mem_printf("%s was written while it ran, so its pass is not stored", path);
            add_note(v, text);
            mem_free(text);
            v->store_pass = false;
        }
        if (j->kind == JOB_CASE && st->type == ENTRY_DIR && path[len - 1] != '/') {
            char *text = mem_printf(
                "its worker names the folder %s among its reads, where files are due, so its pass is not stored", path);
            add_note(v, text);
            mem_free(text);
            v->store_pass = false;
        }
        if (st->type == ENTRY_OTHER)
            v->store_pass = false;
        files[count++] = f;
    }
    v->reads = graph_add_set(g, files, count);
    g->states[n].reads = v->reads;
    v->key = key_strong(&r->ws->keys, g, r->nodes[n].weak, v->reads);
    mem_free(files);
}

/* It failed after other cases and passes alone: `tgraph bisect` is to find out after which. */
static void keep_order(struct runner *r, struct ending *v)
{
    const struct graph *g = &r->ws->g;
    const struct graph_case *c = graph_case(g, v->j->node);
    const char *suite = graph_label(g, c->suite), *id = graph_str(g, c->id);
    struct strvec before = STRVEC_INIT;
    struct buf note = BUF_INIT;
    struct err e = ERR_INIT;
    for (size_t i = 0; i < v->j->before.n; i++)
        if (strcmp(v->j->before.v[i], id) != 0) /* its first attempt failed without the earlier attempts */
            strvec_add(&before, v->j->before.v[i]);
    if (!before.n) {
        buf_adds(&note, "passes in a worker of its own");
    } else if (order_write(r->ws->state_dir, suite, id, &before, &e)) {
        r->order_kept = 1;
        order_note(suite, id, &before, &note);
    } else {
        buf_printf(&note, "passes in a worker of its own: it depends on the cases before it (not kept: %s)", e.msg);
    }
    add_note(v, buf_cstr(&note));
    err_clear(&e);
    buf_clear(&note);
    strvec_clear(&before);
}

/* It passes: what was kept for `tgraph bisect` is of the past. */
static void forget_order(struct runner *r, node_id n)
{
    const struct graph *g = &r->ws->g;
    const struct graph_case *c = graph_case(g, n);
    if (!r->order_kept) { /* looked for once: mostly there is none, and cases are many */
        char *dir = order_dir(r->ws->state_dir);
        r->order_kept = file_exists(dir) ? 1 : -1;
        mem_free(dir);
    }
    if (r->order_kept > 0)
        order_remove(r->ws->state_dir, graph_label(g, c->suite), graph_str(g, c->id));
}

static void decide(struct runner *r, struct ending *v)
{
    struct graph *g = &r->ws->g;
    struct job *j = v->j;
    node_id n = j->node;
    const struct node *nd = &g->nodes[n];
    v->key = r->nodes[n].key;
    v->reads = ID_NONE;
    if (j->note)
        add_note(v, j->note);
    if (j->before.n)
        keep_order(r, v);
    if (j->outcome != OUTCOME_PASSED)
        return;
    v->store_pass = !(nd->flags & NODE_NO_CACHE) && !j->unstored;
    if (nd->flags & NODE_DEPFILE)
        take_reads(r, n, v);
    if (key_is_unsure(&r->ws->keys, g, n))
        v->store_pass = false;
    file_id moved = input_moved(r, n, j->started_real_ns, j->ended_real_ns);
    if (moved != ID_NONE) {
        char *text =
            mem_printf("%s was written while it ran, so its pass is not stored", graph_str(g, g->files[moved].path));
        add_note(v, text);
        mem_free(text);
        int64_t quiet_ns;
        if (j->kind == JOB_CASE &&
            stamp_same(r->ws->root_fd, graph_str(g, g->files[moved].path), &g->files[moved].state, &quiet_ns))
            run_suite_input_moved(r, n, quiet_ns);
        v->store_pass = false;
    }
    if (run_services_broke(r, n)) {
        add_note(v, "a service that it uses ended meanwhile, so its pass is not stored");
        v->store_pass = false;
    }
    if (j->outcome != OUTCOME_PASSED)
        v->store_pass = false;
}

static void store_failed(struct runner *r, struct err *e)
{
    if (!r->store_broken)
        run_message(r, *e->code ? e->code : "T502", false, "results are not kept: %s%s%s",
                    e->msg ? e->msg : "the store fails", e->hint ? ": " : "", e->hint ? e->hint : "");
    r->store_broken = true;
    err_clear(e);
}

/* Everything about one job that goes into the store. */
static bool write_one(struct runner *r, struct ending *v, struct err *e)
{
    struct workspace *ws = r->ws;
    struct graph *g = &ws->g;
    struct job *j = v->j;
    node_id n = j->node;
    struct store *s = ws->store;
    struct buf text = BUF_INIT;
    bool ok = true;
    if (j->result.log.bytes.len) {
        store_log_encode(&j->result.log, &text);
        ok = store_put_blob(s, text.p, text.len, &v->log, e);
        buf_reset(&text);
    }
    manifest_build(ws, n, s, &text);
    ok = ok && store_put_blob(s, text.p, text.len, &v->manifest, e);
    buf_clear(&text);
    for (uint32_t i = 0; i < j->n_made && ok; i++) {
        struct digest d;
        if (j->made[i].link_text)
            ok = store_put_blob(s, j->made[i].link_text, strlen(j->made[i].link_text), &d, e);
    }
    if (ok && v->reads != ID_NONE && v->store_pass) {
        struct strvec paths = STRVEC_INIT;
        const struct file_set *set = &g->sets[v->reads];
        for (uint32_t i = 0; i < set->n; i++)
            strvec_add(&paths, graph_str(g, g->files[g->set_files[set->at + i]].path));
        ok = store_put_read_list(s, r->nodes[n].weak, &paths, e);
        strvec_clear(&paths);
    }
    int exit_code = j->result.cause == PROC_EXITED ? j->result.exit_code : -1;
    int signal = j->result.cause == PROC_SIGNALLED ? j->result.signal : 0;
    /* A pass that may not be stored says nothing about the key; anything else that is not a pass takes back an older
     * pass under the same key. */
    if (ok && (v->store_pass || j->outcome != OUTCOME_PASSED)) {
        struct store_output *outs = mem_calloc(j->n_made + 1, sizeof *outs);
        for (uint32_t i = 0; i < j->n_made; i++)
            outs[i] =
                (struct store_output){j->made[i].path, j->made[i].state.type, j->made[i].state.digest, j->made[i].blob};
        struct store_result res = {.key = v->key,
                                   .outcome = j->outcome,
                                   .mark = j->mark,
                                   .exit_code = exit_code,
                                   .signal = signal,
                                   .finished_ns = j->ended_real_ns,
                                   .duration_ns = j->result.duration_ns,
                                   .attempts = j->attempts,
                                   .log = v->log,
                                   .manifest = v->manifest,
                                   .note = v->note.len ? (char *)(uintptr_t)buf_cstr(&v->note) : NULL,
                                   .target = (char *)(uintptr_t)j->label,
                                   .outputs = outs,
                                   .n_outputs = j->outcome == OUTCOME_PASSED ? j->n_made : 0};
        ok = store_put_result(s, &res, e);
        mem_free(outs);
    }
    struct store_run run = {.outcome = j->outcome,
                            .mark = j->mark,
                            .key = v->key,
                            .finished_ns = j->ended_real_ns,
                            .duration_ns = j->result.duration_ns,
                            .log = v->log,
                            .manifest = v->manifest,
                            .exit_code = exit_code,
                            .signal = signal,
                            .attempts = j->attempts};
    return ok && store_put_run(s, ws->root, j->label, &run, e);
}

static bool write_all(struct runner *r, struct ending *v, uint32_t n, struct err *e)
{
    err_clear(e);
    bool ok = store_begin(r->ws->store, e);
    for (uint32_t i = 0; i < n && ok; i++)
        if (!v[i].j->cancelled)
            ok = write_one(r, &v[i], e);
    return ok && store_commit(r->ws->store, e);
}

/* The files that its command left, to be removed before it runs again, and to be found as they are if it is clean. */
static void take_made(struct runner *r, struct ending *v)
{
    struct graph *g = &r->ws->g;
    struct job *j = v->j;
    struct made_file *made = mem_calloc(j->n_made + 1, sizeof *made);
    for (uint32_t i = 0; i < j->n_made; i++) {
        file_id f = graph_file(g, j->made[i].path);
        ws_put_file(r->ws, f, &j->made[i].state);
        made[i] = (struct made_file){.file = f,
                                     .out = j->made[i].out,
                                     .type = j->made[i].state.type,
                                     .digest = j->made[i].state.digest,
                                     .blob = j->made[i].blob};
    }
    graph_set_made(g, j->node, made, j->n_made);
    mem_free(made);
}

/* The node's state, as it goes into the frozen file. */
static void take_over(struct runner *r, struct ending *v)
{
    struct workspace *ws = r->ws;
    struct graph *g = &ws->g;
    struct job *j = v->j;
    struct node_state *st = &g->states[j->node];
    ws->worth_freezing = true;
    take_made(r, v);
    if (j->cancelled) { /* nothing is known of its key; its outputs are not what they were */
        st->status = st->status == STATUS_FAILED ? STATUS_FAILED : STATUS_DIRTY;
        return;
    }
    if (j->kind == JOB_CASE && j->outcome == OUTCOME_PASSED)
        forget_order(r, j->node);
    st->key = v->key;
    st->outcome = (uint8_t)j->outcome;
    st->mark = (uint8_t)j->mark;
    st->duration_ms = (uint32_t)(j->result.duration_ns / 1000000);
    st->status = v->store_pass                                                 ? STATUS_CLEAN
                 : j->outcome == OUTCOME_PASSED || j->outcome == OUTCOME_FLAKY ? STATUS_DIRTY
                                                                               : STATUS_FAILED;
    if (j->outcome == OUTCOME_PASSED || j->outcome == OUTCOME_FLAKY)
        key_outputs(&ws->keys, g, j->node);
}

static void finish_restore(struct runner *r, struct job *j)
{
    struct workspace *ws = r->ws;
    struct graph *g = &ws->g;
    const struct node_state *st = &g->states[j->node];
    for (uint32_t i = 0; i < st->n_made; i++) {
        file_id f = g->made[st->made_at + i].file;
        ws->stamped[f] = 0;
    }
    ws->worth_freezing = true;
    if (j->restored && resolve_outputs_present(ws, j->node)) {
        struct run_end end = {.outcome = OUTCOME_PASSED, .cached = true, .reason = r->nodes[j->node].reason};
        run_done(r, j->node, &end);
        return;
    }
    g->states[j->node].status = STATUS_DIRTY;
    mem_free(r->nodes[j->node].reason);
    r->nodes[j->node].reason = mem_strdup(j->note ? j->note : "its restored outputs are not what was stored");
    run_queue(r, j->node);
}

/* Nothing of it is a result. An outcome that is bad says that it could not be tried. */
static void finish_trial(struct runner *r, struct job *j)
{
    struct run_end end = {.outcome = j->outcome, .reason = r->nodes[j->node].reason, .note = j->note};
    run_done(r, j->node, &end);
}

void run_finish_jobs(struct runner *r, struct job **jobs, uint32_t n)
{
    struct ending *v = mem_calloc(n + 1, sizeof *v);
    struct err e = ERR_INIT;
    uint32_t n_runs = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (jobs[i]->kind == JOB_RESTORE || jobs[i]->trial)
            continue;
        v[n_runs].j = jobs[i];
        decide(r, &v[n_runs++]);
    }
    if (n_runs && r->ws->store && !r->store_broken && !write_all(r, v, n_runs, &e)) {
        /* The database was found damaged and begun anew: these results can go into the new one. */
        bool again = strcmp(e.code, "T502") == 0;
        if (again)
            run_message(r, e.code, false, "%s", e.msg);
        if (!again || !write_all(r, v, n_runs, &e))
            store_failed(r, &e);
    }
    for (uint32_t i = 0; i < n_runs; i++) {
        struct job *j = v[i].j;
        take_over(r, &v[i]);
        r->nodes[j->node].key = v[i].key;
        bool bad = j->outcome != OUTCOME_PASSED && j->outcome != OUTCOME_FLAKY && !j->cancelled;
        if (bad)
            run_services_append_logs(r, j->node, &j->result.log);
        store_log_take(&j->result.log, 4, &v[i].subtests);
        struct run_end end = {.outcome = j->outcome,
                              .mark = j->mark,
                              .reason = r->nodes[j->node].reason,
                              .note = v[i].note.len ? buf_cstr(&v[i].note) : NULL,
                              .tmpdir = j->tmpdir,
                              .log = &j->result.log,
                              .subtests = v[i].subtests.len ? buf_cstr(&v[i].subtests) : NULL,
                              .duration_ns = j->result.duration_ns,
                              .exit_code = j->result.cause == PROC_EXITED ? j->result.exit_code : -1,
                              .signal = j->result.cause == PROC_SIGNALLED ? j->result.signal : 0,
                              .attempt = j->attempts,
                              .attempts = j->max_attempts};
        run_done(r, j->node, &end);
        buf_clear(&v[i].note);
        buf_clear(&v[i].subtests);
    }
    for (uint32_t i = 0; i < n; i++)
        if (jobs[i]->kind == JOB_RESTORE)
            finish_restore(r, jobs[i]);
        else if (jobs[i]->trial)
            finish_trial(r, jobs[i]);
    mem_free(v);
    err_clear(&e);
}
