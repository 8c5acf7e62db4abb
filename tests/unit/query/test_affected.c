/* SPDX-License-Identifier: MIT
 *
 * Why a target is affected, and the shortest way from an edit to it. */
#include "../run/since_world.h"

#include "query/affected.h"

static void expect_why_at(const char *label, const char *reason, const char *path, int line)
{
    struct affected a;
    struct buf b = BUF_INIT;
    struct strvec v = STRVEC_INIT;
    node_id n = graph_find(since.now, label);
    if (n == ID_NONE)
        fail_msg("line %d: no target %s", line, label);
    affected_open(&a, &since);
    affected_reason(&a, n, &b);
    if (strcmp(buf_cstr(&b), reason) != 0)
        fail_msg("line %d: '%s' in place of '%s'", line, buf_cstr(&b), reason);
    buf_reset(&b);
    affected_path(&a, n, &v);
    for (size_t i = 0; i < v.n; i++)
        buf_printf(&b, "%s%s", i ? " > " : "", v.v[i]);
    if (strcmp(buf_cstr(&b), path) != 0)
        fail_msg("line %d: '%s' in place of '%s'", line, buf_cstr(&b), path);
    strvec_clear(&v);
    buf_clear(&b);
    affected_close(&a);
}
#define WHY(label, reason, path) expect_why_at((label), (reason), (path), __LINE__)

