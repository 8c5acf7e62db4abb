/* SPDX-License-Identifier: MIT
 *
 * The graph as sections of bytes, and back. What comes back is checked as a stranger's: the checksum of the frozen file
 * says that the bytes are those that were written, the checks here that they make sense together. */
#include <string.h>

#include "graph/graph_internal.h"

enum {
    SEC_STRS,
    SEC_NODES,
    SEC_ORDER,
    SEC_STATES,
    SEC_EDGES,
    SEC_OUTS,
    SEC_FILES,
    SEC_SETS,
    SEC_SET_FILES,
    SEC_NODE_SETS,
    SEC_TOOLS,
    SEC_NODE_TOOLS,
    SEC_POOLS,
    SEC_MADE,
    SEC_WORDS,
    SEC_CASES,
};

void graph_sections(const struct graph *g, struct graph_section out[GRAPH_SECTIONS])
{
    memset(out, 0, GRAPH_SECTIONS * sizeof *out);
    out[SEC_STRS] = (struct graph_section){g->strs.data, g->strs.len};
#define SEC(id, name) out[id] = (struct graph_section){g->name, (size_t)g->n_##name * sizeof *g->name}
    SEC(SEC_NODES, nodes);
    out[SEC_ORDER] = (struct graph_section){g->order, (size_t)g->n_nodes * sizeof *g->order};
    out[SEC_STATES] = (struct graph_section){g->states, (size_t)g->n_nodes * sizeof *g->states};
    SEC(SEC_EDGES, edges);
    SEC(SEC_OUTS, outs);
    SEC(SEC_FILES, files);
    SEC(SEC_SETS, sets);
    SEC(SEC_SET_FILES, set_files);
    SEC(SEC_NODE_SETS, node_sets);
    SEC(SEC_TOOLS, tools);
    SEC(SEC_NODE_TOOLS, node_tools);
    SEC(SEC_POOLS, pools);
    SEC(SEC_MADE, made);
    SEC(SEC_WORDS, words);
    SEC(SEC_CASES, cases);
#undef SEC
}

enum { ACTION_WORDS = 18, SUITE_WORDS = 8 }; /* after an action's lists; of a suite */

static bool span_ok(uint32_t at, uint32_t n, uint32_t limit) { return at <= limit && n <= limit - at; }

/* Is the action at `at` wholly inside words[], with string ids in range? Walks it as graph_action does. */
static bool action_ok(const struct graph *g, uint32_t at)
{
    uint32_t left = g->n_words;
    if (at > left)
        return false;
    const uint32_t *w = g->words + at;
    left -= at;
    size_t len = g->strs.len;
    for (int list = 0; list < 6; list++) {
        if (left < 1 || w[0] > left - 1)
            return false;
        uint32_t n = w[0];
        /* List 1 holds names and values in turn, and a value may be missing; list 4 holds exit codes. */
        for (uint32_t i = 1; i <= n && list != 4; i++)
            if (w[i] >= len && !(list == 1 && i % 2 == 0 && w[i] == STR_NONE))
                return false;
        if (list == 1 && n % 2)
            return false;
        w += n + 1;
        left -= n + 1;
    }
    if (left < ACTION_WORDS)
        return false;
    for (int i = 0; i < 6; i++)
        if (w[i] != STR_NONE && w[i] >= len)
            return false;
    if (w[0] == STR_NONE)
        return false;
    if (w[10] != ID_NONE && w[10] >= g->n_pools)
        return false;
    if (w[17] && !span_ok(w[17], SUITE_WORDS, g->n_words))
        return false;
    return w[12] == STR_NONE || w[12] < len;
}

/* Cases are the last nodes, and nothing else is one. */
static bool cases_ok(const struct graph *g)
{
    size_t len = g->strs.len;
    if (g->n_cases > g->n_nodes)
        return false;
    uint32_t first = g->n_nodes - g->n_cases;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if ((g->nodes[i].kind == KIND_CASE) != (i >= first))
            return false;
    for (uint32_t i = 0; i < g->n_cases; i++) {
        const struct graph_case *c = &g->cases[i];
        struct suite_action s;
        if (c->suite >= first || g->nodes[c->suite].kind != KIND_SUITE || c->id >= len ||
            (c->group != STR_NONE && c->group >= len) || (c->data != STR_NONE && c->data >= len) ||
            !span_ok(c->tags, 1, g->n_words) || !span_ok(c->tags + 1, g->words[c->tags], g->n_words) ||
            !graph_suite(g, first + i, &s))
            return false;
        for (uint32_t t = 1; t <= g->words[c->tags]; t++)
            if (g->words[c->tags + t] >= len)
                return false;
    }
    for (uint32_t i = 0; i < first; i++) {
        struct suite_action s;
        if (g->nodes[i].kind == KIND_SUITE && !graph_suite(g, i, &s))
            return false;
    }
    return true;
}

