/* SPDX-License-Identifier: MIT
 *
 * What changes a key, and what does not. */
#include "key_world.h"

/* Each case builds the same small world with one thing different, and looks at the key of "t". */
struct setting {
    const char *cmd; /* NULL = "run" */
    struct decl t;   /* fields that differ from the usual */
    const char *path, *home;
    struct content file;
    bool tool_moved;
};

static struct digest weak_of(const struct setting *s, struct digest *static_key)
{
    keys_begin();
    if (s->path)
        path_value = s->path;
    if (s->home)
        home_value = s->home;
    if (s->file.path)
        content(s->file.path, s->file.type, s->file.text);
    add_pool("p", 1);
    uint32_t env = add_tool("env", "/usr/bin/env", ID_NONE);
    uint32_t tool = add_tool("tool", s->tool_moved ? "/opt/tool" : "/usr/bin/tool", env);
    uint32_t set = add_set("src/a.c", "src/b.c"), more = add_set("src/a.c", "src/b.c", "src/c.c"), may = add_set("h.h");
    struct decl d = s->t;
    d.kind = d.kind ? d.kind : KIND_TEST;
    d.label = "t";
    d.cmd = s->cmd ? STRS("tool", s->cmd) : STRS("tool", "run");
    if (!d.n_tools) {
        d.tools = &tool;
        d.n_tools = 1;
    } else if (d.n_tools > 2) {
        d.n_tools = 0;
    }
    d.sets = d.n_sets ? &more : &set;
    d.n_sets = 1;
    d.may_read = &may;
    d.n_may_read = 1;
    if (!d.depfile)
        d.depfile = "usual.d";
    d.inputs = d.inputs.n ? d.inputs : STRS("in.txt", "link");
    add_target(d);
    world_build();
    keys_resolve();
    struct digest k = node_key[0];
    *static_key = keys.static_key[0];
    keys_end();
    return k;
}

static const uint8_t codes[] = {0, 1, 2};
static struct decl_env env_a[] = {{"A", "1"}}, env_b[] = {{"A", "2"}}, env_unset[] = {{"A", NULL}},
                       env_empty[] = {{"A", ""}}, env_name[] = {{"B", "1"}}, env_two[] = {{"A", "1"}, {"B", "1"}};
static const uint32_t both_tools[] = {0, 1};

#define LIST(name, ...) static const char *const name[] = {__VA_ARGS__}
LIST(out_x, "x");
LIST(out_y, "y");
LIST(out_x_folder, "x/");
LIST(out_xy, "x", "y");
LIST(in_more, "in.txt", "link", "z.txt");
LIST(in_less, "in.txt");
LIST(tags, "slow");
LIST(locks, "gpu");

