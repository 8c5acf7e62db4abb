/* SPDX-License-Identifier: MIT
 *
 * Keys against what is known: clean, or dirty and why. */
#include "run/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "tree/glob.h"
#include "tree/path.h"
#include "tree/wild.h"

void resolution_clear(struct resolution *r)
{
    buf_clear(&r->reason);
    memset(r, 0, sizeof *r);
}

bool resolve_outputs_present(struct workspace *ws, node_id n)
{
    for (uint32_t i = 0; i < ws->g.states[n].n_made; i++)
        ws_file(ws, ws->g.made[ws->g.states[n].made_at + i].file);
    return ws_outputs_there(ws, n);
}

/* A result's outputs, each path once, in order. */
struct fitting {
    const struct store_output **v;
    size_t n;
    uint8_t *placed; /* belongs to an entry */
};

static int by_path(const void *a, const void *b)
{
    return strcmp((*(const struct store_output *const *)a)->path, (*(const struct store_output *const *)b)->path);
}

static bool holds(const struct graph *g, const struct out_entry *o, struct wild *glob, const char *path)
{
    const char *text = graph_str(g, o->path);
    switch (o->kind) {
    case OUT_FILE:
        return strcmp(text, path) == 0;
    case OUT_FOLDER:
        return path_is_below(path, text);
    case OUT_GLOB:
        return wild_match(glob, path, strlen(path));
    default:
        return false;
    }
}

struct made_list {
    struct made_file *v;
    uint32_t n, cap;
};

/* What is there now and was made under another key, but is not among the new outputs. */
static void add_stale(struct workspace *ws, node_id n, const struct fitting *f, struct made_list *out)
{
    struct graph *g = &ws->g;
    for (uint32_t i = 0; i < g->states[n].n_made; i++) {
        struct made_file m = g->made[g->states[n].made_at + i];
        struct store_output wanted = {.path = graph_str(g, g->files[m.file].path)};
        const struct store_output *key = &wanted;
        if (f->n && bsearch(&key, f->v, f->n, sizeof *f->v, by_path))
            continue;
        struct digest was = m.type == ENTRY_NONE ? m.blob : m.digest;
        m = (struct made_file){.file = m.file, .out = m.out, .type = ENTRY_NONE, .blob = was};
        if (graph_made_ok(&m, ws_file(ws, m.file)))
            continue;
        MEM_GROW(out->v, out->n, out->cap);
        out->v[out->n++] = m;
    }
}

/* As a run collects them: entry by entry, a path that lies in several in each of them. */
static void add_outputs(struct graph *g, node_id n, struct fitting *f, struct made_list *out)
{
    const struct node *nd = &g->nodes[n];
    for (uint32_t o = nd->outs_at; o < nd->outs_at + nd->n_outs; o++) {
        struct wild glob = WILD_INIT;
        if (g->outs[o].kind == OUT_GLOB)
            glob_compile(&glob, graph_str(g, g->outs[o].path));
        for (size_t i = 0; i < f->n; i++) {
            const struct store_output *from = f->v[i];
            if (!holds(g, &g->outs[o], &glob, from->path))
                continue;
            f->placed[i] = 1;
            MEM_GROW(out->v, out->n, out->cap);
            out->v[out->n++] = (struct made_file){.file = graph_file(g, from->path),
                                                  .out = o,
                                                  .type = from->type,
                                                  .digest = from->digest,
                                                  .blob = from->blob};
        }
        wild_clear(&glob);
    }
}

/* Takes a stored pass over as the node's state. false if it does not fit the declaration (then it is not a pass). */
static bool adopt(struct workspace *ws, node_id n, const struct store_result *r)
{
    struct graph *g = &ws->g;
    struct fitting f = {.v = mem_resize(NULL, r->n_outputs + 1, sizeof *f.v),
                        .placed = mem_calloc(r->n_outputs + 1, 1)};
    struct made_list made = {0};
    for (size_t i = 0; i < r->n_outputs; i++)
        f.v[i] = &r->outputs[i];
    if (r->n_outputs)
        qsort(f.v, r->n_outputs, sizeof *f.v, by_path);
    for (size_t i = 0; i < r->n_outputs; i++)
        if (!f.n || strcmp(f.v[f.n - 1]->path, f.v[i]->path) != 0)
            f.v[f.n++] = f.v[i];
    add_stale(ws, n, &f, &made); /* first, so that they go before others come */
    add_outputs(g, n, &f, &made);
    bool ok = memchr(f.placed, 0, f.n) == NULL;
    if (ok) {
        struct node_state *st = &g->states[n];
        graph_set_made(g, n, made.v, made.n);
        st->duration_ms = (uint32_t)(r->duration_ns / 1000000);
        st->outcome = OUTCOME_PASSED;
        st->mark = (uint8_t)r->mark;
    }
    mem_free(f.v);
    mem_free(f.placed);
    mem_free(made.v);
    return ok;
}

