/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tree/ignore.h"

static int match_n(const char *text, size_t len, const char *rel, bool is_dir)
{
    struct ignore_rules *r = ignore_parse(text, len);
    int m = ignore_match(r, rel, is_dir);
    ignore_rules_free(r);
    return m;
}
static int file(const char *text, const char *rel) { return match_n(text, strlen(text), rel, false); }
static int dir(const char *text, const char *rel) { return match_n(text, strlen(text), rel, true); }

enum { IGNORED = 1, TAKEN_BACK = 0, SILENT = -1 };

static void a_name_matches_at_any_depth(void **state)
{
    (void)state;
    assert_int_equal(file("foo", "foo"), IGNORED);
    assert_int_equal(file("foo", "a/b/foo"), IGNORED);
    assert_int_equal(file("foo", "foobar"), SILENT);
    assert_int_equal(file("foo", "foo/bar"), SILENT); /* the folder is what matches */
    assert_int_equal(file("*.o", "a/b.o"), IGNORED);
    assert_int_equal(file("*.o", ".o"), IGNORED);
    assert_int_equal(file("*.o", "a.oo"), SILENT);
    assert_int_equal(file("[Bb]uild*", "x/Build1"), IGNORED);
}

static void a_slash_anchors(void **state)
{
    (void)state;
    assert_int_equal(file("/foo", "foo"), IGNORED);
    assert_int_equal(file("/foo", "a/foo"), SILENT);
    assert_int_equal(file("a/foo", "a/foo"), IGNORED);
    assert_int_equal(file("a/foo", "b/a/foo"), SILENT);
    assert_int_equal(file("/*.c", "x.c"), IGNORED);
    assert_int_equal(file("/*.c", "a/x.c"), SILENT);
    assert_int_equal(file("a/*", "a/b"), IGNORED);
    assert_int_equal(file("a/*", "a/b/c"), SILENT);
}

static void a_trailing_slash_means_folders(void **state)
{
    (void)state;
    assert_int_equal(dir("foo/", "foo"), IGNORED);
    assert_int_equal(dir("foo/", "a/foo"), IGNORED); /* it does not anchor */
    assert_int_equal(file("foo/", "foo"), SILENT);
    assert_int_equal(dir("/foo/", "a/foo"), SILENT);
    assert_int_equal(dir("a/foo/", "a/foo"), IGNORED);
}

static void two_stars_cross_folders(void **state)
{
    (void)state;
    assert_int_equal(file("**/foo", "foo"), IGNORED);
    assert_int_equal(file("**/foo", "a/b/foo"), IGNORED);
    assert_int_equal(file("**/a/foo", "x/a/foo"), IGNORED);
    assert_int_equal(file("a/**", "a/b/c"), IGNORED);
    assert_int_equal(dir("a/**", "a"), SILENT);
    assert_int_equal(file("a/**/b", "a/b"), IGNORED);
    assert_int_equal(file("a/**/b", "a/x/y/b"), IGNORED);
    assert_int_equal(file("a/**/b", "a/xb"), SILENT);
    assert_int_equal(file("x/a**b", "x/aYYb"), IGNORED);
    assert_int_equal(file("x/?a**b", "x/ca/b"), SILENT);
}

static void the_last_rule_that_matches_wins(void **state)
{
    (void)state;
    assert_int_equal(file("*.c\n!a.c\n", "a.c"), TAKEN_BACK);
    assert_int_equal(file("!a.c\n*.c\n", "a.c"), IGNORED);
    assert_int_equal(file("*.c\n!a.c\n/a.c\n", "a.c"), IGNORED);
    assert_int_equal(file("*.c\n!a.c\n", "b.c"), IGNORED);
    assert_int_equal(file("!/x/\n", "x"), SILENT);
}

