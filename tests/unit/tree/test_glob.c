/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tree/glob.h"

static void yes(const char *pattern, const char *path)
{
    if (!glob_match(pattern, path))
        fail_msg("'%s' does not match '%s'", pattern, path);
}
static void no(const char *pattern, const char *path)
{
    if (glob_match(pattern, path))
        fail_msg("'%s' matches '%s'", pattern, path);
}

static void star_stays_in_a_part(void **state)
{
    (void)state;
    yes("*.c", "a.c");
    yes("*", ".hidden");
    yes("a*b*c", "aXbYbZc");
    yes("*/*.c", "src/a.c");
    yes("a*", "a");
    no("*.c", "src/a.c");
    no("*.c", "a.cc");
    no("a*b", "a/b");
    no("a**b", "a/b");
    yes("a**b", "aXXb");
}

static void question_mark_is_one_character(void **state)
{
    (void)state;
    yes("a?c", "abc");
    no("a?c", "ac");
    no("a?c", "a/c");
    no("?", "");
}

static void two_stars_are_any_number_of_parts(void **state)
{
    (void)state;
    yes("**", "a/b/c");
    yes("**/a.c", "a.c");
    yes("**/a.c", "x/y/a.c");
    yes("src/**/a.c", "src/a.c");
    yes("src/**/a.c", "src/x/y/a.c");
    yes("src/**", "src/a");
    yes("src/**", "src/a/b");
    yes("**/x/**/*.c", "a/x/b.c");
    yes("**/x/**/*.c", "x/a/b/c.c");
    yes("a/**/**/b", "a/b");
    yes("**/b/**/b/c", "b/b/b/c");
    no("**/a.c", "ba.c");
    no("src/**", "src");
    no("src/**", "srcs/a");
    no("src/**/a.c", "src/xa.c");
    no("**/x/**/*.c", "a/y/b.c");
}

static void a_later_choice_takes_back_an_earlier_one(void **state)
{
    (void)state;
    yes("**/a/*b/c", "a/xb/d/a/yb/c");
    yes("**/*ab", "aab/caab");
    yes("*aab", "aaaab");
    yes("*a*b?c", "aXbXbYc");
    no("**/a/b/**/c/d", "a/b/c/e/a/c/b/d");
}

static void sets_hold_ranges_classes_and_escapes(void **state)
{
    (void)state;
    yes("[a-c]x", "bx");
    yes("[!a-c]x", "dx");
    yes("[^a-c]x", "dx");
    yes("[]a]", "]");
    yes("[!]a]", "b");
    yes("[a-]", "-");
    yes("[-a]", "-");
    yes("[[:digit:]_]", "7");
    yes("[[:digit:]_]", "_");
    yes("[[:alpha:][:digit:]]", "Q");
    yes("[\\]]", "]");
    yes("[[a]", "[");
    yes("[.-0]x", ".x");
    no("[a-c]x", "dx");
    no("[!a-c]x", "bx");
    no("[!a]", "/");
    no("a[.-0]b", "a/b"); /* '/' lies between '.' and '0' */
    no("[[:alpha:]]", "1");
    no("[]a]", "b");
    no("[z-a]", "m");
}

static void every_class_knows_its_members(void **state)
{
    (void)state;
    static const struct {
        const char *name, *in, *out;
    } v[] = {
        {"alnum", "azAZ09", "_-.\xc3"},  {"alpha", "azAZ", "09_[`@{"}, {"blank", " \t", "\nx"},
        {"cntrl", "\x01\x1f\x7f", " a"}, {"digit", "09", "a:"},        {"graph", "!~a", " \x7f\x80"},
        {"lower", "az", "AZ0"},          {"print", " ~a", "\x1f\x7f"}, {"punct", "!.:@[`{~", "a0 "},
        {"space", " \t\n\r", "x\v"},     {"upper", "AZ", "az[@"},      {"xdigit", "09afAF", "gG"},
    };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        char pattern[32], text[2] = "";
        snprintf(pattern, sizeof pattern, "[[:%s:]]", v[i].name);
        for (const char *p = v[i].in; (text[0] = *p); p++)
            yes(pattern, text);
        for (const char *p = v[i].out; (text[0] = *p); p++)
            no(pattern, text);
    }
}

static void backslash_takes_the_next_character_as_it_is(void **state)
{
    (void)state;
    yes("a\\*b", "a*b");
    yes("\\[a]", "[a]");
    yes("\\{a,b\\}", "{a,b}");
    yes("a\\\\b", "a\\b");
    yes("\\a", "a");
    no("a\\*b", "aXb");
    no("\\?", "a");
}

static void braces_are_alternatives(void **state)
{
    (void)state;
    yes("a.{c,h}", "a.c");
    yes("a.{c,h}", "a.h");
    yes("{src,lib}/**/*.{c,h}", "lib/x/y.h");
    yes("{a,b{c,d}}e", "bde");
    yes("{a,b{c,d}}e", "ae");
    yes("x{,y}", "x");
    yes("x{,y}", "xy");
    yes("{a/b,c}/d", "a/b/d");
    yes("{a}", "a");
    yes("a,b", "a,b");
    yes("a}", "a}");
    yes("{[,],x}", ",");
    yes("{a\\,b,c}", "a,b");
    yes("{a/,}**", "a/b/c"); /* the stars are a whole part in both */
    yes("**{/a,/b}", "x/y/b");
    no("a.{c,h}", "a.");
    no("{a,b}", "{a,b}");
    no("{a,b{c,d}}e", "be");
    no("{a\\,b,c}", "a");
}

