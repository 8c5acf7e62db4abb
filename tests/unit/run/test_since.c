/* SPDX-License-Identifier: MIT
 *
 * Which targets are affected: the work tree, the index or a revision against a base, and when there is none. */
#include "since_world.h"

static void three_tests(void)
{
    put("Testfile.lua",
        "test \"a\" { cmd = \"true\", inputs = { \"a.txt\" } }\n"
        "test \"b\" { cmd = \"true\", inputs = { \"b.txt\" } }\n"
        "build \"lib\" { cmd = \"cp b.txt lib.out\", inputs = { \"b.txt\" }, outputs = { \"lib.out\" } }\n"
        "test \"c\" { cmd = \"true\", inputs = {}, deps = { \"lib\" } }\n");
    put(".gitignore", ".tgraph\nlib.out\n");
    put("a.txt", "1\n");
    put("b.txt", "1\n");
    commit("one");
}

/* ---- what differs ---------------------------------------------------------------------------------------------- */

static void nothing_changed_nothing_is_affected(void **state)
{
    (void)state;
    three_tests();
    expect_affected("", .ref = "HEAD");
    commit("an empty one");
    expect_affected("", .ref = "HEAD~1");
    expect_affected("", .ref = "main");
}

static void an_edit_counts_whether_committed_staged_or_not(void **state)
{
    (void)state;
    three_tests();
    put("a.txt", "2\n");
    expect_affected("a", .ref = "main");
    git("add a.txt");
    expect_affected("a", .ref = "main");
    git("checkout -q -b topic && git commit -q -m two");
    expect_affected("a", .ref = "main");
    put("b.txt", "2\n");
    expect_affected("a b c lib", .ref = "main");
    git("checkout -q -f main -- a.txt b.txt"); /* taken back: the keys are the base's again */
    expect_affected("", .ref = "main");
}

static void what_happened_on_the_base_since_does_not_count(void **state)
{
    (void)state;
    three_tests();
    git("checkout -q -b topic");
    put("a.txt", "2\n");
    commit("two");
    git("checkout -q main");
    put("b.txt", "2\n");
    commit("three");
    git("checkout -q topic");
    expect_affected("a", .ref = "main");
}

static void a_file_that_is_written_anew_with_the_same_content_counts_for_nothing(void **state)
{
    (void)state;
    three_tests();
    sh("rm a.txt && echo 1 >a.txt && touch -d 2001-01-01 b.txt");
    expect_affected("", .ref = "HEAD");
}

static void new_and_deleted_and_renamed_files_count_by_the_globs_that_hold_them(void **state)
{
    (void)state;
    put("Testfile.lua", "test \"src\" { cmd = \"true\", inputs = { \"src/**\" } }\n"
                        "test \"doc\" { cmd = \"true\", inputs = { \"doc/*.md\" } }\n");
    put("src/a", "1");
    put("src/d/b", "1");
    put("doc/a.md", "1");
    commit("one");
    put("src/new", "");
    expect_affected("src", .ref = "HEAD"); /* not known to git yet */
    sh("rm src/new");
    expect_affected("", .ref = "HEAD");
    sh("rm src/d/b");
    expect_affected("src", .ref = "HEAD");
    git("checkout -q src/d/b && git mv doc/a.md doc/b.md");
    expect_affected("doc", .ref = "HEAD");
    git("mv doc/b.md src/b.md");
    expect_affected("doc src", .ref = "HEAD");
    put("doc/other.txt", "1");
    git("mv src/b.md doc/a.md");
    expect_affected("", .ref = "HEAD");
}

static void executable_bits_links_and_types_count(void **state)
{
    (void)state;
    put("Testfile.lua",
        "for _, f in ipairs { \"x\", \"l\", \"k\" } do test(f) { cmd = \"true\", inputs = { f } } end\n");
    put("x", "1");
    put("k", "1");
    put("to/a", "1");
    put("to/b", "1");
    sh("ln -s to/a l");
    commit("one");
    expect_affected("", .ref = "HEAD");
    sh("chmod +x x");
    expect_affected("x", .ref = "HEAD");
    sh("chmod -x x && ln -sfn to/b l");
    expect_affected("l", .ref = "HEAD");
    sh("ln -sfn to/a l");
    put("to/a", "2"); /* what a link leads to */
    expect_affected("l", .ref = "HEAD");
    put("to/a", "1");
    sh("rm k && ln -s to/a k");
    expect_affected("k", .ref = "HEAD");
}

