/* SPDX-License-Identifier: MIT
 *
 * Shared by the files of graph/: growth of arrays that may be borrowed from a memory map. */
#ifndef TGRAPH_GRAPH_GRAPH_INTERNAL_H
#define TGRAPH_GRAPH_GRAPH_INTERNAL_H

#include "graph/graph.h"

/* Room for `more` further elements. cap 0 with n > 0 means the array is borrowed: it is copied first. */
void *graph_grow(void *v, uint32_t n, uint32_t more, uint32_t *cap, size_t size_bytes);
#define GRAPH_GROW(g, name, more)                                                                                      \
    ((g)->name = graph_grow((g)->name, (g)->n_##name, (more), &(g)->cap_##name, sizeof *(g)->name))

/* order.c: fills g->order and returns true; or tells of cycles, each as a path of nodes, and returns false. */
bool graph_sort(struct graph *g, void (*on_cycle)(void *ctx, const node_id *cycle, uint32_t n), void *ctx);

/* outputs.c: an entry that `out` must not share a path with, ID_NONE if there is none: one of another target that
 * holds its path, or an earlier one with the same path. */
uint32_t out_lookup_clash(struct out_lookup *l, const struct graph *g, uint32_t out);

#endif
