/* SPDX-License-Identifier: MIT
 *
 * Topological order (Kahn 1962), and one cycle where there is none. No recursion. */
#include <string.h>

#include "graph/graph_internal.h"

/* Every node left over by Kahn's algorithm needs another one left over: following such needs must come round. */
static void find_cycle(const struct graph *g, const uint32_t *waiting, node_id **cycle, uint32_t *n_cycle)
{
    uint32_t *seen_at = mem_calloc(g->n_nodes, sizeof *seen_at); /* 1-based place on the path */
    node_id *path = mem_resize(NULL, g->n_nodes + 1, sizeof *path);
    uint32_t len = 0;
    node_id at = 0;
    while (!waiting[at])
        at++;
    while (!seen_at[at]) {
        path[len++] = at;
        seen_at[at] = len;
        const struct node *n = &g->nodes[at];
        for (uint32_t i = 0; i < n->n_edges; i++) {
            node_id to = g->edges[n->edges_at + i].to;
            if (waiting[to]) {
                at = to;
                break;
            }
        }
    }
    uint32_t first = seen_at[at] - 1;
    *n_cycle = len - first;
    memmove(path, path + first, *n_cycle * sizeof *path);
    *cycle = path;
    mem_free(seen_at);
}

bool graph_sort(struct graph *g, node_id **cycle, uint32_t *n_cycle)
{
    uint32_t n = g->n_nodes;
    uint32_t *waiting = mem_calloc(n + 1, sizeof *waiting); /* unfinished dependencies */
    uint32_t *at = mem_calloc((size_t)n + 2, sizeof *at);   /* dependents of i: users[at[i]] .. users[at[i + 1]] */
    node_id *users = mem_resize(NULL, g->n_edges + 1, sizeof *users);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t e = 0; e < g->nodes[i].n_edges; e++)
            at[g->edges[g->nodes[i].edges_at + e].to + 2]++;
    for (uint32_t i = 2; i < n + 2; i++)
        at[i] += at[i - 1];
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t e = 0; e < g->nodes[i].n_edges; e++) {
            users[at[g->edges[g->nodes[i].edges_at + e].to + 1]++] = i;
            waiting[i]++;
        }
    g->order = graph_grow(g->order, 0, n + 1, &g->cap_order, sizeof *g->order);
    uint32_t done = 0, tail = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!waiting[i])
            g->order[tail++] = i;
    while (done < tail) {
        node_id i = g->order[done++];
        for (uint32_t u = at[i]; u < at[i + 1]; u++)
            if (--waiting[users[u]] == 0)
                g->order[tail++] = users[u];
    }
    bool ok = done == n;
    if (!ok)
        find_cycle(g, waiting, cycle, n_cycle);
    mem_free(waiting);
    mem_free(at);
    mem_free(users);
    return ok;
}
