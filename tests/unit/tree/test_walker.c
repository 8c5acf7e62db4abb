/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/memtree.h"
#include "tree/glob.h"

/* Lists of words, ended by NULL. */
#define L(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const none[] = {NULL};

static size_t length(const char *const *v)
{
    size_t n = 0;
    while (v[n])
        n++;
    return n;
}

static bool run(struct walker *w, const char *base, const char *const *include, const char *const *exclude, bool all,
                struct strvec *out, struct err *e)
{
    struct glob_spec spec = {base, include, length(include), exclude, length(exclude), all};
    return walker_glob(w, &spec, out, e);
}

static void expect_vec(const struct strvec *got, const char *const *want)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    for (size_t i = 0; i < got->n; i++)
        buf_printf(&a, "%s\n", got->v[i]);
    for (size_t i = 0; want[i]; i++)
        buf_printf(&b, "%s\n", want[i]);
    assert_string_equal(buf_cstr(&a), buf_cstr(&b));
    buf_clear(&a);
    buf_clear(&b);
}

static void glob_in(struct walker *w, const char *base, const char *const *include, const char *const *exclude,
                    bool all, const char *const *want)
{
    struct strvec out = STRVEC_INIT;
    struct err e = ERR_INIT;
    if (!run(w, base, include, exclude, all, &out, &e))
        fail_msg("%s: %s", e.code, e.msg);
    expect_vec(&out, want);
    strvec_clear(&out);
}

static void glob(struct tree *t, const char *base, const char *const *include, const char *const *exclude,
                 const char *const *want)
{
    struct walker *w = walker_new(t);
    glob_in(w, base, include, exclude, false, want);
    walker_free(w);
}

static void files(struct tree *t, const char *const *v)
{
    for (; *v; v++)
        memtree_file(t, *v, "");
}

static void results_are_sorted_files_and_links(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("a/z.c", "a.c", "a-b/q.c", "a0.c", "B.c", "a/.hid", "a/b/c.c"));
    memtree_add(t, "link", ENTRY_LINK);
    memtree_add(t, "run", ENTRY_EXEC);
    memtree_add(t, "pipe", ENTRY_OTHER);
    memtree_add(t, "empty", ENTRY_DIR);
    glob(t, "", L("**"), none, L("B.c", "a-b/q.c", "a.c", "a/.hid", "a/b/c.c", "a/z.c", "a0.c", "link", "run"));
    glob(t, "", L("*"), none, L("B.c", "a.c", "a0.c", "link", "run"));
    glob(t, "", L("*.c", "a/*.c", "**/c.c", "a.c", "*.c"), none, L("B.c", "a.c", "a/b/c.c", "a/z.c", "a0.c"));
    glob(t, "", none, none, none);
    tree_free(t);
}

static void patterns_start_at_the_base(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("x/a.c", "x/y/a.c", "a.c", "xy/a.c"));
    glob(t, "x", L("**/*.c"), none, L("x/a.c", "x/y/a.c"));
    glob(t, "x", L("a.c", "y/a.c"), none, L("x/a.c", "x/y/a.c"));
    glob(t, "x/y", L("*"), none, L("x/y/a.c"));
    glob(t, "x", L("../a.c"), none, none);
    glob(t, "nowhere", L("**", "a.c"), none, none);
    glob(t, "a.c", L("**"), none, none); /* a file is no folder */
    tree_free(t);
}

