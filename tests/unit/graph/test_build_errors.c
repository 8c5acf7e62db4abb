/* SPDX-License-Identifier: MIT
 *
 * What graph_build refuses: codes, texts, places, hints; all of one build's mistakes at once. */
#include "graph_test.h"

static void refused(size_t n)
{
    assert_false(world_try());
    if (errors.n != n) {
        for (size_t i = 0; i < errors.n; i++)
            print_error("%s %s\n", errors.v[i].code, errors.v[i].msg);
        fail_msg("%zu errors in place of %zu", errors.n, n);
    }
    assert_int_equal(errors.n_errors, n);
}

static void a_label_declared_again(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "a", .cmd = STRS("t"));
    target(KIND_TEST, "b", .cmd = STRS("t"));
    target(KIND_TEST, "a", .cmd = STRS("u"));
    target(KIND_TEST, "a", .cmd = STRS("v"));
    refused(2);
    /* Each but the first, at its own place, with the first one's place. */
    assert_int_equal(errors.v[0].line, 3);
    assert_int_equal(errors.v[1].line, 4);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(errors.v[i].code, "T301");
        assert_string_equal(errors.v[i].msg, "target 'a' is declared twice");
        assert_string_equal(errors.v[i].file, "Testfile.lua");
        assert_int_equal(errors.v[i].col, 6);
        assert_string_equal(errors.v[i].hint, "the first one is at Testfile.lua:1:6");
    }
    world_end();
}

static void an_output_claimed_by_two(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "a", .cmd = STRS("t"), .outputs = STRS("x.o", "dir/", "g/*.c"), .depfile = "a.d");
    target(KIND_BUILD, "b", .cmd = STRS("t"), .outputs = STRS("x.o"));
    target(KIND_BUILD, "c", .cmd = STRS("t"), .outputs = STRS("dir/"));
    target(KIND_BUILD, "d", .cmd = STRS("t"), .outputs = STRS("g/*.c"));
    target(KIND_BUILD, "e", .cmd = STRS("t"), .outputs = STRS("g/own.c"));
    target(KIND_BUILD, "f", .cmd = STRS("t"), .depfile = "a.d");
    target(KIND_BUILD, "h", .cmd = STRS("t"), .outputs = STRS("dir"));
    refused(6);
    expect_error("T302", "output 'x.o' is claimed by two targets: 'b' and 'a'", "outputs(x.o)", 2, "let one target");
    expect_error("T302", "output 'dir' is claimed by two targets: 'c' and 'a'", "outputs(dir)", 3, "let one target");
    expect_error("T302", "output 'g/*.c' is claimed by two targets: 'd' and 'a'", "outputs(g/*.c)", 4, "");
    expect_error("T302", "output 'g/own.c' is claimed by two targets: 'e' and 'a'", "outputs(g/own.c)", 5, "");
    expect_error("T302", "output 'a.d' is claimed by two targets: 'f' and 'a'", "depfile(a.d)", 6, "");
    expect_error("T302", "output 'dir' is claimed by two targets: 'h' and 'a'", "outputs(dir)", 7, "");
    world_end();
}

static void an_output_claimed_twice_by_one(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "a", .cmd = STRS("t"), .outputs = STRS("x", "y", "x"));
    target(KIND_BUILD, "b", .cmd = STRS("t"), .outputs = STRS("z"), .depfile = "z");
    refused(2);
    expect_error("T302", "target 'a' claims output 'x' twice", "outputs(x)", 1, NULL);
    expect_error("T302", "target 'b' claims output 'z' twice", "depfile(z)", 2, NULL);
    world_end();
}