static const struct {
    const char *what;
    struct setting s;
    bool only_static; /* the key stays, the static key does not */
} differ[] = {
    {"nothing", {.cmd = NULL}, false},
    {"cmd", {.cmd = "other"}, false},
    {"shell", {.t = {.shell = true}}, false},
    {"cwd", {.t = {.cwd = "sub"}}, false},
    {"kind", {.t = {.kind = KIND_BUILD}}, false},
    {"env value", {.t = {.env = env_a, .n_env = 1}}, false},
    {"another env value", {.t = {.env = env_b, .n_env = 1}}, false},
    {"env unset", {.t = {.env = env_unset, .n_env = 1}}, false},
    {"env empty", {.t = {.env = env_empty, .n_env = 1}}, false},
    {"env name", {.t = {.env = env_name, .n_env = 1}}, false},
    {"two env", {.t = {.env = env_two, .n_env = 2}}, false},
    {"value", {.t = {.value = "v"}}, false},
    {"empty value", {.t = {.value = ""}}, false},
    {"stdin file", {.t = {.stdin_path = "in.txt"}}, false},
    {"stdin text", {.t = {.stdin_text = "in.txt"}}, false},
    {"empty stdin", {.t = {.stdin_text = ""}}, false},
    {"output", {.t = {.outputs = {out_x, 1}}}, false},
    {"another output", {.t = {.outputs = {out_y, 1}}}, false},
    {"output folder", {.t = {.outputs = {out_x_folder, 1}}}, false},
    {"two outputs", {.t = {.outputs = {out_xy, 2}}}, false},
    {"depfile", {.t = {.depfile = "x.d"}}, false},
    {"success codes", {.t = {.success_codes = codes, .n_success_codes = 1}}, false},
    {"more success codes", {.t = {.success_codes = codes, .n_success_codes = 3}}, false},
    {"one more input", {.t = {.inputs = {in_more, 3}}}, false},
    {"one input less", {.t = {.inputs = {in_less, 1}}}, false},
    {"one more file of the glob", {.t = {.n_sets = 1}}, false},
    {"content of an input", {.file = {"in.txt", ENTRY_FILE, "new"}}, false},
    {"mode of an input", {.file = {"in.txt", ENTRY_EXEC, "in.txt"}}, false},
    {"an input that is a link", {.file = {"in.txt", ENTRY_LINK, "in.txt"}}, false},
    {"an input that is gone", {.file = {"in.txt", ENTRY_NONE, ""}}, false},
    {"content of the glob's file", {.file = {"src/b.c", ENTRY_FILE, "new"}}, false},
    {"content of the tool", {.file = {"/usr/bin/tool", ENTRY_FILE, "new"}}, false},
    {"type of the tool", {.file = {"/usr/bin/tool", ENTRY_LINK, "/usr/bin/tool"}}, false},
    {"content of its interpreter", {.file = {"/usr/bin/env", ENTRY_FILE, "new"}}, false},
    {"path of the tool", {.tool_moved = true, .file = {"/opt/tool", ENTRY_FILE, "/usr/bin/tool"}}, false},
    {"two tools", {.t = {.tools = both_tools, .n_tools = 2}}, false},
    {"no tools", {.t = {.n_tools = 3}}, false},
    {"PATH", {.path = "/usr/bin"}, false},
    {"HOME", {.home = "/home/x"}, false},
    {"content of may_read", {.file = {"h.h", ENTRY_FILE, "new"}}, true},
};

static void every_difference_gives_a_key_of_its_own(void **state)
{
    (void)state;
    enum { N = sizeof differ / sizeof *differ };
    struct digest key[N], fixed[N];
    for (int i = 0; i < N; i++)
        key[i] = weak_of(&differ[i].s, &fixed[i]);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < i; k++) {
            bool same_allowed = (differ[i].only_static && k == 0) || (differ[k].only_static && i == 0);
            if (digest_eq(key[i], key[k]) != same_allowed)
                fail_msg("key: %s / %s", differ[i].what, differ[k].what);
            if (digest_eq(fixed[i], fixed[k]))
                fail_msg("static key: %s / %s", differ[i].what, differ[k].what);
        }
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            assert_false(digest_eq(key[i], fixed[k]));
}

static void what_cannot_change_the_outcome_is_not_in_the_key(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct setting s;
    } same[] = {
        {"timeout", {.t = {.timeout_ms = 5}}},
        {"retries", {.t = {.retries = 2}}},
        {"pool", {.t = {.pool = "p"}}},
        {"slots", {.t = {.slots = 3}}},
        {"tags", {.t = {.tags = {tags, 1}}}},
        {"description", {.t = {.description = "d"}}},
        {"exclusive", {.t = {.exclusive_all = true}}},
        {"exclusive resource", {.t = {.exclusive = {locks, 1}}}},
        {"cache", {.t = {.no_cache = true}}},
        {"jobserver", {.t = {.jobserver = true}}},
        {"an unrelated file", {.file = {"src/c.c", ENTRY_FILE, "new"}}},
    };
    struct setting usual = {.cmd = NULL};
    struct digest fixed, fixed_usual, key = weak_of(&usual, &fixed_usual);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        if (!digest_eq(weak_of(&same[i].s, &fixed), key))
            fail_msg("key: %s", same[i].what);
        if (!digest_eq(fixed, fixed_usual))
            fail_msg("static key: %s", same[i].what);
    }
}

static void a_declared_path_or_home_takes_the_place_of_ours(void **state)
{
    (void)state;
    static struct decl_env own[] = {{"HOME", "/h"}, {"PATH", "/p"}};
    struct setting a = {.t = {.env = own, .n_env = 2}}, b = a, c = a, only_path = {.t = {.env = own + 1, .n_env = 1}};
    struct digest s;
    b.path = "/usr/bin";
    c.home = "/home/x";
    struct digest key = weak_of(&a, &s);
    assert_true(digest_eq(weak_of(&b, &s), key));
    assert_true(digest_eq(weak_of(&c, &s), key));
    key = weak_of(&only_path, &s);
    only_path.home = "/home/x";
    assert_false(digest_eq(weak_of(&only_path, &s), key));
}

