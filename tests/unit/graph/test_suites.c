/* SPDX-License-Identifier: MIT
 *
 * Suites in the graph: their cases as nodes, what is in a case's key, and the way through the frozen file. */
#include "key_world.h"

/* A suite with four cases, a build that one of them needs, a service and a discover step. */
static struct decl_case cases[4];
static struct decl suite, lister, maker;
static struct strs no_strs;

static void make(void)
{
    keys_begin();
    uint32_t tool = add_tool("py", "/usr/bin/py", ID_NONE);
    uint32_t set = add_set("src/x.c", "src/y.c"), own = add_set("own/1", "own/2"), may = add_set("lib/m.py");
    static const uint32_t ids[] = {0, 1, 2};
    (void)tool;
    (void)set;
    (void)own;
    (void)may;
    memset(cases, 0, sizeof cases);
    cases[0].id = "a";
    cases[1] = (struct decl_case){.id = "b",
                                  .data = "{\"x\":1}",
                                  .group = "g",
                                  .inputs = STRS("b.txt"),
                                  .tags = STRS("slow"),
                                  .sets = ids + 1,
                                  .n_sets = 1,
                                  .timeout_ms = 5};
    cases[1].inputs = keep_strs(cases[1].inputs);
    cases[1].tags = keep_strs(cases[1].tags);
    cases[2] = (struct decl_case){.id = "c", .group = "g", .inputs = keep_strs(STRS("made.txt"))};
    cases[3] = (struct decl_case){.id = "d", .group = "g", .inputs = keep_strs(STRS("made.txt"))};
    maker = (struct decl){.kind = KIND_BUILD,
                          .label = "dir:maker",
                          .cmd = STRS("make"),
                          .outputs = STRS("made.txt"),
                          .inputs = STRS("in")};
    lister = (struct decl){.kind = KIND_BUILD,
                           .label = "dir:s.discover",
                           .cmd = STRS("ls"),
                           .outputs = STRS("cases/s"),
                           .inputs = STRS("l")};
    suite = (struct decl){.kind = KIND_SUITE,
                          .label = "dir:s",
                          .cmd = STRS("py", "w.py"),
                          .tools = ids,
                          .n_tools = 1,
                          .sets = ids,
                          .n_sets = 1,
                          .inputs = STRS("common.txt"),
                          .deps = STRS("srv"),
                          .tags = STRS("api"),
                          .env = ENVS({"A", "1"}),
                          .discover = "dir:s.discover",
                          .case_timeout_ms = 1000,
                          .cases = cases,
                          .n_cases = 4};
    /* The lists are compound literals of this block. */
    suite.cmd = keep_strs(suite.cmd);
    suite.inputs = keep_strs(suite.inputs);
    suite.deps = keep_strs(suite.deps);
    suite.tags = keep_strs(suite.tags);
    suite.env = keep(suite.env, suite.n_env * sizeof *suite.env);
    maker.cmd = keep_strs(maker.cmd);
    maker.outputs = keep_strs(maker.outputs);
    maker.inputs = keep_strs(maker.inputs);
    lister.cmd = keep_strs(lister.cmd);
    lister.outputs = keep_strs(lister.outputs);
    lister.inputs = keep_strs(lister.inputs);
}

static void declare(void)
{
    add_pool("p", 1);
    add_target(suite);
    add_target(lister);
    add_target(maker);
    target(KIND_SERVICE, "srv", .cmd = STRS("serve"), .ready = READY_LINE, .ready_line = "up");
}

static void build(void)
{
    declare();
    world_build();
}

