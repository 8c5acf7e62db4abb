/* SPDX-License-Identifier: MIT
 *
 * From declarations to nodes, edges and sets. */
#include "graph_test.h"

static void nodes_hold_what_was_declared(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "lib:gen", .cmd = STRS("gen"), .outputs = STRS("lib/out/", "lib/a.h", "lib/*.o"),
           .depfile = "lib/gen.d");
    target(KIND_TEST, "unit", .cmd = STRS("true"), .shell = true, .no_cache = true, .exclusive_all = true,
           .incremental = true, .jobserver = true);
    target(KIND_GROUP, "all", .deps = STRS("unit", "lib:gen"));
    world_build();
    assert_int_equal(graph.n_nodes, 3);
    const struct node *gen = &graph.nodes[node_of("lib:gen")], *unit = &graph.nodes[node_of("unit")];
    assert_string_equal(graph_str(&graph, gen->dir), "lib");
    assert_string_equal(graph_str(&graph, gen->pos_file), "lib/Testfile.lua");
    assert_int_equal(gen->pos_line, 1);
    assert_int_equal(gen->pos_col, 6);
    assert_int_equal(gen->kind, KIND_BUILD);
    assert_int_equal(gen->flags, NODE_DEPFILE);
    assert_int_equal(unit->flags, NODE_SHELL | NODE_NO_CACHE | NODE_EXCLUSIVE | NODE_INCREMENTAL | NODE_JOBSERVER);
    assert_int_equal(gen->n_outs, 4);
    const struct out_entry *o = graph.outs + gen->outs_at;
    assert_string_equal(graph_str(&graph, o[0].path), "lib/out");
    assert_int_equal(o[0].kind, OUT_FOLDER);
    assert_string_equal(graph_str(&graph, o[1].path), "lib/a.h");
    assert_int_equal(o[1].kind, OUT_FILE);
    assert_string_equal(graph_str(&graph, o[2].path), "lib/*.o");
    assert_int_equal(o[2].kind, OUT_GLOB);
    assert_string_equal(graph_str(&graph, o[3].path), "lib/gen.d");
    assert_int_equal(o[3].kind, OUT_DEPFILE);
    for (uint32_t i = 0; i < graph.n_nodes; i++) {
        assert_int_equal(graph.states[i].status, STATUS_UNKNOWN);
        assert_int_equal(graph.states[i].reads, ID_NONE);
    }
    expect_edges("all", "unit lib:gen");
    world_end();
}

static void a_declared_path_or_home_is_noted(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "plain", .cmd = STRS("x"), .env = ENVS({"HOMER", "1"}, {"PATHS", "2"}));
    target(KIND_TEST, "own", .cmd = STRS("x"), .env = ENVS({"HOME", "/h"}, {"PATH", NULL}));
    world_build();
    assert_int_equal(graph.nodes[node_of("plain")].flags, 0);
    assert_int_equal(graph.nodes[node_of("own")].flags, NODE_OWN_PATH | NODE_OWN_HOME);
    world_end();
}

static void inputs_that_targets_make_are_edges(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "gen", .cmd = STRS("g"), .outputs = STRS("gen/", "a.h", "obj/*.o"));
    target(KIND_TEST, "file", .cmd = STRS("t"), .inputs = STRS("a.h", "b.h"));
    target(KIND_TEST, "folder", .cmd = STRS("t"), .inputs = STRS("gen/"));
    target(KIND_TEST, "folder_bare", .cmd = STRS("t"), .inputs = STRS("gen"));
    target(KIND_TEST, "in_folder", .cmd = STRS("t"), .inputs = STRS("gen/deep/x.c"));
    target(KIND_TEST, "glob_text", .cmd = STRS("t"), .inputs = STRS("obj/*.o"));
    target(KIND_TEST, "glob_match", .cmd = STRS("t"), .inputs = STRS("obj/a.o"));
    target(KIND_TEST, "no_match", .cmd = STRS("t"), .inputs = STRS("genx", "obj/a.c", "obj/deep/a.o"));
    target(KIND_TEST, "stdin", .cmd = STRS("t"), .stdin_path = "a.h");
    world_build();
    expect_edges("file", "gen[a.h]");
    expect_sets("file", "b.h");
    expect_edges("folder", "gen[gen]");
    expect_sets("folder", "");
    expect_edges("folder_bare", "gen[gen]");
    expect_edges("in_folder", "gen[gen]");
    expect_edges("glob_text", "gen[obj/*.o]");
    expect_edges("glob_match", "gen[obj/*.o]");
    expect_edges("no_match", "");
    expect_sets("no_match", "genx obj/a.c obj/deep/a.o");
    expect_edges("stdin", "gen[a.h]");
    assert_int_equal(graph.nodes[node_of("stdin")].n_sets, 0);
    world_end();
}