/* Each node once, what it needs before it: whoever follows the order relies on that. */
static bool order_ok(const struct graph *g)
{
    uint8_t *seen = mem_calloc((size_t)g->n_nodes + 1, 1);
    bool ok = true;
    for (uint32_t k = 0; k < g->n_nodes && ok; k++) {
        node_id i = g->order[k];
        ok = i < g->n_nodes && !seen[i];
        if (!ok)
            break;
        const struct node *n = &g->nodes[i];
        for (uint32_t e = 0; e < n->n_edges && ok; e++)
            ok = seen[g->edges[n->edges_at + e].to] != 0;
        seen[i] = 1;
    }
    mem_free(seen);
    return ok;
}

static bool nodes_ok(const struct graph *g)
{
    size_t len = g->strs.len;
    uint64_t n_made = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
        const struct node_state *s = &g->states[i];
        if (n->label >= len || n->dir >= len || n->pos_file >= len || n->kind < KIND_TEST || n->kind > KIND_CASE ||
            !span_ok(n->edges_at, n->n_edges, g->n_edges) || !span_ok(n->sets_at, n->n_sets, g->n_node_sets) ||
            !span_ok(n->may_at, n->n_may, g->n_node_sets) || !span_ok(n->outs_at, n->n_outs, g->n_outs) ||
            !span_ok(n->tools_at, n->n_tools, g->n_node_tools) || !span_ok(s->made_at, s->n_made, g->n_made) ||
            (s->reads != ID_NONE && s->reads >= g->n_sets) || !action_ok(g, n->action))
            return false;
        n_made += s->n_made;
    }
    /* Nobody shares a piece of made[] or set_files[]: copies of them are as long as they are together. */
    return n_made <= g->n_made && order_ok(g);
}

bool graph_view(struct graph *g, const struct graph_section s[GRAPH_SECTIONS])
{
    graph_init(g);
    const char *strs = s[SEC_STRS].p;
    size_t len = s[SEC_STRS].len;
    if (len == 0 || len > UINT32_MAX || strs[0] != 0 || strs[len - 1] != 0)
        return false;
    strtab_view(&g->strs, strs, len);
#define SEC(id, name)                                                                                                  \
    do {                                                                                                               \
        if (s[id].len % sizeof *g->name || s[id].len / sizeof *g->name > UINT32_MAX / 2)                               \
            return false;                                                                                              \
        g->name = (void *)(uintptr_t)s[id].p;                                                                          \
        g->n_##name = (uint32_t)(s[id].len / sizeof *g->name);                                                         \
    } while (0)
    SEC(SEC_NODES, nodes);
    SEC(SEC_EDGES, edges);
    SEC(SEC_OUTS, outs);
    SEC(SEC_FILES, files);
    SEC(SEC_SETS, sets);
    SEC(SEC_SET_FILES, set_files);
    SEC(SEC_NODE_SETS, node_sets);
    SEC(SEC_TOOLS, tools);
    SEC(SEC_NODE_TOOLS, node_tools);
    SEC(SEC_POOLS, pools);
    SEC(SEC_MADE, made);
    SEC(SEC_WORDS, words);
    SEC(SEC_CASES, cases);
#undef SEC
    if (s[SEC_ORDER].len != g->n_nodes * sizeof *g->order || s[SEC_STATES].len != g->n_nodes * sizeof *g->states)
        return false;
    g->order = (void *)(uintptr_t)s[SEC_ORDER].p;
    g->states = (void *)(uintptr_t)s[SEC_STATES].p;
    for (uint32_t i = 0; i < g->n_edges; i++)
        if (g->edges[i].to >= g->n_nodes ||
            (g->edges[i].out != ID_NONE && g->edges[i].out != OUT_ORDER && g->edges[i].out >= g->n_outs))
            return false;
    for (uint32_t i = 0; i < g->n_outs; i++)
        if (g->outs[i].path >= len || g->outs[i].producer >= g->n_nodes)
            return false;
    for (uint32_t i = 0; i < g->n_files; i++)
        if (g->files[i].path >= len)
            return false;
    uint64_t members = 0;
    for (uint32_t i = 0; i < g->n_sets; i++) {
        if (!span_ok(g->sets[i].at, g->sets[i].n, g->n_set_files))
            return false;
        members += g->sets[i].n;
    }
    if (members > g->n_set_files)
        return false;
    for (uint32_t i = 0; i < g->n_set_files; i++)
        if (g->set_files[i] >= g->n_files)
            return false;
    for (uint32_t i = 0; i < g->n_node_sets; i++)
        if (g->node_sets[i] >= g->n_sets)
            return false;
    for (uint32_t i = 0; i < g->n_tools; i++)
        if (g->tools[i].name >= len || (g->tools[i].file != ID_NONE && g->tools[i].file >= g->n_files) ||
            (g->tools[i].interpreter != ID_NONE && g->tools[i].interpreter >= g->n_tools))
            return false;
    for (uint32_t i = 0; i < g->n_node_tools; i++)
        if (g->node_tools[i] >= g->n_tools)
            return false;
    for (uint32_t i = 0; i < g->n_pools; i++)
        if (g->pools[i].name >= len)
            return false;
    for (uint32_t i = 0; i < g->n_made; i++)
        if (g->made[i].file >= g->n_files || g->made[i].out >= g->n_outs)
            return false;
    return nodes_ok(g) && cases_ok(g);
}