static void cases_are_nodes_after_all_others_in_the_order_declared(void **state)
{
    (void)state;
    make();
    build();
    assert_int_equal(graph.n_nodes, 8);
    assert_int_equal(graph.n_cases, 4);
    const char *labels[] = {"dir:s#a", "dir:s#b", "dir:s#c", "dir:s#d"};
    for (uint32_t i = 0; i < 4; i++) {
        node_id n = node_of(labels[i]);
        assert_int_equal(n, 4 + i);
        assert_int_equal(graph.nodes[n].kind, KIND_CASE);
        assert_int_equal(graph_case(&graph, n)->suite, node_of("dir:s"));
        assert_string_equal(graph_str(&graph, graph_case(&graph, n)->id), cases[i].id);
        assert_string_equal(graph_str(&graph, graph.nodes[n].dir), "dir");
        assert_int_equal(graph.nodes[n].pos_line, graph.nodes[node_of("dir:s")].pos_line);
    }
    assert_null(graph_case(&graph, node_of("dir:s")));
    assert_null(graph_case(&graph, node_of("srv")));
    const struct graph_case *a = graph_case(&graph, 4), *b = graph_case(&graph, 5);
    assert_int_equal(a->group, STR_NONE);
    assert_int_equal(a->data, STR_NONE);
    assert_int_equal(a->timeout_ms, 1000);
    assert_string_equal(graph_str(&graph, b->group), "g");
    assert_string_equal(graph_str(&graph, b->data), "{\"x\":1}");
    assert_int_equal(b->timeout_ms, 5);
    assert_int_equal(graph_tags(&graph, 4).n, 1);
    assert_int_equal(graph_tags(&graph, 5).n, 2);
    assert_string_equal(graph_str(&graph, graph_tags(&graph, 5).v[0]), "api");
    assert_string_equal(graph_str(&graph, graph_tags(&graph, 5).v[1]), "slow");
    keys_end();
}

static void expect_needs(const char *label, const char *expected)
{
    struct buf b = BUF_INIT;
    const struct node *n = &graph.nodes[node_of(label)];
    for (uint32_t i = 0; i < n->n_edges; i++) {
        const struct edge *e = &graph.edges[n->edges_at + i];
        buf_printf(&b, "%s%s%s", i ? " " : "", graph_label(&graph, e->to), e->out == OUT_ORDER ? "(order)" : "");
        if (e->out != ID_NONE && e->out != OUT_ORDER)
            buf_printf(&b, "[%s]", graph_str(&graph, graph.outs[e->out].path));
    }
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
}

static void a_case_has_what_its_suite_has_and_its_own(void **state)
{
    (void)state;
    make();
    build();
    expect_needs("dir:s", "dir:s#a dir:s#b dir:s#c dir:s#d");
    expect_needs("dir:s#a", "srv dir:s.discover(order)");
    expect_needs("dir:s#b", "srv dir:s.discover(order)");
    /* The two that name a target's output both need it, although their lists of inputs are the same. */
    expect_needs("dir:s#c", "srv dir:s.discover(order) dir:maker[made.txt]");
    expect_needs("dir:s#d", "srv dir:s.discover(order) dir:maker[made.txt]");
    expect_sets("dir:s#a", "common.txt | src/x.c src/y.c");
    expect_sets("dir:s#b", "b.txt | common.txt | src/x.c src/y.c | own/1 own/2");
    expect_sets("dir:s#c", "common.txt | src/x.c src/y.c");
    expect_sets("dir:s", "");
    keys_end();
}

static void cases_with_the_same_inputs_share_a_set(void **state)
{
    (void)state;
    make();
    cases[2].inputs = cases[3].inputs = cases[0].inputs = keep_strs(STRS("p", "q"));
    build();
    expect_sets("dir:s#a", "p q | common.txt | src/x.c src/y.c");
    expect_sets("dir:s#d", "p q | common.txt | src/x.c src/y.c");
    const struct node *c = &graph.nodes[node_of("dir:s#c")], *d = &graph.nodes[node_of("dir:s#d")];
    assert_int_equal(graph.node_sets[c->sets_at], graph.node_sets[d->sets_at]);
    keys_end();
}