static void an_output_in_anothers_folder(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "below", .cmd = STRS("t"), .outputs = STRS("out/deep/x.o"));
    target(KIND_BUILD, "folder", .cmd = STRS("t"), .outputs = STRS("out/"));
    target(KIND_BUILD, "inner", .cmd = STRS("t"), .outputs = STRS("out/inner/"));
    target(KIND_BUILD, "glob", .cmd = STRS("t"), .outputs = STRS("out/*.o"));
    target(KIND_BUILD, "dep", .cmd = STRS("t"), .depfile = "out/x.d");
    target(KIND_BUILD, "beside", .cmd = STRS("t"), .outputs = STRS("outer/x.o", "out.o"));
    refused(4);
    expect_error("T303", "output 'out/deep/x.o' of target 'below' lies in folder 'out', an output of target 'folder'",
                 "outputs(out/deep/x.o)", 1, NULL);
    expect_error("T303", "output 'out/inner' of target 'inner' lies in folder 'out', an output of target 'folder'",
                 "outputs(out/inner)", 3, NULL);
    expect_error("T303", "output 'out/*.o' of target 'glob' lies in folder 'out', an output of target 'folder'",
                 "outputs(out/*.o)", 4, NULL);
    expect_error("T303", "output 'out/x.d' of target 'dep' lies in folder 'out', an output of target 'folder'",
                 "depfile(out/x.d)", 5, NULL);
    world_end();
}

static void ones_own_folder_may_hold_more(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "a", .cmd = STRS("t"), .outputs = STRS("out/", "out/a.h", "out/*.o", "x/*.o", "x/a.*"),
           .depfile = "out/a.d");
    world_build();
    world_end();
}

static void an_unknown_dependency(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "lib:core", .cmd = STRS("t"));
    target(KIND_TEST, "t", .cmd = STRS("t"), .deps = STRS("lib:cores", "lib:core", "entirely-else"));
    target(KIND_GROUP, "g", .deps = STRS("tt"));
    refused(3);
    expect_error("T304", "target 't' depends on 'lib:cores', which no Testfile declares", "deps(lib:cores)", 2,
                 "did you mean 'lib:core'?");
    expect_error("T304", "target 't' depends on 'entirely-else', which no Testfile declares", "deps(entirely-else)", 2,
                 "labels look like");
    expect_error("T304", "target 'g' depends on 'tt', which no Testfile declares", "members(tt)", 3,
                 "did you mean 't'?");
    world_end();
}

static void ones_own_output_as_input(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "a", .cmd = STRS("t"), .outputs = STRS("x", "d/"), .inputs = STRS("d/y", "x"));
    target(KIND_BUILD, "b", .cmd = STRS("t"), .outputs = STRS("z"), .stdin_path = "z");
    refused(3);
    expect_error("T305", "target 'a' names its own output 'x' as an input", "inputs(x)", 1, "an input is something");
    expect_error("T305", "target 'a' names its own output 'd/y' as an input", "inputs(d/y)", 1, NULL);
    expect_error("T305", "target 'b' names its own output 'z' as an input", "stdin(z)", 2, NULL);
    world_end();
}

static void an_unknown_pool(void **state)
{
    (void)state;
    world_begin();
    add_pool("database", 2);
    target(KIND_TEST, "a", .cmd = STRS("t"), .pool = "databse");
    target(KIND_TEST, "b", .cmd = STRS("t"), .pool = "zzz");
    refused(2);
    expect_error("T307", "target 'a' wants pool 'databse', which no Testfile declares", "pool(databse)", 1,
                 "did you mean 'database'?");
    expect_error("T307", "target 'b' wants pool 'zzz', which no Testfile declares", "pool(zzz)", 2, "pool \"zzz\"");
    world_end();
}

static void a_target_that_needs_itself(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "other", .cmd = STRS("t"));
    target(KIND_TEST, "a", .cmd = STRS("t"), .deps = STRS("other", "a"));
    refused(1);
    expect_error("T306", "targets depend on each other in a cycle: a -> a", "deps(a)", 2, "take one");
    world_end();
}

static void a_cycle_is_a_path(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "user", .cmd = STRS("t"), .deps = STRS("a")); /* leads into it, not of it */
    target(KIND_BUILD, "a", .cmd = STRS("t"), .outputs = STRS("a.o"), .deps = STRS("leaf", "b"));
    target(KIND_BUILD, "b", .cmd = STRS("t"), .outputs = STRS("b.o"), .inputs = STRS("c.o"));
    target(KIND_BUILD, "c", .cmd = STRS("t"), .outputs = STRS("c.o"), .inputs = STRS("a.o"));
    target(KIND_BUILD, "leaf", .cmd = STRS("t"));
    refused(1);
    const struct err *e = &errors.v[0];
    assert_string_equal(e->code, "T306");
    assert_string_equal(e->msg, "targets depend on each other in a cycle: a -> b -> c -> a");
    assert_string_equal(e->file, "deps(b)");
    assert_int_equal(e->line, 2);
    world_end();
}

