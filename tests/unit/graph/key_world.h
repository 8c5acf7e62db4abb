/* SPDX-License-Identifier: MIT
 *
 * Resolves every node of the test's graph as a run does, with made-up files and outputs: a file holds its own name
 * unless the test says otherwise, an output entry "made N" with N from the test's table. */
#ifndef TESTS_UNIT_GRAPH_KEY_WORLD_H
#define TESTS_UNIT_GRAPH_KEY_WORLD_H

#include "graph_test.h"

static struct key_context keys;
static const char *path_value, *home_value;
static struct digest node_key[64];

/* What differs from the usual; NULL-terminated by path. */
struct content {
    const char *path;
    uint8_t type;
    const char *text;
};
static struct content contents[32];
static uint32_t n_contents;
static uint32_t out_version[64]; /* per output entry */
static uint32_t out_extra[64];   /* per folder or glob entry: files beside the first one */

static inline void content(const char *path, uint8_t type, const char *text)
{
    contents[n_contents++] = (struct content){path, type, text};
}

static inline void keys_begin(void)
{
    world_begin();
    path_value = "/bin";
    home_value = "/root";
    n_contents = 0;
    memset(out_version, 0, sizeof out_version);
    memset(out_extra, 0, sizeof out_extra);
}

static inline struct file_state content_of(const char *path)
{
    for (uint32_t i = 0; i < n_contents; i++)
        if (strcmp(contents[i].path, path) == 0)
            return state_of_text(contents[i].type, contents[i].text);
    return state_of_text(ENTRY_FILE, path);
}

/* The files of an output entry, in order. */
static inline char *made_path(uint32_t out, uint32_t i)
{
    const char *path = graph_str(&graph, graph.outs[out].path);
    if (graph.outs[out].kind == OUT_FILE)
        return mem_strdup(path);
    if (graph.outs[out].kind == OUT_FOLDER)
        return mem_printf("%s/f%u", path, i);
    char *p = mem_strdup(path); /* of a glob with one wildcard */
    p[strcspn(p, "*?")] = (char)('a' + i);
    return p;
}

static inline uint32_t n_made_of(uint32_t out)
{
    uint32_t kind = graph.outs[out].kind;
    return kind == OUT_DEPFILE ? 0 : kind == OUT_FILE ? 1 : 1 + out_extra[out];
}

static inline struct digest made_digest(uint32_t out, const char *path)
{
    char text[256];
    snprintf(text, sizeof text, "made %s %u", path, out_version[out]);
    return digest_bytes(text, strlen(text));
}

static inline void make_outputs(node_id n)
{
    const struct node *nd = &graph.nodes[n];
    struct made_file made[64];
    uint32_t k = 0;
    for (uint32_t o = nd->outs_at; o < nd->outs_at + nd->n_outs; o++)
        for (uint32_t i = 0; i < n_made_of(o); i++) {
            char *path = made_path(o, i);
            made[k++] = (struct made_file){
                .file = graph_file(&graph, path), .out = o, .type = ENTRY_FILE, .digest = made_digest(o, path)};
            mem_free(path);
        }
    graph_set_made(&graph, n, made, k);
}

/* Keys of all nodes, into node_key. */
static inline void keys_resolve(void)
{
    for (uint32_t f = 0; f < graph.n_files; f++)
        graph.files[f].state = content_of(graph_str(&graph, graph.files[f].path));
    key_context_init(&keys, &graph, digest_bytes("platform", 8), path_value, home_value);
    for (uint32_t k = 0; k < graph.n_nodes; k++) {
        node_id n = graph.order[k];
        struct node_state *st = &graph.states[n];
        st->deps = key_deps(&keys, &graph, n);
        st->key = node_key[n] = key_weak(&keys, &graph, n, st->deps);
        if ((graph.nodes[n].flags & NODE_DEPFILE) && st->reads != ID_NONE)
            st->key = node_key[n] = key_strong(&keys, &graph, st->key, st->reads);
        make_outputs(n);
        key_outputs(&keys, &graph, n);
    }
    key_static_all(&keys, &graph);
}

static inline void keys_end(void)
{
    key_context_clear(&keys);
    world_end();
}

#endif