static void a_suite_without_cases_needs_its_discover_step(void **state)
{
    (void)state;
    make();
    suite.n_cases = 0;
    suite.cases = NULL;
    suite.cases_unknown = true;
    build();
    expect_needs("dir:s", "srv dir:s.discover(order)");
    assert_true(graph.nodes[node_of("dir:s")].flags & NODE_CASES_UNKNOWN);
    assert_true(graph_counts(&graph, node_of("dir:s"))); /* it is no pass that nobody counts */
    keys_end();
}

/* ---- keys ---- */

enum change {
    NOTHING,
    ID,
    DATA,
    NO_DATA,
    OWN_INPUT,
    OWN_INPUT_CONTENT,
    OWN_SET,
    OWN_SET_CONTENT,
    COMMON_CONTENT,
    CMD,
    CWD,
    ENV,
    VALUE,
    TOOL,
    ISOLATE,
    MAY_READ,
    SERVICE,
    LABEL,
    IN_KEY, /* those before are */
    GROUP = IN_KEY,
    TAGS,
    SUITE_TAGS,
    TIMEOUT,
    CASE_TIMEOUT,
    SUITE_TIMEOUT,
    START_TIMEOUT,
    RECYCLE,
    ORDER,
    RETRIES,
    SLOTS,
    POOL,
    EXCLUSIVE,
    DESCRIPTION,
    OTHER_CASE_GONE,
    OTHER_CASE_MORE,
    OTHER_CASE_DATA,
    OTHER_CASE_INPUT,
    OTHER_MADE,
    CASES_REVERSED,
    DISCOVER_INPUT,
    DISCOVER_OUTPUT,
    CHANGES
};
static const uint32_t may_ids[] = {2};

static void change(enum change what)
{
    static struct decl_case more[5];
    struct decl_case *b = &cases[1];
    switch (what) {
    case ID:
        b->id = "b2";
        break;
    case DATA:
        b->data = "{\"x\":2}";
        break;
    case NO_DATA:
        b->data = NULL;
        break;
    case OWN_INPUT:
        b->inputs = keep_strs(STRS("b.txt", "b2.txt"));
        break;
    case OWN_INPUT_CONTENT:
        content("b.txt", ENTRY_FILE, "other");
        break;
    case OWN_SET:
        b->n_sets = 0;
        break;
    case OWN_SET_CONTENT:
        content("own/2", ENTRY_FILE, "other");
        break;
    case COMMON_CONTENT:
        content("common.txt", ENTRY_FILE, "other");
        break;
    case CMD:
        suite.cmd = keep_strs(STRS("py", "v.py"));
        break;
    case CWD:
        suite.cwd = "elsewhere";
        break;
    case ENV:
        suite.env = keep(&(struct decl_env){"A", "2"}, sizeof(struct decl_env));
        break;
    case VALUE:
        suite.value = "more";
        break;
    case TOOL:
        world.tools[0].path = "/opt/py";
        break;
    case ISOLATE:
        suite.isolate = true;
        break;
    case MAY_READ:
        suite.may_read = may_ids;
        suite.n_may_read = 1;
        break;
    case SERVICE:
        suite.deps = no_strs;
        break;
    case LABEL:
        suite.label = "dir:other";
        break;
    case GROUP:
        b->group = "another";
        break;
    case TAGS:
        b->tags = no_strs;
        break;
    case SUITE_TAGS:
        suite.tags = no_strs;
        break;
    case TIMEOUT:
        b->timeout_ms = 77;
        break;
    case CASE_TIMEOUT:
        suite.case_timeout_ms = 77;
        break;
    case SUITE_TIMEOUT:
        suite.timeout_ms = 77;
        break;
    case START_TIMEOUT:
        suite.start_timeout_ms = 77;
        break;
    case RECYCLE:
        suite.recycle_cases = 7;
        suite.recycle_bytes = 7;
        break;
    case ORDER:
        suite.order = ORDER_GROUP;
        break;
    case RETRIES:
        suite.retries = 3;
        break;
    case SLOTS:
        suite.slots = 2;
        break;
    case POOL:
        suite.pool = "p";
        break;
    case EXCLUSIVE:
        suite.exclusive = keep_strs(STRS("db"));
        break;
    case DESCRIPTION:
        suite.description = "words";
        break;
    case OTHER_CASE_GONE:
        suite.n_cases = 3;
        break;
    case OTHER_CASE_MORE:
        memcpy(more + 1, cases, sizeof cases);
        more[0] = (struct decl_case){.id = "new"};
        suite.cases = more;
        suite.n_cases = 5;
        break;
    case OTHER_CASE_DATA:
        cases[0].data = "1";
        break;
    case OTHER_CASE_INPUT:
        cases[0].inputs = keep_strs(STRS("a.txt"));
        break;
    case OTHER_MADE:
        out_version[1] = 9;
        break; /* made.txt, which c and d need: lister's output is 0 */
    case CASES_REVERSED:
        for (int i = 0; i < 4; i++)
            more[i] = cases[3 - i];
        suite.cases = more;
        break;
    case DISCOVER_INPUT:
        content("l", ENTRY_FILE, "other");
        break;
    case DISCOVER_OUTPUT:
        out_version[0] = 9;
        break;
    default:
        break;
    }
}