static void excludes_take_files_and_whole_folders_away(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("a.c", "b.c", "out/a.c", "out/x/a.c", "src/out/b.c", "src/a.c"));
    glob(t, "", L("**"), L("out"), L("a.c", "b.c", "src/a.c", "src/out/b.c"));
    glob(t, "", L("**"), L("**/out"), L("a.c", "b.c", "src/a.c"));
    glob(t, "", L("**"), L("out/"), L("a.c", "b.c", "src/a.c", "src/out/b.c"));
    glob(t, "", L("**"), L("out/**", "src/*"), L("a.c", "b.c"));
    glob(t, "", L("**"), L("**/a.c"), L("b.c", "src/out/b.c"));
    glob(t, "", L("**"), L("a.c/"), L("a.c", "b.c", "out/a.c", "out/x/a.c", "src/a.c", "src/out/b.c"));
    glob(t, "", L("**", "a.c"), L("**"), none);
    glob(t, "", L("out/x/a.c", "b.c", "a.c"), L("out", "a.*"), L("b.c"));
    struct walker *w = walker_new(t);
    size_t before = memtree_lists(t, "out");
    glob_in(w, "", L("**/*.c"), L("out"), false, L("a.c", "b.c", "src/a.c", "src/out/b.c"));
    assert_int_equal(memtree_lists(t, "out"), before); /* not even listed */
    walker_free(w);
    tree_free(t);
}

static void ignored_files_are_left_out_unless_asked_for(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("a.c", "a.o", "keep.o", "build/x.c", "build/keep.c", "src/b.o", "src/tmp/c.c", "src/.hid"));
    memtree_file(t, ".gitignore", "*.o\n!keep.o\nbuild/\n!build/keep.c\n");
    memtree_file(t, "src/.gitignore", "/tmp\n");
    glob(t, "", L("**"), none, L(".gitignore", "a.c", "keep.o", "src/.gitignore", "src/.hid"));
    glob(t, "", L("a.o", "a.c", "build/keep.c"), none, L("a.c"));
    glob(t, "build", L("**", "x.c"), none, none); /* a base inside an ignored folder */
    glob(t, "src", L("**/*.c", "*.o"), none, none);
    struct walker *w = walker_new(t);
    glob_in(w, "", L("**/*.[co]"), none, true,
            L("a.c", "a.o", "build/keep.c", "build/x.c", "keep.o", "src/b.o", "src/tmp/c.c"));
    glob_in(w, "build", L("**"), none, true, L("build/keep.c", "build/x.c"));
    assert_true(walker_is_ignored(w, "a.o", false));
    assert_true(walker_is_ignored(w, "build", true));
    assert_false(walker_is_ignored(w, "build", false)); /* the rule is for folders */
    assert_true(walker_is_ignored(w, "build/keep.c", false));
    assert_true(walker_is_ignored(w, "src/tmp/not/there", false));
    assert_false(walker_is_ignored(w, "keep.o", false));
    assert_false(walker_is_ignored(w, "", true));
    assert_true(walker_is_ignored(w, ".git", true));
    assert_true(walker_is_ignored(w, ".git/config", false));
    walker_free(w);
    tree_free(t);
}

static void inner_rules_come_before_outer_ones_and_the_exclude_file_last(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("x/a.log", "x/b.log", "c.log", "d.tmp", "x/d.tmp"));
    memtree_file(t, ".git/info/exclude", "*.tmp\n*.log\n");
    memtree_file(t, ".gitignore", "!x/d.tmp\n");
    memtree_file(t, "x/.gitignore", "!a.log\n");
    glob(t, "", L("**"), none, L(".gitignore", "x/.gitignore", "x/a.log", "x/d.tmp"));
    tree_free(t);
}

static void a_linked_work_tree_reads_the_common_exclude_file(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    memtree_file(t, ".git", "gitdir: /repo/.git/worktrees/w\n");
    memtree_file(t, "/repo/.git/worktrees/w/commondir", "../..\n");
    memtree_file(t, "/repo/.git/worktrees/w/../../info/exclude", "*.o\n");
    files(t, L("a.o", "a.c"));
    struct walker *w = walker_new(t);
    glob_in(w, "", L("*"), none, false, L("a.c"));
    assert_int_equal(walker_n_ignore_files(w), 1);
    assert_string_equal(walker_ignore_file(w, 0), "/repo/.git/worktrees/w/../../info/exclude");
    walker_free(w);
    tree_free(t);
}