/* gen -> lib -> app -> t, each by deps; lib.o, lib.h of lib. */
static void chain(void)
{
    keys_begin();
    target(KIND_BUILD, "gen", .cmd = STRS("g"), .inputs = STRS("g.in"), .outputs = STRS("gen.c"));       /* out 0 */
    target(KIND_BUILD, "lib", .cmd = STRS("l"), .deps = STRS("gen"), .outputs = STRS("lib.o", "lib.h")); /* 1, 2 */
    target(KIND_BUILD, "app", .cmd = STRS("a"), .deps = STRS("lib"), .outputs = STRS("app"));            /* 3 */
    target(KIND_TEST, "t", .cmd = STRS("t"), .deps = STRS("app"));
    target(KIND_TEST, "one", .cmd = STRS("t"), .inputs = STRS("lib.h"));
    target(KIND_TEST, "grouped", .cmd = STRS("t"), .deps = STRS("g"));
    target(KIND_GROUP, "g", .deps = STRS("app"));
    world_build();
}

static struct digest key_in_chain(const char *label, uint32_t out, const char *file, bool fixed)
{
    chain();
    if (out != ID_NONE)
        out_version[out] = 1;
    if (file)
        content(file, ENTRY_FILE, "changed");
    keys_resolve();
    struct digest k = fixed ? keys.static_key[node_of(label)] : node_key[node_of(label)];
    keys_end();
    return k;
}
#define MOVES(label, out, file)                                                                                        \
    (!digest_eq(key_in_chain(label, ID_NONE, NULL, false), key_in_chain(label, out, file, false)))

static void outputs_of_dependencies_count_however_far(void **state)
{
    (void)state;
    for (uint32_t out = 0; out < 4; out++) {
        assert_true(MOVES("t", out, NULL));
        assert_true(MOVES("grouped", out, NULL));
    }
    assert_true(MOVES("lib", 0, NULL));
    assert_false(MOVES("lib", 1, NULL)); /* its own */
    assert_false(MOVES("lib", 3, NULL)); /* of those who use it */
    assert_false(MOVES("gen", 0, NULL));
}

static void the_same_output_stops_the_spread(void **state)
{
    (void)state;
    assert_true(MOVES("gen", ID_NONE, "g.in"));
    assert_false(MOVES("lib", ID_NONE, "g.in"));
    assert_false(MOVES("app", ID_NONE, "g.in"));
    assert_false(MOVES("t", ID_NONE, "g.in"));
}

static void static_keys_take_the_declared_and_not_the_made(void **state)
{
    (void)state;
    for (uint32_t out = 0; out < 4; out++)
        assert_true(digest_eq(key_in_chain("t", ID_NONE, NULL, true), key_in_chain("t", out, NULL, true)));
    assert_false(digest_eq(key_in_chain("t", ID_NONE, NULL, true), key_in_chain("t", ID_NONE, "g.in", true)));
    assert_false(digest_eq(key_in_chain("one", ID_NONE, NULL, true), key_in_chain("one", ID_NONE, "g.in", true)));
    assert_true(digest_eq(key_in_chain("gen", ID_NONE, NULL, true), key_in_chain("gen", 0, NULL, true)));
}

static void an_edge_to_one_entry_takes_that_entry_alone(void **state)
{
    (void)state;
    assert_true(MOVES("one", 2, NULL));
    assert_false(MOVES("one", 1, NULL));
    assert_true(MOVES("one", 0, NULL)); /* what the producer itself was made with */
    assert_false(MOVES("one", 3, NULL));
}

static void which_entry_an_edge_takes_is_in_the_key(void **state)
{
    (void)state;
    struct digest k[2], s[2];
    for (int i = 0; i < 2; i++) {
        keys_begin();
        target(KIND_BUILD, "b", .cmd = STRS("b"), .outputs = STRS("x/", "y/"));
        target(KIND_TEST, "t", .cmd = STRS("t"), .inputs = i ? STRS("y") : STRS("x"));
        world_build();
        keys_resolve();
        k[i] = node_key[1];
        s[i] = keys.static_key[1];
        keys_end();
    }
    assert_false(digest_eq(k[0], k[1]));
    assert_false(digest_eq(s[0], s[1]));
}