static struct digest key_of(enum change what, bool is_static)
{
    make();
    change(what);
    build();
    keys_resolve();
    char label[32];
    snprintf(label, sizeof label, "%s#%s", suite.label, cases[1].id);
    node_id n = node_of(label);
    struct digest d = is_static ? keys.static_key[n] : node_key[n];
    keys_end();
    return d;
}

static void a_case_s_key_covers_what_can_change_its_outcome_and_nothing_else(void **state)
{
    (void)state;
    for (int is_static = 0; is_static < 2; is_static++) {
        struct digest seen[IN_KEY];
        for (int w = 0; w < CHANGES; w++) {
            struct digest d = key_of((enum change)w, is_static);
            if (w >= IN_KEY && !digest_eq(d, seen[NOTHING]))
                fail_msg("change %d is in the %skey", w, is_static ? "static " : "");
            for (int i = 0; i < w && w < IN_KEY; i++)
                if (digest_eq(d, seen[i]))
                    fail_msg("change %d is as %d in the %skey", w, i, is_static ? "static " : "");
            if (w < IN_KEY)
                seen[w] = d;
        }
    }
}

static void an_output_that_a_case_names_is_in_its_key_alone(void **state)
{
    (void)state;
    struct digest k[2][4];
    for (int i = 0; i < 2; i++) {
        make();
        change(i ? OTHER_MADE : NOTHING);
        build();
        keys_resolve();
        assert_string_equal(graph_str(&graph, graph.outs[1].path), "made.txt");
        memcpy(k[i], node_key + 4, sizeof k[i]);
        keys_end();
    }
    assert_true(digest_eq(k[0][0], k[1][0]));
    assert_true(digest_eq(k[0][1], k[1][1]));
    assert_false(digest_eq(k[0][2], k[1][2]));
    assert_false(digest_eq(k[0][3], k[1][3]));
}

static void the_same_id_in_two_suites_is_two_cases(void **state)
{
    (void)state;
    make();
    struct decl other = suite;
    other.label = "dir:t";
    declare();
    add_target(other);
    world_build();
    keys_resolve();
    assert_false(digest_eq(node_key[node_of("dir:s#a")], node_key[node_of("dir:t#a")]));
    assert_int_equal(graph_case(&graph, node_of("dir:t#a"))->suite, node_of("dir:t"));
    keys_end();
}

/* ---- mistakes ---- */

static void an_id_twice_is_an_error(void **state)
{
    (void)state;
    make();
    cases[3].id = "a";
    declare();
    assert_false(world_try());
    expect_error("T301", "target 'dir:s#a' is declared twice", "dir/Testfile.lua", 1, "dir/Testfile.lua:1");
    keys_end();
}

