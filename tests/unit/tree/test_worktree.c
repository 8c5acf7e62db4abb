/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file.h"
#include "tree/listing.h"
#include "tree/tree.h"

static char root[64];
static struct tree *t;

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/tgraph-worktree-XXXXXX");
    if (!mkdtemp(root))
        return 1;
    t = tree_worktree_new(root);
    return chdir(root);
}
static int remove_root(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    tree_free(t);
    return chdir("/") || !file_remove_tree(root, &e);
}

static void put(const char *path, const char *text, mode_t mode)
{
    struct err e = ERR_INIT;
    assert_true(file_mkdirs_for(path, &e));
    assert_true(file_replace(path, text, strlen(text), (int)mode, false, &e));
}

static void fails(bool ok, struct err *e, const char *code, const char *named)
{
    assert_false(ok);
    assert_string_equal(e->code, code);
    assert_non_null(strstr(e->msg, named));
    err_clear(e);
}

static void types_are_told_apart(void **state)
{
    (void)state;
    put("d/f", "", 0644);
    put("x", "", 0755);
    put("group", "", 0611);
    assert_int_equal(symlink("d/f", "l"), 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(symlink("d", "ld"), 0);
    assert_int_equal(mkfifo("p", 0644), 0);
    assert_int_equal(tree_type(t, ""), ENTRY_DIR);
    assert_int_equal(tree_type(t, "d"), ENTRY_DIR);
    assert_int_equal(tree_type(t, "d/f"), ENTRY_FILE);
    assert_int_equal(tree_type(t, "x"), ENTRY_EXEC);
    assert_int_equal(tree_type(t, "group"), ENTRY_FILE); /* the owner's bit decides */
    assert_int_equal(tree_type(t, "l"), ENTRY_LINK);
    assert_int_equal(tree_type(t, "dangling"), ENTRY_LINK);
    assert_int_equal(tree_type(t, "ld"), ENTRY_LINK);
    assert_int_equal(tree_type(t, "ld/f"), ENTRY_FILE);
    assert_int_equal(tree_type(t, "p"), ENTRY_OTHER);
    assert_int_equal(tree_type(t, "none"), ENTRY_NONE);
    assert_int_equal(tree_type(t, "x/none"), ENTRY_NONE);
}

static void listings_are_sorted_and_whole(void **state)
{
    (void)state;
    put("d/b", "", 0755);
    put("d/a/x", "", 0644);
    put("d/.h", "", 0644);
    put("d/B", "", 0644);
    assert_int_equal(symlink("a", "d/l"), 0);
    assert_int_equal(mkfifo("d/p", 0644), 0);
    struct tree_listing l = {0};
    struct err e = ERR_INIT;
    assert_true(tree_list(t, "d", &l, &e));
    static const struct tree_entry want[] = {{".h", ENTRY_FILE}, {"B", ENTRY_FILE}, {"a", ENTRY_DIR},
                                             {"b", ENTRY_FILE},  {"l", ENTRY_LINK}, {"p", ENTRY_OTHER}};
    assert_int_equal(l.n, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(l.v[i].name, want[i].name);
        assert_int_equal(l.v[i].type, want[i].type);
    }
    tree_listing_clear(&l);
    assert_true(tree_list(t, "", &l, &e));
    assert_int_equal(l.n, 1);
    tree_listing_clear(&l);
    assert_true(tree_list(t, "d/l", &l, &e)); /* a link is followed */
    assert_int_equal(l.n, 1);
    tree_listing_clear(&l);
}

static void a_listing_that_fails_says_whether_there_is_a_folder(void **state)
{
    (void)state;
    put("f", "", 0644);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    struct tree_listing l = {0};
    struct err e = ERR_INIT;
    fails(tree_list(t, "none", &l, &e), &e, "T404", "none");
    fails(tree_list(t, "f", &l, &e), &e, "T404", "f");
    fails(tree_list(t, "dangling", &l, &e), &e, "T404", "dangling");
    fails(tree_list(t, "loop", &l, &e), &e, "T404", "loop");
    char longest[400];
    memset(longest, 'n', sizeof longest);
    longest[399] = '\0';
    fails(tree_list(t, longest, &l, &e), &e, "T403", longest);
    tree_listing_clear(&l);
}

static void reading_appends_within_the_limit(void **state)
{
    (void)state;
    put("d/f", "0123456789", 0644);
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    buf_adds(&b, "kept:");
    assert_true(tree_read(t, "d/f", 10, &b, &e));
    assert_string_equal(b.p, "kept:0123456789");
    fails(tree_read(t, "d/f", 9, &b, &e), &e, "T402", "d/f");
    assert_string_equal(b.p, "kept:0123456789");
    assert_true(tree_read(t, "d/f", SIZE_MAX, &b, &e));
    assert_int_equal(b.len, 25);
    buf_clear(&b);
}

static void a_large_file_is_read_whole(void **state)
{
    (void)state;
    char *text = mem_alloc(200001);
    for (size_t i = 0; i < 200000; i++)
        text[i] = (char)('a' + i % 23);
    text[200000] = '\0';
    put("big", text, 0644);
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    assert_true(tree_read(t, "big", 200000, &b, &e));
    assert_int_equal(b.len, 200000);
    assert_memory_equal(b.p, text, 200000);
    buf_clear(&b);
    mem_free(text);
}

static void only_regular_files_are_read(void **state)
{
    (void)state;
    put("f", "text", 0644);
    assert_int_equal(symlink("f", "l"), 0);
    assert_int_equal(mkfifo("p", 0644), 0);
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    fails(tree_read(t, "none", 100, &b, &e), &e, "T401", "none");
    fails(tree_read(t, "p", 100, &b, &e), &e, "T401", "regular"); /* and does not wait for a writer */
    fails(tree_read(t, "", 100, &b, &e), &e, "T401", "regular");
    assert_true(tree_read(t, "l", 100, &b, &e));
    assert_string_equal(b.p, "text");
    buf_clear(&b);
}

static void a_root_that_is_not_there_is_empty(void **state)
{
    (void)state;
    struct tree *none = tree_worktree_new("/nowhere/at/all");
    struct tree_listing l = {0};
    struct err e = ERR_INIT;
    assert_int_equal(tree_type(none, "a"), ENTRY_NONE);
    assert_false(tree_list(none, "", &l, &e));
    err_clear(&e);
    tree_listing_clear(&l);
    tree_free(none);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        T(types_are_told_apart),
        T(listings_are_sorted_and_whole),
        T(a_listing_that_fails_says_whether_there_is_a_folder),
        T(reading_appends_within_the_limit),
        T(a_large_file_is_read_whole),
        T(only_regular_files_are_read),
        T(a_root_that_is_not_there_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