static void escapes_and_comments(void **state)
{
    (void)state;
    assert_int_equal(file("#a", "#a"), SILENT);
    assert_int_equal(file("\\#a", "#a"), IGNORED);
    assert_int_equal(file("\\!a", "!a"), IGNORED);
    assert_int_equal(file("!#a\n", "#a"), TAKEN_BACK);
    assert_int_equal(file("a\\*", "a*"), IGNORED);
    assert_int_equal(file("a\\*", "ab"), SILENT);
    assert_int_equal(file("a\\", "a\\"), SILENT); /* malformed: matches nothing */
    assert_int_equal(file(" a", "a"), SILENT);
    assert_int_equal(file(" a", " a"), IGNORED);
}

static void trailing_spaces_go_unless_quoted(void **state)
{
    (void)state;
    assert_int_equal(file("a  ", "a"), IGNORED);
    assert_int_equal(file("a\\ ", "a "), IGNORED);
    assert_int_equal(file("a\\  ", "a "), IGNORED);
    assert_int_equal(file("a\\\\ ", "a\\"), IGNORED); /* the backslash is quoted, the space is not */
    assert_int_equal(file("a b", "a b"), IGNORED);
    assert_int_equal(file("a\t", "a"), SILENT);
    assert_int_equal(file("   \n", " "), SILENT);
}

static void line_ends_and_marks(void **state)
{
    (void)state;
    assert_int_equal(file("a\r\nb\r\n", "b"), IGNORED);
    assert_int_equal(file("a\r\nb\r\n", "a"), IGNORED);
    assert_int_equal(file("a\nb", "b"), IGNORED);
    assert_int_equal(file("\xef\xbb\xbf"
                          "a\n",
                          "a"),
                     IGNORED);
    assert_int_equal(match_n("a\0b\nc\n", 6, "a", false), IGNORED);
    assert_int_equal(match_n("a\0b\nc\n", 6, "c", false), IGNORED);
    assert_int_equal(match_n("a\0b\nc\n", 6, "b", false), SILENT);
}

static void sets_follow_wildmatch(void **state)
{
    (void)state;
    assert_int_equal(file("[[:alpha:]]1", "a1"), IGNORED);
    assert_int_equal(file("[[:alpha:]]1", "11"), SILENT);
    assert_int_equal(file("[!a]b", "cb"), IGNORED);
    assert_int_equal(file("*.py[cod]", "x/y.pyc"), IGNORED);
    assert_int_equal(file("[a", "[a"), SILENT);
    assert_int_equal(file("[[:nope:]]", "n"), SILENT);
    assert_int_equal(file("x[/]y", "x/y"), SILENT);
}

static void rules_without_a_pattern_match_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "#x", "/", "!", "!/", "   ", "[a\n", "\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ignore_rules *r = ignore_parse(texts[i], strlen(texts[i]));
        assert_true(ignore_is_empty(r));
        assert_int_equal(ignore_match(r, "a", true), SILENT);
        ignore_rules_free(r);
    }
    ignore_rules_free(NULL);
}

static void many_stars_end_in_time(void **state)
{
    (void)state;
    char path[4001];
    memset(path, 'a', sizeof path);
    path[4000] = '\0';
    assert_int_equal(file("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", path), SILENT);
    assert_int_equal(file("**/*a*a*a*/**/*a*a*a*b/**/x", path), SILENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_matches_at_any_depth),
        cmocka_unit_test(a_slash_anchors),
        cmocka_unit_test(a_trailing_slash_means_folders),
        cmocka_unit_test(two_stars_cross_folders),
        cmocka_unit_test(the_last_rule_that_matches_wins),
        cmocka_unit_test(escapes_and_comments),
        cmocka_unit_test(trailing_spaces_go_unless_quoted),
        cmocka_unit_test(line_ends_and_marks),
        cmocka_unit_test(sets_follow_wildmatch),
        cmocka_unit_test(rules_without_a_pattern_match_nothing),
        cmocka_unit_test(many_stars_end_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