static void a_pool_that_is_not_there_is_one_error_for_all_cases(void **state)
{
    (void)state;
    make();
    suite.pool = "nope";
    declare();
    assert_false(world_try());
    find_error("T307", "target 'dir:s' wants pool 'nope'");
    assert_int_equal(errors.n, 1);
    keys_end();
}

static void a_dependency_that_is_not_there_is_one_error_for_all_cases(void **state)
{
    (void)state;
    make();
    suite.deps = keep_strs(STRS("nope"));
    declare();
    assert_false(world_try());
    find_error("T304", "target 'dir:s' depends on 'nope'");
    assert_int_equal(errors.n, 1);
    keys_end();
}

static void a_suite_that_needs_what_needs_it_is_a_cycle(void **state)
{
    (void)state;
    make();
    declare();
    target(KIND_BUILD, "after", .cmd = STRS("x"), .deps = STRS("dir:s"), .outputs = STRS("b.txt"));
    assert_false(world_try());
    find_error("T306", "dir:s#b");
    keys_end();
}

/* ---- the frozen file ---- */

static void a_suite_comes_back_from_the_frozen_file(void **state)
{
    (void)state;
    make();
    suite.order = ORDER_GROUP;
    suite.isolate = true;
    suite.start_timeout_ms = 1234;
    suite.recycle_cases = 7;
    suite.recycle_bytes = (uint64_t)5 << 40;
    suite.timeout_ms = 99;
    build();
    keys_resolve();
    graph.states[5].status = STATUS_CLEAN;
    graph.states[5].mark = 1;
    struct graph_section s[GRAPH_SECTIONS], copy[GRAPH_SECTIONS];
    graph_sections(&graph, s);
    for (int i = 0; i < GRAPH_SECTIONS; i++) {
        copy[i] = (struct graph_section){mem_alloc(s[i].len + 1), s[i].len};
        if (s[i].len)
            memcpy((void *)(uintptr_t)copy[i].p, s[i].p, s[i].len);
    }
    struct graph g;
    assert_true(graph_view(&g, copy));
    assert_int_equal(g.n_cases, 4);
    for (node_id n = 0; n < g.n_nodes; n++) {
        const struct graph_case *was = graph_case(&graph, n), *is = graph_case(&g, n);
        assert_int_equal(was == NULL, is == NULL);
        if (is)
            assert_memory_equal(was, is, sizeof *is);
        assert_int_equal(graph_tags(&graph, n).n, graph_tags(&g, n).n);
        struct suite_action sa;
        assert_int_equal(graph_suite(&g, n, &sa), n == 0 || is);
        if (n == 0 || is) {
            assert_int_equal(sa.order, ORDER_GROUP);
            assert_true(sa.isolate);
            assert_false(sa.reports_reads);
            assert_int_equal(sa.start_timeout_ms, 1234);
            assert_int_equal(sa.recycle_cases, 7);
            assert_int_equal(sa.recycle_bytes, (uint64_t)5 << 40);
        }
    }
    assert_int_equal(graph_find(&g, "dir:s#b"), 5);
    assert_int_equal(g.states[5].mark, 1);
    /* The same keys come of it. */
    struct key_context c;
    key_context_init(&c, &g, digest_bytes("platform", 8), path_value, home_value);
    for (uint32_t k = 0; k < g.n_nodes; k++)
        assert_true(digest_eq(key_weak(&c, &g, g.order[k], g.states[g.order[k]].deps), node_key[g.order[k]]));
    key_context_clear(&c);
    graph_clear(&g);
    /* Ids that lead nowhere are refused. */
    for (int field = 0; field < 5; field++) {
        struct graph_case *bad = NULL;
        for (int i = 0; i < GRAPH_SECTIONS; i++)
            if (s[i].p == (const void *)graph.cases)
                bad = (struct graph_case *)(uintptr_t)copy[i].p;
        assert_non_null(bad);
        struct graph_case good = bad[2];
        if (field == 0)
            bad[2].suite = 8;
        else if (field == 1)
            bad[2].suite = 1; /* no suite */
        else if (field == 2)
            bad[2].id = 0x7fffffff;
        else if (field == 3)
            bad[2].tags = 0x7fffffff;
        else
            bad[2].group = 0x7fffffff;
        struct graph view;
        if (graph_view(&view, copy))
            fail_msg("damage %d was let through", field);
        graph_clear(&view);
        bad[2] = good;
    }
    for (int i = 0; i < GRAPH_SECTIONS; i++)
        mem_free((void *)(uintptr_t)copy[i].p);
    keys_end();
}