static void the_narrowest_entry_is_the_edge(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "gen", .cmd = STRS("g"), .outputs = STRS("out/", "out/a.h", "out/sub/", "out/*.o"));
    target(KIND_TEST, "t", .cmd = STRS("t"), .inputs = STRS("out/a.h", "out/b.h", "out/sub/c.h"));
    world_build();
    expect_edges("t", "gen[out/a.h] gen[out] gen[out/sub]");
    world_end();
}

static void one_edge_for_each_need(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "gen", .cmd = STRS("g"), .outputs = STRS("a", "b", "c/"));
    target(KIND_BUILD, "other", .cmd = STRS("g"), .outputs = STRS("d"));
    target(KIND_TEST, "deps_win", .cmd = STRS("t"), .deps = STRS("gen", "other", "gen"), .inputs = STRS("a", "d"));
    target(KIND_TEST, "entries", .cmd = STRS("t"), .inputs = STRS("a", "b", "c/x", "c/y"), .stdin_path = "a");
    target(KIND_TEST, "mixed", .cmd = STRS("t"), .deps = STRS("other"), .inputs = STRS("a", "d"));
    world_build();
    expect_edges("deps_win", "gen other");
    expect_edges("entries", "gen[a] gen[b] gen[c]");
    expect_edges("mixed", "other gen[a]");
    world_end();
}

static void a_file_named_twice_counts_once(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "t", .cmd = STRS("t"), .inputs = STRS("a", "b"), .stdin_path = "a");
    world_build();
    expect_sets("t", "a b");
    assert_true(graph.files[graph_find_file(&graph, "a")].flags & FILE_LITERAL);
    world_end();
}

static void globs_leave_out_what_targets_make(void **state)
{
    (void)state;
    world_begin();
    uint32_t all = add_set("a.c", "gen/x.c", "gen/y.c", "obj/z.o", "t.d", "z.c"), none = add_set("gen/x.c");
    target(KIND_BUILD, "gen", .cmd = STRS("g"), .outputs = STRS("gen/", "obj/*.o"), .depfile = "t.d");
    target(KIND_TEST, "one", .cmd = STRS("t"), .sets = &all, .n_sets = 1, .may_read = &none, .n_may_read = 1,
           .depfile = "one.d");
    target(KIND_TEST, "no_depfile", .cmd = STRS("t"), .sets = &all, .n_sets = 1, .may_read = &none, .n_may_read = 1);
    target(KIND_TEST, "two", .cmd = STRS("t"), .inputs = STRS("b.c"), .sets = &all, .n_sets = 1);
    world_build();
    expect_sets("one", "a.c z.c");
    expect_sets("two", "b.c | a.c z.c");
    const struct node *one = &graph.nodes[node_of("one")], *two = &graph.nodes[node_of("two")];
    /* The same glob is one set. */
    assert_int_equal(graph.node_sets[one->sets_at], graph.node_sets[two->sets_at + 1]);
    assert_int_equal(one->n_may, 1);
    assert_int_equal(graph.sets[graph.node_sets[one->may_at]].n, 0);
    expect_sets("no_depfile", "a.c z.c |"); /* only a depfile can say what of it was read */
    assert_int_equal(graph.nodes[node_of("no_depfile")].n_may, 0);
    assert_false(graph.files[graph_find_file(&graph, "a.c")].flags & FILE_LITERAL);
    assert_int_equal(graph_find_file(&graph, "gen/x.c"), ID_NONE);
    world_end();
}

static void depfiles_are_nobodys_input(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "gen", .cmd = STRS("g"), .depfile = "x.d");
    target(KIND_TEST, "t", .cmd = STRS("t"), .inputs = STRS("x.d"));
    world_build();
    expect_edges("t", "");
    expect_sets("t", "x.d");
    world_end();
}