static void git_and_tgraph_folders_are_never_entered(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L(".git/config", ".tgraph/log", "sub/.git", "sub/a", "x/.tgraph/b", ".github/c", ".gitignore"));
    glob(t, "", L("**", ".git/config", ".tgraph/log"), none, L(".github/c", ".gitignore", "sub/a"));
    assert_int_equal(memtree_lists(t, ".git"), 0);
    assert_int_equal(memtree_lists(t, ".tgraph"), 0);
    tree_free(t);
}

static void each_folder_is_listed_once_and_only_where_a_match_can_be(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("src/a.c", "src/x/b.c", "lib/c.c", "lib/deep/er/d.c", "docs/e.md", "srcs/f.c"));
    struct walker *w = walker_new(t);
    glob_in(w, "", L("src/**/*.c"), none, false, L("src/a.c", "src/x/b.c"));
    assert_int_equal(memtree_lists(t, NULL), 3); /* "", src, src/x */
    glob_in(w, "", L("{src,lib}/*.c"), none, false, L("lib/c.c", "src/a.c"));
    assert_int_equal(memtree_lists(t, NULL), 4);
    assert_int_equal(memtree_lists(t, "lib/deep"), 0);
    glob_in(w, "", L("**"), none, false,
            L("docs/e.md", "lib/c.c", "lib/deep/er/d.c", "src/a.c", "src/x/b.c", "srcs/f.c"));
    glob_in(w, "lib", L("**/*.c"), none, false, L("lib/c.c", "lib/deep/er/d.c"));
    assert_int_equal(memtree_lists(t, NULL), 8);
    assert_int_equal(memtree_lists(t, ""), 1);
    walker_free(w);
    tree_free(t);
}

static void a_pattern_without_a_wildcard_lists_nothing(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("src/a.c", "src/b.c"));
    memtree_add(t, "src/l", ENTRY_LINK);
    memtree_file(t, "src/l/inside", "");
    struct walker *w = walker_new(t);
    /* No folders, nothing behind a link to one, nothing that is not there. */
    glob_in(w, "", L("src/a.c", "src", "src/l", "src/l/inside", "src/none.c", "no/where", "src/a.c/x"), none, false,
            L("src/a.c", "src/l"));
    assert_int_equal(memtree_lists(t, NULL), 0);
    /* What was looked at still says when to look again. */
    bool seen = false;
    for (size_t i = 0; i < walker_n_dirs(w); i++)
        seen |= !strcmp(walker_dir(w, i), "no");
    assert_true(seen);
    walker_free(w);
    tree_free(t);
}

static void links_to_folders_are_not_entered_but_may_be_the_base(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    memtree_file(t, "real/a.c", "");
    memtree_add(t, "link", ENTRY_LINK);
    glob(t, "", L("**"), none, L("link", "real/a.c"));
    assert_int_equal(memtree_lists(t, "link"), 0);
    tree_free(t);
}

static void an_unreadable_folder_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("a/x.c", "secret/y.c"));
    memtree_fail(t, "secret", "T403");
    struct walker *w = walker_new(t);
    struct strvec out = STRVEC_INIT;
    struct err e = ERR_INIT;
    for (int i = 0; i < 2; i++) { /* the second time from what is remembered */
        assert_false(run(w, "", L("**"), none, false, &out, &e));
        assert_string_equal(e.code, "T403");
        assert_non_null(strstr(e.msg, "secret"));
    }
    err_clear(&e);
    strvec_clear(&out);
    /* Not in the way of what does not look there. */
    glob_in(w, "", L("a/*"), none, false, L("a/x.c"));
    assert_int_equal(walker_type(w, "secret/y.c"), ENTRY_FILE);
    assert_true(digest_is_none(walker_listing_digest(w, "secret")));
    walker_free(w);
    tree_free(t);
}

