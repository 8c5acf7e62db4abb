/* SPDX-License-Identifier: MIT
 *
 * Both sides of --since. */
#include "run/since.h"

#include <string.h>

/* No base: says why, and takes the error's hint for the command that mends it. */
static bool select_all(struct since *s, struct err *e, const char *hint)
{
    mem_free(s->everything);
    mem_free(s->mend);
    s->everything = mem_strdup(e->msg ? e->msg : "there is no base");
    hint = hint ? hint : e->hint;
    s->mend = hint ? mem_strdup(hint) : NULL;
    s->have_base = false;
    err_clear(e);
    return true;
}

static bool find_base(struct since *s, struct err *e)
{
    struct object_id theirs, ours;
    if (s->o.to ? !repo_resolve(s->repo, s->o.to, NULL, &ours, e) : !repo_head(s->repo, &ours, e))
        return false;
    if (s->o.staged && !s->o.ref) {
        s->name = mem_strdup("HEAD");
        s->base = ours;
        s->have_base = true;
        return true;
    }
    char *name = s->o.ref ? mem_strdup(s->o.ref) : repo_default_branch(s->repo);
    if (!name) {
        err_set(e, "T704", "no default branch is known here to compare with");
        return err_hint(e, "name one: tgraph --since REF");
    }
    if (!s->o.ref)
        s->chosen_by = mem_strdup("the default branch");
    else if (s->o.chosen_by)
        s->chosen_by = mem_strdup(s->o.chosen_by);
    s->have_base = (s->o.is_branch ? repo_resolve_branch : repo_resolve)(s->repo, name, &s->name, &theirs, e) &&
                   repo_merge_base(s->repo, theirs, ours, &s->base, e);
    if (s->have_base && s->o.in_ci && object_id_eq(s->base, ours)) {
        s->have_base = false;
        err_set(e, "T706", "HEAD is on %s already, so that there is nothing to compare with", s->name);
        err_hint(e, "tgraph --since HEAD~1, or the commit that was tested last");
    }
    if (!s->name)
        s->name = mem_strdup(name);
    mem_free(name);
    return s->have_base;
}

bool since_open(struct since *s, struct workspace *ws, const struct since_opts *o, struct errlist *errs)
{
    struct err e = ERR_INIT;
    memset(s, 0, sizeof *s);
    s->o = *o;
    if (!repo_open(ws->root, &s->repo, &e)) {
        *errlist_add(errs, ERR_ERROR) = e;
        return false;
    }
    struct object_id to;
    if (o->to && !repo_resolve(s->repo, o->to, NULL, &to, &e)) {
        *errlist_add(errs, ERR_ERROR) = e;
        return false;
    }
    if (o->to && (s->now_tree = snapshot_commit(s->repo, to, &e)) != NULL)
        snapshot_leave_out_ignored(s->now_tree);
    else if (!o->to && o->staged)
        s->now_tree = snapshot_index(s->repo, &e);
    if ((o->to || o->staged) && !s->now_tree) {
        *errlist_add(errs, ERR_ERROR) = e;
        return false;
    }
    if (!find_base(s, &e))
        return select_all(s, &e, NULL);
    if (o->staged && !o->to && (s->base_tree = snapshot_commit(s->repo, s->base, NULL)) != NULL)
        snapshot_has_base(s->now_tree, s->base_tree);
    return true;
}

static const struct file_state *state_now(void *ctx, const char *path)
{
    struct workspace *ws = ctx;
    file_id f = graph_find_file(&ws->g, path);
    return f != ID_NONE && f < ws->n_stamped && ws->stamped[f] ? &ws->g.files[f].state : NULL;
}

/* Where the base says one thing by a file that a target made, and that target may make another one now, the targets
 * that were declared from it are in doubt. */