/* Is all that has to be restored still in the cache? What is damaged there shows only when it is restored. */
static bool can_restore(struct workspace *ws, node_id n, struct resolution *out)
{
    struct graph *g = &ws->g;
    const struct node_state *st = &g->states[n];
    ws_store(ws, false);
    for (uint32_t i = 0; i < st->n_made; i++) {
        const struct made_file *m = &g->made[st->made_at + i];
        const struct file_state *now = ws_file(ws, m->file);
        if (m->type == ENTRY_NONE || graph_made_ok(m, now) || (ws->store && store_has_blob(ws->store, m->blob)))
            continue;
        buf_reset(&out->reason);
        buf_printf(&out->reason, "its output %s is %s, and the cache does not have it any more",
                   graph_str(g, g->files[m->file].path), now->type == ENTRY_NONE ? "missing" : "not as it was made");
        return false;
    }
    return true;
}

/* false: its outputs are gone for good, so it is not clean after all. */
static bool become_clean(struct workspace *ws, node_id n, struct digest key, struct resolution *out)
{
    struct node_state *st = &ws->g.states[n];
    bool restore = !resolve_outputs_present(ws, n);
    if (restore && (ws->g.nodes[n].flags & NODE_INCREMENTAL)) {
        buf_reset(&out->reason);
        buf_adds(&out->reason, "an output is not as it was made, and it makes its outputs from those of before");
        return false;
    }
    if (restore && !can_restore(ws, n, out))
        return false;
    if (st->status != STATUS_CLEAN || !digest_eq(st->key, key))
        ws->worth_freezing = true;
    st->status = STATUS_CLEAN;
    st->key = key;
    out->key = key;
    out->clean = true;
    out->restore = restore;
    key_outputs(&ws->keys, &ws->g, n);
    return true;
}

/* Adopts the result if the node is clean by it; leaves everything as it was if not. */
static bool adopt_clean(struct workspace *ws, node_id n, const struct store_result *r, struct resolution *out)
{
    struct graph *g = &ws->g;
    struct node_state before = g->states[n];
    struct made_file *made = mem_resize(NULL, before.n_made + 1, sizeof *made);
    if (before.n_made)
        memcpy(made, g->made + before.made_at, before.n_made * sizeof *made);
    bool clean = adopt(ws, n, r) && become_clean(ws, n, r->key, out);
    if (!clean) {
        graph_set_made(g, n, made, before.n_made);
        g->states[n].duration_ms = before.duration_ms;
        g->states[n].outcome = before.outcome;
        g->states[n].mark = before.mark;
    }
    mem_free(made);
    return clean;
}

/* Is there a stored pass for this key? Then the node is clean. */
static bool try_key(struct workspace *ws, node_id n, struct digest key, struct resolution *out)
{
    struct node_state *st = &ws->g.states[n];
    if (st->status == STATUS_CLEAN && digest_eq(st->key, key)) {
        bool clean = become_clean(ws, n, key, out);
        if (clean) {
            buf_reset(&out->reason); /* another list of what was read may have been looked at before */
            buf_adds(&out->reason, "unchanged since it passed");
        }
        return clean;
    }
    /* The folder of an incremental command holds more than its outputs: what a run of before, or of another work tree,
     * left there cannot be put back. Only its last run here counts. */
    if (ws->g.nodes[n].flags & NODE_INCREMENTAL)
        return false;
    /* It failed here under this very key: that another run passed under it does not make it safe. */
    if (st->status == STATUS_FAILED && (digest_eq(st->key, key) || digest_eq(st->key, out->weak)))
        return false;
    ws_store(ws, false);
    if (!ws->store)
        return false;
    struct store_result r;
    bool found = false;
    if (!store_get_result(ws->store, key, &r, &found, NULL) || !found)
        return false;
    bool pass = r.outcome == OUTCOME_PASSED && adopt_clean(ws, n, &r, out);
    if (pass) {
        out->from_store = true;
        buf_reset(&out->reason);
        buf_adds(&out->reason, "passed before with the same key");
    }
    store_result_clear(&r);
    return pass;
}

/* One such set; its files are stamped. */
static bool try_reads(struct workspace *ws, node_id n, set_id reads, struct resolution *out)
{
    struct graph *g = &ws->g;
    g->states[n].reads = reads;
    struct digest key = key_strong(&ws->keys, g, out->weak, reads);
    if (!key_is_unsure(&ws->keys, g, n))
        return try_key(ws, n, key, out);
    buf_reset(&out->reason);
    buf_adds(&out->reason, "a file that it read cannot be read any more");
    return false;
}