static void one_test(const char *fields)
{
    char *text = mem_printf("test \"t\" { cmd = \"true\", %s }\n", fields);
    put("Testfile.lua", text);
    put(".gitignore", ".tgraph\n*.out\n");
    mem_free(text);
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static void a_file_that_changed_is_new_or_gone(void **state)
{
    (void)state;
    one_test("inputs = { \"src/**\" }");
    put("src/a", "1");
    put("src/b", "1");
    commit("one");
    put("src/b", "2");
    compare(.ref = "HEAD");
    WHY("t", "src/b changed", "src/b > t");
    compare_end();
    put("src/b", "1");
    put("src/c", "1");
    compare(.ref = "HEAD");
    WHY("t", "src/c is new", "src/c > t");
    compare_end();
    sh("rm src/c src/b");
    compare(.ref = "HEAD");
    WHY("t", "src/b is gone", "src/b > t");
    compare_end();
    put("src/0", "new");
    put("src/a", "2");
    compare(.ref = "HEAD");
    WHY("t", "src/0 is new, and 2 more", "src/0 > t");
    compare_end();
}

static void a_rename_names_a_file(void **state)
{
    (void)state;
    one_test("inputs = { \"src/**\" }");
    put("src/a", "1");
    commit("one");
    git("mv src/a src/z");
    compare(.ref = "HEAD");
    WHY("t", "src/a is gone, and 1 more", "src/a > t");
    compare_end();
}

static void bits_and_types_are_told_from_content(void **state)
{
    (void)state;
    one_test("inputs = { \"x\" }");
    put("x", "1");
    put("y", "1");
    commit("one");
    sh("chmod +x x");
    compare(.ref = "HEAD");
    WHY("t", "x changed its executable bit", "x > t");
    compare_end();
    put_mode("x", "2", 0755);
    compare(.ref = "HEAD");
    WHY("t", "x changed", "x > t");
    compare_end();
    sh("rm x && ln -s y x");
    compare(.ref = "HEAD");
    WHY("t", "x became another type of file", "x > t");
    compare_end();
}

static void a_link_changes_with_what_it_leads_to(void **state)
{
    (void)state;
    one_test("inputs = { \"l\" }");
    put("y", "1");
    sh("ln -s y l");
    commit("one");
    put("y", "2");
    compare(.ref = "HEAD");
    WHY("t", "l changed", "l > t");
    compare_end();
}

static void several_sets_are_counted_together(void **state)
{
    (void)state;
    put("Testfile.lua", "test \"t\" { cmd = \"true\", inputs = { \"a/*\", \"c\" } }\n"
                        "test \"u\" { cmd = \"true\", inputs = { \"a/*\" } }\n");
    put("a/1", "1");
    put("a/2", "1");
    put("c", "1");
    commit("one");
    put("a/1", "2");
    put("c", "2");
    compare(.ref = "HEAD");
    WHY("t", "c changed, and 1 more", "c > t");
    WHY("u", "a/1 changed", "a/1 > u");
    compare_end();
}

/* ---- what is no file of the target's --------------------------------------------------------------------------- */

static void a_target_that_the_base_has_not_is_new(void **state)
{
    (void)state;
    one_test("inputs = {}");
    commit("one");
    put("Testfile.lua", "test \"t\" { cmd = \"true\", inputs = {} }\ntest \"n\" { cmd = \"true\", inputs = {} }\n");
    compare(.ref = "HEAD");
    WHY("n", "n is new", "Testfile.lua > n");
    WHY("t", "", "");
    compare_end();
}

static void a_declaration_is_explained_by_the_file_that_says_it(void **state)
{
    (void)state;
    put("Testfile.lua", "include \"sub\"\n");
    put("sub/Testfile.lua", "local m = use \"//m.lua\"\n"
                            "test \"t\" { cmd = m[1], inputs = {} }\ntest \"u\" { cmd = \"true\", inputs = {} }\n");
    put("m.lua", "return { \"true\" }\n");
    commit("one");
    put("sub/Testfile.lua", "local m = use \"//m.lua\"\n"
                            "test \"t\" { cmd = m[1], inputs = {} }\ntest \"u\" { cmd = \"exit 0\", inputs = {} }\n");
    compare(.ref = "HEAD");
    WHY("sub:u", "the declaration of sub:u changed", "sub/Testfile.lua > sub:u");
    WHY("sub:t", "", "");
    compare_end();
    git("checkout -q sub");
    put("m.lua", "return { \"exit 0\" }\n"); /* the Testfile is the same; the module is not */
    compare(.ref = "HEAD");
    WHY("sub:t", "the declaration of sub:t changed", "m.lua > sub:t");
    compare_end();
}

static void a_dependency_that_was_added_is_named(void **state)
{
    (void)state;
    static const char first[] = "build \"g\" { cmd = \"touch g.out\", inputs = {}, outputs = { \"g.out\" } }\n"
                                "test \"t\" { cmd = \"true\", inputs = {} }\n",
                      second[] = "build \"g\" { cmd = \"touch g.out\", inputs = {}, outputs = { \"g.out\" } }\n"
                                 "test \"t\" { cmd = \"true\", inputs = {}, deps = { \"g\" } }\n";
    put("Testfile.lua", first);
    put(".gitignore", ".tgraph\n*.out\n");
    commit("one");
    put("Testfile.lua", second);
    compare(.ref = "HEAD");
    WHY("t", "t depends on other targets now", "Testfile.lua > t");
    WHY("g", "", "");
    compare_end();
    commit("two");
    put("Testfile.lua", first); /* and taken away */
    compare(.ref = "HEAD");
    WHY("t", "t depends on other targets now", "Testfile.lua > t");
    compare_end();
}

static void a_command_of_the_repository_is_a_file_of_the_target(void **state)
{
    (void)state;
    put("Testfile.lua", "test \"t\" { cmd = { \"./check\" }, inputs = {} }\n");
    put_mode("check", "#!/bin/sh\nexit 0\n", 0755);
    commit("one");
    put_mode("check", "#!/bin/sh\ntrue\n", 0755);
    compare(.ref = "HEAD");
    WHY("t", "check changed", "check > t");
    compare_end();
}

static void a_tool_on_a_path_in_the_repository(void **state)
{
    (void)state;
    char *path = mem_printf("%s/tools:%s", root, getenv("PATH")), *before = mem_strdup(getenv("PATH"));
    put("Testfile.lua", "test \"t\" { cmd = { \"mytool\" }, inputs = {} }\n");
    put_mode("tools/mytool", "#!/bin/sh\nexit 0\n", 0755);
    commit("one");
    setenv("PATH", path, 1);
    compare(.ref = "HEAD");
    WHY("t", "", "");
    compare_end();
    put_mode("tools/mytool", "#!/bin/sh\ntrue\n", 0755);
    compare(.ref = "HEAD");
    char *file = mem_printf("%s/tools/mytool", root), *reason = mem_printf("the tool %s changed", file),
         *way = mem_printf("%s > t", file);
    WHY("t", reason, way);
    compare_end();
    setenv("PATH", before, 1);
    mem_free(file);
    mem_free(reason);
    mem_free(way);
    mem_free(path);
    mem_free(before);
}

/* ---- ways ------------------------------------------------------------------------------------------------------ */

static void chain(void)
{
    put(".gitignore", ".tgraph\n*.out\n");
    put("Testfile.lua",
        "build \"a\" { cmd = \"touch a.out\", inputs = { \"a.txt\" }, outputs = { \"a.out\" } }\n"
        "build \"b\" { cmd = \"touch b.out\", inputs = { \"b.txt\" }, outputs = { \"b.out\" }, deps = { \"a\" } }\n"
        "build \"c\" { cmd = \"touch c.out\", inputs = { \"c.txt\" }, outputs = { \"c.out\" }, deps = { \"b\" } }\n"
        "test \"t\" { cmd = \"true\", inputs = { \"t.txt\" }, deps = { \"c\" } }\n"
        "test \"s\" { cmd = \"true\", inputs = {}, deps = { \"c\", \"a\" } }\n"
        "test \"by_output\" { cmd = \"true\", inputs = { \"b.out\" } }\n"
        "group \"g\" { \"t\", \"s\" }\n"
        "test \"alone\" { cmd = \"true\", inputs = {} }\n");
    put("a.txt", "1");
    put("b.txt", "1");
    put("c.txt", "1");
    put("t.txt", "1");
    commit("one");
}

static void the_way_goes_through_dependencies(void **state)
{
    (void)state;
    chain();
    put("a.txt", "2");
    compare(.ref = "HEAD");
    WHY("a", "a.txt changed", "a.txt > a");
    WHY("b", "a.txt changed", "a.txt > a > b");
    WHY("t", "a.txt changed", "a.txt > a > b > c > t");
    WHY("by_output", "a.txt changed", "a.txt > a > b > by_output");
    WHY("alone", "", "");
    compare_end();
}

static void of_several_ways_it_is_the_shortest(void **state)
{
    (void)state;
    chain();
    put("a.txt", "2");
    compare(.ref = "HEAD");
    WHY("s", "a.txt changed", "a.txt > a > s");
    WHY("g", "a.txt changed", "a.txt > a > s > g");
    compare_end();
    put("c.txt", "2");
    compare(.ref = "HEAD");
    WHY("t", "c.txt changed", "c.txt > c > t");
    WHY("c", "c.txt changed", "c.txt > c"); /* its own edit is nearer than that of what it needs */
    WHY("b", "a.txt changed", "a.txt > a > b");
    compare_end();
    put("t.txt", "2");
    compare(.ref = "HEAD");
    WHY("t", "t.txt changed", "t.txt > t");
    WHY("g", "t.txt changed", "t.txt > t > g");
    compare_end();
}

static void a_group_that_got_another_member_says_so(void **state)
{
    (void)state;
    put("Testfile.lua", "test \"t\" { cmd = \"true\", inputs = {} }\ntest \"u\" { cmd = \"true\", inputs = {} }\n"
                        "group \"g\" { \"t\" }\n");
    commit("one");
    put("Testfile.lua", "test \"t\" { cmd = \"true\", inputs = {} }\ntest \"u\" { cmd = \"true\", inputs = {} }\n"
                        "group \"g\" { \"t\", \"u\" }\n");
    compare(.ref = "HEAD");
    WHY("g", "g depends on other targets now", "Testfile.lua > g");
    WHY("u", "", "");
    compare_end();
}

static void doubt_names_the_file_that_is_read(void **state)
{
    (void)state;
    put(".gitignore", ".tgraph\n*.out\n");
    put("Testfile.lua", "build \"list\" { cmd = \"cp in list.out\", inputs = { \"in\" }, outputs = { \"list.out\" } }\n"
                        "local l = read(\"list.out\", { optional = true }) or \"\"\n"
                        "test \"t\" { cmd = \"true\", inputs = {} }\n"
                        "test \"u\" { cmd = \"true\", inputs = {}, deps = { \"t\" } }\n");
    put("in", "1");
    commit("one");
    put("list.out", "1");
    put("in", "2");
    compare(.ref = "HEAD");
    WHY("list", "in changed", "in > list");
    WHY("t", "its Testfile reads list.out, which may come out different", "list.out > t");
    compare_end();
}

static void without_a_base_there_is_no_way(void **state)
{
    (void)state;
    chain();
    compare(.ref = "nothing");
    WHY("t", "there is no base to compare with", "t");
    WHY("a", "there is no base to compare with", "a");
    compare_end();
}

static void between_revisions_and_in_the_index_too(void **state)
{
    (void)state;
    chain();
    put("b.txt", "2");
    commit("two");
    put("b.txt", "1");
    compare(.ref = "HEAD~1", .to = "HEAD");
    WHY("t", "b.txt changed", "b.txt > b > c > t");
    WHY("a", "", "");
    compare_end();
    compare(.staged = true);
    WHY("t", "", "");
    compare_end();
    git("add b.txt");
    compare(.staged = true);
    WHY("t", "b.txt changed", "b.txt > b > c > t");
    compare_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GIT(a_file_that_changed_is_new_or_gone),
        WITH_GIT(a_rename_names_a_file),
        WITH_GIT(bits_and_types_are_told_from_content),
        WITH_GIT(a_link_changes_with_what_it_leads_to),
        WITH_GIT(several_sets_are_counted_together),
        WITH_GIT(a_target_that_the_base_has_not_is_new),
        WITH_GIT(a_declaration_is_explained_by_the_file_that_says_it),
        WITH_GIT(a_dependency_that_was_added_is_named),
        WITH_GIT(a_command_of_the_repository_is_a_file_of_the_target),
        WITH_GIT(a_tool_on_a_path_in_the_repository),
        WITH_GIT(the_way_goes_through_dependencies),
        WITH_GIT(of_several_ways_it_is_the_shortest),
        WITH_GIT(a_group_that_got_another_member_says_so),
        WITH_GIT(doubt_names_the_file_that_is_read),
        WITH_GIT(without_a_base_there_is_no_way),
        WITH_GIT(between_revisions_and_in_the_index_too),
    };
    return cmocka_run_group_tests_name("affected", tests, git_group_setup, git_group_teardown);
}