static struct digest deep_with(bool folder_named_y, bool empty)
{
    keys_begin();
    target(KIND_BUILD, "b", .cmd = STRS("b"), .outputs = folder_named_y ? STRS("y/") : STRS("x/"));
    world_build();
    keys_resolve();
    if (empty)
        graph_set_made(&graph, 0, NULL, 0);
    key_outputs(&keys, &graph, 0);
    struct digest d = graph.states[0].deep;
    keys_end();
    return d;
}

static void an_empty_folder_is_an_output_too(void **state)
{
    (void)state;
    assert_false(digest_eq(deep_with(false, true), deep_with(true, true)));
    assert_false(digest_eq(deep_with(false, true), deep_with(false, false)));
}

static void files_of_an_output_folder_count_by_name_type_and_content(void **state)
{
    (void)state;
    struct digest deep[5];
    for (int i = 0; i < 5; i++) {
        keys_begin();
        target(KIND_BUILD, "b", .cmd = STRS("b"), .outputs = STRS("x/", "y/"));
        world_build();
        keys_resolve();
        struct made_file m = {.file = graph_file(&graph, i == 1 ? "x/other" : "x/f"),
                              .out = i == 2 ? 1 : 0,
                              .type = i == 3 ? ENTRY_EXEC : ENTRY_FILE,
                              .digest = digest_bytes("c", i == 4 ? 0 : 1),
                              .blob = digest_bytes("b", 1)};
        graph_set_made(&graph, 0, &m, 1);
        key_outputs(&keys, &graph, 0);
        deep[i] = graph.states[0].deep;
        keys_end();
    }
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < i; k++)
            assert_false(digest_eq(deep[i], deep[k]));
}

static void a_service_counts_by_its_key(void **state)
{
    (void)state;
    struct digest k[2];
    for (int i = 0; i < 2; i++) {
        keys_begin();
        target(KIND_SERVICE, "s", .cmd = STRS("s"), .inputs = STRS("conf"));
        target(KIND_TEST, "t", .cmd = STRS("t"), .deps = STRS("s"));
        world_build();
        if (i)
            content("conf", ENTRY_FILE, "changed");
        keys_resolve();
        k[i] = node_key[1];
        keys_end();
    }
    assert_false(digest_eq(k[0], k[1]));
}

static void a_group_does_not_see_path_or_home(void **state)
{
    (void)state;
    struct digest k[2];
    for (int i = 0; i < 2; i++) {
        keys_begin();
        path_value = i ? "/a" : "/b";
        target(KIND_GROUP, "g");
        world_build();
        keys_resolve();
        k[i] = node_key[0];
        keys_end();
    }
    assert_true(digest_eq(k[0], k[1]));
}

/* may_read: names at once; content of what the depfile said. */
static void depfiles_give_a_second_step(void **state)
{
    (void)state;
    struct digest weak[4], strong[4];
    for (int i = 0; i < 4; i++) {
        keys_begin();
        uint32_t may = i == 3 ? add_set("a.h", "b.h", "c.h") : add_set("a.h", "b.h");
        target(KIND_BUILD, "b", .cmd = STRS("b"), .outputs = STRS("x.o"), .depfile = "x.d", .may_read = &may,
               .n_may_read = 1);
        world_build();
        if (i == 1)
            content("a.h", ENTRY_FILE, "changed");
        if (i == 2)
            content("b.h", ENTRY_FILE, "changed");
        file_id read[] = {graph_file(&graph, "a.h")};
        keys_resolve();
        set_id reads = graph_add_set(&graph, read, 1);
        weak[i] = key_weak(&keys, &graph, 0, DIGEST_NONE);
        strong[i] = key_strong(&keys, &graph, weak[i], reads);
        keys_end();
    }
    assert_true(digest_eq(weak[0], weak[1]));
    assert_true(digest_eq(weak[0], weak[2]));
    assert_false(digest_eq(weak[0], weak[3])); /* a new header may hide another one */
    assert_false(digest_eq(strong[0], strong[1]));
    assert_true(digest_eq(strong[0], strong[2])); /* it did not read that one */
    assert_false(digest_eq(strong[0], strong[3]));
    assert_false(digest_eq(weak[0], strong[0]));
}

