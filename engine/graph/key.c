/* SPDX-License-Identifier: MIT
 *
 * Keys. Each digest starts with a tag of its own, so that no two kinds of digest can be mistaken for one another. */
#include <string.h>

#include "graph/key.h"

enum key_tag {
    TAG_WEAK = 1,
    TAG_STRONG,
    TAG_STATIC,
    TAG_SET,
    TAG_NAMES,
    TAG_TOOL,
    TAG_DEPS,
    TAG_DEEP,
    TAG_OUT,
    TAG_EDGE
};

#define TOOL_DEPTH 8 /* an interpreter's interpreter and so on; the kernel stops at 5 levels */

static void hash_tool(struct key_context *c, const struct graph *g, uint32_t t)
{
    hasher_reset(&c->h);
    hasher_u8(&c->h, TAG_TOOL);
    uint32_t depth = 0;
    for (uint32_t i = t; i != ID_NONE && depth < TOOL_DEPTH; i = g->tools[i].interpreter, depth++) {
        const struct tool *tool = &g->tools[i];
        hasher_str(&c->h, graph_str(g, tool->name));
        if (tool->file == ID_NONE) {
            hasher_str(&c->h, NULL);
            continue;
        }
        const struct file *f = &g->files[tool->file];
        hasher_str(&c->h, graph_str(g, f->path)); /* a program may look for its files beside itself */
        hasher_u8(&c->h, f->state.type);
        hasher_digest(&c->h, f->state.digest);
    }
    c->tool[t] = hasher_end(&c->h);
}

void key_context_init(struct key_context *c, const struct graph *g, struct digest platform, const char *path,
                      const char *home)
{
    memset(c, 0, sizeof *c);
    hasher_init(&c->h);
    c->platform = platform;
    c->path = digest_bytes(path, strlen(path));
    c->home = digest_bytes(home, strlen(home));
    c->n_sets = g->n_sets;
    c->set_content = mem_calloc(c->n_sets + 1, sizeof *c->set_content);
    c->set_names = mem_calloc(c->n_sets + 1, sizeof *c->set_names);
    c->set_unsure = mem_calloc(c->n_sets + 1, 1);
    c->tool = mem_calloc(g->n_tools + 1, sizeof *c->tool);
    for (uint32_t i = 0; i < g->n_tools; i++)
        hash_tool(c, g, i);
}

void key_context_clear(struct key_context *c)
{
    hasher_clear(&c->h);
    mem_free(c->set_content);
    mem_free(c->set_names);
    mem_free(c->set_unsure);
    mem_free(c->tool);
    mem_free(c->static_key);
    memset(c, 0, sizeof *c);
}

/* Sets may be added to the graph after the context was made. */
static void make_room(struct key_context *c, const struct graph *g)
{
    if (g->n_sets <= c->n_sets)
        return;
    uint32_t n = g->n_sets + g->n_sets / 2 + 16;
    c->set_content = mem_resize(c->set_content, n, sizeof *c->set_content);
    c->set_names = mem_resize(c->set_names, n, sizeof *c->set_names);
    c->set_unsure = mem_resize(c->set_unsure, n, 1);
    memset(c->set_unsure + c->n_sets, 0, n - c->n_sets);
    memset(c->set_content + c->n_sets, 0, (n - c->n_sets) * sizeof *c->set_content);
    memset(c->set_names + c->n_sets, 0, (n - c->n_sets) * sizeof *c->set_names);
    c->n_sets = n;
}

struct digest key_set_content(struct key_context *c, const struct graph *g, set_id s)
{
    make_room(c, g);
    if (!digest_is_none(c->set_content[s]))
        return c->set_content[s];
    const struct file_set *set = &g->sets[s];
    hasher_reset(&c->h);
    hasher_u8(&c->h, TAG_SET);
    hasher_u32(&c->h, set->n);
    c->set_unsure[s] = 0;
    for (uint32_t i = 0; i < set->n; i++) {
        const struct file *f = &g->files[g->set_files[set->at + i]];
        if (f->state.type == ENTRY_OTHER)
            c->set_unsure[s] = 1;
        hasher_str(&c->h, graph_str(g, f->path));
        hasher_u8(&c->h, f->state.type);
        hasher_digest(&c->h, f->state.digest);
    }
    return c->set_content[s] = hasher_end(&c->h);
}