/* The sets of files that earlier runs under this weak key read, the last one here first. */
static bool try_read_lists(struct workspace *ws, node_id n, struct resolution *out)
{
    struct graph *g = &ws->g;
    set_id last = g->states[n].reads;
    if (last != ID_NONE) {
        const struct file_set *s = &g->sets[last];
        for (uint32_t i = 0; i < s->n; i++)
            ws_file(ws, g->set_files[s->at + i]);
        if (try_reads(ws, n, last, out))
            return true;
    }
    ws_store(ws, false);
    struct store_read_lists lists = {0};
    if (!ws->store || !store_get_read_lists(ws->store, out->weak, &lists, NULL))
        return false;
    bool clean = false;
    for (size_t l = 0; l < lists.n && !clean; l++) {
        file_id *members = mem_resize(NULL, lists.v[l].n + 1, sizeof *members);
        for (size_t i = 0; i < lists.v[l].n; i++) {
            members[i] = graph_file(g, lists.v[l].v[i]);
            ws_file(ws, members[i]);
        }
        set_id s = graph_add_set(g, members, (uint32_t)lists.v[l].n);
        mem_free(members);
        clean = try_reads(ws, n, s, out);
    }
    if (!clean)
        g->states[n].reads = last;
    store_read_lists_clear(&lists);
    return clean;
}

/* One line on why a dirty node has to run: from its last run's manifest and today's. */
static void explain(struct workspace *ws, node_id n, struct resolution *out)
{
    struct graph *g = &ws->g;
    struct store_run last[1];
    size_t count = 0;
    ws_store(ws, false);
    if (!ws->store || !store_get_runs(ws->store, ws->root, graph_label(g, n), false, last, 1, &count, NULL) ||
        count == 0) {
        buf_adds(&out->reason, "never ran here");
        return;
    }
    bool failed = last[0].outcome != OUTCOME_PASSED;
    struct buf old = BUF_INIT, now = BUF_INIT, what = BUF_INIT;
    bool found = false;
    struct manifest_diff diff = {0};
    if (!digest_is_none(last[0].manifest) && store_get_blob(ws->store, last[0].manifest, &old, &found, NULL) && found) {
        manifest_build(ws, n, NULL, &now);
        manifest_compare(ws->store, &old, &now, &diff);
        manifest_summary(&diff, &what);
    }
    if (failed) {
        buf_printf(&out->reason, "%s last time",
                   last[0].outcome == OUTCOME_FLAKY       ? "was flaky"
                   : last[0].outcome == OUTCOME_TIMED_OUT ? "timed out"
                   : last[0].outcome == OUTCOME_CRASHED   ? "crashed"
                                                          : "failed");
        if (what.len)
            buf_printf(&out->reason, "; since then %s", buf_cstr(&what));
    } else if (what.len) {
        buf_adds(&out->reason, buf_cstr(&what));
    } else if (!found) {
        buf_adds(&out->reason, "its key has no stored pass");
    } else {
        buf_adds(&out->reason, "its last pass was not stored or is gone from the cache");
    }
    manifest_diff_clear(&diff);
    buf_clear(&old);
    buf_clear(&now);
    buf_clear(&what);
}

void resolve_node(struct workspace *ws, node_id n, bool force, struct resolution *out)
{
    struct graph *g = &ws->g;
    const struct node *nd = &g->nodes[n];
    memset(out, 0, sizeof *out);
    g->states[n].deps = key_deps(&ws->keys, g, n);
    out->weak = out->key = key_weak(&ws->keys, g, n, g->states[n].deps);
    g->states[n].settled = SETTLED_NOW;
    if (kind_is_group((enum node_kind)nd->kind) || nd->kind == KIND_SERVICE) {
        become_clean(ws, n, out->key, out);
        return;
    }
    bool unsure = key_is_unsure(&ws->keys, g, n);
    if (force) {
        buf_adds(&out->reason, "--force");
    } else if (nd->flags & NODE_NO_CACHE) {
        buf_adds(&out->reason, "cache = false: it always runs");
    } else if (unsure) {
        buf_adds(&out->reason, "an input cannot be read, so nothing can be known of it");
    } else {
        bool clean = nd->flags & NODE_DEPFILE ? try_read_lists(ws, n, out) : try_key(ws, n, out->key, out);
        if (clean)
            return;
        if (!out->reason.len)
            explain(ws, n, out);
    }
    if ((nd->flags & NODE_DEPFILE) && g->states[n].reads != ID_NONE)
        out->key = key_strong(&ws->keys, g, out->weak, g->states[n].reads);
    struct node_state *st = &g->states[n];
    if (st->status == STATUS_CLEAN) /* it was, under another key; how the last run ended still stands in outcome */
        st->status = STATUS_DIRTY;
}