static void without_a_depfile_what_may_be_read_is_an_input(void **state)
{
    (void)state;
    struct digest k[2];
    for (int i = 0; i < 2; i++) {
        keys_begin();
        uint32_t may = add_set("a.h");
        target(KIND_TEST, "t", .cmd = STRS("t"), .may_read = &may, .n_may_read = 1);
        world_build();
        if (i)
            content("a.h", ENTRY_FILE, "changed");
        keys_resolve();
        k[i] = node_key[0];
        keys_end();
    }
    assert_false(digest_eq(k[0], k[1]));
}

static void what_cannot_be_read_makes_a_key_unsure(void **state)
{
    (void)state;
    static const char *const bad[] = {NULL, "in", "glob", "/usr/bin/cc", "/usr/bin/env", "read", "may"};
    static const bool unsure[] = {false, true, true, true, true, true, false};
    for (int i = 0; i < 7; i++) {
        keys_begin();
        uint32_t env = add_tool("env", "/usr/bin/env", ID_NONE), cc = add_tool("cc", "/usr/bin/cc", env);
        uint32_t set = add_set("glob"), may = add_set("may");
        target(KIND_TEST, "t", .cmd = STRS("t"), .inputs = STRS("in"), .sets = &set, .n_sets = 1, .tools = &cc,
               .n_tools = 1, .may_read = &may, .n_may_read = 1, .depfile = "d");
        world_build();
        file_id f = graph_file(&graph, "read");
        graph.states[0].reads = graph_add_set(&graph, &f, 1);
        if (bad[i])
            content(bad[i], ENTRY_OTHER, "");
        keys_resolve();
        if (key_is_unsure(&keys, &graph, 0) != unsure[i])
            fail_msg("%s", bad[i] ? bad[i] : "nothing");
        keys_end();
    }
}

static void a_set_that_was_stamped_anew_is_hashed_anew(void **state)
{
    (void)state;
    keys_begin();
    target(KIND_TEST, "t", .cmd = STRS("t"), .inputs = STRS("in"));
    world_build();
    keys_resolve();
    set_id s = graph.node_sets[graph.nodes[0].sets_at];
    struct digest before = key_set_content(&keys, &graph, s);
    put_file("in", ENTRY_FILE, "changed");
    assert_true(digest_eq(key_set_content(&keys, &graph, s), before)); /* computed once */
    key_set_forget(&keys, s);
    assert_false(digest_eq(key_set_content(&keys, &graph, s), before));
    /* Sets that came after the context. */
    for (int i = 0; i < 100; i++) {
        file_id f = graph_file(&graph, i % 2 ? "odd" : "even");
        set_id more = graph_add_set(&graph, &f, 1), again = graph_add_set(&graph, &f, 1);
        assert_true(digest_eq(key_set_content(&keys, &graph, more), key_set_content(&keys, &graph, again)));
        assert_false(digest_eq(key_set_content(&keys, &graph, more), key_set_names(&keys, &graph, more)));
    }
    keys_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_difference_gives_a_key_of_its_own),
        cmocka_unit_test(what_cannot_change_the_outcome_is_not_in_the_key),
        cmocka_unit_test(a_declared_path_or_home_takes_the_place_of_ours),
        cmocka_unit_test(outputs_of_dependencies_count_however_far),
        cmocka_unit_test(the_same_output_stops_the_spread),
        cmocka_unit_test(static_keys_take_the_declared_and_not_the_made),
        cmocka_unit_test(an_edge_to_one_entry_takes_that_entry_alone),
        cmocka_unit_test(which_entry_an_edge_takes_is_in_the_key),
        cmocka_unit_test(an_empty_folder_is_an_output_too),
        cmocka_unit_test(files_of_an_output_folder_count_by_name_type_and_content),
        cmocka_unit_test(a_service_counts_by_its_key),
        cmocka_unit_test(a_group_does_not_see_path_or_home),
        cmocka_unit_test(depfiles_give_a_second_step),
        cmocka_unit_test(without_a_depfile_what_may_be_read_is_an_input),
        cmocka_unit_test(what_cannot_be_read_makes_a_key_unsure),
        cmocka_unit_test(a_set_that_was_stamped_anew_is_hashed_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