static void testfiles_and_what_they_include_are_compared_by_what_they_say(void **state)
{
    (void)state;
    three_tests();
    put("Testfile.lua", "include(glob \"*/Testfile.lua\")\n"
                        "local m = use \"//tools/m.lua\"\n"
                        "test \"a\" { cmd = m.cmd, inputs = { \"a.txt\" } }\n"
                        "test \"b\" { cmd = \"true\", inputs = { \"b.txt\" } }\n");
    put("tools/m.lua", "return { cmd = \"true\" }\n");
    put("sub/Testfile.lua", "test \"deep\" { cmd = \"true\", inputs = {} }\n");
    commit("two");
    put("tools/m.lua", "return { cmd = \"true\" } -- a comment\n");
    expect_affected("", .ref = "HEAD");
    put("tools/m.lua", "return { cmd = \"exit 0\" }\n");
    expect_affected("a", .ref = "HEAD");
    put("tools/m.lua", "return { cmd = \"true\" }\n");
    put("sub/Testfile.lua", "test \"deep\" { cmd = \"true\", inputs = {}, timeout = 5 }\n"
                            "test \"deeper\" { cmd = \"true\", inputs = {} }\n");
    expect_affected("sub:deeper", .ref = "HEAD"); /* a time limit cannot change the outcome */
    put("sub/Testfile.lua", "test \"renamed\" { cmd = \"true\", inputs = {} }\n");
    expect_affected("sub:renamed", .ref = "HEAD");
    sh("rm sub/Testfile.lua");
    expect_affected("", .ref = "HEAD"); /* what is gone cannot run */
    put("new/Testfile.lua", "test \"n\" { cmd = \"true\", inputs = {} }\n");
    expect_affected("new:n", .ref = "HEAD");
}

static void an_edit_of_gitignore_changes_what_globs_hold(void **state)
{
    (void)state;
    put("Testfile.lua", "test \"t\" { cmd = \"true\", inputs = { \"d/**\" } }\n");
    put("d/a", "1");
    put("d/b.log", "1");
    put(".gitignore", ".tgraph\n");
    commit("one");
    expect_affected("", .ref = "HEAD");
    put(".gitignore", ".tgraph\n*.log\n");
    expect_affected("t", .ref = "HEAD");
    put(".gitignore", ".tgraph\n*.txt\n");
    expect_affected("", .ref = "HEAD");
}

static void ignored_files_belong_to_both_sides(void **state)
{
    (void)state;
    put("Testfile.lua", "local c = read(\"conf.local\", { optional = true }) or \"none\"\n"
                        "test \"t\" { cmd = \"echo \" .. c, inputs = { \"made.local\" } }\n");
    put(".gitignore", ".tgraph\n*.local\n");
    put("made.local", "1");
    commit("one");
    expect_affected("", .ref = "HEAD");
    put("made.local", "2");
    expect_affected("", .ref = "HEAD");
    put("conf.local", "quiet");
    expect_affected("", .ref = "HEAD");
    put("conf.local", "loud");
    expect_affected("", .ref = "HEAD");
}

static void the_environment_is_that_of_now_on_both_sides(void **state)
{
    (void)state;
    put("Testfile.lua", "test \"t\" { cmd = \"echo \" .. env(\"TGRAPH_TEST_V\", \"\"), inputs = {}, env = { "
                        "\"TGRAPH_TEST_W\" } }\n");
    commit("one");
    setenv("TGRAPH_TEST_V", "1", 1);
    expect_affected("", .ref = "HEAD");
    setenv("TGRAPH_TEST_V", "2", 1);
    setenv("TGRAPH_TEST_W", "2", 1);
    expect_affected("", .ref = "HEAD");
    unsetenv("TGRAPH_TEST_V");
    unsetenv("TGRAPH_TEST_W");
    expect_affected("", .ref = "HEAD");
}

static void a_link_out_of_the_repository_that_became_a_folder(void **state)
{
    (void)state;
    put("Testfile.lua", "test \"t\" { cmd = \"true\", inputs = { \"d/f\" } }\n");
    sh("mkdir ../outside && echo old >../outside/f && ln -s ../outside d");
    commit("one");
    expect_affected("", .ref = "HEAD");
    sh("rm d && mkdir d && echo new >d/f");
    expect_affected("t", .ref = "HEAD");
    sh("echo old >d/f"); /* the content is the same */
    expect_affected("", .ref = "HEAD");
    sh("echo new >../outside/f"); /* and the base's moves */
    expect_affected("t", .ref = "HEAD");
}

static void a_base_without_a_testfile_has_no_targets(void **state)
{
    (void)state;
    put("f", "1");
    commit("one");
    three_tests();
    expect_affected("a b c lib", .ref = "HEAD~1");
}