static void the_order_has_dependencies_first(void **state)
{
    (void)state;
    world_begin();
    target(KIND_GROUP, "all", .deps = STRS("t1", "t2"));
    target(KIND_TEST, "t1", .cmd = STRS("t"), .deps = STRS("b"), .inputs = STRS("c.out"));
    target(KIND_BUILD, "b", .cmd = STRS("t"), .deps = STRS("c"), .outputs = STRS("b.out"));
    target(KIND_TEST, "t2", .cmd = STRS("t"));
    target(KIND_BUILD, "c", .cmd = STRS("t"), .outputs = STRS("c.out"));
    world_build();
    uint32_t place[5], seen = 0;
    for (uint32_t i = 0; i < 5; i++) {
        place[graph.order[i]] = i;
        seen |= 1u << graph.order[i];
    }
    assert_int_equal(seen, 31);
    for (uint32_t i = 0; i < 5; i++)
        for (uint32_t k = 0; k < graph.nodes[i].n_edges; k++)
            assert_true(place[graph.edges[graph.nodes[i].edges_at + k].to] < place[i]);
    uint8_t mark[5] = {0};
    graph_mark_needed(&graph, node_of("t1"), mark);
    assert_true(mark[node_of("t1")] && mark[node_of("b")] && mark[node_of("c")]);
    assert_false(mark[node_of("t2")] || mark[node_of("all")]);
    world_end();
}

static void actions_come_back_as_they_were(void **state)
{
    (void)state;
    world_begin();
    add_pool("db", 2);
    add_pool("net", 3);
    uint8_t codes[] = {0, 77, 255};
    target(KIND_SERVICE, "web:s", .cmd = STRS("serve", "", "-p"), .cwd = "web/run",
           .env = ENVS({"A", ""}, {"B", NULL}, {"C", "3"}), .description = "serves", .stdin_path = "in.txt",
           .depfile = "web/d", .timeout_ms = INT64_C(5000000000), .retries = 3, .slots = 4, .pool = "net",
           .exclusive = STRS("gpu", "port"), .tags = STRS("fast", "net"), .success_codes = codes, .n_success_codes = 3,
           .ready = READY_COMMAND, .ready_line = "ok", .ready_port = 65535, .ready_cmd = STRS("curl", "x"),
           .ready_shell = true, .ready_timeout_ms = INT64_C(6000000001));
    target(KIND_TEST, "web:t", .cmd = STRS("t"), .stdin_text = "hello");
    world_build();
    struct action a;
    graph_action(&graph, node_of("web:s"), &a);
#define IS(id, text) assert_string_equal(graph_str(&graph, (id)), text)
    assert_int_equal(a.argv.n, 3);
    IS(a.argv.v[0], "serve");
    IS(a.argv.v[1], "");
    IS(a.argv.v[2], "-p");
    assert_int_equal(a.env.n, 6);
    IS(a.env.v[0], "A");
    IS(a.env.v[1], "");
    IS(a.env.v[2], "B");
    assert_int_equal(a.env.v[3], STR_NONE);
    IS(a.env.v[5], "3");
    IS(a.cwd, "web/run");
    IS(a.stdin_path, "in.txt");
    assert_int_equal(a.stdin_text, STR_NONE);
    IS(a.depfile, "web/d");
    IS(a.description, "serves");
    assert_int_equal(a.timeout_ms, UINT64_C(5000000000));
    assert_int_equal(a.retries, 3);
    assert_int_equal(a.slots, 4);
    assert_int_equal(a.pool, 1);
    assert_int_equal(graph.pools[a.pool].slots, 3);
    assert_int_equal(a.exclusive.n, 2);
    IS(a.exclusive.v[1], "port");
    assert_int_equal(a.tags.n, 2);
    IS(a.tags.v[0], "fast");
    assert_int_equal(a.success_codes.n, 3);
    assert_int_equal(a.success_codes.v[1], 77);
    assert_int_equal(a.ready, READY_COMMAND);
    IS(a.ready_line, "ok");
    assert_int_equal(a.ready_port, 65535);
    assert_int_equal(a.ready_cmd.n, 2);
    IS(a.ready_cmd.v[1], "x");
    assert_true(a.ready_shell);
    assert_int_equal(a.ready_timeout_ms, UINT64_C(6000000001));
    graph_action(&graph, node_of("web:t"), &a);
    IS(a.cwd, "web"); /* the Testfile's folder */
    IS(a.stdin_text, "hello");
    assert_int_equal(a.stdin_path, STR_NONE);
    assert_int_equal(a.depfile, STR_NONE);
    assert_int_equal(a.description, STR_NONE);
    assert_int_equal(a.slots, 1);
    assert_int_equal(a.pool, ID_NONE);
    assert_int_equal(a.env.n, 0);
#undef IS
    world_end();
}

