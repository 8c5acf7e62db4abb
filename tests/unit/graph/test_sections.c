/* SPDX-License-Identifier: MIT
 *
 * The graph as bytes and back; what a damaged file may not get past; what outlives a graph. */
#include "graph_test.h"

struct copy {
    struct graph_section s[GRAPH_SECTIONS];
};

static struct copy copy_of(const struct graph *g)
{
    struct copy c;
    graph_sections(g, c.s);
    for (int i = 0; i < GRAPH_SECTIONS; i++) {
        void *p = mem_alloc(c.s[i].len + 1);
        if (c.s[i].len)
            memcpy(p, c.s[i].p, c.s[i].len);
        c.s[i].p = p;
    }
    return c;
}

static void copy_clear(struct copy *c)
{
    for (int i = 0; i < GRAPH_SECTIONS; i++)
        mem_free((void *)(uintptr_t)c->s[i].p);
}

/* A graph with something in every array. */
static void make_rich(void)
{
    world_begin();
    add_pool("db", 2);
    uint32_t env_tool = add_tool("env", "/usr/bin/env", ID_NONE), py = add_tool("py", "/usr/bin/py", env_tool);
    uint32_t gone = add_tool("gone", NULL, ID_NONE), set = add_set("a.c", "b.c", "c.c");
    uint8_t codes[] = {0, 3};
    target(KIND_BUILD, "lib:gen", .cmd = STRS("gen", "-x"), .env = ENVS({"A", "1"}, {"B", NULL}), .tools = &py,
           .n_tools = 1, .inputs = STRS("lib/in.c"), .outputs = STRS("lib/out/", "lib/a.h", "lib/*.o"),
           .depfile = "lib/gen.d", .may_read = &set, .n_may_read = 1, .pool = "db", .success_codes = codes,
           .n_success_codes = 2);
    target(KIND_TEST, "unit", .cmd = STRS("true"), .shell = true, .tools = &gone, .n_tools = 1, .sets = &set,
           .n_sets = 1, .inputs = STRS("lib/a.h"), .exclusive = STRS("gpu"), .tags = STRS("slow", "x"),
           .description = "d", .stdin_text = "s", .deps = STRS("srv"));
    target(KIND_SERVICE, "srv", .cmd = STRS("serve"), .ready = READY_COMMAND, .ready_cmd = STRS("c", "d"),
           .ready_line = "l", .ready_port = 80, .ready_timeout_ms = 5);
    target(KIND_GROUP, "all", .deps = STRS("unit", "lib:gen"));
    world_build();
    for (uint32_t i = 0; i < graph.n_files; i++)
        graph.files[i].state = state_of_text(ENTRY_FILE, graph_str(&graph, graph.files[i].path));
    struct made_file made[] = {{.file = graph_file(&graph, "lib/out/1"), .out = 0, .type = ENTRY_FILE},
                               {.file = graph_file(&graph, "lib/a.h"), .out = 1, .type = ENTRY_EXEC}};
    graph_set_made(&graph, 0, made, 2);
    file_id reads[] = {graph_file(&graph, "/usr/include/x.h"), graph_file(&graph, "lib/y.h")};
    graph.states[0].reads = graph_add_set(&graph, reads, 2);
    graph.states[0].status = STATUS_CLEAN;
    graph.states[1].status = STATUS_FAILED;
    graph.states[1].duration_ms = 1234;
}

static void what_was_written_comes_back(void **state)
{
    (void)state;
    make_rich();
    struct copy c = copy_of(&graph);
    struct graph g;
    assert_true(graph_view(&g, c.s));
    struct graph_section again[GRAPH_SECTIONS];
    graph_sections(&g, again);
    for (int i = 0; i < GRAPH_SECTIONS; i++) {
        assert_int_equal(again[i].len, c.s[i].len);
        assert_ptr_equal(again[i].p, c.s[i].len || i == 0 ? c.s[i].p : again[i].p); /* nothing is copied */
    }
    assert_int_equal(graph_find(&g, "unit"), 1);
    assert_int_equal(graph_find(&g, "nope"), ID_NONE);
    assert_int_equal(graph_find_file(&g, "b.c"), graph_find_file(&graph, "b.c"));
    struct action a, b;
    for (node_id n = 0; n < g.n_nodes; n++) {
        graph_action(&graph, n, &a);
        graph_action(&g, n, &b);
        assert_int_equal(a.argv.n, b.argv.n);
        assert_int_equal(a.tags.n, b.tags.n);
        assert_int_equal(a.cwd, b.cwd);
        assert_int_equal(a.ready_timeout_ms, b.ready_timeout_ms);
    }
    graph_clear(&g);
    copy_clear(&c);
    world_end();
}