static void the_root_may_be_below_gits_top(void **state)
{
    (void)state;
    put(".gitignore", "*.log\n.tgraph\n");
    put("above", "1");
    put("proj/Testfile.lua", "test \"t\" { cmd = \"true\", inputs = { \"src/**\" } }\n");
    put("proj/src/a", "1");
    commit("one");
    put("above", "2");
    put("proj/src/x.log", "1"); /* ignored by a file above the root */
    snprintf(root, sizeof root, "%s/repo/proj", base);
    expect_affected("", .ref = "HEAD");
    put("src/a", "2");
    expect_affected("t", .ref = "HEAD");
}

/* ---- the index and revisions ----------------------------------------------------------------------------------- */

static void staged_is_the_index_against_head(void **state)
{
    (void)state;
    three_tests();
    put("a.txt", "2\n");
    expect_affected("", .staged = true);
    git("add a.txt");
    expect_affected("a", .staged = true);
    put("a.txt", "1\n"); /* the work tree is not looked at */
    expect_affected("a", .staged = true);
    put("b.txt", "2\n");
    expect_affected("a", .staged = true);
    git("commit -q -m two");
    expect_affected("", .staged = true);
    expect_affected("a", .staged = true, .ref = "HEAD~1");
    git("rm -q --cached b.txt && git add -A b.txt && git reset -q -- b.txt");
    expect_affected("", .staged = true);
}

static void a_testfile_counts_as_it_is_staged(void **state)
{
    (void)state;
    three_tests();
    put("Testfile.lua", "test \"a\" { cmd = \"exit 0\", inputs = { \"a.txt\" } }\n");
    git("add Testfile.lua");
    put("Testfile.lua", "test \"other\" { cmd = \"exit 0\", inputs = { \"a.txt\" } }\n");
    expect_affected("a", .staged = true);
    expect_affected("other", .ref = "HEAD");
}

static void two_revisions_are_compared_without_the_work_tree(void **state)
{
    (void)state;
    three_tests();
    git("checkout -q -b topic");
    put("a.txt", "2\n");
    commit("two");
    git("checkout -q main");
    put("b.txt", "2\n");
    commit("three");
    put("b.txt", "3\n");
    put("untracked", "1");
    expect_affected("a", .ref = "main", .to = "topic");
    expect_affected("b c lib", .ref = "topic", .to = "main");
    expect_affected("", .ref = "main", .to = "main");
    expect_affected("b c lib", .ref = "HEAD~1", .to = "HEAD");
    expect_affected("", .ref = "topic", .to = "topic~1"); /* the merge base is the older one itself */
}

/* ---- generated declarations ------------------------------------------------------------------------------------ */

static void a_testfile_that_reads_what_an_affected_target_makes_is_in_doubt(void **state)
{
    (void)state;
    put("gen/Testfile.lua",
        "build \"list\" { cmd = \"cp in.txt list.txt\", inputs = { \"in.txt\" }, outputs = { \"list.txt\" } }\n"
        "local l = read(\"list.txt\", { optional = true }) or \"\"\n"
        "for w in l:gmatch(\"%S+\") do test(w) { cmd = \"true\", inputs = {} } end\n"
        "test \"fixed\" { cmd = \"true\", inputs = {} }\n");
    put("gen/in.txt", "one two\n");
    put("Testfile.lua", "include \"gen\" include \"gen-er\" include \"gen/sub\"\n"
                        "test \"root\" { cmd = \"true\", inputs = {} }\n"
                        "test \"user\" { cmd = \"true\", inputs = {}, deps = { \"gen:fixed\" } }\n");
    put("gen-er/Testfile.lua", "test \"else\" { cmd = \"true\", inputs = {} }\n");
    put("gen/sub/Testfile.lua", "test \"below\" { cmd = \"true\", inputs = {} }\n");
    put(".gitignore", ".tgraph\nlist.txt\n");
    commit("one");
    put("gen/list.txt", "one two\n"); /* made by a run */
    expect_affected("", .ref = "HEAD");
    put("gen/in.txt", "one two three\n");
    expect_affected("gen:fixed gen:list gen:one gen:two user", .ref = "HEAD");
    compare(.ref = "HEAD");
    node_id n = graph_find(since.now, "gen:one");
    assert_string_equal(graph_str(since.now, since.now->files[since.doubt[n]].path), "gen/list.txt");
    assert_int_equal(since.doubt[graph_find(since.now, "gen:list")], ID_NONE);
    assert_int_equal(since.doubt[graph_find(since.now, "root")], ID_NONE);
    compare_end();
    put("gen/in.txt", "one two\n");
    put("Testfile.lua", "include \"gen\" include \"gen-er\" include \"gen/sub\"\n"
                        "test \"root\" { cmd = \"exit 0\", inputs = {} }\n");
    expect_affected("root", .ref = "HEAD");
}

