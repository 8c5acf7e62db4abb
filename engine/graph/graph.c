/* SPDX-License-Identifier: MIT
 *
 * The graph's arrays: growth, look-ups, the packed actions. */
#include <stdlib.h>
#include <string.h>

#include "graph/graph_internal.h"

void graph_init(struct graph *g)
{
    memset(g, 0, sizeof *g);
    strtab_init(&g->strs);
}

void graph_clear(struct graph *g)
{
    strtab_clear(&g->strs);
#define FREE(name)                                                                                                     \
    do {                                                                                                               \
        if (g->cap_##name)                                                                                             \
            mem_free(g->name);                                                                                         \
    } while (0)
    FREE(nodes);
    FREE(order);
    FREE(states);
    FREE(edges);
    FREE(outs);
    FREE(files);
    FREE(sets);
    FREE(set_files);
    FREE(node_sets);
    FREE(tools);
    FREE(node_tools);
    FREE(pools);
    FREE(made);
    FREE(cases);
    FREE(words);
#undef FREE
    map_clear(&g->file_index);
    map_clear(&g->label_index);
    memset(g, 0, sizeof *g);
}

void *graph_grow(void *v, uint32_t n, uint32_t more, uint32_t *cap, size_t size_bytes)
{
    if (more > UINT32_MAX / 2 - n)
        BUG("a graph array is full");
    if (*cap >= n + more && *cap)
        return v;
    uint32_t want = *cap ? *cap : n;
    if (want < 16)
        want = 16;
    while (want < n + more)
        want = want > UINT32_MAX / 4 ? n + more : want * 2;
    if (*cap) {
        v = mem_resize(v, want, size_bytes);
    } else {
        void *old = v;
        v = mem_resize(NULL, want, size_bytes);
        if (n)
            memcpy(v, old, (size_t)n * size_bytes);
    }
    *cap = want;
    return v;
}

node_id graph_find(struct graph *g, const char *label)
{
    if (!g->indexed_labels) {
        map_reserve(&g->label_index, g->n_nodes);
        for (uint32_t i = g->n_nodes; i-- > 0;) /* the first of several with one label stays */
            map_put(&g->label_index, g->nodes[i].label, i);
        g->indexed_labels = true;
    }
    str_id id = strtab_find(&g->strs, label);
    return id == STR_NONE ? ID_NONE : map_get(&g->label_index, id);
}

static void index_files(struct graph *g)
{
    if (g->indexed_files)
        return;
    map_reserve(&g->file_index, g->n_files);
    for (uint32_t i = 0; i < g->n_files; i++)
        map_put(&g->file_index, g->files[i].path, i);
    g->indexed_files = true;
}

file_id graph_find_file(struct graph *g, const char *path)
{
    index_files(g);
    str_id id = strtab_find(&g->strs, path);
    return id == STR_NONE ? ID_NONE : map_get(&g->file_index, id);
}

file_id graph_file(struct graph *g, const char *path)
{
    index_files(g);
    str_id id = strtab_add(&g->strs, path);
    uint32_t f = map_get(&g->file_index, id);
    if (f != MAP_NONE)
        return f;
    GRAPH_GROW(g, files, 1);
    f = g->n_files++;
    memset(&g->files[f], 0, sizeof g->files[f]);
    g->files[f].path = id;
    map_put(&g->file_index, id, f);
    return f;
}

/* Sorting by path needs the graph; qsort has no context argument in C17, so the paths go with the ids. */
struct member {
    const char *path;
    file_id id;
};

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->path, ((const struct member *)b)->path);
}

set_id graph_add_set(struct graph *g, file_id *members, uint32_t n)
{
    bool sorted = true;
    for (uint32_t i = 1; i < n && sorted; i++)
        sorted = strcmp(graph_str(g, g->files[members[i - 1]].path), graph_str(g, g->files[members[i]].path)) < 0;
    if (!sorted) {
        struct member *m = mem_resize(NULL, n, sizeof *m);
        for (uint32_t i = 0; i < n; i++)
            m[i] = (struct member){graph_str(g, g->files[members[i]].path), members[i]};
        qsort(m, n, sizeof *m, compare_members);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < n; i++)
            if (i == 0 || m[i].id != m[i - 1].id)
                members[kept++] = m[i].id;
        n = kept;
        mem_free(m);
    }
    GRAPH_GROW(g, set_files, n);
    GRAPH_GROW(g, sets, 1);
    if (n)
        memcpy(g->set_files + g->n_set_files, members, n * sizeof *members);
    g->sets[g->n_sets] = (struct file_set){g->n_set_files, n};
    g->n_set_files += n;
    return g->n_sets++;
}