static void a_view_grows_by_copying(void **state)
{
    (void)state;
    make_rich();
    struct copy c = copy_of(&graph), untouched = copy_of(&graph);
    struct graph g;
    assert_true(graph_view(&g, c.s));
    uint32_t n_files = g.n_files, n_sets = g.n_sets;
    file_id f[] = {graph_file(&g, "new/file"), graph_file(&g, "a.c"), graph_file(&g, "new/other")};
    assert_int_equal(f[0], n_files);
    set_id s = graph_add_set(&g, f, 3);
    assert_int_equal(s, n_sets);
    struct made_file made[5] = {{.file = f[0]}, {.file = f[0]}, {.file = f[0]}, {.file = f[0]}, {.file = f[2]}};
    graph_set_made(&g, 0, made, 5);
    assert_string_equal(graph_str(&g, g.files[g.set_files[g.sets[s].at]].path), "a.c");
    assert_int_equal(g.made[g.states[0].made_at + 4].file, f[2]);
    g.states[0].made_at = graph.states[0].made_at;
    g.states[0].n_made = graph.states[0].n_made;
    for (int i = 0; i < GRAPH_SECTIONS; i++)
        assert_memory_equal(c.s[i].p, untouched.s[i].p, c.s[i].len);
    graph_clear(&g);
    copy_clear(&c);
    copy_clear(&untouched);
    world_end();
}

static void an_empty_graph_is_a_graph(void **state)
{
    (void)state;
    world_begin();
    world_build();
    struct copy c = copy_of(&graph);
    struct graph g;
    assert_true(graph_view(&g, c.s));
    assert_int_equal(g.n_nodes, 0);
    graph_clear(&g);
    copy_clear(&c);
    world_end();
}

static struct copy damaged;

static void *part(int section) { return (void *)(uintptr_t)damaged.s[section].p; }

/* Does graph_view refuse what `damaged` holds? Restores it. */
static void must_be_refused(int line)
{
    struct graph g;
    if (graph_view(&g, damaged.s))
        fail_msg("the damage of line %d was let through", line);
    graph_clear(&g);
    copy_clear(&damaged);
    damaged = copy_of(&graph);
}

#define REFUSED(...)                                                                                                   \
    do {                                                                                                               \
        __VA_ARGS__;                                                                                                   \
        must_be_refused(__LINE__);                                                                                     \
    } while (0)

enum {
    STRS_,
    NODES,
    ORDER,
    STATES,
    EDGES,
    OUTS,
    FILES,
    SETS,
    SET_FILES,
    NODE_SETS,
    TOOLS,
    NODE_TOOLS,
    POOLS,
    MADE,
    WORDS
};

static void lengths_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    make_rich();
    damaged = copy_of(&graph);
    for (int i = 0; i < WORDS + 1; i++)
        if (i != STRS_)
            REFUSED(damaged.s[i].len--);
    REFUSED(damaged.s[STRS_].len = 0);
    REFUSED(damaged.s[STRS_].len--);
    REFUSED(*(char *)part(STRS_) = 'x');
    REFUSED(damaged.s[ORDER].len -= sizeof(node_id));
    REFUSED(damaged.s[STATES].len -= sizeof(struct node_state));
    REFUSED(damaged.s[NODES].len -= sizeof(struct node));
    REFUSED(damaged.s[WORDS].len -= sizeof(uint32_t));
    REFUSED(damaged.s[WORDS].len = 0);
    copy_clear(&damaged);
    world_end();
}