static void doubt_goes_on_through_what_depends_on_it(void **state)
{
    (void)state;
    static const char text[] =
        "build \"list\" { cmd = \"cp in.txt list.txt\", inputs = { \"in.txt\" }, outputs = { \"list.txt\" }%s }\n"
        "local l = read(\"list.txt\", { optional = true }) or \"\"\n"
        "for w in l:gmatch(\"%%S+\") do test(w) { cmd = \"true\", inputs = {} } end\n"
        "build \"out\" { cmd = \"touch out.txt\", inputs = {}, outputs = { \"out.txt\" } }\n";
    char *first = mem_printf(text, ""), *second = mem_printf(text, ", deps = { \"b:out\" }");
    put("b/Testfile.lua", first);
    put("a/Testfile.lua", second); /* its list depends on a target that is only in doubt */
    put("Testfile.lua", "include \"a\" include \"b\"\n");
    put("a/in.txt", "one\n");
    put("b/in.txt", "one\n");
    put(".gitignore", ".tgraph\nlist.txt\nout.txt\n");
    commit("one");
    put("a/list.txt", "one\n");
    put("b/list.txt", "one\n");
    put("b/in.txt", "two\n");
    expect_affected("a:list a:one a:out b:list b:one b:out", .ref = "HEAD");
    mem_free(first);
    mem_free(second);
}

/* ---- no base --------------------------------------------------------------------------------------------------- */

static void expect_everything(const char *why, const char *mend, struct since_opts o)
{
    compare_with(o);
    if (!since.everything || !strstr(since.everything, why))
        fail_msg("'%s' lacks '%s'", since.everything ? since.everything : "(compared)", why);
    if (!since.mend || !strstr(since.mend, mend))
        fail_msg("'%s' lacks '%s'", since.mend ? since.mend : "", mend);
    assert_int_equal(since.n_affected, since.now->n_nodes);
    assert_false(since.have_base);
    compare_end();
}
#define EVERYTHING(why, mend, ...) expect_everything((why), (mend), (struct since_opts){__VA_ARGS__})

static void without_a_base_everything_is_affected(void **state)
{
    (void)state;
    three_tests();
    EVERYTHING("git knows no revision 'nothing'", "git branch", .ref = "nothing");
    EVERYTHING("git knows no revision 'nothing'", "git branch", .ref = "nothing", .to = "main");
    EVERYTHING("git knows no revision 'nothing'", "git branch", .ref = "nothing", .staged = true);
    git("branch -m topic");
    EVERYTHING("no default branch", "tgraph --since REF", .ref = NULL);
    git("checkout -q --orphan other && git commit -q -m other");
    EVERYTHING("no commit in common", "tgraph --since", .ref = "topic");
    git("checkout -q --orphan unborn");
    EVERYTHING("no commit yet", "git commit", .ref = "topic");
    EVERYTHING("no commit yet", "git commit", .staged = true);
}

static void a_base_that_does_not_load_is_none(void **state)
{
    (void)state;
    put("Testfile.lua", "test \"a\" {\n");
    commit("broken");
    three_tests();
    EVERYTHING("does not load: Testfile.lua:", "merge the commit", .ref = "HEAD~1");
    expect_affected("", .ref = "HEAD");
}

static void a_shallow_clone_has_no_base_beyond_its_edge(void **state)
{
    (void)state;
    three_tests();
    git("branch old");
    put("a.txt", "2\n");
    commit("two");
    git("checkout -q old && git commit -q --allow-empty -m three && git checkout -q main");
    git("clone -q --depth 1 --no-single-branch \"file://$(pwd)\" ../clone");
    snprintf(root, sizeof root, "%s/clone", base);
    EVERYTHING("shallow", "git fetch --unshallow", .ref = "origin/old");
    git("fetch -q --unshallow");
    expect_affected("a", .ref = "origin/old");
}

static void a_side_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    three_tests();
    ws_begin();
    struct since_opts o = {.ref = "HEAD", .to = "nothing"};
    assert_false(since_open(&since, &ws, &o, &errors));
    assert_string_equal(errors.v[0].code, "T704");
    compare_end();
    put("Testfile.lua", "test {\n");
    git("commit -q -a -m broken && git checkout -q HEAD~1");
    ws_begin();
    o = (struct since_opts){.ref = "HEAD", .to = "main"};
    assert_true(since_open(&since, &ws, &o, &errors));
    assert_false(since_compare(&since, &ws, &errors));
    assert_true(errors.n > 0);
    compare_end();
}