static bool doubt_generated(struct since *s, const struct record *rec)
{
    struct graph *g = s->now;
    struct out_lookup *l = out_lookup_new(g);
    bool any = false;
    for (uint32_t f = 0; f < g->n_files; f++) {
        uint32_t o = g->files[f].flags & FILE_LOADED ? out_lookup_find(l, graph_str(g, g->files[f].path)) : ID_NONE;
        if (o == ID_NONE || !s->affected[g->outs[o].producer])
            continue;
        str_id reader = record_reader(rec, f);
        for (uint32_t n = 0; n < g->n_nodes; n++) {
            if (s->affected[n] || (reader != STR_NONE && g->nodes[n].dir != reader))
                continue;
            s->affected[n] = 1;
            s->doubt[n] = f;
            any = true;
        }
    }
    out_lookup_free(l);
    return any;
}

/* What the last runs read by their depfiles although nothing declares it is in no static key, but in the key that says
 * what is dirty here. */
static void doubt_read(struct since *s, struct workspace *ws, const struct snapshot_reference *ref)
{
    enum { ASK, SAME, OTHER };
    const struct graph *g = &ws->g;
    uint8_t *known = mem_calloc(g->n_files + 1, 1);
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        set_id reads = g->states[n].reads;
        if (s->affected[n] || !(g->nodes[n].flags & NODE_DEPFILE) || reads == ID_NONE)
            continue;
        for (uint32_t i = 0; i < g->sets[reads].n && !s->affected[n]; i++) {
            file_id f = g->set_files[g->sets[reads].at + i];
            const char *path = graph_str(g, g->files[f].path);
            size_t len = strlen(path);
            if (*path == '/' || (len && path[len - 1] == '/'))
                continue;
            if (known[f] == ASK) {
                file_id was = graph_find_file(&s->before.g, path);
                struct file_state st = {0};
                if (was != ID_NONE)
                    st = s->before.g.files[was].state;
                else
                    snapshot_stamp(s->base_tree, path, ref, &st);
                const struct file_state *now = &g->files[f].state;
                known[f] = st.type == now->type && digest_eq(st.digest, now->digest) ? SAME : OTHER;
            }
            if (known[f] == OTHER) {
                s->affected[n] = 1;
                s->doubt[n] = f;
            }
        }
    }
    mem_free(known);
}

/* What needs an affected target is affected: its static key holds the other's. Only doubt adds some that this has to be
 * said of. */
static void spread(struct since *s)
{
    const struct graph *g = s->now;
    s->n_affected = 0;
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        node_id n = g->order[k];
        for (uint32_t i = 0; i < g->nodes[n].n_edges && !s->affected[n]; i++) {
            const struct edge *e = &g->edges[g->nodes[n].edges_at + i];
            s->affected[n] = e->out != OUT_ORDER && s->affected[e->to];
        }
        s->n_affected += s->affected[n];
    }
}

/* The base's own mistakes are not those of who works on the branch: they cost a selection of everything. */
static bool load_base(struct since *s, struct workspace *ws, const struct snapshot_reference *ref)
{
    struct errlist errs = ERRLIST_INIT;
    struct err e = ERR_INIT;
    char hex[OBJECT_ID_HEX];
    if (s->have_before)
        return true;
    object_id_hex(s->base, hex);
    if (!s->base_tree)
        s->base_tree = snapshot_commit(s->repo, s->base, &e);
    if (!s->base_tree)
        return select_all(s, &e, NULL), false;
    if (s->o.to)
        snapshot_leave_out_ignored(s->base_tree);
    s->have_before = true;
    if (revision_load(&s->before, ws, s->repo, s->base_tree, ref, &errs)) {
        errlist_clear(&errs);
        return true;
    }
    for (size_t i = 0; i < errs.n; i++) {
        if (errs.v[i].level != ERR_ERROR)
            continue;
        struct buf b = BUF_INIT;
        if (errs.v[i].file)
            buf_printf(&b, "%s:%u: ", errs.v[i].file, errs.v[i].line);
        buf_adds(&b, errs.v[i].msg ? errs.v[i].msg : "");
        err_set(&e, "T709", "the base %.8s does not load: %s", hex, buf_cstr(&b));
        if (strcmp(errs.v[i].code, "T707") == 0 && errs.v[i].hint)
            err_hint(&e, "%s", errs.v[i].hint);
        buf_clear(&b);
        break;
    }
    errlist_clear(&errs);
    select_all(s, &e, e.hint ? NULL : "merge the commit that mends it, or give --since a later one");
    return false;
}