static void ids_out_of_range_are_refused(void **state)
{
    (void)state;
    make_rich();
    damaged = copy_of(&graph);
    uint32_t beyond = (uint32_t)damaged.s[STRS_].len;
    struct node *n = part(NODES);
#define NODE(field, value) REFUSED(n = part(NODES); n[1].field = (value))
    (void)n;
    NODE(label, beyond);
    NODE(dir, beyond);
    NODE(pos_file, UINT32_MAX);
    NODE(kind, 0);
    NODE(kind, 5);
    NODE(action, graph.n_words);
    NODE(action, UINT32_MAX);
    NODE(edges_at, UINT32_MAX);
    NODE(n_edges, graph.n_edges + 1);
    NODE(n_sets, UINT32_MAX);
    NODE(sets_at, graph.n_node_sets + 1);
    NODE(n_may, graph.n_node_sets + 1);
    NODE(n_outs, UINT32_MAX - 2);
    NODE(outs_at, graph.n_outs + 1);
    NODE(n_tools, graph.n_node_tools + 1);
#undef NODE
    struct node_state *st;
    REFUSED(st = part(STATES); st[0].reads = graph.n_sets);
    REFUSED(st = part(STATES); st[0].made_at = graph.n_made);
    REFUSED(st = part(STATES); st[0].n_made = UINT32_MAX);
    struct edge *e;
    REFUSED(e = part(EDGES); e[0].to = graph.n_nodes);
    REFUSED(e = part(EDGES); e[0].out = graph.n_outs);
    struct out_entry *o;
    REFUSED(o = part(OUTS); o[0].path = beyond);
    REFUSED(o = part(OUTS); o[0].producer = graph.n_nodes);
    struct file *f;
    REFUSED(f = part(FILES); f[0].path = beyond);
    struct file_set *s;
    REFUSED(s = part(SETS); s[0].at = graph.n_set_files);
    REFUSED(s = part(SETS); s[0].n = UINT32_MAX);
    uint32_t *u;
    REFUSED(u = part(SET_FILES); u[0] = graph.n_files);
    REFUSED(u = part(NODE_SETS); u[0] = graph.n_sets);
    REFUSED(u = part(NODE_TOOLS); u[0] = graph.n_tools);
    struct tool *t;
    REFUSED(t = part(TOOLS); t[0].name = beyond);
    REFUSED(t = part(TOOLS); t[0].file = graph.n_files);
    REFUSED(t = part(TOOLS); t[0].interpreter = graph.n_tools);
    struct pool *p;
    REFUSED(p = part(POOLS); p[0].name = beyond);
    struct made_file *m;
    REFUSED(m = part(MADE); m[0].file = graph.n_files);
    REFUSED(m = part(MADE); m[0].out = graph.n_outs);
    copy_clear(&damaged);
    world_end();
}

/* What follows reckons with each node once, its dependencies before it. */
static void an_order_that_is_none_is_refused(void **state)
{
    (void)state;
    make_rich();
    damaged = copy_of(&graph);
    node_id *o;
    REFUSED(o = part(ORDER); o[0] = graph.n_nodes);
    REFUSED(o = part(ORDER); o[1] = o[0]);
    REFUSED(o = part(ORDER); node_id first = o[0]; o[0] = o[3]; o[3] = first);
    struct edge *e;
    REFUSED(e = part(EDGES); e[graph.nodes[node_of("unit")].edges_at].to = node_of("unit"));
    copy_clear(&damaged);
    world_end();
}

/* Lists of lists: the sum of what nodes claim must not be more than there is, or copying them overflows. */
static void lists_that_overlap_are_refused(void **state)
{
    (void)state;
    make_rich();
    damaged = copy_of(&graph);
    struct node_state *st;
    struct file_set *s;
    REFUSED(st = part(STATES); st[1].made_at = 0; st[1].n_made = graph.n_made);
    REFUSED(s = part(SETS); for (uint32_t i = 0; i < graph.n_sets; i++) s[i] = (struct file_set){0, graph.n_set_files});
    copy_clear(&damaged);
    world_end();
}

