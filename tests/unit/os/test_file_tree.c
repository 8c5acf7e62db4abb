/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scratch.h"

static void what_is_missing_is_no_error(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    assert_true(file_remove_tree(in_scratch("missing"), &e));
    assert_true(file_remove_tree(in_scratch("missing/below"), &e));
    assert_null(e.msg);
}

static void files_folders_and_dead_links_go_away(void **state)
{
    (void)state;
    put_file(in_scratch("f"), "x", 0400);
    assert_true(file_remove_tree(in_scratch("f"), NULL));
    assert_false(file_exists(in_scratch("f")));
    assert_true(file_mkdirs(in_scratch("t/a/b"), NULL));
    assert_true(file_mkdirs(in_scratch("t/c"), NULL));
    put_file(in_scratch("t/a/b/file"), "", 0000);
    assert_int_equal(symlink("nowhere", in_scratch("t/dead")), 0);
    assert_int_equal(mkfifo(in_scratch("t/c/fifo"), 0600), 0);
    assert_true(file_remove_tree(in_scratch("t/"), NULL));
    assert_false(file_exists(in_scratch("t")));
}

static void links_are_removed_and_not_followed(void **state)
{
    (void)state;
    assert_true(file_mkdirs(in_scratch("kept/sub"), NULL));
    put_file(in_scratch("kept/file"), "x", 0644);
    assert_true(file_mkdirs(in_scratch("t/a"), NULL));
    assert_int_equal(symlink("../../kept", in_scratch("t/a/link")), 0);
    assert_true(file_remove_tree(in_scratch("t"), NULL));
    assert_false(file_exists(in_scratch("t")));
    assert_int_equal(symlink("kept", in_scratch("link")), 0);
    assert_true(file_remove_tree(in_scratch("link/"), NULL));
    struct stat st;
    assert_int_not_equal(lstat(in_scratch("link"), &st), 0);
    assert_true(file_exists(in_scratch("kept/file")));
    assert_true(file_is_dir(in_scratch("kept/sub")));
}

/* Deeper than PATH_MAX, and than there may be open descriptors. */
static void a_very_deep_tree_goes_away(void **state)
{
    (void)state;
    enum { DEPTH = 900 };
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 100;
    assert_true(file_mkdirs(in_scratch("deep"), NULL));
    int at = open(in_scratch("deep"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < DEPTH; i++) {
        assert_int_equal(mkdirat(at, "down", 0755), 0);
        int file = openat(at, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(file >= 0);
        close(file);
        int next = openat(at, "down", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(at);
        at = next;
    }
    close(at);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct err e = ERR_INIT;
    bool ok = file_remove_tree(in_scratch("deep"), &e);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    if (!ok)
        print_error("%s\n", e.msg);
    assert_true(ok);
    assert_false(file_exists(in_scratch("deep")));
}

static void a_wide_tree_goes_away(void **state)
{
    (void)state;
    char name[64];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "wide/%d/x", i);
        assert_true(file_mkdirs(in_scratch(name), NULL));
        snprintf(name, sizeof name, "wide/%d/f%d", i / 2, i);
        put_file(in_scratch(name), "", 0644);
    }
    assert_true(file_remove_tree(in_scratch("wide"), NULL));
    assert_false(file_exists(in_scratch("wide")));
}

static void read_only_folders_go_away(void **state)
{
    (void)state;
    assert_true(file_mkdirs(in_scratch("ro/a/b"), NULL));
    put_file(in_scratch("ro/a/f"), "", 0444);
    assert_int_equal(chmod(in_scratch("ro/a"), 0555), 0);
    struct err e = ERR_INIT;
    assert_true(file_remove_tree(in_scratch("ro"), &e));
    assert_false(file_exists(in_scratch("ro")));
}

static void what_cannot_be_removed_is_named(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    assert_false(file_remove_tree("/", &e));
    assert_string_equal(e.code, "T401");
    assert_false(file_remove_tree("/proc/self", &e));
    assert_non_null(strstr(e.msg, "cannot remove /proc/self"));
    assert_false(file_remove_tree("/proc/1/fd", &e));
    assert_non_null(strstr(e.msg, "cannot remove /proc/1/fd"));
    err_clear(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_no_error),
        cmocka_unit_test(files_folders_and_dead_links_go_away),
        cmocka_unit_test(links_are_removed_and_not_followed),
        cmocka_unit_test(a_very_deep_tree_goes_away),
        cmocka_unit_test(a_wide_tree_goes_away),
        cmocka_unit_test(read_only_folders_go_away),
        cmocka_unit_test(what_cannot_be_removed_is_named),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
