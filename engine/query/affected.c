/* SPDX-License-Identifier: MIT
 *
 * What differs between two graphs. A target differs by itself if one of its own parts does: its declaration, a file, a
 * tool, or what it depends on. Otherwise it is affected through a dependency that is. */
#include "query/affected.h"

#include <string.h>

enum how { SAME, CHANGED, ADDED, REMOVED, EXECUTABLE, TYPE };

static const struct graph *before_of(const struct affected *a) { return &a->s->before.g; }

static node_id twin(const struct affected *a, node_id n)
{
    return a->s->everything ? ID_NONE : graph_find(&a->s->before.g, graph_label(a->s->now, n));
}

/* ---- sets of files --------------------------------------------------------------------------------------------- */

static enum how compare_files(const struct file *now, const struct file *was)
{
    const struct file_state *x = &now->state, *y = &was->state;
    if (x->type == y->type && digest_eq(x->digest, y->digest))
        return SAME;
    if (x->type == y->type)
        return CHANGED;
    if (y->type == ENTRY_NONE)
        return ADDED;
    if (x->type == ENTRY_NONE)
        return REMOVED;
    bool plain = (x->type == ENTRY_FILE || x->type == ENTRY_EXEC) && (y->type == ENTRY_FILE || y->type == ENTRY_EXEC);
    return !plain ? TYPE : digest_eq(x->digest, y->digest) ? EXECUTABLE : CHANGED;
}

static void add_difference(struct set_diff *d, str_id path, enum how how, bool from_before)
{
    if (how == SAME)
        return;
    if (!d->count++) {
        d->path = path;
        d->how = (uint8_t)how;
        d->from_before = from_before;
    }
}

/* Both are in order of path. A set_id of ID_NONE is an empty set. */
static struct set_diff compare_sets(const struct affected *a, set_id now, set_id was)
{
    const struct graph *g = a->s->now, *b = before_of(a);
    struct set_diff d = {0};
    uint32_t i = 0, k = 0, n = now == ID_NONE ? 0 : g->sets[now].n, m = was == ID_NONE ? 0 : b->sets[was].n;
    while (i < n || k < m) {
        const struct file *x = i < n ? &g->files[g->set_files[g->sets[now].at + i]] : NULL;
        const struct file *y = k < m ? &b->files[b->set_files[b->sets[was].at + k]] : NULL;
        int c = !x ? 1 : !y ? -1 : strcmp(graph_str(g, x->path), graph_str(b, y->path));
        if (c < 0)
            add_difference(&d, x->path, ADDED, false);
        else if (c > 0)
            add_difference(&d, y->path, REMOVED, true);
        else
            add_difference(&d, x->path, compare_files(x, y), false);
        i += c <= 0;
        k += c >= 0;
    }
    return d;
}

static const struct set_diff *set_diff(struct affected *a, set_id now, set_id was)
{
    uint64_t key = (uint64_t)now << 32 | was;
    if (key == UINT64_MAX)
        key--;
    uint32_t at = map_get(&a->pairs, key);
    if (at == MAP_NONE) {
        at = a->n_diffs;
        MEM_GROW(a->diffs, a->n_diffs, a->cap_diffs);
        a->diffs[a->n_diffs++] = compare_sets(a, now, was);
        map_put(&a->pairs, key, at);
    }
    return &a->diffs[at];
}

/* ---- a node's own parts ---------------------------------------------------------------------------------------- */

struct cause {
    enum { NO_CAUSE, NEW_TARGET, FILES, TOOL, DECLARATION, DEPENDENCIES } kind;
    struct set_diff files; /* FILES */
    str_id tool_file;      /* TOOL */
};

static bool sets_differ(struct affected *a, uint32_t at, uint32_t n, uint32_t was_at, uint32_t was_n, struct cause *c)
{
    const struct graph *g = a->s->now, *b = before_of(a);
    struct key_context *kg = a->s->now_keys, *kb = &a->s->before.keys;
    for (uint32_t i = 0; i < n || i < was_n; i++) {
        set_id x = i < n ? g->node_sets[at + i] : ID_NONE, y = i < was_n ? b->node_sets[was_at + i] : ID_NONE;
        if (x != ID_NONE && y != ID_NONE && digest_eq(key_set_content(kg, g, x), key_set_content(kb, b, y)))
            continue;
        const struct set_diff *d = set_diff(a, x, y);
        if (!d->count)
            continue;
        if (!c->files.count)
            c->files = *d;
        else
            c->files.count += d->count;
    }
    if (c->files.count)
        c->kind = FILES;
    return c->files.count > 0;
}