void since_read_ahead(struct since *s, const struct workspace *ws)
{
    if (!s->have_base || s->now_tree)
        return;
    s->base_tree = snapshot_commit(s->repo, s->base, NULL);
    if (s->base_tree && !revision_is_kept(ws, s->base_tree))
        snapshot_read_ahead(s->base_tree);
}

bool since_compare(struct since *s, struct workspace *ws, struct errlist *errs)
{
    struct snapshot_reference before = {0}, after = {0};
    if (!s->now_tree) {
        s->now = &ws->g;
        before = (struct snapshot_reference){.state = state_now, .ctx = ws};
    } else if (!s->have_after) {
        s->have_after = true;
        if (tree_type(s->now_tree, "Testfile.lua") == ENTRY_NONE) {
            struct err *e = errlist_add(errs, ERR_ERROR);
            err_set(e, "T001", "there is no Testfile.lua in %s of %s", *ws->outer ? ws->outer : "the top folder",
                    s->o.to ? s->o.to : "git's index");
            return s->o.to ? false : err_hint(e, "git add Testfile.lua");
        }
        if (!revision_load(&s->after, ws, s->repo, s->now_tree, NULL, errs)) {
            for (size_t i = 0; i < errs->n; i++)
                if (errs->v[i].level == ERR_ERROR)
                    err_wrap(&errs->v[i], "in %s", s->o.to ? s->o.to : "git's index");
            return false;
        }
        s->now = &s->after.g;
    }
    bool compare = s->have_base && load_base(s, ws, &before);
    if (s->now_tree && !s->after.have_keys) {
        if (ws->n_stamped) /* a run: with the work tree's digests, so that it can be compared with too */
            before = after = (struct snapshot_reference){.state = state_now, .ctx = ws};
        else if (compare && !s->o.exact) {
            before.peer = s->now_tree;
            after.peer = s->base_tree;
        }
        revision_keys(&s->after, ws, &after);
    }
    s->now_keys = s->now_tree ? &s->after.keys : &ws->keys;
    mem_free(s->affected);
    mem_free(s->doubt);
    s->affected = mem_calloc(s->now->n_nodes + 1, 1);
    s->doubt = mem_resize(NULL, s->now->n_nodes + 1, sizeof *s->doubt);
    memset(s->doubt, 0xff, (s->now->n_nodes + 1) * sizeof *s->doubt);
    if (compare && !s->before.have_keys)
        revision_keys(&s->before, ws, &before);
    struct err e = ERR_INIT;
    if (compare && snapshot_failed(s->base_tree, &e)) {
        select_all(s, &e, NULL);
        compare = false;
    }
    for (uint32_t n = 0; n < s->now->n_nodes; n++) {
        node_id m = compare ? graph_find(&s->before.g, graph_label(s->now, n)) : ID_NONE;
        s->affected[n] = m == ID_NONE || (s->now->nodes[n].flags & NODE_CASES_UNKNOWN) ||
                         !digest_eq(s->now_keys->static_key[n], s->before.keys.static_key[m]);
    }
    if (compare && !s->now_tree)
        doubt_read(s, ws, &before);
    spread(s);
    while (compare && doubt_generated(s, s->now_tree ? &s->after.rec : &ws->rec)) /* which may put others in doubt */
        spread(s);
    return true;
}

bool since_has(struct since *s, const char *label)
{
    node_id n = graph_find(s->now, label);
    return n != ID_NONE && s->affected[n];
}

void since_close(struct since *s)
{
    if (s->have_before)
        revision_clear(&s->before);
    if (s->have_after)
        revision_clear(&s->after);
    if (s->base_tree)
        tree_free(s->base_tree);
    if (s->now_tree)
        tree_free(s->now_tree);
    repo_close(s->repo);
    mem_free(s->affected);
    mem_free(s->doubt);
    mem_free(s->everything);
    mem_free(s->mend);
    mem_free(s->name);
    mem_free(s->chosen_by);
    memset(s, 0, sizeof *s);
}
