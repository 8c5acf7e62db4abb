/* SPDX-License-Identifier: MIT
 *
 * Topological order (Kahn 1962), and the cycles where there is none. No recursion. */
#include <string.h>

#include "graph/graph_internal.h"

/* Every node left over by Kahn's algorithm needs another one left over: following such needs must come round. Returns
 * the cycle's length; path has room for all nodes, seen_at is all 0 and is so again afterwards. */
static uint32_t find_cycle(const struct graph *g, node_id at, const uint32_t *waiting, node_id *path, uint32_t *seen_at)
{
    uint32_t len = 0;
    while (!seen_at[at]) {
        path[len++] = at;
        seen_at[at] = len; /* 1-based place on the path */
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
    for (uint32_t i = 0; i < len; i++)
        seen_at[path[i]] = 0;
    memmove(path, path + first, (len - first) * sizeof *path);
    return len - first;
}

bool graph_sort(struct graph *g, void (*on_cycle)(void *ctx, const node_id *cycle, uint32_t n), void *ctx)
{
    uint32_t n = g->n_nodes;
    uint32_t *waiting = mem_calloc(n + 1, sizeof *waiting); /* unfinished dependencies */
    uint32_t *at = mem_calloc((size_t)n + 2, sizeof *at);   /* dependents of i: users[at[i]] .. users[at[i + 1]] */
    node_id *users = mem_resize(NULL, g->n_edges + 1, sizeof *users);
    node_id *path = NULL;
    uint32_t *seen_at = NULL;
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
    uint32_t done = 0, tail = 0, stuck = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!waiting[i])
            g->order[tail++] = i;
    for (;;) {
        while (done < tail) {
            node_id i = g->order[done++];
            for (uint32_t u = at[i]; u < at[i + 1]; u++)
                if (waiting[users[u]] && --waiting[users[u]] == 0)
                    g->order[tail++] = users[u];
        }
        if (done == n)
            break;
        /* The cycle's nodes are let go, so that what it held up can show cycles of its own. */
        if (!path) {
            path = mem_resize(NULL, n, sizeof *path);
            seen_at = mem_calloc(n, sizeof *seen_at);
        }
        while (!waiting[stuck])
            stuck++;
        uint32_t len = find_cycle(g, stuck, waiting, path, seen_at);
        on_cycle(ctx, path, len);
        for (uint32_t i = 0; i < len; i++) {
            waiting[path[i]] = 0;
            g->order[tail++] = path[i];
        }
    }
    bool ok = !path;
    mem_free(waiting);
    mem_free(at);
    mem_free(users);
    mem_free(path);
    mem_free(seen_at);
    return ok;
}