static bool tools_differ(const struct affected *a, const struct node *x, const struct node *y, struct cause *c)
{
    const struct graph *g = a->s->now, *b = before_of(a);
    for (uint32_t i = 0; i < x->n_tools && i < y->n_tools; i++) {
        uint32_t t = g->node_tools[x->tools_at + i], u = b->node_tools[y->tools_at + i];
        if (digest_eq(a->s->now_keys->tool[t], a->s->before.keys.tool[u]))
            continue;
        c->kind = TOOL;
        for (uint32_t k = t; k != ID_NONE; k = g->tools[k].interpreter) {
            c->tool_file = g->tools[k].file != ID_NONE ? g->files[g->tools[k].file].path : g->tools[k].name;
            file_id was =
                g->tools[k].file != ID_NONE ? graph_find_file(&a->s->before.g, graph_str(g, c->tool_file)) : ID_NONE;
            if (was == ID_NONE || compare_files(&g->files[g->tools[k].file], &b->files[was]) != SAME)
                break;
        }
        return true;
    }
    if (x->n_tools != y->n_tools)
        c->kind = DECLARATION;
    return x->n_tools != y->n_tools;
}

static bool edges_differ(const struct affected *a, const struct node *x, const struct node *y)
{
    const struct graph *g = a->s->now, *b = before_of(a);
    if (x->n_edges != y->n_edges)
        return true;
    for (uint32_t i = 0; i < x->n_edges; i++) {
        const struct edge *p = &g->edges[x->edges_at + i], *q = &b->edges[y->edges_at + i];
        bool entry = p->out != ID_NONE && p->out != OUT_ORDER;
        if (strcmp(graph_label(g, p->to), graph_label(b, q->to)) != 0 || (p->out == ID_NONE) != (q->out == ID_NONE) ||
            (p->out == OUT_ORDER) != (q->out == OUT_ORDER) ||
            (entry && strcmp(graph_str(g, g->outs[p->out].path), graph_str(b, b->outs[q->out].path)) != 0))
            return true;
    }
    return false;
}

static struct cause cause_of(struct affected *a, node_id n)
{
    struct cause c = {0};
    node_id m = twin(a, n);
    if (m == ID_NONE) {
        c.kind = NEW_TARGET;
        return c;
    }
    const struct node *x = &a->s->now->nodes[n], *y = &before_of(a)->nodes[m];
    if (sets_differ(a, x->sets_at, x->n_sets, y->sets_at, y->n_sets, &c) ||
        sets_differ(a, x->may_at, x->n_may, y->may_at, y->n_may, &c) || tools_differ(a, x, y, &c))
        return c;
    if (x->kind != y->kind || !digest_eq(x->decl, y->decl) || x->n_sets != y->n_sets || x->n_may != y->n_may ||
        ((x->flags ^ y->flags) & (NODE_OWN_PATH | NODE_OWN_HOME)))
        c.kind = DECLARATION;
    else if (edges_differ(a, x, y))
        c.kind = DEPENDENCIES;
    return c;
}

void affected_open(struct affected *a, struct since *s)
{
    const struct graph *g = s->now;
    *a = (struct affected){.s = s};
    a->via = mem_resize(NULL, g->n_nodes + 1, sizeof *a->via);
    a->length = mem_resize(NULL, g->n_nodes + 1, sizeof *a->length);
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        node_id n = g->order[k];
        a->via[n] = ID_NONE;
        a->length[n] = s->affected[n] ? 0 : UINT32_MAX;
        if (!s->affected[n] || s->everything || s->doubt[n] != ID_NONE || cause_of(a, n).kind != NO_CAUSE)
            continue;
        for (uint32_t i = 0; i < g->nodes[n].n_edges; i++) {
            node_id to = g->edges[g->nodes[n].edges_at + i].to;
            if (a->length[to] == UINT32_MAX || (a->via[n] != ID_NONE && a->length[to] + 1 >= a->length[n]))
                continue;
            a->via[n] = to;
            a->length[n] = a->length[to] + 1;
        }
    }
}