static void what_is_known_of_a_case_is_found_again_by_its_label(void **state)
{
    (void)state;
    make();
    build();
    keys_resolve();
    struct graph old = graph;
    struct digest b = node_key[5], d = node_key[7];
    graph.states[5].status = STATUS_CLEAN;
    graph.states[5].mark = 1;
    graph.states[7].status = STATUS_FAILED;
    graph.states[7].duration_ms = 55;
    old = graph;
    key_context_clear(&keys);
    graph_init(&graph);
    struct decls old_world = world;
    make();
    change(CASES_REVERSED); /* d c b a, and c is another one */
    ((struct decl_case *)(uintptr_t)suite.cases)[1].id = "new";
    build();
    graph_inherit(&graph, &old);
    assert_int_equal(node_of("dir:s#b"), 6);
    assert_true(digest_eq(graph.states[6].key, b));
    assert_int_equal(graph.states[6].status, STATUS_CLEAN);
    assert_int_equal(graph.states[6].mark, 1);
    assert_int_equal(node_of("dir:s#d"), 4);
    assert_true(digest_eq(graph.states[4].key, d));
    assert_int_equal(graph.states[4].status, STATUS_FAILED);
    assert_int_equal(graph.states[4].duration_ms, 55);
    assert_int_equal(graph.states[node_of("dir:s#new")].status, STATUS_UNKNOWN);
    graph_clear(&old);
    decls_clear(&old_world);
    keys_resolve();
    keys_end();
}

static void asking_for_a_suite_is_asking_for_its_cases(void **state)
{
    (void)state;
    make();
    build();
    uint8_t *mark = mem_calloc(graph.n_nodes + 1, 1);
    mark[node_of("dir:s")] = 1;
    graph_open_groups(&graph, mark);
    for (node_id n = 4; n < 8; n++)
        assert_true(mark[n]);
    assert_false(mark[node_of("dir:maker")]);
    memset(mark, 0, graph.n_nodes);
    graph_mark_needed(&graph, node_of("dir:s#a"), mark);
    assert_true(mark[node_of("srv")] && mark[node_of("dir:s.discover")]);
    assert_false(mark[node_of("dir:maker")] || mark[node_of("dir:s#b")] || mark[node_of("dir:s")]);
    mem_free(mark);
    keys_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_are_nodes_after_all_others_in_the_order_declared),
        cmocka_unit_test(a_case_has_what_its_suite_has_and_its_own),
        cmocka_unit_test(cases_with_the_same_inputs_share_a_set),
        cmocka_unit_test(a_suite_without_cases_needs_its_discover_step),
        cmocka_unit_test(a_case_s_key_covers_what_can_change_its_outcome_and_nothing_else),
        cmocka_unit_test(an_output_that_a_case_names_is_in_its_key_alone),
        cmocka_unit_test(the_same_id_in_two_suites_is_two_cases),
        cmocka_unit_test(an_id_twice_is_an_error),
        cmocka_unit_test(a_pool_that_is_not_there_is_one_error_for_all_cases),
        cmocka_unit_test(a_dependency_that_is_not_there_is_one_error_for_all_cases),
        cmocka_unit_test(a_suite_that_needs_what_needs_it_is_a_cycle),
        cmocka_unit_test(a_suite_comes_back_from_the_frozen_file),
        cmocka_unit_test(what_is_known_of_a_case_is_found_again_by_its_label),
        cmocka_unit_test(asking_for_a_suite_is_asking_for_its_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
