/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tree/path.h"

static void resolves(const char *dir, const char *path, const char *want)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "kept:");
    assert_int_equal(path_resolve(dir, path, &b), PATH_OK);
    assert_string_equal(buf_cstr(&b) + 5, want);
    assert_memory_equal(b.p, "kept:", 5);
    buf_clear(&b);
}

static void fails(const char *dir, const char *path, enum path_status want)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "kept");
    assert_int_equal(path_resolve(dir, path, &b), want);
    assert_string_equal(buf_cstr(&b), "kept");
    buf_clear(&b);
}

static void relative_paths_start_in_the_folder(void **state)
{
    (void)state;
    resolves("", "a", "a");
    resolves("", "a/b.c", "a/b.c");
    resolves("x/y", "a", "x/y/a");
    resolves("x/y", "", "x/y");
    resolves("", "", "");
}

static void two_slashes_start_at_the_root(void **state)
{
    (void)state;
    resolves("x/y", "//a", "a");
    resolves("x", "//", "");
    resolves("x", "///a//b", "a/b");
}

static void dots_and_empty_parts_vanish(void **state)
{
    (void)state;
    resolves("x", "./a/./b//c/.", "x/a/b/c");
    resolves("x", "a/", "x/a");
    resolves("", ".", "");
    resolves("x", "...", "x/...");
    resolves("x", "..a/b..", "x/..a/b..");
}

static void two_dots_climb_within_the_root(void **state)
{
    (void)state;
    resolves("x/y", "..", "x");
    resolves("x/y", "../../a", "a");
    resolves("x/y", "../..", "");
    resolves("x", "a/../b", "x/b");
    resolves("", "a/..", "");
    resolves("long", "../a", "a");
}

static void climbing_out_is_outside(void **state)
{
    (void)state;
    fails("", "..", PATH_OUTSIDE);
    fails("x", "../..", PATH_OUTSIDE);
    fails("x", "../../x/a", PATH_OUTSIDE);
    fails("x/y", "//../a", PATH_OUTSIDE);
    fails("x", "a/../../../b", PATH_OUTSIDE);
}

static void one_slash_is_absolute(void **state)
{
    (void)state;
    fails("x", "/a", PATH_ABSOLUTE);
    fails("", "/", PATH_ABSOLUTE);
}

static void length_is_limited(void **state)
{
    (void)state;
    char text[4200];
    memset(text, 'a', sizeof text);
    text[4096] = '\0';
    struct buf b = BUF_INIT;
    assert_int_equal(path_resolve("", text, &b), PATH_OK);
    assert_int_equal(b.len, 4096);
    buf_clear(&b);
    fails("x", text, PATH_BAD); /* x/aaa... is longer */
    text[4096] = 'a';
    text[4097] = '\0';
    fails("", text, PATH_BAD);
}

static void base_and_dir_split_at_the_last_slash(void **state)
{
    (void)state;
    assert_string_equal(path_base("a/b/c"), "c");
    assert_string_equal(path_base("c"), "c");
    assert_string_equal(path_base(""), "");
    struct buf b = BUF_INIT;
    path_dir("c", &b);
    assert_string_equal(buf_cstr(&b), "");
    path_dir("a/b/c", &b);
    assert_string_equal(buf_cstr(&b), "a/b");
    buf_clear(&b);
}

static void below_means_whole_parts(void **state)
{
    (void)state;
    assert_true(path_is_below("a/b", "a"));
    assert_true(path_is_below("a", "a"));
    assert_true(path_is_below("a", ""));
    assert_true(path_is_below("", ""));
    assert_false(path_is_below("ab", "a"));
    assert_false(path_is_below("a", "a/b"));
    assert_false(path_is_below("", "a"));
    assert_false(path_is_below("b/a", "a"));
}

static void wildcards_are_four_characters(void **state)
{
    (void)state;
    assert_true(path_has_wildcard("*.c"));
    assert_true(path_has_wildcard("a?"));
    assert_true(path_has_wildcard("a[b]"));
    assert_true(path_has_wildcard("{a,b}"));
    assert_false(path_has_wildcard("a]b}c,d"));
    assert_false(path_has_wildcard(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relative_paths_start_in_the_folder),
        cmocka_unit_test(two_slashes_start_at_the_root),
        cmocka_unit_test(dots_and_empty_parts_vanish),
        cmocka_unit_test(two_dots_climb_within_the_root),
        cmocka_unit_test(climbing_out_is_outside),
        cmocka_unit_test(one_slash_is_absolute),
        cmocka_unit_test(length_is_limited),
        cmocka_unit_test(base_and_dir_split_at_the_last_slash),
        cmocka_unit_test(below_means_whole_parts),
        cmocka_unit_test(wildcards_are_four_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