void graph_set_made(struct graph *g, node_id n, const struct made_file *v, uint32_t count)
{
    struct node_state *st = &g->states[n];
    if (count > st->n_made) { /* the old place is too small: append; the frozen file is written compactly again */
        GRAPH_GROW(g, made, count);
        st->made_at = g->n_made;
        g->n_made += count;
    }
    if (count)
        memcpy(g->made + st->made_at, v, count * sizeof *v);
    st->n_made = count;
}

bool graph_made_ok(const struct made_file *m, const struct file_state *now)
{
    if (m->type == ENTRY_NONE)
        return now->type == ENTRY_NONE || !digest_eq(now->digest, m->blob);
    return now->type == m->type && digest_eq(now->digest, m->digest);
}

struct id_list graph_tags(const struct graph *g, node_id n)
{
    const struct graph_case *c = graph_case(g, n);
    if (c)
        return (struct id_list){g->words + c->tags + 1, g->words[c->tags]};
    struct action a;
    graph_action(g, n, &a);
    return a.tags;
}

bool graph_suite(const struct graph *g, node_id n, struct suite_action *out)
{
    struct action a;
    graph_action(g, n, &a);
    if (!a.suite)
        return false;
    const uint32_t *w = g->words + a.suite;
    *out = (struct suite_action){.order = w[0],
                                 .isolate = w[1] & 1,
                                 .reports_reads = w[1] & 2,
                                 .start_timeout_ms = w[2] | (uint64_t)w[3] << 32,
                                 .recycle_cases = w[4],
                                 .recycle_bytes = w[5] | (uint64_t)w[6] << 32,
                                 .batch = w[7]};
    return true;
}

void graph_action(const struct graph *g, node_id n, struct action *out)
{
    const uint32_t *w = g->words + g->nodes[n].action;
#define LIST(field)                                                                                                    \
    do {                                                                                                               \
        out->field.n = *w++;                                                                                           \
        out->field.v = w;                                                                                              \
        w += out->field.n;                                                                                             \
    } while (0)
    LIST(argv);
    LIST(env);
    LIST(exclusive);
    LIST(tags);
    LIST(success_codes);
    LIST(ready_cmd);
#undef LIST
    out->cwd = *w++;
    out->stdin_path = *w++;
    out->stdin_text = *w++;
    out->depfile = *w++;
    out->description = *w++;
    out->stdout_path = *w++;
    out->timeout_ms = w[0] | (uint64_t)w[1] << 32;
    w += 2;
    out->retries = *w++;
    out->slots = *w++;
    out->pool = *w++;
    out->ready = *w++;
    out->ready_line = *w++;
    out->ready_port = *w++;
    out->ready_shell = *w++ != 0;
    out->ready_timeout_ms = w[0] | (uint64_t)w[1] << 32;
    out->suite = w[2];
}

void graph_mark_needed(const struct graph *g, node_id n, uint8_t *mark)
{
    if (mark[n])
        return;
    uint32_t cap = 64, top = 0;
    node_id *stack = mem_resize(NULL, cap, sizeof *stack);
    stack[top++] = n;
    mark[n] = 1;
    while (top) {
        const struct node *nd = &g->nodes[stack[--top]];
        for (uint32_t i = 0; i < nd->n_edges; i++) {
            node_id to = g->edges[nd->edges_at + i].to;
            if (mark[to])
                continue;
            mark[to] = 1;
            MEM_GROW(stack, top, cap);
            stack[top++] = to;
        }
    }
    mem_free(stack);
}

void graph_open_groups(const struct graph *g, uint8_t *selected)
{
    for (uint32_t k = g->n_nodes; k-- > 0;) {
        node_id n = g->order[k];
        if (!selected[n] || !kind_is_group((enum node_kind)g->nodes[n].kind))
            continue;
        for (uint32_t i = 0; i < g->nodes[n].n_edges; i++) {
            const struct edge *e = &g->edges[g->nodes[n].edges_at + i];
            if (e->out != OUT_ORDER)
                selected[e->to] = 1;
        }
    }
}
