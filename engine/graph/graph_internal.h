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

/* order.c: fills g->order; on a cycle returns false and the nodes of one cycle, first to last, in cycle (mem_free). */
bool graph_sort(struct graph *g, node_id **cycle, uint32_t *n_cycle);

#endif