/* ---- which base ------------------------------------------------------------------------------------------------ */

static void the_chosen_base_is_named(void **state)
{
    (void)state;
    three_tests();
    compare(.ref = NULL);
    assert_string_equal(since.name, "main");
    assert_string_equal(since.chosen_by, "the default branch");
    expect_commit(since.base, "main");
    compare_end();
    compare(.ref = "HEAD");
    assert_string_equal(since.name, "HEAD");
    assert_null(since.chosen_by);
    compare_end();
    compare(.staged = true);
    assert_string_equal(since.name, "HEAD");
    compare_end();
    git("clone -q . ../clone && git checkout -q -b topic && git branch -D main -q");
    snprintf(root, sizeof root, "%s/clone", base);
    git("checkout -q -b topic && git branch -q -D main");
    compare(.ref = "main", .chosen_by = "SOME_VARIABLE", .is_branch = true);
    assert_string_equal(since.name, "origin/main");
    assert_string_equal(since.chosen_by, "SOME_VARIABLE");
    compare_end();
}

static void a_branch_that_a_ci_names_is_the_remotes(void **state)
{
    (void)state;
    three_tests();
    git("clone -q . ../clone");
    snprintf(root, sizeof root, "%s/clone", base);
    put("a.txt", "2\n");
    commit("two"); /* on the clone's main, as some CI systems check out */
    expect_affected("", .ref = "main");
    expect_affected("a", .ref = "main", .is_branch = true);
    expect_affected("a", .ref = "main", .is_branch = true, .in_ci = true);
}

static void comparing_again_after_a_reload_counts_the_new_graph(void **state)
{
    (void)state;
    three_tests();
    compare(.ref = "HEAD");
    assert_int_equal(since.n_affected, 0);
    put("Testfile.lua", "test \"z\" { cmd = \"true\", inputs = { \"a.txt\" } }\n");
    assert_true(ws_reload(&ws, "a test says so", &errors));
    const char *gone;
    uint8_t all[1] = {1};
    assert_int_equal(ws.g.n_nodes, 1);
    ws_stamp(&ws, all, &gone);
    ws_keys(&ws);
    key_static_all(&ws.keys, &ws.g);
    assert_true(since_compare(&since, &ws, &errors));
    assert_true(since_has(&since, "z"));
    assert_false(since_has(&since, "a"));
    assert_int_equal(since.n_affected, 1);
    compare_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GIT(nothing_changed_nothing_is_affected),
        WITH_GIT(an_edit_counts_whether_committed_staged_or_not),
        WITH_GIT(what_happened_on_the_base_since_does_not_count),
        WITH_GIT(a_file_that_is_written_anew_with_the_same_content_counts_for_nothing),
        WITH_GIT(new_and_deleted_and_renamed_files_count_by_the_globs_that_hold_them),
        WITH_GIT(executable_bits_links_and_types_count),
        WITH_GIT(testfiles_and_what_they_include_are_compared_by_what_they_say),
        WITH_GIT(an_edit_of_gitignore_changes_what_globs_hold),
        WITH_GIT(ignored_files_belong_to_both_sides),
        WITH_GIT(the_environment_is_that_of_now_on_both_sides),
        WITH_GIT(a_link_out_of_the_repository_that_became_a_folder),
        WITH_GIT(a_base_without_a_testfile_has_no_targets),
        WITH_GIT(the_root_may_be_below_gits_top),
        WITH_GIT(staged_is_the_index_against_head),
        WITH_GIT(a_testfile_counts_as_it_is_staged),
        WITH_GIT(two_revisions_are_compared_without_the_work_tree),
        WITH_GIT(a_testfile_that_reads_what_an_affected_target_makes_is_in_doubt),
        WITH_GIT(doubt_goes_on_through_what_depends_on_it),
        WITH_GIT(without_a_base_everything_is_affected),
        WITH_GIT(a_base_that_does_not_load_is_none),
        WITH_GIT(a_shallow_clone_has_no_base_beyond_its_edge),
        WITH_GIT(a_side_that_is_not_there_is_an_error),
        WITH_GIT(the_chosen_base_is_named),
        WITH_GIT(a_branch_that_a_ci_names_is_the_remotes),
        WITH_GIT(comparing_again_after_a_reload_counts_the_new_graph),
    };
    return cmocka_run_group_tests_name("since", tests, git_group_setup, git_group_teardown);
}
