/* SPDX-License-Identifier: MIT
 *
 * What is known outlives the graph that it was known of: compaction before writing, inheritance after loading again. */
#include <string.h>

#include "graph/graph_internal.h"

/* Forgets the files that had to go and went. */
static void drop_gone(struct graph *g, struct node_state *st)
{
    struct made_file *v = g->made + st->made_at;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < st->n_made; i++)
        if (v[i].type != ENTRY_NONE || !graph_made_ok(&v[i], &g->files[v[i].file].state))
            v[kept++] = v[i];
    st->n_made = kept;
}

static void compact_made(struct graph *g)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        drop_gone(g, &g->states[i]);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        used += g->states[i].n_made;
    if (used == g->n_made)
        return;
    struct made_file *made = mem_resize(NULL, used + 1, sizeof *made);
    uint32_t at = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        struct node_state *st = &g->states[i];
        if (st->n_made)
            memcpy(made + at, g->made + st->made_at, st->n_made * sizeof *made);
        st->made_at = at;
        at += st->n_made;
    }
    if (g->cap_made)
        mem_free(g->made);
    g->made = made;
    g->n_made = used;
    g->cap_made = used + 1;
}

static void compact_sets(struct graph *g)
{
    uint32_t *to = mem_resize(NULL, g->n_sets + 1, sizeof *to);
    for (uint32_t i = 0; i < g->n_sets; i++)
        to[i] = ID_NONE;
    for (uint32_t i = 0; i < g->n_node_sets; i++)
        to[g->node_sets[i]] = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (g->states[i].reads != ID_NONE)
            to[g->states[i].reads] = 0;
    uint32_t kept = 0, members = 0;
    for (uint32_t i = 0; i < g->n_sets; i++)
        if (to[i] == 0) {
            to[i] = kept++;
            members += g->sets[i].n;
        }
    if (kept < g->n_sets) {
        struct file_set *sets = mem_resize(NULL, kept + 1, sizeof *sets);
        file_id *files = mem_resize(NULL, members + 1, sizeof *files);
        uint32_t at = 0;
        for (uint32_t i = 0; i < g->n_sets; i++) {
            if (to[i] == ID_NONE)
                continue;
            if (g->sets[i].n)
                memcpy(files + at, g->set_files + g->sets[i].at, g->sets[i].n * sizeof *files);
            sets[to[i]] = (struct file_set){at, g->sets[i].n};
            at += g->sets[i].n;
        }
        for (uint32_t i = 0; i < g->n_node_sets; i++)
            g->node_sets[i] = to[g->node_sets[i]];
        for (uint32_t i = 0; i < g->n_nodes; i++)
            if (g->states[i].reads != ID_NONE)
                g->states[i].reads = to[g->states[i].reads];
        if (g->cap_sets)
            mem_free(g->sets);
        if (g->cap_set_files)
            mem_free(g->set_files);
        g->sets = sets;
        g->set_files = files;
        g->n_sets = kept;
        g->cap_sets = kept + 1;
        g->n_set_files = members;
        g->cap_set_files = members + 1;
    }
    mem_free(to);
}

/* A process that resolved some nodes has seen files or outputs change, or made them change, and others were not asked
 * what that means for them. */
static void settle(struct graph *g)
{
    bool any = false;
    for (uint32_t i = 0; i < g->n_nodes && !any; i++)
        any = g->states[i].settled == SETTLED_NOW;
    for (uint32_t i = 0; i < g->n_nodes && any; i++)
        g->states[i].settled = g->states[i].settled == SETTLED_NOW ? SETTLED : UNSETTLED;
}

void graph_compact(struct graph *g)
{
    settle(g);
    compact_made(g);
    compact_sets(g);
}

/* The entry of node n with this path, ID_NONE if it has none. */
static uint32_t same_out(const struct graph *g, const struct node *n, const char *path, uint32_t kind)
{
    for (uint32_t o = n->outs_at; o < n->outs_at + n->n_outs; o++)
        if (g->outs[o].kind == kind && strcmp(graph_str(g, g->outs[o].path), path) == 0)
            return o;
    return ID_NONE;
}

static void inherit_node(struct graph *g, struct graph *old, node_id to, node_id from)
{
    struct node_state st = old->states[from];
    if (g->nodes[to].kind != old->nodes[from].kind)
        return;
    st.settled = UNSETTLED;
    if (st.reads != ID_NONE) {
        const struct file_set *s = &old->sets[st.reads];
        file_id *members = mem_resize(NULL, s->n + 1, sizeof *members);
        for (uint32_t i = 0; i < s->n; i++)
            members[i] = graph_file(g, graph_str(old, old->files[old->set_files[s->at + i]].path));
        st.reads = graph_add_set(g, members, s->n);
        mem_free(members);
    }
    uint32_t n_made = st.n_made, made_at = st.made_at;
    st.n_made = st.made_at = 0;
    struct made_file *made = mem_resize(NULL, n_made + 1, sizeof *made);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n_made; i++) {
        struct made_file m = old->made[made_at + i];
        const struct out_entry *o = &old->outs[m.out];
        m.out = same_out(g, &g->nodes[to], graph_str(old, o->path), o->kind);
        if (m.out == ID_NONE) {
            if (st.status == STATUS_CLEAN) /* cannot keep its key either, since outputs are part of it */
                st.status = STATUS_DIRTY;
            continue;
        }
        m.file = graph_file(g, graph_str(old, old->files[m.file].path));
        made[kept++] = m;
    }
    g->states[to] = st;
    graph_set_made(g, to, made, kept);
    mem_free(made);
    const struct node *a = &g->nodes[to], *b = &old->nodes[from];
    for (uint32_t o = 0; o < a->n_outs; o++) {
        for (uint32_t k = 0; k < b->n_outs; k++) {
            const struct out_entry *was = &old->outs[b->outs_at + k];
            if (strcmp(graph_str(old, was->path), graph_str(g, g->outs[a->outs_at + o].path)) == 0)
                g->outs[a->outs_at + o].digest = was->digest;
        }
    }
}

void graph_inherit(struct graph *g, struct graph *old)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        node_id from = graph_find(old, graph_label(g, i));
        if (from != ID_NONE)
            inherit_node(g, old, i, from);
    }
    for (uint32_t i = 0; i < g->n_files; i++) {
        if (g->files[i].state.stamp.taken_ns)
            continue; /* stamped more recently */
        file_id from = graph_find_file(old, graph_str(g, g->files[i].path));
        if (from != ID_NONE)
            g->files[i].state = old->files[from].state;
    }
}