struct digest key_set_names(struct key_context *c, const struct graph *g, set_id s)
{
    make_room(c, g);
    if (!digest_is_none(c->set_names[s]))
        return c->set_names[s];
    const struct file_set *set = &g->sets[s];
    hasher_reset(&c->h);
    hasher_u8(&c->h, TAG_NAMES);
    hasher_u32(&c->h, set->n);
    for (uint32_t i = 0; i < set->n; i++)
        hasher_str(&c->h, graph_str(g, g->files[g->set_files[set->at + i]].path));
    return c->set_names[s] = hasher_end(&c->h);
}

static bool tool_is_unsure(const struct graph *g, uint32_t t)
{
    for (uint32_t i = t, depth = 0; i != ID_NONE && depth < TOOL_DEPTH; i = g->tools[i].interpreter, depth++)
        if (g->tools[i].file != ID_NONE && g->files[g->tools[i].file].state.type == ENTRY_OTHER)
            return true;
    return false;
}

bool key_is_unsure(const struct key_context *c, const struct graph *g, node_id n)
{
    const struct node *nd = &g->nodes[n];
    for (uint32_t i = 0; i < nd->n_tools; i++)
        if (tool_is_unsure(g, g->node_tools[nd->tools_at + i]))
            return true;
    for (uint32_t i = 0; i < nd->n_sets; i++)
        if (c->set_unsure[g->node_sets[nd->sets_at + i]])
            return true;
    set_id reads = g->states[n].reads;
    return (nd->flags & NODE_DEPFILE) && reads != ID_NONE && reads < c->n_sets && c->set_unsure[reads];
}

void key_set_forget(struct key_context *c, set_id s)
{
    if (s < c->n_sets)
        c->set_content[s] = DIGEST_NONE;
}

struct digest key_edge(struct key_context *c, const struct graph *g, const struct edge *e)
{
    const struct node_state *to = &g->states[e->to];
    if (e->out == OUT_ORDER)
        return DIGEST_NONE;
    if (e->out == ID_NONE)
        return to->deep;
    hasher_reset(&c->h);
    hasher_u8(&c->h, TAG_EDGE);
    hasher_str(&c->h, graph_str(g, g->outs[e->out].path));
    hasher_digest(&c->h, g->outs[e->out].digest);
    hasher_digest(&c->h, to->deps);
    return hasher_end(&c->h);
}

struct digest key_deps(struct key_context *c, const struct graph *g, node_id n)
{
    const struct node *nd = &g->nodes[n];
    if (!nd->n_edges)
        return DIGEST_NONE;
    struct hasher h;
    hasher_init(&h);
    hasher_u8(&h, TAG_DEPS);
    for (uint32_t i = 0; i < nd->n_edges; i++)
        hasher_digest(&h, key_edge(c, g, &g->edges[nd->edges_at + i]));
    struct digest d = hasher_end(&h);
    hasher_clear(&h);
    return d;
}