static void a_leading_dot_part_is_dropped(void **state)
{
    (void)state;
    yes("./*.c", "a.c");
    yes("././a", "a");
    yes("./{a,b}", "b");
}

static void malformed_patterns_are_named_and_match_nothing(void **state)
{
    (void)state;
    assert_null(glob_check("src/**/*.[ch]"));
    assert_null(glob_check("{a,b}"));
    assert_null(glob_check("a}b]"));
    assert_string_equal(glob_check(""), "it is empty");
    assert_string_equal(glob_check("a[b"), "'[' is not closed");
    assert_string_equal(glob_check("[]"), "'[' is not closed");
    assert_string_equal(glob_check("[[:alpha:]"), "'[' is not closed");
    assert_string_equal(glob_check("a{b"), "'{' is not closed");
    assert_string_equal(glob_check("{a,{b}"), "'{' is not closed");
    assert_non_null(strstr(glob_check("[[:letter:]]"), "unknown character class"));
    assert_string_equal(glob_check("a\\"), "it ends in a backslash");
    no("a[b", "a[b");
    no("{a,[}", "a");
    no("a\\", "a\\");
}

static void braces_nest_eight_deep(void **state)
{
    (void)state;
    assert_null(glob_check("{{{{{{{{a,b}}}}}}}}"));
    yes("{{{{{{{{a,b}}}}}}}}", "b");
    assert_non_null(strstr(glob_check("{{{{{{{{{a,b}}}}}}}}}"), "deeper than 8"));
}

static void what_braces_stand_for_is_bounded(void **state)
{
    (void)state;
    assert_null(glob_check("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"));
    yes("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "abbabaabba");
    char text[2000] = "";
    for (int i = 0; i < 60; i++)
        strcat(text, "{a,b}");
    assert_non_null(strstr(glob_check(text), "too many patterns"));
    char longest[4200];
    memset(longest, 'a', sizeof longest);
    longest[4097] = '\0';
    assert_non_null(strstr(glob_check(longest), "longer than 4,096"));
    longest[4096] = '\0';
    assert_null(glob_check(longest));
}

/* By backtracking these take longer than the universe has; the test suite's time limit would tell. */
static void no_pattern_takes_exponential_time(void **state)
{
    (void)state;
    char path[4097];
    memset(path, 'a', sizeof path);
    for (int i = 15; i < 4096; i += 16)
        path[i] = '/';
    path[4095] = '\0'; /* in place of a last slash */
    no("**/**/**/**/**/a*a*a*a*a*a*a*a*b", path);
    no("**/a*/**/a*/**/a*/**/a*/**/a*/**/a*/**/b", path);
    yes("**/a*/**/a*/**/a*/**/a*/**/a*/**/a*/**/a*a*a", path);
    char stars[4096] = "";
    for (int i = 0; i < 1000; i++)
        strcat(stars, "*a");
    strcat(stars, "b");
    memset(path, 'a', 4096);
    path[4096] = '\0';
    no(stars, path);
}

static void the_digest_covers_paths_and_their_order(void **state)
{
    (void)state;
    struct strvec a = STRVEC_INIT, b = STRVEC_INIT;
    assert_true(digest_eq(glob_digest(&a), glob_digest(&b)));
    strvec_add(&a, "ab");
    assert_false(digest_eq(glob_digest(&a), glob_digest(&b)));
    strvec_add(&b, "a");
    strvec_add(&b, "b");
    assert_false(digest_eq(glob_digest(&a), glob_digest(&b)));
    strvec_clear(&a);
    strvec_add(&a, "a");
    strvec_add(&a, "b");
    assert_true(digest_eq(glob_digest(&a), glob_digest(&b)));
    strvec_clear(&a);
    strvec_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(star_stays_in_a_part),
        cmocka_unit_test(question_mark_is_one_character),
        cmocka_unit_test(two_stars_are_any_number_of_parts),
        cmocka_unit_test(a_later_choice_takes_back_an_earlier_one),
        cmocka_unit_test(sets_hold_ranges_classes_and_escapes),
        cmocka_unit_test(every_class_knows_its_members),
        cmocka_unit_test(backslash_takes_the_next_character_as_it_is),
        cmocka_unit_test(braces_are_alternatives),
        cmocka_unit_test(a_leading_dot_part_is_dropped),
        cmocka_unit_test(malformed_patterns_are_named_and_match_nothing),
        cmocka_unit_test(braces_nest_eight_deep),
        cmocka_unit_test(what_braces_stand_for_is_bounded),
        cmocka_unit_test(no_pattern_takes_exponential_time),
        cmocka_unit_test(the_digest_covers_paths_and_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