void affected_close(struct affected *a)
{
    mem_free(a->via);
    mem_free(a->length);
    mem_free(a->diffs);
    map_clear(&a->pairs);
    memset(a, 0, sizeof *a);
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

/* The Testfile or module whose change explains another declaration: that of the target, or else the first file that
 * loading read and that differs. */
static const char *edited_file(struct affected *a, node_id n)
{
    const struct graph *g = a->s->now, *b = before_of(a);
    const char *first = NULL, *own = g->nodes[n].pos_file ? graph_str(g, g->nodes[n].pos_file) : "Testfile.lua";
    for (uint32_t i = 0; i < g->n_files; i++) {
        const char *path = graph_str(g, g->files[i].path);
        if (!(g->files[i].flags & FILE_LOADED) || *path == '/')
            continue;
        file_id was = graph_find_file(&a->s->before.g, path);
        if (was != ID_NONE && compare_files(&g->files[i], &b->files[was]) == SAME)
            continue;
        if (strcmp(path, own) == 0)
            return own;
        if (!first)
            first = path;
    }
    return first ? first : own;
}

static const char *file_name(const struct affected *a, const struct set_diff *d)
{
    return d->from_before ? graph_str(before_of(a), d->path) : graph_str(a->s->now, d->path);
}

static node_id start_of(const struct affected *a, node_id n)
{
    while (a->via[n] != ID_NONE)
        n = a->via[n];
    return n;
}

void affected_reason(struct affected *a, node_id n, struct buf *out)
{
    static const char *const verbs[] = {[CHANGED] = "changed",
                                        [ADDED] = "is new",
                                        [REMOVED] = "is gone",
                                        [EXECUTABLE] = "changed its executable bit",
                                        [TYPE] = "became another type of file"};
    struct since *s = a->s;
    if (!s->affected[n])
        return;
    if (s->everything) {
        buf_printf(out, "there is no base to compare with");
        return;
    }
    n = start_of(a, n);
    if (s->doubt[n] != ID_NONE) {
        const struct file *f = &s->now->files[s->doubt[n]];
        buf_printf(out,
                   f->flags & FILE_LOADED ? "its Testfile reads %s, which may come out different"
                                          : "%s changed, which its last run read",
                   graph_str(s->now, f->path));
        return;
    }
    struct cause c = cause_of(a, n);
    switch (c.kind) {
    case NEW_TARGET:
        buf_printf(out, "%s is new", graph_label(s->now, n));
        break;
    case FILES:
        buf_printf(out, "%s %s", file_name(a, &c.files), verbs[c.files.how]);
        if (c.files.count > 1)
            buf_printf(out, ", and %u more", c.files.count - 1);
        break;
    case TOOL:
        buf_printf(out, "the tool %s changed", graph_str(s->now, c.tool_file));
        break;
    case DEPENDENCIES:
        buf_printf(out, "%s depends on other targets now", graph_label(s->now, n));
        break;
    default:
        buf_printf(out, "the declaration of %s changed", graph_label(s->now, n));
    }
}

void affected_path(struct affected *a, node_id n, struct strvec *out)
{
    struct since *s = a->s;
    node_id first = start_of(a, n);
    if (!s->affected[n])
        return;
    if (!s->everything && s->doubt[first] != ID_NONE) {
        strvec_add(out, graph_str(s->now, s->now->files[s->doubt[first]].path));
    } else if (!s->everything) {
        struct cause c = cause_of(a, first);
        strvec_add(out, c.kind == FILES  ? file_name(a, &c.files)
                        : c.kind == TOOL ? graph_str(s->now, c.tool_file)
                                         : edited_file(a, first));
    }
    size_t at = out->n;
    for (; n != ID_NONE; n = a->via[n])
        strvec_add(out, graph_label(s->now, n));
    for (size_t i = at, k = out->n; i + 1 < k; i++) { /* from the edit to the target */
        char *swap = out->v[i];
        out->v[i] = out->v[--k];
        out->v[k] = swap;
    }
}