static void an_unreadable_ignore_file_is_an_error(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("a/x.c", "a/.gitignore"));
    memtree_fail(t, "a/.gitignore", "T401");
    struct walker *w = walker_new(t);
    struct strvec out = STRVEC_INIT;
    struct err e = ERR_INIT;
    assert_false(run(w, "", L("**"), none, false, &out, &e));
    assert_string_equal(e.code, "T401");
    assert_non_null(strstr(e.msg, "a/.gitignore"));
    err_clear(&e);
    strvec_clear(&out);
    walker_free(w);
    tree_free(t);
}

static void a_malformed_pattern_is_an_error_that_shows_it(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    struct walker *w = walker_new(t);
    struct strvec out = STRVEC_INIT;
    struct err e = ERR_INIT;
    assert_false(run(w, "", L("a[b"), none, false, &out, &e));
    assert_string_equal(e.code, "T405");
    assert_non_null(strstr(e.msg, "a[b"));
    assert_non_null(strstr(e.msg, "'[' is not closed"));
    assert_false(run(w, "", L("*"), L("{x"), false, &out, &e));
    assert_non_null(strstr(e.msg, "{x"));
    err_clear(&e);
    walker_free(w);
    tree_free(t);
}

static void types_come_from_the_listing(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("d/a", "d/e/f"));
    memtree_add(t, "d/l", ENTRY_LINK);
    struct walker *w = walker_new(t);
    assert_int_equal(walker_type(w, "d/a"), ENTRY_FILE);
    assert_int_equal(walker_type(w, "d/l"), ENTRY_LINK);
    assert_int_equal(walker_type(w, "d/e"), ENTRY_DIR);
    assert_int_equal(walker_type(w, "d/x"), ENTRY_NONE);
    assert_int_equal(walker_type(w, "x/y/z"), ENTRY_NONE);
    assert_int_equal(walker_type(w, "d/a/b"), ENTRY_NONE);
    assert_int_equal(walker_type(w, ""), ENTRY_DIR);
    assert_int_equal(walker_type(w, "d/a"), ENTRY_FILE);
    assert_int_equal(memtree_lists(t, "d"), 1);
    assert_int_equal(memtree_types(t, "d/a"), 0);
    assert_int_equal(walker_n_dirs(w), 0);
    walker_free(w);
    tree_free(t);
}

static bool recorded(size_t n, const char *(*get)(const struct walker *, size_t), const struct walker *w,
                     const char *const *want)
{
    bool same = n == length(want);
    for (size_t i = 0; i < n && same; i++)
        same = !strcmp(get(w, i), want[i]);
    return same;
}

static void what_was_looked_at_is_recorded_once(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("a/x.c", "a/b/y.c", "c/z.c", "ign/q.c"));
    memtree_file(t, "a/.gitignore", "*.o\n");
    memtree_file(t, ".gitignore", "ign\n");
    struct walker *w = walker_new(t);
    for (int i = 0; i < 2; i++) {
        glob_in(w, "", L("a/**/*.c"), none, false, L("a/b/y.c", "a/x.c"));
        glob_in(w, "gone", L("*"), none, false, none);
    }
    assert_true(recorded(walker_n_dirs(w), walker_dir, w, L("", "a", "a/b", "gone")));
    assert_true(recorded(walker_n_ignore_files(w), walker_ignore_file, w,
                         L(".git/info/exclude", ".gitignore", "a/.gitignore")));
    walker_free(w);
    /* Above a base whose parents are not listed, an ignore file that is not there counts as looked at. */
    memtree_remove(t, "a/.gitignore");
    w = walker_new(t);
    glob_in(w, "a/b", L("*"), none, false, L("a/b/y.c"));
    assert_true(recorded(walker_n_dirs(w), walker_dir, w, L("a/b")));
    assert_true(recorded(walker_n_ignore_files(w), walker_ignore_file, w,
                         L(".git/info/exclude", ".gitignore", "a/.gitignore")));
    walker_free(w);
    /* With ignored files nothing is asked of git's rules. */
    w = walker_new(t);
    glob_in(w, "ign", L("*"), none, true, L("ign/q.c"));
    assert_int_equal(walker_n_ignore_files(w), 0);
    walker_free(w);
    tree_free(t);
}