/* The node's own parts, common to all its keys. The sets' digests are computed first: they use the same hasher. */
static void hash_own(struct key_context *c, const struct graph *g, const struct node *nd, enum key_tag tag,
                     bool may_by_content)
{
    for (uint32_t i = 0; i < nd->n_sets; i++)
        key_set_content(c, g, g->node_sets[nd->sets_at + i]);
    for (uint32_t i = 0; i < nd->n_may; i++) {
        set_id s = g->node_sets[nd->may_at + i];
        (void)(may_by_content ? key_set_content(c, g, s) : key_set_names(c, g, s));
    }
    struct hasher *h = &c->h;
    hasher_reset(h);
    hasher_u8(h, (uint8_t)tag);
    hasher_u32(h, KEY_FORMAT);
    hasher_u8(h, nd->kind);
    hasher_digest(h, c->platform);
    if (!kind_is_group((enum node_kind)nd->kind)) {
        if (!(nd->flags & NODE_OWN_PATH))
            hasher_digest(h, c->path);
        if (!(nd->flags & NODE_OWN_HOME))
            hasher_digest(h, c->home);
    }
    hasher_digest(h, nd->decl);
    hasher_u32(h, nd->n_tools);
    for (uint32_t i = 0; i < nd->n_tools; i++)
        hasher_digest(h, c->tool[g->node_tools[nd->tools_at + i]]);
    hasher_u32(h, nd->n_sets);
    for (uint32_t i = 0; i < nd->n_sets; i++)
        hasher_digest(h, c->set_content[g->node_sets[nd->sets_at + i]]);
    hasher_u32(h, nd->n_may);
    for (uint32_t i = 0; i < nd->n_may; i++) {
        set_id s = g->node_sets[nd->may_at + i];
        hasher_digest(h, may_by_content ? c->set_content[s] : c->set_names[s]);
    }
}

struct digest key_weak(struct key_context *c, const struct graph *g, node_id n, struct digest deps)
{
    hash_own(c, g, &g->nodes[n], TAG_WEAK, false);
    hasher_digest(&c->h, deps);
    return hasher_end(&c->h);
}

struct digest key_strong(struct key_context *c, const struct graph *g, struct digest weak, set_id reads)
{
    struct digest set = key_set_content(c, g, reads);
    hasher_reset(&c->h);
    hasher_u8(&c->h, TAG_STRONG);
    hasher_digest(&c->h, weak);
    hasher_digest(&c->h, set);
    return hasher_end(&c->h);
}

void key_outputs(struct key_context *c, struct graph *g, node_id n)
{
    const struct node *nd = &g->nodes[n];
    struct node_state *st = &g->states[n];
    for (uint32_t o = nd->outs_at; o < nd->outs_at + nd->n_outs; o++) {
        hasher_reset(&c->h);
        hasher_u8(&c->h, TAG_OUT);
        if (g->outs[o].kind == OUT_FOLDER) /* it may be empty, and be looked for all the same */
            hasher_str(&c->h, graph_str(g, g->outs[o].path));
        for (uint32_t i = 0; i < st->n_made; i++) {
            const struct made_file *m = &g->made[st->made_at + i];
            if (m->out != o || m->type == ENTRY_NONE)
                continue;
            hasher_str(&c->h, graph_str(g, g->files[m->file].path));
            hasher_u8(&c->h, (uint8_t)m->type);
            hasher_digest(&c->h, m->digest);
        }
        g->outs[o].digest = hasher_end(&c->h);
    }
    hasher_reset(&c->h);
    hasher_u8(&c->h, TAG_DEEP);
    hasher_u8(&c->h, nd->kind);
    if (nd->kind == KIND_SERVICE)
        hasher_digest(&c->h, st->key);
    for (uint32_t o = nd->outs_at; o < nd->outs_at + nd->n_outs; o++)
        hasher_digest(&c->h, g->outs[o].digest);
    hasher_digest(&c->h, st->deps);
    st->deep = hasher_end(&c->h);
}

void key_static_all(struct key_context *c, const struct graph *g)
{
    c->static_key = mem_resize(c->static_key, g->n_nodes + 1, sizeof *c->static_key);
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        node_id n = g->order[k];
        const struct node *nd = &g->nodes[n];
        hash_own(c, g, nd, TAG_STATIC, true);
        hasher_u32(&c->h, nd->n_edges);
        for (uint32_t i = 0; i < nd->n_edges; i++) {
            const struct edge *e = &g->edges[nd->edges_at + i];
            if (e->out == OUT_ORDER)
                continue;
            hasher_str(&c->h, e->out == ID_NONE ? NULL : graph_str(g, g->outs[e->out].path));
            hasher_digest(&c->h, c->static_key[e->to]);
        }
        c->static_key[n] = hasher_end(&c->h);
    }
}