static void a_long_cycle_is_cut(void **state)
{
    (void)state;
    enum { N = 100000 };
    world_begin();
    struct arena *a = &world.arena;
    for (uint32_t i = 0; i < N; i++) {
        const char **dep = arena_alloc(a, sizeof *dep);
        *dep = arena_printf(a, "t%u", (i + 1) % N);
        target(KIND_TEST, arena_printf(a, "t%u", i), .cmd = STRS("t"), .deps = {dep, 1});
    }
    refused(1);
    const char *msg = errors.v[0].msg;
    if (!strstr(msg, "cycle: t0 -> t1 -> t2 ->") || !strstr(msg, "-> t19 -> (99980 more) -> t0"))
        fail_msg("%s", msg);
    assert_true(strlen(msg) < 400);
    world_end();
}

static void every_cycle_is_told(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "a", .cmd = STRS("t"), .deps = STRS("b"));
    target(KIND_TEST, "b", .cmd = STRS("t"), .deps = STRS("a", "c"));
    target(KIND_TEST, "c", .cmd = STRS("t"), .deps = STRS("d"));
    target(KIND_TEST, "d", .cmd = STRS("t"), .deps = STRS("c"));
    target(KIND_TEST, "e", .cmd = STRS("t"), .deps = STRS("e", "a"));
    refused(3);
    find_error("T306", "a -> b -> a");
    find_error("T306", "c -> d -> c");
    find_error("T306", "e -> e");
    world_end();
}

static void mistakes_of_all_kinds_at_once(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "a", .cmd = STRS("t"), .outputs = STRS("x"));
    target(KIND_BUILD, "b", .cmd = STRS("t"), .outputs = STRS("x"), .pool = "p");
    target(KIND_TEST, "c", .cmd = STRS("t"), .deps = STRS("nope"));
    target(KIND_TEST, "a", .cmd = STRS("t"));
    target(KIND_TEST, "y1", .cmd = STRS("t"), .deps = STRS("y2"));
    target(KIND_TEST, "y2", .cmd = STRS("t"), .deps = STRS("y1"));
    refused(5);
    find_error("T301", "'a'");
    find_error("T302", "'x'");
    find_error("T304", "'nope'");
    find_error("T306", "y1 -> y2 -> y1");
    find_error("T307", "'p'");
    world_end();
}

static void without_hooks_the_targets_place_is_named(void **state)
{
    (void)state;
    world_begin();
    target(KIND_TEST, "lib:t", .cmd = STRS("t"), .deps = STRS("nope"));
    assert_false(graph_build(&graph, &world, NULL, &errors));
    assert_string_equal(errors.v[0].file, "lib/Testfile.lua");
    assert_int_equal(errors.v[0].line, 1);
    assert_int_equal(errors.v[0].col, 6);
    world_end();
}

static void errors_of_before_do_not_count(void **state)
{
    (void)state;
    world_begin();
    err_set(errlist_add(&errors, ERR_ERROR), "T201", "something else");
    target(KIND_TEST, "t", .cmd = STRS("t"));
    assert_true(world_try());
    assert_int_equal(graph.order[0], 0);
    world_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_declared_again),
        cmocka_unit_test(an_output_claimed_by_two),
        cmocka_unit_test(an_output_claimed_twice_by_one),
        cmocka_unit_test(an_output_in_anothers_folder),
        cmocka_unit_test(ones_own_folder_may_hold_more),
        cmocka_unit_test(an_unknown_dependency),
        cmocka_unit_test(ones_own_output_as_input),
        cmocka_unit_test(an_unknown_pool),
        cmocka_unit_test(a_target_that_needs_itself),
        cmocka_unit_test(a_cycle_is_a_path),
        cmocka_unit_test(a_long_cycle_is_cut),
        cmocka_unit_test(every_cycle_is_told),
        cmocka_unit_test(mistakes_of_all_kinds_at_once),
        cmocka_unit_test(without_hooks_the_targets_place_is_named),
        cmocka_unit_test(errors_of_before_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
