/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lua/srcpos.h"

/* Finds and checks the place as "level line:col". */
static void finds(const char *text, struct srcpos_query q, const char *expected)
{
    static const char *const levels[] = {"nothing", "line", "call", "name", "field", "value"};
    struct srcpos *s = srcpos_new(text, strlen(text));
    uint32_t line = 0, col = 0;
    enum srcpos_level level = srcpos_find(s, &q, &line, &col);
    char got[64];
    snprintf(got, sizeof got, "%s %u:%u", levels[level], line, col);
    srcpos_free(s);
    assert_string_equal(got, expected);
}
#define Q(...) ((struct srcpos_query){__VA_ARGS__})

static void finds_the_name(void **state)
{
    (void)state;
    finds("test \"a\" {}", Q(.line = 1, .call = "test", .name = "a"), "name 1:6");
    finds("x = 1\n  test(\"a\", {})", Q(.line = 2, .call = "test", .name = "a"), "name 2:8");
    finds("test 'a' {} test 'b' {}", Q(.line = 1, .call = "test", .name = "b"), "name 1:18");
    finds("test [[a]] {}", Q(.line = 1, .call = "test", .name = "a"), "name 1:6");
    finds("test \"a\\x62\\99\" {}", Q(.line = 1, .call = "test", .name = "abc"), "name 1:6");
    finds("test\n  \"a\" {}", Q(.line = 1, .call = "test", .name = "a"), "name 2:3");
}

static void a_computed_name_gives_the_call(void **state)
{
    (void)state;
    finds("for i = 1, 3 do\n  test(\"t\" .. i, {})\nend", Q(.line = 2, .call = "test", .name = "t1"), "call 2:3");
    finds("local t = cc.test { name = n }", Q(.line = 1, .call = "test", .name = "n"), "call 1:14");
    finds("unit(1)", Q(.line = 1, .call = "test", .name = "n"), "call 1:1");
    finds("  x = 1", Q(.line = 1, .call = "test"), "line 1:3");
    finds("\n\n", Q(.line = 1, .call = "test"), "nothing 0:0");
}

static void finds_a_field_of_the_outer_table(void **state)
{
    (void)state;
    const char *text = "test \"a\" {\n  env = { cmd = \"x\" },\n  cmd = \"y\",\n}\n";
    finds(text, Q(.line = 1, .call = "test", .name = "a", .field = "cmd"), "field 3:3");
    finds(text, Q(.line = 1, .call = "test", .name = "a", .field = "env"), "field 2:3");
    finds("test(\"a\", f { x = { deps = {} } })", Q(.line = 1, .call = "test", .name = "a", .field = "deps"),
          "field 1:21");
    finds("test \"a\" { [\"cmd\"] = 1 }", Q(.line = 1, .call = "test", .name = "a", .field = "cmd"), "field 1:13");
    finds("test \"a\" { x = cmd == 1, }\ntest \"b\" { cmd = 1 }",
          Q(.line = 1, .call = "test", .name = "a", .field = "cmd"), "name 1:6");
}

static void finds_a_value_within_its_field(void **state)
{
    (void)state;
    const char *text = "test \"a\" { inputs = { \"b\", \"c\" }, deps = { \"b\" } }";
    finds(text, Q(.line = 1, .call = "test", .name = "a", .field = "deps", .value = "b"), "value 1:44");
    finds(text, Q(.line = 1, .call = "test", .name = "a", .field = "inputs", .value = "c"), "value 1:28");
    finds(text, Q(.line = 1, .call = "test", .name = "a", .field = "inputs", .value = "z"), "field 1:12");
    finds(text, Q(.line = 1, .call = "test", .name = "a", .value = "c"), "value 1:28");
}

static void a_value_may_be_written_in_other_ways(void **state)
{
    (void)state;
    const char *text = "test \"a\" { inputs = { \"./x/../c\" }, deps = { \":b\" }, outputs = { \"//lib/o\" } }";
    finds(text, Q(.line = 1, .name = "a", .field = "inputs", .value = "lib/c", .dir = "lib"), "value 1:23");
    finds(text, Q(.line = 1, .name = "a", .field = "deps", .value = "lib:b", .dir = "lib"), "value 1:46");
    finds(text, Q(.line = 1, .name = "a", .field = "outputs", .value = "lib/o", .dir = "lib"), "value 1:66");
    finds(text, Q(.line = 1, .name = "a", .field = "deps", .value = "b", .dir = ""), "value 1:46");
}

static void comments_and_strings_are_no_code(void **state)
{
    (void)state;
    const char *text =
        "-- test \"a\" { cmd = 1 }\n--[[ test\n\"a\" ]] local s = \"{ cmd = 1\" local l = [==[\n{ ]] cmd = "
        "]==]\ntest \"a\" { -- cmd = 1\n  --[==[ cmd ]] ]==] cmd = 2 }";
    finds(text, Q(.line = 5, .call = "test", .name = "a", .field = "cmd"), "field 6:22");
    finds("test \"a\" { s = \"}\", cmd = 1 }", Q(.line = 1, .call = "test", .name = "a", .field = "cmd"), "field 1:21");
}

static void unfinished_text_is_survived(void **state)
{
    (void)state;
    static const char *const texts[] = {"test \"a",  "test [[a", "test [==[a]]", "--[[", "test \"a\" {",
                                        "test \"\\", "[",        "\"\\z   "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct srcpos *s = srcpos_new(texts[i], strlen(texts[i]));
        uint32_t line, col;
        struct srcpos_query q = {.line = 1, .call = "test", .name = "a", .field = "cmd", .value = "x"};
        srcpos_find(s, &q, &line, &col);
        srcpos_free(s);
    }
}

static void finds_words(void **state)
{
    (void)state;
    const char *text = "local x = = 1\nfoo = bar(foo)";
    struct srcpos *s = srcpos_new(text, strlen(text));
    uint32_t col = 0;
    assert_true(srcpos_word(s, 1, "=", true, &col));
    assert_int_equal(col, 11);
    assert_true(srcpos_word(s, 2, "foo", false, &col));
    assert_int_equal(col, 1);
    assert_true(srcpos_word(s, 2, "foo", true, &col));
    assert_int_equal(col, 11);
    assert_false(srcpos_word(s, 1, "foo", false, &col));
    assert_int_equal(srcpos_first_col(s, 2), 1);
    assert_int_equal(srcpos_first_col(s, 3), 1);
    srcpos_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_name),
        cmocka_unit_test(a_computed_name_gives_the_call),
        cmocka_unit_test(finds_a_field_of_the_outer_table),
        cmocka_unit_test(finds_a_value_within_its_field),
        cmocka_unit_test(a_value_may_be_written_in_other_ways),
        cmocka_unit_test(comments_and_strings_are_no_code),
        cmocka_unit_test(unfinished_text_is_survived),
        cmocka_unit_test(finds_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