/* Every word of every action: a string that is not there is refused where a string must be. */
static void actions_are_checked_word_by_word(void **state)
{
    (void)state;
    make_rich();
    struct action a;
    uint32_t first[4];
    for (node_id n = 0; n < 4; n++)
        first[n] = graph.nodes[n].action;
    damaged = copy_of(&graph);
    uint32_t *w;
    for (uint32_t i = 0; i < graph.n_words; i++) {
        w = part(WORDS);
        uint32_t was = w[i];
        w[i] = UINT32_MAX - 1; /* as a length or a string id beyond everything; harmless as a number */
        struct graph g;
        if (graph_view(&g, damaged.s)) {
            for (node_id n = 0; n < 4; n++) {
                graph_action(&g, n, &a);
                const uint32_t *end = g.words + g.n_words;
                assert_true(a.argv.v + a.argv.n <= end && a.ready_cmd.v + a.ready_cmd.n <= end);
            }
        }
        graph_clear(&g);
        w[i] = was;
    }
    graph_action(&graph, 0, &a);
    uint32_t env_at = (uint32_t)(a.env.v - graph.words), argv_at = (uint32_t)(a.argv.v - graph.words);
    graph_action(&graph, 1, &a);
    uint32_t tag_at = (uint32_t)(a.tags.v - graph.words), excl_at = (uint32_t)(a.exclusive.v - graph.words);
    graph_action(&graph, 2, &a);
    uint32_t ready_at = (uint32_t)(a.ready_cmd.v - graph.words);
    REFUSED(w = part(WORDS); w[argv_at] = STR_NONE);
    REFUSED(w = part(WORDS); w[env_at] = STR_NONE); /* a name */
    REFUSED(w = part(WORDS); w[env_at - 1] = 3);    /* an odd number of names and values */
    REFUSED(w = part(WORDS); w[tag_at] = STR_NONE);
    REFUSED(w = part(WORDS); w[excl_at] = STR_NONE);
    REFUSED(w = part(WORDS); w[ready_at] = STR_NONE);
    struct graph g;
    w = part(WORDS);
    w[env_at + 1] = STR_NONE; /* a value: not set */
    assert_true(graph_view(&g, damaged.s));
    graph_clear(&g);
    copy_clear(&damaged);
    (void)first;
    world_end();
}