static void a_listing_digest_covers_names_and_types(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("d/a", "d/b"));
    struct digest was[8];
    size_t n = 0;
    for (int step = 0; step < 6; step++) {
        switch (step) {
        case 1:
            memtree_file(t, "d/c", "");
            break;
        case 2:
            memtree_add(t, "d/c", ENTRY_LINK);
            break;
        case 3:
            memtree_remove(t, "d/a");
            break;
        case 4:
            memtree_remove(t, "d/b");
            memtree_remove(t, "d/c");
            break;
        case 5:
            memtree_remove(t, "d");
            break;
        default:
            break;
        }
        struct walker *w = walker_new(t);
        was[n] = walker_listing_digest(w, "d");
        for (size_t i = 0; i < n; i++)
            assert_false(digest_eq(was[i], was[n]));
        n++;
        walker_free(w);
    }
    assert_true(digest_is_none(was[5]));
    tree_free(t);
}

static void an_exec_bit_and_tgraphs_own_folder_do_not_change_a_listing(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("a", "b"));
    struct walker *w = walker_new(t);
    struct digest before = walker_listing_digest(w, "");
    walker_free(w);
    memtree_add(t, "a", ENTRY_EXEC);
    memtree_file(t, ".tgraph/lock", "");
    w = walker_new(t);
    assert_true(digest_eq(before, walker_listing_digest(w, "")));
    walker_free(w);
    tree_free(t);
}

static void results_are_added_to_what_is_there(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    files(t, L("a", "c"));
    struct walker *w = walker_new(t);
    struct strvec out = STRVEC_INIT;
    struct err e = ERR_INIT;
    strvec_add(&out, "b");
    strvec_add(&out, "a");
    assert_true(run(w, "", L("*"), none, false, &out, &e));
    expect_vec(&out, L("a", "b", "c"));
    strvec_clear(&out);
    walker_free(w);
    tree_free(t);
}

static void a_folder_very_deep_down_is_reached(void **state)
{
    (void)state;
    struct tree *t = memtree_new();
    struct buf path = BUF_INIT;
    for (int i = 0; i < 500; i++)
        buf_adds(&path, "d/");
    buf_adds(&path, "x.c");
    memtree_file(t, path.p, "");
    glob(t, "", L("**/*.c"), none, L(path.p));
    buf_clear(&path);
    tree_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_sorted_files_and_links),
        cmocka_unit_test(patterns_start_at_the_base),
        cmocka_unit_test(excludes_take_files_and_whole_folders_away),
        cmocka_unit_test(ignored_files_are_left_out_unless_asked_for),
        cmocka_unit_test(inner_rules_come_before_outer_ones_and_the_exclude_file_last),
        cmocka_unit_test(a_linked_work_tree_reads_the_common_exclude_file),
        cmocka_unit_test(git_and_tgraph_folders_are_never_entered),
        cmocka_unit_test(each_folder_is_listed_once_and_only_where_a_match_can_be),
        cmocka_unit_test(a_pattern_without_a_wildcard_lists_nothing),
        cmocka_unit_test(links_to_folders_are_not_entered_but_may_be_the_base),
        cmocka_unit_test(an_unreadable_folder_is_an_error_that_names_it),
        cmocka_unit_test(an_unreadable_ignore_file_is_an_error),
        cmocka_unit_test(a_malformed_pattern_is_an_error_that_shows_it),
        cmocka_unit_test(types_come_from_the_listing),
        cmocka_unit_test(what_was_looked_at_is_recorded_once),
        cmocka_unit_test(a_listing_digest_covers_names_and_types),
        cmocka_unit_test(an_exec_bit_and_tgraphs_own_folder_do_not_change_a_listing),
        cmocka_unit_test(results_are_added_to_what_is_there),
        cmocka_unit_test(a_folder_very_deep_down_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
