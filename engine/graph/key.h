/* SPDX-License-Identifier: MIT
 *
 * Keys: digests of all that can change a node's outcome (docs/architecture.md, "Keys"). Pure: works on digests that
 * stamping filled in.
 */
#ifndef TGRAPH_GRAPH_KEY_H
#define TGRAPH_GRAPH_KEY_H

#include "graph/graph.h"

#define KEY_FORMAT 2 /* raise it when the meaning of a key changes */

/* What every key takes in besides the node's own parts. */
struct key_context {
    struct digest platform; /* system, architecture, C library */
    struct digest path;     /* the value of PATH, and of HOME, as processes get them */
    struct digest home;
    struct digest *set_content; /* per set; NONE = not computed yet */
    struct digest *set_names;
    uint8_t *set_unsure;       /* 1: holds a file whose content could not be read; valid with set_content */
    uint32_t n_sets;           /* as many as were allocated */
    struct digest *tool;       /* per tool, all computed by key_context_init */
    struct hasher h;           /* scratch */
    struct digest *static_key; /* per node; filled by key_static_all */
};
/* Uses file states: call it when the tools' files are stamped. */
void key_context_init(struct key_context *c, const struct graph *g, struct digest platform, const char *path,
                      const char *home);
void key_context_clear(struct key_context *c);

struct digest key_set_content(struct key_context *c, const struct graph *g, set_id s); /* path, type, digest of each */
struct digest key_set_names(struct key_context *c, const struct graph *g, set_id s);   /* paths only */
/* Does the node's key rest on content (of an input, a tool, a file read) that could not be read? Then no pass may be stored under it. After its key. */
bool key_is_unsure(const struct key_context *c, const struct graph *g, node_id n);
/* To be called when a file of the set was stamped anew. */
void key_set_forget(struct key_context *c, set_id s);

/* What `e` contributes to a key: the states of the node it leads to must be resolved. */
struct digest key_edge(struct key_context *c, const struct graph *g, const struct edge *e);
/* The dependencies' part (node_state.deps). */
struct digest key_deps(struct key_context *c, const struct graph *g, node_id n);
/* The weak key, or the key itself for a node without a depfile. `deps` from key_deps. */
struct digest key_weak(struct key_context *c, const struct graph *g, node_id n, struct digest deps);
struct digest key_strong(struct key_context *c, const struct graph *g, struct digest weak, set_id reads);
/* After a pass: sets outs[].digest from made[], and states[n].deep. For services: from the key. */
void key_outputs(struct key_context *c, struct graph *g, node_id n);
/* Static keys of all nodes, into c->static_key. */
void key_static_all(struct key_context *c, const struct graph *g);

#endif