static void sets_are_sorted_and_without_doubles(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "t", .cmd = STRS("t"));
    world_build();
    file_id f[] = {graph_file(&graph, "b"), graph_file(&graph, "a"), graph_file(&graph, "b"), graph_file(&graph, "a/b"),
                   graph_file(&graph, "a.b")};
    set_id s = graph_add_set(&graph, f, 5);
    const char *expected[] = {"a", "a.b", "a/b", "b"};
    assert_int_equal(graph.sets[s].n, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(graph_str(&graph, graph.files[graph.set_files[graph.sets[s].at + (uint32_t)i]].path),
                            expected[i]);
    s = graph_add_set(&graph, NULL, 0);
    assert_int_equal(graph.sets[s].n, 0);
    world_end();
}

static void what_was_made_is_kept_by_node(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "a", .cmd = STRS("t"), .outputs = STRS("a/"));
    target(KIND_BUILD, "b", .cmd = STRS("t"), .outputs = STRS("b/"));
    world_build();
    struct made_file v[4] = {0};
    for (uint32_t i = 0; i < 4; i++)
        v[i].type = i + 1;
    graph_set_made(&graph, 0, v, 2);
    graph_set_made(&graph, 1, v + 2, 2);
    graph_set_made(&graph, 0, v + 1, 3); /* grows: another place */
    graph_set_made(&graph, 1, v, 1);     /* shrinks */
    assert_int_equal(graph.states[0].n_made, 3);
    assert_int_equal(graph.made[graph.states[0].made_at].type, 2);
    assert_int_equal(graph.made[graph.states[0].made_at + 2].type, 4);
    assert_int_equal(graph.states[1].n_made, 1);
    assert_int_equal(graph.made[graph.states[1].made_at].type, 1);
    graph_set_made(&graph, 1, NULL, 0);
    assert_int_equal(graph.states[1].n_made, 0);
    assert_int_equal(graph.states[0].n_made, 3);
    world_end();
}

/* Enough for every look-up to be by hash, and for a walk to have no recursion. */
static void a_long_chain_of_many_globs(void **state)
{
    (void)state;
    enum { N = 20000 };
    world_begin();
    struct arena *a = &world.arena;
    for (uint32_t i = 0; i < N; i++) {
        const char **out = arena_alloc(a, sizeof *out), **in = arena_alloc(a, sizeof *in);
        *out = arena_printf(a, "d%u/*.o", i);
        *in = arena_printf(a, "d%u/x.o", i + 1);
        target(KIND_BUILD, arena_printf(a, "t%u", i), .cmd = STRS("t"), .outputs = {out, 1}, .inputs = {in, 1});
    }
    world_build();
    assert_int_equal(graph.n_edges, N - 1);
    assert_int_equal(graph.order[0], N - 1);
    uint8_t *mark = mem_calloc(N, 1);
    graph_mark_needed(&graph, 0, mark);
    assert_null(memchr(mark, 0, N));
    mem_free(mark);
    world_end();
}

static void look_ups_say_whose_output_a_path_is(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "a", .cmd = STRS("t"), .outputs = STRS("out/", "x/**/*.{c,h}", "[ab]/y", "f"));
    world_build();
    struct out_lookup *l = out_lookup_new(&graph);
    static const struct {
        const char *path;
        uint32_t out;
    } cases[] = {
        {"out", 0},         {"out/a", 0},  {"out/a/b", 0}, {"outer", ID_NONE},  {"x/a.c", 1},  {"x/p/q/a.h", 1},
        {"x/a.o", ID_NONE}, {"a/y", 2},    {"b/y", 2},     {"c/y", ID_NONE},    {"[ab]/y", 2}, {"f", 3},
        {"f/g", 3},         {"", ID_NONE}, {"x", ID_NONE}, {"x/**/*.{c,h}", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (out_lookup_find(l, cases[i].path) != cases[i].out)
            fail_msg("%s", cases[i].path);
    out_lookup_free(l);
    world_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_hold_what_was_declared),
        cmocka_unit_test(a_declared_path_or_home_is_noted),
        cmocka_unit_test(inputs_that_targets_make_are_edges),
        cmocka_unit_test(the_narrowest_entry_is_the_edge),
        cmocka_unit_test(one_edge_for_each_need),
        cmocka_unit_test(a_file_named_twice_counts_once),
        cmocka_unit_test(globs_leave_out_what_targets_make),
        cmocka_unit_test(depfiles_are_nobodys_input),
        cmocka_unit_test(the_order_has_dependencies_first),
        cmocka_unit_test(actions_come_back_as_they_were),
        cmocka_unit_test(sets_are_sorted_and_without_doubles),
        cmocka_unit_test(what_was_made_is_kept_by_node),
        cmocka_unit_test(a_long_chain_of_many_globs),
        cmocka_unit_test(look_ups_say_whose_output_a_path_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
