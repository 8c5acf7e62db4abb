/* SPDX-License-Identifier: MIT
 *
 * Damaged graphs: the input is a list of changes to the sections of a good graph. Whatever graph_view lets through is
 * used as a run would use it; only then may a wrong id show. */
#include "graph/graph_internal.h"
#include "graph/key.h"
#include "run/sched.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIST(name, ...) static const char *const name[] = {__VA_ARGS__}
#define STRS(name)                                                                                                     \
    {                                                                                                                  \
        name, sizeof name / sizeof *name                                                                               \
    }
LIST(words, "run", "-x");
LIST(outs, "out/", "a.h", "obj/*.o");
LIST(ins, "in.c", "in.h");
LIST(from_a, "a.h", "out/x");
LIST(deps_t, "t", "a");
LIST(names, "gpu", "port");
LIST(globbed, "x.c", "y.c", "z.c");
LIST(deps_s, "s");
LIST(case_ins, "in.c", "a.h");

static void build(struct graph *g)
{
    struct errlist errs = ERRLIST_INIT;
    struct decl_tool tools[] = {{"env", "/bin/env", UINT32_MAX}, {"py", "/bin/py", 0}, {"gone", NULL, UINT32_MAX}};
    struct decl_pool pools[] = {{"db", 2, {NULL, 0, 0}}};
    struct decl_set sets[] = {{STRS(globbed)}};
    struct decl_env env[] = {{"A", "1"}, {"PATH", NULL}};
    static const uint32_t ids[] = {0, 1, 2};
    static const uint8_t codes[] = {0, 77};
    struct decl_case cases[] = {
        {.id = "one", .data = "{}", .group = "g", .inputs = STRS(case_ins), .tags = STRS(names)},
        {.id = "two", .group = "g", .sets = ids, .n_sets = 1, .timeout_ms = 5},
        {.id = "three", .inputs = STRS(case_ins)},
    };
    struct decl v[] = {
        {.kind = KIND_BUILD,
         .label = "a",
         .dir = "",
         .cmd = STRS(words),
         .env = env,
         .n_env = 2,
         .tools = ids,
         .n_tools = 3,
         .inputs = STRS(ins),
         .may_read = ids,
         .n_may_read = 1,
         .outputs = STRS(outs),
         .depfile = "a.d",
         .pool = "db",
         .success_codes = codes,
         .n_success_codes = 2},
        {.kind = KIND_TEST,
         .label = "t",
         .dir = "",
         .cmd = STRS(words),
         .shell = true,
         .inputs = STRS(from_a),
         .sets = ids,
         .n_sets = 1,
         .tags = STRS(names),
         .exclusive = STRS(names),
         .slots = 2},
        {.kind = KIND_SERVICE, .label = "s", .dir = "", .cmd = STRS(words), .ready_cmd = STRS(words)},
        {.kind = KIND_GROUP, .label = "g", .dir = "", .deps = STRS(deps_t)},
        {.kind = KIND_SUITE,
         .label = "u",
         .dir = "",
         .cmd = STRS(words),
         .tools = ids,
         .n_tools = 1,
         .sets = ids,
         .n_sets = 1,
         .may_read = ids,
         .n_may_read = 1,
         .reports_reads = true,
         .deps = STRS(deps_s),
         .tags = STRS(names),
         .pool = "db",
         .discover = "a",
         .cases = cases,
         .n_cases = 3},
    };
    struct decls d = {
        .v = v, .n = 5, .sets = sets, .n_sets = 1, .tools = tools, .n_tools = 3, .pools = pools, .n_pools = 1};
    graph_init(g);
    if (!graph_build(g, &d, NULL, &errs))
        abort();
    struct made_file made[] = {{.file = graph_file(g, "out/x"), .out = 0, .type = ENTRY_FILE},
                               {.file = graph_file(g, "a.h"), .out = 1, .type = ENTRY_FILE}};
    graph_set_made(g, 0, made, 2);
    file_id read = graph_file(g, "/usr/include/x.h");
    g->states[0].reads = graph_add_set(g, &read, 1);
}