static void compacting_drops_what_nobody_refers_to(void **state)
{
    (void)state;
    make_rich();
    struct made_file made[3] = {0};
    for (uint32_t i = 0; i < 3; i++)
        made[i] = (struct made_file){.file = graph_file(&graph, "lib/a.h"), .out = 1, .type = i + 1};
    graph_set_made(&graph, 0, made, 3); /* leaves the old two behind */
    graph_set_made(&graph, 1, made + 1, 1);
    file_id f[] = {graph_file(&graph, "z"), graph_file(&graph, "y")};
    graph.states[0].reads = graph_add_set(&graph, f, 2); /* leaves the old one behind */
    uint32_t made_before = graph.n_made, sets_before = graph.n_sets;
    graph_compact(&graph);
    assert_int_equal(graph.n_made, made_before - 2);
    assert_int_equal(graph.n_sets, sets_before - 1);
    assert_int_equal(graph.states[0].n_made, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(graph.made[graph.states[0].made_at + i].type, i + 1);
    assert_int_equal(graph.made[graph.states[1].made_at].type, 2);
    const struct file_set *s = &graph.sets[graph.states[0].reads];
    assert_int_equal(s->n, 2);
    assert_string_equal(graph_str(&graph, graph.files[graph.set_files[s->at + 1]].path), "z");
    expect_sets("lib:gen", "lib/in.c");
    expect_sets("unit", "a.c b.c c.c");
    struct copy c = copy_of(&graph), twice;
    graph_compact(&graph); /* there is nothing more to drop */
    twice = copy_of(&graph);
    for (int i = 0; i < GRAPH_SECTIONS; i++) {
        assert_int_equal(c.s[i].len, twice.s[i].len);
        assert_memory_equal(c.s[i].p, twice.s[i].p, c.s[i].len);
    }
    struct graph g;
    assert_true(graph_view(&g, c.s));
    graph_compact(&g); /* of a view, too */
    graph_clear(&g);
    copy_clear(&c);
    copy_clear(&twice);
    world_end();
}

/* Of two nodes with a changed file in common one was resolved: the other must not pass for settled by what the first
 * one's process writes down. */
static void resolving_some_unsettles_the_others(void **state)
{
    (void)state;
    make_rich();
    graph.states[0].settled = graph.states[1].settled = SETTLED;
    graph_compact(&graph); /* nothing was resolved */
    assert_int_equal(graph.states[0].settled, SETTLED);
    assert_int_equal(graph.states[1].settled, SETTLED);
    graph.states[1].settled = graph.states[2].settled = SETTLED_NOW;
    graph_compact(&graph);
    assert_int_equal(graph.states[0].settled, UNSETTLED);
    assert_int_equal(graph.states[1].settled, SETTLED);
    assert_int_equal(graph.states[2].settled, SETTLED);
    assert_int_equal(graph.states[3].settled, UNSETTLED);
    world_end();
}

/* Loading again gives other ids; what was known goes by names. */
static void a_new_graph_inherits_by_name(void **state)
{
    (void)state;
    make_rich();
    put_file("lib/y.h", ENTRY_FILE, "y");
    struct graph old = graph;
    old.states[0].settled = SETTLED_NOW;
    old.states[0].key = digest_bytes("k", 1);
    old.outs[1].digest = digest_bytes("o", 1);
    struct digest a_c = old.files[graph_find_file(&old, "a.c")].state.digest;
    decls_clear(&world);
    graph_init(&graph);
    uint32_t set = add_set("a.c", "new.c");
    target(KIND_TEST, "new", .cmd = STRS("t"), .sets = &set, .n_sets = 1);
    target(KIND_BUILD, "unit", .cmd = STRS("t")); /* of another kind now */
    target(KIND_BUILD, "lib:gen", .cmd = STRS("other"), .outputs = STRS("lib/zz", "lib/a.h", "lib/out/"),
           .depfile = "d");
    world_build();
    put_file("a.c", ENTRY_FILE, "newer");
    graph_inherit(&graph, &old);
    const struct node_state *gen = &graph.states[node_of("lib:gen")];
    assert_int_equal(gen->status, STATUS_CLEAN);
    assert_int_equal(gen->settled, UNSETTLED);
    assert_true(digest_eq(gen->key, digest_bytes("k", 1)));
    assert_int_equal(gen->n_made, 2);
    const struct made_file *m = graph.made + gen->made_at;
    assert_string_equal(graph_str(&graph, graph.files[m[0].file].path), "lib/out/1");
    assert_string_equal(graph_str(&graph, graph.outs[m[0].out].path), "lib/out");
    assert_int_equal(graph.outs[m[0].out].kind, OUT_FOLDER);
    assert_string_equal(graph_str(&graph, graph.outs[m[1].out].path), "lib/a.h");
    assert_true(digest_eq(graph.outs[m[1].out].digest, digest_bytes("o", 1)));
    assert_int_equal(graph.sets[gen->reads].n, 2);
    assert_string_equal(graph_str(&graph, graph.files[graph.set_files[graph.sets[gen->reads].at]].path),
                        "/usr/include/x.h");
    assert_int_equal(graph.states[node_of("new")].status, STATUS_UNKNOWN);
    assert_int_equal(graph.states[node_of("new")].reads, ID_NONE);
    assert_int_equal(graph.states[node_of("unit")].status, STATUS_UNKNOWN);
    /* Files: what the new graph has stamped itself is newer. */
    assert_false(digest_eq(graph.files[graph_find_file(&graph, "a.c")].state.digest, a_c));
    assert_false(digest_is_none(graph.files[graph_find_file(&graph, "lib/y.h")].state.digest));
    assert_true(digest_is_none(graph.files[graph_find_file(&graph, "new.c")].state.digest));
    graph_clear(&old);
    world_end();
}

/* What an output entry that is no longer declared had made cannot stand for a pass; a failure stays a failure. */
static void a_lost_output_entry_makes_a_pass_unknown(void **state)
{
    (void)state;
    for (int failed = 0; failed < 2; failed++) {
        make_rich();
        struct graph old = graph;
        if (failed)
            old.states[0].status = STATUS_FAILED;
        decls_clear(&world);
        graph_init(&graph);
        target(KIND_BUILD, "lib:gen", .cmd = STRS("gen"), .outputs = STRS("lib/a.h", "lib/out"));
        world_build();
        graph_inherit(&graph, &old);
        assert_int_equal(graph.states[0].status, failed ? STATUS_FAILED : STATUS_DIRTY);
        assert_int_equal(graph.states[0].n_made, 1);
        graph_clear(&old);
        world_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_comes_back),
        cmocka_unit_test(a_view_grows_by_copying),
        cmocka_unit_test(an_empty_graph_is_a_graph),
        cmocka_unit_test(lengths_that_do_not_fit_are_refused),
        cmocka_unit_test(ids_out_of_range_are_refused),
        cmocka_unit_test(an_order_that_is_none_is_refused),
        cmocka_unit_test(lists_that_overlap_are_refused),
        cmocka_unit_test(actions_are_checked_word_by_word),
        cmocka_unit_test(compacting_drops_what_nobody_refers_to),
        cmocka_unit_test(resolving_some_unsettles_the_others),
        cmocka_unit_test(a_new_graph_inherits_by_name),
        cmocka_unit_test(a_lost_output_entry_makes_a_pass_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
