/* SPDX-License-Identifier: MIT
 *
 * For the tests of graph/: declarations written as compound literals, a graph built from them, and file states that are
 * functions of a text.
 *
 *     world_begin();
 *     target(KIND_TEST, "unit", .cmd = STRS("sh", "-c", "true"), .inputs = STRS("a.c"));
 *     world_build();
 *     put_file("a.c", ENTRY_FILE, "int a;");
 */
#ifndef TESTS_UNIT_GRAPH_GRAPH_TEST_H
#define TESTS_UNIT_GRAPH_GRAPH_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_internal.h"
#include "graph/key.h"

#define STRS(...)                                                                                                      \
    ((struct strs){(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)})
#define IDS(...) (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)
#define ENVS(...) (struct decl_env[]){__VA_ARGS__}, sizeof((struct decl_env[]){__VA_ARGS__}) / sizeof(struct decl_env)

static struct decls world;
static struct graph graph;
static struct errlist errors;

static inline void world_begin(void)
{
    decls_init(&world);
    graph_init(&graph);
    errors = (struct errlist)ERRLIST_INIT;
}

static inline void world_end(void)
{
    decls_clear(&world);
    graph_clear(&graph);
    errlist_clear(&errors);
}

static inline struct strs keep_strs(struct strs s)
{
    const char **v = arena_alloc(&world.arena, (s.n + 1) * sizeof *v);
    for (uint32_t i = 0; i < s.n; i++)
        v[i] = arena_strdup(&world.arena, s.v[i]);
    return (struct strs){v, s.n};
}

static inline void *keep(const void *p, size_t size_bytes)
{
    void *copy = arena_alloc(&world.arena, size_bytes + 1);
    if (size_bytes)
        memcpy(copy, p, size_bytes);
    return copy;
}

/* Adds a target; the n-th one stands in line n of its folder's Testfile. Lists are copied. */
static inline void add_target(struct decl d)
{
    struct strs *lists[] = {&d.cmd, &d.inputs, &d.deps, &d.outputs, &d.exclusive, &d.tags, &d.ready_cmd};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        *lists[i] = keep_strs(*lists[i]);
    d.env = keep(d.env, d.n_env * sizeof *d.env);
    d.tools = keep(d.tools, d.n_tools * sizeof *d.tools);
    d.sets = keep(d.sets, d.n_sets * sizeof *d.sets);
    d.may_read = keep(d.may_read, d.n_may_read * sizeof *d.may_read);
    d.success_codes = keep(d.success_codes, d.n_success_codes);
    const char *colon = strchr(d.label, ':');
    if (!d.dir)
        d.dir = colon ? arena_strndup(&world.arena, d.label, (size_t)(colon - d.label)) : "";
    d.pos = (struct decl_pos){*d.dir ? arena_printf(&world.arena, "%s/Testfile.lua", d.dir) : "Testfile.lua",
                              world.n + 1, 6};
    MEM_GROW(world.v, world.n, world.cap);
    world.v[world.n++] = d;
}
#define target(k, l, ...) add_target((struct decl){.kind = (k), .label = (l), ##__VA_ARGS__})

static inline uint32_t add_set_v(struct strs paths)
{
    MEM_GROW(world.sets, world.n_sets, world.cap_sets);
    world.sets[world.n_sets] = (struct decl_set){keep_strs(paths)};
    return world.n_sets++;
}
#define add_set(...) add_set_v(STRS(__VA_ARGS__))

static inline uint32_t add_tool(const char *name, const char *path, uint32_t interpreter)
{
    MEM_GROW(world.tools, world.n_tools, world.cap_tools);
    world.tools[world.n_tools] = (struct decl_tool){name, path, interpreter};
    return world.n_tools++;
}

static inline void add_pool(const char *name, uint32_t slots)
{
    MEM_GROW(world.pools, world.n_pools, world.cap_pools);
    world.pools[world.n_pools++] = (struct decl_pool){name, slots, {"Testfile.lua", 1, 1}};
}

/* Says which field and value were looked for, in place of a file's name. */
static inline struct decl_pos world_locate(void *ctx, const struct decl *d, const char *field, const char *value)
{
    (void)ctx;
    return (struct decl_pos){arena_printf(&world.arena, "%s(%s)", field, value ? value : ""), d->pos.line, 9};
}

static inline bool world_try(void)
{
    struct graph_hooks hooks = {world_locate, NULL};
    return graph_build(&graph, &world, &hooks, &errors);
}

static inline void world_build(void)
{
    if (!world_try())
        fail_msg("not built: %s: %s", errors.v[0].code, errors.v[0].msg);
}

static inline node_id node_of(const char *label)
{
    node_id n = graph_find(&graph, label);
    if (n == ID_NONE)
        fail_msg("no target %s", label);
    return n;
}

/* The error of that code about that text; fails if there is none. */
static inline const struct err *find_error(const char *code, const char *part)
{
    for (size_t i = 0; i < errors.n; i++)
        if (strcmp(errors.v[i].code, code) == 0 && strstr(errors.v[i].msg, part))
            return &errors.v[i];
    for (size_t i = 0; i < errors.n; i++)
        print_error("%s %s\n", errors.v[i].code, errors.v[i].msg);
    fail_msg("no error %s with '%s'", code, part);
    return NULL;
}

static inline void expect_error(const char *code, const char *msg, const char *file, uint32_t line, const char *hint)
{
    const struct err *e = find_error(code, msg);
    assert_string_equal(e->msg, msg);
    assert_string_equal(e->file ? e->file : "", file);
    assert_int_equal(e->line, line);
    if (hint)
        assert_non_null(e->hint);
    if (hint && !strstr(e->hint, hint))
        fail_msg("hint '%s' lacks '%s'", e->hint, hint);
}

static inline struct file_state state_of_text(uint8_t type, const char *text)
{
    struct file_state st = {.type = type, .stamp = {1, 1, 1, 1}};
    if (type == ENTRY_FILE || type == ENTRY_EXEC || type == ENTRY_LINK)
        st.digest = digest_bytes(text, strlen(text));
    return st;
}

static inline void put_file(const char *path, uint8_t type, const char *text)
{
    graph.files[graph_file(&graph, path)].state = state_of_text(type, text);
}

/* "to", or "to[entry]" for an edge to one output entry; a list of all edges of a target. */
static inline void expect_edges(const char *label, const char *expected)
{
    struct buf b = BUF_INIT;
    const struct node *n = &graph.nodes[node_of(label)];
    for (uint32_t i = 0; i < n->n_edges; i++) {
        const struct edge *e = &graph.edges[n->edges_at + i];
        buf_printf(&b, "%s%s", i ? " " : "", graph_label(&graph, e->to));
        if (e->out != ID_NONE)
            buf_printf(&b, "[%s]", graph_str(&graph, graph.outs[e->out].path));
    }
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
}

/* "a b | c": the files of each input set, in order. */
static inline void expect_sets(const char *label, const char *expected)
{
    struct buf b = BUF_INIT;
    const struct node *n = &graph.nodes[node_of(label)];
    for (uint32_t i = 0; i < n->n_sets; i++) {
        const struct file_set *s = &graph.sets[graph.node_sets[n->sets_at + i]];
        if (i)
            buf_adds(&b, " |");
        for (uint32_t k = 0; k < s->n; k++)
            buf_printf(&b, "%s%s", b.len ? " " : "", graph_str(&graph, graph.files[graph.set_files[s->at + k]].path));
    }
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
}

#endif