static void use(struct graph *g, struct graph *good)
{
    struct key_context c;
    key_context_init(&c, g, DIGEST_NONE, "/bin", "/");
    key_static_all(&c, g);
    struct out_lookup *l = out_lookup_new(g);
    struct sched *s = sched_new(g, 3);
    uint8_t *mark = mem_calloc((size_t)g->n_nodes + 1, 1);
    size_t sum = 0;
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        node_id n = g->order[k];
        struct action a;
        graph_action(g, n, &a);
        for (uint32_t i = 0; i < a.argv.n; i++)
            sum += strlen(graph_str(g, a.argv.v[i]));
        for (uint32_t i = 0; i < a.env.n; i++)
            sum += i % 2 && a.env.v[i] == STR_NONE ? 0 : strlen(graph_str(g, a.env.v[i]));
        const struct id_list *lists[] = {&a.exclusive, &a.tags, &a.ready_cmd};
        for (int q = 0; q < 3; q++)
            for (uint32_t i = 0; i < lists[q]->n; i++)
                sum += strlen(graph_str(g, lists[q]->v[i]));
        str_id some[] = {a.cwd, a.stdin_path, a.stdin_text, a.depfile, a.description, a.ready_line};
        for (int i = 0; i < 6; i++)
            sum += some[i] == STR_NONE ? 0 : strlen(graph_str(g, some[i]));
        struct suite_action sa;
        const struct graph_case *cs = graph_case(g, n);
        if (graph_suite(g, n, &sa))
            sum += sa.order;
        if (cs) {
            sum += strlen(graph_str(g, cs->id)) + strlen(graph_label(g, cs->suite));
            sum += cs->group == STR_NONE ? 0 : strlen(graph_str(g, cs->group));
            sum += cs->data == STR_NONE ? 0 : strlen(graph_str(g, cs->data));
            if (!graph_suite(g, cs->suite, &sa))
                abort(); /* whoever serves it relies on that */
        }
        struct id_list tags = graph_tags(g, n);
        for (uint32_t i = 0; i < tags.n; i++)
            sum += strlen(graph_str(g, tags.v[i]));
        g->states[n].deps = key_deps(&c, g, n);
        g->states[n].key = key_weak(&c, g, n, g->states[n].deps);
        if (g->states[n].reads != ID_NONE)
            key_strong(&c, g, g->states[n].key, g->states[n].reads);
        sum += key_is_unsure(&c, g, n);
        key_outputs(&c, g, n);
        graph_find(g, graph_label(g, n));
        graph_mark_needed(g, n, mark);
        graph_open_groups(g, mark);
        sched_push(s, n, (int64_t)k);
    }
    for (node_id n; (n = sched_pop(s)) != ID_NONE;)
        sched_release(s, n);
    for (uint32_t f = 0; f < g->n_files; f++)
        sum += out_lookup_find(l, graph_str(g, g->files[f].path));
    out_lookup_free(l);
    sched_free(s);
    mem_free(mark);
    key_context_clear(&c);
    graph_inherit(good, g);
    if (g->n_nodes)
        graph_set_made(g, 0, g->made + g->states[0].made_at, 0);
    graph_compact(g);
    /* What was let through once is let through again. */
    struct graph_section again[GRAPH_SECTIONS];
    struct graph view;
    graph_sections(g, again);
    if (!graph_view(&view, again))
        abort();
    graph_clear(&view);
    if (sum == SIZE_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct graph good;
    struct graph g, other;
    struct graph_section s[GRAPH_SECTIONS], copy[GRAPH_SECTIONS];
    if (!good.n_nodes)
        build(&good);
    graph_sections(&good, s);
    for (int i = 0; i < GRAPH_SECTIONS; i++) {
        copy[i] = (struct graph_section){mem_alloc(s[i].len), s[i].len};
        if (s[i].len)
            memcpy((void *)(uintptr_t)copy[i].p, s[i].p, s[i].len);
    }
    /* A change: section, place (in words), and a word to be put there; a place beyond the end shortens the section. */
    for (; size >= 5; data += 5, size -= 5) {
        struct graph_section *t = &copy[data[0] % GRAPH_SECTIONS];
        size_t at = (size_t)(data[1] | (data[2] & 3) << 8) * 4;
        if (at + 4 > t->len) {
            if (t->len) /* a new block, so that reading beyond it shows */
                t->len = at % t->len;
            void *cut = mem_alloc(t->len);
            memcpy(cut, t->p, t->len);
            mem_free((void *)(uintptr_t)t->p);
            t->p = cut;
            continue;
        }
        uint32_t word = data[3] & 128 ? UINT32_MAX - data[4] : (uint32_t)data[4] << (data[3] & 3) * 8;
        memcpy((char *)(uintptr_t)t->p + at, &word, 4);
    }
    if (graph_view(&g, copy)) {
        build(&other);
        use(&g, &other);
        graph_clear(&other);
    }
    graph_clear(&g);
    for (int i = 0; i < GRAPH_SECTIONS; i++)
        mem_free((void *)(uintptr_t)copy[i].p);
    return 0;
}