/* The discover step of a suite, if it would run. */
static node_id stale_lister(const struct graph *g, node_id suite, const uint8_t *verdict)
{
    const struct node *nd = &g->nodes[suite];
    if (nd->n_edges && g->nodes[g->edges[nd->edges_at].to].kind == KIND_CASE)
        nd = &g->nodes[g->edges[nd->edges_at].to]; /* its cases have the edge */
    for (uint32_t i = 0; i < nd->n_edges; i++) {
        const struct edge *e = &g->edges[nd->edges_at + i];
        if (e->out == OUT_ORDER && (verdict[e->to] == VERDICT_DIRTY || verdict[e->to] == VERDICT_DEPENDS))
            return e->to;
    }
    return ID_NONE;
}

/* A group is as dirty as its members. */
static void explain_group(const struct graph *g, node_id n, uint8_t *verdict, struct resolution *r)
{
    const struct node *nd = &g->nodes[n];
    uint32_t dirty = 0, cases = 0;
    node_id first = ID_NONE;
    if (nd->flags & NODE_CASES_UNKNOWN) {
        verdict[n] = VERDICT_DIRTY;
        buf_reset(&r->reason);
        buf_adds(&r->reason, "its cases are not known");
        return;
    }
    node_id lister = nd->kind == KIND_SUITE ? stale_lister(g, n, verdict) : ID_NONE;
    for (uint32_t i = 0; i < nd->n_edges; i++) {
        node_id to = g->edges[nd->edges_at + i].to;
        cases += g->nodes[to].kind == KIND_CASE;
        if (verdict[to] != VERDICT_DIRTY || (nd->kind == KIND_SUITE && g->nodes[to].kind != KIND_CASE))
            continue;
        first = dirty++ ? first : to;
    }
    if (dirty)
        verdict[n] = VERDICT_DIRTY;
    if (!dirty && nd->kind != KIND_SUITE)
        return;
    buf_reset(&r->reason);
    if (lister != ID_NONE) { /* what is known is what there was */
        verdict[n] = VERDICT_DEPENDS;
        buf_printf(&r->reason, "%s would run first: there may be other cases than the %u that it listed last",
                   graph_label(g, lister), cases);
        return;
    }
    if (nd->kind != KIND_SUITE || dirty == 1)
        buf_printf(&r->reason, "%s would run", graph_label(g, first));
    else if (!cases)
        buf_adds(&r->reason, "it has no cases");
    else if (dirty)
        buf_printf(&r->reason, "%u of %u cases would run", dirty, cases);
    else
        buf_printf(&r->reason, "%u case%s, unchanged since %s passed", cases, cases == 1 ? "" : "s",
                   cases == 1 ? "it" : "they");
}

void resolve_needed(struct workspace *ws, const uint8_t *needed, const uint8_t *forced, uint8_t *verdict,
                    char **reasons, struct digest *keys)
{
    struct graph *g = &ws->g;
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        node_id n = g->order[k];
        verdict[n] = VERDICT_NONE;
        if (!needed[n])
            continue;
        const struct node *nd = &g->nodes[n];
        node_id unknown = ID_NONE;
        for (uint32_t i = 0; i < nd->n_edges && unknown == ID_NONE; i++) {
            const struct edge *e = &g->edges[nd->edges_at + i];
            if (e->out == OUT_ORDER)
                continue;
            /* A dirty test without outputs gives the same when it passes as it would have given before. */
            bool gives = g->nodes[e->to].n_outs > 0;
            if (verdict[e->to] == VERDICT_DEPENDS || (verdict[e->to] == VERDICT_DIRTY && gives))
                unknown = e->to;
        }
        if (unknown != ID_NONE) {
            verdict[n] = VERDICT_DEPENDS;
            if (reasons)
                reasons[n] = mem_printf("%s would run first", graph_label(g, unknown));
            continue;
        }
        struct resolution r;
        resolve_node(ws, n, forced && forced[n], &r);
        verdict[n] = r.clean ? (r.restore ? VERDICT_RESTORE : VERDICT_CLEAN) : VERDICT_DIRTY;
        if (!r.clean) {
            /* What its dependents see of it: nothing new if it has no outputs. */
            key_outputs(&ws->keys, g, n);
        }
        if (keys)
            keys[n] = r.key;
        if (kind_is_group((enum node_kind)nd->kind))
            explain_group(g, n, verdict, &r);
        if (reasons)
            reasons[n] = r.restore ? mem_printf("%s; its outputs would be restored", buf_cstr(&r.reason))
                                   : mem_strdup(buf_cstr(&r.reason));
        resolution_clear(&r);
    }
}
